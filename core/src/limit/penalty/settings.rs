//! The ladder and the weights.

use core::time::Duration;

/// The highest threshold of a [`Ladder`], and the most points that anyone has.
pub const MAX_SCORE: u32 = 1_000_000;

/// The thresholds in points, and what follows from them.
///
/// For those who know fail2ban: `maxretry` is `deny` divided by the weight of an offence, `findtime` is `fade` times
/// `deny`, `bantime` is `ban`, `bantime.increment` is always on with a factor of 2, `bantime.maxtime` is `longest`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ladder {
    /// From this score on there is a warning; 10 by default.
    pub warn: u32,
    /// From this score on each answer is delayed; 20 by default.
    pub slow: u32,
    /// This score brings a ban; 30 by default.
    pub deny: u32,
    /// This score, reached at once or during a ban, brings the end of the connection; 60 by default.
    pub disconnect: u32,
    /// The time in which one point fades; 60 s by default.
    pub fade: Duration,
    /// The delay of each answer on the rung `slow`; 1 s by default, and zero for none.
    pub delay: Duration,
    /// The first ban; 10 minutes by default. The next lasts twice as long, and so on.
    pub ban: Duration,
    /// The longest ban; 1 day by default.
    pub longest: Duration,
    /// The time after a ban in which the next is a repeated one; 7 days by default.
    pub forget: Duration,
}

impl Default for Ladder {
    fn default() -> Self {
        Self {
            warn: 10,
            slow: 20,
            deny: 30,
            disconnect: 60,
            fade: Duration::from_secs(60),
            delay: Duration::from_secs(1),
            ban: Duration::from_secs(600),
            longest: Duration::from_secs(86_400),
            forget: Duration::from_secs(7 * 86_400),
        }
    }
}

/// What somebody did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Offence {
    /// Named a path outside the root.
    Traversal,
    /// Used a link that leads out of the root.
    LinkEscape,
    /// Named a device.
    DeviceName,
    /// Met a rate limit.
    Rate,
    /// Asked for what does not exist. It never counts: everybody does that.
    NotFound,
}

/// The points of each offence. An offence of 0 points is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weights {
    /// Of [`Offence::Traversal`]; 10 by default.
    pub traversal: u32,
    /// Of [`Offence::LinkEscape`]; 10 by default.
    pub link_escape: u32,
    /// Of [`Offence::DeviceName`]; 5 by default.
    pub device_name: u32,
    /// Of [`Offence::Rate`]; 1 by default.
    pub rate: u32,
}

impl Weights {
    pub(super) const fn of(&self, offence: Offence) -> u32 {
        match offence {
            Offence::Traversal => self.traversal,
            Offence::LinkEscape => self.link_escape,
            Offence::DeviceName => self.device_name,
            Offence::Rate => self.rate,
            Offence::NotFound => 0,
        }
    }
}

impl Default for Weights {
    fn default() -> Self {
        Self {
            traversal: 10,
            link_escape: 10,
            device_name: 5,
            rate: 1,
        }
    }
}
