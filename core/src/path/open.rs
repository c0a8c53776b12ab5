//! The open machine: from a judged path to an open file, without a moment at which a name is trusted.
//!
//! Who judges a path and opens it afterwards by its name opens something else when the tree changes in between. This
//! machine judges what *is open*. It does no I/O: it says what to do ([`Action`]) and is told how it went ([`Event`]).
//!
//! ```text
//! loop {
//!     let event = match opening.action() {
//!         Action::Done { handle, facts } => break Ok(..),
//!         Action::Denied(denial) => break Err(denial),
//!         action => carry it out,
//!     };
//!     opening.handle(event);
//! }
//! ```
//!
//! # Two ways
//!
//! *One shot*: the system resolves the whole path and refuses to leave the root (`openat2`). It looks up the same names
//! that were judged, so it is used where names decide nothing more: no forbidden directory has to be recognised under
//! another name, and either links are denied and the file system tells all names apart, or no rule asks for names.
//!
//! *The walk*: one name after another, each directory pinned and judged, links read by the machine and not by the
//! system, `..` in their targets never looked up. For everything else, and for systems without the one call.
//!
//! # What is judged
//!
//! Kind, mount, file system, identity (forbidden subtrees), owner, and where contents are read or written also the
//! number of names and the size, each on the handle that is then given out. Nothing is truncated, ever: a replacement
//! is a new file that takes the name when it is complete ([`Commit`]).
//!
//! # What cannot be promised
//!
//! * A directory that is moved out of the root while it is pinned stays usable, on every system: a file that was put
//!   into it after that is opened, though it never was below the root.
//! * No system removes or renames *this file*, only *this name*. Both are done in pinned directories, and a rename is
//!   looked at afterwards ([`Denial::Swapped`]); a name that is given to another file
//!   between the look and a removal is removed.

mod commit;
mod judge;
mod steps;
mod trail;
mod verbs;

pub use commit::{Commit, Replacement, Temporary};
pub use verbs::{Action, At, Event, Failure, Handles, How, SLOTS, Slot};

use self::judge::Bench;
use self::trail::Trail;
use crate::path::{
    Capabilities, Denial, Facts, Filesystem, Identity, Judged, Kind, Links, Operation, Rules,
};

/// How many bytes a walk needs where links are followed: the names behind it and the targets before it, each as long
/// as a path may be. Longer together is refused; an empty buffer suffices where links are denied.
pub const BUFFER: usize = 8192;

/// How often a step is tried again because the tree changed under it.
const RETRIES: u8 = 16;

/// How many names are walked at most, those after links counted again. A path has 2,048, and each `..` in the target of
/// a link begins again.
const STEPS: u16 = 10_000;

/// The permissions of a file that is made.
const PRIVATE: u16 = 0o600;

/// A root that paths are opened below.
#[derive(Clone, Copy, Debug)]
pub struct Ground<'p> {
    facts: &'p Facts,
    forbidden: &'p [Forbidden],
    capabilities: Capabilities,
}

/// A forbidden directory or file that was opened beforehand, and is kept open so that its identity stays its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forbidden {
    /// Which one.
    pub identity: Identity,
    /// Whether it is a directory: then paths are walked, to see whether they lead through it.
    pub directory: bool,
}

impl<'p> Ground<'p> {
    /// Judges the root itself. `facts` are those of its handle.
    ///
    /// # Errors
    /// [`Denial::NotDirectory`] and [`Denial::Kernel`].
    pub fn new(
        facts: &'p Facts,
        forbidden: &'p [Forbidden],
        capabilities: Capabilities,
    ) -> Result<Self, Denial> {
        if facts.kind != Kind::Directory {
            return Err(Denial::NotDirectory);
        }
        if facts.filesystem == Filesystem::Kernel {
            return Err(Denial::Kernel);
        }
        Ok(Self {
            facts,
            forbidden,
            capabilities,
        })
    }
}

/// What an adapter drives: [`Opening`] and [`Commit`] alike.
pub trait Machine {
    /// What to do next. The same until [`handle`](Self::handle) is called.
    fn action(&self) -> Action<'_>;

    /// Takes how it went.
    fn handle(&mut self, event: Event<'_>);
}

impl<B: AsRef<[u8]> + AsMut<[u8]>> Machine for Opening<'_, B> {
    fn action(&self) -> Action<'_> {
        self.action()
    }

    fn handle(&mut self, event: Event<'_>) {
        self.handle(event);
    }
}

impl Machine for Commit {
    fn action(&self) -> Action<'_> {
        self.action()
    }

    fn handle(&mut self, event: Event<'_>) {
        self.handle(event);
    }
}

