//! The inputs that a fuzzer starts from, written by hand as schedules: each reaches what its name says.
//!
//! `cargo run --manifest-path fuzz/Cargo.toml --example seeds` writes them into the committed corpora, beside what was
//! found since.

mod files;
mod interferences;
mod schedules;
mod texts;

use super::{Amount, Op, Setup, raw};
use crate::pair::Side::{self, Client, Server};
use files::{file_uris, openings, paths};
use interferences::{interferences, strangers};
use schedules::schedules;
use texts::{documents, streams, texts, uris};

/// One input.
pub struct Seed {
    /// The fuzz target that it is for.
    pub target: &'static str,
    /// What it reaches, as a file name.
    pub name: String,
    /// The input.
    pub bytes: Vec<u8>,
}

/// The seeds of every target.
pub fn seeds() -> Vec<Seed> {
    let mut seeds = Vec::new();
    let mut add = |target, name: String, bytes| {
        seeds.push(Seed {
            target,
            name,
            bytes,
        });
    };
    for (name, setup) in setups() {
        add("pair", format!("talk-{name}"), schedule(setup, &talk()));
        for (target, subject) in RECORDS {
            let clear = setup.and(Setup::CLEAR);
            add(target, format!("clear-{name}"), transcript(clear, subject));
            // The committed corpora are small: these differ less than the clear ones.
            if setup.has(Setup::RESUMED) || setup.has(Setup::RETRY) || setup.has(Setup::TIGHT) {
                add(target, format!("talk-{name}"), schedule(clear, &talk()));
                add(target, format!("sealed-{name}"), transcript(setup, subject));
            }
        }
    }
    for (name, setup, ops) in schedules() {
        add("pair", name.into(), schedule(setup, &ops));
    }
    for (target, subject) in RECORDS {
        for (name, setup, ops) in interferences(subject) {
            add(target, name.into(), schedule(setup, &ops));
        }
    }
    for (target, _) in RECORDS {
        for (name, habits, sent) in strangers() {
            let bytes = raw::encode(Setup(0), habits, 1, sent);
            add(target, format!("stranger-{name}"), bytes);
        }
    }
    for (name, stream) in streams() {
        add("lines", name.into(), stream);
    }
    for (name, text) in texts() {
        add("certificate", name.into(), text);
    }
    for (name, text) in documents() {
        add("json", name.into(), text.into());
    }
    for (name, text) in uris() {
        add("uri", name.into(), text.into());
    }
    for (name, path) in paths() {
        add("path_rules", name.into(), path);
    }
    for (name, opening) in openings() {
        add("path_open", name.into(), opening);
    }
    for (name, text) in file_uris() {
        add("file_uri", name.into(), text.into());
    }
    seeds
}

const RECORDS: [(&str, Side); 2] = [("records_client", Client), ("records_server", Server)];

fn setups() -> Vec<(&'static str, Setup)> {
    vec![
        ("plain", Setup(0)),
        ("mutual", Setup::MUTUAL.and(Setup::PINNED)),
        ("optional", Setup::OPTIONAL.and(Setup::TRUNCATION)),
        ("resumed", Setup::RESUMED.and(Setup::ALPN)),
        (
            "resumed-mutual",
            Setup::RESUMED.and(Setup::MUTUAL).and(Setup::CACHE),
        ),
        ("retry", Setup::RETRY.and(Setup::IDLE)),
        (
            "tight",
            Setup::TIGHT.and(Setup::MUTUAL).and(Setup::LAZY_CLIENT),
        ),
        (
            "lazy",
            Setup::CACHE.and(Setup::LAZY_CLIENT).and(Setup::LAZY_SERVER),
        ),
    ]
}

fn schedule(setup: Setup, ops: &[Op]) -> Vec<u8> {
    let mut bytes = setup.0.to_be_bytes().to_vec();
    ops.iter().for_each(|op| op.encode(&mut bytes));
    bytes
}

/// What the peer of `subject` sends in a conversation that [`talk`]s, as a raw input.
fn transcript(setup: Setup, subject: Side) -> Vec<u8> {
    let peer = subject.other();
    let mut pair = setup.pair();
    (pair.client.reading, pair.server.reading) = (true, true);
    pair.drive();
    pair.send(peer, b"before");
    let now = pair.now;
    let updated = pair.end(peer).connection.update_keys(now);
    assert_eq!(updated, Ok(()), "established");
    pair.send(peer, b"behind");
    pair.drive();
    pair.close(peer);
    pair.drive();
    let habits = raw::SENDS | raw::UPDATES_KEYS;
    raw::encode(setup, habits, 0, &pair.end(peer).transcript)
}

/// Data, new keys and half close in both directions.
fn talk() -> Vec<Op> {
    vec![
        Op::Drive(Amount::ALL),
        Op::Send(Client, Amount(40)),
        Op::UpdateKeys(Client),
        Op::Send(Client, Amount(201)),
        Op::Drive(Amount::ALL),
        Op::Read(Server, Amount(17)),
        Op::Consume(Server, Amount::ALL),
        Op::UpdateKeys(Server),
        Op::Send(Server, Amount(60)),
        Op::Drive(Amount::ALL),
        Op::Read(Client, Amount(60)),
        Op::Close(Client),
        Op::Drive(Amount::ALL),
        Op::Send(Server, Amount(5)),
        Op::Close(Server),
    ]
}
