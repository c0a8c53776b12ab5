//! Permits: how much runs at once, exactly.
//!
//! A [`Permit`] is a token that has to be given back. It cannot be copied, so it is given back at most once; and it
//! does nothing when it is dropped, so a permit that was dropped by mistake stays taken: work that goes on is never
//! uncounted. Keep it with the work itself. A future that is dropped may leave a blocking call running, and then the
//! permit belongs to that call.
//!
//! [`Permits::held`] shows what is out and since when. What is out longer than any deadline allows was leaked.
//!
//! ```
//! use core::time::Duration;
//! use ravelin_core::limit::permit::{Full, Limits, Permits};
//! use ravelin_core::limit::{Class, Principal};
//! use ravelin_core::pki_types::UnixTime;
//! use ravelin_core::{Instant, Now};
//!
//! let limits = Limits { total: 100, principal: 1, classes: &[100] };
//! let mut permits = Permits::new([7; 16], limits)?;
//! let now = Now::new(Instant::from_micros(0), UnixTime::since_unix_epoch(Duration::ZERO));
//! let alice = Principal::name("alice");
//!
//! let permit = permits.acquire(Class(0), alice, now)?;
//! assert_eq!(permits.acquire(Class(0), alice, now), Err(Full::Principal { limit: 1 }));
//! permits.release(permit)?;
//! assert_eq!(permits.outstanding(), 0);
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```

use alloc::boxed::Box;
use alloc::vec;
use core::fmt;

use siphasher::sip::SipHasher13;

use super::{Class, Event, Latest, MAX_CLASSES, Principal, Refusal, SettingsError, place};
use crate::time::{Instant, Now};

/// The most permits of one table.
pub const MAX_TOTAL: u32 = 1 << 20;

/// The permits of many principals and classes.
pub struct Permits {
    /// One for each permit of the total.
    slots: Box<[Slot]>,
    /// The first free slot.
    free: Option<u32>,
    outstanding: u32,
    classes: Box<[Count]>,
    principals: Principals,
    principal_limit: u32,
    /// Tells the permits of this table from those of another.
    identity: u64,
    latest: Latest,
    counters: Counters,
}

impl Permits {
    /// A table with these limits; each class has a limit of its own below the total.
    ///
    /// `seed` is 16 random bytes that clients do not know, and of this table alone: it marks its permits.
    ///
    /// # Errors
    ///
    /// [`SettingsError::NoPermits`] for a limit of 0, [`SettingsError::Capacity`] for a total beyond [`MAX_TOTAL`],
    /// [`SettingsError::Classes`] for none or too many.
    pub fn new(seed: [u8; 16], limits: Limits<'_>) -> Result<Self, SettingsError> {
        let Limits {
            total,
            principal,
            classes,
        } = limits;
        if total == 0 || principal == 0 || classes.contains(&0) {
            return Err(SettingsError::NoPermits);
        }
        if total > MAX_TOTAL {
            return Err(SettingsError::Capacity { limit: MAX_TOTAL });
        }
        if !(1..=MAX_CLASSES).contains(&classes.len()) {
            return Err(SettingsError::Classes);
        }
        let hasher = SipHasher13::new_with_key(&seed);
        let slots = (1..=total).map(|next| Slot::Free((next < total).then_some(next)));
        let classes = classes.iter().map(|&limit| Count { held: 0, limit });
        Ok(Self {
            slots: slots.collect(),
            free: Some(0),
            outstanding: 0,
            classes: classes.collect(),
            identity: hasher.hash(b"ravelin permits"),
            principals: Principals::new(hasher, total),
            principal_limit: principal,
            latest: Latest::default(),
            counters: Counters::default(),
        })
    }

    /// The bytes that a table takes, all of them when it is made.
    pub const fn bytes(total: u32, classes: usize) -> usize {
        size_of::<Self>()
            + total as usize * size_of::<Slot>()
            + classes * size_of::<Count>()
            + Principals::len(total) * size_of::<Option<Holder>>()
    }

    /// Takes one permit of the total, of `class` and of `principal`; or none at all.
    ///
    /// # Errors
    ///
    /// The limit that was met; that of the principal first, for that is the one that it can do something about.
    pub fn acquire(
        &mut self,
        class: Class,
        principal: Principal,
        now: Now,
    ) -> Result<Permit, Full> {
        let permit = self.try_acquire(class, principal, now);
        let counter = match permit {
            Ok(_) => &mut self.counters.granted,
            Err(_) => &mut self.counters.refused,
        };
        *counter = counter.saturating_add(1);
        permit
    }

    /// Gives a permit back.
    ///
    /// # Errors
    ///
    /// [`Foreign`] with the permit in it, when another table gave it out.
    pub fn release(&mut self, permit: Permit) -> Result<(), Foreign> {
        if permit.identity != self.identity {
            return Err(Foreign(permit));
        }
        let Some(slot) = self.slots.get_mut(permit.slot as usize) else {
            return Err(Foreign(permit));
        };
        let Slot::Held(held) = *slot else {
            return Err(Foreign(permit));
        };
        *slot = Slot::Free(self.free);
        self.free = Some(permit.slot);
        self.outstanding = self.outstanding.saturating_sub(1);
        if let Some(class) = self.classes.get_mut(held.class.position()) {
            class.held = class.held.saturating_sub(1);
        }
        self.principals.give_back(&held.principal);
        Ok(())
    }

    /// How many permits are out. 0 when all work is done: anything else was leaked.
    pub const fn outstanding(&self) -> u32 {
        self.outstanding
    }

    /// How many permits of `class` are out.
    pub fn outstanding_of_class(&self, class: Class) -> u32 {
        self.classes
            .get(class.position())
            .map_or(0, |count| count.held)
    }

    /// How many permits `principal` has.
    pub fn outstanding_of(&self, principal: &Principal) -> u32 {
        self.principals.count(principal)
    }

    /// What is out, in no order that means anything. Looks at every slot.
    pub fn held(&self) -> impl Iterator<Item = Held> + '_ {
        self.slots.iter().filter_map(|slot| match slot {
            Slot::Held(held) => Some(*held),
            Slot::Free(_) => None,
        })
    }

    /// What it has done so far.
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    fn try_acquire(
        &mut self,
        class: Class,
        principal: Principal,
        now: Now,
    ) -> Result<Permit, Full> {
        let since = self.latest.advance(now);
        let total = self.slots.len() as u32; // At most `MAX_TOTAL`.
        let Some(count) = self.classes.get_mut(class.position()) else {
            return Err(Full::UnknownClass(class));
        };
        if self.principals.count(&principal) >= self.principal_limit {
            return Err(Full::Principal {
                limit: self.principal_limit,
            });
        }
        if count.held >= count.limit {
            return Err(Full::Class { limit: count.limit });
        }
        let free = self
            .free
            .and_then(|free| Some((free, self.slots.get_mut(free as usize)?)));
        let Some((position, slot)) = free else {
            return Err(Full::Total { limit: total });
        };
        let Slot::Free(next) = *slot else {
            return Err(Full::Total { limit: total });
        };
        if !self.principals.take(principal) {
            return Err(Full::Total { limit: total });
        }
        *slot = Slot::Held(Held {
            principal,
            class,
            since,
        });
        self.free = next;
        count.held += 1;
        self.outstanding += 1;
        Ok(Permit {
            slot: position,
            class,
            identity: self.identity,
        })
    }
}

/// Without the seed, and without the slots.
impl fmt::Debug for Permits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permits")
            .field("outstanding", &self.outstanding)
            .field("total", &self.slots.len())
            .field("principal_limit", &self.principal_limit)
            .field("classes", &self.classes)
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}

/// How much may run at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits<'a> {
    /// In all.
    pub total: u32,
    /// Of each principal.
    pub principal: u32,
    /// Of the classes 0, 1, 2 and so on.
    pub classes: &'a [u32],
}

/// The right to run one thing. Give it back with [`Permits::release`] when that has ended, and not before.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a permit that is dropped stays taken: give it back with `release` when the work has ended"]
pub struct Permit {
    slot: u32,
    class: Class,
    identity: u64,
}

impl Permit {
    /// The class that it was acquired for.
    pub const fn class(&self) -> Class {
        self.class
    }
}

/// The limit that a request for a permit met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Full {
    /// The principal has all the permits that one may have.
    Principal {
        /// How many.
        limit: u32,
    },
    /// All permits of the class are out.
    Class {
        /// How many.
        limit: u32,
    },
    /// All permits are out.
    Total {
        /// How many.
        limit: u32,
    },
    /// The settings name no such class.
    UnknownClass(Class),
}

impl Full {
    /// The stable code, such as `E-LIM-20`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Principal { .. } => "E-LIM-20",
            Self::Class { .. } => "E-LIM-21",
            Self::Total { .. } => "E-LIM-22",
            Self::UnknownClass(class) => Refusal::UnknownClass(*class).code(),
        }
    }

    /// What an audit trail wants to know of it, for the request that it answers.
    pub const fn event(self, principal: Principal, class: Class) -> Event {
        Event::PermitRefused {
            principal,
            class,
            full: self,
        }
    }
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Principal { limit } => write!(
                f,
                "{limit} calls of this principal run already; wait for one to end, or raise the limit of a principal"
            ),
            Self::Class { limit } => write!(
                f,
                "{limit} calls of this class run already; wait for one to end, or raise the limit of the class"
            ),
            Self::Total { limit } => {
                write!(
                    f,
                    "{limit} calls run already; wait for one to end, or raise the limit in all"
                )
            }
            Self::UnknownClass(class) => Refusal::UnknownClass(*class).fmt(f),
        }
    }
}

impl core::error::Error for Full {}

/// A permit that another table gave out, unharmed.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "the permit still has to be given back where it was acquired"]
pub struct Foreign(
    /// The permit.
    pub Permit,
);

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Refusal::ForeignPermit.fmt(f)
    }
}

impl core::error::Error for Foreign {}

impl From<Foreign> for Refusal {
    fn from(_: Foreign) -> Self {
        Self::ForeignPermit
    }
}

/// A permit that is out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Who acquired it.
    pub principal: Principal,
    /// For which class.
    pub class: Class,
    /// When.
    pub since: Instant,
}

/// What a table has done so far. A counter stays at its maximum when it gets there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Permits given out.
    pub granted: u64,
    /// Requests that met a limit.
    pub refused: u64,
}

#[derive(Clone, Copy, Debug)]
enum Slot {
    /// With the next free one.
    Free(Option<u32>),
    Held(Held),
}

#[derive(Clone, Copy, Debug)]
struct Count {
    held: u32,
    limit: u32,
}

/// How many permits each principal has: open addressing with linear probing. Who has none has no entry, so there are
/// never more entries than permits, and half of the places stay free.
struct Principals {
    places: Box<[Option<Holder>]>,
    hasher: SipHasher13,
}

#[derive(Clone, Copy, Debug)]
struct Holder {
    principal: Principal,
    held: u32,
}

impl Principals {
    const fn len(total: u32) -> usize {
        total as usize * 2
    }

    fn new(hasher: SipHasher13, total: u32) -> Self {
        Self {
            places: vec![None; Self::len(total)].into(),
            hasher,
        }
    }

    fn count(&self, principal: &Principal) -> u32 {
        self.find(principal)
            .and_then(|at| *self.places.get(at)?)
            .map_or(0, |holder| holder.held)
    }

    /// One more; false when there is no place, which cannot be while there are permits left.
    fn take(&mut self, principal: Principal) -> bool {
        let Some(place) = self.find(&principal).and_then(|at| self.places.get_mut(at)) else {
            return false;
        };
        let holder = place.get_or_insert(Holder { principal, held: 0 });
        holder.held += 1;
        true
    }

    /// One less; the last one frees the place.
    fn give_back(&mut self, principal: &Principal) {
        let Some(at) = self.find(principal) else {
            return;
        };
        let Some(place @ Some(_)) = self.places.get_mut(at) else {
            return;
        };
        if let Some(holder) = place {
            holder.held = holder.held.saturating_sub(1);
            if holder.held > 0 {
                return;
            }
        }
        *place = None;
        self.close_gap(at);
    }

    /// Moves back those behind a gap that it would hide: a search ends at the first free place.
    fn close_gap(&mut self, mut gap: usize) {
        let len = self.places.len();
        let mut at = (gap + 1) % len;
        while let Some(holder) = self.places.get(at).copied().flatten() {
            let home = place(holder.principal.hash(&self.hasher, 0), len);
            // How far behind its home each place is, around the end.
            let (from_gap, from_here) = ((gap + len - home) % len, (at + len - home) % len);
            if from_gap < from_here {
                self.places.swap(gap, at);
                gap = at;
            }
            at = (at + 1) % len;
        }
    }

    /// The place of a principal, or else the free one where it belongs.
    fn find(&self, principal: &Principal) -> Option<usize> {
        let home = place(principal.hash(&self.hasher, 0), self.places.len());
        let from_home = (home..self.places.len()).chain(0..home);
        from_home
            .zip(self.places.iter().skip(home).chain(&self.places))
            .find(|(_, place)| place.is_none_or(|holder| holder.principal == *principal))
            .map(|(at, _)| at)
    }
}

#[cfg(test)]
mod tests;
