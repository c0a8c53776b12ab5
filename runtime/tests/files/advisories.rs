//! Known holes of other programs, one test each, named after the advisory or the issue.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::{Duration, Instant};

use ravelin_runtime::core::path::{Denial, Kind, Links};
use ravelin_runtime::files::Root;
use rustix::fs::{CWD, Mode};

use super::{CAPABILITIES, PORTABLE, Tree, both, or_lacking, rules};

/// MCP filesystem server: a link below the root read anything outside.
#[test]
fn cve_2025_53109_link() {
    both(|tree| {
        tree.outside("secret", "secret");
        tree.link(tree.beside(""), "absolute");
        tree.link("../outside", "relative");
        tree.link("../outside/secret", "file");
        for (links, denial) in [
            (Links::Deny, Denial::Link),
            (Links::InRoot, Denial::LinkLeaves),
        ] {
            let rules = rules().links(links);
            let Some(root) = tree.following(rules) else {
                continue;
            };
            for path in ["absolute/secret", "relative/secret", "file"] {
                assert_eq!(root.read(path).unwrap_err(), denial, "{links:?} {path}");
                assert_eq!(root.append(path).unwrap_err(), denial, "{links:?} {path}");
            }
            assert_eq!(root.list("absolute").unwrap_err(), denial);
            assert_eq!(root.create("relative/new").unwrap_err(), denial);
        }
        assert!(!tree.beside("new").exists());
    });
}

/// MCP filesystem server: `/srv/notes-old` was taken to be below `/srv/notes`.
#[test]
fn cve_2025_53110_prefix() {
    let tree = Tree::new(CAPABILITIES[0]);
    let folder = tree.path("").canonicalize().unwrap();
    let old = folder.with_file_name("root-old");
    fs::create_dir(&old).unwrap();
    fs::write(old.join("x"), "secret").unwrap();
    let rules = rules().root(folder.as_os_str().as_encoded_bytes());
    let root = Root::open_named(rules.build().unwrap()).unwrap();
    let path = old.join("x").into_os_string().into_encoded_bytes();
    assert_eq!(root.read(path).unwrap_err(), Denial::OutsideRoots);
}

/// mcp-server-git: a path given by the client led outside of the repository.
#[test]
fn cve_2025_68145_outside_of_the_repository() {
    both(|tree| {
        tree.outside("secret", "secret");
        let root = tree.root(rules());
        assert_eq!(
            root.read("../outside/secret").unwrap_err(),
            Denial::ParentDirectory
        );
        let path = tree.beside("secret").into_os_string().into_encoded_bytes();
        assert_eq!(root.read(path).unwrap_err(), Denial::Absolute);
    });
}

/// Go `os.Root`: a slash at the end of a name made the system follow the link.
#[test]
fn cve_2026_39822_slash() {
    both(|tree| {
        tree.outside("secret", "secret");
        tree.link("../outside", "l");
        let root = tree.root(rules());
        assert_eq!(root.list("l/").unwrap_err(), Denial::Link);
        assert_eq!(root.stat("l/").unwrap_err(), Denial::Link);
        assert_eq!(root.remove("l/").unwrap_err(), Denial::Link);
        assert_eq!(
            root.rename("l/", "n/").unwrap_err(),
            or_lacking(Denial::Link)
        );
        let Some(root) = tree.following(rules().links(Links::InRoot)) else {
            return;
        };
        assert_eq!(root.list("l/").unwrap_err(), Denial::LinkLeaves);
        assert_eq!(root.stat("l/").unwrap_err(), Denial::LinkLeaves);
    });
}

/// cap-std: a slash at the end of a link's target is a slash, too.
#[test]
fn cap_std_383_slash_in_a_target() {
    both(|tree| {
        tree.file("d/x", "fine");
        tree.link("d/", "l");
        tree.link("d/x/", "f");
        let Some(root) = tree.following(rules().links(Links::InRoot)) else {
            return;
        };
        assert_eq!(root.list("l").unwrap().count(), 1);
        assert_eq!(root.stat("l").unwrap().kind, Kind::Directory);
        assert_eq!(root.read("f").unwrap_err(), Denial::NotDirectory);
    });
}

