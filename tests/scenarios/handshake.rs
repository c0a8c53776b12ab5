//! Handshakes between a client and a server of ours.

use std::sync::Arc;

use ravelin_core::config::ConfigError;
use ravelin_core::trust::pin::{Pin, PinSet};
use ravelin_core::{
    CertificateError, ClientAuth, ClientConfig, Error, Identity, PeerError, Phase, ServerConfig,
    TrustAnchors, Version,
};
use ravelin_tests::ca::{Ca, Issued, Leaf};
use ravelin_tests::pair::{Pair, Side};
use ravelin_tests::provider::seeded;

fn identity(issued: &Issued) -> Identity {
    Identity::from_der(issued.chain.clone(), issued.key()).unwrap()
}

#[test]
fn mutual_tls_carries_data_both_ways() {
    let ca = Ca::new("Test CA", 1);
    let anchors = || TrustAnchors::from_der([ca.root()]).unwrap();
    let server = ServerConfig::builder(
        Arc::new(seeded(2)),
        identity(&ca.issue(Leaf::server("localhost"))),
    )
    .client_auth(ClientAuth::Required(anchors()))
    .build()
    .unwrap();
    let client = ClientConfig::builder(Arc::new(seeded(1)), anchors())
        .identity(identity(&ca.issue(Leaf::client("alice"))))
        .build()
        .unwrap();
    let mut pair = Pair::new(&client, &server);
    pair.establish();
    pair.send(Side::Client, b"ping");
    pair.send(Side::Server, b"pong");
    pair.drive();
    assert_eq!(pair.server.plaintext, b"ping");
    assert_eq!(pair.client.plaintext, b"pong");
    pair.close(Side::Client);
    pair.drive();
    assert_eq!(pair.server.phase(), Phase::SendOnly);
    pair.send(Side::Server, b"last words");
    pair.close(Side::Server);
    pair.drive();
    assert_eq!(pair.client.plaintext, b"ponglast words");
    assert_eq!(pair.client.phase(), Phase::Closed);
    assert_eq!(pair.server.phase(), Phase::Closed);
    let resumed = Pair::new(&client, &server);
    let mut pair = resumed;
    pair.establish();
    assert!(pair.client.connection.peer().unwrap().is_resumed());
    assert!(pair.server.connection.peer().unwrap().is_resumed());
}

#[test]
fn a_probe_shows_the_chain_and_never_establishes() {
    let ca = Ca::new("Unknown CA", 1);
    let issued = ca.issue(Leaf::server("somewhere.else"));
    let server = ServerConfig::builder(Arc::new(seeded(2)), identity(&issued))
        .build()
        .unwrap();
    let probe = ClientConfig::probe(Arc::new(seeded(1))).build().unwrap();
    let mut pair = Pair::new(&probe, &server);
    pair.drive();
    let refusal = Error::from(CertificateError::NotJudged);
    assert_eq!(pair.client.error, Some(refusal));
    assert_eq!(pair.client.phase(), Phase::Failed);
    let peer = pair.client.connection.peer().unwrap();
    assert_eq!(peer.leaf_pin(), Some(Pin::spki(issued.spki_sha256())));
    assert_eq!(peer.version(), Version::Tls13);
    assert_eq!(pair.client.connection.peer_certificates(), issued.chain);
    // The server learns that it was refused.
    assert!(matches!(
        pair.server.error,
        Some(Error::Peer(PeerError::Alert(_)))
    ));
}

#[test]
fn a_probe_takes_no_pins() {
    let pins = PinSet::without_backup(Pin::spki([0; 32]));
    let probe = ClientConfig::probe(Arc::new(seeded(1))).pins(pins).build();
    assert_eq!(probe.unwrap_err(), ConfigError::NoAnchors);
}
