//! `ravelin inspect` and `ravelin pin HOST:PORT` show what a server presents, and judge it only when they can.
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
use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, date_time_ymd};
use serde_json::{Value, json};
use support::{Certificates, End, Proxy, Running, program};

fn inspect(server: &str, more: &[&str]) -> End {
    Running::start(&[&["inspect", server], more].concat()).end()
}

fn report(end: &End) -> Value {
    serde_json::from_str(&end.stdout.concat()).unwrap()
}

fn warnings(report: &Value) -> Vec<&str> {
    let warnings = report["warnings"].as_array().unwrap();
    warnings
        .iter()
        .map(|warning| warning["code"].as_str().unwrap())
        .collect()
}

fn localhost(proxy: &Proxy) -> String {
    format!("localhost:{}", proxy.address.port())
}

#[test]
fn a_trusted_server_is_described() {
    let certificates = Certificates::new();
    let proxy = certificates.proxy(&["--to", "echo", "--alpn", "mcp"]);
    let ca = certificates.path("ca/ca.pem");
    let end = inspect(
        &localhost(&proxy),
        &["--ca", &ca, "--alpn", "mcp", "--json"],
    );
    end.succeeded();
    assert_eq!(end.stderr, [""; 0]);
    let report = report(&end);
    assert_eq!(report["verdict"], json!({ "trusted": true }));
    assert_eq!(report["version"], "TLS 1.3");
    assert_eq!(report["group"], "X25519MLKEM768");
    assert_eq!(report["alpn"], "mcp");
    assert_eq!(warnings(&report), [""; 0]);
    let chain = report["chain"].as_array().unwrap();
    assert_eq!(chain.len(), 1);
    assert_eq!(chain[0]["subject"], "localhost");
    assert_eq!(chain[0]["names"], json!(["DNS:localhost"]));
    assert_eq!(chain[0]["pin"], certificates.pin("localhost"));
    assert!((363..=365).contains(&chain[0]["days_left"].as_i64().unwrap()));
}

#[test]
fn a_refused_server_is_described_as_well() {
    let certificates = Certificates::new();
    let proxy = certificates.proxy(&["--to", "echo"]);
    let (ca, other) = (
        certificates.path("ca/ca.pem"),
        certificates.path("other/ca.pem"),
    );
    let pin = certificates.pin("laptop");
    let cases: [(&[&str], &str, &[&str]); 3] = [
        (&["--ca", &other], "E-CRT-01", &[]),
        (
            &["--ca", &ca, "--name", "example.org"],
            "E-CRT-04",
            &["name-missing"],
        ),
        (&["--ca", &ca, "--pin", &pin], "E-PIN-02", &[]),
    ];
    for (arguments, code, expected) in cases {
        let end = inspect(&localhost(&proxy), &[arguments, &["--json"]].concat());
        end.failed(4, code);
        let report = report(&end);
        assert_eq!(report["verdict"]["trusted"], false);
        assert_eq!(report["verdict"]["code"], code);
        assert_eq!(report["chain"][0]["pin"], certificates.pin("localhost"));
        assert_eq!(warnings(&report), expected, "{code}");
    }
    let end = inspect(&localhost(&proxy), &["--ca", &other]);
    end.failed(4, "E-CRT-01");
    assert_eq!(end.stdout.last().unwrap(), "verdict: refused, E-CRT-01");
}

#[test]
fn without_a_ca_nobody_is_judged() {
    let certificates = Certificates::new();
    let proxy = certificates.proxy(&["--to", "echo"]);
    let server = proxy.address.to_string();
    let end = inspect(&server, &["--json"]);
    end.succeeded();
    let report = report(&end);
    assert_eq!(report["verdict"]["trusted"], Value::Null);
    assert_eq!(warnings(&report), ["name-missing"]);

    let end = inspect(&server, &["--name", "localhost"]);
    end.succeeded();
    assert_eq!(end.stdout[0], format!("{server} as localhost"));
    assert_eq!(end.stdout.last().unwrap(), "verdict: not judged: give --ca");
    for line in [
        "  version      TLS 1.3",
        "  group        X25519MLKEM768",
        "certificate 1 (leaf)",
        "  subject      localhost",
        "  names        DNS:localhost",
        &format!("  pin          {}", certificates.pin("localhost")),
    ] {
        assert!(
            end.stdout.iter().any(|shown| shown == line),
            "{line}: {end:#?}"
        );
    }
    // What belongs to a verdict needs someone to vouch.
    for more in [["--pin", "x"], ["--min-tls", "1.2"]] {
        inspect(&server, &more).failed(2, "E-USE-01");
    }
}

