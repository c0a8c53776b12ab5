//! Time as a value.
//!
//! The core reads no clock. Every verb that needs the time takes a [`Now`]: a monotonic [`Instant`] for
//! deadlines and the wall clock for certificates and tickets.

use core::ops::Add;
use core::time::Duration;

use rustls_pki_types::UnixTime;

/// A point on a monotonic clock, in microseconds since an origin that the caller chooses.
///
/// Only differences mean anything, so the origin may be the start of the program, of the device or of a test.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The point `micros` microseconds after the origin.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since the origin.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to `self`; zero when `earlier` is later.
    pub const fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    /// Saturates at the end of the clock, some 584,000 years after the origin.
    fn add(self, duration: Duration) -> Self {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(micros))
    }
}

/// The two clocks at one moment.
///
/// `unix` may step in either direction between calls: it is used as it is given, so one wrong sample spoils one
/// call and nothing after it.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// The monotonic clock: deadlines, durations.
    pub instant: Instant,
    /// The wall clock: validity of certificates, age of tickets. A device without a clock gives a lower bound, such
    /// as the time of its build.
    pub unix: UnixTime,
}

impl Now {
    /// Puts the two clocks together.
    pub const fn new(instant: Instant, unix: UnixTime) -> Self {
        Self { instant, unix }
    }
}
