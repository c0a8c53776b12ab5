//! A client and a server as the sections use them.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use ravelin_core::dpop::replay::{Settings, Store};
use ravelin_core::dpop::{
    Algorithm, Algorithms, Confirmation, Journal, Jti, Presented, Profile, Proof, Request,
    Signature, SigningKey, TargetUri, Verifier, soft,
};
use ravelin_core::pki_types::UnixTime;
use ravelin_core::{Instant, Now};

pub const METHOD: &str = "POST";
pub const URI: &str = "https://server.example/mcp";
pub const TOKEN: &str = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
pub const AUTHORIZATION: &str = "DPoP Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
/// As long as the nonces of this server are.
pub const NONCE: &str = "AQEAAAABa0lEbm9uY2UtZm9yLWEtYmVuY2htYXJrLW9mLTU2LWRpZ2l0";

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    P256,
    AwsLc,
}

impl Backend {
    pub const ALL: [Self; 2] = [Self::P256, Self::AwsLc];

    pub const fn name(self) -> &'static str {
        match self {
            Self::P256 => "p256",
            Self::AwsLc => "aws-lc-rs",
        }
    }
}

/// One key, in both backends.
pub struct Client {
    pub key: SigningKey,
    /// The key of the crate, to sign without anything around it.
    pub p256: p256::ecdsa::SigningKey,
    pub aws: EcdsaKeyPair,
    pub random: SystemRandom,
}

impl Client {
    pub fn new() -> Self {
        let secret = [7; 32];
        let key = SigningKey::from_secret(Algorithm::Es256, &secret).unwrap();
        let pkcs8 = key.to_pkcs8_der();
        Self {
            key,
            p256: p256::ecdsa::SigningKey::from_slice(&secret).unwrap(),
            aws: EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8).unwrap(),
            random: SystemRandom::new(),
        }
    }

    /// A proof for [`URI`], written into `buffer`.
    pub fn build<'b>(
        &self,
        backend: Backend,
        jti: &Jti,
        iat: UnixTime,
        nonce: Option<&str>,
        buffer: &'b mut [u8],
    ) -> &'b str {
        let uri = TargetUri::parse(URI).unwrap();
        let mut proof = Proof::new(METHOD, uri, jti.as_str(), iat).token(TOKEN);
        if let Some(nonce) = nonce {
            proof = proof.nonce(nonce);
        }
        let prepared = proof.prepare(&self.key.public_key(), buffer).unwrap();
        let signature = match backend {
            Backend::P256 => self.key.sign(prepared.message()),
            Backend::AwsLc => {
                let signature = self.aws.sign(&self.random, prepared.message()).unwrap();
                Signature::from_raw(Algorithm::Es256, signature.as_ref()).unwrap()
            }
        };
        prepared.finish(&signature).unwrap()
    }

    /// Proofs with different `jti`, made now.
    pub fn proofs(&self, number: usize, seed: u64) -> Vec<String> {
        let mut random = super::harness::SplitMix(seed);
        let mut buffer = [0; 1024];
        let iat = now().unix;
        let mut one = || {
            let jti = Jti::new(random.bytes());
            self.build(Backend::AwsLc, &jti, iat, None, &mut buffer)
                .to_owned()
        };
        (0..number).map(|_| one()).collect()
    }
}

/// A verifier with its replay store.
pub struct Server {
    pub verifier: Verifier,
    pub store: Store,
    pub journal: Journal,
    pub confirmation: Confirmation,
}

impl Server {
    pub fn new(backend: Backend, client: &Client, capacity: u32) -> Self {
        let algorithms = match backend {
            Backend::P256 => Algorithms::new(&[soft::ES256]),
            Backend::AwsLc => Algorithms::new(
                ravelin_core::provider::aws_lc_rs()
                    .signature_verification_algorithms
                    .all,
            ),
        };
        let verifier = Verifier::new(algorithms.unwrap(), Profile::MCP);
        let settings = Settings {
            quota: capacity - 1,
            ..Settings::new(capacity, verifier.replay_lifetime())
        };
        Self {
            verifier,
            store: Store::first_start(&settings, [9; 16], now()).unwrap(),
            journal: Journal::new(16),
            confirmation: Confirmation::key(client.key.thumbprint()),
        }
    }

    /// From the fields to the verdict.
    pub fn verify(&mut self, proof: &str, now: Now) -> bool {
        let (authorization, dpop) = ([AUTHORIZATION.as_bytes()], [proof.as_bytes()]);
        let request = Request {
            method: METHOD,
            uri: TargetUri::parse(URI).unwrap(),
            authorization: &authorization,
            dpop: &dpop,
            nonce: None,
        };
        let presented = Presented::new(request);
        let judged = self
            .verifier
            .judge(&presented, &self.confirmation, None, now);
        let verdict = judged.settle(&mut self.store, &mut self.journal, now);
        while self.journal.poll_event(now).is_some() {}
        verdict.is_ok()
    }
}

pub fn now() -> Now {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Now::new(
        Instant::from_micros(unix.as_micros() as u64),
        UnixTime::since_unix_epoch(unix),
    )
}
