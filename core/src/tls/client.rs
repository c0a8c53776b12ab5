//! The engine's client configuration: one for all connections of a policy, cloned for each with its own clock.

use alloc::sync::Arc;
use core::fmt;

use rustls::SignatureScheme;
use rustls::client::{ResolvesClientCert, Resumption, UnbufferedClientConnection};
use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;
#[cfg(feature = "std")]
use rustls_pki_types::CertificateDer;
use rustls_pki_types::ServerName;

#[cfg(feature = "std")]
use super::resumption::ClientResumption;
use super::session::Session;
use super::slot::Slot;
use super::verifier::{Policy, Probe, ServerVerifier};
use super::{certified_key, decode, versions};
#[cfg(feature = "std")]
use crate::config::Epoch;
use crate::config::{ConfigError, Identity, Settings};
use crate::error::Error;

pub(crate) struct ClientEngine {
    config: rustls::ClientConfig,
    policy: Arc<Policy>,
    is_probe: bool,
    #[cfg(feature = "std")]
    resumption: ClientResumption,
    #[cfg(feature = "std")]
    epoch: Epoch,
}

impl ClientEngine {
    pub(crate) fn new(
        provider: Arc<CryptoProvider>,
        policy: Arc<Policy>,
        is_probe: bool,
        identity: Option<Identity>,
        settings: &Settings,
        #[cfg(feature = "std")] resumption: ClientResumption,
    ) -> Result<Self, ConfigError> {
        let credential = match identity {
            Some(identity) => {
                let (chain, key) = identity.into_parts();
                Some(certified_key(&provider, chain, key)?)
            }
            None => None,
        };
        let versions = versions(&provider, settings.min_version)?;
        let origin = Origin {
            verifier: Arc::new(ServerVerifier(Arc::clone(&policy))),
            credential: Arc::new(Credential(credential)),
        };
        #[cfg(feature = "std")]
        let epoch = policy.epoch.of_client(origin.credential.chain());
        #[cfg(feature = "std")]
        let origin = resumption.share(epoch, origin);
        // Every connection brings its own clock.
        let clock = Arc::new(Slot::default());
        let mut config = rustls::ClientConfig::builder_with_details(provider, clock)
            .with_protocol_versions(versions)
            .map_err(|_| ConfigError::ProviderIncomplete)?
            .dangerous()
            .with_custom_certificate_verifier(origin.verifier)
            .with_client_cert_resolver(origin.credential);
        config.alpn_protocols.clone_from(&settings.alpn);
        config.max_fragment_size = settings.fragment();
        config.resumption = Resumption::disabled();
        Ok(Self {
            config,
            policy,
            is_probe,
            #[cfg(feature = "std")]
            resumption,
            #[cfg(feature = "std")]
            epoch,
        })
    }

    pub(crate) fn session(
        &self,
        name: ServerName<'static>,
        slot: Arc<Slot>,
    ) -> Result<Session, Error> {
        let mut config = self.config.clone();
        config.time_provider = Arc::<Slot>::clone(&slot);
        if self.is_probe {
            let probe = Probe {
                policy: Arc::clone(&self.policy),
                slot: Arc::clone(&slot),
            };
            config.dangerous().set_certificate_verifier(Arc::new(probe));
        }
        #[cfg(feature = "std")]
        {
            config.resumption = self.resumption.for_connection(self.epoch, &slot);
        }
        let engine =
            UnbufferedClientConnection::new(Arc::new(config), name.clone()).map_err(decode)?;
        Ok(Session::client(
            engine,
            Arc::clone(&self.policy),
            name,
            slot,
        ))
    }

    pub(crate) fn policy(&self) -> &Policy {
        &self.policy
    }
}

impl fmt::Debug for ClientEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientEngine")
            .field("policy", &self.policy)
            .finish_non_exhaustive()
    }
}

/// What the engine ties a session to: it resumes only under the very objects that the session began with.
#[derive(Clone)]
pub(super) struct Origin {
    verifier: Arc<ServerVerifier>,
    credential: Arc<Credential>,
}

/// The client's certificate, when it has one.
#[derive(Debug)]
struct Credential(Option<Arc<CertifiedKey>>);

#[cfg(feature = "std")]
impl Credential {
    fn chain(&self) -> &[CertificateDer<'static>] {
        self.0.as_ref().map_or(&[], |certified| &certified.cert)
    }
}

impl ResolvesClientCert for Credential {
    fn resolve(&self, _hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        // Whether its key fits the schemes is checked by the engine when it signs.
        self.0.clone()
    }

    fn has_certs(&self) -> bool {
        self.0.is_some()
    }
}

impl Settings {
    /// The engine counts the record header into its fragment size.
    pub(super) fn fragment(&self) -> Option<usize> {
        Some(self.limits.fragment + crate::buffer::HEADER)
    }
}
