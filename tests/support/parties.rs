//! Parties with certificates of any CA, and what becomes of a handshake between them.

use std::fmt;
use std::sync::Arc;

use ravelin_core::config::{self, Builder};
use ravelin_core::{ClientConfig, Error, PeerError, Phase, ServerConfig};

use crate::ca::{Ca, Issued};
use crate::pair::{Pair, Side};
use crate::provider::seeded;
use crate::setup::{anchors, identity};

/// A client that trusts the root of `ca`, on the seeded provider.
pub fn client(ca: &Ca) -> Builder<config::Client> {
    ClientConfig::builder(Arc::new(seeded(1)), anchors(ca))
}

/// A server that presents `issued`, on the seeded provider.
pub fn server(issued: &Issued) -> Builder<config::Server> {
    ServerConfig::builder(Arc::new(seeded(2)), identity(issued))
}

/// What became of a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Established, and the certificates were judged.
    Full,
    /// Established from a session.
    Resumed,
    /// One side refused the other.
    Refused {
        /// Who refused.
        by: Side,
        /// The code of the refusal.
        code: &'static str,
        /// The alert that the other side got.
        alert: &'static str,
    },
}

impl Outcome {
    /// The server refused with `code`, and the client got `alert`.
    pub const fn by_server(code: &'static str, alert: &'static str) -> Self {
        Self::Refused {
            by: Side::Server,
            code,
            alert,
        }
    }

    /// The client refused with `code`, and the server got `alert`.
    pub const fn by_client(code: &'static str, alert: &'static str) -> Self {
        Self::Refused {
            by: Side::Client,
            code,
            alert,
        }
    }

    /// A handshake between the two for `localhost`, at `unix` seconds.
    pub fn at(client: &ClientConfig, server: &ServerConfig, unix: u64) -> Self {
        Self::of(&mut Pair::at(client, server, "localhost", unix))
    }

    /// Drives `pair` and sees what comes of it.
    ///
    /// # Panics
    ///
    /// When the two sides disagree about it, an established connection carries no data, or a refused one any.
    pub fn of(pair: &mut Pair) -> Self {
        pair.drive();
        let outcome = match (pair.client.error, pair.server.error) {
            (None, None) => return established(pair),
            (other, Some(error)) if !is_alert(error) => {
                Self::by_server(error.code(), alert(other, pair.client.phase()))
            }
            (Some(error), other) => {
                Self::by_client(error.code(), alert(other, pair.server.phase()))
            }
            (None, Some(error)) => panic!("an alert out of nothing: {error}"),
        };
        assert_eq!(
            (pair.client.plaintext.len(), pair.server.plaintext.len()),
            (0, 0)
        );
        outcome
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => f.pad("full"),
            Self::Resumed => f.pad("resumed"),
            Self::Refused { by, code, alert } => {
                let by = match by {
                    Side::Client => "client",
                    Side::Server => "server",
                };
                f.pad(&format!("{by} {code}, {alert}"))
            }
        }
    }
}

fn established(pair: &mut Pair) -> Outcome {
    assert_eq!(pair.client.phase(), Phase::Established, "client");
    assert_eq!(pair.server.phase(), Phase::Established, "server");
    for (side, message) in [(Side::Client, b"ping"), (Side::Server, b"pong")] {
        let before = pair.end(side.other()).plaintext.len();
        pair.send(side, message);
        pair.drive();
        assert_eq!(pair.end(side.other()).plaintext[before..], *message);
    }
    let resumed = [&pair.client, &pair.server].map(|end| {
        let peer = end.connection.peer().expect("established");
        peer.is_resumed()
    });
    match resumed {
        [true, true] => Outcome::Resumed,
        [false, false] => Outcome::Full,
        _ => panic!("one side resumed a session and the other did not"),
    }
}

fn is_alert(error: Error) -> bool {
    matches!(error, Error::Peer(PeerError::Alert(_)))
}

/// What the side that was refused was told.
fn alert(error: Option<Error>, phase: Phase) -> &'static str {
    match (error, phase) {
        (Some(Error::Peer(PeerError::Alert(alert))), _) => alert.name(),
        (Some(error), _) => panic!("both sides refused, the second with {error}"),
        (None, Phase::SendOnly) => "close_notify",
        (None, phase) => panic!("the refused side was told nothing and is {phase:?}"),
    }
}
