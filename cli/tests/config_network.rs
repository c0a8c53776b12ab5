//! `ravelin proxy`, `bridge` and `inspect` started from one file of settings.
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
use std::net::Shutdown;
use std::os::unix::net::UnixListener;
use std::thread;

use serde_json::Value;
use support::{Certificates, Proxy, Running};

#[test]
fn proxy_bridge_and_inspect_run_from_one_file() {
    let certificates = Certificates::new();
    let config = certificates.path("ravelin.toml");
    let (laptop, localhost) = (certificates.pin("laptop"), certificates.pin("localhost"));
    let proxy = format!(
        "version = 1

        [proxy]
        listen = '127.0.0.1:0'
        cert = 'ca/localhost.pem'
        key = 'ca/localhost.key'
        client-ca = 'ca/ca.pem'
        client-pin = ['{laptop}', '{localhost}']
        json = true
        to = 'stdio'
        command = ['sh', '-c', 'echo \"$@\"; cat', 'sh', '--json', '--']
        "
    );
    fs::write(&config, &proxy).unwrap();
    let mut running = Proxy::start(&["proxy", "--config", &config]);
    let listening: Value = serde_json::from_str(&running.report("listening")).unwrap();
    assert_eq!(listening["address"], running.address.to_string());

    let port = running.address.port();
    let client = format!(
        "{proxy}
        [bridge]
        server = 'localhost:{port}'
        ca = 'ca/ca.pem'
        cert = 'ca/laptop.pem'
        key = 'ca/laptop.key'
        pin = ['{localhost}', '{laptop}']

        [inspect]
        server = 'localhost:{port}'
        ca = 'ca/ca.pem'
        json = true
        "
    );
    fs::write(&config, client).unwrap();
    let mut bridge = Running::start(&["bridge", "--config", &config]);
    bridge.write("question\n").close_stdin();
    let end = bridge.end();
    assert_eq!(end.succeeded().stdout, ["--json --", "question"]);
    let opened: Value = serde_json::from_str(&running.report("\"opened\"")).unwrap();
    assert!(opened.to_string().contains(&laptop), "{opened}");

    // The command line wins: this server is not the one of the file, and nothing listens there.
    let end = Running::start(&["bridge", "--config", &config, "localhost:1"]).end();
    assert_eq!(end.status.code(), Some(6), "{end:?}");
    // And the pins are replaced, not joined.
    let other = "sha256:YLh1dUR9y6Kja30RrAn7JKnbQG/uEtLMkBgFF2Fuihg=";
    let end = Running::start(&["bridge", "--pin", other, "--config", &config]).end();
    end.failed(4, "E-PIN-02");

    let end = Running::start(&["inspect", "--config", &config]).end();
    let report: Value = serde_json::from_str(&end.succeeded().stdout.join("\n")).unwrap();
    assert_eq!(report["server"], format!("localhost:{port}"));
    assert_eq!(report["verdict"]["trusted"], true);
    running.stop();
}

#[test]
fn a_socket_lies_beside_the_file_that_names_it() {
    let certificates = Certificates::new();
    let listener = UnixListener::bind(certificates.path("socket")).unwrap();
    let serving = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut heard = String::new();
        stream.read_to_string(&mut heard).unwrap();
        stream.write_all(heard.to_uppercase().as_bytes()).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
    });
    let config = certificates.path("ravelin.toml");
    fs::write(&config, "version = 1\n[proxy]\nto = 'unix:socket'\n").unwrap();
    let mut proxy = certificates.proxy(&["--config", &config]);
    let mut bridge = certificates.bridge(&proxy, &[]);
    bridge.write("question\n").close_stdin();
    assert_eq!(bridge.end().succeeded().stdout, ["QUESTION"]);
    serving.join().unwrap();
    proxy.stop();
}

#[test]
fn a_command_on_the_command_line_replaces_that_of_the_file() {
    let certificates = Certificates::new();
    let config = certificates.path("ravelin.toml");
    fs::write(
        &config,
        "version = 1\n[proxy]\nto = 'stdio'\ncommand = ['echo', 'file']\n",
    )
    .unwrap();
    for (more, said) in [
        (&[][..], "file"),
        (&["--"], "file"),
        // Behind the `--` it is a word of the command.
        (&["--", "echo", "--config", "x"], "--config x"),
    ] {
        let mut proxy = certificates.proxy(&[&["--config", &config], more].concat());
        let mut bridge = certificates.bridge(&proxy, &[]);
        assert_eq!(bridge.line(), said);
        bridge.end().succeeded();
        proxy.stop();
    }
}
