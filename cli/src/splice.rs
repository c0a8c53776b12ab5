//! Bytes in both directions between a peer and what stands behind us.

use std::io::{self, ErrorKind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::timeout;

/// Bytes that a direction holds at most: one TLS record.
const BUFFER: usize = 16 * 1024;

/// What ended a connection before both sides had.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The TLS connection failed.
    Peer(io::Error),
    /// The target failed.
    Target(io::Error),
    /// One side had ended, and no byte came from the other for the time it was given.
    Silent,
}

/// What broke a direction.
#[derive(Debug)]
pub(crate) enum Fault {
    Read(io::Error),
    Write(io::Error),
}

/// Moves bytes both ways until both sides have ended, each direction by itself.
///
/// Once one has ended, the other may go on as long as it moves a byte within `grace`.
pub(crate) async fn splice(
    peer: (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
    target: (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
    grace: Duration,
) -> Result<(), Broken> {
    let progress = Progress::default();
    let mut up = pin!(copy(peer.0, target.1, &progress));
    let mut down = pin!(copy(target.0, peer.1, &progress));
    let first = tokio::select! {
        ended = &mut up => First::Up(ended),
        ended = &mut down => First::Down(ended),
    };
    match first {
        First::Up(Err(Fault::Read(error))) | First::Down(Err(Fault::Write(error))) => {
            Err(Broken::Peer(error))
        }
        // What came before is all there is, and nobody may take it for the whole.
        First::Down(Err(Fault::Read(error))) => Err(Broken::Target(error)),
        First::Up(Ok(())) => match progress.while_moving(grace, down).await {
            Some(ended) => ended.map_err(|fault| fault.of(Broken::Target, Broken::Peer)),
            None => Err(Broken::Silent),
        },
        // A target that reads no more may still have something to say, such as why.
        First::Up(Err(Fault::Write(error))) => match progress.while_moving(grace, down).await {
            Some(Ok(())) => Ok(()),
            Some(Err(Fault::Write(error))) => Err(Broken::Peer(error)),
            Some(Err(Fault::Read(_))) | None => Err(Broken::Target(error)),
        },
        First::Down(Ok(())) => match progress.while_moving(grace, up).await {
            // The target is through with this connection: whatever the peer still sends finds nobody.
            Some(Ok(()) | Err(Fault::Write(_))) => Ok(()),
            Some(Err(Fault::Read(error))) => Err(Broken::Peer(error)),
            None => Err(Broken::Silent),
        },
    }
}

enum First {
    Up(Result<(), Fault>),
    Down(Result<(), Fault>),
}

impl Fault {
    fn of(
        self,
        reading: impl FnOnce(io::Error) -> Broken,
        writing: impl FnOnce(io::Error) -> Broken,
    ) -> Broken {
        match self {
            Self::Read(error) => reading(error),
            Self::Write(error) => writing(error),
        }
    }
}

/// Moves bytes until `reader` ends, and then ends `writer`.
pub(crate) async fn copy(
    mut reader: impl AsyncRead + Unpin,
    mut writer: impl AsyncWrite + Unpin,
    progress: &Progress,
) -> Result<(), Fault> {
    let mut buffer = vec![0; BUFFER];
    loop {
        let len = reader.read(&mut buffer).await.map_err(Fault::Read)?;
        let mut rest = buffer.get(..len).unwrap_or_default();
        if rest.is_empty() {
            return writer.shutdown().await.map_err(Fault::Write);
        }
        progress.writing.store(true, Ordering::Relaxed);
        while !rest.is_empty() {
            let taken = writer.write(rest).await.map_err(Fault::Write)?;
            if taken == 0 {
                return Err(Fault::Write(ErrorKind::WriteZero.into()));
            }
            rest = rest.get(taken..).unwrap_or_default();
            progress.moved(taken);
        }
        writer.flush().await.map_err(Fault::Write)?;
        progress.writing.store(false, Ordering::Relaxed);
    }
}

/// How far a direction, or several, have come.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    bytes: AtomicU64,
    writing: AtomicBool,
}

impl Progress {
    /// Whether bytes were read that are not written yet. It has a meaning for one direction only.
    pub(crate) fn is_writing(&self) -> bool {
        self.writing.load(Ordering::Relaxed)
    }

    fn moved(&self, len: usize) {
        self.bytes.fetch_add(len as u64, Ordering::Relaxed);
    }

    /// What `future` gives; `None` once nothing moved for `grace`.
    pub(crate) async fn while_moving<F: Future>(
        &self,
        grace: Duration,
        mut future: Pin<&mut F>,
    ) -> Option<F::Output> {
        loop {
            let before = self.bytes.load(Ordering::Relaxed);
            if let Ok(output) = timeout(grace, future.as_mut()).await {
                return Some(output);
            }
            if self.bytes.load(Ordering::Relaxed) == before {
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{duplex, split};

    use super::*;

    /// Time passes when nothing else happens.
    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap()
            .block_on(async { timeout(Duration::from_secs(20), future).await.unwrap() })
    }

    const GRACE: Duration = Duration::from_millis(100);

    #[test]
    fn each_direction_ends_by_itself() {
        run(async {
            let (mut client, peer) = duplex(64);
            let (mut server, target) = duplex(64);
            let spliced = tokio::spawn(splice(split(peer), split(target), GRACE));
            client.write_all(b"question").await.unwrap();
            client.shutdown().await.unwrap();
            let mut heard = String::new();
            server.read_to_string(&mut heard).await.unwrap();
            assert_eq!(heard, "question");
            // The answer takes longer than the grace, but never stands still for it.
            for _ in 0..10 {
                tokio::time::sleep(GRACE / 2).await;
                server.write_all(b"answer").await.unwrap();
            }
            drop(server);
            let mut heard = String::new();
            client.read_to_string(&mut heard).await.unwrap();
            assert_eq!(heard, "answer".repeat(10));
            spliced.await.unwrap().unwrap();
        });
    }

    #[test]
    fn a_target_that_ended_first_still_listens() {
        run(async {
            let (client, peer) = duplex(64);
            let (server, target) = duplex(64);
            let spliced = tokio::spawn(splice(split(peer), split(target), GRACE));
            let (mut hears, mut says) = split(server);
            says.shutdown().await.unwrap();
            let (mut client_hears, mut client_says) = split(client);
            assert_eq!(client_hears.read(&mut [0; 1]).await.unwrap(), 0);
            client_says.write_all(b"more").await.unwrap();
            client_says.shutdown().await.unwrap();
            let mut heard = String::new();
            hears.read_to_string(&mut heard).await.unwrap();
            assert_eq!(heard, "more");
            spliced.await.unwrap().unwrap();
        });
    }

    #[test]
    fn a_target_that_ended_ends_the_peer_that_stays_silent() {
        run(async {
            let (client, peer) = duplex(64);
            let (server, target) = duplex(64);
            drop(server);
            let ended = splice(split(peer), split(target), GRACE).await;
            assert!(matches!(ended, Err(Broken::Silent)), "{ended:?}");
            drop(client);
        });
    }

    #[test]
    fn a_target_that_stays_silent_after_the_peer_ended_is_given_up() {
        run(async {
            let (client, peer) = duplex(64);
            let (_server, target) = duplex(64);
            let (mut reading, writing) = split(client);
            let mut writing = writing;
            writing.shutdown().await.unwrap();
            let ended = splice(split(peer), split(target), GRACE).await;
            assert!(matches!(ended, Err(Broken::Silent)), "{ended:?}");
            assert_eq!(reading.read(&mut [0; 1]).await.unwrap(), 0);
        });
    }

    #[test]
    fn the_last_words_of_a_target_that_reads_no_more_arrive() {
        run(async {
            let (mut client, peer) = duplex(1024);
            let (to_target, heard_by_nobody) = duplex(64);
            let (mut says, from_target) = duplex(1024);
            drop(heard_by_nobody);
            let spliced = tokio::spawn(splice(split(peer), (from_target, to_target), GRACE));
            client.write_all(b"too much").await.unwrap();
            says.write_all(b"no more").await.unwrap();
            drop(says);
            let mut heard = String::new();
            client.read_to_string(&mut heard).await.unwrap();
            assert_eq!(heard, "no more");
            spliced.await.unwrap().unwrap();
        });
    }
}
