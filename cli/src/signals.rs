//! The signals that ask a program to end.

use std::io;

use crate::failure::{Exit, Failure};

/// SIGTERM and SIGINT, caught from here on; Ctrl-C where there are no signals.
pub(crate) struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
}

impl Signals {
    /// Must be called within the event loop.
    pub(crate) fn catch() -> Result<Self, Failure> {
        Self::install().map_err(|error| {
            Failure::new(
                Exit::Io,
                "E-CLI-07",
                format!("cannot catch signals: {error}"),
                "free file descriptors or raise their limit",
            )
        })
    }

    #[cfg(unix)]
    fn install() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    #[cfg(not(unix))]
    fn install() -> io::Result<Self> {
        Ok(Self {})
    }

    /// Waits for the next one. Dropping the future loses none.
    #[cfg(unix)]
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }

    #[cfg(not(unix))]
    pub(crate) async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
