//! Rates: a quota for each principal and class, in a table of fixed size (GCRA, the generic cell rate algorithm).
//!
//! An entry is one number, the theoretical arrival time: when its bucket will be full again. An entry whose time has
//! come says no more than no entry at all, so it is the place for the next newcomer. An entry whose time has not come
//! is never displaced: when the four places of a newcomer are all taken, it draws on a bucket that such newcomers of
//! its class share. So a flood of new sources takes nothing from a principal that has an entry, and the others
//! together still get the rate of that bucket.
//!
//! A principal that pauses until its bucket is full loses its entry to the first newcomer.
//! [`keep`](Rates::keep) lets it keep it longer. A flood of addresses never touches another table, so give
//! authenticated principals one of their own.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::num::NonZeroU64;
use core::time::Duration;

use siphasher::sip::SipHasher13;

use super::settings::LONGEST;
use super::{Class, Event, Latest, MAX_CLASSES, Principal, Refusal, SettingsError, place};
use crate::time::{Instant, Now};

/// The most entries of one table: 256 MiB.
pub const MAX_SLOTS: u32 = 1 << 24;

/// The rates of many principals.
///
/// See [`limit`](super) for an example.
pub struct Rates {
    sets: Box<[Set]>,
    classes: Box<[Bucket]>,
    hasher: SipHasher13,
    /// How long a refilled entry stays, in nanoseconds.
    keep: u64,
    latest: Latest,
    counters: Counters,
}

impl Rates {
    /// A table of `slots` entries, rounded up to a multiple of 4, with the quotas of the classes 0, 1, 2 and so on.
    ///
    /// Of principals that all hold state, one in 25 finds its four places taken when there are twice as many slots, and
    /// one in 200 when there are four times as many.
    ///
    /// `seed` is 16 random bytes that clients do not know: who does can fill the places of a chosen victim.
    ///
    /// # Errors
    ///
    /// [`SettingsError::Capacity`] beyond [`MAX_SLOTS`], [`SettingsError::Classes`] for none or too many, and
    /// [`SettingsError::OverflowTooSmall`].
    pub fn new(seed: [u8; 16], slots: u32, classes: &[Quotas]) -> Result<Self, SettingsError> {
        if !(1..=MAX_SLOTS).contains(&slots) {
            return Err(SettingsError::Capacity { limit: MAX_SLOTS });
        }
        if !(1..=MAX_CLASSES).contains(&classes.len()) {
            return Err(SettingsError::Classes);
        }
        if classes.iter().any(|it| it.overflow.burst < it.each.burst) {
            return Err(SettingsError::OverflowTooSmall);
        }
        let buckets: Vec<_> = classes
            .iter()
            .map(|&quotas| Bucket { quotas, arrival: 0 })
            .collect();
        Ok(Self {
            sets: vec![Set::default(); sets(slots)].into(),
            classes: buckets.into(),
            hasher: SipHasher13::new_with_key(&seed),
            keep: 0,
            latest: Latest::default(),
            counters: Counters::default(),
        })
    }

    /// Lets a principal keep its entry for `time` after its bucket is full again; no time by default.
    ///
    /// It keeps those who pause safe from a flood, and lets a slower flood fill the table: each of its sources then
    /// holds an entry for as long.
    #[must_use]
    pub fn keep(mut self, time: Duration) -> Self {
        self.keep = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self
    }

    /// The bytes that a table of `slots` entries and `classes` classes takes, all of them when it is made.
    pub const fn bytes(slots: u32, classes: usize) -> usize {
        size_of::<Self>() + sets(slots) * size_of::<Set>() + classes * size_of::<Bucket>()
    }

    /// The key of a principal in this table. Make it once for a connection: it is most of the work of a check.
    pub fn key(&self, principal: &Principal) -> Key {
        Key(principal.hash(&self.hasher, 0))
    }

    /// Takes `cost` units of the quota of `principal` for `class`, or none of them.
    ///
    /// A cost of 0 takes nothing and tells what remains.
    pub fn check(&mut self, principal: &Principal, class: Class, cost: u32, now: Now) -> Verdict {
        self.check_key(self.key(principal), class, cost, now)
    }

    /// [`check`](Self::check) of the principal whose [`key`](Self::key) in this table is `key`.
    pub fn check_key(&mut self, key: Key, class: Class, cost: u32, now: Now) -> Verdict {
        let verdict = self.judge(key, class, cost, now);
        self.counters.count(&verdict);
        verdict
    }

    /// What it has done so far.
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// How many entries hold state: their bucket is not full yet. Looks at every entry.
    pub fn live(&self, now: Now) -> usize {
        let now = nanos(self.latest.peek(now));
        let arrivals = self.sets.iter().flat_map(|set| &set.arrivals);
        arrivals.filter(|arrival| **arrival > now).count()
    }

