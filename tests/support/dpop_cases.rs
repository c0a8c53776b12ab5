//! The cases in `tests/data/dpop`: what a DPoP verifier has to accept and to refuse, as data for any language.
//!
//! `cargo run -p ravelin-tests --example dpop_cases` writes them. They are made here from fixed keys, without the
//! crates under test: base64url, JSON, JWK, thumbprints and nonces are written a second time in `forge` and `mint`.
//! [`mod@format`] is the format, which the runner reads too.

mod certificate;
#[cfg(test)]
mod checklist;
mod draft;
mod encoding;
mod fields;
mod forge;
pub mod format;
mod grant;
mod header;
mod json;
mod key;
mod method_uri;
mod mint;
mod nonce;
mod replay;
mod signature;
#[cfg(test)]
mod tests;
mod time;
mod token;
mod vectors;

use std::path::{Path, PathBuf};

use draft::Draft;
use format::File;

/// The cases, a file for each subject.
pub fn files() -> Vec<File> {
    drafts()
        .into_iter()
        .map(|(subject, drafts)| File {
            subject: subject.to_owned(),
            cases: drafts.into_iter().map(Draft::finish).collect(),
        })
        .collect()
}

/// Where the file of a subject is.
pub fn path(subject: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("data/dpop")
        .join(format!("{subject}.json"))
}

/// The text of a file.
///
/// # Panics
/// Never: every case has a JSON text.
pub fn text(file: &File) -> String {
    let json = serde_json::to_string_pretty(file).expect("JSON");
    format!("{json}\n")
}

fn drafts() -> [(&'static str, Vec<Draft>); 13] {
    [
        ("fields", fields::cases()),
        ("encoding", encoding::cases()),
        ("json", json::cases()),
        ("header", header::cases()),
        ("key", key::cases()),
        ("signature", signature::cases()),
        ("method_uri", method_uri::cases()),
        ("time", time::cases()),
        ("token", token::cases()),
        ("nonce", nonce::cases()),
        ("replay", replay::cases()),
        ("grant", grant::cases()),
        ("vectors", vectors::cases()),
    ]
}
