//! Schedules for the target `pair`.

use super::super::{Amount, Op, Setup};
use crate::pair::Side::{Client, Server};

/// Schedules without anyone who interferes, and with somebody who cannot forge.
pub(super) fn schedules() -> Vec<(&'static str, Setup, Vec<Op>)> {
    let all = Amount::ALL;
    let lazy = Setup::LAZY_CLIENT.and(Setup::LAZY_SERVER);
    vec![
        ("nothing", Setup(0), vec![]),
        (
            "byte-by-byte",
            Setup(0),
            vec![
                Op::Drive(Amount(1)),
                Op::Send(Client, Amount(9)),
                Op::Drive(Amount(1)),
            ],
        ),
        (
            "pieces-of-64",
            Setup::MUTUAL.and(Setup::TIGHT),
            vec![
                Op::Drive(Amount(64)),
                Op::Send(Server, Amount(210)),
                Op::Drive(Amount(64)),
            ],
        ),
        (
            "blocked-writer",
            lazy,
            vec![
                Op::Drive(all),
                Op::Send(Client, Amount(254)),
                Op::Send(Client, Amount(254)),
                Op::Send(Client, Amount(254)),
                Op::Send(Client, Amount(254)),
                Op::UpdateKeys(Client),
                Op::Send(Client, Amount(9)),
                Op::UpdateKeys(Server),
                Op::Transmit(Server, all),
                Op::Deliver(Client, all),
                Op::Transmit(Client, Amount(250)),
                Op::Deliver(Server, Amount(225)),
                Op::Deliver(Server, all),
                Op::Read(Server, Amount(199)),
                Op::Deliver(Server, all),
            ],
        ),
        (
            "tight-blocked",
            lazy.and(Setup::TIGHT).and(Setup::RESUMED),
            vec![
                Op::Drive(Amount(100)),
                Op::Send(Client, Amount(203)),
                Op::UpdateKeys(Client),
                Op::Send(Server, Amount(203)),
                Op::Transmit(Client, Amount(150)),
                Op::Deliver(Server, Amount(70)),
                Op::Consume(Server, Amount(3)),
                Op::Drive(Amount(30)),
                Op::Read(Server, Amount(50)),
                Op::Read(Client, Amount(202)),
            ],
        ),
        (
            "close-early",
            Setup(0),
            vec![
                Op::Transmit(Client, all),
                Op::Close(Server),
                Op::Deliver(Server, all),
                Op::Drive(all),
            ],
        ),
        (
            "close-blocked",
            Setup::LAZY_SERVER,
            vec![
                Op::Drive(all),
                Op::Send(Client, Amount(254)),
                Op::Close(Client),
                Op::Close(Server),
                Op::Advance(60),
                Op::Advance(60),
            ],
        ),
        (
            "close-both",
            lazy,
            vec![
                Op::Drive(all),
                Op::Send(Client, Amount(3)),
                Op::Send(Server, Amount(4)),
                Op::Close(Client),
                Op::Close(Server),
                Op::Drive(Amount(7)),
            ],
        ),
        (
            "handshake-timeout",
            Setup(0),
            vec![
                Op::Transmit(Client, all),
                Op::Deliver(Server, Amount(90)),
                Op::Advance(80),
                Op::Advance(80),
                Op::Drive(all),
            ],
        ),
        (
            "record-timeout",
            Setup(0),
            vec![
                Op::Drive(all),
                Op::Send(Client, Amount(9)),
                Op::Transmit(Client, Amount(8)),
                Op::Deliver(Server, all),
                Op::Advance(174),
                Op::Drive(all),
            ],
        ),
        (
            "idle-timeout",
            Setup::IDLE,
            vec![
                Op::Drive(all),
                Op::Advance(100),
                Op::Send(Server, Amount(1)),
                Op::Drive(all),
                Op::Advance(100),
                Op::Advance(100),
                Op::Drive(all),
            ],
        ),
        (
            "unread-timeout",
            lazy.and(Setup::IDLE),
            vec![
                Op::Drive(all),
                Op::Send(Client, Amount(9)),
                Op::Send(Client, Amount(8)),
                Op::Drive(all),
                Op::Read(Server, Amount(3)),
                Op::Advance(200),
            ],
        ),
        (
            "update-put-off",
            lazy.and(Setup::TIGHT),
            vec![
                Op::Drive(all),
                Op::Send(Client, Amount(254)),
                Op::UpdateKeys(Client),
            ],
        ),
        (
            "tight-full",
            lazy.and(Setup::TIGHT),
            vec![
                Op::Drive(all),
                Op::Send(Client, Amount(210)),
                Op::Send(Client, Amount(210)),
                Op::UpdateKeys(Client),
                Op::Send(Server, Amount(254)),
                Op::UpdateKeys(Server),
                Op::Drive(all),
                Op::Send(Client, Amount(254)),
            ],
        ),
        (
            "truncated",
            Setup(0),
            vec![
                Op::Drive(all),
                Op::Send(Client, Amount(9)),
                Op::Transmit(Client, all),
                Op::Eof(Server),
                Op::Drive(all),
            ],
        ),
        (
            "truncation-allowed",
            Setup::TRUNCATION.and(Setup::LAZY_SERVER),
            vec![
                Op::Drive(all),
                Op::Send(Client, Amount(9)),
                Op::Transmit(Client, all),
                Op::Eof(Server),
                Op::Drive(all),
            ],
        ),
        ("mispinned", Setup::MISPINNED, vec![Op::Drive(all)]),
        (
            "anonymous",
            Setup::MUTUAL.and(Setup::ANONYMOUS),
            vec![Op::Drive(all)],
        ),
        (
            "storage",
            lazy,
            vec![
                Op::Lend(Server, Amount(201)),
                Op::Drive(Amount(50)),
                Op::TakeStorage(Client),
                Op::TakeStorage(Server),
                Op::Lend(Client, Amount(202)),
                Op::Send(Server, Amount(199)),
                Op::Drive(all),
                Op::Lend(Client, Amount(10)),
                Op::TakeStorage(Client),
                Op::Read(Client, all),
                Op::TakeStorage(Client),
                Op::Drive(all),
            ],
        ),
        (
            "storage-too-small",
            Setup(0),
            vec![
                Op::Drive(all),
                Op::TakeStorage(Server),
                Op::Lend(Server, Amount(20)),
                Op::Send(Client, Amount(99)),
                Op::Drive(all),
            ],
        ),
        (
            "hello-changed",
            Setup(0),
            vec![
                Op::Transmit(Client, all),
                Op::Xor(Server, 60, 1),
                Op::Drive(all),
            ],
        ),
        (
            "flight-changed",
            Setup(0),
            vec![
                Op::Transmit(Client, all),
                Op::Deliver(Server, all),
                Op::Transmit(Server, all),
                Op::Xor(Client, 300, 4),
                Op::Drive(all),
            ],
        ),
        (
            "record-changed",
            Setup(0),
            vec![
                Op::Drive(all),
                Op::Send(Server, Amount(9)),
                Op::Transmit(Server, all),
                Op::Xor(Client, 7, 1),
                Op::Drive(all),
            ],
        ),
        (
            "records-swapped",
            Setup(0),
            vec![
                Op::Drive(all),
                Op::Send(Server, Amount(9)),
                Op::Send(Server, Amount(8)),
                Op::Transmit(Server, all),
                Op::Swap(Client, 0),
                Op::Drive(all),
            ],
        ),
        (
            "record-doubled",
            Setup(0),
            vec![
                Op::Drive(all),
                Op::Send(Client, Amount(9)),
                Op::Transmit(Client, all),
                Op::Double(Server, 0),
                Op::Drive(all),
            ],
        ),
        (
            "record-lost",
            Setup(0),
            vec![
                Op::Drive(all),
                Op::Send(Client, Amount(9)),
                Op::Transmit(Client, all),
                Op::Drop(Server, 0),
                Op::Close(Client),
                Op::Drive(all),
            ],
        ),
        (
            "bytes-lost",
            Setup(0),
            vec![
                Op::Drive(all),
                Op::Send(Client, Amount(9)),
                Op::Transmit(Client, all),
                Op::Cut(Server, 4, Amount(3)),
                Op::Drive(all),
            ],
        ),
        (
            "alert-in-clear",
            Setup(0),
            vec![
                Op::Transmit(Client, all),
                Op::Deliver(Server, all),
                Op::Insert(Client, 0, vec![21, 3, 3, 0, 2, 2, 40]),
                Op::Drive(all),
            ],
        ),
        (
            "close-in-clear",
            Setup(0),
            vec![
                Op::Transmit(Client, all),
                Op::Deliver(Server, all),
                Op::Insert(Client, 0, vec![21, 3, 3, 0, 2, 1, 0]),
                Op::Drive(all),
            ],
        ),
        (
            "header-changed",
            Setup(0),
            vec![
                Op::Drive(all),
                Op::Send(Client, Amount(9)),
                Op::Transmit(Client, all),
                Op::Header(Server, 0, 1, 0x4000),
                Op::Drive(all),
            ],
        ),
    ]
}
