//! `ravelin dpop verify`: is this proof good for this request?

use std::path::PathBuf;

use ravelin_core::dpop::Thumbprint;

use super::judge::{Clock, Judge, ProfileName, Question, Verdict, target_uri};
use super::lines;
use crate::failure::{Exit, Failure};
use crate::style::Style;
use crate::{input, stdout};

/// Verify a proof for a request
///
/// With --token the proof is judged as at a resource server, without it as at a token endpoint. Exit code 4 when it is
/// refused.
///
/// With --lines every line of FILE is a JSON object with `proof`, `method` and `uri`, and optionally `token`, `jkt`,
/// `nonce`, `now` and `profile`; one verdict is printed a line, and one replay store serves the whole run.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  ravelin dpop verify --method POST --uri https://mcp.example/mcp --token T proof
  ravelin dpop verify --method POST --uri https://as.example/token --now 1562262616 proof
  ravelin dpop verify --lines --profile mcp < requests")]
pub(super) struct Args {
    /// The file with the proof; stdin when it is left away or `-`
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// The method of the request
    #[arg(
        long,
        value_name = "METHOD",
        required_unless_present = "lines",
        conflicts_with = "lines"
    )]
    method: Option<String>,
    /// The target URI of the request
    #[arg(
        long,
        value_name = "URI",
        required_unless_present = "lines",
        conflicts_with = "lines"
    )]
    uri: Option<String>,
    /// The access token of the request
    #[arg(
        long,
        value_name = "TOKEN",
        allow_hyphen_values = true,
        conflicts_with = "lines"
    )]
    token: Option<String>,
    /// The key that the token or grant is bound to; without it any key will do
    #[arg(long, value_name = "JKT", allow_hyphen_values = true, conflicts_with = "lines", value_parser = thumbprint)]
    jkt: Option<Thumbprint>,
    /// The nonce that the proof must have
    #[arg(
        long,
        value_name = "NONCE",
        allow_hyphen_values = true,
        conflicts_with = "lines"
    )]
    nonce: Option<String>,
    #[command(flatten)]
    clock: Clock,
    /// How old a proof may be
    #[arg(long, value_enum, default_value = "fapi2")]
    profile: ProfileName,
    /// Judge many: one JSON object a line
    #[arg(long)]
    lines: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn thumbprint(text: &str) -> Result<Thumbprint, &'static str> {
    text.parse()
        .map_err(|_| "not the 43 digits of a thumbprint")
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let source = input::Source::new(args.file.as_deref());
    if args.lines {
        return lines::run(&source, args.profile, &args.clock);
    }
    let now = args.clock.now()?;
    let text = source.text()?;
    let verdict = Judge::new(1, now)?.verdict(&Question {
        proof: text.trim_end_matches(['\r', '\n']),
        method: args.method.as_deref().unwrap_or_default(),
        uri: target_uri(args.uri.as_deref().unwrap_or_default())?,
        token: args.token.as_deref(),
        jkt: args.jkt,
        nonce: args.nonce.as_deref(),
        profile: args.profile,
        now,
    });
    if args.json {
        stdout::print(&format!("{}\n", verdict.json()))?;
    }
    match verdict {
        Verdict::Accepted(_) if args.json => Ok(()),
        Verdict::Accepted(accepted) => {
            let Some(proof) = accepted.proof() else {
                return Ok(());
            };
            let accepted = Style::stdout().green("accepted");
            stdout::print(&format!(
                "{accepted}  thumbprint {}, {} s old\n",
                proof.jkt, proof.age
            ))
        }
        Verdict::Refused { refused, .. } => Err(Failure::stated(
            Exit::PeerRefused,
            refused.code(),
            refused.refusal(),
        )),
    }
}
