//! Accepting connections under limits.

mod permit;

use std::fmt;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use ravelin_core::ServerConfig;

use crate::connector::TlsAcceptor;
use crate::runtime::Runtime;
use crate::stream::Handshake;

use permit::Permits;
pub(crate) use permit::{HandshakeSlot, Permit};
pub use permit::{ListenerCounters, Monitor};

/// How many connections a [`Listener`] has at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections, from being accepted until the stream is dropped; 1,024 by default. More are closed at once.
    pub connections: usize,
    /// Connections of one IPv4 address, or of one IPv6 network of 64 bits, which is what one customer gets; 256 by
    /// default. More are closed at once.
    pub per_address: usize,
    /// Handshakes; 128 by default. More wait in the backlog of the operating system.
    pub handshakes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1024,
            per_address: 256,
            handshakes: 128,
        }
    }
}

/// Accepts TCP connections, and begins their handshakes.
///
/// [`accept`](Self::accept) gives a [`Handshake`] that the caller spawns, so one that stalls holds up nobody. It fails
/// by the configuration's deadline. The stream that it becomes counts against the [`Limits`] until it is dropped, both
/// halves of it.
pub struct Listener<R: Runtime> {
    socket: R::Listener,
    acceptor: TlsAcceptor<R>,
    permits: Permits,
    pause: Option<R::Sleep>,
    back_off: Duration,
}

/// After the first error; doubled with each further one up to the last.
const BACK_OFF: (Duration, Duration) = (Duration::from_millis(5), Duration::from_secs(1));

/// Connections that are closed in one go before other tasks get their turn.
const BUDGET: usize = 32;

impl<R: Runtime> Listener<R> {
    /// Listens on `address`.
    ///
    /// # Errors
    ///
    /// When the address cannot be bound.
    pub fn bind(address: impl Into<SocketAddr>, config: ServerConfig) -> io::Result<Self> {
        Self::from_std(TcpListener::bind(address.into())?, config)
    }

    /// Listens on a socket that is bound already, for example by a supervisor.
    ///
    /// # Errors
    ///
    /// When the runtime cannot watch it.
    pub fn from_std(socket: TcpListener, config: ServerConfig) -> io::Result<Self> {
        Ok(Self {
            socket: R::listen(socket)?,
            acceptor: TlsAcceptor::new(config),
            permits: Permits::new(Limits::default()),
            pause: None,
            back_off: BACK_OFF.0,
        })
    }

    /// Sets the limits. They hold for what is accepted from now on.
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        self.permits.set_limits(limits);
        self
    }

    /// Where it listens: with port 0, the port that the operating system chose.
    ///
    /// # Errors
    ///
    /// When the operating system does not say.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        R::local_addr(&self.socket)
    }

    /// What it has done so far.
    pub fn counters(&self) -> ListenerCounters {
        self.permits.counters()
    }

    /// Shows the counters elsewhere, also after the listener is gone.
    pub fn monitor(&self) -> Monitor {
        self.permits.monitor()
    }

    /// The next connection, as a handshake for the caller to spawn. Dropping the future loses no connection.
    ///
    /// It never fails. An error of the socket, such as too many open files, is counted; accepting goes on after a
    /// pause, which grows up to a second.
    pub fn accept(&mut self) -> Accept<'_, R> {
        Accept { listener: self }
    }

    /// As [`accept`](Self::accept), for streams of connections.
    pub fn poll_accept(&mut self, cx: &mut Context<'_>) -> Poll<Handshake<R::Stream, R>> {
        for _ in 0..BUDGET {
            if let Some(pause) = &mut self.pause {
                ready!(Pin::new(pause).poll(cx));
                self.pause = None;
            }
            ready!(self.permits.poll_room(cx));
            match ready!(R::poll_accept(&mut self.socket, cx)) {
                Ok((stream, from)) => {
                    self.back_off = BACK_OFF.0;
                    // One too many is closed by dropping it.
                    if let Some((permit, slot)) = self.permits.admit(from) {
                        let handshake = self.acceptor.accept(stream);
                        return Poll::Ready(handshake.admitted(permit, slot));
                    }
                }
                Err(error) => {
                    self.permits.count_accept_error(&error);
                    if !is_of_one_connection(&error) {
                        self.pause = Some(R::sleep(self.back_off));
                        self.back_off = (self.back_off * 2).min(BACK_OFF.1);
                    }
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Accepts until `stop` is ready, and then [drains](Self::drain) for at most `patience`. Each handshake is given to
    /// `spawn`, which has a task of its own bring it to its end and serve the stream. Returns how many connections were
    /// still open.
    pub async fn serve(
        mut self,
        stop: impl Future<Output = ()>,
        patience: Duration,
        mut spawn: impl FnMut(Handshake<R::Stream, R>),
    ) -> usize {
        let mut stop = pin!(stop);
        poll_fn(|cx| {
            for _ in 0..BUDGET {
                if stop.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(());
                }
                spawn(ready!(self.poll_accept(cx)));
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        self.drain(patience).await
    }

    /// Stops to accept, and waits until every connection is dropped, but at most for `patience`. Returns how many were
    /// still open.
    ///
    /// It closes nothing: whoever serves the connections is told otherwise that it is time.
    pub fn drain(self, patience: Duration) -> Drain<R> {
        Drain {
            permits: self.permits,
            patience: R::sleep(patience),
        }
    }
}

/// A connection that was given up before it was accepted says nothing about the next one.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::Interrupted
    )
}

impl<R: Runtime> fmt::Debug for Listener<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener")
            .field("counters", &self.permits.counters())
            .finish_non_exhaustive()
    }
}

/// The next connection: [`Listener::accept`].
#[must_use = "nothing is accepted unless polled"]
pub struct Accept<'a, R: Runtime> {
    listener: &'a mut Listener<R>,
}

impl<R: Runtime> Future for Accept<'_, R> {
    type Output = Handshake<R::Stream, R>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.get_mut().listener.poll_accept(cx)
    }
}

impl<R: Runtime> fmt::Debug for Accept<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accept").finish_non_exhaustive()
    }
}

/// The end of the connections: [`Listener::drain`].
#[must_use = "nothing waits unless polled"]
pub struct Drain<R: Runtime> {
    permits: Permits,
    patience: R::Sleep,
}

impl<R: Runtime> Future for Drain<R> {
    type Output = usize;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<usize> {
        let this = self.get_mut();
        let open = this.permits.register(cx);
        if open == 0 || Pin::new(&mut this.patience).poll(cx).is_ready() {
            return Poll::Ready(open);
        }
        Poll::Pending
    }
}

impl<R: Runtime> fmt::Debug for Drain<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drain")
            .field("counters", &self.permits.counters())
            .finish_non_exhaustive()
    }
}
