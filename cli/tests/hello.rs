//! `ravelin proxy --to hello`, judged with other people's tools.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[allow(dead_code, unreachable_pub, reason = "each test file uses its part")]
mod support;

use std::process::Command;

use support::{Certificates, Proxy, Running, output, program};

#[test]
fn raw_requests_through_the_bridge_get_pages_until_one_closes() {
    let certificates = Certificates::new();
    let ca = certificates.path("ca/ca.pem");
    let mut proxy = certificates.proxy(&["--client-ca", &ca, "--to", "hello"]);
    let mut bridge = certificates.bridge_as_laptop(&proxy, &[]);
    bridge.write("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_eq!(bridge.line(), "HTTP/1.1 200 OK\r");
    let head: Vec<String> = std::iter::repeat_with(|| bridge.line())
        .take_while(|line| line != "\r")
        .collect();
    assert!(
        head.contains(&"Connection: keep-alive\r".to_owned()),
        "{head:?}"
    );
    assert_eq!(bridge.line(), "hello from ravelin");
    let page = bridge.line();
    assert!(
        page.starts_with("TLS 1.3, ") && page.contains(&certificates.pin("laptop")),
        "{page}"
    );

    bridge.write("HEAD / HTTP/1.1\r\nConnection: close\r\n\r\n");
    // It closes although stdin is open.
    let end = bridge.end();
    let answer = &end.succeeded().stdout;
    assert_eq!(answer.first().unwrap(), "HTTP/1.1 200 OK\r");
    assert_eq!(answer.last().unwrap(), "\r", "{answer:?}");

    let mut bridge = certificates.bridge_as_laptop(&proxy, &[]);
    bridge.write("garbage\r\n\r\n");
    assert_eq!(
        bridge.end().succeeded().stdout[0],
        "HTTP/1.1 400 Bad Request\r"
    );
    proxy.stop();
}

#[test]
fn curl_verifies_the_server_and_keeps_its_connection() {
    let Some(curl) = program("curl") else {
        return;
    };
    let certificates = Certificates::new();
    let path = |file| certificates.path(file);
    let ca = path("ca/ca.pem");
    let mut proxy = certificates.proxy(&["--client-ca", &ca, "--to", "hello"]);
    let url = format!("https://localhost:{}/", proxy.address.port());
    let get = |more: &[&str]| {
        let mut command = Command::new(&curl);
        let first = [
            "--silent",
            "--show-error",
            "--verbose",
            "--max-time",
            "20",
            "--cacert",
            &ca,
        ];
        output(
            command
                .args(first)
                .args(["--resolve", "localhost:0:127.0.0.1"])
                .args(more),
            "",
        )
    };
    let (cert, key) = (path("ca/laptop.pem"), path("ca/laptop.key"));
    let identity = ["--cert", &cert, "--key", &key];
    let (status, said) = get(&[&identity[..], &[&url, &url]].concat());
    assert!(status.success(), "{said}");
    assert_eq!(said.matches("hello from ravelin").count(), 2, "{said}");
    assert!(said.contains("Re-using existing connection"), "{said}");
    let (status, said) = get(&[&identity[..], &["--data", "a=b", "--http1.0", &url]].concat());
    assert!(
        status.success() && said.contains("hello from ravelin"),
        "{said}"
    );
    let opened = proxy.report("opened");
    assert!(opened.contains("DNS:laptop"), "{opened}");

    let (status, said) = get(&[&url]);
    assert!(
        !status.success() && said.contains("certificate required"),
        "{said}"
    );
    proxy.report("E-CRT-07");
    // A kept connection holds up no drain.
    proxy.stop();
}

#[test]
fn openssl_sees_versions_tickets_and_protocols_as_configured() {
    let Some(openssl) = program("openssl") else {
        return;
    };
    let certificates = Certificates::new();
    let ca = certificates.path("ca/ca.pem");
    let ask = |proxy: &Proxy, more: &[&str]| {
        let mut command = Command::new(&openssl);
        let address = proxy.address.to_string();
        let first = [
            "s_client",
            "-connect",
            &address,
            "-CAfile",
            &ca,
            "-verify_return_error",
        ];
        // Without it, the end of its stdin ends the client before the answer.
        let arguments = [&first[..], &["-ign_eof"], more].concat();
        output(command.args(arguments), "GET / HTTP/1.0\r\n\r\n").1
    };
    let tickets = |said: &str| {
        said.matches("Post-Handshake New Session Ticket arrived")
            .count()
    };

    let mut proxy =
        certificates.proxy(&["--tickets", "3", "--alpn", "a,http/1.1", "--to", "hello"]);
    let said = ask(&proxy, &["-alpn", "http/1.1,a"]);
    for part in [
        "hello from ravelin",
        "Verify return code: 0 (ok)",
        "TLSv1.3",
        "ALPN protocol: a",
    ] {
        assert!(said.contains(part), "no {part} in {said}");
    }
    assert_eq!(tickets(&said), 3, "{said}");
    let said = ask(&proxy, &["-tls1_2"]);
    assert!(!said.contains("hello from ravelin"), "{said}");
    proxy.report("E-TLS-06");
    proxy.stop();

    let proxy = certificates.proxy(&["--tickets", "0", "--min-tls", "1.2", "--to", "hello"]);
    let said = ask(&proxy, &[]);
    assert!(
        said.contains("hello from ravelin") && tickets(&said) == 0,
        "{said}"
    );
    let said = ask(&proxy, &["-tls1_2"]);
    assert!(
        said.contains("hello from ravelin") && said.contains("TLSv1.2"),
        "{said}"
    );
}

#[test]
fn keys_of_every_kind_and_form_are_served() {
    let Some(openssl) = program("openssl") else {
        return;
    };
    let certificates = Certificates::new();
    let path = |file: &str| certificates.path(file);
    let (ca, ca_key) = (path("ca/ca.pem"), path("ca/ca.key"));
    let run = |arguments: &[&str]| {
        let (status, said) = output(Command::new(&openssl).args(arguments), "");
        assert!(status.success(), "{said}");
    };
    let kinds: &[(&str, &[&str])] = &[
        ("rsa", &["-newkey", "rsa:2048"]),
        (
            "p256",
            &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
        ),
        (
            "p384",
            &["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"],
        ),
        ("ed25519", &["-newkey", "ed25519"]),
    ];
    for (kind, new_key) in kinds {
        let (cert, key) = (path(&format!("{kind}.pem")), path(&format!("{kind}.key")));
        let issue = [
            "req",
            "-x509",
            "-nodes",
            "-CA",
            &ca,
            "-CAkey",
            &ca_key,
            "-subj",
            "/CN=localhost",
            "-addext",
            "subjectAltName=DNS:localhost",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
            "-days",
            "2",
            "-keyout",
            &key,
            "-out",
            &cert,
        ];
        run(&[&issue[..], *new_key].concat());
        let mut keys = vec![key.clone()];
        if *kind != "ed25519" {
            // PKCS#1 or SEC1 in place of PKCS#8.
            let traditional = path(&format!("{kind}-traditional.key"));
            run(&["pkey", "-traditional", "-in", &key, "-out", &traditional]);
            keys.push(traditional);
        }
        for key in keys {
            let first = [
                "proxy",
                "--listen",
                "127.0.0.1:0",
                "--cert",
                &cert,
                "--key",
                &key,
            ];
            let mut proxy = Proxy::start(&[&first[..], &["--to", "hello"]].concat());
            let mut bridge: Running = certificates.bridge(&proxy, &[]);
            bridge.write("GET / HTTP/1.0\r\n\r\n");
            let end = bridge.end();
            assert!(
                end.succeeded()
                    .stdout
                    .contains(&"hello from ravelin".to_owned()),
                "{key}: {end:?}"
            );
            proxy.stop();
        }
    }
}
