//! Values of a checked document: walking them cannot fail.
//!
//! Each borrows the bytes that it was written with. Where the code below falls back to an end or to nothing, the text
//! would have to be one that the grammar refused.

use core::fmt;
use core::str::Chars;

/// A value, borrowed from its document.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // RFC 8259, 3
pub enum Value<'a> {
    Object(Object<'a>),
    Array(Array<'a>),
    String(Text<'a>),
    Number(Number<'a>),
    Bool(bool),
    Null,
}

/// An object. No two of its members have the same name.
#[derive(Clone, Copy)]
pub struct Object<'a>(&'a str);

impl<'a> Object<'a> {
    /// The object with these members, as written between its braces.
    pub(super) const fn new(members: &'a str) -> Self {
        Self(members)
    }

    /// Its members in the order in which they are written.
    pub fn members(self) -> impl Iterator<Item = (Text<'a>, Value<'a>)> + Clone {
        let mut rest = Rest(self.0);
        core::iter::from_fn(move || Some((rest.text()?, rest.value()?)))
    }

    /// The member with this name. Takes time linear in the bytes of the object.
    pub fn get(self, name: &str) -> Option<Value<'a>> {
        let [value] = self.get_all([name]);
        value
    }

    /// The members with these names, which differ. One walk for all of them.
    pub fn get_all<const N: usize>(self, names: [&str; N]) -> [Option<Value<'a>>; N] {
        let mut found = [None; N];
        for (member, value) in self.members() {
            let place = match member.as_str() {
                Some(member) => names.iter().position(|name| member == *name),
                None => names.iter().position(|name| member == **name),
            };
            if let Some(place) = place.and_then(|place| found.get_mut(place)) {
                *place = Some(value);
            }
        }
        found
    }
}

impl fmt::Debug for Object<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.members()).finish()
    }
}

/// An array.
#[derive(Clone, Copy)]
pub struct Array<'a>(&'a str);

impl<'a> Array<'a> {
    /// Its values, in order.
    pub fn values(self) -> impl Iterator<Item = Value<'a>> + Clone {
        let mut rest = Rest(self.0);
        core::iter::from_fn(move || rest.value())
    }
}

impl fmt::Debug for Array<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.values()).finish()
    }
}

/// A string or a name. It is compared by what it means, not by how it is written: `"\u0061lg"` is `"alg"`.
#[derive(Clone, Copy)]
pub struct Text<'a>(&'a str);

impl<'a> Text<'a> {
    /// The text that is written like this between its quotes.
    pub(super) const fn new(written: &'a str) -> Self {
        Self(written)
    }

    /// The text whose opening quote `written` begins with.
    pub(super) fn at_start_of(written: &'a str) -> Option<Self> {
        Rest(written).text()
    }

    /// The text as it is written, if no character of it is an escape.
    pub fn as_str(self) -> Option<&'a str> {
        (!self.0.contains('\\')).then_some(self.0)
    }

    /// The characters that it means.
    pub fn chars(self) -> impl Iterator<Item = char> + Clone + use<'a> {
        Decoded(self.0.chars())
    }

    /// The bytes of UTF-8 that it means.
    pub fn len(self) -> usize {
        match self.as_str() {
            Some(text) => text.len(),
            None => self.chars().map(char::len_utf8).sum(),
        }
    }

    /// Whether it is `""`.
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// Writes what it means into `buffer`; `None` if that has fewer than [`len`](Self::len) bytes.
    pub fn decode_into(self, buffer: &mut [u8]) -> Option<&str> {
        if let Some(text) = self.as_str() {
            let buffer = buffer.get_mut(..text.len())?;
            buffer.copy_from_slice(text.as_bytes());
            return str::from_utf8(buffer).ok();
        }
        let mut len = 0_usize;
        for c in self.chars() {
            let end = len.checked_add(c.len_utf8())?;
            c.encode_utf8(buffer.get_mut(len..end)?);
            len = end;
        }
        str::from_utf8(buffer.get(..len)?).ok()
    }
}

impl PartialEq<str> for Text<'_> {
    fn eq(&self, other: &str) -> bool {
        match self.as_str() {
            Some(text) => text == other,
            None => self.chars().eq(other.chars()),
        }
    }
}

impl PartialEq<&str> for Text<'_> {
    fn eq(&self, other: &&str) -> bool {
        *self == **other
    }
}

impl PartialEq<Text<'_>> for Text<'_> {
    fn eq(&self, other: &Text<'_>) -> bool {
        match other.as_str() {
            Some(text) => *self == *text,
            None => self.chars().eq(other.chars()),
        }
    }
}

