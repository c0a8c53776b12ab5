//! Clients, their clocks and keys, the clock of the server, and what happens to all of them: from one seed.

use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};
use std::thread;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use p256::ecdsa::Signature;
use ravelin_core::Instant;
use ravelin_core::dpop::{
    Algorithm, Confirmation, Jti, KeyRing, Proof, Rotation, SigningKey, TargetUri, Thumbprint,
};
use ravelin_core::pki_types::UnixTime;

use super::checker::{Checker, MAX_AGE, NONCE_AHEAD, NONCE_LIFETIME, Report, SKEW, Secrets};
use super::server::{Defect, Server, Submission, Wire, now};

pub(crate) const METHOD: &str = "POST";
pub(crate) const URI: &str = "https://server.example/mcp";

const THREADS: usize = 8;
/// Seconds that a round simulates.
const ROUND: u64 = 8;
const PROOFS_OF_A_ROUND: usize = 40;
const MOST_SENDINGS: u8 = 4;
/// Unix time of the start.
const START: u64 = 1_800_000_000;
/// Seconds that the clocks of clients are ahead of the true time.
const SKEWS: [i64; 12] = [-8, -5, -3, -1, 0, 0, 1, 2, 4, 7, 95, -95];

/// How the server takes the time of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Time,
    Nonces,
    NonceIsTime,
}

/// A proof, and what its maker knew.
pub(crate) struct Made {
    pub(crate) jkt: Thumbprint,
    pub(crate) jti: String,
    pub(crate) iat: u64,
    pub(crate) nonce: Option<Given>,
    client: usize,
    text: String,
    sendings: u8,
}

/// A nonce that the server gave.
#[derive(Clone)]
pub(crate) struct Given {
    text: String,
    pub(crate) issued: u64,
    pub(crate) epoch: u32,
    pub(crate) secret: u32,
}

/// Runs the model to its end.
pub(crate) fn run(mode: Mode, proofs: usize, seed: u64, defect: Defect) -> Report {
    let mut world = World {
        mode,
        random: SplitMix(seed),
        clients: SKEWS
            .iter()
            .enumerate()
            .map(|(number, skew)| Client::new(number, *skew))
            .collect(),
        server: Server::new(mode, START, proofs, defect),
        checker: Checker::new(mode),
        time: 0,
        offset: 0,
        secrets: Secrets {
            epoch: 1,
            current: 0,
            previous: None,
        },
        generations: 0,
        nonces: Vec::new(),
        made: Vec::new(),
        later: BTreeMap::new(),
        named: BTreeMap::new(),
        reused: BTreeSet::new(),
    };
    while world.made.len() < proofs || !world.later.is_empty() {
        world.round(proofs);
    }
    let counters = world.server.journal().counters();
    world.checker.finish(&counters, &world.reused)
}

/// What a run must at least have seen, in thousandths of its proofs.
pub(crate) fn floors(mode: Mode) -> Vec<(&'static str, usize)> {
    let mut floors = vec![
        ("proofs accepted", 350),
        ("replayed", 180),
        ("before the start", 80),
        ("sent again after a restart", 100),
        ("sent again after its key was replaced", 300),
        ("sent again with the other signature", 50),
        ("sent twice in one round", 300),
        ("same jti, same key", 2),
        ("same jti, other key", 40),
        ("restarts", 1),
        ("restarts while asked", 1),
        ("clock steps back", 1),
        ("clock steps ahead", 1),
        ("key rotations", 5),
    ];
    if mode != Mode::NonceIsTime {
        floors.extend([
            ("too old", 200),
            ("too new", 100),
            ("revived by no step of the clock", 1),
        ]);
    }
    if mode != Mode::Time {
        floors.extend([
            ("nonce unknown", 50),
            ("nonce stale", 30),
            ("nonce secret rotations", 1),
            ("sent again after a nonce rotation", 200),
        ]);
    }
    floors
}

struct World {
    mode: Mode,
    random: SplitMix,
    clients: Vec<Client>,
    server: Server,
    checker: Checker,
    /// Seconds since the start.
    time: u64,
    /// How far the clock of the server is ahead of the true time.
    offset: i64,
    secrets: Secrets,
    generations: u32,
    nonces: Vec<Given>,
    made: Vec<Made>,
    /// Sendings by their round.
    later: BTreeMap<u64, Vec<Submission>>,
    /// The proofs with this `jti`.
    named: BTreeMap<String, Vec<(Thumbprint, usize)>>,
    /// Proofs that share a `jti` with another proof by the same key.
    reused: BTreeSet<usize>,
}

