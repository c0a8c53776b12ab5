//! The machine: one TLS connection, without a socket and without a clock.

mod records;

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;

use rustls_pki_types::{CertificateDer, ServerName};

use crate::buffer::{Incoming, Opened, Outgoing, Parts, Storage};
use crate::config::{ClientConfig, Limits, ServerConfig, Settings, Timeouts};
use crate::error::{Deadline, Error, LocalError};
use crate::event::{Counters, Event, Events, Version};
use crate::peer::Peer;
use crate::time::{Instant, Now};
use crate::tls::server::Authentication;
use crate::tls::session::{Action, OVERHEAD, Session};
use crate::tls::slot::Slot;

/// One side of a TLS connection.
///
/// The caller moves bytes and time in and out; this type decides. **After any call that moves the connection (a
/// constructor, `handle_*`, `consume`, `read`, `send`, `close`, `update_keys`, `lend`), drain
/// [`poll_event`](Self::poll_event), then do what [`interest`](Self::interest) says, and block only on what it names.**
///
/// The two directions are independent: a connection that cannot transmit still receives.
///
/// The first error that ends the connection is kept. Every later call returns it again, except those that drain:
/// [`transmit`](Self::transmit) still holds the alert for the peer.
pub struct Connection {
    session: Session,
    incoming: Incoming,
    opened: Opened,
    outgoing: Outgoing,
    events: Events,
    counters: Counters,
    peer: Option<Box<Peer>>,
    limits: Limits,
    timeouts: Timeouts,
    allow_truncation: bool,
    expects_certificate: bool,
    state: State,
    started: Instant,
    /// The last moment at which a byte went in or out.
    active: Instant,
    /// Since when the peer owes the rest of a record or a handshake message.
    partial: Option<Instant>,
    /// Since when the last bytes wait to leave.
    closing: Option<Instant>,
}

#[derive(Clone, Copy, Debug, Default)]
struct State {
    established: bool,
    peer_closed: bool,
    closed: bool,
    eof: bool,
    key_update_due: bool,
    failure: Option<Error>,
}

/// What a connection can do next: the only answer to "what now, and may I block?".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Interest {
    /// Whether bytes from the transport are wanted.
    pub receive: Receive,
    /// Whether plaintext waits, or a record that may hold some: [`Connection::read`] it, or
    /// [`Connection::consume`] what [`Connection::plaintext`] shows, before you block.
    pub readable: bool,
    /// Whether [`Connection::transmit`] holds bytes for the transport.
    pub transmit: bool,
    /// When to call [`Connection::handle_timeout`], and what for.
    pub deadline: Option<(Instant, Deadline)>,
    /// How far the connection is.
    pub phase: Phase,
}

/// Whether a connection wants bytes from the transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receive {
    /// [`Connection::receive_buffer`] has room.
    Yes,
    /// First [`Connection::lend`] a storage of at least this many bytes.
    NeedsStorage(usize),
    /// First take plaintext, with [`Connection::consume`] or [`Connection::read`].
    NeedsConsume,
    /// Nothing more will be received.
    No,
}

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The handshake goes on. `send` accepts nothing yet.
    Handshaking,
    /// Plaintext flows both ways.
    Established,
    /// The peer sent close_notify; this side may still send.
    SendOnly,
    /// This side sent close_notify; the peer may still send.
    ReceiveOnly,
    /// Both sides sent close_notify, or this side closed before the handshake was done.
    Closed,
    /// An error ended the connection; [`Connection::failure`] tells which.
    Failed,
}

impl Connection {
    /// The client's side, for a server that must prove to be `peer`. The ClientHello waits in
    /// [`transmit`](Self::transmit) afterwards.
    ///
    /// # Errors
    ///
    /// When the crypto provider fails.
    pub fn client(
        config: &ClientConfig,
        peer: ServerName<'static>,
        now: Now,
    ) -> Result<Self, Error> {
        let slot = Arc::new(Slot::new(now));
        let session = config.engine().session(peer, slot)?;
        let mut connection = Self::new(session, config.settings(), false, now);
        connection.act(Action::Open, now)?;
        Ok(connection)
    }

    /// The server's side.
    ///
    /// # Errors
    ///
    /// When the crypto provider fails.
    pub fn server(config: &ServerConfig, now: Now) -> Result<Self, Error> {
        let slot = Arc::new(Slot::new(now));
        let session = config.engine().session(slot)?;
        let expects_certificate = config.engine().client_auth() != Authentication::None;
        Ok(Self::new(
            session,
            config.settings(),
            expects_certificate,
            now,
        ))
    }

