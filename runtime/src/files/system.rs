//! The verbs of the open machine as system calls, and errors as their classes.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use ravelin_core::path::open::{Action, Event, Failure, Handles, How};
use ravelin_core::path::{Capabilities, Facts, Filesystem, Identity, Kind};
use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;

/// What has been found out about the system since the start.
#[derive(Debug)]
pub(super) struct System {
    one_shot: AtomicBool,
    cached: AtomicBool,
    /// Whether `statx` is there, and not filtered.
    #[cfg(target_os = "linux")]
    statx: AtomicBool,
}

/// A root, as the system calls need it.
#[derive(Clone, Copy)]
pub(super) struct Base<'r> {
    pub(super) handle: &'r OwnedFd,
    pub(super) facts: &'r Facts,
}

impl System {
    pub(super) const fn new(capabilities: Capabilities) -> Self {
        Self {
            one_shot: AtomicBool::new(capabilities.one_shot),
            cached: AtomicBool::new(capabilities.cached),
            #[cfg(target_os = "linux")]
            statx: AtomicBool::new(true),
        }
    }

    /// What there is of `openat2`.
    pub(super) fn capabilities(&self) -> Capabilities {
        Capabilities {
            one_shot: self.one_shot.load(Ordering::Relaxed),
            cached: self.cached.load(Ordering::Relaxed),
            case_exact: false,
        }
    }

    /// Carries out an action that is no end.
    pub(super) fn carry_out<'t>(
        &self,
        action: &Action<'_>,
        handles: &mut Handles<OwnedFd>,
        base: Base<'_>,
        target: &'t mut Vec<u8>,
    ) -> Event<'t> {
        self.try_carry_out(action, handles, base, target)
            .unwrap_or_else(|errno| self.failed(action, errno))
    }

    /// What is to be known of a handle. Of a root there is no `base` yet.
    pub(super) fn facts(&self, handle: impl AsFd, base: Option<&Facts>) -> Result<Facts, Errno> {
        let mut facts = self.stat(&handle)?;
        facts.filesystem = match base {
            Some(base) if base.identity.device == facts.identity.device => base.filesystem,
            _ => Filesystem::from_magic(magic(&handle)?),
        };
        Ok(facts)
    }

    fn try_carry_out<'t>(
        &self,
        action: &Action<'_>,
        handles: &mut Handles<OwnedFd>,
        base: Base<'_>,
        target: &'t mut Vec<u8>,
    ) -> Result<Event<'t>, Errno> {
        let (opened, into) = match *action {
            Action::OpenBeneath { into, .. } => (open_beneath(base.handle, action)?, into),
            Action::OpenRoot { how, into } => (open_at(base.handle, b".", how)?, into),
            Action::OpenOne {
                at,
                name,
                how,
                into,
            } => {
                let at = handles.at(at, base.handle).ok_or(Errno::BADF)?;
                (open_at(at, name, how)?, into)
            }
            Action::ReadLink { link } => {
                let link = handles.get(link).ok_or(Errno::BADF)?;
                let read = rustix::fs::readlinkat(link, "", std::mem::take(target))?;
                *target = read.into_bytes();
                return Ok(Event::Target(target));
            }
            Action::MakeDirectory { at, name } => {
                let at = handles.at(at, base.handle).ok_or(Errno::BADF)?;
                rustix::fs::mkdirat(at, name, Mode::RWXU)?;
                return Ok(Event::Finished);
            }
            Action::Rename {
                from,
                name,
                to,
                new_name,
                replace,
            } => {
                let from = handles.at(from, base.handle).ok_or(Errno::BADF)?;
                let to = handles.at(to, base.handle).ok_or(Errno::BADF)?;
                if replace {
                    rustix::fs::renameat(from, name, to, new_name)?;
                } else {
                    rename_to_free(from, name, to, new_name)?;
                }
                return Ok(Event::Finished);
            }
            Action::Remove {
                at,
                name,
                directory,
            } => {
                let at = handles.at(at, base.handle).ok_or(Errno::BADF)?;
                let flags = if directory {
                    AtFlags::REMOVEDIR
                } else {
                    AtFlags::empty()
                };
                rustix::fs::unlinkat(at, name, flags)?;
                return Ok(Event::Finished);
            }
            Action::Sync { file } => {
                rustix::fs::fsync(handles.get(file).ok_or(Errno::BADF)?)?;
                return Ok(Event::Finished);
            }
            Action::SyncDirectory { at } => {
                let at = handles.at(at, base.handle).ok_or(Errno::BADF)?;
                let directory = open_at(at, b".", How::List)?;
                rustix::io::retry_on_intr(|| rustix::fs::fsync(&directory))?;
                return Ok(Event::Finished);
            }
            Action::Done { .. } | Action::Denied(_) => return Ok(Event::Cancelled),
        };
        let facts = self.facts(&opened, Some(base.facts))?;
        handles.put(into, opened);
        Ok(Event::Opened(facts))
    }

    fn failed(&self, action: &Action<'_>, errno: Errno) -> Event<'static> {
        let failure = class(errno);
        if let Action::OpenBeneath { cached_only, .. } = *action {
            match (cached_only, failure) {
                (true, Failure::Race) => return Event::WouldBlock,
                // What one flag too many is called; without it the next attempt shows whether the call itself is there.
                (true, Failure::Unsupported) if errno != Errno::NOSYS => {
                    self.cached.store(false, Ordering::Relaxed);
                }
                (_, Failure::Unsupported) => self.one_shot.store(false, Ordering::Relaxed),
                _ => {}
            }
        }
        Event::Failed(failure)
    }

    #[cfg(target_os = "linux")]
    fn stat(&self, handle: &impl AsFd) -> Result<Facts, Errno> {
        use rustix::fs::StatxFlags;

        if !self.statx.load(Ordering::Relaxed) {
            return stat(handle);
        }
        let mask = StatxFlags::BASIC_STATS | StatxFlags::MNT_ID;
        let told = match rustix::fs::statx(handle, "", AtFlags::EMPTY_PATH, mask) {
            Ok(told) => told,
            Err(Errno::NOSYS | Errno::PERM) => {
                self.statx.store(false, Ordering::Relaxed);
                return stat(handle);
            }
            Err(errno) => return Err(errno),
        };
        let numbered = told.stx_mask & StatxFlags::MNT_ID.bits() != 0;
        Ok(Facts {
            kind: Kind::from_mode(told.stx_mode.into()),
            size: told.stx_size,
            nlink: told.stx_nlink.into(),
            uid: told.stx_uid,
            mode: told.stx_mode & 0o7777,
            identity: Identity {
                device: rustix::fs::makedev(told.stx_dev_major, told.stx_dev_minor),
                inode: told.stx_ino,
            },
            mount: numbered.then_some(told.stx_mnt_id),
            filesystem: Filesystem::Storage,
        })
    }

    #[cfg(not(target_os = "linux"))]
    fn stat(&self, handle: &impl AsFd) -> Result<Facts, Errno> {
        stat(handle)
    }
}

