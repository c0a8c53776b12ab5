//! The header fields: how many, and what is in them.

use super::draft::{Draft, Sent, accepted, refused};
use super::forge::{Forge, TOKEN, quoted};

pub(super) fn cases() -> Vec<Draft> {
    [proofs(), credentials()].concat()
}

fn proofs() -> Vec<Draft> {
    let proof = Forge::request().build();
    let other = Forge::request().jti("another").build();
    let with_byte = |byte: u8| {
        let mut bytes = proof.clone().into_bytes();
        let middle = bytes.len() / 2;
        bytes[middle] = byte;
        bytes
    };
    vec![
        accepted(
            "one-proof-in-one-field",
            "RFC 9449, 7.1",
            "A request with one token and one right proof is served.",
            Forge::request(),
        ),
        refused(
            "no-dpop-field",
            "RFC 9449, 7.1",
            "A bound token without a proof is refused.",
            "E-DPO-04",
            "",
        )
        .without_proof(),
        refused(
            "dpop-field-twice",
            "RFC 9449, 4.3 (1)",
            "Two DPoP fields are refused, even when both hold the same right proof.",
            "E-DPO-05",
            "",
        )
        .dpop([proof.as_str(), &proof])
        .serves(&[1]),
        refused(
            "wso2-19612-two-dpop-fields",
            "RFC 9449, 4.3 (1)",
            "A second DPoP field is not overlooked because the first one holds a right proof.",
            "E-DPO-05",
            "",
        )
        .dpop([proof.as_str(), "x"])
        .serves(&[1]),
        refused(
            "two-proofs-in-one-dpop-field",
            "RFC 9110, 5.3",
            "Two proofs joined by a comma, as a recipient may join two fields, are refused.",
            "E-DPO-05",
            format!("{proof}, {other}"),
        )
        .serves(&[1]),
        refused(
            "dpop-field-empty",
            "RFC 9449, 4.3 (2)",
            "An empty DPoP field is no JWT.",
            "E-DPO-07",
            "",
        )
        .serves(&[2]),
        refused(
            "dpop-field-with-outer-space",
            "RFC 9110, 5.5",
            "Space around a field value is for the HTTP layer to remove; what is left of it is no base64url.",
            "E-DPO-08",
            format!(" {proof} "),
        )
        .serves(&[2]),
        refused(
            "dpop-field-with-latin-1",
            "RFC 9449, 4.1",
            "A byte outside ASCII is in no token68.",
            "E-DPO-08",
            with_byte(0xE9),
        ),
        refused(
            "dpop-field-with-full-width-letter",
            "RFC 9449, 4.1",
            "A letter outside ASCII, in right UTF-8, is not folded to the one that it looks like.",
            "E-DPO-08",
            proof.replacen('e', "\u{ff45}", 1),
        ),
        refused(
            "dpop-field-with-nul",
            "RFC 9110, 5.5",
            "A NUL ends nothing.",
            "E-DPO-08",
            with_byte(0),
        )
        .serves(&[7]),
        refused(
            "dpop-field-folded",
            "RFC 9110, 5.5",
            "An obsolete line fold is no part of a segment.",
            "E-DPO-08",
            proof.replacen("eyJ", "eyJ\r\n ", 1),
        )
        .serves(&[7]),
        accepted(
            "proof-of-2048-bytes",
            "RFC 9449, 11.1",
            "The longest proof that is read.",
            of_length(2048),
        )
        .serves(&[3]),
        refused(
            "proof-of-2049-bytes",
            "RFC 9449, 11.1",
            "A right proof of one byte more is refused.",
            "E-DPO-06",
            of_length(2049),
        )
        .serves(&[3]),
        refused(
            "size-before-shape",
            "RFC 9449, 11.1",
            "A field that is too large is not even split into segments.",
            "E-DPO-06",
            ".".repeat(4096),
        )
        .serves(&[3]),
    ]
}

