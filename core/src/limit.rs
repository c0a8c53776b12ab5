//! Limits: how often, how many at once, for how long, and what happens to those who break rules.
//!
//! | module | question | bound |
//! |---|---|---|
//! | [`rate`] | may this principal do it now? | a table of fixed size, 16 bytes a principal and class |
//! | [`penalty`] | has it broken rules, and how badly? | a table of fixed size, 40 bytes a principal |
//! | [`permit`] | do too many run already? | one entry for each permit of the total |
//! | [`deadline`] | does it take too long? | one entry for each running call |
//!
//! Every table takes its memory when it is made and none afterwards. Time comes in as [`Now`]: the
//! monotonic clock counts, and a step back of it is ignored, so it gives nobody credit. Nothing here waits, locks or
//! forgets by itself; whoever shares a table between threads puts a lock around it.
//!
//! What happened is returned as a value: an answer to act on, and an [`Event`] for the audit trail.
//!
//! ```
//! use core::time::Duration;
//! use ravelin_core::limit::rate::{Quota, Rates, Verdict};
//! use ravelin_core::limit::{Class, Principal};
//! use ravelin_core::pki_types::UnixTime;
//! use ravelin_core::{Instant, Now};
//!
//! let seed = [7; 16]; // Random, and secret: it decides who shares a set of the table with whom.
//! let quota = Quota::new(10, Duration::from_secs(1), 2)?;
//! let mut rates = Rates::new(seed, 4096, &[quota.into()])?;
//!
//! let now = Now::new(Instant::from_micros(0), UnixTime::since_unix_epoch(Duration::ZERO));
//! let alice = Principal::name("alice");
//! assert!(rates.check(&alice, Class(0), 1, now).is_allowed());
//! assert!(rates.check(&alice, Class(0), 1, now).is_allowed());
//! let third = rates.check(&alice, Class(0), 1, now);
//! let retry_after = Duration::from_millis(100);
//! assert_eq!(third, Verdict::Limited { retry_after, is_shared: false });
//! # Ok::<(), ravelin_core::limit::SettingsError>(())
//! ```

mod class;
pub mod deadline;
mod event;
pub mod penalty;
pub mod permit;
mod principal;
pub mod rate;
mod refusal;
mod settings;

pub use class::{Class, Classes, MAX_CLASSES, MAX_TOOLS};
pub use event::Event;
pub use principal::{Kind, Principal};
pub use refusal::Refusal;
pub use settings::SettingsError;

use crate::time::{Instant, Now};

/// The latest instant that a table has seen. A step back of the caller's clock is no time at all, so it refills
/// nothing and revives nothing.
#[derive(Clone, Copy, Debug, Default)]
struct Latest(Instant);

impl Latest {
    fn advance(&mut self, now: Now) -> Instant {
        self.0 = self.peek(now);
        self.0
    }

    fn peek(self, now: Now) -> Instant {
        self.0.max(now.instant)
    }
}

/// Where `hash` belongs among `len` places: the high half of a product, as a division would cost more.
fn place(hash: u64, len: usize) -> usize {
    let product = u128::from(hash) * (len as u128);
    // Below `len`, so it fits.
    (product >> 64) as usize
}
