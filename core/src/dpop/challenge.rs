//! What a refused client is told: status, fields and body (RFC 9449, 5, 7.1, 8 and 9; RFC 6750, 3; RFC 6749, 5.2).

use alloc::borrow::ToOwned as _;
use alloc::boxed::Box;
use core::fmt;

use super::fault::Fault;
use super::nonce::Nonce;
use super::refusal::{Refusal, whole_seconds};
use super::role::Role;
use super::settings::SettingsError;
use super::verify::Verifier;

/// The response to a refused request.
///
/// [`fields`](Self::fields) gives every header field that belongs to it, and an authorization server also sends the
/// [`body`](Self::body).
#[derive(Clone, Copy, Debug)]
pub struct Challenge<'a> {
    refusal: Refusal,
    role: Role,
    verifier: &'a Verifier,
    nonce: Option<Nonce>,
}

/// A response header field.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Field<'a> {
    /// `WWW-Authenticate` (RFC 9110, 11.6.1), from a resource server.
    WwwAuthenticate(WwwAuthenticate<'a>),
    /// `DPoP-Nonce` (RFC 9449, 8).
    DpopNonce(Nonce),
    /// `Retry-After` (RFC 9110, 10.2.3), in seconds.
    RetryAfter(u64),
    /// `Cache-Control: no-store` (RFC 9449, 8).
    CacheControl,
    /// `Access-Control-Expose-Headers`: scripts in a browser see the challenge and the nonce (RFC 9449, 8).
    ExposeHeaders,
}

/// The challenges of a resource server: one for each scheme that it accepts.
#[derive(Clone, Copy, Debug)]
pub struct WwwAuthenticate<'a>(Challenge<'a>);

/// The JSON body of an authorization server's error response (RFC 6749, 5.2).
#[derive(Clone, Copy, Debug)]
pub struct Body<'a>(Challenge<'a>);

impl<'a> Challenge<'a> {
    pub(super) const fn new(
        refusal: Refusal,
        role: Role,
        verifier: &'a Verifier,
        nonce: Option<Nonce>,
    ) -> Self {
        Self {
            refusal,
            role,
            verifier,
            nonce,
        }
    }

    /// The HTTP status code.
    pub const fn status(&self) -> u16 {
        Fault::of(&self.refusal).status(self.role)
    }

    /// The error code of OAuth; `None` where there is nothing to say: no credentials, or no fault of the client.
    pub const fn error(&self) -> Option<&'static str> {
        Fault::of(&self.refusal).error()
    }

    /// The header fields, each once.
    pub fn fields(&self) -> impl Iterator<Item = Field<'a>> {
        let is_challenge =
            self.role == Role::ResourceServer && self.refusal.retry_after().is_none();
        [
            is_challenge.then_some(Field::WwwAuthenticate(WwwAuthenticate(*self))),
            self.nonce.map(Field::DpopNonce),
            self.refusal
                .retry_after()
                .map(|after| Field::RetryAfter(whole_seconds(after))),
            Some(Field::CacheControl),
            Some(Field::ExposeHeaders),
        ]
        .into_iter()
        .flatten()
    }

    /// The JSON body that an authorization server sends; a resource server needs none.
    pub fn body(&self) -> Option<Body<'a>> {
        (self.role == Role::AuthorizationServer).then_some(Body(*self))
    }
}

impl Field<'_> {
    /// The name of the field.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::WwwAuthenticate(_) => "WWW-Authenticate",
            Self::DpopNonce(_) => "DPoP-Nonce",
            Self::RetryAfter(_) => "Retry-After",
            Self::CacheControl => "Cache-Control",
            Self::ExposeHeaders => "Access-Control-Expose-Headers",
        }
    }
}

/// The value of the field.
impl fmt::Display for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WwwAuthenticate(challenges) => challenges.fmt(f),
            Self::DpopNonce(nonce) => nonce.fmt(f),
            Self::RetryAfter(seconds) => seconds.fmt(f),
            Self::CacheControl => f.write_str("no-store"),
            Self::ExposeHeaders => f.write_str("DPoP-Nonce, WWW-Authenticate"),
        }
    }
}

impl fmt::Display for WwwAuthenticate<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let challenge = &self.0;
        let verifier = challenge.verifier;
        // An error goes into the challenge of the scheme that was used (RFC 9449, 7.2).
        let came_as_bearer = matches!(
            challenge.refusal,
            Refusal::BoundTokenAsBearer | Refusal::BearerNotAllowed
        );
        if verifier.bearer_allowed() || came_as_bearer {
            let mut bearer = Parameters::of("Bearer", f)?;
            if came_as_bearer {
                bearer.error(challenge)?;
            }
            bearer.resource_metadata(verifier)?;
            f.write_str(", ")?;
        }
        let mut dpop = Parameters::of("DPoP", f)?;
        if !came_as_bearer {
            dpop.error(challenge)?;
        }
        dpop.quoted("algs", verifier.algorithms())?;
        dpop.resource_metadata(verifier)
    }
}

/// Writes the parameters of one challenge: a space before the first, a comma between.
struct Parameters<'f, 'b> {
    f: &'f mut fmt::Formatter<'b>,
    first: bool,
}

impl<'f, 'b> Parameters<'f, 'b> {
    fn of(scheme: &str, f: &'f mut fmt::Formatter<'b>) -> Result<Self, fmt::Error> {
        f.write_str(scheme)?;
        Ok(Self { f, first: true })
    }

    fn error(&mut self, challenge: &Challenge<'_>) -> fmt::Result {
        let Some(error) = challenge.error() else {
            return Ok(());
        };
        self.quoted("error", &error)?;
        let refusal = &challenge.refusal;
        self.quoted(
            "error_description",
            &format_args!("{} {refusal}", refusal.code()),
        )
    }

    fn resource_metadata(&mut self, verifier: &Verifier) -> fmt::Result {
        match verifier.resource_metadata_uri() {
            Some(uri) => self.quoted("resource_metadata", &uri),
            None => Ok(()),
        }
    }

    fn quoted(&mut self, name: &str, value: &dyn fmt::Display) -> fmt::Result {
        let before = if core::mem::take(&mut self.first) {
            " "
        } else {
            ", "
        };
        write!(self.f, "{before}{name}=\"{value}\"")
    }
}

impl fmt::Display for Body<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Challenge { refusal, .. } = &self.0;
        let error = self.0.error().unwrap_or("temporarily_unavailable");
        write!(
            f,
            r#"{{"error":"{error}","error_description":"{} {refusal}"}}"#,
            refusal.code()
        )
    }
}

/// The URI of the protected resource metadata (RFC 9728, 5.1), fit for a quoted-string.
#[derive(Debug)]
pub(super) struct ResourceMetadata(Box<str>);

impl ResourceMetadata {
    pub(super) fn new(uri: &str) -> Result<Self, SettingsError> {
        let fits = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
        if uri.is_empty() || !uri.bytes().all(fits) {
            return Err(SettingsError::Parameter);
        }
        Ok(Self(uri.to_owned().into_boxed_str()))
    }

    pub(super) const fn as_str(&self) -> &str {
        &self.0
    }
}
