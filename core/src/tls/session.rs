//! The unbuffered loop of one connection.
//!
//! The engine is shown bytes and asked for one thing at a time. Everything that it hands out on the way (handshake
//! records, alerts, plaintext) is taken at once, since it hands it out only once.

use alloc::sync::Arc;
use alloc::vec::Vec;

use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncryptError, UnbufferedConnectionCommon, UnbufferedStatus,
    WriteTraffic,
};
use rustls::{CommonState, HandshakeKind, ProtocolVersion};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::decode;
use super::slot::Slot;
use super::verifier::{Policy, Role};
use crate::error::{Error, LocalError, PeerError};
use crate::event::Version;
use crate::time::Now;
use crate::trust::pin::PinVerdict;

/// More than the header, the content type, the tag and a key update that may go first.
pub(crate) const OVERHEAD: usize = 96;

/// One side of a TLS connection.
pub(crate) struct Session {
    engine: Engine,
    policy: Arc<Policy>,
    slot: Arc<Slot>,
    closed: bool,
}

enum Engine {
    Client {
        connection: UnbufferedClientConnection,
        name: ServerName<'static>,
    },
    Server(UnbufferedServerConnection),
}

/// What to do once the engine has nothing else to say.
pub(crate) enum Action<'a> {
    /// Only look at the bytes.
    Open,
    /// Seal this plaintext; the caller keeps it within one record.
    Seal(&'a [u8]),
    /// Queue close_notify.
    Close,
    /// Ask the peer for new keys, and take new ones.
    UpdateKeys,
}

/// How far an advance came.
#[derive(Default)]
pub(crate) struct Advance {
    /// Bytes at the front that the engine needs no more.
    pub(crate) discard: usize,
    /// Whether close_notify was met.
    pub(crate) peer_closed: bool,
    /// Whether the engine takes application data; the action was carried out exactly then.
    pub(crate) ready: bool,
}

/// What the engine knows of a finished handshake.
#[derive(Clone, Debug)]
pub(crate) struct Negotiated {
    pub(crate) version: Version,
    pub(crate) suite: u16,
    pub(crate) suite_name: &'static str,
    pub(crate) group: u16,
    pub(crate) group_name: &'static str,
    pub(crate) alpn: Option<Vec<u8>>,
    pub(crate) resumed: bool,
}

impl Session {
    pub(crate) fn client(
        connection: UnbufferedClientConnection,
        policy: Arc<Policy>,
        name: ServerName<'static>,
        slot: Arc<Slot>,
    ) -> Self {
        Self {
            engine: Engine::Client { connection, name },
            policy,
            slot,
            closed: false,
        }
    }

    pub(crate) fn server(
        connection: UnbufferedServerConnection,
        policy: Arc<Policy>,
        slot: Arc<Slot>,
    ) -> Self {
        Self {
            engine: Engine::Server(connection),
            policy,
            slot,
            closed: false,
        }
    }

    /// Shows the engine `incoming` and carries out `action` when it is ready for it. Records to send are appended to
    /// `outgoing`; plaintext goes to `sink`, whose borrow the engine does not let us keep.
    ///
    /// On an error the alert is in `outgoing` too, and the session must not be advanced again.
    pub(crate) fn advance(
        &mut self,
        incoming: &mut [u8],
        outgoing: &mut Vec<u8>,
        action: Action<'_>,
        now: Now,
        sink: &mut dyn FnMut(&[u8]),
    ) -> Result<Advance, Error> {
        self.slot.set(now);
        let before = outgoing.len();
        let closes = matches!(action, Action::Close);
        let outcome = match &mut self.engine {
            Engine::Client { connection, .. } => advance(
                connection,
                UnbufferedConnectionCommon::<ClientConnectionData>::process_tls_records,
                incoming,
                outgoing,
                action,
                sink,
            ),
            Engine::Server(connection) => advance(
                connection,
                UnbufferedConnectionCommon::<ServerConnectionData>::process_tls_records,
                incoming,
                outgoing,
                action,
                sink,
            ),
        };
        if self.closed {
            // The engine would let an alert follow close_notify; nothing may (RFC 8446, 6.1).
            outgoing.truncate(before);
        }
        self.closed |= closes;
        outcome
    }

