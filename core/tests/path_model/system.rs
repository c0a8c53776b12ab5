//! The adapter of the model: it carries out on the model file system what the machine asks.

use ravelin_core::path::open::{Action, At, Failure, How, SLOTS, Slot};
use ravelin_core::path::{Facts, Operation};

use super::machine::Heard;
use super::world::{Content, NODES, NONE, Node, ROOT, Rights, World, name_index};
use super::{Case, Machine};

/// The file system and the handles.
#[derive(Clone, Copy)]
pub(crate) struct System {
    pub(crate) world: World,
    pub(crate) slots: [Node; SLOTS],
    /// Opened, and not looked at yet.
    pub(crate) opened: Option<Slot>,
    /// The file that the machine has made.
    pub(crate) made: Node,
}

impl System {
    pub(crate) fn new(case: &Case) -> Self {
        Self {
            world: World::new(case.scene.layout),
            slots: [NONE; SLOTS],
            opened: None,
            made: NONE,
        }
    }

    /// Carries out what the machine asks, or looks at what it has opened: what it is told, and the rights that this
    /// takes. Nothing is told of what is open and is looked at in the next step.
    pub(crate) fn step(&mut self, action: &Action<'_>, case: &Case) -> (Option<Heard>, Rights) {
        let mut needs = Rights::default();
        let heard = match self.opened.take() {
            Some(slot) => Some(Heard::Opened(self.look(slot, case))),
            None => match self.carry_out(action, case.machine, &mut needs) {
                Ok(heard) => heard,
                Err(failure) => Some(Heard::Failed(failure)),
            },
        };
        (heard, needs)
    }

    /// Whether the machine has given something out at its end, and the rights that this takes.
    pub(crate) fn end(&self, action: &Action<'_>, case: &Case) -> (bool, Rights) {
        let Action::Done { handle, .. } = action else {
            return (false, Rights::default());
        };
        assert_eq!(handle.index(), SLOTS - 1);
        let node = match case.machine {
            Machine::TrustsItsName => self.named(case),
            _ => self.node(*handle),
        };
        let needs = match case.scene.operation {
            // It is its own, wherever its directory has gone.
            _ if node == self.made => Rights::default(),
            Operation::Replace | Operation::Create => Rights::NEVER,
            _ => Rights::give(node),
        };
        (true, needs)
    }

    fn look(&self, slot: Slot, case: &Case) -> Facts {
        let node = self.node(slot);
        let target = slot.index() == SLOTS - 1;
        let mut facts = self.world.facts(match case.machine {
            Machine::JudgesTheName if target => self.named(case),
            Machine::NeverLooksAgain if target && self.made != NONE => self.made,
            _ => node,
        });
        match case.machine {
            Machine::CountsNoNames => facts.nlink = 1,
            Machine::SeesNoMounts => facts.mount = Some(1),
            _ => {}
        }
        facts
    }

    /// What has the name now, for machines that ask for it.
    fn named(&self, case: &Case) -> Node {
        let named = self.world.by_name(ROOT, case.scene.path.as_bytes(), 0);
        named.unwrap_or_else(|_| self.slots[SLOTS - 1])
    }

    /// `Ok(None)` is an open that has succeeded.
    fn carry_out(
        &mut self,
        action: &Action<'_>,
        machine: Machine,
        needs: &mut Rights,
    ) -> Result<Option<Heard>, Failure> {
        let (node, into) = match *action {
            Action::OpenBeneath {
                path,
                how,
                follow_links,
                into,
                ..
            } => {
                if std::mem::take(&mut self.world.busy) {
                    return Err(Failure::Race);
                }
                let node = match machine {
                    Machine::ResolvesFreely => self.world.by_name(ROOT, path, 0)?,
                    _ => self.world.beneath(path, follow_links, 0)?,
                };
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
                let follow = machine == Machine::FollowsTheLastName && how != How::Pin;
                let node = self.world.open_one(at, name, how, follow)?;
                if let How::Create { .. } = how {
                    *needs |= Rights::change(at);
                    self.made = node;
                }
                (node, into)
            }
            Action::ReadLink { link } => {
                return match self.world.content(self.node(link)) {
                    Content::Link { target } => Ok(Some(Heard::Target(target))),
                    _ => Err(Failure::Unsupported),
                };
            }
            Action::MakeDirectory { at, name } => {
                let at = self.directory(at);
                let name = name_index(name).ok_or(Failure::NotFound)?;
                if self.world.at(at, name) != NONE {
                    return Err(Failure::Exists);
                }
                *needs |= Rights::change(at);
                self.made = self.world.put((at, name), Content::Directory);
                return Ok(Some(Heard::Finished));
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
                    return Err(Failure::NotFound);
                }
                if there != NONE && !replace {
                    return Err(Failure::Exists);
                }
                if self.world.contains(node, to) {
                    return Err(Failure::Unsupported);
                }
                let directory = |node| self.world.content(node) == Content::Directory;
                if there != NONE && directory(there) != directory(node) {
                    return Err(Failure::IsDirectory);
                }
                *needs |= Rights::change(from);
                *needs |= Rights::change(to);
                *self.world.entry((from, name)) = NONE;
                *self.world.entry((to, new_name)) = node;
                return Ok(Some(Heard::Finished));
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
                    (NONE, _) => return Err(Failure::NotFound),
                    (_, Content::Directory) if !directory => return Err(Failure::IsDirectory),
                    (_, Content::Directory) => return Err(Failure::NotEmpty),
                    _ if directory => return Err(Failure::NotDirectory),
                    _ => {}
                }
                *needs |= Rights::change(at);
                *self.world.entry((at, name)) = NONE;
                return Ok(Some(Heard::Finished));
            }
            Action::Sync { file } => {
                let _ = self.node(file);
                return Ok(Some(Heard::Finished));
            }
            Action::SyncDirectory { at } => {
                let _ = self.directory(at);
                return Ok(Some(Heard::Finished));
            }
            Action::Done { .. } | Action::Denied(_) => unreachable!("an end"),
        };
        self.slots[into.index()] = node;
        self.opened = Some(into);
        Ok(None)
    }

    fn directory(&self, at: At) -> Node {
        match at {
            At::Root => ROOT,
            At::Slot(slot) => self.node(slot),
        }
    }

    fn node(&self, slot: Slot) -> Node {
        let node = self.slots[slot.index()];
        assert_ne!(node, NONE, "a handle is used that is not open");
        node
    }
}
