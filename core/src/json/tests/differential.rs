//! Against serde_json: the same values, or a refusal that one of our rules explains.

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use proptest::prelude::*;
use serde_json::Value as Theirs;

use crate::json::{Document, JsonError, Limits, Object, Value};

proptest! {
    #[test]
    fn it_agrees_with_serde_json_on_json(tree in tree(), spelling in any::<u64>()) {
        let mut text = String::new();
        spell(&tree, &mut { spelling }, &mut text);
        agree(&text);
    }

    #[test]
    fn it_agrees_with_serde_json_on_changed_json(
        tree in tree(),
        spelling in any::<u64>(),
        at in any::<prop::sample::Index>(),
        replaced in 0..3_usize,
        replacement in r#"[{}\[\]",:\\u0-9eE+.\-a-f tnull\x00-\x1F]{0,3}"#,
    ) {
        let mut text = String::new();
        spell(&tree, &mut { spelling }, &mut text);
        let mut chars: Vec<_> = text.chars().collect();
        let at = at.index(chars.len());
        let end = (at + replaced).min(chars.len());
        chars.splice(at..end, replacement.chars());
        agree(&chars.into_iter().collect::<String>());
    }
}

/// Trees a little beyond the limits, with names that often meet.
fn tree() -> impl Strategy<Value = Theirs> {
    let leaf = prop_oneof![
        Just(Theirs::Null),
        any::<bool>().prop_map(Theirs::from),
        any::<i64>().prop_map(Theirs::from),
        any::<f64>().prop_map(Theirs::from),
        "\\PC{0,8}|[\0-\x20\"\\\\/é😀]{0,4}".prop_map(Theirs::from),
    ];
    let object = |value| prop::collection::btree_map("[ab]{0,2}|\\PC{0,3}", value, 0..5);
    let inner = leaf.prop_recursive(5, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Theirs::from),
            object(inner).prop_map(|members| Theirs::Object(members.into_iter().collect())),
        ]
    });
    prop::collection::btree_map("[ab]{0,2}|\\PC{0,3}", inner, 0..5)
        .prop_map(|members| Theirs::Object(members.into_iter().collect()))
}

/// Writes a tree as `spelling` chooses: white space, escapes, and now and then a member twice.
fn spell(tree: &Theirs, spelling: &mut u64, out: &mut String) {
    let space = |spelling: &mut u64, out: &mut String| {
        out.push_str(["", "", " ", "\t\r\n"][choose(spelling, 4)]);
    };
    space(spelling, out);
    match tree {
        Theirs::Object(members) => {
            out.push('{');
            for (index, (name, value)) in members.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                space(spelling, out);
                spell_string(name, spelling, out);
                space(spelling, out);
                out.push(':');
                spell(value, spelling, out);
                if choose(spelling, 64) == 0 {
                    out.push(',');
                    spell_string(name, spelling, out);
                    out.push_str(":null");
                }
            }
            out.push('}');
        }
        Theirs::Array(values) => {
            out.push('[');
            for (index, value) in values.iter().enumerate() {
                out.push_str(if index > 0 { "," } else { "" });
                spell(value, spelling, out);
            }
            out.push(']');
        }
        Theirs::String(text) => spell_string(text, spelling, out),
        Theirs::Null | Theirs::Bool(_) | Theirs::Number(_) => out.push_str(&tree.to_string()),
    }
    space(spelling, out);
}

fn spell_string(text: &str, spelling: &mut u64, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        if choose(spelling, 8) == 0 {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            let quoted = serde_json::to_string(&c).unwrap();
            out.push_str(&quoted[1..quoted.len() - 1]);
        }
    }
    out.push('"');
}

fn choose(spelling: &mut u64, count: u64) -> usize {
    *spelling = spelling
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    usize::try_from((*spelling >> 33) % count).unwrap()
}

