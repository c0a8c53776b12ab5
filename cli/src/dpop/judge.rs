//! One verifier and one replay store for a run of the program.

use std::path::PathBuf;
use std::time::SystemTime;

use ravelin_core::dpop::replay::Settings;
use ravelin_core::dpop::{
    Accepted, Algorithms, Confirmation, Journal, Presented, Profile, Refused, Request, Store,
    TargetUri, Thumbprint, Verifier, claimed_key,
};
use ravelin_core::pki_types::UnixTime;
use ravelin_core::{Instant, Now, provider};
use serde_json::{Value, json};

use crate::entropy;
use crate::failure::{Exit, Failure, cause_and_remedy};

/// The request that a proof is for.
#[derive(clap::Args)]
pub(super) struct Target {
    /// The method of the request
    #[arg(long, value_name = "METHOD")]
    pub(super) method: String,
    /// The target URI of the request
    #[arg(long, value_name = "URI")]
    pub(super) uri: String,
}

impl Target {
    pub(super) fn uri(&self) -> Result<TargetUri<'_>, Failure> {
        target_uri(&self.uri)
    }
}

/// A proof, and what is said of the request that it came with.
#[derive(clap::Args)]
pub(super) struct Received {
    /// The file with the proof; stdin when it is left away or `-`
    #[arg(value_name = "FILE")]
    pub(super) file: Option<PathBuf>,
    /// The method of the request
    #[arg(long, value_name = "METHOD")]
    pub(super) method: Option<String>,
    /// The target URI of the request
    #[arg(long, value_name = "URI")]
    pub(super) uri: Option<String>,
    /// The access token of the request
    #[arg(long, value_name = "TOKEN", allow_hyphen_values = true)]
    pub(super) token: Option<String>,
    /// The key that the token or grant is bound to; without it any key will do
    #[arg(long, value_name = "JKT", allow_hyphen_values = true, value_parser = thumbprint)]
    jkt: Option<Thumbprint>,
    /// The nonce that the proof must have
    #[arg(long, value_name = "NONCE", allow_hyphen_values = true)]
    nonce: Option<String>,
    #[command(flatten)]
    pub(super) clock: Clock,
    /// How old a proof may be
    #[arg(long, value_enum, default_value = "fapi2")]
    pub(super) profile: ProfileName,
}

impl Received {
    /// The verdict on `proof` for a request with `method` to `uri`.
    pub(super) fn verdict(
        &self,
        proof: &str,
        method: &str,
        uri: TargetUri<'_>,
        now: Now,
    ) -> Result<Verdict, Failure> {
        Ok(Judge::new(1, now)?.verdict(&Question {
            proof,
            method,
            uri,
            token: self.token.as_deref(),
            jkt: self.jkt,
            nonce: self.nonce.as_deref(),
            profile: self.profile,
            now,
        }))
    }
}

fn thumbprint(text: &str) -> Result<Thumbprint, &'static str> {
    text.parse()
        .map_err(|_| "not the 43 digits of a thumbprint")
}

/// The time of a run.
#[derive(clap::Args)]
pub(super) struct Clock {
    /// Judge as if it were this time, in seconds since 1970
    #[arg(long, value_name = "SECS")]
    pub(super) now: Option<u64>,
}

impl Clock {
    pub(super) fn now(&self) -> Result<Now, Failure> {
        match self.now {
            Some(seconds) => Ok(at(seconds)),
            None => clock(),
        }
    }
}

/// How old a proof may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum ProfileName {
    /// 60 s old, 10 s ahead; no query in `htu`
    Strict,
    /// 60 s old, 10 s ahead (FAPI 2.0)
    #[default]
    Fapi2,
    /// 300 s in both directions (the draft for MCP)
    Mcp,
}

impl ProfileName {
    const fn profile(self) -> Profile {
        match self {
            Self::Strict => Profile::STRICT,
            Self::Fapi2 => Profile::FAPI2,
            Self::Mcp => Profile::MCP,
        }
    }
}

/// A proof, and what it has to fit.
pub(super) struct Question<'a> {
    pub(super) proof: &'a str,
    pub(super) method: &'a str,
    pub(super) uri: TargetUri<'a>,
    pub(super) token: Option<&'a str>,
    /// The key that the token or the grant is bound to. Without one any key will do.
    pub(super) jkt: Option<Thumbprint>,
    pub(super) nonce: Option<&'a str>,
    pub(super) profile: ProfileName,
    pub(super) now: Now,
}

