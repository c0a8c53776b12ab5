//! Why a request was refused: one rule each, with its code, its section and what the client is told.

use core::fmt;
use core::time::Duration;

use super::fault::Fault;
use super::uri::UriError;
use crate::json::JsonError;

/// The first rule that a request broke.
///
/// Its text is `cause; remedy`. What goes back to the client is a [`Challenge`](super::Challenge), which says less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// No `Authorization` field.
    NoCredentials,
    /// More than one `Authorization` field.
    TwoAuthorizations,
    /// An `Authorization` field that is neither `DPoP` nor `Bearer` with one token68.
    MalformedAuthorization,
    /// The `DPoP` field is missing.
    NoProof,
    /// More than one `DPoP` field, or two proofs in one.
    TwoProofs,
    /// A proof of more bytes than the verifier reads.
    TooLarge {
        /// The limit in bytes.
        limit: u16,
    },
    /// Not three segments between two dots.
    NotCompactJws,
    /// A segment or member that is not canonical base64url without padding (RFC 4648, 3.5 and 5).
    NotBase64Url(Part),
    /// The decoded segment is not the JSON object that it should be.
    NotJson(Part, JsonError),
    /// A required member is missing.
    MissingMember(Member),
    /// A member has the wrong type, or a value that its syntax does not allow.
    MalformedMember(Member),
    /// `typ` is not `dpop+jwt`.
    Type,
    /// `alg` is no asymmetric signature that this verifier knows.
    Algorithm,
    /// `alg` is known, but not allowed here.
    AlgorithmNotAllowed,
    /// `crit` names an extension; none is understood.
    Critical,
    /// `jwk` is no public key for `alg`.
    Key,
    /// `jwk` has a member that only a private or symmetric key has.
    PrivateKey,
    /// The signature does not verify under `jwk`.
    Signature,
    /// `htm` is not the method of the request.
    Method,
    /// `htu` is not the target URI of the request.
    TargetUri,
    /// `htu` is not a URI that a request can have.
    MalformedTargetUri(UriError),
    /// `htu` has a query or a fragment, and the profile is strict.
    TargetUriQuery,
    /// The proof was made too long ago.
    TooOld {
        /// How long ago.
        age: Duration,
        /// The most that the profile allows.
        limit: Duration,
    },
    /// The proof was made too far in the future.
    TooNew {
        /// How far.
        ahead: Duration,
        /// The most that the profile allows.
        limit: Duration,
    },
    /// The proof has an `exp`, and it is past.
    Expired,
    /// The proof has an `nbf`, and it has not come.
    NotYetValid,
    /// `ath` is not the hash of the access token.
    TokenHash,
    /// `ath` where no access token is presented.
    TokenHashWithoutToken,
    /// The access token is bound to another key than the proof's.
    KeyMismatch,
    /// A token bound to a key was presented as `Bearer`.
    BoundTokenAsBearer,
    /// A token bound to nobody was presented as `Bearer`, and this server wants bound ones.
    BearerNotAllowed,
    /// A token bound to no key was presented as `DPoP`.
    UnboundToken,
    /// The access token is bound to another client certificate than the TLS peer's (RFC 8705, 3).
    CertificateMismatch,
    /// The confirmation of the access token has no member that this verifier can check.
    UnknownConfirmation,
    /// The grant (code, refresh token or pushed request) is bound to another key than the proof's.
    GrantKeyMismatch,
    /// The proof has no nonce, and one is required.
    NonceRequired,
    /// The nonce was not issued here, or not for this key, or its secret has been retired.
    NonceUnknown,
    /// The nonce is older than its lifetime.
    NonceStale,
    /// The same key has used the same `jti` before.
    Replayed,
    /// The key has as many live proofs as one key may have.
    OverQuota {
        /// When it may send the next one.
        retry_after: Duration,
    },
    /// The replay store is full of live proofs.
    StoreFull {
        /// When the next one expires.
        retry_after: Duration,
    },
    /// The proof lives longer than the replay store can remember: a fault of this server's settings.
    BeyondLifetime,
    /// The replay store did not answer.
    StoreUnavailable,
    /// The proof may have been used before the replay store started.
    BeforeStart {
        /// After this time a new proof is accepted.
        retry_after: Duration,
    },
}

/// A part of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Part {
    /// The JOSE header (RFC 7515, 4).
    Header,
    /// The claims (RFC 7519, 4).
    Claims,
    /// The signature.
    Signature,
    /// A public key that stands for itself.
    Key,
}

