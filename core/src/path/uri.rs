//! File URIs (RFC 8089), as MCP writes its roots and resources.
//!
//! [`decode`] makes a path of one, which the rules then judge; [`FileUri`] writes one.

use core::fmt::{self, Write as _};

use super::denial::Denial;
use super::rules::Dialect;
use super::settings::MAX_PATH;

/// The longest URI, in bytes: each byte of a path encoded, behind a scheme and an authority.
const MAX_URI: usize = 3 * MAX_PATH + "file://localhost".len();

/// Decodes a file URI into `buffer`, which is large enough when it has as many bytes as the URI. The path is absolute,
/// and judged no further than that.
///
/// The URI is split at its slashes first, and each segment is percent-decoded exactly once: `%252e` becomes the name
/// `%2e`. In the Windows dialect a path begins with a drive (`file:///C:/srv`), in the others it must not.
///
/// ```
/// use ravelin_core::path::{Denial, Dialect, uri};
///
/// let mut buffer = [0; 64];
/// let path = uri::decode(b"file:///srv/a%20b.txt", Dialect::Portable, &mut buffer);
/// assert_eq!(path, Ok(&b"/srv/a b.txt"[..]));
/// let path = uri::decode(b"file:///srv/..%2f..%2fetc", Dialect::Portable, &mut buffer);
/// assert_eq!(path, Err(Denial::UriSeparator));
/// ```
///
/// # Errors
/// [`Denial::TooLong`]; [`Denial::UriScheme`] if it is no file URI; [`Denial::UriAuthority`] if it names a host other
/// than `localhost`, or no absolute path follows; [`Denial::UriQuery`]; [`Denial::UriSeparator`] for `\`, `%2F` and
/// `%5C`; [`Denial::UriCharacter`] for what a URI must not have; [`Denial::Nul`] and [`Denial::NotUtf8`] for what was
/// decoded; [`Denial::Drive`] for a drive outside of Windows, and [`Denial::Rooted`] for none there.
pub fn decode<'b>(uri: &[u8], dialect: Dialect, buffer: &'b mut [u8]) -> Result<&'b [u8], Denial> {
    if uri.len() > MAX_URI {
        return Err(Denial::TooLong {
            limit: MAX_URI as u16,
        });
    }
    let path = strip_authority(strip_scheme(uri)?)?;
    if path.iter().any(|byte| matches!(byte, b'?' | b'#')) {
        return Err(Denial::UriQuery);
    }
    let length = decode_segments(path, buffer)?;
    let decoded = buffer.get(..length).unwrap_or_default();
    if decoded.contains(&0) {
        return Err(Denial::Nul);
    }
    if core::str::from_utf8(decoded).is_err() {
        return Err(Denial::NotUtf8);
    }
    match (dialect, decoded) {
        // `/C:/srv` is the path `C:/srv`.
        (Dialect::Windows, [b'/', path @ ..]) if begins_with_drive(path) => Ok(path),
        // A network share is for the rules to refuse, by its own code.
        (Dialect::Windows, [b'/', b'/', ..]) => Ok(decoded),
        (Dialect::Windows, _) => Err(Denial::Rooted),
        (Dialect::Posix | Dialect::Portable, [b'/', path @ ..]) if begins_with_drive(path) => {
            Err(Denial::Drive)
        }
        (Dialect::Posix | Dialect::Portable, _) => Ok(decoded),
    }
}

/// An absolute path, whose `Display` is its file URI.
///
/// ```
/// use ravelin_core::path::{Dialect, uri::FileUri};
///
/// let uri = FileUri::new("/srv/Zürich 100%.txt".as_bytes(), Dialect::Portable).unwrap();
/// assert_eq!(uri.to_string(), "file:///srv/Z%C3%BCrich%20100%25.txt");
/// let uri = FileUri::new(br"C:\srv\a.txt", Dialect::Windows).unwrap();
/// assert_eq!(uri.to_string(), "file:///C:/srv/a.txt");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FileUri<'a> {
    path: &'a [u8],
    dialect: Dialect,
}

