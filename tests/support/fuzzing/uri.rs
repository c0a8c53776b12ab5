//! `dpop::TargetUri` against iri-string, which implements RFC 3986 without knowing about schemes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use iri_string::types::UriStr;
use ravelin_core::dpop::{TargetUri, UriError};

use super::{Mark, Reached};

/// Two URIs, one a line.
pub fn uri(input: &[u8]) -> Reached {
    let mut reached = Reached::new();
    let Ok(text) = str::from_utf8(input) else {
        return reached;
    };
    let (first, second) = text.split_once('\n').unwrap_or((text, text));
    let (a, b) = (read(first, &mut reached), read(second, &mut reached));
    if let (Some(a), Some(b)) = (a, b) {
        let is_same = a.to_string() == b.to_string();
        assert_eq!((a == b, b == a), (is_same, is_same), "{text}");
        let (ours, theirs) = (a.origin(), b.origin());
        assert_eq!(ours == theirs, ours.to_string() == theirs.to_string());
        if is_same && first != second {
            reached.insert(Mark::Equal);
        }
    }
    reached
}

fn read<'a>(text: &'a str, reached: &mut Reached) -> Option<TargetUri<'a>> {
    let ours = TargetUri::parse(text);
    let theirs = Parts::of(text);
    match ours {
        Ok(uri) => {
            reached.insert(Mark::Parsed);
            let theirs = match theirs {
                Some(parts) => parts,
                // Of what RFC 3986 does not allow, we accept brackets and number signs behind the authority.
                None => Parts::of(&strict(uri.as_sent())).expect("nothing else is allowed"),
            };
            assert_eq!(theirs.broken(), [], "accepted: {text}");
            let normalised = uri.to_string();
            assert_eq!(strict(&normalised), theirs.normalised(), "{text}");
            let again = TargetUri::parse(&normalised).expect("the normalised form is a URI");
            assert_eq!(again, uri);
            assert_eq!(again.to_string(), normalised);
            assert_eq!(TargetUri::parse(uri.as_sent()), Ok(uri));
            assert!(normalised.starts_with(&uri.origin().to_string()));
            let (sent, ignored) = text.split_at(uri.as_sent().len());
            assert_eq!(sent, uri.as_sent());
            assert_eq!(uri.has_query_or_fragment(), !ignored.is_empty());
            Some(uri)
        }
        Err(error) => {
            assert_ne!(error.to_string(), "");
            match theirs {
                Some(parts) => {
                    assert!(parts.broken().contains(&error), "{error}: {text}");
                    reached.insert(Mark::Stricter);
                }
                None => {
                    reached.insert(Mark::Refused);
                }
            }
            None
        }
    }
}

/// The URI with the brackets of its path percent-encoded.
fn strict(uri: &str) -> String {
    let authority = uri.find("//").map_or(0, |slashes| slashes + 2);
    let path = uri[authority..]
        .find('/')
        .map_or(uri.len(), |path| authority + path);
    let (origin, path) = uri.split_at(path);
    origin.to_owned() + &path.replace('[', "%5B").replace(']', "%5D")
}

/// The parts of a URI as iri-string reads and normalises them.
struct Parts {
    scheme: String,
    authority: Option<Authority>,
    /// As written.
    path_len: usize,
    has_nul: bool,
    path: String,
}

struct Authority {
    has_user_info: bool,
    host: String,
    /// With percent-encodings, which are gone from a normalised name.
    has_encoded_host: bool,
    port: Option<String>,
}

impl Parts {
    fn of(text: &str) -> Option<Self> {
        let written = UriStr::new(text).ok()?;
        let normalised = written.normalize().to_string();
        let uri = UriStr::new(&normalised).expect("the normalised form is a URI");
        let authority = uri.authority_components().map(|authority| Authority {
            has_user_info: authority.userinfo().is_some(),
            host: authority.host().to_owned(),
            has_encoded_host: written
                .authority_components()
                .is_some_and(|written| written.host().contains('%')),
            port: authority.port().map(str::to_owned),
        });
        Some(Self {
            scheme: uri.scheme_str().to_owned(),
            authority,
            path_len: written.path_str().len(),
            has_nul: text.contains("%00"),
            path: uri.path_str().to_owned(),
        })
    }

    /// RFC 3986, 6.2.3, for what is left after 6.2.2.
    fn normalised(&self) -> String {
        let authority = self.authority.as_ref().expect("an authority");
        let host = match authority.ip() {
            Some(IpAddr::V6(address)) => format!("[{address}]"),
            _ => authority.host.clone(),
        };
        let port = match (&*self.scheme, authority.port.as_deref()) {
            (_, None | Some("")) | ("https", Some("443")) | ("http", Some("80")) => String::new(),
            (_, Some(port)) => format!(":{port}"),
        };
        let path = if self.path.is_empty() {
            "/"
        } else {
            &self.path
        };
        format!("{}://{host}{port}{path}", self.scheme)
    }

    /// The rules of ours that the URI breaks.
    fn broken(&self) -> Vec<UriError> {
        let is_http = ["http", "https"].contains(&&*self.scheme);
        let mut rules = match &self.authority {
            None if is_http => vec![(UriError::NotAbsolute, true)],
            None => vec![],
            Some(authority) => authority.rules(),
        };
        let authority = self.authority.as_ref();
        let is_local = authority.is_some_and(Authority::is_loopback);
        rules.extend([
            (
                UriError::Scheme,
                !is_http || (self.scheme == "http" && !is_local),
            ),
            (UriError::Nul, self.has_nul),
            (UriError::TooLong, self.path_len > 8192),
        ]);
        rules
            .into_iter()
            .filter_map(|(rule, is_broken)| is_broken.then_some(rule))
            .collect()
    }
}

impl Authority {
    /// Each rule, and whether it is broken.
    fn rules(&self) -> Vec<(UriError, bool)> {
        let port = self.port.as_deref().unwrap_or_default();
        let is_number = !port.starts_with('0') && port.parse::<u16>().is_ok();
        vec![
            (UriError::UserInfo, self.has_user_info),
            (UriError::EmptyHost, self.host.is_empty()),
            (
                UriError::Host,
                self.has_encoded_host || !self.has_plain_host(),
            ),
            (UriError::Port, !port.is_empty() && !is_number),
        ]
    }

    fn ip(&self) -> Option<IpAddr> {
        let literal = self.host.strip_prefix('[');
        match literal.and_then(|literal| literal.strip_suffix(']')) {
            Some(address) => address.parse::<Ipv6Addr>().ok().map(IpAddr::V6),
            None => self.host.parse::<Ipv4Addr>().ok().map(IpAddr::V4),
        }
    }

    fn is_loopback(&self) -> bool {
        // Nothing mapped: that `::ffff:127.0.0.1` is this machine is not for everybody to know.
        self.host == "localhost" || self.ip().is_some_and(|address| address.is_loopback())
    }

    fn has_plain_host(&self) -> bool {
        if self.ip().is_some() || self.host.is_empty() {
            return true;
        }
        let host = self.host.strip_suffix('.').unwrap_or(&self.host);
        let labels: Vec<_> = host.split('.').collect();
        let is_number = |label: &str| match label.strip_prefix("0x") {
            Some(digits) => !digits.contains(|c: char| !c.is_ascii_hexdigit()),
            None => !label.contains(|c: char| !c.is_ascii_digit()),
        };
        !host.contains(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c))
            && !labels.contains(&"")
            && !labels.last().is_some_and(|last| is_number(last))
    }
}
