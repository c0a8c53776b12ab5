//! `ravelin inspect`: what a server presents, and whether it would be trusted.

mod certificate;
mod report;
mod warnings;

use std::path::PathBuf;
use std::time::SystemTime;

use ravelin_core::ClientConfig;
use ravelin_tokio::{pem, provider};

use crate::authority;
use crate::endpoint::Endpoint;
use crate::failure::{Exit, Failure};
use crate::probe::{Presented, ProbeOptions, Server};
use crate::stdout;
use crate::style::Style;
use crate::tls_options::{MinTls, pin_set};
use certificate::Described;
use report::{Report, Verdict};

/// Look at a server: its chain, what it negotiates, and whether it would be trusted
///
/// With --ca the verdict comes from a real connection; a server that is refused is then looked at by a second one, and
/// the exit code is 4. Without --ca nobody vouches for what is shown. TLS 1.2 is always looked at, and trusted only
/// with --min-tls 1.2.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  ravelin inspect localhost:8443 --ca certs/ca.pem
  ravelin inspect 127.0.0.1:8443 --name localhost --json")]
pub(crate) struct Args {
    /// The server
    #[arg(value_name = "HOST:PORT")]
    server: Endpoint,
    /// CA certificates that may vouch for the server (PEM)
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    #[command(flatten)]
    probe: ProbeOptions,
    /// The oldest TLS version to trust [default: 1.3]
    #[arg(long, value_name = "VERSION", value_enum, requires = "ca")]
    min_tls: Option<MinTls>,
    /// A pin of the server's key, or of a CA above it
    #[arg(long = "pin", value_name = "PIN", requires = "ca")]
    pins: Vec<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let now = authority::clock(SystemTime::now())?;
    let server = Server::new(&args.server, &args.probe)?;
    let (presented, verdict) = match &args.ca {
        None => (server.look()?, Verdict::NotJudged),
        Some(ca) => judge(&server, &args.config(ca, &server)?)?,
    };
    let chain = presented.chain.iter();
    let report = Report {
        server: args.server.clone(),
        chain: chain.map(|der| Described::of(der, now)).collect(),
        warnings: warnings::of(&presented, server.name(), now),
        presented,
        name: server.name().to_str().into_owned(),
        verdict,
    };
    stdout::print(&if args.json {
        report.json()
    } else {
        report.table(Style::stdout())
    })?;
    match report.verdict {
        Verdict::Refused(failure) => Err(failure),
        Verdict::Trusted | Verdict::NotJudged => Ok(()),
    }
}

impl Args {
    fn config(&self, ca: &PathBuf, server: &Server<'_>) -> Result<ClientConfig, Failure> {
        let anchors = pem::trust_anchors(ca)?;
        let mut config = ClientConfig::builder(provider::aws_lc_rs(), anchors)
            .min_version(self.min_tls.unwrap_or(MinTls::Tls13).into())
            .alpn(self.probe.alpn.iter().map(String::as_str))
            .timeouts(server.timeouts());
        if let Some(pins) = pin_set(&self.pins, false)? {
            config = config.pins(pins);
        }
        Ok(config.build()?)
    }
}

/// The verdict of a real connection. After a refusal a second one shows who was refused; when that fails as well, the
/// refusal is all there is to say.
fn judge(server: &Server<'_>, config: &ClientConfig) -> Result<(Presented, Verdict), Failure> {
    let failure = match server.connect(config) {
        Ok(presented) => return Ok((presented, Verdict::Trusted)),
        Err(failure) => failure,
    };
    if !matches!(failure.exit(), Exit::PeerRefused | Exit::RefusedByPeer) {
        return Err(failure);
    }
    match server.look() {
        Ok(presented) => Ok((presented, Verdict::Refused(failure))),
        Err(_) => Err(failure),
    }
}