struct Client {
    ring: KeyRing,
    /// The newest last: a session keeps the key that it began with.
    sessions: Vec<Thumbprint>,
    skew: i64,
    keys: u8,
}

enum Job {
    Submit(Submission),
    Restart { at: u64, unix: u64 },
}

impl World {
    fn round(&mut self, proofs: usize) {
        let stepped = self.step_clock();
        let restarted = self.replace_server();
        self.read_log();
        self.rotate();
        self.issue_nonces();

        let first = self.made.len();
        for _ in 0..PROOFS_OF_A_ROUND.min(proofs - first) {
            self.plan_proof();
        }
        self.sign(first);

        if self.made.len() < proofs {
            self.capture(if stepped || restarted { 15 } else { 3 });
        }
        let jobs = self.jobs();
        self.submit(&jobs);
        self.read_log();
        self.checker.check_clock(self.server.store().usage().clock);
        self.time += ROUND;
    }

    fn read_log(&mut self) {
        let log = self.server.take_log();
        self.checker.read(&log, &self.made, &self.secrets);
    }

    // ---- what happens to the server, between rounds ----

    /// Small steps often, large ones seldom and not for long.
    fn step_clock(&mut self) -> bool {
        let before = self.offset;
        if before.abs() > 15 {
            if self.random.one_in(2) {
                self.offset = 0;
            }
        } else if self.random.one_in(6) {
            self.offset = match self.random.below(100) {
                0..40 => 0,
                40..80 => self.random.below(25) as i64 - 12,
                80..90 => -(30 + self.random.below(170) as i64),
                90..95 => -(200 + self.random.below(400) as i64),
                _ => 30 + self.random.below(100) as i64,
            };
        }
        match self.offset.cmp(&before) {
            core::cmp::Ordering::Less => self.checker.count("clock steps back"),
            core::cmp::Ordering::Equal => return false,
            core::cmp::Ordering::Greater => self.checker.count("clock steps ahead"),
        }
        true
    }

    fn replace_server(&mut self) -> bool {
        if !self.random.one_in(25) {
            return false;
        }
        self.secrets.epoch += 1;
        self.secrets.previous = None;
        let Secrets { epoch, current, .. } = self.secrets;
        self.server
            .replace(self.time, self.unix(self.time), epoch, current);
        self.nonces.clear();
        true
    }

    fn rotate(&mut self) {
        let (at, unix) = (self.time, self.unix(self.time));
        if self.mode != Mode::Time && self.random.one_in(6) {
            let generation = self.generations + 1;
            let free = self.secrets.previous.is_none_or(|(_, until)| until <= at);
            let rotated = self.server.rotate_nonce_secret(generation, at, unix);
            assert_eq!(rotated, free, "one secret at a time is the previous one");
            if rotated {
                self.generations = generation;
                // A nonce lives for 120 s, and begins within a second.
                self.secrets.previous = Some((self.secrets.current, at + 121));
                self.secrets.current = generation;
                self.checker.count("nonce secret rotations");
            }
        }
        if self.random.one_in(3) {
            let client = self.random.below(self.clients.len() as u64) as usize;
            self.clients[client].rotate_key(client, at);
            self.checker.count("key rotations");
        }
    }

    fn issue_nonces(&mut self) {
        // The second one comes from a node whose clock is ahead, as far as is tolerated.
        for ahead in [0, self.random.below(NONCE_AHEAD + 1)] {
            let (at, unix) = (self.time, self.unix(self.time) + ahead);
            let entropy = self.random.bytes();
            if let Some(nonce) = self.server.issue_nonce(entropy, at, unix) {
                self.nonces.push(Given {
                    text: nonce.to_string(),
                    issued: unix,
                    epoch: self.secrets.epoch,
                    secret: self.secrets.current,
                });
            }
        }
    }

    fn unix(&self, at: u64) -> u64 {
        (START + at).saturating_add_signed(self.offset)
    }

    // ---- what clients do ----

    fn plan_proof(&mut self) {
        let number = self.made.len();
        let client = self.random.below(self.clients.len() as u64) as usize;
        let Client { sessions, skew, .. } = &self.clients[client];
        let skew = *skew;
        let jkt = sessions[self.random.below(sessions.len() as u64) as usize];
        let made_at = self.time + self.random.below(ROUND - 1);
        let mut jti = Jti::new(self.random.bytes()).as_str().to_owned();
        if number > 0 && self.random.one_in(12) {
            let earlier = number - 1 - self.random.below(number.min(300) as u64) as usize;
            jti.clone_from(&self.made[earlier].jti);
        }
        self.name(number, jkt, &jti);
        let iat = (START + made_at).saturating_add_signed(skew);
        let nonce = self.choose_nonce();
        self.made.push(Made {
            jkt,
            jti,
            iat,
            nonce,
            client,
            text: String::new(),
            sendings: 0,
        });
        self.plan_sendings(number, made_at);
    }

