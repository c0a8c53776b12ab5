mod openssl;

use super::*;
use crate::dpop::soft;
use alloc::format;
use alloc::string::ToString as _;
use openssl::{ED25519, P256, P384, SEC1};
use zeroize::ZeroizeOnDrop;

/// RFC 6979, A.2.5, with SHA-256.
#[test]
fn es256_signs_as_rfc_6979_says() {
    let key = SigningKey::from_secret(
        Algorithm::Es256,
        &hex("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721"),
    )
    .unwrap();
    let x = hex("60fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb6");
    let y = hex("7903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299");
    assert_eq!(key.public_key(), PublicKey::p256(&x, &y));
    for (message, r, s) in [
        (
            "sample",
            "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716",
            "f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
        ),
        (
            "test",
            "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367",
            "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083",
        ),
    ] {
        let signature = key.sign(message.as_bytes());
        assert_eq!(signature.as_bytes()[..32], hex(r), "{message}");
        assert_eq!(signature.as_bytes()[32..], hex(s), "{message}");
    }
}

/// RFC 8032, 7.1, test 2.
#[test]
fn ed25519_signs_as_rfc_8032_says() {
    let key = SigningKey::from_secret(
        Algorithm::EdDsa,
        &hex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"),
    )
    .unwrap();
    let signature = key.sign(&[0x72]);
    assert_eq!(
        signature.as_bytes()[..32],
        hex("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da")
    );
    assert_eq!(
        signature.as_bytes()[32..],
        hex("085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")
    );
    assert_eq!(
        key.public_key().as_bytes(),
        hex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    );
}

#[test]
fn keys_follow_from_their_entropy_and_sign_what_verifies() {
    for (algorithm, backend) in [
        (Algorithm::Es256, soft::ES256),
        (Algorithm::EdDsa, soft::EDDSA),
    ] {
        let key = SigningKey::generate(algorithm, &[3; 32]).unwrap();
        let same = SigningKey::generate(algorithm, &[3; 32]).unwrap();
        let other = SigningKey::generate(algorithm, &[4; 32]).unwrap();
        assert_eq!(key.thumbprint(), same.thumbprint());
        assert_ne!(key.thumbprint(), other.thumbprint());
        assert_eq!(key.algorithm(), algorithm);
        let signature = key.sign(b"message");
        assert_eq!(signature, same.sign(b"message"));
        // It passes what a verifier lets through.
        assert_eq!(
            Signature::from_raw(algorithm, signature.as_bytes()),
            Ok(signature)
        );
        let verify = |key: &SigningKey, message: &[u8]| {
            signature
                .verify(backend, &key.public_key(), message)
                .is_ok()
        };
        assert!(verify(&key, b"message"));
        assert!(!verify(&key, b"massage"));
        assert!(!verify(&other, b"message"));
    }
}

#[test]
fn entropy_that_is_no_scalar_is_hashed_until_it_is_one() {
    for entropy in [[0; 32], [0xff; 32]] {
        assert_eq!(
            SigningKey::from_secret(Algorithm::Es256, &entropy).unwrap_err(),
            KeyError::Secret
        );
        let hashed = Sha256::digest(entropy).into();
        assert_eq!(
            SigningKey::generate(Algorithm::Es256, &entropy)
                .unwrap()
                .thumbprint(),
            SigningKey::from_secret(Algorithm::Es256, &hashed)
                .unwrap()
                .thumbprint()
        );
    }
}

/// The peer printed its private keys (turbomcp Q1).
#[test]
fn nothing_secret_is_shown_and_everything_secret_is_wiped() {
    for algorithm in Algorithm::ALL {
        let key = SigningKey::generate(algorithm, &[0xab; 32]).unwrap();
        assert_eq!(
            format!("{key:?}"),
            format!("SigningKey({})", key.thumbprint())
        );
        assert_eq!(format!("{key:#?}"), format!("{key:?}"));
    }
    fn wiped<T: ZeroizeOnDrop>() {}
    wiped::<p256::ecdsa::SigningKey>();
    wiped::<ed25519_dalek::SigningKey>();
}

