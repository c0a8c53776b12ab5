//! Interleavings: real threads on one driver, in orders that shuttle chooses.
//!
//! The duplex matrix has one thread: a task is never interrupted between finding nothing and being parked. Here it is,
//! at every lock of the driver and of the transport. A lost wake-up is a deadlock, which shuttle finds.
//!
//! Shuttle takes over how panics are reported, so these tests have a program of their own.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::collections::VecDeque;
use std::future::poll_fn;
use std::panic::{self, AssertUnwindSafe};
use std::task::{Context, Poll, Waker};

use ravelin_core::config::{Builder, Limits};
use ravelin_core::driver::{Driver, Transport};
use ravelin_core::{Connection, Instant, Now};
use ravelin_tests::light::light;
use ravelin_tests::pair::Pair;
use ravelin_tests::setup::setup;
use shuttle::future::block_on;
use shuttle::scheduler::{PctScheduler, RandomScheduler, Scheduler};
use shuttle::sync::{Arc, Mutex, MutexGuard};
use shuttle::{Config, FailurePersistence, Runner, thread};

const ITERATIONS: usize = 300;
const SEED: u64 = 7;

/// Changes of priority that a bug may need, for [`PctScheduler`].
const DEPTH: usize = 4;

/// Bytes that each side sends: more than a connection accepts at once.
const SOME: usize = 500;

/// Bytes that a wire holds: less than a record.
const CAPACITY: usize = 40;

#[test]
fn random_orders_lose_no_wake_and_no_byte() {
    explore(RandomScheduler::new_from_seed(SEED, ITERATIONS), false);
}

#[test]
fn orders_by_priority_lose_no_wake_and_no_byte() {
    explore(PctScheduler::new_from_seed(SEED, DEPTH, ITERATIONS), false);
}

#[test]
fn one_waker_for_both_directions_is_found_in_random_orders() {
    assert_deadlock(RandomScheduler::new_from_seed(SEED, ITERATIONS));
}

#[test]
fn one_waker_for_both_directions_is_found_in_orders_by_priority() {
    assert_deadlock(PctScheduler::new_from_seed(SEED, DEPTH, ITERATIONS));
}

fn assert_deadlock(scheduler: impl Scheduler + 'static) {
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| explore(scheduler, true)));
    let panic = outcome.expect_err("the lost wake-up was not found");
    let message = panic.downcast_ref::<String>().expect("a message");
    assert!(message.contains("deadlock"), "{message}");
}

fn explore(scheduler: impl Scheduler + 'static, one_waker: bool) {
    let mut config = Config::new();
    // A handshake needs more than the default.
    config.stack_size = 1 << 20;
    // The seed is known: there is no schedule to keep.
    config.failure_persistence = FailurePersistence::None;
    Runner::new(scheduler, config).run(move || conversation(one_waker));
}

/// The client writes on one thread and reads on another; the server, on a third, gives everything back, and takes new
/// keys in between.
fn conversation(one_waker: bool) {
    let (client, server, now) = established();
    let [to_server, to_client] = [0; 2].map(|_| Arc::new(Wire::default()));
    let driver = |connection, incoming: &_, outgoing: &_| {
        let end = End {
            incoming: Arc::clone(incoming),
            outgoing: Arc::clone(outgoing),
            now,
        };
        let mut driver = Driver::new(connection, end);
        if one_waker {
            driver.inject_one_waker();
        }
        Shared(Arc::new(Mutex::new(driver)))
    };
    let client = driver(client, &to_client, &to_server);
    let server = driver(server, &to_server, &to_client);
    let echoing = thread::spawn(move || echo(&server));
    let reader = client.clone();
    let reading = thread::spawn(move || reader.read_to_end());
    client.write_all(&pattern(SOME));
    client.close();
    assert!(reading.join().unwrap() == pattern(SOME));
    echoing.join().unwrap();
}

