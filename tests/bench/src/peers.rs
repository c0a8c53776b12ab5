//! The same proofs for two other verifiers, and a million entries for the one that has a store.

use std::collections::HashSet;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use dpop_verifier::{DpopError, DpopVerifier, ReplayContext, ReplayStore};
use futures_lite::future::block_on;
use turbomcp_dpop::{
    DpopKeyManager, DpopProofGenerator, MemoryNonceTracker, NonceTracker as _, ProofContext,
};

use super::harness::{Contender, Run, compare, heap, kept, quantile};
use super::parties::{Backend, Client, METHOD, Server, TOKEN, URI, now};

const CALLS: usize = 25;

pub fn run(run: &mut Run) {
    verify(run);
    store(run);
}

/// Every contender has a store of its own in memory, and takes each proof once. Proofs are made shortly before: the
/// others read the clock themselves.
fn verify(run: &mut Run) {
    let client = Client::new();
    let rounds = run.rounds(200);
    let proofs = client.proofs((rounds + 1) * CALLS, 3);
    let of = |round: usize| &proofs[round * CALLS..(round + 1) * CALLS];

    let mut soft = Server::new(Backend::P256, &client, 1 << 16);
    let mut fast = Server::new(Backend::AwsLc, &client, 1 << 16);
    let verifier = DpopVerifier::new();
    let mut seen = Seen(HashSet::with_capacity(1 << 16));
    let keys = Arc::new(block_on(DpopKeyManager::new_memory()).unwrap());
    let turbomcp = DpopProofGenerator::new(keys);

    let mut ours = |round| {
        for proof in of(round) {
            assert!(soft.verify(black_box(proof), now()));
        }
    };
    let mut ours_fast = |round| {
        for proof in of(round) {
            assert!(fast.verify(black_box(proof), now()));
        }
    };
    let mut peer = |round| {
        block_on(async {
            for proof in of(round) {
                let verdict = verifier.verify(&mut seen, proof, URI, METHOD, Some(TOKEN));
                verdict.await.unwrap();
            }
        });
    };
    let peer_fast = |round| {
        block_on(async {
            for proof in of(round) {
                let context = ProofContext::ResourceServer;
                let verdict =
                    turbomcp.parse_and_validate_jwt(proof, METHOD, URI, Some(TOKEN), context);
                black_box(verdict.await.unwrap());
            }
        });
    };
    let allocations = [
        ("ravelin, p256", heap(|| ours(rounds))),
        ("dpop-verifier", heap(|| peer(rounds))),
        ("ravelin, aws-lc-rs", heap(|| ours_fast(rounds))),
        ("turbomcp-dpop", heap(|| peer_fast(rounds))),
    ];
    compare(
        rounds,
        CALLS,
        &mut [
            contender("ravelin, p256 0.14", &mut ours),
            contender("dpop-verifier 4.4, p256 0.13", &mut peer),
        ],
    );
    compare(
        rounds,
        CALLS,
        &mut [
            contender("ravelin, aws-lc-rs", &mut ours_fast),
            contender("turbomcp-dpop 3.6, aws-lc-rs", peer_fast),
        ],
    );
    for (name, stats) in allocations {
        println!(
            "  {name:<34} {:>6.1} allocations, {:>8.1} bytes taken for a verdict",
            stats.allocations as f64 / CALLS as f64,
            stats.bytes_allocated as f64 / CALLS as f64,
        );
    }
}

fn store(run: &Run) {
    let entries = if run.smoke { 20_000 } else { 1_000_000 };
    let iat = now().unix.as_secs() as i64;
    // It clears up in every insertion from four fifths on: here it never gets there.
    let mut roomy = None;
    let mut nanos = Vec::new();
    let stats = heap(|| {
        let tracker = MemoryNonceTracker::with_capacity(entries * 2);
        nanos = track(&tracker, 0..entries, iat);
        roomy = Some(tracker);
    });
    let roomy = roomy.unwrap();
    let of_nanos = size_of::<f64>() * entries;
    println!(
        "  turbomcp-dpop: {:.1} bytes for each of {entries} entries",
        (kept(&stats) - of_nanos) as f64 / entries as f64
    );
    percentiles("insertions up to there", nanos);
    let more = entries / 10;
    let nanos = track(&roomy, entries..entries + more, iat);
    percentiles("insertions from there", nanos);

    let tight = MemoryNonceTracker::with_capacity(entries);
    track(&tight, 0..entries * 4 / 5, iat);
    let nanos = track(&tight, entries..entries + 20, iat);
    percentiles("insertions from 4/5 of capacity on", nanos);
}

fn track(tracker: &MemoryNonceTracker, numbers: std::ops::Range<usize>, iat: i64) -> Vec<f64> {
    let mut nanos = Vec::with_capacity(numbers.len());
    block_on(async {
        for number in numbers {
            // As long as a jti of 128 bits.
            let jti = format!("{number:022}");
            let begin = Instant::now();
            tracker.track_nonce(&jti, iat).await.unwrap();
            nanos.push(begin.elapsed().as_nanos() as f64);
        }
    });
    nanos
}

fn percentiles(name: &str, mut nanos: Vec<f64>) {
    nanos.sort_by(f64::total_cmp);
    let [p50, p99, max] = [0.5, 0.99, 1.0].map(|part| quantile(&nanos, part));
    println!("    {name:<34} ns: p50 {p50:.0}, p99 {p99:.0}, max {max:.0}");
}

fn contender<'a>(name: &'a str, run: impl FnMut(usize) + 'a) -> Contender<'a> {
    Contender {
        name,
        run: Box::new(run),
    }
}

/// The store that dpop-verifier leaves to its user, as simple as it can be. It never forgets.
struct Seen(HashSet<[u8; 32]>);

#[async_trait]
impl ReplayStore for Seen {
    async fn insert_once(
        &mut self,
        jti_hash: [u8; 32],
        _: ReplayContext<'_>,
    ) -> Result<bool, DpopError> {
        Ok(self.0.insert(jti_hash))
    }
}
