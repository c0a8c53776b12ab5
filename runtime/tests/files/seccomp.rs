//! Kernels that lack a call, and containers that refuse it: a seccomp filter of a thread, and of all that it starts.

use ravelin_runtime::core::path::Capabilities;
use rustix::io::Errno;
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, SeccompRule};

use super::namespace::skip;

/// How a root comes to its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// By `openat2`, where that is sound.
    OneShot,
    /// By walking, because it was told to.
    Told,
    /// By walking, because a filter refuses `openat2` whenever it is tried.
    Filtered,
}

impl Way {
    pub(crate) const ALL: [Self; 3] = [Self::OneShot, Self::Told, Self::Filtered];

    pub(crate) fn capabilities(self) -> Capabilities {
        Capabilities {
            one_shot: self != Self::Told,
            cached: self != Self::Told,
            case_exact: true,
        }
    }

    /// Runs a test where this is the way. `None` when the system has no filters, and the test has been skipped.
    pub(crate) fn run<T: Send>(self, test: impl FnOnce() -> T + Send) -> Option<T> {
        if self != Self::Filtered {
            return Some(test());
        }
        apart(|| {
            refuse(libc::SYS_openat2, Vec::new(), Errno::PERM);
            test()
        })
    }
}

/// Runs a test on a thread of its own, where it may install filters: they end with it. `None` as above.
pub(crate) fn apart<T: Send>(test: impl FnOnce() -> T + Send) -> Option<T> {
    if !std::fs::exists("/proc/sys/kernel/seccomp/actions_avail").unwrap_or(false) {
        skip("a kernel with seccomp filters");
        return None;
    }
    let named = std::thread::Builder::new();
    let named = named.name(std::thread::current().name().unwrap_or("main").into());
    let ended = std::thread::scope(|scope| {
        let started = named.spawn_scoped(scope, test);
        started.expect("there is room for a thread").join()
    });
    Some(ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
}

/// From now on this thread, and what it starts, is answered so by a call: always, or when one of the rules matches. Of
/// several filters that refuse a call the last one answers.
pub(crate) fn refuse(call: i64, when: Vec<SeccompRule>, errno: Errno) {
    let action = SeccompAction::Errno(errno.raw_os_error().cast_unsigned());
    let machine = std::env::consts::ARCH.try_into().expect("a known machine");
    let rules = [(call, when)].into();
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, action, machine);
    let program: BpfProgram = filter
        .and_then(TryInto::try_into)
        .expect("a filter of a few lines");
    seccompiler::apply_filter(&program).expect("the kernel has filters");
}
