//! What a client keeps of server nonces, and its one retry (RFC 9449, 8, 8.2 and 9).

mod www_authenticate;

use alloc::boxed::Box;
use alloc::string::ToString as _;
use alloc::vec::Vec;
use core::fmt;

use self::www_authenticate::demands_nonce;
use super::jwk::Thumbprint;
use super::nonce::is_nonce;
use super::role::Role;
use super::uri::{Origin, TargetUri};

/// How many [scopes](NonceScope) a [`NonceCache`] holds by default.
pub const DEFAULT_ORIGINS: usize = 64;

/// One request, with its one retry.
///
/// 1. Make a proof with [`Self::nonce`], send the request.
/// 2. Give the head of the response to [`Self::on_response`].
/// 3. On [`Next::Retry`] do both once more, with a new proof: the same one, sent twice, is a replay.
///
/// A request that is repeated for another reason, such as a timeout, is a new attempt and needs a new proof as well.
/// A redirect belongs to the attempt: ask [`Self::may_follow`] first.
///
/// ```
/// use ravelin_core::dpop::{
///     Attempt, Next, NonceCache, NonceScope, ResponseHead, Role, TargetUri, Thumbprint,
/// };
///
/// let mut cache = NonceCache::default();
/// let server = TargetUri::parse("https://mcp.example.com/mcp")?.origin();
/// let jkt = Thumbprint::new([1; 32]);
/// let mut attempt = Attempt::new(NonceScope::new(server, Role::ResourceServer, jkt));
/// assert_eq!(attempt.nonce(&mut cache), None);
///
/// let head = ResponseHead {
///     status: 401,
///     www_authenticate: [r#"DPoP error="use_dpop_nonce""#],
///     dpop_nonce: ["eyJ7S_zG.eyJH0-Z.HX4w-7v"],
///     body_error: None,
/// };
/// assert_eq!(attempt.on_response(head, &mut cache), Next::Retry);
/// assert_eq!(attempt.nonce(&mut cache), Some("eyJ7S_zG.eyJH0-Z.HX4w-7v"));
/// # Ok::<(), ravelin_core::dpop::UriError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Attempt {
    scope: NonceScope,
    /// The nonce of the challenge, once there was one: the retry has it though the cache be full of other origins.
    challenge: Option<Box<str>>,
}

/// What to do after a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Next {
    /// The response is the answer to the request.
    Done,
    /// Make a new proof with the new nonce, and send the request once more.
    Retry,
    /// The server broke the rules for nonces. None of its nonces was kept, but for [`ClientError::Repeated`]. With
    /// another status than that of a challenge the request has been served all the same.
    Refused(ClientError),
}

/// The parts of a response that concern nonces. Fields are given as text or as bytes, one item for each field line.
#[derive(Clone, Copy, Debug)]
pub struct ResponseHead<'a, W, N> {
    /// The status code.
    pub status: u16,
    /// Every `WWW-Authenticate` field. An authorization server needs none.
    pub www_authenticate: W,
    /// Every `DPoP-Nonce` field, without white space around it.
    pub dpop_nonce: N,
    /// `error` of the JSON body (RFC 6749, 5.2). A resource server needs none.
    pub body_error: Option<&'a str>,
}

/// Where a nonce holds: at the server that issued it (RFC 9449, 9), in its role, for one key of the client.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NonceScope {
    /// Normalised, so that one server has one text.
    origin: Box<str>,
    role: Role,
    jkt: Thumbprint,
}

/// The newest nonce of each scope.
///
/// Bounded by its capacity: the scope that was used least recently makes room. Nothing depends on what it holds; a
/// nonce that is missing costs one round trip. A search reads all entries, so it is made for tens of origins; each has
/// at most [`MAX_NONCE`](super::MAX_NONCE) bytes and its origin.
#[derive(Clone, Debug)]
pub struct NonceCache {
    entries: Vec<Entry>,
    capacity: usize,
    /// Counts uses.
    clock: u64,
}

#[derive(Clone, Debug)]
struct Entry {
    scope: NonceScope,
    nonce: Box<str>,
    used: u64,
}

