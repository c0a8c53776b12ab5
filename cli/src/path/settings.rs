//! The rules that the command line asks for, flag by flag as the builder of the core has them.

use std::borrow::Cow;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::ValueEnum;
use ravelin_core::path::{
    Absolute, Devices, Dialect, HardLinks, Links, Operation, Owner, Rules, SettingsError,
};
use serde::Deserialize;

use crate::failure::{Exit, Failure};

/// What is asked, and by which rules.
#[derive(clap::Args)]
pub(super) struct Settings {
    /// Directory that relative paths belong to, and absolute ones must be below; without it paths are relative
    #[arg(long, value_name = "DIR", required_if_eq("open", "true"))]
    root: Option<PathBuf>,
    /// What is to be done with the path
    #[arg(long, value_name = "OP", value_enum, default_value = "read")]
    pub(super) op: Op,
    /// Judge what begins with `file:` as a file URI (RFC 8089)
    #[arg(long)]
    pub(super) uri: bool,
    /// Really open each allowed path, for reading, and say what was opened
    #[arg(long)]
    pub(super) open: bool,
    /// How names are read
    #[arg(long, value_enum, default_value = "portable", help_heading = RULES)]
    dialect: DialectName,
    /// Whether paths may be, or must be, absolute
    #[arg(long, value_enum, default_value = "allowed", help_heading = RULES)]
    absolute: AbsoluteName,
    /// The most bytes of a file (10 MiB when left away)
    #[arg(long, value_name = "BYTES", help_heading = RULES)]
    max_size: Option<u64>,
    /// The most components below the root (32 when left away)
    #[arg(long, value_name = "N", help_heading = RULES)]
    max_depth: Option<u16>,
    /// Only files with this extension; may be repeated, or a list with commas
    #[arg(long, value_name = "EXT", value_delimiter = ',', help_heading = RULES)]
    allow_ext: Vec<String>,
    /// No file with this extension; may be repeated, or a list with commas
    #[arg(long, value_name = "EXT", value_delimiter = ',', help_heading = RULES)]
    forbid_ext: Vec<String>,
    /// Nothing at or below this path; may be repeated
    #[arg(long, value_name = "PATH", help_heading = RULES)]
    forbid: Vec<OsString>,
    /// Symbolic links: none, those that stay below the root, or of these the ones of user 0
    #[arg(long, value_enum, default_value = "deny", help_heading = RULES)]
    links: LinksName,
    /// Files with more than one name
    #[arg(long, value_enum, default_value = "deny-writes", help_heading = RULES)]
    hard_links: HardLinksName,
    /// Only files of this user
    #[arg(long, value_name = "UID", help_heading = RULES)]
    owner: Option<u32>,
    /// Only files of this user and of user 0
    #[arg(long, value_name = "UID", conflicts_with = "owner", help_heading = RULES)]
    owner_or_root: Option<u32>,
    /// Whether file systems that are mounted below the root belong to it
    #[arg(long, value_enum, default_value = "same", help_heading = RULES)]
    devices: DevicesName,
    /// No percent sign
    #[arg(long, help_heading = RULES)]
    deny_percent: bool,
    /// Names that are not UTF-8 too; only in the dialect posix
    #[arg(long, help_heading = RULES)]
    accept_bytes: bool,
    /// No operation that changes anything
    #[arg(long, help_heading = RULES)]
    read_only: bool,
}

const RULES: &str = "Rules";

impl Settings {
    /// The root, as it is opened.
    pub(super) fn root(&self) -> Option<&Path> {
        self.root.as_deref()
    }

    /// What asks for a file to be opened asks for reading.
    pub(super) fn checked(&self) -> Result<&Self, Failure> {
        if self.open && self.op != Op::Read {
            return Err(Failure::new(
                Exit::Usage,
                "E-USE-01",
                "--open reads, and --op asks for something else",
                "leave one of the two away",
            ));
        }
        Ok(self)
    }

