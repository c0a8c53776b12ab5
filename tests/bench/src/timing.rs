//! Whether the time of a comparison tells where two secrets differ first.
//!
//! For each position of the first differing byte the same refusal is timed many times, the positions in random order.
//! Welch's t compares each position with the first one. A comparison that ends early shows as times that grow with the
//! position; the last table is one on purpose, to see that this program would notice.

use std::hint::black_box;
use std::time::Instant;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use ravelin_core::dpop::{
    Confirmation, Jti, NonceSettings, Nonces, Presented, Request, Role, Secret, TargetUri,
    Thumbprint,
};

use super::harness::{Run, SplitMix, sorted};
use super::parties::{AUTHORIZATION, Backend, Client, METHOD, Server, URI, now};

/// Above it dudect (Reparaz, Balasch, Verbauwhede 2017) begins to speak of a leak; it is sure above 10.
const SUSPICIOUS: f64 = 4.5;

pub fn run(run: &mut Run) {
    println!("  first differing byte: mean ns (Welch's t against byte 0)");
    let samples = if run.smoke { 500 } else { 40_000 };
    let client = Client::new();
    let now = now();

    let expected = *client.key.thumbprint().as_bytes();
    let prints: Vec<_> = (0..32)
        .map(|at| Thumbprint::new(differs(expected, at)))
        .collect();
    let own = Thumbprint::new(expected);
    table(
        "jkt, the comparison alone",
        samples,
        &prints,
        200,
        |print| {
            black_box(black_box(print) == black_box(&own));
        },
    );

    // The signature is verified after the token hash and the key, so these proofs need none that verifies.
    let server = Server::new(Backend::AwsLc, &client, 2);
    let jti = Jti::new([1; 16]);
    let mut buffer = [0; 1024];
    let proof = client
        .build(Backend::AwsLc, &jti, now.unix, None, &mut buffer)
        .to_owned();
    let judge = |proof: &[u8], confirmation: &Confirmation| {
        let (authorization, dpop) = ([AUTHORIZATION.as_bytes()], [proof]);
        let request = Request {
            method: METHOD,
            uri: TargetUri::parse(URI).unwrap(),
            authorization: &authorization,
            dpop: &dpop,
            nonce: None,
        };
        let presented = Presented::new(request);
        let judged = server.verifier.judge(&presented, confirmation, None, now);
        assert!(black_box(judged).question().is_none());
    };
    let confirmations: Vec<_> = prints
        .iter()
        .map(|print| Confirmation::key(*print))
        .collect();
    table(
        "jkt, a whole refusal",
        samples,
        &confirmations,
        1,
        |confirmation| {
            judge(proof.as_bytes(), confirmation);
        },
    );

    let length = proof.len();
    let hashes: Vec<_> = (0..32)
        .map(|at| fixed::<1024>(&with_other_hash(&proof, at)))
        .collect();
    table("ath, a whole refusal", samples, &hashes, 1, |proof| {
        judge(&proof[..length], &server.confirmation);
    });

    let settings = NonceSettings::new("https://server.example", Role::ResourceServer, 1);
    let nonces = Nonces::new(settings, Secret::new(1, [5; 32]), now).unwrap();
    let nonce = nonces.issue([6; 16], None, now).unwrap();
    let forged: Vec<_> = (0..16)
        .map(|at| fixed::<56>(&with_other_tag(nonce.as_str(), at)))
        .collect();
    table("nonce tag, a whole check", samples, &forged, 1, |nonce| {
        let nonce = str::from_utf8(black_box(nonce)).unwrap();
        assert!(nonces.check(nonce, &own, now).is_err());
    });

    table(
        "an early exit, on purpose",
        samples,
        &prints,
        200,
        |print| {
            black_box(ends_early(
                black_box(print.as_bytes()),
                black_box(&expected),
            ));
        },
    );
}

