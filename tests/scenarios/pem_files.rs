//! Certificates and keys from files: what is read, and what is refused with which words.

use std::fs::{self, File, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ravelin_core::ServerConfig;
use ravelin_runtime::pem::{self, FileError, KeyMode, MAX_FILE};
use ravelin_tests::provider::seeded;
use ravelin_tests::setup::setup;
use tempfile::TempDir;

/// A folder with a chain, its key and a CA, as they should be.
struct Files {
    folder: TempDir,
}

impl Files {
    fn new() -> Self {
        let files = Self {
            folder: TempDir::new().unwrap(),
        };
        files.write("chain.pem", setup().server.chain_pem(), 0o644);
        files.write("key.pem", setup().server.key_pem(), 0o600);
        files.write("ca.pem", setup().ca.root_pem(), 0o644);
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>, mode: u32) {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    }

    fn identity(&self, mode: KeyMode) -> Result<ravelin_core::Identity, FileError> {
        pem::identity(self.path("chain.pem"), self.path("key.pem"), mode)
    }
}

/// The text names the path, then a cause, then a remedy.
#[track_caller]
fn assert_refused(error: &FileError, code: &str, path: &Path, cause: &str) {
    assert_eq!(error.code(), code, "{error}");
    assert_eq!(error.path(), path);
    let text = error.to_string();
    let rest = text.strip_prefix(&format!("{}: ", path.display())).unwrap();
    assert!(rest.contains(cause), "{text}");
    assert!(rest.contains("; "), "{text} names no remedy");
}

#[test]
fn a_chain_its_key_and_a_ca_are_read() {
    let files = Files::new();
    let identity = files.identity(KeyMode::Private).unwrap();
    let config = ServerConfig::builder(Arc::new(seeded(1)), identity);
    config.build().unwrap();
    pem::trust_anchors(files.path("ca.pem")).unwrap();
    files.write("key.pem", setup().server.key_sec1_pem(), 0o400);
    files.identity(KeyMode::Private).unwrap();
}

#[test]
fn one_file_may_hold_both() {
    let files = Files::new();
    let both = setup().server.chain_pem() + &setup().server.key_pem();
    files.write("both.pem", both, 0o600);
    let path = files.path("both.pem");
    pem::identity(&path, &path, KeyMode::Private).unwrap();
}

#[test]
fn a_key_open_to_others_is_refused_unless_told() {
    let files = Files::new();
    for mode in [0o644, 0o640, 0o604, 0o620, 0o602, 0o666] {
        files.write("key.pem", setup().server.key_pem(), mode);
        let error = files.identity(KeyMode::Private).unwrap_err();
        let cause = format!("mode {mode:04o}");
        assert_refused(&error, "E-FIL-03", &files.path("key.pem"), &cause);
        assert!(error.to_string().contains("chmod 600"));
        files.identity(KeyMode::Unsafe).unwrap();
    }
    // A link to it is no way around: what is open is judged.
    files.write("key.pem", setup().server.key_pem(), 0o644);
    std::os::unix::fs::symlink(files.path("key.pem"), files.path("link.pem")).unwrap();
    let error = pem::identity(
        files.path("chain.pem"),
        files.path("link.pem"),
        KeyMode::Private,
    );
    assert_eq!(error.unwrap_err().code(), "E-FIL-03");
    let error = std::io::Error::from(files.identity(KeyMode::Private).unwrap_err());
    assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
    assert_eq!(ravelin_runtime::code(&error), Some("E-FIL-03"));
}

#[test]
fn what_cannot_be_read_is_said_so() {
    let files = Files::new();
    let missing = files.path("missing.pem");
    let error = pem::trust_anchors(&missing).unwrap_err();
    assert_refused(&error, "E-FIL-01", &missing, "No such file");
    let error = pem::identity(&missing, files.path("key.pem"), KeyMode::Private);
    assert_refused(&error.unwrap_err(), "E-FIL-01", &missing, "No such file");
    let error = pem::identity(files.path("chain.pem"), &missing, KeyMode::Private);
    assert_refused(&error.unwrap_err(), "E-FIL-01", &missing, "No such file");
    let folder = files.folder.path();
    let error = pem::trust_anchors(folder).unwrap_err();
    assert_refused(&error, "E-FIL-01", folder, "s a directory");
}

#[test]
fn a_file_may_have_one_mebibyte() {
    let files = Files::new();
    let ca = files.path("ca.pem");
    let pem = setup().ca.root_pem();
    files.write(
        "ca.pem",
        format!("{pem}{}", "\n".repeat(MAX_FILE - pem.len())),
        0o644,
    );
    pem::trust_anchors(&ca).unwrap();
    files.write(
        "ca.pem",
        format!("{pem}{}", "\n".repeat(MAX_FILE + 1 - pem.len())),
        0o644,
    );
    let error = pem::trust_anchors(&ca).unwrap_err();
    assert_refused(&error, "E-FIL-02", &ca, "larger than 1048576 bytes");
    // One that claims to have no size, and never ends.
    let zero = Path::new("/dev/zero");
    if File::open(zero).is_ok() {
        assert_eq!(pem::trust_anchors(zero).unwrap_err().code(), "E-FIL-02");
    }
}

#[test]
fn content_that_is_not_what_it_should_be_is_named_with_its_file() {
    let files = Files::new();
    let (chain, key) = (files.path("chain.pem"), files.path("key.pem"));
    let broken = "-----BEGIN PRIVATE KEY-----\n!!!\n-----END PRIVATE KEY-----\n";
    files.write("ca.pem", "", 0o644);
    let error = pem::trust_anchors(files.path("ca.pem")).unwrap_err();
    assert_refused(
        &error,
        "E-CFG-01",
        &files.path("ca.pem"),
        "no CA certificate",
    );
    files.write("key.pem", broken, 0o600);
    let error = files.identity(KeyMode::Private).unwrap_err();
    assert_refused(&error, "E-CFG-08", &key, "PEM armour");
    files.write("key.pem", setup().server.chain_pem(), 0o600);
    let error = files.identity(KeyMode::Private).unwrap_err();
    assert_refused(&error, "E-CFG-05", &key, "no private key");
    files.write("key.pem", setup().server.key_pem(), 0o600);
    files.write("chain.pem", setup().server.key_pem(), 0o644);
    let error = files.identity(KeyMode::Private).unwrap_err();
    assert_refused(&error, "E-CFG-03", &chain, "no certificate");
    files.write(
        "chain.pem",
        broken.replace("PRIVATE KEY", "CERTIFICATE"),
        0o644,
    );
    let error = files.identity(KeyMode::Private).unwrap_err();
    assert_refused(&error, "E-CFG-08", &chain, "PEM armour");
}
