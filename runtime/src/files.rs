//! Files below a root: the executor of the core's open machine ([`ravelin_core::path::open`]).
//!
//! [`Root`] judges a path, opens it, judges what is open, and gives out a [`File`] that holds a permit and keeps its
//! limits. It is synchronous: an adapter calls it from a thread that may block, or first with
//! [`Root::try_read`], which never waits for a disk.
//!
//! ```
//! use std::io::Read;
//!
//! use ravelin_runtime::core::path::{Denial, Rules};
//! use ravelin_runtime::files::Root;
//!
//! # let folder = std::env::temp_dir().join(format!("ravelin-doc-{}", std::process::id()));
//! # std::fs::create_dir_all(&folder)?;
//! # std::fs::write(folder.join("may.md"), "rain")?;
//! let rules = Rules::builder().allow_extensions(["md"]).build()?;
//! let root = Root::open(&folder, rules)?;
//!
//! let mut text = String::new();
//! root.read("may.md")?.read_to_string(&mut text)?;
//! assert_eq!(text, "rain");
//!
//! assert_eq!(root.read("../etc/passwd").unwrap_err(), Denial::ParentDirectory);
//! # std::fs::remove_dir_all(&folder)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Systems
//!
//! | | Linux | macOS, BSD | Windows |
//! |---|---|---|---|
//! | paths | at once by `openat2` (5.6), or name by name | name by name | name by name |
//! | looking at what a name means | without opening it (`O_PATH`) | opened for reading | opened for its attributes |
//! | links | as the rules say | denied | denied, and every other reparse point |
//! | owners | as the rules say | as the rules say | any |
//! | dialects | all | all | Windows and Portable |
//! | mounts are told apart by | their numbers (5.8), else devices | devices | being reparse points |
//! | read, append, create, stat, remove a file | yes | yes | yes |
//! | list, replace, make or remove a directory | yes | yes | no |
//! | rename | yes | macOS | no |
//!
//! Rules that ask for more than a system has are refused when the root is opened ([`Denial::SystemLinks`],
//! [`Denial::SystemOwners`], [`Denial::SystemNames`]), operations before anything is opened
//! ([`Denial::SystemOperation`]).
//!
//! On Windows, only opening is relative to a handle (`NtCreateFile`, through cap-std); what is missing there exists only
//! by whole paths, which lose a race. What was opened is looked at once more: it has to lie directly in the pinned
//! directory by its own account, so that a directory that became a junction meanwhile leads nowhere. An empty file that
//! was made behind one is taken away again. Removing takes away the file that was looked at. Files in the cloud and
//! deduplicated ones are reparse points too, and refused as links. On ReFS files are told apart by the lower half of
//! their numbers, so that a file may be taken for a forbidden one. New files inherit the permissions of their directory.

mod file;
mod offence;
mod system;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::path::Path;
use std::sync::Arc;

use ravelin_core::path::open::{
    Action, BUFFER, Failure, Forbidden, Ground, Handles, Machine, Opening, Slot, Temporary,
};
use ravelin_core::path::{
    Capabilities, Denial, Devices, Facts, Judged, Kind, Links, Operation, Rules,
};

use file::Permits;
pub use file::{Entry, File, Listing, Permit, Replacing};
pub use offence::offence;
use system::{Base, Handle, System};

/// Directories that paths are opened below, with the rules for that. Cloning shares, permits too.
#[derive(Clone, Debug)]
pub struct Root(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    rules: Rules,
    directories: Vec<Directory>,
    permits: Permits,
    system: System,
}

/// One root, and what is forbidden below it.
#[derive(Debug)]
struct Directory {
    handle: Handle,
    facts: Facts,
    case_exact: bool,
    forbidden: Vec<Forbidden>,
    /// Kept open, so that no other file gets their numbers.
    _pinned: Vec<Handle>,
}

impl Root {
    /// Opens the directory that relative paths belong to. Links in its own path are followed, once, now: what the path
    /// means later does not matter. So are links in the paths of forbidden subtrees, and what they lead to is forbidden.
    ///
    /// # Errors
    /// [`Denial::NotFound`], [`Denial::NotDirectory`], [`Denial::Kernel`] for procfs and its like, what the system says,
    /// and rules that ask for what it has not (see [Systems](self#systems)).
    pub fn open(path: impl AsRef<Path>, rules: Rules) -> Result<Self, Denial> {
        Self::open_with(path, rules, system::capabilities())
    }

