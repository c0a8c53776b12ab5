//! `ravelin proxy` with anyone's clients.
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
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixListener;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};
use support::{Certificates, LIMIT, Proxy, Running, eventually, exists};

#[test]
fn half_close_passes_through_in_both_directions() {
    let certificates = Certificates::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
    let unix = UnixListener::bind(&path).unwrap();
    let targets = [
        format!("tcp:{}", tcp.local_addr().unwrap()),
        format!("tcp:localhost:{}", tcp.local_addr().unwrap().port()),
        format!("unix:{}", path.display()),
    ];
    let serving = thread::spawn(move || {
        for _ in 0..2 {
            let (mut stream, _) = tcp.accept().unwrap();
            let mut question = String::new();
            stream.read_to_string(&mut question).unwrap();
            stream
                .write_all(question.to_uppercase().as_bytes())
                .unwrap();
        }
        let (mut stream, _) = unix.accept().unwrap();
        // The other way round: this side ends first.
        stream.write_all(b"greeting\n").unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut heard = String::new();
        stream.read_to_string(&mut heard).unwrap();
        heard
    });
    for target in &targets[..2] {
        let mut proxy = certificates.proxy(&["--to", target]);
        let mut bridge = certificates.bridge(&proxy, &[]);
        bridge.write("question\n").close_stdin();
        assert_eq!(bridge.end().succeeded().stdout, ["QUESTION"]);
        let closed = proxy.report("closed");
        assert!(
            closed.contains("9 bytes received, 9 sent") && !closed.contains("E-"),
            "{closed}"
        );
        proxy.stop();
    }
    let mut proxy = certificates.proxy(&["--to", &targets[2]]);
    let mut bridge = certificates.bridge(&proxy, &[]);
    assert_eq!(bridge.line(), "greeting");
    bridge.end().succeeded();
    proxy.report("closed");
    assert_eq!(serving.join().unwrap(), "");
    proxy.stop();
}

#[test]
fn a_target_that_is_down_closes_the_connection_and_not_the_proxy() {
    let certificates = Certificates::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let target = format!("unix:{}", path.display());
    let mut proxy = certificates.proxy(&["--to", &target]);
    let end = certificates.bridge(&proxy, &[]).end();
    assert_eq!(end.succeeded().stdout, [""; 0]);
    proxy.report("E-PRX-05");

    let listener = UnixListener::bind(&path).unwrap();
    let serving = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"up again\n").unwrap();
    });
    let end = certificates.bridge(&proxy, &[]).end();
    assert_eq!(end.succeeded().stdout, ["up again"]);
    serving.join().unwrap();
    proxy.stop();
}

