//! Each rule, by its name.

use alloc::string::String;
use alloc::vec::Vec;
use alloc::{format, vec};

use super::*;

mod advisories;
mod codes;
mod lists;
mod properties;

fn rules(dialect: Dialect) -> Rules {
    let root: &[u8] = match dialect {
        Dialect::Windows => br"C:\srv\data",
        Dialect::Posix | Dialect::Portable => b"/srv/data",
    };
    Rules::builder()
        .dialect(dialect)
        .root(root)
        .build()
        .unwrap()
}

/// The denial of a path that is only read, by rules with a root and nothing else.
fn denial(dialect: Dialect, path: impl AsRef<[u8]>) -> Option<Denial> {
    rules(dialect).judge(path.as_ref(), Operation::Read).err()
}

fn portable(path: &str) -> Option<Denial> {
    denial(Dialect::Portable, path)
}

#[test]
fn a_plain_path_is_its_components() {
    let rules = rules(Dialect::Portable);
    let judged = rules
        .judge("a/b c/ü.txt".as_bytes(), Operation::Read)
        .unwrap();
    let names: Vec<&[u8]> = judged.components().collect();
    assert_eq!(names, [b"a", &b"b c"[..], "ü.txt".as_bytes()]);
    let backwards: Vec<&[u8]> = judged.components().rev().collect();
    assert_eq!(backwards, ["ü.txt".as_bytes(), b"b c", b"a"]);
    assert_eq!((judged.root(), judged.depth()), (0, 3));
    assert_eq!((judged.is_root(), judged.must_be_dir()), (false, false));
    assert_eq!(judged.as_bytes(), "a/b c/ü.txt".as_bytes());
}

#[test]
fn an_empty_path_is_refused() {
    assert_eq!(portable(""), Some(Denial::Empty));
}

#[test]
fn a_path_is_at_most_4095_bytes() {
    let deep = Rules::builder().max_depth(u16::MAX).build().unwrap();
    let longest = "a/".repeat(2047) + "b";
    assert_eq!(longest.len(), 4095);
    assert!(deep.judge(longest.as_bytes(), Operation::Read).is_ok());
    let longer = longest + "b";
    let denial = deep.judge(longer.as_bytes(), Operation::Read).unwrap_err();
    assert_eq!(denial, Denial::TooLong { limit: 4095 });
}

#[test]
fn a_nul_byte_is_refused_in_every_dialect() {
    for dialect in DIALECTS {
        assert_eq!(denial(dialect, b"a.txt\0.png"), Some(Denial::Nul));
    }
}

#[test]
fn bytes_that_are_not_utf8_are_refused() {
    for dialect in DIALECTS {
        // An overlong slash, a surrogate, a lone byte.
        for path in [&b"a\xc0\xafb"[..], b"a\xed\xa0\x80", b"\xff"] {
            assert_eq!(denial(dialect, path), Some(Denial::NotUtf8));
        }
    }
}

#[test]
fn posix_can_accept_bytes() {
    let rules = Rules::builder()
        .dialect(Dialect::Posix)
        .accept_bytes()
        .build()
        .unwrap();
    assert!(rules.judge(b"\xff\xfe/\x80", Operation::Read).is_ok());
}

#[test]
fn a_percent_sign_is_a_character_unless_it_is_denied() {
    assert_eq!(portable("100%/%2e%2e"), None);
    let strict = Rules::builder().deny_percent().build().unwrap();
    let denial = strict.judge(b"a/%2e%2e/b", Operation::Read);
    assert_eq!(denial, Err(Denial::Percent));
}

#[test]
fn verbatim_and_device_prefixes_are_refused() {
    for path in [
        r"\\?\C:\a",
        r"\\.\NUL",
        r"\??\C:\a",
        "//?/C:/a",
        "//./pipe/x",
        r"/\?/a",
        r"\\?\UNC\h\s",
    ] {
        assert_eq!(portable(path), Some(Denial::Verbatim), "{path}");
        assert_eq!(
            denial(Dialect::Windows, path),
            Some(Denial::Verbatim),
            "{path}"
        );
    }
}

#[test]
fn network_shares_are_refused() {
    for path in [r"\\host\share\a", "//host/share/a", r"\/host\share", r"\\"] {
        assert_eq!(portable(path), Some(Denial::Unc), "{path}");
        assert_eq!(denial(Dialect::Windows, path), Some(Denial::Unc), "{path}");
    }
}

#[test]
fn drive_relative_paths_are_refused() {
    for path in ["C:a", "c:", "Z:..\\x", "C:.."] {
        assert_eq!(portable(path), Some(Denial::DriveRelative), "{path}");
        assert_eq!(
            denial(Dialect::Windows, path),
            Some(Denial::DriveRelative),
            "{path}"
        );
    }
}

