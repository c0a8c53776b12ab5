//! The verbs on rustix: for Linux, and for the other Unix systems without `openat2` and `O_PATH`.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
#[cfg(target_os = "linux")]
use std::sync::atomic::{AtomicBool, Ordering};

use ravelin_core::path::open::{Action, How};
use ravelin_core::path::{
    Capabilities, Denial, Facts, Filesystem, Identity, Kind, Links, Operation, Rules,
};
use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;

pub(in crate::files) use super::posix::path;
pub(super) use super::posix::{class, clear_nonblock};
use super::{Name, posix};

/// An open file or directory.
pub(in crate::files) type Handle = OwnedFd;

pub(super) type Error = Errno;

/// How many directories lie above one another at most, when a forbidden one is looked for.
const MAX_ANCESTORS: usize = 4096;

/// What this system may have; what it has not shows at the first call.
pub(in crate::files) const fn capabilities() -> Capabilities {
    let linux = cfg!(target_os = "linux");
    Capabilities {
        one_shot: linux,
        cached: linux,
        case_exact: linux,
    }
}

/// Links are read by their handle, which only `O_PATH` gives.
pub(super) fn accept(rules: &Rules) -> Result<(), Denial> {
    if cfg!(target_os = "linux") || rules.links() == Links::Deny {
        Ok(())
    } else {
        Err(Denial::SystemLinks)
    }
}

/// Whether all verbs of an operation are there. Only two kinds of systems rename without replacing.
pub(in crate::files) const fn offers(operation: Operation) -> bool {
    cfg!(any(target_os = "linux", target_vendor = "apple"))
        || !matches!(operation, Operation::Rename)
}

/// All verbs of what is offered are there, whatever is found.
pub(in crate::files) const fn lacks(_action: &Action<'_>) -> bool {
    false
}

/// What is asked about handles.
#[derive(Debug)]
pub(super) struct Stat {
    /// Whether `statx` is there, and not filtered.
    #[cfg(target_os = "linux")]
    statx: AtomicBool,
}

impl Stat {
    pub(super) const fn new() -> Self {
        Self {
            #[cfg(target_os = "linux")]
            statx: AtomicBool::new(true),
        }
    }

    pub(super) fn of(&self, handle: &Handle, base: Option<&Facts>) -> Result<Facts, Errno> {
        let mut facts = self.stat(handle)?;
        facts.filesystem = match base {
            Some(base) if base.identity.device == facts.identity.device => base.filesystem,
            _ => posix::filesystem(handle)?,
        };
        Ok(facts)
    }

