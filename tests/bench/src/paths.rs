//! The verdict on the text of a path, against counting its components.

use std::hint::black_box;
use std::path::Path;

use ravelin_core::path::{Denial, Operation, Rules};

use super::harness::{Contender, Run, compare, heap};

const CALLS: usize = 1_000;

/// Names of 8 bytes: 8, 44 and 134 bytes.
pub const DEPTHS: [usize; 3] = [1, 5, 15];

pub fn run(run: &mut Run) {
    let plain = Rules::builder().build().unwrap();
    let rules = rules();
    for depth in DEPTHS {
        println!("  {depth} components");
        let path = path(depth);
        let judge = |rules: &Rules| {
            for _ in 0..CALLS {
                let verdict = rules.judge(black_box(path.as_bytes()), Operation::Read);
                assert!(black_box(verdict).is_ok());
            }
        };
        let count = |_| {
            for _ in 0..CALLS {
                black_box(Path::new(black_box(&path)).components().count());
            }
        };
        let taken = heap(|| judge(&rules)).allocations;
        compare(
            run.rounds(400),
            CALLS,
            &mut [
                Contender::new("std, components().count()", count),
                Contender::new("ravelin, default rules", |_| judge(&plain)),
                Contender::new("ravelin, extensions and subtrees", |_| judge(&rules)),
            ],
        );
        run.check(taken == 0, "the verdict on a path allocates nothing");
    }
    denials(run, &rules);
}

/// What most clients of a file tool are allowed: two extensions, but for two subtrees.
pub fn rules() -> Rules {
    Rules::builder()
        .allow_extensions(["md", "txt"])
        .forbid_subtree(".git")
        .forbid_subtree("private/keys")
        .build()
        .unwrap()
}

/// So many components, the last of them a file.
pub fn path(depth: usize) -> String {
    let folders = (1..depth).map(|number| format!("folder{number:02}/"));
    folders.chain(["notes.md".to_owned()]).collect()
}

fn denials(run: &mut Run, rules: &Rules) {
    let folders = path(15);
    let folders = folders.strip_suffix("notes.md").unwrap();
    let last = format!("{folders}nul.md");
    let extension = format!("{folders}notes.pem");
    println!("  denials; the last two have 15 components");
    let deny = |path: &str, expected: Denial| {
        for _ in 0..CALLS {
            let verdict = rules.judge(black_box(path.as_bytes()), Operation::Read);
            assert_eq!(black_box(verdict), Err(expected));
        }
    };
    let count = |_| {
        for _ in 0..CALLS {
            black_box(Path::new(black_box("../notes.md")).components().count());
        }
    };
    let parent = |_| deny("../notes.md", Denial::ParentDirectory);
    let device = |_| deny(&last, Denial::Device);
    let extension = |_| deny(&extension, Denial::ExtensionNotAllowed);
    compare(
        run.rounds(400),
        CALLS,
        &mut [
            Contender::new("std, components().count() of ../x", count),
            Contender::new("ravelin, ../x", parent),
            Contender::new("ravelin, a device name at the end", device),
            Contender::new("ravelin, its extension", extension),
        ],
    );
}