#[test]
fn drives_are_refused_outside_of_windows() {
    assert_eq!(portable(r"C:\srv\data\a"), Some(Denial::Drive));
    assert_eq!(portable("C:/srv/data/a"), Some(Denial::Drive));
    assert_eq!(denial(Dialect::Windows, "C:/srv/data/a"), None);
}

#[test]
fn paths_of_the_current_drive_are_refused() {
    assert_eq!(portable(r"\a"), Some(Denial::Rooted));
    assert_eq!(
        denial(Dialect::Windows, r"\srv\data\a"),
        Some(Denial::Rooted)
    );
    assert_eq!(
        denial(Dialect::Windows, "/srv/data/a"),
        Some(Denial::Rooted)
    );
}

#[test]
fn absolute_paths_are_refused_where_they_are_denied_or_there_is_no_root() {
    let denied = Rules::builder()
        .root("/srv")
        .absolute(Absolute::Deny)
        .build()
        .unwrap();
    assert_eq!(
        denied.judge(b"/srv/a", Operation::Read),
        Err(Denial::Absolute)
    );
    let rootless = Rules::builder().build().unwrap();
    assert_eq!(
        rootless.judge(b"/srv/a", Operation::Read),
        Err(Denial::Absolute)
    );
}

#[test]
fn relative_paths_are_refused_where_absolute_ones_are_required() {
    let rules = Rules::builder()
        .root("/srv")
        .absolute(Absolute::Require)
        .build()
        .unwrap();
    assert_eq!(rules.judge(b"a", Operation::Read), Err(Denial::Relative));
    assert!(rules.judge(b"/srv/a", Operation::Read).is_ok());
}

#[test]
fn absolute_paths_outside_of_the_roots_are_refused() {
    for path in [
        "/",
        "/srv",
        "/srv/datax/a",
        "/etc/passwd",
        "/srv//data/a",
        "/SRV/data/a",
    ] {
        assert_eq!(portable(path), Some(Denial::OutsideRoots), "{path}");
    }
}

#[test]
fn the_innermost_root_takes_a_path() {
    let rules = Rules::builder()
        .root("/srv")
        .root("/srv/a/b")
        .root("/srv/a")
        .build()
        .unwrap();
    let place = |path: &'static str| {
        let judged = rules.judge(path.as_bytes(), Operation::List).unwrap();
        (judged.root(), judged.as_bytes())
    };
    assert_eq!(place("/srv/a/b/c"), (1, &b"c"[..]));
    assert_eq!(place("/srv/a/bb"), (2, &b"bb"[..]));
    assert_eq!(place("/srv/a"), (2, &b""[..]));
    assert_eq!(place("/srv/x/y"), (0, &b"x/y"[..]));
    assert_eq!(place("x/y"), (0, &b"x/y"[..]));
}

#[test]
fn the_root_directory_can_be_a_root() {
    let rules = Rules::builder().root("/").build().unwrap();
    let judged = rules.judge(b"/etc/hosts", Operation::Read).unwrap();
    assert_eq!(judged.as_bytes(), b"etc/hosts");
    assert_eq!(
        rules
            .judge(b"/", Operation::List)
            .map(|root| root.is_root()),
        Ok(true)
    );
    assert_eq!(rules.judge(b"//", Operation::List), Err(Denial::Unc));
}

#[test]
fn doubled_separators_are_refused() {
    for path in ["a//b", "a//", "/srv/data//a"] {
        assert_eq!(portable(path), Some(Denial::EmptyComponent), "{path}");
        assert_eq!(
            denial(Dialect::Posix, path),
            Some(Denial::EmptyComponent),
            "{path}"
        );
    }
    assert_eq!(
        denial(Dialect::Windows, r"a/\b"),
        Some(Denial::EmptyComponent)
    );
}

#[test]
fn a_dot_is_refused() {
    for path in [".", "./", "./a", "a/./b", "a/."] {
        assert_eq!(portable(path), Some(Denial::CurrentDirectory), "{path}");
    }
}

#[test]
fn two_dots_are_refused() {
    for path in ["..", "../", "../a", "a/../b", "a/..", "/srv/data/../x"] {
        assert_eq!(portable(path), Some(Denial::ParentDirectory), "{path}");
        assert_eq!(
            denial(Dialect::Posix, path),
            Some(Denial::ParentDirectory),
            "{path}"
        );
    }
    assert_eq!(
        denial(Dialect::Windows, r"a\..\b"),
        Some(Denial::ParentDirectory)
    );
}

#[test]
fn three_dots_are_a_name_where_dots_at_the_end_are() {
    assert_eq!(denial(Dialect::Posix, "..."), None);
    assert_eq!(portable("..."), Some(Denial::TrailingDotOrSpace));
    assert_eq!(portable("...a/..b"), None);
}

