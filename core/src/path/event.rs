//! What became of an operation on a path, as data.

use core::fmt;

use super::denial::Denial;
use super::facts::Facts;
use super::rules::Operation;
use crate::event::Severity;

/// What an audit trail wants to know of one operation on one path. It borrows the path and allocates nothing.
///
/// Its text is one line, whatever the path holds: bytes that are not printable ASCII are escaped, and nothing is lost.
///
/// ```
/// use ravelin_core::path::{Denial, Event, Operation};
///
/// let event = Event::new(Operation::Read, b"a/../\x1b[2J", Err(Denial::ParentDirectory));
/// assert_eq!(event.code(), "E-PTH-16");
/// assert_eq!(
///     event.to_string(),
///     r#"E-PTH-16: read "a/../\x1b[2J": the path has a component `..`; write the path that it leads to"#
/// );
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Event<'p> {
    /// What was to be done.
    pub operation: Operation,
    /// The path, as the client wrote it.
    pub path: &'p [u8],
    /// The other path of a rename.
    pub new_path: Option<&'p [u8]>,
    /// What was known of the file when it was judged, or the first rule that was broken.
    pub outcome: Result<Facts, Denial>,
}

impl<'p> Event<'p> {
    /// An operation that is over.
    pub const fn new(operation: Operation, path: &'p [u8], outcome: Result<Facts, Denial>) -> Self {
        Self {
            operation,
            path,
            new_path: None,
            outcome,
        }
    }

    /// A rename that is over.
    pub const fn rename(
        path: &'p [u8],
        new_path: &'p [u8],
        outcome: Result<Facts, Denial>,
    ) -> Self {
        Self {
            new_path: Some(new_path),
            ..Self::new(Operation::Rename, path, outcome)
        }
    }

    /// The stable code. A denial has the code of its rule.
    pub const fn code(&self) -> &'static str {
        match self.outcome {
            Ok(_) => "path-granted",
            Err(denial) => denial.code(),
        }
    }

    /// How much it matters: what happens to everybody is no error.
    pub const fn severity(&self) -> Severity {
        match self.outcome {
            Ok(_)
            | Err(
                Denial::NotFound
                | Denial::Exists
                | Denial::NotDirectory
                | Denial::IsDirectory
                | Denial::NotEmpty
                | Denial::Cancelled,
            ) => Severity::Info,
            Err(Denial::Busy | Denial::TooManyOpen { .. } | Denial::SystemOperation) => {
                Severity::Warning
            }
            Err(_) => Severity::Error,
        }
    }

    /// Whether it was done to a name, in a pinned directory, and not to the file that had the name when it was judged:
    /// no system removes or renames *this file*.
    pub const fn is_by_name(&self) -> bool {
        matches!(
            self.operation,
            Operation::Replace | Operation::Rename | Operation::Remove
        )
    }
}

impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (code, operation) = (self.code(), self.operation.name());
        write!(f, "{code}: {operation} \"{}\"", self.path.escape_ascii())?;
        if let Some(new_path) = self.new_path {
            write!(f, " to \"{}\"", new_path.escape_ascii())?;
        }
        match self.outcome {
            Ok(facts) => {
                let (kind, size, identity) = (facts.kind.name(), facts.size, facts.identity);
                write!(
                    f,
                    ": {kind}, {size} bytes, dev {}, ino {}",
                    identity.device, identity.inode
                )
            }
            Err(denial) => write!(f, ": {denial}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;
    use crate::path::{Filesystem, Identity, Kind};

    const FACTS: Facts = Facts {
        kind: Kind::Regular,
        size: 4,
        nlink: 1,
        uid: 0,
        mode: 0o600,
        identity: Identity {
            device: 8,
            inode: 9,
        },
        mount: None,
        filesystem: Filesystem::Storage,
    };

    #[test]
    fn it_is_one_line_and_loses_nothing() {
        let granted = Event::new(Operation::Append, "a\n\"é".as_bytes(), Ok(FACTS));
        assert_eq!(
            granted.to_string(),
            r#"path-granted: append "a\n\"\xc3\xa9": file, 4 bytes, dev 8, ino 9"#
        );
        let refused = Event::rename(b"a", b"b\\\xff", Err(Denial::Swapped));
        let text = refused.to_string();
        let begin = r#"E-PTH-60: rename "a" to "b\\\xff": the name was given"#;
        assert!(text.starts_with(begin), "{text}");
    }

    #[test]
    fn codes_and_severities_follow_the_outcome() {
        let all = [
            (Ok(FACTS), "path-granted", Severity::Info),
            (Err(Denial::NotFound), "E-PTH-40", Severity::Info),
            (Err(Denial::Busy), "E-PTH-59", Severity::Warning),
            (
                Err(Denial::TooManyOpen { limit: 1 }),
                "E-PTH-64",
                Severity::Warning,
            ),
            (Err(Denial::LinkLeaves), "E-PTH-45", Severity::Error),
            (Err(Denial::SystemOperation), "E-PTH-68", Severity::Warning),
        ];
        for (outcome, code, severity) in all {
            let event = Event::new(Operation::Read, b"a", outcome);
            assert_eq!((event.code(), event.severity()), (code, severity));
        }
    }

    #[test]
    fn what_changes_names_says_so() {
        let by_name = |operation| Event::new(operation, b"a", Ok(FACTS)).is_by_name();
        assert!(by_name(Operation::Remove) && by_name(Operation::Replace));
        assert!(Event::rename(b"a", b"b", Ok(FACTS)).is_by_name());
        assert!(!by_name(Operation::Read) && !by_name(Operation::Create));
    }
}
