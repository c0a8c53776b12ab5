//! Rounds in turn, medians of ratios, and what the heap was asked for.

use std::process::ExitCode;
use std::time::Instant;

use stats_alloc::{Region, Stats};

/// One run of this program.
pub struct Run {
    /// Few rounds: only what is not time counts.
    pub smoke: bool,
    broken: Vec<String>,
}

impl Run {
    pub const fn new() -> Self {
        Self {
            smoke: false,
            broken: Vec::new(),
        }
    }

    /// `full`, or a twentieth of it.
    pub fn rounds(&self, full: usize) -> usize {
        if self.smoke { full.div_ceil(20) } else { full }
    }

    /// A rule that does not depend on time. It decides how the program ends.
    pub fn check(&mut self, holds: bool, rule: &str) {
        println!("  {} {rule}", if holds { "ok    " } else { "BROKEN" });
        if !holds {
            self.broken.push(rule.to_owned());
        }
    }

    pub fn verdict(&self) -> ExitCode {
        if self.broken.is_empty() {
            return ExitCode::SUCCESS;
        }
        eprintln!("broken: {}", self.broken.join("; "));
        ExitCode::FAILURE
    }
}

/// One of the things that a round compares. It gets the number of the round.
pub struct Contender<'a> {
    pub name: &'a str,
    pub run: Box<dyn FnMut(usize) + 'a>,
}

impl<'a> Contender<'a> {
    pub fn new(name: &'a str, run: impl FnMut(usize) + 'a) -> Self {
        let run = Box::new(run);
        Self { name, run }
    }
}

/// Times the contenders in turn, the order turned round by round, and prints what each call took. The first one is what
/// the others are measured by: a rate of 0.90 is nine tenths of its calls in the same time.
pub fn compare(rounds: usize, calls: usize, contenders: &mut [Contender<'_>]) {
    let mut nanos = vec![Vec::with_capacity(rounds); contenders.len()];
    for round in 0..rounds {
        for turn in 0..contenders.len() {
            let which = (turn + round) % contenders.len();
            let begin = Instant::now();
            (contenders[which].run)(round);
            nanos[which].push(begin.elapsed().as_nanos() as f64 / calls as f64);
        }
    }
    println!(
        "  {:<34} {:>10} {:>10}   rate of the first (quartiles)",
        "", "ns, median", "ns, min"
    );
    for (contender, own) in contenders.iter().zip(&nanos) {
        let mut rates: Vec<f64> = nanos[0].iter().zip(own).map(|(a, b)| a / b).collect();
        rates.sort_by(f64::total_cmp);
        println!(
            "  {:<34} {:>10.1} {:>10.1}   {:.3} ({:.3} to {:.3})",
            contender.name,
            quantile(&sorted(own), 0.5),
            quantile(&sorted(own), 0.0),
            quantile(&rates, 0.5),
            quantile(&rates, 0.25),
            quantile(&rates, 0.75),
        );
    }
}

/// What `run` takes from the heap.
pub fn heap(run: impl FnOnce()) -> Stats {
    let region = Region::new(super::HEAP);
    run();
    region.change()
}

/// Bytes that are still there.
pub const fn kept(stats: &Stats) -> usize {
    stats
        .bytes_allocated
        .saturating_sub(stats.bytes_deallocated)
}

pub fn sorted(values: &[f64]) -> Vec<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values
}

/// Of sorted values.
pub fn quantile(sorted: &[f64], part: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted[(last as f64 * part).round() as usize]
}

/// SplitMix64 (Steele, Lea, Flood 2014).
pub struct SplitMix(pub u64);

impl SplitMix {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn bytes(&mut self) -> [u8; 16] {
        let (low, high) = (self.next(), self.next());
        (u128::from(high) << 64 | u128::from(low)).to_le_bytes()
    }
}
