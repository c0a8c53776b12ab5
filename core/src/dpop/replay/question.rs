//! The question whether a proof was used, and its answers.

use core::fmt;
use core::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::dpop::jwk::Thumbprint;
use crate::time::Now;

/// Asks whether this key has used this `jti` before.
///
/// Method, URI, `iat`, nonce and signature are no part of it: a second proof with the same `jti` is a replay, whatever
/// else it says. The same `jti` of another key is another question: no client can use up the identifiers of another.
///
/// Its text is the 64 hex digits of the [key](Self::key), for a remote store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    key: [u8; 32],
    holder: Thumbprint,
    expires: u64,
    earliest: u64,
}

impl Question {
    /// The question for a proof by the key `jkt` with the decoded identifier `jti`. Times are in seconds since 1970.
    ///
    /// `expires` is when it is certain that no verifier accepts the proof any more: `iat + max age + tolerance + 1`. It
    /// comes from `iat`, not from the time of the claim: a proof from the near future stays acceptable for longer.
    ///
    /// `earliest` is the first moment at which the proof can have been accepted: the later of `iat` less its tolerance
    /// and, with a nonce, the nonce's issue less the tolerance for a nonce from the future. A rule that the verifier
    /// does not apply does not count. Too late a moment lets a proof from before a restart pass.
    pub fn new(jkt: &Thumbprint, jti: &str, expires: u64, earliest: u64) -> Self {
        // All parts but the last have a fixed length: no two pairs give the same input.
        let key = Sha256::new()
            .chain_update(b"ravelin dpop replay 1\0")
            .chain_update(jkt.as_bytes())
            .chain_update(jti)
            .finalize()
            .into();
        Self {
            key,
            holder: *jkt,
            expires,
            earliest,
        }
    }

    /// SHA-256 of the thumbprint and the identifier: the name of the entry in any store. No secret goes into it, so it
    /// stays the same when nonce secrets and signing keys are replaced.
    pub const fn key(&self) -> &[u8; 32] {
        &self.key
    }

    /// The thumbprint of the key that signed the proof: whose quota it is.
    pub const fn holder(&self) -> &Thumbprint {
        &self.holder
    }

    /// When the entry may be forgotten, in seconds since 1970.
    pub const fn expires(&self) -> u64 {
        self.expires
    }

    /// The earliest moment at which the proof can have been used, in seconds since 1970.
    pub const fn earliest(&self) -> u64 {
        self.earliest
    }

    /// How long a remote store must keep the entry: whole seconds, at least one, as stores take zero and negative times
    /// for an error or for `at once`.
    pub fn ttl(&self, now: Now) -> Duration {
        Duration::from_secs(self.expires.saturating_sub(now.unix.as_secs()).max(1))
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.key.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Whether a proof may be accepted. Only [`Fresh`](Self::Fresh) says yes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a proof whose claim is not looked at can be replayed"]
#[non_exhaustive]
pub enum Answer {
    /// This is the first use. The proof is recorded.
    Fresh,
    /// The key has used this `jti` before.
    Replayed,
    /// The proof is over by the store's clock. That clock does not step back, so it may be ahead of the verifier's.
    Expired,
    /// The proof lives longer than the store can remember: the verifier's window does not fit [`Settings::lifetime`].
    /// No client can cause it or cure it.
    ///
    /// [`Settings::lifetime`]: super::Settings::lifetime
    BeyondLifetime,
    /// The key has as many live proofs as it may have.
    OverQuota {
        /// When the key may send the next one.
        retry_after: Duration,
    },
    /// The store has no room: all entries are live.
    Full {
        /// When the next entry expires.
        retry_after: Duration,
    },
    /// The store did not answer. Only a remote store says so.
    Unavailable,
    /// The proof can have been used before the store started, which does not know.
    BeforeStart {
        /// A proof that is made after this time is accepted.
        retry_after: Duration,
    },
}

impl Answer {
    /// Whether the proof may be accepted.
    pub const fn is_fresh(self) -> bool {
        matches!(self, Self::Fresh)
    }
}
