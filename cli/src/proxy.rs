//! `ravelin proxy`: TLS in front of a server that has none.

mod child;
mod connection;
mod hello;
mod journal;
mod stop;
mod target;

use std::ffi::OsString;
use std::io;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::{ValueEnum, ValueHint};
use ravelin_core::config::ServerResumption;
use ravelin_tokio::{
    ClientAuth, Listener, ListenerCounters, ListenerLimits, Monitor, ServerConfig, Timeouts, pem,
    provider,
};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::endpoint::Endpoint;
use crate::failure::{Exit, Failure};
use crate::signals::Signals;
use crate::tls_options::{self, KeyModeOption, VersionOption, Warning, seconds};
use crate::{event_loop, stdout};
use connection::Shared;
use journal::{Event, Journal};
use stop::{Phase, Stop};
use target::{Target, To};

/// Put TLS in front of a server that has none
///
/// Prints `listening on ADDR` when it is ready, and then on stderr what happens, a line each. SIGTERM and SIGINT drain
/// it: no new connections, and those that are open get --drain-timeout; a second signal ends it at once.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  ravelin proxy --listen 127.0.0.1:8443 --cert certs/localhost.pem --key certs/localhost.key \\
      --client-ca certs/ca.pem --to stdio -- my-mcp-server --its --flags
  ravelin proxy --listen 127.0.0.1:8443 --cert certs/localhost.pem --key certs/localhost.key --to hello
  ravelin proxy --config ravelin.toml")]
pub(crate) struct Args {
    /// Where to listen; port 0 takes any that is free
    #[arg(long, value_name = "HOST:PORT")]
    listen: Endpoint,
    /// The server's certificate chain, leaf first (PEM)
    #[arg(long, value_name = "FILE")]
    cert: PathBuf,
    /// Its private key (PEM)
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// CA certificates that may vouch for clients (PEM)
    #[arg(long, value_name = "FILE")]
    client_ca: Option<PathBuf>,
    /// Whether clients must present a certificate [default: required with --client-ca, else none]
    #[arg(long, value_name = "MODE", value_enum)]
    client_auth: Option<ClientAuthMode>,
    /// A pin of the clients' keys, or of a CA above them; give two, so that one can be lost
    #[arg(long = "client-pin", value_name = "PIN")]
    client_pins: Vec<String>,
    /// Report clients that no pin matches, and do not refuse them
    #[arg(long, requires = "client_pins")]
    pin_report_only: bool,
    #[command(flatten)]
    version: VersionOption,
    /// Application protocols (ALPN) to accept, the preferred one first
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    alpn: Vec<String>,
    /// Session tickets for each connection; 0 makes every handshake a full one
    #[arg(long, value_name = "N", default_value_t = 1)]
    tickets: u8,
    /// Connections at once; more are closed
    #[arg(long, value_name = "N", default_value_t = ListenerLimits::default().connections,
          value_parser = at_least_one)]
    max_connections: usize,
    /// Connections at once from one address, or one IPv6 network of 64 bits; more are closed
    #[arg(long, value_name = "N", default_value_t = ListenerLimits::default().per_address,
          value_parser = at_least_one)]
    max_per_address: usize,
    /// Seconds until a handshake must be done
    #[arg(long, value_name = "S", value_parser = seconds, default_value = "10")]
    handshake_timeout: Duration,
    /// Seconds without a byte after which a connection is closed [default: none]
    #[arg(long, value_name = "S", value_parser = seconds)]
    idle_timeout: Option<Duration>,
    /// Seconds that one side may stand still after the other has ended; then the connection is cut, or the command gets
    /// SIGTERM, and SIGKILL after as many again [default: 5 with stdio, else 60]
    #[arg(long, value_name = "S", value_parser = seconds)]
    grace: Option<Duration>,
    /// Seconds that open connections get when the proxy shall end
    #[arg(long, value_name = "S", value_parser = seconds, default_value = "10")]
    drain_timeout: Duration,
    #[command(flatten)]
    key_mode: KeyModeOption,
    /// Send clear text to a target on another machine
    #[arg(long)]
    unsafe_target: bool,
    /// Report events as JSON, one object a line
    #[arg(long)]
    json: bool,
    /// What to stand in front of: stdio, tcp:HOST:PORT, unix:PATH, echo or hello
    #[arg(long, value_name = "TARGET", value_hint = ValueHint::Url)]
    to: To,
    /// The command for --to stdio, one process for each connection
    #[arg(last = true, value_name = "CMD")]
    command: Vec<OsString>,
}

