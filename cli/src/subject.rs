//! Whom a certificate names: the subject alternative name, the common name, and the file name that is safe for both.

use std::net::IpAddr;

use ravelin_core::pki_types::DnsName;
use rcgen::SanType;

use crate::failure::{Exit, Failure};

/// RFC 5280 appendix A: ub-common-name.
const COMMON_NAME_LIMIT: usize = 64;
/// Bytes of a file name, with room for its ending below the usual 255.
const STEM_LIMIT: usize = 200;
/// SPIFFE-ID 2.3: bytes of an ID, and of a trust domain.
const SPIFFE_LIMIT: usize = 2048;
const TRUST_DOMAIN_LIMIT: usize = 255;

/// Which side of a connection a certificate is for: its extended key usage.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Role {
    Server,
    Client,
}

impl Role {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
        }
    }
}

/// A checked name of a server or a client.
#[derive(Debug)]
pub(crate) struct Subject {
    pub(crate) role: Role,
    pub(crate) name: String,
    pub(crate) alternative: Option<SanType>,
    pub(crate) common_name: Option<String>,
    /// The name of its files without `.pem` and `.key`.
    pub(crate) stem: String,
}

impl Subject {
    /// `name` is a DNS name, which may begin with `*.`, or an IP address.
    pub(crate) fn server(name: &str) -> Result<Self, Failure> {
        let alternative = match name.parse::<IpAddr>() {
            Ok(address) => SanType::IpAddress(address),
            Err(_) => dns(name).ok_or_else(|| {
                refused(
                    "--server",
                    name,
                    "give a DNS name in its ASCII form such as localhost or *.example.org, or an IP address",
                )
            })?,
        };
        Self::new(Role::Server, name, Some(alternative))
    }

    /// `name` is a DNS name, a SPIFFE ID (`spiffe://...`), or free text that only becomes the common name.
    pub(crate) fn client(name: &str) -> Result<Self, Failure> {
        let alternative = if name.starts_with("spiffe://") {
            Some(spiffe(name).ok_or_else(|| {
                refused(
                    "--client",
                    name,
                    "give a SPIFFE ID such as spiffe://example.org/agents/one",
                )
            })?)
        } else {
            // A client is one principal: a wildcard would let it be any.
            let exact = dns(name).filter(|_| !name.starts_with('*'));
            if exact.is_none() && !plain_text(name) {
                return Err(refused(
                    "--client",
                    name,
                    "give a DNS name, a SPIFFE ID (spiffe://...), or at most 64 bytes of text without '/', '\\' and a leading '.', '-' or '*'",
                ));
            }
            exact
        };
        Self::new(Role::Client, name, alternative)
    }

    fn new(role: Role, name: &str, alternative: Option<SanType>) -> Result<Self, Failure> {
        let stem = stem(name);
        if stem.len() > STEM_LIMIT {
            return Err(refused(
                flag(role),
                name,
                "give a name of at most 200 bytes, because it also names a file",
            ));
        }
        Ok(Self {
            role,
            name: name.to_owned(),
            alternative,
            common_name: (name.len() <= COMMON_NAME_LIMIT).then(|| name.to_owned()),
            stem,
        })
    }
}

fn flag(role: Role) -> &'static str {
    match role {
        Role::Server => "--server",
        Role::Client => "--client",
    }
}

fn refused(flag: &str, name: &str, remedy: &'static str) -> Failure {
    Failure::new(
        Exit::Usage,
        "E-CA-01",
        format!("{flag} '{name}' is not a name that a certificate can carry"),
        remedy,
    )
}

/// A wildcard needs two labels after it, or no TLS library matches it.
fn dns(name: &str) -> Option<SanType> {
    let concrete = match name.strip_prefix("*.") {
        Some(parent) if parent.contains('.') => parent,
        Some(_) => return None,
        None => name,
    };
    if concrete.ends_with('.') {
        return None;
    }
    DnsName::try_from(concrete).ok()?;
    Some(SanType::DnsName(name.try_into().ok()?))
}

/// Text that can be a common name and, after `stem`, a file name that no command mistakes for an option.
fn plain_text(name: &str) -> bool {
    (1..=COMMON_NAME_LIMIT).contains(&name.len())
        && name.trim() == name
        && !name.starts_with(['.', '-', '*'])
        && !name.contains(|c: char| c.is_control() || matches!(c, '/' | '\\'))
}

