use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

/// The bound of the module's comment, with what the rounding to whole claims adds.
fn most_taken(capacity: usize, slots: usize) -> usize {
    (15 * capacity + slots) / 14 + 2
}

fn taken<const FRACTION: u32>(table: &Table<FRACTION>) -> usize {
    table.slots.iter().filter(|slot| !slot.is_empty()).count()
}

/// A hash with this home, in 32nds of the table, and a tag that no hash with another home has.
fn hash(home: u32, tag: u32) -> u128 {
    let home = home % 32;
    u128::from(tag * 32 + home) << 96 | u128::from(home) << 27
}

/// A table and what must be in it.
struct Both<const FRACTION: u32> {
    table: Table<FRACTION>,
    model: BTreeMap<u128, u64>,
    now: u64,
}

impl<const FRACTION: u32> Both<FRACTION> {
    fn new(capacity: u32, horizon: u32, now: u64) -> Self {
        Self {
            table: Table::new(capacity, horizon, now).unwrap(),
            model: BTreeMap::new(),
            now,
        }
    }

    fn advance(&mut self, seconds: u64) {
        self.now += seconds;
        self.table.advance(self.now);
        let present = self.now << FRACTION;
        self.model.retain(|_, deadline| *deadline > present);
    }

    /// Puts an entry that expires after so many ticks, when it is new or `again` and there is room. Whether it did.
    fn put(&mut self, hash: u128, ticks: u64, again: bool) -> bool {
        let deadline = (self.now << FRACTION) + ticks;
        let place = self.table.find(hash);
        let before = place.as_ref().and_then(Place::deadline);
        assert_eq!(before, self.model.get(&hash).copied());
        match place {
            Some(place) if again || !place.is_live() && !self.table.is_full() => {
                self.table.put(place, hash, deadline);
                self.model.insert(hash, deadline);
                true
            }
            _ => false,
        }
    }

    fn check(&self) {
        assert_eq!(self.table.live() as usize, self.model.len());
        for (&hash, &deadline) in &self.model {
            let found = self.table.find(hash).and_then(|place| place.deadline());
            assert_eq!(found, Some(deadline), "{hash:x}");
        }
        let live = |slot: &&Slot<FRACTION>| self.table.is_live(**slot);
        assert_eq!(
            self.table.slots.iter().filter(live).count(),
            self.model.len()
        );
        let slots = self.table.slots.len();
        let most = most_taken(self.table.capacity as usize, slots);
        assert!(taken(&self.table) <= most.min(slots - 1));
        if let Some(first) = self.model.values().min() {
            let wait = first.div_ceil(1 << FRACTION) - self.now;
            assert_eq!(self.table.until_next(), Duration::from_secs(wait));
        }
    }
}

