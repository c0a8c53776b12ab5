//! An adapter over a tree of which only what was said is known, and what the machine may do with it.

use std::cell::Cell;
use std::collections::BTreeMap;

use ravelin_core::path::open::{Action, At, Event, Handles, How, SLOTS, Slot, Temporary};
use ravelin_core::path::{Facts, Filesystem, Identity, Judged, Kind, Links, Operation, Rules};

use super::script::Scene;
use super::{is_plain, joined};

/// The slot of what an operation is on: the last.
pub(super) const FILE: usize = SLOTS - 1;

/// A handle that is counted while it is open.
pub(super) struct Handle<'a> {
    facts: Facts,
    /// Its names from the root on, each as it was opened; unknown where the system has followed links.
    place: Option<Vec<u8>>,
    /// The system has kept the path on its mount.
    at_once: bool,
    open: &'a Cell<usize>,
}

impl Drop for Handle<'_> {
    fn drop(&mut self) {
        self.open.set(self.open.get() - 1);
    }
}

pub(super) struct Adapter<'a> {
    scene: Scene,
    rules: &'a Rules,
    path: Judged<'a>,
    open: &'a Cell<usize>,
    handles: Handles<Handle<'a>>,
    /// The slot of files, once something was opened into it.
    file: Option<Slot>,
    /// The files that were moved, by where they are now.
    moved: BTreeMap<Vec<u8>, u64>,
    /// What was looked at first, which is what a rename is of.
    source: Option<Facts>,
    /// The second half of a replacement: where, and of which file.
    commit: Option<(At, Temporary, Identity)>,
}

impl<'a> Adapter<'a> {
    pub(super) fn new(
        scene: Scene,
        rules: &'a Rules,
        path: Judged<'a>,
        open: &'a Cell<usize>,
    ) -> Self {
        Self {
            scene,
            rules,
            path,
            open,
            handles: Handles::default(),
            file: None,
            moved: BTreeMap::new(),
            source: None,
            commit: None,
        }
    }

    /// Whether a file at the end of the path has to be a directory.
    pub(super) fn wants_directory(&self) -> bool {
        self.path.must_be_dir() || self.path.operation() == Operation::MakeDirectory
    }

    /// Which file the tree has where this action opens one.
    pub(super) fn inode(&self, action: Action<'_>) -> u64 {
        let place = self.place(action).unwrap_or_else(|| b"?".to_vec());
        self.inode_at(&place)
    }

    /// The machine asks for nothing that could lead out of the root or past a rule.
    pub(super) fn is_fair(&self, action: Action<'_>) {
        let links = self.rules.links();
        let operation = self.path.operation();
        let committing = self.commit.is_some();
        match action {
            Action::OpenBeneath {
                path,
                how,
                follow_links,
                cross_mounts,
                cached_only,
                into,
            } => {
                assert!(self.scene.has(Scene::ONE_SHOT) && !committing);
                assert!(!cached_only || self.scene.has(Scene::CACHED));
                assert_eq!(follow_links, links != Links::Deny);
                assert_eq!(cross_mounts, self.scene.has(Scene::DEVICES));
                assert_ne!(links, Links::Trusted, "their owner has to be seen");
                let all = path.split(|byte| *byte == b'/');
                assert!(all.into_iter().all(|name| is_plain(self.rules, name)));
                self.is_fair_way(how, into);
            }
            Action::OpenRoot { how, into } => self.is_fair_way(how, into),
            Action::OpenOne {
                at,
                name,
                how,
                into,
            } => {
                self.is_pinned(at);
                assert_ne!(at, At::Slot(into), "the directory would be closed");
                self.is_fair_name(name);
                self.is_fair_way(how, into);
            }
            Action::ReadLink { link } => {
                let facts = self.facts(link);
                assert_eq!(facts.kind, Kind::Link);
                assert_ne!(links, Links::Deny);
                assert!(links != Links::Trusted || facts.uid == 0);
            }
            Action::MakeDirectory { at, name } => {
                assert_eq!(operation, Operation::MakeDirectory);
                self.is_pinned(at);
                self.is_fair_name(name);
            }
            Action::Rename {
                from,
                name,
                to,
                new_name,
                replace,
            } => {
                assert_eq!(replace, committing);
                assert!(committing || operation == Operation::Rename);
                self.is_pinned(from);
                self.is_pinned(to);
                self.is_fair_name(name);
                self.is_fair_name(new_name);
                if let Some((parent, temporary, _)) = self.commit {
                    assert_eq!((from, to), (parent, parent));
                    assert_eq!(name, temporary.as_bytes());
                }
            }
            Action::Remove {
                at,
                name,
                directory,
            } => {
                self.is_pinned(at);
                if let Some((parent, temporary, identity)) = self.commit {
                    assert_eq!((at, name), (parent, temporary.as_bytes()));
                    assert_eq!(self.looked_at().identity, identity);
                } else {
                    assert_eq!(operation, Operation::Remove);
                    self.is_fair_name(name);
                    assert_eq!(directory, self.looked_at().kind == Kind::Directory);
                }
            }
            Action::Sync { file } => {
                let identity = self.facts(file).identity;
                assert_eq!(self.commit.map(|(.., made)| made), Some(identity));
            }
            Action::SyncDirectory { at } => {
                self.is_pinned(at);
                assert_eq!(self.commit.map(|(parent, ..)| parent), Some(at));
            }
            Action::Done { .. } | Action::Denied(_) => panic!("an end is no action"),
        }
    }

