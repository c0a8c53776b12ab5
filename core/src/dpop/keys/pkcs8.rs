//! PrivateKeyInfo (RFC 5958) of the two algorithms.

use alloc::vec::Vec;

use rustls_pki_types::alg_id;
use zeroize::Zeroizing;

use super::KeyError;
use crate::der::{DerError, Reader, Tag};
use crate::dpop::{Algorithm, PublicKey};

/// What a PrivateKeyInfo says.
pub(super) struct Info<'a> {
    pub(super) algorithm: Algorithm,
    pub(super) secret: &'a [u8; 32],
    /// The subjectPublicKey, if it is there.
    pub(super) public: Option<&'a [u8]>,
}

pub(super) fn read(der: &[u8]) -> Result<Info<'_>, KeyError> {
    let Outer {
        algorithm,
        key,
        public,
    } = outer(der).map_err(|_| KeyError::Malformed)?;
    if algorithm == alg_id::ECDSA_P256.as_ref() {
        let (secret, inner_public) = ec_private_key(key)?;
        Ok(Info {
            algorithm: Algorithm::Es256,
            secret,
            public: inner_public.or(public),
        })
    } else if algorithm == alg_id::ED25519.as_ref() {
        Ok(Info {
            algorithm: Algorithm::EdDsa,
            secret: curve_private_key(key).map_err(|_| KeyError::Malformed)?,
            public,
        })
    } else {
        Err(KeyError::Algorithm)
    }
}

/// Version 1, in the form that OpenSSL writes: the public key inside for P-256, none for Ed25519.
pub(super) fn write(secret: &[u8; 32], public: &PublicKey) -> Zeroizing<Vec<u8>> {
    // SEQUENCE { 0, { id-ecPublicKey, prime256v1 }, OCTET STRING { SEQUENCE { 1, OCTET STRING { secret
    const P256: &[u8] = &[
        0x30, 0x81, 0x87, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d,
        0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x04, 0x6d, 0x30,
        0x6b, 0x02, 0x01, 0x01, 0x04, 0x20,
    ];
    // }, [1] { BIT STRING { public
    const P256_PUBLIC: &[u8] = &[0xa1, 0x44, 0x03, 0x42, 0x00];
    // SEQUENCE { 0, { id-Ed25519 }, OCTET STRING { OCTET STRING { secret
    const ED25519: &[u8] = &[
        0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04,
        0x20,
    ];
    let parts = match public.algorithm() {
        Algorithm::Es256 => [P256, secret, P256_PUBLIC, public.as_bytes()],
        Algorithm::EdDsa => [ED25519, secret, &[], &[]],
    };
    // In one piece: a vector that grows leaves a copy behind.
    let mut der = Zeroizing::new(Vec::with_capacity(138));
    for part in parts {
        der.extend_from_slice(part);
    }
    der
}

/// The contents of what every private key has, whatever its algorithm.
struct Outer<'a> {
    algorithm: &'a [u8],
    key: &'a [u8],
    /// Of version 2 only.
    public: Option<&'a [u8]>,
}

fn outer(der: &[u8]) -> Result<Outer<'_>, DerError> {
    let mut whole = Reader::new(der);
    let mut info = whole.sequence()?;
    whole.finish()?;
    let [0 | 1] = info.integer()? else {
        return Err(DerError::Value);
    };
    let algorithm = info.expect(Tag::SEQUENCE)?.contents;
    let key = info.expect(Tag::OCTET_STRING)?.contents;
    // Attributes say nothing about the key.
    info.optional(Tag::context_constructed(0))?;
    let public = match info.optional(Tag::context(1))? {
        Some([0, public @ ..]) => Some(public),
        Some(_) => return Err(DerError::Value),
        None => None,
    };
    info.finish()?;
    Ok(Outer {
        algorithm,
        key,
        public,
    })
}

/// ECPrivateKey (RFC 5915, 3).
fn ec_private_key(der: &[u8]) -> Result<(&[u8; 32], Option<&[u8]>), KeyError> {
    let read = || {
        let mut whole = Reader::new(der);
        let mut key = whole.sequence()?;
        whole.finish()?;
        let [1] = key.integer()? else {
            return Err(DerError::Value);
        };
        let secret = key.expect(Tag::OCTET_STRING)?.contents;
        let secret = secret.try_into().map_err(|_| DerError::Value)?;
        let curve = key.optional(Tag::context_constructed(0))?;
        let public = match key.optional(Tag::context_constructed(1))? {
            Some(public) => {
                let mut inner = Reader::new(public);
                let public = inner.bit_string()?;
                inner.finish()?;
                Some(public)
            }
            None => None,
        };
        key.finish()?;
        Ok((secret, curve, public))
    };
    let (secret, curve, public) = read().map_err(|_| KeyError::Malformed)?;
    // The curve may be named again, and then it is the end of the AlgorithmIdentifier.
    if curve.is_some_and(|curve| !alg_id::ECDSA_P256.as_ref().ends_with(curve) || curve.is_empty())
    {
        return Err(KeyError::Algorithm);
    }
    Ok((secret, public))
}

/// CurvePrivateKey (RFC 8410, 7).
fn curve_private_key(der: &[u8]) -> Result<&[u8; 32], DerError> {
    let mut whole = Reader::new(der);
    let seed = whole.expect(Tag::OCTET_STRING)?.contents;
    whole.finish()?;
    seed.try_into().map_err(|_| DerError::Value)
}