/// One operation on one path, on its way. See the [module](self).
#[derive(Clone, Debug)]
#[must_use]
pub struct Opening<'p, B> {
    bench: Bench<'p>,
    capabilities: Capabilities,
    path: Judged<'p>,
    /// The other path of a rename.
    new_path: Option<Judged<'p>>,
    temporary: Temporary,
    trail: Trail<'p, B>,
    /// Which of the two paths is walked.
    walk: u8,
    at: At,
    turn: bool,
    /// The file that is to be renamed, and where it is.
    source: Option<(At, Identity)>,
    retries: u8,
    steps: u16,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The whole path at once.
    OneShot { cached: bool },
    /// The root itself.
    Root,
    /// The next name.
    Walk,
    /// The last name, which could not be opened as it was to be: is it a link?
    Examine,
    /// Where the link leads.
    Follow { link: Slot },
    /// What has the name, in the pinned parent.
    Look,
    /// A new file.
    Make { mode: u16 },
    /// A new directory.
    MakeDirectory,
    /// What the new directory is.
    Made,
    /// The removal of what was looked at.
    Remove { facts: Facts },
    /// The rename.
    Rename,
    /// What has the new name.
    Renamed,
    /// The end.
    Done { facts: Facts },
    /// The end.
    Denied(Denial),
}

impl<'p, B: AsRef<[u8]> + AsMut<[u8]>> Opening<'p, B> {
    /// Begins what the path was judged for, except to replace and to rename. The path is one of the root's.
    pub fn new(rules: &'p Rules, ground: Ground<'p>, path: Judged<'p>, buffer: B) -> Self {
        let operation = path.operation();
        let other = matches!(operation, Operation::Replace | Operation::Rename);
        Self::begin(rules, ground, path, buffer, other)
    }

    /// Begins to replace a file, or to make it: what is done is the temporary file next to it. [`Opening::replacement`]
    /// says how to go on.
    pub fn replace(
        rules: &'p Rules,
        ground: Ground<'p>,
        path: Judged<'p>,
        temporary: Temporary,
        buffer: B,
    ) -> Self {
        let other = path.operation() != Operation::Replace;
        let mut opening = Self::begin(rules, ground, path, buffer, other);
        opening.temporary = temporary;
        opening
    }

    /// Begins to rename a file or directory. Both paths are below the same root.
    pub fn rename(
        rules: &'p Rules,
        ground: Ground<'p>,
        path: Judged<'p>,
        new_path: Judged<'p>,
        buffer: B,
    ) -> Self {
        let renames = |path: Judged<'_>| path.operation() == Operation::Rename;
        let other = !renames(path) || !renames(new_path);
        let mut opening = Self::begin(rules, ground, path, buffer, other);
        opening.new_path = Some(new_path);
        if path.root() != new_path.root() {
            opening.state = State::Denied(Denial::OtherRoot);
        }
        opening
    }

