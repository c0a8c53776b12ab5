use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use proptest::prelude::*;

use super::*;

mod differential;

const LIMITS: Limits = Limits::DEFAULT;

fn parse(text: &str) -> Result<Object<'_>, JsonError> {
    Document::parse(text.as_bytes(), &LIMITS).map(|document| document.root())
}

fn refused(text: &str) -> Option<JsonError> {
    parse(text).err()
}

fn string<'a>(object: Object<'a>, name: &str) -> Text<'a> {
    match object.get(name) {
        Some(Value::String(text)) => text,
        other => panic!("{name}: {other:?}"),
    }
}

#[test]
fn bytes_that_are_not_utf8_are_refused() {
    let cases: [&[u8]; 5] = [
        b"{\"a\":\"\xff\"}",
        b"{\"a\":\"\xc0\xaf\"}",         // an overlong slash
        b"{\"a\":\"\xe0\x80\x80\"}",     // an overlong NUL
        b"{\"a\":\"\xed\xa0\x80\"}",     // a surrogate
        b"{\"a\":\"\xf4\x90\x80\x80\"}", // above U+10FFFF
    ];
    for bytes in cases {
        let outcome = Document::parse(bytes, &LIMITS);
        assert_eq!(outcome.unwrap_err(), JsonError::Utf8, "{bytes:?}");
    }
}

#[test]
fn a_byte_order_mark_is_refused() {
    assert_eq!(refused("\u{FEFF}{}"), Some(JsonError::ByteOrderMark));
    assert_eq!(refused("{}\u{FEFF}"), Some(JsonError::Trailing));
    assert_eq!(refused("{\u{FEFF}}"), Some(JsonError::Syntax));
    assert_eq!(
        refused("{\"a\":\"\u{FEFF}\"}"),
        None,
        "in a string it is a character"
    );
}

#[test]
fn a_member_twice_is_refused_however_it_is_spelled() {
    for text in [
        r#"{"alg":"ES256","typ":"dpop+jwt","alg":"ES256"}"#,
        r#"{"alg":"ES256","\u0061lg":"none"}"#,
        r#"{"\u0061lg":"ES256","alg":"none"}"#,
        r#"{"\u0061lg":1,"\u0061l\u0067":2}"#,
        r#"{"a\/b":1,"a/b":2}"#,
        r#"{"\ud83d\ude00":1,"😀":2}"#,
        r#"{"":1,"":2}"#,
        r#"{"jwk":{"x":"1","y":"2","x":"3"}}"#,
        r#"{"jwk":{"x":"1"},"typ":"2","jwk":{}}"#,
        r#"{"a":{"b":{}},"c":[{"d":1,"d":2}]}"#,
    ] {
        assert_eq!(refused(text), Some(JsonError::Duplicate), "{text}");
    }
    for text in [
        r#"{"alg":1,"Alg":2,"algo":3,"al":4}"#,
        r#"{"a":{"a":{"a":1}},"b":{"a":2},"c":[{"a":3},{"a":4}]}"#,
        r#"{"a":{"b":1,"c":2},"b":3,"c":4}"#,
        r#"{"\\u0061":1,"a":2}"#,
    ] {
        assert_eq!(refused(text), None, "{text}");
    }
}

#[test]
fn escapes_are_resolved() {
    let object = parse(
        r#"{"htu":"https:\/\/h\/p","all":"\"\\\/\b\f\n\r\t","\u0061lg":"\u00e9\uD83D\uDE00","plain":"é"}"#,
    )
    .unwrap();
    assert_eq!(string(object, "htu"), "https://h/p");
    assert_eq!(string(object, "all"), "\"\\/\u{8}\u{C}\n\r\t");
    assert_eq!(string(object, "alg"), "é😀");
    assert_eq!(string(object, "alg").len(), "é😀".len());
    assert_eq!(string(object, "alg").as_str(), None);
    assert_eq!(string(object, "plain").as_str(), Some("é"));
    assert!(string(object, "htu") != "https:\\/\\/h\\/p");
    assert!(string(object, "htu") != "https://h/");
    assert!(string(object, "htu") != "https://h/p/");
}

