//! Rotation: one current key, and older ones for the sessions that began with them.

use alloc::collections::VecDeque;
#[cfg(feature = "key-export")]
use alloc::string::String;
use core::time::Duration;

use super::{KeyError, SigningKey};
use crate::dpop::{Event, Thumbprint};
use crate::{Instant, Now};

/// The most keys that a [`KeyRing`] holds.
pub const MAX_KEYS: usize = 16;

/// When keys change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// How long a key is the current one. Default: 7 days.
    pub every: Duration,
    /// How long after that it stays for the sessions that began with it: as long as the last refresh token bound to it
    /// may live. Default: 30 days.
    pub keep: Duration,
}

impl Default for Rotation {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self {
            every: 7 * DAY,
            keep: 30 * DAY,
        }
    }
}

/// The signing keys of one client: exactly one current key, and retiring ones.
///
/// Tokens are bound to a key (RFC 9449, 5 and 6), so a session keeps the key that it began with: it remembers the
/// thumbprint that [`Self::begin_session`] gave, and signs with [`Self::get`]. A rotation changes the key of sessions
/// that begin later. A retiring key is wiped when its last session ends, at the latest [`Rotation::keep`] after its
/// replacement. A key that never had a session stays until then: who uses it is not known.
///
/// No act on a ring makes a key but [`Self::rotate_if_due`], once for each rotation.
///
/// ```
/// use core::time::Duration;
/// use ravelin_core::dpop::{Algorithm, KeyRing, Rotation, SigningKey};
/// use ravelin_core::pki_types::UnixTime;
/// use ravelin_core::{Instant, Now};
///
/// # let entropy = |byte| [byte; 32];
/// # let day = |day: u64| Now::new(
/// #     Instant::from_micros(day * 86_400_000_000),
/// #     UnixTime::since_unix_epoch(Duration::from_secs(day * 86_400)),
/// # );
/// let key = SigningKey::generate(Algorithm::Es256, &entropy(1))?;
/// let mut ring = KeyRing::new(key, Rotation::default(), day(0));
/// let session = ring.begin_session();
///
/// let fresh = || SigningKey::generate(Algorithm::Es256, &entropy(2));
/// let rotated = ring.rotate_if_due(day(7), fresh)?.expect("seven days are over");
/// assert_eq!(rotated.old, session);
/// assert!(ring.get(&session, day(8).instant).is_some());
///
/// ring.end_session(&session);
/// assert!(ring.get(&session, day(8).instant).is_none());
/// # Ok::<(), ravelin_core::dpop::KeyError>(())
/// ```
#[derive(Debug)]
pub struct KeyRing {
    current: Entry,
    /// The newest first.
    retiring: VecDeque<Entry>,
    rotation: Rotation,
}

#[derive(Debug)]
struct Entry {
    key: SigningKey,
    thumbprint: Thumbprint,
    /// Since when it has been current, or retiring, in seconds of Unix time. Only for an export.
    since: u64,
    /// When that ends.
    until: Instant,
    /// How many sessions began with it and have not ended. `None` when there may be others, of an earlier run.
    sessions: Option<u32>,
}

/// A rotation that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// The key that is retiring now.
    pub old: Thumbprint,
    /// The key that is current now.
    pub new: Thumbprint,
}

impl From<Rotated> for Event {
    fn from(Rotated { old, new }: Rotated) -> Self {
        Self::KeyRotated { new, old }
    }
}

impl KeyRing {
    /// A ring with one key, whose age counts from `now`.
    pub fn new(key: SigningKey, rotation: Rotation, now: Now) -> Self {
        Self {
            current: Entry::new(key, rotation.every, now),
            retiring: VecDeque::new(),
            rotation,
        }
    }

    /// The key for what belongs to no session. It stays usable when its rotation is overdue.
    pub const fn current(&self) -> &SigningKey {
        &self.current.key
    }

