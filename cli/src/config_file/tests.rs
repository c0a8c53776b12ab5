use std::fs;

use clap::{Arg, CommandFactory as _};

use super::*;
use crate::Cli;

/// A value that the argument takes: in the file, and as words.
fn sample(argument: &Arg, file: &str) -> (String, Vec<String>) {
    if !argument.get_action().takes_values() {
        return ("true".to_owned(), vec!["true".to_owned()]);
    }
    if let Some(value) = argument.get_possible_values().first() {
        let name = value.get_name();
        return (format!("'{name}'"), vec![name.to_owned()]);
    }
    let pins = [
        "sha256:YLh1dUR9y6Kja30RrAn7JKnbQG/uEtLMkBgFF2Fuihg=",
        "sha256:C5+lpZ7tcVwmwQIMcRtPbsQtWLABXhQzejna0wHFr8M=",
    ];
    let values: &[&str] = match argument.get_value_names().unwrap()[0].as_str() {
        "DIR" | "FILE" => &[file],
        "HOST:PORT" => &["localhost:8443"],
        "NAME" => &["localhost"],
        "PIN" => &pins,
        "A,B" => &["h2", "http/1.1"],
        "S" => return ("0.5".to_owned(), vec!["0.5".to_owned()]),
        "N" | "BYTES" | "UID" => return ("3".to_owned(), vec!["3".to_owned()]),
        "EXT" | "PATH" => &["-a", "b"],
        "TARGET" => &["tcp:localhost:80"],
        "CMD" => &["server", "--its", "flag"],
        other => panic!("no sample for {other}: {argument}"),
    };
    let values: Vec<_> = values.iter().map(ToString::to_string).collect();
    let quoted: Vec<_> = values.iter().map(|value| format!("'{value}'")).collect();
    let written = match &quoted[..] {
        [value] => value.clone(),
        _ => format!("[{}]", quoted.join(", ")),
    };
    (written, values)
}

#[test]
fn every_argument_can_be_given_by_the_file_or_is_an_exception() {
    let dir = tempfile::tempdir().unwrap();
    let (config, file) = (dir.path().join("ravelin.toml"), dir.path().join("x"));
    // Other arguments that are needed as well are not missed here.
    let command = offered(Cli::command()).ignore_errors(true);
    let mut built = command.clone();
    built.build();
    let mut exceptions = HashSet::new();
    for names in COMMANDS {
        for argument in named(&built, names).unwrap().get_arguments() {
            let id = argument.get_id().as_str();
            let key = argument.get_long().unwrap_or(id);
            let (written, values) = if COMMAND_LINE_ONLY.iter().any(|(only, _)| *only == key) {
                ("true".to_owned(), Vec::new())
            } else {
                sample(argument, file.to_str().unwrap())
            };
            let text = format!("version = 1\n[{}]\n{key} = {written}\n", names[0]);
            fs::write(&config, &text).unwrap();
            let mut arguments = vec![OsString::from("ravelin")];
            arguments.extend(names.iter().map(OsString::from));
            arguments.extend(["--config".into(), config.clone().into_os_string()]);
            let mut matches = match matches(command.clone(), &arguments) {
                Ok(matches) => matches,
                Err(Refused::File(failure)) if failure.code() == "E-CFG-26" => {
                    exceptions.insert(key.to_owned());
                    continue;
                }
                Err(Refused::File(failure)) => panic!("{text}: {failure}"),
                Err(Refused::CommandLine(error)) => panic!("{text}: {error}"),
            };
            while let Some((_, below)) = matches.remove_subcommand() {
                matches = below;
            }
            assert_eq!(
                matches.value_source(id),
                Some(ValueSource::CommandLine),
                "{text}"
            );
            let set = matches.get_raw(id).unwrap();
            let set: Vec<_> = set.map(|value| value.to_str().unwrap()).collect();
            assert_eq!(set, values, "{text}");
        }
    }
    let listed: HashSet<_> = COMMAND_LINE_ONLY
        .iter()
        .map(|(key, _)| (*key).to_owned())
        .collect();
    assert_eq!(exceptions, listed, "an exception that no command has");
}

/// What is no flag goes to the end of the command line, which is sound for one such key alone.
#[test]
fn no_command_has_two_keys_without_a_flag() {
    let command = offered(Cli::command());
    for names in COMMANDS {
        let positionals = named(&command, names).unwrap().get_positionals();
        let keys = positionals.filter(|argument| {
            let id = argument.get_id().as_str();
            COMMAND_LINE_ONLY.iter().all(|(only, _)| *only != id)
        });
        assert!(keys.count() <= 1, "{names:?}");
    }
}
