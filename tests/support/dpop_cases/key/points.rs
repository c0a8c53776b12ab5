//! Points: those of the curve, and those that a signature would prove nothing with.

use super::with_jwk;
use crate::dpop_cases::draft::{Draft, accepted, refused};
use crate::dpop_cases::forge::{
    Forge, Key, P256_PRIME, ath, base64url, difference, jwk_ed25519, jwk_p256,
};
use crate::dpop_cases::format::from_hex;

pub(super) fn cases() -> Vec<Draft> {
    [points(), edwards()].concat()
}

fn points() -> Vec<Draft> {
    let key = Key::client();
    let prime = from_hex(P256_PRIME);
    let bound = |name, clause, shows, x: &[u8], y: &[u8]| {
        let forge = with_jwk(&jwk_p256(&base64url(x), &base64url(y)));
        let members = format!(
            r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#,
            base64url(x),
            base64url(y)
        );
        // The token is bound to just this key: only the point is wrong.
        let jkt = ath(&members);
        refused(name, clause, shows, "E-DPO-18", forge)
            .confirmation(serde_json::json!({"jkt": jkt}))
            .serves(&[29])
    };
    let mut off = key.y();
    off[31] ^= 1;
    vec![
        bound(
            "point-not-on-the-curve",
            "RFC 7518, 6.2.1",
            "x and y that do not satisfy the curve's equation are no key.",
            &key.x(),
            &off,
        ),
        bound(
            "point-zero",
            "RFC 7518, 6.2.1",
            "(0, 0) is not on the curve, though some libraries take it for the point at infinity.",
            &[0; 32],
            &[0; 32],
        ),
        bound(
            "point-with-x-of-the-prime",
            "SEC 1, 2.3.6",
            "A coordinate is below the prime: it is not reduced.",
            &prime,
            &key.y(),
        ),
        bound(
            "point-mirrored",
            "RFC 7518, 6.2.1.3",
            "The point with the other y is another key: y counts.",
            &key.x(),
            &difference(&prime, &key.y()),
        ),
    ]
}

fn edwards() -> Vec<Draft> {
    let key = Key::edwards();
    // The signature R = identity, S = 0 verifies for any message under the key that is the identity.
    let identity = {
        let mut point = [0; 32];
        point[0] = 1;
        point
    };
    let forged = |point: &[u8]| {
        let jwk = jwk_ed25519(&base64url(point));
        Forge::by(&key)
            .header("jwk", &jwk)
            .with_signature(|_| [identity, [0; 32]].concat())
    };
    let unsafe_key = |name, clause, shows, hex: &str| {
        refused(name, clause, shows, "E-DPO-16", forged(&from_hex(hex))).serves(&[31])
    };
    let small = |name, shows, hex: &str| unsafe_key(name, "RFC 8032, 5.1.7", shows, hex);
    let not_decoded = |name, shows, hex: &str| unsafe_key(name, "RFC 8032, 5.1.3", shows, hex);
    let with_x = |x: &str| Forge::by(&key).header("jwk", &jwk_ed25519(x));
    vec![
        small(
            "ed25519-key-of-order-1",
            "Under the identity one signature verifies for every message: it is here.",
            "0100000000000000000000000000000000000000000000000000000000000000",
        ),
        small(
            "ed25519-key-of-order-2",
            "Under a point of order 2 a signature verifies for every other message.",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        ),
        small(
            "ed25519-key-of-order-4",
            "Under a point of order 4 a signature verifies for one message in four.",
            "0000000000000000000000000000000000000000000000000000000000000000",
        ),
        small(
            "ed25519-key-of-order-8",
            "Under a point of order 8 a signature verifies for one message in eight.",
            "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        ),
        small(
            "ed25519-key-of-order-8-mirrored",
            "The other sign of x does not make its order larger.",
            "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        ),
        not_decoded(
            "ed25519-key-of-order-1-with-sign",
            "The identity with the sign of a zero set, which does not decode.",
            "0100000000000000000000000000000000000000000000000000000000000080",
        ),
        not_decoded(
            "ed25519-key-not-canonical",
            "A y of 2^255 - 19 or more is another text of a smaller one.",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        ),
        refused(
            "ed25519-x-of-31-bytes",
            "RFC 8037, 2",
            "A public key has 32 bytes.",
            "E-DPO-11",
            with_x(&base64url(&key.x()[..31])),
        )
        .serves(&[28]),
        refused(
            "ed25519-x-missing",
            "RFC 8037, 2",
            "`x` is required.",
            "E-DPO-10",
            Forge::by(&key).header("jwk", r#"{"kty":"OKP","crv":"Ed25519"}"#),
        ),
        accepted(
            "ed25519-with-y-ignored",
            "RFC 7517, 4",
            "An OKP key has no `y`: it is a member that nobody knows.",
            Forge::by(&key).jwk_member("y", "\"x\""),
        ),
    ]
}
