//! The seeded provider without its public-key arithmetic, for scans that need some ten thousand handshakes.
//!
//! Records, key schedule and messages are those of [`seeded`], with the same sizes. Signatures and key exchange are
//! hashes that anybody can compute: this says something about how bytes are carried, and nothing about who sent them.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::crypto::{
    ActiveKeyExchange, CryptoProvider, KeyProvider, SecureRandom, SharedSecret, SupportedKxGroup,
    WebPkiSupportedAlgorithms,
};
use rustls::ffdhe_groups::FfdheGroup;
use rustls::sign::{Signer, SigningKey};
use rustls::{Error, NamedGroup, SignatureAlgorithm, SignatureScheme};
use rustls_pki_types::{
    AlgorithmIdentifier, InvalidSignature, PrivateKeyDer, SignatureVerificationAlgorithm,
    SubjectPublicKeyInfoDer, alg_id,
};
use sha2::{Digest, Sha256};

use crate::provider::seeded;

/// A provider like [`seeded`], some ten times faster and without any security.
pub fn light(seed: u64) -> CryptoProvider {
    let provider = seeded(seed);
    CryptoProvider {
        kx_groups: vec![HashGroup::leak(provider.secure_random)],
        signature_verification_algorithms: ALGORITHMS,
        key_provider: &LightKeys,
        ..provider
    }
}

static ALGORITHMS: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
    all: &[&HashSignature],
    mapping: &[(SignatureScheme::ECDSA_NISTP256_SHA256, &[&HashSignature])],
};

/// The signature of a handshake is a hash of key and message; that of a certificate, in DER, is taken as it is.
#[derive(Debug)]
struct HashSignature;

impl SignatureVerificationAlgorithm for HashSignature {
    fn verify_signature(
        &self,
        public_key: &[u8],
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        let der = signature.first() == Some(&0x30);
        if der || signature == sign(public_key, message) {
            Ok(())
        } else {
            Err(InvalidSignature)
        }
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_P256
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_SHA256
    }
}

/// As long as most ECDSA signatures on P-256.
fn sign(public_key: &[u8], message: &[u8]) -> Vec<u8> {
    let digest = Sha256::new()
        .chain_update(public_key)
        .chain_update(message)
        .finalize();
    let mut signature = vec![0; 71];
    signature[..digest.len()].copy_from_slice(&digest);
    signature[0] &= 0x0f;
    signature
}

#[derive(Debug)]
struct LightKeys;

impl KeyProvider for LightKeys {
    fn load_private_key(&self, key: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, Error> {
        let key = seeded(0).key_provider.load_private_key(key)?;
        let spki = key
            .public_key()
            .ok_or_else(|| Error::General("a key without its public half".into()))?
            .into_owned();
        Ok(Arc::new(LightKey(spki)))
    }
}

#[derive(Clone, Debug)]
struct LightKey(SubjectPublicKeyInfoDer<'static>);

impl SigningKey for LightKey {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        offered
            .contains(&self.scheme())
            .then(|| Box::new(self.clone()) as Box<dyn Signer>)
    }

    fn public_key(&self) -> Option<SubjectPublicKeyInfoDer<'_>> {
        Some(self.0.clone())
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }
}

impl Signer for LightKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        // The point at the end of the SubjectPublicKeyInfo is what a verifier is given as the key.
        let (_, point) = self.0.split_at(self.0.len() - POINT);
        Ok(sign(point, message))
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::ECDSA_NISTP256_SHA256
    }
}

/// Bytes of an uncompressed point on P-256.
const POINT: usize = 65;

/// Poses as X25519: both sides send 32 random bytes, and the secret is a hash of all 64.
#[derive(Debug)]
struct HashGroup(&'static dyn SecureRandom);

impl HashGroup {
    /// As in the seeded provider: rustls asks for `&'static`, and what is leaked stays reachable.
    fn leak(random: &'static dyn SecureRandom) -> &'static Self {
        static LEAKED: Mutex<Vec<&'static HashGroup>> = Mutex::new(Vec::new());

        let group: &'static Self = Box::leak(Box::new(Self(random)));
        LEAKED
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(group);
        group
    }
}

impl SupportedKxGroup for HashGroup {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let mut public = [0; 32];
        self.0.fill(&mut public)?;
        Ok(Box::new(HashExchange(public)))
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}

struct HashExchange([u8; 32]);

impl ActiveKeyExchange for HashExchange {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        let mut both = [&self.0[..], peer];
        both.sort_unstable();
        let secret = Sha256::digest(both.concat());
        Ok(SharedSecret::from(&secret[..]))
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn pub_key(&self) -> &[u8] {
        &self.0
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::X25519
    }
}
