//! Tokio's sockets and timers.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use ravelin_runtime::{PollIo, Runtime};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio::time::Sleep;

use crate::TlsStream;

/// Tokio, as a [`Runtime`]. Its functions are called within a tokio runtime that has I/O and time enabled.
#[derive(Clone, Copy, Debug)]
pub struct Tokio;

type BoxFuture<T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send>>;

impl Runtime for Tokio {
    type Stream = TcpStream;
    type TlsStream<IO> = TlsStream<IO>;
    type Listener = TcpListener;
    type Sleep = Pin<Box<Sleep>>;
    type Connect = BoxFuture<TcpStream>;
    type Resolve = BoxFuture<Vec<SocketAddr>>;

    fn instant() -> Instant {
        // Stands still where tokio's clock is paused, as the timers do.
        tokio::time::Instant::now().into_std()
    }

    fn sleep(duration: Duration) -> Self::Sleep {
        Box::pin(tokio::time::sleep(duration))
    }

    fn resolve(host: &str, port: u16) -> Self::Resolve {
        let host = host.to_owned();
        Box::pin(async move { Ok(lookup_host((host, port)).await?.collect()) })
    }

    fn connect(address: SocketAddr) -> Self::Connect {
        Box::pin(async move {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(stream)
        })
    }

    fn listen(socket: std::net::TcpListener) -> io::Result<TcpListener> {
        socket.set_nonblocking(true)?;
        TcpListener::from_std(socket)
    }

    fn local_addr(listener: &TcpListener) -> io::Result<SocketAddr> {
        listener.local_addr()
    }

    fn poll_accept(
        listener: &mut TcpListener,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        let (stream, from) = ready!(listener.poll_accept(cx))?;
        // Fails when the peer is gone already, which the handshake finds out.
        let _ = stream.set_nodelay(true);
        Poll::Ready(Ok((stream, from)))
    }
}

impl<T: AsyncRead + AsyncWrite + Unpin> PollIo<T> for Tokio {
    fn poll_read(io: &mut T, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buf = ReadBuf::new(buf);
        ready!(Pin::new(io).poll_read(cx, &mut buf))?;
        Poll::Ready(Ok(buf.filled().len()))
    }

    fn poll_write(io: &mut T, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(io).poll_write(cx, buf)
    }

    fn poll_flush(io: &mut T, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(io).poll_flush(cx)
    }

    fn poll_close(io: &mut T, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(io).poll_shutdown(cx)
    }
}
