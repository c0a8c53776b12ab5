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

use std::cmp::Reverse;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use ravelin_core::path::open::{Forbidden, Ground, Opening, Temporary};
use ravelin_core::path::{Capabilities, Dialect, Facts, Links, Operation, Rules};

use machine::Running;
use plain::Plain;
use search::Search;
use world::{A, Attacker, B, C, Move, NONE, OUTSIDE, Place, ROOT, Reach, Rights, World};

#[path = "path_model/machine.rs"]
mod machine;
#[path = "path_model/plain.rs"]
mod plain;
#[path = "path_model/search.rs"]
mod search;
#[path = "path_model/system.rs"]
mod system;
#[path = "path_model/world.rs"]
mod world;

/// Moves of the attacker in one run.
const MOVES: u8 = 3;

#[test]
fn no_interleaving_escapes() {
    let started = std::time::Instant::now();
    let mut cases = sound_cases();
    // The longest first, so that no thread ends long after the others.
    cases.sort_by_key(|case| Reverse(case.scene.places().len()));
    let next = AtomicUsize::new(0);
    let total = Mutex::new((Tally::default(), 0));
    let work = || {
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            let mut search = case.search(Reach::Inside);
            let undisturbed = search.run(0);
            assert_eq!(
                undisturbed.grants, 1,
                "without an attacker it is done: {case:?}"
            );
            let tally = search.run(MOVES);
            assert!(
                tally.needs.is_empty(),
                "{case:?}: {:?}",
                search.example(MOVES)
            );
            let mut total = total.lock().expect("no other thread has panicked");
            total.0 += tally;
            total.1 += search.situations();
        }
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    let (total, situations) = total.into_inner().expect("no thread has panicked");
    println!(
        "{} cases: {} interleavings ({situations} distinct situations), {} ended in a grant, {:?}",
        cases.len(),
        total.runs,
        total.grants,
        started.elapsed()
    );
    assert!(
        total.runs > 600_000_000,
        "only {} interleavings",
        total.runs
    );
    assert!(total.grants > 100_000_000, "only {} grants", total.grants);
}

/// The checker finds what is wrong: each of these has been a bug of a real program.
#[test]
fn broken_machines_are_caught() {
    for case in broken_cases() {
        let mut search = case.search(Reach::Inside);
        let caught = (0..=MOVES).find_map(|moves| search.example(moves));
        println!("{:?}: {caught:?}", case.machine);
        assert!(caught.is_some(), "{case:?}");
    }
}

/// What no system prevents, and the documentation of the machine says: a directory that is pinned and moved out is
/// still used.
#[test]
fn what_is_put_into_a_directory_that_has_left_is_the_known_limit() {
    let case = Case::new(READ, Links::Deny, false, Machine::Sound);
    let example = case.search(Reach::Everywhere).example(MOVES);
    let example = example.expect("one is found");
    assert!(
        example.iter().any(|step| matches!(step, Move::Rename(..))),
        "{example:?}"
    );
}

/// As many runs and grants, and the same that is wrong, whether each interleaving is run by itself or not.
#[test]
fn the_reductions_lose_nothing() {
    let mut compared = 0;
    let mut compare = |case: &Case, reach, moves| {
        let plain = Plain {
            case,
            attacker: case.attacker(reach),
        };
        let plain = plain.run(&case.opening(), moves);
        assert_eq!(case.search(reach).run(moves), plain, "{case:?}");
        compared += plain.runs;
    };
    for case in sound_cases() {
        compare(&case, Reach::Inside, 1);
    }
    for case in broken_cases() {
        compare(&case, Reach::Inside, 2);
    }
    for links in [Links::Deny, Links::InRoot] {
        for one_shot in [true, false] {
            let case = Case::new(READ, links, one_shot, Machine::Sound);
            compare(&case, Reach::Inside, 2);
            compare(&case, Reach::Everywhere, 2);
        }
    }
    println!("{compared} interleavings, each by itself");
}

/// What a search has found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Tally {
    /// How many interleavings there are.
    runs: u64,
    /// How many of them end in a grant.
    grants: u64,
    /// The rights that were used in any of them and that there were at no moment before.
    needs: Rights,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.runs += other.runs;
        self.grants += other.grants;
        self.needs |= other.needs;
    }
}

fn sound_cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for links in [Links::Deny, Links::InRoot] {
        for scene in scenes(links) {
            let case = |one_shot| Case::new(scene, links, one_shot, Machine::Sound);
            cases.extend([true, false].map(case));
        }
    }
    cases
}

fn broken_cases() -> Vec<Case> {
    let walk = |machine, path, operation, layout| {
        let scene = Scene {
            path,
            operation,
            layout,
        };
        Case::new(scene, Links::Deny, false, machine)
    };
    let forbidden = |machine| walk(machine, "a/f", Operation::Read, Layout::Forbidden);
    let plain = |machine, operation| walk(machine, "a/f", operation, Layout::Plain);
    vec![
        forbidden(Machine::TrustsItsName),
        forbidden(Machine::JudgesTheName),
        forbidden(Machine::FollowsTheLastName),
        forbidden(Machine::NeverCompares),
        plain(Machine::SeesNoMounts, Operation::Read),
        plain(Machine::CountsNoNames, Operation::Append),
        plain(Machine::NeverLooksAgain, Operation::Replace),
        Case::new(READ, Links::Deny, true, Machine::ResolvesFreely),
    ]
}

