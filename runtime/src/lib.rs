//! What Ravelin needs from an operating system, without choosing an executor.
//!
//! The core is a state machine without a socket. This crate puts it on one: [`Secured`] is a stream, [`TlsConnector`]
//! and [`TlsAcceptor`] make streams, `Listener` accepts them under limits, and [`pem`] reads certificates and keys
//! from files. What differs between executors is the trait [`Runtime`]; nothing here spawns a task or names an executor.
//!
//! An application uses an adapter, `ravelin-tokio` or `ravelin-smol`, and finds all of this re-exported there.
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `net` (default) | connecting by host name, `Listener` |
//! | `futures-io` | futures-io's traits on [`Secured`] |
//! | `files` | files below a root, opened under rules (`files`, on Unix and Windows) |
//! | `aws-lc-rs`, `tls12` | the same feature of `ravelin-core` |

mod clock;
#[cfg(feature = "net")]
mod connect;
mod connector;
mod error;
#[cfg(all(feature = "files", any(unix, windows)))]
pub mod files;
#[cfg(feature = "futures-io")]
mod futures;
#[cfg(feature = "net")]
mod listener;
pub mod pem;
mod runtime;
mod socket;
mod stream;

pub use clock::now;
#[cfg(feature = "net")]
pub use connect::ConnectError;
pub use connector::{TlsAcceptor, TlsConnector};
pub use error::{code, tls_error};
#[cfg(feature = "futures-io")]
pub use futures::FuturesIo;
#[cfg(feature = "net")]
pub use listener::{Accept, Drain, Limits, Listener, ListenerCounters, Monitor};
pub use ravelin_core as core;
pub use runtime::{PollIo, Runtime};
pub use socket::Socket;
pub use stream::{Handshake, OwnedReadHalf, OwnedWriteHalf, ReuniteError, Secured};
