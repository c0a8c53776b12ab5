//! Futures that are dropped wherever they are pending.

use std::io;
use std::task::{Context, Poll};

use crate::duplex::column::{Column, Sink as _, Source as _};
use crate::duplex::io::{cancelled, pattern, read_to_end, woken, write_all_and_close};
use crate::duplex::world::{Joined, World};

const SOME: usize = 1000;

pub(crate) async fn a_cancelled_read_loses_nothing<C: Column>(world: World<C>) {
    let Joined {
        mut client,
        mut server,
        ..
    } = world.joined().await;
    let writing = world.spawn("server", async move {
        write_all_and_close(&mut server, &pattern(SOME)).await
    });
    let mut bytes = Vec::new();
    for size in (1..400).step_by(7).cycle() {
        let mut buf = vec![0; size];
        match cancelled(|cx| client.poll_read(cx, &mut buf)).await {
            Some(len) => match len.unwrap() {
                0 => break,
                len => bytes.extend_from_slice(&buf[..len]),
            },
            None => woken().await,
        }
    }
    assert!(bytes == pattern(SOME));
    writing.await.unwrap();
}

pub(crate) async fn a_cancelled_write_loses_nothing<C: Column>(world: World<C>) {
    let Joined {
        mut client,
        mut server,
        to_server,
        ..
    } = world.joined().await;
    let reading = world.spawn("server", async move { read_to_end(&mut server).await });
    to_server.stall();
    let bytes = pattern(SOME);
    let (mut sent, mut dropped) = (0, 0);
    for size in (1..400).step_by(7).cycle() {
        let piece = &bytes[sent..bytes.len().min(sent + size)];
        if piece.is_empty() {
            break;
        }
        match cancelled(|cx| client.poll_write(cx, piece)).await {
            Some(len) => sent += len.unwrap(),
            None => {
                dropped += 1;
                to_server.resume();
                woken().await;
            }
        }
    }
    assert!(dropped > 0, "no write was cancelled");
    write_all_and_close(&mut client, b"").await.unwrap();
    assert!(reading.await.unwrap() == bytes);
}

pub(crate) async fn a_cancelled_flush_and_close_lose_nothing<C: Column>(world: World<C>) {
    let Joined {
        mut client,
        mut server,
        to_server,
        ..
    } = world.joined().await;
    let reading = world.spawn("server", async move { read_to_end(&mut server).await });
    to_server.stall();
    let bytes = pattern(250);
    let accepted = cancelled(|cx| client.poll_write(cx, &bytes)).await;
    assert_eq!(accepted.unwrap().unwrap(), bytes.len(), "they fit");
    assert!(cancelled(|cx| client.poll_flush(cx)).await.is_none());
    to_server.resume();
    woken().await;
    insist(|cx| client.poll_flush(cx)).await.unwrap();
    insist(|cx| client.poll_close(cx)).await.unwrap();
    // Closing again closes nothing again.
    insist(|cx| client.poll_close(cx)).await.unwrap();
    assert!(reading.await.unwrap() == bytes);
}

/// Drops a future wherever it is pending, and makes another.
async fn insist(mut poll: impl FnMut(&mut Context<'_>) -> Poll<io::Result<()>>) -> io::Result<()> {
    loop {
        if let Some(outcome) = cancelled(&mut poll).await {
            return outcome;
        }
        woken().await;
    }
}
