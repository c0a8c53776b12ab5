//! The authorization server: token requests and pushed authorization requests.

use super::draft::{Draft, denied, granted};
use super::forge::{Forge, Key, NOW, TOKEN, ath, quoted};
use super::format::NonceState::{Renew, Valid};
use super::format::Replay;
use super::mint::{AUTHORIZATION_SERVER, Mint, authorization_nonces, rotation};

pub(super) fn cases() -> Vec<Draft> {
    [requests(), keys(), nonces(), replays()].concat()
}

const PUSHED: &str = "https://as.example.com/par";

fn requests() -> Vec<Draft> {
    let proof = Forge::grant;
    let clause = "RFC 9449, 5";
    vec![
        granted(
            "token-request",
            clause,
            "A token request with a right proof, which has no `ath`.",
            proof(),
        ),
        granted(
            "token-request-with-client-authentication",
            "RFC 9449, 5",
            "The Authorization field of a token request authenticates the client and is not looked at.",
            proof(),
        )
        .authorization(["Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW"]),
        granted(
            "token-request-by-ed25519",
            "RFC 9449, 5.1",
            "A token may be bound to a key of any allowed algorithm.",
            Forge::by(&Key::edwards())
                .htu(super::forge::TOKEN_ENDPOINT)
                .without_claim("ath"),
        ),
        granted(
            "token-request-to-a-tenant",
            "RFC 9449, 4.2",
            "The token endpoint may have a query (RFC 6749, 3.2), which `htu` leaves away.",
            proof(),
        )
        .uri("https://as.example.com/token?tenant=1"),
        denied(
            "token-request-without-proof",
            "RFC 9449, 5.2",
            "A client that is registered for bound tokens gets none without a proof.",
            "E-DPO-04",
            "",
        )
        .without_proof(),
        denied(
            "token-request-with-two-proofs",
            "RFC 9449, 4.3 (1)",
            "At the authorization server too a second proof is malformed.",
            "E-DPO-05",
            "",
        )
        .dpop([proof(), proof().jti("another")])
        .serves(&[1]),
        denied(
            "token-request-with-ath",
            "RFC 9449, 4.2",
            "`ath` is for requests with an access token: a proof for a resource is none for a grant.",
            "E-DPO-26",
            proof().claim("ath", &quoted(&ath(TOKEN))),
        )
        .serves(&[70]),
        denied(
            "token-request-with-malformed-ath",
            "RFC 9449, 4.2",
            "An `ath` that cannot be read is malformed there too.",
            "E-DPO-11",
            proof().claim("ath", "\"x\""),
        )
        .serves(&[70]),
        denied(
            "token-request-with-proof-for-the-issuer",
            "RFC 9449, 4.3 (9)",
            "The proof is for the endpoint, not for the identifier of the issuer.",
            "E-DPO-20",
            proof().htu("https://as.example.com"),
        ),
        denied(
            "token-request-with-proof-for-get",
            "RFC 9449, 4.3 (8)",
            "Token requests are POST requests.",
            "E-DPO-19",
            proof().htm("GET"),
        ),
        denied(
            "token-request-with-wrong-signature",
            "RFC 9449, 5",
            "A bad proof at the token endpoint is answered with status 400.",
            "E-DPO-18",
            proof().signed(|_, message| Key::stranger().sign(message)),
        ),
        denied(
            "token-request-with-old-proof",
            "RFC 9449, 4.3 (11)",
            "The window holds at the authorization server too.",
            "E-DPO-23",
            proof().iat(NOW - 61),
        ),
    ]
}

fn keys() -> Vec<Draft> {
    let proof = Forge::grant;
    let by_stranger = || {
        Forge::by(&Key::stranger())
            .htu(super::forge::TOKEN_ENDPOINT)
            .without_claim("ath")
    };
    let jkt = Key::client().jkt();
    // RFC 9449, 10: the thumbprint in its examples, of the RSA key of RFC 7638, 3.1.
    let published = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
    vec![
        granted(
            "grant-bound-to-the-key",
            "RFC 9449, 10",
            "The code, or a public client's refresh token, is bound to the key of the proof.",
            proof(),
        )
        .grant_key(&jkt),
        denied(
            "code-bound-to-another-key",
            "RFC 9449, 10",
            "A stolen code is of no use with another key.",
            "E-DPO-32",
            proof(),
        )
        .grant_key(published)
        .serves(&[39]),
        denied(
            "spring-2025-refresh-binding-unchecked",
            "RFC 9449, 5",
            "A refresh token of a public client is of no use with another key, at every refresh.",
            "E-DPO-32",
            by_stranger(),
        )
        .grant_key(&jkt)
        .then_accepted(proof())
        .grant_key(&jkt)
        .serves(&[39]),
        granted(
            "refresh-by-a-confidential-client-with-a-new-key",
            "RFC 9449, 5",
            "A refresh token of a confidential client is bound to no key: it may change.",
            by_stranger(),
        ),
        granted(
            "pushed-request-with-the-same-dpop-jkt",
            "RFC 9449, 10.1",
            "`dpop_jkt` and the proof of a pushed request name the same key.",
            proof().htu(PUSHED),
        )
        .uri(PUSHED)
        .grant_key(&jkt),
        denied(
            "pushed-request-with-another-dpop-jkt",
            "RFC 9449, 10.1",
            "`dpop_jkt` and the proof of a pushed request that differ are refused.",
            "E-DPO-32",
            proof().htu(PUSHED),
        )
        .uri(PUSHED)
        .grant_key(published),
        denied(
            "pushed-request-with-proof-for-the-token-endpoint",
            "RFC 9449, 10.1",
            "A pushed request has a proof of its own.",
            "E-DPO-20",
            proof(),
        )
        .uri(PUSHED),
    ]
}

