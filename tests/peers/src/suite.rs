//! All cases, for a system with `openat2` and for one without.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use ravelin_runtime::core::path::Denial;

use crate::compare::{Case, Outcome, Tally};
use crate::contender::{Answer, Name, Operation, Ours, Peer};
use crate::layout::{Layout, layouts};
use crate::scene::{Node, ROOT, Scene, Snapshot};
use crate::trace;

#[allow(dead_code, reason = "shared with tests that need more of it")]
#[path = "../../support/paths/grid.rs"]
mod grid;

/// Every operation on every path of every layout.
pub fn compare_layouts() -> Tally {
    let scene = Scene::new();
    let root = scene.root();
    let name = root.to_str().expect("names here are UTF-8");
    let contenders = Contenders::new(&root);
    let mut tally = Tally::default();
    for layout in layouts() {
        scene.lay(&layout);
        let stage = Stage {
            scene: &scene,
            layout: &layout,
            before: scene.snapshot(),
        };
        let inside = scene.inside();
        let paths = layout.paths(name);
        // What is opened is compared by identity, and a tree that was mended has others: so that comes first.
        for operation in Operation::ALL {
            for path in &paths {
                let trace = trace::trace(&root, path.as_bytes(), operation.opens());
                let case = Case {
                    layout: layout.name,
                    operation,
                    path: path.as_bytes(),
                    trace: &trace,
                    inside: &inside,
                };
                contenders.compare(case, Some(&stage), &mut tally);
            }
        }
    }
    tally
}

/// Every string of the corpus, or one of `step`, opened for reading. Wherever one names a place below the root, a file is
/// put there first.
pub fn compare_strings(step: usize) -> Tally {
    let scene = Scene::new();
    let root = scene.root();
    let name = root.to_str().expect("names here are UTF-8");
    let planted = plant(&root, grid::strings(name));
    println!("{} strings, {planted} files", grid::strings(name).len());
    let contenders = Contenders::new(&root);
    let inside = scene.inside();
    let mut tally = Tally::default();
    for path in grid::strings(name).step_by(step) {
        let trace = trace::trace(&root, &path, true);
        let case = Case {
            layout: "strings",
            operation: Operation::Read,
            path: &path,
            trace: &trace,
            inside: &inside,
        };
        contenders.compare(case, None, &mut tally);
    }
    tally
}

/// Puts a file wherever a string leads that has no `..`, if there is none and nothing else in its way. Says how many.
fn plant(root: &Path, strings: impl Iterator<Item = Vec<u8>>) -> usize {
    let inside = grid::INSIDE.map(|path| path.as_bytes().to_vec());
    let mut planted = 0;
    for path in inside.into_iter().chain(strings) {
        let names = path.split(|byte| *byte == b'/');
        let leads_elsewhere = path.starts_with(b"/") || names.clone().any(|name| name == b"..");
        if leads_elsewhere || path.ends_with(b"/") || path.contains(&0) {
            continue;
        }
        let place = root.join(OsStr::from_bytes(&path));
        let parent = place.parent().unwrap_or(root);
        // Some names are too long, and some lead through what is a file.
        if fs::create_dir_all(parent).is_ok() && fs::File::create_new(&place).is_ok() {
            planted += 1;
        }
    }
    planted
}

/// Everybody, on one root.
struct Contenders {
    ours: Vec<Ours>,
    peers: [Peer; 2],
}

impl Contenders {
    fn new(root: &Path) -> Self {
        Self {
            ours: Ours::all(root),
            peers: Peer::all(root),
        }
    }

    /// Asks everybody the same. Where there is a stage, everybody finds it as it was.
    fn compare(&self, case: Case<'_>, stage: Option<&Stage<'_>>, tally: &mut Tally) {
        let mut peers: Vec<(Name, Outcome<String>)> = Vec::new();
        for peer in &self.peers {
            let answer = peer.carry_out(case.operation, case.path);
            peers.push((peer.name(), outcome(answer, case, stage, tally)));
        }
        let mut with_openat2: Option<Outcome<Denial>> = None;
        for ours in &self.ours {
            let answer = ours.carry_out(case.operation, case.path);
            let outcome = outcome(answer, case, stage, tally);
            tally.compare(case, ours.mode, &outcome, &peers);
            if ours.one_shot {
                with_openat2 = Some(outcome);
            } else if let Some(one) = &with_openat2 {
                tally.compare_ways(case, ours.mode, one, &outcome);
            }
        }
        let refused = stage.filter(|_| !case.operation.opens());
        if refused.is_some_and(|stage| stage.before != stage.scene.snapshot()) {
            tally.fault(case, None, "what was refused changed the tree");
        }
    }
}

/// A layout that is laid again where it was changed.
struct Stage<'s> {
    scene: &'s Scene,
    layout: &'s Layout,
    before: Snapshot,
}

fn outcome<E>(
    answer: Answer<E>,
    case: Case<'_>,
    stage: Option<&Stage<'_>>,
    tally: &mut Tally,
) -> Outcome<E> {
    let changes = answer.is_ok() && !case.operation.opens();
    let after = stage.filter(|_| changes).map(|stage| {
        let after = stage.scene.snapshot();
        stage.scene.mend(stage.layout, &stage.before, &after);
        if outside(&after).ne(outside(&stage.before)) {
            tally.fault(case, None, "what lies outside was changed");
        }
        after
    });
    Outcome { answer, after }
}

fn outside(all: &Snapshot) -> impl Iterator<Item = (&PathBuf, &Node)> {
    all.iter().filter(|(path, _)| !path.starts_with(ROOT))
}
