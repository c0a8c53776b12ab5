//! The duplex matrix: one list of behaviours, run on every adapter over transports that go pending wherever they can.
//!
//! Everything is decided by a script and a seed. A run in which no task can go on before its behaviour is over has lost
//! a wake-up; so the list also shows that it would find the bug for which the driver has a waker of its own.

mod bare;
mod behaviours;
mod column;
mod executor;
mod instruments;
mod io;
mod scripted;
mod world;

use std::panic::{self, AssertUnwindSafe};
use std::sync::OnceLock;

use ravelin_tests::behaviours::Ran;

use bare::Bare;
use behaviours::{Behaviour, behaviours};
use column::{AsyncStd, Column, Smol, Tokio};
use executor::Stuck;
use world::{Conditions, Scene, World};

/// Those in which one half works while the other waits: one waker for both directions fails each of them.
const NEEDS_BOTH_HALVES_WOKEN: &[&str] = &[
    "halves_echo_on_two_tasks",
    "both_write_while_both_read",
    "both_write_ten_mebibytes_while_both_read",
    "keys_are_updated_while_the_writer_is_blocked",
    "a_key_update_by_the_peer_leaves_the_writer_parked",
    "sending_tickets_leaves_the_writer_parked",
    "a_reader_waits_while_a_flush_transmits",
    "a_reader_waits_while_the_writer_closes",
    "the_wire_opens_between_two_looks",
    "halves_move_to_other_tasks",
    "both_close_at_once",
    "a_lost_peer_wakes_both_halves",
    "a_broken_transport_wakes_both_halves",
    "a_forged_record_wakes_both_halves",
    "a_refusal_by_the_peer_wakes_both_halves",
    "a_deadline_wakes_both_halves",
];

#[test]
fn tokio_passes_the_matrix() {
    assert!(!on_tokio().names().is_empty());
}

#[test]
fn smol_passes_the_matrix() {
    assert!(!on_smol().names().is_empty());
}

#[test]
fn async_std_passes_the_matrix() {
    assert!(!on_async_std().names().is_empty());
}

#[test]
fn the_driver_passes_the_matrix() {
    assert!(!on_the_driver().names().is_empty());
}

#[test]
fn the_matrix_was_the_same_for_every_adapter() {
    Ran::assert_identical(&[on_tokio(), on_smol(), on_async_std(), on_the_driver()]);
}

#[test]
fn one_waker_for_both_directions_fails_the_matrix() {
    let behaviours = behaviours::<Bare<true>>();
    for name in NEEDS_BOTH_HALVES_WOKEN {
        let behaviour = behaviours.iter().find(|behaviour| behaviour.name == *name);
        let lost = runs(behaviour.expect("a behaviour of the list"))
            .find_map(|(conditions, _, outcome)| Some((conditions.name, outcome.err()?)));
        let (conditions, stuck) = lost.unwrap_or_else(|| panic!("{name} does not notice"));
        println!("{name} fails with one waker, {conditions}: {stuck}");
    }
}

/// Runs the list once, however many tests ask.
fn on_tokio() -> &'static Ran {
    static RAN: OnceLock<Ran> = OnceLock::new();
    RAN.get_or_init(run::<Tokio>)
}

fn on_smol() -> &'static Ran {
    static RAN: OnceLock<Ran> = OnceLock::new();
    RAN.get_or_init(run::<Smol>)
}

fn on_async_std() -> &'static Ran {
    static RAN: OnceLock<Ran> = OnceLock::new();
    RAN.get_or_init(run::<AsyncStd>)
}

fn on_the_driver() -> &'static Ran {
    static RAN: OnceLock<Ran> = OnceLock::new();
    RAN.get_or_init(run::<Bare<false>>)
}

fn run<C: Column>() -> Ran {
    let mut names = Vec::new();
    for behaviour in behaviours::<C>() {
        for (conditions, order, outcome) in runs(&behaviour) {
            if let Err(stuck) = outcome {
                panic!(
                    "{} on {}, {}, order {order}: {stuck}",
                    behaviour.name,
                    C::NAME,
                    conditions.name
                );
            }
        }
        names.push(behaviour.name);
    }
    Ran::on(C::NAME, names)
}

/// Plays `behaviour` as the iterator asks for it.
fn runs<C: Column>(
    behaviour: &Behaviour<C>,
) -> impl Iterator<Item = (&'static Conditions, u64, Result<(), Stuck>)> {
    let Scene { conditions, orders } = behaviour.scene;
    conditions.iter().flat_map(move |conditions| {
        (0..orders).map(move |order| (conditions, order, play(behaviour, conditions, order)))
    })
}

fn play<C: Column>(
    behaviour: &Behaviour<C>,
    conditions: &Conditions,
    order: u64,
) -> Result<(), Stuck> {
    let _context = C::enter();
    let world = World::new(*conditions, order);
    let executor = world.executor();
    let run = || executor.run((behaviour.play)(world));
    panic::catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        eprintln!(
            "in {} on {}, {}, order {order}",
            behaviour.name,
            C::NAME,
            conditions.name
        );
        panic::resume_unwind(panic)
    })
}
