//! Deadlines as values: each has its code and its event, and none hits a peer that owes nothing.

use std::time::Duration;

use ravelin_core::config::{Limits, Timeouts};
use ravelin_core::pki_types::UnixTime;
use ravelin_core::{Deadline, Error, Event, Instant, Now, Phase, Receive};
use ravelin_tests::hostile::{RecordType, hostile, raw};
use ravelin_tests::light::light;
use ravelin_tests::pair::{Pair, Side};
use ravelin_tests::setup::setup;

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// The defaults, and an end to silence.
const TIMEOUTS: Timeouts = Timeouts {
    handshake: Duration::from_secs(10),
    record: Duration::from_secs(30),
    idle: Some(Duration::from_secs(300)),
    close: Duration::from_secs(5),
};

fn pair(timeouts: Timeouts) -> Pair {
    Pair::new(
        &setup().client(light(1)).timeouts(timeouts).build().unwrap(),
        &setup().mutual(light(2)).timeouts(timeouts).build().unwrap(),
    )
}

fn established(timeouts: Timeouts) -> Pair {
    let mut pair = pair(timeouts);
    pair.establish();
    pair
}

/// `deadline` is due at this side in exactly `left`, and then it is what the connection fails with.
#[track_caller]
fn passes(pair: &mut Pair, side: Side, deadline: Deadline, left: Duration) {
    assert_eq!(due(pair, side), Some((left, deadline)));
    pair.advance(left - MILLISECOND);
    assert_eq!(pair.end(side).error, None);
    assert_eq!(due(pair, side), Some((MILLISECOND, deadline)));
    pair.advance(MILLISECOND);
    let error = Error::Timeout(deadline);
    let end = pair.end(side);
    assert_eq!(end.error, Some(error));
    assert_eq!(end.phase(), Phase::Failed);
    assert_eq!(end.events.last(), Some(&Event::Failed(error)));
    assert_eq!(end.connection.interest().receive, Receive::No);
}

/// The deadline of this side, counted from now.
fn due(pair: &mut Pair, side: Side) -> Option<(Duration, Deadline)> {
    let now = pair.now.instant;
    let (at, deadline) = pair.end(side).connection.interest().deadline?;
    Some((at.saturating_since(now), deadline))
}

#[test]
fn each_has_its_code() {
    let codes = [
        Deadline::Handshake,
        Deadline::Record,
        Deadline::Idle,
        Deadline::Close,
    ]
    .map(|deadline| Error::Timeout(deadline).code());
    assert_eq!(codes, ["E-TIM-01", "E-TIM-02", "E-TIM-03", "E-TIM-04"]);
    let by_default = Timeouts {
        idle: None,
        ..TIMEOUTS
    };
    assert_eq!(Timeouts::default(), by_default);
}

#[test]
fn a_handshake_that_stands_still() {
    for side in [Side::Client, Side::Server] {
        let mut pair = pair(TIMEOUTS);
        pair.transmit(Side::Client);
        passes(&mut pair, side, Deadline::Handshake, 10 * SECOND);
        assert!(pair.end(side).connection.transmit().is_empty());
        assert_eq!(due(&mut pair, side), None);
    }
}

/// Neither bytes nor whole messages put it off.
#[test]
fn a_handshake_that_crawls() {
    let mut pair = pair(TIMEOUTS);
    pair.transmit(Side::Client);
    for _ in 0..9 {
        pair.deliver(Side::Server, 1);
        pair.advance(SECOND);
    }
    pair.deliver(Side::Server, usize::MAX);
    pair.transmit(Side::Server);
    pair.deliver(Side::Client, usize::MAX);
    assert_eq!(pair.client.phase(), Phase::Established);
    assert_ne!(due(&mut pair, Side::Client).unwrap().1, Deadline::Handshake);
    passes(&mut pair, Side::Server, Deadline::Handshake, SECOND);
}

#[test]
fn a_record_byte_by_byte() {
    let mut pair = established(TIMEOUTS);
    pair.send(Side::Client, b"slow");
    pair.transmit(Side::Client);
    for second in 0..25 {
        pair.deliver(Side::Server, 1);
        let left = Duration::from_secs(30 - second);
        assert_eq!(due(&mut pair, Side::Server), Some((left, Deadline::Record)));
        pair.advance(SECOND);
        assert_eq!(pair.server.error, None);
    }
    pair.server.wire.clear();
    passes(&mut pair, Side::Server, Deadline::Record, 5 * SECOND);
    // The peer is told with close_notify, the only alert at hand.
    pair.drive();
    assert_eq!(pair.client.phase(), Phase::SendOnly);

    // The same record in time, and the next has its own.
    let mut pair = established(TIMEOUTS);
    for _ in 0..3 {
        pair.send(Side::Client, b"slow");
        pair.transmit(Side::Client);
        pair.deliver(Side::Server, 25);
        pair.advance(29 * SECOND);
        pair.deliver(Side::Server, 1);
        assert_eq!(due(&mut pair, Side::Server).unwrap().1, Deadline::Idle);
    }
    assert_eq!(pair.server.plaintext, b"slowslowslow");
}

