use alloc::format;
use alloc::string::ToString as _;

use proptest::prelude::*;

use super::*;

fn uri(text: &str) -> TargetUri<'_> {
    TargetUri::parse(text).unwrap_or_else(|error| panic!("{text} {error}"))
}

/// Both ways, and both with the same normalised form.
fn assert_same(a: &str, b: &str) {
    assert_eq!(uri(a), uri(b), "{a} {b}");
    assert_eq!(uri(b), uri(a), "{b} {a}");
    assert_eq!(uri(a).to_string(), uri(b).to_string());
}

fn assert_different(a: &str, b: &str) {
    assert_ne!(uri(a), uri(b), "{a} {b}");
    assert_ne!(uri(b), uri(a), "{b} {a}");
    assert_ne!(uri(a).to_string(), uri(b).to_string());
}

fn assert_refused(error: UriError, texts: &[&str]) {
    for text in texts {
        assert_eq!(TargetUri::parse(text), Err(error), "{text:?}");
    }
}

#[test]
fn the_case_of_scheme_and_host_and_the_default_port_do_not_count() {
    for text in [
        "HTTPS://server.example/mcp",
        "https://SERVER.Example/mcp",
        "https://server.example:443/mcp",
        "https://server.example:/mcp",
    ] {
        assert_same(text, "https://server.example/mcp");
    }
    assert_same("http://localhost:80/a", "HTTP://LOCALHOST/a");
    assert_different("http://localhost:443/", "http://localhost/");
    assert_different("https://h:80/", "https://h/");
    assert_different("https://h:8443/", "https://h/");
    assert_different("https://h:8443/", "https://h:8444/");
    assert_same("https://h:65535/", "https://H:65535");
}

#[test]
fn a_malformed_port_is_refused() {
    assert_refused(
        UriError::Port,
        &[
            "https://h:0443/p",
            "https://h:0/p",
            "https://h:00443/p",
            "https://h:65536/p",
            "https://h:99999/p",
            "https://h:99999999999999999999/p",
            "https://h:-1/p",
            "https://h:+443/p",
            "https://h: 443/p",
            "https://h:443 /p",
            "https://h:4a/p",
            "https://h:443:443/p",
            "https://h::443/p",
            "https://h:４４３/p",
            "https://h:0x1bb/p",
            "https://h:%34/p",
            "https://[::1]:0443/p",
            "https://[::1]:a/p",
        ],
    );
}

#[test]
fn another_scheme_or_no_absolute_uri_is_refused() {
    assert_refused(
        UriError::Scheme,
        &[
            "ws://h/p",
            "wss://h/p",
            "ftp://h/p",
            "httpss://h/p",
            "http+unix://h/p",
            "mailto:a",
            "h:443/p",
            "file:///p",
            "http://server.example/p",
            "http://128.0.0.1/p",
            "http://[::2]/p",
            "http://[::ffff:127.0.0.1]/p",
            "http://localhost./p",
            "http://localhost.example/p",
            "http://a.localhost/p",
        ],
    );
    assert_refused(
        UriError::NotAbsolute,
        &[
            "",
            "/p",
            "p",
            "h/p",
            "//h/p",
            "//h:443/p",
            "://h/p",
            ":",
            "https",
            "https:",
            "https:/h/p",
            "https:h/p",
            "https:\\\\h\\p",
            "https:/\\h/p",
            " https://h/p",
            "\u{FEFF}https://h/p",
            "1https://h/p",
            "-https://h/p",
            "ht tps://h/p",
            "ht\tps://h/p",
            "https%3A//h/p",
            "https%3A//h:1/p",
            "ｈｔｔｐｓ://h/p",
            "httpſ://h/p",
            "?https://h/p",
            "*",
        ],
    );
    for text in [
        "http://127.0.0.1/p",
        "http://127.255.0.9:8080/p",
        "http://[::1]:8080/p",
        "http://[0:0::1]/p",
        "http://localhost:3000/p",
    ] {
        assert!(TargetUri::parse(text).is_ok(), "{text}");
    }
    assert_different("http://localhost/p", "https://localhost/p");
    assert_different("http://localhost:443/p", "https://localhost/p");
}

