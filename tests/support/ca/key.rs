//! Keys from seeds, and the signer through which arbitrary bytes get into a subject.

use p256::ecdsa::DerSignature;
use p256::ecdsa::signature::Signer as _;
use rcgen::PublicKeyData;
use sha2::{Digest, Sha256};

#[derive(Clone)]
pub(super) struct Key {
    signing: p256::ecdsa::SigningKey,
    point: Vec<u8>,
}

impl Key {
    pub(super) fn derive(parts: &[&[u8]]) -> Self {
        let signing = p256::ecdsa::SigningKey::from_slice(&hash(parts))
            .expect("one hash in 2^32 is no scalar");
        let point = signing
            .verifying_key()
            .to_sec1_point(false)
            .as_bytes()
            .to_vec();
        Self { signing, point }
    }

    pub(super) fn secret(&self) -> p256::SecretKey {
        self.signing.as_nonzero_scalar().into()
    }

    /// The key identifier extension's value: RFC 7093 section 2, method 1.
    pub(super) fn id(&self) -> [u8; 20] {
        let digest: [u8; 32] = Sha256::digest(&self.point).into();
        std::array::from_fn(|at| digest[at])
    }
}

impl PublicKeyData for Key {
    fn der_bytes(&self) -> &[u8] {
        &self.point
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

/// A key that signs what [`splice`] makes of the message.
pub(super) struct Splicing<'a> {
    pub(super) key: &'a Key,
    pub(super) subject_bytes: Option<&'a [u8]>,
}

impl PublicKeyData for Splicing<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.key.der_bytes()
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        self.key.algorithm()
    }
}

impl rcgen::SigningKey for Splicing<'_> {
    fn sign(&self, to_be_signed: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let message = splice(to_be_signed, self.subject_bytes);
        let signature: DerSignature = self.key.signing.sign(&message);
        Ok(signature.as_bytes().to_vec())
    }
}

/// Replaces the placeholder of the same length by `subject_bytes`.
pub(super) fn splice(der: &[u8], subject_bytes: Option<&[u8]>) -> Vec<u8> {
    let mut der = der.to_vec();
    if let Some(bytes) = subject_bytes {
        let mark = placeholder(bytes.len()).into_bytes();
        let at = der.windows(mark.len()).position(|window| window == mark);
        let at = at.expect("the subject holds the placeholder");
        der[at..at + bytes.len()].copy_from_slice(bytes);
    }
    der
}

pub(super) fn placeholder(len: usize) -> String {
    "~".repeat(len)
}

/// Every part goes in with its length: no two lists of parts may meet in one hash.
pub(super) fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let hash = parts.iter().fold(Sha256::new(), |hash, part| {
        hash.chain_update((part.len() as u64).to_be_bytes())
            .chain_update(part)
    });
    hash.finalize().into()
}
