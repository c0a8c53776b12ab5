//! What a stream does.

use std::future::poll_fn;
use std::io::{self, ErrorKind, IoSlice};
use std::time::Duration;

use ravelin_core::config::{Builder, Client, Server, Timeouts};
use ravelin_core::{Deadline, Error, Event, LocalError, PeerError};
use ravelin_runtime::tls_error;
use ravelin_tests::provider::seeded;
use ravelin_tests::setup::setup;

use super::adapter::{Adapter, within};
use super::pipe::{Pipe, Wire};
use super::tls::{
    Sink as _, Tls as _, close, flush, read, read_to_end, read_up_to, write, write_all,
};

const MIB: usize = 1 << 20;

/// A client and a server of ours that know each other.
pub(crate) fn ends() -> (Builder<Client>, Builder<Server>) {
    (setup().client(seeded(1)), setup().mutual(seeded(2)))
}

/// Bytes of which no two neighbours could be exchanged unnoticed.
pub(crate) fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at / 251 + at % 251) as u8).collect()
}

/// Both ends of a connection over a pipe, and the directions of the pipe.
struct Joined<A: Adapter> {
    client: A::OverPipe,
    server: A::OverPipe,
    to_server: Wire,
}

async fn joined<A: Adapter>() -> Joined<A> {
    let (client, server) = ends();
    joined_with(client, server).await
}

async fn joined_with<A: Adapter>(client: Builder<Client>, server: Builder<Server>) -> Joined<A> {
    let (near, far) = Pipe::pair(4 * MIB);
    let to_server = near.outgoing();
    let accepting = A::spawn(A::accept_pipe(&server.build().unwrap(), far));
    let mut client = A::connect_pipe(&client.build().unwrap(), near)
        .await
        .unwrap();
    flush(&mut client).await.unwrap();
    Joined {
        client,
        server: accepting.await.unwrap(),
        to_server,
    }
}

/// Both ends of a connection over a socket.
async fn joined_by_tcp<A: Adapter>() -> (A::OverTcp, A::OverTcp) {
    let (client, server) = ends();
    let mut listener = A::listen(&server.build().unwrap());
    let address = listener.local_addr().unwrap();
    let accepting = A::spawn(async move { listener.accept().await.await });
    let client = A::connect(&client.build().unwrap(), address).await.unwrap();
    (client, accepting.await.unwrap())
}

pub(crate) async fn bytes_are_echoed_both_ways<A: Adapter>() {
    let (client, mut server) = joined_by_tcp::<A>().await;
    let echo = A::spawn(async move {
        let mut buf = vec![0; 10_000];
        loop {
            match read(&mut server, &mut buf).await.unwrap() {
                0 => return close(&mut server).await,
                len => write_all(&mut server, &buf[..len]).await.unwrap(),
            }
        }
    });
    let (mut reader, mut writer) = client.into_split();
    let echoed = A::spawn(async move { read_to_end(&mut reader).await });
    write_all(&mut writer, &pattern(MIB)).await.unwrap();
    close(&mut writer).await.unwrap();
    assert!(echoed.await.unwrap() == pattern(MIB));
    echo.await.unwrap();
}

pub(crate) async fn halves_work_on_two_tasks<A: Adapter>() {
    let (client, server) = joined_by_tcp::<A>().await;
    let mut tasks = Vec::new();
    for end in [client, server] {
        let (mut reader, mut writer) = end.into_split();
        tasks.push(A::spawn(async move {
            assert!(read_to_end(&mut reader).await.unwrap() == pattern(MIB));
        }));
        tasks.push(A::spawn(async move {
            write_all(&mut writer, &pattern(MIB)).await.unwrap();
            close(&mut writer).await.unwrap();
        }));
    }
    for task in tasks {
        task.await;
    }
}

pub(crate) async fn halves_of_one_stream_reunite<A: Adapter>() {
    let Joined { client, server, .. } = joined::<A>().await;
    let (client_reader, client_writer) = client.into_split();
    let (server_reader, server_writer) = server.into_split();
    let wrong = A::OverPipe::reunite(client_reader, server_writer);
    let (client_reader, server_writer) = wrong.expect_err("halves of two streams");
    let mut client = A::OverPipe::reunite(client_reader, client_writer)
        .ok()
        .unwrap();
    let mut server = A::OverPipe::reunite(server_reader, server_writer)
        .ok()
        .unwrap();
    write_all(&mut client, b"whole again").await.unwrap();
    assert_eq!(read_up_to(&mut server, 11).await.unwrap(), b"whole again");
}

