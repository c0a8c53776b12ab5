//! The signature: its form, what it covers, and its twins.

use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::draft::{Draft, accepted, refused};
use super::forge::{
    ED25519_ORDER, Forge, JTI, Key, P256_ORDER, base64url, is_high, sum_little, twin,
};
use super::format::from_hex;

pub(super) fn cases() -> Vec<Draft> {
    [form(), values(), coverage(), edwards()].concat()
}

const RAW: &str = "RFC 7518, 3.4";
const VERIFIES: &str = "RFC 9449, 4.3 (6)";

fn wrong(name: &str, clause: &str, shows: &str, proof: String) -> Draft {
    refused(name, clause, shows, "E-DPO-18", proof)
}

fn form() -> Vec<Draft> {
    let with = |change: fn(Vec<u8>) -> Vec<u8>| Forge::request().with_signature(change);
    let wrong = |name, shows, proof| wrong(name, RAW, shows, proof).serves(&[33]);
    vec![
        wrong(
            "signature-in-der",
            "JWS has r and s side by side, not the ASN.1 sequence of X.509.",
            with(|raw| der(&raw)),
        ),
        wrong(
            "signature-of-63-bytes",
            "A signature without its last byte.",
            with(|raw| raw[..63].to_vec()),
        ),
        wrong(
            "signature-of-65-bytes",
            "A byte behind the signature is not ignored.",
            with(|raw| [&raw[..], &[0]].concat()),
        ),
        wrong(
            "signature-of-96-bytes",
            "A signature of the size of P-384, with the right numbers in it.",
            with(|raw| {
                let (r, s) = raw.split_at(32);
                [&[0; 16], r, &[0; 16], s].concat()
            }),
        ),
        wrong(
            "signature-empty",
            "Nothing does not verify.",
            with(|_| Vec::new()),
        )
        .serves(&[16]),
    ]
}

/// Makes a signature of r and s.
type Halves<'a> = &'a dyn Fn(&[u8], &[u8]) -> Vec<u8>;

fn values() -> Vec<Draft> {
    let order = || from_hex(P256_ORDER);
    let forge = Forge::request();
    let with = |change: Halves<'_>| forge.with_signature(|raw| change(&raw[..32], &raw[32..]));
    let clause = "FIPS 186-5, 6.4.2 (1)";
    let wrong = |name, shows, proof| wrong(name, clause, shows, proof).serves(&[34]);
    vec![
        wrong(
            "cve-2022-21449-r-s-zero",
            "r = s = 0 verifies for every message in Java 15 to 18.",
            with(&|_, _| vec![0; 64]),
        ),
        wrong(
            "signature-r-zero",
            "r is at least 1.",
            with(&|_, s| [&[0; 32], s].concat()),
        ),
        wrong(
            "signature-s-zero",
            "s is at least 1.",
            with(&|r, _| [r, &[0; 32]].concat()),
        ),
        wrong(
            "signature-r-of-the-order",
            "r is below the order: n is not 0.",
            with(&|_, s| [&order(), s].concat()),
        ),
        wrong(
            "signature-s-of-the-order",
            "s is below the order.",
            with(&|r, _| [r, &order()].concat()),
        ),
        wrong(
            "signature-of-ones",
            "2^256 - 1 is above the order.",
            with(&|_, _| vec![0xFF; 64]),
        ),
        accepted(
            "signature-with-high-s",
            VERIFIES,
            "An s above half the order is right in JWS: two of the RFC's own examples have one.",
            forge
                .clone()
                .jti("high")
                .with_signature(|raw| if is_high(&raw) { raw } else { twin(&raw) }),
        )
        .serves(&[35]),
        accepted(
            "signature-with-low-s",
            VERIFIES,
            "An s below half the order is right too.",
            forge
                .clone()
                .jti("low")
                .with_signature(|raw| if is_high(&raw) { twin(&raw) } else { raw }),
        )
        .serves(&[35]),
        super::signature::wrong(
            "signature-halves-exchanged",
            RAW,
            "r comes first.",
            with(&|r, s| [s, r].concat()),
        ),
        super::signature::wrong(
            "signature-little-endian",
            RAW,
            "r and s are big-endian.",
            with(&|r, s| r.iter().rev().chain(s.iter().rev()).copied().collect()),
        ),
        super::signature::wrong(
            "signature-with-one-bit-flipped",
            VERIFIES,
            "The last bit of s counts.",
            forge.with_signature(|mut raw| {
                raw[63] ^= 1;
                raw
            }),
        ),
    ]
}

