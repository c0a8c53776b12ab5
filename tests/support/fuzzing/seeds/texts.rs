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
