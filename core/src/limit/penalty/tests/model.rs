//! The ladder against a model that keeps each point by itself.

use alloc::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// What one principal deserves, by other means: points one by one, each with its end.
#[derive(Default)]
struct Model {
    points: Vec<u64>,
    banned: Option<u64>,
    bans: u32,
    forget: u64,
}

impl Model {
    const FADE: u64 = 10;

    fn settle(&mut self, now: u64) {
        if self.banned.is_some_and(|until| now >= until) {
            self.forget = self.banned.take().unwrap() + 1000;
            self.points.clear();
        }
        if self.banned.is_none() && now >= self.forget {
            self.bans = 0;
        }
        self.points.retain(|end| *end > now);
    }

    fn offend(&mut self, weight: usize, now: u64) {
        for _ in 0..weight {
            let last = self.points.last().copied().unwrap_or(now);
            if self.points.len() < 60 {
                self.points.push(last + Self::FADE);
            } else {
                // The first one begins to fade anew.
                self.points = (1..=60).map(|point| now + point * Self::FADE).collect();
            }
        }
        if self.banned.is_none() && self.points.len() >= 30 {
            self.banned = Some(now + (100 << self.bans).min(700));
            self.bans += 1;
        }
    }
}

proptest! {
    #[test]
    fn behaves_as_points_that_fade_one_by_one(
        seed: [u8; 16],
        steps in prop::collection::vec((0..5u32, 0..5usize, -20..60i64), 1..300),
    ) {
        let tick = Duration::from_micros;
        let ladder = Ladder {
            fade: tick(Model::FADE),
            ban: tick(100),
            longest: tick(700),
            forget: tick(1000),
            ..Ladder::default()
        };
        let mut penalties = Penalties::new(seed, 64, ladder).unwrap();
        let mut models = BTreeMap::<u32, Model>::new();
        let (mut clock, mut latest) = (0u64, 0);
        for (who, what, step) in steps {
            clock = clock.saturating_add_signed(step);
            let (offence, weight) =
                [(Traversal, 10), (LinkEscape, 10), (DeviceName, 5), (Rate, 1), (NotFound, 0)][what];
            let model = models.entry(who).or_default();
            let now = latest.max(clock);
            latest = now;
            model.settle(now);
            model.offend(weight, now);
            let standing = penalties.record(Principal::uid(who), offence, micros(clock)).standing;
            let expected = match (model.banned, model.points.len()) {
                (Some(until), 60..) => Standing::Disconnect { remaining: tick(until - now) },
                (Some(until), _) => Standing::Deny { remaining: tick(until - now) },
                (None, 20..) => Standing::Slow { delay: ladder.delay },
                (None, score @ 10..) => Standing::Warn { score: score as u32 },
                (None, _) => Standing::Clear,
            };
            prop_assert_eq!(standing, expected);
        }
    }
}
