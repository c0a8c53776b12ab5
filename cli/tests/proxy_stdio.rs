//! `ravelin proxy --to stdio`: a command behind TLS.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[allow(dead_code, unreachable_pub, reason = "each test file uses its part")]
mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use rustix::process::Signal;
#[cfg(target_os = "linux")]
use serde_json::{Value, json};
use support::{Certificates, Running, eventually, exists};

#[test]
#[cfg(target_os = "linux")]
fn a_real_mcp_server_is_called_through_proxy_and_bridge() {
    let certificates = Certificates::new();
    let root = tempfile::tempdir().unwrap();
    fs::write(root.path().join("hello.txt"), "Grüße\n").unwrap();
    let ca = certificates.path("ca/ca.pem");
    let server = env!("CARGO_BIN_EXE_ravelin");
    let mut proxy = certificates.proxy(&[
        "--client-ca",
        &ca,
        "--to",
        "stdio",
        "--",
        server,
        "files",
        "--root",
        root.path().to_str().unwrap(),
    ]);
    let mut sessions = [
        certificates.bridge_as_laptop(&proxy, &[]),
        certificates.bridge_as_laptop(&proxy, &[]),
    ];
    for session in &mut sessions {
        let hello = json!({ "protocolVersion": "2025-11-25", "capabilities": {},
            "clientInfo": { "name": "test", "version": "0" } });
        let server = request(session, 0, "initialize", &hello);
        assert_eq!(server["serverInfo"]["name"], "ravelin-files");
        session.write("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n");
    }
    for session in &mut sessions {
        let tools = request(session, 1, "tools/list", &json!({}));
        assert_eq!(tools["tools"][0]["name"], "read_file");
        let call = json!({ "name": "read_file", "arguments": { "path": "hello.txt" } });
        let answer = request(session, 2, "tools/call", &call);
        assert_eq!(answer["content"][0]["text"], "Grüße\n");
    }
    for mut session in sessions {
        assert_eq!(session.close_stdin().end().succeeded().stdout, [""; 0]);
        proxy.report("command ended: exit status: 0");
    }
    proxy.stop();
}

#[cfg(target_os = "linux")]
fn request(session: &mut Running, id: u32, method: &str, params: &Value) -> Value {
    let request = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
    session.write(format!("{request}\n"));
    let answer: Value = serde_json::from_str(&session.line()).unwrap();
    assert_eq!(answer["id"], id);
    answer["result"].clone()
}

#[test]
fn a_command_that_dies_closes_the_connection_after_its_last_words() {
    let certificates = Certificates::new();
    let script = "echo first; echo noise >&2; printf 'no newline' >&2; exit 3";
    let mut proxy = certificates.proxy(&["--to", "stdio", "--", "sh", "-c", script]);
    let mut bridge = certificates.bridge(&proxy, &[]);
    // It never reads, and ends before the client does.
    let end = bridge.end();
    assert_eq!(end.succeeded().stdout, ["first"]);
    for part in [
        "[1] stderr: noise",
        "[1] stderr: no newline",
        "[1] command ended: exit status: 3",
    ] {
        proxy.report(part);
    }
    let closed = proxy.report("[1] closed");
    assert!(!closed.contains("E-"), "{closed}");
    proxy.stop();
}

#[test]
fn a_command_that_reads_nothing_still_delivers_all_its_output() {
    let certificates = Certificates::new();
    let script = "exec <&-; sleep 0.3; i=0; while [ $i -lt 2000 ]; do echo $i; i=$((i+1)); done";
    let proxy = certificates.proxy(&["--to", "stdio", "--", "sh", "-c", script]);
    let mut bridge = certificates.bridge(&proxy, &[]);
    bridge.write(vec![b'x'; 300_000]);
    let end = bridge.end();
    assert_eq!(end.succeeded().stdout.len(), 2000);
}

