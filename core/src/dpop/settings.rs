//! What a verifier accepts: algorithms and windows of time.

use core::fmt;
use core::time::Duration;

use rustls_pki_types::{SignatureVerificationAlgorithm, alg_id};

use super::algorithm::Algorithm;

/// The signature algorithms that a verifier allows, each with the code that carries it out.
///
/// ```
/// # #[cfg(feature = "aws-lc-rs")] {
/// use ravelin_core::dpop::{Algorithm, Algorithms};
///
/// let provider = ravelin_core::provider::aws_lc_rs();
/// let algorithms = Algorithms::new(provider.signature_verification_algorithms.all)?.only(&[Algorithm::Es256])?;
/// assert_eq!(algorithms.to_string(), "ES256");
/// # }
/// # Ok::<(), ravelin_core::dpop::SettingsError>(())
/// ```
#[derive(Clone, Copy)]
pub struct Algorithms {
    es256: Option<&'static dyn SignatureVerificationAlgorithm>,
    eddsa: Option<&'static dyn SignatureVerificationAlgorithm>,
}

impl Algorithms {
    /// Takes what a proof can use from the algorithms of a crypto provider or of `dpop::soft`; the first of a kind
    /// counts.
    ///
    /// # Errors
    /// [`SettingsError::NoAlgorithm`] when there is none.
    pub fn new(
        offered: &[&'static dyn SignatureVerificationAlgorithm],
    ) -> Result<Self, SettingsError> {
        let find = |key, signature| {
            offered
                .iter()
                .find(|offer| {
                    offer.public_key_alg_id() == key && offer.signature_alg_id() == signature
                })
                .copied()
        };
        Self {
            es256: find(alg_id::ECDSA_P256, alg_id::ECDSA_SHA256),
            eddsa: find(alg_id::ED25519, alg_id::ED25519),
        }
        .not_empty()
    }

    /// Only those that are also in `allowed`.
    ///
    /// # Errors
    /// [`SettingsError::NoAlgorithm`] when none is left.
    pub fn only(self, allowed: &[Algorithm]) -> Result<Self, SettingsError> {
        Self {
            es256: self.es256.filter(|_| allowed.contains(&Algorithm::Es256)),
            eddsa: self.eddsa.filter(|_| allowed.contains(&Algorithm::EdDsa)),
        }
        .not_empty()
    }

    /// Those that are allowed, in the order of [`Algorithm::ALL`].
    pub fn allowed(&self) -> impl Iterator<Item = Algorithm> {
        Algorithm::ALL
            .into_iter()
            .filter(|&algorithm| self.get(algorithm).is_some())
    }

    pub(super) fn get(
        &self,
        algorithm: Algorithm,
    ) -> Option<&'static dyn SignatureVerificationAlgorithm> {
        match algorithm {
            Algorithm::Es256 => self.es256,
            Algorithm::EdDsa => self.eddsa,
        }
    }

    fn not_empty(self) -> Result<Self, SettingsError> {
        if self.es256.is_some() || self.eddsa.is_some() {
            Ok(self)
        } else {
            Err(SettingsError::NoAlgorithm)
        }
    }
}

/// The value of `algs` in a challenge (RFC 9449, 7.1): names with one space between.
impl fmt::Display for Algorithms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, algorithm) in self.allowed().enumerate() {
            if position > 0 {
                f.write_str(" ")?;
            }
            algorithm.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Algorithms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Algorithms({self})")
    }
}

/// How old a proof may be, and how strictly `htu` is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// The most that `iat` may lie in the past.
    max_age: Duration,
    /// The most that `iat` may lie in the future: what the clocks of both sides may differ.
    skew: Duration,
    /// Whether `htu` may have a query or a fragment, which are ignored then (RFC 9449, 4.3).
    query_allowed: bool,
}

impl Profile {
    /// 60 s of age and 10 s of skew; an `htu` with a query or a fragment is refused.
    pub const STRICT: Self = Self {
        max_age: Duration::from_secs(60),
        skew: Duration::from_secs(10),
        query_allowed: false,
    };
    /// 60 s of age and 10 s of skew (FAPI 2.0 Security Profile, 5.3.2.1).
    pub const FAPI2: Self = Self {
        query_allowed: true,
        ..Self::STRICT
    };
    /// 300 s in both directions (the DPoP draft for MCP authorization, SEP-1932).
    pub const MCP: Self = Self {
        max_age: Duration::from_secs(300),
        skew: Duration::from_secs(300),
        query_allowed: true,
    };

    /// Another window, in whole seconds.
    ///
    /// # Errors
    /// [`SettingsError::Window`] for a `max_age` of no second, and for more than an hour in either direction:
    /// RFC 9449, 11.1 wants seconds or minutes.
    pub const fn window(self, max_age: Duration, skew: Duration) -> Result<Self, SettingsError> {
        const HOUR: u64 = 3600;
        let (age, ahead) = (max_age.as_secs(), skew.as_secs());
        if age == 0 || age > HOUR || ahead > HOUR {
            return Err(SettingsError::Window);
        }
        Ok(Self {
            max_age: Duration::from_secs(age),
            skew: Duration::from_secs(ahead),
            ..self
        })
    }

    /// The most that `iat` may lie in the past.
    pub const fn max_age(&self) -> Duration {
        self.max_age
    }

    /// The most that `iat` may lie in the future.
    pub const fn skew(&self) -> Duration {
        self.skew
    }

    /// Whether `htu` may have a query or a fragment.
    pub const fn query_allowed(&self) -> bool {
        self.query_allowed
    }

    /// How long a replay store may have to remember a proof that it is asked about now.
    pub const fn replay_lifetime(&self) -> Duration {
        // From now to `iat + max_age + skew + 1 s`, with an `iat` as far ahead as it may be.
        Duration::from_secs(self.max_age.as_secs() + 2 * self.skew.as_secs() + 1)
    }
}

/// Settings that cannot work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SettingsError {
    /// No algorithm that a proof can use.
    NoAlgorithm,
    /// A window of no second or of more than an hour.
    Window,
    /// A challenge parameter that is no quoted-string.
    Parameter,
}

impl SettingsError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoAlgorithm => "E-DPO-81",
            Self::Window => "E-DPO-82",
            Self::Parameter => "E-DPO-83",
        }
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoAlgorithm => {
                "no signature algorithm for proofs is left; offer and allow ES256 or EdDSA"
            }
            Self::Window => "a proof may be 1 to 3600 s old and 0 to 3600 s ahead; give a window within that",
            Self::Parameter => {
                "a challenge parameter has a quote, a backslash or a character that is not ASCII; leave it away"
            }
        })
    }
}

impl core::error::Error for SettingsError {}