#[test]
fn a_name_is_at_most_255_bytes() {
    assert_eq!(portable(&"a".repeat(255)), None);
    assert_eq!(portable(&"a".repeat(256)), Some(Denial::NameTooLong));
    // 128 characters of two bytes.
    assert_eq!(portable(&"ä".repeat(128)), Some(Denial::NameTooLong));
}

#[test]
fn a_backslash_is_refused_where_it_does_not_separate() {
    assert_eq!(portable(r"a\b"), Some(Denial::Backslash));
    assert_eq!(denial(Dialect::Posix, r"a\b"), None);
    let windows = rules(Dialect::Windows);
    assert_eq!(
        windows
            .judge(br"a\b/c", Operation::Read)
            .map(|path| path.depth()),
        Ok(3)
    );
}

#[test]
fn control_characters_are_refused() {
    for path in ["a\nb", "a\x1b[2J", "\x7f", "a\u{85}b", "a\tb"] {
        assert_eq!(portable(path), Some(Denial::Control), "{path:?}");
        assert_eq!(
            denial(Dialect::Windows, path),
            Some(Denial::Control),
            "{path:?}"
        );
        assert_eq!(denial(Dialect::Posix, path), None, "{path:?}");
    }
}

#[test]
fn streams_are_refused() {
    for path in [
        "a.txt:hidden",
        "a.txt::$DATA",
        "dir:$I30:$INDEX_ALLOCATION/a",
        "a/C:x",
    ] {
        assert_eq!(portable(path), Some(Denial::Stream), "{path}");
        assert_eq!(
            denial(Dialect::Windows, path),
            Some(Denial::Stream),
            "{path}"
        );
        assert_eq!(denial(Dialect::Posix, path), None, "{path}");
    }
}

#[test]
fn reserved_characters_are_refused() {
    for path in ["a<b", "a>b", "a\"b", "a|b", "a?b", "*.txt"] {
        assert_eq!(portable(path), Some(Denial::Reserved), "{path}");
    }
}

#[test]
fn trailing_dots_and_spaces_are_refused_on_every_component() {
    for path in ["a.", "a ", "a./b", "a /b", ".. /b", "... "] {
        assert_eq!(portable(path), Some(Denial::TrailingDotOrSpace), "{path}");
    }
    assert_eq!(portable(" a"), None);
}

#[test]
fn device_names_are_refused_on_every_component_with_any_extension() {
    let devices = [
        "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "COM0", "COM9", "LPT0", "LPT9", "COM¹",
        "COM²", "LPT³",
    ];
    for device in devices {
        for path in [
            String::from(device),
            device.to_lowercase(),
            format!("{device}.txt"),
            format!("{device}.tar.gz"),
            format!("{device} .txt"),
            format!("{device}/a"),
            format!("a/{device}.d/b"),
        ] {
            assert_eq!(portable(&path), Some(Denial::Device), "{path}");
            assert_eq!(
                denial(Dialect::Windows, &path),
                Some(Denial::Device),
                "{path}"
            );
            assert_eq!(denial(Dialect::Posix, &path), None, "{path}");
        }
    }
}

#[test]
fn names_that_only_begin_like_a_device_are_allowed() {
    for path in [
        "CONTENT",
        "console",
        "a.con",
        "null",
        "COM",
        "COM10",
        "COMA",
        "COM⁴",
        "lpt",
        "auxiliary",
        "nul_",
        ".nul",
        "x.com1",
    ] {
        assert_eq!(portable(path), None, "{path}");
    }
}

#[test]
fn short_names_are_refused() {
    for path in [
        "PROGRA~1",
        "a/git~1/config",
        "LONGFI~2.TXT",
        "AB12~10.c",
        "Ü~1",
    ] {
        assert_eq!(portable(path), Some(Denial::ShortName), "{path}");
    }
    for path in [
        "~",
        "~1",
        "a~",
        "a~b",
        "file.txt~1",
        "notes~1.markdown",
        "longername~1",
        "a~1b",
    ] {
        assert_eq!(portable(path), None, "{path}");
    }
}

#[test]
fn characters_that_reverse_text_are_refused() {
    for path in ["a\u{202e}txt.exe", "\u{2066}a", "a\u{200f}", "\u{61c}"] {
        assert_eq!(portable(path), Some(Denial::Bidirectional), "{path:?}");
    }
}

#[test]
fn characters_that_are_not_shown_are_refused() {
    for path in [
        "a\u{200b}b",
        "\u{feff}a",
        "a\u{ad}b",
        "a\u{2028}b",
        "a\u{e0041}",
        "a\u{fe0f}",
    ] {
        assert_eq!(portable(path), Some(Denial::Invisible), "{path:?}");
    }
}

