//! The names that a walk still has before it, and those behind it.

use crate::path::Denial;

/// The most symbolic links that one walk follows, as in Linux (`path_resolution(7)`).
pub(super) const MAX_LINKS: u8 = 40;

/// A path being walked.
///
/// Link targets are put before what is left of the path. They lie at the end of `buffer`; at its start are the names
/// behind, none of them a link, each with a `/` after it. Without links nothing has to be copied, and `buffer` may be
/// empty.
///
/// `..` only comes from link targets. It takes one of the names behind away, and the walk begins again at the root with
/// those that are left: exact, because none of them is a link, and no directory is kept open to go back to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Trail<'p, B> {
    /// What is left of the path itself.
    rest: &'p [u8],
    /// Whether `\` separates in it.
    backslash: bool,
    buffer: B,
    /// The length of the names behind.
    behind: usize,
    /// The length of what is left of link targets.
    ahead: usize,
    links: u8,
    directory: bool,
}

/// The next name of a walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Next<'t> {
    pub(super) name: &'t [u8],
    /// No other name follows.
    pub(super) last: bool,
    /// It was written by a link, not by the client.
    pub(super) of_link: bool,
}

/// Where a walk stands after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub(super) enum Position {
    /// In the directory that it stands in.
    Here,
    /// At the root again.
    Root,
}

impl<'p, B: AsRef<[u8]> + AsMut<[u8]>> Trail<'p, B> {
    pub(super) const fn new(backslash: bool, buffer: B) -> Self {
        Self {
            rest: &[],
            backslash,
            buffer,
            behind: 0,
            ahead: 0,
            links: 0,
            directory: false,
        }
    }

    /// Begins a walk. `path` has single separators between plain names, and none at its ends; it may be empty.
    ///
    /// `directory` is a separator behind the path. It never reaches the system: `openat` with `O_NOFOLLOW` follows a
    /// link with a slash behind it (CVE-2026-39822).
    pub(super) const fn begin(&mut self, path: &'p [u8], directory: bool) {
        self.rest = path;
        self.behind = 0;
        self.ahead = 0;
        self.links = 0;
        self.directory = directory;
    }

    /// Whether only a directory can be meant by the last name.
    pub(super) const fn must_be_directory(&self) -> bool {
        self.directory
    }

    /// Whether a link was followed, so that the file may lie elsewhere than the path says.
    pub(super) const fn has_followed(&self) -> bool {
        self.links > 0
    }

