//! Where the demo's files lie.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use ravelin_core::pki_types::CertificateDer;
use ravelin_core::pki_types::pem::PemObject as _;
use ravelin_core::trust::certificate::Certificate;
use ravelin_core::trust::pin::Pin;

use crate::failure::{Exit, Failure};
use crate::input;

/// What lies in files/hello.txt.
pub(super) const HELLO: &str = "Hello from behind the ravelin.\n";

/// One byte more than `ravelin files` reads.
const TOO_LARGE: usize = 256 * 1024 + 1;

/// A temporary directory that only this user can enter. It is removed when this is dropped.
pub(super) struct Stage(PathBuf);

impl Stage {
    pub(super) fn create() -> Result<Self, Failure> {
        let parent = std::env::temp_dir();
        // A name that is taken may be somebody's trap or an earlier run's leftover: either way it is not used.
        for attempt in 0..1000 {
            let path = parent.join(format!("ravelin-demo-{}-{attempt}", std::process::id()));
            match private_directory(&path) {
                Ok(()) => return Ok(Self(path)),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(unwritable(&path, &error)),
            }
        }
        let taken = io::Error::from(ErrorKind::AlreadyExists);
        Err(unwritable(&parent, &taken))
    }

    pub(super) fn path(&self, relative: &str) -> PathBuf {
        self.0.join(relative)
    }

    /// Writes what the demo's own server reads, and what it refuses.
    pub(super) fn furnish(&self) -> Result<(), Failure> {
        self.write("files/hello.txt", HELLO)?;
        self.write("files/large.txt", &"x".repeat(TOO_LARGE))?;
        #[cfg(unix)]
        {
            let link = self.path("files/environ");
            std::os::unix::fs::symlink("/proc/self/environ", &link)
                .map_err(|error| unwritable(&link, &error))?;
        }
        #[cfg(target_os = "linux")]
        {
            use rustix::fs::{CWD, FileType, Mode, mknodat};

            let fifo = self.path("files/pipe");
            mknodat(CWD, &fifo, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0)
                .map_err(|errno| unwritable(&fifo, &errno.into()))?;
        }
        Ok(())
    }

    /// Writes a file, and makes its directory.
    fn write(&self, relative: &str, content: &str) -> Result<(), Failure> {
        let path = self.path(relative);
        let written = path
            .parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| fs::write(&path, content));
        written.map_err(|error| unwritable(&path, &error))
    }

    /// The pin of the first certificate in a file.
    pub(super) fn pin(&self, relative: &str) -> Result<Pin, Failure> {
        let path = self.path(relative);
        let bytes = input::read(&path).map_err(|error| input::unreadable(&path, &error))?;
        CertificateDer::from_pem_slice(&bytes)
            .ok()
            .and_then(|der| Some(Pin::of_spki(Certificate::parse(&der).ok()?.spki())))
            .ok_or_else(|| {
                let error = io::Error::from(ErrorKind::InvalidData);
                input::unreadable(&path, &error)
            })
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // What cannot be removed holds nothing that opens anything: its keys are those of this run.
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[cfg(unix)]
fn private_directory(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;

    fs::DirBuilder::new().mode(0o700).create(path)
}

/// The directory for temporary files is the user's own elsewhere.
#[cfg(not(unix))]
fn private_directory(path: &Path) -> io::Result<()> {
    fs::create_dir(path)
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(
        Exit::Io,
        "E-CLI-04",
        format!("cannot write {}: {error}", path.display()),
        "name a directory that you can write to in TMPDIR",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_is_private_and_goes_with_its_end() {
        let (first, second) = (Stage::create().unwrap(), Stage::create().unwrap());
        assert_ne!(first.0, second.0);
        first.write("files/hello.txt", "hello").unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(&first.0).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
        }
        let path = first.0.clone();
        drop(first);
        assert!(!path.exists() && second.0.exists());
    }
}
