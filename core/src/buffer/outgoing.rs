//! Sealed bytes that wait for the transport, opened bytes that wait for the application, and slices read as one.

use alloc::vec::Vec;

/// Records for the transport, in order. Holds no memory when empty.
#[derive(Debug, Default)]
pub(crate) struct Outgoing {
    bytes: Vec<u8>,
    taken: usize,
}

impl Outgoing {
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(self.taken..).unwrap_or_default()
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes.len() - self.taken
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where records are appended. What was taken goes first, so that the limit of waiting bytes limits the memory.
    pub(crate) fn tail(&mut self) -> &mut Vec<u8> {
        if self.taken > 0 {
            self.bytes.drain(..self.taken);
            self.taken = 0;
        }
        &mut self.bytes
    }

    /// Removes at most `len` bytes from the front, and says how many.
    pub(crate) fn take(&mut self, len: usize) -> usize {
        let len = len.min(self.len());
        self.taken += len;
        if self.is_empty() {
            self.clear();
        }
        len
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// The plaintext of the record opened last, as far as it has not been consumed. Holds no memory when empty.
#[derive(Default)]
pub(crate) struct Opened {
    bytes: Vec<u8>,
    consumed: usize,
}

impl Opened {
    pub(crate) fn bytes(&mut self) -> &mut [u8] {
        self.bytes.get_mut(self.consumed..).unwrap_or_default()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.consumed == self.bytes.len()
    }

    pub(crate) fn push(&mut self, plaintext: &[u8]) {
        self.bytes.extend_from_slice(plaintext);
    }

    /// Removes at most `len` bytes from the front.
    pub(crate) fn take(&mut self, len: usize) {
        self.consumed = self.consumed.saturating_add(len).min(self.bytes.len());
        if self.is_empty() {
            self.clear();
        }
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Several slices, read as if they were one.
pub(crate) struct Parts<'a> {
    parts: &'a [&'a [u8]],
    /// How far into the first of `parts`.
    offset: usize,
    remaining: usize,
}

impl<'a> Parts<'a> {
    pub(crate) fn new(parts: &'a [&'a [u8]]) -> Self {
        let remaining = parts.iter().map(|part| part.len()).sum();
        Self {
            parts,
            offset: 0,
            remaining,
        }
    }

    pub(crate) fn remaining(&self) -> usize {
        self.remaining
    }

    /// The next `len` bytes, when they lie in one part.
    pub(crate) fn contiguous(&mut self, len: usize) -> Option<&'a [u8]> {
        while let [first, rest @ ..] = self.parts
            && self.offset == first.len()
        {
            self.parts = rest;
            self.offset = 0;
        }
        self.parts
            .first()?
            .get(self.offset..self.offset.checked_add(len)?)
    }

    /// The next `len` bytes, copied together.
    pub(crate) fn gather(&self, len: usize) -> Vec<u8> {
        let mut gathered = Vec::with_capacity(len);
        let mut offset = self.offset;
        for part in self.parts {
            let wanted = len - gathered.len();
            let rest = part.get(offset..).unwrap_or_default();
            gathered.extend_from_slice(rest.get(..wanted).unwrap_or(rest));
            offset = 0;
        }
        gathered
    }

    pub(crate) fn advance(&mut self, len: usize) {
        self.remaining = self.remaining.saturating_sub(len);
        self.offset += len;
        while let [first, rest @ ..] = self.parts
            && self.offset >= first.len()
        {
            self.offset -= first.len();
            self.parts = rest;
        }
    }
}
