use alloc::collections::BTreeMap;
use alloc::format;

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

fn millis(millis: u64) -> Now {
    at(millis * 1000)
}

fn per_second(rate: u32, burst: u32) -> Quota {
    Quota::new(rate, Duration::from_secs(1), burst).unwrap()
}

fn source(number: u32) -> Principal {
    Principal::ip(core::net::IpAddr::V4(core::net::Ipv4Addr::from_bits(
        number,
    )))
}

fn limited(millis: u64) -> Verdict {
    let retry_after = Duration::from_millis(millis);
    Verdict::Limited {
        retry_after,
        is_shared: false,
    }
}

fn allowed(remaining: u32) -> Verdict {
    Verdict::Allowed {
        remaining,
        is_shared: false,
    }
}

#[test]
fn a_burst_then_the_rate() {
    let mut rates = Rates::new([1; 16], 64, &[per_second(10, 3).into()]).unwrap();
    let a = Principal::name("a");
    for remaining in [2, 1, 0] {
        assert_eq!(rates.check(&a, CLASS, 1, millis(0)), allowed(remaining));
    }
    assert_eq!(rates.check(&a, CLASS, 1, millis(0)), limited(100));
    assert_eq!(rates.check(&a, CLASS, 1, millis(99)), limited(1));
    assert_eq!(rates.check(&a, CLASS, 1, millis(100)), allowed(0));
    assert_eq!(rates.check(&a, CLASS, 2, millis(100)), limited(200));
    assert_eq!(rates.check(&a, CLASS, 2, millis(300)), allowed(0));
    // After any pause, a full bucket and no more.
    assert_eq!(rates.check(&a, CLASS, 3, millis(1_000_000)), allowed(0));
    assert_eq!(rates.check(&a, CLASS, 1, millis(1_000_000)), limited(100));
}

#[test]
fn retry_after_is_neither_too_early_nor_too_late() {
    // A third of a second is no whole number of nanoseconds or microseconds.
    let mut rates = Rates::new([1; 16], 64, &[per_second(3, 2).into()]).unwrap();
    let a = Principal::uid(1);
    let mut now = 17;
    for _ in 0..100 {
        match rates.check(&a, CLASS, 1, at(now)) {
            Verdict::Limited { retry_after, .. } => {
                let wait = retry_after.as_micros() as u64;
                let early = rates.check(&a, CLASS, 1, at(now + wait - 1));
                assert_eq!(
                    early,
                    Verdict::Limited {
                        retry_after: Duration::from_micros(1),
                        is_shared: false
                    }
                );
                now += wait;
                assert!(rates.check(&a, CLASS, 1, at(now)).is_allowed());
            }
            verdict @ (Verdict::Allowed { .. }
            | Verdict::TooCostly { .. }
            | Verdict::UnknownClass(_)) => assert!(verdict.is_allowed()),
        }
    }
}

#[test]
fn classes_and_principals_do_not_touch_each_other() {
    let quotas = [per_second(1, 1).into(), per_second(1, 2).into()];
    let mut rates = Rates::new([1; 16], 64, &quotas).unwrap();
    let (a, b) = (Principal::name("a"), Principal::name("b"));
    assert_eq!(rates.check(&a, Class(0), 1, at(0)), allowed(0));
    assert_eq!(rates.check(&a, Class(0), 1, at(0)), limited(1000));
    assert_eq!(rates.check(&a, Class(1), 2, at(0)), allowed(0));
    assert_eq!(rates.check(&b, Class(0), 1, at(0)), allowed(0));
}

#[test]
fn a_key_is_its_principal_in_this_table_only() {
    let quotas = [per_second(1, 1).into(), per_second(1, 1).into()];
    let mut rates = Rates::new([1; 16], 64, &quotas).unwrap();
    let a = Principal::name("a");
    let key = rates.key(&a);
    for class in [Class(0), Class(1)] {
        assert_eq!(rates.check_key(key, class, 1, at(0)), allowed(0));
        assert_eq!(rates.check(&a, class, 1, at(0)), limited(1000));
    }
    assert!(key != Rates::new([2; 16], 64, &quotas).unwrap().key(&a));
    assert!(key != rates.key(&Principal::uid(0)));
    assert_eq!(format!("{key:?}"), "Key(..)");
}

