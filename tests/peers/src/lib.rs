//! The open machine next to two other implementations of files below a root: the same trees, the same paths, the same
//! operations.
//!
//! What two of them open has to be the same file. Where one opens and another refuses, the difference has to be of a
//! known [class](difference), derived from the text of the path and from the tree and not from the answers. Anything
//! else is an error, and so is a class that never occurs.
#![cfg(target_os = "linux")]

pub mod compare;
pub mod contender;
pub mod difference;
pub mod filter;
pub mod layout;
pub mod scene;
pub mod suite;
pub mod trace;
