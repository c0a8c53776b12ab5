//! `ravelin path check`: are these paths allowed?

use std::ffi::OsString;

use super::input;
use super::judge::{Judge, Verdict};
use super::settings::{Op, Settings};
use crate::batch::{self, Verdicts};
use crate::failure::Failure;
use crate::input::Source;
use crate::style::Style;

/// Judge paths: one verdict a line, with the rule that was broken and the remedy
///
/// Paths are judged as text, as a client writes them; no file is touched unless --open asks for it. Exit code 4 when any
/// is denied.
///
/// With --lines every line of stdin is a JSON string, or an object with `path` and optionally `op` (as --op takes it), and
/// every verdict is JSON.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  ravelin path check --root /srv/notes --allow-ext md,txt today.md ../etc/passwd
  ravelin path check --root /srv/notes --open --json today.md
  ravelin path check --config ravelin.toml today.md
  git ls-files -z | ravelin path check --max-depth 4 -0
  ravelin path check --root /srv/notes --uri --lines < paths")]
pub(super) struct Args {
    /// Paths, as a client would write them
    #[arg(
        value_name = "PATH",
        required_unless_present_any = ["null", "lines"],
        conflicts_with_all = ["null", "lines"]
    )]
    paths: Vec<OsString>,
    #[command(flatten)]
    settings: Settings,
    /// Read paths from stdin, each with a NUL behind it
    #[arg(short = '0', long, conflicts_with = "lines")]
    null: bool,
    /// Read paths from stdin, one JSON string or object a line
    #[arg(long)]
    lines: bool,
    /// Print JSON, one object a line
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let judge = Judge::new(&args.settings)?;
    let mut report = Report {
        verdicts: Verdicts::new(),
        json: args.json || args.lines,
        style: Style::stdout(),
    };
    let op = args.settings.op;
    if args.lines {
        batch::records(&Source::Stdin, b'\n', |line| report.line(line, &judge, op))?;
    } else if args.null {
        batch::records(&Source::Stdin, 0, |path| {
            report.verdict(&judge.verdict(path, op))
        })?;
    } else {
        for path in &args.paths {
            report.verdict(&judge.verdict(path.as_encoded_bytes(), op))?;
        }
    }
    report.verdicts.finish("paths")
}

/// How verdicts are printed.
struct Report {
    verdicts: Verdicts,
    json: bool,
    style: Style,
}

impl Report {
    fn verdict(&mut self, verdict: &Verdict<'_>) -> Result<(), Failure> {
        let denied = verdict.is_denied();
        if self.json {
            self.verdicts.add(verdict.json(), denied)
        } else {
            self.verdicts.add(verdict.row(self.style), denied)
        }
    }

    fn line(&mut self, line: &[u8], judge: &Judge, op: Op) -> Result<(), Failure> {
        match input::line(line) {
            Ok((_, Some(op))) if judge.opens() && op != Op::Read => self
                .verdicts
                .unreadable("--open reads, and `op` asks for something else"),
            Ok((path, own)) => self.verdict(&judge.verdict(path.as_bytes(), own.unwrap_or(op))),
            Err(cause) => self.verdicts.unreadable(&cause),
        }
    }
}
