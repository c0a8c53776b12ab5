//! `ravelin pin`: the pin of a certificate or a key, in a file or as a server presents it.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use ravelin_core::der::Reader;
use ravelin_core::pki_types::PrivateKeyDer;
use ravelin_core::pki_types::pem::{PemObject as _, SectionKind};
use ravelin_core::trust::certificate::Certificate;
use ravelin_core::trust::pin::Pin;
use ravelin_core::{CertificateError, Error};
use rcgen::{KeyPair, PublicKeyData as _};
use serde_json::{Value, json};

use crate::endpoint::Endpoint;
use crate::failure::{Exit, Failure};
use crate::probe::{ProbeOptions, Server};
use crate::style::{OneLine, Style};
use crate::{input, stdout};

/// Print the pins of a certificate or key file, or of a server
///
/// FILE is PEM (certificates, a public key, a private key, in any order) or DER. A pin is the SHA-256 of the public key
/// (its SubjectPublicKeyInfo): it survives a renewal that keeps the key. HOST:PORT is a server, whose chain is printed
/// leaf first, unless there is a file of that name; nobody vouches for what a server presents here.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  ravelin pin certs/localhost.pem
  ravelin pin certs/localhost.key --json
  ravelin pin localhost:8443")]
pub(crate) struct Args {
    /// A certificate, a chain, a public key or a private key; or a server
    #[arg(value_name = "FILE|HOST:PORT")]
    source: PathBuf,
    #[command(flatten)]
    probe: ProbeOptions,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    match endpoint(&args.source) {
        Some(endpoint) => {
            let pinned = from_server(&endpoint, &args.probe)?;
            print(&pinned, Some(&endpoint), args.json)?;
            // Not among the pins, so that it is seen also where they are piped on.
            let _ = writeln!(io::stderr().lock(), "warning: {NOBODY_VOUCHED}");
            Ok(())
        }
        None if args.probe.name.is_some() => Err(Failure::new(
            Exit::Usage,
            "E-USE-01",
            "--name belongs to a server, and no HOST:PORT was given",
            "run `ravelin pin --help`",
        )),
        None => print(&from_file(&args.source)?, None, args.json),
    }
}

const NOBODY_VOUCHED: &str =
    "nobody vouched for this server: compare with what its owner says before you use a pin";

/// The server that `source` names. A file that exists wins, also one that cannot be read.
fn endpoint(source: &Path) -> Option<Endpoint> {
    if fs::symlink_metadata(source).is_ok() {
        return None;
    }
    source.to_str()?.parse().ok()
}

fn print(pinned: &[Pinned], server: Option<&Endpoint>, as_json: bool) -> Result<(), Failure> {
    if !as_json {
        return stdout::print(&text(pinned, Style::stdout()));
    }
    let entries: Vec<Value> = pinned.iter().map(Pinned::json).collect();
    let mut report = json!({ "pins": entries });
    if let (Some(report), Some(server)) = (report.as_object_mut(), server) {
        report.insert("server".to_owned(), json!(server.to_string()));
        report.insert("warning".to_owned(), json!(NOBODY_VOUCHED));
    }
    stdout::print(&format!("{report}\n"))
}

fn from_file(file: &Path) -> Result<Vec<Pinned>, Failure> {
    let bytes = input::read(file).map_err(|error| input::unreadable(file, &error))?;
    let pinned = if bytes.starts_with(b"-----BEGIN") || contains(&bytes, b"\n-----BEGIN") {
        from_pem(&bytes)
    } else {
        from_der(&bytes).map(|pinned| vec![pinned])
    };
    pinned.map_err(|cause| unusable(file, cause))
}

fn from_server(endpoint: &Endpoint, options: &ProbeOptions) -> Result<Vec<Pinned>, Failure> {
    let presented = Server::new(endpoint, options)?.look()?;
    presented
        .chain
        .iter()
        .map(|der| {
            Pinned::certificate(der)
                .ok_or_else(|| Failure::from(Error::from(CertificateError::Malformed)).of(endpoint))
        })
        .collect()
}

/// Something with a public key.
struct Pinned {
    kind: &'static str,
    pin: Pin,
    certificate: Option<Named>,
}

/// What a certificate adds to its key.
struct Named {
    subject: Option<String>,
    names: Vec<String>,
    fingerprint: Pin,
}

