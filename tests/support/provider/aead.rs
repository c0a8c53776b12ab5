//! TLS 1.3 record protection (RFC 8446 section 5.2).

use std::marker::PhantomData;

use aes_gcm::{Aes128Gcm, Aes256Gcm};
use chacha20poly1305::ChaCha20Poly1305;
use chacha20poly1305::aead::consts::{U12, U16};
use chacha20poly1305::aead::{AeadInOut, KeyInit};
use rustls::crypto::cipher::{
    AeadKey, InboundOpaqueMessage, InboundPlainMessage, Iv, MessageDecrypter, MessageEncrypter,
    Nonce, OutboundOpaqueMessage, OutboundPlainMessage, PrefixedPayload, Tls13AeadAlgorithm,
    UnsupportedOperationError, make_tls13_aad,
};
use rustls::{ConnectionTrafficSecrets, ContentType, Error, ProtocolVersion};

pub(super) static AES_128_GCM: Algorithm<Aes128Gcm> =
    Algorithm::new(|key, iv| ConnectionTrafficSecrets::Aes128Gcm { key, iv });
pub(super) static AES_256_GCM: Algorithm<Aes256Gcm> =
    Algorithm::new(|key, iv| ConnectionTrafficSecrets::Aes256Gcm { key, iv });
pub(super) static CHACHA20_POLY1305: Algorithm<ChaCha20Poly1305> =
    Algorithm::new(|key, iv| ConnectionTrafficSecrets::Chacha20Poly1305 { key, iv });

/// What this module asks of an AEAD: the nonce and tag sizes that TLS 1.3 is written for.
pub(super) trait Cipher:
    AeadInOut<NonceSize = U12, TagSize = U16> + KeyInit + Send + Sync + 'static
{
}

impl<A: AeadInOut<NonceSize = U12, TagSize = U16> + KeyInit + Send + Sync + 'static> Cipher for A {}

pub(super) struct Algorithm<A> {
    secrets: fn(AeadKey, Iv) -> ConnectionTrafficSecrets,
    cipher: PhantomData<A>,
}

impl<A> Algorithm<A> {
    const fn new(secrets: fn(AeadKey, Iv) -> ConnectionTrafficSecrets) -> Self {
        Self {
            secrets,
            cipher: PhantomData,
        }
    }
}

impl<A: Cipher> Tls13AeadAlgorithm for Algorithm<A> {
    fn encrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageEncrypter> {
        Box::new(Direction::<A>::new(&key, iv))
    }

    fn decrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageDecrypter> {
        Box::new(Direction::<A>::new(&key, iv))
    }

    fn key_len(&self) -> usize {
        A::key_size()
    }

    fn extract_keys(
        &self,
        key: AeadKey,
        iv: Iv,
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        Ok((self.secrets)(key, iv))
    }
}

/// One direction of a connection under one traffic key.
struct Direction<A> {
    cipher: A,
    iv: Iv,
}

impl<A: Cipher> Direction<A> {
    fn new(key: &AeadKey, iv: Iv) -> Self {
        let cipher =
            A::new_from_slice(key.as_ref()).expect("the caller cuts the key to `key_len` bytes");
        Self { cipher, iv }
    }
}

impl<A: Cipher> MessageEncrypter for Direction<A> {
    fn encrypt(
        &mut self,
        msg: OutboundPlainMessage<'_>,
        seq: u64,
    ) -> Result<OutboundOpaqueMessage, Error> {
        let total = self.encrypted_payload_len(msg.payload.len());
        let mut payload = PrefixedPayload::with_capacity(total);
        payload.extend_from_chunks(&msg.payload);
        payload.extend_from_slice(&msg.typ.to_array());

        let nonce = Nonce::new(&self.iv, seq).0.into();
        let tag = self
            .cipher
            .encrypt_inout_detached(&nonce, &make_tls13_aad(total), payload.as_mut().into())
            .map_err(|_| Error::EncryptError)?;
        payload.extend_from_slice(&tag);

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

impl<A: Cipher> MessageDecrypter for Direction<A> {
    fn decrypt<'a>(
        &mut self,
        mut msg: InboundOpaqueMessage<'a>,
        seq: u64,
    ) -> Result<InboundPlainMessage<'a>, Error> {
        let aad = make_tls13_aad(msg.payload.len());
        let nonce = Nonce::new(&self.iv, seq).0.into();
        let (ciphertext, tag) = msg
            .payload
            .split_last_chunk_mut::<TAG_LEN>()
            .ok_or(Error::DecryptError)?;
        let plain_len = ciphertext.len();

        self.cipher
            .decrypt_inout_detached(&nonce, &aad, ciphertext.into(), &(*tag).into())
            .map_err(|_| Error::DecryptError)?;
        msg.payload.truncate(plain_len);
        msg.into_tls13_unpadded_message()
    }
}

const TAG_LEN: usize = 16;
