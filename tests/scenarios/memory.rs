//! Heap bytes that connections hold, counted by the allocator. A program of its own: the counter is the process's.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::alloc::System;
use std::sync::Arc;

use ravelin_core::{ClientConfig, Connection, Identity, ServerConfig, TrustAnchors};
use ravelin_tests::ca::{Ca, Leaf};
use ravelin_tests::pair::{Pair, Side};
use ravelin_tests::provider::seeded;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// An idle connection holds neither buffers nor what only the handshake needed.
#[test]
fn an_idle_connection_holds_little_memory() {
    let ca = Ca::new("Test CA", 1);
    let issued = ca.issue(Leaf::server("localhost"));
    let identity = Identity::from_der(issued.chain.clone(), issued.key()).unwrap();
    let anchors = TrustAnchors::from_der([ca.root()]).unwrap();
    let server = ServerConfig::builder(Arc::new(seeded(2)), identity)
        .build()
        .unwrap();
    let client = ClientConfig::builder(Arc::new(seeded(1)), anchors)
        .build()
        .unwrap();
    // What the first connection leaves behind for all, such as the ticket key, is not counted.
    drop(talked(&client, &server));

    let before = held();
    let (client_end, server_end) = talked(&client, &server);
    let both = held() - before;
    drop(server_end);
    let client_alone = held() - before;
    let server_alone = both - client_alone;
    println!("heap bytes of an idle connection: client {client_alone}, server {server_alone}");
    assert!(client_alone <= 6 * 1024, "client: {client_alone} bytes");
    assert!(server_alone <= 5 * 1024, "server: {server_alone} bytes");
    drop(client_end);
}

/// Two ends that have exchanged 200 bytes each way and have nothing left to do.
fn talked(client: &ClientConfig, server: &ServerConfig) -> (Connection, Connection) {
    let mut pair = Pair::new(client, server);
    pair.establish();
    pair.send(Side::Client, &[1; 200]);
    pair.send(Side::Server, &[2; 200]);
    pair.drive();
    let (mut client, mut server) = (pair.client.connection, pair.server.connection);
    assert!(client.take_storage().is_some() && server.take_storage().is_some());
    (client, server)
}

fn held() -> usize {
    let stats = ALLOCATOR.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}