    /// Does what the event says was done.
    pub(super) fn carry_out(&mut self, action: Action<'_>, event: Event<'_>) {
        match (event, slot(action)) {
            (Event::Opened(facts), Some(slot)) => {
                self.open.set(self.open.get() + 1);
                let handle = Handle {
                    facts,
                    place: self.place(action),
                    at_once: matches!(action, Action::OpenBeneath { .. }),
                    open: self.open,
                };
                self.handles.put(slot, handle);
                assert!(self.open.get() <= SLOTS);
                if slot.index() == FILE {
                    self.file = Some(slot);
                    self.source.get_or_insert(facts);
                }
            }
            (Event::Failed(_), Some(slot)) => drop(self.handles.take(slot)),
            _ => {}
        }
        if let (
            Event::Finished,
            Action::Rename {
                from,
                name,
                to,
                new_name,
                ..
            },
        ) = (event, action)
        {
            let inode = self.inode_at(&self.below(from, name));
            self.moved.insert(self.below(to, new_name), inode);
        }
    }

    /// What is given out keeps all rules.
    pub(super) fn is_granted(
        &self,
        slot: Slot,
        facts: Facts,
        resolved: Option<&[u8]>,
        second: Option<Judged<'_>>,
    ) {
        let operation = self.path.operation();
        let handle = self.handles.get(slot).expect("it is open");
        assert_eq!(handle.facts, facts);
        if operation == Operation::Rename {
            let source = self.source.expect("it was looked at");
            assert_eq!(source.identity, facts.identity, "the same file");
            self.is_allowed(&source, false);
            let directory = second.is_some_and(|second| second.must_be_dir());
            assert!(source.kind == Kind::Directory || !directory);
        } else {
            self.is_allowed(&facts, handle.at_once);
        }

        let subject = second.unwrap_or(self.path);
        let follows = self.rules.links() != Links::Deny;
        if !follows {
            assert_eq!(resolved, Some(subject.as_bytes()));
        }
        let Some(place) = &handle.place else {
            assert!(follows && handle.at_once && resolved.is_none());
            return;
        };
        let names = || {
            place
                .split(|byte| *byte == b'/')
                .filter(|name| !name.is_empty())
        };
        let mut names: Vec<_> = names().collect();
        if operation == Operation::Replace {
            names.pop();
            names.extend(self.path.components().next_back());
        }
        if !follows {
            assert_eq!(names.join(&b'/'), joined(subject), "by its own names");
        } else if let Some(resolved) = resolved {
            assert_eq!(resolved, place, "where it was opened");
        } else {
            let by_name = matches!(
                operation,
                Operation::Read | Operation::Append | Operation::List | Operation::Stat
            );
            assert!(!by_name || handle.at_once || place.is_empty());
        }
        if self.scene.has(Scene::LISTS) {
            let directory = subject.must_be_dir() && !subject.is_root();
            let names = names.into_iter();
            let judged = self
                .rules
                .judge_resolved(subject.root(), names, directory, operation);
            assert_eq!(judged, Ok(()), "no link leads past a list");
        }
    }

    /// The file that was made has the name.
    pub(super) fn is_committed(&self, slot: Slot, facts: Facts) {
        let (_, _, made) = self.commit.expect("a commit");
        assert_eq!(facts.identity, made);
        assert_eq!(self.facts(slot), facts);
        assert!(!self.scene.abandons());
    }

    pub(super) fn begin_commit(&mut self, parent: At, temporary: Temporary, made: Identity) {
        self.is_pinned(parent);
        self.commit = Some((parent, temporary, made));
    }