#[test]
fn a_user_name_is_refused() {
    assert_refused(
        UriError::UserInfo,
        &[
            "https://u:p@h/p",
            "https://u@h/p",
            "https://@h/p",
            "https://h@/p",
            "https://server.example@evil.example/p",
            "https://server.example:443@evil.example/p",
            "https://server.example\\@evil.example/p",
            "https://a@b@c/p",
            "https://u@[::1]/p",
            "http://localhost@evil.example/p",
        ],
    );
    // Behind the authority it is a character like another.
    assert_different("https://h/@evil.example", "https://h/");
    assert_same("https://h?@evil.example", "https://h/");
    assert_same("https://h#@evil.example", "https://h/");
}

#[test]
fn a_host_that_another_reader_could_take_for_another_one_is_refused() {
    assert_refused(
        UriError::EmptyHost,
        &[
            "https://",
            "https:///p",
            "https://:443/p",
            "https://?x",
            "https://#x",
        ],
    );
    assert_refused(
        UriError::Host,
        &[
            "https://h\\evil/p",
            "https://h\\/p",
            "https://h\t/p",
            "https://h\t.example/p",
            "https://h\n/p",
            "https://h /p",
            "https://h\0/p",
            "https://a%2eb/p",
            "https://%68/p",
            "https://h%00/p",
            "https://bücher.example/p",
            "https://ｓerver.example/p",
            "https://server\u{AD}.example/p",
            "https://server。example/p",
            "https://server.example\u{200B}/p",
            "https://\u{212A}elvin.example/p",
            "https://a..b/p",
            "https://.a/p",
            "https://./p",
            "https://a../p",
            "https://a,b/p",
            "https://a;b/p",
            "https://a!b/p",
            "https://a*b/p",
            "https://a~b/p",
            "https://h^/p",
            "https://<h>/p",
            "https://[::1/p",
            "https://[]/p",
            "https://[::1]x/p",
            "https://[::1].example/p",
            "https://[[::1]]/p",
            "https://[ ::1]/p",
            "https://[fe80::1%25eth0]/p",
            "https://[fe80::1%eth0]/p",
            "https://[:::1]/p",
            "https://[1::2::3]/p",
            "https://[1:2:3:4:5:6:7:8:9]/p",
            "https://[12345::]/p",
            "https://[::g]/p",
            "https://[::1.2.3]/p",
            "https://[::01.2.3.4]/p",
            "https://[1.2.3.4]/p",
            "https://[v1.x]/p",
            "https://h[::1]/p",
            "https://h]/p",
        ],
    );
    assert_same(
        "https://_dmarc.a_b.example/p",
        "https://_DMARC.A_B.example/p",
    );
    assert_same(
        "https://xn--bcher-kva.example/p",
        "https://XN--BCHER-KVA.example/p",
    );
    assert_different(
        "https://xn--bcher-kva.example/p",
        "https://bucher.example/p",
    );
}

#[test]
fn an_ipv6_address_is_compared_by_value() {
    assert_same(
        "https://[2001:DB8::1]/p",
        "https://[2001:db8:0:0:0:0:0:1]/p",
    );
    assert_same("https://[2001:0db8::0001]:443/p", "https://[2001:db8::1]/p");
    assert_same("https://[::ffff:127.0.0.1]/p", "https://[::ffff:7f00:1]/p");
    assert_different("https://[::ffff:127.0.0.1]/p", "https://127.0.0.1/p");
    assert_different("https://[::1]/p", "https://[::2]/p");
    assert_different("https://[::1]/p", "https://localhost/p");
}

