//! Files below a root on every system that has them, Windows among them, with the rules that all share. What a system
//! cannot do has to be refused, and to change nothing.
#![cfg(all(feature = "files", any(unix, windows)))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use ravelin_runtime::core::path::{
    Denial, Dialect, HardLinks, Kind, Links, Owner, Rules, RulesBuilder,
};
use ravelin_runtime::files::Root;

/// Whether the portable executor runs, and where.
const WINDOWS: bool = cfg!(windows);
const PORTABLE: bool = cfg!(any(windows, ravelin_portable_files));

#[test]
fn a_file_is_read() {
    let tree = Tree::new();
    tree.file("a/b/may.md", "rain");
    let root = tree.root(rules());
    let file = root.read("a/b/may.md").unwrap();
    assert_eq!((file.facts().kind, file.facts().size), (Kind::Regular, 4));
    assert_eq!(file.facts().nlink, 1);
    assert_eq!(file.resolved(), Some(&b"a/b/may.md"[..]));
    assert_eq!(file.read_all().unwrap(), b"rain");
    for (path, denial) in [
        ("a/b/june.md", Denial::NotFound),
        ("a/c/may.md", Denial::NotFound),
        ("a/b/may.md/x", Denial::NotDirectory),
        ("a/b", Denial::IsDirectory),
    ] {
        assert_eq!(root.read(path).unwrap_err(), denial, "{path}");
        assert_eq!(root.append(path).unwrap_err(), denial, "{path}");
    }
    assert_eq!(root.stat("a/b").unwrap().kind, Kind::Directory);
    assert_eq!(root.stat("a/b/may.md").unwrap().size, 4);
    assert_eq!(root.open_files(), 0);
    if PORTABLE {
        assert!(root.try_read("a/b/may.md").unwrap().is_none());
    }
}

#[test]
fn names_that_windows_reads_in_another_way_are_refused_everywhere() {
    let tree = Tree::new();
    tree.file("a.txt", "fine");
    tree.file("longfilename.text", "fine");
    fs::write(tree.beside("secret"), "secret").unwrap();
    let beside = tree.beside("secret");
    let absolute = beside.to_str().unwrap();
    let root = tree.root(rules());
    let paths = [
        ("../outside/secret", Denial::ParentDirectory),
        ("./a.txt", Denial::CurrentDirectory),
        (r"..\outside\secret", Denial::Backslash),
        (
            absolute,
            if WINDOWS {
                Denial::Drive
            } else {
                Denial::Absolute
            },
        ),
        ("C:a.txt", Denial::DriveRelative),
        (r"\a.txt", Denial::Rooted),
        (r"\\server\share\a.txt", Denial::Unc),
        (r"\\?\C:\a.txt", Denial::Verbatim),
        (r"\\.\pipe\a", Denial::Verbatim),
        (r"\??\C:\a.txt", Denial::Verbatim),
        ("NUL", Denial::Device),
        ("con", Denial::Device),
        ("COM1", Denial::Device),
        ("lpt9.txt", Denial::Device),
        ("aux .txt", Denial::Device),
        ("CONIN$", Denial::Device),
        ("a.txt:x", Denial::Stream),
        ("a.txt::$DATA", Denial::Stream),
        ("LONGFI~1.TEX", Denial::ShortName),
        ("a.txt.", Denial::TrailingDotOrSpace),
        ("a.txt ", Denial::TrailingDotOrSpace),
        ("a.tx?", Denial::Reserved),
        ("a.*", Denial::Reserved),
    ];
    for (path, denial) in paths {
        assert_eq!(root.read(path).unwrap_err(), denial, "{path}");
        assert_eq!(root.create(path).unwrap_err(), denial, "{path}");
        assert_eq!(root.remove(path).unwrap_err(), denial, "{path}");
    }
    assert_eq!(tree.names(), ["a.txt", "longfilename.text"]);
}

