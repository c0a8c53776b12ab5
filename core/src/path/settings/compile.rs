//! From settings to what is compared with.

use alloc::vec::Vec;

use super::{Absolute, MAX_ENTRIES, Plain, RulesBuilder, SettingsError};
use crate::path::rules::fold::{Fold, Folded};
use crate::path::rules::{Components, Dialect, Operation};

/// What rules consist of.
#[derive(Debug)]
pub(in crate::path) struct Compiled {
    pub(in crate::path) plain: Plain,
    /// Never empty: without roots in the settings it is the one that the adapter brings.
    roots: Vec<Root>,
    named: usize,
    allowed: Option<Vec<Folded>>,
    forbidden: Vec<Folded>,
    pub(in crate::path) elsewhere: Vec<Vec<u8>>,
}

/// A root.
#[derive(Debug)]
pub(in crate::path) struct Root {
    pub(in crate::path) path: Vec<u8>,
    place: Place,
    pub(in crate::path) forbidden: Vec<Subtree>,
}

/// A forbidden subtree below a root.
#[derive(Debug)]
pub(in crate::path) struct Subtree {
    /// The names that lead to it, joined with `/`.
    pub(in crate::path) path: Vec<u8>,
    folded: Vec<Folded>,
}

/// An absolute path in its parts.
#[derive(Debug, Default)]
struct Place {
    drive: Option<u8>,
    names: Vec<Name>,
}

/// A name of the settings, as it is written and as it is compared.
#[derive(Clone, Debug)]
struct Name {
    plain: Vec<u8>,
    narrow: Folded,
    wide: Folded,
}

impl Compiled {
    /// The roots of the settings.
    pub(in crate::path) fn named_roots(&self) -> &[Root] {
        self.roots.get(..self.named).unwrap_or_default()
    }

    pub(in crate::path) fn root(&self, index: u16) -> Option<&Root> {
        self.roots.get(usize::from(index))
    }

    /// The root with most names that an absolute path is below of, and what of the path is behind it.
    ///
    /// Whole names are compared, never the beginnings of strings.
    pub(in crate::path) fn innermost_root<'a>(
        &self,
        drive: Option<u8>,
        rest: &'a [u8],
        dialect: Dialect,
    ) -> Option<(u16, &'a [u8])> {
        let roots = (0..).zip(self.named_roots());
        let below = roots.filter_map(|(index, root)| {
            let rest = root.place.strip(drive, rest, dialect)?;
            Some((root.place.names.len(), index, rest))
        });
        let (_, index, rest) = below.max_by_key(|(names, ..)| *names)?;
        Some((index, rest))
    }

    /// Whether the names lead into a forbidden subtree, or to something that may not be moved because of one.
    #[inline]
    pub(in crate::path) fn forbids<'n>(
        &self,
        root: u16,
        names: impl Iterator<Item = &'n [u8]> + Clone,
        operation: Operation,
    ) -> bool {
        let subtrees = self.root(root).map(|root| root.forbidden.as_slice());
        subtrees.unwrap_or_default().iter().any(|subtree| {
            let mut names = names.clone();
            for folded in &subtree.folded {
                match names.next() {
                    Some(name) if folded.matches(name) => {}
                    Some(_) => return false,
                    None => return operation.takes_subtree(),
                }
            }
            true
        })
    }

    /// Whether any list asks for names below a root.
    pub(in crate::path) fn judges_places(&self) -> bool {
        let subtrees = self.roots.iter().any(|root| !root.forbidden.is_empty());
        subtrees || self.has_extension_lists()
    }

    /// Whether any list asks for extensions.
    pub(in crate::path) fn has_extension_lists(&self) -> bool {
        self.allowed.is_some() || !self.forbidden.is_empty()
    }

    /// Whether the forbidden list has something that the name may be taken for.
    pub(in crate::path) fn forbids_extension(&self, name: &[u8]) -> bool {
        if self.forbidden.is_empty() {
            return false;
        }
        let dropped = name
            .iter()
            .rev()
            .take_while(|byte| matches!(byte, b'.' | b' '));
        let (name, _) = name.split_at(name.len().saturating_sub(dropped.count()));
        suffixes(name).any(|(_, suffix)| self.forbidden.iter().any(|entry| entry.matches(suffix)))
    }

    /// Whether the allow-list, if there is one, has the extension.
    pub(in crate::path) fn allows_extension(&self, name: &[u8]) -> bool {
        let Some(allowed) = &self.allowed else {
            return true;
        };
        // Without a stem before it, it is no extension but a hidden file's name.
        let mut suffixes = suffixes(name).filter(|(stem, _)| stem.iter().any(|byte| *byte != b'.'));
        suffixes.any(|(_, suffix)| allowed.iter().any(|entry| entry.matches(suffix)))
    }
}

/// What stands before and behind each dot of a name.
fn suffixes(name: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let dots = name.iter().enumerate().filter(|(_, byte)| **byte == b'.');
    dots.filter_map(|(index, _)| {
        let (stem, suffix) = name.split_at_checked(index)?;
        Some((stem, suffix.get(1..)?))
    })
}

