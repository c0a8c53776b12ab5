//! With the `openssl` program over loopback, both ways, through a blocking loop.

mod resumption;

use std::io;
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use ravelin_core::config::{Builder, Client, Limits, Server};
use ravelin_core::pki_types::ServerName;
use ravelin_core::{
    ClientAuth, ClientConfig, Connection, Error, Event, ServerConfig, Version, provider,
};
use ravelin_tests::blocking::{Blocking, Clock};
use ravelin_tests::ca::{Ca, Issued, Leaf};
use ravelin_tests::external::{PATIENCE, Running, Scratch, require};
use ravelin_tests::setup::{identity, setup};

#[test]
fn s_client_meets_our_server() {
    if !require("openssl") {
        return;
    }
    let files = Files::new();
    let config = mutual().alpn(["mcp"]).build().unwrap();
    let arguments = [
        "-tls1_3",
        "-alpn",
        "h2,mcp",
        "-cert",
        &files.alice,
        "-key",
        &files.alice_key,
    ];
    let (mut ours, mut theirs) = serve(&config, &files, &arguments);
    ours.establish().unwrap();
    let peer = ours.connection.peer().unwrap();
    assert_eq!(peer.version(), Version::Tls13);
    assert_eq!(peer.alpn(), Some(&b"mcp"[..]));
    assert_eq!(peer.server_name(), Some("localhost"));
    assert_eq!(peer.fingerprint(), Some(setup().client.leaf_sha256()));
    exchange(&mut ours, &mut theirs);
    // Its close_notify, then ours.
    theirs.write("Q\n");
    ours.wait_for_close().unwrap();
    ours.close().unwrap();
    let (status, said) = theirs.finish();
    assert!(status.success(), "{said}");
    for fact in [
        "New, TLSv1.3",
        "ALPN protocol: mcp",
        "Verify return code: 0 (ok)",
        "Acceptable client certificate CA names\nCN = Test CA\n",
    ] {
        assert!(said.contains(fact), "{fact}:\n{said}");
    }
}

#[test]
fn s_client_learns_that_we_close() {
    if !require("openssl") {
        return;
    }
    let files = Files::new();
    let config = server().build().unwrap();
    let (mut ours, mut theirs) = serve(&config, &files, &[]);
    ours.establish().unwrap();
    exchange(&mut ours, &mut theirs);
    ours.close().unwrap();
    ours.wait_for_close().unwrap();
    theirs.wait_for("closed");
    assert!(theirs.finish().0.success());
}

#[test]
fn s_client_without_the_right_certificate_is_refused() {
    if !require("openssl") {
        return;
    }
    let files = Files::new();
    let stranger = Ca::new("Other CA", 5).issue(Leaf::client("alice"));
    let certificate = files.scratch.file("stranger.pem", stranger.chain_pem());
    let key = files.scratch.file("stranger.key", stranger.key_pem());
    let config = mutual().build().unwrap();
    for (arguments, code, alert) in [
        (&[][..], "E-CRT-07", "alert certificate required"),
        (
            &["-cert", &certificate, "-key", &key],
            "E-CRT-01",
            "alert unknown ca",
        ),
    ] {
        let (mut ours, mut theirs) = serve(&config, &files, arguments);
        assert_eq!(refusal(ours.establish()).code(), code);
        theirs.wait_for(alert);
    }
}

