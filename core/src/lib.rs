//! The sans-IO core of Ravelin: TLS as a pure state machine.
//!
//! A [`Connection`] takes bytes and time as values and gives bytes, plaintext and events back. It does no I/O, reads no
//! clock and holds no global state, so the same machine runs over any socket of any runtime, in a device without an
//! operating system, and under a fuzzer.
//!
//! # The loop
//!
//! **After any call that moves the connection, drain [`Connection::poll_event`], then do what
//! [`Connection::interest`] says, and block only on what it names.**
//!
//! 1. `transmit`: write [`Connection::transmit`] to the socket, report with [`Connection::handle_transmitted`].
//! 2. `receive`: read from the socket into [`Connection::receive_buffer`], report with
//!    [`Connection::handle_received`], or [`Connection::handle_eof`] when it ended.
//! 3. `deadline`: when it comes, call [`Connection::handle_timeout`].
//! 4. Take plaintext with [`Connection::plaintext`] and [`Connection::consume`], or [`Connection::read`].
//! 5. Give plaintext with [`Connection::send`]; what it does not accept waits until `transmit` has been drained.
//!
//! [`Driver`](driver::Driver) is this loop over `core::task`, for every runtime with poll functions.
//!
//! # Beside the connection
//!
//! [`dpop`] proves and verifies who may use an access token (RFC 9449), [`path`] judges which files may be reached and
//! what was opened, [`limit`] says how often and how much. They do not know each other, and no I/O either.
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `std` | session resumption, the presented pin in refusals |
//! | `aws-lc-rs` | [`provider::aws_lc_rs`](crate::provider), with the post-quantum hybrid group first; implies `std` |
//! | `p256`, `ed25519` | DPoP keys in memory, and verification in software ([`dpop`]) |
//! | `key-export` | DPoP keys encrypted under a password; implies `p256` |
//! | `tls12` | TLS 1.2, for configurations that ask for it |
//! | `fault-injection` | switches that put known bugs back, for tests |
//!
//! No feature changes what a configuration does by default.

#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod buffer;
pub mod config;
mod connection;
pub mod der;
pub mod dpop;
pub mod driver;
mod error;
mod event;
pub mod frame;
pub mod json;
pub mod limit;
pub mod path;
mod peer;
mod time;
mod tls;
pub mod trust;

pub use buffer::{RECORD, Storage};
pub use config::{ClientAuth, ClientConfig, Identity, ServerConfig, TrustAnchors};
pub use connection::{Connection, Interest, Phase, Receive};
pub use error::{Alert, CertificateError, Deadline, Error, LocalError, PeerError};
pub use event::{Counters, Event, Severity, Version};
pub use peer::Peer;
/// The types of certificates, keys, names and wall-clock time in this crate's signatures.
pub use rustls_pki_types as pki_types;
pub use time::{Instant, Now};
pub use tls::provider;
