//! Extension lists, forbidden subtrees, and the settings that are refused.

use super::*;
use crate::path::SettingsError;

fn allowing(extensions: &[&str]) -> Rules {
    Rules::builder()
        .dialect(Dialect::Posix)
        .allow_extensions(extensions)
        .build()
        .unwrap()
}

fn forbidding(extensions: &[&str]) -> Rules {
    Rules::builder()
        .dialect(Dialect::Posix)
        .forbid_extensions(extensions)
        .build()
        .unwrap()
}

fn reads(rules: &Rules, path: &str) -> Result<(), Denial> {
    rules.judge(path.as_bytes(), Operation::Read).map(|_| ())
}

#[test]
fn an_allow_list_asks_for_what_follows_the_last_dot() {
    let rules = allowing(&[".txt", "gz"]);
    for path in ["a.txt", "a/b.TXT", "a.tar.gz", "..a.gz", "a.exe.txt"] {
        assert_eq!(reads(&rules, path), Ok(()), "{path}");
    }
    for path in [
        "a.exe",
        "a.txt.exe",
        "a.txtx",
        "a.xtxt",
        "txt",
        "a.txt.",
        "a.txt ",
    ] {
        assert_eq!(
            reads(&rules, path),
            Err(Denial::ExtensionNotAllowed),
            "{path}"
        );
    }
}

#[test]
fn a_name_without_an_extension_passes_no_allow_list() {
    let rules = allowing(&["txt", "env", "gz"]);
    for path in ["id_rsa", ".env", "..env", ".gz", "a.", "a", "d.txt/a"] {
        assert_eq!(
            reads(&rules, path),
            Err(Denial::ExtensionNotAllowed),
            "{path}"
        );
    }
    assert_eq!(
        reads(&allowing(&[]), "a.txt"),
        Err(Denial::ExtensionNotAllowed)
    );
}

#[test]
fn an_entry_with_a_dot_is_compared_with_the_whole_end() {
    let rules = allowing(&["tar.gz"]);
    assert_eq!(reads(&rules, "a.tar.gz"), Ok(()));
    assert_eq!(reads(&rules, "a.b.tar.gz"), Ok(()));
    assert_eq!(reads(&rules, "a.gz"), Err(Denial::ExtensionNotAllowed));
    assert_eq!(reads(&rules, ".tar.gz"), Err(Denial::ExtensionNotAllowed));
    let rules = forbidding(&["tar.gz"]);
    assert_eq!(reads(&rules, "a.tar.gz"), Err(Denial::Extension));
    assert_eq!(reads(&rules, "a.gz"), Ok(()));
}

#[test]
fn a_forbidden_extension_is_refused_however_it_is_written() {
    let rules = forbidding(&["exe", ".env", "ß"]);
    for path in [
        "a.exe",
        "a.EXE",
        "a.b.eXe",
        ".env",
        "a.env",
        "a.exe.",
        "a.exe. .",
        "a.e\u{200b}xe",
        "x.ss",
        "x.ẞ",
    ] {
        assert_eq!(reads(&rules, path), Err(Denial::Extension), "{path}");
    }
    for path in ["exe", "env", "a.exe.txt", "a.exes", "a.xexe", ".envrc"] {
        assert_eq!(reads(&rules, path), Ok(()), "{path}");
    }
}

#[test]
fn lists_fold_case_and_canonical_equivalents() {
    let composed = "caf\u{e9}";
    let decomposed = "CAFE\u{301}";
    for (entry, ending) in [(composed, decomposed), (decomposed, composed)] {
        let name = format!("a.{ending}");
        assert_eq!(reads(&allowing(&[entry]), &name), Ok(()));
        assert_eq!(reads(&forbidding(&[entry]), &name), Err(Denial::Extension));
    }
}

#[test]
fn an_allow_list_folds_less_than_a_deny_list() {
    // The long s is an s in capitals only.
    assert_eq!(
        reads(&allowing(&["json"]), "a.j\u{17f}on"),
        Err(Denial::ExtensionNotAllowed)
    );
    assert_eq!(
        reads(&forbidding(&["json"]), "a.j\u{17f}on"),
        Err(Denial::Extension)
    );
    assert_eq!(
        reads(&allowing(&["txt"]), "a.t\u{200b}xt"),
        Err(Denial::ExtensionNotAllowed)
    );
}

