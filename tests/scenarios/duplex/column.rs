//! What the matrix needs of an adapter, and the three of them.

use std::io;
use std::sync::OnceLock;
use std::task::{Context, Poll};

use ravelin_core::pki_types::ServerName;
use ravelin_core::{ClientConfig, Counters, ServerConfig};
use tokio::runtime::{Builder, EnterGuard, Runtime};

use super::executor::LocalFuture;
use super::scripted::Scripted;

/// One column of the matrix.
pub(crate) trait Column: 'static {
    const NAME: &'static str;
    type Stream: Source + Sink;
    type Read: Source;
    type Write: Sink;
    /// What must live while its timers are used.
    type Context;

    fn enter() -> Self::Context;
    fn connect(config: &ClientConfig, io: Scripted) -> LocalFuture<io::Result<Self::Stream>>;
    fn accept(config: &ServerConfig, io: Scripted) -> LocalFuture<io::Result<Self::Stream>>;
    fn split(stream: Self::Stream) -> (Self::Read, Self::Write);
}

pub(crate) trait Source: 'static {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>>;
    fn counted(&self) -> Counters;
}

pub(crate) trait Sink: 'static {
    fn poll_write(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>>;
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>>;
    fn renew_keys(&mut self) -> io::Result<()>;
}

pub(crate) fn localhost() -> ServerName<'static> {
    ServerName::try_from("localhost").unwrap()
}

macro_rules! column {
    ($column:ident, $name:literal, $adapter:ident, $context:ty, $enter:expr) => {
        pub(crate) struct $column;

        impl Column for $column {
            const NAME: &'static str = $name;
            type Stream = $adapter::TlsStream<Scripted>;
            type Read = $adapter::OwnedReadHalf<Scripted>;
            type Write = $adapter::OwnedWriteHalf<Scripted>;
            type Context = $context;

            fn enter() -> Self::Context {
                $enter
            }

            fn connect(
                config: &ClientConfig,
                io: Scripted,
            ) -> LocalFuture<io::Result<Self::Stream>> {
                let connector = $adapter::TlsConnector::new(config.clone());
                let connecting: $adapter::Connecting<Scripted> = connector.connect(localhost(), io);
                Box::pin(connecting)
            }

            fn accept(
                config: &ServerConfig,
                io: Scripted,
            ) -> LocalFuture<io::Result<Self::Stream>> {
                let acceptor = $adapter::TlsAcceptor::new(config.clone());
                let accepting: $adapter::Accepting<Scripted> = acceptor.accept(io);
                Box::pin(accepting)
            }

            fn split(stream: Self::Stream) -> (Self::Read, Self::Write) {
                stream.into_split()
            }
        }
    };
}

column!(
    Tokio,
    "tokio",
    ravelin_tokio,
    EnterGuard<'static>,
    timers().enter()
);
column!(Smol, "smol", ravelin_smol, (), ());
column!(AsyncStd, "async-std", ravelin_async_std, (), ());

/// Tokio's timers, run by a thread of its own.
fn timers() -> &'static Runtime {
    static TIMERS: OnceLock<Runtime> = OnceLock::new();
    TIMERS.get_or_init(|| {
        Builder::new_multi_thread()
            .worker_threads(1)
            .enable_time()
            .build()
            .unwrap()
    })
}

mod of_tokio {
    use std::pin::Pin;

    use ravelin_tokio::{OwnedReadHalf, OwnedWriteHalf, TlsStream};
    use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

    use super::*;

    macro_rules! source {
        ($source:ident) => {
            impl Source for $source<Scripted> {
                fn poll_read(
                    &mut self,
                    cx: &mut Context<'_>,
                    buf: &mut [u8],
                ) -> Poll<io::Result<usize>> {
                    let mut buf = ReadBuf::new(buf);
                    AsyncRead::poll_read(Pin::new(self), cx, &mut buf)
                        .map_ok(|()| buf.filled().len())
                }

                fn counted(&self) -> Counters {
                    self.counters()
                }
            }
        };
    }

    macro_rules! sink {
        ($sink:ident) => {
            impl Sink for $sink<Scripted> {
                fn poll_write(
                    &mut self,
                    cx: &mut Context<'_>,
                    buf: &[u8],
                ) -> Poll<io::Result<usize>> {
                    AsyncWrite::poll_write(Pin::new(self), cx, buf)
                }

                fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                    AsyncWrite::poll_flush(Pin::new(self), cx)
                }

                fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                    AsyncWrite::poll_shutdown(Pin::new(self), cx)
                }

                fn renew_keys(&mut self) -> io::Result<()> {
                    self.update_keys()
                }
            }
        };
    }

    source!(TlsStream);
    source!(OwnedReadHalf);
    sink!(TlsStream);
    sink!(OwnedWriteHalf);
}

mod of_futures {
    use std::pin::Pin;

    use futures_io::{AsyncRead, AsyncWrite};
    use ravelin_runtime::{OwnedReadHalf, OwnedWriteHalf, Secured};

    use super::*;

    macro_rules! source {
        ($source:ident, $runtime:path) => {
            impl Source for $source<Scripted, $runtime> {
                fn poll_read(
                    &mut self,
                    cx: &mut Context<'_>,
                    buf: &mut [u8],
                ) -> Poll<io::Result<usize>> {
                    AsyncRead::poll_read(Pin::new(self), cx, buf)
                }

                fn counted(&self) -> Counters {
                    self.counters()
                }
            }
        };
    }

    macro_rules! sink {
        ($sink:ident, $runtime:path) => {
            impl Sink for $sink<Scripted, $runtime> {
                fn poll_write(
                    &mut self,
                    cx: &mut Context<'_>,
                    buf: &[u8],
                ) -> Poll<io::Result<usize>> {
                    AsyncWrite::poll_write(Pin::new(self), cx, buf)
                }

                fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                    AsyncWrite::poll_flush(Pin::new(self), cx)
                }

                fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                    AsyncWrite::poll_close(Pin::new(self), cx)
                }

                fn renew_keys(&mut self) -> io::Result<()> {
                    self.update_keys()
                }
            }
        };
    }

    source!(Secured, ravelin_smol::Smol);
    source!(OwnedReadHalf, ravelin_smol::Smol);
    sink!(Secured, ravelin_smol::Smol);
    sink!(OwnedWriteHalf, ravelin_smol::Smol);
    source!(Secured, ravelin_async_std::AsyncStd);
    source!(OwnedReadHalf, ravelin_async_std::AsyncStd);
    sink!(Secured, ravelin_async_std::AsyncStd);
    sink!(OwnedWriteHalf, ravelin_async_std::AsyncStd);
}
