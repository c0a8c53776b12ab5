//! `path::Rules` against each of its rules, decided once more on the text, and against where the path would lead.

mod second;

use ravelin_core::path::uri::FileUri;
use ravelin_core::path::{Denial, Judged, Operation, Rules, SettingsError};

use super::input::Input;
use super::{Mark, Reached};
use crate::paths::oracle::{self, Place, System};
use second::Second;

pub use second::Settings;

/// Settings (two bytes, [`Settings`]), an operation and which stricter settings to compare with (one byte), and a path.
pub fn path_rules(input: &[u8]) -> Reached {
    let mut reached = Reached::new();
    let mut input = Input::new(input);
    let (Some(settings), Some(choice)) = (input.word(), input.byte()) else {
        return reached;
    };
    let (settings, operation) = (Settings(settings), operation(choice));
    let path = input.take(usize::MAX);
    let Some(rules) = build(settings) else {
        return reached;
    };
    let verdict = rules.judge(path, operation);
    assert_eq!(verdict, rules.judge(path, operation), "judged twice");
    let second = Second::new(settings, path, operation);
    match verdict {
        Ok(judged) => {
            reached.insert(Mark::Accepted);
            assert_eq!(second.broken(), [], "accepted: {settings:?}");
            is_contained(settings, &rules, path, judged);
        }
        Err(denial) => {
            assert!(second.may_break(denial), "{denial:?}: {settings:?}");
            reached.insert(Mark::Refused);
        }
    }
    let stricter = settings.stricter();
    let stricter = stricter[usize::from(choice) / OPERATIONS.len() % stricter.len()];
    match build(stricter).map(|rules| rules.judge(path, operation)) {
        Some(Ok(judged)) => assert_eq!(verdict.map(what), Ok(what(judged)), "{stricter:?}"),
        Some(Err(_)) if verdict.is_ok() => {
            reached.insert(Mark::Stricter);
        }
        Some(Err(_)) | None => {}
    }
    if agrees_with_its_uri(settings, &rules, path, operation) {
        reached.insert(Mark::Equal);
    }
    reached
}

/// The operation that a byte stands for.
pub(super) fn operation(byte: u8) -> Operation {
    OPERATIONS[usize::from(byte) % OPERATIONS.len()]
}

const OPERATIONS: [Operation; 9] = [
    Operation::Read,
    Operation::Create,
    Operation::Replace,
    Operation::Append,
    Operation::List,
    Operation::Stat,
    Operation::Rename,
    Operation::Remove,
    Operation::MakeDirectory,
];

/// The rules, unless absolute paths are required below no root.
fn build(settings: Settings) -> Option<Rules> {
    let rules = settings.rules();
    if let Err(error) = rules {
        assert_eq!(error, SettingsError::NoRoots);
        assert!(settings.cannot_work());
    }
    rules.ok()
}

/// What does not depend on the other settings.
fn what(judged: Judged<'_>) -> (&[u8], u16, u16, bool) {
    let (root, depth) = (judged.root(), judged.depth());
    (judged.as_bytes(), root, depth, judged.must_be_dir())
}

fn is_contained(settings: Settings, rules: &Rules, path: &[u8], judged: Judged<'_>) {
    let separates = |byte: &u8| settings.separates(*byte);
    let names: Vec<_> = judged.components().collect();
    let mut backwards: Vec<_> = judged.components().rev().collect();
    backwards.reverse();
    assert_eq!(names, backwards);
    assert_eq!(names.len(), usize::from(judged.depth()));
    assert_eq!(names.is_empty(), judged.is_root());
    for name in &names {
        assert!(![&b""[..], b".", b".."].contains(name), "{names:?}");
        assert!(!name.iter().any(|byte| *byte == 0 || separates(byte)));
        assert_eq!(rules.judge_name(name), Ok(()), "alone");
    }

    // Nothing was changed: the path is the root's, the names with what was between them, and maybe one separator more.
    let trimmed = path.strip_suffix(b"/").unwrap_or_else(|| {
        let backslash = path.strip_suffix(b"\\");
        backslash
            .filter(|_| settings.separates(b'\\'))
            .unwrap_or(path)
    });
    assert!(trimmed.ends_with(judged.as_bytes()));
    let joined: Vec<_> = names.join(&b'/');
    let between = |byte: &u8| if separates(byte) { b'/' } else { *byte };
    let written: Vec<_> = judged.as_bytes().iter().map(between).collect();
    assert_eq!(joined, written);
    assert_eq!(
        judged.must_be_dir(),
        trimmed.len() < path.len() || judged.is_root()
    );

    // Where it would lead, if it were opened by its name.
    let root = rules.roots().nth(usize::from(judged.root()));
    let root = root.map_or("/srv/notes", |root| str::from_utf8(root).expect("ours"));
    for system in settings.systems(path) {
        let on = match system {
            System::Windows if !root.contains(':') => r"C:\srv\notes",
            System::Windows | System::Posix => root,
        };
        match oracle::resolve(path, on, *system) {
            Place::Inside(below) => assert_eq!(below.len(), names.len(), "{below:?}"),
            Place::Outside => panic!("leads out of {on} on {system:?}"),
        }
    }
    let names = names.iter().copied();
    let again = rules.judge_resolved(
        judged.root(),
        names,
        judged.must_be_dir(),
        judged.operation(),
    );
    assert_eq!(again, Ok(()), "nothing was moved by a link");
}

/// The URI of an absolute path has the verdict of the path.
fn agrees_with_its_uri(
    settings: Settings,
    rules: &Rules,
    path: &[u8],
    operation: Operation,
) -> bool {
    let Ok(uri) = FileUri::new(path, settings.dialect()) else {
        return false;
    };
    let uri = uri.to_string();
    let mut buffer = vec![0; uri.len()];
    let of_uri = rules.judge_uri(uri.as_bytes(), operation, &mut buffer);
    match (of_uri, rules.judge(path, operation)) {
        (Ok(of_uri), Ok(judged)) => {
            assert!(of_uri.components().eq(judged.components()), "{uri}");
            assert_eq!(of_uri.root(), judged.root());
            return true;
        }
        // A URI may be longer than a path.
        (Err(Denial::TooLong { .. }), Err(Denial::TooLong { .. })) => {}
        (of_uri, judged) => assert_eq!(of_uri, judged, "{uri}"),
    }
    false
}