    pub(crate) fn is_handshaking(&self) -> bool {
        self.state().is_handshaking()
    }

    pub(crate) fn is_client(&self) -> bool {
        matches!(self.engine, Engine::Client { .. })
    }

    /// The chain that the peer presented, leaf first.
    pub(crate) fn peer_certificates(&self) -> &[CertificateDer<'static>] {
        self.state()
            .peer_certificates()
            .unwrap_or_else(|| self.slot.chain())
    }

    /// The name that the client asked for: ours on a client, the one in SNI on a server.
    pub(crate) fn server_name(&self) -> Option<&str> {
        match &self.engine {
            Engine::Client {
                name: ServerName::DnsName(name),
                ..
            } => Some(name.as_ref()),
            Engine::Client { .. } => None,
            Engine::Server(_) => self.slot.server_name(),
        }
    }

    /// Tickets handed out or stored since the last call.
    pub(crate) fn take_tickets(&self) -> u32 {
        self.slot.take_tickets()
    }

    pub(crate) fn negotiated(&self) -> Negotiated {
        let state = self.state();
        let suite = state.negotiated_cipher_suite();
        let group = state.negotiated_key_exchange_group();
        Negotiated {
            version: match state.protocol_version() {
                Some(ProtocolVersion::TLSv1_2) => Version::Tls12,
                _ => Version::Tls13,
            },
            suite: suite.map_or(0, |suite| u16::from(suite.suite())),
            suite_name: suite
                .and_then(|suite| suite.suite().as_str())
                .unwrap_or("unknown"),
            group: group.map_or(0, |group| u16::from(group.name())),
            group_name: group
                .and_then(|group| group.name().as_str())
                .unwrap_or("none"),
            alpn: state.alpn_protocol().map(<[u8]>::to_vec),
            resumed: state.handshake_kind() == Some(HandshakeKind::Resumed),
        }
    }

    /// What is left to judge when the handshake has finished, and what the engine's callbacks could not report.
    ///
    /// The pins are judged again, on the path as it is now: this says which one matched, lets a report-only set speak,
    /// and covers a resumed session, for which the engine verifies nothing.
    pub(crate) fn judge(&self, now: UnixTime) -> Result<Option<PinVerdict>, PeerError> {
        let chain = self.peer_certificates();
        if self.is_client() {
            // A session stored from here on must not outlive the chain. A server's verifier has noted it.
            self.slot.expire_with(chain);
        }
        let [leaf, intermediates @ ..] = chain else {
            return Ok(None);
        };
        if self.policy.pins.is_none() {
            return Ok(None);
        }
        let role = match &self.engine {
            Engine::Client { name, .. } => Role::Server(name),
            Engine::Server(_) => Role::Client,
        };
        self.policy.judge(leaf, intermediates, role, now)
    }

    fn state(&self) -> &CommonState {
        match &self.engine {
            Engine::Client { connection, .. } => connection,
            Engine::Server(connection) => connection,
        }
    }
}

type Process<D> = for<'c, 'i> fn(
    &'c mut UnbufferedConnectionCommon<D>,
    &'i mut [u8],
) -> UnbufferedStatus<'c, 'i, D>;

