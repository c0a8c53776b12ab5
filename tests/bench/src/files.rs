//! Opening and closing a file below a root, against `File::open` of its absolute path and against peers.

use std::fs::{self, File};
use std::hint::black_box;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use ravelin_core::limit::rate::{Key, Quota, Rates};
use ravelin_core::limit::{Class, Principal};
use ravelin_core::path::{Denial, Event, Links, Operation, Rules};
use ravelin_core::pki_types::UnixTime;
use ravelin_core::{Instant, Now};
use ravelin_runtime::files::Root;
use rustix::fs::{AtFlags, Mode, OFlags, ResolveFlags, StatxFlags};
use rustix::io::Errno;
use strict_path::PathBoundary;
use tempfile::TempDir;

use super::harness::{Contender, Run, compare, heap};
use super::paths::{self, DEPTHS};

const CALLS: usize = 100;
/// Of the root: `File::open` has to look these up too.
const ROOT_DEPTH: usize = 5;

pub fn run(run: &mut Run) {
    let tree = Tree::new();
    let judged = Root::open(&tree.root, paths::rules()).unwrap();
    let linked = Rules::builder().links(Links::InRoot).build().unwrap();
    let linked = Root::open(&tree.root, linked).unwrap();
    // A forbidden folder that is there has to be recognised on the way: paths are walked.
    fs::create_dir(tree.root.join(".git")).unwrap();
    let walked = Root::open(&tree.root, paths::rules()).unwrap();
    let bare = File::open(&tree.root).unwrap();
    let dir = Dir::open_ambient_dir(&tree.root, ambient_authority()).unwrap();
    let boundary = PathBoundary::<()>::try_new(&tree.root).unwrap();
    let mut known = Gate::new();
    let mut written = Gate::new();

    for depth in DEPTHS {
        let path = paths::path(depth);
        let absolute = tree.root.join(&path);
        println!("  {depth} components below a root of {ROOT_DEPTH}");
        let taken = heap(|| drop(judged.read(&path).unwrap()));
        compare(
            run.rounds(300),
            CALLS,
            &mut [
                each("std, File::open(absolute)", || {
                    drop(File::open(black_box(&absolute)).unwrap());
                }),
                each("ravelin, Root::read", || {
                    drop(judged.read(black_box(&path)).unwrap());
                }),
                each("  with its rate and event", || {
                    black_box(known.read(&judged, black_box(&path)).unwrap());
                }),
                each("  with its rate and event, written", || {
                    let event = written.read(&judged, black_box(&path)).unwrap();
                    let mut line = [0; 256];
                    let mut rest = &mut line[..];
                    writeln!(rest, "{event}").unwrap();
                    black_box(&line);
                }),
                each("  links inside of the root", || {
                    drop(linked.read(black_box(&path)).unwrap());
                }),
                each("  a forbidden folder there: walked", || {
                    drop(walked.read(black_box(&path)).unwrap());
                }),
                each("openat2 alone", || {
                    drop(open_beneath(&bare, black_box(&path)).unwrap());
                }),
                each("openat2, statx, fcntl", || {
                    let file = open_beneath(&bare, black_box(&path)).unwrap();
                    let mask = StatxFlags::BASIC_STATS | StatxFlags::MNT_ID;
                    black_box(rustix::fs::statx(&file, "", AtFlags::EMPTY_PATH, mask).unwrap());
                    rustix::fs::fcntl_setfl(&file, OFlags::empty()).unwrap();
                }),
                each("cap-std, Dir::open", || {
                    drop(dir.open(black_box(&path)).unwrap());
                }),
                each("canonicalize, starts_with, open", || {
                    drop(canonicalized(&tree.root, black_box(&path)).unwrap());
                }),
                each("strict-path, join and open", || {
                    let path = boundary.strict_join(black_box(&path)).unwrap();
                    drop(path.open_file().unwrap());
                }),
            ],
        );
        println!(
            "  allocations of Root::read: {} ({} bytes)",
            taken.allocations, taken.bytes_allocated
        );
        run.check(taken.allocations <= 1, "an open allocates at most once");
    }
    denials(run, &judged, &dir);
}

/// What is refused by its text never reaches the system.
fn denials(run: &mut Run, judged: &Root, dir: &Dir) {
    println!("  ../notes.md refused");
    compare(
        run.rounds(300),
        CALLS,
        &mut [
            each("cap-std, Dir::open", || {
                assert!(dir.open(black_box("../notes.md")).is_err());
            }),
            each("ravelin, Root::read", || {
                let denial = judged.read(black_box("../notes.md")).unwrap_err();
                assert_eq!(denial, Denial::ParentDirectory);
            }),
        ],
    );
}

/// A root with one file at each of the depths.
struct Tree {
    _folder: TempDir,
    root: PathBuf,
}

impl Tree {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut root = folder.path().canonicalize().unwrap();
        while root.components().count() <= ROOT_DEPTH {
            root.push("root");
        }
        for depth in DEPTHS {
            let file = root.join(paths::path(depth));
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "rain").unwrap();
        }
        Self {
            _folder: folder,
            root,
        }
    }
}

/// What comes with an open in a server: whether it comes too often, and its event for the audit trail.
struct Gate {
    rates: Rates,
    key: Key,
    now: Now,
}

impl Gate {
    fn new() -> Self {
        let quota = Quota::new(1_000_000_000, Duration::from_secs(1), u32::MAX).unwrap();
        let rates = Rates::new([7; 16], 4096, &[quota.into()]).unwrap();
        let unix = UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000));
        Self {
            key: rates.key(&Principal::name("alice")),
            rates,
            now: Now::new(Instant::from_micros(1_000_000), unix),
        }
    }

    fn read<'p>(&mut self, root: &Root, path: &'p str) -> Result<Event<'p>, Denial> {
        let limited = self.rates.check_key(self.key, Class(0), 1, self.now);
        assert!(limited.is_allowed());
        let file = root.read(path)?;
        let outcome = Ok(*file.facts());
        Ok(Event::new(Operation::Read, path.as_bytes(), outcome))
    }
}

fn open_beneath(root: &File, path: &str) -> Result<rustix::fd::OwnedFd, Errno> {
    let resolve = ResolveFlags::BENEATH
        | ResolveFlags::NO_MAGICLINKS
        | ResolveFlags::NO_SYMLINKS
        | ResolveFlags::NO_XDEV;
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    rustix::fs::openat2(root, path, flags, Mode::empty(), resolve)
}

/// What servers are often seen to do. It loses the race.
fn canonicalized(root: &Path, path: &str) -> std::io::Result<File> {
    let path = root.join(path).canonicalize()?;
    if !path.starts_with(root) {
        return Err(std::io::ErrorKind::PermissionDenied.into());
    }
    File::open(path)
}

fn each<'a>(name: &'a str, mut call: impl FnMut() + 'a) -> Contender<'a> {
    Contender::new(name, move |_| {
        for _ in 0..CALLS {
            call();
        }
    })
}
