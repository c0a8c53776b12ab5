//! How a command fails: an exit code and one line that names the cause and the remedy.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, ErrorKind, Write as _};
use std::process::ExitCode;

use ravelin_core::config::ConfigError;
use ravelin_core::trust::pin::PinError;
use ravelin_core::{Error, PeerError};
use ravelin_tokio::pem::FileError;

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
    /// The peer refused us, with an alert.
    RefusedByPeer = 5,
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

    /// A failure whose text is `cause; remedy` already.
    pub(crate) fn stated(exit: Exit, code: &'static str, text: &dyn fmt::Display) -> Self {
        let text = text.to_string();
        let (cause, remedy) = cause_and_remedy(&text);
        Self::new(exit, code, cause, remedy.to_owned())
    }

    /// The same failure, with `subject` before its cause.
    pub(crate) fn of(mut self, subject: impl fmt::Display) -> Self {
        self.refusal.cause = format!("{subject}: {}", self.refusal.cause);
        self
    }

    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    pub(crate) fn code(&self) -> &'static str {
        self.refusal.code
    }

    /// `cause; remedy`.
    pub(crate) fn text(&self) -> String {
        format!("{}; {}", self.refusal.cause, self.refusal.remedy)
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

/// The two halves of `cause; remedy`.
pub(crate) fn cause_and_remedy(text: &str) -> (&str, &str) {
    text.rsplit_once("; ")
        .unwrap_or((text, "see the documentation"))
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.refusal.fmt(f)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let exit = match error {
            Error::Peer(PeerError::Alert(_)) => Exit::RefusedByPeer,
            Error::Peer(_) => Exit::PeerRefused,
            Error::Local(_) | Error::Timeout(_) | _ => Exit::Io,
        };
        Self::stated(exit, error.code(), &error)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::stated(Exit::Configuration, error.code(), &error)
    }
}

impl From<PinError> for Failure {
    fn from(error: PinError) -> Self {
        Self::stated(Exit::Configuration, error.code(), &error)
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        Self::stated(Exit::Configuration, error.code(), &error)
    }
}

/// Of a connection: what TLS found, where no connection came about, or what the network did.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if let Some(error) = ravelin_tokio::tls_error(&error) {
            return error.into();
        }
        if let Some(code) = ravelin_tokio::code(&error) {
            // Only a name that is none; what cannot be reached has other kinds.
            let exit = if error.kind() == ErrorKind::InvalidInput {
                Exit::Configuration
            } else {
                Exit::Io
            };
            return Self::stated(exit, code, &error);
        }
        Self::new(
            Exit::Io,
            "E-CLI-06",
            format!("the connection failed: {error}"),
            "check the network, and that the other side still runs",
        )
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
    use ravelin_core::{Alert, CertificateError, Deadline};

    use super::*;

    #[test]
    fn a_failed_connection_says_whose_fault_it_was() {
        let exits = [
            (Error::Peer(PeerError::Alert(Alert(116))), "E-TLS-01", 5),
            (Error::Peer(PeerError::Alert(Alert(48))), "E-TLS-01", 5),
            (Error::Peer(PeerError::Truncated), "E-TLS-02", 4),
            (CertificateError::UnknownIssuer.into(), "E-CRT-01", 4),
            (Error::Timeout(Deadline::Handshake), "E-TIM-01", 6),
        ];
        for (error, code, exit) in exits {
            let failure = Failure::from(error);
            assert_eq!((failure.code(), failure.exit as u8), (code, exit));
            assert_eq!(failure.text(), error.to_string());
        }
        let reset = Failure::from(io::Error::from(ErrorKind::ConnectionReset));
        assert_eq!((reset.code(), reset.exit), ("E-CLI-06", Exit::Io));
    }

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
