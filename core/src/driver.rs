//! The loop over [`core::task`]: a [`Connection`] driven over any [`Transport`] with poll functions.
//!
//! A stream may be used by two tasks, one that reads and one that writes, and either may need the socket in both
//! directions. A socket remembers one waker for each direction, so the tasks must not register theirs: the second would
//! evict the first. The driver registers a waker of its own, which wakes whoever is parked.

use alloc::sync::Arc;
use alloc::task::Wake;
use core::fmt;
use core::task::{Context, Poll, Waker, ready};

use atomic_waker::AtomicWaker;

use crate::buffer::Storage;
use crate::connection::{Connection, Phase, Receive};
use crate::error::{Deadline, Error};
use crate::time::{Instant, Now};

/// What a driver needs: a byte stream, a clock and a timer.
pub trait Transport {
    /// Why the byte stream failed.
    type Error;

    /// The time. Monotonic in its `instant`.
    fn now(&self) -> Now;

    /// Reads into `buf`, which is not empty; 0 means that the stream ended.
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<Result<usize, Self::Error>>;

    /// Writes from `buf`, which is not empty.
    fn poll_write(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<Result<usize, Self::Error>>;

    /// Brings what was written on its way.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>>;

    /// Ends the writing direction. A stream whose peer is gone has ended.
    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>>;

    /// Ready once `at` has come. A later call may ask for another moment, which replaces this one.
    fn poll_deadline(&mut self, cx: &mut Context<'_>, at: Instant) -> Poll<()>;
}

/// A connection on its transport.
///
/// The reading functions may be polled by one task and the writing ones by another, one at a time. Dropping a future
/// that polls them loses nothing: every byte is either in the connection, or was taken by the caller.
pub struct Driver<T> {
    connection: Connection,
    transport: T,
    parked: Arc<Parked>,
    waker: Waker,
    /// Whether the transport may keep bytes back that nobody has flushed.
    unflushed: bool,
    #[cfg(feature = "fault-injection")]
    one_waker: bool,
}

/// Why a driver failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DriverError<E> {
    /// The connection failed. Its alert has been sent, if it had one and the transport took it.
    Connection(Error),
    /// The transport failed.
    Transport(E),
    /// The transport took none of the bytes and gave no reason.
    WriteZero,
}

type Outcome<T, E> = Poll<Result<T, DriverError<E>>>;

impl<T: Transport> Driver<T> {
    /// Puts a connection on a transport.
    pub fn new(connection: Connection, transport: T) -> Self {
        let parked = Arc::new(Parked::default());
        Self {
            connection,
            transport,
            waker: Waker::from(Arc::clone(&parked)),
            parked,
            unflushed: false,
            #[cfg(feature = "fault-injection")]
            one_waker: false,
        }
    }

    /// The connection.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The connection, to drain its events or to update its keys. What that adds to `transmit` leaves with the next
    /// poll.
    pub fn connection_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// The transport.
    pub fn transport(&self) -> &T {
        &self.transport
    }

    /// The transport. Reading from it or writing to it breaks the connection.
    pub fn transport_mut(&mut self) -> &mut T {
        &mut self.transport
    }

    /// Takes the two apart. The connection may hold bytes in both directions.
    pub fn into_parts(self) -> (Connection, T) {
        (self.connection, self.transport)
    }

    /// Brings the handshake to its end.
    pub fn poll_handshake(&mut self, cx: &mut Context<'_>) -> Outcome<(), T::Error> {
        self.poll(Half::Writer, cx, |driver, cx| {
            loop {
                let sent = driver.poll_deliver(cx)?;
                if let Some(error) = driver.connection.failure() {
                    return driver.poll_failure(cx, error);
                }
                if driver.connection.interest().phase != Phase::Handshaking {
                    // What could not be sent yet leaves with the next poll: a peer that does not read must not hold up
                    // a handshake whose deadline is over.
                    return Poll::Ready(Ok(()));
                }
                if driver.poll_receive(cx)?.is_ready() {
                    continue;
                }
                debug_assert!(sent.is_pending() || !driver.connection.interest().transmit);
                ready!(driver.poll_deadline(cx));
            }
        })
    }

    /// Moves plaintext into `out`, and returns how many bytes; 0 once the peer has sent close_notify.
    pub fn poll_read(&mut self, cx: &mut Context<'_>, out: &mut [u8]) -> Outcome<usize, T::Error> {
        self.poll(Half::Reader, cx, |driver, cx| {
            loop {
                match driver.connection.read(out, driver.transport.now()) {
                    Err(error) => return driver.poll_failure(cx, error),
                    Ok(0) if !out.is_empty() => {}
                    Ok(len) => return Poll::Ready(Ok(len)),
                }
                if driver.connection.interest().receive == Receive::No {
                    return Poll::Ready(Ok(0));
                }
                ready!(driver.poll_more(cx))?;
            }
        })
    }

