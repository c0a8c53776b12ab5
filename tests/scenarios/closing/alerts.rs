//! What a refused peer is told: the alert really leaves, and it reads as what happened.

use std::sync::Arc;

use ravelin_core::config::Limits;
use ravelin_core::trust::pin::{Pin, PinSet};
use ravelin_core::{Alert, CertificateError, ClientConfig, Error, PeerError, Phase, ServerConfig};
use ravelin_tests::ca::{Ca, Leaf, NOW};
use ravelin_tests::hostile::{RecordType, hostile, raw};
use ravelin_tests::light::light;
use ravelin_tests::pair::{Pair, Side};
use ravelin_tests::provider::seeded;
use ravelin_tests::setup::{anchors, identity, setup};

use super::{count, established, every_verb_fails};

/// Drives a handshake that `refuser` refuses with `error`: the other side learns it by `alert`, and neither releases a
/// byte of what the other may have sent.
#[track_caller]
fn refused(mut pair: Pair, refuser: Side, error: impl Into<Error>, alert: u8, name: &str) {
    let error = error.into();
    pair.drive();
    if pair.client.phase() == Phase::Established {
        pair.send(Side::Client, b"a secret");
    }
    pair.drive();
    assert_eq!(pair.end(refuser).error, Some(error));
    let told = PeerError::Alert(Alert(alert));
    assert_eq!(pair.end(refuser.other()).error, Some(told.into()));
    assert_eq!(Alert(alert).name(), name);
    let now = pair.now;
    for (side, error) in [(refuser, error), (refuser.other(), told.into())] {
        let end = pair.end(side);
        assert_eq!(end.phase(), Phase::Failed);
        assert!(end.plaintext.is_empty());
        assert_eq!(count(&end.events, error.code()), 1);
        assert!(end.connection.transmit().is_empty());
        every_verb_fails(&mut end.connection, error, now);
        assert!(end.connection.transmit().is_empty(), "no second alert");
    }
}

fn client() -> ClientConfig {
    setup().client(seeded(1)).build().unwrap()
}

fn server() -> ServerConfig {
    setup().server(seeded(2)).build().unwrap()
}

/// A client that trusts only a CA that nobody here comes from.
fn stranger() -> ClientConfig {
    let anchors = anchors(&Ca::new("Another CA", 7));
    ClientConfig::builder(Arc::new(seeded(1)), anchors)
        .build()
        .unwrap()
}

fn server_as(leaf: Leaf) -> ServerConfig {
    let identity = identity(&setup().ca.issue(leaf));
    ServerConfig::builder(Arc::new(seeded(2)), identity)
        .build()
        .unwrap()
}

#[test]
fn an_unknown_ca() {
    let pair = Pair::new(&stranger(), &server());
    let error = CertificateError::UnknownIssuer;
    refused(pair, Side::Client, error, 48, "unknown_ca");
}

#[test]
fn a_wrong_name() {
    let pair = Pair::at(&client(), &server(), "elsewhere.example", NOW);
    let error = CertificateError::WrongName;
    refused(pair, Side::Client, error, 42, "bad_certificate");
}

#[test]
fn a_certificate_out_of_date() {
    let server = server_as(Leaf::server("localhost").valid(NOW - 100, NOW + 100));
    let expired = Pair::at(&client(), &server, "localhost", NOW + 101);
    let error = CertificateError::Expired;
    refused(expired, Side::Client, error, 45, "certificate_expired");
    let early = Pair::at(&client(), &server, "localhost", NOW - 101);
    let error = CertificateError::NotYetValid;
    refused(early, Side::Client, error, 45, "certificate_expired");
    Pair::at(&client(), &server, "localhost", NOW + 100).establish();
}

#[test]
fn a_certificate_for_another_purpose() {
    let pair = Pair::new(&client(), &server_as(Leaf::client("localhost")));
    let error = CertificateError::WrongPurpose;
    refused(pair, Side::Client, error, 43, "unsupported_certificate");
}

#[test]
fn no_client_certificate() {
    let client = ClientConfig::builder(Arc::new(seeded(1)), setup().anchors());
    let server = setup().mutual(seeded(2)).build().unwrap();
    let pair = Pair::new(&client.build().unwrap(), &server);
    let error = CertificateError::Missing;
    refused(pair, Side::Server, error, 116, "certificate_required");
}

#[test]
fn a_client_from_an_unknown_ca() {
    let alice = Ca::new("Another CA", 7).issue(Leaf::client("alice"));
    let client = ClientConfig::builder(Arc::new(seeded(1)), setup().anchors())
        .identity(identity(&alice))
        .build()
        .unwrap();
    let server = setup().mutual(seeded(2)).build().unwrap();
    let error = CertificateError::UnknownIssuer;
    refused(
        Pair::new(&client, &server),
        Side::Server,
        error,
        48,
        "unknown_ca",
    );
}

#[test]
fn a_pin_that_does_not_match() {
    let pins = PinSet::new(Pin::spki([1; 32]), Pin::spki([2; 32])).unwrap();
    let client = setup().client(seeded(1)).pins(pins).build().unwrap();
    let presented = Some(Pin::spki(setup().server.spki_sha256()));
    let error = PeerError::PinMismatch { presented };
    refused(
        Pair::new(&client, &server()),
        Side::Client,
        error,
        46,
        "certificate_unknown",
    );
}