pub(crate) async fn half_close_leaves_reading_open<A: Adapter>() {
    let (mut client, mut server) = joined_by_tcp::<A>().await;
    write_all(&mut client, b"question").await.unwrap();
    close(&mut client).await.unwrap();
    assert_eq!(read_to_end(&mut server).await.unwrap(), b"question");
    write_all(&mut server, b"answer").await.unwrap();
    close(&mut server).await.unwrap();
    assert_eq!(read_to_end(&mut client).await.unwrap(), b"answer");
}

pub(crate) async fn closing_ends_the_direction_of_the_socket<A: Adapter>() {
    let (mut client, mut server) = joined_by_tcp::<A>().await;
    close(&mut client).await.unwrap();
    assert_eq!(read_to_end(&mut server).await.unwrap(), b"");
    let (mut below, unread) = server.into_inner();
    assert_eq!(unread, b"");
    // Behind close_notify the socket itself has ended.
    assert_eq!(read(&mut below, &mut [0]).await.unwrap(), 0);
}

pub(crate) async fn closing_twice_is_closing_once<A: Adapter>() {
    let Joined {
        mut client,
        mut server,
        to_server,
        ..
    } = joined::<A>().await;
    close(&mut client).await.unwrap();
    let transmitted = client.counters().transmitted;
    close(&mut client).await.unwrap();
    assert_eq!(
        client.counters().transmitted,
        transmitted,
        "one close_notify"
    );
    assert_eq!(to_server.closes(), 1);
    assert_eq!(read_to_end(&mut server).await.unwrap(), b"");
    close(&mut server).await.unwrap();
    close(&mut server).await.unwrap();
}

pub(crate) async fn closing_after_the_peer_is_gone_succeeds<A: Adapter>() {
    let Joined {
        mut client,
        server: _server,
        to_server,
        ..
    } = joined::<A>().await;
    to_server.disconnect();
    close(&mut client).await.unwrap();
    close(&mut client).await.unwrap();
    assert_eq!(to_server.closes(), 1);
}

pub(crate) async fn writing_after_closing_is_a_broken_pipe<A: Adapter>() {
    let Joined {
        mut client,
        server: _server,
        ..
    } = joined::<A>().await;
    close(&mut client).await.unwrap();
    let error = write(&mut client, b"late").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    assert_eq!(tls_error(&error), Some(Error::Local(LocalError::Closed)));
    assert_eq!(ravelin_runtime::code(&error), Some("E-LOC-01"));
}

pub(crate) async fn writing_after_the_peer_closed_goes_on<A: Adapter>() {
    let Joined {
        mut client,
        mut server,
        ..
    } = joined::<A>().await;
    close(&mut server).await.unwrap();
    assert_eq!(read_to_end(&mut client).await.unwrap(), b"");
    write_all(&mut client, b"still here").await.unwrap();
    assert_eq!(read_up_to(&mut server, 10).await.unwrap(), b"still here");
}

pub(crate) async fn writing_to_a_peer_that_is_gone_fails<A: Adapter>() {
    let (mut client, server) = joined_by_tcp::<A>().await;
    drop(server);
    let error = loop {
        if let Err(error) = write_all(&mut client, &pattern(MIB)).await {
            break error;
        }
    };
    let kinds = [ErrorKind::BrokenPipe, ErrorKind::ConnectionReset];
    assert!(kinds.contains(&error.kind()), "{error}");
}

pub(crate) async fn truncation_is_an_unexpected_end<A: Adapter>() {
    let Joined {
        mut client,
        mut server,
        ..
    } = joined::<A>().await;
    write_all(&mut server, b"half of").await.unwrap();
    drop(server);
    // What arrived is handed over first.
    assert_eq!(read_up_to(&mut client, 7).await.unwrap(), b"half of");
    let error = read(&mut client, &mut [0]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    assert_eq!(tls_error(&error), Some(Error::Peer(PeerError::Truncated)));
    assert_eq!(ravelin_runtime::code(&error), Some("E-TLS-02"));
}

pub(crate) async fn truncation_may_be_allowed<A: Adapter>() {
    let (client, server) = ends();
    let Joined {
        mut client,
        mut server,
        ..
    } = joined_with::<A>(client.allow_truncation(), server).await;
    write_all(&mut server, b"all of it").await.unwrap();
    drop(server);
    assert_eq!(read_to_end(&mut client).await.unwrap(), b"all of it");
    assert!(client.drain_events().contains(&Event::TruncationAllowed));
}

pub(crate) async fn a_stream_that_takes_nothing_is_write_zero<A: Adapter>() {
    let Joined {
        mut client,
        server: _server,
        to_server,
        ..
    } = joined::<A>().await;
    to_server.take_nothing();
    let outcome: io::Result<()> = async {
        write(&mut client, b"for nobody").await?;
        flush(&mut client).await
    }
    .await;
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::WriteZero);
}

