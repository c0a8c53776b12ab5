//! `ravelin path`: the core's path policy, asked about paths as a client writes them.

mod check;
mod explain;
mod input;
mod judge;
mod opener;
mod settings;

use crate::failure::Failure;

/// Judge paths below a root, and explain the verdicts
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  ravelin path check --root /srv/notes --allow-ext md,txt notes/today.md ../etc/passwd
  ravelin path check --root /srv/notes --open today.md
  ravelin path explain --root /srv/notes 'notes/../../secret'")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Check(check::Args),
    Explain(explain::Args),
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    match &args.command {
        Command::Check(args) => check::run(args),
        Command::Explain(args) => explain::run(args),
    }
}
