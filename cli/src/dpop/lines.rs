//! Many proofs at once: one JSON object a line in, one verdict a line out.

use ravelin_core::dpop::Thumbprint;
use serde::Deserialize;

use super::judge::{Clock, Judge, ProfileName, Question, Verdict, at, target_uri};
use crate::batch::{self, Verdicts};
use crate::failure::Failure;
use crate::input::Source;

/// Proofs that one run remembers; 24 bytes each.
const CAPACITY: u32 = 1 << 20;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    proof: String,
    method: String,
    uri: String,
    token: Option<String>,
    jkt: Option<String>,
    nonce: Option<String>,
    now: Option<u64>,
    profile: Option<ProfileName>,
}

pub(super) fn run(source: &Source<'_>, profile: ProfileName, clock: &Clock) -> Result<(), Failure> {
    let mut judge = None;
    let mut verdicts = Verdicts::new();
    batch::records(source, b'\n', |line| {
        let question = serde_json::from_slice(line).map_err(|error| error.to_string());
        let verdict = match question {
            Ok(question) => verdict(&question, &mut judge, profile, clock)?,
            Err(cause) => Err(cause),
        };
        match verdict {
            Ok(verdict) => verdicts.add(verdict.json(), matches!(verdict, Verdict::Refused { .. })),
            Err(cause) => verdicts.unreadable(&cause),
        }
    })?;
    verdicts.finish("proofs")
}

/// The verdict, or why the line cannot be judged.
fn verdict(
    line: &Line,
    judge: &mut Option<Judge>,
    profile: ProfileName,
    clock: &Clock,
) -> Result<Result<Verdict, String>, Failure> {
    let now = match line.now {
        Some(seconds) => at(seconds),
        None => clock.now()?,
    };
    let uri = match target_uri(&line.uri) {
        Ok(uri) => uri,
        Err(failure) => return Ok(Err(failure.text())),
    };
    let Ok(jkt) = line
        .jkt
        .as_deref()
        .map(str::parse::<Thumbprint>)
        .transpose()
    else {
        return Ok(Err("`jkt` is not the 43 digits of a thumbprint".to_owned()));
    };
    // The store begins with the time of the first line.
    let judge = match judge {
        Some(judge) => judge,
        None => judge.insert(Judge::new(CAPACITY, now)?),
    };
    Ok(Ok(judge.verdict(&Question {
        proof: &line.proof,
        method: &line.method,
        uri,
        token: line.token.as_deref(),
        jkt,
        nonce: line.nonce.as_deref(),
        profile: line.profile.unwrap_or(profile),
        now,
    })))
}
