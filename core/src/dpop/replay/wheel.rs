//! How many entries are live, exactly and at once: one counter for each second in which entries expire.

use alloc::boxed::Box;
use alloc::collections::TryReserveError;
use alloc::vec::Vec;
use core::time::Duration;

/// Counts entries by the second of their deadline. Deadlines lie after the present, by `horizon` seconds at most, so
/// each counter stands for one second only.
pub(super) struct Wheel {
    counts: Box<[u32]>,
    live: u32,
    now: u64,
}

impl Wheel {
    pub(super) fn new(horizon: u32, now: u64) -> Result<Self, TryReserveError> {
        Ok(Self {
            counts: zeros(horizon as usize)?,
            live: 0,
            now,
        })
    }

    /// Drops what has expired by `now`, which is not before the last one.
    pub(super) fn advance(&mut self, now: u64) {
        if now.saturating_sub(self.now) >= self.counts.len() as u64 {
            self.clear(now);
        }
        while self.now < now {
            self.now += 1;
            let slice = self.slice(self.now);
            self.live -= core::mem::take(&mut self.counts[slice]);
        }
    }

    pub(super) fn add(&mut self, deadline: u64) {
        let slice = self.slice(deadline);
        self.counts[slice] += 1;
        self.live += 1;
    }

    pub(super) fn remove(&mut self, deadline: u64) {
        let slice = self.slice(deadline);
        self.counts[slice] -= 1;
        self.live -= 1;
    }

    pub(super) fn clear(&mut self, now: u64) {
        self.counts.fill(0);
        self.live = 0;
        self.now = now;
    }

    pub(super) const fn live(&self) -> u32 {
        self.live
    }

    /// Until the next entry expires; a second where there is none.
    pub(super) fn until_next(&self) -> Duration {
        let horizon = self.counts.len() as u64;
        let wait = (1..=horizon).find(|wait| self.counts[self.slice(self.now + wait)] > 0);
        Duration::from_secs(wait.unwrap_or(1))
    }

    /// In seconds.
    pub(super) const fn horizon(&self) -> usize {
        self.counts.len()
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.counts)
    }

    /// Below the length, which is at least 1.
    fn slice(&self, second: u64) -> usize {
        (second % self.counts.len() as u64) as usize
    }
}

/// `len` zeros, or an error where the allocator would end the program.
pub(super) fn zeros<T: Clone + Default>(len: usize) -> Result<Box<[T]>, TryReserveError> {
    let mut zeros = Vec::new();
    zeros.try_reserve_exact(len)?;
    zeros.resize(len, T::default());
    Ok(zeros.into_boxed_slice())
}
