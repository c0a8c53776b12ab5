//! Tickets and caches: their number, their age, their keys, and what becomes of one that is not genuine.

pub(crate) mod forged;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ravelin_core::config::{ClientResumption, ServerResumption};
use ravelin_core::pki_types::{ServerName, UnixTime};
use ravelin_core::{
    ClientAuth, ClientConfig, Connection, Counters, Event, Instant, Now, ServerConfig, Version,
    provider,
};
use ravelin_tests::ca::{Ca, Leaf, NOW};
use ravelin_tests::foreign;
use ravelin_tests::pair::{Endpoint, Pair};
use ravelin_tests::parties::{self, Outcome};
use ravelin_tests::provider::seeded;
use ravelin_tests::setup::{anchors, identity, setup};
use rustls::client::{
    ClientSessionStore, Resumption, TicketRequest, Tls12ClientSessionValue, Tls13ClientSessionValue,
};
use rustls::version::{TLS12, TLS13};
use rustls::{HandshakeKind, NamedGroup, SupportedCipherSuite};

const HOUR: u64 = 3600;

#[test]
fn a_session_may_be_resumed_for_its_lifetime() {
    let resumption = || ServerResumption::tickets().lifetime(Duration::from_secs(1000));
    for (age, expected) in [
        (0, Outcome::Resumed),
        (1000, Outcome::Resumed),
        (1001, Outcome::Full),
    ] {
        let (client, server) = (client(), server(resumption()));
        assert_eq!(Outcome::at(&client, &server, NOW), Outcome::Full);
        assert_eq!(
            Outcome::at(&client, &server, NOW + age),
            expected,
            "{age} seconds"
        );
    }
    // The client would drop it in time: the server does not rely on that.
    for cache in [false, true] {
        let resumption = if cache {
            ServerResumption::cache(4).lifetime(Duration::from_secs(1000))
        } else {
            resumption()
        };
        let (client, server) = (client(), server(resumption));
        assert!(!resumes(&client, NOW, &server, NOW));
        assert!(!resumes(&client, NOW, &server, NOW + 1001));
        assert!(resumes(&client, NOW, &server, NOW + 1001));
    }
}

#[test]
fn no_session_outlives_seven_days_nor_the_default_of_six_hours() {
    let month = ServerResumption::tickets().lifetime(Duration::from_secs(30 * 24 * HOUR));
    for (resumption, longest) in [
        (month, 7 * 24 * HOUR),
        (ServerResumption::default(), 6 * HOUR),
        (ServerResumption::cache(4), 6 * HOUR),
    ] {
        for (age, expected) in [(longest, true), (longest + 1, false)] {
            let (client, server) = (client(), server(resumption.clone()));
            resumes(&client, NOW, &server, NOW);
            assert_eq!(
                resumes(&client, NOW, &server, NOW + age),
                expected,
                "{age} seconds"
            );
        }
    }
}

#[test]
fn resuming_often_does_not_prolong_a_session() {
    for resumption in [ServerResumption::tickets(), ServerResumption::cache(4)] {
        let (client, server) = (client(), server(resumption));
        let kinds = (0..=8).map(|hour| Outcome::at(&client, &server, NOW + hour * HOUR));
        let full: Vec<_> = (0..=8)
            .zip(kinds)
            .filter(|(_, kind)| *kind == Outcome::Full)
            .collect();
        // At the seventh hour six have passed since the certificates were judged.
        assert_eq!(full, [(0, Outcome::Full), (7, Outcome::Full)]);
    }
}

#[test]
fn a_clock_that_steps_back_ends_in_a_full_handshake() {
    for resumption in [ServerResumption::tickets(), ServerResumption::cache(4)] {
        let (client, server) = (client(), server(resumption));
        resumes(&client, NOW, &server, NOW);
        assert!(
            !resumes(&client, NOW, &server, NOW - 10),
            "the server's clock"
        );
        resumes(&client, NOW, &server, NOW);
        assert!(
            !resumes(&client, NOW - 10, &server, NOW),
            "the client's clock"
        );
        assert!(resumes(&client, NOW, &server, NOW), "and nothing is spoilt");
    }
}

#[test]
fn one_wrong_sample_does_not_stop_the_rotation_of_keys() {
    let keys = ServerResumption::tickets().lifetime(Duration::from_secs(1000));
    let (client, server) = (client(), server(keys));
    let far = NOW + 5 * 365 * 24 * HOUR;
    assert!(!resumes(&client, far, &server, far));
    for step in 0..3 {
        let at = NOW + step * 500;
        assert_eq!(resumes(&client, at, &server, at), step > 0, "{step}");
    }
}

