//! Nothing that a peer or a lazy application does makes a connection grow without end.

mod floods;
mod misuse;

use std::sync::Arc;
use std::time::Duration;

use ravelin_core::config::Limits;
use ravelin_core::{
    CertificateError, ClientConfig, Connection, Error, Event, PeerError, Phase, RECORD, Receive,
    ServerConfig, Storage,
};
use ravelin_tests::ca::Leaf;
use ravelin_tests::light::light;
use ravelin_tests::pair::{Pair, Side};
use ravelin_tests::setup::{identity, setup};

/// What a record adds to its plaintext in TLS 1.3: header, content type, tag.
const EXPANSION: usize = 5 + 1 + 16;

fn pair_with(limits: Limits) -> Pair {
    let mut pair = Pair::new(
        &setup().client(light(1)).limits(limits).build().unwrap(),
        &setup().server(light(2)).limits(limits).build().unwrap(),
    );
    pair.establish();
    pair
}

#[test]
fn sizes() {
    println!("Connection: {} bytes", size_of::<Connection>());
    println!("Event: {} bytes", size_of::<Event>());
    assert!(size_of::<Connection>() <= 1_600);
    assert!(size_of::<Event>() <= 48);
    assert!(size_of::<Error>() <= 48);
    assert_eq!(RECORD, 16_645);
}

#[test]
fn an_idle_connection_holds_no_storage() {
    let mut pair = pair_with(Limits::default());
    for side in [Side::Client, Side::Server] {
        let connection = &mut pair.end(side).connection;
        let storage = connection.take_storage().expect("nothing is held in it");
        assert_eq!(storage.capacity(), RECORD);
        assert!(connection.take_storage().is_none());
        assert_eq!(connection.receive_buffer(), None);
        assert_eq!(connection.interest().receive, Receive::NeedsStorage(RECORD));
        assert!(connection.plaintext().is_empty());
        assert!(connection.transmit().is_empty());
    }
    // Without one it goes on sending, and with another one receiving.
    for side in [Side::Client, Side::Server] {
        pair.send(side, b"hello");
    }
    pair.drive();
    assert_eq!(pair.client.plaintext, b"hello");
    assert_eq!(pair.server.plaintext, b"hello");
}

/// Half a record may move to a storage that just holds it, and none is given back while it is there.
#[test]
fn a_partial_record_moves_to_another_storage() {
    let mut pair = pair_with(Limits::default());
    pair.send(Side::Client, &[7; 100]);
    pair.transmit(Side::Client);
    pair.deliver(Side::Server, 60);
    let connection = &mut pair.server.connection;
    assert!(connection.take_storage().is_none());
    let refused = connection.lend(Storage::with_capacity(59)).unwrap();
    assert_eq!(refused.capacity(), 59, "too small for what is held");
    let before = connection
        .lend(Storage::with_capacity(100 + EXPANSION))
        .unwrap();
    assert_eq!(before.capacity(), RECORD);
    assert_eq!(
        connection.receive_buffer().unwrap().len(),
        100 + EXPANSION - 60
    );
    pair.drive();
    assert_eq!(pair.server.plaintext, [7; 100]);
}

#[test]
fn send_stops_at_the_limit_and_goes_on_below_it() {
    for outgoing in [16_640, 20_000, 65_536, 100_000] {
        let limits = Limits {
            outgoing,
            ..Limits::default()
        };
        let mut pair = pair_with(limits);
        let data: Vec<u8> = (0..300_000u32).map(|i| i as u8).collect();
        let now = pair.now;
        let mut sent = 0;
        while sent < data.len() {
            let accepted = pair.client.connection.send(&[&data[sent..]], now).unwrap();
            sent += accepted;
            let waiting = pair.client.connection.transmit().len();
            assert!(waiting <= outgoing, "{waiting} of {outgoing}");
            if accepted > 0 {
                continue;
            }
            // Full, but for what is smaller than a record. Even that stops in time.
            assert!(waiting + 16_384 + 96 > outgoing);
            for len in (1..500).rev() {
                let few = &data[sent..data.len().min(sent + len)];
                sent += pair.client.connection.send(&[few], now).unwrap();
                assert!(pair.client.connection.transmit().len() <= outgoing);
            }
            assert_eq!(pair.client.connection.send(&[&data[..1]], now), Ok(0));
            pair.transmit(Side::Client);
            pair.drive();
        }
        pair.drive();
        assert!(pair.server.plaintext == data);
        assert_eq!(pair.client.connection.counters().sealed, 300_000);
    }
}