fn nonces() -> Vec<Draft> {
    let with = |nonce: &Mint| Forge::grant().nonce(&nonce.text());
    let clause = "RFC 9449, 8";
    vec![
        denied(
            "token-request-without-nonce",
            clause,
            "The answer is status 400, `use_dpop_nonce` and a nonce.",
            "E-DPO-33",
            Forge::grant(),
        )
        .nonces(authorization_nonces())
        .then_accepted(with(&Mint::authorization()).jti("again"))
        .nonce(Valid)
        .serves(&[73]),
        denied(
            "token-request-with-stale-nonce",
            "RFC 9449, 8.2",
            "A nonce that is too old is replaced in the same way.",
            "E-DPO-35",
            with(&Mint::authorization().issued(NOW - 121)),
        )
        .nonces(authorization_nonces())
        .serves(&[73]),
        denied(
            "token-request-with-nonce-of-a-resource-server",
            clause,
            "A nonce from the same machine in its other role is not taken.",
            "E-DPO-34",
            with(&Mint::resource().server(AUTHORIZATION_SERVER)),
        )
        .nonces(authorization_nonces())
        .serves(&[73]),
        granted(
            "token-request-with-nonce-to-renew",
            "RFC 9449, 8.2",
            "A response with a token offers a new nonce too.",
            with(&Mint::authorization().issued(NOW - 100)),
        )
        .nonces(authorization_nonces())
        .nonce(Renew),
        granted(
            "token-request-under-the-previous-secret",
            clause,
            "A rotation of the secret interrupts no client.",
            with(&Mint::authorization()),
        )
        .rotated(rotation(2))
        .nonces(authorization_nonces())
        .nonce(Renew)
        .serves(&[74]),
    ]
}

fn replays() -> Vec<Draft> {
    let proof = Forge::grant;
    let limited = |capacity, quota| Replay {
        capacity,
        quota,
        started: NOW - 86_400,
        first_start: true,
    };
    let by = |name: &str| {
        Forge::by(&Key::p256(name))
            .htu(super::forge::TOKEN_ENDPOINT)
            .without_claim("ath")
    };
    let clause = "RFC 9449, 11.1";
    vec![
        granted(
            "token-request-replayed",
            clause,
            "A proof serves one token request: a replay is answered with status 400.",
            proof(),
        )
        .then_refused("E-DPO-36", proof())
        .serves(&[61]),
        granted(
            "pushed-request-then-token-request",
            "RFC 9449, 10.1",
            "The same key makes a proof for each request.",
            proof().htu(PUSHED),
        )
        .uri(PUSHED)
        .then_accepted(proof().jti("another")),
        denied(
            "wrong-grant-key-uses-no-jti",
            "RFC 9449, 10",
            "A proof that does not fit its grant has not used its `jti`.",
            "E-DPO-32",
            proof(),
        )
        .grant_key(&Key::stranger().jkt())
        .then_accepted(proof())
        .serves(&[69]),
        granted(
            "token-requests-over-the-quota",
            clause,
            "The quota of a key holds at the authorization server too, with status 429.",
            proof(),
        )
        .replay(limited(None, Some(1)))
        .then_refused("E-DPO-37", proof().jti("another"))
        .serves(&[67]),
        granted(
            "token-request-to-a-full-store",
            clause,
            "A full store is answered with status 503, not with 400: the client is not at fault.",
            by("one"),
        )
        .replay(limited(Some(1), None))
        .then_refused("E-DPO-38", by("two"))
        .serves(&[67]),
        granted(
            "token-request-after-a-restart",
            clause,
            "The fence after a restart is answered with status 503.",
            proof(),
        )
        .then_refused("E-DPO-40", proof())
        .at(NOW + 1)
        .restarted()
        .serves(&[65]),
    ]
}
