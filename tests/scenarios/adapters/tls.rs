//! A stream as its users see it: the traits of its ecosystem, under the names of one.

use std::fmt::Debug;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::task::{Context, Poll};

use ravelin_core::{Counters, Event, Peer};
use ravelin_runtime::Secured;

pub(crate) trait Source: Unpin + Send + 'static {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>>;
}

pub(crate) trait Sink: Unpin + Send + 'static {
    fn poll_write(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>>;
    fn poll_slices(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>>;
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
    /// Whether the ecosystem is told that slices are gathered; futures-io has no way to say so.
    fn gathers(&self) -> bool;
}

pub(crate) trait Tls: Source + Sink + Debug + Sized {
    type Below: Source;
    type Read: Source + Debug;
    type Write: Sink + Debug;

    fn poll_fill_buf(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>>;
    fn consume(&mut self, len: usize);
    fn counters(&self) -> Counters;
    fn peer(&self) -> Option<&Peer>;
    fn chain_len(&self) -> usize;
    fn peer_addr(&self) -> Option<SocketAddr>;
    fn drain_events(&mut self) -> Vec<Event>;
    fn update_keys(&mut self) -> io::Result<()>;
    fn below(&self) -> &Self::Below;
    fn into_inner(self) -> (Self::Below, Vec<u8>);
    fn into_split(self) -> (Self::Read, Self::Write);
    fn reunite(read: Self::Read, write: Self::Write) -> Result<Self, (Self::Read, Self::Write)>;
}

pub(crate) async fn read(stream: &mut impl Source, buf: &mut [u8]) -> io::Result<usize> {
    poll_fn(|cx| stream.poll_read(cx, buf)).await
}

/// Reads `len` bytes, or as many as there are before the end.
pub(crate) async fn read_up_to(stream: &mut impl Source, len: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut buf = vec![0; len.min(1 << 16)];
    while bytes.len() < len {
        let room = buf.len().min(len - bytes.len());
        match read(stream, &mut buf[..room]).await? {
            0 => break,
            more => bytes.extend_from_slice(&buf[..more]),
        }
    }
    Ok(bytes)
}

pub(crate) async fn read_to_end(stream: &mut impl Source) -> io::Result<Vec<u8>> {
    read_up_to(stream, usize::MAX).await
}

pub(crate) async fn write(stream: &mut impl Sink, bytes: &[u8]) -> io::Result<usize> {
    poll_fn(|cx| stream.poll_write(cx, bytes)).await
}

/// Writes all of `bytes` and flushes.
pub(crate) async fn write_all(stream: &mut impl Sink, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let len = write(stream, bytes).await?;
        assert!(len > 0, "nothing accepted and no error");
        bytes = &bytes[len..];
    }
    flush(stream).await
}

pub(crate) async fn flush(stream: &mut impl Sink) -> io::Result<()> {
    poll_fn(|cx| stream.poll_flush(cx)).await
}

pub(crate) async fn close(stream: &mut impl Sink) -> io::Result<()> {
    poll_fn(|cx| stream.poll_close(cx)).await
}

/// The functions that are not of a trait of the ecosystem. By their path, since `self.peer()` could be the one that calls.
macro_rules! inherent {
    () => {
        fn counters(&self) -> Counters {
            Secured::counters(self)
        }

        fn peer(&self) -> Option<&Peer> {
            Secured::peer(self)
        }

        fn chain_len(&self) -> usize {
            Secured::peer_certificates(self).len()
        }

        fn peer_addr(&self) -> Option<SocketAddr> {
            Secured::peer_addr(self)
        }

        fn drain_events(&mut self) -> Vec<Event> {
            Secured::events(self).collect()
        }

        fn update_keys(&mut self) -> io::Result<()> {
            Secured::update_keys(self)
        }

        fn below(&self) -> &Self::Below {
            Secured::get_ref(self)
        }

        fn into_inner(self) -> (Self::Below, Vec<u8>) {
            self.into_inner()
        }

        fn into_split(self) -> (Self::Read, Self::Write) {
            self.into_split()
        }

        fn reunite(
            read: Self::Read,
            write: Self::Write,
        ) -> Result<Self, (Self::Read, Self::Write)> {
            read.reunite(write)
                .map_err(|ReuniteError(read, write)| (read, write))
        }
    };
}

mod of_tokio {
    use std::pin::Pin;

    use ravelin_tokio::{OwnedReadHalf, OwnedWriteHalf, ReuniteError, TlsStream};
    use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};
    use tokio::net::TcpStream;

    use super::*;
    use crate::adapters::pipe::Pipe;

    pub(crate) trait Io: AsyncRead + AsyncWrite + Source + Debug {}

    impl Io for TcpStream {}
    impl Io for Pipe {}

    macro_rules! source {
        ($source:ty $(, $io:ident)?) => {
            impl $(<$io: Io>)? Source for $source {
                fn poll_read(
                    &mut self,
                    cx: &mut Context<'_>,
                    buf: &mut [u8],
                ) -> Poll<io::Result<usize>> {
                    let mut buf = ReadBuf::new(buf);
                    Pin::new(self)
                        .poll_read(cx, &mut buf)
                        .map_ok(|()| buf.filled().len())
                }
            }
        };
    }

    macro_rules! sink {
        ($sink:ident) => {
            impl<IO: Io> Sink for $sink<IO> {
                fn poll_write(
                    &mut self,
                    cx: &mut Context<'_>,
                    buf: &[u8],
                ) -> Poll<io::Result<usize>> {
                    Pin::new(self).poll_write(cx, buf)
                }

                fn poll_slices(
                    &mut self,
                    cx: &mut Context<'_>,
                    slices: &[IoSlice<'_>],
                ) -> Poll<io::Result<usize>> {
                    Pin::new(self).poll_write_vectored(cx, slices)
                }

                fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                    Pin::new(self).poll_flush(cx)
                }

                fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                    Pin::new(self).poll_shutdown(cx)
                }

                fn gathers(&self) -> bool {
                    self.is_write_vectored()
                }
            }
        };
    }

    source!(TcpStream);
    source!(TlsStream<IO>, IO);
    source!(OwnedReadHalf<IO>, IO);
    sink!(TlsStream);
    sink!(OwnedWriteHalf);

    impl<IO: Io> Tls for TlsStream<IO> {
        type Below = IO;
        type Read = OwnedReadHalf<IO>;
        type Write = OwnedWriteHalf<IO>;

        fn poll_fill_buf(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
            Pin::new(self).poll_fill_buf(cx)
        }

        fn consume(&mut self, len: usize) {
            Pin::new(self).consume(len);
        }

        inherent!();
    }
}

