//! Inside the machine: how records are opened, what a finished handshake is judged by, and how a connection ends.

use alloc::boxed::Box;

use super::{Connection, Phase, Receive, State};
use crate::buffer::{RECORD, Record};
use crate::config::Timeouts;
use crate::error::{CertificateError, Deadline, Error, PeerError};
use crate::event::Event;
use crate::peer::Peer;
use crate::time::{Instant, Now};
use crate::tls::session::{Action, Advance, OVERHEAD};
use crate::trust::pin::{Pin, PinVerdict};

impl Connection {
    pub(super) fn phase(&self) -> Phase {
        match self.state {
            State {
                failure: Some(_), ..
            } => Phase::Failed,
            State {
                closed: true,
                established: false,
                ..
            }
            | State {
                closed: true,
                peer_closed: true,
                ..
            } => Phase::Closed,
            State { closed: true, .. } => Phase::ReceiveOnly,
            State {
                peer_closed: true, ..
            } => Phase::SendOnly,
            State {
                established: true, ..
            } => Phase::Established,
            State { .. } => Phase::Handshaking,
        }
    }

    pub(super) fn receive(&self) -> Receive {
        if self.ended() || self.state.eof {
            return Receive::No;
        }
        if self.incoming.has_room() {
            return Receive::Yes;
        }
        match self.incoming.next() {
            _ if !self.opened.is_empty() => Receive::NeedsConsume,
            Record::Show { .. } => Receive::NeedsConsume,
            Record::Exceeds { capacity } => Receive::NeedsStorage(capacity),
            // Nothing is lent yet, or what is lent is full of a handshake message that goes on.
            Record::Partial => {
                Receive::NeedsStorage(self.incoming.retained() + self.limits.storage)
            }
        }
    }

    pub(super) fn readable(&self) -> bool {
        let lies_here = matches!(self.incoming.next(), Record::Show { whole: true, .. });
        !self.opened.is_empty() || (lies_here && !self.ended())
    }

    pub(super) fn deadline(&self) -> Option<(Instant, Deadline)> {
        let Timeouts {
            handshake,
            record,
            idle,
            close,
        } = self.timeouts;
        let closing = self.closing.map(|since| (since + close, Deadline::Close));
        if matches!(self.phase(), Phase::Failed | Phase::Closed) {
            return closing;
        }
        let (handshake, record, idle) = if self.state.established {
            let record = self.partial.map(|since| (since + record, Deadline::Record));
            let idle = idle.map(|idle| (self.active + idle, Deadline::Idle));
            (None, record, idle)
        } else {
            (
                Some((self.started + handshake, Deadline::Handshake)),
                None,
                None,
            )
        };
        [closing, handshake, record, idle]
            .into_iter()
            .flatten()
            .min_by_key(|(at, _)| *at)
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        self.state.failure.map_or(Ok(()), Err)
    }

    /// Whether nothing that arrives matters any more.
    fn ended(&self) -> bool {
        self.state.peer_closed || matches!(self.phase(), Phase::Failed | Phase::Closed)
    }

    /// Opens records until there is plaintext, `out` is full, or more bytes are needed. Returns how many bytes of
    /// plaintext went into `out`; an error is kept.
    ///
    /// A record is shown to the engine only when no plaintext waits. So there is always room for what it holds, the
    /// engine never keeps plaintext that would stand in the way of `send`, and every change happens between two
    /// records.
    pub(super) fn advance(&mut self, now: Now, out: &mut [u8]) -> usize {
        let mut moved = 0;
        while self.opened.is_empty() && !self.ended() {
            let rest = out.get_mut(moved..).unwrap_or_default();
            if moved > 0 && rest.is_empty() {
                break;
            }
            match self.incoming.next() {
                Record::Partial => break,
                Record::Exceeds { capacity } => {
                    self.exceeds(capacity, now);
                    break;
                }
                Record::Show { bytes, .. } if self.is_too_large(bytes) => {
                    self.refuse(self.handshake_too_large(), now);
                }
                Record::Show { bytes, whole } => moved += self.open(bytes, whole, rest, now),
            }
        }
        self.settle(now);
        if self.state.key_update_due {
            // An error is kept, and shown by the caller.
            let _ = self.update_keys_when_due(now);
        }
        moved
    }