    pub(super) fn rules(&self) -> Result<Rules, Failure> {
        self.build()
            .map_err(|error| Failure::stated(Exit::Configuration, error.code(), &error))
    }

    fn build(&self) -> Result<Rules, SettingsError> {
        let mut rules = Rules::builder()
            .dialect(self.dialect.into())
            .absolute(self.absolute.into())
            .links(self.links.into())
            .hard_links(self.hard_links.into())
            .devices(self.devices.into())
            .forbid_extensions(&self.forbid_ext);
        if let Some(root) = &self.root {
            rules = rules.root(self.absolute_root(root).as_os_str().as_encoded_bytes());
        }
        if let Some(bytes) = self.max_size {
            rules = rules.max_file_size(bytes);
        }
        if let Some(components) = self.max_depth {
            rules = rules.max_depth(components);
        }
        if !self.allow_ext.is_empty() {
            rules = rules.allow_extensions(&self.allow_ext);
        }
        for path in &self.forbid {
            rules = rules.forbid_subtree(path.as_encoded_bytes());
        }
        match (self.owner, self.owner_or_root) {
            (Some(uid), _) => rules = rules.owner(Owner::User(uid)),
            (None, Some(uid)) => rules = rules.owner(Owner::UserOrRoot(uid)),
            (None, None) => {}
        }
        if self.deny_percent {
            rules = rules.deny_percent();
        }
        if self.accept_bytes {
            rules = rules.accept_bytes();
        }
        if self.read_only {
            rules = rules.read_only();
        }
        rules.build()
    }

    /// Rules know places by their names from the root directory on. Nothing is resolved here, and a root on another
    /// system stays what it is.
    fn absolute_root<'r>(&self, root: &'r Path) -> Cow<'r, Path> {
        let foreign = match root.as_os_str().as_encoded_bytes() {
            [letter, b':', b'\\' | b'/', ..] => letter.is_ascii_alphabetic(),
            _ => false,
        };
        if foreign && !matches!(self.dialect, DialectName::Posix) {
            return Cow::Borrowed(root);
        }
        std::path::absolute(root).map_or(Cow::Borrowed(root), Cow::Owned)
    }
}

/// An operation, by its [name](Operation::name), on the command line and in JSON.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Op {
    Read,
    Create,
    Replace,
    Append,
    List,
    Stat,
    Rename,
    Remove,
    MakeDirectory,
}

/// A flag's values, each with what it stands for in the core.
macro_rules! names {
    ($name:ident for $target:ty: $($value:ident => $meaning:expr,)*) => {
        #[derive(Clone, Copy, ValueEnum)]
        enum $name { $($value,)* }

        impl From<$name> for $target {
            fn from(name: $name) -> Self {
                match name { $($name::$value => $meaning,)* }
            }
        }
    };
}

names! { DialectName for Dialect:
    Posix => Self::Posix,
    Windows => Self::Windows,
    Portable => Self::Portable,
}

names! { AbsoluteName for Absolute:
    Allowed => Self::Allow,
    Required => Self::Require,
    Denied => Self::Deny,
}

names! { LinksName for Links:
    Deny => Self::Deny,
    Inside => Self::InRoot,
    Trusted => Self::Trusted,
}

names! { HardLinksName for HardLinks:
    Allow => Self::Allow,
    DenyWrites => Self::DenyWrites,
    Deny => Self::Deny,
}

names! { DevicesName for Devices:
    Same => Self::Same,
    Any => Self::Any,
}

impl From<Op> for Operation {
    fn from(op: Op) -> Self {
        match op {
            Op::Read => Self::Read,
            Op::Create => Self::Create,
            Op::Replace => Self::Replace,
            Op::Append => Self::Append,
            Op::List => Self::List,
            Op::Stat => Self::Stat,
            Op::Rename => Self::Rename,
            Op::Remove => Self::Remove,
            Op::MakeDirectory => Self::MakeDirectory,
        }
    }
}
