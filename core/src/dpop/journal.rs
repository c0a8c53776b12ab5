//! What happened, as data: events for an audit trail, counters and latencies.

use alloc::collections::VecDeque;
use core::time::Duration;

use rustls_pki_types::UnixTime;

use super::jwk::Thumbprint;
use super::refusal::Refusal;
use super::verdict::{Accepted, Refused};
use crate::event::Severity;
use crate::time::Now;

/// An event, with when it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// The wall clock at the verdict.
    pub at: UnixTime,
    /// From the beginning of the judgement to the verdict, the answer of the replay store included; zero for what is
    /// no verdict.
    pub latency: Duration,
    /// What happened.
    pub event: Event,
}

/// Something that an operator or an auditor wants to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A request was accepted.
    Accepted(Accepted),
    /// A request was refused; with `use_dpop_nonce` it is a nonce challenge, and the client tries once more.
    Refused(Refused),
    /// The secret of the nonces was rotated.
    NonceSecretRotated {
        /// The key id of the new one.
        kid: u8,
    },
    /// The current signing key was rotated.
    KeyRotated {
        /// The key for sessions that begin from now on.
        new: Thumbprint,
        /// The key before, which goes on serving its sessions.
        old: Thumbprint,
    },
    /// A signing key was retired: nobody uses it any more, and its secret is wiped.
    KeyRetired {
        /// The key.
        old: Thumbprint,
    },
    /// So many events were lost because nobody drained them.
    EventsDropped {
        /// How many.
        count: u32,
    },
}

impl Event {
    /// The stable code. A refusal has the code of its rule.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Accepted(_) => "dpop-accepted",
            Self::Refused(refused) => refused.code(),
            Self::NonceSecretRotated { .. } => "dpop-nonce-secret-rotated",
            Self::KeyRotated { .. } => "dpop-key-rotated",
            Self::KeyRetired { .. } => "dpop-key-retired",
            Self::EventsDropped { .. } => "events-dropped",
        }
    }

    /// How much it matters.
    pub const fn severity(&self) -> Severity {
        match self {
            Self::Refused(refused) if refused.refusal().is_nonce_challenge() => Severity::Info,
            Self::Refused(_) => Severity::Error,
            Self::EventsDropped { .. } => Severity::Warning,
            Self::Accepted(_)
            | Self::NonceSecretRotated { .. }
            | Self::KeyRotated { .. }
            | Self::KeyRetired { .. } => Severity::Info,
        }
    }
}

/// What has been judged so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Requests accepted.
    pub accepted: u64,
    /// Requests refused, nonce challenges and what follows included.
    pub refused: u64,
    /// Of these: told to come back with a nonce.
    pub nonce_challenges: u64,
    /// Of these: replays.
    pub replays: u64,
    /// Of these: neither right nor wrong, because the replay store could not tell (429 and 503).
    pub unavailable: u64,
    /// Secrets of nonces and signing keys rotated.
    pub rotations: u64,
    /// Events lost because nobody drained them.
    pub events_dropped: u64,
    /// How long verdicts took.
    pub latency: Latency,
}

/// Durations, counted in powers of two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Latency {
    buckets: [u64; Self::BUCKETS],
    sum: Duration,
    max: Duration,
}

impl Latency {
    /// How many buckets there are. Bucket 0 counts what took less than a microsecond, bucket n less than 2^n
    /// microseconds, and the last one everything else.
    pub const BUCKETS: usize = 24;

    /// The counts.
    pub const fn buckets(&self) -> &[u64; Self::BUCKETS] {
        &self.buckets
    }

    /// All durations together.
    pub const fn sum(&self) -> Duration {
        self.sum
    }

    /// The longest one.
    pub const fn max(&self) -> Duration {
        self.max
    }

    fn add(&mut self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        let bucket = (u64::BITS - micros.leading_zeros()) as usize;
        if let Some(count) = self.buckets.get_mut(bucket.min(Self::BUCKETS - 1)) {
            *count += 1;
        }
        self.sum = self.sum.saturating_add(latency);
        self.max = self.max.max(latency);
    }
}

/// The bounded queue of events, and the counters.
#[derive(Debug)]
pub struct Journal {
    events: VecDeque<Record>,
    capacity: usize,
    dropped: u32,
    counters: Counters,
}

impl Journal {
    /// A journal that keeps up to `capacity` events until they are drained, about 128 bytes each, allocated here.
    pub fn new(capacity: usize) -> Self {
        Self {
            events: VecDeque::with_capacity(capacity),
            capacity,
            dropped: 0,
            counters: Counters::default(),
        }
    }

    /// The oldest event that was not drained.
    pub fn poll_event(&mut self, now: Now) -> Option<Record> {
        let oldest = self.events.pop_front();
        if oldest.is_some() || self.dropped == 0 {
            return oldest;
        }
        let count = core::mem::take(&mut self.dropped);
        Some(Record {
            at: now.unix,
            latency: Duration::ZERO,
            event: Event::EventsDropped { count },
        })
    }

    /// What has been counted.
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// Records what is no verdict: the rotation of a nonce secret or of a key.
    pub fn record(&mut self, event: Event, now: Now) {
        if matches!(
            event,
            Event::NonceSecretRotated { .. } | Event::KeyRotated { .. }
        ) {
            self.counters.rotations += 1;
        }
        self.push(event, Duration::ZERO, now);
    }

    pub(super) fn verdict(
        &mut self,
        verdict: &Result<Accepted, Refused>,
        latency: Duration,
        now: Now,
    ) {
        let counters = &mut self.counters;
        counters.latency.add(latency);
        let event = match verdict {
            Ok(accepted) => {
                counters.accepted += 1;
                Event::Accepted(*accepted)
            }
            Err(refused) => {
                let refusal = refused.refusal();
                counters.refused += 1;
                counters.nonce_challenges += u64::from(refusal.is_nonce_challenge());
                counters.replays += u64::from(*refusal == Refusal::Replayed);
                counters.unavailable += u64::from(refusal.retry_after().is_some());
                Event::Refused(*refused)
            }
        };
        self.push(event, latency, now);
    }

    fn push(&mut self, event: Event, latency: Duration, now: Now) {
        if self.events.len() < self.capacity {
            self.events.push_back(Record {
                at: now.unix,
                latency,
                event,
            });
        } else {
            self.dropped = self.dropped.saturating_add(1);
            self.counters.events_dropped += 1;
        }
    }
}