#[test]
fn an_ipv4_address_has_one_spelling() {
    assert_refused(
        UriError::Host,
        &[
            "https://127.1/p",
            "https://0x7f.1/p",
            "https://0x7F000001/p",
            "https://0X7F000001/p",
            "https://2130706433/p",
            "https://017700000001/p",
            "https://127.0.0.01/p",
            "https://0127.0.0.1/p",
            "https://127.0.0.0x1/p",
            "https://127.0.0.0x/p",
            "https://127.0.0.1./p",
            "https://127.0.0.256/p",
            "https://127.0.0/p",
            "https://127.0.0.0.1/p",
            "https://a.1/p",
            "https://0x/p",
            "http://127.1/p",
        ],
    );
    assert_same("https://127.0.0.1:443/p", "https://127.0.0.1/p");
    assert_different("https://127.0.0.1/p", "https://127.0.0.2/p");
    // A last label with a letter is a name for everybody.
    for text in [
        "https://1.2.3.4.example/p",
        "https://0x7f.example/p",
        "https://a.1e1/p",
        "https://1-2/p",
    ] {
        assert!(TargetUri::parse(text).is_ok(), "{text}");
    }
}

#[test]
fn a_dot_behind_the_host_counts() {
    assert_different("https://server.example./p", "https://server.example/p");
    assert_same("https://server.example./p", "https://SERVER.example.:443/p");
}

#[test]
fn percent_encodings_of_unreserved_characters_only_are_decoded() {
    assert_same("https://h/%7euser", "https://h/~user");
    assert_same("https://h/%2d%2D%5f%2e%30%41%7A", "https://h/--_.0Az");
    assert_same("https://h/a%2fb", "https://h/a%2Fb");
    assert_same("https://h/%c3%a9", "https://h/%C3%A9");
    assert_different("https://h/a%2Fb", "https://h/a/b");
    assert_different("https://h/%252F", "https://h/%2F");
    assert_different("https://h/%257e", "https://h/~");
    assert_different("https://h/%25%37%65", "https://h/~");
    assert_different("https://h/%40", "https://h/@");
    assert_different("https://h/%21", "https://h/!");
    assert_different("https://h/a%20b", "https://h/a+b");
    assert_different("https://h/%3Fx", "https://h/?x");
    assert_different("https://h/%23x", "https://h/#x");
    assert_different("https://h/%5C", "https://h/");
    assert_eq!(
        uri("https://h/%7e%2f%c3%a9%252f").to_string(),
        "https://h/~%2F%C3%A9%252f"
    );
}

#[test]
fn a_malformed_percent_encoding_is_refused() {
    assert_refused(
        UriError::PercentEncoding,
        &[
            "https://h/%",
            "https://h/%4",
            "https://h/%G0",
            "https://h/%0G",
            "https://h/%%41",
            "https://h/%4%31",
            "https://h/%+1",
            "https://h/% 41",
            "https://h/%é",
            "https://h/%u0041",
            "https://h/?%",
            "https://h/#%zz",
            "https://h?%4",
        ],
    );
    assert_refused(
        UriError::Nul,
        &[
            "https://h/%00",
            "https://h/a%00b",
            "https://h/?%00",
            "https://h/#%00",
        ],
    );
}

