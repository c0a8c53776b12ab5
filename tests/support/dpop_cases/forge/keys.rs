//! Keys from names, their signatures, and the arithmetic that makes a signature's twin.

use ed25519_dalek::Signer as _;
use sha2::{Digest as _, Sha256};

use super::{base64url, from_base64url};

/// A key pair.
#[derive(Clone)]
pub(in crate::dpop_cases) enum Key {
    P256(p256::ecdsa::SigningKey),
    Ed25519(ed25519_dalek::SigningKey),
}

impl Key {
    /// The key of the client, on P-256.
    pub(in crate::dpop_cases) fn client() -> Self {
        Self::p256("client")
    }

    /// The client's key on Ed25519.
    pub(in crate::dpop_cases) fn edwards() -> Self {
        Self::Ed25519(ed25519_dalek::SigningKey::from_bytes(&seed("edwards")))
    }

    /// The key of somebody else, on P-256.
    pub(in crate::dpop_cases) fn stranger() -> Self {
        Self::p256("stranger")
    }

    /// The key of this name, on P-256.
    pub(in crate::dpop_cases) fn p256(name: &str) -> Self {
        Self::P256(p256::ecdsa::SigningKey::from_slice(&seed(name)).expect("a scalar"))
    }

    /// The first key on P-256 whose x begins with a zero byte.
    pub(in crate::dpop_cases) fn with_leading_zero() -> Self {
        (0..)
            .map(|number| Self::p256(&format!("zero {number}")))
            .find(|key| key.x()[0] == 0)
            .expect("one in 256")
    }

    /// A published key on P-256: its `d`.
    pub(in crate::dpop_cases) fn published_p256(d: &str) -> Self {
        let key = p256::ecdsa::SigningKey::from_slice(&from_base64url(d));
        Self::P256(key.expect("a scalar"))
    }

    /// A published key on Ed25519: its `d`.
    pub(in crate::dpop_cases) fn published_ed25519(d: &str) -> Self {
        let seed = from_base64url(d).try_into().expect("32 bytes");
        Self::Ed25519(ed25519_dalek::SigningKey::from_bytes(&seed))
    }

    /// The value of `alg`.
    pub(in crate::dpop_cases) fn algorithm(&self) -> &'static str {
        match self {
            Self::P256(_) => "ES256",
            Self::Ed25519(_) => "EdDSA",
        }
    }

    /// The public key as a client writes it, in the order of RFC 7517, 3.
    pub(in crate::dpop_cases) fn jwk(&self) -> String {
        let x = base64url(&self.x());
        match self {
            Self::P256(_) => jwk_p256(&x, &base64url(&self.y())),
            Self::Ed25519(_) => jwk_ed25519(&x),
        }
    }

    /// The private scalar or seed.
    pub(in crate::dpop_cases) fn d(&self) -> String {
        match self {
            Self::P256(key) => base64url(&key.to_bytes()),
            Self::Ed25519(key) => base64url(&key.to_bytes()),
        }
    }

    /// The thumbprint (RFC 7638, 3).
    pub(in crate::dpop_cases) fn jkt(&self) -> String {
        let x = base64url(&self.x());
        let members = match self {
            Self::P256(_) => {
                let y = base64url(&self.y());
                format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#)
            }
            Self::Ed25519(_) => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#),
        };
        base64url(&Sha256::digest(members))
    }

    pub(in crate::dpop_cases) fn x(&self) -> [u8; 32] {
        match self {
            Self::P256(key) => half(key, 1),
            Self::Ed25519(key) => key.verifying_key().to_bytes(),
        }
    }

    /// # Panics
    /// For an Ed25519 key, which has none.
    pub(in crate::dpop_cases) fn y(&self) -> [u8; 32] {
        match self {
            Self::P256(key) => half(key, 33),
            Self::Ed25519(_) => panic!("an Ed25519 key has no y"),
        }
    }

    /// The signature as JWS has it: r and s, or R and S.
    pub(in crate::dpop_cases) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                signature.to_bytes().to_vec()
            }
            Self::Ed25519(key) => key.sign(message).to_bytes().to_vec(),
        }
    }

    /// An ECDSA signature over a digest that the caller made.
    ///
    /// # Panics
    /// For an Ed25519 key.
    pub(in crate::dpop_cases) fn sign_digest(&self, digest: &[u8]) -> Vec<u8> {
        use p256::ecdsa::signature::hazmat::PrehashSigner as _;
        match self {
            Self::P256(key) => {
                let signature: p256::ecdsa::Signature =
                    key.sign_prehash(digest).expect("long enough");
                signature.to_bytes().to_vec()
            }
            Self::Ed25519(_) => panic!("Ed25519 signs no digest"),
        }
    }
}

/// A `jwk` with these coordinates.
pub(in crate::dpop_cases) fn jwk_p256(x: &str, y: &str) -> String {
    format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{y}"}}"#)
}

/// A `jwk` with this point.
pub(in crate::dpop_cases) fn jwk_ed25519(x: &str) -> String {
    format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}"#)
}

fn half(key: &p256::ecdsa::SigningKey, from: usize) -> [u8; 32] {
    let point = key.verifying_key().to_sec1_point(false);
    point.as_bytes()[from..from + 32]
        .try_into()
        .expect("32 bytes")
}

fn seed(name: &str) -> [u8; 32] {
    Sha256::digest(format!("ravelin dpop cases: {name}")).into()
}

/// The order of P-256, big-endian (SP 800-186, 3.2.1.3).
pub(in crate::dpop_cases) const P256_ORDER: &str =
    "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
/// The prime of P-256, big-endian.
pub(in crate::dpop_cases) const P256_PRIME: &str =
    "ffffffff00000001000000000000000000000000ffffffffffffffffffffffff";
/// The order of the base point of Ed25519, little-endian (RFC 8032, 5.1).
pub(in crate::dpop_cases) const ED25519_ORDER: &str =
    "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010";

/// `from - number`, big-endian.
pub(in crate::dpop_cases) fn difference(from: &[u8], number: &[u8]) -> Vec<u8> {
    let mut borrow = false;
    let mut digits: Vec<u8> = from
        .iter()
        .zip(number)
        .rev()
        .map(|(&a, &b)| {
            let (part, first) = a.overflowing_sub(b);
            let (digit, second) = part.overflowing_sub(u8::from(borrow));
            borrow = first || second;
            digit
        })
        .collect();
    assert!(!borrow, "negative");
    digits.reverse();
    digits
}

/// `a + b`, little-endian.
pub(in crate::dpop_cases) fn sum_little(a: &[u8], b: &[u8]) -> Vec<u8> {
    let mut carry = false;
    let digits = a.iter().zip(b).map(|(&a, &b)| {
        let (part, first) = a.overflowing_add(b);
        let (digit, second) = part.overflowing_add(u8::from(carry));
        carry = first || second;
        digit
    });
    digits.collect()
}

/// The other signature that ECDSA accepts for the same message: `s` becomes `n - s`.
pub(in crate::dpop_cases) fn twin(signature: &[u8]) -> Vec<u8> {
    let (r, s) = signature.split_at(32);
    let order = crate::dpop_cases::format::from_hex(P256_ORDER);
    [r, &difference(&order, s)].concat()
}

/// Whether `s` is above half the order.
pub(in crate::dpop_cases) fn is_high(signature: &[u8]) -> bool {
    signature[32..] > twin(signature)[32..]
}