fn coverage() -> Vec<Draft> {
    let forge = Forge::request;
    let wrong = |name, shows, proof| wrong(name, VERIFIES, shows, proof);
    let parts = |forge: &Forge| -> [String; 3] {
        let proof = forge.build();
        let mut parts = proof.split('.').map(str::to_owned);
        std::array::from_fn(|_| parts.next().unwrap_or_default())
    };
    let [header, claims, signature] = parts(&forge());
    let [_, other_claims, _] = parts(&forge().jti("another"));
    let [other_header, _, _] = parts(&forge().header("kid", "\"1\""));
    let reordered = forge().without_claim("jti").jti(JTI).claims_segment();
    let stranger = Key::stranger();
    vec![
        wrong(
            "signature-by-another-key",
            "A signature by a key that is not the one in `jwk`.",
            forge().signed(|_, message| stranger.sign(message)),
        ),
        wrong(
            "claims-of-another-proof",
            "Right claims under the header and signature of another proof.",
            format!("{header}.{other_claims}.{signature}"),
        )
        .serves(&[38]),
        wrong(
            "header-of-another-proof",
            "The header is covered too: here one with a `kid`.",
            format!("{other_header}.{claims}.{signature}"),
        )
        .serves(&[38]),
        wrong(
            "claims-serialized-again",
            "The same claims in another order are other bytes.",
            format!("{header}.{reordered}.{signature}"),
        )
        .serves(&[37]),
        wrong(
            "signature-over-claims-alone",
            "The signature covers header, dot and claims.",
            forge().signed(|key, message| key.sign(after_dot(message))),
        ),
        wrong(
            "signature-over-decoded-json",
            "The signature covers the encoded segments, not what they decode to.",
            forge().signed(|key, _| {
                key.sign(format!("{}.{}", forge().header_json(), forge().claims_json()).as_bytes())
            }),
        ),
        wrong(
            "signature-without-the-dot",
            "The dot belongs to what is signed.",
            forge().signed(|key, message| {
                let joined: Vec<u8> = message.iter().copied().filter(|b| *b != b'.').collect();
                key.sign(&joined)
            }),
        ),
        wrong(
            "signature-over-the-digest",
            "The message is hashed once.",
            forge().signed(|key, message| key.sign(&Sha256::digest(message))),
        ),
        super::signature::wrong(
            "signature-with-sha-384",
            RAW,
            "ES256 is with SHA-256.",
            forge().signed(|key, message| key.sign_digest(&Sha384::digest(message))),
        )
        .serves(&[19]),
    ]
}

fn edwards() -> Vec<Draft> {
    let key = Key::edwards();
    let forge = || Forge::by(&Key::edwards());
    let clause = "RFC 8032, 5.1.7";
    let wrong = |name, shows, proof: String| {
        let jwk_is_mine = super::draft::Sent::from(proof).by(&Key::edwards());
        refused(name, clause, shows, "E-DPO-18", jwk_is_mine)
    };
    let mut mirrored = key.x();
    mirrored[31] ^= 0x80;
    let mirrored = base64url(&mirrored);
    let claim = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{mirrored}"}}"#);
    vec![
        wrong(
            "ed25519-signature-with-s-above-the-order",
            "S + L is another text of the same signature and refused.",
            forge().with_signature(|raw| {
                let (r, s) = raw.split_at(32);
                [r, &sum_little(s, &from_hex(ED25519_ORDER))].concat()
            }),
        ),
        wrong(
            "ed25519-signature-of-zeros",
            "R = 0 is a point of order 4, and S = 0 no signature.",
            forge().with_signature(|_| vec![0; 64]),
        ),
        wrong(
            "ed25519-signature-of-63-bytes",
            "A signature without its last byte, which is nearly always zero in its upper bits.",
            forge().with_signature(|raw| raw[..63].to_vec()),
        ),
        wrong(
            "ed25519-signature-of-65-bytes",
            "A byte behind the signature is not ignored.",
            forge().with_signature(|raw| [&raw[..], &[0]].concat()),
        ),
        wrong(
            "ed25519-signature-over-the-digest",
            "Ed25519 in JWS is not the pre-hashed one: the message itself is signed.",
            forge().signed(|key, message| key.sign(&Sha512::digest(message))),
        ),
        wrong(
            "ed25519-claims-of-another-proof",
            "Right claims under the signature of another proof.",
            spliced(&forge()),
        )
        .serves(&[38]),
        wrong(
            "ed25519-key-mirrored",
            "The sign of x counts: the mirrored point is another key.",
            forge()
                .header("jwk", &super::forge::jwk_ed25519(&mirrored))
                .build(),
        )
        .confirmation(serde_json::json!({"jkt": super::forge::ath(&claim)})),
    ]
}

fn spliced(forge: &Forge) -> String {
    let proof = forge.build();
    let signature = proof.rsplit('.').next().unwrap_or_default();
    let other = forge.clone().jti("another");
    format!(
        "{}.{}.{signature}",
        other.header_segment(),
        other.claims_segment()
    )
}

fn after_dot(message: &[u8]) -> &[u8] {
    let dot = message.iter().position(|byte| *byte == b'.');
    &message[dot.map_or(0, |dot| dot + 1)..]
}

/// SEQUENCE of two INTEGERs (RFC 3279, 2.2.3).
fn der(raw: &[u8]) -> Vec<u8> {
    let integer = |number: &[u8]| {
        let zeros = number.iter().take_while(|byte| **byte == 0).count();
        let digits = &number[zeros..];
        let sign: &[u8] = if digits[0] >= 0x80 { &[0] } else { &[] };
        let length = (sign.len() + digits.len()) as u8;
        [&[2, length], sign, digits].concat()
    };
    let both = [integer(&raw[..32]), integer(&raw[32..])].concat();
    [&[0x30, both.len() as u8], &both[..]].concat()
}
