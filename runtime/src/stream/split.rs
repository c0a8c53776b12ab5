//! Two halves of a stream, for two tasks.

use std::error::Error;
use std::fmt;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use ravelin_core::{Counters, Event, Peer};

use super::Secured;
use crate::runtime::{PollIo, Runtime};

/// The half that reads. The connection is open until both halves are dropped.
pub struct OwnedReadHalf<IO, R: Runtime>(Shared<IO, R>);

/// The half that writes. Dropping it sends nothing: close it first, so that the peer learns that nothing more comes.
pub struct OwnedWriteHalf<IO, R: Runtime>(Shared<IO, R>);

/// Each half locks while it polls, and never while it waits.
struct Shared<IO, R: Runtime>(Arc<Mutex<Secured<IO, R>>>);

pub(super) fn split<IO, R: Runtime>(
    stream: Secured<IO, R>,
) -> (OwnedReadHalf<IO, R>, OwnedWriteHalf<IO, R>) {
    let shared = Arc::new(Mutex::new(stream));
    (
        OwnedReadHalf(Shared(Arc::clone(&shared))),
        OwnedWriteHalf(Shared(shared)),
    )
}

impl<IO, R: Runtime + PollIo<IO>> OwnedReadHalf<IO, R> {
    /// See [`Secured::poll_read`].
    ///
    /// # Errors
    ///
    /// The same.
    pub fn poll_read(&mut self, cx: &mut Context<'_>, out: &mut [u8]) -> Poll<io::Result<usize>> {
        self.0.lock().poll_read(cx, out)
    }

    /// Who the peer is. `None` only after a failure.
    pub fn peer(&self) -> Option<Peer> {
        self.0.lock().peer().cloned()
    }

    /// See [`Secured::peer_addr`].
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.0.lock().peer_addr()
    }

    /// What the connection has done so far, in both directions.
    pub fn counters(&self) -> Counters {
        self.0.lock().counters()
    }

    /// The next event of the connection, oldest first.
    pub fn next_event(&mut self) -> Option<Event> {
        self.0.lock().events().next()
    }

    /// Puts the halves together again.
    ///
    /// # Errors
    ///
    /// When `write` is the half of another stream; both are given back.
    pub fn reunite(
        self,
        write: OwnedWriteHalf<IO, R>,
    ) -> Result<Secured<IO, R>, ReuniteError<Self, OwnedWriteHalf<IO, R>>> {
        if !Arc::ptr_eq(&self.0.0, &write.0.0) {
            return Err(ReuniteError(self, write));
        }
        drop(write);
        match Arc::try_unwrap(self.0.0) {
            Ok(stream) => Ok(stream.into_inner().unwrap_or_else(PoisonError::into_inner)),
            Err(shared) => Err(ReuniteError(
                Self(Shared(Arc::clone(&shared))),
                OwnedWriteHalf(Shared(shared)),
            )),
        }
    }
}

impl<IO, R: Runtime + PollIo<IO>> OwnedWriteHalf<IO, R> {
    /// See [`Secured::poll_write`].
    ///
    /// # Errors
    ///
    /// The same.
    pub fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.0.lock().poll_write(cx, bytes)
    }

    /// See [`Secured::poll_write_vectored`].
    ///
    /// # Errors
    ///
    /// The same.
    pub fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.0.lock().poll_write_vectored(cx, slices)
    }

    /// See [`Secured::poll_flush`].
    ///
    /// # Errors
    ///
    /// The same.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.lock().poll_flush(cx)
    }

    /// See [`Secured::poll_close`].
    ///
    /// # Errors
    ///
    /// The same.
    pub fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.lock().poll_close(cx)
    }

    /// See [`Secured::update_keys`].
    ///
    /// # Errors
    ///
    /// The same.
    pub fn update_keys(&mut self) -> io::Result<()> {
        self.0.lock().update_keys()
    }
}

impl<IO, R: Runtime> Shared<IO, R> {
    fn lock(&self) -> MutexGuard<'_, Secured<IO, R>> {
        // A panic of the other half, in the byte stream below it, is no reason for one here.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<IO, R: Runtime> fmt::Debug for OwnedReadHalf<IO, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedReadHalf").finish_non_exhaustive()
    }
}

impl<IO, R: Runtime> fmt::Debug for OwnedWriteHalf<IO, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnedWriteHalf").finish_non_exhaustive()
    }
}

/// Two halves that do not belong together.
pub struct ReuniteError<Read, Write>(pub Read, pub Write);

impl<Read, Write> fmt::Display for ReuniteError<Read, Write> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the halves are of two streams; reunite those of one")
    }
}

impl<Read, Write> fmt::Debug for ReuniteError<Read, Write> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReuniteError").finish_non_exhaustive()
    }
}

impl<Read, Write> Error for ReuniteError<Read, Write> {}
