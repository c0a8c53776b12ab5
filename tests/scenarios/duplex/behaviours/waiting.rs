//! One half waits while the other works.

use std::future::poll_fn;

use crate::duplex::column::{Column, Sink as _, Source};
use crate::duplex::io::{
    cancelled, close, flush, pattern, read, read_to_end, read_up_to, woken, write_all,
    write_all_and_close, yield_now,
};
use crate::duplex::world::{Joined, World};

/// More than a connection accepts while nothing leaves it.
const BLOCKS: usize = 900;

pub(crate) async fn keys_are_updated_while_the_writer_is_blocked<C: Column>(world: World<C>) {
    let Joined {
        client,
        mut server,
        to_server,
        ..
    } = world.joined().await;
    let (mut reader, mut writer) = C::split(client);
    let reading = world.spawn("client reader", async move {
        let answer = read_to_end(&mut reader).await.unwrap();
        (answer, reader.counted())
    });
    to_server.stall();
    let bytes = pattern(BLOCKS);
    let mut sent = 0;
    while let Some(len) = cancelled(|cx| writer.poll_write(cx, &bytes[sent..])).await {
        sent += len.unwrap();
    }
    writer.renew_keys().unwrap();
    let writing = world.spawn("client writer", async move {
        write_all_and_close(&mut writer, &pattern(BLOCKS)[sent..]).await
    });
    world.quiet().await;
    to_server.resume();
    assert!(read_to_end(&mut server).await.unwrap() == bytes);
    // The server was asked to do the same.
    write_all_and_close(&mut server, b"new keys").await.unwrap();
    writing.await.unwrap();
    let (answer, counters) = reading.await;
    assert_eq!(answer, b"new keys");
    assert_eq!(counters.key_updates, 1);
}

pub(crate) async fn a_key_update_by_the_peer_leaves_the_writer_parked<C: Column>(world: World<C>) {
    let Joined {
        client,
        mut server,
        to_server,
        ..
    } = world.joined().await;
    let (mut reader, mut writer) = C::split(client);
    to_server.stall();
    let writing = world.spawn("client writer", async move {
        write_all_and_close(&mut writer, &pattern(BLOCKS)).await
    });
    world.quiet().await;
    let reading = world.spawn(
        "client reader",
        async move { read_to_end(&mut reader).await },
    );
    for _ in 0..3 {
        server.renew_keys().unwrap();
        write_all(&mut server, b"keys ").await.unwrap();
        world.quiet().await;
    }
    to_server.resume();
    // Now the reader may be first at the wire.
    write_all(&mut server, b"and data").await.unwrap();
    assert!(read_to_end(&mut server).await.unwrap() == pattern(BLOCKS));
    close(&mut server).await.unwrap();
    writing.await.unwrap();
    assert_eq!(reading.await.unwrap(), b"keys keys keys and data");
}

/// The tickets of a server wait behind its handshake. Its reader sends them when nobody writes.
pub(crate) async fn sending_tickets_leaves_the_writer_parked<C: Column>(world: World<C>) {
    let Joined {
        mut client,
        server,
        to_client,
        ..
    } = world.joined_in_bad_conditions().await;
    to_client.stall();
    let (mut reader, mut writer) = C::split(server);
    let writing = world.spawn("server writer", async move {
        write_all_and_close(&mut writer, &pattern(BLOCKS)).await
    });
    world.quiet().await;
    let reading = world.spawn(
        "server reader",
        async move { read_to_end(&mut reader).await },
    );
    world.quiet().await;
    write_all(&mut client, b"wake up").await.unwrap();
    world.quiet().await;
    to_client.resume();
    assert!(read_to_end(&mut client).await.unwrap() == pattern(BLOCKS));
    assert!(client.counted().tickets > 0, "no ticket came");
    close(&mut client).await.unwrap();
    writing.await.unwrap();
    assert_eq!(reading.await.unwrap(), b"wake up");
}

pub(crate) async fn a_reader_alone_sends_tickets<C: Column>(world: World<C>) {
    let Joined {
        mut client,
        mut server,
        ..
    } = world.joined_in_bad_conditions().await;
    let reading = world.spawn("server", async move { read_to_end(&mut server).await });
    while client.counted().tickets == 0 {
        read_what_has_no_plaintext(&mut client).await;
    }
    close(&mut client).await.unwrap();
    assert_eq!(reading.await.unwrap(), b"");
}

pub(crate) async fn a_reader_alone_sends_a_key_update<C: Column>(world: World<C>) {
    let Joined {
        mut client,
        mut server,
        ..
    } = world.joined().await;
    let before = server.counted().received;
    client.renew_keys().unwrap();
    let reading = world.spawn("client", async move { read_to_end(&mut client).await });
    while server.counted().received == before {
        read_what_has_no_plaintext(&mut server).await;
    }
    close(&mut server).await.unwrap();
    assert_eq!(reading.await.unwrap(), b"");
}

/// Reads until something arrived, or nothing more lies here.
async fn read_what_has_no_plaintext(stream: &mut impl Source) {
    let before = stream.counted().received;
    assert!(
        cancelled(|cx| stream.poll_read(cx, &mut [0]))
            .await
            .is_none()
    );
    if stream.counted().received == before {
        woken().await;
    }
}

