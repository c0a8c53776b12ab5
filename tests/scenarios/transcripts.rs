//! Recorded sessions, replayed byte for byte: a connection with the same seed that is fed the recorded bytes of its
//! peer must send exactly the recorded bytes.
//!
//! The recordings are text files in `tests/fixtures/transcripts`. When a change is meant to alter what goes over the
//! wire, `RAVELIN_RECORD_TRANSCRIPTS=1 cargo test -p ravelin-tests transcripts` writes them anew; the diff shows what
//! has changed, and belongs into the same commit.
//!
//! A line is `connection`, `SECONDS seconds pass`, `SIDE sends HEX`, `SIDE updates its keys`, `SIDE closes`, or
//! `SIDE > HEX` for bytes on the wire. Lines that begin with two blanks go on with the hex digits of the line before.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs};

use ravelin_core::pki_types::{ServerName, UnixTime};
use ravelin_core::{ClientConfig, Connection, Instant, Now, Phase, ServerConfig};
use ravelin_tests::ca::NOW;
use ravelin_tests::pair::{Endpoint, Pair, Side};
use ravelin_tests::provider::seeded;
use ravelin_tests::setup::setup;

/// A step of a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Connection,
    Pass(u64),
    Send(Side, Vec<u8>),
    UpdateKeys(Side),
    Close(Side),
    Wire(Side, Vec<u8>),
}

#[test]
fn mutual_authentication_key_updates_and_close() {
    replay("mutual", |recorder| {
        recorder.connect();
        recorder.run(Step::Send(Side::Client, b"a question".to_vec()));
        recorder.run(Step::Send(Side::Server, b"an answer".to_vec()));
        recorder.run(Step::UpdateKeys(Side::Client));
        recorder.run(Step::Send(Side::Server, b"under new keys".to_vec()));
        recorder.run(Step::Send(Side::Client, b"and here too".to_vec()));
        recorder.run(Step::UpdateKeys(Side::Server));
        recorder.run(Step::Send(Side::Client, b"once more".to_vec()));
        recorder.run(Step::Close(Side::Client));
        recorder.run(Step::Send(Side::Server, b"a last word".to_vec()));
        recorder.run(Step::Close(Side::Server));
    });
}

#[test]
fn resumption() {
    replay("resumed", |recorder| {
        recorder.connect();
        recorder.run(Step::Close(Side::Client));
        recorder.run(Step::Close(Side::Server));
        recorder.run(Step::Pass(60));
        recorder.connect();
        let resumed = |pair: &mut Pair, side| {
            let peer = pair.end(side).connection.peer();
            peer.is_some_and(ravelin_core::Peer::is_resumed)
        };
        assert!(resumed(recorder.pair(), Side::Client));
        assert!(resumed(recorder.pair(), Side::Server));
        recorder.run(Step::Send(Side::Client, b"a question".to_vec()));
        recorder.run(Step::Send(Side::Server, b"an answer".to_vec()));
        recorder.run(Step::Close(Side::Server));
        recorder.run(Step::Close(Side::Client));
    });
}

/// A replay that cannot fail proves nothing: a recording with one byte changed must not pass.
#[test]
fn a_changed_recording_is_noticed() {
    let steps = parse(&fs::read_to_string(path("mutual")).unwrap());
    for side in [Side::Client, Side::Server] {
        assert_eq!(play(&steps, side, usize::MAX), Ok(()));
        // Behind close_notify a debug build of rustls panics on a bad record; closing.rs has a test for that.
        let open = steps
            .iter()
            .take_while(|step| !matches!(step, Step::Close(_)));
        for (at, step) in open.enumerate() {
            if !matches!(step, Step::Wire(..)) {
                continue;
            }
            let mut changed = steps.clone();
            if let Step::Wire(_, bytes) = &mut changed[at] {
                let last = bytes.len() - 1;
                bytes[last] ^= 1;
            }
            assert!(
                play(&changed, side, usize::MAX).is_err(),
                "{side:?}, step {at}"
            );
        }
    }
}

