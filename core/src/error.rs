//! What can go wrong on a connection, and whose fault it is.
//!
//! Every error has a stable [`code`](Error::code); its text is `cause; remedy`, lower case and without a final dot.

use core::fmt;

use crate::trust::pin::Pin;

/// Why a connection failed, sorted by whose fault it is.
///
/// The first one is kept: every later call on the same connection returns it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// This side cannot go on, or was asked for something out of turn.
    Local(LocalError),
    /// The peer broke a rule or was refused, or refused us.
    Peer(PeerError),
    /// A deadline passed.
    Timeout(Deadline),
}

/// Faults of this side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LocalError {
    /// `send` after `close`, or after the connection ended. Not kept: receiving may go on.
    Closed,
    /// A verb that needs an established connection was called before. Not kept.
    NotEstablished,
    /// `update_keys` on a TLS 1.2 connection, which has no key update. Not kept.
    NoKeyUpdate,
    /// The keys of a TLS 1.2 connection have encrypted all that they may (RFC 8446, 5.5).
    KeysExhausted,
    /// The crypto provider failed, for example for want of random bytes.
    Provider,
}

/// Faults of the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PeerError {
    /// The peer refused us with this alert (RFC 8446, 6.2).
    Alert(Alert),
    /// The transport ended without close_notify: bytes may be missing (RFC 8446, 6.1).
    Truncated,
    /// A message that the protocol does not allow at this point, or that cannot be parsed.
    Protocol,
    /// The first bytes are no TLS record.
    NotTls,
    /// A record that cannot be decrypted.
    Decrypt,
    /// No protocol version, cipher suite, group or signature scheme in common.
    Incompatible,
    /// No application protocol (ALPN, RFC 7301) in common.
    NoApplicationProtocol,
    /// A record of `announced` bytes, more than the `capacity` of the storage.
    RecordTooLarge {
        /// Bytes that the record has, with its header.
        announced: u32,
        /// Bytes that the storage has.
        capacity: u32,
    },
    /// A handshake message larger than the certificate chain may be.
    HandshakeTooLarge {
        /// The limit in bytes.
        limit: u32,
    },
    /// The certificate chain was refused.
    Certificate(CertificateError),
    /// No pin matches the verified path. `presented` is the pin of the leaf's key, where the TLS library lets it
    /// through (feature `std`).
    PinMismatch {
        /// The pin that the peer's leaf would have matched.
        presented: Option<Pin>,
    },
    /// A key pin holds the SHA-256 of the peer's whole certificate: it can never match a key.
    PinIsCertificateHash {
        /// The pin that the peer's leaf would have matched.
        presented: Option<Pin>,
    },
}

/// Why a certificate chain was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateError {
    /// No path to a trust anchor.
    UnknownIssuer,
    /// Past its notAfter, or a certificate of its path is.
    Expired,
    /// Before its notBefore, or a certificate of its path is.
    NotYetValid,
    /// Not for the name that was asked for (RFC 9525).
    WrongName,
    /// A signature that does not verify.
    BadSignature,
    /// Not for this purpose: key usage, or a CA certificate as a leaf.
    WrongPurpose,
    /// Not presented, though required.
    Missing,
    /// A chain of more bytes than the configuration allows.
    ChainTooLarge {
        /// The limit in bytes.
        limit: u32,
    },
    /// Cannot be parsed, or holds what is not supported.
    Malformed,
    /// Only looked at: the end of every probe ([`ClientConfig::probe`](crate::ClientConfig::probe)).
    NotJudged,
}

/// The deadline that passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Deadline {
    /// The handshake did not finish.
    Handshake,
    /// A record or a handshake message began and did not end.
    Record,
    /// Nothing was received or transmitted.
    Idle,
    /// The last bytes (close_notify or an alert) could not be transmitted.
    Close,
}

/// A TLS alert description (RFC 8446, 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Alert(pub u8);

impl Error {
    /// The stable code of this error, such as `E-PIN-02`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Local(error) => error.code(),
            Self::Peer(error) => error.code(),
            Self::Timeout(deadline) => deadline.code(),
        }
    }

    /// Whether it ends the connection. The others report a call out of turn.
    pub const fn is_fatal(&self) -> bool {
        !matches!(
            self,
            Self::Local(LocalError::Closed | LocalError::NotEstablished | LocalError::NoKeyUpdate)
        )
    }
}