pub(crate) async fn slices_share_one_record<A: Adapter>() {
    let Joined {
        mut client,
        mut server,
        ..
    } = joined::<A>().await;
    assert!(client.gathers());
    let before = server.counters().records;
    let parts = [&b""[..], b"Content-Length: 2\r\n", b"\r\n", b"", b"{}"].map(IoSlice::new);
    let len = poll_fn(|cx| client.poll_slices(cx, &parts)).await.unwrap();
    assert_eq!(len, 23);
    flush(&mut client).await.unwrap();
    let text = read_up_to(&mut server, len).await.unwrap();
    assert_eq!(text, b"Content-Length: 2\r\n\r\n{}");
    assert_eq!(server.counters().records, before + 1);
    // Empty slices in front must not hide the one that has bytes.
    let mut many = vec![IoSlice::new(b""); 40];
    many.push(IoSlice::new(b"behind"));
    let len = poll_fn(|cx| client.poll_slices(cx, &many)).await.unwrap();
    assert_eq!(len, 6);
    flush(&mut client).await.unwrap();
    assert_eq!(read_up_to(&mut server, 6).await.unwrap(), b"behind");
    assert_eq!(server.counters().records, before + 2);
}

pub(crate) async fn a_flush_reaches_the_peer<A: Adapter>() {
    let Joined {
        mut client,
        mut server,
        to_server,
        ..
    } = joined::<A>().await;
    let flushes = to_server.flushes();
    to_server.set_capacity(100);
    let reading = A::spawn(async move { read_up_to(&mut server, 1000).await });
    let len = write(&mut client, &pattern(1000)).await.unwrap();
    assert_eq!(len, 1000);
    flush(&mut client).await.unwrap();
    assert!(
        to_server.flushes() > flushes,
        "the byte stream below is flushed too"
    );
    assert!(reading.await.unwrap() == pattern(1000));
}

pub(crate) async fn a_cancelled_read_loses_nothing<A: Adapter>() {
    let (mut client, mut server) = joined_by_tcp::<A>().await;
    let writing = A::spawn(async move {
        for piece in pattern(20_000).chunks(700) {
            write_all(&mut server, piece).await.unwrap();
            A::sleep(Duration::from_millis(4)).await;
        }
        close(&mut server).await
    });
    let (mut bytes, mut cancelled) = (Vec::new(), 0);
    let mut buf = [0; 300];
    loop {
        match within::<A, _>(Duration::from_millis(1), read(&mut client, &mut buf)).await {
            Some(Ok(0)) => break,
            Some(len) => bytes.extend_from_slice(&buf[..len.unwrap()]),
            None => cancelled += 1,
        }
    }
    assert!(bytes == pattern(20_000));
    assert!(cancelled > 3, "only {cancelled} reads were cancelled");
    writing.await.unwrap();
}

pub(crate) async fn a_cancelled_write_loses_nothing<A: Adapter>() {
    let Joined {
        mut client,
        mut server,
        to_server,
        ..
    } = joined::<A>().await;
    to_server.set_capacity(512);
    let reading = A::spawn(async move {
        let mut bytes = Vec::new();
        let mut buf = [0; 30_000];
        loop {
            match read(&mut server, &mut buf).await.unwrap() {
                0 => return bytes,
                len => bytes.extend_from_slice(&buf[..len]),
            }
            A::sleep(Duration::from_millis(2)).await;
        }
    });
    let given = pattern(300_000);
    let (mut accepted, mut cancelled) = (0, 0);
    while accepted < given.len() {
        let piece = &given[accepted..given.len().min(accepted + 9_000)];
        match within::<A, _>(Duration::from_millis(1), write(&mut client, piece)).await {
            Some(len) => accepted += len.unwrap(),
            None => cancelled += 1,
        }
    }
    to_server.set_capacity(MIB);
    close(&mut client).await.unwrap();
    assert!(
        reading.await == given,
        "accepted bytes arrive once and in order"
    );
    assert!(cancelled > 3, "only {cancelled} writes were cancelled");
}

pub(crate) async fn plaintext_is_lent_and_consumed<A: Adapter>() {
    let Joined {
        mut client,
        mut server,
        ..
    } = joined::<A>().await;
    write_all(&mut server, b"one\ntwo\n").await.unwrap();
    let line = poll_fn(|cx| client.poll_fill_buf(cx).map_ok(<[u8]>::to_vec));
    assert_eq!(line.await.unwrap(), b"one\ntwo\n");
    client.consume(4);
    let rest = poll_fn(|cx| client.poll_fill_buf(cx).map_ok(<[u8]>::to_vec));
    assert_eq!(rest.await.unwrap(), b"two\n", "what was not consumed stays");
    // Reading goes on behind what was consumed.
    assert_eq!(read_up_to(&mut client, 4).await.unwrap(), b"two\n");
    close(&mut server).await.unwrap();
    let end = poll_fn(|cx| client.poll_fill_buf(cx).map_ok(<[u8]>::to_vec));
    assert_eq!(end.await.unwrap(), b"");
}

