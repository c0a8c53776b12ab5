//! `dpop::Verifier` with proofs that are arbitrary bytes, and with arbitrary JSON under a signature that is good.

use std::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use ravelin_core::dpop::replay::Settings;
use ravelin_core::dpop::{
    Accepted, Algorithms, Confirmation, Journal, NonceSettings, Nonces, Presented, Profile,
    Refused, Request, Role, Secret, Store, TargetUri, Verifier, claimed_key, soft,
};
use ravelin_core::pki_types::UnixTime;
use ravelin_core::{Instant, Now};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::{Mark, Reached};

/// In the first byte: what follows is the proof itself.
pub const RAW: u8 = 1;
/// The request goes to an authorization server.
pub const GRANT: u8 = 2;
/// The profile is strict.
pub const STRICT: u8 = 4;
/// Nonces are required. `$NONCE` in the claims stands for a good one.
pub const NONCE: u8 = 8;

/// The clock of the server.
const NOW: u64 = 1_800_000_000;
const URI: &str = "https://mcp.example/mcp";
const TOKEN: &str = "a-token";

/// A byte of flags, then a proof ([`RAW`]) or a line of header JSON and claims JSON, which are signed here with the key
/// whose scalar is 32 times 7.
pub fn dpop_verify(input: &[u8]) -> Reached {
    let mut reached = Reached::new();
    let Some((&flags, rest)) = input.split_first() else {
        return reached;
    };
    let mut server = Server::new(flags);
    let proof = if flags & RAW != 0 {
        rest.to_vec()
    } else {
        signed(rest, &server.nonce()).into_bytes()
    };
    let first = server.serve(&proof);
    let second = server.serve(&proof);
    match first {
        Ok(accepted) => {
            reached.insert(Mark::Accepted);
            must_be_acceptable(&proof, flags, accepted);
            assert_eq!(second.expect_err("used before").code(), "E-DPO-36");
        }
        Err(refused) => {
            reached.insert(if refused.refusal().is_nonce_challenge() {
                Mark::NonceDemanded
            } else if refused.code() == "E-DPO-18" {
                Mark::SignatureRefused
            } else {
                Mark::Refused
            });
            // What is refused leaves no trace.
            assert_eq!(second.expect_err("refused before"), refused);
            server.must_be_presentable(&refused);
        }
    }
    reached
}

struct Server {
    flags: u8,
    verifier: Verifier,
    store: Store,
    journal: Journal,
}

impl Server {
    fn new(flags: u8) -> Self {
        let algorithms = Algorithms::new(&[soft::ES256, soft::EDDSA]).expect("two");
        let profile = if flags & STRICT != 0 {
            Profile::STRICT
        } else {
            Profile::FAPI2
        };
        let mut verifier = Verifier::new(algorithms, profile);
        if flags & NONCE != 0 {
            let settings = NonceSettings::new(URI, role(flags), 1);
            let nonces = Nonces::new(settings, Secret::new(1, [1; 32]), now());
            verifier = verifier.require_nonces(nonces.expect("settings that work"));
        }
        let settings = Settings::new(64, verifier.replay_lifetime());
        Self {
            flags,
            store: Store::first_start(&settings, [1; 16], now()).expect("settings that work"),
            verifier,
            journal: Journal::new(0),
        }
    }

    fn nonce(&self) -> String {
        let nonce = self
            .verifier
            .issue_nonce(role(self.flags), [2; 16], None, now());
        nonce.map(|nonce| nonce.to_string()).unwrap_or_default()
    }

    fn serve(&mut self, proof: &[u8]) -> Result<Accepted, Refused> {
        let authorization = format!("DPoP {TOKEN}");
        let request = Request {
            method: "POST",
            uri: TargetUri::parse(URI).expect("a URI"),
            authorization: &[authorization.as_bytes()],
            dpop: &[proof],
            nonce: None,
        };
        let judged = if self.flags & GRANT != 0 {
            self.verifier.judge_grant(&request, None, now())
        } else {
            let presented = Presented::new(request);
            // Any key will do, so that the rules behind the binding are reached.
            let confirmation = claimed_key(proof).map_or(Confirmation::UNKNOWN, |key| {
                Confirmation::key(key.thumbprint())
            });
            self.verifier.judge(&presented, &confirmation, None, now())
        };
        judged.settle(&mut self.store, &mut self.journal, now())
    }

