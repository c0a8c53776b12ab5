//! Signatures: the 64 bytes of a JWS, and the ASN.1 that backends and key stores take and give.

use core::fmt;

use rustls_pki_types::{InvalidSignature, SignatureVerificationAlgorithm, alg_id};

use super::algorithm::Algorithm;
use super::jwk::{self, PublicKey};
use crate::der::Reader;

/// A signature that every backend may see.
///
/// What backends are known to judge differently, or to have judged wrongly, never reaches one: an ECDSA r or s of zero
/// or of the order and more (CVE-2022-21449), DER that is not the one encoding, an Ed25519 R that is not canonical or
/// of small order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    algorithm: Algorithm,
    bytes: [u8; 64],
}

impl Signature {
    /// A signature as a JWS carries it, 64 bytes: r and s, big-endian (RFC 7518, 3.4), or the octets of Ed25519
    /// (RFC 8037, 3.1).
    ///
    /// # Errors
    /// [`SignatureError::Length`] or [`SignatureError::Range`].
    pub fn from_raw(algorithm: Algorithm, bytes: &[u8]) -> Result<Self, SignatureError> {
        let bytes: [u8; 64] = bytes.try_into().map_err(|_| SignatureError::Length)?;
        let (first, second) = halves(&bytes);
        let in_range = match algorithm {
            Algorithm::Es256 => is_scalar(first) && is_scalar(second),
            // Some backends compare R as bytes and never look at the point, others refuse these.
            Algorithm::EdDsa => jwk::is_canonical(first) && !jwk::is_of_small_order(first),
        };
        if in_range {
            Ok(Self { algorithm, bytes })
        } else {
            Err(SignatureError::Range)
        }
    }

    /// An ES256 signature as PKCS#11 tokens with the X.509 form, TPMs and key management services give it: the DER of
    /// an ECDSA-Sig-Value (RFC 3279, 2.2.3).
    ///
    /// # Errors
    /// [`SignatureError::Der`] or [`SignatureError::Range`].
    pub fn from_der(der: &[u8]) -> Result<Self, SignatureError> {
        let mut outer = Reader::new(der);
        let mut value = outer.sequence().map_err(|_| SignatureError::Der)?;
        let r = value.integer().map_err(|_| SignatureError::Der)?;
        let s = value.integer().map_err(|_| SignatureError::Der)?;
        value.finish().map_err(|_| SignatureError::Der)?;
        outer.finish().map_err(|_| SignatureError::Der)?;

        let mut bytes = [0; 64];
        let (first, second) = bytes.split_at_mut(32);
        put_unsigned(r, first)?;
        put_unsigned(s, second)?;
        Self::from_raw(Algorithm::Es256, &bytes)
    }

    /// What a software key has just made: in range by construction.
    #[cfg(any(feature = "p256", feature = "ed25519"))]
    pub(super) const fn signed(algorithm: Algorithm, bytes: [u8; 64]) -> Self {
        Self { algorithm, bytes }
    }

    /// The algorithm that it was made with.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The bytes that a JWS carries.
    pub const fn as_bytes(&self) -> &[u8; 64] {
        &self.bytes
    }

    /// The contents of an X.509 signatureValue, which is what backends take: DER for ES256 (RFC 3279, 2.2.3), the same
    /// 64 bytes for Ed25519 (RFC 8410, 6).
    pub fn signature_value(&self) -> SignatureValue {
        let mut value = SignatureValue {
            bytes: [0; 72],
            length: 0,
        };
        match self.algorithm {
            Algorithm::Es256 => {
                let (r, s) = halves(&self.bytes);
                // Each 2 + 1 + 32 bytes at most: the lengths need one octet.
                value.push(&[0x30, 4 + integer_length(r) + integer_length(s)]);
                value.push_integer(r);
                value.push_integer(s);
            }
            Algorithm::EdDsa => value.push(&self.bytes),
        }
        value
    }