/// The bytes of several slices leave as if they were one.
#[test]
fn gathered_parts_fill_records() {
    let mut pair = pair_with(Limits::default());
    let now = pair.now;
    let data: Vec<u8> = (0..50_000u32).map(|i| (i / 3) as u8).collect();
    let mut parts: Vec<&[u8]> = vec![&[]];
    let mut rest = data.as_slice();
    for len in (1..).map(|n| n * n) {
        let (part, behind) = rest.split_at(len.min(rest.len()));
        parts.extend([part, &[]]);
        rest = behind;
        if rest.is_empty() {
            break;
        }
    }
    assert_eq!(pair.client.connection.send(&parts, now), Ok(data.len()));
    let records = data.len().div_ceil(16_384);
    let sealed = pair.client.connection.transmit().len();
    assert_eq!(sealed, data.len() + records * EXPANSION);
    pair.drive();
    assert!(pair.server.plaintext == data);
    assert_eq!(pair.client.connection.send(&[], now), Ok(0));
    assert_eq!(pair.client.connection.send(&[&[], &[]], now), Ok(0));
    assert!(pair.client.connection.transmit().is_empty());
}

#[test]
fn key_updates_wait_for_room_and_are_one() {
    let limits = Limits {
        outgoing: 16_640,
        ..Limits::default()
    };
    let mut pair = pair_with(limits);
    let now = pair.now;
    pair.send(Side::Client, &[1; 16_384]);
    pair.send(Side::Client, &[1; 130]);
    let full = pair.client.connection.transmit().len();
    assert!(full + 96 > limits.outgoing);
    for _ in 0..100 {
        pair.update_keys(Side::Client);
    }
    assert_eq!(pair.client.connection.transmit().len(), full);
    assert_eq!(pair.client.connection.counters().key_updates, 0);
    // Room for it, by the transport: it goes out without another call.
    pair.client.connection.handle_transmitted(1_000, now);
    pair.client.settle(now);
    assert_eq!(pair.client.connection.counters().key_updates, 1);
    assert!(pair.client.connection.transmit().len() <= limits.outgoing);
    assert_eq!(pair.client.events.last(), Some(&Event::KeysUpdated));
    let bytes = pair.client.transmit(now);
    assert_eq!(bytes.len(), full - 1_000 + EXPANSION + 5);
}

/// 10 MiB under way to an application that reads nothing: one storage and one record of it are held, the rest waits
/// where it is. Then it reads, and nothing is missing.
#[test]
fn ten_mebibytes_unread() {
    const TOTAL: usize = 10 << 20;
    let mut pair = pair_with(Limits::default());
    pair.server.reading = false;
    let chunk: Vec<u8> = (0..=255).cycle().take(65_521).collect();
    let (mut sent, mut taken) = (0, 0);
    let mut step = |pair: &mut Pair, reading: bool| {
        let now = pair.now;
        let mut moved = false;
        if sent < TOTAL {
            let at = sent % chunk.len();
            let len = (chunk.len() - at).min(TOTAL - sent);
            let accepted = pair
                .client
                .connection
                .send(&[&chunk[at..at + len]], now)
                .unwrap();
            sent += accepted;
            moved |= accepted > 0;
        }
        assert!(pair.client.connection.transmit().len() <= 65_536);
        // The socket between them takes a little.
        if pair.server.wire.len() < 100_000 {
            moved |= pair.transmit(Side::Client);
        }
        moved |= pair.deliver(Side::Server, usize::MAX);
        if reading {
            let plaintext = pair.server.connection.plaintext();
            for (byte, at) in plaintext.iter().zip(taken..) {
                assert_eq!(*byte, chunk[at % chunk.len()]);
            }
            let len = plaintext.len();
            pair.server.connection.consume(len, now).unwrap();
            taken += len;
            moved |= len > 0;
        }
        moved.then_some(taken)
    };

    while step(&mut pair, false).is_some() {}
    assert_eq!(
        pair.server.connection.interest().receive,
        Receive::NeedsConsume
    );
    assert!(pair.server.connection.interest().readable);
    assert!(pair.server.connection.plaintext().len() <= 16_384);
    assert_eq!(pair.server.largest_storage, RECORD);
    let held = pair.server.connection.counters().received;
    assert!(
        held < 40_000,
        "{held} bytes received by a side that reads nothing"
    );
    // It can still send, and be told of a deadline.
    pair.send(Side::Server, b"busy");
    pair.advance(Duration::from_secs(100));
    assert_eq!(pair.server.error, None);

    let mut last = 0;
    while let Some(taken) = step(&mut pair, true) {
        last = taken;
    }
    assert_eq!(last, TOTAL);
    assert_eq!(pair.server.largest_storage, RECORD);
}

/// A record is refused on its header when the storage cannot hold it: nobody waits for bytes that do not fit.
#[test]
fn a_record_larger_than_the_storage() {
    for storage in [1_024, 4_096, RECORD] {
        let limits = Limits {
            storage,
            ..Limits::default()
        };
        let client = setup().client(light(1)).build().unwrap();
        let server = setup().server(light(2)).limits(limits).build().unwrap();
        let mut pair = Pair::new(&client, &server);
        pair.establish();
        if storage < RECORD {
            // This one fits exactly.
            pair.send(Side::Client, &vec![0; storage - EXPANSION]);
            pair.drive();
            assert_eq!(pair.server.plaintext.len(), storage - EXPANSION);
        }
        let [high, low] = u16::try_from(storage + 1 - 5).unwrap().to_be_bytes();
        pair.server.wire.extend([23, 3, 3, high, low]);
        for _ in 0..5 {
            assert_eq!(pair.server.error, None);
            pair.deliver(Side::Server, 1);
        }
        let capacity = u32::try_from(storage).unwrap();
        let refusal = PeerError::RecordTooLarge {
            announced: capacity + 1,
            capacity,
        };
        assert_eq!(pair.server.error, Some(refusal.into()));
        // The peer is told that nothing more will come; there is no alert for this.
        pair.drive();
        assert_eq!(pair.client.phase(), Phase::SendOnly);
    }
}