/// What a client refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientError {
    /// The server demands a nonce and supplies none.
    NonceMissing,
    /// More than one `DPoP-Nonce` field.
    TwoNonces,
    /// A `DPoP-Nonce` that is empty, longer than [`MAX_NONCE`](super::MAX_NONCE) bytes, or has a character that no
    /// nonce has.
    NonceSyntax,
    /// The server demands a nonce again, of a proof that had the one it supplied.
    Repeated,
    /// A redirect to another origin.
    OtherOrigin,
    /// A token response with a `token_type` that the client does not accept.
    TokenType,
}

/// The kind of an access token (RFC 6749, 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenType {
    /// Bound to the key of the proof (RFC 9449, 5).
    Dpop,
    /// Whoever has it can use it (RFC 6750), unless it is bound to a certificate (RFC 8705).
    Bearer,
}

impl Attempt {
    /// One request to the server of `scope`.
    pub const fn new(scope: NonceScope) -> Self {
        Self {
            scope,
            challenge: None,
        }
    }

    /// What to put into the proof: the newest nonce that the server supplied.
    pub fn nonce<'a>(&'a self, cache: &'a mut NonceCache) -> Option<&'a str> {
        cache.nonce(&self.scope).or(self.challenge.as_deref())
    }

    /// Takes the nonce out of a response, of any status, and says what comes next.
    pub fn on_response<'a, W, N>(
        &mut self,
        head: ResponseHead<'a, W, N>,
        cache: &mut NonceCache,
    ) -> Next
    where
        W: IntoIterator<Item: AsRef<[u8]>>,
        N: IntoIterator<Item: AsRef<[u8]>>,
    {
        let challenged = self.is_challenge(head.status, head.www_authenticate, head.body_error);
        let mut supplied = head.dpop_nonce.into_iter();
        let nonce = supplied.next();
        if supplied.next().is_some() {
            return Next::Refused(ClientError::TwoNonces);
        }
        let Some(nonce) = nonce else {
            return if challenged {
                Next::Refused(ClientError::NonceMissing)
            } else {
                Next::Done
            };
        };
        let Some(nonce) = parse(nonce.as_ref()) else {
            return Next::Refused(ClientError::NonceSyntax);
        };
        // Also after the retry, or the next request would begin with the nonce that has just been refused.
        cache.put(&self.scope, nonce);
        if !challenged {
            Next::Done
        } else if self.challenge.is_some() {
            Next::Refused(ClientError::Repeated)
        } else {
            self.challenge = Some(nonce.into());
            Next::Retry
        }
    }

    /// Whether token and proof may go where a redirect points. The path may differ, so the request needs a new proof.
    ///
    /// # Errors
    /// [`ClientError::OtherOrigin`]: go there without token and proof, or not at all.
    pub fn may_follow(&self, location: &TargetUri<'_>) -> Result<(), ClientError> {
        if *self.scope.origin == *location.origin().to_string() {
            Ok(())
        } else {
            Err(ClientError::OtherOrigin)
        }
    }

    /// Whether the response demands a nonce, as this kind of server does it.
    fn is_challenge(
        &self,
        status: u16,
        www_authenticate: impl IntoIterator<Item: AsRef<[u8]>>,
        body_error: Option<&str>,
    ) -> bool {
        match self.scope.role {
            Role::ResourceServer => {
                let mut fields = www_authenticate.into_iter();
                status == 401 && fields.any(|field| demands_nonce(field.as_ref()))
            }
            Role::AuthorizationServer => status == 400 && body_error == Some("use_dpop_nonce"),
        }
    }
}

impl NonceScope {
    /// The server at `origin`, asked with proofs of the key `jkt`.
    pub fn new(origin: Origin<'_>, role: Role, jkt: Thumbprint) -> Self {
        Self {
            origin: origin.to_string().into(),
            role,
            jkt,
        }
    }
}

impl NonceCache {
    /// Room for `capacity` scopes, one at least.
    pub fn new(capacity: usize) -> Self {
        Self {
            entries: Vec::new(),
            capacity: capacity.max(1),
            clock: 0,
        }
    }

    /// The newest nonce of `scope`. This counts as a use.
    pub fn nonce(&mut self, scope: &NonceScope) -> Option<&str> {
        let used = self.tick();
        let entry = self.entry(scope)?;
        entry.used = used;
        Some(&entry.nonce)
    }