#[test]
fn the_windows_dialect_reads_both_separators_and_drives() {
    let tree = Tree::new();
    tree.file("a/b.txt", "fine");
    let root = tree.root(rules().dialect(Dialect::Windows));
    for path in [r"a\b.txt", "a/b.txt"] {
        assert_eq!(root.read(path).unwrap().read_all().unwrap(), b"fine");
    }
    let denial = root.read(r"a\..\a\b.txt").unwrap_err();
    assert_eq!(denial, Denial::ParentDirectory);
    if WINDOWS {
        let folder = tree.path("").to_str().unwrap().to_owned();
        let named = rules()
            .dialect(Dialect::Windows)
            .root(folder.trim_end_matches('\\'));
        let root = Root::open_named(named.build().unwrap()).unwrap();
        let path = tree.path("a").join("b.txt").to_str().unwrap().to_owned();
        assert_eq!(root.read(&path).unwrap().read_all().unwrap(), b"fine");
        let beside = tree.beside("b.txt").to_str().unwrap().to_owned();
        assert_eq!(root.read(beside).unwrap_err(), Denial::OutsideRoots);
    }
}

#[test]
fn rules_that_a_system_cannot_keep_are_refused_with_the_root() {
    let tree = Tree::new();
    let opened = |rules: RulesBuilder| {
        let opened = Root::open(tree.path(""), rules.build().unwrap());
        opened.map(drop)
    };
    let links = if PORTABLE {
        Err(Denial::SystemLinks)
    } else {
        opened(rules())
    };
    let expected = |denial| if WINDOWS { Err(denial) } else { Ok(()) };
    if PORTABLE || cfg!(target_os = "linux") {
        assert_eq!(opened(rules().links(Links::InRoot)), links);
        assert_eq!(opened(rules().links(Links::Trusted)), links);
    }
    let owned = opened(rules().owner(Owner::UserOrRoot(0)));
    assert_eq!(owned, expected(Denial::SystemOwners));
    let posix = opened(rules().dialect(Dialect::Posix));
    assert_eq!(posix, expected(Denial::SystemNames));
    assert_eq!(opened(rules()), Ok(()));
}

#[test]
fn files_are_made_grown_and_removed() {
    let tree = Tree::new();
    fs::create_dir(tree.path("d")).unwrap();
    let root = tree.root(rules().max_file_size(10));
    let mut file = root.create("d/x").unwrap();
    file.write_all(b"one").unwrap();
    drop(file);
    assert_eq!(root.create("d/x").unwrap_err(), Denial::Exists);
    assert_eq!(root.create("d").unwrap_err(), Denial::Exists);
    assert_eq!(root.create("n/x").unwrap_err(), Denial::NotFound);
    let mut file = root.append("d/x").unwrap();
    file.write_all(b" two").unwrap();
    assert!(file.write_all(b" three").is_err(), "more than 10 bytes");
    drop(file);
    assert_eq!(tree.read("d/x"), "one two th");
    assert_eq!(root.append("d/y").unwrap_err(), Denial::NotFound);

    let no_directories = |denial| {
        if WINDOWS {
            Denial::SystemOperation
        } else {
            denial
        }
    };
    let denial = root.remove("d").unwrap_err();
    assert_eq!(denial, no_directories(Denial::NotEmpty));
    assert_eq!(tree.read("d/x"), "one two th");
    assert_eq!(root.remove("d/x/").unwrap_err(), Denial::NotDirectory);
    assert_eq!(root.remove("d/x").unwrap().size, 10);
    assert!(!tree.path("d/x").exists());
    assert_eq!(root.remove("d/x").unwrap_err(), Denial::NotFound);
    match root.remove("d") {
        Ok(facts) => assert_eq!(facts.kind, Kind::Directory),
        Err(denial) => assert_eq!(denial, no_directories(Denial::NotFound)),
    }
    assert_eq!(tree.path("d").exists(), WINDOWS);
    assert_eq!(root.open_files(), 0);
}

