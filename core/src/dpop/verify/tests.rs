use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use rustls_pki_types::UnixTime;

use super::*;
use crate::dpop::replay::{Answer, Settings};
use crate::dpop::{Accepted, Algorithm, Event, Field, Journal, Presented, Refused, Store, soft};
use crate::time::Instant;

const HEADER: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19";
/// RFC 9449, figure 1: at the token endpoint.
const TOKEN_REQUEST: &str = "eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg";
/// RFC 9449, figure 13: at a protected resource.
const RESOURCE_REQUEST: &str = "eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA";
const TOKEN: &str = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
const JKT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
const MADE_AT: u64 = 1_562_262_618;

#[test]
fn the_examples_of_rfc_9449_are_accepted_with_their_high_s_signatures() {
    let mut server = Server::new(MADE_AT);
    let accepted = server.resource(&server.request(), MADE_AT).unwrap();
    let proof = accepted.proof().unwrap();
    assert_eq!((proof.jkt.to_string().as_str(), proof.age), (JKT, 0));
    assert_eq!(proof.nonce, NonceUse::NotRequired);

    let proof = format!("{HEADER}.{TOKEN_REQUEST}");
    let accepted = server.grant(&proof, Some(JKT), MADE_AT).unwrap();
    assert_eq!(accepted.proof().unwrap().age, 2);
}

#[test]
fn a_proof_is_accepted_once_and_only_in_its_window() {
    let mut server = Server::new(MADE_AT);
    let request = server.request();
    assert_eq!(refusal(server.resource(&request, MADE_AT + 61)), "E-DPO-23");
    assert_eq!(refusal(server.resource(&request, MADE_AT - 11)), "E-DPO-24");
    assert!(server.resource(&request, MADE_AT + 60).is_ok());
    assert_eq!(refusal(server.resource(&request, MADE_AT + 60)), "E-DPO-36");

    // The wall clock steps back: what has expired in the store is not fresh again.
    let mut server = Server::new(MADE_AT);
    let other = Request {
        method: "HEAD",
        ..request
    };
    assert!(server.resource(&request, MADE_AT - 10).is_ok());
    let later = Question::new(&JKT.parse().unwrap(), "later", MADE_AT + 660, MADE_AT);
    assert_eq!(server.store.claim(&later, at(MADE_AT + 600)), Answer::Fresh);
    assert_eq!(refusal(server.resource(&request, MADE_AT)), "E-DPO-23");
    assert_eq!(refusal(server.resource(&other, MADE_AT)), "E-DPO-19");
}

#[test]
fn a_token_needs_its_own_key_and_its_own_scheme() {
    let mut server = Server::new(MADE_AT);
    let request = server.request();
    let other_key = Thumbprint::new([9; 32]);

    server.confirmation = Confirmation::key(other_key);
    let refused = server.resource(&request, MADE_AT).unwrap_err();
    assert_eq!(refused.code(), "E-DPO-27");
    assert_eq!(refused.claimed_jkt(), Some(&JKT.parse().unwrap()));
    server.confirmation = Confirmation::NONE;
    assert_eq!(refusal(server.resource(&request, MADE_AT)), "E-DPO-29");
    server.confirmation = Confirmation::certificate(Sha256::digest(b"leaf").into());
    assert_eq!(refusal(server.resource(&request, MADE_AT)), "E-DPO-29");
    server.confirmation = server.confirmation.and_key(JKT.parse().unwrap());
    assert_eq!(refusal(server.resource(&request, MADE_AT)), "E-DPO-30");
    server.leaf = Some(b"other");
    assert_eq!(refusal(server.resource(&request, MADE_AT)), "E-DPO-30");
    server.leaf = Some(b"leaf");
    let accepted = server.resource(&request, MADE_AT).unwrap();
    assert!(accepted.certificate_bound() && accepted.jkt().is_some());

    let bearer = format!("Bearer {TOKEN}");
    let fields = [bearer.as_bytes()];
    let request = Request {
        authorization: &fields,
        ..request
    };
    assert_eq!(refusal(server.resource(&request, MADE_AT)), "E-DPO-28");
    server.confirmation = Confirmation::certificate(Sha256::digest(b"leaf").into());
    assert!(
        server
            .resource(&request, MADE_AT)
            .unwrap()
            .proof()
            .is_none()
    );
    server.confirmation = Confirmation::NONE;
    assert_eq!(refusal(server.resource(&request, MADE_AT)), "E-DPO-43");
    server.verifier = verifier().allow_bearer();
    assert!(
        !server
            .resource(&request, MADE_AT)
            .unwrap()
            .certificate_bound()
    );
}

