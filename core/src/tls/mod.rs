//! The TLS engine behind its seam: the only folder that names rustls or webpki.
//!
//! - [`session`]: the unbuffered loop of one connection,
//! - [`verifier`]: the verified path and the pins on it,
//! - [`resumption`]: tickets and sessions that know the policy's epoch,
//! - [`slot`]: what one connection shares with the engine's callbacks,
//! - [`provider`]: where the cryptography comes from.

pub(crate) mod client;
pub mod provider;
#[cfg(feature = "std")]
pub(crate) mod resumption;
pub(crate) mod server;
pub(crate) mod session;
pub(crate) mod slot;
pub(crate) mod verifier;

use alloc::sync::Arc;
use alloc::vec::Vec;

use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;
use rustls::{CertificateError as TlsCertificateError, InvalidMessage, SupportedProtocolVersion};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, TrustAnchor};

use crate::config::ConfigError;
use crate::error::{Alert, CertificateError, Error, LocalError, PeerError};
use crate::event::Version;
use crate::trust::certificate::Certificate;

/// The trust anchor that a CA certificate stands for, independent of the certificate's lifetime.
pub(crate) fn trust_anchor(
    certificate: &CertificateDer<'_>,
) -> Result<TrustAnchor<'static>, ConfigError> {
    webpki::anchor_from_trusted_cert(certificate)
        .map(|anchor| anchor.to_owned())
        .map_err(|_| ConfigError::AnchorMalformed)
}

/// Loads `key` with the provider and checks that it belongs to the first certificate of `chain`.
fn certified_key(
    provider: &CryptoProvider,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<CertifiedKey>, ConfigError> {
    // The engine reads the leaf only; a broken intermediate would be found by every peer.
    if chain.iter().any(|der| Certificate::parse(der).is_err()) {
        return Err(ConfigError::CertificateMalformed);
    }
    let key = provider
        .key_provider
        .load_private_key(key)
        .map_err(|_| ConfigError::KeyUnusable)?;
    let certified = CertifiedKey::new(chain, key);
    match certified.keys_match() {
        Ok(()) => Ok(Arc::new(certified)),
        Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch)) => {
            Err(ConfigError::KeyMismatch)
        }
        // A key that cannot tell its public half could be any key: refused, as a mismatch found at the first
        // handshake helps nobody.
        Err(rustls::Error::InconsistentKeys(_)) => Err(ConfigError::KeyUnusable),
        Err(_) => Err(ConfigError::CertificateMalformed),
    }
}

/// The engine's list of versions from `minimum` on. The provider must have a cipher suite for each: the engine would
/// pass over one without.
fn versions(
    provider: &CryptoProvider,
    minimum: Version,
) -> Result<&'static [&'static SupportedProtocolVersion], ConfigError> {
    let versions = built_in(minimum)?;
    let suites = &provider.cipher_suites;
    let complete = versions
        .iter()
        .all(|version| suites.iter().any(|suite| suite.version() == *version));
    if complete {
        Ok(versions)
    } else {
        Err(ConfigError::ProviderIncomplete)
    }
}

fn built_in(minimum: Version) -> Result<&'static [&'static SupportedProtocolVersion], ConfigError> {
    static TLS13: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];
    #[cfg(feature = "tls12")]
    static TLS12: &[&SupportedProtocolVersion] =
        &[&rustls::version::TLS13, &rustls::version::TLS12];
    match minimum {
        Version::Tls13 => Ok(TLS13),
        #[cfg(feature = "tls12")]
        Version::Tls12 => Ok(TLS12),
        #[cfg(not(feature = "tls12"))]
        Version::Tls12 => Err(ConfigError::Tls12NotBuilt),
    }
}

