//! Nonces that the server issues: which it takes back, and which it does not.

use super::draft::{Draft, accepted, refused};
use super::forge::{Forge, Key, NOW, base64url, quoted};
use super::format::NonceState::{Renew, Valid};
use super::format::Nonces;
use super::mint::{LIFETIME, Mint, replacement, resource_nonces, rotation};

pub(super) fn cases() -> Vec<Draft> {
    [
        presence(),
        lives(),
        bindings(),
        forgeries(),
        secrets(),
        times(),
        remembered(),
    ]
    .concat()
}

const PROVIDED: &str = "RFC 9449, 4.3 (10)";
const RESOURCE: &str = "RFC 9449, 9";

fn with(nonce: &Mint) -> Forge {
    Forge::request().nonce(&nonce.text())
}

/// A nonce that is refused, and the client is given another one.
fn unknown(name: &str, clause: &str, shows: &str, proof: Forge) -> Draft {
    refused(name, clause, shows, "E-DPO-34", proof)
        .nonces(resource_nonces())
        .serves(&[73])
}

fn presence() -> Vec<Draft> {
    let raw = |value: &str| Forge::request().claim("nonce", value);
    vec![
        refused(
            "nonce-missing",
            "RFC 9449, 11.3",
            "A proof without a nonce is refused where nonces are required.",
            "E-DPO-33",
            Forge::request(),
        )
        .nonces(resource_nonces())
        .serves(&[73]),
        accepted(
            "nonce-fresh",
            PROVIDED,
            "The nonce that the server has supplied.",
            with(&Mint::resource()),
        )
        .nonces(resource_nonces())
        .nonce(Valid),
        accepted(
            "nonce-where-none-is-issued",
            "RFC 9449, 4.2",
            "A server that supplies no nonces ignores the claim.",
            Forge::request().nonce("whatever"),
        ),
        refused(
            "nonce-number",
            "RFC 9449, 4.2",
            "A nonce is a string.",
            "E-DPO-11",
            raw("1"),
        )
        .nonces(resource_nonces()),
        unknown(
            "nonce-empty",
            "RFC 9449, 8.1",
            "A nonce has at least one character: this one was not supplied here.",
            raw("\"\""),
        ),
        unknown(
            "nonce-with-space",
            "RFC 9449, 8.1",
            "A space is in no nonce, also not around one of ours.",
            raw(&quoted(&format!("{} ", Mint::resource().text()))),
        ),
        accepted(
            "nonce-used-twice",
            "RFC 9449, 11.1",
            "A nonce may serve for many proofs, each with its own `jti`.",
            with(&Mint::resource()),
        )
        .nonces(resource_nonces())
        .nonce(Valid)
        .then_accepted(with(&Mint::resource()).jti("another"))
        .nonce(Valid),
        accepted(
            "nonce-with-escape",
            "RFC 8259, 7",
            "A nonce is compared as what it means.",
            raw(&format!("\"\\u0041{}\"", &Mint::resource().text()[1..])),
        )
        .nonces(resource_nonces())
        .nonce(Valid),
    ]
}

fn lives() -> Vec<Draft> {
    let aged = |age: u64| with(&Mint::resource().issued(NOW - age));
    let renewal = "RFC 9449, 8.2";
    let half = LIFETIME / 2;
    vec![
        accepted(
            "nonce-before-half-of-its-life",
            renewal,
            "No new nonce is offered yet.",
            aged(half - 1),
        )
        .nonces(resource_nonces())
        .nonce(Valid),
        accepted(
            "nonce-at-half-of-its-life",
            renewal,
            "From half of its life on the response offers a new one.",
            aged(half),
        )
        .nonces(resource_nonces())
        .nonce(Renew),
        accepted(
            "nonce-at-the-end-of-its-life",
            PROVIDED,
            "A nonce as old as its lifetime is still good.",
            aged(LIFETIME),
        )
        .nonces(resource_nonces())
        .nonce(Renew),
        refused(
            "nonce-stale",
            RESOURCE,
            "A second later it is not, however new the proof is.",
            "E-DPO-35",
            aged(LIFETIME + 1),
        )
        .nonces(resource_nonces())
        .serves(&[73]),
        accepted(
            "nonce-from-a-node-ahead",
            PROVIDED,
            "Another node of the server issued it, whose clock is 10 s ahead.",
            with(&Mint::resource().issued(NOW + 10)),
        )
        .nonces(resource_nonces())
        .nonce(Valid),
        unknown(
            "nonce-from-the-future",
            PROVIDED,
            "A nonce from farther ahead was not issued by a node with a right clock.",
            with(&Mint::resource().issued(NOW + 11)),
        ),
    ]
}

