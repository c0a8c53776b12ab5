//! Everybody on a system without `openat2`: three walks that share no code, and what ours does when the call fails.
#![cfg(target_os = "linux")]

use ravelin_peers::difference::Difference::{self, *};
use ravelin_peers::{filter, suite};

/// Half of what occurred when this was written, rounded.
const LAYOUTS: [(Difference, usize); 19] = [
    (EmptyPath, 450),
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
    (ManyLinks, 45),
    (DirectoryAsFile, 500),
    (SlashBehindFile, 2_000),
    (SpecialFile, 60),
    (HardLink, 8),
    (NameTaken, 600),
    (AbsoluteBelowRoot, 4_000),
    (SlashBehindDirectory, 15),
];

const STRINGS: [(Difference, usize); 9] = [
    (EmptyPath, 6),
    (ParentInPath, 100),
    (DotInPath, 2_500),
    (EmptyName, 2_000),
    (AbsolutePath, 6_000),
    (UnportableName, 25_000),
    (TooDeep, 5),
    (DirectoryAsFile, 1_000),
    (AbsoluteBelowRoot, 7_000),
];

/// One string of so many is asked for: to walk and to check each step takes pathrs a hundred calls.
const STEP: usize = 5;

/// One test, alone in its process: the peers remember for the whole process that the call is missing.
#[test]
fn layouts_and_strings() {
    if let Err(reason) = filter::take_openat2() {
        let required = std::env::var_os("RAVELIN_REQUIRE_ALL").is_some();
        assert!(!required, "openat2 cannot be taken away: {reason}");
        println!("skipped: openat2 cannot be taken away: {reason}");
        return;
    }
    assert!(!filter::has_openat2(), "it was taken away");
    suite::compare_layouts().judge(14_000, &LAYOUTS);
    suite::compare_strings(STEP).judge(60_000, &STRINGS);
}
