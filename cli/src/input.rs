//! Files that the command line names.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::Path;

use crate::failure::{Exit, Failure};

/// Bytes of a file of certificates or keys; a chain of ten has about 20 KiB.
const LIMIT: u64 = 1024 * 1024;

/// The content of `path`, which may have at most 1 MiB.
pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    read_limited(File::open(path)?)
}

fn read_limited(reader: impl io::Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    reader.take(LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LIMIT {
        return Err(io::Error::other("larger than 1 MiB"));
    }
    Ok(bytes)
}

/// A file that the command line names, or stdin.
#[derive(Clone, Copy)]
pub(crate) enum Source<'a> {
    File(&'a Path),
    Stdin,
}

impl<'a> Source<'a> {
    /// Nothing and `-` mean stdin.
    pub(crate) fn new(path: Option<&'a Path>) -> Self {
        match path {
            Some(path) if path != Path::new("-") => Self::File(path),
            _ => Self::Stdin,
        }
    }

    /// The whole text, which may have at most 1 MiB.
    pub(crate) fn text(&self) -> Result<String, Failure> {
        let bytes = match self {
            Self::File(path) => read(path),
            Self::Stdin => read_limited(io::stdin().lock()),
        };
        bytes
            .and_then(|bytes| String::from_utf8(bytes).map_err(|_| io::Error::other("not UTF-8")))
            .map_err(|error| self.unreadable(&error))
    }

    pub(crate) fn reader(&self) -> Result<Box<dyn BufRead>, Failure> {
        match self {
            Self::File(path) => match File::open(path) {
                Ok(file) => Ok(Box::new(BufReader::new(file))),
                Err(error) => Err(self.unreadable(&error)),
            },
            Self::Stdin => Ok(Box::new(io::stdin().lock())),
        }
    }

    pub(crate) fn unreadable(&self, error: &io::Error) -> Failure {
        match self {
            Self::File(path) => unreadable(path, error),
            Self::Stdin => unreadable(Path::new("stdin"), error),
        }
    }
}

impl fmt::Display for Source<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Stdin => f.write_str("stdin"),
        }
    }
}

pub(crate) fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(
        Exit::Configuration,
        "E-CLI-03",
        format!("cannot read {}: {error}", path.display()),
        "give the path of a file that can be read",
    )
}