    /// Counts a session that begins now, with the current key. The thumbprint names that key for as long as the session
    /// lasts.
    pub fn begin_session(&mut self) -> Thumbprint {
        // A count that overflows is no longer known.
        self.current.sessions = self.current.sessions.and_then(|count| count.checked_add(1));
        self.current.thumbprint
    }

    /// Ends a session: for a public client when its last refresh token is gone (RFC 9449, 5). A retiring key without a
    /// further session is wiped, which is the event.
    pub fn end_session(&mut self, thumbprint: &Thumbprint) -> Option<Event> {
        let mut entries = core::iter::once(&mut self.current).chain(&mut self.retiring);
        let entry = entries.find(|entry| entry.thumbprint == *thumbprint);
        // Only the step from one to none ends a key: nothing follows from an end that had no beginning.
        let count = entry?.sessions.as_mut().filter(|count| **count > 0)?;
        *count -= 1;
        if *count > 0 {
            return None;
        }
        self.retire(thumbprint)
    }

    /// The key with this thumbprint; `None` when it has been wiped or its time is over.
    pub fn get(&self, thumbprint: &Thumbprint, now: Instant) -> Option<&SigningKey> {
        if self.current.thumbprint == *thumbprint {
            return Some(&self.current.key);
        }
        let live = self.retiring.iter().filter(|entry| now < entry.until);
        live.map(|entry| (&entry.key, entry.thumbprint))
            .find(|(_, other)| other == thumbprint)
            .map(|(key, _)| key)
    }

    /// The thumbprints, the current one first.
    pub fn thumbprints(&self) -> impl Iterator<Item = Thumbprint> {
        core::iter::once(&self.current)
            .chain(&self.retiring)
            .map(|entry| entry.thumbprint)
    }

    /// Whether the current key has reached its age.
    pub fn is_due(&self, now: Instant) -> bool {
        self.current.until <= now
    }

    /// When [`Self::rotate_if_due`] next has something to do.
    pub fn deadline(&self) -> Instant {
        let ends = self.retiring.iter().map(|entry| entry.until);
        ends.fold(self.current.until, Ord::min)
    }

    /// Wipes what is past its time, and rotates when the current key has reached its age: `fresh` is then called once.
    ///
    /// # Errors
    /// What `fresh` returns, and those of [`Self::rotate`]. The current key then stays, and the next call tries again.
    pub fn rotate_if_due(
        &mut self,
        now: Now,
        fresh: impl FnOnce() -> Result<SigningKey, KeyError>,
    ) -> Result<Option<Rotated>, KeyError> {
        self.expire(now.instant);
        if !self.is_due(now.instant) {
            return Ok(None);
        }
        self.room()?;
        self.rotate(fresh()?, now).map(Some)
    }

    /// Makes `new` the current key, whatever the age of the old one.
    ///
    /// # Errors
    /// [`KeyError::Full`], and [`KeyError::Duplicate`] when the ring has this key. The ring is then as before.
    pub fn rotate(&mut self, new: SigningKey, now: Now) -> Result<Rotated, KeyError> {
        self.expire(now.instant);
        self.room()?;
        let new = Entry::new(new, self.rotation.every, now);
        if self.thumbprints().any(|known| known == new.thumbprint) {
            return Err(KeyError::Duplicate);
        }
        let mut old = core::mem::replace(&mut self.current, new);
        old.since = now.unix.as_secs();
        old.until = now.instant + self.rotation.keep;
        let rotated = Rotated {
            old: old.thumbprint,
            new: self.current.thumbprint,
        };
        self.retiring.push_front(old);
        Ok(rotated)
    }

    /// Wipes a retiring key at once, whoever uses it. There is no event when it was not there; the current key never
    /// goes.
    pub fn retire(&mut self, thumbprint: &Thumbprint) -> Option<Event> {
        let mut entries = self.retiring.iter();
        let index = entries.position(|entry| entry.thumbprint == *thumbprint)?;
        let old = self.retiring.remove(index)?.thumbprint;
        Some(Event::KeyRetired { old })
    }

