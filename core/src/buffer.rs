//! The bytes of a connection: what arrived, what was opened, what waits to leave.

mod incoming;
mod outgoing;

pub(crate) use incoming::{Incoming, Record};
pub(crate) use outgoing::{Opened, Outgoing, Parts};

use alloc::vec;
use alloc::vec::Vec;
use core::fmt;

/// The largest TLS record on the wire: 5 bytes of header, 16,384 of plaintext and 256 of expansion (RFC 8446, 5.2).
pub const RECORD: usize = HEADER + 16_384 + 256;

/// The bytes of a record header (RFC 8446, 5.1).
pub(crate) const HEADER: usize = 5;

/// A receive buffer, owned by a connection while it is lent.
///
/// [`Storage::record`] holds one record of any legal size. A smaller one works when the peer is known to send smaller
/// records; a record that does not fit is refused, never waited for.
pub struct Storage(Bytes);

enum Bytes {
    Heap(Vec<u8>),
    Static(&'static mut [u8]),
}

impl Storage {
    /// A buffer on the heap with room for one record of the largest size ([`RECORD`] bytes).
    pub fn record() -> Self {
        Self::with_capacity(RECORD)
    }

    /// A buffer of `bytes` bytes on the heap.
    pub fn with_capacity(bytes: usize) -> Self {
        Self(Bytes::Heap(vec![0; bytes]))
    }

    /// The bytes it can hold.
    pub fn capacity(&self) -> usize {
        match &self.0 {
            Bytes::Heap(bytes) => bytes.len(),
            Bytes::Static(bytes) => bytes.len(),
        }
    }

    fn bytes(&mut self) -> &mut [u8] {
        match &mut self.0 {
            Bytes::Heap(bytes) => bytes,
            Bytes::Static(bytes) => bytes,
        }
    }

    fn as_slice(&self) -> &[u8] {
        match &self.0 {
            Bytes::Heap(bytes) => bytes,
            Bytes::Static(bytes) => bytes,
        }
    }
}

impl From<Vec<u8>> for Storage {
    /// Uses the whole length of `bytes`; what it held is overwritten.
    fn from(bytes: Vec<u8>) -> Self {
        Self(Bytes::Heap(bytes))
    }
}

impl From<&'static mut [u8]> for Storage {
    fn from(bytes: &'static mut [u8]) -> Self {
        Self(Bytes::Static(bytes))
    }
}

impl fmt::Debug for Storage {
    /// Never prints the bytes: handshake messages are decrypted in place.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Storage")
            .field("capacity", &self.capacity())
            .finish()
    }
}
