use super::*;

/// All that have a case, a decomposition or no glyph; the planes between and behind have none of them.
fn characters() -> impl Iterator<Item = char> {
    ('\0'..='\u{2ffff}').chain('\u{e0000}'..='\u{e0fff}')
}

fn same(a: &str, b: &str, fold: Fold) -> bool {
    let forth = Folded::new(a.as_bytes(), fold).matches(b.as_bytes());
    let back = Folded::new(b.as_bytes(), fold).matches(a.as_bytes());
    assert_eq!(forth, back);
    forth
}

#[test]
fn no_character_folds_into_more_than_there_is_room_for() {
    let mut most = 0;
    for character in characters() {
        for fold in [Fold::Wide, Fold::Narrow] {
            most = most.max(Folding::of(character, fold).end);
        }
    }
    // One less than the room: nothing was cut off.
    assert!(most < Folding::MOST, "{most}");
}

#[test]
fn folding_twice_is_folding_once() {
    for character in characters() {
        for fold in [Fold::Wide, Fold::Narrow] {
            let once = Folding::of(character, fold).filter_map(char::from_u32);
            let twice = once.clone().flat_map(|unit| Folding::of(unit, fold));
            assert!(twice.eq(once.map(u32::from)), "{character:?}");
        }
    }
}

#[test]
fn case_is_folded() {
    for fold in [Fold::Wide, Fold::Narrow] {
        assert!(same("ReadMe", "README", fold));
        assert!(same("ÄÖÜ", "äöü", fold));
        assert!(!same("a", "ä", fold));
        assert!(!same("ab", "a", fold));
    }
    assert!(same("STRASSE", "straße", Fold::Wide));
    assert!(!same("strasse", "straße", Fold::Narrow));
    assert!(same("ΣΊΣΥΦΟΣ", "σίσυφος", Fold::Wide));
}

#[test]
fn canonical_equivalents_are_the_same() {
    for fold in [Fold::Wide, Fold::Narrow] {
        assert!(same("\u{e9}", "e\u{301}", fold));
        assert!(same("\u{212b}", "A\u{30a}", fold));
        assert!(same("\u{ac00}", "\u{1100}\u{1161}", fold));
        // Marks of different classes come in any order, and any number of them.
        assert!(same("a\u{301}\u{323}", "a\u{323}\u{301}", fold));
        assert!(same("\u{1e69}", "s\u{307}\u{323}", fold));
        // Those of one class do not.
        assert!(!same("a\u{301}\u{300}", "a\u{300}\u{301}", fold));
        assert!(!same("a\u{301}b\u{323}", "a\u{323}b\u{301}", fold));
        // Nor are compatibility characters what they stand for.
        assert!(!same("\u{ff41}", "a", fold));
    }
}

#[test]
fn a_long_run_of_marks_ends() {
    let up: alloc::string::String = "\u{301}\u{323}".repeat(60);
    let down: alloc::string::String = "\u{323}".repeat(60) + &"\u{301}".repeat(60);
    assert!(same(&up, &down, Fold::Wide));
    assert!(!same(&up, &down[2..], Fold::Wide));
}

#[test]
fn only_what_is_refused_is_compared_without_invisible_characters() {
    assert!(same(".g\u{200c}it", ".git", Fold::Wide));
    assert!(!same(".g\u{200c}it", ".git", Fold::Narrow));
}

#[test]
fn bytes_that_are_not_utf8_are_themselves() {
    let folded = Folded::new(b"A\xff", Fold::Wide);
    assert!(folded.matches(b"a\xff"));
    assert!(!folded.matches(b"a\xfe"));
    assert!(!folded.matches("a\u{ff}".as_bytes()));
    assert!(!folded.matches(b"a"));
}