/// A member of the header, of its `jwk`, or of the claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[allow(missing_docs)] // Each has the name that the RFC gives it.
pub enum Member {
    Typ,
    Alg,
    Jwk,
    Kty,
    Crv,
    X,
    Y,
    Jti,
    Htm,
    Htu,
    Iat,
    Ath,
    Nonce,
    Exp,
    Nbf,
}

impl Refusal {
    /// The stable code, such as `E-DPO-18`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoCredentials => "E-DPO-01",
            Self::TwoAuthorizations => "E-DPO-02",
            Self::MalformedAuthorization => "E-DPO-03",
            Self::NoProof => "E-DPO-04",
            Self::TwoProofs => "E-DPO-05",
            Self::TooLarge { .. } => "E-DPO-06",
            Self::NotCompactJws => "E-DPO-07",
            Self::NotBase64Url(_) => "E-DPO-08",
            Self::NotJson(..) => "E-DPO-09",
            Self::MissingMember(_) => "E-DPO-10",
            Self::MalformedMember(_) => "E-DPO-11",
            Self::Type => "E-DPO-12",
            Self::Algorithm => "E-DPO-13",
            Self::AlgorithmNotAllowed => "E-DPO-14",
            Self::Critical => "E-DPO-15",
            Self::Key => "E-DPO-16",
            Self::PrivateKey => "E-DPO-17",
            Self::Signature => "E-DPO-18",
            Self::Method => "E-DPO-19",
            Self::TargetUri => "E-DPO-20",
            Self::MalformedTargetUri(_) => "E-DPO-21",
            Self::TargetUriQuery => "E-DPO-22",
            Self::TooOld { .. } => "E-DPO-23",
            Self::TooNew { .. } => "E-DPO-24",
            Self::Expired => "E-DPO-41",
            Self::NotYetValid => "E-DPO-42",
            Self::TokenHash => "E-DPO-25",
            Self::TokenHashWithoutToken => "E-DPO-26",
            Self::KeyMismatch => "E-DPO-27",
            Self::BoundTokenAsBearer => "E-DPO-28",
            Self::BearerNotAllowed => "E-DPO-43",
            Self::UnboundToken => "E-DPO-29",
            Self::CertificateMismatch => "E-DPO-30",
            Self::UnknownConfirmation => "E-DPO-31",
            Self::GrantKeyMismatch => "E-DPO-32",
            Self::NonceRequired => "E-DPO-33",
            Self::NonceUnknown => "E-DPO-34",
            Self::NonceStale => "E-DPO-35",
            Self::Replayed => "E-DPO-36",
            Self::OverQuota { .. } => "E-DPO-37",
            Self::StoreFull { .. } => "E-DPO-38",
            Self::BeyondLifetime => "E-DPO-59",
            Self::StoreUnavailable => "E-DPO-39",
            Self::BeforeStart { .. } => "E-DPO-40",
        }
    }

    /// Where the rule is written: `RFC 9449, 4.3 (6)`.
    pub const fn section(&self) -> &'static str {
        match self {
            Self::NoCredentials | Self::NoProof => "RFC 9449, 7.1",
            Self::TwoAuthorizations => "RFC 9449, 7.2",
            Self::MalformedAuthorization => "RFC 9110, 11.6.2",
            Self::TwoProofs => "RFC 9449, 4.3 (1)",
            Self::TooLarge { .. } => "RFC 9449, 11.1",
            Self::NotCompactJws | Self::NotBase64Url(_) | Self::NotJson(..) => "RFC 9449, 4.3 (2)",
            Self::MissingMember(_) | Self::MalformedMember(_) => "RFC 9449, 4.3 (3)",
            Self::Type => "RFC 9449, 4.3 (4)",
            Self::Algorithm | Self::AlgorithmNotAllowed => "RFC 9449, 4.3 (5)",
            Self::Critical => "RFC 7515, 4.1.11",
            Self::Key => "RFC 9449, 4.2",
            Self::Signature => "RFC 9449, 4.3 (6)",
            Self::PrivateKey => "RFC 9449, 4.3 (7)",
            Self::Method => "RFC 9449, 4.3 (8)",
            Self::TargetUri | Self::MalformedTargetUri(_) => "RFC 9449, 4.3 (9)",
            Self::TargetUriQuery => "RFC 9449, 4.2",
            Self::TooOld { .. } | Self::TooNew { .. } => "RFC 9449, 4.3 (11)",
            Self::Expired => "RFC 7519, 4.1.4",
            Self::NotYetValid => "RFC 7519, 4.1.5",
            Self::TokenHash | Self::TokenHashWithoutToken | Self::KeyMismatch => {
                "RFC 9449, 4.3 (12)"
            }
            Self::BoundTokenAsBearer => "RFC 9449, 7.2",
            Self::BearerNotAllowed | Self::UnboundToken | Self::UnknownConfirmation => {
                "RFC 9449, 6"
            }
            Self::CertificateMismatch => "RFC 8705, 3",
            Self::GrantKeyMismatch => "RFC 9449, 5",
            Self::NonceRequired | Self::NonceUnknown | Self::NonceStale => "RFC 9449, 4.3 (10)",
            Self::Replayed
            | Self::OverQuota { .. }
            | Self::StoreFull { .. }
            | Self::BeyondLifetime
            | Self::StoreUnavailable
            | Self::BeforeStart { .. } => "RFC 9449, 11.1",
        }
    }
}

