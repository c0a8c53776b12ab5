//! A command as the target: one process for each connection.

use std::ffi::OsString;
use std::io;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use super::journal::{Event, Journal};
use crate::splice::{Broken, Fault, Progress, copy};

/// How long output may still come once the process is gone: a process of its own making may hold the pipe.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Bytes of one line on stderr; a longer one is divided.
const LINE: usize = 4096;

/// A running process and its pipes. Dropping it kills the process, with those of its group.
pub(super) struct Process {
    running: Running,
    stdin: ChildStdin,
    stdout: ChildStdout,
    stderr: ChildStderr,
}

impl Process {
    pub(super) fn start(command: &[OsString]) -> io::Result<Self> {
        let (program, arguments) = command
            .split_first()
            .ok_or_else(|| io::Error::other("no command"))?;
        let mut command = Command::new(program);
        command
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        // A group of its own: Ctrl-C on the terminal is for the proxy, which drains, and not for the commands that its
        // open connections need.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn()?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let running = Running(child);
        let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err(io::Error::other("no pipes to the command"));
        };
        Ok(Self {
            running,
            stdin,
            stdout,
            stderr,
        })
    }

    /// Connects its stdin and stdout with the peer, and ends it with the connection: first its stdin, then, once
    /// nothing moved for `grace`, with SIGTERM, and as long after that with SIGKILL.
    ///
    /// A process that ends closes the connection in order, once its output has been delivered.
    pub(super) async fn serve(
        self,
        peer: (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
        grace: Duration,
        journal: &Journal,
        connection: u64,
    ) -> Result<(), Broken> {
        let Self {
            mut running,
            stdin,
            stdout,
            stderr,
        } = self;
        let mut labelling = tokio::spawn(label(stderr, journal.clone(), connection));
        let (status, outcome) = converse(&mut running, stdin, stdout, peer, grace).await;
        // A process of its making may hold the pipe for ever.
        if timeout(LAST_WORDS, &mut labelling).await.is_err() {
            labelling.abort();
        }
        journal.write(&Event::ChildEnded {
            connection,
            status: status.map_or_else(|error| error.to_string(), |status| status.to_string()),
        });
        outcome
    }
}

async fn converse(
    process: &mut Running,
    stdin: ChildStdin,
    stdout: ChildStdout,
    mut peer: (impl AsyncRead + Unpin, impl AsyncWrite + Unpin),
    grace: Duration,
) -> (io::Result<ExitStatus>, Result<(), Broken>) {
    // Only what the process says keeps it alive once its stdin has ended.
    let said = Progress::default();
    let mut delivering = Box::pin(copy(stdout, &mut peer.1, &said));
    let ended = tokio::select! {
        fed = feed(&mut peer.0, stdin) => match fed {
            Ok(()) => None,
            Err(error) => Some(Err(Broken::Peer(error))),
        },
        delivered = &mut delivering => Some(delivery(delivered)),
        _ = process.ended() => None,
    };
    // By now stdin is closed, whoever ended.
    if let Some(outcome) = ended {
        // Nobody is left to hear what the process says: it shall notice.
        drop(delivering);
        return (process.end(grace, &Progress::default()).await, outcome);
    }
    let status = {
        let mut ending = pin!(process.end(grace, &said));
        tokio::select! {
            status = &mut ending => status,
            delivered = &mut delivering => return (ending.await, delivery(delivered)),
        }
    };
    if let Some(delivered) = said.while_moving(LAST_WORDS, delivering.as_mut()).await {
        return (status, delivery(delivered));
    }
    // A peer that is slow gets its time; a process of that one's making, which holds the pipe, does not.
    if said.is_writing()
        && let Some(delivered) = said.while_moving(grace, delivering.as_mut()).await
    {
        return (status, delivery(delivered));
    }
    if said.is_writing() {
        return (status, Err(Broken::Silent));
    }
    drop(delivering);
    (status, peer.1.shutdown().await.map_err(Broken::Peer))
}

/// Gives the process what the peer sends. A process that reads no more may still answer, so only the peer ends this.
async fn feed(peer: &mut (impl AsyncRead + Unpin), stdin: ChildStdin) -> io::Result<()> {
    match copy(&mut *peer, stdin, &Progress::default()).await {
        Ok(()) => Ok(()),
        Err(Fault::Read(error)) => Err(error),
        Err(Fault::Write(_)) => tokio::io::copy(peer, &mut tokio::io::sink())
            .await
            .map(drop),
    }
}

fn delivery(delivered: Result<(), Fault>) -> Result<(), Broken> {
    delivered.map_err(|fault| match fault {
        Fault::Read(error) => Broken::Target(error),
        Fault::Write(error) => Broken::Peer(error),
    })
}

/// Kills when it is dropped.
struct Running(Child);

impl Running {
    async fn ended(&mut self) -> io::Result<ExitStatus> {
        self.0.wait().await
    }

    /// Waits for a process whose stdin is closed, and makes sure that it ends.
    async fn end(&mut self, grace: Duration, progress: &Progress) -> io::Result<ExitStatus> {
        if let Some(status) = progress.while_moving(grace, pin!(self.ended())).await {
            return status;
        }
        if self.terminate()
            && let Ok(status) = timeout(grace, self.ended()).await
        {
            return status;
        }
        self.kill();
        self.ended().await
    }

