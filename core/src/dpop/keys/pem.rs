//! Textual encoding of keys (RFC 7468), into memory that is wiped.

use alloc::string::String;
use alloc::vec::Vec;

use base64ct::{Base64, Encoding as _};
use zeroize::Zeroizing;

use super::KeyError;

pub(super) const PRIVATE_KEY: &str = "PRIVATE KEY";
pub(super) const ENCRYPTED_PRIVATE_KEY: &str = "ENCRYPTED PRIVATE KEY";

/// More characters than any key of ours has: a text with this capacity does not move while it grows.
pub(super) const ROOM: usize = 1024;

/// The most base64 that a key may have, in bytes with its line ends: several times that of an RSA key.
const MAX_BODY: usize = 16 * 1024;

/// One encapsulated part of a text.
pub(super) struct Section<'a> {
    /// What the boundaries say.
    pub(super) label: &'a str,
    /// The text before it, from the end of the part before.
    #[cfg(feature = "key-export")]
    preamble: &'a str,
    body: &'a str,
}

impl Section<'_> {
    /// The rest of the first line before it that begins with `name`.
    #[cfg(feature = "key-export")]
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        let mut lines = self.preamble.lines();
        lines
            .find_map(|line| line.strip_prefix(name))
            .map(str::trim_end)
    }

    /// What the base64 says.
    pub(super) fn contents(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        if self.body.len() > MAX_BODY {
            return Err(KeyError::Malformed);
        }
        let mut text = Zeroizing::new(Vec::with_capacity(self.body.len()));
        text.extend(self.body.bytes().filter(|byte| !byte.is_ascii_whitespace()));
        let length = Base64::decode_in_place(&mut text)
            .map_err(|_| KeyError::Malformed)?
            .len();
        text.truncate(length);
        Ok(text)
    }
}

/// The first part that is a private key in some form.
pub(super) fn first_private_key(text: &str) -> Result<Section<'_>, KeyError> {
    sections(text)
        .find(|section| match section {
            Ok(section) => section.label.ends_with(PRIVATE_KEY),
            Err(_) => true,
        })
        .unwrap_or(Err(KeyError::Malformed))
}

/// Every part, in order. After an error there is nothing more.
pub(super) fn sections(text: &str) -> impl Iterator<Item = Result<Section<'_>, KeyError>> {
    let mut rest = Some(text);
    core::iter::from_fn(move || {
        let (preamble, begun) = rest.take()?.split_once("-----BEGIN ")?;
        let Some((label, body, after)) = part(begun) else {
            return Some(Err(KeyError::Malformed));
        };
        rest = Some(after);
        #[cfg(not(feature = "key-export"))]
        let _ = preamble;
        Some(Ok(Section {
            label,
            #[cfg(feature = "key-export")]
            preamble,
            body,
        }))
    })
}

pub(super) fn write(label: &str, contents: &[u8], text: &mut String) {
    boundary("BEGIN", label, text);
    for line in contents.chunks(48) {
        let mut digits = Zeroizing::new([0; 64]);
        // 48 bytes are 64 digits.
        text.push_str(Base64::encode(line, &mut *digits).unwrap_or_default());
        text.push('\n');
    }
    boundary("END", label, text);
}

fn boundary(which: &str, label: &str, text: &mut String) {
    for part in ["-----", which, " ", label, "-----\n"] {
        text.push_str(part);
    }
}

/// Label, body and what follows, from behind `-----BEGIN `.
fn part(begun: &str) -> Option<(&str, &str, &str)> {
    let (label, begun) = begun.split_once("-----")?;
    let (body, end) = begun.split_once("-----END ")?;
    let after = end.strip_prefix(label)?.strip_prefix("-----")?;
    Some((label, body, after))
}
