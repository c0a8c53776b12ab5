//! Ravelin streams, acceptors and listeners for async-std.
#![cfg_attr(feature = "aws-lc-rs", doc = "", doc = include_str!("../README.md"))]

mod runtime;

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
pub use runtime::{AsyncStd, BoxFuture, TcpListener, TcpStream};

/// A TLS connection over `IO`, any byte stream of futures-io, with the same traits. See [`ravelin_runtime::Secured`].
pub type TlsStream<IO> = ravelin_runtime::Secured<IO, AsyncStd>;

/// The half of a [`TlsStream`] that reads. See [`ravelin_runtime::OwnedReadHalf`].
pub type OwnedReadHalf<IO> = ravelin_runtime::OwnedReadHalf<IO, AsyncStd>;

/// The half of a [`TlsStream`] that writes. See [`ravelin_runtime::OwnedWriteHalf`].
pub type OwnedWriteHalf<IO> = ravelin_runtime::OwnedWriteHalf<IO, AsyncStd>;

/// Makes the client's side of connections. See [`ravelin_runtime::TlsConnector`].
pub type TlsConnector = ravelin_runtime::TlsConnector<AsyncStd>;

/// Makes the server's side of connections. See [`ravelin_runtime::TlsAcceptor`].
pub type TlsAcceptor = ravelin_runtime::TlsAcceptor<AsyncStd>;

/// A client's handshake, which becomes a stream.
pub type Connecting<IO> = ravelin_runtime::Handshake<IO, AsyncStd>;

/// A server's handshake, which becomes a stream.
pub type Accepting<IO> = ravelin_runtime::Handshake<IO, AsyncStd>;

/// Accepts TCP connections under limits, and begins their handshakes. See [`ravelin_runtime::Listener`].
pub type Listener = ravelin_runtime::Listener<AsyncStd>;