#[test]
fn a_server_that_refuses_this_client_is_trusted_and_said_to() {
    let certificates = Certificates::new();
    let ca = certificates.path("ca/ca.pem");
    let proxy = certificates.proxy(&["--to", "echo", "--client-ca", &ca]);
    let end = inspect(&localhost(&proxy), &["--ca", &ca, "--json"]);
    end.succeeded();
    let report = report(&end);
    assert_eq!(report["verdict"]["trusted"], true);
    assert_eq!(warnings(&report), ["client-refused"]);
    assert!(
        report["warnings"][0]["text"]
            .as_str()
            .unwrap()
            .contains("certificate_required")
    );
}

/// A proxy with a certificate that is its own CA, for `localhost`; gives the path of its PEM too.
fn self_signed(folder: &Path, change: impl FnOnce(&mut CertificateParams)) -> (Proxy, String) {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    let cert = params.self_signed(&key).unwrap();
    let (pem, key_file) = (folder.join("self.pem"), folder.join("self.key"));
    fs::write(&pem, cert.pem()).unwrap();
    fs::write(&key_file, key.serialize_pem()).unwrap();
    let (pem, key_file) = (pem.to_str().unwrap(), key_file.to_str().unwrap());
    let arguments = [
        "proxy",
        "--listen",
        "127.0.0.1:0",
        "--unsafe-key-mode",
        "--to",
        "echo",
    ];
    let files = ["--cert", pem, "--key", key_file];
    (
        Proxy::start(&[&arguments[..], &files].concat()),
        pem.to_owned(),
    )
}

#[test]
fn times_are_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let (proxy, pem) = self_signed(folder.path(), |params| {
        params.not_before = date_time_ymd(2000, 1, 1);
        params.not_after = date_time_ymd(2001, 1, 1);
    });
    let end = inspect(&localhost(&proxy), &["--json"]);
    end.succeeded();
    let described = report(&end);
    assert_eq!(warnings(&described), ["expired", "self-issued"]);
    assert_eq!(described["chain"][0]["not_after"], "2001-01-01T00:00:00Z");
    assert!(described["chain"][0]["days_left"].as_i64().unwrap() < -9000);
    inspect(&localhost(&proxy), &["--ca", &pem]).failed(4, "E-CRT-02");

    let (proxy, _) = self_signed(folder.path(), |params| {
        params.not_before = date_time_ymd(3000, 1, 1);
        params.not_after = date_time_ymd(3001, 1, 1);
    });
    let end = inspect(&localhost(&proxy), &["--json"]);
    assert_eq!(warnings(&report(&end)), ["not-yet-valid", "self-issued"]);

    let certificates = Certificates::new();
    let short = ["--server", "127.0.0.1", "--days", "10"];
    let out = certificates.path("ca");
    let made = Running::start(&[&["dev-ca", "--out", &out], &short[..]].concat()).end();
    made.succeeded();
    let (pem, key) = (
        certificates.path("ca/127.0.0.1.pem"),
        certificates.path("ca/127.0.0.1.key"),
    );
    let proxy = Proxy::start(&[
        "proxy",
        "--listen",
        "127.0.0.1:0",
        "--cert",
        &pem,
        "--key",
        &key,
        "--to",
        "echo",
    ]);
    let end = inspect(&proxy.address.to_string(), &["--json"]);
    assert_eq!(warnings(&report(&end)), ["expires-soon"]);
}

