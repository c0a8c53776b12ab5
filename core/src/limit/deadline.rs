//! Deadlines: how long a call may take, as data.
//!
//! The set names the next deadline; whoever drives it sets one timer for that, takes what has
//! [expired](Deadlines::expired) and cancels it. An [`Id`] is never given out twice, so the result of a call that was
//! given up is told apart from that of the call that runs in its place: [`Finish::Late`] has to be thrown away, and
//! with it whatever it holds, such as an open file.
//!
//! ```
//! use core::time::Duration;
//! use ravelin_core::limit::Class;
//! use ravelin_core::limit::deadline::{Deadlines, Finish};
//! use ravelin_core::pki_types::UnixTime;
//! use ravelin_core::{Instant, Now};
//!
//! let at = |seconds| Now::new(
//!     Instant::from_micros(seconds * 1_000_000),
//!     UnixTime::since_unix_epoch(Duration::from_secs(seconds)),
//! );
//! let mut deadlines = Deadlines::new(1000, &[Duration::from_secs(30), Duration::from_secs(5)])?;
//! let slow = deadlines.start(1, Class(0), at(0))?;
//! let quick = deadlines.start(2, Class(1), at(0))?;
//! assert_eq!(deadlines.next(), Some(at(5).instant));
//!
//! assert!(matches!(deadlines.finish(slow, at(4)), Finish::InTime { tag: 1, .. }));
//! assert_eq!(deadlines.expired(at(5)).map(|it| it.tag), Some(2));
//! assert_eq!(deadlines.finish(quick, at(6)), Finish::Late(None));
//! assert_eq!(deadlines.next(), None);
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use super::settings::micros;
use super::{Class, Event, Latest, MAX_CLASSES, Refusal, SettingsError};
use crate::time::{Instant, Now};

/// The most calls of one set.
pub const MAX_CALLS: u32 = 1 << 20;

/// The deadlines of the calls that run.
pub struct Deadlines {
    slots: Box<[Slot]>,
    /// The first free slot.
    free: Option<u32>,
    /// The slots of the calls that run, as a binary heap: none has an earlier deadline than its parent. It never holds
    /// more than there are slots, which it has room for from the start.
    heap: Vec<u32>,
    timeouts: Box<[Duration]>,
    /// What the next id gets.
    serial: u64,
    latest: Latest,
    counters: Counters,
}

impl Deadlines {
    /// Room for `calls` calls at once, and the timeouts of the classes 0, 1, 2 and so on.
    ///
    /// # Errors
    ///
    /// [`SettingsError::Capacity`] beyond [`MAX_CALLS`], [`SettingsError::Classes`] for none or too many,
    /// [`SettingsError::Duration`] for a timeout of zero or of more than 100 years.
    pub fn new(calls: u32, timeouts: &[Duration]) -> Result<Self, SettingsError> {
        if !(1..=MAX_CALLS).contains(&calls) {
            return Err(SettingsError::Capacity { limit: MAX_CALLS });
        }
        if !(1..=MAX_CLASSES).contains(&timeouts.len()) {
            return Err(SettingsError::Classes);
        }
        for timeout in timeouts {
            micros(*timeout)?;
        }
        let slots = (1..=calls).map(|next| Slot::Free((next < calls).then_some(next)));
        Ok(Self {
            slots: slots.collect(),
            free: Some(0),
            heap: Vec::with_capacity(calls as usize),
            timeouts: timeouts.into(),
            serial: 0,
            latest: Latest::default(),
            counters: Counters::default(),
        })
    }

    /// The bytes that a set takes, all of them when it is made.
    pub const fn bytes(calls: u32, classes: usize) -> usize {
        size_of::<Self>()
            + calls as usize * (size_of::<Slot>() + size_of::<u32>())
            + classes * size_of::<Duration>()
    }

