//! Rates against governor: time, bytes, and what a flood of keys does to them.

use std::hint::black_box;
use std::num::NonZeroU32;
use std::sync::Mutex;
use std::time::Duration;

use governor::clock::FakeRelativeClock;
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota as TheirQuota, RateLimiter};
use ravelin_core::limit::rate::{Key, Quota, Rates};
use ravelin_core::limit::{Class, Principal};
use ravelin_core::pki_types::UnixTime;
use ravelin_core::{Instant, Now};

use super::harness::{Contender, Run, compare, heap, kept};

const CALLS: usize = 4_096;
const KEYS: u32 = 4_096;
/// Twice as many as keys. All of them hold state here, and one in 25 finds its four places taken.
const SLOTS: u32 = 8_192;
const CLASS: Class = Class(0);

type Keyed = RateLimiter<
    Principal,
    DashMapStateStore<Principal>,
    FakeRelativeClock,
    NoOpMiddleware<<FakeRelativeClock as governor::clock::Clock>::Instant>,
>;

/// Neither side reads a clock: both are told what time it is.
pub fn run(run: &mut Run) {
    one_key(run);
    many_keys(run);
    flood(run);
}

fn one_key(run: &mut Run) {
    println!("  one key");
    let now = now();
    let alice = Principal::name("alice");
    let mut rates = table(SLOTS);
    let mut hashed = table(SLOTS);
    let mut spent = Rates::new([7; 16], SLOTS, &[scarce().into()]).unwrap();
    assert!(spent.check(&alice, CLASS, 1, now).is_allowed());
    let key = rates.key(&alice);
    let direct = RateLimiter::direct_with_clock(theirs(), FakeRelativeClock::default());
    let theirs_spent = TheirQuota::per_hour(NonZeroU32::MIN);
    let theirs_spent = RateLimiter::direct_with_clock(theirs_spent, FakeRelativeClock::default());
    assert!(theirs_spent.check().is_ok());

    let mut once = |_| {
        for _ in 0..CALLS {
            assert!(rates.check_key(black_box(key), CLASS, 1, now).is_allowed());
        }
    };
    let taken = heap(|| once(0)).allocations;
    compare(
        run.rounds(400),
        CALLS,
        &mut [
            Contender::new("governor, direct", |_| {
                for _ in 0..CALLS {
                    assert!(black_box(&direct).check().is_ok());
                }
            }),
            Contender::new("ravelin, key made once", &mut once),
            Contender::new("ravelin, principal hashed", |_| {
                for _ in 0..CALLS {
                    assert!(hashed.check(black_box(&alice), CLASS, 1, now).is_allowed());
                }
            }),
            Contender::new("governor, direct, refused", |_| {
                for _ in 0..CALLS {
                    assert!(black_box(&theirs_spent).check().is_err());
                }
            }),
            Contender::new("ravelin, key made once, refused", |_| {
                for _ in 0..CALLS {
                    assert!(!spent.check_key(black_box(key), CLASS, 1, now).is_allowed());
                }
            }),
        ],
    );
    run.check(taken == 0, "a check of a rate allocates nothing");
}