#[test]
fn the_classes_of_a_principal_are_entries_of_their_own() {
    for value in [0, u64::MAX, 0x0123_4567_89ab_cdef] {
        let tags: alloc::collections::BTreeSet<_> = (0..=255)
            .map(|class| Key(value).of_class(Class(class)))
            .collect();
        assert_eq!(tags.len(), 256);
        let sets: alloc::collections::BTreeSet<_> =
            tags.iter().map(|tag| place(*tag, 1024)).collect();
        assert!(sets.len() > 200, "{}", sets.len());
    }
}

#[test]
fn what_can_never_fit_says_so_and_takes_nothing() {
    let mut rates = Rates::new([1; 16], 64, &[per_second(1, 5).into()]).unwrap();
    let a = Principal::name("a");
    let too_costly = rates.check(&a, CLASS, 6, at(0));
    assert_eq!(too_costly, Verdict::TooCostly { burst: 5 });
    let unknown = rates.check(&a, Class(1), 1, at(0));
    assert_eq!(unknown, Verdict::UnknownClass(Class(1)));
    assert_eq!(rates.live(at(0)), 0);
    assert_eq!(rates.check(&a, CLASS, 5, at(0)), allowed(0));
    assert_eq!(too_costly.refusal().unwrap().code(), "E-LIM-03");
    assert_eq!(unknown.refusal().unwrap().code(), "E-LIM-04");
    assert_eq!(limited(1).refusal().unwrap().code(), "E-LIM-01");
    assert_eq!(allowed(1).refusal(), None);
    assert_eq!(rates.counters().refused, 2);
}

#[test]
fn a_cost_of_nothing_tells_what_remains() {
    let mut rates = Rates::new([1; 16], 4, &[per_second(1, 5).into()]).unwrap();
    let a = Principal::name("a");
    assert_eq!(rates.check(&a, CLASS, 0, at(0)), allowed(5));
    assert_eq!(rates.live(at(0)), 0);
    let _ = rates.check(&a, CLASS, 5, at(0));
    assert_eq!(rates.check(&a, CLASS, 0, at(0)), allowed(0));
    assert_eq!(rates.check(&a, CLASS, 0, millis(2500)), allowed(2));
}

#[test]
fn who_only_asks_what_remains_takes_no_entry() {
    let quotas = Quotas::from(per_second(1, 5));
    let mut rates = Rates::new([1; 16], 4, &[quotas])
        .unwrap()
        .keep(Duration::MAX);
    for number in 0..4 {
        assert_eq!(rates.check(&source(number), CLASS, 0, at(1)), allowed(5));
    }
    assert_eq!(rates.check(&source(4), CLASS, 1, at(1)), allowed(4));
}

#[test]
fn a_step_back_of_the_clock_gives_no_credit() {
    let mut rates = Rates::new([1; 16], 4, &[per_second(10, 1).into()]).unwrap();
    let a = Principal::name("a");
    assert_eq!(rates.check(&a, CLASS, 1, millis(1000)), allowed(0));
    for back in [999, 500, 0] {
        assert_eq!(rates.check(&a, CLASS, 1, millis(back)), limited(100));
    }
    // Nor does stepping to and fro: an entry that was reclaimed later is not free earlier.
    assert_eq!(rates.check(&a, CLASS, 1, millis(1100)), allowed(0));
    assert_eq!(rates.check(&a, CLASS, 1, millis(0)), limited(100));
    assert_eq!(rates.check(&a, CLASS, 1, millis(1199)), limited(1));
}

#[test]
fn at_the_end_of_the_clock_nothing_fits() {
    let mut rates = Rates::new([1; 16], 4, &[per_second(10, 2).into()]).unwrap();
    let a = Principal::name("a");
    for _ in 0..3 {
        let verdict = rates.check(&a, CLASS, 1, at(u64::MAX));
        assert!(!verdict.is_allowed(), "{verdict:?}");
    }
}

