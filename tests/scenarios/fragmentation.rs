//! Hostile flights: every handshake message, ticket and key update cut into records of 64 and 128 bytes, and the bytes
//! of these records delivered with a pause at every position, in which something else is asked of the connection.
//!
//! A machine that shows rustls fewer bytes in that pause than before, for example none in order to send, panics at most
//! of these positions.

use ravelin_core::config::{ClientResumption, Limits};
use ravelin_core::{ClientConfig, Error, Event, LocalError, Phase, ServerConfig};
use ravelin_tests::light::light;
use ravelin_tests::pair::{Pair, Side};
use ravelin_tests::setup::setup;

#[test]
fn a_session_in_64_byte_records() {
    scan(&configs(64));
}

#[test]
fn a_session_in_128_byte_records() {
    scan(&configs(128));
}

/// Not one pause but one behind every byte.
#[test]
fn a_pause_behind_every_byte() {
    for fragment in [64, 128] {
        let configs = configs(fragment);
        let reference = Session::new(&configs, None).run();
        for side in [Side::Client, Side::Server] {
            for act in ACTS.into_iter().filter(|act| *act != Act::Close) {
                let _context = Context(format!("{act:?} on the {side:?} behind every byte"));
                let mut session = Session::new(&configs, None);
                session.pause = Some(Pause::Always(side, act));
                session.run().check(&reference);
            }
        }
    }
}

/// rustls answers a key update in the middle of the peer's message with a fatal alert, so it has to wait.
#[test]
fn a_key_update_waits_for_the_rest_of_a_ticket() {
    let (client, server) = configs(64);
    let mut pair = Pair::new(&client, &server);
    while pair.server.phase() != Phase::Established {
        pair.transmit(Side::Server);
        while pair.deliver(Side::Client, usize::MAX) {}
        pair.transmit(Side::Client);
        while pair.deliver(Side::Server, usize::MAX) {}
    }
    pair.transmit(Side::Server);
    let rest = pair.client.wire.len() / 2;
    pair.deliver(Side::Client, rest);
    pair.update_keys(Side::Client);
    pair.update_keys(Side::Client);
    assert_eq!(pair.client.connection.counters().key_updates, 0);
    // Data does not wait, and needs no new keys.
    pair.send(Side::Client, b"meanwhile");
    pair.transmit(Side::Client);
    assert_eq!(pair.client.connection.counters().key_updates, 0);
    // The rest of the ticket is enough: nobody has to send or transmit first.
    while pair.deliver(Side::Client, usize::MAX) {}
    assert_eq!(pair.client.connection.counters().key_updates, 1);
    assert!(pair.client.connection.interest().transmit);
    pair.drive();
    assert_eq!(pair.client.events.last(), Some(&Event::KeysUpdated));
    assert_eq!(pair.server.plaintext, b"meanwhile");
    pair.send(Side::Client, b", and with new keys");
    pair.drive();
    assert_eq!(pair.server.plaintext, b"meanwhile, and with new keys");
    assert_eq!(pair.server.error, None);
}

/// What is asked of a connection while bytes are under way to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Nothing,
    Send,
    Close,
    UpdateKeys,
    ReceiveNothing,
    ReadNothing,
    LookAtTheClock,
}

const ACTS: [Act; 7] = [
    Act::Nothing,
    Act::Send,
    Act::Close,
    Act::UpdateKeys,
    Act::ReceiveNothing,
    Act::ReadNothing,
    Act::LookAtTheClock,
];

/// What [`Act::Send`] sends. No other plaintext has this byte.
const MARK: u8 = 0xee;

/// When to pause the delivery, and what to do then.
#[derive(Clone, Copy, Debug)]
enum Pause {
    /// Once the side has received so many bytes.
    At(Side, u64, Act),
    /// Behind every byte that the side receives.
    Always(Side, Act),
}

type Configs = (ClientConfig, ServerConfig);

fn configs(fragment: usize) -> Configs {
    let limits = Limits {
        fragment,
        ..Limits::default()
    };
    // Tickets are handed out and received, but none is kept: every session begins with a full handshake.
    let client = setup()
        .client(light(1))
        .resumption(ClientResumption::sessions(0));
    (
        client.limits(limits).build().unwrap(),
        setup().mutual(light(2)).limits(limits).build().unwrap(),
    )
}

