//! EncryptedPrivateKeyInfo (RFC 5958, 3) by PBES2 (RFC 8018, 6.2).

use alloc::string::String;
use core::fmt::Write as _;

use pkcs5::der::Encode as _;
use pkcs5::pbes2::{EncryptionScheme, Kdf, Parameters};
use pkcs5::scrypt;
use zeroize::Zeroizing;

use super::pem::{self, Section};
use super::{KeyError, SigningKey};
use crate::der::{self, DerError, Reader, Tag};

/// What we encrypt with: N = 2^14, r = 8, p = 5. OWASP names it beside N = 2^17, p = 1, which OpenSSL refuses for its
/// 128 MiB.
const LOG_N: u8 = 14;
const BLOCK_SIZE: u32 = 8;
const PARALLELIZATION: u32 = 5;

/// The most that a file may ask for: 64 MiB, and six times our own work.
const MAX_SCRYPT_MEMORY: u64 = 64 << 20;
const MAX_SCRYPT_WORK: u64 = 4 << 20;
const MAX_ITERATIONS: u32 = 10_000_000;

/// Stands before a key. CBC has no tag and an Ed25519 key no public key beside it: without this line a damaged block
/// would be another key.
const THUMBPRINT: &str = "Thumbprint: ";

pub(super) fn read(section: &Section<'_>, password: &[u8]) -> Result<SigningKey, KeyError> {
    if section.label != pem::ENCRYPTED_PRIVATE_KEY {
        return Err(KeyError::Malformed);
    }
    if password.is_empty() {
        return Err(KeyError::Password);
    }
    let contents = section.contents()?;
    let (scheme, encrypted) = parts(&contents).map_err(|_| KeyError::Malformed)?;
    let scheme = pkcs5::EncryptionScheme::try_from(scheme).map_err(|_| KeyError::Encryption)?;
    let parameters = scheme.pbes2().ok_or(KeyError::Encryption)?;
    if !is_affordable(parameters) || !is_cbc(parameters) {
        return Err(KeyError::Encryption);
    }
    let mut buffer = Zeroizing::new(encrypted.to_vec());
    let der = parameters
        .decrypt_in_place(password, &mut buffer)
        .map_err(|error| {
            if error == pkcs5::Error::DecryptFailed {
                KeyError::Decryption
            } else {
                KeyError::Encryption
            }
        })?;
    // One wrong password in 256 leaves padding that looks right: that must not look different.
    let key = SigningKey::from_pkcs8_der(der).map_err(|error| {
        if error == KeyError::Malformed {
            KeyError::Decryption
        } else {
            error
        }
    })?;
    match section.attribute(THUMBPRINT) {
        Some(thumbprint) if thumbprint.parse() != Ok(key.thumbprint()) => Err(KeyError::Secret),
        _ => Ok(key),
    }
}

pub(super) fn write(
    key: &SigningKey,
    password: &[u8],
    entropy: &[u8; 32],
    text: &mut String,
) -> Result<(), KeyError> {
    if password.is_empty() {
        return Err(KeyError::Password);
    }
    let (salt, vector) = entropy.split_at(16);
    let mut iv = [0; 16];
    iv.copy_from_slice(vector);
    let contents = scrypt::Params::new(LOG_N, BLOCK_SIZE, PARALLELIZATION)
        .map_err(|_| pkcs5::Error::EncryptFailed)
        .and_then(|cost| Parameters::generate_scrypt_aes256cbc(cost, salt, iv))
        .and_then(|parameters| {
            let encrypted = parameters.encrypt(password, &key.to_pkcs8_der())?;
            let mut scheme = [0; 128];
            let scheme = pkcs5::EncryptionScheme::from(parameters)
                .encode_to_slice(&mut scheme)
                .map_err(|_| pkcs5::Error::EncryptFailed)?;
            let encrypted = der::wrap(Tag::OCTET_STRING, &encrypted);
            Ok(der::wrap(Tag::SEQUENCE, &[scheme, &encrypted].concat()))
        })
        // Of constants that are known to work.
        .map_err(|_| KeyError::Encryption)?;
    // Writing to a string does not fail.
    let _ = writeln!(text, "{THUMBPRINT}{}", key.thumbprint());
    pem::write(pem::ENCRYPTED_PRIVATE_KEY, &contents, text);
    Ok(())
}

/// The AlgorithmIdentifier and the ciphertext.
fn parts(contents: &[u8]) -> Result<(&[u8], &[u8]), DerError> {
    let mut whole = Reader::new(contents);
    let mut info = whole.sequence()?;
    whole.finish()?;
    let scheme = info.expect(Tag::SEQUENCE)?.der;
    let encrypted = info.expect(Tag::OCTET_STRING)?.contents;
    info.finish()?;
    Ok((scheme, encrypted))
}

/// Whether deriving the key stays within the bounds. The crate derives at any cost, and panics when N is zero.
pub(super) fn is_affordable(parameters: &Parameters) -> bool {
    match &parameters.kdf {
        Kdf::Pbkdf2(cost) => (1..=MAX_ITERATIONS).contains(&cost.iteration_count),
        Kdf::Scrypt(cost) => {
            let (n, r, p) = (
                cost.cost_parameter,
                u64::from(cost.block_size),
                u64::from(cost.parallelization),
            );
            let memory = n.saturating_mul(r).saturating_mul(128);
            let work = n.saturating_mul(r).saturating_mul(p);
            n > 1 && r > 0 && p > 0 && memory <= MAX_SCRYPT_MEMORY && work <= MAX_SCRYPT_WORK
        }
        _ => false,
    }
}

/// GCM in PBES2 is defined nowhere that other programs follow.
fn is_cbc(parameters: &Parameters) -> bool {
    matches!(
        parameters.encryption,
        EncryptionScheme::Aes128Cbc { .. }
            | EncryptionScheme::Aes192Cbc { .. }
            | EncryptionScheme::Aes256Cbc { .. }
    )
}
