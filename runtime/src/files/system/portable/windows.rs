//! The rest of the portable verbs on Windows. Only opening is relative to a handle there (`NtCreateFile`): what cap-std
//! does otherwise joins a path to that of the directory, and is not offered.

use std::fs::OpenOptions as StdOptions;
use std::io;
use std::os::windows::fs::OpenOptionsExt as _;
use std::os::windows::io::AsHandle as _;
use std::path::{Path, PathBuf};

use cap_std::fs::{Dir, Metadata, MetadataExt as _, OpenOptions, OpenOptionsExt as _};
use ravelin_core::path::open::{Action, Failure, How};
use ravelin_core::path::{Denial, Dialect, Filesystem, Kind, Operation, Owner, Rules};
use winx::file::{AccessMode, Flags, ShareMode};

use super::{Handle, open_at};
use crate::files::system::Name;

// Of `winnt.h` and `winbase.h`.
const FILE_ATTRIBUTE_DIRECTORY: u32 = 0x10;
const FILE_ATTRIBUTE_DEVICE: u32 = 0x40;
const FILE_ATTRIBUTE_REPARSE_POINT: u32 = 0x400;
const FILE_FLAG_BACKUP_SEMANTICS: u32 = 0x0200_0000;
const FILE_FLAG_OPEN_REPARSE_POINT: u32 = 0x0020_0000;

// Of `winerror.h`.
const ERROR_INVALID_FUNCTION: i32 = 1;
const ERROR_FILE_NOT_FOUND: i32 = 2;
const ERROR_PATH_NOT_FOUND: i32 = 3;
const ERROR_ACCESS_DENIED: i32 = 5;
const ERROR_INVALID_HANDLE: i32 = 6;
const ERROR_WRITE_PROTECT: i32 = 19;
const ERROR_NOT_SUPPORTED: i32 = 50;
const ERROR_FILE_EXISTS: i32 = 80;
const ERROR_INVALID_PARAMETER: i32 = 87;
const ERROR_INVALID_NAME: i32 = 123;
const ERROR_DIR_NOT_EMPTY: i32 = 145;
const ERROR_BAD_PATHNAME: i32 = 161;
const ERROR_ALREADY_EXISTS: i32 = 183;
const ERROR_FILENAME_EXCED_RANGE: i32 = 206;
const ERROR_DIRECTORY: i32 = 267;
const ERROR_DIRECTORY_NOT_SUPPORTED: i32 = 336;
const ERROR_STOPPED_ON_SYMLINK: i32 = 681;
const ERROR_CANT_ACCESS_FILE: i32 = 1920;
const ERROR_CANT_RESOLVE_FILENAME: i32 = 1921;

/// Users have no numbers, and a backslash or a colon in a name is never just that.
pub(in crate::files::system) fn accept(rules: &Rules) -> Result<(), Denial> {
    if rules.owner() != Owner::Any {
        Err(Denial::SystemOwners)
    } else if rules.dialect() == Dialect::Posix {
        Err(Denial::SystemNames)
    } else {
        Ok(())
    }
}

/// What a handle suffices for.
pub(in crate::files) const fn offers(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::Read
            | Operation::Append
            | Operation::Create
            | Operation::Stat
            | Operation::Remove
    )
}

/// Whether a directory is empty is only asked when it is closed, where nothing can be answered.
pub(in crate::files) const fn lacks(action: &Action<'_>) -> bool {
    matches!(
        action,
        Action::Remove {
            directory: true,
            ..
        }
    )
}

/// Names are UTF-8; those of other sequences of 16 bits cannot be asked for.
pub(in crate::files) fn path(bytes: &[u8]) -> Result<&Path, Denial> {
    str::from_utf8(bytes)
        .map(Path::new)
        .map_err(|_| Denial::NotUtf8)
}

/// The names in an open directory: there are none, as they are read only by a path.
#[derive(Debug)]
pub(in crate::files::system) enum Names {}

impl Names {
    pub(in crate::files::system) fn new(_directory: Handle) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(in crate::files::system) fn read(&mut self) -> Option<io::Result<Name>> {
        match *self {}
    }

    pub(in crate::files::system) fn open(&self, _name: &[u8]) -> io::Result<Handle> {
        match *self {}
    }
}

pub(in crate::files::system) fn no_handle() -> io::Error {
    error(ERROR_INVALID_HANDLE)
}

