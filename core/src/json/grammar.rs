//! The grammar of RFC 8259 and our own rules, checked in one pass without recursion.

use super::value::Text;
use super::{JsonError, Limits};

/// The most objects and arrays that are open at once.
const DEPTH: usize = 16;
/// The most names of objects that are open at once: those that a duplicate can be found among.
const NAMES: usize = 128;

/// Checks `text` and gives its members: what stands between the outermost braces.
pub(super) fn check<'a>(text: &'a str, limits: &Limits) -> Result<&'a str, JsonError> {
    let mut parser = Parser {
        text,
        at: 0,
        limits,
        open: [Container::Array; DEPTH],
        depth: 0,
        names: [0; NAMES],
        named: 0,
    };
    parser.document()
}

struct Parser<'a, 'l> {
    text: &'a str,
    /// Where the next byte is.
    at: usize,
    limits: &'l Limits,
    /// The containers around this place, `depth` of them.
    open: [Container; DEPTH],
    depth: usize,
    /// Where the names of the open objects begin, the outermost first, `named` of them.
    names: [u32; NAMES],
    named: usize,
}

#[derive(Clone, Copy)]
enum Container {
    Array,
    Object {
        /// The index of its first name.
        names: usize,
    },
}

/// What comes next.
enum Step {
    Value,
    FirstElement,
    FirstMember,
    Member,
    /// A value has ended.
    Next,
    /// The outermost value has ended.
    End,
}

