//! Reading many bytes at a time.

use super::Dialect;
use super::dialect::is_common;

/// What the bytes of a text are, all together. Separators and letters may be left away.
pub(super) fn classes(text: &[u8], dialect: Dialect) -> u16 {
    if all_common(text) {
        return 0;
    }
    let classes = dialect.classes();
    text.iter()
        .fold(0, |seen, byte| seen | classes[usize::from(*byte)])
}

/// Whether no rule asks about any byte of a text. `false` also if the text is short.
fn all_common(text: &[u8]) -> bool {
    const LANES: usize = 16;
    let Some(last) = text.last_chunk::<LANES>() else {
        return false;
    };
    let mut others = [0; LANES];
    for start in (0..text.len()).step_by(LANES) {
        // The last block is full: it begins before what is left.
        let block = text.get(start..).and_then(<[u8]>::first_chunk);
        for (other, byte) in others.iter_mut().zip(block.unwrap_or(last)) {
            *other |= u8::from(!is_common(*byte));
        }
    }
    others == [0; LANES]
}

/// Where the separators of a text are, from the left.
pub(super) fn separators(text: &[u8], dialect: Dialect) -> Separators<'_> {
    let (blocks, rest) = text.as_chunks();
    let rest = match text.last_chunk() {
        Some(last) => u64::from_le_bytes(*last).checked_shr(64 - 8 * rest.len() as u32),
        None => Some(
            rest.iter()
                .rfold(0, |block, byte| block << 8 | u64::from(*byte)),
        ),
    };
    Separators {
        dialect,
        blocks: blocks.iter(),
        rest,
        at: 0,
        found: 0,
    }
}

/// Eight bytes are compared at a time. Where the next eight are does not depend on what is found in these, so that a
/// processor need not wait.
pub(super) struct Separators<'a> {
    dialect: Dialect,
    blocks: core::slice::Iter<'a, [u8; 8]>,
    /// What is left behind the blocks, with zeros above it.
    rest: Option<u64>,
    /// Where the last block ends that was compared.
    at: usize,
    /// The separators in it that were not given yet, as the top bits of their bytes.
    found: u64,
}

impl Iterator for Separators<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        while self.found == 0 {
            let block = match self.blocks.next() {
                Some(block) => u64::from_le_bytes(*block),
                None => self.rest.take()?,
            };
            self.found = equal_bytes(block, b'/');
            if self.dialect == Dialect::Windows {
                self.found |= equal_bytes(block, b'\\');
            }
            self.at += 8;
        }
        let byte = self.found.trailing_zeros() as usize / 8;
        self.found &= self.found - 1;
        Some(self.at - 8 + byte)
    }
}

/// The top bits of those bytes of a block that are this one.
const fn equal_bytes(block: u64, byte: u8) -> u64 {
    const LOW: u64 = u64::from_le_bytes([0x7f; 8]);
    let differences = block ^ u64::from_le_bytes([byte; 8]);
    // If any lower bit differs, the sum carries into the top bit, and never out of the byte.
    !(((differences & LOW) + LOW) | differences | LOW)
}

#[cfg(test)]
mod tests {
    use super::super::dialect::{IN_NAMES, NUL, PERCENT};
    use super::*;

    const DIALECTS: [Dialect; 3] = [Dialect::Posix, Dialect::Windows, Dialect::Portable];

    /// Every byte, alone among letters, in every place of texts that end anywhere in a block.
    fn texts() -> impl Iterator<Item = ([u8; 40], usize, u8)> {
        let places = (1..=40).flat_map(|length| (0..length).map(move |place| (length, place)));
        places.flat_map(|(length, place)| {
            (0..=255).map(move |byte| {
                let mut text = [b'a'; 40];
                text[place] = byte;
                (text, length, byte)
            })
        })
    }

    #[test]
    fn no_byte_is_overlooked() {
        for (text, length, byte) in texts() {
            for dialect in DIALECTS {
                let asked = IN_NAMES | NUL | PERCENT;
                let class = dialect.classes()[usize::from(byte)];
                assert_eq!(classes(&text[..length], dialect) & asked, class & asked);
            }
        }
    }

    #[test]
    fn separators_are_found_where_they_are() {
        for (mut text, length, byte) in texts() {
            // One that is always there, and one behind the end.
            text[length / 2] = b'/';
            if let Some(behind) = text.get_mut(length) {
                *behind = b'/';
            }
            let text = &text[..length];
            for dialect in DIALECTS {
                let expected = (0..length).filter(|place| dialect.separates(text[*place]));
                assert!(
                    separators(text, dialect).eq(expected),
                    "{byte:02x} {text:?}"
                );
            }
        }
    }
}
