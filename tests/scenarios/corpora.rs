//! Every committed input of the fuzz targets, played without a fuzzer, and what the corpora reach as a whole.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ravelin_tests::fuzzing::{self, Mark, Reached};

/// The bounds of all corpora together: they are in the repository for good.
const MOST_FILES: usize = 290;
const MOST_BYTES: u64 = 300 * 1024;

#[test]
fn pair_reaches_every_state_of_a_connection() {
    replay(
        "pair",
        fuzzing::pair,
        &[
            Mark::Established,
            Mark::Resumed,
            Mark::ClientVerified,
            Mark::Plaintext,
            Mark::KeysUpdated,
            Mark::KeysFollowed,
            Mark::Ticket,
            Mark::CloseNotify,
            Mark::Closed,
            Mark::Alert,
            Mark::Failure,
            Mark::Timeout,
            Mark::Truncated,
            Mark::CertificateRefused,
            Mark::TooLong,
        ],
    );
}

#[test]
fn records_client_reaches_behind_the_encryption() {
    replay("records_client", fuzzing::records_client, BEHIND);
}

#[test]
fn records_server_reaches_behind_the_encryption() {
    replay("records_server", fuzzing::records_server, BEHIND);
}

#[test]
fn lines_reaches_every_refusal() {
    replay(
        "lines",
        fuzzing::lines,
        &[
            Mark::Parsed,
            Mark::Spanning,
            Mark::TooLong,
            Mark::Refused,
            Mark::Truncated,
        ],
    );
}

#[test]
fn certificate_reaches_names_and_refusals() {
    replay(
        "certificate",
        fuzzing::certificate,
        &[Mark::Parsed, Mark::Name, Mark::Refused],
    );
}

#[test]
fn dpop_verify_reaches_every_kind_of_verdict() {
    replay(
        "dpop_verify",
        fuzzing::dpop_verify,
        &[
            Mark::Accepted,
            Mark::SignatureRefused,
            Mark::NonceDemanded,
            Mark::Refused,
        ],
    );
}

#[test]
fn json_reaches_every_way_to_read() {
    replay(
        "json",
        fuzzing::json,
        &[Mark::Parsed, Mark::TooLong, Mark::Refused, Mark::Stricter],
    );
}

#[test]
fn uri_reaches_equal_spellings_and_refusals() {
    replay(
        "uri",
        fuzzing::uri,
        &[Mark::Parsed, Mark::Equal, Mark::Refused, Mark::Stricter],
    );
}

#[test]
fn path_rules_reaches_stricter_rules_and_uris() {
    replay(
        "path_rules",
        fuzzing::path_rules,
        &[Mark::Accepted, Mark::Refused, Mark::Stricter, Mark::Equal],
    );
}

#[test]
fn path_open_reaches_every_way() {
    replay(
        "path_open",
        fuzzing::path_open,
        &[
            Mark::Accepted,
            Mark::Refused,
            Mark::OneShot,
            Mark::Walked,
            Mark::LinkFollowed,
            Mark::Changed,
            Mark::Replaced,
            Mark::Bound,
            Mark::OutOfOrder,
        ],
    );
}

#[test]
fn file_uri_reaches_both_directions() {
    replay(
        "file_uri",
        fuzzing::file_uri,
        &[
            Mark::Parsed,
            Mark::Written,
            Mark::Equal,
            Mark::Refused,
            Mark::Stricter,
        ],
    );
}

/// Once found by fuzzing: with its debug assertions on, rustls panics there (fuzz/README.md, `-O`).
#[test]
fn damage_after_close_notify_is_refused() {
    let name = |path: &Path| path.ends_with("damage-after-close");
    let targets = [
        ("records_client", fuzzing::records_client as fn(&[u8]) -> _),
        ("records_server", fuzzing::records_server),
    ];
    for (target, play) in targets {
        let (_, input) = inputs(target)
            .into_iter()
            .find(|(path, _)| name(path))
            .unwrap();
        assert!(play(&input).contains(&Mark::Failure), "{target}");
    }
}

#[test]
fn corpora_stay_small() {
    let (mut files, mut bytes) = (0, 0);
    for target in fs::read_dir(corpora()).unwrap() {
        for file in fs::read_dir(target.unwrap().path()).unwrap() {
            files += 1;
            bytes += file.unwrap().metadata().unwrap().len();
        }
    }
    assert!(files <= MOST_FILES, "{files} files");
    assert!(bytes <= MOST_BYTES, "{bytes} bytes");
}

#[test]
fn an_input_plays_the_same_way_again() {
    for (path, input) in inputs("pair") {
        assert_eq!(fuzzing::pair(&input), fuzzing::pair(&input), "{path:?}");
    }
}

/// What both targets that are about records must reach.
const BEHIND: &[Mark] = &[
    Mark::Established,
    Mark::Resumed,
    Mark::Plaintext,
    Mark::KeysUpdated,
    Mark::KeysFollowed,
    Mark::Ticket,
    Mark::CloseNotify,
    Mark::Alert,
    Mark::Failure,
    Mark::Timeout,
    Mark::Truncated,
];

/// Plays the corpus of `target`, prints how often each mark was reached, and fails when one of `demanded` never was.
fn replay(target: &str, play: fn(&[u8]) -> Reached, demanded: &[Mark]) {
    let mut counts = BTreeMap::new();
    let mut files = 0;
    for (path, input) in inputs(target) {
        files += 1;
        println!("{}", path.display());
        for mark in play(&input) {
            *counts.entry(mark).or_insert(0) += 1;
        }
    }
    println!("{target}: {files} inputs reach {counts:?}");
    let missing: Vec<_> = demanded
        .iter()
        .filter(|mark| !counts.contains_key(mark))
        .collect();
    assert!(
        missing.is_empty(),
        "no input of {target} reaches {missing:?}"
    );
}

fn inputs(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let mut inputs: Vec<_> = fs::read_dir(corpora().join(target))
        .unwrap()
        .map(|file| file.unwrap().path())
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect();
    inputs.sort();
    inputs
}

fn corpora() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus")
}
