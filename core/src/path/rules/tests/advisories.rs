//! What went wrong elsewhere, as far as text alone decides it. What needs a file system is with the open machine.

use super::*;

fn windows(path: &str) -> Option<Denial> {
    denial(Dialect::Windows, path)
}

fn uri(dialect: Dialect, uri: &str) -> Option<Denial> {
    rules(dialect)
        .judge_uri(uri.as_bytes(), Operation::Read, &mut [0; 256])
        .err()
}

/// A root was compared as the beginning of a string.
#[test]
fn cve_2025_53110_a_sibling_whose_name_begins_like_the_root() {
    for path in ["/srv/data-private/key", "/srv/database", "/srv/data.bak/a"] {
        assert_eq!(portable(path), Some(Denial::OutsideRoots));
    }
    assert_eq!(
        windows(r"C:\srv\data-private\key"),
        Some(Denial::OutsideRoots)
    );
}

/// Device names with superscript digits.
#[test]
fn cve_2024_51756_cap_std_device_names() {
    for path in [
        "COM¹",
        "com².txt",
        "LPT³",
        "a/COM³/b",
        "CONIN$",
        "conout$.log",
    ] {
        assert_eq!(windows(path), Some(Denial::Device));
        assert_eq!(portable(path), Some(Denial::Device));
    }
}

#[test]
fn rustsec_2024_0438_wasmtime_device_names() {
    for path in ["COM1", "NUL.txt", "dir/AUX", "PRN/file"] {
        assert_eq!(windows(path), Some(Denial::Device));
    }
}

/// Device names with spaces behind them, and superscripts.
#[test]
fn cve_2023_45284_go_is_local_reserved_names() {
    assert_eq!(windows("COM1 .txt"), Some(Denial::Device));
    assert_eq!(windows("COM1 "), Some(Denial::TrailingDotOrSpace));
    assert_eq!(windows("COM²"), Some(Denial::Device));
}

#[test]
fn cve_2023_45283_go_object_manager_prefix() {
    assert_eq!(windows(r"\??\C:\srv\data\a"), Some(Denial::Verbatim));
    assert_eq!(windows(r"a\??\b"), Some(Denial::Reserved));
}

/// Removing `a/..` made a drive of what had been a name.
#[test]
fn cve_2022_41722_go_clean_uncovers_a_drive() {
    assert_eq!(windows("a/../c:/b"), Some(Denial::ParentDirectory));
    assert_eq!(windows("a/c:/b"), Some(Denial::Stream));
}

#[test]
fn cve_2022_29804_go_clean_of_dot_backslash_drive() {
    assert_eq!(windows(r".\c:"), Some(Denial::CurrentDirectory));
}

#[test]
fn cve_2025_27210_node_device_names_in_join() {
    assert_eq!(windows("CON:../../secret"), Some(Denial::Stream));
    assert_eq!(windows("a/AUX/../b"), Some(Denial::Device));
}

#[test]
fn cve_2025_23084_node_drive_names() {
    assert_eq!(windows("C:../secret"), Some(Denial::DriveRelative));
    assert_eq!(windows("a/C:/secret"), Some(Denial::Stream));
}

/// Other spellings of `.git`: case, characters that HFS+ ignores, short names.
#[test]
fn cve_2014_9390_git_directory_by_another_name() {
    for dialect in DIALECTS {
        let rules = Rules::builder()
            .dialect(dialect)
            .forbid_subtree(".git")
            .build()
            .unwrap();
        for path in [
            ".GIT/config",
            ".Git/hooks/x",
            ".g\u{200c}it/config",
            ".git\u{feff}/config",
        ] {
            assert!(
                rules.judge(path.as_bytes(), Operation::Create).is_err(),
                "{path:?}"
            );
        }
    }
    assert_eq!(windows("git~1/config"), Some(Denial::ShortName));
}

#[test]
fn cve_2019_1352_git_directory_by_its_stream() {
    assert_eq!(
        windows(".git::$INDEX_ALLOCATION/config"),
        Some(Denial::Stream)
    );
}

/// A name that ends for C where it goes on for the check.
#[test]
fn cve_2006_7243_php_nul_in_names() {
    let rules = Rules::builder().allow_extensions(["png"]).build().unwrap();
    assert_eq!(
        rules.judge(b"key.pem\0.png", Operation::Read),
        Err(Denial::Nul)
    );
    assert_eq!(
        uri(Dialect::Posix, "file:///srv/data/key%00.png"),
        Some(Denial::Nul)
    );
}

#[test]
fn cve_2018_1002200_zip_slip() {
    for path in [
        "../../../tmp/evil.sh",
        "good/../../evil.sh",
        r"..\..\evil.bat",
    ] {
        let judged = rules(Dialect::Portable).judge(path.as_bytes(), Operation::Create);
        assert!(matches!(
            judged,
            Err(Denial::ParentDirectory | Denial::Backslash)
        ));
    }
}

