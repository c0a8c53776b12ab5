//! Verification in software, for devices without a TLS provider: the curves of the crates p256 and ed25519-dalek behind
//! the interface that every provider has.

use rustls_pki_types::{
    AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id,
};

use super::signature::Signature;

/// ECDSA on P-256 with SHA-256. The key is an uncompressed point of 65 bytes, the signature is DER, and s may be high.
#[cfg(feature = "p256")]
pub static ES256: &dyn SignatureVerificationAlgorithm = &Es256;

/// Ed25519, with every check of RFC 8032, 5.1.7 and without keys or signatures of small order.
#[cfg(feature = "ed25519")]
pub static EDDSA: &dyn SignatureVerificationAlgorithm = &EdDsa;

#[cfg(feature = "p256")]
#[derive(Debug)]
struct Es256;

#[cfg(feature = "p256")]
impl SignatureVerificationAlgorithm for Es256 {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        use p256::ecdsa::signature::Verifier as _;

        // `from_sec1_bytes` would take a compressed point as well, and one key would have two encodings.
        if public_key.len() != 65 || public_key.first() != Some(&4) {
            return Err(InvalidSignature);
        }
        let key =
            p256::ecdsa::VerifyingKey::from_sec1_bytes(public_key).map_err(|_| InvalidSignature)?;
        let signature = Signature::from_der(signature).map_err(|_| InvalidSignature)?;
        let signature = p256::ecdsa::Signature::from_slice(signature.as_bytes())
            .map_err(|_| InvalidSignature)?;
        key.verify(message, &signature)
            .map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_P256
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_SHA256
    }
}

#[cfg(feature = "ed25519")]
#[derive(Debug)]
struct EdDsa;

#[cfg(feature = "ed25519")]
impl SignatureVerificationAlgorithm for EdDsa {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        use super::algorithm::Algorithm;
        use super::jwk::PublicKey;

        let point = public_key.try_into().map_err(|_| InvalidSignature)?;
        PublicKey::ed25519(point).map_err(|_| InvalidSignature)?;
        let key = ed25519_dalek::VerifyingKey::from_bytes(point).map_err(|_| InvalidSignature)?;
        let signature =
            Signature::from_raw(Algorithm::EdDsa, signature).map_err(|_| InvalidSignature)?;
        key.verify_strict(message, &signature.as_bytes().into())
            .map_err(|_| InvalidSignature)
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ED25519
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ED25519
    }
}
