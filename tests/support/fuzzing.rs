//! What the fuzz targets run, callable without a fuzzer: bytes in, oracles checked, and what was reached comes out.
//!
//! Everything is deterministic: the seeded provider, simulated time, and an input that is itself the schedule. A target
//! in `fuzz/` is one call of a function here, and `tests/scenarios/corpora.rs` makes the same calls for every committed
//! input. [`seeds`](mod@seeds) writes the inputs that a fuzzer starts from.
//!
//! The input of a connection target is two bytes of [`Setup`] and then either operations ([`Op`], one to a few bytes
//! each) or, with [`Setup::RAW`], the bytes that the peer sends.

mod certificate;
mod clear;
pub mod dpop;
mod file_uri;
mod input;
mod json;
mod lines;
mod op;
mod path_open;
mod path_rules;
mod play;
mod provider;
mod raw;
pub mod seeds;
mod setup;
mod uri;
mod wire;

use std::collections::BTreeSet;

pub use certificate::certificate;
pub use dpop::dpop_verify;
pub use file_uri::file_uri;
pub use input::Amount;
pub use json::json;
pub use lines::lines;
pub use op::Op;
pub use path_open::{Scene, path_open};
pub use path_rules::{Settings, path_rules};
pub use setup::Setup;
pub use uri::uri;

use crate::pair::Side;
use input::Input;
use play::Play;

/// Something that an input made happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mark {
    /// A handshake finished.
    Established,
    /// It resumed a session.
    Resumed,
    /// A client proved who it is.
    ClientVerified,
    /// Plaintext came through.
    Plaintext,
    /// An end asked for new keys.
    KeysUpdated,
    /// An end opened a record sealed under keys that its peer took after the handshake.
    KeysFollowed,
    /// A session ticket was handed out or stored.
    Ticket,
    /// close_notify was received.
    CloseNotify,
    /// Both directions were closed in order.
    Closed,
    /// The peer refused the connection with an alert.
    Alert,
    /// A connection failed, for whatever reason.
    Failure,
    /// A deadline passed.
    Timeout,
    /// The transport ended too early.
    Truncated,
    /// A certificate or a pin was refused.
    CertificateRefused,
    /// A line came out in one piece, or a certificate, a pin, a document or a URI was read.
    Parsed,
    /// A line that spans pieces.
    Spanning,
    /// A subject alternative name was read.
    Name,
    /// Input was refused as too long.
    TooLong,
    /// A proof or a path was accepted, or a file was opened.
    Accepted,
    /// A proof with a signature that does not verify.
    SignatureRefused,
    /// A proof without the nonce that is required.
    NonceDemanded,
    /// Input was refused for another reason.
    Refused,
    /// Input that another reader accepts was refused by a rule of ours.
    Stricter,
    /// Two spellings were equal.
    Equal,
    /// A path was written as a URI.
    Written,
    /// A system resolved a whole path.
    OneShot,
    /// A name was opened in a directory.
    Walked,
    /// A link was followed.
    LinkFollowed,
    /// A name was made, moved or taken away, or a file written to disk.
    Changed,
    /// A new file took the name of another.
    Replaced,
    /// Something was tried or followed as often as it may be.
    Bound,
    /// An answer to another question was refused.
    OutOfOrder,
}

/// All that an input made happen.
pub type Reached = BTreeSet<Mark>;

/// A client whose peer is the input, or a server that the input interferes with.
pub fn records_client(input: &[u8]) -> Reached {
    records(Side::Client, input)
}

/// A server whose peer is the input, or a client that the input interferes with.
pub fn records_server(input: &[u8]) -> Reached {
    records(Side::Server, input)
}

/// A client and a server of ours, and a schedule. What the peer sends may be changed on the way, but not forged.
pub fn pair(input: &[u8]) -> Reached {
    let mut input = Input::new(input);
    let Some(setup) = input.setup() else {
        return Reached::new();
    };
    let mut play = Play::new(
        setup.without(Setup::CLEAR),
        vec![Side::Client, Side::Server],
    );
    let ops = input.ops();
    ops.iter().for_each(|op| play.step(op));
    play.finish()
}

fn records(subject: Side, input: &[u8]) -> Reached {
    let mut input = Input::new(input);
    let Some(setup) = input.setup() else {
        return Reached::new();
    };
    let mut play = Play::new(setup, vec![subject]);
    if setup.has(Setup::RAW) {
        raw::feed(&mut play, subject, &mut input);
        return play.reached();
    }
    for op in input.ops() {
        play.step(&op.against(subject));
    }
    play.finish()
}
