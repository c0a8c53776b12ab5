//! What stands in the way of a path, found out the slow way: name by name with `lstat`, in a tree that stands still.
//!
//! Shares nothing with the contenders, and is a resolver of its own: what they open has to be what it finds. Links are
//! followed as in a tree that begins at the root (chroot), so that everything is seen that any contender may see.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use ravelin_runtime::core::path::Identity;

/// How many links are followed before a path counts as a loop: more than by any contender.
const LOOP: usize = 200;

/// What the text says, and what the tree says about it.
#[derive(Clone, Default, Debug)]
pub struct Trace {
    /// Is empty.
    pub empty: bool,
    /// Has a NUL byte.
    pub nul: bool,
    /// Begins with a slash, and not with the path of the root.
    pub absolute: bool,
    /// Begins with the path of the root.
    pub below_root: bool,
    /// Has a name `..`.
    pub parent: bool,
    /// Has a name `.`.
    pub dot: bool,
    /// Has two slashes in a row, below the root.
    pub empty_name: bool,
    /// Ends in a slash.
    pub slash: bool,
    /// Has a name that Windows or a reader may take for another.
    pub unportable: bool,
    /// How many names it has.
    pub depth: usize,
    /// How many links are followed.
    pub links: usize,
    /// Whether one of them is absolute.
    pub absolute_link: bool,
    /// Whether one of them leads above the root.
    pub link_above: bool,
    /// What is there at the end.
    pub end: End,
    /// Which file that is.
    pub identity: Option<Identity>,
}

/// What is at the end of a path.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub enum End {
    #[default]
    Nothing,
    File {
        names: u64,
    },
    Directory,
    /// Only where the last name is not followed.
    Link,
    Special,
}

impl End {
    fn of(told: &Metadata) -> Self {
        if told.is_symlink() {
            Self::Link
        } else if told.is_dir() {
            Self::Directory
        } else if told.is_file() {
            let names = told.nlink();
            Self::File { names }
        } else {
            Self::Special
        }
    }
}

/// Traces a path. `follows_last` says whether a link is followed that is named last.
pub fn trace(root: &Path, path: &[u8], follows_last: bool) -> Trace {
    let mut trace = Trace::default();
    let below = trace.read(root.as_os_str().as_bytes(), path);
    let mut names: VecDeque<Vec<u8>> = names(below).map(<[u8]>::to_vec).collect();
    let last = if follows_last { None } else { names.pop_back() };
    if let Some(place) = trace.walk(root, names) {
        let place = match last {
            Some(name) => place.join(OsStr::from_bytes(&name)),
            None => place,
        };
        if let Ok(told) = fs::symlink_metadata(&place) {
            let (device, inode) = (told.dev(), told.ino());
            trace.identity = Some(Identity { device, inode });
            trace.end = End::of(&told);
        }
    }
    trace
}

impl Trace {
    /// Reads the text, and gives what of it is below the root.
    fn read<'p>(&mut self, root: &[u8], path: &'p [u8]) -> &'p [u8] {
        self.empty = path.is_empty();
        self.nul = path.contains(&0);
        let stripped = path.strip_prefix(root);
        let stripped = stripped.filter(|rest| matches!(rest.first(), None | Some(b'/')));
        self.below_root = stripped.is_some();
        self.absolute = path.starts_with(b"/") && !self.below_root;
        let below = stripped.map_or(path, |rest| rest.get(1..).unwrap_or_default());
        self.slash = below.ends_with(b"/");
        let whole = below.strip_suffix(b"/").unwrap_or(below);
        self.empty_name =
            !whole.is_empty() && whole.split(|byte| *byte == b'/').any(<[u8]>::is_empty);
        let pieces = || below.split(|byte| *byte == b'/');
        self.parent = pieces().any(|name| name == b"..");
        self.dot = pieces().any(|name| name == b".");
        self.unportable = path.starts_with(b"//") || names(below).any(is_unportable);
        self.depth = names(below).count();
        below
    }

    /// Follows the names to a place that is no link. `None` where nothing is there.
    fn walk(&mut self, root: &Path, mut ahead: VecDeque<Vec<u8>>) -> Option<PathBuf> {
        let mut behind: Vec<Vec<u8>> = Vec::new();
        let mut of_link = 0_usize;
        while let Some(name) = ahead.pop_front() {
            let by_link = of_link > 0;
            of_link = of_link.saturating_sub(1);
            if name == b"." {
                continue;
            }
            if name == b".." {
                self.link_above |= behind.pop().is_none() && by_link;
                continue;
            }
            behind.push(name);
            let place = place(root, &behind);
            let told = fs::symlink_metadata(&place).ok()?;
            if !told.is_symlink() {
                if !ahead.is_empty() && !told.is_dir() {
                    return None;
                }
                continue;
            }
            self.links += 1;
            if self.links > LOOP {
                return None;
            }
            behind.pop();
            let target = fs::read_link(&place).ok()?;
            let target = target.as_os_str().as_bytes();
            if target.starts_with(b"/") {
                self.absolute_link = true;
                behind.clear();
            }
            for name in names(target).rev() {
                ahead.push_front(name.to_vec());
                of_link += 1;
            }
        }
        Some(place(root, &behind))
    }
}

fn names(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    path.split(|byte| *byte == b'/')
        .filter(|name| !name.is_empty())
}

fn place(root: &Path, names: &[Vec<u8>]) -> PathBuf {
    let mut place = root.to_path_buf();
    place.extend(names.iter().map(|name| OsStr::from_bytes(name)));
    place
}

/// Wider than what is refused: it explains a refusal and demands none.
fn is_unportable(name: &[u8]) -> bool {
    const DEVICES: [&str; 6] = ["con", "prn", "aux", "nul", "com", "lpt"];
    let odd =
        |byte: &u8| !byte.is_ascii_graphic() && *byte != b' ' || br#"\:<>"|?*~"#.contains(byte);
    let lower = name.to_ascii_lowercase();
    name.iter().any(odd)
        || name.ends_with(b".")
        || name.ends_with(b" ")
        || DEVICES
            .iter()
            .any(|device| lower.starts_with(device.as_bytes()))
}
