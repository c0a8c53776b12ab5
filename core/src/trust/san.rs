//! The names in a certificate's SubjectAltName extension (RFC 5280 section 4.2.1.6).

use crate::der::{DerError, Reader, Tag};
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::str;

/// The most names that [`SubjectAltNames`] keeps.
pub const MAX_NAMES: usize = 64;

/// The names for which a certificate was issued.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SubjectAltNames {
    /// In the order of the certificate, at most [`MAX_NAMES`].
    pub names: Vec<SubjectAltName>,
    /// Whether the certificate has more names than were kept.
    pub truncated: bool,
}

impl SubjectAltNames {
    /// Reads GeneralNames: the value of the extension.
    ///
    /// Kinds of names other than those of [`SubjectAltName`] are skipped.
    ///
    /// # Errors
    /// [`DerError`], among them [`DerError::Value`] when a name is empty, contains anything but
    /// printable ASCII, or is an address of neither 4 nor 16 bytes.
    pub fn parse(general_names: &[u8]) -> Result<Self, DerError> {
        let mut outer = Reader::new(general_names);
        let mut elements = outer.sequence()?;
        outer.finish()?;
        let mut names = Self::default();
        // What is beyond the bound is read too: a malformed extension is refused wherever it is so.
        while !elements.is_empty() {
            let Some(name) = SubjectAltName::read(&mut elements)? else {
                continue;
            };
            if names.names.len() < MAX_NAMES {
                names.names.push(name);
            } else {
                names.truncated = true;
            }
        }
        Ok(names)
    }
}

/// One name for which a certificate was issued.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[non_exhaustive]
pub enum SubjectAltName {
    /// A DNS name, perhaps with a wildcard label.
    Dns(String),
    /// An IP address.
    Ip(IpAddr),
    /// A URI, such as a SPIFFE ID.
    Uri(String),
    /// A mailbox (rfc822Name).
    Email(String),
}

impl SubjectAltName {
    /// The next GeneralName; `None` when it is of another kind.
    fn read(elements: &mut Reader<'_>) -> Result<Option<Self>, DerError> {
        const OTHER_NAME: Tag = Tag::context_constructed(0);
        const RFC822_NAME: Tag = Tag::context(1);
        const DNS_NAME: Tag = Tag::context(2);
        const X400_ADDRESS: Tag = Tag::context_constructed(3);
        const DIRECTORY_NAME: Tag = Tag::context_constructed(4);
        const EDI_PARTY_NAME: Tag = Tag::context_constructed(5);
        const URI: Tag = Tag::context(6);
        const IP_ADDRESS: Tag = Tag::context(7);
        const REGISTERED_ID: Tag = Tag::context(8);

        let element = elements.element()?;
        match element.tag {
            RFC822_NAME => text(element.contents).map(Self::Email).map(Some),
            DNS_NAME => text(element.contents).map(Self::Dns).map(Some),
            URI => text(element.contents).map(Self::Uri).map(Some),
            IP_ADDRESS => address(element.contents).map(Self::Ip).map(Some),
            OTHER_NAME | X400_ADDRESS | DIRECTORY_NAME | EDI_PARTY_NAME | REGISTERED_ID => Ok(None),
            _ => Err(DerError::Tag),
        }
    }
}

/// `DNS:example.org`, `IP:192.0.2.1`, `URI:spiffe://...`, `email:...`, as OpenSSL writes them.
impl fmt::Display for SubjectAltName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(name) => write!(f, "DNS:{name}"),
            Self::Ip(address) => write!(f, "IP:{address}"),
            Self::Uri(uri) => write!(f, "URI:{uri}"),
            Self::Email(mailbox) => write!(f, "email:{mailbox}"),
        }
    }
}

