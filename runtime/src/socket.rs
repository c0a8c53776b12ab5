//! A byte stream of some ecosystem as the core's [`Transport`].

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ravelin_core::driver::Transport;
use ravelin_core::{Instant, Now};

use crate::clock;
use crate::runtime::{PollIo, Runtime};

/// A byte stream with the clock and the timer of its runtime.
pub struct Socket<IO, R: Runtime> {
    io: IO,
    alarm: Option<Alarm<R>>,
    closed: bool,
}

struct Alarm<R: Runtime> {
    at: Instant,
    sleep: R::Sleep,
}

impl<IO, R: Runtime> Socket<IO, R> {
    /// Puts a timer beside `io`.
    pub fn new(io: IO) -> Self {
        Self {
            io,
            alarm: None,
            closed: false,
        }
    }

    /// The byte stream.
    pub fn get_ref(&self) -> &IO {
        &self.io
    }

    /// The byte stream.
    pub fn get_mut(&mut self) -> &mut IO {
        &mut self.io
    }

    /// The byte stream alone.
    pub fn into_inner(self) -> IO {
        self.io
    }

    /// Forgets the timer; a deadline that still holds sets it again.
    pub(crate) fn disarm(&mut self) {
        self.alarm = None;
    }
}

impl<IO, R: Runtime + PollIo<IO>> Transport for Socket<IO, R> {
    type Error = io::Error;

    fn now(&self) -> Now {
        clock::now::<R>()
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        <R as PollIo<IO>>::poll_read(&mut self.io, cx, buf)
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        <R as PollIo<IO>>::poll_write(&mut self.io, cx, buf)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        <R as PollIo<IO>>::poll_flush(&mut self.io, cx)
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.closed {
            match ready!(<R as PollIo<IO>>::poll_close(&mut self.io, cx)) {
                // The peer is gone already.
                Err(error) if error.kind() == io::ErrorKind::NotConnected => {}
                outcome => outcome?,
            }
            self.closed = true;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_deadline(&mut self, cx: &mut Context<'_>, at: Instant) -> Poll<()> {
        loop {
            let now = self.now().instant;
            if at <= now {
                self.alarm = None;
                return Poll::Ready(());
            }
            // An alarm that rings too early is kept and set again when it rings: a deadline that moves on with every
            // byte costs one timer each time it would have passed, not one for each byte.
            self.alarm.take_if(|alarm| alarm.at > at);
            let alarm = self.alarm.get_or_insert_with(|| Alarm {
                at,
                sleep: R::sleep(at.saturating_since(now)),
            });
            ready!(Pin::new(&mut alarm.sleep).poll(cx));
            self.alarm = None;
        }
    }
}

impl<IO: fmt::Debug, R: Runtime> fmt::Debug for Socket<IO, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket")
            .field("io", &self.io)
            .field("closed", &self.closed)
            .finish_non_exhaustive()
    }
}
