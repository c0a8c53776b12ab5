//! The search through all interleavings, each situation only once.
//!
//! Runs that come to the same situation go on alike, so what follows is counted once and added for each. Three things
//! make situations the same that a run by itself tells apart:
//!
//! * The machine is its state, not what it was told: [`Automaton`].
//! * Handles that it uses no more are taken away: [`State::dead`](super::machine::State::dead).
//! * What was allowed in the past is no part of a situation. Instead each knows what *must* have been allowed before it
//!   for nothing to go wrong behind it. A moment takes from that what it allows itself; what is left at the start never
//!   was allowed when it was needed.
//!
//! None of them touches the number of runs and grants, nor what is found: `the_reductions_lose_nothing` compares.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;

use ravelin_core::path::open::{SLOTS, Slot};

use super::machine::{Automaton, Running};
use super::system::System;
use super::world::{Attacker, Move, NONE, Node, Rights, World};
use super::{Case, Tally};

pub(crate) struct Search<'p> {
    case: &'p Case,
    attacker: Attacker,
    automaton: Automaton<'p>,
    worlds: Worlds,
    /// What follows from a situation, by [`Situation::key`].
    counted: HashMap<u64, Tally, BuildHasherDefault<Quick>>,
}

/// Where a run stands: the file system and the machine by their numbers, and the handles.
#[derive(Clone, Copy)]
struct Situation {
    world: u32,
    machine: u32,
    slots: [Node; SLOTS],
    opened: Option<Slot>,
    made: Node,
}

impl<'p> Search<'p> {
    pub(crate) fn new(case: &'p Case, attacker: Attacker, start: Running<'p>) -> Self {
        Self {
            case,
            attacker,
            automaton: Automaton::new(start),
            worlds: Worlds::default(),
            counted: HashMap::default(),
        }
    }

    pub(crate) fn run(&mut self, moves: u8) -> Tally {
        let start = self.start();
        self.explore(start, moves)
    }

    pub(crate) fn situations(&self) -> usize {
        self.counted.len()
    }

    /// The moves of one run in which something goes wrong.
    pub(crate) fn example(&mut self, mut moves: u8) -> Option<Vec<Move>> {
        let mut now = self.start();
        let wrong = self.explore(now, moves).needs.first();
        let mut example = Vec::new();
        while !wrong.is_empty() && !self.is_end(now) {
            let (stepped, needs) = self.step(now);
            if needs.contains(wrong) {
                break;
            }
            if self.explore(stepped, moves).needs.contains(wrong) {
                now = stepped;
                continue;
            }
            moves -= 1;
            for (step, world) in self.worlds.get(now.world).moves(&self.attacker) {
                let world = self.worlds.number(world);
                let moved = Situation { world, ..now };
                if self.explore(moved, moves).needs.contains(wrong) {
                    example.push(step);
                    now = moved;
                    break;
                }
            }
        }
        (!wrong.is_empty()).then_some(example)
    }

    fn start(&mut self) -> Situation {
        let system = System::new(self.case);
        Situation {
            world: self.worlds.number(system.world),
            machine: Automaton::START,
            slots: system.slots,
            opened: system.opened,
            made: system.made,
        }
    }

    /// Counts the runs from here, and asks what must have been allowed before.
    fn explore(&mut self, now: Situation, moves: u8) -> Tally {
        if self.is_end(now) {
            return self.end(now);
        }
        let now = self.without_dead_handles(now);
        // Only a look follows, and that alone: not worth remembering.
        if moves == 0 && now.opened.is_some() {
            let (stepped, _) = self.step(now);
            return self.explore(stepped, 0);
        }
        let key = now.key(moves);
        if let Some(counted) = self.counted.get(&key) {
            return *counted;
        }
        let (stepped, needs) = self.step(now);
        let mut tally = self.explore(stepped, moves);
        tally.needs |= needs;
        if moves > 0 {
            for &world in &*self.worlds.moves(now.world, &self.attacker) {
                tally += self.explore(Situation { world, ..now }, moves - 1);
            }
        }
        tally.needs = self.worlds.take_allowed(tally.needs, now.world, self.case);
        self.counted.insert(key, tally);
        tally
    }

    fn is_end(&self, now: Situation) -> bool {
        now.opened.is_none() && self.automaton.state(now.machine).ends
    }

