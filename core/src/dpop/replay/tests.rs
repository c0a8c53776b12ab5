use alloc::format;
use alloc::string::ToString as _;
use core::time::Duration;

use rustls_pki_types::UnixTime;

use super::*;
use crate::dpop::jwk::Thumbprint;
use crate::time::Instant;

mod model;

/// The profile fapi2.
const MAX_AGE: u64 = 60;
const FUTURE: u64 = 10;
/// When the stores of these tests start.
const START: u64 = 1_700_000_000;

fn at(unix: u64) -> Now {
    Now::new(
        Instant::default(),
        UnixTime::since_unix_epoch(Duration::from_secs(unix)),
    )
}

fn settings(capacity: u32, quota: u32) -> Settings {
    Settings {
        quota,
        ..Settings::new(capacity, window(MAX_AGE, FUTURE))
    }
}

fn key(number: u8) -> Thumbprint {
    Thumbprint::new([number; 32])
}

/// From the earliest use of a proof until it expires.
const fn window(max_age: u64, future: u64) -> Duration {
    Duration::from_secs(max_age + 2 * future + 1)
}

/// A proof without a nonce, by key 1.
fn proof(jti: &str, iat: u64) -> Question {
    proof_by(1, jti, iat)
}

fn proof_by(number: u8, jti: &str, iat: u64) -> Question {
    Question::new(&key(number), jti, iat + MAX_AGE + FUTURE + 1, iat - FUTURE)
}

/// A store that is past its fence and has room.
fn store() -> Store {
    Store::first_start(&settings(64, 64), [9; 16], at(START)).unwrap()
}

fn before_start(seconds: u64) -> Answer {
    Answer::BeforeStart {
        retry_after: Duration::from_secs(seconds),
    }
}

// ---- what peers got wrong ----

/// turbomcp-dpop 3.6 evicts the oldest entry, which is live, so whoever sends enough proofs can replay.
#[test]
fn a_full_store_evicts_no_live_entry() {
    let mut store = Store::first_start(&settings(16, 16), [9; 16], at(START)).unwrap();
    let jti = |n: u64| format!("jti {n}");
    for n in 0..16 {
        assert_eq!(
            store.claim(&proof(&jti(n), START + n / 8), at(START + 1)),
            Answer::Fresh
        );
    }
    let full = Answer::Full {
        retry_after: Duration::from_secs(70),
    };
    assert_eq!(store.claim(&proof("one more", START), at(START + 1)), full);
    for n in 0..16 {
        assert_eq!(
            store.claim(&proof(&jti(n), START), at(START + 1)),
            Answer::Replayed
        );
    }
    // Eight are over a second before the others, and just as many fit.
    let later = START + 71;
    for n in 16..24 {
        assert_eq!(
            store.claim(&proof(&jti(n), later), at(later)),
            Answer::Fresh
        );
    }
    let full = Answer::Full {
        retry_after: Duration::from_secs(1),
    };
    assert_eq!(store.claim(&proof("one more", later), at(later)), full);
    assert_eq!(store.usage().live, 16);
}

/// attesto 18: one namespace for all clients lets one of them burn the identifiers of another.
#[test]
fn the_same_jti_of_another_key_is_another_proof() {
    let mut store = store();
    assert_eq!(
        store.claim(&proof_by(1, "a", START), at(START)),
        Answer::Fresh
    );
    assert_eq!(
        store.claim(&proof_by(2, "a", START), at(START)),
        Answer::Fresh
    );
    assert_eq!(
        store.claim(&proof_by(1, "a", START), at(START)),
        Answer::Replayed
    );
}

/// node-oidc-provider and atproto: the entry lives from the moment of the claim, and a proof from the near future is
/// still acceptable when it ends.
#[test]
fn the_entry_lives_from_iat_not_from_the_claim() {
    let mut store = store();
    let iat = START + FUTURE;
    assert_eq!(store.claim(&proof("a", iat), at(START)), Answer::Fresh);
    for now in START..=iat + MAX_AGE + FUTURE {
        assert_eq!(
            store.claim(&proof("a", iat), at(now)),
            Answer::Replayed,
            "{now}"
        );
    }
    // Case 64 of the last second. Then it is over, and stays so.
    let end = iat + MAX_AGE + FUTURE + 1;
    assert_eq!(store.claim(&proof("a", iat), at(end)), Answer::Expired);
}