#[test]
fn the_table_full_newcomers_share_one_bucket_and_residents_keep_theirs() {
    let quotas = Quotas {
        each: per_second(1, 10),
        overflow: per_second(2, 20),
    };
    let mut rates = Rates::new([1; 16], 4, &[quotas]).unwrap();
    for number in 0..4 {
        assert_eq!(rates.check(&source(number), CLASS, 1, at(0)), allowed(9));
    }
    for number in 4..24 {
        let verdict = rates.check(&source(number), CLASS, 1, at(0));
        assert_eq!(
            verdict,
            Verdict::Allowed {
                remaining: 23 - number,
                is_shared: true
            }
        );
        let event = verdict.event(source(number), CLASS).unwrap();
        assert_eq!(
            event,
            Event::OverflowUsed {
                principal: source(number),
                class: CLASS
            }
        );
    }
    let newcomer = rates.check(&source(24), CLASS, 1, at(0));
    let retry_after = Duration::from_millis(500);
    assert_eq!(
        newcomer,
        Verdict::Limited {
            retry_after,
            is_shared: true
        }
    );
    assert_eq!(newcomer.refusal().unwrap().code(), "E-LIM-02");
    assert!(newcomer.event(source(24), CLASS).unwrap().code() == "rate-limited");
    // Those who have an entry feel nothing of it.
    for number in 0..4 {
        assert_eq!(rates.check(&source(number), CLASS, 1, at(0)), allowed(8));
    }
    assert_eq!(rates.counters().shared, 21);
    // Once one is full again, it gives way.
    assert_eq!(rates.check(&source(24), CLASS, 1, millis(2000)), allowed(9));
}

#[test]
fn a_bucket_of_one_class_is_not_that_of_another() {
    let quotas = [per_second(1, 1).into(), per_second(1, 1).into()];
    let mut rates = Rates::new([1; 16], 4, &quotas).unwrap();
    for number in 0..4 {
        let _ = rates.check(&source(number), Class(0), 1, at(0));
    }
    assert!(rates.check(&source(4), Class(0), 1, at(0)).is_allowed());
    assert!(!rates.check(&source(5), Class(0), 1, at(0)).is_allowed());
    let other = rates.check(&source(4), Class(1), 1, at(0));
    assert_eq!(
        other,
        Verdict::Allowed {
            remaining: 0,
            is_shared: true
        }
    );
}

#[test]
fn a_flood_of_a_million_sources_locks_no_resident_out() {
    // One request a microsecond for one second, from a million sources.
    let quotas = Quotas {
        each: per_second(10, 20),
        overflow: per_second(100, 100),
    };
    let mut rates = Rates::new([3; 16], 4096, &[quotas]).unwrap();
    let residents = [1, 2, 3, 4, 5].map(|number| Principal::name(&format!("{number}")));
    for resident in &residents {
        // They have used something of their burst, so each has an entry.
        assert!(rates.check(resident, CLASS, 10, at(0)).is_allowed());
    }
    let (mut own, mut shared) = (0, 0);
    for number in 0..1_000_000 {
        let now = at(u64::from(number));
        match rates.check(&source(number), CLASS, 1, now) {
            Verdict::Allowed {
                is_shared: true, ..
            } => shared += 1,
            Verdict::Allowed { .. } => own += 1,
            Verdict::Limited { is_shared, .. } => assert!(is_shared),
            verdict @ (Verdict::TooCostly { .. } | Verdict::UnknownClass(_)) => {
                panic!("{verdict:?}")
            }
        }
        if number % 100_000 == 50_000 {
            for resident in &residents {
                let verdict = rates.check(resident, CLASS, 1, now);
                assert!(
                    matches!(
                        verdict,
                        Verdict::Allowed {
                            is_shared: false,
                            ..
                        }
                    ),
                    "{verdict:?}"
                );
            }
        }
    }
    // Newcomers get an entry as one falls free, and the whole rate of the bucket: its burst and what came back.
    assert!((198..=200).contains(&shared), "{shared}");
    assert!(own >= 4096, "{own}");
    assert!(rates.live(at(1_000_000)) <= 4096);
}

#[test]
fn who_pauses_keeps_the_entry_for_as_long_as_the_settings_say() {
    for (keep, is_kept) in [(Duration::ZERO, false), (Duration::from_secs(1), true)] {
        let mut rates = Rates::new([3; 16], 64, &[per_second(10, 20).into()])
            .unwrap()
            .keep(keep);
        let resident = Principal::name("a");
        let _ = rates.check(&resident, CLASS, 1, at(0));
        for number in 0..10_000 {
            let _ = rates.check(&source(number), CLASS, 1, millis(110));
        }
        let verdict = rates.check(&resident, CLASS, 20, millis(120));
        assert_eq!(verdict == allowed(0), is_kept, "{verdict:?}");
    }
}

