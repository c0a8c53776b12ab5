//! Configurations: what they accept, what they refuse before a connection is made, and what each setting does.

mod errors;
pub(crate) mod secrets;
pub(crate) mod versions;

use std::sync::Arc;

use ravelin_core::config::{ConfigError, Limits};
use ravelin_core::pki_types::{CertificateDer, PrivateKeyDer};
use ravelin_core::{ClientConfig, Identity, ServerConfig, TrustAnchors, provider};
use ravelin_tests::ca::{Ca, Leaf, NOW};
use ravelin_tests::pair::{Pair, Side};
use ravelin_tests::parties::{Outcome, client, server};
use ravelin_tests::provider::seeded;
use ravelin_tests::setup::{anchors, identity, setup};

const RSA_CA: &str = include_str!("../support/rsa/ca.pem");
const RSA_LEAF: &str = include_str!("../support/rsa/leaf.pem");
const RSA_PKCS1: &str = include_str!("../support/rsa/leaf-pkcs1.key");
const RSA_PKCS8: &str = include_str!("../support/rsa/leaf-pkcs8.key");

#[test]
pub(crate) fn every_form_of_certificate_and_key_serves() {
    let issued = setup()
        .ca
        .intermediate("Issuing CA", 2)
        .issue(Leaf::server("localhost"));
    let (chain, pkcs8, sec1) = (issued.chain_pem(), issued.key_pem(), issued.key_sec1_pem());
    let parameters =
        "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
    let both = format!("{chain}{pkcs8}");
    let pem = |chain: &str, key: &str| Identity::from_pem(chain.as_bytes(), key.as_bytes());
    let der = |key: PrivateKeyDer<'static>| Identity::from_der(issued.chain.clone(), key);
    for (form, identity) in [
        ("PKCS#8", pem(&chain, &pkcs8)),
        ("SEC1", pem(&chain, &sec1)),
        (
            "SEC1 behind its parameters, as openssl ecparam writes it",
            pem(&chain, &format!("{parameters}{sec1}")),
        ),
        ("both in one text", pem(&both, &both)),
        (
            "key first",
            pem(&format!("{pkcs8}{chain}"), &format!("{pkcs8}{chain}")),
        ),
        (
            "CRLF",
            pem(&chain.replace('\n', "\r\n"), &pkcs8.replace('\n', "\r\n")),
        ),
        (
            "text around it",
            pem(
                &format!("subject: somebody\n{chain}\nend\n"),
                &format!("Bag Attributes\n{sec1}"),
            ),
        ),
        (
            "no newline at the end",
            pem(chain.trim_end(), pkcs8.trim_end()),
        ),
        ("PKCS#8 DER", der(issued.key())),
        ("SEC1 DER", der(issued.key_sec1())),
    ] {
        let identity = identity.unwrap_or_else(|error| panic!("{form}: {error}"));
        let server = ServerConfig::builder(Arc::new(seeded(2)), identity).build();
        let server = server.unwrap_or_else(|error| panic!("{form}: {error}"));
        let client = client(&setup().ca).build().unwrap();
        assert_eq!(Outcome::at(&client, &server, NOW), Outcome::Full, "{form}");
    }
}

#[test]
pub(crate) fn trust_anchors_come_as_pem_and_as_der() {
    let pem = setup().ca.root_pem();
    let other = Ca::new("Other CA", 8).root_pem();
    let server = server(&setup().server).build().unwrap();
    for anchors in [
        TrustAnchors::from_pem(pem.as_bytes()),
        TrustAnchors::from_pem(pem.replace('\n', "\r\n").as_bytes()),
        TrustAnchors::from_pem(format!("{other}{pem}").as_bytes()),
        TrustAnchors::from_pem(format!("{}{pem}", setup().server.key_pem()).as_bytes()),
        TrustAnchors::from_der([setup().ca.root()]),
    ] {
        let client = ClientConfig::builder(Arc::new(seeded(1)), anchors.unwrap())
            .build()
            .unwrap();
        assert_eq!(Outcome::at(&client, &server, NOW), Outcome::Full);
    }
}

