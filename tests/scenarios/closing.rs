//! How connections end: half close, truncation, and the first error that stays.

mod alerts;

use std::sync::LazyLock;

use ravelin_core::config::{ClientResumption, Limits};
use ravelin_core::{
    ClientConfig, Connection, Error, Event, LocalError, Now, PeerError, Phase, Receive,
    ServerConfig,
};
use ravelin_tests::hostile::{RecordType, hostile, raw};
use ravelin_tests::light::light;
use ravelin_tests::pair::{Pair, Side};
use ravelin_tests::setup::setup;

/// A sealed close_notify: header, alert, content type, tag.
const CLOSE_NOTIFY: usize = 5 + 2 + 1 + 16;

const TRUNCATED: Option<Error> = Some(Error::Peer(PeerError::Truncated));

/// Mutual authentication; every handshake is a full one.
fn pair() -> Pair {
    static CONFIGS: LazyLock<(ClientConfig, ServerConfig)> = LazyLock::new(|| {
        let client = setup().client(light(1));
        let client = client.resumption(ClientResumption::sessions(0));
        let server = setup().mutual(light(2));
        (client.build().unwrap(), server.build().unwrap())
    });
    Pair::new(&CONFIGS.0, &CONFIGS.1)
}

fn established() -> Pair {
    let mut pair = pair();
    pair.establish();
    pair
}

fn count(events: &[Event], code: &str) -> usize {
    events.iter().filter(|event| event.code() == code).count()
}

#[test]
fn each_half_closes_on_its_own() {
    for first in [Side::Client, Side::Server] {
        let second = first.other();
        let mut pair = established();
        pair.send(first, b"all I have");
        pair.close(first);
        assert_eq!(pair.end(first).phase(), Phase::ReceiveOnly);
        pair.drive();
        assert_eq!(pair.end(second).plaintext, b"all I have");
        assert_eq!(pair.end(second).phase(), Phase::SendOnly);
        let now = pair.now;
        let late = pair.end(first).connection.send(&[b"one more"], now);
        assert_eq!(late, Err(LocalError::Closed.into()));

        for word in [b"I ", b"go", b"on"] {
            pair.send(second, word);
            pair.drive();
        }
        pair.update_keys(second);
        pair.send(second, b".");
        pair.drive();
        assert_eq!(pair.end(first).plaintext, b"I goon.");
        assert_eq!(pair.end(first).phase(), Phase::ReceiveOnly);
        pair.close(second);
        assert_eq!(pair.end(second).phase(), Phase::Closed);
        pair.drive();
        for side in [first, second] {
            // The transport ends too; that is no truncation any more.
            pair.hang_up(side);
            pair.drive();
            let end = pair.end(side);
            assert_eq!(end.phase(), Phase::Closed);
            assert_eq!(end.error, None);
            assert_eq!(count(&end.events, "peer-closed"), 1);
            assert_eq!(end.connection.interest().receive, Receive::No);
            assert_eq!(end.connection.interest().deadline, None);
        }
    }
}

#[test]
fn close_notify_is_sent_once() {
    let mut pair = established();
    let now = pair.now;
    let connection = &mut pair.client.connection;
    connection.close(now).unwrap();
    assert_eq!(connection.transmit().len(), CLOSE_NOTIFY);
    connection.close(now).unwrap();
    assert_eq!(connection.transmit().len(), CLOSE_NOTIFY);
    connection.handle_transmitted(CLOSE_NOTIFY, now);
    connection.close(now).unwrap();
    assert!(connection.transmit().is_empty());
}

#[test]
fn nothing_follows_close_notify() {
    let mut pair = established();
    pair.close(Side::Client);
    pair.drive();
    let sent = pair.client.transcript.len();
    // A key update asks for an answer, which must not come.
    pair.update_keys(Side::Server);
    pair.send(Side::Server, b"with new keys");
    pair.drive();
    assert_eq!(pair.client.plaintext, b"with new keys");
    let now = pair.now;
    let update = pair.client.connection.update_keys(now);
    assert_eq!(update, Err(LocalError::Closed.into()));
    pair.drive();
    assert_eq!(pair.client.transcript.len(), sent);
}