fn bindings() -> Vec<Draft> {
    let key = Key::client();
    let bound = || Nonces {
        bound: true,
        ..resource_nonces()
    };
    vec![
        unknown(
            "nonce-of-another-server",
            RESOURCE,
            "Nonces are per server: this one was issued under the same secret by another.",
            with(&Mint::resource().server("https://other.example.com")),
        ),
        unknown(
            "nonce-of-the-authorization-server",
            RESOURCE,
            "A nonce of the same host as authorization server does not serve at the resource server.",
            with(&Mint::resource().role("authorization")),
        ),
        unknown(
            "nonce-with-fields-run-together",
            PROVIDED,
            "Server and role are authenticated with their lengths: `x` + `yz` is not `xy` + `z`.",
            with(
                &Mint::resource()
                    .server("https://mcp.example.comr")
                    .role("esource"),
            ),
        ),
        unknown(
            "nonce-of-another-purpose",
            PROVIDED,
            "A tag that the same secret made for something else is none of a nonce.",
            with(&Mint::resource().domain("ravelin-dpop-nonce-v2")),
        ),
        unknown(
            "nonce-of-another-epoch",
            "RFC 9449, 11.1",
            "After the replay store has been lost, nonces from before are not taken.",
            with(&Mint::resource().epoch(6)),
        )
        .serves(&[66]),
        accepted(
            "nonce-bound-to-the-key",
            RESOURCE,
            "A nonce for this key.",
            with(&Mint::resource().bound_to(&key)),
        )
        .nonces(bound())
        .nonce(Valid),
        refused(
            "nonce-bound-to-another-key",
            RESOURCE,
            "A nonce that was issued for another key.",
            "E-DPO-34",
            with(&Mint::resource().bound_to(&Key::stranger())),
        )
        .nonces(bound())
        .serves(&[73]),
        refused(
            "nonce-for-every-key-where-they-are-bound",
            RESOURCE,
            "A nonce for no key does not fit every key.",
            "E-DPO-34",
            with(&Mint::resource()),
        )
        .nonces(bound())
        .serves(&[73]),
        accepted(
            "nonce-not-bound-by-another-key",
            RESOURCE,
            "Nonces that are not bound serve any client.",
            Forge::by(&Key::stranger()).nonce(&Mint::resource().text()),
        )
        .nonces(resource_nonces())
        .nonce(Valid),
    ]
}

fn forgeries() -> Vec<Draft> {
    let changed = |change: fn(&mut Vec<u8>)| {
        let mut bytes = Mint::resource().bytes();
        change(&mut bytes);
        Forge::request().nonce(&base64url(&bytes))
    };
    let unknown = |name, shows, proof| unknown(name, PROVIDED, shows, proof);
    vec![
        unknown(
            "nonce-with-the-first-bit-of-the-tag-flipped",
            "The first bit of the tag counts.",
            changed(|bytes| bytes[26] ^= 0x80),
        ),
        unknown(
            "nonce-with-the-last-bit-of-the-tag-flipped",
            "The last bit of the tag counts.",
            changed(|bytes| bytes[41] ^= 1),
        ),
        unknown(
            "nonce-without-half-of-its-tag",
            "A tag that was cut is not compared as far as it goes.",
            changed(|bytes| bytes.truncate(34)),
        ),
        unknown(
            "nonce-with-more-behind-its-tag",
            "Nothing stands behind the tag.",
            changed(|bytes| bytes.extend([0; 3])),
        ),
        unknown(
            "nonce-with-tag-of-zeros",
            "A tag is not taken for absent because it is zero.",
            changed(|bytes| bytes[26..].fill(0)),
        ),
        unknown(
            "nonce-made-younger",
            "Its time is authenticated.",
            changed(|bytes| bytes[9] ^= 1),
        ),
        unknown(
            "nonce-with-other-random-bytes",
            "Its random bytes are authenticated.",
            changed(|bytes| bytes[25] ^= 1),
        ),
        unknown(
            "nonce-of-version-2",
            "A version that nobody knows, with a right tag.",
            with(&Mint::resource().version(2)),
        ),
        unknown(
            "nonce-padded",
            "Padding behind a nonce is not ignored.",
            Forge::request().nonce(&format!("{}=", Mint::resource().text())),
        ),
        unknown(
            "nonce-of-the-rfc",
            "The nonce of RFC 9449's example was issued by another server.",
            Forge::request().nonce("eyJ7S_zG.eyJH0-Z.HX4w-7v"),
        ),
        unknown(
            "nonce-of-1000-characters",
            "A nonce that is much longer than ours is not ours.",
            Forge::request().nonce(&"n".repeat(1000)),
        ),
    ]
}