/// Judges one proof after the other, and remembers those that it accepted.
pub(super) struct Judge {
    algorithms: Algorithms,
    store: Store,
    journal: Journal,
}

impl Judge {
    /// A judge that can remember `capacity` proofs; nothing was accepted before `now`.
    pub(super) fn new(capacity: u32, now: Now) -> Result<Self, Failure> {
        let provider = provider::aws_lc_rs();
        // No quota: whoever gives the proofs is one person.
        let settings = Settings {
            quota: capacity,
            ..Settings::new(capacity, Profile::MCP.replay_lifetime())
        };
        let unusable =
            |code, error: &dyn std::fmt::Display| Failure::stated(Exit::Configuration, code, error);
        Ok(Self {
            algorithms: Algorithms::new(provider.signature_verification_algorithms.all)
                .map_err(|error| unusable(error.code(), &error))?,
            store: Store::first_start(&settings, entropy::bytes()?, now)
                .map_err(|error| unusable(error.code(), &error))?,
            journal: Journal::new(0),
        })
    }

    pub(super) fn verdict(&mut self, question: &Question<'_>) -> Verdict {
        let now = question.now;
        let verifier = Verifier::new(self.algorithms, question.profile.profile());
        let authorization = question.token.map(|token| format!("DPoP {token}"));
        let authorization: Vec<&[u8]> = authorization.iter().map(String::as_bytes).collect();
        let request = Request {
            method: question.method,
            uri: question.uri,
            authorization: &authorization,
            dpop: &[question.proof.as_bytes()],
            nonce: question.nonce,
        };
        let judged = if question.token.is_none() {
            verifier.judge_grant(&request, question.jkt.as_ref(), now)
        } else {
            // Without a key to compare with, the proof is held against its own.
            let jkt = question
                .jkt
                .or_else(|| Some(claimed_key(question.proof.as_bytes()).ok()?.thumbprint()));
            let confirmation = jkt.map_or(Confirmation::NONE, Confirmation::key);
            verifier.judge(&Presented::new(request), &confirmation, None, now)
        };
        match judged.settle(&mut self.store, &mut self.journal, now) {
            Ok(accepted) => Verdict::Accepted(accepted),
            Err(refused) => {
                let challenge = refused.challenge(&verifier, [0; 16], now);
                Verdict::Refused {
                    refused,
                    status: challenge.status(),
                    error: challenge.error(),
                }
            }
        }
    }
}

/// What became of a proof.
pub(super) enum Verdict {
    Accepted(Accepted),
    Refused {
        refused: Refused,
        status: u16,
        error: Option<&'static str>,
    },
}

impl Verdict {
    pub(super) fn json(&self) -> Value {
        match self {
            Self::Accepted(accepted) => {
                let proof = accepted.proof();
                json!({
                    "verdict": "accepted",
                    "jkt": proof.map(|proof| proof.jkt.to_string()),
                    "age": proof.map(|proof| proof.age),
                })
            }
            Self::Refused {
                refused,
                status,
                error,
            } => {
                let text = refused.refusal().to_string();
                let (cause, remedy) = cause_and_remedy(&text);
                json!({
                    "verdict": "refused",
                    "code": refused.code(),
                    "section": refused.refusal().section(),
                    "cause": cause,
                    "remedy": remedy,
                    "status": status,
                    "error": error,
                    "jkt": refused.claimed_jkt().map(ToString::to_string),
                })
            }
        }
    }
}

pub(super) fn target_uri(text: &str) -> Result<TargetUri<'_>, Failure> {
    TargetUri::parse(text).map_err(|error| {
        Failure::new(
            Exit::Configuration,
            "E-CLI-08",
            format!("the URI {error}"),
            "write the absolute https URI of the request",
        )
    })
}

pub(super) fn at(seconds: u64) -> Now {
    Now::new(
        Instant::from_micros(seconds.saturating_mul(1_000_000)),
        UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds)),
    )
}

fn clock() -> Result<Now, Failure> {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_err(|_| {
            Failure::new(
                Exit::Configuration,
                "E-CLI-09",
                "the clock of this machine is before 1970",
                "set the clock, or give --now",
            )
        })?;
    Ok(at(since.as_secs()))
}
