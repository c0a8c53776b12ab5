use std::sync::Arc;
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::{CertificateError, Error, RootCertStore};
use rustls_pki_types::{PrivateKeyDer, ServerName, UnixTime, pem::PemObject};

use super::*;
use crate::provider::seeded;

#[test]
fn the_same_seeds_give_the_same_bytes() {
    let make = || {
        let root = Ca::new("root", 1);
        let issued = root.intermediate("issuing", 2).issue(full_leaf());
        (
            root.root_pem(),
            issued.chain_pem(),
            issued.key_pem(),
            issued.key_sec1_pem(),
        )
    };
    assert_eq!(make(), make());
}

/// The bytes are part of recorded transcripts: a change must be seen, not found.
#[test]
fn the_bytes_stay_what_they_were() {
    let issued = Ca::new("root", 1)
        .intermediate("issuing", 2)
        .issue(full_leaf());
    assert_eq!(
        hex(&issued.leaf_sha256()),
        "c9cff3e18d4fd56ab2ab1b5031e120e118a2d91514532f5123b5f3e65eecccf3"
    );
}

#[test]
fn another_seed_name_purpose_or_issuer_gives_another_key() {
    let ca = Ca::new("root", 1);
    let leaf = ca.issue(Leaf::server("a.test")).spki_sha256();
    for other in [
        ca.issue(Leaf::server("a.test").seed(1)),
        ca.issue(Leaf::server("b.test")),
        ca.issue(Leaf::client("a.test")),
        Ca::new("root", 2).issue(Leaf::server("a.test")),
        Ca::new("toor", 1).issue(Leaf::server("a.test")),
    ] {
        assert_ne!(leaf, other.spki_sha256());
    }
}

#[test]
fn a_chain_through_two_intermediates_is_accepted() {
    let root = Ca::new("root", 1);
    let issued = root
        .intermediate("one", 2)
        .intermediate("two", 3)
        .issue(full_leaf());
    assert_eq!(issued.chain.len(), 3);
    for name in ["localhost", "other.test", "192.0.2.1", "2001:db8::1"] {
        assert_eq!(verify(&root, &issued, name, NOW), Ok(()), "{name}");
    }
    let elsewhere = verify(&root, &issued, "elsewhere.test", NOW);
    assert!(matches!(
        elsewhere,
        Err(Error::InvalidCertificate(
            CertificateError::NotValidForNameContext { .. }
        ))
    ));
}

#[test]
fn validity_is_judged_in_the_given_seconds() {
    let root = Ca::new("root", 1);
    let issued = root.issue(Leaf::server("localhost").valid(NOW - 10, NOW + 10));
    for (time, good) in [
        (NOW - 11, false),
        (NOW - 10, true),
        (NOW + 10, true),
        (NOW + 11, false),
    ] {
        assert_eq!(
            verify(&root, &issued, "localhost", time).is_ok(),
            good,
            "{time}"
        );
    }
    let by_default = root.issue(Leaf::server("localhost"));
    for (time, good) in [
        (NOT_BEFORE - 1, false),
        (NOT_BEFORE, true),
        (NOT_AFTER, true),
        (NOT_AFTER + 1, false),
    ] {
        assert_eq!(
            verify(&root, &by_default, "localhost", time).is_ok(),
            good,
            "{time}"
        );
    }
}

#[test]
fn refused_are_a_client_certificate_a_ca_as_a_leaf_and_another_root() {
    let root = Ca::new("root", 1);
    assert!(
        verify(
            &root,
            &root.issue(Leaf::client("x").dns("localhost")),
            "localhost",
            NOW
        )
        .is_err()
    );

    let issued = root.issue(Leaf::server("localhost"));
    let as_leaf = Issued {
        chain: vec![root.intermediate("localhost", 2).certificate().clone()],
        ..issued.clone()
    };
    assert_eq!(
        verify(&root, &as_leaf, "localhost", NOW)
            .map_err(|error| format!("{error:?}").contains("CaUsedAsEndEntity")),
        Err(true)
    );

    for (name, why) in [
        ("another", CertificateError::UnknownIssuer),
        ("root", CertificateError::BadSignature),
    ] {
        let refusal = verify(&Ca::new(name, 2), &issued, "localhost", NOW);
        assert_eq!(refusal, Err(Error::InvalidCertificate(why)));
    }
}

