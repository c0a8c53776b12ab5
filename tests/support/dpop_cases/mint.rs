//! Server nonces, version 1, and the settings that go with them.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::forge::{Key, NOW, base64url, from_base64url, to_hex};
use super::format::{Nonces, Rotation, Secret};

/// The identifier of the resource server.
pub(super) const RESOURCE_SERVER: &str = "https://mcp.example.com";
/// The identifier of the authorization server.
pub(super) const AUTHORIZATION_SERVER: &str = "https://as.example.com";
/// The epoch of its nonces.
const EPOCH: u32 = 7;
/// How long a nonce lives, in seconds.
pub(super) const LIFETIME: u64 = 120;

/// A nonce in the making, right for the resource server.
#[derive(Clone)]
pub(super) struct Mint {
    domain: &'static str,
    server: &'static str,
    role: &'static str,
    key: Option<Key>,
    version: u8,
    kid: u8,
    secret: [u8; 32],
    epoch: u32,
    issued: u64,
}

impl Mint {
    /// A nonce that the resource server issued `NOW`, under its first secret.
    pub(super) fn resource() -> Self {
        Self {
            domain: "ravelin-dpop-nonce-v1",
            server: RESOURCE_SERVER,
            role: "resource",
            key: None,
            version: 1,
            kid: 1,
            secret: secret_bytes(1),
            epoch: EPOCH,
            issued: NOW,
        }
    }

    /// A nonce that the authorization server issued.
    pub(super) fn authorization() -> Self {
        Self {
            server: AUTHORIZATION_SERVER,
            role: "authorization",
            ..Self::resource()
        }
    }

    pub(super) fn issued(self, issued: u64) -> Self {
        Self { issued, ..self }
    }

    /// Under the secret of this number, with its own `kid`.
    pub(super) fn under(self, number: u8) -> Self {
        Self {
            kid: number,
            secret: secret_bytes(number),
            ..self
        }
    }

    /// Under a secret of zero bytes.
    pub(super) fn under_zeros(self) -> Self {
        Self {
            secret: [0; 32],
            ..self
        }
    }

    pub(super) fn kid(self, kid: u8) -> Self {
        Self { kid, ..self }
    }

    pub(super) fn version(self, version: u8) -> Self {
        Self { version, ..self }
    }

    pub(super) fn epoch(self, epoch: u32) -> Self {
        Self { epoch, ..self }
    }

    pub(super) fn server(self, server: &'static str) -> Self {
        Self { server, ..self }
    }

    pub(super) fn role(self, role: &'static str) -> Self {
        Self { role, ..self }
    }

    pub(super) fn domain(self, domain: &'static str) -> Self {
        Self { domain, ..self }
    }

    /// Only for this key.
    pub(super) fn bound_to(self, key: &Key) -> Self {
        Self {
            key: Some(key.clone()),
            ..self
        }
    }

    /// The 42 bytes.
    pub(super) fn bytes(&self) -> Vec<u8> {
        let epoch = self.epoch.to_be_bytes();
        let issued = u32::try_from(self.issued)
            .expect("before 2106")
            .to_be_bytes();
        let random = [0xA5; 16];
        let head = [&[self.version, self.kid], &epoch[..], &issued, &random].concat();
        let jkt = self.key.as_ref().map(|key| from_base64url(&key.jkt()));
        let fields = [
            self.domain.as_bytes(),
            self.server.as_bytes(),
            self.role.as_bytes(),
            &jkt.unwrap_or_default(),
        ];
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret).expect("any length");
        for field in fields {
            let length = u16::try_from(field.len()).expect("short");
            mac.update(&length.to_be_bytes());
            mac.update(field);
        }
        mac.update(&head);
        let tag = mac.finalize().into_bytes();
        [&head[..], &tag[..16]].concat()
    }

    pub(super) fn text(&self) -> String {
        base64url(&self.bytes())
    }
}

/// The nonces of the resource server, under its first secret.
pub(super) fn resource_nonces() -> Nonces {
    Nonces {
        server: RESOURCE_SERVER.to_owned(),
        lifetime: LIFETIME as u32,
        ahead: 10,
        epoch: EPOCH,
        bound: false,
        is_time: false,
        installed: NOW - 3600,
        secret: secret(1),
    }
}

/// The nonces of the authorization server.
pub(super) fn authorization_nonces() -> Nonces {
    Nonces {
        server: AUTHORIZATION_SERVER.to_owned(),
        ..resource_nonces()
    }
}

/// The secret of this number becomes current.
pub(super) fn rotation(number: u8) -> Rotation {
    Rotation {
        to: secret(number),
        leaked: false,
    }
}

/// The same, because the one before leaked.
pub(super) fn replacement(number: u8) -> Rotation {
    Rotation {
        leaked: true,
        ..rotation(number)
    }
}

fn secret(number: u8) -> Secret {
    Secret {
        kid: number,
        key: to_hex(&secret_bytes(number)),
    }
}

fn secret_bytes(number: u8) -> [u8; 32] {
    std::array::from_fn(|at| number.wrapping_mul(16).wrapping_add(at as u8))
}