/// Dots that were decoded behind the check.
#[test]
fn cve_2021_41773_apache_encoded_dots() {
    assert_eq!(portable(".%2e/etc/passwd"), None);
    let denial = uri(Dialect::Posix, "file:///srv/data/.%2e/.%2e/etc/passwd");
    assert_eq!(denial, Some(Denial::ParentDirectory));
}

/// And those that were decoded twice.
#[test]
fn cve_2001_0333_iis_double_decoding() {
    assert_eq!(uri(Dialect::Posix, "file:///srv/data/%252e%252e/a"), None);
    assert_eq!(
        uri(Dialect::Posix, "file:///srv/data/%%32%65/a"),
        Some(Denial::UriCharacter)
    );
    let mut buffer = [0; 64];
    let rules = rules(Dialect::Posix);
    let judged = rules.judge_uri(
        b"file:///srv/data/%252e%252e/a",
        Operation::Read,
        &mut buffer,
    );
    assert_eq!(judged.map(|path| path.as_bytes()), Ok(&b"%2e%2e/a"[..]));
}

/// A slash in more bytes than it needs.
#[test]
fn cve_2000_0884_iis_overlong_utf8() {
    assert_eq!(
        denial(Dialect::Posix, b"..\xc0\xaf..\xc0\xafa"),
        Some(Denial::NotUtf8)
    );
    assert_eq!(
        uri(Dialect::Posix, "file:///srv/data/..%c0%af../a"),
        Some(Denial::NotUtf8)
    );
}

/// A trailing slash made `O_NOFOLLOW` follow a link: it must not get as far as the kernel.
#[test]
fn cve_2026_39822_go_root_trailing_slash() {
    let judged = rules(Dialect::Posix)
        .judge(b"link/", Operation::List)
        .map(|path| (path.as_bytes(), path.must_be_dir()));
    assert_eq!(judged, Ok((&b"link"[..], true)));
    assert_eq!(
        denial(Dialect::Posix, "link/"),
        Some(Denial::NamesDirectory)
    );
}

#[test]
fn cap_std_383_trailing_slash_of_a_new_file() {
    let judged = rules(Dialect::Posix).judge(b"new/", Operation::Create);
    assert_eq!(judged, Err(Denial::NamesDirectory));
}

#[test]
fn mcp_servers_4523_alternate_data_streams() {
    for path in ["notes.txt:hidden", "notes.txt::$DATA", "dir/ab:b:$DATA"] {
        assert_eq!(windows(path), Some(Denial::Stream));
        assert_eq!(portable(path), Some(Denial::Stream));
    }
    // The stream of a file whose name is one letter reads as a drive.
    assert_eq!(windows("a:hidden"), Some(Denial::DriveRelative));
}

#[test]
fn mcp_servers_3981_network_shares() {
    for path in [
        r"\\host\share\a",
        "//host/share/a",
        r"\\host@SSL\share",
        r"\\?\UNC\host\share",
    ] {
        assert!(matches!(
            windows(path),
            Some(Denial::Unc | Denial::Verbatim)
        ));
        assert!(matches!(
            portable(path),
            Some(Denial::Unc | Denial::Verbatim)
        ));
    }
    for dialect in DIALECTS {
        assert_eq!(
            uri(dialect, "file://host/share/a"),
            Some(Denial::UriAuthority)
        );
        assert!(uri(dialect, "file:////host/share/a").is_some());
    }
}

/// The same drive in another case was another root.
#[test]
fn mcp_servers_2111_case_of_drives() {
    assert_eq!(windows(r"c:\srv\data\a"), None);
    assert_eq!(uri(Dialect::Windows, "file:///c%3A/srv/data/a"), None);
}

#[test]
fn mcp_servers_1838_case_of_roots_on_windows() {
    assert_eq!(windows(r"C:\SRV\Data\a"), None);
    assert_eq!(
        denial(Dialect::Posix, "/SRV/Data/a"),
        Some(Denial::OutsideRoots)
    );
}

/// `uri.slice(7)` left a slash in front of the drive, and spaces encoded.
#[test]
fn mcp_servers_3174_file_uris() {
    let mut buffer = [0; 64];
    let rules = rules(Dialect::Windows);
    let uri = b"file:///C:/srv/data/my%20notes/a.txt";
    let judged = rules.judge_uri(uri, Operation::Read, &mut buffer).unwrap();
    assert!(judged.components().eq([&b"my notes"[..], b"a.txt"]));
}

/// `C:\x` became the name of a file in the working directory.
#[test]
fn mcp_servers_4686_windows_paths_on_posix() {
    assert_eq!(portable(r"C:\Users\me\a.txt"), Some(Denial::Drive));
    assert_eq!(portable(r"Users\me\a.txt"), Some(Denial::Backslash));
}