/// The two configurations of every recording.
fn configs() -> (ClientConfig, ServerConfig) {
    (
        setup().client(seeded(11)).build().unwrap(),
        setup().mutual(seeded(12)).build().unwrap(),
    )
}

#[track_caller]
fn replay(name: &str, script: impl FnOnce(&mut Recorder)) {
    let mut recorder = Recorder::new();
    script(&mut recorder);
    if env::var_os("RAVELIN_RECORD_TRANSCRIPTS").is_some() {
        fs::create_dir_all(path(name).parent().unwrap()).unwrap();
        fs::write(path(name), format(&recorder.steps)).unwrap();
    }
    let recorded = fs::read_to_string(path(name)).expect("a recording; see this file's beginning");
    let steps = parse(&recorded);
    assert_eq!(format(&steps), recorded, "the file says it in one way only");
    for side in [Side::Client, Side::Server] {
        for chunk in [usize::MAX, 100, 1] {
            assert_eq!(play(&steps, side, chunk), Ok(()), "{side:?} in {chunk}s");
        }
    }
    assert!(
        recorder.steps == steps,
        "both live: another session than recorded"
    );
}

fn path(name: &str) -> PathBuf {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/transcripts");
    fixtures.join(format!("{name}.txt"))
}

fn start() -> Now {
    now(0)
}

fn now(seconds: u64) -> Now {
    Now::new(
        Instant::from_micros(1_000_000 * (1 + seconds)),
        UnixTime::since_unix_epoch(Duration::from_secs(NOW + seconds)),
    )
}

/// Plays one side of the recording against a fresh connection, whose peer's bytes arrive in pieces of `chunk` bytes.
fn play(steps: &[Step], side: Side, chunk: usize) -> Result<(), String> {
    let (client, server) = configs();
    let mut end: Option<Endpoint> = None;
    let mut time = start();
    let mut seconds = 0;
    let mut expected = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        let wrong = |what: &str| Err(format!("step {number}: {what}"));
        if let Step::Connection = step {
            let connection = match side {
                Side::Client => {
                    let name = ServerName::try_from("localhost").unwrap();
                    Connection::client(&client, name, time)
                }
                Side::Server => Connection::server(&server, time),
            };
            end = Some(Endpoint::new(connection.unwrap()));
            expected.clear();
            continue;
        }
        if let Step::Pass(more) = step {
            seconds += more;
            time = now(seconds);
            continue;
        }
        let Some(end) = &mut end else {
            return wrong("no connection");
        };
        match step {
            Step::Connection | Step::Pass(_) => {}
            Step::Send(sender, plaintext) if *sender == side => {
                if end.connection.send(&[plaintext], time) != Ok(plaintext.len()) {
                    return wrong("not accepted");
                }
            }
            Step::Send(_, plaintext) => expected.extend_from_slice(plaintext),
            Step::UpdateKeys(sender) if *sender == side => {
                let outcome = end.connection.update_keys(time);
                end.note(outcome);
            }
            Step::Close(closer) if *closer == side => {
                let outcome = end.connection.close(time);
                end.note(outcome);
            }
            Step::UpdateKeys(_) | Step::Close(_) => {}
            Step::Wire(sender, bytes) if *sender == side => {
                if end.connection.transmit() != bytes {
                    return wrong("other bytes than recorded");
                }
                end.transmit(time);
            }
            Step::Wire(_, bytes) => {
                for piece in bytes.chunks(chunk.min(bytes.len())) {
                    end.receive(piece, time);
                }
            }
        }
        if let Some(error) = end.error {
            return wrong(&error.to_string());
        }
    }
    match end {
        Some(end) if end.phase() != Phase::Closed => Err(format!("ends {:?}", end.phase())),
        Some(end) if end.plaintext != expected => Err("other plaintext than recorded".into()),
        Some(end) if !end.connection.transmit().is_empty() => Err("more than recorded".into()),
        Some(_) => Ok(()),
        None => Err("no connection".into()),
    }
}

