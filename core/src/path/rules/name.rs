//! The rules for single components, in the order of their codes.

use super::dialect::{
    BACKSLASH, COLON, CONTROL, DEVICE_1, DEVICE_2, DEVICE_3, IN_NAMES, NOT_ASCII, PORTABLE,
    RESERVED, TILDE,
};
use super::{Dialect, scan};
use crate::path::Denial;
use crate::path::settings::MAX_NAME;

/// Judges every component of a path, and counts them. `seen` is what the bytes of the path are, all together.
pub(super) fn judge_all(path: &[u8], seen: u16, dialect: Dialect) -> Result<u16, Denial> {
    let pass = |name: Option<&[u8]>| match name.unwrap_or_default() {
        name if seen & IN_NAMES == 0 && is_plain(name) => Ok(()),
        name => judge(name, dialect),
    };
    // No path has more than `MAX_PATH` components.
    let mut count = 1_u16;
    let mut start = 0;
    for end in scan::separators(path, dialect) {
        pass(path.get(start..end))?;
        count += 1;
        start = end + 1;
    }
    pass(path.get(start..))?;
    Ok(count)
}

/// Whether length, beginning and end of a component are such that it breaks no rule, unless by its characters. Most
/// are. A rule about anything else but characters has to be thought of here too.
fn is_plain(name: &[u8]) -> bool {
    let Some(last) = name.last() else {
        return false;
    };
    name.len() <= MAX_NAME && !matches!(last, b'.' | b' ') && !may_be_device(name)
}

/// Whether the first three letters are some that the names of devices begin with. Few other names have all three.
fn may_be_device(name: &[u8]) -> bool {
    let [a, b, c, ..] = name else {
        return false;
    };
    let is = |byte: &u8, class| PORTABLE[usize::from(*byte)] & class != 0;
    is(a, DEVICE_1) & is(b, DEVICE_2) & is(c, DEVICE_3)
}

/// Judges one component.
// In line, it would take the registers of the loop that hardly ever comes here.
#[inline(never)]
fn judge(name: &[u8], dialect: Dialect) -> Result<(), Denial> {
    match name {
        [] => return Err(Denial::EmptyComponent),
        b"." => return Err(Denial::CurrentDirectory),
        b".." => return Err(Denial::ParentDirectory),
        _ => {}
    }
    if name.len() > MAX_NAME {
        return Err(Denial::NameTooLong);
    }
    if dialect.is_portable() {
        judge_portable(name, scan::classes(name, dialect))
    } else {
        Ok(())
    }
}

fn judge_portable(name: &[u8], seen: u16) -> Result<(), Denial> {
    // One look for all the rules about characters outside of ASCII: few names need a second.
    let odd = seen & NOT_ASCII != 0 && text(name).chars().any(is_odd);
    judge_characters(name, seen, odd)?;
    if matches!(name.last(), Some(b'.' | b' ')) {
        return Err(Denial::TrailingDotOrSpace);
    }
    if is_device(name) {
        return Err(Denial::Device);
    }
    if seen & TILDE != 0 && is_short_name(name) {
        return Err(Denial::ShortName);
    }
    if odd {
        judge_appearance(name)?;
    }
    Ok(())
}

fn judge_characters(name: &[u8], seen: u16, odd: bool) -> Result<(), Denial> {
    if seen & BACKSLASH != 0 {
        Err(Denial::Backslash)
    } else if seen & CONTROL != 0 || odd && text(name).chars().any(char::is_control) {
        Err(Denial::Control)
    } else if seen & COLON != 0 {
        Err(Denial::Stream)
    } else if seen & RESERVED != 0 {
        Err(Denial::Reserved)
    } else {
        Ok(())
    }
}

