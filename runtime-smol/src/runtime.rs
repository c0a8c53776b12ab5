//! The sockets and timers of async-net and async-io.

use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use async_io::{Async, Timer};
use async_net::TcpStream;
use ravelin_runtime::{FuturesIo, Runtime, Secured};

/// Smol, as a [`Runtime`]. Its sockets and timers work under any executor.
#[derive(Clone, Copy, Debug)]
pub struct Smol;

/// Ready once its time has come.
#[derive(Debug)]
pub struct Sleep(Timer);

type BoxFuture<T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send>>;

impl FuturesIo for Smol {}

impl Runtime for Smol {
    type Stream = TcpStream;
    type TlsStream<IO> = Secured<IO, Self>;
    type Listener = Async<TcpListener>;
    type Sleep = Sleep;
    type Connect = BoxFuture<TcpStream>;
    type Resolve = BoxFuture<Vec<SocketAddr>>;

    fn sleep(duration: Duration) -> Sleep {
        Sleep(Timer::after(duration))
    }

    fn resolve(host: &str, port: u16) -> Self::Resolve {
        Box::pin(async_net::resolve((host.to_owned(), port)))
    }

    fn connect(address: SocketAddr) -> Self::Connect {
        Box::pin(async move {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(stream)
        })
    }

    fn listen(socket: TcpListener) -> io::Result<Async<TcpListener>> {
        Async::new(socket)
    }

    fn local_addr(listener: &Async<TcpListener>) -> io::Result<SocketAddr> {
        listener.get_ref().local_addr()
    }

    fn poll_accept(
        listener: &mut Async<TcpListener>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<(TcpStream, SocketAddr)>> {
        loop {
            match listener.get_ref().accept() {
                Ok((stream, from)) => {
                    // Fails when the peer is gone already, which the handshake finds out.
                    let _ = stream.set_nodelay(true);
                    return Poll::Ready(TcpStream::try_from(stream).map(|stream| (stream, from)));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    ready!(listener.poll_readable(cx))?;
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.0).poll(cx).map(drop)
    }
}
