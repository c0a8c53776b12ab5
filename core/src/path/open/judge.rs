//! The verdict on what was opened.

use super::Forbidden;
use crate::path::{Denial, Devices, Facts, Filesystem, HardLinks, Kind, Operation, Owner, Rules};

/// What an opened handle is compared with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bench<'p> {
    pub(super) rules: &'p Rules,
    pub(super) root: &'p Facts,
    pub(super) forbidden: &'p [Forbidden],
}

impl Bench<'_> {
    /// Judges a directory on the way.
    ///
    /// `confined` says that the system has refused mounts itself: then its word counts where mounts have no numbers.
    pub(super) fn judge_step(&self, facts: &Facts, confined: bool) -> Result<(), Denial> {
        if facts.kind != Kind::Directory {
            return Err(Denial::NotDirectory);
        }
        self.judge_place(facts, confined)
    }

    /// Judges what the operation is on. `confined` as above.
    pub(super) fn judge_target(
        &self,
        facts: &Facts,
        operation: Operation,
        must_be_directory: bool,
        confined: bool,
    ) -> Result<(), Denial> {
        judge_kind(facts.kind, operation, must_be_directory)?;
        self.judge_place(facts, confined)?;
        let allowed = match self.rules.owner() {
            Owner::Any => true,
            Owner::User(uid) => facts.uid == uid,
            Owner::UserOrRoot(uid) => facts.uid == uid || facts.uid == 0,
        };
        if !allowed {
            return Err(Denial::OtherOwner);
        }
        let reads = operation == Operation::Read;
        let writes = operation == Operation::Append;
        if facts.kind != Kind::Regular || !(reads || writes) {
            return Ok(());
        }
        let one_name = match self.rules.hard_links() {
            HardLinks::Allow => false,
            HardLinks::DenyWrites => writes,
            HardLinks::Deny => true,
        };
        if one_name && facts.nlink > 1 {
            return Err(Denial::HardLink);
        }
        let limit = self.rules.max_file_size();
        if facts.size > limit {
            return Err(Denial::TooLarge { limit });
        }
        Ok(())
    }

    pub(super) fn crosses_mounts(&self) -> bool {
        self.rules.devices() == Devices::Any
    }

    fn judge_place(&self, facts: &Facts, confined: bool) -> Result<(), Denial> {
        if facts.filesystem == Filesystem::Kernel {
            return Err(Denial::Kernel);
        }
        let unknown = facts.mount.is_none() || self.root.mount.is_none();
        let same_mount = facts.same_mount(self.root) || (confined && unknown);
        if !same_mount && !self.crosses_mounts() {
            return Err(Denial::Mount);
        }
        let forbids = |entry: &Forbidden| entry.identity == facts.identity;
        if self.forbidden.iter().any(forbids) {
            return Err(Denial::ForbiddenFile);
        }
        Ok(())
    }
}

/// Only `Stat` may be of anything: it opens nothing.
fn judge_kind(kind: Kind, operation: Operation, must_be_directory: bool) -> Result<(), Denial> {
    let file = operation.is_on_file();
    let directory =
        must_be_directory || matches!(operation, Operation::List | Operation::MakeDirectory);
    match kind {
        Kind::Link => Err(Denial::Link),
        Kind::Directory if file => Err(Denial::IsDirectory),
        Kind::Directory => Ok(()),
        _ if directory => Err(Denial::NotDirectory),
        Kind::Regular => Ok(()),
        _ if operation == Operation::Stat => Ok(()),
        Kind::Fifo => Err(Denial::Fifo),
        Kind::Socket => Err(Denial::Socket),
        Kind::Device => Err(Denial::DeviceFile),
        Kind::Other => Err(Denial::Irregular),
    }
}
