use proptest::prelude::*;

use super::*;

fn moment(seconds: u64, unix: u64) -> Now {
    Now::new(
        Instant::from_micros(seconds * 1_000_000),
        UnixTime::since_unix_epoch(secs(unix)),
    )
}

fn snapshot(penalties: &Penalties, now: Now) -> Vec<u8> {
    let mut bytes = vec![0; penalties.snapshot_len(now)];
    assert_eq!(penalties.snapshot(now, &mut bytes), Ok(bytes.len()));
    bytes
}

/// One of each kind: watched, banned, banned before, banned for ever.
fn populated(now: Now) -> Penalties {
    let mut penalties = table();
    let [watched, banned, before, for_ever] = [1, 2, 3, 4].map(Principal::uid);
    let earlier = moment(now.instant.as_micros() / 1_000_000 - 600, 0);
    let _ = offend(&mut penalties, before, BAN, earlier);
    let _ = offend(&mut penalties, watched, &[Traversal], now);
    let _ = offend(&mut penalties, banned, BAN, now);
    let _ = penalties.ban(for_ever, Duration::MAX, now).unwrap();
    penalties
}

#[test]
fn survives_a_restart() {
    let bytes = snapshot(&populated(moment(5000, 1_000_000)), moment(5000, 1_000_000));
    assert_eq!(bytes.len(), 20 + 4 * 32 + 32);

    // Another seed, another size, another origin of the clock, 101 s later.
    let mut penalties = Penalties::new([9; 16], 1000, Ladder::default()).unwrap();
    let now = moment(0, 1_000_101);
    let restored = penalties.restore(&bytes, now).unwrap();
    assert_eq!(
        restored,
        Restored {
            kept: 4,
            ended: 0,
            dropped: 0
        }
    );
    let [watched, banned, before, for_ever] = [1, 2, 3, 4].map(Principal::uid);
    // A second is taken off for the rounding of the clock; begun points are whole ones again.
    assert_eq!(
        penalties.judge(&banned, now),
        Standing::Deny {
            remaining: secs(500)
        }
    );
    assert_eq!(
        penalties.judge(&for_ever, now),
        Standing::Deny {
            remaining: Duration::MAX
        }
    );
    assert_eq!(penalties.judge(&watched, now), Standing::Clear);
    let standing = offend(&mut penalties, watched, &[Rate], now);
    assert_eq!(standing, Standing::Warn { score: 10 });
    // The next ban of one who was banned before is a repeated one.
    let standing = offend(&mut penalties, before, BAN, now);
    assert_eq!(
        standing,
        Standing::Deny {
            remaining: secs(1200)
        }
    );
}

#[test]
fn what_is_over_by_then_does_not_return() {
    let bytes = snapshot(&populated(moment(5000, 1_000_000)), moment(5000, 1_000_000));
    let mut penalties = table();
    let eight_days = 1_000_000 + 8 * 86_400;
    let restored = penalties.restore(&bytes, moment(0, eight_days)).unwrap();
    assert_eq!(
        restored,
        Restored {
            kept: 1,
            ended: 3,
            dropped: 0
        }
    );
    assert_eq!(penalties.bans(moment(0, eight_days)).count(), 1);

    // After its end, but within its memory, a ban is one that was.
    let mut penalties = table();
    let one_hour = moment(0, 1_000_000 + 3600);
    let _ = penalties.restore(&bytes, one_hour).unwrap();
    let banned = Principal::uid(2);
    assert_eq!(penalties.judge(&banned, one_hour), Standing::Clear);
    let standing = offend(&mut penalties, banned, BAN, one_hour);
    assert_eq!(
        standing,
        Standing::Deny {
            remaining: secs(1200)
        }
    );
}

#[test]
fn a_wall_clock_that_stands_earlier_is_no_time() {
    let bytes = snapshot(&populated(moment(5000, 1_000_000)), moment(5000, 1_000_000));
    for unix in [0, 999_999, 1_000_000, 1_000_001] {
        let mut penalties = table();
        let now = moment(0, unix);
        assert_eq!(penalties.restore(&bytes, now).unwrap().kept, 4);
        let standing = penalties.judge(&Principal::uid(2), now);
        assert_eq!(
            standing,
            Standing::Deny {
                remaining: secs(600)
            }
        );
    }
}

#[test]
fn what_is_known_already_stays_where_it_is_stricter() {
    let bytes = snapshot(&populated(moment(5000, 0)), moment(5000, 0));
    let [watched, banned] = [1, 2].map(Principal::uid);
    let now = moment(0, 0);
    let mut penalties = table();
    let _ = penalties.ban(watched, secs(50), now).unwrap();
    let _ = penalties.ban(banned, secs(7000), now).unwrap();
    let _ = penalties.restore(&bytes, now).unwrap();
    assert_eq!(
        penalties.judge(&watched, now),
        Standing::Deny {
            remaining: secs(50)
        }
    );
    assert_eq!(
        penalties.judge(&banned, now),
        Standing::Deny {
            remaining: secs(7000)
        }
    );
    // Restoring twice adds nothing.
    let once = snapshot(&penalties, now);
    let _ = penalties.restore(&bytes, now).unwrap();
    assert_eq!(snapshot(&penalties, now), once);
}