mod of_futures {
    use std::pin::Pin;

    use futures_io::{AsyncBufRead, AsyncRead, AsyncWrite};
    use ravelin_runtime::{FuturesIo, OwnedReadHalf, OwnedWriteHalf, ReuniteError, Runtime};

    use super::*;
    use crate::adapters::pipe::Pipe;

    pub(crate) trait Io: AsyncRead + AsyncWrite + Source + Debug {}

    impl Io for smol::net::TcpStream {}
    impl Io for ravelin_async_std::TcpStream {}
    impl Io for Pipe {}

    macro_rules! source {
        ($source:ty $(, $io:ident, $runtime:ident)?) => {
            impl $(<$io: Io, $runtime: Runtime + FuturesIo>)? Source for $source {
                fn poll_read(
                    &mut self,
                    cx: &mut Context<'_>,
                    buf: &mut [u8],
                ) -> Poll<io::Result<usize>> {
                    AsyncRead::poll_read(Pin::new(self), cx, buf)
                }
            }
        };
    }

    macro_rules! sink {
        ($sink:ident) => {
            impl<IO: Io, R: Runtime + FuturesIo> Sink for $sink<IO, R> {
                fn poll_write(
                    &mut self,
                    cx: &mut Context<'_>,
                    buf: &[u8],
                ) -> Poll<io::Result<usize>> {
                    AsyncWrite::poll_write(Pin::new(self), cx, buf)
                }

                fn poll_slices(
                    &mut self,
                    cx: &mut Context<'_>,
                    slices: &[IoSlice<'_>],
                ) -> Poll<io::Result<usize>> {
                    AsyncWrite::poll_write_vectored(Pin::new(self), cx, slices)
                }

                fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                    AsyncWrite::poll_flush(Pin::new(self), cx)
                }

                fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                    AsyncWrite::poll_close(Pin::new(self), cx)
                }

                fn gathers(&self) -> bool {
                    true
                }
            }
        };
    }

    source!(smol::net::TcpStream);
    source!(ravelin_async_std::TcpStream);
    source!(Pipe);
    source!(Secured<IO, R>, IO, R);
    source!(OwnedReadHalf<IO, R>, IO, R);
    sink!(Secured);
    sink!(OwnedWriteHalf);

    impl<IO: Io, R: Runtime + FuturesIo> Tls for Secured<IO, R> {
        type Below = IO;
        type Read = OwnedReadHalf<IO, R>;
        type Write = OwnedWriteHalf<IO, R>;

        fn poll_fill_buf(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
            AsyncBufRead::poll_fill_buf(Pin::new(self), cx)
        }

        fn consume(&mut self, len: usize) {
            AsyncBufRead::consume(Pin::new(self), len);
        }

        inherent!();
    }
}