/// Go `os.Root.Chmod`: `fchmodat` followed a link that came in between. No operation here changes permissions by name.
#[test]
fn cve_2026_32282_chmod() {
    both(|tree| {
        tree.outside("secret", "secret");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        fs::set_permissions(tree.beside("secret"), PermissionsExt::from_mode(0o600)).unwrap();
        tree.file("x", "old");
        fs::set_permissions(tree.path("x"), PermissionsExt::from_mode(0o644)).unwrap();
        let mut new = tree.root(rules()).replace("x").unwrap();
        new.write_all(b"new").unwrap();
        // The name becomes a link before the new file takes it.
        fs::remove_file(tree.path("x")).unwrap();
        tree.link(tree.beside("secret"), "x");
        new.commit().unwrap();
        assert_eq!(mode(&tree.beside("secret")), 0o600);
        assert_eq!(fs::read_to_string(tree.beside("secret")).unwrap(), "secret");
        assert_eq!(tree.read("x"), "new");
    });
}

/// Go `os.Root`: `ReadDir` asked what an entry is by its joined path, which a link could lead elsewhere.
#[test]
fn cve_2026_27139_readdir() {
    both(|tree| {
        tree.outside("secret", "a long secret");
        tree.file("d/secret", "");
        let mut listing = tree.root(rules()).list("d").unwrap();
        // The directory is exchanged for a link after it was opened.
        fs::rename(tree.path("d"), tree.path("moved")).unwrap();
        tree.link("../outside", "d");
        let entry = listing.next().unwrap().unwrap();
        assert_eq!(listing.facts(&entry).unwrap().size, 0);
        // And an entry for a link: it is looked at itself.
        fs::remove_file(tree.path("moved/secret")).unwrap();
        symlink(tree.beside("secret"), tree.path("moved/secret")).unwrap();
        let kind = listing.facts(&entry).map(|facts| facts.kind);
        // Without `O_PATH` nobody can look at a link.
        assert_eq!(
            kind,
            if PORTABLE {
                Err(Denial::Link)
            } else {
                Ok(Kind::Link)
            }
        );
    });
}

/// wasmtime: a file in a read-only directory was truncated by an open that was refused.
#[test]
fn ghsa_2r75_truncate() {
    both(|tree| {
        tree.file("x", "kept");
        tree.outside("secret", "kept");
        fs::hard_link(tree.beside("secret"), tree.path("linked")).unwrap();
        let root = tree.root(rules().read_only());
        assert_eq!(root.replace("x").unwrap_err(), Denial::ReadOnly);
        assert_eq!(root.append("x").unwrap_err(), Denial::ReadOnly);
        assert_eq!(root.create("x").unwrap_err(), Denial::ReadOnly);
        let root = tree.root(rules().max_file_size(1));
        assert_eq!(root.append("x").unwrap_err(), Denial::TooLarge { limit: 1 });
        assert_eq!(root.append("linked").unwrap_err(), Denial::HardLink);
        assert_eq!(root.create("x").unwrap_err(), Denial::Exists);
        drop(root.replace("x").unwrap());
        assert_eq!(
            (tree.read("x"), tree.read("linked")),
            ("kept".into(), "kept".into())
        );
    });
}

/// wasmtime: the same once more, when another directory was given with write access.
#[test]
fn ghsa_4ch3_truncate_beside_a_writable_directory() {
    both(|tree| {
        tree.file("x", "kept");
        let writable = tree.root(rules());
        let read_only = tree.root(rules().read_only());
        writable.read("x").unwrap();
        assert_eq!(read_only.replace("x").unwrap_err(), Denial::ReadOnly);
        assert_eq!(read_only.remove("x").unwrap_err(), Denial::ReadOnly);
        assert_eq!(tree.read("x"), "kept");
    });
}

