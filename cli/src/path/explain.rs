//! `ravelin path explain`: what a path consists of, and the first rule that it breaks.

use std::ffi::OsString;
use std::fmt::Write as _;

use ravelin_core::path::{Denial, uri};
use serde_json::{Value, json};

use super::judge::{Asked, Judge, Verdict, is_uri, names};
use super::settings::Settings;
use crate::failure::{Failure, cause_and_remedy};
use crate::stdout;
use crate::style::{OneLine, Style};

/// Explain a path: its components, the order of the rules, and the first one that it breaks
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  ravelin path explain --root /srv/notes 'notes/../../secret'
  ravelin path explain --uri --json file:///srv/a%2fb")]
pub(super) struct Args {
    /// The path, as a client would write it
    #[arg(value_name = "PATH")]
    path: OsString,
    #[command(flatten)]
    settings: Settings,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<(), Failure> {
    let judge = Judge::new(&args.settings)?;
    let path = args.path.as_encoded_bytes();
    let verdict = judge.verdict(path, args.settings.op);
    let components = components(&judge, path, args.settings.uri, &verdict);
    let stages = stages(&judge, args.settings.uri && is_uri(path), &verdict);
    stdout::print(&if args.json {
        format!("{}\n", json(&verdict, &components, &stages))
    } else {
        report(path, &verdict, &components, &stages, Style::stdout())
    })
}

/// A name of the path, and what is wrong with it alone.
struct Component {
    name: String,
    denial: Option<Denial>,
}

/// A group of rules that are asked together, in the order of their codes.
struct Stage {
    rules: &'static str,
    outcome: Outcome,
}

#[derive(Clone, Copy)]
enum Outcome {
    Kept,
    Broken(&'static str),
    NotAsked,
}

fn components(judge: &Judge, path: &[u8], uri: bool, verdict: &Verdict<'_>) -> Vec<Component> {
    let rules = judge.rules();
    let mut buffer = vec![0; path.len()];
    let decoded = if uri && is_uri(path) {
        // What is no URI has no components.
        uri::decode(path, rules.dialect(), &mut buffer).unwrap_or_default()
    } else {
        path
    };
    let names = match &verdict.outcome {
        // An allowed path is its names below the root.
        Ok(allowed) => {
            let names = allowed.below.split(|byte| *byte == b'/');
            names
                .filter(|name| !name.is_empty())
                .map(Some)
                .collect::<Vec<_>>()
        }
        Err(_) => names(decoded, rules.dialect()),
    };
    names
        .into_iter()
        .map(|name| Component {
            name: String::from_utf8_lossy(name.unwrap_or_default()).into_owned(),
            denial: match name {
                None => Some(Denial::EmptyComponent),
                Some(name) => rules.judge_name(name).err(),
            },
        })
        .collect()
}

/// All rules, in the order in which they are asked.
fn stages(judge: &Judge, uri: bool, verdict: &Verdict<'_>) -> Vec<Stage> {
    let text = [
        "the path as a whole: empty, length, NUL, UTF-8, percent sign",
        "how it begins: prefix, absolute or relative, under which root",
        "its components, from the left",
        "what it asks for: depth, kind, read-only, forbidden subtrees, extensions",
    ];
    let asked = uri
        .then_some((
            Asked::Uri,
            "the file URI: scheme, host, query, characters, separators",
        ))
        .into_iter()
        .chain(text.map(|rules| (Asked::Text, rules)))
        .chain(judge.opens().then_some((
            Asked::File,
            "what was opened: links, mounts, kind, size, owner",
        )));
    let broken = verdict.outcome.as_ref().err().map(|denial| denial.code());
    let at = match verdict.asked {
        Asked::Text => broken
            .and_then(stage_of_text)
            .and_then(|index| text.get(index))
            .copied(),
        Asked::Uri | Asked::File => None,
    };
    let mut reached = true;
    asked
        .map(|(asked, rules)| {
            let is_it = match at {
                Some(at) => at == rules,
                None => asked == verdict.asked && asked != Asked::Text,
            };
            let outcome = match broken {
                Some(code) if reached && is_it => {
                    reached = false;
                    Outcome::Broken(code)
                }
                _ if reached => Outcome::Kept,
                _ => Outcome::NotAsked,
            };
            Stage { rules, outcome }
        })
        .collect()
}

/// Which group of the rules on text a code belongs to.
fn stage_of_text(code: &str) -> Option<usize> {
    match code.strip_prefix("E-PTH-")?.parse().ok()? {
        1..=5_u8 => Some(0),
        6..=13 => Some(1),
        14..=27 => Some(2),
        28..=34 => Some(3),
        _ => None,
    }
}

fn report(
    path: &[u8],
    verdict: &Verdict<'_>,
    components: &[Component],
    stages: &[Stage],
    style: Style,
) -> String {
    let mut text = String::new();
    let mut row = |name: &str, value: &dyn std::fmt::Display| {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{name:<11}{value}");
    };
    row("path", &OneLine(&String::from_utf8_lossy(path)));
    for component in components {
        let name = if component.name.is_empty() {
            OneLine("(empty)")
        } else {
            OneLine(&component.name)
        };
        match component.denial {
            None => row("component", &name),
            Some(denial) => row("component", &format_args!("{name}  {}", denial.code())),
        }
    }
    for (index, stage) in stages.iter().enumerate() {
        let outcome = match stage.outcome {
            Outcome::Kept => style.green("kept"),
            Outcome::Broken(code) => style.red(code),
            Outcome::NotAsked => style.dim("not asked"),
        };
        let name = if index == 0 { "rules" } else { "" };
        row(
            name,
            &format_args!("{}. {}: {outcome}", index + 1, stage.rules),
        );
    }
    match &verdict.outcome {
        Ok(allowed) => {
            if let Some(opened) = &allowed.opened {
                row("opened", &opened.row());
            }
            row("verdict", &style.green("allowed"));
        }
        Err(denial) => {
            let explained = denial.to_string();
            let (cause, remedy) = cause_and_remedy(&explained);
            row("verdict", &style.red("denied"));
            row("rule", &denial.code());
            row("cause", &cause);
            row("remedy", &remedy);
        }
    }
    text
}

fn json(verdict: &Verdict<'_>, components: &[Component], stages: &[Stage]) -> Value {
    let components = components.iter().map(
        |component| json!({ "name": component.name, "code": component.denial.map(Denial::code) }),
    );
    let stages = stages.iter().map(|stage| {
        let (outcome, code) = match stage.outcome {
            Outcome::Kept => ("kept", None),
            Outcome::Broken(code) => ("broken", Some(code)),
            Outcome::NotAsked => ("not-asked", None),
        };
        json!({ "rules": stage.rules, "outcome": outcome, "code": code })
    });
    let mut report = verdict.json();
    let (components, stages): (Vec<_>, Vec<_>) = (components.collect(), stages.collect());
    if let Some(report) = report.as_object_mut() {
        report.insert("components".to_owned(), json!(components));
        report.insert("order".to_owned(), json!(stages));
    }
    report
}