fn scan(configs: &Configs) {
    let reference = Session::new(configs, None).run();
    reference.check(&reference);
    for side in [Side::Client, Side::Server] {
        let total = reference.end(side).received;
        for at in 0..=total {
            for act in ACTS {
                let _context = Context(format!("{act:?} on the {side:?} after {at} bytes"));
                Session::new(configs, Some(Pause::At(side, at, act)))
                    .run()
                    .check(&reference);
            }
        }
        let points = total + 1;
        let sessions = points * ACTS.len() as u64;
        println!("{side:?}: {points} split points, {sessions} sessions, no panic");
    }
}

/// A whole session: handshake, tickets, data, key updates, data, and the two half closes.
struct Session {
    pair: Pair,
    pause: Option<Pause>,
    paused: Option<(Side, Act)>,
    /// What the pause's act did.
    done: Done,
}

/// What came of the acts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Done {
    sent: usize,
    updates: usize,
    closed: Option<Phase>,
}

impl Session {
    fn new((client, server): &Configs, pause: Option<Pause>) -> Self {
        Self {
            pair: Pair::new(client, server),
            pause,
            paused: None,
            done: Done::default(),
        }
    }

    fn run(mut self) -> Outcome {
        self.drive();
        for side in [Side::Client, Side::Server] {
            self.send(side, 150);
        }
        self.drive();
        for side in [Side::Client, Side::Server] {
            self.update_keys(side);
        }
        self.drive();
        // The answers to the key updates go with these.
        for side in [Side::Client, Side::Server] {
            self.send(side, 70);
        }
        self.drive();
        self.close(Side::Client);
        self.drive();
        self.send(Side::Server, 40);
        self.close(Side::Server);
        self.drive();
        let ends = [Side::Client, Side::Server].map(|side| End::of(&mut self.pair, side));
        Outcome {
            ends,
            pause: self.pause,
            paused: self.paused,
            done: self.done,
        }
    }

    /// Moves everything. An end that has closed and has nothing to say any more hangs up.
    fn drive(&mut self) {
        loop {
            let mut moved = false;
            for side in [Side::Client, Side::Server] {
                moved |= self.pair.transmit(side);
                moved |= self.deliver(side.other());
            }
            if moved {
                continue;
            }
            for side in [Side::Client, Side::Server] {
                let end = self.pair.end(side);
                let over = end.phase() == Phase::Closed && end.connection.transmit().is_empty();
                if over && !self.pair.end(side.other()).wire_ended {
                    self.pair.hang_up(side);
                    moved = true;
                }
            }
            if !moved {
                return;
            }
        }
    }

    fn deliver(&mut self, side: Side) -> bool {
        match self.pause {
            Some(Pause::At(paused, at, act)) if paused == side && self.paused.is_none() => {
                let left = at - self.pair.end(side).connection.counters().received;
                if left == 0 {
                    self.act(side, act);
                    return true;
                }
                self.pair.deliver(side, usize::try_from(left).unwrap())
            }
            Some(Pause::Always(paused, act)) if paused == side => {
                let moved = self.pair.deliver(side, 1);
                if moved {
                    self.act(side, act);
                }
                moved
            }
            Some(_) | None => self.pair.deliver(side, usize::MAX),
        }
    }

    fn act(&mut self, side: Side, act: Act) {
        self.paused = Some((side, act));
        let now = self.pair.now;
        let end = self.pair.end(side);
        let (phase, connection) = (end.phase(), &mut end.connection);
        let sending = matches!(phase, Phase::Established | Phase::SendOnly);
        let accepted = |outcome: Result<(), Error>| match outcome {
            Ok(()) => 1,
            Err(Error::Local(LocalError::Closed)) if phase == Phase::ReceiveOnly => 0,
            Err(Error::Local(LocalError::Closed)) if phase == Phase::Closed => 0,
            Err(Error::Local(LocalError::NotEstablished)) if phase == Phase::Handshaking => 0,
            Err(error) => panic!("{error}"),
        };
        match act {
            Act::Nothing => {}
            Act::Send => match connection.send(&[&[MARK]], now) {
                Ok(sent) => {
                    assert_eq!(sent == 1, sending);
                    self.done.sent += sent;
                }
                Err(error) => _ = accepted(Err(error)),
            },
            Act::Close => {
                self.done.closed = Some(phase);
                connection.close(now).unwrap();
            }
            Act::UpdateKeys => {
                self.done.updates += accepted(connection.update_keys(now));
                // rustls takes 32 key updates in a row without application data between them.
                if sending {
                    self.done.sent += connection.send(&[&[MARK]], now).unwrap();
                }
            }
            Act::ReceiveNothing => connection.handle_received(0, now).unwrap(),
            Act::ReadNothing => assert_eq!(connection.read(&mut [], now), Ok(0)),
            Act::LookAtTheClock => {
                let deadline = connection.interest().deadline;
                assert!(deadline.is_none_or(|(at, _)| at > now.instant));
                connection.handle_timeout(now).unwrap();
            }
        }
        end.settle(now);
    }

