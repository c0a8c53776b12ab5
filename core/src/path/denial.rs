//! Why a path or an opened file was refused: one rule each, with its code and its remedy.

use core::fmt;

/// The first rule that a path, or the file behind it, broke.
///
/// Its text is `cause; remedy`, without the path: what a client wrote belongs into an audit record, escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Denial {
    // The path as a whole.
    /// No path at all.
    Empty,
    /// More bytes than a path may have.
    TooLong {
        /// The limit in bytes.
        limit: u16,
    },
    /// A NUL byte.
    Nul,
    /// Bytes that are not UTF-8.
    NotUtf8,
    /// A percent sign, and the rules refuse it.
    Percent,

    // How it begins.
    /// A Windows path that goes round name parsing: `\\?\`, `\\.\`, `\??\`.
    Verbatim,
    /// A Windows network path: `\\server\share`.
    Unc,
    /// `C:name`, relative to the current directory of a drive.
    DriveRelative,
    /// `C:\name`, where the dialect has no drives.
    Drive,
    /// `\name`, relative to the current drive.
    Rooted,
    /// An absolute path, and only relative ones are accepted.
    Absolute,
    /// A relative path, and only absolute ones are accepted.
    Relative,
    /// An absolute path under none of the roots.
    OutsideRoots,

    // Each of its components.
    /// Two separators with nothing between them.
    EmptyComponent,
    /// The component `.`.
    CurrentDirectory,
    /// The component `..`.
    ParentDirectory,
    /// A component of more than 255 bytes.
    NameTooLong,
    /// A backslash, where only `/` separates.
    Backslash,
    /// A control character.
    Control,
    /// A colon: an alternate data stream of NTFS.
    Stream,
    /// One of the characters `< > " | ? *`.
    Reserved,
    /// A component that ends in a dot or a space.
    TrailingDotOrSpace,
    /// A component that Windows takes for a device, like `NUL` or `com1.txt`.
    Device,
    /// A component of the shape `LONGFI~1`, a second name of a file.
    ShortName,
    /// A character that reverses how text is shown.
    Bidirectional,
    /// A character that is not shown.
    Invisible,
    /// A character that looks like a slash, a backslash or a dot.
    LookAlike,

    // What it asks for.
    /// More components below the root than allowed.
    TooDeep {
        /// The limit in components.
        limit: u16,
    },
    /// The root itself, for an operation that needs a name below it.
    Root,
    /// A trailing separator, for an operation on a file.
    NamesDirectory,
    /// An operation that changes something, and the rules only allow reading.
    ReadOnly,
    /// A forbidden subtree, or something below it.
    Forbidden,
    /// A forbidden extension.
    Extension,
    /// An extension that the allow-list does not have, or none at all.
    ExtensionNotAllowed,

    // The file URI that it came in (RFC 8089).
    /// Another scheme than `file`.
    UriScheme,
    /// A host other than the empty one and `localhost`, or no absolute path behind it.
    UriAuthority,
    /// A query or a fragment.
    UriQuery,
    /// A percent sign without two hexadecimal digits, or a character that a URI must not have.
    UriCharacter,
    /// A slash or a backslash inside of a segment, encoded or plain.
    UriSeparator,

    // What is there, judged on the opened handle.
    /// There is nothing of this name.
    NotFound,
    /// The name that is to be made is taken.
    Exists,
    /// A component, or what the path says is a directory, is none.
    NotDirectory,
    /// The operating system does not permit it to this process.
    NotPermitted,
    /// A symbolic link, and the rules follow none here.
    Link,
    /// A link with an absolute target, or one that leads out of the root.
    LinkLeaves,
    /// More than 40 links one after another, or targets that are too long together.
    TooManyLinks,
    /// A link that does not belong to user 0, and the rules trust no other.
    LinkOwner,
    /// Another file system, mounted below the root.
    Mount,
    /// A file system like procfs or sysfs, whose files are answers of the kernel.
    Kernel,
    /// A directory, where a file is wanted.
    IsDirectory,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A device.
    DeviceFile,
    /// Neither file nor directory, and none of the kinds above.
    Irregular,
    /// More bytes than the rules allow.
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// A file with more than one name.
    HardLink,
    /// A file of another user than the rules allow.
    OtherOwner,
    /// A forbidden directory or file under another name.
    ForbiddenFile,

    // How it went.
    /// The tree was changed again and again while the path was resolved.
    Busy,
    /// The name was given to another file before the operation came to it.
    Swapped,
    /// A directory that is not empty.
    NotEmpty,
    /// The file system cannot do what the operation needs.
    Unsupported,
    /// Another error of the operating system.
    System {
        /// Its number (`errno`).
        code: i32,
    },
    /// As many files are open as the rules allow.
    TooManyOpen {
        /// The limit.
        limit: u32,
    },
    /// The caller gave the operation up.
    Cancelled,
    /// The adapter answered what it was not asked, or with facts that cannot be.
    OutOfOrder,
    /// A rename from one root to another.
    OtherRoot,

    // What the operating system lacks, known before anything is opened.
    /// The operating system can do this only by a path that may mean something else by then.
    SystemOperation,
    /// Rules that follow links, where links cannot be read by a handle.
    SystemLinks,
    /// Rules about owners, where users have no numbers.
    SystemOwners,
    /// Rules that read names as POSIX does, where names mean more than that.
    SystemNames,

    // What a name in the tree is, that nobody wrote as a path.
    /// A single name, of a directory entry or inside of a link's target, with a character that separates names in the
    /// dialect.
    Separator,
}

