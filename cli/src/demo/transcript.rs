//! What the demo says, line by line as it goes.

use serde::Serialize;
use serde_json::json;

use super::invocation::Invocation;
use crate::failure::{Exit, Failure};
use crate::stdout;
use crate::style::{OneLine, Style};

/// Columns before the mark at the end of a line.
const WIDTH: usize = 94;
/// Lines of a process that are shown when something went wrong.
const LAST_LINES: usize = 8;

pub(super) struct Transcript {
    json: bool,
    style: Style,
    steps: usize,
    failed: Vec<&'static str>,
}

/// Something that went as it should, or not.
#[derive(Serialize)]
pub(super) struct Step<'a> {
    pub(super) step: &'static str,
    pub(super) ok: bool,
    pub(super) text: &'a str,
    /// The side that refused the other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) refused_by: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) code: Option<&'a str>,
    /// The exit code of the process that the step is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) exit: Option<i32>,
}

impl<'a> Step<'a> {
    pub(super) fn new(step: &'static str, ok: bool, text: &'a str) -> Self {
        Self {
            step,
            ok,
            text,
            refused_by: None,
            code: None,
            exit: None,
        }
    }
}

impl Transcript {
    pub(super) fn new(json: bool) -> Self {
        Self {
            json,
            style: Style::stdout(),
            steps: 0,
            failed: Vec::new(),
        }
    }

    pub(super) fn title(&self, title: &str, note: &str) -> Result<(), Failure> {
        if self.json {
            return Ok(());
        }
        stdout::print(&format!("{}\n{note}\n", self.style.bold(title)))
    }

    pub(super) fn heading(&self, heading: &str) -> Result<(), Failure> {
        if self.json {
            return Ok(());
        }
        stdout::print(&format!("{heading}\n"))
    }

    /// A command line that is run, as it would be typed.
    pub(super) fn command(&self, command: &Invocation) -> Result<(), Failure> {
        if self.json {
            return self.object(&json!({ "command": command.line() }));
        }
        let mut text = String::new();
        for (index, line) in command.lines().iter().enumerate() {
            text.push_str(if index == 0 { "$ " } else { "  " });
            text.push_str(&self.style.bold(line));
            text.push('\n');
        }
        stdout::print(&text)
    }

    /// A command line of which only `changes` are worth showing.
    pub(super) fn variant(
        &self,
        command: &Invocation,
        changes: &str,
        comment: &str,
    ) -> Result<(), Failure> {
        if self.json {
            return self.command(command);
        }
        let (changes, comment) = (self.style.bold(changes), self.style.dim(comment));
        stdout::print(&format!("$ {changes}  {comment}\n"))
    }

    pub(super) fn step(&mut self, step: &Step<'_>) -> Result<(), Failure> {
        self.steps += 1;
        if !step.ok {
            self.failed.push(step.step);
        }
        if self.json {
            return self.object(step);
        }
        let text = OneLine(step.text).to_string();
        let mark = if step.ok {
            self.style.green("ok")
        } else {
            self.style.red("FAILED")
        };
        let width = WIDTH - 2;
        stdout::print(&format!("  {text:<width$}  {mark}\n"))
    }

    /// The last lines that a process said, when its step went wrong.
    pub(super) fn log(&self, lines: &[String]) -> Result<(), Failure> {
        for line in lines.iter().skip(lines.len().saturating_sub(LAST_LINES)) {
            if self.json {
                self.object(&json!({ "log": line }))?;
            } else {
                let line = OneLine(line).to_string();
                stdout::print(&format!("  | {}\n", self.style.dim(&line)))?;
            }
        }
        Ok(())
    }

    /// The last line, and the failure when one step failed.
    pub(super) fn finish(self) -> Result<(), Failure> {
        let expected = self.steps - self.failed.len();
        if self.json {
            let summary = json!({ "steps": self.steps, "as_expected": expected });
            self.object(&json!({ "summary": summary }))?;
        } else {
            let text = format!("demo: {expected} of {} as expected", self.steps);
            stdout::print(&format!("{}\n", self.style.bold(&text)))?;
        }
        if self.failed.is_empty() {
            return Ok(());
        }
        Err(Failure::new(
            Exit::Io,
            "E-DEM-01",
            format!("not as expected: {}", self.failed.join(", ")),
            "the lines above that end with FAILED say what happened instead",
        ))
    }

    fn object(&self, object: &impl Serialize) -> Result<(), Failure> {
        // Strings and numbers always have a JSON form.
        let text = serde_json::to_string(object).unwrap_or_default();
        stdout::print(&format!("{text}\n"))
    }
}