/// What this system may have; what it has not shows at the first call.
pub(super) const fn capabilities() -> Capabilities {
    let linux = cfg!(target_os = "linux");
    Capabilities {
        one_shot: linux,
        cached: linux,
        case_exact: linux,
    }
}

/// Opens a directory by its path, with links, to know it and to look names up in it.
pub(super) fn open_directory(path: &Path) -> Result<OwnedFd, Errno> {
    let flags = pin() | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::openat(CWD, path, flags.difference(OFlags::NOFOLLOW), Mode::empty())
}

/// Opens what an administrator has named, with links, to know it.
pub(super) fn open_named(at: impl AsFd, path: &[u8]) -> Result<OwnedFd, Errno> {
    let flags = pin().difference(OFlags::NOFOLLOW) | OFlags::CLOEXEC;
    rustix::fs::openat(at, path, flags, Mode::empty())
}

/// Opens a name that a directory listed.
pub(super) fn open_listed(at: impl AsFd, name: &[u8]) -> Result<OwnedFd, Errno> {
    open_at(at, name, How::Pin)
}

/// Makes the handle of a regular file wait as others do. Of the flags that can be set it has no others.
pub(super) fn clear_nonblock(handle: impl AsFd, appends: bool) -> Result<(), Errno> {
    let flags = if appends {
        OFlags::APPEND
    } else {
        OFlags::empty()
    };
    rustix::fs::fcntl_setfl(handle, flags)
}

/// Whether no two names in this directory are the same file for another reason than a link. File systems that are not
/// known to tell all names apart are taken for such that do not.
#[cfg(target_os = "linux")]
pub(super) fn is_case_exact(handle: impl AsFd) -> bool {
    const EXACT: [u64; 10] = [
        0xef53,      // ext2, ext3, ext4
        0x5846_5342, // XFS
        0x9123_683e, // btrfs
        0x0102_1994, // tmpfs
        0x794c_7630, // overlayfs
        0xf2f5_2010, // F2FS
        0x8584_58f6, // ramfs
        0x7371_7368, // SquashFS
        0xe0f5_e1e2, // EROFS
        0xca45_1a4e, // bcachefs
    ];
    magic(handle).is_ok_and(|magic| EXACT.contains(&magic))
}

#[cfg(not(target_os = "linux"))]
pub(super) fn is_case_exact(_handle: impl AsFd) -> bool {
    false
}

