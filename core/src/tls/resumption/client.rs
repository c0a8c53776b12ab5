//! The client's sessions.

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::fmt;
use std::sync::Mutex;

use rustls::NamedGroup;
use rustls::client::{
    ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls12Resumption,
    Tls13ClientSessionValue,
};
use rustls_pki_types::ServerName;

use super::lock;
use crate::config::Epoch;
use crate::tls::client::Origin;
use crate::tls::slot::Slot;

/// Tickets that a client keeps for one server.
const PER_SERVER: usize = 8;

/// Where a client keeps the sessions that it may resume: 256 tickets by default, eight of one server at most; the oldest
/// makes room for the newest. A clone shares them, so a reloaded configuration with the same policy and the same
/// identity goes on resuming.
///
/// Only TLS 1.3 sessions are kept; a TLS 1.2 connection always begins with a full handshake.
#[derive(Clone, Debug)]
pub struct ClientResumption(Option<Arc<ClientSessions>>);

impl ClientResumption {
    /// Keeps `capacity` tickets at most, over all servers.
    pub fn sessions(capacity: usize) -> Self {
        Self(Some(Arc::new(ClientSessions {
            capacity,
            state: Mutex::default(),
        })))
    }

    /// Every handshake is a full one.
    pub fn disabled() -> Self {
        Self(None)
    }

    /// How many tickets are kept now.
    pub fn len(&self) -> usize {
        self.0
            .as_ref()
            .map_or(0, |sessions| lock(&sessions.state).tickets.len())
    }

    /// Whether no ticket is kept.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What a configuration that is built now verifies and presents with: the objects of the last one of that `epoch`,
    /// so that it can resume the sessions of that one.
    pub(in crate::tls) fn share(&self, epoch: Epoch, origin: Origin) -> Origin {
        let Some(sessions) = &self.0 else {
            return origin;
        };
        match &mut lock(&sessions.state).origin {
            Some((last, shared)) if *last == epoch => shared.clone(),
            last => {
                *last = Some((epoch, origin.clone()));
                origin
            }
        }
    }

    pub(in crate::tls) fn for_connection(&self, epoch: Epoch, slot: &Arc<Slot>) -> Resumption {
        let Some(sessions) = &self.0 else {
            return Resumption::disabled();
        };
        Resumption::store(Arc::new(ClientHandle {
            sessions: Arc::clone(sessions),
            epoch,
            slot: Arc::clone(slot),
        }))
        .tls12_resumption(Tls12Resumption::Disabled)
    }
}

impl Default for ClientResumption {
    fn default() -> Self {
        Self::sessions(256)
    }
}

struct ClientSessions {
    capacity: usize,
    state: Mutex<ClientState>,
}

#[derive(Default)]
struct ClientState {
    tickets: VecDeque<ClientTicket>,
    groups: VecDeque<(ServerName<'static>, NamedGroup)>,
    origin: Option<(Epoch, Origin)>,
}

struct ClientTicket {
    server: ServerName<'static>,
    epoch: Epoch,
    issued: u32,
    expires: u32,
    session: Tls13ClientSessionValue,
}

impl fmt::Debug for ClientSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientSessions")
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}

/// The client's sessions as one connection sees them.
#[derive(Debug)]
struct ClientHandle {
    sessions: Arc<ClientSessions>,
    epoch: Epoch,
    slot: Arc<Slot>,
}

impl ClientSessionStore for ClientHandle {
    fn set_kx_hint(&self, server_name: ServerName<'static>, group: NamedGroup) {
        let mut state = lock(&self.sessions.state);
        state.groups.retain(|(server, _)| *server != server_name);
        state.groups.push_back((server_name, group));
        while state.groups.len() > self.sessions.capacity {
            state.groups.pop_front();
        }
    }

    fn kx_hint(&self, server_name: &ServerName<'_>) -> Option<NamedGroup> {
        let state = lock(&self.sessions.state);
        let (_, group) = state
            .groups
            .iter()
            .find(|(server, _)| server == server_name)?;
        Some(*group)
    }

    fn set_tls12_session(
        &self,
        _server_name: ServerName<'static>,
        _value: Tls12ClientSessionValue,
    ) {
    }

    fn tls12_session(&self, _server_name: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }

    fn remove_tls12_session(&self, _server_name: &ServerName<'static>) {}

    fn insert_tls13_ticket(
        &self,
        server_name: ServerName<'static>,
        value: Tls13ClientSessionValue,
    ) {
        if self.sessions.capacity == 0 {
            return;
        }
        let mut state = lock(&self.sessions.state);
        // A server that hands out many takes no room from the others.
        let mut of_server = (0..)
            .zip(&state.tickets)
            .filter(|(_, ticket)| ticket.server == server_name);
        if let Some((oldest, _)) = of_server.next()
            && of_server.count() + 1 >= PER_SERVER
        {
            state.tickets.remove(oldest);
        }
        state.tickets.push_back(ClientTicket {
            server: server_name,
            epoch: self.epoch,
            issued: self.slot.now(),
            expires: self.slot.expires(),
            session: value,
        });
        while state.tickets.len() > self.sessions.capacity {
            state.tickets.pop_front();
        }
        self.slot.count_ticket();
    }

    fn take_tls13_ticket(
        &self,
        server_name: &ServerName<'static>,
    ) -> Option<Tls13ClientSessionValue> {
        let now = self.slot.now();
        let mut state = lock(&self.sessions.state);
        state.tickets.retain(|ticket| now <= ticket.expires);
        let newest = state.tickets.iter().rposition(|ticket| {
            ticket.server == *server_name && ticket.epoch == self.epoch && ticket.issued <= now
        })?;
        state.tickets.remove(newest).map(|ticket| ticket.session)
    }
}
