//! Encrypted signing keys go to the `openssl` program and come back.

use ravelin_core::dpop::{Algorithm, KeyError, SigningKey};
use ravelin_tests::external::{Running, Scratch, require};

const ALGORITHMS: [Algorithm; 2] = [Algorithm::Es256, Algorithm::EdDsa];

#[test]
fn openssl_reads_what_we_encrypt() {
    if !require("openssl") {
        return;
    }
    for algorithm in ALGORITHMS {
        let key = SigningKey::generate(algorithm, &[21; 32]).unwrap();
        let files = Scratch::new();
        let ours = files.file(
            "ours.pem",
            key.to_encrypted_pem(b"correct horse", &[22; 32]).unwrap(),
        );
        let plain = openssl(&["pkey", "-in", &ours, "-passin", "pass:correct horse"]).unwrap();
        assert_eq!(plain, *key.to_pkcs8_pem());
        let plain = openssl(&["pkcs8", "-in", &ours, "-passin", "pass:correct horse"]).unwrap();
        assert_eq!(plain, *key.to_pkcs8_pem());
        openssl(&["pkey", "-in", &ours, "-passin", "pass:wrong horse"]).unwrap_err();

        // And the key that it reads made our signature.
        let message = files.file("message", b"message");
        let signature = key.sign(b"message").signature_value();
        let signature = files.file("signature", signature);
        let mut verify = vec!["pkeyutl", "-verify", "-inkey", &ours, "-passin"];
        verify.extend([
            "pass:correct horse",
            "-sigfile",
            &signature,
            "-in",
            &message,
        ]);
        verify.push("-rawin");
        if algorithm == Algorithm::Es256 {
            verify.extend(["-digest", "sha256"]);
        }
        let said = openssl(&verify).unwrap();
        assert!(said.contains("Signature Verified Successfully"), "{said}");
    }
}

#[test]
fn we_read_what_openssl_encrypts() {
    if !require("openssl") {
        return;
    }
    let encryptions: [&[&str]; 4] = [
        &["-scrypt"],
        &["-v2", "aes-256-cbc"],
        &["-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA512"],
        &["-v2", "aes-192-cbc", "-iter", "100000"],
    ];
    for algorithm in ALGORITHMS {
        let key = SigningKey::generate(algorithm, &[23; 32]).unwrap();
        let files = Scratch::new();
        let plain = files.file("plain.pem", key.to_pkcs8_pem().as_bytes());
        let encrypt = |options: &[&str]| {
            let always = ["pkcs8", "-topk8", "-in", &plain, "-passout", "pass:secret"];
            openssl(&[&always, options].concat()).unwrap()
        };
        for options in encryptions {
            let theirs = encrypt(options);
            let read = SigningKey::from_encrypted_pem(&theirs, b"secret").unwrap();
            assert_eq!(read.thumbprint(), key.thumbprint(), "{options:?}");
            let wrong = SigningKey::from_encrypted_pem(&theirs, b"Secret").unwrap_err();
            assert_eq!(wrong, KeyError::Decryption, "{options:?}");
        }
        // What it may write and we do not read has its own code.
        let old = SigningKey::from_encrypted_pem(&encrypt(&["-v1", "PBE-SHA1-3DES"]), b"secret");
        assert_eq!(old.unwrap_err().code(), "E-DPO-76");
    }
}

/// What `openssl` says, or what it says when it fails.
fn openssl(arguments: &[&str]) -> Result<String, String> {
    let (status, said) = Running::start("openssl", arguments).finish();
    if status.success() {
        Ok(said)
    } else {
        Err(said)
    }
}
