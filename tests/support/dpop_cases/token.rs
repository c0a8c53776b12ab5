//! The access token: its hash in the proof, and what it is bound to.

use serde_json::json;
use sha2::{Digest as _, Sha256, Sha512};

use super::certificate;
use super::draft::{Draft, accepted, refused};
use super::forge::{Forge, Key, TOKEN, ath, base64, base64url, not_canonical, quoted, to_hex};

pub(super) fn cases() -> Vec<Draft> {
    [
        hashes(),
        malformed_hashes(),
        keys(),
        schemes(),
        confirmations(),
        certificates(),
    ]
    .concat()
}

const HASH: &str = "RFC 9449, 4.3 (12)";

fn hashes() -> Vec<Draft> {
    let with = |ath: &str| Forge::request().claim("ath", &quoted(ath));
    let other = |name, shows, forge| refused(name, HASH, shows, "E-DPO-25", forge).serves(&[70]);
    vec![
        refused(
            "ath-missing",
            "RFC 9449, 4.2",
            "A proof without the token's hash, such as one for the token endpoint.",
            "E-DPO-10",
            Forge::request().without_claim("ath"),
        )
        .serves(&[70]),
        other(
            "ath-of-another-token",
            "A proof made for one token does not fit another of the same key.",
            Forge::request().token("another"),
        ),
        other(
            "wso2-19887-ath-unchecked",
            "A well-formed `ath` that is the hash of nothing.",
            with(&base64url(&[0; 32])),
        ),
        other(
            "ath-of-scheme-and-token",
            "The token alone is hashed, without `DPoP `.",
            with(&ath(&format!("DPoP {TOKEN}"))),
        ),
        other(
            "ath-of-token-and-line-feed",
            "A line feed behind the token, as a shell puts it there, is hashed by mistake.",
            with(&ath(&format!("{TOKEN}\n"))),
        ),
        other(
            "ath-of-hexadecimal-digest",
            "The digest itself is encoded, not its hexadecimal text, cut to 32 bytes.",
            with(&base64url(&to_hex(&Sha256::digest(TOKEN)).as_bytes()[..32])),
        ),
        other(
            "ath-of-left-half-of-sha-512",
            "`ath` is SHA-256, not half of a longer hash like `at_hash`.",
            with(&base64url(&Sha512::digest(TOKEN)[..32])),
        ),
        accepted(
            "ath-of-token-with-padding",
            HASH,
            "Padding belongs to the token that is hashed.",
            Forge::request().token("YWJj+/=="),
        )
        .token("YWJj+/=="),
    ]
}

fn malformed_hashes() -> Vec<Draft> {
    let with = |value: &str| Forge::request().claim("ath", value);
    let hash = ath(TOKEN);
    let malformed = |name, clause, shows, value: &str| {
        refused(name, clause, shows, "E-DPO-11", with(value)).serves(&[70])
    };
    let syntax = "RFC 9449, 4.2";
    vec![
        malformed("ath-empty", syntax, "An empty text is no hash.", "\"\""),
        malformed("ath-number", syntax, "`ath` is a string.", "1"),
        malformed(
            "ath-padded",
            "RFC 7515, 2",
            "base64url without padding.",
            &quoted(&format!("{hash}=")),
        ),
        malformed(
            "ath-in-hexadecimal",
            syntax,
            "Hexadecimal is other base64url: of 48 bytes.",
            &quoted(&to_hex(&Sha256::digest(TOKEN))),
        ),
        malformed(
            "ath-sha-512",
            syntax,
            "A hash of 64 bytes is not cut.",
            &quoted(&base64url(&Sha512::digest(TOKEN))),
        ),
        malformed(
            "ath-cut",
            syntax,
            "16 bytes of the right hash, like `at_hash` of OpenID Connect, are not enough.",
            &quoted(&base64url(&Sha256::digest(TOKEN)[..16])),
        ),
        malformed(
            "ath-not-canonical",
            "RFC 4648, 3.5",
            "Bits behind the end of the hash have to be zero.",
            &quoted(&not_canonical(&hash)),
        )
        .serves(&[6]),
        refused(
            "ath-in-the-other-alphabet",
            "RFC 4648, 5",
            "`+` and `/` belong to base64.",
            "E-DPO-11",
            with(&quoted(
                base64(&Sha256::digest(SLASHED)).trim_end_matches('='),
            )),
        )
        .token(SLASHED)
        .serves(&[70]),
    ]
}

