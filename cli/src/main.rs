//! The `ravelin` program: mutual TLS with pins in front of any MCP server.
//!
//! Exit codes: 0 ok, 2 usage, 3 configuration, 4 the peer was refused, 5 the peer refused us, 6 I/O. The last line on
//! stderr of any failure is `error CODE: cause; remedy`.

mod authority;
mod batch;
mod bridge;
mod config_file;
mod demo;
mod dev_ca;
mod dpop;
mod endpoint;
mod entropy;
mod event_loop;
mod failure;
mod input;
mod inspect;
mod mcp_client;
mod mcp_files;
mod new_file;
mod path;
mod pin;
mod probe;
mod proxy;
mod signals;
mod splice;
mod stdout;
mod style;
mod subject;
mod tls_events;
mod tls_options;

use std::ffi::{OsStr, OsString};
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::config_file::Refused;
use crate::failure::{Exit, Failure};

/// Mutual TLS with pins in front of any MCP server
#[derive(Parser)]
#[command(name = "ravelin", version, after_help = EXAMPLE)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLE: &str = "\
Example:
  ravelin dev-ca --out certs --server localhost --client laptop
  ravelin proxy --listen 127.0.0.1:8443 --cert certs/localhost.pem --key certs/localhost.key \\
      --client-ca certs/ca.pem --to stdio -- my-mcp-server
  ravelin bridge localhost:8443 --ca certs/ca.pem --cert certs/laptop.pem --key certs/laptop.key";

#[derive(Subcommand)]
enum Command {
    Bridge(Box<bridge::Args>),
    Demo(demo::Args),
    DevCa(dev_ca::Args),
    Dpop(dpop::Args),
    Files(mcp_files::Args),
    Inspect(Box<inspect::Args>),
    Path(path::Args),
    Pin(pin::Args),
    Proxy(Box<proxy::Args>),
}

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    let outcome = match parsed(&arguments) {
        Ok(cli) => match cli.command {
            Command::Bridge(args) => bridge::run(&args),
            Command::Demo(args) => demo::run(&args),
            Command::DevCa(args) => dev_ca::run(&args),
            Command::Dpop(args) => dpop::run(&args),
            Command::Files(args) => mcp_files::run(&args),
            Command::Inspect(args) => inspect::run(&args),
            Command::Path(args) => path::run(&args),
            Command::Pin(args) => pin::run(&args),
            Command::Proxy(args) => proxy::run(&args),
        },
        Err(Refused::CommandLine(error)) => help_or_usage(&error),
        Err(Refused::File(failure)) => Err(failure),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn parsed(arguments: &[OsString]) -> Result<Cli, Refused> {
    let command = config_file::offered(Cli::command());
    let matches = config_file::matches(command, arguments)?;
    Ok(Cli::from_arg_matches(&matches)?)
}

/// Prints what clap has to say; a wrong command line ends with our line after clap's explanation.
fn help_or_usage(error: &clap::Error) -> Result<(), Failure> {
    if !error.use_stderr() {
        return stdout::written(error.print());
    }
    // clap picks the stream and the colour; a closed stderr leaves the exit code.
    let _ = error.print();
    let cause = if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        "no command given".to_owned()
    } else {
        first_paragraph(&error.render().to_string())
    };
    let help = match named_command() {
        Some(command) => format!("run `ravelin {command} --help`"),
        None => "run `ravelin --help`".to_owned(),
    };
    Err(Failure::new(Exit::Usage, "E-USE-01", cause, help))
}

/// clap's message without its `error: ` and without the usage that follows it, on one line.
fn first_paragraph(message: &str) -> String {
    message
        .trim_start_matches("error: ")
        .lines()
        .map(str::trim)
        .take_while(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

fn named_command() -> Option<String> {
    let cli = Cli::command();
    std::env::args_os()
        .skip(1)
        .find(|argument| {
            !AsRef::<OsStr>::as_ref(argument)
                .as_encoded_bytes()
                .starts_with(b"-")
        })
        .and_then(|argument| Some(cli.find_subcommand(argument)?.get_name().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_well_formed_and_its_help_shows_an_example() {
        let mut cli = config_file::offered(Cli::command());
        cli.build();
        cli.clone().debug_assert();
        for command in cli.get_subcommands().filter(|c| c.get_name() != "help") {
            let after = command
                .get_after_help()
                .map(ToString::to_string)
                .unwrap_or_default();
            let line = format!("  ravelin {}", command.get_name());
            assert!(
                after.starts_with("Example:\n") && after.contains(&line),
                "{}: {after}",
                command.get_name()
            );
        }
    }
}
