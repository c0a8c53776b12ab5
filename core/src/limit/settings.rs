//! What the settings of a limit are refused for.

use core::fmt;

/// Why settings cannot work. The text is `cause; remedy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SettingsError {
    /// A quota of no units, over no time, or without a burst.
    QuotaZero,
    /// A quota of more than one unit a nanosecond.
    QuotaTooFast,
    /// A quota whose burst takes more than 100 years to refill.
    QuotaTooSlow,
    /// An overflow bucket with a smaller burst than the quota beside it.
    OverflowTooSmall,
    /// A table of no entries, or of more than `limit`.
    Capacity {
        /// The most entries.
        limit: u32,
    },
    /// No class, or more than [`MAX_CLASSES`](super::MAX_CLASSES).
    Classes,
    /// A tool named twice, or more tools than [`MAX_TOOLS`](super::MAX_TOOLS).
    Tools,
    /// Thresholds of zero, or not in the order of the ladder.
    LadderOrder,
    /// A threshold above [`MAX_SCORE`](super::penalty::MAX_SCORE).
    LadderTooHigh,
    /// A duration of zero where time has to pass, or of more than 100 years.
    Duration,
    /// The longest ban is shorter than the first.
    BanCap,
    /// A limit of no permits at all.
    NoPermits,
}

impl SettingsError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::QuotaZero => "E-LIM-80",
            Self::QuotaTooFast => "E-LIM-81",
            Self::QuotaTooSlow => "E-LIM-82",
            Self::OverflowTooSmall => "E-LIM-83",
            Self::Capacity { .. } => "E-LIM-84",
            Self::Classes => "E-LIM-85",
            Self::Tools => "E-LIM-86",
            Self::LadderOrder => "E-LIM-87",
            Self::LadderTooHigh => "E-LIM-88",
            Self::Duration => "E-LIM-89",
            Self::BanCap => "E-LIM-90",
            Self::NoPermits => "E-LIM-91",
        }
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::QuotaZero => {
                f.write_str("a quota has no units, no period or no burst; give each at least 1")
            }
            Self::QuotaTooFast => f.write_str(
                "a quota allows more than one unit a nanosecond; count in larger units, such as KiB",
            ),
            Self::QuotaTooSlow => f.write_str(
                "a quota takes more than 100 years to refill; lower the burst or shorten the period",
            ),
            Self::OverflowTooSmall => f.write_str(
                "an overflow bucket has a smaller burst than its quota; give it at least the same",
            ),
            Self::Capacity { limit } => write!(f, "a capacity is out of range; give 1 to {limit}"),
            Self::Classes => {
                f.write_str("there is no class, or there are too many; name 1 to 256 classes")
            }
            Self::Tools => f.write_str(
                "a tool is named twice, or there are more than 4096; name each tool once",
            ),
            Self::LadderOrder => f.write_str(
                "the thresholds are zero or out of order; give 1 <= warn <= slow <= deny <= disconnect",
            ),
            Self::LadderTooHigh => {
                f.write_str("a threshold is above 1000000; count in larger points")
            }
            Self::Duration => {
                f.write_str("a duration is zero or above 100 years; give one in between")
            }
            Self::BanCap => {
                f.write_str("the longest ban is shorter than the first; make it at least as long")
            }
            Self::NoPermits => {
                f.write_str("a limit allows no permit at all; give 1 or more, or leave the class out")
            }
        }
    }
}

impl core::error::Error for SettingsError {}

/// 100 years in microseconds, the longest time that a setting may ask for: sums of a few stay far from the end of
/// the clock.
pub(super) const LONGEST: u64 = 100 * 366 * 86_400 * 1_000_000;

/// A duration that has to pass, in microseconds.
pub(super) fn micros(duration: core::time::Duration) -> Result<u64, SettingsError> {
    match u64::try_from(duration.as_micros()) {
        Ok(micros @ 1..=LONGEST) => Ok(micros),
        Ok(_) | Err(_) => Err(SettingsError::Duration),
    }
}
