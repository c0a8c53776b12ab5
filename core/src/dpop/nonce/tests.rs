use alloc::collections::BTreeSet;
use alloc::format;
use alloc::string::{String, ToString as _};

use super::*;
use crate::pki_types::UnixTime;

const SERVER: &str = "https://mcp.example.com";
const START: u64 = 1_000_000_000;
const EPOCH: u32 = 0x0102_0304;
const JKT: Thumbprint = Thumbprint::new([0x11; 32]);
const OTHER: Thumbprint = Thumbprint::new([0x12; 32]);
const RANDOM: [u8; 16] = [0xA5; 16];

fn at(seconds: u64) -> Now {
    both(seconds * 1_000_000, START + seconds)
}

fn both(micros: u64, unix: u64) -> Now {
    Now::new(
        Instant::from_micros(micros),
        UnixTime::since_unix_epoch(Duration::from_secs(unix)),
    )
}

fn settings() -> NonceSettings {
    NonceSettings::new(SERVER, Role::ResourceServer, EPOCH)
}

fn secret(kid: u8) -> Secret {
    // 0, 1, 2, ... for kid 7, whose nonces were computed by another implementation.
    Secret::new(kid, core::array::from_fn(|i| (i as u8) ^ kid ^ 7))
}

fn with(settings: NonceSettings) -> Nonces {
    Nonces::new(settings, secret(7), at(0)).unwrap()
}

fn nonce(nonces: &Nonces, now: Now) -> String {
    nonces.issue(RANDOM, Some(&JKT), now).unwrap().to_string()
}

#[test]
fn the_format_is_as_documented() {
    // Computed with the hmac module of Python.
    for (settings, expected) in [
        (
            settings(),
            "AQcBAgMEO5rKAKWlpaWlpaWlpaWlpaWlpaWkX-_ANPWihx2UrVmcyP-_",
        ),
        (
            NonceSettings::new(SERVER, Role::AuthorizationServer, EPOCH),
            "AQcBAgMEO5rKAKWlpaWlpaWlpaWlpaWlpaXwH6wsp5nh6dMN1kUg0yx9",
        ),
        (
            settings().bound_to_key(),
            "AQcBAgMEO5rKAKWlpaWlpaWlpaWlpaWlpaWV96edggfr1lBE90_Um5Q1",
        ),
    ] {
        let nonces = with(settings);
        assert_eq!(nonce(&nonces, at(0)), expected);
        assert!(is_nonce(expected.as_bytes()));
        assert_eq!(
            nonces.check(expected, &JKT, at(0)),
            Ok(NonceState {
                issued: START,
                renew: false
            })
        );
    }
}

#[test]
fn randomness_makes_the_nonce() {
    let nonces = with(settings());
    let issued: BTreeSet<_> = (0..=255)
        .map(|byte| nonces.issue([byte; 16], None, at(0)).unwrap().to_string())
        .collect();
    assert_eq!(issued.len(), 256);
}

#[test]
fn no_bit_can_be_flipped() {
    for settings in [settings(), settings().bound_to_key()] {
        let nonces = with(settings);
        let genuine = nonce(&nonces, at(0));
        let mut bytes = [0; 42];
        Base64UrlUnpadded::decode(&genuine, &mut bytes).unwrap();
        for bit in 0..42 * 8 {
            let mut forged = bytes;
            forged[bit / 8] ^= 1 << (bit % 8);
            let mut digits = [0; 56];
            let forged = Base64UrlUnpadded::encode(&forged, &mut digits).unwrap();
            assert_eq!(
                nonces.check(forged, &JKT, at(0)),
                Err(NonceError::Unknown),
                "bit {bit}"
            );
        }
    }
}

#[test]
fn no_digit_can_be_replaced() {
    let nonces = with(settings());
    let genuine = nonce(&nonces, at(0));
    for place in 0..56 {
        for digit in 0..=0x7F_u8 {
            let mut forged = genuine.clone().into_bytes();
            if forged[place] == digit {
                continue;
            }
            forged[place] = digit;
            let forged = String::from_utf8(forged).unwrap();
            assert_eq!(nonces.check(&forged, &JKT, at(0)), Err(NonceError::Unknown));
        }
    }
}