/// A message in many records, each of them in time, is still one message.
#[test]
fn a_handshake_message_record_by_record() {
    let client = setup().client(light(1)).timeouts(TIMEOUTS);
    let server = setup().server(hostile(light(2))).build().unwrap();
    let mut pair = Pair::new(&client.build().unwrap(), &server);
    pair.establish();
    // The header of a ticket of 100 bytes, and then a byte of it every nine seconds.
    pair.send(Side::Server, &raw(RecordType::Handshake, &[4, 0, 0, 100]));
    pair.transmit(Side::Server);
    while pair.deliver(Side::Client, usize::MAX) {}
    for _ in 0..3 {
        pair.advance(9 * SECOND);
        pair.send(Side::Server, &raw(RecordType::Handshake, &[0]));
        pair.transmit(Side::Server);
        while pair.deliver(Side::Client, usize::MAX) {}
        assert_eq!(pair.client.error, None);
    }
    passes(&mut pair, Side::Client, Deadline::Record, 3 * SECOND);
}

/// The peer has done its part when the application is what everything waits for.
#[test]
fn a_record_behind_unread_plaintext() {
    let mut pair = established(TIMEOUTS);
    pair.server.reading = false;
    pair.send(Side::Client, b"unread");
    pair.send(Side::Client, b"half");
    pair.transmit(Side::Client);
    pair.deliver(Side::Server, 30);
    assert!(!pair.server.wire.is_empty());
    assert_eq!(due(&mut pair, Side::Server).unwrap().1, Deadline::Idle);
    pair.advance(100 * SECOND);
    assert_eq!(pair.server.error, None);
    // Its time begins when the application has taken what lay before it.
    let now = pair.now;
    assert_eq!(pair.server.connection.plaintext(), b"unread");
    pair.server.connection.consume(6, now).unwrap();
    passes(&mut pair, Side::Server, Deadline::Record, 30 * SECOND);
}

#[test]
fn silence() {
    for side in [Side::Client, Side::Server] {
        let mut pair = established(TIMEOUTS);
        pair.advance(299 * SECOND);
        let now = pair.now;
        // Nothing received is nothing.
        pair.end(side).connection.handle_received(0, now).unwrap();
        pair.end(side).connection.handle_transmitted(0, now);
        assert_eq!(due(&mut pair, side), Some((SECOND, Deadline::Idle)));
        // A byte in either direction counts on both sides.
        pair.send(side, b"still here");
        pair.drive();
        for side in [side, side.other()] {
            assert_eq!(due(&mut pair, side), Some((300 * SECOND, Deadline::Idle)));
        }
        passes(&mut pair, side, Deadline::Idle, 300 * SECOND);
    }
    let mut pair = established(Timeouts::default());
    assert_eq!(due(&mut pair, Side::Client), None);
    pair.advance(1_000_000 * SECOND);
    assert_eq!(pair.client.error, None);
}

/// Once a connection has failed it releases nothing, not even what it had opened before.
#[test]
fn unread_plaintext_when_the_time_is_over() {
    let mut pair = established(TIMEOUTS);
    pair.server.reading = false;
    pair.send(Side::Client, b"unread");
    pair.drive();
    assert_eq!(pair.server.connection.plaintext(), b"unread");
    passes(&mut pair, Side::Server, Deadline::Idle, 300 * SECOND);
    assert!(pair.server.connection.plaintext().is_empty());
    assert!(!pair.server.connection.interest().readable);
}

#[test]
fn close_notify_that_cannot_leave() {
    for half_closed_before in [false, true] {
        let mut pair = established(TIMEOUTS);
        if half_closed_before {
            pair.close(Side::Server);
            pair.drive();
        }
        pair.send(Side::Client, b"stuck");
        pair.close(Side::Client);
        pair.advance(SECOND);
        // Some of it leaves; the rest has no more time for that.
        let now = pair.now;
        pair.client.connection.handle_transmitted(10, now);
        passes(&mut pair, Side::Client, Deadline::Close, 4 * SECOND);
        assert!(pair.client.connection.transmit().is_empty());
        assert_eq!(due(&mut pair, Side::Client), None);
    }
    let mut pair = established(TIMEOUTS);
    pair.close(Side::Client);
    pair.transmit(Side::Client);
    assert_eq!(due(&mut pair, Side::Client).unwrap().1, Deadline::Idle);
}