#[test]
fn what_cannot_work_is_refused_at_start() {
    let certificates = Certificates::new();
    let path = |file| certificates.path(file);
    let (ca, cert, key) = (
        path("ca/ca.pem"),
        path("ca/localhost.pem"),
        path("ca/localhost.key"),
    );
    let (open, pin) = (path("open.key"), certificates.pin("laptop"));
    fs::copy(&key, &open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o640)).unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap().to_string();
    let any = "127.0.0.1:0";
    let mistakes: &[(&[&str], i32, &str)] = &[
        (&["--to", "nowhere"], 2, "E-USE-01"),
        (&["--to", "echo", "--tickets", "256"], 2, "E-USE-01"),
        (&["--to", "echo", "--max-connections", "0"], 2, "E-USE-01"),
        (&["--to", "echo", "--handshake-timeout", "0"], 2, "E-USE-01"),
        (&["--to", "echo", "--pin-report-only"], 2, "E-USE-01"),
        (&["--to", "stdio"], 2, "E-PRX-01"),
        (&["--to", "echo", "--", "cat"], 2, "E-PRX-01"),
        (&["--to", "tcp:192.0.2.1:80"], 3, "E-PRX-03"),
        (&["--to", "tcp:0.0.0.0:80"], 3, "E-PRX-03"),
        (&["--to", "tcp:name.invalid:80"], 6, "E-PRX-02"),
        (&["--to", "stdio", "--", "no-such-command"], 3, "E-PRX-04"),
        (&["--to", "stdio", "--", "./no-such-command"], 3, "E-PRX-04"),
        (
            &["--to", "echo", "--client-auth", "required"],
            3,
            "E-PRX-06",
        ),
        (
            &["--to", "echo", "--client-auth", "optional"],
            3,
            "E-PRX-06",
        ),
        (
            &["--to", "echo", "--client-auth", "none", "--client-ca", &ca],
            3,
            "E-PRX-06",
        ),
        (&["--to", "echo", "--client-ca", &key], 3, "E-CFG-01"),
        (&["--to", "echo", "--client-pin", &pin], 3, "E-CFG-09"),
        (
            &["--to", "echo", "--client-ca", &ca, "--client-pin", "x"],
            3,
            "E-PIN-10",
        ),
        (&["--to", "echo", "--alpn", ","], 3, "E-CFG-11"),
    ];
    let refused = |listen: &str, cert: &str, key: &str, more: &[&str], exit, code| {
        let first = ["proxy", "--listen", listen, "--cert", cert, "--key", key];
        let end = Running::start(&[&first[..], more].concat()).end();
        end.failed(exit, code);
        assert_eq!(end.stdout, [""; 0]);
    };
    for (more, exit, code) in mistakes {
        refused(any, &cert, &key, more, *exit, code);
    }
    let echo = ["--to", "echo"];
    refused("127.0.0.1", &cert, &key, &echo, 2, "E-USE-01");
    refused(&taken, &cert, &key, &echo, 6, "E-PRX-10");
    refused("192.0.2.1:0", &cert, &key, &echo, 6, "E-PRX-10");
    refused(any, &path("none.pem"), &key, &echo, 3, "E-FIL-01");
    refused(any, &cert, &path("none.key"), &echo, 3, "E-FIL-01");
    let no_key = path("no.key");
    fs::write(&no_key, "").unwrap();
    fs::set_permissions(&no_key, fs::Permissions::from_mode(0o600)).unwrap();
    refused(any, &cert, &no_key, &echo, 3, "E-CFG-05");
    refused(any, &cert, &path("ca/laptop.key"), &echo, 3, "E-CFG-07");
    refused(any, &cert, &open, &echo, 3, "E-FIL-03");

    // What must be asked for, and was.
    let unsafe_key = ["proxy", "--listen", any, "--cert", &cert, "--key", &open];
    Proxy::start(&[&unsafe_key[..], &["--unsafe-key-mode", "--to", "echo"]].concat()).stop();
    certificates
        .proxy(&["--unsafe-target", "--to", "tcp:192.0.2.1:80"])
        .stop();
}

#[test]
fn client_certificates_are_asked_for_as_configured() {
    let certificates = Certificates::new();
    let ca = certificates.path("ca/ca.pem");
    let optional = [
        "--client-ca",
        &ca,
        "--client-auth",
        "optional",
        "--to",
        "echo",
    ];
    let mut proxy = certificates.proxy(&optional);
    certificates
        .bridge(&proxy, &[])
        .close_stdin()
        .end()
        .succeeded();
    let opened = proxy.report("opened");
    assert!(opened.contains("client without certificate"), "{opened}");
    proxy.report("peer-without-certificate");
    certificates
        .bridge_as_laptop(&proxy, &[])
        .close_stdin()
        .end()
        .succeeded();
    let opened = proxy.report("opened");
    assert!(opened.contains(&certificates.pin("laptop")), "{opened}");
    // A certificate that nobody vouches for is not none.
    let (cert, key) = (
        certificates.path("other/stranger.pem"),
        certificates.path("other/stranger.key"),
    );
    let mut stranger = certificates.bridge(&proxy, &["--cert", &cert, "--key", &key]);
    stranger.end().failed(5, "E-TLS-01");
    proxy.report("E-CRT-01");
    proxy.stop();

    let unmatched = "sha256:YLh1dUR9y6Kja30RrAn7JKnbQG/uEtLMkBgFF2Fuihg=";
    let pinned = [
        "--client-ca",
        &ca,
        "--client-pin",
        unmatched,
        "--to",
        "echo",
    ];
    let mut proxy = certificates.proxy(&pinned);
    proxy.report("warning: one pin and no backup");
    certificates
        .bridge_as_laptop(&proxy, &[])
        .end()
        .failed(5, "E-TLS-01");
    let refused = proxy.report("E-PIN-02");
    assert!(refused.contains(&certificates.pin("laptop")), "{refused}");
    proxy.stop();

    let mut proxy = certificates.proxy(&[&pinned[..], &["--pin-report-only"]].concat());
    certificates
        .bridge_as_laptop(&proxy, &[])
        .close_stdin()
        .end()
        .succeeded();
    let noted = proxy.report("pin-would-refuse");
    assert!(noted.ends_with(&certificates.pin("laptop")), "{noted}");
    proxy.stop();
}