    /// Opens all roots that the rules name.
    ///
    /// # Errors
    /// As [`open`](Self::open), for the first of them that fails.
    pub fn open_named(rules: Rules) -> Result<Self, Denial> {
        let system = System::new(system::capabilities(), &rules)?;
        let roots = rules.roots().zip(0..).map(|(path, index)| {
            Directory::open(system::path(path)?, index, &rules, &system, true)
        });
        let directories = roots.collect::<Result<_, _>>()?;
        Ok(Self::new(rules, directories, system))
    }

    /// As [`open`](Self::open), with no more than these capabilities: without `one_shot` it stays away from `openat2`.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(
        path: impl AsRef<Path>,
        rules: Rules,
        capabilities: Capabilities,
    ) -> Result<Self, Denial> {
        let system = System::new(capabilities, &rules)?;
        let exact = capabilities.case_exact;
        let directory = Directory::open(path.as_ref(), 0, &rules, &system, exact)?;
        Ok(Self::new(rules, vec![directory], system))
    }

    /// The rules.
    pub fn rules(&self) -> &Rules {
        &self.0.rules
    }

    /// What was known of a root when it was opened.
    pub fn facts(&self, root: u16) -> Option<&Facts> {
        let directory = self.0.directories.get(usize::from(root))?;
        Some(&directory.facts)
    }

    /// How many permits are held: files, listings and replacements that are open, and operations that run.
    pub fn open_files(&self) -> u32 {
        self.0.permits.open()
    }

    /// Opens a file for reading.
    ///
    /// # Errors
    /// The first rule that the path or the file breaks; what the system says.
    pub fn read(&self, path: impl AsRef<[u8]>) -> Result<File, Denial> {
        self.open_file(path.as_ref(), Operation::Read, true)?
            .ok_or(Denial::Busy)
    }

    /// Opens a file for reading if that takes no waiting for a disk: for a thread that must not block. `None` says that
    /// it may; then [`read`](Self::read) is called where that is allowed.
    ///
    /// It answers where the whole path can be resolved at once (Linux 5.12), and was a moment ago.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn try_read(&self, path: impl AsRef<[u8]>) -> Result<Option<File>, Denial> {
        self.open_file(path.as_ref(), Operation::Read, false)
    }

    /// Opens a file for writing behind its end.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn append(&self, path: impl AsRef<[u8]>) -> Result<File, Denial> {
        self.open_file(path.as_ref(), Operation::Append, true)?
            .ok_or(Denial::Busy)
    }

    /// Makes a file that does not exist, of mode 0600 where files have one.
    ///
    /// # Errors
    /// [`Denial::Exists`], also for a link that leads nowhere; as [`read`](Self::read).
    pub fn create(&self, path: impl AsRef<[u8]>) -> Result<File, Denial> {
        self.open_file(path.as_ref(), Operation::Create, true)?
            .ok_or(Denial::Busy)
    }

    /// Begins to replace a file, or to make it. The new file has the permission bits of the old one, less the umask; of
    /// a new one it is 0600.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn replace(&self, path: impl AsRef<[u8]>) -> Result<Replacing, Denial> {
        let permit = self.0.permits.take()?;
        let path = self.judge(path.as_ref(), Operation::Replace)?;
        let ground = self.ground(path, false)?;
        let mut memory = self.memory();
        let temporary = Temporary::new(RandomState::new().build_hasher().finish());
        let mut opening = Opening::replace(&self.0.rules, ground, path, temporary, &mut memory[..]);
        let mut handles = Handles::default();
        let (facts, slot) = self.drive(path.root(), &mut opening, &mut handles)?;
        let replacement = opening.replacement().ok_or(Denial::OutOfOrder)?;
        let handle = handles.take(slot).ok_or(Denial::OutOfOrder)?;
        let limit = self.0.rules.max_file_size();
        let resolved = opening.resolved().map(<[u8]>::to_vec);
        let opened = Opened {
            handle,
            facts,
            resolved,
        };
        let file = File::new(opened, false, limit, permit);
        let root = self.clone();
        Ok(Replacing::new(
            root,
            path.root(),
            file,
            slot,
            handles,
            replacement,
        ))
    }

    /// Lists a directory.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn list(&self, path: impl AsRef<[u8]>) -> Result<Listing, Denial> {
        let permit = self.0.permits.take()?;
        let opened = self.run(path.as_ref(), Operation::List, true)?;
        Listing::new(opened.ok_or(Denial::Busy)?, self.clone(), permit)
    }

    /// Says what is known of a file or directory.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn stat(&self, path: impl AsRef<[u8]>) -> Result<Facts, Denial> {
        self.act(path.as_ref(), Operation::Stat)
    }

    /// Removes a file or an empty directory, and says what it was.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn remove(&self, path: impl AsRef<[u8]>) -> Result<Facts, Denial> {
        self.act(path.as_ref(), Operation::Remove)
    }

    /// Makes a directory of mode 0700.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn make_directory(&self, path: impl AsRef<[u8]>) -> Result<Facts, Denial> {
        self.act(path.as_ref(), Operation::MakeDirectory)
    }

    /// Gives a file or directory a name that is free.
    ///
    /// # Errors
    /// [`Denial::Exists`]; [`Denial::Swapped`] when another file than the judged one was renamed, because it got the
    /// name in between; as [`read`](Self::read).
    pub fn rename(
        &self,
        path: impl AsRef<[u8]>,
        new_path: impl AsRef<[u8]>,
    ) -> Result<Facts, Denial> {
        let _permit = self.0.permits.take()?;
        let path = self.judge(path.as_ref(), Operation::Rename)?;
        let new_path = self.judge(new_path.as_ref(), Operation::Rename)?;
        let ground = self.ground(path, false)?;
        let mut memory = self.memory();
        let mut opening = Opening::rename(&self.0.rules, ground, path, new_path, &mut memory[..]);
        let (facts, _) = self.drive(path.root(), &mut opening, &mut Handles::default())?;
        Ok(facts)
    }

    fn new(rules: Rules, directories: Vec<Directory>, system: System) -> Self {
        Self(Arc::new(Shared {
            permits: Permits::new(rules.concurrency()),
            rules,
            directories,
            system,
        }))
    }

    fn system(&self) -> &System {
        &self.0.system
    }

    fn open_file(
        &self,
        path: &[u8],
        operation: Operation,
        may_block: bool,
    ) -> Result<Option<File>, Denial> {
        let permit = self.0.permits.take()?;
        let Some(opened) = self.run(path, operation, may_block)? else {
            return Ok(None);
        };
        let appends = operation == Operation::Append;
        let limit = self.0.rules.max_file_size();
        Ok(Some(File::new(opened, appends, limit, permit)))
    }

    fn act(&self, path: &[u8], operation: Operation) -> Result<Facts, Denial> {
        let _permit = self.0.permits.take()?;
        let opened = self.run(path, operation, true)?;
        opened.map(|opened| opened.facts).ok_or(Denial::Busy)
    }

    /// Judges a path, for an operation that can be carried out here.
    fn judge<'p>(&'p self, path: &'p [u8], operation: Operation) -> Result<Judged<'p>, Denial> {
        let judged = self.0.rules.judge(path, operation)?;
        if system::offers(operation) {
            Ok(judged)
        } else {
            Err(Denial::SystemOperation)
        }
    }

    /// Judges a path and opens it. `None` when it would have to wait and may not.
    fn run(
        &self,
        path: &[u8],
        operation: Operation,
        may_block: bool,
    ) -> Result<Option<Opened>, Denial> {
        let path = self.judge(path, operation)?;
        let ground = self.ground(path, !may_block)?;
        let mut memory = self.memory();
        let mut opening = Opening::new(&self.0.rules, ground, path, &mut memory[..]);
        let mut handles = Handles::default();
        let driven = self.drive_while(path.root(), &mut opening, &mut handles, may_block)?;
        let Some((facts, slot)) = driven else {
            return Ok(None);
        };
        let handle = handles.take(slot).ok_or(Denial::OutOfOrder)?;
        Ok(Some(Opened {
            handle,
            facts,
            resolved: opening.resolved().map(<[u8]>::to_vec),
        }))
    }

    fn drive(
        &self,
        root: u16,
        machine: &mut impl Machine,
        handles: &mut Handles<Handle>,
    ) -> Result<(Facts, Slot), Denial> {
        self.drive_while(root, machine, handles, true)?
            .ok_or(Denial::OutOfOrder)
    }

    fn drive_while(
        &self,
        root: u16,
        machine: &mut impl Machine,
        handles: &mut Handles<Handle>,
        may_block: bool,
    ) -> Result<Option<(Facts, Slot)>, Denial> {
        let directory = self.directory(root)?;
        let base = Base {
            handle: &directory.handle,
            facts: &directory.facts,
        };
        let mut target = Vec::new();
        loop {
            let action = machine.action();
            if let Action::Done { handle, facts } = action {
                return Ok(Some((facts, handle)));
            }
            if let Action::Denied(denial) = action {
                return Err(denial);
            }
            if action.may_block() && !may_block {
                return Ok(None);
            }
            if system::lacks(&action) {
                return Err(Denial::SystemOperation);
            }
            let event = self.0.system.carry_out(&action, handles, base, &mut target);
            machine.handle(event);
        }
    }

    fn ground(&self, path: Judged<'_>, cached: bool) -> Result<Ground<'_>, Denial> {
        let directory = self.directory(path.root())?;
        let mut capabilities = self.0.system.capabilities();
        capabilities.cached &= cached;
        capabilities.case_exact = directory.case_exact;
        Ground::new(&directory.facts, &directory.forbidden, capabilities)
    }

    fn directory(&self, root: u16) -> Result<&Directory, Denial> {
        let directory = self.0.directories.get(usize::from(root));
        directory.ok_or(Denial::OutsideRoots)
    }

    /// What a walk writes in.
    fn memory(&self) -> Vec<u8> {
        match self.0.rules.links() {
            Links::Deny => Vec::new(),
            Links::InRoot | Links::Trusted => vec![0; BUFFER],
        }
    }
}