/// Keycloak 43505, and turbomcp's Redis store: for an `iat` inside the tolerance the time to live comes out negative or
/// zero, which stores take for an error.
#[test]
fn the_time_to_live_is_at_least_a_second() {
    let ttl = |iat, now| proof("a", iat).ttl(at(now)).as_secs();
    assert_eq!(ttl(START, START), 71);
    assert_eq!(ttl(START + FUTURE, START), 81);
    assert_eq!(ttl(START, START + MAX_AGE + FUTURE), 1);
    assert_eq!(ttl(START, START + MAX_AGE + FUTURE + 1), 1);
    assert_eq!(ttl(START, START + 100_000), 1);
    assert_eq!(
        Question::new(&key(1), "a", u64::MAX, 0)
            .ttl(at(0))
            .as_secs(),
        u64::MAX
    );
}

/// An empty cache after a restart knows nothing of what was used.
#[test]
fn a_proof_is_not_replayed_after_a_restart() {
    let (used, now) = (proof("a", START - 5), START);
    let mut first = store();
    assert_eq!(first.claim(&used, at(now)), Answer::Fresh);
    let mut second = Store::new(&settings(64, 64), [8; 16], at(now)).unwrap();
    first.restart(at(now));
    for store in [&mut first, &mut second] {
        assert_eq!(store.usage().live, 0);
        assert_eq!(store.claim(&used, at(now)), before_start(16));
        // A proof made now could have been used by a client whose clock is fast.
        assert_eq!(store.claim(&proof("b", now), at(now)), before_start(11));
        assert_eq!(
            store.claim(&proof("b", now + FUTURE), at(now)),
            before_start(1)
        );
        assert_eq!(
            store.claim(&proof("b", now + 11), at(now + 1)),
            Answer::Fresh
        );
        // One with a nonce from after the start needs no wait; one from the second of the start may be from before.
        let nonce = |jti, issued| Question::new(&key(1), jti, now + 71, issued);
        assert_eq!(store.claim(&nonce("c", now), at(now + 1)), before_start(1));
        assert_eq!(
            store.claim(&nonce("c", now + 1), at(now + 1)),
            Answer::Fresh
        );
        assert_eq!(store.claim(&used, at(now + 65)), before_start(16));
        assert_eq!(store.claim(&used, at(now + 66)), Answer::Expired);
    }
}

#[test]
fn a_clock_that_steps_back_resurrects_nothing_and_drops_nothing() {
    let mut store = store();
    let (old, live) = (proof("old", START), proof("live", START + 100));
    assert_eq!(store.claim(&old, at(START)), Answer::Fresh);
    assert_eq!(store.claim(&live, at(START + 100)), Answer::Fresh);
    // Ten minutes back. By the wall clock, the old proof is new.
    let back = START - 500;
    assert_eq!(store.claim(&old, at(START)), Answer::Expired);
    assert_eq!(store.claim(&live, at(START)), Answer::Replayed);
    assert_eq!(store.claim(&proof("new", back), at(back)), Answer::Expired);
    assert_eq!(store.usage().clock, START + 100);
    // Half a minute back: proofs go on being accepted, and once each.
    let back = START + 70;
    assert_eq!(store.claim(&proof("new", back), at(back)), Answer::Fresh);
    assert_eq!(store.claim(&proof("new", back), at(back)), Answer::Replayed);
    assert_eq!(store.claim(&live, at(START + 170)), Answer::Replayed);
    assert_eq!(store.claim(&live, at(START + 171)), Answer::Expired);
}

// ---- time ----

