//! The JOSE header but for its key: `typ`, `alg`, `crit` and what is ignored.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::draft::{Draft, accepted, refused};
use super::forge::{Forge, Key, base64, quoted};

pub(super) fn cases() -> Vec<Draft> {
    [types(), algorithms(), critical(), ignored()].concat()
}

fn types() -> Vec<Draft> {
    let typ = |value: &str| Forge::request().header("typ", value);
    let other = |name, shows, value: &str| {
        refused(name, "RFC 9449, 11.5", shows, "E-DPO-12", typ(value)).serves(&[27])
    };
    vec![
        refused(
            "typ-missing",
            "RFC 9449, 4.3 (3)",
            "A JWT without a type may have been made for anything.",
            "E-DPO-10",
            Forge::request().without_header("typ"),
        )
        .serves(&[27]),
        other(
            "typ-jwt",
            "An ordinary JWT by the same key is no proof.",
            "\"JWT\"",
        ),
        other(
            "typ-at-jwt",
            "An access token (RFC 9068) is no proof.",
            "\"at+jwt\"",
        ),
        other(
            "typ-with-media-type-prefix",
            "The value is `dpop+jwt`; the long form of RFC 7515, 4.1.9 is another.",
            "\"application/dpop+jwt\"",
        ),
        other(
            "typ-in-capitals",
            "The value is compared as it is.",
            "\"DPOP+JWT\"",
        ),
        other(
            "typ-with-space",
            "The value is not trimmed.",
            "\"dpop+jwt \"",
        ),
        refused(
            "typ-number",
            "RFC 7515, 4.1.9",
            "The type is a string.",
            "E-DPO-11",
            typ("1"),
        )
        .serves(&[15]),
    ]
}

