use core::cell::Cell;

use rustls_pki_types::UnixTime;

use super::*;
use crate::dpop::Algorithm;
use alloc::format;
use alloc::vec::Vec;

const HOUR: Duration = Duration::from_secs(3600);
const ROTATION: Rotation = Rotation {
    every: Duration::from_secs(24 * 3600),
    keep: Duration::from_secs(72 * 3600),
};
/// 2026-01-01T00:00:00Z.
const EPOCH: u64 = 1_767_225_600;

fn key(number: u8) -> SigningKey {
    SigningKey::generate(Algorithm::EdDsa, &[number; 32]).unwrap()
}

/// Both clocks, so many hours after the start.
fn at(hours: u32) -> Now {
    let since = hours * HOUR;
    Now::new(
        Instant::from_micros(7) + since,
        UnixTime::since_unix_epoch(Duration::from_secs(EPOCH) + since),
    )
}

fn ring() -> KeyRing {
    KeyRing::new(key(1), ROTATION, at(0))
}

fn thumbprints(ring: &KeyRing) -> Vec<Thumbprint> {
    ring.thumbprints().collect()
}

/// The peer rotated an expired key again on every check (turbomcp Q10).
#[test]
fn an_expired_key_is_rotated_once_not_on_every_check() {
    let mut ring = ring();
    let made = Cell::new(1);
    let mut check = |now| {
        let fresh = || {
            made.set(made.get() + 1);
            Ok(key(made.get()))
        };
        ring.rotate_if_due(now, fresh).unwrap()
    };
    for hour in 0..24 {
        assert_eq!(check(at(hour)), None, "hour {hour}");
    }
    let rotated = check(at(24)).unwrap();
    assert_eq!(rotated.old, key(1).thumbprint());
    assert_eq!(rotated.new, key(2).thumbprint());
    for hour in 24..48 {
        assert_eq!(check(at(hour)), None, "hour {hour}");
    }
    assert_eq!(check(at(48)).unwrap().old, rotated.new);
    // Long asleep: one rotation, not one for each day.
    assert!(check(at(480)).is_some());
    assert_eq!(check(at(480)), None);
    assert_eq!(made.get(), 4);
    assert_eq!(ring.current().thumbprint(), key(4).thumbprint());
}

/// The peer made a new key for every proof that named none (turbomcp Q4).
#[test]
fn a_proof_without_a_named_key_uses_the_current_one_and_makes_none() {
    let mut ring = ring();
    let first = ring.current().sign(b"message");
    for _ in 0..100 {
        assert_eq!(ring.current().sign(b"message"), first);
        assert_eq!(ring.begin_session(), key(1).thumbprint());
    }
    assert_eq!(thumbprints(&ring), [key(1).thumbprint()]);
    // Nor when its rotation is overdue.
    assert!(ring.is_due(at(1000).instant));
    assert_eq!(ring.current().thumbprint(), key(1).thumbprint());
}

#[test]
fn a_session_keeps_the_key_that_it_began_with() {
    let mut ring = ring();
    let (a, b) = (ring.begin_session(), ring.begin_session());
    let rotated = ring.rotate(key(2), at(1)).unwrap();
    assert_eq!((a, b), (rotated.old, rotated.old));
    let c = ring.begin_session();
    assert_eq!(c, rotated.new);
    let signs = |ring: &KeyRing, session, number| {
        ring.get(&session, at(2).instant).unwrap().sign(b"m") == key(number).sign(b"m")
    };
    assert!(signs(&ring, a, 1) && signs(&ring, c, 2));

    ring.end_session(&a);
    assert!(signs(&ring, b, 1), "one session is left");
    ring.end_session(&b);
    assert!(ring.get(&b, at(2).instant).is_none());
    assert_eq!(thumbprints(&ring), [c]);

    // The current key stays, also without sessions.
    ring.end_session(&c);
    ring.end_session(&c);
    assert_eq!(ring.current().thumbprint(), c);
}

#[test]
fn an_end_without_a_beginning_ends_nothing() {
    let mut ring = ring();
    let first = ring.current().thumbprint();
    ring.end_session(&first);
    let session = ring.begin_session();
    ring.rotate(key(2), at(1)).unwrap();
    ring.end_session(&key(9).thumbprint());
    assert!(ring.get(&session, at(2).instant).is_some());

    // A key that never had a session: who uses it is not known.
    let mut ring = self::ring();
    ring.rotate(key(2), at(1)).unwrap();
    ring.end_session(&first);
    assert!(ring.get(&first, at(2).instant).is_some());
}

