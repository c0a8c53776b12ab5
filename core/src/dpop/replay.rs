//! Replay (RFC 9449, 11.1): each proof is accepted once.
//!
//! A [`Question`] asks whether a proof was used before, an [`Answer`] says so. A [`Store`] in memory answers at once; a
//! remote store gets the same question and gives the same answers. Claim a proof last, when all other rules hold: what
//! is refused before leaves no trace, so a flood of bad proofs fills nothing.
//!
//! # What the store promises
//!
//! - No proof is accepted twice: not when the store is full, not when the clock steps back, not after a restart.
//! - It holds [`Settings::capacity`] live proofs in memory that it takes once, when it is built: slots of 16 bytes, of
//!   which 0.69 are for live proofs, so less than 24 bytes each. A live proof is never evicted: without room the answer
//!   is [`Answer::Full`].
//! - A claim looks at a bounded number of slots and allocates nothing. Slots are chosen by a hash under a secret.
//! - A proof that was never used is refused as a replay with a probability below 2^-90.
//! - One key never has more than [`Settings::quota`] live proofs.
//!
//! ```
//! use core::time::Duration;
//! use ravelin_core::dpop::Thumbprint;
//! use ravelin_core::dpop::replay::{Answer, Question, Settings, Store};
//! use ravelin_core::pki_types::UnixTime;
//! use ravelin_core::{Instant, Now};
//!
//! let at = |unix: u64| Now::new(Instant::default(), UnixTime::since_unix_epoch(Duration::from_secs(unix)));
//! // A proof is accepted for 60 s, and for 10 s before its time.
//! let settings = Settings::new(256, Duration::from_secs(60 + 2 * 10 + 1));
//! let mut store = Store::new(&settings, [7; 16], at(1_000))?; // The secret is 16 random bytes.
//!
//! let key = Thumbprint::new([1; 32]);
//! let question = |jti, iat: u64| Question::new(&key, jti, iat + 60 + 10 + 1, iat - 10);
//! let early = store.claim(&question("a", 1_005), at(1_005));
//! assert_eq!(early, Answer::BeforeStart { retry_after: Duration::from_secs(6) });
//! assert_eq!(store.claim(&question("b", 1_011), at(1_011)), Answer::Fresh);
//! assert_eq!(store.claim(&question("b", 1_012), at(1_012)), Answer::Replayed);
//! # Ok::<(), ravelin_core::dpop::replay::SettingsError>(())
//! ```

mod question;
mod quota;
mod settings;
mod table;
mod wheel;

#[cfg(test)]
mod tests;

pub use question::{Answer, Question};
pub use settings::{Settings, SettingsError};

use core::fmt;
use core::time::Duration;

use siphasher::sip128::SipHasher13;
use zeroize::Zeroizing;

use crate::time::Now;
use quota::{Quota, Verdict};
use table::Table;

/// Later than any time that means something, and early enough to count in fractions of a second.
const LATEST: u64 = 1 << 47;

/// The proofs that were used and have not expired, in memory.
///
/// Its clock is the latest of the wall-clock times that it was given: when the wall clock steps back, nothing that
/// expired is accepted again and nothing live is dropped. Only a claim of a proof that lives at that moment moves the
/// clock, so one wrong sample moves it by less than the lifetime of a proof.
pub struct Store {
    proofs: Table<0>,
    /// None where one key may fill the store.
    quota: Option<Quota>,
    secret: Zeroizing<[u8; 16]>,
    /// Seconds since 1970: the store's clock.
    mark: u64,
    /// Seconds since 1970: what can have been used then or earlier is refused.
    fence: Option<u64>,
    lifetime: u32,
}

impl Store {
    /// An empty store that may have had a predecessor: after a restart, a crash or a failover.
    ///
    /// What the predecessor accepted is forgotten, so a proof that can have been used at or before `now` is answered
    /// [`Answer::BeforeStart`]. That lasts as long as the future tolerance; where nonces from the future are not
    /// accepted, a proof with a nonce that was issued after the start is accepted at once.
    ///
    /// `secret` is random: whoever knows it can choose proofs that share a slot. `now` must not be behind the clock of
    /// the predecessor: where the wall clock can be, as on a device that has none when it is off, save
    /// [`Usage::clock`] and start no earlier.
    ///
    /// # Errors
    /// [`SettingsError`] for a setting out of range and when there is no memory.
    pub fn new(settings: &Settings, secret: [u8; 16], now: Now) -> Result<Self, SettingsError> {
        let mut store = Self::first_start(settings, secret, now)?;
        store.fence = Some(now.unix.as_secs());
        Ok(store)
    }

    /// An empty store that accepts from the first moment. The caller promises that no store before it has accepted a
    /// proof that is still acceptable: the first start of a new installation, a test, the judging of a recorded log.
    ///
    /// # Errors
    /// As for [`Store::new`].
    pub fn first_start(
        settings: &Settings,
        secret: [u8; 16],
        now: Now,
    ) -> Result<Self, SettingsError> {
        let secret = Zeroizing::new(secret);
        settings.check()?;
        let mark = now.unix.as_secs().min(LATEST);
        Ok(Self {
            proofs: Table::new(settings.capacity, settings.lifetime, mark)?,
            quota: Quota::new(settings, mark)?,
            secret,
            mark,
            fence: None,
            lifetime: settings.lifetime,
        })
    }

