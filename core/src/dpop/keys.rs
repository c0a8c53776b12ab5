//! Signing keys in memory, and the ring that rotates them.

#[cfg(feature = "key-export")]
mod encrypted;
mod error;
mod pem;
mod pkcs8;
mod ring;

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::algorithm::Algorithm;
use super::jwk::{PublicKey, Thumbprint};
use super::signature::Signature;
pub use error::KeyError;
pub use ring::{KeyRing, MAX_KEYS, Rotated, Rotation};

/// A private key in memory, which signs proofs.
///
/// It is wiped when it is dropped, is never copied, and its `Debug` shows the thumbprint of the public key. A key that
/// must not be in memory stays where it is: a proof can be signed elsewhere.
///
/// ```
/// use ravelin_core::dpop::{Algorithm, SigningKey, soft};
///
/// # let entropy = [7; 32];
/// let key = SigningKey::generate(Algorithm::Es256, &entropy)?;
/// let signature = key.sign(b"message");
/// assert!(signature.verify(soft::ES256, &key.public_key(), b"message").is_ok());
/// # Ok::<(), ravelin_core::dpop::KeyError>(())
/// ```
pub struct SigningKey {
    /// On the heap, so that moving the key leaves no copy behind.
    secret: Box<Secret>,
    public: PublicKey,
}

/// Both wipe themselves.
enum Secret {
    #[cfg(feature = "p256")]
    P256(p256::ecdsa::SigningKey),
    #[cfg(feature = "ed25519")]
    Ed25519(ed25519_dalek::SigningKey),
}

impl SigningKey {
    /// The key that follows from 32 bytes of a cryptographic random source. The same bytes give the same key.
    ///
    /// # Errors
    /// [`KeyError::NotBuiltIn`]. With the feature of the algorithm it never fails: of the 2^256 values some 2^224 are
    /// no scalar of P-256, and their SHA-256 takes their place.
    pub fn generate(algorithm: Algorithm, entropy: &[u8; 32]) -> Result<Self, KeyError> {
        let mut candidate = Zeroizing::new(*entropy);
        loop {
            match Self::from_secret(algorithm, &candidate) {
                Err(KeyError::Secret) => *candidate = Sha256::digest(*candidate).into(),
                key => return key,
            }
        }
    }

    /// The key with this secret: the scalar, big-endian (`d` of RFC 7518, 6.2.2), or the seed of Ed25519 (`d` of
    /// RFC 8037, 2).
    ///
    /// # Errors
    /// [`KeyError::NotBuiltIn`], and [`KeyError::Secret`] for a scalar of zero or of the order and more.
    pub fn from_secret(algorithm: Algorithm, secret: &[u8; 32]) -> Result<Self, KeyError> {
        match algorithm {
            #[cfg(feature = "p256")]
            Algorithm::Es256 => {
                let key =
                    p256::ecdsa::SigningKey::from_slice(secret).map_err(|_| KeyError::Secret)?;
                let point = key.verifying_key().to_sec1_point(false);
                let (Some(x), Some(y)) = (point.x(), point.y()) else {
                    return Err(KeyError::Secret);
                };
                Ok(Self {
                    public: PublicKey::p256(x.as_ref(), y.as_ref()),
                    secret: Box::new(Secret::P256(key)),
                })
            }
            #[cfg(feature = "ed25519")]
            Algorithm::EdDsa => {
                let key = ed25519_dalek::SigningKey::from_bytes(secret);
                let public = PublicKey::ed25519(key.verifying_key().as_bytes())
                    .map_err(|_| KeyError::Secret)?;
                Ok(Self {
                    public,
                    secret: Box::new(Secret::Ed25519(key)),
                })
            }
            #[cfg(not(all(feature = "p256", feature = "ed25519")))]
            missing => Err(KeyError::NotBuiltIn(missing)),
        }
    }

    /// Reads an unencrypted PKCS#8 PrivateKeyInfo or OneAsymmetricKey (RFC 5958) of P-256 (RFC 5915) or Ed25519
    /// (RFC 8410).
    ///
    /// # Errors
    /// [`KeyError::Malformed`], [`KeyError::Algorithm`], [`KeyError::NotBuiltIn`], and [`KeyError::Secret`] also when
    /// the public key inside belongs to another private key.
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, KeyError> {
        let info = pkcs8::read(der)?;
        let key = Self::from_secret(info.algorithm, info.secret)?;
        if info
            .public
            .is_some_and(|public| public != key.public.as_bytes())
        {
            return Err(KeyError::Secret);
        }
        Ok(key)
    }

