//! Two connections with a wire between them, on simulated time.
//!
//! Nothing moves unless a test moves it: bytes wait on the wire until they are delivered, in pieces of any size, and the
//! clock stands still until it is advanced.

use std::collections::VecDeque;
use std::time::Duration;

use ravelin_core::pki_types::{ServerName, UnixTime};
use ravelin_core::{
    ClientConfig, Connection, Error, Event, Instant, Now, Phase, Receive, ServerConfig, Storage,
};

use crate::ca;

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The one that began.
    Client,
    /// The other.
    Server,
}

impl Side {
    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

/// A client and a server, and the time for both.
pub struct Pair {
    /// The client's end.
    pub client: Endpoint,
    /// The server's end.
    pub server: Endpoint,
    /// The time now.
    pub now: Now,
}

/// One end: its connection, the wire that leads to it, and what came out of it.
pub struct Endpoint {
    /// The connection.
    pub connection: Connection,
    /// Bytes under way to it.
    pub wire: VecDeque<u8>,
    /// Whether the wire ends behind these bytes.
    pub wire_ended: bool,
    /// Every event so far.
    pub events: Vec<Event>,
    /// All plaintext taken so far.
    pub plaintext: Vec<u8>,
    /// Whether plaintext is taken as soon as it is there.
    pub reading: bool,
    /// All bytes that it transmitted.
    pub transcript: Vec<u8>,
    /// The first error that a call returned.
    pub error: Option<Error>,
    /// The capacity of the largest storage that it asked for, in bytes.
    pub largest_storage: usize,
    eof_told: bool,
}

impl Pair {
    /// A client that asks for `localhost`, at [`ca::NOW`].
    pub fn new(client: &ClientConfig, server: &ServerConfig) -> Self {
        Self::at(client, server, "localhost", ca::NOW)
    }

    /// A client that asks for `name`, at `unix` seconds.
    pub fn at(client: &ClientConfig, server: &ServerConfig, name: &'static str, unix: u64) -> Self {
        let now = Now::new(
            Instant::from_micros(1_000_000),
            UnixTime::since_unix_epoch(Duration::from_secs(unix)),
        );
        let name = ServerName::try_from(name).expect("a server name");
        Self {
            client: Endpoint::new(Connection::client(client, name, now).expect("a client")),
            server: Endpoint::new(Connection::server(server, now).expect("a server")),
            now,
        }
    }

    /// The end of `side`.
    pub fn end(&mut self, side: Side) -> &mut Endpoint {
        match side {
            Side::Client => &mut self.client,
            Side::Server => &mut self.server,
        }
    }

    /// Puts what `side` has to transmit on the wire. Returns whether there was anything.
    pub fn transmit(&mut self, side: Side) -> bool {
        let now = self.now;
        let bytes = self.end(side).transmit(now);
        let any = !bytes.is_empty();
        self.end(side.other()).wire.extend(bytes);
        any
    }

    /// Delivers at most `limit` bytes from the wire to `side`, and then the wire's end. Returns whether anything was.
    pub fn deliver(&mut self, side: Side, limit: usize) -> bool {
        let now = self.now;
        self.end(side).deliver(limit, now)
    }

    /// Moves everything both ways, in pieces of at most `chunk` bytes, until nothing moves.
    pub fn drive_in(&mut self, chunk: usize) {
        loop {
            let mut moved = false;
            for side in [Side::Client, Side::Server] {
                moved |= self.transmit(side);
                moved |= self.deliver(side.other(), chunk);
            }
            if !moved {
                return;
            }
        }
    }

    /// Moves everything both ways until nothing moves.
    pub fn drive(&mut self) {
        self.drive_in(usize::MAX);
    }

    /// Drives the handshake, which must succeed.
    pub fn establish(&mut self) {
        self.drive();
        assert_eq!(self.client.error, None, "client");
        assert_eq!(self.server.error, None, "server");
        assert_eq!(self.client.phase(), Phase::Established);
        assert_eq!(self.server.phase(), Phase::Established);
    }

    /// Seals `plaintext` on `side`; all of it must be accepted.
    pub fn send(&mut self, side: Side, plaintext: &[u8]) {
        let now = self.now;
        let accepted = self.end(side).connection.send(&[plaintext], now);
        assert_eq!(accepted, Ok(plaintext.len()));
    }