/// Reads the engine's error as ours.
fn decode(error: rustls::Error) -> Error {
    #[cfg(feature = "std")]
    if let rustls::Error::InvalidCertificate(TlsCertificateError::Other(other)) = &error
        && let Some(refusal) = other.0.downcast_ref::<PeerError>()
    {
        return Error::Peer(*refusal);
    }
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the engine's errors are many and non-exhaustive"
    )]
    match error {
        rustls::Error::InvalidCertificate(error) => decode_certificate(&error),
        rustls::Error::NoCertificatesPresented => CertificateError::Missing.into(),
        rustls::Error::AlertReceived(alert) => PeerError::Alert(Alert(u8::from(alert))).into(),
        rustls::Error::DecryptError => PeerError::Decrypt.into(),
        rustls::Error::PeerIncompatible(_) => PeerError::Incompatible.into(),
        rustls::Error::NoApplicationProtocol => PeerError::NoApplicationProtocol.into(),
        rustls::Error::InvalidMessage(
            InvalidMessage::InvalidContentType | InvalidMessage::UnknownProtocolVersion,
        ) => PeerError::NotTls.into(),
        rustls::Error::FailedToGetRandomBytes
        | rustls::Error::FailedToGetCurrentTime
        | rustls::Error::EncryptError
        | rustls::Error::General(_)
        | rustls::Error::Other(_)
        | rustls::Error::HandshakeNotComplete => LocalError::Provider.into(),
        _ => PeerError::Protocol.into(),
    }
}

/// Dresses a refusal of ours as the engine's error, so that it sends the alert that fits.
///
/// With `std` the refusal itself travels inside and [`decode`] finds it again. Without, only the engine's own variants
/// exist: a pin that is a certificate's hash is then reported as a plain mismatch, a chain too large as malformed.
fn encode(refusal: PeerError) -> rustls::Error {
    let error = match refusal {
        PeerError::Certificate(CertificateError::UnknownIssuer) => {
            TlsCertificateError::UnknownIssuer
        }
        PeerError::Certificate(CertificateError::Expired) => TlsCertificateError::Expired,
        PeerError::Certificate(CertificateError::NotYetValid) => TlsCertificateError::NotValidYet,
        PeerError::Certificate(CertificateError::WrongName) => TlsCertificateError::NotValidForName,
        PeerError::Certificate(CertificateError::BadSignature) => TlsCertificateError::BadSignature,
        PeerError::Certificate(CertificateError::WrongPurpose) => {
            TlsCertificateError::InvalidPurpose
        }
        PeerError::Certificate(CertificateError::Malformed) => TlsCertificateError::BadEncoding,
        #[cfg(feature = "std")]
        other => TlsCertificateError::Other(rustls::OtherError(Arc::new(other))),
        #[cfg(not(feature = "std"))]
        PeerError::PinMismatch { .. } | PeerError::PinIsCertificateHash { .. } => {
            TlsCertificateError::ApplicationVerificationFailure
        }
        #[cfg(not(feature = "std"))]
        _ => TlsCertificateError::BadEncoding,
    };
    rustls::Error::InvalidCertificate(error)
}

fn decode_certificate(error: &TlsCertificateError) -> Error {
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the engine's errors are many and non-exhaustive"
    )]
    let refusal = match error {
        TlsCertificateError::UnknownIssuer => CertificateError::UnknownIssuer,
        TlsCertificateError::Expired => CertificateError::Expired,
        TlsCertificateError::NotValidYet => CertificateError::NotYetValid,
        TlsCertificateError::NotValidForName => CertificateError::WrongName,
        TlsCertificateError::BadSignature => CertificateError::BadSignature,
        TlsCertificateError::InvalidPurpose => CertificateError::WrongPurpose,
        TlsCertificateError::ApplicationVerificationFailure => {
            return PeerError::PinMismatch { presented: None }.into();
        }
        _ => CertificateError::Malformed,
    };
    refusal.into()
}

#[cfg(all(test, not(feature = "tls12")))]
mod tests {
    use super::built_in;
    use crate::config::ConfigError;
    use crate::event::Version;

    #[test]
    fn tls_1_2_is_refused_by_a_build_without_it() {
        let refused = built_in(Version::Tls12).err();
        assert_eq!(refused, Some(ConfigError::Tls12NotBuilt));
        assert_eq!(refused.map(|error| error.code()), Some("E-CFG-10"));
        assert!(built_in(Version::Tls13).is_ok());
    }
}
