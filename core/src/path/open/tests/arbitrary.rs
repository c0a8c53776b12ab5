//! Answers in any order.

use proptest::prelude::*;

use super::*;

fn any_event() -> impl Strategy<Value = Event<'static>> {
    let kinds = prop::sample::select(
        &[
            Kind::Directory,
            Kind::Directory,
            Kind::Regular,
            Kind::Link,
            Kind::Fifo,
        ][..],
    );
    let opened = (kinds, 0..3_u64, 1..4_u64).prop_map(|(kind, nlink, inode)| {
        let mut facts = Facts {
            kind,
            nlink,
            ..FILE
        };
        facts.identity.inode = inode;
        Event::Opened(facts)
    });
    let targets: &[&[u8]] = &[
        b"a", b"..", b"../..", b".", b"b/./c/", b"", b"/", b"//", b"..//b",
    ];
    let failures = prop::sample::select(
        &[
            Failure::NotFound,
            Failure::Exists,
            Failure::Loop,
            Failure::NotDirectory,
            Failure::Special,
            Failure::Escape,
            Failure::Race,
            Failure::Unsupported,
            Failure::Filtered,
            Failure::Other(5),
        ][..],
    );
    prop_oneof![
        6 => opened,
        4 => prop::sample::select(targets).prop_map(Event::Target),
        2 => failures.prop_map(Event::Failed),
        2 => Just(Event::Finished),
        1 => Just(Event::WouldBlock),
    ]
}

proptest! {
    /// Whatever it is told, it asks for single names, never opens over the directory it is in, and ends.
    #[test]
    fn no_answer_confuses_it(
        events in prop::collection::vec(any_event(), 0..200),
        operation in 0..7_usize,
        follow: bool,
        one_shot: bool,
        fitting: bool,
    ) {
        let operations = [
            Operation::Read,
            Operation::Append,
            Operation::List,
            Operation::Stat,
            Operation::Create,
            Operation::Remove,
            Operation::MakeDirectory,
        ];
        let links = if follow { Links::InRoot } else { Links::Deny };
        let rules = rules().links(links).build().unwrap();
        let ground = Ground::new(&DIRECTORY, &[], Capabilities { one_shot, ..ALL }).unwrap();
        let path = rules.judge(b"a/b/c", operations[operation]).unwrap();
        let mut opening = Opening::new(&rules, ground, path, [0; 64]);
        for event in events {
            let fits = match opening.action() {
                Action::OpenOne { at, name, into, .. } => {
                    prop_assert!(!name.is_empty() && !name.contains(&b'/'));
                    prop_assert!(!matches!(name, b"." | b".."));
                    prop_assert!(at != At::Slot(into));
                    matches!(event, Event::Opened(_) | Event::Failed(_))
                }
                Action::ReadLink { .. } => matches!(event, Event::Target(_) | Event::Failed(_)),
                Action::OpenBeneath { .. } | Action::OpenRoot { .. } => {
                    matches!(event, Event::Opened(_) | Event::Failed(_))
                }
                Action::MakeDirectory { .. }
                | Action::Rename { .. }
                | Action::Remove { .. }
                | Action::Sync { .. }
                | Action::SyncDirectory { .. } => matches!(event, Event::Finished | Event::Failed(_)),
                Action::Done { .. } | Action::Denied(_) => break,
            };
            if fits || !fitting {
                opening.handle(event);
                let confused = opening.action() == Action::Denied(Denial::OutOfOrder);
                prop_assert!(fits || confused, "{:?}", opening.action());
            }
        }
        opening.handle(Event::Cancelled);
        prop_assert!(opening.action().is_end());
    }
}
