//! The model file system: what is there, what an attacker can do to it, and what the system answers.

use ravelin_core::path::open::{Failure, How};
use ravelin_core::path::{Facts, Filesystem, Identity, Kind, Operation};

use super::Layout;

pub(crate) type Node = u8;
pub(crate) const ROOT: Node = 0;
pub(crate) const A: Node = 1;
pub(crate) const B: Node = 2;
pub(crate) const OUTSIDE: Node = 3;
pub(crate) const MOUNTED: Node = 4;
pub(crate) const C: Node = 5;
pub(crate) const DIRECTORIES: usize = 6;
pub(crate) const FILE_A: Node = 6;
pub(crate) const FILE_B: Node = 7;
pub(crate) const SECRET: Node = 8;
pub(crate) const FILE_MOUNTED: Node = 9;
pub(crate) const FIRST_NEW: Node = 10;
pub(crate) const NODES: usize = 15;
/// No node: all are less, so that four bits hold any.
pub(crate) const NONE: Node = 15;

pub(crate) const NAMES: [&[u8]; 4] = [b"a", b"b", b"f", b"t"];
pub(crate) const TARGETS: [&[u8]; 4] = [b"../o", b"b", b"../b/f", b"/o/f"];
/// A name in a directory.
pub(crate) type Place = (Node, usize);

/// What the attacker can do: where, and with which targets of links.
pub(crate) struct Attacker {
    pub(crate) places: Vec<Place>,
    pub(crate) targets: u8,
    pub(crate) reach: Reach,
}

/// Where the attacker changes names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reach {
    /// In directories that are below the root at that time, and in the one outside.
    Inside,
    /// In those too that were moved out.
    Everywhere,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct World {
    entries: [[Node; NAMES.len()]; DIRECTORIES],
    contents: [Content; NODES],
    new: Node,
    pub(crate) forbidden: Node,
    /// The next one-shot is told to try again.
    pub(crate) busy: bool,
}

/// Nodes to give out, and directories to change names in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Rights(u32);

impl Rights {
    /// What is never allowed.
    pub(crate) const NEVER: Self = Self::give(NONE);

    pub(crate) const fn give(node: Node) -> Self {
        Self(1 << node)
    }

    pub(crate) const fn change(directory: Node) -> Self {
        Self(1 << (16 + directory))
    }

    /// One of them.
    pub(crate) const fn first(self) -> Self {
        Self(self.0 & self.0.wrapping_neg())
    }

    pub(crate) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(crate) const fn contains(self, other: Self) -> bool {
        other.without(self).is_empty()
    }