#[test]
fn events_are_json_when_asked_for() {
    let certificates = Certificates::new();
    let ca = certificates.path("ca/ca.pem");
    let mut proxy = certificates.proxy(&[
        "--json",
        "--client-ca",
        &ca,
        "--to",
        "stdio",
        "--",
        "sh",
        "-c",
        "echo '\"quoted\"' >&2; cat",
    ]);
    certificates
        .bridge_as_laptop(&proxy, &[])
        .write("four")
        .close_stdin()
        .end()
        .succeeded();
    proxy.report("\"closed\"");
    certificates.bridge(&proxy, &[]).end().failed(5, "E-TLS-01");
    proxy.report("\"refused\"");
    proxy.stop();

    let mut proxy = certificates.proxy(&[
        "--json",
        "--client-ca",
        &ca,
        "--to",
        "stdio",
        "--",
        "sh",
        "-c",
        "echo '\"quoted\"' >&2; cat",
    ]);
    certificates
        .bridge_as_laptop(&proxy, &[])
        .write("four")
        .close_stdin()
        .end()
        .succeeded();
    certificates.bridge(&proxy, &[]).end().failed(5, "E-TLS-01");
    let events: Vec<Value> = proxy
        .stop()
        .iter()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    let event = |name: &str| {
        let found = events.iter().find(|event| event["event"] == name);
        found.unwrap_or_else(|| panic!("no {name} in {events:#?}"))
    };
    assert!(
        events
            .iter()
            .all(|event| event["time"].as_f64().unwrap() > 1.7e9)
    );
    assert_eq!(event("listening")["address"], proxy.address.to_string());
    let opened = event("opened");
    assert_eq!(opened["connection"], 1);
    assert_eq!(opened["pin"], certificates.pin("laptop"));
    assert_eq!(opened["names"], json!(["DNS:laptop"]));
    assert_eq!(opened["version"], "TLS 1.3");
    assert_eq!(event("stderr")["line"], "\"quoted\"");
    assert_eq!(event("child-ended")["status"], "exit status: 0");
    let closed = event("closed");
    assert_eq!(
        (&closed["received"], &closed["sent"]),
        (&json!(4), &json!(4))
    );
    assert_eq!(closed.get("code"), None);
    let refused = event("refused");
    assert_eq!(
        (&refused["code"], &refused["connection"]),
        (&json!("E-CRT-07"), &json!(2))
    );
    event("draining");
}

