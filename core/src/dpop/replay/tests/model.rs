//! The store against a map that remembers everything.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

/// What a store must answer, without any cleverness.
struct Model {
    settings: Settings,
    /// By key and jti: when it expires.
    proofs: BTreeMap<(u8, u8), u64>,
    /// By key: the claims that the generic cell rate algorithm counts, as its arrival time in 1/65536 s.
    arrivals: BTreeMap<u8, u64>,
    mark: u64,
    fence: Option<u64>,
}

/// Which rule refused, and nothing of the times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rule {
    Fresh,
    Replayed,
    Expired,
    Beyond,
    Quota,
    Full,
    Start,
}

fn rule(answer: Answer) -> Rule {
    match answer {
        Answer::Fresh => Rule::Fresh,
        Answer::Replayed => Rule::Replayed,
        Answer::Expired => Rule::Expired,
        Answer::BeyondLifetime => Rule::Beyond,
        Answer::OverQuota { .. } => Rule::Quota,
        Answer::Full { .. } => Rule::Full,
        Answer::BeforeStart { .. } => Rule::Start,
        Answer::Unavailable => unreachable!("a store in memory answers"),
    }
}

impl Model {
    fn clock(&self) -> u64 {
        self.mark.max(self.fence.unwrap_or(0))
    }

    fn claim(&mut self, holder: u8, jti: u8, expires: u64, earliest: u64, now: u64) -> Rule {
        let Settings {
            capacity,
            quota,
            lifetime,
        } = self.settings;
        let mark = self.mark.max(now);
        if expires <= mark {
            return Rule::Expired;
        }
        if expires - mark > lifetime.into() {
            return Rule::Beyond;
        }
        if self.fence.is_some_and(|fence| earliest <= fence) {
            return Rule::Start;
        }
        self.mark = mark;
        self.proofs.retain(|_, expires| *expires > mark);
        self.arrivals.retain(|_, arrival| *arrival > mark << 16);
        if self.proofs.contains_key(&(holder, jti)) {
            return Rule::Replayed;
        }
        if quota < capacity {
            let refill = quota / 2 + 1;
            let most = (capacity / 8 + capacity / refill + 1).min(capacity) as usize;
            let longest = u64::from(lifetime) << 16;
            let interval = longest.div_ceil(refill.into());
            let before = self.arrivals.get(&holder).copied();
            if before.is_none() && self.arrivals.len() >= most {
                return Rule::Full;
            }
            let arrival = before.unwrap_or(mark << 16) + interval;
            let burst = u64::from(quota - refill + 1);
            if arrival - (mark << 16) > (burst * interval).min(longest) {
                return Rule::Quota;
            }
            if self.proofs.len() >= capacity as usize {
                return Rule::Full;
            }
            self.arrivals.insert(holder, arrival);
        } else if self.proofs.len() >= capacity as usize {
            return Rule::Full;
        }
        self.proofs.insert((holder, jti), expires);
        Rule::Fresh
    }
}

#[derive(Clone, Debug)]
enum Step {
    Claim {
        holder: u8,
        jti: u8,
        iat: i64,
        nonce: Option<u8>,
        jitter: i64,
    },
    /// The wall clock moves.
    Clock(i64),
    Restart,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let iat = prop_oneof![9 => -70..12_i64, 1 => -400..400_i64];
    let nonce = prop::option::weighted(0.3, 0..20_u8);
    let claim = (0..6_u8, any::<u8>(), iat, nonce, -3..4_i64).prop_map(
        |(holder, jti, iat, nonce, jitter)| Step::Claim {
            holder,
            jti,
            iat,
            nonce,
            jitter,
        },
    );
    let step = prop_oneof![
        40 => claim,
        6 => (1..8_i64).prop_map(Step::Clock),
        1 => (-700..0_i64).prop_map(Step::Clock),
        1 => (60..1_000_i64).prop_map(Step::Clock),
        1 => Just(Step::Restart),
    ];
    prop::collection::vec(step, 1..600)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_store_answers_as_a_map_that_remembers(
        capacity in prop::sample::select(&[1, 2, 7, 20, 90][..]),
        quota in prop::sample::select(&[1, 2, 5, 16, 100][..]),
        identifiers in prop::sample::select(&[4, 40, 255][..]),
        fenced in any::<bool>(),
        steps in steps(),
    ) {
        let settings = settings(capacity, quota);
        let build = if fenced { Store::new } else { Store::first_start };
        let mut store = build(&settings, [capacity as u8; 16], at(START)).unwrap();
        let mut model = Model {
            settings,
            proofs: BTreeMap::new(),
            arrivals: BTreeMap::new(),
            mark: START,
            fence: fenced.then_some(START),
        };
        let mut wall = START;
        for step in steps {
            match step {
                Step::Claim { holder, jti, iat, nonce, jitter } => {
                    let (now, jti) = (wall.saturating_add_signed(jitter), jti % identifiers);
                    let iat = wall.saturating_add_signed(iat);
                    let expires = iat + MAX_AGE + FUTURE + 1;
                    let earliest = nonce.map_or(iat - FUTURE, |age| wall - u64::from(age));
                    let question = Question::new(&key(holder), &format!("{jti}"), expires, earliest);
                    let answer = store.claim(&question, at(now));
                    let expected = model.claim(holder, jti, expires, earliest, now);
                    prop_assert_eq!(rule(answer), expected);
                    if expected == Rule::Fresh {
                        prop_assert_eq!(rule(store.claim(&question, at(now))), Rule::Replayed);
                        let of_holder = model.proofs.keys().filter(|(other, _)| *other == holder);
                        prop_assert!(of_holder.count() <= quota as usize);
                    }
                    let usage = store.usage();
                    prop_assert_eq!(usage.clock, model.clock());
                    if matches!(expected, Rule::Fresh | Rule::Replayed | Rule::Quota | Rule::Full) {
                        prop_assert_eq!(usage.live as usize, model.proofs.len());
                    }
                }
                Step::Clock(seconds) => wall = wall.saturating_add_signed(seconds),
                Step::Restart => {
                    store.restart(at(wall));
                    let clock = model.clock();
                    let near = clock.saturating_sub(wall) <= settings.lifetime.into();
                    model.fence = Some(if near { wall.max(clock) } else { wall });
                    model.mark = wall;
                    model.proofs.clear();
                    model.arrivals.clear();
                }
            }
        }
    }
}