#[cfg(target_os = "linux")]
fn open_beneath(root: &OwnedFd, action: &Action<'_>) -> Result<OwnedFd, Errno> {
    use rustix::fs::ResolveFlags;

    let Action::OpenBeneath {
        path,
        how,
        follow_links,
        cross_mounts,
        cached_only,
        ..
    } = *action
    else {
        return Err(Errno::INVAL);
    };
    let mut resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    resolve.set(ResolveFlags::NO_SYMLINKS, !follow_links);
    resolve.set(ResolveFlags::NO_XDEV, !cross_mounts);
    resolve.set(ResolveFlags::CACHED, cached_only);
    let (flags, mode) = flags(how);
    // With NO_SYMLINKS a link at the end is an error even so, and without it is to be followed.
    let flags = flags.difference(OFlags::NOFOLLOW);
    rustix::fs::openat2(root, path, flags, mode, resolve)
}

#[cfg(not(target_os = "linux"))]
fn open_beneath(_root: &OwnedFd, _action: &Action<'_>) -> Result<OwnedFd, Errno> {
    Err(Errno::NOSYS)
}

fn open_at(at: impl AsFd, name: &[u8], how: How) -> Result<OwnedFd, Errno> {
    let (flags, mode) = flags(how);
    rustix::fs::openat(at, name, flags, mode)
}

fn flags(how: How) -> (OFlags, Mode) {
    // A FIFO is opened without waiting for its other end, and a terminal does not become ours.
    let common = OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    match how {
        How::Pin => (pin() | OFlags::CLOEXEC, Mode::empty()),
        How::Read => (common | OFlags::RDONLY, Mode::empty()),
        How::Append => (common | OFlags::WRONLY | OFlags::APPEND, Mode::empty()),
        How::List => (common | OFlags::RDONLY | OFlags::DIRECTORY, Mode::empty()),
        How::Create { mode } => (
            common | OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL,
            Mode::from_raw_mode(mode.into()),
        ),
    }
}

#[cfg(target_os = "linux")]
const fn pin() -> OFlags {
    OFlags::PATH.union(OFlags::NOFOLLOW)
}

#[cfg(not(target_os = "linux"))]
const fn pin() -> OFlags {
    OFlags::RDONLY
        .union(OFlags::NOFOLLOW)
        .union(OFlags::NONBLOCK)
        .union(OFlags::NOCTTY)
}

#[cfg(any(target_os = "linux", target_vendor = "apple"))]
fn rename_to_free(from: &OwnedFd, name: &[u8], to: &OwnedFd, new_name: &[u8]) -> Result<(), Errno> {
    rustix::fs::renameat_with(from, name, to, new_name, rustix::fs::RenameFlags::NOREPLACE)
}

/// Other systems cannot rename without replacing.
#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
fn rename_to_free(
    _from: &OwnedFd,
    _name: &[u8],
    _to: &OwnedFd,
    _new_name: &[u8],
) -> Result<(), Errno> {
    Err(Errno::NOSYS)
}

#[cfg(target_os = "linux")]
fn magic(handle: impl AsFd) -> Result<u64, Errno> {
    // The type is narrower and signed on some machines; all numbers have 32 bits.
    #[allow(clippy::unnecessary_cast, reason = "not on every machine")]
    rustix::fs::fstatfs(handle).map(|told| told.f_type as u64 & 0xffff_ffff)
}

/// No other system has procfs where it could be taken for files.
#[cfg(not(target_os = "linux"))]
fn magic(_handle: impl AsFd) -> Result<u64, Errno> {
    Ok(0)
}

#[allow(
    clippy::useless_conversion,
    clippy::unnecessary_cast,
    reason = "types differ between systems"
)]
fn stat(handle: &impl AsFd) -> Result<Facts, Errno> {
    let told = rustix::fs::fstat(handle)?;
    Ok(Facts {
        kind: Kind::from_mode(told.st_mode.into()),
        size: u64::try_from(told.st_size).unwrap_or(u64::MAX),
        nlink: told.st_nlink as u64,
        uid: told.st_uid,
        mode: (told.st_mode & 0o7777) as u16,
        identity: Identity {
            device: told.st_dev as u64,
            inode: told.st_ino as u64,
        },
        mount: None,
        filesystem: Filesystem::Storage,
    })
}

/// The class of an error.
pub(super) fn class(errno: Errno) -> Failure {
    match errno {
        Errno::NOENT | Errno::NAMETOOLONG => Failure::NotFound,
        Errno::EXIST => Failure::Exists,
        Errno::LOOP | Errno::MLINK => Failure::Loop,
        Errno::NOTDIR => Failure::NotDirectory,
        Errno::ISDIR => Failure::IsDirectory,
        Errno::NOTEMPTY => Failure::NotEmpty,
        Errno::NXIO | Errno::NODEV | Errno::OPNOTSUPP => Failure::Special,
        Errno::XDEV => Failure::Escape,
        Errno::AGAIN | Errno::INTR => Failure::Race,
        Errno::NOSYS | Errno::INVAL | Errno::TOOBIG => Failure::Unsupported,
        Errno::PERM => Failure::Filtered,
        Errno::ACCESS | Errno::ROFS => Failure::NotPermitted,
        other => Failure::Other(other.raw_os_error()),
    }
}