impl<'a> FileUri<'a> {
    /// Takes a path.
    ///
    /// # Errors
    /// [`Denial::Relative`], [`Denial::Nul`] and [`Denial::NotUtf8`]; [`Denial::Unc`] for what would read as a host;
    /// [`Denial::Drive`] and [`Denial::Backslash`] for what only the Windows dialect could read back.
    pub fn new(path: &'a [u8], dialect: Dialect) -> Result<Self, Denial> {
        if path.contains(&0) {
            return Err(Denial::Nul);
        }
        if core::str::from_utf8(path).is_err() {
            return Err(Denial::NotUtf8);
        }
        match (dialect, path) {
            (_, [b'/' | b'\\', b'/' | b'\\', ..]) => Err(Denial::Unc),
            (Dialect::Windows, _) if !begins_with_drive(path) => Err(Denial::Relative),
            (Dialect::Windows, _) => Ok(Self { path, dialect }),
            (_, [b'/', rest @ ..]) if begins_with_drive(rest) => Err(Denial::Drive),
            (_, [b'/', ..]) if path.contains(&b'\\') => Err(Denial::Backslash),
            (_, [b'/', ..]) => Ok(Self { path, dialect }),
            _ => Err(Denial::Relative),
        }
    }
}

impl fmt::Display for FileUri<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.dialect == Dialect::Windows {
            "file:///"
        } else {
            "file://"
        })?;
        for (index, byte) in self.path.iter().enumerate() {
            match byte {
                b'\\' if self.dialect == Dialect::Windows => f.write_str("/")?,
                b':' if index == 1 && self.dialect == Dialect::Windows => f.write_str(":")?,
                b'/' | b'-' | b'.' | b'_' | b'~' => f.write_char(char::from(*byte))?,
                byte if byte.is_ascii_alphanumeric() => f.write_char(char::from(*byte))?,
                byte => write!(f, "%{byte:02X}")?,
            }
        }
        Ok(())
    }
}

fn strip_scheme(uri: &[u8]) -> Result<&[u8], Denial> {
    match uri.split_at_checked(5) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case(b"file:") => Ok(rest),
        _ => Err(Denial::UriScheme),
    }
}

/// The path, which begins with a slash (RFC 8089, 2).
fn strip_authority(rest: &[u8]) -> Result<&[u8], Denial> {
    let path = match rest.strip_prefix(b"//") {
        None => rest,
        Some(rest) => {
            let length = rest.iter().take_while(|byte| **byte != b'/').count();
            let (host, path) = rest.split_at_checked(length).unwrap_or_default();
            if !host.is_empty() && !host.eq_ignore_ascii_case(b"localhost") {
                return Err(Denial::UriAuthority);
            }
            path
        }
    };
    if path.first() == Some(&b'/') {
        Ok(path)
    } else {
        Err(Denial::UriAuthority)
    }
}

/// Decodes each segment once, and returns how many bytes that gave.
fn decode_segments(path: &[u8], buffer: &mut [u8]) -> Result<usize, Denial> {
    let limit = buffer.len().min(usize::from(u16::MAX)) as u16;
    let mut length = 0;
    let mut rest = path;
    while let Some((first, behind)) = rest.split_first() {
        let (byte, behind) = match first {
            b'%' => decode_byte(behind)?,
            b'\\' => return Err(Denial::UriSeparator),
            byte if is_segment_character(*byte) || *byte == b'/' => (*byte, behind),
            _ => return Err(Denial::UriCharacter),
        };
        *buffer.get_mut(length).ok_or(Denial::TooLong { limit })? = byte;
        length += 1;
        rest = behind;
    }
    Ok(length)
}

/// Two hexadecimal digits (RFC 3986, 2.1), and what is behind them.
fn decode_byte(rest: &[u8]) -> Result<(u8, &[u8]), Denial> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let [high, low, behind @ ..] = rest else {
        return Err(Denial::UriCharacter);
    };
    let (Some(high), Some(low)) = (digit(high), digit(low)) else {
        return Err(Denial::UriCharacter);
    };
    match (high * 16 + low) as u8 {
        b'/' | b'\\' => Err(Denial::UriSeparator),
        byte => Ok((byte, behind)),
    }
}

/// `pchar` without the percent sign (RFC 3986, 3.3).
const fn is_segment_character(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'.' | b'_' | b'~')
        || matches!(
            byte,
            b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'='
        )
        || matches!(byte, b':' | b'@')
}

fn begins_with_drive(path: &[u8]) -> bool {
    match path {
        [letter, b':'] | [letter, b':', b'/' | b'\\', ..] => letter.is_ascii_alphabetic(),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
