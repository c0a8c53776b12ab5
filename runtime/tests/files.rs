//! The executor of the open machine over real files, once with `openat2` and once without: because a root is told to stay
//! away from it, and because a filter refuses it.
#![cfg(all(feature = "files", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::{Duration, Instant};

use ravelin_runtime::core::path::{Denial, Devices, HardLinks, Kind, Links, Owner};
use ravelin_runtime::files::Root;
use rustix::fs::{CWD, Mode};

#[path = "files/advisories.rs"]
mod advisories;
#[cfg(not(ravelin_portable_files))]
#[path = "files/filters.rs"]
mod filters;
#[path = "files/namespace.rs"]
mod namespace;
#[cfg(not(ravelin_portable_files))]
#[path = "files/seccomp.rs"]
#[expect(dead_code, reason = "another test needs more of it")]
mod seccomp;
#[path = "files/tree.rs"]
mod tree;

use tree::{CAPABILITIES, PORTABLE, Tree, both, or_lacking, rules};

/// The portable executor makes no use of the calls that filters refuse.
#[cfg(ravelin_portable_files)]
mod filters {
    pub(super) fn is_filtered(_call: &str) -> bool {
        true
    }
}

#[test]
fn a_file_is_read() {
    both(|tree| {
        tree.file("a/b/may.md", "rain");
        let root = tree.root(rules());
        let file = root.read("a/b/may.md").unwrap();
        assert_eq!((file.facts().kind, file.facts().size), (Kind::Regular, 4));
        assert_eq!(file.resolved(), Some(&b"a/b/may.md"[..]));
        assert_eq!(file.read_all().unwrap(), b"rain");
        assert_eq!(root.read("a/b/june.md").unwrap_err(), Denial::NotFound);
        assert_eq!(root.read("a/c/may.md").unwrap_err(), Denial::NotFound);
        assert_eq!(root.read("a/b/may.md/x").unwrap_err(), Denial::NotDirectory);
        assert_eq!(root.read("a/b").unwrap_err(), Denial::IsDirectory);
        assert_eq!(root.read("../x").unwrap_err(), Denial::ParentDirectory);
        assert_eq!(root.open_files(), 0);
    });
}

#[test]
fn links_are_denied() {
    both(|tree| {
        tree.file("a/x", "fine");
        tree.link("a", "d");
        tree.link("x", "a/l");
        let root = tree.root(rules());
        for path in ["d/x", "a/l", "d/l"] {
            assert_eq!(root.read(path).unwrap_err(), Denial::Link, "{path}");
            assert_eq!(root.append(path).unwrap_err(), Denial::Link, "{path}");
            assert_eq!(root.stat(path).unwrap_err(), Denial::Link, "{path}");
            assert_eq!(root.remove(path).unwrap_err(), Denial::Link, "{path}");
            assert_eq!(
                root.rename(path, "n").unwrap_err(),
                or_lacking(Denial::Link),
                "{path}"
            );
            assert_eq!(root.replace(path).unwrap_err(), Denial::Link, "{path}");
        }
        assert_eq!(root.list("d").unwrap_err(), Denial::Link);
        assert_eq!(root.create("d/n").unwrap_err(), Denial::Link);
        assert_eq!(root.make_directory("d/n").unwrap_err(), Denial::Link);
        assert_eq!(
            root.rename("a/x", "d/n").unwrap_err(),
            or_lacking(Denial::Link)
        );
        assert_eq!(root.create("a/l").unwrap_err(), Denial::Exists);
    });
}

