//! `ravelin dpop thumbprint`: the `jkt` of a key.

use std::path::PathBuf;

use ravelin_core::dpop::{PublicKey, claimed_key};
use serde_json::json;

use super::key_file;
use crate::failure::{Exit, Failure};
use crate::{input, stdout};

/// Print the thumbprint of a key (RFC 7638), which is the `jkt` of a token
///
/// FILE is a signing key, a public JWK, or a proof, whose key need not belong to who sent it.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  ravelin dpop thumbprint client.key
  ravelin dpop thumbprint key.jwk --json")]
pub(super) struct Args {
    /// The file; stdin when it is left away or `-`
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// The key is encrypted under the first line of this file
    #[arg(long, value_name = "FILE", requires = "file")]
    password_file: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let key = public_key(args)?;
    let (jkt, algorithm) = (key.thumbprint().to_string(), key.algorithm());
    stdout::print(&if args.json {
        format!("{}\n", json!({ "jkt": jkt, "alg": algorithm.name() }))
    } else {
        format!("{jkt}\n")
    })
}

fn public_key(args: &Args) -> Result<PublicKey, Failure> {
    let source = input::Source::new(args.file.as_deref());
    let text = source.text()?;
    let text = text.trim();
    // Text before a key is allowed (RFC 7468, 2): an encrypted one begins with its thumbprint.
    if text.contains("-----BEGIN ") {
        let key = key_file::parse(text, args.password_file.as_deref());
        return Ok(key.map_err(|failure| failure.of(source))?.public_key());
    }
    let key = if text.starts_with('{') {
        PublicKey::from_jwk(text.as_bytes())
    } else {
        claimed_key(text.as_bytes())
    };
    key.map_err(|refusal| Failure::stated(Exit::Configuration, refusal.code(), &refusal).of(source))
}
