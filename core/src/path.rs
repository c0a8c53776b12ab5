//! Which files may be reached, and how to reach them without a race.
//!
//! 1. [`Rules`] judge the text of a path: a [`Denial`], or plain names below a root. No file is touched.
//! 2. The [open machine](open) takes the names and tells an adapter what to open, step by step, always relative to a
//!    handle that it holds. What was opened is judged by its [`Facts`], never by its name.
//!
//! A path that was judged is not yet safe to open by name: between the two, a link can take the place of a directory.
//! That is why [`Judged`] gives names, not a path for the operating system.
//!
//! What became of an operation is an [`Event`] for the audit trail.
//!
//! [`uri`] reads and writes the file URIs of MCP roots and resources.
//!
//! ```
//! use ravelin_core::path::{Denial, Operation, Rules};
//!
//! let rules = Rules::builder()
//!     .root("/srv/notes")
//!     .max_file_size(1 << 20)
//!     .forbid_subtree(".git")
//!     .forbid_extensions(["key", "pem"])
//!     .build()?;
//! assert!(rules.judge(b"/srv/notes/todo.md", Operation::Read).is_ok());
//! let denial = rules.judge(b".GIT/config", Operation::Read).unwrap_err();
//! assert_eq!(denial.code(), "E-PTH-32");
//! assert_eq!(
//!     denial.to_string(),
//!     "the path is in a forbidden subtree; use a file outside of it"
//! );
//! # Ok::<(), ravelin_core::path::SettingsError>(())
//! ```
//!
//! # Codes
//!
//! | codes | of |
//! |---|---|
//! | `E-PTH-01` to `39` | the text of paths and URIs |
//! | `E-PTH-40` to `79` | what was opened, and how it went |
//! | `E-PTH-80` to `89` | settings that cannot work |

mod denial;
mod event;
mod facts;
pub mod open;
mod rules;
mod settings;
pub mod uri;

pub use denial::Denial;
pub use event::Event;
pub use facts::{Capabilities, Facts, Filesystem, Identity, Kind};
pub use rules::{Components, Dialect, Judged, Operation, Rules};
pub use settings::{Absolute, Devices, HardLinks, Links, Owner, RulesBuilder, SettingsError};
