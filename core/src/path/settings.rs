//! What rules are made from.

use alloc::vec::Vec;
use core::fmt;

use super::rules::{Dialect, Rules};

mod compile;

pub(super) use compile::Compiled;

/// The longest path, in bytes: `PATH_MAX` of Linux without its NUL.
pub(super) const MAX_PATH: usize = 4095;

/// The longest component, in bytes: `NAME_MAX` of Linux. NTFS and APFS count fewer units for the same name.
pub(super) const MAX_NAME: usize = 255;

/// The most roots, and the most entries of each list.
const MAX_ENTRIES: usize = 256;

/// Makes [`Rules`]. Nothing is looked at before [`build`](Self::build).
///
/// | setting | default |
/// |---|---|
/// | [`dialect`](Self::dialect) | [`Dialect::Portable`] |
/// | [`root`](Self::root) | none: paths are relative, and the adapter brings root 0 |
/// | [`absolute`](Self::absolute) | [`Absolute::Allow`]: below a root |
/// | [`max_file_size`](Self::max_file_size) | 10 MiB |
/// | [`max_depth`](Self::max_depth) | 32 components |
/// | [`allow_extensions`](Self::allow_extensions) | no list: all are allowed |
/// | [`forbid_extensions`](Self::forbid_extensions), [`forbid_subtree`](Self::forbid_subtree) | none |
/// | [`links`](Self::links) | [`Links::Deny`] |
/// | [`hard_links`](Self::hard_links) | [`HardLinks::DenyWrites`] |
/// | [`owner`](Self::owner) | [`Owner::Any`] |
/// | [`devices`](Self::devices) | [`Devices::Same`] |
/// | [`concurrency`](Self::concurrency) | 100 open files |
/// | [`deny_percent`](Self::deny_percent), [`accept_bytes`](Self::accept_bytes), [`read_only`](Self::read_only) | off |
#[derive(Clone, Debug)]
#[must_use]
pub struct RulesBuilder {
    pub(super) plain: Plain,
    roots: Vec<Vec<u8>>,
    allowed_extensions: Option<Vec<Vec<u8>>>,
    forbidden_extensions: Vec<Vec<u8>>,
    forbidden_subtrees: Vec<Vec<u8>>,
}

/// The settings that are used as they are given.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plain {
    pub(super) dialect: Dialect,
    pub(super) absolute: Absolute,
    pub(super) max_file_size: u64,
    pub(super) max_depth: u16,
    pub(super) links: Links,
    pub(super) hard_links: HardLinks,
    pub(super) owner: Owner,
    pub(super) devices: Devices,
    pub(super) concurrency: u32,
    pub(super) deny_percent: bool,
    pub(super) accept_bytes: bool,
    pub(super) read_only: bool,
}

impl RulesBuilder {
    pub(super) const fn new() -> Self {
        Self {
            plain: Plain {
                dialect: Dialect::Portable,
                absolute: Absolute::Allow,
                max_file_size: 10 << 20,
                max_depth: 32,
                links: Links::Deny,
                hard_links: HardLinks::DenyWrites,
                owner: Owner::Any,
                devices: Devices::Same,
                concurrency: 100,
                deny_percent: false,
                accept_bytes: false,
                read_only: false,
            },
            roots: Vec::new(),
            allowed_extensions: None,
            forbidden_extensions: Vec::new(),
            forbidden_subtrees: Vec::new(),
        }
    }

    /// How names are read.
    pub fn dialect(mut self, dialect: Dialect) -> Self {
        self.plain.dialect = dialect;
        self
    }

    /// Adds a root: an absolute path, written without links, `.` or `..`. The first one is root 0, and relative paths
    /// belong to it. Of nested roots the innermost is the one that a path belongs to.
    pub fn root(mut self, path: impl AsRef<[u8]>) -> Self {
        self.roots.push(path.as_ref().to_vec());
        self
    }

    /// Whether paths may be, or must be, absolute.
    pub fn absolute(mut self, absolute: Absolute) -> Self {
        self.plain.absolute = absolute;
        self
    }

