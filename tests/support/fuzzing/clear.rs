//! A provider that seals nothing and believes everything, so that a fuzzer gets behind the encryption.
//!
//! Records carry their plaintext and a tag of zeros; every MAC (Finished, the binder of a ticket) is zeros, and every
//! signature verifies. What a peer sends may then be changed at will and still reaches the parsers and the state
//! machine. Key exchange and key schedule stay real, since nothing depends on them any more.

use std::sync::LazyLock;

use rustls::crypto::cipher::{
    AeadKey, InboundOpaqueMessage, InboundPlainMessage, Iv, MessageDecrypter, MessageEncrypter,
    OutboundOpaqueMessage, OutboundPlainMessage, PrefixedPayload, Tls13AeadAlgorithm,
    UnsupportedOperationError,
};
use rustls::crypto::tls13::{Hkdf, HkdfExpander, OkmBlock};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, hmac};
use rustls::{
    CipherSuiteCommon, ConnectionTrafficSecrets, ContentType, Error, ProtocolVersion,
    SignatureScheme, SupportedCipherSuite, Tls13CipherSuite,
};
use rustls_pki_types::{
    AlgorithmIdentifier, InvalidSignature, SignatureVerificationAlgorithm, alg_id,
};

use crate::provider::seeded;

/// `provider` with one cipher suite, which is clear.
pub(super) fn clear(provider: CryptoProvider) -> CryptoProvider {
    CryptoProvider {
        cipher_suites: vec![SupportedCipherSuite::Tls13(&SUITE)],
        signature_verification_algorithms: ALGORITHMS,
        ..provider
    }
}

/// A record as the clear suite seals it.
pub(super) fn seal(typ: u8, content: &[u8]) -> Vec<u8> {
    let body = [content, &[typ], &[0; TAG_LEN]].concat();
    let len = u16::try_from(body.len()).expect("a record");
    let header = [23, 3, 3];
    [&header[..], &len.to_be_bytes(), &body].concat()
}

static SUITE: LazyLock<Tls13CipherSuite> = LazyLock::new(|| {
    let suites = seeded(0).cipher_suites;
    let suite = suites.iter().find_map(SupportedCipherSuite::tls13);
    let suite = suite.expect("the seeded provider speaks TLS 1.3");
    Tls13CipherSuite {
        common: CipherSuiteCommon {
            suite: suite.common.suite,
            hash_provider: suite.common.hash_provider,
            confidentiality_limit: u64::MAX,
        },
        hkdf_provider: Box::leak(Box::new(Believing(suite.hkdf_provider))),
        aead_alg: &Clear,
        quic: None,
    }
});

/// The real key schedule, with MACs of zeros.
struct Believing(&'static dyn Hkdf);

impl Hkdf for Believing {
    fn extract_from_zero_ikm(&self, salt: Option<&[u8]>) -> Box<dyn HkdfExpander> {
        self.0.extract_from_zero_ikm(salt)
    }

    fn extract_from_secret(&self, salt: Option<&[u8]>, secret: &[u8]) -> Box<dyn HkdfExpander> {
        self.0.extract_from_secret(salt, secret)
    }

    fn expander_for_okm(&self, okm: &OkmBlock) -> Box<dyn HkdfExpander> {
        self.0.expander_for_okm(okm)
    }

    fn hmac_sign(&self, key: &OkmBlock, _message: &[u8]) -> hmac::Tag {
        // The key of a MAC is as long as its tag (RFC 8446 section 4.4).
        hmac::Tag::new(&vec![0; key.as_ref().len()])
    }
}

static ALGORITHMS: WebPkiSupportedAlgorithms = WebPkiSupportedAlgorithms {
    all: &[&AnySignature],
    mapping: &[(SignatureScheme::ECDSA_NISTP256_SHA256, &[&AnySignature])],
};

#[derive(Debug)]
struct AnySignature;

impl SignatureVerificationAlgorithm for AnySignature {
    fn verify_signature(
        &self,
        _public_key: &[u8],
        _message: &[u8],
        _signature: &[u8],
    ) -> Result<(), InvalidSignature> {
        Ok(())
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_P256
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        alg_id::ECDSA_SHA256
    }
}

struct Clear;

impl Tls13AeadAlgorithm for Clear {
    fn encrypter(&self, _key: AeadKey, _iv: Iv) -> Box<dyn MessageEncrypter> {
        Box::new(Self)
    }

    fn decrypter(&self, _key: AeadKey, _iv: Iv) -> Box<dyn MessageDecrypter> {
        Box::new(Self)
    }

    /// As the core wants it for tickets, too.
    fn key_len(&self) -> usize {
        32
    }

    fn extract_keys(
        &self,
        _key: AeadKey,
        _iv: Iv,
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        Err(UnsupportedOperationError)
    }
}

impl MessageEncrypter for Clear {
    fn encrypt(
        &mut self,
        msg: OutboundPlainMessage<'_>,
        _seq: u64,
    ) -> Result<OutboundOpaqueMessage, Error> {
        let mut payload =
            PrefixedPayload::with_capacity(self.encrypted_payload_len(msg.payload.len()));
        payload.extend_from_chunks(&msg.payload);
        payload.extend_from_slice(&msg.typ.to_array());
        payload.extend_from_slice(&[0; TAG_LEN]);
        Ok(OutboundOpaqueMessage::new(
            ContentType::ApplicationData,
            ProtocolVersion::TLSv1_2,
            payload,
        ))
    }

    fn encrypted_payload_len(&self, payload_len: usize) -> usize {
        payload_len + size_of::<u8>() + TAG_LEN
    }
}

impl MessageDecrypter for Clear {
    fn decrypt<'a>(
        &mut self,
        mut msg: InboundOpaqueMessage<'a>,
        _seq: u64,
    ) -> Result<InboundPlainMessage<'a>, Error> {
        let len = msg.payload.len();
        let plain = len.checked_sub(TAG_LEN).ok_or(Error::DecryptError)?;
        msg.payload.truncate(plain);
        msg.into_tls13_unpadded_message()
    }
}

const TAG_LEN: usize = 16;