#[test]
fn directories_have_no_extension() {
    let rules = allowing(&["txt"]);
    for operation in [Operation::List, Operation::MakeDirectory] {
        assert!(rules.judge(b"docs", operation).is_ok());
    }
    for operation in [Operation::Stat, Operation::Rename, Operation::Remove] {
        assert_eq!(
            rules.judge(b"docs", operation),
            Err(Denial::ExtensionNotAllowed)
        );
        assert!(rules.judge(b"docs/", operation).is_ok());
    }
}

#[test]
fn forbidden_subtrees_are_compared_by_component() {
    let rules = Rules::builder()
        .root("/srv")
        .forbid_subtree("secret/keys")
        .forbid_subtree("/srv/.git/")
        .build()
        .unwrap();
    for path in [
        "secret/keys",
        "secret/keys/a",
        "/srv/secret/keys/a/b",
        ".git/config",
        "SECRET/Keys/a",
        ".GIT",
    ] {
        assert_eq!(reads(&rules, path), Err(Denial::Forbidden), "{path}");
    }
    for path in [
        "secret",
        "secret/keys2/a",
        "secret/key",
        "a/secret/keys",
        ".github/a",
    ] {
        assert_eq!(reads(&rules, path), Ok(()), "{path}");
    }
    let paths: Vec<Vec<&[u8]>> = rules.forbidden(0).map(Iterator::collect).collect();
    assert_eq!(paths, [vec![&b"secret"[..], b"keys"], vec![&b".git"[..]]]);
    assert_eq!(rules.forbidden(1).count(), 0);
}

#[test]
fn what_contains_a_forbidden_subtree_cannot_be_moved() {
    let rules = Rules::builder().forbid_subtree("a/b/c").build().unwrap();
    for path in [&b"a"[..], b"a/b", b"a/b/"] {
        assert_eq!(rules.judge(path, Operation::Rename), Err(Denial::Forbidden));
        assert_eq!(rules.judge(path, Operation::Remove), Err(Denial::Forbidden));
        assert!(rules.judge(path, Operation::List).is_ok());
    }
    assert!(rules.judge(b"a/x", Operation::Rename).is_ok());
}

#[test]
fn a_relative_subtree_also_holds_in_a_root_inside_of_another() {
    let builder = Rules::builder()
        .root("/srv")
        .root("/srv/a")
        .forbid_subtree("a/x");
    let rules = builder.build().unwrap();
    assert_eq!(reads(&rules, "/srv/a/x/f"), Err(Denial::Forbidden));
    assert_eq!(reads(&rules, "/srv/a/a/x/f"), Err(Denial::Forbidden));
    assert_eq!(reads(&rules, "a/x/f"), Err(Denial::Forbidden));
    let forbidden = Rules::builder()
        .root("/srv")
        .root("/srv/a")
        .forbid_subtree("a");
    assert_eq!(
        forbidden.build().unwrap_err(),
        SettingsError::RootForbidden(0)
    );
}

#[test]
fn subtrees_outside_of_every_root_are_kept_apart() {
    let rules = Rules::builder()
        .root("/srv")
        .forbid_subtree("/etc/")
        .forbid_subtree("/proc");
    let rules = rules.build().unwrap();
    let elsewhere: Vec<&[u8]> = rules.forbidden_elsewhere().collect();
    assert_eq!(elsewhere, [b"/etc", &b"/proc"[..]]);
    assert_eq!(reads(&rules, "etc/a"), Ok(()));
}

#[test]
fn a_place_that_a_link_led_to_is_judged_again() {
    let rules = Rules::builder()
        .links(Links::InRoot)
        .max_depth(3)
        .allow_extensions(["txt"])
        .forbid_subtree("secret")
        .build()
        .unwrap();
    let judge = |names: &[&'static str]| {
        let names = names.iter().map(|name| name.as_bytes());
        rules.judge_resolved(0, names, false, Operation::Read)
    };
    assert_eq!(judge(&["a", "b.txt"]), Ok(()));
    assert_eq!(judge(&["secret", "b.txt"]), Err(Denial::Forbidden));
    assert_eq!(judge(&["a", "id_rsa"]), Err(Denial::ExtensionNotAllowed));
    assert_eq!(
        judge(&["a", "b", "c", "d.txt"]),
        Err(Denial::TooDeep { limit: 3 })
    );
    assert_eq!(judge(&[]), Err(Denial::Root));
}

