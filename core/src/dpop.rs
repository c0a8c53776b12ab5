//! DPoP: access tokens that only the holder of a key can use (RFC 9449), for clients, resource servers and
//! authorization servers, without I/O and without allocation on the paths of a request.
//!
//! # A server
//!
//! A request passes four types, and none can be skipped: a [`Request`] is what came, [`Presented`] has a token to look
//! up, [`Judged`] has met every rule but one, and settling it with the replay [`Store`] and the [`Journal`] gives
//! [`Accepted`] or [`Refused`]. Only that last step says anything, so every verdict is recorded.
//!
//! # A client
//!
//! A [`Proof`] is written into a buffer and signed by a [`SigningKey`], or by anything else that holds a key:
//! [`Proof::prepare`] gives the message, [`Prepared::finish`] takes the signature. An [`Attempt`] carries one request
//! through the demand for a nonce, and tries once more at most.
//!
//! ```
//! # #[cfg(feature = "p256")] {
//! use core::time::Duration;
//! use ravelin_core::dpop::replay::Settings;
//! use ravelin_core::dpop::{
//!     Algorithm, Algorithms, Confirmation, Jti, Journal, MAX_PROOF, Presented, Profile, Proof, Request, SigningKey,
//!     Store, TargetUri, Verifier, soft,
//! };
//! use ravelin_core::pki_types::UnixTime;
//! use ravelin_core::{Instant, Now};
//!
//! let now = Now::new(Instant::default(), UnixTime::since_unix_epoch(Duration::from_secs(1_562_262_616)));
//! let uri = TargetUri::parse("https://mcp.example/mcp")?;
//!
//! // The client: a key, which the authorization server bound the token to, and a proof for each request.
//! let key = SigningKey::generate(Algorithm::Es256, &[7; 32])?; // In earnest: 32 random bytes.
//! let jti = Jti::new([1; 16]); // In earnest: 16 random bytes.
//! let mut buffer = [0; MAX_PROOF];
//! let proof = Proof::new("POST", uri, jti.as_str(), now.unix).token("a-token").sign(&key, &mut buffer)?;
//!
//! // The server: settings once, then a store for all requests.
//! let verifier = Verifier::new(Algorithms::new(&[soft::ES256])?, Profile::FAPI2);
//! let settings = Settings::new(10_000, verifier.replay_lifetime());
//! let mut store = Store::first_start(&settings, [9; 16], now)?; // In earnest: 16 random bytes.
//! let mut journal = Journal::new(64);
//!
//! let request = Request {
//!     method: "POST",
//!     uri,
//!     authorization: &[b"DPoP a-token"],
//!     dpop: &[proof.as_bytes()],
//!     nonce: None,
//! };
//! let mut serve = || {
//!     let presented = Presented::new(request);
//!     // Here the token itself is validated: its signature, audience, lifetime. It says who may use it.
//!     assert_eq!(presented.token(), Some("a-token"));
//!     let confirmation = Confirmation::key(key.thumbprint());
//!     verifier.judge(&presented, &confirmation, None, now).settle(&mut store, &mut journal, now)
//! };
//! let accepted = serve().expect("a good proof");
//! assert_eq!(accepted.jkt(), Some(&key.thumbprint()));
//!
//! // The same proof again.
//! let refused = serve().expect_err("a replay");
//! let challenge = refused.challenge(&verifier, [3; 16], now); // In earnest: 16 random bytes.
//! assert_eq!((refused.code(), challenge.status(), challenge.error()), ("E-DPO-36", 401, Some("invalid_dpop_proof")));
//! assert_eq!(journal.counters().replays, 1);
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is not covered
//!
//! A proof covers the method and the target URI, not the other fields and not the body (RFC 9449, 11.7), and only the
//! start of a response: a stream has to end when its token does. DPoP is no client authentication, and no substitute
//! for TLS.
//!
//! # Features
//!
//! | feature | adds |
//! |---|---|
//! | `p256` | ES256 keys in memory and its verification in software ([`soft`]) |
//! | `ed25519` | the same for EdDSA |
//! | `key-export` | signing keys encrypted under a password |
//!
//! Without any of them proofs are verified with the algorithms of a crypto provider and signed outside.

mod algorithm;
mod challenge;
mod client;
mod confirmation;
mod fault;
mod journal;
mod jwk;
#[cfg(any(feature = "p256", feature = "ed25519"))]
mod keys;
mod member;
mod nonce;
mod proof;
mod refusal;
pub mod replay;
mod request;
mod role;
mod settings;
mod signature;
#[cfg(any(feature = "p256", feature = "ed25519"))]
pub mod soft;
mod uri;
mod verdict;
mod verify;

pub use algorithm::Algorithm;
pub use challenge::{Body, Challenge, Field, WwwAuthenticate};
pub use client::{
    Attempt, ClientError, DEFAULT_ORIGINS, Next, NonceCache, NonceScope, ResponseHead, TokenType,
    token_response,
};
pub use confirmation::Confirmation;
pub use journal::{Counters, Event, Journal, Latency, Record};
pub use jwk::{InvalidKey, PublicKey, Thumbprint};
#[cfg(any(feature = "p256", feature = "ed25519"))]
pub use keys::{KeyError, KeyRing, MAX_KEYS, Rotated, Rotation, SigningKey};
pub use nonce::{
    MAX_NONCE, Nonce, NonceError, NonceSettings, NonceSettingsError, NonceState, Nonces, Secret,
};
pub use proof::{BuildError, Claim, Jti, Prepared, Proof};
pub use refusal::{Member, Part, Refusal};
pub use replay::{Answer, Question, Store};
pub use request::{Presented, Request, Scheme};
pub use role::Role;
pub use settings::{Algorithms, Profile, SettingsError};
pub use signature::{Signature, SignatureError, SignatureValue};
pub use uri::{Origin, TargetUri, UriError};
pub use verdict::{Accepted, Judged, NonceUse, ProofFacts, Refused};
pub use verify::{MAX_JTI, MAX_PROOF, Verifier, claimed_key};
