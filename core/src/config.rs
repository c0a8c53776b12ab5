//! What a connection is made from: immutable configurations, built once and shared by every connection.
//!
//! Everything comes as bytes; reading files is the runtime's business. What cannot work is refused by
//! [`Builder::build`], not at the first handshake.

mod error;
mod material;

pub use error::ConfigError;
pub use material::{Identity, TrustAnchors};

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

#[cfg(feature = "std")]
use rustls_pki_types::CertificateDer;
use rustls_pki_types::TrustAnchor;
use sha2::{Digest, Sha256};

use crate::buffer::RECORD;
use crate::event::Version;
use crate::tls::client::ClientEngine;
use crate::tls::provider::CryptoProvider;
#[cfg(feature = "std")]
pub use crate::tls::resumption::{ClientResumption, ServerResumption};
use crate::tls::server::{Authentication, ServerEngine};
use crate::tls::verifier::Policy;
use crate::trust::pin::PinSet;

/// The largest plaintext of a record, in bytes (RFC 8446, 5.1).
const FRAGMENT: usize = 16_384;

/// The largest chain, in bytes: the engine takes handshake messages of 64 KiB, and a ticket holds the chain.
const CHAIN: usize = 49_152;

/// The largest storage, in bytes.
const STORAGE: usize = 1 << 24;

/// A client's configuration. Cloning it shares it.
#[derive(Clone, Debug)]
pub struct ClientConfig(Arc<ClientInner>);

#[derive(Debug)]
struct ClientInner {
    engine: ClientEngine,
    settings: Settings,
    #[cfg(feature = "std")]
    resumption: ClientResumption,
}

impl ClientConfig {
    /// Begins a configuration that trusts `anchors`, and nothing else, to vouch for servers.
    pub fn builder(provider: Arc<CryptoProvider>, anchors: TrustAnchors) -> Builder<Client> {
        Self::begin(provider, Some(anchors))
    }

    /// Begins a configuration for a look at a server whose CA is not known yet.
    ///
    /// Its connections end with [`NotJudged`](crate::CertificateError::NotJudged) as soon as the server has presented
    /// its chain, and carry no plaintext. Afterwards [`peer`](crate::Connection::peer) and
    /// [`peer_certificates`](crate::Connection::peer_certificates) hold what the server claims to be: nobody vouches
    /// for it.
    pub fn probe(provider: Arc<CryptoProvider>) -> Builder<Client> {
        Self::begin(provider, None)
    }

    fn begin(provider: Arc<CryptoProvider>, anchors: Option<TrustAnchors>) -> Builder<Client> {
        Builder::new(
            provider,
            Client {
                anchors,
                identity: None,
                #[cfg(feature = "std")]
                resumption: ClientResumption::default(),
            },
        )
    }

    /// The epoch of its policy.
    pub fn epoch(&self) -> Epoch {
        self.0.engine.policy().epoch
    }

    /// Its sessions; hand a clone to the configuration that replaces this one.
    #[cfg(feature = "std")]
    pub fn resumption(&self) -> &ClientResumption {
        &self.0.resumption
    }

    pub(crate) fn engine(&self) -> &ClientEngine {
        &self.0.engine
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.0.settings
    }
}

/// A server's configuration. Cloning it shares it.
#[derive(Clone, Debug)]
pub struct ServerConfig(Arc<ServerInner>);

#[derive(Debug)]
struct ServerInner {
    engine: ServerEngine,
    settings: Settings,
    #[cfg(feature = "std")]
    resumption: ServerResumption,
}

impl ServerConfig {
    /// Begins a configuration that presents `identity`.
    pub fn builder(provider: Arc<CryptoProvider>, identity: Identity) -> Builder<Server> {
        Builder::new(
            provider,
            Server {
                identity,
                client_auth: ClientAuth::None,
                #[cfg(feature = "std")]
                resumption: ServerResumption::default(),
            },
        )
    }

    /// The epoch of its policy.
    pub fn epoch(&self) -> Epoch {
        self.0.engine.policy().epoch
    }

    /// Its ticket keys or cache; hand a clone to the configuration that replaces this one.
    #[cfg(feature = "std")]
    pub fn resumption(&self) -> &ServerResumption {
        &self.0.resumption
    }

    pub(crate) fn engine(&self) -> &ServerEngine {
        &self.0.engine
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.0.settings
    }
}

/// Whether a server asks its clients for a certificate (RFC 8446, 4.3.2).
///
/// The trust anchors are part of the answer: there is no mode that asks for a certificate and would accept one from
/// just any public CA.
#[derive(Clone, Debug)]
pub enum ClientAuth {
    /// Clients are not asked.
    None,
    /// A client may present a certificate from these anchors, or none; an event tells which.
    Optional(TrustAnchors),
    /// A client must present a certificate from these anchors.
    Required(TrustAnchors),
}

/// A configuration in the making: [`ClientConfig::builder`], [`ServerConfig::builder`].
#[must_use]
pub struct Builder<Side> {
    provider: Arc<CryptoProvider>,
    pins: Option<PinSet>,
    settings: Settings,
    side: Side,
}