    /// Waits for plaintext and returns what is there, to be taken with [`consume`](Self::consume); empty once the peer
    /// has sent close_notify.
    pub fn poll_plaintext(&mut self, cx: &mut Context<'_>) -> Outcome<&mut [u8], T::Error> {
        ready!(self.poll(Half::Reader, cx, |driver, cx| {
            loop {
                // A record that was left closed while plaintext waited is opened by taking nothing.
                if let Err(error) = driver.connection.consume(0, driver.transport.now()) {
                    return driver.poll_failure(cx, error);
                }
                let over = driver.connection.interest().receive == Receive::No;
                if over || !driver.connection.plaintext().is_empty() {
                    return Poll::Ready(Ok(()));
                }
                ready!(driver.poll_more(cx))?;
            }
        }))?;
        Poll::Ready(Ok(self.connection.plaintext()))
    }

    /// Takes `len` bytes of plaintext. An error in what follows them is shown by the next poll.
    pub fn consume(&mut self, len: usize) {
        let _ = self.connection.consume(len, self.transport.now());
    }

    /// Seals the bytes of `parts` as if they were one slice, and returns how many were accepted; 0 only when there are
    /// none. They are handed to the transport as far as it takes them now; the rest leaves with the next poll.
    pub fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        parts: &[&[u8]],
    ) -> Outcome<usize, T::Error> {
        self.poll(Half::Writer, cx, |driver, cx| {
            let nothing = parts.iter().all(|part| part.is_empty());
            loop {
                match driver.connection.send(parts, driver.transport.now()) {
                    Err(error) => return driver.poll_failure(cx, error),
                    Ok(0) if !nothing => {}
                    Ok(len) => {
                        // The bytes are accepted: should the transport fail now, the next call says so.
                        let _ = driver.poll_transmit(cx);
                        return Poll::Ready(Ok(len));
                    }
                }
                let before = driver.connection.transmit().len();
                let sent = driver.poll_deliver(cx)?;
                if driver.connection.transmit().len() < before {
                    continue;
                }
                let handshaking = driver.connection.interest().phase == Phase::Handshaking;
                if handshaking && driver.poll_receive(cx)?.is_ready() {
                    continue;
                }
                debug_assert!(handshaking || sent.is_pending());
                ready!(driver.poll_deadline(cx));
            }
        })
    }