    /// Closes the sending direction of `side`.
    pub fn close(&mut self, side: Side) {
        let now = self.now;
        let outcome = self.end(side).connection.close(now);
        self.end(side).note(outcome);
        self.end(side).settle(now);
    }

    /// Has `side` take new keys, and ask for some.
    pub fn update_keys(&mut self, side: Side) {
        let now = self.now;
        let outcome = self.end(side).connection.update_keys(now);
        self.end(side).note(outcome);
        self.end(side).settle(now);
    }

    /// Ends the transport of `side`: behind what is under way to the other, nothing follows.
    pub fn hang_up(&mut self, side: Side) {
        self.end(side.other()).wire_ended = true;
    }

    /// Lets time pass. Deadlines that come are told to their connections, in order.
    pub fn advance(&mut self, by: Duration) {
        self.now.instant = self.now.instant + by;
        let unix = Duration::from_secs(self.now.unix.as_secs()) + by;
        self.now.unix = UnixTime::since_unix_epoch(unix);
        let now = self.now;
        for side in [Side::Client, Side::Server] {
            self.end(side).handle_timeout(now);
        }
    }
}

impl Endpoint {
    /// An end whose wire is empty.
    pub fn new(connection: Connection) -> Self {
        Self {
            connection,
            wire: VecDeque::new(),
            wire_ended: false,
            events: Vec::new(),
            plaintext: Vec::new(),
            reading: true,
            transcript: Vec::new(),
            error: None,
            largest_storage: 0,
            eof_told: false,
        }
    }

    /// How far it is.
    pub fn phase(&self) -> Phase {
        self.connection.interest().phase
    }

    /// Takes everything that it has to transmit.
    pub fn transmit(&mut self, now: Now) -> Vec<u8> {
        let bytes = self.connection.transmit().to_vec();
        self.transcript.extend_from_slice(&bytes);
        self.connection.handle_transmitted(bytes.len(), now);
        self.settle(now);
        bytes
    }

    /// Delivers at most `limit` bytes from its wire, and then the wire's end. Returns whether anything was.
    pub fn deliver(&mut self, limit: usize, now: Now) -> bool {
        if let Receive::NeedsStorage(bytes) = self.connection.interest().receive {
            self.connection.lend(Storage::with_capacity(bytes));
            self.largest_storage = self.largest_storage.max(bytes);
        }
        let Some(buffer) = self.connection.receive_buffer() else {
            return false;
        };
        assert!(!buffer.is_empty(), "a receive buffer is never empty");
        let len = buffer.len().min(limit).min(self.wire.len());
        for byte in buffer.iter_mut().take(len) {
            *byte = self.wire.pop_front().expect("counted");
        }
        let ended = len == 0 && self.wire.is_empty() && self.wire_ended && !self.eof_told;
        if len == 0 && !ended {
            return false;
        }
        let outcome = if ended {
            self.eof_told = true;
            self.connection.handle_eof(now)
        } else {
            self.connection.handle_received(len, now)
        };
        self.note(outcome);
        self.settle(now);
        true
    }

    /// Delivers `bytes`, as if they were the next on the wire, as far as they are taken.
    pub fn receive(&mut self, bytes: &[u8], now: Now) {
        self.wire.extend(bytes);
        while self.deliver(usize::MAX, now) {}
    }

    /// Takes plaintext, when it reads, and events.
    pub fn settle(&mut self, now: Now) {
        while self.reading && !self.connection.plaintext().is_empty() {
            let plaintext = self.connection.plaintext().to_vec();
            self.plaintext.extend_from_slice(&plaintext);
            let outcome = self.connection.consume(plaintext.len(), now);
            self.note(outcome);
        }
        while let Some(event) = self.connection.poll_event() {
            self.events.push(event);
        }
    }

    /// Keeps the first error.
    pub fn note(&mut self, outcome: Result<(), Error>) {
        if let Err(error) = outcome {
            self.error.get_or_insert(error);
        }
    }

    fn handle_timeout(&mut self, now: Now) {
        while let Some((at, _)) = self.connection.interest().deadline
            && at <= now.instant
        {
            let outcome = self.connection.handle_timeout(now);
            self.note(outcome);
        }
        self.settle(now);
    }
}
