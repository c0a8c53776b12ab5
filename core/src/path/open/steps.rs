//! How the machine goes on: one function for each kind of answer.

use super::trail::Position;
use super::verbs::{At, Failure, Slot};
use super::{Opening, PRIVATE, RETRIES, STEPS, State};
use crate::path::{Denial, Facts, Kind, Links, Operation};

impl<B: AsRef<[u8]> + AsMut<[u8]>> Opening<'_, B> {
    /// Begins with one of the paths.
    pub(super) fn start(&mut self) -> Result<State, Denial> {
        let path = self.walked();
        let directory = self.how().is_some() && self.subject().must_be_dir();
        self.trail.begin(path, directory);
        self.at = At::Root;
        self.turn = false;
        if self.subject().is_root() && self.how().is_none() {
            return Err(Denial::Root);
        }
        if path.is_empty() {
            return match self.how() {
                Some(_) => Ok(State::Root),
                None => self.in_parent(),
            };
        }
        if self.one_shot_is_sound() {
            let cached = self.capabilities.cached && self.how().is_some();
            return Ok(State::OneShot { cached });
        }
        self.walk_on()
    }

    pub(super) fn opened(&mut self, facts: Facts) -> Result<State, Denial> {
        match self.state {
            State::OneShot { .. } => self.opened_at_once(facts),
            State::Root => self.judged(facts, self.trail.must_be_directory(), false),
            State::Walk => self.opened_one(facts),
            State::Examine if facts.kind == Kind::Link => self.link(Slot::FILE, facts),
            State::Examine => {
                let directory = self.trail.must_be_directory();
                self.judge(&facts, directory, false)?;
                // It is what was wanted, and yet could not be opened: it must be another than a moment ago.
                self.again(State::Walk)
            }
            State::Look => self.looked(facts),
            State::Make { .. } => self.judged(facts, false, false),
            State::Made => self.judged(facts, true, false),
            State::Renamed => match self.source {
                Some((_, identity)) if identity == facts.identity => Ok(State::Done { facts }),
                _ => Err(Denial::Swapped),
            },
            State::Follow { .. }
            | State::MakeDirectory
            | State::Remove { .. }
            | State::Rename
            | State::Done { .. }
            | State::Denied(_) => Err(Denial::OutOfOrder),
        }
    }

    pub(super) fn target(&mut self, target: &[u8]) -> Result<State, Denial> {
        if !matches!(self.state, State::Follow { .. }) {
            return Err(Denial::OutOfOrder);
        }
        let position = self.trail.follow(target)?;
        self.stand(position);
        self.walk_on()
    }

    pub(super) fn finished(&mut self) -> Result<State, Denial> {
        if let State::Remove { facts } = self.state {
            Ok(State::Done { facts })
        } else if self.state == State::MakeDirectory {
            Ok(State::Made)
        } else if self.state == State::Rename {
            Ok(State::Renamed)
        } else {
            Err(Denial::OutOfOrder)
        }
    }

    pub(super) fn would_block(&mut self) -> Result<State, Denial> {
        if self.state == (State::OneShot { cached: true }) {
            Ok(State::OneShot { cached: false })
        } else {
            Err(Denial::OutOfOrder)
        }
    }

    pub(super) fn failed(&mut self, failure: Failure) -> Result<State, Denial> {
        match (self.state, failure) {
            // Old kernels have the call without the flag.
            (State::OneShot { cached: true }, Failure::Unsupported) => {
                Ok(State::OneShot { cached: false })
            }
            (State::OneShot { .. }, Failure::Race) if self.retries < RETRIES => {
                self.retries += 1;
                Ok(State::OneShot { cached: false })
            }
            // Whether the path really leaves the root, or only seemed to while the tree changed, the walk can tell; and
            // what kind of link or file stands in the way.
            (State::OneShot { .. }, Failure::Race) => {
                self.retries = 0;
                self.walk_on()
            }
            (
                State::OneShot { .. },
                Failure::Escape | Failure::Special | Failure::Unsupported | Failure::Filtered,
            ) => self.walk_on(),
            (State::OneShot { .. }, Failure::Loop) if self.bench.rules.links() != Links::Deny => {
                self.walk_on()
            }
            (
                State::Walk,
                Failure::Loop | Failure::NotDirectory | Failure::IsDirectory | Failure::Special,
            ) if self.is_at_target() => Ok(State::Examine),
            (State::Look, Failure::NotFound) if self.path.operation() == Operation::Replace => {
                Ok(State::Make { mode: PRIVATE })
            }
            // Its name is random: who takes that is not in the client's way.
            (State::Make { .. }, Failure::Exists)
                if self.path.operation() == Operation::Replace =>
            {
                Err(Denial::Busy)
            }
            (State::Made | State::Renamed, Failure::NotFound) => Err(Denial::Swapped),
            (
                state @ (State::Root
                | State::Walk
                | State::Examine
                | State::Follow { .. }
                | State::Look
                | State::Made
                | State::Renamed),
                Failure::Race,
            ) => self.again(state),
            (_, failure) => Err(failure.denial()),
        }
    }

    fn opened_at_once(&mut self, facts: Facts) -> Result<State, Denial> {
        if self.how().is_some() {
            return self.judged(facts, self.subject().must_be_dir(), true);
        }
        self.bench.judge_step(&facts, true)?;
        self.at = At::Slot(self.slot(false));
        self.in_parent()
    }

    fn opened_one(&mut self, facts: Facts) -> Result<State, Denial> {
        let last = self.trail.next().ok_or(Denial::OutOfOrder)?.last;
        let slot = self.slot(last);
        if facts.kind == Kind::Link {
            return self.link(slot, facts);
        }
        if last && self.how().is_some() {
            self.judge(&facts, self.trail.must_be_directory(), false)?;
            // Nothing is left ahead, so this only keeps the name.
            let _ = self.trail.advance()?;
            if self.trail.has_followed() {
                self.judge_resolved(&[])?;
            }
            return Ok(State::Done { facts });
        }
        self.bench.judge_step(&facts, false)?;
        self.at = At::Slot(slot);
        self.turn = !self.turn;
        let position = self.trail.advance()?;
        self.stand(position);
        self.walk_on()
    }

    /// What has the name that something is to be done with.
    fn looked(&mut self, facts: Facts) -> Result<State, Denial> {
        // A separator behind the new name speaks about what gets it.
        let new_is_dir = self.new_path.is_some_and(|path| path.must_be_dir());
        self.judge(&facts, self.subject().must_be_dir() || new_is_dir, false)?;
        let operation = self.path.operation();
        if operation == Operation::Rename && self.source.is_none() {
            self.source = Some((self.at, facts.identity));
            self.walk = 1;
            self.start()
        } else if operation == Operation::Remove {
            Ok(State::Remove { facts })
        } else if operation == Operation::Replace {
            let mode = facts.permissions();
            Ok(State::Make { mode })
        } else {
            Err(Denial::OutOfOrder)
        }
    }

    /// A link was opened, itself.
    fn link(&self, link: Slot, facts: Facts) -> Result<State, Denial> {
        match self.bench.rules.links() {
            Links::Deny => Err(Denial::Link),
            Links::Trusted if facts.uid != 0 => Err(Denial::LinkOwner),
            Links::InRoot | Links::Trusted => Ok(State::Follow { link }),
        }
    }

    /// Goes to the next name, or on from where the walk ends.
    fn walk_on(&mut self) -> Result<State, Denial> {
        self.steps += 1;
        if self.steps > STEPS {
            return Err(Denial::TooManyLinks);
        }
        let mut next = self.trail.next();
        if next.is_none() {
            match self.how() {
                None => return self.in_parent(),
                Some(_) if self.trail.behind().is_empty() => return Ok(State::Root),
                // A link to the directory that it lies in, or to one above: that is to be opened by its name.
                Some(_) => {
                    self.trail.rewind()?;
                    self.stand(Position::Root);
                    next = self.trail.next();
                }
            }
        }
        if let Some(next) = next
            && next.of_link
        {
            self.bench.rules.judge_name(next.name)?;
        }
        Ok(State::Walk)
    }

    /// The parent is pinned.
    fn in_parent(&mut self) -> Result<State, Denial> {
        if self.trail.has_followed() {
            self.judge_resolved(self.name())?;
        }
        let operation = self.path.operation();
        Ok(if operation == Operation::Create {
            State::Make { mode: PRIVATE }
        } else if operation == Operation::MakeDirectory {
            State::MakeDirectory
        } else if operation == Operation::Rename && self.walk == 1 {
            State::Rename
        } else {
            State::Look
        })
    }

    /// Judges where links have led: `name` in the directory behind, or what is behind itself.
    fn judge_resolved(&self, name: &[u8]) -> Result<(), Denial> {
        if !self.bench.rules.judges_places() {
            return Ok(());
        }
        let path = self.subject();
        let behind = self.trail.behind().split(|byte| *byte == b'/');
        let names = behind.chain([name]).filter(|name| !name.is_empty());
        let directory = path.must_be_dir() && !path.is_root();
        self.bench
            .rules
            .judge_resolved(path.root(), names, directory, path.operation())
    }

    fn judged(&self, facts: Facts, directory: bool, confined: bool) -> Result<State, Denial> {
        self.judge(&facts, directory, confined)?;
        Ok(State::Done { facts })
    }

    fn judge(&self, facts: &Facts, directory: bool, confined: bool) -> Result<(), Denial> {
        let operation = self.path.operation();
        self.bench
            .judge_target(facts, operation, directory, confined)
    }

    fn again(&mut self, state: State) -> Result<State, Denial> {
        if self.retries >= RETRIES {
            return Err(Denial::Busy);
        }
        self.retries += 1;
        Ok(state)
    }

    /// Whether the next name is the last one and is opened as the operation wants it.
    fn is_at_target(&self) -> bool {
        self.how().is_some() && self.trail.next().is_some_and(|next| next.last)
    }

    fn stand(&mut self, position: Position) {
        if position == Position::Root {
            self.at = At::Root;
            self.turn = false;
        }
    }
}
