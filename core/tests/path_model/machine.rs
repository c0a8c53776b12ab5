//! The machine under test, and all of its states that a search has met.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use ravelin_core::path::Facts;
use ravelin_core::path::open::{Action, At, Commit, Event, Failure, Opening, SLOTS, Slot};

use super::search::Quick;
use super::world::TARGETS;

/// One operation: a replacement goes on with its commit, once the caller has written the file.
#[derive(Clone, Debug)]
pub(crate) enum Running<'p> {
    Opening(Opening<'p, [u8; 48]>),
    Commit(Commit),
}

/// What the machine is told, to be looked up by.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Heard {
    Opened(Facts),
    Target(u8),
    Finished,
    Failed(Failure),
}

impl Running<'_> {
    pub(crate) fn action(&self) -> Action<'_> {
        match self {
            Self::Opening(opening) => opening.action(),
            Self::Commit(commit) => commit.action(),
        }
    }

    pub(crate) fn handle(&mut self, heard: Heard) {
        let event = match heard {
            Heard::Opened(facts) => Event::Opened(facts),
            Heard::Target(target) => Event::Target(TARGETS[usize::from(target)]),
            Heard::Finished => Event::Finished,
            Heard::Failed(failure) => Event::Failed(failure),
        };
        match self {
            Self::Opening(opening) => opening.handle(event),
            Self::Commit(commit) => commit.handle(event),
        }
        if let Self::Opening(opening) = self
            && let Some(replacement) = opening.replacement()
        {
            *self = Self::Commit(Commit::new(replacement));
        }
    }
}

/// The states of the machine, each known by a number, and how they follow each other.
///
/// Two are one when they print the same: `Debug` prints every field of a machine, and so all that it remembers. Runs
/// that differ only in what it was told and has forgotten go on as one.
pub(crate) struct Automaton<'p> {
    states: Vec<State<'p>>,
    numbers: HashMap<String, u32>,
    next: HashMap<(u32, Heard), u32, BuildHasherDefault<Quick>>,
}

pub(crate) struct State<'p> {
    pub(crate) running: Running<'p>,
    pub(crate) ends: bool,
    /// The slots whose handles it uses no more. The search takes those away, and the adapter panics when a machine uses
    /// a handle that is not there: so none is called dead in error.
    pub(crate) dead: [bool; SLOTS],
}

impl<'p> Automaton<'p> {
    pub(crate) const START: u32 = 0;

    pub(crate) fn new(start: Running<'p>) -> Self {
        let mut automaton = Self {
            states: Vec::new(),
            numbers: HashMap::new(),
            next: HashMap::default(),
        };
        automaton.number(start);
        automaton
    }

    pub(crate) fn state(&self, number: u32) -> &State<'p> {
        &self.states[number as usize]
    }

    pub(crate) fn handle(&mut self, number: u32, heard: Heard) -> u32 {
        if let Some(next) = self.next.get(&(number, heard)) {
            return *next;
        }
        let mut running = self.state(number).running.clone();
        running.handle(heard);
        let next = self.number(running);
        self.next.insert((number, heard), next);
        next
    }

    fn number(&mut self, running: Running<'p>) -> u32 {
        let states = &mut self.states;
        let number = self.numbers.entry(format!("{running:?}"));
        *number.or_insert_with(|| {
            states.push(State::new(running));
            (states.len() - 1) as u32
        })
    }
}

impl<'p> State<'p> {
    fn new(running: Running<'p>) -> Self {
        let action = running.action();
        let mut dead = [false; SLOTS];
        // A walk opens the next directory into the other of its two slots.
        let mut other = |slot: Slot| {
            if slot.index() < SLOTS - 1 {
                dead[slot.index() ^ 1] = true;
            }
        };
        match action {
            Action::OpenOne {
                at: At::Root, into, ..
            } => other(into),
            Action::OpenOne {
                at: At::Slot(at), ..
            }
            | Action::MakeDirectory {
                at: At::Slot(at), ..
            }
            | Action::Remove {
                at: At::Slot(at), ..
            } => other(at),
            _ => {}
        }
        if let Action::OpenBeneath { into, .. }
        | Action::OpenRoot { into, .. }
        | Action::OpenOne { into, .. } = action
        {
            dead[into.index()] = true;
        }
        let ends = action.is_end();
        Self {
            running,
            ends,
            dead,
        }
    }
}
