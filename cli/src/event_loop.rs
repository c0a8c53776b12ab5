//! Tokio's event loop, as commands start it.

use std::io;

use tokio::runtime::{Builder, Runtime};

use crate::failure::{Exit, Failure};

/// For a command with one connection.
pub(crate) fn of_one_thread() -> Result<Runtime, Failure> {
    started(|| Builder::new_current_thread().enable_all().build())
}

/// For a command with many: a thread for each processor.
pub(crate) fn of_many_threads() -> Result<Runtime, Failure> {
    started(|| Builder::new_multi_thread().enable_all().build())
}

fn started(build: impl FnOnce() -> io::Result<Runtime>) -> Result<Runtime, Failure> {
    descriptors_left().and_then(|()| build()).map_err(|error| {
        Failure::new(
            Exit::Io,
            "E-CLI-02",
            format!("cannot start the event loop: {error}"),
            "free file descriptors or raise their limit",
        )
    })
}

/// Tokio panics where it finds no descriptors for its signals: whether there are enough is asked before.
#[cfg(unix)]
fn descriptors_left() -> io::Result<()> {
    use std::os::unix::net::UnixStream;

    /// Twice as many as the event loop takes at first.
    const PAIRS: usize = 5;
    (0..PAIRS)
        .map(|_| UnixStream::pair())
        .collect::<io::Result<Vec<_>>>()
        .map(drop)
}

#[cfg(not(unix))]
fn descriptors_left() -> io::Result<()> {
    Ok(())
}
