//! `ravelin dpop keygen`: a new signing key in a file.

use std::io::Write as _;
use std::path::PathBuf;

use ravelin_core::dpop::{Algorithm, SigningKey};
use serde_json::json;

use super::key_file;
use crate::failure::Failure;
use crate::new_file::{self, Readers};
use crate::style::quoted;
use crate::{entropy, stdout};

/// Make a signing key
///
/// Writes PKCS#8 as PEM, with mode 0600 where files have modes, and prints the key's thumbprint. No file is ever overwritten.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  ravelin dpop keygen --out client.key
  ravelin dpop keygen --out client.key --password-file secret")]
pub(super) struct Args {
    /// The file for the key
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// The algorithm of the key
    #[arg(long, value_enum, default_value = "es256")]
    algorithm: AlgorithmName,
    /// Encrypt the key under the first line of this file
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum AlgorithmName {
    /// ECDSA on P-256: known everywhere
    Es256,
    /// Ed25519
    Eddsa,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let algorithm = match args.algorithm {
        AlgorithmName::Es256 => Algorithm::Es256,
        AlgorithmName::Eddsa => Algorithm::EdDsa,
    };
    let key = SigningKey::generate(algorithm, &entropy::bytes()?).map_err(key_file::unusable)?;
    let pem = match &args.password_file {
        Some(file) => key
            .to_encrypted_pem(&key_file::password(file)?, &entropy::bytes()?)
            .map_err(key_file::unusable)?,
        None => (*key.to_pkcs8_pem()).clone(),
    };
    new_file::create(&args.out, Readers::Owner)
        .and_then(|mut file| {
            file.write_all(pem.as_bytes())?;
            file.sync_all()
        })
        .map_err(|error| new_file::unwritable(&args.out, &error))?;

    let jkt = key.thumbprint().to_string();
    stdout::print(&if args.json {
        format!(
            "{}\n",
            json!({ "key": args.out.display().to_string(), "alg": algorithm.name(), "jkt": jkt })
        )
    } else {
        let name = quoted(args.out.as_os_str());
        format!("key         {name}\nalgorithm   {algorithm}\nthumbprint  {jkt}\n")
    })
}
