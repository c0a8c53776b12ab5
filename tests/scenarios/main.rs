//! Scenarios: what a user of the crates relies on, run against real parts.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod adapters;
mod client_auth;
mod fragmentation;
mod handshake;
mod pem_files;
mod repository;