#[test]
fn a_chain_too_large() {
    let server = server_as(Leaf::server("localhost").extension(&[1, 2, 3, 4], vec![5; 600]));
    let with_limit = |chain| {
        let limits = Limits {
            chain,
            ..Limits::default()
        };
        setup().client(seeded(1)).limits(limits).build().unwrap()
    };
    let mut pair = Pair::new(&client(), &server);
    pair.establish();
    let chain = pair.client.connection.peer_certificates();
    let size: usize = chain.iter().map(|der| der.len()).sum();

    Pair::new(&with_limit(size), &server).establish();
    let limit = u32::try_from(size - 1).unwrap();
    let error = CertificateError::ChainTooLarge { limit };
    let pair = Pair::new(&with_limit(size - 1), &server);
    refused(pair, Side::Client, error, 46, "certificate_unknown");
}

#[test]
fn nothing_in_common() {
    let mut only = seeded(1);
    only.cipher_suites.truncate(1);
    let mut others = seeded(2);
    others.cipher_suites.remove(0);
    let pair = Pair::new(
        &setup().client(only).build().unwrap(),
        &setup().server(others).build().unwrap(),
    );
    refused(
        pair,
        Side::Server,
        PeerError::Incompatible,
        40,
        "handshake_failure",
    );
    let pair = Pair::new(
        &setup().client(seeded(1)).alpn(["a"]).build().unwrap(),
        &setup().server(seeded(2)).alpn(["b"]).build().unwrap(),
    );
    let error = PeerError::NoApplicationProtocol;
    refused(pair, Side::Server, error, 120, "no_application_protocol");
}

#[test]
fn a_client_hello_for_a_client() {
    let hello = Pair::new(&client(), &server())
        .client
        .connection
        .transmit()
        .to_vec();
    let mut pair = Pair::new(&client(), &server());
    let now = pair.now;
    pair.client.receive(&hello, now);
    assert_eq!(pair.client.error, Some(PeerError::Protocol.into()));
}

/// Handshake messages that an established connection must not get.
#[test]
fn a_message_out_of_turn() {
    for message in [
        [1, 0, 0, 0],  // ClientHello
        [5, 0, 0, 0],  // EndOfEarlyData
        [13, 0, 0, 0], // CertificateRequest
        [20, 0, 0, 0], // Finished
    ] {
        let mut pair = Pair::new(
            &setup().client(hostile(light(1))).build().unwrap(),
            &setup().server(light(2)).build().unwrap(),
        );
        pair.establish();
        pair.send(Side::Client, &raw(RecordType::Handshake, &message));
        pair.send(Side::Client, b"and data");
        pair.drive();
        assert_eq!(pair.server.error, Some(PeerError::Protocol.into()));
        assert!(pair.server.plaintext.is_empty());
        let told = pair.client.error.map(|error| error.code());
        assert_eq!(told, Some("E-TLS-01"), "{message:?}");
    }
}

#[test]
fn http_on_a_tls_port_is_refused_at_its_fifth_byte() {
    let mut pair = Pair::new(&client(), &server());
    let now = pair.now;
    let request = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    for byte in &request[..4] {
        pair.server.receive(&[*byte], now);
        assert_eq!(pair.server.error, None);
    }
    pair.server.receive(&request[4..5], now);
    assert_eq!(pair.server.error, Some(PeerError::NotTls.into()));
    // decode_error, in the clear.
    let alert = pair.server.transmit(now);
    assert_eq!(alert, [21, 3, 3, 0, 2, 2, 50]);
    pair.server.receive(&request[5..], now);
    assert!(pair.server.transmit(now).is_empty());

    // A client that meets such a server, and one that meets the answer above.
    let mut pair = Pair::new(&client(), &server());
    pair.client
        .receive(b"HTTP/1.1 400 Bad Request\r\n\r\n", now);
    assert_eq!(pair.client.error, Some(PeerError::NotTls.into()));
    let mut pair = Pair::new(&client(), &server());
    pair.client.receive(&alert, now);
    assert_eq!(pair.client.error, Some(PeerError::Alert(Alert(50)).into()));
}

/// Whatever bit of a sealed record is flipped: no other plaintext comes out than went in.
#[test]
fn any_bit_of_a_sealed_record() {
    let (mut refused, mut harmless) = (0, 0);
    let len = b"plaintext".len() + 22;
    for byte in 0..len {
        for bit in 0..8 {
            let mut pair = established();
            pair.send(Side::Client, b"plaintext");
            pair.transmit(Side::Client);
            pair.server.wire[byte] ^= 1 << bit;
            // What follows fills up a record that was made longer.
            let rest: &[u8] = match byte {
                3..5 => &[0xee; 40_000],
                _ => &[0xee; 40],
            };
            pair.send(Side::Client, rest);
            pair.transmit(Side::Client);
            pair.drive();
            match (byte, pair.server.error) {
                // Not protected: TLS 1.3 reads neither the outer type nor the version (RFC 8446, 5.2).
                (0..3, None) => {
                    harmless += 1;
                    assert!(pair.server.plaintext.starts_with(b"plaintext"));
                    continue;
                }
                (0..3, Some(Error::Peer(PeerError::Protocol | PeerError::Decrypt))) => {}
                (3..5, Some(Error::Peer(PeerError::Decrypt | PeerError::Protocol))) => {}
                (3..5, Some(Error::Peer(PeerError::RecordTooLarge { .. }))) => {}
                (5.., Some(Error::Peer(PeerError::Decrypt))) => {
                    let told = PeerError::Alert(Alert(20));
                    assert_eq!(pair.client.error, Some(told.into()), "bad_record_mac");
                }
                (_, outcome) => panic!("bit {bit} of byte {byte}: {outcome:?}"),
            }
            refused += 1;
            assert!(pair.server.plaintext.is_empty());
            assert!(pair.client.error.is_some() || pair.client.phase() == Phase::SendOnly);
        }
    }
    println!("{refused} flips refused, {harmless} in the unprotected header harmless");
    assert!(harmless <= 24 && refused + harmless == len * 8);
}
