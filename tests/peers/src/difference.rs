//! In what the contenders may differ, and how that follows from a path and a tree.

use ravelin_runtime::core::path::Denial;

use crate::contender::{Mode, Name, Operation};
use crate::trace::{End, Trace};

/// A class of differences.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Difference {
    // Ours refuses the text.
    EmptyPath,
    NulByte,
    ParentInPath,
    DotInPath,
    EmptyName,
    AbsolutePath,
    UnportableName,
    TooDeep,
    // Ours refuses links.
    LinkDenied,
    LinkNamedLast,
    AbsoluteLink,
    LinkAboveRoot,
    ManyLinks,
    // Ours refuses what is there.
    DirectoryAsFile,
    SlashBehindFile,
    SpecialFile,
    HardLink,
    NameTaken,
    // The peer refuses.
    AbsoluteBelowRoot,
    SlashBehindDirectory,
}

impl Difference {
    pub const ALL: [Self; 20] = [
        Self::EmptyPath,
        Self::NulByte,
        Self::ParentInPath,
        Self::DotInPath,
        Self::EmptyName,
        Self::AbsolutePath,
        Self::UnportableName,
        Self::TooDeep,
        Self::LinkDenied,
        Self::LinkNamedLast,
        Self::AbsoluteLink,
        Self::LinkAboveRoot,
        Self::ManyLinks,
        Self::DirectoryAsFile,
        Self::SlashBehindFile,
        Self::SpecialFile,
        Self::HardLink,
        Self::NameTaken,
        Self::AbsoluteBelowRoot,
        Self::SlashBehindDirectory,
    ];

