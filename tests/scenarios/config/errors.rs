//! Every reason for which a configuration is refused.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use ravelin_core::config::{Builder, Client, ConfigError, Limits, Server, Timeouts};
use ravelin_core::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use ravelin_core::trust::pin::{Pin, PinSet};
use ravelin_core::{ClientAuth, ClientConfig, Identity, ServerConfig, TrustAnchors, Version};
use ravelin_tests::ca::Leaf;
use ravelin_tests::pair::Pair;
use ravelin_tests::provider::seeded;
use ravelin_tests::setup::{identity, setup};

const SOURCE: &str = include_str!("../../../core/src/config/error.rs");

#[test]
fn every_error_is_reached_and_has_its_code() {
    let garbage = || CertificateDer::from(vec![0x30, 0x03, 0x02, 0x01, 0x05]);
    let leaf = || setup().server.chain[0].clone();
    let no_key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(vec![1, 2, 3]));
    let below = setup()
        .ca
        .intermediate("Issuing CA", 2)
        .issue(Leaf::server("localhost"));
    let root = setup().ca.root_pem();
    let root = root.as_bytes();
    let chain = setup().server.chain_pem();
    let key = setup().server.key_pem();
    let (chain, key) = (chain.as_bytes(), key.as_bytes());
    let (begin, end) = (&root[..root.len() / 2], &root[root.len() / 2..]);
    let broken = |pem: &[u8]| [&pem[..60], b"?!*", &pem[60..]].concat();
    let encrypted =
        b"-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let pins = || PinSet::without_backup(Pin::spki([1; 32]));
    let none: Vec<CertificateDer<'static>> = Vec::new();

    let reached = [
        ("E-CFG-01", TrustAnchors::from_pem(b"").err()),
        (
            "E-CFG-01",
            TrustAnchors::from_pem(b"no armour at all").err(),
        ),
        ("E-CFG-01", TrustAnchors::from_pem(key).err()),
        ("E-CFG-01", TrustAnchors::from_der(none.clone()).err()),
        (
            "E-CFG-01",
            ClientConfig::probe(Arc::new(seeded(1)))
                .pins(pins())
                .build()
                .err(),
        ),
        ("E-CFG-02", TrustAnchors::from_der([garbage()]).err()),
        (
            "E-CFG-02",
            TrustAnchors::from_der([setup().ca.root(), garbage()]).err(),
        ),
        (
            "E-CFG-02",
            TrustAnchors::from_der([CertificateDer::from(vec![])]).err(),
        ),
        (
            "E-CFG-03",
            Identity::from_der(none, setup().server.key()).err(),
        ),
        ("E-CFG-03", Identity::from_pem(key, key).err()),
        ("E-CFG-03", Identity::from_pem(b"", key).err()),
        ("E-CFG-04", build(vec![garbage()], setup().server.key())),
        // The provider reads the leaf only.
        (
            "E-CFG-04",
            build(vec![leaf(), garbage()], setup().server.key()),
        ),
        ("E-CFG-05", Identity::from_pem(chain, chain).err()),
        ("E-CFG-05", Identity::from_pem(chain, b"").err()),
        ("E-CFG-05", Identity::from_pem(chain, encrypted).err()),
        ("E-CFG-06", build(vec![leaf()], no_key)),
        ("E-CFG-07", build(vec![leaf()], below.key())),
        ("E-CFG-08", TrustAnchors::from_pem(&broken(root)).err()),
        ("E-CFG-08", TrustAnchors::from_pem(begin).err()),
        (
            "E-CFG-08",
            TrustAnchors::from_pem(&[root, begin].concat()).err(),
        ),
        ("E-CFG-08", Identity::from_pem(&broken(chain), key).err()),
        ("E-CFG-08", Identity::from_pem(chain, &broken(key)).err()),
        (
            "E-CFG-08",
            Identity::from_pem(chain, &key[..key.len() / 2]).err(),
        ),
        ("E-CFG-09", server().pins(pins()).build().err()),
        (
            "E-CFG-09",
            server().pins(pins().report_only()).build().err(),
        ),
        ("E-CFG-11", client().alpn([""]).build().err()),
        ("E-CFG-11", server().alpn(["mcp", ""]).build().err()),
        ("E-CFG-11", client().alpn(["x".repeat(256)]).build().err()),
        (
            "E-CFG-12",
            client()
                .limits(limits(|limits| limits.fragment = 0))
                .build()
                .err(),
        ),
        (
            "E-CFG-13",
            client().min_version(Version::Tls12).build().err(),
        ),
        (
            "E-CFG-13",
            server().min_version(Version::Tls12).build().err(),
        ),
    ];
    // Where the pieces of a broken text lie between two whole ones, nothing is skipped silently.
    assert!(
        TrustAnchors::from_pem(&[root, end].concat()).is_ok(),
        "an end without a beginning is text"
    );

    let mut texts = BTreeMap::new();
    for (number, (code, error)) in reached.into_iter().enumerate() {
        let error = error.unwrap_or_else(|| panic!("number {number}, {code}, is accepted"));
        assert_eq!(error.code(), code, "number {number}: {error}");
        let text = error.to_string();
        let (cause, remedy) = text.split_once("; ").expect("cause; remedy");
        assert!(
            !cause.is_empty() && !remedy.is_empty() && !text.ends_with('.'),
            "{text}"
        );
        assert_eq!(
            texts.entry(text).or_insert(code),
            &code,
            "one text for each code"
        );
    }
    // E-CFG-10 needs a build without TLS 1.2: a test of the core, which has none by default.
    let reached: Vec<_> = texts.values().copied().chain(["E-CFG-10"]).collect();
    for code in SOURCE.split('"').filter(|text| text.starts_with("E-CFG-")) {
        assert!(reached.contains(&code), "no test reaches {code}");
    }
}