/// The client's part of a [`Builder`].
pub struct Client {
    /// None for a probe.
    anchors: Option<TrustAnchors>,
    identity: Option<Identity>,
    #[cfg(feature = "std")]
    resumption: ClientResumption,
}

/// The server's part of a [`Builder`].
pub struct Server {
    identity: Identity,
    client_auth: ClientAuth,
    #[cfg(feature = "std")]
    resumption: ServerResumption,
}

impl<Side> Builder<Side> {
    fn new(provider: Arc<CryptoProvider>, side: Side) -> Self {
        Self {
            provider,
            pins: None,
            settings: Settings::default(),
            side,
        }
    }

    /// Demands a pin on the peer's verified path.
    pub fn pins(mut self, pins: PinSet) -> Self {
        self.pins = Some(pins);
        self
    }

    /// The oldest protocol version; TLS 1.3 by default. TLS 1.2 needs the feature `tls12`.
    pub fn min_version(mut self, version: Version) -> Self {
        self.settings.min_version = version;
        self
    }

    /// The application protocols (ALPN, RFC 7301), the preferred one first; none by default. When both sides name some
    /// and none is common, the handshake fails.
    pub fn alpn<P: Into<Vec<u8>>>(mut self, protocols: impl IntoIterator<Item = P>) -> Self {
        self.settings.alpn = protocols.into_iter().map(Into::into).collect();
        self
    }

    /// The sizes that bound a connection.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.settings.limits = limits;
        self
    }

    /// How long a connection waits.
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.settings.timeouts = timeouts;
        self
    }

    /// Takes the end of the transport for the end of the data, also without close_notify. Only right for protocols
    /// whose messages say where they end: anyone on the path can cut the connection unnoticed (RFC 8446, 6.1).
    pub fn allow_truncation(mut self) -> Self {
        self.settings.allow_truncation = true;
        self
    }
}

impl Builder<Client> {
    /// The certificate that the client presents when a server asks.
    pub fn identity(mut self, identity: Identity) -> Self {
        self.side.identity = Some(identity);
        self
    }

    /// Where sessions are kept for resumption.
    #[cfg(feature = "std")]
    pub fn resumption(mut self, resumption: ClientResumption) -> Self {
        self.side.resumption = resumption;
        self
    }

    /// Checks it all.
    ///
    /// # Errors
    ///
    /// A key that does not belong to its certificate, a limit out of range, a version that is not built in, a provider
    /// without what TLS needs, pins on a probe.
    pub fn build(self) -> Result<ClientConfig, ConfigError> {
        let Self {
            provider,
            pins,
            settings,
            side,
        } = self;
        settings.check()?;
        let is_probe = side.anchors.is_none();
        if is_probe && pins.is_some() {
            // Pins are judged on a verified path, and a probe verifies none.
            return Err(ConfigError::NoAnchors);
        }
        let anchors = side.anchors.map(Vec::from).unwrap_or_default();
        let policy = policy(&provider, anchors, pins, &settings, b"server");
        let engine = ClientEngine::new(
            provider,
            policy,
            is_probe,
            side.identity,
            &settings,
            #[cfg(feature = "std")]
            side.resumption.clone(),
        )?;
        Ok(ClientConfig(Arc::new(ClientInner {
            engine,
            settings,
            #[cfg(feature = "std")]
            resumption: side.resumption,
        })))
    }
}

impl Builder<Server> {
    /// Whether clients are asked for a certificate; they are not by default.
    pub fn client_auth(mut self, client_auth: ClientAuth) -> Self {
        self.side.client_auth = client_auth;
        self
    }

    /// How clients may resume.
    #[cfg(feature = "std")]
    pub fn resumption(mut self, resumption: ServerResumption) -> Self {
        self.side.resumption = resumption;
        self
    }

    /// Checks it all.
    ///
    /// # Errors
    ///
    /// Those of the client's, and pins without client authentication.
    pub fn build(self) -> Result<ServerConfig, ConfigError> {
        let Self {
            provider,
            pins,
            settings,
            side,
        } = self;
        settings.check()?;
        let (mode, anchors, name): (_, Vec<_>, &[u8]) = match side.client_auth {
            ClientAuth::None if pins.is_some() => return Err(ConfigError::PinsWithoutClientAuth),
            ClientAuth::None => (Authentication::None, Vec::new(), b"client-none"),
            ClientAuth::Optional(anchors) => {
                (Authentication::Optional, anchors.into(), b"client-optional")
            }
            ClientAuth::Required(anchors) => {
                (Authentication::Required, anchors.into(), b"client-required")
            }
        };
        let policy = policy(&provider, anchors, pins, &settings, name);
        let engine = ServerEngine::new(
            provider,
            policy,
            mode,
            side.identity,
            &settings,
            #[cfg(feature = "std")]
            side.resumption.clone(),
        )?;
        Ok(ServerConfig(Arc::new(ServerInner {
            engine,
            settings,
            #[cfg(feature = "std")]
            resumption: side.resumption,
        })))
    }
}