/// The error is shown as it was; the deadline only ends the waiting.
#[test]
fn an_alert_that_cannot_leave() {
    let mut pair = established(TIMEOUTS);
    pair.send(Side::Client, b"damaged");
    pair.transmit(Side::Client);
    *pair.server.wire.back_mut().unwrap() ^= 1;
    pair.deliver(Side::Server, usize::MAX);
    let error = pair.server.error;
    assert_eq!(error.map(|error| error.code()), Some("E-TLS-05"));
    assert_eq!(
        due(&mut pair, Side::Server),
        Some((5 * SECOND, Deadline::Close))
    );
    pair.advance(5 * SECOND);
    assert!(pair.server.connection.transmit().is_empty());
    assert_eq!(due(&mut pair, Side::Server), None);
    assert_eq!(pair.server.connection.failure(), error);
    assert_eq!(pair.server.events.last(), error.map(Event::Failed).as_ref());
}

/// The earliest deadline is the one named.
#[test]
fn several_at_once() {
    let mut pair = established(Timeouts {
        idle: Some(20 * SECOND),
        ..TIMEOUTS
    });
    pair.send(Side::Client, b"x");
    pair.transmit(Side::Client);
    pair.deliver(Side::Server, 1);
    assert_eq!(
        due(&mut pair, Side::Server),
        Some((20 * SECOND, Deadline::Idle))
    );
    pair.advance(15 * SECOND);
    pair.deliver(Side::Server, 1);
    assert_eq!(
        due(&mut pair, Side::Server),
        Some((15 * SECOND, Deadline::Record))
    );
    pair.close(Side::Server);
    assert_eq!(
        due(&mut pair, Side::Server),
        Some((5 * SECOND, Deadline::Close))
    );
}

/// A driver that sleeps until the deadline and then tells the time must never wake up to the same one.
#[test]
fn a_deadline_lies_ahead_or_is_handled() {
    let mut random = Random(1);
    for _ in 0..300 {
        let mut pick =
            |choices: &[u64]| Duration::from_millis(choices[random.below(choices.len())]);
        let timeouts = Timeouts {
            handshake: pick(&[0, 1, 1000]),
            record: pick(&[0, 1, 500]),
            idle: Some(pick(&[0, 1, 700])),
            close: pick(&[0, 1, 300]),
        };
        let mut pair = pair(timeouts);
        for _ in 0..40 {
            let side = [Side::Client, Side::Server][random.below(2)];
            let now = pair.now;
            match random.below(8) {
                0 => pair.advance(Duration::from_millis(random.below(400) as u64)),
                1 => _ = pair.end(side).connection.close(now),
                2 | 3 => _ = pair.end(side).connection.send(&[b"x"], now),
                4 => _ = pair.deliver(side, random.below(40)),
                5 => _ = pair.deliver(side, usize::MAX),
                _ => _ = pair.transmit(side),
            }
            for side in [Side::Client, Side::Server] {
                let now = pair.now;
                let connection = &mut pair.end(side).connection;
                for round in 0.. {
                    assert!(round < 3, "{:?}", connection.interest());
                    match connection.interest().deadline {
                        Some((at, _)) if at <= now.instant => _ = connection.handle_timeout(now),
                        Some(_) | None => break,
                    }
                }
            }
        }
    }
}

/// A caller whose clock stumbles gets neither a panic nor a deadline out of nothing.
#[test]
fn clocks_that_jump() {
    let mut pair = established(TIMEOUTS);
    let at = |micros, unix| Now {
        instant: Instant::from_micros(micros),
        unix: UnixTime::since_unix_epoch(Duration::from_secs(unix)),
    };
    for now in [at(0, 0), at(0, u64::MAX), at(1, u64::from(u32::MAX) + 1)] {
        pair.client.connection.handle_timeout(now).unwrap();
        assert_eq!(pair.client.connection.send(&[b"x"], now), Ok(1));
        pair.client.connection.handle_received(0, now).unwrap();
    }
    let mut pair = established(Timeouts {
        idle: Some(Duration::MAX),
        ..TIMEOUTS
    });
    let late = at(u64::MAX - 1, 0);
    pair.client.connection.handle_timeout(late).unwrap();
    assert_eq!(pair.client.connection.failure(), None);
}

/// A record of a size that the storage cannot hold is not waited for, so it needs no deadline.
#[test]
fn a_record_that_does_not_fit_needs_no_deadline() {
    let client = setup().client(light(1)).build().unwrap();
    let limits = Limits {
        storage: 1024,
        ..Limits::default()
    };
    let server = setup().server(light(2)).limits(limits).timeouts(TIMEOUTS);
    let mut pair = Pair::new(&client, &server.build().unwrap());
    pair.establish();
    pair.send(Side::Client, &[0; 1100]);
    pair.transmit(Side::Client);
    pair.deliver(Side::Server, 5);
    assert_eq!(
        pair.server.error.map(|error| error.code()),
        Some("E-TLS-08")
    );
}

/// Numerical Recipes' linear congruential generator: the same sequence on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223) & 0xffff_ffff;
        (self.0 >> 8) as usize % bound
    }
}