impl Directory {
    fn open(
        path: &Path,
        index: u16,
        rules: &Rules,
        system: &System,
        exact: bool,
    ) -> Result<Self, Denial> {
        let handle = system::open_directory(path).map_err(Failure::denial)?;
        let facts = system.facts(&handle, None).map_err(Failure::denial)?;
        // The root itself is judged.
        Ground::new(&facts, &[], Capabilities::default())?;
        let mut directory = Self {
            case_exact: exact && system::is_case_exact(&handle),
            handle,
            facts,
            forbidden: Vec::new(),
            _pinned: Vec::new(),
        };
        for names in rules.forbidden(index) {
            let path = names.collect::<Vec<_>>().join(&b'/');
            directory.forbid(&path, system, |_| Ok(true))?;
        }
        for path in rules.forbidden_elsewhere() {
            // A directory that is not below the root can only be reached through a mount, and those are refused.
            let any = rules.devices() == Devices::Any;
            let root = directory.facts.identity;
            directory.forbid(path, system, |handle| {
                Ok(any || system.lies_below(handle, root)?)
            })?;
        }
        Ok(directory)
    }

    /// Opens what is forbidden, if it is there: what is made later has its name.
    fn forbid(
        &mut self,
        path: &[u8],
        system: &System,
        directory_counts: impl Fn(&Handle) -> Result<bool, Failure>,
    ) -> Result<(), Denial> {
        let handle = match system::open_named(&self.handle, path) {
            Err(Failure::NotFound | Failure::NotDirectory) => return Ok(()),
            // Only where a handle cannot be left, not even by an administrator's link.
            Err(Failure::Escape) => return Err(Denial::LinkLeaves),
            opened => opened.map_err(Failure::denial)?,
        };
        let facts = system.facts(&handle, None).map_err(Failure::denial)?;
        let directory = facts.kind == Kind::Directory;
        if !directory || directory_counts(&handle).map_err(Failure::denial)? {
            let identity = facts.identity;
            self.forbidden.push(Forbidden {
                identity,
                directory,
            });
            self._pinned.push(handle);
        }
        Ok(())
    }
}

/// What a machine has opened.
struct Opened {
    handle: Handle,
    facts: Facts,
    resolved: Option<Vec<u8>>,
}
