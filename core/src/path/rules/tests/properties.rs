//! What holds for every path.

use proptest::prelude::*;

use super::*;

/// Paths out of what the rules look for, so that long accepted and nearly accepted ones come up.
fn paths() -> impl Strategy<Value = Vec<u8>> {
    let pieces: Vec<&[u8]> = vec![
        b"/",
        b"\\",
        b".",
        b"..",
        b"a",
        b"b.txt",
        b" ",
        b":",
        b"C:",
        b"nul",
        b"com1",
        b"~1",
        b"%2e",
        b"\0",
        b"\xff",
        "\u{202e}".as_bytes(),
        "é".as_bytes(),
        "e\u{301}".as_bytes(),
        b"/srv/data/",
        b"C:\\srv\\data\\",
        b"secret",
    ];
    let piece = prop_oneof![
        4 => proptest::sample::select(pieces).prop_map(<[u8]>::to_vec),
        1 => proptest::collection::vec(any::<u8>(), 0..4),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn what_is_accepted_is_the_path_itself(
        path in paths(),
        dialect in proptest::sample::select(DIALECTS.to_vec()),
        operation in proptest::sample::select(OPERATIONS.to_vec()),
    ) {
        let rules = rules(dialect);
        let Ok(judged) = rules.judge(&path, operation) else { return Ok(()) };
        let is_separator = |byte: &u8| *byte == b'/' || (dialect == Dialect::Windows && *byte == b'\\');
        // Joined again, the names are the end of the path, but for one trailing separator.
        let mut behind = path.as_slice();
        if !judged.is_root() && judged.must_be_dir() {
            behind = behind.split_last().unwrap().1;
        }
        prop_assert!(behind.ends_with(judged.as_bytes()));
        let names: Vec<&[u8]> = judged.components().collect();
        prop_assert_eq!(names.len(), usize::from(judged.depth()));
        let split: Vec<&[u8]> = judged.as_bytes().split(is_separator).collect();
        prop_assert!(judged.is_root() || names == split);
        let mut backwards: Vec<&[u8]> = judged.components().rev().collect();
        backwards.reverse();
        prop_assert_eq!(&names, &backwards);
        for name in names {
            prop_assert!(!matches!(name, b"" | b"." | b".."));
            prop_assert!(!name.iter().any(is_separator) && !name.contains(&0));
            prop_assert!(name.len() <= 255);
            prop_assert_eq!(rules.judge_name(name), Ok(()));
        }
        // And what is in front of them is nothing, or the root.
        let front = behind.len() - judged.as_bytes().len();
        let front = String::from_utf8_lossy(&path[..front]).replace('\\', "/").to_lowercase();
        prop_assert!(["", "/srv/data", "/srv/data/", "c:/srv/data", "c:/srv/data/"].contains(&front.as_str()));
    }

    #[test]
    fn any_bytes_are_judged(path in proptest::collection::vec(any::<u8>(), 0..300)) {
        for dialect in DIALECTS {
            let rules = rules(dialect);
            let mut buffer = [0; 300];
            for operation in OPERATIONS {
                let _ = rules.judge(&path, operation);
                let _ = rules.judge_uri(&path, operation, &mut buffer);
            }
        }
    }

    #[test]
    fn portable_paths_mean_the_same_everywhere(path in paths()) {
        let Ok(judged) = rules(Dialect::Portable).judge(&path, Operation::Read) else { return Ok(()) };
        let posix = rules(Dialect::Posix);
        let posix = posix.judge(&path, Operation::Read).unwrap();
        prop_assert!(judged.components().eq(posix.components()));
        if !path.starts_with(b"/") {
            let windows = rules(Dialect::Windows);
            let windows = windows.judge(&path, Operation::Read).unwrap();
            prop_assert!(judged.components().eq(windows.components()));
        }
    }
}