#[test]
fn nothing_can_be_cut_off_or_added() {
    let nonces = with(settings());
    let genuine = nonce(&nonces, at(0));
    for length in 0..56 {
        for part in [&genuine[..length], &genuine[56 - length..]] {
            assert_eq!(nonces.check(part, &JKT, at(0)), Err(NonceError::Unknown));
        }
    }
    for longer in [
        format!("{genuine}A"),
        format!("{genuine}AAAA"),
        format!("{genuine}="),
        format!("{genuine} "),
        format!(" {genuine}"),
        format!("{genuine}{genuine}"),
        format!("{genuine}{}", "A".repeat(100_000)),
        format!("{}\u{e9}", &genuine[..54]),
    ] {
        assert_eq!(nonces.check(&longer, &JKT, at(0)), Err(NonceError::Unknown));
    }
}

#[test]
fn a_secret_is_known_by_its_kid_only() {
    let nonces = with(settings());
    let same_key = |kid| Secret { kid, ..secret(7) };
    for kid in 0..=255 {
        let theirs = Nonces::new(settings(), same_key(kid), at(0)).unwrap();
        let accepted = nonces.check(&nonce(&theirs, at(0)), &JKT, at(0)).is_ok();
        assert_eq!(accepted, kid == 7, "{kid}");
        // And a kid alone is no secret; nor is the dummy key that unknown kids are checked with.
        for key in [[0x55; 32], [0; 32]] {
            let theirs = Nonces::new(settings(), Secret::new(kid, key), at(0)).unwrap();
            assert_eq!(
                nonces.check(&nonce(&theirs, at(0)), &JKT, at(0)),
                Err(NonceError::Unknown)
            );
        }
    }
}

#[test]
fn another_version_is_unknown_though_its_tag_fits() {
    let nonces = with(settings());
    for version in 0..=255 {
        let mut bytes = [0; 42];
        Base64UrlUnpadded::decode(nonce(&nonces, at(0)), &mut bytes).unwrap();
        bytes[0] = version;
        let tag = nonces.tag(&nonces.current.key, None, &bytes[..26]);
        bytes[26..].copy_from_slice(&tag);
        let mut digits = [0; 56];
        let digits = Base64UrlUnpadded::encode(&bytes, &mut digits).unwrap();
        assert_eq!(nonces.check(digits, &JKT, at(0)).is_ok(), version == 1);
    }
}

#[test]
fn a_nonce_of_another_server_role_or_epoch_is_unknown() {
    let nonces = with(settings());
    for theirs in [
        NonceSettings::new("https://mcp.example.co", Role::ResourceServer, EPOCH),
        NonceSettings::new("https://mcp.example.comr", Role::ResourceServer, EPOCH),
        NonceSettings::new(SERVER, Role::AuthorizationServer, EPOCH),
        NonceSettings::new(SERVER, Role::ResourceServer, EPOCH + 1),
        settings().bound_to_key(),
    ] {
        assert_eq!(
            nonces.check(&nonce(&with(theirs), at(0)), &JKT, at(0)),
            Err(NonceError::Unknown)
        );
    }
}

#[test]
fn a_bound_nonce_fits_one_key() {
    let bound = with(settings().bound_to_key());
    let mine = nonce(&bound, at(0));
    assert!(bound.check(&mine, &JKT, at(0)).is_ok());
    assert_eq!(bound.check(&mine, &OTHER, at(0)), Err(NonceError::Unknown));
    assert_eq!(bound.issue(RANDOM, None, at(0)), None);

    let free = with(settings());
    assert_eq!(
        free.issue(RANDOM, None, at(0)),
        free.issue(RANDOM, Some(&JKT), at(0))
    );
    assert!(free.check(&nonce(&free, at(0)), &OTHER, at(0)).is_ok());
}

#[test]
fn a_nonce_lives_for_its_lifetime() {
    let nonces = with(settings());
    let issued = nonce(&nonces, at(100));
    let renew = |seconds| {
        nonces
            .check(&issued, &JKT, at(seconds))
            .map(|state| state.renew)
    };
    let state = nonces.check(&issued, &JKT, at(130)).unwrap();
    assert_eq!(state.issued, START + 100);
    assert_eq!(renew(89), Err(NonceError::Unknown));
    assert_eq!(renew(90), Ok(false));
    assert_eq!(renew(100), Ok(false));
    assert_eq!(renew(159), Ok(false));
    assert_eq!(renew(160), Ok(true));
    assert_eq!(renew(220), Ok(true));
    assert_eq!(renew(221), Err(NonceError::Stale));
    assert_eq!(renew(u64::from(u32::MAX)), Err(NonceError::Stale));
}