impl LocalError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Closed => "E-LOC-01",
            Self::NotEstablished => "E-LOC-02",
            Self::NoKeyUpdate => "E-LOC-03",
            Self::KeysExhausted => "E-LOC-04",
            Self::Provider => "E-LOC-05",
        }
    }
}

impl PeerError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Alert(_) => "E-TLS-01",
            Self::Truncated => "E-TLS-02",
            Self::Protocol => "E-TLS-03",
            Self::NotTls => "E-TLS-04",
            Self::Decrypt => "E-TLS-05",
            Self::Incompatible => "E-TLS-06",
            Self::NoApplicationProtocol => "E-TLS-07",
            Self::RecordTooLarge { .. } => "E-TLS-08",
            Self::HandshakeTooLarge { .. } => "E-TLS-09",
            Self::Certificate(error) => error.code(),
            Self::PinMismatch { .. } => "E-PIN-02",
            Self::PinIsCertificateHash { .. } => "E-PIN-03",
        }
    }
}

impl CertificateError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnknownIssuer => "E-CRT-01",
            Self::Expired => "E-CRT-02",
            Self::NotYetValid => "E-CRT-03",
            Self::WrongName => "E-CRT-04",
            Self::BadSignature => "E-CRT-05",
            Self::WrongPurpose => "E-CRT-06",
            Self::Missing => "E-CRT-07",
            Self::ChainTooLarge { .. } => "E-CRT-08",
            Self::Malformed => "E-CRT-09",
            Self::NotJudged => "E-CRT-10",
        }
    }
}

impl Deadline {
    /// The stable code of the error that this deadline causes.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Handshake => "E-TIM-01",
            Self::Record => "E-TIM-02",
            Self::Idle => "E-TIM-03",
            Self::Close => "E-TIM-04",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(error) => error.fmt(f),
            Self::Peer(error) => error.fmt(f),
            Self::Timeout(deadline) => deadline.fmt(f),
        }
    }
}

impl fmt::Display for LocalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the sending side is closed; open a new connection to send more",
            Self::NotEstablished => "the handshake has not finished; wait for the event `established`",
            Self::NoKeyUpdate => "TLS 1.2 has no key update; use TLS 1.3",
            Self::KeysExhausted => {
                "these TLS 1.2 keys have encrypted all they may; open a new connection, or use TLS 1.3"
            }
            Self::Provider => "the crypto provider failed; check its source of random bytes",
        })
    }
}

impl fmt::Display for PeerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alert(alert) => {
                write!(f, "the peer refused the connection with alert {alert}; {}", alert.remedy())
            }
            Self::Truncated => f.write_str(
                "the connection ended without close_notify, so data may be missing; \
                 if the peer never sends it, allow truncation",
            ),
            Self::Protocol => f.write_str(
                "the peer broke the TLS protocol; check that nothing between the two changes bytes",
            ),
            Self::NotTls => f.write_str(
                "the peer does not speak TLS; check the port, and that the peer does not expect clear text",
            ),
            Self::Decrypt => f.write_str(
                "a record could not be decrypted; check that nothing between the two changes bytes",
            ),
            Self::Incompatible => f.write_str(
                "no TLS version, cipher suite or group in common; \
                 if the peer only speaks TLS 1.2, allow it with the minimum version",
            ),
            Self::NoApplicationProtocol => {
                f.write_str("no application protocol (ALPN) in common; give both sides one that is equal")
            }
            Self::RecordTooLarge { announced, capacity } => write!(
                f,
                "the peer announced a record of {announced} bytes for a storage of {capacity}; \
                 lend a larger storage or make the peer send smaller fragments"
            ),
            Self::HandshakeTooLarge { limit } => write!(
                f,
                "a handshake message passes {limit} bytes; shorten the peer's chain or raise the chain limit"
            ),
            Self::Certificate(error) => error.fmt(f),
            Self::PinMismatch { presented } => {
                f.write_str("no pin matches the verified path")?;
                presented_pin(*presented, f)?;
                f.write_str("; if the peer rotated its key, compare it by another way and then pin the new one")
            }
            Self::PinIsCertificateHash { presented } => {
                f.write_str("a key pin is the hash of the peer's whole certificate")?;
                presented_pin(*presented, f)?;
                f.write_str("; pin the key, or write cert-sha256: to pin the certificate")
            }
        }
    }
}