#[test]
fn what_is_only_done_by_a_path_is_refused_and_changes_nothing() {
    let tree = Tree::new();
    tree.file("d/x", "old");
    let root = tree.root(rules());
    if WINDOWS {
        let lacking = Denial::SystemOperation;
        assert_eq!(root.list("d").unwrap_err(), lacking);
        assert_eq!(root.replace("d/x").unwrap_err(), lacking);
        assert_eq!(root.make_directory("e").unwrap_err(), lacking);
    } else {
        assert_eq!(root.list("d").unwrap().count(), 1);
        let mut new = root.replace("d/x").unwrap();
        new.write_all(b"new").unwrap();
        new.commit().unwrap();
        root.make_directory("e").unwrap();
        root.remove("e").unwrap();
    }
    if PORTABLE {
        let lacking = Denial::SystemOperation;
        assert_eq!(root.rename("d/x", "y").unwrap_err(), lacking);
        // What is wrong with the text is said first.
        let denial = root.rename("../x", "y").unwrap_err();
        assert_eq!(denial, Denial::ParentDirectory);
    }
    assert_eq!(tree.read("d/x"), if WINDOWS { "old" } else { "new" });
    assert_eq!(tree.names(), ["d"]);
    assert_eq!(root.open_files(), 0);
}

#[test]
fn large_and_growing_files_are_cut_off() {
    let tree = Tree::new();
    tree.file("fits", "0123456789");
    tree.file("large", "0123456789x");
    let limit = 10;
    let root = tree.root(rules().max_file_size(limit));
    assert_eq!(root.read("large").unwrap_err(), Denial::TooLarge { limit });
    assert_eq!(
        root.append("large").unwrap_err(),
        Denial::TooLarge { limit }
    );
    let file = root.read("fits").unwrap();
    let mut by_hand = root.read("fits").unwrap();
    let mut grown = fs::OpenOptions::new()
        .append(true)
        .open(tree.path("fits"))
        .unwrap();
    grown.write_all(b"more and more").unwrap();
    assert_eq!(file.read_all().unwrap_err(), Denial::TooLarge { limit });
    let error = by_hand.read(&mut [0; 100]).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::FileTooLarge);
}

#[test]
fn hard_links_are_counted() {
    let tree = Tree::new();
    fs::write(tree.beside("secret"), "secret").unwrap();
    fs::hard_link(tree.beside("secret"), tree.path("name")).unwrap();
    let root = tree.root(rules());
    assert_eq!(root.read("name").unwrap().facts().nlink, 2);
    assert_eq!(root.append("name").unwrap_err(), Denial::HardLink);
    let root = tree.root(rules().hard_links(HardLinks::Deny));
    assert_eq!(root.read("name").unwrap_err(), Denial::HardLink);
    // Removing takes away one name.
    root.remove("name").unwrap();
    assert_eq!(fs::read_to_string(tree.beside("secret")).unwrap(), "secret");
}

#[test]
fn what_is_forbidden_is_known_by_identity() {
    let tree = Tree::new();
    tree.file("secret/deep/x", "secret");
    tree.file("key", "secret");
    fs::write(tree.beside("far"), "secret").unwrap();
    fs::hard_link(tree.beside("far"), tree.path("near")).unwrap();
    let beside = tree.beside("far");
    let forbidden = rules().forbid_subtree("secret").forbid_subtree("key");
    let root = tree.root(forbidden.forbid_subtree("missing"));
    assert_eq!(root.read("secret/deep/x").unwrap_err(), Denial::Forbidden);
    assert_eq!(root.read("SECRET/deep/x").unwrap_err(), Denial::Forbidden);
    fs::hard_link(tree.path("key"), tree.path("name")).unwrap();
    assert_eq!(root.read("name").unwrap_err(), Denial::ForbiddenFile);
    fs::rename(tree.path("secret"), tree.path("public")).unwrap();
    for denial in [
        root.read("public/deep/x").unwrap_err(),
        root.create("public/new").unwrap_err(),
        root.stat("public").unwrap_err(),
        root.remove("public/deep/x").unwrap_err(),
    ] {
        assert_eq!(denial, Denial::ForbiddenFile);
    }
    assert!(!tree.path("public/new").exists());

    let named = rules()
        .dialect(if WINDOWS {
            Dialect::Windows
        } else {
            Dialect::Portable
        })
        .root(
            tree.path("")
                .to_str()
                .unwrap()
                .trim_end_matches(['/', '\\']),
        )
        .forbid_subtree(beside.to_str().unwrap());
    let root = Root::open_named(named.build().unwrap()).unwrap();
    assert_eq!(root.read("near").unwrap_err(), Denial::ForbiddenFile);
}

