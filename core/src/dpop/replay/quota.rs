//! How many live proofs one key may have.
//!
//! Each key has a theoretical arrival time, as in the generic cell rate algorithm of ITU-T I.371: a claim moves it on
//! by `interval`, and is refused when that takes it further than `tolerance` ahead of the clock. A key whose time is
//! past is as good as new, and its slot is free.
//!
//! Why a key stays within its quota Q: let R = Q/2 + 1 and B = Q - R + 1, rounded down and up. The interval is at least
//! a lifetime L over R, the tolerance at most B intervals. The claims of any W seconds then move the time on by at most
//! W and B intervals together: they are at most B + W/interval. A proof that lives was claimed less than L ago, so W is
//! at most L - 1 and W/interval is below R: there are at most B + R - 1 = Q.

use alloc::collections::TryReserveError;
use core::time::Duration;

use super::settings::Settings;
use super::table::{Place, Table};

/// Arrival times are counted in 1/65536 s.
const FRACTION: u32 = 16;

pub(super) struct Quota {
    holders: Table<FRACTION>,
    interval: u64,
    tolerance: u64,
    now: u64,
}

/// Whether a key may have one more.
pub(super) enum Verdict {
    Granted(Grant),
    Over {
        retry_after: Duration,
    },
    /// There are too many keys.
    Full {
        retry_after: Duration,
    },
}

/// What [`Quota::spend`] writes. Nothing may move the table in between.
pub(super) struct Grant {
    place: Place,
    arrival: u64,
}

impl Quota {
    /// None where one key may fill the store.
    pub(super) fn new(settings: &Settings, now: u64) -> Result<Option<Self>, TryReserveError> {
        let Settings {
            capacity,
            quota,
            lifetime,
        } = *settings;
        if quota >= capacity {
            return Ok(None);
        }
        let refill = quota / 2 + 1;
        let burst = quota - refill + 1;
        let longest = u64::from(lifetime) << FRACTION;
        let interval = longest.div_ceil(refill.into());
        // A key holds its slot for an interval after each claim, and until the next full second. At `capacity` claims
        // in a lifetime that is one slot in `refill`, and one in `lifetime`. The eighth is for bursts of new keys.
        let holders = (capacity / 8)
            .saturating_add(capacity / refill)
            .saturating_add(1)
            .min(capacity);
        Ok(Some(Self {
            holders: Table::new(holders, lifetime, now)?,
            interval,
            // What the rounding of the interval adds must not pass the horizon of the table.
            tolerance: (interval * u64::from(burst)).min(longest),
            now: now << FRACTION,
        }))
    }

    pub(super) fn advance(&mut self, now: u64) {
        self.now = now << FRACTION;
        self.holders.advance(now);
    }

    pub(super) fn judge(&self, holder: u128) -> Verdict {
        let Some(place) = self.holders.find(holder) else {
            return self.full();
        };
        if !place.is_live() && self.holders.is_full() {
            return self.full();
        }
        let arrival = place.deadline().unwrap_or(self.now) + self.interval;
        let ahead = arrival - self.now;
        if ahead > self.tolerance {
            return Verdict::Over {
                retry_after: Duration::from_secs((ahead - self.tolerance).div_ceil(1 << FRACTION)),
            };
        }
        Verdict::Granted(Grant { place, arrival })
    }

    pub(super) fn spend(&mut self, grant: Grant, holder: u128) {
        self.holders.put(grant.place, holder, grant.arrival);
    }

    pub(super) fn clear(&mut self, now: u64) {
        self.now = now << FRACTION;
        self.holders.clear(now);
    }

    pub(super) const fn holders(&self) -> &Table<FRACTION> {
        &self.holders
    }

    fn full(&self) -> Verdict {
        Verdict::Full {
            retry_after: self.holders.until_next(),
        }
    }
}
