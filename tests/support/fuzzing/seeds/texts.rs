//! Seeds of the targets without a connection.

use super::super::setup::material;
use crate::ca::{Ca, Issued, Leaf};

/// A limit, a way to cut the stream, and the stream.
pub(super) fn streams() -> Vec<(&'static str, Vec<u8>)> {
    let stream = |limit: u8, cut: u8, text: &[u8]| [&[limit, cut], text].concat();
    vec![
        ("whole", stream(99, 0, b"{\"id\":1}\n{\"id\":2}\r\n\n\r\n{}\n")),
        ("spanning", stream(99, 3, b"{\"id\":1}\n{\"id\":2}\r\n\n\r\n{}\n")),
        ("uneven", stream(200, 130, b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}\r\n{\"jsonrpc\":\"2.0\",\"id\":2}\n")),
        ("at-the-limit", stream(2, 1, b"{}\n{}\r\n")),
        ("too-long", stream(2, 1, b"{}\n{ }\n")),
        ("too-long-by-cr", stream(2, 1, b"{}\r{}\n")),
        ("too-long-nul", stream(2, 0, b"{}\r\0")),
        ("limit-zero", stream(0, 1, b"\n\r\n\r\r\n")),
        ("nul", stream(9, 2, b"{}\na\0b\n")),
        ("nul-at-the-limit", stream(2, 0, b"{}\0")),
        ("not-utf-8", stream(9, 2, b"{}\n\xff\xfe\n")),
        ("utf-8-cut", stream(9, 1, "ä€😀\n".as_bytes())),
        ("carriage-returns", stream(9, 2, b"a\r\r\n\r\rb\r\n")),
        ("unfinished", stream(9, 4, b"{}\n{\"id\"")),
        ("long-block", stream(255, 0, &[&[b'a'; 200][..], b"\n", &[b'b'; 33], b"\n"].concat())),
    ]
}

pub(super) fn texts() -> Vec<(&'static str, Vec<u8>)> {
    let ca = Ca::new("Fuzz", 3);
    let names = Leaf::server("localhost")
        .dns("*.example.org")
        .ip([127, 0, 0, 1])
        .ip([0u16, 0, 0, 0, 0, 0, 0, 1])
        .uri("spiffe://example.org/agent");
    let der = |issued: &Issued| issued.chain[0].to_vec();
    vec![
        ("server", material().server.chain[0].to_vec()),
        ("client", material().client.chain[0].to_vec()),
        ("root", ca.certificate().to_vec()),
        ("names", der(&ca.issue(names.clone()))),
        (
            "subject-bytes",
            der(&ca.issue(Leaf::client("a").subject_bytes(b"\x30\x03\x02\x01\x00"))),
        ),
        (
            "extension",
            der(&ca.issue(Leaf::client("b").extension(&[1, 2, 3, 4], vec![5, 0]))),
        ),
        (
            "second-san",
            der(&ca.issue(names.extension(&[2, 5, 29, 17], vec![0x30, 0]))),
        ),
        (
            "distant-times",
            der(&ca.issue(Leaf::client("c").valid(0, 253_402_300_799))),
        ),
        ("pem", ca.root_pem().into_bytes()),
        (
            "pem-key",
            ca.issue(Leaf::client("alice")).key_pem().into_bytes(),
        ),
        (
            "pin",
            b"sha256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=".into(),
        ),
        (
            "pin-slashes",
            b"sha256//47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU".into(),
        ),
        (
            "pin-hex",
            b"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".into(),
        ),
        (
            "pin-certificate",
            b"cert-sha256:E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855".into(),
        ),
        (
            "pin-other-hash",
            b"sha1:da39a3ee5e6b4b0d3255bfef95601890afd80709".into(),
        ),
        ("pin-short", b"sha256:47DEQpj8".into()),
    ]
}

