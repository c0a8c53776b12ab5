//! A client and a server of DPoP (RFC 9449) against each other, through the public interface alone.
#![cfg(feature = "p256")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use ravelin_core::dpop::replay::Settings;
use ravelin_core::dpop::{
    Accepted, Algorithm, Algorithms, Attempt, Challenge, ClientError, Confirmation, Event, Field,
    Journal, Jti, KeyRing, MAX_PROOF, Next, NonceCache, NonceScope, NonceSettings, NonceUse,
    Nonces, Presented, Profile, Proof, Refused, Request, ResponseHead, Role, Rotation, Secret,
    SigningKey, Store, TargetUri, Thumbprint, Verifier, soft,
};
use ravelin_core::pki_types::UnixTime;
use ravelin_core::{Instant, Now};

const START: u64 = 1_800_000_000;
const SERVER: &str = "https://mcp.example";

#[test]
fn a_client_learns_the_nonce_of_a_resource_server_and_tries_once_more() {
    let mut server = Server::new(Role::ResourceServer);
    let mut client = Client::new();
    let accepted = client.call(&mut server, at(0)).unwrap();
    assert_eq!(
        (client.sent, server.journal.counters().nonce_challenges),
        (2, 1)
    );
    assert_eq!(accepted.proof().unwrap().nonce, NonceUse::Valid);

    // The nonce is remembered for the origin, and renewed before it ends.
    client.call(&mut server, at(30)).unwrap();
    assert_eq!(client.sent, 3);
    let accepted = client.call(&mut server, at(61)).unwrap();
    assert_eq!((client.sent, accepted.renew_nonce()), (4, true));
    let accepted = client.call(&mut server, at(130)).unwrap();
    assert_eq!(
        (client.sent, accepted.proof().unwrap().nonce),
        (5, NonceUse::Renew)
    );
}

#[test]
fn a_client_learns_the_nonce_of_an_authorization_server_from_its_body() {
    let mut server = Server::new(Role::AuthorizationServer);
    let mut client = Client::new();
    client.call(&mut server, at(0)).unwrap();
    assert_eq!(
        (client.sent, server.journal.counters().nonce_challenges),
        (2, 1)
    );
}

#[test]
fn a_client_gives_up_on_a_server_that_demands_nonces_for_ever() {
    let mut server = Server::new(Role::ResourceServer);
    server.forgetful = true;
    let mut client = Client::new();
    let error = client.call(&mut server, at(0)).unwrap_err();
    assert_eq!(
        (error, client.sent),
        (Failure::Client(ClientError::Repeated), 2)
    );
}

#[test]
fn nonces_of_one_role_are_not_required_in_the_other() {
    let mut server = Server::new(Role::ResourceServer);
    server.role = Role::AuthorizationServer;
    let mut client = Client::new();
    let accepted = client.call(&mut server, at(0)).unwrap();
    assert_eq!(accepted.proof().unwrap().nonce, NonceUse::NotRequired);
}

#[test]
fn a_rotated_nonce_secret_sends_no_client_away() {
    let mut server = Server::new(Role::ResourceServer);
    let mut client = Client::new();
    client.call(&mut server, at(0)).unwrap();
    let nonces = server.verifier.nonces_mut(Role::ResourceServer).unwrap();
    let rotated = nonces.rotate(Secret::new(2, [2; 32]), at(10)).unwrap();
    assert_eq!(rotated, Event::NonceSecretRotated { kid: 2 });
    server.journal.record(rotated, at(10));
    assert_eq!(server.journal.counters().rotations, 1);
    let accepted = client.call(&mut server, at(20)).unwrap();
    assert_eq!((client.sent, accepted.renew_nonce()), (3, true));

    // Replayed across the rotation: the replay key depends on no secret.
    let replayed = server
        .serve("POST", &client.last, None, at(21))
        .unwrap_err();
    assert_eq!(replayed.code(), "E-DPO-36");
}

