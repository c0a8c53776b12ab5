//! A caller that does not keep to the documentation gets errors at worst: every verb in any order with any number.

use std::time::Duration;

use ravelin_core::config::Limits;
use ravelin_core::{Connection, Now, Phase, RECORD, Receive, Storage};
use ravelin_tests::light::light;
use ravelin_tests::pair::{Pair, Side};
use ravelin_tests::setup::setup;

#[test]
fn every_verb_in_any_order() {
    let limits = |fragment, storage| Limits {
        fragment,
        storage,
        outgoing: fragment + 256,
        ..Limits::default()
    };
    let client = setup().client(light(1)).limits(limits(300, 512));
    let server = setup().mutual(light(2)).limits(limits(64, 600));
    let (client, server) = (client.build().unwrap(), server.build().unwrap());
    let mut random = Random(7);
    let (mut established, mut failed, mut closed) = (0, 0, 0);
    for _ in 0..700 {
        let mut pair = Pair::new(&client, &server);
        if random.below(3) > 0 {
            pair.drive();
        }
        established += usize::from(pair.server.phase() == Phase::Established);
        // A bad record behind close_notify is a panic in a debug build of rustls (closing.rs has a test for that): one
        // side gets bad bytes and does not close; the other closes, loses bytes on their way, and gets only good ones.
        let bad_bytes_for = [Side::Client, Side::Server][random.below(2)];
        for _ in 0..80 {
            let side = [Side::Client, Side::Server][random.below(2)];
            if random.below(3) == 0 {
                pair.transmit(side);
                pair.deliver(side.other(), random.below(700));
            } else {
                let (now, end) = (pair.now, pair.end(side));
                call(&mut end.connection, &mut random, now, side == bad_bytes_for);
            }
            if random.below(10) == 0 {
                pair.advance(Duration::from_millis(random.below(3_000) as u64));
            }
            for side in [Side::Client, Side::Server] {
                consistent(&mut pair.end(side).connection);
            }
        }
        for side in [Side::Client, Side::Server] {
            failed += usize::from(pair.end(side).phase() == Phase::Failed);
            closed += usize::from(pair.end(side).phase() == Phase::Closed);
        }
    }
    println!("{established} established, then {failed} sides failed and {closed} closed");
    assert!(established > 0 && failed > 0 && closed > 0);
}

/// One verb. Errors are expected; panics are not.
fn call(connection: &mut Connection, random: &mut Random, now: Now, bad_bytes: bool) {
    let number = [0, 1, 5, 22, 86, 400, 20_000, usize::MAX][random.below(8)];
    let bytes = vec![random.below(256) as u8; number.min(20_000)];
    match random.below(13) {
        0 if bad_bytes => _ = connection.handle_received(number, now),
        1 if bad_bytes => {
            if let Some(buffer) = connection.receive_buffer() {
                let len = buffer.len().min(bytes.len());
                buffer[..len].copy_from_slice(&bytes[..len]);
                _ = connection.handle_received(len, now);
            }
        }
        2 if !bad_bytes => connection.handle_transmitted(number, now),
        3 => _ = connection.consume(number, now),
        4 => _ = connection.read(&mut vec![0; number.min(500)], now),
        5 | 6 => _ = connection.send(&[&bytes, &[], &bytes], now),
        7 if !bad_bytes && random.below(8) == 0 => _ = connection.close(now),
        8 => _ = connection.update_keys(now),
        9 => _ = connection.lend(Storage::with_capacity(number.min(20_000))),
        10 => _ = connection.take_storage(),
        11 if random.below(8) == 0 => _ = connection.handle_eof(now),
        _ => _ = connection.handle_timeout(now),
    }
}

/// What `interest` says is so.
fn consistent(connection: &mut Connection) {
    let interest = connection.interest();
    assert_eq!(interest.transmit, !connection.transmit().is_empty());
    assert!(interest.readable || connection.plaintext().is_empty());
    let room = connection.receive_buffer().map(|buffer| buffer.len());
    match interest.receive {
        Receive::Yes => assert!(room.is_some_and(|room| room > 0)),
        Receive::NeedsStorage(bytes) => {
            assert_eq!(room, None);
            assert!(bytes <= 16_384 + 2 * RECORD);
        }
        Receive::NeedsConsume => {
            assert_eq!(room, None);
            assert!(interest.readable);
        }
        Receive::No => assert_eq!(room, None),
    }
    assert_eq!(
        interest.phase == Phase::Failed,
        connection.failure().is_some()
    );
    assert!(connection.transmit().len() < 10_000);
    assert!(!format!("{connection:?}").is_empty());
}

/// Numerical Recipes' linear congruential generator: the same sequence on every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223) & 0xffff_ffff;
        (self.0 >> 8) as usize % bound
    }
}
