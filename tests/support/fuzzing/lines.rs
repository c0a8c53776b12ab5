//! `frame::lines` against a splitter that looks at one byte after the other.

use std::borrow::Cow;

use ravelin_core::frame::lines::{FrameError, Lines, encode_into};

use super::input::Input;
use super::{Mark, Reached};

/// A stream of lines. The first byte is the limit of a message, the second how the stream is cut into pieces.
pub fn lines(input: &[u8]) -> Reached {
    let mut input = Input::new(input);
    let (Some(limit), Some(cut)) = (input.byte(), input.byte()) else {
        return Reached::new();
    };
    let (limit, stream) = (usize::from(limit), input.take(usize::MAX));
    let (expected, end) = split(stream, limit);

    let mut reached = Reached::new();
    let mut lines = Lines::new(limit);
    let mut messages = Vec::new();
    let outcome = decode(&mut lines, stream, cut, &mut messages, &mut reached);
    assert_eq!(messages, expected);
    assert_eq!(outcome.and_then(|()| lines.finish()), end);
    if let Err(refused) = outcome {
        assert_eq!(lines.decode(b"{}\n"), Err(refused), "a refusal stays");
        assert_eq!(lines.buffered(), 0, "nothing is kept for it");
    }
    messages.iter().for_each(|message| comes_back(message));
    match end {
        Err(FrameError::TooLong { .. }) => reached.insert(Mark::TooLong),
        Err(FrameError::Unfinished) => reached.insert(Mark::Truncated),
        Err(_) => reached.insert(Mark::Refused),
        Ok(()) => false,
    };
    reached
}

fn decode(
    lines: &mut Lines,
    stream: &[u8],
    cut: u8,
    messages: &mut Vec<String>,
    reached: &mut Reached,
) -> Result<(), FrameError> {
    for mut piece in pieces(stream, cut) {
        while !piece.is_empty() {
            let decoded = lines.decode(piece)?;
            assert!((1..=piece.len()).contains(&decoded.used), "progress");
            assert!(lines.buffered() <= lines.limit() + 1, "the limit holds");
            match &decoded.message {
                Some(Cow::Borrowed(_)) => reached.insert(Mark::Parsed),
                Some(Cow::Owned(_)) => reached.insert(Mark::Spanning),
                None => {
                    assert_eq!(decoded.used, piece.len(), "without a message all is used");
                    false
                }
            };
            messages.extend(decoded.message.map(Cow::into_owned));
            piece = &piece[decoded.used..];
        }
    }
    Ok(())
}

/// Pieces of the same length, or for a `cut` from 128 on of changing ones.
fn pieces(mut stream: &[u8], cut: u8) -> Vec<&[u8]> {
    let mut pieces = Vec::new();
    let mut state = usize::from(cut);
    while !stream.is_empty() {
        let len = match cut {
            0 => stream.len(),
            1..128 => state,
            128.. => {
                state = state * 5 % 251;
                state % 40 + 1
            }
        };
        let (piece, rest) = stream.split_at(len.min(stream.len()));
        pieces.push(piece);
        stream = rest;
    }
    pieces
}

/// What the stream means: the messages, and how it ends.
fn split(stream: &[u8], limit: usize) -> (Vec<String>, Result<(), FrameError>) {
    let mut messages = Vec::new();
    let mut line = Vec::new();
    for byte in stream {
        // One byte beyond the limit may still turn out to belong to the line end.
        let beyond = line.len() > limit;
        match byte {
            b'\n' => {
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                match String::from_utf8(std::mem::take(&mut line)) {
                    Ok(message) if message.is_empty() => {}
                    Ok(message) => messages.push(message),
                    Err(_) => return (messages, Err(FrameError::NotUtf8)),
                }
            }
            _ if beyond => return (messages, Err(FrameError::TooLong { limit })),
            0 => return (messages, Err(FrameError::Nul)),
            b'\r' => line.push(b'\r'),
            _ if line.len() == limit => return (messages, Err(FrameError::TooLong { limit })),
            byte => line.push(*byte),
        }
    }
    let end = if line.is_empty() {
        Ok(())
    } else {
        Err(FrameError::Unfinished)
    };
    (messages, end)
}

/// What was received can be sent, except where a receiver would take its last byte for a part of the line end.
fn comes_back(message: &str) {
    let mut line = Vec::new();
    match encode_into(message, &mut line) {
        Ok(()) => {
            let mut lines = Lines::new(message.len());
            let decoded = lines.decode(&line).expect("a line of ours");
            assert_eq!(decoded.message.as_deref(), Some(message));
            assert_eq!(decoded.used, line.len());
        }
        Err(refused) => {
            assert_eq!(refused, FrameError::LineBreak);
            assert!(message.ends_with('\r'));
            assert!(line.is_empty());
        }
    }
}