    /// Forgets all proofs and starts anew at `now`, as [`Store::new`] does.
    ///
    /// This is the remedy when the wall clock was far ahead for a while and proofs were accepted by it: until that time
    /// comes all others are answered [`Answer::Expired`]. The proofs of that time are forgotten like all, and can be
    /// used again when it comes.
    pub fn restart(&mut self, now: Now) {
        let unix = now.unix.as_secs();
        // A clock that is behind by less than the life of a proof has stepped back, or was set right after proofs were
        // accepted that it now meets again. The fence is where the store was, and soon past.
        let latest = self.clock();
        let was_near = latest.saturating_sub(unix) <= self.lifetime.into();
        self.fence = Some(if was_near { latest.max(unix) } else { unix });
        self.mark = unix.min(LATEST);
        self.proofs.clear(self.mark);
        if let Some(quota) = &mut self.quota {
            quota.clear(self.mark);
        }
    }

    /// Claims a proof: [`Answer::Fresh`] once, until it expires. Any other answer leaves no trace.
    pub fn claim(&mut self, question: &Question, now: Now) -> Answer {
        // Judged by the clock as it would be; a question that does not live then does not move it.
        let mark = self.mark.max(now.unix.as_secs());
        let expires = question.expires();
        if expires <= mark {
            return Answer::Expired;
        }
        if expires - mark > u64::from(self.lifetime) || expires > LATEST {
            return Answer::BeyondLifetime;
        }
        if let Some(answer) = self.before_start(question) {
            return answer;
        }
        self.mark = mark;
        self.proofs.advance(mark);
        if let Some(quota) = &mut self.quota {
            quota.advance(mark);
        }
        self.claim_live(question)
    }

    /// The order: the replay first, as whoever captured a proof must not spend the quota of its key. Then the quota: a
    /// key that is over it hears so from a full store too. Both are written only when both agree.
    fn claim_live(&mut self, question: &Question) -> Answer {
        let hash = self.hash(question.key());
        let place = self.proofs.find(hash);
        if place.as_ref().is_some_and(table::Place::is_live) {
            // The life of the first one is not prolonged: this proof was not accepted, so nothing of it can come back.
            return Answer::Replayed;
        }
        let holder = self.hash(question.holder().as_bytes());
        let grant = match self.quota.as_ref().map(|quota| quota.judge(holder)) {
            Some(Verdict::Over { retry_after }) => return Answer::OverQuota { retry_after },
            Some(Verdict::Full { retry_after }) => return Answer::Full { retry_after },
            Some(Verdict::Granted(grant)) => Some(grant),
            None => None,
        };
        let Some(place) = place.filter(|_| !self.proofs.is_full()) else {
            return Answer::Full {
                retry_after: self.proofs.until_next(),
            };
        };
        self.proofs.put(place, hash, question.expires());
        if let (Some(quota), Some(grant)) = (&mut self.quota, grant) {
            quota.spend(grant, holder);
        }
        Answer::Fresh
    }

    fn before_start(&self, question: &Question) -> Option<Answer> {
        let fence = self.fence?;
        let behind = fence.checked_sub(question.earliest())?;
        // A proof made this much later is after the fence, whatever the client's clock says. A fence from a wrong clock
        // must not send clients away for years.
        let wait = behind.saturating_add(1).min(self.lifetime.into());
        Some(Answer::BeforeStart {
            retry_after: Duration::from_secs(wait),
        })
    }

    fn hash(&self, bytes: &[u8; 32]) -> u128 {
        SipHasher13::new_with_key(&self.secret)
            .hash(bytes)
            .as_u128()
    }

    /// What is in the store, for counters.
    pub fn usage(&self) -> Usage {
        let holders = self.quota.as_ref().map(Quota::holders);
        Usage {
            live: self.proofs.live(),
            capacity: self.proofs.capacity(),
            bytes: self.proofs.bytes(),
            holders: holders.map_or(0, Table::live),
            holder_capacity: holders.map_or(0, Table::capacity),
            holder_bytes: holders.map_or(0, Table::bytes),
            clock: self.clock(),
        }
    }

    /// After a restart behind it the fence is what is left of the clock: the next restart must not fall behind it too.
    fn clock(&self) -> u64 {
        self.fence.map_or(self.mark, |fence| fence.max(self.mark))
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("usage", &self.usage())
            .field("fence", &self.fence)
            .finish_non_exhaustive()
    }
}

/// What is in a [`Store`], at the time of its last claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// Proofs that have not expired.
    pub live: u32,
    /// The most that there can be.
    pub capacity: u32,
    /// Heap of the proofs, in bytes.
    pub bytes: usize,
    /// Keys that have spent of their quota and not had it back.
    pub holders: u32,
    /// The most that there can be.
    pub holder_capacity: u32,
    /// Heap of the quotas, in bytes.
    pub holder_bytes: usize,
    /// The store's clock, in seconds since 1970: the latest time that it knows of.
    pub clock: u64,
}
