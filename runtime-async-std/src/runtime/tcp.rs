//! What async-std's sockets lack: a listener that can be polled, and a stream that ends its writing direction.

use std::fmt;
use std::io::{self, IoSlice};
use std::net::{Shutdown, SocketAddr};
use std::ops::Deref;
#[cfg(unix)]
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use async_std::net;
use futures_io::{AsyncRead, AsyncWrite};

use super::BoxFuture;

/// A TCP connection whose `poll_close` ends the writing direction; that of async-std's own stream only flushes, and the
/// peer would wait for an end of the stream that never comes.
#[derive(Clone, Debug)]
pub struct TcpStream(net::TcpStream);

impl TcpStream {
    /// The stream of async-std.
    pub fn into_inner(self) -> net::TcpStream {
        self.0
    }
}

impl From<net::TcpStream> for TcpStream {
    fn from(stream: net::TcpStream) -> Self {
        Self(stream)
    }
}

impl Deref for TcpStream {
    type Target = net::TcpStream;

    fn deref(&self) -> &net::TcpStream {
        &self.0
    }
}

#[cfg(unix)]
impl AsFd for TcpStream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(unix)]
impl AsRawFd for TcpStream {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

impl AsyncRead for TcpStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for TcpStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, bufs)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.0.shutdown(Shutdown::Write))
    }
}

/// A socket that accepts TCP connections, and the connection it is waiting for.
pub struct TcpListener {
    socket: Arc<net::TcpListener>,
    next: Option<BoxFuture<io::Result<(net::TcpStream, SocketAddr)>>>,
}

impl TcpListener {
    pub(super) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    pub(super) fn poll_accept(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        let socket = &self.socket;
        let next = self.next.get_or_insert_with(|| {
            let socket = Arc::clone(socket);
            Box::pin(async move { socket.accept().await })
        });
        let accepted = ready!(next.as_mut().poll(cx));
        self.next = None;
        let (stream, from) = accepted?;
        // Fails when the peer is gone already, which the handshake finds out.
        let _ = stream.set_nodelay(true);
        Poll::Ready(Ok((stream.into(), from)))
    }
}

impl From<net::TcpListener> for TcpListener {
    fn from(socket: net::TcpListener) -> Self {
        Self {
            socket: Arc::new(socket),
            next: None,
        }
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpListener")
            .field("socket", &self.socket)
            .finish_non_exhaustive()
    }
}