#[test]
fn pkcs8_there_and_back() {
    for (algorithm, length) in [(Algorithm::Es256, 138), (Algorithm::EdDsa, 48)] {
        let key = SigningKey::generate(algorithm, &[9; 32]).unwrap();
        let der = key.to_pkcs8_der();
        assert_eq!(der.len(), length);
        let pem = key.to_pkcs8_pem();
        assert!(pem.starts_with("-----BEGIN PRIVATE KEY-----\n"));
        assert!(pem.lines().all(|line| line.len() <= 64));
        // It grew within the capacity that it began with.
        assert!(pem.len() <= pem::ROOM);
        for read in [
            SigningKey::from_pkcs8_der(&der),
            SigningKey::from_pkcs8_pem(&pem),
            SigningKey::from_pkcs8_pem(&pem.replace('\n', "\r\n")),
            SigningKey::from_pkcs8_pem(&format!("a note\n{}and more", *pem)),
        ] {
            let read = read.unwrap();
            assert_eq!(read.thumbprint(), key.thumbprint());
            assert_eq!(read.sign(b"m"), key.sign(b"m"));
        }
        // A changed bit is refused, except in the version, and in an Ed25519 key, which has no public key beside it: the
        // result is another key then.
        let version = if algorithm == Algorithm::Es256 { 5 } else { 4 };
        for bit in 0..der.len() * 8 {
            let mut changed = der.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            if let Ok(read) = SigningKey::from_pkcs8_der(&changed) {
                let same = read.thumbprint() == key.thumbprint();
                assert_eq!(same, bit == version * 8, "bit {bit}");
                assert!(same || algorithm == Algorithm::EdDsa && bit >= 16 * 8);
            }
        }
        for length in 0..der.len() {
            assert_eq!(
                SigningKey::from_pkcs8_der(&der[..length]).unwrap_err(),
                KeyError::Malformed,
                "{length}"
            );
        }
    }
}

#[test]
fn keys_that_openssl_made() {
    let p256 = SigningKey::from_pkcs8_pem(P256).unwrap();
    assert_eq!(p256.algorithm(), Algorithm::Es256);
    assert_eq!(*p256.to_pkcs8_pem(), P256);
    let ed25519 = SigningKey::from_pkcs8_pem(ED25519).unwrap();
    assert_eq!(ed25519.algorithm(), Algorithm::EdDsa);
    assert_eq!(*ed25519.to_pkcs8_pem(), ED25519);
}

