//! What a configuration is refused for.

use core::fmt;

/// Why a configuration cannot work. The text is `cause; remedy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConfigError {
    /// A set of trust anchors without a certificate. There is no fall-back to public roots.
    NoAnchors,
    /// A trust anchor that is no X.509 certificate.
    AnchorMalformed,
    /// An identity without a certificate.
    NoCertificate,
    /// A certificate that cannot be parsed.
    CertificateMalformed,
    /// No private key in PKCS#8, PKCS#1 or SEC1 form.
    NoKey,
    /// A private key that the crypto provider cannot use.
    KeyUnusable,
    /// A private key that does not belong to the certificate.
    KeyMismatch,
    /// PEM armour that is broken.
    Pem,
    /// Pins for clients that are never asked for a certificate.
    PinsWithoutClientAuth,
    /// TLS 1.2 was asked for, and this build has none.
    Tls12NotBuilt,
    /// An application protocol name of 0 or of more than 255 bytes.
    AlpnName,
    /// A size below its least or above its most.
    LimitOutOfRange,
    /// The crypto provider lacks a cipher suite or group for the versions that were asked for.
    ProviderIncomplete,
}

impl ConfigError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoAnchors => "E-CFG-01",
            Self::AnchorMalformed => "E-CFG-02",
            Self::NoCertificate => "E-CFG-03",
            Self::CertificateMalformed => "E-CFG-04",
            Self::NoKey => "E-CFG-05",
            Self::KeyUnusable => "E-CFG-06",
            Self::KeyMismatch => "E-CFG-07",
            Self::Pem => "E-CFG-08",
            Self::PinsWithoutClientAuth => "E-CFG-09",
            Self::Tls12NotBuilt => "E-CFG-10",
            Self::AlpnName => "E-CFG-11",
            Self::LimitOutOfRange => "E-CFG-12",
            Self::ProviderIncomplete => "E-CFG-13",
        }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoAnchors => {
                "no CA certificate was given; give one, as public roots are never assumed"
            }
            Self::AnchorMalformed => "a CA certificate cannot be parsed; give X.509 certificates",
            Self::NoCertificate => "no certificate was given; give a chain, the leaf first",
            Self::CertificateMalformed => "the certificate cannot be parsed; give an X.509 certificate",
            Self::NoKey => "no private key was found; give one in PKCS#8, PKCS#1 or SEC1 form",
            Self::KeyUnusable => {
                "the private key cannot be used by the crypto provider; use ECDSA P-256, or another key that it knows"
            }
            Self::KeyMismatch => {
                "the private key does not belong to the certificate; give the pair that was issued together"
            }
            Self::Pem => "the PEM armour is broken; give the file as it was issued",
            Self::PinsWithoutClientAuth => {
                "pins for clients that are not asked for a certificate; make client authentication optional or required"
            }
            Self::Tls12NotBuilt => "TLS 1.2 is not in this build; enable the feature tls12, or stay with TLS 1.3",
            Self::AlpnName => "an application protocol name must have 1 to 255 bytes; shorten or remove it",
            Self::LimitOutOfRange => {
                "a limit is out of range; fragment takes 64 to 16384, outgoing 256 more than fragment, \
                 chain 512 to 49152, storage 512 to 16777216"
            }
            Self::ProviderIncomplete => {
                "the crypto provider lacks a cipher suite of a TLS version that is on; \
                 use one with suites for each, or raise the minimum version"
            }
        })
    }
}

impl core::error::Error for ConfigError {}
