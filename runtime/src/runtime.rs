//! What differs between executors.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::stream::Secured;

/// Sockets and timers of an ecosystem. The type that implements it is a name and holds nothing.
///
/// Nothing here spawns: every future is polled by the caller's task.
pub trait Runtime: PollIo<<Self as Runtime>::Stream> + Send + Sync + Sized + 'static {
    /// A TCP connection.
    type Stream: Send + Unpin + 'static;
    /// What a secured `IO` is to users of this ecosystem: [`Secured`], unless its traits are of another crate and
    /// cannot be implemented here.
    type TlsStream<IO>: From<Secured<IO, Self>>;
    /// A socket that accepts TCP connections.
    type Listener: Send + Unpin + 'static;
    /// Ready once its time has come.
    type Sleep: Future<Output = ()> + Send + Unpin + 'static;
    /// A TCP connection in the making.
    type Connect: Future<Output = io::Result<Self::Stream>> + Send + Unpin + 'static;
    /// The addresses of a host, once they are known.
    type Resolve: Future<Output = io::Result<Vec<SocketAddr>>> + Send + Unpin + 'static;

    /// The monotonic clock that [`sleep`](Self::sleep) goes by.
    fn instant() -> Instant {
        Instant::now()
    }

    /// Begins to sleep now.
    fn sleep(duration: Duration) -> Self::Sleep;

    /// Asks the operating system for the addresses of `host`.
    fn resolve(host: &str, port: u16) -> Self::Resolve;

    /// Connects to `address`, with TCP_NODELAY: a record that is ready leaves at once.
    fn connect(address: SocketAddr) -> Self::Connect;

    /// Takes over a bound socket.
    ///
    /// # Errors
    ///
    /// When the socket cannot be made non-blocking, or the runtime cannot watch it.
    fn listen(socket: TcpListener) -> io::Result<Self::Listener>;

    /// Where `listener` listens.
    ///
    /// # Errors
    ///
    /// When the operating system does not say.
    fn local_addr(listener: &Self::Listener) -> io::Result<SocketAddr>;

    /// Accepts a connection, with TCP_NODELAY.
    fn poll_accept(
        listener: &mut Self::Listener,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<(Self::Stream, SocketAddr)>>;
}

/// How a [`Runtime`] moves bytes through a `T`: any byte stream of its ecosystem.
pub trait PollIo<T>: 'static {
    /// Reads into `buf`, which is not empty; 0 means that the stream ended.
    fn poll_read(io: &mut T, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>>;

    /// Writes from `buf`, which is not empty.
    fn poll_write(io: &mut T, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>>;

    /// Brings what was written on its way.
    fn poll_flush(io: &mut T, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Ends the writing direction.
    fn poll_close(io: &mut T, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
}