fn hangs_at_no_fifo(name: &str) {
    both(|tree| {
        rustix::fs::mkfifoat(CWD, tree.path(name), Mode::RWXU).unwrap();
        let root = tree.root(rules());
        let started = Instant::now();
        assert_eq!(root.read(name).unwrap_err(), Denial::Fifo);
        assert_eq!(root.append(name).unwrap_err(), Denial::Fifo);
        assert!(started.elapsed() < Duration::from_secs(5));
    });
}

/// endara-relay: opening a FIFO waited for ever.
#[test]
fn endara_relay_156_fifo() {
    hangs_at_no_fifo("fifo");
}

/// MagicNet: the same, with the name of a document.
#[test]
fn magicnet_171_fifo() {
    hangs_at_no_fifo("report.md");
}

/// Deno: what deny rules named could be reached through a link.
#[test]
fn deno_33894_deny_rule_and_link() {
    both(|tree| {
        tree.file("private/key", "secret");
        tree.link("private", "p");
        tree.link("private/key", "k");
        let rules = rules().links(Links::InRoot).forbid_subtree("private");
        let Some(root) = tree.following(rules) else {
            return;
        };
        assert_eq!(root.read("p/key").unwrap_err(), Denial::ForbiddenFile);
        assert_eq!(root.list("p").unwrap_err(), Denial::ForbiddenFile);
        assert_eq!(root.read("k").unwrap_err(), Denial::ForbiddenFile);
    });
}

/// Deno: operations that do not follow links skipped the guard for special files.
#[test]
fn deno_34393_operations_that_follow_nothing_are_judged() {
    both(|tree| {
        tree.file("private/key", "secret");
        rustix::fs::mkfifoat(CWD, tree.path("fifo"), Mode::RWXU).unwrap();
        let root = tree.root(rules().forbid_subtree("private"));
        fs::rename(tree.path("private"), tree.path("p")).unwrap();
        assert_eq!(root.stat("p/key").unwrap_err(), Denial::ForbiddenFile);
        assert_eq!(root.remove("p/key").unwrap_err(), Denial::ForbiddenFile);
        assert_eq!(
            root.rename("p/key", "n").unwrap_err(),
            or_lacking(Denial::ForbiddenFile)
        );
        assert_eq!(
            root.rename("fifo", "n").unwrap_err(),
            or_lacking(Denial::Fifo)
        );
    });
}

/// Node's permission model: a link below an allowed directory is followed out of it, as documented.
#[test]
fn node_49154_allow_list_and_link() {
    both(|tree| {
        tree.link("/etc/passwd", "allowed.md");
        let rules = rules().links(Links::InRoot).allow_extensions(["md"]);
        let Some(root) = tree.following(rules) else {
            return;
        };
        assert_eq!(root.read("allowed.md").unwrap_err(), Denial::LinkLeaves);
    });
}

/// Hugo had to walk links itself: an extension that is allowed, of a link to one that is not.
#[test]
fn hugo_15316_extension_of_the_link() {
    both(|tree| {
        tree.file("id_rsa", "secret");
        tree.link("id_rsa", "note.md");
        let rules = rules().links(Links::InRoot).allow_extensions(["md"]);
        let Some(root) = tree.following(rules) else {
            return;
        };
        assert_eq!(
            root.read("note.md").unwrap_err(),
            Denial::ExtensionNotAllowed
        );
    });
}

fn makes_nothing_through_a_link_outside(path: &str) {
    both(|tree| {
        tree.link("../outside", "l");
        let root = tree.root(rules());
        for denial in [
            root.create(path).unwrap_err(),
            root.replace(path).unwrap_err(),
            root.make_directory(path).unwrap_err(),
        ] {
            assert_eq!(denial, Denial::Link);
        }
        assert_eq!(fs::read_dir(tree.beside("")).unwrap().count(), 0);
    });
}

/// DesktopCommander: a file that does not exist yet was not resolved, so its parent could be anywhere.
#[test]
fn desktop_commander_219_missing_file() {
    makes_nothing_through_a_link_outside("l/new");
}

