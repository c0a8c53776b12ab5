//! What the cases have to cover: the attacks and traps that were collected before the verifier was written.

/// One attack or trap, or a group of them.
pub(super) struct Item {
    pub(super) what: &'static str,
    /// Where it is tested instead, when data cannot show it.
    pub(super) elsewhere: Option<&'static str>,
}

const fn item(what: &'static str) -> Item {
    Item {
        what,
        elsewhere: None,
    }
}

const fn elsewhere(what: &'static str, why: &'static str) -> Item {
    Item {
        what,
        elsewhere: Some(why),
    }
}

/// Number 1 is the first.
#[rustfmt::skip]
pub(super) const CHECKLIST: [Item; 77] = [
    // Header fields and encoding
    item("two DPoP fields, or two proofs in one"),
    item("an empty value, and space around one"),
    item("a value above the cap"),
    item("other than three segments: JWE, JSON serialization"),
    item("padding and the characters of token68 that base64url has not"),
    item("base64url that is not canonical: header, claims, signature, x, y, ath, jkt"),
    item("lengths that no base64url has, and white space or NUL within"),
    item("UTF-8: invalid, overlong, byte order mark"),
    // JSON
    item("a member twice, also when one is spelled with an escape"),
    item("a member twice within jwk"),
    item("escaped slashes; raw control characters"),
    item("lone surrogates and NUL escapes"),
    item("depth, number of members, size of values"),
    item("bytes behind the object, two objects, an array outermost"),
    item("header parameters and claims of the wrong type"),
    // Algorithm and key
    item("alg none in any case, and an empty signature"),
    item("HS256 with the public key as secret"),
    item("alg and kty that disagree"),
    item("neighbours of ES256: ES256K, ES384, other digests"),
    item("an algorithm that is not allowed"),
    item("jwk with d, whatever its value"),
    item("jwk with p, q, dp, dq, qi, oth, k"),
    item("kty and crv that are unknown or in another case"),
    item("jwk missing, a string, or only a reference; no fetching"),
    item("use, key_ops and alg of jwk that do not allow it"),
    item("crit of any form; b64"),
    item("typ absent, of another JWT, or nearly right"),
    item("coordinates of another length"),
    item("points that are not on the curve"),
    item("compressed points, and y missing"),
    item("Ed25519 points of small order or not canonical"),
    item("RSA: not supported, refused as an unknown algorithm"),
    // Signature
    item("DER, and other lengths"),
    item("r or s of 0, n and all ones"),
    item("high s is right"),
    item("the malleated twin of a used proof"),
    item("a signature over JSON that was serialized again"),
    item("header or claims of another proof"),
    item("a key that the token or grant is not bound to"),
    // Method and URI
    item("htm in another case, with space, with NUL"),
    item("a method override"),
    item("capitals in host and scheme, default and empty port"),
    item("ports that are none"),
    item("other schemes, and references that are not absolute"),
    item("user information, backslash, TAB"),
    item("IPv6: spellings, zones, mapped addresses"),
    item("IPv4 as only WHATWG reads it"),
    item("a dot behind the host; names that are not ASCII"),
    item("percent-encodings of unreserved and of reserved characters"),
    item("malformed percent-encodings, NUL, encoded twice"),
    item("dot segments; empty segments, trailing slash, case of the path"),
    item("query and fragment"),
    item("a path that is not ASCII"),
    elsewhere(
        "a forged X-Forwarded-Host",
        "the target URI is an input of the verifier and comes from configuration: it reads no such field",
    ),
    // Time, jti, ath and nonce
    item("iat that is no plain number; a fraction"),
    item("iat at the ends of integers"),
    item("the edges of the window"),
    item("an old iat with a fresh nonce"),
    item("a clock that steps back"),
    item("jti missing, empty, of another type, too long, with NUL"),
    item("a jti again, with all else different; by another key"),
    elsewhere(
        "the same proof twice at once",
        "data has one order: the model test runs threads against the store",
    ),
    elsewhere(
        "a replay at another node",
        "needs a shared store, which comes with the middleware",
    ),
    item("a replay at the end of the window of a proof from ahead"),
    item("a replay after a restart"),
    item("a replay after a failover that lost writes: another epoch"),
    item("a full store, and the quota of a key"),
    elsewhere(
        "a remote store whose answer was lost",
        "needs a shared store, which comes with the middleware",
    ),
    item("a refused proof uses no jti"),
    item("ath missing, malformed, of something else; at the authorization server"),
    item("bound token as Bearer, unbound token as DPoP, both schemes"),
    item("cnf with key and certificate, and cnf that is not known"),
    item("nonces: missing, stale, of others, forged"),
    item("nonces under previous, retired and unknown secrets"),
    item("a replay over a rotation of secrets"),
    elsewhere(
        "a client that is challenged again and again, or redirected",
        "the cases are for servers: the unit tests of the client",
    ),
    elsewhere(
        "comparisons in constant time",
        "time is no verdict: the benchmark that would show an early exit",
    ),
];
