//! The processes of the demo: all of them this program, with another command.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::invocation::Invocation;
use super::stage::Stage;
use crate::failure::{Exit, Failure};

/// For anything that a child of this program does by itself.
const PATIENCE: Duration = Duration::from_secs(15);
/// Lines of stderr that are kept.
const KEPT: usize = 400;

/// How a process ended.
pub(super) struct Ended {
    /// `None` when it had to be killed.
    pub(super) exit: Option<i32>,
    pub(super) stderr: Vec<String>,
}

/// Runs a command to its end.
pub(super) async fn run(command: &Invocation, stage: &Stage) -> Result<Ended, Failure> {
    let mut process = Process::start(command, stage)?;
    drop(process.stdin.take());
    Ok(process.ended(PATIENCE).await)
}

/// A process with its pipes. It is killed when this is dropped.
pub(super) struct Process {
    child: Child,
    pub(super) stdin: Option<ChildStdin>,
    pub(super) stdout: Option<ChildStdout>,
    stderr: Log,
}

impl Process {
    pub(super) fn start(command: &Invocation, stage: &Stage) -> Result<Self, Failure> {
        let start = || {
            let program = std::env::current_exe()?;
            let mut child = Command::new(&program)
                .args(command.arguments(program.as_os_str(), stage))
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .kill_on_drop(true)
                .spawn()?;
            Ok(Self {
                stdin: child.stdin.take(),
                stdout: child.stdout.take(),
                stderr: Log::of(child.stderr.take()),
                child,
            })
        };
        start().map_err(|error: std::io::Error| {
            Failure::new(
                Exit::Io,
                "E-DEM-03",
                format!("cannot start this program again: {error}"),
                "allow it to be run, and free processes and file descriptors",
            )
        })
    }

    /// Waits until it ends by itself. Its stdin stays open, unless it was taken.
    pub(super) async fn ended(mut self, patience: Duration) -> Ended {
        let status = timeout(patience, self.child.wait()).await;
        let exit = match status {
            Ok(Ok(status)) => status.code(),
            Ok(Err(_)) | Err(_) => {
                // Fails when it has ended after all.
                let _ = self.child.start_kill();
                let _ = timeout(PATIENCE, self.child.wait()).await;
                None
            }
        };
        self.stderr.finished().await;
        Ended {
            exit,
            stderr: self.stderr.lines(),
        }
    }

    /// Asks it to end, where that can be asked.
    fn terminate(&mut self) {
        #[cfg(unix)]
        {
            use rustix::process::{Pid, Signal, kill_process};

            // Until it has been waited for, its number is no other's.
            let pid = self
                .child
                .id()
                .and_then(|id| Pid::from_raw(id.cast_signed()));
            let asked = pid.is_some_and(|pid| kill_process(pid, Signal::TERM).is_ok());
            if asked {
                return;
            }
        }
        // Fails when it has ended, which is what is wanted.
        let _ = self.child.start_kill();
    }
}

/// `ravelin proxy --json`.
pub(super) struct Proxy {
    process: Process,
}

impl Proxy {
    /// Waits until it listens. The inner error is how it ended instead.
    pub(super) async fn start(
        command: &Invocation,
        stage: &Stage,
    ) -> Result<Result<(Self, SocketAddr), Ended>, Failure> {
        let mut process = Process::start(command, stage)?;
        let address = match process.stdout.take() {
            Some(stdout) => {
                let mut line = String::new();
                let mut reader = BufReader::new(stdout);
                // Whatever it is, only the line that was promised counts.
                let _ = timeout(PATIENCE, reader.read_line(&mut line)).await;
                line.trim_end()
                    .strip_prefix("listening on ")
                    .and_then(|address| address.parse().ok())
            }
            None => None,
        };
        Ok(match address {
            Some(address) => Ok((Self { process }, address)),
            None => {
                process.terminate();
                Err(process.ended(PATIENCE).await)
            }
        })
    }

    /// A mark: events from here on.
    pub(super) fn mark(&self) -> usize {
        self.process.stderr.mark()
    }

    /// The first event since `mark` with this name.
    pub(super) async fn event(&self, mark: usize, name: &str) -> Option<Value> {
        let found = self.process.stderr.wait_for(mark, |line| {
            let event: Value = serde_json::from_str(line).ok()?;
            (event.get("event")? == name).then_some(event)
        });
        timeout(PATIENCE, found).await.ok().flatten()
    }

    /// The last lines since `mark`, for someone who wonders what went wrong.
    pub(super) fn log_since(&self, mark: usize) -> Vec<String> {
        self.process.stderr.since(mark)
    }

    /// Asks it to end and waits.
    pub(super) async fn stop(mut self) -> Ended {
        self.process.terminate();
        self.process.ended(PATIENCE).await
    }
}

/// What a process says on stderr, read as it comes so that it never waits for a reader.
#[derive(Clone)]
struct Log(Arc<Shared>);

#[derive(Default)]
struct Shared {
    said: Mutex<Said>,
    grown: Notify,
}

#[derive(Default)]
struct Said {
    lines: VecDeque<String>,
    /// Lines that were let go.
    dropped: usize,
    over: bool,
}

impl Log {
    fn of(stderr: Option<impl AsyncRead + Unpin + Send + 'static>) -> Self {
        let log = Self(Arc::default());
        let writer = log.clone();
        tokio::spawn(async move {
            if let Some(stderr) = stderr {
                let mut lines = BufReader::new(stderr).lines();
                while let Ok(Some(line)) = lines.next_line().await {
                    writer.change(|said| said.push(line));
                }
            }
            writer.change(|said| said.over = true);
        });
        log
    }

    fn change(&self, change: impl FnOnce(&mut Said)) {
        change(&mut self.0.said.lock().unwrap_or_else(PoisonError::into_inner));
        self.0.grown.notify_waiters();
    }

    fn look<R>(&self, look: impl FnOnce(&Said) -> R) -> R {
        look(&self.0.said.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn mark(&self) -> usize {
        self.look(|said| said.dropped + said.lines.len())
    }

    fn since(&self, mark: usize) -> Vec<String> {
        self.look(|said| {
            let skipped = mark.saturating_sub(said.dropped);
            said.lines.iter().skip(skipped).cloned().collect()
        })
    }

    fn lines(&self) -> Vec<String> {
        self.since(0)
    }

    /// Waits for a line since `mark` that `find` accepts; `None` when the process will say no more.
    async fn wait_for<T>(&self, mark: usize, find: impl Fn(&str) -> Option<T>) -> Option<T> {
        loop {
            let grown = self.0.grown.notified();
            tokio::pin!(grown);
            // Before looking: what is said meanwhile wakes it.
            grown.as_mut().enable();
            let over = self.look(|said| said.over);
            if let Some(found) = self.since(mark).iter().find_map(|line| find(line)) {
                return Some(found);
            }
            if over {
                return None;
            }
            grown.await;
        }
    }

    /// Waits until everything has been read; a process of its own making may hold the pipe longer than that.
    async fn finished(&self) {
        let _ = timeout(
            Duration::from_secs(1),
            self.wait_for(usize::MAX, |_| None::<()>),
        )
        .await;
    }
}

impl Said {
    fn push(&mut self, line: String) {
        if self.lines.len() == KEPT {
            self.lines.pop_front();
            self.dropped += 1;
        }
        self.lines.push_back(line);
    }
}