#[test]
fn look_alikes_of_slash_and_dot_are_refused() {
    for path in [
        "a\u{ff0f}b",
        "a\u{2215}b",
        "a\u{2044}b",
        "\u{ff0e}\u{ff0e}",
        "\u{2024}\u{2024}",
        "a\u{ff3c}b",
    ] {
        assert_eq!(portable(path), Some(Denial::LookAlike), "{path:?}");
        assert_eq!(denial(Dialect::Posix, path), None, "{path:?}");
    }
}

#[test]
fn depth_is_counted_below_the_root() {
    let rules = Rules::builder()
        .root("/a/b/c/d")
        .max_depth(2)
        .build()
        .unwrap();
    assert!(rules.judge(b"x/y", Operation::Read).is_ok());
    assert!(rules.judge(b"/a/b/c/d/x/y", Operation::Read).is_ok());
    let denial = rules.judge(b"/a/b/c/d/x/y/z", Operation::Read);
    assert_eq!(denial, Err(Denial::TooDeep { limit: 2 }));
}

#[test]
fn the_root_itself_can_only_be_listed_and_looked_at() {
    let rules = rules(Dialect::Portable);
    for path in [&b"/srv/data"[..], b"/srv/data/"] {
        for operation in OPERATIONS {
            match rules.judge(path, operation) {
                Ok(judged) => {
                    assert!(judged.is_root() && judged.must_be_dir());
                    assert_eq!(judged.components().count(), 0);
                    assert!(matches!(operation, Operation::List | Operation::Stat));
                }
                Err(denial) => assert_eq!(denial, Denial::Root),
            }
        }
    }
}

#[test]
fn a_trailing_separator_names_a_directory() {
    let rules = rules(Dialect::Portable);
    for operation in OPERATIONS {
        let judged = rules.judge(b"a/b/", operation);
        if operation.is_on_file() {
            assert_eq!(judged, Err(Denial::NamesDirectory));
        } else {
            let judged = judged.unwrap();
            assert_eq!(
                (judged.must_be_dir(), judged.as_bytes()),
                (true, &b"a/b"[..])
            );
        }
    }
}

#[test]
fn read_only_refuses_what_changes_something() {
    let rules = Rules::builder().read_only().build().unwrap();
    for operation in OPERATIONS {
        let changes = !matches!(
            operation,
            Operation::Read | Operation::List | Operation::Stat
        );
        let expected = if changes {
            Err(Denial::ReadOnly)
        } else {
            Ok(1)
        };
        let judged = rules.judge(b"a", operation).map(|path| path.depth());
        assert_eq!(judged, expected, "{operation:?}");
    }
}

#[test]
fn the_first_broken_rule_answers() {
    // Each path breaks the rule and many that come later.
    for (path, expected) in [
        ("C:\\\0/../NUL:", Denial::Nul),
        ("\\\\h\\../NUL:/\n", Denial::Unc),
        ("a//../CON", Denial::EmptyComponent),
        ("a/../CON:", Denial::ParentDirectory),
        ("a\\b\n:*. ", Denial::Backslash),
        ("\nCON:* ", Denial::Control),
        ("CON:* ", Denial::Stream),
        ("CON* ", Denial::Reserved),
        ("CON ", Denial::TrailingDotOrSpace),
        ("CON.A~1\u{202e}", Denial::Device),
        ("A~1.\u{202e}\u{200b}", Denial::ShortName),
        ("\u{ff0f}\u{200b}\u{202e}", Denial::Bidirectional),
        ("\u{ff0f}\u{200b}", Denial::Invisible),
    ] {
        assert_eq!(portable(path), Some(expected), "{path:?}");
    }
}

#[test]
fn names_of_links_are_judged_alone() {
    let rules = rules(Dialect::Portable);
    assert_eq!(rules.judge_name(b"a.txt"), Ok(()));
    assert_eq!(rules.judge_name(b".."), Err(Denial::ParentDirectory));
    assert_eq!(rules.judge_name(b"nul.txt"), Err(Denial::Device));
    assert_eq!(rules.judge_name(b"a\0"), Err(Denial::Nul));
    assert_eq!(rules.judge_name(b"a/b"), Err(Denial::Separator));
    assert_eq!(rules.judge_name(b"a\\b"), Err(Denial::Backslash));
    let windows = self::rules(Dialect::Windows);
    assert_eq!(windows.judge_name(b"a\\b"), Err(Denial::Separator));
    let posix = self::rules(Dialect::Posix);
    assert_eq!(posix.judge_name(b"a\\b"), Ok(()));
}

#[test]
fn links_make_a_path_move() {
    for links in [Links::Deny, Links::InRoot, Links::Trusted] {
        let rules = Rules::builder().links(links).build().unwrap();
        let judged = rules.judge(b"a", Operation::Read).unwrap();
        assert_eq!(judged.moves_with_links(), links != Links::Deny);
    }
}

const DIALECTS: [Dialect; 3] = [Dialect::Posix, Dialect::Windows, Dialect::Portable];

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
