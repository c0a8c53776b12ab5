//! The verdict on the text of a path, before any file is touched.
//!
//! The first broken rule is the answer. They are asked in this order:
//!
//! 1. the path as a whole: empty, length, NUL, UTF-8, percent sign;
//! 2. how it begins: Windows prefixes, absolute or relative, under which root;
//! 3. its components below the root from the left, each through its own rules in the order of their codes;
//! 4. what it asks for: depth, the root itself, a directory where a file is meant, read-only, forbidden subtrees,
//!    extensions.

use alloc::sync::Arc;

use super::denial::Denial;
use super::settings::{
    Absolute, Compiled, Devices, HardLinks, Links, MAX_PATH, Owner, RulesBuilder,
};

mod dialect;
pub(super) mod fold;
mod name;
mod scan;

pub use dialect::Dialect;
use dialect::{NOT_ASCII, NUL, PERCENT, Prefix, SEPARATOR};

/// What paths may be and what may be done with them: immutable, built once. Cloning shares.
///
/// ```
/// use ravelin_core::path::{Denial, Operation, Rules};
///
/// let rules = Rules::builder().root("/srv/notes").allow_extensions(["md", "txt"]).build()?;
///
/// let path = rules.judge(b"2024/may.md", Operation::Read).unwrap();
/// assert_eq!(path.components().collect::<Vec<_>>(), [&b"2024"[..], b"may.md"]);
/// assert!(rules.judge(b"/srv/notes/2024/may.md", Operation::Read).is_ok());
///
/// let denial = rules.judge(b"../../etc/passwd", Operation::Read).unwrap_err();
/// assert_eq!((denial, denial.code()), (Denial::ParentDirectory, "E-PTH-16"));
/// assert_eq!(rules.judge(b"/srv/notes-old/may.md", Operation::Read), Err(Denial::OutsideRoots));
/// assert_eq!(rules.judge(b"id_rsa", Operation::Read), Err(Denial::ExtensionNotAllowed));
/// # Ok::<(), ravelin_core::path::SettingsError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Rules(Arc<Compiled>);

impl Rules {
    /// Begins rules.
    pub const fn builder() -> RulesBuilder {
        RulesBuilder::new()
    }

    pub(super) fn new(compiled: Compiled) -> Self {
        Self(Arc::new(compiled))
    }

