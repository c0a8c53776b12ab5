//! The rules once more: each asked on its own, on all of the text, without folding tables.

use ravelin_core::path::{Absolute, Denial, Dialect, Links, Operation, Rules, SettingsError};

use crate::paths::oracle::System;

/// Rules in two bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings(pub u16);

impl Settings {
    /// The Windows dialect. The portable one has no flag.
    pub const WINDOWS: Self = Self(1);
    /// The POSIX dialect, if not Windows.
    pub const POSIX: Self = Self(1 << 1);
    /// No absolute paths.
    pub const RELATIVE: Self = Self(1 << 2);
    /// Only absolute paths, if not none.
    pub const ABSOLUTE: Self = Self(1 << 3);
    /// The root `/srv`.
    pub const ROOT: Self = Self(1 << 4);
    /// The root `/srv/notes`, before that one.
    pub const INNER_ROOT: Self = Self(1 << 5);
    /// The root `/`, and no other.
    pub const TOP: Self = Self(1 << 6);
    /// No percent signs.
    pub const NO_PERCENT: Self = Self(1 << 7);
    /// Bytes that are not UTF-8, in the POSIX dialect.
    pub const BYTES: Self = Self(1 << 8);
    /// No changes.
    pub const READ_ONLY: Self = Self(1 << 9);
    /// Without `key` and `pem`.
    pub const FORBIDS: Self = Self(1 << 10);
    /// Only `md` and `tar.gz`.
    pub const ALLOWS: Self = Self(1 << 11);
    /// Without `.git` and `private/keys`.
    pub const SUBTREES: Self = Self(1 << 12);
    /// At most three names.
    pub const SHALLOW: Self = Self(1 << 13);
    /// Links are followed.
    pub const LINKS: Self = Self(1 << 14);

    /// Both.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Makes the rules.
    ///
    /// # Errors
    /// [`SettingsError::NoRoots`].
    pub fn rules(self) -> Result<Rules, SettingsError> {
        let mut rules = Rules::builder()
            .dialect(self.dialect())
            .absolute(self.absolute())
            .max_depth(self.max_depth());
        for names in self.roots() {
            rules = rules.root(self.written(names));
        }
        if self.has(Self::NO_PERCENT) {
            rules = rules.deny_percent();
        }
        if self.takes_bytes() {
            rules = rules.accept_bytes();
        }
        if self.has(Self::READ_ONLY) {
            rules = rules.read_only();
        }
        if self.has(Self::FORBIDS) {
            rules = rules.forbid_extensions(FORBIDDEN);
        }
        if self.has(Self::ALLOWS) {
            rules = rules.allow_extensions(ALLOWED);
        }
        if self.has(Self::SUBTREES) {
            for names in SUBTREES {
                rules = rules.forbid_subtree(names.join("/"));
            }
        }
        if self.has(Self::LINKS) {
            rules = rules.links(Links::InRoot);
        }
        rules.build()
    }

    /// Whether absolute paths are required below no root.
    pub(super) fn cannot_work(self) -> bool {
        self.absolute() == Absolute::Require && self.roots().is_empty()
    }

    /// The same with one rule more.
    pub(super) fn stricter(self) -> Vec<Self> {
        let mut stricter: Vec<_> = [
            Self::NO_PERCENT,
            Self::READ_ONLY,
            Self::FORBIDS,
            Self::ALLOWS,
            Self::SUBTREES,
            Self::SHALLOW,
        ]
        .map(|rule| self.and(rule))
        .to_vec();
        if self.absolute() == Absolute::Allow {
            stricter.extend([Self::RELATIVE, Self::ABSOLUTE].map(|rule| self.and(rule)));
        }
        stricter.push(Self(self.0 & !Self::BYTES.0));
        // Portable names are names in every dialect. On Windows the roots are others.
        if self.dialect() == Dialect::Posix {
            stricter.push(Self(self.0 & !Self::POSIX.0));
        } else if self.dialect() == Dialect::Windows && self.absolute() != Absolute::Require {
            let plain = Self(self.0 & !(Self::WINDOWS.0 | Self::POSIX.0));
            stricter.push(plain.and(Self::RELATIVE));
        }
        stricter
    }

    /// How names are read.
    pub fn dialect(self) -> Dialect {
        if self.has(Self::WINDOWS) {
            Dialect::Windows
        } else if self.has(Self::POSIX) {
            Dialect::Posix
        } else {
            Dialect::Portable
        }
    }

