//! One proof, one request: what is remembered, for how long, and what happens when that is not possible.

use super::draft::{Draft, accepted, refused};
use super::forge::{Forge, JTI, Key, NOW, RESOURCE, base64url, jwk_p256, quoted, twin};
use super::format::NonceState::{Renew, Valid};
use super::format::{Nonces, Replay};
use super::mint::{Mint, resource_nonces, rotation};

pub(super) fn cases() -> Vec<Draft> {
    [
        identifiers(),
        replays(),
        strangers(),
        lifetimes(),
        limits(),
        starts(),
    ]
    .concat()
}

const TRACKED: &str = "RFC 9449, 11.1";

fn identifiers() -> Vec<Draft> {
    let raw = |value: &str| Forge::request().claim("jti", value);
    let malformed = |name, shows, value: &str| {
        refused(name, TRACKED, shows, "E-DPO-11", raw(value)).serves(&[60])
    };
    vec![
        refused(
            "wso2-23358-no-jti",
            "RFC 9449, 4.3 (3)",
            "A proof without `jti` could be used for ever and ever.",
            "E-DPO-10",
            Forge::request().without_claim("jti"),
        )
        .serves(&[60]),
        malformed("jti-empty", "An empty `jti` is not unique.", "\"\""),
        malformed("jti-number", "`jti` is a string.", "1"),
        accepted(
            "jti-of-one-character",
            "RFC 7519, 4.1.7",
            "Whether a `jti` is random cannot be seen: a short one is the client's risk.",
            raw("\"a\""),
        )
        .serves(&[60]),
        accepted(
            "jti-of-128-bytes",
            TRACKED,
            "The longest `jti` that is read.",
            raw(&quoted(&"j".repeat(128))),
        )
        .serves(&[60]),
        malformed(
            "jti-of-129-bytes",
            "One byte more is refused: an overlong `jti` could fill the store.",
            &quoted(&"j".repeat(129)),
        ),
        malformed(
            "jti-of-65-characters-and-130-bytes",
            "Bytes of UTF-8 are counted, not characters.",
            &quoted(&"\u{e9}".repeat(65)),
        ),
        accepted(
            "jti-of-128-bytes-in-escapes",
            "RFC 8259, 7",
            "Bytes are counted as they mean, not as they are written.",
            raw(&format!("\"{}\"", "\\u006a".repeat(128))),
        )
        .serves(&[60]),
        malformed(
            "jti-with-line-feed",
            "Control characters would go into logs.",
            "\"a\\nb\"",
        ),
        malformed(
            "jti-with-c1-control",
            "U+0085 is a control character, and the end of a line to some.",
            "\"a\\u0085b\"",
        ),
        refused(
            "jti-with-nul",
            "RFC 8259, 9",
            "A NUL in `jti` ends nothing.",
            "E-DPO-09",
            raw("\"a\\u0000b\""),
        )
        .serves(&[12, 60]),
    ]
}

/// A proof is used, and then `second` is not accepted though it is right by itself.
fn replayed(name: &str, clause: &str, shows: &str, second: impl Into<super::draft::Sent>) -> Draft {
    accepted(name, clause, shows, Forge::request()).then_refused("E-DPO-36", second)
}

