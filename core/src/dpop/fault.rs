//! What a refusal means to the client: one row for each, and everything that is answered follows from it.

use core::time::Duration;

use super::refusal::Refusal;
use super::role::Role;

/// Whose fault it is, and what can be done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nothing was presented.
    NoCredentials,
    /// The request cannot be read.
    Request,
    /// The proof.
    Proof,
    /// The proof needs another nonce.
    Nonce,
    /// The token does not fit the proof or the connection.
    Token,
    /// The grant does not fit the proof.
    Grant,
    /// The client asks too often.
    TooMany(Duration),
    /// This server cannot tell.
    Unavailable(Duration),
}

/// When to come back to a server that knows no better.
const SOON: Duration = Duration::from_secs(5);

impl Fault {
    pub(super) const fn of(refusal: &Refusal) -> Self {
        match refusal {
            Refusal::NoCredentials => Self::NoCredentials,
            Refusal::TwoAuthorizations | Refusal::MalformedAuthorization => Self::Request,
            Refusal::NoProof
            | Refusal::TwoProofs
            | Refusal::TooLarge { .. }
            | Refusal::NotCompactJws
            | Refusal::NotBase64Url(_)
            | Refusal::NotJson(..)
            | Refusal::MissingMember(_)
            | Refusal::MalformedMember(_)
            | Refusal::Type
            | Refusal::Algorithm
            | Refusal::AlgorithmNotAllowed
            | Refusal::Critical
            | Refusal::Key
            | Refusal::PrivateKey
            | Refusal::Signature
            | Refusal::Method
            | Refusal::TargetUri
            | Refusal::MalformedTargetUri(_)
            | Refusal::TargetUriQuery
            | Refusal::TooOld { .. }
            | Refusal::TooNew { .. }
            | Refusal::Expired
            | Refusal::NotYetValid
            | Refusal::TokenHash
            | Refusal::TokenHashWithoutToken
            | Refusal::Replayed => Self::Proof,
            Refusal::KeyMismatch
            | Refusal::BoundTokenAsBearer
            | Refusal::BearerNotAllowed
            | Refusal::UnboundToken
            | Refusal::CertificateMismatch
            | Refusal::UnknownConfirmation => Self::Token,
            Refusal::GrantKeyMismatch => Self::Grant,
            Refusal::NonceRequired | Refusal::NonceUnknown | Refusal::NonceStale => Self::Nonce,
            Refusal::OverQuota { retry_after } => Self::TooMany(*retry_after),
            Refusal::StoreFull { retry_after } | Refusal::BeforeStart { retry_after } => {
                Self::Unavailable(*retry_after)
            }
            Refusal::StoreUnavailable | Refusal::BeyondLifetime => Self::Unavailable(SOON),
        }
    }

    /// The HTTP status code.
    pub(super) const fn status(self, role: Role) -> u16 {
        match (self, role) {
            (Self::TooMany(_), _) => 429,
            (Self::Unavailable(_), _) => 503,
            (Self::Request, _) | (_, Role::AuthorizationServer) => 400,
            (_, Role::ResourceServer) => 401,
        }
    }

    /// The error code of OAuth; none where there is nothing to say.
    pub(super) const fn error(self) -> Option<&'static str> {
        match self {
            Self::NoCredentials | Self::TooMany(_) | Self::Unavailable(_) => None,
            Self::Request => Some("invalid_request"),
            Self::Proof => Some("invalid_dpop_proof"),
            Self::Nonce => Some("use_dpop_nonce"),
            Self::Token => Some("invalid_token"),
            Self::Grant => Some("invalid_grant"),
        }
    }

    pub(super) const fn retry_after(self) -> Option<Duration> {
        match self {
            Self::TooMany(after) | Self::Unavailable(after) => Some(after),
            Self::NoCredentials
            | Self::Request
            | Self::Proof
            | Self::Nonce
            | Self::Token
            | Self::Grant => None,
        }
    }
}