fn echo(server: &Shared) {
    let mut pieces = 0;
    loop {
        let piece = server.read();
        if piece.is_empty() {
            return server.close();
        }
        pieces += 1;
        if pieces % 3 == 0 {
            server.update_keys();
        }
        server.write_all(&piece);
    }
}

/// Bytes of which no two neighbours could be exchanged unnoticed.
fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at / 251 + at % 251) as u8).collect()
}

/// Both connections, with their handshake behind them.
fn established() -> (Connection, Connection, Now) {
    let client = small(setup().client(light(1))).build().unwrap();
    let server = small(setup().mutual(light(2))).build().unwrap();
    let mut pair = Pair::new(&client, &server);
    pair.establish();
    (pair.client.connection, pair.server.connection, pair.now)
}

fn small<Side>(builder: Builder<Side>) -> Builder<Side> {
    builder.limits(Limits {
        outgoing: 320,
        fragment: 64,
        ..Limits::default()
    })
}

/// A driver that threads share, as halves do.
#[derive(Clone)]
struct Shared(Arc<Mutex<Driver<End>>>);

impl Shared {
    fn read(&self) -> Vec<u8> {
        let mut buf = [0; 100];
        let len = block_on(poll_fn(|cx| self.lock().poll_read(cx, &mut buf))).unwrap();
        buf[..len].to_vec()
    }

    fn read_to_end(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        loop {
            let piece = self.read();
            if piece.is_empty() {
                return bytes;
            }
            bytes.extend(piece);
        }
    }

    fn write_all(&self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let len = block_on(poll_fn(|cx| self.lock().poll_write(cx, &[bytes]))).unwrap();
            bytes = &bytes[len..];
        }
        block_on(poll_fn(|cx| self.lock().poll_flush(cx))).unwrap();
    }

    fn close(&self) {
        block_on(poll_fn(|cx| self.lock().poll_close(cx))).unwrap();
    }

    fn update_keys(&self) {
        let mut driver = self.lock();
        let now = driver.transport().now();
        driver.connection_mut().update_keys(now).unwrap();
    }

    fn lock(&self) -> MutexGuard<'_, Driver<End>> {
        self.0.lock().unwrap()
    }
}

/// One end of two wires. Time stands still.
struct End {
    incoming: Arc<Wire>,
    outgoing: Arc<Wire>,
    now: Now,
}

/// A direction. It wakes whoever called it last at each of its ends, and only if that call was pending.
#[derive(Default)]
struct Wire(Mutex<State>);

#[derive(Default)]
struct State {
    bytes: VecDeque<u8>,
    ended: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Transport for End {
    type Error = std::convert::Infallible;

    fn now(&self) -> Now {
        self.now
    }

    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<Result<usize, Self::Error>> {
        let mut wire = self.incoming.lock();
        if wire.bytes.is_empty() && !wire.ended {
            wire.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let len = buf.len().min(wire.bytes.len());
        for (to, from) in buf.iter_mut().zip(wire.bytes.drain(..len)) {
            *to = from;
        }
        wire.reader = None;
        let writer = wire.writer.take();
        drop(wire);
        wake(writer);
        Poll::Ready(Ok(len))
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, buf: &[u8]) -> Poll<Result<usize, Self::Error>> {
        let mut wire = self.outgoing.lock();
        let len = buf.len().min(CAPACITY - wire.bytes.len());
        if len == 0 {
            wire.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        wire.bytes.extend(&buf[..len]);
        wire.writer = None;
        let reader = wire.reader.take();
        drop(wire);
        wake(reader);
        Poll::Ready(Ok(len))
    }

    fn poll_flush(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        let mut wire = self.outgoing.lock();
        wire.ended = true;
        let reader = wire.reader.take();
        drop(wire);
        wake(reader);
        Poll::Ready(Ok(()))
    }

    fn poll_deadline(&mut self, _cx: &mut Context<'_>, _at: Instant) -> Poll<()> {
        Poll::Pending
    }
}

impl Wire {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

/// Other threads may come between the event and this.
fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}
