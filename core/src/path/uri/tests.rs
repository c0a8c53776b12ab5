use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

fn read(uri: &str, dialect: Dialect) -> Result<Vec<u8>, Denial> {
    let mut buffer = [0; 128];
    decode(uri.as_bytes(), dialect, &mut buffer).map(<[u8]>::to_vec)
}

fn path(uri: &str) -> Result<String, Denial> {
    read(uri, Dialect::Portable).map(|path| String::from_utf8(path).unwrap())
}

#[test]
fn the_three_forms_of_a_local_file_are_read() {
    for uri in [
        "file:///a/b",
        "file:/a/b",
        "file://localhost/a/b",
        "FILE://LocalHost/a/b",
        "File:/a/%62",
    ] {
        assert_eq!(path(uri).as_deref(), Ok("/a/b"), "{uri}");
    }
    assert_eq!(path("file:///").as_deref(), Ok("/"));
    assert_eq!(
        path("file:///a%20b/%C3%BC%25/!$&'()*+,;=:@-._~").as_deref(),
        Ok("/a b/ü%/!$&'()*+,;=:@-._~")
    );
}

#[test]
fn other_schemes_are_refused() {
    for uri in [
        "",
        "file",
        "/a",
        "http://localhost/a",
        "files:///a",
        " file:///a",
        "a/file:/b",
    ] {
        assert_eq!(path(uri), Err(Denial::UriScheme), "{uri}");
    }
}

#[test]
fn hosts_and_relative_paths_are_refused() {
    for uri in [
        "file://host/a",
        "file://localhost:80/a",
        "file://me@localhost/a",
        "file://127.0.0.1/a",
        "file://localhost.example/a",
        "file://",
        "file://localhost",
        "file:",
        "file:a/b",
        "file:./a",
        "file://..",
        "file://%6cocalhost/a",
    ] {
        assert_eq!(path(uri), Err(Denial::UriAuthority), "{uri}");
    }
}

#[test]
fn queries_and_fragments_are_refused() {
    for uri in ["file:///a?b", "file:///a#b", "file:///?", "file:///#"] {
        assert_eq!(path(uri), Err(Denial::UriQuery), "{uri}");
    }
    assert_eq!(path("file:///a%3Fb%23c").as_deref(), Ok("/a?b#c"));
}

#[test]
fn separators_inside_of_segments_are_refused_in_every_dialect() {
    for dialect in [Dialect::Posix, Dialect::Windows, Dialect::Portable] {
        for uri in [
            "file:///C:/a%2fb",
            "file:///C:/a%2Fb",
            "file:///C:/a%5cb",
            "file:///C:/a\\b",
        ] {
            assert_eq!(read(uri, dialect), Err(Denial::UriSeparator), "{uri}");
        }
    }
}

#[test]
fn what_a_uri_must_not_have_is_refused() {
    for uri in [
        "file:///a b",
        "file:///ü",
        "file:///a\n",
        "file:///%",
        "file:///%4",
        "file:///%zz",
        "file:///%+4",
        "file:///%%41",
        "file:///a|b",
        "file:///a\"",
        "file:///{a}",
        "file:///%u002e",
    ] {
        assert_eq!(path(uri), Err(Denial::UriCharacter), "{uri}");
    }
}

#[test]
fn decoded_nul_and_bytes_that_are_not_utf8_are_refused() {
    assert_eq!(path("file:///a%00"), Err(Denial::Nul));
    for uri in ["file:///%ff", "file:///%c0%ae", "file:///%ed%a0%80"] {
        assert_eq!(path(uri), Err(Denial::NotUtf8), "{uri}");
    }
}

#[test]
fn a_segment_is_decoded_once() {
    assert_eq!(path("file:///%252e%252e/a").as_deref(), Ok("/%2e%2e/a"));
    assert_eq!(path("file:///%25%32%65").as_deref(), Ok("/%2e"));
}