/// Two live connections, and what they did.
struct Recorder {
    configs: (ClientConfig, ServerConfig),
    pair: Option<Pair>,
    seconds: u64,
    steps: Vec<Step>,
}

impl Recorder {
    fn new() -> Self {
        Self {
            configs: configs(),
            pair: None,
            seconds: 0,
            steps: Vec::new(),
        }
    }

    fn pair(&mut self) -> &mut Pair {
        self.pair.as_mut().expect("connect() comes first")
    }

    fn connect(&mut self) {
        self.steps.push(Step::Connection);
        let (client, server) = &self.configs;
        let mut pair = Pair::at(client, server, "localhost", NOW + self.seconds);
        pair.now = now(self.seconds);
        self.pair = Some(pair);
        self.drive();
    }

    fn run(&mut self, step: Step) {
        self.steps.push(step.clone());
        match step {
            Step::Send(side, plaintext) => self.pair().send(side, &plaintext),
            Step::UpdateKeys(side) => self.pair().update_keys(side),
            Step::Close(side) => self.pair().close(side),
            Step::Pass(seconds) => self.seconds += seconds,
            Step::Connection | Step::Wire(..) => panic!("not a step of a script"),
        }
        self.drive();
    }

    fn drive(&mut self) {
        loop {
            let mut moved = false;
            for side in [Side::Client, Side::Server] {
                let pair = self.pair();
                let now = pair.now;
                let bytes = pair.end(side).transmit(now);
                if !bytes.is_empty() {
                    pair.end(side.other()).receive(&bytes, now);
                    self.steps.push(Step::Wire(side, bytes));
                    moved = true;
                }
            }
            if !moved {
                return;
            }
        }
    }
}

fn format(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        let hex = match step {
            Step::Connection => {
                text.push_str("connection\n");
                continue;
            }
            Step::Pass(seconds) => {
                writeln!(text, "{seconds} seconds pass").unwrap();
                continue;
            }
            Step::UpdateKeys(side) => {
                writeln!(text, "{} updates its keys", name(*side)).unwrap();
                continue;
            }
            Step::Close(side) => {
                writeln!(text, "{} closes", name(*side)).unwrap();
                continue;
            }
            Step::Send(side, bytes) => {
                write!(text, "{} sends ", name(*side)).unwrap();
                bytes
            }
            Step::Wire(side, bytes) => {
                write!(text, "{} > ", name(*side)).unwrap();
                bytes
            }
        };
        for (number, line) in hex.chunks(40).enumerate() {
            if number > 0 {
                text.push_str("\n  ");
            }
            for byte in line {
                write!(text, "{byte:02x}").unwrap();
            }
        }
        text.push('\n');
    }
    text
}

fn name(side: Side) -> &'static str {
    match side {
        Side::Client => "client",
        Side::Server => "server",
    }
}

fn parse(text: &str) -> Vec<Step> {
    let text = text.replace("\n  ", "");
    text.lines().map(parse_line).collect()
}

fn parse_line(line: &str) -> Step {
    let words: Vec<&str> = line.split(' ').collect();
    let side = |word: &str| match word {
        "client" => Side::Client,
        "server" => Side::Server,
        other => panic!("{other} is no side"),
    };
    match words[..] {
        ["connection"] => Step::Connection,
        [seconds, "seconds", "pass"] => Step::Pass(seconds.parse().unwrap()),
        [who, "sends", hex] => Step::Send(side(who), parse_hex(hex)),
        [who, "updates", "its", "keys"] => Step::UpdateKeys(side(who)),
        [who, "closes"] => Step::Close(side(who)),
        [who, ">", hex] => Step::Wire(side(who), parse_hex(hex)),
        _ => panic!("not a line of a recording: {line}"),
    }
}

fn parse_hex(text: &str) -> Vec<u8> {
    let pairs = (0..text.len()).step_by(2);
    pairs
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}
