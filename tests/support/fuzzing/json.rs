//! `json::Document` against serde_json: the same values, and no refusal that one of our own rules does not explain.

use ravelin_core::json::{Document, JsonError, Limits, Object, Value, Writer};
use serde_json::Value as Theirs;

use super::{Mark, Reached};

/// The most that a document may hold whatever its limits are.
const MOST: Limits = Limits {
    depth: 16,
    members: 128,
    text: usize::MAX,
};

/// A text, read under the limits of a proof and under the widest.
pub fn json(input: &[u8]) -> Reached {
    let theirs = serde_json::from_slice(input);
    let mut reached = Reached::new();
    for limits in [Limits::DEFAULT, MOST] {
        match Document::parse(input, &limits) {
            Ok(document) => {
                reached.insert(Mark::Parsed);
                accepted(input, document, theirs.as_ref(), &limits);
            }
            Err(error) => refused(input, error, theirs.is_ok(), &limits, &mut reached),
        }
    }
    reached
}

fn accepted(
    input: &[u8],
    document: Document<'_>,
    theirs: Result<&Theirs, &serde_json::Error>,
    limits: &Limits,
) {
    let text = str::from_utf8(input).expect("what was accepted is UTF-8");
    let broken = Facts::of(text).broken(limits);
    assert_eq!(broken, [], "accepted: {text}");
    match theirs {
        Ok(theirs) => same_object(document.root(), theirs),
        // They hold numbers as f64.
        Err(error) => assert!(
            is_out_of_range(Value::Object(document.root())),
            "{error}: {text}"
        ),
    }
    comes_back(document.root());
}

fn refused(input: &[u8], error: JsonError, is_json: bool, limits: &Limits, reached: &mut Reached) {
    assert_ne!(error.to_string(), "");
    if !is_json {
        reached.insert(Mark::Refused);
        return;
    }
    let text = str::from_utf8(input).expect("what they accept is UTF-8");
    let broken = Facts::of(text).broken(limits);
    assert!(broken.contains(&error), "{error}: {text}");
    let is_limit = matches!(
        error,
        JsonError::Depth | JsonError::Members | JsonError::TooLong
    );
    reached.insert(if is_limit {
        Mark::TooLong
    } else {
        Mark::Stricter
    });
}

/// What is true of a text that is valid JSON.
#[derive(Default)]
struct Facts {
    is_object: bool,
    has_nul: bool,
    has_negative_zero: bool,
    has_duplicate: bool,
    depth: usize,
    /// Of one object.
    members: usize,
    /// Of all objects that are open at once.
    names: usize,
    /// The longest string or number in bytes, as written.
    text: usize,
}

impl Facts {
    fn of(text: &str) -> Self {
        let mut facts = Self {
            is_object: text.trim_start().starts_with('{'),
            ..Self::default()
        };
        // The names of each container that is open.
        let mut open: Vec<Vec<String>> = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let len = match first {
                '"' => end_of_string(rest),
                '-' | '0'..='9' => rest
                    .find([',', ']', '}', ' ', '\t', '\r', '\n'])
                    .unwrap_or(rest.len()),
                _ => first.len_utf8(),
            };
            let (token, behind) = rest.split_at(len);
            rest = behind;
            match first {
                '{' | '[' => open.push(Vec::new()),
                '}' | ']' => drop(open.pop()),
                '"' => {
                    let decoded: String = serde_json::from_str(token).expect("a string");
                    facts.text = facts.text.max(token.len() - 2);
                    facts.has_nul |= decoded.contains('\0');
                    if behind.trim_start().starts_with(':') {
                        let names = open.last_mut().expect("an object");
                        facts.has_duplicate |= names.contains(&decoded);
                        names.push(decoded);
                        facts.members = facts.members.max(names.len());
                    }
                }
                '-' | '0'..='9' => {
                    facts.text = facts.text.max(token.len());
                    let mantissa = token.split(['e', 'E']).next().unwrap_or(token);
                    facts.has_negative_zero |=
                        first == '-' && mantissa.trim_matches(['-', '0', '.']).is_empty();
                }
                _ => {}
            }
            facts.depth = facts.depth.max(open.len());
            facts.names = facts.names.max(open.iter().map(Vec::len).sum());
        }
        facts
    }

    /// The rules of ours that the text breaks.
    fn broken(&self, limits: &Limits) -> Vec<JsonError> {
        [
            (JsonError::NotAnObject, !self.is_object),
            (JsonError::Nul, self.has_nul),
            (JsonError::Number, self.has_negative_zero),
            (JsonError::Duplicate, self.has_duplicate),
            (JsonError::Depth, self.depth > limits.depth),
            (
                JsonError::Members,
                self.members > limits.members || self.names > MOST.members,
            ),
            (JsonError::TooLong, self.text > limits.text),
        ]
        .into_iter()
        .filter_map(|(rule, is_broken)| is_broken.then_some(rule))
        .collect()
    }
}

