//! Every failure ends stderr with `error CODE: cause; remedy` and has its exit code.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

fn ravelin(dir: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ravelin"))
        .current_dir(dir)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// The code of the last line of stderr, after checking the line's form.
fn code(output: &Output) -> String {
    let stderr = String::from_utf8(output.stderr.clone()).unwrap();
    let last = stderr.strip_suffix('\n').unwrap().lines().last().unwrap();
    let (code, message) = last
        .strip_prefix("error ")
        .and_then(|rest| rest.split_once(": "))
        .unwrap_or_else(|| panic!("not an error line: {last:?}"));
    let (cause, remedy) = message.split_once("; ").unwrap();
    assert!(
        !cause.trim().is_empty() && !remedy.trim().is_empty(),
        "{last}"
    );
    assert!(!stderr.contains('\u{1b}'), "colour without a terminal");
    code.to_owned()
}

#[test]
fn mistakes_end_with_their_line_and_exit_code() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    fs::write(
        dir.path().join("damaged"),
        "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n",
    )
    .unwrap();
    fs::create_dir(dir.path().join("half")).unwrap();
    fs::write(dir.path().join("half/ca.pem"), "").unwrap();
    let mistakes: &[(&[&str], i32, &str)] = &[
        (&[], 2, "E-USE-01"),
        (&["no-such-command"], 2, "E-USE-01"),
        (&["--no-such-flag"], 2, "E-USE-01"),
        (&["dev-ca"], 2, "E-USE-01"),
        (&["dev-ca", "--out"], 2, "E-USE-01"),
        (&["dev-ca", "--out", "x", "--days", "0"], 2, "E-USE-01"),
        (&["dev-ca", "--out", "x", "--days", "3651"], 2, "E-USE-01"),
        (&["dev-ca", "--out", "x", "--days", "soon"], 2, "E-USE-01"),
        (&["dev-ca", "--out", "x", "extra"], 2, "E-USE-01"),
        (&["dev-ca", "--out", "x", "--server", "a b"], 2, "E-CA-01"),
        (&["dev-ca", "--out", "x", "--client", "../x"], 2, "E-CA-01"),
        (&["dev-ca", "--out", "x", "--client", "ca"], 2, "E-CA-02"),
        (
            &["dev-ca", "--out", "x", "--server", "a", "--client", "A"],
            2,
            "E-CA-02",
        ),
        (&["dev-ca", "--out", "half"], 3, "E-CA-05"),
        (&["dev-ca", "--out", "file"], 3, "E-CLI-03"),
        (&["dev-ca", "--out", "file/x"], 3, "E-CLI-03"),
        #[cfg(target_os = "linux")]
        (&["dev-ca", "--out", "/proc/x"], 6, "E-CLI-04"),
        (&["pin"], 2, "E-USE-01"),
        (&["pin", "missing"], 3, "E-CLI-03"),
        (&["pin", "."], 3, "E-CLI-03"),
        (&["pin", "/dev/zero"], 3, "E-CLI-03"),
        (&["pin", "file"], 3, "E-CLI-05"),
        (&["pin", "damaged"], 3, "E-CLI-05"),
        (&["files"], 2, "E-USE-01"),
        (&["path"], 2, "E-USE-01"),
        (&["path", "check"], 2, "E-USE-01"),
        (&["path", "explain"], 2, "E-USE-01"),
        #[cfg(unix)]
        (&["files", "--root", "missing"], 3, "E-FILE-12"),
        #[cfg(unix)]
        (&["files", "--root", "file"], 3, "E-FILE-12"),
    ];
    for (arguments, exit, expected) in mistakes {
        let output = ravelin(dir.path(), arguments);
        assert_eq!(code(&output), *expected, "{arguments:?}");
        assert_eq!(output.status.code(), Some(*exit), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
    assert!(
        !dir.path().join("x").exists(),
        "a refused run made its directory"
    );
}

#[test]
fn the_remedy_for_a_wrong_command_line_names_the_command() {
    let dir = tempfile::tempdir().unwrap();
    let output = ravelin(dir.path(), &["dev-ca"]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        stderr.lines().last(),
        Some(
            "error E-USE-01: the following required arguments were not provided: --out <DIR>; run `ravelin dev-ca --help`"
        )
    );
}

#[test]
fn help_and_version_succeed_on_stdout() {
    let dir = tempfile::tempdir().unwrap();
    for arguments in [
        &["--help"][..],
        &["--version"],
        &["help", "dev-ca"],
        &["dev-ca", "--help"],
        &["files", "-h"],
    ] {
        let output = ravelin(dir.path(), arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(
            output.stderr.is_empty() && !output.stdout.is_empty(),
            "{arguments:?}"
        );
    }
}

#[test]
fn a_reader_that_went_away_is_no_failure_and_a_full_disk_is_one() {
    let dir = tempfile::tempdir().unwrap();
    let run = |out: &str, stdout: Stdio| {
        Command::new(env!("CARGO_BIN_EXE_ravelin"))
            .current_dir(dir.path())
            .args(["dev-ca", "--out", out])
            .stdout(stdout)
            .stderr(Stdio::piped())
            .output()
            .unwrap()
    };
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = run("a", writer.into());
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty());

    if let Ok(full) = fs::OpenOptions::new().write(true).open("/dev/full") {
        let output = run("b", full.into());
        assert_eq!(output.status.code(), Some(6));
        assert_eq!(code(&output), "E-CLI-01");
    }
}

#[test]
#[cfg(unix)]
fn a_name_that_is_not_utf8_is_a_wrong_command_line() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    let output = Command::new(env!("CARGO_BIN_EXE_ravelin"))
        .args(["dev-ca", "--out", "x", "--server"])
        .arg(OsStr::from_bytes(b"\xff"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(code(&output), "E-USE-01");
}
