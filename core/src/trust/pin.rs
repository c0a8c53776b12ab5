//! Pins: which public keys a verified path must contain (the terms are those of RFC 7469).
//!
//! A pin never replaces the verification of the chain: [`PinSet::judge`] looks at the path that
//! was verified, not at whatever certificates the peer sent along.
//!
//! ```
//! use ravelin_core::trust::pin::{Pin, PinError, PinSet};
//!
//! let primary: Pin = "sha256:YLh1dUR9y6Kja30RrAn7JKnbQG/uEtLMkBgFF2Fuihg=".parse()?;
//! let backup: Pin = "sha256//C5+lpZ7tcVwmwQIMcRtPbsQtWLABXhQzejna0wHFr8M=".parse()?;
//! let pins = PinSet::new(primary, backup)?;
//! assert!(pins.has_backup());
//! assert_eq!(primary.to_string(), "sha256:YLh1dUR9y6Kja30RrAn7JKnbQG/uEtLMkBgFF2Fuihg=");
//! assert_eq!("sha1/abc".parse::<Pin>(), Err(PinError::Algorithm));
//! # Ok::<(), PinError>(())
//! ```

use crate::der::{self, Tag};
use alloc::vec::Vec;
use base64ct::{Base64, Base64Unpadded, Encoding};
use core::fmt;
use core::str::FromStr;
use sha2::{Digest, Sha256};

/// The most pins that a [`PinSet`] holds.
pub const MAX_PINS: usize = 16;

/// A SHA-256 digest that a verified path must contain.
///
/// Text forms, for `FromStr`: a prefix, then the digest in base64 (standard alphabet, the padding
/// may be left out) or as 64 hex digits in either case.
///
/// | prefix | pins |
/// |---|---|
/// | `sha256:`, `sha256/`, `sha256//` | a public key; a bare hex digest is the same |
/// | `cert-sha256:`, `cert-sha256/`, `cert-sha256//` | one whole certificate |
///
/// `Display` writes `sha256:BASE64`, as OpenSSL's `dgst -binary | base64` prints the digest of a
/// key, and `cert-sha256:HEX`, as every certificate viewer shows a fingerprint.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pin {
    kind: PinKind,
    digest: [u8; 32],
}

impl Pin {
    /// Pins the public key whose SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7) has this SHA-256.
    pub const fn spki(digest: [u8; 32]) -> Self {
        Self {
            kind: PinKind::Spki,
            digest,
        }
    }

    /// Pins a public key, given as a DER SubjectPublicKeyInfo.
    pub fn of_spki(der: &[u8]) -> Self {
        Self::spki(sha256(der))
    }

    /// Pins the leaf certificate whose DER has this SHA-256. Its renewal breaks the pin, also
    /// when the key stays.
    pub const fn certificate(digest: [u8; 32]) -> Self {
        Self {
            kind: PinKind::Certificate,
            digest,
        }
    }

    /// Pins a leaf certificate, given as DER.
    pub fn of_certificate(der: &[u8]) -> Self {
        Self::certificate(sha256(der))
    }

    /// What is pinned.
    pub const fn kind(&self) -> PinKind {
        self.kind
    }

    /// The SHA-256 of it.
    pub const fn digest(&self) -> &[u8; 32] {
        &self.digest
    }
}

impl FromStr for Pin {
    type Err = PinError;

    fn from_str(text: &str) -> Result<Self, PinError> {
        if text.trim_start().starts_with("-----BEGIN") || is_file_name(text) {
            return Err(PinError::Pem);
        }
        let (kind, rest) = match text.strip_prefix("cert-") {
            Some(rest) => (PinKind::Certificate, rest),
            None => (PinKind::Spki, text),
        };
        let Some(digest) = rest.strip_prefix("sha256") else {
            return match parse_hex(text) {
                Some(digest) => Ok(Self::spki(digest)),
                None if names_another_hash(rest) => Err(PinError::Algorithm),
                None => Err(PinError::Prefix),
            };
        };
        let digest = if let Some(digest) = digest.strip_prefix(':') {
            parse_digest(digest)?
        } else if let Some(digest) = digest.strip_prefix('/') {
            // The second slash of `sha256//` may also be the first digit of a digest. The length
            // tells: one of the two readings has a digit too many or too few.
            match (parse_digest(digest), digest.strip_prefix('/')) {
                (Err(_), Some(digest)) => parse_digest(digest)?,
                (parsed, _) => parsed?,
            }
        } else {
            return Err(PinError::Prefix);
        };
        Ok(Self { kind, digest })
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            PinKind::Spki => {
                let mut base64 = [0; 44];
                let base64 = Base64::encode(&self.digest, &mut base64).map_err(|_| fmt::Error)?;
                write!(f, "sha256:{base64}")
            }
            PinKind::Certificate => {
                f.write_str("cert-sha256:")?;
                self.digest
                    .iter()
                    .try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pin({self})")
    }
}

/// What a [`Pin`] is the digest of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum PinKind {
    /// A SubjectPublicKeyInfo, of any certificate of the path.
    Spki,
    /// The whole certificate, of the leaf only.
    Certificate,
}

