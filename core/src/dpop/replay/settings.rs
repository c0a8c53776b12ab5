//! How large a store is.

use alloc::collections::TryReserveError;
use core::fmt;
use core::time::Duration;

/// The bounds of a [`Store`](super::Store).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The most live proofs: 1 to [`MAX_CAPACITY`](Self::MAX_CAPACITY). Rate times lifetime: 1,000 proofs a second that
    /// live for 81 s need 81,000. An entry is less than 24 bytes.
    pub capacity: u32,
    /// The most live proofs of one key, at least 1. From `capacity` on there is no quota and no memory for it.
    ///
    /// Half of it, rounded up, may come at once. Then the key gets the other half and one more back in each lifetime,
    /// evenly: the two together never exceed the quota. A quota of 1,600 with a lifetime of 81 s allows 800 at once
    /// and about ten a second. The memory is that of `capacity / 8` proofs and a little more.
    pub quota: u32,
    /// The longest time in seconds from the claim of a proof until it expires: 1 to
    /// [`MAX_LIFETIME`](Self::MAX_LIFETIME).
    pub lifetime: u32,
}

impl Settings {
    /// The largest capacity.
    pub const MAX_CAPACITY: u32 = 1 << 26;
    /// The longest lifetime in seconds. Section 11.1 of RFC 9449 speaks of `seconds or minutes`.
    pub const MAX_LIFETIME: u32 = 3600;

    /// For a verifier whose [`replay_lifetime`](crate::dpop::Verifier::replay_lifetime) this is, in whole seconds. A key
    /// may have one eighth of the capacity.
    pub const fn new(capacity: u32, lifetime: Duration) -> Self {
        let seconds = lifetime.as_secs();
        Self {
            capacity,
            quota: if capacity < 8 { 1 } else { capacity / 8 },
            lifetime: if seconds > u32::MAX as u64 {
                u32::MAX
            } else {
                seconds as u32
            },
        }
    }

    pub(super) const fn check(&self) -> Result<(), SettingsError> {
        if self.capacity == 0 || self.capacity > Self::MAX_CAPACITY {
            Err(SettingsError::Capacity)
        } else if self.quota == 0 {
            Err(SettingsError::Quota)
        } else if self.lifetime == 0 || self.lifetime > Self::MAX_LIFETIME {
            Err(SettingsError::Lifetime)
        } else {
            Ok(())
        }
    }
}

/// Why a store cannot be built. The text is `cause; remedy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SettingsError {
    /// The capacity is 0 or above [`Settings::MAX_CAPACITY`].
    Capacity,
    /// The quota is 0.
    Quota,
    /// The lifetime is 0 or above [`Settings::MAX_LIFETIME`].
    Lifetime,
    /// There is not enough memory for this capacity.
    Memory,
}

impl SettingsError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Capacity => "E-RPL-01",
            Self::Quota => "E-RPL-02",
            Self::Lifetime => "E-RPL-03",
            Self::Memory => "E-RPL-04",
        }
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Capacity => {
                "the capacity of the replay store is out of range; give 1 to 67108864 proofs"
            }
            Self::Quota => "the quota of a key is 0; give the most live proofs that one key may have",
            Self::Lifetime => {
                "the lifetime of proofs is out of range; choose ages and tolerances that give 1 to 3600 seconds"
            }
            Self::Memory => {
                "there is not enough memory for the replay store; lower its capacity, an entry is 24 bytes"
            }
        })
    }
}

impl core::error::Error for SettingsError {}

impl From<TryReserveError> for SettingsError {
    fn from(_: TryReserveError) -> Self {
        Self::Memory
    }
}
