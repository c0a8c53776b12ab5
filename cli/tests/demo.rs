//! `ravelin demo` shows what it promises, and fails where something does not go as it should.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[allow(dead_code, unreachable_pub, reason = "each test file uses its part")]
mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use rustix::process::Signal;
use serde_json::Value;
use support::{End, Running, eventually, exists};

/// A demo whose temporary directory lies in `folder`.
fn demo(folder: &Path, arguments: &[&str]) -> Running {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ravelin"));
    Running::command(command.env("TMPDIR", folder).arg("demo").args(arguments))
}

/// The end of a demo that left nothing behind.
#[track_caller]
fn ended(arguments: &[&str]) -> End {
    let folder = tempfile::tempdir().unwrap();
    let end = demo(folder.path(), arguments).end();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "{end:#?}");
    end
}

fn line<'a>(end: &'a End, part: &str) -> &'a str {
    let found = end.stdout.iter().find(|line| line.contains(part));
    found.unwrap_or_else(|| panic!("no {part:?} in {end:#?}"))
}

#[test]
fn every_step_is_shown_and_goes_as_it_should() {
    let end = ended(&[]);
    end.succeeded();
    assert_eq!(end.stderr, [""; 0]);
    assert_eq!(end.stdout.last().unwrap(), "demo: 21 of 21 as expected");
    assert!(end.stdout.len() <= 40, "{end:#?}");
    for line in &end.stdout {
        assert!(line.chars().count() <= 100, "{line}");
        assert!(
            !line.contains('\u{1b}'),
            "colour without a terminal: {line}"
        );
    }
    let steps = end
        .stdout
        .iter()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    assert!(steps.clone().all(|line| line.ends_with("  ok")), "{end:#?}");
    assert_eq!(steps.count(), 21);
    assert!(line(&end, "negotiated").contains("TLS 1.3, "));
    assert!(line(&end, "hello.txt ->").contains("Hello from behind the ravelin."));
}

#[test]
fn each_refusal_has_its_code_its_side_and_its_exit_code() {
    let end = ended(&["--json"]);
    end.succeeded();
    let objects: Vec<Value> = end
        .stdout
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let expected = [
        ("outside-the-root", "E-PTH-16", "tool", None),
        ("absolute-path", "E-PTH-13", "tool", None),
        ("link", "E-PTH-44", "tool", None),
        ("fifo", "E-PTH-51", "tool", None),
        ("too-large", "E-PTH-55", "tool", None),
        ("wrong-pin", "E-PIN-02", "bridge", Some(4)),
        ("unknown-ca", "E-CRT-01", "bridge", Some(4)),
        ("wrong-name", "E-CRT-04", "bridge", Some(4)),
        ("no-client-certificate", "E-CRT-07", "proxy", Some(5)),
        ("unknown-client-ca", "E-CRT-01", "proxy", Some(5)),
        ("wrong-client-pin", "E-PIN-02", "proxy", Some(5)),
        ("tls-1.2", "E-TLS-06", "proxy", None),
    ];
    let refusals: Vec<_> = objects
        .iter()
        .filter_map(|step| {
            Some((
                step["step"].as_str()?,
                step["code"].as_str()?,
                step["refused_by"].as_str()?,
                step["exit"].as_i64(),
            ))
        })
        .collect();
    assert_eq!(refusals, expected);
    let told = |step: &str| {
        let step = objects.iter().find(|object| object["step"] == step);
        step.unwrap()["text"].as_str().unwrap().to_owned()
    };
    assert!(told("no-client-certificate").contains("certificate_required (116)"));
    assert!(told("tls-1.2").contains("protocol_version (70)"));
    assert_eq!(objects.last().unwrap()["summary"]["as_expected"], 21);
    let commands = objects
        .iter()
        .filter(|object| object["command"].is_string());
    assert_eq!(commands.count(), 10);
}

#[test]
fn somebody_elses_server_is_listed_and_no_tool_of_it_is_called() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path().to_str().unwrap();
    let program = env!("CARGO_BIN_EXE_ravelin");
    let end = ended(&["--", program, "files", "--root", root]);
    end.succeeded();
    assert!(line(&end, "-- ").contains(root));
    assert!(line(&end, "initialize ->").contains("ravelin-files"));
    assert!(line(&end, "tools/list ->").contains("read_file, list_files"));
    assert!(!end.stdout.iter().any(|line| line.contains("tools/call")));
    assert!(line(&end, "E-PIN-02").ends_with("  ok"));
    assert_eq!(end.stdout.last().unwrap(), "demo: 15 of 15 as expected");
}

#[test]
fn a_command_that_is_not_there_fails_and_says_why() {
    let end = ended(&["--", "/no/such/server"]);
    end.failed(6, "E-DEM-01");
    assert!(line(&end, "/no/such/server is not there").contains("error E-PRX-"));
    assert!(line(&end, "the proxy does not listen").ends_with("  FAILED"));
}

#[test]
fn a_command_that_speaks_no_mcp_fails_and_what_it_said_is_shown() {
    let end = ended(&["--", "sh", "-c", "echo no MCP here >&2; exit 3"]);
    end.failed(6, "E-DEM-01");
    assert!(end.stderr.last().unwrap().contains("initialize"));
    assert!(line(&end, "initialize ->").ends_with("  FAILED"));
    line(&end, "no MCP here");
    // Everything else is still shown, and TLS is as it was.
    assert!(line(&end, "E-CRT-07").ends_with("  ok"));
    assert_eq!(end.stdout.last().unwrap(), "demo: 13 of 14 as expected");
}

#[test]
fn an_interrupted_demo_leaves_no_file_and_no_process() {
    let folder = tempfile::tempdir().unwrap();
    let pid_file = folder.path().join("pid");
    let stage = tempfile::tempdir().unwrap();
    // It never answers, and does not end when its input does.
    let script = format!("echo $$ > {}; exec sleep 1000", pid_file.display());
    let mut demo = demo(stage.path(), &["--", "sh", "-c", &script]);
    eventually("the server runs", || {
        fs::read_to_string(&pid_file).is_ok_and(|pid| pid.ends_with('\n'))
    });
    let pid = fs::read_to_string(&pid_file).unwrap();
    assert!(exists(&pid));
    demo.signal(Signal::TERM);
    demo.end().failed(6, "E-DEM-02");
    assert_eq!(fs::read_dir(stage.path()).unwrap().count(), 0);
    eventually("the server is gone", || !exists(&pid));
}

#[test]
fn without_a_place_for_its_files_it_does_not_begin() {
    let end = demo(Path::new("/proc/no/such/place"), &[]).end();
    end.failed(6, "E-CLI-04");
    assert_eq!(end.stdout, [""; 0]);
}