#[test]
fn roots_are_given_back_without_a_trailing_separator() {
    let rules = Rules::builder()
        .root("/srv/")
        .root("/")
        .root(r"C:\data\")
        .build()
        .unwrap();
    let roots: Vec<&[u8]> = rules.roots().collect();
    assert_eq!(roots, [b"/srv", &b"/"[..], br"C:\data"]);
    assert_eq!(Rules::builder().build().unwrap().roots().len(), 0);
}

#[test]
fn the_defaults_are_strict() {
    let rules = Rules::builder().build().unwrap();
    assert_eq!(rules.dialect(), Dialect::Portable);
    assert_eq!(rules.absolute(), Absolute::Allow);
    assert_eq!((rules.max_file_size(), rules.max_depth()), (10 << 20, 32));
    assert_eq!(
        (rules.links(), rules.hard_links()),
        (Links::Deny, HardLinks::DenyWrites)
    );
    assert_eq!(
        (rules.owner(), rules.devices()),
        (Owner::Any, Devices::Same)
    );
    assert_eq!((rules.concurrency(), rules.is_read_only()), (100, false));
}

#[test]
fn settings_that_cannot_work_are_refused() {
    let builder = Rules::builder;
    let list = vec!["a"; 257];
    let cases = [
        (builder().root("srv"), SettingsError::Root(0)),
        (
            builder().root("/srv").root("/srv/../etc"),
            SettingsError::Root(1),
        ),
        (builder().root("/srv//a"), SettingsError::Root(0)),
        (
            builder().root("/srv").dialect(Dialect::Windows),
            SettingsError::Root(0),
        ),
        (
            builder().root(r"C:\a").dialect(Dialect::Posix),
            SettingsError::Root(0),
        ),
        (builder().root(r"\\host\share"), SettingsError::Root(0)),
        (
            builder().root("/a").root("/a/"),
            SettingsError::DuplicateRoot(1),
        ),
        (
            builder().absolute(Absolute::Require),
            SettingsError::NoRoots,
        ),
        (builder().forbid_subtree("/etc"), SettingsError::NoRoots),
        (
            builder().allow_extensions(["txt", ""]),
            SettingsError::Extension(1),
        ),
        (
            builder()
                .allow_extensions(["txt"])
                .forbid_extensions(["a/b"]),
            SettingsError::Extension(1),
        ),
        (
            builder().allow_extensions(["*.txt"]),
            SettingsError::Extension(0),
        ),
        (
            builder().forbid_extensions(["..exe"]),
            SettingsError::Extension(0),
        ),
        (
            builder().forbid_extensions(["exe."]),
            SettingsError::Extension(0),
        ),
        (
            builder().forbid_extensions(["\u{200b}"]),
            SettingsError::Extension(0),
        ),
        (
            builder()
                .allow_extensions(["TXT"])
                .forbid_extensions([".txt"]),
            SettingsError::Contradiction(0),
        ),
        (
            builder().forbid_subtree("a/../b"),
            SettingsError::Subtree(0),
        ),
        (builder().forbid_subtree(r"a\b"), SettingsError::Subtree(0)),
        (builder().forbid_subtree(""), SettingsError::Subtree(0)),
        (
            builder().root("/etc/app").forbid_subtree("/etc"),
            SettingsError::RootForbidden(0),
        ),
        (
            builder().root("/etc").forbid_subtree("/etc"),
            SettingsError::RootForbidden(0),
        ),
        (
            builder().root("/srv").forbid_subtree("/"),
            SettingsError::RootForbidden(0),
        ),
        (builder().allow_extensions(list), SettingsError::TooMany),
        (builder().max_file_size(0), SettingsError::Zero),
        (builder().max_depth(0), SettingsError::Zero),
        (builder().concurrency(0), SettingsError::Zero),
        (builder().accept_bytes(), SettingsError::Bytes),
    ];
    for (settings, expected) in cases {
        let error = settings.clone().build().unwrap_err();
        assert_eq!(error, expected, "{settings:?}");
        assert!(error.code().starts_with("E-PTH-8"));
        assert!(format!("{error}").contains("; "), "{error}");
    }
}