/// A chain below the limit arrives whatever the size of its records; the storage grows with it, and no further than
/// the limits say.
#[test]
fn a_long_chain_in_small_records() {
    let extension = |bytes: usize| Leaf::server("localhost").extension(&[1, 2, 3], vec![5; bytes]);
    let pair = |bytes, fragment, storage| {
        let small = Limits {
            fragment,
            ..Limits::default()
        };
        let server = ServerConfig::builder(
            Arc::new(light(2)),
            identity(&setup().ca.issue(extension(bytes))),
        );
        let client = Limits {
            storage,
            ..Limits::default()
        };
        let client = setup().client(light(1)).limits(client).build().unwrap();
        Pair::new(&client, &server.limits(small).build().unwrap())
    };
    for (fragment, storage) in [(64, 512), (128, 512), (1_000, 1_100), (16_384, RECORD)] {
        let mut whole = pair(15_000, fragment, storage);
        whole.establish();
        let largest = whole.client.largest_storage;
        println!("{fragment}-byte fragments into {storage} bytes of storage: grew to {largest}");
        assert!(largest <= Limits::default().chain + 2 * RECORD);
        assert!(
            fragment == 16_384 || largest > 15_000,
            "the message was gathered"
        );
        // Afterwards the large storage is no longer needed.
        assert!(whole.client.connection.take_storage().is_some());
        let needed = whole.client.connection.interest().receive;
        assert_eq!(needed, Receive::NeedsStorage(storage));

        // Judged as a whole when it just fits into a handshake message, refused unread when it does not.
        let mut long = pair(16_500, fragment, storage);
        long.drive();
        let refusal = long.client.error.map(|error| error.code());
        assert!(
            matches!(refusal, Some("E-CRT-08" | "E-TLS-08")),
            "{refusal:?}"
        );
        let mut endless = pair(60_000, fragment, storage);
        endless.drive();
        let limit = u32::try_from(Limits::default().chain + RECORD).unwrap();
        let refusal = PeerError::HandshakeTooLarge { limit };
        assert_eq!(endless.client.error, Some(refusal.into()));
        assert!(endless.client.largest_storage <= Limits::default().chain + 2 * RECORD);
    }
}

/// The limit is a knob of each configuration, for clients' chains too.
#[test]
fn the_chain_limit_of_a_server() {
    let alice = setup()
        .ca
        .issue(Leaf::client("alice").extension(&[1, 2, 3], vec![5; 2_000]));
    let client = ClientConfig::builder(Arc::new(light(1)), setup().anchors())
        .identity(identity(&alice))
        .build()
        .unwrap();
    for (chain, refused) in [(2_000, true), (4_000, false)] {
        let limits = Limits {
            chain,
            ..Limits::default()
        };
        let server = setup().mutual(light(2)).limits(limits).build().unwrap();
        let mut pair = Pair::new(&client, &server);
        pair.drive();
        let limit = u32::try_from(chain).unwrap();
        let error = CertificateError::ChainTooLarge { limit };
        assert_eq!(pair.server.error, refused.then_some(error.into()));
    }
}

#[test]
fn events_that_nobody_drains() {
    let mut pair = pair_with(Limits::default());
    let now = pair.now;
    let connection = &mut pair.client.connection;
    for _ in 0..30 {
        connection.update_keys(now).unwrap();
    }
    assert_eq!(connection.counters().events_dropped, 14);
    let mut events = Vec::new();
    events.extend(std::iter::from_fn(|| connection.poll_event()));
    assert_eq!(events.len(), 17);
    assert!(
        events[..16]
            .iter()
            .all(|event| *event == Event::KeysUpdated)
    );
    assert_eq!(events[16], Event::EventsDropped { count: 14 });
    assert_eq!(connection.counters().events_dropped, 14, "counted for good");
    connection.update_keys(now).unwrap();
    assert_eq!(connection.poll_event(), Some(Event::KeysUpdated));
    assert_eq!(connection.poll_event(), None);

    // What ended the connection is never among those that are lost.
    for _ in 0..20 {
        let sent = connection.send(&[b"x"], now);
        assert_eq!(sent, Ok(1));
        connection.update_keys(now).unwrap();
    }
    connection.handle_eof(now).unwrap_err();
    events.clear();
    events.extend(std::iter::from_fn(|| connection.poll_event()));
    assert_eq!(events[16], Event::Failed(PeerError::Truncated.into()));
    assert_eq!(events[17], Event::EventsDropped { count: 4 });
    assert_eq!(connection.counters().events_dropped, 18);
}