    /// The most bytes that a file may have, and that are read of one.
    pub fn max_file_size(mut self, bytes: u64) -> Self {
        self.plain.max_file_size = bytes;
        self
    }

    /// The most components that a path may have below its root. The root's own are not counted. The text is counted:
    /// behind a link that is followed a file may lie deeper, unless lists of names are set, which are asked again there.
    pub fn max_depth(mut self, components: u16) -> Self {
        self.plain.max_depth = components;
        self
    }

    /// Only files with one of these extensions are allowed. A leading dot may be written or left away.
    ///
    /// The extension is what follows the last dot: `gz` of `a.tar.gz`. An entry with a dot inside, like `tar.gz`, is
    /// an allow-list entry of its own and accepts what ends in it. A name without an extension is not allowed by any
    /// list, and `.env` or `id_rsa` have none. Letters are compared without case, and equivalent spellings (Unicode
    /// NFC, NFD) are the same.
    ///
    /// Directories have no extension: the list is not asked when they are listed or made, or when the path ends in a
    /// separator. Called twice, the lists are joined.
    pub fn allow_extensions<E: AsRef<[u8]>>(
        mut self,
        extensions: impl IntoIterator<Item = E>,
    ) -> Self {
        let list = self.allowed_extensions.get_or_insert_default();
        list.extend(extensions.into_iter().map(|entry| entry.as_ref().to_vec()));
        self
    }

    /// Files with one of these extensions are refused. A leading dot may be written or left away.
    ///
    /// Here an entry refuses whatever may be taken for it: a name that *is* the extension (`.env`), one with dots or
    /// spaces behind it, which Windows drops, and other spellings that a file system may fold into it (case, Unicode
    /// NFC and NFD, characters that are not shown).
    pub fn forbid_extensions<E: AsRef<[u8]>>(
        mut self,
        extensions: impl IntoIterator<Item = E>,
    ) -> Self {
        let entries = extensions.into_iter().map(|entry| entry.as_ref().to_vec());
        self.forbidden_extensions.extend(entries);
        self
    }

    /// Refuses a directory or file and everything below it: an absolute path, or one that is relative to every root.
    ///
    /// Compared component by component, as widely as [`forbid_extensions`](Self::forbid_extensions). Short names, bind
    /// mounts and links can still give another name to a subtree, so the open machine also compares identities. What
    /// contains a forbidden subtree can be neither renamed nor removed.
    pub fn forbid_subtree(mut self, path: impl AsRef<[u8]>) -> Self {
        self.forbidden_subtrees.push(path.as_ref().to_vec());
        self
    }

    /// What happens to symbolic links.
    pub fn links(mut self, links: Links) -> Self {
        self.plain.links = links;
        self
    }

    /// What happens to files with more than one name.
    pub fn hard_links(mut self, hard_links: HardLinks) -> Self {
        self.plain.hard_links = hard_links;
        self
    }

    /// Whose files may be opened.
    pub fn owner(mut self, owner: Owner) -> Self {
        self.plain.owner = owner;
        self
    }

    /// Whether other file systems that are mounted below a root belong to it.
    pub fn devices(mut self, devices: Devices) -> Self {
        self.plain.devices = devices;
        self
    }

    /// The most files that are open at a time.
    pub fn concurrency(mut self, files: u32) -> Self {
        self.plain.concurrency = files;
        self
    }

    /// Refuses paths with a percent sign. Nothing here decodes one, but what stands behind may.
    pub fn deny_percent(mut self) -> Self {
        self.plain.deny_percent = true;
        self
    }

    /// Accepts names that are not UTF-8. Only for [`Dialect::Posix`].
    pub fn accept_bytes(mut self) -> Self {
        self.plain.accept_bytes = true;
        self
    }

    /// Refuses every operation that changes files or directories.
    pub fn read_only(mut self) -> Self {
        self.plain.read_only = true;
        self
    }

    /// Makes the rules.
    ///
    /// # Errors
    /// The first setting that cannot work.
    pub fn build(self) -> Result<Rules, SettingsError> {
        compile::compile(self).map(Rules::new)
    }
}