#[test]
fn what_a_server_says_of_itself_stays_on_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let (proxy, _) = self_signed(folder.path(), |params| {
        let mut name = DistinguishedName::new();
        name.push(DnType::CommonName, "a\u{202e}b\u{2028}verdict: trusted");
        params.distinguished_name = name;
    });
    let end = inspect(&localhost(&proxy), &[]);
    end.succeeded();
    let shown = "  subject      a\\u{202e}b\\u{2028}verdict: trusted";
    assert!(end.stdout.iter().any(|line| line == shown), "{end:#?}");
    assert_eq!(
        end.stdout
            .iter()
            .filter(|line| line.starts_with("verdict"))
            .count(),
        1
    );
}

#[test]
fn an_old_server_is_looked_at_and_trusted_only_on_demand() {
    let Some(openssl) = program("openssl") else {
        return;
    };
    let certificates = Certificates::new();
    let (cert, key) = (
        certificates.path("ca/localhost.pem"),
        certificates.path("ca/localhost.key"),
    );
    let mut server = Running::command(Command::new(openssl).args([
        "s_server",
        "-accept",
        "127.0.0.1:0",
        "-tls1_2",
        "-groups",
        "X25519",
        "-cert",
        &cert,
        "-key",
        &key,
    ]));
    let port = loop {
        let line = server.line();
        if let Some(address) = line.strip_prefix("ACCEPT ") {
            break address.rsplit_once(':').unwrap().1.to_owned();
        }
    };
    let (address, ca) = (format!("localhost:{port}"), certificates.path("ca/ca.pem"));

    let end = inspect(&address, &["--json"]);
    end.succeeded();
    let described = report(&end);
    assert_eq!(described["version"], "TLS 1.2");
    assert_eq!(warnings(&described), ["tls-1.2"]);
    assert_eq!(described["chain"][0]["pin"], certificates.pin("localhost"));

    let end = inspect(&address, &["--ca", &ca, "--json"]);
    end.failed(5, "E-TLS-01");
    assert_eq!(report(&end)["version"], "TLS 1.2");

    let end = inspect(&address, &["--ca", &ca, "--min-tls", "1.2", "--json"]);
    end.succeeded();
    let described = report(&end);
    assert_eq!(described["verdict"], json!({ "trusted": true }));
    assert_eq!(
        (&described["version"], &described["group"]),
        (&json!("TLS 1.2"), &json!("X25519"))
    );
}

#[test]
fn a_group_without_ml_kem_is_warned_of() {
    let Some(openssl) = program("openssl") else {
        return;
    };
    let certificates = Certificates::new();
    let (cert, key) = (
        certificates.path("ca/localhost.pem"),
        certificates.path("ca/localhost.key"),
    );
    let mut server = Running::command(Command::new(openssl).args([
        "s_server",
        "-accept",
        "127.0.0.1:0",
        "-tls1_3",
        "-groups",
        "P-256",
        "-cert",
        &cert,
        "-key",
        &key,
    ]));
    let port = loop {
        let line = server.line();
        if let Some(address) = line.strip_prefix("ACCEPT ") {
            break address.rsplit_once(':').unwrap().1.to_owned();
        }
    };
    let end = inspect(&format!("localhost:{port}"), &["--json"]);
    end.succeeded();
    let described = report(&end);
    assert_eq!(described["group"], "secp256r1");
    assert_eq!(warnings(&described), ["no-post-quantum"]);
}