#[test]
fn dot_segments_are_removed() {
    for (text, normalised) in [
        ("https://h/a/./b/../c", "https://h/a/c"),
        ("https://h/a/b/c/./../../g", "https://h/a/g"),
        ("https://h/.", "https://h/"),
        ("https://h/..", "https://h/"),
        ("https://h/../..", "https://h/"),
        ("https://h/../../a", "https://h/a"),
        ("https://h/a/..", "https://h/"),
        ("https://h/a/../", "https://h/"),
        ("https://h/a/b/..", "https://h/a/"),
        ("https://h/a/b/.", "https://h/a/b/"),
        ("https://h/a/b/./", "https://h/a/b/"),
        ("https://h/../a/b/..", "https://h/a/"),
        ("https://h/a/../../b", "https://h/b"),
        ("https://h/a//../b", "https://h/a/b"),
        ("https://h//../b", "https://h/b"),
        ("https://h/..//b", "https://h//b"),
        ("https://h/a/...", "https://h/a/..."),
        ("https://h/a/.b/..c/d.", "https://h/a/.b/..c/d."),
        ("https://h/a/%2e%2E/b", "https://h/b"),
        ("https://h/a/.%2e/b", "https://h/b"),
        ("https://h/a/%2e/b", "https://h/a/b"),
        ("https://h/a/..%2Fb", "https://h/a/..%2Fb"),
        ("https://h/a/%252e%252e/b", "https://h/a/%252e%252e/b"),
        ("https://h/..;/b", "https://h/..;/b"),
    ] {
        assert_eq!(uri(text).to_string(), normalised, "{text}");
        assert_same(text, normalised);
    }
}

#[test]
fn slashes_and_the_case_of_the_path_count() {
    assert_same("https://h", "https://h/");
    assert_different("https://h/a//b", "https://h/a/b");
    assert_different("https://h//", "https://h/");
    assert_different("https://h//a", "https://h/a");
    assert_different("https://h/mcp", "https://h/mcp/");
    assert_different("https://h/mcp", "https://h/MCP");
    assert_different("https://h/a", "https://h/a/b");
    assert_different("https://h/b", "https://h/a/b");
    assert_different("https://h/a;v=1", "https://h/a");
    assert_different("https://h/ab", "https://h/a/b");
}

#[test]
fn query_and_fragment_are_ignored_and_reported() {
    for (text, sent) in [
        ("https://h/mcp?x=1", "https://h/mcp"),
        ("https://h/mcp?", "https://h/mcp"),
        ("https://h/mcp#", "https://h/mcp"),
        ("https://h/mcp#a?b", "https://h/mcp"),
        ("https://h/mcp?a#b?c#d", "https://h/mcp"),
        ("https://h/mcp?/../..", "https://h/mcp"),
        ("https://h/mcp?a[]=1", "https://h/mcp"),
    ] {
        assert!(uri(text).has_query_or_fragment(), "{text}");
        assert_eq!(uri(text).as_sent(), sent);
        assert_same(text, "https://h/mcp");
    }
    assert_same("https://h?x", "https://h/");
    assert_eq!(uri("https://h?x").as_sent(), "https://h");
    assert_eq!(uri("HTTPS://H:443/./a").as_sent(), "HTTPS://H:443/./a");
    assert!(!uri("https://h/%3F%23").has_query_or_fragment());
}

#[test]
fn characters_that_no_uri_has_are_refused() {
    for c in "\"<>\\^`{|} \t\n\r\0\u{1F}\u{7F}\u{80}éſ／．\u{2028}".chars() {
        for text in [
            format!("https://h/a{c}b"),
            format!("https://h/{c}"),
            format!("https://h/?{c}"),
            format!("https://h/#{c}"),
        ] {
            assert_eq!(
                TargetUri::parse(&text),
                Err(UriError::Character),
                "{text:?}"
            );
        }
    }
    // All that RFC 3986 allows in a segment.
    let all = "https://h/-._~!$&'()*+,;=:@aZ09";
    assert_eq!(uri(all).to_string(), all);
}

#[test]
fn an_origin_is_scheme_host_and_port() {
    let origin = |text| uri(text).origin();
    assert_eq!(origin("HTTPS://H:443/a?b"), origin("https://h/c"));
    assert_ne!(origin("https://h/"), origin("https://h:444/"));
    assert_ne!(origin("https://h/"), origin("https://i/"));
    assert_ne!(
        origin("http://localhost:1/"),
        origin("https://localhost:1/")
    );
    for (text, shown) in [
        ("HTTPS://Server.Example:443/mcp", "https://server.example"),
        ("https://h:8443", "https://h:8443"),
        ("http://LOCALHOST:80/a", "http://localhost"),
        ("http://127.0.0.1:443/a", "http://127.0.0.1:443"),
        ("https://[2001:DB8:0::1]:1/a", "https://[2001:db8::1]:1"),
    ] {
        assert_eq!(origin(text).to_string(), shown);
        assert_eq!(origin(shown), origin(text));
    }
}

