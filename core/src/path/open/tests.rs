use alloc::format;
use alloc::vec::Vec;

use super::*;
use crate::path::{Devices, Dialect, HardLinks, Owner, RulesBuilder};

mod arbitrary;
mod commit;

const DIRECTORY: Facts = Facts {
    kind: Kind::Directory,
    size: 0,
    nlink: 2,
    uid: 0,
    mode: 0o755,
    identity: Identity {
        device: 1,
        inode: 1,
    },
    mount: Some(1),
    filesystem: Filesystem::Storage,
};

const FILE: Facts = Facts {
    kind: Kind::Regular,
    size: 4,
    nlink: 1,
    mode: 0o644,
    identity: Identity {
        device: 1,
        inode: 9,
    },
    ..DIRECTORY
};

const ALL: Capabilities = Capabilities {
    one_shot: true,
    cached: false,
    case_exact: true,
};

const WALK: Capabilities = Capabilities {
    one_shot: false,
    ..ALL
};

fn rules() -> RulesBuilder {
    Rules::builder().dialect(Dialect::Posix)
}

/// Runs an operation with one answer after another, and says which actions were asked for and how it ended.
fn run(
    rules: RulesBuilder,
    operation: Operation,
    path: &str,
    capabilities: Capabilities,
    events: &[Event<'_>],
) -> (Vec<&'static str>, Result<Facts, Denial>) {
    let rules = rules.build().unwrap();
    let ground = Ground::new(&DIRECTORY, &[], capabilities).unwrap();
    let path = rules.judge(path.as_bytes(), operation).unwrap();
    let opening = Opening::new(&rules, ground, path, [0; 64]);
    drive(opening, events)
}

fn drive(
    mut opening: Opening<'_, [u8; 64]>,
    events: &[Event<'_>],
) -> (Vec<&'static str>, Result<Facts, Denial>) {
    let mut asked = Vec::new();
    let mut events = events.iter();
    loop {
        asked.push(match opening.action() {
            Action::Done { facts, .. } => return (asked, Ok(facts)),
            Action::Denied(denial) => return (asked, Err(denial)),
            Action::OpenBeneath {
                cached_only: true, ..
            } => "cached",
            Action::OpenBeneath { .. } => "beneath",
            Action::OpenRoot { .. } => "root",
            Action::OpenOne { how: How::Pin, .. } => "pin",
            Action::OpenOne { .. } => "open",
            Action::ReadLink { .. } => "link",
            Action::MakeDirectory { .. } => "mkdir",
            Action::Rename { .. } => "rename",
            Action::Remove { .. } => "remove",
            Action::Sync { .. } | Action::SyncDirectory { .. } => "sync",
        });
        opening.handle(*events.next().expect("an answer to each question"));
    }
}

fn denial_of(rules: RulesBuilder, operation: Operation, facts: Facts) -> Option<Denial> {
    let events = [Event::Opened(facts)];
    run(rules, operation, "x", ALL, &events).1.err()
}

#[test]
fn each_rule_has_its_own_code_and_a_remedy() {
    let limit = 7;
    let denials = [
        Denial::NotFound,
        Denial::Exists,
        Denial::NotDirectory,
        Denial::NotPermitted,
        Denial::Link,
        Denial::LinkLeaves,
        Denial::TooManyLinks,
        Denial::LinkOwner,
        Denial::Mount,
        Denial::Kernel,
        Denial::IsDirectory,
        Denial::Fifo,
        Denial::Socket,
        Denial::DeviceFile,
        Denial::Irregular,
        Denial::TooLarge { limit },
        Denial::HardLink,
        Denial::OtherOwner,
        Denial::ForbiddenFile,
        Denial::Busy,
        Denial::Swapped,
        Denial::NotEmpty,
        Denial::Unsupported,
        Denial::System { code: 7 },
        Denial::TooManyOpen { limit: 7 },
        Denial::Cancelled,
        Denial::OutOfOrder,
        Denial::OtherRoot,
        Denial::SystemOperation,
        Denial::SystemLinks,
        Denial::SystemOwners,
        Denial::SystemNames,
        Denial::Separator,
    ];
    for (number, denial) in (40..).zip(denials) {
        assert_eq!(denial.code(), format!("E-PTH-{number}"));
        let text = format!("{denial}");
        assert_eq!(text.matches("; ").count(), 1, "{text}");
        assert!(!text.contains("  ") && !text.ends_with('.'), "{text}");
    }
    for denial in [
        Denial::TooLarge { limit },
        Denial::System { code: 7 },
        Denial::TooManyOpen { limit: 7 },
    ] {
        assert!(format!("{denial}").contains('7'));
    }
}

#[test]
fn a_root_is_judged_too() {
    let ground = |facts: &Facts| Ground::new(facts, &[], ALL).map(|_| ());
    assert_eq!(ground(&DIRECTORY), Ok(()));
    assert_eq!(ground(&FILE), Err(Denial::NotDirectory));
    let filesystem = Filesystem::Kernel;
    let facts = Facts {
        filesystem,
        ..DIRECTORY
    };
    assert_eq!(ground(&facts), Err(Denial::Kernel));
}

#[test]
fn the_opened_file_is_judged() {
    let of_kind = |kind| Facts { kind, ..FILE };
    let read = |facts| denial_of(rules(), Operation::Read, facts);
    assert_eq!(read(FILE), None);
    assert_eq!(read(DIRECTORY), Some(Denial::IsDirectory));
    let kinds = [
        (Kind::Link, Denial::Link),
        (Kind::Fifo, Denial::Fifo),
        (Kind::Socket, Denial::Socket),
        (Kind::Device, Denial::DeviceFile),
        (Kind::Other, Denial::Irregular),
    ];
    for (kind, denial) in kinds {
        assert_eq!(read(of_kind(kind)), Some(denial));
        assert_eq!(
            denial_of(rules(), Operation::Append, of_kind(kind)),
            Some(denial)
        );
    }
    assert_eq!(
        denial_of(rules(), Operation::List, FILE),
        Some(Denial::NotDirectory)
    );
    assert_eq!(
        denial_of(rules(), Operation::Stat, of_kind(Kind::Fifo)),
        None
    );
    assert_eq!(
        denial_of(rules(), Operation::Stat, of_kind(Kind::Link)),
        Some(Denial::Link)
    );

    let filesystem = Filesystem::Kernel;
    let facts = Facts { filesystem, ..FILE };
    assert_eq!(read(facts), Some(Denial::Kernel));
    let any = |facts| denial_of(rules().devices(Devices::Any), Operation::Read, facts);
    assert_eq!(any(facts), Some(Denial::Kernel));
    let mount = Some(2);
    assert_eq!(read(Facts { mount, ..FILE }), Some(Denial::Mount));
    assert_eq!(any(Facts { mount, ..FILE }), None);

    let limit = 4;
    let small = |operation, size| {
        denial_of(
            rules().max_file_size(limit),
            operation,
            Facts { size, ..FILE },
        )
    };
    assert_eq!(small(Operation::Read, 4), None);
    assert_eq!(small(Operation::Read, 5), Some(Denial::TooLarge { limit }));
    assert_eq!(
        small(Operation::Append, 5),
        Some(Denial::TooLarge { limit })
    );
    assert_eq!(small(Operation::Stat, 5), None);
}

#[test]
fn owners_and_hard_links_are_as_the_rules_say() {
    let of = |uid| Facts { uid, ..FILE };
    let owned = |owner, facts| denial_of(rules().owner(owner), Operation::Read, facts);
    assert_eq!(owned(Owner::Any, of(7)), None);
    assert_eq!(owned(Owner::User(7), of(7)), None);
    assert_eq!(owned(Owner::User(7), of(0)), Some(Denial::OtherOwner));
    assert_eq!(owned(Owner::UserOrRoot(7), of(0)), None);
    assert_eq!(owned(Owner::UserOrRoot(7), of(8)), Some(Denial::OtherOwner));

    let nlink = 2;
    let linked = |hard_links, operation| {
        denial_of(
            rules().hard_links(hard_links),
            operation,
            Facts { nlink, ..FILE },
        )
    };
    assert_eq!(linked(HardLinks::Allow, Operation::Append), None);
    assert_eq!(linked(HardLinks::DenyWrites, Operation::Read), None);
    assert_eq!(
        linked(HardLinks::DenyWrites, Operation::Append),
        Some(Denial::HardLink)
    );
    assert_eq!(
        linked(HardLinks::Deny, Operation::Read),
        Some(Denial::HardLink)
    );
    assert_eq!(linked(HardLinks::Deny, Operation::Stat), None);
}

#[test]
fn a_path_is_resolved_at_once_only_where_that_is_sound() {
    let first = |rules: RulesBuilder, capabilities| {
        let events = [Event::Cancelled];
        run(rules, Operation::Read, "a/x", capabilities, &events).0[0]
    };
    let folding = Capabilities {
        case_exact: false,
        ..ALL
    };
    let lists = || rules().forbid_extensions(["key"]);
    assert_eq!(first(rules(), ALL), "beneath");
    assert_eq!(first(rules(), WALK), "pin");
    assert_eq!(first(rules(), folding), "beneath", "no rule asks for names");
    assert_eq!(first(lists(), ALL), "beneath");
    assert_eq!(
        first(lists(), folding),
        "pin",
        "another name may be the same file"
    );
    assert_eq!(first(rules().forbid_subtree("s"), folding), "pin");
    assert_eq!(first(rules().links(Links::InRoot), ALL), "beneath");
    assert_eq!(
        first(lists().links(Links::InRoot), ALL),
        "pin",
        "a link has another name"
    );
    assert_eq!(
        first(rules().links(Links::Trusted), ALL),
        "pin",
        "links have owners"
    );

    let rules = rules().build().unwrap();
    for (directory, action) in [(true, How::Pin), (false, How::Read)] {
        let identity = FILE.identity;
        let forbidden = [Forbidden {
            identity,
            directory,
        }];
        let ground = Ground::new(&DIRECTORY, &forbidden, ALL).unwrap();
        let path = rules.judge(b"a/x", Operation::Read).unwrap();
        let mut opening = Opening::new(&rules, ground, path, []);
        let (Action::OpenBeneath { how, .. } | Action::OpenOne { how, .. }) = opening.action()
        else {
            panic!("something is opened");
        };
        assert_eq!(
            how, action,
            "a path may lead through a directory, not through a file"
        );
        let facts = Facts {
            identity,
            ..if directory { DIRECTORY } else { FILE }
        };
        opening.handle(Event::Opened(facts));
        assert_eq!(opening.action(), Action::Denied(Denial::ForbiddenFile));
    }
}

#[test]
fn backslashes_of_the_windows_dialect_are_walked() {
    let rules = Rules::builder().dialect(Dialect::Windows).build().unwrap();
    let ground = Ground::new(&DIRECTORY, &[], ALL).unwrap();
    let path = rules.judge(br"a\x", Operation::Read).unwrap();
    let opening = Opening::new(&rules, ground, path, []);
    assert!(matches!(
        opening.action(),
        Action::OpenOne { name: b"a", .. }
    ));
    let path = rules.judge(b"a/x", Operation::Read).unwrap();
    let opening = Opening::new(&rules, ground, path, []);
    assert!(matches!(opening.action(), Action::OpenBeneath { .. }));
}

#[test]
fn memory_is_asked_first_and_only_where_nothing_changes() {
    let cached = Capabilities {
        cached: true,
        ..ALL
    };
    let opened = Event::Opened(FILE);
    let read = |events: &[Event<'_>]| run(rules(), Operation::Read, "x", cached, events).0;
    assert_eq!(read(&[opened]), ["cached"]);
    assert_eq!(read(&[Event::WouldBlock, opened]), ["cached", "beneath"]);
    let unsupported = Event::Failed(Failure::Unsupported);
    assert_eq!(read(&[unsupported, opened]), ["cached", "beneath"]);
    assert_eq!(
        read(&[unsupported, unsupported, opened]),
        ["cached", "beneath", "open"]
    );
    let events = [Event::Opened(DIRECTORY), opened];
    let (asked, _) = run(rules(), Operation::Create, "a/x", cached, &events);
    assert_eq!(asked, ["beneath", "open"]);

    let rules = rules().build().unwrap();
    let ground = Ground::new(&DIRECTORY, &[], cached).unwrap();
    let path = rules.judge(b"x", Operation::Read).unwrap();
    let mut opening = Opening::new(&rules, ground, path, []);
    assert!(!opening.action().may_block());
    opening.handle(Event::WouldBlock);
    assert!(opening.action().may_block());
    opening.handle(opened);
    assert!(!opening.action().may_block() && opening.action().is_end());
}

/// cap-std took `EPERM` of `openat2` for the file's; libpathrs #305: a filter may come later, so nothing is remembered.
#[test]
fn cap_std_147_and_libpathrs_305_filtered_call() {
    let (file, directory) = (Event::Opened(FILE), Event::Opened(DIRECTORY));
    let filtered = Event::Failed(Failure::Filtered);
    for _ in 0..2 {
        let events = [filtered, directory, file];
        let (asked, end) = run(rules(), Operation::Read, "a/x", ALL, &events);
        assert_eq!(asked, ["beneath", "pin", "open"]);
        assert_eq!(end, Ok(FILE));
    }
    let (_, end) = run(rules(), Operation::Read, "x", ALL, &[filtered, filtered]);
    assert_eq!(end, Err(Denial::NotPermitted), "it was the file");
}

/// securejoin retries `EXDEV`: a rename elsewhere looks like an escape. Here the walk tells.
#[test]
fn securejoin_escape_is_confirmed_by_a_walk() {
    let (file, directory) = (Event::Opened(FILE), Event::Opened(DIRECTORY));
    let escape = Event::Failed(Failure::Escape);
    let (asked, end) = run(
        rules(),
        Operation::Read,
        "a/x",
        ALL,
        &[escape, directory, file],
    );
    assert_eq!(
        (asked, end),
        (["beneath", "pin", "open"].to_vec(), Ok(FILE))
    );
    let mount = Some(2);
    let mounted = Event::Opened(Facts { mount, ..DIRECTORY });
    let (_, end) = run(rules(), Operation::Read, "a/x", ALL, &[escape, mounted]);
    assert_eq!(end, Err(Denial::Mount));
}

#[test]
fn a_race_is_tried_again_sixteen_times_and_then_walked() {
    let race = Event::Failed(Failure::Race);
    let mut events = [race; 18].to_vec();
    events[17] = Event::Opened(FILE);
    let (asked, end) = run(rules(), Operation::Read, "x", ALL, &events);
    assert_eq!(asked[..17], ["beneath"; 17]);
    assert_eq!((&asked[17..], end), (&["open"][..], Ok(FILE)));
    let (asked, end) = run(rules(), Operation::Read, "x", ALL, &[race; 34]);
    assert_eq!((asked.len(), end), (34, Err(Denial::Busy)));
    // A name that is a link for one look and a file for the other.
    let flips = [Event::Failed(Failure::Loop), Event::Opened(FILE)].repeat(17);
    let (_, end) = run(rules(), Operation::Read, "x", WALK, &flips);
    assert_eq!(end, Err(Denial::Busy));
}

#[test]
fn links_are_read_by_the_machine() {
    let (file, directory) = (Event::Opened(FILE), Event::Opened(DIRECTORY));
    let uid = 7;
    let kind = Kind::Link;
    let link = Event::Opened(Facts { kind, ..FILE });
    let others = Event::Opened(Facts { kind, uid, ..FILE });
    let follow = |links, events: &[Event<'_>]| {
        run(rules().links(links), Operation::Read, "a/x", WALK, events)
    };
    let events = [link, Event::Target(b"b/c"), directory, directory, file];
    let (asked, end) = follow(Links::InRoot, &events);
    assert_eq!(
        (asked, end),
        (["pin", "link", "pin", "pin", "open"].to_vec(), Ok(FILE))
    );
    let looped = Event::Failed(Failure::Loop);
    let events = [directory, looped, link, Event::Target(b"y"), file];
    let (asked, end) = follow(Links::InRoot, &events);
    assert_eq!(
        (asked, end),
        (["pin", "open", "pin", "link", "open"].to_vec(), Ok(FILE))
    );

    assert_eq!(follow(Links::Deny, &[link]).1, Err(Denial::Link));
    assert_eq!(
        follow(Links::Deny, &[directory, looped, link]).1,
        Err(Denial::Link)
    );
    assert_eq!(follow(Links::Trusted, &[others]).1, Err(Denial::LinkOwner));
    let absolute = [link, Event::Target(b"/etc")];
    assert_eq!(follow(Links::Trusted, &absolute).1, Err(Denial::LinkLeaves));
    let long = [link, Event::Target(&[b'y'; 70])];
    assert_eq!(follow(Links::InRoot, &long).1, Err(Denial::TooManyLinks));
    let control = [link, Event::Target(b"a\\b")];
    let portable = Rules::builder().links(Links::InRoot);
    let (_, end) = run(portable, Operation::Read, "a/x", WALK, &control);
    assert_eq!(end, Err(Denial::Backslash), "names in targets are judged");
    // On POSIX the target is one name, and the rules would read two.
    let windows = Rules::builder().dialect(Dialect::Windows);
    let windows = windows.links(Links::InRoot);
    let (_, end) = run(windows, Operation::Read, "a/x", WALK, &control);
    assert_eq!(end, Err(Denial::Separator));
    let around: Vec<_> = [link, Event::Target(b"b")].repeat(41);
    assert_eq!(follow(Links::InRoot, &around).1, Err(Denial::TooManyLinks));
}

#[test]
fn the_system_may_confine_where_mounts_have_no_numbers() {
    // An overlay shows the device of the lower file system.
    let mut overlaid = FILE;
    (overlaid.mount, overlaid.identity.device) = (None, 2);
    let events = [Event::Opened(overlaid)];
    assert_eq!(
        run(rules(), Operation::Read, "x", ALL, &events).1,
        Ok(overlaid)
    );
    assert_eq!(
        run(rules(), Operation::Read, "x", WALK, &events).1,
        Err(Denial::Mount)
    );
}

#[test]
fn renames_end_with_a_look() {
    let rules = rules().build().unwrap();
    let ground = Ground::new(&DIRECTORY, &[], WALK).unwrap();
    let judge = |path| rules.judge(path, Operation::Rename).unwrap();
    let (directory, file) = (Event::Opened(DIRECTORY), Event::Opened(FILE));
    let mut other = FILE;
    other.identity.inode = 10;
    let done = [directory, file, directory, Event::Finished];
    for (last, end) in [
        (file, Ok(FILE)),
        (Event::Opened(other), Err(Denial::Swapped)),
        (Event::Failed(Failure::NotFound), Err(Denial::Swapped)),
    ] {
        let opening = Opening::rename(&rules, ground, judge(b"a/x"), judge(b"b/y"), [0; 64]);
        let events = [&done[..], &[last]].concat();
        let asked = ["pin", "pin", "pin", "rename", "pin"].to_vec();
        assert_eq!(drive(opening, &events), (asked, end));
    }
}

#[test]
fn an_operation_is_only_what_its_path_was_judged_for() {
    let rules = Rules::builder().root("/r").root("/s").build().unwrap();
    let ground = Ground::new(&DIRECTORY, &[], ALL).unwrap();
    let judge = |path: &'static str, operation| rules.judge(path.as_bytes(), operation).unwrap();
    let read = judge("x", Operation::Read);
    let replace = judge("x", Operation::Replace);
    let (one, two) = (
        judge("x", Operation::Rename),
        judge("/s/x", Operation::Rename),
    );
    let temporary = Temporary::new(1);
    let out_of_order = Action::Denied(Denial::OutOfOrder);
    let opening = Opening::new(&rules, ground, replace, []);
    assert_eq!(opening.action(), out_of_order);
    let opening = Opening::new(&rules, ground, one, []);
    assert_eq!(opening.action(), out_of_order);
    let opening = Opening::replace(&rules, ground, read, temporary, []);
    assert_eq!(opening.action(), out_of_order);
    let opening = Opening::rename(&rules, ground, one, read, []);
    assert_eq!(opening.action(), out_of_order);
    let opening = Opening::rename(&rules, ground, one, two, []);
    assert_eq!(opening.action(), Action::Denied(Denial::OtherRoot));
}

#[test]
fn handles_are_closed_by_those_that_follow() {
    let mut handles = Handles::default();
    let (one, two) = (Slot::of_walk(0, false), Slot::of_walk(0, true));
    handles.put(one, 1);
    handles.put(two, 2);
    handles.put(one, 3);
    assert_eq!((handles.get(one), handles.get(two)), (Some(&3), Some(&2)));
    assert_eq!(handles.at(At::Root, &0), Some(&0));
    assert_eq!(handles.at(At::Slot(two), &0), Some(&2));
    assert_eq!((handles.take(two), handles.take(two)), (Some(2), None));
    let slots: Vec<_> = [0, 1]
        .into_iter()
        .flat_map(|walk| [false, true].map(|turn| Slot::of_walk(walk, turn).index()))
        .chain([Slot::FILE.index()])
        .collect();
    assert_eq!(slots, (0..SLOTS).collect::<Vec<_>>());
}
