//! How bytes are cut on their way means nothing: any chunking gives the same bytes, events and plaintext.

use std::cell::RefCell;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use ravelin_core::config::{Limits, ServerResumption};
use ravelin_core::{Counters, Error, Event, LocalError, Phase};
use ravelin_tests::light::light;
use ravelin_tests::pair::{Pair, Side};
use ravelin_tests::setup::setup;

/// What the two do, one after the other.
#[derive(Clone, Debug)]
enum Op {
    Send(Side, usize),
    UpdateKeys(Side),
    Close(Side),
    /// The side sends, and a byte is flipped on the way.
    Damage(Side, usize),
    /// The side's application stops reading, or goes on.
    Read(Side, bool),
}

#[derive(Clone, Debug)]
struct Script {
    fragment: usize,
    tickets: u8,
    mutual: bool,
    ops: Vec<Op>,
}

/// The sizes of the pieces that arrive at the client and at the server, over and over.
type Chunking = [Vec<usize>; 2];

const BOTH: [Side; 2] = [Side::Client, Side::Server];

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Client), Just(Side::Server)]
}

fn script() -> impl Strategy<Value = Script> {
    let op = prop_oneof![
        8 => (side(), prop_oneof![0usize..100, 0usize..20_000]).prop_map(|(side, len)| Op::Send(side, len)),
        3 => side().prop_map(Op::UpdateKeys),
        1 => side().prop_map(Op::Close),
        1 => (side(), 0usize..400).prop_map(|(side, at)| Op::Damage(side, at)),
        2 => (side(), any::<bool>()).prop_map(|(side, reads)| Op::Read(side, reads)),
    ];
    (
        prop_oneof![64usize..400, Just(16_384)],
        0u8..4,
        any::<bool>(),
        vec(op, 0..16),
    )
        .prop_map(|(fragment, tickets, mutual, ops)| Script {
            fragment,
            tickets,
            mutual,
            ops,
        })
}

fn chunking() -> impl Strategy<Value = Chunking> {
    let sizes = || vec(prop_oneof![1usize..8, 1usize..200, 1usize..40_000], 1..8);
    (sizes(), sizes()).prop_map(|(client, server)| [client, server])
}

/// How often the generator hit what the test is about.
#[derive(Clone, Copy, Debug, Default)]
struct Hits {
    scripts: usize,
    fragmented_tickets: usize,
    key_updates: usize,
    alerts: usize,
    closes: usize,
}

impl Hits {
    fn count(&mut self, outcome: &Outcome) {
        let happened = |code: &str| {
            let events = outcome.ends.iter().flat_map(|end| &end.events);
            usize::from(events.into_iter().any(|event| event.code() == code))
        };
        self.scripts += 1;
        self.fragmented_tickets += usize::from(outcome.ticket_records > outcome.tickets);
        self.key_updates += happened("keys-updated");
        self.alerts += happened("E-TLS-01");
        self.closes += happened("peer-closed");
    }

    #[track_caller]
    fn check(&self) {
        println!("{self:?}");
        let Self {
            fragmented_tickets,
            key_updates,
            alerts,
            closes,
            ..
        } = *self;
        for (what, hits) in [
            ("a fragmented ticket", fragmented_tickets),
            ("a key update", key_updates),
            ("an alert", alerts),
            ("a close", closes),
        ] {
            assert!(hits > 0, "the generator never made {what}");
        }
    }
}

/// The same cases on every run.
fn runner(cases: u32) -> TestRunner {
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha))
}

#[test]
fn any_chunking_gives_the_same() {
    let hits = RefCell::new(Hits::default());
    let run = runner(192).run(&(script(), chunking()), |(script, chunking)| {
        let whole = Session::new(&script, [vec![usize::MAX], vec![usize::MAX]]).run(&script);
        let cut = Session::new(&script, chunking).run(&script);
        prop_assert_eq!(&whole, &cut);
        hits.borrow_mut().count(&whole);
        Ok(())
    });
    run.unwrap_or_else(|error| panic!("{error}"));
    hits.borrow().check();
}

/// Here the two do not wait for what is under way. The bytes then depend on who was faster; what was sent still
/// arrives, in order and once.
#[test]
fn what_is_sent_arrives() {
    let hits = RefCell::new(Hits::default());
    let pauses = vec(0usize..6, 16);
    let run = runner(192).run(
        &(script(), chunking(), pauses),
        |(script, chunking, pauses)| {
            let mut session = Session::new(&script, chunking);
            for (op, pause) in script.ops.iter().zip(pauses) {
                session.apply(op);
                for _ in 0..pause {
                    session.step();
                }
            }
            let outcome = session.finish();
            let damaged = script.ops.iter().any(|op| matches!(op, Op::Damage(..)));
            for side in BOTH {
                let sent = &outcome.sent[index(side)];
                let received = &outcome.ends[index(side.other())];
                prop_assert!(sent.starts_with(&received.plaintext));
                prop_assert!(damaged || received.plaintext.len() == sent.len());
                prop_assert!(damaged || received.error.is_none(), "{:?}", received.error);
            }
            hits.borrow_mut().count(&outcome);
            Ok(())
        },
    );
    run.unwrap_or_else(|error| panic!("{error}"));
    hits.borrow().check();
}

struct Session {
    pair: Pair,
    chunking: Chunking,
    /// How many pieces each side has been given.
    pieces: [usize; 2],
    sent: [Vec<u8>; 2],
    /// Whether a bad record is under way to a side, or was.
    damaged: [bool; 2],
    /// Records that the client had received when it was established.
    handshake_records: Option<u64>,
    ticket_records: Option<u64>,
}