impl Refusal {
    /// Whether the client only has to come back with another nonce: `use_dpop_nonce` (RFC 9449, 8 and 9).
    pub const fn is_nonce_challenge(&self) -> bool {
        matches!(Fault::of(self), Fault::Nonce)
    }

    /// When to come back, for a request that is neither right nor wrong because the replay store could not tell. It is
    /// not served (RFC 9449, 11.1).
    pub const fn retry_after(&self) -> Option<Duration> {
        Fault::of(self).retry_after()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCredentials => f.write_str(
                "the request has no Authorization field; send `Authorization: DPoP TOKEN` and a proof",
            ),
            Self::TwoAuthorizations => {
                f.write_str("the request has more than one Authorization field; send one")
            }
            Self::MalformedAuthorization => f.write_str(
                "the Authorization field is not `DPoP TOKEN` or `Bearer TOKEN`; send one of them",
            ),
            Self::NoProof => f.write_str("the request has no DPoP field; send a proof with it"),
            Self::TwoProofs => {
                f.write_str("the request has more than one proof; send exactly one DPoP field")
            }
            Self::TooLarge { limit } => write!(
                f,
                "the proof is longer than {limit} bytes; shorten its claims and its target URI"
            ),
            Self::NotCompactJws => f.write_str(
                "the proof is not HEADER.CLAIMS.SIGNATURE; send the compact serialisation (RFC 7515, 3.1)",
            ),
            Self::NotBase64Url(part) => write!(
                f,
                "{part} is not canonical base64url without padding; encode it as RFC 7515, appendix C shows"
            ),
            Self::NotJson(part, error) => write!(f, "{part} {error}; write one plain JSON object"),
            Self::MissingMember(member) => write!(f, "`{member}` is missing; add it"),
            Self::MalformedMember(member) => write!(f, "`{member}` {}", member.syntax()),
            Self::Type => f.write_str("`typ` is not `dpop+jwt`; write exactly that"),
            Self::Algorithm => f.write_str(
                "`alg` is no asymmetric signature that is known here; use ES256 or EdDSA",
            ),
            Self::AlgorithmNotAllowed => f.write_str(
                "`alg` is not allowed here; use one of the algorithms that the challenge lists",
            ),
            Self::Critical => f.write_str(
                "`crit` demands an extension, and a proof has none; leave `crit` away",
            ),
            Self::Key => f.write_str(
                "`jwk` is no valid public key for `alg`; send kty, crv and the coordinates of the signing key",
            ),
            Self::PrivateKey => f.write_str(
                "`jwk` has a private member; make a new key, for this one is no secret any more",
            ),
            Self::Signature => f.write_str(
                "the signature does not verify under `jwk`; sign HEADER.CLAIMS as sent, as r and s of 32 bytes each",
            ),
            Self::Method => f.write_str(
                "`htm` is not the method of the request; write it as on the request line, capitals included",
            ),
            Self::TargetUri => f.write_str(
                "`htu` is not the target URI of the request; compare scheme, host, port and path, \
                 and behind a proxy configure the URI that clients use",
            ),
            Self::MalformedTargetUri(error) => {
                write!(f, "`htu` {error}; write the absolute https URI of the request")
            }
            Self::TargetUriQuery => {
                f.write_str("`htu` has a query or a fragment; leave both away")
            }
            Self::TooOld { age, limit } => write!(
                f,
                "the proof was made {} s ago and {} s are allowed; make one for each request, and check both clocks",
                age.as_secs(),
                limit.as_secs()
            ),
            Self::TooNew { ahead, limit } => write!(
                f,
                "the proof was made {} s in the future and {} s are allowed; check both clocks",
                ahead.as_secs(),
                limit.as_secs()
            ),
            Self::Expired => f.write_str(
                "`exp` of the proof is past; make a proof for each request, or leave `exp` away",
            ),
            Self::NotYetValid => f.write_str(
                "`nbf` of the proof has not come; check both clocks, or leave `nbf` away",
            ),
            Self::TokenHash => f.write_str(
                "`ath` is not the hash of the access token; write base64url of the SHA-256 of the token alone",
            ),
            Self::TokenHashWithoutToken => f.write_str(
                "`ath` is present and no access token is; leave it away at the token endpoint",
            ),
            Self::KeyMismatch => f.write_str(
                "the access token is bound to another key; sign with the key that it was issued for",
            ),
            Self::BoundTokenAsBearer => f.write_str(
                "the access token is bound to a key and came as Bearer; send it as DPoP with a proof",
            ),
            Self::BearerNotAllowed => f.write_str(
                "the access token is bound to nobody and came as Bearer; ask the authorization server for a bound one",
            ),
            Self::UnboundToken => f.write_str(
                "the access token is bound to no key and came as DPoP; ask the authorization server for a bound one",
            ),
            Self::CertificateMismatch => f.write_str(
                "the access token is bound to another client certificate; \
                 connect with that one, or ask for a new token after a renewal",
            ),
            Self::UnknownConfirmation => f.write_str(
                "the access token is bound in a way that is not known here; bind it by jkt or by x5t#S256",
            ),
            Self::GrantKeyMismatch => f.write_str(
                "the grant is bound to another key; use the key of the first request",
            ),
            Self::NonceRequired => {
                f.write_str("`nonce` is missing; take it from the DPoP-Nonce field and try once more")
            }
            Self::NonceUnknown => f.write_str(
                "`nonce` was not issued here for this key; take it from the DPoP-Nonce field and try once more",
            ),
            Self::NonceStale => f.write_str(
                "`nonce` is too old; take the new one from the DPoP-Nonce field and try once more",
            ),
            Self::Replayed => {
                f.write_str("the proof has been used before; make a new one for each request")
            }
            Self::OverQuota { .. } => {
                f.write_str("the key sends more proofs than one key may; send fewer, or raise the quota")
            }
            Self::StoreFull { .. } => {
                f.write_str("the replay store is full; try later, or raise its capacity")
            }
            Self::BeyondLifetime => f.write_str(
                "the proof outlives the memory of the replay store; give the store the verifier's replay lifetime",
            ),
            Self::StoreUnavailable => {
                f.write_str("the replay store did not answer; try later, and check the store")
            }
            Self::BeforeStart { retry_after } => write!(
                f,
                "the proof may have been used before this server started; make a new one in {} s",
                whole_seconds(*retry_after)
            ),
        }
    }
}