    fn new(session: Session, settings: &Settings, expects_certificate: bool, now: Now) -> Self {
        Self {
            session,
            incoming: Incoming::default(),
            opened: Opened::default(),
            outgoing: Outgoing::default(),
            events: Events::default(),
            counters: Counters::default(),
            peer: None,
            limits: settings.limits,
            timeouts: settings.timeouts,
            allow_truncation: settings.allow_truncation,
            expects_certificate,
            state: State::default(),
            started: now.instant,
            active: now.instant,
            partial: None,
            closing: None,
        }
    }

    /// What can be done next.
    pub fn interest(&self) -> Interest {
        Interest {
            receive: self.receive(),
            readable: self.readable(),
            transmit: !self.outgoing.is_empty(),
            deadline: self.deadline(),
            phase: self.phase(),
        }
    }

    /// The next event, oldest first. At most 16 are kept; when some were lost the last one says how many.
    pub fn poll_event(&mut self) -> Option<Event> {
        let event = self.events.pop();
        if let Some(Event::EventsDropped { count }) = event {
            self.counters.events_dropped += u64::from(count);
        }
        event
    }

    /// Tells the connection the time, once its [deadline](Interest::deadline) has come. A call before is harmless.
    ///
    /// # Errors
    ///
    /// The deadline that passed, or the error kept.
    pub fn handle_timeout(&mut self, now: Now) -> Result<(), Error> {
        let due = self.deadline().filter(|(at, _)| *at <= now.instant);
        match due {
            Some((_, Deadline::Close)) => {
                self.outgoing.clear();
                self.closing = None;
                self.fail(Error::Timeout(Deadline::Close), now);
                self.check()
            }
            Some((_, deadline)) => {
                self.refuse(Error::Timeout(deadline), now);
                self.check()
            }
            None => self.check(),
        }
    }

    // Network side.

    /// The room for bytes from the transport; never empty. `None` when [`Interest::receive`] is not
    /// [`Receive::Yes`].
    pub fn receive_buffer(&mut self) -> Option<&mut [u8]> {
        if self.receive() == Receive::Yes {
            Some(self.incoming.spare())
        } else {
            None
        }
    }

    /// `len` bytes were written to the front of [`receive_buffer`](Self::receive_buffer).
    ///
    /// # Errors
    ///
    /// What the bytes made the connection fail with, or the error kept.
    pub fn handle_received(&mut self, len: usize, now: Now) -> Result<(), Error> {
        self.check()?;
        let len = self.incoming.filled(len);
        self.counters.received += len as u64;
        if len > 0 {
            self.active = now.instant;
        }
        self.advance(now, &mut []);
        self.check()
    }

    /// The transport will give no more bytes.
    ///
    /// Without close_notify that is a truncation. It is reported once everything that arrived before has been taken:
    /// here, or by the [`consume`](Self::consume) or [`read`](Self::read) that takes the last byte.
    ///
    /// # Errors
    ///
    /// [`PeerError::Truncated`](crate::PeerError::Truncated), or the error kept.
    pub fn handle_eof(&mut self, now: Now) -> Result<(), Error> {
        self.check()?;
        self.state.eof = true;
        self.advance(now, &mut []);
        self.check()
    }

    /// The bytes for the transport. Also after an error: they then end with the alert.
    pub fn transmit(&self) -> &[u8] {
        self.outgoing.bytes()
    }

    /// The transport took `len` bytes from the front of [`transmit`](Self::transmit).
    pub fn handle_transmitted(&mut self, len: usize, now: Now) {
        let taken = self.outgoing.take(len);
        self.counters.transmitted += taken as u64;
        if taken > 0 {
            self.active = now.instant;
        }
        if self.outgoing.is_empty() {
            self.closing = None;
        }
        if self.state.key_update_due && self.check().is_ok() {
            // An error is kept, and shown by the next call that can return one.
            let _ = self.update_keys_when_due(now);
        }
    }

    // Application side.

    /// The plaintext of the last record that has not been consumed. Empty when there is none.
    pub fn plaintext(&mut self) -> &mut [u8] {
        self.opened.bytes()
    }

    /// Takes `len` bytes from the front of [`plaintext`](Self::plaintext). Once all are taken, the next record that
    /// already lies here is opened.
    ///
    /// # Errors
    ///
    /// What that record made the connection fail with, or the error kept.
    pub fn consume(&mut self, len: usize, now: Now) -> Result<(), Error> {
        self.check()?;
        self.opened.take(len);
        self.advance(now, &mut []);
        self.check()
    }