#[test]
fn one_wrong_sample_of_the_clock_spoils_one_call() {
    let mut store = store();
    let year = 31_536_000;
    assert_eq!(store.claim(&proof("a", START), at(START)), Answer::Fresh);
    for wrong in [START + year, u64::MAX, 1 << 47, 0] {
        let answer = store.claim(&proof("b", START + 1), at(wrong));
        let expected = if wrong == 0 {
            Answer::Fresh
        } else {
            Answer::Expired
        };
        assert_eq!(answer, expected, "{wrong}");
    }
    assert_eq!(store.usage().clock, START);
    assert_eq!(store.claim(&proof("a", START), at(START)), Answer::Replayed);
    // Two that agree, clock and proof, are a time. Then only a restart helps.
    let ahead = START + year;
    assert_eq!(store.claim(&proof("c", ahead), at(ahead)), Answer::Fresh);
    assert_eq!(
        store.claim(&proof("d", START + 2), at(START + 2)),
        Answer::Expired
    );
    store.restart(at(START + 2));
    assert_eq!(
        store.claim(&proof("d", START + 2), at(START + 2)),
        before_start(11)
    );
    assert_eq!(
        store.claim(&proof("d", START + 13), at(START + 13)),
        Answer::Fresh
    );
}

#[test]
fn a_restart_soon_after_a_step_back_does_not_forget() {
    let mut store = store();
    let now = START + 100;
    assert_eq!(store.claim(&proof("a", now), at(now)), Answer::Fresh);
    let back = now - 30;
    store.restart(at(back));
    assert_eq!(store.claim(&proof("a", now), at(now)), before_start(11));
    assert_eq!(store.claim(&proof("b", now + 10), at(now)), before_start(1));
    assert_eq!(
        store.claim(&proof("b", now + 11), at(now + 1)),
        Answer::Fresh
    );
}

/// The clock of the first restart is behind what was accepted, and nothing moves it before the second one.
#[test]
fn a_second_restart_after_a_step_back_does_not_forget() {
    let now = START + 100;
    let back = now - 30;
    let accepted = || {
        let mut store = store();
        assert_eq!(store.claim(&proof("a", now), at(now)), Answer::Fresh);
        store.restart(at(back));
        assert_eq!(store.usage().clock, now);
        store
    };
    let mut store = accepted();
    store.restart(at(back + 1));
    assert_eq!(store.claim(&proof("a", now), at(now)), before_start(11));
    // As another process.
    let saved = accepted().usage().clock;
    let mut store = Store::new(&settings(64, 64), [9; 16], at(saved)).unwrap();
    assert_eq!(store.claim(&proof("a", now), at(now)), before_start(11));
}

#[test]
fn a_fence_from_a_wrong_clock_sends_nobody_away_for_years() {
    let mut store = Store::new(&settings(64, 64), [9; 16], at(u64::MAX)).unwrap();
    assert_eq!(store.claim(&proof("a", START), at(START)), Answer::Expired);
    store.restart(at(START + 1_000_000));
    let answer = store.claim(
        &Question::new(&key(1), "a", START + 1_000_050, 0),
        at(START),
    );
    assert_eq!(answer, before_start(81));
}

#[test]
fn a_proof_that_outlives_the_settings_is_a_fault_of_the_verifier() {
    let mut store = store();
    let lasting = |seconds| Question::new(&key(1), "a", START + seconds, START);
    assert_eq!(store.claim(&lasting(82), at(START)), Answer::BeyondLifetime);
    assert_eq!(store.usage().live, 0);
    assert_eq!(store.claim(&lasting(81), at(START)), Answer::Fresh);
    let end = Question::new(&key(1), "b", u64::MAX, u64::MAX);
    assert_eq!(store.claim(&end, at(u64::MAX - 1)), Answer::BeyondLifetime);
    assert_eq!(store.claim(&end, at(u64::MAX)), Answer::Expired);
    assert_eq!(store.usage().clock, START);
}

/// A refused proof is not recorded, and does not prolong the life of the one that was accepted: when that is over, its
/// identifier is free. Neither proof is accepted twice.
#[test]
fn a_refused_twin_leaves_no_trace() {
    let mut store = store();
    let (first, twin) = (proof("a", START), proof("a", START + 60));
    assert_eq!(store.claim(&first, at(START)), Answer::Fresh);
    assert_eq!(store.claim(&twin, at(START + 60)), Answer::Replayed);
    assert_eq!(store.claim(&twin, at(START + 70)), Answer::Replayed);
    assert_eq!(store.claim(&twin, at(START + 71)), Answer::Fresh);
    assert_eq!(store.claim(&twin, at(START + 71)), Answer::Replayed);
    assert_eq!(store.claim(&first, at(START + 71)), Answer::Expired);
}