    /// Judges a path as the client wrote it. Nothing is decoded, normalised or resolved, and nothing allocated.
    ///
    /// A rename is judged twice, once for each name.
    ///
    /// # Errors
    /// The first rule that the path breaks, in the order of this module.
    pub fn judge<'a>(&self, path: &'a [u8], operation: Operation) -> Result<Judged<'a>, Denial> {
        let seen = self.judge_whole(path)?;
        let (root, rest) = self.locate(path)?;
        self.judge_below(root, rest, seen, operation)
    }

    /// Judges a file URI (RFC 8089), as MCP writes roots and resources. `buffer` takes the decoded path; as many
    /// bytes as the URI has suffice.
    ///
    /// # Errors
    /// What is wrong with the URI, or the first rule that the path in it breaks.
    pub fn judge_uri<'b>(
        &self,
        uri: &[u8],
        operation: Operation,
        buffer: &'b mut [u8],
    ) -> Result<Judged<'b>, Denial> {
        let path = super::uri::decode(uri, self.dialect(), buffer)?;
        self.judge(path, operation)
    }

    /// Judges a single name that did not come from the client: of a directory entry, or inside of a link's target.
    ///
    /// # Errors
    /// The first rule that the name breaks. Depth, subtrees and extensions are not asked.
    pub fn judge_name(&self, name: &[u8]) -> Result<(), Denial> {
        let seen = self.judge_whole(name)?;
        if scan::separators(name, self.dialect()).next().is_some() {
            return Err(Denial::Separator);
        }
        name::judge_all(name, seen, self.dialect()).map(|_| ())
    }

    /// Judges once more what depends on the place of a file, where the open machine found it: depth, read-only,
    /// forbidden subtrees and extensions. `names` leads from the root to it. Needed when
    /// [`Judged::moves_with_links`] says so.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn judge_resolved<'n, N>(
        &self,
        root: u16,
        names: N,
        must_be_dir: bool,
        operation: Operation,
    ) -> Result<(), Denial>
    where
        N: Iterator<Item = &'n [u8]> + Clone,
    {
        let depth = names.clone().count();
        self.judge_place(root, names, depth, must_be_dir, operation)
    }

    /// Judges the extension of a name.
    ///
    /// # Errors
    /// [`Denial::Extension`] or [`Denial::ExtensionNotAllowed`].
    pub fn judge_extension(&self, name: &[u8]) -> Result<(), Denial> {
        if self.0.forbids_extension(name) {
            Err(Denial::Extension)
        } else if self.0.allows_extension(name) {
            Ok(())
        } else {
            Err(Denial::ExtensionNotAllowed)
        }
    }

    /// The paths of the roots, as given and without a trailing separator; root 0 first. Empty when there are none:
    /// then root 0 is the directory that the adapter brings.
    pub fn roots(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.0.named_roots().iter().map(|root| root.path.as_slice())
    }

    /// The forbidden subtrees below a root, each as the names that lead to it. The machine opens them beforehand, and
    /// compares identities.
    pub fn forbidden(&self, root: u16) -> impl Iterator<Item = Components<'_>> {
        let subtrees = self.0.root(root).map(|root| root.forbidden.as_slice());
        subtrees
            .unwrap_or_default()
            .iter()
            .map(|subtree| Components::new(&subtree.path, Dialect::Posix))
    }

    /// The forbidden subtrees that lie below no root, as absolute paths. They can only be reached by a bind mount, or
    /// by a hard link to one that is a file.
    pub fn forbidden_elsewhere(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        self.0.elsewhere.iter().map(alloc::vec::Vec::as_slice)
    }

    /// How names are read.
    pub fn dialect(&self) -> Dialect {
        self.0.plain.dialect
    }

    /// Whether paths may be absolute.
    pub fn absolute(&self) -> Absolute {
        self.0.plain.absolute
    }

    /// The most bytes that a file may have, and that are read of one.
    pub fn max_file_size(&self) -> u64 {
        self.0.plain.max_file_size
    }

    /// The most components below a root.
    pub fn max_depth(&self) -> u16 {
        self.0.plain.max_depth
    }

    /// What happens to symbolic links.
    pub fn links(&self) -> Links {
        self.0.plain.links
    }

    /// What happens to files with more than one name.
    pub fn hard_links(&self) -> HardLinks {
        self.0.plain.hard_links
    }

    /// Whose files may be opened.
    pub fn owner(&self) -> Owner {
        self.0.plain.owner
    }

    /// Whether other file systems that are mounted below a root belong to it.
    pub fn devices(&self) -> Devices {
        self.0.plain.devices
    }

    /// The most files that are open at a time.
    pub fn concurrency(&self) -> u32 {
        self.0.plain.concurrency
    }

    /// Whether operations that change something are refused.
    pub fn is_read_only(&self) -> bool {
        self.0.plain.read_only
    }

    /// Whether it matters to these rules under which name a file lies: there are forbidden subtrees or extension lists.
    pub(super) fn judges_places(&self) -> bool {
        self.0.judges_places()
    }

    /// Returns what the bytes of the path are, all together.
    fn judge_whole(&self, path: &[u8]) -> Result<u16, Denial> {
        if path.is_empty() {
            return Err(Denial::Empty);
        }
        if path.len() > MAX_PATH {
            let limit = MAX_PATH as u16;
            return Err(Denial::TooLong { limit });
        }
        let seen = scan::classes(path, self.dialect());
        if seen & NUL != 0 {
            return Err(Denial::Nul);
        }
        if seen & NOT_ASCII != 0
            && !self.0.plain.accept_bytes
            && core::str::from_utf8(path).is_err()
        {
            return Err(Denial::NotUtf8);
        }
        if seen & PERCENT != 0 && self.0.plain.deny_percent {
            return Err(Denial::Percent);
        }
        Ok(seen)
    }

    /// The root that a path belongs to, and what of it is below.
    fn locate<'a>(&self, path: &'a [u8]) -> Result<(u16, &'a [u8]), Denial> {
        match self.dialect().prefix(path)? {
            Prefix::Relative if self.absolute() == Absolute::Require => Err(Denial::Relative),
            Prefix::Relative => Ok((0, path)),
            Prefix::Absolute { drive, rest } => self.locate_absolute(drive, rest),
        }
    }

    fn locate_absolute<'a>(
        &self,
        drive: Option<u8>,
        rest: &'a [u8],
    ) -> Result<(u16, &'a [u8]), Denial> {
        if self.absolute() == Absolute::Deny || self.0.named_roots().is_empty() {
            return Err(Denial::Absolute);
        }
        let found = self.0.innermost_root(drive, rest, self.dialect());
        found.ok_or(Denial::OutsideRoots)
    }

    fn judge_place<'n, N>(
        &self,
        root: u16,
        names: N,
        depth: usize,
        must_be_dir: bool,
        operation: Operation,
    ) -> Result<(), Denial>
    where
        N: Iterator<Item = &'n [u8]> + Clone,
    {
        let limit = self.max_depth();
        if depth > usize::from(limit) {
            return Err(Denial::TooDeep { limit });
        }
        if depth == 0 && !operation.takes_root() {
            return Err(Denial::Root);
        }
        // What is to be a directory is one already if it is the root.
        if depth > 0 && must_be_dir && operation.is_on_file() {
            return Err(Denial::NamesDirectory);
        }
        if self.0.plain.read_only && operation.changes() {
            return Err(Denial::ReadOnly);
        }
        if self.0.forbids(root, names.clone(), operation) {
            return Err(Denial::Forbidden);
        }
        if must_be_dir || !operation.asks_extension() || !self.0.has_extension_lists() {
            return Ok(());
        }
        names
            .last()
            .map_or(Ok(()), |name| self.judge_extension(name))
    }

    fn judge_below<'a>(
        &self,
        root: u16,
        rest: &'a [u8],
        seen: u16,
        operation: Operation,
    ) -> Result<Judged<'a>, Denial> {
        let dialect = self.dialect();
        let (path, must_be_dir) = match rest.split_last() {
            Some((last, path)) if dialect.separates(*last) => (path, true),
            _ => (rest, rest.is_empty()),
        };
        let depth = if rest.is_empty() {
            0
        } else {
            name::judge_all(path, seen, dialect)?
        };
        let judged = Judged {
            path,
            dialect,
            root,
            operation,
            depth,
            must_be_dir,
            moves_with_links: self.links() != Links::Deny,
        };
        let names = judged.components();
        self.judge_place(root, names, usize::from(depth), must_be_dir, operation)?;
        Ok(judged)
    }
}

