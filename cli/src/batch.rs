//! Many judged in one run: records come in from a stream, verdicts go out one a line, and the exit code sums them up.

use std::fmt::Display;
use std::io::{self, BufRead as _, Read as _, Write as _};

use serde_json::json;

use crate::failure::{Exit, Failure};
use crate::input::Source;
use crate::stdout;

/// Bytes of a record: more than any path, and than any proof with its token.
const LIMIT: u64 = 64 * 1024;

/// Hands over what stands between two `separator`s of `source`, as long as there is something.
pub(crate) fn records(
    source: &Source<'_>,
    separator: u8,
    mut judge: impl FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut reader = source.reader()?;
    let (mut record, mut seen) = (Vec::new(), 0_u64);
    loop {
        record.clear();
        let mut bounded = reader.by_ref().take(LIMIT + 1);
        let length = bounded
            .read_until(separator, &mut record)
            .map_err(|error| source.unreadable(&error))?;
        if length == 0 {
            return Ok(());
        }
        seen += 1;
        if length as u64 > LIMIT {
            return Err(Failure::new(
                Exit::Configuration,
                "E-CLI-10",
                format!("record {seen} of {source} has more than {LIMIT} bytes"),
                "separate records with line breaks, or with NUL where that is asked for",
            ));
        }
        judge(record.strip_suffix(&[separator]).unwrap_or(&record))?;
    }
}

/// The verdicts of a run.
pub(crate) struct Verdicts {
    out: io::BufWriter<io::StdoutLock<'static>>,
    seen: u64,
    refused: u64,
    unreadable: u64,
}

impl Verdicts {
    pub(crate) fn new() -> Self {
        Self {
            out: io::BufWriter::new(io::stdout().lock()),
            seen: 0,
            refused: 0,
            unreadable: 0,
        }
    }

    /// Prints a verdict, which stays on its line.
    pub(crate) fn add(&mut self, verdict: impl Display, refused: bool) -> Result<(), Failure> {
        self.seen += 1;
        self.refused += u64::from(refused);
        stdout::written(writeln!(self.out, "{verdict}"))
    }

    /// For a record that is no question.
    pub(crate) fn unreadable(&mut self, cause: &str) -> Result<(), Failure> {
        self.unreadable += 1;
        let verdict = json!({ "verdict": "unreadable", "code": "E-CLI-10", "cause": cause });
        self.add(verdict, false)
    }

    /// What all `things` come to.
    pub(crate) fn finish(mut self, things: &str) -> Result<(), Failure> {
        stdout::written(self.out.flush())?;
        let Self {
            seen,
            refused,
            unreadable,
            ..
        } = self;
        if unreadable > 0 {
            return Err(Failure::new(
                Exit::Configuration,
                "E-CLI-10",
                format!("{unreadable} of {seen} lines could not be read"),
                "see the verdicts of these lines",
            ));
        }
        if refused > 0 {
            return Err(Failure::new(
                Exit::PeerRefused,
                "E-CLI-11",
                format!("{refused} of {seen} {things} were refused"),
                "see their verdicts",
            ));
        }
        Ok(())
    }
}
