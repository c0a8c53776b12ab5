//! A system without `openat2`.

use std::collections::BTreeMap;

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

/// The number of `openat2`, on every machine.
const OPENAT2: i64 = 437;

/// Takes `openat2` from this thread and from those that it starts. Cannot be taken back.
///
/// # Errors
/// What stands in the way: a machine that no filter is known for, or a system that takes none.
pub fn take_openat2() -> Result<(), String> {
    let target = std::env::consts::ARCH
        .try_into()
        .map_err(|_| "no filter is known for this machine".to_owned())?;
    let refused = SeccompAction::Errno(rustix::io::Errno::NOSYS.raw_os_error().unsigned_abs());
    let rules = BTreeMap::from([(OPENAT2, Vec::new())]);
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refused, target);
    let program = filter.map_err(|error| error.to_string())?;
    let program = BpfProgram::try_from(program).map_err(|error| error.to_string())?;
    seccompiler::apply_filter(&program).map_err(|error| error.to_string())
}

/// Whether the system has `openat2` and this thread may call it.
pub fn has_openat2() -> bool {
    use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};

    let flags = OFlags::PATH | OFlags::CLOEXEC;
    rustix::fs::openat2(CWD, ".", flags, Mode::empty(), ResolveFlags::empty()).is_ok()
}
