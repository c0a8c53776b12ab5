//! `ravelin path` judges paths, opens them when asked to, and explains its verdicts.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::path::Path;
use std::process::Output;

use once::failure;
use serde_json::{Value, json};

#[path = "support/once.rs"]
mod once;

#[test]
fn each_rule_flag_refuses_by_its_code() {
    let dir = tempfile::tempdir().unwrap();
    let cases: &[(&[&str], &str, &str)] = &[
        (&[], "notes/may.md", "allowed"),
        (&[], "", "E-PTH-01"),
        (&[], "../etc/passwd", "E-PTH-16"),
        (&[], "a/./b", "E-PTH-15"),
        (&[], "a//b", "E-PTH-14"),
        (&[], "a\\b", "E-PTH-18"),
        (&["--dialect", "posix"], "a\\b", "allowed"),
        (&["--dialect", "posix"], "NUL.txt", "allowed"),
        (&["--dialect", "portable"], "NUL.txt", "E-PTH-23"),
        (&["--dialect", "windows"], "a\\b", "allowed"),
        (&["--dialect", "windows"], "a\\NUL.txt", "E-PTH-23"),
        (
            &["--dialect", "windows", "--root", "C:\\srv"],
            "c:\\srv\\a",
            "allowed",
        ),
        (
            &["--dialect", "windows", "--root", "C:\\srv"],
            "D:\\a",
            "E-PTH-13",
        ),
        (&["--root", "/srv/notes"], "/srv/notes/a", "allowed"),
        (&["--root", "/srv/notes"], "/srv/notes-old/a", "E-PTH-13"),
        (&[], "/srv/notes/a", "E-PTH-11"),
        (
            &["--root", "/srv", "--absolute", "denied"],
            "/srv/a",
            "E-PTH-11",
        ),
        (
            &["--root", "/srv", "--absolute", "required"],
            "a",
            "E-PTH-12",
        ),
        (
            &["--root", "/srv", "--absolute", "required"],
            "/srv/a",
            "allowed",
        ),
        (&["--max-depth", "2"], "a/b", "allowed"),
        (&["--max-depth", "2"], "a/b/c", "E-PTH-28"),
        (&["--allow-ext", "md,txt"], "a.TXT", "allowed"),
        (
            &["--allow-ext", "md", "--allow-ext", "txt"],
            "a.md",
            "allowed",
        ),
        (&["--allow-ext", "md"], "a.pem", "E-PTH-34"),
        (&["--allow-ext", "md"], "id_rsa", "E-PTH-34"),
        (&["--forbid-ext", "pem"], "a.pem", "E-PTH-33"),
        (&["--forbid", ".git"], ".GIT/config", "E-PTH-32"),
        (&["--forbid", ".git"], ".github", "allowed"),
        (&["--deny-percent"], "a%2fb", "E-PTH-05"),
        (&[], "a%2fb", "allowed"),
        (&["--read-only", "--op", "replace"], "a", "E-PTH-31"),
        (&["--read-only", "--op", "list"], "a", "allowed"),
        (&["--op", "create"], "a/", "E-PTH-30"),
        (&["--op", "make-directory"], "a/", "allowed"),
        // Only with --uri is a URI one; without it, it is a name with a colon.
        (&[], "file:///srv/a", "E-PTH-20"),
        (&["--root", "/srv", "--uri"], "file:///srv/a%20b", "allowed"),
        (
            &["--root", "/srv", "--uri"],
            "FILE:///srv/a%2fb",
            "E-PTH-39",
        ),
        (
            &["--root", "/srv", "--uri"],
            "file:///etc/passwd",
            "E-PTH-13",
        ),
        (
            &["--root", "/srv", "--uri"],
            "file://host/srv/a",
            "E-PTH-36",
        ),
        (&["--root", "/srv", "--uri"], "a", "allowed"),
    ];
    for (flags, path, expected) in cases {
        let output = run(
            dir.path(),
            &[&["check", "--json"], *flags, &["--", path]].concat(),
        );
        let verdict = &objects(&output)[0];
        let code = verdict["code"].as_str().unwrap_or("allowed");
        assert_eq!(code, *expected, "{flags:?} {path:?}: {verdict}");
        assert_eq!(verdict["path"], *path);
        let exit = if code == "allowed" { 0 } else { 4 };
        assert_eq!(output.status.code(), Some(exit), "{flags:?} {path:?}");
        if exit == 4 {
            assert_eq!(failure(&output), "E-CLI-11");
            let told = [&verdict["cause"], &verdict["remedy"]];
            assert!(told.iter().all(|text| !text.as_str().unwrap().is_empty()));
        }
    }
}