/// Both read the same, or the one that refuses says why.
fn agree(text: &str) {
    let limits = Limits {
        text: 24,
        ..Limits::DEFAULT
    };
    let theirs: Result<Theirs, _> = serde_json::from_str(text);
    let ours = Document::parse(text.as_bytes(), &limits);
    match (ours, theirs) {
        (Ok(ours), Ok(theirs)) => same_object(ours.root(), &theirs),
        (Ok(ours), Err(error)) => {
            // They cannot hold what is beyond f64.
            assert!(
                is_out_of_range(Value::Object(ours.root())),
                "{error}: {text}"
            );
        }
        (Err(error), Ok(theirs)) => {
            assert!(
                is_explained(error, text, &theirs, &limits),
                "{error}: {text}"
            );
        }
        (Err(_), Err(_)) => {}
    }
}

fn same(ours: Value<'_>, theirs: &Theirs) {
    match (ours, theirs) {
        (Value::Object(ours), theirs) => same_object(ours, theirs),
        (Value::Array(ours), Theirs::Array(theirs)) => {
            assert_eq!(ours.values().count(), theirs.len());
            ours.values()
                .zip(theirs)
                .for_each(|(ours, theirs)| same(ours, theirs));
        }
        (Value::String(ours), Theirs::String(theirs)) => {
            assert_eq!(ours, theirs.as_str());
            assert_eq!(ours.len(), theirs.len());
            assert_eq!(ours.decode_into(&mut [0; 64]), Some(theirs.as_str()));
        }
        (Value::Number(ours), Theirs::Number(theirs)) => {
            let number: serde_json::Number = ours.as_str().parse().unwrap();
            assert_eq!(number, *theirs);
        }
        (Value::Bool(ours), Theirs::Bool(theirs)) => assert_eq!(ours, *theirs),
        (Value::Null, Theirs::Null) => {}
        (ours, theirs) => panic!("{ours:?} is not {theirs}"),
    }
}

fn same_object(ours: Object<'_>, theirs: &Theirs) {
    assert_eq!(
        Some(ours.members().count()),
        theirs.as_object().map(serde_json::Map::len)
    );
    for (name, ours) in ours.members() {
        let name: String = name.chars().collect();
        same(ours, &theirs[&name]);
    }
}

fn is_out_of_range(value: Value<'_>) -> bool {
    match value {
        Value::Object(object) => object.members().any(|(_, value)| is_out_of_range(value)),
        Value::Array(array) => array.values().any(is_out_of_range),
        Value::Number(number) => number.as_str().parse().is_ok_and(f64::is_infinite),
        Value::String(_) | Value::Bool(_) | Value::Null => false,
    }
}

/// Whether valid JSON breaks the rule of ours that it is refused for.
fn is_explained(error: JsonError, text: &str, theirs: &Theirs, limits: &Limits) -> bool {
    match error {
        JsonError::NotAnObject => !theirs.is_object(),
        JsonError::Duplicate => count(text, b":") > members(theirs),
        JsonError::Depth => count(text, b"{[") > limits.depth,
        JsonError::Members => count(text, b":") > limits.members,
        JsonError::TooLong => text.len() > limits.text,
        JsonError::Nul => text.contains(r"\u0000"),
        JsonError::Number => text.contains("-0"),
        JsonError::Utf8
        | JsonError::ByteOrderMark
        | JsonError::Syntax
        | JsonError::Trailing
        | JsonError::Control
        | JsonError::Escape
        | JsonError::Surrogate => false,
    }
}

/// How many of these bytes stand outside strings.
fn count(text: &str, wanted: &[u8]) -> usize {
    let (mut count, mut in_string, mut escaped) = (0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => in_string = !in_string,
            _ if !in_string && wanted.contains(&byte) => count += 1,
            _ => {}
        }
    }
    count
}

fn members(value: &Theirs) -> usize {
    match value {
        Theirs::Object(object) => object.len() + object.values().map(members).sum::<usize>(),
        Theirs::Array(values) => values.iter().map(members).sum(),
        Theirs::String(_) | Theirs::Null | Theirs::Bool(_) | Theirs::Number(_) => 0,
    }
}
