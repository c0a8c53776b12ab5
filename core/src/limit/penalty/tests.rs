use alloc::format;
use alloc::vec::Vec;

use rustls_pki_types::UnixTime;

use super::*;

mod model;
mod settings;
mod snapshots;

const MINUTE: u64 = 60;

fn micros(micros: u64) -> Now {
    let since = Duration::from_micros(micros);
    Now::new(
        Instant::from_micros(micros),
        UnixTime::since_unix_epoch(since),
    )
}

fn at(seconds: u64) -> Now {
    micros(seconds * 1_000_000)
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn table() -> Penalties {
    Penalties::new([1; 16], 64, Ladder::default()).unwrap()
}

/// A table of one set.
fn small() -> Penalties {
    Penalties::new([1; 16], 4, Ladder::default()).unwrap()
}

fn offend(penalties: &mut Penalties, who: Principal, offences: &[Offence], now: Now) -> Standing {
    let mut standing = penalties.judge(&who, now);
    for offence in offences {
        standing = penalties.record(who, *offence, now).standing;
    }
    standing
}

use Offence::{DeviceName, LinkEscape, NotFound, Rate, Traversal};

const BAN: &[Offence] = &[Traversal, LinkEscape, Traversal];

#[test]
fn the_ladder_rung_by_rung() {
    let mut penalties = table();
    let a = Principal::name("a");
    let score = |score| Standing::Warn { score };
    let slow = Standing::Slow { delay: secs(1) };
    let deny = Standing::Deny {
        remaining: secs(600),
    };
    let steps = [
        (DeviceName, Standing::Clear, None),
        (DeviceName, score(10), Some("warned")),
        (DeviceName, score(15), None),
        (Rate, score(16), None),
        (DeviceName, slow, Some("slowed")),
        (DeviceName, slow, None),
        (DeviceName, deny, Some("banned")),
        (Traversal, deny, None),
        (Traversal, deny, None),
        (
            LinkEscape,
            Standing::Disconnect {
                remaining: secs(600),
            },
            Some("disconnected"),
        ),
        (
            LinkEscape,
            Standing::Disconnect {
                remaining: secs(600),
            },
            None,
        ),
    ];
    for (offence, standing, code) in steps {
        let outcome = penalties.record(a, offence, at(0));
        assert_eq!(outcome.standing, standing);
        assert_eq!(outcome.event.map(|event| event.code()), code);
        assert_eq!(penalties.judge(&a, at(0)), standing);
    }
    assert_eq!(deny.refusal().unwrap().code(), "E-LIM-10");
    let disconnect = penalties.judge(&a, at(0));
    assert_eq!(disconnect.refusal().unwrap().code(), "E-LIM-11");
    assert_eq!(slow.refusal(), None);
    assert_eq!(penalties.counters().bans, 1);
}

#[test]
fn points_fade() {
    let mut penalties = table();
    let a = Principal::name("a");
    let _ = offend(&mut penalties, a, &[Traversal, DeviceName], at(0));
    assert_eq!(penalties.judge(&a, at(0)), Standing::Warn { score: 15 });
    assert_eq!(
        penalties.judge(&a, at(MINUTE)),
        Standing::Warn { score: 14 }
    );
    // A point that has begun to fade still counts.
    assert_eq!(
        penalties.judge(&a, at(MINUTE + 1)),
        Standing::Warn { score: 14 }
    );
    assert_eq!(
        penalties.judge(&a, at(5 * MINUTE)),
        Standing::Warn { score: 10 }
    );
    assert_eq!(penalties.judge(&a, at(6 * MINUTE)), Standing::Clear);
    let outcome = penalties.record(a, Rate, at(14 * MINUTE));
    assert_eq!((outcome.standing, outcome.event), (Standing::Clear, None));
}

#[test]
fn a_missing_file_is_no_offence() {
    let mut penalties = table();
    let a = Principal::ip("192.0.2.1".parse().unwrap());
    for _ in 0..10_000 {
        let outcome = penalties.record(a, NotFound, at(0));
        assert_eq!((outcome.standing, outcome.event), (Standing::Clear, None));
    }
    assert!(penalties.find(&a).is_none());
    assert_eq!(penalties.counters().offences, 0);
}

#[test]
fn bans_double_up_to_the_longest_and_are_forgotten() {
    let mut penalties = table();
    let a = Principal::name("a");
    let mut now = 0;
    for expected in [
        600, 1200, 2400, 4800, 9600, 19_200, 38_400, 76_800, 86_400, 86_400,
    ] {
        let standing = offend(&mut penalties, a, BAN, at(now));
        assert_eq!(
            standing,
            Standing::Deny {
                remaining: secs(expected)
            }
        );
        assert_eq!(
            penalties.judge(&a, at(now + 1)),
            Standing::Deny {
                remaining: secs(expected - 1)
            }
        );
        now += expected;
        assert_eq!(penalties.judge(&a, at(now)), Standing::Clear);
    }
    let week = 7 * 86_400;
    let mut other = Penalties::new([1; 16], 64, Ladder::default()).unwrap();
    let _ = offend(&mut other, a, BAN, at(0));
    let standing = offend(&mut other, a, BAN, at(600 + week - 1));
    assert_eq!(
        standing,
        Standing::Deny {
            remaining: secs(1200)
        }
    );
    let end = 600 + week - 1 + 1200;
    let standing = offend(&mut other, a, BAN, at(end + week));
    assert_eq!(
        standing,
        Standing::Deny {
            remaining: secs(600)
        }
    );
}

#[test]
fn no_number_of_bans_overflows() {
    let ladder = Ladder {
        ban: secs(3 * 86_400 * 365),
        longest: secs(99 * 86_400 * 365),
        ..Ladder::default()
    };
    let mut penalties = Penalties::new([1; 16], 64, ladder).unwrap();
    let a = Principal::name("a");
    let mut now = 0;
    for _ in 0..300 {
        let Standing::Deny { remaining } = offend(&mut penalties, a, BAN, at(now)) else {
            panic!("not banned");
        };
        assert!(remaining >= ladder.ban && remaining <= ladder.longest);
        now += remaining.as_secs();
    }
}

#[test]
fn fail2ban_4009_thresholds_stay_the_same_for_repeat_offenders() {
    // https://github.com/fail2ban/fail2ban/issues/4009: with growing ban times, known offenders were banned after
    // fewer failures than maxretry.
    let mut penalties = table();
    let a = Principal::name("a");
    let mut now = 0;
    for _ in 0..6 {
        assert_eq!(
            offend(&mut penalties, a, &[Traversal], at(now)),
            Standing::Warn { score: 10 }
        );
        let twice = offend(&mut penalties, a, &[Traversal], at(now));
        assert_eq!(twice, Standing::Slow { delay: secs(1) });
        let Standing::Deny { remaining } = offend(&mut penalties, a, &[Traversal], at(now)) else {
            panic!("not banned");
        };
        // Points of offences during the ban are gone with it, too.
        let _ = offend(&mut penalties, a, &[Traversal], at(now + 1));
        now += remaining.as_secs();
    }
}

#[test]
fn who_authenticated_is_banned_and_not_the_address() {
    let mut penalties = table();
    let (office, home) = (
        "192.0.2.1".parse().unwrap(),
        "198.51.100.1".parse().unwrap(),
    );
    let [alice, bob] = ["alice", "bob"].map(|name| Some(Principal::name(name)));
    let _ = offend(
        &mut penalties,
        Principal::responsible(alice, office),
        BAN,
        at(0),
    );
    // Alice is banned wherever she comes from, and the office and Bob in it are not.
    assert!(
        penalties
            .judge(&Principal::responsible(alice, home), at(0))
            .is_refused()
    );
    assert_eq!(
        penalties.judge(&Principal::ip(office), at(0)),
        Standing::Clear
    );
    assert_eq!(
        penalties.judge(&Principal::responsible(bob, office), at(0)),
        Standing::Clear
    );
}

#[test]
fn the_allow_list_is_never_banned() {
    let a = Principal::uid(0);
    let mut penalties = table().allow(a).unwrap().allow(a).unwrap();
    assert_eq!(penalties.allowed.len(), 1);
    for _ in 0..100 {
        assert_eq!(offend(&mut penalties, a, BAN, at(0)), Standing::Clear);
    }
    let refused = penalties.ban(a, secs(1), at(0)).unwrap_err();
    assert_eq!(
        (refused, refused.code()),
        (Refusal::NeverBanned, "E-LIM-13")
    );
    assert!(penalties.find(&a).is_none());
}

#[test]
fn by_hand() {
    let mut penalties = table();
    let a = Principal::name("a");
    let event = penalties.ban(a, secs(50), at(0)).unwrap();
    assert_eq!(
        event,
        Event::Banned {
            principal: a,
            remaining: secs(50),
            is_manual: true
        }
    );
    // A shorter one does not shorten it.
    let _ = penalties.ban(a, secs(10), at(0)).unwrap();
    assert_eq!(
        penalties.judge(&a, at(49)),
        Standing::Deny { remaining: secs(1) }
    );
    assert_eq!(penalties.bans(at(49)).collect::<Vec<_>>(), [(a, secs(1))]);
    assert_eq!(penalties.judge(&a, at(50)), Standing::Clear);
    assert_eq!(penalties.bans(at(50)).count(), 0);

    let _ = penalties.ban(a, Duration::MAX, at(50)).unwrap();
    let for_ever = Standing::Deny {
        remaining: Duration::MAX,
    };
    assert_eq!(penalties.judge(&a, micros(u64::MAX)), for_ever);
    let lifted = penalties.unban(&a, at(60)).unwrap();
    assert_eq!(
        lifted,
        Event::Unbanned {
            principal: a,
            is_manual: true
        }
    );
    assert_eq!(penalties.judge(&a, at(60)), Standing::Clear);
    assert_eq!(penalties.unban(&a, at(60)), None);
    // The record is clear as well.
    let _ = offend(&mut penalties, a, &[Traversal, Traversal], at(60));
    assert_eq!(penalties.unban(&a, at(60)), None);
    assert_eq!(penalties.judge(&a, at(60)), Standing::Clear);
    // A ban by hand is no reason for a longer one afterwards.
    assert_eq!(
        offend(&mut penalties, a, BAN, at(60)),
        Standing::Deny {
            remaining: secs(600)
        }
    );
}

#[test]
fn the_end_of_a_ban_is_told_once() {
    let mut penalties = table();
    let all = [1, 2, 3, 4].map(Principal::uid);
    for who in all {
        let _ = offend(&mut penalties, who, BAN, at(0));
    }
    assert_eq!(penalties.expire(at(599)), None);
    let [a, b, ..] = all;
    let ended = |principal| {
        Some(Event::Unbanned {
            principal,
            is_manual: false,
        })
    };
    // Who offends again is told of with the offence, who is lifted late with that.
    assert_eq!(penalties.record(a, Rate, at(600)).unbanned, ended(a));
    assert_eq!(penalties.record(a, Rate, at(600)).unbanned, None);
    assert_eq!(penalties.unban(&b, at(600)), ended(b));
    let mut told: Vec<_> = core::iter::from_fn(|| penalties.expire(at(600))).collect();
    told.sort_by_key(|event| format!("{event:?}"));
    assert_eq!(told, [ended(all[2]).unwrap(), ended(all[3]).unwrap()]);
    assert_eq!(penalties.expire(at(600)), None);
}

#[test]
fn entries_that_say_nothing_any_more_are_freed() {
    let mut penalties = table();
    let [a, b] = [1, 2].map(Principal::uid);
    let _ = offend(&mut penalties, a, &[Traversal], at(0));
    let _ = offend(&mut penalties, b, BAN, at(0));
    while penalties.expire(at(10 * MINUTE)).is_some() {}
    assert!(penalties.find(&a).is_none());
    assert!(penalties.find(&b).is_some());
    while penalties.expire(at(10 * MINUTE + 7 * 86_400)).is_some() {}
    assert!(penalties.find(&b).is_none());
}

#[test]
fn a_step_back_of_the_clock_neither_lengthens_nor_shortens() {
    let mut penalties = table();
    let a = Principal::name("a");
    assert_eq!(
        offend(&mut penalties, a, BAN, at(1000)),
        Standing::Deny {
            remaining: secs(600)
        }
    );
    assert_eq!(
        penalties.judge(&a, at(0)),
        Standing::Deny {
            remaining: secs(600)
        }
    );
    let _ = penalties.record(Principal::name("b"), Rate, at(1600));
    assert_eq!(penalties.judge(&a, at(0)), Standing::Clear);
}

#[test]
fn a_full_table_keeps_its_bans_and_disconnects_the_next_offender() {
    let mut penalties = small();
    let banned = [1, 2, 3, 4].map(Principal::uid);
    for who in banned {
        assert!(offend(&mut penalties, who, BAN, at(0)).is_refused());
    }
    let (mallory, alice) = (Principal::name("mallory"), Principal::name("alice"));
    let outcome = penalties.record(mallory, Traversal, at(1));
    assert_eq!(
        outcome.standing,
        Standing::Disconnect {
            remaining: Duration::ZERO
        }
    );
    assert_eq!(
        outcome.event,
        Some(Event::PenaltyTableFull { principal: mallory })
    );
    assert_eq!(penalties.counters().unremembered, 1);
    // Who did nothing is served, and those who are banned stay banned.
    assert_eq!(penalties.judge(&alice, at(1)), Standing::Clear);
    assert!(
        banned
            .iter()
            .all(|who| penalties.judge(who, at(1)).is_refused())
    );
    let refused = penalties.ban(mallory, secs(1), at(1)).unwrap_err();
    assert_eq!(
        (refused, refused.code()),
        (Refusal::PenaltyTableFull, "E-LIM-12")
    );
    // A place falls free with the ban, and its end is told to whoever takes it.
    let outcome = penalties.record(mallory, Traversal, at(600));
    assert_eq!(outcome.standing, Standing::Warn { score: 10 });
    assert_eq!(outcome.unbanned.map(|event| event.code()), Some("unbanned"));
}

#[test]
fn a_flood_of_small_offences_displaces_no_greater_one() {
    let mut penalties = small();
    let mallory = Principal::name("mallory");
    let _ = offend(&mut penalties, mallory, &[DeviceName], at(0));
    for uid in 0..10_000 {
        let _ = penalties.record(Principal::uid(uid), Rate, at(0));
    }
    assert_eq!(
        offend(&mut penalties, mallory, &[DeviceName], at(0)),
        Standing::Warn { score: 10 }
    );
    // The greater displaces the smaller.
    let standing = offend(
        &mut penalties,
        Principal::name("trudy"),
        &[Traversal],
        at(0),
    );
    assert_eq!(standing, Standing::Warn { score: 10 });
    assert_eq!(
        penalties.judge(&mallory, at(0)),
        Standing::Warn { score: 10 }
    );
}

#[test]
fn two_choices_fill_half_the_table_before_anyone_finds_no_place() {
    let mut penalties = Penalties::new([5; 16], 4096, Ladder::default()).unwrap();
    let placed = [(); 4096]
        .iter()
        .zip(0..)
        .map(|((), uid)| penalties.ban(Principal::uid(uid), secs(1), at(0)).is_ok());
    let placed: Vec<_> = placed.collect();
    let first = placed.iter().take_while(|placed| **placed).count();
    let all = placed.iter().filter(|placed| **placed).count();
    assert!(first >= 2048 && all >= 3600, "{first} {all}");
}

#[test]
fn the_memory_is_what_the_function_says() {
    for slots in [1, 4, 1000] {
        let penalties = Penalties::new([1; 16], slots, Ladder::default()).unwrap();
        let heap = size_of_val(&*penalties.sets);
        assert_eq!(size_of_val(&penalties) + heap, Penalties::bytes(slots));
    }
    assert_eq!(size_of::<Entry>(), 40);
}

#[test]
fn counters_stay_at_their_maximum() {
    let full = Counters {
        offences: u64::MAX,
        bans: u64::MAX,
        unremembered: u64::MAX,
    };
    let mut penalties = small();
    penalties.counters = full;
    for uid in 0..5 {
        let _ = offend(&mut penalties, Principal::uid(uid), BAN, at(0));
    }
    assert_eq!(penalties.counters(), full);
}