#[test]
fn providers_without_what_tls_needs_are_refused() {
    let mut no_suites = seeded(1);
    no_suites.cipher_suites.clear();
    let mut no_groups = seeded(1);
    no_groups.kx_groups.clear();
    for provider in [no_suites, no_groups] {
        let provider = Arc::new(provider);
        let client = ClientConfig::builder(Arc::clone(&provider), setup().anchors());
        assert_eq!(client.build().err(), Some(ConfigError::ProviderIncomplete));
        let server = ServerConfig::builder(provider, super::any_identity());
        assert_eq!(server.build().err(), Some(ConfigError::ProviderIncomplete));
    }
}

#[test]
fn every_limit_has_its_range() {
    type Change = fn(&mut Limits, usize);
    let ranges: [(&str, Change, usize, usize); 3] = [
        (
            "fragment",
            |limits, value| limits.fragment = value,
            64,
            16_384,
        ),
        ("chain", |limits, value| limits.chain = value, 512, 49_152),
        (
            "storage",
            |limits, value| limits.storage = value,
            512,
            1 << 24,
        ),
    ];
    for (name, change, least, most) in ranges {
        for (value, good) in [
            (0, false),
            (least - 1, false),
            (least, true),
            (most, true),
            (most + 1, false),
            (usize::MAX, false),
        ] {
            let limits = limits(|limits| change(limits, value));
            let expected = (!good).then_some(ConfigError::LimitOutOfRange);
            assert_eq!(
                client().limits(limits).build().err(),
                expected,
                "{name} {value}"
            );
            assert_eq!(
                server().limits(limits).build().err(),
                expected,
                "{name} {value}"
            );
        }
    }
    for (fragment, outgoing, good) in [
        (16_384, 16_384 + 255, false),
        (16_384, 16_384 + 256, true),
        (64, 320, true),
        (64, 319, false),
        (64, usize::MAX, true),
    ] {
        let limits = limits(|limits| {
            limits.fragment = fragment;
            limits.outgoing = outgoing;
        });
        assert_eq!(client().limits(limits).build().is_ok(), good, "{outgoing}");
    }
}

#[test]
fn connections_work_at_the_ends_of_every_range() {
    let least = Limits {
        outgoing: 320,
        chain: 512,
        fragment: 64,
        storage: 512,
    };
    let most = Limits {
        outgoing: usize::MAX,
        chain: 49_152,
        fragment: 16_384,
        storage: 1 << 24,
    };
    let timeouts = Timeouts {
        handshake: Duration::MAX,
        record: Duration::MAX,
        idle: Some(Duration::MAX),
        close: Duration::MAX,
    };
    for (one, other) in [(least, least), (least, most), (most, least), (most, most)] {
        // The client's storage must hold what the server sends: it is told to send little.
        let server = server()
            .limits(Limits {
                fragment: 64,
                ..one
            })
            .timeouts(timeouts);
        let client = client()
            .limits(Limits {
                fragment: 64,
                ..other
            })
            .timeouts(timeouts);
        let mut pair = Pair::new(&client.build().unwrap(), &server.build().unwrap());
        pair.establish();
        assert!(
            pair.client.connection.interest().deadline.is_some(),
            "the idle deadline"
        );
    }
}

fn build(chain: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Option<ConfigError> {
    let identity = || Identity::from_der(chain.clone(), key.clone_key()).unwrap();
    let server = ServerConfig::builder(Arc::new(seeded(2)), identity())
        .build()
        .err();
    assert_eq!(
        client().identity(identity()).build().err(),
        server,
        "both sides say the same"
    );
    server
}

fn client() -> Builder<Client> {
    ClientConfig::builder(Arc::new(seeded(1)), setup().anchors())
}

fn server() -> Builder<Server> {
    ServerConfig::builder(Arc::new(seeded(2)), identity(&setup().server))
        .client_auth(ClientAuth::None)
}

fn limits(change: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    change(&mut limits);
    limits
}
