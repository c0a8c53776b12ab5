//! `path::uri` against percent-encoding by hand, and iri-string for what a URI is (RFC 3986).

use iri_string::types::UriStr;
use ravelin_core::path::uri::{self, FileUri};
use ravelin_core::path::{Denial, Dialect};

use super::{Mark, Reached};

/// The longest URI: 4,095 bytes of a path, each encoded, behind `file://localhost`.
const MOST: usize = 3 * 4095 + 16;

/// A dialect (one byte), then a URI, or a path: it is read as both.
pub fn file_uri(input: &[u8]) -> Reached {
    let mut reached = Reached::new();
    let Some((dialect, text)) = input.split_first() else {
        return reached;
    };
    let dialect = match dialect % 3 {
        0 => Dialect::Portable,
        1 => Dialect::Posix,
        _ => Dialect::Windows,
    };
    read(text, dialect, &mut reached);
    write(text, dialect, &mut reached);
    reached
}

fn read(text: &[u8], dialect: Dialect, reached: &mut Reached) {
    let mut buffer = vec![0; text.len()];
    let ours = uri::decode(text, dialect, &mut buffer);
    let by_hand = ByHand::of(text, dialect);
    match ours {
        Ok(path) => {
            reached.insert(Mark::Parsed);
            assert_eq!(by_hand.broken, [], "accepted: {}", text.escape_ascii());
            assert_eq!(path, by_hand.path);
            let sent = str::from_utf8(text).expect("a URI is ASCII");
            assert!(UriStr::new(sent).is_ok(), "{sent}");
            assert!(!path.iter().any(|byte| matches!(byte, 0 | b'\\')));
            let slashes = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'/').count();
            let drive = usize::from(dialect == Dialect::Windows && !path.starts_with(b"/"));
            assert_eq!(slashes(path) + drive, slashes(by_hand.raw), "no more names");
            is_decoded_once(by_hand.raw, dialect);
            if let Ok(uri) = FileUri::new(path, dialect) {
                assert_eq!(back(uri, dialect), path);
                if uri.to_string() != sent {
                    reached.insert(Mark::Equal);
                }
            }
        }
        Err(denial) => {
            assert!(by_hand.broken.contains(&denial), "{denial:?}: {by_hand:?}");
            let is_uri = str::from_utf8(text).is_ok_and(|text| UriStr::new(text).is_ok());
            reached.insert(if is_uri {
                Mark::Stricter
            } else {
                Mark::Refused
            });
        }
    }
    fits_or_is_too_long(text, dialect, ours);
}

/// Percent signs that are encoded come back as they are, and no more than that.
fn is_decoded_once(raw: &[u8], dialect: Dialect) {
    let mut encoded = b"file://".to_vec();
    for byte in raw {
        match byte {
            b'%' => encoded.extend(b"%25"),
            byte => encoded.push(*byte),
        }
    }
    let mut buffer = vec![0; encoded.len()];
    match uri::decode(&encoded, dialect, &mut buffer) {
        Ok(path) => {
            assert_eq!(path, &raw[raw.len() - path.len()..]);
            assert!(path.len() + 1 >= raw.len(), "all of it");
        }
        // `/%43:/` has a drive, and `/%2543:/` none; and the text is longer.
        Err(denial) => assert!(
            denial == Denial::Rooted || encoded.len() > MOST,
            "{denial:?}: {}",
            encoded.escape_ascii()
        ),
    }
}

/// A buffer that is too small is refused, and changes no verdict but that.
fn fits_or_is_too_long(text: &[u8], dialect: Dialect, whole: Result<&[u8], Denial>) {
    let enough = whole.map_or(0, |path| path.len() + 1);
    for len in [enough, enough.saturating_sub(2), text.len() / 2] {
        let mut buffer = vec![0; len];
        match uri::decode(text, dialect, &mut buffer) {
            Err(Denial::TooLong { .. }) => assert!(whole.is_err() || len < enough),
            verdict => assert_eq!(verdict, whole),
        }
    }
}

fn write(path: &[u8], dialect: Dialect, reached: &mut Reached) {
    let broken = unwritable(path, dialect);
    match FileUri::new(path, dialect) {
        Ok(uri) => {
            reached.insert(Mark::Written);
            assert_eq!(broken, [], "accepted: {}", path.escape_ascii());
            let text = uri.to_string();
            assert!(UriStr::new(&text).is_ok(), "{text}");
            // A path is judged later, but a URI cannot be longer than that of the longest path.
            if text.len() <= MOST {
                let slashes = |byte: &u8| if *byte == b'\\' { b'/' } else { *byte };
                let expected: Vec<_> = path.iter().map(slashes).collect();
                assert_eq!(back(uri, dialect), expected, "{text}");
            }
        }
        Err(denial) => assert!(broken.contains(&denial), "{denial:?}: {broken:?}"),
    }
}