#[test]
fn time_that_does_not_fit_fails_closed() {
    let nonces = with(settings());
    for unix in [1 << 32, 1 << 40, u64::MAX] {
        let now = both(0, unix);
        let state = nonces.check(&nonce(&nonces, now), &JKT, now);
        assert_eq!(
            state.is_ok(),
            unix - u64::from(u32::MAX) <= 120,
            "{unix}: {state:?}"
        );
    }
    let past = both(0, 0);
    assert!(nonces.check(&nonce(&nonces, past), &JKT, past).is_ok());
}

#[test]
fn a_forged_time_is_not_called_stale() {
    // Whoever cannot make a tag learns nothing about the clock.
    let nonces = with(settings());
    let theirs = Nonces::new(settings(), secret(8), at(0)).unwrap();
    assert_eq!(
        nonces.check(&nonce(&theirs, at(0)), &JKT, at(1000)),
        Err(NonceError::Unknown)
    );
}

#[test]
fn the_previous_secret_is_accepted_while_its_nonces_live() {
    let mut nonces = with(settings());
    let first = nonce(&nonces, at(0));
    let last = nonce(&nonces, at(50));
    nonces.rotate(secret(8), at(50)).unwrap();
    assert_eq!(nonces.kid(), 8);

    let state = nonces.check(&last, &JKT, at(51)).unwrap();
    assert!(state.renew, "it is of the previous secret");
    assert_eq!(nonces.check(&first, &JKT, at(121)), Err(NonceError::Stale));
    assert!(nonces.check(&last, &JKT, at(170)).is_ok());
    // The last moment of the second in which it is as old as its lifetime.
    assert!(
        nonces
            .check(&last, &JKT, both(170_999_999, START + 170))
            .is_ok()
    );
    assert_eq!(nonces.check(&last, &JKT, at(171)), Err(NonceError::Unknown));

    let new = nonce(&nonces, at(170));
    assert!(!nonces.check(&new, &JKT, at(170)).unwrap().renew);
}

#[test]
fn a_retired_secret_stays_retired_when_the_wall_clock_steps_back() {
    let mut nonces = with(settings());
    let old = nonce(&nonces, at(0));
    nonces.rotate(secret(8), at(0)).unwrap();
    let stepped_back = both(121_000_000, START + 1);
    assert_eq!(
        nonces.check(&old, &JKT, stepped_back),
        Err(NonceError::Unknown)
    );
    assert_eq!(nonces.retire(stepped_back), Some(7));
}

#[test]
fn retiring_drops_the_previous_secret_once_it_is_over() {
    let mut nonces = with(settings());
    nonces.rotate(secret(8), at(10)).unwrap();
    assert_eq!(nonces.retire(at(130)), None);
    assert!(nonces.previous.is_some());
    assert_eq!(nonces.retire(at(131)), Some(7));
    assert!(nonces.previous.is_none());
    assert_eq!(nonces.retire(at(131)), None);
}

#[test]
fn a_second_rotation_waits_for_the_overlap() {
    let mut nonces = with(settings());
    let first = nonce(&nonces, at(0));
    nonces.rotate(secret(8), at(0)).unwrap();
    let refused = nonces.rotate(secret(9), both(500_000, START)).unwrap_err();
    assert_eq!(
        refused,
        NonceSettingsError::Overlap {
            remaining: Duration::from_millis(120_500)
        }
    );
    assert_eq!(refused.code(), "E-DPO-55");
    assert!(refused.to_string().contains("another 121 s"), "{refused}");
    // Nothing changed.
    assert_eq!(nonces.kid(), 8);
    assert!(nonces.check(&first, &JKT, at(1)).is_ok());
    assert!(nonces.rotate(secret(9), at(121)).is_ok());
    assert_eq!(nonces.kid(), 9);
}

#[test]
fn a_secret_in_use_is_no_new_one() {
    let mut nonces = with(settings());
    let same_kid = || Secret::new(7, [1; 32]);
    let same_key = || Secret {
        kid: 9,
        ..secret(7)
    };
    for reused in [same_kid, same_key] {
        let refused = nonces.rotate(reused(), at(0)).unwrap_err();
        assert_eq!(refused.code(), "E-DPO-54");
        assert_eq!(nonces.replace(reused(), at(0)), Err(refused));
    }
    nonces.rotate(secret(8), at(0)).unwrap();
    for reused in [same_kid, same_key] {
        assert_eq!(
            nonces.replace(reused(), at(1)),
            Err(NonceSettingsError::SecretReused)
        );
    }
    // After the overlap the kid is free: there are only 256.
    assert!(nonces.rotate(same_kid(), at(121)).is_ok());
}