pub(crate) async fn taking_it_apart_leaves_the_unread<A: Adapter>() {
    let Joined {
        mut client,
        mut server,
        ..
    } = joined::<A>().await;
    write_all(&mut server, b"read, unread").await.unwrap();
    write_all(&mut server, b" and another record")
        .await
        .unwrap();
    assert_eq!(read_up_to(&mut client, 5).await.unwrap(), b"read,");
    let (_pipe, unread) = client.into_inner();
    assert_eq!(unread, b" unread and another record");
}

pub(crate) async fn sockets_send_small_records_at_once<A: Adapter>() {
    let (client, server) = joined_by_tcp::<A>().await;
    assert!(A::nodelay(client.below()));
    assert!(A::nodelay(server.below()));
}

pub(crate) async fn keys_are_updated_on_request<A: Adapter>() {
    let Joined {
        mut client,
        mut server,
        ..
    } = joined::<A>().await;
    client.update_keys().unwrap();
    write_all(&mut client, b"new keys").await.unwrap();
    assert_eq!(read_up_to(&mut server, 8).await.unwrap(), b"new keys");
    // The peer was asked too, and answers with its next flight.
    write_all(&mut server, b"mine too").await.unwrap();
    assert_eq!(read_up_to(&mut client, 8).await.unwrap(), b"mine too");
    assert_eq!(client.counters().key_updates, 1);
    assert!(client.drain_events().contains(&Event::KeysUpdated));
}

pub(crate) async fn events_and_peer_are_shown<A: Adapter>() {
    let Joined {
        mut client,
        mut server,
        ..
    } = joined::<A>().await;
    let alice = server.peer().unwrap();
    assert_eq!(alice.fingerprint(), Some(setup().client.leaf_sha256()));
    assert_eq!(alice.server_name(), Some("localhost"));
    assert_eq!(server.chain_len(), 1);
    assert_eq!(server.peer_addr(), None, "a pipe has no address");
    let names = |event: Event| event.code();
    let codes: Vec<_> = server.drain_events().into_iter().map(names).collect();
    assert!(codes.contains(&"peer-verified"), "{codes:?}");
    assert!(codes.contains(&"established"), "{codes:?}");
    assert_eq!(server.drain_events(), [], "an event is shown once");
    let localhost = client.peer().unwrap();
    assert_eq!(localhost.fingerprint(), Some(setup().server.leaf_sha256()));
    let codes: Vec<_> = client.drain_events().into_iter().map(names).collect();
    assert!(codes.contains(&"established"), "{codes:?}");
    assert!(format!("{client:?}").contains("Established"));
}

pub(crate) async fn an_idle_deadline_moves_with_every_byte<A: Adapter>() {
    let (client, server) = ends();
    let timeouts = Timeouts {
        idle: Some(Duration::from_millis(800)),
        ..Timeouts::default()
    };
    let Joined {
        mut client,
        mut server,
        ..
    } = joined_with::<A>(client, server.timeouts(timeouts)).await;
    let begun = std::time::Instant::now();
    let reading = A::spawn(async move {
        let error = loop {
            match read(&mut server, &mut [0; 10]).await {
                Ok(0) => panic!("an end"),
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        (error, begun.elapsed())
    });
    for _ in 0..3 {
        A::sleep(Duration::from_millis(300)).await;
        write_all(&mut client, b"ping").await.unwrap();
    }
    let (error, elapsed) = reading.await;
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert_eq!(tls_error(&error), Some(Error::Timeout(Deadline::Idle)));
    let range = Duration::from_millis(1690)..Duration::from_secs(10);
    assert!(range.contains(&elapsed), "{elapsed:?}");
}

/// While the server may wait for minutes, a record begins that must end within a fraction of a second.
pub(crate) async fn an_earlier_deadline_replaces_a_later_one<A: Adapter>() {
    let (client, server) = ends();
    let timeouts = Timeouts {
        idle: Some(Duration::from_secs(600)),
        record: Duration::from_millis(300),
        ..Timeouts::default()
    };
    let Joined {
        mut client,
        mut server,
        to_server,
    } = joined_with::<A>(client, server.timeouts(timeouts)).await;
    let reading = A::spawn(async move { read(&mut server, &mut [0; 10]).await });
    A::sleep(Duration::from_millis(100)).await;
    to_server.stall_after(50);
    assert_eq!(write(&mut client, &pattern(1000)).await.unwrap(), 1000);
    let error = reading.await.unwrap_err();
    assert_eq!(tls_error(&error), Some(Error::Timeout(Deadline::Record)));
    assert_eq!(ravelin_runtime::code(&error), Some("E-TIM-02"));
}
