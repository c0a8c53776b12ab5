//! A connection whose peer is the input.

use std::time::Duration;

use super::input::Input;
use super::play::Play;
use super::{Amount, Setup};
use crate::pair::Side;

/// What the subject does once it is established, in bits of the first byte.
pub(super) const SENDS: u8 = 1;
pub(super) const UPDATES_KEYS: u8 = 1 << 1;
pub(super) const CLOSES: u8 = 1 << 2;
/// Its transport takes nothing before all has been received.
pub(super) const BLOCKED: u8 = 1 << 3;
/// The transport ends behind the input.
pub(super) const ENDS: u8 = 1 << 4;
/// In the end time passes.
pub(super) const WAITS: u8 = 1 << 5;

/// Feeds the rest of the input to `subject`: a byte of habits, one for the length of the pieces (0 is all at once), and
/// what its peer sends.
pub(super) fn feed(play: &mut Play, subject: Side, input: &mut Input<'_>) {
    let (Some(habits), Some(chunk)) = (input.byte(), input.byte()) else {
        return;
    };
    let chunk = if chunk == 0 { usize::MAX } else { chunk.into() };
    play.foreign(subject);
    play.end(subject).wire.extend(input.take(usize::MAX));
    play.end(subject).wire_ended = habits & ENDS != 0;
    let mut greeted = false;
    loop {
        if habits & BLOCKED == 0 {
            play.transmit(subject, Amount::ALL);
        }
        let moved = play.deliver(subject, chunk);
        play.check();
        if !greeted && play.end(subject).connection.peer().is_some() {
            greeted = true;
            greet(play, subject, habits);
        }
        if !moved {
            break;
        }
    }
    play.transmit(subject, Amount::ALL);
    if habits & WAITS != 0 {
        play.advance(Duration::from_secs(31));
        play.check();
    }
}

fn greet(play: &mut Play, subject: Side, habits: u8) {
    if habits & SENDS != 0 {
        play.send(subject, 300);
    }
    if habits & UPDATES_KEYS != 0 {
        play.update_keys(subject);
    }
    if habits & CLOSES != 0 {
        play.close(subject);
    }
    play.check();
}

/// The input that feeds `transcript` to a subject.
pub(super) fn encode(setup: Setup, habits: u8, chunk: u8, transcript: &[u8]) -> Vec<u8> {
    let setup = setup.and(Setup::RAW).0.to_be_bytes();
    [&setup[..], &[habits, chunk], transcript].concat()
}
