//! A key of a table: the flag that it stands for, and the words that say the same on a command line.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command, Id, ValueHint};
use toml::de::DeValue;

use super::{COMMAND_LINE_ONLY, Place};
use crate::failure::Failure;
use crate::first_paragraph;

/// A key whose name, type and value are good.
pub(super) struct Key {
    pub(super) id: Id,
    /// Without a flag: the command line has it behind the flags.
    is_positional: bool,
    words: Vec<OsString>,
    /// As a refusal calls it.
    name: String,
    /// The command whose help explains it.
    command: String,
    place: Place,
}

impl Key {
    /// What clap says of a command line with this key.
    pub(super) fn refused(&self, error: &clap::Error) -> Failure {
        let Self { name, command, .. } = self;
        self.place.refusal(
            "E-CFG-27",
            format_args!("{name}: {}", first_paragraph(&error.render().to_string())),
            format!("correct the file; `{command} --help` says what a flag takes"),
        )
    }
}

/// The arguments `before`, then what `keys` say, then those `after`. What is no flag comes last, behind a `--`: only so
/// can it begin with a hyphen. There are no other such words then, or the command line would have given them.
pub(super) fn joined<'k>(
    before: &[OsString],
    keys: impl Iterator<Item = &'k Key>,
    after: &[OsString],
) -> Vec<OsString> {
    let (positional, flags): (Vec<_>, Vec<_>) = keys.partition(|key| key.is_positional);
    let words = |keys: Vec<&'k Key>| keys.into_iter().flat_map(|key| &key.words).cloned();
    let mut arguments: Vec<_> = before.to_vec();
    arguments.extend(words(flags));
    arguments.extend_from_slice(after);
    if !positional.is_empty() && after.last().is_none_or(|last| last != "--") {
        arguments.push("--".into());
    }
    arguments.extend(words(positional));
    arguments
}

/// Where a key stands, and whose it may be.
pub(super) struct Context<'c> {
    pub(super) commands: &'c [&'c Command],
    pub(super) table: &'c str,
    pub(super) place: Place,
}