#[derive(Debug, PartialEq)]
struct Outcome {
    ends: [End; 2],
    sent: [Vec<u8>; 2],
    tickets: u64,
    ticket_records: u64,
}

#[derive(Debug, PartialEq)]
struct End {
    phase: Phase,
    error: Option<Error>,
    events: Vec<Event>,
    plaintext: Vec<u8>,
    transcript: Vec<u8>,
    /// All counters but that of bytes received: how many arrive behind the end of a connection depends on the chunks.
    counters: Counters,
}

fn index(side: Side) -> usize {
    match side {
        Side::Client => 0,
        Side::Server => 1,
    }
}

impl Session {
    fn new(script: &Script, chunking: Chunking) -> Self {
        let limits = Limits {
            fragment: script.fragment,
            ..Limits::default()
        };
        let server = match script.mutual {
            true => setup().mutual(light(2)),
            false => setup().server(light(2)),
        };
        let server = server
            .limits(limits)
            .resumption(ServerResumption::tickets().count(script.tickets));
        let client = setup().client(light(1)).limits(limits);
        let pair = Pair::new(&client.build().unwrap(), &server.build().unwrap());
        Self {
            pair,
            chunking,
            pieces: [0, 0],
            sent: [Vec::new(), Vec::new()],
            damaged: [false, false],
            handshake_records: None,
            ticket_records: None,
        }
    }

    fn run(mut self, script: &Script) -> Outcome {
        self.drive();
        for op in &script.ops {
            self.apply(op);
            self.drive();
        }
        self.finish()
    }

    fn apply(&mut self, op: &Op) {
        let now = self.pair.now;
        match *op {
            Op::Send(side, len) => _ = self.send(side, len),
            Op::Damage(side, at) => self.damage(side, at),
            Op::UpdateKeys(side) => match self.pair.end(side).connection.update_keys(now) {
                // With data behind it: rustls takes 32 key updates in a row.
                Ok(()) => _ = self.send(side, 1),
                Err(Error::Local(LocalError::Closed | LocalError::NotEstablished)) => {}
                Err(error) => assert_eq!(self.pair.end(side).connection.failure(), Some(error)),
            },
            Op::Close(side) => {
                // During the handshake it would end the script. With a bad record under way to a side that has closed,
                // a debug build of rustls panics: closing::a_bad_record_after_close_is_refused_in_silence.
                let handshaking = self.pair.end(side).phase() == Phase::Handshaking;
                if !handshaking && !self.damaged[index(side)] {
                    self.pair.close(side);
                }
            }
            Op::Read(side, reads) => {
                let end = self.pair.end(side);
                end.reading = reads;
                end.settle(now);
            }
        }
    }

    fn damage(&mut self, side: Side, at: usize) {
        let victim = side.other();
        if matches!(
            self.pair.end(victim).phase(),
            Phase::ReceiveOnly | Phase::Closed
        ) {
            return;
        }
        // What the side has said before is to arrive.
        self.pair.transmit(side);
        let start = self.pair.end(victim).wire.len();
        if self.send(side, 64) {
            self.pair.transmit(side);
            let wire = &mut self.pair.end(victim).wire;
            // Not in the header, which could announce a record that never ends.
            let at = start + 5 + at % (wire.len() - start - 5);
            wire[at] ^= 0x40;
            self.damaged[index(victim)] = true;
        }
    }

    fn send(&mut self, side: Side, len: usize) -> bool {
        let now = self.pair.now;
        let sent = &mut self.sent[index(side)];
        let plaintext: Vec<u8> = (sent.len()..sent.len() + len)
            .map(|i| (i / 7) as u8)
            .collect();
        match self.pair.end(side).connection.send(&[&plaintext], now) {
            Ok(accepted) => {
                self.sent[index(side)].extend(&plaintext[..accepted]);
                accepted > 0
            }
            Err(_) => false,
        }
    }

    fn finish(mut self) -> Outcome {
        for side in BOTH {
            let now = self.pair.now;
            let end = self.pair.end(side);
            end.reading = true;
            end.settle(now);
        }
        self.drive();
        let tickets = self.pair.client.connection.counters().tickets;
        Outcome {
            ends: BOTH.map(|side| End::of(&mut self.pair, side)),
            sent: self.sent,
            tickets,
            ticket_records: self.ticket_records.unwrap_or_default(),
        }
    }

    fn drive(&mut self) {
        while self.step() {}
        if self.ticket_records.is_none() && self.handshake_records.is_some() {
            let records = self.pair.client.connection.counters().records;
            self.ticket_records = self.handshake_records.map(|before| records - before);
        }
    }

    /// One piece in each direction.
    fn step(&mut self) -> bool {
        let mut moved = false;
        for side in BOTH {
            moved |= self.pair.transmit(side.other());
            let sizes = &self.chunking[index(side)];
            let piece = sizes[self.pieces[index(side)] % sizes.len()];
            let delivered = self.pair.deliver(side, piece);
            self.pieces[index(side)] += usize::from(delivered);
            moved |= delivered;
        }
        if self.handshake_records.is_none() && self.pair.client.phase() == Phase::Established {
            // Whether this piece held more than the handshake is not known; a ticket less is counted then.
            self.handshake_records = Some(self.pair.client.connection.counters().records);
        }
        moved
    }
}

impl End {
    fn of(pair: &mut Pair, side: Side) -> Self {
        let end = pair.end(side);
        let mut counters = end.connection.counters();
        counters.received = 0;
        Self {
            phase: end.phase(),
            error: end.error,
            events: end.events.clone(),
            plaintext: end.plaintext.clone(),
            transcript: end.transcript.clone(),
            counters,
        }
    }
}