    fn judge(&mut self, key: Key, class: Class, cost: u32, now: Now) -> Verdict {
        let now = nanos(self.latest.advance(now));
        let Some(shared) = self.classes.get_mut(class.position()) else {
            return Verdict::UnknownClass(class);
        };
        let quota = shared.quotas.each;
        if cost > quota.burst {
            return Verdict::TooCostly { burst: quota.burst };
        }
        let tag = key.of_class(class);
        let len = self.sets.len();
        let arrival = self
            .sets
            .get_mut(place(tag, len))
            .and_then(|set| set.find(tag, cost, now, self.keep));
        match arrival {
            Some(Arrival::Of(arrival)) => quota.take(arrival, cost, now).verdict(false),
            Some(Arrival::Nobody) => Verdict::Allowed {
                remaining: quota.burst,
                is_shared: false,
            },
            None => shared
                .quotas
                .overflow
                .take(&mut shared.arrival, cost, now)
                .verdict(true),
        }
    }
}

/// Without the seed, and without the thousands of entries.
impl fmt::Debug for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rates")
            .field("slots", &(self.sets.len() * WAYS))
            .field("classes", &self.classes)
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}

/// The keyed hash of a principal. The key of another table is that of somebody else.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Key(u64);

impl Key {
    /// Spreads the classes of a principal over the table. No two of them are equal, for the factor is odd.
    fn of_class(self, Class(class): Class) -> u64 {
        self.0 ^ u64::from(class).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

/// Without its value: nobody shall learn which principals meet in a set.
impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// The answer to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a request that is not allowed must not be served"]
pub enum Verdict {
    /// The request fits, and its cost has been taken.
    Allowed {
        /// Units that could be taken at once now.
        remaining: u32,
        /// Whether they are in the bucket that newcomers share.
        is_shared: bool,
    },
    /// The request does not fit now; nothing was taken.
    Limited {
        /// After this time it fits, if nothing else is taken meanwhile.
        retry_after: Duration,
        /// Whether the bucket is the one that newcomers share.
        is_shared: bool,
    },
    /// The request costs more than a full bucket holds.
    TooCostly {
        /// What a full bucket holds, in units.
        burst: u32,
    },
    /// The settings have no quota for this class.
    UnknownClass(Class),
}

impl Verdict {
    /// Whether the request may be served.
    pub const fn is_allowed(&self) -> bool {
        matches!(self, Self::Allowed { .. })
    }

    /// Why it may not be served.
    pub const fn refusal(&self) -> Option<Refusal> {
        Some(match *self {
            Self::Allowed { .. } => return None,
            Self::Limited {
                retry_after,
                is_shared: false,
            } => Refusal::RateLimited { retry_after },
            Self::Limited {
                retry_after,
                is_shared: true,
            } => Refusal::OverflowLimited { retry_after },
            Self::TooCostly { burst } => Refusal::TooCostly { burst },
            Self::UnknownClass(class) => Refusal::UnknownClass(class),
        })
    }

    /// What an audit trail wants to know of it, for the request that it answers.
    pub const fn event(&self, principal: Principal, class: Class) -> Option<Event> {
        let (retry_after, is_shared) = match *self {
            Self::Allowed {
                is_shared: false, ..
            } => return None,
            Self::Allowed {
                is_shared: true, ..
            } => {
                return Some(Event::OverflowUsed { principal, class });
            }
            Self::Limited {
                retry_after,
                is_shared,
            } => (Some(retry_after), is_shared),
            Self::TooCostly { .. } | Self::UnknownClass(_) => (None, false),
        };
        Some(Event::RateLimited {
            principal,
            class,
            retry_after,
            is_shared,
        })
    }
}

/// So many units in a period, and so many at once.
///
/// ```
/// use core::time::Duration;
/// use ravelin_core::limit::rate::Quota;
///
/// // 600 calls a minute, which is one every 100 ms, and 20 at once after a pause of 2 s.
/// let quota = Quota::new(600, Duration::from_secs(60), 20)?;
/// assert_eq!(quota.interval(), Duration::from_millis(100));
/// assert_eq!(quota.refill(), Duration::from_secs(2));
/// # Ok::<(), ravelin_core::limit::SettingsError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Nanoseconds for one unit.
    interval: NonZeroU64,
    /// Nanoseconds for all of them.
    window: u64,
    /// Units that a full bucket holds.
    burst: u32,
}

impl Quota {
    /// `rate` units in each `period`, and a bucket that holds `burst` units.
    ///
    /// The time for one unit is rounded up to a whole nanosecond: a quota is never exceeded.
    ///
    /// # Errors
    ///
    /// [`SettingsError::QuotaZero`] for a zero, [`SettingsError::QuotaTooFast`] beyond a unit a nanosecond,
    /// [`SettingsError::QuotaTooSlow`] when a bucket takes more than 100 years to fill.
    pub fn new(rate: u32, period: Duration, burst: u32) -> Result<Self, SettingsError> {
        if rate == 0 || burst == 0 || period.is_zero() {
            return Err(SettingsError::QuotaZero);
        }
        if u128::from(rate) > period.as_nanos() {
            return Err(SettingsError::QuotaTooFast);
        }
        let interval = period.as_nanos().div_ceil(u128::from(rate));
        let window = interval
            .checked_mul(u128::from(burst))
            .ok_or(SettingsError::QuotaTooSlow)?;
        // 100 years in nanoseconds fit 64 bits, and so does one unit's part of them.
        if window > u128::from(LONGEST) * 1000 {
            return Err(SettingsError::QuotaTooSlow);
        }
        let interval = NonZeroU64::new(interval as u64).ok_or(SettingsError::QuotaZero)?;
        Ok(Self {
            interval,
            window: window as u64,
            burst,
        })
    }

