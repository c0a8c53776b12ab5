//! Penalties: offences add points to a score that fades, and the score climbs a ladder: warn, slow, deny, disconnect.
//!
//! One point fades every [`fade`](Ladder::fade). Who reaches [`deny`](Ladder::deny) is banned; each further ban lasts
//! twice as long, up to [`longest`](Ladder::longest), until [`forget`](Ladder::forget) has passed without one. The
//! thresholds stay the same for those who were banned before, and a ban that is over leaves no points behind.
//! Offences during a ban climb to [`disconnect`](Ladder::disconnect).
//!
//! Points are booked on whoever [is responsible](Principal::responsible): the authenticated principal, and the address
//! only of those who did not authenticate. To ask for a file that does not exist is no offence.
//!
//! # When the table is full
//!
//! A principal has eight places, and the first who finds none comes when more than half of the table is taken: give it
//! twice the entries that are expected. A ban is never displaced by anything; another entry only by an offence that
//! weighs more than its whole score. An offence that finds no place is answered with [`Standing::Disconnect`] and not
//! remembered: the offender pays with its connection each time, and nobody who did nothing is refused on its account.
//! A score that all newcomers shared would let a few offenders lock all others out.
//!
//! ```
//! use core::time::Duration;
//! use ravelin_core::limit::Principal;
//! use ravelin_core::limit::penalty::{Ladder, Offence, Penalties, Standing};
//! use ravelin_core::pki_types::UnixTime;
//! use ravelin_core::{Instant, Now};
//!
//! let mut penalties = Penalties::new([7; 16], 4096, Ladder::default())?;
//! let now = Now::new(Instant::from_micros(0), UnixTime::since_unix_epoch(Duration::ZERO));
//! let mallory = Principal::name("mallory");
//!
//! assert_eq!(penalties.record(mallory, Offence::NotFound, now).standing, Standing::Clear);
//! assert_eq!(penalties.record(mallory, Offence::Traversal, now).standing, Standing::Warn { score: 10 });
//! let _ = penalties.record(mallory, Offence::Traversal, now);
//! let third = penalties.record(mallory, Offence::LinkEscape, now);
//! let remaining = Duration::from_secs(600);
//! assert_eq!(third.standing, Standing::Deny { remaining });
//! assert_eq!(third.event.map(|event| event.code()), Some("banned"));
//! assert_eq!(penalties.judge(&mallory, now), Standing::Deny { remaining });
//! # Ok::<(), ravelin_core::limit::SettingsError>(())
//! ```

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use siphasher::sip::SipHasher13;

use super::{Event, Latest, Principal, Refusal, SettingsError, place};
use crate::time::{Instant, Now};
use entry::{Entry, Rules};

mod entry;
mod settings;
mod snapshot;

pub use settings::{Ladder, MAX_SCORE, Offence, Weights};
pub use snapshot::{Restored, SnapshotError};

/// The most entries of one table: 40 MiB.
pub const MAX_SLOTS: u32 = 1 << 20;

/// The most principals on the allow-list.
pub const MAX_ALLOWED: usize = 4096;

/// The scores and bans of many principals.
pub struct Penalties {
    sets: Box<[Set]>,
    rules: Rules,
    weights: Weights,
    /// Sorted.
    allowed: Vec<Principal>,
    hasher: SipHasher13,
    latest: Latest,
    counters: Counters,
    /// The position from which [`expire`](Self::expire) goes on.
    cursor: usize,
}

impl Penalties {
    /// A table of `slots` entries, rounded up to a multiple of 4.
    ///
    /// `seed` is 16 random bytes that clients do not know. It may change from start to start.
    ///
    /// # Errors
    ///
    /// [`SettingsError::Capacity`] beyond [`MAX_SLOTS`], and what is wrong with the ladder.
    pub fn new(seed: [u8; 16], slots: u32, ladder: Ladder) -> Result<Self, SettingsError> {
        if !(1..=MAX_SLOTS).contains(&slots) {
            return Err(SettingsError::Capacity { limit: MAX_SLOTS });
        }
        Ok(Self {
            rules: Rules::new(&ladder)?,
            sets: vec![Set::default(); sets(slots)].into(),
            weights: Weights::default(),
            allowed: Vec::new(),
            hasher: SipHasher13::new_with_key(&seed),
            latest: Latest::default(),
            counters: Counters::default(),
            cursor: 0,
        })
    }

    /// Other weights than the default ones.
    #[must_use]
    pub fn weights(mut self, weights: Weights) -> Self {
        self.weights = weights;
        self
    }

    /// Puts a principal on the allow-list: it gets no points and is never banned, not even by hand.
    ///
    /// # Errors
    ///
    /// [`SettingsError::Capacity`] beyond [`MAX_ALLOWED`].
    pub fn allow(mut self, principal: Principal) -> Result<Self, SettingsError> {
        if let Err(position) = self.allowed.binary_search(&principal) {
            if self.allowed.len() == MAX_ALLOWED {
                return Err(SettingsError::Capacity {
                    limit: MAX_ALLOWED as u32,
                });
            }
            self.allowed.insert(position, principal);
        }
        Ok(self)
    }

