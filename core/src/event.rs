//! What happened on a connection, as data.
//!
//! Events are small, need no allocation and have a stable [`code`](Event::code), which is the contract of an audit
//! trail. A caller drains them with [`Connection::poll_event`](crate::Connection::poll_event) and matches on them.

use alloc::collections::VecDeque;
use core::time::Duration;

use crate::error::Error;
use crate::trust::pin::Pin;

/// Something that a connection's owner may want to know, log or count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The handshake finished and the peer was judged; plaintext may flow.
    Established {
        /// The protocol version.
        version: Version,
        /// The cipher suite's number in the IANA registry.
        suite: u16,
        /// The key exchange group's number in the IANA registry; 0 when there was no key exchange.
        group: u16,
        /// Whether a session was resumed.
        resumed: bool,
        /// Time since the connection was made.
        elapsed: Duration,
    },
    /// The peer's certificate was verified.
    PeerVerified {
        /// The pin of its key.
        leaf: Pin,
    },
    /// The peer presented no certificate, and client authentication is optional.
    PeerWithoutCertificate,
    /// A pin matches the verified path.
    PinMatched {
        /// The position of the pin in its set; 0 is the primary.
        index: u8,
    },
    /// No pin matches, and the set only reports: with enforcement this peer would have been refused.
    PinWouldRefuse {
        /// The pin that the peer's leaf would have matched.
        presented: Pin,
    },
    /// This side sent a key update (RFC 8446, 4.6.3).
    KeysUpdated,
    /// A server handed out this many session tickets.
    TicketsSent {
        /// How many.
        count: u8,
    },
    /// A client stored a session ticket.
    TicketStored,
    /// The peer sent close_notify: what was received is complete.
    PeerClosed,
    /// The transport ended without close_notify, and the configuration allows that.
    TruncationAllowed,
    /// The connection failed; nothing more is received or sent, except an alert.
    Failed(Error),
    /// So many events were lost because nobody drained them.
    EventsDropped {
        /// How many.
        count: u32,
    },
}

/// How much an event matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The normal course.
    Info,
    /// Worth a look.
    Warning,
    /// Something was refused or failed.
    Error,
}

/// A TLS protocol version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Version {
    /// TLS 1.2 (RFC 5246). Needs the feature `tls12`, and is off unless a configuration asks for it.
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

impl Event {
    /// The stable code of this event. A failure has the code of its error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Established { .. } => "established",
            Self::PeerVerified { .. } => "peer-verified",
            Self::PeerWithoutCertificate => "peer-without-certificate",
            Self::PinMatched { .. } => "pin-matched",
            Self::PinWouldRefuse { .. } => "pin-would-refuse",
            Self::KeysUpdated => "keys-updated",
            Self::TicketsSent { .. } => "tickets-sent",
            Self::TicketStored => "ticket-stored",
            Self::PeerClosed => "peer-closed",
            Self::TruncationAllowed => "truncation-allowed",
            Self::Failed(error) => error.code(),
            Self::EventsDropped { .. } => "events-dropped",
        }
    }

    /// How much it matters.
    pub const fn severity(&self) -> Severity {
        match self {
            Self::Failed(_) => Severity::Error,
            Self::PinWouldRefuse { .. }
            | Self::PeerWithoutCertificate
            | Self::TruncationAllowed
            | Self::EventsDropped { .. } => Severity::Warning,
            Self::PinMatched { index } if *index > 0 => Severity::Warning,
            Self::Established { .. }
            | Self::PeerVerified { .. }
            | Self::PinMatched { .. }
            | Self::KeysUpdated
            | Self::TicketsSent { .. }
            | Self::TicketStored
            | Self::PeerClosed => Severity::Info,
        }
    }
}

impl Version {
    /// The name that people know: `TLS 1.3`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tls12 => "TLS 1.2",
            Self::Tls13 => "TLS 1.3",
        }
    }
}

/// What a connection has done so far. All sizes are in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Bytes received from the transport.
    pub received: u64,
    /// Bytes handed to the transport.
    pub transmitted: u64,
    /// Bytes of plaintext opened.
    pub opened: u64,
    /// Bytes of plaintext sealed.
    pub sealed: u64,
    /// Records received whole.
    pub records: u64,
    /// Key updates that this side asked for.
    pub key_updates: u64,
    /// Session tickets handed out (server) or stored (client).
    pub tickets: u64,
    /// Events lost because nobody drained them.
    pub events_dropped: u64,
}

/// The bound of the event queue.
const EVENTS: usize = 16;

/// Events not yet drained: bounded, and without memory when empty.
#[derive(Debug, Default)]
pub(crate) struct Events {
    queue: VecDeque<Event>,
    dropped: u32,
}

impl Events {
    pub(crate) fn push(&mut self, event: Event) {
        // A failure comes once and last: it is never the event that is lost.
        if self.queue.len() < EVENTS || matches!(event, Event::Failed(_)) {
            self.queue.push_back(event);
        } else {
            self.dropped = self.dropped.saturating_add(1);
        }
    }

    pub(crate) fn pop(&mut self) -> Option<Event> {
        let event = self.queue.pop_front();
        if event.is_some() {
            return event;
        }
        self.queue = VecDeque::new();
        match core::mem::take(&mut self.dropped) {
            0 => None,
            count => Some(Event::EventsDropped { count }),
        }
    }

    /// Events lost and not yet reported.
    pub(crate) fn dropped(&self) -> u32 {
        self.dropped
    }
}
