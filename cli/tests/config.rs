//! `--config`: what a file of settings says counts as the flags do, and what is wrong with it is said with its place.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::path::Path;
use std::process::Output;

use once::failure;
use serde_json::Value;

#[allow(dead_code, reason = "each test file uses its part")]
#[path = "support/once.rs"]
mod once;

#[test]
fn each_mistake_in_a_file_has_its_code_and_its_line() {
    let dir = tempfile::tempdir().unwrap();
    let cases: &[(&str, &str, &str)] = &[
        (
            "version = 1\n[path]\nroot = \n",
            "E-CFG-21",
            "ravelin.toml:3: column 8: ",
        ),
        (
            "version = 1\n[path]\nroot = 'a'\nroot = 'b'\n",
            "E-CFG-21",
            "ravelin.toml:4: column 1: ",
        ),
        (
            "[path]\n",
            "E-CFG-22",
            "ravelin.toml:1: the file does not say its version",
        ),
        (
            "# later\nversion = 2\n[new]\n",
            "E-CFG-22",
            "ravelin.toml:2: a version that this program does not know",
        ),
        (
            "version = '1'\n",
            "E-CFG-22",
            "ravelin.toml:1: a version that this program does not know",
        ),
        (
            "version = 1\n\n[pth]\nroot = 'a'\n",
            "E-CFG-23",
            "ravelin.toml:3: there is no table [pth]; the tables are [bridge], [files], [inspect], [path], [proxy]",
        ),
        (
            "version = 1\nroot = 'a'\n",
            "E-CFG-23",
            "ravelin.toml:2: the key `root` stands outside the tables",
        ),
        (
            "version = 1\n[path]\nmax-dept = 3\n",
            "E-CFG-24",
            "ravelin.toml:3: [path] has no key `max-dept`; did you mean `max-depth`?",
        ),
        // A table of a command that does not run.
        (
            "version = 1\n[path]\n[files]\nquota = 3\n",
            "E-CFG-24",
            "ravelin.toml:4: [files] has no key `quota`; its keys are root",
        ),
        (
            "version = 1\n[path.rules]\n",
            "E-CFG-24",
            "ravelin.toml:2: [path] has no key `rules`",
        ),
        (
            "version = 1\npath = 3\n",
            "E-CFG-25",
            "ravelin.toml:2: `path` is a number, and not a table; write its keys below [path]",
        ),
        (
            "version = 1\n[[path]]\n",
            "E-CFG-25",
            "ravelin.toml:2: `path` is a list, and not a table",
        ),
        (
            "version = 1\n[path]\nroot = true\n",
            "E-CFG-25",
            "ravelin.toml:3: `root` in [path] is a boolean, and its flag takes a string or a number",
        ),
        (
            "version = 1\n[path]\nroot = ['a']\n",
            "E-CFG-25",
            "ravelin.toml:3: `root` in [path] is a list, ",
        ),
        (
            "version = 1\n[path]\nread-only = 'yes'\n",
            "E-CFG-25",
            "ravelin.toml:3: `read-only` in [path] is a string, and its flag takes true or false",
        ),
        (
            "version = 1\n[path]\nallow-ext = [['md']]\n",
            "E-CFG-25",
            "ravelin.toml:3: `allow-ext` in [path] is a list, and its flag takes strings or numbers",
        ),
        (
            "version = 1\n[path]\nallow-ext = {}\n",
            "E-CFG-25",
            "ravelin.toml:3: `allow-ext` in [path] is a table, ",
        ),
        (
            "version = 1\n[path]\nallow-ext = 1979-05-27\n",
            "E-CFG-25",
            "ravelin.toml:3: `allow-ext` in [path] is a date or time, ",
        ),
        // Nothing is allowed, or everything?
        (
            "version = 1\n[path]\nallow-ext = []\n",
            "E-CFG-25",
            "ravelin.toml:3: `allow-ext` in [path] is an empty list",
        ),
        (
            "version = 1\n[path]\nlines = true\n",
            "E-CFG-26",
            "ravelin.toml:3: `lines` in [path] belongs on the command line: ",
        ),
        (
            "version = 1\n[path]\nconfig = 'other.toml'\n",
            "E-CFG-26",
            "ravelin.toml:3: `config` in [path] belongs on the command line: ",
        ),
        (
            "version = 1\n[path]\nlinks = 'all'\n",
            "E-CFG-27",
            "ravelin.toml:3: `links` in [path]: invalid value 'all' for '--links <LINKS>'",
        ),
        (
            "version = 1\n[path]\nmax-size = -1\n",
            "E-CFG-27",
            "ravelin.toml:3: `max-size` in [path]: invalid value '-1'",
        ),
        (
            "version = 1\n[path]\n[proxy]\nhandshake-timeout = 0\n",
            "E-CFG-27",
            "ravelin.toml:4: `handshake-timeout` in [proxy]: invalid value '0'",
        ),
        (
            "version = 1\n[path]\nowner = 1\nowner-or-root = 2\n",
            "E-CFG-27",
            "ravelin.toml:4: `owner-or-root` in [path]: the argument '--owner <UID>' cannot be used with",
        ),
        (
            "version = 1\n[path]\nread-only = true\nopen = true\n",
            "E-CFG-27",
            "ravelin.toml:4: `open` in [path]: the following required arguments were not provided: --root <DIR>",
        ),
        (
            "version = 1\n[files]\nroot = 'a'\n",
            "E-CFG-28",
            "ravelin.toml:4: the file ends without a table [path]",
        ),
    ];
    for (file, code, text) in cases {
        let output = configured(dir.path(), file, &["a"]);
        refused(&output, 3, code, text);
    }
}

