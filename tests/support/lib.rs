//! Test support: the seeded provider and its kin, a CA, and the `Pair` harness.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a fixture that cannot be made ends its test"
)]

pub mod behaviours;
pub mod blocking;
pub mod ca;
pub mod dpop_cases;
pub mod external;
pub mod foreign;
pub mod fuzzing;
pub mod hostile;
pub mod light;
pub mod pair;
pub mod parties;
pub mod paths;
pub mod provider;
pub mod setup;

/// The pages with code for users run as tests.
#[cfg(doctest)]
#[doc = include_str!("../../docs/guide.md")]
pub struct Guide;

#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
