//! The file as a whole: its version, its tables, and which command has which.

use std::io;
use std::path::{Path, PathBuf};

use clap::Command;
use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::key::{self, Key};
use super::{COMMANDS, Place, named};
use crate::failure::{Exit, Failure};
use crate::input;

/// The one version there is.
const VERSION: &str = "1";

/// A file of settings, read.
pub(super) struct Document {
    path: PathBuf,
    text: String,
}

/// A table, checked against the commands that it is for.
pub(super) struct Table {
    pub(super) name: String,
    /// As they follow each other in the file.
    pub(super) keys: Vec<Key>,
}

impl Document {
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let bytes = input::read(path).map_err(|error| unreadable(path, &error))?;
        let path = path.to_owned();
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Self { path, text }),
            Err(error) => {
                let valid = error.utf8_error().valid_up_to();
                let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
                Err(Self { path, text }.malformed(valid, "not UTF-8"))
            }
        }
    }

    /// All tables, also those of other commands: a mistake in them need not wait until they run.
    pub(super) fn tables(&self, command: &Command) -> Result<Vec<Table>, Failure> {
        let document = DeTable::parse(&self.text).map_err(|error| {
            let at = error.span().map_or(self.text.len(), |span| span.start);
            self.malformed(at, &error.message().lines().collect::<Vec<_>>().join(", "))
        })?;
        self.judge_version(&document)?;
        in_order(document.get_ref())
            .into_iter()
            .filter(|(name, _)| name.get_ref() != "version")
            .map(|(name, value)| {
                let place = self.place(name.span().start);
                self.table(command, &place, name.get_ref(), value.get_ref())
            })
            .collect()
    }

    /// A file without a table for the command that it is given to is most likely the wrong file.
    pub(super) fn has_no(&self, table: &str) -> Failure {
        let end = self.text.len();
        self.place(end).refusal(
            "E-CFG-28",
            format_args!("the file ends without a table [{table}]"),
            "write that table, be it empty, or leave --config away",
        )
    }

    fn judge_version(&self, document: &Spanned<DeTable<'_>>) -> Result<(), Failure> {
        let (at, cause) = match document.get_ref().get_key_value("version") {
            None => (0, "the file does not say its version"),
            Some((_, value)) if is_known(value.get_ref()) => return Ok(()),
            Some((name, _)) => (
                name.span().start,
                "a version that this program does not know",
            ),
        };
        let remedy = "write `version = 1` on the first line";
        Err(self.place(at).refusal("E-CFG-22", cause, remedy))
    }

    fn table(
        &self,
        command: &Command,
        place: &Place,
        name: &str,
        value: &DeValue<'_>,
    ) -> Result<Table, Failure> {
        let commands = commands(command, name);
        if commands.is_empty() {
            return Err(unknown(place, name, value));
        }
        let DeValue::Table(table) = value else {
            return Err(place.refusal(
                "E-CFG-25",
                format_args!("`{name}` is {}, and not a table", key::kind(value)),
                format!("write its keys below [{name}]"),
            ));
        };
        let keys = in_order(table).into_iter().map(|(key, value)| {
            let context = key::Context {
                commands: &commands,
                table: name,
                place: self.place(key.span().start),
            };
            context.key(key.get_ref(), value.get_ref())
        });
        Ok(Table {
            name: name.to_owned(),
            keys: keys.collect::<Result<_, _>>()?,
        })
    }

    fn malformed(&self, at: usize, cause: &str) -> Failure {
        let before = self.text.get(..at).unwrap_or(&self.text);
        let column = before
            .rsplit('\n')
            .next()
            .unwrap_or_default()
            .chars()
            .count()
            + 1;
        self.place(at).refusal(
            "E-CFG-21",
            format_args!("column {column}: {cause}"),
            "correct it: the file is TOML, as in `listen = \"127.0.0.1:8443\"`",
        )
    }

    /// Where the byte `at` lies.
    fn place(&self, at: usize) -> Place {
        let before = self.text.as_bytes().get(..at).unwrap_or_default();
        Place {
            file: self.path.clone(),
            line: 1 + before.iter().filter(|byte| **byte == b'\n').count(),
        }
    }
}

/// The entries as they follow each other in the file.
fn in_order<'t, 'i>(table: &'t DeTable<'i>) -> Vec<Entry<'t, 'i>> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(name, _)| name.span().start);
    entries
}

type Entry<'t, 'i> = (&'t Spanned<DeString<'i>>, &'t Spanned<DeValue<'i>>);

fn is_known(version: &DeValue<'_>) -> bool {
    matches!(version, DeValue::Integer(number) if number.to_string() == VERSION)
}

/// The commands whose flags the table `name` holds.
fn commands<'c>(root: &'c Command, name: &str) -> Vec<&'c Command> {
    let of_table = COMMANDS.iter().filter(|names| names.first() == Some(&name));
    of_table.filter_map(|names| named(root, names)).collect()
}

fn unknown(place: &Place, name: &str, value: &DeValue<'_>) -> Failure {
    let mut tables: Vec<String> = COMMANDS
        .iter()
        .filter_map(|names| Some(format!("[{}]", names.first()?)))
        .collect();
    tables.dedup();
    let remedy = format!("the tables are {}", tables.join(", "));
    let cause = if value.is_table() {
        format!("there is no table [{name}]")
    } else {
        format!("the key `{name}` stands outside the tables")
    };
    place.refusal("E-CFG-23", cause, remedy)
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(
        Exit::Configuration,
        "E-CFG-20",
        format!("cannot read {}: {error}", path.display()),
        "give --config a file of at most 1 MiB that can be read",
    )
}