#[test]
fn a_link_is_not_followed() {
    let tree = Tree::new();
    fs::write(tree.beside("secret"), "secret").unwrap();
    tree.file("x", "fine");
    let made = [
        (
            link_directory(&tree.beside(""), &tree.path("d")),
            "d/secret",
        ),
        (link_file(&tree.beside("secret"), &tree.path("f")), "f"),
    ];
    let root = tree.root(rules());
    for (made, path) in made {
        if !made {
            skip("a link or a junction");
            continue;
        }
        for denial in [
            root.read(path).unwrap_err(),
            root.append(path).unwrap_err(),
            root.stat(path).unwrap_err(),
            root.remove(path).unwrap_err(),
        ] {
            assert_eq!(denial, Denial::Link, "{path}");
        }
    }
    assert_eq!(fs::read_to_string(tree.beside("secret")).unwrap(), "secret");
    assert_eq!(root.read("x").unwrap().read_all().unwrap(), b"fine");
}

#[test]
fn a_forbidden_link_out_of_the_root_is_followed_or_refused() {
    let tree = Tree::new();
    if !link_directory(&tree.beside(""), &tree.path("private")) {
        return skip("a link or a junction");
    }
    let rules = rules().forbid_subtree("private").build().unwrap();
    let opened = Root::open(tree.path(""), rules).map(drop);
    let expected = if PORTABLE {
        Err(Denial::LinkLeaves)
    } else {
        Ok(())
    };
    assert_eq!(opened, expected);
}

#[test]
fn permits_are_counted_exactly() {
    let tree = Tree::new();
    tree.file("x", "fine");
    let root = tree.root(rules().concurrency(1));
    let file = root.read("x").unwrap();
    let limit = 1;
    assert_eq!(root.read("x").unwrap_err(), Denial::TooManyOpen { limit });
    drop(file);
    root.read("x").unwrap();
    assert_eq!(root.open_files(), 0);
}

/// Says so and goes on, or fails where nothing may be missing.
fn skip(what: &str) {
    println!("SKIPPED: needs {what}");
    // Wine makes neither; Windows makes junctions for everybody.
    let is_set = |name| std::env::var_os(name).is_some();
    assert!(
        !is_set("RAVELIN_REQUIRE_ALL") || is_set("RAVELIN_WINE"),
        "{what}"
    );
}

#[cfg(unix)]
fn link_file(target: &Path, path: &Path) -> bool {
    std::os::unix::fs::symlink(target, path).is_ok()
}

#[cfg(unix)]
fn link_directory(target: &Path, path: &Path) -> bool {
    link_file(target, path)
}

#[cfg(windows)]
fn link_file(target: &Path, path: &Path) -> bool {
    std::os::windows::fs::symlink_file(target, path).is_ok() && is_reparse_point(path)
}

#[cfg(windows)]
fn link_directory(target: &Path, path: &Path) -> bool {
    let made = std::process::Command::new("cmd")
        .args(["/c", "mklink", "/J"])
        .args([path, target])
        .output();
    made.is_ok_and(|output| output.status.success()) && is_reparse_point(path)
}

#[cfg(windows)]
fn is_reparse_point(path: &Path) -> bool {
    use std::os::windows::fs::MetadataExt as _;

    fs::symlink_metadata(path).is_ok_and(|told| told.file_attributes() & 0x400 != 0)
}

fn rules() -> RulesBuilder {
    Rules::builder()
}

/// A root, and a directory beside it.
struct Tree {
    /// Removed in the end.
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl Tree {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // A folder of the system may be a link itself, or have a short name; what `\\?\` begins is no root for rules.
        let plain = folder.path().canonicalize().unwrap();
        let tree = Self {
            path: plain.to_str().unwrap().trim_start_matches(r"\\?\").into(),
            _folder: folder,
        };
        fs::create_dir(tree.path("")).unwrap();
        fs::create_dir(tree.beside("")).unwrap();
        tree
    }

    fn root(&self, rules: RulesBuilder) -> Root {
        Root::open(self.path(""), rules.build().unwrap()).unwrap()
    }

    fn path(&self, path: &str) -> PathBuf {
        self.path.join("root").join(path)
    }

    fn beside(&self, path: &str) -> PathBuf {
        self.path.join("outside").join(path)
    }

    fn file(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("")).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort_unstable();
        names
    }
}
