//! One connection of a proxy, from its handshake to its end.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ravelin_tokio::{Accepting, OwnedReadHalf, OwnedWriteHalf};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::child::Process;
use super::hello;
use super::journal::{Event, Journal, PeerReport};
use super::stop::{Stop, UntilEnding};
use super::target::{Target, connect};
use crate::failure::{Exit, Failure};
use crate::splice::{Broken, Fault, Progress, copy, splice};
use crate::tls_events;

/// How long a peer that we closed may take to close as well, and how much it may still send.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: u64 = 64 * 1024;

/// What every connection of a proxy needs.
pub(super) struct Shared {
    pub(super) target: Target,
    pub(super) grace: Duration,
    pub(super) journal: Journal,
    pub(super) stop: Stop,
}

type Reader = UntilEnding<OwnedReadHalf<TcpStream>>;
type Writer = OwnedWriteHalf<TcpStream>;

/// Finishes the handshake and connects the peer with the target until both have ended.
pub(super) async fn serve(handshake: Accepting<TcpStream>, connection: u64, shared: Arc<Shared>) {
    let journal = &shared.journal;
    let begun = Instant::now();
    let address = handshake.peer_addr();
    let mut stream = match handshake.await {
        Ok(stream) => stream,
        Err(error) => {
            let failure = Failure::from(error);
            journal.write(&Event::Refused {
                connection,
                address,
                code: failure.code(),
                message: failure.text(),
            });
            return;
        }
    };
    let mut page = String::new();
    if let Some(peer) = stream.peer() {
        let peer = PeerReport::of(peer);
        page = format!("hello from ravelin\n{peer}\n");
        journal.write(&Event::Opened {
            connection,
            address,
            peer,
        });
    }
    for (code, message) in stream
        .events()
        .filter_map(|event| tls_events::warning(&event))
    {
        journal.write(&Event::Noted {
            connection,
            code,
            message,
        });
    }
    let (reader, mut writer) = stream.into_split();
    let mut reader = UntilEnding::new(reader, shared.stop.clone());
    let outcome = reach(&shared, connection, &mut reader, &mut writer, &page).await;
    let counters = reader.get_ref().counters();
    // Its place is free before anyone reads that it is closed.
    drop((reader, writer));
    let failure = outcome.err().map(|broken| failure(broken, shared.grace));
    journal.write(&Event::Closed {
        connection,
        received: counters.opened,
        sent: counters.sealed,
        seconds: begun.elapsed().as_secs_f64(),
        code: failure.as_ref().map(Failure::code),
        message: failure.as_ref().map(Failure::text),
    });
}

/// Serves the peer. A connection that comes to its end without a failure has been closed in order.
async fn reach(
    shared: &Shared,
    connection: u64,
    reader: &mut Reader,
    writer: &mut Writer,
    page: &str,
) -> Result<(), Broken> {
    let peer = (&mut *reader, &mut *writer);
    match &shared.target {
        Target::Command(command) => match Process::start(command) {
            Ok(process) => {
                process
                    .serve(peer, shared.grace, &shared.journal, connection)
                    .await?;
            }
            Err(error) => return unserved(reader, writer, error).await,
        },
        Target::Tcp(addresses) => match connect(addresses).await {
            Ok(target) => splice(peer, target.into_split(), shared.grace).await?,
            Err(error) => return unserved(reader, writer, error).await,
        },
        #[cfg(unix)]
        Target::Unix(path) => match tokio::net::UnixStream::connect(path).await {
            Ok(target) => splice(peer, target.into_split(), shared.grace).await?,
            Err(error) => return unserved(reader, writer, error).await,
        },
        Target::Echo => copy(peer.0, peer.1, &Progress::default())
            .await
            .map_err(|(Fault::Read(error) | Fault::Write(error))| Broken::Peer(error))?,
        Target::Hello => hello::serve(peer.0, peer.1, page, shared.stop.clone())
            .await
            .map_err(Broken::Peer)?,
    }
    linger(reader).await;
    Ok(())
}

/// Closes a connection whose target is not there.
async fn unserved(
    reader: &mut Reader,
    writer: &mut Writer,
    error: io::Error,
) -> Result<(), Broken> {
    // The target's failure is what is reported.
    if writer.shutdown().await.is_ok() {
        linger(reader).await;
    }
    Err(Broken::Target(error))
}

/// Gives a peer time to read what was sent last: a socket that is closed while its bytes lie unread is reset, and the
/// reset may overtake them.
async fn linger(reader: &mut Reader) {
    let mut rest = reader.take(LINGER_BYTES);
    let _ = timeout(LINGER, tokio::io::copy(&mut rest, &mut tokio::io::sink())).await;
}

fn failure(broken: Broken, grace: Duration) -> Failure {
    match broken {
        Broken::Peer(error) => error.into(),
        Broken::Target(error) => Failure::new(
            Exit::Io,
            "E-PRX-05",
            format!("the target failed: {error}"),
            "check that it runs and takes connections",
        ),
        Broken::Silent => Failure::new(
            Exit::Io,
            "E-PRX-07",
            format!(
                "one side had ended, and nothing came from the other for {} s",
                grace.as_secs_f64()
            ),
            "allow more time with --grace",
        ),
    }
}
