//! The part of `WWW-Authenticate` (RFC 9110, 11.6.1) that a client of DPoP has to understand.

/// Whether a challenge of this field is `DPoP` with `error="use_dpop_nonce"` (RFC 9449, 9).
///
/// Reading stops where the syntax is broken: what comes before counts. A challenge with two `error` parameters is
/// ambiguous and demands nothing.
pub(super) fn demands_nonce(field: &[u8]) -> bool {
    let (mut is_dpop, mut errors, mut demanded) = (false, 0_usize, false);
    for item in Items::new(field) {
        match item {
            Item::Scheme(scheme) => {
                if is_dpop && demanded && errors == 1 {
                    return true;
                }
                is_dpop = scheme.eq_ignore_ascii_case(b"DPoP");
                (errors, demanded) = (0, false);
            }
            Item::Parameter(name, value) if name.eq_ignore_ascii_case(b"error") => {
                errors = errors.saturating_add(1);
                demanded = value.is(b"use_dpop_nonce");
            }
            Item::Parameter(..) => {}
        }
    }
    is_dpop && demanded && errors == 1
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Item<'a> {
    /// A new challenge begins.
    Scheme(&'a [u8]),
    /// A parameter of the challenge that began last.
    Parameter(&'a [u8], Value<'a>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value<'a> {
    Token(&'a [u8]),
    /// Between the quotes, escapes as they came.
    Quoted(&'a [u8]),
}

impl Value<'_> {
    fn is(self, expected: &[u8]) -> bool {
        match self {
            Value::Token(token) => token == expected,
            Value::Quoted(text) => unescape(text).eq(expected.iter().copied()),
        }
    }
}

/// The characters of a quoted-string, each quoted-pair as the one that it stands for (RFC 9110, 5.6.4).
fn unescape(text: &[u8]) -> impl Iterator<Item = u8> {
    let mut bytes = text.iter().copied();
    core::iter::from_fn(move || match bytes.next() {
        Some(b'\\') => bytes.next(),
        other => other,
    })
}

/// Reads a list of challenges. Ends at the first byte that breaks the grammar.
struct Items<'a> {
    rest: &'a [u8],
    place: Place,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before the first scheme.
    Start,
    /// Behind a scheme and its spaces: a token68 may come.
    Scheme,
    /// Behind a parameter, a token68 or a comma.
    List,
}

impl<'a> Iterator for Items<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        if self.place == Place::Scheme {
            self.place = Place::List;
            let Some(rest) = behind_token68(self.rest) else {
                let name = self.take(is_tchar)?;
                return self.parameter(name);
            };
            self.rest = rest;
        }
        // Empty elements are allowed (RFC 9110, 5.6.1.2).
        self.take_while(|byte| is_ows(byte) || byte == b',');
        let name = self.take(is_tchar)?;
        let behind = self.rest;
        self.take_while(is_ows);
        if self.rest.first() == Some(&b'=') {
            // A parameter needs a scheme before it.
            return if self.place == Place::List {
                self.parameter(name)
            } else {
                None
            };
        }
        // Spaces, and not tabs, part a scheme from what follows.
        self.rest = behind;
        self.take_while(|byte| byte == b' ');
        if self.rest.len() == behind.len() && !self.at_element_end() {
            return None;
        }
        self.place = Place::Scheme;
        Some(Item::Scheme(name))
    }
}

impl<'a> Items<'a> {
    const fn new(field: &'a [u8]) -> Self {
        Self {
            rest: field,
            place: Place::Start,
        }
    }

    /// What follows the name of a parameter: `=`, a value, and the end of the element.
    fn parameter(&mut self, name: &'a [u8]) -> Option<Item<'a>> {
        self.take_while(is_ows);
        self.rest = self.rest.strip_prefix(b"=")?;
        self.take_while(is_ows);
        let value = match self.rest.strip_prefix(b"\"") {
            Some(text) => {
                let length = quoted_length(text)?;
                let (text, rest) = text.split_at_checked(length)?;
                self.rest = rest.strip_prefix(b"\"")?;
                Value::Quoted(text)
            }
            None => Value::Token(self.take(is_tchar)?),
        };
        self.at_element_end()
            .then_some(Item::Parameter(name, value))
    }

    /// Whether nothing but white space comes before the next comma or the end.
    fn at_element_end(&self) -> bool {
        let next = self.rest.iter().find(|byte| !is_ows(**byte));
        matches!(next, None | Some(b','))
    }

    /// One byte at least.
    fn take(&mut self, accepts: impl Fn(u8) -> bool) -> Option<&'a [u8]> {
        Some(self.take_while(accepts)).filter(|taken| !taken.is_empty())
    }

    fn take_while(&mut self, accepts: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.rest.iter().position(|byte| !accepts(*byte));
        let (taken, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
        self.rest = rest;
        taken
    }
}

/// What follows a token68, or nothing, that fills its element. `a=` is a token68: no parameter has an empty value.
fn behind_token68(text: &[u8]) -> Option<&[u8]> {
    let digits = text
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(byte))
        .count();
    let (_, rest) = text.split_at_checked(digits)?;
    let padding = rest.iter().take_while(|byte| **byte == b'=').count();
    let (_, rest) = rest.split_at_checked(padding)?;
    let next = rest.iter().find(|byte| !is_ows(**byte));
    matches!(next, None | Some(b',')).then_some(rest)
}

/// The length of a quoted-string up to its closing quote; `None` when it has none, or holds a control character.
fn quoted_length(text: &[u8]) -> Option<usize> {
    let mut escaped = false;
    for (length, byte) in text.iter().enumerate() {
        if byte.is_ascii_control() && *byte != b'\t' {
            return None;
        }
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return Some(length),
            _ => {}
        }
    }
    None
}

fn is_ows(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// RFC 9110, 5.6.2.
fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests;