#[test]
fn too_many_connections_are_closed_at_once_until_there_is_room() {
    let certificates = Certificates::new();
    for (limit, flag) in [
        ("--max-connections", "max-connections"),
        ("--max-per-address", "max-per-address"),
    ] {
        let mut proxy = certificates.proxy(&[limit, "1", "--to", "echo"]);
        let mut first = certificates.bridge(&proxy, &[]);
        first.write("one\n");
        assert_eq!(first.line(), "one");
        let mut refused = proxy.connect();
        match refused.read(&mut [0; 1]) {
            Ok(0) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            other => panic!("not closed: {other:?}"),
        }
        let report = proxy.report("E-PRX-08");
        assert!(
            report.contains(flag) && report.contains("closed at once: 1:"),
            "{report}"
        );
        first.write("two\n").close_stdin();
        assert_eq!(first.end().succeeded().stdout, ["two"]);
        proxy.report("closed");
        let mut next = certificates.bridge(&proxy, &[]);
        next.write("three\n").close_stdin();
        assert_eq!(next.end().succeeded().stdout, ["three"]);
        proxy.stop();
    }
}

#[test]
fn silent_clients_are_closed_when_their_time_is_over() {
    let certificates = Certificates::new();
    let mut proxy = certificates.proxy(&["--handshake-timeout", "0.3", "--to", "echo"]);
    let begun = Instant::now();
    let mut silent = proxy.connect();
    silent.read_to_end(&mut Vec::new()).unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(300));
    proxy.report("E-TIM-01");

    let mut garbage = proxy.connect();
    garbage.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let _ = garbage.read_to_end(&mut Vec::new());
    proxy.report("E-TLS-04");
    proxy.stop();

    let mut proxy = certificates.proxy(&["--idle-timeout", "0.6", "--to", "echo"]);
    let begun = Instant::now();
    let mut idle = certificates.bridge(&proxy, &[]);
    idle.end().succeeded();
    assert!(begun.elapsed() >= Duration::from_millis(600));
    proxy.report("E-TIM-03");
    proxy.stop();
}

#[test]
fn sigterm_lets_open_connections_go_on_and_takes_no_new_ones() {
    let certificates = Certificates::new();
    for signal in [Signal::TERM, Signal::INT] {
        let mut proxy = certificates.proxy(&["--to", "stdio", "--", "cat"]);
        let mut bridge = certificates.bridge(&proxy, &[]);
        bridge.write("before\n");
        assert_eq!(bridge.line(), "before");
        proxy.running.signal(signal);
        let draining = proxy.report("draining");
        assert_eq!(draining, "draining, connections open: 1");
        certificates.bridge(&proxy, &[]).end().failed(6, "E-NET-03");
        bridge.write("after\n").close_stdin();
        assert_eq!(bridge.end().succeeded().stdout, ["after"]);
        proxy.running.end().succeeded();
    }
}

#[test]
fn a_drain_that_takes_too_long_ends_connections_in_order() {
    let certificates = Certificates::new();
    for to in [&["--to", "echo"][..], &["--to", "stdio", "--", "cat"]] {
        let mut proxy = certificates.proxy(&[&["--drain-timeout", "0.3"], to].concat());
        let mut bridge = certificates.bridge(&proxy, &[]);
        bridge.write("one\n");
        assert_eq!(bridge.line(), "one");
        let left = proxy.stop();
        bridge.end().succeeded();
        let closed = left
            .iter()
            .find(|line| line.contains("[1] closed"))
            .unwrap();
        assert!(!closed.contains("E-"), "{closed}");
    }
}

#[test]
fn a_second_signal_ends_everything_at_once() {
    let certificates = Certificates::new();
    let script = "trap '' TERM; echo $$; while :; do sleep 0.05; done";
    let mut proxy = certificates.proxy(&[
        "--drain-timeout",
        "1000",
        "--to",
        "stdio",
        "--",
        "sh",
        "-c",
        script,
    ]);
    let mut bridge = certificates.bridge(&proxy, &[]);
    let pid = bridge.line();
    proxy.running.signal(Signal::TERM);
    proxy.report("draining");
    let begun = Instant::now();
    proxy.running.signal(Signal::TERM);
    proxy.running.end().succeeded();
    assert!(begun.elapsed() < LIMIT / 2);
    eventually("the command is gone", || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"));
        !exists(&pid) || stat.is_ok_and(|stat| stat.contains(") Z "))
    });
    bridge.end().failed(4, "E-TLS-02");
}
