use alloc::collections::BTreeMap;
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;
use rustls_pki_types::UnixTime;

use super::*;

fn at(micros: u64) -> Now {
    Now::new(
        Instant::from_micros(micros),
        UnixTime::since_unix_epoch(Duration::ZERO),
    )
}

fn set(calls: u32) -> Deadlines {
    Deadlines::new(
        calls,
        &[Duration::from_micros(10), Duration::from_micros(100)],
    )
    .unwrap()
}

#[test]
fn the_earliest_expires_first_and_only_when_its_time_has_come() {
    let mut deadlines = set(4);
    let slow = deadlines.start(1, Class(1), at(0)).unwrap();
    let quick = deadlines.start(2, Class(0), at(5)).unwrap();
    assert_eq!(deadlines.next(), Some(Instant::from_micros(15)));
    assert_eq!(deadlines.expired(at(14)), None);
    let expired = deadlines.expired(at(15)).unwrap();
    assert_eq!((expired.id, expired.tag), (quick, 2));
    assert_eq!(expired.elapsed, Duration::from_micros(10));
    assert_eq!(expired.refusal().code(), "E-LIM-30");
    let (tag, class, elapsed) = (2, Class(0), expired.elapsed);
    assert_eq!(
        expired.event(),
        Event::DeadlinePassed {
            tag,
            class,
            elapsed
        }
    );
    assert_eq!(deadlines.expired(at(99)), None);
    assert_eq!(deadlines.next(), Some(Instant::from_micros(100)));
    assert_eq!(deadlines.expired(at(100)).map(|it| it.id), Some(slow));
    assert_eq!((deadlines.next(), deadlines.running()), (None, 0));
}

#[test]
fn a_late_result_is_not_that_of_the_call_in_its_place() {
    let mut deadlines = set(1);
    let first = deadlines.start(7, Class(0), at(0)).unwrap();
    assert!(deadlines.expired(at(10)).is_some());
    let second = deadlines.start(7, Class(0), at(11)).unwrap();
    assert_eq!(first.slot, second.slot);
    let late = deadlines.finish(first, at(12));
    assert_eq!(late, Finish::Late(None));
    assert_eq!(late.refusal().unwrap().code(), "E-LIM-30");
    let in_time = deadlines.finish(second, at(12));
    let elapsed = Duration::from_micros(1);
    assert_eq!(
        in_time,
        Finish::InTime {
            tag: 7,
            class: Class(0),
            elapsed
        }
    );
    assert_eq!(in_time.refusal(), None);
    // And none is finished twice.
    assert_eq!(deadlines.finish(second, at(12)), Finish::Late(None));
}

#[test]
fn a_result_after_its_deadline_is_late_though_nobody_looked() {
    let mut deadlines = set(2);
    let id = deadlines.start(7, Class(0), at(0)).unwrap();
    let Finish::Late(Some(expired)) = deadlines.finish(id, at(10)) else {
        panic!("in time");
    };
    assert_eq!(
        (expired.id, expired.elapsed),
        (id, Duration::from_micros(10))
    );
    // Told once.
    assert_eq!(deadlines.expired(at(11)), None);
    let Counters { expired, late, .. } = deadlines.counters();
    assert_eq!((expired, late), (1, 1));
}

#[test]
fn a_step_back_of_the_clock_gives_no_more_time() {
    let mut deadlines = set(2);
    let old = deadlines.start(1, Class(0), at(1000)).unwrap();
    assert_eq!(deadlines.expired(at(1010)).map(|it| it.id), Some(old));
    let new = deadlines.start(2, Class(0), at(0)).unwrap();
    assert_eq!(deadlines.next(), Some(Instant::from_micros(1020)));
    assert!(matches!(
        deadlines.finish(new, at(0)),
        Finish::InTime {
            elapsed: Duration::ZERO,
            ..
        }
    ));
}

#[test]
fn a_call_that_would_have_no_deadline_is_not_begun() {
    let mut deadlines = set(2);
    let first = deadlines.start(1, Class(0), at(0)).unwrap();
    let _ = deadlines.start(2, Class(0), at(0)).unwrap();
    let full = deadlines.start(3, Class(0), at(0)).unwrap_err();
    assert_eq!(
        (full, full.code()),
        (Refusal::DeadlinesFull { limit: 2 }, "E-LIM-31")
    );
    let unknown = deadlines.start(3, Class(2), at(0)).unwrap_err();
    assert_eq!(unknown, Refusal::UnknownClass(Class(2)));
    let _ = deadlines.finish(first, at(1));
    assert!(deadlines.start(3, Class(0), at(0)).is_ok());
}

