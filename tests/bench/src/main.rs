//! What DPoP costs here: see README.md.

mod harness;
mod parties;
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

const SECTIONS: [Section; 5] = [
    ("build", proofs::build),
    ("verify", proofs::verify),
    ("store", store::run),
    ("timing", timing::run),
    ("peers", peers::run),
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
                eprintln!("usage: ravelin-bench [--smoke] [build|verify|store|timing|peers]...");
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