impl<'a> Parser<'a, '_> {
    fn document(&mut self) -> Result<&'a str, JsonError> {
        if self.text.starts_with('\u{FEFF}') {
            return Err(JsonError::ByteOrderMark);
        }
        self.white_space();
        let start = self.at;
        match self.peek() {
            Some(b'{') => {}
            Some(0) => return Err(JsonError::Nul),
            _ => return Err(JsonError::NotAnObject),
        }
        let mut step = Step::Value;
        loop {
            self.white_space();
            step = match step {
                Step::Value => self.value()?,
                Step::FirstElement if self.take(b']') => self.close(),
                Step::FirstElement => Step::Value,
                Step::FirstMember if self.take(b'}') => self.close(),
                Step::FirstMember | Step::Member => self.member()?,
                Step::Next => self.next()?,
                Step::End => break,
            };
        }
        let whole = self.text.get(start..self.at).unwrap_or_default().trim_end();
        match self.peek() {
            None => Ok(whole
                .strip_prefix('{')
                .and_then(|members| members.strip_suffix('}'))
                .unwrap_or_default()),
            Some(0) => Err(JsonError::Nul),
            Some(_) => Err(JsonError::Trailing),
        }
    }

    fn value(&mut self) -> Result<Step, JsonError> {
        match self.peek() {
            Some(b'{') => {
                self.open(Container::Object { names: self.named })?;
                Ok(Step::FirstMember)
            }
            Some(b'[') => {
                self.open(Container::Array)?;
                Ok(Step::FirstElement)
            }
            Some(b'"') => self.string().map(|_| Step::Next),
            Some(b'-' | b'+' | b'.' | b'0'..=b'9') => self.number().map(|()| Step::Next),
            _ => {
                let rest = self.text.get(self.at..).unwrap_or_default();
                let literal = ["true", "false", "null"]
                    .into_iter()
                    .find(|literal| rest.starts_with(literal));
                match literal {
                    Some(literal) => self.at += literal.len(),
                    None => return Err(self.unexpected()),
                }
                Ok(Step::Next)
            }
        }
    }

    fn open(&mut self, container: Container) -> Result<(), JsonError> {
        if self.depth >= self.limits.depth {
            return Err(JsonError::Depth);
        }
        let slot = self.open.get_mut(self.depth).ok_or(JsonError::Depth)?;
        *slot = container;
        self.depth += 1;
        self.at += 1;
        Ok(())
    }

    fn close(&mut self) -> Step {
        if let Some(Container::Object { names }) = self.innermost() {
            self.named = names;
        }
        self.depth = self.depth.saturating_sub(1);
        if self.depth == 0 {
            Step::End
        } else {
            Step::Next
        }
    }

    /// A name and the colon behind it.
    fn member(&mut self) -> Result<Step, JsonError> {
        let start = self.at;
        let name = self.string()?;
        self.remember(start, name)?;
        self.white_space();
        if self.take(b':') {
            Ok(Step::Value)
        } else {
            Err(self.unexpected())
        }
    }

    /// Compares a name with those before it in the same object, and adds it to them.
    fn remember(&mut self, start: usize, name: Text<'a>) -> Result<(), JsonError> {
        let Some(Container::Object { names: first }) = self.innermost() else {
            return Err(JsonError::Syntax);
        };
        let earlier = self.names.get(first..self.named).unwrap_or_default();
        if earlier.len() >= self.limits.members {
            return Err(JsonError::Members);
        }
        if earlier.iter().any(|&start| self.name_at(start) == name) {
            return Err(JsonError::Duplicate);
        }
        let slot = self.names.get_mut(self.named).ok_or(JsonError::Members)?;
        *slot = u32::try_from(start).map_err(|_| JsonError::TooLong)?;
        self.named += 1;
        Ok(())
    }

    /// The name whose quote is at `start`.
    fn name_at(&self, start: u32) -> Text<'a> {
        usize::try_from(start)
            .ok()
            .and_then(|start| self.text.get(start..))
            .and_then(Text::at_start_of)
            .unwrap_or(Text::new(""))
    }

    /// The byte behind a value.
    fn next(&mut self) -> Result<Step, JsonError> {
        let container = self.innermost();
        match (self.peek(), container) {
            (Some(b','), Some(Container::Object { .. })) => {
                self.at += 1;
                Ok(Step::Member)
            }
            (Some(b','), Some(Container::Array)) => {
                self.at += 1;
                Ok(Step::Value)
            }
            (Some(b'}'), Some(Container::Object { .. })) | (Some(b']'), Some(Container::Array)) => {
                self.at += 1;
                Ok(self.close())
            }
            _ => Err(self.unexpected()),
        }
    }

    fn string(&mut self) -> Result<Text<'a>, JsonError> {
        if !self.take(b'"') {
            return Err(self.unexpected());
        }
        let start = self.at;
        loop {
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.escape()?,
                Some(0) => return Err(JsonError::Nul),
                Some(..0x20) => return Err(JsonError::Control),
                Some(_) => self.at += 1,
                None => return Err(JsonError::Syntax),
            }
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        self.at += 1;
        if text.len() > self.limits.text {
            return Err(JsonError::TooLong);
        }
        Ok(Text::new(text))
    }

    fn escape(&mut self) -> Result<(), JsonError> {
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 1;
                Ok(())
            }
            Some(b'u') => match self.unit()? {
                0 => Err(JsonError::Nul),
                0xD800..0xDC00 => {
                    // The other half must follow at once.
                    let pair = self.take(b'\\')
                        && self.peek() == Some(b'u')
                        && matches!(self.unit()?, 0xDC00..0xE000);
                    if pair {
                        Ok(())
                    } else {
                        Err(JsonError::Surrogate)
                    }
                }
                0xDC00..0xE000 => Err(JsonError::Surrogate),
                _ => Ok(()),
            },
            Some(0) => Err(JsonError::Nul),
            Some(_) => Err(JsonError::Escape),
            None => Err(JsonError::Syntax),
        }
    }

    /// The four digits behind `u`.
    fn unit(&mut self) -> Result<u32, JsonError> {
        self.at += 1;
        let mut unit = 0;
        for _ in 0..4 {
            let byte = self.peek().ok_or(JsonError::Syntax)?;
            let digit = char::from(byte).to_digit(16).ok_or(match byte {
                0 => JsonError::Nul,
                _ => JsonError::Escape,
            })?;
            unit = unit << 4 | digit;
            self.at += 1;
        }
        Ok(unit)
    }

    fn number(&mut self) -> Result<(), JsonError> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let end = rest
            .find(|c: char| !matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E'))
            .unwrap_or(rest.len());
        let number = rest.get(..end).unwrap_or_default();
        if !is_number(number) {
            return Err(JsonError::Number);
        }
        if number.len() > self.limits.text {
            return Err(JsonError::TooLong);
        }
        self.at += end;
        Ok(())
    }

    fn innermost(&self) -> Option<Container> {
        self.depth
            .checked_sub(1)
            .and_then(|index| self.open.get(index))
            .copied()
    }

    fn white_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    /// Why the next byte cannot stand where it stands.
    fn unexpected(&self) -> JsonError {
        match self.peek() {
            Some(0) => JsonError::Nul,
            _ => JsonError::Syntax,
        }
    }
}

/// RFC 8259, 6, without any spelling of a negative zero.
fn is_number(text: &str) -> bool {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (text, None),
    };
    let (integer, fraction) = match mantissa.split_once('.') {
        Some((integer, fraction)) => (integer, Some(fraction)),
        None => (mantissa, None),
    };
    let magnitude = integer.strip_prefix('-').unwrap_or(integer);
    let negative_zero =
        mantissa.starts_with('-') && !mantissa.bytes().any(|b| matches!(b, b'1'..=b'9'));
    is_digits(magnitude)
        && (magnitude == "0" || !magnitude.starts_with('0'))
        && fraction.is_none_or(is_digits)
        && exponent.is_none_or(|text| is_digits(text.strip_prefix(['+', '-']).unwrap_or(text)))
        && !negative_zero
}
