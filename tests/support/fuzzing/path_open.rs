//! `path::open` against an adapter that answers whatever the input says: facts that change, links, errors, and answers
//! to other questions.
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "an action that an oracle has not heard of is nothing to it"
)]

mod adapter;
mod script;

use std::cell::Cell;

use ravelin_core::path::open::{
    Action, BUFFER, Commit, Event, Ground, Machine, Opening, Temporary,
};
use ravelin_core::path::{Denial, Judged, Links, Operation, Rules};

use super::input::Input;
use super::path_rules::operation;
use super::{Mark, Reached};
use adapter::Adapter;
use script::Script;

pub use script::Scene;

/// More actions than any run takes: a name costs one, a link (40 in each of two walks) two more, and so does each of
/// the 32 times that something is tried again; the rest does not repeat.
const MOST_ACTIONS: usize = 10_000 + 2 * 80 + 2 * 32 + 20;

/// A scene (two bytes, [`Scene`]), an operation (one byte), a path and for a rename a second one (each a byte of length,
/// and text), and answers.
pub fn path_open(input: &[u8]) -> Reached {
    let mut reached = Reached::new();
    let mut input = Input::new(input);
    let (Some(scene), Some(operation)) = (input.word(), input.byte()) else {
        return reached;
    };
    let (scene, operation) = (Scene(scene), self::operation(operation));
    let rules = scene.rules();
    let mut path = || {
        let len = input.byte().unwrap_or_default();
        rules.judge(input.take(usize::from(len)), operation)
    };
    let first = path();
    let second = match operation {
        Operation::Rename => path().map(Some),
        _ => Ok(None),
    };
    let (Ok(first), Ok(second)) = (first, second) else {
        reached.insert(Mark::Refused);
        return reached;
    };
    let handles = Cell::new(0);
    let mut script = Script::new(scene, input.take(usize::MAX));
    let mut adapter = Adapter::new(scene, &rules, first, &handles);
    let root = scene.root();
    let forbidden = scene.forbidden();
    let Ok(ground) = Ground::new(&root, &forbidden, scene.capabilities()) else {
        assert!(!scene.has_good_root());
        return reached;
    };
    assert!(scene.has_good_root());
    let room = match rules.links() {
        Links::Deny => 0,
        _ if scene.is_tight() => 48,
        _ => BUFFER,
    };
    let buffer = vec![0; room];
    let temporary = Temporary::new(7);
    let mut opening = match (operation, second) {
        (Operation::Replace, _) => Opening::replace(&rules, ground, first, temporary, buffer),
        (_, Some(second)) => Opening::rename(&rules, ground, first, second, buffer),
        _ => Opening::new(&rules, ground, first, buffer),
    };

    let mut actions = 0;
    while !opening.action().is_end() {
        actions += 1;
        assert!(actions <= MOST_ACTIONS, "it ends");
        step(&mut opening, &mut script, &mut adapter, &mut reached);
    }
    let end = match opening.action() {
        Action::Done { handle, facts } => Ok((handle, facts)),
        Action::Denied(denial) => Err(denial),
        action => panic!("no end: {action:?}"),
    };
    stays(&mut opening);
    match end {
        Ok((handle, facts)) => {
            reached.insert(Mark::Accepted);
            adapter.is_granted(handle, facts, opening.resolved(), second);
            if operation == Operation::Replace {
                let replacement = opening.replacement().expect("it is done");
                adapter.begin_commit(replacement.parent(), temporary, facts.identity);
                let commit = if scene.abandons() {
                    Commit::abandon(replacement)
                } else {
                    Commit::new(replacement)
                };
                finish(commit, &mut script, &mut adapter, &mut reached);
                drop(adapter);
            } else {
                assert_eq!(opening.replacement(), None);
                let granted = adapter.end(handle);
                assert_eq!(handles.get(), 1, "all others are closed");
                drop(granted);
            }
        }
        Err(denial) => {
            reached.insert(Mark::Refused);
            assert_eq!((opening.resolved(), opening.replacement()), (None, None));
            if denial == Denial::TooManyLinks || denial == Denial::Busy {
                reached.insert(Mark::Bound);
            }
            drop(adapter);
        }
    }
    assert_eq!(handles.get(), 0, "all are closed");
    reached
}