#[test]
fn governor_171_unbounded_keys() {
    // https://github.com/boinkor-net/governor/issues/171: 62 million keys took 1 GiB, and nothing bounded them.
    let mut rates = Rates::new([1; 16], 1000, &[per_second(1, 1).into()]).unwrap();
    let before = (rates.sets.as_ptr(), size_of_val(&*rates.sets));
    for number in 0..100_000 {
        let _ = rates.check(&source(number), CLASS, 1, at(0));
    }
    assert_eq!((rates.sets.as_ptr(), size_of_val(&*rates.sets)), before);
    assert_eq!(before.1, 1000 * 16);
    assert!(rates.live(at(0)) <= 1000);
}

#[test]
fn a_table_is_sized_by_how_many_find_no_place() {
    for (factor, one_in) in [(2, 20..30), (4, 180..300)] {
        let live = 100_000;
        let mut rates = Rates::new([9; 16], live * factor, &[per_second(1, 9).into()]).unwrap();
        for number in 0..live {
            let _ = rates.check(&source(number), CLASS, 1, millis(0));
        }
        let found = u64::from(live) / rates.counters().shared;
        assert!(one_in.contains(&found), "{factor}: one in {found}");
    }
}

#[test]
fn the_memory_is_what_the_function_says() {
    for (slots, classes) in [(1, 1), (4, 2), (5, 256), (4096, 3)] {
        let quotas = vec![Quotas::from(per_second(1, 1)); classes];
        let rates = Rates::new([1; 16], slots, &quotas).unwrap();
        let heap = size_of_val(&*rates.sets) + size_of_val(&*rates.classes);
        assert_eq!(size_of_val(&rates) + heap, Rates::bytes(slots, classes));
        assert_eq!(rates.sets.len(), (slots as usize).div_ceil(4));
    }
    assert_eq!(size_of::<Set>(), 4 * 16);
    assert_eq!(Rates::bytes(4096, 0) - size_of::<Rates>(), 65_536);
}

#[test]
fn settings_that_cannot_work() {
    let second = Duration::from_secs(1);
    for quota in [(0, second, 1), (1, Duration::ZERO, 1), (1, second, 0)] {
        assert_eq!(
            Quota::new(quota.0, quota.1, quota.2),
            Err(SettingsError::QuotaZero)
        );
    }
    assert_eq!(
        Quota::new(2, Duration::from_nanos(1), 1),
        Err(SettingsError::QuotaTooFast)
    );
    assert!(Quota::new(1, Duration::from_nanos(1), 1).is_ok());
    for (period, burst) in [
        (Duration::MAX, 1),
        (Duration::MAX, u32::MAX),
        (second, u32::MAX),
    ] {
        assert_eq!(
            Quota::new(1, period, burst),
            Err(SettingsError::QuotaTooSlow)
        );
    }
    let quota = per_second(1, 1);
    let build = |slots, quotas: &[Quotas]| Rates::new([1; 16], slots, quotas).map(|_| ());
    let capacity = Err(SettingsError::Capacity { limit: MAX_SLOTS });
    assert_eq!(build(0, &[quota.into()]), capacity);
    assert_eq!(build(MAX_SLOTS + 1, &[quota.into()]), capacity);
    assert_eq!(build(1, &[]), Err(SettingsError::Classes));
    assert_eq!(
        build(1, &[quota.into(); MAX_CLASSES + 1]),
        Err(SettingsError::Classes)
    );
    let small = Quotas {
        each: per_second(1, 2),
        overflow: quota,
    };
    assert_eq!(build(1, &[small]), Err(SettingsError::OverflowTooSmall));
}

#[test]
fn a_quota_is_never_exceeded_by_rounding() {
    let quota = per_second(3, 1);
    assert_eq!(quota.interval(), Duration::from_nanos(333_333_334));
}

#[test]
fn counters_stay_at_their_maximum() {
    let full = Counters {
        allowed: u64::MAX,
        limited: u64::MAX,
        shared: u64::MAX,
        refused: u64::MAX,
    };
    let mut rates = Rates::new([1; 16], 4, &[per_second(1, 1).into()]).unwrap();
    rates.counters = full;
    for number in 0..9 {
        let _ = rates.check(&source(number), Class((number / 8) as u8), 1, at(0));
        let _ = rates.check(&source(number), CLASS, 2, at(0));
    }
    assert_eq!(rates.counters(), full);
}