#[test]
fn the_ticket_key_before_is_accepted_and_no_older_one() {
    let keys = ServerResumption::tickets();
    let long = server(keys.clone().lifetime(Duration::from_secs(10_000)));
    // The same keys, which this configuration replaces more often. A seed of its own, or its keys were the same.
    let short = ServerConfig::builder(Arc::new(seeded(3)), identity(&setup().server))
        .client_auth(ClientAuth::Required(setup().anchors()))
        .resumption(keys.lifetime(Duration::from_secs(100)))
        .build()
        .unwrap();
    assert_eq!(short.epoch(), long.epoch());
    let holders = [client(), client(), client()];
    for holder in &holders {
        resumes(holder, NOW, &long, NOW);
    }
    assert!(
        resumes(&holders[0], NOW + 50, &long, NOW + 50),
        "the key in use"
    );
    resumes(&client(), NOW + 101, &short, NOW + 101);
    assert!(
        resumes(&holders[1], NOW + 150, &long, NOW + 150),
        "the key before"
    );
    resumes(&client(), NOW + 202, &short, NOW + 202);
    assert!(
        !resumes(&holders[2], NOW + 250, &long, NOW + 250),
        "the key before that"
    );
}

#[test]
pub(crate) fn the_number_of_tickets_is_a_setting() {
    for resumption in [ServerResumption::tickets(), ServerResumption::cache(16)] {
        for count in [0, 1, 2, 5] {
            let sessions = ClientResumption::default();
            let client = client_with(sessions.clone());
            let server = server(resumption.clone().count(count));
            let mut pair = Pair::new(&client, &server);
            assert_eq!(Outcome::of(&mut pair), Outcome::Full);
            assert_eq!(sessions.len(), usize::from(count));
            assert_eq!(sessions.is_empty(), count == 0);
            assert_eq!(tickets(&pair), [u64::from(count); 2]);
            let sent = Event::TicketsSent { count };
            assert_eq!(pair.server.events.contains(&sent), count > 0);
            assert_eq!(pair.client.events.contains(&Event::TicketStored), count > 0);
            let again = Outcome::at(&client, &server, NOW);
            assert_eq!(again == Outcome::Resumed, count > 0);
        }
        assert_eq!(
            Outcome::at(&client(), &server(resumption.count(1)), NOW),
            Outcome::Full
        );
    }
}

#[test]
fn the_number_of_tickets_bounds_what_a_client_may_ask_for() {
    // RFC 9149: a client may ask for many.
    let many = TicketRequest {
        new_session_count: 200,
        resumption_count: 200,
    };
    for (resumption, expected) in [
        (ServerResumption::tickets().count(2), 2),
        (ServerResumption::tickets().count(0), 0),
        (ServerResumption::cache(300).count(2), 2),
        (ServerResumption::cache(0), 0),
        (ServerResumption::disabled(), 0),
        (ServerResumption::disabled().count(9), 0),
    ] {
        let store = Arc::new(Keeps::default());
        let mut config = foreign::client(&[&TLS13], &setup().ca, Some(&setup().client));
        config.resumption = Resumption::store(Arc::<Keeps>::clone(&store));
        config.send_ticket_request = Some(many);
        let name = format!("{resumption:?}");
        let (ours, _) = meet(&config, &server(resumption));
        assert_eq!(store.tls13.load(Ordering::Relaxed), expected, "{name}");
        assert_eq!(
            ours.connection.counters().tickets,
            expected as u64,
            "{name}"
        );
    }
}

#[test]
fn tls_1_2_obeys_the_same_settings() {
    let keys = ServerResumption::tickets();
    for (resumption, gives) in [
        (keys.clone(), true),
        (keys.clone().count(0), false),
        (ServerResumption::cache(4), true),
        (ServerResumption::cache(4).count(0), false),
        (ServerResumption::disabled(), false),
    ] {
        let config = foreign::client(&[&TLS12], &setup().ca, Some(&setup().client));
        let old = tls12_server(resumption.clone(), false);
        let kinds = [&old, &old].map(|server| meet(&config, server).1);
        let second = if gives {
            HandshakeKind::Resumed
        } else {
            HandshakeKind::Full
        };
        assert_eq!(kinds, [HandshakeKind::Full, second], "{resumption:?}");
        // Another policy, and the session is worth nothing.
        let new = tls12_server(resumption, true);
        assert_eq!(meet(&config, &new).1, HandshakeKind::Full);
    }
}

