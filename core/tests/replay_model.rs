//! Eight verifiers share one replay store. Each of them is given every proof, their clocks differ, the wall clock steps
//! back, the store is restarted, and old proofs are sent again with any time at which a verifier would take them. Each
//! proof is accepted exactly once; never, where it can have been used before the last start.
//!
//! A million claims in a debug build, ten million in a release build.

#![allow(clippy::unwrap_used)] // All of it is a test: an error ends it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use ravelin_core::dpop::Thumbprint;
use ravelin_core::dpop::replay::{Answer, Question, Settings, Store};
use ravelin_core::pki_types::UnixTime;
use ravelin_core::{Instant, Now};

const THREADS: u64 = 8;
/// The profile fapi2.
const MAX_AGE: u64 = 60;
const FUTURE: u64 = 10;
const START: u64 = 1_700_000_000;

/// Proofs that are made in each second of the simulation, and the keys that make them.
const PER_SECOND: u64 = 500;
const KEYS: u64 = 100;
const SECONDS: u64 = if cfg!(debug_assertions) { 210 } else { 2_010 };

/// Seconds between two starts of the store, and between two steps of the clock.
const BETWEEN_STARTS: u64 = 61;
const BETWEEN_STEPS: u64 = 47;
/// How far the clock steps back, and for how long it stays there.
const STEP: u64 = 25;
const STEP_LASTS: u64 = 20;

#[test]
fn each_proof_is_accepted_exactly_once() {
    let report = run(SECONDS, |store, now| {
        store.restart(now);
        true
    });
    println!("{report:?}");
    assert_eq!(report.accepted_twice, 0);
    assert_eq!(report.accepted_though_fenced, 0);
    assert_eq!(report.lost, 0);
    // What there must have been for that to mean something.
    let proofs = SECONDS * PER_SECOND;
    let claims = if cfg!(debug_assertions) {
        1_000_000
    } else {
        10_000_000
    };
    assert!(report.claims >= claims);
    assert!(report.fresh >= proofs / 2);
    assert!(report.replayed >= report.fresh * (THREADS - 1));
    assert!(report.before_start >= proofs / 10);
    assert!(report.expired >= proofs / 10);
    assert!(report.starts >= 3);
    assert_eq!(report.other, 0, "the store was large enough");
}

/// The same with a store that has no fence: if this found nothing, the test above could not either.
#[test]
fn without_the_fence_proofs_are_accepted_twice() {
    let report = run(100, |store, now| {
        *store = Store::first_start(&settings(), [3; 16], now).unwrap();
        false
    });
    println!("{report:?}");
    assert!(report.accepted_twice > PER_SECOND, "{report:?}");
}

/// What the verifiers have seen together.
#[derive(Debug, Default)]
struct Report {
    claims: u64,
    fresh: u64,
    replayed: u64,
    expired: u64,
    before_start: u64,
    /// Full, over quota, beyond the lifetime: none of them belongs here.
    other: u64,
    starts: u64,
    accepted_twice: u64,
    accepted_though_fenced: u64,
    /// Not fenced and never accepted.
    lost: u64,
}

impl Report {
    fn add(&mut self, other: &Self) {
        self.claims += other.claims;
        self.fresh += other.fresh;
        self.replayed += other.replayed;
        self.expired += other.expired;
        self.before_start += other.before_start;
        self.other += other.other;
        self.accepted_though_fenced += other.accepted_though_fenced;
    }
}

/// `restart` gets the store back into service, and says whether what can have been used before is to be refused.
fn run(seconds: u64, restart: fn(&mut Store, Now) -> bool) -> Report {
    let mut world = World {
        store: Mutex::new(Store::first_start(&settings(), [3; 16], at(START)).unwrap()),
        accepted: (0..seconds * PER_SECOND)
            .map(|_| AtomicU8::new(0))
            .collect(),
        fence: 0,
    };
    let mut report = Report::default();
    for second in 0..seconds {
        if second % BETWEEN_STARTS == BETWEEN_STARTS - 1 {
            world.start(second, restart);
            report.starts += 1;
        }
        // Threads of their own for each second: their clocks stay together, and a panic ends the test.
        std::thread::scope(|scope| {
            let world = &world;
            let verifiers: Vec<_> = (0..THREADS)
                .map(|thread| scope.spawn(move || world.verifier(thread, second)))
                .collect();
            for verifier in verifiers {
                report.add(&verifier.join().unwrap());
            }
        });
        report.lost += world.lost(second);
    }
    let counts = world
        .accepted
        .iter()
        .map(|count| count.load(Ordering::Relaxed));
    report.accepted_twice = counts.filter(|count| *count > 1).count() as u64;
    report
}