    fn send(&mut self, side: Side, len: u8) {
        let plaintext: Vec<u8> = (0..len).collect();
        let now = self.pair.now;
        let outcome = self.pair.end(side).connection.send(&[&plaintext], now);
        if self.done.closed.is_none() {
            assert_eq!(outcome, Ok(plaintext.len()));
        }
    }

    fn update_keys(&mut self, side: Side) {
        let now = self.pair.now;
        let outcome = self.pair.end(side).connection.update_keys(now);
        if self.done.closed.is_none() {
            outcome.unwrap();
        }
    }

    fn close(&mut self, side: Side) {
        self.pair.close(side);
    }
}

#[derive(Debug)]
struct Outcome {
    ends: [End; 2],
    pause: Option<Pause>,
    paused: Option<(Side, Act)>,
    done: Done,
}

#[derive(Debug)]
struct End {
    phase: Phase,
    error: Option<Error>,
    events: Vec<Event>,
    plaintext: Vec<u8>,
    received: u64,
}

impl End {
    fn of(pair: &mut Pair, side: Side) -> Self {
        let end = pair.end(side);
        Self {
            phase: end.phase(),
            error: end.error,
            events: end.events.clone(),
            plaintext: end.plaintext.clone(),
            received: end.connection.counters().received,
        }
    }
}

impl Outcome {
    fn end(&self, side: Side) -> &End {
        match side {
            Side::Client => &self.ends[0],
            Side::Server => &self.ends[1],
        }
    }

    fn check(&self, reference: &Self) {
        let Some((side, act)) = self.paused else {
            assert_eq!(self.done, Done::default(), "the pause was never reached");
            self.check_untouched(reference, Side::Client, 0);
            self.check_untouched(reference, Side::Server, 0);
            return;
        };
        match (act, self.done.closed) {
            (Act::Close, Some(Phase::Handshaking)) => {
                assert_eq!(self.end(side).phase, Phase::Closed);
                assert_eq!(self.end(side).error, None);
                let code = self.end(side.other()).error.map(|error| error.code());
                assert_eq!(code, Some("E-TLS-02"), "the other side sees it cut off");
            }
            (Act::Close, _) => {
                for side in [Side::Client, Side::Server] {
                    assert_eq!(self.end(side).phase, Phase::Closed, "{side:?}");
                    assert_eq!(self.end(side).error, None, "{side:?}");
                }
                // Half closed: what the peer sends still arrives, what this side would send does not leave.
                assert_eq!(self.end(side).plaintext, reference.end(side).plaintext);
                let sent = &reference.end(side.other()).plaintext;
                assert!(sent.starts_with(&self.end(side.other()).plaintext));
            }
            _ => {
                self.check_untouched(reference, side, self.done.updates);
                self.check_untouched(reference, side.other(), 0);
            }
        }
    }

    /// As without the pause, but for `updates` more key updates by this side, and what the other one sent in the pause.
    fn check_untouched(&self, reference: &Self, side: Side, updates: usize) {
        let (end, reference) = (self.end(side), reference.end(side));
        assert_eq!(end.error, None);
        assert_eq!(end.phase, Phase::Closed);
        let (marks, plaintext): (Vec<u8>, Vec<u8>) =
            end.plaintext.iter().partition(|byte| **byte == MARK);
        assert_eq!(plaintext, reference.plaintext, "{side:?}");
        let sent = match self.paused {
            Some((paused, _)) if paused != side => self.done.sent,
            _ => 0,
        };
        assert_eq!(marks.len(), sent, "{side:?}");
        let is_update = |event: &&Event| **event == Event::KeysUpdated;
        let [ours, theirs] =
            [&end.events, &reference.events].map(|events| events.iter().filter(is_update).count());
        // Those that wait for the rest of a handshake message are one.
        let behind_every_byte = matches!(self.pause, Some(Pause::Always(..))) && updates > 0;
        if behind_every_byte {
            assert!((theirs + 1..=theirs + updates).contains(&ours), "{side:?}");
        } else {
            assert_eq!(ours, theirs + updates, "{side:?}");
        }
        let [ours, theirs] = [&end.events, &reference.events].map(|events| {
            let others = events.iter().filter(|event| !is_update(event));
            others.copied().collect::<Vec<_>>()
        });
        assert_eq!(ours, theirs, "{side:?}");
    }
}

/// Says where a panic happened.
struct Context(String);

impl Drop for Context {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("while doing {}", self.0);
        }
    }
}
