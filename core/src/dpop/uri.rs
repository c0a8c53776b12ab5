//! Target URIs, compared as RFC 9449, 4.3 says: after the normalisation of RFC 3986, 6.2.2 and 6.2.3.

mod authority;
mod path;

#[cfg(test)]
mod tests;

use core::fmt;

use authority::Authority;
pub use authority::Origin;
use path::Path;

/// The target URI of a request: `htu` of a proof, or what a server knows itself to be reached at.
///
/// Two are equal if they differ only in
///
/// - the case of scheme and host, and of the digits of percent-encodings,
/// - percent-encodings of letters, digits, `-`, `.`, `_` and `~`,
/// - the segments `.` and `..`,
/// - an empty path for `/`, an empty port or the default port for none,
/// - how an IPv6 address is written,
/// - query and fragment: RFC 9449 ignores them.
///
/// All else counts: a slash at the end, empty segments, the case of the path, `%2F` for `/`, a dot behind the host.
/// An IPv4 address has one spelling, that with four decimal numbers.
///
/// Borrowed, without memory of its own; each operation takes time linear in the length of the URI. Its `Display` is
/// the normalised form without query and fragment.
///
/// ```
/// use ravelin_core::dpop::{TargetUri, UriError};
///
/// let configured = TargetUri::parse("https://server.example/mcp")?;
/// let htu = TargetUri::parse("HTTPS://Server.Example:443/a/../%6dcp?x=1#y")?;
/// assert_eq!(htu, configured);
/// assert!(htu.has_query_or_fragment());
/// assert_eq!(htu.to_string(), "https://server.example/mcp");
/// assert_eq!(htu.as_sent(), "HTTPS://Server.Example:443/a/../%6dcp");
/// assert_eq!(htu.origin().to_string(), "https://server.example");
///
/// assert_ne!(TargetUri::parse("https://server.example/mcp/")?, configured);
/// assert_eq!(TargetUri::parse("http://server.example/mcp"), Err(UriError::Scheme));
/// assert!(TargetUri::parse("http://127.0.0.1:8080/mcp").is_ok());
/// # Ok::<(), UriError>(())
/// ```
#[derive(Clone, Copy)]
pub struct TargetUri<'a> {
    origin: Origin<'a>,
    path: Path<'a>,
    sent: &'a str,
    has_query_or_fragment: bool,
}

impl<'a> TargetUri<'a> {
    /// Reads an absolute `https` URI, or an `http` one of this machine: `localhost`, 127.0.0.0/8 or `[::1]`.
    ///
    /// What RFC 3986 allows in a host and no name of a server has is refused, so that no other reader can take the
    /// host for another one: percent-encodings, `!$&'()*+,;=~`, and numbers that some readers take for an IPv4 address.
    /// `_`, which RFC 3986 allows and names do have, is accepted. So are `[` and `]` in path and query, and `#` in a
    /// fragment, which RFC 3986 does not allow: browsers send them as they are.
    ///
    /// # Errors
    /// The first rule that is broken, from left to right.
    pub fn parse(text: &'a str) -> Result<Self, UriError> {
        let (scheme, rest) = text.split_once(':').ok_or(UriError::NotAbsolute)?;
        if !is_scheme(scheme) {
            return Err(UriError::NotAbsolute);
        }
        let is_https = scheme.eq_ignore_ascii_case("https");
        if !is_https && !scheme.eq_ignore_ascii_case("http") {
            return Err(UriError::Scheme);
        }
        let rest = rest.strip_prefix("//").ok_or(UriError::NotAbsolute)?;
        let (authority, rest) = split_before(rest, ['/', '?', '#']);
        let authority = Authority::parse(authority)?;
        if !is_https && !authority.is_loopback() {
            return Err(UriError::Scheme);
        }
        check_characters(rest)?;
        let (path, ignored) = split_before(rest, ['?', '#']);
        let (sent, _) = split_before(text, ['?', '#']);
        Ok(Self {
            origin: Origin::new(is_https, authority),
            path: Path::new(path)?,
            sent,
            has_query_or_fragment: !ignored.is_empty(),
        })
    }

    /// Whether it has a `?` or a `#`. RFC 9449, 4.2 says that `htu` has neither.
    pub const fn has_query_or_fragment(&self) -> bool {
        self.has_query_or_fragment
    }

    /// The text up to query and fragment, not normalised: what a client writes as `htu`.
    pub const fn as_sent(&self) -> &'a str {
        self.sent
    }

    /// Scheme, host and port.
    pub const fn origin(&self) -> Origin<'a> {
        self.origin
    }
}

impl PartialEq<TargetUri<'_>> for TargetUri<'_> {
    fn eq(&self, other: &TargetUri<'_>) -> bool {
        self.origin == other.origin && self.path == other.path
    }
}

impl Eq for TargetUri<'_> {}

impl fmt::Display for TargetUri<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.path)
    }
}

impl fmt::Debug for TargetUri<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TargetUri({self})")
    }
}

/// Why a text is no [`TargetUri`].
///
/// Its `Display` completes a sentence that begins with "`htu` ": "`htu` has a user name".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UriError {
    /// It does not begin with a scheme and `//` (RFC 3986, 4.3).
    NotAbsolute,
    /// Neither `https`, nor `http` with a host of this machine.
    Scheme,
    /// A `@` before the host (RFC 3986, 3.2.1).
    UserInfo,
    /// Nothing before the port or the path.
    EmptyHost,
    /// Neither letters, digits, `-`, `_` and dots, nor an IP address in its one form (RFC 3986, 3.2.2).
    Host,
    /// Not a number from 1 to 65535 without leading zeros.
    Port,
    /// A `%` without two hexadecimal digits behind it (RFC 3986, 2.1).
    PercentEncoding,
    /// `%00`.
    Nul,
    /// A character that must be percent-encoded, such as a space, a control character or a letter outside ASCII.
    Character,
    /// A path of more than 8192 bytes.
    TooLong,
}

impl fmt::Display for UriError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotAbsolute => "is not an absolute URI",
            Self::Scheme => "is not https",
            Self::UserInfo => "has a user name",
            Self::EmptyHost => "has no host",
            Self::Host => "has a malformed host",
            Self::Port => "has a malformed port",
            Self::PercentEncoding => "has a % without two hexadecimal digits",
            Self::Nul => "has an encoded NUL",
            Self::Character => "has a character that no URI has",
            Self::TooLong => "has a path of more than 8192 bytes",
        })
    }
}

impl core::error::Error for UriError {}

/// RFC 3986, 3.1
fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
}

/// Whether each character behind the authority is one of a URI, and each percent-encoding a whole one.
fn check_characters(text: &str) -> Result<(), UriError> {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => match (hex(bytes.next()), hex(bytes.next())) {
                (Some(0), Some(0)) => return Err(UriError::Nul),
                (Some(_), Some(_)) => {}
                _ => return Err(UriError::PercentEncoding),
            },
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' => {
                return Err(UriError::Character);
            }
            b'!'..=b'~' => {}
            _ => return Err(UriError::Character),
        }
    }
    Ok(())
}

fn hex(digit: Option<u8>) -> Option<u8> {
    char::from(digit?)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

/// Splits before the first of `ends`, or behind everything.
fn split_before<const N: usize>(text: &str, ends: [char; N]) -> (&str, &str) {
    let at = text.find(ends).unwrap_or(text.len());
    text.split_at_checked(at).unwrap_or((text, ""))
}
