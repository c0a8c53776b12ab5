//! What DPoP, paths and limits cost here: see README.md.

mod files;
mod harness;
mod limits;
mod parties;
mod paths;
mod peers;
mod proofs;
mod store;
mod timing;

use std::alloc::System;
use std::process::ExitCode;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

use harness::Run;

#[global_allocator]
static HEAP: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

type Section = (&'static str, fn(&mut Run));

const SECTIONS: [Section; 8] = [
    ("build", proofs::build),
    ("verify", proofs::verify),
    ("store", store::run),
    ("timing", timing::run),
    ("peers", peers::run),
    ("paths", paths::run),
    ("files", files::run),
    ("limits", limits::run),
];

/// `[--smoke] [SECTION...]`
fn main() -> ExitCode {
    let mut run = Run::new();
    let mut wanted = Vec::new();
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--smoke" => run.smoke = true,
            name if SECTIONS.iter().any(|(section, _)| *section == name) => wanted.push(argument),
            _ => {
                let names = SECTIONS.map(|(section, _)| section).join("|");
                eprintln!("usage: ravelin-bench [--smoke] [{names}]...");
                return ExitCode::from(2);
            }
        }
    }
    for (name, section) in SECTIONS {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            println!("\n==== {name}");
            section(&mut run);
        }
    }
    run.verdict()
}
