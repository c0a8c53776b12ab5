//! When a proof was made: `iat`, `exp` and `nbf`.

use super::draft::{Draft, accepted, refused};
use super::forge::{Forge, NOW, quoted};

pub(super) fn cases() -> Vec<Draft> {
    [windows(), numbers(), limits_of_its_own()].concat()
}

const WINDOW: &str = "RFC 9449, 4.3 (11)";
const DATE: &str = "RFC 7519, 2";

fn windows() -> Vec<Draft> {
    let made = |seconds: u64| Forge::request().iat(seconds);
    let fapi = "FAPI 2.0 Security Profile, 5.3.2.1";
    let mcp = "SEP-1932";
    vec![
        accepted(
            "iat-as-old-as-allowed",
            WINDOW,
            "A proof that is 60 s old is young enough.",
            made(NOW - 60),
        )
        .serves(&[57]),
        refused(
            "iat-older-than-allowed",
            "RFC 9449, 11.1",
            "A proof that is 61 s old is too old.",
            "E-DPO-23",
            made(NOW - 61),
        )
        .serves(&[57]),
        accepted(
            "iat-as-far-ahead-as-allowed",
            fapi,
            "A proof from 10 s ahead is accepted: clocks differ.",
            made(NOW + 10),
        )
        .serves(&[57]),
        refused(
            "iat-farther-ahead-than-allowed",
            "RFC 9449, 11.1",
            "A proof from 11 s ahead is refused.",
            "E-DPO-24",
            made(NOW + 11),
        )
        .serves(&[57]),
        accepted(
            "mcp-iat-five-minutes-old",
            mcp,
            "The profile for MCP accepts five minutes.",
            made(NOW - 300),
        )
        .mcp()
        .serves(&[57]),
        refused(
            "mcp-iat-older-than-five-minutes",
            mcp,
            "And no second more.",
            "E-DPO-23",
            made(NOW - 301),
        )
        .mcp()
        .serves(&[57]),
        accepted(
            "mcp-iat-five-minutes-ahead",
            mcp,
            "The same in the other direction.",
            made(NOW + 300),
        )
        .mcp()
        .serves(&[57]),
        refused(
            "mcp-iat-farther-ahead-than-five-minutes",
            mcp,
            "And no second more.",
            "E-DPO-24",
            made(NOW + 301),
        )
        .mcp()
        .serves(&[57]),
        refused(
            "strict-iat-older-than-allowed",
            WINDOW,
            "The strict profile allows 60 s of age.",
            "E-DPO-23",
            made(NOW - 61),
        )
        .strict()
        .serves(&[57]),
        refused(
            "strict-iat-farther-ahead-than-allowed",
            WINDOW,
            "And 10 s ahead.",
            "E-DPO-24",
            made(NOW + 11),
        )
        .strict()
        .serves(&[57]),
        refused(
            "iat-a-year-ahead",
            "RFC 9449, 11.1",
            "A proof made in advance for a later time is refused.",
            "E-DPO-24",
            made(NOW + 31_536_000),
        )
        .serves(&[57]),
        refused(
            "iat-in-milliseconds",
            DATE,
            "The number of milliseconds, as JavaScript counts, is a time far ahead.",
            "E-DPO-24",
            made(NOW * 1000),
        )
        .serves(&[57]),
        refused(
            "iat-zero",
            WINDOW,
            "A clock that was never set gives a proof of 1970.",
            "E-DPO-23",
            made(0),
        )
        .serves(&[56]),
    ]
}

