//! Why a request was refused by a limit.

use core::fmt;
use core::time::Duration;

use super::class::Class;
use super::permit::Full;

/// The limit that a request met. The text is `cause; remedy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The principal has used up its quota.
    RateLimited {
        /// After this time the same request fits.
        retry_after: Duration,
    },
    /// The table is full of other principals, and the bucket that newcomers share is used up.
    OverflowLimited {
        /// After this time the same request fits, if no other newcomer comes first.
        retry_after: Duration,
    },
    /// The request costs more than the quota ever holds.
    TooCostly {
        /// The most units that one request may cost.
        burst: u32,
    },
    /// The settings name no such class.
    UnknownClass(Class),
    /// The principal is banned.
    Banned {
        /// Until when; [`Duration::MAX`] for ever.
        remaining: Duration,
    },
    /// The principal goes on breaking rules: the connection has to be closed.
    Disconnected {
        /// How long it stays banned; zero when the table had no place to remember it, [`Duration::MAX`] for ever.
        remaining: Duration,
    },
    /// A ban that found no place: every place it could have is a ban already.
    PenaltyTableFull,
    /// A ban of a principal on the allow-list.
    NeverBanned,
    /// Too much runs already.
    Full(Full),
    /// A permit that another table gave out.
    ForeignPermit,
    /// The call took too long.
    DeadlinePassed,
    /// As many calls run as deadlines can be kept.
    DeadlinesFull {
        /// How many.
        limit: u32,
    },
}

impl Refusal {
    /// The stable code, such as `E-LIM-01`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::RateLimited { .. } => "E-LIM-01",
            Self::OverflowLimited { .. } => "E-LIM-02",
            Self::TooCostly { .. } => "E-LIM-03",
            Self::UnknownClass(_) => "E-LIM-04",
            Self::Banned { .. } => "E-LIM-10",
            Self::Disconnected { .. } => "E-LIM-11",
            Self::PenaltyTableFull => "E-LIM-12",
            Self::NeverBanned => "E-LIM-13",
            Self::Full(full) => full.code(),
            Self::ForeignPermit => "E-LIM-23",
            Self::DeadlinePassed => "E-LIM-30",
            Self::DeadlinesFull { .. } => "E-LIM-31",
        }
    }

    /// When to try again, where time alone helps.
    pub fn retry_after(&self) -> Option<Duration> {
        match *self {
            Self::RateLimited { retry_after } | Self::OverflowLimited { retry_after } => {
                Some(retry_after)
            }
            Self::Banned { remaining } | Self::Disconnected { remaining } => {
                (remaining != Duration::MAX).then_some(remaining)
            }
            Self::TooCostly { .. }
            | Self::UnknownClass(_)
            | Self::PenaltyTableFull
            | Self::NeverBanned
            | Self::Full(_)
            | Self::ForeignPermit
            | Self::DeadlinePassed
            | Self::DeadlinesFull { .. } => None,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::RateLimited { retry_after } => write!(
                f,
                "the quota is used up; try again in {} ms",
                millis(retry_after)
            ),
            Self::OverflowLimited { retry_after } => write!(
                f,
                "too many principals at once, and the quota that newcomers share is used up; try again in {} ms",
                millis(retry_after)
            ),
            Self::TooCostly { burst } => write!(
                f,
                "the request costs more than a burst of {burst} units; ask for less at once, or raise the burst"
            ),
            Self::UnknownClass(Class(class)) => write!(
                f,
                "class {class} has no limit in the settings; add one, or ask for a class that has"
            ),
            Self::Banned {
                remaining: Duration::MAX,
            } => f.write_str("banned for breaking rules; ask the operator to lift the ban"),
            Self::Banned { remaining } => write!(
                f,
                "banned for breaking rules; try again in {} s",
                seconds(remaining)
            ),
            Self::Disconnected { .. } => f.write_str(
                "disconnected for breaking rules; stop what was refused, and connect again after the ban",
            ),
            Self::PenaltyTableFull => {
                f.write_str("the table has no place for another ban; lift some, or raise its capacity")
            }
            Self::NeverBanned => f.write_str(
                "the principal is on the allow-list; remove it there before it can be banned",
            ),
            Self::Full(full) => full.fmt(f),
            Self::ForeignPermit => f.write_str(
                "the permit is from another table; give it back where it was acquired",
            ),
            Self::DeadlinePassed => {
                f.write_str("the call took too long; ask for less, or allow its class more time")
            }
            Self::DeadlinesFull { limit } => write!(
                f,
                "{limit} calls run already; wait for one to end, or raise the capacity for deadlines"
            ),
        }
    }
}