#[test]
fn links_below_the_root_are_followed_where_the_rules_say_so() {
    both(|tree| {
        tree.file("a/b/x", "fine");
        tree.link("../a/b", "a/l");
        tree.link("l/../b/./x", "a/x");
        tree.link("..", "a/up");
        tree.link("self", "self");
        tree.link("/etc", "absolute");
        tree.link("../..", "a/out");
        let Some(root) = tree.following(rules().links(Links::InRoot)) else {
            return;
        };
        for path in ["a/l/x", "a/x", "a/up/a/up/a/l/x"] {
            let file = root.read(path).unwrap();
            if let Some(resolved) = file.resolved() {
                assert_eq!(resolved, b"a/b/x", "{path}");
            } else {
                assert!(tree.capabilities.one_shot);
            }
            assert_eq!(file.read_all().unwrap(), b"fine");
        }
        assert_eq!(root.stat("a/up").unwrap(), *root.facts(0).unwrap());
        let names: Vec<_> = root.list("a/up/").unwrap().map(|e| e.unwrap()).collect();
        assert!(names.iter().any(|entry| entry.name() == b"self"));
        assert_eq!(root.read("self").unwrap_err(), Denial::TooManyLinks);
        assert_eq!(
            root.read("absolute/passwd").unwrap_err(),
            Denial::LinkLeaves
        );
        assert_eq!(root.read("a/out/x").unwrap_err(), Denial::LinkLeaves);
        assert_eq!(root.read("a/up").unwrap_err(), Denial::IsDirectory);
        // What is named last is not followed where names change.
        assert_eq!(root.remove("a/x").unwrap_err(), Denial::Link);
        root.create("a/l/new").unwrap();
        assert_eq!(root.remove("a/b/new").unwrap().kind, Kind::Regular);
    });
}

#[test]
fn where_a_link_leads_is_judged_by_name_too() {
    both(|tree| {
        tree.file("a/key.pem", "secret");
        tree.file("private/x.md", "secret");
        tree.link("key.pem", "a/note.md");
        tree.link("private", "public");
        let rules = rules().links(Links::InRoot).forbid_extensions(["pem"]);
        let rules = rules.forbid_subtree("private").forbid_subtree("later");
        let Some(root) = tree.following(rules) else {
            return;
        };
        assert_eq!(root.read("a/note.md").unwrap_err(), Denial::Extension);
        assert_eq!(root.read("public/x.md").unwrap_err(), Denial::ForbiddenFile);
        // Made after the root was opened: there is no identity to compare, but its name.
        tree.file("later/x.md", "secret");
        tree.link("later", "sooner");
        assert_eq!(root.read("sooner/x.md").unwrap_err(), Denial::Forbidden);
        assert_eq!(root.create("sooner/y.md").unwrap_err(), Denial::Forbidden);
    });
}

#[test]
fn only_links_of_user_0_are_trusted() {
    if !namespace::is_root("links of other users") {
        return;
    }
    both(|tree| {
        tree.file("a/x", "fine");
        tree.link("a", "ours");
        tree.link("a", "theirs");
        rustix::fs::chownat(
            CWD,
            tree.path("theirs"),
            Some(rustix::fs::Uid::from_raw(1)),
            None,
            rustix::fs::AtFlags::SYMLINK_NOFOLLOW,
        )
        .unwrap();
        let Some(root) = tree.following(rules().links(Links::Trusted)) else {
            return;
        };
        assert_eq!(root.read("ours/x").unwrap().read_all().unwrap(), b"fine");
        assert_eq!(root.read("theirs/x").unwrap_err(), Denial::LinkOwner);
    });
}

#[test]
fn what_is_no_file_is_refused_and_nothing_hangs() {
    both(|tree| {
        rustix::fs::mkfifoat(CWD, tree.path("fifo"), Mode::RWXU).unwrap();
        let _socket = UnixListener::bind(tree.path("socket")).unwrap();
        let root = tree.root(rules());
        let started = Instant::now();
        // Without `O_PATH` nobody can look at a socket.
        let socket = if PORTABLE {
            Denial::Irregular
        } else {
            Denial::Socket
        };
        for (path, denial) in [("fifo", Denial::Fifo), ("socket", socket)] {
            assert_eq!(root.read(path).unwrap_err(), denial);
            assert_eq!(root.append(path).unwrap_err(), denial);
            assert_eq!(root.replace(path).unwrap_err(), denial);
            assert_eq!(root.remove(path).unwrap_err(), denial);
            let denial = if denial == Denial::Irregular {
                denial
            } else {
                Denial::NotDirectory
            };
            assert_eq!(root.list(path).unwrap_err(), denial);
        }
        assert_eq!(root.stat("fifo").unwrap().kind, Kind::Fifo);
        assert!(started.elapsed() < Duration::from_secs(5));
    });
    for capabilities in CAPABILITIES {
        let root = Root::open_with("/dev", rules().build().unwrap(), capabilities).unwrap();
        assert_eq!(root.read("null").unwrap_err(), Denial::DeviceFile);
        assert_eq!(root.append("null").unwrap_err(), Denial::DeviceFile);
    }
}

