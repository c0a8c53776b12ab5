//! What the answers are.

use ravelin_core::path::open::{Action, Event, Failure, Forbidden, How};
use ravelin_core::path::{
    Capabilities, Devices, Dialect, Facts, Filesystem, HardLinks, Identity, Kind, Links, Owner,
    Rules,
};

use super::adapter::{Adapter, FILE, slot};
use crate::fuzzing::input::Input;

/// Rules, root and system in two bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scene(pub u16);

impl Scene {
    /// Links are followed.
    pub const LINKS: Self = Self(1);
    /// Those of user 0 only.
    pub const TRUSTED: Self = Self(1 << 1);
    /// The system resolves paths at once.
    pub const ONE_SHOT: Self = Self(1 << 2);
    /// And may answer from memory.
    pub const CACHED: Self = Self(1 << 3);
    /// Names that differ are different.
    pub const CASE_EXACT: Self = Self(1 << 4);
    /// A directory with inode 9 and a file with inode 10 are forbidden.
    pub const FORBIDDEN: Self = Self(1 << 5);
    /// Extension lists and a forbidden subtree.
    pub const LISTS: Self = Self(1 << 6);
    /// Mounts are crossed.
    pub const DEVICES: Self = Self(1 << 7);
    /// Hard links are refused.
    pub const ONE_NAME: Self = Self(1 << 8);
    /// Only files of user 1, or 0.
    pub const OWNED: Self = Self(1 << 9);
    /// The Windows dialect.
    pub const WINDOWS: Self = Self(1 << 10);
    /// Little room for link targets.
    pub const TIGHT: Self = Self(1 << 11);
    /// The root has no mount number.
    pub const NO_MOUNT: Self = Self(1 << 12);
    /// A replacement is abandoned.
    pub const ABANDONS: Self = Self(1 << 13);
    /// The answers begin again when they are used up.
    pub const AGAIN: Self = Self(1 << 14);
    /// The root is a file.
    pub const BAD_ROOT: Self = Self(1 << 15);

    /// The most bytes of a file.
    pub(super) const MAX_SIZE: u64 = 100;

    /// Both.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn has(self, flag: Self) -> bool {
        self.0 & flag.0 != 0
    }

    pub(super) fn rules(self) -> Rules {
        let mut rules =
            Rules::builder()
                .max_file_size(Self::MAX_SIZE)
                .dialect(if self.has(Self::WINDOWS) {
                    Dialect::Windows
                } else {
                    Dialect::Posix
                });
        if self.has(Self::LINKS) {
            rules = rules.links(if self.has(Self::TRUSTED) {
                Links::Trusted
            } else {
                Links::InRoot
            });
        }
        if self.has(Self::LISTS) {
            rules = rules.forbid_extensions(["key"]).forbid_subtree("f");
        }
        if self.has(Self::DEVICES) {
            rules = rules.devices(Devices::Any);
        }
        if self.has(Self::ONE_NAME) {
            rules = rules.hard_links(HardLinks::Deny);
        }
        if self.has(Self::OWNED) {
            rules = rules.owner(Owner::UserOrRoot(1));
        }
        rules.build().expect("fixed rules")
    }

    pub(super) fn root(self) -> Facts {
        Facts {
            kind: if self.has(Self::BAD_ROOT) {
                Kind::Regular
            } else {
                Kind::Directory
            },
            mount: (!self.has(Self::NO_MOUNT)).then_some(1),
            ..plain(Kind::Directory, 1)
        }
    }

    pub(super) const fn has_good_root(self) -> bool {
        !self.has(Self::BAD_ROOT)
    }

    pub(super) fn forbidden(self) -> Vec<Forbidden> {
        let entry = |inode, directory| Forbidden {
            identity: Identity { device: 1, inode },
            directory,
        };
        match (self.has(Self::FORBIDDEN), self.has(Self::LISTS)) {
            (true, true) => vec![entry(9, true), entry(10, false)],
            (true, false) => vec![entry(10, false)],
            (false, _) => vec![],
        }
    }

    pub(super) const fn capabilities(self) -> Capabilities {
        Capabilities {
            one_shot: self.has(Self::ONE_SHOT),
            cached: self.has(Self::CACHED),
            case_exact: self.has(Self::CASE_EXACT),
        }
    }

    pub(super) const fn is_tight(self) -> bool {
        self.has(Self::TIGHT)
    }

    pub(super) const fn abandons(self) -> bool {
        self.has(Self::ABANDONS)
    }
}

/// Answers, one to a few bytes each: the first byte modulo 16 is the kind.
pub(super) struct Script<'a> {
    scene: Scene,
    bytes: &'a [u8],
    input: Input<'a>,
}

