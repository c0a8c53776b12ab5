//! The TLS of the peer whose promises this project keeps: each row of its record that was broken, ignored or
//! dangerous, as a test. `pN` is the number of the probe that showed it there.
//!
//! Where another scenario holds the assertion already, the test here calls it.

use std::sync::Arc;
use std::time::Duration;

use ravelin_core::config::ConfigError;
use ravelin_core::pki_types::{CertificateDer, ServerName};
use ravelin_core::trust::pin::{Pin, PinSet};
use ravelin_core::{
    ClientAuth, ClientConfig, Connection, Event, Phase, ServerConfig, TrustAnchors, Version,
    provider,
};
use ravelin_tests::ca::{Ca, Leaf};
use ravelin_tests::foreign::{self, Presents};
use ravelin_tests::pair::{Endpoint, Pair, Side};
use ravelin_tests::parties::{Outcome, client, server};
use ravelin_tests::provider::seeded;
use ravelin_tests::setup::{identity, setup};
use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;
use rustls::version::TLS13;

use super::{authority, client_auth, config, pins};

// Construction.

/// There any construction panicked unless the caller had installed a provider for the process.
#[test]
fn p1_a_provider_is_always_explicit() {
    const CHILD: &str = "RAVELIN_TEST_PROVIDER_CHILD";
    const NAME: &str = "turbomcp::p1_a_provider_is_always_explicit";
    if std::env::var_os(CHILD).is_none() {
        // A process of its own: the default is the process's.
        let program = std::env::current_exe().unwrap();
        let output = std::process::Command::new(program)
            .args(["--exact", NAME, "--nocapture"])
            .env(CHILD, "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(
            output.status.success() && said.contains("1 passed"),
            "{said}"
        );
        return;
    }
    let on = |provider: fn() -> Arc<CryptoProvider>| {
        let server = ServerConfig::builder(provider(), identity(&setup().server))
            .build()
            .unwrap();
        let client = ClientConfig::builder(provider(), setup().anchors())
            .build()
            .unwrap();
        assert_eq!(Outcome::of(&mut Pair::new(&client, &server)), Outcome::Full);
    };
    let providers: [fn() -> Arc<CryptoProvider>; 2] = [|| Arc::new(seeded(4)), provider::aws_lc_rs];
    providers.into_iter().for_each(on);
    assert!(
        CryptoProvider::get_default().is_none(),
        "nothing was installed on the way"
    );
    let useless = CryptoProvider {
        cipher_suites: Vec::new(),
        kx_groups: Vec::new(),
        ..seeded(5)
    };
    useless.install_default().unwrap();
    providers.into_iter().for_each(on);
}

/// There the server bound nothing and its `receive` was `None` for ever.
#[test]
fn p2_a_server_is_ready_to_accept_and_receives() {
    let server = setup().mutual(seeded(2)).build().unwrap();
    let client = setup().client(seeded(1)).build().unwrap();
    let mut pair = Pair::new(&client, &server);
    pair.establish();
    pair.send(Side::Client, b"request");
    pair.send(Side::Server, b"answer");
    pair.drive();
    assert_eq!(
        (&pair.server.plaintext[..], &pair.client.plaintext[..]),
        (&b"request"[..], &b"answer"[..])
    );
}

/// There the name that was verified was `localhost`, whatever the client connected to.
#[test]
fn p3_client_verifies_the_name_it_connects_to_not_localhost() {
    config::a_certificate_serves_exactly_its_names();
    let example = server(&setup().ca.issue(Leaf::server("mcp.example")))
        .build()
        .unwrap();
    let client = client(&setup().ca).build().unwrap();
    let mut pair = Pair::at(&client, &example, "mcp.example", ravelin_tests::ca::NOW);
    assert_eq!(Outcome::of(&mut pair), Outcome::Full);
    assert_eq!(
        pair.server.connection.peer().unwrap().server_name(),
        Some("mcp.example")
    );
    let refused = Outcome::by_client("E-CRT-04", "bad_certificate");
    assert_eq!(Outcome::of(&mut Pair::new(&client, &example)), refused);
}

