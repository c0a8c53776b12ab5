//! Races at full speed: one thread changes the tree as fast as it can, another opens.
//!
//! `RAVELIN_RACE_SECONDS` is how long each mutation is raced with `openat2`, and how long without; if it is not set one second. Nothing that lies outside
//! of the root, or is refused by the rules, may ever be seen. Each mutation is also raced against code that trusts names,
//! which has to lose: otherwise the race is none.
#![cfg(all(feature = "files", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use std::fs;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ravelin_runtime::core::path::{Denial, Dialect, Links, Rules, RulesBuilder};
use ravelin_runtime::files::{File, Root};
use rustix::fs::{CWD, Mode, OFlags, RenameFlags};
use seccomp::Way;

#[path = "files/namespace.rs"]
#[expect(dead_code, reason = "another test needs more of it")]
mod namespace;
#[path = "files/seccomp.rs"]
mod seccomp;

/// The least that each race has to come to in a second, on a machine that does much else.
const ATTEMPTS: u64 = 100;
const CHANGES: u64 = 50;

/// Whether the portable executor runs: it has one way, with and without calls that cap-std prefers.
const PORTABLE: bool = cfg!(ravelin_portable_files);

macro_rules! races {
    ($($name:ident: $race:expr;)*) => {
        $(#[test] fn $name() { $race.run(stringify!($name)); })*
    };
}

races! {
    directory_and_link: Race {
        set_up: |folder| {
            put(folder, "root/a/f", FINE);
            link("../outside", folder, "root/l");
        },
        change: |folder, _| exchange(folder, "root/a", "root/l"),
        ..RACE
    };
    file_and_link: Race {
        set_up: |folder| {
            put(folder, "root/a/f", FINE);
            link("../../outside/f", folder, "root/a/l");
        },
        change: |folder, _| exchange(folder, "root/a/f", "root/a/l"),
        ..RACE
    };
    file_and_fifo: Race {
        set_up: |folder| {
            put(folder, "root/a/f", FINE);
            rustix::fs::mkfifoat(CWD, folder.join("root/a/p"), Mode::RWXU).unwrap();
        },
        change: |folder, _| exchange(folder, "root/a/f", "root/a/p"),
        // What is empty is a FIFO without a writer.
        naive: |folder| {
            let flags = OFlags::NONBLOCK.bits().cast_signed();
            let file = fs::OpenOptions::new().read(true).custom_flags(flags).open(folder.join("root/a/f"));
            seen_of(file.and_then(std::io::read_to_string).ok(), |text| text != FINE)
        },
        attempt: |root| seen(root.read("a/f").and_then(File::read_all), |bytes| bytes != FINE.as_bytes()),
        ..RACE
    };
    file_and_hard_link: Race {
        set_up: |folder| {
            put(folder, "root/a/f", FINE);
            fs::hard_link(folder.join("outside/f"), folder.join("root/a/h")).unwrap();
        },
        change: |folder, _| exchange(folder, "root/a/f", "root/a/h"),
        // Written is nothing: it would grow too large. That it could be is enough.
        attempt: |root| seen(root.append("a/f"), |file| file.facts().nlink > 1),
        naive: |folder| {
            let path = folder.join("root/a/f");
            let alone = |path: &Path| fs::metadata(path).is_ok_and(|facts| nlink(&facts) == 1);
            let opened = alone(&path).then(|| fs::OpenOptions::new().append(true).open(&path));
            let facts = opened.and_then(Result::ok).and_then(|file| file.metadata().ok());
            seen_of(facts, |facts| nlink(facts) > 1)
        },
        ..RACE
    };
    leaf_with_a_slash: Race {
        set_up: |folder| {
            put(folder, "root/a/f", FINE);
            put(folder, "outside/secret", "");
            link("../outside", folder, "root/l");
        },
        change: |folder, _| exchange(folder, "root/a", "root/l"),
        attempt: |root| {
            let names = root.list("a/").map(|names| names.filter_map(Result::ok).collect::<Vec<_>>());
            seen(names, |names| names.iter().any(|entry| entry.name() == b"secret"))
        },
        naive: |folder| {
            let names = fs::read_dir(folder.join("root/a/")).map(|names| names.filter_map(Result::ok).collect::<Vec<_>>());
            seen_of(names.ok(), |names| names.iter().any(|entry| entry.file_name() == "secret"))
        },
        ..RACE
    };
    directory_leaves_the_root: Race {
        set_up: |folder| {
            // From where it is moved to, the way up leads past the root.
            put(folder, "root/f", FINE);
            fs::create_dir_all(folder.join("root/a/b")).unwrap();
            fs::create_dir_all(folder.join("outside/deep/b")).unwrap();
            link("../../f", folder, "root/a/b/up");
            link("../../f", folder, "outside/deep/b/up");
        },
        rules: |rules| rules.links(Links::InRoot),
        change: |folder, _| exchange(folder, "root/a/b", "outside/deep/b"),
        attempt: |root| seen(root.read("a/b/up").and_then(File::read_all), is_secret),
        // Step by step, and the system goes up.
        naive: |folder| {
            let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let directory = rustix::fs::open(folder.join("root/a/b"), flags, Mode::empty()).unwrap();
            let file = rustix::fs::openat(directory, "up", OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty());
            let text = file.ok().and_then(|file| std::io::read_to_string(fs::File::from(file)).ok());
            seen_of(text, |text| text == SECRET)
        },
        ..RACE
    };
    root_moves: Race {
        set_up: |folder| {
            put(folder, "root/a/f", FINE);
            put(folder, "other/a/f", SECRET);
        },
        change: |folder, _| exchange(folder, "root", "other"),
        ..RACE
    };
    case_of_a_forbidden_directory: Race {
        set_up: |folder| {
            put(folder, "root/a/f", FINE);
            put(folder, "root/A/f", SECRET);
        },
        rules: |rules| rules.forbid_subtree("A-secret"),
        prepare: |folder| fs::rename(folder.join("root/A"), folder.join("root/A-secret")).unwrap(),
        change: |folder, _| exchange(folder, "root/a", "root/A-secret"),
        ..RACE
    };
    truncate_and_grow: Race {
        set_up: |folder| put(folder, "root/a/f", FINE),
        rules: |rules| rules.max_file_size(16),
        change: |folder, round| {
            let file = fs::OpenOptions::new().write(true).open(folder.join("root/a/f")).unwrap();
            file.set_len(if round % 2 == 0 { 10_000 } else { 4 }).unwrap();
        },
        attempt: |root| seen(root.read("a/f").and_then(File::read_all), |bytes| bytes.len() > 16),
        naive: |folder| {
            let path = folder.join("root/a/f");
            let fits = fs::metadata(&path).is_ok_and(|facts| facts.len() <= 16);
            seen_of(fits.then(|| fs::read(&path)).and_then(Result::ok), |bytes| bytes.len() > 16)
        },
        ..RACE
    };
    unlink_and_recreate: Race {
        set_up: |folder| put(folder, "root/a/f", FINE),
        change: |folder, round| {
            let path = folder.join("root/a/f");
            fs::remove_file(&path).unwrap();
            if round % 2 == 0 {
                symlink("../../outside/f", &path).unwrap();
            } else {
                fs::File::create_new(&path).unwrap().write_all(FINE.as_bytes()).unwrap();
            }
        },
        ..RACE
    };
}

/// Not for the portable executor: only devices tell there, and this mount is of the same one.
#[cfg(not(ravelin_portable_files))]
#[test]
fn bind_mount() {
    if !namespace::enter("bind_mount") {
        return;
    }
    let race = Race {
        set_up: |folder| put(folder, "root/a/f", FINE),
        change: |folder, round| {
            let place = folder.join("root/a");
            if round.is_multiple_of(2) {
                namespace::bind(&folder.join("outside"), &place);
            } else {
                namespace::unmount(&place);
            }
            // Both take long, but not to change what is there: give either state its time.
            std::thread::sleep(Duration::from_micros(50));
        },
        ..RACE
    };
    race.run("bind_mount");
}

const FINE: &str = "fine";
const SECRET: &str = "secret";

/// `a/f` is read below the folder `root`, and what is in `outside` beside it must not come out.
const RACE: Race = Race {
    set_up: |_| {},
    rules: |rules| rules,
    prepare: |_| {},
    change: |_, _| {},
    attempt: |root| seen(root.read("a/f").and_then(File::read_all), is_secret),
    naive: |folder| read_by_name(folder, "root/a/f"),
};

struct Race {
    set_up: fn(&Path),
    rules: fn(RulesBuilder) -> RulesBuilder,
    /// Before the root is opened.
    prepare: fn(&Path),
    change: fn(&Path, u64),
    attempt: fn(&Root) -> Seen,
    naive: fn(&Path) -> Seen,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Seen {
    Fine,
    Refused,
    Escape,
}

impl Race {
    fn run(&self, name: &str) {
        for way in Way::ALL {
            let folder = self.folder();
            let rules = (self.rules)(Rules::builder().dialect(Dialect::Posix))
                .build()
                .unwrap();
            let follows = rules.links() != Links::Deny;
            let opened = Root::open_with(folder.path().join("root"), rules, way.capabilities());
            if PORTABLE && follows {
                assert_eq!(opened.unwrap_err(), Denial::SystemLinks);
                return;
            }
            let root = opened.unwrap();
            let raced = way.run(|| {
                // Two of the ways are walks, and share the time of one.
                let time = seconds() / if way == Way::OneShot { 1 } else { 2 };
                let counts = self.race(folder.path(), time, false, || (self.attempt)(&root));
                (time, counts)
            });
            let Some((time, counts)) = raced else {
                continue;
            };
            println!("{name}, {way:?}: {counts:?}");
            assert_eq!(counts.escapes, 0, "{name}, {way:?}");
            // Slow in a debug build that shares its processor, but not this slow.
            let least = |count| (time.as_secs_f64() * count as f64) as u64;
            assert!(
                counts.attempts >= least(ATTEMPTS),
                "{name}, {way:?}: {counts:?}"
            );
            assert!(
                counts.changes >= least(CHANGES),
                "{name}, {way:?}: {counts:?}"
            );
            assert!(counts.fine > 0, "{name}, {way:?}: nothing was ever opened");
            assert_eq!(root.open_files(), 0);
        }
        let folder = self.folder();
        let patience = seconds() * 30;
        let counts = self.race(folder.path(), patience, true, || {
            (self.naive)(folder.path())
        });
        println!("{name}, by name: {counts:?}");
        assert!(
            counts.escapes > 0,
            "{name}: names were trusted, and nothing came of it"
        );
    }

    fn folder(&self) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        put(folder.path(), "outside/f", SECRET);
        fs::create_dir(folder.path().join("root")).unwrap();
        (self.set_up)(folder.path());
        (self.prepare)(folder.path());
        folder
    }

    fn race(
        &self,
        folder: &Path,
        time: Duration,
        until_escape: bool,
        attempt: impl Fn() -> Seen,
    ) -> Counts {
        let over = AtomicBool::new(false);
        let changes = AtomicU64::new(0);
        let mut counts = Counts::default();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                // An even number, so that in the end all is as it was.
                while !over.load(Ordering::Relaxed) || changes.load(Ordering::Relaxed) % 2 == 1 {
                    (self.change)(folder, changes.fetch_add(1, Ordering::Relaxed));
                }
            });
            let started = Instant::now();
            while started.elapsed() < time && !(until_escape && counts.escapes > 0) {
                counts.attempts += 1;
                match attempt() {
                    Seen::Fine => counts.fine += 1,
                    Seen::Refused => {}
                    Seen::Escape => counts.escapes += 1,
                }
            }
            over.store(true, Ordering::Relaxed);
        });
        counts.changes = changes.into_inner();
        counts
    }
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    attempts: u64,
    fine: u64,
    escapes: u64,
    changes: u64,
}