pub(in crate::files::system) fn is_missing(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Unsupported
}

/// An error of cap-std itself, or of this module, has no number.
#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "there are more kinds than these, and none of them is made here"
)]
pub(in crate::files::system) fn class(error: io::Error) -> Failure {
    let Some(code) = error.raw_os_error() else {
        return match error.kind() {
            io::ErrorKind::NotFound => Failure::NotFound,
            io::ErrorKind::PermissionDenied => Failure::Escape,
            io::ErrorKind::Interrupted => Failure::Race,
            _ => Failure::Unsupported,
        };
    };
    match code {
        ERROR_FILE_NOT_FOUND
        | ERROR_PATH_NOT_FOUND
        | ERROR_INVALID_NAME
        | ERROR_BAD_PATHNAME
        | ERROR_FILENAME_EXCED_RANGE => Failure::NotFound,
        ERROR_FILE_EXISTS | ERROR_ALREADY_EXISTS => Failure::Exists,
        ERROR_STOPPED_ON_SYMLINK | ERROR_CANT_ACCESS_FILE | ERROR_CANT_RESOLVE_FILENAME => {
            Failure::Loop
        }
        ERROR_DIRECTORY => Failure::NotDirectory,
        ERROR_DIRECTORY_NOT_SUPPORTED => Failure::IsDirectory,
        ERROR_DIR_NOT_EMPTY => Failure::NotEmpty,
        ERROR_INVALID_FUNCTION => Failure::Special,
        ERROR_NOT_SUPPORTED | ERROR_INVALID_PARAMETER => Failure::Unsupported,
        ERROR_ACCESS_DENIED | ERROR_WRITE_PROTECT => Failure::NotPermitted,
        other => Failure::Other(other),
    }
}

pub(super) fn open_ambient(path: &Path, _directory: bool) -> io::Result<Handle> {
    let file = StdOptions::new()
        .access_mode(0)
        .custom_flags(FILE_FLAG_BACKUP_SEMANTICS)
        .open(path)?;
    Ok(Dir::from_std_file(file))
}

/// What an administrator names: a link is left to cap-std, which follows it.
pub(super) fn named() -> OpenOptions {
    let mut options = OpenOptions::new();
    options
        .access_mode(0)
        .custom_flags(FILE_FLAG_BACKUP_SEMANTICS);
    options
}

/// Shared with everybody. Directories open too, to be told from files; without the generic rights that does not mean a
/// privilege to back up what one may not read.
pub(super) fn options(how: How) -> OpenOptions {
    let mut options = OpenOptions::new();
    let either = FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT;
    match how {
        How::Pin | How::List => options.access_mode(0).custom_flags(either),
        How::Read => options
            .access_mode(AccessMode::FILE_GENERIC_READ.bits())
            .custom_flags(either),
        How::Append => options.append(true).custom_flags(either),
        How::Create { .. } => options
            .write(true)
            .create_new(true)
            .custom_flags(FILE_FLAG_OPEN_REPARSE_POINT),
    };
    options
}

/// Whether what was opened lies in the directory, by its own account: an empty directory that was pinned can become a
/// junction, and then leads elsewhere although nobody named another.
pub(super) fn confirm(at: &Handle, opened: &Handle, how: How) -> io::Result<()> {
    let refusal = match lies_in(at, opened) {
        Ok(true) => return Ok(()),
        Err(error) => error,
        Ok(false) if kind(&at.dir_metadata()?) == Kind::Link => error(ERROR_STOPPED_ON_SYMLINK),
        // One of them was renamed.
        Ok(false) => io::ErrorKind::Interrupted.into(),
    };
    if matches!(how, How::Create { .. }) {
        remove_on_close(opened)?;
    }
    Err(refusal)
}

fn lies_in(at: &Handle, opened: &Handle) -> io::Result<bool> {
    Ok(place(opened)?.parent() == Some(&*place(at)?))
}

/// A name and nothing else: no stream, no pattern, no other separator.
pub(super) fn is_name(name: &[u8]) -> bool {
    !name
        .iter()
        .any(|byte| matches!(byte, 0..=31 | b':' | b'\\' | b'/' | b'*' | b'?'))
}

#[allow(clippy::unnecessary_wraps, reason = "elsewhere there is a flag")]
pub(in crate::files::system) const fn clear_nonblock(_file: &std::fs::File) -> io::Result<()> {
    Ok(())
}

