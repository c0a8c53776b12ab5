//! Signatures of Project Wycheproof (tests/data/wycheproof/NOTICE): what [`Signature`] lets through, and what each
//! backend then says of it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use ravelin_core::dpop::{Algorithm, PublicKey, Signature, SignatureError, soft};
use ravelin_core::pki_types::SignatureVerificationAlgorithm;
use serde_json::Value;

#[test]
fn ecdsa_in_der() {
    let text = include_str!("../../tests/data/wycheproof/ecdsa_secp256r1_sha256_test.json");
    let ran = run(text, &es256_backends(), p256, Signature::from_der);
    assert_eq!(
        ran,
        Ran {
            valid: 170,
            invalid: 301
        }
    );
}

#[test]
fn ecdsa_as_r_and_s() {
    let text = include_str!("../../tests/data/wycheproof/ecdsa_secp256r1_sha256_p1363_test.json");
    let ran = run(text, &es256_backends(), p256, |bytes| {
        Signature::from_raw(Algorithm::Es256, bytes)
    });
    assert_eq!(
        ran,
        Ran {
            valid: 169,
            invalid: 83
        }
    );
}

#[test]
fn ed25519() {
    let text = include_str!("../../tests/data/wycheproof/ed25519_test.json");
    let key = |bytes: &[u8]| PublicKey::ed25519(bytes.try_into().unwrap()).unwrap();
    let ran = run(text, &eddsa_backends(), key, |bytes| {
        Signature::from_raw(Algorithm::EdDsa, bytes)
    });
    assert_eq!(
        ran,
        Ran {
            valid: 88,
            invalid: 62
        }
    );
}

/// Ed25519 as it is written lets the holder of a key make a signature whose R is the neutral element. dalek's strict
/// verification refuses it, BoringSSL's code compares bytes and accepts: here neither gets to see it.
#[test]
fn a_signature_that_backends_judge_differently_reaches_none() {
    let hex = |digits: &str| bytes(&Value::from(digits));
    let key = hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c");
    let raw = hex(
        "0100000000000000000000000000000000000000000000000000000000000000\
         675d054595fa17cb6a44e3ada6ca385e55667e41a63fdab0ac22d10000354002",
    );
    let refused = Signature::from_raw(Algorithm::EdDsa, &raw);
    assert_eq!(refused, Err(SignatureError::Range));
    for (backend, algorithm) in eddsa_backends() {
        let accepted = algorithm.verify_signature(&key, &[0x72], &raw).is_ok();
        assert_eq!(accepted, backend == "aws-lc-rs", "{backend}");
    }
}

#[derive(Debug, PartialEq, Eq)]
struct Ran {
    valid: usize,
    invalid: usize,
}

type Backend = (&'static str, &'static dyn SignatureVerificationAlgorithm);

fn run(
    text: &str,
    backends: &[Backend],
    key: impl Fn(&[u8]) -> PublicKey,
    signature: impl Fn(&[u8]) -> Result<Signature, SignatureError>,
) -> Ran {
    let file: Value = serde_json::from_str(text).unwrap();
    let mut ran = Ran {
        valid: 0,
        invalid: 0,
    };
    for group in file["groups"].as_array().unwrap() {
        let key = key(&bytes(&group["key"]));
        for test in group["tests"].as_array().unwrap() {
            let name = format!("{} ({})", test[0], test[1]);
            let valid = test[4].as_bool().unwrap();
            let message = bytes(&test[2]);
            let encoded = bytes(&test[3]);
            for (backend, algorithm) in backends {
                let verified = signature(&encoded)
                    .is_ok_and(|signature| signature.verify(*algorithm, &key, &message).is_ok());
                assert_eq!(verified, valid, "{backend}: {name}");
            }
            if valid {
                // Both forms survive the way there and back, bit for bit.
                let signature = signature(&encoded).unwrap();
                let again = Signature::from_raw(signature.algorithm(), signature.as_bytes());
                assert_eq!(again, Ok(signature), "{name}");
                if signature.algorithm() == Algorithm::Es256 {
                    let der = signature.signature_value();
                    assert_eq!(Signature::from_der(der.as_ref()), Ok(signature), "{name}");
                    assert!(
                        encoded == der.as_ref() || encoded == signature.as_bytes(),
                        "{name}"
                    );
                }
                ran.valid += 1;
            } else {
                ran.invalid += 1;
            }
        }
    }
    assert_eq!(file["numberOfTests"], ran.valid + ran.invalid);
    ran
}

fn p256(point: &[u8]) -> PublicKey {
    let (x, y) = point.strip_prefix(&[4]).unwrap().split_at(32);
    PublicKey::p256(x.try_into().unwrap(), y.try_into().unwrap())
}

fn es256_backends() -> Vec<Backend> {
    vec![
        ("p256", soft::ES256),
        #[cfg(feature = "aws-lc-rs")]
        ("aws-lc-rs", of_provider(soft::ES256)),
    ]
}

fn eddsa_backends() -> Vec<Backend> {
    vec![
        ("ed25519-dalek", soft::EDDSA),
        #[cfg(feature = "aws-lc-rs")]
        ("aws-lc-rs", of_provider(soft::EDDSA)),
    ]
}

/// The provider's algorithm with the identifiers of ours.
#[cfg(feature = "aws-lc-rs")]
fn of_provider(
    ours: &dyn SignatureVerificationAlgorithm,
) -> &'static dyn SignatureVerificationAlgorithm {
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let algorithms = provider.signature_verification_algorithms.all.iter();
    *algorithms
        .filter(|theirs| theirs.public_key_alg_id() == ours.public_key_alg_id())
        .find(|theirs| theirs.signature_alg_id() == ours.signature_alg_id())
        .unwrap()
}

fn bytes(hex: &Value) -> Vec<u8> {
    let (pairs, []) = hex.as_str().unwrap().as_bytes().as_chunks::<2>() else {
        panic!("{hex} has an odd number of digits");
    };
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap() as u8;
    pairs
        .iter()
        .map(|[high, low]| digit(*high) << 4 | digit(*low))
        .collect()
}
