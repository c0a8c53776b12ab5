use super::*;

#[test]
fn settings_that_cannot_work() {
    let ladder = Ladder::default;
    let cases = [
        (
            Ladder {
                warn: 0,
                ..ladder()
            },
            SettingsError::LadderOrder,
        ),
        (
            Ladder {
                warn: 21,
                ..ladder()
            },
            SettingsError::LadderOrder,
        ),
        (
            Ladder {
                slow: 31,
                ..ladder()
            },
            SettingsError::LadderOrder,
        ),
        (
            Ladder {
                deny: 61,
                ..ladder()
            },
            SettingsError::LadderOrder,
        ),
        (
            Ladder {
                disconnect: MAX_SCORE + 1,
                ..ladder()
            },
            SettingsError::LadderTooHigh,
        ),
        (
            Ladder {
                fade: Duration::ZERO,
                ..ladder()
            },
            SettingsError::Duration,
        ),
        (
            Ladder {
                fade: secs(86_400 * 365 * 3),
                ..ladder()
            },
            SettingsError::Duration,
        ),
        (
            Ladder {
                delay: Duration::MAX,
                ..ladder()
            },
            SettingsError::Duration,
        ),
        (
            Ladder {
                ban: Duration::ZERO,
                ..ladder()
            },
            SettingsError::Duration,
        ),
        (
            Ladder {
                longest: Duration::MAX,
                ..ladder()
            },
            SettingsError::Duration,
        ),
        (
            Ladder {
                forget: Duration::ZERO,
                ..ladder()
            },
            SettingsError::Duration,
        ),
        (
            Ladder {
                longest: secs(599),
                ..ladder()
            },
            SettingsError::BanCap,
        ),
    ];
    for (ladder, error) in cases {
        let refused = Penalties::new([1; 16], 4, ladder).map(|_| ());
        assert_eq!(refused, Err(error), "{ladder:?}");
    }
    for slots in [0, MAX_SLOTS + 1] {
        let refused = Penalties::new([1; 16], slots, ladder()).map(|_| ());
        assert_eq!(refused, Err(SettingsError::Capacity { limit: MAX_SLOTS }));
    }
    let equal = Ladder {
        warn: 1,
        slow: 1,
        deny: 1,
        disconnect: 1,
        ..ladder()
    };
    let mut strict = Penalties::new([1; 16], 4, equal).unwrap();
    let outcome = strict.record(Principal::uid(1), Rate, at(0));
    assert_eq!(
        outcome.standing,
        Standing::Disconnect {
            remaining: secs(600)
        }
    );
    let mut full = table();
    for uid in 0..MAX_ALLOWED as u32 {
        full = full.allow(Principal::uid(uid)).unwrap();
    }
    let refused = full.allow(Principal::name("one more")).map(|_| ());
    assert_eq!(
        refused,
        Err(SettingsError::Capacity {
            limit: MAX_ALLOWED as u32
        })
    );
}

#[test]
fn weights_can_be_set_and_none_overflows() {
    let weights = Weights {
        traversal: u32::MAX,
        rate: 0,
        ..Weights::default()
    };
    let mut penalties = table().weights(weights);
    let a = Principal::name("a");
    assert_eq!(
        offend(&mut penalties, a, &[Rate; 50], at(0)),
        Standing::Clear
    );
    for _ in 0..3 {
        let standing = offend(&mut penalties, a, &[Traversal], at(0));
        assert_eq!(
            standing,
            Standing::Disconnect {
                remaining: secs(600)
            }
        );
    }
    assert_eq!(penalties.judge(&a, at(600)), Standing::Clear);
}