    /// A `jti` is the name of a proof only together with its key.
    fn name(&mut self, number: usize, jkt: Thumbprint, jti: &str) {
        let names = self.named.entry(jti.to_owned()).or_default();
        let same = names.iter().find(|(other, _)| *other == jkt);
        if let Some((_, earlier)) = same {
            self.reused.extend([*earlier, number]);
            self.checker.count("same jti, same key");
        } else if !names.is_empty() {
            self.checker.count("same jti, other key");
        }
        names.push((jkt, number));
    }

    /// Mostly a young one.
    fn choose_nonce(&mut self) -> Option<Given> {
        let known = self
            .nonces
            .len()
            .min(if self.random.one_in(8) { 45 } else { 12 });
        if known == 0 {
            return None;
        }
        let back = 1 + self.random.below(known as u64) as usize;
        self.nonces.get(self.nonces.len() - back).cloned()
    }

    fn plan_sendings(&mut self, proof: usize, made_at: u64) {
        let delay = if self.random.one_in(12) {
            1 + self.random.below(75)
        } else {
            0
        };
        let first = made_at + delay;
        self.send_later(proof, first);
        for _ in 0..self.random.below(3) {
            let delay = match self.random.below(10) {
                // In the same round, so that two threads race.
                0..4 => 0,
                4..8 => self.random.below(96),
                _ => self.random.below(700),
            };
            self.send_later(proof, first + delay);
        }
    }

    fn send_later(&mut self, proof: usize, at: u64) {
        let made = &mut self.made[proof];
        let submission = Submission {
            proof,
            malleated: made.sendings > 0 && self.random.one_in(5),
            at,
            judged: 0,
            settled: 0,
        };
        made.sendings += 1;
        self.later.entry(at / ROUND).or_default().push(submission);
    }

    /// Somebody sends captured proofs that are in time by the clock of the server as it is now.
    fn capture(&mut self, most: usize) {
        let unix = self.unix(self.time);
        let recent = self.made.len().saturating_sub(100 * PROOFS_OF_A_ROUND);
        let in_time = |made: &Made| match (&made.nonce, self.mode) {
            (Some(nonce), Mode::NonceIsTime) => {
                nonce.issued + NONCE_LIFETIME >= unix && nonce.issued <= unix + NONCE_AHEAD
            }
            _ => made.iat + MAX_AGE >= unix && made.iat <= unix + SKEW,
        };
        let candidates: Vec<_> = (recent..self.made.len())
            .filter(|number| self.made[*number].sendings < MOST_SENDINGS)
            .filter(|number| in_time(&self.made[*number]))
            .collect();
        for _ in 0..most.min(candidates.len()) {
            let proof = candidates[self.random.below(candidates.len() as u64) as usize];
            if self.made[proof].sendings < MOST_SENDINGS {
                let at = self.time + self.random.below(ROUND);
                self.send_later(proof, at);
            }
        }
    }

    // ---- threads ----

    fn sign(&mut self, first: usize) {
        let (clients, at) = (&self.clients, self.time);
        let new = &mut self.made[first..];
        thread::scope(|scope| {
            for part in new.chunks_mut(PROOFS_OF_A_ROUND.div_ceil(THREADS)) {
                scope.spawn(move || {
                    for made in part {
                        made.text = clients[made.client].sign(made, at);
                    }
                });
            }
        });
    }

    /// The sendings of this round, in an order that has nothing to do with their times.
    fn jobs(&mut self) -> Vec<Job> {
        let mut submissions = self.later.remove(&(self.time / ROUND)).unwrap_or_default();
        for at in (1..submissions.len()).rev() {
            submissions.swap(at, self.random.below(at as u64 + 1) as usize);
        }
        let mut seen = BTreeSet::new();
        for submission in &mut submissions {
            submission.judged = self.unix(submission.at) + self.random.below(3);
            submission.settled = submission.judged + self.random.below(3);
            let again = !seen.insert(submission.proof);
            self.count_sending(submission, again);
        }
        // Two of one proof behind each other are judged at the same time.
        if self.random.one_in(2) {
            submissions.sort_by_key(|submission| submission.proof);
        }
        let mut jobs: Vec<_> = submissions.into_iter().map(Job::Submit).collect();
        // Far behind the store's clock, a restart forgets what can come again; its documentation says so.
        let lifetime = MAX_AGE + 2 * SKEW + 1;
        let near = self.checker.clock().saturating_sub(self.unix(self.time)) <= lifetime;
        if near && self.random.one_in(14) {
            let at = self.time + self.random.below(ROUND);
            let unix = self.unix(at);
            let place = self.random.below(jobs.len() as u64 + 1) as usize;
            jobs.insert(place, Job::Restart { at, unix });
            self.checker.count("restarts while asked");
        }
        jobs
    }

