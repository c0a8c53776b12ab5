extern crate std;

use super::{BLOCK, DEFAULT_LIMIT, Decoded, FrameError, Lines, encode_into, parts};
use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use proptest::prelude::*;

/// Everything that a stream gives, cut as `pieces` says.
fn read<'a>(
    lines: &mut Lines,
    pieces: impl IntoIterator<Item = &'a [u8]>,
) -> (Vec<String>, Result<(), FrameError>) {
    let mut messages = Vec::new();
    for piece in pieces {
        let mut rest = piece;
        while !rest.is_empty() {
            match lines.decode(rest) {
                Ok(Decoded { used, message }) => {
                    assert!(message.is_some() || used == rest.len());
                    messages.extend(message.map(Cow::into_owned));
                    rest = &rest[used..];
                }
                Err(error) => return (messages, Err(error)),
            }
        }
    }
    (messages, lines.finish())
}

fn read_whole(limit: usize, stream: &[u8]) -> (Vec<String>, Result<(), FrameError>) {
    read(&mut Lines::new(limit), [stream])
}

/// The same stream at every cut into two, byte by byte, and whole.
fn read_every_cut(limit: usize, stream: &[u8]) -> (Vec<String>, Result<(), FrameError>) {
    let whole = read_whole(limit, stream);
    for cut in 0..=stream.len() {
        let (head, tail) = stream.split_at(cut);
        assert_eq!(read(&mut Lines::new(limit), [head, tail]), whole, "{cut}");
    }
    assert_eq!(read(&mut Lines::new(limit), stream.chunks(1)), whole);
    whole
}

fn messages(stream: &[u8]) -> Vec<String> {
    let (messages, end) = read_every_cut(100, stream);
    assert_eq!(end, Ok(()));
    messages
}

fn refusal(limit: usize, stream: &[u8]) -> FrameError {
    read_every_cut(limit, stream).1.unwrap_err()
}

#[test]
fn lines_end_with_lf_or_crlf() {
    assert_eq!(messages(b"a\nb\r\nc\n"), ["a", "b", "c"]);
    assert_eq!(messages(b"a\rb\r\r\n\rc\n"), ["a\rb\r", "\rc"]);
    assert_eq!(messages(b""), [""; 0]);
}

#[test]
fn empty_lines_are_skipped_and_blanks_are_a_message() {
    assert_eq!(messages(b"\n\r\n\na\n\n\r\n \n"), ["a", " "]);
}

#[test]
fn utf_8_may_be_cut_anywhere() {
    let text = "\u{e4}\u{20ac}\u{1f3f0}";
    assert_eq!(
        messages(format!("{text}\r\n{text}\n").as_bytes()),
        [text; 2]
    );
}

#[test]
fn a_message_in_one_piece_is_borrowed_and_another_is_handed_over() {
    let mut lines = Lines::default();
    let piece = b"one\ntwo\nthr".to_vec();
    let decoded = lines.decode(&piece).unwrap();
    let Some(Cow::Borrowed(message)) = decoded.message else {
        panic!("copied: {decoded:?}");
    };
    assert_eq!(message.as_ptr(), piece.as_ptr());

    let decoded = lines.decode(&piece[decoded.used..]).unwrap();
    assert!(matches!(decoded.message, Some(Cow::Borrowed("two"))));
    assert_eq!(lines.decode(&piece[8..]).unwrap().message, None);
    assert_eq!(lines.buffered(), 3);
    let decoded = lines.decode(b"ee\n").unwrap();
    assert!(matches!(decoded.message, Some(Cow::Owned(message)) if message == "three"));
}

#[test]
fn the_limit_is_exact() {
    for end in ["\n", "\r\n"] {
        let line = |length| format!("{}{end}", "x".repeat(length));
        assert_eq!(read_every_cut(8, line(7).as_bytes()).0, ["xxxxxxx"]);
        assert_eq!(read_every_cut(8, line(8).as_bytes()).0, ["xxxxxxxx"]);
        let too_long = FrameError::TooLong { limit: 8 };
        assert_eq!(refusal(8, line(9).as_bytes()), too_long);
        assert_eq!(refusal(8, line(10).as_bytes()), too_long);
    }
    assert_eq!(read_every_cut(8, b"xxxxxxx\r\r\n").0, ["xxxxxxx\r"]);
    assert_eq!(refusal(0, b"\r\n\nx\n"), FrameError::TooLong { limit: 0 });
    assert_eq!(read_whole(usize::MAX, b"x\n").0, ["x"]);
}

