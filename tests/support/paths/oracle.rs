//! Where a path leads, found out the slow way: the whole text is resolved as an operating system would, on names alone.
//!
//! Shares nothing with the rules under test, neither code nor tables.

/// Whose resolution.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum System {
    /// `/` separates, `.` and `..` move, anything else is a name.
    Posix,
    /// Both slashes separate, names lose dots and spaces at their end, case does not count, look-alikes of
    /// slashes and dots become them (best fit), and there are drives, shares, streams and devices.
    Windows,
}

/// Where a path leads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Place {
    /// Below the root, or the root itself, by these names.
    Inside(Vec<String>),
    /// Anywhere else, even if only for a step on the way.
    Outside,
}

/// Resolves a path from `root`, an absolute path in the manner of the system.
pub fn resolve(path: &[u8], root: &str, system: System) -> Place {
    // An operating system that takes C strings sees no more than this.
    let seen = path.split(|byte| *byte == 0).next().unwrap_or_default();
    let text: String = String::from_utf8_lossy(seen).into_owned();
    match system {
        System::Posix => posix(&text, root),
        System::Windows => windows(&text, root),
    }
}

/// The path that a URI names, or `None` if it is none of this machine. Whatever can be decoded is.
pub fn path_of_uri(uri: &[u8], system: System) -> Option<Vec<u8>> {
    let text = String::from_utf8_lossy(uri).into_owned();
    let lower = text.to_ascii_lowercase();
    let rest = lower.strip_prefix("file:")?;
    let rest = &text[text.len() - rest.len()..];
    let path = if let Some(rest) = rest.strip_prefix("//") {
        let slash = rest.find('/')?;
        let host = rest[..slash].to_ascii_lowercase();
        if !["", "localhost"].contains(&host.as_str()) {
            return None;
        }
        &rest[slash..]
    } else {
        rest
    };
    let path = path.split(['?', '#']).next()?;
    let mut decoded = decode(path);
    if system == System::Windows && decoded.get(2) == Some(&b':') {
        decoded.remove(0);
    }
    Some(decoded)
}

fn decode(text: &str) -> Vec<u8> {
    let mut pieces = text.split('%');
    let mut decoded = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let digits = piece.get(..2).unwrap_or_default();
        match u8::from_str_radix(digits, 16) {
            Ok(byte) if !digits.starts_with('+') => {
                decoded.push(byte);
                decoded.extend(piece.bytes().skip(2));
            }
            _ => decoded.extend(format!("%{piece}").bytes()),
        }
    }
    decoded
}

fn posix(text: &str, root: &str) -> Place {
    let root: Vec<String> = names(root, &['/']);
    let start = if text.starts_with('/') {
        Vec::new()
    } else {
        root.clone()
    };
    walk(start, names(text, &['/']), &root)
}

fn windows(text: &str, root: &str) -> Place {
    let text: String = text.chars().map(best_fit).collect();
    let text = text.to_lowercase().replace('/', "\\");
    let root = names(&root.to_lowercase(), &['\\', '/']);
    if text.starts_with("\\\\") || text.starts_with("\\??\\") {
        return Place::Outside;
    }
    let (start, rest) = match text.split_at_checked(2) {
        Some((drive, rest)) if drive.ends_with(':') => match rest.strip_prefix('\\') {
            Some(rest) => (vec![drive.to_owned()], rest.to_owned()),
            // The current directory of a drive can be anywhere.
            None => return Place::Outside,
        },
        _ if text.starts_with('\\') => return Place::Outside,
        _ => (root.clone(), text),
    };
    let names: Vec<String> = names(&rest, &['\\']);
    // Whatever a stream is of, it is not the file that was asked for; and a device is in no directory.
    if names
        .iter()
        .any(|name| name.contains(':') || is_device(name))
    {
        return Place::Outside;
    }
    walk(
        start,
        names.iter().map(|name| trimmed(name)).collect(),
        &root,
    )
}

/// Every step counts: a path that comes back has been outside.
fn walk(mut at: Vec<String>, names: Vec<String>, root: &[String]) -> Place {
    let absolute = at.len() < root.len();
    for name in names {
        match name.as_str() {
            "." => {}
            ".." => {
                at.pop();
                if !at.starts_with(root) {
                    return Place::Outside;
                }
            }
            _ => at.push(name),
        }
        // An absolute path is on its way to the root at first.
        let on_its_way = absolute && root.starts_with(&at);
        if !at.starts_with(root) && !on_its_way {
            return Place::Outside;
        }
    }
    match at.strip_prefix(root) {
        Some(below) => Place::Inside(below.to_vec()),
        None => Place::Outside,
    }
}

fn names(text: &str, separators: &[char]) -> Vec<String> {
    let names = text.split(|character| separators.contains(&character));
    names
        .filter(|name| !name.is_empty())
        .map(String::from)
        .collect()
}

/// A name without what Windows drops. `.. ` is `..` there, and longer runs of dots are nothing.
fn trimmed(name: &str) -> String {
    let short = name.trim_end_matches(' ');
    match short {
        "." | ".." => short.to_owned(),
        _ if short.chars().all(|character| " .".contains(character)) => "..".to_owned(),
        _ => name.trim_end_matches(['.', ' ']).to_owned(),
    }
}

fn is_device(name: &str) -> bool {
    let stem = name
        .split(['.', ':'])
        .next()
        .unwrap_or_default()
        .trim_end_matches(' ');
    let ports = ["com", "lpt"].iter().any(|port| {
        let number = stem.strip_prefix(port).unwrap_or_default();
        number.chars().count() == 1 && "0123456789\u{b9}\u{b2}\u{b3}".contains(number)
    });
    ports || ["con", "prn", "aux", "nul", "conin$", "conout$"].contains(&stem)
}

/// What a conversion to an 8-bit code page makes of a character, as far as that changes where a path leads.
fn best_fit(character: char) -> char {
    match character {
        '\u{ff0f}' | '\u{2215}' | '\u{2044}' => '/',
        '\u{ff3c}' | '\u{2216}' => '\\',
        '\u{ff0e}' | '\u{2024}' => '.',
        _ => character,
    }
}