/// MCP: a server ends when its stdin does, or it is made to.
const GRACE_OF_COMMANDS: Duration = Duration::from_secs(5);
/// A server may work on its answer when the question has ended.
const GRACE_OF_SERVERS: Duration = Duration::from_secs(60);

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ClientAuthMode {
    None,
    Optional,
    Required,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let target = Target::judge(&args.to, &args.command, args.unsafe_target)?;
    let (config, warning) = args.config()?;
    let Endpoint { host, port } = &args.listen;
    let socket = TcpListener::bind((host.as_str(), *port)).map_err(|error| deaf(args, &error))?;
    let runtime = event_loop::of_many_threads()?;
    let journal = Journal::start(args.json);
    if let Some(Warning(message)) = warning {
        journal.write(&Event::Warning { message });
    }
    let outcome = runtime.block_on(serve(args, config, target, socket, &journal));
    // Connections that are still there are dropped here, and their commands killed.
    runtime.shutdown_timeout(Duration::from_secs(1));
    journal.flush(Duration::from_secs(1));
    outcome
}

impl Args {
    fn config(&self) -> Result<(ServerConfig, Option<Warning>), Failure> {
        let identity = tls_options::identity(&self.cert, &self.key, &self.key_mode)?;
        let resumption = match self.tickets {
            0 => ServerResumption::disabled(),
            count => ServerResumption::tickets().count(count),
        };
        let mut config = ServerConfig::builder(provider::aws_lc_rs(), identity)
            .client_auth(self.client_authentication()?)
            .resumption(resumption)
            .min_version(self.version.min_tls.into())
            .alpn(self.alpn.iter().map(String::as_str))
            .timeouts(Timeouts {
                handshake: self.handshake_timeout,
                idle: self.idle_timeout,
                ..Timeouts::default()
            });
        let mut warning = None;
        if let Some(pins) = tls_options::pin_set(&self.client_pins, self.pin_report_only)? {
            warning = tls_options::lone_pin(&pins);
            config = config.pins(pins);
        }
        Ok((config.build()?, warning))
    }

    fn grace(&self) -> Duration {
        self.grace.unwrap_or(if matches!(self.to, To::Stdio) {
            GRACE_OF_COMMANDS
        } else {
            GRACE_OF_SERVERS
        })
    }

    fn client_authentication(&self) -> Result<ClientAuth, Failure> {
        let contradiction = |cause: &str, remedy: &'static str| {
            Failure::new(Exit::Configuration, "E-PRX-06", cause, remedy)
        };
        let Some(ca) = &self.client_ca else {
            return match self.client_auth {
                None | Some(ClientAuthMode::None) => Ok(ClientAuth::None),
                Some(ClientAuthMode::Optional | ClientAuthMode::Required) => Err(contradiction(
                    "clients are asked for a certificate, and no CA may vouch for it",
                    "give their CA with --client-ca; public CAs are never assumed",
                )),
            };
        };
        let anchors = pem::trust_anchors(ca)?;
        match self.client_auth {
            None | Some(ClientAuthMode::Required) => Ok(ClientAuth::Required(anchors)),
            Some(ClientAuthMode::Optional) => Ok(ClientAuth::Optional(anchors)),
            Some(ClientAuthMode::None) => Err(contradiction(
                "--client-ca has no use with --client-auth none",
                "leave one of them out",
            )),
        }
    }
}