    /// Sends SIGTERM to the process and to those that it started, where there are signals.
    #[cfg(unix)]
    fn terminate(&self) -> bool {
        self.signal(rustix::process::Signal::TERM)
    }

    #[cfg(not(unix))]
    fn terminate(&self) -> bool {
        false
    }

    fn kill(&mut self) {
        #[cfg(unix)]
        self.signal(rustix::process::Signal::KILL);
        // Fails when it has ended, which is what is wanted.
        let _ = self.0.start_kill();
    }

    /// Its number cannot be another's: until it has been waited for, `id` gives it, and the system keeps it.
    #[cfg(unix)]
    fn signal(&self, signal: rustix::process::Signal) -> bool {
        self.0
            .id()
            .and_then(|id| rustix::process::Pid::from_raw(id.cast_signed()))
            .is_some_and(|group| rustix::process::kill_process_group(group, signal).is_ok())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Copies stderr to the journal, line by line.
async fn label(mut stderr: impl AsyncRead + Unpin, journal: Journal, connection: u64) {
    let mut lines = Lines::default();
    let mut buffer = vec![0; LINE];
    while let Ok(len @ 1..) = stderr.read(&mut buffer).await {
        for line in lines.push(buffer.get(..len).unwrap_or_default()) {
            journal.write(&Event::Stderr { connection, line });
        }
    }
    if let Some(line) = lines.rest() {
        journal.write(&Event::Stderr { connection, line });
    }
}

/// Bytes put together to lines of at most `LINE` bytes.
#[derive(Default)]
struct Lines(Vec<u8>);

impl Lines {
    fn push(&mut self, bytes: &[u8]) -> Vec<String> {
        let mut lines = Vec::new();
        for &byte in bytes {
            if byte == b'\n' {
                lines.push(self.take());
                continue;
            }
            if self.0.len() == LINE {
                lines.push(self.take());
            }
            self.0.push(byte);
        }
        lines
    }

    fn rest(&mut self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.take())
    }

    fn take(&mut self) -> String {
        let line = std::mem::take(&mut self.0);
        let line = line.strip_suffix(b"\r").unwrap_or(&line);
        String::from_utf8_lossy(line).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn all_that_a_process_said_reaches_a_slow_peer_after_its_end() {
        let script = "head -c 50000 /dev/zero";
        let (outcome, heard) = serve_slowly(script, Duration::from_secs(5), Some(LAST_WORDS * 2));
        assert_eq!((outcome.is_ok(), heard), (true, 50_000), "{outcome:?}");
    }

    #[test]
    #[cfg(unix)]
    fn a_process_that_left_its_pipe_to_another_is_over() {
        let script = "echo first; sleep 10 & exit";
        let (outcome, heard) = serve_slowly(script, Duration::from_secs(5), Some(Duration::ZERO));
        assert_eq!(
            (outcome.is_ok(), heard),
            (true, "first\n".len()),
            "{outcome:?}"
        );
    }

    #[test]
    #[cfg(unix)]
    fn a_peer_that_reads_nothing_any_more_is_cut_off() {
        let script = "head -c 50000 /dev/zero";
        let grace = Duration::from_millis(100);
        let (outcome, heard) = serve_slowly(script, grace, None);
        assert!(matches!(outcome, Err(Broken::Silent)), "{outcome:?}");
        assert!(heard < 50_000);
    }

    /// The outcome, and how many bytes a peer got that began to read after `delay`, or when all was over.
    #[cfg(unix)]
    fn serve_slowly(
        script: &str,
        grace: Duration,
        delay: Option<Duration>,
    ) -> (Result<(), Broken>, usize) {
        let command = ["sh", "-c", script].map(OsString::from);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let serving = async {
            let (mut client, peer) = tokio::io::duplex(64);
            let process = Process::start(&command).unwrap();
            let serving = tokio::spawn(async move {
                let journal = Journal::start(false);
                let peer = tokio::io::split(peer);
                process.serve(peer, grace, &journal, 1).await
            });
            let mut heard = Vec::new();
            match delay {
                Some(delay) => {
                    tokio::time::sleep(delay).await;
                    client.read_to_end(&mut heard).await.unwrap();
                    (serving.await.unwrap(), heard.len())
                }
                None => {
                    let outcome = serving.await.unwrap();
                    client.read_to_end(&mut heard).await.unwrap();
                    (outcome, heard.len())
                }
            }
        };
        runtime
            .block_on(async { timeout(Duration::from_secs(20), serving).await })
            .unwrap()
    }

    #[test]
    fn lines_are_put_together_and_never_longer_than_the_limit() {
        let mut lines = Lines::default();
        assert_eq!(lines.push(b"on"), [""; 0]);
        assert_eq!(lines.push(b"e\r\n\ntw"), ["one", ""]);
        assert_eq!(lines.rest().as_deref(), Some("tw"));
        assert_eq!(lines.rest(), None);
        let long = lines.push(&vec![b'a'; 3 * LINE]);
        assert_eq!(long.iter().map(String::len).collect::<Vec<_>>(), [LINE; 2]);
        assert_eq!(
            lines.push(b"\n\xff\n").last().map(String::as_str),
            Some("\u{fffd}")
        );
    }
}
