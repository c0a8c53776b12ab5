//! Schedules for the targets that are about records.

use super::super::{Amount, Op, Setup, raw};
use crate::pair::Side::{self, Client, Server};

/// Schedules with somebody who interferes with what `subject` receives, nearly all behind the encryption.
pub(super) fn interferences(subject: Side) -> Vec<(&'static str, Setup, Vec<Op>)> {
    const ALERT: u8 = 21;
    const HANDSHAKE: u8 = 22;
    const DATA: u8 = 23;
    let all = Amount::ALL;
    let peer = subject.other();
    // Behind a finished handshake.
    let after = |typ, content: &[u8]| {
        vec![
            Op::Drive(all),
            Op::Send(peer, Amount(3)),
            Op::Transmit(peer, all),
            Op::Forge(subject, typ, content.into()),
            Op::Deliver(subject, all),
            Op::Send(subject, Amount(9)),
            Op::Drive(all),
        ]
    };
    // At the start of the peer's flight.
    let during = |op: Op| {
        vec![
            Op::Transmit(Client, all),
            Op::Deliver(Server, all),
            Op::Transmit(Server, all),
            Op::Deliver(Client, if subject == Client { Amount(0) } else { all }),
            Op::Transmit(Client, all),
            op,
            Op::Drive(Amount(200)),
        ]
    };
    let ticket: &[u8] = &[
        4, 0, 0, 24, 0, 0, 0, 60, 1, 2, 3, 4, 2, 0, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0,
    ];
    let clear = Setup::CLEAR;
    vec![
        (
            "key-update-asked",
            clear,
            after(HANDSHAKE, &[24, 0, 0, 1, 1]),
        ),
        (
            "key-update-told",
            clear,
            after(HANDSHAKE, &[24, 0, 0, 1, 0]),
        ),
        (
            "key-update-nonsense",
            clear,
            after(HANDSHAKE, &[24, 0, 0, 1, 7]),
        ),
        (
            "key-updates-coalesced",
            clear,
            after(HANDSHAKE, &[24, 0, 0, 1, 1, 24, 0, 0, 1, 1]),
        ),
        ("ticket", clear, after(HANDSHAKE, ticket)),
        (
            "ticket-lifetime",
            clear.and(Setup::RESUMED),
            after(
                HANDSHAKE,
                &[4, 0, 0, 13, 255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 0],
            ),
        ),
        (
            "damage-after-close",
            Setup(0),
            vec![
                Op::Drive(all),
                Op::Send(peer, Amount(9)),
                Op::Transmit(peer, all),
                Op::Close(subject),
                Op::Xor(subject, 9, 1),
                Op::Drive(all),
            ],
        ),
        (
            "ticket-and-half",
            clear,
            vec![
                Op::Drive(all),
                Op::Forge(subject, HANDSHAKE, [ticket, &ticket[..9]].concat()),
                Op::Deliver(subject, all),
                Op::Forge(subject, HANDSHAKE, ticket[9..].into()),
                Op::Drive(all),
            ],
        ),
        ("fragment", clear, after(HANDSHAKE, &[4, 0, 1, 0, 1])),
        (
            "huge-message",
            clear.and(Setup::TIGHT),
            after(HANDSHAKE, &[4, 255, 255, 255, 1]),
        ),
        ("hello-request", clear, after(HANDSHAKE, &[0, 0, 0, 0])),
        (
            "certificate-request",
            clear,
            after(HANDSHAKE, &[13, 0, 0, 3, 0, 0, 0]),
        ),
        ("empty-handshake", clear, after(HANDSHAKE, &[])),
        ("empty-data", clear, after(DATA, &[])),
        ("data", clear, after(DATA, b"forged")),
        ("fatal-alert", clear, after(ALERT, &[2, 40])),
        ("warning-alert", clear, after(ALERT, &[1, 90])),
        ("close", clear, after(ALERT, &[1, 0])),
        ("long-alert", clear, after(ALERT, &[1, 0, 0])),
        ("unknown-type", clear, after(99, &[0])),
        ("no-type", clear, after(0, &[])),
        (
            "flight-changed",
            clear.and(Setup::MUTUAL),
            during(Op::Xor(subject, 200, 3)),
        ),
        (
            "certificate-changed",
            clear.and(Setup::MUTUAL),
            during(Op::Xor(subject, 700, 3)),
        ),
        (
            "flight-cut",
            clear.and(Setup::MUTUAL),
            during(Op::Cut(subject, 300, Amount(9))),
        ),
        ("record-lost", clear, during(Op::Drop(subject, 1))),
        (
            "record-doubled",
            clear.and(Setup::RETRY),
            during(Op::Double(subject, 1)),
        ),
        (
            "records-swapped",
            clear.and(Setup::MUTUAL),
            during(Op::Swap(subject, 1)),
        ),
        (
            "header-long",
            clear.and(Setup::TIGHT),
            during(Op::Header(subject, 1, 0, 0x3000)),
        ),
        ("header-type", clear, during(Op::Header(subject, 0, 1, 0))),
        (
            "sealed-record-changed",
            Setup(0),
            during(Op::Xor(subject, 250, 1)),
        ),
        (
            "sealed-early-data",
            Setup::RESUMED,
            during(Op::Insert(subject, 0, b"\x17\x03\x03\0\x05early".into())),
        ),
        (
            "alert-in-clear",
            Setup(0),
            during(Op::Insert(subject, 0, vec![21, 3, 3, 0, 2, 2, 48])),
        ),
        (
            "close-in-clear",
            Setup(0),
            during(Op::Insert(subject, 0, vec![21, 3, 3, 0, 2, 1, 0])),
        ),
        (
            "sealed-truncated",
            Setup(0),
            vec![
                Op::Drive(all),
                Op::Send(peer, Amount(30)),
                Op::Transmit(peer, Amount(20)),
                Op::Eof(subject),
                Op::Drive(all),
            ],
        ),
        (
            "refused",
            if subject == Server {
                Setup::MISPINNED
            } else {
                Setup::MUTUAL.and(clear)
            },
            if subject == Server {
                vec![Op::Drive(all)]
            } else {
                vec![
                    Op::Transmit(Client, all),
                    Op::Deliver(Server, all),
                    Op::Transmit(Server, all),
                    Op::Forge(subject, ALERT, vec![2, 116]),
                    Op::Drive(all),
                ]
            },
        ),
    ]
}

/// What does not speak TLS, or not for long.
pub(super) fn strangers() -> [(&'static str, u8, &'static [u8]); 6] {
    [
        ("silent", raw::WAITS, b""),
        ("gone", raw::ENDS, b""),
        ("http", raw::ENDS, b"HTTP/1.1 400 Bad Request\r\n\r\n"),
        ("header", raw::WAITS, b"\x16\x03\x03\x40\x00"),
        ("oversize", raw::WAITS, b"\x16\x03\x03\xff\xff"),
        ("alert", raw::ENDS, b"\x15\x03\x03\x00\x02\x02\x46"),
    ]
}
