//! Every rule of `ravelin path check` has its effect from the file that `--config` names, as it has from its flag.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[cfg(target_os = "linux")]
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

#[allow(dead_code, reason = "each test file uses its part")]
#[path = "support/once.rs"]
mod once;

/// What stands in the file, the same as flags, what is written on the command line both times, a path that it decides
/// about, and the verdict.
type Rule<'a> = (&'a str, &'a [&'a str], &'a [&'a str], &'a [u8], &'a str);

/// Every rule, by its text alone.
const RULES: &[Rule<'_>] = &[
    (
        "root = '/srv/notes'",
        &["--root", "/srv/notes"],
        &[],
        b"/srv/notes/a",
        "allowed",
    ),
    (
        "root = 'C:\\srv'",
        &["--root", "C:\\srv"],
        &["--dialect", "windows"],
        b"c:\\srv\\a",
        "allowed",
    ),
    ("op = 'create'", &["--op", "create"], &[], b"a/", "E-PTH-30"),
    ("uri = true", &["--uri"], &[], b"file:a?b", "E-PTH-36"),
    (
        "dialect = 'posix'",
        &["--dialect", "posix"],
        &[],
        b"NUL.txt",
        "allowed",
    ),
    (
        "absolute = 'required'",
        &["--absolute", "required"],
        &["--root", "/srv"],
        b"a",
        "E-PTH-12",
    ),
    (
        "max-depth = 0x2",
        &["--max-depth", "2"],
        &[],
        b"a/b/c",
        "E-PTH-28",
    ),
    (
        "allow-ext = ['md', 'txt']",
        &["--allow-ext", "md,txt"],
        &[],
        b"a.pem",
        "E-PTH-34",
    ),
    (
        "allow-ext = 'md,txt'",
        &["--allow-ext", "md", "--allow-ext", "txt"],
        &[],
        b"a.pem",
        "E-PTH-34",
    ),
    (
        "forbid-ext = ['key', 'pem']",
        &["--forbid-ext", "key", "--forbid-ext", "pem"],
        &[],
        b"a.pem",
        "E-PTH-33",
    ),
    (
        "forbid = ['.git', '.ssh']",
        &["--forbid", ".git", "--forbid", ".ssh"],
        &[],
        b".ssh/id",
        "E-PTH-32",
    ),
    (
        "deny-percent = true",
        &["--deny-percent"],
        &[],
        b"a%2fb",
        "E-PTH-05",
    ),
    (
        "accept-bytes = true",
        &["--accept-bytes"],
        &["--dialect", "posix"],
        b"\xff",
        "allowed",
    ),
    (
        "read-only = true",
        &["--read-only"],
        &["--op", "replace"],
        b"a",
        "E-PTH-31",
    ),
];

/// Every rule about what is open; `{uid}` is a user that owns nothing.
#[cfg(target_os = "linux")]
const OPEN_RULES: &[Rule<'_>] = &[
    (
        "open = true",
        &["--open"],
        &["--root", "root"],
        b"missing",
        "E-PTH-40",
    ),
    (
        "max-size = 4",
        &["--max-size", "4"],
        &["--root", "root", "--open"],
        b"large",
        "E-PTH-55",
    ),
    (
        "links = 'inside'",
        &["--links", "inside"],
        &["--root", "root", "--open"],
        b"link",
        "allowed",
    ),
    (
        "hard-links = 'deny'",
        &["--hard-links", "deny"],
        &["--root", "root", "--open"],
        b"large",
        "E-PTH-56",
    ),
    (
        "owner = {uid}",
        &["--owner", "{uid}"],
        &["--root", "root", "--open"],
        b"large",
        "E-PTH-57",
    ),
    (
        "owner-or-root = {uid}",
        &["--owner-or-root", "{uid}"],
        &["--root", "root", "--open"],
        b"large",
        "E-PTH-57",
    ),
    (
        "devices = 'any'",
        &["--devices", "any"],
        &["--root", "/dev", "--open"],
        b"shm/{name}",
        "allowed",
    ),
];

#[test]
fn each_rule_has_its_effect_from_the_file_as_from_its_flag() {
    let dir = tempfile::tempdir().unwrap();
    for rule in RULES {
        same_effect(dir.path(), rule, &|text| text.to_owned());
    }
}

#[test]
#[cfg(target_os = "linux")]
fn each_rule_about_what_is_open_has_its_effect_from_the_file_as_from_its_flag() {
    use std::os::unix::fs::{MetadataExt as _, chown, symlink};

    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    fs::create_dir(&root).unwrap();
    fs::write(root.join("large"), "12345").unwrap();
    fs::hard_link(root.join("large"), root.join("second")).unwrap();
    symlink("large", root.join("link")).unwrap();
    if fs::metadata(root.join("large")).unwrap().uid() == 0 {
        // Root's files are everybody's to --owner-or-root.
        chown(root.join("large"), Some(4321), None).unwrap();
    }
    let nobody = fs::metadata(root.join("large")).unwrap().uid() + 1;
    let mounted = tempfile::Builder::new()
        .prefix("ravelin-")
        .tempfile_in("/dev/shm")
        .unwrap();
    let name = mounted.path().file_name().unwrap().to_str().unwrap();
    for rule in OPEN_RULES {
        same_effect(dir.path(), rule, &|text| {
            text.replace("{uid}", &nobody.to_string())
                .replace("{name}", name)
        });
    }
}

#[test]
#[cfg(target_os = "linux")]
fn no_rule_is_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    let help = String::from_utf8(once::run(dir.path(), "path", &["check", "-h"]).stdout).unwrap();
    let (_, rules) = help.split_once("Rules:\n").unwrap();
    let flags: BTreeSet<&str> = rules
        .lines()
        .take_while(|line| !line.is_empty())
        .map(|line| line.split_whitespace().next().unwrap())
        .map(|flag| flag.strip_prefix("--").unwrap())
        .collect();
    let tested: BTreeSet<&str> = RULES
        .iter()
        .chain(OPEN_RULES)
        .map(|(file, ..)| file.split_once(" = ").unwrap().0)
        .collect();
    let missing: Vec<_> = flags.difference(&tested).collect();
    assert!(flags.len() > 10 && missing.is_empty(), "{missing:?}");
}

/// The rule decides about its path, and does so alike from the file and as flags.
#[track_caller]
fn same_effect(dir: &Path, rule: &Rule<'_>, filled: &dyn Fn(&str) -> String) {
    let (file, flags, both, path, expected) = rule;
    let flags: Vec<String> = flags.iter().map(|flag| filled(flag)).collect();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let path = match std::str::from_utf8(path) {
        Ok(text) => filled(text).into_bytes(),
        Err(_) => path.to_vec(),
    };
    let run = |more: &[&str]| {
        let arguments = [&["check", "--json", "-0"], *both, more].concat();
        once::piped(dir, "path", &arguments, &path)
    };
    let text = format!("version = 1\n[path]\n{}\n", filled(file));
    fs::write(dir.join("ravelin.toml"), text).unwrap();
    let (by_file, by_flags) = (run(&["--config", "ravelin.toml"]), run(&flags));
    assert_eq!(codes(&by_file), [*expected], "{file}: {by_file:?}");
    assert_eq!(by_file.stdout, by_flags.stdout, "{file}");
    assert_ne!(by_file.stdout, run(&[]).stdout, "{file} has no effect");
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