    pub(crate) const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

impl std::ops::BitOrAssign for Rights {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Content {
    Nothing,
    Directory,
    File { large: bool },
    Link { target: u8 },
    Fifo,
}

impl Content {
    /// Less than 16.
    fn number(self) -> u128 {
        match self {
            Self::Nothing => 0,
            Self::Directory => 1,
            Self::File { large } => 2 + u128::from(large),
            Self::Fifo => 4,
            Self::Link { target } => 5 + u128::from(target),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Move {
    Rename(usize, usize),
    Exchange(usize, usize),
    /// Takes away what is there and puts this instead.
    Put(usize, Content),
    HardLink(Node, usize),
    Mount(usize),
    Grow,
    Busy,
}

impl World {
    pub(crate) fn new(layout: Layout) -> Self {
        let mut world = Self {
            entries: [[NONE; NAMES.len()]; DIRECTORIES],
            contents: [Content::Nothing; NODES],
            new: FIRST_NEW,
            forbidden: if layout == Layout::Forbidden { B } else { NONE },
            busy: false,
        };
        for directory in [ROOT, A, B, OUTSIDE, MOUNTED, C] {
            world.contents[usize::from(directory)] = Content::Directory;
        }
        for file in [FILE_A, FILE_B, SECRET, FILE_MOUNTED] {
            world.contents[usize::from(file)] = Content::File { large: false };
        }
        let (b, file) = match layout {
            Layout::Deep => ((A, 1), (A, 2)),
            Layout::Deeper => ((A, 1), (C, 2)),
            Layout::Plain | Layout::Forbidden | Layout::LinkedDirectory | Layout::LinkedFile => {
                ((ROOT, 1), (A, 2))
            }
        };
        let entries = [
            ((ROOT, 0), A),
            (b, B),
            (file, FILE_A),
            ((B, 2), FILE_B),
            ((OUTSIDE, 2), SECRET),
            ((MOUNTED, 2), FILE_MOUNTED),
        ];
        for (place, node) in entries {
            *world.entry(place) = node;
        }
        match layout {
            Layout::LinkedDirectory => world.put((ROOT, 0), Content::Link { target: 1 }),
            Layout::LinkedFile => world.put((A, 2), Content::Link { target: 2 }),
            Layout::Deeper => {
                *world.entry((B, 0)) = C;
                C
            }
            Layout::Plain | Layout::Deep | Layout::Forbidden => NONE,
        };
        world
    }

    /// All in which two states of one file system differ: four bits for each name, and what each new node is.
    pub(crate) fn key(&self) -> u128 {
        let mut key = 0;
        for &node in self.entries.as_flattened() {
            key = key << 4 | u128::from(node);
        }
        for node in FIRST_NEW..NODES as Node {
            key = key << 4 | self.content(node).number();
        }
        key << 2 | u128::from(self.is_large()) << 1 | u128::from(self.busy)
    }

    pub(crate) fn entry(&mut self, (directory, name): (Node, usize)) -> &mut Node {
        &mut self.entries[usize::from(directory)][name]
    }

    pub(crate) fn at(&self, directory: Node, name: usize) -> Node {
        self.entries[usize::from(directory)][name]
    }

    pub(crate) fn content(&self, node: Node) -> Content {
        self.contents[usize::from(node)]
    }

    pub(crate) fn put(&mut self, place: (Node, usize), content: Content) -> Node {
        let node = self.new;
        self.new += 1;
        self.contents[usize::from(node)] = content;
        *self.entry(place) = node;
        node
    }

    fn is_large(&self) -> bool {
        self.content(FILE_A) == Content::File { large: true }
    }

    /// Neither secret is the attacker's, so nothing of theirs is moved.
    fn may_move(&self, node: Node) -> bool {
        node != NONE && node != SECRET && !(node == FILE_B && self.forbidden != NONE)
    }

    pub(crate) fn contains(&self, directory: Node, node: Node) -> bool {
        directory == node
            || (usize::from(directory) < DIRECTORIES
                && self.entries[usize::from(directory)]
                    .iter()
                    .any(|entry| *entry != NONE && self.contains(*entry, node)))
    }

    /// The worlds that one move makes of this one.
    ///
    /// As far as the attacker reaches.
    pub(crate) fn moves(&self, attacker: &Attacker) -> Vec<(Move, Self)> {
        let mut moves = Vec::new();
        let free = NODES - usize::from(self.new);
        let open = |directory| {
            attacker.reach == Reach::Everywhere
                || directory == OUTSIDE
                || self.contains(ROOT, directory)
        };
        for (from, &place) in attacker.places.iter().enumerate() {
            if !open(place.0) {
                continue;
            }
            let node = self.at(place.0, place.1);
            for (to, &other) in attacker.places.iter().enumerate() {
                let there = self.at(other.0, other.1);
                let fits = open(other.0) && self.may_move(node) && !self.contains(node, other.0);
                if fits && there == NONE {
                    let mut world = *self;
                    *world.entry(place) = NONE;
                    *world.entry(other) = node;
                    moves.push((Move::Rename(from, to), world));
                } else if from < to
                    && fits
                    && self.may_move(there)
                    && !self.contains(there, place.0)
                {
                    let mut world = *self;
                    *world.entry(place) = there;
                    *world.entry(other) = node;
                    moves.push((Move::Exchange(from, to), world));
                }
            }
            // Where there is nothing to replace and nobody looks, it would change nothing.
            if place.0 == OUTSIDE || free < 2 || !(self.may_move(node) || place.1 == 3) {
                continue;
            }
            let links = (0..attacker.targets).map(|target| Content::Link { target });
            // A link to itself only makes runs long: forty steps, each with room for the attacker.
            let links = links.filter(|content| !is_loop(place, *content));
            for content in links.chain([Content::File { large: false }, Content::Fifo]) {
                let mut world = *self;
                world.put(place, content);
                moves.push((Move::Put(from, content), world));
            }
            for file in [SECRET, FILE_A] {
                let mut world = *self;
                *world.entry(place) = file;
                moves.push((Move::HardLink(file, from), world));
            }
            let mut world = *self;
            *world.entry(place) = MOUNTED;
            moves.push((Move::Mount(from), world));
        }
        let mut world = *self;
        let large = !self.is_large();
        world.contents[usize::from(FILE_A)] = Content::File { large };
        moves.push((Move::Grow, world));
        if !self.busy {
            let busy = true;
            moves.push((Move::Busy, Self { busy, ..*self }));
        }
        moves.retain(|(_, world)| world.key() != self.key());
        moves
    }

    fn links_to(&self, node: Node) -> u64 {
        self.entries
            .as_flattened()
            .iter()
            .filter(|entry| **entry == node)
            .count() as u64
    }

    pub(crate) fn facts(&self, node: Node) -> Facts {
        let mount = if matches!(node, MOUNTED | FILE_MOUNTED) {
            2
        } else {
            1
        };
        let (kind, size) = match self.content(node) {
            Content::Directory => (Kind::Directory, 0),
            Content::File { large } => (Kind::Regular, if large { 100 } else { 1 }),
            Content::Link { .. } => (Kind::Link, 1),
            Content::Fifo => (Kind::Fifo, 0),
            Content::Nothing => (Kind::Other, 0),
        };
        Facts {
            kind,
            size,
            nlink: self.links_to(node),
            uid: 0,
            mode: 0o644,
            identity: Identity {
                device: mount,
                inode: u64::from(node),
            },
            mount: Some(mount),
            filesystem: Filesystem::Storage,
        }
    }

    /// What this operation may give out now, and the directories in which it may change names.
    pub(crate) fn allowed(&self, operation: Operation) -> Rights {
        let mut rights = Rights::default();
        self.collect(ROOT, operation, &mut rights);
        rights
    }

    fn collect(&self, directory: Node, operation: Operation, rights: &mut Rights) {
        *rights |= Rights::change(directory);
        for &node in &self.entries[usize::from(directory)] {
            if node == NONE || node == self.forbidden || matches!(node, MOUNTED | FILE_MOUNTED) {
                continue;
            }
            let fits = match self.content(node) {
                Content::File { large } => match operation {
                    Operation::Read => !large,
                    Operation::Append => !large && self.links_to(node) == 1,
                    _ => operation != Operation::List,
                },
                Content::Directory => !operation.is_on_file(),
                Content::Fifo => operation == Operation::Stat,
                Content::Link { .. } | Content::Nothing => false,
            };
            if fits {
                *rights |= Rights::give(node);
            }
            if usize::from(node) < DIRECTORIES {
                self.collect(node, operation, rights);
            }
        }
    }

    /// What the system does for one name.
    pub(crate) fn open_one(
        &mut self,
        at: Node,
        name: &[u8],
        how: How,
        follow: bool,
    ) -> Result<Node, Failure> {
        let single = !name.contains(&b'/') && !matches!(name, b"" | b"." | b"..");
        assert!(single, "the system resolves nothing in a walk");
        let name = name_index(name).ok_or(Failure::NotFound)?;
        let node = self.at(at, name);
        if let How::Create { .. } = how {
            return match node {
                NONE => Ok(self.put((at, name), Content::File { large: false })),
                _ => Err(Failure::Exists),
            };
        }
        if node == NONE {
            return Err(Failure::NotFound);
        }
        match self.content(node) {
            Content::Link { target } if follow => self.by_name(at, TARGETS[usize::from(target)], 0),
            Content::Link { .. } if how == How::List => Err(Failure::NotDirectory),
            Content::Link { .. } if how != How::Pin => Err(Failure::Loop),
            _ => self.fits(node, how).map(|()| node),
        }
    }

    /// Whether the system opens such a node in this way.
    pub(crate) fn fits(&self, node: Node, how: How) -> Result<(), Failure> {
        match (self.content(node), how) {
            (Content::Directory, How::Append) => Err(Failure::IsDirectory),
            (Content::Fifo, How::Append) => Err(Failure::Special),
            (Content::File { .. } | Content::Fifo, How::List) => Err(Failure::NotDirectory),
            _ => Ok(()),
        }
    }

    /// What `open(2)` does: everything that the machine must not let happen.
    pub(crate) fn by_name(&self, at: Node, path: &[u8], depth: u8) -> Result<Node, Failure> {
        let mut node = at;
        for name in path.split(|byte| *byte == b'/') {
            node = match name {
                b"" | b".." => ROOT,
                b"o" => OUTSIDE,
                _ if usize::from(node) >= DIRECTORIES => return Err(Failure::NotDirectory),
                _ => name_index(name).map_or(NONE, |name| self.at(node, name)),
            };
            if node == NONE {
                return Err(Failure::NotFound);
            }
            if let Content::Link { target } = self.content(node) {
                if depth > 3 {
                    return Err(Failure::Loop);
                }
                node = self.by_name(ROOT, TARGETS[usize::from(target)], depth + 1)?;
            }
        }
        Ok(node)
    }

    /// What `openat2` does, with `RESOLVE_BENEATH` and `RESOLVE_NO_XDEV`.
    pub(crate) fn beneath(&self, path: &[u8], follow: bool, depth: u8) -> Result<Node, Failure> {
        let mut stack = vec![ROOT];
        let mut names: Vec<&[u8]> = path.split(|byte| *byte == b'/').rev().collect();
        let mut links = depth;
        while let Some(name) = names.pop() {
            let here = *stack.last().unwrap_or(&ROOT);
            if name == b".." {
                stack.pop();
                if stack.is_empty() {
                    return Err(Failure::Escape);
                }
                continue;
            }
            if usize::from(here) >= DIRECTORIES {
                return Err(Failure::NotDirectory);
            }
            let name = name_index(name).ok_or(Failure::NotFound)?;
            match self.at(here, name) {
                NONE => return Err(Failure::NotFound),
                MOUNTED | FILE_MOUNTED => return Err(Failure::Escape),
                node => match self.content(node) {
                    Content::Link { .. } if !follow || links == 4 => return Err(Failure::Loop),
                    Content::Link { target } if TARGETS[usize::from(target)].starts_with(b"/") => {
                        return Err(Failure::Escape);
                    }
                    Content::Link { target } => {
                        links += 1;
                        names.extend(
                            TARGETS[usize::from(target)]
                                .split(|byte| *byte == b'/')
                                .rev(),
                        );
                    }
                    _ => stack.push(node),
                },
            }
        }
        Ok(*stack.last().unwrap_or(&ROOT))
    }
}

pub(crate) fn is_loop(place: Place, content: Content) -> bool {
    let Content::Link { target } = content else {
        return false;
    };
    match TARGETS[usize::from(target)] {
        b"b" => place.1 == 1,
        b"../b/f" => place == (B, 2),
        _ => false,
    }
}

/// The temporary name of a replacement is the last one of the model.
pub(crate) fn name_index(name: &[u8]) -> Option<usize> {
    let name = if name.starts_with(b".ravelin-") {
        b"t"
    } else {
        name
    };
    NAMES.iter().position(|known| *known == name)
}
