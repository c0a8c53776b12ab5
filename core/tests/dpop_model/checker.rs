//! What the verdicts have to be: the rules once more, as plainly as they can be said, with a memory that never forgets.

use std::collections::{BTreeMap, BTreeSet};

use ravelin_core::dpop::{Refusal, Thumbprint};

use super::server::{Entry, Submission};
use super::world::{Made, Mode};

/// FAPI 2.0: 60 s of age, 10 s of skew. Nonces live for 120 s, and may be 10 s ahead.
pub(crate) const MAX_AGE: u64 = 60;
pub(crate) const SKEW: u64 = 10;
pub(crate) const NONCE_LIFETIME: u64 = 120;
pub(crate) const NONCE_AHEAD: u64 = 10;

/// Reads the log of a run.
pub(crate) struct Checker {
    mode: Mode,
    /// The store's clock, and where it started.
    mark: u64,
    fence: u64,
    restarts: usize,
    /// When what the store remembers expires.
    remembered: BTreeMap<(Thumbprint, String), u64>,
    /// By restart: everything that was ever accepted.
    accepted: BTreeMap<usize, usize>,
    /// What came in time at least once.
    acceptable: BTreeSet<usize>,
    refused: usize,
    pub(crate) report: Report,
}

#[derive(Default)]
pub(crate) struct Report {
    pub(crate) violations: Vec<Violation>,
    pub(crate) tally: BTreeMap<&'static str, usize>,
}

#[derive(Debug)]
#[expect(dead_code, reason = "shown when a test fails")]
pub(crate) enum Violation {
    AcceptedTwice {
        submission: Submission,
        restarts_between: usize,
    },
    Differs {
        submission: Submission,
        expected: Outcome,
        got: Outcome,
    },
    /// Though it came in time.
    NeverAccepted { proof: usize },
    /// The store's clock is another one than the rules give.
    Clock { expected: u64, got: u64 },
    /// The journal counted something else.
    Counters,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Accepted,
    TooOld,
    TooNew,
    NonceUnknown,
    NonceStale,
    Replayed,
    Expired,
    BeforeStart,
    BeyondLifetime,
    Other(&'static str),
}

/// The nonces that the server takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Secrets {
    pub(crate) epoch: u32,
    pub(crate) current: u32,
    /// With the moment until when, in seconds since the start.
    pub(crate) previous: Option<(u32, u64)>,
}

impl Checker {
    pub(crate) fn new(mode: Mode) -> Self {
        Self {
            mode,
            mark: 0,
            fence: 0,
            restarts: 0,
            remembered: BTreeMap::new(),
            accepted: BTreeMap::new(),
            acceptable: BTreeSet::new(),
            refused: 0,
            report: Report::default(),
        }
    }

    /// The verdicts of one round, in the order of the store.
    pub(crate) fn read(&mut self, log: &[Entry], made: &[Made], secrets: &Secrets) {
        for entry in log {
            match entry {
                Entry::Restarted(unix) => self.restarted(*unix),
                Entry::Judged {
                    submission,
                    verdict,
                } => {
                    let got = match verdict {
                        Ok(_) => Outcome::Accepted,
                        Err(refused) => Outcome::of(refused.refusal()),
                    };
                    self.judged(*submission, got, &made[submission.proof], secrets);
                }
            }
        }
    }

    fn judged(&mut self, submission: Submission, got: Outcome, made: &Made, secrets: &Secrets) {
        let expected = self.expected(&submission, made, secrets);
        if expected != got {
            self.report.violations.push(Violation::Differs {
                submission,
                expected,
                got,
            });
        }
        self.count(got.name());
        let before = self.accepted.get(&submission.proof).copied();
        if let Some(restarts) = before {
            self.count("sent again after it was accepted");
            let between = self.restarts - restarts;
            if between > 0 {
                self.count("sent again after a restart");
            }
            if got == Outcome::Accepted {
                self.report.violations.push(Violation::AcceptedTwice {
                    submission,
                    restarts_between: between,
                });
            }
            if submission.malleated {
                self.count("sent again with the other signature");
            }
            if got == Outcome::Expired {
                self.count("revived by no step of the clock");
            }
        }
        if got == Outcome::Accepted {
            self.accepted.insert(submission.proof, self.restarts);
        } else {
            self.refused += 1;
        }
    }

