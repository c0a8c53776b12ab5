//! What a peer can send without end, and what of it stays.

use ravelin_core::config::ClientResumption;
use ravelin_core::{Error, Event, PeerError, Phase, RECORD};
use ravelin_tests::hostile::{RecordType, hostile, raw, short_lived_keys};
use ravelin_tests::light::light;
use ravelin_tests::pair::{Pair, Side};
use ravelin_tests::setup::setup;

const PROTOCOL: Option<Error> = Some(Error::Peer(PeerError::Protocol));

/// Both can seal what they like.
fn established(resumption: &ClientResumption) -> Pair {
    let client = setup().client(hostile(light(1)));
    let client = client.resumption(resumption.clone()).build().unwrap();
    let server = setup().server(hostile(light(2))).build().unwrap();
    let mut pair = Pair::new(&client, &server);
    pair.establish();
    pair
}

fn pair() -> Pair {
    established(&ClientResumption::default())
}

/// What this side holds: at most one storage, one record of plaintext, and next to nothing to send.
#[track_caller]
fn holds_little(pair: &mut Pair, side: Side) {
    let end = pair.end(side);
    assert!(end.largest_storage <= RECORD, "{}", end.largest_storage);
    assert!(end.connection.plaintext().len() <= 16_384);
    assert!(end.connection.transmit().len() <= 64);
}

#[test]
fn key_updates() {
    for side in [Side::Client, Side::Server] {
        let mut pair = pair();
        for _ in 0..32 {
            pair.update_keys(side.other());
            pair.transmit(side.other());
            while pair.deliver(side, usize::MAX) {}
            assert_eq!(pair.end(side).error, None);
            // The answer waits for data; it is one answer to all of them.
            assert!(pair.end(side).connection.transmit().is_empty());
        }
        pair.update_keys(side.other());
        pair.transmit(side.other());
        while pair.deliver(side, usize::MAX) {}
        assert_eq!(pair.end(side).error, PROTOCOL);
        holds_little(&mut pair, side);

        // With data in between there may be any number.
        let mut pair = self::pair();
        for _ in 0..100 {
            pair.update_keys(side.other());
            pair.send(side.other(), b"x");
            pair.drive();
            holds_little(&mut pair, side);
        }
        let before = pair.end(side).connection.counters().transmitted;
        pair.send(side, b"y");
        pair.drive();
        let after = pair.end(side).connection.counters().transmitted;
        assert_eq!(
            after - before,
            2 * 22 + 5 + 1,
            "one key update and the data"
        );
        assert_eq!(pair.end(side.other()).plaintext, b"y");
        assert_eq!(pair.end(side).plaintext.len(), 100);
    }
}

#[test]
fn empty_records() {
    let mut pair = pair();
    let empty = raw(RecordType::ApplicationData, b"");
    for _ in 0..32 {
        pair.send(Side::Client, &empty);
        pair.drive();
    }
    assert_eq!(pair.server.error, None);
    pair.send(Side::Client, b"x");
    for _ in 0..32 {
        pair.send(Side::Client, &empty);
    }
    pair.drive();
    assert_eq!(pair.server.error, None);
    pair.send(Side::Client, &empty);
    pair.drive();
    assert_eq!(pair.server.error, PROTOCOL);
    assert_eq!(pair.server.plaintext, b"x");
}

#[test]
fn records_of_one_byte() {
    let mut pair = pair();
    pair.server.reading = false;
    for _ in 0..2_000 {
        pair.send(Side::Client, b"x");
        pair.transmit(Side::Client);
        pair.deliver(Side::Server, usize::MAX);
    }
    assert_eq!(pair.server.connection.plaintext(), b"x");
    holds_little(&mut pair, Side::Server);
    // Reading brings them all, and in one call those that already lie here.
    let now = pair.now;
    let mut out = [0; 4_096];
    let first = pair.server.connection.read(&mut out, now).unwrap();
    assert!(first > 700, "{first}");
    pair.server.reading = true;
    pair.drive();
    assert_eq!(first + pair.server.plaintext.len(), 2_000);
}

/// A NewSessionTicket (RFC 8446, 4.6.1) that a client stores.
fn ticket(number: u16) -> Vec<u8> {
    let [high, low] = number.to_be_bytes();
    let body = [
        &[0, 0, 14, 16][..],            // lifetime in seconds
        &[1, 2, high, low],             // age_add
        &[2, high, low],                // nonce
        &[0, 4, 0xaa, 0xbb, high, low], // ticket
        &[0, 0],                        // no extensions
    ]
    .concat();
    let len = u8::try_from(body.len()).unwrap();
    [&[4, 0, 0, len][..], &body].concat()
}