#[test]
fn an_oversized_line_is_refused_at_the_first_byte_beyond_the_limit() {
    let too_long = FrameError::TooLong { limit: 8 };
    let mut lines = Lines::new(8);
    assert_eq!(lines.decode(b"xxxxxxxx").unwrap().used, 8);
    assert_eq!(lines.decode(b"x"), Err(too_long));

    let mut lines = Lines::new(8);
    assert_eq!(lines.decode(b"xxxxxxxx\r").unwrap().used, 9);
    assert_eq!(lines.decode(b"x"), Err(too_long));
}

#[test]
fn a_stream_without_line_ends_costs_no_more_than_the_limit() {
    let mut lines = Lines::default();
    let piece = [b'x'; 1000];
    let mut taken = 0;
    let error = loop {
        match lines.decode(&piece) {
            Ok(decoded) => taken += decoded.used,
            Err(error) => break error,
        }
        assert_eq!(lines.buffered(), taken);
        assert!(lines.partial.capacity() <= DEFAULT_LIMIT + 1);
    };
    assert_eq!(error.code(), "E-FRAME-01");
    assert!(taken <= DEFAULT_LIMIT && taken + piece.len() > DEFAULT_LIMIT);
    assert_eq!(lines.partial.capacity(), 0);
}

#[test]
fn nothing_is_held_after_a_message() {
    let mut lines = Lines::default();
    let half = vec![b'x'; DEFAULT_LIMIT / 2];
    assert_eq!(lines.decode(&half).unwrap().message, None);
    assert_eq!(lines.decode(&half).unwrap().message, None);
    let message = lines.decode(b"\r\n").unwrap().message.unwrap();
    assert_eq!(message.len(), DEFAULT_LIMIT);
    assert_eq!(lines.buffered(), 0);
    assert_eq!(lines.partial.capacity(), 0);
}

#[test]
fn nothing_is_searched_again_when_more_arrives() {
    let mut stream = "y".repeat(200_000);
    stream.push_str("\r\nshort\n\n\r\n");
    stream.push_str(&"z".repeat(100_000));
    stream.push('\n');
    let line_ends = 5;
    for size in [1, 7, 100, 4096, stream.len()] {
        let mut lines = Lines::default();
        let (messages, end) = read(&mut lines, stream.as_bytes().chunks(size));
        assert_eq!((messages.len(), end), (3, Ok(())));
        // The rest of a block that holds a line end is seen twice.
        assert!(lines.scanned >= stream.len());
        assert!(lines.scanned < stream.len() + line_ends * BLOCK);
    }
}

#[test]
fn a_line_end_is_found_wherever_it_lies_in_a_block() {
    for length in 1..=3 * BLOCK {
        let line = "x".repeat(length);
        assert_eq!(
            read_whole(100, format!("{line}\n{line}\r\n").as_bytes()).0,
            [line.as_str(); 2]
        );
        assert_eq!(
            read_whole(100, format!("{line}\0").as_bytes()).1,
            Err(FrameError::Nul)
        );
    }
}

#[test]
fn nul_and_invalid_utf_8_are_refused() {
    assert_eq!(refusal(100, b"ok\na\0b\n"), FrameError::Nul);
    assert_eq!(refusal(100, b"\0"), FrameError::Nul);
    assert_eq!(refusal(3, b"abc\0"), FrameError::Nul);
    assert_eq!(refusal(3, b"abcd\0"), FrameError::TooLong { limit: 3 });
    assert_eq!(refusal(3, b"abc\r\0"), FrameError::TooLong { limit: 3 });
    for invalid in [
        &b"\xff"[..],
        b"\xc3\x28",
        b"\xc0\xaf",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xe2\x82",
    ] {
        let stream = [b"{\"a\":\"", invalid, b"\"}\r\n"].concat();
        assert_eq!(refusal(100, &stream), FrameError::NotUtf8);
    }
}

#[test]
fn the_first_error_stays() {
    let mut lines = Lines::default();
    assert_eq!(lines.decode(b"a\0"), Err(FrameError::Nul));
    assert_eq!(lines.decode(b"\xff\n"), Err(FrameError::Nul));
    assert_eq!(lines.decode(b""), Err(FrameError::Nul));
    assert_eq!(lines.finish(), Err(FrameError::Nul));
}

#[test]
fn a_stream_that_ends_inside_a_line_is_an_error() {
    for stream in [&b"a"[..], b"a\nb", b"a\n\r"] {
        assert_eq!(refusal(100, stream), FrameError::Unfinished);
    }
}

