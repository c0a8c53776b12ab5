//! What must hold after every step, whatever the schedule did.

use ravelin_core::{Counters, Error, Event, LocalError, PeerError, Phase, Receive};

use super::super::{Mark, Setup};
use super::Play;
use crate::pair::Side;

impl Play {
    /// An error is the one that is kept, or one of those that only report a call out of turn.
    pub(super) fn expect_error(&mut self, side: Side, error: Error, out_of_turn: &[LocalError]) {
        let kept = self.end(side).connection.failure();
        let local = out_of_turn
            .iter()
            .any(|local| error == Error::Local(*local));
        assert_eq!(error.is_fatal(), !local, "{side:?}: {error:?}");
        assert!(
            local || kept == Some(error),
            "{side:?} returns {error:?} and keeps {kept:?}"
        );
    }

    pub(in super::super) fn check(&mut self) {
        for side in [Side::Client, Side::Server] {
            self.check_interest(side);
            self.check_events(side);
            self.check_failure(side);
            self.check_counters(side);
            self.check_plaintext(side);
        }
    }

    fn check_interest(&mut self, side: Side) {
        let (now, most) = (self.pair.now, self.setup.most_outgoing());
        let ended = self.observed(side).ended;
        let connection = &mut self.end(side).connection;
        let interest = connection.interest();
        assert_eq!(
            interest.transmit,
            !connection.transmit().is_empty(),
            "{side:?}"
        );
        let waiting = connection.transmit().len();
        assert!(waiting <= most, "{side:?} lets {waiting} bytes wait");
        let room = connection.receive_buffer().map(|room| !room.is_empty());
        assert_eq!(
            room,
            (interest.receive == Receive::Yes).then_some(true),
            "{side:?}"
        );
        assert!(
            interest.readable || connection.plaintext().is_empty(),
            "{side:?} hides plaintext"
        );
        assert!(
            interest.readable || interest.receive != Receive::NeedsConsume,
            "{side:?} waits for nothing"
        );
        assert!(
            !ended || interest.receive == Receive::No,
            "{side:?} waits for more than the end"
        );
        if let Some((at, deadline)) = interest.deadline {
            assert!(at > now.instant, "{side:?}: {deadline:?} is over");
        }
        let flowing = matches!(
            interest.phase,
            Phase::Established | Phase::SendOnly | Phase::ReceiveOnly
        );
        assert!(
            !flowing || connection.peer().is_some(),
            "{side:?} flows to nobody"
        );
        assert_eq!(
            interest,
            connection.interest(),
            "{side:?}: asking changes nothing"
        );
    }

    fn check_events(&mut self, side: Side) {
        let seen = self.observed(side).events;
        let events = self.end(side).events[seen..].to_vec();
        let before = self.observed(side).failure;
        let failure = self.end(side).connection.failure();
        let agrees = self.forged || self.setup.agrees();
        let refuser = if self.setup.has(Setup::MISPINNED) {
            Side::Client
        } else {
            Side::Server
        };
        for event in &events {
            assert_eq!(before, None, "{side:?}: {event:?} after the failure");
            let marks = self.watched.contains(&side);
            if marks {
                self.reached.extend(marks_of(event, side));
            }
            let observed = self.observed_mut(side);
            if let Event::Established { .. } = event {
                assert!(!observed.established, "{side:?} is established twice");
                assert!(
                    agrees || side != refuser,
                    "{side:?} accepts whom it must refuse"
                );
                observed.established = true;
            }
            if let Event::KeysUpdated = event {
                observed.rekeyed = Some(observed.sent.len());
                observed.owes_keys = false;
            }
            if let Event::PeerClosed = event {
                assert!(!observed.peer_closed, "{side:?} hears close_notify twice");
                observed.peer_closed = true;
            }
            if let Event::Failed(error) = event {
                assert_eq!(failure, Some(*error), "{side:?}");
            }
            observed.truncation_allowed |= *event == Event::TruncationAllowed;
        }
        let observed = self.observed_mut(side);
        observed.events += events.len();
        assert!(
            observed.established || !observed.peer_closed && !observed.truncation_allowed,
            "{side:?} closed before it began"
        );
        let told = events.iter().any(|event| matches!(event, Event::Failed(_)));
        assert_eq!(
            told,
            failure.is_some() && before.is_none(),
            "{side:?} tells its failure once"
        );
    }

    fn check_failure(&mut self, side: Side) {
        let now = self.pair.now;
        let before = self.observed(side).failure;
        let connection = &mut self.end(side).connection;
        let failure = connection.failure();
        assert!(
            before.is_none() || failure == before,
            "{side:?}: the first error is kept"
        );
        assert_eq!(
            failure.is_some(),
            connection.interest().phase == Phase::Failed
        );
        let Some(error) = failure else {
            return;
        };
        assert!(
            connection.plaintext().is_empty(),
            "{side:?} shows plaintext after it failed"
        );
        assert_eq!(connection.interest().receive, Receive::No, "{side:?}");
        assert!(!connection.interest().readable, "{side:?}");
        let waiting = connection.transmit().len();
        assert_eq!(connection.send(&[b"x"], now), Err(error), "{side:?}");
        assert_eq!(connection.read(&mut [0], now), Err(error), "{side:?}");
        assert_eq!(connection.consume(1, now), Err(error), "{side:?}");
        assert_eq!(connection.update_keys(now), Err(error), "{side:?}");
        assert_eq!(connection.close(now), Err(error), "{side:?}");
        assert_eq!(connection.handle_received(0, now), Err(error), "{side:?}");
        assert_eq!(connection.handle_eof(now), Err(error), "{side:?}");
        assert_eq!(connection.handle_timeout(now), Err(error), "{side:?}");
        assert_eq!(
            connection.transmit().len(),
            waiting,
            "{side:?} goes on after it failed"
        );
        self.observed_mut(side).failure = failure;
    }

