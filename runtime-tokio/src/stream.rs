//! The stream, with tokio's traits.

mod split;

use std::io::{self, IoSlice};
use std::ops::{Deref, DerefMut};
#[cfg(unix)]
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use ravelin_runtime::Secured;
use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};

use crate::Tokio;

pub use split::{OwnedReadHalf, OwnedWriteHalf};

/// A TLS connection over `IO`, any byte stream of tokio's, with the same traits. What it knows of the peer, its
/// counters and its events are functions of [`Secured`].
///
/// Shutting it down sends close_notify and ends the writing direction; reading goes on until the peer closes too.
/// Reading gives `Ok(0)` after the peer's close_notify, and `UnexpectedEof` when the byte stream ended without one.
/// Dropping it sends nothing. Dropping a future that reads or writes loses no byte.
#[derive(Debug)]
pub struct TlsStream<IO>(Secured<IO, Tokio>);

impl<IO: AsyncRead + AsyncWrite + Unpin> TlsStream<IO> {
    /// The byte stream below, and the plaintext that had arrived and was not read. Nothing is sent; see
    /// [`Secured::into_inner`].
    pub fn into_inner(self) -> (IO, Vec<u8>) {
        self.0.into_inner()
    }

    /// Divides it, so that one task can read while another writes.
    pub fn into_split(self) -> (OwnedReadHalf<IO>, OwnedWriteHalf<IO>) {
        let (read, write) = self.0.into_split();
        (OwnedReadHalf(read), OwnedWriteHalf(write))
    }
}

impl<IO> From<Secured<IO, Tokio>> for TlsStream<IO> {
    fn from(stream: Secured<IO, Tokio>) -> Self {
        Self(stream)
    }
}

impl<IO> Deref for TlsStream<IO> {
    type Target = Secured<IO, Tokio>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<IO> DerefMut for TlsStream<IO> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncRead for TlsStream<IO> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        read_into(buf, |out| this.0.poll_read(cx, out))
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncBufRead for TlsStream<IO> {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        self.get_mut().0.poll_plaintext(cx).map_ok(|bytes| &*bytes)
    }

    fn consume(self: Pin<&mut Self>, amt: usize) {
        self.get_mut().0.consume(amt);
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncWrite for TlsStream<IO> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().0.poll_write(cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().0.poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().0.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().0.poll_close(cx)
    }
}

#[cfg(unix)]
impl<IO: AsyncRead + AsyncWrite + Unpin + AsFd> AsFd for TlsStream<IO> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(unix)]
impl<IO: AsyncRead + AsyncWrite + Unpin + AsRawFd> AsRawFd for TlsStream<IO> {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// Has `read` fill what is left of `buf`. Memory must be initialised for it, so it is offered one record's worth and
/// not whatever the caller has.
fn read_into(
    buf: &mut ReadBuf<'_>,
    read: impl FnOnce(&mut [u8]) -> Poll<io::Result<usize>>,
) -> Poll<io::Result<()>> {
    let room = buf.remaining().min(16_384);
    let len = ready!(read(buf.initialize_unfilled_to(room)))?;
    buf.advance(len);
    Poll::Ready(Ok(()))
}
