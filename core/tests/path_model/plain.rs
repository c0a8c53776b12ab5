//! The search without any reduction: each interleaving by itself, with the machine itself.
//!
//! Here the rights that there were are carried forward, as the statement that is checked says it. [`Search`] asks
//! backwards for those that are needed.
//!
//! [`Search`]: super::search::Search

use super::machine::Running;
use super::system::System;
use super::world::{Attacker, Rights};
use super::{Case, Tally};

pub(crate) struct Plain<'p> {
    pub(crate) case: &'p Case,
    pub(crate) attacker: Attacker,
}

impl Plain<'_> {
    pub(crate) fn run(&self, start: &Running<'_>, moves: u8) -> Tally {
        self.explore(start, System::new(self.case), Rights::default(), moves)
    }

    fn explore(&self, running: &Running<'_>, system: System, mut had: Rights, moves: u8) -> Tally {
        had |= system.world.allowed(self.case.scene.operation);
        let action = running.action();
        if system.opened.is_none() && action.is_end() {
            let (granted, needs) = system.end(&action, self.case);
            return Tally {
                runs: 1,
                grants: u64::from(granted),
                needs: needs.without(had),
            };
        }
        let mut next = system;
        let (heard, needs) = next.step(&action, self.case);
        let mut stepped = running.clone();
        if let Some(heard) = heard {
            stepped.handle(heard);
        }
        let mut tally = self.explore(&stepped, next, had, moves);
        tally.needs |= needs.without(had);
        if moves > 0 {
            for (_, world) in system.world.moves(&self.attacker) {
                tally += self.explore(running, System { world, ..system }, had, moves - 1);
            }
        }
        tally
    }
}