fn against_the_model<const FRACTION: u32>(
    capacity: u32,
    start: u64,
    claims: &[(u8, u32, u32, u64, bool)],
) {
    let horizon = 20;
    let mut both = Both::<FRACTION>::new(capacity, horizon, start);
    for &(pause, home, tag, ticks, again) in claims {
        // Mostly the same second, sometimes a few, seldom everything expires.
        both.advance(match pause {
            0..=199 => 0,
            200..=249 => u64::from(pause - 200) / 8,
            _ => 30,
        });
        let hash = hash(home, tag);
        let again = again && both.model.contains_key(&hash);
        both.put(hash, 1 + ticks % (u64::from(horizon) << FRACTION), again);
        both.check();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_table_is_a_map_with_deadlines(
        capacity in prop::sample::select(&[1, 2, 5, 6, 7, 40, 100][..]),
        homes in prop::sample::select(&[1, 3, 32][..]),
        claims in prop::collection::vec((any::<u8>(), any::<u32>(), 0..60_u32, any::<u64>(), any::<bool>()), 0..400),
    ) {
        let claims: Vec<_> = claims
            .into_iter()
            .map(|(pause, home, tag, ticks, again)| (pause, home % homes, tag, ticks, again))
            .collect();
        against_the_model::<0>(capacity, 1_000, &claims);
        against_the_model::<16>(capacity, 0, &claims);
    }
}

#[test]
fn tombstones_do_not_fill_it() {
    let capacity: u32 = 1_000;
    // All expire together; a steady rate that uses the whole capacity.
    for (rounds, claims, must_exceed) in [(8, capacity, 0), (400, capacity / 100, capacity)] {
        let horizon = capacity / claims;
        let mut both = Both::<0>::new(capacity, horizon, 100);
        let slots = both.table.slots.len();
        let (mut tag, mut most) = (0_u32, 0);
        for _ in 0..rounds {
            both.advance(1);
            for _ in 0..claims {
                tag += 1;
                let spread = tag.wrapping_mul(0x9E37_79B9);
                both.advance(0);
                let hash = u128::from(tag) << 96 | u128::from(spread);
                assert!(both.put(hash, horizon.into(), false));
                most = most.max(taken(&both.table));
            }
        }
        both.check();
        assert!(most > must_exceed as usize, "tombstones were there");
        assert!(most <= most_taken(capacity as usize, slots));
        assert!(most * 100 <= slots * 81);
    }
}

#[test]
fn entries_of_one_home_fill_the_reach_and_no_more() {
    let mut both = Both::<0>::new(4_000, 10, 100);
    for tag in 0..1_100 {
        both.advance(0);
        assert_eq!(
            both.put(hash(31, tag), 5 + u64::from(tag % 5), false),
            tag < 1_024
        );
    }
    both.check();
    // The ones in between expire, the others are found over the tombstones, and when the hand has removed those.
    both.advance(7);
    both.check();
    for _ in 0..1_000 {
        both.advance(0);
    }
    both.check();
    assert_eq!(taken(&both.table), both.model.len());
    assert!(both.put(hash(31, 2_000), 5, false));
}

#[test]
fn the_epoch_moves_and_entries_stay() {
    fn years<const FRACTION: u32>() {
        let horizon = 3_600;
        let start = 1_700_000_000;
        let mut both = Both::<FRACTION>::new(40, horizon, start);
        let epoch = both.table.epoch;
        let mut tag = 0;
        while both.now < start + (1 << 28) + 10_000 {
            both.advance(1_200);
            tag += 1;
            assert!(both.put(hash(tag, tag), u64::from(horizon) << FRACTION, false));
            if both.table.epoch != epoch && both.now < start + (1 << 28) + 8_000 {
                both.check();
                assert_eq!(both.model.len(), 3);
            }
        }
        assert_ne!(both.table.epoch, epoch);
    }
    years::<0>();
    years::<16>();
}

#[test]
fn the_epoch_moves_over_centuries_at_once() {
    let mut both = Both::<16>::new(40, 10, 0);
    assert!(both.put(hash(1, 1), 10 << 16, false));
    both.advance(1 << 46);
    both.check();
    assert!(both.put(hash(1, 1), 10 << 16, false));
    both.check();
}

/// What makes a false positive so rare: the same tag is not enough, it must be of the same home.
#[test]
fn the_same_tag_from_another_home_is_another_entry() {
    let mut both = Both::<0>::new(40, 10, 100);
    let (first, second) = (hash(7, 0), hash(8, 0));
    let with_tag = |home: u128, tag: u128| home & 0xFFFF_FFFF | tag << 96;
    let homes = [both.table.home(first), both.table.home(second)];
    assert_eq!(homes[1], homes[0] + 2);
    // Slots 0 to 3 after the first home are of the first, slot 4 is of the second: 2 from it and 4 from the first.
    for tag in 1..=4 {
        assert!(both.put(with_tag(first, tag), 5, false));
    }
    assert!(both.put(with_tag(second, 9), 5, false));
    let place = both.table.find(with_tag(first, 9)).unwrap();
    assert!(!place.is_live());
    assert_eq!(place.at, homes[0] + 5);
    both.check();
}

#[test]
fn a_tombstone_survives_the_move_of_the_epoch() {
    let horizon = 3_600;
    let mut both = Both::<0>::new(40, horizon, 0);
    both.advance((1 << 28) - u64::from(horizon) - 100);
    assert_eq!(both.table.epoch, 0);
    // Far from the hand: it has not removed the first when the epoch moves. A tag of zeros: all but the deadline is 0.
    assert!(both.put(hash(31, 0) & 0xFFFF_FFFF, 1, false));
    assert!(both.put(hash(31, 2), u64::from(horizon), false));
    both.advance(200);
    assert_ne!(both.table.epoch, 0);
    assert_eq!(taken(&both.table), 2);
    both.check();
}