    /// Reads the first private key of a PEM text (RFC 7468), which must be unencrypted PKCS#8.
    ///
    /// # Errors
    /// As [`Self::from_pkcs8_der`], and [`KeyError::Password`] when it is encrypted.
    pub fn from_pkcs8_pem(text: &str) -> Result<Self, KeyError> {
        let section = pem::first_private_key(text)?;
        match section.label {
            pem::PRIVATE_KEY => Self::from_pkcs8_der(&section.contents()?),
            pem::ENCRYPTED_PRIVATE_KEY => Err(KeyError::Password),
            _ => Err(KeyError::Malformed),
        }
    }

    /// Reads the first private key of a PEM text, which must be PKCS#8 encrypted by PBES2 (RFC 8018, 6.2): AES in CBC
    /// mode, under a key from scrypt or from PBKDF2 with SHA-2.
    ///
    /// A wrong password takes as long as the right one. How long is bounded: at most 64 MiB and some seconds.
    ///
    /// # Errors
    /// As [`Self::from_pkcs8_der`]; [`KeyError::Secret`] also when a line `Thumbprint: ` before it says otherwise,
    /// [`KeyError::Encryption`] for another encryption or one that is too costly,
    /// [`KeyError::Decryption`] when the password is wrong or the text damaged, which cannot be told apart, and
    /// [`KeyError::Malformed`] when it is not encrypted.
    #[cfg(feature = "key-export")]
    pub fn from_encrypted_pem(text: &str, password: &[u8]) -> Result<Self, KeyError> {
        encrypted::read(&pem::first_private_key(text)?, password)
    }

    /// The unencrypted PKCS#8 PrivateKeyInfo, 138 or 48 bytes.
    pub fn to_pkcs8_der(&self) -> Zeroizing<Vec<u8>> {
        pkcs8::write(&self.secret(), &self.public)
    }

    /// The same as PEM.
    pub fn to_pkcs8_pem(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(pem::ROOM));
        pem::write(pem::PRIVATE_KEY, &self.to_pkcs8_der(), &mut text);
        text
    }

    /// The key encrypted under a password, as `openssl pkey` reads it: PKCS#8 with PBES2, scrypt (N = 2^14, r = 8,
    /// p = 5: 16 MiB) and AES-256-CBC. A line before it names the thumbprint, which is checked when it is read again.
    ///
    /// `entropy` becomes salt and initialisation vector: 32 random bytes, never used for anything else.
    ///
    /// # Errors
    /// [`KeyError::Password`] when the password is empty.
    #[cfg(feature = "key-export")]
    pub fn to_encrypted_pem(
        &self,
        password: &[u8],
        entropy: &[u8; 32],
    ) -> Result<String, KeyError> {
        let mut text = String::with_capacity(pem::ROOM);
        encrypted::write(self, password, entropy, &mut text)?;
        Ok(text)
    }

    /// The algorithm that it signs with.
    pub const fn algorithm(&self) -> Algorithm {
        self.public.algorithm()
    }

    /// The public half.
    pub const fn public_key(&self) -> PublicKey {
        self.public
    }

    /// The thumbprint of the public half (RFC 7638).
    pub fn thumbprint(&self) -> Thumbprint {
        self.public.thumbprint()
    }

    /// Signs. The same message gives the same signature (RFC 6979; RFC 8032, 5.1.6): no random source can spoil it.
    pub fn sign(&self, message: &[u8]) -> Signature {
        match &*self.secret {
            #[cfg(feature = "p256")]
            Secret::P256(key) => {
                use p256::ecdsa::signature::Signer as _;
                let signature: p256::ecdsa::Signature = key.sign(message);
                Signature::signed(Algorithm::Es256, signature.to_bytes().into())
            }
            #[cfg(feature = "ed25519")]
            Secret::Ed25519(key) => {
                use ed25519_dalek::Signer as _;
                Signature::signed(Algorithm::EdDsa, key.sign(message).to_bytes())
            }
        }
    }

    fn secret(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(match &*self.secret {
            #[cfg(feature = "p256")]
            Secret::P256(key) => key.to_bytes().into(),
            #[cfg(feature = "ed25519")]
            Secret::Ed25519(key) => key.to_bytes(),
        })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.thumbprint())
    }
}

#[cfg(test)]
#[cfg(all(feature = "p256", feature = "ed25519"))]
mod tests;
