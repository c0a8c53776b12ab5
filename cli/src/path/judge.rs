//! One set of rules for a run of the program, and its verdicts as rows and as JSON.

use ravelin_core::path::{Denial, Dialect, Operation, Rules, uri};
use serde_json::{Value, json};

use super::opener::{Opened, Opener};
use super::settings::{Op, Settings};
use crate::failure::{Failure, cause_and_remedy};
use crate::style::{OneLine, Style};

/// Judges one path after the other, and opens them if that was asked for.
pub(super) struct Judge {
    rules: Rules,
    uri: bool,
    opener: Option<Opener>,
}

impl Judge {
    pub(super) fn new(settings: &Settings) -> Result<Self, Failure> {
        let settings = settings.checked()?;
        let rules = settings.rules()?;
        let opener = match settings.root() {
            Some(root) if settings.open => Some(Opener::new(root, &rules)?),
            _ => None,
        };
        Ok(Self {
            rules,
            uri: settings.uri,
            opener,
        })
    }

    pub(super) fn rules(&self) -> &Rules {
        &self.rules
    }

    pub(super) fn opens(&self) -> bool {
        self.opener.is_some()
    }

    pub(super) fn verdict<'p>(&self, path: &'p [u8], op: Op) -> Verdict<'p> {
        let mut asked = Asked::Text;
        let outcome = self.judge(path, op, &mut asked);
        Verdict {
            path,
            op,
            asked,
            outcome,
        }
    }

    fn judge(&self, path: &[u8], op: Op, asked: &mut Asked) -> Result<Allowed, Denial> {
        let mut buffer = Vec::new();
        let path = if self.uri && is_uri(path) {
            buffer.resize(path.len(), 0);
            *asked = Asked::Uri;
            uri::decode(path, self.rules.dialect(), &mut buffer)?
        } else {
            path
        };
        *asked = Asked::Text;
        let judged = self.rules.judge(path, Operation::from(op))?;
        let below = joined(judged.components());
        let opened = match &self.opener {
            Some(opener) => {
                *asked = Asked::File;
                Some(opener.open(path)?)
            }
            None => None,
        };
        Ok(Allowed { below, opened })
    }
}

/// What the last question was about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    /// The URI that the path came in.
    Uri,
    /// The text of the path.
    Text,
    /// What was opened.
    File,
}

/// What became of a path.
pub(super) struct Verdict<'p> {
    path: &'p [u8],
    op: Op,
    pub(super) asked: Asked,
    pub(super) outcome: Result<Allowed, Denial>,
}

pub(super) struct Allowed {
    /// The names below the root, joined with `/`.
    pub(super) below: Vec<u8>,
    pub(super) opened: Option<Opened>,
}

impl Verdict<'_> {
    pub(super) fn is_denied(&self) -> bool {
        self.outcome.is_err()
    }

    /// One line for a person.
    pub(super) fn row(&self, style: Style) -> String {
        let path = String::from_utf8_lossy(self.path);
        let path = OneLine(&path);
        match &self.outcome {
            Ok(Allowed {
                opened: Some(opened),
                ..
            }) => format!("{}  {path}  {}", style.green("opened "), opened.row()),
            Ok(_) => format!("{}  {path}", style.green("allowed")),
            Err(denial) => {
                let code = denial.code();
                format!("{}  {path}  {code}: {denial}", style.red("denied "))
            }
        }
    }

    pub(super) fn json(&self) -> Value {
        let path = String::from_utf8_lossy(self.path);
        let op = Operation::from(self.op).name();
        match &self.outcome {
            Ok(allowed) => {
                let mut verdict = json!({
                    "path": path,
                    "op": op,
                    "verdict": "allowed",
                    "below": String::from_utf8_lossy(&allowed.below),
                });
                if let (Some(verdict), Some(opened)) = (verdict.as_object_mut(), &allowed.opened) {
                    verdict.insert("opened".to_owned(), opened.json());
                }
                verdict
            }
            Err(denial) => {
                let text = denial.to_string();
                let (cause, remedy) = cause_and_remedy(&text);
                json!({
                    "path": path,
                    "op": op,
                    "verdict": "denied",
                    "code": denial.code(),
                    "cause": cause,
                    "remedy": remedy,
                })
            }
        }
    }
}

/// Whether the path would be taken for a URI.
pub(super) fn is_uri(path: &[u8]) -> bool {
    path.get(..5)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"file:"))
}

/// The names of a path as it is written, without what stands for its root: `None` for an empty one in between.
pub(super) fn names(path: &[u8], dialect: Dialect) -> Vec<Option<&[u8]>> {
    let mut names: Vec<_> = path
        .split(|byte| dialect.separates(*byte))
        .map(|name| (!name.is_empty()).then_some(name))
        .collect();
    let is_drive = |name: &[u8]| matches!(name, [letter, b':'] if letter.is_ascii_alphabetic());
    let rooted = match names.first() {
        Some(None) => true,
        Some(Some(name)) => dialect == Dialect::Windows && is_drive(name),
        None => false,
    };
    if rooted {
        names.remove(0);
    }
    if names.last() == Some(&None) {
        names.pop();
    }
    names
}

fn joined<'n>(names: impl Iterator<Item = &'n [u8]>) -> Vec<u8> {
    names.collect::<Vec<_>>().join(&b'/')
}
