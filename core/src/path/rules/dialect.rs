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
    pub(super) const fn classes(self) -> &'static [u16; 256] {
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
            [first @ (b'\\' | b'/'), rest @ ..] => match rest {
                // The second spelling is that of the object manager; `\?` is never a name.
                [b'\\' | b'/', b'?' | b'.', b'\\' | b'/', ..] | [b'?', b'?', b'\\' | b'/', ..] => {
                    Err(Denial::Verbatim)
                }
                [b'\\' | b'/', ..] => Err(Denial::Unc),
                _ if self == Self::Portable && *first == b'/' => {
                    Ok(Prefix::Absolute { drive: None, rest })
                }
                _ => Err(Denial::Rooted),
            },
            [letter, b':', rest @ ..] if letter.is_ascii_alphabetic() => match rest {
                [b'\\' | b'/', rest @ ..] if self == Self::Windows => Ok(Prefix::Absolute {
                    drive: Some(*letter),
                    rest,
                }),
                [b'\\' | b'/', ..] => Err(Denial::Drive),
                _ => Err(Denial::DriveRelative),
            },
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

pub(super) const SEPARATOR: u16 = 1;

// What the rules for single components ask: a name of bytes that are none of these is asked no more about them.
pub(super) const BACKSLASH: u16 = 1 << 1;
pub(super) const CONTROL: u16 = 1 << 2;
pub(super) const COLON: u16 = 1 << 3;
pub(super) const RESERVED: u16 = 1 << 4;
pub(super) const TILDE: u16 = 1 << 5;
pub(super) const NOT_ASCII: u16 = 1 << 6;
pub(super) const IN_NAMES: u16 = BACKSLASH | CONTROL | COLON | RESERVED | TILDE | NOT_ASCII;

// What the rules for the path as a whole ask, besides `NOT_ASCII`.
pub(super) const NUL: u16 = 1 << 7;
pub(super) const PERCENT: u16 = 1 << 8;

// The letters that the names of devices begin with: the first, the second and the third.
pub(super) const DEVICE_1: u16 = 1 << 9;
pub(super) const DEVICE_2: u16 = 1 << 10;
pub(super) const DEVICE_3: u16 = 1 << 11;

static POSIX: [u16; 256] = {
    let mut classes = whole();
    classes[b'/' as usize] = SEPARATOR;
    classes
};

pub(super) static PORTABLE: [u16; 256] = portable();

static WINDOWS: [u16; 256] = {
    let mut classes = portable();
    classes[b'\\' as usize] = SEPARATOR;
    classes
};

const fn whole() -> [u16; 256] {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        classes[byte] = match byte as u8 {
            0 => NUL,
            b'%' => PERCENT,
            0x80.. => NOT_ASCII,
            _ => 0,
        };
        byte += 1;
    }
    classes
}

const fn portable() -> [u16; 256] {
    let mut classes = whole();
    let mut byte = 0;
    while byte < 256 {
        classes[byte] |= match byte as u8 {
            b'/' => SEPARATOR,
            b'\\' => BACKSLASH,
            0..=0x1f | 0x7f => CONTROL,
            b':' => COLON,
            b'<' | b'>' | b'"' | b'|' | b'?' | b'*' => RESERVED,
            b'~' => TILDE,
            _ => 0,
        };
        let letter = (byte as u8).to_ascii_lowercase();
        if matches!(letter, b'a' | b'c' | b'l' | b'n' | b'p') {
            classes[byte] |= DEVICE_1;
        }
        if matches!(letter, b'o' | b'p' | b'r' | b'u') {
            classes[byte] |= DEVICE_2;
        }
        if matches!(letter, b'l' | b'm' | b'n' | b't' | b'x') {
            classes[byte] |= DEVICE_3;
        }
        byte += 1;
    }
    classes
}

/// Whether no rule asks about a byte, in any dialect. Most paths are made of such bytes and separators alone.
///
/// Without a branch or a table, for compilers make vector instructions of that.
pub(super) const fn is_common(byte: u8) -> bool {
    (byte >= b' ')
        & (byte <= b'z')
        & ((byte < b':') | (byte > b'?'))
        & (byte != b'"')
        & (byte != b'%')
        & (byte != b'*')
        & (byte != b'\\')
}

// It is the same as what the tables say, or says too little.
const _: () = {
    let mut byte = 0;
    while byte < 256 {
        let classes = POSIX[byte] | WINDOWS[byte] | PORTABLE[byte];
        assert!(!is_common(byte as u8) || classes & (IN_NAMES | NUL | PERCENT) == 0);
        byte += 1;
    }
};