#[test]
fn a_retiring_key_has_a_hard_end() {
    let mut ring = ring();
    let session = ring.begin_session();
    ring.rotate(key(2), at(10)).unwrap();
    let end = at(82).instant;
    let before = Instant::from_micros(end.as_micros() - 1);
    assert!(ring.get(&session, before).is_some());
    // From then on also when nothing has been wiped yet.
    assert!(ring.get(&session, end).is_none());

    let never = || -> Result<SigningKey, KeyError> { panic!("not due") };
    ring.rotate(key(3), at(81)).unwrap();
    assert_eq!(thumbprints(&ring).len(), 3);
    assert_eq!(ring.deadline(), end);
    assert_eq!(ring.rotate_if_due(at(82), never), Ok(None));
    assert_eq!(
        thumbprints(&ring),
        [key(3).thumbprint(), key(2).thumbprint()]
    );
    assert_eq!(ring.deadline(), at(105).instant);
}

#[test]
fn a_key_can_be_retired_at_once() {
    let mut ring = ring();
    let session = ring.begin_session();
    assert_eq!(ring.retire(&session), None, "the current key never goes");
    ring.rotate(key(2), at(1)).unwrap();
    let old = session;
    assert_eq!(ring.retire(&session), Some(Event::KeyRetired { old }));
    assert_eq!(ring.retire(&session), None);
    assert_eq!(thumbprints(&ring), [key(2).thumbprint()]);
}

#[test]
fn a_full_ring_refuses_and_makes_no_key() {
    let mut ring = ring();
    for number in 2..=MAX_KEYS as u8 {
        ring.rotate(key(number), at(0)).unwrap();
    }
    let before = thumbprints(&ring);
    assert_eq!(before.len(), MAX_KEYS);
    assert_eq!(ring.rotate(key(99), at(1)), Err(KeyError::Full));
    let never = || -> Result<SigningKey, KeyError> { panic!("no room") };
    assert_eq!(ring.rotate_if_due(at(24), never), Err(KeyError::Full));
    assert_eq!(thumbprints(&ring), before);
    assert_eq!(KeyError::Full.code(), "E-DPO-78");
    // Room comes back by itself.
    let rotated = ring.rotate_if_due(at(72), || Ok(key(99))).unwrap();
    assert_eq!(rotated.unwrap().old, before[0]);
    assert_eq!(thumbprints(&ring).len(), 2);
}

#[test]
fn a_rotation_that_fails_changes_nothing() {
    let mut ring = ring();
    ring.rotate(key(2), at(0)).unwrap();
    let before = thumbprints(&ring);
    // Neither the current key nor a retiring one becomes current again.
    for number in [1, 2] {
        assert_eq!(ring.rotate(key(number), at(1)), Err(KeyError::Duplicate));
    }
    let error = KeyError::NotBuiltIn(Algorithm::EdDsa);
    assert_eq!(ring.rotate_if_due(at(24), || Err(error)), Err(error));
    assert_eq!(thumbprints(&ring), before);
    // And is tried again.
    assert!(ring.rotate_if_due(at(24), || Ok(key(3))).unwrap().is_some());
}

#[test]
fn a_step_of_the_wall_clock_rotates_nothing() {
    let mut ring = ring();
    let never = || -> Result<SigningKey, KeyError> { panic!("not due") };
    for unix in [0, EPOCH + 1_000_000_000] {
        let unix = UnixTime::since_unix_epoch(Duration::from_secs(unix));
        let now = Now::new(at(23).instant, unix);
        assert_eq!(ring.rotate_if_due(now, never), Ok(None));
    }
}

#[test]
fn a_ring_shows_thumbprints_only() {
    let mut ring = ring();
    ring.rotate(key(2), at(0)).unwrap();
    let shown = format!("{ring:?}");
    for number in [1, 2] {
        assert!(shown.contains(&format!("SigningKey({})", key(number).thumbprint())));
        let bytes = format!("{:?}", [number; 8]);
        assert!(!shown.contains(bytes.trim_matches(['[', ']'])), "{shown}");
    }
}

#[cfg(feature = "key-export")]
mod export {
    use super::*;

    const PASSWORD: &[u8] = b"correct horse";

    fn import(text: &str, now: Now) -> Result<KeyRing, KeyError> {
        KeyRing::import(text, PASSWORD, ROTATION, now)
    }

