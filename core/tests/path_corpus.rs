//! Every string of the corpus, in three dialects, as a path and as a URI: refused, or contained.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the checks are functions that tests share"
)]

#[allow(
    dead_code,
    unreachable_pub,
    reason = "shared with the tests that open what is accepted"
)]
#[path = "../../tests/support/paths/grid.rs"]
mod grid;
#[allow(
    unreachable_pub,
    reason = "shared with the tests that open what is accepted"
)]
#[path = "../../tests/support/paths/oracle.rs"]
mod oracle;

use std::collections::{BTreeMap, BTreeSet};

use oracle::{Place, System};
use ravelin_core::path::{Dialect, Judged, Operation, Rules};

const POSIX_ROOT: &str = "/srv/data";
const WINDOWS_ROOT: &str = "C:\\srv\\data";

#[test]
fn the_corpus_is_large_and_the_same_on_every_run() {
    let first: Vec<Vec<u8>> = grid::strings(POSIX_ROOT).collect();
    assert!(first.len() >= 50_000, "{}", first.len());
    assert!(
        first
            .iter()
            .eq(&grid::strings(POSIX_ROOT).collect::<Vec<_>>())
    );
    assert_eq!(first.iter().collect::<BTreeSet<_>>().len(), first.len());
    println!("{} distinct strings", first.len());
}

#[test]
fn every_posix_path_is_refused_or_contained() {
    check(Dialect::Posix, POSIX_ROOT, &[System::Posix]);
}

#[test]
fn every_windows_path_is_refused_or_contained() {
    check(Dialect::Windows, WINDOWS_ROOT, &[System::Windows]);
}

/// What is portable has to be contained wherever it is opened.
#[test]
fn every_portable_path_is_refused_or_contained() {
    check(
        Dialect::Portable,
        POSIX_ROOT,
        &[System::Posix, System::Windows],
    );
}

/// Otherwise the tests above could pass because the oracle lets everything through.
#[test]
fn the_oracle_finds_what_a_lax_judge_accepts() {
    for (root, system) in [(POSIX_ROOT, System::Posix), (WINDOWS_ROOT, System::Windows)] {
        let outside = grid::strings(root)
            .filter(|text| oracle::resolve(text, root, system) == Place::Outside)
            .count();
        println!("{system:?}: {outside} strings lead outside");
        assert!(outside > 10_000, "{outside}");
    }
    // The check that TurboMCP and others make: no `..` between slashes.
    let lax = |text: &[u8]| {
        !text
            .windows(3)
            .any(|three| three == b"../" || three == b"..\\")
    };
    let missed = grid::strings(WINDOWS_ROOT)
        .filter(|text| lax(text))
        .filter(|text| oracle::resolve(text, WINDOWS_ROOT, System::Windows) == Place::Outside)
        .count();
    assert!(missed > 1_000, "{missed}");
}

fn check(dialect: Dialect, root: &str, systems: &[System]) {
    let rules = Rules::builder()
        .dialect(dialect)
        .root(root)
        .build()
        .unwrap();
    let mut paths = Counts::default();
    let mut uris = Counts::default();
    let mut buffer = vec![0; 1 << 18];
    for text in grid::strings(root) {
        match rules.judge(&text, Operation::Stat) {
            Ok(judged) => {
                paths.accepted += 1;
                assert_contained(&judged, &text, root, systems);
            }
            Err(denial) => paths.denied(denial.code()),
        }
        let uri = grid::as_uri(&text, root);
        match rules.judge_uri(&uri, Operation::Stat, &mut buffer) {
            Ok(judged) => {
                uris.accepted += 1;
                let system = systems[0];
                let path = oracle::path_of_uri(&uri, system);
                let path = path.unwrap_or_else(|| panic!("{}", uri.escape_ascii()));
                assert_contained(&judged, &path, root, &[system]);
            }
            Err(denial) => uris.denied(denial.code()),
        }
    }
    println!("{dialect:?} paths: {paths:?}\n{dialect:?} URIs: {uris:?}");
    // A judge that refuses everything would pass, too.
    assert!(paths.accepted > 1_000 && uris.accepted > 1_000);
    // And each rule of the dialect was met.
    for code in expected_codes(dialect) {
        assert!(paths.denied.contains_key(code), "{code}");
    }
    for code in [
        "E-PTH-03", "E-PTH-04", "E-PTH-36", "E-PTH-37", "E-PTH-38", "E-PTH-39",
    ] {
        assert!(
            uris.denied.contains_key(code) || code == "E-PTH-36",
            "{code}"
        );
    }
}

/// The names that were judged are those that the system goes by, and they are below the root.
fn assert_contained(judged: &Judged<'_>, text: &[u8], root: &str, systems: &[System]) {
    for system in systems {
        // On Windows a portable path means the same, but only if it is relative.
        if *system == System::Windows && root.starts_with('/') && text.starts_with(b"/") {
            continue;
        }
        let root = if *system == System::Windows {
            WINDOWS_ROOT
        } else {
            root
        };
        let Place::Inside(names) = oracle::resolve(text, root, *system) else {
            panic!("{system:?} goes outside: {}", text.escape_ascii());
        };
        let judged = judged.components().map(String::from_utf8_lossy);
        let judged: Vec<String> = match system {
            System::Posix => judged.map(String::from).collect(),
            System::Windows => judged.map(|name| name.to_lowercase()).collect(),
        };
        assert_eq!(judged, names, "{system:?}: {}", text.escape_ascii());
    }
}

#[derive(Default, Debug)]
struct Counts {
    accepted: usize,
    denied: BTreeMap<&'static str, usize>,
}

impl Counts {
    fn denied(&mut self, code: &'static str) {
        *self.denied.entry(code).or_default() += 1;
    }
}

fn expected_codes(dialect: Dialect) -> Vec<&'static str> {
    // Empty, long, NUL, UTF-8, outside, doubled separator, `.`, `..`, long name, depth.
    let mut codes = vec![
        "E-PTH-01", "E-PTH-02", "E-PTH-03", "E-PTH-04", "E-PTH-13", "E-PTH-14", "E-PTH-15",
        "E-PTH-16", "E-PTH-17", "E-PTH-28",
    ];
    if dialect != Dialect::Posix {
        codes.extend(["E-PTH-06", "E-PTH-07", "E-PTH-08", "E-PTH-10"]);
        codes.extend([
            "E-PTH-19", "E-PTH-20", "E-PTH-21", "E-PTH-22", "E-PTH-23", "E-PTH-24",
        ]);
        codes.extend(["E-PTH-25", "E-PTH-26", "E-PTH-27"]);
    }
    if dialect == Dialect::Portable {
        codes.extend(["E-PTH-09", "E-PTH-18"]);
    }
    codes
}