/// What is to be done with a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// Open a file for reading.
    Read,
    /// Make a file that does not exist.
    Create,
    /// Put a new file in the place of one, or make it.
    Replace,
    /// Open a file for writing behind its end.
    Append,
    /// List a directory.
    List,
    /// Read what is known about a file or directory.
    Stat,
    /// Give a file or directory another name. Either name of the two.
    Rename,
    /// Remove a file or an empty directory.
    Remove,
    /// Make a directory.
    MakeDirectory,
}

impl Operation {
    /// Its name, as in `make-directory`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Create => "create",
            Self::Replace => "replace",
            Self::Append => "append",
            Self::List => "list",
            Self::Stat => "stat",
            Self::Rename => "rename",
            Self::Remove => "remove",
            Self::MakeDirectory => "make-directory",
        }
    }

    /// Whether it changes anything.
    pub const fn changes(self) -> bool {
        !matches!(self, Self::Read | Self::List | Self::Stat)
    }

    /// Whether it can only be meant for a file.
    pub const fn is_on_file(self) -> bool {
        matches!(
            self,
            Self::Read | Self::Create | Self::Replace | Self::Append
        )
    }

    /// Whether a root itself can be meant.
    pub const fn takes_root(self) -> bool {
        matches!(self, Self::List | Self::Stat)
    }

    /// Whether what contains a forbidden subtree is refused too: it would be moved, or go.
    pub(super) const fn takes_subtree(self) -> bool {
        matches!(self, Self::Rename | Self::Remove)
    }

    const fn asks_extension(self) -> bool {
        !matches!(self, Self::List | Self::MakeDirectory)
    }
}