#[test]
fn procfs_is_no_root_and_not_reached_by_a_link() {
    let rules = rules();
    let opened = Root::open("/proc", rules.clone().build().unwrap());
    assert_eq!(opened.unwrap_err(), Denial::Kernel);
    let opened = Root::open("/sys", rules.build().unwrap());
    assert_eq!(opened.unwrap_err(), Denial::Kernel);
    both(|tree| {
        tree.link("/proc/self/environ", "environ");
        tree.link("/proc/self/root", "magic");
        for (links, denial) in [
            (Links::Deny, Denial::Link),
            (Links::InRoot, Denial::LinkLeaves),
        ] {
            let Some(root) = tree.following(self::rules().links(links)) else {
                continue;
            };
            assert_eq!(root.read("environ").unwrap_err(), denial);
            assert_eq!(root.read("magic/etc/passwd").unwrap_err(), denial);
        }
    });
}

#[test]
fn mounts_are_not_crossed() {
    if !namespace::enter("mounts_are_not_crossed") {
        return;
    }
    both(|tree| {
        tree.file("a/x", "fine");
        tree.file("b/y", "other");
        fs::create_dir(tree.path("m")).unwrap();
        fs::create_dir(tree.path("p")).unwrap();
        fs::write(tree.path("f"), "").unwrap();
        namespace::bind(&tree.path("b"), &tree.path("m"));
        namespace::bind(Path::new("/proc"), &tree.path("p"));
        namespace::bind(&tree.path("a/x"), &tree.path("f"));
        let root = tree.root(rules());
        if filters::is_filtered("statx") {
            // The known limit: without their numbers, mounts of one file system look alike.
            assert_eq!(root.read("m/y").unwrap().read_all().unwrap(), b"other");
        } else {
            assert_eq!(root.read("m/y").unwrap_err(), Denial::Mount);
            assert_eq!(root.read("f").unwrap_err(), Denial::Mount);
            assert_eq!(root.list("m").unwrap_err(), Denial::Mount);
            assert_eq!(root.create("m/new").unwrap_err(), Denial::Mount);
        }
        assert_eq!(root.read("p/self/environ").unwrap_err(), Denial::Kernel);
        let root = tree.root(rules().devices(Devices::Any));
        assert_eq!(root.read("m/y").unwrap().read_all().unwrap(), b"other");
        assert_eq!(root.read("p/uptime").unwrap_err(), Denial::Kernel);
        assert_eq!(root.stat("p").unwrap_err(), Denial::Kernel);
        for place in ["m", "p", "f"] {
            namespace::unmount(&tree.path(place));
        }
    });
}

#[test]
fn large_and_growing_files_are_cut_off() {
    both(|tree| {
        tree.file("fits", "0123456789");
        tree.file("large", "0123456789x");
        let root = tree.root(rules().max_file_size(10));
        let limit = 10;
        assert_eq!(root.read("large").unwrap_err(), Denial::TooLarge { limit });
        assert_eq!(
            root.append("large").unwrap_err(),
            Denial::TooLarge { limit }
        );
        assert_eq!(root.read("fits").unwrap().read_all().unwrap().len(), 10);

        let file = root.read("fits").unwrap();
        let mut by_hand = root.read("fits").unwrap();
        tree.file("fits", &"x".repeat(1000));
        assert_eq!(file.read_all().unwrap_err(), Denial::TooLarge { limit });
        let mut buffer = [0; 100];
        let error = by_hand.read(&mut buffer).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::FileTooLarge);
        assert_eq!(buffer[11], 0, "one byte more than allowed is read");

        let mut new = root.create("new").unwrap();
        new.write_all(b"0123456789").unwrap();
        assert!(new.write_all(b"x").is_err());
        drop(new);
        let mut more = root.append("new").unwrap();
        assert!(more.write_all(b"x").is_err());
        assert_eq!(tree.read("new"), "0123456789");
    });
}