/// DesktopCommander again.
#[test]
fn desktop_commander_420_missing_file() {
    makes_nothing_through_a_link_outside("l/new.txt");
}

/// cyanheads filesystem server: a check of the path as text, and then an open that followed links.
#[test]
fn cyanheads_21_checked_as_text() {
    both(|tree| {
        tree.outside("secret", "secret");
        tree.link(tree.beside(""), "notes");
        let root = tree.root(rules());
        assert_eq!(root.read("notes/secret").unwrap_err(), Denial::Link);
        assert_eq!(root.append("notes/secret").unwrap_err(), Denial::Link);
    });
}

/// fast-filesystem: the same.
#[test]
fn fast_filesystem_23_missing_file() {
    makes_nothing_through_a_link_outside("l/a_new_name");
}

/// TurboMCP S4: the maximum file size of the policy was never used.
#[test]
fn turbomcp_s4_maximum_size() {
    both(|tree| {
        tree.file("x", "0123456789");
        let root = tree.root(rules().max_file_size(9));
        assert_eq!(root.read("x").unwrap_err(), Denial::TooLarge { limit: 9 });
    });
}

/// TurboMCP S5: the permit was given back before the file was opened, so a limit of one let fifty through.
#[test]
fn turbomcp_s5_permit_is_held() {
    both(|tree| {
        tree.file("x", "fine");
        let root = tree.root(rules().concurrency(1));
        let opened: Vec<_> = (0..50).filter_map(|_| root.read("x").ok()).collect();
        assert_eq!(opened.len(), 1);
        drop(opened);
        root.read("x").unwrap();
    });
}

/// TurboMCP S6: a root whose own path has a link refused everything.
#[test]
fn turbomcp_s6_root_through_a_link() {
    both(|tree| {
        tree.file("x", "fine");
        symlink(tree.path(""), tree.beside("link")).unwrap();
        let rules = rules().build().unwrap();
        let root = Root::open_with(tree.beside("link"), rules, tree.capabilities).unwrap();
        assert_eq!(root.read("x").unwrap().read_all().unwrap(), b"fine");
    });
}

/// TurboMCP S7: a forbidden path that is a link forbade the link only.
#[test]
fn turbomcp_s7_forbidden_link() {
    both(|tree| {
        tree.file("real/x", "secret");
        tree.link("real", "private");
        let root = tree.root(rules().forbid_subtree("private"));
        assert_eq!(root.read("private/x").unwrap_err(), Denial::Forbidden);
        assert_eq!(root.read("real/x").unwrap_err(), Denial::ForbiddenFile);
        // And one that is named from outside.
        symlink(tree.path("real"), tree.beside("l")).unwrap();
        let path = tree.beside("l").into_os_string().into_encoded_bytes();
        let folder = tree.path("").canonicalize().unwrap();
        let rules = rules().root(folder.as_os_str().as_encoded_bytes());
        let root = tree.root(rules.forbid_subtree(path));
        assert_eq!(root.read("real/x").unwrap_err(), Denial::ForbiddenFile);
    });
}

/// TurboMCP S8: a new file could not be named by its name alone.
#[test]
fn turbomcp_s8_new_file_in_the_root() {
    both(|tree| {
        let mut file = tree.root(rules()).create("new").unwrap();
        file.write_all(b"text").unwrap();
        assert_eq!(tree.read("new"), "text");
    });
}

/// TurboMCP S9: a link that leads nowhere was accepted as a new file.
#[test]
fn turbomcp_s9_dangling_link() {
    both(|tree| {
        tree.link("../outside/new", "new");
        for links in [Links::Deny, Links::InRoot] {
            let Some(root) = tree.following(rules().links(links)) else {
                continue;
            };
            assert_eq!(root.create("new").unwrap_err(), Denial::Exists);
            assert_eq!(root.replace("new").unwrap_err(), Denial::Link);
            root.append("new").unwrap_err();
        }
        assert!(!tree.beside("new").exists());
    });
}
