//! What a schedule begins with: two configurations, and perhaps a session to resume.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use ravelin_core::config::{Limits, ServerResumption, Timeouts};
use ravelin_core::pki_types::{CertificateDer, PrivateKeyDer};
use ravelin_core::trust::pin::{Pin, PinSet};
use ravelin_core::{ClientAuth, ClientConfig, Identity, RECORD, ServerConfig, TrustAnchors};
use rustls::NamedGroup;
use rustls::crypto::CryptoProvider;

use super::clear::clear;
use super::provider::{provider, restart};
use crate::ca::{Ca, Issued, Leaf};
use crate::pair::{Pair, Side};

/// Flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setup(pub u16);

impl Setup {
    /// The server demands a client certificate.
    pub const MUTUAL: Self = Self(1);
    /// The server admits a client with or without a certificate.
    pub const OPTIONAL: Self = Self(1 << 1);
    /// Nothing is encrypted, and every signature and MAC is taken for valid.
    pub const CLEAR: Self = Self(1 << 2);
    /// A connection went before, and left tickets.
    pub const RESUMED: Self = Self(1 << 3);
    /// Limits as small as a device has them.
    pub const TIGHT: Self = Self(1 << 4);
    /// The server wants another group than the client begins with (HelloRetryRequest).
    pub const RETRY: Self = Self(1 << 5);
    /// The end of the transport is taken for the end of the data.
    pub const TRUNCATION: Self = Self(1 << 6);
    /// The server keeps sessions instead of sealing tickets, and hands out two.
    pub const CACHE: Self = Self(1 << 7);
    /// Plaintext stays in the client until it is read.
    pub const LAZY_CLIENT: Self = Self(1 << 8);
    /// Plaintext stays in the server until it is read.
    pub const LAZY_SERVER: Self = Self(1 << 9);
    /// A silent connection ends.
    pub const IDLE: Self = Self(1 << 10);
    /// Both sides name an application protocol.
    pub const ALPN: Self = Self(1 << 11);
    /// The client demands a pin, which matches.
    pub const PINNED: Self = Self(1 << 12);
    /// The client demands a pin, which does not match.
    pub const MISPINNED: Self = Self(1 << 13);
    /// The client presents no certificate, even when it is asked.
    pub const ANONYMOUS: Self = Self(1 << 14);
    /// In the targets for records: the rest of the input is what the peer sends.
    pub const RAW: Self = Self(1 << 15);

    /// Both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// These without those.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether all of `other` is set.
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The two ends, before the first byte.
    pub(super) fn pair(self) -> Pair {
        restart();
        let (client, server) = (self.client(), self.server());
        if self.has(Self::RESUMED) {
            let mut first = Pair::new(&client, &server);
            first.drive();
        }
        let mut pair = Pair::new(&client, &server);
        pair.client.reading = !self.has(Self::LAZY_CLIENT);
        pair.server.reading = !self.has(Self::LAZY_SERVER);
        pair
    }

    /// Whether the two accept each other.
    pub(super) fn agrees(self) -> bool {
        let missing = self.has(Self::MUTUAL.and(Self::ANONYMOUS)) && !self.has(Self::OPTIONAL);
        !missing && !self.has(Self::MISPINNED)
    }

    pub(super) fn limits(self) -> Limits {
        if self.has(Self::TIGHT) {
            Limits {
                outgoing: 640,
                chain: 1024,
                fragment: 256,
                storage: 640,
            }
        } else {
            Limits::default()
        }
    }

    /// More than the handshake flights, tickets and alerts that may wait beside the sealed plaintext.
    pub(super) fn most_outgoing(self) -> usize {
        self.limits().outgoing + 6 * 1024
    }

    /// More storage than a connection may ask for.
    pub(super) fn most_storage(self) -> usize {
        let limits = self.limits();
        limits.chain + limits.storage + 2 * RECORD
    }

    fn client(self) -> ClientConfig {
        let provider = self.provider(Side::Client);
        let material = material();
        let mut builder = ClientConfig::builder(Arc::new(provider), material.anchors());
        if self.has(Self::MUTUAL) && !self.has(Self::ANONYMOUS) {
            builder = builder.identity(material.client.identity());
        }
        if self.has(Self::PINNED) || self.has(Self::MISPINNED) {
            let pinned = if self.has(Self::MISPINNED) {
                &material.client
            } else {
                &material.server
            };
            let pins = PinSet::new(Pin::of_spki(&pinned.spki), Pin::of_certificate(&[]))
                .expect("two pins");
            builder = builder.pins(pins);
        }
        if self.has(Self::TRUNCATION) {
            builder = builder.allow_truncation();
        }
        builder
            .limits(self.limits())
            .timeouts(self.timeouts())
            .alpn(self.alpn())
            .build()
            .expect("a client")
    }

    fn server(self) -> ServerConfig {
        let provider = self.provider(Side::Server);
        let client_auth = if self.has(Self::OPTIONAL) {
            ClientAuth::Optional(material().anchors())
        } else if self.has(Self::MUTUAL) {
            ClientAuth::Required(material().anchors())
        } else {
            ClientAuth::None
        };
        let mut builder = ServerConfig::builder(Arc::new(provider), material().server.identity())
            .client_auth(client_auth);
        if self.has(Self::CACHE) {
            builder = builder.resumption(ServerResumption::cache(8).count(2));
        }
        if self.has(Self::TRUNCATION) {
            builder = builder.allow_truncation();
        }
        builder
            .limits(self.limits())
            .timeouts(self.timeouts())
            .alpn(self.alpn())
            .build()
            .expect("a server")
    }

    fn provider(self, side: Side) -> CryptoProvider {
        let (first, second) = (NamedGroup::X25519, NamedGroup::secp256r1);
        let groups: &[_] = match side {
            Side::Server if self.has(Self::RETRY) => &[second],
            Side::Client | Side::Server => &[first, second],
        };
        let provider = provider(side, groups);
        if self.has(Self::CLEAR) {
            clear(provider)
        } else {
            provider
        }
    }

    fn timeouts(self) -> Timeouts {
        Timeouts {
            idle: self.has(Self::IDLE).then_some(Duration::from_secs(20)),
            ..Timeouts::default()
        }
    }

    fn alpn(self) -> Option<&'static str> {
        self.has(Self::ALPN).then_some("mcp")
    }
}

/// The certificates and keys, made once.
pub(super) struct Material {
    root: CertificateDer<'static>,
    pub(super) server: Party,
    pub(super) client: Party,
}

pub(super) struct Party {
    pub(super) chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    spki: Vec<u8>,
}

pub(super) fn material() -> &'static Material {
    static MATERIAL: LazyLock<Material> = LazyLock::new(|| {
        let ca = Ca::new("Test CA", 1);
        Material {
            root: ca.root(),
            server: ca.issue(Leaf::server("localhost")).into(),
            client: ca.issue(Leaf::client("alice")).into(),
        }
    });
    &MATERIAL
}

impl Material {
    fn anchors(&self) -> TrustAnchors {
        TrustAnchors::from_der([self.root.clone()]).expect("a root is an anchor")
    }
}

impl Party {
    fn identity(&self) -> Identity {
        Identity::from_der(self.chain.clone(), self.key.clone_key()).expect("a chain has a leaf")
    }
}

impl From<Issued> for Party {
    fn from(issued: Issued) -> Self {
        Self {
            key: issued.key(),
            spki: issued.spki(),
            chain: issued.chain,
        }
    }
}