pub(crate) async fn a_reader_waits_while_a_flush_transmits<C: Column>(world: World<C>) {
    let Joined {
        client,
        mut server,
        to_server,
        ..
    } = world.joined().await;
    let (mut reader, mut writer) = C::split(client);
    to_server.stall();
    let question = pattern(200);
    let len = poll_fn(|cx| writer.poll_write(cx, &question))
        .await
        .unwrap();
    assert_eq!(len, question.len(), "the question fits");
    let flushing = world.spawn("client writer", async move {
        flush(&mut writer).await.unwrap();
        writer
    });
    world.quiet().await;
    let reading = world.spawn(
        "client reader",
        async move { read_to_end(&mut reader).await },
    );
    // The reader works meanwhile, and waits again.
    write_all(&mut server, b"listening; ").await.unwrap();
    world.quiet().await;
    to_server.resume();
    write_all(&mut server, b"still listening; ").await.unwrap();
    assert!(read_up_to(&mut server, question.len()).await.unwrap() == question);
    let _writer = flushing.await;
    write_all_and_close(&mut server, b"answered").await.unwrap();
    assert_eq!(
        reading.await.unwrap(),
        b"listening; still listening; answered"
    );
}

pub(crate) async fn a_reader_waits_while_the_writer_closes<C: Column>(world: World<C>) {
    let Joined {
        client,
        mut server,
        to_server,
        ..
    } = world.joined().await;
    let (mut reader, mut writer) = C::split(client);
    let reading = world.spawn(
        "client reader",
        async move { read_to_end(&mut reader).await },
    );
    world.quiet().await;
    to_server.stall();
    let closing = world.spawn("client writer", async move {
        write_all_and_close(&mut writer, b"last words").await
    });
    world.quiet().await;
    write_all(&mut server, b"go on; ").await.unwrap();
    world.quiet().await;
    to_server.resume();
    write_all(&mut server, b"and on; ").await.unwrap();
    assert_eq!(read_to_end(&mut server).await.unwrap(), b"last words");
    closing.await.unwrap();
    // Half of the connection is closed, and the other half is not.
    write_all_and_close(&mut server, b"goodbye").await.unwrap();
    assert_eq!(reading.await.unwrap(), b"go on; and on; goodbye");
}

/// Bytes arrive, and both halves look. The wire takes bytes again after the writer looked and before the reader does.
pub(crate) async fn the_wire_opens_between_two_looks<C: Column>(world: World<C>) {
    let Joined {
        client,
        server,
        to_server,
        ..
    } = world.joined().await;
    let (mut reader, mut writer) = C::split(client);
    let (mut far_reader, mut far_writer) = C::split(server);
    let reading = world.spawn(
        "client reader",
        async move { read_to_end(&mut reader).await },
    );
    let receiving = world.spawn("server reader", async move {
        read_to_end(&mut far_reader).await
    });
    let mut sent = 0;
    for round in 0..12 {
        to_server.stall();
        // The writer waits until it may write, or for a flush.
        let len = if round % 2 == 0 { BLOCKS } else { 200 };
        sent += len;
        let writing = world.spawn("client writer", async move {
            write_all(&mut writer, &vec![7; len]).await.unwrap();
            writer
        });
        world.quiet().await;
        write_all(&mut far_writer, b".").await.unwrap();
        for _ in 0..round / 2 {
            yield_now().await;
        }
        to_server.resume();
        writer = writing.await;
    }
    close(&mut writer).await.unwrap();
    assert_eq!(receiving.await.unwrap().len(), sent);
    close(&mut far_writer).await.unwrap();
    assert_eq!(reading.await.unwrap(), b".".repeat(12));
}

/// Who waits is whoever polled last, not whoever polled first.
pub(crate) async fn halves_move_to_other_tasks<C: Column>(world: World<C>) {
    let Joined {
        client,
        mut server,
        to_server,
        ..
    } = world.joined().await;
    let (mut reader, mut writer) = C::split(client);
    to_server.stall();
    let bytes = pattern(BLOCKS);
    let early = world.spawn("first task", async move {
        assert!(
            cancelled(|cx| reader.poll_read(cx, &mut [0; 9]))
                .await
                .is_none()
        );
        let mut sent = 0;
        while let Some(len) = cancelled(|cx| writer.poll_write(cx, &bytes[sent..])).await {
            sent += len.unwrap();
        }
        (reader, writer, sent)
    });
    let (mut reader, mut writer, sent) = early.await;
    let reading = world.spawn(
        "client reader",
        async move { read_to_end(&mut reader).await },
    );
    let writing = world.spawn("client writer", async move {
        write_all_and_close(&mut writer, &pattern(BLOCKS)[sent..]).await
    });
    world.quiet().await;
    to_server.resume();
    let mut buf = [0; 1];
    assert_eq!(read(&mut server, &mut buf).await.unwrap(), 1);
    write_all_and_close(&mut server, b"found you")
        .await
        .unwrap();
    assert_eq!(reading.await.unwrap(), b"found you");
    assert!(read_to_end(&mut server).await.unwrap() == pattern(BLOCKS)[1..]);
    writing.await.unwrap();
}
