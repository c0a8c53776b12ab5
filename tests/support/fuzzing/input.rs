//! Input, taken from the front.

use super::{Op, Setup};

/// Operations of one input: what comes after is ignored, so that no input takes long.
const OPS: usize = 400;

pub(super) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    pub(super) fn word(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes([self.byte()?, self.byte()?]))
    }

    /// At most `len` bytes.
    pub(super) fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        taken
    }

    pub(super) fn setup(&mut self) -> Option<Setup> {
        self.word().map(Setup)
    }

    pub(super) fn ops(&mut self) -> Vec<Op> {
        std::iter::from_fn(|| Op::decode(self)).take(OPS).collect()
    }
}

/// A number of bytes in one byte: exact where it is small, up to more than a record, and `ALL`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amount(pub u8);

impl Amount {
    /// As much as there is.
    pub const ALL: Self = Self(u8::MAX);

    /// The number of bytes.
    pub fn bytes(self) -> usize {
        match self.0 {
            exact @ 0..200 => usize::from(exact),
            coarse @ 200..255 => (usize::from(coarse) - 199) * 320,
            u8::MAX => usize::MAX,
        }
    }
}
