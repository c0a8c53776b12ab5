//! How `inspect` shows what it found.

use std::fmt::Write as _;

use ravelin_tokio::Peer;
use serde_json::{Value, json};

use super::certificate::{Described, Lifetime};
use super::warnings::Warning;
use crate::endpoint::Endpoint;
use crate::failure::Failure;
use crate::probe::Presented;
use crate::style::{OneLine, Style};

pub(super) struct Report {
    pub(super) server: Endpoint,
    pub(super) name: String,
    pub(super) presented: Presented,
    pub(super) chain: Vec<Described>,
    pub(super) warnings: Vec<Warning>,
    pub(super) verdict: Verdict,
}

pub(super) enum Verdict {
    Trusted,
    Refused(Failure),
    NotJudged,
}

impl Report {
    pub(super) fn json(&self) -> String {
        let peer = self.presented.peer.as_ref();
        let chain: Vec<Value> = self.chain.iter().map(Described::json).collect();
        let report = json!({
            "server": self.server.to_string(),
            "name": self.name,
            "version": peer.map(|peer| peer.version().name()),
            "suite": peer.map(Peer::suite_name),
            "group": peer.map(Peer::group_name),
            "alpn": self.alpn(),
            "chain": chain,
            "warnings": self.warnings,
            "verdict": self.verdict.json(),
        });
        format!("{report}\n")
    }

    pub(super) fn table(&self, style: Style) -> String {
        let mut table = String::new();
        let mut line = |label: &str, text: &str| {
            // Writing to a String cannot fail.
            let _ = writeln!(table, "  {label:<11}  {}", OneLine(text));
        };
        let mut title = self.server.to_string();
        if self.server.host != self.name {
            let _ = write!(title, " as {}", self.name);
        }
        if let Some(peer) = &self.presented.peer {
            line("version", peer.version().name());
            line("suite", peer.suite_name());
            line("group", peer.group_name());
            line("alpn", self.alpn().as_deref().unwrap_or("none"));
        }
        let mut text = format!("{}\n{table}", style.bold(&OneLine(&title).to_string()));
        for (index, described) in self.chain.iter().enumerate() {
            text.push_str(&certificate(index, described, style));
        }
        for warning in &self.warnings {
            let _ = writeln!(
                text,
                "{} {}",
                style.bold("warning:"),
                OneLine(&warning.text)
            );
        }
        let _ = writeln!(text, "verdict: {}", self.verdict.text(style));
        text
    }

    fn alpn(&self) -> Option<String> {
        let alpn = self.presented.peer.as_ref()?.alpn()?;
        Some(String::from_utf8_lossy(alpn).into_owned())
    }
}

impl Verdict {
    fn json(&self) -> Value {
        match self {
            Self::Trusted => json!({ "trusted": true }),
            Self::Refused(failure) => json!({
                "trusted": false,
                "code": failure.code(),
                "message": failure.text(),
            }),
            Self::NotJudged => json!({ "trusted": null, "message": NOT_JUDGED }),
        }
    }

    fn text(&self, style: Style) -> String {
        match self {
            Self::Trusted => style.green("trusted"),
            Self::Refused(failure) => format!("{}, {}", style.red("refused"), failure.code()),
            Self::NotJudged => style.bold(NOT_JUDGED),
        }
    }
}

const NOT_JUDGED: &str = "not judged: give --ca";

fn certificate(index: usize, described: &Described, style: Style) -> String {
    let mut text = String::new();
    let mut line = |label: &str, value: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "  {label:<11}  {}", OneLine(value));
    };
    let fingerprint = described.fingerprint.to_string();
    if let Some(fields) = &described.fields {
        line(
            "subject",
            fields.subject.as_deref().unwrap_or("without common name"),
        );
        line(
            "issuer",
            fields.issuer.as_deref().unwrap_or("without common name"),
        );
        if index == 0 || !fields.names.is_empty() {
            let names = fields.names.join(" ");
            line("names", if names.is_empty() { "none" } else { &names });
        }
        let lifetime = match fields.lifetime {
            Lifetime::NotYet(days) => format!("begins in {days} days"),
            Lifetime::Left(days) => format!("{days} days left"),
            Lifetime::Expired(days) => format!("ended {days} days ago"),
        };
        line(
            "valid",
            &format!(
                "{} to {}, {lifetime}",
                fields.not_before.date(),
                fields.not_after.date()
            ),
        );
        line("pin", &fields.pin.to_string());
    } else {
        line("subject", "cannot be read");
    }
    line("certificate", &fingerprint);
    let kind = if index == 0 { " (leaf)" } else { "" };
    format!(
        "{}\n{text}",
        style.bold(&format!("certificate {}{kind}", index + 1))
    )
}
