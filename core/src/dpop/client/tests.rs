use alloc::format;
use alloc::string::{String, ToString as _};

use core::time::Duration;

use super::super::nonce::{NonceSettings, Nonces, Secret};
use super::*;
use crate::pki_types::UnixTime;
use crate::time::{Instant, Now};

const JKT: Thumbprint = Thumbprint::new([1; 32]);
const DEMAND: &str = r#"DPoP error="use_dpop_nonce", algs="ES256""#;

fn scope(uri: &str, role: Role) -> NonceScope {
    NonceScope::new(TargetUri::parse(uri).unwrap().origin(), role, JKT)
}

fn rs() -> NonceScope {
    scope("https://mcp.example.com/mcp", Role::ResourceServer)
}

fn auth() -> NonceScope {
    scope("https://as.example.com/token", Role::AuthorizationServer)
}

fn head<'a>(
    status: u16,
    www_authenticate: &'a [&'a str],
    dpop_nonce: &'a [&'a str],
) -> ResponseHead<'a, &'a [&'a str], &'a [&'a str]> {
    ResponseHead {
        status,
        www_authenticate,
        dpop_nonce,
        body_error: None,
    }
}

fn token_error<'a>(
    status: u16,
    error: Option<&'a str>,
    dpop_nonce: &'a [&'a str],
) -> ResponseHead<'a, &'a [&'a str], &'a [&'a str]> {
    ResponseHead {
        body_error: error,
        ..head(status, &[], dpop_nonce)
    }
}

#[test]
fn a_challenge_is_followed_once() {
    let mut cache = NonceCache::default();
    let mut attempt = Attempt::new(rs());
    assert_eq!(attempt.nonce(&mut cache), None);
    let next = attempt.on_response(head(401, &[DEMAND], &["n1"]), &mut cache);
    assert_eq!(next, Next::Retry);
    assert_eq!(attempt.nonce(&mut cache), Some("n1"));
    let next = attempt.on_response(head(200, &[], &[]), &mut cache);
    assert_eq!(next, Next::Done);
    assert_eq!(cache.nonce(&rs()), Some("n1"));
}

#[test]
fn a_server_that_never_is_content_gets_one_retry() {
    // With the same nonce, or a new one each time.
    for ever_new in [false, true] {
        let mut cache = NonceCache::default();
        let mut attempt = Attempt::new(rs());
        let mut requests = 0;
        let refused = loop {
            requests += 1;
            assert!(requests < 10, "an endless loop");
            let nonce = format!("n{}", if ever_new { requests } else { 0 });
            match attempt.on_response(head(401, &[DEMAND], &[&nonce]), &mut cache) {
                Next::Retry => {}
                Next::Refused(error) => break error,
                Next::Done => panic!("it is no answer"),
            }
        };
        assert_eq!((requests, refused), (2, ClientError::Repeated));
        // What the error brought is what the next request begins with.
        let newest = if ever_new { "n2" } else { "n0" };
        assert_eq!(cache.nonce(&rs()), Some(newest));
        let mut next_attempt = Attempt::new(rs());
        assert_eq!(next_attempt.nonce(&mut cache), Some(newest));
        // It is another request, so it has a retry of its own.
        let next = next_attempt.on_response(head(401, &[DEMAND], &["n9"]), &mut cache);
        assert_eq!(next, Next::Retry);
    }
}

#[test]
fn the_retry_is_spent_also_after_other_responses() {
    let mut cache = NonceCache::default();
    let mut attempt = Attempt::new(rs());
    let steps = [
        (head(307, &[], &[]), Next::Done),
        (head(401, &[DEMAND], &["n1"]), Next::Retry),
        (head(307, &[], &[]), Next::Done),
        (
            head(401, &[DEMAND], &["n2"]),
            Next::Refused(ClientError::Repeated),
        ),
        (
            head(401, &[DEMAND], &["n3"]),
            Next::Refused(ClientError::Repeated),
        ),
    ];
    for (head, expected) in steps {
        assert_eq!(attempt.on_response(head, &mut cache), expected);
    }
}

#[test]
fn a_cached_nonce_that_is_refused_is_replaced() {
    let mut cache = NonceCache::default();
    cache.store(&rs(), "old").unwrap();
    let mut attempt = Attempt::new(rs());
    assert_eq!(attempt.nonce(&mut cache), Some("old"));
    let next = attempt.on_response(head(401, &[DEMAND], &["new"]), &mut cache);
    assert_eq!(next, Next::Retry);
    assert_eq!(attempt.nonce(&mut cache), Some("new"));
    assert_eq!(cache.len(), 1);
}

#[test]
fn the_newest_nonce_counts_whatever_the_status() {
    let mut cache = NonceCache::default();
    for (number, status) in [200, 201, 204, 302, 400, 401, 403, 404, 429, 500, 503]
        .into_iter()
        .enumerate()
    {
        let nonce = format!("n{number}");
        let mut attempt = Attempt::new(rs());
        let next = attempt.on_response(head(status, &[], &[&nonce]), &mut cache);
        assert_eq!(next, Next::Done, "{status}");
        assert_eq!(cache.nonce(&rs()), Some(&*nonce), "{status}");
    }
}

#[test]
fn the_response_to_the_retry_is_cached_too() {
    let mut cache = NonceCache::default();
    let mut attempt = Attempt::new(rs());
    let _ = attempt.on_response(head(401, &[DEMAND], &["n1"]), &mut cache);
    let next = attempt.on_response(head(200, &[], &["n2"]), &mut cache);
    assert_eq!(next, Next::Done);
    assert_eq!(cache.nonce(&rs()), Some("n2"));
}

#[test]
fn a_response_without_a_nonce_leaves_the_one_before() {
    let mut cache = NonceCache::default();
    cache.store(&rs(), "n1").unwrap();
    let next = Attempt::new(rs()).on_response(head(200, &[], &[]), &mut cache);
    assert_eq!(next, Next::Done);
    assert_eq!(cache.nonce(&rs()), Some("n1"));
}

#[test]
fn the_challenge_may_stand_in_any_field() {
    for fields in [
        &["Bearer", DEMAND][..],
        &[DEMAND, "Basic realm=\"x\""],
        &["Bearer realm=\"never ends", DEMAND],
        &[r#"Bearer realm="a, b", dpop error=use_dpop_nonce"#],
    ] {
        let mut cache = NonceCache::default();
        let next = Attempt::new(rs()).on_response(head(401, fields, &["n"]), &mut cache);
        assert_eq!(next, Next::Retry, "{fields:?}");
    }
    // A challenge is not put together from two fields.
    let halves = ["DPoP", "error=use_dpop_nonce"];
    let next =
        Attempt::new(rs()).on_response(head(401, &halves, &["n"]), &mut NonceCache::default());
    assert_eq!(next, Next::Done);
}

#[test]
fn each_role_has_its_own_challenge() {
    let nonce = &["n"];
    let use_nonce = Some("use_dpop_nonce");
    for (scope, head, expected) in [
        (rs(), head(401, &[DEMAND], nonce), Next::Retry),
        (rs(), head(400, &[DEMAND], nonce), Next::Done),
        (rs(), head(403, &[DEMAND], nonce), Next::Done),
        (rs(), token_error(400, use_nonce, nonce), Next::Done),
        (rs(), token_error(401, use_nonce, nonce), Next::Done),
        (auth(), token_error(400, use_nonce, nonce), Next::Retry),
        (auth(), token_error(401, use_nonce, nonce), Next::Done),
        (auth(), token_error(200, use_nonce, nonce), Next::Done),
        (
            auth(),
            token_error(400, Some("USE_DPOP_NONCE"), nonce),
            Next::Done,
        ),
        (
            auth(),
            token_error(400, Some("invalid_dpop_proof"), nonce),
            Next::Done,
        ),
        (auth(), token_error(400, None, nonce), Next::Done),
        (auth(), head(401, &[DEMAND], nonce), Next::Done),
        (auth(), head(400, &[DEMAND], nonce), Next::Done),
    ] {
        let mut cache = NonceCache::default();
        let next = Attempt::new(scope.clone()).on_response(head, &mut cache);
        assert_eq!(next, expected, "{scope:?} {head:?}");
        assert_eq!(cache.nonce(&scope), Some("n"));
    }
}

#[test]
fn an_authorization_server_gets_one_retry_too() {
    let mut cache = NonceCache::default();
    let mut attempt = Attempt::new(auth());
    let demand = |nonce| token_error(400, Some("use_dpop_nonce"), nonce);
    assert_eq!(
        attempt.on_response(demand(&["n1"]), &mut cache),
        Next::Retry
    );
    assert_eq!(attempt.nonce(&mut cache), Some("n1"));
    assert_eq!(
        attempt.on_response(demand(&["n2"]), &mut cache),
        Next::Refused(ClientError::Repeated)
    );
}

#[test]
fn what_breaks_the_rules_is_refused_and_not_kept() {
    let long = "n".repeat(513);
    for (nonces, error) in [
        (&[][..], ClientError::NonceMissing),
        (&["n1", "n2"], ClientError::TwoNonces),
        (&["n1", "n1"], ClientError::TwoNonces),
        (&["n1", "\u{e9}"], ClientError::TwoNonces),
        (&[""], ClientError::NonceSyntax),
        (&["a b"], ClientError::NonceSyntax),
        (&["n1, n2"], ClientError::NonceSyntax),
        (&[" n1"], ClientError::NonceSyntax),
        (&["n1\r\nX: y"], ClientError::NonceSyntax),
        (&["\"n1\""], ClientError::NonceSyntax),
        (&["n\\1"], ClientError::NonceSyntax),
        (&["n\u{e9}"], ClientError::NonceSyntax),
        (&["n\u{7f}"], ClientError::NonceSyntax),
        (&["n\0"], ClientError::NonceSyntax),
        (&[&*long], ClientError::NonceSyntax),
    ] {
        let mut cache = NonceCache::default();
        cache.store(&rs(), "before").unwrap();
        let mut attempt = Attempt::new(rs());
        let next = attempt.on_response(head(401, &[DEMAND], nonces), &mut cache);
        assert_eq!(next, Next::Refused(error), "{nonces:?}");
        assert_eq!(cache.nonce(&rs()), Some("before"));
        // Without a challenge the field is judged alike; only that it is missing is no fault then.
        let next = attempt.on_response(head(200, &[], nonces), &mut cache);
        if nonces.is_empty() {
            assert_eq!(next, Next::Done);
        } else {
            assert_eq!(next, Next::Refused(error), "{nonces:?}");
        }
        assert_eq!(cache.nonce(&rs()), Some("before"));
    }
    let mut cache = NonceCache::default();
    assert_eq!(cache.store(&rs(), &long), Err(ClientError::NonceSyntax));
    assert_eq!(cache.store(&rs(), &long[..512]), Ok(()));
}

#[test]
fn fields_may_be_bytes() {
    let mut cache = NonceCache::default();
    let head = ResponseHead {
        status: 401,
        www_authenticate: [&b"Basic realm=\"Z\xFCrich\", DPoP error=\"use_dpop_nonce\""[..]],
        dpop_nonce: [&b"n\xFC"[..]],
        body_error: None,
    };
    assert_eq!(
        Attempt::new(rs()).on_response(head, &mut cache),
        Next::Refused(ClientError::NonceSyntax)
    );
    let head = ResponseHead {
        dpop_nonce: [&b"n"[..]],
        ..head
    };
    assert_eq!(
        Attempt::new(rs()).on_response(head, &mut cache),
        Next::Retry
    );
}

#[test]
fn a_nonce_is_of_one_server_role_and_key() {
    let mut cache = NonceCache::default();
    cache.store(&rs(), "n").unwrap();
    assert_eq!(
        cache.nonce(&scope(
            "HTTPS://MCP.Example.COM:443/other?x",
            Role::ResourceServer
        )),
        Some("n")
    );
    let other_key = NonceScope {
        jkt: Thumbprint::new([2; 32]),
        ..rs()
    };
    for other in [
        other_key,
        scope("https://mcp.example.com/mcp", Role::AuthorizationServer),
        scope("https://mcp.example.com:8443/mcp", Role::ResourceServer),
        scope("https://mcp.example.org/mcp", Role::ResourceServer),
    ] {
        assert_eq!(cache.nonce(&other), None, "{other:?}");
        cache.store(&other, "m").unwrap();
    }
    assert_eq!(cache.nonce(&rs()), Some("n"));
    assert_eq!(cache.len(), 5);
}

#[test]
fn the_cache_is_bounded_and_drops_the_least_recently_used() {
    let numbered = |number: usize| {
        scope(
            &format!("https://s{number}.example.com/"),
            Role::ResourceServer,
        )
    };
    let mut cache = NonceCache::new(3);
    for number in 0..3 {
        cache.store(&numbered(number), "n").unwrap();
    }
    // Both a look and a new nonce are uses.
    assert!(cache.nonce(&numbered(0)).is_some());
    cache.store(&numbered(1), "m").unwrap();
    cache.store(&numbered(3), "n").unwrap();
    let held = [0, 1, 2, 3].map(|number| cache.nonce(&numbered(number)).is_some());
    assert_eq!(held, [true, true, false, true]);

    for number in 0..10_000 {
        cache.store(&numbered(number), "n").unwrap();
        assert!(cache.len() <= 3);
    }
    assert_eq!(cache.nonce(&numbered(9_999)), Some("n"));

    assert!(NonceCache::default().is_empty());
    let mut smallest = NonceCache::new(0);
    smallest.store(&rs(), "n").unwrap();
    assert_eq!(smallest.nonce(&rs()), Some("n"));
}

#[test]
fn the_retry_has_its_nonce_though_the_cache_lost_it() {
    let mut cache = NonceCache::new(1);
    let mut attempt = Attempt::new(rs());
    let next = attempt.on_response(head(401, &[DEMAND], &["n1"]), &mut cache);
    assert_eq!(next, Next::Retry);
    cache.store(&auth(), "other").unwrap();
    assert_eq!(attempt.nonce(&mut cache), Some("n1"));
}

#[test]
fn a_newer_nonce_of_another_request_is_used() {
    let mut cache = NonceCache::default();
    let (mut one, mut two) = (Attempt::new(rs()), Attempt::new(rs()));
    let _ = one.on_response(head(401, &[DEMAND], &["n1"]), &mut cache);
    let _ = two.on_response(head(200, &[], &["n2"]), &mut cache);
    assert_eq!(one.nonce(&mut cache), Some("n2"));
}

#[test]
fn nothing_goes_to_another_origin() {
    let attempt = Attempt::new(rs());
    let follow = |uri| attempt.may_follow(&TargetUri::parse(uri).unwrap());
    for same in [
        "https://mcp.example.com/other?x=1",
        "https://MCP.example.com:443/",
    ] {
        assert_eq!(follow(same), Ok(()), "{same}");
    }
    for other in [
        "https://mcp.example.com:8443/mcp",
        "https://example.com/mcp",
        "https://mcp.example.com.evil.example/mcp",
        "https://sub.mcp.example.com/mcp",
        "http://127.0.0.1/mcp",
    ] {
        assert_eq!(follow(other), Err(ClientError::OtherOrigin), "{other}");
    }
    let local = Attempt::new(scope("http://localhost/mcp", Role::ResourceServer));
    for other in ["https://localhost/mcp", "http://localhost:8080/mcp"] {
        let location = TargetUri::parse(other).unwrap();
        assert_eq!(
            local.may_follow(&location),
            Err(ClientError::OtherOrigin),
            "{other}"
        );
    }
}

#[test]
fn a_client_that_requires_dpop_takes_nothing_else() {
    for (token_type, required, expected) in [
        ("DPoP", true, Ok(TokenType::Dpop)),
        ("dpop", true, Ok(TokenType::Dpop)),
        ("DPoP", false, Ok(TokenType::Dpop)),
        ("Bearer", true, Err(ClientError::TokenType)),
        ("bearer", false, Ok(TokenType::Bearer)),
        ("", false, Err(ClientError::TokenType)),
        ("N_A", false, Err(ClientError::TokenType)),
        ("mac", true, Err(ClientError::TokenType)),
        ("DPoP ", false, Err(ClientError::TokenType)),
        ("DPoP Bearer", true, Err(ClientError::TokenType)),
    ] {
        assert_eq!(token_response(token_type, required), expected);
    }
}

#[test]
fn every_error_has_a_code_a_section_and_a_remedy() {
    let errors = [
        (ClientError::NonceMissing, "E-DPO-61"),
        (ClientError::TwoNonces, "E-DPO-62"),
        (ClientError::NonceSyntax, "E-DPO-63"),
        (ClientError::Repeated, "E-DPO-64"),
        (ClientError::OtherOrigin, "E-DPO-65"),
        (ClientError::TokenType, "E-DPO-66"),
    ];
    for (error, code) in errors {
        assert_eq!(error.code(), code);
        assert!(error.section().starts_with("RFC 9449, "));
        let text = error.to_string();
        assert_eq!(text.matches("; ").count(), 1, "{text}");
        assert!(!text.ends_with('.') && !text.contains("  "), "{text}");
    }
}

/// Client and server together on simulated time: the server rotates its secret and requires nonces, and no request
/// needs more than one retry.
#[test]
fn client_and_server_agree_through_rotations() {
    let at = |seconds: u64| {
        Now::new(
            Instant::from_micros(seconds * 1_000_000),
            UnixTime::since_unix_epoch(Duration::from_secs(1_000_000_000 + seconds)),
        )
    };
    let secret = |kid: u8| Secret::new(kid, [kid; 32]);
    let settings = NonceSettings::new("mcp", Role::ResourceServer, 1).bound_to_key();
    let mut nonces = Nonces::new(settings, secret(1), at(0)).unwrap();
    let mut cache = NonceCache::default();
    let (mut kid, mut entropy, mut challenges) = (1_u8, 0_u8, 0);
    let mut issue = |nonces: &Nonces, now| -> String {
        entropy = entropy.wrapping_add(1);
        nonces
            .issue([entropy; 16], Some(&JKT), now)
            .unwrap()
            .to_string()
    };
    // Often at first, so that only renewal keeps the client going; then with gaps in which every nonce goes stale.
    let requests = (0..2_000_u64)
        .step_by(20)
        .chain((2_000..20_000).step_by(300));
    for seconds in requests {
        let now = at(seconds);
        nonces.retire(now);
        if now.instant >= nonces.due_at(Duration::from_secs(500)) {
            kid = kid.wrapping_add(1);
            nonces.rotate(secret(kid), now).unwrap();
        }
        let mut attempt = Attempt::new(rs());
        let mut tries = 0;
        loop {
            tries += 1;
            let sent = attempt.nonce(&mut cache).unwrap_or_default();
            let (status, fields, supplied) = match nonces.check(sent, &JKT, now) {
                Ok(state) => (200, &[][..], state.renew.then(|| issue(&nonces, now))),
                Err(_) => (401, &[DEMAND][..], Some(issue(&nonces, now))),
            };
            let head = ResponseHead {
                status,
                www_authenticate: fields,
                dpop_nonce: supplied,
                body_error: None,
            };
            match attempt.on_response(head, &mut cache) {
                Next::Done => break,
                Next::Retry => challenges += 1,
                Next::Refused(error) => panic!("{error} at {seconds}"),
            }
        }
        assert!(tries <= 2);
        if (20..2_000).contains(&seconds) {
            assert_eq!(tries, 1, "renewal in time, at {seconds}");
        }
    }
    // The first request, and every one after a gap.
    assert_eq!(challenges, 1 + 59);
    assert!(kid > 20);
}
