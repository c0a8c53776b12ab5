//! The two kinds of server that check proofs.

use core::fmt;

/// Which kind of server checks a proof, or is asked with one (RFC 9449, 1).
///
/// One machine can be both: their nonces, errors and status codes differ all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Has what the access token is for: an MCP server.
    ResourceServer,
    /// Issues the access token: its token endpoint and its pushed requests.
    AuthorizationServer,
}

impl Role {
    /// `resource` or `authorization`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::ResourceServer => "resource",
            Self::AuthorizationServer => "authorization",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
