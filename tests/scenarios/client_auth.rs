//! Client authentication: every mode against every kind of client.

use std::sync::Arc;

use ravelin_core::config::Limits;
use ravelin_core::pki_types::CertificateDer;
use ravelin_core::{ClientAuth, Connection, Event, ServerConfig, Severity, Version, provider};
use ravelin_tests::ca::{Ca, Issued, Leaf, NOT_AFTER, NOT_BEFORE, NOW};
use ravelin_tests::foreign::{self, now};
use ravelin_tests::pair::{Endpoint, Pair, Side};
use ravelin_tests::parties::{Outcome, client, server};
use ravelin_tests::setup::{anchors, identity, setup};
use rustls::version::TLS12;

const MODES: [&str; 3] = ["none", "optional", "required"];

#[test]
pub(crate) fn every_mode_meets_every_client() {
    let ca = &setup().ca;
    let other = Ca::new("Other CA", 7);
    let same_name = Ca::new("Test CA", 99);
    let refused = |code, alert| {
        [
            Outcome::Full,
            Outcome::by_server(code, alert),
            Outcome::by_server(code, alert),
        ]
    };
    let clients: [(&str, Option<Issued>, [Outcome; 3]); 8] = [
        (
            "no certificate",
            None,
            [
                Outcome::Full,
                Outcome::Full,
                Outcome::by_server("E-CRT-07", "certificate_required"),
            ],
        ),
        ("good", Some(setup().client.clone()), [Outcome::Full; 3]),
        (
            "below an intermediate",
            Some(
                ca.intermediate("Issuing CA", 2)
                    .issue(Leaf::client("alice")),
            ),
            [Outcome::Full; 3],
        ),
        (
            "unknown CA",
            Some(other.issue(Leaf::client("alice"))),
            refused("E-CRT-01", "unknown_ca"),
        ),
        (
            "another CA with the same name",
            Some(same_name.issue(Leaf::client("alice"))),
            refused("E-CRT-05", "decrypt_error"),
        ),
        (
            "expired",
            Some(ca.issue(Leaf::client("alice").valid(NOT_BEFORE, NOW - 1))),
            refused("E-CRT-02", "certificate_expired"),
        ),
        (
            "not yet valid",
            Some(ca.issue(Leaf::client("alice").valid(NOW + 1, NOT_AFTER))),
            refused("E-CRT-03", "certificate_expired"),
        ),
        (
            "server's certificate",
            Some(setup().server.clone()),
            refused("E-CRT-06", "unsupported_certificate"),
        ),
    ];
    println!("{:30} {:10} {:10} required", "client", "none", "optional");
    for (name, issued, expected) in clients {
        let client = match &issued {
            Some(issued) => client(ca).identity(identity(issued)),
            None => client(ca),
        };
        let client = client.build().unwrap();
        let mut row = Vec::new();
        for (mode, expected) in MODES.into_iter().zip(expected) {
            let mut pair = Pair::new(&client, &asking(mode));
            let outcome = Outcome::of(&mut pair);
            assert_eq!(outcome, expected, "{name}, {mode}");
            assert_events(&pair, mode, issued.as_ref(), outcome);
            row.push(outcome.to_string());
        }
        println!("{name:30} {:10} {:10} {}", row[0], row[1], row[2]);
    }
}