#[test]
fn a_file_that_is_none_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ravelin.toml");
    let check = || check(dir.path(), &["--config", "ravelin.toml", "a"]);
    refused(&check(), 3, "E-CFG-20", "cannot read ravelin.toml: ");
    fs::write(&path, vec![b'#'; (1 << 20) + 1]).unwrap();
    refused(
        &check(),
        3,
        "E-CFG-20",
        "cannot read ravelin.toml: larger than 1 MiB",
    );
    fs::write(&path, b"version = 1\n# \xff\n[path]\n").unwrap();
    refused(
        &check(),
        3,
        "E-CFG-21",
        "ravelin.toml:2: column 3: not UTF-8",
    );
    for deep in ["[".repeat(500_000), "{a=".repeat(300_000)] {
        fs::write(&path, format!("version = 1\n[path]\nroot = {deep}")).unwrap();
        refused(&check(), 3, "E-CFG-21", "ravelin.toml:3: column ");
    }
    // At the limit, with a byte order mark and the line ends of Windows.
    let start = "\u{feff}version = 1\r\n[path]\r\nmax-depth = 1\r\n#";
    let file = format!("{start}{}", "x".repeat((1 << 20) - start.len()));
    fs::write(&path, file).unwrap();
    assert_eq!(check().status.code(), Some(0));
}

#[test]
fn a_wrong_command_line_stays_one() {
    let dir = tempfile::tempdir().unwrap();
    let file = "version = 1\n[path]\nmax-depth = 2\nroot = 'notes'\n";
    for arguments in [
        &["a", "--no-such-flag"][..],
        &["a", "--max-depth", "x"],
        &["--max-depth", "x", "a"],
        &["a", "--owner", "1", "--owner-or-root", "2"],
        &["a", "--config", "another"],
        &[],
    ] {
        let output = configured(dir.path(), file, arguments);
        refused(&output, 2, "E-USE-01", "");
    }
    let output = check(dir.path(), &["a", "--config"]);
    refused(&output, 2, "E-USE-01", "a value is required for '--config");
    // Two halves of one contradiction: the file has to yield, or be corrected.
    let output = configured(
        dir.path(),
        "version = 1\n[path]\nowner = 1\n",
        &["--owner-or-root", "2", "a"],
    );
    refused(
        &output,
        3,
        "E-CFG-27",
        "ravelin.toml:3: `owner` in [path]: ",
    );
    // Help needs no file.
    let output = check(dir.path(), &["--config", "missing", "--help"]);
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn the_command_line_wins_flag_by_flag() {
    let dir = tempfile::tempdir().unwrap();
    let file = "version = 1\n[path]\nallow-ext = ['md', 'txt']\nmax-depth = 1\njson = false\n";
    let codes = |arguments: &[&str]| {
        let arguments = [arguments, &["--json", "a.md", "b.txt", "c.pem", "d/a.md"]].concat();
        codes(&configured(dir.path(), file, &arguments))
    };
    let (extension, depth) = ("E-PTH-34", "E-PTH-28");
    assert_eq!(codes(&[]), ["allowed", "allowed", extension, depth]);
    // A list is replaced as a whole.
    assert_eq!(
        codes(&["--allow-ext", "pem"]),
        [extension, extension, "allowed", depth]
    );
    assert_eq!(
        codes(&["--max-depth", "2"]),
        ["allowed", "allowed", extension, "allowed"]
    );
}

#[test]
#[cfg(unix)]
fn what_a_flag_requires_may_stand_in_the_file() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a"), "").unwrap();
    let file = "version = 1\n[path]\nroot = ''\n";
    let output = configured(dir.path(), file, &["--open", "a"]);
    refused(
        &output,
        3,
        "E-CFG-27",
        "ravelin.toml:3: `root` in [path]: a value is required",
    );
    let output = configured(
        dir.path(),
        "version = 1\n[path]\nroot = '.'\n",
        &["--open", "a"],
    );
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}

