//! Pins: judged on the verified path and on nothing else, on both sides, at every handshake.

use ravelin_core::trust::pin::{Pin, PinSet};
use ravelin_core::{ClientAuth, ClientConfig, Error, Event, PeerError, ServerConfig, Severity};
use ravelin_tests::ca::{Ca, Issued, Leaf, NOT_BEFORE, NOW};
use ravelin_tests::pair::{Pair, Side};
use ravelin_tests::parties::{Outcome, client, server};
use ravelin_tests::setup::{anchors, identity, setup};

const MISMATCH: &str = "E-PIN-02";

/// A chain of three, and a pin on each of its keys.
struct Chain {
    root: Ca,
    issuing: Ca,
    leaf: Issued,
}

impl Chain {
    fn new() -> Self {
        let root = Ca::new("Pinned Root", 11);
        let issuing = root.intermediate("Pinned Issuing CA", 12);
        let leaf = issuing.issue(Leaf::server("localhost"));
        Self {
            root,
            issuing,
            leaf,
        }
    }

    fn pins(&self) -> [(&'static str, Pin); 3] {
        [
            ("leaf", Pin::spki(self.leaf.spki_sha256())),
            ("intermediate", Pin::spki(self.issuing.spki_sha256())),
            ("anchor", Pin::spki(self.root.spki_sha256())),
        ]
    }
}

#[test]
pub(crate) fn every_key_of_the_verified_path_can_be_pinned() {
    let chain = Chain::new();
    let server = server(&chain.leaf).build().unwrap();
    for (name, pin) in chain.pins() {
        let client = client(&chain.root).pins(only(pin)).build().unwrap();
        let mut pair = Pair::new(&client, &server);
        assert_eq!(Outcome::of(&mut pair), Outcome::Full, "{name}");
        assert_eq!(matched(&pair, Side::Client), Some(0), "{name}");
        assert_eq!(
            matched(&pair, Side::Server),
            None,
            "the server pins nothing"
        );
    }
}

#[test]
fn a_server_pins_every_key_of_a_client_s_path() {
    let chain = Chain::new();
    let alice = chain.issuing.issue(Leaf::client("alice"));
    let mut pins = chain.pins();
    pins[0].1 = Pin::spki(alice.spki_sha256());
    let client = client(&setup().ca)
        .identity(identity(&alice))
        .build()
        .unwrap();
    for (name, pin) in pins {
        let server = pinning_server(&chain.root, only(pin));
        let mut pair = Pair::new(&client, &server);
        assert_eq!(Outcome::of(&mut pair), Outcome::Full, "{name}");
        assert_eq!(matched(&pair, Side::Server), Some(0), "{name}");
    }
    let server = pinning_server(&chain.root, only(stray()));
    let mut pair = Pair::new(&client, &server);
    let refused = Outcome::by_server(MISMATCH, "certificate_unknown");
    assert_eq!(Outcome::of(&mut pair), refused);
    assert_eq!(
        presented(&pair, Side::Server),
        Pin::spki(alice.spki_sha256())
    );
}

#[test]
fn a_path_without_a_pin_is_refused_and_the_refusal_shows_the_key() {
    let chain = Chain::new();
    let server = server(&chain.leaf).build().unwrap();
    let client = client(&chain.root).pins(only(stray())).build().unwrap();
    let mut pair = Pair::new(&client, &server);
    let refused = Outcome::by_client(MISMATCH, "certificate_unknown");
    assert_eq!(Outcome::of(&mut pair), refused);
    let leaf = Pin::spki(chain.leaf.spki_sha256());
    assert_eq!(presented(&pair, Side::Client), leaf);
    let text = pair.client.error.unwrap().to_string();
    assert!(text.contains(&leaf.to_string()), "{text}");
    assert!(pair.client.connection.peer().is_none());
}

#[test]
pub(crate) fn report_only_admits_and_says_what_would_have_been_refused() {
    let chain = Chain::new();
    let alice = chain.issuing.issue(Leaf::client("alice"));
    let client = client(&chain.root)
        .identity(identity(&alice))
        .pins(only(stray()).report_only())
        .build()
        .unwrap();
    let server = server(&chain.leaf)
        .client_auth(ClientAuth::Required(anchors(&chain.root)))
        .pins(only(stray()).report_only())
        .build()
        .unwrap();
    // A resumed connection is reported too: nobody has accepted the key in the meantime.
    for expected in [Outcome::Full, Outcome::Resumed] {
        let mut pair = Pair::new(&client, &server);
        assert_eq!(Outcome::of(&mut pair), expected);
        for (events, key) in [
            (&pair.client.events, chain.leaf.spki_sha256()),
            (&pair.server.events, alice.spki_sha256()),
        ] {
            let report = Event::PinWouldRefuse {
                presented: Pin::spki(key),
            };
            assert_eq!(events.iter().filter(|event| **event == report).count(), 1);
            assert_eq!(report.severity(), Severity::Warning);
            assert_eq!(report.code(), "pin-would-refuse");
            assert!(
                !events
                    .iter()
                    .any(|event| matches!(event, Event::PinMatched { .. }))
            );
        }
    }
}

#[test]
fn report_only_still_demands_a_valid_chain_and_name() {
    let chain = Chain::new();
    let report = || only(stray()).report_only();
    let wrong_name = chain.issuing.issue(Leaf::server("other.example"));
    let expired = chain
        .issuing
        .issue(Leaf::server("localhost").valid(NOT_BEFORE, NOW - 1));
    let as_client = chain
        .issuing
        .issue(Leaf::client("localhost").dns("localhost"));
    for (issued, code, alert) in [
        (setup().server.clone(), "E-CRT-01", "unknown_ca"),
        (wrong_name, "E-CRT-04", "bad_certificate"),
        (expired, "E-CRT-02", "certificate_expired"),
        (as_client, "E-CRT-06", "unsupported_certificate"),
    ] {
        let client = client(&chain.root).pins(report()).build().unwrap();
        let server = server(&issued).build().unwrap();
        let mut pair = Pair::new(&client, &server);
        assert_eq!(Outcome::of(&mut pair), Outcome::by_client(code, alert));
        let kinds = pair
            .client
            .events
            .iter()
            .map(Event::code)
            .collect::<Vec<_>>();
        assert_eq!(
            kinds,
            [code],
            "nothing is reported of a peer that is refused anyway"
        );
    }
}

/// CVE-2016-2402: the pinned certificates lie in the chain, but no signature of the path comes from them.
#[test]
pub(crate) fn a_superfluous_certificate_does_not_satisfy_a_pin() {
    let pinned = Chain::new();
    let other = Ca::new("Compromised Root", 13);
    let both = || anchors(&pinned.root).and(anchors(&other));
    let attacker = other.issue(Leaf::server("localhost"));
    let chains = [
        attacker.clone().presenting(pinned.issuing.certificate()),
        attacker.clone().presenting(&pinned.root.root()),
        attacker.clone().presenting(&pinned.leaf.chain[0]),
        attacker
            .presenting(&pinned.leaf.chain[0])
            .presenting(pinned.issuing.certificate())
            .presenting(&pinned.root.root()),
    ];
    for (_, pin) in pinned.pins() {
        for chain in &chains {
            let client = ClientConfig::builder(provider(), both()).pins(only(pin));
            let client = client.build().unwrap();
            let server = server(chain).build().unwrap();
            let refused = Outcome::by_client(MISMATCH, "certificate_unknown");
            assert_eq!(Outcome::at(&client, &server, NOW), refused);
            // Without the pin that chain is good: it is the pin that refuses it.
            let client = ClientConfig::builder(provider(), both()).build().unwrap();
            assert_eq!(Outcome::at(&client, &server, NOW), Outcome::Full);
        }
    }
}

#[test]
pub(crate) fn the_pinned_key_in_another_certificate_s_fields_does_not_count() {
    let pinned = Chain::new();
    let other = Ca::new("Compromised Root", 13);
    for spki in [
        pinned.leaf.spki(),
        pinned.issuing.spki(),
        pinned.root.spki(),
    ] {
        let in_subject = other.issue(Leaf::server("localhost").subject_bytes(&spki));
        let holds = |der: &[u8]| der.windows(spki.len()).any(|window| window == spki);
        assert!(
            holds(&in_subject.chain[0]),
            "the subject carries the pinned key"
        );
        let octets = [&[0x04, u8::try_from(spki.len()).unwrap()][..], &spki].concat();
        let in_extension = Leaf::server("localhost").extension(&[1, 3, 6, 1, 4, 1, 99_999], octets);
        let in_extension = other.issue(in_extension);
        assert!(
            holds(&in_extension.chain[0]),
            "an extension carries the pinned key"
        );
        for issued in [in_subject, in_extension] {
            let client = client(&other)
                .pins(only(Pin::of_spki(&spki)))
                .build()
                .unwrap();
            let server = server(&issued).build().unwrap();
            let mut pair = Pair::new(&client, &server);
            let refused = Outcome::by_client(MISMATCH, "certificate_unknown");
            assert_eq!(Outcome::of(&mut pair), refused);
            assert_eq!(
                presented(&pair, Side::Client),
                Pin::spki(issued.spki_sha256())
            );
        }
    }
}

#[test]
fn the_path_with_the_pin_is_found_among_several() {
    // One issuing CA, signed by two roots that are both trusted.
    let (first, second) = (Ca::new("First Root", 21), Ca::new("Second Root", 22));
    let issuing = first.intermediate("Cross-signed CA", 23);
    let leaf = issuing
        .issue(Leaf::server("localhost"))
        .presenting(&second.cross_sign(&issuing));
    let server = server(&leaf).build().unwrap();
    for pinned in [&first, &second] {
        for trusted in [[&first, &second], [&second, &first]] {
            let trusted = anchors(trusted[0]).and(anchors(trusted[1]));
            let pins = only(Pin::spki(pinned.spki_sha256()));
            let client = ClientConfig::builder(provider(), trusted)
                .pins(pins)
                .build()
                .unwrap();
            let mut pair = Pair::new(&client, &server);
            assert_eq!(Outcome::of(&mut pair), Outcome::Full);
            assert_eq!(matched(&pair, Side::Client), Some(0));
        }
    }
    // With only one of them trusted, the other's key is in the chain and not on the path.
    let pins = only(Pin::spki(second.spki_sha256()));
    let client = client(&first).pins(pins).build().unwrap();
    let refused = Outcome::by_client(MISMATCH, "certificate_unknown");
    assert_eq!(Outcome::at(&client, &server, NOW), refused);
}

#[test]
pub(crate) fn the_hash_of_the_certificate_as_a_key_pin_is_explained() {
    let chain = Chain::new();
    let server = server(&chain.leaf).build().unwrap();
    let der = chain.leaf.leaf_sha256();
    let pem = chain.leaf.chain_pem();
    let pem = pem
        .split_inclusive("-----END CERTIFICATE-----\n")
        .next()
        .unwrap();
    let pem = *Pin::of_spki(pem.as_bytes()).digest();
    for hash in [der, pem] {
        let client = client(&chain.root)
            .pins(only(Pin::spki(hash)))
            .build()
            .unwrap();
        let mut pair = Pair::new(&client, &server);
        let refused = Outcome::by_client("E-PIN-03", "certificate_unknown");
        assert_eq!(Outcome::of(&mut pair), refused);
        assert_eq!(
            presented(&pair, Side::Client),
            Pin::spki(chain.leaf.spki_sha256())
        );
        let text = pair.client.error.unwrap().to_string();
        assert!(text.contains("cert-sha256:"), "{text}");
    }
}

#[test]
fn a_certificate_pin_holds_for_that_leaf_only() {
    let chain = Chain::new();
    let renewed = Leaf::server("localhost")
        .key_of(&chain.leaf)
        .valid(NOT_BEFORE, NOW + 1);
    let renewed = chain.issuing.issue(renewed);
    let pin = Pin::certificate(chain.leaf.leaf_sha256());
    let issuing = Pin::of_certificate(chain.issuing.certificate());
    let refused = Outcome::by_client(MISMATCH, "certificate_unknown");
    for (issued, pin, expected) in [
        (&chain.leaf, pin, Outcome::Full),
        (&renewed, pin, refused),
        (&chain.leaf, issuing, refused),
        (&renewed, Pin::spki(chain.leaf.spki_sha256()), Outcome::Full),
    ] {
        let client = client(&chain.root).pins(only(pin)).build().unwrap();
        let server = server(issued).build().unwrap();
        assert_eq!(Outcome::at(&client, &server, NOW), expected);
    }
}

#[test]
fn a_backup_pin_is_accepted_with_a_warning() {
    let chain = Chain::new();
    let [leaf, intermediate, _] = chain.pins().map(|(_, pin)| pin);
    let server = server(&chain.leaf).build().unwrap();
    for (pins, index, severity) in [
        (PinSet::new(stray(), leaf), 1, Severity::Warning),
        (
            only(stray())
                .and(other_stray())
                .and_then(|pins| pins.and(leaf)),
            2,
            Severity::Warning,
        ),
        (PinSet::new(leaf, stray()), 0, Severity::Info),
        // Both on the path: the primary is still there.
        (PinSet::new(intermediate, leaf), 0, Severity::Info),
        (PinSet::new(leaf, intermediate), 0, Severity::Info),
    ] {
        let client = client(&chain.root).pins(pins.unwrap()).build().unwrap();
        let mut pair = Pair::new(&client, &server);
        assert_eq!(Outcome::of(&mut pair), Outcome::Full);
        assert_eq!(matched(&pair, Side::Client), Some(index));
        let event = Event::PinMatched { index };
        assert_eq!((event.severity(), event.code()), (severity, "pin-matched"));
    }
}

/// A pin says which of the valid chains is meant. It never makes a chain valid.
#[test]
pub(crate) fn no_pin_replaces_the_chain() {
    let chain = Chain::new();
    let expired = Leaf::server("localhost").valid(NOT_BEFORE, NOW - 1);
    let other_name = chain.issuing.issue(Leaf::server("other.example"));
    let expired = chain.issuing.issue(expired);
    for (issued, trusted, code, alert) in [
        (&chain.leaf, &setup().ca, "E-CRT-01", "unknown_ca"),
        (&expired, &chain.root, "E-CRT-02", "certificate_expired"),
        (&other_name, &chain.root, "E-CRT-04", "bad_certificate"),
    ] {
        for pin in [
            Pin::spki(issued.spki_sha256()),
            Pin::certificate(issued.leaf_sha256()),
            Pin::spki(chain.issuing.spki_sha256()),
            Pin::spki(chain.root.spki_sha256()),
        ] {
            let client = client(trusted).pins(only(pin)).build().unwrap();
            let server = server(issued).build().unwrap();
            let mut pair = Pair::new(&client, &server);
            assert_eq!(Outcome::of(&mut pair), Outcome::by_client(code, alert));
            assert_eq!(matched(&pair, Side::Client), None);
        }
    }
}

#[test]
pub(crate) fn a_client_without_a_certificate_matches_no_pin() {
    let ca = &setup().ca;
    let pins = || only(Pin::spki(setup().client.spki_sha256()));
    let anonymous = client(ca).build().unwrap();
    let server = |client_auth| {
        server(&setup().server)
            .client_auth(client_auth)
            .pins(pins())
    };
    let required = server(ClientAuth::Required(anchors(ca))).build().unwrap();
    let missing = Outcome::by_server("E-CRT-07", "certificate_required");
    assert_eq!(Outcome::at(&anonymous, &required, NOW), missing);
    // Optional admits it as nobody: no pin has matched, and no identity is shown.
    let optional = server(ClientAuth::Optional(anchors(ca))).build().unwrap();
    let mut pair = Pair::new(&anonymous, &optional);
    assert_eq!(Outcome::of(&mut pair), Outcome::Full);
    assert_eq!(matched(&pair, Side::Server), None);
    assert!(pair.server.events.contains(&Event::PeerWithoutCertificate));
    assert_eq!(pair.server.connection.peer().unwrap().leaf_pin(), None);
    // But whoever shows a certificate must show the pinned one.
    let bob = ca.issue(Leaf::client("bob"));
    let bob = client(ca).identity(identity(&bob)).build().unwrap();
    let refused = Outcome::by_server(MISMATCH, "certificate_unknown");
    assert_eq!(Outcome::at(&bob, &optional, NOW), refused);
}

#[test]
fn a_pin_is_reported_again_on_resumption() {
    let chain = Chain::new();
    let [leaf, ..] = chain.pins().map(|(_, pin)| pin);
    let client = client(&chain.root)
        .pins(PinSet::new(stray(), leaf).unwrap())
        .build()
        .unwrap();
    let server = server(&chain.leaf).build().unwrap();
    for expected in [Outcome::Full, Outcome::Resumed, Outcome::Resumed] {
        let mut pair = Pair::new(&client, &server);
        assert_eq!(Outcome::of(&mut pair), expected);
        assert_eq!(matched(&pair, Side::Client), Some(1));
    }
}

fn pinning_server(clients: &Ca, pins: PinSet) -> ServerConfig {
    let client_auth = ClientAuth::Required(anchors(clients));
    let server = server(&setup().server).client_auth(client_auth).pins(pins);
    server.build().unwrap()
}

fn provider() -> std::sync::Arc<ravelin_core::provider::CryptoProvider> {
    std::sync::Arc::new(ravelin_tests::provider::seeded(1))
}

fn only(pin: Pin) -> PinSet {
    PinSet::without_backup(pin)
}

/// The pins of keys that nobody here has.
fn stray() -> Pin {
    Pin::spki([0x5a; 32])
}

fn other_stray() -> Pin {
    Pin::spki([0xa5; 32])
}

/// The index of the pin that `side` found.
fn matched(pair: &Pair, side: Side) -> Option<u8> {
    let events = match side {
        Side::Client => &pair.client.events,
        Side::Server => &pair.server.events,
    };
    let mut found = events.iter().filter_map(|event| {
        if let Event::PinMatched { index } = event {
            Some(*index)
        } else {
            None
        }
    });
    let index = found.next();
    assert_eq!(found.next(), None, "reported once");
    index
}

/// The key that the refusal of `side` shows.
fn presented(pair: &Pair, side: Side) -> Pin {
    let end = match side {
        Side::Client => &pair.client,
        Side::Server => &pair.server,
    };
    match end.error {
        Some(Error::Peer(
            PeerError::PinMismatch { presented } | PeerError::PinIsCertificateHash { presented },
        )) => presented.unwrap(),
        other => panic!("{other:?} is no refusal for want of a pin"),
    }
}
