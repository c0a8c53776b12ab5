//! The server under test: what a real one would share between its threads, and a log of what it said.

use core::time::Duration;
use std::sync::Mutex;

use ravelin_core::dpop::replay::{Settings, Store};
use ravelin_core::dpop::{
    Accepted, Algorithms, Answer, Confirmation, Journal, Judged, Nonce, NonceSettings, Nonces,
    Presented, Profile, Refused, Request, Role, Secret, TargetUri, Verifier, soft,
};
use ravelin_core::pki_types::UnixTime;
use ravelin_core::{Instant, Now};

use super::world::{METHOD, Mode, URI};

/// What is broken on purpose, to see that the checker finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Defect {
    None,
    /// The store answers `Fresh` to everything.
    AlwaysFresh,
    /// A restarted store accepts from the first moment.
    NoFence,
    /// One claim in eight is not recorded.
    Forgets,
    /// One claim in 17 has no answer.
    Refuses,
}

/// Eight threads share it.
pub(crate) struct Server {
    pub(crate) verifier: Verifier,
    guarded: Mutex<Guarded>,
    settings: Settings,
    defect: Defect,
    mode: Mode,
}

/// Behind one lock, as the lock is what puts the claims in an order.
struct Guarded {
    store: Store,
    journal: Journal,
    log: Vec<Entry>,
    claims: u64,
}

/// What happened to the store, in its order.
#[derive(Debug)]
pub(crate) enum Entry {
    Judged {
        submission: Submission,
        verdict: Result<Accepted, Refused>,
    },
    /// With the server's clock at that moment.
    Restarted(u64),
}

/// One sending of a proof.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Submission {
    pub(crate) proof: usize,
    /// With the other of the two signatures that verify (n - s for s).
    pub(crate) malleated: bool,
    /// Seconds since the start, which never step.
    pub(crate) at: u64,
    /// The server's clock when it judges, and when it asks the store.
    pub(crate) judged: u64,
    pub(crate) settled: u64,
}

/// A proof as it goes over the wire, with what the access token says.
pub(crate) struct Wire<'a> {
    pub(crate) proof: &'a str,
    pub(crate) authorization: &'a str,
    pub(crate) confirmation: Confirmation,
}

impl Server {
    pub(crate) fn new(mode: Mode, unix: u64, proofs: usize, defect: Defect) -> Self {
        let start = now(0, unix);
        let verifier = new_verifier(mode, 1, secret(0), start);
        // Room for all: what a full store does has tests of its own.
        let capacity = u32::try_from(proofs * 2).unwrap();
        let settings = Settings {
            quota: capacity,
            ..Settings::new(capacity, verifier.replay_lifetime())
        };
        let guarded = Guarded {
            store: Store::new(&settings, [7; 16], start).unwrap(),
            journal: Journal::new(64),
            log: vec![Entry::Restarted(unix)],
            claims: 0,
        };
        Self {
            verifier,
            guarded: Mutex::new(guarded),
            settings,
            defect,
            mode,
        }
    }

    pub(crate) fn submit(&self, submission: Submission, wire: &Wire<'_>) {
        let authorization = [wire.authorization.as_bytes()];
        let dpop = [wire.proof.as_bytes()];
        let request = Request {
            method: METHOD,
            uri: TargetUri::parse(URI).unwrap(),
            authorization: &authorization,
            dpop: &dpop,
            nonce: None,
        };
        let judged_at = now(submission.at, submission.judged);
        let presented = Presented::new(request);
        let judged = self
            .verifier
            .judge(&presented, &wire.confirmation, None, judged_at);

        let mut guarded = self.guarded.lock().unwrap();
        guarded.claims += u64::from(judged.question().is_some());
        let settled_at = now(submission.at, submission.settled);
        let verdict = guarded.settle(judged, settled_at, self.defect);
        guarded.log.push(Entry::Judged {
            submission,
            verdict,
        });
    }

