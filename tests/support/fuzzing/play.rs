//! A schedule played on a [`Pair`](crate::pair::Pair), with what must always hold checked after every step.

mod oracles;

use std::collections::VecDeque;
use std::time::Duration;

use ravelin_core::pki_types::UnixTime;
use ravelin_core::{Counters, Error, LocalError, Phase, Receive, Storage};

use super::{Amount, Mark, Op, Reached, Setup, clear, wire};
use crate::pair::{Endpoint, Pair, Side};

/// Plaintext that one side sends in one run, in bytes: what is beyond is not sent, so that no input takes long.
const MOST_SENT: usize = 96 * 1024;

/// Key updates that one side asks for in one run. rustls takes 32 without application data between them for an attack.
const MOST_UPDATES: u8 = 24;

/// Whether an end that has sent close_notify is given bytes that are not its peer's. rustls queues an alert for them, and
/// with debug assertions it insists that close_notify was the last one (rustls issue 959). Our profiles turn those of
/// rustls off; cargo-fuzz turns all on unless it is told `-O`.
#[allow(unexpected_cfgs, reason = "cargo-fuzz sets `fuzzing`")]
const HEARS_OUT: bool = !cfg!(all(fuzzing, debug_assertions));

/// The largest storage lent and buffer read into, in bytes.
const MOST_LENT: usize = 20_000;

pub(super) struct Play {
    pair: Pair,
    setup: Setup,
    watched: Vec<Side>,
    client: Observed,
    server: Observed,
    /// Whether the schedule did what may keep a handshake from finishing or plaintext from arriving.
    disturbed: bool,
    /// Whether bytes on a wire were changed by somebody who can forge them.
    forged: bool,
    reached: Reached,
}

/// What was seen of one end.
#[derive(Default)]
struct Observed {
    /// All plaintext that it accepted.
    sent: Vec<u8>,
    /// How much of what it received has been compared.
    compared: usize,
    /// How many of its events have been looked at.
    events: usize,
    counters: Counters,
    failure: Option<Error>,
    established: bool,
    closed: bool,
    peer_closed: bool,
    truncation_allowed: bool,
    /// Whether bytes on the wire to it were changed.
    damaged: bool,
    /// Whether the end of its transport was told.
    ended: bool,
    updates: u8,
    /// Whether it was asked for new keys that it has not taken yet.
    owes_keys: bool,
    /// Where in `sent` it had new keys.
    rekeyed: Option<usize>,
}

impl Play {
    pub(super) fn new(setup: Setup, watched: Vec<Side>) -> Self {
        Self {
            pair: setup.pair(),
            setup,
            watched,
            client: Observed::default(),
            server: Observed::default(),
            disturbed: !setup.agrees(),
            forged: false,
            reached: Reached::new(),
        }
    }

    /// Does what `op` says, and checks both ends.
    pub(super) fn step(&mut self, op: &Op) {
        if let Some(victim) = op.victim() {
            if self.observed(victim).closed && !HEARS_OUT {
                return;
            }
            self.disturbed = true;
            self.forged |= self.setup.has(Setup::CLEAR);
            self.observed_mut(victim).damaged = true;
        }
        match op {
            Op::Transmit(side, amount) => self.transmit(*side, *amount),
            Op::Deliver(side, amount) => {
                self.deliver(*side, amount.bytes());
            }
            Op::Drive(amount) => self.drive(amount.bytes().max(1)),
            Op::Send(side, amount) => self.send(*side, amount.bytes()),
            Op::Read(side, amount) => self.read(*side, amount.bytes()),
            Op::Consume(side, amount) => self.consume(*side, amount.bytes()),
            Op::Close(side) => self.close(*side),
            Op::UpdateKeys(side) => self.update_keys(*side),
            Op::Advance(time) => {
                self.advance(Duration::from_millis(u64::from(*time) * u64::from(*time)));
            }
            Op::Eof(side) => {
                self.disturbed = true;
                self.end(*side).wire_ended = true;
            }
            Op::Lend(side, amount) => {
                // Too small for the records that come is a reason to fail.
                self.disturbed = true;
                let storage = Storage::with_capacity(amount.bytes().min(MOST_LENT));
                let _ = self.end(*side).connection.lend(storage);
            }
            Op::TakeStorage(side) => {
                let _ = self.end(*side).connection.take_storage();
            }
            Op::Xor(side, at, value) => wire::xor(self.wire(*side), *at, *value),
            Op::Cut(side, at, amount) => wire::cut(self.wire(*side), *at, amount.bytes()),
            Op::Insert(side, at, bytes) => wire::insert(self.wire(*side), *at, bytes),
            Op::Drop(side, record) => wire::drop(self.wire(*side), *record),
            Op::Double(side, record) => wire::double(self.wire(*side), *record),
            Op::Swap(side, record) => wire::swap(self.wire(*side), *record),
            Op::Header(side, record, typ, length) => {
                wire::header(self.wire(*side), *record, *typ, *length);
            }
            Op::Forge(side, typ, content) => {
                self.wire(*side).extend(clear::seal(*typ, content));
            }
        }
        self.check();
    }

