//! Settings from a file: the keys of a table are the flags of its command, and clap reads both alike.
//!
//! The keys become arguments before those of the command line, so that one definition of a flag says what its value may
//! be and what it goes with. No file is looked for: `--config` names it.

mod document;
mod key;

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command, value_parser};

use crate::failure::{Exit, Failure};
use crate::first_paragraph;
use document::Document;
use key::Key;

/// The commands with `--config`. The first name is that of their table: those below it share one.
const COMMANDS: [&[&str]; 6] = [
    &["bridge"],
    &["files"],
    &["inspect"],
    &["path", "check"],
    &["path", "explain"],
    &["proxy"],
];

/// What a file may not say, though it is an argument of a command in [`COMMANDS`], and why. A flag whose
/// value is itself a secret would belong here: a file of settings is no place for one.
const COMMAND_LINE_ONLY: [(&str, &str); 6] = [
    ("config", "a file names no other file"),
    ("help", "it asks a question"),
    ("lines", "where the paths come from is not a setting"),
    ("null", "where the paths come from is not a setting"),
    ("path", "what is judged is not a setting"),
    ("paths", "what is judged is not a setting"),
];

/// Why there are no arguments to run with.
pub(crate) enum Refused {
    /// The command line is wrong, or asks for help.
    CommandLine(clap::Error),
    /// The file is.
    File(Failure),
}

impl From<clap::Error> for Refused {
    fn from(error: clap::Error) -> Self {
        Self::CommandLine(error)
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self::File(failure)
    }
}

/// `command` with `--config` wherever a file may give the flags.
pub(crate) fn offered(command: Command) -> Command {
    fn at(command: Command, names: &[&str], table: &str) -> Command {
        match names.split_first() {
            Some((name, below)) => command.mut_subcommand(name, |command| at(command, below, table)),
            None => command.arg(
                Arg::new("config")
                    .long("config")
                    .value_name("FILE")
                    .value_parser(value_parser!(PathBuf))
                    .help(format!(
                        "Read flags that are not given here from the table [{table}] of this TOML file; no file is \
                         looked for, and relative paths in it start where it lies"
                    )),
            ),
        }
    }
    COMMANDS.iter().fold(command, |command, names| {
        at(command, names, names.first().unwrap_or(&""))
    })
}

/// What `arguments`, the program's name first, and the file that they name say together.
pub(crate) fn matches(mut command: Command, arguments: &[OsString]) -> Result<ArgMatches, Refused> {
    let Some(invocation) = Invocation::read(command.clone(), arguments) else {
        return Ok(command.try_get_matches_from(arguments)?);
    };
    command.build();
    let document = Document::read(&invocation.config)?;
    let tables = document.tables(&command)?;
    let name = invocation.table();
    let table = tables
        .iter()
        .find(|table| table.name == name)
        .ok_or_else(|| document.has_no(name))?;
    let keys: Vec<&Key> = table
        .keys
        .iter()
        .filter(|key| invocation.asks_for(&command, key))
        .collect();
    let parse = |count: usize| {
        let keys = keys.iter().copied().take(count);
        let arguments = key::joined(&invocation.before, keys, &invocation.after);
        command.clone().try_get_matches_from(arguments)
    };
    parse(keys.len()).map_err(|error| {
        match culprit(&parse, keys.len(), &error).and_then(|number| keys.get(number)) {
            Some(key) => key.refused(&error).into(),
            None => error.into(),
        }
    })
}

/// A command line with `--config`, as far as it can be read before the file is.
struct Invocation {
    /// The program, and the command with those above it.
    before: Vec<OsString>,
    /// What follows.
    after: Vec<OsString>,
    names: Vec<String>,
    config: PathBuf,
    /// The arguments that the command line gives itself.
    given: HashSet<String>,
}

impl Invocation {
    /// `None` when there is no file to read. A command line that is wrong is read up to its mistake, which stays the
    /// first one.
    fn read(command: Command, arguments: &[OsString]) -> Option<Self> {
        // Only a command that is not built yet hands this on to those below it.
        let mut matches = &command
            .ignore_errors(true)
            .try_get_matches_from(arguments)
            .ok()?;
        let mut names = Vec::new();
        while let Some((name, below)) = matches.subcommand() {
            names.push(name.to_owned());
            matches = below;
        }
        let config = matches.try_get_one::<PathBuf>("config").ok()??.clone();
        let given = matches.ids().map(clap::Id::as_str);
        let given = given
            .filter(|id| matches.value_source(id) == Some(ValueSource::CommandLine))
            .map(str::to_owned)
            .collect();
        // Nothing but help can stand before the name of a command.
        let (before, after) = arguments.split_at_checked(1 + names.len())?;
        Some(Self {
            before: before.to_vec(),
            after: after.to_vec(),
            names,
            config,
            given,
        })
    }

    fn table(&self) -> &str {
        self.names.first().map_or("", String::as_str)
    }

    /// Whether `key` is an argument of this command, and not given already. A table may serve several commands.
    fn asks_for(&self, command: &Command, key: &Key) -> bool {
        named(command, &self.names).is_some_and(|own| {
            own.get_arguments()
                .any(|argument| *argument.get_id() == key.id)
        }) && !self.given.contains(key.id.as_str())
    }
}

fn named<'c>(root: &'c Command, names: &[impl AsRef<str>]) -> Option<&'c Command> {
    names
        .iter()
        .try_fold(root, |command, name| command.find_subcommand(name.as_ref()))
}

/// The key of the file to which `error` is owed: the first one with which it comes up. Values were judged alone; what is
/// left is what excludes or requires something else.
fn culprit(
    parse: &impl Fn(usize) -> Result<ArgMatches, clap::Error>,
    count: usize,
    error: &clap::Error,
) -> Option<usize> {
    let complaints = |count| parse(count).err().map(|error| complaints(&error));
    let without = complaints(0).unwrap_or_default();
    let mut of_file = self::complaints(error);
    of_file.retain(|complaint| !without.contains(complaint));
    (0..count).find(|number| {
        let now = complaints(number + 1).unwrap_or_default();
        now.iter().any(|complaint| of_file.contains(complaint))
    })
}

/// What an error says of several arguments: each that is missing, or that some exclude each other.
fn complaints(error: &clap::Error) -> Vec<String> {
    if error.kind() == ErrorKind::ArgumentConflict {
        return vec![first_paragraph(&error.render().to_string())];
    }
    match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::Strings(missing))
            if error.kind() == ErrorKind::MissingRequiredArgument =>
        {
            missing.clone()
        }
        _ => Vec::new(),
    }
}

/// A refusal of a place in a file.
#[derive(Clone, Debug)]
struct Place {
    file: PathBuf,
    /// From 1 on.
    line: usize,
}

impl Place {
    fn refusal(
        &self,
        code: &'static str,
        cause: impl std::fmt::Display,
        remedy: impl Into<std::borrow::Cow<'static, str>>,
    ) -> Failure {
        let place = format_args!("{}:{}", self.file.display(), self.line);
        Failure::new(Exit::Configuration, code, cause.to_string(), remedy).of(place)
    }
}

#[cfg(test)]
mod tests;