#[test]
fn other_files_are_refused_by_what_they_are() {
    let read = |text: &str| SigningKey::from_pkcs8_pem(text).unwrap_err();
    assert_eq!(read(""), KeyError::Malformed);
    assert_eq!(read("a key"), KeyError::Malformed);
    assert_eq!(read(P384), KeyError::Algorithm);
    assert_eq!(read(SEC1), KeyError::Malformed);
    assert_eq!(
        read("-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----"),
        KeyError::Password
    );
    assert_eq!(
        read("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
        KeyError::Malformed
    );
    // Cut off, another end, a digit that is none, a body without end.
    assert_eq!(read(&P256[..100]), KeyError::Malformed);
    assert_eq!(
        read(&P256.replace("END PRIVATE", "END PUBLIC")),
        KeyError::Malformed
    );
    assert_eq!(read(&P256.replace("MIGH", "M!GH")), KeyError::Malformed);
    let long = "A".repeat(20_000);
    assert_eq!(
        read(&format!(
            "-----BEGIN PRIVATE KEY-----\n{long}\n-----END PRIVATE KEY-----\n"
        )),
        KeyError::Malformed
    );
    // What stands before the key does not matter.
    assert!(
        SigningKey::from_pkcs8_pem(&format!(
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n{P256}"
        ))
        .is_ok()
    );
}

#[test]
fn a_public_key_that_does_not_fit_is_refused() {
    let key = SigningKey::generate(Algorithm::Es256, &[1; 32]).unwrap();
    let other = SigningKey::generate(Algorithm::Es256, &[2; 32]).unwrap();
    let mixed = pkcs8::write(&key.secret(), &other.public_key());
    assert_eq!(
        SigningKey::from_pkcs8_der(&mixed).unwrap_err(),
        KeyError::Secret
    );
}

#[test]
fn every_code_is_its_own_and_has_a_remedy() {
    let errors = [
        KeyError::NotBuiltIn(Algorithm::EdDsa),
        KeyError::Malformed,
        KeyError::Algorithm,
        KeyError::Secret,
        KeyError::Password,
        KeyError::Encryption,
        KeyError::Decryption,
        KeyError::Full,
        KeyError::Duplicate,
    ];
    for (number, error) in (71..).zip(errors) {
        assert_eq!(error.code(), format!("E-DPO-{number}"));
        assert!(error.to_string().contains("; "), "{error}");
    }
}

#[cfg(feature = "key-export")]
mod encrypted {
    use super::super::encrypted::is_affordable;
    use super::openssl::encrypted::*;
    use super::*;

    #[test]
    fn encrypted_there_and_back() {
        for algorithm in Algorithm::ALL {
            let key = SigningKey::generate(algorithm, &[5; 32]).unwrap();
            let text = key.to_encrypted_pem(b"secret", &[6; 32]).unwrap();
            assert!(text.starts_with(&format!(
                "Thumbprint: {}\n-----BEGIN ENCRYPTED PRIVATE KEY-----\n",
                key.thumbprint()
            )));
            let read = |password: &[u8]| SigningKey::from_encrypted_pem(&text, password);
            assert_eq!(read(b"secret").unwrap().thumbprint(), key.thumbprint());
            assert_eq!(read(b"Secret").unwrap_err(), KeyError::Decryption);
            assert_eq!(read(b"").unwrap_err(), KeyError::Password);
            assert_eq!(
                SigningKey::from_pkcs8_pem(&text).unwrap_err(),
                KeyError::Password
            );
            let other = key.to_encrypted_pem(b"secret", &[7; 32]).unwrap();
            assert_ne!(text, other, "salt and vector come from the entropy");
            assert_eq!(key.to_encrypted_pem(b"", &[6; 32]), Err(KeyError::Password));
        }
    }

    /// CBC has no tag: the right password and a damaged block are another key, of which only the thumbprint tells.
    #[test]
    fn a_damaged_block_is_not_another_key() {
        let key = SigningKey::generate(Algorithm::EdDsa, &[5; 32]).unwrap();
        let text = key.to_encrypted_pem(b"secret", &[6; 32]).unwrap();
        let mut der = pem::first_private_key(&text).unwrap().contents().unwrap();
        // Of the four blocks the second and third hold the secret.
        let at = der.len() - 48;
        der[at] ^= 1;
        let mut bare = String::new();
        pem::write(pem::ENCRYPTED_PRIVATE_KEY, &der, &mut bare);
        let read = |text: &str| SigningKey::from_encrypted_pem(text, b"secret");
        assert_ne!(read(&bare).unwrap().thumbprint(), key.thumbprint());
        let (line, _) = text.split_once('\n').unwrap();
        assert_eq!(
            read(&format!("{line}\r\n{bare}")).unwrap_err(),
            KeyError::Secret
        );
    }

    #[test]
    fn keys_that_openssl_encrypted() {
        for (text, plain) in [
            (P256_AES128, P256),
            (ED25519_AES192_SHA512, ED25519),
            (ED25519_SCRYPT, ED25519),
        ] {
            let key = SigningKey::from_encrypted_pem(text, b"secret").unwrap();
            assert_eq!(*key.to_pkcs8_pem(), plain);
        }
        let read = |text| SigningKey::from_encrypted_pem(text, b"secret").unwrap_err();
        // PBES1, PBKDF2 with SHA-1, another curve, not encrypted.
        assert_eq!(read(ED25519_PBES1), KeyError::Encryption);
        assert_eq!(read(ED25519_SHA1), KeyError::Encryption);
        assert_eq!(read(P384_ENCRYPTED), KeyError::Algorithm);
        assert_eq!(read(P256), KeyError::Malformed);
        assert_eq!(read(""), KeyError::Malformed);
    }

    /// One in 256 wrong passwords ends in padding that looks right.
    #[test]
    fn every_wrong_password_is_refused_alike() {
        for number in 0..2000 {
            let password = format!("wrong {number}");
            assert_eq!(
                SigningKey::from_encrypted_pem(P256_AES128, password.as_bytes()).unwrap_err(),
                KeyError::Decryption,
                "{password}"
            );
        }
    }

    #[test]
    fn a_changed_bit_is_refused_within_bounds() {
        for (text, plain) in [(P256_AES128, P256), (ED25519_SCRYPT, ED25519)] {
            let der = pem::first_private_key(text).unwrap().contents().unwrap();
            for bit in 0..der.len() * 8 {
                let mut changed = der.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                let mut text = String::new();
                pem::write(pem::ENCRYPTED_PRIVATE_KEY, &changed, &mut text);
                // A bit of the vector changes that bit of the first block: the version may be 1. An Ed25519 key without
                // its thumbprint may be another one.
                if let Ok(key) = SigningKey::from_encrypted_pem(&text, b"secret") {
                    let same = *key.to_pkcs8_pem() == plain;
                    assert!(same || plain == ED25519, "bit {bit}");
                }
            }
        }
    }

    fn affords(kdf: pkcs5::pbes2::Kdf) -> pkcs5::pbes2::Parameters {
        let encryption = pkcs5::pbes2::EncryptionScheme::Aes256Cbc { iv: [0; 16] };
        pkcs5::pbes2::Parameters { kdf, encryption }
    }

    /// The crate behind it panics when N is zero, and spends what it is told.
    #[test]
    fn a_file_cannot_ask_for_more_than_the_bounds() {
        // In ED25519_SCRYPT N, r and p stand at the bytes 43, 46 and 49, each as an INTEGER of one byte.
        let der = pem::first_private_key(ED25519_SCRYPT)
            .unwrap()
            .contents()
            .unwrap();
        assert_eq!(der[43..52], [2, 1, 2, 2, 1, 1, 2, 1, 1]);
        let with = |n: u8, r: u8, p: u8| {
            let mut changed = der.clone();
            (changed[45], changed[48], changed[51]) = (n, r, p);
            let mut text = String::new();
            pem::write(pem::ENCRYPTED_PRIVATE_KEY, &changed, &mut text);
            SigningKey::from_encrypted_pem(&text, b"secret").unwrap_err()
        };
        for (n, r, p) in [(0, 1, 1), (1, 1, 1), (2, 0, 1), (2, 1, 0), (3, 1, 1)] {
            assert_eq!(with(n, r, p), KeyError::Encryption, "{n} {r} {p}");
        }
        assert_eq!(with(64, 8, 1), KeyError::Decryption);

        let affordable = |n: u64, r: u16, p: u16| {
            let cost = pkcs5::pbes2::ScryptParams {
                salt: pkcs5::pbes2::Salt::new([0; 8]).unwrap(),
                cost_parameter: n,
                block_size: r,
                parallelization: p,
                key_length: None,
            };
            is_affordable(&affords(cost.into()))
        };
        assert!(affordable(1 << 14, 8, 5));
        assert!(affordable(1 << 16, 8, 8));
        assert!(!affordable(1 << 17, 8, 1), "memory");
        assert!(!affordable(1 << 16, 8, 9), "work");
        assert!(!affordable(u64::MAX, u16::MAX, u16::MAX));
        let iterations = |count| {
            let cost = pkcs5::pbes2::Pbkdf2Params::hmac_sha256(count, &[0; 8]).unwrap();
            is_affordable(&affords(cost.into()))
        };
        assert!(iterations(1) && iterations(10_000_000));
        assert!(!iterations(0) && !iterations(10_000_001));
    }
}

fn hex(digits: &str) -> [u8; 32] {
    let byte = |at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).unwrap();
    core::array::from_fn(byte)
}