/// rustls would send an alert behind close_notify; in a debug build it asserts that it does not.
#[test]
fn a_bad_record_after_close_is_refused_in_silence() {
    let mut pair = established();
    pair.close(Side::Client);
    pair.drive();
    pair.send(Side::Server, b"to be damaged");
    pair.transmit(Side::Server);
    *pair.client.wire.back_mut().unwrap() ^= 1;
    while pair.deliver(Side::Client, usize::MAX) {}
    assert_eq!(pair.client.error, Some(PeerError::Decrypt.into()));
    assert!(pair.client.connection.transmit().is_empty());
    assert!(pair.client.plaintext.is_empty());
    assert_eq!(pair.server.error, None);
}

#[test]
fn data_behind_close_notify_is_ignored() {
    for in_one_piece in [true, false] {
        let client = setup().client(light(1)).build().unwrap();
        let server = setup().server(hostile(light(2))).build().unwrap();
        let mut pair = Pair::new(&client, &server);
        pair.establish();
        pair.send(Side::Server, b"before");
        pair.send(Side::Server, &raw(RecordType::Alert, &[1, 0]));
        if !in_one_piece {
            pair.drive();
        }
        pair.send(Side::Server, b"behind");
        pair.transmit(Side::Server);
        pair.client.wire.extend(b"and no TLS at all");
        pair.hang_up(Side::Server);
        pair.drive();
        assert_eq!(pair.client.plaintext, b"before");
        assert_eq!(pair.client.phase(), Phase::SendOnly);
        assert_eq!(pair.client.error, None);
        assert_eq!(count(&pair.client.events, "peer-closed"), 1);
        // Nor are the bytes kept.
        assert!(pair.client.connection.take_storage().is_some());
    }
}

/// Everything that each side receives in a short session, for [`cut`].
fn script(pair: &mut Pair) {
    pair.drive();
    for side in [Side::Client, Side::Server] {
        if pair.end(side).phase() == Phase::Established {
            pair.send(side, b"some plaintext");
            pair.send(side, b"and some more");
        }
    }
    pair.drive();
    for side in [Side::Client, Side::Server] {
        pair.close(side);
        pair.drive();
    }
}

#[test]
fn a_cut_at_any_byte_is_a_truncation() {
    let mut reference = pair();
    script(&mut reference);
    for side in [Side::Client, Side::Server] {
        let end = reference.end(side);
        let (total, plaintext) = (end.connection.counters().received, end.plaintext.clone());
        for at in 0..=total {
            let mut cut = cut(pair(), side, at);
            let end = cut.end(side);
            assert!(plaintext.starts_with(&end.plaintext), "{side:?} at {at}");
            if at == total {
                assert_eq!(end.error, None);
                assert_eq!(count(&end.events, "peer-closed"), 1);
                assert_eq!(end.plaintext, plaintext);
            } else {
                assert_eq!(end.error, TRUNCATED, "{side:?} at {at}");
                assert_eq!(count(&end.events, "E-TLS-02"), 1);
                assert_eq!(count(&end.events, "peer-closed"), 0);
            }
        }
        println!("{side:?}: cut at {total} positions");
    }
}

/// Whoever allows it takes the end of the transport for the end of the data, but never for the end of a handshake. And
/// whatever lies half received at that moment, this side can still send.
#[test]
fn a_cut_at_any_byte_where_truncation_is_allowed() {
    let fragment = Limits {
        fragment: 64,
        ..Limits::default()
    };
    let client = setup().client(light(1)).limits(fragment).allow_truncation();
    let client = client.resumption(ClientResumption::sessions(0));
    let server = setup().mutual(light(2)).limits(fragment).allow_truncation();
    let (client, server) = (client.build().unwrap(), server.build().unwrap());
    let pair = || Pair::new(&client, &server);
    let mut reference = pair();
    script(&mut reference);
    for side in [Side::Client, Side::Server] {
        let total = reference.end(side).connection.counters().received;
        let mut allowed = 0;
        for at in 0..total {
            let mut pair = cut(pair(), side, at);
            let now = pair.now;
            let end = pair.end(side);
            if count(&end.events, "established") == 0 {
                assert_eq!(end.error, TRUNCATED, "{side:?} at {at}");
                continue;
            }
            allowed += 1;
            assert_eq!(end.error, None, "{side:?} at {at}");
            assert_eq!(count(&end.events, "truncation-allowed"), 1);
            assert_eq!(end.connection.interest().receive, Receive::No);
            if end.phase() == Phase::SendOnly {
                // rustls still waits for the rest of what was cut off.
                assert_eq!(end.connection.send(&[b"on"], now), Ok(2));
                end.connection.update_keys(now).unwrap();
                end.connection.close(now).unwrap();
            }
            assert_eq!(end.phase(), Phase::Closed);
        }
        assert!(allowed > 90, "{allowed}");
    }
}

