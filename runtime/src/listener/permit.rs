//! Who may be connected: permits, given out and back.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::Limits;

/// What a listener has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ListenerCounters {
    /// Connections that are open now, with those in a handshake.
    pub open: usize,
    /// Handshakes going on now.
    pub handshaking: usize,
    /// Connections that were let in.
    pub accepted: u64,
    /// Handshakes that ended well.
    pub established: u64,
    /// Handshakes that failed, or were dropped before their end.
    pub failed: u64,
    /// Connections closed at once because too many were open.
    pub refused_connections: u64,
    /// Connections closed at once because too many of their address were open.
    pub refused_address: u64,
    /// Errors of the listening socket.
    pub accept_errors: u64,
    /// The kind of the last of them.
    pub last_accept_error: Option<io::ErrorKind>,
}

/// Shows the counters of a listener.
#[derive(Clone)]
pub struct Monitor(Shared);

impl Monitor {
    /// What the listener has done so far.
    pub fn counters(&self) -> ListenerCounters {
        self.0.lock().counters
    }
}

impl std::fmt::Debug for Monitor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Monitor").field(&self.counters()).finish()
    }
}

/// The listener's end.
pub(super) struct Permits(Shared);

impl Permits {
    pub(super) fn new(limits: Limits) -> Self {
        Self(Shared(Arc::new(Mutex::new(State {
            limits,
            counters: ListenerCounters::default(),
            open: HashMap::new(),
            waiting: None,
        }))))
    }

    pub(super) fn set_limits(&self, limits: Limits) {
        self.0.lock().limits = limits;
    }

    pub(super) fn counters(&self) -> ListenerCounters {
        self.0.lock().counters
    }

    pub(super) fn monitor(&self) -> Monitor {
        Monitor(self.0.clone())
    }

    /// Ready while one more handshake may begin.
    pub(super) fn poll_room(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.lock();
        // No handshake at all would be a listener that never wakes up again.
        if state.counters.handshaking < state.limits.handshakes.max(1) {
            return Poll::Ready(());
        }
        state.waiting = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Lets a connection in, or counts that it was not.
    pub(super) fn admit(&self, from: SocketAddr) -> Option<(Permit, HandshakeSlot)> {
        let mut state = self.0.lock();
        let limits = state.limits;
        let network = Network::of(from.ip());
        let of_network = state.open.get(&network).copied().unwrap_or_default();
        if state.counters.open >= limits.connections {
            state.counters.refused_connections += 1;
            return None;
        }
        if of_network >= limits.per_address {
            state.counters.refused_address += 1;
            return None;
        }
        state.open.insert(network, of_network + 1);
        state.counters.open += 1;
        state.counters.handshaking += 1;
        state.counters.accepted += 1;
        let permit = Permit {
            shared: self.0.clone(),
            from,
        };
        let slot = HandshakeSlot {
            shared: self.0.clone(),
            established: false,
        };
        Some((permit, slot))
    }

    pub(super) fn count_accept_error(&self, error: &io::Error) {
        let mut state = self.0.lock();
        state.counters.accept_errors += 1;
        state.counters.last_accept_error = Some(error.kind());
    }

    /// Has the task woken with the next change, and returns how many connections are open.
    pub(super) fn register(&self, cx: &mut Context<'_>) -> usize {
        let mut state = self.0.lock();
        state.waiting = Some(cx.waker().clone());
        state.counters.open
    }
}

/// The right to be connected, given back when it is dropped.
pub(crate) struct Permit {
    shared: Shared,
    from: SocketAddr,
}

impl Permit {
    pub(crate) fn peer_addr(&self) -> SocketAddr {
        self.from
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.shared.change(|state| {
            let network = Network::of(self.from.ip());
            state.counters.open = state.counters.open.saturating_sub(1);
            if let Some(open) = state.open.get_mut(&network) {
                *open = open.saturating_sub(1);
                if *open == 0 {
                    state.open.remove(&network);
                }
            }
        });
    }
}

/// The right to be in a handshake, given back when it is dropped.
pub(crate) struct HandshakeSlot {
    shared: Shared,
    established: bool,
}

impl HandshakeSlot {
    pub(crate) fn finish(mut self, established: bool) {
        self.established = established;
    }
}

impl Drop for HandshakeSlot {
    fn drop(&mut self) {
        self.shared.change(|state| {
            let counters = &mut state.counters;
            counters.handshaking = counters.handshaking.saturating_sub(1);
            if self.established {
                counters.established += 1;
            } else {
                counters.failed += 1;
            }
        });
    }
}

#[derive(Clone)]
struct Shared(Arc<Mutex<State>>);

struct State {
    limits: Limits,
    counters: ListenerCounters,
    /// Open connections of each network that has some: never more entries than connections.
    open: HashMap<Network, usize>,
    /// The task that accepts, and later the one that drains.
    waiting: Option<Waker>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state, and wakes whoever waits once it is unlocked.
    fn change(&self, change: impl FnOnce(&mut State)) {
        let waiting = {
            let mut state = self.lock();
            change(&mut state);
            state.waiting.take()
        };
        if let Some(waker) = waiting {
            waker.wake();
        }
    }
}

/// An IPv4 address, or the first 64 bits of an IPv6 address.
#[derive(PartialEq, Eq, Hash)]
enum Network {
    V4(u32),
    V6(u64),
}

impl Network {
    fn of(address: IpAddr) -> Self {
        // A socket for both families shows IPv4 peers as mapped addresses.
        match address.to_canonical() {
            IpAddr::V4(address) => Self::V4(address.to_bits()),
            IpAddr::V6(address) => Self::V6((address.to_bits() >> 64) as u64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_an_ipv4_address_or_64_bits_of_ipv6() {
        let same =
            |a: &str, b: &str| Network::of(a.parse().unwrap()) == Network::of(b.parse().unwrap());
        assert!(same("2001:db8::1", "2001:db8::ffff:0:0:9"));
        assert!(!same("2001:db8:0:1::1", "2001:db8:0:2::1"));
        assert!(same("::ffff:192.0.2.1", "192.0.2.1"));
        assert!(!same("192.0.2.1", "192.0.2.2"));
    }

    #[test]
    fn what_is_given_back_leaves_nothing_behind() {
        let permits = Permits::new(Limits::default());
        let held = (1..=9).map(|host| permits.admit(SocketAddr::from(([192, 0, 2, host], 1))));
        drop(held.collect::<Vec<_>>());
        assert!(permits.0.lock().open.is_empty());
        let counters = permits.counters();
        assert_eq!((counters.open, counters.handshaking), (0, 0));
        assert_eq!((counters.accepted, counters.failed), (9, 9));
    }
}
