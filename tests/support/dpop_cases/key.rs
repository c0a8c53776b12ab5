//! `jwk`: public, of the right kind, and a point that a signature can be verified with.

mod points;

use super::draft::{Draft, accepted, refused};
use super::forge::{Forge, Key, base64, base64url, jwk_p256, not_canonical, quoted};

pub(super) fn cases() -> Vec<Draft> {
    [
        presence(),
        private(),
        kinds(),
        coordinates(),
        points::cases(),
        uses(),
    ]
    .concat()
}

fn with_jwk(jwk: &str) -> Forge {
    Forge::request().header("jwk", jwk)
}

fn presence() -> Vec<Draft> {
    let without = || Forge::request().without_header("jwk");
    let key = Key::client();
    vec![
        refused(
            "jwk-missing-with-kid",
            "RFC 9449, 4.3 (3)",
            "A key identifier does not take the place of the key.",
            "E-DPO-10",
            without().header("kid", &quoted(&key.jkt())),
        )
        .serves(&[24]),
        refused(
            "jwk-missing-with-jku",
            "RFC 7515, 4.1.2",
            "No key is fetched from a URL in a header.",
            "E-DPO-10",
            without().header("jku", "\"https://evil.example/jwks\""),
        )
        .serves(&[24]),
        refused(
            "jwk-missing-with-x5c",
            "RFC 7515, 4.1.6",
            "The key of a certificate does not take the place of `jwk`.",
            "E-DPO-10",
            without().header("x5c", "[\"MIIB\"]"),
        )
        .serves(&[24]),
        refused(
            "jwk-in-a-string",
            "RFC 7515, 4.1.3",
            "`jwk` is an object, not a string that holds one.",
            "E-DPO-11",
            with_jwk(&format!("\"{}\"", key.jwk().replace('"', "\\\""))),
        )
        .serves(&[24]),
        refused(
            "jwk-in-an-array",
            "RFC 7515, 4.1.3",
            "`jwk` is an object, not a list of keys.",
            "E-DPO-11",
            with_jwk(&format!("[{}]", key.jwk())),
        )
        .serves(&[15]),
        refused(
            "jwk-set",
            "RFC 7517, 5",
            "A set of keys is no key: `kty` is missing.",
            "E-DPO-10",
            with_jwk(&format!("{{\"keys\":[{}]}}", key.jwk())),
        )
        .serves(&[24]),
        accepted(
            "jwk-members-in-another-order",
            "RFC 7638, 3.3",
            "The thumbprint does not depend on the order in which the client writes.",
            with_jwk(&format!(
                r#"{{"y":"{}", "x":"{}", "crv":"P-256", "kty":"EC"}}"#,
                base64url(&key.y()),
                base64url(&key.x())
            )),
        ),
    ]
}