/// Carries out one action and answers it, or something else.
fn step(
    machine: &mut impl Machine,
    script: &mut Script<'_>,
    adapter: &mut Adapter<'_>,
    reached: &mut Reached,
) {
    let action = machine.action();
    assert_eq!(action, machine.action(), "the same until it is answered");
    adapter.is_fair(action);
    let answer = script.answer(action, adapter);
    let event = answer.event();
    let demanded = match event {
        Event::Cancelled => Some(Denial::Cancelled),
        _ if !answers(action, event) => Some(Denial::OutOfOrder),
        _ => None,
    };
    reached.extend(mark(action, event, demanded));
    if demanded.is_none() {
        adapter.carry_out(action, event);
    }
    machine.handle(event);
    if let Some(denial) = demanded {
        assert_eq!(machine.action(), Action::Denied(denial), "{event:?}");
    }
}

fn finish(
    mut commit: Commit,
    script: &mut Script<'_>,
    adapter: &mut Adapter<'_>,
    reached: &mut Reached,
) {
    let mut actions = 0;
    while !commit.action().is_end() {
        actions += 1;
        assert!(actions <= 4, "it ends");
        step(&mut commit, script, adapter, reached);
    }
    let end = commit.action();
    if let Action::Done { handle, facts } = end {
        adapter.is_committed(handle, facts);
        reached.insert(Mark::Replaced);
    }
    stays(&mut commit);
}

/// After the end nothing changes.
fn stays(machine: &mut impl Machine) {
    let end = format!("{:?}", machine.action());
    for event in [
        Event::Finished,
        Event::WouldBlock,
        Event::Target(b"t"),
        Event::Opened(Scene(0).root()),
        Event::Cancelled,
    ] {
        machine.handle(event);
        assert_eq!(format!("{:?}", machine.action()), end, "{event:?}");
    }
}

/// Whether the event is one of those that the action may have.
fn answers(action: Action<'_>, event: Event<'_>) -> bool {
    match event {
        Event::Failed(_) | Event::Cancelled => true,
        Event::Opened(_) => adapter::slot(action).is_some(),
        Event::Target(_) => matches!(action, Action::ReadLink { .. }),
        Event::Finished => matches!(
            action,
            Action::MakeDirectory { .. }
                | Action::Rename { .. }
                | Action::Remove { .. }
                | Action::Sync { .. }
                | Action::SyncDirectory { .. }
        ),
        Event::WouldBlock => !action.is_end() && !action.may_block(),
    }
}

fn mark(action: Action<'_>, event: Event<'_>, demanded: Option<Denial>) -> Option<Mark> {
    match (action, event) {
        _ if demanded == Some(Denial::OutOfOrder) => Some(Mark::OutOfOrder),
        (Action::OpenBeneath { .. }, Event::Opened(_)) => Some(Mark::OneShot),
        (Action::OpenOne { .. }, Event::Opened(_)) => Some(Mark::Walked),
        (Action::ReadLink { .. }, Event::Target(_)) => Some(Mark::LinkFollowed),
        (_, Event::Finished) => Some(Mark::Changed),
        _ => None,
    }
}

/// Whether a name may be used: a plain one that the rules accept.
fn is_plain(rules: &Rules, name: &[u8]) -> bool {
    let separators = |byte: &u8| matches!(byte, 0 | b'/') || rules.dialect().separates(*byte);
    ![&b""[..], b".", b".."].contains(&name)
        && !name.iter().any(separators)
        && rules.judge_name(name).is_ok()
}

/// The names of a path, joined with `/`.
fn joined(path: Judged<'_>) -> Vec<u8> {
    path.components().collect::<Vec<_>>().join(&b'/')
}