struct World {
    store: Mutex<Store>,
    /// How often each proof was accepted.
    accepted: Box<[AtomicU8]>,
    /// What can have been used by then is refused.
    fence: u64,
}

impl World {
    fn start(&mut self, second: u64, restart: fn(&mut Store, Now) -> bool) {
        let now = wall(second);
        let store = self.store.get_mut().unwrap();
        let fence = store.usage().clock.max(now);
        if restart(store, at(now)) {
            self.fence = fence;
        }
    }

    fn verifier(&self, thread: u64, second: u64) -> Report {
        let mut report = Report::default();
        let mut random = Random(second * THREADS + thread + 1);
        // Up to two seconds slow or fast.
        let now = wall(second) + thread % 5 - 2;
        for turn in 0..PER_SECOND {
            // All of this second's, in an order of its own.
            let proof = second * PER_SECOND + (turn * 7 + thread * 61) % PER_SECOND;
            self.claim(proof, now, &mut report);
            if random.below(4) == 0 {
                self.replay(second, &mut random, &mut report);
            }
        }
        report
    }

    /// Sends a proof of the last minutes again, with a clock that a verifier could have after a step back.
    fn replay(&self, second: u64, random: &mut Random, report: &mut Report) {
        let made = second.saturating_sub(random.below(200));
        let proof = made * PER_SECOND + random.below(PER_SECOND);
        let iat = iat(proof);
        let latest = (iat + MAX_AGE).min(wall(second) + 2);
        let now = (iat - FUTURE + random.below(MAX_AGE + FUTURE + 1)).min(latest);
        self.claim(proof, now, report);
    }

    fn claim(&self, proof: u64, now: u64, report: &mut Report) {
        let iat = iat(proof);
        // What the verifier refuses never comes to the store: before a step back, proofs were made for a later time.
        if now > iat + MAX_AGE || iat > now + FUTURE {
            return;
        }
        let answer = self.store.lock().unwrap().claim(&question(proof), at(now));
        report.claims += 1;
        if answer.is_fresh() {
            report.fresh += 1;
            self.accepted[proof as usize].fetch_add(1, Ordering::Relaxed);
            report.accepted_though_fenced += u64::from(iat - FUTURE <= self.fence);
        } else if answer == Answer::Replayed {
            report.replayed += 1;
        } else if answer == Answer::Expired {
            report.expired += 1;
        } else if matches!(answer, Answer::BeforeStart { .. }) {
            report.before_start += 1;
        } else {
            report.other += 1;
        }
    }

    /// Proofs of this second that all verifiers have claimed, and that should have been accepted.
    fn lost(&self, second: u64) -> u64 {
        let proofs = second * PER_SECOND..(second + 1) * PER_SECOND;
        let lost = proofs.filter(|proof| {
            let accepted = self.accepted[*proof as usize].load(Ordering::Relaxed) > 0;
            !accepted && iat(*proof) - FUTURE > self.fence
        });
        lost.count() as u64
    }
}

/// The time that the machine shows in this second of the simulation.
fn wall(second: u64) -> u64 {
    let back = if second % BETWEEN_STEPS >= BETWEEN_STEPS - STEP_LASTS {
        STEP
    } else {
        0
    };
    START + second - back
}

/// Clients are up to 20 s slow and 7 s fast.
fn iat(proof: u64) -> u64 {
    wall(proof / PER_SECOND) + proof * 31 % 28 - 20
}

fn question(proof: u64) -> Question {
    let iat = iat(proof);
    let mut jkt = [0; 32];
    jkt[0] = (proof % KEYS) as u8;
    Question::new(
        &Thumbprint::new(jkt),
        &proof.to_string(),
        iat + MAX_AGE + FUTURE + 1,
        iat - FUTURE,
    )
}

fn settings() -> Settings {
    Settings::new(1 << 16, Duration::from_secs(MAX_AGE + 2 * FUTURE + 1))
}

fn at(unix: u64) -> Now {
    let unix = UnixTime::since_unix_epoch(Duration::from_secs(unix));
    Now::new(Instant::default(), unix)
}

/// A sequence that is the same in each run (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % bound
    }
}