    /// Shows the engine a record, or only its header when the rest is still to come.
    fn open(&mut self, bytes: usize, whole: bool, out: &mut [u8], now: Now) -> usize {
        let mut moved = 0;
        let mut total = 0;
        let opened = &mut self.opened;
        let mut sink = |plaintext: &[u8]| {
            let room = out.get_mut(moved..).unwrap_or_default();
            let (now, later) = plaintext.split_at(plaintext.len().min(room.len()));
            if let Some(target) = room.get_mut(..now.len()) {
                target.copy_from_slice(now);
            }
            opened.push(later);
            moved += now.len();
            total += plaintext.len();
        };
        let shown = self.incoming.show(bytes, whole);
        let outcome =
            self.session
                .advance(shown, self.outgoing.tail(), Action::Open, now, &mut sink);
        self.counters.opened += total as u64;
        match outcome {
            Ok(advance) => self.apply(&advance, now),
            // Only the first bytes tell whether the peer speaks TLS; later ones may be damaged.
            Err(Error::Peer(PeerError::NotTls)) if self.counters.records > 0 => {
                self.fail(PeerError::Protocol.into(), now);
            }
            Err(error) => self.fail(error, now),
        }
        if whole {
            self.counters.records += 1;
            if self.incoming.retained() == 0 {
                // Otherwise the time for the handshake message runs on, however many records it comes in.
                self.partial = None;
            }
        }
        moved
    }

    /// Has the engine do something, without showing it a byte that it has not seen.
    pub(super) fn act(&mut self, action: Action<'_>, now: Now) -> Result<(), Error> {
        let shown = self.incoming.shown();
        let outcome = self
            .session
            .advance(shown, self.outgoing.tail(), action, now, &mut |_| {});
        match outcome {
            Ok(advance) => self.apply(&advance, now),
            Err(error) if error.is_fatal() => self.fail(error, now),
            Err(error) => return Err(error),
        }
        self.check()
    }

    pub(super) fn update_keys_when_due(&mut self, now: Now) -> Result<(), Error> {
        let room = self.outgoing.len() + OVERHEAD <= self.limits.outgoing;
        // In the middle of a handshake message of the peer the engine would send an alert instead of a key update.
        let between_messages = self.incoming.retained() == 0;
        if !self.state.key_update_due || !room || !between_messages {
            return Ok(());
        }
        self.state.key_update_due = false;
        self.act(Action::UpdateKeys, now)?;
        self.counters.key_updates += 1;
        self.events.push(Event::KeysUpdated);
        Ok(())
    }

    fn apply(&mut self, advance: &Advance, now: Now) {
        self.incoming.discard(advance.discard);
        if advance.ready && !self.state.established && !self.session.is_handshaking() {
            self.establish(now);
            if self.check().is_err() {
                return;
            }
        }
        let tickets = self.session.take_tickets();
        if tickets > 0 {
            self.counters.tickets += u64::from(tickets);
            self.events.push(if self.session.is_client() {
                Event::TicketStored
            } else {
                Event::TicketsSent {
                    count: u8::try_from(tickets).unwrap_or(u8::MAX),
                }
            });
        }
        if advance.peer_closed {
            self.state.peer_closed = true;
            // What follows close_notify is ignored (RFC 8446, 6.1).
            self.incoming.clear();
            self.events.push(Event::PeerClosed);
        }
    }

