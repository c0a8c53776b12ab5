use super::*;

#[test]
fn a_replacement_is_committed_or_abandoned() {
    let rules = rules().build().unwrap();
    let ground = Ground::new(&DIRECTORY, &[], WALK).unwrap();
    let path = rules.judge(b"x", Operation::Replace).unwrap();
    let begin = |first| {
        let temporary = Temporary::new(0xfedc_ba98_7654_3210);
        let mut opening = Opening::replace(&rules, ground, path, temporary, [0; 64]);
        opening.handle(first);
        opening
    };
    let mut opening = begin(Event::Opened(FILE));
    let Action::OpenOne { name, how, .. } = opening.action() else {
        panic!("the temporary file is made");
    };
    assert_eq!(
        (name, how),
        (
            &b".ravelin-0123456789abcdef"[..],
            How::Create { mode: 0o644 }
        )
    );
    opening.handle(Event::Opened(FILE));
    let replacement = opening.replacement().unwrap();
    assert_eq!(replacement.parent(), At::Root);

    let mut commit = Commit::new(replacement);
    assert!(matches!(commit.action(), Action::Sync { .. }));
    commit.handle(Event::Finished);
    let Action::Rename {
        new_name, replace, ..
    } = commit.action()
    else {
        panic!("it gets its name");
    };
    assert_eq!((new_name, replace), (&b"x"[..], true));
    commit.handle(Event::Finished);
    assert_eq!(commit.action(), Action::SyncDirectory { at: At::Root });
    let renamed = commit.clone();
    commit.handle(Event::Finished);
    commit.handle(Event::Opened(FILE));
    assert!(matches!(commit.action(), Action::Done { .. }));

    // What a directory cannot do does not take the name back; what a disk cannot do is said.
    for (failure, end) in [
        (Failure::Unsupported, None),
        (Failure::NotPermitted, None),
        (Failure::Filtered, None),
        (Failure::Other(5), Some(Denial::System { code: 5 })),
    ] {
        let mut commit = renamed.clone();
        commit.handle(Event::Failed(failure));
        match end {
            None => assert!(matches!(
                commit.action(),
                Action::OpenOne { name: b"x", .. }
            )),
            Some(denial) => assert_eq!(commit.action(), Action::Denied(denial)),
        }
    }

    let mut other = FILE;
    other.identity.inode = 10;
    let mut abandon = Commit::abandon(replacement);
    abandon.handle(Event::Opened(other));
    assert_eq!(
        abandon.action(),
        Action::Denied(Denial::Swapped),
        "not ours to remove"
    );
    let mut abandon = Commit::abandon(replacement);
    abandon.handle(Event::Opened(FILE));
    assert!(matches!(abandon.action(), Action::Remove { .. }));
    abandon.handle(Event::Finished);
    assert_eq!(abandon.action(), Action::Denied(Denial::Cancelled));
    let mut confused = Commit::new(replacement);
    confused.handle(Event::WouldBlock);
    assert_eq!(confused.action(), Action::Denied(Denial::OutOfOrder));

    let opening = begin(Event::Failed(Failure::NotFound));
    let how = How::Create { mode: 0o600 };
    assert!(matches!(opening.action(), Action::OpenOne { how: asked, .. } if asked == how));
    let mut opening = begin(Event::Opened(FILE));
    opening.handle(Event::Failed(Failure::Exists));
    assert_eq!(opening.action(), Action::Denied(Denial::Busy));
    assert_eq!(opening.replacement(), None);
}
