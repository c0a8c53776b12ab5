//! Paths, compared and written without dot segments (RFC 3986, 5.2.4) and without needless percent-encodings
//! (RFC 3986, 6.2.2.2).

use core::fmt::{self, Write as _};

use super::{UriError, hex};

/// The most bytes of a path. With a limit, one bit for each segment fits on the stack.
const MOST: usize = 8192;

/// The path of a URI with an authority: empty, or with a slash at its beginning.
#[derive(Clone, Copy)]
pub(super) struct Path<'a>(&'a str);

impl<'a> Path<'a> {
    pub(super) const fn new(text: &'a str) -> Result<Self, UriError> {
        if text.len() > MOST {
            return Err(UriError::TooLong);
        }
        Ok(Self(text))
    }

    /// What stands behind each slash, dot segments included. An empty path is the same as `/`.
    fn segments(self) -> impl DoubleEndedIterator<Item = Segment<'a>> + Clone {
        let behind = self.0.strip_prefix('/').unwrap_or(self.0);
        behind.split('/').map(Segment)
    }

    /// The segments that remain without dot segments, the last one first, and how many stand behind each.
    ///
    /// From the end, one number says what is removed: how many `..` have not met their segment yet.
    fn remaining(self) -> impl Iterator<Item = (usize, Segment<'a>)> {
        let mut removes = 0_usize;
        self.segments()
            .rev()
            .enumerate()
            .filter_map(move |(behind, segment)| {
                // `/a/.` is `/a/`, and `/a/b/..` is `/a/`: a dot segment at the end leaves an empty one.
                let is_last = behind == 0;
                match segment.dots() {
                    2 => removes = removes.saturating_add(1),
                    1 => {}
                    _ if removes > 0 => removes -= 1,
                    _ => return Some((behind, segment)),
                }
                is_last.then_some((behind, Segment("")))
            })
    }
}

impl PartialEq<Path<'_>> for Path<'_> {
    fn eq(&self, other: &Path<'_>) -> bool {
        let (ours, theirs) = (self.remaining(), other.remaining());
        ours.map(|(_, segment)| segment)
            .eq(theirs.map(|(_, segment)| segment))
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What remains is known from the end and written from the beginning.
        let mut remains = [0_u8; MOST / 8];
        for (behind, _) in self.remaining() {
            if let Some(bits) = remains.get_mut(behind / 8) {
                *bits |= 1 << (behind % 8);
            }
        }
        let mut behind = self.segments().count();
        for segment in self.segments() {
            behind -= 1;
            if remains
                .get(behind / 8)
                .is_some_and(|bits| bits >> (behind % 8) & 1 == 1)
            {
                write!(f, "/{segment}")?;
            }
        }
        Ok(())
    }
}

/// A segment, as it is written.
#[derive(Clone, Copy)]
struct Segment<'a>(&'a str);

impl<'a> Segment<'a> {
    /// Its octets, and whether each must stay percent-encoded.
    fn octets(self) -> impl Iterator<Item = (u8, bool)> + use<'a> {
        let mut bytes = self.0.bytes();
        core::iter::from_fn(move || {
            let byte = bytes.next()?;
            if byte != b'%' {
                return Some((byte, false));
            }
            // The characters have been checked: two digits follow.
            let octet = hex(bytes.next())? << 4 | hex(bytes.next())?;
            Some((octet, !is_unreserved(octet)))
        })
    }

    /// 1 for `.`, 2 for `..`, else 0.
    fn dots(self) -> usize {
        // A third octet decides as well as all of them.
        let mut octets = self.octets().map(|(octet, _)| octet);
        match (octets.next(), octets.next(), octets.next()) {
            (Some(b'.'), None, _) => 1,
            (Some(b'.'), Some(b'.'), None) => 2,
            _ => 0,
        }
    }
}

/// RFC 3986, 2.3
fn is_unreserved(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_' | b'~')
}

impl PartialEq<Segment<'_>> for Segment<'_> {
    fn eq(&self, other: &Segment<'_>) -> bool {
        self.octets().eq(other.octets())
    }
}

impl fmt::Display for Segment<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A dot segment remains only at the end, as an empty one.
        if self.dots() > 0 {
            return Ok(());
        }
        self.octets().try_for_each(|(octet, encoded)| {
            if encoded {
                write!(f, "%{octet:02X}")
            } else {
                f.write_char(char::from(octet))
            }
        })
    }
}