fn secrets() -> Vec<Draft> {
    let current = "RFC 9449, 8";
    vec![
        unknown(
            "nonce-under-an-unknown-kid",
            current,
            "A secret of that name does not exist.",
            with(&Mint::resource().under(9)),
        )
        .serves(&[74]),
        unknown(
            "nonce-under-the-wrong-secret",
            current,
            "The name of a secret does not make a tag.",
            with(&Mint::resource().under(9).kid(1)),
        )
        .serves(&[74]),
        unknown(
            "nonce-under-a-secret-of-zeros",
            current,
            "Behind an unknown name there is no default secret.",
            with(&Mint::resource().kid(0).under_zeros()),
        )
        .serves(&[74]),
        accepted(
            "nonce-under-the-previous-secret",
            "RFC 9449, 8.2",
            "After a rotation the nonces from before are taken, and new ones offered.",
            with(&Mint::resource().issued(NOW - 5)),
        )
        .rotated(rotation(2))
        .nonces(resource_nonces())
        .nonce(Renew)
        .serves(&[74]),
        accepted(
            "nonce-under-the-new-secret",
            current,
            "After a rotation the nonces under the new secret are taken.",
            with(&Mint::resource().under(2)),
        )
        .rotated(rotation(2))
        .nonces(resource_nonces())
        .nonce(Valid)
        .serves(&[74]),
        unknown(
            "nonce-under-the-new-secret-too-early",
            current,
            "Before the rotation they are not.",
            with(&Mint::resource().under(2)),
        )
        .serves(&[74]),
        accepted(
            "nonce-under-a-retired-secret",
            current,
            "Once its last nonce is stale a secret is gone: whoever knows it makes no nonces any more.",
            with(&Mint::resource().under(2)),
        )
        .rotated(rotation(2))
        .nonces(resource_nonces())
        .nonce(Valid)
        .then_refused(
            "E-DPO-34",
            with(&Mint::resource().issued(NOW + 200)).iat(NOW + 200).jti("late"),
        )
        .at(NOW + 200)
        .serves(&[74]),
        refused(
            "nonce-under-a-leaked-secret",
            current,
            "A secret that leaked is gone at once.",
            "E-DPO-34",
            with(&Mint::resource()),
        )
        .rotated(replacement(2))
        .nonces(resource_nonces())
        .serves(&[74]),
    ]
}

fn times() -> Vec<Draft> {
    let is_time = || Nonces {
        is_time: true,
        ..resource_nonces()
    };
    let clause = "RFC 9449, 4.3 (11)";
    vec![
        refused(
            "old-iat-with-fresh-nonce",
            clause,
            "A fresh nonce does not excuse an old `iat`, unless policy says so.",
            "E-DPO-23",
            with(&Mint::resource()).iat(NOW - 600),
        )
        .nonces(resource_nonces())
        .serves(&[58]),
        accepted(
            "old-iat-with-fresh-nonce-that-is-time",
            clause,
            "The time within a nonce may count instead of `iat`: the client's clock is wrong.",
            with(&Mint::resource()).iat(NOW - 600),
        )
        .nonces(is_time())
        .nonce(Valid)
        .serves(&[58]),
        accepted(
            "far-iat-with-fresh-nonce-that-is-time",
            clause,
            "In both directions.",
            with(&Mint::resource()).iat(NOW + 86_400),
        )
        .nonces(is_time())
        .nonce(Valid)
        .serves(&[58]),
        refused(
            "old-iat-with-stale-nonce-that-is-time",
            clause,
            "A stale nonce is no time.",
            "E-DPO-35",
            with(&Mint::resource().issued(NOW - 121)).iat(NOW - 600),
        )
        .nonces(is_time())
        .serves(&[58]),
        refused(
            "old-iat-without-nonce-where-it-is-time",
            clause,
            "Without a nonce there is no other time, and the client is given one.",
            "E-DPO-33",
            Forge::request().iat(NOW - 600),
        )
        .nonces(is_time())
        .serves(&[58]),
        accepted(
            "replay-while-the-nonce-is-time",
            "RFC 9449, 11.1",
            "A proof is remembered for as long as its nonce is good, though its `iat` is past.",
            with(&Mint::resource()).iat(NOW - 600),
        )
        .nonces(is_time())
        .nonce(Valid)
        .then_refused("E-DPO-36", with(&Mint::resource()).iat(NOW - 600))
        .at(NOW + LIFETIME)
        .serves(&[58, 61]),
    ]
}

/// The nonce of the example in RFC 9449, 8.
const EXAMPLE: &str = "eyJ7S_zG.eyJH0-Z.HX4w-7v";

fn remembered() -> Vec<Draft> {
    let with = |nonce: &str| Forge::request().nonce(nonce);
    let refused = |name, shows, code: &str, forge| {
        refused(name, PROVIDED, shows, code, forge)
            .provided(EXAMPLE)
            .serves(&[73])
    };
    vec![
        accepted(
            "nonce-that-the-server-remembers",
            PROVIDED,
            "The nonce of RFC 9449's example, from a server that keeps what it gave to each client.",
            with(EXAMPLE),
        )
        .provided(EXAMPLE),
        refused(
            "nonce-that-the-server-remembers-missing",
            "Once a nonce was given a proof without one is refused.",
            "E-DPO-33",
            Forge::request(),
        ),
        refused(
            "nonce-that-the-server-remembers-differs",
            "Another nonce is refused, though it differs in its last character only.",
            "E-DPO-34",
            with("eyJ7S_zG.eyJH0-Z.HX4w-7w"),
        ),
        refused(
            "nonce-that-the-server-remembers-cut",
            "The beginning of the nonce is not the nonce.",
            "E-DPO-34",
            with("eyJ7S_zG.eyJH0-Z"),
        ),
    ]
}
