//! Scheme, host and port.

use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr};

use super::UriError;

/// Scheme, host and port of a [`TargetUri`](super::TargetUri): what a cache of nonces is keyed by.
///
/// Two are equal if their normalised forms are. That form is the `Display`: `https://server.example:8443`, in lower
/// case and without the default port.
#[derive(Clone, Copy)]
pub struct Origin<'a> {
    is_https: bool,
    host: Host<'a>,
    port: u16,
}

impl<'a> Origin<'a> {
    pub(super) fn new(is_https: bool, authority: Authority<'a>) -> Self {
        Self {
            is_https,
            host: authority.host,
            port: authority.port.unwrap_or(default_port(is_https)),
        }
    }
}

const fn default_port(is_https: bool) -> u16 {
    if is_https { 443 } else { 80 }
}

impl PartialEq<Origin<'_>> for Origin<'_> {
    fn eq(&self, other: &Origin<'_>) -> bool {
        self.is_https == other.is_https && self.port == other.port && self.host == other.host
    }
}

impl Eq for Origin<'_> {}

impl fmt::Display for Origin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_https { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.host)?;
        if self.port == default_port(self.is_https) {
            Ok(())
        } else {
            write!(f, ":{}", self.port)
        }
    }
}

impl fmt::Debug for Origin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Origin({self})")
    }
}

/// What stands between `//` and the path.
#[derive(Clone, Copy)]
pub(super) struct Authority<'a> {
    host: Host<'a>,
    port: Option<u16>,
}

impl<'a> Authority<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self, UriError> {
        if text.contains('@') {
            return Err(UriError::UserInfo);
        }
        let (host, port) = if let Some(literal) = text.strip_prefix('[') {
            let (address, port) = literal.split_once(']').ok_or(UriError::Host)?;
            let port = match port.strip_prefix(':') {
                Some(port) => port,
                None if port.is_empty() => "",
                None => return Err(UriError::Host),
            };
            let address = address.parse().map_err(|_| UriError::Host)?;
            (Host::Address(address), port)
        } else {
            let (name, port) = text.split_once(':').unwrap_or((text, ""));
            (Host::named(name)?, port)
        };
        Ok(Self {
            host,
            port: parse_port(port)?,
        })
    }

    pub(super) fn is_loopback(&self) -> bool {
        match self.host {
            Host::Address(address) => address == Ipv6Addr::LOCALHOST,
            Host::Named(name) => match name.parse::<Ipv4Addr>() {
                Ok(address) => address.is_loopback(),
                Err(_) => name.eq_ignore_ascii_case("localhost"),
            },
        }
    }
}

/// An empty port is no port.
fn parse_port(text: &str) -> Result<Option<u16>, UriError> {
    if text.is_empty() {
        return Ok(None);
    }
    let is_canonical = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    match text.parse() {
        Ok(port) if is_canonical => Ok(Some(port)),
        _ => Err(UriError::Port),
    }
}

#[derive(Clone, Copy)]
enum Host<'a> {
    /// A name or an IPv4 address: four decimal numbers have one spelling.
    Named(&'a str),
    Address(Ipv6Addr),
}

impl<'a> Host<'a> {
    fn named(text: &'a str) -> Result<Self, UriError> {
        if text.is_empty() {
            return Err(UriError::EmptyHost);
        }
        // The dot of the root does not make an empty label.
        let mut labels = text.strip_suffix('.').unwrap_or(text).split('.');
        let are_labels = labels.clone().all(is_label);
        // Readers of the WHATWG school take `127.1`, `0x7f.1` and `127.0.0.1.` for IPv4 addresses.
        let looks_like_ipv4 = labels.next_back().is_some_and(is_numeric);
        if are_labels && (!looks_like_ipv4 || text.parse::<Ipv4Addr>().is_ok()) {
            Ok(Self::Named(text))
        } else {
            Err(UriError::Host)
        }
    }
}

fn is_label(text: &str) -> bool {
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    !text.is_empty() && text.bytes().all(is_allowed)
}

fn is_numeric(label: &str) -> bool {
    let hexadecimal = label
        .strip_prefix("0x")
        .or_else(|| label.strip_prefix("0X"));
    match hexadecimal {
        Some(digits) => digits.bytes().all(|b| b.is_ascii_hexdigit()),
        None => label.bytes().all(|b| b.is_ascii_digit()),
    }
}

impl PartialEq<Host<'_>> for Host<'_> {
    fn eq(&self, other: &Host<'_>) -> bool {
        match (self, other) {
            (Self::Named(a), Host::Named(b)) => a.eq_ignore_ascii_case(b),
            (Self::Address(a), Host::Address(b)) => a == b,
            (Self::Named(_), Host::Address(_)) | (Self::Address(_), Host::Named(_)) => false,
        }
    }
}

impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(name) => name
                .chars()
                .try_for_each(|c| fmt::Write::write_char(f, c.to_ascii_lowercase())),
            Self::Address(address) => write!(f, "[{address}]"),
        }
    }
}