#[test]
pub(crate) fn rsa_keys_serve_as_pkcs1_and_as_pkcs8() {
    let trusted = || TrustAnchors::from_pem(RSA_CA.as_bytes()).unwrap();
    for key in [RSA_PKCS1, RSA_PKCS8] {
        let rsa = || Identity::from_pem(RSA_LEAF.as_bytes(), key.as_bytes()).unwrap();
        let server = ServerConfig::builder(provider::aws_lc_rs(), rsa())
            .client_auth(ravelin_core::ClientAuth::Required(trusted()))
            .build()
            .unwrap();
        let client = ClientConfig::builder(provider::aws_lc_rs(), trusted()).identity(rsa());
        let client = client.build().unwrap();
        assert_eq!(Outcome::at(&client, &server, NOW), Outcome::Full);
    }
    // The seeded provider has no RSA: that is found here, not at the first handshake.
    let rsa = Identity::from_pem(RSA_LEAF.as_bytes(), RSA_PKCS1.as_bytes()).unwrap();
    let refused = ServerConfig::builder(Arc::new(seeded(2)), rsa)
        .build()
        .err();
    assert_eq!(refused, Some(ConfigError::KeyUnusable));
}

#[test]
fn a_key_of_another_certificate_is_found_at_construction() {
    let other = setup().ca.issue(Leaf::server("localhost").seed(9));
    let below = setup()
        .ca
        .intermediate("Issuing CA", 2)
        .issue(Leaf::server("localhost"));
    let mut reversed = below.chain.clone();
    reversed.reverse();
    for (chain, key) in [
        (setup().server.chain.clone(), other.key()),
        (setup().server.chain.clone(), setup().client.key_sec1()),
        // The leaf must come first.
        (reversed, below.key()),
    ] {
        let identity = || Identity::from_der(chain.clone(), key.clone_key()).unwrap();
        for provider in [Arc::new(seeded(1)), provider::aws_lc_rs()] {
            let server = ServerConfig::builder(Arc::clone(&provider), identity()).build();
            assert_eq!(server.err(), Some(ConfigError::KeyMismatch));
            let client = ClientConfig::builder(provider, setup().anchors()).identity(identity());
            assert_eq!(client.build().err(), Some(ConfigError::KeyMismatch));
        }
    }
}

#[test]
fn a_path_may_need_intermediates_and_they_must_be_sent() {
    let root = &setup().ca;
    let first = root.intermediate("Issuing CA 1", 2);
    let issued = first
        .intermediate("Issuing CA 2", 3)
        .issue(Leaf::server("localhost"));
    assert_eq!(issued.chain.len(), 3);
    let with = |chain: Vec<CertificateDer<'static>>| {
        let identity = Identity::from_der(chain, issued.key()).unwrap();
        let server = ServerConfig::builder(Arc::new(seeded(2)), identity)
            .build()
            .unwrap();
        Outcome::at(&client(root).build().unwrap(), &server, NOW)
    };
    let [leaf, second, first] = <[_; 3]>::try_from(issued.chain.clone()).unwrap();
    let unknown = Outcome::by_client("E-CRT-01", "unknown_ca");
    assert_eq!(with(issued.chain.clone()), Outcome::Full);
    assert_eq!(
        with(vec![leaf.clone(), first.clone(), second.clone()]),
        Outcome::Full,
        "any order"
    );
    assert_eq!(with(vec![leaf.clone(), second.clone()]), unknown);
    assert_eq!(with(vec![leaf.clone(), first.clone()]), unknown);
    assert_eq!(with(vec![leaf.clone()]), unknown);
    assert_eq!(
        with(vec![leaf, second, first, root.root()]),
        Outcome::Full,
        "the root too"
    );
}

#[test]
pub(crate) fn several_cas_may_vouch_for_servers() {
    let (first, second, third) = (Ca::new("A", 1), Ca::new("B", 2), Ca::new("C", 3));
    let trusted = anchors(&first).and(anchors(&second));
    let client = ClientConfig::builder(Arc::new(seeded(1)), trusted)
        .build()
        .unwrap();
    for (ca, expected) in [
        (&first, Outcome::Full),
        (&second, Outcome::Full),
        (&third, Outcome::by_client("E-CRT-01", "unknown_ca")),
    ] {
        let server = server(&ca.issue(Leaf::server("localhost")))
            .build()
            .unwrap();
        assert_eq!(Outcome::at(&client, &server, NOW), expected);
    }
}

