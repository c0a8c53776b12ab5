//! The replay store at a million live entries.

use std::time::Instant;

use ravelin_core::Now;
use ravelin_core::dpop::Thumbprint;
use ravelin_core::dpop::replay::{Answer, Question, Settings, Store};
use ravelin_core::pki_types::UnixTime;

use super::harness::{Run, heap, kept, quantile};

const LIFETIME: u32 = 81;
/// Of the clients: few enough to have room among the quotas of a small store too.
const KEYS: u64 = 1_000;
const START: u64 = 1_800_000_000;

pub fn run(run: &mut Run) {
    let entries = if run.smoke { 50_000 } else { 1_000_000 };
    for (name, quota) in [
        ("one key may fill it", entries),
        ("with quotas", entries / 8),
    ] {
        let settings = Settings {
            capacity: entries,
            quota,
            lifetime: LIFETIME,
        };
        let mut store = None;
        let stats = heap(|| store = Store::first_start(&settings, [3; 16], at(0)).ok());
        let mut store = store.unwrap();
        let each = kept(&stats) as f64 / f64::from(entries);
        println!("  {name}: {each:.2} bytes for each of {entries} entries");
        if quota >= entries {
            run.check(each <= 24.0, "an entry takes at most 24 bytes");
        }

        let mut jti = 0;
        let filling = heap(|| {
            for _ in 0..entries {
                assert_eq!(store.claim(&question(jti, 0), at(0)), Answer::Fresh);
                jti += 1;
            }
        });
        assert_eq!(store.usage().live, entries);
        run.check(filling.allocations == 0, "a claim allocates nothing");

        // All of them expire together: the worst moment. Then as many as expire come each second.
        let a_second = u64::from(entries / LIFETIME);
        let mut nanos = Vec::with_capacity(entries as usize);
        let mut second = u64::from(LIFETIME);
        while nanos.len() < entries as usize {
            for _ in 0..a_second {
                let question = question(jti, second);
                let begin = Instant::now();
                let answer = store.claim(&question, at(second));
                nanos.push(begin.elapsed().as_nanos() as f64);
                assert_eq!(answer, Answer::Fresh);
                jti += 1;
            }
            second += 1;
        }
        percentiles("claims after all expired at once", nanos);

        let mut nanos = Vec::with_capacity(entries as usize);
        while nanos.len() < entries as usize {
            for _ in 0..a_second {
                let question = question(jti, second);
                let begin = Instant::now();
                let answer = store.claim(&question, at(second));
                nanos.push(begin.elapsed().as_nanos() as f64);
                assert_eq!(answer, Answer::Fresh);
                jti += 1;
            }
            second += 1;
        }
        println!("  live: {}", store.usage().live);
        percentiles("claims at a steady rate", nanos);

        let mut nanos = Vec::with_capacity(entries as usize);
        for used in jti - u64::from(entries) / 2..jti {
            let question = question(used, second - 1);
            let begin = Instant::now();
            let answer = store.claim(&question, at(second - 1));
            nanos.push(begin.elapsed().as_nanos() as f64);
            assert_eq!(answer, Answer::Replayed);
        }
        percentiles("replays", nanos);
    }
    let nanos = (0..100_000).map(|_| Instant::now().elapsed().as_nanos() as f64);
    percentiles("(reading the clock alone)", nanos.collect());
}

fn percentiles(name: &str, mut nanos: Vec<f64>) {
    nanos.sort_by(f64::total_cmp);
    let [p50, p99, p999, max] = [0.5, 0.99, 0.999, 1.0].map(|part| quantile(&nanos, part));
    println!("  {name:<34} ns: p50 {p50:.0}, p99 {p99:.0}, p99.9 {p999:.0}, max {max:.0}");
}

fn question(jti: u64, second: u64) -> Question {
    let mut key = [5; 32];
    key[..8].copy_from_slice(&(jti % KEYS).to_le_bytes());
    let mut text = [b'x'; 22];
    for (digit, nibble) in text.iter_mut().zip(0..16) {
        *digit = b'a' + (jti >> (4 * nibble)) as u8 % 16;
    }
    let jti = str::from_utf8(&text).unwrap();
    let now = START + second;
    Question::new(&Thumbprint::new(key), jti, now + u64::from(LIFETIME), now)
}

fn at(second: u64) -> Now {
    let unix = std::time::Duration::from_secs(START + second);
    Now::new(
        ravelin_core::Instant::from_micros(second * 1_000_000),
        UnixTime::since_unix_epoch(unix),
    )
}
