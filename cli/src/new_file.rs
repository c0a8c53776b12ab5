//! Files that a command makes. None is ever overwritten.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use crate::failure::{Exit, Failure};

/// Who may read a new file, where files have modes. Elsewhere it inherits the permissions of its directory.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Its owner: mode 0600.
    Owner,
    /// Everybody: mode 0644.
    Everybody,
}

/// `create_new` is O_EXCL: what appeared since a check is not overwritten either, and no link is followed.
pub(crate) fn create(path: &Path, readers: Readers) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    limit(&mut options, readers);
    options.open(path)
}

#[cfg(unix)]
fn limit(options: &mut OpenOptions, readers: Readers) {
    use std::os::unix::fs::OpenOptionsExt as _;

    options.mode(match readers {
        Readers::Owner => 0o600,
        Readers::Everybody => 0o644,
    });
}

#[cfg(not(unix))]
const fn limit(_options: &mut OpenOptions, _readers: Readers) {}

pub(crate) fn taken(path: &Path) -> Failure {
    Failure::new(
        Exit::Configuration,
        "E-CA-04",
        format!("{} exists, nothing was written", path.display()),
        "move it away, or give another name with --out",
    )
}

pub(crate) fn unwritable(path: &Path, error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::AlreadyExists {
        return taken(path);
    }
    Failure::new(
        Exit::Io,
        "E-CLI-04",
        format!("cannot write {}: {error}", path.display()),
        "give with --out a place that you can write to",
    )
}
