//! A command line of this program, as it is run and as it would be typed.

use std::ffi::{OsStr, OsString};

use super::stage::Stage;
use crate::style::{OneLine, quoted};

/// Columns after which the shown form continues on the next line.
const WIDTH: usize = 94;

#[derive(Clone)]
pub(super) struct Invocation {
    subcommand: &'static str,
    argument: Option<String>,
    flags: Vec<(&'static str, Value)>,
    /// Behind `--`.
    behind: Behind,
}

#[derive(Clone)]
pub(super) enum Value {
    Nothing,
    Text(String),
    /// Below the stage, and shown without it.
    File(&'static str),
}

#[derive(Clone)]
enum Behind {
    Nothing,
    Ours(Box<Invocation>),
    Foreign(Vec<OsString>),
}

impl Invocation {
    pub(super) fn new(subcommand: &'static str) -> Self {
        Self {
            subcommand,
            argument: None,
            flags: Vec::new(),
            behind: Behind::Nothing,
        }
    }

    pub(super) fn argument(mut self, argument: &str) -> Self {
        self.argument = Some(argument.to_owned());
        self
    }

    pub(super) fn flag(self, flag: &'static str) -> Self {
        self.with(flag, Value::Nothing)
    }

    pub(super) fn text(self, flag: &'static str, text: &str) -> Self {
        self.with(flag, Value::Text(text.to_owned()))
    }

    pub(super) fn file(self, flag: &'static str, file: &'static str) -> Self {
        self.with(flag, Value::File(file))
    }

    fn with(mut self, flag: &'static str, value: Value) -> Self {
        self.flags.push((flag, value));
        self
    }

    /// The same command with other values for some of its flags.
    pub(super) fn changed(mut self, changes: &[(&'static str, Value)]) -> Self {
        for (flag, value) in changes {
            self = self.without(flag).with(flag, value.clone());
        }
        self
    }

    /// Takes a flag away.
    pub(super) fn without(mut self, flag: &str) -> Self {
        self.flags.retain(|(name, _)| *name != flag);
        self
    }

    /// Another command of this program, behind `--`.
    pub(super) fn then(mut self, command: Self) -> Self {
        self.behind = Behind::Ours(Box::new(command));
        self
    }

    /// Any other command, behind `--`.
    pub(super) fn then_foreign(mut self, command: &[OsString]) -> Self {
        self.behind = Behind::Foreign(command.to_vec());
        self
    }

    /// What follows the name of the program.
    pub(super) fn arguments(&self, program: &OsStr, stage: &Stage) -> Vec<OsString> {
        let mut arguments = vec![OsString::from(self.subcommand)];
        arguments.extend(self.argument.iter().map(OsString::from));
        for (flag, value) in &self.flags {
            arguments.push(flag.into());
            match value {
                Value::Nothing => {}
                Value::Text(text) => arguments.push(text.into()),
                Value::File(file) => arguments.push(stage.path(file).into()),
            }
        }
        match &self.behind {
            Behind::Nothing => {}
            Behind::Ours(command) => {
                arguments.extend(["--".into(), program.to_owned()]);
                arguments.extend(command.arguments(program, stage));
            }
            Behind::Foreign(command) => {
                arguments.push("--".into());
                arguments.extend(command.iter().cloned());
            }
        }
        arguments
    }

    /// As it would be typed, on one line.
    pub(super) fn line(&self) -> String {
        self.units().join(" ")
    }

    /// As it would be typed, on lines of a readable length.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let mut line = String::new();
        for unit in self.units() {
            if !line.is_empty() && line.len() + 1 + unit.len() > WIDTH {
                lines.push(format!("{line} \\"));
                line = format!("    {unit}");
            } else {
                if !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(&unit);
            }
        }
        lines.push(line);
        lines
    }

    /// `ravelin COMMAND ...` with nothing but `changes`.
    pub(super) fn shown_changes(&self, changes: &[(&'static str, Value)]) -> String {
        let mut line = format!("ravelin {} ...", self.subcommand);
        for (flag, value) in changes {
            line.push(' ');
            line.push_str(&shown(flag, value));
        }
        line
    }

    /// What stays on one line.
    fn units(&self) -> Vec<String> {
        let mut first = format!("ravelin {}", self.subcommand);
        if let Some(argument) = &self.argument {
            first = format!("{first} {argument}");
        }
        let mut units = vec![first];
        units.extend(self.flags.iter().map(|(flag, value)| shown(flag, value)));
        let behind = match &self.behind {
            Behind::Nothing => return units,
            Behind::Ours(command) => command.units(),
            Behind::Foreign(command) => {
                let words = command.iter().map(|word| quoted(word));
                words.map(|word| OneLine(&word).to_string()).collect()
            }
        };
        if let Some(last) = units.last_mut() {
            *last = format!("{last} -- {}", behind.join(" "));
        }
        units
    }
}

fn shown(flag: &str, value: &Value) -> String {
    match value {
        Value::Nothing => flag.to_owned(),
        Value::Text(text) => format!("{flag} {text}"),
        Value::File(file) => format!("{flag} {file}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_is_what_is_run_with_shorter_paths() {
        let stage = Stage::create().unwrap();
        let command = Invocation::new("proxy")
            .argument("127.0.0.1:1")
            .flag("--json")
            .file("--cert", "certs/a.pem")
            .text("--pin", &"x".repeat(60))
            .without("--json")
            .then_foreign(&["my server".into(), "it's".into()]);
        assert_eq!(
            command.lines(),
            [
                "ravelin proxy 127.0.0.1:1 --cert certs/a.pem \\".to_owned(),
                format!("    --pin {} -- 'my server' 'it'\\''s'", "x".repeat(60)),
            ]
        );
        let changes = [("--cert", Value::File("certs/b.pem"))];
        let changed = command.clone().changed(&changes);
        let line = "ravelin proxy ... --cert certs/b.pem";
        assert_eq!(command.shown_changes(&changes), line);
        assert!(
            changed
                .arguments(OsStr::new("program"), &stage)
                .contains(&stage.path("certs/b.pem").into())
        );
        let arguments = command.arguments(OsStr::new("program"), &stage);
        let cert = stage.path("certs/a.pem");
        assert_eq!(arguments[..3], ["proxy", "127.0.0.1:1", "--cert"]);
        assert_eq!(arguments[3], cert);
        assert_eq!(arguments[6..], ["--", "my server", "it's"]);
    }
}
