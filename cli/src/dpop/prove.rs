//! `ravelin dpop prove`: a proof for one request.

use std::path::PathBuf;

use ravelin_core::dpop::{BuildError, Claim, Jti, MAX_PROOF, Proof};
use serde_json::json;

use super::judge::{Clock, Target};
use super::key_file;
use crate::failure::{Exit, Failure};
use crate::{entropy, stdout};

/// Make a proof
///
/// Prints the value of the DPoP field. A request needs a proof of its own, also when it is tried again.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  ravelin dpop prove --key client.key --method POST --uri https://mcp.example/mcp --token T
  ravelin dpop prove --key client.key --method POST --uri https://as.example/token --nonce N")]
pub(super) struct Args {
    /// The signing key, as `ravelin dpop keygen` writes it
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The key is encrypted under the first line of this file
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    #[command(flatten)]
    target: Target,
    /// The access token, which the proof then is bound to
    #[arg(long, value_name = "TOKEN", allow_hyphen_values = true)]
    token: Option<String>,
    /// The newest nonce that the server has supplied
    #[arg(long, value_name = "NONCE", allow_hyphen_values = true)]
    nonce: Option<String>,
    /// The unique name of the proof; random when it is left away
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    jti: Option<String>,
    /// Another claim, a string
    #[arg(long, value_name = "NAME=VALUE", allow_hyphen_values = true, value_parser = claim)]
    claim: Vec<(String, String)>,
    #[command(flatten)]
    clock: Clock,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

fn claim(text: &str) -> Result<(String, String), &'static str> {
    text.split_once('=')
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .ok_or("not NAME=VALUE")
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let key = key_file::read(&args.key, args.password_file.as_deref())?;
    let random = Jti::new(entropy::bytes()?);
    let jti = args.jti.as_deref().unwrap_or_else(|| random.as_str());
    let claims: Vec<_> = args
        .claim
        .iter()
        .map(|(name, value)| (name.as_str(), Claim::String(value)))
        .collect();

    let mut proof = Proof::new(
        &args.target.method,
        args.target.uri()?,
        jti,
        args.clock.now()?.unix,
    )
    .claims(&claims);
    if let Some(token) = &args.token {
        proof = proof.token(token);
    }
    if let Some(nonce) = &args.nonce {
        proof = proof.nonce(nonce);
    }
    let mut buffer = [0; MAX_PROOF];
    let field = proof.sign(&key, &mut buffer).map_err(unmade)?;
    stdout::print(&if args.json {
        let jkt = key.thumbprint().to_string();
        format!("{}\n", json!({ "proof": field, "jti": jti, "jkt": jkt }))
    } else {
        format!("{field}\n")
    })
}

fn unmade(error: BuildError) -> Failure {
    Failure::stated(Exit::Configuration, error.code(), &error)
}
