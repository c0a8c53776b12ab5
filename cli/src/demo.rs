//! `ravelin demo`: the whole way from an MCP client to an MCP server through mutual TLS, and every refusal on it.

mod children;
mod invocation;
mod refusals;
mod session;
mod stage;
mod tls12;
mod transcript;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::time::Duration;

use ravelin_core::trust::pin::Pin;
use tokio::time::timeout;

use crate::event_loop;
use crate::failure::{Exit, Failure};
use crate::signals::Signals;
use children::Proxy;
use invocation::Invocation;
use stage::Stage;
use transcript::{Step, Transcript};

/// For everything; each step has a limit of its own.
const PATIENCE: Duration = Duration::from_secs(180);

/// Put mutual TLS in front of an MCP server, call it, and show every refusal
///
/// It makes certificates, starts `ravelin proxy` in front of an MCP server and `ravelin bridge` as any MCP client would,
/// and speaks MCP through both. Then it shows who is refused, by which side and with which code. It needs neither a
/// network nor another program, and leaves nothing behind. The exit code is 0 when every step went as it should.
///
/// The server is `ravelin files`, which needs Unix, or CMD: of that one the tools are listed, and none is called.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  ravelin demo
  ravelin demo -- python3 my_mcp_server.py")]
pub(crate) struct Args {
    /// Print JSON, one object a line
    #[arg(long)]
    json: bool,
    /// An MCP server that speaks over stdin and stdout
    #[arg(last = true, value_name = "CMD")]
    command: Vec<OsString>,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let mut transcript = Transcript::new(args.json);
    let stage = Stage::create()?;
    let runtime = event_loop::of_many_threads()?;
    let outcome = runtime.block_on(perform(args, &stage, &mut transcript));
    runtime.shutdown_timeout(Duration::from_secs(1));
    drop(stage);
    outcome?;
    transcript.finish()
}

/// What the steps have in common.
struct Scene<'a> {
    stage: &'a Stage,
    proxy: Proxy,
    address: SocketAddr,
    server: Pin,
    client: Pin,
}

/// A step that failed is in the transcript; an error ends the demo.
async fn perform(args: &Args, stage: &Stage, transcript: &mut Transcript) -> Result<(), Failure> {
    let mut signals = Signals::catch()?;
    transcript.title(
        "Mutual TLS 1.3 with pinned keys in front of an MCP server, and who is refused",
        "Every $ line is run; its files lie in a temporary directory that nobody else can enter.",
    )?;
    if !certificates(stage, transcript).await? {
        return Ok(());
    }
    let (server, client) = (
        stage.pin("certs/localhost.pem")?,
        stage.pin("certs/laptop.pem")?,
    );
    let Some((proxy, address)) = listening(args, stage, client, transcript).await? else {
        return Ok(());
    };
    let scene = Scene {
        stage,
        proxy,
        address,
        server,
        client,
    };
    let steps = async {
        session::perform(&scene, args.command.is_empty(), transcript).await?;
        refusals::perform(&scene, transcript).await
    };
    let outcome = tokio::select! {
        outcome = timeout(PATIENCE, steps) => {
            outcome.unwrap_or_else(|_| Err(given_up("it took longer than three minutes")))
        }
        () = signals.next() => Err(given_up("it was interrupted")),
    };
    // Whatever happened, the proxy ends by itself: only so does it end the commands that it started.
    let ended = scene.proxy.stop().await;
    outcome?;
    let (as_expected, text) = if cfg!(unix) {
        let text = "SIGTERM: the proxy drains and ends";
        (ended.exit == Some(0), text)
    } else {
        (ended.exit.is_some(), "the proxy is ended from outside")
    };
    transcript.step(&Step {
        exit: ended.exit,
        ..Step::new("proxy-ended", as_expected, text)
    })
}

async fn certificates(stage: &Stage, transcript: &mut Transcript) -> Result<bool, Failure> {
    let commands = [
        Invocation::new("dev-ca")
            .file("--out", "certs")
            .text("--server", "localhost")
            .text("--client", "laptop")
            .text("--client", "guest"),
        Invocation::new("dev-ca")
            .file("--out", "other")
            .text("--client", "laptop"),
    ];
    let mut all = true;
    for command in &commands {
        transcript.command(command)?;
        let ended = children::run(command, stage).await?;
        if ended.exit != Some(0) {
            all = false;
            transcript.log(&ended.stderr)?;
        }
    }
    let text = "two CAs that know nothing of each other, and below them a server and three clients";
    transcript.step(&Step::new("certificates", all, text))?;
    Ok(all)
}

async fn listening(
    args: &Args,
    stage: &Stage,
    client: Pin,
    transcript: &mut Transcript,
) -> Result<Option<(Proxy, SocketAddr)>, Failure> {
    let command = Invocation::new("proxy")
        .text("--listen", "127.0.0.1:0")
        .flag("--json")
        .file("--cert", "certs/localhost.pem")
        .file("--key", "certs/localhost.key")
        .file("--client-ca", "certs/ca.pem")
        .text("--client-auth", "required")
        .text("--client-pin", &client.to_string())
        .text("--to", "stdio");
    let command = if args.command.is_empty() {
        stage.furnish()?;
        command.then(Invocation::new("files").file("--root", "files"))
    } else {
        command.then_foreign(&args.command)
    };
    transcript.command(&command)?;
    match Proxy::start(&command, stage).await? {
        Ok((proxy, address)) => {
            let text = format!("listening on {address}");
            transcript.step(&Step::new("proxy", true, &text))?;
            Ok(Some((proxy, address)))
        }
        Err(ended) => {
            transcript.log(&ended.stderr)?;
            let text = "the proxy does not listen";
            transcript.step(&Step {
                exit: ended.exit,
                ..Step::new("proxy", false, text)
            })?;
            Ok(None)
        }
    }
}

impl Scene<'_> {
    /// The bridge that the server and its owner meant.
    fn bridge(&self) -> Invocation {
        Invocation::new("bridge")
            .argument(&self.address.to_string())
            .text("--name", "localhost")
            .file("--ca", "certs/ca.pem")
            .file("--cert", "certs/laptop.pem")
            .file("--key", "certs/laptop.key")
            .text("--pin", &self.server.to_string())
    }
}

fn given_up(cause: &str) -> Failure {
    Failure::new(
        Exit::Io,
        "E-DEM-02",
        format!("the demo was given up: {cause}"),
        "run it again",
    )
}