impl Denial {
    /// The stable code of this rule.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Empty => "E-PTH-01",
            Self::TooLong { .. } => "E-PTH-02",
            Self::Nul => "E-PTH-03",
            Self::NotUtf8 => "E-PTH-04",
            Self::Percent => "E-PTH-05",
            Self::Verbatim => "E-PTH-06",
            Self::Unc => "E-PTH-07",
            Self::DriveRelative => "E-PTH-08",
            Self::Drive => "E-PTH-09",
            Self::Rooted => "E-PTH-10",
            Self::Absolute => "E-PTH-11",
            Self::Relative => "E-PTH-12",
            Self::OutsideRoots => "E-PTH-13",
            Self::EmptyComponent => "E-PTH-14",
            Self::CurrentDirectory => "E-PTH-15",
            Self::ParentDirectory => "E-PTH-16",
            Self::NameTooLong => "E-PTH-17",
            Self::Backslash => "E-PTH-18",
            Self::Control => "E-PTH-19",
            Self::Stream => "E-PTH-20",
            Self::Reserved => "E-PTH-21",
            Self::TrailingDotOrSpace => "E-PTH-22",
            Self::Device => "E-PTH-23",
            Self::ShortName => "E-PTH-24",
            Self::Bidirectional => "E-PTH-25",
            Self::Invisible => "E-PTH-26",
            Self::LookAlike => "E-PTH-27",
            Self::TooDeep { .. } => "E-PTH-28",
            Self::Root => "E-PTH-29",
            Self::NamesDirectory => "E-PTH-30",
            Self::ReadOnly => "E-PTH-31",
            Self::Forbidden => "E-PTH-32",
            Self::Extension => "E-PTH-33",
            Self::ExtensionNotAllowed => "E-PTH-34",
            Self::UriScheme => "E-PTH-35",
            Self::UriAuthority => "E-PTH-36",
            Self::UriQuery => "E-PTH-37",
            Self::UriCharacter => "E-PTH-38",
            Self::UriSeparator => "E-PTH-39",
            Self::NotFound => "E-PTH-40",
            Self::Exists => "E-PTH-41",
            Self::NotDirectory => "E-PTH-42",
            Self::NotPermitted => "E-PTH-43",
            Self::Link => "E-PTH-44",
            Self::LinkLeaves => "E-PTH-45",
            Self::TooManyLinks => "E-PTH-46",
            Self::LinkOwner => "E-PTH-47",
            Self::Mount => "E-PTH-48",
            Self::Kernel => "E-PTH-49",
            Self::IsDirectory => "E-PTH-50",
            Self::Fifo => "E-PTH-51",
            Self::Socket => "E-PTH-52",
            Self::DeviceFile => "E-PTH-53",
            Self::Irregular => "E-PTH-54",
            Self::TooLarge { .. } => "E-PTH-55",
            Self::HardLink => "E-PTH-56",
            Self::OtherOwner => "E-PTH-57",
            Self::ForbiddenFile => "E-PTH-58",
            Self::Busy => "E-PTH-59",
            Self::Swapped => "E-PTH-60",
            Self::NotEmpty => "E-PTH-61",
            Self::Unsupported => "E-PTH-62",
            Self::System { .. } => "E-PTH-63",
            Self::TooManyOpen { .. } => "E-PTH-64",
            Self::Cancelled => "E-PTH-65",
            Self::OutOfOrder => "E-PTH-66",
            Self::OtherRoot => "E-PTH-67",
            Self::SystemOperation => "E-PTH-68",
            Self::SystemLinks => "E-PTH-69",
            Self::SystemOwners => "E-PTH-70",
            Self::SystemNames => "E-PTH-71",
            Self::Separator => "E-PTH-72",
        }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong { limit } => {
                return write!(f, "the path has more than {limit} bytes; shorten it");
            }
            Self::TooDeep { limit } => {
                return write!(
                    f,
                    "the path has more than {limit} components below its root; use a file nearer to \
                     the root, or raise the maximum depth"
                );
            }
            Self::TooLarge { limit } => {
                return write!(
                    f,
                    "the file has more than {limit} bytes; use a smaller one, or raise the maximum file size"
                );
            }
            Self::TooManyOpen { limit } => {
                return write!(f, "{limit} files are open already; close one, or raise the concurrency");
            }
            Self::System { code } => {
                return write!(
                    f,
                    "the system refuses with error {code}; try again, or look into the system's log"
                );
            }
            Self::Empty => "the path is empty; name a file below the root",
            Self::Nul => "the path has a NUL byte; remove it, and what follows it",
            Self::NotUtf8 => "the path is not UTF-8; send it as UTF-8",
            Self::Percent => "the path has a percent sign; send the name itself, not its encoding",
            Self::Verbatim => {
                r"the path begins with \\?\, \\.\ or \??\; give it relative to the root"
            }
            Self::Unc => "the path names a network share; give it relative to the root",
            Self::DriveRelative => {
                "the path is relative to the directory of a drive; give it relative to the root"
            }
            Self::Drive => {
                "the path begins with a drive, and the rules know none; give it relative to the root, \
                 or use the Windows dialect"
            }
            Self::Rooted => "the path is relative to a drive; give it relative to the root",
            Self::Absolute => "the path is absolute; give it relative to the root",
            Self::Relative => "the path is relative; give it from the root directory on",
            Self::OutsideRoots => "the path is under none of the roots; use a file below one of them",
            Self::EmptyComponent => "the path has two separators in a row; write one",
            Self::CurrentDirectory => "the path has a component `.`; leave it away",
            Self::ParentDirectory => {
                "the path has a component `..`; write the path that it leads to"
            }
            Self::NameTooLong => "the path has a component of more than 255 bytes; shorten it",
            Self::Backslash => "the path has a backslash; separate components with `/`",
            Self::Control => "the path has a control character; rename the file",
            Self::Stream => "the path has a colon, which names a stream on NTFS; rename the file",
            Self::Reserved => {
                "the path has a character that Windows reserves (< > \" | ? *); rename the file"
            }
            Self::TrailingDotOrSpace => {
                "a component ends in a dot or a space, which Windows drops; rename the file"
            }
            Self::Device => "a component is the name of a Windows device; rename the file",
            Self::ShortName => {
                "a component looks like a short name of Windows (NAME~1); use the long name"
            }
            Self::Bidirectional => {
                "the path has a character that reverses how it is shown; rename the file"
            }
            Self::Invisible => "the path has a character that is not shown; rename the file",
            Self::LookAlike => {
                "the path has a character that looks like a slash or a dot; rename the file"
            }
            Self::Root => "the path is a root, not something below it; add the name of a file",
            Self::NamesDirectory => {
                "the path ends in a separator, but the operation is on a file; leave the separator away"
            }
            Self::ReadOnly => "the operation changes files, and the rules only allow reading; \
                               build the rules without `read_only`",
            Self::Forbidden => "the path is in a forbidden subtree; use a file outside of it",
            Self::Extension => "the extension is forbidden; use a file of another kind",
            Self::ExtensionNotAllowed => {
                "the extension is not on the allow-list; use a file that has one of the list"
            }
            Self::UriScheme => "the URI is no file URI; begin it with file:///",
            Self::UriAuthority => {
                "the file URI names a host or has no absolute path; begin it with file:///"
            }
            Self::UriQuery => {
                "the file URI has a query or a fragment; leave it away, or write %3F for ? and %23 for #"
            }
            Self::UriCharacter => {
                "the file URI has a character that must be percent-encoded, or a percent sign without \
                 two hexadecimal digits; encode each name once"
            }
            Self::UriSeparator => {
                "a segment of the file URI has a slash or a backslash; separate segments with a plain /"
            }
            Self::NotFound => "nothing has this name; list the directory to see what there is",
            Self::Exists => "the name is taken; use another, or replace the file",
            Self::NotDirectory => {
                "a component is no directory; leave what follows it and the trailing separator away"
            }
            Self::NotPermitted => {
                "the system does not permit it to this process; use another file, or change its permissions"
            }
            Self::Link => "a component is a symbolic link; give the path of the file itself",
            Self::LinkLeaves => {
                "a symbolic link leads out of the root, or is absolute; give the path of a file below the root"
            }
            Self::TooManyLinks => {
                "the path goes through more symbolic links than are followed; give the path of the file itself"
            }
            Self::LinkOwner => {
                "a symbolic link does not belong to user 0, and only those are trusted; give the path of the \
                 file itself"
            }
            Self::Mount => {
                "another file system is mounted on the path; use a file outside of it, or allow other devices"
            }
            Self::Kernel => {
                "the file belongs to the kernel (procfs, sysfs or the like); use a file on a disk"
            }
            Self::IsDirectory => "the path leads to a directory; name a file in it",
            Self::Fifo => "the path leads to a FIFO; use a regular file",
            Self::Socket => "the path leads to a socket; use a regular file",
            Self::DeviceFile => "the path leads to a device; use a regular file",
            Self::Irregular => "the path leads to something that is no file; use a regular file",
            Self::HardLink => {
                "the file has other names (hard links), maybe outside of the root; use a copy of it"
            }
            Self::OtherOwner => {
                "the file belongs to another user than the rules allow; use a file of the right owner"
            }
            Self::ForbiddenFile => {
                "the path leads into a forbidden subtree under another name; use a file outside of it"
            }
            Self::Busy => "the tree keeps changing while the path is resolved; try again later",
            Self::Swapped => {
                "the name was given to another file meanwhile; look at what has it now, and try again"
            }
            Self::NotEmpty => "the directory is not empty; remove first what is in it",
            Self::Unsupported => {
                "the file system cannot do this safely; use a root on another file system"
            }
            Self::Cancelled => "the operation was cancelled; ask again if it is still wanted",
            Self::OutOfOrder => {
                "the adapter broke the order of the open machine; report this as an error of the program"
            }
            Self::OtherRoot => "a rename stays below one root; copy the file and remove the first",
            Self::SystemOperation => {
                "this operating system cannot do it without trusting a path; use another operation, or run \
                 this on Linux"
            }
            Self::SystemLinks => {
                "links cannot be followed safely on this operating system; build the rules with links denied"
            }
            Self::SystemOwners => {
                "files have no user numbers on this operating system; build the rules for any owner, and \
                 restrict the root by its permissions"
            }
            Self::Separator => {
                "a name in the tree has a character that separates names in this dialect; rename the file"
            }
            Self::SystemNames => {
                "this operating system reads names otherwise than POSIX; build the rules with the Windows or \
                 the Portable dialect"
            }
        })
    }
}

impl core::error::Error for Denial {}
