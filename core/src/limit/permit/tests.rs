use alloc::collections::BTreeMap;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::time::Duration;

use proptest::prelude::*;
use rustls_pki_types::UnixTime;

use super::*;

const CLASS: Class = Class(0);

fn at(micros: u64) -> Now {
    Now::new(
        Instant::from_micros(micros),
        UnixTime::since_unix_epoch(Duration::ZERO),
    )
}

fn table(total: u32, principal: u32, classes: &[u32]) -> Permits {
    Permits::new(
        [1; 16],
        Limits {
            total,
            principal,
            classes,
        },
    )
    .unwrap()
}

#[test]
fn each_limit_is_met_exactly() {
    let mut permits = table(5, 2, &[3, 100]);
    let [a, b, c] = [1, 2, 3].map(Principal::uid);
    let mut out = Vec::new();
    for (class, principal) in [(0, a), (0, a), (0, b)] {
        out.push(permits.acquire(Class(class), principal, at(0)).unwrap());
    }
    let refused = permits.acquire(Class(1), a, at(0)).unwrap_err();
    assert_eq!(
        (refused, refused.code()),
        (Full::Principal { limit: 2 }, "E-LIM-20")
    );
    let refused = permits.acquire(Class(0), b, at(0)).unwrap_err();
    assert_eq!(
        (refused, refused.code()),
        (Full::Class { limit: 3 }, "E-LIM-21")
    );
    out.push(permits.acquire(Class(1), b, at(0)).unwrap());
    out.push(permits.acquire(Class(1), c, at(0)).unwrap());
    let refused = permits.acquire(Class(1), c, at(0)).unwrap_err();
    assert_eq!(
        (refused, refused.code()),
        (Full::Total { limit: 5 }, "E-LIM-22")
    );
    let event = refused.event(c, Class(1));
    assert_eq!(
        event,
        Event::PermitRefused {
            principal: c,
            class: Class(1),
            full: refused
        }
    );

    let refused = permits.acquire(Class(2), c, at(0)).unwrap_err();
    assert_eq!(
        (refused, refused.code()),
        (Full::UnknownClass(Class(2)), "E-LIM-04")
    );
    assert_eq!(permits.outstanding(), 5);
    assert_eq!(permits.outstanding_of_class(Class(0)), 3);
    assert_eq!([a, b, c].map(|it| permits.outstanding_of(&it)), [2, 2, 1]);
    for permit in out {
        permits.release(permit).unwrap();
    }
    assert_eq!(permits.outstanding(), 0);
    assert_eq!(permits.outstanding_of_class(Class(0)), 0);
    assert_eq!([a, b, c].map(|it| permits.outstanding_of(&it)), [0, 0, 0]);
    assert_eq!(
        permits.counters(),
        Counters {
            granted: 5,
            refused: 4
        }
    );
}

#[test]
fn turbomcp_s5_a_permit_dropped_before_use_frees_nothing() {
    // Its validator dropped the guard before it returned, so a limit of 1 let 50 of 50 through.
    let mut permits = table(1, 1, &[1]);
    drop(permits.acquire(CLASS, Principal::uid(0), at(0)).unwrap());
    let granted =
        (1..=50).filter(|uid| permits.acquire(CLASS, Principal::uid(*uid), at(0)).is_ok());
    assert_eq!(granted.count(), 0);
    assert_eq!(permits.outstanding(), 1);
}

#[test]
fn a_leak_shows_with_who_and_since_when() {
    let mut permits = table(4, 4, &[4, 4]);
    let [a, b] = [1, 2].map(Principal::uid);
    drop(permits.acquire(Class(1), a, at(10)).unwrap());
    let kept = permits.acquire(Class(0), b, at(500)).unwrap();
    let since = Instant::from_micros(10);
    let old = |permits: &Permits| {
        permits
            .held()
            .find(|held| at(500).instant.saturating_since(held.since) > Duration::from_micros(100))
    };
    assert_eq!(
        old(&permits),
        Some(Held {
            principal: a,
            class: Class(1),
            since
        })
    );
    permits.release(kept).unwrap();
    assert_eq!(permits.outstanding(), 1);
    assert_eq!(permits.held().count(), 1);
}

