//! Files below one directory, read under the rules of the core's path policy.

use std::path::Path;

use ravelin_core::path::{Denial, Kind, Rules};
use ravelin_runtime::files::{Entry, Listing, Root};

use crate::failure::{Exit, Failure, Refusal, cause_and_remedy};

/// Bytes of a file that is read.
const READ_LIMIT: u64 = 256 * 1024;
/// Names in one listing, and entries looked at for it.
const LIST_LIMIT: usize = 1000;
const SCAN_LIMIT: usize = 10_000;

/// A directory that stays open: what its path means later does not matter.
pub(super) struct Folder {
    root: Root,
    /// As its rules know it: the only name that the directory itself has.
    path: Vec<u8>,
}

impl Folder {
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let unusable = |cause: &dyn std::fmt::Display| {
            Failure::new(
                Exit::Configuration,
                "E-FILE-12",
                format!("cannot open the root {}: {cause}", path.display()),
                "give a directory on a disk that can be read",
            )
        };
        let plain = path.canonicalize().map_err(|error| unusable(&error))?;
        let plain = plain.as_os_str().as_encoded_bytes();
        // Windows begins a path so that is to be taken as it is, and rules know no such paths.
        let plain = plain.strip_prefix(br"\\?\").unwrap_or(plain);
        let rules = Rules::builder()
            .root(plain)
            .max_file_size(READ_LIMIT)
            .read_only()
            .build()
            .map_err(|error| Failure::stated(Exit::Configuration, error.code(), &error))?;
        let root = Root::open(path, rules)
            .map_err(|denial| unusable(&cause_and_remedy(&denial.to_string()).0))?;
        Ok(Self {
            root,
            path: plain.to_vec(),
        })
    }

    /// The text of the regular file at `path`.
    pub(super) fn read_text(&self, path: &str) -> Result<String, Refusal> {
        let bytes = self
            .root
            .read(path)
            .and_then(ravelin_runtime::files::File::read_all)
            .map_err(refused)?;
        String::from_utf8(bytes).map_err(|_| {
            Refusal::new(
                "E-FILE-07",
                format!("{path} is not UTF-8 text"),
                "ask for a text file",
            )
        })
    }

    /// The regular files and directories in the directory at `path`, sorted, one a line. Of the root without a path.
    pub(super) fn list(&self, path: Option<&str>) -> Result<String, Refusal> {
        let path = path
            .filter(|path| *path != ".")
            .map_or(self.path.as_slice(), str::as_bytes);
        let mut entries = self.root.list(path).map_err(refused)?;
        let mut names = Vec::new();
        let mut looked_at = 0;
        let mut cut = false;
        while let Some(entry) = entries.next() {
            if looked_at == SCAN_LIMIT || names.len() == LIST_LIMIT {
                cut = true;
                break;
            }
            looked_at += 1;
            names.extend(self.shown(&entries, &entry.map_err(refused)?));
        }
        names.sort_unstable();
        if cut {
            names.push(format!("(cut after {} names)", names.len()));
        }
        Ok(names.join("\n"))
    }

    /// Only what can be asked for again: links, sockets and names that the rules refuse cannot.
    fn shown(&self, listing: &Listing, entry: &Entry) -> Option<String> {
        self.root.rules().judge_name(entry.name()).ok()?;
        let name = std::str::from_utf8(entry.name()).ok()?;
        let kind = entry
            .kind()
            .or_else(|| Some(listing.facts(entry).ok()?.kind));
        match kind? {
            Kind::Regular => Some(name.to_owned()),
            Kind::Directory => Some(format!("{name}/")),
            Kind::Link | Kind::Fifo | Kind::Socket | Kind::Device | Kind::Other | _ => None,
        }
    }
}

fn refused(denial: Denial) -> Refusal {
    let text = denial.to_string();
    let (cause, remedy) = cause_and_remedy(&text);
    Refusal::new(denial.code(), cause, remedy.to_owned())
}
