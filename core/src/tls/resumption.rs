//! Session resumption (RFC 8446, 2.2) that knows the policy.
//!
//! The engine resumes whatever its stores hand it. These stores hand out a session only under the policy epoch that it
//! began with, within its lifetime, and before the first certificate of the peer's chain expires: anything else ends in
//! a full handshake, where the policy judges anew.

mod client;

pub use client::ClientResumption;

use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustls::crypto::CryptoProvider;
use rustls::crypto::cipher::{
    AeadKey, InboundOpaqueMessage, Iv, OutboundChunks, OutboundPlainMessage, Tls13AeadAlgorithm,
};
use rustls::server::{ProducesTickets, StoresServerSessions};
use rustls::{ContentType, ProtocolVersion, SupportedCipherSuite};
use zeroize::{Zeroize, Zeroizing};

use super::slot::Slot;
use crate::config::Epoch;

const LIFETIME: u32 = 6 * 60 * 60;
/// RFC 8446, 4.6.1: seven days.
const LONGEST: u32 = 7 * 24 * 60 * 60;

/// How a server lets clients resume: by default with tickets that it seals itself, one for each connection, for six
/// hours. A clone shares the keys or the cache, so a reloaded configuration goes on resuming what its policy allows.
///
/// Sessions are tied to the policy's [`Epoch`]: under another one the client gets a full handshake.
#[derive(Clone, Debug)]
pub struct ServerResumption {
    store: ServerStore,
    lifetime: u32,
    tickets: u8,
}

#[derive(Clone, Debug)]
enum ServerStore {
    Disabled,
    Tickets(Arc<TicketKeys>),
    Cache(Arc<SessionCache>),
}

impl ServerResumption {
    /// Stateless tickets (RFC 8446, 4.6.1), sealed under a key that is replaced once a lifetime. The key before is
    /// still accepted.
    ///
    /// The sealing cipher is a TLS 1.3 suite of the provider with a 32-byte key; a provider without one hands out no
    /// tickets.
    pub fn tickets() -> Self {
        Self::new(ServerStore::Tickets(Arc::default()))
    }

    /// Sessions kept in memory, `capacity` of them at most; the oldest makes room for the newest.
    pub fn cache(capacity: usize) -> Self {
        Self::new(ServerStore::Cache(Arc::new(SessionCache::new(capacity))))
    }

    /// Every handshake is a full one.
    pub fn disabled() -> Self {
        Self::new(ServerStore::Disabled)
    }

    /// How long a session may be resumed, counted from its full handshake; at most seven days (RFC 8446, 4.6.1), six
    /// hours by default.
    #[must_use]
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = u32::try_from(lifetime.as_secs())
            .unwrap_or(LONGEST)
            .min(LONGEST);
        self
    }

    /// How many tickets each connection gets. One by default: clients use a ticket once. 0 means none, and that nothing
    /// is resumed. Where a client's chain makes them large there are fewer: one, or 16 KiB of them.
    #[must_use]
    pub fn count(mut self, tickets: u8) -> Self {
        self.tickets = tickets;
        self
    }

    fn new(store: ServerStore) -> Self {
        Self {
            store,
            lifetime: LIFETIME,
            tickets: 1,
        }
    }

    /// Puts the stores of one connection into the engine's configuration.
    pub(super) fn install(
        &self,
        config: &mut rustls::ServerConfig,
        epoch: Epoch,
        provider: &Arc<CryptoProvider>,
        slot: &Arc<Slot>,
    ) {
        let envelope = Envelope {
            epoch,
            lifetime: self.lifetime,
            slot: Arc::clone(slot),
        };
        let tickets = match self.store {
            ServerStore::Disabled => 0,
            ServerStore::Tickets(_) | ServerStore::Cache(_) => self.tickets,
        };
        config.send_tls13_tickets = usize::from(tickets);
        config.max_tls13_tickets = usize::from(tickets);
        match &self.store {
            ServerStore::Disabled => {}
            // TLS 1.2 knows no number of tickets: it sends one whenever there is a ticketer.
            _ if tickets == 0 => {}
            ServerStore::Tickets(keys) => {
                config.ticketer = Arc::new(Ticketer {
                    keys: Arc::clone(keys),
                    provider: Arc::clone(provider),
                    envelope,
                });
            }
            ServerStore::Cache(cache) => {
                config.session_storage = Arc::new(CacheHandle {
                    cache: Arc::clone(cache),
                    envelope,
                });
            }
        }
    }
}