#[test]
fn a_command_that_ignores_everything_is_killed_and_leaves_no_zombie() {
    let certificates = Certificates::new();
    let script = "trap '' TERM; echo $$; while :; do sleep 0.05; done";
    let mut proxy =
        certificates.proxy(&["--grace", "0.2", "--to", "stdio", "--", "sh", "-c", script]);
    // By a client that ends in order, and by one that is gone.
    for orderly in [true, false] {
        let mut bridge = certificates.bridge(&proxy, &[]);
        let pid = bridge.line();
        assert!(exists(&pid));
        if orderly {
            bridge.close_stdin().end().succeeded();
        } else {
            bridge.signal(Signal::KILL);
        }
        proxy.report("command ended: signal: 9 (SIGKILL)");
        assert!(!exists(&pid));
        let closed = proxy.report("closed");
        assert_eq!(closed.contains("E-"), !orderly, "{closed}");
    }
    proxy.stop();
}

#[test]
fn sigterm_comes_before_sigkill_and_reaches_what_the_command_started() {
    let certificates = Certificates::new();
    let script = "sleep 1000 & echo $!; trap 'echo bye; exit 7' TERM; wait";
    let mut proxy =
        certificates.proxy(&["--grace", "2", "--to", "stdio", "--", "sh", "-c", script]);
    let mut bridge = certificates.bridge(&proxy, &[]);
    let grandchild = bridge.line();
    assert!(exists(&grandchild));
    assert_eq!(bridge.close_stdin().end().succeeded().stdout, ["bye"]);
    proxy.report("command ended: exit status: 7");
    eventually("the group is gone", || {
        // Its parent is gone too: who inherits it may take a moment to bury it.
        let stat = fs::read_to_string(format!("/proc/{grandchild}/stat"));
        !exists(&grandchild) || stat.is_ok_and(|stat| stat.contains(") Z "))
    });
    proxy.stop();
}

#[test]
fn a_line_on_stderr_is_bounded_and_cannot_steer_a_terminal() {
    let certificates = Certificates::new();
    let script = "printf '\\033[2Jred\\n' >&2; head -c 10000 /dev/zero | tr '\\0' a >&2";
    let mut proxy = certificates.proxy(&["--to", "stdio", "--", "sh", "-c", script]);
    certificates.bridge(&proxy, &[]).end().succeeded();
    assert_eq!(proxy.report("stderr"), "[1] stderr: \\u{1b}[2Jred");
    let lengths = [0; 3].map(|_| proxy.report("stderr").len() - "[1] stderr: ".len());
    assert_eq!(lengths, [4096, 4096, 10_000 - 2 * 4096]);
    proxy.stop();
}

#[test]
fn a_command_that_cannot_be_started_is_reported() {
    let certificates = Certificates::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("server");
    fs::write(&path, "#!/bin/sh\necho started\n").unwrap();
    let mut proxy = certificates.proxy(&["--to", "stdio", "--", path.to_str().unwrap()]);
    certificates.bridge(&proxy, &[]).end().succeeded();
    let closed = proxy.report("E-PRX-05");
    assert!(closed.contains("ermission denied"), "{closed}");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(
        certificates.bridge(&proxy, &[]).end().succeeded().stdout,
        ["started"]
    );
    proxy.stop();
}

#[test]
fn a_stderr_that_nobody_reads_stops_no_connection() {
    let certificates = Certificates::new();
    // Far more than a pipe holds, and more lines than the journal keeps.
    let script = "i=0; while [ $i -lt 3000 ]; do echo $i; i=$((i+1)); done | \
        sed 's/$/ a line of some length that fills the pipe to the terminal of the operator/' >&2; echo done";
    let arguments = certificates.proxy_arguments(&["--to", "stdio", "--", "sh", "-c", script]);
    let (reader, writer) = std::io::pipe().unwrap();
    let mut proxy = Running::start_with(&arguments, Stdio::piped(), writer);
    let line = proxy.line();
    let port: u16 = line.rsplit(':').next().unwrap().parse().unwrap();
    for _ in 0..2 {
        let end = Running::start(&certificates.bridge_arguments(port, &[])).end();
        assert_eq!(end.succeeded().stdout, ["done"]);
    }
    proxy.signal(Signal::TERM);
    proxy.end().succeeded();
    drop(reader);
}
