//! JSON (RFC 8259) of a peer, read strictly and without memory of its own.
//!
//! Two readers of one text must not see two meanings: whatever leaves room for that is refused. Besides the grammar
//! that is a member twice (also when one is spelled with escapes), a lone surrogate, NUL and `-0`.
//!
//! [`Document::parse`] looks at everything at once; what it lends can then be walked without errors. [`Writer`] is the
//! way back, for one object.
//!
//! ```
//! use ravelin_core::json::{Document, JsonError, Limits, Value};
//!
//! let text = br#"{"htu": "https:\/\/server.example\/mcp", "iat": 1562262616.5}"#;
//! let claims = Document::parse(text, &Limits::DEFAULT)?.root();
//! let Some(Value::String(htu)) = claims.get("htu") else { panic!() };
//! assert!(htu == "https://server.example/mcp");
//! let Some(Value::Number(iat)) = claims.get("iat") else { panic!() };
//! assert_eq!(iat.floor_u64(), Some(1_562_262_616));
//!
//! let twice = Document::parse(br#"{"alg": "ES256", "\u0061lg": "none"}"#, &Limits::DEFAULT);
//! assert_eq!(twice.unwrap_err(), JsonError::Duplicate);
//! # Ok::<(), JsonError>(())
//! ```

mod grammar;
mod value;
mod writer;

#[cfg(test)]
mod tests;

pub use value::{Array, Number, Object, Text, Value};
pub use writer::{NoSpace, Writer};

use core::fmt;

/// One JSON object, checked from its first byte to its last.
#[derive(Clone, Copy, Debug)]
pub struct Document<'a> {
    root: Object<'a>,
}

impl<'a> Document<'a> {
    /// Checks `bytes`: UTF-8 without a byte order mark, one object, white space around it and nothing else.
    ///
    /// Takes about 800 bytes of stack whatever the input is, and no heap. The work is at most the length of the input
    /// times [`Limits::members`]: each name is compared with those before it in the same object.
    ///
    /// # Errors
    /// The first rule that is broken. What is not UTF-8 is found before anything else.
    pub fn parse(bytes: &'a [u8], limits: &Limits) -> Result<Self, JsonError> {
        let text = str::from_utf8(bytes).map_err(|_| JsonError::Utf8)?;
        let members = grammar::check(text, limits)?;
        Ok(Self {
            root: Object::new(members),
        })
    }

    /// The object.
    pub const fn root(&self) -> Object<'a> {
        self.root
    }
}

/// How much a document may hold. Its length is for the caller to limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Objects and arrays within each other, the outermost included. Never more than 16.
    pub depth: usize,
    /// Members of one object. Never more than 128, together with those of the objects around it up to that place.
    pub members: usize,
    /// Bytes of one string, name or number, as written: escapes count with all their bytes, quotes do not count.
    pub text: usize,
}

impl Limits {
    /// Depth 4, 32 members, 1024 bytes of text.
    pub const DEFAULT: Self = Self {
        depth: 4,
        members: 32,
        text: 1024,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The rule that a text broke.
///
/// Its `Display` completes a sentence that begins with the name of the text: "the header has a member twice".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JsonError {
    /// Not UTF-8 (RFC 8259, 8.1).
    Utf8,
    /// A byte order mark (RFC 8259, 8.1).
    ByteOrderMark,
    /// Not the grammar of RFC 8259, or not all of it: the text ends too early.
    Syntax,
    /// The outermost value is not an object.
    NotAnObject,
    /// Something besides white space behind the object.
    Trailing,
    /// A control character in a string that is not written as an escape (RFC 8259, 7).
    Control,
    /// A backslash with something behind it that makes no escape (RFC 8259, 7).
    Escape,
    /// A `\u` escape that is half of a surrogate pair without the other half.
    Surrogate,
    /// U+0000, as it is or as an escape.
    Nul,
    /// A number that the grammar does not have (RFC 8259, 6), or a negative zero.
    Number,
    /// Two members of one object have the same name.
    Duplicate,
    /// More than [`Limits::depth`].
    Depth,
    /// More than [`Limits::members`].
    Members,
    /// More than [`Limits::text`].
    TooLong,
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Utf8 => "is not UTF-8",
            Self::ByteOrderMark => "begins with a byte order mark",
            Self::Syntax => "is not valid JSON",
            Self::NotAnObject => "is not a JSON object",
            Self::Trailing => "goes on behind its JSON object",
            Self::Control => "has a control character in a string",
            Self::Escape => "has an escape that JSON does not have",
            Self::Surrogate => "has half of a surrogate pair",
            Self::Nul => "has a NUL",
            Self::Number => "has a number that JSON does not have, or a negative zero",
            Self::Duplicate => "has a member twice",
            Self::Depth => "is nested too deeply",
            Self::Members => "has an object with too many members",
            Self::TooLong => "has a string or a number that is too long",
        })
    }
}

impl core::error::Error for JsonError {}