#[test]
fn replacing_drops_every_other_secret_at_once() {
    let mut nonces = with(settings());
    let of_7 = nonce(&nonces, at(0));
    nonces.rotate(secret(8), at(0)).unwrap();
    let of_8 = nonce(&nonces, at(0));
    nonces.replace(secret(9), at(1)).unwrap();
    for leaked in [of_7, of_8] {
        assert_eq!(nonces.check(&leaked, &JKT, at(1)), Err(NonceError::Unknown));
    }
    assert!(nonces.previous.is_none());
    assert!(nonces.check(&nonce(&nonces, at(1)), &JKT, at(1)).is_ok());
}

#[test]
fn a_schedule_never_meets_the_overlap() {
    let mut nonces = with(settings());
    let hour = Duration::from_secs(3600);
    assert_eq!(nonces.due_at(hour), at(3600).instant);
    assert_eq!(nonces.due_at(Duration::ZERO), at(121).instant);
    let mut seconds = 0;
    for kid in (0..=255).cycle().skip(8).take(600) {
        let due = nonces.due_at(Duration::from_secs(1));
        seconds += 121;
        assert_eq!(due, at(seconds).instant);
        assert!(nonces.rotate(secret(kid), at(seconds)).is_ok());
        // At any time exactly the nonces of the current secret and the one before are accepted.
        let old = nonce(&nonces, at(seconds));
        assert!(nonces.check(&old, &JKT, at(seconds)).is_ok());
    }
}

#[test]
fn settings_out_of_range_are_refused() {
    let refusal = |settings| Nonces::new(settings, secret(7), at(0)).map(drop);
    let named = |length| NonceSettings::new("a".repeat(length), Role::ResourceServer, 0);
    let lives = |millis| {
        settings()
            .ahead(Duration::ZERO)
            .lifetime(Duration::from_millis(millis))
    };
    assert_eq!(refusal(named(1)), Ok(()));
    assert_eq!(refusal(named(255)), Ok(()));
    assert_eq!(refusal(lives(1000)), Ok(()));
    assert_eq!(refusal(lives(3_600_000)), Ok(()));
    assert_eq!(refusal(settings().ahead(Duration::from_secs(120))), Ok(()));
    for (settings, code) in [
        (named(0), "E-DPO-51"),
        (named(256), "E-DPO-51"),
        (named(70_000), "E-DPO-51"),
        (lives(0), "E-DPO-52"),
        (lives(999), "E-DPO-52"),
        (lives(3_600_001), "E-DPO-52"),
        (settings().lifetime(Duration::MAX), "E-DPO-52"),
        (settings().ahead(Duration::from_secs(121)), "E-DPO-53"),
    ] {
        let refused = refusal(settings).unwrap_err();
        assert_eq!(refused.code(), code);
        let text = refused.to_string();
        assert_eq!(text.matches("; ").count(), 1, "{text}");
    }
}

#[test]
fn no_secret_is_printed() {
    let mut nonces = with(settings());
    nonces.rotate(Secret::new(8, [0xAB; 32]), at(0)).unwrap();
    let text = format!("{nonces:?}");
    assert!(text.contains("Secret(kid 8)") && text.contains("Secret(kid 7)"));
    for digits in ["171", "ab, ab", "AB", "0, 1, 2", "abab"] {
        assert!(!text.contains(digits), "{text}");
    }
}

#[test]
fn an_error_is_the_refusal_of_the_verifier() {
    assert_eq!(Refusal::from(NonceError::Unknown).code(), "E-DPO-34");
    assert_eq!(Refusal::from(NonceError::Stale).code(), "E-DPO-35");
    assert_eq!(
        NonceError::Stale.to_string(),
        Refusal::NonceStale.to_string()
    );
}

#[test]
fn nqchar_is_what_rfc_9449_says() {
    for byte in 0..=255 {
        let allowed = (0x21..=0x7E).contains(&byte) && byte != b'"' && byte != b'\\';
        assert_eq!(is_nonce(&[b'a', byte]), allowed, "{byte:#x}");
    }
    assert!(!is_nonce(b""));
    assert!(is_nonce(&[b'a'; 512]));
    assert!(!is_nonce(&[b'a'; 513]));
}
