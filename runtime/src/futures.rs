//! The traits of futures-io, on both sides of a stream.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_io::{AsyncBufRead, AsyncRead, AsyncWrite};

use crate::runtime::{PollIo, Runtime};
use crate::stream::{OwnedReadHalf, OwnedWriteHalf, Secured};

/// A [`Runtime`] whose byte streams are those of futures-io.
pub trait FuturesIo: 'static {}

impl<R: FuturesIo, T: AsyncRead + AsyncWrite + Unpin> PollIo<T> for R {
    fn poll_read(io: &mut T, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(io).poll_read(cx, buf)
    }

    fn poll_write(io: &mut T, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(io).poll_write(cx, buf)
    }

    fn poll_flush(io: &mut T, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(io).poll_flush(cx)
    }

    fn poll_close(io: &mut T, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(io).poll_close(cx)
    }
}

impl<IO, R> AsyncRead for Secured<IO, R>
where
    IO: AsyncRead + AsyncWrite + Unpin,
    R: Runtime + FuturesIo,
{
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Self::poll_read(self.get_mut(), cx, buf)
    }
}

impl<IO, R> AsyncBufRead for Secured<IO, R>
where
    IO: AsyncRead + AsyncWrite + Unpin,
    R: Runtime + FuturesIo,
{
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        self.get_mut().poll_plaintext(cx).map_ok(|bytes| &*bytes)
    }

    fn consume(self: Pin<&mut Self>, amt: usize) {
        Self::consume(self.get_mut(), amt);
    }
}

impl<IO, R> AsyncWrite for Secured<IO, R>
where
    IO: AsyncRead + AsyncWrite + Unpin,
    R: Runtime + FuturesIo,
{
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Self::poll_write(self.get_mut(), cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Self::poll_write_vectored(self.get_mut(), cx, bufs)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Self::poll_flush(self.get_mut(), cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Self::poll_close(self.get_mut(), cx)
    }
}

impl<IO, R> AsyncRead for OwnedReadHalf<IO, R>
where
    IO: AsyncRead + AsyncWrite + Unpin,
    R: Runtime + FuturesIo,
{
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        Self::poll_read(self.get_mut(), cx, buf)
    }
}

impl<IO, R> AsyncWrite for OwnedWriteHalf<IO, R>
where
    IO: AsyncRead + AsyncWrite + Unpin,
    R: Runtime + FuturesIo,
{
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Self::poll_write(self.get_mut(), cx, buf)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Self::poll_write_vectored(self.get_mut(), cx, bufs)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Self::poll_flush(self.get_mut(), cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Self::poll_close(self.get_mut(), cx)
    }
}