    /// The next name, or none at the end.
    pub(super) fn next(&self) -> Option<Next<'_>> {
        if let Some((name, left)) = split(self.ahead(), false) {
            let last = is_end(left, false) && self.rest.is_empty();
            let of_link = true;
            return Some(Next {
                name,
                last,
                of_link,
            });
        }
        let (name, left) = split(self.rest, self.backslash)?;
        let last = is_end(left, self.backslash);
        let of_link = false;
        Some(Next {
            name,
            last,
            of_link,
        })
    }

    /// The next name was opened and is no link: it is behind now.
    pub(super) fn advance(&mut self) -> Result<Position, Denial> {
        if let Some((name, left)) = split(self.ahead(), false) {
            let (name, left) = (name.len(), left.len());
            let start = self.len().saturating_sub(left + name);
            // The slash after the name, if there is one, becomes the one in front of `behind`'s end.
            self.shift(start, name, self.behind)?;
            self.ahead = left.saturating_sub(1);
            self.close(name)?;
        } else if let Some((name, left)) = split(self.rest, self.backslash) {
            if self.len() > 0 {
                let end = self.behind + name.len();
                let place = self.buffer.as_mut().get_mut(self.behind..end);
                place.ok_or(Denial::TooManyLinks)?.copy_from_slice(name);
                self.close(name.len())?;
            }
            self.rest = left;
        }
        self.settle()
    }

    /// The next name was opened, is a link, and leads to `target`.
    pub(super) fn follow(&mut self, target: &[u8]) -> Result<Position, Denial> {
        if self.links == MAX_LINKS {
            return Err(Denial::TooManyLinks);
        }
        self.links += 1;
        if target.first() == Some(&b'/') {
            return Err(Denial::LinkLeaves);
        }
        if target.is_empty() || target.contains(&0) {
            return Err(Denial::NotFound);
        }
        if let Some((_, left)) = split(self.ahead(), false) {
            self.ahead = left.len();
        } else if let Some((_, left)) = split(self.rest, self.backslash) {
            self.rest = left;
            // A `.` that is left over must not become part of the target: two would make a `..`.
            self.ahead = 0;
        }
        if self.next().is_none() {
            let last = target.rsplit(|byte| *byte == b'/').next();
            self.directory |= matches!(last, Some(b"" | b"." | b".."));
        }
        // One byte is kept for the slash that the last name gets once it is behind.
        let start = self.len().checked_sub(self.ahead + target.len());
        let start = start.filter(|start| *start > self.behind);
        let start = start.ok_or(Denial::TooManyLinks)?;
        let place = self.buffer.as_mut().get_mut(start..start + target.len());
        place.ok_or(Denial::TooManyLinks)?.copy_from_slice(target);
        self.ahead += target.len();
        self.settle()
    }

    /// Begins again at the root with all names behind: the walk ends in the directory where it stands, and that is to
    /// be opened by its name.
    pub(super) fn rewind(&mut self) -> Result<(), Denial> {
        let start = self.len().checked_sub(self.ahead + self.behind);
        self.shift(0, self.behind, start.ok_or(Denial::TooManyLinks)?)?;
        self.ahead += self.behind;
        self.behind = 0;
        Ok(())
    }

    /// The names behind, joined with `/`. Only kept in a buffer.
    pub(super) fn behind(&self) -> &[u8] {
        let behind = self.buffer.as_ref().get(..self.behind).unwrap_or_default();
        behind.strip_suffix(b"/").unwrap_or(behind)
    }

    /// Carries out each `..` that is next.
    fn settle(&mut self) -> Result<Position, Denial> {
        let mut position = Position::Here;
        while let Some((b"..", left)) = split(self.ahead(), false) {
            let left = left.len();
            let behind = self.behind();
            if behind.is_empty() {
                return Err(Denial::LinkLeaves);
            }
            let parent = behind.iter().rposition(|byte| *byte == b'/');
            self.behind = parent.map_or(0, |slash| slash + 1);
            self.ahead = left;
            position = Position::Root;
        }
        if position == Position::Root {
            self.rewind()?;
        }
        Ok(position)
    }

    fn ahead(&self) -> &[u8] {
        let start = self.len().saturating_sub(self.ahead);
        self.buffer.as_ref().get(start..).unwrap_or_default()
    }

    /// Ends the name that was put behind the others.
    fn close(&mut self, name: usize) -> Result<(), Denial> {
        let slash = self.buffer.as_mut().get_mut(self.behind + name);
        *slash.ok_or(Denial::TooManyLinks)? = b'/';
        self.behind += name + 1;
        Ok(())
    }

    fn shift(&mut self, from: usize, count: usize, to: usize) -> Result<(), Denial> {
        let length = self.len();
        if from.max(to).saturating_add(count) > length {
            return Err(Denial::TooManyLinks);
        }
        self.buffer.as_mut().copy_within(from..from + count, to);
        Ok(())
    }

    fn len(&self) -> usize {
        self.buffer.as_ref().len()
    }
}

/// The first name, and what is behind it. Empty names and `.` lead nowhere and are passed over.
fn split(mut path: &[u8], backslash: bool) -> Option<(&[u8], &[u8])> {
    let separates = |byte: &u8| *byte == b'/' || (backslash && *byte == b'\\');
    loop {
        let start = path.iter().position(|byte| !separates(byte))?;
        let (_, rest) = path.split_at_checked(start)?;
        let end = rest.iter().position(separates).unwrap_or(rest.len());
        let (name, left) = rest.split_at_checked(end)?;
        if name != b"." {
            return Some((name, left));
        }
        path = left;
    }
}