#[test]
fn our_client_keeps_no_session_of_tls_1_2() {
    let client = ClientConfig::builder(provider::aws_lc_rs(), setup().anchors());
    let client = client.min_version(Version::Tls12).build().unwrap();
    let server = Arc::new(foreign::server(&[&TLS12], &setup().server));
    for _ in 0..2 {
        let name = ServerName::try_from("localhost").unwrap();
        let ours = Connection::client(&client, name, foreign::now()).unwrap();
        let mut theirs = foreign::accept(&server);
        let failure = foreign::drive(&mut Endpoint::new(ours), &mut theirs, foreign::now());
        assert_eq!(failure, None);
        assert_eq!(theirs.handshake_kind(), Some(HandshakeKind::Full));
        assert!(client.resumption().is_empty());
    }
}

#[test]
pub(crate) fn disabled_means_that_every_handshake_is_a_full_one() {
    let disabled = ServerResumption::disabled;
    for (client, server, stored) in [
        (client(), server(disabled()), [0, 0]),
        (
            client_with(ClientResumption::disabled()),
            server(ServerResumption::tickets()),
            [0, 1],
        ),
        (
            client_with(ClientResumption::disabled()),
            server(ServerResumption::cache(4)),
            [0, 1],
        ),
        (
            client_with(ClientResumption::disabled()),
            server(disabled()),
            [0, 0],
        ),
        (
            client_with(ClientResumption::sessions(0)),
            server(ServerResumption::tickets()),
            [0, 1],
        ),
    ] {
        for _ in 0..2 {
            let mut pair = Pair::new(&client, &server);
            assert_eq!(Outcome::of(&mut pair), Outcome::Full);
            assert_eq!(tickets(&pair), stored);
            assert!(client.resumption().is_empty());
        }
    }
    // What was handed out before is worth nothing to a server that has it disabled.
    let client = client();
    assert_eq!(
        Outcome::at(&client, &server(ServerResumption::tickets()), NOW),
        Outcome::Full
    );
    assert_eq!(
        Outcome::at(&client, &server(disabled()), NOW),
        Outcome::Full
    );
}

#[test]
fn a_provider_without_a_sealing_cipher_hands_out_no_tickets() {
    let mut provider = seeded(2);
    provider.cipher_suites.retain(|suite| match suite {
        SupportedCipherSuite::Tls13(suite) => suite.aead_alg.key_len() < 32,
        SupportedCipherSuite::Tls12(_) => false,
    });
    let server = ServerConfig::builder(Arc::new(provider), identity(&setup().server))
        .build()
        .unwrap();
    let client = client();
    for _ in 0..2 {
        let mut pair = Pair::new(&client, &server);
        assert_eq!(Outcome::of(&mut pair), Outcome::Full);
        assert_eq!(tickets(&pair), [0, 0]);
    }
}

#[test]
fn a_full_cache_forgets_the_oldest() {
    let server = server(ServerResumption::cache(2));
    let clients = [client(), client(), client()];
    for client in &clients {
        assert_eq!(Outcome::at(client, &server, NOW), Outcome::Full);
    }
    assert_eq!(Outcome::at(&clients[1], &server, NOW), Outcome::Resumed);
    assert_eq!(Outcome::at(&clients[2], &server, NOW), Outcome::Resumed);
    assert_eq!(
        Outcome::at(&clients[0], &server, NOW),
        Outcome::Full,
        "the oldest"
    );
}

#[test]
fn a_client_uses_a_ticket_once() {
    let sessions = ClientResumption::sessions(3);
    let client = client_with(sessions.clone());
    let server = server(ServerResumption::tickets().count(5));
    assert_eq!(Outcome::at(&client, &server, NOW), Outcome::Full);
    assert_eq!(sessions.len(), 3, "its capacity");
    // A ticket is taken for the ClientHello, whatever becomes of the connection.
    for left in [2, 1, 0, 0] {
        drop(Pair::new(&client, &server));
        assert_eq!(sessions.len(), left);
    }
    assert_eq!(Outcome::at(&client, &server, NOW), Outcome::Full);
}

#[test]
fn a_server_that_hands_out_many_tickets_takes_no_room_from_others() {
    let sessions = ClientResumption::default();
    let client = client_with(sessions.clone());
    let localhost = server(ServerResumption::tickets());
    let other = setup().ca.issue(Leaf::server("other.example"));
    let generous = parties::server(&other).resumption(ServerResumption::tickets().count(255));
    let generous = generous.build().unwrap();
    assert_eq!(Outcome::at(&client, &localhost, NOW), Outcome::Full);
    for _ in 0..2 {
        Pair::at(&client, &generous, "other.example", NOW).establish();
        assert_eq!(sessions.len(), 1 + 8);
    }
    assert_eq!(Outcome::at(&client, &localhost, NOW), Outcome::Resumed);
}