#[test]
fn after_a_pause_all_is_free() {
    let mut store = Store::first_start(&settings(16, 16), [9; 16], at(START)).unwrap();
    for round in 0..5 {
        let now = START + round * 100;
        for n in 0..16 {
            let jti = format!("{round} {n}");
            assert_eq!(store.claim(&proof(&jti, now), at(now)), Answer::Fresh);
        }
        assert_eq!(store.usage().live, 16);
    }
}

// ---- quotas ----

/// Claims `count` proofs of one key; how many were granted, and the last answer.
fn burst(store: &mut Store, number: u8, now: u64, count: u32) -> (u32, Answer) {
    let mut granted = 0;
    let mut last = Answer::Fresh;
    for n in 0..count {
        last = store.claim(&proof_by(number, &format!("{now} {n}"), now), at(now));
        granted += u32::from(last.is_fresh());
    }
    (granted, last)
}

#[test]
fn one_key_cannot_fill_the_store() {
    // Half of 20 at once, then 11 in 81 s.
    let mut store = Store::first_start(&settings(100, 20), [9; 16], at(START)).unwrap();
    let over = |seconds| Answer::OverQuota {
        retry_after: Duration::from_secs(seconds),
    };
    assert_eq!(burst(&mut store, 1, START, 50), (10, over(8)));
    assert_eq!(burst(&mut store, 1, START + 7, 50), (0, over(1)));
    assert_eq!(burst(&mut store, 1, START + 8, 50), (1, over(7)));
    assert_eq!(store.usage().holders, 1);
    // Others are not concerned.
    for number in 2..=9 {
        assert_eq!(
            burst(&mut store, number, START + 8, 10),
            (10, Answer::Fresh)
        );
    }
    assert_eq!(store.usage().live, 91);
    // What is over its quota hears so from a full store too. What is not does not spend.
    assert_eq!(burst(&mut store, 10, START + 8, 9), (9, Answer::Fresh));
    let full = Answer::Full {
        retry_after: Duration::from_secs(63),
    };
    assert_eq!(
        store.claim(&proof_by(1, "b", START + 8), at(START + 8)),
        over(7)
    );
    assert_eq!(burst(&mut store, 10, START + 8, 20), (0, full));
    assert_eq!(burst(&mut store, 11, START + 8, 20), (0, full));
    assert_eq!(store.usage().holders, 10);
}

#[test]
fn a_key_stays_within_its_quota_however_it_claims() {
    for quota in [1, 2, 3, 4, 7, 13, 64, 1_000] {
        let mut store = Store::first_start(&settings(4_000, quota), [9; 16], at(START)).unwrap();
        let mut most = 0;
        // The longest lives: each proof is from the furthest future.
        for now in START..START + 300 {
            for n in 0..=quota {
                let jti = format!("{now} {n}");
                let answer = store.claim(&proof(&jti, now + FUTURE), at(now));
                if !answer.is_fresh() {
                    assert!(matches!(answer, Answer::OverQuota { .. }), "{answer:?}");
                    break;
                }
            }
            most = most.max(store.usage().live);
        }
        assert!(most <= quota, "{most} of {quota}");
        // Nearly all of it can be used: what comes back in the last of 81 seconds comes too late.
        assert!(most + quota / 81 + 1 >= quota, "{most} of {quota}");
    }
}

#[test]
fn a_replay_spends_nothing() {
    let mut store = Store::first_start(&settings(100, 4), [9; 16], at(START)).unwrap();
    assert_eq!(store.claim(&proof("a", START), at(START)), Answer::Fresh);
    for _ in 0..100 {
        assert_eq!(store.claim(&proof("a", START), at(START)), Answer::Replayed);
    }
    assert_eq!(store.claim(&proof("b", START), at(START)), Answer::Fresh);
}

