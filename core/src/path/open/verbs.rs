//! What the machine asks, and what it is told.

use crate::path::{Denial, Facts};

/// The most handles that are live at a time.
pub const SLOTS: usize = 5;

/// Where a handle is kept while the machine needs it.
///
/// A handle that is opened into a slot takes the place of the one there, which is closed. At the end all are closed,
/// except what [`Action::Done`] names: so nothing is left over on any way out, and nothing has to be said about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Slot(u8);

impl Slot {
    /// What the operation is on.
    pub(super) const FILE: Self = Self(4);

    /// One of the two directories that a walk alternates between; a rename has two walks.
    pub(super) const fn of_walk(walk: u8, turn: bool) -> Self {
        Self(2 * (walk & 1) + turn as u8)
    }

    /// Less than [`SLOTS`].
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A directory that a name is looked up in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum At {
    /// The root.
    Root,
    /// A directory that was opened before.
    Slot(Slot),
}

/// The handles of one run: an adapter that keeps them here keeps the rules of [`Slot`].
#[derive(Debug)]
pub struct Handles<H>([Option<H>; SLOTS]);

impl<H> Default for Handles<H> {
    fn default() -> Self {
        Self([const { None }; SLOTS])
    }
}

impl<H> Handles<H> {
    /// Puts a handle into a slot. What was there is closed.
    pub fn put(&mut self, slot: Slot, handle: H) {
        if let Some(place) = self.0.get_mut(slot.index()) {
            *place = Some(handle);
        }
    }

    /// The handle in a slot.
    pub fn get(&self, slot: Slot) -> Option<&H> {
        self.0.get(slot.index())?.as_ref()
    }

    /// Takes a handle out.
    pub fn take(&mut self, slot: Slot) -> Option<H> {
        self.0.get_mut(slot.index())?.take()
    }

    /// The directory: `root`, or one of these.
    pub fn at<'h>(&'h self, at: At, root: &'h H) -> Option<&'h H> {
        match at {
            At::Root => Some(root),
            At::Slot(slot) => self.get(slot),
        }
    }
}

/// How something is opened.
///
/// All but [`Pin`](Self::Pin) with `O_CLOEXEC | O_NOCTTY | O_NONBLOCK`: a FIFO must not wait for its other end, and is
/// refused once it is open. `O_NONBLOCK` is for the adapter to take off a regular file that is done. Never `O_TRUNC`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum How {
    /// Only to know it and to look names up in it: `O_PATH`. A link is opened itself.
    Pin,
    /// `O_RDONLY`.
    Read,
    /// `O_WRONLY | O_APPEND`.
    Append,
    /// `O_RDONLY | O_DIRECTORY`.
    List,
    /// `O_WRONLY | O_CREAT | O_EXCL`.
    Create {
        /// The permission bits, at most `0o777`. The umask takes from them.
        mode: u16,
    },
}

/// What an adapter does next. It answers with an [`Event`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action<'m> {
    /// Open a whole path below the root, so that the system itself refuses to leave it: `openat2` with
    /// `RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS`. Answer: [`Event::Opened`].
    OpenBeneath {
        /// One name or several, with `/` between.
        path: &'m [u8],
        /// How.
        how: How,
        /// Whether links are followed; otherwise add `RESOLVE_NO_SYMLINKS`.
        follow_links: bool,
        /// Whether mounts are crossed; otherwise add `RESOLVE_NO_XDEV`.
        cross_mounts: bool,
        /// Whether only what is in memory may answer: add `RESOLVE_CACHED`, and answer [`Event::WouldBlock`] when it
        /// does not.
        cached_only: bool,
        /// Where the handle goes.
        into: Slot,
    },
    /// Open the root itself: `openat` of `.`, the only time that a dot is looked up. Answer: [`Event::Opened`].
    OpenRoot {
        /// How.
        how: How,
        /// Where the handle goes.
        into: Slot,
    },
    /// Open one name in a directory, with `O_NOFOLLOW`. Answer: [`Event::Opened`].
    OpenOne {
        /// In which.
        at: At,
        /// Never empty, `.` or `..`, and without a separator.
        name: &'m [u8],
        /// How.
        how: How,
        /// Where the handle goes. Never the slot of `at`.
        into: Slot,
    },
    /// Read where a link leads that was opened itself: `readlinkat` with an empty name. Answer: [`Event::Target`].
    ReadLink {
        /// Its slot.
        link: Slot,
    },
    /// Make a directory of mode 0700. Answer: [`Event::Finished`].
    MakeDirectory {
        /// In which.
        at: At,
        /// Its name.
        name: &'m [u8],
    },
    /// Give a file or directory another name. Answer: [`Event::Finished`].
    Rename {
        /// In which directory it is.
        from: At,
        /// Its name.
        name: &'m [u8],
        /// In which it will be.
        to: At,
        /// Its new name.
        new_name: &'m [u8],
        /// Whether a file that has the new name is replaced; otherwise `RENAME_NOREPLACE`.
        replace: bool,
    },
    /// Take a name away. Answer: [`Event::Finished`].
    Remove {
        /// In which directory.
        at: At,
        /// The name.
        name: &'m [u8],
        /// Whether it is an empty directory: `AT_REMOVEDIR`.
        directory: bool,
    },
    /// Write to disk what is in memory: `fsync`. Answer: [`Event::Finished`].
    Sync {
        /// Of which file.
        file: Slot,
    },
    /// Write to disk which names a directory has: `fsync`, of `.` opened in it for reading, because what is only pinned
    /// cannot be synced. Answer: [`Event::Finished`].
    SyncDirectory {
        /// Which.
        at: At,
    },
    /// The end: all rules are kept. Every other handle is closed.
    Done {
        /// The handle that was asked for. For operations that only change names it is a [`How::Pin`] of the file.
        handle: Slot,
        /// What was known of it when it was judged.
        facts: Facts,
    },
    /// The end: refused. Every handle is closed.
    Denied(Denial),
}

