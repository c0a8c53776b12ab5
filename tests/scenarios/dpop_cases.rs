//! Every case of `tests/data/dpop`, on every backend: the verdict, the status and the error are those of the file.

use std::fs;
use std::path::Path;
use std::time::Duration;

use ravelin_core::dpop::replay::Settings;
use ravelin_core::dpop::{
    Accepted, Algorithm, Algorithms, Confirmation, Journal, Judged, NonceSettings, NonceUse,
    Nonces, Presented, Profile, Refused, Request, Role, Secret, Store, TargetUri, Verifier, soft,
};
use ravelin_core::pki_types::{SignatureVerificationAlgorithm, UnixTime};
use ravelin_core::{Instant, Now, provider};
use ravelin_tests::dpop_cases::format::{self, Case, Expect, File, Step, from_hex};

#[test]
fn every_case_has_its_verdict_on_every_backend() {
    let provider = provider::aws_lc_rs();
    let backends: [(&str, &[&'static dyn SignatureVerificationAlgorithm]); 2] = [
        ("software", &[soft::ES256, soft::EDDSA]),
        ("aws-lc-rs", provider.signature_verification_algorithms.all),
    ];
    let mut wrong = Vec::new();
    let mut count = 0;
    for case in cases() {
        count += 1;
        for (backend, algorithms) in backends {
            let algorithms = Algorithms::new(algorithms).unwrap();
            if let Err(found) = run(&case, algorithms) {
                wrong.push(format!("{} with {backend}: {found}", case.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count >= 300, "{count} cases");
    println!("{count} cases on {} backends", backends.len());
}

fn cases() -> Vec<Case> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/dpop");
    let mut files: Vec<_> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .collect();
    files.sort();
    files
        .iter()
        .flat_map(|path| {
            serde_json::from_slice::<File>(&fs::read(path).unwrap())
                .unwrap()
                .cases
        })
        .collect()
}

/// What differs from the file, if anything does.
fn run(case: &Case, algorithms: Algorithms) -> Result<(), String> {
    let mut server = Server::new(case, algorithms);
    for (number, step) in case.steps.iter().enumerate() {
        let verdict = server.serve(step);
        let found = server.describe(verdict, at(step.now));
        if found != step.expect {
            return Err(format!(
                "step {number}: {found:?} instead of {:?}",
                step.expect
            ));
        }
    }
    Ok(())
}

struct Server {
    role: Role,
    verifier: Verifier,
    settings: Settings,
    store: Store,
    journal: Journal,
}

impl Server {
    fn new(case: &Case, algorithms: Algorithms) -> Self {
        let role = match case.role {
            format::Role::Resource => Role::ResourceServer,
            format::Role::Authorization => Role::AuthorizationServer,
        };
        let verifier = verifier(case, role, algorithms);
        let replay = case.replay.as_ref();
        let capacity = replay.and_then(|replay| replay.capacity).unwrap_or(4096);
        let settings = Settings {
            quota: replay.and_then(|replay| replay.quota).unwrap_or(capacity),
            ..Settings::new(capacity, verifier.replay_lifetime())
        };
        let store = match replay {
            Some(replay) if !replay.first_start => {
                Store::new(&settings, [7; 16], at(replay.started))
            }
            Some(replay) => Store::first_start(&settings, [7; 16], at(replay.started)),
            None => Store::first_start(&settings, [7; 16], at(case.steps[0].now)),
        };
        Self {
            role,
            verifier,
            settings,
            store: store.unwrap(),
            journal: Journal::new(4),
        }
    }

    fn serve(&mut self, step: &Step) -> Result<Accepted, Refused> {
        let now = at(step.now);
        if step.restart {
            self.store = Store::new(&self.settings, [8; 16], now).unwrap();
        }
        if let Some(rotation) = &step.rotate {
            let nonces = self.verifier.nonces_mut(self.role).unwrap();
            let secret = secret(&rotation.to);
            if rotation.leaked {
                nonces.replace(secret, now).unwrap();
            } else {
                nonces.rotate(secret, now).unwrap();
            }
        }
        let authorization: Vec<_> = step
            .authorization
            .iter()
            .map(format::Field::bytes)
            .collect();
        let authorization: Vec<_> = authorization.iter().map(Vec::as_slice).collect();
        let dpop: Vec<_> = step.dpop.iter().map(format::Field::bytes).collect();
        let dpop: Vec<_> = dpop.iter().map(Vec::as_slice).collect();
        let request = Request {
            method: &step.method,
            uri: TargetUri::parse(&step.uri).unwrap(),
            authorization: &authorization,
            dpop: &dpop,
            nonce: step.provided_nonce.as_deref(),
        };
        self.judge(step, &request, now)
            .settle(&mut self.store, &mut self.journal, now)
    }

    fn judge(&self, step: &Step, request: &Request<'_>, now: Now) -> Judged {
        if self.role == Role::AuthorizationServer {
            let bound_to = step.grant_key.as_ref().map(|jkt| jkt.parse().unwrap());
            return self.verifier.judge_grant(request, bound_to.as_ref(), now);
        }
        let presented = Presented::new(*request);
        let leaf = step.peer_certificate.as_ref().map(|text| base64(text));
        let confirmation = match &step.confirmation {
            None => Confirmation::NONE,
            Some(cnf) => Confirmation::from_json(cnf.to_string().as_bytes()),
        };
        self.verifier
            .judge(&presented, &confirmation, leaf.as_deref(), now)
    }

    fn describe(&self, verdict: Result<Accepted, Refused>, now: Now) -> Expect {
        match verdict {
            Ok(accepted) => Expect::Accepted {
                jkt: accepted.jkt().map(ToString::to_string),
                nonce: match accepted.proof().map(|proof| proof.nonce) {
                    None | Some(NonceUse::NotRequired) => format::NonceState::Absent,
                    Some(NonceUse::Valid) => format::NonceState::Valid,
                    Some(NonceUse::Renew) => format::NonceState::Renew,
                },
            },
            Err(refused) => {
                let challenge = refused.challenge(&self.verifier, [1; 16], now);
                Expect::Refused {
                    code: refused.code().to_owned(),
                    status: challenge.status(),
                    error: challenge.error().map(str::to_owned),
                }
            }
        }
    }
}

fn verifier(case: &Case, role: Role, algorithms: Algorithms) -> Verifier {
    let algorithms = match &case.algorithms {
        None => algorithms,
        Some(names) => {
            let allowed: Vec<_> = Algorithm::ALL
                .into_iter()
                .filter(|algorithm| names.iter().any(|name| name == algorithm.name()))
                .collect();
            algorithms.only(&allowed).unwrap()
        }
    };
    let profile = match case.profile {
        format::Profile::Strict => Profile::STRICT,
        format::Profile::Fapi2 => Profile::FAPI2,
        format::Profile::Mcp => Profile::MCP,
    };
    let mut verifier = Verifier::new(algorithms, profile);
    if case.bearer {
        verifier = verifier.allow_bearer();
    }
    let Some(nonces) = &case.nonces else {
        return verifier;
    };
    let mut settings = NonceSettings::new(nonces.server.as_str(), role, nonces.epoch)
        .lifetime(Duration::from_secs(nonces.lifetime.into()))
        .ahead(Duration::from_secs(nonces.ahead.into()));
    if nonces.bound {
        settings = settings.bound_to_key();
    }
    if nonces.is_time {
        settings = settings.counts_as_time();
    }
    let installed = at(nonces.installed);
    verifier.require_nonces(Nonces::new(settings, secret(&nonces.secret), installed).unwrap())
}

fn secret(secret: &format::Secret) -> Secret {
    Secret::new(secret.kid, from_hex(&secret.key).try_into().unwrap())
}

fn base64(text: &str) -> Vec<u8> {
    use base64ct::{Base64, Encoding as _};
    Base64::decode_vec(text).unwrap()
}

fn at(seconds: u64) -> Now {
    Now::new(
        Instant::from_micros(seconds * 1_000_000),
        UnixTime::since_unix_epoch(Duration::from_secs(seconds)),
    )
}