#[test]
fn s_client_gets_tls_1_2_only_where_it_is_allowed() {
    if !require("openssl") {
        return;
    }
    let files = Files::new();
    let (mut ours, mut theirs) = serve(&mutual().build().unwrap(), &files, &["-tls1_2"]);
    assert_eq!(refusal(ours.establish()).code(), "E-TLS-06");
    theirs.wait_for("alert protocol version");

    let config = mutual().min_version(Version::Tls12).build().unwrap();
    let arguments = ["-tls1_2", "-cert", &files.alice, "-key", &files.alice_key];
    let (mut ours, mut theirs) = serve(&config, &files, &arguments);
    ours.establish().unwrap();
    let peer = ours.connection.peer().unwrap();
    assert_eq!(peer.version(), Version::Tls12);
    assert!(peer.leaf_pin().is_some());
    exchange(&mut ours, &mut theirs);
    theirs.write("Q\n");
    ours.wait_for_close().unwrap();

    // No suite without AEAD and forward secrecy, not even there.
    for suite in [
        "AES128-SHA",
        "AES256-GCM-SHA384",
        "ECDHE-ECDSA-AES128-SHA256",
    ] {
        let arguments = ["-tls1_2", "-cipher", suite];
        let (mut ours, mut theirs) = serve(&config, &files, &arguments);
        assert_eq!(refusal(ours.establish()).code(), "E-TLS-06", "{suite}");
        theirs.wait_for("alert handshake failure");
    }
}

#[test]
fn s_client_sends_small_fragments_and_takes_small_ones() {
    if !require("openssl") {
        return;
    }
    let files = Files::new();
    let limits = Limits {
        fragment: 512,
        ..Limits::default()
    };
    let config = server().limits(limits).build().unwrap();
    let (mut ours, mut theirs) = serve(&config, &files, &["-max_send_frag", "512"]);
    ours.establish().unwrap();
    let records = ours.connection.counters().records;
    let line = format!("{}\n", "abcdefgh".repeat(1000));
    theirs.write(&line);
    assert_eq!(ours.read_exact(line.len()).unwrap(), line.as_bytes());
    let records = ours.connection.counters().records - records;
    assert!(records >= 16, "8001 bytes came in {records} records");
    let answer = format!("{}.end\n", "ijklmnop".repeat(1000));
    ours.write_all(answer.as_bytes()).unwrap();
    theirs.wait_for(&answer);
}

#[test]
fn s_client_and_we_update_keys() {
    if !require("openssl") {
        return;
    }
    let files = Files::new();
    let (mut ours, mut theirs) = serve(&server().build().unwrap(), &files, &[]);
    ours.establish().unwrap();
    exchange(&mut ours, &mut theirs);
    // With a request for ours, and without.
    for (command, times) in [("K\n", 1), ("k\n", 2)] {
        // It takes one line at a time, and drops what comes with a command.
        theirs.write(command);
        theirs.wait_for_times("KEYUPDATE", times);
        theirs.write("after their update\n");
        assert_eq!(ours.read_exact(19).unwrap(), b"after their update\n");
        ours.write_all(b"and back\n").unwrap();
    }
    theirs.wait_for_times("and back\n", 2);
    ours.update_keys().unwrap();
    ours.write_all(b"after our update\n").unwrap();
    theirs.wait_for("after our update\n");
    // Its answer to our request comes first, then this.
    theirs.write("still there\n");
    assert_eq!(ours.read_exact(12).unwrap(), b"still there\n");
    assert_eq!(ours.connection.counters().key_updates, 1);
}

#[test]
fn a_connection_that_is_cut_is_no_end_of_data() {
    if !require("openssl") {
        return;
    }
    let files = Files::new();
    let (mut ours, mut theirs) = serve(&server().build().unwrap(), &files, &[]);
    ours.establish().unwrap();
    exchange(&mut ours, &mut theirs);
    drop(theirs);
    match ours.wait_for_close() {
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
        ended => assert_eq!(refusal(ended).code(), "E-TLS-02"),
    }
}

