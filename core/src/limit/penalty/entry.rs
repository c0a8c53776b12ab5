//! What is known of one principal, and how time and offences change it.

use core::time::Duration;

use super::super::settings::{LONGEST, SettingsError, micros};
use super::super::{Event, Principal};
use super::{Ladder, MAX_SCORE, Standing};
use crate::time::Instant;

/// The end of a ban for ever.
pub(super) const FOR_EVER: Instant = Instant::from_micros(u64::MAX);

/// A [`Ladder`] that was checked. Times are in microseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) warn: u32,
    pub(super) slow: u32,
    pub(super) deny: u32,
    pub(super) disconnect: u32,
    pub(super) fade: u64,
    pub(super) delay: Duration,
    pub(super) ban: u64,
    pub(super) longest: u64,
    pub(super) forget: u64,
}

impl Rules {
    pub(super) fn new(ladder: &Ladder) -> Result<Self, SettingsError> {
        let Ladder {
            warn,
            slow,
            deny,
            disconnect,
            delay,
            ..
        } = *ladder;
        if !(1 <= warn && warn <= slow && slow <= deny && deny <= disconnect) {
            return Err(SettingsError::LadderOrder);
        }
        if disconnect > MAX_SCORE {
            return Err(SettingsError::LadderTooHigh);
        }
        if delay.as_micros() > u128::from(LONGEST) {
            return Err(SettingsError::Duration);
        }
        let rules = Self {
            warn,
            slow,
            deny,
            disconnect,
            fade: micros(ladder.fade)?,
            delay,
            ban: micros(ladder.ban)?,
            longest: micros(ladder.longest)?,
            forget: micros(ladder.forget)?,
        };
        // The highest score fades within 100 years, so no sum of times reaches the end of the clock.
        if rules.fade > LONGEST / u64::from(disconnect) {
            return Err(SettingsError::Duration);
        }
        if rules.longest < rules.ban {
            return Err(SettingsError::BanCap);
        }
        Ok(rules)
    }

    /// How long the ban after `earlier` ones lasts.
    fn ban_after(&self, earlier: u8) -> u64 {
        1u64.checked_shl(u32::from(earlier))
            .and_then(|factor| self.ban.checked_mul(factor))
            .map_or(self.longest, |ban| ban.min(self.longest))
    }
}

/// What is known of one principal: 40 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Entry {
    /// None in an entry that is free.
    principal: Option<Principal>,
    is_banned: bool,
    /// Bans for offences so far, while they are remembered.
    bans: u8,
    /// When the score will have faded: every point is one `fade` before it.
    faded: Instant,
    /// When the ban ends; without a ban, when earlier ones are forgotten.
    until: Instant,
}

impl Entry {
    pub(super) const fn new(principal: Principal) -> Self {
        Self {
            principal: Some(principal),
            is_banned: false,
            bans: 0,
            faded: Instant::from_micros(0),
            until: Instant::from_micros(0),
        }
    }

    /// From what a snapshot says is left.
    pub(super) fn revived(principal: Principal, left: Left, now: Instant, rules: &Rules) -> Self {
        let until = match left.micros {
            u64::MAX => FOR_EVER,
            micros => now + Duration::from_micros(micros),
        };
        Self {
            principal: Some(principal),
            is_banned: left.is_banned,
            bans: left.bans,
            faded: now + span(left.score, rules),
            until,
        }
    }

    /// Takes over what `other`, of the same principal, knows more or worse.
    pub(super) fn merge(&mut self, other: Self) {
        self.until = match (self.is_banned, other.is_banned) {
            (true, false) => self.until,
            (false, true) => other.until,
            (true, true) | (false, false) => self.until.max(other.until),
        };
        self.is_banned |= other.is_banned;
        self.bans = self.bans.max(other.bans);
        self.faded = self.faded.max(other.faded);
    }

    pub(super) const fn principal(&self) -> Option<Principal> {
        self.principal
    }

    pub(super) fn is_of(&self, principal: &Principal) -> bool {
        self.principal.as_ref() == Some(principal)
    }

    pub(super) const fn is_banned(&self) -> bool {
        self.is_banned
    }

    /// What the time up to `now` has made of it.
    pub(super) fn settled(mut self, now: Instant, rules: &Rules) -> Self {
        if self.is_banned && self.until != FOR_EVER && now >= self.until {
            self.is_banned = false;
            // A ban that is over leaves no points behind, or a single slip would bring the next at once.
            self.faded = Instant::default();
            self.until = self.until + Duration::from_micros(rules.forget);
        }
        if !self.is_banned && now >= self.until {
            self.bans = 0;
        }
        self
    }

    /// Its points, rounded up.
    pub(super) fn score(&self, now: Instant, rules: &Rules) -> u32 {
        points(
            self.faded.as_micros().saturating_sub(now.as_micros()),
            rules,
        )
    }

