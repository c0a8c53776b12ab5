//! What a hostile path does to the bytes on it. Positions and records beyond the end wrap around.

use std::collections::VecDeque;

type Wire = VecDeque<u8>;

pub(super) fn xor(wire: &mut Wire, at: u16, value: u8) {
    let at = within(wire, at);
    if let Some(byte) = wire.get_mut(at) {
        *byte ^= value;
    }
}

pub(super) fn cut(wire: &mut Wire, at: u16, len: usize) {
    let at = within(wire, at);
    let end = at.saturating_add(len).min(wire.len());
    wire.drain(at..end);
}

pub(super) fn insert(wire: &mut Wire, at: u16, bytes: &[u8]) {
    let tail = wire.split_off(within(wire, at));
    wire.extend(bytes);
    wire.extend(tail);
}

pub(super) fn drop(wire: &mut Wire, record: u8) {
    change(wire, record, |records, at| {
        records.remove(at);
    });
}

pub(super) fn double(wire: &mut Wire, record: u8) {
    change(wire, record, |records, at| {
        records.insert(at, records[at].clone());
    });
}

pub(super) fn swap(wire: &mut Wire, record: u8) {
    change(wire, record, |records, at| {
        let other = (at + 1) % records.len();
        records.swap(at, other);
    });
}

/// Changes the type and the announced length of a record.
pub(super) fn header(wire: &mut Wire, record: u8, typ: u8, length: u16) {
    let [high, low] = length.to_be_bytes();
    change(wire, record, |records, at| {
        for (byte, value) in records[at].iter_mut().zip([typ, 0, 0, high, low]) {
            *byte ^= value;
        }
    });
}

fn within(wire: &Wire, at: u16) -> usize {
    usize::from(at) % wire.len().max(1)
}

/// Takes the wire apart into records, the last perhaps incomplete, and puts it together again.
fn change(wire: &mut Wire, record: u8, change: impl FnOnce(&mut Vec<Vec<u8>>, usize)) {
    let mut records = Vec::new();
    let mut rest: &[u8] = wire.make_contiguous();
    while !rest.is_empty() {
        let body = match rest {
            [_, _, _, high, low, ..] => usize::from(u16::from_be_bytes([*high, *low])),
            _ => 0,
        };
        let (first, others) = rest.split_at((5 + body).min(rest.len()));
        records.push(first.to_vec());
        rest = others;
    }
    if !records.is_empty() {
        let at = usize::from(record) % records.len();
        change(&mut records, at);
        *wire = records.concat().into();
    }
}