#[test]
fn a_text_is_decoded_into_memory_that_is_long_enough() {
    let object = parse(r#"{"a":"x\u00e9y","b":""}"#).unwrap();
    let text = string(object, "a");
    assert_eq!(text.len(), 4);
    for len in 0..4 {
        assert_eq!(text.decode_into(&mut [0; 8][..len]), None);
    }
    assert_eq!(text.decode_into(&mut [0; 4]), Some("xéy"));
    assert_eq!(text.decode_into(&mut [0xFF; 9]), Some("xéy"));
    let empty = string(object, "b");
    assert!(empty.is_empty());
    assert_eq!(empty.decode_into(&mut []), Some(""));
}

#[test]
fn a_raw_control_character_is_refused() {
    for c in (1_u8..0x20).map(char::from) {
        let text = format!("{{\"a\":\"{c}\"}}");
        assert_eq!(refused(&text), Some(JsonError::Control), "{c:?}");
        let text = format!("{{\"a{c}\":1}}");
        assert_eq!(refused(&text), Some(JsonError::Control), "{c:?}");
        let expected = (!"\t\n\r".contains(c)).then_some(JsonError::Syntax);
        assert_eq!(refused(&format!("{{{c}\"a\":1}}")), expected, "{c:?}");
    }
    // RFC 8259, 7 names U+0000 to U+001F only.
    assert_eq!(refused("{\"a\":\"\u{7F}\u{85}\u{2028}\"}"), None);
}

#[test]
fn escapes_that_json_does_not_have_are_refused() {
    for escape in [
        r"\a", r"\'", r"\x41", r"\0", r"\U0041", r"\u", r"\u004", r"\u004g", r"\u+041", r"\u{41}",
        r"\é", "\\\n",
    ] {
        let text = format!("{{\"a\":\"{escape}\"}}");
        assert_eq!(refused(&text), Some(JsonError::Escape), "{text}");
    }
}

#[test]
fn half_of_a_surrogate_pair_is_refused() {
    for half in [
        r"\ud800",
        r"\udbff",
        r"\udc00",
        r"\uDFFF",
        r"\ud800x",
        r"\ud800\n",
        r"\ud800\u0041",
        r"\ud800\ud800",
        r"\udc00\ud800",
        r"\ud83d\ude00\ude00",
    ] {
        let text = format!("{{\"a\":\"{half}\"}}");
        assert_eq!(refused(&text), Some(JsonError::Surrogate), "{text}");
        let text = format!("{{\"{half}\":1}}");
        assert_eq!(refused(&text), Some(JsonError::Surrogate), "{text}");
    }
    let object = parse(r#"{"a":"\ud800\udc00\udbff\udfff"}"#).unwrap();
    assert_eq!(string(object, "a"), "\u{10000}\u{10FFFF}");
}

#[test]
fn nul_is_refused_everywhere() {
    for text in [
        r#"{"a":"\u0000"}"#,
        r#"{"a":"PO\u0000ST"}"#,
        r#"{"a\u0000":1}"#,
        r#"{"a":{"b":["\u0000"]}}"#,
        "{\"a\":\"\0\"}",
        "{\"a\0\":1}",
        "{\"a\":\"\\\0\"}",
        "{\"a\":\"\\u00\0\"}",
        "\0{}",
        "{\0}",
        "{\"a\"\0:1}",
        "{\"a\":\0 1}",
        "{\"a\":1\0}",
        "{}\0",
    ] {
        assert_eq!(refused(text), Some(JsonError::Nul), "{text:?}");
    }
    assert_eq!(
        refused(r#"{"a":"\\u0000"}"#),
        None,
        "a backslash and letters"
    );
}

#[test]
fn the_limits_are_exact() {
    let nested = |depth: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
    assert_eq!(refused(&nested(3)), None);
    assert_eq!(refused(&nested(4)), Some(JsonError::Depth));
    assert_eq!(refused(&nested(100_000)), Some(JsonError::Depth));
    let objects = r#"{"a":{"a":{"a":{"a":1}}}}"#;
    assert_eq!(refused(objects), None);
    assert_eq!(refused(&objects.replace('1', "{}")), Some(JsonError::Depth));

    let members = |count: usize| {
        let members: Vec<_> = (0..count).map(|n| format!("\"{n}\":0")).collect();
        format!("{{{}}}", members.join(","))
    };
    assert_eq!(refused(&members(32)), None);
    assert_eq!(refused(&members(33)), Some(JsonError::Members));
    let inner = format!(r#"{{"a":{}}}"#, members(33));
    assert_eq!(refused(&inner), Some(JsonError::Members));
    let elements = format!(r#"{{"a":[{}1]}}"#, "1,".repeat(1000));
    assert_eq!(
        refused(&elements),
        None,
        "arrays have elements, not members"
    );

    for (before, after) in [("{\"a\":\"", "\"}"), ("{\"", "\":1}"), ("{\"a\":", "}")] {
        let long = |len: usize| format!("{before}{}{after}", "1".repeat(len));
        assert_eq!(refused(&long(1024)), None);
        assert_eq!(refused(&long(1025)), Some(JsonError::TooLong));
    }
    let escaped = format!("{{\"a\":\"{}\"}}", r"\u0061".repeat(171));
    assert_eq!(
        refused(&escaped),
        Some(JsonError::TooLong),
        "as it is written"
    );
}

#[test]
fn limits_have_limits() {
    let most = Limits {
        depth: usize::MAX,
        members: usize::MAX,
        text: usize::MAX,
    };
    let parse = |text: &str| Document::parse(text.as_bytes(), &most).err();
    let nested = |depth: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
    assert_eq!(parse(&nested(15)), None);
    assert_eq!(parse(&nested(16)), Some(JsonError::Depth));

    let members = |count: usize, last: &str| {
        let members: String = (0..count).map(|n| format!("\"{n}\":0,")).collect();
        format!("{{{members}\"last\":{last}}}")
    };
    assert_eq!(parse(&members(127, "0")), None);
    assert_eq!(parse(&members(128, "0")), Some(JsonError::Members));
    assert_eq!(parse(&members(63, &members(63, "0"))), None);
    assert_eq!(
        parse(&members(63, &members(64, "0"))),
        Some(JsonError::Members)
    );
    let closed = format!(r#"{{"a":{},"b":{}}}"#, members(100, "0"), members(100, "0"));
    assert_eq!(parse(&closed), None, "a closed object's names are free");
    let nothing = Limits {
        depth: 0,
        members: 0,
        text: 0,
    };
    let outcome = Document::parse(b"{}", &nothing);
    assert_eq!(outcome.unwrap_err(), JsonError::Depth);
}

#[test]
fn anything_behind_the_object_is_refused() {
    for text in [
        "{}{}", "{} {}", "{}x", "{},", "{}]", "{}}", "{}\u{A0}", "{}//", "{}\u{C}",
    ] {
        assert_eq!(refused(text), Some(JsonError::Trailing), "{text:?}");
    }
    assert_eq!(refused(" \t\r\n{ } \t\r\n"), None);
}

#[test]
fn anything_but_an_object_is_refused() {
    for text in [
        "", " ", "[]", "[{}]", "\"{}\"", "1", "null", "true", "}", "x", "\u{A0}{}", "\u{C}{}",
    ] {
        assert_eq!(refused(text), Some(JsonError::NotAnObject), "{text:?}");
    }
}

#[test]
fn what_the_grammar_does_not_have_is_refused() {
    for text in [
        "{",
        "{\"",
        "{\"a",
        "{\"a\"",
        "{\"a\":",
        "{\"a\":1",
        "{\"a\":1,",
        "{\"a\":\"",
        "{\"a\":\"\\",
        "{\"a\":\"\\u00",
        "{,}",
        "{\"a\":1,}",
        "{\"a\":1,,\"b\":2}",
        "{\"a\" 1}",
        "{\"a\":}",
        "{\"a\"}",
        "{\"a\":1 \"b\":2}",
        "{a:1}",
        "{'a':1}",
        "{1:1}",
        "{null:1}",
        "{\"a\":[}",
        "{\"a\":[1}",
        "{\"a\":[1}]",
        "{\"a\":[,]}",
        "{\"a\":[1,]}",
        "{\"a\":[1 2]}",
        "{\"a\":{]}",
        "{\"a\":tru}",
        "{\"a\":True}",
        "{\"a\":nullx}",
        "{\"a\":true1}",
        "{\"a\":NaN}",
        "{\"a\":Infinity}",
        "{\"a\":undefined}",
        "{\"a\":/**/1}",
        "{\"a\":1;}",
        "{\"a\"::1}",
        "{:1}",
        "{\"a\":1\u{A0}}",
        "{\"a\":\"b\"\"c\"}",
    ] {
        assert_eq!(refused(text), Some(JsonError::Syntax), "{text}");
    }
}

#[test]
fn numbers_that_json_does_not_have_are_refused() {
    for number in [
        "01", "00", "-01", "-", "+1", ".5", "5.", "1.e1", "1e", "1e+", "1ee1", "1e1e1", "1.1.1",
        "--1", "1-1", "0e", "-e1", "1e1.5", // Two spellings of nothing, or another value:
        "-0", "-0.0", "-0.00", "-0e0", "-0E-7", "-0.0e5",
    ] {
        let text = format!("{{\"a\":{number}}}");
        assert_eq!(refused(&text), Some(JsonError::Number), "{text}");
        let text = format!("{{\"a\":[1,{number}]}}");
        assert_eq!(refused(&text), Some(JsonError::Number), "{text}");
    }
    for number in [
        "0",
        "-1",
        "0.0",
        "10",
        "-0.5",
        "0e0",
        "1E+05",
        "1e-0",
        "-0.0000001",
        "123456789012345678901234567890",
    ] {
        let text = format!("{{\"a\":{number}}}");
        let Some(Value::Number(read)) = parse(&text).unwrap().get("a") else {
            panic!("{text}");
        };
        assert_eq!(read.as_str(), number);
    }
    for (text, expected) in [
        ("{\"a\":0x10}", JsonError::Syntax),
        ("{\"a\":1_000}", JsonError::Syntax),
        ("{\"a\":-Infinity}", JsonError::Number),
    ] {
        assert_eq!(refused(text), Some(expected), "{text}");
    }
}

#[test]
fn a_numeric_date_is_a_plain_number_up_to_2_53() {
    for (number, expected) in [
        ("0", Some(0)),
        ("1562262616", Some(1_562_262_616)),
        ("1562262616.5", Some(1_562_262_616)),
        ("0.999999999999999999999", Some(0)),
        ("9007199254740992", Some(1 << 53)),
        ("9007199254740993", None),
        ("18446744073709551615", None),
        ("18446744073709551616", None),
        ("99999999999999999999999999999999", None),
        ("-1", None),
        ("-0.5", None),
        ("1e9", None),
        ("1E0", None),
        ("1.5e9", None),
        ("1562262616.0e0", None),
    ] {
        let text = format!("{{\"iat\":{number}}}");
        let Some(Value::Number(read)) = parse(&text).unwrap().get("iat") else {
            panic!("{text}");
        };
        assert_eq!(read.floor_u64(), expected, "{number}");
    }
}

#[test]
fn values_are_walked_in_order() {
    let text = r#" { "o" : { "p" : [ 1 , "]}" , [ ] , { } ] } , "t":true,"f":false,"n":null , "s" : "" } "#;
    let object = parse(text).unwrap();
    let names: Vec<_> = object
        .members()
        .map(|(name, _)| name.as_str().unwrap())
        .collect();
    assert_eq!(names, ["o", "t", "f", "n", "s"]);
    let Some(Value::Object(inner)) = object.get("o") else {
        panic!()
    };
    let Some(Value::Array(array)) = inner.get("p") else {
        panic!()
    };
    let values: Vec<_> = array.values().collect();
    assert_eq!(values.len(), 4);
    assert!(matches!(values[0], Value::Number(number) if number.as_str() == "1"));
    assert!(matches!(values[1], Value::String(text) if text == "]}"));
    assert!(matches!(values[2], Value::Array(array) if array.values().next().is_none()));
    assert!(matches!(values[3], Value::Object(object) if object.members().next().is_none()));
    assert!(matches!(object.get("t"), Some(Value::Bool(true))));
    assert!(matches!(object.get("f"), Some(Value::Bool(false))));
    assert!(matches!(object.get("n"), Some(Value::Null)));
    assert!(object.get("p").is_none(), "a member of another object");
    let shown = r#"{"o": Object({"p": Array([Number(1), String("]}"), Array([]), Object({})])})"#;
    assert!(format!("{object:?}").starts_with(shown), "{object:?}");
}

#[test]
fn every_refusal_says_what_is_wrong() {
    for error in [
        JsonError::Utf8,
        JsonError::Syntax,
        JsonError::Number,
        JsonError::Duplicate,
    ] {
        assert!(!error.to_string().ends_with('.'));
    }
    assert_eq!(JsonError::Duplicate.to_string(), "has a member twice");
    assert_eq!(JsonError::Syntax.to_string(), "is not valid JSON");
}

#[test]
fn a_writer_writes_what_a_document_reads() {
    let write = |buffer: &mut [u8]| {
        let mut writer = Writer::new(buffer);
        writer
            .string("a\"b", "\u{1}\t\n\"\\/é\u{7F}")
            .number("zero", 0)
            .number("most", u64::MAX)
            .raw("raw", |part| {
                part(b"[1,");
                part(b"2]");
            })
            .string("", "");
        writer.finish().map(<[u8]>::to_vec)
    };
    let expected = "{\"a\\\"b\":\"\\u0001\\u0009\\u000a\\\"\\\\/é\u{7F}\",\"zero\":0,\"most\":18446744073709551615,\
         \"raw\":[1,2],\"\":\"\"}";
    let written = write(&mut [0; 200]).unwrap();
    assert_eq!(str::from_utf8(&written), Ok(expected));
    let object = parse(expected).unwrap();
    assert_eq!(string(object, "a\"b"), "\u{1}\t\n\"\\/é\u{7F}");

    let needed = expected.len();
    assert!(write(&mut [0; 200][..needed]).is_ok());
    for len in 0..needed {
        assert_eq!(write(&mut [0; 200][..len]), Err(NoSpace { needed }));
    }
    assert_eq!(Writer::new(&mut [0; 2]).finish(), Ok(&b"{}"[..]));
}

proptest! {
    #[test]
    fn what_is_written_is_read(name in "[^\0]{0,20}", value in "[^\0]{0,40}") {
        let mut buffer = [0; 600];
        let mut writer = Writer::new(&mut buffer);
        writer.string(&name, &value);
        let written = writer.finish().unwrap();
        let object = Document::parse(written, &LIMITS).unwrap().root();
        prop_assert!(string(object, &name) == *value);
    }
}