    fn check_counters(&mut self, side: Side) {
        let connection = &mut self.end(side).connection;
        let (counters, failed) = (connection.counters(), connection.failure().is_some());
        let shown = connection.plaintext().len();
        let taken = self.end(side).plaintext.len();
        let observed = self.observed_mut(side);
        let values = |c: &Counters| {
            [
                c.received,
                c.transmitted,
                c.opened,
                c.sealed,
                c.records,
                c.key_updates,
                c.tickets,
            ]
        };
        let (before, after) = (values(&observed.counters), values(&counters));
        let grown = before
            .iter()
            .zip(&after)
            .all(|(before, after)| before <= after);
        assert!(grown, "{side:?}: {before:?} to {after:?}");
        assert_eq!(counters.sealed, observed.sent.len() as u64, "{side:?}");
        let opened = (taken + shown) as u64;
        let counted = if failed {
            opened <= counters.opened
        } else {
            opened == counters.opened
        };
        assert!(
            counted,
            "{side:?}: {opened} bytes opened, {} counted",
            counters.opened
        );
        observed.counters = counters;
    }

    /// What came out went in, in the same order.
    fn check_plaintext(&mut self, side: Side) {
        let end = self.pair.end(side);
        let shown = end.connection.plaintext();
        let (observed, sender) = match side {
            Side::Client => (&mut self.client, &self.server),
            Side::Server => (&mut self.server, &self.client),
        };
        let received = end.plaintext.len();
        let opened = received + shown.len();
        assert!(
            opened == 0 || observed.established,
            "{side:?} trusts nobody and reads"
        );
        if !self.forged {
            let fresh = sender.sent.get(observed.compared..received);
            assert_eq!(fresh, Some(&end.plaintext[observed.compared..]), "{side:?}");
            assert_eq!(sender.sent.get(received..opened), Some(&*shown), "{side:?}");
        }
        observed.compared = received;
        let rekeyed = sender.rekeyed.is_some_and(|at| opened > at);
        let closed = observed.peer_closed;
        let marks = self.watched.contains(&side);
        if opened > 0 && marks {
            self.mark(Mark::Plaintext);
        }
        if rekeyed && !self.forged && marks {
            self.mark(Mark::KeysFollowed);
        }
        if closed && !self.forged {
            self.assert_complete(side);
        }
    }

    /// After close_notify, and once nothing is left to read: `side` received what its peer sent, to the last byte.
    pub(super) fn assert_complete(&mut self, side: Side) {
        let connection = &self.end(side).connection;
        if connection.failure().is_some() || connection.interest().readable {
            return;
        }
        let received = self.pair.end(side).plaintext.len();
        let sent = self.observed(side.other()).sent.len();
        assert_eq!(received, sent, "{side:?} takes a part for the whole");
    }
}

fn marks_of(event: &Event, side: Side) -> impl Iterator<Item = Mark> {
    use Event::{Established, Failed, KeysUpdated, PeerClosed, PeerVerified};
    use Event::{TicketStored, TicketsSent};
    use PeerError::{
        Alert, Certificate, HandshakeTooLarge, PinMismatch, RecordTooLarge, Truncated,
    };

    let peer = if let Failed(Error::Peer(error)) = event {
        Some(error)
    } else {
        None
    };
    [
        (Mark::Established, matches!(event, Established { .. })),
        (
            Mark::Resumed,
            matches!(event, Established { resumed: true, .. }),
        ),
        (
            Mark::ClientVerified,
            side == Side::Server && matches!(event, PeerVerified { .. }),
        ),
        (Mark::KeysUpdated, matches!(event, KeysUpdated)),
        (
            Mark::Ticket,
            matches!(event, TicketStored | TicketsSent { .. }),
        ),
        (Mark::CloseNotify, matches!(event, PeerClosed)),
        (Mark::Failure, matches!(event, Failed(_))),
        (Mark::Timeout, matches!(event, Failed(Error::Timeout(_)))),
        (Mark::Alert, matches!(peer, Some(Alert(_)))),
        (Mark::Truncated, matches!(peer, Some(Truncated))),
        (
            Mark::CertificateRefused,
            matches!(peer, Some(Certificate(_) | PinMismatch { .. })),
        ),
        (
            Mark::TooLong,
            matches!(peer, Some(RecordTooLarge { .. } | HandshakeTooLarge { .. })),
        ),
    ]
    .into_iter()
    .filter_map(|(mark, reached)| reached.then_some(mark))
}