fn private() -> Vec<Draft> {
    let with = |name: &str, value: &str| Forge::request().jwk_member(name, value);
    let clause = "RFC 9449, 4.3 (7)";
    let member =
        |name, clause, shows, forge| refused(name, clause, shows, "E-DPO-17", forge).serves(&[22]);
    vec![
        refused(
            "wso2-19887-private-jwk",
            clause,
            "The private key itself is in the header; the signature is right.",
            "E-DPO-17",
            with("d", &quoted(&Key::client().d())),
        )
        .serves(&[21]),
        refused(
            "keycloak-50125-jwk-d-null",
            clause,
            "`d` is there, though it is `null`.",
            "E-DPO-17",
            with("d", "null"),
        )
        .serves(&[21]),
        refused(
            "jwk-d-empty",
            "RFC 9449, 4.2",
            "`d` is there, though it is empty.",
            "E-DPO-17",
            with("d", "\"\""),
        )
        .serves(&[21]),
        refused(
            "jwk-d-as-escape",
            "RFC 8259, 8.3",
            "`\\u0064` is `d`.",
            "E-DPO-17",
            with("\\u0064", &quoted(&Key::client().d())),
        )
        .serves(&[21]),
        refused(
            "jwk-d-of-ed25519",
            "RFC 8037, 2",
            "An Ed25519 key has a `d` too, which is its seed.",
            "E-DPO-17",
            Forge::by(&Key::edwards()).jwk_member("d", &quoted(&Key::edwards().d())),
        )
        .serves(&[21]),
        member(
            "jwk-with-p",
            "RFC 7518, 6.3.2.2",
            "`p` is a prime of an RSA key, whatever `kty` says.",
            with("p", "\"AQAB\""),
        ),
        member(
            "jwk-with-q",
            "RFC 7518, 6.3.2.3",
            "`q` is a prime of an RSA key.",
            with("q", "\"AQAB\""),
        ),
        member(
            "jwk-with-dp",
            "RFC 7518, 6.3.2.4",
            "`dp` is an exponent of an RSA private key.",
            with("dp", "\"AQAB\""),
        ),
        member(
            "jwk-with-dq",
            "RFC 7518, 6.3.2.5",
            "`dq` is an exponent of an RSA private key.",
            with("dq", "\"AQAB\""),
        ),
        member(
            "jwk-with-qi",
            "RFC 7518, 6.3.2.6",
            "`qi` is a coefficient of an RSA private key.",
            with("qi", "\"AQAB\""),
        ),
        member(
            "jwk-with-oth",
            "RFC 7518, 6.3.2.7",
            "`oth` holds further primes of an RSA private key.",
            with("oth", "[]"),
        ),
        member(
            "jwk-with-k",
            "RFC 7518, 6.4.1",
            "`k` is a symmetric key.",
            with("k", "\"c2VjcmV0\""),
        ),
    ]
}