/// What is read of what was written, by us and by hand.
fn back(uri: FileUri<'_>, dialect: Dialect) -> Vec<u8> {
    let text = uri.to_string();
    let by_hand = ByHand::of(text.as_bytes(), dialect);
    let mut buffer = vec![0; text.len()];
    let path = uri::decode(text.as_bytes(), dialect, &mut buffer);
    assert_eq!(path, Ok(&by_hand.path[..]), "{text}");
    by_hand.path
}

fn unwritable(path: &[u8], dialect: Dialect) -> Vec<Denial> {
    let is_windows = dialect == Dialect::Windows;
    let slashes: Vec<u8> = path
        .iter()
        .map(|byte| if *byte == b'\\' { b'/' } else { *byte })
        .collect();
    let absolute = if is_windows {
        has_drive(&slashes)
    } else {
        path.starts_with(b"/")
    };
    let rules = [
        (Denial::Nul, path.contains(&0)),
        (Denial::NotUtf8, str::from_utf8(path).is_err()),
        (Denial::Unc, slashes.starts_with(b"//")),
        (Denial::Relative, !absolute),
        (
            Denial::Drive,
            !is_windows && slashes.strip_prefix(b"/").is_some_and(has_drive),
        ),
        (Denial::Backslash, !is_windows && path.contains(&b'\\')),
    ];
    let broken = rules.into_iter().filter(|(_, is_broken)| *is_broken);
    broken.map(|(rule, _)| rule).collect()
}

/// A URI decoded by hand, and the rules that it breaks.
#[derive(Debug)]
struct ByHand<'a> {
    /// As it is in the URI.
    raw: &'a [u8],
    path: Vec<u8>,
    broken: Vec<Denial>,
}

impl<'a> ByHand<'a> {
    fn of(uri: &'a [u8], dialect: Dialect) -> Self {
        let limit = MOST as u16;
        let mut rules = vec![(Denial::TooLong { limit }, uri.len() > MOST)];
        let scheme = &uri[..uri.len().min(5)];
        rules.push((
            Denial::UriScheme,
            scheme.to_ascii_lowercase() != b"file:".as_slice(),
        ));
        let rest = &uri[scheme.len()..];
        let (host, raw) = match rest.strip_prefix(b"//") {
            Some(rest) => {
                let slash = rest.iter().position(|byte| *byte == b'/');
                rest.split_at(slash.unwrap_or(rest.len()))
            }
            None => (&b""[..], rest),
        };
        let is_local = ["", "localhost"].map(|name| host.eq_ignore_ascii_case(name.as_bytes()));
        rules.push((
            Denial::UriAuthority,
            !is_local.contains(&true) || !raw.starts_with(b"/"),
        ));
        let mut pieces = raw.split(|byte| *byte == b'%');
        let mut path = pieces.next().unwrap_or_default().to_vec();
        let mut plain = path.clone();
        let mut encoded = Vec::new();
        let mut unfinished = false;
        for piece in pieces {
            let digits = piece
                .get(..2)
                .and_then(|digits| str::from_utf8(digits).ok());
            let digits =
                digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
            match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
                Some(byte) => {
                    encoded.push(byte);
                    path.push(byte);
                    path.extend(&piece[2..]);
                    plain.extend(&piece[2..]);
                }
                None => unfinished = true,
            }
        }
        const MARKS: &[u8] = b"-._~!$&'()*+,;=:@/";
        let odd = |byte: &u8| !byte.is_ascii_alphanumeric() && !MARKS.contains(byte);
        let separator = |byte: &u8| matches!(byte, b'/' | b'\\');
        let drive = path.strip_prefix(b"/").is_some_and(has_drive);
        let is_windows = dialect == Dialect::Windows;
        rules.extend([
            (
                Denial::UriQuery,
                raw.iter().any(|byte| b"?#".contains(byte)),
            ),
            (
                Denial::UriSeparator,
                raw.contains(&b'\\') || encoded.iter().any(separator),
            ),
            (Denial::UriCharacter, unfinished || plain.iter().any(odd)),
            (Denial::Nul, encoded.contains(&0)),
            (Denial::NotUtf8, str::from_utf8(&path).is_err()),
            (Denial::Drive, drive && !is_windows),
            (
                Denial::Rooted,
                is_windows && !drive && !path.starts_with(b"//"),
            ),
        ]);
        if drive && is_windows {
            path.remove(0);
        }
        let broken = rules.into_iter().filter(|(_, is_broken)| *is_broken);
        Self {
            raw,
            path,
            broken: broken.map(|(rule, _)| rule).collect(),
        }
    }
}

/// A letter, a colon, and the end or a separator.
fn has_drive(path: &[u8]) -> bool {
    let letter = path.first().is_some_and(u8::is_ascii_alphabetic);
    let end = path.get(2).is_none_or(|byte| b"/\\".contains(byte));
    letter && path.get(1) == Some(&b':') && end
}
