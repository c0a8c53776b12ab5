//! What happened at a limit, as data.

use core::time::Duration;

use super::class::Class;
use super::permit::Full;
use super::principal::Principal;
use crate::event::Severity;

/// Something that an audit trail wants to know. The answers of the tables return it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A request met a rate limit.
    RateLimited {
        /// Whose.
        principal: Principal,
        /// The class of the request.
        class: Class,
        /// How long it has to wait; none when it costs more than a burst or its class is unknown: never.
        retry_after: Option<Duration>,
        /// Whether the limit is that of the bucket that newcomers share.
        is_shared: bool,
    },
    /// A request was allowed from the bucket that newcomers share, for the table is full.
    OverflowUsed {
        /// Whose.
        principal: Principal,
        /// The class of the request.
        class: Class,
    },
    /// Offences reached the first rung.
    Warned {
        /// Who.
        principal: Principal,
        /// Its score, in points.
        score: u32,
    },
    /// Offences reached the second rung: answers are delayed.
    Slowed {
        /// Who.
        principal: Principal,
        /// By how much.
        delay: Duration,
    },
    /// Banned: by its offences, or by the operator.
    Banned {
        /// Who.
        principal: Principal,
        /// For how long; [`Duration::MAX`] for ever.
        remaining: Duration,
        /// Whether the operator did it.
        is_manual: bool,
    },
    /// No longer banned: the time is over, or the operator lifted it.
    Unbanned {
        /// Who.
        principal: Principal,
        /// Whether the operator did it.
        is_manual: bool,
    },
    /// Offences reached the last rung: banned, and the connection has to be closed.
    Disconnected {
        /// Who.
        principal: Principal,
        /// How long it stays banned; [`Duration::MAX`] for ever.
        remaining: Duration,
    },
    /// An offence found the table full of worse offenders: disconnected, but not remembered.
    PenaltyTableFull {
        /// Who.
        principal: Principal,
    },
    /// Too much runs already.
    PermitRefused {
        /// Who asked.
        principal: Principal,
        /// The class of the request.
        class: Class,
        /// Which limit was met.
        full: Full,
    },
    /// A call took too long.
    DeadlinePassed {
        /// What the caller calls it.
        tag: u64,
        /// Its class.
        class: Class,
        /// How long it had run when this was noticed.
        elapsed: Duration,
    },
}

impl Event {
    /// The stable code of this event.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::RateLimited { .. } => "rate-limited",
            Self::OverflowUsed { .. } => "overflow-used",
            Self::Warned { .. } => "warned",
            Self::Slowed { .. } => "slowed",
            Self::Banned { .. } => "banned",
            Self::Unbanned { .. } => "unbanned",
            Self::Disconnected { .. } => "disconnected",
            Self::PenaltyTableFull { .. } => "penalty-table-full",
            Self::PermitRefused { .. } => "permit-refused",
            Self::DeadlinePassed { .. } => "deadline-passed",
        }
    }

    /// How much it matters.
    pub const fn severity(&self) -> Severity {
        match self {
            Self::Unbanned { .. } => Severity::Info,
            Self::RateLimited { .. }
            | Self::OverflowUsed { .. }
            | Self::Warned { .. }
            | Self::Slowed { .. }
            | Self::PermitRefused { .. }
            | Self::DeadlinePassed { .. } => Severity::Warning,
            Self::Banned { .. } | Self::Disconnected { .. } | Self::PenaltyTableFull { .. } => {
                Severity::Error
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_has_its_code_and_severity() {
        let principal = Principal::uid(1);
        let class = Class(0);
        let remaining = Duration::from_secs(1);
        let all = [
            (
                Event::RateLimited {
                    principal,
                    class,
                    retry_after: None,
                    is_shared: false,
                },
                "rate-limited",
                Severity::Warning,
            ),
            (
                Event::OverflowUsed { principal, class },
                "overflow-used",
                Severity::Warning,
            ),
            (
                Event::Warned {
                    principal,
                    score: 1,
                },
                "warned",
                Severity::Warning,
            ),
            (
                Event::Slowed {
                    principal,
                    delay: remaining,
                },
                "slowed",
                Severity::Warning,
            ),
            (
                Event::Banned {
                    principal,
                    remaining,
                    is_manual: true,
                },
                "banned",
                Severity::Error,
            ),
            (
                Event::Unbanned {
                    principal,
                    is_manual: true,
                },
                "unbanned",
                Severity::Info,
            ),
            (
                Event::Disconnected {
                    principal,
                    remaining,
                },
                "disconnected",
                Severity::Error,
            ),
            (
                Event::PenaltyTableFull { principal },
                "penalty-table-full",
                Severity::Error,
            ),
            (
                Event::PermitRefused {
                    principal,
                    class,
                    full: Full::Total { limit: 1 },
                },
                "permit-refused",
                Severity::Warning,
            ),
            (
                Event::DeadlinePassed {
                    tag: 1,
                    class,
                    elapsed: remaining,
                },
                "deadline-passed",
                Severity::Warning,
            ),
        ];
        for (event, code, severity) in all {
            assert_eq!((event.code(), event.severity()), (code, severity));
        }
    }
}
