//! A byte stream in memory, with the traits of both ecosystems and faults on request.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

use tokio::io::ReadBuf;

/// One end. Dropping it ends both directions.
#[derive(Debug)]
pub(crate) struct Pipe {
    incoming: Wire,
    outgoing: Wire,
}

impl Pipe {
    /// Two ends; each direction holds `capacity` bytes.
    pub(crate) fn pair(capacity: usize) -> (Self, Self) {
        let (there, back) = (Wire::new(capacity), Wire::new(capacity));
        let far = Self {
            incoming: there.clone(),
            outgoing: back.clone(),
        };
        let near = Self {
            incoming: back,
            outgoing: there,
        };
        (near, far)
    }

    /// The direction that leads away from this end.
    pub(crate) fn outgoing(&self) -> Wire {
        self.outgoing.clone()
    }

    fn read(&self, cx: &Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut wire = self.incoming.lock();
        if wire.bytes.is_empty() {
            if wire.ended {
                return Poll::Ready(Ok(0));
            }
            wire.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let len = buf.len().min(wire.bytes.len());
        for (to, from) in buf.iter_mut().zip(wire.bytes.drain(..len)) {
            *to = from;
        }
        wire.wake_writer();
        Poll::Ready(Ok(len))
    }

    fn write(&self, cx: &Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let mut wire = self.outgoing.lock();
        if wire.takes_nothing {
            return Poll::Ready(Ok(0));
        }
        if wire.ended {
            return Poll::Ready(Err(ErrorKind::BrokenPipe.into()));
        }
        let room = wire.capacity.saturating_sub(wire.bytes.len());
        let len = buf.len().min(room).min(wire.allowance);
        if len == 0 {
            wire.writer = Some(cx.waker().clone());
            return Poll::Pending;
        }
        wire.bytes.extend(&buf[..len]);
        wire.allowance -= len;
        wire.wake_reader();
        Poll::Ready(Ok(len))
    }

    fn flush(&self) -> Poll<io::Result<()>> {
        self.outgoing.lock().flushes += 1;
        Poll::Ready(Ok(()))
    }

    fn close(&self) -> Poll<io::Result<()>> {
        let mut wire = self.outgoing.lock();
        wire.closes += 1;
        if wire.not_connected {
            return Poll::Ready(Err(ErrorKind::NotConnected.into()));
        }
        wire.end();
        Poll::Ready(Ok(()))
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.incoming.lock().end();
        self.outgoing.lock().end();
    }
}

/// One direction.
#[derive(Clone, Debug)]
pub(crate) struct Wire(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    bytes: VecDeque<u8>,
    capacity: usize,
    /// Bytes that it takes until it stalls for good.
    allowance: usize,
    ended: bool,
    takes_nothing: bool,
    not_connected: bool,
    closes: usize,
    flushes: usize,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Wire {
    fn new(capacity: usize) -> Self {
        Self(Arc::new(Mutex::new(State {
            capacity,
            allowance: usize::MAX,
            ..State::default()
        })))
    }

    pub(crate) fn set_capacity(&self, bytes: usize) {
        let mut wire = self.lock();
        wire.capacity = bytes;
        wire.wake_writer();
    }

    /// It takes `bytes` more, and then none.
    pub(crate) fn stall_after(&self, bytes: usize) {
        self.lock().allowance = bytes;
    }

    /// Whether everything that was written has been read.
    pub(crate) fn is_empty(&self) -> bool {
        self.lock().bytes.is_empty()
    }

    /// From now on writing returns `Ok(0)`.
    pub(crate) fn take_nothing(&self) {
        self.lock().takes_nothing = true;
    }

    /// From now on closing finds that the peer is gone.
    pub(crate) fn disconnect(&self) {
        self.lock().not_connected = true;
    }

    /// How often it was closed.
    pub(crate) fn closes(&self) -> usize {
        self.lock().closes
    }

    /// How often it was flushed.
    pub(crate) fn flushes(&self) -> usize {
        self.lock().flushes
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl State {
    fn end(&mut self) {
        self.ended = true;
        self.wake_reader();
        self.wake_writer();
    }

    fn wake_reader(&mut self) {
        if let Some(waker) = self.reader.take() {
            waker.wake();
        }
    }

    fn wake_writer(&mut self) {
        if let Some(waker) = self.writer.take() {
            waker.wake();
        }
    }
}

impl tokio::io::AsyncRead for Pipe {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = self.read(cx, buf.initialize_unfilled());
        read.map_ok(|len| buf.advance(len))
    }
}

impl tokio::io::AsyncWrite for Pipe {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.flush()
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.close()
    }
}

impl futures_io::AsyncRead for Pipe {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.read(cx, buf)
    }
}

impl futures_io::AsyncWrite for Pipe {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.flush()
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.close()
    }
}
