//! The engine's server configuration, built anew for each connection: its verifier, clock, resolver and stores are the
//! connection's own.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use rustls::crypto::CryptoProvider;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{
    ClientHello, NoClientAuth, NoServerSessionStorage, ResolvesServerCert,
    UnbufferedServerConnection,
};
use rustls::sign::CertifiedKey;
use rustls::{DistinguishedName, SupportedProtocolVersion};

#[cfg(feature = "std")]
use super::resumption::ServerResumption;
use super::session::Session;
use super::slot::Slot;
use super::verifier::{ClientVerifier, Policy};
use super::{certified_key, decode, versions};
use crate::config::{ConfigError, Identity, Settings};
use crate::error::{Error, LocalError};

pub(crate) struct ServerEngine {
    provider: Arc<CryptoProvider>,
    versions: &'static [&'static SupportedProtocolVersion],
    identity: Arc<CertifiedKey>,
    policy: Arc<Policy>,
    client_auth: Authentication,
    hints: Arc<[DistinguishedName]>,
    alpn: Vec<Vec<u8>>,
    fragment: Option<usize>,
    #[cfg(feature = "std")]
    resumption: ServerResumption,
}

/// Whether a client is asked for a certificate, and whether it must present one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Authentication {
    None,
    Optional,
    Required,
}

impl ServerEngine {
    pub(crate) fn new(
        provider: Arc<CryptoProvider>,
        policy: Arc<Policy>,
        client_auth: Authentication,
        identity: Identity,
        settings: &Settings,
        #[cfg(feature = "std")] resumption: ServerResumption,
    ) -> Result<Self, ConfigError> {
        let (chain, key) = identity.into_parts();
        let hints = policy
            .anchors
            .iter()
            .map(|anchor| DistinguishedName::in_sequence(&anchor.subject))
            .collect();
        let engine = Self {
            identity: certified_key(&provider, chain, key)?,
            versions: versions(&provider, settings.min_version)?,
            provider,
            policy,
            client_auth,
            hints,
            alpn: settings.alpn.clone(),
            fragment: settings.fragment(),
            #[cfg(feature = "std")]
            resumption,
        };
        // What every connection will do is tried once here, so that it cannot fail there.
        engine
            .session(Arc::new(Slot::default()))
            .map_err(|_| ConfigError::ProviderIncomplete)?;
        Ok(engine)
    }

    pub(crate) fn session(&self, slot: Arc<Slot>) -> Result<Session, Error> {
        let verifier: Arc<dyn ClientCertVerifier> = match self.client_auth {
            Authentication::None => Arc::new(NoClientAuth),
            mode @ (Authentication::Optional | Authentication::Required) => {
                Arc::new(ClientVerifier {
                    policy: Arc::clone(&self.policy),
                    mandatory: mode == Authentication::Required,
                    hints: Arc::clone(&self.hints),
                    slot: Arc::clone(&slot),
                })
            }
        };
        let resolver = Resolver {
            identity: Arc::clone(&self.identity),
            slot: Arc::clone(&slot),
        };
        let mut config = rustls::ServerConfig::builder_with_details(
            Arc::clone(&self.provider),
            Arc::<Slot>::clone(&slot),
        )
        .with_protocol_versions(self.versions)
        .map_err(|_| Error::Local(LocalError::Provider))?
        .with_client_cert_verifier(verifier)
        .with_cert_resolver(Arc::new(resolver));
        config.alpn_protocols.clone_from(&self.alpn);
        config.max_fragment_size = self.fragment;
        config.send_tls13_tickets = 0;
        // The engine's default is a cache of its own, which knows no policy.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        #[cfg(feature = "std")]
        self.resumption
            .install(&mut config, self.policy.epoch, &self.provider, &slot);
        let engine = UnbufferedServerConnection::new(Arc::new(config)).map_err(decode)?;
        Ok(Session::server(engine, Arc::clone(&self.policy), slot))
    }

    pub(crate) fn policy(&self) -> &Policy {
        &self.policy
    }

    pub(crate) fn client_auth(&self) -> Authentication {
        self.client_auth
    }
}

impl fmt::Debug for ServerEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerEngine")
            .field("policy", &self.policy)
            .field("client_auth", &self.client_auth)
            .finish_non_exhaustive()
    }
}

/// Hands out the one identity, and notes the name that the client asked for: the unbuffered API does not tell it.
#[derive(Debug)]
struct Resolver {
    identity: Arc<CertifiedKey>,
    slot: Arc<Slot>,
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        if let Some(name) = hello.server_name() {
            self.slot.set_server_name(name);
        }
        Some(Arc::clone(&self.identity))
    }
}
