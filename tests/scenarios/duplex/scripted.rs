//! A byte stream in memory that goes pending wherever its script says so.
//!
//! As in tokio and async-io, each direction of an end remembers one waker: the one that was registered last.

mod reactor;

use std::cell::{RefCell, RefMut};
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use tokio::io::ReadBuf;

pub(crate) use reactor::{Reactor, Readiness, Wakes};

/// How one end of a wire treats those who use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Script {
    /// As much as is possible, at once.
    All,
    /// One byte with every call.
    Byte,
    /// Pending, then as much as is possible.
    PendingThenAll,
    /// Pending before every byte.
    PendingThenByte,
}

impl Script {
    /// Pending when the script says so; otherwise how much of `len` bytes it lets through.
    fn poll(self, readiness: &Readiness, cx: &Context<'_>, len: usize) -> Poll<usize> {
        if matches!(self, Self::PendingThenAll | Self::PendingThenByte) {
            ready!(readiness.poll_event(cx));
        }
        Poll::Ready(match self {
            Self::All | Self::PendingThenAll => len,
            Self::Byte | Self::PendingThenByte => len.min(1),
        })
    }
}

/// One direction of a connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Link {
    /// Bytes that it holds.
    pub(crate) capacity: usize,
    pub(crate) writing: Script,
    pub(crate) reading: Script,
    /// Whether bytes stay in a buffer of the writer's end until it flushes or the buffer is full.
    pub(crate) buffered: bool,
    /// Whether a call that is not pending takes back the waker of one that was: a transport owes a wake-up only to the
    /// last call.
    pub(crate) forgetful: bool,
}

impl Link {
    /// Everything is possible at once.
    pub(crate) const FREE: Self = Self {
        capacity: usize::MAX,
        writing: Script::All,
        reading: Script::All,
        buffered: false,
        forgetful: false,
    };

    /// The same script at both ends.
    pub(crate) const fn scripted(script: Script) -> Self {
        Self {
            writing: script,
            reading: script,
            ..Self::FREE
        }
    }

    pub(crate) const fn holding(capacity: usize) -> Self {
        Self {
            capacity,
            ..Self::FREE
        }
    }

    pub(crate) const fn forgetful(self) -> Self {
        Self {
            forgetful: true,
            ..self
        }
    }
}

/// Bytes that the buffer of a writer's end holds: more than one record, less than a driver has for it at most.
const BUFFER: usize = 512;

/// One end of a connection. Dropping it ends both directions.
#[derive(Debug)]
pub(crate) struct Scripted {
    incoming: Wire,
    outgoing: Wire,
}

impl Scripted {
    /// Two ends; the wire `there` leads away from the first.
    pub(crate) fn pair(there: &Wire, back: &Wire) -> (Self, Self) {
        let near = Self {
            incoming: back.clone(),
            outgoing: there.clone(),
        };
        let far = Self {
            incoming: there.clone(),
            outgoing: back.clone(),
        };
        (near, far)
    }

    fn read(&self, cx: &Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut wire = self.incoming.lock();
        if wire.broken {
            return Poll::Ready(Err(ErrorKind::ConnectionReset.into()));
        }
        if wire.bytes.is_empty() {
            return if wire.ended {
                Poll::Ready(Ok(0))
            } else {
                wire.reader.park(cx)
            };
        }
        let len = buf.len().min(wire.bytes.len());
        let len = ready!(wire.link.reading.poll(&wire.reader, cx, len));
        for (to, from) in buf.iter_mut().zip(wire.bytes.drain(..len)) {
            *to = from;
        }
        wire.writer.notify();
        wire.served(&wire.reader);
        Poll::Ready(Ok(len))
    }

    fn write(&self, cx: &Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let mut wire = self.outgoing.lock();
        wire.check_writing()?;
        if wire.link.buffered && wire.room_to_write() == 0 {
            // A full buffer empties itself.
            wire.release();
        }
        let room = wire.room_to_write();
        if room == 0 {
            return wire.writer.park(cx);
        }
        let len = buf.len().min(room);
        let len = ready!(wire.link.writing.poll(&wire.writer, cx, len));
        wire.kept.extend(&buf[..len]);
        if !wire.link.buffered {
            wire.release();
        }
        wire.served(&wire.writer);
        Poll::Ready(Ok(len))
    }

    fn flush(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        let mut wire = self.outgoing.lock();
        wire.check_writing()?;
        if wire.kept.is_empty() {
            return Poll::Ready(Ok(()));
        }
        if wire.room() > 0 {
            ready!(wire.link.writing.poll(&wire.writer, cx, 0));
            wire.release();
        }
        if !wire.kept.is_empty() {
            return wire.writer.park(cx);
        }
        wire.served(&wire.writer);
        Poll::Ready(Ok(()))
    }