impl Default for ServerResumption {
    fn default() -> Self {
        Self::tickets()
    }
}

/// What a session is wrapped in: the conditions under which it may be used again.
#[derive(Debug)]
struct Envelope {
    epoch: Epoch,
    lifetime: u32,
    slot: Arc<Slot>,
}

const ENVELOPE: usize = 16 + 4 + 4;

impl Envelope {
    fn wrap(&self, session: &[u8]) -> Zeroizing<Vec<u8>> {
        let now = self.slot.now();
        let mut wrapped = Zeroizing::new(Vec::with_capacity(ENVELOPE + session.len()));
        wrapped.extend_from_slice(&self.epoch.0);
        wrapped.extend_from_slice(&now.to_be_bytes());
        wrapped.extend_from_slice(&self.slot.expires().to_be_bytes());
        wrapped.extend_from_slice(session);
        wrapped
    }

    /// The session, when every condition holds now.
    fn unwrap<'a>(&self, wrapped: &'a [u8]) -> Option<&'a [u8]> {
        let (epoch, rest) = wrapped.split_first_chunk::<16>()?;
        let (issued, rest) = rest.split_first_chunk::<4>()?;
        let (expires, session) = rest.split_first_chunk::<4>()?;
        let (issued, expires) = (u32::from_be_bytes(*issued), u32::from_be_bytes(*expires));
        let now = self.slot.now();
        let fresh = issued <= now && now - issued <= self.lifetime && now <= expires;
        if *epoch != self.epoch.0 || !fresh {
            return None;
        }
        // The tickets of the resumed connection outlive neither the chain nor the session's lifetime (RFC 8446, 4.6.1):
        // or whoever comes back often enough would never be judged again.
        self.slot
            .set_expires(expires.min(issued.saturating_add(self.lifetime)));
        Some(session)
    }
}

/// Keys that seal tickets: the current one, and the one before.
#[derive(Default)]
struct TicketKeys(Mutex<VecDeque<TicketKey>>);

struct TicketKey {
    name: [u8; 8],
    secret: Zeroizing<[u8; 32]>,
    since: u32,
}

impl TicketKeys {
    /// The key to seal with at `now`, made or replaced when it is due.
    fn current(
        &self,
        provider: &CryptoProvider,
        now: u32,
        lifetime: u32,
    ) -> Option<([u8; 8], AeadKey)> {
        let mut keys = lock(&self.0);
        // A clock that was far ahead for a moment must not stop the rotation until then.
        let due = keys.front().is_none_or(|key| {
            now.saturating_sub(key.since) >= lifetime || key.since.saturating_sub(now) > lifetime
        });
        if due {
            let mut name = [0; 8];
            let mut secret = Zeroizing::new([0; 32]);
            provider.secure_random.fill(&mut name).ok()?;
            provider.secure_random.fill(secret.as_mut_slice()).ok()?;
            keys.push_front(TicketKey {
                name,
                secret,
                since: now,
            });
            keys.truncate(2);
        }
        keys.front()
            .map(|key| (key.name, AeadKey::from(*key.secret)))
    }

    fn named(&self, name: [u8; 8]) -> Option<AeadKey> {
        lock(&self.0)
            .iter()
            .find(|key| key.name == name)
            .map(|key| AeadKey::from(*key.secret))
    }
}

impl fmt::Debug for TicketKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketKeys").finish_non_exhaustive()
    }
}

/// The ticketer of one connection.
///
/// A ticket is `key name (8) | nonce (12) | sealed envelope`, sealed as a TLS 1.3 record of the provider's suite under a
/// random nonce.
struct Ticketer {
    keys: Arc<TicketKeys>,
    provider: Arc<CryptoProvider>,
    envelope: Envelope,
}

impl Ticketer {
    fn cipher(&self) -> Option<&'static dyn Tls13AeadAlgorithm> {
        self.provider
            .cipher_suites
            .iter()
            .filter_map(SupportedCipherSuite::tls13)
            .map(|suite| suite.aead_alg)
            .find(|aead| aead.key_len() == 32)
    }
}

