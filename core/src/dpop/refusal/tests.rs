use alloc::collections::BTreeSet;
use alloc::string::ToString as _;
use alloc::vec::Vec;

use super::*;

/// One of each.
fn all() -> Vec<Refusal> {
    let (age, ahead) = (Duration::from_secs(61), Duration::from_millis(10_500));
    let (limit, retry_after) = (Duration::from_secs(60), Duration::from_millis(1500));
    Vec::from([
        Refusal::NoCredentials,
        Refusal::TwoAuthorizations,
        Refusal::MalformedAuthorization,
        Refusal::NoProof,
        Refusal::TwoProofs,
        Refusal::TooLarge { limit: 2048 },
        Refusal::NotCompactJws,
        Refusal::NotBase64Url(Part::Signature),
        Refusal::NotJson(Part::Claims, JsonError::Duplicate),
        Refusal::MissingMember(Member::Jti),
        Refusal::MalformedMember(Member::Iat),
        Refusal::Type,
        Refusal::Algorithm,
        Refusal::AlgorithmNotAllowed,
        Refusal::Critical,
        Refusal::Key,
        Refusal::PrivateKey,
        Refusal::Signature,
        Refusal::Method,
        Refusal::TargetUri,
        Refusal::MalformedTargetUri(UriError::Scheme),
        Refusal::TargetUriQuery,
        Refusal::TooOld { age, limit },
        Refusal::TooNew { ahead, limit },
        Refusal::TokenHash,
        Refusal::TokenHashWithoutToken,
        Refusal::KeyMismatch,
        Refusal::BoundTokenAsBearer,
        Refusal::UnboundToken,
        Refusal::CertificateMismatch,
        Refusal::UnknownConfirmation,
        Refusal::GrantKeyMismatch,
        Refusal::NonceRequired,
        Refusal::NonceUnknown,
        Refusal::NonceStale,
        Refusal::Replayed,
        Refusal::OverQuota { retry_after },
        Refusal::StoreFull { retry_after },
        Refusal::StoreUnavailable,
        Refusal::BeforeStart { retry_after },
        Refusal::Expired,
        Refusal::NotYetValid,
        Refusal::BearerNotAllowed,
        Refusal::BeyondLifetime,
    ])
}

#[test]
fn each_has_a_code_of_its_own_a_section_and_one_cause_with_its_remedy() {
    let codes: BTreeSet<_> = all().iter().map(Refusal::code).collect();
    assert_eq!(codes.len(), all().len());
    for refusal in all() {
        assert!(refusal.section().starts_with("RFC "), "{refusal:?}");
        let text = refusal.to_string();
        assert_eq!(text.matches("; ").count(), 1, "{text}");
        assert!(
            text.starts_with(|c: char| c.is_lowercase() || c == '`'),
            "{text}"
        );
        assert!(!text.ends_with('.'), "{text}");
        // It goes into a quoted-string, and into JSON, as it is (RFC 6749, 5.2).
        let fits = |c: char| (' '..='~').contains(&c) && c != '"' && c != '\\';
        assert!(text.chars().all(fits), "{text}");
    }
}

#[test]
fn members_parts_and_causes_make_sentences() {
    let member = |member| Refusal::MalformedMember(member).to_string();
    for name in [
        Member::Typ,
        Member::Alg,
        Member::Jwk,
        Member::Kty,
        Member::Crv,
        Member::X,
        Member::Y,
        Member::Jti,
        Member::Htm,
        Member::Htu,
        Member::Iat,
        Member::Ath,
        Member::Nonce,
        Member::Exp,
        Member::Nbf,
    ] {
        let text = member(name);
        assert!(
            text.starts_with('`') && text.contains("` is not "),
            "{text}"
        );
        assert_eq!(text.matches("; ").count(), 1, "{text}");
    }
    assert_eq!(
        Refusal::NotJson(Part::Header, JsonError::Duplicate).to_string(),
        "the header has a member twice; write one plain JSON object"
    );
    assert_eq!(
        Refusal::MalformedTargetUri(UriError::UserInfo).to_string(),
        "`htu` has a user name; write the absolute https URI of the request"
    );
}

#[test]
fn a_wait_is_rounded_up_to_whole_seconds() {
    let retry_after = Duration::from_millis(1500);
    assert_eq!(whole_seconds(retry_after), 2);
    assert!(
        Refusal::BeforeStart { retry_after }
            .to_string()
            .ends_with("in 2 s")
    );
    assert_eq!(whole_seconds(Duration::from_secs(3)), 3);
    assert_eq!(whole_seconds(Duration::MAX), u64::MAX);
}
