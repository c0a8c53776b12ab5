//! Where nothing opens files below a directory without a race, `--open` is refused.

use std::path::Path;

use ravelin_core::path::{Denial, Rules};

use super::judge::Opened;
use crate::failure::Failure;

/// Never made.
pub(super) enum Opener {}

impl Opener {
    pub(super) fn new(_path: &Path, _rules: &Rules) -> Result<Self, Failure> {
        Err(Failure::without_confined_files())
    }

    pub(super) fn open(&self, _path: &[u8]) -> Result<Opened, Denial> {
        match *self {}
    }
}
