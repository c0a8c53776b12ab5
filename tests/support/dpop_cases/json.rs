//! JSON of header and claims: what two readers could understand differently.

use super::draft::{Draft, accepted, refused};
use super::forge::{Forge, JTI, Key, NOW, RESOURCE, ath, base64url, quoted};

pub(super) fn cases() -> Vec<Draft> {
    [duplicates(), strings(), grammar(), shape(), limits()].concat()
}

fn duplicates() -> Vec<Draft> {
    let forge = Forge::request;
    let key = Key::client();
    let doubled_jwk = key.jwk().replacen(
        '{',
        &format!("{{\"x\":\"{}\",", base64url(&Key::stranger().x())),
        1,
    );
    let clause = "RFC 7515, 4";
    vec![
        refused(
            "duplicate-alg",
            clause,
            "`alg` twice: one reader would take `none`, another ES256.",
            "E-DPO-09",
            forge().and_header("alg", "\"none\""),
        )
        .serves(&[9]),
        refused(
            "duplicate-typ",
            clause,
            "`typ` twice, the second time as of another JWT.",
            "E-DPO-09",
            forge().and_header("typ", "\"at+jwt\""),
        )
        .serves(&[9]),
        refused(
            "duplicate-jwk",
            clause,
            "`jwk` twice: one reader verifies with one key, another binds to the other.",
            "E-DPO-09",
            forge().and_header("jwk", &Key::stranger().jwk()),
        )
        .serves(&[9]),
        refused(
            "duplicate-alg-with-escape",
            "RFC 8259, 8.3",
            "`\\u0061lg` is `alg` too.",
            "E-DPO-09",
            forge().and_header("\\u0061lg", "\"none\""),
        )
        .serves(&[9]),
        refused(
            "duplicate-x-in-jwk",
            "RFC 7517, 4",
            "A coordinate twice within `jwk`.",
            "E-DPO-09",
            forge().header("jwk", &doubled_jwk),
        )
        .serves(&[10]),
        refused(
            "duplicate-jti",
            "RFC 7519, 4",
            "`jti` twice: one reader would remember one, another the other.",
            "E-DPO-09",
            forge().and_claim("jti", "\"another\""),
        )
        .serves(&[9]),
        refused(
            "duplicate-htm",
            "RFC 7519, 4",
            "`htm` twice, the same both times.",
            "E-DPO-09",
            forge().and_claim("htm", "\"POST\""),
        )
        .serves(&[9]),
        refused(
            "duplicate-unknown-claim",
            "RFC 7519, 4",
            "Also a claim that nobody reads is not there twice.",
            "E-DPO-09",
            forge().and_claim("x", "1").and_claim("x", "2"),
        )
        .serves(&[9]),
        refused(
            "duplicate-deep-within-a-claim",
            "RFC 8259, 4",
            "Names are unique in every object, at any depth.",
            "E-DPO-09",
            forge().claim("x", r#"{"y":{"a":1,"a":2}}"#),
        )
        .serves(&[10]),
        accepted(
            "same-name-in-different-objects",
            "RFC 8259, 4",
            "Names are unique within one object only.",
            forge().claim("x", r#"{"jti":1,"y":{"jti":2}}"#),
        ),
        accepted(
            "names-are-case-sensitive",
            "RFC 7519, 10.1.1",
            "`JTI` and `Htu` are other claims, and unknown.",
            forge().claim("JTI", "\"x\"").claim("Htu", "\"y\""),
        ),
        refused(
            "name-in-the-wrong-case",
            "RFC 7519, 10.1.1",
            "`IAT` does not stand for `iat`.",
            "E-DPO-10",
            forge().without_claim("iat").claim("IAT", &NOW.to_string()),
        ),
    ]
}

fn strings() -> Vec<Draft> {
    let forge = Forge::request;
    let unknown = |text: &str| Forge::request().claim("x", text);
    vec![
        accepted(
            "htu-with-escaped-slashes",
            "RFC 8259, 7",
            "`https:\\/\\/`, as PHP writes it, is `https://`.",
            forge().claim("htu", &quoted(RESOURCE).replace('/', "\u{5c}/")),
        )
        .serves(&[11]),
        accepted(
            "alg-name-with-escape",
            "RFC 8259, 8.3",
            "A name may be written with escapes, once.",
            forge()
                .without_header("alg")
                .header("\\u0061lg", "\"ES256\""),
        )
        .serves(&[11]),
        accepted(
            "typ-value-with-escape",
            "RFC 8259, 7",
            "`dpop\\u002bjwt` is `dpop+jwt`: values are compared as what they mean.",
            forge().header("typ", "\"dpop\\u002bjwt\""),
        )
        .serves(&[11]),
        accepted(
            "ath-with-escape",
            "RFC 8259, 7",
            "Every character may be an escape, also one of a hash.",
            forge().claim("ath", &escaped_first(&ath(super::forge::TOKEN))),
        )
        .serves(&[11]),
        accepted(
            "x-with-escape",
            "RFC 8259, 7",
            "A coordinate with an escape is the same key and has the same thumbprint.",
            forge().header("jwk", &escaped_x()),
        )
        .serves(&[11]),
        accepted(
            "surrogate-pair",
            "RFC 8259, 7",
            "A character beyond the first plane as a pair of escapes.",
            unknown("\"\\ud83d\\udd11\""),
        ),
        refused(
            "lone-high-surrogate",
            "RFC 8259, 8.2",
            "The first half of a pair alone means nothing.",
            "E-DPO-09",
            unknown("\"\\ud800\""),
        )
        .serves(&[12]),
        refused(
            "lone-low-surrogate",
            "RFC 8259, 8.2",
            "The second half of a pair alone means nothing.",
            "E-DPO-09",
            unknown("\"\\udc00x\""),
        )
        .serves(&[12]),
        refused(
            "surrogates-in-the-wrong-order",
            "RFC 8259, 8.2",
            "The second half before the first is no pair.",
            "E-DPO-09",
            unknown("\"\\udd11\\ud83d\""),
        )
        .serves(&[12]),
        refused(
            "nul-as-escape",
            "RFC 8259, 9",
            "`\\u0000` in any claim is refused: it ends strings in some languages.",
            "E-DPO-09",
            unknown("\"a\\u0000b\""),
        )
        .serves(&[12]),
        refused(
            "nul-in-a-name",
            "RFC 8259, 9",
            "`jti\\u0000x` is not `jti`, nor anything else.",
            "E-DPO-09",
            forge().and_claim("jti\\u0000x", "1"),
        )
        .serves(&[12]),
        refused(
            "raw-control-character",
            "RFC 8259, 7",
            "A line feed in a string has to be an escape.",
            "E-DPO-09",
            unknown("\"a\nb\""),
        )
        .serves(&[11]),
        refused(
            "raw-nul",
            "RFC 8259, 7",
            "A NUL in a string is refused.",
            "E-DPO-09",
            unknown("\"a\0b\""),
        )
        .serves(&[11]),
        refused(
            "escape-that-does-not-exist",
            "RFC 8259, 7",
            "`\\x41` is JavaScript and not JSON.",
            "E-DPO-09",
            unknown("\"\\x41\""),
        ),
        refused(
            "escape-of-three-digits",
            "RFC 8259, 7",
            "`\\u` has four hexadecimal digits.",
            "E-DPO-09",
            unknown("\"\\u004\""),
        ),
        refused(
            "single-quotes",
            "RFC 8259, 7",
            "Strings have double quotes.",
            "E-DPO-09",
            unknown("'a'"),
        ),
    ]
}

fn grammar() -> Vec<Draft> {
    let forge = Forge::request;
    let json = forge().claims_json();
    vec![
        accepted(
            "white-space-of-all-four-kinds",
            "RFC 8259, 2",
            "Space, tab, line feed and carriage return may stand between and around everything.",
            forge().claims_text(format!(" \t\r\n{}\n", json.replace(',', "\r\n\t , "))),
        ),
        refused(
            "white-space-of-another-kind",
            "RFC 8259, 2",
            "A form feed is no white space.",
            "E-DPO-09",
            forge().claims_text(json.replacen(',', ",\u{c}", 1)),
        ),
        refused(
            "comma-at-the-end",
            "RFC 8259, 4",
            "A comma is followed by a member.",
            "E-DPO-09",
            forge().claims_text(json.replace('}', ",}")),
        ),
        refused(
            "comment",
            "RFC 8259, 2",
            "JSON has no comments.",
            "E-DPO-09",
            forge().claims_text(json.replacen(',', "/**/,", 1)),
        ),
        refused(
            "name-without-quotes",
            "RFC 8259, 4",
            "Names are strings.",
            "E-DPO-09",
            forge().claims_text(json.replacen("\"jti\"", "jti", 1)),
        ),
        refused(
            "object-without-end",
            "RFC 8259, 4",
            "The last brace is missing, as when a proof was cut.",
            "E-DPO-09",
            forge().claims_text(json.trim_end_matches('}')),
        ),
        refused(
            "text-behind-the-object",
            "RFC 8259, 2",
            "Nothing but white space stands behind the object.",
            "E-DPO-09",
            forge().claims_text(format!("{json}x")),
        )
        .serves(&[14]),
        refused(
            "two-objects",
            "RFC 8259, 2",
            "A second object behind the first is not read instead of it.",
            "E-DPO-09",
            forge().claims_text(format!("{json}{json}")),
        )
        .serves(&[14]),
        refused(
            "number-with-leading-zero",
            "RFC 8259, 6",
            "`01` is no number, and octal to some readers.",
            "E-DPO-09",
            forge().claim("iat", &format!("0{NOW}")),
        )
        .serves(&[55]),
        refused(
            "number-negative-zero",
            "RFC 8259, 6",
            "`-0` is zero to one reader and not to another.",
            "E-DPO-09",
            forge().claim("iat", "-0"),
        )
        .serves(&[55]),
        refused(
            "number-with-plus",
            "RFC 8259, 6",
            "A number does not begin with a plus sign.",
            "E-DPO-09",
            forge().claim("iat", &format!("+{NOW}")),
        )
        .serves(&[55]),
        refused(
            "number-without-fraction-behind-its-point",
            "RFC 8259, 6",
            "A digit follows the decimal point.",
            "E-DPO-09",
            forge().claim("iat", &format!("{NOW}.")),
        )
        .serves(&[55]),
        refused(
            "number-nan",
            "RFC 8259, 6",
            "`NaN`, which compares as neither old nor new, is no number.",
            "E-DPO-09",
            forge().claim("iat", "NaN"),
        )
        .serves(&[55]),
    ]
}

fn shape() -> Vec<Draft> {
    let forge = Forge::request;
    let json = forge().claims_json();
    vec![
        refused(
            "claims-in-an-array",
            "RFC 7519, 7.2 (10)",
            "The claims are one object, not an array with one.",
            "E-DPO-09",
            forge().claims_text(format!("[{json}]")),
        )
        .serves(&[14]),
        refused(
            "claims-in-a-string",
            "RFC 7519, 7.2 (10)",
            "The claims are an object, not a string that holds one.",
            "E-DPO-09",
            forge().claims_text(format!("\"{}\"", json.replace('"', "\\\""))),
        )
        .serves(&[14]),
        refused(
            "header-null",
            "RFC 7515, 5.2 (3)",
            "The header is an object.",
            "E-DPO-09",
            forge().header_text("null"),
        )
        .serves(&[14]),
        refused(
            "claims-without-members",
            "RFC 9449, 4.3 (3)",
            "An empty object has none of the required claims.",
            "E-DPO-10",
            forge().claims_text("{}"),
        ),
        refused(
            "claims-under-proto",
            "RFC 9449, 4.3 (3)",
            "`__proto__` is a claim like any other: it inherits nothing to the object.",
            "E-DPO-10",
            forge().claims_text(format!("{{\"__proto__\":{json}}}")),
        ),
        accepted(
            "members-in-another-order",
            "RFC 8259, 4",
            "The order of members means nothing.",
            forge()
                .without_claim("jti")
                .without_claim("htm")
                .jti(JTI)
                .htm("POST")
                .without_header("typ")
                .header("typ", "\"dpop+jwt\""),
        ),
        accepted(
            "claim-with-empty-name",
            "RFC 8259, 4",
            "An empty string is a name, of a claim that nobody knows.",
            forge().claim("", "1"),
        ),
        accepted(
            "unknown-claims-of-every-type",
            "RFC 9449, 4.2",
            "Other claims are ignored, whatever their type.",
            forge()
                .claim("a", "null")
                .claim("b", "-1.5e-3")
                .claim("c", "[true,false,[]]")
                .claim("sub", "\"alice\"")
                .claim("aud", "{}"),
        ),
    ]
}

fn limits() -> Vec<Draft> {
    let claim = |value: &str| Forge::request().claim("x", value);
    // Five members are there.
    let members = |count: usize| {
        (5..count).fold(Forge::request(), |forge, number| {
            forge.claim(&format!("x{number}"), "1")
        })
    };
    let clause = "RFC 8259, 9";
    vec![
        accepted(
            "nested-four-deep",
            clause,
            "Objects and arrays within each other, four with the outermost.",
            claim(r#"[{"a":[]}]"#),
        )
        .serves(&[13]),
        refused(
            "nested-five-deep",
            clause,
            "One level more is refused.",
            "E-DPO-09",
            claim(r#"[{"a":[[]]}]"#),
        )
        .serves(&[13]),
        refused(
            "nested-five-hundred-deep",
            clause,
            "Depth costs no stack.",
            "E-DPO-09",
            claim(&"[".repeat(500)),
        )
        .serves(&[13]),
        accepted(
            "members-32",
            clause,
            "As many members as are read.",
            members(32),
        )
        .serves(&[13]),
        refused(
            "members-33",
            clause,
            "One member more is refused.",
            "E-DPO-09",
            members(33),
        )
        .serves(&[13]),
        accepted(
            "text-of-1024-bytes",
            clause,
            "The longest text that is read.",
            claim(&quoted(&"x".repeat(1024))),
        )
        .serves(&[13]),
        refused(
            "text-of-1025-bytes",
            clause,
            "One byte more is refused.",
            "E-DPO-09",
            claim(&quoted(&"x".repeat(1025))),
        )
        .serves(&[13]),
        refused(
            "number-of-1025-digits",
            clause,
            "A number is no longer than a text either.",
            "E-DPO-09",
            claim(&"1".repeat(1025)),
        )
        .serves(&[13]),
    ]
}

/// The text as a JSON string whose first character is an escape.
fn escaped_first(text: &str) -> String {
    let (first, rest) = text.split_at(1);
    format!("\"\\u{:04x}{rest}\"", first.as_bytes()[0])
}

/// The client's key with an escape in x.
fn escaped_x() -> String {
    let key = Key::client();
    let x = base64url(&key.x());
    key.jwk().replace(&quoted(&x), &escaped_first(&x))
}