#[test]
fn no_seed_in_what_is_printed() {
    let rates = Rates::new([0xab; 16], 4, &[per_second(1, 1).into()]).unwrap();
    let text = format!("{rates:?}");
    let key = u64::from_le_bytes([0xab; 8]);
    assert!(
        !text.contains("hasher") && !text.contains(&format!("{key}")),
        "{text}"
    );
}

/// The same by other means: a map without bound, from which only entries that hold state count.
struct Model {
    entries: BTreeMap<(u32, u8), u128>,
    shared: BTreeMap<u8, u128>,
    now: u128,
}

impl Model {
    fn check(&mut self, who: u32, class: u8, cost: u32, quotas: &Quotas) -> Verdict {
        let now = self.now;
        if cost > quotas.each.burst {
            return Verdict::TooCostly {
                burst: quotas.each.burst,
            };
        }
        self.entries.retain(|_, arrival| *arrival > now);
        let is_shared = !self.entries.contains_key(&(who, class)) && self.entries.len() >= WAYS;
        let (quota, arrival) = if is_shared {
            (quotas.overflow, self.shared.entry(class).or_default())
        } else {
            (quotas.each, self.entries.entry((who, class)).or_default())
        };
        let interval = quota.interval().as_nanos();
        let next = now.max(*arrival) + u128::from(cost) * interval;
        let most = now + u128::from(quota.burst) * interval;
        if next > most {
            let retry_after = Duration::from_micros((next - most).div_ceil(1000) as u64);
            return Verdict::Limited {
                retry_after,
                is_shared,
            };
        }
        *arrival = next;
        Verdict::Allowed {
            remaining: ((most - next) / interval) as u32,
            is_shared,
        }
    }
}

proptest! {
    #[test]
    fn one_set_behaves_as_an_unbounded_map_of_four(
        seed: [u8; 16],
        rate in 1..2000u32,
        burst in 1..20u32,
        more in 0..20u32,
        requests in prop::collection::vec((0..7u32, 0..3u8, 0..22u32, -50_000..200_000i64), 1..200),
    ) {
        let each = per_second(rate, burst);
        let quotas = Quotas { each, overflow: per_second(rate + more, burst + more) };
        let mut rates = Rates::new(seed, 4, &[quotas, quotas]).unwrap();
        let mut model = Model { entries: BTreeMap::new(), shared: BTreeMap::new(), now: 0 };
        let mut micros = 0u64;
        for (who, class, cost, step) in requests {
            micros = micros.saturating_add_signed(step);
            let verdict = rates.check(&source(who), Class(class), cost, at(micros));
            model.now = model.now.max(u128::from(micros) * 1000);
            let expected = match class {
                0 | 1 => model.check(who, class, cost, &quotas),
                _ => Verdict::UnknownClass(Class(class)),
            };
            prop_assert_eq!(verdict, expected);
            // To the nanosecond, which no answer shows.
            let arrivals = &rates.sets[0].arrivals;
            let live = model.entries.values().filter(|arrival| **arrival > model.now);
            for arrival in live {
                prop_assert!(arrivals.contains(&(*arrival as u64)));
            }
        }
    }

    #[test]
    fn nobody_gets_more_than_its_quota_and_the_bucket(
        seed: [u8; 16],
        requests in prop::collection::vec((0..40u32, 1..4u32, 0..100_000u64), 1..300),
    ) {
        let quota = per_second(20, 5);
        let mut rates = Rates::new(seed, 16, &[quota.into()]).unwrap();
        let (mut own, mut shared) = (BTreeMap::<u32, u64>::new(), 0);
        let mut micros = 0;
        for (who, cost, step) in requests {
            micros += step;
            if let Verdict::Allowed { is_shared, .. } = rates.check(&source(who), CLASS, cost, at(micros)) {
                *if is_shared { &mut shared } else { own.entry(who).or_default() } += u64::from(cost);
            }
        }
        let most = 5 + micros * 20 / 1_000_000;
        prop_assert!(shared <= most);
        prop_assert!(own.values().all(|units| *units <= most));
    }
}
