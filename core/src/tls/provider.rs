//! Where the cryptography comes from: always given, never the process default.

pub use rustls::crypto::CryptoProvider;

#[cfg(feature = "aws-lc-rs")]
use alloc::sync::Arc;

/// AWS-LC with the post-quantum hybrid X25519MLKEM768 as the first group, then X25519, P-256 and P-384; AES-GCM and
/// ChaCha20-Poly1305; RSA, ECDSA and Ed25519 keys. Random bytes come from the operating system.
#[cfg(feature = "aws-lc-rs")]
pub fn aws_lc_rs() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}
