//! The format of the case files: what `tests/data/dpop/README.md` says, as types.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One file: the cases of one subject.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// What the cases are about, which is also the name of the file.
    pub subject: String,
    /// The cases, each with a name that no case of any file shares.
    pub cases: Vec<Case>,
}

/// One or more requests to one server, and what it must answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// In lower case, with hyphens.
    pub name: String,
    /// The rule: `RFC 9449, 4.3 (6)`.
    pub clause: String,
    /// One sentence.
    pub shows: String,
    /// Which server checks the proofs.
    pub role: Role,
    /// Its time window, and how it takes a query in `htu`.
    pub profile: Profile,
    /// The values of `alg` that it allows; `ES256` and `EdDSA` when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub algorithms: Option<Vec<String>>,
    /// Whether it also accepts tokens that are bound to nobody, as `Bearer`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub bearer: bool,
    /// The nonces that it issues and then requires; none when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonces: Option<Nonces>,
    /// Its replay store; without limits and from its first start when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<Replay>,
    /// The requests, in this order.
    pub steps: Vec<Step>,
}

/// The party that receives a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A resource server: each request carries an access token.
    Resource,
    /// An authorization server: no access token yet.
    Authorization,
}

/// A window, in seconds before and after the server's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Profile {
    /// 60 and 10; a query or a fragment in `htu` is refused.
    Strict,
    /// 60 and 10.
    Fapi2,
    /// 300 and 300.
    Mcp,
}

/// How a server issues and checks nonces.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nonces {
    /// The identifier of the server that goes into the tag.
    pub server: String,
    /// Seconds.
    pub lifetime: u32,
    /// Seconds that a nonce may be ahead of the server's clock.
    pub ahead: u32,
    /// The epoch of the server's nonces.
    pub epoch: u32,
    /// Whether a nonce is for one key only.
    pub bound: bool,
    /// Whether the time of a valid nonce counts instead of `iat`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_time: bool,
    /// Unix time from which nonces were made under the secret.
    pub installed: u64,
    /// The secret that nonces are made under until a step rotates it.
    pub secret: Secret,
}

/// A secret under which nonces are made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Secret {
    /// Its identifier in the nonce.
    pub kid: u8,
    /// 32 bytes in hexadecimal.
    pub key: String,
}

/// How a server remembers proofs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replay {
    /// The most live proofs in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capacity: Option<u32>,
    /// The most live proofs of one key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<u32>,
    /// Unix time at which the store started, empty.
    pub started: u64,
    /// Whether no earlier run can have accepted a proof.
    pub first_start: bool,
}

/// One request and the answer to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The server's clock, in Unix seconds.
    pub now: u64,
    /// The replay store is lost and starts anew, at `now`, before this request.
    #[serde(default, skip_serializing_if = "is_false")]
    pub restart: bool,
    /// The secret of nonces changes before this request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rotate: Option<Rotation>,
    /// The method on the request line.
    pub method: String,
    /// The target URI as the server knows it.
    pub uri: String,
    /// The values of the `Authorization` fields, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub authorization: Vec<Field>,
    /// The values of the `DPoP` fields, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dpop: Vec<Field>,
    /// `cnf` of the access token (RFC 7800, 3.1); the token is bound to nothing when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmation: Option<Value>,
    /// The client certificate of the TLS connection: DER in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer_certificate: Option<String>,
    /// The key that the grant is bound to: a thumbprint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant_key: Option<String>,
    /// The nonce that the server has given this client and remembers: the proof has to have exactly this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provided_nonce: Option<String>,
    /// The answer.
    pub expect: Expect,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde demands it.
fn is_false(flag: &bool) -> bool {
    !flag
}

/// A new current secret, from `now` of the step on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    /// The secret.
    pub to: Secret,
    /// Whether the one before leaked: it is dropped at once. Else it is accepted until its last nonce is stale.
    pub leaked: bool,
}

/// The value of a header field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Field {
    /// Printable ASCII.
    Text(String),
    /// Other bytes.
    Hex {
        /// In hexadecimal.
        hex: String,
    },
}

/// What the server decides.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "lowercase", deny_unknown_fields)]
pub enum Expect {
    /// Every check passed.
    Accepted {
        /// The thumbprint of the proof's key; absent where no proof was needed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        jkt: Option<String>,
        /// What the nonce was.
        nonce: NonceState,
    },
    /// A rule was broken.
    Refused {
        /// Of the first rule broken.
        code: String,
        /// The HTTP status.
        status: u16,
        /// `error` of the challenge or of the body; absent when the answer has none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
}

/// The nonce of an accepted proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NonceState {
    /// There was none to check.
    Absent,
    /// Younger than half its lifetime.
    Valid,
    /// Older: the response offers a new one.
    Renew,
}

impl Field {
    /// The bytes on the wire.
    ///
    /// # Panics
    /// When the hexadecimal is none.
    pub fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.clone().into_bytes(),
            Self::Hex { hex } => from_hex(hex),
        }
    }
}

/// Bytes from hexadecimal.
///
/// # Panics
/// When it is none.
pub fn from_hex(hex: &str) -> Vec<u8> {
    assert!(hex.len().is_multiple_of(2), "whole bytes: {hex}");
    let digit = |byte: u8| char::from(byte).to_digit(16).expect("hexadecimal") as u8;
    hex.as_bytes()
        .chunks_exact(2)
        .map(|pair| digit(pair[0]) << 4 | digit(pair[1]))
        .collect()
}