#[test]
fn drives_are_for_windows() {
    for uri in ["file:///C:/a", "file:/c:/a", "file:///C%3a/a", "file:///C:"] {
        assert_eq!(path(uri), Err(Denial::Drive), "{uri}");
        assert_eq!(read(uri, Dialect::Posix), Err(Denial::Drive), "{uri}");
    }
    assert_eq!(
        read("file:///C%3A/a", Dialect::Windows),
        Ok(b"C:/a".to_vec())
    );
    assert_eq!(read("file:///a", Dialect::Windows), Err(Denial::Rooted));
    assert_eq!(read("file:///C:a", Dialect::Windows), Err(Denial::Rooted));
    assert_eq!(
        read("file:///C|/a", Dialect::Windows),
        Err(Denial::UriCharacter)
    );
}

#[test]
fn a_small_buffer_and_a_long_uri_are_refused() {
    let mut buffer = [0; 30_000];
    let denial = decode(b"file:///abc", Dialect::Posix, &mut buffer[..3]);
    assert_eq!(denial, Err(Denial::TooLong { limit: 3 }));
    assert_eq!(
        decode(b"file:///abc", Dialect::Posix, &mut [0; 4]),
        Ok(&b"/abc"[..])
    );
    let uri = format!("file:///{}", "a".repeat(20_000));
    let denial = decode(uri.as_bytes(), Dialect::Posix, &mut buffer);
    assert_eq!(denial, Err(Denial::TooLong { limit: 12_301 }));
}

#[test]
fn paths_without_a_uri_are_refused() {
    let refused = |path: &[u8], dialect| FileUri::new(path, dialect).unwrap_err();
    assert_eq!(refused(b"a", Dialect::Posix), Denial::Relative);
    assert_eq!(refused(b"", Dialect::Portable), Denial::Relative);
    assert_eq!(refused(b"/a\0", Dialect::Posix), Denial::Nul);
    assert_eq!(refused(b"/\xff", Dialect::Posix), Denial::NotUtf8);
    assert_eq!(refused(b"//host/a", Dialect::Posix), Denial::Unc);
    assert_eq!(refused(br"\\host\a", Dialect::Windows), Denial::Unc);
    assert_eq!(refused(b"/C:/a", Dialect::Posix), Denial::Drive);
    assert_eq!(refused(br"/a\b", Dialect::Posix), Denial::Backslash);
    assert_eq!(refused(b"/a", Dialect::Windows), Denial::Relative);
    assert_eq!(refused(b"C:a", Dialect::Windows), Denial::Relative);
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(names in proptest::collection::vec("[^/\\\\\0]{1,12}", 1..6)) {
        let mut buffer = [0; 1024];
        let posix = format!("/{}", names.join("/"));
        if let Ok(uri) = FileUri::new(posix.as_bytes(), Dialect::Posix) {
            let uri = uri.to_string();
            prop_assert!(uri.is_ascii());
            let path = decode(uri.as_bytes(), Dialect::Posix, &mut buffer);
            prop_assert_eq!(path, Ok(posix.as_bytes()));
        } else {
            prop_assert!(begins_with_drive(names.join("/").as_bytes()));
        }
        let windows = format!("C:/{}", names.join("/"));
        let uri = FileUri::new(windows.as_bytes(), Dialect::Windows).unwrap().to_string();
        let path = decode(uri.as_bytes(), Dialect::Windows, &mut buffer);
        prop_assert_eq!(path, Ok(windows.as_bytes()));
    }

    #[test]
    fn any_text_is_read(uri in "(file:)?(//)?(/|%2[eEfF]|%5c|%|\\.|[a-c:?#]|localhost){0,20}") {
        let mut buffer = [0; 256];
        for dialect in [Dialect::Posix, Dialect::Windows, Dialect::Portable] {
            if let Ok(path) = decode(uri.as_bytes(), dialect, &mut buffer) {
                prop_assert!(path.len() <= uri.len());
                prop_assert!(!path.contains(&b'\\'));
            }
        }
    }
}