impl ProducesTickets for Ticketer {
    fn enabled(&self) -> bool {
        self.cipher().is_some()
    }

    fn lifetime(&self) -> u32 {
        self.envelope.lifetime
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let (name, key) = self.keys.current(
            &self.provider,
            self.envelope.slot.now(),
            self.envelope.lifetime,
        )?;
        let mut nonce = [0; 12];
        self.provider.secure_random.fill(&mut nonce).ok()?;
        let wrapped = self.envelope.wrap(plain);
        let message = OutboundPlainMessage {
            typ: ContentType::ApplicationData,
            version: ProtocolVersion::TLSv1_2,
            payload: OutboundChunks::Single(&wrapped),
        };
        let sealed = self
            .cipher()?
            .encrypter(key, Iv::from(nonce))
            .encrypt(message, 0)
            .ok()?;
        let ticket = [&name[..], &nonce[..], sealed.payload.as_ref()].concat();
        if !self.envelope.slot.has_room_for_ticket(ticket.len()) {
            return None;
        }
        self.envelope.slot.count_ticket();
        Some(ticket)
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        let (name, rest) = cipher.split_first_chunk::<8>()?;
        let (nonce, sealed) = rest.split_first_chunk::<12>()?;
        let key = self.keys.named(*name)?;
        let mut sealed = Zeroizing::new(sealed.to_vec());
        let message = InboundOpaqueMessage::new(
            ContentType::ApplicationData,
            ProtocolVersion::TLSv1_2,
            &mut sealed,
        );
        let opened = self
            .cipher()?
            .decrypter(key, Iv::from(*nonce))
            .decrypt(message, 0)
            .ok()?;
        self.envelope.unwrap(opened.payload).map(<[u8]>::to_vec)
    }
}

impl fmt::Debug for Ticketer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticketer").finish_non_exhaustive()
    }
}

/// Sessions that the server remembers, oldest first.
struct SessionCache {
    capacity: usize,
    sessions: Mutex<Sessions>,
}

#[derive(Default)]
struct Sessions {
    by_id: HashMap<Vec<u8>, Zeroizing<Vec<u8>>>,
    /// Ids in the order of their arrival. One that was taken stays here until its turn comes, so this is bounded on its
    /// own.
    order: VecDeque<Vec<u8>>,
}

impl SessionCache {
    fn new(capacity: usize) -> Self {
        Self {
            capacity,
            sessions: Mutex::default(),
        }
    }

    fn put(&self, id: Vec<u8>, session: Zeroizing<Vec<u8>>) -> bool {
        if self.capacity == 0 {
            return false;
        }
        let mut sessions = lock(&self.sessions);
        while sessions.order.len() >= self.capacity {
            let Some(oldest) = sessions.order.pop_front() else {
                break;
            };
            sessions.by_id.remove(&oldest);
        }
        sessions.order.push_back(id.clone());
        sessions.by_id.insert(id, session);
        true
    }

    fn get(&self, id: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        lock(&self.sessions).by_id.get(id).cloned()
    }

    fn take(&self, id: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        lock(&self.sessions).by_id.remove(id)
    }
}

impl fmt::Debug for SessionCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionCache")
            .field("capacity", &self.capacity)
            .finish_non_exhaustive()
    }
}

/// The cache as one connection sees it.
#[derive(Debug)]
struct CacheHandle {
    cache: Arc<SessionCache>,
    envelope: Envelope,
}

impl StoresServerSessions for CacheHandle {
    fn put(&self, key: Vec<u8>, mut value: Vec<u8>) -> bool {
        let wrapped = self.envelope.wrap(&value);
        value.zeroize();
        let stored =
            self.envelope.slot.has_room_for_ticket(key.len()) && self.cache.put(key, wrapped);
        if stored {
            self.envelope.slot.count_ticket();
        }
        stored
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        let wrapped = self.cache.get(key)?;
        self.envelope.unwrap(&wrapped).map(<[u8]>::to_vec)
    }

    fn take(&self, key: &[u8]) -> Option<Vec<u8>> {
        let wrapped = self.cache.take(key)?;
        self.envelope.unwrap(&wrapped).map(<[u8]>::to_vec)
    }

    fn can_cache(&self) -> bool {
        self.cache.capacity > 0
    }
}

/// A panic elsewhere leaves these maps whole: their entries are put and taken in one step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
