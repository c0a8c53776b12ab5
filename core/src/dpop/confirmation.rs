//! How an access token is bound to its sender: `cnf` (RFC 7800, RFC 9449, 6.1, RFC 8705, 3.1).

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::jwk::{Thumbprint, decode32};
use super::refusal::Refusal;
use crate::json::{Document, Limits, Value};

/// What an access token says about who may use it, from its `cnf` claim or its introspection.
///
/// When both members are present, both must hold.
///
/// ```
/// use ravelin_core::dpop::Confirmation;
///
/// let cnf = br#"{"jkt":"0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}"#;
/// assert!(Confirmation::from_json(cnf).jkt().is_some());
/// assert_eq!(Confirmation::from_json(br#"{"kid":"1"}"#), Confirmation::UNKNOWN);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confirmation {
    jkt: Option<Thumbprint>,
    x5t_s256: Option<[u8; 32]>,
    unknown: bool,
}

impl Confirmation {
    /// A token that is bound to nobody: it has no `cnf`.
    pub const NONE: Self = Self {
        jkt: None,
        x5t_s256: None,
        unknown: false,
    };

    /// A token that is bound, and nobody here can tell to whom: no request with it is accepted.
    pub const UNKNOWN: Self = Self {
        unknown: true,
        ..Self::NONE
    };

    /// A token that is bound to a key.
    pub const fn key(jkt: Thumbprint) -> Self {
        Self {
            jkt: Some(jkt),
            ..Self::NONE
        }
    }

    /// A token that is bound to the client certificate whose DER has this SHA-256.
    pub const fn certificate(x5t_s256: [u8; 32]) -> Self {
        Self {
            x5t_s256: Some(x5t_s256),
            ..Self::NONE
        }
    }

    /// Bound to a key too.
    #[must_use]
    pub const fn and_key(self, jkt: Thumbprint) -> Self {
        Self {
            jkt: Some(jkt),
            ..self
        }
    }

    /// Reads the JSON object of a `cnf` claim. Members that are not known are ignored (RFC 7800, 3.1).
    ///
    /// It is [`UNKNOWN`](Self::UNKNOWN) when `cnf` is no JSON object, when a known member cannot be read, and when no
    /// member is known.
    pub fn from_json(cnf: &[u8]) -> Self {
        match Self::read(cnf) {
            Some(confirmation) if confirmation != Self::NONE => confirmation,
            _ => Self::UNKNOWN,
        }
    }

    fn read(cnf: &[u8]) -> Option<Self> {
        let document = Document::parse(cnf, &Limits::DEFAULT).ok()?;
        let digest = |name| match document.root().get(name) {
            None => Some(None),
            Some(Value::String(text)) => decode32(text).map(Some),
            Some(_) => None,
        };
        Some(Self {
            jkt: digest("jkt")?.map(Thumbprint::new),
            x5t_s256: digest("x5t#S256")?,
            unknown: false,
        })
    }

    /// The key, if it is bound to one.
    pub const fn jkt(&self) -> Option<&Thumbprint> {
        self.jkt.as_ref()
    }

    /// The SHA-256 of the client certificate, if it is bound to one.
    pub const fn x5t_s256(&self) -> Option<&[u8; 32]> {
        self.x5t_s256.as_ref()
    }

    pub(super) const fn judge_known(&self) -> Result<(), Refusal> {
        if self.unknown {
            Err(Refusal::UnknownConfirmation)
        } else {
            Ok(())
        }
    }

    /// Judges the certificate of the TLS peer, which is its leaf as DER.
    pub(super) fn judge_certificate(&self, leaf: Option<&[u8]>) -> Result<(), Refusal> {
        let Some(expected) = &self.x5t_s256 else {
            return Ok(());
        };
        let presented: [u8; 32] = Sha256::digest(leaf.ok_or(Refusal::CertificateMismatch)?).into();
        if bool::from(presented.ct_eq(expected)) {
            Ok(())
        } else {
            Err(Refusal::CertificateMismatch)
        }
    }
}
