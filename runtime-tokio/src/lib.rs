//! Ravelin streams, acceptors and listeners for tokio.
#![cfg_attr(feature = "aws-lc-rs", doc = "", doc = include_str!("../README.md"))]

mod runtime;
mod stream;

pub use ravelin_core::config::{Limits, Timeouts};
pub use ravelin_core::trust::pin::{Pin, PinSet};
pub use ravelin_core::{
    ClientAuth, ClientConfig, Counters, Error, Event, Identity, Peer, ServerConfig, TrustAnchors,
    pki_types, provider,
};
pub use ravelin_runtime::{
    ConnectError, Limits as ListenerLimits, ListenerCounters, Monitor, ReuniteError, code, pem,
    tls_error,
};
pub use runtime::Tokio;
pub use stream::{OwnedReadHalf, OwnedWriteHalf, TlsStream};

/// Makes the client's side of connections. See [`ravelin_runtime::TlsConnector`].
pub type TlsConnector = ravelin_runtime::TlsConnector<Tokio>;

/// Makes the server's side of connections. See [`ravelin_runtime::TlsAcceptor`].
pub type TlsAcceptor = ravelin_runtime::TlsAcceptor<Tokio>;

/// A client's handshake, which becomes a stream.
pub type Connecting<IO> = ravelin_runtime::Handshake<IO, Tokio>;

/// A server's handshake, which becomes a stream.
pub type Accepting<IO> = ravelin_runtime::Handshake<IO, Tokio>;

/// Accepts TCP connections under limits, and begins their handshakes. See [`ravelin_runtime::Listener`].
pub type Listener = ravelin_runtime::Listener<Tokio>;