impl core::error::Error for Refusal {}

/// Rounded up: whoever waits that long does not come too early.
pub(super) const fn whole_seconds(duration: Duration) -> u64 {
    let begun = if duration.subsec_nanos() > 0 { 1 } else { 0 };
    duration.as_secs().saturating_add(begun)
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "the header",
            Self::Claims => "the claims",
            Self::Signature => "the signature",
            Self::Key => "the key",
        })
    }
}

impl Member {
    /// The name in the JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Typ => "typ",
            Self::Alg => "alg",
            Self::Jwk => "jwk",
            Self::Kty => "kty",
            Self::Crv => "crv",
            Self::X => "x",
            Self::Y => "y",
            Self::Jti => "jti",
            Self::Htm => "htm",
            Self::Htu => "htu",
            Self::Iat => "iat",
            Self::Ath => "ath",
            Self::Nonce => "nonce",
            Self::Exp => "exp",
            Self::Nbf => "nbf",
        }
    }

    /// What is wrong with a value of this member, and what is right.
    const fn syntax(self) -> &'static str {
        match self {
            Self::Jwk => "is not an object; send the public key itself",
            Self::X | Self::Y => {
                "is not 32 bytes in canonical base64url; write the whole coordinate"
            }
            Self::Jti => "is not a string of 1 to 128 bytes; use 96 random bits or a UUID",
            Self::Iat | Self::Exp | Self::Nbf => {
                "is not a number of seconds since 1970; write it as a plain integer"
            }
            Self::Ath => {
                "is not 32 bytes in canonical base64url; write base64url of the SHA-256 of the token"
            }
            Self::Typ | Self::Alg | Self::Kty | Self::Crv | Self::Htm | Self::Htu | Self::Nonce => {
                "is not a string; write it as one"
            }
        }
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests;