#[test]
fn a_session_keeps_the_key_it_began_with() {
    let mut server = Server::new(Role::AuthorizationServer);
    let mut client = Client::new();
    let first = client.keys.begin_session();
    client.session = Some(first);
    let rotated = client.keys.rotate(key(2), at(5)).unwrap();
    assert_eq!(rotated.old, first);
    server.journal.record(rotated.into(), at(5));
    let recorded = server.journal.poll_event(at(5)).unwrap();
    assert_eq!(recorded.event.code(), "dpop-key-rotated");
    let accepted = client.call(&mut server, at(10)).unwrap();
    assert_eq!(accepted.jkt(), Some(&first));
    client.session = None;
    let accepted = client.call(&mut server, at(11)).unwrap();
    assert_eq!(accepted.jkt(), Some(&key(2).thumbprint()));
    // Nobody uses the first key any more: it is wiped.
    assert_eq!(
        client.keys.end_session(&first),
        Some(Event::KeyRetired { old: first })
    );
    assert!(client.keys.get(&first, at(12).instant).is_none());
}

#[test]
fn a_nonce_stands_in_for_a_wrong_clock_only_where_that_is_allowed() {
    for (allowed, code) in [(false, Some("E-DPO-23")), (true, None)] {
        let mut server = Server::new(Role::ResourceServer);
        if allowed {
            let settings =
                NonceSettings::new(SERVER, Role::ResourceServer, 1).ahead(Duration::ZERO);
            let settings = settings.counts_as_time();
            let nonces = Nonces::new(settings, Secret::new(1, [1; 32]), at(0)).unwrap();
            server.verifier = Verifier::new(algorithms(), Profile::FAPI2).require_nonces(nonces);
        }
        let settings = Settings::new(256, server.verifier.replay_lifetime());
        server.store = Store::first_start(&settings, [1; 16], at(0)).unwrap();
        let mut client = Client::new();
        client.clock_behind = 3600;
        let outcome = client.call(&mut server, at(7200));
        assert_eq!(outcome.err().map(|failure| failure.code()), code);
        if allowed {
            // Used once all the same, until the nonce has ended.
            for later in [7200, 7260, 7319] {
                let refused = server
                    .serve("POST", &client.last, None, at(later))
                    .unwrap_err();
                assert_eq!(refused.code(), "E-DPO-36");
            }
            let refused = server
                .serve("POST", &client.last, None, at(7400))
                .unwrap_err();
            assert_eq!(refused.code(), "E-DPO-35");
        }
    }
}

#[test]
fn a_restarted_server_accepts_a_proof_with_a_new_nonce_at_once() {
    let mut server = Server::new(Role::ResourceServer);
    let mut client = Client::new();
    client.call(&mut server, at(0)).unwrap();
    let used = client.last.clone();

    server.store.restart(at(5));
    let refused = server.serve("POST", &used, None, at(5)).unwrap_err();
    assert_eq!((refused.code(), server.status(&refused)), ("E-DPO-40", 503));
    // A new generation of nonces: what was issued before the restart has to be renewed.
    server.verifier = verifier(Role::ResourceServer, 2);
    let accepted = client.call(&mut server, at(6)).unwrap();
    assert_eq!(accepted.proof().unwrap().nonce, NonceUse::Valid);
}

#[test]
fn a_nonce_of_a_clock_that_is_ahead_does_not_bring_a_used_proof_past_a_restart() {
    let mut server = Server::new(Role::ResourceServer);
    let settings =
        NonceSettings::new(SERVER, Role::ResourceServer, 1).ahead(Duration::from_secs(10));
    let nonces = Nonces::new(settings, Secret::new(1, [1; 32]), at(0)).unwrap();
    server.verifier = Verifier::new(algorithms(), Profile::FAPI2).require_nonces(nonces);
    let issued = server
        .verifier
        .issue_nonce(Role::ResourceServer, [1; 16], None, at(5))
        .unwrap();
    let mut client = Client::new();
    let proof = client.proof("POST", Some(issued.as_str()), at(0));
    server.serve("POST", &proof, None, at(0)).unwrap();
    server.store.restart(at(1));
    let refused = server.serve("POST", &proof, None, at(2)).unwrap_err();
    assert_eq!(refused.code(), "E-DPO-40");
}