    /// Closes all but one.
    pub(super) fn end(mut self, slot: Slot) -> Handle<'a> {
        self.handles.take(slot).expect("it is open")
    }

    /// What an operation may be on.
    fn is_allowed(&self, facts: &Facts, at_once: bool) {
        let operation = self.path.operation();
        match operation {
            Operation::Read | Operation::Create | Operation::Replace | Operation::Append => {
                assert_eq!(facts.kind, Kind::Regular);
            }
            Operation::List | Operation::MakeDirectory => {
                assert_eq!(facts.kind, Kind::Directory);
            }
            Operation::Stat => assert_ne!(facts.kind, Kind::Link),
            _ => assert!(matches!(facts.kind, Kind::Regular | Kind::Directory)),
        }
        if self.path.must_be_dir() {
            assert_eq!(facts.kind, Kind::Directory);
        }
        self.is_below(facts, at_once);
        assert!(!self.scene.has(Scene::OWNED) || facts.uid < 2, "its owner");
        if matches!(operation, Operation::Read | Operation::Append) {
            assert!(facts.size <= Scene::MAX_SIZE);
            let may_be_shared = operation == Operation::Read && !self.scene.has(Scene::ONE_NAME);
            assert!(may_be_shared || facts.nlink == 1);
        }
    }

    /// What neither a mount, nor the kernel, nor a forbidden directory has brought here.
    fn is_below(&self, facts: &Facts, at_once: bool) {
        assert_eq!(facts.filesystem, Filesystem::Storage);
        let mut forbidden = self.scene.forbidden().into_iter();
        assert!(!forbidden.any(|entry| entry.identity == facts.identity));
        let root = self.scene.root();
        let same_mount = match (facts.mount, root.mount) {
            (Some(one), Some(two)) => one == two,
            _ => at_once || facts.identity.device == root.identity.device,
        };
        assert!(same_mount || self.scene.has(Scene::DEVICES));
    }

    /// Names are only looked up in directories that are open and were judged.
    fn is_pinned(&self, at: At) {
        if let At::Slot(slot) = at {
            let handle = self.handles.get(slot).expect("it is open");
            assert_eq!(handle.facts.kind, Kind::Directory);
            self.is_below(&handle.facts, handle.at_once);
        }
    }

    fn is_fair_name(&self, name: &[u8]) {
        assert!(is_plain(self.rules, name), "{}", name.escape_ascii());
    }

    fn is_fair_way(&self, how: How, into: Slot) {
        assert!(into.index() < SLOTS);
        let operation = self.path.operation();
        match how {
            How::Pin => {}
            How::Read => assert_eq!(operation, Operation::Read),
            How::Append => assert_eq!(operation, Operation::Append),
            How::List => assert_eq!(operation, Operation::List),
            How::Create { mode } => {
                assert!(matches!(operation, Operation::Create | Operation::Replace));
                assert!(self.commit.is_none() && mode <= 0o777);
            }
        }
    }

    /// What was opened last where files are.
    fn looked_at(&self) -> Facts {
        self.facts(self.file.expect("something was looked at"))
    }

    fn facts(&self, slot: Slot) -> Facts {
        self.handles.get(slot).expect("it is open").facts
    }

    fn place(&self, action: Action<'_>) -> Option<Vec<u8>> {
        match action {
            Action::OpenRoot { .. } => Some(Vec::new()),
            Action::OpenBeneath {
                path,
                follow_links: false,
                ..
            } => Some(path.to_vec()),
            Action::OpenOne { at, name, .. } => Some(self.below(at, name)),
            _ => None,
        }
    }

    fn below(&self, at: At, name: &[u8]) -> Vec<u8> {
        let parent: &[u8] = match at {
            At::Root => b"",
            At::Slot(slot) => match self.handles.get(slot).map(|handle| &handle.place) {
                Some(Some(place)) => place,
                _ => b"?",
            },
        };
        if parent.is_empty() {
            return name.to_vec();
        }
        [parent, name].join(&b'/')
    }

    fn inode_at(&self, place: &[u8]) -> u64 {
        let moved = self.moved.get(place).copied();
        moved.unwrap_or_else(|| {
            let add = |sum: u64, byte: &u8| sum * 257 % 1_000_003 + u64::from(*byte);
            1000 + place.iter().fold(7, add)
        })
    }
}

/// Where an action puts a handle.
pub(super) const fn slot(action: Action<'_>) -> Option<Slot> {
    match action {
        Action::OpenBeneath { into, .. }
        | Action::OpenRoot { into, .. }
        | Action::OpenOne { into, .. } => Some(into),
        _ => None,
    }
}