impl<Side> fmt::Debug for Builder<Side> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

/// The sizes that bound a connection, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Sealed bytes that may wait for transmission before `send` accepts no more; 65,536 by default, one record at
    /// least. Alerts and handshake messages are small, few and not counted.
    pub outgoing: usize,
    /// The peer's certificate chain; 16,384 by default, 512 at least and 49,152 at most. A handshake message may be this
    /// long plus one record.
    pub chain: usize,
    /// The plaintext of a record that is sent; 16,384 by default, 64 at least. A peer with a small buffer wants less.
    pub fragment: usize,
    /// The receive storage that a connection asks for first; one record by default, 512 at least and 16 MiB at most.
    pub storage: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            outgoing: 65_536,
            chain: 16_384,
            fragment: FRAGMENT,
            storage: RECORD,
        }
    }
}

/// How long a connection waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For the handshake to finish; 10 s by default.
    pub handshake: Duration,
    /// For a record or a handshake message that has begun to end; 30 s by default.
    pub record: Duration,
    /// For any byte in either direction; no limit by default, since an MCP session may well be silent for hours.
    pub idle: Option<Duration>,
    /// For the last bytes, close_notify or an alert, to leave; 5 s by default.
    pub close: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            record: Duration::from_secs(30),
            idle: None,
            close: Duration::from_secs(5),
        }
    }
}

/// Names a policy: whom it trusts, which pins it demands and whether it authenticates clients.
///
/// Two configurations with the same policy have the same epoch, also in two processes. A session is resumed only under
/// the epoch that it began with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Epoch(pub(crate) [u8; 16]);

impl Epoch {
    /// The epoch of the sessions that a client begins under this policy as the holder of `chain`.
    #[cfg(feature = "std")]
    pub(crate) fn of_client(self, chain: &[CertificateDer<'_>]) -> Self {
        Self::digest(|field| {
            field(b"ravelin client 1");
            field(&self.0);
            chain.iter().for_each(|certificate| field(certificate));
        })
    }

    /// Every field with its length before it, so that no two lists of fields read alike.
    fn digest(fields: impl FnOnce(&mut dyn FnMut(&[u8]))) -> Self {
        let mut hash = Sha256::new();
        fields(&mut |bytes| {
            hash.update((bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        });
        let digest = hash.finalize();
        let mut epoch = [0; 16];
        epoch.copy_from_slice(digest.get(..16).unwrap_or_default());
        Self(epoch)
    }
}

/// What both sides have.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) min_version: Version,
    pub(crate) alpn: Vec<Vec<u8>>,
    pub(crate) limits: Limits,
    pub(crate) timeouts: Timeouts,
    pub(crate) allow_truncation: bool,
}

impl Settings {
    fn check(&self) -> Result<(), ConfigError> {
        let Limits {
            outgoing,
            chain,
            fragment,
            storage,
        } = self.limits;
        let in_range = (64..=FRAGMENT).contains(&fragment)
            && outgoing >= fragment + 256
            && (512..=CHAIN).contains(&chain)
            && (512..=STORAGE).contains(&storage);
        if !in_range {
            return Err(ConfigError::LimitOutOfRange);
        }
        // RFC 7301, 3.1: a protocol name has 1 to 255 bytes.
        if self
            .alpn
            .iter()
            .any(|name| name.is_empty() || name.len() > 255)
        {
            return Err(ConfigError::AlpnName);
        }
        Ok(())
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            min_version: Version::Tls13,
            alpn: Vec::new(),
            limits: Limits::default(),
            timeouts: Timeouts::default(),
            allow_truncation: false,
        }
    }
}

fn policy(
    provider: &CryptoProvider,
    anchors: Vec<TrustAnchor<'static>>,
    pins: Option<PinSet>,
    settings: &Settings,
    peer: &[u8],
) -> Arc<Policy> {
    let algorithms = provider.signature_verification_algorithms;
    let chain_limit = settings.limits.chain;
    let mut listed: Vec<_> = anchors.iter().map(anchor_fields).collect();
    // Neither their order means anything, nor that one is given twice.
    listed.sort_unstable();
    listed.dedup();
    let epoch = Epoch::digest(|field| {
        field(b"ravelin policy 1");
        field(peer);
        field(&(chain_limit as u64).to_be_bytes());
        for scheme in algorithms.supported_schemes() {
            field(&u16::from(scheme).to_be_bytes());
        }
        field(&(listed.len() as u64).to_be_bytes());
        listed.iter().flatten().for_each(|part| field(part));
        if let Some(pins) = &pins {
            pins.fold(&mut |part: &[u8]| field(part));
        }
    });
    Arc::new(Policy {
        anchors,
        pins,
        chain_limit,
        algorithms,
        epoch,
    })
}

fn anchor_fields<'a>(anchor: &'a TrustAnchor<'_>) -> [&'a [u8]; 3] {
    [
        &anchor.subject,
        &anchor.subject_public_key_info,
        anchor.name_constraints.as_deref().unwrap_or_default(),
    ]
}