#[test]
pub(crate) fn a_certificate_serves_exactly_its_names() {
    let host = |names: &[&str]| {
        let leaf = names[1..]
            .iter()
            .fold(
                Leaf::server(names[0]),
                |leaf, name| match name.parse::<std::net::IpAddr>() {
                    Ok(address) => leaf.ip(address),
                    Err(_) => leaf.dns(name),
                },
            );
        setup().ca.issue(leaf)
    };
    let table: [(&[&str], &[&'static str], &[&'static str]); 6] = [
        (
            &["a.example", "b.example"],
            &["a.example", "b.example", "A.Example", "a.example."],
            &[
                "c.example",
                "x.a.example",
                "example",
                "a.example.org",
                "localhost",
                "127.0.0.1",
            ],
        ),
        (
            &["*.example.org"],
            &["a.example.org", "B.example.org"],
            &["example.org", "a.b.example.org", "a.example.com"],
        ),
        (
            &["w*.example.org"],
            &[],
            &["www.example.org", "w.example.org"],
        ),
        (&["*"], &[], &["localhost", "example.org"]),
        (
            &["127.0.0.1", "2001:db8::1"],
            &["127.0.0.1", "2001:db8::1", "2001:0db8:0:0::1"],
            &["127.0.0.2", "::1", "localhost", "2001:db8::2"],
        ),
        (
            &["xn--bcher-kva.example"],
            &["xn--bcher-kva.example"],
            &["bcher.example"],
        ),
    ];
    let refused = Outcome::by_client("E-CRT-04", "bad_certificate");
    for (names, good, bad) in table {
        let server = server(&host(names)).build().unwrap();
        let good = good.iter().map(|asked| (asked, Outcome::Full));
        for (asked, expected) in good.chain(bad.iter().map(|asked| (asked, refused))) {
            let client = client(&setup().ca).build().unwrap();
            let outcome = Outcome::of(&mut Pair::at(&client, &server, asked, NOW));
            assert_eq!(outcome, expected, "{names:?} for {asked}");
        }
    }
}

#[test]
fn the_server_sees_the_name_that_was_asked_for() {
    let leaf = Leaf::server("a.example")
        .dns("b.example")
        .ip([127, 0, 0, 1]);
    let server = server(&setup().ca.issue(leaf)).build().unwrap();
    let client = client(&setup().ca).build().unwrap();
    for (asked, seen) in [
        ("a.example", Some("a.example")),
        ("b.example", Some("b.example")),
        ("127.0.0.1", None),
    ] {
        for expected in [Outcome::Full, Outcome::Resumed] {
            let mut pair = Pair::at(&client, &server, asked, NOW);
            assert_eq!(Outcome::of(&mut pair), expected);
            for end in [&pair.client, &pair.server] {
                assert_eq!(end.connection.peer().unwrap().server_name(), seen);
            }
        }
    }
}

#[test]
fn application_protocols_are_agreed_on_or_refused() {
    let refused = Outcome::by_server("E-TLS-07", "no_application_protocol");
    for (offered, spoken, expected) in [
        (&["mcp", "h2"][..], &["h2", "mcp"][..], Ok(Some("h2"))),
        (&["h2", "mcp"], &["mcp"], Ok(Some("mcp"))),
        (&["mcp"], &[], Ok(None)),
        (&[], &["mcp"], Ok(None)),
        (&[], &[], Ok(None)),
        (&["h2"], &["mcp"], Err(refused)),
        (&["mcp2", "mc", "MCP"], &["mcp"], Err(refused)),
    ] {
        let client = client(&setup().ca)
            .alpn(offered.iter().copied())
            .build()
            .unwrap();
        let server = server(&setup().server)
            .alpn(spoken.iter().copied())
            .build()
            .unwrap();
        let mut pair = Pair::new(&client, &server);
        match (Outcome::of(&mut pair), expected) {
            (Outcome::Full, Ok(agreed)) => {
                for end in [&pair.client, &pair.server] {
                    let alpn = end.connection.peer().unwrap().alpn();
                    assert_eq!(alpn, agreed.map(str::as_bytes), "{offered:?} {spoken:?}");
                }
            }
            (outcome, expected) => assert_eq!(Err(outcome), expected, "{offered:?} {spoken:?}"),
        }
    }
}

#[test]
fn fragments_are_as_small_as_the_setting_says() {
    let client = client(&setup().ca).build().unwrap();
    for fragment in [64, 512, 16_384] {
        let limits = Limits {
            fragment,
            ..Limits::default()
        };
        let server = server(&setup().server).limits(limits).build().unwrap();
        let mut pair = Pair::new(&client, &server);
        pair.establish();
        let message = vec![7; 20_000];
        pair.send(Side::Server, &message);
        pair.drive();
        assert_eq!(pair.client.plaintext, message);
        let records = record_lengths(&pair.server.transcript);
        let largest = records.iter().max().unwrap();
        // Content type and tag come on top of the plaintext.
        assert_eq!(*largest, fragment + 17);
    }
}

fn record_lengths(mut transcript: &[u8]) -> Vec<usize> {
    let mut lengths = Vec::new();
    while let [_, _, _, high, low, rest @ ..] = transcript {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        lengths.push(length);
        transcript = &rest[length..];
    }
    lengths
}

/// An identity whose key is of no use here, for builders that need one.
fn any_identity() -> Identity {
    identity(&setup().server)
}
