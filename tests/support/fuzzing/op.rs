//! The operations of a schedule, and how they are written as bytes.

use super::Amount;
use super::input::Input;
use crate::pair::Side;

/// One step of a schedule. Where it names a side, that end acts, or the wire that leads to it is changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// The transport takes this many bytes from the end.
    Transmit(Side, Amount),
    /// The end receives this many bytes, or the end of its wire.
    Deliver(Side, Amount),
    /// Everything moves both ways, in pieces of this size.
    Drive(Amount),
    /// The end seals this many bytes.
    Send(Side, Amount),
    /// The end reads into a buffer of this size.
    Read(Side, Amount),
    /// The end consumes this many bytes of the plaintext shown.
    Consume(Side, Amount),
    /// The end sends close_notify.
    Close(Side),
    /// The end asks for new keys.
    UpdateKeys(Side),
    /// Time passes: the square of this in milliseconds.
    Advance(u8),
    /// The wire to the end ends behind what is on it.
    Eof(Side),
    /// The end is lent a storage of this size.
    Lend(Side, Amount),
    /// The end gives its storage back.
    TakeStorage(Side),
    /// A byte on the wire is changed.
    Xor(Side, u16, u8),
    /// Bytes on the wire are lost.
    Cut(Side, u16, Amount),
    /// Bytes are put on the wire.
    Insert(Side, u16, Vec<u8>),
    /// A record on the wire is lost.
    Drop(Side, u8),
    /// A record on the wire comes twice.
    Double(Side, u8),
    /// Two records change places.
    Swap(Side, u8),
    /// The header of a record is changed: its type, and its length.
    Header(Side, u8, u8, u16),
    /// A record of this inner type and content is put at the end of the wire, sealed as the clear suite seals.
    Forge(Side, u8, Vec<u8>),
}

/// Kinds of operations.
const KINDS: u8 = 20;

/// Set in the first byte of an operation of the server's.
const SERVER: u8 = 0x80;

impl Op {
    /// The next operation of the input.
    pub(super) fn decode(input: &mut Input<'_>) -> Option<Self> {
        let first = input.byte()?;
        let side = if first & SERVER == 0 {
            Side::Client
        } else {
            Side::Server
        };
        Some(match first % SERVER % KINDS {
            0 => Self::Transmit(side, Amount(input.byte()?)),
            1 => Self::Deliver(side, Amount(input.byte()?)),
            2 => Self::Drive(Amount(input.byte()?)),
            3 => Self::Send(side, Amount(input.byte()?)),
            4 => Self::Read(side, Amount(input.byte()?)),
            5 => Self::Consume(side, Amount(input.byte()?)),
            6 => Self::Close(side),
            7 => Self::UpdateKeys(side),
            8 => Self::Advance(input.byte()?),
            9 => Self::Eof(side),
            10 => Self::Lend(side, Amount(input.byte()?)),
            11 => Self::TakeStorage(side),
            12 => Self::Xor(side, input.word()?, input.byte()?),
            13 => Self::Cut(side, input.word()?, Amount(input.byte()?)),
            14 => Self::Insert(side, input.word()?, bytes(input)?),
            15 => Self::Drop(side, input.byte()?),
            16 => Self::Double(side, input.byte()?),
            17 => Self::Swap(side, input.byte()?),
            18 => Self::Header(side, input.byte()?, input.byte()?, input.word()?),
            _ => Self::Forge(side, input.byte()?, bytes(input)?),
        })
    }

    /// Appends the operation as [`Op::decode`] reads it.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let mut put = |kind: u8, side: Side, rest: &[&[u8]]| {
            out.push(if side == Side::Server {
                kind | SERVER
            } else {
                kind
            });
            rest.iter().for_each(|part| out.extend_from_slice(part));
        };
        match self {
            Self::Transmit(side, amount) => put(0, *side, &[&[amount.0]]),
            Self::Deliver(side, amount) => put(1, *side, &[&[amount.0]]),
            Self::Drive(amount) => put(2, Side::Client, &[&[amount.0]]),
            Self::Send(side, amount) => put(3, *side, &[&[amount.0]]),
            Self::Read(side, amount) => put(4, *side, &[&[amount.0]]),
            Self::Consume(side, amount) => put(5, *side, &[&[amount.0]]),
            Self::Close(side) => put(6, *side, &[]),
            Self::UpdateKeys(side) => put(7, *side, &[]),
            Self::Advance(time) => put(8, Side::Client, &[&[*time]]),
            Self::Eof(side) => put(9, *side, &[]),
            Self::Lend(side, amount) => put(10, *side, &[&[amount.0]]),
            Self::TakeStorage(side) => put(11, *side, &[]),
            Self::Xor(side, at, value) => put(12, *side, &[&at.to_be_bytes(), &[*value]]),
            Self::Cut(side, at, amount) => put(13, *side, &[&at.to_be_bytes(), &[amount.0]]),
            Self::Insert(side, at, bytes) => {
                put(14, *side, &[&at.to_be_bytes(), &[len(bytes)], bytes]);
            }
            Self::Drop(side, record) => put(15, *side, &[&[*record]]),
            Self::Double(side, record) => put(16, *side, &[&[*record]]),
            Self::Swap(side, record) => put(17, *side, &[&[*record]]),
            Self::Header(side, record, typ, length) => {
                put(18, *side, &[&[*record, *typ], &length.to_be_bytes()]);
            }
            Self::Forge(side, typ, bytes) => put(19, *side, &[&[*typ, len(bytes)], bytes]),
        }
    }

    /// The side whose wire it changes, if any.
    pub(super) fn victim(&self) -> Option<Side> {
        if let Self::Xor(side, ..)
        | Self::Cut(side, ..)
        | Self::Insert(side, ..)
        | Self::Drop(side, ..)
        | Self::Double(side, ..)
        | Self::Swap(side, ..)
        | Self::Header(side, ..)
        | Self::Forge(side, ..) = self
        {
            Some(*side)
        } else {
            None
        }
    }

    /// The same, with a change of any wire made one of the wire to `subject`.
    pub(super) fn against(mut self, subject: Side) -> Self {
        if let Self::Xor(side, ..)
        | Self::Cut(side, ..)
        | Self::Insert(side, ..)
        | Self::Drop(side, ..)
        | Self::Double(side, ..)
        | Self::Swap(side, ..)
        | Self::Header(side, ..)
        | Self::Forge(side, ..) = &mut self
        {
            *side = subject;
        }
        self
    }
}

fn bytes(input: &mut Input<'_>) -> Option<Vec<u8>> {
    let len = input.byte()?;
    Some(input.take(len.into()).to_vec())
}

fn len(bytes: &[u8]) -> u8 {
    u8::try_from(bytes.len()).expect("the content of an operation has at most 255 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_read_as_it_was_written() {
        let mut kinds = 0;
        for first in (0..KINDS).chain((0..KINDS).map(|kind| kind | SERVER)) {
            let written = [first, 1, 2, 3, 4, 5, 6];
            let op = Op::decode(&mut Input::new(&written)).unwrap();
            let mut out = Vec::new();
            op.encode(&mut out);
            assert_eq!(Op::decode(&mut Input::new(&out)), Some(op.clone()));
            assert_eq!(out[0] & !SERVER, first & !SERVER, "{op:?}");
            kinds += 1;
        }
        assert_eq!(kinds, 2 * KINDS);
    }
}
