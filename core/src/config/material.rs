//! Certificates and keys, from PEM or DER bytes.

use alloc::vec::Vec;
use core::fmt;

use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, TrustAnchor};
use zeroize::Zeroizing;

use super::ConfigError;
use crate::tls;

/// The CAs that may vouch for a peer. Never empty.
#[derive(Clone)]
pub struct TrustAnchors(Vec<TrustAnchor<'static>>);

impl TrustAnchors {
    /// Every certificate in `pem`. Other sections are passed over.
    ///
    /// # Errors
    ///
    /// No certificate, a certificate that cannot be parsed, broken armour.
    pub fn from_pem(pem: &[u8]) -> Result<Self, ConfigError> {
        Self::from_der(certificates(pem)?)
    }

    /// The certificates given.
    ///
    /// # Errors
    ///
    /// No certificate, or one that cannot be parsed.
    pub fn from_der<'a>(
        certificates: impl IntoIterator<Item = CertificateDer<'a>>,
    ) -> Result<Self, ConfigError> {
        let anchors = certificates
            .into_iter()
            .map(|certificate| tls::trust_anchor(&certificate))
            .collect::<Result<Vec<_>, _>>()?;
        if anchors.is_empty() {
            return Err(ConfigError::NoAnchors);
        }
        Ok(Self(anchors))
    }

    /// These anchors and those.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }
}

impl From<TrustAnchors> for Vec<TrustAnchor<'static>> {
    fn from(anchors: TrustAnchors) -> Self {
        anchors.0
    }
}

impl fmt::Debug for TrustAnchors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TrustAnchors")
            .field("count", &self.0.len())
            .finish()
    }
}

/// A certificate chain, the leaf first, and the leaf's private key. The key is wiped when this is dropped.
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: Zeroizing<PrivateKeyDer<'static>>,
}

impl Identity {
    /// The certificates in `chain_pem`, and the first private key in `key_pem`: PKCS#8, PKCS#1 or SEC1. Both may lie in
    /// the same text.
    ///
    /// # Errors
    ///
    /// No certificate, no key, broken armour. Whether the two belong together is known when a configuration is built,
    /// by the crypto provider.
    pub fn from_pem(chain_pem: &[u8], key_pem: &[u8]) -> Result<Self, ConfigError> {
        let key = match PrivateKeyDer::from_pem_slice(key_pem) {
            Ok(key) => key,
            Err(pem::Error::NoItemsFound) => return Err(ConfigError::NoKey),
            Err(_) => return Err(ConfigError::Pem),
        };
        Self::from_der(certificates(chain_pem)?, key)
    }

    /// The chain and key given.
    ///
    /// # Errors
    ///
    /// No certificate.
    pub fn from_der(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, ConfigError> {
        if chain.is_empty() {
            return Err(ConfigError::NoCertificate);
        }
        Ok(Self {
            chain,
            key: Zeroizing::new(key),
        })
    }

    pub(crate) fn into_parts(self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        (self.chain, self.key.clone_key())
    }
}

impl fmt::Debug for Identity {
    /// Never prints the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("certificates", &self.chain.len())
            .finish_non_exhaustive()
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    CertificateDer::pem_slice_iter(pem)
        .collect::<Result<_, _>>()
        .map_err(|_| ConfigError::Pem)
}