impl Place {
    /// Reads an absolute path, of either system.
    fn parse(path: &[u8], dialect: Dialect) -> Option<Self> {
        let (drive, rest, manner) = match path {
            [letter, b':', b'\\' | b'/', rest @ ..]
                if letter.is_ascii_alphabetic() && dialect != Dialect::Posix =>
            {
                (Some(*letter), rest, Dialect::Windows)
            }
            [b'/', rest @ ..] if dialect != Dialect::Windows => (None, rest, Dialect::Posix),
            _ => return None,
        };
        let names = parse_names(rest, manner)?;
        Some(Self { drive, names })
    }

    /// What of an absolute path is behind this place, if it leads there.
    fn strip<'a>(&self, drive: Option<u8>, rest: &'a [u8], dialect: Dialect) -> Option<&'a [u8]> {
        if !same_drive(self.drive, drive) {
            return None;
        }
        let mut rest = rest;
        for name in &self.names {
            let length = rest.iter().take_while(|byte| !dialect.separates(**byte));
            let (first, behind) = rest.split_at_checked(length.count())?;
            if !name.is(first, dialect) {
                return None;
            }
            rest = behind.split_first().map_or(behind, |(_, behind)| behind);
        }
        Some(rest)
    }

    /// The names behind this place, if another is below it or the same.
    fn names_below<'a>(&self, other: &'a Self) -> Option<&'a [Name]> {
        if !same_drive(self.drive, other.drive) || self.names.len() > other.names.len() {
            return None;
        }
        let (shared, below) = other.names.split_at_checked(self.names.len())?;
        let mut pairs = shared.iter().zip(&self.names);
        pairs.all(|(a, b)| a.wide == b.wide).then_some(below)
    }
}

impl Name {
    fn new(name: &[u8]) -> Self {
        Self {
            plain: name.to_vec(),
            narrow: Folded::new(name, Fold::Narrow),
            wide: Folded::new(name, Fold::Wide),
        }
    }

    /// Whether a client means this name by what it wrote in front of a path. Windows does not tell cases apart, and
    /// clients there write them as they like.
    fn is(&self, name: &[u8], dialect: Dialect) -> bool {
        match dialect {
            Dialect::Windows => self.narrow.matches(name),
            Dialect::Posix | Dialect::Portable => self.plain == name,
        }
    }
}

impl Subtree {
    fn new(names: &[Name]) -> Self {
        let plain: Vec<&[u8]> = names.iter().map(|name| name.plain.as_slice()).collect();
        Self {
            path: plain.join(&b'/'),
            folded: names.iter().map(|name| name.wide.clone()).collect(),
        }
    }
}

/// Refuses what cannot work, and folds what is compared.
pub(super) fn compile(settings: RulesBuilder) -> Result<Compiled, SettingsError> {
    let RulesBuilder {
        plain,
        roots,
        allowed_extensions,
        forbidden_extensions,
        forbidden_subtrees,
    } = settings;
    let allowed_count = allowed_extensions.as_ref().map_or(0, Vec::len);
    let counts = [
        roots.len(),
        allowed_count,
        forbidden_extensions.len(),
        forbidden_subtrees.len(),
    ];
    if counts.iter().any(|count| *count > MAX_ENTRIES) {
        return Err(SettingsError::TooMany);
    }
    if plain.max_file_size == 0 || plain.max_depth == 0 || plain.concurrency == 0 {
        return Err(SettingsError::Zero);
    }
    if plain.accept_bytes && plain.dialect != Dialect::Posix {
        return Err(SettingsError::Bytes);
    }
    if plain.absolute == Absolute::Require && roots.is_empty() {
        return Err(SettingsError::NoRoots);
    }
    let named = roots.len();
    let roots = compile_roots(roots, plain.dialect)?;
    let (allowed, forbidden) =
        compile_extensions(allowed_extensions.as_deref(), &forbidden_extensions)?;
    let elsewhere = Vec::new();
    let mut compiled = Compiled {
        plain,
        roots,
        named,
        allowed,
        forbidden,
        elsewhere,
    };
    for (index, entry) in (0..).zip(allowed_extensions.unwrap_or_default()) {
        let mut name = b"x.".to_vec();
        name.extend_from_slice(entry.strip_prefix(b".").unwrap_or(&entry));
        if compiled.forbids_extension(&name) {
            return Err(SettingsError::Contradiction(index));
        }
    }
    for (index, path) in (0..).zip(&forbidden_subtrees) {
        compiled.forbid(index, path)?;
    }
    Ok(compiled)
}

fn compile_roots(paths: Vec<Vec<u8>>, dialect: Dialect) -> Result<Vec<Root>, SettingsError> {
    let mut roots: Vec<Root> = Vec::new();
    for (index, path) in (0..).zip(paths) {
        let place = Place::parse(&path, dialect).ok_or(SettingsError::Root(index))?;
        let same = |root: &Root| {
            let mut pairs = root.place.names.iter().zip(&place.names);
            same_drive(root.place.drive, place.drive)
                && root.place.names.len() == place.names.len()
                && pairs.all(|(a, b)| a.is(&b.plain, dialect))
        };
        if roots.iter().any(same) {
            return Err(SettingsError::DuplicateRoot(index));
        }
        let path = if place.names.is_empty() {
            path
        } else {
            without_trailing(path, &place)
        };
        roots.push(Root {
            path,
            place,
            forbidden: Vec::new(),
        });
    }
    if roots.is_empty() {
        roots.push(Root {
            path: Vec::new(),
            place: Place::default(),
            forbidden: Vec::new(),
        });
    }
    Ok(roots)
}