fn advance<D>(
    connection: &mut UnbufferedConnectionCommon<D>,
    process: Process<D>,
    incoming: &mut [u8],
    outgoing: &mut Vec<u8>,
    action: Action<'_>,
    sink: &mut dyn FnMut(&[u8]),
) -> Result<Advance, Error> {
    let mut done = Advance::default();
    let mut action = Some(action);
    loop {
        let rest = incoming.get_mut(done.discard..).unwrap_or_default();
        let UnbufferedStatus { discard, state, .. } = process(connection, rest);
        let mut stop = false;
        match state {
            Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                while let Some(record) = traffic.next_record() {
                    sink(record.map_err(decode)?.payload);
                }
            }
            Ok(ConnectionState::EncodeTlsData(mut data)) => {
                append(outgoing, |out| data.encode(out))?;
            }
            // The outgoing bytes are ours and in order: they count as transmitted.
            Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
            Ok(ConnectionState::PeerClosed) => done.peer_closed = true,
            Ok(ConnectionState::WriteTraffic(traffic)) => {
                done.ready = true;
                match action.take() {
                    Some(action) => {
                        // A key update comes out as a record to encode: once more around.
                        stop = !matches!(action, Action::UpdateKeys);
                        act(traffic, action, outgoing)?;
                    }
                    None => stop = true,
                }
            }
            Ok(ConnectionState::BlockedHandshake | ConnectionState::Closed) => stop = true,
            // Early data is never offered nor accepted.
            Ok(_) => return Err(LocalError::Provider.into()),
            Err(error) => {
                drain_alert(connection, process, incoming, outgoing);
                return Err(decode(error));
            }
        }
        done.discard += discard;
        if stop {
            return Ok(done);
        }
    }
}

fn act<D>(
    mut traffic: WriteTraffic<'_, D>,
    action: Action<'_>,
    outgoing: &mut Vec<u8>,
) -> Result<(), Error> {
    match action {
        Action::Open => Ok(()),
        Action::Seal(plaintext) => write(outgoing, plaintext.len() + OVERHEAD, |out| {
            traffic.encrypt(plaintext, out)
        }),
        Action::Close => write(outgoing, OVERHEAD, |out| traffic.queue_close_notify(out)),
        Action::UpdateKeys => traffic
            .refresh_traffic_keys()
            .map_err(|_| Error::Local(LocalError::NoKeyUpdate)),
    }
}

/// After an error the alert waits in the engine's queue. It is asked only while something is queued: one call more
/// would look at the bad bytes again and queue a second alert.
fn drain_alert<D>(
    connection: &mut UnbufferedConnectionCommon<D>,
    process: Process<D>,
    incoming: &mut [u8],
    outgoing: &mut Vec<u8>,
) {
    while connection.wants_write() {
        match process(connection, incoming).state {
            Ok(ConnectionState::EncodeTlsData(mut data)) => {
                if append(outgoing, |out| data.encode(out)).is_err() {
                    return;
                }
            }
            Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
            Ok(_) | Err(_) => return,
        }
    }
}

/// Appends a handshake record or an alert. The engine says the size when it does not fit, and gives the record only
/// once.
fn append(
    outgoing: &mut Vec<u8>,
    mut encode: impl FnMut(&mut [u8]) -> Result<usize, EncodeError>,
) -> Result<(), Error> {
    let EncodeError::InsufficientSize(short) = (match encode(&mut []) {
        Ok(_) => return Ok(()),
        Err(error) => error,
    }) else {
        return Err(LocalError::Provider.into());
    };
    let start = outgoing.len();
    outgoing.resize(start + short.required_size, 0);
    match encode(outgoing.get_mut(start..).unwrap_or_default()) {
        Ok(written) => {
            outgoing.truncate(start + written);
            Ok(())
        }
        Err(_) => {
            outgoing.truncate(start);
            Err(LocalError::Provider.into())
        }
    }
}

/// Appends what `seal` writes into `room` bytes, or into as many as it asks for.
fn write(
    outgoing: &mut Vec<u8>,
    mut room: usize,
    mut seal: impl FnMut(&mut [u8]) -> Result<usize, EncryptError>,
) -> Result<(), Error> {
    let start = outgoing.len();
    loop {
        outgoing.resize(start + room, 0);
        match seal(outgoing.get_mut(start..).unwrap_or_default()) {
            Ok(written) => {
                outgoing.truncate(start + written);
                return Ok(());
            }
            Err(EncryptError::InsufficientSize(short)) if short.required_size > room => {
                room = short.required_size;
            }
            Err(_) => {
                outgoing.truncate(start);
                return Err(LocalError::KeysExhausted.into());
            }
        }
    }
}
