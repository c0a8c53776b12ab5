//! The signature algorithms of a proof.

use core::fmt;

use crate::json::Text;

/// A JSON Web Signature algorithm (RFC 7518, 3.1; RFC 8037, 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519, named `EdDSA` in a header; a verifier also knows the name `Ed25519` of RFC 9864.
    EdDsa,
}

impl Algorithm {
    /// Every algorithm, in the order in which a challenge lists them.
    pub const ALL: [Self; 2] = [Self::Es256, Self::EdDsa];

    /// The value of `alg`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// Names are compared exactly (RFC 7515, 4.1.1). RFC 9864 deprecates `EdDSA`, and most clients send it.
    pub(super) fn from_name(name: Text<'_>) -> Option<Self> {
        if name == *"ES256" {
            Some(Self::Es256)
        } else if name == *"EdDSA" || name == *"Ed25519" {
            Some(Self::EdDsa)
        } else {
            None
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