    /// A response to it can be written: nothing of the proof is quoted, and quotes are balanced.
    fn must_be_presentable(&self, refused: &Refused) {
        let challenge = refused.challenge(&self.verifier, [3; 16], now());
        assert!((400..=503).contains(&challenge.status()));
        for field in challenge.fields() {
            let value = field.to_string();
            assert!(
                value
                    .bytes()
                    .all(|byte| byte == b' ' || byte.is_ascii_graphic()),
                "{value}"
            );
            assert!(value.matches('"').count().is_multiple_of(2), "{value}");
        }
        if let Some(body) = challenge.body() {
            serde_json::from_str::<Value>(&body.to_string()).expect("a body is JSON");
        }
    }
}

fn role(flags: u8) -> Role {
    if flags & GRANT != 0 {
        Role::AuthorizationServer
    } else {
        Role::ResourceServer
    }
}

/// Puts header and claims, a line each, under a good signature.
fn signed(lines: &[u8], nonce: &str) -> String {
    let split = lines
        .iter()
        .position(|&byte| byte == b'\n')
        .unwrap_or(lines.len());
    let (header, claims) = lines.split_at(split);
    let claims = claims.strip_prefix(b"\n").unwrap_or(claims);
    let claims = match str::from_utf8(claims) {
        Ok(text) => text.replace("$NONCE", nonce).into_bytes(),
        Err(_) => claims.to_vec(),
    };
    let encode = |bytes: &[u8]| Base64UrlUnpadded::encode_string(bytes);
    let message = format!("{}.{}", encode(header), encode(&claims));
    let key = SigningKey::from_slice(&[7; 32]).expect("a scalar");
    let signature: Signature = key.sign(message.as_bytes());
    format!("{message}.{}", encode(&signature.to_bytes()))
}

/// The rules of RFC 9449, 4.3 once more, by a general JSON reader.
fn must_be_acceptable(proof: &[u8], flags: u8, accepted: Accepted) {
    let proof_text = str::from_utf8(proof).expect("ASCII");
    let mut segments = proof_text.split('.');
    let mut json = || -> Value {
        let segment = segments.next().expect("three segments");
        let bytes = Base64UrlUnpadded::decode_vec(segment).expect("base64url");
        serde_json::from_slice(&bytes).expect("JSON")
    };
    let (header, claims) = (json(), json());
    assert_eq!(header["typ"], "dpop+jwt");
    assert!(["ES256", "EdDSA", "Ed25519"].contains(&header["alg"].as_str().expect("a name")));
    assert!(header.get("crit").is_none() && header["jwk"].get("d").is_none());
    let text = |name: &str| claims[name].as_str().unwrap_or_default();
    assert_eq!(text("htm"), "POST");
    assert!((1..=128).contains(&text("jti").len()));
    let htu = TargetUri::parse(text("htu")).expect("a URI");
    assert!(htu == TargetUri::parse(URI).expect("a URI"));
    assert!(flags & STRICT == 0 || !htu.has_query_or_fragment());
    let iat = claims["iat"].as_f64().expect("a number");
    assert!(
        (NOW as f64 - 60.0..NOW as f64 + 11.0).contains(&iat),
        "{iat}"
    );
    let ath = Base64UrlUnpadded::encode_string(&Sha256::digest(TOKEN));
    if flags & GRANT != 0 {
        assert!(claims.get("ath").is_none());
    } else {
        assert_eq!(text("ath"), ath);
    }
    let key = claimed_key(proof).expect("a key");
    assert_eq!(accepted.jkt(), Some(&key.thumbprint()));
}

fn now() -> Now {
    Now::new(
        Instant::from_micros(NOW),
        UnixTime::since_unix_epoch(Duration::from_secs(NOW)),
    )
}