#[test]
fn our_client_meets_s_server() {
    if !require("openssl") {
        return;
    }
    let files = Files::new();
    let arguments = [
        "-tls1_3",
        "-alpn",
        "mcp",
        "-Verify",
        "2",
        "-verify_return_error",
        "-CAfile",
        &files.ca,
    ];
    let mut theirs = s_server(&files, &arguments);
    let config = client()
        .identity(identity(&setup().client))
        .alpn(["mcp", "h2"]);
    let mut ours = connect(&config.build().unwrap(), &mut theirs, Clock::system());
    ours.establish().unwrap();
    let peer = ours.connection.peer().unwrap();
    assert_eq!(peer.version(), Version::Tls13);
    assert_eq!(peer.alpn(), Some(&b"mcp"[..]));
    assert_eq!(peer.fingerprint(), Some(setup().server.leaf_sha256()));
    exchange(&mut ours, &mut theirs);
    theirs.wait_for("CN = alice");

    // Key updates: theirs with a request, ours, and data after each.
    let records = ours.connection.counters().records;
    theirs.write("K\n");
    ours.drive(|connection| connection.counters().records > records)
        .unwrap();
    theirs.write("after their update\n");
    assert_eq!(ours.read_exact(19).unwrap(), b"after their update\n");
    ours.update_keys().unwrap();
    ours.write_all(b"after our update\n").unwrap();
    theirs.wait_for("after our update");
    theirs.write("still there\n");
    assert_eq!(ours.read_exact(12).unwrap(), b"still there\n");

    ours.close().unwrap();
    ours.wait_for_close().unwrap();
    assert!(ours.events.contains(&Event::PeerClosed));
}

#[test]
fn our_client_takes_small_fragments_from_s_server() {
    if !require("openssl") {
        return;
    }
    let files = Files::new();
    let mut theirs = s_server(&files, &["-max_send_frag", "512"]);
    let limits = Limits {
        fragment: 512,
        ..Limits::default()
    };
    let config = client().limits(limits).build().unwrap();
    let mut ours = connect(&config, &mut theirs, Clock::system());
    ours.establish().unwrap();
    let line = format!("{}\n", "abcdefgh".repeat(1000));
    theirs.write(&line);
    assert_eq!(ours.read_exact(line.len()).unwrap(), line.as_bytes());
    ours.write_all(line.as_bytes()).unwrap();
    theirs.wait_for(&line);
}

#[test]
fn our_client_takes_tls_1_2_only_where_it_is_allowed() {
    if !require("openssl") {
        return;
    }
    let files = Files::new();
    let mut theirs = s_server(&files, &["-tls1_2"]);
    let mut ours = connect(&client().build().unwrap(), &mut theirs, Clock::system());
    let refused = refusal(ours.establish());
    assert_eq!(refused.code(), "E-TLS-01");
    assert!(
        refused.to_string().contains("protocol_version (70)"),
        "{refused}"
    );

    let config = client().min_version(Version::Tls12).build().unwrap();
    let mut ours = connect(&config, &mut theirs, Clock::system());
    ours.establish().unwrap();
    assert_eq!(ours.connection.peer().unwrap().version(), Version::Tls12);
    exchange(&mut ours, &mut theirs);
    ours.close().unwrap();
    ours.wait_for_close().unwrap();
}

#[test]
fn our_client_refuses_what_s_server_must_not_be() {
    if !require("openssl") {
        return;
    }
    let files = Files::new();
    let mut theirs = s_server(&files, &[]);
    let stranger = Ca::new("Other CA", 5);
    let strict = ClientConfig::builder(
        provider::aws_lc_rs(),
        ravelin_tests::setup::anchors(&stranger),
    );
    let mut ours = connect(&strict.build().unwrap(), &mut theirs, Clock::system());
    assert_eq!(refusal(ours.establish()).code(), "E-CRT-01");
    theirs.wait_for("alert unknown ca");

    let name = ServerName::try_from("other.example").unwrap();
    let config = client().build().unwrap();
    let mut ours = connect_as(&config, name, &mut theirs, Clock::system());
    assert_eq!(refusal(ours.establish()).code(), "E-CRT-04");
    theirs.wait_for("alert bad certificate");
}