    /// What differs, and why.
    pub const fn why(self) -> &'static str {
        match self {
            Self::EmptyPath => {
                "no path at all: refused; without openat2 pathrs takes it for its root"
            }
            Self::NulByte => {
                "a NUL byte: refused; pathrs hands it to openat2, which reads what is before it"
            }
            Self::ParentInPath => {
                "`..` in a path: refused before anything is looked up; the peers look it up"
            }
            Self::DotInPath => {
                "`.` in a path: a name that leads nowhere is refused; the peers pass over it"
            }
            Self::EmptyName => "two slashes in a row: refused; the peers take them for one",
            Self::AbsolutePath => {
                "an absolute path under no root: refused; pathrs begins at its root"
            }
            Self::UnportableName => {
                "a name that other systems read otherwise: refused by the default dialect"
            }
            Self::TooDeep => "more than 32 names: refused by the default limit",
            Self::LinkDenied => "a link on the way: refused where the rules deny links",
            Self::LinkNamedLast => {
                "a link that is to be removed, renamed or replaced itself: refused"
            }
            Self::AbsoluteLink => "an absolute link: refused; pathrs begins at its root",
            Self::LinkAboveRoot => {
                "a link with `..` above the root: refused; pathrs stays at its root"
            }
            Self::ManyLinks => {
                "more than 40 links, as many as Linux follows; without openat2 pathrs follows 127"
            }
            Self::DirectoryAsFile => {
                "a directory where a file is meant: refused; the peers open or take it"
            }
            Self::SlashBehindFile => {
                "a slash behind what is no directory: refused; cap-std drops it in a new name"
            }
            Self::SpecialFile => {
                "a FIFO or socket: refused but to `stat`; the peers open or take it"
            }
            Self::HardLink => "a file with several names: not written by default",
            Self::NameTaken => {
                "a rename to a name that is taken: refused; cap-std replaces what has it"
            }
            Self::AbsoluteBelowRoot => {
                "an absolute path below a named root: taken; the peers know no such paths"
            }
            Self::SlashBehindDirectory => {
                "a directory with a slash behind it: removed; cap-std asks for `.` in it"
            }
        }
    }

    /// Why ours must refuse, as far as the path and the tree say. All that hold.
    pub fn demanded(operation: Operation, mode: Mode, trace: &Trace) -> Vec<Self> {
        let by_default = mode == Mode::Default;
        let file = matches!(
            operation,
            Operation::Read | Operation::Append | Operation::Create | Operation::Replace
        );
        let taken = operation.opens() || operation.takes();
        let special = trace.end == End::Special && taken && operation != Operation::Stat;
        let shared = matches!(trace.end, End::File { names: 2.. });
        let holds = [
            (Self::EmptyPath, trace.empty),
            (Self::NulByte, trace.nul),
            (Self::ParentInPath, trace.parent),
            (Self::DotInPath, trace.dot),
            (Self::EmptyName, trace.empty_name),
            (Self::AbsolutePath, trace.absolute),
            (Self::TooDeep, by_default && trace.depth > 32),
            (Self::LinkDenied, mode != Mode::InRoot && trace.links > 0),
            (
                Self::LinkNamedLast,
                operation.takes() && trace.end == End::Link,
            ),
            (Self::AbsoluteLink, trace.absolute_link),
            (Self::LinkAboveRoot, trace.link_above),
            (Self::ManyLinks, trace.links > 40),
            (Self::DirectoryAsFile, file && (trace.end == End::Directory)),
            (Self::SlashBehindFile, trace.slash && file),
            (
                Self::SlashBehindFile,
                trace.slash && operation == Operation::RenameTo,
            ),
            (Self::SpecialFile, special),
            (
                Self::HardLink,
                by_default && shared && operation == Operation::Append,
            ),
            (
                Self::NameTaken,
                operation == Operation::RenameTo && trace.end != End::Nothing,
            ),
        ];
        let holding = holds.into_iter().filter(|(_, holds)| *holds);
        holding.map(|(difference, _)| difference).collect()
    }

    /// Why a peer opens what ours refuses: the class that ours names and the path and the tree confirm.
    pub fn of_refusal(
        denial: Denial,
        peer: Name,
        operation: Operation,
        mode: Mode,
        trace: &Trace,
    ) -> Option<Self> {
        let demanded = Self::demanded(operation, mode, trace);
        let unportable = mode == Mode::Default && trace.unportable;
        let confirmed = |class: &&Self| {
            demanded.contains(class) || (**class == Self::UnportableName && unportable)
        };
        let class = Self::named(denial).iter().find(confirmed).copied();
        class.filter(|class| class.concerns(peer))
    }

    /// Why a peer refuses what ours opens.
    pub fn of_peer(peer: Name, operation: Operation, trace: &Trace) -> Option<Self> {
        if trace.below_root {
            return Some(Self::AbsoluteBelowRoot);
        }
        let removes = peer == Name::CapStd && operation == Operation::Remove;
        (removes && trace.slash && trace.end == End::Directory)
            .then_some(Self::SlashBehindDirectory)
    }

    /// Whether this peer may differ in it. Where cap-std would open such a path, it would have left the root.
    const fn concerns(self, peer: Name) -> bool {
        match self {
            Self::EmptyPath
            | Self::NulByte
            | Self::AbsolutePath
            | Self::AbsoluteLink
            | Self::LinkAboveRoot
            | Self::ManyLinks => matches!(peer, Name::Pathrs),
            Self::NameTaken => matches!(peer, Name::CapStd),
            _ => true,
        }
    }

    /// The classes that an answer of ours may mean.
    const fn named(denial: Denial) -> &'static [Self] {
        match denial {
            Denial::Empty => &[Self::EmptyPath],
            Denial::Nul => &[Self::NulByte],
            Denial::ParentDirectory => &[Self::ParentInPath],
            Denial::CurrentDirectory => &[Self::DotInPath],
            Denial::EmptyComponent => &[Self::EmptyName],
            Denial::OutsideRoots => &[Self::AbsolutePath],
            Denial::TooDeep { .. } => &[Self::TooDeep],
            Denial::Link => &[Self::LinkDenied, Self::LinkNamedLast],
            Denial::LinkLeaves => &[Self::AbsoluteLink, Self::LinkAboveRoot],
            Denial::TooManyLinks => &[Self::ManyLinks],
            Denial::IsDirectory => &[Self::DirectoryAsFile],
            Denial::NamesDirectory => &[Self::DirectoryAsFile, Self::SlashBehindFile],
            Denial::NotDirectory => &[Self::SlashBehindFile],
            Denial::Fifo | Denial::Socket => &[Self::SpecialFile],
            Denial::HardLink => &[Self::HardLink],
            Denial::Exists => &[Self::NameTaken],
            Denial::Unc
            | Denial::Verbatim
            | Denial::Drive
            | Denial::DriveRelative
            | Denial::Rooted
            | Denial::NotUtf8
            | Denial::Backslash
            | Denial::Control
            | Denial::Stream
            | Denial::Reserved
            | Denial::TrailingDotOrSpace
            | Denial::Device
            | Denial::ShortName
            | Denial::Bidirectional
            | Denial::Invisible
            | Denial::LookAlike => &[Self::UnportableName],
            _ => &[],
        }
    }
}
