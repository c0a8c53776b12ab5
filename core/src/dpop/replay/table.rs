//! An exact, bounded set of hashes with deadlines: open addressing with linear probing, 16 bytes a slot.
//!
//! An entry that has expired is a tombstone: a search passes it, a new entry may take it. A hand goes round the table
//! and removes tombstones for good, [`STEPS`] steps with each claim, by shifting back what follows them.
//!
//! Why searches stay short: let the table have S slots, C of them live at most, and let O be the most that are taken,
//! tombstones included. The hand needs S steps for a round, and one for each removal, of which there are at most O and
//! one for each claim x of the round: x = (S + O + x) / STEPS. What is taken now was put in during the last round or
//! was live when it began, because the hand has seen the rest: O <= C + x. With STEPS = 16 and C = 0.69 S that gives
//! O <= 0.81 S, after the worst moment, when all C expire together; at a steady rate it is 0.72 S. Entries move only
//! towards the hand and not past it, so it misses none.

use alloc::boxed::Box;
use alloc::collections::TryReserveError;
use core::time::Duration;

use super::wheel::{Wheel, zeros};

/// How many slots the hand looks at with each claim.
const STEPS: u32 = 16;
/// Bits of the distance from home. Further away nothing is ever put.
const REACH_BITS: u32 = 10;
const REACH: usize = 1 << REACH_BITS;
/// Bits of whole seconds in a deadline. It counts from an epoch, which moves on every eight years.
const SECOND_BITS: u32 = 28;

/// Deadlines are in ticks of 2^-FRACTION s. Times in the signatures are absolute: seconds for the present, which never
/// goes back, ticks for deadlines, which lie after it by `horizon` seconds at most.
pub(super) struct Table<const FRACTION: u32> {
    slots: Box<[Slot<FRACTION>]>,
    wheel: Wheel,
    capacity: u32,
    hand: usize,
    /// The absolute tick from which slots count.
    epoch: u64,
    /// Ticks since the epoch.
    now: u64,
}

/// Where an entry is or can be put. Good until the table is next changed.
pub(super) struct Place {
    at: usize,
    distance: usize,
    deadline: Option<u64>,
}

impl Place {
    /// Whether a live entry is here.
    pub(super) const fn is_live(&self) -> bool {
        self.deadline.is_some()
    }

    /// Its deadline.
    pub(super) const fn deadline(&self) -> Option<u64> {
        self.deadline
    }
}

impl<const FRACTION: u32> Table<FRACTION> {
    /// `horizon` is at least 1.
    pub(super) fn new(capacity: u32, horizon: u32, now: u64) -> Result<Self, TryReserveError> {
        // 1.45 slots of 16 bytes are 23.2 bytes. Two more keep the smallest tables from filling up.
        let slots =
            capacity as usize + capacity as usize / 20 * 9 + capacity as usize % 20 * 9 / 20;
        let mut table = Self {
            slots: zeros(slots + 2)?,
            wheel: Wheel::new(horizon, now)?,
            capacity,
            hand: 0,
            epoch: 0,
            now: 0,
        };
        table.start(now);
        Ok(table)
    }

    /// Goes on to the second `now`, and the hand with it.
    pub(super) fn advance(&mut self, now: u64) {
        let ticks = (now << FRACTION).saturating_sub(self.epoch);
        if ticks + self.horizon() > Slot::<FRACTION>::LAST {
            self.move_epoch(now << FRACTION);
        } else {
            self.now = ticks;
        }
        self.wheel.advance(now);
        self.sweep();
    }

    /// The entry with this hash, or a place for it. None where all slots in reach are live.
    pub(super) fn find(&self, hash: u128) -> Option<Place> {
        let mut vacant = None;
        let mut at = self.home(hash);
        for distance in 0..REACH.min(self.slots.len()) {
            let slot = self.slots[at];
            if !self.is_live(slot) {
                vacant.get_or_insert(Place {
                    at,
                    distance,
                    deadline: None,
                });
                if slot.is_empty() {
                    break;
                }
            } else if slot.is(hash, distance) {
                return Some(Place {
                    at,
                    distance,
                    deadline: Some(self.epoch + slot.deadline()),
                });
            }
            at = self.after(at);
        }
        vacant
    }

    /// Puts an entry where [`find`](Self::find) said, or gives the one there a new deadline.
    pub(super) fn put(&mut self, place: Place, hash: u128, deadline: u64) {
        if let Some(before) = place.deadline {
            self.wheel.remove(second::<FRACTION>(before));
        }
        self.wheel.add(second::<FRACTION>(deadline));
        self.slots[place.at] = Slot::new(hash, place.distance, deadline - self.epoch);
    }

    pub(super) fn clear(&mut self, now: u64) {
        self.slots.fill(Slot::EMPTY);
        self.wheel.clear(now);
        self.start(now);
    }

