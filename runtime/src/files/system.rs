//! The seam between the open machine and the operating system: nothing outside of it names a system call.
//!
//! Here is what all systems do alike. The verbs themselves are in `unix`, on rustix, and in `portable`, on cap-std, for
//! what rustix does not serve; `--cfg ravelin_portable_files` has the latter on Unix too, for tests.

#[cfg(any(windows, ravelin_portable_files))]
mod portable;
#[cfg(unix)]
mod posix;
#[cfg(all(unix, not(ravelin_portable_files)))]
mod unix;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

#[cfg(any(windows, ravelin_portable_files))]
use portable as verbs;
use ravelin_core::path::open::{Action, Event, Failure, Handles};
use ravelin_core::path::{Capabilities, Denial, Facts, Identity, Kind, Rules};
#[cfg(all(unix, not(ravelin_portable_files)))]
use unix as verbs;

pub(super) use verbs::{Handle, capabilities, is_case_exact, lacks, offers, path};

/// What has been found out about the system since the start.
#[derive(Debug)]
pub(super) struct System {
    one_shot: AtomicBool,
    cached: AtomicBool,
    stat: verbs::Stat,
}

/// A root, as the system calls need it.
#[derive(Clone, Copy)]
pub(super) struct Base<'r> {
    pub(super) handle: &'r Handle,
    pub(super) facts: &'r Facts,
}

impl System {
    /// # Errors
    /// What the rules ask for and no handle can tell here.
    pub(super) fn new(capabilities: Capabilities, rules: &Rules) -> Result<Self, Denial> {
        verbs::accept(rules)?;
        Ok(Self {
            one_shot: AtomicBool::new(capabilities.one_shot),
            cached: AtomicBool::new(capabilities.cached),
            stat: verbs::Stat::new(),
        })
    }

    /// What there is of `openat2`.
    pub(super) fn capabilities(&self) -> Capabilities {
        Capabilities {
            one_shot: self.one_shot.load(Ordering::Relaxed),
            cached: self.cached.load(Ordering::Relaxed),
            case_exact: false,
        }
    }