    /// The time in which one unit comes back.
    pub const fn interval(&self) -> Duration {
        Duration::from_nanos(self.interval.get())
    }

    /// The time in which an empty bucket fills.
    pub const fn refill(&self) -> Duration {
        Duration::from_nanos(self.window)
    }

    /// The units that a full bucket holds.
    pub const fn burst(&self) -> u32 {
        self.burst
    }

    /// GCRA: a request moves the arrival time by its cost, and fits when that is no more than a full bucket ahead.
    fn take(&self, arrival: &mut u64, cost: u32, now: u64) -> Taken {
        // `cost` may exceed the burst of another quota, never so far that the product does: see `new`.
        let need = u64::from(cost).saturating_mul(self.interval.get());
        let Some(next) = now.max(*arrival).checked_add(need) else {
            return Taken::Wait(u64::MAX); // The end of the clock: nothing comes back any more.
        };
        let ahead = next - now;
        match self.window.checked_sub(ahead) {
            Some(room) => {
                *arrival = next;
                Taken::Room((room / self.interval) as u32) // At most the burst.
            }
            None => Taken::Wait(ahead - self.window),
        }
    }
}

enum Taken {
    /// Units left.
    Room(u32),
    /// Nanoseconds until the request fits.
    Wait(u64),
}

impl Taken {
    fn verdict(self, is_shared: bool) -> Verdict {
        match self {
            Self::Room(remaining) => Verdict::Allowed {
                remaining,
                is_shared,
            },
            Self::Wait(nanos) => {
                // Rounded up to what the clock can tell, so that it is never too early.
                let retry_after = Duration::from_micros(nanos.div_ceil(1000));
                Verdict::Limited {
                    retry_after,
                    is_shared,
                }
            }
        }
    }
}

/// The quotas of one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// Of each principal.
    pub each: Quota,
    /// Of all newcomers together that find the table full. Its burst is at least that of `each`.
    pub overflow: Quota,
}

/// All newcomers that find the table full get together what each principal gets.
impl From<Quota> for Quotas {
    fn from(quota: Quota) -> Self {
        Self {
            each: quota,
            overflow: quota,
        }
    }
}

/// What a table has done so far. A counter stays at its maximum when it gets there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Requests that fitted.
    pub allowed: u64,
    /// Requests that did not.
    pub limited: u64,
    /// Requests of either kind that were judged by the bucket that newcomers share.
    pub shared: u64,
    /// Requests that can never fit: too costly, or of an unknown class.
    pub refused: u64,
}

impl Counters {
    fn count(&mut self, verdict: &Verdict) {
        let (counter, is_shared) = match *verdict {
            Verdict::Allowed { is_shared, .. } => (&mut self.allowed, is_shared),
            Verdict::Limited { is_shared, .. } => (&mut self.limited, is_shared),
            Verdict::TooCostly { .. } | Verdict::UnknownClass(_) => (&mut self.refused, false),
        };
        *counter = counter.saturating_add(1);
        self.shared = self.shared.saturating_add(u64::from(is_shared));
    }
}

/// The bucket that newcomers of one class share.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    quotas: Quotas,
    arrival: u64,
}

/// The places that a principal may take.
const WAYS: usize = 4;

/// Four entries in one cache line: a check costs one miss.
#[derive(Clone, Copy, Debug, Default)]
#[repr(align(64))]
struct Set {
    /// Keyed hashes of principal and class: two share an entry once in 2^64 pairs, and nobody can aim at it.
    tags: [u64; WAYS],
    /// Theoretical arrival times in nanoseconds; 0 in an entry that was never taken.
    arrivals: [u64; WAYS],
}

enum Arrival<'a> {
    Of(&'a mut u64),
    /// There is a place, but nothing to write.
    Nobody,
}

impl Set {
    /// The entry of `tag`, or else the one that has been full the longest. None when all hold state.
    fn find(&mut self, tag: u64, cost: u32, now: u64, keep: u64) -> Option<Arrival<'_>> {
        if let Some(way) = self.tags.iter().position(|known| *known == tag) {
            return self.arrivals.get_mut(way).map(Arrival::Of);
        }
        let (known, arrival) = self
            .tags
            .iter_mut()
            .zip(&mut self.arrivals)
            .min_by_key(|(_, arrival)| **arrival)?;
        if *arrival != 0 && arrival.saturating_add(keep) > now {
            return None;
        }
        if cost == 0 {
            return Some(Arrival::Nobody);
        }
        *known = tag;
        Some(Arrival::Of(arrival))
    }
}

const fn sets(slots: u32) -> usize {
    (slots as usize).div_ceil(WAYS)
}

fn nanos(instant: Instant) -> u64 {
    instant.as_micros().saturating_mul(1000)
}

#[cfg(test)]
mod tests;