/// Whether no name follows: what [`split`] says too, but without looking for the end of that name.
fn is_end(mut path: &[u8], backslash: bool) -> bool {
    loop {
        path = match path {
            [] | [b'.'] => return true,
            [b'/', left @ ..] | [b'.', b'/', left @ ..] => left,
            [b'\\', left @ ..] | [b'.', b'\\', left @ ..] if backslash => left,
            _ => return false,
        };
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::String;
    use alloc::vec::Vec;

    use super::*;

    /// Walks `path` through a tree where only `links` are links, and says what is behind at the end.
    fn walk(path: &str, links: &[(&str, &str)], room: usize) -> Result<String, Denial> {
        let mut trail = Trail::new(false, alloc::vec![0; room]);
        trail.begin(path.as_bytes(), false);
        let mut steps = 0;
        while let Some(next) = trail.next() {
            steps += 1;
            assert!(steps < 10_000, "it ends");
            let mut place = Vec::from(trail.behind());
            if !place.is_empty() {
                place.push(b'/');
            }
            place.extend_from_slice(next.name);
            let link = links.iter().find(|(name, _)| name.as_bytes() == place);
            let _ = match link {
                Some((_, target)) => trail.follow(target.as_bytes())?,
                None => trail.advance()?,
            };
        }
        Ok(String::from_utf8(trail.behind().to_vec()).unwrap())
    }

    #[test]
    fn links_are_replaced_by_their_targets() {
        let links = [
            ("a/l", "../b"),
            ("b/m", "c/./d//"),
            ("b/c/d/up", "../../.."),
            ("self", "."),
            ("long", "a/l/m/up/plain"),
        ];
        let cases = [
            ("a/x", "a/x"),
            ("a/l", "b"),
            ("a/l/m", "b/c/d"),
            ("a/l/m/up", ""),
            ("a/l/m/up/z", "z"),
            ("self/self/y", "y"),
            ("long/q", "plain/q"),
        ];
        for (path, behind) in cases {
            assert_eq!(walk(path, &links, 64).as_deref(), Ok(behind), "{path}");
        }
    }

    #[test]
    fn no_link_leads_above_the_root() {
        assert_eq!(walk("l", &[("l", "..")], 64), Err(Denial::LinkLeaves));
        let links = [("a/l", "../../a/x")];
        assert_eq!(walk("a/l", &links, 64), Err(Denial::LinkLeaves));
        assert_eq!(walk("l", &[("l", "/a")], 64), Err(Denial::LinkLeaves));
        assert_eq!(walk("l", &[("l", "")], 64), Err(Denial::NotFound));
    }

    #[test]
    fn loops_and_long_targets_end() {
        assert_eq!(walk("l", &[("l", "l")], 64), Err(Denial::TooManyLinks));
        assert_eq!(
            walk("l", &[("l", "x/../l/l")], 512),
            Err(Denial::TooManyLinks)
        );
        assert_eq!(
            walk("l", &[("l", "0123456789")], 10),
            Err(Denial::TooManyLinks)
        );
        // One byte more is the slash behind the name.
        assert_eq!(
            walk("l", &[("l", "0123456789")], 11).as_deref(),
            Ok("0123456789")
        );
        assert_eq!(walk("ab/cd", &[], 5), Err(Denial::TooManyLinks));
        assert_eq!(walk("ab/cd", &[], 6).as_deref(), Ok("ab/cd"));
        assert_eq!(walk("ab/cd", &[], 0).as_deref(), Ok(""), "not kept");
    }

    #[test]
    fn a_link_may_say_that_it_is_a_directory() {
        for (target, directory) in [("x", false), ("x/", true), ("x/.", true), ("a/..", true)] {
            let mut trail = Trail::new(false, [0; 32]);
            trail.begin(b"l", false);
            let _ = trail.follow(target.as_bytes()).unwrap();
            assert_eq!(trail.must_be_directory(), directory, "{target}");
            trail.begin(b"l/y", false);
            let _ = trail.follow(target.as_bytes()).unwrap();
            assert!(!trail.must_be_directory(), "{target} is not the last");
        }
    }

    #[test]
    fn backslashes_separate_where_the_dialect_says_so() {
        let mut trail = Trail::new(true, []);
        trail.begin(br"a\b", false);
        let next = trail.next().unwrap();
        assert_eq!((next.name, next.last), (&b"a"[..], false));
        let mut trail = Trail::new(false, []);
        trail.begin(br"a\b", false);
        assert_eq!(trail.next().unwrap().name, br"a\b");
    }

    #[test]
    fn a_name_is_the_last_one_when_only_dots_and_separators_follow() {
        for backslash in [false, true] {
            for rest in [
                "", "/", ".", "/.", "./", "//./.", "b", "/b", "..", ".b", "/..", r"\", r".\b",
                r"\.\b",
            ] {
                let rest = rest.as_bytes();
                let none = split(rest, backslash).is_none();
                assert_eq!(is_end(rest, backslash), none, "{}", rest.escape_ascii());
            }
        }
    }
}
