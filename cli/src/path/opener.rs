//! `--open`: what really happens to an allowed path.

use std::path::Path;

use ravelin_core::path::{Capabilities, Denial, Facts, Links, Rules};
use ravelin_runtime::files::Root;
use serde_json::{Value, json};

use crate::failure::{Exit, Failure};
use crate::style::OneLine;

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

/// What was opened.
pub(super) struct Opened {
    pub(super) facts: Facts,
    /// Where it lies below the root.
    pub(super) resolved: Option<Vec<u8>>,
}

impl Opened {
    pub(super) fn row(&self) -> String {
        let Facts {
            kind,
            size,
            identity,
            ..
        } = &self.facts;
        let mut row = format!(
            "{}, {size} bytes, dev {}, ino {}",
            kind.name(),
            identity.device,
            identity.inode
        );
        if let Some(resolved) = &self.resolved {
            row.push_str(", at ");
            row.push_str(&OneLine(&String::from_utf8_lossy(resolved)).to_string());
        }
        row
    }

    pub(super) fn json(&self) -> Value {
        let resolved = self.resolved.as_deref().map(String::from_utf8_lossy);
        json!({
            "dev": self.facts.identity.device,
            "ino": self.facts.identity.inode,
            "size": self.facts.size,
            "kind": self.facts.kind.name(),
            "resolved": resolved,
        })
    }
}