    /// Begins a call with the timeout of its class. `tag` is what the caller calls it, such as the number of a
    /// request; it need not be unique.
    ///
    /// # Errors
    ///
    /// [`Refusal::UnknownClass`], or [`Refusal::DeadlinesFull`]: a call without a deadline is not begun.
    pub fn start(&mut self, tag: u64, class: Class, now: Now) -> Result<Id, Refusal> {
        let limit = self.slots.len() as u32; // At most `MAX_CALLS`.
        let timeout = *self
            .timeouts
            .get(class.position())
            .ok_or(Refusal::UnknownClass(class))?;
        let slot = self.free.ok_or(Refusal::DeadlinesFull { limit })?;
        let started = self.latest.advance(now);
        let serial = self.serial;
        let place = self
            .slots
            .get_mut(slot as usize)
            .ok_or(Refusal::DeadlinesFull { limit })?;
        let Slot::Free(next) = *place else {
            return Err(Refusal::DeadlinesFull { limit });
        };
        let at = self.heap.len();
        let deadline = started + timeout;
        *place = Slot::Running(Call {
            serial,
            tag,
            class,
            started,
            deadline,
            at: at as u32,
        });
        self.free = next;
        self.serial += 1;
        self.heap.push(slot);
        self.rise(at);
        bump(&mut self.counters.started);
        Ok(Id { slot, serial })
    }

    /// Ends a call: its result has come, or nobody waits for it any more.
    ///
    /// A result at its deadline or after it is late, whether or not [`expired`](Self::expired) has told so before.
    pub fn finish(&mut self, id: Id, now: Now) -> Finish {
        let now = self.latest.advance(now);
        let Some(call) = self
            .call(id.slot)
            .filter(|call| call.serial == id.serial)
            .copied()
        else {
            bump(&mut self.counters.late);
            return Finish::Late(None);
        };
        self.remove(call.at as usize);
        if now >= call.deadline {
            bump(&mut self.counters.expired);
            bump(&mut self.counters.late);
            return Finish::Late(Some(call.expired(id.slot, now)));
        }
        bump(&mut self.counters.finished);
        let Call {
            tag,
            class,
            started,
            ..
        } = call;
        Finish::InTime {
            tag,
            class,
            elapsed: now.saturating_since(started),
        }
    }

    /// One call whose deadline has come, the earliest first, and of two equal ones that which began first. It is given
    /// up by this. Call it until it gives none.
    pub fn expired(&mut self, now: Now) -> Option<Expired> {
        let now = self.latest.advance(now);
        let slot = *self.heap.first()?;
        let call = self
            .call(slot)
            .filter(|call| call.deadline <= now)
            .copied()?;
        self.remove(0);
        bump(&mut self.counters.expired);
        Some(call.expired(slot, now))
    }

    /// When the next deadline comes; none when nothing runs.
    pub fn next(&self) -> Option<Instant> {
        let slot = *self.heap.first()?;
        self.call(slot).map(|call| call.deadline)
    }

    /// How many calls run.
    pub fn running(&self) -> usize {
        self.heap.len()
    }

    /// What it has done so far.
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    fn call(&self, slot: u32) -> Option<&Call> {
        match self.slots.get(slot as usize)? {
            Slot::Running(call) => Some(call),
            Slot::Free(_) => None,
        }
    }

    /// What a place of the heap is ordered by. A place beyond the end comes after all others.
    fn order(&self, at: usize) -> (Instant, u64) {
        self.heap
            .get(at)
            .and_then(|slot| self.call(*slot))
            .map_or((Instant::from_micros(u64::MAX), u64::MAX), |call| {
                (call.deadline, call.serial)
            })
    }

    /// Takes the call at a place of the heap away and frees its slot.
    fn remove(&mut self, at: usize) {
        if at >= self.heap.len() {
            return;
        }
        let slot = self.heap.swap_remove(at);
        self.note(at);
        // What came from the end into the gap may belong further up or further down.
        self.rise(at);
        self.sink(at);
        if let Some(place) = self.slots.get_mut(slot as usize) {
            *place = Slot::Free(self.free);
            self.free = Some(slot);
        }
    }

