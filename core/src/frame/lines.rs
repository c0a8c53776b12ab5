//! Newline-delimited JSON-RPC: one message per line (the framing of MCP's stdio transport).
//!
//! [`Lines`] takes the byte stream in whatever pieces it arrives. A message that lies in one piece
//! is lent from it; only a message that spans pieces is copied, and the copy is handed over, so
//! between messages nothing is held. What has been searched is not searched again when more
//! arrives, and the limit holds while reading: no more than the limit and one byte (a carriage
//! return) is ever kept.
//!
//! A line ends with LF; one CR before it belongs to the line end, a CR elsewhere to the message.
//! Empty lines are skipped. A line of blanks is a message: what it means is for JSON to say.
//!
//! ```
//! use ravelin_core::frame::lines::{Decoded, FrameError, Lines};
//!
//! let mut lines = Lines::default();
//! let mut messages = Vec::new();
//! for piece in [&b"{\"id\":1}\r\n{\"id\""[..], b":2}\n"] {
//!     let mut plaintext = piece;
//!     while !plaintext.is_empty() {
//!         let Decoded { used, message } = lines.decode(plaintext)?;
//!         messages.extend(message.map(String::from));
//!         plaintext = &plaintext[used..];
//!     }
//! }
//! lines.finish()?;
//! assert_eq!(messages, [r#"{"id":1}"#, r#"{"id":2}"#]);
//! # Ok::<(), FrameError>(())
//! ```

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::{fmt, mem, str};

/// The limit of [`Lines::default`]: 4 MiB per message.
pub const DEFAULT_LIMIT: usize = 4 * 1024 * 1024;

/// Splits a byte stream into messages.
pub struct Lines {
    limit: usize,
    /// The line so far, when it began in an earlier piece: at most `limit` + 1 bytes.
    partial: Vec<u8>,
    refused: Option<FrameError>,
    #[cfg(test)]
    scanned: usize,
}

impl Lines {
    /// Messages may have up to `limit` bytes, their line end not counted.
    pub const fn new(limit: usize) -> Self {
        Self {
            limit,
            partial: Vec::new(),
            refused: None,
            #[cfg(test)]
            scanned: 0,
        }
    }

    /// Takes the next bytes of the stream and gives the first message that they complete.
    ///
    /// The caller takes [`Decoded::used`] bytes off the stream and calls again with what follows,
    /// until nothing is left. Without a message the whole input has been used.
    ///
    /// # Errors
    /// [`FrameError::TooLong`], [`FrameError::Nul`] or [`FrameError::NotUtf8`]. There is no way to
    /// find the next message after a refused one: every later call gives the same error.
    pub fn decode<'a>(&mut self, input: &'a [u8]) -> Result<Decoded<'a>, FrameError> {
        if let Some(refused) = self.refused {
            return Err(refused);
        }
        let decoded = self.next_message(input);
        if let Err(refused) = decoded {
            self.refused = Some(refused);
            self.partial = Vec::new();
        }
        decoded
    }

    /// Tells at the end of the stream whether it ended between two messages.
    ///
    /// # Errors
    /// [`FrameError::Unfinished`] when a line has begun, or the error that ended the decoding.
    pub const fn finish(&self) -> Result<(), FrameError> {
        match self.refused {
            Some(refused) => Err(refused),
            None if self.partial.is_empty() => Ok(()),
            None => Err(FrameError::Unfinished),
        }
    }

    /// The longest message taken, in bytes.
    pub const fn limit(&self) -> usize {
        self.limit
    }

    /// Bytes kept of a line whose end has not arrived.
    pub const fn buffered(&self) -> usize {
        self.partial.len()
    }

    fn next_message<'a>(&mut self, input: &'a [u8]) -> Result<Decoded<'a>, FrameError> {
        let mut rest = input;
        while let Some(end) = self.line_end(rest)? {
            let (line, after) = rest.split_at(end);
            rest = after.get(1..).unwrap_or_default();
            let message = self.complete(line)?;
            if !message.is_empty() {
                return Ok(Decoded {
                    used: input.len() - rest.len(),
                    message: Some(message),
                });
            }
        }
        self.keep(rest);
        Ok(Decoded {
            used: input.len(),
            message: None,
        })
    }

    /// Where in `rest` the LF of the current line is, as far as the limit lets it be.
    ///
    /// Which refusal a byte causes depends on its place in its line alone, never on how the
    /// stream was cut: so any cut gives the same messages and the same error.
    fn line_end(&mut self, rest: &[u8]) -> Result<Option<usize>, FrameError> {
        let too_long = FrameError::TooLong { limit: self.limit };
        // A line that keeps to the limit ends within two more bytes: CR and LF.
        let room = self.limit.saturating_add(2) - self.partial.len();
        let window = rest.get(..room).unwrap_or(rest);
        let stop = find_stop(window);
        #[cfg(test)]
        {
            let searched = stop.map_or(window.len(), |at| (at / BLOCK + 1) * BLOCK);
            self.scanned += searched.min(window.len());
        }
        let line = stop.and_then(|at| window.get(..at)).unwrap_or(window);
        let length = self.partial.len() + line.len();
        let ends_with_cr = line.last().or(self.partial.last()) == Some(&b'\r');
        let could_end_here = length == self.limit.saturating_add(1) && ends_with_cr;
        match stop.and_then(|at| window.get(at)) {
            _ if length > self.limit && !could_end_here => Err(too_long),
            Some(0) if could_end_here => Err(too_long),
            Some(0) => Err(FrameError::Nul),
            Some(_) => Ok(stop),
            None => Ok(None),
        }
    }

    /// Ends the current line with `tail`, and takes what was kept of it out of `self`.
    fn complete<'a>(&mut self, tail: &'a [u8]) -> Result<Cow<'a, str>, FrameError> {
        if self.partial.is_empty() {
            let line = tail.strip_suffix(b"\r").unwrap_or(tail);
            return match str::from_utf8(line) {
                Ok(message) => Ok(Cow::Borrowed(message)),
                Err(_) => Err(FrameError::NotUtf8),
            };
        }
        self.keep(tail);
        let mut line = mem::take(&mut self.partial);
        line.pop_if(|byte| *byte == b'\r');
        match String::from_utf8(line) {
            Ok(message) => Ok(Cow::Owned(message)),
            Err(_) => Err(FrameError::NotUtf8),
        }
    }

    fn keep(&mut self, piece: &[u8]) {
        let length = self.partial.len() + piece.len();
        if length > self.partial.capacity() {
            // Doubling copies each byte a bounded number of times; the limit also holds for what
            // is reserved, which `Vec` alone would double beyond it.
            let capacity = (self.partial.capacity() * 2)
                .min(self.limit.saturating_add(1))
                .max(length);
            self.partial.reserve_exact(capacity - self.partial.len());
        }
        self.partial.extend_from_slice(piece);
    }
}