    /// How it stands; it has to be settled.
    pub(super) fn standing(&self, now: Instant, rules: &Rules) -> Standing {
        let score = self.score(now, rules);
        if self.is_banned {
            let remaining = self.remaining(now);
            if score >= rules.disconnect {
                return Standing::Disconnect { remaining };
            }
            return Standing::Deny { remaining };
        }
        if score >= rules.slow {
            Standing::Slow { delay: rules.delay }
        } else if score >= rules.warn {
            Standing::Warn { score }
        } else {
            Standing::Clear
        }
    }

    /// What is left of the ban, or of the memory of earlier ones.
    pub(super) fn remaining(&self, now: Instant) -> Duration {
        if self.until == FOR_EVER {
            return Duration::MAX;
        }
        self.until.saturating_since(now)
    }

    /// What there is to tell of it; it has to be settled.
    pub(super) fn left(&self, now: Instant, rules: &Rules) -> Left {
        let is_remembered = self.is_banned || self.bans > 0;
        Left {
            is_banned: self.is_banned,
            bans: self.bans,
            score: self.score(now, rules),
            micros: match self.until {
                _ if !is_remembered => 0,
                FOR_EVER => u64::MAX,
                until => until.as_micros().saturating_sub(now.as_micros()),
            },
        }
    }

    /// Adds points, and bans when that makes enough of them; it has to be settled.
    pub(super) fn add(&mut self, weight: u32, now: Instant, rules: &Rules) {
        // More than the last rung needs changes nothing but the time that it takes to fade.
        let most = now + span(rules.disconnect, rules);
        self.faded = (self.faded.max(now) + span(weight.min(rules.disconnect), rules)).min(most);
        if !self.is_banned && self.score(now, rules) >= rules.deny {
            self.is_banned = true;
            self.until = now + Duration::from_micros(rules.ban_after(self.bans));
            self.bans = self.bans.saturating_add(1);
        }
    }

    /// Bans for `time` at least, and says for how long it is now.
    pub(super) fn ban(&mut self, time: Duration, now: Instant) -> Duration {
        let until = now + time;
        self.until = if self.is_banned {
            self.until.max(until)
        } else {
            until
        };
        self.is_banned = true;
        self.remaining(now)
    }

    /// The end of a ban that is over, told once: settles it then.
    pub(super) fn ended(&mut self, now: Instant, rules: &Rules) -> Option<Event> {
        let settled = self.settled(now, rules);
        if settled.is_banned == self.is_banned {
            return None;
        }
        *self = settled;
        let principal = self.principal?;
        Some(Event::Unbanned {
            principal,
            is_manual: false,
        })
    }

    /// The order in which entries give way: those that say nothing, then low scores, then those banned before.
    pub(super) fn rank(&self, now: Instant, rules: &Rules) -> (bool, u32) {
        (self.bans > 0, self.score(now, rules))
    }

    /// Free, if it says nothing any more; it has to be settled.
    pub(super) fn freed(self, now: Instant) -> Self {
        if !self.is_banned && self.bans == 0 && self.faded <= now {
            return Self::default();
        }
        self
    }
}

/// What is left of an entry, whatever the clock: the content of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Left {
    pub(super) is_banned: bool,
    pub(super) bans: u8,
    pub(super) score: u32,
    /// Of the ban, or of the memory of earlier ones; `u64::MAX` for ever.
    pub(super) micros: u64,
}

impl Left {
    /// Whether it says nothing.
    pub(super) const fn is_nothing(&self) -> bool {
        !self.is_banned && self.bans == 0 && self.score == 0
    }

    /// What is left `elapsed` microseconds later.
    pub(super) fn after(mut self, elapsed: u64, rules: &Rules) -> Self {
        let fading = u64::from(self.score.min(rules.disconnect)).saturating_mul(rules.fade);
        self.score = points(fading.saturating_sub(elapsed), rules);
        if self.micros == u64::MAX {
            return self;
        }
        if self.is_banned && self.micros <= elapsed {
            self.is_banned = false;
            self.score = 0;
            self.micros = self.micros.saturating_add(rules.forget);
        }
        self.micros = self.micros.saturating_sub(elapsed);
        if !self.is_banned && self.micros == 0 {
            self.bans = 0;
        }
        self
    }
}

/// The points that fade in so many microseconds, rounded up.
fn points(fading: u64, rules: &Rules) -> u32 {
    u32::try_from(fading.div_ceil(rules.fade)).unwrap_or(u32::MAX)
}

/// The time in which so many points fade.
fn span(points: u32, rules: &Rules) -> Duration {
    Duration::from_micros(u64::from(points).saturating_mul(rules.fade))
}