    /// Hands everything accepted to the transport, and flushes it.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Outcome<(), T::Error> {
        self.poll(Half::Writer, cx, |driver, cx| {
            loop {
                if let Some(error) = driver.connection.failure() {
                    return driver.poll_failure(cx, error);
                }
                if driver.poll_deliver(cx)?.is_ready() {
                    return Poll::Ready(Ok(()));
                }
                ready!(driver.poll_deadline(cx));
            }
        })
    }

    /// Sends close_notify, and ends the writing direction of the transport. Reading goes on. Polling it again after it
    /// was ready does nothing.
    ///
    /// A connection that has failed is closed as far as that is possible; its error has been shown before.
    pub fn poll_close(&mut self, cx: &mut Context<'_>) -> Outcome<(), T::Error> {
        self.poll(Half::Writer, cx, |driver, cx| {
            let failed = driver.connection.close(driver.transport.now()).is_err();
            loop {
                match driver.poll_transmit(cx) {
                    Poll::Ready(Ok(())) => break,
                    Poll::Ready(Err(_)) if failed => break,
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => ready!(driver.poll_deadline(cx)),
                }
                if let Some(Error::Timeout(Deadline::Close)) = driver.connection.failure() {
                    return driver.poll_failure(cx, Error::Timeout(Deadline::Close));
                }
            }
            ready!(driver.transport.poll_close(cx)).map_err(DriverError::Transport)?;
            driver.unflushed = false;
            Poll::Ready(Ok(()))
        })
    }

    /// Puts a known bug back: the tasks' own wakers are registered with the transport, where each direction keeps only
    /// the last.
    #[cfg(feature = "fault-injection")]
    pub fn inject_one_waker(&mut self) {
        self.one_waker = true;
    }

    /// Parks the task of `half`, polls with the driver's own waker, and wakes the other half when something changed
    /// that it may be waiting for.
    fn poll<R>(
        &mut self,
        half: Half,
        cx: &mut Context<'_>,
        poll: impl FnOnce(&mut Self, &mut Context<'_>) -> Outcome<R, T::Error>,
    ) -> Outcome<R, T::Error> {
        #[cfg(feature = "fault-injection")]
        if self.one_waker {
            return poll(self, cx);
        }
        self.parked.of(half).register(cx.waker());
        let before = self.progress();
        let waker = self.waker.clone();
        let outcome = poll(self, &mut Context::from_waker(&waker));
        if self.progress() != before {
            self.parked.of(half.other()).wake();
        }
        outcome
    }

    /// What the other half may be waiting for: room for sealed bytes, a flush, the end of the handshake, a failure.
    fn progress(&self) -> (u64, bool, Phase) {
        (
            self.connection.counters().transmitted,
            self.unflushed,
            self.connection.interest().phase,
        )
    }

    /// For a reader without plaintext: whatever can bring some.
    fn poll_more(&mut self, cx: &mut Context<'_>) -> Outcome<(), T::Error> {
        // Tickets and alerts leave here when nobody writes. A transport that takes no more bytes may still bring some,
        // so its error is the writer's.
        let _ = self.poll_deliver(cx);
        if self.poll_receive(cx)?.is_ready() {
            return Poll::Ready(Ok(()));
        }
        self.poll_deadline(cx).map(Ok)
    }

    /// Ready once the transport has everything and keeps none of it back: whoever waits for an answer calls this, since
    /// the transport may be a buffer.
    fn poll_deliver(&mut self, cx: &mut Context<'_>) -> Outcome<(), T::Error> {
        ready!(self.poll_transmit(cx))?;
        if self.unflushed {
            ready!(self.transport.poll_flush(cx)).map_err(DriverError::Transport)?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Ready once nothing is left to transmit.
    fn poll_transmit(&mut self, cx: &mut Context<'_>) -> Outcome<(), T::Error> {
        while !self.connection.transmit().is_empty() {
            let taken = ready!(self.transport.poll_write(cx, self.connection.transmit()))
                .map_err(DriverError::Transport)?;
            if taken == 0 {
                return Poll::Ready(Err(DriverError::WriteZero));
            }
            self.unflushed = true;
            self.connection
                .handle_transmitted(taken, self.transport.now());
        }
        Poll::Ready(Ok(()))
    }

    /// Ready once something was received, or nothing more will be. An error of the connection is left for the caller to
    /// find.
    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Outcome<(), T::Error> {
        if let Receive::NeedsStorage(bytes) = self.connection.interest().receive {
            drop(self.connection.lend(Storage::with_capacity(bytes)));
        }
        let Some(buffer) = self.connection.receive_buffer() else {
            return Poll::Ready(Ok(()));
        };
        match self.transport.poll_read(cx, buffer) {
            Poll::Ready(Ok(len)) => {
                let now = self.transport.now();
                let _ = match len {
                    0 => self.connection.handle_eof(now),
                    len => self.connection.handle_received(len, now),
                };
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(DriverError::Transport(error))),
            Poll::Pending => {
                // An idle connection holds no buffer.
                drop(self.connection.take_storage());
                Poll::Pending
            }
        }
    }

    /// Ready once a deadline has passed and the connection knows.
    fn poll_deadline(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some((at, _)) = self.connection.interest().deadline else {
            return Poll::Pending;
        };
        ready!(self.transport.poll_deadline(cx, at));
        let _ = self.connection.handle_timeout(self.transport.now());
        Poll::Ready(())
    }

    /// Shows an error once its alert has left, or cannot leave.
    fn poll_failure<R>(&mut self, cx: &mut Context<'_>, error: Error) -> Outcome<R, T::Error> {
        while error.is_fatal() && self.poll_transmit(cx).is_pending() {
            ready!(self.poll_deadline(cx));
        }
        // What a transport then still keeps back leaves at once or when it is closed: no deadline covers it.
        let _ = self.poll_deliver(cx);
        Poll::Ready(Err(DriverError::Connection(error)))
    }
}

impl<T> fmt::Debug for Driver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver")
            .field("connection", &self.connection)
            .finish_non_exhaustive()
    }
}

impl<E: fmt::Display> fmt::Display for DriverError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connection(error) => error.fmt(f),
            Self::Transport(error) => error.fmt(f),
            Self::WriteZero => {
                f.write_str("the transport took no bytes and gave no reason; open a new connection")
            }
        }
    }
}

impl<E: fmt::Debug + fmt::Display> core::error::Error for DriverError<E> {}

/// The two tasks that may wait for one connection.
#[derive(Clone, Copy)]
enum Half {
    Reader,
    Writer,
}

impl Half {
    fn other(self) -> Self {
        match self {
            Self::Reader => Self::Writer,
            Self::Writer => Self::Reader,
        }
    }
}

#[derive(Default)]
struct Parked {
    reader: AtomicWaker,
    writer: AtomicWaker,
}

impl Parked {
    fn of(&self, half: Half) -> &AtomicWaker {
        match half {
            Half::Reader => &self.reader,
            Half::Writer => &self.writer,
        }
    }
}

impl Wake for Parked {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.reader.wake();
        self.writer.wake();
    }
}