    /// Moves everything that is left, and checks that all went well if nothing stood in the way.
    pub(super) fn finish(mut self) -> Reached {
        for side in [Side::Client, Side::Server] {
            self.end(side).reading = true;
        }
        self.drive(usize::MAX);
        if !self.disturbed {
            for side in [Side::Client, Side::Server] {
                let end = self.end(side);
                assert_eq!(end.connection.failure(), None, "{side:?} fails undisturbed");
                assert!(
                    end.connection.peer().is_some(),
                    "{side:?} is not established"
                );
                assert!(
                    !self.observed(side).owes_keys,
                    "{side:?} forgets to take new keys"
                );
                self.close(side);
            }
            self.drive(usize::MAX);
            for side in [Side::Client, Side::Server] {
                assert_eq!(self.end(side).phase(), Phase::Closed, "{side:?}");
                assert!(
                    self.observed(side).peer_closed,
                    "{side:?} heard no close_notify"
                );
                self.assert_complete(side);
            }
            self.mark(Mark::Closed);
        }
        self.reached
    }

    pub(super) fn reached(self) -> Reached {
        self.reached
    }

    // What a schedule does.

    pub(super) fn end(&mut self, side: Side) -> &mut Endpoint {
        self.pair.end(side)
    }

    /// The peer of `side` is somebody else, who may send anything.
    pub(super) fn foreign(&mut self, side: Side) {
        self.disturbed = true;
        self.observed_mut(side).damaged = true;
        self.forged = true;
    }

    /// Takes bytes from `side` and puts them on the wire.
    pub(super) fn transmit(&mut self, side: Side, amount: Amount) {
        let now = self.pair.now;
        let end = self.end(side);
        let ready = end.connection.transmit();
        let bytes = ready[..amount.bytes().min(ready.len())].to_vec();
        end.connection.handle_transmitted(bytes.len(), now);
        end.settle(now);
        self.end(side.other()).wire.extend(bytes);
    }

    /// Returns whether anything was delivered.
    pub(super) fn deliver(&mut self, side: Side, limit: usize) -> bool {
        let most = self.setup.most_storage();
        let connection = &mut self.end(side).connection;
        if let Receive::NeedsStorage(bytes) = connection.interest().receive {
            assert!(bytes <= most, "{side:?} wants a storage of {bytes} bytes");
            connection.lend(Storage::with_capacity(bytes));
            assert_eq!(
                connection.interest().receive,
                Receive::Yes,
                "{side:?} got its storage"
            );
        }
        let end = self.end(side);
        let last = end.wire.is_empty() && end.wire_ended;
        let moved = self.pair.deliver(side, limit);
        self.observed_mut(side).ended |= last && moved;
        moved
    }

    /// Moves everything both ways until nothing moves, in pieces of `chunk` bytes.
    fn drive(&mut self, chunk: usize) {
        loop {
            let mut moved = false;
            for side in [Side::Client, Side::Server] {
                if self.end(side).reading {
                    // A record may have been left closed by a read whose buffer was full.
                    self.consume(side, 0);
                }
                moved |= !self.end(side).connection.transmit().is_empty();
                self.transmit(side, Amount::ALL);
                moved |= self.deliver(side.other(), chunk);
            }
            self.check();
            if !moved {
                return;
            }
        }
    }