#[test]
fn tickets() {
    let resumption = ClientResumption::sessions(8);
    let mut pair = established(&resumption);
    let honest = pair.client.connection.counters().tickets;
    for number in 0..1_000 {
        pair.send(Side::Server, &raw(RecordType::Handshake, &ticket(number)));
        pair.transmit(Side::Server);
        // Nobody looks at the client's events.
        let (end, now) = (&mut pair.client, pair.now);
        let bytes: Vec<u8> = end.wire.drain(..).collect();
        end.connection.receive_buffer().unwrap()[..bytes.len()].copy_from_slice(&bytes);
        end.connection.handle_received(bytes.len(), now).unwrap();
    }
    assert_eq!(pair.client.connection.counters().tickets, honest + 1_000);
    assert_eq!(resumption.len(), 8);
    holds_little(&mut pair, Side::Client);
    let (end, now) = (&mut pair.client, pair.now);
    end.events.clear();
    end.settle(now);
    assert_eq!(end.events.len(), 17);
    assert_eq!(end.events[16], Event::EventsDropped { count: 984 });

    // Many in one record are each stored too.
    let many: Vec<u8> = (0..100).flat_map(ticket).collect();
    pair.send(Side::Server, &raw(RecordType::Handshake, &many));
    pair.drive();
    assert_eq!(pair.client.error, None);
    assert_eq!(pair.client.connection.counters().tickets, honest + 1_100);
    assert_eq!(resumption.len(), 8);
}

/// Tickets cut so that no record ends where a message ends: the bytes of all of them are kept until one does.
#[test]
fn tickets_that_never_end_with_a_record() {
    let mut pair = pair();
    let stream: Vec<u8> = (0..10_000).flat_map(ticket).collect();
    let mut sent = 0;
    // The record before leaves the first byte of the next ticket behind.
    for piece in stream[1..].chunks(ticket(0).len() * 100) {
        if sent == 0 {
            pair.send(Side::Server, &raw(RecordType::Handshake, &stream[..1]));
        }
        pair.send(Side::Server, &raw(RecordType::Handshake, piece));
        pair.drive();
        sent += piece.len();
        if pair.client.error.is_some() {
            break;
        }
    }
    let code = pair.client.error.map(|error| error.code());
    assert_eq!(code, Some("E-TLS-09"));
    assert!(sent < 40_000, "{sent}");
    assert!(pair.client.largest_storage <= 16_384 + 2 * RECORD);
}

/// The header of a message announces more than anybody will keep.
#[test]
fn a_message_without_end() {
    for announced in [&[4, 0, 255, 255][..], &[4, 0, 200, 0], &[4, 255, 255, 255]] {
        for piece in [1, 100, 16_000] {
            let mut pair = pair();
            pair.send(Side::Server, &raw(RecordType::Handshake, announced));
            let mut sent = 0;
            while pair.client.error.is_none() {
                assert!(sent < 70_000);
                pair.send(Side::Server, &raw(RecordType::Handshake, &vec![0; piece]));
                pair.drive();
                sent += piece;
            }
            let code = pair.client.error.map(|error| error.code());
            assert!(matches!(code, Some("E-TLS-09" | "E-TLS-03")), "{code:?}");
            assert!(pair.client.largest_storage <= 16_384 + 2 * RECORD);
        }
    }
}

/// Records of other types between the pieces of a message (RFC 8446, 5.1).
#[test]
fn a_message_interrupted() {
    for (typ, content) in [
        (RecordType::ApplicationData, &b"data"[..]),
        (RecordType::Alert, &[1, 0]),
        (RecordType::Unknown(77), b"?"),
    ] {
        let mut pair = pair();
        pair.send(Side::Server, &raw(RecordType::Handshake, &ticket(1)[..9]));
        pair.send(Side::Server, &raw(typ, content));
        pair.drive();
        assert_eq!(pair.client.error, PROTOCOL, "{typ:?}");
        assert_eq!(pair.client.phase(), Phase::Failed);
        assert!(pair.client.plaintext.is_empty());
    }
}

/// Alerts that are no alerts.
#[test]
fn odd_alerts() {
    for (content, code) in [
        (&[2, 40][..], "E-TLS-01"),
        (&[2, 255], "E-TLS-01"),
        (&[1, 40], "E-TLS-01"),
        (&[9, 9], "E-TLS-01"),
        (&[1], "E-TLS-03"),
        (&[], "E-TLS-03"),
    ] {
        let mut pair = pair();
        pair.send(Side::Server, &raw(RecordType::Alert, content));
        pair.send(Side::Server, b"behind it");
        pair.drive();
        let outcome = pair.client.error.map(|error| error.code());
        assert_eq!(outcome, Some(code), "{content:?}");
        assert!(pair.client.plaintext.is_empty());
    }
    // user_canceled alone says nothing (RFC 8446, 6.1), and some peers send it before close_notify.
    let mut pair = pair();
    pair.send(Side::Server, &raw(RecordType::Alert, &[1, 90]));
    pair.send(Side::Server, b"behind it");
    pair.close(Side::Server);
    pair.drive();
    assert_eq!(pair.client.error, None);
    assert_eq!(pair.client.plaintext, b"behind it");
    assert_eq!(pair.client.phase(), Phase::SendOnly);
}

/// Keys that have protected all they may are updated without being asked (RFC 8446, 5.5).
#[test]
fn keys_wear_out() {
    let client = setup().client(short_lived_keys(light(1), 10));
    let server = setup().server(light(2)).build().unwrap();
    let mut pair = Pair::new(&client.build().unwrap(), &server);
    pair.establish();
    for _ in 0..200 {
        pair.send(Side::Client, b"x");
        pair.drive();
    }
    assert_eq!(pair.server.error, None);
    assert_eq!(pair.server.plaintext, [b'x'; 200]);
    let sent = pair.client.connection.counters().transmitted;
    println!("200 records and their key updates: {sent} bytes with the handshake");
    pair.send(Side::Server, b"still with you");
    pair.drive();
    assert_eq!(pair.client.plaintext, b"still with you");
}