#[test]
fn many_large_tickets_do_not_break_the_client() {
    let names = (0..150).map(|number| format!("name-{number}.clients.example"));
    let leaf = names.fold(Leaf::client("alice"), |leaf, name| leaf.dns(&name));
    let alice = setup().ca.issue(leaf);
    let size = alice.chain[0].len();
    assert!((3000..5000).contains(&size));
    let client = parties::client(&setup().ca)
        .identity(identity(&alice))
        .build()
        .unwrap();
    let server = server(ServerResumption::tickets().count(255));
    let mut pair = Pair::new(&client, &server);
    assert_eq!(Outcome::of(&mut pair), Outcome::Full);
    let [stored, sent] = tickets(&pair);
    assert_eq!(stored, sent);
    assert_eq!(
        sent,
        16_384 / (size as u64 + 300),
        "as many as fit into 16 KiB"
    );
    assert_eq!(Outcome::at(&client, &server, NOW), Outcome::Resumed);
}

/// A client with sessions of its own.
fn client() -> ClientConfig {
    client_with(ClientResumption::default())
}

fn client_with(sessions: ClientResumption) -> ClientConfig {
    let client = parties::client(&setup().ca).identity(identity(&setup().client));
    client.resumption(sessions).build().unwrap()
}

fn server(resumption: ServerResumption) -> ServerConfig {
    let server = parties::server(&setup().server).resumption(resumption);
    server
        .client_auth(ClientAuth::Required(setup().anchors()))
        .build()
        .unwrap()
}

fn tls12_server(resumption: ServerResumption, another_policy: bool) -> ServerConfig {
    let mut trusted = setup().anchors();
    if another_policy {
        trusted = trusted.and(anchors(&Ca::new("Another CA", 3)));
    }
    ServerConfig::builder(provider::aws_lc_rs(), identity(&setup().server))
        .min_version(Version::Tls12)
        .client_auth(ClientAuth::Required(trusted))
        .resumption(resumption)
        .build()
        .unwrap()
}

/// Tickets stored by the client and handed out by the server.
fn tickets(pair: &Pair) -> [u64; 2] {
    [&pair.client, &pair.server].map(|end| {
        let Counters { tickets, .. } = end.connection.counters();
        tickets
    })
}

/// A handshake between two that have different clocks. Both must be established, and say the same.
fn resumes(
    client: &ClientConfig,
    client_unix: u64,
    server: &ServerConfig,
    server_unix: u64,
) -> bool {
    let at = |unix| {
        let unix = UnixTime::since_unix_epoch(Duration::from_secs(unix));
        Now::new(Instant::from_micros(1_000_000), unix)
    };
    let (client_now, server_now) = (at(client_unix), at(server_unix));
    let name = ServerName::try_from("localhost").unwrap();
    let mut client = Endpoint::new(Connection::client(client, name, client_now).unwrap());
    let mut server = Endpoint::new(Connection::server(server, server_now).unwrap());
    loop {
        let to_server = client.transmit(client_now);
        server.wire.extend(&to_server);
        while server.deliver(usize::MAX, server_now) {}
        let to_client = server.transmit(server_now);
        client.wire.extend(&to_client);
        while client.deliver(usize::MAX, client_now) {}
        if to_server.is_empty() && to_client.is_empty() {
            break;
        }
    }
    assert_eq!((client.error, server.error), (None, None));
    let [client, server] =
        [&client, &server].map(|end| end.connection.peer().unwrap().is_resumed());
    assert_eq!(client, server);
    client
}

/// A handshake of ours with a foreign client, which also takes the tickets.
fn meet(config: &rustls::ClientConfig, server: &ServerConfig) -> (Endpoint, HandshakeKind) {
    let mut ours = Endpoint::new(Connection::server(server, foreign::now()).unwrap());
    let mut theirs = foreign::connect(&Arc::new(config.clone()));
    assert_eq!(foreign::drive(&mut ours, &mut theirs, foreign::now()), None);
    let kind = theirs.handshake_kind().unwrap();
    let resumed = ours.connection.peer().unwrap().is_resumed();
    assert_eq!(kind == HandshakeKind::Resumed, resumed);
    (ours, kind)
}

/// Counts what a server hands out.
#[derive(Debug, Default)]
struct Keeps {
    tls13: AtomicUsize,
}

impl ClientSessionStore for Keeps {
    fn set_kx_hint(&self, _: ServerName<'static>, _: NamedGroup) {}

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        None
    }

    fn set_tls12_session(&self, _: ServerName<'static>, _: Tls12ClientSessionValue) {}

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {}

    fn insert_tls13_ticket(&self, _: ServerName<'static>, _: Tls13ClientSessionValue) {
        self.tls13.fetch_add(1, Ordering::Relaxed);
    }

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        None
    }
}