    /// What to do next. The same until [`handle`](Self::handle) is called.
    pub fn action(&self) -> Action<'_> {
        match self.state {
            State::OneShot { cached } => Action::OpenBeneath {
                path: self.walked(),
                how: self.how().unwrap_or(How::Pin),
                follow_links: self.bench.rules.links() != Links::Deny,
                cross_mounts: self.bench.crosses_mounts(),
                cached_only: cached,
                into: self.slot(true),
            },
            State::Root => Action::OpenRoot {
                how: self.how().unwrap_or(How::Pin),
                into: Slot::FILE,
            },
            State::Walk => match self.trail.next() {
                Some(next) => Action::OpenOne {
                    at: self.at,
                    name: next.name,
                    how: self.how().filter(|_| next.last).unwrap_or(How::Pin),
                    into: self.slot(next.last),
                },
                None => Action::Denied(Denial::OutOfOrder),
            },
            State::Examine => match self.trail.next() {
                Some(next) => self.look(next.name),
                None => Action::Denied(Denial::OutOfOrder),
            },
            State::Follow { link } => Action::ReadLink { link },
            State::Look | State::Made | State::Renamed => self.look(self.name()),
            State::Make { mode } => Action::OpenOne {
                at: self.at,
                name: if self.path.operation() == Operation::Replace {
                    self.temporary.as_bytes()
                } else {
                    self.name()
                },
                how: How::Create { mode },
                into: Slot::FILE,
            },
            State::MakeDirectory => Action::MakeDirectory {
                at: self.at,
                name: self.name(),
            },
            State::Remove { facts } => Action::Remove {
                at: self.at,
                name: self.name(),
                directory: facts.kind == Kind::Directory,
            },
            State::Rename => match self.source {
                Some((from, _)) => Action::Rename {
                    from,
                    name: last_name(self.path),
                    to: self.at,
                    new_name: self.name(),
                    replace: false,
                },
                None => Action::Denied(Denial::OutOfOrder),
            },
            State::Done { facts } => Action::Done {
                handle: Slot::FILE,
                facts,
            },
            State::Denied(denial) => Action::Denied(denial),
        }
    }

    /// Takes how it went. An answer to another question ends it, and after the end nothing changes.
    pub fn handle(&mut self, event: Event<'_>) {
        if matches!(self.state, State::Done { .. } | State::Denied(_)) {
            return;
        }
        let next = match event {
            Event::Cancelled => Err(Denial::Cancelled),
            Event::Failed(failure) => self.failed(failure),
            Event::Opened(facts) => self.opened(facts),
            Event::Target(target) => self.target(target),
            Event::Finished => self.finished(),
            Event::WouldBlock => self.would_block(),
        };
        self.state = next.unwrap_or_else(State::Denied);
    }

    /// Where the file is that was opened, from the root on, once it is done. Unknown where the system followed links
    /// itself.
    pub fn resolved(&self) -> Option<&[u8]> {
        if !matches!(self.state, State::Done { .. }) {
            return None;
        }
        if self.bench.rules.links() == Links::Deny {
            return Some(self.subject().as_bytes());
        }
        let behind = self.trail.behind();
        (self.how().is_some() && !behind.is_empty()).then_some(behind)
    }

    /// What a replacement that is done goes on with. The directory in [`Replacement::parent`] has to be kept too.
    pub fn replacement(&self) -> Option<Replacement> {
        let State::Done { facts } = self.state else {
            return None;
        };
        let (parent, name) = (self.at, self.name());
        (self.path.operation() == Operation::Replace)
            .then(|| Replacement::new(parent, self.temporary, name, facts.identity))
    }

    fn begin(
        rules: &'p Rules,
        ground: Ground<'p>,
        path: Judged<'p>,
        buffer: B,
        out_of_order: bool,
    ) -> Self {
        let mut opening = Self {
            bench: Bench {
                rules,
                root: ground.facts,
                forbidden: ground.forbidden,
            },
            capabilities: ground.capabilities,
            path,
            new_path: None,
            temporary: Temporary::new(0),
            trail: Trail::new(rules.dialect().separates(b'\\'), buffer),
            walk: 0,
            at: At::Root,
            turn: false,
            source: None,
            retries: 0,
            steps: 0,
            state: State::Denied(Denial::OutOfOrder),
        };
        if !out_of_order {
            opening.state = opening.start().unwrap_or_else(State::Denied);
        }
        opening
    }

    /// The path that is walked or was last.
    fn subject(&self) -> Judged<'p> {
        match self.new_path {
            Some(path) if self.walk == 1 => path,
            _ => self.path,
        }
    }

    /// How the last name is opened; `None` where its parent is what is looked for.
    fn how(&self) -> Option<How> {
        match self.path.operation() {
            Operation::Read => Some(How::Read),
            Operation::Append => Some(How::Append),
            Operation::List => Some(How::List),
            Operation::Stat => Some(How::Pin),
            Operation::Create
            | Operation::Replace
            | Operation::Rename
            | Operation::Remove
            | Operation::MakeDirectory => None,
        }
    }

    /// What is resolved: the path, or that of its parent.
    fn walked(&self) -> &'p [u8] {
        let path = self.subject();
        match self.how() {
            Some(_) => path.as_bytes(),
            None => {
                let parent = path
                    .as_bytes()
                    .len()
                    .saturating_sub(last_name(path).len() + 1);
                path.as_bytes().get(..parent).unwrap_or_default()
            }
        }
    }

    /// The name in the pinned parent.
    fn name(&self) -> &'p [u8] {
        last_name(self.subject())
    }

    fn look<'m>(&self, name: &'m [u8]) -> Action<'m> {
        Action::OpenOne {
            at: self.at,
            name,
            how: How::Pin,
            into: Slot::FILE,
        }
    }

    fn slot(&self, last: bool) -> Slot {
        if last && self.how().is_some() {
            Slot::FILE
        } else {
            Slot::of_walk(self.walk, self.turn)
        }
    }

    /// Whether resolving at once comes to what was judged. See the [module](self).
    fn one_shot_is_sound(&self) -> bool {
        let rules = self.bench.rules;
        let names_decide = rules.judges_places();
        let names_are_exact = rules.links() == Links::Deny && self.capabilities.case_exact;
        let slashes_only = !rules.dialect().separates(b'\\') || !self.walked().contains(&b'\\');
        self.capabilities.one_shot
            && slashes_only
            && rules.links() != Links::Trusted
            && !self.bench.forbidden.iter().any(|entry| entry.directory)
            && (!names_decide || names_are_exact)
    }
}

/// The last name of a path.
fn last_name<'p>(path: Judged<'p>) -> &'p [u8] {
    path.components().next_back().unwrap_or_default()
}

#[cfg(test)]
mod tests;