    pub(super) fn separates(self, byte: u8) -> bool {
        byte == b'/' || (byte == b'\\' && self.has(Self::WINDOWS))
    }

    /// The systems on which such a path has to lead to where it seems to.
    pub(super) fn systems(self, path: &[u8]) -> &'static [System] {
        match self.dialect() {
            Dialect::Posix => &[System::Posix],
            Dialect::Windows => &[System::Windows],
            Dialect::Portable if path.starts_with(b"/") => &[System::Posix],
            Dialect::Portable => &[System::Posix, System::Windows],
        }
    }

    fn has(self, flag: Self) -> bool {
        self.0 & flag.0 != 0
    }

    fn absolute(self) -> Absolute {
        if self.has(Self::RELATIVE) {
            Absolute::Deny
        } else if self.has(Self::ABSOLUTE) {
            Absolute::Require
        } else {
            Absolute::Allow
        }
    }

    fn takes_bytes(self) -> bool {
        self.has(Self::BYTES) && self.dialect() == Dialect::Posix
    }

    fn max_depth(self) -> u16 {
        if self.has(Self::SHALLOW) { 3 } else { 32 }
    }

    fn roots(self) -> Vec<&'static [&'static str]> {
        if self.has(Self::TOP) {
            return vec![&[]];
        }
        let mut roots: Vec<&'static [&'static str]> = Vec::new();
        if self.has(Self::INNER_ROOT) {
            roots.push(&["srv", "notes"]);
        }
        if self.has(Self::ROOT) {
            roots.push(&["srv"]);
        }
        roots
    }

    fn written(self, names: &[&str]) -> String {
        match self.dialect() {
            Dialect::Windows => format!(r"C:\{}", names.join(r"\")),
            Dialect::Posix | Dialect::Portable => format!("/{}", names.join("/")),
        }
    }
}

const FORBIDDEN: [&str; 2] = ["key", "pem"];
const ALLOWED: [&str; 2] = ["md", "tar.gz"];
const SUBTREES: [&[&str]; 2] = [&[".git"], &["private", "keys"]];

/// What folding makes of ASCII is known without tables: the letters without case.
fn same(name: &[u8], ascii: &str) -> bool {
    name.eq_ignore_ascii_case(ascii.as_bytes())
}

/// A path, and all that is wrong with it.
pub(super) struct Second<'a> {
    settings: Settings,
    path: &'a [u8],
    operation: Operation,
    /// `C:` or nothing, and what is behind the separator that follows.
    absolute: Option<&'a [u8]>,
    /// The root by its names, and what is below.
    below: Option<(&'static [&'static str], &'a [u8])>,
}

impl<'a> Second<'a> {
    pub(super) fn new(settings: Settings, path: &'a [u8], operation: Operation) -> Self {
        let absolute = match path {
            [drive, b':', b'/' | b'\\', rest @ ..] if settings.has(Settings::WINDOWS) => {
                drive.is_ascii_alphabetic().then_some((*drive, rest))
            }
            [b'/', rest @ ..] if !settings.has(Settings::WINDOWS) => Some((b'c', rest)),
            _ => None,
        };
        let roots = settings.roots();
        let below = match absolute {
            None => Some((roots.first().copied().unwrap_or_default(), path)),
            Some((drive, rest)) => roots
                .iter()
                .filter(|_| drive.eq_ignore_ascii_case(&b'c'))
                .filter_map(|root| Some((*root, strip(settings, root, rest)?)))
                .max_by_key(|(root, _)| root.len()),
        };
        Self {
            settings,
            path,
            operation,
            absolute: absolute.map(|(_, rest)| rest),
            below,
        }
    }

    /// The rules that are certainly broken.
    pub(super) fn broken(&self) -> Vec<Denial> {
        let rules = self.whole().into_iter().chain(self.names());
        rules
            .chain(self.place())
            .filter_map(|(rule, is_broken)| is_broken.then_some(rule))
            .collect()
    }

    /// Whether this rule can be the reason. Without tables that is not known of what is not ASCII.
    pub(super) fn may_break(&self, denial: Denial) -> bool {
        let by_table = matches!(
            denial,
            Denial::Bidirectional
                | Denial::Invisible
                | Denial::LookAlike
                | Denial::Forbidden
                | Denial::Extension
        );
        self.broken().contains(&denial) || (by_table && !self.path.is_ascii())
    }