#[test]
fn a_smaller_table_takes_the_bans_first_and_says_what_it_dropped() {
    let now = moment(0, 0);
    let mut large = table();
    for uid in 0..6 {
        let _ = offend(&mut large, Principal::uid(uid), &[Traversal], now);
    }
    for uid in 6..9 {
        let _ = offend(&mut large, Principal::uid(uid), BAN, now);
    }
    let mut penalties = small();
    let restored = penalties.restore(&snapshot(&large, now), now).unwrap();
    assert_eq!(
        restored,
        Restored {
            kept: 4,
            ended: 0,
            dropped: 5
        }
    );
    assert_eq!(penalties.bans(now).count(), 3);
}

#[test]
fn the_allow_list_holds_against_a_snapshot() {
    let now = moment(5000, 0);
    let bytes = snapshot(&populated(now), now);
    let banned = Principal::uid(2);
    let mut penalties = table().allow(banned).unwrap();
    assert_eq!(penalties.restore(&bytes, now).unwrap().ended, 1);
    assert!(penalties.find(&banned).is_none());
}

#[test]
fn a_buffer_that_is_too_small_is_refused() {
    let now = moment(5000, 0);
    let penalties = populated(now);
    let needed = penalties.snapshot_len(now);
    for len in [0, 20, needed - 1] {
        let refused = penalties.snapshot(now, &mut vec![0; len]);
        assert_eq!(refused, Err(SnapshotError::BufferTooSmall { needed }));
    }
    assert_eq!(
        penalties.snapshot(now, &mut vec![0; needed + 7]),
        Ok(needed)
    );
}

#[test]
fn a_damaged_snapshot_is_refused_whole() {
    let now = moment(5000, 0);
    let bytes = snapshot(&populated(now), now);
    let mut penalties = table();
    for position in 0..bytes.len() {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[position] ^= 1 << bit;
            let refused = penalties.restore(&damaged, now).unwrap_err();
            let expected = match position {
                0..7 => "E-LIM-61",
                7 => "E-LIM-62",
                16..20 => "E-LIM-63",
                _ => "E-LIM-64",
            };
            assert_eq!(refused.code(), expected, "{position}");
        }
    }
    for len in 0..bytes.len() {
        let expected = if len < 7 {
            SnapshotError::NotASnapshot
        } else {
            SnapshotError::Length
        };
        assert_eq!(
            penalties.restore(&bytes[..len], now),
            Err(expected),
            "{len}"
        );
    }
    let longer = [&*bytes, &[0]].concat();
    assert_eq!(penalties.restore(&longer, now), Err(SnapshotError::Length));
    assert_eq!(penalties.snapshot_len(now), 52);
}

#[test]
fn a_record_that_cannot_be_is_refused_though_its_digest_is_right() {
    let now = moment(5000, 0);
    let bytes = snapshot(&populated(now), now);
    // Of the second record: kind, padding of a uid, banned, reserved, score, time of a ban.
    let cases: [(usize, &[u8]); 6] = [
        (0, &[5]),
        (16, &[1]),
        (17, &[2]),
        (19, &[1]),
        (20, &[0xff]),
        (24, &[0; 8]),
    ];
    let mut penalties = table();
    for (offset, patch) in cases {
        let mut forged = bytes.clone();
        forged[52 + offset..][..patch.len()].copy_from_slice(patch);
        let (content, digest) = forged.split_at_mut(bytes.len() - 32);
        digest.copy_from_slice(&<sha2::Sha256 as sha2::Digest>::digest(content));
        let refused = penalties.restore(&forged, now);
        assert_eq!(
            refused,
            Err(SnapshotError::Record { position: 1 }),
            "{offset}"
        );
        assert_eq!(penalties.snapshot_len(now), 52);
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..300), sign: bool) {
        if sign && bytes.len() > 52 {
            bytes[..8].copy_from_slice(b"RVPENAL1");
            let len = bytes.len();
            let count = ((len - 52) / 32) as u32;
            bytes.truncate(52 + count as usize * 32);
            bytes[16..20].copy_from_slice(&count.to_be_bytes());
            let (content, digest) = bytes.split_last_chunk_mut::<32>().unwrap();
            *digest = <sha2::Sha256 as sha2::Digest>::digest(&*content).into();
        }
        let _ = table().restore(&bytes, moment(0, u64::MAX));
    }

    #[test]
    fn a_round_trip_changes_nothing(
        offences in prop::collection::vec((0..20u32, 0..5usize, 0..400u64), 0..200),
        seed: [u8; 16],
    ) {
        let mut penalties = Penalties::new(seed, 256, Ladder::default()).unwrap();
        let mut now = 1000;
        for (who, what, step) in offences {
            now += step;
            let offence = [Traversal, LinkEscape, DeviceName, Rate, NotFound][what];
            let _ = penalties.record(Principal::uid(who), offence, moment(now, now));
        }
        let bytes = snapshot(&penalties, moment(now, now));
        let mut again = table();
        let restored = again.restore(&bytes, moment(7, now)).unwrap();
        prop_assert_eq!((restored.ended, restored.dropped), (0, 0));
        for who in 0..20 {
            let who = Principal::uid(who);
            prop_assert_eq!(again.judge(&who, moment(7, now)), penalties.judge(&who, moment(now, now)));
        }
    }
}
