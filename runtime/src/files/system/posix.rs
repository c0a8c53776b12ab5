//! What both executors say of POSIX systems: the path of bytes, the class of an error, and what `fcntl` changes.

use std::ffi::OsStr;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use ravelin_core::path::open::Failure;
use ravelin_core::path::{Denial, Filesystem};
use rustix::fs::OFlags;
use rustix::io::Errno;

/// The path of these bytes, as the system takes it.
#[allow(clippy::unnecessary_wraps, reason = "other systems refuse some")]
pub(in crate::files) fn path(bytes: &[u8]) -> Result<&Path, Denial> {
    Ok(Path::new(OsStr::from_bytes(bytes)))
}

pub(super) fn clear_nonblock(file: &std::fs::File) -> Result<(), Errno> {
    let flags = rustix::fs::fcntl_getfl(file)?;
    rustix::fs::fcntl_setfl(file, flags.difference(OFlags::NONBLOCK))
}

/// The class of the file system that this lies on.
#[cfg(target_os = "linux")]
pub(super) fn filesystem(handle: impl AsFd) -> Result<Filesystem, Errno> {
    magic(handle).map(Filesystem::from_magic)
}

/// No other system has procfs where it could be taken for files.
#[cfg(not(target_os = "linux"))]
#[allow(clippy::unnecessary_wraps, reason = "on Linux it is asked")]
pub(super) fn filesystem(_handle: impl AsFd) -> Result<Filesystem, Errno> {
    Ok(Filesystem::Storage)
}

#[cfg(target_os = "linux")]
pub(super) fn magic(handle: impl AsFd) -> Result<u64, Errno> {
    // The type is narrower and signed on some machines; all numbers have 32 bits.
    #[allow(clippy::unnecessary_cast, reason = "not on every machine")]
    rustix::fs::fstatfs(handle).map(|told| told.f_type as u64 & 0xffff_ffff)
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
