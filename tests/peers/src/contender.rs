//! Who is compared, and how each is asked for the same operation.

use std::ffi::OsStr;
use std::fs::{File, Permissions};
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;

use cap_std::fs::{MetadataExt as _, OpenOptionsExt as _};
use pathrs::InodeType;
use pathrs::flags::{OpenFlags, RenameFlags};
use ravelin_runtime::core::path::{
    Capabilities, Denial, Dialect, Facts, HardLinks, Identity, Links, Rules,
};
use ravelin_runtime::files::Root;

use crate::layout::SOURCE;

/// The other name of a rename, which is free.
const FRESH: &str = "fresh";

/// What a replacement holds.
const CONTENT: &[u8] = b"replaced";

/// Where the peers, which cannot replace, put the new file before they rename it.
const TEMPORARY: &str = ".temporary";

/// What is done with a path.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Operation {
    Read,
    Append,
    List,
    Stat,
    Create,
    MakeDirectory,
    Remove,
    /// To a name that is free.
    RenameFrom,
    /// Of a file that is there.
    RenameTo,
    Replace,
}

impl Operation {
    /// All of them; those that open come before those that change the tree.
    pub const ALL: [Self; 10] = [
        Self::Read,
        Self::Append,
        Self::List,
        Self::Stat,
        Self::Create,
        Self::MakeDirectory,
        Self::Remove,
        Self::RenameFrom,
        Self::RenameTo,
        Self::Replace,
    ];

    /// Whether something is opened that is there; the others change the tree, in the directory that the last name is in.
    pub const fn opens(self) -> bool {
        matches!(self, Self::Read | Self::Append | Self::List | Self::Stat)
    }

    /// Whether what has the name is changed itself.
    pub const fn takes(self) -> bool {
        matches!(self, Self::Remove | Self::RenameFrom | Self::Replace)
    }
}

/// What was opened; nothing if the operation changes the tree.
pub type Answer<E> = Result<Option<Identity>, E>;

/// Under which rules ours is asked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Mode {
    /// Any name of POSIX, no links: only containment decides.
    Deny,
    /// Any name of POSIX, links that stay below the root.
    InRoot,
    /// What rules are without settings.
    Default,
}

/// The open machine.
pub struct Ours {
    pub mode: Mode,
    pub one_shot: bool,
    root: Root,
}

impl Ours {
    /// All modes, each with `openat2` and without: neighbours have the same mode.
    pub fn all(root: &Path) -> Vec<Self> {
        let modes = [Mode::Deny, Mode::InRoot, Mode::Default];
        let ways = modes.map(|mode| [true, false].map(|one_shot| (mode, one_shot)));
        let ways = ways.into_iter().flatten();
        ways.map(|(mode, one_shot)| Self::new(root, mode, one_shot))
            .collect()
    }

    fn new(path: &Path, mode: Mode, one_shot: bool) -> Self {
        let rules = Rules::builder().root(path.as_os_str().as_bytes());
        let free = rules
            .clone()
            .dialect(Dialect::Posix)
            .accept_bytes()
            .hard_links(HardLinks::Allow)
            .max_depth(u16::MAX)
            .max_file_size(u64::MAX);
        let rules = match mode {
            Mode::Deny => free.links(Links::Deny),
            Mode::InRoot => free.links(Links::InRoot),
            Mode::Default => rules,
        };
        let capabilities = Capabilities {
            one_shot,
            cached: one_shot,
            case_exact: true,
        };
        let rules = rules.build().expect("these settings work");
        let root = Root::open_with(path, rules, capabilities).expect("the root is a directory");
        Self {
            mode,
            one_shot,
            root,
        }
    }

    pub fn carry_out(&self, operation: Operation, path: &[u8]) -> Answer<Denial> {
        let root = &self.root;
        let opened = |facts: Facts| Some(facts.identity);
        let done = |_| None;
        match operation {
            Operation::Read => {
                // As an adapter reads: first from memory, which the walk never does.
                let cached = root.try_read(path)?;
                let file = cached.map_or_else(|| root.read(path), Ok);
                file.map(|file| opened(*file.facts()))
            }
            Operation::Append => root.append(path).map(|file| opened(*file.facts())),
            Operation::List => root.list(path).map(|list| opened(*list.directory())),
            Operation::Stat => root.stat(path).map(opened),
            Operation::Create => root.create(path).map(|_| None),
            Operation::MakeDirectory => root.make_directory(path).map(done),
            Operation::Remove => root.remove(path).map(done),
            Operation::RenameFrom => root.rename(path, FRESH).map(done),
            Operation::RenameTo => root.rename(SOURCE, path).map(done),
            Operation::Replace => {
                let mut file = root.replace(path)?;
                file.write_all(CONTENT).expect("a small file is written");
                file.commit().map(done)
            }
        }
    }
}

/// Whose implementation it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Name {
    CapStd,
    Pathrs,
}

impl Name {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CapStd => "cap-std",
            Self::Pathrs => "pathrs",
        }
    }
}