pub(in crate::files::system) fn make_directory(_at: &Handle, _name: &[u8]) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(in crate::files::system) fn rename(
    _from: &Handle,
    _name: &[u8],
    _to: &Handle,
    _new_name: &[u8],
) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(in crate::files::system) use rename as rename_to_free;

/// Takes away what is opened here, and not what has the name by then.
pub(in crate::files::system) fn remove(
    at: &Handle,
    name: &[u8],
    _directory: bool,
) -> io::Result<()> {
    let pinned = open_at(at, name, How::Pin)?;
    let kind = kind(&pinned.dir_metadata()?);
    if kind == Kind::Link {
        Err(error(ERROR_STOPPED_ON_SYMLINK))
    } else if kind == Kind::Directory {
        Err(error(ERROR_DIRECTORY_NOT_SUPPORTED))
    } else {
        remove_on_close(&pinned)
    }
}

pub(in crate::files::system) fn sync(_file: &Handle) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

pub(in crate::files::system) use sync as sync_directory;

/// A reparse point is a link whatever it is made for: junction, symbolic link, mounted volume, file in the cloud.
pub(super) fn kind(told: &Metadata) -> Kind {
    let has = |attribute| told.file_attributes() & attribute != 0;
    if has(FILE_ATTRIBUTE_REPARSE_POINT) {
        Kind::Link
    } else if has(FILE_ATTRIBUTE_DIRECTORY) {
        Kind::Directory
    } else if has(FILE_ATTRIBUTE_DEVICE) {
        Kind::Device
    } else {
        Kind::Regular
    }
}

pub(super) const fn uid(_told: &Metadata) -> u32 {
    u32::MAX
}

pub(super) const fn mode(_told: &Metadata) -> u16 {
    0
}

/// No pipe and no device answers what files are asked, so what comes here lies on a disk.
#[allow(clippy::unnecessary_wraps, reason = "elsewhere it is asked")]
pub(super) const fn filesystem(_handle: &Handle) -> io::Result<Filesystem> {
    Ok(Filesystem::Storage)
}

/// Where the system says that a handle lies.
fn place(handle: &Handle) -> io::Result<PathBuf> {
    winx::file::get_file_path(&handle.try_clone()?.into_std_file())
}

/// Marks a file to go with its last handle. The handle is opened once more for that, by itself and not by a name.
fn remove_on_close(handle: &Handle) -> io::Result<()> {
    let flags = Flags::FILE_FLAG_DELETE_ON_CLOSE | Flags::FILE_FLAG_OPEN_REPARSE_POINT;
    winx::file::reopen_file(
        handle.as_handle(),
        AccessMode::DELETE,
        ShareMode::all(),
        flags,
    )
    .map(drop)
}

fn error(code: i32) -> io::Error {
    io::Error::from_raw_os_error(code)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::fs;

    use super::*;

    /// As if `a` had become a junction to `b` after it was pinned.
    #[test]
    fn what_lies_elsewhere_by_its_own_account_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a", "b"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        fs::write(folder.path().join("b/x"), "secret").unwrap();
        let a = open_ambient(&folder.path().join("a"), true).unwrap();
        let b = open_ambient(&folder.path().join("b"), true).unwrap();
        let opened = open_at(&b, b"x", How::Read).unwrap();
        confirm(&b, &opened, How::Read).unwrap();
        let error = confirm(&a, &opened, How::Read).unwrap_err();
        assert_eq!(class(error), Failure::Race);
        assert!(folder.path().join("b/x").exists());

        let made = open_at(&b, b"new", How::Create { mode: 0o600 }).unwrap();
        confirm(&a, &made, How::Create { mode: 0o600 }).unwrap_err();
        drop(made);
        assert!(!folder.path().join("b/new").exists(), "it is taken away");
    }

    #[test]
    fn a_name_is_one_name() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("x"), "fine").unwrap();
        let at = open_ambient(folder.path(), true).unwrap();
        open_at(&at, b"x", How::Read).unwrap();
        for name in [
            "", ".", "..", "x:y", "a\\x", "a/x", "..\\x", "C:x", "x\0", "NUL", "x*",
        ] {
            let error = open_at(&at, name.as_bytes(), How::Read).unwrap_err();
            assert_eq!(class(error), Failure::NotFound, "{name:?}");
        }
    }
}