#[test]
fn hard_links_are_as_the_rules_say() {
    both(|tree| {
        tree.outside("secret", "secret");
        fs::hard_link(tree.beside("secret"), tree.path("name")).unwrap();
        let root = tree.root(rules());
        assert_eq!(root.append("name").unwrap_err(), Denial::HardLink);
        assert_eq!(root.read("name").unwrap().facts().nlink, 2);
        let root = tree.root(rules().hard_links(HardLinks::Deny));
        assert_eq!(root.read("name").unwrap_err(), Denial::HardLink);
        let root = tree.root(rules().hard_links(HardLinks::Allow));
        root.append("name").unwrap();
        // A replacement leaves the other name its file.
        let mut new = tree.root(rules()).replace("name").unwrap();
        new.write_all(b"new").unwrap();
        new.commit().unwrap();
        assert_eq!(fs::read_to_string(tree.beside("secret")).unwrap(), "secret");
    });
}

#[test]
fn files_of_others_are_as_the_rules_say() {
    both(|tree| {
        tree.file("x", "fine");
        let mine = rustix::process::geteuid().as_raw();
        let root = tree.root(rules().owner(Owner::User(mine)));
        root.read("x").unwrap();
        let root = tree.root(rules().owner(Owner::User(mine + 1)));
        assert_eq!(root.read("x").unwrap_err(), Denial::OtherOwner);
        assert_eq!(root.remove("x").unwrap_err(), Denial::OtherOwner);
    });
}

#[test]
fn forbidden_subtrees_are_known_by_identity() {
    both(|tree| {
        tree.file("secret/deep/x", "secret");
        tree.file("key", "secret");
        tree.file("other", "fine");
        let rules = rules().forbid_subtree("secret").forbid_subtree("key");
        let root = tree.root(rules);
        assert_eq!(root.read("secret/deep/x").unwrap_err(), Denial::Forbidden);
        assert_eq!(root.read("SECRET/deep/x").unwrap_err(), Denial::Forbidden);
        fs::hard_link(tree.path("key"), tree.path("name")).unwrap();
        assert_eq!(root.read("name").unwrap_err(), Denial::ForbiddenFile);
        fs::rename(tree.path("secret"), tree.path("public")).unwrap();
        for path in ["public/deep/x", "public/new"] {
            let denials = [
                root.read(path).unwrap_err(),
                root.create(path).unwrap_err(),
                root.stat(path).unwrap_err(),
            ];
            assert_eq!(denials, [Denial::ForbiddenFile; 3], "{path}");
            for renamed in [root.rename(path, "n"), root.rename("other", path)] {
                assert_eq!(
                    renamed.unwrap_err(),
                    or_lacking(Denial::ForbiddenFile),
                    "{path}"
                );
            }
        }
        assert_eq!(root.list("public").unwrap_err(), Denial::ForbiddenFile);
        assert_eq!(root.remove("public/").unwrap_err(), Denial::ForbiddenFile);
        assert_eq!(
            root.rename("public", "n").unwrap_err(),
            or_lacking(Denial::ForbiddenFile)
        );
        root.read("other").unwrap();
    });
}

