//! What the other tests show holds where calls are filtered, and where a filter comes later.

use std::fs;
use std::io::Write;
use std::os::fd::RawFd;
use std::process::Command;

use ravelin_runtime::core::path::{Denial, Facts, Identity, Links};
use ravelin_runtime::files::{File, Root};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, ResolveFlags, StatxFlags};
use rustix::io::Errno;
use seccompiler::{SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompRule};

use super::namespace::kernel_is_at_least;
use super::seccomp::{apart, refuse};
use super::{CAPABILITIES, Tree, rules};

const OPENAT2: Call = ("openat2", libc::SYS_openat2);
const STATX: Call = ("statx", libc::SYS_statx);

/// Calls that are filtered together.
const FILTERED: [&[Call]; 3] = [&[OPENAT2], &[STATX], &[OPENAT2, STATX]];

/// What a kernel says that lacks a call, and what a container says that refuses it.
const ERRORS: [Errno; 2] = [Errno::NOSYS, Errno::PERM];

/// Names the calls that are filtered in the whole process.
const UNDER: &str = "RAVELIN_TEST_FILTERED";

type Call = (&'static str, i64);

/// All other tests of this program, in a process under each filter.
#[test]
fn the_suite_passes_under_each_filter() {
    let (listed, _) = run_the_others(&["--list"], "");
    let listed = listed.lines().filter(|line| line.ends_with(": test"));
    let listed = listed.count();
    assert!(listed >= 40, "only {listed} tests");
    for_each_filter(|calls, errno| {
        let names: Vec<_> = calls.iter().map(|(name, _)| *name).collect();
        let names = names.join(" ");
        let ran = apart(|| {
            install(calls, errno);
            run_the_others(&["--color=never"], &names)
        });
        let Some((output, passed)) = ran else {
            return;
        };
        let mut lines = output.lines().rev();
        let last = lines.find(|line| line.starts_with("test result:"));
        let all = format!("test result: ok. {listed} passed; 0 failed; 0 ignored;");
        let complete = last.is_some_and(|line| line.starts_with(&all));
        assert!(passed && complete, "{errno} from {names}:\n{output}");
        println!("{errno} from {names}: {listed} tests pass");
    });
}

/// libpathrs: what was known of the system when it was first asked need not be true any more.
#[test]
fn libpathrs_305_a_filter_that_comes_later() {
    for_each_filter(|calls, errno| {
        for links in [Links::Deny, Links::InRoot] {
            let tree = Tree::new(CAPABILITIES[0]);
            furnish(&tree);
            let root = tree.root(rules().links(links).max_file_size(50));
            let Some(asks) = asks_openat2(&root) else {
                return;
            };
            assert_eq!(asks, kernel_is_at_least(5, 6));
            let before = verdicts(&root);
            let mut begun = root.replace("a/begun").unwrap();
            apart(|| {
                install(calls, errno);
                assert_eq!(verdicts(&root), before, "{calls:?}, {errno}, {links:?}");
                begun.write_all(b"begun").unwrap();
                begun.commit().unwrap();
                change(&root);
            });
            assert_eq!(tree.read("a/begun"), "begun");
            assert_eq!(fs::read_to_string(tree.beside("secret")).unwrap(), SECRET);
            assert_eq!(root.open_files(), 0);
            // A call that is not there is not tried again. One that was refused is: it may have been the file.
            let is_gone = calls.contains(&OPENAT2) && errno == Errno::NOSYS;
            assert_eq!(asks_openat2(&root), Some(asks && !is_gone));
        }
    });
}

/// What is forbidden is known by what `statx` said of it, and recognised by what `fstat` says.
#[test]
fn forbidden_subtrees_are_recognised_when_statx_is_gone() {
    for errno in ERRORS {
        let tree = Tree::new(CAPABILITIES[0]);
        tree.file("private/x", SECRET);
        let root = tree.root(rules().forbid_subtree("private"));
        fs::rename(tree.path("private"), tree.path("public")).unwrap();
        apart(|| {
            install(&[STATX], errno);
            let denials = [
                root.read("public/x").unwrap_err(),
                root.create("public/y").unwrap_err(),
                root.list("public").unwrap_err(),
            ];
            assert_eq!(denials, [Denial::ForbiddenFile; 3]);
        });
    }
}

/// The name of a replacement is written to disk too: the directory is synced after the file.
#[test]
fn the_directory_of_a_replacement_is_synced() {
    let others = |file: RawFd| {
        let other = SeccompCmpOp::Ne;
        (libc::SYS_fsync, condition(0, other, file.cast_unsigned()))
    };
    let reading = |_| {
        let mask = OFlags::DIRECTORY | OFlags::PATH;
        let equal = SeccompCmpOp::MaskedEq(mask.bits().into());
        (
            libc::SYS_openat,
            condition(2, equal, OFlags::DIRECTORY.bits()),
        )
    };
    let broken = Err(Denial::System { code: 5 });
    // A file system that cannot do it, and a directory that may not be read, are no failures; a broken disk is one.
    commit_where(others, Errno::INVAL, Ok(3));
    commit_where(others, Errno::IO, broken);
    commit_where(reading, Errno::ACCESS, Ok(3));
    commit_where(reading, Errno::IO, broken);
}

const FINE: &str = "fine";
const SECRET: &str = "secret";

/// Whether a call is filtered in this whole process.
pub(super) fn is_filtered(call: &str) -> bool {
    std::env::var(UNDER).is_ok_and(|calls| calls.split(' ').any(|name| name == call))
}

fn for_each_filter(mut test: impl FnMut(&[Call], Errno)) {
    for errno in ERRORS {
        for calls in FILTERED {
            test(calls, errno);
        }
    }
}

fn run_the_others(arguments: &[&str], under: &str) -> (String, bool) {
    let program = std::env::current_exe().expect("a test knows its program");
    let output = Command::new(program)
        .args(arguments)
        .args(["--skip", "filters::"])
        .env(UNDER, under)
        .output()
        .expect("it runs already");
    let texts = [output.stderr, output.stdout].concat();
    let text = String::from_utf8_lossy(&texts).into_owned();
    (text, output.status.success())
}

/// Filters calls on this thread, and looks whether that has come about.
fn install(calls: &[Call], errno: Errno) {
    for (_, number) in calls {
        refuse(*number, Vec::new(), errno);
    }
    let resolve = ResolveFlags::empty();
    let opened = rustix::fs::openat2(CWD, ".", OFlags::PATH, Mode::empty(), resolve);
    let looked = rustix::fs::statx(CWD, ".", AtFlags::empty(), StatxFlags::BASIC_STATS);
    let answers = [(OPENAT2, opened.err()), (STATX, looked.err())];
    for (call, failed) in answers {
        if calls.contains(&call) {
            assert_eq!(failed, Some(errno), "{call:?}");
        }
    }
}

/// Whether the root tries `openat2` by now: seen by what a filter of a thread beside this one answers. `None` where there
/// are no filters.
fn asks_openat2(root: &Root) -> Option<bool> {
    let code = Errno::DOM.raw_os_error();
    apart(|| {
        refuse(libc::SYS_openat2, Vec::new(), Errno::DOM);
        match root.read("a/x") {
            Ok(_) => false,
            Err(denial) => {
                assert_eq!(denial, Denial::System { code });
                true
            }
        }
    })
}

/// Something of everything.
fn furnish(tree: &Tree) {
    tree.file("a/x", FINE);
    tree.file("a/large", &FINE.repeat(20));
    tree.link("x", "a/l");
    tree.link("a", "d");
    tree.outside("secret", SECRET);
    tree.link("../../outside/secret", "a/out");
    tree.link(tree.beside("secret"), "absolute");
    fs::hard_link(tree.beside("secret"), tree.path("shared")).unwrap();
    rustix::fs::mkfifoat(CWD, tree.path("fifo"), Mode::RWXU).unwrap();
}

/// What the root says to each path, whatever is done with it.
fn verdicts(root: &Root) -> Vec<(&'static str, [Result<Identity, Denial>; 4])> {
    let paths = [
        "a/x",
        "a",
        "a/",
        "a/none",
        "a/x/y",
        "a/large",
        "a/l",
        "d/x",
        "d",
        "d/",
        "a/out",
        "absolute",
        "shared",
        "fifo",
        "../outside/secret",
    ];
    let identity = |facts: &Facts| facts.identity;
    let of_file = |file: File| identity(file.facts());
    let mut read = Vec::new();
    for path in paths {
        let told = root.read(path);
        match root.try_read(path) {
            Ok(None) => {}
            Ok(Some(file)) => {
                let file = file.facts().identity;
                assert_eq!(told.as_ref().map(|file| file.facts().identity), Ok(file));
            }
            Err(denial) => assert_eq!(told.as_ref().err(), Some(&denial), "{path}"),
        }
        let told = [
            told.map(of_file),
            root.append(path).map(of_file),
            root.stat(path).map(|facts| facts.identity),
            root.list(path).map(|list| identity(list.directory())),
        ];
        read.push((path, told));
    }
    assert_eq!(
        root.read("a/x").unwrap().read_all().unwrap(),
        FINE.as_bytes()
    );
    read
}

/// Each operation that changes something, done and refused.
fn change(root: &Root) {
    root.make_directory("new").unwrap();
    let mut file = root.create("new/x").unwrap();
    file.write_all(b"one").unwrap();
    drop(file);
    let mut file = root.append("new/x").unwrap();
    file.write_all(b" two").unwrap();
    drop(file);
    assert_eq!(root.create("new/x").unwrap_err(), Denial::Exists);
    assert_eq!(root.create("a/out").unwrap_err(), Denial::Exists);
    assert_eq!(root.replace("a/out").unwrap_err(), Denial::Link);
    assert_eq!(root.rename("new/x", "a/x").unwrap_err(), Denial::Exists);
    root.rename("new/x", "y").unwrap();
    assert_eq!(root.remove("absolute").unwrap_err(), Denial::Link);
    assert_eq!(root.remove("y").unwrap().size, 7);
    root.remove("new/").unwrap();
}

/// Replaces a file where a call fails whose arguments fit. `call` is told the number of the new file's handle.
fn commit_where(
    call: impl Fn(RawFd) -> (i64, Vec<SeccompRule>) + Sync,
    errno: Errno,
    end: Result<u64, Denial>,
) {
    for (path, parent) in [("x", ""), ("d/x", "d")] {
        let tree = Tree::new(CAPABILITIES[0]);
        tree.file(path, "older");
        let root = tree.root(rules());
        apart(|| {
            let mut new = root.replace(path).unwrap();
            new.write_all(b"new").unwrap();
            let (number, when) = call(handle_of(&tree.path(parent).join(".ravelin-")));
            refuse(number, when, errno);
            assert_eq!(new.commit().map(|facts| facts.size), end, "{path}, {errno}");
            assert_eq!(tree.read(path), "new");
            assert_eq!(root.open_files(), 0);
        });
    }
}

/// The handle of this process whose file's path begins so.
fn handle_of(start: &std::path::Path) -> RawFd {
    let start = start.as_os_str().as_encoded_bytes();
    let mut open = fs::read_dir("/proc/self/fd").unwrap().map(Result::unwrap);
    let found = open.find(|entry| {
        let target = fs::read_link(entry.path()).unwrap_or_default();
        target.as_os_str().as_encoded_bytes().starts_with(start)
    });
    let name = found.expect("it is open").file_name();
    name.to_str().unwrap().parse().unwrap()
}

fn condition(argument: u8, is: SeccompCmpOp, value: u32) -> Vec<SeccompRule> {
    let length = SeccompCmpArgLen::Dword;
    let condition = SeccompCondition::new(argument, length, is, value.into());
    let rule = condition.and_then(|condition| SeccompRule::new(vec![condition]));
    vec![rule.expect("a call has so many arguments")]
}