#[test]
fn what_could_not_be_read_back_is_not_sent() {
    assert_eq!(parts("a\rb"), Ok([&b"a\rb"[..], b"\n"]));
    for (message, error) in [
        ("", FrameError::Empty),
        ("\n", FrameError::LineBreak),
        ("a\nb", FrameError::LineBreak),
        ("a\r", FrameError::LineBreak),
        ("a\0", FrameError::Nul),
    ] {
        let mut out = b"before".to_vec();
        assert_eq!(encode_into(message, &mut out), Err(error));
        assert_eq!(out, b"before");
    }
}

#[test]
fn codes_differ_and_debug_shows_no_message() {
    let errors = [
        FrameError::TooLong { limit: 7 },
        FrameError::Nul,
        FrameError::NotUtf8,
        FrameError::Unfinished,
        FrameError::LineBreak,
        FrameError::Empty,
    ];
    for (index, error) in errors.iter().enumerate() {
        assert_eq!(error.code(), format!("E-FRAME-{:02}", index + 1));
        assert!(error.to_string().contains("; "), "{error}");
    }
    assert!(errors[0].to_string().contains("limit of 7 bytes"));

    let mut lines = Lines::default();
    let _ = lines.decode(b"secret").unwrap();
    let shown = format!("{lines:?}");
    assert!(shown.contains("buffered: 6") && !shown.contains("secret"));
}

/// Lines in which line ends, refusals and code points of every length are frequent.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let token = prop_oneof![
        8 => "[a-c]{0,4}".prop_map(String::into_bytes),
        4 => Just(b"\n".to_vec()),
        3 => Just(b"\r\n".to_vec()),
        1 => Just(b"\r".to_vec()),
        2 => any::<char>().prop_map(|char| char.to_string().into_bytes()),
        1 => Just(vec![0]),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
    ];
    prop::collection::vec(token, 0..24).prop_map(|tokens| tokens.concat())
}

/// What the module documentation says, without any of its machinery: cut at LF, judge each line.
fn model(limit: usize, stream: &[u8]) -> (Vec<String>, Result<(), FrameError>) {
    let mut messages = Vec::new();
    let mut rest = stream;
    loop {
        let end = rest.iter().position(|byte| *byte == b'\n');
        let line = &rest[..end.unwrap_or(rest.len())];
        let message = match (end, line) {
            (Some(_), [message @ .., b'\r']) => message,
            // The CR may yet turn out to belong to the line end.
            (None, [message @ .., b'\r']) if message.len() == limit => message,
            _ => line,
        };
        let nul = message.iter().position(|byte| *byte == 0);
        if nul.is_some_and(|at| at <= limit) {
            // A NUL right behind the limit is seen before the line is known to be too long.
            return (messages, Err(FrameError::Nul));
        }
        if message.len() > limit {
            return (messages, Err(FrameError::TooLong { limit }));
        }
        let Some(end) = end else {
            let unfinished = !line.is_empty();
            return (
                messages,
                if unfinished {
                    Err(FrameError::Unfinished)
                } else {
                    Ok(())
                },
            );
        };
        match core::str::from_utf8(message) {
            Ok("") => {}
            Ok(message) => messages.push(message.into()),
            Err(_) => return (messages, Err(FrameError::NotUtf8)),
        }
        rest = &rest[end + 1..];
    }
}

proptest! {
    #[test]
    fn any_cut_gives_what_the_model_gives(
        stream in stream(),
        limit in 0usize..24,
        cuts in prop::collection::vec(0usize..9, 0..64),
    ) {
        let mut rest = &stream[..];
        let mut pieces = Vec::new();
        for cut in cuts {
            let (piece, after) = rest.split_at(cut.min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        pieces.push(rest);

        let mut lines = Lines::new(limit);
        prop_assert_eq!(read(&mut lines, pieces), model(limit, &stream));
        let line_ends = stream.iter().filter(|byte| **byte == b'\n').count();
        prop_assert!(lines.scanned <= stream.len() + (line_ends + 1) * BLOCK);
        prop_assert!(lines.partial.capacity() <= limit + 1);
    }

    #[test]
    fn what_is_sent_is_read_back(texts in prop::collection::vec("[^\0\n]*", 0..8)) {
        let mut stream = Vec::new();
        let sent: Vec<_> = texts
            .into_iter()
            .filter(|text| encode_into(text, &mut stream).is_ok())
            .collect();
        prop_assert_eq!(read_whole(DEFAULT_LIMIT, &stream), (sent, Ok(())));
    }
}
