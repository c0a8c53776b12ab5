//! Handshakes between a client and a server of ours.

use std::sync::Arc;

use ravelin_core::{ClientAuth, ClientConfig, Identity, Phase, ServerConfig, TrustAnchors};
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
    let server = ServerConfig::builder(Arc::new(seeded(2)), identity(&ca.issue(Leaf::server("localhost"))))
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