#[test]
fn every_verdict_is_an_event_and_is_counted() {
    let mut server = Server::new(MADE_AT);
    let request = server.request();
    let accepted = server.resource(&request, MADE_AT).unwrap();
    let refused = server.resource(&request, MADE_AT).unwrap_err();
    let record = server.journal.poll_event(at(MADE_AT)).unwrap();
    assert_eq!(record.event, Event::Accepted(accepted));
    assert_eq!(record.latency, Duration::from_millis(3));
    assert_eq!(record.at, at(MADE_AT).unix);
    assert_eq!(
        server.journal.poll_event(at(MADE_AT)).unwrap().event,
        Event::Refused(refused)
    );
    assert_eq!(server.journal.poll_event(at(MADE_AT)), None);

    let counters = server.journal.counters();
    assert_eq!(
        (counters.accepted, counters.refused, counters.replays),
        (1, 1, 1)
    );
    assert_eq!(counters.latency.sum(), Duration::from_millis(6));
    assert_eq!(
        counters.latency.buckets()[12],
        2,
        "2^11 to 2^12 microseconds"
    );
}

#[test]
fn a_journal_is_bounded_and_says_what_it_lost() {
    let mut server = Server::new(MADE_AT);
    server.journal = Journal::new(2);
    let request = server.request();
    for _ in 0..5 {
        let _ = server.resource(&request, MADE_AT);
    }
    let codes: Vec<_> = core::iter::from_fn(|| server.journal.poll_event(at(MADE_AT)))
        .map(|record| record.event.code())
        .collect();
    assert_eq!(codes, ["dpop-accepted", "E-DPO-36", "events-dropped"]);
    assert_eq!(server.journal.counters().events_dropped, 3);
}

#[test]
fn a_refused_request_asks_the_replay_store_nothing() {
    let server = Server::new(MADE_AT);
    let request = server.request();
    let presented = Presented::new(request);
    let wrong = Confirmation::key(Thumbprint::new([0; 32]));
    let judged = server.verifier.judge(&presented, &wrong, None, at(MADE_AT));
    assert_eq!(judged.question(), None);
    let judged = server
        .verifier
        .judge(&presented, &server.confirmation, None, at(MADE_AT));
    assert!(judged.question().is_some());
}

#[test]
fn a_remote_store_that_does_not_answer_means_503_and_not_accepted() {
    let mut server = Server::new(MADE_AT);
    let request = server.request();
    let presented = Presented::new(request);
    let judged = server
        .verifier
        .judge(&presented, &server.confirmation, None, at(MADE_AT));
    let refused = judged
        .answered(Answer::Unavailable, &mut server.journal, at(MADE_AT))
        .unwrap_err();
    let challenge = refused.challenge(&server.verifier, [0; 16], at(MADE_AT));
    assert_eq!(
        (refused.code(), challenge.status(), challenge.error()),
        ("E-DPO-39", 503, None)
    );
    assert_eq!(fields(&challenge)[0], "Retry-After: 5");
    assert_eq!(server.journal.counters().unavailable, 1);
}

#[test]
fn a_challenge_says_the_error_the_algorithms_and_the_metadata() {
    let mut server = Server::new(MADE_AT);
    server.verifier = verifier()
        .resource_metadata("https://resource.example.org/.well-known/oauth-protected-resource")
        .unwrap();
    let request = server.request();
    let refused = server
        .resource(
            &Request {
                method: "get",
                ..request
            },
            MADE_AT,
        )
        .unwrap_err();
    let challenge = refused.challenge(&server.verifier, [0; 16], at(MADE_AT));
    assert_eq!(challenge.status(), 401);
    assert_eq!(
        fields(&challenge),
        [
            "WWW-Authenticate: DPoP error=\"invalid_dpop_proof\", error_description=\"E-DPO-19 `htm` is not the \
             method of the request; write it as on the request line, capitals included\", algs=\"ES256\", \
             resource_metadata=\"https://resource.example.org/.well-known/oauth-protected-resource\"",
            "Cache-Control: no-store",
            "Access-Control-Expose-Headers: DPoP-Nonce, WWW-Authenticate",
        ]
    );
    assert!(challenge.body().is_none());

    // Without credentials a challenge has no error (RFC 6750, 3.1).
    server.verifier = verifier().allow_bearer();
    let refused = server
        .resource(
            &Request {
                authorization: &[],
                ..request
            },
            MADE_AT,
        )
        .unwrap_err();
    let challenge = refused.challenge(&server.verifier, [0; 16], at(MADE_AT));
    assert_eq!(
        fields(&challenge)[0],
        "WWW-Authenticate: Bearer, DPoP algs=\"ES256\""
    );

    // The error goes into the challenge of the scheme that was used (RFC 9449, 7.2).
    let bearer = format!("Bearer {TOKEN}");
    let bearer = [bearer.as_bytes()];
    let refused = server
        .resource(
            &Request {
                authorization: &bearer,
                ..request
            },
            MADE_AT,
        )
        .unwrap_err();
    let value = fields(&refused.challenge(&server.verifier, [0; 16], at(MADE_AT)))[0].clone();
    assert!(
        value.starts_with("WWW-Authenticate: Bearer error=\"invalid_token\""),
        "{value}"
    );
    assert!(value.ends_with(", DPoP algs=\"ES256\""), "{value}");
}