#[test]
fn a_relative_path_starts_where_the_file_lies() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("etc");
    fs::create_dir(&folder).unwrap();
    fs::write(
        folder.join("ravelin.toml"),
        "version = 1\n[path]\nroot = 'notes'\n",
    )
    .unwrap();
    let below = |place: &Path| {
        let path = place.join("notes").join("a").to_str().unwrap().to_owned();
        let config = ["--config", "etc/ravelin.toml"];
        let dialect = if cfg!(windows) { "windows" } else { "posix" };
        let arguments = ["--json", "--dialect", dialect, &path];
        codes(&check(dir.path(), &[&config[..], &arguments].concat()))
    };
    assert_eq!(below(&folder), ["allowed"]);
    assert_eq!(below(dir.path()), ["E-PTH-13"]);
}

#[test]
fn explain_has_the_same_table() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(
        dir.path().join("ravelin.toml"),
        "version = 1\n[path]\nmax-depth = 1\njson = true\n",
    )
    .unwrap();
    let arguments = ["explain", "--config", "ravelin.toml", "a/b"];
    let output = once::run(dir.path(), "path", &arguments);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["code"], "E-PTH-28");
}

#[test]
#[cfg(unix)]
fn files_takes_its_root_from_the_file() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("etc/docs")).unwrap();
    let start = |root: &str| {
        let file = format!("version = 1\n[files]\nroot = '{root}'\n");
        fs::write(dir.path().join("etc/ravelin.toml"), file).unwrap();
        once::run(dir.path(), "files", &["--config", "etc/ravelin.toml"])
    };
    // A client that leaves at once is no failure.
    assert_eq!(start("docs").status.code(), Some(0));
    let output = start("etc/docs");
    refused(&output, 3, "E-FILE-12", "etc/etc/docs");
}

#[test]
fn the_example_of_the_guide_is_taken() {
    let dir = tempfile::tempdir().unwrap();
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guide.md");
    let guide = fs::read_to_string(guide).unwrap();
    let (_, example) = guide.split_once("```toml\nversion = 1\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    let file = format!("version = 1\n{example}");
    let output = configured(dir.path(), &file, &["--json", "may.md", "id_rsa"]);
    assert_eq!(codes(&output), ["allowed", "E-PTH-34"]);
}

fn configured(folder: &Path, file: &str, arguments: &[&str]) -> Output {
    fs::write(folder.join("ravelin.toml"), file).unwrap();
    check(folder, &[&["--config", "ravelin.toml"], arguments].concat())
}

fn check(folder: &Path, arguments: &[&str]) -> Output {
    once::run(folder, "path", &[&["check"], arguments].concat())
}

/// The code of each verdict.
fn codes(output: &Output) -> Vec<String> {
    let text = std::str::from_utf8(&output.stdout).unwrap();
    text.lines()
        .map(|line| {
            let verdict: Value = serde_json::from_str(line).unwrap();
            verdict["code"].as_str().unwrap_or("allowed").to_owned()
        })
        .collect()
}

#[track_caller]
fn refused(output: &Output, exit: i32, code: &str, text: &str) {
    let told = String::from_utf8(output.stderr.clone()).unwrap();
    let last = told.lines().last().unwrap_or_default();
    assert_eq!(
        (output.status.code(), failure(output).as_str()),
        (Some(exit), code),
        "{last}"
    );
    let (cause, remedy) = last.split_once("; ").unwrap();
    assert!(
        last.contains(text) && !cause.is_empty() && !remedy.is_empty(),
        "{last}\nlacks {text}"
    );
    assert!(output.stdout.is_empty());
}