/// One of the others.
pub enum Peer {
    CapStd(cap_std::fs::Dir),
    Pathrs(pathrs::Root),
}

impl Peer {
    pub fn all(root: &Path) -> [Self; 2] {
        let authority = cap_std::ambient_authority();
        let dir = cap_std::fs::Dir::open_ambient_dir(root, authority);
        let other = pathrs::Root::open(root);
        [
            Self::CapStd(dir.expect("the root is a directory")),
            Self::Pathrs(other.expect("the root is a directory")),
        ]
    }

    pub const fn name(&self) -> Name {
        match self {
            Self::CapStd(_) => Name::CapStd,
            Self::Pathrs(_) => Name::Pathrs,
        }
    }

    pub fn carry_out(&self, operation: Operation, path: &[u8]) -> Answer<String> {
        let path = Path::new(OsStr::from_bytes(path));
        match self {
            Self::CapStd(dir) => ask_cap_std(dir, operation, path).map_err(|e| e.to_string()),
            Self::Pathrs(root) => ask_pathrs(root, operation, path).map_err(|e| e.to_string()),
        }
    }
}

fn ask_cap_std(
    dir: &cap_std::fs::Dir,
    operation: Operation,
    path: &Path,
) -> std::io::Result<Option<Identity>> {
    let mut options = cap_std::fs::OpenOptions::new();
    // A FIFO must not wait for its other end.
    options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32);
    match operation {
        Operation::Read => {
            let file = dir.open_with(path, options.read(true))?;
            return identity(&file.into_std()).map(Some);
        }
        Operation::Append => {
            let file = dir.open_with(path, options.append(true))?;
            return identity(&file.into_std()).map(Some);
        }
        Operation::List => return identity(&dir.open_dir(path)?.into_std_file()).map(Some),
        Operation::Stat => {
            let told = dir.metadata(path)?;
            let (device, inode) = (told.dev(), told.ino());
            return Ok(Some(Identity { device, inode }));
        }
        Operation::Create => {
            dir.open_with(path, options.write(true).create_new(true))?;
        }
        Operation::MakeDirectory => dir.create_dir(path)?,
        Operation::Remove => dir.remove_file(path).or_else(|_| dir.remove_dir(path))?,
        Operation::RenameFrom => dir.rename(path, dir, FRESH)?,
        Operation::RenameTo => dir.rename(SOURCE, dir, path)?,
        Operation::Replace => {
            dir.write(TEMPORARY, CONTENT)?;
            if let Err(error) = dir.rename(TEMPORARY, dir, path) {
                dir.remove_file(TEMPORARY)?;
                return Err(error);
            }
        }
    }
    Ok(None)
}

fn ask_pathrs(
    root: &pathrs::Root,
    operation: Operation,
    path: &Path,
) -> Result<Option<Identity>, pathrs::error::Error> {
    let opened = |file: File| Some(identity(&file).expect("an open file has an identity"));
    let waits_not = OpenFlags::O_NONBLOCK | OpenFlags::O_NOCTTY;
    let private = Permissions::from_mode(0o600);
    match operation {
        Operation::Read => {
            let flags = OpenFlags::O_RDONLY | waits_not;
            return root.open_subpath(path, flags).map(opened);
        }
        Operation::Append => {
            let flags = OpenFlags::O_WRONLY | OpenFlags::O_APPEND | waits_not;
            return root.open_subpath(path, flags).map(opened);
        }
        Operation::List => {
            let flags = OpenFlags::O_RDONLY | OpenFlags::O_DIRECTORY;
            return root.open_subpath(path, flags).map(opened);
        }
        Operation::Stat => {
            let handle = std::os::fd::OwnedFd::from(root.resolve(path)?);
            return Ok(opened(handle.into()));
        }
        Operation::Create => {
            root.create_file(path, OpenFlags::O_WRONLY | OpenFlags::O_EXCL, &private)?;
        }
        Operation::MakeDirectory => {
            let private = Permissions::from_mode(0o700);
            root.create(path, &InodeType::Directory(private))?;
        }
        Operation::Remove => root.remove_file(path).or_else(|_| root.remove_dir(path))?,
        Operation::RenameFrom => root.rename(path, FRESH, RenameFlags::RENAME_NOREPLACE)?,
        Operation::RenameTo => root.rename(SOURCE, path, RenameFlags::RENAME_NOREPLACE)?,
        Operation::Replace => {
            let flags = OpenFlags::O_WRONLY | OpenFlags::O_EXCL;
            let mut file = root.create_file(TEMPORARY, flags, &private)?;
            file.write_all(CONTENT).expect("a small file is written");
            if let Err(error) = root.rename(TEMPORARY, path, RenameFlags::empty()) {
                root.remove_file(TEMPORARY)?;
                return Err(error);
            }
        }
    }
    Ok(None)
}

fn identity(file: &File) -> std::io::Result<Identity> {
    let told = file.metadata()?;
    let (device, inode) = (told.dev(), told.ino());
    Ok(Identity { device, inode })
}
