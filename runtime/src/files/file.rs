//! What is given out: files, listings and replacements, each with its permit inside.

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use ravelin_core::path::open::{Commit, Failure, Handles, Replacement, Slot};
use ravelin_core::path::{Denial, Facts, Kind};

use super::system::{self, Handle, Names};
use super::{Opened, Root};

/// How many files may still be opened.
#[derive(Clone, Debug)]
pub(super) struct Permits {
    open: Arc<AtomicU32>,
    limit: u32,
}

impl Permits {
    pub(super) fn new(limit: u32) -> Self {
        let open = Arc::default();
        Self { open, limit }
    }

    pub(super) fn take(&self) -> Result<Permit, Denial> {
        let limit = self.limit;
        let take = |open| (open < limit).then_some(open + 1);
        self.open
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, take)
            .map(|_| Permit(Arc::clone(&self.open)))
            .map_err(|_| Denial::TooManyOpen { limit })
    }

    pub(super) fn open(&self) -> u32 {
        self.open.load(Ordering::Acquire)
    }
}

/// One of the files that may be open at a time. Dropping it gives it back.
#[derive(Debug)]
pub struct Permit(Arc<AtomicU32>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// An open regular file that broke no rule.
///
/// As many bytes are read, or the file grows to as many, as the rules allow; the next one is an error of
/// [`io::ErrorKind::FileTooLarge`] with a [`Denial`] inside. So a file that grows while it is read, or that says
/// nothing about its size, is no way round the limit.
#[derive(Debug)]
pub struct File {
    file: std::fs::File,
    facts: Facts,
    limit: u64,
    /// Bytes read, or the size that the file was given by writing.
    used: u64,
    resolved: Option<Vec<u8>>,
    permit: Permit,
}

impl File {
    /// Writing behind the end begins to count there.
    pub(super) fn new(opened: Opened, appends: bool, limit: u64, permit: Permit) -> Self {
        Self {
            file: system::into_file(opened.handle),
            facts: opened.facts,
            limit,
            used: if appends { opened.facts.size } else { 0 },
            resolved: opened.resolved,
            permit,
        }
    }

    /// What was known of it when it was judged.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Where it lies, from the root on, if links were followed name by name or denied; `None` where the system followed
    /// them.
    pub fn resolved(&self) -> Option<&[u8]> {
        self.resolved.as_deref()
    }

    /// Reads all of it.
    ///
    /// # Errors
    /// [`Denial::TooLarge`], after at most one byte more than the rules allow; what the system says.
    pub fn read_all(mut self) -> Result<Vec<u8>, Denial> {
        let mut bytes = Vec::new();
        match self.read_to_end(&mut bytes) {
            Ok(_) => Ok(bytes),
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                let limit = self.limit;
                Err(Denial::TooLarge { limit })
            }
            Err(error) => Err(Denial::System {
                code: error.raw_os_error().unwrap_or(0),
            }),
        }
    }

    /// Takes the file out of its limits. Whoever holds the permit counts as one of those who have a file open.
    ///
    /// # Errors
    /// What the system says. `O_NONBLOCK`, without which a FIFO could not be opened and refused, is taken off only now:
    /// to reading and writing a regular file it says nothing, and an open is a call shorter.
    pub fn into_parts(self) -> Result<(std::fs::File, Permit), Denial> {
        system::clear_nonblock(&self.file).map_err(Failure::denial)?;
        Ok((self.file, self.permit))
    }

    fn too_large(&self) -> io::Error {
        let limit = self.limit;
        io::Error::new(io::ErrorKind::FileTooLarge, Denial::TooLarge { limit })
    }
}

impl Read for File {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // One byte more than allowed shows that there is more than allowed.
        let room = (self.limit - self.used.min(self.limit)).saturating_add(1);
        let room = usize::try_from(room)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let read = self.file.read(buffer.get_mut(..room).unwrap_or_default())?;
        if self.limit - self.used.min(self.limit) < read as u64 {
            return Err(self.too_large());
        }
        self.used += read as u64;
        Ok(read)
    }
}

