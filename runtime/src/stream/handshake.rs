//! A handshake as a future.

use std::fmt;
use std::io;
use std::mem;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ravelin_core::driver::Transport as _;
use ravelin_core::{Connection, Error};

use super::Secured;
use crate::error::{from_core, from_driver, tls_error};
#[cfg(feature = "net")]
use crate::listener::{HandshakeSlot, Permit};
use crate::runtime::{PollIo, Runtime};

/// How long a peer that was refused may take to read why.
const LINGER: Duration = Duration::from_secs(1);

/// Bytes that such a peer may still send.
const LINGER_BYTES: usize = 64 * 1024;

/// Becomes a stream once the handshake is done. Its deadline is in the configuration; it holds only while this is
/// polled. Dropping it gives the connection up.
///
/// A peer that is refused is first given a second to read why, or less when it closes.
#[must_use = "a handshake does nothing unless polled"]
pub struct Handshake<IO, R: Runtime> {
    state: State<IO, R>,
    #[cfg(feature = "net")]
    slot: Option<HandshakeSlot>,
}

enum State<IO, R: Runtime> {
    Running(Box<Secured<IO, R>>),
    Lingering(Box<Lingering<IO, R>>),
    Failed(io::Error),
    Done,
}

struct Lingering<IO, R: Runtime> {
    stream: Secured<IO, R>,
    error: io::Error,
    patience: R::Sleep,
    discarded: usize,
}

impl<IO, R: Runtime + PollIo<IO>> Handshake<IO, R> {
    pub(crate) fn new(connection: Result<Connection, Error>, io: IO) -> Self {
        Self {
            state: match connection {
                Ok(connection) => State::Running(Box::new(Secured::new(connection, io))),
                Err(error) => State::Failed(from_core(error)),
            },
            #[cfg(feature = "net")]
            slot: None,
        }
    }

    /// The address that a `Listener` accepted it from; `None` when it came another way.
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        match &self.state {
            State::Running(stream) => stream.peer_addr(),
            State::Lingering(lingering) => lingering.stream.peer_addr(),
            State::Failed(_) | State::Done => None,
        }
    }

    #[cfg(feature = "net")]
    pub(crate) fn admitted(mut self, permit: Permit, slot: HandshakeSlot) -> Self {
        if let State::Running(stream) = &mut self.state {
            stream.permit = Some(permit);
        }
        self.slot = Some(slot);
        self
    }

    fn poll_established(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Secured<IO, R>>> {
        loop {
            match mem::replace(&mut self.state, State::Done) {
                State::Running(mut stream) => match stream.driver.poll_handshake(cx) {
                    Poll::Pending => {
                        self.state = State::Running(stream);
                        return Poll::Pending;
                    }
                    Poll::Ready(Ok(())) => {
                        stream.driver.transport_mut().disarm();
                        return Poll::Ready(Ok(*stream));
                    }
                    Poll::Ready(Err(error)) => {
                        self.state = Self::after(*stream, from_driver(error));
                    }
                },
                State::Lingering(mut lingering) => {
                    if lingering.poll_over(cx).is_pending() {
                        self.state = State::Lingering(lingering);
                        return Poll::Pending;
                    }
                    return Poll::Ready(Err(lingering.error));
                }
                State::Failed(error) => return Poll::Ready(Err(error)),
                State::Done => {
                    return Poll::Ready(Err(io::Error::other(
                        "the handshake is over; poll a future only until it is ready",
                    )));
                }
            }
        }
    }

    fn after(stream: Secured<IO, R>, error: io::Error) -> State<IO, R> {
        if !matches!(tls_error(&error), Some(Error::Peer(_))) {
            return State::Failed(error);
        }
        State::Lingering(Box::new(Lingering {
            stream,
            error,
            patience: R::sleep(LINGER),
            discarded: 0,
        }))
    }
}

impl<IO, R: Runtime + PollIo<IO>> Lingering<IO, R> {
    /// Ready once the peer has closed, or its time is over.
    ///
    /// A socket that is closed while bytes of the peer lie unread resets the connection, and the peer may then never
    /// read the alert that was sent before: it would see a network error in place of the reason.
    fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if Pin::new(&mut self.patience).poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let socket = self.stream.driver.transport_mut();
        if ready!(socket.poll_close(cx)).is_err() {
            return Poll::Ready(());
        }
        let mut scrap = [0; 4096];
        while self.discarded < LINGER_BYTES {
            match ready!(socket.poll_read(cx, &mut scrap)) {
                Ok(0) | Err(_) => break,
                Ok(len) => self.discarded += len,
            }
        }
        Poll::Ready(())
    }
}

impl<IO, R: Runtime + PollIo<IO>> Future for Handshake<IO, R> {
    type Output = io::Result<R::TlsStream<IO>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let outcome = ready!(this.poll_established(cx));
        #[cfg(feature = "net")]
        if let Some(slot) = this.slot.take() {
            slot.finish(outcome.is_ok());
        }
        Poll::Ready(outcome.map(R::TlsStream::from))
    }
}

impl<IO, R: Runtime> fmt::Debug for Handshake<IO, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handshake").finish_non_exhaustive()
    }
}
