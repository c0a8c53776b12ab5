//! Scenarios: what a user of the crates relies on, run against real parts.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod adapters;
mod authority;
mod bounds;
mod chunking;
mod client_auth;
mod closing;
mod config;
mod corpora;
mod deadlines;
mod dpop_cases;
mod dpop_keys;
mod duplex;
mod events;
mod fragmentation;
mod handshake;
mod interop;
mod openssl;
mod pem_files;
mod pins;
mod repository;
mod transcripts;
mod turbomcp;