/// SPIFFE-ID 2.1 and 2.2: `spiffe://` trust domain, then path segments, each of few characters.
fn spiffe(id: &str) -> Option<SanType> {
    let (domain, path) = match id.strip_prefix("spiffe://")?.split_once('/') {
        Some((domain, path)) => (domain, Some(path)),
        None => (id.strip_prefix("spiffe://")?, None),
    };
    let domain_byte =
        |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'_');
    let segment_byte = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    let valid = id.len() <= SPIFFE_LIMIT
        && (1..=TRUST_DOMAIN_LIMIT).contains(&domain.len())
        && domain.bytes().all(domain_byte)
        && path.is_none_or(|path| {
            path.split('/').all(|segment| {
                !matches!(segment, "" | "." | "..") && segment.bytes().all(segment_byte)
            })
        });
    if !valid {
        return None;
    }
    Some(SanType::URI(id.try_into().ok()?))
}

/// The file name: `*.` as mkcert writes it, a SPIFFE ID without its `://`, and `_` for whatever a shell or a file
/// system might read differently.
fn stem(name: &str) -> String {
    let (prefix, rest) = if let Some(parent) = name.strip_prefix("*.") {
        ("_wildcard.", parent)
    } else if let Some(id) = name.strip_prefix("spiffe://") {
        ("spiffe_", id)
    } else {
        ("", name)
    };
    let safe = rest.chars().map(|c| {
        if c.is_alphanumeric() || matches!(c, '.' | '-' | '_') {
            c
        } else {
            '_'
        }
    });
    prefix.chars().chain(safe).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_alternative_names_and_safe_file_names() {
        for (name, stem) in [
            ("localhost", "localhost"),
            ("a.example.org", "a.example.org"),
            ("*.example.org", "_wildcard.example.org"),
            ("127.0.0.1", "127.0.0.1"),
            ("::1", "__1"),
        ] {
            assert_eq!(Subject::server(name).unwrap().stem, stem);
        }
        for (name, stem) in [
            ("laptop", "laptop"),
            ("Claude on a laptop", "Claude_on_a_laptop"),
            (
                "spiffe://example.org/agents/one",
                "spiffe_example.org_agents_one",
            ),
            ("Jürgen", "Jürgen"),
        ] {
            assert_eq!(Subject::client(name).unwrap().stem, stem);
        }
        let alternative = |subject: Subject| subject.alternative;
        assert!(matches!(
            alternative(Subject::server("::1").unwrap()),
            Some(SanType::IpAddress(_))
        ));
        assert!(matches!(
            alternative(Subject::client("laptop").unwrap()),
            Some(SanType::DnsName(_))
        ));
        assert!(matches!(
            alternative(Subject::client("spiffe://o/a").unwrap()),
            Some(SanType::URI(_))
        ));
        assert!(alternative(Subject::client("my laptop").unwrap()).is_none());
    }

    #[test]
    fn names_that_no_certificate_or_file_may_carry_are_refused() {
        let long = "a".repeat(65);
        for name in [
            "",
            ".",
            "..",
            "a/b",
            "../x",
            "*",
            "*.",
            "*.org",
            "*.*.example.org",
            "a.",
            "a b",
            "büro",
            "[::1]",
            "a\0b",
            "-a",
            long.as_str(),
        ] {
            assert!(Subject::server(name).is_err(), "server {name:?}");
        }
        let deep = format!("spiffe://o/{}", "a".repeat(200));
        for name in [
            "",
            ".",
            "..",
            ".ssh",
            "a/b",
            "a\\b",
            "../x",
            "/etc/x",
            " a",
            "a\nb",
            "-rf",
            "*x",
            "*.example.org",
            long.as_str(),
            "spiffe://",
            "spiffe:///a",
            "spiffe://O/a",
            "spiffe://o/",
            "spiffe://o/../a",
            "spiffe://o//a",
            "spiffe://o/a?b",
            deep.as_str(),
        ] {
            assert!(Subject::client(name).is_err(), "client {name:?}");
        }
    }

    #[test]
    fn a_name_too_long_for_a_common_name_has_none() {
        let name = format!("{}.{}.example.org", "a".repeat(40), "b".repeat(40));
        assert!(Subject::server(&name).unwrap().common_name.is_none());
    }
}
