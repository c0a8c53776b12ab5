//! Mounts for tests, in a namespace of their own: made by `unshare`, for which a user namespace is enough.

use std::path::Path;
use std::process::Command;

/// Whether the test `name` runs where it may mount. Elsewhere it is run once more in a namespace, and the answer is no:
/// it has been run, or cannot be.
///
/// # Panics
///
/// When it fails there; when there is no namespace and `RAVELIN_REQUIRE_ALL` is 1.
pub(crate) fn enter(name: &str) -> bool {
    if std::env::var_os("RAVELIN_TEST_NAMESPACE").is_some() {
        return true;
    }
    let namespace = ["--user", "--map-root-user", "--mount"];
    let works = |arguments: &[&str]| {
        let tried = Command::new("unshare").args(arguments).arg("true").output();
        tried.is_ok_and(|output| output.status.success())
    };
    // Who is root already needs no new user, and some systems give out none.
    let arguments = match () {
        () if works(&namespace[2..]) => &namespace[2..],
        () if works(&namespace) => &namespace[..],
        () => {
            skip("a mount namespace");
            return false;
        }
    };
    let test = std::env::current_exe().expect("a test knows its program");
    let status = Command::new("unshare")
        .args(arguments)
        .arg(test)
        .args(["--exact", name, "--nocapture"])
        .env("RAVELIN_TEST_NAMESPACE", "1")
        .status()
        .expect("it ran a moment ago");
    assert!(status.success(), "{name} fails in its namespace");
    false
}

/// Whether this is user 0. When it is not, the test says so and returns, or fails as [`enter`] does.
pub(crate) fn is_root(what: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        skip(&format!("user 0, for {what}"));
    }
    root
}

pub(crate) fn bind(source: &Path, target: &Path) {
    rustix::mount::mount_bind(source, target).expect("it may mount here");
}

pub(crate) fn unmount(target: &Path) {
    let flags = rustix::mount::UnmountFlags::DETACH;
    rustix::mount::unmount(target, flags).expect("it is mounted");
}

pub(crate) fn kernel_is_at_least(major: u32, minor: u32) -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers = release
        .split('.')
        .map(|number| number.parse::<u32>().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= (major, minor)
}

pub(crate) fn skip(needs: &str) {
    let all = std::env::var_os("RAVELIN_REQUIRE_ALL").is_some_and(|value| value == "1");
    assert!(!all, "RAVELIN_REQUIRE_ALL is set, and there is no {needs}");
    println!("SKIPPED: needs {needs}");
}