fn replays() -> Vec<Draft> {
    let forge = Forge::request;
    let key = Key::client();
    let reordered =
        jwk_p256(&base64url(&key.x()), &base64url(&key.y())).replacen(r#""kty":"EC","#, "", 1);
    let reordered = format!("{},\"kty\":\"EC\"}}", reordered.trim_end_matches('}'));
    vec![
        replayed(
            "proof-sent-twice",
            TRACKED,
            "The same proof a second time.",
            forge(),
        )
        .serves(&[61]),
        replayed(
            "malleated-twin",
            TRACKED,
            "The other signature of the same claims (n - s): what is remembered does not depend on it.",
            forge().with_signature(|raw| twin(&raw)),
        )
        .serves(&[36]),
        replayed(
            "jti-used-with-another-header",
            TRACKED,
            "A header with a `kid` makes other bytes and no other proof.",
            forge().header("kid", "\"1\""),
        )
        .serves(&[61]),
        replayed(
            "jti-used-with-another-spelling-of-the-key",
            TRACKED,
            "The key is known by its thumbprint, not by its text.",
            forge().header("jwk", &reordered),
        )
        .serves(&[61]),
        replayed(
            "jti-used-in-another-spelling",
            TRACKED,
            "`\\u0065` is `e`: a `jti` is remembered as what it means.",
            forge().claim("jti", &format!("\"\\u0065{}\"", &JTI[1..])),
        )
        .serves(&[61]),
        replayed(
            "jti-used-for-another-uri",
            TRACKED,
            "A `jti` is used once for all targets.",
            forge().htu("https://mcp.example.com/other"),
        )
        .uri("https://mcp.example.com/other")
        .serves(&[61]),
        replayed(
            "jti-used-for-another-method",
            TRACKED,
            "And for all methods.",
            forge().htm("GET"),
        )
        .method("GET")
        .serves(&[61]),
        replayed(
            "jti-used-at-another-time",
            TRACKED,
            "A new `iat` needs a new `jti`.",
            forge().iat(NOW + 5),
        )
        .at(NOW + 5)
        .serves(&[61]),
        replayed(
            "jti-used-with-another-token",
            TRACKED,
            "A new token needs a new `jti`.",
            forge().token("another"),
        )
        .token("another")
        .serves(&[61]),
        replayed(
            "better-auth-10039-replay-by-spelling-of-htu",
            TRACKED,
            "Another spelling of the same URI is no other proof.",
            forge().htu("HTTPS://MCP.EXAMPLE.COM:443/mcp"),
        )
        .serves(&[61]),
        replayed(
            "replay-by-a-query",
            TRACKED,
            "A query, which is ignored, makes no other proof.",
            forge().htu(&format!("{RESOURCE}?1")),
        )
        .serves(&[52, 61]),
        accepted(
            "jti-used-with-another-nonce",
            TRACKED,
            "A new nonce needs a new `jti`.",
            forge().nonce(&Mint::resource().issued(NOW - 1).text()),
        )
        .nonces(resource_nonces())
        .nonce(Valid)
        .then_refused("E-DPO-36", forge().nonce(&Mint::resource().text()))
        .serves(&[61]),
        accepted(
            "replay-over-a-rotation-of-the-nonce-secret",
            TRACKED,
            "What is remembered does not depend on the secret of the nonces.",
            forge().nonce(&Mint::resource().text()),
        )
        .nonces(resource_nonces())
        .nonce(Valid)
        .then_refused("E-DPO-36", forge().nonce(&Mint::resource().text()))
        .rotated(rotation(2))
        .serves(&[75]),
    ]
}

fn strangers() -> Vec<Draft> {
    let forge = Forge::request;
    let right = "RFC 9449, 4.3";
    vec![
        accepted(
            "attesto-18-global-jti-namespace",
            TRACKED,
            "The same `jti` by another key is another proof: nobody can use up the `jti` of somebody else.",
            Forge::by(&Key::stranger()),
        )
        .then_accepted(forge())
        .serves(&[61]),
        refused(
            "attesto-17-jti-claimed-before-the-token",
            right,
            "A proof that fails against its token has not used its `jti`.",
            "E-DPO-27",
            forge(),
        )
        .bound_to(&Key::stranger())
        .then_accepted(forge())
        .serves(&[69]),
        refused(
            "wrong-signature-uses-no-jti",
            right,
            "A proof with a wrong signature has not used its `jti`: else anybody could use up those of others.",
            "E-DPO-18",
            forge().signed(|_, message| Key::stranger().sign(message)),
        )
        .then_accepted(forge())
        .serves(&[69]),
        refused(
            "wrong-ath-uses-no-jti",
            right,
            "A proof for another token has not used its `jti`.",
            "E-DPO-25",
            forge().token("another"),
        )
        .then_accepted(forge())
        .serves(&[69]),
        refused(
            "nonce-challenge-uses-no-jti",
            "RFC 9449, 9",
            "A client that is given a nonce may come back with the same `jti`.",
            "E-DPO-33",
            forge(),
        )
        .nonces(resource_nonces())
        .then_accepted(forge().nonce(&Mint::resource().text()))
        .nonce(Valid)
        .serves(&[69]),
        refused(
            "too-early-uses-no-jti",
            right,
            "A proof from the future has not used its `jti`.",
            "E-DPO-24",
            forge().iat(NOW + 11),
        )
        .then_accepted(forge().iat(NOW + 11))
        .at(NOW + 1),
    ]
}

fn lifetimes() -> Vec<Draft> {
    let ahead = || Forge::request().iat(NOW + 10);
    vec![
        accepted(
            "keycloak-43505-replay-within-the-skew",
            TRACKED,
            "A proof from 10 s ahead is remembered until 60 s after its `iat`, not after its arrival.",
            ahead(),
        )
        .then_refused("E-DPO-36", ahead())
        .at(NOW + 61)
        .then_refused("E-DPO-36", ahead())
        .at(NOW + 70)
        .then_refused("E-DPO-23", ahead())
        .at(NOW + 71)
        .serves(&[64]),
        accepted(
            "mcp-replay-at-the-end-of-the-window",
            TRACKED,
            "A proof from 300 s ahead can be replayed for 600 s, and is remembered for as long.",
            Forge::request().iat(NOW + 300),
        )
        .mcp()
        .then_refused("E-DPO-36", Forge::request().iat(NOW + 300))
        .at(NOW + 600)
        .serves(&[64]),
        accepted(
            "replay-of-an-old-proof",
            TRACKED,
            "A proof that is accepted in its last second is remembered in that second.",
            Forge::request().iat(NOW - 60),
        )
        .then_refused("E-DPO-36", Forge::request().iat(NOW - 60))
        .serves(&[64]),
        accepted(
            "replay-with-the-clock-back",
            TRACKED,
            "A clock that steps back forgets nothing.",
            Forge::request(),
        )
        .mcp()
        .then_refused("E-DPO-36", Forge::request())
        .at(NOW - 200)
        .serves(&[59]),
        accepted(
            "forgotten-proof-with-the-clock-back",
            TRACKED,
            "A clock that steps back does not make young again what has been forgotten.",
            Forge::request(),
        )
        .mcp()
        .then_accepted(Forge::request().iat(NOW + 2000).jti("later"))
        .at(NOW + 2000)
        .then_refused("E-DPO-23", Forge::request())
        .at(NOW + 100)
        .serves(&[59]),
        accepted(
            "jti-forgotten-in-the-end",
            TRACKED,
            "After the window a `jti` may come again, in a new proof.",
            Forge::request(),
        )
        .then_accepted(Forge::request().iat(NOW + 1000))
        .at(NOW + 1000),
    ]
}

fn limits() -> Vec<Draft> {
    let number = |number: u8| Forge::request().jti(&format!("jti-{number}"));
    let by = |name: &str| Forge::by(&Key::p256(name));
    let limited = |capacity, quota| Replay {
        capacity,
        quota,
        started: NOW - 86_400,
        first_start: true,
    };
    vec![
        accepted(
            "quota-of-one-key",
            TRACKED,
            "A key that has as many live proofs as it may waits, and other keys do not.",
            number(1),
        )
        .replay(limited(None, Some(1)))
        .then_refused("E-DPO-37", number(2))
        .then_accepted(by("other"))
        .serves(&[67]),
        accepted(
            "quota-free-again",
            TRACKED,
            "Proofs that have expired do not count.",
            number(1),
        )
        .replay(limited(None, Some(1)))
        .then_refused("E-DPO-37", number(2))
        .then_accepted(number(3).iat(NOW + 1000))
        .at(NOW + 1000)
        .serves(&[67]),
        accepted(
            "store-full",
            TRACKED,
            "A full store refuses what is new, and forgets nothing for it: the first proof is still known.",
            by("one"),
        )
        .replay(limited(Some(2), None))
        .then_accepted(by("two"))
        .then_refused("E-DPO-38", by("three"))
        .then_refused("E-DPO-36", by("one"))
        .then_refused("E-DPO-36", by("two"))
        .serves(&[67]),
        accepted(
            "store-free-again",
            TRACKED,
            "When proofs have expired there is room.",
            by("one"),
        )
        .replay(limited(Some(1), None))
        .then_refused("E-DPO-38", by("two"))
        .then_accepted(by("three").iat(NOW + 1000))
        .at(NOW + 1000)
        .serves(&[67]),
    ]
}

fn starts() -> Vec<Draft> {
    let started = |seconds: u64| Replay {
        capacity: None,
        quota: None,
        started: seconds,
        first_start: false,
    };
    let fresh = |seconds: u64| Forge::request().iat(seconds).jti("fresh");
    let issued = |seconds: u64| Mint::resource().issued(seconds).text();
    vec![
        accepted(
            "replay-after-a-restart",
            TRACKED,
            "A store that has lost its memory does not take proofs that may have been used before.",
            Forge::request(),
        )
        .then_refused("E-DPO-40", Forge::request())
        .at(NOW + 5)
        .restarted()
        .serves(&[65]),
        accepted(
            "new-proof-after-a-restart",
            TRACKED,
            "A proof that cannot have been accepted before is: made later than any clock ahead could be.",
            Forge::request(),
        )
        .then_refused("E-DPO-40", fresh(NOW + 15))
        .at(NOW + 5)
        .restarted()
        .then_accepted(fresh(NOW + 16))
        .at(NOW + 16)
        .serves(&[65]),
        refused(
            "restart-fence-at-its-end",
            TRACKED,
            "A proof made 10 s after the start may have been accepted a moment before it.",
            "E-DPO-40",
            Forge::request(),
        )
        .replay(started(NOW - 10))
        .serves(&[65]),
        accepted(
            "restart-fence-behind-its-end",
            TRACKED,
            "A proof made 11 s after the start cannot.",
            Forge::request(),
        )
        .replay(started(NOW - 11))
        .serves(&[65]),
        refused(
            "mcp-restart-fence",
            TRACKED,
            "With 300 s of tolerance the fence is as long.",
            "E-DPO-40",
            Forge::request(),
        )
        .mcp()
        .replay(started(NOW - 300))
        .serves(&[65]),
        accepted(
            "first-start-has-no-fence",
            TRACKED,
            "Where nothing ran before nothing can have been accepted.",
            Forge::request(),
        )
        .replay(Replay {
            first_start: true,
            ..started(NOW)
        })
        .serves(&[65]),
        accepted(
            "nonce-from-after-the-restart",
            TRACKED,
            "A nonce that was issued after the start, by a clock that is never ahead, shows that the proof is new.",
            Forge::request().nonce(&issued(NOW)),
        )
        .nonces(one_clock())
        .nonce(Valid)
        .replay(started(NOW - 1))
        .serves(&[65]),
        refused(
            "nonce-from-a-clock-that-may-be-ahead",
            TRACKED,
            "Issued 5 s after the start by a clock that may be 10 s ahead: the proof may have been used before.",
            "E-DPO-40",
            Forge::request().nonce(&issued(NOW)),
        )
        .nonces(resource_nonces())
        .replay(started(NOW - 5))
        .serves(&[65]),
        refused(
            "nonce-from-before-the-restart",
            TRACKED,
            "A nonce from the second of the start may have been used before it.",
            "E-DPO-40",
            Forge::request().nonce(&issued(NOW - 1)),
        )
        .nonces(one_clock())
        .replay(started(NOW - 1))
        .serves(&[65]),
        accepted(
            "old-nonce-long-after-the-restart",
            TRACKED,
            "A proof that was made a minute after the start is new, also with a nonce from before it.",
            Forge::request().nonce(&issued(NOW - 61)),
        )
        .nonces(one_clock())
        .nonce(Renew)
        .replay(started(NOW - 60))
        .serves(&[65]),
    ]
}

/// Nonces of a server with one clock: none is from the future.
fn one_clock() -> Nonces {
    Nonces {
        ahead: 0,
        ..resource_nonces()
    }
}