type Extensions = (Option<Vec<Folded>>, Vec<Folded>);

fn compile_extensions(
    allowed: Option<&[Vec<u8>]>,
    forbidden: &[Vec<u8>],
) -> Result<Extensions, SettingsError> {
    let parse = |(index, entry): (u16, &Vec<u8>), fold| {
        parse_extension(entry, fold).ok_or(SettingsError::Extension(index))
    };
    let behind = allowed.map_or(0, |list| list.len() as u16);
    let forbidden = (behind..)
        .zip(forbidden)
        .map(|entry| parse(entry, Fold::Wide));
    let allowed = allowed.map(|list| {
        let list = (0..).zip(list).map(|entry| parse(entry, Fold::Narrow));
        list.collect::<Result<_, _>>()
    });
    Ok((allowed.transpose()?, forbidden.collect::<Result<_, _>>()?))
}

/// An entry that could never match, or that is written as a pattern, is a mistake.
fn parse_extension(entry: &[u8], fold: Fold) -> Option<Folded> {
    let entry = entry.strip_prefix(b".").unwrap_or(entry);
    let impossible = |byte: &u8| matches!(byte, 0 | b'/' | b'\\' | b'*' | b'?');
    if entry.first() == Some(&b'.') || entry.iter().any(impossible) {
        return None;
    }
    if matches!(entry.last(), None | Some(b'.' | b' ')) {
        return None;
    }
    let folded = Folded::new(entry, fold);
    (!folded.matches(b"")).then_some(folded)
}

impl Compiled {
    fn forbid(&mut self, index: u16, path: &[u8]) -> Result<(), SettingsError> {
        let dialect = self.plain.dialect;
        if let Some(place) = Place::parse(path, dialect) {
            if self.named == 0 {
                return Err(SettingsError::NoRoots);
            }
            if !self.forbid_place(index, &place)? {
                self.elsewhere.push(without_trailing(path.to_vec(), &place));
            }
            return Ok(());
        }
        let names = parse_names(path, dialect).filter(|names| !names.is_empty());
        let names = names.ok_or(SettingsError::Subtree(index))?;
        // In Portable and Windows a backslash or a colon never gets as far as the comparison.
        let odd = |byte: &u8| matches!(byte, b'\\' | b':');
        if dialect != Dialect::Posix && names.iter().any(|name| name.plain.iter().any(odd)) {
            return Err(SettingsError::Subtree(index));
        }
        if self.named == 0 {
            if let Some(root) = self.roots.first_mut() {
                root.forbidden.push(Subtree::new(&names));
            }
            return Ok(());
        }
        // By way of its absolute path, so that it also holds where another root lies inside or around it.
        let places: Vec<Place> = self
            .named_roots()
            .iter()
            .map(|root| root.place.join(&names))
            .collect();
        for place in places {
            self.forbid_place(index, &place)?;
        }
        Ok(())
    }

    /// Whether it is below any root.
    fn forbid_place(&mut self, index: u16, place: &Place) -> Result<bool, SettingsError> {
        let mut found = false;
        for root in &mut self.roots {
            if place.names_below(&root.place).is_some() {
                return Err(SettingsError::RootForbidden(index));
            }
            if let Some(below) = root.place.names_below(place) {
                root.forbidden.push(Subtree::new(below));
                found = true;
            }
        }
        Ok(found)
    }
}

impl Place {
    fn join(&self, names: &[Name]) -> Self {
        let names = self.names.iter().chain(names).cloned().collect();
        Self {
            drive: self.drive,
            names,
        }
    }
}

fn same_drive(a: Option<u8>, b: Option<u8>) -> bool {
    a.map(|letter| letter.to_ascii_uppercase()) == b.map(|letter| letter.to_ascii_uppercase())
}

/// The names of a path, one trailing separator aside; `None` if one of them is not plain.
fn parse_names(path: &[u8], manner: Dialect) -> Option<Vec<Name>> {
    let path = match path.split_last() {
        Some((last, path)) if manner.separates(*last) => path,
        _ => path,
    };
    let is_plain = |name: &[u8]| !matches!(name, [] | b"." | b"..") && !name.contains(&0);
    let mut names = Components::new(path, manner);
    names
        .clone()
        .all(is_plain)
        .then(|| names.by_ref().map(Name::new).collect())
}

/// The path of a place without its trailing separator; the root directory keeps its own.
fn without_trailing(mut path: Vec<u8>, place: &Place) -> Vec<u8> {
    if !place.names.is_empty() && matches!(path.last(), Some(b'/' | b'\\')) {
        path.pop();
    }
    path
}
