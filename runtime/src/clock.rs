//! The time, as the core wants it.

use std::sync::OnceLock;
use std::time::{Duration, Instant as StdInstant, SystemTime};

use ravelin_core::pki_types::UnixTime;
use ravelin_core::{Instant, Now};

use crate::runtime::Runtime;

/// Both clocks: the runtime's monotonic one, and the system's wall clock.
pub fn now<R: Runtime>() -> Now {
    // A wall clock before 1970 is a wrong clock: certificates are then not valid yet, and the refusal says so.
    let unix = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Now::new(since_origin(R::instant()), UnixTime::since_unix_epoch(unix))
}

/// Monotonic time since an origin that the whole process shares.
fn since_origin(instant: StdInstant) -> Instant {
    static ORIGIN: OnceLock<StdInstant> = OnceLock::new();
    // A runtime whose clock can be paused may lie behind the first one that asked.
    let origin = *ORIGIN.get_or_init(|| instant.checked_sub(MARGIN).unwrap_or(instant));
    let elapsed = instant.saturating_duration_since(origin);
    Instant::from_micros(u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX))
}

const MARGIN: Duration = Duration::from_secs(24 * 60 * 60);