    fn rise(&mut self, mut at: usize) {
        while let Some(parent) = at.checked_sub(1).map(|it| it / 2) {
            if self.order(parent) <= self.order(at) {
                return;
            }
            self.swap(at, parent);
            at = parent;
        }
    }

    fn sink(&mut self, mut at: usize) {
        loop {
            let (left, right) = (2 * at + 1, 2 * at + 2);
            let child = if self.order(right) < self.order(left) {
                right
            } else {
                left
            };
            if child >= self.heap.len() || self.order(at) <= self.order(child) {
                return;
            }
            self.swap(at, child);
            at = child;
        }
    }

    /// Both places exist.
    fn swap(&mut self, a: usize, b: usize) {
        self.heap.swap(a, b);
        self.note(a);
        self.note(b);
    }

    /// Tells the call at a place of the heap where it is.
    fn note(&mut self, at: usize) {
        if let Some(slot) = self.heap.get(at)
            && let Some(Slot::Running(call)) = self.slots.get_mut(*slot as usize)
        {
            call.at = at as u32;
        }
    }
}

/// Without the thousands of calls.
impl fmt::Debug for Deadlines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deadlines")
            .field("running", &self.heap.len())
            .field("next", &self.next())
            .field("timeouts", &self.timeouts)
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}

/// A call that was begun. No other call ever has the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    slot: u32,
    serial: u64,
}

/// What the result of a call is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a late result has to be thrown away"]
pub enum Finish {
    /// It came in time.
    InTime {
        /// What the caller calls it.
        tag: u64,
        /// Its class.
        class: Class,
        /// How long it took.
        elapsed: Duration,
    },
    /// The call was given up, or its deadline has come: the result has to be thrown away. With the call when it is
    /// only now that this shows, and without it when [`Deadlines::expired`] gave it before or it was finished before.
    Late(Option<Expired>),
}

impl Finish {
    /// Why the result has to be thrown away.
    pub const fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::InTime { .. } => None,
            Self::Late(_) => Some(Refusal::DeadlinePassed),
        }
    }
}

/// A call whose deadline has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the call has to be cancelled"]
pub struct Expired {
    /// Its id; its result is late from now on.
    pub id: Id,
    /// What the caller calls it.
    pub tag: u64,
    /// Its class.
    pub class: Class,
    /// How long it had run when this was noticed.
    pub elapsed: Duration,
}

impl Expired {
    /// What the caller of the call is told.
    pub const fn refusal(&self) -> Refusal {
        Refusal::DeadlinePassed
    }

    /// What an audit trail wants to know of it.
    pub const fn event(&self) -> Event {
        Event::DeadlinePassed {
            tag: self.tag,
            class: self.class,
            elapsed: self.elapsed,
        }
    }
}

/// What a set has done so far. A counter stays at its maximum when it gets there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Calls begun.
    pub started: u64,
    /// Results in time.
    pub finished: u64,
    /// Calls given up at their deadline.
    pub expired: u64,
    /// Results after it.
    pub late: u64,
}

fn bump(counter: &mut u64) {
    *counter = counter.saturating_add(1);
}

#[derive(Clone, Copy, Debug)]
enum Slot {
    /// With the next free one.
    Free(Option<u32>),
    Running(Call),
}

#[derive(Clone, Copy, Debug)]
struct Call {
    serial: u64,
    tag: u64,
    class: Class,
    started: Instant,
    deadline: Instant,
    /// Its place in the heap.
    at: u32,
}

impl Call {
    fn expired(&self, slot: u32, now: Instant) -> Expired {
        let Self {
            serial,
            tag,
            class,
            started,
            ..
        } = *self;
        Expired {
            id: Id { slot, serial },
            tag,
            class,
            elapsed: now.saturating_since(started),
        }
    }
}

#[cfg(test)]
mod tests;