/// There only public roots were trusted, and a CA of one's own could not be added.
#[test]
fn p3_a_private_ca_can_be_trusted_and_is_the_only_one() {
    config::several_cas_may_vouch_for_servers();
}

/// There the CA file was a setting that nothing read.
#[test]
fn p3_the_ca_file_is_read_and_nothing_replaces_it() {
    config::trust_anchors_come_as_pem_and_as_der();
    for nothing in [&b""[..], b"# no certificate here\n"] {
        assert_eq!(
            TrustAnchors::from_pem(nothing).err(),
            Some(ConfigError::NoAnchors)
        );
    }
}

/// There a peer that never spoke was waited for without end.
#[test]
fn p4_a_silent_peer_hits_the_handshake_deadline() {
    let server = server(&setup().server).build().unwrap();
    let client = client(&setup().ca).build().unwrap();
    let mut pair = Pair::new(&client, &server);
    pair.advance(Duration::from_micros(9_999_999));
    assert_eq!((pair.client.error, pair.server.error), (None, None));
    pair.advance(Duration::from_micros(1));
    for end in [&pair.client, &pair.server] {
        assert_eq!(end.error.unwrap().code(), "E-TIM-01");
        assert_eq!(end.phase(), Phase::Failed);
    }
}

/// Nor does a peer that sends a byte now and then get more time.
#[test]
fn p4_a_slow_peer_hits_the_handshake_deadline() {
    let server = server(&setup().server).build().unwrap();
    let client = client(&setup().ca).build().unwrap();
    let mut pair = Pair::new(&client, &server);
    pair.transmit(Side::Client);
    for _ in 0..10 {
        assert_eq!(pair.server.error, None);
        pair.deliver(Side::Server, 1);
        pair.advance(Duration::from_secs(1));
    }
    assert_eq!(pair.server.error.unwrap().code(), "E-TIM-01");
}

// Settings that nothing read.

#[test]
fn min_version_is_obeyed() {
    config::versions::the_minimum_version_is_obeyed_on_both_sides();
}

#[test]
fn weak_cipher_suites_do_not_exist() {
    config::versions::only_aead_suites_with_forward_secrecy_are_there();
}

#[test]
fn early_data_is_off() {
    authority::tickets::forged::early_data_is_never_offered_nor_accepted();
}

#[test]
fn session_resumption_can_be_switched_and_counted() {
    authority::tickets::disabled_means_that_every_handshake_is_a_full_one();
    authority::tickets::the_number_of_tickets_is_a_setting();
}

#[test]
fn sec1_and_pkcs1_and_pkcs8_keys_load() {
    config::every_form_of_certificate_and_key_serves();
    config::rsa_keys_serve_as_pkcs1_and_as_pkcs8();
}

#[test]
fn a_configuration_prints_no_key() {
    config::secrets::debug_never_prints_a_private_key();
}

// Client authentication.

#[test]
fn optional_admits_a_client_without_certificate() {
    client_auth::optional_admits_a_client_without_a_certificate_and_says_so();
}

#[test]
fn required_and_optional_are_not_the_same() {
    client_auth::every_mode_meets_every_client();
}