fn deaf(args: &Args, error: &io::Error) -> Failure {
    Failure::new(
        Exit::Io,
        "E-PRX-10",
        format!("cannot listen on {}: {error}", args.listen),
        "give an address of this machine and a port that is free",
    )
}

async fn serve(
    args: &Args,
    config: ServerConfig,
    target: Target,
    socket: TcpListener,
    journal: &Journal,
) -> Result<(), Failure> {
    let mut signals = Signals::catch()?;
    let mut listener = Listener::from_std(socket, config)
        .map_err(|error| deaf(args, &error))?
        .limits(ListenerLimits {
            connections: args.max_connections,
            per_address: args.max_per_address,
            ..ListenerLimits::default()
        });
    let address = listener.local_addr().map_err(|error| deaf(args, &error))?;
    let (phase, stop) = Stop::new();
    let shared = Arc::new(Shared {
        target,
        grace: args.grace(),
        journal: journal.clone(),
        stop,
    });
    let mut tally = Tally::new(listener.monitor());
    let mut second = interval(Duration::from_secs(1));
    second.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut connections = JoinSet::new();
    let mut number = 0;

    stdout::print(&format!("listening on {address}\n"))?;
    if args.json {
        journal.write(&Event::Listening { address });
    }
    loop {
        tokio::select! {
            handshake = listener.accept() => {
                number += 1;
                connections.spawn(connection::serve(handshake, number, Arc::clone(&shared)));
            }
            Some(_) = connections.join_next() => {}
            _ = second.tick() => tally.report(journal),
            () = signals.next() => break,
        }
    }
    drop(listener);
    tally.report(journal);
    journal.write(&Event::Draining {
        connections: connections.len(),
    });
    drain(args, &mut connections, &phase, &mut signals).await;
    connections.shutdown().await;
    Ok(())
}

/// Lets the connections end by themselves, and then asks them to.
async fn drain(
    args: &Args,
    connections: &mut JoinSet<()>,
    phase: &watch::Sender<Phase>,
    signals: &mut Signals,
) {
    // A command gets its grace twice, and what it says last is still delivered.
    let ending = args.grace().min(GRACE_OF_COMMANDS) * 2 + Duration::from_secs(3);
    for (next, patience) in [
        (Phase::Draining, args.drain_timeout),
        (Phase::Ending, ending),
    ] {
        phase.send_replace(next);
        let ended = async { while connections.join_next().await.is_some() {} };
        tokio::select! {
            () = ended => return,
            () = sleep(patience) => {}
            () = signals.next() => return,
        }
    }
}

/// Reports what the listener turned away since the last time: a flood is a line a second.
struct Tally {
    monitor: Monitor,
    before: ListenerCounters,
}

impl Tally {
    fn new(monitor: Monitor) -> Self {
        let before = monitor.counters();
        Self { monitor, before }
    }

    fn report(&mut self, journal: &Journal) {
        let now = self.monitor.counters();
        let before = std::mem::replace(&mut self.before, now);
        let limits = [
            (
                now.refused_connections - before.refused_connections,
                "too many are open; raise --max-connections if they are legitimate",
            ),
            (
                now.refused_address - before.refused_address,
                "too many are open from one address; raise --max-per-address if they are legitimate",
            ),
        ];
        for (count, message) in limits.into_iter().filter(|(count, _)| *count > 0) {
            journal.write(&Event::Limited {
                code: "E-PRX-08",
                count,
                message,
            });
        }
        let count = now.accept_errors - before.accept_errors;
        if let (1.., Some(kind)) = (count, now.last_accept_error) {
            journal.write(&Event::AcceptFailed {
                code: "E-PRX-09",
                count,
                message: format!(
                    "the system refused: {kind}; free file descriptors or raise their limit"
                ),
            });
        }
    }
}

fn at_least_one(text: &str) -> Result<usize, &'static str> {
    text.parse()
        .ok()
        .filter(|number| *number > 0)
        .ok_or("give a number from 1 on")
}
