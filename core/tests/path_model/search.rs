//! The search through all interleavings.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};

use ravelin_core::path::open::{
    Action, At, Commit, Event, Failure, Forbidden, Ground, How, Opening, SLOTS, Slot, Temporary,
};
use ravelin_core::path::{Capabilities, Dialect, Facts, Links, Operation, Rules};

use super::world::{Attacker, Content, Move, NODES, NONE, Node, ROOT, TARGETS, World, name_index};
use super::{Machine, Scene};

#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) runs: u64,
    pub(crate) grants: u64,
    pub(crate) escapes: u64,
    pub(crate) states: u64,
    pub(crate) undisturbed: bool,
    pub(crate) example: Option<Vec<Move>>,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.runs += other.runs;
        self.grants += other.grants;
        self.escapes += other.escapes;
        self.states += other.states;
    }
}

/// How many runs there are, how many end in a grant, and how many are wrong.
type Sum = (u64, u64, u64);

pub(crate) struct Search {
    rules: Rules,
    root: Facts,
    forbidden: Vec<Forbidden>,
    one_shot: bool,
    scene: Scene,
    machine: Machine,
    attacker: Attacker,
    moves: u8,
    /// For a situation, the moves that are left, and what the machine was told (which is all that it knows).
    counted: HashMap<(Situation, u8, u64), Sum, BuildHasherDefault<Quick>>,
    example: Option<Vec<Move>>,
}

/// What the world, the adapter and the checker know.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Situation {
    world: World,
    slots: [Node; SLOTS],
    /// Opened, and not looked at yet.
    opened: Option<Slot>,
    nodes: u16,
    directories: u16,
    trespass: bool,
}

#[derive(Clone)]
enum Running<'p> {
    Opening(Opening<'p, [u8; 48]>),
    Commit(Commit),
}

impl Search {
    pub(crate) fn of(scene: Scene, links: Links, one_shot: bool, machine: Machine) -> Self {
        let rules = Rules::builder()
            .dialect(Dialect::Posix)
            .links(links)
            .max_file_size(10)
            .build()
            .expect("they can work");
        let world = World::new(scene.layout);
        let compares = world.forbidden != NONE && machine != Machine::NeverCompares;
        let forbidden = compares.then(|| Forbidden {
            identity: world.facts(world.forbidden).identity,
            directory: true,
        });
        Self {
            rules,
            root: world.facts(ROOT),
            forbidden: forbidden.into_iter().collect(),
            one_shot,
            scene,
            machine,
            moves: scene.moves(links),
            attacker: Attacker {
                places: scene.places(),
                // Where no link is followed, one is as good as another; absolute ones are only followed by mistake.
                targets: match (machine, links) {
                    (Machine::Sound, Links::Deny) => 1,
                    (Machine::Sound, _) => 3,
                    _ => 4,
                },
                beyond: false,
            },
            counted: HashMap::default(),
            example: None,
        }
    }

    pub(crate) fn run(mut self, beyond: bool) -> Tally {
        self.attacker.beyond = beyond;
        let rules = self.rules.clone();
        let (root, forbidden) = (self.root, self.forbidden.clone());
        let capabilities = Capabilities {
            one_shot: self.one_shot,
            cached: false,
            case_exact: true,
        };
        let ground = Ground::new(&root, &forbidden, capabilities).expect("a plain directory");
        let path = rules.judge(self.scene.path.as_bytes(), self.scene.operation);
        let path = path.expect("it breaks no rule");
        let opening = match self.scene.operation {
            Operation::Replace => {
                Opening::replace(&rules, ground, path, Temporary::new(0), [0; 48])
            }
            Operation::Rename => {
                let new_path = rules.judge(b"b/t", Operation::Rename).expect("it too");
                Opening::rename(&rules, ground, path, new_path, [0; 48])
            }
            _ => Opening::new(&rules, ground, path, [0; 48]),
        };
        let mut situation = Situation {
            world: World::new(self.scene.layout),
            slots: [NONE; SLOTS],
            opened: None,
            nodes: 0,
            directories: 0,
            trespass: false,
        };
        situation.observe(self.scene.operation);
        let opening = Running::Opening(opening);
        let mut trace = Vec::new();
        let (_, undisturbed, _) = self.explore(&opening, situation, 0, 0, &mut trace);
        let moves = self.moves;
        let (runs, grants, escapes) = self.explore(&opening, situation, moves, 0, &mut trace);
        Tally {
            runs,
            grants,
            escapes,
            states: self.counted.len() as u64,
            undisturbed: undisturbed == 1,
            example: self.example,
        }
    }