fn end_of_string(text: &str) -> usize {
    let mut escaped = true;
    let quote = text.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    });
    quote.map_or(text.len(), |quote| quote + 1)
}

fn same(ours: Value<'_>, theirs: &Theirs) {
    match (ours, theirs) {
        (Value::Object(ours), theirs) => same_object(ours, theirs),
        (Value::Array(ours), Theirs::Array(theirs)) => {
            assert_eq!(ours.values().count(), theirs.len());
            let pairs = ours.values().zip(theirs);
            pairs.for_each(|(ours, theirs)| same(ours, theirs));
        }
        (Value::String(ours), Theirs::String(theirs)) => {
            assert_eq!(ours, theirs.as_str());
            assert!(ours != format!("{theirs}x").as_str());
            assert_eq!(ours.len(), theirs.len());
            assert!(ours.as_str().is_none_or(|ours| ours == theirs));
            let mut memory = vec![0; theirs.len()];
            assert_eq!(ours.decode_into(&mut memory), Some(theirs.as_str()));
        }
        (Value::Number(ours), Theirs::Number(theirs)) => {
            let number: serde_json::Number = ours.as_str().parse().expect("a number");
            assert_eq!(number, *theirs);
            if let Some(integer) = theirs.as_u64() {
                assert_eq!(
                    ours.floor_u64(),
                    Some(integer).filter(|&integer| integer <= 1 << 53)
                );
            } else if let Some(floor) = ours.floor_u64() {
                let float: f64 = ours.as_str().parse().expect("a number");
                assert!((float - floor as f64).abs() <= 1.0, "{ours:?}");
            }
        }
        (Value::Bool(ours), Theirs::Bool(theirs)) => assert_eq!(ours, *theirs),
        (Value::Null, Theirs::Null) => {}
        (ours, theirs) => panic!("{ours:?} is not {theirs}"),
    }
}

fn same_object(ours: Object<'_>, theirs: &Theirs) {
    let theirs = theirs.as_object().expect("an object");
    assert_eq!(ours.members().count(), theirs.len());
    for (name, value) in ours.members() {
        let name: String = name.chars().collect();
        assert!(ours.get(&name).is_some(), "found by its name");
        same(value, &theirs[&name]);
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

/// The strings and numbers of an object, written anew, are read as the same.
fn comes_back(object: Object<'_>) {
    let write = |memory: &mut [u8]| {
        let mut writer = Writer::new(memory);
        for (name, value) in object.members() {
            let name: String = name.chars().collect();
            match value {
                Value::String(text) => writer.string(&name, &text.chars().collect::<String>()),
                Value::Number(number) => match number.floor_u64() {
                    Some(number) => writer.number(&name, number),
                    None => writer.raw(&name, |part| part(number.as_str().as_bytes())),
                },
                Value::Bool(_) | Value::Null => writer.raw(&name, |part| part(b"null")),
                Value::Object(_) | Value::Array(_) => writer.raw(&name, |part| {
                    part(b"[");
                    part(b"]");
                }),
            };
        }
        writer.finish().map(<[u8]>::len)
    };
    let needed = write(&mut []).expect_err("two braces at least").needed;
    let mut memory = vec![0; needed];
    assert_eq!(write(&mut memory), Ok(needed));
    let again = Document::parse(&memory, &MOST)
        .expect("what is written is read")
        .root();
    assert_eq!(again.members().count(), object.members().count());
    for ((name, value), (old_name, old_value)) in again.members().zip(object.members()) {
        assert_eq!(name, old_name);
        match (value, old_value) {
            (Value::String(text), Value::String(old)) => assert_eq!(text, old),
            (Value::Number(number), Value::Number(old)) => {
                assert_eq!(number.floor_u64(), old.floor_u64());
            }
            (Value::Null, Value::Bool(_) | Value::Null) => {}
            (Value::Array(_), Value::Array(_) | Value::Object(_)) => {}
            (value, old) => panic!("{value:?} was {old:?}"),
        }
    }
}