#[test]
fn a_comparison_outlives_the_shorter_text() {
    fn is_same(configured: TargetUri<'static>, text: &str) -> bool {
        TargetUri::parse(text)
            .is_ok_and(|htu| configured == htu && htu.origin() == configured.origin())
    }
    assert!(is_same(uri("https://h/p"), &format!("https://h/{}", 'p')));
}

#[test]
fn a_long_path_takes_linear_time_and_a_longer_one_is_refused() {
    let path = |unit: &str, len: usize| {
        let mut text = alloc::string::String::from("https://h");
        text.extend(unit.chars().cycle().take(len));
        text
    };
    for unit in ["/", "/a", "/.", "/..", "/a/..", "/%2e%2e", "/a/../b"] {
        let text = path(unit, 8190);
        let normalised = uri(&text).to_string();
        assert_same(&text, &normalised);
    }
    let up_and_down = path("/a", 4096) + &path("/..", 4095)["https://h".len()..];
    assert_eq!(
        uri(&up_and_down).to_string().matches("/a").count(),
        2048 - 1365
    );
    let text = path("/", 8192);
    assert_eq!(uri(&text).to_string(), text);
    let text = path("/a", 8193);
    assert_eq!(TargetUri::parse(&text), Err(UriError::TooLong));
    let text = path("/a", 8000) + "?" + &path("q", 100_000);
    assert_eq!(TargetUri::parse(&text), Ok(uri(&path("/a", 8000))));
}

proptest! {
    #[test]
    fn the_normalised_form_is_the_same_uri_and_normalised(text in like_a_uri()) {
        let Ok(uri) = TargetUri::parse(&text) else { return Ok(()) };
        let normalised = uri.to_string();
        let again = TargetUri::parse(&normalised).unwrap();
        prop_assert_eq!(again, uri);
        prop_assert_eq!(again.to_string(), &*normalised);
        prop_assert!(!again.has_query_or_fragment());
        prop_assert_eq!(TargetUri::parse(uri.as_sent()), Ok(uri));
    }

    #[test]
    fn uris_are_equal_if_their_normalised_forms_are(a in like_a_uri(), b in like_a_uri()) {
        let (Ok(a), Ok(b)) = (TargetUri::parse(&a), TargetUri::parse(&b)) else { return Ok(()) };
        prop_assert_eq!(a == b, a.to_string() == b.to_string());
        prop_assert_eq!(a.origin() == b.origin(), a.origin().to_string() == b.origin().to_string());
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,40}|https://[ -~]{0,30}") {
        if let Ok(uri) = TargetUri::parse(&text) {
            prop_assert!(uri.to_string().is_ascii());
        }
    }
}

/// URIs of few parts, so that two are often equal and paths often have dot segments.
fn like_a_uri() -> impl Strategy<Value = alloc::string::String> {
    let origin = prop::sample::select(alloc::vec![
        "https://h",
        "HTTPS://H:443",
        "https://h:",
        "https://h:8443",
        "http://localhost",
        "https://[::1]",
        "https://[0::1]",
        "https://127.0.0.1",
        "https://h.",
        "https://[::ffff:1.2.3.4]",
        "http://localhost:80",
    ]);
    (
        origin,
        "(/(a|%61|b|\\.|\\.\\.|%2[eE]|\\.%2e|%2[fF]|%25|;)?){0,6}",
        "(\\?a/\\.\\.)?(#b)?",
    )
        .prop_map(|(origin, path, rest)| format!("{origin}{path}{rest}"))
}
