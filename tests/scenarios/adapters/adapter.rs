//! What the list needs of an adapter, and the three of them.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::OnceLock;
use std::task::Poll;
use std::time::Duration;

use ravelin_core::pki_types::ServerName;
use ravelin_core::{ClientConfig, ServerConfig};
use ravelin_runtime::{Listener, Runtime, TlsConnector};
use tokio::runtime::{Builder, Runtime as Executor};

use super::pipe::Pipe;
use super::tls::{Source, Tls};

pub(crate) type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A TCP connection of the adapter's ecosystem.
pub(crate) type Tcp<A> = <<A as Adapter>::Runtime as Runtime>::Stream;

pub(crate) type TcpListener<A> = Listener<<A as Adapter>::Runtime>;

pub(crate) trait Adapter: Send + Sync + Sized + 'static {
    const NAME: &'static str;
    type Runtime: Runtime<Stream: Source, TlsStream<Tcp<Self>> = Self::OverTcp>;
    type OverTcp: Tls<Below = Tcp<Self>>;
    type OverPipe: Tls<Below = Pipe>;

    fn block_on<T>(future: impl Future<Output = T>) -> T;
    fn spawn<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> BoxFuture<T>;
    fn detach(future: impl Future<Output = ()> + Send + 'static);

    fn nodelay(stream: &Tcp<Self>) -> bool;

    fn connect_host(
        config: &ClientConfig,
        host: &str,
        port: u16,
    ) -> BoxFuture<io::Result<Self::OverTcp>>;
    fn connect_pipe(config: &ClientConfig, pipe: Pipe) -> BoxFuture<io::Result<Self::OverPipe>>;
    fn accept_pipe(config: &ServerConfig, pipe: Pipe) -> BoxFuture<io::Result<Self::OverPipe>>;

    /// Connects to `localhost` at `address`.
    fn connect(config: &ClientConfig, address: SocketAddr) -> BoxFuture<io::Result<Self::OverTcp>> {
        let connector: TlsConnector<Self::Runtime> = TlsConnector::new(config.clone());
        let host = address.ip().to_string();
        let stream = connector.connect_host_as(localhost(), &host, address.port());
        Box::pin(stream)
    }

    fn listen(config: &ServerConfig) -> TcpListener<Self> {
        Listener::bind(([127, 0, 0, 1], 0), config.clone()).unwrap()
    }

    fn sleep(duration: Duration) -> <Self::Runtime as Runtime>::Sleep {
        Self::Runtime::sleep(duration)
    }
}

pub(crate) fn localhost() -> ServerName<'static> {
    ServerName::try_from("localhost").unwrap()
}

/// `None` when `limit` passes first; the future is then dropped where it is.
pub(crate) async fn within<A: Adapter, T>(
    limit: Duration,
    future: impl Future<Output = T>,
) -> Option<T> {
    let mut future = pin!(future);
    let mut sleep = A::sleep(limit);
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(outcome) => Poll::Ready(Some(outcome)),
        Poll::Pending => Pin::new(&mut sleep).poll(cx).map(|()| None),
    })
    .await
}

/// The functions that read alike in every adapter.
macro_rules! connects_with {
    ($adapter:ident) => {
        fn nodelay(stream: &Tcp<Self>) -> bool {
            stream.nodelay().unwrap()
        }

        fn connect_host(
            config: &ClientConfig,
            host: &str,
            port: u16,
        ) -> BoxFuture<io::Result<Self::OverTcp>> {
            Box::pin($adapter::TlsConnector::new(config.clone()).connect_host(host, port))
        }

        fn connect_pipe(
            config: &ClientConfig,
            pipe: Pipe,
        ) -> BoxFuture<io::Result<Self::OverPipe>> {
            let connector = $adapter::TlsConnector::new(config.clone());
            let connecting: $adapter::Connecting<Pipe> = connector.connect(localhost(), pipe);
            Box::pin(connecting)
        }

        fn accept_pipe(config: &ServerConfig, pipe: Pipe) -> BoxFuture<io::Result<Self::OverPipe>> {
            let acceptor = $adapter::TlsAcceptor::new(config.clone());
            let accepting: $adapter::Accepting<Pipe> = acceptor.accept(pipe);
            Box::pin(accepting)
        }
    };
}

pub(crate) struct Tokio;

impl Adapter for Tokio {
    const NAME: &'static str = "tokio";
    type Runtime = ravelin_tokio::Tokio;
    type OverTcp = ravelin_tokio::TlsStream<Tcp<Self>>;
    type OverPipe = ravelin_tokio::TlsStream<Pipe>;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        static EXECUTOR: OnceLock<Executor> = OnceLock::new();
        let executor = EXECUTOR.get_or_init(|| {
            Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()
                .unwrap()
        });
        executor.block_on(future)
    }

    fn spawn<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> BoxFuture<T> {
        let task = tokio::spawn(future);
        Box::pin(async { task.await.unwrap() })
    }

    fn detach(future: impl Future<Output = ()> + Send + 'static) {
        drop(tokio::spawn(future));
    }

    connects_with!(ravelin_tokio);
}

pub(crate) struct Smol;

impl Adapter for Smol {
    const NAME: &'static str = "smol";
    type Runtime = ravelin_smol::Smol;
    type OverTcp = ravelin_smol::TlsStream<Tcp<Self>>;
    type OverPipe = ravelin_smol::TlsStream<Pipe>;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        smol::block_on(future)
    }

    fn spawn<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> BoxFuture<T> {
        Box::pin(smol::spawn(future))
    }

    fn detach(future: impl Future<Output = ()> + Send + 'static) {
        smol::spawn(future).detach();
    }

    connects_with!(ravelin_smol);
}

pub(crate) struct AsyncStd;

impl Adapter for AsyncStd {
    const NAME: &'static str = "async-std";
    type Runtime = ravelin_async_std::AsyncStd;
    type OverTcp = ravelin_async_std::TlsStream<Tcp<Self>>;
    type OverPipe = ravelin_async_std::TlsStream<Pipe>;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        async_std::task::block_on(future)
    }

    fn spawn<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) -> BoxFuture<T> {
        Box::pin(async_std::task::spawn(future))
    }

    fn detach(future: impl Future<Output = ()> + Send + 'static) {
        drop(async_std::task::spawn(future));
    }

    connects_with!(ravelin_async_std);
}