fn credentials() -> Vec<Draft> {
    let proof = Forge::request;
    vec![
        refused(
            "no-authorization-field",
            "RFC 9449, 7.1",
            "A proof alone is no authorization; the challenge tells no error.",
            "E-DPO-01",
            proof(),
        )
        .authorization([""; 0]),
        refused(
            "no-credentials-at-all",
            "RFC 9449, 7.2",
            "A request without credentials is challenged without an error.",
            "E-DPO-01",
            "",
        )
        .authorization([""; 0])
        .without_proof(),
        refused(
            "authorization-field-twice",
            "RFC 9110, 5.3",
            "Two Authorization fields are malformed, even when they are the same.",
            "E-DPO-02",
            proof(),
        )
        .authorization([format!("DPoP {TOKEN}"), format!("DPoP {TOKEN}")])
        .serves(&[71]),
        refused(
            "dpop-and-bearer-fields",
            "RFC 9449, 7.2",
            "A token in each of two schemes is malformed: no choice is made between them.",
            "E-DPO-02",
            proof(),
        )
        .authorization([format!("Bearer {TOKEN}"), format!("DPoP {TOKEN}")])
        .serves(&[71]),
        refused(
            "both-schemes-in-one-field",
            "RFC 9110, 11.6.2",
            "An Authorization field holds one credential, not a list.",
            "E-DPO-03",
            proof(),
        )
        .authorization([format!("DPoP {TOKEN}, Bearer {TOKEN}")])
        .serves(&[71]),
        refused(
            "scheme-basic",
            "RFC 9449, 7.1",
            "Credentials of another scheme are no access token.",
            "E-DPO-03",
            proof(),
        )
        .authorization(["Basic dXNlcjpwYXNz"]),
        refused(
            "scheme-without-token",
            "RFC 9449, 7.1",
            "The scheme alone presents no token.",
            "E-DPO-03",
            proof(),
        )
        .authorization(["DPoP"]),
        refused(
            "scheme-and-space-without-token",
            "RFC 9110, 11.4",
            "A token68 has at least one character.",
            "E-DPO-03",
            proof().token(""),
        )
        .authorization(["DPoP "]),
        refused(
            "authorization-field-empty",
            "RFC 9110, 11.4",
            "Credentials begin with a scheme.",
            "E-DPO-03",
            proof(),
        )
        .authorization([""]),
        refused(
            "two-tokens-behind-the-scheme",
            "RFC 9110, 11.4",
            "One token68 follows the scheme, not two.",
            "E-DPO-03",
            proof(),
        )
        .token(&format!("{TOKEN} {TOKEN}")),
        refused(
            "token-as-parameter",
            "RFC 9449, 7.1",
            "The token is a token68, not an authentication parameter.",
            "E-DPO-03",
            proof(),
        )
        .token(&format!("token={}", quoted(TOKEN))),
        refused(
            "token-with-quote",
            "RFC 9110, 11.2",
            "A quote is no character of token68, whatever its hash.",
            "E-DPO-03",
            proof().token("a\"b"),
        )
        .token("a\"b"),
        refused(
            "token-with-inner-padding",
            "RFC 9110, 11.2",
            "`=` stands only at the end of a token68.",
            "E-DPO-03",
            proof().token("ab=cd"),
        )
        .token("ab=cd"),
        refused(
            "token-of-padding",
            "RFC 9110, 11.2",
            "Padding alone is no token68.",
            "E-DPO-03",
            proof().token("=="),
        )
        .token("=="),
        refused(
            "token-behind-a-tab",
            "RFC 9110, 11.4",
            "Spaces part scheme and token, and no other white space.",
            "E-DPO-03",
            proof(),
        )
        .authorization([format!("DPoP\t{TOKEN}")]),
        refused(
            "token-not-ascii",
            "RFC 9110, 11.2",
            "A byte outside ASCII is in no token68.",
            "E-DPO-03",
            proof(),
        )
        .authorization([[b"DPoP ".as_slice(), TOKEN.as_bytes(), &[0xFF]].concat()]),
        accepted(
            "scheme-in-lower-case",
            "RFC 9110, 11.1",
            "The name of a scheme is case-insensitive.",
            proof(),
        )
        .authorization([format!("dpop {TOKEN}")]),
        accepted(
            "token-behind-two-spaces",
            "RFC 9110, 11.4",
            "One or more spaces stand between scheme and token, and none belongs to what is hashed.",
            proof(),
        )
        .authorization([format!("DPoP  {TOKEN}")]),
        accepted(
            "token-of-every-kind-of-character",
            "RFC 9110, 11.2",
            "A token68 has letters, digits, `-._~+/` and padding, and all of it is hashed.",
            proof().token("azAZ09-._~+/=="),
        )
        .token("azAZ09-._~+/=="),
    ]
}

/// A right proof of so many bytes. No text in it is longer than 1024 bytes.
fn of_length(length: usize) -> Sent {
    // Four digits encode three bytes: padding in the header meets the lengths that padding in the claims does not.
    let padded = |header: usize, claims: usize| {
        Forge::request()
            .header("pad", &quoted(&"h".repeat(header)))
            .claim("pad", &quoted(&"c".repeat(claims)))
            .claim("more", &quoted(&"c".repeat(600)))
            .build()
    };
    (0..3)
        .find_map(|header| {
            let missing = (length - padded(header, 0).len()) * 3 / 4;
            (missing.saturating_sub(4)..missing + 4)
                .map(|claims| padded(header, claims))
                .find(|proof| proof.len() == length)
        })
        .expect("some padding meets the length")
        .into()
}
