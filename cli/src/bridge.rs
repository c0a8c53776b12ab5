//! `ravelin bridge`: stdin and stdout over TLS, for programs that start their server as a command.

use std::io::{self, Write as _};
use std::pin::pin;
use std::time::Duration;

use ravelin_tokio::{OwnedReadHalf, OwnedWriteHalf, TlsConnector, TlsStream};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::endpoint::Endpoint;
use crate::failure::{Exit, Failure};
use crate::signals::Signals;
use crate::splice::{Fault, Progress, copy};
use crate::style::OneLine;
use crate::tls_options::{ClientOptions, Warning, seconds};
use crate::{event_loop, stdout, tls_events};

/// How long the reason may take to arrive once nothing can be sent any more, and the last close_notify to leave.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Carry stdin and stdout over TLS to a server
///
/// It is a command for the mcpServers entry of any MCP client. Nothing but what the server says is written to stdout.
/// When stdin ends, the rest of the server's answer is still delivered; when the server closes, it ends at once.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  ravelin bridge localhost:8443 --ca certs/ca.pem --cert certs/laptop.pem --key certs/laptop.key \\
      --pin sha256:PRIMARY --pin sha256:BACKUP
  ravelin bridge --config ravelin.toml")]
pub(crate) struct Args {
    /// The server
    #[arg(value_name = "HOST:PORT")]
    server: Endpoint,
    #[command(flatten)]
    tls: ClientOptions,
    /// Seconds until the TCP connection must stand
    #[arg(long, value_name = "S", value_parser = seconds, default_value = "30")]
    connect_timeout: Duration,
    /// Seconds that the server may stand still after stdin has ended, and not close
    #[arg(long, value_name = "S", value_parser = seconds, default_value = "15")]
    grace: Duration,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let (config, warning) = args.tls.config()?;
    if let Some(Warning(message)) = warning {
        warn(message);
    }
    let connector = TlsConnector::new(config).connect_timeout(args.connect_timeout);
    let runtime = event_loop::of_one_thread()?;
    let outcome = runtime.block_on(async {
        let mut signals = Signals::catch()?;
        let stream = tokio::select! {
            connected = connect(args, &connector) => connected?,
            () = signals.next() => return Ok(()),
        };
        carry(stream, args, &mut signals).await
    });
    // A read of stdin may be parked in a thread that nothing wakes: do not wait for it.
    runtime.shutdown_background();
    outcome
}

async fn connect(args: &Args, connector: &TlsConnector) -> Result<TlsStream<TcpStream>, Failure> {
    let Endpoint { host, port } = &args.server;
    let connected = match &args.tls.name {
        Some(name) => connector.connect_host_as(name.clone(), host, *port).await,
        None => connector.connect_host(host, *port).await,
    };
    let mut stream = connected.map_err(|error| lost(error, args))?;
    for (code, message) in stream
        .events()
        .filter_map(|event| tls_events::warning(&event))
    {
        warn(&format!("{code}: {message}"));
    }
    Ok(stream)
}

async fn carry(
    stream: TlsStream<TcpStream>,
    args: &Args,
    signals: &mut Signals,
) -> Result<(), Failure> {
    let (read, mut write) = stream.into_split();
    tokio::select! {
        ended = converse(read, &mut write, args) => ended?,
        () = signals.next() => {}
    }
    // The connection ends in order, whoever ended it; a server that is gone need not be told.
    let _ = timeout(LAST_WORDS, write.shutdown()).await;
    Ok(())
}

/// Moves bytes until the server has closed, or the client of this program is gone.
async fn converse(
    read: OwnedReadHalf<TcpStream>,
    write: &mut OwnedWriteHalf<TcpStream>,
    args: &Args,
) -> Result<(), Failure> {
    let progress = Progress::default();
    let up = pin!(copy(tokio::io::stdin(), write, &progress));
    let mut down = pin!(copy(read, tokio::io::stdout(), &progress));
    let up_ended = tokio::select! {
        ended = &mut down => return delivered(ended, args),
        ended = up => ended,
    };
    match up_ended {
        Ok(()) => match progress.while_moving(args.grace, down).await {
            Some(ended) => delivered(ended, args),
            None => Err(Failure::new(
                Exit::Io,
                "E-BRG-01",
                format!(
                    "{}: stdin had ended, and the server neither sent anything nor closed for {} s",
                    args.server,
                    args.grace.as_secs_f64()
                ),
                "allow more time with --grace, or have the server close when its input ends",
            )),
        },
        Err(Fault::Read(error)) => Err(Failure::new(
            Exit::Io,
            "E-BRG-02",
            format!("cannot read stdin: {error}"),
            "give a stdin that can be read",
        )),
        // The server may have said why: an alert lies before the end of the connection.
        Err(Fault::Write(error)) => match timeout(LAST_WORDS, down).await {
            Ok(ended) => delivered(ended, args),
            Err(_) => Err(lost(error, args)),
        },
    }
}

fn delivered(ended: Result<(), Fault>, args: &Args) -> Result<(), Failure> {
    match ended {
        Ok(()) => Ok(()),
        Err(Fault::Read(error)) => Err(lost(error, args)),
        Err(Fault::Write(error)) => stdout::written(Err(error)),
    }
}

fn lost(error: io::Error, args: &Args) -> Failure {
    let found_by_tls = ravelin_tokio::tls_error(&error).is_some();
    let failure = Failure::from(error);
    // Where no connection came about the text names the server already.
    if found_by_tls {
        failure.of(&args.server)
    } else {
        failure
    }
}

fn warn(text: &str) {
    // Nobody has to read it.
    let _ = writeln!(io::stderr().lock(), "warning: {}", OneLine(text));
}
