//! Files that the command line names.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use crate::failure::{Exit, Failure};

/// Bytes of a file of certificates or keys; a chain of ten has about 20 KiB.
const LIMIT: u64 = 1024 * 1024;

/// The content of `path`, which may have at most 1 MiB.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LIMIT {
        return Err(io::Error::other("larger than 1 MiB"));
    }
    Ok(bytes)
}

pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(
        Exit::Configuration,
        "E-CLI-03",
        format!("cannot read {}: {error}", path.display()),
        "give the path of a file that can be read",
    )
}
