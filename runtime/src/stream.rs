//! The secured stream: the core's driver on a byte stream of some ecosystem.

mod handshake;
mod split;

use std::fmt;
use std::io::{self, IoSlice};
use std::iter;
use std::net::SocketAddr;
#[cfg(unix)]
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::task::{Context, Poll};

use ravelin_core::driver::{Driver, Transport as _};
use ravelin_core::pki_types::CertificateDer;
use ravelin_core::{Connection, Counters, Event, Peer};

use crate::error::{from_core, from_driver};
#[cfg(feature = "net")]
use crate::listener::Permit;
use crate::runtime::{PollIo, Runtime};
use crate::socket::Socket;

pub use handshake::Handshake;
pub use split::{OwnedReadHalf, OwnedWriteHalf, ReuniteError};

/// A TLS connection over `IO`, established.
///
/// The functions that read may be polled by one task and those that write by another. Dropping a future that polls
/// them loses no byte. After [`poll_close`](Self::poll_close) reading goes on until the peer closes too.
///
/// Dropping the stream sends nothing: a peer that has not seen close_notify reports a truncation.
pub struct Secured<IO, R: Runtime> {
    driver: Driver<Socket<IO, R>>,
    #[cfg(feature = "net")]
    permit: Option<Permit>,
}

impl<IO, R: Runtime + PollIo<IO>> Secured<IO, R> {
    pub(crate) fn new(connection: Connection, io: IO) -> Self {
        Self {
            driver: Driver::new(connection, Socket::new(io)),
            #[cfg(feature = "net")]
            permit: None,
        }
    }

    /// Who the peer is. `None` only after a failure.
    pub fn peer(&self) -> Option<&Peer> {
        self.driver.connection().peer()
    }

    /// The certificates that the peer presented, leaf first; none when it presented none.
    pub fn peer_certificates(&self) -> &[CertificateDer<'static>] {
        self.driver.connection().peer_certificates()
    }

    /// The address that a `Listener` accepted it from; `None` when it came another way.
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        #[cfg(feature = "net")]
        return self.permit.as_ref().map(Permit::peer_addr);
        #[cfg(not(feature = "net"))]
        None
    }

    /// What the connection has done so far.
    pub fn counters(&self) -> Counters {
        self.driver.connection().counters()
    }

    /// Drains what happened since the last time, oldest first.
    pub fn events(&mut self) -> impl Iterator<Item = Event> {
        iter::from_fn(|| self.driver.connection_mut().poll_event())
    }

    /// Takes new keys for sending and asks the peer to do the same (RFC 8446, 4.6.3). The request leaves with the next
    /// read, write or flush.
    ///
    /// # Errors
    ///
    /// `BrokenPipe` after closing, `Unsupported` with TLS 1.2, or what the connection failed with.
    pub fn update_keys(&mut self) -> io::Result<()> {
        let now = self.driver.transport().now();
        self.driver
            .connection_mut()
            .update_keys(now)
            .map_err(from_core)
    }

    /// The byte stream below.
    pub fn get_ref(&self) -> &IO {
        self.driver.transport().get_ref()
    }

    /// The byte stream below. Reading from it or writing to it breaks the connection.
    pub fn get_mut(&mut self) -> &mut IO {
        self.driver.transport_mut().get_mut()
    }

    /// The byte stream below, and the plaintext that had arrived and was not read.
    ///
    /// Nothing is sent: [close](Self::poll_close) first to end the connection in order. Bytes that were written and not
    /// yet [flushed](Self::poll_flush), and a record that had not arrived whole, are lost.
    ///
    /// For the limits of a `Listener` the connection ends here.
    pub fn into_inner(self) -> (IO, Vec<u8>) {
        let (mut connection, socket) = self.driver.into_parts();
        let mut unread = Vec::new();
        loop {
            let plaintext = connection.plaintext();
            let len = plaintext.len();
            unread.extend_from_slice(plaintext);
            // Opens the next record that lies here whole.
            if connection.consume(len, socket.now()).is_err() || connection.plaintext().is_empty() {
                return (socket.into_inner(), unread);
            }
        }
    }

    /// Divides it, so that one task can read while another writes.
    pub fn into_split(self) -> (OwnedReadHalf<IO, R>, OwnedWriteHalf<IO, R>) {
        split::split(self)
    }

    /// Moves plaintext into `out`, and returns how many bytes; 0 once the peer has closed.
    ///
    /// # Errors
    ///
    /// `UnexpectedEof` when the byte stream ended without close_notify; see [`tls_error`](crate::tls_error) for others.
    pub fn poll_read(&mut self, cx: &mut Context<'_>, out: &mut [u8]) -> Poll<io::Result<usize>> {
        self.driver.poll_read(cx, out).map_err(from_driver)
    }

    /// Waits for plaintext and lends it, to be taken with [`consume`](Self::consume); empty once the peer has closed.
    ///
    /// # Errors
    ///
    /// Those of [`poll_read`](Self::poll_read).
    pub fn poll_plaintext(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<&mut [u8]>> {
        self.driver.poll_plaintext(cx).map_err(from_driver)
    }

    /// Takes `len` bytes of plaintext.
    pub fn consume(&mut self, len: usize) {
        self.driver.consume(len);
    }

    /// Accepts bytes of `bytes`, and returns how many. They leave as far as the byte stream takes them now; the rest
    /// leaves with the next read, write or flush.
    ///
    /// # Errors
    ///
    /// `BrokenPipe` after closing, `WriteZero` when the byte stream takes nothing; see
    /// [`tls_error`](crate::tls_error) for others.
    pub fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.driver.poll_write(cx, &[bytes]).map_err(from_driver)
    }

    /// As [`poll_write`](Self::poll_write), with the bytes of `slices` as if they were one slice: small ones share a
    /// record. At most 16 that are not empty are looked at.
    ///
    /// # Errors
    ///
    /// Those of [`poll_write`](Self::poll_write).
    pub fn poll_write_vectored(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut parts: [&[u8]; 16] = [&[]; 16];
        let filled = slices.iter().filter(|slice| !slice.is_empty());
        for (part, slice) in parts.iter_mut().zip(filled) {
            *part = slice;
        }
        self.driver.poll_write(cx, &parts).map_err(from_driver)
    }

    /// Hands every byte that was accepted to the byte stream, and flushes that.
    ///
    /// # Errors
    ///
    /// Those of [`poll_write`](Self::poll_write).
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.driver.poll_flush(cx).map_err(from_driver)
    }

    /// Sends what was accepted and close_notify, and ends the writing direction of the byte stream. Reading goes on.
    /// Once it was ready, polling it again does nothing. A byte stream whose peer is gone has ended.
    ///
    /// # Errors
    ///
    /// `TimedOut` when the peer reads no more; those of the byte stream.
    pub fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.driver.poll_close(cx).map_err(from_driver)
    }
}

#[cfg(unix)]
impl<IO: AsFd, R: Runtime + PollIo<IO>> AsFd for Secured<IO, R> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.get_ref().as_fd()
    }
}

#[cfg(unix)]
impl<IO: AsRawFd, R: Runtime + PollIo<IO>> AsRawFd for Secured<IO, R> {
    fn as_raw_fd(&self) -> RawFd {
        self.get_ref().as_raw_fd()
    }
}

impl<IO, R: Runtime> fmt::Debug for Secured<IO, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secured")
            .field("driver", &self.driver)
            .finish_non_exhaustive()
    }
}