/// A path that broke no rule: plain names below a root.
///
/// It says nothing about what is there. Only the open machine does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[must_use]
pub struct Judged<'a> {
    path: &'a [u8],
    dialect: Dialect,
    root: u16,
    operation: Operation,
    depth: u16,
    must_be_dir: bool,
    moves_with_links: bool,
}

impl<'a> Judged<'a> {
    /// The names from the root on: never `.`, `..`, empty, or with a separator inside.
    pub const fn components(&self) -> Components<'a> {
        Components::new(self.path, self.dialect)
    }

    /// The path below the root, as it was written, without a trailing separator. Empty for the root itself.
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.path
    }

    /// Which root it is below.
    pub const fn root(&self) -> u16 {
        self.root
    }

    /// What it was judged for. The open machine does that and nothing else.
    pub const fn operation(&self) -> Operation {
        self.operation
    }

    /// How many names it has.
    pub const fn depth(&self) -> u16 {
        self.depth
    }

    /// Whether it was written with a trailing separator, or is the root: then only a directory can be meant.
    pub const fn must_be_dir(&self) -> bool {
        self.must_be_dir
    }

    /// Whether it is the root itself.
    pub const fn is_root(&self) -> bool {
        self.depth == 0
    }

    /// Whether links may lead from this path to another. Then the place that they lead to is judged by
    /// [`Rules::judge_resolved`], for a link could otherwise get round forbidden subtrees and extensions.
    pub const fn moves_with_links(&self) -> bool {
        self.moves_with_links
    }
}

/// The names of a path, from the root on.
#[derive(Clone, PartialEq, Eq, Debug)]
#[must_use]
pub struct Components<'a> {
    /// What is left; `None` behind the last name.
    rest: Option<&'a [u8]>,
    dialect: Dialect,
}

impl<'a> Components<'a> {
    pub(super) const fn new(path: &'a [u8], dialect: Dialect) -> Self {
        let rest = if path.is_empty() { None } else { Some(path) };
        Self { rest, dialect }
    }
}

impl<'a> Iterator for Components<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest.take()?;
        let classes = self.dialect.classes();
        let is_separator = |byte: &u8| classes[usize::from(*byte)] & SEPARATOR != 0;
        let Some(length) = rest.iter().position(is_separator) else {
            return Some(rest);
        };
        let (name, behind) = rest.split_at_checked(length)?;
        self.rest = behind.get(1..);
        Some(name)
    }

    fn last(mut self) -> Option<&'a [u8]> {
        self.next_back()
    }
}

impl<'a> DoubleEndedIterator for Components<'a> {
    fn next_back(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest.take()?;
        let classes = self.dialect.classes();
        let is_separator = |byte: &u8| classes[usize::from(*byte)] & SEPARATOR != 0;
        let Some(length) = rest.iter().rposition(is_separator) else {
            return Some(rest);
        };
        let (before, name) = rest.split_at_checked(length)?;
        self.rest = Some(before);
        name.get(1..)
    }
}

impl core::iter::FusedIterator for Components<'_> {}

#[cfg(test)]
mod tests;