/// A token whose hash has `+` and `/` in base64.
const SLASHED: &str = "token-5";

fn keys() -> Vec<Draft> {
    let key = Key::client();
    let (x, y) = (base64url(&key.x()), base64url(&key.y()));
    let clause = "RFC 7638, 3.2";
    let bound = |name, clause, shows, hashed: &[u8]| {
        refused(name, clause, shows, "E-DPO-27", Forge::request())
            .confirmation(json!({"jkt": base64url(&Sha256::digest(hashed))}))
            .serves(&[39])
    };
    let spki = [
        &crate::dpop_cases::format::from_hex(
            "3059301306072a8648ce3d020106082a8648ce3d030107034200",
        )[..],
        &[4],
        &key.x(),
        &key.y(),
    ]
    .concat();
    vec![
        refused(
            "mcp-oauth-384-jkt-never-compared",
            HASH,
            "A right proof by a key that the token is not bound to.",
            "E-DPO-27",
            Forge::by(&Key::stranger()),
        )
        .bound_to(&key)
        .serves(&[39]),
        refused(
            "cve-2018-0114-embedded-key-trusted",
            "RFC 9449, 6.1",
            "A thief signs with a key of their own and brings it along: the signature verifies, and proves nothing.",
            "E-DPO-27",
            Forge::by(&Key::stranger()).header("kid", &quoted(&key.jkt())),
        )
        .bound_to(&key)
        .serves(&[39]),
        refused(
            "duende-cve-2024-49755-cnf-unchecked",
            "RFC 9449, 7.1",
            "An Ed25519 key of a thief, where the token is bound to a P-256 key.",
            "E-DPO-27",
            Forge::by(&Key::edwards()),
        )
        .bound_to(&key)
        .serves(&[39]),
        bound(
            "spring-2025-jkt-of-the-whole-jwk",
            clause,
            "The thumbprint has the required members only, not all that the client wrote.",
            format!(r#"{{"alg":"ES256","crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#).as_bytes(),
        ),
        bound(
            "jkt-of-members-as-written",
            "RFC 7638, 3.3",
            "The members are in lexicographic order, not in that of the header.",
            key.jwk().as_bytes(),
        ),
        bound(
            "jkt-with-white-space",
            "RFC 7638, 3.3",
            "There is no white space in what is hashed.",
            format!(r#"{{"crv": "P-256", "kty": "EC", "x": "{x}", "y": "{y}"}}"#).as_bytes(),
        ),
        bound(
            "jkt-of-the-public-key-info",
            "RFC 7638, 3",
            "A pin of the SubjectPublicKeyInfo is another hash of the same key.",
            &spki,
        ),
        refused(
            "jkt-in-another-case",
            "RFC 9449, 6.1",
            "base64url is case-sensitive.",
            "E-DPO-27",
            Forge::request(),
        )
        .confirmation(json!({"jkt": other_case(&key.jkt())}))
        .serves(&[39]),
    ]
}

fn schemes() -> Vec<Draft> {
    let bearer = || [format!("Bearer {TOKEN}")];
    let clause = "RFC 9449, 7.2";
    vec![
        refused(
            "mcp-oauth-383-bearer-bypass",
            clause,
            "A bound token as Bearer, without a proof.",
            "E-DPO-28",
            "",
        )
        .authorization(bearer())
        .without_proof()
        .serves(&[71]),
        refused(
            "hyprstream-454-bound-token-as-bearer",
            clause,
            "Also where unbound tokens are accepted as Bearer.",
            "E-DPO-28",
            "",
        )
        .authorization(bearer())
        .without_proof()
        .allowing_bearer()
        .serves(&[71]),
        refused(
            "bound-token-as-bearer-with-a-right-proof",
            clause,
            "A proof beside it does not make Bearer the right scheme.",
            "E-DPO-28",
            Forge::request(),
        )
        .authorization(bearer())
        .serves(&[71]),
        refused(
            "bearer-in-lower-case",
            "RFC 9110, 11.1",
            "The scheme is case-insensitive: `bearer` is no way around.",
            "E-DPO-28",
            "",
        )
        .authorization([format!("bearer {TOKEN}")])
        .without_proof()
        .serves(&[71]),
        refused(
            "unbound-token-as-dpop",
            "RFC 9449, 7.1",
            "Whoever stole an unbound token can make a proof with any key.",
            "E-DPO-29",
            Forge::request(),
        )
        .unbound()
        .serves(&[71]),
        refused(
            "unbound-token-as-bearer",
            "RFC 9449, 6",
            "A server that wants bound tokens refuses others.",
            "E-DPO-43",
            "",
        )
        .authorization(bearer())
        .without_proof()
        .unbound(),
        accepted(
            "unbound-token-as-bearer-where-allowed",
            clause,
            "A server may support both schemes.",
            "",
        )
        .authorization(bearer())
        .without_proof()
        .unbound()
        .allowing_bearer(),
    ]
}

fn confirmations() -> Vec<Draft> {
    let key = Key::client();
    let unknown = |name, clause, shows, confirmation| {
        refused(name, clause, shows, "E-DPO-31", Forge::request()).confirmation(confirmation)
    };
    let jwk: serde_json::Value = serde_json::from_str(&key.jwk()).expect("JSON");
    let clause = "RFC 7800, 3.1";
    vec![
        accepted(
            "cnf-with-unknown-member",
            clause,
            "A member that nobody here knows is ignored beside one that holds.",
            Forge::request(),
        )
        .confirmation(json!({"jkt": key.jkt(), "kid": "1"})),
        unknown(
            "cnf-with-unknown-members-only",
            clause,
            "A token bound in a way that nobody here can check is not served.",
            json!({"osc": {}}),
        )
        .serves(&[72]),
        unknown(
            "cnf-with-jwk-instead-of-jkt",
            "RFC 9449, 6.1",
            "The key itself, as RFC 7800, 3.2 has it, is another method than `jkt`.",
            json!({"jwk": jwk}),
        )
        .serves(&[72]),
        unknown(
            "cnf-empty",
            clause,
            "A confirmation without members confirms nothing, and is not the same as none.",
            json!({}),
        )
        .serves(&[72]),
        unknown(
            "cnf-with-x5t-of-sha-1",
            "RFC 8705, 3.1",
            "`x5t` without `#S256` is SHA-1 and not known here.",
            json!({"x5t": base64url(&[1; 20])}),
        )
        .serves(&[72]),
        refused(
            "cnf-unknown-as-bearer",
            "RFC 9449, 7.2",
            "A bound token does not become unbound because its binding is not known.",
            "E-DPO-31",
            "",
        )
        .confirmation(json!({"osc": {}}))
        .authorization([format!("Bearer {TOKEN}")])
        .without_proof()
        .allowing_bearer()
        .serves(&[72]),
        unknown(
            "jkt-number",
            "RFC 9449, 6.1",
            "`jkt` is a string.",
            json!({"jkt": 1}),
        ),
        unknown(
            "jkt-not-canonical",
            "RFC 4648, 3.5",
            "Bits behind the end of `jkt` have to be zero.",
            json!({"jkt": not_canonical(&key.jkt())}),
        )
        .serves(&[6]),
        unknown(
            "jkt-of-sha-1",
            "RFC 9449, 6.1",
            "A thumbprint of 20 bytes is another hash.",
            json!({"jkt": base64url(&[1; 20])}),
        ),
    ]
}

fn certificates() -> Vec<Draft> {
    let key = Key::client();
    let (certificate, other) = (certificate::renewed(), certificate::PUBLISHED);
    let hash = certificate::hash(&certificate);
    let bearer = || [format!("Bearer {TOKEN}")];
    let both = json!({"jkt": key.jkt(), "x5t#S256": hash});
    let alone = json!({"x5t#S256": hash});
    let clause = "RFC 8705, 3";
    let over_tls = |name, shows, code: &str| {
        refused(name, clause, shows, code, "")
            .authorization(bearer())
            .without_proof()
            .confirmation(alone.clone())
            .serves(&[72])
    };
    vec![
        accepted(
            "key-and-certificate-both-hold",
            clause,
            "A token may be bound to a key and to a certificate.",
            Forge::request(),
        )
        .confirmation(both.clone())
        .peer(&certificate)
        .serves(&[72]),
        refused(
            "key-holds-and-certificate-does-not",
            clause,
            "Both have to hold: here the client came with another certificate.",
            "E-DPO-30",
            Forge::request(),
        )
        .confirmation(both.clone())
        .peer(other)
        .serves(&[72]),
        refused(
            "key-holds-and-certificate-is-missing",
            clause,
            "Both have to hold: here the client came without a certificate.",
            "E-DPO-30",
            Forge::request(),
        )
        .confirmation(both.clone())
        .serves(&[72]),
        refused(
            "certificate-holds-and-key-does-not",
            HASH,
            "Both have to hold: here the proof is by another key.",
            "E-DPO-27",
            Forge::by(&Key::stranger()),
        )
        .confirmation(both.clone())
        .peer(&certificate)
        .serves(&[72]),
        refused(
            "key-and-certificate-as-bearer",
            "RFC 9449, 7.2",
            "The certificate does not take the place of the proof.",
            "E-DPO-28",
            "",
        )
        .authorization(bearer())
        .without_proof()
        .confirmation(both)
        .peer(&certificate)
        .serves(&[71, 72]),
        accepted(
            "certificate-bound-token-as-bearer",
            clause,
            "A token that is bound to the certificate alone comes as Bearer.",
            "",
        )
        .authorization(bearer())
        .without_proof()
        .confirmation(alone.clone())
        .peer(&certificate)
        .serves(&[72]),
        over_tls(
            "certificate-bound-token-over-another",
            "The certificate was renewed: the token has to be too, even for the same key.",
            "E-DPO-30",
        )
        .peer(other),
        over_tls(
            "certificate-bound-token-without-one",
            "A connection without a client certificate carries no token that is bound to one.",
            "E-DPO-30",
        ),
        refused(
            "certificate-bound-token-as-dpop",
            "RFC 9449, 7.1",
            "The scheme DPoP is for tokens that are bound to a key.",
            "E-DPO-29",
            Forge::request(),
        )
        .confirmation(alone)
        .peer(&certificate)
        .serves(&[72]),
        accepted(
            "certificate-where-none-is-asked-for",
            clause,
            "A token that is bound to a key alone is served over any certificate.",
            Forge::request(),
        )
        .peer(&certificate)
        .serves(&[72]),
    ]
}

/// The text with its letters in the other case, which is no less canonical.
fn other_case(text: &str) -> String {
    let (body, last) = text.split_at(text.len() - 1);
    let exchanged: String = body
        .chars()
        .map(|c| {
            if c.is_ascii_lowercase() {
                c.to_ascii_uppercase()
            } else {
                c.to_ascii_lowercase()
            }
        })
        .collect();
    format!("{exchanged}{last}")
}
