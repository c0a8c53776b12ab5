//! A peer that seals what no honest peer would: records of any inner type and content, under the right keys.
//!
//! [`hostile`] wraps a provider. Whatever the connection on it sends goes out as usual, except a plaintext made by
//! [`raw`]: that one is sealed as a record of the type and the content asked for.

use std::sync::{Mutex, PoisonError};

use rustls::crypto::CryptoProvider;
use rustls::crypto::cipher::{
    AeadKey, Iv, MessageDecrypter, MessageEncrypter, OutboundChunks, OutboundOpaqueMessage,
    OutboundPlainMessage, Tls13AeadAlgorithm, UnsupportedOperationError,
};
use rustls::{
    CipherSuiteCommon, ConnectionTrafficSecrets, ContentType, Error, SupportedCipherSuite,
    Tls13CipherSuite,
};

/// `provider`, with an ear for [`raw`]. Its cipher suites for TLS 1.3 only.
pub fn hostile(provider: CryptoProvider) -> CryptoProvider {
    with_suites(provider, |suite| Tls13CipherSuite {
        common: common(suite, suite.common.confidentiality_limit),
        hkdf_provider: suite.hkdf_provider,
        aead_alg: keep(Hostile(suite.aead_alg)),
        quic: None,
    })
}

/// `provider`, whose keys protect no more than `records` records (RFC 8446, 5.5) before they must be updated.
pub fn short_lived_keys(provider: CryptoProvider, records: u64) -> CryptoProvider {
    with_suites(provider, |suite| Tls13CipherSuite {
        common: common(suite, records),
        hkdf_provider: suite.hkdf_provider,
        aead_alg: suite.aead_alg,
        quic: None,
    })
}

/// What to send on a [`hostile`] connection for a record of inner type `typ` with this content.
pub fn raw(typ: ContentType, content: &[u8]) -> Vec<u8> {
    [MAGIC, &[u8::from(typ)], content].concat()
}

/// The content types of [`raw`].
pub use rustls::ContentType as RecordType;

const MAGIC: &[u8] = b"\0raw record of \0";

fn common(suite: &Tls13CipherSuite, confidentiality_limit: u64) -> CipherSuiteCommon {
    CipherSuiteCommon {
        suite: suite.common.suite,
        hash_provider: suite.common.hash_provider,
        confidentiality_limit,
    }
}

fn with_suites(
    mut provider: CryptoProvider,
    change: impl Fn(&'static Tls13CipherSuite) -> Tls13CipherSuite,
) -> CryptoProvider {
    for suite in &mut provider.cipher_suites {
        if let SupportedCipherSuite::Tls13(inner) = suite {
            *suite = SupportedCipherSuite::Tls13(keep(change(inner)));
        }
    }
    provider
}

/// rustls asks for `&'static`; what is leaked stays reachable for leak detectors.
fn keep<T: Send + Sync + 'static>(value: T) -> &'static T {
    static KEPT: Mutex<Vec<&'static (dyn Send + Sync)>> = Mutex::new(Vec::new());

    let value: &'static T = Box::leak(Box::new(value));
    KEPT.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(value);
    value
}

struct Hostile(&'static dyn Tls13AeadAlgorithm);

impl Tls13AeadAlgorithm for Hostile {
    fn encrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageEncrypter> {
        Box::new(HostileEncrypter(self.0.encrypter(key, iv)))
    }

    fn decrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageDecrypter> {
        self.0.decrypter(key, iv)
    }

    fn key_len(&self) -> usize {
        self.0.key_len()
    }

    fn extract_keys(
        &self,
        key: AeadKey,
        iv: Iv,
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        self.0.extract_keys(key, iv)
    }
}

struct HostileEncrypter(Box<dyn MessageEncrypter>);

impl MessageEncrypter for HostileEncrypter {
    fn encrypt(
        &mut self,
        message: OutboundPlainMessage<'_>,
        seq: u64,
    ) -> Result<OutboundOpaqueMessage, Error> {
        let plaintext = message.payload.to_vec();
        match plaintext.strip_prefix(MAGIC) {
            Some([typ, content @ ..]) => self.0.encrypt(
                OutboundPlainMessage {
                    typ: ContentType::from(*typ),
                    version: message.version,
                    payload: OutboundChunks::Single(content),
                },
                seq,
            ),
            _ => self.0.encrypt(message, seq),
        }
    }

    fn encrypted_payload_len(&self, payload_len: usize) -> usize {
        // An upper bound is enough: the record says how long it is.
        self.0.encrypted_payload_len(payload_len)
    }
}