    fn whole(&self) -> Vec<(Denial, bool)> {
        let Self { settings, path, .. } = *self;
        let is_windows = settings.dialect() == Dialect::Windows;
        let slashes: Vec<u8> = path
            .iter()
            .map(|byte| if *byte == b'\\' { b'/' } else { *byte })
            .collect();
        let begins = |with: &[&str]| {
            let mut with = with.iter();
            with.any(|with| slashes.starts_with(with.as_bytes()))
        };
        let is_portable = settings.dialect() != Dialect::Posix;
        let verbatim = begins(&["//?/", "//./", "/??/"]);
        let drive =
            slashes.first().is_some_and(u8::is_ascii_alphabetic) && slashes.get(1) == Some(&b':');
        let rooted = slashes.get(2) == Some(&b'/');
        let absolute = self.absolute.is_some();
        let mode = settings.absolute();
        vec![
            (Denial::Empty, path.is_empty()),
            (Denial::TooLong { limit: 4095 }, path.len() > 4095),
            (Denial::Nul, path.contains(&0)),
            (
                Denial::NotUtf8,
                !settings.takes_bytes() && str::from_utf8(path).is_err(),
            ),
            (
                Denial::Percent,
                settings.has(Settings::NO_PERCENT) && path.contains(&b'%'),
            ),
            (Denial::Verbatim, is_portable && verbatim),
            (Denial::Unc, is_portable && begins(&["//"])),
            (Denial::DriveRelative, is_portable && drive && !rooted),
            (Denial::Drive, is_portable && !is_windows && drive && rooted),
            (
                Denial::Rooted,
                is_portable && begins(&["/"]) && (is_windows || path[0] == b'\\'),
            ),
            (
                Denial::Absolute,
                absolute && (mode == Absolute::Deny || settings.roots().is_empty()),
            ),
            (Denial::Relative, !absolute && mode == Absolute::Require),
            (Denial::OutsideRoots, self.below.is_none()),
        ]
    }

    /// Below the root, split at the separators. The last of them ends a directory.
    fn split(&self) -> (Vec<&'a [u8]>, bool) {
        let (_, below) = self.below.unwrap_or_default();
        let mut names: Vec<_> = below.split(|byte| self.settings.separates(*byte)).collect();
        let directory = names.last().is_some_and(|name| name.is_empty());
        if directory {
            names.pop();
        }
        (names, directory)
    }

    fn names(&self) -> Vec<(Denial, bool)> {
        let (names, _) = self.split();
        let is_portable = self.settings.dialect() != Dialect::Posix;
        let any = |rule: &dyn Fn(&[u8]) -> bool| names.iter().any(|name| rule(name));
        let has =
            |bytes: &str| any(&|name| name.iter().any(|byte| bytes.as_bytes().contains(byte)));
        let shows = |characters: &str| {
            any(&|name| {
                let text = String::from_utf8_lossy(name);
                text.contains(|character| characters.contains(character))
            })
        };
        let control = |name: &[u8]| String::from_utf8_lossy(name).contains(char::is_control);
        let mut rules = vec![
            (Denial::EmptyComponent, any(&<[u8]>::is_empty)),
            (Denial::CurrentDirectory, any(&|name| name == b".")),
            (Denial::ParentDirectory, any(&|name| name == b"..")),
            (Denial::NameTooLong, any(&|name| name.len() > 255)),
        ];
        if is_portable {
            rules.extend([
                (Denial::Backslash, has("\\")),
                (Denial::Control, any(&control)),
                (Denial::Stream, has(":")),
                (Denial::Reserved, has("<>\"|?*")),
                (
                    Denial::TrailingDotOrSpace,
                    any(&|name| matches!(name, [.., b'.' | b' '])),
                ),
                (Denial::Device, any(&is_device)),
                (Denial::ShortName, any(&is_short)),
                (Denial::Bidirectional, shows("\u{200e}\u{202e}\u{2066}")),
                (Denial::Invisible, shows("\u{200b}\u{2060}\u{feff}")),
                (Denial::LookAlike, shows("\u{2024}\u{2044}\u{2215}\u{ff0f}")),
            ]);
        }
        rules
    }

