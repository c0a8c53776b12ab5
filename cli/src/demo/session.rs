//! The demo's MCP session: a bridge as any MCP client starts it, and a client on its stdin and stdout.

use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;

use super::Scene;
use super::children::Process;
use super::stage::HELLO;
use super::transcript::{Step, Transcript};
use crate::failure::{Exit, Failure};
use crate::mcp_client::Session;

/// A server that is not ours may have to load much before it answers.
const PATIENCE: Duration = Duration::from_secs(60);
const END: Duration = Duration::from_secs(20);

pub(super) async fn perform(
    scene: &Scene<'_>,
    own_server: bool,
    transcript: &mut Transcript,
) -> Result<(), Failure> {
    let command = scene.bridge();
    transcript.command(&command)?;
    let mark = scene.proxy.mark();
    let mut bridge = Process::start(&command, scene.stage)?;
    let opened = scene.proxy.event(mark, "opened").await;
    negotiated(scene, opened.as_ref(), transcript)?;

    let mut went_well = opened.is_some();
    if let (Some(output), Some(input)) = (bridge.stdout.take(), bridge.stdin.take()) {
        let session = within(Session::open(output, input)).await;
        let (ok, text) = match &session {
            Ok(session) => (true, introduction(session)),
            Err(failure) => (false, without_remedy(&failure.to_string())),
        };
        transcript.step(&Step::new(
            "initialize",
            ok,
            &format!("initialize -> {text}"),
        ))?;
        went_well &= ok;
        if let Ok(session) = session {
            went_well &= tools(&session, own_server, transcript).await?;
            // A server that does not end when its input does is the proxy's to end.
            let _ = timeout(END, session.close()).await;
        }
    }
    let ended = bridge.ended(END).await;
    if !went_well {
        transcript.log(&ended.stderr)?;
        transcript.log(&scene.proxy.log_since(mark))?;
    }
    transcript.step(&Step {
        exit: ended.exit,
        ..Step::new(
            "bridge-ended",
            ended.exit == Some(0),
            "the client is through: the bridge closes the connection in order and ends",
        )
    })
}

/// What the proxy says of the connection.
fn negotiated(
    scene: &Scene<'_>,
    opened: Option<&Value>,
    transcript: &mut Transcript,
) -> Result<(), Failure> {
    let Some(opened) = opened else {
        return transcript.step(&Step::new("negotiated", false, "no connection came about"));
    };
    let field = |name: &str| opened.get(name).and_then(Value::as_str).unwrap_or("none");
    let (version, group) = (field("version"), field("group"));
    let text = format!(
        "negotiated: {version}, {}, {group}, asked for {}",
        field("suite"),
        field("server_name")
    );
    let as_expected =
        version == "TLS 1.3" && group == "X25519MLKEM768" && field("server_name") == "localhost";
    transcript.step(&Step::new("negotiated", as_expected, &text))?;

    let names = opened.get("names").and_then(Value::as_array);
    let names: Vec<&str> = names
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let pin = field("pin");
    let text = format!("client authenticated: {}, {pin}", names.join(" "));
    let as_expected = pin == scene.client.to_string() && names == ["DNS:laptop"];
    transcript.step(&Step::new("client-authenticated", as_expected, &text))
}

async fn tools(
    session: &Session,
    own_server: bool,
    transcript: &mut Transcript,
) -> Result<bool, Failure> {
    if !session.offers_tools() {
        let text = "tools/list: the server offers no tools";
        transcript.step(&Step::new("tools", !own_server, text))?;
        return Ok(!own_server);
    }
    let (ok, text) = match within(session.tools()).await {
        Ok(names) => {
            let expected = !own_server || names == ["read_file", "list_files"];
            (expected, abridged(&names.join(", ")))
        }
        Err(failure) => (false, without_remedy(&failure.to_string())),
    };
    transcript.step(&Step::new("tools", ok, &format!("tools/list -> {text}")))?;
    if !own_server {
        return Ok(ok);
    }

    let (read, text) = match within(session.read_file("hello.txt")).await {
        Ok(Ok(text)) => (text == HELLO, format!("{text:?}")),
        Ok(Err(refusal)) => (false, refusal),
        Err(failure) => (false, without_remedy(&failure.to_string())),
    };
    let text = format!("tools/call read_file hello.txt -> {text}");
    transcript.step(&Step::new("tool-called", read, &text))?;

    let mut all = ok && read;
    for case in REFUSED {
        all &= refused(session, case, transcript).await?;
    }
    Ok(all)
}

/// A file that the tool must not read, and the code that it refuses it with.
struct Refused {
    step: &'static str,
    path: &'static str,
    code: &'static str,
}

const REFUSED: &[Refused] = &[
    Refused {
        step: "outside-the-root",
        path: "../certs/ca.key",
        code: "E-PTH-16",
    },
    Refused {
        step: "absolute-path",
        path: "/proc/self/environ",
        code: "E-PTH-13",
    },
    #[cfg(unix)]
    Refused {
        step: "link",
        path: "environ",
        code: "E-PTH-44",
    },
    #[cfg(target_os = "linux")]
    Refused {
        step: "fifo",
        path: "pipe",
        code: "E-PTH-51",
    },
    Refused {
        step: "too-large",
        path: "large.txt",
        code: "E-PTH-55",
    },
];

async fn refused(
    session: &Session,
    case: &Refused,
    transcript: &mut Transcript,
) -> Result<bool, Failure> {
    let path = case.path;
    let answer = within(session.read_file(path)).await;
    let (code, text) = match &answer {
        Ok(Err(refusal)) => (code(refusal), refusal.as_str()),
        Ok(Ok(_)) => (None, "it was read"),
        Err(_) => (None, "no answer"),
    };
    let refused = code == Some(case.code);
    let text = abridged(&without_remedy(text));
    transcript.step(&Step {
        refused_by: refused.then_some("tool"),
        code,
        ..Step::new(
            case.step,
            refused,
            &format!("tools/call read_file {path} -> {text}"),
        )
    })?;
    Ok(refused)
}

async fn within<T>(answer: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    match timeout(PATIENCE, answer).await {
        Ok(answer) => answer,
        Err(_) => Err(Failure::new(
            Exit::Io,
            "E-MCP-01",
            "the MCP server did not answer within a minute",
            "check that the command is an MCP server that speaks over stdin and stdout",
        )),
    }
}

fn introduction(session: &Session) -> String {
    match session.server() {
        Some((name, protocol)) => {
            let name = name.unwrap_or_else(|| "a server without a name".to_owned());
            format!("{}, MCP {protocol}", abridged(&name))
        }
        None => "no answer".to_owned(),
    }
}

/// The code of `error CODE: cause; remedy`.
fn code(line: &str) -> Option<&str> {
    Some(line.strip_prefix("error ")?.split_once(": ")?.0)
}

/// `CODE: cause`.
fn without_remedy(line: &str) -> String {
    let line = line.strip_prefix("error ").unwrap_or(line);
    line.split_once("; ")
        .map_or(line, |(cause, _)| cause)
        .to_owned()
}

/// What a server that is not ours says may be long.
fn abridged(text: &str) -> String {
    const LIMIT: usize = 200;
    match text.char_indices().nth(LIMIT) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