impl Default for Lines {
    fn default() -> Self {
        Self::new(DEFAULT_LIMIT)
    }
}

/// Shows sizes only: the bytes are somebody's message.
impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines")
            .field("limit", &self.limit)
            .field("buffered", &self.partial.len())
            .field("refused", &self.refused)
            .finish_non_exhaustive()
    }
}

/// What [`Lines::decode`] made of its input.
#[derive(Clone, PartialEq, Eq, Debug)]
#[must_use = "`used` bytes are to be taken off the stream"]
pub struct Decoded<'a> {
    /// Bytes of the input that must not be given again.
    pub used: usize,
    /// The message without its line end, never empty; `None` when more bytes are needed.
    pub message: Option<Cow<'a, str>>,
}

/// The two parts of a line that carries `message`, for a gathering write.
///
/// ```
/// use ravelin_core::frame::lines::{self, FrameError};
///
/// assert_eq!(lines::parts("{}")?, [&b"{}"[..], b"\n"]);
/// assert_eq!(lines::parts("{\n}"), Err(FrameError::LineBreak));
/// # Ok::<(), FrameError>(())
/// ```
///
/// # Errors
/// Refused is exactly what [`Lines::decode`] could not give back unchanged:
/// [`FrameError::LineBreak`], [`FrameError::Nul`] and [`FrameError::Empty`]. The limit is the
/// receiver's, and not known here.
pub fn parts(message: &str) -> Result<[&[u8]; 2], FrameError> {
    let bytes = message.as_bytes();
    if bytes.is_empty() {
        Err(FrameError::Empty)
    } else if bytes.contains(&0) {
        Err(FrameError::Nul)
    } else if bytes.contains(&b'\n') || bytes.ends_with(b"\r") {
        Err(FrameError::LineBreak)
    } else {
        Ok([bytes, b"\n"])
    }
}

/// Appends the line that carries `message` to `out`.
///
/// # Errors
/// As [`parts`]; `out` is then unchanged.
pub fn encode_into(message: &str, out: &mut Vec<u8>) -> Result<(), FrameError> {
    let [message, end] = parts(message)?;
    out.reserve(message.len() + end.len());
    out.extend_from_slice(message);
    out.extend_from_slice(end);
    Ok(())
}

/// Bytes that [`find_stop`] looks at together.
const BLOCK: usize = 32;

/// The first LF or NUL.
fn find_stop(bytes: &[u8]) -> Option<usize> {
    let is_stop = |byte: &u8| matches!(byte, b'\n' | 0);
    // Without an early exit inside a block, the compiler makes vector instructions of it.
    let (blocks, _) = bytes.as_chunks::<BLOCK>();
    let is_clear =
        |block: &&[u8; BLOCK]| !block.iter().fold(false, |any, byte| any | is_stop(byte));
    let clear = blocks.iter().take_while(is_clear).count() * BLOCK;
    let at = bytes.get(clear..)?.iter().position(is_stop)?;
    Some(clear + at)
}

/// Why a line is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum FrameError {
    /// The message is longer than the limit.
    TooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The message contains a NUL.
    Nul,
    /// The message is not UTF-8.
    NotUtf8,
    /// The stream ended inside a line.
    Unfinished,
    /// A message to be sent contains LF, or ends with CR.
    LineBreak,
    /// A message to be sent is empty.
    Empty,
}

impl FrameError {
    /// The stable code of this refusal.
    pub const fn code(self) -> &'static str {
        match self {
            Self::TooLong { .. } => "E-FRAME-01",
            Self::Nul => "E-FRAME-02",
            Self::NotUtf8 => "E-FRAME-03",
            Self::Unfinished => "E-FRAME-04",
            Self::LineBreak => "E-FRAME-05",
            Self::Empty => "E-FRAME-06",
        }
    }
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong { limit } => {
                return write!(
                    f,
                    "a message is longer than the limit of {limit} bytes; send smaller messages or raise the limit"
                );
            }
            Self::Nul => "a message contains a nul byte; escape it as \\u0000",
            Self::NotUtf8 => "a message is not utf-8; encode json as utf-8",
            Self::Unfinished => "the stream ended inside a message; end every message with a line feed",
            Self::LineBreak => {
                "a message to be sent contains a line break; write it on one line, escaped within strings"
            }
            Self::Empty => "a message to be sent is empty; send a json-rpc object",
        })
    }
}

impl core::error::Error for FrameError {}

#[cfg(test)]
mod tests;
