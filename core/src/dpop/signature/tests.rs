use super::*;
use crate::der::{Tag, wrap};
use alloc::format;
use alloc::vec::Vec;

const ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
const ORDER_LESS_ONE: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550";
const ONE: &str = "0000000000000000000000000000000000000000000000000000000000000001";
const ZERO: &str = "0000000000000000000000000000000000000000000000000000000000000000";

#[test]
fn r_and_s_are_from_one_to_the_order_less_one() {
    let es256 = |r: &str, s: &str| Signature::from_raw(Algorithm::Es256, &hex(&format!("{r}{s}")));
    for (r, s) in [
        (ONE, ONE),
        (ORDER_LESS_ONE, ONE),
        (ONE, ORDER_LESS_ONE),
        (ORDER_LESS_ONE, ORDER_LESS_ONE),
    ] {
        assert_eq!(
            es256(r, s).unwrap().as_bytes()[..],
            hex(&format!("{r}{s}")),
            "{r} {s}"
        );
    }
    let above = "f".repeat(64);
    for outside in [ZERO, ORDER, above.as_str()] {
        assert_eq!(es256(outside, ONE), Err(SignatureError::Range), "{outside}");
        assert_eq!(es256(ONE, outside), Err(SignatureError::Range), "{outside}");
    }
    // CVE-2022-21449.
    assert_eq!(es256(ZERO, ZERO), Err(SignatureError::Range));
}

#[test]
fn a_raw_signature_has_64_bytes() {
    for length in [0, 32, 63, 65, 72, 128] {
        for algorithm in Algorithm::ALL {
            assert_eq!(
                Signature::from_raw(algorithm, &[1; 128][..length]),
                Err(SignatureError::Length),
                "{length}"
            );
        }
    }
}

#[test]
fn r_of_ed25519_is_canonical_and_not_of_small_order() {
    let with = |r: &str| Signature::from_raw(Algorithm::EdDsa, &hex(&format!("{r}{ONE}")));
    let small = [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        ZERO,
    ];
    let above = "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f";
    for r in small.iter().chain([&above]) {
        assert_eq!(with(r), Err(SignatureError::Range), "{r}");
    }
    // What follows R is the backend's to judge.
    let other = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c";
    assert_eq!(
        with(other).unwrap().signature_value().as_ref(),
        hex(&format!("{other}{ONE}"))
    );
}

#[test]
fn der_there_and_back() {
    let top = "80".repeat(32);
    for (r, s, length) in [
        (ONE, ONE, 8),
        (
            ONE,
            "00000000000000000000000000000000000000000000000000000000000000ff",
            9,
        ),
        (ORDER_LESS_ONE, ORDER_LESS_ONE, 72),
        (&top, ONE, 2 + 35 + 3),
        (
            "7f00000000000000000000000000000000000000000000000000000000000000",
            ONE,
            2 + 34 + 3,
        ),
        (
            "00000080000000000000000000000000000000000000000000000000000000aa",
            &top,
            2 + 32 + 35,
        ),
    ] {
        let signature = Signature::from_raw(Algorithm::Es256, &hex(&format!("{r}{s}"))).unwrap();
        let der = signature.signature_value();
        assert_eq!(der.as_ref().len(), length, "{r} {s}");
        assert_eq!(Signature::from_der(der.as_ref()), Ok(signature), "{r} {s}");
    }
    let one = Signature::from_der(&[0x30, 6, 2, 1, 1, 2, 1, 1]).unwrap();
    assert_eq!(one.as_bytes()[..], hex(&format!("{ONE}{ONE}")));
}

#[test]
fn only_the_one_encoding_of_two_positive_integers_is_der() {
    let pair = |r: &[u8], s: &[u8]| {
        let integers = [wrap(Tag::INTEGER, r), wrap(Tag::INTEGER, s)].concat();
        wrap(Tag::SEQUENCE, &integers)
    };
    let mut trailing = pair(&[1], &[1]);
    trailing.push(0);
    let three = wrap(Tag::SEQUENCE, &[2, 1, 1, 2, 1, 1, 2, 1, 1]);
    for (what, der) in [
        ("empty", Vec::new()),
        ("negative r", pair(&[0x80], &[1])),
        ("negative s", pair(&[1], &[0xff])),
        ("a superfluous zero", pair(&[0, 1], &[1])),
        ("an empty integer", pair(&[], &[1])),
        ("bytes behind", trailing),
        ("three integers", three),
        ("one integer", wrap(Tag::SEQUENCE, &[2, 1, 1])),
        (
            "a long length",
            Vec::from([0x30, 0x81, 6, 2, 1, 1, 2, 1, 1]),
        ),
        (
            "an indefinite length",
            Vec::from([0x30, 0x80, 2, 1, 1, 2, 1, 1, 0, 0]),
        ),
        ("a set", wrap(Tag::SET, &[2, 1, 1, 2, 1, 1])),
        ("raw", Vec::from([0x11; 64])),
    ] {
        assert_eq!(
            Signature::from_der(&der),
            Err(SignatureError::Der),
            "{what}"
        );
    }
    let order = [&[0][..], &hex(ORDER)].concat();
    for (what, der) in [
        ("zero", pair(&[0], &[1])),
        ("the order", pair(&[1], &order)),
        ("33 digits", pair(&[1; 33], &[1])),
        ("100 digits", pair(&[1], &[1; 100])),
    ] {
        assert_eq!(
            Signature::from_der(&der),
            Err(SignatureError::Range),
            "{what}"
        );
    }
}

