//! From a byte stream to a secured one.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use ravelin_core::pki_types::ServerName;
use ravelin_core::{ClientConfig, Connection, ServerConfig};

use crate::clock;
use crate::runtime::{PollIo, Runtime};
use crate::stream::Handshake;

/// Makes the client's side of connections.
pub struct TlsConnector<R> {
    pub(crate) config: ClientConfig,
    pub(crate) connect_timeout: Duration,
    runtime: PhantomData<fn() -> R>,
}

impl<R: Runtime> TlsConnector<R> {
    /// Every connection gets `config`.
    pub fn new(config: ClientConfig) -> Self {
        Self {
            config,
            connect_timeout: Duration::from_secs(30),
            runtime: PhantomData,
        }
    }

    /// How long connecting by host name may take until the TCP connection stands, over all its addresses; 30 s by
    /// default. An address gets an equal share of what is left. The handshake has its own limit, in the configuration.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Begins a handshake over `io` with the server called `name`, a DNS name or an IP address.
    pub fn connect<IO>(&self, name: ServerName<'static>, io: IO) -> Handshake<IO, R>
    where
        R: PollIo<IO>,
    {
        Handshake::new(
            Connection::client(&self.config, name, clock::now::<R>()),
            io,
        )
    }
}

impl<R> Clone for TlsConnector<R> {
    fn clone(&self) -> Self {
        Self {
            config: self.config.clone(),
            ..*self
        }
    }
}

impl<R: Runtime> From<ClientConfig> for TlsConnector<R> {
    fn from(config: ClientConfig) -> Self {
        Self::new(config)
    }
}

impl<R> fmt::Debug for TlsConnector<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsConnector")
            .field("connect_timeout", &self.connect_timeout)
            .finish_non_exhaustive()
    }
}

/// Makes the server's side of connections.
pub struct TlsAcceptor<R> {
    config: ServerConfig,
    runtime: PhantomData<fn() -> R>,
}

impl<R: Runtime> TlsAcceptor<R> {
    /// Every connection gets `config`.
    pub fn new(config: ServerConfig) -> Self {
        Self {
            config,
            runtime: PhantomData,
        }
    }

    /// Begins a handshake over `io`, which a client connected.
    pub fn accept<IO>(&self, io: IO) -> Handshake<IO, R>
    where
        R: PollIo<IO>,
    {
        Handshake::new(Connection::server(&self.config, clock::now::<R>()), io)
    }
}

impl<R> Clone for TlsAcceptor<R> {
    fn clone(&self) -> Self {
        Self {
            config: self.config.clone(),
            runtime: PhantomData,
        }
    }
}

impl<R: Runtime> From<ServerConfig> for TlsAcceptor<R> {
    fn from(config: ServerConfig) -> Self {
        Self::new(config)
    }
}

impl<R> fmt::Debug for TlsAcceptor<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsAcceptor").finish_non_exhaustive()
    }
}