fn seconds() -> Duration {
    let seconds = std::env::var("RAVELIN_RACE_SECONDS").ok();
    let seconds = seconds.map_or(1.0, |text| text.parse().expect("a number of seconds"));
    Duration::from_secs_f64(seconds)
}

fn seen<T>(opened: Result<T, Denial>, escaped: impl Fn(&T) -> bool) -> Seen {
    seen_of(opened.ok(), escaped)
}

fn seen_of<T>(opened: Option<T>, escaped: impl Fn(&T) -> bool) -> Seen {
    match opened {
        None => Seen::Refused,
        Some(opened) if escaped(&opened) => Seen::Escape,
        Some(_) => Seen::Fine,
    }
}

fn is_secret(bytes: &Vec<u8>) -> bool {
    bytes == SECRET.as_bytes()
}

fn read_by_name(folder: &Path, path: &str) -> Seen {
    seen_of(fs::read(folder.join(path)).ok(), is_secret)
}

fn nlink(facts: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::nlink(facts)
}

fn exchange(folder: &Path, one: &str, two: &str) {
    let (one, two) = (folder.join(one), folder.join(two));
    rustix::fs::renameat_with(CWD, one, CWD, two, RenameFlags::EXCHANGE).unwrap();
}

fn put(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn link(target: &str, folder: &Path, path: &str) {
    symlink(target, folder.join(path)).unwrap();
}