#[test]
fn a_remembered_nonce_must_be_exactly_that() {
    let mut server = Server::new(Role::ResourceServer);
    server.verifier = Verifier::new(algorithms(), Profile::FAPI2);
    let mut client = Client::new();
    for (sent, expected, code) in [
        (Some("abc"), "abc", None),
        (Some("abd"), "abc", Some("E-DPO-34")),
        (Some("ab"), "abc", Some("E-DPO-34")),
        (None, "abc", Some("E-DPO-33")),
    ] {
        let proof = client.proof("POST", sent, at(0));
        let outcome = server.serve("POST", &proof, Some(expected), at(0));
        assert_eq!(outcome.err().map(|refused| refused.code()), code);
    }
}

struct Client {
    keys: KeyRing,
    session: Option<Thumbprint>,
    nonces: NonceCache,
    clock_behind: u64,
    sent: u8,
    last: String,
}

#[derive(Debug, PartialEq)]
enum Failure {
    Server(Refused),
    Client(ClientError),
}

impl Failure {
    fn code(&self) -> &'static str {
        match self {
            Self::Server(refused) => refused.code(),
            Self::Client(error) => error.code(),
        }
    }
}

impl Client {
    fn new() -> Self {
        Self {
            keys: KeyRing::new(key(1), Rotation::default(), at(0)),
            session: None,
            nonces: NonceCache::new(4),
            clock_behind: 0,
            sent: 0,
            last: String::new(),
        }
    }

    fn key(&self, now: Now) -> &SigningKey {
        match &self.session {
            Some(session) => self.keys.get(session, now.instant).unwrap(),
            None => self.keys.current(),
        }
    }

    fn proof(&mut self, method: &str, nonce: Option<&str>, now: Now) -> String {
        self.sent += 1;
        let made =
            UnixTime::since_unix_epoch(Duration::from_secs(now.unix.as_secs() - self.clock_behind));
        let jti = Jti::new([self.sent; 16]);
        let mut proof = Proof::new(method, uri(), jti.as_str(), made);
        if let Some(nonce) = nonce {
            proof = proof.nonce(nonce);
        }
        proof = proof.token(TOKEN);
        let mut buffer = [0; MAX_PROOF];
        proof.sign(self.key(now), &mut buffer).unwrap().to_owned()
    }

    /// One request, tried as often as [`Attempt`] says.
    fn call(&mut self, server: &mut Server, now: Now) -> Result<Accepted, Failure> {
        server.bound_to = self.key(now).thumbprint();
        let scope = NonceScope::new(uri().origin(), server.role, server.bound_to);
        let mut attempt = Attempt::new(scope);
        loop {
            let nonce = attempt.nonce(&mut self.nonces).map(str::to_owned);
            self.last = server.for_role(self, nonce.as_deref(), now);
            let outcome = server.serve("POST", &self.last, None, now);
            let response = server.respond(&outcome, now);
            let head = ResponseHead {
                status: response.status,
                www_authenticate: response.www_authenticate.as_deref(),
                dpop_nonce: response.nonce.as_deref(),
                body_error: response.body_error,
            };
            match attempt.on_response(head, &mut self.nonces) {
                Next::Done => return outcome.map_err(Failure::Server),
                Next::Retry => {}
                Next::Refused(error) => return Err(Failure::Client(error)),
            }
        }
    }
}

const TOKEN: &str = "a-token";

struct Server {
    role: Role,
    verifier: Verifier,
    store: Store,
    journal: Journal,
    bound_to: Thumbprint,
    /// Challenges whatever comes.
    forgetful: bool,
}

struct Response {
    status: u16,
    www_authenticate: Option<String>,
    nonce: Option<String>,
    body_error: Option<&'static str>,
}

impl Server {
    fn new(role: Role) -> Self {
        let verifier = verifier(role, 1);
        let settings = Settings::new(256, verifier.replay_lifetime());
        Self {
            role,
            store: Store::first_start(&settings, [1; 16], at(0)).unwrap(),
            verifier,
            journal: Journal::new(16),
            bound_to: key(1).thumbprint(),
            forgetful: false,
        }
    }

