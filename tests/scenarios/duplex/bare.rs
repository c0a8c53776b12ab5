//! The core's driver without an adapter, as a column: here the wake-up bug can be put back.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::task::{Context, Poll};

use ravelin_core::driver::{Driver, DriverError, Transport as _};
use ravelin_core::{ClientConfig, Connection, Counters, Error, ServerConfig};
use ravelin_runtime::{Socket, now};
use ravelin_smol::Smol;
use ravelin_tests::light::light;
use ravelin_tests::setup::setup;

use super::column::{Column, Sink, Source, localhost};
use super::executor::{Executor, LocalFuture};
use super::io::{close, read_to_end};
use super::scripted::{Link, Reactor, Scripted, Wakes, Wire};

/// The driver; with one waker for both directions or as it is.
pub(crate) struct Bare<const ONE_WAKER: bool>;

/// Both halves at once: they share the driver, as those of the adapters do.
#[derive(Clone)]
pub(crate) struct BareStream(Rc<RefCell<Driver<Socket<Scripted, Smol>>>>);

impl<const ONE_WAKER: bool> Column for Bare<ONE_WAKER> {
    const NAME: &'static str = if ONE_WAKER {
        "driver with one waker"
    } else {
        "driver"
    };
    type Stream = BareStream;
    type Read = BareStream;
    type Write = BareStream;
    type Context = ();

    fn enter() {}

    fn connect(config: &ClientConfig, io: Scripted) -> LocalFuture<io::Result<BareStream>> {
        handshake::<ONE_WAKER>(Connection::client(config, localhost(), now::<Smol>()), io)
    }

    fn accept(config: &ServerConfig, io: Scripted) -> LocalFuture<io::Result<BareStream>> {
        handshake::<ONE_WAKER>(Connection::server(config, now::<Smol>()), io)
    }

    fn split(stream: BareStream) -> (BareStream, BareStream) {
        (stream.clone(), stream)
    }
}

fn handshake<const ONE_WAKER: bool>(
    connection: Result<Connection, Error>,
    io: Scripted,
) -> LocalFuture<io::Result<BareStream>> {
    let stream = BareStream::new(connection.unwrap(), io);
    if ONE_WAKER {
        stream.0.borrow_mut().inject_one_waker();
    }
    Box::pin(async move {
        poll_fn(|cx| stream.0.borrow_mut().poll_handshake(cx))
            .await
            .map_err(error)?;
        Ok(stream)
    })
}

impl BareStream {
    fn new(connection: Connection, io: Scripted) -> Self {
        let driver = Driver::new(connection, Socket::new(io));
        Self(Rc::new(RefCell::new(driver)))
    }
}

impl Source for BareStream {
    fn poll_read(&mut self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        self.0.borrow_mut().poll_read(cx, buf).map_err(error)
    }

    fn counted(&self) -> Counters {
        self.0.borrow().connection().counters()
    }
}

impl Sink for BareStream {
    fn poll_write(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.0.borrow_mut().poll_write(cx, &[buf]).map_err(error)
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.borrow_mut().poll_flush(cx).map_err(error)
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.borrow_mut().poll_close(cx).map_err(error)
    }

    fn renew_keys(&mut self) -> io::Result<()> {
        let mut driver = self.0.borrow_mut();
        let now = driver.transport().now();
        driver
            .connection_mut()
            .update_keys(now)
            .map_err(io::Error::other)
    }
}

fn error(error: DriverError<io::Error>) -> io::Error {
    match error {
        DriverError::Connection(error) => io::Error::other(error),
        DriverError::Transport(error) => error,
        DriverError::WriteZero => io::ErrorKind::WriteZero.into(),
    }
}

/// Only without an adapter are there halves before the handshake is done. No event of the transport wakes this reader.
#[test]
fn closing_during_the_handshake_wakes_the_reader() {
    let reactor = Reactor::new(Wakes::Later);
    let executor = Executor::new(reactor.clone(), 1);
    let [there, back] = [Link::FREE; 2].map(|link| Wire::new(&reactor, link));
    let (near, _far) = Scripted::pair(&there, &back);
    let config = setup().client(light(1)).build().unwrap();
    let connection = Connection::client(&config, localhost(), now::<Smol>()).unwrap();
    let mut reader = BareStream::new(connection, near);
    let mut writer = reader.clone();
    let reading = executor.spawn("reader", async move { read_to_end(&mut reader).await });
    let tasks = executor.clone();
    let outcome = executor.run(async move {
        tasks.quiet().await;
        close(&mut writer).await.unwrap();
        reading.await.unwrap()
    });
    assert_eq!(outcome, Ok(Vec::new()));
}
