//! The second half of a replacement: the new file takes the name.

use core::fmt;

use super::verbs::{Action, At, Event, Failure, How, Slot};
use crate::path::{Denial, Facts, Identity};

/// The name of a file that is not complete yet: `.ravelin-` and 16 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Temporary([u8; 25]);

impl Temporary {
    /// Makes a name from random bits. Who can foresee them can make the replacement fail, nothing more.
    pub const fn new(random: u64) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut name = *b".ravelin-0000000000000000";
        let (_, digits) = name.split_at_mut(9);
        let mut rest = random;
        let mut index = 0;
        while index < digits.len() {
            digits[index] = DIGITS[(rest & 15) as usize];
            rest >>= 4;
            index += 1;
        }
        Self(name)
    }

    /// The name.
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Temporary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Temporary({})", self.0.escape_ascii())
    }
}

/// A replacement that has been opened and not committed: what is needed to go on, without the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replacement {
    parent: At,
    temporary: Temporary,
    name: [u8; 255],
    length: u8,
    identity: Identity,
}

impl Replacement {
    pub(super) fn new(parent: At, temporary: Temporary, name: &[u8], identity: Identity) -> Self {
        let mut bytes = [0; 255];
        let length = name.len().min(bytes.len());
        for (place, byte) in bytes.iter_mut().zip(name) {
            *place = *byte;
        }
        Self {
            parent,
            temporary,
            name: bytes,
            length: length as u8,
            identity,
        }
    }

    /// The directory that both names are in.
    pub const fn parent(&self) -> At {
        self.parent
    }

    fn name(&self) -> &[u8] {
        self.name
            .get(..usize::from(self.length))
            .unwrap_or_default()
    }
}

/// Gives a written file its name, or takes it away again. Driven like [`Opening`](super::Opening), with the same slots.
#[derive(Clone, Debug)]
#[must_use]
pub struct Commit {
    replacement: Replacement,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Sync,
    Rename,
    SyncParent,
    Verify,
    Look,
    Remove,
    Done(Facts),
    Denied(Denial),
}

impl Commit {
    /// Begins to give the file its name: on disk first, so that the name never leads to half a file. The name follows it
    /// there, where the system can do that; when that fails, the file has its name all the same.
    pub const fn new(replacement: Replacement) -> Self {
        let state = State::Sync;
        Self { replacement, state }
    }

    /// Begins to take the file away. Ends with [`Denial::Cancelled`] when it is gone.
    pub const fn abandon(replacement: Replacement) -> Self {
        let state = State::Look;
        Self { replacement, state }
    }

    /// What to do next. The same until [`handle`](Self::handle) is called.
    pub fn action(&self) -> Action<'_> {
        let Replacement { parent: at, .. } = self.replacement;
        let look = |name| Action::OpenOne {
            at,
            name,
            how: How::Pin,
            into: Slot::FILE,
        };
        match self.state {
            State::Sync => Action::Sync { file: Slot::FILE },
            State::Rename => Action::Rename {
                from: at,
                name: self.replacement.temporary.as_bytes(),
                to: at,
                new_name: self.replacement.name(),
                replace: true,
            },
            State::SyncParent => Action::SyncDirectory { at },
            State::Verify => look(self.replacement.name()),
            State::Look => look(self.replacement.temporary.as_bytes()),
            State::Remove => Action::Remove {
                at,
                name: self.replacement.temporary.as_bytes(),
                directory: false,
            },
            State::Done(facts) => Action::Done {
                handle: Slot::FILE,
                facts,
            },
            State::Denied(denial) => Action::Denied(denial),
        }
    }

    /// Takes how it went. An answer to another question ends it, and after the end nothing changes.
    pub fn handle(&mut self, event: Event<'_>) {
        let ours = |facts: Facts| facts.identity == self.replacement.identity;
        self.state = match (self.state, event) {
            (end @ (State::Done(_) | State::Denied(_)), _) => end,
            (_, Event::Cancelled) => State::Denied(Denial::Cancelled),
            (State::Sync, Event::Finished) => State::Rename,
            (State::Rename, Event::Finished) => State::SyncParent,
            (State::SyncParent, Event::Finished) => State::Verify,
            // Not every file system syncs directories (EINVAL), and not every directory in which names may be changed
            // may be opened for reading. The name is given, so this is not a reason to call it refused.
            (
                State::SyncParent,
                Event::Failed(Failure::Unsupported | Failure::NotPermitted | Failure::Filtered),
            ) => State::Verify,
            // Somebody can have put another file under the temporary name: then that one has the name now.
            (State::Verify, Event::Opened(facts)) if ours(facts) => State::Done(facts),
            (State::Verify, Event::Opened(_) | Event::Failed(Failure::NotFound)) => {
                State::Denied(Denial::Swapped)
            }
            (State::Look, Event::Opened(facts)) if ours(facts) => State::Remove,
            (State::Look, Event::Opened(_)) => State::Denied(Denial::Swapped),
            (State::Remove, Event::Finished) => State::Denied(Denial::Cancelled),
            (_, Event::Failed(failure)) => State::Denied(failure.denial()),
            _ => State::Denied(Denial::OutOfOrder),
        };
    }
}