    fn expected(&mut self, sent: &Submission, made: &Made, secrets: &Secrets) -> Outcome {
        let (max_age, skew) = (MAX_AGE, SKEW);
        if self.mode != Mode::NonceIsTime {
            if sent.judged > made.iat + max_age {
                return Outcome::TooOld;
            }
            if made.iat > sent.judged + skew {
                return Outcome::TooNew;
            }
        }
        let by_time = (made.iat + max_age, made.iat - skew);
        let (acceptable_until, earliest) = match (&made.nonce, self.mode) {
            (Some(nonce), mode) => {
                let known = |(secret, until): (u32, u64)| secret == nonce.secret && sent.at < until;
                let of_previous = secrets.previous.is_some_and(known);
                if nonce.epoch != secrets.epoch
                    || !(nonce.secret == secrets.current || of_previous)
                    || nonce.issued > sent.judged + NONCE_AHEAD
                {
                    return Outcome::NonceUnknown;
                }
                if sent.judged > nonce.issued + NONCE_LIFETIME {
                    return Outcome::NonceStale;
                }
                // Another node, whose clock was ahead, may have made the nonce: it was of use before its time.
                let usable = nonce.issued - NONCE_AHEAD;
                if mode == Mode::NonceIsTime {
                    (nonce.issued + NONCE_LIFETIME + NONCE_AHEAD, usable)
                } else {
                    (by_time.0, by_time.1.max(usable))
                }
            }
            (None, _) => by_time,
        };
        let expires = acceptable_until + skew + 1;
        let mark = self.mark.max(sent.settled);
        if expires <= mark {
            return Outcome::Expired;
        }
        if earliest <= self.fence {
            return Outcome::BeforeStart;
        }
        self.mark = mark;
        self.acceptable.insert(sent.proof);
        let name = (made.jkt, made.jti.clone());
        if self
            .remembered
            .get(&name)
            .is_some_and(|expires| *expires > mark)
        {
            return Outcome::Replayed;
        }
        self.remembered.insert(name, expires);
        Outcome::Accepted
    }

    fn restarted(&mut self, unix: u64) {
        // A clock that stepped back does not take the start with it, nor the start before.
        self.fence = self.clock().max(unix);
        self.mark = unix;
        self.restarts += 1;
        self.remembered.clear();
        self.count("restarts");
    }

    /// The store's clock at the end of a round.
    pub(crate) fn check_clock(&mut self, clock: u64) {
        let expected = self.clock();
        if clock != expected {
            let got = clock;
            let violation = Violation::Clock { expected, got };
            self.report.violations.push(violation);
        }
    }

    /// The end of the run. `reused` are proofs with the `jti` of another proof by the same key.
    pub(crate) fn finish(
        mut self,
        counters: &ravelin_core::dpop::Counters,
        reused: &BTreeSet<usize>,
    ) -> Report {
        for proof in &self.acceptable {
            if !self.accepted.contains_key(proof) && !reused.contains(proof) {
                let proof = *proof;
                self.report
                    .violations
                    .push(Violation::NeverAccepted { proof });
            }
        }
        let replays = self.report.tally.get("replayed").copied().unwrap_or(0);
        let accepted = self.report.tally.get("accepted").copied().unwrap_or(0);
        if counters.accepted != accepted as u64
            || counters.refused != self.refused as u64
            || counters.replays != replays as u64
        {
            self.report.violations.push(Violation::Counters);
        }
        self.report
            .tally
            .insert("proofs accepted", self.accepted.len());
        self.report
    }

    pub(crate) fn count(&mut self, event: &'static str) {
        *self.report.tally.entry(event).or_default() += 1;
    }

    /// The latest time that the store knows of.
    pub(crate) fn clock(&self) -> u64 {
        self.mark.max(self.fence)
    }
}

impl Outcome {
    #[expect(clippy::wildcard_enum_match_arm, reason = "all others are wrong here")]
    fn of(refusal: &Refusal) -> Self {
        match refusal {
            // Over by the store's clock.
            Refusal::TooOld { limit, .. } if limit.is_zero() => Self::Expired,
            Refusal::TooOld { .. } => Self::TooOld,
            Refusal::TooNew { .. } => Self::TooNew,
            Refusal::NonceUnknown => Self::NonceUnknown,
            Refusal::NonceStale => Self::NonceStale,
            Refusal::Replayed => Self::Replayed,
            Refusal::BeforeStart { .. } => Self::BeforeStart,
            Refusal::BeyondLifetime => Self::BeyondLifetime,
            other => Self::Other(other.code()),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::TooOld => "too old",
            Self::TooNew => "too new",
            Self::NonceUnknown => "nonce unknown",
            Self::NonceStale => "nonce stale",
            Self::Replayed => "replayed",
            Self::Expired => "expired by the store's clock",
            Self::BeforeStart => "before the start",
            Self::BeyondLifetime => "beyond the lifetime",
            Self::Other(code) => code,
        }
    }
}