    /// Wipes the retiring keys past their time.
    fn expire(&mut self, now: Instant) {
        self.retiring.retain(|entry| now < entry.until);
    }

    fn room(&self) -> Result<(), KeyError> {
        if self.retiring.len() + 1 < MAX_KEYS {
            Ok(())
        } else {
            Err(KeyError::Full)
        }
    }
}

#[cfg(feature = "key-export")]
impl KeyRing {
    /// Every key encrypted under one password, as PEM, the current key first. Before each stands a line with the time
    /// since when it has been what it is, so that neither its age nor its end starts anew at an import.
    ///
    /// `entropy`: 32 random bytes, never used for anything else. Each key costs as much as
    /// [`SigningKey::to_encrypted_pem`]. Sessions are not part of it.
    ///
    /// # Errors
    /// [`KeyError::Password`] when the password is empty.
    pub fn export(&self, password: &[u8], entropy: &[u8; 32]) -> Result<String, KeyError> {
        use core::fmt::Write as _;
        use sha2::{Digest as _, Sha256};

        let mut text = String::new();
        for (index, entry) in (0u8..).zip(core::iter::once(&self.current).chain(&self.retiring)) {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{SINCE}{}", entry.since);
            let own = Sha256::new().chain_update(entropy).chain_update([index]);
            super::encrypted::write(&entry.key, password, &own.finalize().into(), &mut text)?;
        }
        Ok(text)
    }

    /// Reads what [`Self::export`] wrote, or a single encrypted key of another program, whose age then counts from
    /// `now`. Retiring keys whose time is over are left out.
    ///
    /// The sessions of the earlier run are not known: retiring keys stay until their time is over or
    /// [`Self::retire`] names them, and so will the current one.
    ///
    /// # Errors
    /// Those of [`SigningKey::from_encrypted_pem`], [`KeyError::Full`] and [`KeyError::Duplicate`].
    pub fn import(
        text: &str,
        password: &[u8],
        rotation: Rotation,
        now: Now,
    ) -> Result<Self, KeyError> {
        if super::pem::sections(text).nth(MAX_KEYS).is_some() {
            return Err(KeyError::Full);
        }
        let mut ring: Option<Self> = None;
        for section in super::pem::sections(text) {
            let section = section?;
            let lasts = if ring.is_none() {
                rotation.every
            } else {
                rotation.keep
            };
            let key = super::encrypted::read(&section, password)?;
            let mut entry = Entry::new(key, lasts, now);
            entry.sessions = None;
            if let Some(since) = section.attribute(SINCE) {
                let since = since.parse().map_err(|_| KeyError::Malformed)?;
                // A clock that was set back makes nothing younger than now.
                let age = Duration::from_secs(now.unix.as_secs().saturating_sub(since));
                entry.since = since;
                entry.until = now.instant + lasts.saturating_sub(age);
            }
            match &mut ring {
                None => {
                    ring = Some(Self {
                        current: entry,
                        retiring: VecDeque::new(),
                        rotation,
                    });
                }
                Some(ring) if ring.thumbprints().any(|known| known == entry.thumbprint) => {
                    return Err(KeyError::Duplicate);
                }
                Some(ring) => ring.retiring.push_back(entry),
            }
        }
        let mut ring = ring.ok_or(KeyError::Malformed)?;
        ring.expire(now.instant);
        Ok(ring)
    }
}

#[cfg(feature = "key-export")]
const SINCE: &str = "Since: ";

impl Entry {
    fn new(key: SigningKey, lasts: Duration, now: Now) -> Self {
        Self {
            thumbprint: key.thumbprint(),
            key,
            since: now.unix.as_secs(),
            until: now.instant + lasts,
            sessions: Some(0),
        }
    }
}

#[cfg(test)]
#[cfg(all(feature = "p256", feature = "ed25519"))]
mod tests;