    /// A proof as a client of this role makes it: without a token at the token endpoint.
    fn for_role(&self, client: &mut Client, nonce: Option<&str>, now: Now) -> String {
        match self.role {
            Role::ResourceServer => client.proof("POST", nonce, now),
            Role::AuthorizationServer => {
                client.sent += 1;
                let jti = Jti::new([client.sent; 16]);
                let mut proof = Proof::new("POST", uri(), jti.as_str(), now.unix);
                if let Some(nonce) = nonce {
                    proof = proof.nonce(nonce);
                }
                let mut buffer = [0; MAX_PROOF];
                proof.sign(client.key(now), &mut buffer).unwrap().to_owned()
            }
        }
    }

    fn serve(
        &mut self,
        method: &str,
        proof: &str,
        nonce: Option<&str>,
        now: Now,
    ) -> Result<Accepted, Refused> {
        let authorization = format!("DPoP {TOKEN}");
        let request = Request {
            method,
            uri: uri(),
            authorization: &[authorization.as_bytes()],
            dpop: &[proof.as_bytes()],
            nonce,
        };
        if self.forgetful {
            self.verifier = verifier(
                self.role,
                u32::try_from(self.journal.counters().refused).unwrap() + 9,
            );
        }
        let judged = match self.role {
            Role::AuthorizationServer => {
                self.verifier
                    .judge_grant(&request, Some(&self.bound_to), now)
            }
            Role::ResourceServer => {
                let confirmation = Confirmation::key(self.bound_to);
                self.verifier
                    .judge(&Presented::new(request), &confirmation, None, now)
            }
        };
        judged.settle(&mut self.store, &mut self.journal, now)
    }

    fn respond(&self, outcome: &Result<Accepted, Refused>, now: Now) -> Response {
        match outcome {
            Ok(accepted) => Response {
                status: 200,
                www_authenticate: None,
                nonce: accepted
                    .renew_nonce()
                    .then(|| {
                        self.verifier
                            .issue_nonce(self.role, [8; 16], accepted.jkt(), now)
                    })
                    .flatten()
                    .map(|nonce| nonce.to_string()),
                body_error: None,
            },
            Err(refused) => {
                let challenge = refused.challenge(&self.verifier, [7; 16], now);
                Response {
                    status: challenge.status(),
                    www_authenticate: field(&challenge, "WWW-Authenticate"),
                    nonce: field(&challenge, "DPoP-Nonce"),
                    body_error: challenge.body().and_then(|_| challenge.error()),
                }
            }
        }
    }

    fn status(&self, refused: &Refused) -> u16 {
        refused.challenge(&self.verifier, [0; 16], at(0)).status()
    }
}

fn field(challenge: &Challenge<'_>, name: &str) -> Option<String> {
    challenge
        .fields()
        .find(|field: &Field<'_>| field.name() == name)
        .map(|field| field.to_string())
}

fn verifier(role: Role, epoch: u32) -> Verifier {
    // One node: its own clock issues and checks.
    let settings = NonceSettings::new(SERVER, role, epoch).ahead(Duration::ZERO);
    let nonces = Nonces::new(settings, Secret::new(1, [1; 32]), at(0)).unwrap();
    Verifier::new(algorithms(), Profile::FAPI2).require_nonces(nonces)
}

fn algorithms() -> Algorithms {
    Algorithms::new(&[soft::ES256]).unwrap()
}

fn key(seed: u8) -> SigningKey {
    SigningKey::generate(Algorithm::Es256, &[seed; 32]).unwrap()
}

fn uri() -> TargetUri<'static> {
    TargetUri::parse("https://mcp.example/mcp").unwrap()
}

fn at(seconds: u64) -> Now {
    Now::new(
        Instant::from_micros(seconds * 1_000_000),
        UnixTime::since_unix_epoch(Duration::from_secs(START + seconds)),
    )
}
