//! How connections end, and who learns of it.

use std::io::{self, ErrorKind};
use std::time::Duration;

use ravelin_core::config::Timeouts;
use ravelin_core::{Deadline, Error, PeerError};
use ravelin_runtime::tls_error;

use crate::duplex::column::Column;
use crate::duplex::executor::Join;
use crate::duplex::io::{close, pattern, read, read_to_end, write_all, write_all_and_close};
use crate::duplex::world::{Joined, NEVER, World, small};

/// More than a connection accepts while nothing leaves it.
const BLOCKS: usize = 900;

pub(crate) async fn both_close_at_once<C: Column>(world: World<C>) {
    let Joined { client, server, .. } = world.joined().await;
    let mut tasks = Vec::new();
    for (stream, reads, closes) in [
        (client, "client reader", "client writer"),
        (server, "server reader", "server writer"),
    ] {
        let (mut reader, mut writer) = C::split(stream);
        tasks.push(world.spawn(reads, async move {
            assert_eq!(read_to_end(&mut reader).await.unwrap(), b"farewell");
        }));
        tasks.push(world.spawn(closes, async move {
            write_all_and_close(&mut writer, b"farewell").await.unwrap();
        }));
    }
    for task in tasks {
        task.await;
    }
}

pub(crate) async fn a_lost_peer_wakes_both_halves<C: Column>(world: World<C>) {
    let Joined {
        client,
        server,
        to_server,
        ..
    } = world.joined().await;
    to_server.stall();
    let (reading, writing) = parked(&world, client).await;
    drop(server);
    let error = reading.await.unwrap_err();
    assert_eq!(tls_error(&error), Some(Error::Peer(PeerError::Truncated)));
    // Whichever it learns first: that the stream takes no more, or what the reader found.
    assert!(writing.await.is_err());
}

pub(crate) async fn a_broken_transport_wakes_both_halves<C: Column>(world: World<C>) {
    let Joined {
        client,
        server,
        to_server,
        to_client,
    } = world.joined().await;
    to_server.stall();
    let (reading, writing) = parked(&world, client).await;
    to_server.cut();
    to_client.cut();
    assert_eq!(
        reading.await.unwrap_err().kind(),
        ErrorKind::ConnectionReset
    );
    assert_eq!(
        writing.await.unwrap_err().kind(),
        ErrorKind::ConnectionReset
    );
    drop(server);
}

pub(crate) async fn a_forged_record_wakes_both_halves<C: Column>(world: World<C>) {
    let Joined {
        client,
        mut server,
        to_server,
        to_client,
    } = world.joined().await;
    to_server.stall();
    let (reading, writing) = parked(&world, client).await;
    let mut forged = vec![23, 3, 3, 0, 100];
    forged.extend(pattern(100));
    to_client.forge(&forged);
    world.quiet().await;
    // The alert leaves behind what the writer left.
    to_server.resume();
    let told = loop {
        if let Err(error) = read(&mut server, &mut [0; 100]).await {
            break error;
        }
    };
    assert!(
        matches!(tls_error(&told), Some(Error::Peer(PeerError::Alert(_)))),
        "{told}"
    );
    for outcome in [reading.await.map(drop), writing.await] {
        let error = outcome.unwrap_err();
        assert_eq!(tls_error(&error), Some(Error::Peer(PeerError::Decrypt)));
    }
}

/// The peer fails and says so; the writer, whose wire stays as it is, learns it from the reader.
pub(crate) async fn a_refusal_by_the_peer_wakes_both_halves<C: Column>(world: World<C>) {
    let Joined {
        client,
        mut server,
        to_server,
        ..
    } = world.joined().await;
    let mut forged = vec![23, 3, 3, 0, 100];
    forged.extend(pattern(100));
    to_server.forge(&forged);
    to_server.stall();
    let (reading, writing) = parked(&world, client).await;
    assert!(read_to_end(&mut server).await.is_err());
    close(&mut server).await.unwrap();
    world.quiet().await;
    // Nobody takes what the client still has for it.
    drop(server);
    for outcome in [reading.await.map(drop), writing.await] {
        let error = outcome.unwrap_err();
        assert!(
            matches!(tls_error(&error), Some(Error::Peer(PeerError::Alert(_)))),
            "{error}"
        );
    }
}

pub(crate) async fn a_deadline_wakes_a_parked_reader<C: Column>(world: World<C>) {
    world.wait_for_timers();
    let Joined {
        mut client,
        mut server,
        ..
    } = world.joined_with(small(), short()).await;
    write_all(&mut server, b"and then silence").await.unwrap();
    let error = read_to_end(&mut client).await.unwrap_err();
    assert_eq!(tls_error(&error), Some(Error::Timeout(Deadline::Idle)));
}

pub(crate) async fn a_deadline_wakes_both_halves<C: Column>(world: World<C>) {
    world.wait_for_timers();
    let Joined {
        client,
        server,
        to_server,
        ..
    } = world.joined_with(small(), short()).await;
    to_server.stall();
    let (reading, writing) = parked(&world, client).await;
    for outcome in [reading.await.map(drop), writing.await] {
        let error = outcome.unwrap_err();
        assert_eq!(tls_error(&error), Some(Error::Timeout(Deadline::Idle)));
    }
    drop(server);
}

fn short() -> Timeouts {
    Timeouts {
        idle: Some(Duration::from_millis(40)),
        close: Duration::from_millis(40),
        ..NEVER
    }
}

type Halves = (Join<io::Result<Vec<u8>>>, Join<io::Result<()>>);

/// A reader that waits, and a writer with more than leaves.
async fn parked<C: Column>(world: &World<C>, stream: C::Stream) -> Halves {
    let (mut reader, mut writer) = C::split(stream);
    let reading = world.spawn(
        "client reader",
        async move { read_to_end(&mut reader).await },
    );
    let writing = world.spawn("client writer", async move {
        let outcome = write_all(&mut writer, &pattern(BLOCKS)).await;
        // Also a connection that failed is closed: a transport may still keep its alert back.
        let _ = close(&mut writer).await;
        outcome
    });
    world.quiet().await;
    (reading, writing)
}
