//! Test support: the seeded provider, a CA, and the `Pair` harness.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a fixture that cannot be made ends its test"
)]

pub mod ca;
pub mod pair;
pub mod provider;

/// The pages with code for users run as tests.
#[cfg(doctest)]
#[doc = include_str!("../../docs/guide.md")]
pub struct Guide;
