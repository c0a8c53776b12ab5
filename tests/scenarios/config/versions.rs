//! Protocol versions, cipher suites and groups.

use std::sync::Arc;

use ravelin_core::pki_types::ServerName;
use ravelin_core::{ClientConfig, Connection, Error, PeerError, ServerConfig, Version, provider};
use ravelin_tests::foreign;
use ravelin_tests::pair::{Endpoint, Pair};
use ravelin_tests::parties::Outcome;
use ravelin_tests::provider::seeded;
use ravelin_tests::setup::{identity, setup};
use rustls::SupportedProtocolVersion;
use rustls::version::{TLS12, TLS13};

#[test]
pub(crate) fn the_minimum_version_is_obeyed_on_both_sides() {
    let both: &[&SupportedProtocolVersion] = &[&TLS12, &TLS13];
    for (minimum, theirs, expected) in [
        (None, &[&TLS12][..], Err("E-TLS-06")),
        (Some(Version::Tls13), &[&TLS12], Err("E-TLS-06")),
        (Some(Version::Tls12), &[&TLS12], Ok(Version::Tls12)),
        (Some(Version::Tls12), &[&TLS13], Ok(Version::Tls13)),
        (Some(Version::Tls12), both, Ok(Version::Tls13)),
        (None, both, Ok(Version::Tls13)),
    ] {
        // Our server.
        let mut server = ServerConfig::builder(provider::aws_lc_rs(), identity(&setup().server));
        if let Some(minimum) = minimum {
            server = server.min_version(minimum);
        }
        let server = Connection::server(&server.build().unwrap(), foreign::now()).unwrap();
        let client = Arc::new(foreign::client(theirs, &setup().ca, None));
        let met = meet(server, foreign::connect(&client));
        assert_eq!(met, expected, "server {minimum:?}");

        // Our client: a server without TLS 1.3 refuses it with an alert.
        let mut client = ClientConfig::builder(provider::aws_lc_rs(), setup().anchors());
        if let Some(minimum) = minimum {
            client = client.min_version(minimum);
        }
        let name = ServerName::try_from("localhost").unwrap();
        let client = Connection::client(&client.build().unwrap(), name, foreign::now()).unwrap();
        let server = Arc::new(foreign::server(theirs, &setup().server));
        let met = meet(client, foreign::accept(&server));
        assert_eq!(met, expected.map_err(|_| "E-TLS-01"), "client {minimum:?}");
    }
}

#[test]
fn a_server_that_answers_with_tls_1_2_all_the_same_is_refused() {
    let client = ClientConfig::builder(provider::aws_lc_rs(), setup().anchors())
        .build()
        .unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut client = Endpoint::new(Connection::client(&client, name, foreign::now()).unwrap());
    let hello = client.transmit(foreign::now());
    // Behind record header, message header, version and random: the session id, which a server echoes.
    let session = &hello[5 + 4 + 2 + 32..][..33];
    let suite = [0xc0, 0x2f]; // TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256
    let body = [&[3, 3][..], &[7; 32], session, &suite, &[0]].concat();
    let length = u8::try_from(body.len()).unwrap();
    client
        .wire
        .extend([22, 3, 3, 0, length + 4, 2, 0, 0, length]);
    client.wire.extend(body);
    while client.deliver(usize::MAX, foreign::now()) {}
    assert_eq!(client.error, Some(Error::Peer(PeerError::Incompatible)));
    assert_eq!(client.error.unwrap().code(), "E-TLS-06");
    // An alert tells the server: protocol_version, or handshake_failure for the suite.
    let alert = client.transmit(foreign::now());
    assert!(
        matches!(alert[..], [21, 3, 3, 0, 2, 2, 40 | 70]),
        "{alert:?}"
    );
}

#[test]
pub(crate) fn only_aead_suites_with_forward_secrecy_are_there() {
    for suite in &provider::aws_lc_rs().cipher_suites {
        let name = format!("{:?}", suite.suite());
        let forward_secret = name.starts_with("TLS13_") || name.starts_with("TLS_ECDHE_");
        let aead = name.contains("_GCM_") || name.contains("_CHACHA20_POLY1305_");
        assert!(forward_secret && aead, "{name}");
    }
}

#[test]
fn tls_1_2_has_no_key_update() {
    let server = ServerConfig::builder(provider::aws_lc_rs(), identity(&setup().server))
        .min_version(Version::Tls12)
        .build()
        .unwrap();
    let mut ours = Endpoint::new(Connection::server(&server, foreign::now()).unwrap());
    let client = Arc::new(foreign::client(&[&TLS12], &setup().ca, None));
    assert_eq!(
        foreign::drive(&mut ours, &mut foreign::connect(&client), foreign::now()),
        None
    );
    let refused = ours.connection.update_keys(foreign::now()).unwrap_err();
    assert_eq!(refused.code(), "E-LOC-03");
    assert!(!refused.is_fatal());
    assert_eq!(
        ours.connection.send(&[b"still there"], foreign::now()),
        Ok(11)
    );
}

#[test]
fn the_post_quantum_hybrid_is_negotiated_by_default() {
    let server = ServerConfig::builder(provider::aws_lc_rs(), identity(&setup().server))
        .build()
        .unwrap();
    let client = ClientConfig::builder(provider::aws_lc_rs(), setup().anchors())
        .build()
        .unwrap();
    let mut pair = Pair::new(&client, &server);
    assert_eq!(Outcome::of(&mut pair), Outcome::Full);
    for end in [&pair.client, &pair.server] {
        let peer = end.connection.peer().unwrap();
        assert_eq!(
            (peer.group_name(), peer.group()),
            ("X25519MLKEM768", 0x11ec)
        );
        assert_eq!(peer.version(), Version::Tls13);
    }
    // A peer that does not know it gets another group.
    let server = setup().server(seeded(2)).build().unwrap();
    let client = ClientConfig::builder(provider::aws_lc_rs(), setup().anchors())
        .build()
        .unwrap();
    let mut pair = Pair::new(&client, &server);
    assert_eq!(Outcome::of(&mut pair), Outcome::Full);
    assert_eq!(
        pair.client.connection.peer().unwrap().group_name(),
        "X25519"
    );
}

/// The version of a connection between ours and theirs, or the code that ours ends with.
fn meet(ours: Connection, mut theirs: rustls::Connection) -> Result<Version, &'static str> {
    let mut ours = Endpoint::new(ours);
    let failure = foreign::drive(&mut ours, &mut theirs, foreign::now());
    match ours.error {
        Some(error) => {
            assert!(failure.is_some(), "the other side knows");
            Err(error.code())
        }
        None => Ok(ours.connection.peer().unwrap().version()),
    }
}