/// An event that owns what it says.
pub(super) enum Answer<'a> {
    Plain(Event<'static>),
    Target(&'a [u8]),
}

impl Answer<'_> {
    pub(super) const fn event(&self) -> Event<'_> {
        match self {
            Self::Plain(event) => *event,
            Self::Target(target) => Event::Target(target),
        }
    }
}

impl<'a> Script<'a> {
    pub(super) fn new(scene: Scene, bytes: &'a [u8]) -> Self {
        let input = Input::new(bytes);
        Self {
            scene,
            bytes,
            input,
        }
    }

    /// What is said to this action. When nothing is left, all goes well.
    pub(super) fn answer(&mut self, action: Action<'_>, adapter: &Adapter<'_>) -> Answer<'a> {
        let mut kind = self.input.byte();
        if kind.is_none() && self.scene.has(Scene::AGAIN) {
            self.input = Input::new(self.bytes);
            kind = self.input.byte();
        }
        let event = match kind.unwrap_or_default() % 16 {
            0..6 => match action {
                Action::ReadLink { .. } => return Answer::Target(b"t"),
                action if slot(action).is_some() => Event::Opened(expected(action, adapter)),
                _ => Event::Finished,
            },
            6 | 7 => Event::Opened(self.facts(action, adapter)),
            8 => match action {
                Action::ReadLink { .. } => return self.target(),
                _ => Event::Opened(plain(Kind::Link, 50)),
            },
            9 => return self.target(),
            10 => Event::Failed(failure(self.input.byte().unwrap_or_default())),
            11 => Event::Failed(Failure::Race),
            12 => Event::Finished,
            13 => Event::WouldBlock,
            14 => Event::Cancelled,
            _ => Event::Failed(Failure::Loop),
        };
        Answer::Plain(event)
    }

    fn target(&mut self) -> Answer<'a> {
        let len = self.input.byte().unwrap_or_default();
        Answer::Target(self.input.take(usize::from(len)))
    }

    fn facts(&mut self, action: Action<'_>, adapter: &Adapter<'_>) -> Facts {
        let word = self.input.word().unwrap_or_default();
        let bits = |from: u16, count: u16| word >> from & ((1 << count) - 1);
        let expected = expected(action, adapter);
        let mount = match bits(13, 2) {
            0 | 1 => Some(1),
            2 => Some(2),
            _ => None,
        };
        Facts {
            kind: match bits(0, 3) {
                0 => expected.kind,
                1 => Kind::Regular,
                2 => Kind::Directory,
                3 => Kind::Link,
                4 => Kind::Fifo,
                5 => Kind::Socket,
                6 => Kind::Device,
                _ => Kind::Other,
            },
            size: Scene::MAX_SIZE + u64::from(bits(3, 1)),
            nlink: 1 + u64::from(bits(4, 1)),
            uid: u32::from(bits(5, 2)),
            mode: 0o6755,
            identity: Identity {
                device: 1 + u64::from(bits(12, 1)),
                inode: match bits(8, 4) {
                    0 => expected.identity.inode,
                    inode => u64::from(inode),
                },
            },
            mount,
            filesystem: if bits(7, 1) == 1 {
                Filesystem::Kernel
            } else {
                Filesystem::Storage
            },
        }
    }
}

/// What an undisturbed tree has there.
fn expected(action: Action<'_>, adapter: &Adapter<'_>) -> Facts {
    let file = slot(action).is_some_and(|slot| slot.index() == FILE);
    let how = match action {
        Action::OpenBeneath { how, .. }
        | Action::OpenRoot { how, .. }
        | Action::OpenOne { how, .. } => Some(how),
        _ => None,
    };
    let kind = match how {
        Some(How::Read | How::Append | How::Create { .. }) => Kind::Regular,
        Some(How::Pin) if file && !adapter.wants_directory() => Kind::Regular,
        _ => Kind::Directory,
    };
    plain(kind, adapter.inode(action))
}

pub(super) const fn plain(kind: Kind, inode: u64) -> Facts {
    Facts {
        kind,
        size: 1,
        nlink: 1,
        uid: 0,
        mode: 0o644,
        identity: Identity { device: 1, inode },
        mount: Some(1),
        filesystem: Filesystem::Storage,
    }
}

fn failure(byte: u8) -> Failure {
    const ALL: [Failure; 13] = [
        Failure::NotFound,
        Failure::Exists,
        Failure::Loop,
        Failure::NotDirectory,
        Failure::IsDirectory,
        Failure::NotEmpty,
        Failure::Special,
        Failure::Escape,
        Failure::Race,
        Failure::Unsupported,
        Failure::Filtered,
        Failure::NotPermitted,
        Failure::Other(5),
    ];
    ALL[usize::from(byte) % ALL.len()]
}
