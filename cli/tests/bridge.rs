//! `ravelin bridge` against `ravelin proxy` and other servers.
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
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use support::{Certificates, LIMIT, Running, program};

#[test]
fn bytes_come_back_as_they_were_over_mutual_tls_with_pins() {
    let certificates = Certificates::new();
    let pin = |name| certificates.pin(name);
    let mut proxy = certificates.proxy(&[
        "--client-ca",
        &certificates.path("ca/ca.pem"),
        "--client-pin",
        &pin("laptop"),
        "--client-pin",
        &pin("localhost"),
        "--to",
        "echo",
    ]);
    let mut bridge = certificates.bridge_as_laptop(
        &proxy,
        &["--pin", &pin("localhost"), "--pin", &pin("laptop")],
    );
    let lines: Vec<String> = (0..20_000)
        .map(|n| format!("{n}: {}", "x".repeat(n % 80)))
        .collect();
    bridge.write("before the rest\n");
    assert_eq!(bridge.line(), "before the rest");
    bridge.write(lines.join("\n")).close_stdin();
    let end = bridge.end();
    end.succeeded();
    assert_eq!(end.stdout, lines);
    assert_eq!(end.stderr, [""; 0]);

    let opened = proxy.report("opened");
    for part in [
        "TLS 1.3",
        "asked for localhost",
        &pin("laptop"),
        "DNS:laptop",
    ] {
        assert!(opened.contains(part), "{opened}");
    }
    let closed = proxy.report("closed");
    let bytes = lines.join("\n").len() + "before the rest\n".len();
    assert!(
        closed.contains(&format!("{bytes} bytes received, {bytes} sent")),
        "{closed}"
    );
    assert!(!closed.contains("E-"), "{closed}");
    proxy.stop();
}

#[test]
fn each_refusal_has_its_exit_code_and_its_last_line() {
    let certificates = Certificates::new();
    let (pin, backup) = (certificates.pin("localhost"), certificates.pin("laptop"));
    let unmatched = "sha256:YLh1dUR9y6Kja30RrAn7JKnbQG/uEtLMkBgFF2Fuihg=";
    let [stranger, stranger_key, other_ca, localhost] = [
        "other/stranger.pem",
        "other/stranger.key",
        "other/ca.pem",
        "ca/localhost.pem",
    ]
    .map(|file| certificates.path(file));
    let ca = certificates.path("ca/ca.pem");
    let mut proxy = certificates.proxy(&[
        "--client-ca",
        &ca,
        "--client-pin",
        &backup,
        "--client-pin",
        unmatched,
        "--to",
        "echo",
    ]);
    let laptop: &[(&[&str], i32, &str, &str)] = &[
        (
            &["--pin", unmatched, "--pin", &backup],
            4,
            "E-PIN-02",
            "E-TLS-01",
        ),
        (&["--name", "example.org"], 4, "E-CRT-04", "E-TLS-01"),
        (&["--name", "127.0.0.1"], 4, "E-CRT-04", "E-TLS-01"),
    ];
    for (arguments, exit, code, seen_by_proxy) in laptop {
        let mut bridge = certificates.bridge_as_laptop(&proxy, arguments);
        let end = bridge.end();
        end.failed(*exit, code);
        assert_eq!(end.stdout, [""; 0]);
        proxy.report(seen_by_proxy);
    }
    let server = format!("localhost:{}", proxy.address.port());
    let others: &[(&[&str], i32, &str, &str)] = &[
        (&["--ca", &other_ca], 4, "E-CRT-01", "E-TLS-01"),
        (&["--ca", &localhost], 4, "E-CRT-01", "E-TLS-01"),
        (&["--ca", &ca], 5, "E-TLS-01", "E-CRT-07"),
        (
            &["--ca", &ca, "--pin", &pin, "--pin", &backup],
            5,
            "E-TLS-01",
            "E-CRT-07",
        ),
        (
            &["--ca", &ca, "--cert", &stranger, "--key", &stranger_key],
            5,
            "E-TLS-01",
            "E-CRT-01",
        ),
    ];
    for (arguments, exit, code, seen_by_proxy) in others {
        // With stdin open and something written: what the server says comes after our handshake is done.
        let mut bridge = Running::start(&[&["bridge", &server], *arguments].concat());
        bridge.write("first\n");
        let end = bridge.end();
        end.failed(*exit, code);
        assert_eq!(end.stdout, [""; 0]);
        proxy.report(seen_by_proxy);
    }
    // A client that is no server's equal: certificates are for their purpose.
    let key = certificates.path("ca/localhost.key");
    let mut bridge = certificates.bridge(&proxy, &["--cert", &localhost, "--key", &key]);
    bridge.end().failed(5, "E-TLS-01");
    proxy.report("E-CRT-06");

    // None of them ended the proxy.
    let mut bridge = certificates.bridge_as_laptop(&proxy, &["--pin", &pin, "--pin", &backup]);
    bridge.write("still here\n").close_stdin();
    assert_eq!(bridge.end().succeeded().stdout, ["still here"]);
    proxy.stop();
}

