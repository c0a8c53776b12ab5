//! A client and a server under one CA: the certificates of most scenarios, made once.

use std::sync::{Arc, OnceLock};

use ravelin_core::config::{Builder, Client, Server};
use ravelin_core::{ClientAuth, ClientConfig, Identity, ServerConfig, TrustAnchors};
use rustls::crypto::CryptoProvider;

use crate::ca::{Ca, Issued, Leaf};

/// `localhost` and `alice`, and the CA that vouches for both.
pub struct Setup {
    /// The CA.
    pub ca: Ca,
    /// The server's certificate, for `localhost`.
    pub server: Issued,
    /// The client's certificate, for `alice`.
    pub client: Issued,
}

/// The setup, the same for every test.
pub fn setup() -> &'static Setup {
    static SETUP: OnceLock<Setup> = OnceLock::new();
    SETUP.get_or_init(|| {
        let ca = Ca::new("Test CA", 1);
        Setup {
            server: ca.issue(Leaf::server("localhost")),
            client: ca.issue(Leaf::client("alice")),
            ca,
        }
    })
}

impl Setup {
    /// The CA as the only one trusted.
    pub fn anchors(&self) -> TrustAnchors {
        anchors(&self.ca)
    }

    /// A client that trusts the CA and presents `alice` when it is asked.
    pub fn client(&self, provider: CryptoProvider) -> Builder<Client> {
        ClientConfig::builder(Arc::new(provider), self.anchors()).identity(identity(&self.client))
    }

    /// A server that is `localhost` and asks clients for nothing.
    pub fn server(&self, provider: CryptoProvider) -> Builder<Server> {
        ServerConfig::builder(Arc::new(provider), identity(&self.server))
    }

    /// A server that demands a client certificate from the CA.
    pub fn mutual(&self, provider: CryptoProvider) -> Builder<Server> {
        self.server(provider)
            .client_auth(ClientAuth::Required(self.anchors()))
    }
}

/// `ca` as the only one trusted.
pub fn anchors(ca: &Ca) -> TrustAnchors {
    TrustAnchors::from_der([ca.root()]).expect("the root of a CA is an anchor")
}

/// What an end presents.
pub fn identity(issued: &Issued) -> Identity {
    Identity::from_der(issued.chain.clone(), issued.key()).expect("a chain has a leaf")
}
