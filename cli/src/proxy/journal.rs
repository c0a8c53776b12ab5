//! What happened, one line each on stderr.

use std::fmt;
use std::io::{self, Write as _};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, TrySendError, channel, sync_channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use ravelin_tokio::Peer;
use serde::Serialize;

use crate::style::OneLine;

/// Lines that wait to be written. Nobody waits for a stderr that nobody reads: what finds no room is counted.
const WAITING: usize = 1024;

/// Takes events from every connection.
#[derive(Clone)]
pub(super) struct Journal {
    lines: SyncSender<Line>,
    lost: Arc<AtomicU64>,
    json: bool,
}

enum Line {
    Text(String),
    /// Everything before it has been written.
    Flushed(Sender<()>),
}

impl Journal {
    /// Starts the thread that writes.
    pub(super) fn start(json: bool) -> Self {
        let (lines, waiting) = sync_channel(WAITING);
        let lost = Arc::new(AtomicU64::new(0));
        let journal = Self {
            lines,
            lost: Arc::clone(&lost),
            json,
        };
        thread::spawn(move || write_all(&waiting, &lost, json));
        journal
    }

    pub(super) fn write(&self, event: &Event<'_>) {
        if let Err(TrySendError::Full(_)) =
            self.lines.try_send(Line::Text(render(event, self.json)))
        {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits until everything is written, or for as long as a reader of stderr may be given.
    pub(super) fn flush(&self, patience: Duration) {
        let until = Instant::now() + patience;
        let (written, done) = channel();
        let mut mark = Line::Flushed(written);
        while let Err(TrySendError::Full(back)) = self.lines.try_send(mark) {
            if Instant::now() >= until {
                return;
            }
            mark = back;
            thread::sleep(Duration::from_millis(5));
        }
        // A stderr that nobody reads must not keep the program.
        let _ = done.recv_timeout(until.saturating_duration_since(Instant::now()));
    }
}

fn write_all(waiting: &Receiver<Line>, lost: &AtomicU64, json: bool) {
    // One write for a line, so that nothing comes between; a closed stderr loses the journal and nothing else.
    let write = |mut text: String| {
        text.push('\n');
        let _ = io::stderr().lock().write_all(text.as_bytes());
    };
    for line in waiting {
        match line {
            Line::Text(text) => write(text),
            Line::Flushed(done) => drop(done.send(())),
        }
        let count = lost.swap(0, Ordering::Relaxed);
        if count > 0 {
            write(render(&Event::LinesLost { count }, json));
        }
    }
}

fn render(event: &Event<'_>, json: bool) -> String {
    if json {
        let unix = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        let stamped = Stamped {
            time: unix.as_millis() as f64 / 1000.0,
            event,
        };
        // Strings and numbers always have a JSON form.
        serde_json::to_string(&stamped).unwrap_or_default()
    } else {
        OneLine(&event.to_string()).to_string()
    }
}

#[derive(Serialize)]
struct Stamped<'a> {
    /// Seconds since 1970, UTC.
    time: f64,
    #[serde(flatten)]
    event: &'a Event<'a>,
}

/// What a proxy reports.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(super) enum Event<'a> {
    Listening {
        address: SocketAddr,
    },
    Warning {
        message: &'a str,
    },
    Opened {
        connection: u64,
        address: Option<SocketAddr>,
        #[serde(flatten)]
        peer: PeerReport,
    },
    /// A handshake that came to nothing.
    Refused {
        connection: u64,
        address: Option<SocketAddr>,
        code: &'static str,
        message: String,
    },
    /// An event of the TLS connection that someone should look at.
    Noted {
        connection: u64,
        code: &'static str,
        message: String,
    },
    Closed {
        connection: u64,
        /// Bytes of plaintext.
        received: u64,
        sent: u64,
        seconds: f64,
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<&'static str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        message: Option<String>,
    },
    Stderr {
        connection: u64,
        line: String,
    },
    ChildEnded {
        connection: u64,
        status: String,
    },
    /// Connections that were closed before their handshake.
    Limited {
        code: &'static str,
        count: u64,
        message: &'a str,
    },
    AcceptFailed {
        code: &'static str,
        count: u64,
        message: String,
    },
    Draining {
        connections: usize,
    },
    LinesLost {
        count: u64,
    },
}

/// Who the peer of an established connection is.
#[derive(Serialize)]
pub(super) struct PeerReport {
    version: &'static str,
    suite: &'static str,
    group: &'static str,
    resumed: bool,
    alpn: Option<String>,
    server_name: Option<String>,
    pin: Option<String>,
    names: Vec<String>,
}

impl PeerReport {
    pub(super) fn of(peer: &Peer) -> Self {
        let names = peer.names().into_iter().flat_map(|names| &names.names);
        Self {
            version: peer.version().name(),
            suite: peer.suite_name(),
            group: peer.group_name(),
            resumed: peer.is_resumed(),
            alpn: peer
                .alpn()
                .map(|name| String::from_utf8_lossy(name).into_owned()),
            server_name: peer.server_name().map(str::to_owned),
            pin: peer.leaf_pin().map(|pin| pin.to_string()),
            names: names.map(ToString::to_string).collect(),
        }
    }
}

impl fmt::Display for PeerReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {}, {}", self.version, self.suite, self.group)?;
        if self.resumed {
            f.write_str(", resumed")?;
        }
        if let Some(alpn) = &self.alpn {
            write!(f, ", ALPN {alpn}")?;
        }
        if let Some(name) = &self.server_name {
            write!(f, ", asked for {name}")?;
        }
        match &self.pin {
            Some(pin) => write!(f, ", client {pin}")?,
            None => f.write_str(", client without certificate")?,
        }
        self.names.iter().try_for_each(|name| write!(f, " {name}"))
    }
}

impl fmt::Display for Event<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listening { address } => write!(f, "listening on {address}"),
            Self::Warning { message } => write!(f, "warning: {message}"),
            Self::Opened {
                connection,
                address,
                peer,
            } => write!(f, "[{connection}] opened from {}: {peer}", From(*address)),
            Self::Refused {
                connection,
                address,
                code,
                message,
            } => write!(
                f,
                "[{connection}] refused from {}: {code}: {message}",
                From(*address)
            ),
            Self::Noted {
                connection,
                code,
                message,
            } => write!(f, "[{connection}] {code}: {message}"),
            Self::Closed {
                connection,
                received,
                sent,
                seconds,
                code,
                message,
            } => {
                write!(
                    f,
                    "[{connection}] closed: {received} bytes received, {sent} sent, {seconds:.1} s"
                )?;
                match (code, message) {
                    (Some(code), Some(message)) => write!(f, ": {code}: {message}"),
                    _ => Ok(()),
                }
            }
            Self::Stderr { connection, line } => write!(f, "[{connection}] stderr: {line}"),
            Self::ChildEnded { connection, status } => {
                write!(f, "[{connection}] command ended: {status}")
            }
            Self::Limited {
                code,
                count,
                message,
            } => write!(f, "connections closed at once: {count}: {code}: {message}"),
            Self::AcceptFailed {
                code,
                count,
                message,
            } => write!(f, "connections not accepted: {count}: {code}: {message}"),
            Self::Draining { connections } => {
                write!(f, "draining, connections open: {connections}")
            }
            Self::LinesLost { count } => {
                write!(f, "lines lost: {count}: stderr was not read fast enough")
            }
        }
    }
}

struct From(Option<SocketAddr>);

impl fmt::Display for From {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(address) => address.fmt(f),
            None => f.write_str("an unknown address"),
        }
    }
}
