//! Whole proofs, signed and judged, against one verifier and one replay store that eight threads share.
//!
//! Time is simulated. Clients have clocks that are wrong, send each proof one to four times and change their keys; the
//! server restarts, changes its nonce secret, and its clock steps back and forth. Threads race within a round; the order
//! in which the store was asked is in the log, and a plain model reads that log afterwards. It holds that
//!
//! - no proof is accepted twice, whatever happened in between;
//! - every verdict is the one that the rules of RFC 9449 give, so a proof that came in time is accepted once.
//!
//! `RAVELIN_MODEL_PROOFS` is the number of proofs of all sound runs together, `RAVELIN_MODEL_SEED` makes other runs.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod dpop_model {
    pub(super) mod checker;
    pub(super) mod server;
    pub(super) mod world;
}

use dpop_model::checker::{Report, Violation};
use dpop_model::server::Defect;
use dpop_model::world::{self, Mode};

/// Some 20 s in the dev profile on two cores.
const PROOFS: usize = 12_000;

#[test]
fn no_proof_is_accepted_twice_by_its_time() {
    sound(Mode::Time, proofs() / 3, 1);
}

#[test]
fn no_proof_is_accepted_twice_with_nonces() {
    sound(Mode::Nonces, proofs() / 3, 2);
}

#[test]
fn no_proof_is_accepted_twice_where_the_nonce_is_its_time() {
    sound(Mode::NonceIsTime, proofs() / 3, 3);
}

#[test]
fn a_store_that_always_says_fresh_is_caught() {
    for mode in [Mode::Time, Mode::Nonces, Mode::NonceIsTime] {
        let report = world::run(mode, 400, 4, Defect::AlwaysFresh);
        assert!(twice(&report) > 100, "{mode:?}: {}", twice(&report));
    }
}

#[test]
fn a_store_that_forgets_at_a_restart_is_caught() {
    let report = world::run(Mode::Time, 1_600, 5, Defect::NoFence);
    assert!(twice(&report) > 20, "{}", twice(&report));
}

#[test]
fn a_store_that_loses_entries_is_caught() {
    let report = world::run(Mode::Time, 800, 6, Defect::Forgets);
    assert!(twice(&report) > 20, "{}", twice(&report));
}

#[test]
fn a_store_that_refuses_what_it_should_accept_is_caught() {
    let report = world::run(Mode::Time, 800, 7, Defect::Refuses);
    assert_eq!(twice(&report), 0);
    let differs = |violation: &&Violation| matches!(violation, Violation::Differs { .. });
    assert!(report.violations.iter().filter(differs).count() > 5);
    let never = |violation: &&Violation| matches!(violation, Violation::NeverAccepted { .. });
    assert!(report.violations.iter().filter(never).count() > 2);
}

fn sound(mode: Mode, proofs: usize, seed: u64) {
    let seed = seed + asked("RAVELIN_MODEL_SEED").unwrap_or(0);
    let report = world::run(mode, proofs, seed, Defect::None);
    let first: Vec<_> = report.violations.iter().take(3).collect();
    assert!(
        first.is_empty(),
        "{} violations, such as {first:#?}",
        report.violations.len()
    );
    println!("{mode:?}: {proofs} proofs, seed {seed}");
    for (event, count) in &report.tally {
        println!("  {event:<40} {count:>8}");
    }
    // Without these the test could pass because nothing happened. In thousandths of the proofs.
    for (event, floor) in world::floors(mode) {
        let count = report.tally.get(event).copied().unwrap_or(0);
        let floor = (proofs * floor / 1000).max(1);
        assert!(count >= floor, "{event}: {count} of at least {floor}");
    }
}

fn twice(report: &Report) -> usize {
    let is_twice = |violation: &&Violation| matches!(violation, Violation::AcceptedTwice { .. });
    report.violations.iter().filter(is_twice).count()
}

fn proofs() -> usize {
    asked("RAVELIN_MODEL_PROOFS").map_or(PROOFS, |asked| asked as usize)
}

fn asked(name: &str) -> Option<u64> {
    #[expect(
        clippy::disallowed_methods,
        reason = "how long a test takes is no behaviour of the core"
    )]
    let text = std::env::var(name).ok()?;
    Some(text.parse().expect("a number"))
}
