//! Hostile paths, and a second opinion on where they lead.

pub mod grid;
pub mod oracle;