#[test]
fn files_and_directories_are_made_renamed_and_removed() {
    both(|tree| {
        let root = tree.root(rules());
        assert_eq!(root.make_directory("d").unwrap().kind, Kind::Directory);
        assert_eq!(root.make_directory("d").unwrap_err(), Denial::Exists);
        assert_eq!(root.make_directory("n/d").unwrap_err(), Denial::NotFound);
        let mut file = root.create("d/x").unwrap();
        assert_eq!(file.facts().mode & 0o177, 0);
        file.write_all(b"one").unwrap();
        drop(file);
        assert_eq!(root.create("d/x").unwrap_err(), Denial::Exists);
        let mut file = root.append("d/x").unwrap();
        file.write_all(b" two").unwrap();
        drop(file);
        assert_eq!(root.append("d/y").unwrap_err(), Denial::NotFound);
        assert_eq!(tree.read("d/x"), "one two");

        let mut entries = root.list("d").unwrap();
        let entry = entries.next().unwrap().unwrap();
        assert_eq!(
            (entry.name(), entry.kind()),
            (&b"x"[..], Some(Kind::Regular))
        );
        assert_eq!(entries.facts(&entry).unwrap().size, 7);
        assert!(entries.next().is_none());
        assert_eq!(root.open_files(), 1);
        drop(entries);
        assert_eq!(root.list("d/x").unwrap_err(), Denial::NotDirectory);
        assert_eq!(root.list("").unwrap_err(), Denial::Empty);

        assert_eq!(root.remove("d").unwrap_err(), Denial::NotEmpty);
        tree.file("taken", "");
        assert_eq!(
            root.rename("d/x", "taken").unwrap_err(),
            or_lacking(Denial::Exists)
        );
        assert_eq!(
            root.rename("d/n", "z").unwrap_err(),
            or_lacking(Denial::NotFound)
        );
        assert_eq!(
            root.rename("d", "d/inside").unwrap_err(),
            or_lacking(Denial::Unsupported)
        );
        assert_eq!(tree.rename(&root, "d/x", "y").size, 7);
        assert_eq!(tree.read("y"), "one two");
        assert_eq!(root.remove("y/").unwrap_err(), Denial::NotDirectory);
        assert_eq!(root.remove("y").unwrap().size, 7);
        assert_eq!(root.remove("d/").unwrap().kind, Kind::Directory);
        assert_eq!(root.remove("d").unwrap_err(), Denial::NotFound);
        assert_eq!(root.open_files(), 0);
    });
}

#[test]
fn a_replacement_takes_the_name_when_it_is_complete() {
    both(|tree| {
        tree.file("d/x", "old");
        fs::set_permissions(tree.path("d/x"), PermissionsExt::from_mode(0o4640)).unwrap();
        let root = tree.root(rules());
        let mut new = root.replace("d/x").unwrap();
        new.write_all(b"new").unwrap();
        assert_eq!(tree.read("d/x"), "old");
        assert_eq!(root.open_files(), 1);
        assert_eq!(new.commit().unwrap().size, 3);
        assert_eq!(tree.read("d/x"), "new");
        let mode = fs::metadata(tree.path("d/x")).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o640, "not set-user-ID");

        let mut given_up = root.replace("d/x").unwrap();
        given_up.write_all(b"half").unwrap();
        drop(given_up);
        assert_eq!(tree.read("d/x"), "new");

        let mut fresh = root.replace("d/y").unwrap();
        fresh.write_all(b"fresh").unwrap();
        // A directory takes the name meanwhile.
        fs::create_dir(tree.path("d/y")).unwrap();
        assert_eq!(fresh.commit().unwrap_err(), Denial::IsDirectory);
        assert_eq!(root.replace("d/y").unwrap_err(), Denial::IsDirectory);
        let names = fs::read_dir(tree.path("d")).unwrap().count();
        assert_eq!(names, 2, "nothing temporary is left");
        assert_eq!(root.open_files(), 0);
    });
}

#[test]
fn a_replacement_that_lost_its_temporary_name_says_so() {
    both(|tree| {
        let root = tree.root(rules());
        let new = root.replace("x").unwrap();
        let temporary = fs::read_dir(tree.path(""))
            .unwrap()
            .next()
            .unwrap()
            .unwrap();
        fs::remove_file(temporary.path()).unwrap();
        fs::write(temporary.path(), "not ours").unwrap();
        assert_eq!(new.commit().unwrap_err(), Denial::Swapped);
    });
}

#[test]
fn a_slash_at_the_end_means_a_directory() {
    both(|tree| {
        tree.file("d/x", "fine");
        tree.link("d", "l");
        let root = tree.root(rules());
        assert_eq!(root.stat("d/").unwrap().kind, Kind::Directory);
        assert_eq!(root.stat("d/x/").unwrap_err(), Denial::NotDirectory);
        assert_eq!(root.read("d/x/").unwrap_err(), Denial::NamesDirectory);
        assert_eq!(root.list("l/").unwrap_err(), Denial::Link);
        assert_eq!(
            root.rename("d/x", "y/").unwrap_err(),
            or_lacking(Denial::NotDirectory)
        );
        assert_eq!(tree.rename(&root, "d", "e/").kind, Kind::Directory);
        tree.rename(&root, "e/", "d");
        let Some(root) = tree.following(rules().links(Links::InRoot)) else {
            return;
        };
        assert_eq!(root.list("l/").unwrap().count(), 1);
        assert_eq!(root.stat("l/").unwrap().kind, Kind::Directory);
    });
}

