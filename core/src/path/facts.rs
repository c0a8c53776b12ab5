//! What an operating system says about an opened file, and what it can do.

/// What is known about an opened handle, and true of it whatever its name means by now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Facts {
    /// The type of the file.
    pub kind: Kind,
    /// Its length in bytes when it was asked. Zero for most files of procfs, whatever they hold.
    pub size: u64,
    /// How many names it has.
    pub nlink: u64,
    /// Who owns it; [`u32::MAX`] where users have no numbers (Windows).
    pub uid: u32,
    /// Its permission bits, at most `0o7777`; 0 where files have none (Windows).
    pub mode: u16,
    /// Which file it is.
    pub identity: Identity,
    /// The mount that it was reached through, where the system says so (`statx`, Linux 5.8).
    pub mount: Option<u64>,
    /// The class of its file system.
    pub filesystem: Filesystem,
}

impl Facts {
    /// Whether both lie on one mount.
    ///
    /// Without mount numbers two devices tell: a bind mount of the same file system goes unseen, and where one mount
    /// shows several devices (btrfs subvolumes, some overlays) files are refused that need not be.
    pub const fn same_mount(&self, other: &Self) -> bool {
        match (self.mount, other.mount) {
            (Some(one), Some(two)) => one == two,
            _ => self.identity.device == other.identity.device,
        }
    }

    /// The bits that a replacement of this file is made with: its permissions without set-user-ID, set-group-ID and
    /// the sticky bit.
    pub(crate) const fn permissions(&self) -> u16 {
        self.mode & 0o777
    }
}

/// The type of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A file that holds bytes.
    Regular,
    /// A directory.
    Directory,
    /// A symbolic link, opened itself.
    Link,
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
    /// A character or block device.
    Device,
    /// Any other, such as a door.
    Other,
}

impl Kind {
    /// The kind that `st_mode` names (POSIX `<sys/stat.h>`, with the values that all systems use).
    pub const fn from_mode(mode: u32) -> Self {
        match mode & 0o170_000 {
            0o100_000 => Self::Regular,
            0o040_000 => Self::Directory,
            0o120_000 => Self::Link,
            0o010_000 => Self::Fifo,
            0o140_000 => Self::Socket,
            0o020_000 | 0o060_000 => Self::Device,
            _ => Self::Other,
        }
    }

    /// Its name, as in `a FIFO`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Regular => "file",
            Self::Directory => "directory",
            Self::Link => "link",
            Self::Fifo => "fifo",
            Self::Socket => "socket",
            Self::Device => "device",
            Self::Other => "other",
        }
    }
}

/// Which file it is, whatever its names are.
///
/// True while a handle to it is open: after the last one is closed, a file system may use the number again. Whoever
/// keeps an identity keeps the handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// The device (`st_dev`).
    pub device: u64,
    /// The number of the file on it (`st_ino`).
    pub inode: u64,
}

/// What kind of file system a file is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Filesystem {
    /// One that keeps files.
    Storage,
    /// A window into the kernel, such as procfs and sysfs: reading a file asks the kernel, writing one tells it, and
    /// its links lead anywhere.
    Kernel,
}

impl Filesystem {
    /// The class of the file system with this `f_type` (Linux `statfs(2)`, `include/uapi/linux/magic.h`).
    pub const fn from_magic(magic: u64) -> Self {
        match magic {
            PROC | SYSFS | DEBUGFS | TRACEFS | SECURITYFS | CGROUP | CGROUP2 | BPF | CONFIGFS
            | PSTORE | EFIVARFS | SELINUX | SMACK | BINFMT | NSFS | PIDFS | PIPEFS | SOCKFS
            | ANON_INODE | DEVPTS | MQUEUE | FUSECTL | RESCTRL => Self::Kernel,
            _ => Self::Storage,
        }
    }
}

const PROC: u64 = 0x9fa0;
const SYSFS: u64 = 0x6265_6572;
const DEBUGFS: u64 = 0x6462_6720;
const TRACEFS: u64 = 0x7472_6163;
const SECURITYFS: u64 = 0x7363_6673;
const CGROUP: u64 = 0x0027_e0eb;
const CGROUP2: u64 = 0x6367_7270;
const BPF: u64 = 0xcafe_4a11;
const CONFIGFS: u64 = 0x6265_6570;
const PSTORE: u64 = 0x6165_676c;
const EFIVARFS: u64 = 0xde5e_81e4;
const SELINUX: u64 = 0xf97c_ff8c;
const SMACK: u64 = 0x4341_5d53;
const BINFMT: u64 = 0x4249_4e4d;
const NSFS: u64 = 0x6e73_6673;
const PIDFS: u64 = 0x5049_4446;
const PIPEFS: u64 = 0x5049_5045;
const SOCKFS: u64 = 0x534f_434b;
const ANON_INODE: u64 = 0x0904_1934;
const DEVPTS: u64 = 0x1cd1;
const MQUEUE: u64 = 0x1980_0202;
const FUSECTL: u64 = 0x6573_5543;
const RESCTRL: u64 = 0x0765_5821;

/// What the system below can do. A wrong `true` in `case_exact` weakens name rules; the others only cost a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Capabilities {
    /// One call resolves a whole path and cannot leave the root: `openat2` (Linux 5.6).
    pub one_shot: bool,
    /// That call can be told to answer only from memory: `RESOLVE_CACHED` (Linux 5.12).
    pub cached: bool,
    /// Two names below the root are one file only if they are the same bytes: no folding of case, no normalisation.
    pub case_exact: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    const FACTS: Facts = Facts {
        kind: Kind::Regular,
        size: 0,
        nlink: 1,
        uid: 0,
        mode: 0o6755,
        identity: Identity {
            device: 1,
            inode: 1,
        },
        mount: Some(1),
        filesystem: Filesystem::Storage,
    };

    #[test]
    fn mount_numbers_decide_and_devices_only_without_them() {
        let mut other = FACTS;
        other.identity.device = 2;
        assert!(FACTS.same_mount(&other), "a subvolume of btrfs");
        other.mount = Some(2);
        assert!(!FACTS.same_mount(&other));
        other.identity.device = 1;
        assert!(!FACTS.same_mount(&other), "a bind mount");
        other.mount = None;
        assert!(FACTS.same_mount(&other));
        other.identity.device = 2;
        assert!(!FACTS.same_mount(&other));
    }

    #[test]
    fn kinds_follow_the_mode() {
        let kinds = [
            (0o100_644, Kind::Regular),
            (0o040_755, Kind::Directory),
            (0o120_777, Kind::Link),
            (0o010_600, Kind::Fifo),
            (0o140_600, Kind::Socket),
            (0o020_600, Kind::Device),
            (0o060_600, Kind::Device),
            (0o000_600, Kind::Other),
        ];
        for (mode, kind) in kinds {
            assert_eq!(Kind::from_mode(mode), kind, "{mode:o}");
        }
    }

    #[test]
    fn a_replacement_is_never_set_user_id() {
        assert_eq!(FACTS.permissions(), 0o755);
    }

    #[test]
    fn windows_into_the_kernel_are_known() {
        assert_eq!(Filesystem::from_magic(0x9fa0), Filesystem::Kernel);
        assert_eq!(Filesystem::from_magic(0x6265_6572), Filesystem::Kernel);
        assert_eq!(Filesystem::from_magic(0xef53), Filesystem::Storage, "ext4");
    }
}
