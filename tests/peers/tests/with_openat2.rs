//! Everybody on a system with `openat2`.
#![cfg(target_os = "linux")]

use ravelin_peers::difference::Difference::{self, *};
use ravelin_peers::{filter, suite};

/// Half of what occurred when this was written, rounded.
const LAYOUTS: [(Difference, usize); 17] = [
    (ParentInPath, 3_000),
    (DotInPath, 10_000),
    (EmptyName, 2_500),
    (AbsolutePath, 6_000),
    (UnportableName, 450),
    (TooDeep, 30),
    (LinkDenied, 2_500),
    (LinkNamedLast, 1_800),
    (AbsoluteLink, 50),
    (LinkAboveRoot, 25),
    (DirectoryAsFile, 500),
    (SlashBehindFile, 2_000),
    (SpecialFile, 60),
    (HardLink, 8),
    (NameTaken, 600),
    (AbsoluteBelowRoot, 4_000),
    (SlashBehindDirectory, 15),
];

const STRINGS: [(Difference, usize); 9] = [
    (NulByte, 24_000),
    (ParentInPath, 600),
    (DotInPath, 14_000),
    (EmptyName, 12_000),
    (AbsolutePath, 30_000),
    (UnportableName, 135_000),
    (TooDeep, 40),
    (DirectoryAsFile, 5_000),
    (AbsoluteBelowRoot, 37_000),
];

#[test]
fn layouts() {
    if has_openat2() {
        suite::compare_layouts().judge(14_000, &LAYOUTS);
    }
}

#[test]
fn strings() {
    if has_openat2() {
        suite::compare_strings(1).judge(600_000, &STRINGS);
    }
}

/// Where it is missing `without_openat2.rs` shows all that there is to see.
fn has_openat2() -> bool {
    let has = filter::has_openat2();
    let required = std::env::var_os("RAVELIN_REQUIRE_ALL").is_some();
    assert!(has || !required, "this system has no openat2");
    if !has {
        println!("skipped: this system has no openat2");
    }
    has
}