    /// Keeps a nonce that the server of `scope` supplied, for example before the program was started anew. It replaces
    /// the one from before.
    ///
    /// # Errors
    /// [`ClientError::NonceSyntax`].
    pub fn store(&mut self, scope: &NonceScope, nonce: &str) -> Result<(), ClientError> {
        let nonce = parse(nonce.as_bytes()).ok_or(ClientError::NonceSyntax)?;
        self.put(scope, nonce);
        Ok(())
    }

    /// How many scopes have a nonce.
    pub const fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none has.
    pub const fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn put(&mut self, scope: &NonceScope, nonce: &str) {
        let used = self.tick();
        if let Some(entry) = self.entry(scope) {
            entry.used = used;
            if *entry.nonce != *nonce {
                entry.nonce = nonce.into();
            }
            return;
        }
        let entry = Entry {
            scope: scope.clone(),
            nonce: nonce.into(),
            used,
        };
        if self.entries.len() < self.capacity {
            self.entries.push(entry);
        } else if let Some(oldest) = self.entries.iter_mut().min_by_key(|entry| entry.used) {
            *oldest = entry;
        }
    }

    fn entry(&mut self, scope: &NonceScope) -> Option<&mut Entry> {
        self.entries.iter_mut().find(|entry| entry.scope == *scope)
    }

    fn tick(&mut self) -> u64 {
        self.clock = self.clock.saturating_add(1);
        self.clock
    }
}

impl Default for NonceCache {
    fn default() -> Self {
        Self::new(DEFAULT_ORIGINS)
    }
}

/// Judges `token_type` of a token response, in any case (RFC 6749, 5.1).
///
/// # Errors
/// [`ClientError::TokenType`] for an unknown type, and with `require_dpop` for all but `DPoP`: then the client must
/// discard the response (RFC 9449, 5).
pub fn token_response(token_type: &str, require_dpop: bool) -> Result<TokenType, ClientError> {
    if token_type.eq_ignore_ascii_case("DPoP") {
        Ok(TokenType::Dpop)
    } else if token_type.eq_ignore_ascii_case("Bearer") && !require_dpop {
        Ok(TokenType::Bearer)
    } else {
        Err(ClientError::TokenType)
    }
}

fn parse(bytes: &[u8]) -> Option<&str> {
    core::str::from_utf8(bytes).ok().filter(|_| is_nonce(bytes))
}

impl ClientError {
    /// The stable code, such as `E-DPO-61`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NonceMissing => "E-DPO-61",
            Self::TwoNonces => "E-DPO-62",
            Self::NonceSyntax => "E-DPO-63",
            Self::Repeated => "E-DPO-64",
            Self::OtherOrigin => "E-DPO-65",
            Self::TokenType => "E-DPO-66",
        }
    }

    /// Where the rule is written.
    pub const fn section(&self) -> &'static str {
        match self {
            Self::NonceMissing | Self::TwoNonces | Self::Repeated => "RFC 9449, 8",
            Self::NonceSyntax => "RFC 9449, 8.1",
            Self::OtherOrigin => "RFC 9449, 9",
            Self::TokenType => "RFC 9449, 5",
        }
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NonceMissing => {
                "the server demands a nonce and supplies none; have it send DPoP-Nonce with use_dpop_nonce"
            }
            Self::TwoNonces => {
                "the response has more than one DPoP-Nonce field; have the server, or a proxy before it, send one"
            }
            Self::NonceSyntax => {
                "the nonce is empty, too long, or has a character that no nonce has; have the server send 1 to 512 NQCHAR"
            }
            Self::Repeated => {
                "the server refused the nonce that it had just supplied; \
                 check that its nodes share their nonce secret and agree on the time"
            }
            Self::OtherOrigin => {
                "the redirect leads to another origin; ask for a token for that server, and send neither token nor proof there"
            }
            Self::TokenType => {
                "the token_type of the response is not accepted; discard the tokens, \
                 and have the authorization server issue DPoP tokens to this client"
            }
        })
    }
}

impl core::error::Error for ClientError {}

#[cfg(test)]
mod tests;