/// There a server without a client CA fell back to the public roots.
#[test]
fn no_client_ca_never_means_public_roots() {
    // A mode that asks for certificates cannot be written down without anchors, and there are no empty ones.
    let none: [CertificateDer<'static>; 0] = [];
    assert_eq!(
        TrustAnchors::from_der(none).err(),
        Some(ConfigError::NoAnchors)
    );
    // One that does not ask takes nothing for proven, whatever the client has.
    let server = server(&setup().server)
        .client_auth(ClientAuth::None)
        .build()
        .unwrap();
    let client = setup().client(seeded(1)).build().unwrap();
    let mut pair = Pair::new(&client, &server);
    assert_eq!(Outcome::of(&mut pair), Outcome::Full);
    assert_eq!(pair.server.connection.peer().unwrap().leaf_pin(), None);
    assert!(pair.server.connection.peer_certificates().is_empty());
}

/// There the client's certificate could not be reached.
#[test]
fn the_facts_of_the_handshake_reach_the_application() {
    let alice = setup()
        .ca
        .issue(Leaf::client("alice").uri("spiffe://example.org/alice"));
    let client = client(&setup().ca)
        .identity(identity(&alice))
        .alpn(["mcp"])
        .build()
        .unwrap();
    let server = setup().mutual(seeded(2)).alpn(["mcp"]).build().unwrap();
    let mut pair = Pair::new(&client, &server);
    pair.transmit(Side::Client);
    pair.advance(Duration::from_millis(250));
    assert_eq!(Outcome::of(&mut pair), Outcome::Full);
    let connection = &pair.server.connection;
    assert_eq!(connection.peer_certificates(), alice.chain);
    let peer = connection.peer().unwrap();
    assert_eq!(peer.fingerprint(), Some(alice.leaf_sha256()));
    let names: Vec<_> = peer
        .names()
        .unwrap()
        .names
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(names, ["URI:spiffe://example.org/alice"]);
    assert_eq!(
        (peer.version(), peer.version().name()),
        (Version::Tls13, "TLS 1.3")
    );
    assert_eq!(
        (peer.suite_name(), peer.suite()),
        ("TLS13_AES_128_GCM_SHA256", 0x1301)
    );
    assert_eq!(
        (peer.group_name(), peer.alpn()),
        ("X25519", Some(&b"mcp"[..]))
    );
    let established = Event::Established {
        version: Version::Tls13,
        suite: 0x1301,
        group: 0x1d,
        resumed: false,
        elapsed: Duration::from_millis(250),
    };
    assert!(
        pair.server.events.contains(&established),
        "{:?}",
        pair.server.events
    );
}

/// There the names of a certificate were not looked at.
#[test]
fn a_client_whose_names_cannot_be_read_is_refused() {
    client_auth::a_client_whose_names_cannot_be_read_is_refused();
}

// Pins.

/// There pins were compared after the handshake had finished.
#[test]
fn pin_check_happens_before_any_plaintext() {
    let pins = PinSet::without_backup(Pin::spki([9; 32]));
    let refusing = client(&setup().ca).pins(pins.clone()).build().unwrap();
    let greeting = server(&setup().server).build().unwrap();
    let mut pair = Pair::new(&refusing, &greeting);
    let refused = Outcome::by_client("E-PIN-02", "certificate_unknown");
    assert_eq!(Outcome::of(&mut pair), refused);
    assert_eq!(
        pair.client.phase(),
        Phase::Failed,
        "not for ever connecting"
    );
    assert!(
        pair.server.connection.peer().is_none(),
        "the client never finished the handshake"
    );
    assert_eq!(pair.client.connection.counters().opened, 0);
    let now = pair.now;
    assert!(pair.client.connection.send(&[b"secret"], now).is_err());

    // A client may write before the server has judged it: what it wrote is not released.
    let refusing = setup().mutual(seeded(2)).pins(pins).build().unwrap();
    let mut pair = Pair::new(&setup().client(seeded(1)).build().unwrap(), &refusing);
    pair.transmit(Side::Client);
    pair.deliver(Side::Server, usize::MAX);
    pair.transmit(Side::Server);
    pair.deliver(Side::Client, usize::MAX);
    pair.send(Side::Client, b"secret request");
    let refused = Outcome::by_server("E-PIN-02", "certificate_unknown");
    assert_eq!(Outcome::of(&mut pair), refused);
    assert_eq!(pair.server.connection.counters().opened, 0);
}

#[test]
fn pins_are_not_only_compared_with_the_first_certificate() {
    pins::every_key_of_the_verified_path_can_be_pinned();
}

/// There no certificate meant no comparison.
#[test]
fn server_without_peer_certificate_never_passes_pins() {
    pins::a_client_without_a_certificate_matches_no_pin();
}

/// There a server with pins that asked for no certificate compared nothing.
#[test]
fn pins_without_client_authentication_are_refused() {
    let pins = PinSet::without_backup(Pin::spki([9; 32]));
    let refused = server(&setup().server).pins(pins).build().err();
    assert_eq!(refused, Some(ConfigError::PinsWithoutClientAuth));
}

#[test]
fn enforce_off_reports() {
    pins::report_only_admits_and_says_what_would_have_been_refused();
}

/// There the recipe of the document, the base64 hash of the PEM file, could never match and nothing said so.
#[test]
fn the_recipe_of_the_document_is_explained() {
    pins::the_hash_of_the_certificate_as_a_key_pin_is_explained();
    let text = "sha256:".to_owned() + &"0".repeat(63);
    assert_eq!(text.parse::<Pin>().unwrap_err().code(), "E-PIN-12");
}

/// There the pinned key was searched for, byte by byte, in the whole certificate.
#[test]
fn p7_pin_in_subject_does_not_count() {
    pins::the_pinned_key_in_another_certificate_s_fields_does_not_count();
}

#[test]
fn a_superfluous_certificate_does_not_count() {
    pins::a_superfluous_certificate_does_not_satisfy_a_pin();
}

#[test]
fn a_pin_does_not_replace_the_chain() {
    pins::no_pin_replaces_the_chain();
}

/// There 240 of 1760 mutated certificates made the reader panic.
#[test]
fn p8_mutated_certificates_never_panic_and_never_pass() {
    let leaf = &setup().server.chain[0];
    let below = setup()
        .ca
        .intermediate("Issuing CA", 2)
        .issue(Leaf::server("localhost"));
    let mut met = 0;
    for mutated in mutations(leaf) {
        refused_by_client(vec![mutated], &setup().server);
        met += 1;
    }
    for mutated in mutations(&below.chain[1]).step_by(3) {
        refused_by_client(vec![below.chain[0].clone(), mutated], &below);
        met += 1;
    }
    assert!(met > 2000, "{met}");
}

/// The same in a chain that is good without it: it must do no harm.
#[test]
fn p8_mutated_certificates_beside_the_path_do_no_harm() {
    let other = Ca::new("Other CA", 3).root();
    for mutated in mutations(&other).step_by(7) {
        let chain = vec![setup().server.chain[0].clone(), mutated];
        let ours = meet(chain, &setup().server);
        if let Some(error) = ours.error {
            assert!(error.code().starts_with("E-CRT-"), "{error}");
        }
    }
}

/// `der` with each byte changed in three ways, and cut off at each.
fn mutations(der: &CertificateDer<'_>) -> impl Iterator<Item = CertificateDer<'static>> {
    let der = der.to_vec();
    (0..der.len()).flat_map(move |at| {
        let changed = [0x01, 0x80, 0xff].map(|mask| {
            let mut changed = der.clone();
            changed[at] ^= mask;
            changed
        });
        changed
            .into_iter()
            .chain([der[..at].to_vec()])
            .map(CertificateDer::from)
            .collect::<Vec<_>>()
    })
}

fn refused_by_client(chain: Vec<CertificateDer<'static>>, issued: &ravelin_tests::ca::Issued) {
    let ours = meet(chain, issued);
    let error = ours.error.expect("a mutated certificate is refused");
    // An empty certificate is already no message of TLS.
    assert!(
        error.code().starts_with("E-CRT-") || error.code() == "E-TLS-03",
        "{error}"
    );
    assert!(ours.connection.peer().is_none());
}

/// Our client, with a pin on the key of `issued`, and a server that has that key and presents `chain`.
fn meet(chain: Vec<CertificateDer<'static>>, issued: &ravelin_tests::ca::Issued) -> Endpoint {
    let provider = provider::aws_lc_rs();
    let key = provider
        .key_provider
        .load_private_key(issued.key())
        .unwrap();
    let mut theirs = foreign::server(&[&TLS13], issued);
    theirs.cert_resolver = Arc::new(Presents(Arc::new(CertifiedKey::new(chain, key))));
    let pins = PinSet::without_backup(Pin::spki(issued.spki_sha256()));
    let client = ClientConfig::builder(provider, setup().anchors())
        .pins(pins)
        .build()
        .unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let mut ours = Endpoint::new(Connection::client(&client, name, foreign::now()).unwrap());
    foreign::drive(
        &mut ours,
        &mut foreign::accept(&Arc::new(theirs)),
        foreign::now(),
    );
    ours
}
