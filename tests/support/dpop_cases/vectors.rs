//! What others have published: the proofs, keys and tokens of RFCs.

use serde_json::json;

use super::certificate;
use super::draft::{Draft, Sent, accepted, denied, granted, refused};
use super::forge::{Forge, Key, TOKEN, base64url, from_base64url, jwk_p256, twin};

pub(super) fn cases() -> Vec<Draft> {
    [rfc9449(), keys(), others(), certificates()].concat()
}

/// The header of all proofs in RFC 9449.
const HEADER: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19";
/// Claims and signature for a token request (RFC 9449, 4.1 and 5).
const GRANT: &str = "eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg";
/// Claims and signature for a refresh (RFC 9449, 5). It has the `jti` of the other one.
const REFRESH: &str = "eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjY1Mjk2fQ.pAqut2IRDm_De6PR93SYmGBPXpwrAk90e8cP2hjiaG5QsGSuKDYW7_X620BxqhvYC8ynrrvZLTk41mSRroapUA";
/// Claims and signature for a resource (RFC 9449, 7.1).
const ACCESS: &str = "eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA";
const GRANT_TIME: u64 = 1_562_262_616;
const REFRESH_TIME: u64 = 1_562_265_296;
const ACCESS_TIME: u64 = 1_562_262_618;
const JKT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
const PUBLISHED_TOKEN: &str = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
const SERVER: &str = "https://server.example.com/token";
const PROTECTED: &str = "https://resource.example.org/protectedresource";

fn published(rest: &str) -> Sent {
    Sent::from(format!("{HEADER}.{rest}")).under(JKT)
}

fn rfc9449() -> Vec<Draft> {
    let grant = || published(GRANT);
    let access = |draft: Draft| {
        draft
            .method("GET")
            .uri(PROTECTED)
            .token(PUBLISHED_TOKEN)
            .at(ACCESS_TIME)
    };
    let spliced = |claims: &str, signature: &str| {
        let claims = claims.split('.').next().unwrap_or_default();
        let signature = signature.rsplit('.').next().unwrap_or_default();
        published(&format!("{claims}.{signature}"))
    };
    let low = {
        let (claims, signature) = GRANT.split_once('.').unwrap_or_default();
        format!("{claims}.{}", base64url(&twin(&from_base64url(signature))))
    };
    vec![
        granted(
            "rfc9449-token-request",
            "RFC 9449, 5",
            "The proof of the token request. Its s is high.",
            grant(),
        )
        .uri(SERVER)
        .at(GRANT_TIME)
        .serves(&[35]),
        granted(
            "rfc9449-token-request-with-low-s",
            "RFC 9449, 4.3 (6)",
            "The same with the other s.",
            published(&low),
        )
        .uri(SERVER)
        .at(GRANT_TIME)
        .serves(&[35]),
        granted(
            "rfc9449-token-request-then-refresh",
            "RFC 9449, 5",
            "The refresh has the same `jti`, 45 minutes later: by then it is forgotten.",
            grant(),
        )
        .uri(SERVER)
        .at(GRANT_TIME)
        .then_accepted(published(REFRESH))
        .uri(SERVER)
        .at(REFRESH_TIME),
        access(accepted(
            "rfc9449-resource-request",
            "RFC 9449, 7.1",
            "The proof of the request to the protected resource, and its token. Its s is high.",
            published(ACCESS),
        ))
        .serves(&[35]),
        access(refused(
            "rfc9449-resource-request-with-another-token",
            "RFC 9449, 4.3 (12)",
            "The same proof with another token.",
            "E-DPO-25",
            published(ACCESS),
        ))
        .token(TOKEN),
        access(refused(
            "rfc9449-resource-request-with-post",
            "RFC 9449, 4.3 (8)",
            "The same proof with another method.",
            "E-DPO-19",
            published(ACCESS),
        ))
        .method("POST"),
        access(refused(
            "rfc9449-resource-request-today",
            "RFC 9449, 11.1",
            "The same proof years later.",
            "E-DPO-23",
            published(ACCESS),
        ))
        .at(super::forge::NOW),
        refused(
            "rfc9449-token-request-at-a-resource-server",
            "RFC 9449, 4.2",
            "The proof of the token request has no `ath`.",
            "E-DPO-10",
            grant(),
        )
        .uri(SERVER)
        .at(GRANT_TIME),
        denied(
            "rfc9449-claims-and-signature-of-two-proofs",
            "RFC 9449, 4.3 (6)",
            "The claims of the token request under the signature of the refresh.",
            "E-DPO-18",
            spliced(GRANT, REFRESH),
        )
        .uri(SERVER)
        .at(GRANT_TIME)
        .serves(&[38]),
    ]
}

