//! What one connection shares with the callbacks that the engine makes during its calls.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering};

use once_cell::race::OnceBox;
use rustls::time_provider::TimeProvider;
use rustls_pki_types::{CertificateDer, UnixTime};

use crate::time::Now;
use crate::trust::certificate::Certificate;

/// One connection's clock, and what its callbacks learnt.
///
/// Seconds are kept in 32 bits, since microcontrollers have no 64-bit atomics: they last until the year 2106.
#[derive(Debug)]
pub(crate) struct Slot {
    now: AtomicU32,
    expires: AtomicU32,
    tickets: AtomicU32,
    #[cfg(feature = "std")]
    ticket_bytes: AtomicU32,
    server_name: OnceBox<String>,
    chain: OnceBox<Vec<CertificateDer<'static>>>,
}

impl Slot {
    pub(crate) fn new(now: Now) -> Self {
        let slot = Self::default();
        slot.set(now);
        slot
    }

    /// Sets the clock: not to the maximum, so that one sample from the future does not stay.
    pub(crate) fn set(&self, now: Now) {
        self.now.store(seconds(now.unix), Ordering::Relaxed);
    }

    #[cfg(feature = "std")]
    pub(crate) fn now(&self) -> u32 {
        self.now.load(Ordering::Relaxed)
    }

    /// When a session with this peer may no longer be resumed, in Unix seconds.
    #[cfg(feature = "std")]
    pub(crate) fn expires(&self) -> u32 {
        self.expires.load(Ordering::Relaxed)
    }

    pub(crate) fn set_expires(&self, at: u32) {
        self.expires.store(at, Ordering::Relaxed);
    }

    /// Notes the first notAfter among the certificates that are valid now. None of the others can lie on the verified
    /// path, so a session that ends here never outlives a certificate that it rests on. A certificate that cannot be
    /// read makes a session that ends at once.
    pub(crate) fn expire_with<'a>(&self, chain: impl IntoIterator<Item = &'a CertificateDer<'a>>) {
        let now = u64::from(self.now.load(Ordering::Relaxed));
        let first = chain
            .into_iter()
            .map(|der| Certificate::parse(der).map(|certificate| certificate.validity()))
            .filter_map(|validity| match validity {
                Ok(validity) => (validity.not_before <= now && now <= validity.not_after)
                    .then(|| u32::try_from(validity.not_after).unwrap_or(u32::MAX)),
                Err(_) => Some(0),
            })
            .min();
        if let Some(first) = first {
            self.set_expires(first);
        }
    }

    /// Whether one more ticket of `len` bytes may be handed out: the first always, more up to a record's worth. The
    /// engine packs them into one flight, and a client like ours holds all of what spans records at once.
    #[cfg(feature = "std")]
    pub(crate) fn has_room_for_ticket(&self, len: usize) -> bool {
        const FLIGHT: u32 = 16_384;
        /// What the message around a ticket adds to it.
        const MESSAGE: u32 = 64;
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        let before = self.ticket_bytes.load(Ordering::Relaxed);
        let after = before.saturating_add(len.saturating_add(MESSAGE));
        self.ticket_bytes.store(after, Ordering::Relaxed);
        before == 0 || after <= FLIGHT
    }

    #[cfg(feature = "std")]
    pub(crate) fn count_ticket(&self) {
        self.tickets.fetch_add(1, Ordering::Relaxed);
    }

    /// Tickets handed out or stored since the last call.
    pub(crate) fn take_tickets(&self) -> u32 {
        self.tickets.swap(0, Ordering::Relaxed)
    }

    pub(crate) fn set_server_name(&self, name: &str) {
        // A second ClientHello after HelloRetryRequest carries the same name.
        let _ = self.server_name.set(Box::new(String::from(name)));
    }

    /// Keeps the chain that a probe was shown.
    pub(crate) fn set_chain(&self, chain: Vec<CertificateDer<'static>>) {
        let _ = self.chain.set(Box::new(chain));
    }

    pub(crate) fn chain(&self) -> &[CertificateDer<'static>] {
        self.chain.get().map(Vec::as_slice).unwrap_or_default()
    }

    pub(crate) fn server_name(&self) -> Option<&str> {
        self.server_name.get().map(String::as_str)
    }
}

impl Default for Slot {
    fn default() -> Self {
        Self {
            now: AtomicU32::new(0),
            expires: AtomicU32::new(u32::MAX),
            tickets: AtomicU32::new(0),
            #[cfg(feature = "std")]
            ticket_bytes: AtomicU32::new(0),
            server_name: OnceBox::new(),
            chain: OnceBox::new(),
        }
    }
}

impl TimeProvider for Slot {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::from(self.now.load(Ordering::Relaxed));
        Some(UnixTime::since_unix_epoch(core::time::Duration::from_secs(
            seconds,
        )))
    }
}

fn seconds(time: UnixTime) -> u32 {
    u32::try_from(time.as_secs()).unwrap_or(u32::MAX)
}