#[test]
fn every_refusal_has_the_code_and_a_remedy() {
    for error in [
        SignatureError::Length,
        SignatureError::Der,
        SignatureError::Range,
    ] {
        assert_eq!(error.code(), "E-DPO-57");
        assert!(format!("{error}").contains("; "), "{error}");
    }
}

#[cfg(all(feature = "p256", feature = "ed25519"))]
mod with_backends {
    use super::*;
    use crate::dpop::{PublicKey, soft};
    use base64ct::{Base64UrlUnpadded, Encoding as _};

    /// RFC 7515, A.3; its s is high.
    #[test]
    fn the_example_of_rfc_7515() {
        let decode = |text: &str| {
            let mut room = [0; 64];
            Base64UrlUnpadded::decode(text, &mut room).unwrap().to_vec()
        };
        let x = decode("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU");
        let y = decode("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0");
        let key = PublicKey::p256(x[..].try_into().unwrap(), y[..].try_into().unwrap());
        let message = b"eyJhbGciOiJFUzI1NiJ9.\
            eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let raw = decode(
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
        );
        let signature = Signature::from_raw(Algorithm::Es256, &raw).unwrap();
        let verifies = |backend, key: &PublicKey, message: &[u8]| {
            signature.verify(backend, key, message).is_ok()
        };
        assert!(verifies(soft::ES256, &key, message));
        let mut other = *message;
        other[30] ^= 1;
        assert!(!verifies(soft::ES256, &key, &other));
        // Another algorithm's backend does not get to see it.
        assert!(!verifies(soft::EDDSA, &key, message));
        // A point that is not on the curve.
        let off = PublicKey::p256(y[..].try_into().unwrap(), x[..].try_into().unwrap());
        assert!(!verifies(soft::ES256, &off, message));
    }

    #[test]
    fn a_key_has_one_encoding() {
        let key = crate::dpop::SigningKey::generate(Algorithm::Es256, &[1; 32]).unwrap();
        let der = key.sign(b"m").signature_value();
        let point = key.public_key();
        let point = point.as_bytes();
        let verifies = |point: &[u8]| {
            let verified = soft::ES256.verify_signature(point, b"m", der.as_ref());
            verified.is_ok()
        };
        assert!(verifies(point));
        let mut compressed = [0; 33];
        compressed[0] = 2 | point[64] & 1;
        compressed[1..].copy_from_slice(&point[1..33]);
        assert!(!verifies(&compressed));
        let mut hybrid: Vec<u8> = point.into();
        hybrid[0] = 6 | point[64] & 1;
        assert!(!verifies(&hybrid));
        assert!(!verifies(&[point, &[0]].concat()));
        assert!(!verifies(&point[..64]));
        assert!(!verifies(&[0]), "infinity");
        assert!(!verifies(&[]));
    }

    #[test]
    fn the_backends_say_what_they_verify() {
        assert_eq!(soft::ES256.public_key_alg_id(), alg_id::ECDSA_P256);
        assert_eq!(soft::ES256.signature_alg_id(), alg_id::ECDSA_SHA256);
        assert_eq!(soft::EDDSA.public_key_alg_id(), alg_id::ED25519);
        assert_eq!(soft::EDDSA.signature_alg_id(), alg_id::ED25519);
        let short = soft::EDDSA.verify_signature(&[1; 31], b"", &[1; 64]);
        assert!(short.is_err());
        assert!(!soft::ES256.fips());
    }
}

fn hex(digits: &str) -> Vec<u8> {
    let byte = |at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap();
    (0..digits.len()).step_by(2).map(byte).collect()
}
