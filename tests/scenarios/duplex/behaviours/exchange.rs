//! Bytes both ways.

use std::future::poll_fn;
use std::task::Poll;

use crate::duplex::column::{Column, Sink, Source};
use crate::duplex::io::{
    close, echo, pattern, read_to_end, read_up_to, write_all, write_all_and_close,
};
use crate::duplex::scripted::Script;
use crate::duplex::world::{Joined, World};

const SOME: usize = 1200;
const PIECE: usize = 300;
const TEN_MEBIBYTES: usize = 10 << 20;

pub(crate) async fn a_handshake_and_first_bytes<C: Column>(world: World<C>) {
    let Joined {
        mut client,
        mut server,
        to_server,
        to_client,
    } = world.joined_in_bad_conditions().await;
    let answering = world.spawn("server", async move {
        let question = read_up_to(&mut server, 8).await.unwrap();
        write_all(&mut server, b"answer").await.unwrap();
        (server, question)
    });
    write_all(&mut client, b"question").await.unwrap();
    assert_eq!(read_up_to(&mut client, 6).await.unwrap(), b"answer");
    let (server, question) = answering.await;
    assert_eq!(question, b"question");
    // The conditions are what they say, or the list proves nothing.
    for (wire, script, received) in [
        (
            to_server,
            world.conditions.to_server.reading,
            server.counted().received,
        ),
        (
            to_client,
            world.conditions.to_client.reading,
            client.counted().received,
        ),
    ] {
        if script == Script::PendingThenByte {
            assert!(
                wire.reader().pendings() >= received,
                "a byte came without a pause"
            );
            assert!(
                wire.writer().pendings() >= received,
                "a byte went without a pause"
            );
        }
    }
}

pub(crate) async fn one_task_at_each_end_asks_and_answers<C: Column>(world: World<C>) {
    let Joined {
        mut client,
        mut server,
        ..
    } = world.joined().await;
    let answering = world.spawn("server", async move {
        loop {
            let question = read_up_to(&mut server, PIECE).await.unwrap();
            if question.is_empty() {
                return close(&mut server).await;
            }
            write_all(&mut server, &question).await.unwrap();
        }
    });
    for piece in pattern(SOME).chunks(PIECE) {
        write_all(&mut client, piece).await.unwrap();
        assert_eq!(read_up_to(&mut client, PIECE).await.unwrap(), piece);
    }
    close(&mut client).await.unwrap();
    assert_eq!(read_to_end(&mut client).await.unwrap(), b"");
    answering.await.unwrap();
}

pub(crate) async fn halves_echo_on_two_tasks<C: Column>(world: World<C>) {
    let Joined { client, server, .. } = world.joined().await;
    let echoing = world.spawn("echo", echo(server));
    let (mut reader, mut writer) = C::split(client);
    let reading = world.spawn(
        "client reader",
        async move { read_to_end(&mut reader).await },
    );
    let writing = world.spawn("client writer", async move {
        write_all_and_close(&mut writer, &pattern(SOME)).await
    });
    writing.await.unwrap();
    assert!(reading.await.unwrap() == pattern(SOME));
    echoing.await.unwrap();
}

pub(crate) async fn one_task_drives_both_directions<C: Column>(world: World<C>) {
    let Joined { client, server, .. } = world.joined().await;
    let far = world.spawn("server", exchange(server));
    let (_client, received) = exchange(client).await;
    assert!(received == pattern(SOME));
    let (_server, received) = far.await;
    assert!(received == pattern(SOME));
}

/// Writes and reads, whatever is possible, in one task.
async fn exchange<S: Source + Sink>(mut stream: S) -> (S, Vec<u8>) {
    let out = pattern(SOME);
    let (mut sent, mut flushed, mut received) = (0, false, Vec::new());
    poll_fn(|cx| {
        while !flushed || received.len() < SOME {
            let mut moved = false;
            if sent < out.len() {
                if let Poll::Ready(len) = stream.poll_write(cx, &out[sent..]) {
                    sent += len.unwrap();
                    moved = true;
                }
            } else if !flushed && stream.poll_flush(cx).map(Result::unwrap).is_ready() {
                flushed = true;
                moved = true;
            }
            let mut buf = [0; 200];
            if received.len() < SOME
                && let Poll::Ready(len) = stream.poll_read(cx, &mut buf)
            {
                received.extend_from_slice(&buf[..len.unwrap()]);
                moved = true;
            }
            if !moved {
                return Poll::Pending;
            }
        }
        Poll::Ready(())
    })
    .await;
    (stream, received)
}

pub(crate) async fn both_write_while_both_read<C: Column>(world: World<C>) {
    let joined = world.joined().await;
    cross(&world, joined, pattern(SOME)).await;
}

pub(crate) async fn both_write_ten_mebibytes_while_both_read<C: Column>(world: World<C>) {
    let joined = world.joined_by_default().await;
    cross(&world, joined, pattern(TEN_MEBIBYTES)).await;
}

/// Four tasks: both ends write `bytes` and read them.
async fn cross<C: Column>(world: &World<C>, joined: Joined<C>, bytes: Vec<u8>) {
    let mut tasks = Vec::new();
    for (stream, reads, writes) in [
        (joined.client, "client reader", "client writer"),
        (joined.server, "server reader", "server writer"),
    ] {
        let (mut reader, mut writer) = C::split(stream);
        let (written, expected) = (bytes.clone(), bytes.clone());
        tasks.push(world.spawn(reads, async move {
            assert!(read_to_end(&mut reader).await.unwrap() == expected);
        }));
        tasks.push(world.spawn(writes, async move {
            write_all_and_close(&mut writer, &written).await.unwrap();
        }));
    }
    for task in tasks {
        task.await;
    }
}

/// Sending never waits for a reader.
pub(crate) async fn both_write_ten_mebibytes_before_either_reads<C: Column>(world: World<C>) {
    let Joined {
        mut client,
        mut server,
        ..
    } = world.joined_by_default().await;
    let bytes = pattern(TEN_MEBIBYTES);
    let written = bytes.clone();
    let writing = world.spawn("server", async move {
        write_all(&mut server, &written).await.unwrap();
        server
    });
    write_all(&mut client, &bytes).await.unwrap();
    let mut server = writing.await;
    let expected = bytes.clone();
    let reading = world.spawn("server", async move {
        read_up_to(&mut server, TEN_MEBIBYTES).await.unwrap() == expected
    });
    assert!(read_up_to(&mut client, TEN_MEBIBYTES).await.unwrap() == bytes);
    assert!(reading.await);
}