    /// The same process starts anew, while others ask it.
    pub(crate) fn restart(&self, at: u64, unix: u64) {
        let mut guarded = self.guarded.lock().unwrap();
        if self.defect == Defect::NoFence {
            guarded.store = Store::first_start(&self.settings, [8; 16], now(at, unix)).unwrap();
        } else {
            guarded.store.restart(now(at, unix));
        }
        guarded.log.push(Entry::Restarted(unix));
    }

    /// Another process takes over. It starts no earlier than the clock that was saved, and with a new epoch.
    pub(crate) fn replace(&mut self, at: u64, unix: u64, epoch: u32, generation: u32) {
        let start = now(at, unix);
        self.verifier = new_verifier(self.mode, epoch, secret(generation), start);
        let guarded = self.guarded.get_mut().unwrap();
        let saved = guarded.store.usage().clock;
        let unix = unix.max(saved);
        let start = now(at, unix);
        guarded.store = if self.defect == Defect::NoFence {
            Store::first_start(&self.settings, [9; 16], start).unwrap()
        } else {
            Store::new(&self.settings, [9; 16], start).unwrap()
        };
        guarded.log.push(Entry::Restarted(unix));
    }

    /// Returns whether it was time.
    pub(crate) fn rotate_nonce_secret(&mut self, generation: u32, at: u64, unix: u64) -> bool {
        let now = now(at, unix);
        let nonces = self.verifier.nonces_mut(Role::ResourceServer).unwrap();
        let Ok(event) = nonces.rotate(secret(generation), now) else {
            return false;
        };
        let journal = &mut self.guarded.get_mut().unwrap().journal;
        journal.record(event, now);
        true
    }

    pub(crate) fn issue_nonce(&self, entropy: [u8; 16], at: u64, unix: u64) -> Option<Nonce> {
        self.verifier
            .issue_nonce(Role::ResourceServer, entropy, None, now(at, unix))
    }

    pub(crate) fn take_log(&mut self) -> Vec<Entry> {
        core::mem::take(&mut self.guarded.get_mut().unwrap().log)
    }

    pub(crate) fn store(&mut self) -> &Store {
        &self.guarded.get_mut().unwrap().store
    }

    pub(crate) fn journal(&mut self) -> &Journal {
        &self.guarded.get_mut().unwrap().journal
    }
}

impl Guarded {
    fn settle(&mut self, judged: Judged, now: Now, defect: Defect) -> Result<Accepted, Refused> {
        let answer = match defect {
            Defect::AlwaysFresh => Some(Answer::Fresh),
            Defect::Forgets if self.claims.is_multiple_of(8) => Some(Answer::Fresh),
            Defect::Refuses if self.claims.is_multiple_of(17) => Some(Answer::Unavailable),
            Defect::None | Defect::NoFence | Defect::Forgets | Defect::Refuses => None,
        };
        match answer {
            Some(answer) => judged.answered(answer, &mut self.journal, now),
            None => judged.settle(&mut self.store, &mut self.journal, now),
        }
    }
}

pub(crate) fn now(at: u64, unix: u64) -> Now {
    Now::new(
        Instant::from_micros(at * 1_000_000),
        UnixTime::since_unix_epoch(Duration::from_secs(unix)),
    )
}

fn new_verifier(mode: Mode, epoch: u32, secret: Secret, now: Now) -> Verifier {
    let verifier = Verifier::new(Algorithms::new(&[soft::ES256]).unwrap(), Profile::FAPI2);
    let settings = NonceSettings::new("https://server.example", Role::ResourceServer, epoch);
    let settings = match mode {
        Mode::Time => return verifier,
        Mode::Nonces => settings,
        Mode::NonceIsTime => settings.counts_as_time(),
    };
    verifier.require_nonces(Nonces::new(settings, secret, now).unwrap())
}

fn secret(generation: u32) -> Secret {
    let mut key = [0x5a; 32];
    key[..4].copy_from_slice(&generation.to_be_bytes());
    Secret::new(generation as u8, key)
}
