//! `ravelin dpop verify`: is this proof good for this request?

use super::judge::{Received, Verdict, target_uri};
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
#[command(mut_arg("method", |method| method.required_unless_present("lines")))]
#[command(mut_arg("uri", |uri| uri.required_unless_present("lines")))]
#[command(after_help = "\
Example:
  ravelin dpop verify --method POST --uri https://mcp.example/mcp --token T proof
  ravelin dpop verify --method POST --uri https://as.example/token --now 1562262616 proof
  ravelin dpop verify --lines --profile mcp < requests")]
pub(super) struct Args {
    #[command(flatten)]
    received: Received,
    /// Judge many: one JSON object a line
    #[arg(long, conflicts_with_all = ["method", "uri", "token", "jkt", "nonce"])]
    lines: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let received = &args.received;
    let source = input::Source::new(received.file.as_deref());
    if args.lines {
        return lines::run(&source, received.profile, &received.clock);
    }
    let now = received.clock.now()?;
    let text = source.text()?;
    let proof = text.trim_end_matches(['\r', '\n']);
    let method = received.method.as_deref().unwrap_or_default();
    let uri = target_uri(received.uri.as_deref().unwrap_or_default())?;
    let verdict = received.verdict(proof, method, uri, now)?;
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