#[test]
fn settings_that_cannot_work() {
    let second = Duration::from_secs(1);
    let build = |calls, timeouts: &[Duration]| Deadlines::new(calls, timeouts).map(|_| ());
    let capacity = Err(SettingsError::Capacity { limit: MAX_CALLS });
    assert_eq!(build(0, &[second]), capacity);
    assert_eq!(build(MAX_CALLS + 1, &[second]), capacity);
    assert_eq!(build(1, &[]), Err(SettingsError::Classes));
    assert_eq!(
        build(1, &[second; MAX_CLASSES + 1]),
        Err(SettingsError::Classes)
    );
    for timeout in [Duration::ZERO, Duration::MAX, Duration::from_nanos(999)] {
        assert_eq!(build(1, &[second, timeout]), Err(SettingsError::Duration));
    }
}

#[test]
fn the_memory_is_what_the_function_says() {
    let mut deadlines = set(100);
    let bytes = |it: &Deadlines| {
        size_of_val(it)
            + size_of_val(&*it.slots)
            + it.heap.capacity() * size_of::<u32>()
            + size_of_val(&*it.timeouts)
    };
    assert_eq!(bytes(&deadlines), Deadlines::bytes(100, 2));
    while deadlines.start(0, Class(0), at(0)).is_ok() {}
    assert_eq!(bytes(&deadlines), Deadlines::bytes(100, 2));
}

#[test]
fn counters_stay_at_their_maximum() {
    let full = Counters {
        started: u64::MAX,
        finished: u64::MAX,
        expired: u64::MAX,
        late: u64::MAX,
    };
    let mut deadlines = set(2);
    deadlines.counters = full;
    let id = deadlines.start(0, Class(0), at(0)).unwrap();
    let _ = deadlines.finish(id, at(0));
    let _ = deadlines.finish(id, at(0));
    let _ = deadlines.start(0, Class(0), at(0)).unwrap();
    assert!(deadlines.expired(at(10)).is_some());
    assert_eq!(deadlines.counters(), full);
}

proptest! {
    #[test]
    fn behaves_as_a_sorted_map(
        steps in prop::collection::vec((0..4u8, 0..3u8, any::<prop::sample::Index>(), -20..60i64), 1..300),
    ) {
        const CALLS: usize = 12;
        let timeouts = [30, 70].map(Duration::from_micros);
        let mut deadlines = Deadlines::new(CALLS as u32, &timeouts).unwrap();
        // By deadline and order of beginning.
        let mut model = BTreeMap::<(u64, u64), Id>::new();
        let mut ids: Vec<Id> = vec![];
        let (mut micros, mut latest, mut begun) = (0u64, 0u64, 0u64);
        for (action, class, index, step) in steps {
            micros = micros.saturating_add_signed(step);
            let now = at(micros);
            match action {
                0 | 1 => {
                    let started = deadlines.start(begun, Class(class), now);
                    let Some(timeout) = timeouts.get(usize::from(class)) else {
                        prop_assert_eq!(started, Err(Refusal::UnknownClass(Class(class))));
                        continue;
                    };
                    if model.len() == CALLS {
                        prop_assert_eq!(started, Err(Refusal::DeadlinesFull { limit: CALLS as u32 }));
                        continue;
                    }
                    latest = latest.max(micros);
                    let id = started.unwrap();
                    prop_assert!(!ids.contains(&id));
                    ids.push(id);
                    model.insert((latest + timeout.as_micros() as u64, begun), id);
                    begun += 1;
                }
                2 if !ids.is_empty() => {
                    latest = latest.max(micros);
                    let id = *index.get(&ids);
                    let live = model.iter().find(|(_, it)| **it == id).map(|(key, _)| *key);
                    let finish = deadlines.finish(id, now);
                    match live {
                        Some((deadline, tag)) if latest < deadline => {
                            let is_it = matches!(finish, Finish::InTime { tag: it, .. } if it == tag);
                            prop_assert!(is_it, "{:?}", finish);
                        }
                        Some(_) => prop_assert!(matches!(finish, Finish::Late(Some(it)) if it.id == id)),
                        None => prop_assert_eq!(finish, Finish::Late(None)),
                    }
                    live.map(|key| model.remove(&key));
                }
                _ => {
                    latest = latest.max(micros);
                    let first = model.first_key_value().map(|(key, id)| (*key, *id));
                    let due = first.filter(|((deadline, _), _)| *deadline <= latest);
                    let expired = deadlines.expired(now);
                    prop_assert_eq!(expired.map(|it| (it.tag, it.id)), due.map(|((_, tag), id)| (tag, id)));
                    due.map(|(key, _)| model.remove(&key));
                }
            }
            prop_assert_eq!(deadlines.running(), model.len());
            let next = model.first_key_value().map(|((deadline, _), _)| Instant::from_micros(*deadline));
            prop_assert_eq!(deadlines.next(), next);
        }
    }
}