#[test]
fn what_cannot_work_is_refused_before_anything_is_connected() {
    let certificates = Certificates::new();
    let path = |file| certificates.path(file);
    let (ca, cert, key) = (
        path("ca/ca.pem"),
        path("ca/laptop.pem"),
        path("ca/laptop.key"),
    );
    let (open, empty) = (path("open.key"), path("empty.pem"));
    fs::copy(&key, &open).unwrap();
    fs::set_permissions(&open, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(&empty, "").unwrap();
    let (pin, other_key) = (certificates.pin("localhost"), path("ca/localhost.key"));
    let long = "a".repeat(256);
    let mistakes: &[(&[&str], i32, &str)] = &[
        (&["bridge"], 2, "E-USE-01"),
        (&["bridge", "localhost:1"], 2, "E-USE-01"),
        (&["bridge", "localhost", "--ca", &ca], 2, "E-USE-01"),
        (
            &["bridge", "localhost:1", "--ca", &ca, "--cert", &cert],
            2,
            "E-USE-01",
        ),
        (
            &["bridge", "localhost:1", "--ca", &ca, "--key", &key],
            2,
            "E-USE-01",
        ),
        (
            &["bridge", "localhost:1", "--ca", &ca, "--pin-report-only"],
            2,
            "E-USE-01",
        ),
        (
            &["bridge", "localhost:1", "--ca", &ca, "--min-tls", "1.1"],
            2,
            "E-USE-01",
        ),
        (
            &["bridge", "localhost:1", "--ca", &ca, "--name", "a b"],
            2,
            "E-USE-01",
        ),
        (
            &["bridge", "localhost:1", "--ca", &ca, "--grace", "0"],
            2,
            "E-USE-01",
        ),
        (
            &["bridge", "localhost:1", "--ca", &path("none.pem")],
            3,
            "E-FIL-01",
        ),
        (&["bridge", "localhost:1", "--ca", &empty], 3, "E-CFG-01"),
        (
            &["bridge", "localhost:1", "--ca", &ca, "--pin", "md5:x"],
            3,
            "E-PIN-11",
        ),
        (
            &[
                "bridge",
                "localhost:1",
                "--ca",
                &ca,
                "--pin",
                &pin,
                "--pin",
                &pin,
            ],
            3,
            "E-PIN-15",
        ),
        (
            &["bridge", "localhost:1", "--ca", &ca, "--alpn", &long],
            3,
            "E-CFG-11",
        ),
        (
            &[
                "bridge",
                "localhost:1",
                "--ca",
                &ca,
                "--cert",
                &cert,
                "--key",
                &open,
            ],
            3,
            "E-FIL-03",
        ),
        (
            &[
                "bridge",
                "localhost:1",
                "--ca",
                &ca,
                "--cert",
                &cert,
                "--key",
                &other_key,
            ],
            3,
            "E-CFG-07",
        ),
        (&["bridge", "a..b:1", "--ca", &ca], 3, "E-NET-01"),
        (&["bridge", "127.0.0.1:1", "--ca", &ca], 6, "E-NET-03"),
        // The mode no longer matters, so the next fault is found: nothing listens there.
        (
            &[
                "bridge",
                "127.0.0.1:1",
                "--ca",
                &ca,
                "--cert",
                &cert,
                "--key",
                &open,
                "--unsafe-key-mode",
            ],
            6,
            "E-NET-03",
        ),
    ];
    for (arguments, exit, code) in mistakes {
        let end = Running::start(arguments).end();
        end.failed(*exit, code);
        assert_eq!(end.stdout, [""; 0], "{arguments:?}");
    }
}

#[test]
fn warnings_go_to_stderr_and_only_the_protocol_to_stdout() {
    let certificates = Certificates::new();
    let mut proxy = certificates.proxy(&["--to", "echo"]);
    let unmatched = "sha256:YLh1dUR9y6Kja30RrAn7JKnbQG/uEtLMkBgFF2Fuihg=";
    let mut bridge = certificates.bridge(&proxy, &["--pin", unmatched, "--pin-report-only"]);
    bridge.write("protocol\n").close_stdin();
    let end = bridge.end();
    assert_eq!(end.succeeded().stdout, ["protocol"]);
    let [lone, reported] = &end.stderr[..] else {
        panic!("{end:?}");
    };
    assert!(lone.starts_with("warning: one pin and no backup"), "{lone}");
    assert!(
        reported.starts_with("warning: pin-would-refuse: ")
            && reported.ends_with(&certificates.pin("localhost")),
        "{reported}"
    );

    // The backup alone matches: its primary is gone.
    let backup = certificates.pin("localhost");
    let mut bridge = certificates.bridge(&proxy, &["--pin", unmatched, "--pin", &backup]);
    let end = bridge.close_stdin().end();
    assert!(
        end.succeeded().stderr[0].starts_with("warning: pin-matched: "),
        "{end:?}"
    );
    proxy.stop();
}

#[test]
fn the_rest_of_the_answer_is_delivered_after_stdin_ended() {
    let certificates = Certificates::new();
    let command = "cat >/dev/null; sleep 0.5; echo late; sleep 0.5; echo later";
    let proxy = certificates.proxy(&["--to", "stdio", "--", "sh", "-c", command]);
    let mut bridge = certificates.bridge(&proxy, &[]);
    bridge.write("a question\n").close_stdin();
    assert_eq!(bridge.end().succeeded().stdout, ["late", "later"]);
}

#[test]
fn a_server_that_closes_ends_it_at_once_although_stdin_is_open() {
    let certificates = Certificates::new();
    let mut proxy = certificates.proxy(&[
        "--to",
        "stdio",
        "--",
        "sh",
        "-c",
        "read line; echo \"$line\"",
    ]);
    let mut bridge = certificates.bridge(&proxy, &[]);
    bridge.write("one\n");
    assert_eq!(bridge.line(), "one");
    assert_eq!(bridge.end().succeeded().stderr, [""; 0]);
    // In order on this side, too.
    let closed = proxy.report("closed");
    assert!(!closed.contains("E-"), "{closed}");
    proxy.stop();
}

#[test]
fn a_server_that_never_closes_is_waited_for_only_so_long() {
    let certificates = Certificates::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = format!("tcp:{}", listener.local_addr().unwrap());
    let holding = thread::spawn(move || listener.accept().unwrap());
    let mut proxy = certificates.proxy(&["--to", &target]);
    let mut bridge = certificates.bridge(&proxy, &["--grace", "0.3"]);
    bridge.close_stdin().end().failed(6, "E-BRG-01");
    drop(holding.join().unwrap());
    proxy.stop();
}

#[test]
fn a_server_that_is_killed_is_no_orderly_end() {
    let certificates = Certificates::new();
    let proxy = certificates.proxy(&["--to", "echo"]);
    let mut bridge = certificates.bridge(&proxy, &[]);
    bridge.write("one\n");
    assert_eq!(bridge.line(), "one");
    proxy.running.signal(Signal::KILL);
    bridge.end().failed(4, "E-TLS-02");
}

#[test]
fn sigterm_ends_the_connection_in_order() {
    let certificates = Certificates::new();
    let mut proxy = certificates.proxy(&["--to", "echo"]);
    for signal in [Signal::TERM, Signal::INT] {
        let mut bridge = certificates.bridge(&proxy, &[]);
        bridge.write("one\n");
        assert_eq!(bridge.line(), "one");
        bridge.signal(signal);
        bridge.end().succeeded();
        let closed = proxy.report("closed");
        assert!(!closed.contains("E-"), "{closed}");
    }
    proxy.stop();
}

#[test]
fn a_client_that_went_away_is_no_failure() {
    let certificates = Certificates::new();
    let mut proxy = certificates.proxy(&["--to", "echo"]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let arguments = certificates.bridge_arguments(proxy.address.port(), &[]);
    let mut bridge = Running::start_with(&arguments, writer, Stdio::piped());
    let begun = Instant::now();
    bridge.write("to nobody\n");
    assert_eq!(bridge.end().succeeded().stderr, [""; 0]);
    assert!(begun.elapsed() < LIMIT / 2);
    let closed = proxy.report("closed");
    assert!(!closed.contains("E-"), "{closed}");
    proxy.stop();
}

#[test]
fn a_server_that_says_nothing_and_one_that_speaks_no_tls_are_given_up() {
    let certificates = Certificates::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (done, wait) = std::sync::mpsc::channel::<()>();
    let serving = thread::spawn(move || {
        let silent = listener.accept().unwrap();
        let (mut clear, _) = listener.accept().unwrap();
        clear
            .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            .unwrap();
        let _ = wait.recv_timeout(LIMIT);
        drop(silent);
        // Until the client is through with what it was sent.
        let _ = clear.read_to_end(&mut Vec::new());
    });
    let timeout = ["--handshake-timeout", "0.3"];
    let mut bridge = Running::start(&certificates.bridge_arguments(port, &timeout));
    bridge.end().failed(6, "E-TIM-01");
    let mut bridge = Running::start(&certificates.bridge_arguments(port, &[]));
    bridge.end().failed(4, "E-TLS-04");
    done.send(()).unwrap();
    serving.join().unwrap();
}

#[test]
fn protocols_must_have_one_in_common() {
    let certificates = Certificates::new();
    let mut proxy = certificates.proxy(&["--alpn", "mcp,http/1.1", "--to", "echo"]);
    let mut bridge = certificates.bridge(&proxy, &["--alpn", "http/1.1,mcp"]);
    bridge.close_stdin().end().succeeded();
    let opened = proxy.report("opened");
    assert!(opened.contains("ALPN mcp"), "{opened}");
    certificates
        .bridge(&proxy, &["--alpn", "h2"])
        .end()
        .failed(5, "E-TLS-01");
    proxy.report("E-TLS-07");
    proxy.stop();
}

#[test]
fn tls_1_2_is_spoken_only_when_it_is_asked_for() {
    let Some(openssl) = program("openssl") else {
        return;
    };
    let certificates = Certificates::new();
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let mut command = Command::new(openssl);
    command
        .args([
            "s_server",
            "-tls1_2",
            "-rev",
            "-accept",
            &format!("127.0.0.1:{port}"),
            "-cert",
        ])
        .arg(certificates.path("ca/localhost.pem"))
        .arg("-key")
        .arg(certificates.path("ca/localhost.key"));
    let mut server = Running::command(&mut command);
    while server.line() != "ACCEPT" {}
    let connect = |more: &[&str]| Running::start(&certificates.bridge_arguments(port, more));
    let end = connect(&[]).end();
    // Whoever notices first.
    match end.status.code() {
        Some(4) => end.failed(4, "E-TLS-06"),
        _ => end.failed(5, "E-TLS-01"),
    };
    let mut bridge = connect(&["--min-tls", "1.2"]);
    bridge.write("abc\n");
    assert_eq!(bridge.line(), "cba");
    // It does not close when its input ends: in an MCP client's stead, a signal does.
    thread::sleep(Duration::from_millis(50));
    bridge.signal(Signal::TERM);
    bridge.end().succeeded();
}
