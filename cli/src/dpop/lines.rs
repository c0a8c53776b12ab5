//! Many proofs at once: one JSON object a line in, one verdict a line out.

use std::io::{self, BufRead as _, Read as _, Write as _};

use ravelin_core::dpop::Thumbprint;
use serde::Deserialize;
use serde_json::{Value, json};

use super::judge::{Clock, Judge, ProfileName, Question, at, target_uri};
use crate::failure::{Exit, Failure};
use crate::input::Source;
use crate::stdout;

/// Bytes of a line: more than any proof with its token.
const LINE: u64 = 64 * 1024;
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
    let mut reader = source.reader()?;
    let mut judge = None;
    let (mut line, mut seen, mut refused, mut unreadable) = (Vec::new(), 0_u64, 0_u64, 0_u64);
    let mut out = io::BufWriter::new(io::stdout().lock());
    loop {
        line.clear();
        let mut bounded = reader.by_ref().take(LINE + 1);
        let length = bounded
            .read_until(b'\n', &mut line)
            .map_err(|error| source.unreadable(&error))?;
        if length == 0 {
            break;
        }
        if length as u64 > LINE {
            return Err(Failure::new(
                Exit::Configuration,
                "E-CLI-10",
                format!("line {} is longer than {LINE} bytes", seen + 1),
                "write one JSON object a line",
            ));
        }
        seen += 1;
        let verdict = match read(&line) {
            Ok(question) => verdict(&question, &mut judge, profile, clock)?,
            Err(cause) => unread(&cause),
        };
        match verdict.get("verdict").and_then(Value::as_str) {
            Some("accepted") => {}
            Some("refused") => refused += 1,
            _ => unreadable += 1,
        }
        stdout::written(writeln!(out, "{verdict}"))?;
    }
    stdout::written(out.flush())?;
    if unreadable > 0 {
        return Err(Failure::new(
            Exit::Configuration,
            "E-CLI-10",
            format!("{unreadable} of {seen} lines could not be read"),
            "see the verdicts of these lines",
        ));
    }
    if refused > 0 {
        return Err(Failure::new(
            Exit::PeerRefused,
            "E-CLI-11",
            format!("{refused} of {seen} proofs were refused"),
            "see the verdicts of these lines",
        ));
    }
    Ok(())
}

fn read(line: &[u8]) -> Result<Line, String> {
    serde_json::from_slice(line).map_err(|error| error.to_string())
}

fn verdict(
    line: &Line,
    judge: &mut Option<Judge>,
    profile: ProfileName,
    clock: &Clock,
) -> Result<Value, Failure> {
    let now = match line.now {
        Some(seconds) => at(seconds),
        None => clock.now()?,
    };
    let uri = match target_uri(&line.uri) {
        Ok(uri) => uri,
        Err(failure) => return Ok(unread(&failure.text())),
    };
    let Ok(jkt) = line
        .jkt
        .as_deref()
        .map(str::parse::<Thumbprint>)
        .transpose()
    else {
        return Ok(unread("`jkt` is not the 43 digits of a thumbprint"));
    };
    // The store begins with the time of the first line.
    let judge = match judge {
        Some(judge) => judge,
        None => judge.insert(Judge::new(CAPACITY, now)?),
    };
    let verdict = judge.verdict(&Question {
        proof: &line.proof,
        method: &line.method,
        uri,
        token: line.token.as_deref(),
        jkt,
        nonce: line.nonce.as_deref(),
        profile: line.profile.unwrap_or(profile),
        now,
    });
    Ok(verdict.json())
}

fn unread(cause: &str) -> Value {
    json!({ "verdict": "unreadable", "code": "E-CLI-10", "cause": cause })
}
