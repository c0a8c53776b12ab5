//! Making and verifying proofs, against the signature alone.

use std::hint::black_box;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use base64ct::{Base64UrlUnpadded, Encoding as _};
use p256::ecdsa::signature::{Signer as _, Verifier as _};
use ravelin_core::dpop::Jti;

use super::harness::{Contender, Run, SplitMix, compare, heap};
use super::parties::{Backend, Client, NONCE, Server, now};

const CALLS: usize = 25;

pub fn build(run: &mut Run) {
    let client = Client::new();
    let iat = now().unix;
    let mut random = SplitMix(1);
    let message = message(&client.proofs(1, 1)[0]).to_vec();
    for backend in Backend::ALL {
        let mut buffer = [0; 1024];
        let mut make = |_| {
            let jti = Jti::new(random.bytes());
            for _ in 0..CALLS {
                black_box(client.build(backend, &jti, iat, Some(NONCE), &mut buffer));
            }
        };
        let raw = |_| {
            for _ in 0..CALLS {
                sign(&client, backend, black_box(&message));
            }
        };
        let of_make = heap(|| make(0)).allocations;
        let of_raw = heap(|| raw(0)).allocations;
        compare(
            run.rounds(400),
            CALLS,
            &mut [
                contender(backend, "raw signature", raw),
                contender(backend, "prepare, sign, finish", &mut make),
            ],
        );
        allocations("a proof", of_make, of_raw);
        run.check(of_make <= of_raw, "a proof allocates nothing of its own");
    }
}

pub fn verify(run: &mut Run) {
    let client = Client::new();
    let rounds = run.rounds(400);
    let proofs = client.proofs((rounds + 1) * CALLS, 2);
    let parts: Vec<_> = proofs.iter().map(|proof| parts(proof)).collect();
    let now = now();
    for backend in Backend::ALL {
        let mut server = Server::new(backend, &client, 1 << 16);
        let of = |round: usize| &proofs[round * CALLS..(round + 1) * CALLS];
        let mut ours = |round| {
            for proof in of(round) {
                assert!(server.verify(black_box(proof), now));
            }
        };
        let raw = |round: usize| {
            for (message, signature) in &parts[round * CALLS..(round + 1) * CALLS] {
                check(&client, backend, black_box(message), signature);
            }
        };
        // The last round is not timed.
        let of_ours = heap(|| ours(rounds)).allocations;
        let of_raw = heap(|| raw(rounds)).allocations;
        compare(
            rounds,
            CALLS,
            &mut [
                contender(backend, "raw verification", raw),
                contender(backend, "present, judge, settle", &mut ours),
            ],
        );
        allocations("a verdict", of_ours, of_raw);
        run.check(of_ours <= of_raw, "a verdict allocates nothing of its own");
    }
}

fn allocations(what: &str, ours: usize, raw: usize) {
    let each = |number| number as f64 / CALLS as f64;
    println!(
        "  allocations of {what}: {}, of them the backend's own: {}",
        each(ours),
        each(raw)
    );
}

fn contender<'a>(backend: Backend, what: &str, run: impl FnMut(usize) + 'a) -> Contender<'a> {
    Contender {
        name: Box::leak(format!("{} {what}", backend.name()).into_boxed_str()),
        run: Box::new(run),
    }
}

fn sign(client: &Client, backend: Backend, message: &[u8]) {
    match backend {
        Backend::P256 => {
            let signature: p256::ecdsa::Signature = client.p256.sign(message);
            black_box(signature);
        }
        Backend::AwsLc => {
            black_box(client.aws.sign(&client.random, message).unwrap());
        }
    }
}

/// With the point as it stands in a proof: to read it is part of every verification.
fn check(client: &Client, backend: Backend, message: &[u8], signature: &[u8; 64]) {
    let public = client.key.public_key();
    let point = black_box(public.as_bytes());
    match backend {
        Backend::P256 => {
            let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(point).unwrap();
            let signature = p256::ecdsa::Signature::from_slice(signature).unwrap();
            key.verify(message, &signature).unwrap();
        }
        Backend::AwsLc => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point)
            .verify(message, signature)
            .unwrap(),
    }
}

fn message(proof: &str) -> &[u8] {
    proof.rsplit_once('.').unwrap().0.as_bytes()
}

fn parts(proof: &str) -> (&[u8], [u8; 64]) {
    let mut raw = [0; 64];
    let digits = proof.rsplit_once('.').unwrap().1;
    Base64UrlUnpadded::decode(digits, &mut raw).unwrap();
    (message(proof), raw)
}
