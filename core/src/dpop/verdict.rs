//! From a judged request to a verdict: the replay store answers, the journal records, and only then is anything told.

use core::time::Duration;

use super::challenge::Challenge;
use super::confirmation::Confirmation;
use super::journal::Journal;
use super::jwk::Thumbprint;
use super::refusal::Refusal;
use super::replay::{Answer, Question, Store};
use super::role::Role;
use super::verify::Verifier;
use crate::time::{Instant, Now};

/// A request that has been judged by everything but the replay store.
///
/// It says nothing yet: [`settle`](Self::settle) it with a store of this process, or ask a remote one its
/// [`question`](Self::question) and hand in the [answer](Self::answered). Either way the journal records the verdict.
#[derive(Debug)]
#[must_use = "a request is neither accepted nor refused until it is settled"]
pub struct Judged {
    outcome: Result<Pending, Refusal>,
    role: Role,
    jkt: Option<Thumbprint>,
    began: Instant,
}

/// What is accepted if the replay store has never seen the proof.
#[derive(Debug)]
pub(super) struct Pending {
    accepted: Accepted,
    question: Option<Question>,
}

/// A request that may be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    proof: Option<ProofFacts>,
    certificate: bool,
}

/// What a verified proof says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProofFacts {
    /// The thumbprint of the key that signed it.
    pub jkt: Thumbprint,
    /// When it was made, in seconds since 1970, by the clock of the client.
    pub iat: u64,
    /// Seconds since then, by the clock of this server; negative when the client's clock is ahead.
    pub age: i64,
    /// What its nonce was.
    pub nonce: NonceUse,
}

/// The nonce of a proof that was accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NonceUse {
    /// The verifier requires none, and did not look at any.
    NotRequired,
    /// One of ours, of this time.
    Valid,
    /// Valid, and the response should bring a new one in `DPoP-Nonce` (RFC 9449, 8.2).
    Renew,
}

/// A request that must not be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    refusal: Refusal,
    role: Role,
    jkt: Option<Thumbprint>,
}

impl Judged {
    pub(super) const fn new(
        outcome: Result<Pending, Refusal>,
        role: Role,
        jkt: Option<Thumbprint>,
        now: Now,
    ) -> Self {
        Self {
            outcome,
            role,
            jkt,
            began: now.instant,
        }
    }

    /// What a remote replay store has to be asked. `None` when the request needs no answer: it is refused already, or
    /// has no proof.
    pub fn question(&self) -> Option<&Question> {
        self.outcome.as_ref().ok()?.question.as_ref()
    }

    /// Claims the proof in `store` and gives the verdict.
    ///
    /// # Errors
    /// [`Refused`], with the first rule that the request broke.
    pub fn settle(
        self,
        store: &mut Store,
        journal: &mut Journal,
        now: Now,
    ) -> Result<Accepted, Refused> {
        let answer = self.question().map(|question| store.claim(question, now));
        self.conclude(answer, journal, now)
    }

    /// Gives the verdict with the answer of a remote store, or [`Answer::Unavailable`] when there was none.
    ///
    /// # Errors
    /// [`Refused`], with the first rule that the request broke.
    pub fn answered(
        self,
        answer: Answer,
        journal: &mut Journal,
        now: Now,
    ) -> Result<Accepted, Refused> {
        let answer = self.question().map(|_| answer);
        self.conclude(answer, journal, now)
    }

    fn conclude(
        self,
        answer: Option<Answer>,
        journal: &mut Journal,
        now: Now,
    ) -> Result<Accepted, Refused> {
        let latency = now.instant.saturating_since(self.began);
        let verdict = self
            .outcome
            .and_then(|pending| {
                answer.map_or(Ok(()), |answer| pending.judge_answer(answer, now))?;
                Ok(pending.accepted)
            })
            .map_err(|refusal| Refused {
                refusal,
                role: self.role,
                jkt: self.jkt,
            });
        journal.verdict(&verdict, latency, now);
        verdict
    }
}

impl Pending {
    pub(super) const fn with_proof(
        proof: ProofFacts,
        certificate: bool,
        question: Question,
    ) -> Self {
        Self {
            accepted: Accepted {
                proof: Some(proof),
                certificate,
            },
            question: Some(question),
        }
    }

    pub(super) const fn without_proof(confirmation: &Confirmation) -> Self {
        Self {
            accepted: Accepted {
                proof: None,
                certificate: confirmation.x5t_s256().is_some(),
            },
            question: None,
        }
    }

    fn judge_answer(&self, answer: Answer, now: Now) -> Result<(), Refusal> {
        match answer {
            Answer::Fresh => Ok(()),
            Answer::Replayed => Err(Refusal::Replayed),
            // By the latest time that the store has seen: a clock that stepped back revives nothing.
            Answer::Expired => {
                let iat = self.accepted.proof.map_or(0, |proof| proof.iat);
                Err(Refusal::TooOld {
                    age: Duration::from_secs(now.unix.as_secs().saturating_sub(iat)),
                    limit: Duration::ZERO,
                })
            }
            Answer::BeyondLifetime => Err(Refusal::BeyondLifetime),
            Answer::OverQuota { retry_after } => Err(Refusal::OverQuota { retry_after }),
            Answer::Full { retry_after } => Err(Refusal::StoreFull { retry_after }),
            Answer::Unavailable => Err(Refusal::StoreUnavailable),
            Answer::BeforeStart { retry_after } => Err(Refusal::BeforeStart { retry_after }),
        }
    }
}

impl Accepted {
    /// What the proof says; `None` for a token that came as `Bearer`.
    pub const fn proof(&self) -> Option<&ProofFacts> {
        self.proof.as_ref()
    }

    /// The key that the client has proved to hold.
    pub fn jkt(&self) -> Option<&Thumbprint> {
        self.proof.as_ref().map(|proof| &proof.jkt)
    }

    /// Whether the token is bound to the client certificate of the connection, and that was checked.
    pub const fn certificate_bound(&self) -> bool {
        self.certificate
    }

    /// Whether the response should bring a new nonce.
    pub fn renew_nonce(&self) -> bool {
        self.proof
            .is_some_and(|proof| proof.nonce == NonceUse::Renew)
    }
}

impl Refused {
    /// The first rule that was broken.
    pub const fn refusal(&self) -> &Refusal {
        &self.refusal
    }

    /// The stable code of it.
    pub const fn code(&self) -> &'static str {
        self.refusal.code()
    }

    /// Who refused.
    pub const fn role(&self) -> Role {
        self.role
    }

    /// The key in the proof, as far as one could be read. It proves nothing.
    pub const fn claimed_jkt(&self) -> Option<&Thumbprint> {
        self.jkt.as_ref()
    }

    /// What goes back to the client, with a new nonce where one is missing. `entropy` are random bytes for it.
    pub fn challenge<'a>(
        &self,
        verifier: &'a Verifier,
        entropy: [u8; 16],
        now: Now,
    ) -> Challenge<'a> {
        let nonce = verifier.issue_nonce(self.role, entropy, self.jkt.as_ref(), now);
        Challenge::new(self.refusal, self.role, verifier, nonce)
    }
}