    fn count_sending(&mut self, submission: &Submission, again: bool) {
        let made = &self.made[submission.proof];
        if again {
            self.checker.count("sent twice in one round");
        }
        if made.jkt != self.clients[made.client].ring.current().thumbprint() && made.sendings > 1 {
            self.checker.count("sent again after its key was replaced");
        }
        let of_another = |nonce: &Given| nonce.secret != self.secrets.current;
        if made.nonce.as_ref().is_some_and(of_another) && made.sendings > 1 {
            self.checker.count("sent again after a nonce rotation");
        }
    }

    fn submit(&self, jobs: &[Job]) {
        let next = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| {
                    while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                        match job {
                            Job::Submit(submission) => self.send(*submission),
                            Job::Restart { at, unix } => self.server.restart(*at, *unix),
                        }
                    }
                });
            }
        });
    }

    fn send(&self, submission: Submission) {
        let made = &self.made[submission.proof];
        let malleated = submission.malleated.then(|| malleate(&made.text));
        let wire = Wire {
            proof: malleated.as_ref().unwrap_or(&made.text),
            authorization: &format!("DPoP {}", token(&made.jkt)),
            confirmation: Confirmation::key(made.jkt),
        };
        self.server.submit(submission, &wire);
    }
}

impl Client {
    fn new(number: usize, skew: i64) -> Self {
        let mut ring = KeyRing::new(key(number, 0), rotation(), now(0, START));
        Self {
            sessions: vec![ring.begin_session()],
            ring,
            skew,
            keys: 0,
        }
    }

    /// A new session begins with a new key, and the oldest of three ends.
    fn rotate_key(&mut self, number: usize, at: u64) {
        self.keys = self.keys.wrapping_add(1);
        let now = now(at, START + at);
        self.ring.rotate(key(number, self.keys), now).unwrap();
        self.sessions.push(self.ring.begin_session());
        if self.sessions.len() > 2 {
            let ended = self.sessions.remove(0);
            self.ring.end_session(&ended);
            assert!(self.ring.get(&ended, now.instant).is_none());
        }
    }

    fn sign(&self, made: &Made, at: u64) -> String {
        let key = self
            .ring
            .get(&made.jkt, Instant::from_micros(at * 1_000_000))
            .unwrap();
        let uri = TargetUri::parse(URI).unwrap();
        let iat = UnixTime::since_unix_epoch(Duration::from_secs(made.iat));
        let token = token(&made.jkt);
        let mut proof = Proof::new(METHOD, uri, &made.jti, iat).token(&token);
        if let Some(nonce) = &made.nonce {
            proof = proof.nonce(&nonce.text);
        }
        let mut buffer = [0; 1024];
        proof.sign(key, &mut buffer).unwrap().to_owned()
    }
}

fn rotation() -> Rotation {
    Rotation::default()
}

fn key(client: usize, number: u8) -> SigningKey {
    let mut entropy = [number; 32];
    entropy[0] = client as u8 + 1;
    SigningKey::generate(Algorithm::Es256, &entropy).unwrap()
}

fn token(jkt: &Thumbprint) -> String {
    format!("token.of.{jkt}")
}

/// The same proof with n - s for s: it verifies as well.
fn malleate(proof: &str) -> String {
    let (signed, signature) = proof.rsplit_once('.').unwrap();
    let mut raw = [0; 64];
    Base64UrlUnpadded::decode(signature, &mut raw).unwrap();
    let (r, s) = Signature::from_slice(&raw).unwrap().split_scalars();
    let other = Signature::from_scalars(*r, -*s).unwrap();
    let mut digits = [0; 86];
    let text = Base64UrlUnpadded::encode(&other.to_bytes(), &mut digits).unwrap();
    format!("{signed}.{text}")
}

/// SplitMix64 (Steele, Lea, Flood 2014).
struct SplitMix(u64);

impl SplitMix {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn one_in(&mut self, odds: u64) -> bool {
        self.below(odds) == 0
    }

    fn bytes(&mut self) -> [u8; 16] {
        let (low, high) = (self.next(), self.next());
        (u128::from(high) << 64 | u128::from(low)).to_le_bytes()
    }
}
