//! Every string of the corpus that the rules accept is really opened: what comes out lies below the root, and is never
//! one of the canaries beside it.
#![cfg(all(feature = "files", target_os = "linux"))]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

#[allow(
    dead_code,
    unreachable_pub,
    reason = "shared with the tests that only judge"
)]
#[path = "../../tests/support/paths/grid.rs"]
mod grid;
#[path = "files/namespace.rs"]
#[expect(dead_code, reason = "another test needs more of it")]
mod namespace;
#[path = "files/seccomp.rs"]
mod seccomp;

use std::fs;
use std::io::Read as _;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

use ravelin_runtime::core::path::{Denial, Dialect, Links, Rules, uri};
use ravelin_runtime::files::Root;
use seccomp::Way;

/// Whether the portable executor runs.
const PORTABLE: bool = cfg!(ravelin_portable_files);

const INSIDE: &str = "inside";

#[test]
fn what_is_opened_lies_below_the_root() {
    let tree = Tree::new();
    let mut all = Opened::default();
    for dialect in [Dialect::Posix, Dialect::Portable] {
        for links in [Links::Deny, Links::InRoot] {
            for way in Way::ALL {
                let root = match tree.root(dialect, links, way) {
                    // The portable executor reads no links.
                    Err(Denial::SystemLinks) if PORTABLE && links != Links::Deny => continue,
                    opened => opened.unwrap(),
                };
                let Some(opened) = way.run(|| tree.open_all(&root, dialect)) else {
                    continue;
                };
                println!("{dialect:?}, {links:?}, {way:?}: {opened:?}");
                // Each file has several spellings; with none opened nothing would have been shown.
                assert!(
                    opened.files >= 10,
                    "{dialect:?} {links:?} {way:?}: {opened:?}"
                );
                all.strings += opened.strings;
                all.files += opened.files;
            }
        }
    }
    println!("{} strings judged, {} files opened", all.strings, all.files);
    let (strings, files) = if PORTABLE {
        (1_000_000, 60)
    } else {
        (2_000_000, 120)
    };
    assert!(all.strings >= strings && all.files >= files, "{all:?}");
}

/// Otherwise the test could pass because no string leads to a canary.
#[test]
fn some_strings_lead_to_a_canary_when_they_are_opened_by_name() {
    let tree = Tree::new();
    let root = tree.path("root");
    let found = grid::strings(root.to_str().unwrap())
        .filter_map(|text| String::from_utf8(text).ok())
        .filter(|text| !text.contains('\0'))
        .filter_map(|text| fs::read_to_string(root.join(text)).ok())
        .filter(|content| content != INSIDE)
        .count();
    println!("{found} strings lead to a canary, or elsewhere");
    assert!(found >= 30, "{found}");
}

#[derive(Debug, Default)]
struct Opened {
    strings: usize,
    files: usize,
}

struct Tree(tempfile::TempDir);

impl Tree {
    fn new() -> Self {
        let tree = Self(tempfile::tempdir().unwrap());
        for name in grid::INSIDE {
            write(&tree.path("root").join(name), INSIDE);
        }
        for name in grid::OUTSIDE {
            write(&tree.path(name), "canary");
        }
        tree
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().canonicalize().unwrap().join(name)
    }

    fn root(&self, dialect: Dialect, links: Links, way: Way) -> Result<Root, Denial> {
        let path = self.path("root");
        let rules = Rules::builder().root(path.to_str().unwrap());
        let rules = rules.dialect(dialect).links(links).build().unwrap();
        Root::open_with(path, rules, way.capabilities())
    }

    fn open_all(&self, root: &Root, dialect: Dialect) -> Opened {
        let below = self.path("root");
        let name = below.to_str().unwrap();
        let mut opened = Opened::default();
        let mut buffer = vec![0; 8192];
        for text in grid::strings(name) {
            opened.strings += 2;
            opened.files += usize::from(open(root, &below, &text));
            let uri = grid::as_uri(&text, name);
            if let Ok(path) = uri::decode(&uri, dialect, &mut buffer) {
                opened.files += usize::from(open(root, &below, path));
            }
        }
        opened
    }
}

/// Whether a file was opened, which then is one of ours.
fn open(root: &Root, below: &Path, path: &[u8]) -> bool {
    let Ok(mut file) = root.read(path) else {
        return false;
    };
    let shown = path.escape_ascii();
    let mut content = String::new();
    file.read_to_string(&mut content).unwrap();
    assert_eq!(content, INSIDE, "{shown}");
    let (file, _permit) = file.into_parts().unwrap();
    let place = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap();
    assert!(place.starts_with(below), "{shown} is {}", place.display());
    true
}

fn write(path: &Path, content: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}