/// An IA5String. A NUL within a name has deceived those who took it for the end, and a control
/// character a terminal: no name needs them.
fn text(contents: &[u8]) -> Result<String, DerError> {
    let printable = contents.iter().all(|byte| matches!(byte, b' '..=b'~'));
    match str::from_utf8(contents) {
        Ok(text) if printable && !text.is_empty() => Ok(text.to_owned()),
        _ => Err(DerError::Value),
    }
}

fn address(contents: &[u8]) -> Result<IpAddr, DerError> {
    if let Ok(octets) = <[u8; 4]>::try_from(contents) {
        Ok(Ipv4Addr::from(octets).into())
    } else if let Ok(octets) = <[u8; 16]>::try_from(contents) {
        Ok(Ipv6Addr::from(octets).into())
    } else {
        Err(DerError::Value)
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_NAMES, SubjectAltName, SubjectAltNames};
    use crate::der::{DerError, Tag, wrap};
    use alloc::string::ToString;
    use alloc::vec::Vec;

    fn parse(names: &[(Tag, &[u8])]) -> Result<SubjectAltNames, DerError> {
        let contents: Vec<u8> = names
            .iter()
            .flat_map(|(tag, name)| wrap(*tag, name))
            .collect();
        SubjectAltNames::parse(&wrap(Tag::SEQUENCE, &contents))
    }

    #[test]
    fn every_kind_is_read_or_skipped() {
        let mut v6 = [0; 16];
        v6[15] = 1;
        let names = parse(&[
            (Tag::context_constructed(0), &[0x06, 0x01, 0x2a]),
            (Tag::context(1), b"ops@example.org"),
            (Tag::context(2), b"*.example.org"),
            (Tag::context_constructed(3), b""),
            (Tag::context_constructed(4), b""),
            (Tag::context_constructed(5), b""),
            (Tag::context(6), b"spiffe://example.org/agent"),
            (Tag::context(7), &[192, 0, 2, 1]),
            (Tag::context(7), &v6),
            (Tag::context(8), &[0x2a]),
        ])
        .unwrap();
        let shown: Vec<_> = names.names.iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "email:ops@example.org",
                "DNS:*.example.org",
                "URI:spiffe://example.org/agent",
                "IP:192.0.2.1",
                "IP:::1",
            ]
        );
        assert!(!names.truncated);
    }

    #[test]
    fn names_that_deceive_are_refused() {
        for name in [
            &b""[..],
            b"good.example\0.evil.example",
            b"\x1b[2Jexample.org",
            b"example.org\n",
            b"ex\xe4mple.org",
            "ex\u{e4}mple.org".as_bytes(),
            b"\x7f",
        ] {
            for tag in [1, 2, 6] {
                assert_eq!(parse(&[(Tag::context(tag), name)]), Err(DerError::Value));
            }
        }
        for length in [0, 3, 5, 8, 15, 17, 32] {
            let address = &[1; 32][..length];
            assert_eq!(parse(&[(Tag::context(7), address)]), Err(DerError::Value));
        }
        for tag in [
            Tag::context(9),
            Tag::context_constructed(2),
            Tag::IA5_STRING,
        ] {
            assert_eq!(parse(&[(tag, b"a")]), Err(DerError::Tag));
        }
        assert_eq!(
            SubjectAltNames::parse(&[0x30, 0x00, 0x00]),
            Err(DerError::Trailing)
        );
    }

    #[test]
    fn names_are_bounded_and_the_rest_is_told() {
        let full = [(Tag::context(2), &b"a"[..]); MAX_NAMES];
        assert!(!parse(&full).unwrap().truncated);
        let over = [(Tag::context(2), &b"a"[..]); MAX_NAMES + 1];
        let names = parse(&over).unwrap();
        assert_eq!(names.names.len(), MAX_NAMES);
        assert!(names.truncated);

        let mut malformed = over.to_vec();
        malformed.push((Tag::context(7), b"xyz"));
        assert_eq!(parse(&malformed), Err(DerError::Value));
        assert_eq!(names.names[0], SubjectAltName::Dns("a".into()));
    }
}