    /// Counts how many ways there are from here, how many end in a grant, and how many of those are wrong.
    fn explore(
        &mut self,
        running: &Running<'_>,
        situation: Situation,
        moves: u8,
        told: u64,
        trace: &mut Vec<Move>,
    ) -> Sum {
        if situation.opened.is_none() && running.is_end() {
            return self.judge(running, &situation, trace);
        }
        let key = (situation, moves, told);
        if let Some(counted) = self.counted.get(&key) {
            return *counted;
        }
        if moves == 0 {
            // Nothing branches any more.
            let (mut running, mut now, mut told) = self.step(running, situation, told);
            while now.opened.is_some() || !running.is_end() {
                (running, now, told) = self.step(&running, now, told);
            }
            let sum = self.judge(&running, &now, trace);
            self.counted.insert(key, sum);
            return sum;
        }
        let (stepped, next, heard) = self.step(running, situation, told);
        let mut sum = self.explore(&stepped, next, moves, heard, trace);
        for (step, world) in situation.world.moves(&self.attacker) {
            let mut next = Situation { world, ..situation };
            next.observe(self.scene.operation);
            trace.push(step);
            let more = self.explore(running, next, moves - 1, told, trace);
            trace.pop();
            sum = (sum.0 + more.0, sum.1 + more.1, sum.2 + more.2);
        }
        self.counted.insert(key, sum);
        sum
    }

    /// Carries out what the machine asks, or looks at what it has opened.
    fn step<'p>(
        &self,
        running: &Running<'p>,
        mut now: Situation,
        told: u64,
    ) -> (Running<'p>, Situation, u64) {
        let mut running = running.clone();
        let mut target = Vec::new();
        let event = match now.opened.take() {
            Some(slot) => Event::Opened(self.look(&now, slot)),
            None => match now.carry_out(&running.action(), self.machine, &mut target) {
                Ok(Some(event)) => event,
                Ok(None) => Event::Target(&target),
                // It is open, and is looked at in the next step.
                Err(None) => return (running, now, told),
                Err(Some(failure)) => Event::Failed(failure),
            },
        };
        let mut hasher = Quick(told);
        match &event {
            Event::Opened(facts) => {
                (facts.identity.inode, facts.kind, facts.size, facts.nlink).hash(&mut hasher);
            }
            Event::Failed(failure) => failure.hash(&mut hasher),
            Event::Target(target) => target.hash(&mut hasher),
            _ => 0_u8.hash(&mut hasher),
        }
        running.handle(event);
        // The caller has written the new file.
        if let Running::Opening(opening) = &running
            && let Some(replacement) = opening.replacement()
        {
            running = Running::Commit(Commit::new(replacement));
        }
        now.observe(self.scene.operation);
        (running, now, hasher.finish())
    }

    fn look(&self, now: &Situation, slot: Slot) -> Facts {
        let node = now.slots[slot.index()];
        let named = now.world.by_name(ROOT, self.scene.path.as_bytes(), 0);
        match named {
            Ok(named) if self.machine == Machine::JudgesTheName && slot.index() == SLOTS - 1 => {
                now.world.facts(named)
            }
            _ => now.world.facts(node),
        }
    }

    fn judge(&mut self, running: &Running<'_>, now: &Situation, trace: &[Move]) -> Sum {
        let mut node = now.slots[SLOTS - 1];
        let granted = match running.action() {
            Action::Done { handle, .. } => {
                assert_eq!(handle.index(), SLOTS - 1);
                true
            }
            _ => false,
        };
        if self.machine == Machine::TrustsItsName {
            let named = now.world.by_name(ROOT, self.scene.path.as_bytes(), 0);
            node = named.unwrap_or(node);
        }
        let makes = matches!(
            self.scene.operation,
            Operation::Create | Operation::Replace | Operation::MakeDirectory
        );
        let allowed = makes || now.nodes & (1 << node.min(15)) != 0;
        let escaped = now.trespass || (granted && !allowed);
        if escaped && self.example.is_none() {
            self.example = Some(trace.to_vec());
        }
        (1, u64::from(granted), u64::from(escaped))
    }
}

impl Running<'_> {
    fn action(&self) -> Action<'_> {
        match self {
            Self::Opening(opening) => opening.action(),
            Self::Commit(commit) => commit.action(),
        }
    }

    fn handle(&mut self, event: Event<'_>) {
        match self {
            Self::Opening(opening) => opening.handle(event),
            Self::Commit(commit) => commit.handle(event),
        }
    }

    fn is_end(&self) -> bool {
        self.action().is_end()
    }
}

impl Situation {
    /// Remembers what is below the root and allowed at this moment.
    fn observe(&mut self, operation: Operation) {
        let (nodes, directories) = self.world.allowed(operation);
        self.nodes |= nodes;
        self.directories |= directories;
    }