    #[cfg(target_os = "linux")]
    fn stat(&self, handle: &Handle) -> Result<Facts, Errno> {
        use rustix::fs::StatxFlags;

        if !self.statx.load(Ordering::Relaxed) {
            return fstat(handle);
        }
        let mask = StatxFlags::BASIC_STATS | StatxFlags::MNT_ID;
        let told = match rustix::fs::statx(handle, "", AtFlags::EMPTY_PATH, mask) {
            Ok(told) => told,
            Err(Errno::NOSYS | Errno::PERM) => {
                self.statx.store(false, Ordering::Relaxed);
                return fstat(handle);
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
    #[allow(clippy::unused_self, reason = "on Linux there is something to know")]
    fn stat(&self, handle: &Handle) -> Result<Facts, Errno> {
        fstat(handle)
    }
}

/// The names in an open directory.
#[derive(Debug)]
pub(super) struct Names(Dir);

impl Names {
    pub(super) fn new(directory: Handle) -> Result<Self, Errno> {
        Dir::new(directory).map(Self)
    }

    pub(super) fn read(&mut self) -> Option<Result<Name, Errno>> {
        let read = self.0.read()?;
        Some(read.map(|entry| {
            (
                entry.file_name().to_bytes().to_vec(),
                kind(entry.file_type()),
            )
        }))
    }

    pub(super) fn open(&self, name: &[u8]) -> Result<Handle, Errno> {
        openat(self.0.fd()?, name, How::Pin)
    }
}

/// What a slot without a handle is.
pub(super) const fn no_handle() -> Errno {
    Errno::BADF
}

/// Whether a call is not there at all.
pub(super) fn is_missing(errno: &Errno) -> bool {
    *errno == Errno::NOSYS
}

pub(super) fn open_directory(path: &Path) -> Result<Handle, Errno> {
    let flags = pin() | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::openat(CWD, path, flags.difference(OFlags::NOFOLLOW), Mode::empty())
}

pub(super) fn open_named(at: &Handle, path: &[u8]) -> Result<Handle, Errno> {
    let flags = pin().difference(OFlags::NOFOLLOW) | OFlags::CLOEXEC;
    rustix::fs::openat(at, path, flags, Mode::empty())
}

pub(super) fn lies_below(handle: &Handle, root: Identity, stat: &Stat) -> Result<bool, Errno> {
    let mut above = open_named(handle, b".")?;
    let mut last = None;
    for _ in 0..MAX_ANCESTORS {
        let identity = stat.of(&above, None)?.identity;
        if identity == root {
            return Ok(true);
        }
        if last == Some(identity) {
            return Ok(false);
        }
        last = Some(identity);
        above = open_named(&above, b"..")?;
    }
    Ok(true)
}

pub(super) fn into_file(handle: Handle) -> std::fs::File {
    handle.into()
}

pub(super) fn into_handle(file: std::fs::File) -> Handle {
    file.into()
}

/// Whether no two names in this directory are the same file for another reason than a link. File systems that are not
/// known to tell all names apart are taken for such that do not.
#[cfg(target_os = "linux")]
pub(in crate::files) fn is_case_exact(handle: &Handle) -> bool {
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
    posix::magic(handle).is_ok_and(|magic| EXACT.contains(&magic))
}

#[cfg(not(target_os = "linux"))]
pub(in crate::files) const fn is_case_exact(_handle: &Handle) -> bool {
    false
}

#[cfg(target_os = "linux")]
pub(super) fn open_beneath(root: &Handle, action: &Action<'_>) -> Result<Handle, Errno> {
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
pub(super) const fn open_beneath(_root: &Handle, _action: &Action<'_>) -> Result<Handle, Errno> {
    Err(Errno::NOSYS)
}

pub(super) fn open_root(root: &Handle, how: How) -> Result<Handle, Errno> {
    openat(root, b".", how)
}

pub(super) fn open_at(at: &Handle, name: &[u8], how: How) -> Result<Handle, Errno> {
    openat(at, name, how)
}

pub(super) fn read_link(link: &Handle, target: &mut Vec<u8>) -> Result<(), Errno> {
    let read = rustix::fs::readlinkat(link, "", std::mem::take(target))?;
    *target = read.into_bytes();
    Ok(())
}

pub(super) fn make_directory(at: &Handle, name: &[u8]) -> Result<(), Errno> {
    rustix::fs::mkdirat(at, name, Mode::RWXU)
}

pub(super) fn rename(
    from: &Handle,
    name: &[u8],
    to: &Handle,
    new_name: &[u8],
) -> Result<(), Errno> {
    rustix::fs::renameat(from, name, to, new_name)
}

#[cfg(any(target_os = "linux", target_vendor = "apple"))]
pub(super) fn rename_to_free(
    from: &Handle,
    name: &[u8],
    to: &Handle,
    new_name: &[u8],
) -> Result<(), Errno> {
    rustix::fs::renameat_with(from, name, to, new_name, rustix::fs::RenameFlags::NOREPLACE)
}

#[cfg(not(any(target_os = "linux", target_vendor = "apple")))]
pub(super) const fn rename_to_free(
    _from: &Handle,
    _name: &[u8],
    _to: &Handle,
    _new_name: &[u8],
) -> Result<(), Errno> {
    Err(Errno::NOSYS)
}

pub(super) fn remove(at: &Handle, name: &[u8], directory: bool) -> Result<(), Errno> {
    let flags = if directory {
        AtFlags::REMOVEDIR
    } else {
        AtFlags::empty()
    };
    rustix::fs::unlinkat(at, name, flags)
}

pub(super) fn sync(file: &Handle) -> Result<(), Errno> {
    rustix::fs::fsync(file)
}

pub(super) fn sync_directory(directory: &Handle) -> Result<(), Errno> {
    let directory = openat(directory, b".", How::List)?;
    rustix::io::retry_on_intr(|| rustix::fs::fsync(&directory))
}

fn openat(at: impl AsFd, name: &[u8], how: How) -> Result<Handle, Errno> {
    let (flags, mode) = flags(how);
    rustix::fs::openat(at, name, flags, mode)
}

#[allow(
    clippy::useless_conversion,
    reason = "the type of modes differs between systems"
)]
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

#[allow(
    clippy::useless_conversion,
    clippy::unnecessary_cast,
    reason = "types differ between systems"
)]
fn fstat(handle: &Handle) -> Result<Facts, Errno> {
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

fn kind(told: FileType) -> Option<Kind> {
    match told {
        FileType::RegularFile => Some(Kind::Regular),
        FileType::Directory => Some(Kind::Directory),
        FileType::Symlink => Some(Kind::Link),
        FileType::Fifo => Some(Kind::Fifo),
        FileType::Socket => Some(Kind::Socket),
        FileType::CharacterDevice | FileType::BlockDevice => Some(Kind::Device),
        FileType::Unknown => None,
    }
}