#[test]
fn too_many_keys_are_refused_not_forgotten() {
    // Room for 100/8 + 100/6 + 1 keys.
    let mut store = Store::first_start(&settings(100, 10), [9; 16], at(START)).unwrap();
    for number in 0..29 {
        assert_eq!(
            store.claim(&proof_by(number, "a", START), at(START)),
            Answer::Fresh
        );
    }
    let full = Answer::Full {
        retry_after: Duration::from_secs(14),
    };
    assert_eq!(store.claim(&proof_by(29, "a", START), at(START)), full);
    assert_eq!(burst(&mut store, 0, START, 50).0, 4);
    assert_eq!(
        store.claim(&proof_by(29, "a", START), at(START + 14)),
        Answer::Fresh
    );
}

// ---- questions, sizes, settings ----

#[test]
fn a_question_is_its_key_and_jti() {
    let question = proof("a", START);
    assert_eq!(question.key(), Question::new(&key(1), "a", 7, 5).key());
    assert_ne!(question.key(), proof("b", START).key());
    assert_ne!(question.key(), proof_by(2, "a", START).key());
    assert_ne!(question.key(), proof("", START).key());
    assert_ne!(question.key(), proof("a\0", START).key());
    assert_eq!(question.holder(), &key(1));
    assert_eq!(
        (question.expires(), question.earliest()),
        (START + 71, START - 10)
    );
    // Another implementation reads the same Redis: sha256("ravelin dpop replay 1\0" || 32 x 01 || "a").
    assert_eq!(question.to_string(), EXPECTED);
}

const EXPECTED: &str = "12fc3ebbca4b4039b9b748d064e97a2480d1d9f48b8677478985bf4ed78279d6";

#[test]
fn an_entry_takes_less_than_24_bytes() {
    let usage = |settings: &Settings| Store::new(settings, [9; 16], at(START)).unwrap().usage();
    for (age, future) in [(60, 10), (300, 300)] {
        for capacity in [65_536, 1_000_000] {
            let usage = usage(&Settings::new(capacity, window(age, future)));
            assert!(usage.bytes <= 24 * capacity as usize, "{usage:?}");
            assert!(
                usage.holder_bytes <= 3 * capacity as usize + 4_000,
                "{usage:?}"
            );
        }
    }
    // A device of 64 KiB with one client, so without a quota.
    let device = usage(&settings(256, 256));
    assert_eq!((device.bytes, device.holder_bytes), (6_292, 0));
    assert!(size_of::<Store>() <= 256);
    assert!(size_of::<Question>() <= 80);
}

#[test]
fn settings_out_of_range_are_refused() {
    let good = settings(64, 8);
    let refused = |settings: Settings| Store::new(&settings, [9; 16], at(START)).unwrap_err();
    for capacity in [0, Settings::MAX_CAPACITY + 1, u32::MAX] {
        let error = refused(Settings { capacity, ..good });
        assert_eq!((error, error.code()), (SettingsError::Capacity, "E-RPL-01"));
    }
    let error = refused(Settings { quota: 0, ..good });
    assert_eq!((error, error.code()), (SettingsError::Quota, "E-RPL-02"));
    for lifetime in [0, Settings::MAX_LIFETIME + 1, u32::MAX] {
        let error = refused(Settings { lifetime, ..good });
        assert_eq!((error, error.code()), (SettingsError::Lifetime, "E-RPL-03"));
    }
    assert_eq!(
        refused(Settings::new(64, Duration::MAX)),
        SettingsError::Lifetime
    );
    assert!(
        SettingsError::Capacity
            .to_string()
            .contains(&Settings::MAX_CAPACITY.to_string())
    );
    assert!(
        SettingsError::Lifetime
            .to_string()
            .contains(&Settings::MAX_LIFETIME.to_string())
    );
    let error = SettingsError::from(wheel::zeros::<u128>(usize::MAX).unwrap_err());
    assert_eq!((error, error.code()), (SettingsError::Memory, "E-RPL-04"));
    for capacity in 1..50 {
        let store = Store::new(&settings(capacity, 1), [9; 16], at(START));
        assert_eq!(store.unwrap().usage().capacity, capacity);
    }
}

#[test]
fn debug_shows_no_secret() {
    let store = Store::new(&settings(64, 8), [171; 16], at(START)).unwrap();
    let text = format!("{store:?}");
    assert!(text.contains("live: 0") && !text.contains("171"), "{text}");
}