fn kinds() -> Vec<Draft> {
    let key = Key::client();
    let (x, y) = (base64url(&key.x()), base64url(&key.y()));
    let ec = |kty: &str, crv: &str| {
        with_jwk(&format!(
            r#"{{"kty":{kty},"crv":{crv},"x":"{x}","y":"{y}"}}"#
        ))
    };
    let p384 = base64url(&[0x5A; 48]);
    vec![
        refused(
            "kty-missing",
            "RFC 7517, 4.1",
            "`kty` is required.",
            "E-DPO-10",
            with_jwk(&format!(r#"{{"crv":"P-256","x":"{x}","y":"{y}"}}"#)),
        ),
        refused(
            "kty-oct",
            "RFC 9449, 11.6",
            "A symmetric key is no public key.",
            "E-DPO-16",
            ec("\"oct\"", "\"P-256\""),
        )
        .serves(&[23]),
        refused(
            "kty-in-lower-case",
            "RFC 7517, 4.1",
            "Key types are case-sensitive.",
            "E-DPO-16",
            ec("\"ec\"", "\"P-256\""),
        )
        .serves(&[23]),
        refused(
            "kty-unknown",
            "RFC 7517, 4.1",
            "A key type of later times does not fit ES256.",
            "E-DPO-16",
            ec("\"AKP\"", "\"P-256\""),
        )
        .serves(&[23]),
        refused(
            "kty-rsa-under-es256",
            "RFC 7518, 3.4",
            "ES256 does not verify with an RSA key.",
            "E-DPO-16",
            with_jwk(r#"{"kty":"RSA","n":"sXchQg","e":"AQAB"}"#),
        )
        .serves(&[18]),
        refused(
            "kty-okp-under-es256",
            "RFC 8037, 2",
            "ES256 does not verify with an Ed25519 key.",
            "E-DPO-16",
            with_jwk(&Key::edwards().jwk()),
        )
        .serves(&[18]),
        refused(
            "kty-ec-under-eddsa",
            "RFC 8037, 3.1",
            "EdDSA does not verify with a P-256 key.",
            "E-DPO-16",
            Forge::request().header("alg", "\"EdDSA\""),
        )
        .serves(&[18]),
        refused(
            "crv-missing",
            "RFC 7518, 6.2.1.1",
            "`crv` is required and not guessed from the length of x.",
            "E-DPO-10",
            with_jwk(&format!(r#"{{"kty":"EC","x":"{x}","y":"{y}"}}"#)),
        ),
        refused(
            "crv-p-384-under-es256",
            "RFC 7518, 3.4",
            "ES256 is for P-256 only.",
            "E-DPO-16",
            with_jwk(&format!(
                r#"{{"kty":"EC","crv":"P-384","x":"{p384}","y":"{p384}"}}"#
            )),
        )
        .serves(&[19]),
        refused(
            "crv-secp256k1-under-es256",
            "RFC 8812, 3.1",
            "A curve of the same size is another curve.",
            "E-DPO-16",
            ec("\"EC\"", "\"secp256k1\""),
        )
        .serves(&[19, 23]),
        refused(
            "crv-in-lower-case",
            "RFC 7518, 6.2.1.1",
            "Curve names are case-sensitive.",
            "E-DPO-16",
            ec("\"EC\"", "\"p-256\""),
        )
        .serves(&[23]),
        refused(
            "crv-x25519-under-eddsa",
            "RFC 8037, 3.2",
            "X25519 agrees on keys and signs nothing.",
            "E-DPO-16",
            Forge::by(&Key::edwards())
                .header("jwk", &Key::edwards().jwk().replace("Ed25519", "X25519")),
        )
        .serves(&[23]),
    ]
}

fn coordinates() -> Vec<Draft> {
    let key = Key::client();
    let (x, y) = (base64url(&key.x()), base64url(&key.y()));
    let with_x = |x: &str| with_jwk(&jwk_p256(x, &y));
    let with_y = |y: &str| with_jwk(&jwk_p256(&x, y));
    let zero = Key::with_leading_zero();
    let stripped = Forge::by(&zero).header(
        "jwk",
        &jwk_p256(&base64url(&zero.x()[1..]), &base64url(&zero.y())),
    );
    let width = "RFC 7518, 6.2.1.2";
    let malformed = |name, clause, shows, forge| refused(name, clause, shows, "E-DPO-11", forge);
    vec![
        refused(
            "x-missing",
            width,
            "`x` is required.",
            "E-DPO-10",
            with_jwk(&format!(r#"{{"kty":"EC","crv":"P-256","y":"{y}"}}"#)),
        ),
        refused(
            "y-missing",
            "RFC 7518, 6.2.1.3",
            "JWK has no compressed points: without `y` there is no key.",
            "E-DPO-10",
            with_jwk(&format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}"}}"#)),
        )
        .serves(&[30]),
        malformed(
            "y-null",
            "RFC 7518, 6.2.1.3",
            "`null` is no coordinate.",
            with_jwk(&format!(
                r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":null}}"#
            )),
        )
        .serves(&[30]),
        accepted(
            "x-with-leading-zero",
            width,
            "A coordinate that begins with a zero byte has 32 bytes like any other.",
            Forge::by(&zero),
        )
        .serves(&[28]),
        malformed(
            "x-with-leading-zero-stripped",
            width,
            "The same key in 31 bytes is refused: else one key has two thumbprints.",
            stripped,
        )
        .serves(&[28]),
        malformed(
            "x-of-33-bytes",
            width,
            "A zero byte before the coordinate, as in ASN.1, is refused.",
            with_x(&base64url(&[&[0], &key.x()[..]].concat())),
        )
        .serves(&[28]),
        malformed(
            "y-of-31-bytes",
            "RFC 7518, 6.2.1.3",
            "A coordinate that lacks its last byte.",
            with_y(&base64url(&key.y()[..31])),
        )
        .serves(&[28]),
        malformed(
            "x-number",
            width,
            "A coordinate is a string.",
            with_jwk(&format!(r#"{{"kty":"EC","crv":"P-256","x":1,"y":"{y}"}}"#)),
        ),
        malformed(
            "x-padded",
            "RFC 7515, 2",
            "Coordinates have no padding either.",
            with_x(&format!("{x}=")),
        ),
        malformed(
            "x-not-canonical",
            "RFC 4648, 3.5",
            "Bits behind the end of x have to be zero.",
            with_x(&not_canonical(&x)),
        )
        .serves(&[6]),
        malformed(
            "y-not-canonical",
            "RFC 4648, 3.5",
            "Bits behind the end of y have to be zero.",
            with_y(&not_canonical(&y)),
        )
        .serves(&[6]),
        malformed(
            "y-in-the-other-alphabet",
            "RFC 4648, 5",
            "`+` and `/` belong to base64.",
            other_alphabet(),
        ),
        malformed(
            "x-compressed-point",
            "RFC 7518, 6.2.1.2",
            "A compressed point (SEC 1) in `x` is not expanded.",
            with_x(&base64url(
                &[&[2 + (key.y()[31] & 1)], &key.x()[..]].concat(),
            )),
        )
        .serves(&[30]),
        malformed(
            "x-uncompressed-point",
            "RFC 7518, 6.2.1.2",
            "An uncompressed point (SEC 1) in `x` is not split.",
            with_x(&base64url(&[&[4], &key.x()[..], &key.y()].concat())),
        )
        .serves(&[30]),
    ]
}

fn uses() -> Vec<Draft> {
    let with = |name: &str, value: &str| Forge::request().jwk_member(name, value);
    let refused =
        |name, clause, shows, forge| refused(name, clause, shows, "E-DPO-16", forge).serves(&[25]);
    vec![
        accepted(
            "jwk-as-web-crypto-exports-it",
            "RFC 7517, 4.3",
            "`ext` is ignored, and `key_ops` allows to verify.",
            with("ext", "true").jwk_member("key_ops", "[\"verify\"]"),
        ),
        accepted(
            "jwk-with-hints",
            "RFC 7517, 4",
            "`use`, `alg` and `kid` that fit change nothing, also not the thumbprint.",
            with("use", "\"sig\"")
                .jwk_member("alg", "\"ES256\"")
                .jwk_member("kid", "\"1\""),
        ),
        accepted(
            "jwk-alg-by-the-other-name",
            "RFC 9864, 2.2",
            "`EdDSA` in the header and `Ed25519` in the key mean the same algorithm.",
            Forge::by(&Key::edwards()).jwk_member("alg", "\"Ed25519\""),
        ),
        refused(
            "jwk-use-enc",
            "RFC 7517, 4.2",
            "A key for encryption does not verify.",
            with("use", "\"enc\""),
        ),
        refused(
            "jwk-key-ops-sign",
            "RFC 7517, 4.3",
            "What may sign may not verify: the operations of a private key.",
            with("key_ops", "[\"sign\"]"),
        ),
        refused(
            "jwk-key-ops-empty",
            "RFC 7517, 4.3",
            "A key that may do nothing may not verify.",
            with("key_ops", "[]"),
        ),
        refused(
            "jwk-key-ops-string",
            "RFC 7517, 4.3",
            "The operations are an array.",
            with("key_ops", "\"verify\""),
        ),
        refused(
            "jwk-alg-other",
            "RFC 7517, 4.4",
            "A key for ES384 does not verify ES256.",
            with("alg", "\"ES384\""),
        ),
    ]
}

/// A proof whose y is in the alphabet of base64, with one of the digits that it alone has.
fn other_alphabet() -> Forge {
    (0..)
        .map(|number| Key::p256(&format!("alphabet {number}")))
        .find_map(|key| {
            let y = base64(&key.y()).trim_end_matches('=').to_owned();
            let jwk = jwk_p256(&base64url(&key.x()), &y);
            y.contains(['+', '/'])
                .then(|| Forge::by(&key).header("jwk", &jwk))
        })
        .expect("most coordinates have one")
}