    /// Whether `key` made this signature for `message`, by the judgement of `backend`.
    ///
    /// # Errors
    /// [`InvalidSignature`] when it did not, and when key, backend and signature are of different algorithms.
    pub fn verify(
        &self,
        backend: &dyn SignatureVerificationAlgorithm,
        key: &PublicKey,
        message: &[u8],
    ) -> Result<(), InvalidSignature> {
        let (key_id, signature_id) = match self.algorithm {
            Algorithm::Es256 => (alg_id::ECDSA_P256, alg_id::ECDSA_SHA256),
            Algorithm::EdDsa => (alg_id::ED25519, alg_id::ED25519),
        };
        if key.algorithm() != self.algorithm
            || backend.public_key_alg_id() != key_id
            || backend.signature_alg_id() != signature_id
        {
            return Err(InvalidSignature);
        }
        backend.verify_signature(key.as_bytes(), message, self.signature_value().as_ref())
    }
}

/// The contents of an X.509 signatureValue, at most 72 bytes.
#[derive(Clone, Copy, Debug)]
pub struct SignatureValue {
    bytes: [u8; 72],
    length: usize,
}

impl SignatureValue {
    /// Appends. The callers stay within 72 bytes.
    fn push(&mut self, part: &[u8]) {
        for (to, from) in self.bytes.iter_mut().skip(self.length).zip(part) {
            *to = *from;
            self.length += 1;
        }
    }

    fn push_integer(&mut self, scalar: &[u8; 32]) {
        let digits = without_zeros(scalar);
        self.push(&[0x02, integer_length(scalar)]);
        if has_top_bit(digits) {
            self.push(&[0]);
        }
        self.push(digits);
    }
}

impl AsRef<[u8]> for SignatureValue {
    fn as_ref(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

/// Bytes that are no signature of their algorithm, whatever the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureError {
    /// Not 64 bytes.
    Length,
    /// Not the DER of an ECDSA-Sig-Value.
    Der,
    /// A part of it lies outside the range that its algorithm allows.
    Range,
}

impl SignatureError {
    /// The stable code of this refusal.
    pub const fn code(self) -> &'static str {
        "E-DPO-57"
    }
}

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Length => {
                "a signature is not 64 bytes; give r and s of 32 bytes each, or convert it from der"
            }
            Self::Der => {
                "a signature is not a canonical der sequence of two positive integers; have the key store give der or r and s"
            }
            Self::Range => {
                "a part of a signature is zero or out of range; sign again, and distrust a signer that repeats this"
            }
        })
    }
}

impl core::error::Error for SignatureError {}

/// Right-aligns a positive DER integer of at most 32 digits.
fn put_unsigned(integer: &[u8], to: &mut [u8]) -> Result<(), SignatureError> {
    if has_top_bit(integer) {
        return Err(SignatureError::Der);
    }
    let digits = integer.strip_prefix(&[0]).unwrap_or(integer);
    let start = to
        .len()
        .checked_sub(digits.len())
        .ok_or(SignatureError::Range)?;
    for (to, from) in to.iter_mut().skip(start).zip(digits) {
        *to = *from;
    }
    Ok(())
}

/// Whether r or s may be this: from 1 to the order of P-256 less one.
fn is_scalar(bytes: &[u8; 32]) -> bool {
    const ORDER: [u8; 32] = [
        0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63,
        0x25, 0x51,
    ];
    *bytes < ORDER && *bytes != [0; 32]
}

/// The length of the contents of a DER INTEGER.
fn integer_length(scalar: &[u8; 32]) -> u8 {
    let digits = without_zeros(scalar);
    // At most 33.
    digits.len() as u8 + u8::from(has_top_bit(digits))
}

fn without_zeros(scalar: &[u8; 32]) -> &[u8] {
    let zeros = scalar.iter().take_while(|&&byte| byte == 0).count();
    scalar.get(zeros..).unwrap_or_default()
}

fn has_top_bit(digits: &[u8]) -> bool {
    digits.first().is_some_and(|&byte| byte >= 0x80)
}

fn halves(bytes: &[u8; 64]) -> (&[u8; 32], &[u8; 32]) {
    let (halves, _) = bytes.as_chunks::<32>();
    match halves {
        [first, second] => (first, second),
        // 64 bytes are two chunks; without a panic nothing else can stand here.
        _ => (&[0; 32], &[0; 32]),
    }
}

#[cfg(test)]
mod tests;