/// Runs the script; `side` receives `at` bytes and then the end of the transport.
fn cut(mut pair: Pair, side: Side, at: u64) -> Pair {
    let mut left = usize::try_from(at).unwrap();
    let deliver = |pair: &mut Pair, left: &mut usize| {
        loop {
            let mut moved = false;
            for sender in [side, side.other()] {
                moved |= pair.transmit(sender);
            }
            moved |= pair.deliver(side.other(), usize::MAX);
            if *left > 0 {
                let before = pair.end(side).connection.counters().received;
                moved |= pair.deliver(side, *left);
                let after = pair.end(side).connection.counters().received;
                *left -= usize::try_from(after - before).unwrap();
            }
            if !moved {
                return;
            }
        }
    };
    deliver(&mut pair, &mut left);
    for sender in [Side::Client, Side::Server] {
        if pair.end(sender).phase() == Phase::Established && left > 0 {
            pair.send(sender, b"some plaintext");
            pair.send(sender, b"and some more");
        }
    }
    deliver(&mut pair, &mut left);
    if left > 0 {
        for closer in [Side::Client, Side::Server] {
            pair.close(closer);
            deliver(&mut pair, &mut left);
        }
    }
    assert_eq!(left, 0);
    pair.end(side).wire.clear();
    pair.hang_up(side.other());
    pair.deliver(side, usize::MAX);
    pair
}

#[test]
fn plaintext_comes_before_the_truncation() {
    let unread = || {
        let mut pair = established();
        pair.client.reading = false;
        pair.send(Side::Server, b"first record");
        pair.send(Side::Server, b"second");
        pair.transmit(Side::Server);
        pair.hang_up(Side::Server);
        while pair.deliver(Side::Client, usize::MAX) {}
        assert_eq!(pair.client.error, None);
        assert_eq!(pair.client.phase(), Phase::Established);
        assert_eq!(pair.client.connection.interest().receive, Receive::No);
        pair
    };

    let mut pair = unread();
    let (connection, now) = (&mut pair.client.connection, pair.now);
    assert_eq!(connection.plaintext(), b"first record");
    connection.consume(6, now).unwrap();
    assert_eq!(connection.plaintext(), b"record");
    connection.consume(6, now).unwrap();
    assert_eq!(connection.plaintext(), b"second");
    let end = connection.consume(6, now);
    assert_eq!(end, Err(PeerError::Truncated.into()));

    let mut pair = unread();
    let (connection, now) = (&mut pair.client.connection, pair.now);
    let mut taken = Vec::new();
    let mut out = [0; 5];
    let end = loop {
        assert_eq!(
            connection.interest().readable,
            connection.failure().is_none()
        );
        match connection.read(&mut out, now) {
            Ok(len) => taken.extend_from_slice(&out[..len]),
            Err(error) => break error,
        }
    };
    assert_eq!(taken, b"first recordsecond");
    assert_eq!(end, PeerError::Truncated.into());
}

/// Whoever blocks although a whole record lies here may wait for a peer that waits for the answer to it.
#[test]
fn a_record_that_lies_unopened_is_announced() {
    let mut pair = established();
    pair.client.reading = false;
    for record in [b"first ", b"second", b"third "] {
        pair.send(Side::Server, record);
    }
    pair.drive();
    let (connection, now) = (&mut pair.client.connection, pair.now);
    // The first was opened when it arrived, the second is opened straight into the room left.
    assert_eq!(connection.read(&mut [0; 12], now), Ok(12));
    assert!(connection.plaintext().is_empty());
    assert!(connection.interest().readable);
    connection.consume(0, now).unwrap();
    assert_eq!(connection.plaintext(), b"third ");
    assert_eq!(connection.read(&mut [0; 9], now), Ok(6));
    assert!(!connection.interest().readable);
    assert_eq!(connection.read(&mut [0; 9], now), Ok(0));
}

