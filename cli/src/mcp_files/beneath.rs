//! Files below one directory, opened so that the kernel itself refuses to leave it.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, DirEntry, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

use crate::failure::{Exit, Failure, Refusal};

/// Bytes of a file that is read.
const READ_LIMIT: u64 = 256 * 1024;
/// Names in one listing, and entries looked at for it.
const LIST_LIMIT: usize = 1000;
const SCAN_LIMIT: usize = 10_000;
/// A rename elsewhere in the tree makes openat2 give up with EAGAIN; it asks to be called again.
const ATTEMPTS: usize = 8;

/// A directory that stays open: what its path means later does not matter.
pub(super) struct Root {
    dir: OwnedFd,
}

impl Root {
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = rustix::fs::openat(CWD, path, flags, Mode::empty()).map_err(|error| {
            Failure::new(
                Exit::Configuration,
                "E-FILE-12",
                format!(
                    "cannot open the root {}: {}",
                    path.display(),
                    io::Error::from(error)
                ),
                "give a directory that can be read",
            )
        })?;
        let root = Self { dir };
        // Old kernels and some sandboxes lack openat2: say so now, not at the first call.
        root.open_beneath(".", OFlags::DIRECTORY).map_err(|error| {
            Failure::new(
                Exit::Configuration,
                "E-FILE-13",
                format!(
                    "the root {} cannot be confined with openat2: {}",
                    path.display(),
                    io::Error::from(error)
                ),
                "give a readable directory, on Linux 5.6 or later, in a sandbox that allows openat2",
            )
        })?;
        Ok(root)
    }

    /// The text of the regular file at `path`.
    pub(super) fn read_text(&self, path: &str) -> Result<String, Refusal> {
        screen(path)?;
        // O_NONBLOCK: opening a FIFO waits for nobody. What was opened is judged by its handle.
        let file = self
            .open_beneath(path, OFlags::NONBLOCK | OFlags::NOCTTY)
            .map(File::from)
            .map_err(|errno| refused(path, errno))?;
        let metadata = file.metadata().map_err(|error| failed(path, &error))?;
        if !metadata.is_file() {
            return Err(irregular(path));
        }
        let mut bytes = Vec::new();
        // Its length may lie (it grows, or lies in /proc): only what was read counts.
        file.take(READ_LIMIT + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| failed(path, &error))?;
        if bytes.len() as u64 > READ_LIMIT {
            return Err(Refusal::new(
                "E-FILE-06",
                format!("{path} is larger than {READ_LIMIT} bytes"),
                "ask for a smaller file",
            ));
        }
        String::from_utf8(bytes).map_err(|_| {
            Refusal::new(
                "E-FILE-07",
                format!("{path} is not UTF-8 text"),
                "ask for a text file",
            )
        })
    }

    /// The regular files and directories in the directory at `path`, sorted, one a line.
    pub(super) fn list(&self, path: &str) -> Result<String, Refusal> {
        screen(path)?;
        let dir = self
            .open_beneath(path, OFlags::DIRECTORY)
            .map_err(|errno| refused(path, errno))?;
        let entries = Dir::read_from(&dir).map_err(|errno| refused(path, errno))?;
        let mut names = Vec::new();
        let mut cut = false;
        for (looked_at, entry) in entries.enumerate() {
            if looked_at == SCAN_LIMIT || names.len() == LIST_LIMIT {
                cut = true;
                break;
            }
            let entry = entry.map_err(|errno| refused(path, errno))?;
            names.extend(shown(&dir, &entry));
        }
        names.sort_unstable();
        if cut {
            names.push(format!("(cut after {} names)", names.len()));
        }
        Ok(names.join("\n"))
    }

    fn open_beneath(&self, path: &str, flags: OFlags) -> Result<OwnedFd, Errno> {
        let flags = flags | OFlags::RDONLY | OFlags::CLOEXEC;
        let resolve =
            ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_SYMLINKS;
        let mut attempts = 0;
        loop {
            attempts += 1;
            match rustix::fs::openat2(&self.dir, path, flags, Mode::empty(), resolve) {
                Err(Errno::AGAIN | Errno::INTR) if attempts < ATTEMPTS => {}
                outcome => return outcome,
            }
        }
    }
}

/// What can be refused without asking the kernel, with an answer that says more than its errno.
fn screen(path: &str) -> Result<(), Refusal> {
    let reason = if path.is_empty() {
        "is empty"
    } else if path.starts_with('/') {
        "is absolute"
    } else if path.contains('\0') {
        "contains NUL"
    } else if path.split('/').any(|component| component == "..") {
        "contains '..'"
    } else {
        return Ok(());
    };
    Err(Refusal::new(
        "E-FILE-02",
        format!("the path '{path}' {reason}"),
        "give a path below the root, such as notes/today.md",
    ))
}

/// Links, sockets and the like cannot be read, and a name with a line break would look like two.
fn shown(dir: &OwnedFd, entry: &DirEntry) -> Option<String> {
    let name = entry.file_name().to_str().ok()?;
    if matches!(name, "." | "..") || name.contains(char::is_control) {
        return None;
    }
    let mut kind = entry.file_type();
    if kind == FileType::Unknown {
        let stat = rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
        kind = FileType::from_raw_mode(stat.st_mode);
    }
    if kind.is_file() {
        Some(name.to_owned())
    } else if kind.is_dir() {
        Some(format!("{name}/"))
    } else {
        None
    }
}

fn refused(path: &str, errno: Errno) -> Refusal {
    match errno {
        Errno::NOENT | Errno::NOTDIR | Errno::NAMETOOLONG => Refusal::new(
            "E-FILE-03",
            format!("there is no {path}"),
            "see list_files for what there is",
        ),
        Errno::LOOP | Errno::XDEV => Refusal::new(
            "E-FILE-04",
            format!("{path} goes through a link or leaves the root"),
            "give the path of the file itself",
        ),
        // What open says of a socket.
        Errno::NXIO => irregular(path),
        Errno::ACCESS | Errno::PERM => Refusal::new(
            "E-FILE-08",
            format!("{path} may not be read by the server"),
            "ask for another file",
        ),
        other => failed(path, &other.into()),
    }
}

fn irregular(path: &str) -> Refusal {
    Refusal::new(
        "E-FILE-05",
        format!("{path} is not a regular file"),
        "ask for a regular file; list_files shows them",
    )
}

fn failed(path: &str, error: &io::Error) -> Refusal {
    Refusal::new(
        "E-FILE-09",
        format!("cannot read {path}: {error}"),
        "try again or ask for another file",
    )
}