#[test]
fn permits_are_counted_exactly() {
    both(|tree| {
        tree.file("x", "fine");
        let root = tree.root(rules().concurrency(2));
        let one = root.read("x").unwrap();
        let two = root.clone().read("x").unwrap();
        let limit = 2;
        assert_eq!(root.read("x").unwrap_err(), Denial::TooManyOpen { limit });
        assert_eq!(root.stat("x").unwrap_err(), Denial::TooManyOpen { limit });
        drop(one);
        assert_eq!(root.open_files(), 1);
        let (_, permit) = two.into_parts().unwrap();
        assert_eq!(root.open_files(), 1, "the permit is still held");
        drop(permit);
        assert_eq!(root.open_files(), 0);
        root.read("missing").unwrap_err();
        assert_eq!(root.open_files(), 0);
    });
}

#[test]
fn a_file_that_is_in_memory_is_opened_without_waiting() {
    let tree = Tree::new(CAPABILITIES[0]);
    tree.file("a/x", "fine");
    let root = tree.root(rules());
    root.read("a/x").unwrap();
    let file = root.try_read("a/x").unwrap();
    // Absent on kernels before 5.12 and where it is filtered, and then the answer is that it may wait.
    let answers = namespace::kernel_is_at_least(5, 12) && !filters::is_filtered("openat2");
    assert_eq!(file.is_some(), answers);
    if let Some(file) = file {
        assert_eq!(file.read_all().unwrap(), b"fine");
    }
    assert_eq!(root.try_read("../x").unwrap_err(), Denial::ParentDirectory);
    assert_eq!(root.open_files(), 0);
    let walked = Tree::new(CAPABILITIES[1]);
    walked.file("a/x", "fine");
    assert!(walked.root(rules()).try_read("a/x").unwrap().is_none());
}

#[test]
fn roots_that_rules_name_are_told_apart() {
    let (one, two) = (Tree::new(CAPABILITIES[0]), Tree::new(CAPABILITIES[0]));
    one.file("x", "one");
    two.file("x", "two");
    let path = |tree: &Tree| tree.path("").canonicalize().unwrap();
    let (one, two) = (path(&one), path(&two));
    let rules = rules().root(one.as_os_str().as_encoded_bytes());
    let rules = rules.root(two.as_os_str().as_encoded_bytes());
    let root = Root::open_named(rules.build().unwrap()).unwrap();
    let at = |folder: &Path| folder.join("x").into_os_string().into_encoded_bytes();
    assert_eq!(root.read("x").unwrap().read_all().unwrap(), b"one");
    assert_eq!(root.read(at(&two)).unwrap().read_all().unwrap(), b"two");
    assert_eq!(
        root.rename(at(&one), at(&two)).unwrap_err(),
        or_lacking(Denial::OtherRoot)
    );
    assert_eq!(root.read("/etc/passwd").unwrap_err(), Denial::OutsideRoots);
}

#[test]
fn the_handle_waits_as_others_do() {
    both(|tree| {
        tree.file("x", "fine");
        let root = tree.root(rules());
        for (file, appends) in [(root.read("x"), false), (root.append("x"), true)] {
            let (file, _permit) = file.unwrap().into_parts().unwrap();
            let flags = rustix::fs::fcntl_getfl(&file).unwrap();
            assert!(!flags.contains(rustix::fs::OFlags::NONBLOCK));
            assert_eq!(flags.contains(rustix::fs::OFlags::APPEND), appends);
            let flags = rustix::io::fcntl_getfd(&file).unwrap();
            assert!(flags.contains(rustix::io::FdFlags::CLOEXEC));
        }
    });
}