    fn end(&mut self, now: Situation) -> Tally {
        let action = self.automaton.state(now.machine).running.action();
        let (granted, needs) = self.system(now).end(&action, self.case);
        Tally {
            runs: 1,
            grants: u64::from(granted),
            needs: self.worlds.take_allowed(needs, now.world, self.case),
        }
    }

    fn without_dead_handles(&self, mut now: Situation) -> Situation {
        let dead = self.automaton.state(now.machine).dead;
        for (slot, node) in now.slots.iter_mut().enumerate() {
            if dead[slot] && now.opened.is_none_or(|opened| opened.index() != slot) {
                *node = NONE;
            }
        }
        now
    }

    fn step(&mut self, now: Situation) -> (Situation, Rights) {
        let mut system = self.system(now);
        let action = self.automaton.state(now.machine).running.action();
        let (heard, needs) = system.step(&action, self.case);
        let machine = match heard {
            Some(heard) => self.automaton.handle(now.machine, heard),
            None => now.machine,
        };
        let mut next = Situation {
            machine,
            slots: system.slots,
            opened: system.opened,
            made: system.made,
            ..now
        };
        // Without a right no name was changed.
        if !needs.is_empty() || self.worlds.get(now.world).busy {
            next.world = self.worlds.number(system.world);
        }
        (next, needs)
    }

    fn system(&self, now: Situation) -> System {
        System {
            world: *self.worlds.get(now.world),
            slots: now.slots,
            opened: now.opened,
            made: now.made,
        }
    }
}

impl Situation {
    /// All of it, and the moves that are left: 15 bits for the machine, four for a node, 20 for the file system.
    fn key(self, moves: u8) -> u64 {
        let fits = self.machine >> 15 == 0 && self.world >> 20 == 0;
        assert!(fits, "a wider key is needed");
        let mut key = u64::from(self.machine) << 4 | u64::from(self.made);
        for node in self.slots {
            key = key << 4 | u64::from(node);
        }
        let opened = self.opened.map_or(SLOTS, Slot::index) as u64;
        key = key << 5 | opened << 2 | u64::from(moves);
        key << 20 | u64::from(self.world)
    }
}

/// The states of the file system that a search has met. What follows from one alone is found once.
#[derive(Default)]
struct Worlds {
    worlds: Vec<World>,
    /// By [`World::key`].
    numbers: HashMap<u128, u32, BuildHasherDefault<Quick>>,
    moves: HashMap<u32, Rc<[u32]>, BuildHasherDefault<Quick>>,
    allowed: HashMap<u32, Rights, BuildHasherDefault<Quick>>,
}

impl Worlds {
    fn get(&self, number: u32) -> &World {
        &self.worlds[number as usize]
    }

    fn number(&mut self, world: World) -> u32 {
        let worlds = &mut self.worlds;
        *self.numbers.entry(world.key()).or_insert_with(|| {
            worlds.push(world);
            (worlds.len() - 1) as u32
        })
    }

    fn moves(&mut self, number: u32, attacker: &Attacker) -> Rc<[u32]> {
        if let Some(moves) = self.moves.get(&number) {
            return Rc::clone(moves);
        }
        let moves = self.get(number).moves(attacker);
        let moves: Rc<[u32]> = moves
            .into_iter()
            .map(|(_, world)| self.number(world))
            .collect();
        self.moves.insert(number, Rc::clone(&moves));
        moves
    }

    /// What of `needs` this state of the file system does not allow.
    fn take_allowed(&mut self, needs: Rights, number: u32, case: &Case) -> Rights {
        if needs.is_empty() {
            return needs;
        }
        let world = &self.worlds[number as usize];
        let allowed = self.allowed.entry(number);
        needs.without(*allowed.or_insert_with(|| world.allowed(case.scene.operation)))
    }
}

/// A hash for keys that nobody chooses.
#[derive(Default)]
pub(crate) struct Quick(u64);

impl Quick {
    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x517c_c1b7_2722_0a95);
    }
}

impl Hasher for Quick {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.add(u64::from_le_bytes(*word));
        }
        for byte in rest {
            self.add(u64::from(*byte));
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.add(u64::from(value));
    }

    fn write_u32(&mut self, value: u32) {
        self.add(u64::from(value));
    }

    fn write_u64(&mut self, value: u64) {
        self.add(value);
    }

    fn write_u128(&mut self, value: u128) {
        self.add(value as u64);
        self.add((value >> 64) as u64);
    }

    fn write_usize(&mut self, value: usize) {
        self.add(value as u64);
    }

    fn write_isize(&mut self, value: isize) {
        self.add(value as u64);
    }
}
