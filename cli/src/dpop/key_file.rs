//! Signing keys in files: PKCS#8 as PEM, encrypted under a password or not.

use std::path::Path;

use ravelin_core::dpop::{KeyError, SigningKey};

use crate::failure::{Exit, Failure};
use crate::input;

/// Reads the key in `path`; `password` is a file with the password of an encrypted one.
pub(super) fn read(path: &Path, password: Option<&Path>) -> Result<SigningKey, Failure> {
    let source = input::Source::new(Some(path));
    parse(&source.text()?, password).map_err(|failure| failure.of(source))
}

/// Reads the key that is `pem`.
pub(super) fn parse(pem: &str, password: Option<&Path>) -> Result<SigningKey, Failure> {
    match password {
        Some(file) => SigningKey::from_encrypted_pem(pem, &self::password(file)?),
        None => SigningKey::from_pkcs8_pem(pem),
    }
    .map_err(unusable)
}

/// The first line of a file, without its end.
pub(super) fn password(path: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = input::read(path).map_err(|error| input::unreadable(path, &error))?;
    let line = bytes
        .split(|&byte| byte == b'\n')
        .next()
        .unwrap_or_default();
    Ok(line.strip_suffix(b"\r").unwrap_or(line).to_vec())
}

pub(super) fn unusable(error: KeyError) -> Failure {
    Failure::stated(Exit::Configuration, error.code(), &error)
}