    fn place(&self) -> Vec<(Denial, bool)> {
        let (names, directory) = self.split();
        let Self {
            settings,
            operation,
            ..
        } = *self;
        let reads = matches!(
            operation,
            Operation::Read | Operation::List | Operation::Stat
        );
        let looks = matches!(operation, Operation::List | Operation::Stat);
        let makes = matches!(operation, Operation::List | Operation::MakeDirectory);
        let on_file = matches!(
            operation,
            Operation::Read | Operation::Create | Operation::Replace | Operation::Append
        );
        let limit = settings.max_depth();
        let file = names.last().filter(|_| !directory && !makes);
        let forbidden = |name: &[u8]| {
            let name = String::from_utf8_lossy(name).to_lowercase();
            let name = name.trim_end_matches(['.', ' ']);
            let extension = name.rsplit_once('.').map(|(_, extension)| extension);
            extension.is_some_and(|extension| FORBIDDEN.contains(&extension))
        };
        let allowed = |name: &[u8]| {
            ALLOWED.iter().any(|extension| {
                let stem = name.len().saturating_sub(extension.len() + 1);
                let (stem, dotted) = name.split_at(stem);
                let dotted = dotted
                    .strip_prefix(b".")
                    .is_some_and(|it| same(it, extension));
                dotted && stem.iter().any(|byte| *byte != b'.')
            })
        };
        vec![
            (Denial::TooDeep { limit }, names.len() > usize::from(limit)),
            (Denial::Root, names.is_empty() && !looks),
            (
                Denial::NamesDirectory,
                !names.is_empty() && directory && on_file,
            ),
            (
                Denial::ReadOnly,
                settings.has(Settings::READ_ONLY) && !reads,
            ),
            (
                Denial::Forbidden,
                settings.has(Settings::SUBTREES) && self.meets_a_subtree(&names),
            ),
            (
                Denial::Extension,
                settings.has(Settings::FORBIDS) && file.is_some_and(|name| forbidden(name)),
            ),
            (
                Denial::ExtensionNotAllowed,
                settings.has(Settings::ALLOWS) && file.is_some_and(|name| !allowed(name)),
            ),
        ]
    }

    /// Compared from the root directory on: whatever root a path is of, a subtree is forbidden below each.
    fn meets_a_subtree(&self, names: &[&[u8]]) -> bool {
        let Some((root, _)) = self.below else {
            return false;
        };
        let names: Vec<&[u8]> = root
            .iter()
            .map(|name| name.as_bytes())
            .chain(names.iter().copied())
            .collect();
        let moves = matches!(self.operation, Operation::Rename | Operation::Remove);
        let roots = self.settings.roots();
        let none: [&[&str]; 1] = [&[]];
        let roots = if roots.is_empty() { &none } else { &roots[..] };
        let meets = |subtree: Vec<&str>| {
            let both = names.iter().zip(&subtree).all(|(a, b)| same(a, b));
            both && (names.len() >= subtree.len() || moves)
        };
        let mut all = roots.iter().flat_map(|root| {
            let subtrees = SUBTREES.iter();
            subtrees.map(|subtree| root.iter().chain(*subtree).copied().collect())
        });
        all.any(meets)
    }
}

/// What is behind the names of a root and one separator.
fn strip<'a>(settings: Settings, root: &[&str], path: &'a [u8]) -> Option<&'a [u8]> {
    let mut rest = path;
    for name in root {
        let (first, behind) = match rest.iter().position(|byte| settings.separates(*byte)) {
            Some(end) => (&rest[..end], &rest[end + 1..]),
            None => (rest, &[][..]),
        };
        let is_it = if settings.has(Settings::WINDOWS) {
            same(first, name)
        } else {
            first == name.as_bytes()
        };
        if !is_it {
            return None;
        }
        rest = behind;
    }
    Some(rest)
}

fn is_device(name: &[u8]) -> bool {
    let text = String::from_utf8_lossy(name).to_ascii_lowercase();
    let stem = text.split('.').next().unwrap_or_default();
    let stem = stem.trim_end_matches(|character: char| character.is_ascii_whitespace());
    let port = stem.strip_prefix("com").or(stem.strip_prefix("lpt"));
    let digits = "0123456789\u{b9}\u{b2}\u{b3}";
    let number = port.is_some_and(|port| port.chars().count() == 1 && digits.contains(port));
    number || ["con", "prn", "aux", "nul", "conin$", "conout$"].contains(&stem)
}

/// `NAME~1.EXT`
fn is_short(name: &[u8]) -> bool {
    let text = String::from_utf8_lossy(name).into_owned();
    let (stem, extension) = text.split_once('.').unwrap_or((&text, ""));
    let Some((base, number)) = stem.rsplit_once('~') else {
        return false;
    };
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let fits = stem.chars().count() <= 8 && extension.chars().count() <= 3;
    is_number && fits && !base.is_empty() && !extension.contains('.')
}