impl Pinned {
    fn certificate(der: &[u8]) -> Option<Self> {
        let certificate = Certificate::parse(der).ok()?;
        let names = certificate.subject_alt_names().ok()?.names;
        Some(Self {
            kind: "certificate",
            pin: Pin::of_spki(certificate.spki()),
            certificate: Some(Named {
                subject: certificate.subject_common_name(),
                names: names.iter().map(ToString::to_string).collect(),
                fingerprint: Pin::of_certificate(der),
            }),
        })
    }

    fn public_key(der: &[u8]) -> Option<Self> {
        is_spki(der).then(|| Self {
            kind: "public key",
            pin: Pin::of_spki(der),
            certificate: None,
        })
    }

    fn private_key(der: &PrivateKeyDer<'_>) -> Option<Self> {
        let key = KeyPair::try_from(der).ok()?;
        Some(Self {
            kind: "private key",
            pin: Pin::of_spki(&key.subject_public_key_info()),
            certificate: None,
        })
    }

    fn json(&self) -> Value {
        let mut entry = json!({ "kind": self.kind, "pin": self.pin.to_string() });
        if let (Some(object), Some(named)) = (entry.as_object_mut(), &self.certificate) {
            object.insert("subject".to_owned(), json!(named.subject));
            object.insert("names".to_owned(), json!(named.names));
            object.insert(
                "certificate".to_owned(),
                json!(named.fingerprint.to_string()),
            );
        }
        entry
    }
}

fn from_pem(bytes: &[u8]) -> Result<Vec<Pinned>, String> {
    let mut pinned = Vec::new();
    for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(bytes) {
        let (kind, der) = section.map_err(|_| "its PEM is damaged".to_owned())?;
        let (what, found) = if kind == SectionKind::Certificate {
            ("certificate", Pinned::certificate(&der))
        } else if kind == SectionKind::PublicKey {
            ("public key", Pinned::public_key(&der))
        } else if let Some(key) = PrivateKeyDer::from_pem(kind, der) {
            ("private key", Pinned::private_key(&key))
        } else {
            // A request or a revocation list: nothing to pin.
            continue;
        };
        let number = pinned.len() + 1;
        pinned
            .push(found.ok_or_else(|| format!("entry {number} is a {what} that cannot be read"))?);
    }
    if pinned.is_empty() {
        return Err("it holds no certificate and no unencrypted key".to_owned());
    }
    Ok(pinned)
}

fn from_der(bytes: &[u8]) -> Result<Pinned, String> {
    Pinned::certificate(bytes)
        .or_else(|| Pinned::public_key(bytes))
        .or_else(|| Pinned::private_key(&PrivateKeyDer::try_from(bytes).ok()?))
        .ok_or_else(|| "it is neither PEM nor the DER of a certificate or a key".to_owned())
}

/// RFC 5280 section 4.1: SEQUENCE { algorithm SEQUENCE { OID, ... }, subjectPublicKey BIT STRING }.
fn is_spki(der: &[u8]) -> bool {
    let parts = || {
        let mut outer = Reader::new(der);
        let mut spki = outer.sequence()?;
        outer.finish()?;
        let mut algorithm = spki.sequence()?;
        let _ = algorithm.oid()?;
        let _ = spki.bit_string()?;
        spki.finish()
    };
    parts().is_ok()
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn unusable(file: &Path, cause: String) -> Failure {
    Failure::new(
        Exit::Configuration,
        "E-CLI-05",
        format!("cannot pin {}: {cause}", file.display()),
        "give a certificate, a public key or an unencrypted private key, as PEM or DER",
    )
}

fn text(pinned: &[Pinned], style: Style) -> String {
    let mut text = String::new();
    for entry in pinned {
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "{}  {}",
            style.bold(&entry.pin.to_string()),
            entry.kind
        );
        let Some(named) = &entry.certificate else {
            text.push('\n');
            continue;
        };
        let subject = named.subject.iter().map(|name| format!("CN={name}"));
        for name in subject.chain(named.names.iter().cloned()) {
            let _ = write!(text, " {}", OneLine(&name));
        }
        let note = format!(
            "  whole certificate: {} (a pin only with this prefix, and until the next renewal)",
            named.fingerprint
        );
        let _ = writeln!(text, "\n{}", style.dim(&note));
    }
    text
}
