//! A runtime with faults, above the one of an adapter.

use std::io;
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use ravelin_runtime::{PollIo, Runtime, Secured};

use super::adapter::BoxFuture;

/// What accepting fails with before it works: too many open files.
const EMFILE: i32 = 24;

/// How often accepting fails.
pub(crate) const ERRORS: u64 = 6;

/// Swallows every packet.
pub(crate) const BLACK_HOLE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 9, 9, 9));

/// The runtime `R`, but
/// - accepting fails [`ERRORS`] times first;
/// - a host is the list of its ports, `7001.7002.hole.test`, each at 127.0.0.1, and `hole` the [`BLACK_HOLE`];
/// - connecting to the [`BLACK_HOLE`] never ends.
pub(crate) struct Injected<R>(PhantomData<R>);

pub(crate) struct Flaky<L> {
    inner: L,
    errors: u64,
}

impl<R: Runtime> Runtime for Injected<R> {
    type Stream = R::Stream;
    type TlsStream<IO> = Secured<IO, Self>;
    type Listener = Flaky<R::Listener>;
    type Sleep = R::Sleep;
    type Connect = BoxFuture<io::Result<R::Stream>>;
    type Resolve = BoxFuture<io::Result<Vec<SocketAddr>>>;

    fn instant() -> Instant {
        R::instant()
    }

    fn sleep(duration: Duration) -> R::Sleep {
        R::sleep(duration)
    }

    fn resolve(host: &str, port: u16) -> Self::Resolve {
        let ports = host.strip_suffix("test").unwrap().split_terminator('.');
        let addresses: Vec<_> = ports
            .map(|part| match part {
                "hole" => SocketAddr::new(BLACK_HOLE, port),
                dead => SocketAddr::from(([127, 0, 0, 1], dead.parse().unwrap())),
            })
            .collect();
        Box::pin(async { Ok(addresses) })
    }

    fn connect(address: SocketAddr) -> Self::Connect {
        if address.ip() == BLACK_HOLE {
            return Box::pin(std::future::pending());
        }
        Box::pin(R::connect(address))
    }

    fn listen(socket: TcpListener) -> io::Result<Self::Listener> {
        R::listen(socket).map(|inner| Flaky {
            inner,
            errors: ERRORS,
        })
    }

    fn local_addr(listener: &Self::Listener) -> io::Result<SocketAddr> {
        R::local_addr(&listener.inner)
    }

    fn poll_accept(
        listener: &mut Self::Listener,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<(R::Stream, SocketAddr)>> {
        if listener.errors > 0 {
            listener.errors -= 1;
            return Poll::Ready(Err(io::Error::from_raw_os_error(EMFILE)));
        }
        R::poll_accept(&mut listener.inner, cx)
    }
}

impl<R: PollIo<T>, T> PollIo<T> for Injected<R> {
    fn poll_read(io: &mut T, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        R::poll_read(io, cx, buf)
    }

    fn poll_write(io: &mut T, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        R::poll_write(io, cx, buf)
    }

    fn poll_flush(io: &mut T, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        R::poll_flush(io, cx)
    }

    fn poll_close(io: &mut T, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        R::poll_close(io, cx)
    }
}