pub(super) fn documents() -> Vec<(&'static str, String)> {
    let members: Vec<_> = (0..33).map(|n| format!("\"{n}\":{n}")).collect();
    let text = |text: &str| text.to_owned();
    vec![
        (
            "header",
            text(
                r#"{"typ":"dpop+jwt","alg":"ES256","jwk":{"kty":"EC","crv":"P-256","x":"l8tFrhx","y":"9VE4jf"}}"#,
            ),
        ),
        (
            "claims",
            text(
                r#"{"jti":"-BwC3ESc6acc2lTc","htm":"POST","htu":"https:\/\/h\/p","iat":1562262616.5}"#,
            ),
        ),
        (
            "values",
            text(" {\"a\" : [ true , false,null,[],{ } ,\"\",-1.5E+3 ] ,\r\n\t\"b\":{\"c\":0}} "),
        ),
        (
            "escapes",
            text(r#"{"\u0061\ud83d\uDE00":"\"\\\/\b\f\n\r\té"}"#),
        ),
        ("twice", text(r#"{"alg":"ES256","alg":"none"}"#)),
        (
            "twice-by-escape",
            text(r#"{"alg":"ES256","\u0061lg":"none"}"#),
        ),
        ("twice-within", text(r#"{"jwk":{"x":1,"y":2,"x":3}}"#)),
        ("half-a-pair", text(r#"{"a":"\ud800"}"#)),
        ("nul", text(r#"{"htm":"PO\u0000ST"}"#)),
        ("negative-zero", text(r#"{"iat":-0.0e1}"#)),
        ("leading-zero", text(r#"{"iat":01}"#)),
        (
            "2-to-53",
            text(r#"{"a":9007199254740992,"b":9007199254740993,"c":1e999}"#),
        ),
        ("array", text("[{}]")),
        ("two-objects", text("{} {}")),
        ("unfinished", text(r#"{"a":[{"b":"c"#)),
        ("control", text("{\"a\":\"\u{1}\"}")),
        ("byte-order-mark", text("\u{FEFF}{}")),
        ("deep", text(r#"{"a":{"a":{"a":{"a":{}}}}}"#)),
        ("many-members", format!("{{{}}}", members.join(","))),
        ("long", format!("{{\"a\":\"{}\"}}", "x".repeat(1025))),
    ]
}

/// Two URIs each, one a line.
pub(super) fn uris() -> Vec<(&'static str, &'static str)> {
    vec![
        (
            "case-and-port",
            "HTTPS://Server.Example:443/mcp\nhttps://server.example:/mcp",
        ),
        ("empty-path", "https://h\nhttps://h/"),
        ("dot-segments", "https://h/a/./b/../c\nhttps://h/../a/c"),
        ("dots-encoded", "https://h/a/%2e%2E/b/.\nhttps://h/b/"),
        ("dots-at-the-end", "https://h/a/b/..\nhttps://h//a/"),
        ("unreserved", "https://h/%7e%2d%41\nhttps://h/~-A"),
        ("reserved", "https://h/a%2fb\nhttps://h/a/b"),
        ("encoded-twice", "https://h/%252F\nhttps://h/%2F"),
        ("query-and-fragment", "https://h/p?a=[1]#b#c\nhttps://h/p"),
        ("slash", "https://h/mcp/\nhttps://h//mcp"),
        (
            "ipv6",
            "https://[2001:DB8:0:0::1]:8443/\nhttps://[2001:db8::1]:8443",
        ),
        (
            "ipv6-mapped",
            "http://[::ffff:127.0.0.1]/\nhttps://[::ffff:7f00:1]/",
        ),
        ("loopback", "http://127.0.0.1:80/\nhttp://LOCALHOST:3000/"),
        ("ipv4-other-forms", "https://0x7f.1/\nhttps://127.0.0.1./"),
        ("user-name", "https://u:p@h/\nhttps://h\\@evil/"),
        ("host", "https://a_b.example./\nhttps://a..b%2e/"),
        ("port", "https://h:0443/\nhttps://h:65536/"),
        ("percent", "https://h/%G0\nhttps://h/%00"),
        ("characters", "https://h/a|b\nhttps://h/é"),
        ("no-authority", "https:/h/p\n//h/p"),
    ]
}