fn presented_pin(presented: Option<Pin>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    presented.map_or(Ok(()), |pin| write!(f, "; presented {pin}"))
}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownIssuer => f.write_str(
                "the peer's certificate has no path to a trusted CA; \
                 trust its CA, and make the peer send its intermediates",
            ),
            Self::Expired => {
                f.write_str("the peer's certificate has expired; renew it, or check this machine's clock")
            }
            Self::NotYetValid => {
                f.write_str("the peer's certificate is not valid yet; check this machine's clock")
            }
            Self::WrongName => f.write_str(
                "the peer's certificate is for another name; \
                 connect by a name that it holds, or issue one that holds this name",
            ),
            Self::BadSignature => {
                f.write_str("a signature of the peer does not verify; check its certificate and key")
            }
            Self::WrongPurpose => f.write_str(
                "the peer's certificate is not for this purpose; issue one with the extended key usage of its role",
            ),
            Self::Missing => f.write_str("the peer presented no certificate; give it one from a trusted CA"),
            Self::ChainTooLarge { limit } => write!(
                f,
                "the peer's certificate chain passes {limit} bytes; shorten it or raise the chain limit"
            ),
            Self::NotJudged => f.write_str(
                "the peer's certificate was only looked at; connect with a configuration that trusts its CA",
            ),
            Self::Malformed => {
                f.write_str("the peer's certificate cannot be used; issue it anew with a current tool")
            }
        }
    }
}

impl fmt::Display for Deadline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Handshake => {
                "the handshake did not finish in time; check that the peer speaks TLS, or allow more time"
            }
            Self::Record => "the peer began a record and did not finish it in time; check the network",
            Self::Idle => "nothing was received or transmitted in time; send more often, or allow more time",
            Self::Close => "the last bytes could not be transmitted in time; the peer reads no more",
        })
    }
}

impl Alert {
    /// The name of the alert in RFC 8446, 6, or `unknown`.
    pub const fn name(self) -> &'static str {
        match self.0 {
            0 => "close_notify",
            10 => "unexpected_message",
            20 => "bad_record_mac",
            22 => "record_overflow",
            40 => "handshake_failure",
            42 => "bad_certificate",
            43 => "unsupported_certificate",
            44 => "certificate_revoked",
            45 => "certificate_expired",
            46 => "certificate_unknown",
            47 => "illegal_parameter",
            48 => "unknown_ca",
            49 => "access_denied",
            50 => "decode_error",
            51 => "decrypt_error",
            70 => "protocol_version",
            71 => "insufficient_security",
            80 => "internal_error",
            86 => "inappropriate_fallback",
            90 => "user_canceled",
            109 => "missing_extension",
            110 => "unsupported_extension",
            112 => "unrecognized_name",
            113 => "bad_certificate_status_response",
            115 => "unknown_psk_identity",
            116 => "certificate_required",
            120 => "no_application_protocol",
            _ => "unknown",
        }
    }

    const fn remedy(self) -> &'static str {
        match self.0 {
            116 => "present a certificate from a CA that it trusts",
            42..=46 | 48 | 49 => {
                "check that the peer trusts this side's certificate, its CA and its pin"
            }
            40 | 70 | 71 => "check that both sides allow a common TLS version and cipher suite",
            120 => "offer an application protocol that the peer speaks",
            _ => "the peer's log says why",
        }
    }
}

impl fmt::Display for Alert {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name(), self.0)
    }
}

impl From<LocalError> for Error {
    fn from(error: LocalError) -> Self {
        Self::Local(error)
    }
}

impl From<PeerError> for Error {
    fn from(error: PeerError) -> Self {
        Self::Peer(error)
    }
}

impl From<CertificateError> for Error {
    fn from(error: CertificateError) -> Self {
        Self::Peer(PeerError::Certificate(error))
    }
}

impl core::error::Error for Error {}
impl core::error::Error for PeerError {}