    #[test]
    fn a_ring_survives_a_restart_with_its_times() {
        let mut ring = ring();
        ring.rotate(key(2), at(20)).unwrap();
        ring.rotate(key(3), at(40)).unwrap();
        let text = ring.export(PASSWORD, &[7; 32]).unwrap();
        assert_eq!(text.matches("BEGIN ENCRYPTED PRIVATE KEY").count(), 3);

        // Another run: the monotonic clock begins anew.
        let restarted = |hours: u32| Now::new(Instant::from_micros(5), at(hours).unix);
        let again = import(&text, restarted(50)).unwrap();
        assert_eq!(thumbprints(&again), thumbprints(&ring));
        let current = again.current().sign(b"m");
        assert_eq!(current, key(3).sign(b"m"));
        // The current key is 10 hours old, the others have been retiring for 10 and 30.
        assert!(!again.is_due((restarted(50).instant) + 13 * HOUR));
        assert!(again.is_due(restarted(50).instant + 14 * HOUR));
        let there = |ring: &KeyRing, number, after| {
            let now = restarted(50).instant + after * HOUR;
            ring.get(&key(number).thumbprint(), now).is_some()
        };
        assert!(there(&again, 2, 61) && !there(&again, 2, 62));
        assert!(there(&again, 1, 41) && !there(&again, 1, 42));

        // A program that starts every hour still rotates, and what it exports says the same.
        let text = again.export(PASSWORD, &[8; 32]).unwrap();
        let mut late = import(&text, restarted(64)).unwrap();
        let rotated = late.rotate_if_due(restarted(64), || Ok(key(4))).unwrap();
        assert_eq!(rotated.unwrap().old, key(3).thumbprint());
        // What is over is left out.
        let much_later = import(&text, restarted(200)).unwrap();
        assert_eq!(thumbprints(&much_later), [key(3).thumbprint()]);
        // A clock that was set back makes nothing older or younger than just now.
        let back = import(&text, restarted(0)).unwrap();
        assert_eq!(thumbprints(&back).len(), 3);
        assert!(!back.is_due(restarted(0).instant + 23 * HOUR));
        assert!(back.is_due(restarted(0).instant + 24 * HOUR));
    }

    #[test]
    fn sessions_of_an_earlier_run_are_not_known() {
        let mut ring = ring();
        let session = ring.begin_session();
        let text = ring.export(PASSWORD, &[7; 32]).unwrap();
        let mut again = import(&text, at(1)).unwrap();
        // One of the new run ends; that of the earlier one may go on.
        let other = again.begin_session();
        again.rotate(key(2), at(2)).unwrap();
        again.end_session(&other);
        assert!(again.get(&session, at(3).instant).is_some());
    }

    #[test]
    fn every_key_has_its_own_salt() {
        let mut ring = ring();
        ring.rotate(key(2), at(0)).unwrap();
        let text = ring.export(PASSWORD, &[7; 32]).unwrap();
        let mut salts: Vec<&str> = text
            .lines()
            .filter(|line| line.starts_with("MI"))
            .map(|line| &line[40..])
            .collect();
        assert_eq!(salts.len(), 2);
        salts.dedup();
        assert_eq!(salts.len(), 2);
    }

    #[test]
    fn what_is_no_ring_is_refused() {
        let text = ring().export(PASSWORD, &[7; 32]).unwrap();
        let refused = |text: &str| import(text, at(0)).unwrap_err();
        assert_eq!(refused(""), KeyError::Malformed);
        assert_eq!(refused(&text[..text.len() / 2]), KeyError::Malformed);
        assert_eq!(refused(&key(1).to_pkcs8_pem()), KeyError::Malformed);
        assert_eq!(refused(&format!("{text}{text}")), KeyError::Duplicate);
        assert_eq!(
            refused(&text.replace("Since: 1", "Since: x")),
            KeyError::Malformed
        );
        assert_eq!(
            KeyRing::import(&text, b"wrong", ROTATION, at(0)).unwrap_err(),
            KeyError::Decryption
        );
        assert_eq!(ring().export(b"", &[7; 32]), Err(KeyError::Password));
        // Without a time the age begins now.
        let (_, bare) = text.split_once('\n').unwrap();
        let ring = import(bare, at(10)).unwrap();
        assert_eq!(ring.deadline(), at(34).instant);
    }

    #[test]
    fn a_text_of_too_many_keys_is_refused_before_any_is_decrypted() {
        let part =
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\n!\n-----END ENCRYPTED PRIVATE KEY-----\n";
        let refused = |count| import(&part.repeat(count), at(0)).unwrap_err();
        assert_eq!(refused(MAX_KEYS), KeyError::Malformed);
        assert_eq!(refused(MAX_KEYS + 1), KeyError::Full);
    }
}
