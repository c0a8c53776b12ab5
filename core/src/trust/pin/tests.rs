use super::{
    Enforcement, MAX_PINS, Pin, PinError, PinKind, PinSet, PinVerdict, rewrap_spki, sha256,
    sha256_of_pem_file,
};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// SHA-256 of the empty input.
const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const BASE64: &str = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";

fn pin(text: &str) -> Result<Pin, PinError> {
    text.parse()
}

fn error(text: &str) -> PinError {
    pin(text).unwrap_err()
}

fn numbered(number: u8) -> Pin {
    Pin::spki([number; 32])
}

#[test]
fn every_form_of_a_pin() {
    let digests = [
        HEX.into(),
        HEX.to_uppercase(),
        BASE64.into(),
        BASE64[..43].to_string(),
    ];
    for digest in &digests {
        for separator in [":", "/", "//"] {
            let spki = pin(&format!("sha256{separator}{digest}")).unwrap();
            assert_eq!(spki, Pin::of_spki(b""));
            let certificate = pin(&format!("cert-sha256{separator}{digest}")).unwrap();
            assert_eq!(certificate, Pin::of_certificate(b""));
        }
    }
    assert_eq!(pin(HEX), Ok(Pin::of_spki(b"")));
    assert_eq!(Pin::of_spki(b"").kind(), PinKind::Spki);
    assert_eq!(Pin::of_certificate(b"").kind(), PinKind::Certificate);
    assert_eq!(
        Pin::of_spki(b"").digest(),
        Pin::of_certificate(b"").digest()
    );
}

/// One digest in 64 begins with a slash in base64, and then `sha256//` looks like `sha256/`.
#[test]
fn a_digest_may_begin_with_a_slash() {
    let digest = Pin::spki([0xff; 32]);
    let base64 = "//////////////////////////////////////////8=";
    for prefix in ["sha256:", "sha256/", "sha256//"] {
        assert_eq!(pin(&format!("{prefix}{base64}")), Ok(digest));
        assert_eq!(pin(&format!("{prefix}{}", &base64[..43])), Ok(digest));
    }
}

#[test]
fn display_is_read_back() {
    assert_eq!(Pin::of_spki(b"").to_string(), format!("sha256:{BASE64}"));
    assert_eq!(
        Pin::of_certificate(b"").to_string(),
        format!("cert-sha256:{HEX}")
    );
    assert_eq!(
        format!("{:?}", numbered(0)),
        format!("Pin({})", numbered(0))
    );
    for number in 0..=255 {
        let digest = sha256(&[number]);
        for original in [Pin::spki(digest), Pin::certificate(digest)] {
            assert_eq!(pin(&original.to_string()), Ok(original));
        }
    }
}

#[test]
fn anything_else_is_refused_with_its_reason() {
    for text in [
        "",
        "sha256",
        "sha256=",
        BASE64,
        "SHA256:",
        "pin-sha256=\"\"",
        "cert-",
        " sha256:",
    ] {
        assert_eq!(error(text), PinError::Prefix, "{text}");
    }
    assert_eq!(error(&format!("cert-{HEX}")), PinError::Prefix);
    for text in ["sha1/abc", "sha512:abc", "cert-sha384:abc", "md5:abc"] {
        assert_eq!(error(text), PinError::Algorithm, "{text}");
    }
    for digest in ["", "abc", &HEX[1..], &BASE64[1..42], "\u{e4}"] {
        let characters = digest.chars().count();
        for separator in [":", "//"] {
            let text = format!("sha256{separator}{digest}");
            assert_eq!(error(&text), PinError::Length { characters }, "{text}");
        }
    }
    let fingerprint: Vec<_> = HEX
        .as_bytes()
        .chunks(2)
        .map(String::from_utf8_lossy)
        .collect();
    assert_eq!(
        error(&format!("cert-sha256:{}", fingerprint.join(":"))),
        PinError::Length { characters: 95 }
    );
    let padding_moved = format!("{}=V", &BASE64[..42]);
    let bits_beyond = format!("{}V", &BASE64[..42]);
    for digest in [
        &BASE64.replace('+', "-"),
        &BASE64.replace('/', "_"),
        &HEX.replace('e', "g"),
        &format!("{} ", &BASE64[..43]),
        &format!("{}A", &BASE64[..43]),
        &format!("{}==", &BASE64[..42]),
        &padding_moved,
        &bits_beyond,
    ] {
        assert_eq!(
            error(&format!("sha256:{digest}")),
            PinError::Digits,
            "{digest}"
        );
    }
    for text in [
        "-----BEGIN CERTIFICATE-----\nMII",
        "\n-----BEGIN X",
        "server.pem",
        "a/b.crt",
    ] {
        assert_eq!(error(text), PinError::Pem, "{text}");
    }
}

#[test]
fn sets_are_bounded_and_hold_no_pin_twice() {
    assert_eq!(
        PinSet::new(numbered(1), numbered(1)),
        Err(PinError::Duplicate)
    );
    let mut pins = PinSet::new(numbered(1), numbered(2)).unwrap();
    assert!(pins.has_backup());
    assert_eq!(pins.clone().and(numbered(2)), Err(PinError::Duplicate));
    for number in 3..=16 {
        pins = pins.and(numbered(number)).unwrap();
    }
    assert_eq!(pins.pins().count(), MAX_PINS);
    assert_eq!(pins.and(numbered(17)), Err(PinError::TooMany));

    let alone = PinSet::without_backup(numbered(1));
    assert!(!alone.has_backup());
    // The same digest of another kind is another pin.
    assert!(alone.and(Pin::certificate([1; 32])).is_ok());
}