#[test]
fn close_before_the_handshake_is_done() {
    for side in [Side::Client, Side::Server] {
        let mut pair = pair();
        if side == Side::Server {
            pair.transmit(Side::Client);
            pair.deliver(Side::Server, usize::MAX);
        }
        let now = pair.now;
        let connection = &mut pair.end(side).connection;
        assert!(!connection.transmit().is_empty());
        let early = connection.update_keys(now);
        assert_eq!(early, Err(LocalError::NotEstablished.into()));
        assert_eq!(connection.send(&[b"x"], now), Ok(0));
        connection.close(now).unwrap();
        assert!(
            connection.transmit().is_empty(),
            "it ends, with nothing to say"
        );
        let interest = connection.interest();
        assert_eq!(interest.phase, Phase::Closed);
        assert_eq!(interest.receive, Receive::No);
        assert_eq!(interest.deadline, None);
        assert_eq!(
            connection.send(&[b"x"], now),
            Err(LocalError::Closed.into())
        );
        assert_eq!(connection.read(&mut [0; 8], now), Ok(0));
        assert_eq!(connection.handle_eof(now), Ok(()));
        assert_eq!(connection.close(now), Ok(()));
    }
}

/// Calls every verb, and checks that each returns `error`.
fn every_verb_fails(connection: &mut Connection, error: Error, now: Now) {
    let nothing = Err(error);
    assert_eq!(connection.handle_received(7, now), nothing);
    assert_eq!(connection.handle_received(0, now), nothing);
    assert_eq!(connection.handle_eof(now), nothing);
    assert_eq!(connection.handle_timeout(now), nothing);
    assert_eq!(connection.consume(1, now), nothing);
    assert_eq!(connection.read(&mut [0; 8], now), Err(error));
    assert_eq!(connection.send(&[b"x"], now), Err(error));
    assert_eq!(connection.close(now), nothing);
    assert_eq!(connection.update_keys(now), nothing);
    assert_eq!(connection.failure(), Some(error));
    assert_eq!(connection.receive_buffer(), None);
    assert_eq!(connection.plaintext(), b"");
    assert_eq!(connection.interest().phase, Phase::Failed);
    assert_eq!(connection.interest().receive, Receive::No);
    assert!(!connection.interest().readable);
}

#[test]
fn the_first_error_stays_and_its_alert_is_sent_once() {
    let mut pair = established();
    pair.client.reading = false;
    pair.send(Side::Server, b"good");
    pair.send(Side::Server, b"bad");
    pair.send(Side::Server, b"good again");
    pair.transmit(Side::Server);
    let bad = pair.client.wire.len() - (b"good again".len() + 22) - 1;
    pair.client.wire[bad] ^= 0x80;
    while pair.deliver(Side::Client, usize::MAX) {}
    let (connection, now) = (&mut pair.client.connection, pair.now);
    assert_eq!(connection.plaintext(), b"good");
    let error = connection.consume(4, now).unwrap_err();
    assert_eq!(error, PeerError::Decrypt.into());

    let alert = connection.transmit().to_vec();
    assert_eq!(alert.len(), CLOSE_NOTIFY, "one alert, as long as any");
    every_verb_fails(connection, error, now);
    assert_eq!(connection.transmit(), alert);
    connection.handle_transmitted(10, now);
    every_verb_fails(connection, error, now);
    connection.handle_transmitted(alert.len(), now);
    every_verb_fails(connection, error, now);
    assert!(connection.transmit().is_empty());
    assert_eq!(connection.interest().deadline, None);

    pair.client.settle(now);
    assert_eq!(pair.client.events.last(), Some(&Event::Failed(error)));
    assert_eq!(count(&pair.client.events, error.code()), 1);
}