fn algorithms() -> Vec<Draft> {
    let alg = |value: &str| Forge::request().header("alg", value);
    let unknown =
        |name, clause, shows, value: &str| refused(name, clause, shows, "E-DPO-13", alg(value));
    let unsigned = |value: &str| {
        let proof = alg(value).build();
        let (message, _) = proof.rsplit_once('.').unwrap_or_default();
        format!("{message}.")
    };
    let edwards = || Forge::by(&Key::edwards());
    let asymmetric = "RFC 9449, 11.6";
    vec![
        refused(
            "alg-missing",
            "RFC 7515, 4.1.1",
            "Without `alg` nobody guesses one from the key.",
            "E-DPO-10",
            Forge::request().without_header("alg"),
        ),
        refused(
            "alg-none",
            "RFC 9449, 4.2",
            "`none` with an empty signature signs nothing.",
            "E-DPO-13",
            unsigned("\"none\""),
        )
        .serves(&[16]),
        refused(
            "alg-none-in-mixed-case",
            asymmetric,
            "`nOnE` does not slip past a list of forbidden names.",
            "E-DPO-13",
            unsigned("\"nOnE\""),
        )
        .serves(&[16]),
        refused(
            "alg-none-with-a-right-signature",
            "RFC 9449, 4.3 (5)",
            "`none` is refused also where an ES256 signature would verify.",
            "E-DPO-13",
            alg("\"none\""),
        )
        .serves(&[16]),
        refused(
            "alg-hs256-under-the-public-key",
            asymmetric,
            "A MAC whose secret is the text of `jwk` proves no possession.",
            "E-DPO-13",
            mac(&Key::client().jwk(), Key::client().jwk().as_bytes()),
        )
        .serves(&[17]),
        refused(
            "alg-hs256-with-symmetric-key",
            asymmetric,
            "A MAC under a key that the header itself brings proves nothing.",
            "E-DPO-13",
            mac(r#"{"kty":"oct","k":"c2VjcmV0"}"#, b"secret"),
        )
        .serves(&[17, 22]),
        unknown(
            "alg-in-lower-case",
            "RFC 7515, 4.1.1",
            "Algorithm names are case-sensitive.",
            "\"es256\"",
        ),
        unknown(
            "alg-es384-with-p-256-key",
            "RFC 7518, 3.4",
            "ES384 is for P-384, which is not known here.",
            "\"ES384\"",
        )
        .serves(&[19]),
        unknown(
            "alg-es256k-with-p-256-key",
            "RFC 8812, 3.2",
            "ES256K is for another curve of the same size.",
            "\"ES256K\"",
        )
        .serves(&[19]),
        unknown(
            "alg-rs256-with-p-256-key",
            "RFC 7518, 3.3",
            "RSA is not known here, and an EC key would not fit it.",
            "\"RS256\"",
        )
        .serves(&[18, 32]),
        unknown(
            "alg-ed448",
            "RFC 9864, 2.2",
            "Of the Edwards curves only Ed25519 is known.",
            "\"Ed448\"",
        ),
        refused(
            "alg-array",
            "RFC 7515, 4.1.1",
            "A list of algorithms is no algorithm.",
            "E-DPO-11",
            alg("[\"ES256\"]"),
        )
        .serves(&[15]),
        refused(
            "alg-null",
            "RFC 7515, 4.1.1",
            "`null` is not the same as leaving it away, and no algorithm either.",
            "E-DPO-11",
            alg("null"),
        )
        .serves(&[15]),
        accepted(
            "alg-eddsa",
            "RFC 8037, 3.1",
            "Ed25519 by the name of RFC 8037.",
            edwards(),
        ),
        accepted(
            "alg-ed25519",
            "RFC 9864, 2.2",
            "Ed25519 by the name of RFC 9864.",
            edwards().header("alg", "\"Ed25519\""),
        ),
        accepted(
            "alg-es256-where-only-it-is-allowed",
            "RFC 9449, 4.3 (5)",
            "A verifier may allow one algorithm only.",
            Forge::request(),
        )
        .only("ES256"),
        refused(
            "alg-eddsa-not-allowed",
            "RFC 9449, 4.3 (5)",
            "A known algorithm that policy does not allow; the challenge lists what it does.",
            "E-DPO-14",
            edwards(),
        )
        .only("ES256")
        .serves(&[20]),
        refused(
            "alg-es256-not-allowed",
            "RFC 9449, 5.1",
            "ES256 has to be allowed like any other.",
            "E-DPO-14",
            Forge::request(),
        )
        .only("EdDSA")
        .serves(&[20]),
    ]
}

fn critical() -> Vec<Draft> {
    let crit = |value: &str| Forge::request().header("crit", value);
    let refused = |name, shows, proof: Forge| {
        refused(name, "RFC 7515, 4.1.11", shows, "E-DPO-15", proof).serves(&[26])
    };
    vec![
        refused(
            "vouch-1100-crit-ignored",
            "An extension that must be understood and is not.",
            crit("[\"exp-ext\"]").header("exp-ext", "1"),
        ),
        refused(
            "crit-b64",
            "Unencoded payloads (RFC 7797) are not for JWTs.",
            crit("[\"b64\"]").header("b64", "false"),
        ),
        refused(
            "crit-empty",
            "An empty list is malformed, and not the same as none.",
            crit("[]"),
        ),
        refused(
            "crit-of-a-known-parameter",
            "Parameters of RFC 7515 itself are not named there.",
            crit("[\"alg\"]"),
        ),
        refused(
            "crit-of-a-missing-parameter",
            "A name that the header does not have is malformed.",
            crit("[\"absent\"]"),
        ),
        refused(
            "crit-names-twice",
            "A name twice is malformed.",
            crit("[\"x\",\"x\"]").header("x", "1"),
        ),
        refused(
            "crit-string",
            "A string is no list; its characters are not looked at.",
            crit("\"x\"").header("x", "1"),
        ),
        refused("crit-null", "`null` is not the same as none.", crit("null")),
    ]
}

fn ignored() -> Vec<Draft> {
    let with = |name: &str, value: &str| Forge::request().header(name, value);
    let other = Key::stranger();
    let certificate = quoted(&base64(&[&[0x30, 0x20][..], &other.x()].concat()));
    vec![
        accepted(
            "kid-ignored",
            "RFC 7515, 4.1.4",
            "`kid` is a hint: the key is the one in `jwk`.",
            with("kid", "\"../../etc/passwd\""),
        ),
        accepted(
            "jku-and-x5u-ignored",
            "RFC 7515, 4.1.2",
            "Keys are never fetched from where a header says.",
            with("jku", "\"https://evil.example/jwks\"").header("x5u", "\"http://169.254.169.254/\""),
        )
        .serves(&[24]),
        accepted(
            "x5c-ignored",
            "RFC 7515, 4.1.6",
            "A certificate of another key does not take the place of `jwk`.",
            with("x5c", &format!("[{certificate}]")),
        )
        .serves(&[24]),
        accepted(
            "unknown-parameters-ignored",
            "RFC 7515, 4",
            "Parameters that are not critical are ignored, whatever their type.",
            with("nonce", "\"x\"").header("cty", "\"JWT\"").header("zip", "\"DEF\"").header("x", "[{}]"),
        ),
        accepted(
            "b64-without-crit-ignored",
            "RFC 7797, 6",
            "`b64` without `crit` says nothing to a verifier that does not know it: the claims are base64url.",
            with("b64", "false"),
        )
        .serves(&[26]),
        refused(
            "b64-without-crit-and-claims-in-the-open",
            "RFC 7797, 7",
            "Claims that are not encoded are refused, though `b64` announces them and the signature covers them.",
            "E-DPO-08",
            in_the_open(),
        )
        .serves(&[26]),
    ]
}

/// A proof with a MAC for its signature.
fn mac(jwk: &str, secret: &[u8]) -> String {
    Forge::request()
        .header("alg", "\"HS256\"")
        .header("jwk", jwk)
        .signed(|_, message| {
            let mac = Hmac::<Sha256>::new_from_slice(secret).expect("any length");
            mac.chain_update(message).finalize().into_bytes().to_vec()
        })
}

/// A proof whose claims are not encoded. They have no dot and no comma: nothing else about them is seen first.
fn in_the_open() -> String {
    let forge = Forge::request().header("b64", "false");
    forge.sealed(&forge.header_segment(), r#"{"jti":"x"}"#)
}
