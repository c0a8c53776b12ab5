//! Where everything takes place: a root with files beside it that nobody may reach.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use ravelin_runtime::core::path::Identity;
use rustix::fs::{CWD, FileType, Mode};
use tempfile::TempDir;

use crate::layout::{Entry, Layout, SOURCE};

/// The name of the root in its directory.
pub const ROOT: &str = "tree";

/// What there is beside the root.
const OUTSIDE: [&str; 4] = [
    "canary.txt",
    "outside/canary.txt",
    "tree-private/canary.txt",
    "secret/key.pem",
];

/// A directory with a root in it.
pub struct Scene {
    _folder: TempDir,
    top: PathBuf,
}

/// Everything there is, inside of the root and beside it, by its path from the directory that both are in.
pub type Snapshot = BTreeMap<PathBuf, Node>;

/// What something is, without its identity: the same tree, laid twice, gives the same snapshot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Node {
    File(Vec<u8>),
    Directory,
    Link(PathBuf),
    Special,
}

impl Scene {
    pub fn new() -> Self {
        // In memory if there is such a place: thousands of trees are laid, and replacements wait for the disk.
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
        let folder = folder.expect("a directory can be made");
        let top = folder.path().canonicalize().expect("it is there");
        for path in OUTSIDE {
            write(&top, path);
        }
        fs::create_dir(top.join(ROOT)).expect("it can be made");
        Self {
            _folder: folder,
            top,
        }
    }

    pub fn root(&self) -> PathBuf {
        self.top.join(ROOT)
    }

    /// Puts a layout in the place of what is below the root. The root itself stays.
    pub fn lay(&self, layout: &Layout) {
        self.mend(layout, &Snapshot::new(), &self.snapshot());
    }

    /// Lays a layout again where it was changed: `before` is what it was like, and `after` what it is like.
    pub fn mend(&self, layout: &Layout, before: &Snapshot, after: &Snapshot) {
        let root = self.root();
        // What is in a directory goes before it.
        for (path, node) in after.iter().rev() {
            let below = path.starts_with(ROOT) && path.as_os_str() != ROOT;
            if below && before.get(path) != Some(node) {
                let place = self.top.join(path);
                let removed = match node {
                    Node::Directory => fs::remove_dir_all(place),
                    _ => fs::remove_file(place),
                };
                removed.expect("it can be removed");
            }
        }
        for entry in [Entry::File(SOURCE)].iter().chain(&layout.entries) {
            // What was made again has lost its other names.
            let shared = matches!(entry, Entry::HardLink(..));
            let place = root.join(entry.path());
            let there = fs::symlink_metadata(&place).is_ok();
            if there && shared {
                fs::remove_file(place).expect("it can be removed");
            }
            if shared || !there {
                self.put(&root, *entry);
            }
        }
    }

    /// What everything below the root is, and the root itself: nothing else may ever be opened.
    pub fn inside(&self) -> BTreeSet<Identity> {
        let mut found = BTreeSet::new();
        let root = self.root();
        found.insert(identity(&root));
        visit(&root, &mut |path, _| {
            found.insert(identity(path));
        });
        found
    }

    pub fn snapshot(&self) -> Snapshot {
        let mut found = Snapshot::new();
        visit(&self.top, &mut |path, kind| {
            let node = if kind.is_dir() {
                Node::Directory
            } else if kind.is_symlink() {
                Node::Link(fs::read_link(path).expect("it is a link"))
            } else if kind.is_file() {
                Node::File(fs::read(path).expect("it is a file"))
            } else {
                Node::Special
            };
            let path = path.strip_prefix(&self.top).expect("it lies below");
            found.insert(path.to_path_buf(), node);
        });
        found
    }

    fn put(&self, root: &Path, entry: Entry) {
        let place = root.join(entry.path());
        if let Some(parent) = place.parent() {
            fs::create_dir_all(parent).expect("a directory can be made");
        }
        match entry {
            Entry::File(path) => write(root, path),
            Entry::Directory(_) => fs::create_dir_all(place).expect("a directory can be made"),
            Entry::Link(_, target) => {
                let top = self.top.to_str().expect("names here are UTF-8");
                let target = target.replace("{root}", &format!("{top}/{ROOT}"));
                symlink(target.replace("{top}", top), place).expect("a link can be made");
            }
            Entry::HardLink(_, file) => {
                fs::hard_link(root.join(file), place).expect("a hard link can be made");
            }
            Entry::Fifo(_) => {
                rustix::fs::mknodat(CWD, &place, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)
                    .expect("a FIFO can be made");
            }
            // Its name stays when it is closed.
            Entry::Socket(_) => drop(UnixListener::bind(place).expect("a socket can be made")),
        }
    }
}

impl Default for Scene {
    fn default() -> Self {
        Self::new()
    }
}

fn visit(directory: &Path, found: &mut dyn FnMut(&Path, fs::FileType)) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let entry = entry.expect("it is listed");
        let kind = entry.file_type().expect("its kind is known");
        found(&entry.path(), kind);
        if kind.is_dir() {
            visit(&entry.path(), found);
        }
    }
}

fn identity(path: &Path) -> Identity {
    let told = fs::symlink_metadata(path).expect("it is there");
    let (device, inode) = (told.dev(), told.ino());
    Identity { device, inode }
}

fn write(at: &Path, path: &str) {
    let place = at.join(path);
    if let Some(parent) = place.parent() {
        fs::create_dir_all(parent).expect("a directory can be made");
    }
    fs::write(&place, place.as_os_str().as_bytes()).expect("a file can be written");
}
