//! The sockets and timers of async-std.

mod tcp;

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use async_std::net::ToSocketAddrs as _;
use ravelin_runtime::{FuturesIo, Runtime, Secured};

pub use tcp::{TcpListener, TcpStream};

/// Async-std, as a [`Runtime`].
#[derive(Clone, Copy, Debug)]
pub struct AsyncStd;

/// A future of async-std's, whose own type has no name.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send + Sync>>;

impl FuturesIo for AsyncStd {}

impl Runtime for AsyncStd {
    type Stream = TcpStream;
    type TlsStream<IO> = Secured<IO, Self>;
    type Listener = TcpListener;
    type Sleep = BoxFuture<()>;
    type Connect = BoxFuture<io::Result<TcpStream>>;
    type Resolve = BoxFuture<io::Result<Vec<SocketAddr>>>;

    fn sleep(duration: Duration) -> Self::Sleep {
        Box::pin(async_std::task::sleep(duration))
    }

    fn resolve(host: &str, port: u16) -> Self::Resolve {
        let host = host.to_owned();
        Box::pin(async move { Ok((&*host, port).to_socket_addrs().await?.collect()) })
    }

    fn connect(address: SocketAddr) -> Self::Connect {
        Box::pin(async move {
            let stream = async_std::net::TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(stream.into())
        })
    }

    fn listen(socket: std::net::TcpListener) -> io::Result<TcpListener> {
        socket.set_nonblocking(true)?;
        Ok(async_std::net::TcpListener::from(socket).into())
    }

    fn local_addr(listener: &TcpListener) -> io::Result<SocketAddr> {
        listener.local_addr()
    }

    fn poll_accept(
        listener: &mut TcpListener,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        listener.poll_accept(cx)
    }
}
