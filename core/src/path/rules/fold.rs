//! Comparing names as file systems may compare them: without case, and with canonically equivalent spellings the same
//! (UAX 15, 1.1; Unicode 3.13, D145). Nothing folded is ever opened.

use alloc::vec::Vec;

use unicode_normalization::char::{canonical_combining_class, decompose_canonical};

use super::name::{is_bidirectional, is_invisible};

/// How much is folded away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::path) enum Fold {
    /// For what is refused: all that any file system might fold, rather too much than too little.
    Wide,
    /// For what is allowed: the lower case of each letter, and nothing that takes letters away or makes new ones.
    Narrow,
}

/// A name of the settings, folded once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::path) struct Folded {
    units: Vec<u32>,
    /// The same, if nothing but ASCII is left. Most names are ASCII on both sides, and need no tables.
    ascii: Option<Vec<u8>>,
    fold: Fold,
}

impl Folded {
    pub(in crate::path) fn new(name: &[u8], fold: Fold) -> Self {
        let units: Vec<u32> = units(name, fold).collect();
        let bytes = units.iter().map(|unit| u8::try_from(*unit).ok());
        let ascii: Option<Vec<u8>> = bytes.collect();
        Self {
            ascii: ascii.filter(|bytes| bytes.is_ascii()),
            units,
            fold,
        }
    }

    /// Whether a name is the same when it is folded. Allocates nothing.
    pub(in crate::path) fn matches(&self, name: &[u8]) -> bool {
        if name.is_ascii() {
            let ascii = self.ascii.as_ref();
            return ascii.is_some_and(|ascii| name.eq_ignore_ascii_case(ascii));
        }
        units(name, self.fold).eq(self.units.iter().copied())
    }
}

/// The folded name: code points in canonical order, and bytes that are not UTF-8 behind the last code point.
fn units(name: &[u8], fold: Fold) -> impl Iterator<Item = u32> {
    let folded = name.utf8_chunks().flat_map(move |chunk| {
        let text = chunk.valid().chars();
        let bytes = chunk.invalid().iter();
        text.flat_map(move |character| Folding::of(character, fold))
            .chain(bytes.map(|byte| NO_CHARACTER + u32::from(*byte)))
    });
    InCanonicalOrder::new(folded)
}

const NO_CHARACTER: u32 = 0x11_0000;

/// What one character is folded into.
#[derive(Clone)]
struct Folding {
    /// No character folds into more; a test asks all of them.
    units: [u32; Self::MOST],
    next: usize,
    end: usize,
}

impl Folding {
    const MOST: usize = 8;

    fn of(character: char, fold: Fold) -> Self {
        let mut folding = Self {
            units: [0; Self::MOST],
            next: 0,
            end: 0,
        };
        if character.is_ascii() {
            folding.push(character.to_ascii_lowercase());
            return folding;
        }
        if fold == Fold::Wide && (is_invisible(character) || is_bidirectional(character)) {
            return folding;
        }
        decompose_canonical(character, |part| match fold {
            Fold::Narrow => part
                .to_lowercase()
                .for_each(|lower| folding.push_decomposed(lower)),
            // By way of upper case, letters that share one become the same: that is the full case folding. Lower case
            // comes first, for there are capitals (U+1E9E) with a lower case that has other capitals (SS).
            Fold::Wide => part
                .to_lowercase()
                .flat_map(char::to_uppercase)
                .flat_map(char::to_lowercase)
                .for_each(|lower| folding.push_decomposed(lower)),
        });
        folding
    }

    fn push_decomposed(&mut self, character: char) {
        decompose_canonical(character, |part| self.push(part));
    }

    fn push(&mut self, character: char) {
        if let Some(unit) = self.units.get_mut(self.end) {
            *unit = u32::from(character);
            self.end += 1;
        }
    }
}

impl Iterator for Folding {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let units = self.units.get(self.next..self.end)?;
        self.next += 1;
        units.first().copied()
    }
}

/// Sorts each run of combining characters by their class. A run is read again for each of its members instead of
/// being copied: runs are short, and a name has at most 255 bytes.
#[derive(Clone)]
struct InCanonicalOrder<I> {
    /// What is behind the run.
    rest: I,
    /// The run, and how many are left of it.
    run: Option<(I, usize)>,
    length: usize,
    /// Class and place of the last one that was given of the run.
    last: (u8, usize),
}

impl<I: Iterator<Item = u32> + Clone> InCanonicalOrder<I> {
    fn new(rest: I) -> Self {
        Self {
            rest,
            run: None,
            length: 0,
            last: (0, 0),
        }
    }
}

impl<I: Iterator<Item = u32> + Clone> Iterator for InCanonicalOrder<I> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        if self.run.is_none() {
            let before = self.rest.clone();
            let first = self.rest.next()?;
            if class(first) == 0 {
                return Some(first);
            }
            self.length = before.clone().take_while(|unit| class(*unit) != 0).count();
            self.rest = before.clone();
            // The run is never empty: its first member was just seen.
            self.rest.nth(self.length.saturating_sub(1));
            self.run = Some((before, self.length));
            self.last = (0, 0);
        }
        let (run, left) = self.run.take()?;
        let members = (0..self.length).zip(run.clone());
        let (place, unit) = members
            .filter(|(place, unit)| (class(*unit), *place) > self.last)
            .min_by_key(|(place, unit)| (class(*unit), *place))?;
        self.last = (class(unit), place);
        if left > 1 {
            self.run = Some((run, left - 1));
        }
        Some(unit)
    }
}

fn class(unit: u32) -> u8 {
    if unit < 0x300 {
        return 0;
    }
    char::from_u32(unit).map_or(0, canonical_combining_class)
}

#[cfg(test)]
mod tests;