/// Every operation, and one path of four names.
fn scenes(links: Links) -> Vec<Scene> {
    let mut scenes = vec![READ];
    let more = [
        ("a/b/f", Operation::Read, Layout::Deep),
        ("a/b/a/f", Operation::Read, Layout::Deeper),
        ("a/f", Operation::Read, Layout::Forbidden),
        ("a/f", Operation::Append, Layout::Plain),
        ("a/", Operation::List, Layout::Plain),
        ("a/f", Operation::Stat, Layout::Plain),
        ("a/t", Operation::Create, Layout::Plain),
        ("a/f", Operation::Replace, Layout::Plain),
        ("a/f", Operation::Rename, Layout::Plain),
        ("a", Operation::Rename, Layout::Plain),
        ("a/f", Operation::Remove, Layout::Forbidden),
        ("a/t", Operation::MakeDirectory, Layout::Plain),
    ];
    let linked = [
        ("a/f", Operation::Read, Layout::LinkedDirectory),
        ("a/f", Operation::Append, Layout::LinkedFile),
        ("a/", Operation::List, Layout::LinkedDirectory),
        ("a/f", Operation::Stat, Layout::LinkedFile),
        ("a/t", Operation::Create, Layout::LinkedDirectory),
        ("a/f", Operation::Replace, Layout::LinkedDirectory),
        ("a/f", Operation::Rename, Layout::LinkedDirectory),
        ("a/f", Operation::Remove, Layout::LinkedDirectory),
        ("a/t", Operation::MakeDirectory, Layout::LinkedDirectory),
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

/// What is asked of which machine, and how its system answers.
struct Case {
    scene: Scene,
    links: Links,
    one_shot: bool,
    machine: Machine,
    rules: Rules,
    root: Facts,
    forbidden: Vec<Forbidden>,
}

impl Case {
    fn new(scene: Scene, links: Links, one_shot: bool, machine: Machine) -> Self {
        let rules = Rules::builder()
            .dialect(Dialect::Posix)
            .links(links)
            .max_file_size(10)
            .build()
            .expect("they can work");
        let world = World::new(scene.layout);
        let compares = world.forbidden != NONE && machine != Machine::NeverCompares;
        let forbidden = compares.then(|| Forbidden {
            identity: world.facts(world.forbidden).identity,
            directory: true,
        });
        Self {
            scene,
            links,
            one_shot,
            machine,
            rules,
            root: world.facts(ROOT),
            forbidden: forbidden.into_iter().collect(),
        }
    }

    fn search(&self, reach: Reach) -> Search<'_> {
        Search::new(self, self.attacker(reach), self.opening())
    }

    fn opening(&self) -> Running<'_> {
        let capabilities = Capabilities {
            one_shot: self.one_shot,
            cached: false,
            case_exact: true,
        };
        let ground = Ground::new(&self.root, &self.forbidden, capabilities);
        let ground = ground.expect("a plain directory");
        let Scene {
            path, operation, ..
        } = self.scene;
        let judge = |path: &'static str| {
            let judged = self.rules.judge(path.as_bytes(), operation);
            judged.expect("it breaks no rule")
        };
        let (rules, path) = (&self.rules, judge(path));
        Running::Opening(match operation {
            Operation::Replace => Opening::replace(rules, ground, path, Temporary::new(0), [0; 48]),
            Operation::Rename => Opening::rename(rules, ground, path, judge("b/t"), [0; 48]),
            _ => Opening::new(rules, ground, path, [0; 48]),
        })
    }

    fn attacker(&self, reach: Reach) -> Attacker {
        Attacker {
            places: self.scene.places(),
            // Where no link is followed, one is as good as another; absolute ones are only followed by mistake.
            targets: match (self.machine, self.links) {
                (Machine::Sound, Links::Deny) => 1,
                (Machine::Sound, _) => 3,
                _ => 4,
            },
            reach,
        }
    }
}

/// What is asked for, and where.
#[derive(Clone, Copy, Debug)]
struct Scene {
    path: &'static str,
    operation: Operation,
    layout: Layout,
}

impl Scene {
    fn places(self) -> Vec<Place> {
        let mut places = vec![(ROOT, 0), (ROOT, 1), (A, 2), (B, 2), (OUTSIDE, 0)];
        match self.layout {
            Layout::Deep => places.push((A, 1)),
            Layout::Deeper => places.extend([(A, 1), (B, 0), (C, 2)]),
            _ => {}
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
    /// `/a/b/a/f`.
    Deeper,
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
    /// An adapter that says of everything that it is on the mount of the root.
    SeesNoMounts,
    /// Takes it that a file which is appended to has one name.
    CountsNoNames,
    /// Takes it that what has the name after a replacement is the new file.
    NeverLooksAgain,
    /// An adapter whose one call is `openat` and not `openat2`.
    ResolvesFreely,
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            scene,
            links,
            one_shot,
            machine,
            ..
        } = self;
        let way = if *one_shot { "one shot" } else { "walk" };
        write!(f, "{machine:?} machine, {scene:?}, {links:?}, {way}")
    }
}