/// Whether paths may be absolute.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Absolute {
    /// Absolute paths below a root, and relative ones.
    #[default]
    Allow,
    /// Absolute paths below a root only.
    Require,
    /// Relative paths only.
    Deny,
}

/// What happens to symbolic links.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Links {
    /// Refused, wherever they stand in a path.
    #[default]
    Deny,
    /// Followed, as long as they stay below the root. Absolute targets are refused.
    InRoot,
    /// As [`InRoot`](Self::InRoot), and only links that belong to user 0.
    Trusted,
}

/// What happens to files with more than one name (hard links).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum HardLinks {
    /// Opened as any other.
    Allow,
    /// Opened for reading only: a write would reach a file that may have another name outside.
    #[default]
    DenyWrites,
    /// Refused.
    Deny,
}

/// Whose files may be opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Owner {
    /// Anybody's.
    #[default]
    Any,
    /// Those of this user.
    User(u32),
    /// Those of this user and of user 0.
    UserOrRoot(u32),
}

/// Whether other file systems that are mounted below a root belong to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Devices {
    /// They do not: a path that crosses into one is refused.
    #[default]
    Same,
    /// They do, except those without files of their own (procfs, sysfs).
    Any,
}

/// Why [`RulesBuilder::build`] refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SettingsError {
    /// The root of this index is not an absolute path without `.`, `..` and empty components.
    Root(u16),
    /// The root of this index is there twice.
    DuplicateRoot(u16),
    /// Absolute paths are required, and there is no root.
    NoRoots,
    /// The extension of this index, in the allow-list first and then in the other, is empty, or has a separator.
    Extension(u16),
    /// The extension of this index in the allow-list is also forbidden.
    Contradiction(u16),
    /// The forbidden subtree of this index has `.`, `..` or empty components, or none.
    Subtree(u16),
    /// The forbidden subtree of this index contains a root, or is one.
    RootForbidden(u16),
    /// A list with more entries than [`Rules`] take.
    TooMany,
    /// A limit of zero, which refuses everything.
    Zero,
    /// Names that are not UTF-8 are accepted, in a dialect that knows none.
    Bytes,
}

impl SettingsError {
    /// The stable code of this refusal.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Root(_) => "E-PTH-80",
            Self::DuplicateRoot(_) => "E-PTH-81",
            Self::NoRoots => "E-PTH-82",
            Self::Extension(_) => "E-PTH-83",
            Self::Contradiction(_) => "E-PTH-84",
            Self::Subtree(_) => "E-PTH-85",
            Self::RootForbidden(_) => "E-PTH-86",
            Self::TooMany => "E-PTH-87",
            Self::Zero => "E-PTH-88",
            Self::Bytes => "E-PTH-89",
        }
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root(index) => write!(
                f,
                "root {index} is not a plain absolute path; write it from the root directory on, without \
                 `.`, `..` and doubled separators"
            ),
            Self::DuplicateRoot(index) => {
                write!(f, "root {index} is there twice; remove one of the two")
            }
            Self::NoRoots => f.write_str(
                "absolute paths are required and there is no root; add one, or accept relative paths",
            ),
            Self::Extension(index) => write!(
                f,
                "extension {index} is empty or no part of a name; write it like `txt` or `.txt`"
            ),
            Self::Contradiction(index) => write!(
                f,
                "extension {index} is both allowed and forbidden; remove it from one of the lists"
            ),
            Self::Subtree(index) => write!(
                f,
                "forbidden subtree {index} is not a plain path; write it without `.`, `..` and doubled \
                 separators"
            ),
            Self::RootForbidden(index) => write!(
                f,
                "forbidden subtree {index} contains a root, so nothing of that root is left; remove one \
                 of the two"
            ),
            Self::TooMany => {
                write!(f, "a list has more than {MAX_ENTRIES} entries; shorten it")
            }
            Self::Zero => f.write_str(
                "a limit is zero, which refuses everything; give at least one byte, component and file",
            ),
            Self::Bytes => f.write_str(
                "names that are not UTF-8 only exist in the Posix dialect; use it, or do not accept them",
            ),
        }
    }
}

impl core::error::Error for SettingsError {}
