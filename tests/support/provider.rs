//! A [`CryptoProvider`] whose every random byte follows from a seed: real arithmetic, reproducible flights.
//!
//! Two connections on `seeded(1)` and `seeded(2)` that get the same inputs at the same simulated times send the same
//! bytes on every run and every machine. It offers no security: whoever knows the seed knows every secret.
//!
//! TLS 1.3 only: AES-128-GCM, ChaCha20-Poly1305 and AES-256-GCM, X25519 and secp256r1, certificates and keys on
//! P-256 with ECDSA and SHA-256 (signed as in RFC 6979, so without randomness).

mod aead;
mod ecdsa;
mod group;
mod hash;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use rustls::crypto::tls13::HkdfUsingHmac;
use rustls::crypto::{CryptoProvider, GetRandomFailed, SecureRandom};
use rustls::{CipherSuite, CipherSuiteCommon, SupportedCipherSuite, Tls13CipherSuite};
use sha2::{Digest, Sha256};

use group::{Secp256r1, X25519};

/// A provider whose secrets and random bytes all come from `seed`.
///
/// Every call starts the stream from its beginning: two providers with the same seed answer alike. Clones of one
/// provider share one stream, so what each gets depends on who asks first: for flights that do not depend on how
/// connections interleave, give each its own provider. The order of the suites and groups is the order of
/// preference; a test that wants another one reorders the vectors of the result.
///
/// ```
/// use ravelin_tests::provider::seeded;
///
/// let (mut first, mut second) = ([0; 4], [0; 4]);
/// seeded(7).secure_random.fill(&mut first).unwrap();
/// seeded(7).secure_random.fill(&mut second).unwrap();
/// assert_eq!(first, second);
/// ```
pub fn seeded(seed: u64) -> CryptoProvider {
    let source = Source::leak(seed);
    CryptoProvider {
        cipher_suites: vec![
            AES_128_GCM_SHA256,
            CHACHA20_POLY1305_SHA256,
            AES_256_GCM_SHA384,
        ],
        kx_groups: vec![&source.x25519, &source.secp256r1],
        signature_verification_algorithms: ecdsa::ALGORITHMS,
        secure_random: source.random,
        key_provider: &ecdsa::KeyLoader,
    }
}

/// What one provider owns, and the key-exchange groups that draw from it.
struct Source {
    random: &'static SeededRandom,
    x25519: X25519,
    secp256r1: Secp256r1,
}

impl Source {
    /// rustls asks for `&'static`, so each provider leaks about a hundred bytes. They stay reachable here: the leak
    /// detector of a fuzzing run must have nothing to report.
    fn leak(seed: u64) -> &'static Self {
        static LEAKED: Mutex<Vec<&'static Source>> = Mutex::new(Vec::new());

        let random = Box::leak(Box::new(SeededRandom {
            seed,
            fills: AtomicU64::new(0),
        }));
        let source: &'static Self = Box::leak(Box::new(Self {
            random,
            x25519: X25519(random),
            secp256r1: Secp256r1(random),
        }));
        LEAKED
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(source);
        source
    }
}

/// SHA-256 in counter mode: block `b` of the `n`-th fill is `SHA-256(seed || n || b)`.
///
/// A fill never splits a block with the next one, so the count of fills is the whole state.
#[derive(Debug)]
struct SeededRandom {
    seed: u64,
    fills: AtomicU64,
}

impl SeededRandom {
    /// The 32 bytes of a fresh private key.
    fn secret(&self) -> Result<[u8; 32], GetRandomFailed> {
        let mut secret = [0; 32];
        self.fill(&mut secret)?;
        Ok(secret)
    }
}

impl SecureRandom for SeededRandom {
    fn fill(&self, buf: &mut [u8]) -> Result<(), GetRandomFailed> {
        let fill = self.fills.fetch_add(1, Ordering::Relaxed);
        for (block, chunk) in (0u64..).zip(buf.chunks_mut(32)) {
            let digest = [self.seed, fill, block]
                .iter()
                .fold(Sha256::new(), |hash, word| {
                    hash.chain_update(word.to_be_bytes())
                })
                .finalize();
            chunk.copy_from_slice(&digest[..chunk.len()]);
        }
        Ok(())
    }
}

const AES_128_GCM_SHA256: SupportedCipherSuite = SupportedCipherSuite::Tls13(&Tls13CipherSuite {
    common: CipherSuiteCommon {
        suite: CipherSuite::TLS13_AES_128_GCM_SHA256,
        hash_provider: &hash::SHA256,
        confidentiality_limit: GCM_CONFIDENTIALITY_LIMIT,
    },
    hkdf_provider: &HkdfUsingHmac(&hash::HMAC_SHA256),
    aead_alg: &aead::AES_128_GCM,
    quic: None,
});

const CHACHA20_POLY1305_SHA256: SupportedCipherSuite =
    SupportedCipherSuite::Tls13(&Tls13CipherSuite {
        common: CipherSuiteCommon {
            suite: CipherSuite::TLS13_CHACHA20_POLY1305_SHA256,
            hash_provider: &hash::SHA256,
            confidentiality_limit: u64::MAX,
        },
        hkdf_provider: &HkdfUsingHmac(&hash::HMAC_SHA256),
        aead_alg: &aead::CHACHA20_POLY1305,
        quic: None,
    });

const AES_256_GCM_SHA384: SupportedCipherSuite = SupportedCipherSuite::Tls13(&Tls13CipherSuite {
    common: CipherSuiteCommon {
        suite: CipherSuite::TLS13_AES_256_GCM_SHA384,
        hash_provider: &hash::SHA384,
        confidentiality_limit: GCM_CONFIDENTIALITY_LIMIT,
    },
    hkdf_provider: &HkdfUsingHmac(&hash::HMAC_SHA384),
    aead_alg: &aead::AES_256_GCM,
    quic: None,
});

/// Records under one key before a key update (RFC 8446 section 5.5, rounded down to a power of two).
const GCM_CONFIDENTIALITY_LIMIT: u64 = 1 << 24;