fn numbers() -> Vec<Draft> {
    let iat = |value: &str| Forge::request().claim("iat", value);
    let malformed =
        |name, shows, value: &str| refused(name, DATE, shows, "E-DPO-11", iat(value)).serves(&[55]);
    let extreme =
        |name, shows, value: &str| refused(name, DATE, shows, "E-DPO-11", iat(value)).serves(&[56]);
    vec![
        refused(
            "iat-missing",
            "RFC 9449, 4.3 (3)",
            "Without `iat` a proof would be good for ever.",
            "E-DPO-10",
            Forge::request().without_claim("iat"),
        ),
        malformed(
            "iat-string",
            "A NumericDate is a number, not a string of digits.",
            &quoted(&NOW.to_string()),
        ),
        malformed("iat-null", "`null` is not now.", "null"),
        malformed(
            "iat-with-exponent",
            "1.76e9 is refused: readers round it differently.",
            "1.76e9",
        ),
        accepted(
            "iat-with-fraction",
            DATE,
            "A NumericDate may have a fraction.",
            iat(&format!("{NOW}.5")),
        )
        .serves(&[55]),
        accepted(
            "iat-with-fraction-as-far-ahead-as-allowed",
            DATE,
            "A fraction is left away: 10.9 s ahead are 10.",
            iat(&format!("{}.9", NOW + 10)),
        )
        .serves(&[55]),
        refused(
            "iat-with-fraction-older-than-allowed",
            DATE,
            "A fraction is left away, not rounded up: 60.1 s old are 61.",
            "E-DPO-23",
            iat(&format!("{}.9", NOW - 61)),
        )
        .serves(&[55]),
        extreme(
            "iat-negative",
            "No proof was made before 1970.",
            &format!("-{NOW}"),
        ),
        extreme(
            "iat-of-the-least-i64",
            "A subtraction that wraps would make this proof young for ever.",
            "-9223372036854775808",
        ),
        extreme(
            "iat-of-the-greatest-i64",
            "An addition that wraps would make its end the past.",
            "9223372036854775807",
        ),
        extreme(
            "iat-of-2-to-the-64",
            "A number that no register holds is not cut to zero.",
            "18446744073709551616",
        ),
        extreme(
            "iat-above-2-to-the-53",
            "Beyond 2^53 readers with floating point see another number.",
            "9007199254740993",
        ),
    ]
}

fn limits_of_its_own() -> Vec<Draft> {
    let with = |name: &str, value: &str| Forge::request().claim(name, value);
    let at = |name: &str, seconds: u64| with(name, &seconds.to_string());
    let exp = "RFC 7519, 4.1.4";
    let nbf = "RFC 7519, 4.1.5";
    vec![
        accepted(
            "exp-to-come",
            exp,
            "A proof may say itself how long it is good.",
            at("exp", NOW + 60),
        ),
        accepted(
            "exp-past-within-the-skew",
            exp,
            "A few seconds are allowed for clocks that differ: the future tolerance of the profile.",
            at("exp", NOW - 9),
        ),
        refused(
            "exp-past",
            exp,
            "A proof is refused from `exp` on, though it is young by `iat`; the skew is used up.",
            "E-DPO-41",
            at("exp", NOW - 10).iat(NOW - 30),
        ),
        accepted(
            "exp-far-away",
            "RFC 9449, 11.1",
            "`exp` of the year 9999 is no fault while `iat` is recent.",
            at("exp", 253_402_300_799),
        ),
        refused(
            "exp-does-not-lengthen",
            "RFC 9449, 11.1",
            "`exp` does not make a proof good for longer than the server allows.",
            "E-DPO-23",
            at("exp", NOW + 3600).iat(NOW - 61),
        ),
        refused(
            "exp-string",
            DATE,
            "An `exp` that cannot be read is not skipped.",
            "E-DPO-11",
            with("exp", "\"never\""),
        ),
        accepted(
            "nbf-past",
            nbf,
            "A proof may say itself from when it is good.",
            at("nbf", NOW),
        ),
        accepted(
            "nbf-to-come-within-the-skew",
            nbf,
            "A few seconds are allowed for clocks that differ.",
            at("nbf", NOW + 10),
        ),
        refused(
            "nbf-to-come",
            nbf,
            "A proof is refused before its `nbf`.",
            "E-DPO-42",
            at("nbf", NOW + 11),
        ),
        refused(
            "nbf-null",
            DATE,
            "An `nbf` that cannot be read is not skipped.",
            "E-DPO-11",
            with("nbf", "null"),
        ),
    ]
}