impl core::error::Error for Refusal {}

impl From<Full> for Refusal {
    fn from(full: Full) -> Self {
        match full {
            Full::UnknownClass(class) => Self::UnknownClass(class),
            Full::Principal { .. } | Full::Class { .. } | Full::Total { .. } => Self::Full(full),
        }
    }
}

/// Rounded up: trying again is never too early.
fn millis(duration: Duration) -> u128 {
    duration.as_micros().div_ceil(1000)
}

fn seconds(duration: Duration) -> u128 {
    duration.as_millis().div_ceil(1000)
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec::Vec;

    use super::super::SettingsError;
    use super::super::penalty::SnapshotError;
    use super::*;

    #[test]
    fn every_code_is_its_own_and_every_text_has_cause_and_remedy() {
        let wait = Duration::from_micros(1_500_001);
        let refusals = [
            Refusal::RateLimited { retry_after: wait },
            Refusal::OverflowLimited { retry_after: wait },
            Refusal::TooCostly { burst: 5 },
            Refusal::UnknownClass(Class(3)),
            Refusal::Banned { remaining: wait },
            Refusal::Disconnected { remaining: wait },
            Refusal::PenaltyTableFull,
            Refusal::NeverBanned,
            Refusal::Full(Full::Principal { limit: 1 }),
            Refusal::Full(Full::Class { limit: 1 }),
            Refusal::Full(Full::Total { limit: 1 }),
            Refusal::ForeignPermit,
            Refusal::DeadlinePassed,
            Refusal::DeadlinesFull { limit: 9 },
        ];
        let settings = [
            SettingsError::QuotaZero,
            SettingsError::QuotaTooFast,
            SettingsError::QuotaTooSlow,
            SettingsError::OverflowTooSmall,
            SettingsError::Capacity { limit: 7 },
            SettingsError::Classes,
            SettingsError::Tools,
            SettingsError::LadderOrder,
            SettingsError::LadderTooHigh,
            SettingsError::Duration,
            SettingsError::BanCap,
            SettingsError::NoPermits,
        ];
        let snapshots = [
            SnapshotError::BufferTooSmall { needed: 4 },
            SnapshotError::NotASnapshot,
            SnapshotError::Version { found: 2 },
            SnapshotError::Length,
            SnapshotError::Checksum,
            SnapshotError::Record { position: 3 },
        ];
        let mut all: Vec<_> = refusals.map(|it| (it.code(), it.to_string())).into();
        all.extend(settings.map(|it| (it.code(), it.to_string())));
        all.extend(snapshots.map(|it| (it.code(), it.to_string())));
        for (position, (code, text)) in all.iter().enumerate() {
            assert!(code.starts_with("E-LIM-") && code.len() == 8, "{code}");
            assert_eq!(text.split("; ").count(), 2, "{text}");
            assert!(
                all[..position].iter().all(|(other, _)| other != code),
                "{code}"
            );
        }
    }

    #[test]
    fn waiting_times_are_rounded_up() {
        let wait = Duration::from_micros(1_500_001);
        let limited = Refusal::RateLimited { retry_after: wait };
        assert_eq!(
            limited.to_string(),
            "the quota is used up; try again in 1501 ms"
        );
        assert_eq!(limited.retry_after(), Some(wait));
        let banned = Refusal::Banned { remaining: wait };
        assert_eq!(
            banned.to_string(),
            "banned for breaking rules; try again in 2 s"
        );
        let for_ever = Refusal::Banned {
            remaining: Duration::MAX,
        };
        assert_eq!(for_ever.retry_after(), None);
        assert!(for_ever.to_string().contains("operator"));
    }

    #[test]
    fn an_unknown_class_has_one_code_everywhere() {
        let class = Class(8);
        assert_eq!(
            Full::UnknownClass(class).code(),
            Refusal::UnknownClass(class).code()
        );
        assert_eq!(
            Refusal::from(Full::UnknownClass(class)),
            Refusal::UnknownClass(class)
        );
    }
}
