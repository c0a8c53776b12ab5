//! `ravelin dpop explain`: what a proof says, and the first rule that it breaks.

use std::fmt::Write as _;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use serde_json::{Value, json};

use super::judge::{Received, Verdict, at, target_uri};
use crate::failure::{Exit, Failure, cause_and_remedy};
use crate::style::{OneLine, Style};
use crate::{input, stdout};

/// Explain a proof: what it says, and the first rule that it breaks
///
/// What is left away (method, URI, time) is taken from the proof itself, so that the rest can be judged; the report
/// says what was not compared.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  ravelin dpop explain proof
  ravelin dpop explain --method POST --uri https://mcp.example/mcp --token T --json proof")]
pub(super) struct Args {
    #[command(flatten)]
    received: Received,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let received = &args.received;
    let text = input::Source::new(received.file.as_deref()).text()?;
    let proof = text.trim_end_matches(['\r', '\n']);
    let mut parts = proof.split('.').map(Part::read);
    let header = parts.next().unwrap_or(Part::Unreadable);
    let claims = parts.next().unwrap_or(Part::Unreadable);

    if received.token.is_none() && claims.string("ath").is_some() {
        return Err(Failure::new(
            Exit::Usage,
            "E-USE-01",
            "the proof has an `ath`, and there is no token to compare it with",
            "give --token TOKEN",
        ));
    }
    let mut not_compared = Vec::new();
    let mut given = |flag: &'static str, value: Option<String>, claim: &str| {
        value.unwrap_or_else(|| {
            not_compared.push(flag);
            claims.string(claim).unwrap_or_default()
        })
    };
    let method = given("--method", received.method.clone(), "htm");
    let uri = given("--uri", received.uri.clone(), "htu");
    let now = match received.clock.now {
        Some(_) => received.clock.now()?,
        None => {
            not_compared.push("--now");
            at(claims.seconds("iat").unwrap_or_default())
        }
    };
    let uri = match (target_uri(&uri), &received.uri) {
        (Ok(uri), _) => uri,
        (Err(failure), Some(_)) => return Err(failure),
        // The rule on `htu` says what is wrong with it.
        (Err(_), None) => target_uri("https://unknown.invalid/")?,
    };
    let verdict = received.verdict(proof, &method, uri, now)?;
    stdout::print(&if args.json {
        let mut report = verdict.json();
        if let Some(report) = report.as_object_mut() {
            report.insert("header".to_owned(), header.json());
            report.insert("claims".to_owned(), claims.json());
            report.insert("not_compared".to_owned(), json!(not_compared));
        }
        format!("{report}\n")
    } else {
        report(&header, &claims, &verdict, &not_compared, Style::stdout())
    })
}

fn report(
    header: &Part,
    claims: &Part,
    verdict: &Verdict,
    not_compared: &[&str],
    style: Style,
) -> String {
    let mut text = String::new();
    let mut row = |name: &str, value: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name:<10}{value}");
    };
    row("header", &header.line());
    row("claims", &claims.line());
    match verdict {
        Verdict::Accepted(accepted) => {
            if let Some(jkt) = accepted.jkt() {
                row("key", &jkt.to_string());
            }
            row("verdict", &style.green("accepted"));
        }
        Verdict::Refused { refused, .. } => {
            let explained = refused.refusal().to_string();
            let (cause, remedy) = cause_and_remedy(&explained);
            if let Some(jkt) = refused.claimed_jkt() {
                row("key", &jkt.to_string());
            }
            row("verdict", &style.red("refused"));
            row(
                "rule",
                &format!("{}, {}", refused.code(), refused.refusal().section()),
            );
            row("cause", cause);
            row("remedy", remedy);
        }
    }
    if !not_compared.is_empty() {
        row(
            "note",
            &format!("not compared, for want of {}", not_compared.join(", ")),
        );
    }
    text
}

/// A segment of a proof, as far as it can be shown.
enum Part {
    Json(Value, String),
    Unreadable,
}

impl Part {
    fn read(segment: &str) -> Self {
        let text = Base64UrlUnpadded::decode_vec(segment)
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok());
        match text {
            Some(text) => Self::Json(serde_json::from_str(&text).unwrap_or(Value::Null), text),
            None => Self::Unreadable,
        }
    }

    fn string(&self, name: &str) -> Option<String> {
        match self {
            Self::Json(value, _) => Some(value.get(name)?.as_str()?.to_owned()),
            Self::Unreadable => None,
        }
    }

    fn seconds(&self, name: &str) -> Option<u64> {
        match self {
            Self::Json(value, _) => value.get(name)?.as_u64(),
            Self::Unreadable => None,
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Json(value, _) => value.clone(),
            Self::Unreadable => Value::Null,
        }
    }

    fn line(&self) -> String {
        match self {
            Self::Json(_, text) => OneLine(text).to_string(),
            Self::Unreadable => "cannot be decoded".to_owned(),
        }
    }
}