#[test]
fn whoever_does_not_speak_tls_in_time_is_no_wait() {
    let begun = Instant::now();
    // Takes connections and is silent; says something else; sends a byte now and then.
    type Answer = fn(TcpStream);
    let answers: [(Answer, i32, &str); 4] = [
        (|stream| thread::sleep(keep(&stream)), 6, "E-TIM-01"),
        (
            |mut stream| stream.write_all(b"220 mail.example.org ready\r\n").unwrap(),
            4,
            "E-TLS-04",
        ),
        (
            |mut stream| {
                let mut record = [22, 3, 3, 64, 0].iter().chain([&2; 16_384]);
                while record
                    .next()
                    .is_some_and(|byte| stream.write_all(&[*byte]).is_ok())
                {
                    thread::sleep(Duration::from_millis(20));
                }
            },
            6,
            "E-TIM-01",
        ),
        (drop, 0, ""),
    ];
    for (answer, exit, code) in answers {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = listener.local_addr().unwrap().to_string();
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                answer(stream);
            }
        });
        for command in ["inspect", "pin"] {
            let end = Running::start(&[command, &server, "--timeout", "0.5"]).end();
            if code.is_empty() {
                // Cut: as an end without close_notify, or as a reset.
                assert_ne!(end.status.code(), Some(0), "{end:#?}");
            } else {
                end.failed(exit, code);
            }
            assert_eq!(end.stdout, [""; 0]);
        }
    }
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "{:?}",
        begun.elapsed()
    );

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = listener.local_addr().unwrap().to_string();
    drop(listener);
    for command in ["inspect", "pin"] {
        let run = |server: &str| Running::start(&[command, server, "--timeout", "2"]).end();
        run(&closed).failed(6, "E-NET-03");
        run("a_name_with spaces:1").failed(3, "E-NET-01");
        run("name.invalid:1").failed(6, "E-NET-02");
    }
    inspect("localhost", &[]).failed(2, "E-USE-01");
    inspect("localhost:1", &["--ca", "missing.pem"]).failed(3, "E-FIL-01");
}

fn keep(_stream: &TcpStream) -> Duration {
    Duration::from_secs(2)
}

#[test]
fn the_pins_of_a_server_are_those_of_its_file() {
    let certificates = Certificates::new();
    let chain = certificates.path("chain.pem");
    let parts = ["ca/localhost.pem", "ca/ca.pem"];
    let parts = parts.map(|part| fs::read_to_string(certificates.path(part)).unwrap());
    fs::write(&chain, parts.concat()).unwrap();
    let key = certificates.path("ca/localhost.key");
    let proxy = Proxy::start(&[
        "proxy",
        "--listen",
        "127.0.0.1:0",
        "--cert",
        &chain,
        "--key",
        &key,
        "--to",
        "echo",
    ]);
    let pin = |arguments: &[&str]| Running::start(&[&["pin"], arguments].concat()).end();
    let (of_file, of_server) = (pin(&[&chain]), pin(&[&localhost(&proxy)]));
    of_server.succeeded();
    assert_eq!(of_server.stdout, of_file.stdout);
    assert!(of_server.stdout[0].starts_with(&certificates.pin("localhost")));
    assert_eq!(of_file.stderr, [""; 0]);
    let [warning] = of_server.stderr.as_slice() else {
        panic!("{of_server:#?}");
    };
    assert!(warning.starts_with("warning: nobody vouched for this server"));

    let (of_file, of_server) = (
        report(&pin(&[&chain, "--json"])),
        report(&pin(&[&localhost(&proxy), "--json"])),
    );
    assert_eq!(of_server["pins"], of_file["pins"]);
    assert_eq!(of_server["pins"].as_array().unwrap().len(), 2);
    assert!(of_server["warning"].is_string() && of_file["warning"].is_null());

    // With a name that no server has in its certificate, it is still only a look.
    pin(&[&localhost(&proxy), "--name", "example.org"]).succeeded();
    pin(&[&chain, "--name", "localhost"]).failed(2, "E-USE-01");
}

#[test]
fn a_file_wins_over_a_server_of_its_name() {
    let certificates = Certificates::new();
    let folder = tempfile::tempdir().unwrap();
    let name = "localhost:1";
    let pem = fs::read(certificates.path("ca/laptop.pem")).unwrap();
    fs::write(folder.path().join(name), pem).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_ravelin"));
    let end = Running::command(command.current_dir(folder.path()).args(["pin", name])).end();
    end.succeeded();
    assert!(end.stdout[0].starts_with(&certificates.pin("laptop")));
    Running::start(&["pin", "neither-file-nor-server"])
        .end()
        .failed(3, "E-CLI-03");
}
