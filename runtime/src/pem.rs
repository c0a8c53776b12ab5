//! Certificates and keys from PEM files.
//!
//! The functions block while they read. What is in a file is judged by the core; here a file is judged: its size, and
//! for a private key who else may read it.

use std::error::Error;
use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use ravelin_core::config::ConfigError;
use ravelin_core::{Identity, TrustAnchors};
use zeroize::Zeroizing;

/// The largest file that is read, in bytes: 1 MiB.
pub const MAX_FILE: usize = 1024 * 1024;

/// Whether the mode of a private key's file matters. There are modes on Unix only.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyMode {
    /// A key that its group or others may read or write is refused.
    #[default]
    Private,
    /// Any mode will do.
    Unsafe,
}

/// The certificate chain in the file `chain`, the leaf first, and the private key in the file `key`: PKCS#8, PKCS#1 or
/// SEC1. Both may be the same file.
///
/// # Errors
///
/// A file that cannot be read, is too large, or has not what is looked for; a key that others may read.
pub fn identity(
    chain: impl AsRef<Path>,
    key: impl AsRef<Path>,
    mode: KeyMode,
) -> Result<Identity, FileError> {
    let (chain, key) = (chain.as_ref(), key.as_ref());
    let chain_pem = read(chain, |_| Ok(()))?;
    let key_pem = read(key, |metadata| judge_mode(metadata, mode))?;
    Identity::from_pem(&chain_pem, &key_pem).map_err(|error| {
        // Armour that is broken is the key's, unless the chain's is.
        let of_key =
            error == ConfigError::NoKey || error == ConfigError::Pem && !is_broken(&chain_pem);
        let path = if of_key { key } else { chain };
        FileError::new(path, Fault::Content(error))
    })
}

fn is_broken(pem: &[u8]) -> bool {
    matches!(TrustAnchors::from_pem(pem), Err(ConfigError::Pem))
}

/// Every certificate in the file `path`, as trust anchors.
///
/// # Errors
///
/// A file that cannot be read, is too large, or has no certificate.
pub fn trust_anchors(path: impl AsRef<Path>) -> Result<TrustAnchors, FileError> {
    let path = path.as_ref();
    let pem = read(path, |_| Ok(()))?;
    TrustAnchors::from_pem(&pem).map_err(|error| FileError::new(path, Fault::Content(error)))
}

/// A file that cannot be used. The text is `path: cause; remedy`.
#[derive(Debug)]
pub struct FileError {
    path: PathBuf,
    fault: Fault,
}

#[derive(Debug)]
enum Fault {
    Unreadable(io::Error),
    TooLarge,
    #[cfg_attr(not(unix), expect(dead_code, reason = "only Unix has modes"))]
    KeyReadable {
        mode: u32,
    },
    Content(ConfigError),
}

impl FileError {
    fn new(path: &Path, fault: Fault) -> Self {
        Self {
            path: path.into(),
            fault,
        }
    }

    /// The stable code: `E-FIL-01` cannot be read, `E-FIL-02` too large, `E-FIL-03` a private key that others may read,
    /// or that of the [`ConfigError`] that its content is refused with.
    pub fn code(&self) -> &'static str {
        match &self.fault {
            Fault::Unreadable(_) => "E-FIL-01",
            Fault::TooLarge => "E-FIL-02",
            Fault::KeyReadable { .. } => "E-FIL-03",
            Fault::Content(error) => error.code(),
        }
    }

    /// Which file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.fault {
            Fault::Unreadable(error) => write!(
                f,
                "{path}: cannot be read: {error}; give the path of a file that this user may read"
            ),
            Fault::TooLarge => write!(
                f,
                "{path}: larger than {MAX_FILE} bytes; give a file with only the certificates or the key"
            ),
            Fault::KeyReadable { mode } => write!(
                f,
                "{path}: a private key with mode {mode:04o}, open to its group or others; run chmod 600 on it"
            ),
            Fault::Content(error) => write!(f, "{path}: {error}"),
        }
    }
}

impl Error for FileError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.fault {
            Fault::Unreadable(error) => Some(error),
            Fault::Content(error) => Some(error),
            Fault::TooLarge | Fault::KeyReadable { .. } => None,
        }
    }
}

impl From<FileError> for io::Error {
    fn from(error: FileError) -> Self {
        let kind = match &error.fault {
            Fault::Unreadable(cause) => cause.kind(),
            Fault::KeyReadable { .. } => ErrorKind::PermissionDenied,
            Fault::TooLarge | Fault::Content(_) => ErrorKind::InvalidInput,
        };
        Self::new(kind, error)
    }
}

/// Judges the file that is open, not the one that the path names by then. What was read is wiped afterwards.
fn read(
    path: &Path,
    judge: impl FnOnce(&Metadata) -> Result<(), Fault>,
) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let read = || {
        let file = File::open(path).map_err(Fault::Unreadable)?;
        let metadata = file.metadata().map_err(Fault::Unreadable)?;
        judge(&metadata)?;
        // With its size known no copy is left behind by a buffer that grows. A pipe has none, and may be read too.
        let size = usize::try_from(metadata.len()).unwrap_or(usize::MAX);
        let mut bytes = Zeroizing::new(Vec::with_capacity(size.min(MAX_FILE) + 1));
        file.take(MAX_FILE as u64 + 1)
            .read_to_end(&mut bytes)
            .map_err(Fault::Unreadable)?;
        if bytes.len() > MAX_FILE {
            return Err(Fault::TooLarge);
        }
        Ok(bytes)
    };
    read().map_err(|fault| FileError::new(path, fault))
}

#[cfg(unix)]
fn judge_mode(metadata: &Metadata, mode: KeyMode) -> Result<(), Fault> {
    use std::os::unix::fs::MetadataExt as _;

    let found = metadata.mode() & 0o7777;
    match mode {
        KeyMode::Private if found & 0o066 != 0 => Err(Fault::KeyReadable { mode: found }),
        KeyMode::Private | KeyMode::Unsafe => Ok(()),
    }
}

#[cfg(not(unix))]
fn judge_mode(_: &Metadata, _: KeyMode) -> Result<(), Fault> {
    Ok(())
}
