//! `ravelin pin` prints the same pin for a key wherever it finds it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use rcgen::{
    CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519,
};
use serde_json::Value;

fn pin(dir: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ravelin"))
        .current_dir(dir)
        .arg("pin")
        .args(arguments)
        .output()
        .unwrap()
}

fn pins(dir: &Path, file: &str) -> Vec<String> {
    let output = pin(dir, &[file, "--json"]);
    assert!(
        output.status.success(),
        "{file}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let entries = report["pins"].as_array().unwrap();
    entries
        .iter()
        .map(|entry| entry["pin"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn certificate_and_keys_in_pem_and_der_have_one_pin() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| fs::write(dir.path().join(name), bytes).unwrap();
    for algorithm in [
        &PKCS_ECDSA_P256_SHA256,
        &PKCS_ECDSA_P384_SHA384,
        &PKCS_ED25519,
    ] {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let cert = CertificateParams::new(vec!["localhost".to_owned()])
            .unwrap()
            .self_signed(&key)
            .unwrap();
        let public = key.public_key_pem();
        let chain = format!("a comment\n{}{}{public}", cert.pem(), key.serialize_pem());
        write("cert.pem", cert.pem().as_bytes());
        write("cert.der", cert.der());
        write("key.pem", key.serialize_pem().as_bytes());
        write("key.der", key.serialized_der());
        write("public.pem", public.as_bytes());
        write("all.pem", chain.as_bytes());
        let expected = pins(dir.path(), "cert.pem");
        assert_eq!(expected.len(), 1);
        for file in ["cert.der", "key.pem", "key.der", "public.pem"] {
            assert_eq!(pins(dir.path(), file), expected, "{file}");
        }
        assert_eq!(pins(dir.path(), "all.pem"), vec![expected[0].as_str(); 3]);
    }
}

/// The P-256 test key of RFC 9500, whose digest was computed with
/// `openssl pkey -pubout -outform DER | openssl dgst -sha256 -binary | base64`.
#[test]
fn the_pin_is_what_openssl_computes() {
    const KEY: &str = "\
-----BEGIN EC PRIVATE KEY-----
MHcCAQEEIObLW92AqkWunJXowVR2Z5/+yVPBaFHnEedDk5WJxk/BoAoGCCqGSM49
AwEHoUQDQgAEQiVI+I+3gv+17KN0RFLHKh5Vj71vc75eSOkyMsxFxbFsTNEMTLjV
uKFxOelIgsiZJXKZNCX0FBmrfpCkKklCcg==
-----END EC PRIVATE KEY-----
";
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("key.pem"), KEY).unwrap();
    let output = pin(dir.path(), &["key.pem"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        text,
        "sha256:srBDQM+u5hbsnCxi0mGyCOVLsZdJjfUujK3t4jrAul4=  private key\n"
    );
}

#[test]
fn a_certificate_is_shown_with_its_names_and_its_own_hash() {
    let dir = tempfile::tempdir().unwrap();
    let key = KeyPair::generate().unwrap();
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let cert = CertificateParams::new(names)
        .unwrap()
        .self_signed(&key)
        .unwrap();
    fs::write(dir.path().join("cert.pem"), cert.pem()).unwrap();
    let text = String::from_utf8(pin(dir.path(), &["cert.pem"]).stdout).unwrap();
    let mut lines = text.lines();
    let first = lines.next().unwrap();
    assert!(first.starts_with("sha256:"), "{first}");
    assert!(
        first.ends_with("  certificate CN=rcgen self signed cert DNS:localhost IP:127.0.0.1"),
        "{first}"
    );
    let second = lines.next().unwrap();
    assert!(
        second.starts_with("  whole certificate: cert-sha256:"),
        "{second}"
    );
    assert_eq!(lines.next(), None);
}
