//! Client certificates, as base64 of their DER.

use sha2::{Digest as _, Sha256};

use super::forge::{base64, base64url, from_base64url};

/// RFC 8705, A.
pub(super) const PUBLISHED: &str = "MIIBBjCBrAIBAjAKBggqhkjOPQQDAjAPMQ0wCwYDVQQDDARtdGxzMB4XDTE4MTAxODEyMzcwOVoXDTIyMDUwMjEyMzcwOVowDzENMAsGA1UEAwwEbXRsczBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABNcnyxwqV6hY8QnhxxzFQ03C7HKW9OylMbnQZjjJ/Au08/coZwxS7LfA4vOLS9WuneIXhbGGWvsDSb0tH6IxLm8wCgYIKoZIzj0EAwIDSQAwRgIhAP0RC1E+vwJD/D1AGHGzuri+hlV/PpQEKTWUVeORWz83AiEA5x2eXZOVbUlJSGQgjwD5vaUaKlLR50Q2DmFfQj1L+SY=";

/// The same with the next serial number: what a renewal for the same key changes at least.
pub(super) fn renewed() -> String {
    let mut der = der(PUBLISHED);
    // The serial number is the first INTEGER in the TBSCertificate: one header of four bytes and one of three before it.
    assert_eq!(der[7..10], [2, 1, 2], "INTEGER 2");
    der[9] = 3;
    base64(&der)
}

/// The value of `x5t#S256` (RFC 8705, 3.1).
pub(super) fn hash(certificate: &str) -> String {
    base64url(&Sha256::digest(der(certificate)))
}

fn der(base64: &str) -> Vec<u8> {
    let digits = base64.replace('+', "-").replace('/', "_");
    from_base64url(digits.trim_end_matches('='))
}
