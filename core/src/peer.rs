//! Who the other side is.

use alloc::string::String;

use rustls_pki_types::CertificateDer;
use sha2::{Digest, Sha256};

use crate::error::{CertificateError, PeerError};
use crate::event::Version;
use crate::tls::session::{Negotiated, Session};
use crate::trust::certificate::Certificate;
use crate::trust::pin::Pin;
use crate::trust::san::SubjectAltNames;

/// The peer of an established connection, and what was negotiated with it.
///
/// Its whole chain is [`Connection::peer_certificates`](crate::Connection::peer_certificates).
#[derive(Clone, Debug)]
pub struct Peer {
    leaf: Option<Leaf>,
    server_name: Option<String>,
    negotiated: Negotiated,
}

#[derive(Clone, Debug)]
struct Leaf {
    pin: Pin,
    fingerprint: [u8; 32],
    names: SubjectAltNames,
}

impl Peer {
    pub(crate) fn of(session: &Session) -> Result<Self, PeerError> {
        Ok(Self {
            leaf: session
                .peer_certificates()
                .first()
                .map(Leaf::of)
                .transpose()?,
            server_name: session.server_name().map(String::from),
            negotiated: session.negotiated(),
        })
    }

    /// The pin of its key; `None` for a client that presented no certificate.
    pub fn leaf_pin(&self) -> Option<Pin> {
        self.leaf.as_ref().map(|leaf| leaf.pin)
    }

    /// The SHA-256 of its whole certificate.
    pub fn fingerprint(&self) -> Option<[u8; 32]> {
        self.leaf.as_ref().map(|leaf| leaf.fingerprint)
    }

    /// The names that its certificate holds (subjectAltName, RFC 5280, 4.2.1.6): DNS names, addresses, URIs, mail
    /// addresses. `None` for a client that presented no certificate.
    pub fn names(&self) -> Option<&SubjectAltNames> {
        self.leaf.as_ref().map(|leaf| &leaf.names)
    }

    /// The name that the client asked for (SNI, RFC 6066, 3). `None` when it asked by address or not at all.
    pub fn server_name(&self) -> Option<&str> {
        self.server_name.as_deref()
    }

    /// The protocol version.
    pub fn version(&self) -> Version {
        self.negotiated.version
    }

    /// The cipher suite's number in the IANA registry.
    pub fn suite(&self) -> u16 {
        self.negotiated.suite
    }

    /// The cipher suite's name, such as `TLS13_AES_128_GCM_SHA256`.
    pub fn suite_name(&self) -> &'static str {
        self.negotiated.suite_name
    }

    /// The key exchange group's number in the IANA registry; 0 when there was no key exchange.
    pub fn group(&self) -> u16 {
        self.negotiated.group
    }

    /// The key exchange group's name, such as `X25519MLKEM768`; `none` when there was no key exchange.
    pub fn group_name(&self) -> &'static str {
        self.negotiated.group_name
    }

    /// The application protocol (ALPN, RFC 7301), when one was agreed on.
    pub fn alpn(&self) -> Option<&[u8]> {
        self.negotiated.alpn.as_deref()
    }

    /// Whether a session was resumed.
    pub fn is_resumed(&self) -> bool {
        self.negotiated.resumed
    }
}

impl Leaf {
    /// webpki has parsed this certificate; should the strict parser here disagree, it is refused rather than half read.
    fn of(der: &CertificateDer<'_>) -> Result<Self, PeerError> {
        let malformed = |_| PeerError::Certificate(CertificateError::Malformed);
        let certificate = Certificate::parse(der).map_err(malformed)?;
        Ok(Self {
            pin: Pin::of_spki(certificate.spki()),
            fingerprint: Sha256::digest(der).into(),
            names: certificate.subject_alt_names().map_err(malformed)?,
        })
    }
}
