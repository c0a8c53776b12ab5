//! The demo's refusals: the same bridge with one thing changed, and the side that refuses the other for it.

use std::time::Duration;

use serde_json::Value as Json;

use super::Scene;
use super::children::Process;
use super::invocation::Value;
use super::tls12;
use super::transcript::{Step, Transcript};
use crate::failure::Failure;

const PATIENCE: Duration = Duration::from_secs(15);

/// A bridge with something changed, and what must come of it.
struct Case {
    step: &'static str,
    changes: Vec<(&'static str, Value)>,
    comment: &'static str,
    expected: Expected,
}

enum Expected {
    /// The bridge refuses the server with this code.
    ByBridge(&'static str),
    /// The proxy refuses the client with this code, and the bridge is told by this alert.
    ByProxy(&'static str, &'static str),
}

pub(super) async fn perform(scene: &Scene<'_>, transcript: &mut Transcript) -> Result<(), Failure> {
    transcript.heading("The same bridge with one thing changed:")?;
    for case in cases(scene)? {
        refused(scene, &case, transcript).await?;
    }
    old_version(scene, transcript).await
}

fn cases(scene: &Scene<'_>) -> Result<Vec<Case>, Failure> {
    let certificate = |pem, key| vec![("--cert", Value::File(pem)), ("--key", Value::File(key))];
    let other_pin = scene.stage.pin("certs/guest.pem")?.to_string();
    Ok(vec![
        Case {
            step: "wrong-pin",
            changes: vec![("--pin", Value::Text(other_pin))],
            comment: "# of another key",
            expected: Expected::ByBridge("E-PIN-02"),
        },
        Case {
            step: "unknown-ca",
            changes: vec![("--ca", Value::File("other/ca.pem"))],
            comment: "# did not issue the server's certificate",
            expected: Expected::ByBridge("E-CRT-01"),
        },
        Case {
            step: "wrong-name",
            changes: vec![("--name", Value::Text("example.org".to_owned()))],
            comment: "# not in the server's certificate",
            expected: Expected::ByBridge("E-CRT-04"),
        },
        Case {
            step: "no-client-certificate",
            changes: Vec::new(),
            comment: "# without --cert and --key",
            expected: Expected::ByProxy("E-CRT-07", "certificate_required (116)"),
        },
        Case {
            step: "unknown-client-ca",
            changes: certificate("other/laptop.pem", "other/laptop.key"),
            comment: "# of another CA",
            expected: Expected::ByProxy("E-CRT-01", "unknown_ca (48)"),
        },
        Case {
            step: "wrong-client-pin",
            changes: certificate("certs/guest.pem", "certs/guest.key"),
            comment: "# of this CA, not pinned",
            expected: Expected::ByProxy("E-PIN-02", "certificate_unknown (46)"),
        },
    ])
}

async fn refused(
    scene: &Scene<'_>,
    case: &Case,
    transcript: &mut Transcript,
) -> Result<(), Failure> {
    let bridge = if case.changes.is_empty() {
        scene.bridge().without("--cert").without("--key")
    } else {
        scene.bridge().changed(&case.changes)
    };
    transcript.variant(&bridge, &bridge.shown_changes(&case.changes), case.comment)?;
    let mark = scene.proxy.mark();
    // Its stdin stays open: it ends because it is refused, and not because its client is through.
    let ended = Process::start(&bridge, scene.stage)?.ended(PATIENCE).await;
    let said = ended.stderr.last().and_then(|line| error_line(line));
    let (code, cause) = said.unwrap_or(("no error", ""));
    // Also where the bridge refuses: its alert must not be taken for what comes of the next one.
    let event = scene.proxy.event(mark, "refused").await;
    let proxy_code = refusal_code(event.as_ref());

    let (as_expected, refused_by, expected, mut text) = match case.expected {
        Expected::ByBridge(expected) => (
            code == expected && ended.exit == Some(4),
            "bridge",
            expected,
            format!("{expected}: the bridge refuses the server, exit 4"),
        ),
        Expected::ByProxy(expected, alert) => (
            proxy_code == expected
                && code == "E-TLS-01"
                && cause.ends_with(&format!("with alert {alert}"))
                && ended.exit == Some(5),
            "proxy",
            expected,
            format!("{expected}: the proxy refuses the client; bridge: E-TLS-01 {alert}, exit 5"),
        ),
    };
    if !as_expected {
        transcript.log(&ended.stderr)?;
        transcript.log(&scene.proxy.log_since(mark))?;
        let exit = ended
            .exit
            .map_or_else(|| "none".to_owned(), |exit| exit.to_string());
        text = format!(
            "{expected} by the {refused_by} was due; bridge: {code} {cause}, exit {exit}; proxy: {proxy_code}"
        );
    }
    transcript.step(&Step {
        refused_by: as_expected.then_some(refused_by),
        code: as_expected.then_some(expected),
        exit: ended.exit,
        ..Step::new(case.step, as_expected, &text)
    })
}

/// No client of ours offers TLS 1.2 alone, so its first message is made by hand.
async fn old_version(scene: &Scene<'_>, transcript: &mut Transcript) -> Result<(), Failure> {
    let mark = scene.proxy.mark();
    let alert = tls12::offer(scene.address).await;
    let event = scene.proxy.event(mark, "refused").await;
    let code = refusal_code(event.as_ref());
    let told = match &alert {
        Ok(alert) => alert.to_string(),
        Err(error) => error.to_string(),
    };
    let as_expected = code == "E-TLS-06" && told == "protocol_version (70)";
    if !as_expected {
        transcript.log(&scene.proxy.log_since(mark))?;
    }
    let text =
        format!("{code}: the proxy refuses a hand-made ClientHello of TLS 1.2; alert {told}");
    transcript.step(&Step {
        refused_by: as_expected.then_some("proxy"),
        code: Some(code),
        ..Step::new("tls-1.2", as_expected, &text)
    })
}

fn refusal_code(event: Option<&Json>) -> &str {
    event
        .and_then(|event| event.get("code")?.as_str())
        .unwrap_or("no refusal")
}

/// The code and the cause of `error CODE: HOST:PORT: cause; remedy`.
fn error_line(line: &str) -> Option<(&str, &str)> {
    let (code, text) = line.strip_prefix("error ")?.split_once(": ")?;
    let cause = text.split_once("; ").map_or(text, |(cause, _)| cause);
    Some((code, cause))
}