#[test]
fn a_cross_signed_ca_is_reached_from_both_roots() {
    let (ours, theirs) = (Ca::new("ours", 1), Ca::new("theirs", 2));
    let issuing = theirs.intermediate("issuing", 3);
    let alone = issuing.issue(Leaf::server("localhost"));
    assert!(verify(&ours, &alone, "localhost", NOW).is_err());

    let both = alone.presenting(&ours.cross_sign(&issuing));
    assert_eq!(verify(&ours, &both, "localhost", NOW), Ok(()));
    assert_eq!(verify(&theirs, &both, "localhost", NOW), Ok(()));
}

/// The shape of CVE-2016-2402: what is presented need not be what was verified.
#[test]
fn a_superfluous_intermediate_does_not_disturb_the_path() {
    let (pinned, other) = (
        Ca::new("pinned root", 1).intermediate("pinned", 2),
        Ca::new("other", 3),
    );
    let issued = other
        .issue(Leaf::server("localhost"))
        .presenting(pinned.certificate());
    assert_eq!(issued.chain.len(), 2);
    assert!(contains(&issued.chain[1], &pinned.spki()));
    assert_eq!(verify(&other, &issued, "localhost", NOW), Ok(()));
}

#[test]
fn a_subject_carries_the_key_of_another_verbatim() {
    let root = Ca::new("root", 1);
    let pinned = root.issue(Leaf::server("pinned.test"));
    for spki in [pinned.spki(), vec![0; 300], vec![0xff; 3]] {
        let issued = root.issue(Leaf::server("localhost").subject_bytes(&spki));
        let leaf = &issued.chain[0];
        let (before_own_key, _) = split_at(leaf, &issued.spki());
        assert!(contains(before_own_key, &spki));
        assert!(!contains(leaf, &pinned.spki()[1..]) || spki == pinned.spki());
        assert_eq!(verify(&root, &issued, "localhost", NOW), Ok(()));
    }
}

#[test]
fn an_extension_carries_any_content() {
    let root = Ca::new("root", 1);
    let content = [&[0x04, 91][..], &root.spki()].concat();
    let issued = root
        .issue(Leaf::server("localhost").extension(&[1, 3, 6, 1, 4, 1, 99999, 1], content.clone()));
    assert!(contains(&issued.chain[0], &content));
    assert_eq!(verify(&root, &issued, "localhost", NOW), Ok(()));
}

#[test]
fn a_renewal_keeps_its_key_under_another_ca() {
    let first = Ca::new("one", 1).issue(Leaf::server("localhost"));
    let renewed = Ca::new("two", 2).issue(Leaf::server("localhost").key_of(&first));
    assert_eq!(first.spki_sha256(), renewed.spki_sha256());
    assert_ne!(first.leaf_sha256(), renewed.leaf_sha256());
}

#[test]
fn keys_and_chains_come_back_from_pem() {
    let issued = Ca::new("root", 1)
        .intermediate("issuing", 2)
        .issue(Leaf::server("localhost"));
    let chain: Vec<_> = CertificateDer::pem_slice_iter(issued.chain_pem().as_bytes())
        .map(Result::unwrap)
        .collect();
    assert_eq!(chain, issued.chain);
    for (pem, key) in [
        (issued.key_pem(), issued.key()),
        (issued.key_sec1_pem(), issued.key_sec1()),
    ] {
        assert_eq!(PrivateKeyDer::from_pem_slice(pem.as_bytes()).unwrap(), key);
    }
}

fn full_leaf() -> Leaf {
    Leaf::server("localhost")
        .dns("other.test")
        .ip([192, 0, 2, 1])
        .ip([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1])
        .uri("spiffe://example.test/agent")
}

fn verify(root: &Ca, issued: &Issued, name: &str, unix: u64) -> Result<(), Error> {
    let mut roots = RootCertStore::empty();
    roots.add(root.root()).unwrap();
    let verifier =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::new(seeded(0)))
            .build()
            .unwrap();
    let (leaf, intermediates) = issued.chain.split_first().unwrap();
    let now = UnixTime::since_unix_epoch(Duration::from_secs(unix));
    let name = ServerName::try_from(name).unwrap();
    verifier
        .verify_server_cert(leaf, intermediates, &name, &[], now)
        .map(|_| ())
}

fn contains(der: &[u8], bytes: &[u8]) -> bool {
    der.windows(bytes.len()).any(|window| window == bytes)
}

fn split_at<'a>(der: &'a [u8], bytes: &[u8]) -> (&'a [u8], &'a [u8]) {
    der.split_at(
        der.windows(bytes.len())
            .position(|window| window == bytes)
            .unwrap(),
    )
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
