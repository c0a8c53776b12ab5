//! Dialects as data: what separates, how a path may begin, and which bytes need a closer look.

use crate::path::Denial;

/// How names are read.
///
/// | | Posix | Windows | Portable |
/// |---|---|---|---|
/// | separators | `/` | `/` and `\` | `/` |
/// | absolute | `/srv` | `C:\srv` | `/srv` |
/// | names | any byte but NUL | portable ones | portable ones |
///
/// Portable names mean the same on every system: no control characters, none of `\ : < > " | ? *`, no dot or space at
/// the end, no name of a Windows device, no short name (`NAME~1`), and no character that is not shown, reverses text or
/// looks like a slash or a dot.
///
/// A root can be written in the manner of either system whatever the dialect is, except that Windows knows no `/srv`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Dialect {
    /// What POSIX allows: only for files that never leave such a system.
    Posix,
    /// Names on Windows.
    Windows,
    /// Names that mean the same on every system.
    #[default]
    Portable,
}

impl Dialect {
    /// Whether this byte separates components.
    pub const fn separates(self, byte: u8) -> bool {
        self.classes()[byte as usize] & SEPARATOR != 0
    }

    /// What each byte is, as bits.
    pub(super) const fn classes(self) -> &'static [u8; 256] {
        match self {
            Self::Posix => &POSIX,
            Self::Windows => &WINDOWS,
            Self::Portable => &PORTABLE,
        }
    }

    /// Whether names are held to the portable rules.
    pub(super) const fn is_portable(self) -> bool {
        !matches!(self, Self::Posix)
    }

    /// How a path that is not empty begins.
    pub(super) fn prefix(self, path: &[u8]) -> Result<Prefix<'_>, Denial> {
        if self == Self::Posix {
            return Ok(match path.split_first() {
                Some((b'/', rest)) => Prefix::Absolute { drive: None, rest },
                _ => Prefix::Relative,
            });
        }
        match path {
            // The second spelling is that of the object manager; `\?` is never a name.
            [b'\\' | b'/', b'\\' | b'/', b'?' | b'.', b'\\' | b'/', ..]
            | [b'\\' | b'/', b'?', b'?', b'\\' | b'/', ..] => Err(Denial::Verbatim),
            [b'\\' | b'/', b'\\' | b'/', ..] => Err(Denial::Unc),
            [letter, b':', rest @ ..] if letter.is_ascii_alphabetic() => match rest {
                [b'\\' | b'/', rest @ ..] if self == Self::Windows => Ok(Prefix::Absolute {
                    drive: Some(*letter),
                    rest,
                }),
                [b'\\' | b'/', ..] => Err(Denial::Drive),
                _ => Err(Denial::DriveRelative),
            },
            [b'/', rest @ ..] if self == Self::Portable => {
                Ok(Prefix::Absolute { drive: None, rest })
            }
            [b'\\' | b'/', ..] => Err(Denial::Rooted),
            _ => Ok(Prefix::Relative),
        }
    }
}

/// How a path begins.
#[derive(Clone, Copy, Debug)]
pub(super) enum Prefix<'a> {
    /// With a name.
    Relative,
    /// With the root directory, of a drive on Windows.
    Absolute { drive: Option<u8>, rest: &'a [u8] },
}

pub(super) const SEPARATOR: u8 = 1;
pub(super) const BACKSLASH: u8 = 1 << 1;
pub(super) const CONTROL: u8 = 1 << 2;
pub(super) const COLON: u8 = 1 << 3;
pub(super) const RESERVED: u8 = 1 << 4;
pub(super) const TILDE: u8 = 1 << 5;
pub(super) const NOT_ASCII: u8 = 1 << 6;

static POSIX: [u8; 256] = {
    let mut classes = [0; 256];
    classes[b'/' as usize] = SEPARATOR;
    classes
};

static PORTABLE: [u8; 256] = portable();

static WINDOWS: [u8; 256] = {
    let mut classes = portable();
    classes[b'\\' as usize] = SEPARATOR;
    classes
};

const fn portable() -> [u8; 256] {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte as u8 {
            b'/' => SEPARATOR,
            b'\\' => BACKSLASH,
            0..=0x1f | 0x7f => CONTROL,
            b':' => COLON,
            b'<' | b'>' | b'"' | b'|' | b'?' | b'*' => RESERVED,
            b'~' => TILDE,
            0x80.. => NOT_ASCII,
            _ => 0,
        };
        byte += 1;
    }
    classes
}