    fn close(&self, cx: &Context<'_>) -> Poll<io::Result<()>> {
        // A stream that cannot be flushed any more has ended.
        let _ = ready!(self.flush(cx));
        self.outgoing.lock().end();
        Poll::Ready(Ok(()))
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.outgoing.lock().end();
        let mut wire = self.incoming.lock();
        wire.abandoned = true;
        wire.writer.notify();
    }
}

/// One direction.
#[derive(Clone, Debug)]
pub(crate) struct Wire(Rc<RefCell<State>>);

#[derive(Debug)]
struct State {
    link: Link,
    /// What the reader can have.
    bytes: VecDeque<u8>,
    /// What was written and not released to the reader.
    kept: VecDeque<u8>,
    stalled: bool,
    /// The writer will write no more.
    ended: bool,
    /// The reader is gone.
    abandoned: bool,
    /// Reading and writing fail.
    broken: bool,
    writer: Readiness,
    reader: Readiness,
}

impl Wire {
    pub(crate) fn new(reactor: &Reactor, link: Link) -> Self {
        Self(Rc::new(RefCell::new(State {
            link,
            bytes: VecDeque::new(),
            kept: VecDeque::new(),
            stalled: false,
            ended: false,
            abandoned: false,
            broken: false,
            writer: reactor.direction(),
            reader: reactor.direction(),
        })))
    }

    /// From now on it works as `link` says.
    pub(crate) fn set(&self, link: Link) {
        let mut wire = self.lock();
        wire.link = link;
        wire.writer.notify();
        wire.reader.notify();
    }

    /// Until it is resumed it takes no byte.
    pub(crate) fn stall(&self) {
        self.lock().stalled = true;
    }

    /// Ends a stall.
    pub(crate) fn resume(&self) {
        let mut wire = self.lock();
        wire.stalled = false;
        wire.writer.notify();
    }

    /// Adds bytes that nobody wrote.
    pub(crate) fn forge(&self, bytes: &[u8]) {
        let mut wire = self.lock();
        wire.bytes.extend(bytes);
        wire.reader.notify();
    }

    /// From now on reading and writing fail.
    pub(crate) fn cut(&self) {
        let mut wire = self.lock();
        wire.broken = true;
        wire.writer.notify();
        wire.reader.notify();
    }

    /// The end that writes, as its user sees it.
    pub(crate) fn writer(&self) -> Readiness {
        self.lock().writer.clone()
    }

    /// The end that reads, as its user sees it.
    pub(crate) fn reader(&self) -> Readiness {
        self.lock().reader.clone()
    }

    fn lock(&self) -> RefMut<'_, State> {
        self.0.borrow_mut()
    }
}

impl State {
    fn check_writing(&self) -> io::Result<()> {
        if self.broken {
            Err(ErrorKind::ConnectionReset.into())
        } else if self.abandoned || self.ended {
            Err(ErrorKind::BrokenPipe.into())
        } else {
            Ok(())
        }
    }

    /// The user of `direction` got something.
    fn served(&self, direction: &Readiness) {
        if self.link.forgetful {
            direction.forget();
        }
    }

    fn room_to_write(&self) -> usize {
        if self.link.buffered {
            BUFFER - self.kept.len()
        } else {
            self.room()
        }
    }

    /// How many bytes the reader may get.
    fn room(&self) -> usize {
        if self.stalled {
            return 0;
        }
        self.link.capacity.saturating_sub(self.bytes.len())
    }

    /// Gives the reader what there is room for.
    fn release(&mut self) {
        let len = self.room().min(self.kept.len());
        if len > 0 {
            self.bytes.extend(self.kept.drain(..len));
            self.reader.notify();
        }
    }

    fn end(&mut self) {
        self.bytes.append(&mut self.kept);
        self.ended = true;
        self.reader.notify();
    }
}

mod of_tokio {
    use tokio::io::{AsyncRead, AsyncWrite};

    use super::*;

    impl AsyncRead for Scripted {
        fn poll_read(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            let len = ready!(self.read(cx, buf.initialize_unfilled()))?;
            buf.advance(len);
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for Scripted {
        fn poll_write(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.write(cx, buf)
        }

        fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.flush(cx)
        }

        fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.close(cx)
        }
    }
}

mod of_futures {
    use futures_io::{AsyncRead, AsyncWrite};

    use super::*;

    impl AsyncRead for Scripted {
        fn poll_read(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &mut [u8],
        ) -> Poll<io::Result<usize>> {
            self.read(cx, buf)
        }
    }

    impl AsyncWrite for Scripted {
        fn poll_write(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &[u8],
        ) -> Poll<io::Result<usize>> {
            self.write(cx, buf)
        }

        fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.flush(cx)
        }

        fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.close(cx)
        }
    }
}