#[test]
fn one_row_a_path_names_the_verdict_the_rule_and_the_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(dir.path(), &["check", "a.md", "../x", "b\u{1b}[2J\nc"]);
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        stdout,
        "allowed  a.md\n\
         denied   ../x  E-PTH-16: the path has a component `..`; write the path that it leads to\n\
         denied   b\\u{1b}[2J\\nc  E-PTH-19: the path has a control character; rename the file\n"
    );
    assert_eq!(output.status.code(), Some(4));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        stderr,
        "error E-CLI-11: 2 of 3 paths were refused; see their verdicts\n"
    );
    let output = run(dir.path(), &["check", "a", "b"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty());
}

#[test]
fn paths_are_read_from_stdin_between_nul_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let output = piped(
        dir.path(),
        &["check", "-0", "--json"],
        b"a b\0two\nlines\0\0\xff\0last",
    );
    let codes: Vec<_> = objects(&output)
        .iter()
        .map(|verdict| verdict["code"].as_str().unwrap_or("allowed").to_owned())
        .collect();
    assert_eq!(
        codes,
        ["allowed", "E-PTH-19", "E-PTH-01", "E-PTH-04", "allowed"]
    );
    assert_eq!(
        (output.status.code(), failure(&output)),
        (Some(4), "E-CLI-11".to_owned())
    );

    let output = piped(
        dir.path(),
        &["check", "-0", "--dialect", "posix", "--accept-bytes"],
        b"\xff\0two\nlines\0",
    );
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(
        piped(dir.path(), &["check", "-0"], b"").status.code(),
        Some(0)
    );

    // What no path can be is not kept in memory.
    let output = piped(dir.path(), &["check", "-0"], &vec![b'a'; 1 << 17]);
    assert_eq!(
        (output.status.code(), failure(&output)),
        (Some(3), "E-CLI-10".to_owned())
    );
    let output = piped(dir.path(), &["check", "-0", "--json"], &vec![b'a'; 5000]);
    assert_eq!(objects(&output)[0]["code"], "E-PTH-02");
}

