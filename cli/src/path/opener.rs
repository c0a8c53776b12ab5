//! `--open`: what really happens to an allowed path.

use std::path::Path;

use ravelin_core::path::{Capabilities, Denial, Links, Rules};
use ravelin_runtime::files::Root;

use super::judge::Opened;
use crate::failure::{Exit, Failure};

/// A root that is open.
pub(super) struct Opener(Root);

impl Opener {
    pub(super) fn new(path: &Path, rules: &Rules) -> Result<Self, Failure> {
        let root = if rules.links() == Links::Deny {
            Root::open(path, rules.clone())
        } else {
            // Only who walks name by name knows at the end where the links led.
            let walk = Capabilities {
                case_exact: true,
                ..Capabilities::default()
            };
            Root::open_with(path, rules.clone(), walk)
        };
        root.map(Self).map_err(|denial| {
            Failure::stated(Exit::Configuration, denial.code(), &denial)
                .of(format_args!("the root {}", path.display()))
        })
    }

    /// Opens for reading, and closes again.
    pub(super) fn open(&self, path: &[u8]) -> Result<Opened, Denial> {
        let file = self.0.read(path)?;
        Ok(Opened {
            facts: *file.facts(),
            resolved: file.resolved().map(<[u8]>::to_vec),
        })
    }
}