/// The pins of one peer: any one of them suffices. Never empty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PinSet {
    primary: Pin,
    backups: Vec<Pin>,
    enforcement: Enforcement,
}

impl PinSet {
    /// Pins the key in use, and one to fall back to when it is lost (RFC 7469 section 4.3).
    ///
    /// # Errors
    /// [`PinError::Duplicate`] when both are the same: that would be no backup.
    pub fn new(primary: Pin, backup: Pin) -> Result<Self, PinError> {
        Self::without_backup(primary).and(backup)
    }

    /// Pins a single key. When it is lost, no peer will be accepted until the configuration is
    /// changed everywhere.
    pub const fn without_backup(primary: Pin) -> Self {
        Self {
            primary,
            backups: Vec::new(),
            enforcement: Enforcement::Enforce,
        }
    }

    /// Adds a backup.
    ///
    /// # Errors
    /// [`PinError::Duplicate`], or [`PinError::TooMany`] beyond [`MAX_PINS`].
    pub fn and(mut self, backup: Pin) -> Result<Self, PinError> {
        if self.pins().any(|pin| *pin == backup) {
            return Err(PinError::Duplicate);
        }
        if self.pins().count() == MAX_PINS {
            return Err(PinError::TooMany);
        }
        self.backups.push(backup);
        Ok(self)
    }

    /// A peer that no pin matches is reported, not refused.
    #[must_use]
    pub fn report_only(self) -> Self {
        Self {
            enforcement: Enforcement::ReportOnly,
            ..self
        }
    }

    /// Whether a peer that no pin matches is refused.
    pub const fn enforcement(&self) -> Enforcement {
        self.enforcement
    }

    /// Whether there is more than the primary pin.
    pub const fn has_backup(&self) -> bool {
        !self.backups.is_empty()
    }

    /// The pins, the primary first.
    pub fn pins(&self) -> impl Iterator<Item = &Pin> {
        core::iter::once(&self.primary).chain(&self.backups)
    }

    /// Looks for the pins in a verified path. [`Self::enforcement`] does not change the verdict:
    /// acting on it is the caller's.
    ///
    /// `leaf_spki` and `issuer_spkis` are complete DER SubjectPublicKeyInfos; the issuers are the
    /// intermediates that the path uses, and its trust anchor (see [`rewrap_spki`]). When the
    /// path is not known, no issuers are given, and only the leaf can match.
    pub fn judge<'a>(
        &self,
        leaf_certificate: &[u8],
        leaf_spki: &[u8],
        issuer_spkis: impl IntoIterator<Item = &'a [u8]>,
    ) -> PinVerdict {
        let certificate = Pin::of_certificate(leaf_certificate);
        let leaf = Pin::of_spki(leaf_spki);
        let presented = [certificate, leaf].into_iter();
        let presented = presented.chain(issuer_spkis.into_iter().map(Pin::of_spki));
        // Of several matches the first of the set counts, so that a backup is only reported when
        // the primary is no longer there.
        let first_match = presented
            .filter_map(|presented| (0u8..).zip(self.pins()).find(|(_, pin)| **pin == presented))
            .map(|(index, _)| index)
            .min();
        match first_match {
            Some(index) => PinVerdict::Matched {
                index,
                backup: index > 0,
            },
            None => PinVerdict::Unmatched {
                presented: leaf.digest,
                certificate_hash_given: self.holds_file_hash(leaf_certificate, &certificate),
            },
        }
    }

    /// Feeds the set to a hash, for the epoch of the policy. Two sets give the same bytes exactly
    /// when enforcement, primary and backups are the same, the backups in any order; what follows
    /// cannot be taken for a part of the set.
    pub fn fold(&self, absorb: &mut impl FnMut(&[u8])) {
        let mut backups = self.backups.clone();
        backups.sort_unstable();
        let enforcement = match self.enforcement {
            Enforcement::Enforce => 0,
            Enforcement::ReportOnly => 1,
        };
        // At most `MAX_PINS` - 1.
        absorb(&[enforcement, backups.len() as u8]);
        for pin in core::iter::once(&self.primary).chain(&backups) {
            let kind = match pin.kind {
                PinKind::Spki => 0,
                PinKind::Certificate => 1,
            };
            absorb(&[kind]);
            absorb(&pin.digest);
        }
    }

    /// Whether a key pin is really the hash of the leaf's certificate file, DER or PEM: the
    /// commonest mistake, and what some instructions tell people to do.
    fn holds_file_hash(&self, leaf_certificate: &[u8], certificate: &Pin) -> bool {
        let pem_file = Pin::spki(sha256_of_pem_file(leaf_certificate));
        let der_file = Pin::spki(certificate.digest);
        self.pins().any(|pin| *pin == der_file || *pin == pem_file)
    }
}

/// What happens to a peer that no pin matches.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Enforcement {
    /// It is refused.
    #[default]
    Enforce,
    /// It is accepted, and an event says that it would have been refused.
    ReportOnly,
}