#[test]
fn lines_are_strings_or_objects_and_each_has_a_verdict() {
    let dir = tempfile::tempdir().unwrap();
    let lines = |lines: &[&str]| {
        let input = lines.join("\n");
        piped(
            dir.path(),
            &["check", "--lines", "--read-only"],
            input.as_bytes(),
        )
    };
    let output = lines(&[r#""a""#, r#"{"path":"b"}"#, r#"{"path":"b","op":"list"}"#]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        objects(&output),
        [
            json!({ "path": "a", "op": "read", "verdict": "allowed", "below": "a" }),
            json!({ "path": "b", "op": "read", "verdict": "allowed", "below": "b" }),
            json!({ "path": "b", "op": "list", "verdict": "allowed", "below": "b" }),
        ]
    );

    let output = lines(&[r#"{"path":"b","op":"remove"}"#, r#""a\u0000b""#, r#""c""#]);
    let codes: Vec<_> = objects(&output)
        .iter()
        .map(|line| line["code"].clone())
        .collect();
    assert_eq!(codes, [json!("E-PTH-31"), json!("E-PTH-03"), Value::Null]);
    assert_eq!(
        (output.status.code(), failure(&output)),
        (Some(4), "E-CLI-11".to_owned())
    );

    for bad in [
        "",
        "7",
        "a",
        "{",
        "{}",
        r#"{"path":"a","op":"x"}"#,
        r#"{"path":"a","more":1}"#,
    ] {
        let output = lines(&[bad, r#""../x""#]);
        let verdicts = objects(&output);
        assert_eq!(verdicts[0]["verdict"], "unreadable", "{bad}");
        assert_eq!(verdicts[1]["code"], "E-PTH-16", "{bad}");
        assert_eq!(
            (output.status.code(), failure(&output)),
            (Some(3), "E-CLI-10".to_owned())
        );
    }
}

#[test]
fn explain_shows_components_the_order_and_the_first_broken_rule() {
    let dir = tempfile::tempdir().unwrap();
    let explain = |arguments: &[&str]| {
        let output = run(dir.path(), &[&["explain"], arguments].concat());
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let text = explain(&["notes//../x"]);
    let expected = [
        "path       notes//../x",
        "component  notes",
        "component  (empty)  E-PTH-14",
        "component  ..  E-PTH-16",
        "component  x",
        "rules      1. the path as a whole: empty, length, NUL, UTF-8, percent sign: kept",
        "           2. how it begins: prefix, absolute or relative, under which root: kept",
        "           3. its components, from the left: E-PTH-14",
        "           4. what it asks for: depth, kind, read-only, forbidden subtrees, extensions: not asked",
        "verdict    denied",
        "rule       E-PTH-14",
        "cause      the path has two separators in a row",
        "remedy     write one",
    ];
    assert_eq!(text.lines().collect::<Vec<_>>(), expected);

    let outcomes = |arguments: &[&str]| {
        let report: Value =
            serde_json::from_str(&explain(&[&["--json"], arguments].concat())).unwrap();
        let stages = report["order"].as_array().unwrap().iter();
        let outcomes =
            stages.map(|stage| stage["outcome"].as_str().unwrap().chars().next().unwrap());
        let names = report["components"].as_array().unwrap().iter();
        let names: Vec<_> = names.map(|name| name["name"].as_str().unwrap()).collect();
        (
            outcomes.collect::<String>(),
            names.join("|"),
            report["code"].clone(),
        )
    };
    // k: kept, b: broken, n: not asked.
    let cases: &[(&[&str], &str, &str, Value)] = &[
        (&["a/b"], "kkkk", "a|b", Value::Null),
        (&["--deny-percent", "a%"], "bnnn", "a%", json!("E-PTH-05")),
        (&["/a"], "kbnn", "a", json!("E-PTH-11")),
        (
            &["--root", "/srv", "/srv/a/b/"],
            "kkkb",
            "srv|a|b",
            json!("E-PTH-30"),
        ),
        (&["--root", "/srv", "/srv/a/b"], "kkkk", "a|b", Value::Null),
        (
            &[
                "--root",
                "C:\\srv",
                "--dialect",
                "windows",
                "C:\\srv\\a\\con",
            ],
            "kkbn",
            "srv|a|con",
            json!("E-PTH-23"),
        ),
        (
            &["--root", "/srv", "--uri", "file:///srv/a%20b"],
            "kkkkk",
            "a b",
            Value::Null,
        ),
        (
            &["--root", "/srv", "--uri", "file:///srv/%2e%2e/a"],
            "kkkbn",
            "srv|..|a",
            json!("E-PTH-16"),
        ),
        (
            &["--uri", "file:///srv/%00"],
            "bnnnn",
            "",
            json!("E-PTH-03"),
        ),
        (&["--uri", "file:a?b"], "bnnnn", "", json!("E-PTH-36")),
    ];
    for (arguments, order, names, code) in cases {
        let expected = ((*order).to_owned(), (*names).to_owned(), code.clone());
        assert_eq!(outcomes(arguments), expected, "{arguments:?}");
    }
}

#[test]
fn what_cannot_be_asked_is_said_so() {
    let dir = tempfile::tempdir().unwrap();
    let cases: &[(&[&str], i32, &str)] = &[
        (&["check", "--lines", "a"], 2, "E-USE-01"),
        (&["check", "-0", "--lines"], 2, "E-USE-01"),
        (&["check", "--open", "a"], 2, "E-USE-01"),
        (
            &["check", "--root", ".", "--open", "--op", "create", "a"],
            2,
            "E-USE-01",
        ),
        (&["check", "--root", "../a", "a"], 3, "E-PTH-80"),
        (&["check", "--absolute", "required", "a"], 3, "E-PTH-82"),
        (&["check", "--allow-ext", "", "a"], 3, "E-PTH-83"),
        (
            &["check", "--allow-ext", "md", "--forbid-ext", ".MD", "a"],
            3,
            "E-PTH-84",
        ),
        (&["check", "--forbid", "a/../b", "a"], 3, "E-PTH-85"),
        (
            &["check", "--root", "/srv/a", "--forbid", "/srv", "a"],
            3,
            "E-PTH-86",
        ),
        (&["check", "--max-depth", "0", "a"], 3, "E-PTH-88"),
        (&["check", "--accept-bytes", "a"], 3, "E-PTH-89"),
        #[cfg(unix)]
        (
            &["check", "--root", "missing", "--open", "a"],
            3,
            "E-PTH-40",
        ),
        #[cfg(target_os = "linux")]
        (
            &["check", "--root", "/proc/self", "--open", "environ"],
            3,
            "E-PTH-49",
        ),
    ];
    for (arguments, exit, code) in cases {
        let output = run(dir.path(), arguments);
        assert_eq!(
            (output.status.code(), failure(&output).as_str()),
            (Some(*exit), *code),
            "{arguments:?}: {output:?}"
        );
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[cfg(target_os = "linux")]
mod open {
    use std::fs;
    use std::os::unix::fs::{MetadataExt as _, symlink};

    use rustix::fs::{CWD, FileType, Mode, mknodat};

    use super::*;

    /// A root with one of everything, and a secret beside it.
    fn stage() -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("root");
        fs::create_dir_all(root.join("sub/.git")).unwrap();
        fs::write(dir.path().join("secret"), "secret").unwrap();
        fs::write(root.join("sub/a.md"), "four").unwrap();
        fs::write(root.join("sub/.git/config"), "x").unwrap();
        fs::write(root.join("large"), "12345").unwrap();
        fs::write(root.join("two"), "2").unwrap();
        fs::hard_link(root.join("two"), root.join("names")).unwrap();
        symlink("sub/a.md", root.join("inside")).unwrap();
        symlink("../secret", root.join("outside")).unwrap();
        symlink("/proc/self/environ", root.join("environ")).unwrap();
        symlink("sub", root.join("door")).unwrap();
        mknodat(CWD, root.join("pipe"), FileType::Fifo, Mode::RUSR, 0).unwrap();
        dir
    }

    #[test]
    fn a_handle_is_judged_and_its_facts_are_told() {
        let dir = stage();
        let root = dir.path().join("root");
        let file = fs::metadata(root.join("sub/a.md")).unwrap();
        let opened = |resolved: &str| {
            json!({
                "dev": file.dev(), "ino": file.ino(), "size": 4, "kind": "file", "resolved": resolved,
            })
        };
        let absolute = root.join("sub/a.md");
        let (absolute, uri) = (
            absolute.to_str().unwrap(),
            format!("file://{}", absolute.display()),
        );
        let inside: &[&str] = &["--links", "inside"];
        let cases: &[(&[&str], &str, Result<(), &str>)] = &[
            (&[], "sub/a.md", Ok(())),
            (&[], absolute, Ok(())),
            (&["--uri"], &uri, Ok(())),
            (inside, "inside", Ok(())),
            (inside, "door/a.md", Ok(())),
            (&[], "missing", Err("E-PTH-40")),
            (&[], "sub", Err("E-PTH-50")),
            (&[], "sub/a.md/x", Err("E-PTH-42")),
            (&[], "inside", Err("E-PTH-44")),
            (&[], "environ", Err("E-PTH-44")),
            (&[], "/proc/self/environ", Err("E-PTH-13")),
            (inside, "outside", Err("E-PTH-45")),
            (inside, "environ", Err("E-PTH-45")),
            (&[], "pipe", Err("E-PTH-51")),
            (&["--max-size", "4"], "sub/a.md", Ok(())),
            (&["--max-size", "4"], "large", Err("E-PTH-55")),
            (&["--hard-links", "deny"], "names", Err("E-PTH-56")),
            (&["--owner", "4294967294"], "sub/a.md", Err("E-PTH-57")),
            // What a link leads to is asked, not its name.
            (
                &["--links", "inside", "--forbid", "sub/.git"],
                "door/.git/config",
                Err("E-PTH-58"),
            ),
            (
                &["--links", "inside", "--forbid-ext", "md"],
                "inside",
                Err("E-PTH-33"),
            ),
        ];
        for (flags, path, expected) in cases {
            let output = run(
                &root,
                &[
                    &[
                        "check",
                        "--root",
                        root.to_str().unwrap(),
                        "--open",
                        "--json",
                    ],
                    *flags,
                    &[path],
                ]
                .concat(),
            );
            let verdict = &objects(&output)[0];
            match expected {
                Ok(()) => {
                    assert_eq!(
                        verdict["opened"],
                        opened("sub/a.md"),
                        "{flags:?} {path}: {verdict}"
                    );
                    assert_eq!(output.status.code(), Some(0));
                }
                Err(code) => {
                    assert_eq!(verdict["code"], *code, "{flags:?} {path}: {verdict}");
                    assert!(verdict.get("opened").is_none());
                    assert_eq!(output.status.code(), Some(4));
                }
            }
        }
    }

    #[test]
    fn rows_and_explanations_say_what_was_opened() {
        let dir = stage();
        let file = fs::metadata(dir.path().join("root/sub/a.md")).unwrap();
        let facts = format!(
            "file, 4 bytes, dev {}, ino {}, at sub/a.md",
            file.dev(),
            file.ino()
        );
        // A root that is written in a relative way is the same one.
        let asked = ["--root", "root/", "--open", "sub/a.md"];
        let output = run(dir.path(), &[&["check"], &asked[..]].concat());
        assert_eq!(
            String::from_utf8(output.stdout).unwrap(),
            format!("opened   sub/a.md  {facts}\n")
        );
        let output = run(dir.path(), &[&["explain"], &asked[..]].concat());
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(
            text.contains(
                "           5. what was opened: links, mounts, kind, size, owner: kept\n"
            )
        );
        assert!(
            text.ends_with(&format!("opened     {facts}\nverdict    allowed\n")),
            "{text}"
        );

        let output = run(dir.path(), &["explain", "--root", "root", "--open", "pipe"]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(
            text.contains("owner: E-PTH-51\n") && text.contains("rule       E-PTH-51\n"),
            "{text}"
        );
        assert_eq!(output.status.code(), Some(0));
    }

    #[test]
    fn a_line_that_asks_for_more_than_reading_opens_nothing() {
        let dir = stage();
        let output = piped(
            dir.path(),
            &["check", "--root", "root", "--open", "--lines"],
            b"{\"path\":\"new\",\"op\":\"create\"}\n\"two\"\n",
        );
        let verdicts = objects(&output);
        assert_eq!(verdicts[0]["code"], "E-CLI-10");
        assert_eq!(verdicts[1]["opened"]["size"], 1);
        assert!(!dir.path().join("root/new").exists());
        assert_eq!(
            (output.status.code(), failure(&output)),
            (Some(3), "E-CLI-10".to_owned())
        );
    }
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    once::run(folder, "path", arguments)
}

fn piped(folder: &Path, arguments: &[&str], input: &[u8]) -> Output {
    once::piped(folder, "path", arguments, input)
}

fn objects(output: &Output) -> Vec<Value> {
    let text = std::str::from_utf8(&output.stdout).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}
