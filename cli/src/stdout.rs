//! What a command prints for its user.

use std::io::{self, ErrorKind, Write as _};

use crate::failure::{Exit, Failure};

/// Writes `text` to stdout.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    written(
        stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush()),
    )
}

/// A reader that went away (`ravelin ... | head -1`) has what it wanted: that is no failure.
pub(crate) fn written(outcome: io::Result<()>) -> Result<(), Failure> {
    match outcome {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(Failure::new(
            Exit::Io,
            "E-CLI-01",
            format!("cannot write to stdout: {error}"),
            "give a stdout that can be written",
        )),
    }
}