fn many_keys(run: &mut Run) {
    println!("  {KEYS} keys in {SLOTS} slots, in turn");
    let now = now();
    let principals: Vec<_> = (0..KEYS).map(Principal::uid).collect();
    let mut rates = None;
    let ours = heap(|| rates = Some(table(SLOTS)));
    let mut rates = rates.unwrap();
    let keys: Vec<Key> = principals.iter().map(|it| rates.key(it)).collect();
    let mut hashed = table(SLOTS);
    let locked = Mutex::new(table(SLOTS));
    let mut keyed = None;
    let theirs = heap(|| {
        let limiter = keyed_limiter();
        for principal in &principals {
            assert!(limiter.check_key(principal).is_ok());
        }
        keyed = Some(limiter);
    });
    let keyed = keyed.unwrap();
    compare(
        run.rounds(400),
        CALLS,
        &mut [
            Contender::new("governor, keyed (DashMap)", |_| {
                for principal in &principals {
                    assert!(keyed.check_key(black_box(principal)).is_ok());
                }
            }),
            Contender::new("ravelin, keys made once", |_| {
                for key in &keys {
                    assert!(rates.check_key(black_box(*key), CLASS, 1, now).is_allowed());
                }
            }),
            Contender::new("ravelin, principals hashed", |_| {
                for principal in &principals {
                    assert!(
                        hashed
                            .check(black_box(principal), CLASS, 1, now)
                            .is_allowed()
                    );
                }
            }),
            Contender::new("ravelin, hashed, behind a Mutex", |_| {
                for principal in &principals {
                    let mut rates = locked.lock().unwrap();
                    assert!(
                        rates
                            .check(black_box(principal), CLASS, 1, now)
                            .is_allowed()
                    );
                }
            }),
        ],
    );
    let counters = rates.counters();
    println!(
        "  of the keys {:.2} % found no place and shared the bucket of newcomers",
        counters.shared as f64 / counters.allowed as f64 * 100.0
    );
    println!(
        "  bytes: ravelin {} ({} for each slot), governor {:.0} for each key",
        kept(&ours),
        kept(&ours) / SLOTS as usize,
        kept(&theirs) as f64 / f64::from(KEYS),
    );
    run.check(
        kept(&ours) + size_of::<Rates>() <= Rates::bytes(SLOTS, 1),
        "a table takes the bytes that it says",
    );
}

/// Each key asks once, and takes the only unit that it has.
fn flood(run: &mut Run) {
    let keys = if run.smoke { 50_000 } else { 1_000_000 };
    println!("  a flood of {keys} keys, each asking once");
    let now = now();
    let alice = Principal::name("alice");
    let mut rates = Rates::new([7; 16], KEYS, &[scarce().into()]).unwrap();
    assert!(rates.check(&alice, CLASS, 1, now).is_allowed());

    let begin = std::time::Instant::now();
    let ours = heap(|| {
        for key in 0..keys {
            let _ = black_box(rates.check(&Principal::uid(key), CLASS, 1, now));
        }
    });
    let each = begin.elapsed().as_nanos() as f64 / f64::from(keys);
    println!(
        "  ravelin: {each:.1} ns each, {} bytes more than the {} before",
        kept(&ours),
        Rates::bytes(KEYS, 1),
    );
    run.check(
        ours.allocations == 0,
        "a flood takes no memory of a table of rates",
    );
    let own = rates.check(&alice, CLASS, 1, now).refusal();
    run.check(
        own.is_some_and(|refusal| refusal.code() == "E-LIM-01"),
        "a flood takes no entry from who has one",
    );

    let limiter = keyed_limiter();
    let begin = std::time::Instant::now();
    let theirs = heap(|| {
        for key in 0..keys {
            let _ = black_box(limiter.check_key(&Principal::uid(key)));
        }
    });
    let each = begin.elapsed().as_nanos() as f64 / f64::from(keys);
    println!(
        "  governor, keyed: {each:.1} ns each, {} bytes more",
        kept(&theirs)
    );
}

fn table(slots: u32) -> Rates {
    // A unit a nanosecond, and four seconds of them: time stands still here, and nobody is to be refused.
    let quota = Quota::new(1_000_000_000, Duration::from_secs(1), u32::MAX).unwrap();
    Rates::new([7; 16], slots, &[quota.into()]).unwrap()
}

fn scarce() -> Quota {
    Quota::new(1, Duration::from_secs(3600), 1).unwrap()
}

fn keyed_limiter() -> Keyed {
    let store = DashMapStateStore::default();
    RateLimiter::new(theirs(), store, FakeRelativeClock::default())
}

fn theirs() -> TheirQuota {
    let rate = NonZeroU32::new(1_000_000_000).unwrap();
    TheirQuota::per_second(rate).allow_burst(NonZeroU32::MAX)
}

fn now() -> Now {
    let unix = UnixTime::since_unix_epoch(Duration::from_secs(1_800_000_000));
    Now::new(Instant::from_micros(1_000_000), unix)
}
