//! The corpus: a grid of encodings, separators, depths, targets and prefixes, and some smaller sets beside it.
//!
//! Nothing is random and nothing is read: the same strings come in the same order on every run.

use std::collections::BTreeSet;

/// The files that an executor puts below the root, so that accepted strings have something to open.
pub const INSIDE: [&str; 6] = [
    "a.txt",
    "sub/b.txt",
    "sub/deep/c.txt",
    "sub/deep/deeper/d.txt",
    "%2e%2e/e.txt",
    "caf\u{e9}.txt",
];

/// The files with a canary that it puts beside the root, relative to the directory that the root is in.
pub const OUTSIDE: [&str; 3] = ["canary.txt", "secret/key.pem", "etc/passwd"];

/// Every string of the corpus, once and in order. `root` is the absolute path of a root, without a slash at its end.
pub fn strings(root: &str) -> impl ExactSizeIterator<Item = Vec<u8>> {
    let mut all = BTreeSet::new();
    traversals(root, &mut all);
    spellings(root, &mut all);
    devices(&mut all);
    characters(&mut all);
    short_strings(&mut all);
    sizes(&mut all);
    all.into_iter()
}

/// A string as a client makes a file URI of it: behind the root if it is relative, and with what cannot stand in a URI
/// percent-encoded. Percent signs stay, so that what they encode is decoded.
pub fn as_uri(text: &[u8], root: &str) -> Vec<u8> {
    // What begins with two slashes reads as a host.
    let mut uri = if text.starts_with(b"//") {
        b"file:".to_vec()
    } else {
        b"file://".to_vec()
    };
    let windows = root.as_bytes().get(1) == Some(&b':');
    let has_drive = text.get(1) == Some(&b':');
    if windows && !text.starts_with(b"//") {
        uri.push(b'/');
    }
    let absolute = text.starts_with(b"/") || (windows && has_drive);
    if !absolute {
        uri.extend(root.replace('\\', "/").bytes());
        uri.push(b'/');
    }
    for byte in text {
        let plain = byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/%?#".contains(byte);
        if plain || (windows && *byte == b'\\') {
            uri.push(*byte);
        } else {
            uri.extend(format!("%{byte:02x}").bytes());
        }
    }
    uri
}

/// How `..` may be written.
const DOTS: [&[u8]; 26] = [
    b"..",
    b".",
    b"...",
    b"....",
    b"%2e%2e",
    b".%2e",
    b"%2E.",
    b"%252e%252e",
    b"%%32%65%%32%65",
    b"%c0%ae%c0%ae",
    b"\xc0\xae\xc0\xae",
    b"\xe0\x80\xae\xe0\x80\xae",
    b"%u002e%u002e",
    b"0x2e0x2e",
    b"&#46;&#46;",
    b"..;",
    b".. ",
    b" ..",
    b". .",
    b"..\0",
    b"..%00",
    b"\xef\xbc\x8e\xef\xbc\x8e",
    b"\xe2\x80\xa4\xe2\x80\xa4",
    b"\xe2\x80\xa5",
    b".\xe2\x80\x8b.",
    b"..::$INDEX_ALLOCATION",
];

/// How `/` may be written.
const SLASHES: [&[u8]; 20] = [
    b"/",
    b"\\",
    b"//",
    b"\\\\",
    b"/\\",
    b"%2f",
    b"%5C",
    b"%252f",
    b"%255c",
    b"%c0%af",
    b"\xc0\xaf",
    b"%u2215",
    b"0x2f",
    b"/./",
    b"./",
    b" /",
    b"\xef\xbc\x8f",
    b"\xe2\x88\x95",
    b"\xe2\x81\x84",
    b"\xef\xbc\xbc",
];

const DEPTHS: [usize; 3] = [1, 2, 6];

const TARGETS: [&str; 6] = [
    "canary.txt",
    "etc/passwd",
    "secret\\key.pem",
    "a.txt",
    "C:\\Windows\\win.ini",
    "",
];

fn prefixes(root: &str) -> [String; 9] {
    [
        String::new(),
        "sub/".into(),
        "/".into(),
        format!("{root}/"),
        format!("{root}-private/"),
        "C:\\".into(),
        "C:".into(),
        "\\\\?\\C:\\".into(),
        "\\\\host\\share\\".into(),
    ]
}