    /// Moves plaintext into `out`; records that already lie here are opened straight into it. Returns how many bytes:
    /// 0 means that there are none yet, or, after [`Event::PeerClosed`], none any more.
    ///
    /// # Errors
    ///
    /// What a record made the connection fail with, when nothing was moved, or the error kept.
    pub fn read(&mut self, out: &mut [u8], now: Now) -> Result<usize, Error> {
        self.check()?;
        let held = self.opened.bytes();
        let moved = held.len().min(out.len());
        let (front, rest) = out.split_at_mut(moved);
        front.copy_from_slice(held.get(..moved).unwrap_or_default());
        self.opened.take(moved);
        let moved = moved + self.advance(now, rest);
        if moved == 0 {
            // After good bytes an error waits for the next call.
            self.check()?;
        }
        Ok(moved)
    }

    /// Seals the bytes of `parts`, in order, as if they were one slice. Returns how many were accepted: less than all
    /// when the limit of outgoing bytes is reached, 0 before the connection is established. The rest is to be sent
    /// again once `transmit` has been drained.
    ///
    /// # Errors
    ///
    /// [`LocalError::Closed`] after [`close`](Self::close); the error kept.
    pub fn send(&mut self, parts: &[&[u8]], now: Now) -> Result<usize, Error> {
        self.check()?;
        if self.state.closed {
            return Err(LocalError::Closed.into());
        }
        if !self.state.established {
            return Ok(0);
        }
        self.update_keys_when_due(now)?;
        let mut parts = Parts::new(parts);
        let mut sent = 0;
        loop {
            let room = self
                .limits
                .outgoing
                .saturating_sub(self.outgoing.len() + OVERHEAD);
            let len = parts.remaining().min(self.limits.fragment);
            if len == 0 || len > room {
                return Ok(sent);
            }
            let gathered;
            let fragment = match parts.contiguous(len) {
                Some(fragment) => fragment,
                None => {
                    gathered = parts.gather(len);
                    &gathered
                }
            };
            self.act(Action::Seal(fragment), now)?;
            parts.advance(len);
            sent += len;
            self.counters.sealed += len as u64;
        }
    }

    /// Sends close_notify: the peer learns that nothing more will come. Receiving goes on (half close, RFC 8446, 6.1).
    /// A second call does nothing. Before the connection is established there is nothing to close in order: it ends.
    ///
    /// # Errors
    ///
    /// The error kept.
    pub fn close(&mut self, now: Now) -> Result<(), Error> {
        self.check()?;
        if self.state.closed {
            return Ok(());
        }
        self.state.closed = true;
        self.state.key_update_due = false;
        if self.state.established {
            self.act(Action::Close, now)?;
        } else {
            self.incoming.clear();
            self.outgoing.clear();
        }
        self.wait_for_last_bytes(now);
        Ok(())
    }

    /// Takes new keys for sending and asks the peer to do the same (RFC 8446, 4.6.3). Peers refuse whoever asks often
    /// without sending data; rustls counts to 32. While too many bytes wait for transmission, or half a handshake
    /// message of the peer has arrived, it is put off; several calls until then are one.
    ///
    /// # Errors
    ///
    /// [`LocalError::NotEstablished`], [`LocalError::NoKeyUpdate`], [`LocalError::Closed`]; the error kept.
    pub fn update_keys(&mut self, now: Now) -> Result<(), Error> {
        self.check()?;
        if self.state.closed {
            return Err(LocalError::Closed.into());
        }
        if !self.state.established {
            return Err(LocalError::NotEstablished.into());
        }
        if self.peer().map(Peer::version) != Some(Version::Tls13) {
            return Err(LocalError::NoKeyUpdate.into());
        }
        self.state.key_update_due = true;
        self.update_keys_when_due(now)
    }

    /// Who the peer is, once the connection is established. After a [probe](ClientConfig::probe): who it claims to be.
    pub fn peer(&self) -> Option<&Peer> {
        self.peer.as_deref()
    }

    /// The certificates that the peer presented, leaf first; none when it presented none.
    pub fn peer_certificates(&self) -> &[CertificateDer<'static>] {
        self.session.peer_certificates()
    }

    /// What has been done so far.
    pub fn counters(&self) -> Counters {
        let mut counters = self.counters;
        counters.events_dropped += u64::from(self.events.dropped());
        counters
    }

    /// The error that ended the connection.
    pub fn failure(&self) -> Option<Error> {
        self.state.failure
    }

    // Storage.

    /// Lends a receive storage. Bytes held move into it. Returns what is free afterwards: the storage before, or this
    /// one when the bytes held do not fit.
    pub fn lend(&mut self, storage: Storage) -> Option<Storage> {
        self.incoming.lend(storage)
    }

    /// Gives the storage back, so that an idle connection holds none. `None` while bytes are held in it, or when none
    /// is lent.
    pub fn take_storage(&mut self) -> Option<Storage> {
        self.incoming.take()
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("phase", &self.phase())
            .field("peer", &self.peer)
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}