/// Certificates as `openssl` reads them.
struct Files {
    scratch: Scratch,
    ca: String,
    localhost: String,
    localhost_key: String,
    alice: String,
    alice_key: String,
}

impl Files {
    fn new() -> Self {
        Self::of(&setup().client)
    }

    fn of(alice: &Issued) -> Self {
        let scratch = Scratch::new();
        Self {
            ca: scratch.file("ca.pem", setup().ca.root_pem()),
            localhost: scratch.file("localhost.pem", setup().server.chain_pem()),
            localhost_key: scratch.file("localhost.key", setup().server.key_pem()),
            alice: scratch.file("alice.pem", alice.chain_pem()),
            alice_key: scratch.file("alice.key", alice.key_pem()),
            scratch,
        }
    }
}

fn server() -> Builder<Server> {
    ServerConfig::builder(provider::aws_lc_rs(), identity(&setup().server))
}

fn mutual() -> Builder<Server> {
    server().client_auth(ClientAuth::Required(setup().anchors()))
}

fn client() -> Builder<Client> {
    ClientConfig::builder(provider::aws_lc_rs(), setup().anchors())
}

/// Our server, and an `s_client` that has connected to it.
fn serve(config: &ServerConfig, files: &Files, arguments: &[&str]) -> (Blocking, Running) {
    serve_at(config, files, arguments, Clock::system())
}

fn serve_at(
    config: &ServerConfig,
    files: &Files,
    arguments: &[&str],
    clock: Clock,
) -> (Blocking, Running) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let always = [
        "s_client",
        "-connect",
        &address,
        "-servername",
        "localhost",
        "-verify_hostname",
        "localhost",
        "-verify_return_error",
        "-CAfile",
        &files.ca,
    ];
    let theirs = Running::start("openssl", &[&always, arguments].concat());
    let connection = Connection::server(config, clock.now()).unwrap();
    (Blocking::new(connection, accept(&listener), clock), theirs)
}

fn accept(listener: &TcpListener) -> TcpStream {
    listener.set_nonblocking(true).unwrap();
    let until = Instant::now() + PATIENCE;
    loop {
        match listener.accept() {
            Ok((socket, _)) => {
                socket.set_nonblocking(false).unwrap();
                return socket;
            }
            Err(error) => {
                assert!(Instant::now() < until, "nobody connects: {error}");
                thread::sleep(Duration::from_millis(2));
            }
        }
    }
}

/// An `s_server` that listens.
fn s_server(files: &Files, arguments: &[&str]) -> Running {
    let always = [
        "s_server",
        "-accept",
        "127.0.0.1:0",
        "-cert",
        &files.localhost,
        "-key",
        &files.localhost_key,
    ];
    Running::start("openssl", &[&always, arguments].concat())
}

/// Our client, connected to that `s_server`.
fn connect(config: &ClientConfig, theirs: &mut Running, clock: Clock) -> Blocking {
    let name = ServerName::try_from("localhost").unwrap();
    connect_as(config, name, theirs, clock)
}

fn connect_as(
    config: &ClientConfig,
    name: ServerName<'static>,
    theirs: &mut Running,
    clock: Clock,
) -> Blocking {
    let address = theirs.line_after("ACCEPT ");
    let socket = TcpStream::connect(address).unwrap();
    let connection = Connection::client(config, name, clock.now()).unwrap();
    Blocking::new(connection, socket, clock)
}

/// A line each way.
fn exchange(ours: &mut Blocking, theirs: &mut Running) {
    theirs.write("hello there\n");
    assert_eq!(ours.read_exact(12).unwrap(), b"hello there\n");
    ours.write_all(b"general answer\n").unwrap();
    theirs.wait_for("general answer\n");
}

/// The error of the connection in the socket's.
fn refusal(outcome: io::Result<()>) -> Error {
    let error = outcome.expect_err("refused");
    match error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<Error>())
    {
        Some(error) => *error,
        None => panic!("not the connection's error: {error}"),
    }
}