/// `calls` times for each sample, so that the clock is not most of it. What is compared is copied to the same place for
/// each sample: where it lies has a time of its own.
fn table<T: Copy>(
    name: &str,
    samples: usize,
    positions: &[T],
    calls: usize,
    mut refuse: impl FnMut(&T),
) {
    let mut random = SplitMix(positions.len() as u64);
    let mut taken = vec![Vec::with_capacity(samples / positions.len() * 2); positions.len()];
    for _ in 0..samples {
        let at = (random.next() % positions.len() as u64) as usize;
        let one = black_box(positions[at]);
        let begin = Instant::now();
        for _ in 0..calls {
            refuse(&one);
        }
        taken[at].push(begin.elapsed().as_nanos() as f64 / calls as f64);
    }
    let moments: Vec<_> = taken.iter().map(|taken| Moments::new(taken)).collect();
    let worst = moments
        .iter()
        .map(|other| other.welch(&moments[0]).abs())
        .fold(0.0, f64::max);
    let remark = if worst > SUSPICIOUS {
        "look at it"
    } else {
        "nothing to see"
    };
    println!("  {name}: largest t {worst:.1}, {remark}");
    for (row, part) in moments.chunks(8).enumerate() {
        print!("    {:>2}:", row * 8);
        for one in part {
            print!(" {:>7.1} ({:>5.1})", one.mean, one.welch(&moments[0]));
        }
        println!();
    }
}

struct Moments {
    mean: f64,
    /// Variance of the mean.
    error: f64,
}

impl Moments {
    /// What an interruption hit says nothing about the code: the slowest tenth goes.
    fn new(values: &[f64]) -> Self {
        let values = sorted(values);
        let kept = &values[..(values.len() * 9).div_ceil(10)];
        let number = kept.len().max(1) as f64;
        let mean = kept.iter().sum::<f64>() / number;
        let variance =
            kept.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (number - 1.0).max(1.0);
        Self {
            mean,
            error: variance / number,
        }
    }

    fn welch(&self, other: &Self) -> f64 {
        let error = (self.error + other.error).sqrt();
        if error == 0.0 {
            0.0
        } else {
            (self.mean - other.mean) / error
        }
    }
}

/// Equal before `at`, different from there on.
fn differs<const N: usize>(mut bytes: [u8; N], at: usize) -> [u8; N] {
    for byte in &mut bytes[at..] {
        *byte ^= 0x55;
    }
    bytes
}

fn with_other_hash(proof: &str, at: usize) -> String {
    let segments: Vec<_> = proof.split('.').collect();
    let claims = String::from_utf8(Base64UrlUnpadded::decode_vec(segments[1]).unwrap()).unwrap();
    let (before, rest) = claims.split_once("\"ath\":\"").unwrap();
    let (hash, after) = rest.split_at(43);
    let hash: [u8; 32] = Base64UrlUnpadded::decode_vec(hash)
        .unwrap()
        .try_into()
        .unwrap();
    let hash = Base64UrlUnpadded::encode_string(&differs(hash, at));
    let claims = format!("{before}\"ath\":\"{hash}{after}");
    let claims = Base64UrlUnpadded::encode_string(claims.as_bytes());
    format!("{}.{claims}.{}", segments[0], segments[2])
}

fn with_other_tag(nonce: &str, at: usize) -> String {
    let mut bytes: [u8; 42] = Base64UrlUnpadded::decode_vec(nonce)
        .unwrap()
        .try_into()
        .unwrap();
    let tag: [u8; 16] = bytes[26..].try_into().unwrap();
    bytes[26..].copy_from_slice(&differs(tag, at));
    Base64UrlUnpadded::encode_string(&bytes)
}

/// The same number of bytes for all, so that they can be copied to one place.
fn fixed<const N: usize>(text: &str) -> [u8; N] {
    let mut bytes = [0; N];
    bytes[..text.len()].copy_from_slice(text.as_bytes());
    bytes
}

fn ends_early(one: &[u8; 32], other: &[u8; 32]) -> bool {
    for (one, other) in one.iter().zip(other) {
        if black_box(one) != black_box(other) {
            return false;
        }
    }
    true
}