    /// The handshake is done: what the engine could not judge is judged here, before any plaintext is released.
    fn establish(&mut self, now: Now) {
        self.state.established = true;
        let verdict = match self.session.judge(now.unix) {
            Ok(verdict) => verdict,
            Err(refusal) => {
                self.refuse(refusal.into(), now);
                return;
            }
        };
        let peer = match Peer::of(&self.session) {
            Ok(peer) => peer,
            Err(refusal) => {
                self.refuse(refusal.into(), now);
                return;
            }
        };
        match peer.leaf_pin() {
            Some(leaf) => self.events.push(Event::PeerVerified { leaf }),
            None if self.expects_certificate => self.events.push(Event::PeerWithoutCertificate),
            None => {}
        }
        match verdict {
            Some(PinVerdict::Matched { index, .. }) => {
                self.events.push(Event::PinMatched { index });
            }
            Some(PinVerdict::Unmatched { presented, .. }) => {
                self.events.push(Event::PinWouldRefuse {
                    presented: Pin::spki(presented),
                });
            }
            None => {}
        }
        self.events.push(Event::Established {
            version: peer.version(),
            suite: peer.suite(),
            group: peer.group(),
            resumed: peer.is_resumed(),
            elapsed: now.instant.saturating_since(self.started),
        });
        self.peer = Some(Box::new(peer));
    }

    /// After records were opened: does the peer owe the rest of one, and was that the end?
    fn settle(&mut self, now: Now) {
        let whole = matches!(self.incoming.next(), Record::Show { whole: true, .. });
        if self.ended() || whole || !self.opened.is_empty() {
            // Only what the peer owes counts, not what the application leaves lying.
            self.partial = None;
            return;
        }
        if self.state.eof {
            if self.allow_truncation && self.state.established {
                self.state.peer_closed = true;
                // The engine knows nothing of this end: it must go on seeing the half of a handshake message.
                self.incoming.forget_unseen();
                self.events.push(Event::TruncationAllowed);
            } else {
                self.fail(PeerError::Truncated.into(), now);
            }
        } else if self.incoming.is_empty() {
            self.partial = None;
        } else {
            self.partial.get_or_insert(now.instant);
        }
    }

    /// A handshake message may span records and ask for more storage, up to a limit. A single record may not.
    fn exceeds(&mut self, needed: usize, now: Now) {
        if self.incoming.retained() == 0 {
            let announced = u32::try_from(needed).unwrap_or(u32::MAX);
            let capacity = u32::try_from(self.incoming.capacity()).unwrap_or(u32::MAX);
            self.refuse(
                PeerError::RecordTooLarge {
                    announced,
                    capacity,
                }
                .into(),
                now,
            );
        } else if self.is_too_large(needed) {
            self.refuse(self.handshake_too_large(), now);
        }
    }

    fn is_too_large(&self, bytes: usize) -> bool {
        self.incoming.retained() > 0 && bytes > self.limits.chain.saturating_add(RECORD)
    }

    fn handshake_too_large(&self) -> Error {
        let limit = u32::try_from(self.limits.chain.saturating_add(RECORD)).unwrap_or(u32::MAX);
        PeerError::HandshakeTooLarge { limit }.into()
    }

    /// Ends the connection for a reason that the engine knows nothing of: it offers no alert for it, so the peer is
    /// told with close_notify when there are keys, and cut off when there are none.
    pub(super) fn refuse(&mut self, error: Error, now: Now) {
        if self.state.failure.is_none() && !self.session.is_handshaking() && !self.state.closed {
            let shown = self.incoming.shown();
            // Should even that fail, the connection ends for the reason given all the same.
            let _ =
                self.session
                    .advance(shown, self.outgoing.tail(), Action::Close, now, &mut |_| {});
        }
        self.fail(error, now);
    }

    /// Keeps the first error and releases nothing more.
    pub(super) fn fail(&mut self, error: Error, now: Now) {
        if self.state.failure.is_some() {
            return;
        }
        if error == CertificateError::NotJudged.into() {
            // A probe: this look is what it was for.
            self.peer = Peer::of(&self.session).ok().map(Box::new);
        }
        self.state.failure = Some(error);
        self.state.key_update_due = false;
        self.opened.clear();
        self.incoming.clear();
        self.partial = None;
        self.events.push(Event::Failed(error));
        self.wait_for_last_bytes(now);
    }

    pub(super) fn wait_for_last_bytes(&mut self, now: Now) {
        if !self.outgoing.is_empty() {
            self.closing.get_or_insert(now.instant);
        }
    }
}