impl Eq for Text<'_> {}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0)
    }
}

/// Resolves escapes.
#[derive(Clone)]
struct Decoded<'a>(Chars<'a>);

impl Iterator for Decoded<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        match self.0.next()? {
            '\\' => match self.0.next()? {
                'b' => Some('\u{8}'),
                'f' => Some('\u{C}'),
                'n' => Some('\n'),
                'r' => Some('\r'),
                't' => Some('\t'),
                'u' => self.code_point(),
                itself => Some(itself),
            },
            c => Some(c),
        }
    }
}

impl Decoded<'_> {
    fn code_point(&mut self) -> Option<char> {
        let high = self.unit()?;
        if !(0xD800..0xDC00).contains(&high) {
            return char::from_u32(high);
        }
        self.0.next()?;
        self.0.next()?;
        let low = self.unit()?.checked_sub(0xDC00)?;
        char::from_u32(0x10000 + ((high - 0xD800) << 10 | low))
    }

    fn unit(&mut self) -> Option<u32> {
        (0..4).try_fold(0, |unit, _| Some(unit << 4 | self.0.next()?.to_digit(16)?))
    }
}

/// A number, as it is written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Number<'a>(&'a str);

impl<'a> Number<'a> {
    /// The number as it is written.
    pub const fn as_str(self) -> &'a str {
        self.0
    }

    /// The integer part, from 0 to 2^53: what every reader of JSON represents exactly (RFC 8259, 6).
    ///
    /// `None` for a negative number, for a larger one, and for one that is written with an exponent.
    pub fn floor_u64(self) -> Option<u64> {
        let integer = match self.0.split_once('.') {
            // The grammar allows an exponent behind the fraction.
            Some((integer, fraction)) if !fraction.contains(['e', 'E']) => integer,
            Some(_) => return None,
            None => self.0,
        };
        if !integer.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        integer.parse().ok().filter(|&integer| integer <= 1 << 53)
    }
}

impl fmt::Debug for Number<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

/// What is left of the members of an object or of the values of an array.
#[derive(Clone)]
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn text(&mut self) -> Option<Text<'a>> {
        match self.value()? {
            Value::String(text) => Some(text),
            Value::Object(_)
            | Value::Array(_)
            | Value::Number(_)
            | Value::Bool(_)
            | Value::Null => None,
        }
    }

    fn value(&mut self) -> Option<Value<'a>> {
        // What stands between values has been checked.
        let is_between = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b',' | b':');
        let between = self.0.bytes().take_while(is_between).count();
        self.0 = self.0.get(between..)?;
        let end = end_of_value(self.0);
        let (value, rest) = self.0.split_at_checked(end)?;
        self.0 = rest;
        let inside = value.get(1..end.saturating_sub(1)).unwrap_or_default();
        match value.bytes().next()? {
            b'{' => Some(Value::Object(Object(inside))),
            b'[' => Some(Value::Array(Array(inside))),
            b'"' => Some(Value::String(Text(inside))),
            b't' => Some(Value::Bool(true)),
            b'f' => Some(Value::Bool(false)),
            b'n' => Some(Value::Null),
            _ => Some(Value::Number(Number(value))),
        }
    }
}

/// The bytes of the value that `text` begins with.
fn end_of_value(text: &str) -> usize {
    match text.as_bytes().first() {
        Some(b'"') => end_of_string(text),
        Some(b'{' | b'[') => end_of_container(text),
        _ => text
            .find([',', '}', ']', ' ', '\t', '\n', '\r'])
            .unwrap_or(text.len()),
    }
}

fn end_of_string(text: &str) -> usize {
    // Most bytes of a proof are in strings, and `find` reads many at once.
    let mut end = 1;
    while let Some(at) = text.get(end..).and_then(|rest| rest.find('"')) {
        let before = text.bytes().take(end + at).rev();
        let is_escaped = before.take_while(|&byte| byte == b'\\').count() % 2 == 1;
        end += at + 1;
        if !is_escaped {
            return end;
        }
    }
    text.len()
}

fn end_of_container(text: &str) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(byte) = text.as_bytes().get(at) {
        match byte {
            b'"' => at += text.get(at..).map_or(1, end_of_string),
            b'{' | b'[' => (at, depth) = (at + 1, depth + 1),
            b'}' | b']' => (at, depth) = (at + 1, depth.saturating_sub(1)),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}