    /// How many entries are live.
    pub(super) const fn live(&self) -> u32 {
        self.wheel.live()
    }

    /// The most that can be.
    pub(super) const fn capacity(&self) -> u32 {
        self.capacity
    }

    pub(super) const fn is_full(&self) -> bool {
        self.live() >= self.capacity
    }

    pub(super) fn until_next(&self) -> Duration {
        self.wheel.until_next()
    }

    /// Heap, in bytes.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.slots) + self.wheel.bytes()
    }

    fn sweep(&mut self) {
        for _ in 0..STEPS {
            let slot = self.slots[self.hand];
            if slot.is_empty() || self.is_live(slot) {
                self.hand = self.after(self.hand);
            } else {
                // What comes here instead is looked at in the next step.
                self.remove(self.hand);
            }
        }
    }

    /// Empties a slot, and moves up what would no longer be found behind it.
    fn remove(&mut self, mut hole: usize) {
        let mut at = hole;
        let mut gap = 0;
        loop {
            at = self.after(at);
            gap += 1;
            let slot = self.slots[at];
            // Nothing is further from its home than the reach, so nothing further on can move here.
            if slot.is_empty() || gap >= REACH {
                break;
            }
            if let Some(nearer) = slot.moved_back(gap) {
                self.slots[hole] = nearer;
                hole = at;
                gap = 0;
            }
        }
        self.slots[hole] = Slot::EMPTY;
    }

    /// Deadlines come after the present, so none is tick 0, which stands for an empty slot.
    fn start(&mut self, now: u64) {
        self.hand = 0;
        self.epoch = (now << FRACTION).saturating_sub(1);
        self.now = (now << FRACTION) - self.epoch;
    }

    /// Rewrites all deadlines, with the present as tick 1. That takes as long as clearing, once in eight years.
    fn move_epoch(&mut self, now: u64) {
        let ahead = now - 1 - self.epoch;
        for slot in &mut self.slots {
            if !slot.is_empty() {
                // What has expired stays as a tombstone: searches must still pass it.
                *slot = slot.with_deadline(slot.deadline().saturating_sub(ahead).max(1));
            }
        }
        self.epoch = now - 1;
        self.now = 1;
    }

    fn is_live(&self, slot: Slot<FRACTION>) -> bool {
        slot.deadline() > self.now
    }

    /// From the 32 lowest bits, which no slot stores.
    fn home(&self, hash: u128) -> usize {
        ((u64::from(hash as u32) * self.slots.len() as u64) >> 32) as usize
    }

    fn after(&self, at: usize) -> usize {
        if at + 1 == self.slots.len() {
            0
        } else {
            at + 1
        }
    }

    /// In ticks.
    fn horizon(&self) -> u64 {
        (self.wheel.horizon() as u64) << FRACTION
    }
}

/// The first full second at which a deadline has passed.
const fn second<const FRACTION: u32>(deadline: u64) -> u64 {
    deadline.div_ceil(1 << FRACTION)
}

/// From the highest bit: tag, distance from home, deadline in ticks since the epoch. All zero is empty.
///
/// Home and distance stand for the lowest bits of the hash, the tag is its highest: two hashes meet with a probability
/// of 2^-90 and less than one entry for each home.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Slot<const FRACTION: u32>(u128);

impl<const FRACTION: u32> Slot<FRACTION> {
    const EMPTY: Self = Self(0);
    const DEADLINE_BITS: u32 = SECOND_BITS + FRACTION;
    const TAG_SHIFT: u32 = Self::DEADLINE_BITS + REACH_BITS;
    /// The last deadline that fits.
    const LAST: u64 = (1 << Self::DEADLINE_BITS) - 1;

    const fn new(hash: u128, distance: usize, deadline: u64) -> Self {
        let tag = hash >> Self::TAG_SHIFT << Self::TAG_SHIFT;
        Self(tag | (distance as u128) << Self::DEADLINE_BITS | deadline as u128)
    }

    const fn is_empty(self) -> bool {
        self.0 == 0
    }

    const fn deadline(self) -> u64 {
        self.0 as u64 & Self::LAST
    }

    const fn with_deadline(self, deadline: u64) -> Self {
        Self(self.0 & !(Self::LAST as u128) | deadline as u128)
    }

    const fn distance(self) -> usize {
        (self.0 >> Self::DEADLINE_BITS) as usize % REACH
    }

    /// The same entry, `slots` nearer to its home, unless that is past it.
    const fn moved_back(self, slots: usize) -> Option<Self> {
        if self.distance() < slots {
            return None;
        }
        Some(Self(self.0 - ((slots as u128) << Self::DEADLINE_BITS)))
    }

    /// Whether this is the entry of a hash whose home is `distance` slots back.
    fn is(self, hash: u128, distance: usize) -> bool {
        Self::new(hash, distance, self.deadline()) == self
    }
}

#[cfg(test)]
mod tests;