fn traversals(root: &str, all: &mut BTreeSet<Vec<u8>>) {
    for prefix in prefixes(root) {
        for dots in DOTS {
            for slash in SLASHES {
                let step = [dots, slash].concat();
                // Deeper than any root.
                all.insert([prefix.as_bytes(), &step.repeat(40), b"canary.txt"].concat());
                for depth in DEPTHS {
                    let steps = step.repeat(depth);
                    for target in TARGETS {
                        all.insert([prefix.as_bytes(), &steps, target.as_bytes()].concat());
                    }
                }
            }
        }
    }
}

/// The files that are there, by every kind of separator and ending.
fn spellings(root: &str, all: &mut BTreeSet<Vec<u8>>) {
    const ENDINGS: [&[u8]; 10] = [
        b"",
        b"/",
        b".",
        b" ",
        b"/.",
        b"/..",
        b"\0.png",
        b"%00",
        b"::$DATA",
        b"\xe2\x80\x8b",
    ];
    for prefix in prefixes(root) {
        for file in INSIDE {
            for slash in SLASHES {
                let names: Vec<&[u8]> = file.split('/').map(str::as_bytes).collect();
                let spelt = names.join(slash);
                for ending in ENDINGS {
                    for text in [&spelt, &spelt.to_ascii_uppercase()] {
                        all.insert([prefix.as_bytes(), text, ending].concat());
                    }
                }
            }
        }
    }
}

/// Devices of Windows, short names, and names that are nearly one of them.
fn devices(all: &mut BTreeSet<Vec<u8>>) {
    let mut names: Vec<String> = [
        "CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CONX", "NU",
    ]
    .map(String::from)
    .into();
    for port in ["COM", "LPT"] {
        for number in [
            "", "0", "1", "2", "9", "10", "\u{b9}", "\u{b2}", "\u{b3}", "\u{2074}", "A",
        ] {
            names.push(format!("{port}{number}"));
        }
    }
    names.extend(["PROGRA~1", "GIT~1", "A~1B", "LONGNAME~1", "~1"].map(String::from));
    let endings = [
        "", ".txt", ".tar.gz", " .txt", "  ", ".", ":", ":x", ".x:y", "\u{200b}", " x", ".a.b",
    ];
    for name in names {
        for name in [name.to_lowercase(), name] {
            for ending in endings {
                for (before, behind) in [
                    ("", ""),
                    ("", "/a.txt"),
                    ("sub/", ""),
                    ("sub/", "/a.txt"),
                    ("a.", ""),
                ] {
                    all.insert(format!("{before}{name}{ending}{behind}").into_bytes());
                }
            }
        }
    }
}

/// Characters that are controls, spaces, formats, marks, punctuation or compatibility forms, at each place of a name.
fn characters(all: &mut BTreeSet<Vec<u8>>) {
    let blocks = [
        0x00..0x370,
        0x600..0x620,
        0x1800..0x1810,
        0x2000..0x2100,
        0x2200..0x2220,
        0x2570..0x2574,
        0x29f0..0x2a00,
        0x3000..0x3010,
        0xfe00..0xfe70,
        0xfee0..0x1_0000,
        0xe_0000..0xe_0080,
    ];
    for character in blocks.into_iter().flatten().filter_map(char::from_u32) {
        for text in [
            format!("{character}"),
            format!("a{character}b.txt"),
            format!("sub/{character}{character}/canary.txt"),
            format!("a.txt{character}"),
        ] {
            all.insert(text.into_bytes());
        }
    }
}

/// Every string of at most four out of the bytes that rules look for.
fn short_strings(all: &mut BTreeSet<Vec<u8>>) {
    const BYTES: [u8; 12] = *b"./\\aC:~1 %\0\xc0";
    let mut strings = vec![Vec::new()];
    for _ in 0..4 {
        let longer = strings
            .iter()
            .flat_map(|text: &Vec<u8>| BYTES.map(|byte| [text.as_slice(), &[byte]].concat()));
        let longer: Vec<Vec<u8>> = longer.collect();
        all.append(&mut strings.into_iter().collect());
        strings = longer;
    }
    all.extend(strings);
}

/// Names, paths and depths on both sides of their limits.
fn sizes(all: &mut BTreeSet<Vec<u8>>) {
    for length in [254, 255, 256, 4094, 4095, 4096, 70_000] {
        all.insert("a".repeat(length).into_bytes());
        all.insert("a/".repeat(length / 2).into_bytes());
        let long = "a".repeat(199) + "/";
        all.insert(long.repeat(length / 200).into_bytes());
    }
    for depth in 30..36 {
        all.insert("a/".repeat(depth).into_bytes());
    }
}