impl Write for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.limit.saturating_sub(self.used);
        let room = usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len());
        if room == 0 && !bytes.is_empty() {
            return Err(self.too_large());
        }
        let written = self.file.write(bytes.get(..room).unwrap_or_default())?;
        self.used += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// The names in a directory, in the order of the file system, without `.` and `..`.
///
/// Only names: what they are is asked by [`facts`](Self::facts), of a handle (CVE-2026-27139).
#[derive(Debug)]
pub struct Listing {
    names: Names,
    facts: Facts,
    root: Root,
    _permit: Permit,
}

/// A name in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    name: Vec<u8>,
    kind: Option<Kind>,
}

impl Entry {
    /// The name. It may have any bytes but NUL and `/`: escape it before it is shown.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// What the directory says that it is, if it does. For showing, not for deciding.
    pub const fn kind(&self) -> Option<Kind> {
        self.kind
    }
}

impl Listing {
    pub(super) fn new(opened: Opened, root: Root, permit: Permit) -> Result<Self, Denial> {
        Ok(Self {
            names: Names::new(opened.handle).map_err(Failure::denial)?,
            facts: opened.facts,
            root,
            _permit: permit,
        })
    }

    /// What was known of the directory when it was judged.
    pub fn directory(&self) -> &Facts {
        &self.facts
    }

    /// What is known of an entry, by opening it to be looked at. A link is not followed.
    ///
    /// # Errors
    /// [`Denial::NotFound`] when it is gone; what the system says.
    pub fn facts(&self, entry: &Entry) -> Result<Facts, Denial> {
        let handle = self.names.open(&entry.name).map_err(Failure::denial)?;
        let system = self.root.system();
        system
            .facts(&handle, Some(&self.facts))
            .map_err(Failure::denial)
    }
}

impl Iterator for Listing {
    type Item = Result<Entry, Denial>;

    fn next(&mut self) -> Option<Self::Item> {
        let read = self.names.read()?;
        Some(
            read.map(|(name, kind)| Entry { name, kind })
                .map_err(Failure::denial),
        )
    }
}

/// A new file that does not have its name yet. What is not [committed](Self::commit) is taken away when this is dropped.
#[derive(Debug)]
pub struct Replacing {
    /// Taken when it ends.
    open: Option<Open>,
    root: Root,
    index: u16,
}

#[derive(Debug)]
struct Open {
    file: File,
    slot: Slot,
    handles: Handles<Handle>,
    replacement: Replacement,
}

impl Replacing {
    pub(super) fn new(
        root: Root,
        index: u16,
        file: File,
        slot: Slot,
        handles: Handles<Handle>,
        replacement: Replacement,
    ) -> Self {
        let open = Some(Open {
            file,
            slot,
            handles,
            replacement,
        });
        Self { open, root, index }
    }

    /// Writes the file to disk and gives it its name, in one step: whoever opens the name gets all of the old file or
    /// all of the new one. Then the directory is written to disk, so that after a crash the name still is the new
    /// file's; where the file system cannot do that, or the directory may not be opened for reading, the system does it
    /// in its own time.
    ///
    /// # Errors
    /// [`Denial::Swapped`] when another file has the name afterwards; what the system says. A file that has not got its
    /// name is taken away. When it is the directory that the disk fails on, the file has its name, and may lose it in
    /// a crash.
    pub fn commit(mut self) -> Result<Facts, Denial> {
        let Some(mut open) = self.open.take() else {
            return Err(Denial::OutOfOrder);
        };
        open.handles
            .put(open.slot, system::into_handle(open.file.file));
        let mut commit = Commit::new(open.replacement);
        let done = self.root.drive(self.index, &mut commit, &mut open.handles);
        if done.is_err() {
            let mut abandon = Commit::abandon(open.replacement);
            let _ = self.root.drive(self.index, &mut abandon, &mut open.handles);
        }
        drop(open.file.permit);
        done.map(|(facts, _)| facts)
    }
}

impl Write for Replacing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.open {
            Some(open) => open.file.write(bytes),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Replacing {
    fn drop(&mut self) {
        if let Some(mut open) = self.open.take() {
            let mut abandon = Commit::abandon(open.replacement);
            // It is not complete; that it cannot be taken away either is nothing that a drop can say.
            let _ = self.root.drive(self.index, &mut abandon, &mut open.handles);
        }
    }
}