/// Whether Windows opens a device by this name: whatever follows the first dot, and spaces before it, do not count.
fn is_device(name: &[u8]) -> bool {
    let [a, b, c, rest @ ..] = name else {
        return false;
    };
    let rest = || {
        let rest = rest.split(|byte| *byte == b'.').next();
        rest.unwrap_or_default().trim_ascii_end()
    };
    // This bit makes letters small, and nothing else one of those that are asked for.
    match &[a | 0x20, b | 0x20, c | 0x20] {
        b"prn" | b"aux" | b"nul" => rest().is_empty(),
        b"con" => [&b""[..], b"in$", b"out$"]
            .iter()
            .any(|end| rest().eq_ignore_ascii_case(end)),
        // Windows takes the superscripts of Latin-1 (here in UTF-8) for digits, but not the others.
        b"com" | b"lpt" => matches!(rest(), [b'0'..=b'9'] | [0xc2, 0xb9 | 0xb2 | 0xb3]),
        _ => false,
    }
}

/// Whether the name has the shape that Windows gives to second names: at most 8 characters with `~` and a number at
/// their end, and an extension of at most 3.
fn is_short_name(name: &[u8]) -> bool {
    let mut parts = name.split(|byte| *byte == b'.');
    let stem = parts.next().unwrap_or_default();
    let extension = parts.next().unwrap_or_default();
    if parts.next().is_some() || characters(stem) > 8 || characters(extension) > 3 {
        return false;
    }
    let mut halves = stem.rsplitn(2, |byte| *byte == b'~');
    let number = halves.next().unwrap_or_default();
    let base = halves.next().unwrap_or_default();
    !base.is_empty() && !number.is_empty() && number.iter().all(u8::is_ascii_digit)
}

fn judge_appearance(name: &[u8]) -> Result<(), Denial> {
    let name = text(name);
    if name.chars().any(is_bidirectional) {
        Err(Denial::Bidirectional)
    } else if name.chars().any(is_invisible) {
        Err(Denial::Invisible)
    } else if name.chars().any(is_look_alike) {
        Err(Denial::LookAlike)
    } else {
        Ok(())
    }
}

/// Whether any rule is about this character, if it is not ASCII.
fn is_odd(character: char) -> bool {
    !character.is_ascii()
        && (character.is_control()
            || is_bidirectional(character)
            || is_invisible(character)
            || is_look_alike(character))
}

/// The explicit formatting characters of the bidirectional algorithm (UAX 9, 2).
pub(super) const fn is_bidirectional(character: char) -> bool {
    matches!(
        character,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

/// What has no glyph: the other default ignorables (UAX 44, 5.7), line and paragraph separators, annotations.
pub(super) const fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{34f}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{17b4}'
            | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200d}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{2060}'..='\u{2065}'
            | '\u{206a}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// What a reader, a best-fit conversion or a compatibility mapping takes for a slash, a backslash or a dot.
const fn is_look_alike(character: char) -> bool {
    matches!(
        character,
        '\u{2024}'
            | '\u{2025}'
            | '\u{2044}'
            | '\u{2215}'
            | '\u{2216}'
            | '\u{2571}'
            | '\u{2572}'
            | '\u{29f5}'
            | '\u{29f8}'
            | '\u{29f9}'
            | '\u{fe52}'
            | '\u{fe68}'
            | '\u{ff0e}'
            | '\u{ff0f}'
            | '\u{ff3c}'
    )
}

fn characters(name: &[u8]) -> usize {
    text(name).chars().count()
}

/// The name as text. In a dialect with rules for characters it is UTF-8, or the path would have been refused.
fn text(name: &[u8]) -> &str {
    core::str::from_utf8(name).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn what_is_plain_breaks_no_rule() {
        let bytes = b"acmnoprulxtLPT1-$. ";
        let mut names: Vec<Vec<u8>> = [Vec::new()].to_vec();
        let mut plain = 0;
        for _ in 0..4 {
            names = names
                .iter()
                .flat_map(|name| bytes.iter().map(|byte| [name, &[*byte][..]].concat()))
                .collect();
            for name in names.iter().filter(|name| is_plain(name)) {
                for dialect in [Dialect::Posix, Dialect::Windows, Dialect::Portable] {
                    assert_eq!(judge(name, dialect), Ok(()), "{name:?}");
                }
                plain += 1;
            }
        }
        // And most names are.
        assert!(plain > 100_000, "{plain}");
        assert!(is_plain(&[b'q'; MAX_NAME]) && !is_plain(&[b'q'; MAX_NAME + 1]));
        assert!(!is_plain(b""));
    }
}
