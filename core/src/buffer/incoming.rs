//! The receive cursor: the bytes that arrived, and how many of them the TLS engine has already seen.
//!
//! The engine keeps offsets into these bytes while a handshake message is incomplete, so it must never be shown fewer
//! than before (a peer could turn that into a panic). Only this module decides what it is shown.

use super::{HEADER, Storage};

/// What can be done with the bytes that have arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    /// The header of the next record is not complete, or its body is not and the engine has judged the header.
    Partial,
    /// The engine may be shown this many bytes: everything that it has seen, and the next record or its header.
    Show { bytes: usize, whole: bool },
    /// The next record needs this capacity, and more than is lent.
    Exceeds { capacity: usize },
}

/// `storage[start..end]` has arrived; the engine has seen the first `seen` of these bytes and still needs them.
#[derive(Debug, Default)]
pub(crate) struct Incoming {
    storage: Option<Storage>,
    start: usize,
    end: usize,
    seen: usize,
    header_shown: bool,
}

impl Incoming {
    /// Takes `storage` in place of what is lent, with the bytes held, and returns what is free afterwards: the storage
    /// before, or `storage` itself when the bytes do not fit into it.
    pub(crate) fn lend(&mut self, mut storage: Storage) -> Option<Storage> {
        let held = self.held();
        let Some(target) = storage.bytes().get_mut(..held.len()) else {
            return Some(storage);
        };
        target.copy_from_slice(held);
        self.end = held.len();
        self.start = 0;
        self.storage.replace(storage)
    }

    /// Gives the storage back, when no byte is held in it.
    pub(crate) fn take(&mut self) -> Option<Storage> {
        if self.start == self.end {
            self.storage.take()
        } else {
            None
        }
    }

    pub(crate) fn capacity(&self) -> usize {
        self.storage.as_ref().map_or(0, Storage::capacity)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Whether a byte more can be received, perhaps after [`Incoming::spare`] has moved the others.
    pub(crate) fn has_room(&self) -> bool {
        self.end - self.start < self.capacity()
    }

    /// The room behind the bytes held. They are moved to the front first when the record that has begun would not fit
    /// behind them.
    pub(crate) fn spare(&mut self) -> &mut [u8] {
        let wanted = match self.header() {
            Some(len) => self.seen + HEADER + len,
            None => self.seen + HEADER,
        };
        if self.start > 0 && self.capacity() < self.start + wanted || self.end == self.capacity() {
            self.compact();
        }
        let end = self.end;
        self.storage
            .as_mut()
            .and_then(|storage| storage.bytes().get_mut(end..))
            .unwrap_or_default()
    }

    /// Notes that `len` bytes arrived, at most as many as there was room for, and says how many.
    pub(crate) fn filled(&mut self, len: usize) -> usize {
        let len = len.min(self.capacity() - self.end);
        self.end += len;
        len
    }

    /// What the engine may be shown next.
    pub(crate) fn next(&self) -> Record {
        let Some(len) = self.header() else {
            return Record::Partial;
        };
        let bytes = self.seen + HEADER + len;
        if bytes <= self.end - self.start {
            return Record::Show { bytes, whole: true };
        }
        if !self.header_shown {
            // The engine refuses an impossible header at once, with its alert, instead of waiting for the body.
            return Record::Show {
                bytes: self.seen + HEADER,
                whole: false,
            };
        }
        if bytes > self.capacity() {
            return Record::Exceeds { capacity: bytes };
        }
        Record::Partial
    }

    /// The bytes to show, and the note that they were.
    pub(crate) fn show(&mut self, bytes: usize, whole: bool) -> &mut [u8] {
        if whole {
            self.seen = bytes;
        }
        self.header_shown = !whole;
        self.slice(bytes)
    }

    /// The bytes that the engine has seen before and still needs: what it is shown when there is nothing new.
    pub(crate) fn shown(&mut self) -> &mut [u8] {
        let bytes = self.seen + if self.header_shown { HEADER } else { 0 };
        self.slice(bytes)
    }

    /// Forgets the first `len` bytes: the engine needs them no more.
    pub(crate) fn discard(&mut self, len: usize) {
        self.start = (self.start + len).min(self.end);
        self.seen = self.seen.saturating_sub(len);
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
    }

    /// Bytes that the engine has seen and still needs: a handshake message that is not complete.
    pub(crate) fn retained(&self) -> usize {
        self.seen
    }

    /// Forgets what the engine has not seen.
    pub(crate) fn forget_unseen(&mut self) {
        self.end = self.start + self.seen;
        self.header_shown = false;
    }

    /// Forgets everything. The engine must not be asked again, unless it has met close_notify.
    pub(crate) fn clear(&mut self) {
        *self = Self {
            storage: self.storage.take(),
            ..Self::default()
        };
    }

    fn slice(&mut self, bytes: usize) -> &mut [u8] {
        let (start, end) = (self.start, self.start + bytes);
        self.storage
            .as_mut()
            .and_then(|storage| storage.bytes().get_mut(start..end))
            .unwrap_or_default()
    }

    fn held(&self) -> &[u8] {
        self.storage
            .as_ref()
            .and_then(|storage| storage.as_slice().get(self.start..self.end))
            .unwrap_or_default()
    }

    /// The length that the next record's header announces, when the header is complete.
    fn header(&self) -> Option<usize> {
        match self.held().get(self.seen..)? {
            [_, _, _, high, low, ..] => Some(usize::from(u16::from_be_bytes([*high, *low]))),
            _ => None,
        }
    }

    fn compact(&mut self) {
        let (start, end) = (self.start, self.end);
        if let Some(storage) = &mut self.storage {
            storage.bytes().copy_within(start..end, 0);
            self.end -= start;
            self.start = 0;
        }
    }
}
