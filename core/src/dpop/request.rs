//! The parts of an HTTP request that DPoP speaks about.

use super::refusal::Refusal;
use super::uri::TargetUri;

/// A request as it came, nothing of it trusted.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// The method on the request line, whatever an override field says.
    pub method: &'a str,
    /// The target URI as clients use it. Behind a proxy it comes from the configuration, not from what the request
    /// says about itself.
    pub uri: TargetUri<'a>,
    /// The values of all `Authorization` fields. An authorization server may leave them away.
    pub authorization: &'a [&'a [u8]],
    /// The values of all `DPoP` fields.
    pub dpop: &'a [&'a [u8]],
    /// The nonce that this client was given, where the server remembers it: the proof must have exactly this one.
    /// Otherwise `None`; nonces that need no memory belong to the verifier.
    pub nonce: Option<&'a str>,
}

/// A request to a resource server and the access token in it, which the server looks up before it can judge.
#[derive(Clone, Copy, Debug)]
pub struct Presented<'a> {
    pub(super) request: Request<'a>,
    pub(super) credentials: Result<Credentials<'a>, Refusal>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Credentials<'a> {
    pub(super) scheme: Scheme,
    pub(super) token: &'a str,
}

/// The authentication scheme that came with the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// RFC 9449, 7.1.
    DPoP,
    /// RFC 6750, 2.1.
    Bearer,
}

impl<'a> Presented<'a> {
    /// Finds the token (RFC 9449, 7.1). Without exactly one there is none, and the request will be refused.
    pub fn new(request: Request<'a>) -> Self {
        let credentials = match request.authorization {
            [] => Err(Refusal::NoCredentials),
            [value] => Credentials::parse(value).ok_or(Refusal::MalformedAuthorization),
            _ => Err(Refusal::TwoAuthorizations),
        };
        Self {
            request,
            credentials,
        }
    }

    /// The access token: its signature, audience and lifetime are for the caller to judge.
    pub fn token(&self) -> Option<&'a str> {
        self.credentials.ok().map(|credentials| credentials.token)
    }

    /// The scheme that it came with.
    pub fn scheme(&self) -> Option<Scheme> {
        self.credentials.ok().map(|credentials| credentials.scheme)
    }
}

impl Request<'_> {
    /// The one proof of the request.
    pub(super) fn proof(&self) -> Result<&[u8], Refusal> {
        match self.dpop {
            [] => Err(Refusal::NoProof),
            // A recipient may join fields with commas (RFC 9110, 5.3), and no proof has one.
            [value] if !value.contains(&b',') => Ok(value),
            _ => Err(Refusal::TwoProofs),
        }
    }
}

impl<'a> Credentials<'a> {
    /// `scheme 1*SP token68` (RFC 9110, 11.4).
    fn parse(value: &'a [u8]) -> Option<Self> {
        let value = core::str::from_utf8(value).ok()?;
        let (scheme, token) = value.split_once(' ')?;
        let scheme = if scheme.eq_ignore_ascii_case("DPoP") {
            Scheme::DPoP
        } else if scheme.eq_ignore_ascii_case("Bearer") {
            Scheme::Bearer
        } else {
            return None;
        };
        let token = token.trim_start_matches(' ');
        is_token68(token).then_some(Self { scheme, token })
    }
}

/// `1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="` (RFC 9110, 11.2).
pub(super) fn is_token68(token: &str) -> bool {
    let body = token.trim_end_matches('=');
    !body.is_empty()
        && body
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b))
}

/// `1*tchar` (RFC 9110, 5.6.2): what a method is made of.
pub(super) fn is_method(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_scheme_and_one_token68() {
        let parse = |value: &'static [u8]| {
            let credentials = Credentials::parse(value)?;
            Some((credentials.scheme, credentials.token))
        };
        assert_eq!(parse(b"DPoP a.b"), Some((Scheme::DPoP, "a.b")));
        assert_eq!(parse(b"dpop a=="), Some((Scheme::DPoP, "a==")));
        assert_eq!(parse(b"bearer  a"), Some((Scheme::Bearer, "a")));
        for value in [
            b"".as_slice(),
            b"DPoP",
            b"DPoP ",
            b" DPoP a",
            b"DPoP a b",
            b"DPoP a,b",
            b"DPoP =",
            b"DPoP a=b",
            b"Basic a",
            b"DPoP\ta",
            b"DPoP a\xFF",
        ] {
            assert_eq!(parse(value), None, "{}", value.escape_ascii());
        }
    }
}
