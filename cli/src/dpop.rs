//! `ravelin dpop`: proofs of possession for access tokens (RFC 9449), made, verified and explained.

mod explain;
mod judge;
mod key_file;
mod keygen;
mod lines;
mod prove;
mod thumbprint;
mod verify;

use crate::failure::Failure;

/// Make, verify and explain DPoP proofs (RFC 9449)
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  ravelin dpop keygen --out client.key
  ravelin dpop prove --key client.key --method POST --uri https://mcp.example/mcp --token T > proof
  ravelin dpop verify --method POST --uri https://mcp.example/mcp --token T proof
  ravelin dpop explain proof")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Explain(explain::Args),
    Keygen(keygen::Args),
    Prove(prove::Args),
    Thumbprint(thumbprint::Args),
    Verify(verify::Args),
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    match &args.command {
        Command::Explain(args) => explain::run(args),
        Command::Keygen(args) => keygen::run(args),
        Command::Prove(args) => prove::run(args),
        Command::Thumbprint(args) => thumbprint::run(args),
        Command::Verify(args) => verify::run(args),
    }
}