/// What the server's events and its view of the peer say, in that mode and for that client.
fn assert_events(pair: &Pair, mode: &str, issued: Option<&Issued>, outcome: Outcome) {
    let events = &pair.server.events;
    let peer = pair.server.connection.peer();
    let verified = events
        .iter()
        .any(|event| matches!(event, Event::PeerVerified { .. }));
    let without = events.contains(&Event::PeerWithoutCertificate);
    let failed = events.iter().any(|event| matches!(event, Event::Failed(_)));
    let established = outcome == Outcome::Full;
    assert_eq!(failed, !established);
    assert_eq!(peer.is_some(), established);
    assert_eq!(verified, established && mode != "none" && issued.is_some());
    assert_eq!(without, established && mode != "none" && issued.is_none());
    if let Some(peer) = peer {
        let shown = (mode != "none").then_some(issued).flatten();
        let pin = peer.leaf_pin().map(|pin| *pin.digest());
        assert_eq!(pin, shown.map(Issued::spki_sha256));
        assert_eq!(peer.fingerprint(), shown.map(Issued::leaf_sha256));
        assert_eq!(peer.names().is_some(), shown.is_some());
        let chain: &[CertificateDer<'_>] = shown.map_or(&[], |issued| &issued.chain);
        assert_eq!(pair.server.connection.peer_certificates(), chain);
    } else {
        // Refused: whatever the client sealed before it knew is not released.
        assert!(pair.server.plaintext.is_empty());
    }
}

#[test]
pub(crate) fn optional_admits_a_client_without_a_certificate_and_says_so() {
    let mut pair = Pair::new(&client(&setup().ca).build().unwrap(), &asking("optional"));
    assert_eq!(Outcome::of(&mut pair), Outcome::Full);
    let event = pair
        .server
        .events
        .iter()
        .find(|event| **event == Event::PeerWithoutCertificate);
    let event = event.unwrap();
    assert_eq!(event.code(), "peer-without-certificate");
    assert_eq!(event.severity(), Severity::Warning);
}

#[test]
fn nothing_that_a_refused_client_sent_is_released() {
    let mut pair = Pair::new(&client(&setup().ca).build().unwrap(), &asking("required"));
    // The client is established before the server has judged it, and writes at once.
    pair.transmit(Side::Client);
    pair.deliver(Side::Server, usize::MAX);
    pair.transmit(Side::Server);
    pair.deliver(Side::Client, usize::MAX);
    pair.send(Side::Client, b"secret request");
    let outcome = Outcome::of(&mut pair);
    assert_eq!(
        outcome,
        Outcome::by_server("E-CRT-07", "certificate_required")
    );
    assert_eq!(pair.server.plaintext, b"");
    assert_eq!(pair.server.connection.counters().opened, 0);
}

#[test]
fn several_client_cas_are_all_accepted() {
    let first = &setup().ca;
    let second = Ca::new("Second CA", 5);
    let both = anchors(first).and(anchors(&second));
    let server = server(&setup().server)
        .client_auth(ClientAuth::Required(both))
        .build()
        .unwrap();
    for ca in [first, &second] {
        let leaf = ca.issue(Leaf::client("alice"));
        let client = client(first).identity(identity(&leaf)).build().unwrap();
        assert_eq!(Outcome::at(&client, &server, NOW), Outcome::Full);
    }
    let third = Ca::new("Third CA", 6).issue(Leaf::client("alice"));
    let client = client(first).identity(identity(&third)).build().unwrap();
    let refused = Outcome::by_server("E-CRT-01", "unknown_ca");
    assert_eq!(Outcome::at(&client, &server, NOW), refused);
}

#[test]
fn a_chain_beyond_the_limit_is_refused() {
    let issued = setup()
        .ca
        .intermediate("Issuing CA", 2)
        .issue(Leaf::client("alice"));
    let size: usize = issued
        .chain
        .iter()
        .map(|certificate| certificate.len())
        .sum();
    let client = client(&setup().ca)
        .identity(identity(&issued))
        .build()
        .unwrap();
    for (chain, expected) in [
        (size, Outcome::Full),
        (
            size - 1,
            Outcome::by_server("E-CRT-08", "certificate_unknown"),
        ),
    ] {
        let limits = Limits {
            chain,
            ..Limits::default()
        };
        let server = server(&setup().server)
            .client_auth(mode_of("required"))
            .limits(limits)
            .build()
            .unwrap();
        assert_eq!(Outcome::at(&client, &server, NOW), expected);
    }
}

/// The verifier reads no names of a client's certificate; the application does.
#[test]
pub(crate) fn a_client_whose_names_cannot_be_read_is_refused() {
    // GeneralNames with one dNSName that would clear a terminal.
    let names = [&[0x30, 8, 0x82, 6][..], b"a\x1b[2Jb"].concat();
    let alice = Leaf::client("alice").extension(&[2, 5, 29, 17], names);
    let alice = setup().ca.issue(alice);
    let client = client(&setup().ca)
        .identity(identity(&alice))
        .build()
        .unwrap();
    for (mode, expected) in [
        ("none", Outcome::Full),
        ("optional", Outcome::by_server("E-CRT-09", "close_notify")),
        ("required", Outcome::by_server("E-CRT-09", "close_notify")),
    ] {
        let mut pair = Pair::new(&client, &asking(mode));
        assert_eq!(Outcome::of(&mut pair), expected);
        let failed = matches!(pair.server.events.last(), Some(Event::Failed(_)));
        assert_eq!(
            failed,
            expected != Outcome::Full,
            "nothing happens behind a failure"
        );
    }
}

#[test]
fn the_modes_hold_on_tls_1_2() {
    let unknown = Ca::new("Other CA", 7).issue(Leaf::client("alice"));
    let clients = [
        (None, ["E-CRT-07", "ok", "ok"]),
        (Some(&setup().client), ["ok", "ok", "ok"]),
        (Some(&unknown), ["E-CRT-01", "E-CRT-01", "ok"]),
    ];
    for (issued, expected) in clients {
        let client = Arc::new(foreign::client(&[&TLS12], &setup().ca, issued));
        for (mode, expected) in ["required", "optional", "none"].into_iter().zip(expected) {
            let server = ServerConfig::builder(provider::aws_lc_rs(), identity(&setup().server))
                .min_version(Version::Tls12)
                .client_auth(mode_of(mode))
                .build()
                .unwrap();
            let mut ours = Endpoint::new(Connection::server(&server, now()).unwrap());
            let alert = foreign::drive(&mut ours, &mut foreign::connect(&client), now());
            let code = ours.error.map_or("ok", |error| error.code());
            assert_eq!(code, expected, "{mode}");
            assert_eq!(alert.is_some(), expected != "ok");
            if let Some(peer) = ours.connection.peer() {
                assert_eq!(peer.version(), Version::Tls12);
                assert_eq!(
                    peer.leaf_pin().is_some(),
                    mode != "none" && issued.is_some()
                );
            }
        }
    }
}

fn asking(mode: &str) -> ServerConfig {
    server(&setup().server)
        .client_auth(mode_of(mode))
        .build()
        .unwrap()
}

fn mode_of(mode: &str) -> ClientAuth {
    match mode {
        "none" => ClientAuth::None,
        "optional" => ClientAuth::Optional(setup().anchors()),
        _ => ClientAuth::Required(setup().anchors()),
    }
}
