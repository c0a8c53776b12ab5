//! A [`Connection`] over a blocking socket: the loop of the core, with nothing else around it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, SystemTime};

use ravelin_core::pki_types::UnixTime;
use ravelin_core::{Connection, Event, Instant, Now, Receive, Storage};

use crate::external::PATIENCE;

/// One end of a connection, on a socket.
pub struct Blocking {
    /// The machine.
    pub connection: Connection,
    /// Every event so far.
    pub events: Vec<Event>,
    socket: TcpStream,
    clock: Clock,
}

impl Blocking {
    /// Drives `connection` over `socket`.
    pub fn new(connection: Connection, socket: TcpStream, clock: Clock) -> Self {
        Self {
            connection,
            events: Vec::new(),
            socket,
            clock,
        }
    }

    /// Does what the connection wants until `done`.
    ///
    /// # Errors
    ///
    /// The connection's error once its alert has left, the socket's error, and `TimedOut` when nothing comes.
    pub fn drive(&mut self, mut done: impl FnMut(&mut Connection) -> bool) -> io::Result<()> {
        loop {
            while let Some(event) = self.connection.poll_event() {
                self.events.push(event);
            }
            let interest = self.connection.interest();
            if interest.transmit {
                let written = self.socket.write(self.connection.transmit())?;
                self.connection
                    .handle_transmitted(written, self.clock.now());
                continue;
            }
            if let Some(error) = self.connection.failure() {
                return Err(io::Error::other(error));
            }
            if done(&mut self.connection) {
                return Ok(());
            }
            match interest.receive {
                Receive::NeedsStorage(bytes) => {
                    let _none_before = self.connection.lend(Storage::with_capacity(bytes));
                }
                Receive::Yes => self.receive(interest.deadline.map(|(at, _)| at))?,
                Receive::NeedsConsume | Receive::No => return Err(ErrorKind::UnexpectedEof.into()),
            }
        }
    }

    /// Finishes the handshake.
    ///
    /// # Errors
    ///
    /// Those of [`Self::drive`].
    pub fn establish(&mut self) -> io::Result<()> {
        self.drive(|connection| connection.peer().is_some())
    }

    /// Sends all of `bytes`.
    ///
    /// # Errors
    ///
    /// Those of [`Self::drive`].
    pub fn write_all(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let sent = self.connection.send(&[bytes], self.clock.now());
            bytes = &bytes[sent.map_err(io::Error::other)?..];
            self.drive(|_| true)?;
        }
        Ok(())
    }

    /// Exactly `len` bytes.
    ///
    /// # Errors
    ///
    /// Those of [`Self::drive`], and `UnexpectedEof` when the peer closed before.
    pub fn read_exact(&mut self, len: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        while bytes.len() < len {
            self.drive(|connection| !connection.plaintext().is_empty())?;
            let take = self.connection.plaintext().len().min(len - bytes.len());
            bytes.extend_from_slice(&self.connection.plaintext()[..take]);
            let consumed = self.connection.consume(take, self.clock.now());
            consumed.map_err(io::Error::other)?;
        }
        Ok(bytes)
    }

    /// Takes new keys and asks the peer for the same.
    ///
    /// # Errors
    ///
    /// Those of [`Connection::update_keys`] and [`Self::drive`].
    pub fn update_keys(&mut self) -> io::Result<()> {
        let asked = self.connection.update_keys(self.clock.now());
        asked.map_err(io::Error::other)?;
        self.drive(|_| true)
    }

    /// Sends close_notify.
    ///
    /// # Errors
    ///
    /// Those of [`Self::drive`].
    pub fn close(&mut self) -> io::Result<()> {
        let closed = self.connection.close(self.clock.now());
        closed.map_err(io::Error::other)?;
        self.drive(|_| true)
    }

    /// Waits for the peer's close_notify.
    ///
    /// # Errors
    ///
    /// Those of [`Self::drive`].
    pub fn wait_for_close(&mut self) -> io::Result<()> {
        while !self.events.contains(&Event::PeerClosed) {
            let seen = self.events.len();
            match self.drive(|connection| !connection.plaintext().is_empty()) {
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => {}
                other => other?,
            }
            let left = self.connection.plaintext().len();
            let consumed = self.connection.consume(left, self.clock.now());
            consumed.map_err(io::Error::other)?;
            if left == 0 && self.events.len() == seen {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(())
    }

    fn receive(&mut self, deadline: Option<Instant>) -> io::Result<()> {
        let now = self.clock.now();
        let due = deadline.map(|at| at.saturating_since(now.instant));
        // A timeout of zero would mean none.
        let wait = due
            .unwrap_or(PATIENCE)
            .min(PATIENCE)
            .max(Duration::from_millis(1));
        self.socket.set_read_timeout(Some(wait))?;
        let Some(buffer) = self.connection.receive_buffer() else {
            return Ok(());
        };
        // What the connection fails with is kept there: `drive` reports it when the alert has left.
        let _kept = match self.socket.read(buffer) {
            Ok(0) => self.connection.handle_eof(self.clock.now()),
            Ok(read) => self.connection.handle_received(read, self.clock.now()),
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                if due.is_none_or(|due| due > PATIENCE) {
                    return Err(ErrorKind::TimedOut.into());
                }
                self.connection.handle_timeout(self.clock.now())
            }
            Err(error) => return Err(error),
        };
        Ok(())
    }
}

/// The system's clocks, the wall clock perhaps ahead.
#[derive(Clone, Copy)]
pub struct Clock {
    origin: std::time::Instant,
    ahead: Duration,
}

impl Clock {
    /// The system's clocks.
    pub fn system() -> Self {
        Self::ahead(Duration::ZERO)
    }

    /// The system's clocks, with a wall clock that is `by` ahead.
    pub fn ahead(by: Duration) -> Self {
        Self {
            origin: std::time::Instant::now(),
            ahead: by,
        }
    }

    /// The time now.
    pub fn now(&self) -> Now {
        let micros = u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX);
        let unix = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        Now::new(
            Instant::from_micros(micros),
            UnixTime::since_unix_epoch(unix + self.ahead),
        )
    }
}