    /// `Ok(None)` is a link's target, `Err(None)` an open whose facts are still to be asked for.
    fn carry_out<'e>(
        &mut self,
        action: &Action<'_>,
        machine: Machine,
        target: &mut Vec<u8>,
    ) -> Result<Option<Event<'e>>, Option<Failure>> {
        let (node, into) = match *action {
            Action::OpenBeneath {
                path,
                how,
                follow_links,
                into,
                ..
            } => {
                if std::mem::take(&mut self.world.busy) {
                    return Err(Some(Failure::Race));
                }
                let node = self.world.beneath(path, follow_links, 0)?;
                self.world.fits(node, how)?;
                (node, into)
            }
            Action::OpenRoot { into, .. } => (ROOT, into),
            Action::OpenOne {
                at,
                name,
                how,
                into,
            } => {
                assert_ne!(
                    at,
                    At::Slot(into),
                    "a directory is not closed while it is used"
                );
                let at = self.directory(at);
                if let How::Create { .. } = how {
                    self.change(at);
                }
                let follow = machine == Machine::FollowsTheLastName && how != How::Pin;
                (self.world.open_one(at, name, how, follow)?, into)
            }
            Action::ReadLink { link } => {
                let node = self.slots[link.index()];
                let Content::Link { target: index } = self.world.content(node) else {
                    return Err(Some(Failure::Unsupported));
                };
                target.extend_from_slice(TARGETS[usize::from(index)]);
                return Ok(None);
            }
            Action::MakeDirectory { at, name } => {
                let at = self.directory(at);
                let name = name_index(name).ok_or(Failure::NotFound)?;
                if self.world.at(at, name) != NONE {
                    return Err(Some(Failure::Exists));
                }
                self.change(at);
                self.world.put((at, name), Content::Directory);
                return Ok(Some(Event::Finished));
            }
            Action::Rename {
                from,
                name,
                to,
                new_name,
                replace,
            } => {
                let (from, to) = (self.directory(from), self.directory(to));
                let name = name_index(name).ok_or(Failure::NotFound)?;
                let new_name = name_index(new_name).ok_or(Failure::NotFound)?;
                let (node, there) = (self.world.at(from, name), self.world.at(to, new_name));
                if node == NONE {
                    return Err(Some(Failure::NotFound));
                }
                if there != NONE && !replace {
                    return Err(Some(Failure::Exists));
                }
                if self.world.contains(node, to) {
                    return Err(Some(Failure::Unsupported));
                }
                let directory = |node| self.world.content(node) == Content::Directory;
                if there != NONE && directory(there) != directory(node) {
                    return Err(Some(Failure::IsDirectory));
                }
                self.change(from);
                self.change(to);
                *self.world.entry((from, name)) = NONE;
                *self.world.entry((to, new_name)) = node;
                return Ok(Some(Event::Finished));
            }
            Action::Remove {
                at,
                name,
                directory,
            } => {
                let at = self.directory(at);
                let name = name_index(name).ok_or(Failure::NotFound)?;
                let node = self.world.at(at, name);
                match (node, self.world.content(node.min(NODES as Node - 1))) {
                    (NONE, _) => return Err(Some(Failure::NotFound)),
                    (_, Content::Directory) if !directory => {
                        return Err(Some(Failure::IsDirectory));
                    }
                    (_, Content::Directory) => return Err(Some(Failure::NotEmpty)),
                    _ if directory => return Err(Some(Failure::NotDirectory)),
                    _ => {}
                }
                self.change(at);
                *self.world.entry((at, name)) = NONE;
                return Ok(Some(Event::Finished));
            }
            Action::Sync { .. } | Action::SyncDirectory { .. } => return Ok(Some(Event::Finished)),
            Action::Done { .. } | Action::Denied(_) => unreachable!("an end"),
        };
        self.slots[into.index()] = node;
        self.opened = Some(into);
        Err(None)
    }

    fn directory(&self, at: At) -> Node {
        match at {
            At::Root => ROOT,
            At::Slot(slot) => self.slots[slot.index()],
        }
    }

    /// Names change in a directory: was it ever below the root, and allowed?
    fn change(&mut self, directory: Node) {
        self.trespass |= self.directories & (1 << directory) == 0;
    }
}

/// A hash for keys that nobody chooses.
#[derive(Default)]
struct Quick(u64);

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

    fn write_u64(&mut self, value: u64) {
        self.add(value);
    }

    fn write_usize(&mut self, value: usize) {
        self.add(value as u64);
    }

    fn write_isize(&mut self, value: isize) {
        self.add(value as u64);
    }
}
