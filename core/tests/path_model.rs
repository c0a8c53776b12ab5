//! Every race that a small file system has room for.
//!
//! The open machine runs over a model file system. Before each thing that it does, and between an open and the look at
//! what was opened, up to three moves of an attacker are put, in every way. However it goes: what is given out was
//! below the root and allowed at some moment since the start, and names are only changed in directories that were.
//!
//! The attacker may rename, exchange, replace by links, FIFOs, new files and mounts, hard-link, grow and truncate what
//! lies in the tree, and move it out. The two secrets, one outside of the root and one in a forbidden directory, are
//! not the attacker's: they stay where they are, or the attacker would not need the machine (but a hard link to the
//! outer one may be made). Resolution by the system in one call is one step.
#![allow(
    clippy::expect_used,
    clippy::disallowed_methods,
    clippy::wildcard_enum_match_arm,
    reason = "a test: it may panic and look at the clock, and what it has not heard of is nothing to it"
)]

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use ravelin_core::path::{Links, Operation};

use search::{Search, Tally};
use world::{A, B, Move, OUTSIDE, Place, ROOT};

#[path = "path_model/search.rs"]
mod search;
#[path = "path_model/world.rs"]
mod world;

/// Moves of the attacker in one run.
const MOVES: u8 = 3;

#[test]
fn no_interleaving_escapes() {
    let started = std::time::Instant::now();
    let mut cases = Vec::new();
    for links in [Links::Deny, Links::InRoot] {
        for scene in scenes(links) {
            cases.extend([true, false].map(|one_shot| (scene, links, one_shot)));
        }
    }
    let next = AtomicUsize::new(0);
    let total = Mutex::new(Tally::default());
    let work = || {
        while let Some((scene, links, one_shot)) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            let tally = Search::of(*scene, *links, *one_shot, Machine::Sound).run(false);
            assert!(
                tally.undisturbed,
                "without an attacker it is done: {scene:?}"
            );
            assert_eq!(
                tally.escapes, 0,
                "{scene:?}, {links:?}: {:?}",
                tally.example
            );
            *total.lock().expect("no other thread has panicked") += tally;
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let total = total.into_inner().expect("no thread has panicked");
    println!(
        "{} cases: {} interleavings ({} distinct states), {} ended in a grant, {:?}",
        cases.len(),
        total.runs,
        total.states,
        total.grants,
        started.elapsed()
    );
    assert!(total.runs > 50_000_000, "only {} interleavings", total.runs);
    assert!(total.grants > 10_000_000, "only {} grants", total.grants);
}

/// The checker finds what is wrong: each of these has been a bug of a real program.
#[test]
fn broken_machines_are_caught() {
    let broken = [
        Machine::TrustsItsName,
        Machine::JudgesTheName,
        Machine::FollowsTheLastName,
        Machine::NeverCompares,
    ];
    for machine in broken {
        let scene = Scene {
            layout: Layout::Forbidden,
            ..READ
        };
        let tally = Search::of(scene, Links::Deny, false, machine).run(false);
        println!(
            "{machine:?}: {} of {} runs escape",
            tally.escapes, tally.runs
        );
        assert!(tally.escapes > 0, "{machine:?}");
    }
}

/// What no system prevents, and the documentation of the machine says: a directory that is pinned and moved out is
/// still used.
#[test]
fn what_is_put_into_a_directory_that_has_left_is_the_known_limit() {
    let tally = Search::of(READ, Links::Deny, false, Machine::Sound).run(true);
    let example = tally.example.expect("one is found");
    assert!(
        example.iter().any(|step| matches!(step, Move::Rename(..))),
        "{example:?}"
    );
}

fn scenes(links: Links) -> Vec<Scene> {
    let mut scenes = vec![READ];
    let more = [
        ("a/b/f", Operation::Read, Layout::Deep),
        ("a/f", Operation::Read, Layout::Forbidden),
        ("a/f", Operation::Append, Layout::Plain),
        ("a/", Operation::List, Layout::Plain),
        ("a/f", Operation::Stat, Layout::Plain),
        ("a/t", Operation::Create, Layout::Plain),
        ("a/f", Operation::Replace, Layout::Plain),
        ("a/f", Operation::Rename, Layout::Plain),
        ("a/f", Operation::Remove, Layout::Forbidden),
        ("a/t", Operation::MakeDirectory, Layout::Plain),
    ];
    let linked = [
        ("a/f", Operation::Read, Layout::LinkedDirectory),
        ("a/f", Operation::Append, Layout::LinkedFile),
        ("a/f", Operation::Remove, Layout::LinkedDirectory),
    ];
    let linked = if links == Links::Deny {
        &[][..]
    } else {
        &linked
    };
    for &(path, operation, layout) in more.iter().chain(linked) {
        scenes.push(Scene {
            path,
            operation,
            layout,
        });
    }
    scenes
}

const READ: Scene = Scene {
    path: "a/f",
    operation: Operation::Read,
    layout: Layout::Plain,
};

/// What is asked for, and where.
#[derive(Clone, Copy, Debug)]
struct Scene {
    path: &'static str,
    operation: Operation,
    layout: Layout,
}

impl Scene {
    /// Three moves, and two in the longest runs: where links are followed, and much is done. With `RAVELIN_MODEL=full`
    /// in the environment there are three everywhere, which takes some minutes.
    fn moves(self, links: Links) -> u8 {
        let full = std::env::var_os("RAVELIN_MODEL").is_some_and(|value| value == "full");
        let long = matches!(self.operation, Operation::Replace | Operation::Rename)
            || self.layout == Layout::LinkedFile;
        if links != Links::Deny && long && !full {
            MOVES - 1
        } else {
            MOVES
        }
    }

    fn places(self) -> Vec<Place> {
        let mut places = vec![(ROOT, 0), (ROOT, 1), (A, 2), (B, 2), (OUTSIDE, 0)];
        if self.layout == Layout::Deep {
            places.push((A, 1));
        }
        match self.operation {
            Operation::Create | Operation::Replace | Operation::MakeDirectory => {
                places.push((A, 3));
            }
            Operation::Rename => places.push((B, 3)),
            _ => {}
        }
        places
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// `/a/f` and `/b/f`.
    Plain,
    /// `/a/b/f`.
    Deep,
    /// `/a/f`, and `/b` is forbidden with its `f`.
    Forbidden,
    /// `/a` is a link to `b`.
    LinkedDirectory,
    /// `/a/f` is a link to `../b/f`.
    LinkedFile,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Machine {
    Sound,
    /// Judges what it opened, and then opens the name again.
    TrustsItsName,
    /// Opens, and looks at what has the name then.
    JudgesTheName,
    /// An adapter without `O_NOFOLLOW`, or one that passes the slash on.
    FollowsTheLastName,
    /// Forbidden directories are not opened beforehand.
    NeverCompares,
}