    pub(super) fn send(&mut self, side: Side, len: usize) {
        let now = self.pair.now;
        let from = self.observed(side).sent.len();
        let len = len.min(MOST_SENT - from);
        let bytes: Vec<u8> = (from..from + len).map(|at| pattern(side, at)).collect();
        let (front, back) = bytes.split_at(len / 3);
        let most = self.setup.limits().outgoing;
        match self.end(side).connection.send(&[front, back], now) {
            Ok(accepted) => {
                let waiting = self.end(side).connection.transmit().len();
                assert!(
                    accepted == 0 || waiting <= most,
                    "{side:?} lets {waiting} bytes wait"
                );
                self.observed_mut(side).sent.extend(&bytes[..accepted]);
            }
            Err(error) => self.expect_error(side, error, &[LocalError::Closed]),
        }
        self.settle(side);
    }

    fn read(&mut self, side: Side, len: usize) {
        let now = self.pair.now;
        let mut out = vec![0; len.min(MOST_LENT)];
        let end = self.end(side);
        match end.connection.read(&mut out, now) {
            Ok(moved) => {
                end.plaintext.extend(&out[..moved]);
                let idle = moved > 0 || out.is_empty() || !end.connection.interest().readable;
                assert!(idle, "{side:?} is readable and reads nothing");
            }
            Err(error) => self.expect_error(side, error, &[]),
        }
        self.settle(side);
    }

    fn consume(&mut self, side: Side, len: usize) {
        let now = self.pair.now;
        let end = self.end(side);
        let shown = end.connection.plaintext();
        let taken = shown[..len.min(shown.len())].to_vec();
        end.plaintext.extend(taken);
        if let Err(error) = end.connection.consume(len, now) {
            self.expect_error(side, error, &[]);
        }
        self.settle(side);
    }

    pub(super) fn close(&mut self, side: Side) {
        if self.observed(side).damaged && !HEARS_OUT {
            return;
        }
        let now = self.pair.now;
        let end = self.end(side);
        // Before that there is nothing to close in order, and the peer learns nothing.
        let early = end.connection.peer().is_none();
        match end.connection.close(now) {
            Ok(()) => {
                self.disturbed |= early;
                let observed = self.observed_mut(side);
                observed.closed = true;
                observed.owes_keys = false;
            }
            Err(error) => self.expect_error(side, error, &[]),
        }
        self.settle(side);
    }

    pub(super) fn update_keys(&mut self, side: Side) {
        let now = self.pair.now;
        if self.observed(side).updates == MOST_UPDATES {
            return;
        }
        self.observed_mut(side).updates += 1;
        match self.end(side).connection.update_keys(now) {
            Ok(()) => self.observed_mut(side).owes_keys = true,
            Err(error) => {
                let out_of_turn = [LocalError::Closed, LocalError::NotEstablished];
                self.expect_error(side, error, &out_of_turn);
            }
        }
        self.settle(side);
    }

    pub(super) fn advance(&mut self, by: Duration) {
        let now = &mut self.pair.now;
        now.instant = now.instant + by;
        now.unix = UnixTime::since_unix_epoch(Duration::from_secs(now.unix.as_secs()) + by);
        let now = *now;
        for side in [Side::Client, Side::Server] {
            let mut failure = self.observed(side).failure;
            // At most the one that ends the connection, and the one for its last bytes.
            for _ in 0..2 {
                let due = self.end(side).connection.interest().deadline;
                if let Some((_, deadline)) = due.filter(|(at, _)| *at <= now.instant) {
                    self.disturbed = true;
                    failure.get_or_insert(Error::Timeout(deadline));
                }
                let outcome = self.end(side).connection.handle_timeout(now);
                assert_eq!(outcome.err(), failure, "{side:?} lets a deadline pass");
            }
            self.settle(side);
        }
    }

    fn wire(&mut self, side: Side) -> &mut VecDeque<u8> {
        &mut self.end(side).wire
    }

    fn settle(&mut self, side: Side) {
        let now = self.pair.now;
        self.end(side).settle(now);
    }

    fn observed(&self, side: Side) -> &Observed {
        match side {
            Side::Client => &self.client,
            Side::Server => &self.server,
        }
    }

    fn observed_mut(&mut self, side: Side) -> &mut Observed {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    fn mark(&mut self, mark: Mark) {
        self.reached.insert(mark);
    }
}

/// The plaintext that `side` sends, byte by byte: every position is told from its neighbours and from the other side.
fn pattern(side: Side, at: usize) -> u8 {
    let salt = if side == Side::Client { 0 } else { 128 };
    (at * 7 + at / 251 + salt) as u8
}
