//! One flat JSON object, written into memory of the caller.

use core::fmt;

/// Writes one object, its members in the order of the calls and without white space.
///
/// Nothing fails before [`finish`](Self::finish). Names are not compared: each is for the caller to write once.
///
/// ```
/// use ravelin_core::json::{NoSpace, Writer};
///
/// let mut buffer = [0; 64];
/// let mut writer = Writer::new(&mut buffer);
/// writer.string("htm", "POST").number("iat", 1_562_262_616);
/// writer.raw("jwk", |part| part(br#"{"kty":"EC"}"#));
/// assert_eq!(writer.finish()?, br#"{"htm":"POST","iat":1562262616,"jwk":{"kty":"EC"}}"#);
///
/// let mut writer = Writer::new(&mut buffer[..8]);
/// writer.string("htm", "POST");
/// assert_eq!(writer.finish(), Err(NoSpace { needed: 14 }));
/// # Ok::<(), NoSpace>(())
/// ```
#[derive(Debug)]
pub struct Writer<'b> {
    buffer: &'b mut [u8],
    /// The bytes so far, also those that did not fit.
    needed: usize,
}

impl<'b> Writer<'b> {
    /// Writes into `buffer` from its first byte on.
    pub fn new(buffer: &'b mut [u8]) -> Self {
        Self { buffer, needed: 0 }
    }

    /// A member with a string value, escaped where JSON demands it.
    ///
    /// A NUL is written as `\u0000`, which [`Document`](super::Document) refuses.
    pub fn string(&mut self, name: &str, value: &str) -> &mut Self {
        self.name(name);
        self.quoted(value);
        self
    }

    /// A member with a number.
    pub fn number(&mut self, name: &str, value: u64) -> &mut Self {
        self.name(name);
        let (mut digits, mut rest) = ([0_u8; 20], value);
        let mut len = 0;
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
            len += 1;
            if rest == 0 {
                break;
            }
        }
        self.bytes(digits.get(digits.len() - len..).unwrap_or_default());
        self
    }

    /// A member whose value is JSON already. `value` gives it in parts to the function that it is called with.
    pub fn raw(&mut self, name: &str, value: impl FnOnce(&mut dyn FnMut(&[u8]))) -> &mut Self {
        self.name(name);
        value(&mut |part| self.bytes(part));
        self
    }

    /// The object.
    ///
    /// # Errors
    /// [`NoSpace`] if the buffer is too short. What it holds then is no JSON.
    pub fn finish(mut self) -> Result<&'b [u8], NoSpace> {
        if self.needed == 0 {
            self.bytes(b"{");
        }
        self.bytes(b"}");
        let Self { buffer, needed } = self;
        buffer.get(..needed).ok_or(NoSpace { needed })
    }

    fn name(&mut self, name: &str) {
        self.bytes(if self.needed == 0 { b"{" } else { b"," });
        self.quoted(name);
        self.bytes(b":");
    }

    fn quoted(&mut self, text: &str) {
        self.bytes(b"\"");
        for byte in text.bytes() {
            match byte {
                b'"' | b'\\' => self.bytes(&[b'\\', byte]),
                ..0x20 => {
                    const DIGITS: [u8; 16] = *b"0123456789abcdef";
                    let (high, low) = (usize::from(byte >> 4), usize::from(byte & 0xF));
                    self.bytes(&[b'\\', b'u', b'0', b'0', DIGITS[high], DIGITS[low]]);
                }
                _ => self.bytes(&[byte]),
            }
        }
        self.bytes(b"\"");
    }

    fn bytes(&mut self, bytes: &[u8]) {
        let end = self.needed.saturating_add(bytes.len());
        if let Some(room) = self.buffer.get_mut(self.needed..end) {
            room.copy_from_slice(bytes);
        }
        self.needed = end;
    }
}

/// The object does not fit into the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoSpace {
    /// The bytes that it takes.
    pub needed: usize,
}

impl fmt::Display for NoSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the JSON takes {} bytes; give it a longer buffer",
            self.needed
        )
    }
}

impl core::error::Error for NoSpace {}