#[test]
fn enforcing_is_the_default() {
    let pins = PinSet::without_backup(numbered(1));
    assert_eq!(pins.enforcement(), Enforcement::default());
    assert_eq!(pins.enforcement(), Enforcement::Enforce);
    assert_eq!(pins.report_only().enforcement(), Enforcement::ReportOnly);
}

#[test]
fn a_pin_may_be_anywhere_in_the_path() {
    let judge = |pins: &PinSet| pins.judge(b"leaf", b"leaf key", [&b"ca key"[..], b"root key"]);
    let matched = |index| PinVerdict::Matched {
        index,
        backup: index > 0,
    };
    let lost = numbered(9);
    for key in [&b"leaf key"[..], b"ca key", b"root key"] {
        let key = Pin::of_spki(key);
        assert_eq!(judge(&PinSet::without_backup(key)), matched(0));
        assert_eq!(judge(&PinSet::new(lost, key).unwrap()), matched(1));
        assert_eq!(judge(&PinSet::new(key, lost).unwrap()), matched(0));
    }
    // The first pin of the set counts, not the first certificate of the path.
    let pins = PinSet::new(Pin::of_spki(b"root key"), Pin::of_spki(b"leaf key")).unwrap();
    assert_eq!(judge(&pins), matched(0));
    assert_eq!(pins.judge(b"leaf", b"leaf key", []), matched(1));
}

#[test]
fn a_certificate_pin_is_for_the_leaf() {
    let pins = PinSet::without_backup(Pin::of_certificate(b"leaf"));
    let matched = PinVerdict::Matched {
        index: 0,
        backup: false,
    };
    assert_eq!(pins.judge(b"leaf", b"leaf key", []), matched);
    let unmatched = PinVerdict::Unmatched {
        presented: sha256(b"leaf"),
        certificate_hash_given: false,
    };
    assert_eq!(pins.judge(b"other", b"leaf", [&b"leaf"[..]]), unmatched);
}

#[test]
fn report_only_does_not_change_the_verdict() {
    let pins = PinSet::without_backup(numbered(1)).report_only();
    let verdict = pins.judge(b"leaf", b"leaf key", []);
    assert!(matches!(verdict, PinVerdict::Unmatched { .. }));
}

#[test]
fn the_hash_of_the_certificate_file_is_recognised() {
    let judge = |pin| {
        let pins = PinSet::new(numbered(1), pin).unwrap();
        match pins.judge(b"leaf", b"leaf key", [&b"ca key"[..]]) {
            PinVerdict::Unmatched {
                presented,
                certificate_hash_given,
            } => {
                assert_eq!(presented, sha256(b"leaf key"));
                certificate_hash_given
            }
            PinVerdict::Matched { .. } => panic!("matched"),
        }
    };
    assert!(judge(Pin::spki(sha256(b"leaf"))));
    let pem = b"-----BEGIN CERTIFICATE-----\nbGVhZg==\n-----END CERTIFICATE-----\n";
    assert!(judge(Pin::spki(sha256(pem))));
    assert!(!judge(numbered(2)));
    assert!(!judge(Pin::of_certificate(b"other")));
}

#[test]
fn a_pem_file_has_lines_of_64_characters() {
    let expected = format!(
        "-----BEGIN CERTIFICATE-----\n{}\n{}\nAA==\n-----END CERTIFICATE-----\n",
        "A".repeat(64),
        "A".repeat(64)
    );
    assert_eq!(sha256_of_pem_file(&[0; 97]), sha256(expected.as_bytes()));
}

#[test]
fn fold_depends_on_what_matters_and_not_on_the_order_of_backups() {
    let fold = |pins: &PinSet| {
        let mut bytes = Vec::new();
        pins.fold(&mut |part| bytes.extend_from_slice(part));
        bytes
    };
    let set = |numbers: &[u8]| {
        let (first, backups) = numbers.split_first().unwrap();
        let primary = PinSet::without_backup(numbered(*first));
        let add = |pins: PinSet, number: &u8| pins.and(numbered(*number));
        backups.iter().try_fold(primary, add).unwrap()
    };
    assert_eq!(fold(&set(&[1, 2, 3])), fold(&set(&[1, 3, 2])));
    let certificate = PinSet::without_backup(Pin::certificate([1; 32]));
    let different = [
        set(&[1]),
        set(&[2]),
        set(&[1]).report_only(),
        certificate,
        set(&[1, 2]),
        set(&[2, 1]),
        set(&[1, 2, 3]),
    ];
    for (index, one) in different.iter().enumerate() {
        for other in &different[index + 1..] {
            assert_ne!(fold(one), fold(other));
            assert!(!fold(one).starts_with(&fold(other)) && !fold(other).starts_with(&fold(one)));
        }
    }
}

#[test]
fn the_header_of_an_spki_is_put_back() {
    assert_eq!(rewrap_spki(&[5; 89])[..3], [0x30, 89, 5]);
    assert_eq!(rewrap_spki(&[5; 155])[..4], [0x30, 0x81, 155, 5]);
    assert_eq!(rewrap_spki(&[5; 290])[..5], [0x30, 0x82, 1, 34, 5]);
}

#[test]
fn every_error_names_its_code_cause_and_remedy() {
    let errors = [
        PinError::Prefix,
        PinError::Algorithm,
        PinError::Length { characters: 12 },
        PinError::Digits,
        PinError::Pem,
        PinError::Duplicate,
        PinError::TooMany,
    ];
    for (index, error) in errors.iter().enumerate() {
        assert_eq!(error.code(), format!("E-PIN-{}", 10 + index));
        assert!(error.to_string().contains("; "), "{error}");
    }
    assert!(errors[2].to_string().contains("12 characters"));
    assert!(errors[6].to_string().contains("16 pins"));
}