impl Action<'_> {
    /// Whether nothing follows.
    pub const fn is_end(&self) -> bool {
        matches!(self, Self::Done { .. } | Self::Denied(_))
    }

    /// Whether the system may have to wait for a disk or a network. The ends and `cached_only` do not.
    pub const fn may_block(&self) -> bool {
        !self.is_end()
            && !matches!(
                self,
                Self::OpenBeneath {
                    cached_only: true,
                    ..
                }
            )
    }
}

/// How an [`Action`] went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event<'e> {
    /// A handle is in its slot, and this is what `statx` or `fstat` says of it.
    Opened(Facts),
    /// Where a link leads.
    Target(&'e [u8]),
    /// It is done.
    Finished,
    /// Memory alone could not answer.
    WouldBlock,
    /// It failed, and nothing is in the slot.
    Failed(Failure),
    /// It is no longer wanted. The answer is [`Action::Denied`].
    Cancelled,
}

/// Why an action failed: the classes of `errno` that make a difference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Failure {
    /// `ENOENT`.
    NotFound,
    /// `EEXIST`.
    Exists,
    /// `ELOOP`, and what systems say instead when `O_NOFOLLOW` meets a link (`EMLINK`, `EFTYPE`).
    Loop,
    /// `ENOTDIR`.
    NotDirectory,
    /// `EISDIR`.
    IsDirectory,
    /// `ENOTEMPTY`.
    NotEmpty,
    /// `ENXIO`, `ENODEV`, `EOPNOTSUPP`: a FIFO without a reader, a socket, a device without a driver.
    Special,
    /// `EXDEV`: out of the root, or to another mount.
    Escape,
    /// `EAGAIN` of `openat2`, `EINTR`: try again.
    Race,
    /// `ENOSYS`, `EINVAL`, `E2BIG`: the system does not have this. An adapter remembers that about `openat2`.
    Unsupported,
    /// `EPERM`: a filter (seccomp) may refuse this call, and not the file. Not to be remembered: it may be the file.
    Filtered,
    /// `EACCES`, `EROFS`.
    NotPermitted,
    /// Any other, with its number.
    Other(i32),
}

impl Failure {
    /// What a client is told.
    pub const fn denial(self) -> Denial {
        match self {
            Self::NotFound => Denial::NotFound,
            Self::Exists => Denial::Exists,
            Self::Loop => Denial::Link,
            Self::NotDirectory => Denial::NotDirectory,
            Self::IsDirectory => Denial::IsDirectory,
            Self::NotEmpty => Denial::NotEmpty,
            Self::Special => Denial::Irregular,
            Self::Escape => Denial::Mount,
            Self::Race => Denial::Busy,
            Self::Unsupported => Denial::Unsupported,
            Self::Filtered | Self::NotPermitted => Denial::NotPermitted,
            Self::Other(code) => Denial::System { code },
        }
    }
}