    /// The bytes that a table of `slots` entries takes, all of them when it is made; the allow-list comes on top.
    pub const fn bytes(slots: u32) -> usize {
        size_of::<Self>() + sets(slots) * size_of::<Set>()
    }

    /// How `principal` stands. Changes nothing.
    pub fn judge(&self, principal: &Principal, now: Now) -> Standing {
        let now = self.latest.peek(now);
        if self.is_allowed(principal) {
            return Standing::Clear;
        }
        self.find(principal)
            .and_then(|(set, way)| self.sets.get(set)?.0.get(way))
            .map_or(Standing::Clear, |entry| {
                entry.settled(now, &self.rules).standing(now, &self.rules)
            })
    }

    /// Books an offence, and says how its author stands after it.
    pub fn record(&mut self, principal: Principal, offence: Offence, now: Now) -> Outcome {
        let weight = self.weights.of(offence);
        let instant = self.latest.advance(now);
        if weight == 0 || self.is_allowed(&principal) {
            let standing = self.judge(&principal, now);
            return Outcome {
                standing,
                event: None,
                unbanned: None,
            };
        }
        bump(&mut self.counters.offences);
        let rules = self.rules;
        let Some((entry, unbanned)) = self.claim(principal, weight, instant) else {
            bump(&mut self.counters.unremembered);
            return Outcome {
                standing: Standing::Disconnect {
                    remaining: Duration::ZERO,
                },
                event: Some(Event::PenaltyTableFull { principal }),
                unbanned: None,
            };
        };
        let before = entry.standing(instant, &rules);
        entry.add(weight, instant, &rules);
        let standing = entry.standing(instant, &rules);
        let event = standing.climbed(before, principal);
        if !before.is_refused() && standing.is_refused() {
            bump(&mut self.counters.bans);
        }
        Outcome {
            standing,
            event,
            unbanned,
        }
    }

    /// Bans a principal for `time` from now, or for ever with [`Duration::MAX`]. A ban that lasts longer stays as it
    /// is. The next ban for offences is not made longer by it.
    ///
    /// # Errors
    ///
    /// [`Refusal::NeverBanned`] for one on the allow-list, [`Refusal::PenaltyTableFull`] when all its places are bans.
    pub fn ban(
        &mut self,
        principal: Principal,
        time: Duration,
        now: Now,
    ) -> Result<Event, Refusal> {
        if self.is_allowed(&principal) {
            return Err(Refusal::NeverBanned);
        }
        let now = self.latest.advance(now);
        let (entry, _) = self
            .claim(principal, u32::MAX, now)
            .ok_or(Refusal::PenaltyTableFull)?;
        let remaining = entry.ban(time, now);
        bump(&mut self.counters.bans);
        Ok(Event::Banned {
            principal,
            remaining,
            is_manual: true,
        })
    }

    /// Lifts a ban and clears the record of a principal. None when it was not banned; its record is clear all the
    /// same.
    pub fn unban(&mut self, principal: &Principal, now: Now) -> Option<Event> {
        let now = self.latest.advance(now);
        let rules = self.rules;
        let (set, way) = self.find(principal)?;
        let entry = self.sets.get_mut(set)?.0.get_mut(way)?;
        let ended = entry.ended(now, &rules);
        let was_banned = entry.is_banned();
        *entry = Entry::default();
        let lifted = Event::Unbanned {
            principal: *principal,
            is_manual: true,
        };
        ended.or_else(|| was_banned.then_some(lifted))
    }

    /// One ban that is over and was not reported yet. Call it now and then, until it gives none.
    ///
    /// Bans end without it; it only tells, and frees entries. A ban by hand of somebody whose last ban is over and was
    /// not reported takes its place unreported.
    pub fn expire(&mut self, now: Now) -> Option<Event> {
        let now = self.latest.advance(now);
        let rules = self.rules;
        while let Some(set) = self.sets.get_mut(self.cursor) {
            for entry in &mut set.0 {
                if let Some(ended) = entry.ended(now, &rules) {
                    return Some(ended);
                }
                *entry = entry.settled(now, &rules).freed(now);
            }
            self.cursor += 1;
        }
        self.cursor = 0;
        None
    }

