//! The verbs on cap-std, one name at a time. What it does by whole paths on a system is not used there.

#[cfg(unix)]
#[path = "portable/posix.rs"]
mod local;
#[cfg(windows)]
#[path = "portable/windows.rs"]
mod local;

use std::io;
use std::path::{Component, Path};

use cap_fs_ext::{FollowSymlinks, MetadataExt as _, OpenOptionsFollowExt as _};
use cap_std::fs::{Dir, OpenOptions};
use ravelin_core::path::open::{Action, How};
use ravelin_core::path::{Capabilities, Denial, Facts, Identity, Links, Rules};

pub(super) use local::{
    Names, class, clear_nonblock, is_missing, make_directory, no_handle, remove, rename,
    rename_to_free, sync, sync_directory,
};
pub(in crate::files) use local::{lacks, offers, path};

/// An open file or directory. A file is kept as one of these too, and only asked what it is.
pub(in crate::files) type Handle = Dir;

pub(super) type Error = io::Error;

/// Names are looked up one by one, and file systems are taken for such that fold them.
pub(in crate::files) const fn capabilities() -> Capabilities {
    Capabilities {
        one_shot: false,
        cached: false,
        case_exact: false,
    }
}

/// No link is read by its handle.
pub(super) fn accept(rules: &Rules) -> Result<(), Denial> {
    if rules.links() != Links::Deny {
        return Err(Denial::SystemLinks);
    }
    local::accept(rules)
}

/// What is asked about handles.
#[derive(Debug)]
pub(super) struct Stat;

impl Stat {
    pub(super) const fn new() -> Self {
        Self
    }

    /// Mounts have no numbers here.
    #[allow(clippy::unused_self, reason = "another executor has something to know")]
    pub(super) fn of(&self, handle: &Handle, _base: Option<&Facts>) -> io::Result<Facts> {
        let told = handle.dir_metadata()?;
        Ok(Facts {
            kind: local::kind(&told),
            size: told.len(),
            nlink: told.nlink(),
            uid: local::uid(&told),
            mode: local::mode(&told),
            identity: Identity {
                device: told.dev(),
                inode: told.ino(),
            },
            mount: None,
            filesystem: local::filesystem(handle)?,
        })
    }
}

pub(super) fn open_directory(path: &Path) -> io::Result<Handle> {
    local::open_ambient(path, true)
}

/// A relative path is resolved below `at`, with links, as long as they stay there.
pub(super) fn open_named(at: &Handle, path: &[u8]) -> io::Result<Handle> {
    let path = self::path(path).map_err(|_| no_handle())?;
    if path.has_root() {
        return local::open_ambient(path, false);
    }
    let mut options = local::named();
    let opened = at.open_with(path, options.follow(FollowSymlinks::Yes))?;
    Ok(Dir::from_std_file(opened.into_std()))
}

/// Nobody goes up by a handle here: what is forbidden counts as if it were below the root, which refuses no more.
pub(super) fn lies_below(_handle: &Handle, _root: Identity, _stat: &Stat) -> io::Result<bool> {
    Ok(true)
}

pub(super) fn into_file(handle: Handle) -> std::fs::File {
    handle.into_std_file()
}

pub(super) fn into_handle(file: std::fs::File) -> Handle {
    Dir::from_std_file(file)
}

pub(in crate::files) const fn is_case_exact(_handle: &Handle) -> bool {
    false
}

pub(super) fn open_beneath(_root: &Handle, _action: &Action<'_>) -> io::Result<Handle> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Every way of opening a root comes to the same: it is a directory, and listing opens it anew.
pub(super) fn open_root(root: &Handle, _how: How) -> io::Result<Handle> {
    root.try_clone()
}

pub(super) fn open_at(at: &Handle, name: &[u8], how: How) -> io::Result<Handle> {
    let mut options: OpenOptions = local::options(how);
    let opened = at.open_with(one_name(name)?, options.follow(FollowSymlinks::No))?;
    let opened = Dir::from_std_file(opened.into_std());
    local::confirm(at, &opened, how)?;
    Ok(opened)
}

pub(super) fn read_link(_link: &Handle, _target: &mut Vec<u8>) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// The machine never asks for anything else; here it would be resolved.
fn one_name(name: &[u8]) -> io::Result<&Path> {
    let path = path(name).map_err(|_| io::ErrorKind::NotFound)?;
    let mut components = path.components();
    match (components.next(), components.next()) {
        (Some(Component::Normal(only)), None)
            if only == path.as_os_str() && local::is_name(name) =>
        {
            Ok(path)
        }
        _ => Err(io::ErrorKind::NotFound.into()),
    }
}
