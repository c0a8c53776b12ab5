//! The halves, with tokio's traits.

use std::io::{self, IoSlice};
use std::ops::{Deref, DerefMut};
use std::pin::Pin;
use std::task::{Context, Poll};

use ravelin_runtime::ReuniteError;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{TlsStream, read_into};
use crate::Tokio;

/// The half of a [`TlsStream`] that reads. The connection is open until both halves are dropped.
#[derive(Debug)]
pub struct OwnedReadHalf<IO>(pub(super) ravelin_runtime::OwnedReadHalf<IO, Tokio>);

/// The half of a [`TlsStream`] that writes. Dropping it sends nothing: shut it down first, so that the peer learns that
/// nothing more comes.
#[derive(Debug)]
pub struct OwnedWriteHalf<IO>(pub(super) ravelin_runtime::OwnedWriteHalf<IO, Tokio>);

impl<IO: AsyncRead + AsyncWrite + Unpin> OwnedReadHalf<IO> {
    /// Puts the halves together again.
    ///
    /// # Errors
    ///
    /// When `write` is the half of another stream; both are given back.
    pub fn reunite(
        self,
        write: OwnedWriteHalf<IO>,
    ) -> Result<TlsStream<IO>, ReuniteError<Self, OwnedWriteHalf<IO>>> {
        let stream = self.0.reunite(write.0);
        stream
            .map(TlsStream)
            .map_err(|ReuniteError(read, write)| ReuniteError(Self(read), OwnedWriteHalf(write)))
    }
}

impl<IO> Deref for OwnedReadHalf<IO> {
    type Target = ravelin_runtime::OwnedReadHalf<IO, Tokio>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<IO> DerefMut for OwnedReadHalf<IO> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> OwnedWriteHalf<IO> {
    /// See [`Secured::update_keys`](ravelin_runtime::Secured::update_keys).
    ///
    /// # Errors
    ///
    /// The same.
    pub fn update_keys(&mut self) -> io::Result<()> {
        self.0.update_keys()
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncRead for OwnedReadHalf<IO> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        read_into(buf, |out| this.0.poll_read(cx, out))
    }
}

impl<IO: AsyncRead + AsyncWrite + Unpin> AsyncWrite for OwnedWriteHalf<IO> {
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
