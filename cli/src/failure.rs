//! How a command fails: an exit code and one line that names the cause and the remedy.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Write as _};
use std::process::ExitCode;

use crate::style::{OneLine, Style};

/// The exit code of a failed command; 0 is success.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Exit {
    /// The command line is wrong.
    Usage = 2,
    /// A file or a setting that the command line names cannot be used.
    Configuration = 3,
    /// We refused the peer.
    PeerRefused = 4,
    /// A file, a socket or a process failed.
    Io = 6,
}

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    refusal: Refusal,
}

impl Failure {
    pub(crate) fn new(
        exit: Exit,
        code: &'static str,
        cause: impl Into<String>,
        remedy: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            exit,
            refusal: Refusal::new(code, cause, remedy),
        }
    }

    /// Writes the last line of stderr and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        let line = self.to_string();
        let style = Style::stderr();
        let line = match line.strip_prefix("error") {
            Some(rest) => format!("{}{rest}", style.red("error")),
            None => line,
        };
        // stderr is the last channel: where it is closed, the exit code still tells.
        let _ = writeln!(io::stderr().lock(), "{line}");
        ExitCode::from(self.exit as u8)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.refusal.fmt(f)
    }
}

/// A stable code, the cause and the remedy; printed as `error CODE: cause; remedy`.
#[derive(Debug)]
pub(crate) struct Refusal {
    code: &'static str,
    cause: String,
    remedy: Cow<'static, str>,
}

impl Refusal {
    pub(crate) fn new(
        code: &'static str,
        cause: impl Into<String>,
        remedy: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            code,
            cause: cause.into(),
            remedy: remedy.into(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            code,
            cause,
            remedy,
        } = self;
        write!(f, "error {code}: {}; {}", OneLine(cause), OneLine(remedy))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_one_line_whatever_it_quotes() {
        let refusal = Refusal::new(
            "E-CLI-03",
            "cannot read a\nb\u{1b}[2J\u{202e}: é",
            "give\ranother",
        );
        assert_eq!(
            refusal.to_string(),
            "error E-CLI-03: cannot read a\\nb\\u{1b}[2J\\u{202e}: é; give\\ranother"
        );
    }
}