#[test]
fn a_permit_of_another_table_frees_nothing_and_is_not_lost() {
    let mut permits = table(2, 2, &[2]);
    let mut others = Permits::new(
        [2; 16],
        Limits {
            total: 2,
            principal: 2,
            classes: &[2],
        },
    )
    .unwrap();
    let _mine = permits.acquire(CLASS, Principal::uid(1), at(0)).unwrap();
    let permit = others.acquire(CLASS, Principal::uid(1), at(0)).unwrap();
    assert_eq!(permit.class(), CLASS);
    let foreign = permits.release(permit).unwrap_err();
    assert_eq!(permits.outstanding(), 1);
    assert_eq!(foreign.to_string(), Refusal::ForeignPermit.to_string());
    others.release(foreign.0).unwrap();
    assert_eq!(others.outstanding(), 0);
}

#[test]
fn settings_that_cannot_work() {
    let build = |total, principal, classes: &[u32]| {
        Permits::new(
            [1; 16],
            Limits {
                total,
                principal,
                classes,
            },
        )
        .map(|_| ())
    };
    for (total, principal, class) in [(0, 1, 1), (1, 0, 1), (1, 1, 0)] {
        assert_eq!(
            build(total, principal, &[1, class]),
            Err(SettingsError::NoPermits)
        );
    }
    let capacity = Err(SettingsError::Capacity { limit: MAX_TOTAL });
    assert_eq!(build(MAX_TOTAL + 1, 1, &[1]), capacity);
    assert_eq!(build(1, 1, &[]), Err(SettingsError::Classes));
    assert_eq!(
        build(1, 1, &[1; MAX_CLASSES + 1]),
        Err(SettingsError::Classes)
    );
}

#[test]
fn the_memory_is_what_the_function_says() {
    let permits = table(100, 1, &[1, 2, 3]);
    let heap = size_of_val(&*permits.slots)
        + size_of_val(&*permits.classes)
        + size_of_val(&*permits.principals.places);
    assert_eq!(size_of_val(&permits) + heap, Permits::bytes(100, 3));
}

#[test]
fn counters_stay_at_their_maximum() {
    let full = Counters {
        granted: u64::MAX,
        refused: u64::MAX,
    };
    let mut permits = table(1, 1, &[1]);
    permits.counters = full;
    let _permit = permits.acquire(CLASS, Principal::uid(1), at(0)).unwrap();
    assert!(permits.acquire(CLASS, Principal::uid(1), at(0)).is_err());
    assert_eq!(permits.counters(), full);
}

proptest! {
    #[test]
    fn behaves_as_counting_does(
        seed: [u8; 16],
        total in 1..20u32,
        principal in 1..5u32,
        class_limit in 1..12u32,
        steps in prop::collection::vec((any::<bool>(), 0..3u8, 0..30u32, any::<prop::sample::Index>()), 1..400),
    ) {
        let limits = [class_limit, 20];
        let mut permits =
            Permits::new(seed, Limits { total, principal, classes: &limits }).unwrap();
        let mut out: Vec<(Permit, u8, u32)> = Vec::new();
        for (is_acquire, class, who, index) in steps {
            if is_acquire || out.is_empty() {
                let of_class = out.iter().filter(|it| it.1 == class).count();
                let of_who = out.iter().filter(|it| it.2 == who).count();
                let expected = if class == 2 {
                    Err(Full::UnknownClass(Class(2)))
                } else if of_who == principal as usize {
                    Err(Full::Principal { limit: principal })
                } else if of_class == limits[usize::from(class)] as usize {
                    Err(Full::Class { limit: limits[usize::from(class)] })
                } else if out.len() == total as usize {
                    Err(Full::Total { limit: total })
                } else {
                    Ok(())
                };
                let acquired = permits.acquire(Class(class), Principal::uid(who), at(0));
                prop_assert_eq!(acquired.as_ref().map(|_| ()).map_err(|full| *full), expected);
                out.extend(acquired.ok().map(|permit| (permit, class, who)));
            } else {
                let (permit, ..) = out.swap_remove(index.index(out.len()));
                prop_assert!(permits.release(permit).is_ok());
            }
            prop_assert_eq!(permits.outstanding() as usize, out.len());
            let mut counts = BTreeMap::<u32, u32>::new();
            out.iter().for_each(|it| *counts.entry(it.2).or_default() += 1);
            for who in 0..30 {
                let count = counts.get(&who).copied().unwrap_or(0);
                prop_assert_eq!(permits.outstanding_of(&Principal::uid(who)), count);
            }
            // No more places are taken than there are principals.
            let taken = permits.principals.places.iter().flatten().count();
            prop_assert_eq!(taken, counts.len());
        }
    }
}