/// What [`PinSet::judge`] found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub enum PinVerdict {
    /// A pin of the set is in the path.
    Matched {
        /// Which one; 0 is the primary.
        index: u8,
        /// Whether it is a backup, so that the primary's replacement has begun.
        backup: bool,
    },
    /// None is.
    Unmatched {
        /// SHA-256 of the leaf's SubjectPublicKeyInfo: what a pin would have to be.
        presented: [u8; 32],
        /// Whether a key pin of the set is the hash of the leaf's certificate (DER or PEM file)
        /// instead of its key: then `presented` is what was meant.
        certificate_hash_given: bool,
    },
}

/// Puts back the header of a SubjectPublicKeyInfo of which only the contents are at hand.
///
/// Trust anchors in webpki's form hold it without its outer SEQUENCE, but a pin is the digest of
/// the whole.
pub fn rewrap_spki(contents: &[u8]) -> Vec<u8> {
    der::wrap(Tag::SEQUENCE, contents)
}

/// Why a pin, or a set of pins, is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum PinError {
    /// The text begins with none of the prefixes.
    Prefix,
    /// The text names a hash other than SHA-256.
    Algorithm,
    /// The digest has a length that is neither that of hex nor of base64.
    Length {
        /// How many characters follow the prefix.
        characters: usize,
    },
    /// The digest has the right length and is neither hex nor base64.
    Digits,
    /// A PEM text or the name of a certificate or key file stands where a pin should.
    Pem,
    /// The set has this pin already.
    Duplicate,
    /// The set holds [`MAX_PINS`] pins already.
    TooMany,
}

impl PinError {
    /// The stable code of this refusal.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Prefix => "E-PIN-10",
            Self::Algorithm => "E-PIN-11",
            Self::Length { .. } => "E-PIN-12",
            Self::Digits => "E-PIN-13",
            Self::Pem => "E-PIN-14",
            Self::Duplicate => "E-PIN-15",
            Self::TooMany => "E-PIN-16",
        }
    }
}

impl fmt::Display for PinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Prefix => f.write_str(
                "a pin has no known prefix; write sha256:BASE64 for a key or cert-sha256:HEX for a certificate",
            ),
            Self::Algorithm => {
                f.write_str("a pin names a hash other than sha-256; make the pin anew with sha-256")
            }
            Self::Length { characters } => write!(
                f,
                "a pin has {characters} characters behind its prefix; sha-256 has 44 in base64 (43 without padding) or 64 in hex"
            ),
            Self::Digits => f.write_str(
                "a pin is neither hex nor base64; use the standard alphabet with + and /, no separators, and no bits behind the digest",
            ),
            Self::Pem => f.write_str(
                "a pin is a digest, but a certificate or key file was given; make the pin with `ravelin pin FILE`",
            ),
            Self::Duplicate => f.write_str(
                "a pin is given twice; a backup must be another key, kept apart from the first",
            ),
            Self::TooMany => {
                write!(f, "there are more than {MAX_PINS} pins; remove those out of use")
            }
        }
    }
}

impl core::error::Error for PinError {}

fn is_file_name(text: &str) -> bool {
    [".pem", ".crt", ".cer", ".der", ".key"]
        .iter()
        .any(|ending| text.ends_with(ending))
}

fn names_another_hash(text: &str) -> bool {
    [
        "sha1", "sha-1", "sha224", "sha384", "sha512", "sha3-", "md5",
    ]
    .iter()
    .any(|name| text.starts_with(name))
}

fn parse_digest(text: &str) -> Result<[u8; 32], PinError> {
    match text.len() {
        64 => parse_hex(text).ok_or(PinError::Digits),
        // One byte more than a digest: the decoder wants room for the padding.
        43 | 44 => {
            let mut decoded = [0; 33];
            let decoded = if text.len() == 44 {
                Base64::decode(text, &mut decoded)
            } else {
                Base64Unpadded::decode(text, &mut decoded)
            };
            let digest = decoded.ok().and_then(|digest| digest.try_into().ok());
            digest.ok_or(PinError::Digits)
        }
        _ => Err(PinError::Length {
            characters: text.chars().count(),
        }),
    }
}

fn parse_hex(text: &str) -> Option<[u8; 32]> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let mut digest = [0; 32];
    if pairs.len() != digest.len() || !rest.is_empty() {
        return None;
    }
    for (byte, [high, low]) in digest.iter_mut().zip(pairs) {
        *byte = (digit(*high)? << 4 | digit(*low)?) as u8;
    }
    Some(digest)
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// The SHA-256 of a certificate's PEM file, as OpenSSL writes it (RFC 7468 section 2).
fn sha256_of_pem_file(der: &[u8]) -> [u8; 32] {
    let mut file = Sha256::new();
    file.update(b"-----BEGIN CERTIFICATE-----\n");
    for line in der.chunks(48) {
        let mut base64 = [0; 64];
        if let Ok(base64) = Base64::encode(line, &mut base64) {
            file.update(base64);
            file.update(b"\n");
        }
    }
    file.update(b"-----END CERTIFICATE-----\n");
    file.finalize().into()
}

#[cfg(test)]
mod tests;
