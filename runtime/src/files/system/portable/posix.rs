//! The rest of the portable verbs on Unix, where they are only tested: `unix` serves it otherwise.

use std::fs::OpenOptions as StdOptions;
use std::io;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use cap_fs_ext::OpenOptionsSyncExt as _;
use cap_std::fs::{
    Dir, DirBuilder, DirBuilderExt as _, FileType, FileTypeExt as _, Metadata, MetadataExt as _,
    OpenOptions, OpenOptionsExt as _, ReadDir,
};
use ravelin_core::path::open::{Action, Failure, How};
use ravelin_core::path::{Denial, Filesystem, Kind, Operation, Rules};
use rustix::fs::OFlags;
use rustix::io::Errno;

use super::{Handle, one_name, open_at};
pub(in crate::files) use crate::files::system::posix::path;
use crate::files::system::{Name, posix};

#[allow(clippy::unnecessary_wraps, reason = "other systems refuse some")]
pub(in crate::files::system) const fn accept(_rules: &Rules) -> Result<(), Denial> {
    Ok(())
}

/// cap-std renames over what has the name.
pub(in crate::files) const fn offers(operation: Operation) -> bool {
    !matches!(operation, Operation::Rename)
}

/// All verbs of what is offered are there, whatever is found.
pub(in crate::files) const fn lacks(_action: &Action<'_>) -> bool {
    false
}

/// The names in an open directory.
#[derive(Debug)]
pub(in crate::files::system) struct Names {
    directory: Dir,
    entries: ReadDir,
}

impl Names {
    pub(in crate::files::system) fn new(directory: Handle) -> io::Result<Self> {
        let entries = directory.entries()?;
        Ok(Self { directory, entries })
    }

    pub(in crate::files::system) fn read(&mut self) -> Option<io::Result<Name>> {
        let read = self.entries.next()?;
        Some(read.map(|entry| {
            let kind = entry.file_type().ok().map(kind_of);
            (entry.file_name().into_vec(), kind)
        }))
    }

    pub(in crate::files::system) fn open(&self, name: &[u8]) -> io::Result<Handle> {
        open_at(&self.directory, name, How::Pin)
    }
}

pub(in crate::files::system) fn no_handle() -> io::Error {
    Errno::BADF.into()
}

pub(in crate::files::system) fn is_missing(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Unsupported
}

/// An error of cap-std itself has no number.
pub(in crate::files::system) fn class(error: io::Error) -> Failure {
    match (Errno::from_io_error(&error), error.kind()) {
        (Some(errno), _) => posix::class(errno),
        (None, io::ErrorKind::PermissionDenied) => Failure::Escape,
        (None, io::ErrorKind::NotFound) => Failure::NotFound,
        (None, _) => Failure::Unsupported,
    }
}

pub(super) fn open_ambient(path: &Path, directory: bool) -> io::Result<Handle> {
    let mut flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    flags.set(OFlags::DIRECTORY, directory);
    let file = StdOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(path)?;
    Ok(Dir::from_std_file(file))
}

/// What an administrator names.
pub(super) fn named() -> OpenOptions {
    options(How::Pin)
}

pub(super) fn options(how: How) -> OpenOptions {
    let mut options = OpenOptions::new();
    match how {
        How::Pin | How::Read | How::List => options.read(true),
        How::Append => options.append(true),
        How::Create { mode } => options.write(true).create_new(true).mode(mode.into()),
    };
    // A FIFO is opened without waiting for its other end, and a terminal does not become ours.
    options
        .nonblock(true)
        .custom_flags(OFlags::NOCTTY.bits().cast_signed());
    options
}

/// What was opened relative to a directory is in it.
#[allow(clippy::unnecessary_wraps, reason = "elsewhere it need not be")]
pub(super) const fn confirm(_at: &Handle, _opened: &Handle, _how: How) -> io::Result<()> {
    Ok(())
}

/// Every byte but the separator.
pub(super) const fn is_name(_name: &[u8]) -> bool {
    true
}

pub(in crate::files::system) fn clear_nonblock(file: &std::fs::File) -> io::Result<()> {
    Ok(posix::clear_nonblock(file)?)
}

pub(in crate::files::system) fn make_directory(at: &Handle, name: &[u8]) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    at.create_dir_with(one_name(name)?, builder.mode(0o700))
}

pub(in crate::files::system) fn rename(
    from: &Handle,
    name: &[u8],
    to: &Handle,
    new_name: &[u8],
) -> io::Result<()> {
    from.rename(one_name(name)?, to, one_name(new_name)?)
}

pub(in crate::files::system) fn rename_to_free(
    _from: &Handle,
    _name: &[u8],
    _to: &Handle,
    _new_name: &[u8],
) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(in crate::files::system) fn remove(
    at: &Handle,
    name: &[u8],
    directory: bool,
) -> io::Result<()> {
    if directory {
        at.remove_dir(one_name(name)?)
    } else {
        at.remove_file(one_name(name)?)
    }
}

pub(in crate::files::system) fn sync(file: &Handle) -> io::Result<()> {
    Ok(rustix::fs::fsync(file)?)
}

/// It was opened for reading, for want of `O_PATH`.
pub(in crate::files::system) fn sync_directory(directory: &Handle) -> io::Result<()> {
    Ok(rustix::io::retry_on_intr(|| rustix::fs::fsync(directory))?)
}

pub(super) fn kind(told: &Metadata) -> Kind {
    kind_of(told.file_type())
}

pub(super) fn uid(told: &Metadata) -> u32 {
    told.uid()
}

pub(super) fn mode(told: &Metadata) -> u16 {
    (told.mode() & 0o7777) as u16
}

pub(super) fn filesystem(handle: &Handle) -> io::Result<Filesystem> {
    Ok(posix::filesystem(handle)?)
}

fn kind_of(told: FileType) -> Kind {
    match told {
        told if told.is_file() => Kind::Regular,
        told if told.is_dir() => Kind::Directory,
        told if told.is_symlink() => Kind::Link,
        told if told.is_fifo() => Kind::Fifo,
        told if told.is_socket() => Kind::Socket,
        told if told.is_char_device() || told.is_block_device() => Kind::Device,
        _ => Kind::Other,
    }
}