    /// Who is banned, and for how long. Looks at every entry.
    pub fn bans(&self, now: Now) -> impl Iterator<Item = (Principal, Duration)> + '_ {
        let now = self.latest.peek(now);
        self.entries().filter_map(move |entry| {
            let entry = entry.settled(now, &self.rules);
            let principal = entry.principal().filter(|_| entry.is_banned())?;
            Some((principal, entry.remaining(now)))
        })
    }

    /// What it has done so far.
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    fn is_allowed(&self, principal: &Principal) -> bool {
        self.allowed.binary_search(principal).is_ok()
    }

    fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.sets.iter().flat_map(|set| &set.0)
    }

    /// The two sets that may hold a principal. Two choices let the table fill evenly before anyone finds no place.
    fn places(&self, principal: &Principal) -> [usize; 2] {
        let hash = principal.hash(&self.hasher, 0);
        let len = self.sets.len();
        [place(hash, len), place(hash << 32, len)]
    }

    fn find(&self, principal: &Principal) -> Option<(usize, usize)> {
        self.places(principal).into_iter().find_map(|set| {
            let way = self
                .sets
                .get(set)?
                .0
                .iter()
                .position(|entry| entry.is_of(principal))?;
            Some((set, way))
        })
    }

    /// The entry of a principal, settled, and the end of its last ban if that was not reported yet; or a new entry in
    /// the place of the least, if that is not banned and has a score below `weight`, and the same of that one.
    fn claim(
        &mut self,
        principal: Principal,
        weight: u32,
        now: Instant,
    ) -> Option<(&mut Entry, Option<Event>)> {
        let rules = self.rules;
        let (set, way) = self.find(&principal).or_else(|| {
            let places = self.places(&principal).into_iter().flat_map(|set| {
                let entries = self.sets.get(set).map(|set| &set.0);
                let ways = entries.into_iter().flatten().enumerate();
                ways.map(move |(way, entry)| (set, way, entry.settled(now, &rules)))
            });
            places
                .filter(|(.., entry)| !entry.is_banned() && entry.score(now, &rules) < weight)
                // The way decides between equals, so the emptier set is filled first.
                .min_by_key(|(_, way, entry)| (entry.rank(now, &rules), *way))
                .map(|(set, way, _)| (set, way))
        })?;
        let entry = self.sets.get_mut(set)?.0.get_mut(way)?;
        let ended = entry.ended(now, &rules);
        *entry = entry.settled(now, &rules);
        if !entry.is_of(&principal) {
            *entry = Entry::new(principal);
        }
        Some((entry, ended))
    }
}

/// Without the seed, and without the thousands of entries.
impl fmt::Debug for Penalties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Penalties")
            .field("slots", &(self.sets.len() * WAYS))
            .field("rules", &self.rules)
            .field("weights", &self.weights)
            .field("allowed", &self.allowed)
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}

/// How a principal stands: the rung of the ladder that it is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a principal that is banned must not be served"]
pub enum Standing {
    /// Below the first rung.
    Clear,
    /// Served, and watched.
    Warn {
        /// Its score, in points.
        score: u32,
    },
    /// Served after a delay.
    Slow {
        /// How long to wait before each answer.
        delay: Duration,
    },
    /// Banned: refused.
    Deny {
        /// For how long; [`Duration::MAX`] for ever.
        remaining: Duration,
    },
    /// Banned: refused, and the connection has to be closed.
    Disconnect {
        /// For how long it stays banned; [`Duration::MAX`] for ever, zero when there is no place to remember it.
        remaining: Duration,
    },
}

impl Standing {
    /// Whether requests have to be refused.
    pub const fn is_refused(&self) -> bool {
        matches!(self, Self::Deny { .. } | Self::Disconnect { .. })
    }

    /// Why requests have to be refused.
    pub const fn refusal(&self) -> Option<Refusal> {
        match *self {
            Self::Clear | Self::Warn { .. } | Self::Slow { .. } => None,
            Self::Deny { remaining } => Some(Refusal::Banned { remaining }),
            Self::Disconnect { remaining } => Some(Refusal::Disconnected { remaining }),
        }
    }

    /// The event of having climbed here from `before`; none on the same rung, so a flood of offences is no flood of
    /// events.
    fn climbed(self, before: Self, principal: Principal) -> Option<Event> {
        if self.rung() <= before.rung() {
            return None;
        }
        Some(match self {
            Self::Clear => return None,
            Self::Warn { score } => Event::Warned { principal, score },
            Self::Slow { delay } => Event::Slowed { principal, delay },
            Self::Deny { remaining } => Event::Banned {
                principal,
                remaining,
                is_manual: false,
            },
            Self::Disconnect { remaining } => Event::Disconnected {
                principal,
                remaining,
            },
        })
    }

    const fn rung(self) -> u8 {
        match self {
            Self::Clear => 0,
            Self::Warn { .. } => 1,
            Self::Slow { .. } => 2,
            Self::Deny { .. } => 3,
            Self::Disconnect { .. } => 4,
        }
    }
}

/// What an offence led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the standing says what to do with the offender"]
pub struct Outcome {
    /// How its author stands now.
    pub standing: Standing,
    /// What an audit trail wants to know, when a rung was climbed.
    pub event: Option<Event>,
    /// The end of a ban, of this principal or of the one whose entry it takes, that was not reported before.
    pub unbanned: Option<Event>,
}

/// What a table has done so far. A counter stays at its maximum when it gets there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Offences that weighed something.
    pub offences: u64,
    /// Bans, for offences and by hand.
    pub bans: u64,
    /// Offences that found the table full.
    pub unremembered: u64,
}

fn bump(counter: &mut u64) {
    *counter = counter.saturating_add(1);
}

/// The places in one set; a principal has two sets.
const WAYS: usize = 4;

#[derive(Clone, Copy, Debug, Default)]
struct Set([Entry; WAYS]);

const fn sets(slots: u32) -> usize {
    (slots as usize).div_ceil(WAYS)
}

#[cfg(test)]
mod tests;