/// What does not exist yet was checked less than what does.
#[test]
fn desktop_commander_219_new_files_are_judged_like_others() {
    let rules = Rules::builder()
        .root("/srv/data")
        .forbid_subtree("secret")
        .build()
        .unwrap();
    for path in ["../new", "/etc/new", "secret/new", "a/../../new"] {
        let read = rules.judge(path.as_bytes(), Operation::Read).unwrap_err();
        for operation in [
            Operation::Create,
            Operation::Replace,
            Operation::MakeDirectory,
        ] {
            assert_eq!(rules.judge(path.as_bytes(), operation), Err(read));
        }
    }
}

/// Another option let every path through.
#[test]
fn mcp_servers_4550_no_option_leaves_the_roots() {
    let builder = Rules::builder()
        .root("/srv/data")
        .links(Links::Trusted)
        .devices(Devices::Any);
    let builder = builder
        .dialect(Dialect::Posix)
        .accept_bytes()
        .max_depth(u16::MAX);
    let rules = builder.hard_links(HardLinks::Allow).build().unwrap();
    for path in ["/etc/passwd", "../a", "a/../../b", "/srv/data/../x"] {
        for operation in OPERATIONS {
            assert!(rules.judge(path.as_bytes(), operation).is_err());
        }
    }
}

/// A repository argument outside of the configured one.
#[test]
fn cve_2025_68145_mcp_server_git_absolute_arguments() {
    assert_eq!(
        portable("/home/user/other-repository"),
        Some(Denial::OutsideRoots)
    );
}

/// A rule for names was not asked for where a link leads.
#[test]
fn deno_33894_forbidden_places_behind_links() {
    let builder = Rules::builder()
        .links(Links::InRoot)
        .forbid_subtree("secret");
    let rules = builder.build().unwrap();
    assert!(
        rules
            .judge(b"link/key", Operation::Read)
            .unwrap()
            .moves_with_links()
    );
    let names = [&b"secret"[..], b"key"].into_iter();
    let denial = rules.judge_resolved(0, names, false, Operation::Read);
    assert_eq!(denial, Err(Denial::Forbidden));
}

/// Some operations went round the guard.
#[test]
fn deno_34393_every_operation_is_guarded() {
    let rules = Rules::builder().forbid_subtree("secret").build().unwrap();
    for operation in OPERATIONS {
        assert_eq!(
            rules.judge(b"secret/key", operation),
            Err(Denial::Forbidden)
        );
    }
}

/// Files of read-only directories were truncated.
#[test]
fn ghsa_2r75_wasmtime_read_only_truncation() {
    let rules = Rules::builder().read_only().build().unwrap();
    for operation in [Operation::Replace, Operation::Append, Operation::Create] {
        assert_eq!(rules.judge(b"a", operation), Err(Denial::ReadOnly));
    }
}

/// Names without an extension passed any allow-list.
#[test]
fn turbomcp_s1_names_without_an_extension() {
    let rules = Rules::builder()
        .allow_extensions([".json", ".txt"])
        .build()
        .unwrap();
    for path in ["id_rsa", ".env", "passwd"] {
        let denial = rules.judge(path.as_bytes(), Operation::Read);
        assert_eq!(denial, Err(Denial::ExtensionNotAllowed));
    }
}

/// Entries in capitals never matched.
#[test]
fn turbomcp_s2_entries_in_capitals() {
    let rules = Rules::builder()
        .allow_extensions([".JSON"])
        .build()
        .unwrap();
    assert!(rules.judge(b"a.json", Operation::Read).is_ok());
    let rules = Rules::builder()
        .forbid_extensions([".EXE"])
        .build()
        .unwrap();
    assert_eq!(
        rules.judge(b"a.exe", Operation::Read),
        Err(Denial::Extension)
    );
}

/// Any `../` in the text was a traversal.
#[test]
fn turbomcp_s3_dots_inside_of_names() {
    assert_eq!(denial(Dialect::Posix, "d.../x"), None);
    assert_eq!(portable("a..b/c"), None);
    assert_eq!(portable("..a/b"), None);
}

/// The file size of the policy was not the one in force.
#[test]
fn turbomcp_s4_the_size_limit_is_the_one_that_was_set() {
    let rules = Rules::builder().max_file_size(4096).build().unwrap();
    assert_eq!(rules.max_file_size(), 4096);
}

/// A new file with a bare name was refused.
#[test]
fn turbomcp_s8_a_new_file_with_a_bare_name() {
    let rules = Rules::builder().build().unwrap();
    assert!(rules.judge(b"new.txt", Operation::Create).is_ok());
}

/// Depth was counted from the root directory.
#[test]
fn turbomcp_depth_of_a_deep_root() {
    let rules = Rules::builder()
        .root("/1/2/3/4/5/6/7/8/9")
        .max_depth(1)
        .build()
        .unwrap();
    assert!(
        rules
            .judge(b"/1/2/3/4/5/6/7/8/9/a", Operation::Read)
            .is_ok()
    );
}