impl Context<'_> {
    pub(super) fn key(&self, name: &str, value: &DeValue<'_>) -> Result<Key, Failure> {
        let owner = self.commands.iter().find_map(|command| {
            let mut arguments = command.get_arguments();
            Some((
                *command,
                arguments.find(|argument| key_of(argument) == name)?,
            ))
        });
        let Some((command, argument)) = owner else {
            return Err(self.unknown(name));
        };
        if let Some(reason) = command_line_only(name) {
            return Err(self.place.refusal(
                "E-CFG-26",
                format_args!(
                    "{} belongs on the command line: {reason}",
                    self.called(name)
                ),
                "take it out of the file",
            ));
        }
        let words = self.words(argument, name, value)?;
        let key = Key {
            id: argument.get_id().clone(),
            is_positional: argument.is_positional(),
            words,
            name: self.called(name),
            command: command.get_bin_name().unwrap_or(self.table).to_owned(),
            place: self.place.clone(),
        };
        self.judge_alone(command, &key)?;
        Ok(key)
    }

    /// The value, whatever else is missing or in its way: that is known when the command runs.
    fn judge_alone(&self, command: &Command, key: &Key) -> Result<(), Failure> {
        let command = command.clone().no_binary_name(true);
        let arguments = joined(&[], std::iter::once(key), &[]);
        match command.try_get_matches_from(arguments) {
            Err(error)
                if !matches!(
                    error.kind(),
                    ErrorKind::MissingRequiredArgument | ErrorKind::ArgumentConflict
                ) =>
            {
                Err(key.refused(&error))
            }
            _ => Ok(()),
        }
    }

    fn words(
        &self,
        argument: &Arg,
        name: &str,
        value: &DeValue<'_>,
    ) -> Result<Vec<OsString>, Failure> {
        let flag = format!("--{name}");
        let wrong = |wanted: &str| {
            let (key, kind) = (self.called(name), kind(value));
            let cause = format!("{key} is {kind}, and its flag takes {wanted}");
            self.place
                .refusal("E-CFG-25", cause, "write a value as its flag takes it")
        };
        if !argument.get_action().takes_values() {
            let is_given = value.as_bool().ok_or_else(|| wrong("true or false"))?;
            return Ok(is_given.then(|| flag.into()).into_iter().collect());
        }
        let texts = match (value, argument.get_action()) {
            (DeValue::Array(values), ArgAction::Append) => {
                // No flags say it, and it reads as the opposite of a key that is left out.
                if values.is_empty() {
                    let cause = format!("{} is an empty list", self.called(name));
                    let remedy = "leave the key out, or list something";
                    return Err(self.place.refusal("E-CFG-25", cause, remedy));
                }
                let list = values.iter().map(|value| text(value.get_ref()));
                list.collect::<Option<_>>()
                    .ok_or_else(|| wrong("strings or numbers"))?
            }
            (value, ArgAction::Append) => {
                vec![text(value).ok_or_else(|| wrong("a string, a number, or a list of them"))?]
            }
            (value, _) => vec![text(value).ok_or_else(|| wrong("a string or a number"))?],
        };
        let folder = self.place.file.parent().unwrap_or(Path::new(""));
        let texts = texts
            .into_iter()
            .map(|text| located(argument.get_value_hint(), text, folder));
        Ok(if argument.is_positional() {
            texts.collect()
        } else {
            // One word with the flag: a value may begin with a hyphen.
            texts
                .map(|text| {
                    let mut word = OsString::from(format!("{flag}="));
                    word.push(text);
                    word
                })
                .collect()
        })
    }

    fn unknown(&self, name: &str) -> Failure {
        let meant = self
            .commands
            .iter()
            .find_map(|command| meant(command, name));
        let remedy = meant.map_or_else(
            || format!("its keys are {}", self.names().join(", ")),
            |meant| format!("did you mean `{meant}`?"),
        );
        let cause = format!("[{}] has no key `{name}`", self.table);
        self.place.refusal("E-CFG-24", cause, remedy)
    }

    fn called(&self, name: &str) -> String {
        format!("`{name}` in [{}]", self.table)
    }

    /// All keys that the table may have.
    fn names(&self) -> Vec<&str> {
        let arguments = self
            .commands
            .iter()
            .flat_map(|command| command.get_arguments());
        let mut names: Vec<_> = arguments
            .map(key_of)
            .filter(|name| command_line_only(name).is_none())
            .collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

/// The key of an argument: its flag without the dashes, or the name of what has no flag.
fn key_of(argument: &Arg) -> &str {
    argument
        .get_long()
        .unwrap_or_else(|| argument.get_id().as_str())
}

fn command_line_only(name: &str) -> Option<&'static str> {
    let mut rows = COMMAND_LINE_ONLY.iter();
    rows.find(|(key, _)| *key == name)
        .map(|(_, reason)| *reason)
}

/// The key that clap would propose for the same mistake in a flag.
fn meant(command: &Command, name: &str) -> Option<String> {
    let command = command.clone().no_binary_name(true);
    let error = command.try_get_matches_from([format!("--{name}")]).err()?;
    let Some(ContextValue::String(flag)) = error.get(ContextKind::SuggestedArg) else {
        return None;
    };
    let meant = flag.trim_start_matches('-').split([' ', '=']).next()?;
    command_line_only(meant).is_none().then(|| meant.to_owned())
}

/// What a value is, for whoever wrote it.
pub(super) fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) | DeValue::Float(_) => "a number",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date or time",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

/// A value as it is written behind a flag.
fn text(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        // A flag knows no underscores and no other base.
        DeValue::Integer(number) => Some(
            i128::from_str_radix(number.as_str(), number.radix())
                .map_or_else(|_| number.to_string(), |number| number.to_string()),
        ),
        DeValue::Float(number) => Some(number.as_str().to_owned()),
        DeValue::Boolean(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => None,
    }
}

/// A file that is named in a relative way lies where the settings do: whoever starts the program need not stand there.
fn located(hint: ValueHint, text: String, folder: &Path) -> OsString {
    if hint == ValueHint::AnyPath {
        return below(folder, &text);
    }
    // Of the addresses only a Unix socket is a file.
    match text.strip_prefix("unix:") {
        Some(path) if hint == ValueHint::Url => {
            let mut address = OsString::from("unix:");
            address.push(below(folder, path));
            address
        }
        _ => text.into(),
    }
}

fn below(folder: &Path, path: &str) -> OsString {
    let of_a_drive =
        matches!(path.as_bytes(), [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic());
    // An empty path stays the mistake that it is, and rules may be about another system's drives.
    if path.is_empty() || of_a_drive {
        OsStr::new(path).to_owned()
    } else {
        folder.join(path).into_os_string()
    }
}