#[test]
fn an_authorization_server_answers_400_with_a_body() {
    let mut server = Server::new(MADE_AT);
    let proof = format!("{HEADER}.{TOKEN_REQUEST}");
    let other = Thumbprint::new([1; 32]).to_string();
    let refused = server.grant(&proof, Some(&other), MADE_AT).unwrap_err();
    let challenge = refused.challenge(&server.verifier, [0; 16], at(MADE_AT));
    assert_eq!(
        (challenge.status(), challenge.error()),
        (400, Some("invalid_grant"))
    );
    let body = challenge.body().unwrap().to_string();
    assert!(
        body.starts_with(r#"{"error":"invalid_grant","error_description":"E-DPO-32 "#),
        "{body}"
    );
    assert!(
        fields(&challenge)
            .iter()
            .all(|field| !field.starts_with("WWW-Authenticate"))
    );
}

#[test]
fn settings_that_cannot_work_are_refused() {
    assert_eq!(Algorithms::new(&[]).unwrap_err().code(), "E-DPO-81");
    let es256 = Algorithms::new(&[soft::ES256]).unwrap();
    assert_eq!(
        es256.only(&[Algorithm::EdDsa]).unwrap_err().code(),
        "E-DPO-81"
    );
    let (second, hour) = (Duration::from_secs(1), Duration::from_secs(3600));
    assert!(Profile::STRICT.window(second, Duration::ZERO).is_ok());
    assert!(Profile::STRICT.window(hour, hour).is_ok());
    for (max_age, skew) in [
        (Duration::ZERO, second),
        (hour + second, second),
        (second, hour + second),
    ] {
        assert_eq!(
            Profile::STRICT.window(max_age, skew).unwrap_err().code(),
            "E-DPO-82"
        );
    }
    for uri in [
        "",
        "https://a/\"",
        "https://a/\\",
        "https://\u{e4}/",
        "https://a/ b",
    ] {
        assert_eq!(
            verifier().resource_metadata(uri).unwrap_err().code(),
            "E-DPO-83"
        );
    }
}

/// A server with a store and a journal; each verdict takes 3 ms.
struct Server {
    verifier: Verifier,
    store: Store,
    journal: Journal,
    confirmation: Confirmation,
    leaf: Option<&'static [u8]>,
}

impl Server {
    fn new(now: u64) -> Self {
        let verifier = verifier();
        let settings = Settings::new(256, verifier.replay_lifetime());
        Self {
            store: Store::first_start(&settings, [7; 16], at(now - 100)).unwrap(),
            verifier,
            journal: Journal::new(16),
            confirmation: Confirmation::key(JKT.parse().unwrap()),
            leaf: None,
        }
    }

    fn request(&self) -> Request<'static> {
        let authorization: &'static [&'static [u8]] =
            &[b"DPoP Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU"];
        let proof: &'static str = format!("{HEADER}.{RESOURCE_REQUEST}").leak();
        Request {
            method: "GET",
            uri: TargetUri::parse("https://resource.example.org/protectedresource").unwrap(),
            authorization,
            dpop: Vec::from([proof.as_bytes()]).leak(),
            nonce: None,
        }
    }

    fn resource(&mut self, request: &Request<'_>, now: u64) -> Result<Accepted, Refused> {
        let presented = Presented::new(*request);
        self.verifier
            .judge(&presented, &self.confirmation, self.leaf, at(now))
            .settle(&mut self.store, &mut self.journal, later(now))
    }

    fn grant(
        &mut self,
        proof: &str,
        bound_to: Option<&str>,
        now: u64,
    ) -> Result<Accepted, Refused> {
        let request = Request {
            method: "POST",
            uri: TargetUri::parse("https://server.example.com/token").unwrap(),
            authorization: &[],
            dpop: &[proof.as_bytes()],
            nonce: None,
        };
        let bound_to = bound_to.map(|jkt| jkt.parse().unwrap());
        self.verifier
            .judge_grant(&request, bound_to.as_ref(), at(now))
            .settle(&mut self.store, &mut self.journal, later(now))
    }
}

fn verifier() -> Verifier {
    Verifier::new(Algorithms::new(&[soft::ES256]).unwrap(), Profile::STRICT)
}

fn fields(challenge: &crate::dpop::Challenge<'_>) -> Vec<String> {
    challenge
        .fields()
        .map(|field: Field<'_>| format!("{}: {field}", field.name()))
        .collect()
}

fn refusal(verdict: Result<Accepted, Refused>) -> &'static str {
    verdict.unwrap_err().code()
}

fn at(seconds: u64) -> Now {
    Now::new(
        Instant::from_micros(seconds * 1_000_000),
        UnixTime::since_unix_epoch(Duration::from_secs(seconds)),
    )
}

fn later(seconds: u64) -> Now {
    let now = at(seconds);
    Now::new(now.instant + Duration::from_millis(3), now.unix)
}
