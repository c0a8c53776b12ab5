//! A root with files, and what the tests of the portable executor (`--cfg ravelin_portable_files`) expect instead.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use ravelin_runtime::core::path::{
    Capabilities, Denial, Dialect, Facts, Links, Rules, RulesBuilder,
};
use ravelin_runtime::files::Root;

/// With all that the system has, and without `openat2`.
pub(crate) const CAPABILITIES: [Capabilities; 2] = [
    Capabilities {
        one_shot: true,
        cached: true,
        case_exact: true,
    },
    Capabilities {
        one_shot: false,
        cached: false,
        case_exact: true,
    },
];

/// Whether the portable executor runs: the tests are the same, and what it cannot do has to be refused.
pub(crate) const PORTABLE: bool = cfg!(ravelin_portable_files);

pub(crate) fn both(test: impl Fn(&Tree)) {
    for capabilities in CAPABILITIES {
        test(&Tree::new(capabilities));
    }
}

pub(crate) fn rules() -> RulesBuilder {
    Rules::builder().dialect(Dialect::Posix)
}

/// What an operation is refused with that the portable executor does not have.
pub(crate) fn or_lacking(denial: Denial) -> Denial {
    if PORTABLE {
        Denial::SystemOperation
    } else {
        denial
    }
}

/// A root, and a directory beside it.
pub(crate) struct Tree {
    folder: tempfile::TempDir,
    pub(crate) capabilities: Capabilities,
}

impl Tree {
    pub(crate) fn new(capabilities: Capabilities) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("root")).unwrap();
        fs::create_dir(folder.path().join("outside")).unwrap();
        Self {
            folder,
            capabilities,
        }
    }

    pub(crate) fn root(&self, rules: RulesBuilder) -> Root {
        Root::open_with(self.path(""), rules.build().unwrap(), self.capabilities).unwrap()
    }

    /// A root under rules that may follow links; `None` where they do and none can be, which is refused at once.
    pub(crate) fn following(&self, rules: RulesBuilder) -> Option<Root> {
        let rules = rules.build().unwrap();
        let follows = rules.links() != Links::Deny;
        let opened = Root::open_with(self.path(""), rules, self.capabilities);
        if PORTABLE && follows {
            assert_eq!(opened.unwrap_err(), Denial::SystemLinks);
            return None;
        }
        Some(opened.unwrap())
    }

    /// Renames through the root, or by itself where that is refused.
    pub(crate) fn rename(&self, root: &Root, path: &str, new_path: &str) -> Facts {
        let renamed = root.rename(path, new_path);
        if PORTABLE {
            assert_eq!(renamed.unwrap_err(), Denial::SystemOperation);
            fs::rename(self.path(path), self.path(new_path)).unwrap();
            return root.stat(new_path).unwrap();
        }
        renamed.unwrap()
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join("root").join(path)
    }

    pub(crate) fn beside(&self, path: &str) -> PathBuf {
        self.folder.path().join("outside").join(path)
    }

    pub(crate) fn file(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn outside(&self, path: &str, text: &str) {
        fs::write(self.beside(path), text).unwrap();
    }

    pub(crate) fn link(&self, target: impl AsRef<Path>, path: &str) {
        symlink(target, self.path(path)).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path(path)).unwrap()
    }
}