fn keys() -> Vec<Draft> {
    let clause = "RFC 7638, 3";
    let by = |name, clause, shows, key: Key, jkt: &str| {
        assert_eq!(key.jkt(), jkt, "{name}");
        accepted(name, clause, shows, Forge::by(&key))
    };
    vec![
        by(
            "rfc7515-a3-key",
            clause,
            "The P-256 key of RFC 7515, A.3 and its thumbprint.",
            Key::published_p256("jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"),
            "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U",
        ),
        by(
            "rfc7517-a2-key",
            clause,
            "The P-256 key of RFC 7517, A.2 and its thumbprint.",
            Key::published_p256("870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE"),
            "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s",
        ),
        by(
            "rfc8037-a3-key",
            "RFC 8037, A.3",
            "The Ed25519 key of RFC 8037, A.1 and its thumbprint.",
            Key::published_ed25519("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"),
            "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
        ),
        refused(
            "rfc7517-a2-private-key",
            "RFC 9449, 4.3 (7)",
            "The P-256 key of RFC 7517, A.2 as it stands there: with its `d`.",
            "E-DPO-17",
            Forge::by(&Key::published_p256(
                "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE",
            ))
            .header(
                "jwk",
                r#"{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","d":"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE","use":"enc","kid":"1"}"#,
            ),
        )
        .serves(&[21]),
        refused(
            "rfc7517-a1-key-for-encryption",
            "RFC 7517, 4.2",
            "The P-256 key of RFC 7517, A.1 as it stands there: its use is encryption.",
            "E-DPO-16",
            Forge::by(&Key::published_p256(
                "870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE",
            ))
            .jwk_member("use", "\"enc\"")
            .jwk_member("kid", "\"1\""),
        )
        .serves(&[25]),
        refused(
            "rfc7638-3-1-key",
            "RFC 7518, 3.4",
            "The RSA key of RFC 7638, 3.1 under ES256.",
            "E-DPO-16",
            Forge::request().header(
                "jwk",
                r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#,
            ),
        )
        .serves(&[18]),
    ]
}

fn others() -> Vec<Draft> {
    let typed = "RFC 9449, 11.5";
    vec![
        refused(
            "rfc7515-a1-mac",
            typed,
            "The JWT of RFC 7515, A.1, which has a MAC: its type is another.",
            "E-DPO-12",
            "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        )
        .serves(&[17, 27]),
        refused(
            "rfc7515-a3-signature",
            typed,
            "The JWT of RFC 7515, A.3 verifies under its key and has no type.",
            "E-DPO-10",
            "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
        )
        .serves(&[27]),
        refused(
            "rfc7515-a5-unsecured",
            typed,
            "The JWT of RFC 7515, A.5 has no signature, and no type either.",
            "E-DPO-10",
            "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.",
        )
        .serves(&[16]),
        refused(
            "rfc8037-a4-signature",
            typed,
            "The JWS of RFC 8037, A.4 has no type, and its payload is no JSON.",
            "E-DPO-10",
            RFC8037_A4,
        )
        .serves(&[27]),
        refused(
            "rfc9449-key-of-somebody-else",
            "RFC 9449, 4.2",
            "The RFC's own header under another key's signature: the key is public, the signature is not.",
            "E-DPO-18",
            Forge::request()
                .header(
                    "jwk",
                    &jwk_p256(
                        "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
                        "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
                    ),
                ),
        )
        .confirmation(json!({"jkt": JKT})),
    ]
}

/// RFC 8037, A.4.
const RFC8037_A4: &str = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";

fn certificates() -> Vec<Draft> {
    let bearer = || [format!("Bearer {TOKEN}")];
    let hash = "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0";
    assert_eq!(certificate::hash(certificate::PUBLISHED), hash);
    vec![
        accepted(
            "rfc8705-a-certificate",
            "RFC 8705, A",
            "The certificate of RFC 8705, A and its hash.",
            "",
        )
        .authorization(bearer())
        .without_proof()
        .confirmation(json!({"x5t#S256": hash}))
        .peer(certificate::PUBLISHED),
        refused(
            "rfc8705-3-1-not-canonical",
            "RFC 4648, 3.5",
            "The hash in the example of RFC 8705, 3.1 sets bits behind its end.",
            "E-DPO-31",
            "",
        )
        .authorization(bearer())
        .without_proof()
        .confirmation(json!({"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}))
        .peer(certificate::PUBLISHED)
        .serves(&[6]),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forge_signs_as_rfc_8037_a_4() {
        let key = Key::published_ed25519("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A");
        let (message, signature) = RFC8037_A4.rsplit_once('.').expect("three segments");
        assert_eq!(base64url(&key.sign(message.as_bytes())), signature);
    }
}
