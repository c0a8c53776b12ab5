//! Why a key or a ring refuses.

use core::fmt;

use super::super::algorithm::Algorithm;
use super::ring::MAX_KEYS;

/// Why a signing key, or an act on a [`KeyRing`](super::KeyRing), is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// The program was built without the feature of this algorithm.
    NotBuiltIn(Algorithm),
    /// Not a PKCS#8 private key, or not encrypted where that is asked for.
    Malformed,
    /// A private key of another algorithm or curve.
    Algorithm,
    /// The private key is out of range, or not the one of the public key beside it.
    Secret,
    /// A password is needed.
    Password,
    /// Encrypted by another scheme, or at a cost beyond the bounds.
    Encryption,
    /// Not to be decrypted with this password. Which byte is wrong is not told: that would help to guess.
    Decryption,
    /// The ring holds [`MAX_KEYS`] keys already.
    Full,
    /// The ring holds this key already.
    Duplicate,
}

impl KeyError {
    /// The stable code of this refusal.
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotBuiltIn(_) => "E-DPO-71",
            Self::Malformed => "E-DPO-72",
            Self::Algorithm => "E-DPO-73",
            Self::Secret => "E-DPO-74",
            Self::Password => "E-DPO-75",
            Self::Encryption => "E-DPO-76",
            Self::Decryption => "E-DPO-77",
            Self::Full => "E-DPO-78",
            Self::Duplicate => "E-DPO-79",
        }
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotBuiltIn(algorithm) => write!(
                f,
                "this program was built without {algorithm}; use a key of another algorithm or build it with the feature"
            ),
            Self::Malformed => f.write_str(
                "this is no pkcs#8 private key of the kind asked for; convert it with `openssl pkcs8 -topk8`, without a password with -nocrypt",
            ),
            Self::Algorithm => f.write_str(
                "the private key is neither for p-256 as a named curve nor for ed25519; generate one that is",
            ),
            Self::Secret => f.write_str(
                "the private key is out of range or does not fit its public key; restore it from a backup",
            ),
            Self::Password => {
                f.write_str("an encrypted key needs a password that is not empty; give one")
            }
            Self::Encryption => f.write_str(
                "the key is encrypted in a way that is not supported or too costly; encrypt it again with `openssl pkcs8 -topk8 -scrypt`",
            ),
            Self::Decryption => f.write_str(
                "the key cannot be decrypted; check the password, then whether the file is complete",
            ),
            Self::Full => write!(
                f,
                "the key ring has {MAX_KEYS} keys; end sessions of old keys, or rotate less often or keep them shorter"
            ),
            Self::Duplicate => f.write_str(
                "the key ring has this key already; generate a new key with fresh entropy",
            ),
        }
    }
}

impl core::error::Error for KeyError {}