    /// Carries out an action that is no end.
    pub(super) fn carry_out<'t>(
        &self,
        action: &Action<'_>,
        handles: &mut Handles<Handle>,
        base: Base<'_>,
        target: &'t mut Vec<u8>,
    ) -> Event<'t> {
        self.try_carry_out(action, handles, base, target)
            .unwrap_or_else(|error| self.failed(action, error))
    }

    /// What is to be known of a handle. Of a root there is no `base` yet.
    pub(super) fn facts(&self, handle: &Handle, base: Option<&Facts>) -> Result<Facts, Failure> {
        self.stat.of(handle, base).map_err(verbs::class)
    }

    /// Whether a directory lies below another one, or may.
    pub(super) fn lies_below(&self, handle: &Handle, root: Identity) -> Result<bool, Failure> {
        verbs::lies_below(handle, root, &self.stat).map_err(verbs::class)
    }

    fn try_carry_out<'t>(
        &self,
        action: &Action<'_>,
        handles: &mut Handles<Handle>,
        base: Base<'_>,
        target: &'t mut Vec<u8>,
    ) -> Result<Event<'t>, verbs::Error> {
        let (opened, into) = match *action {
            Action::OpenBeneath { into, .. } => (verbs::open_beneath(base.handle, action)?, into),
            Action::OpenRoot { how, into } => (verbs::open_root(base.handle, how)?, into),
            Action::OpenOne {
                at,
                name,
                how,
                into,
            } => {
                let at = handles.at(at, base.handle).ok_or_else(verbs::no_handle)?;
                (verbs::open_at(at, name, how)?, into)
            }
            Action::ReadLink { link } => {
                let link = handles.get(link).ok_or_else(verbs::no_handle)?;
                verbs::read_link(link, target)?;
                return Ok(Event::Target(target));
            }
            Action::MakeDirectory { at, name } => {
                let at = handles.at(at, base.handle).ok_or_else(verbs::no_handle)?;
                verbs::make_directory(at, name)?;
                return Ok(Event::Finished);
            }
            Action::Rename {
                from,
                name,
                to,
                new_name,
                replace,
            } => {
                let from = handles.at(from, base.handle).ok_or_else(verbs::no_handle)?;
                let to = handles.at(to, base.handle).ok_or_else(verbs::no_handle)?;
                if replace {
                    verbs::rename(from, name, to, new_name)?;
                } else {
                    verbs::rename_to_free(from, name, to, new_name)?;
                }
                return Ok(Event::Finished);
            }
            Action::Remove {
                at,
                name,
                directory,
            } => {
                let at = handles.at(at, base.handle).ok_or_else(verbs::no_handle)?;
                verbs::remove(at, name, directory)?;
                return Ok(Event::Finished);
            }
            Action::Sync { file } => {
                verbs::sync(handles.get(file).ok_or_else(verbs::no_handle)?)?;
                return Ok(Event::Finished);
            }
            Action::SyncDirectory { at } => {
                verbs::sync_directory(handles.at(at, base.handle).ok_or_else(verbs::no_handle)?)?;
                return Ok(Event::Finished);
            }
            Action::Done { .. } | Action::Denied(_) => return Ok(Event::Cancelled),
        };
        let facts = self.stat.of(&opened, Some(base.facts))?;
        handles.put(into, opened);
        Ok(Event::Opened(facts))
    }

    fn failed(&self, action: &Action<'_>, error: verbs::Error) -> Event<'static> {
        let missing = verbs::is_missing(&error);
        let failure = verbs::class(error);
        if let Action::OpenBeneath { cached_only, .. } = *action {
            match (cached_only, failure) {
                (true, Failure::Race) => return Event::WouldBlock,
                // What one flag too many is called; without it the next attempt shows whether the call itself is there.
                (true, Failure::Unsupported) if !missing => {
                    self.cached.store(false, Ordering::Relaxed);
                }
                (_, Failure::Unsupported) => self.one_shot.store(false, Ordering::Relaxed),
                _ => {}
            }
        }
        Event::Failed(failure)
    }
}

/// A name, and what its directory says that it is.
type Name = (Vec<u8>, Option<Kind>);

/// The names in an open directory, without `.` and `..`.
#[derive(Debug)]
pub(super) struct Names(verbs::Names);

impl Names {
    pub(super) fn new(directory: Handle) -> Result<Self, Failure> {
        verbs::Names::new(directory).map(Self).map_err(verbs::class)
    }

    /// The next one.
    pub(super) fn read(&mut self) -> Option<Result<Name, Failure>> {
        loop {
            match self.0.read()? {
                Ok((name, _)) if matches!(name.as_slice(), b"." | b"..") => {}
                read => return Some(read.map_err(verbs::class)),
            }
        }
    }

    /// Opens a name to know what has it.
    pub(super) fn open(&self, name: &[u8]) -> Result<Handle, Failure> {
        self.0.open(name).map_err(verbs::class)
    }
}

/// Opens a directory by its path, with links, to know it and to look names up in it.
pub(super) fn open_directory(path: &Path) -> Result<Handle, Failure> {
    verbs::open_directory(path).map_err(verbs::class)
}

/// Opens what an administrator has named, with links, to know it.
pub(super) fn open_named(at: &Handle, path: &[u8]) -> Result<Handle, Failure> {
    verbs::open_named(at, path).map_err(verbs::class)
}

/// The file of a handle. Other calls than reading and writing may not wait for it.
pub(super) fn into_file(handle: Handle) -> std::fs::File {
    verbs::into_file(handle)
}

/// Makes a regular file wait as others do.
pub(super) fn clear_nonblock(file: &std::fs::File) -> Result<(), Failure> {
    verbs::clear_nonblock(file).map_err(verbs::class)
}

/// The handle of a file, as the machine had it.
pub(super) fn into_handle(file: std::fs::File) -> Handle {
    verbs::into_handle(file)
}
