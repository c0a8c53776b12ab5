//! Classes: which quota, which permits and which timeout apply.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::settings::SettingsError;

/// The most classes that one table knows.
pub const MAX_CLASSES: usize = 256;

/// The most tools that one [`Classes`] names.
pub const MAX_TOOLS: usize = 4096;

/// What kind of work is asked for: the position of its quota, its permits or its timeout in the settings.
///
/// A class that the settings do not name is refused: nothing runs without a limit by mistake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Class(
    /// The position, from 0.
    pub u8,
);

impl Class {
    pub(super) fn position(self) -> usize {
        usize::from(self.0)
    }
}

/// The class of each tool. A tool with limits of its own has a class of its own.
///
/// ```
/// use ravelin_core::limit::{Class, Classes};
///
/// let classes = Classes::new(Class(0)).with("read_file", Class(1))?.with("run_query", Class(2))?;
/// assert_eq!(classes.of("run_query"), Class(2));
/// assert_eq!(classes.of("unheard_of"), Class(0));
/// # Ok::<(), ravelin_core::limit::SettingsError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Classes {
    /// Sorted by name.
    tools: Vec<(Box<str>, Class)>,
    default: Class,
}

impl Classes {
    /// Puts every tool into one class.
    pub const fn new(default: Class) -> Self {
        Self {
            tools: Vec::new(),
            default,
        }
    }

    /// Puts the tool `name` into `class`. Names are compared byte for byte.
    ///
    /// # Errors
    ///
    /// [`SettingsError::Tools`] for a tool named twice, and beyond [`MAX_TOOLS`].
    pub fn with(mut self, name: &str, class: Class) -> Result<Self, SettingsError> {
        match self.find(name) {
            Err(position) if self.tools.len() < MAX_TOOLS => {
                self.tools.insert(position, (name.into(), class));
                Ok(self)
            }
            Ok(_) | Err(_) => Err(SettingsError::Tools),
        }
    }

    /// The class of the tool `name`.
    pub fn of(&self, name: &str) -> Class {
        self.find(name)
            .ok()
            .and_then(|position| self.tools.get(position))
            .map_or(self.default, |(_, class)| *class)
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        self.tools.binary_search_by(|(tool, _)| (**tool).cmp(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_find_their_class_whatever_the_order() {
        let names = ["m", "a", "z", "aa", ""];
        let mut classes = Classes::new(Class(9));
        for (class, name) in (0..).zip(names) {
            classes = classes.with(name, Class(class)).unwrap();
        }
        for (class, name) in (0..).zip(names) {
            assert_eq!(classes.of(name), Class(class));
        }
        assert_eq!(classes.of("A"), Class(9));
    }

    #[test]
    fn a_tool_named_twice_is_refused() {
        let classes = Classes::new(Class(0)).with("a", Class(1)).unwrap();
        assert_eq!(classes.with("a", Class(1)), Err(SettingsError::Tools));
    }

    #[test]
    fn the_number_of_tools_is_bounded() {
        let mut classes = Classes::new(Class(0));
        for number in 0..MAX_TOOLS {
            classes = classes.with(&alloc::format!("{number}"), Class(1)).unwrap();
        }
        assert_eq!(classes.with("more", Class(1)), Err(SettingsError::Tools));
    }
}
