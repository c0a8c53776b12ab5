//! Tickets that are not what the server handed out. Each ends in a full handshake, never in a broken one.

use std::sync::{Arc, Mutex, PoisonError};

use ravelin_core::config::{ClientResumption, ServerResumption};
use ravelin_core::pki_types::ServerName;
use ravelin_core::{Connection, ServerConfig};
use ravelin_tests::ca::{Leaf, NOW};
use ravelin_tests::foreign;
use ravelin_tests::pair::{Endpoint, Pair, Side};
use ravelin_tests::parties::{self, Outcome};
use ravelin_tests::provider::seeded;
use ravelin_tests::setup::{identity, setup};
use rustls::crypto::CryptoProvider;
use rustls::crypto::cipher::{
    AeadKey, Iv, MessageDecrypter, MessageEncrypter, OutboundChunks, OutboundOpaqueMessage,
    OutboundPlainMessage, Tls13AeadAlgorithm, UnsupportedOperationError,
};
use rustls::version::TLS13;
use rustls::{
    CipherSuiteCommon, ConnectionTrafficSecrets, ContentType, Error, HandshakeKind,
    SupportedCipherSuite, Tls13CipherSuite,
};

#[test]
fn a_ticket_changed_in_any_byte_is_not_resumed() {
    for resumption in [ServerResumption::tickets(), ServerResumption::cache(1024)] {
        let forger = Forger::new();
        let server = forger.server(resumption);
        assert_eq!(
            forger.second_handshake(&server, <[u8]>::to_vec),
            Outcome::Resumed,
            "untouched"
        );
        let len = forger.length();
        for at in 0..len {
            let change = move |ticket: &[u8]| {
                let mut ticket = ticket.to_vec();
                ticket[at] ^= 1 << (at % 8);
                ticket
            };
            let outcome = forger.second_handshake(&server, change);
            assert_eq!(outcome, Outcome::Full, "byte {at} of {len}");
        }
    }
}

#[test]
fn a_ticket_of_another_length_is_not_resumed() {
    for resumption in [ServerResumption::tickets(), ServerResumption::cache(1024)] {
        let forger = Forger::new();
        let server = forger.server(resumption);
        assert_eq!(
            forger.second_handshake(&server, <[u8]>::to_vec),
            Outcome::Resumed,
            "untouched"
        );
        for len in (1..forger.length()).step_by(7) {
            let outcome = forger.second_handshake(&server, move |ticket| ticket[..len].to_vec());
            assert_eq!(outcome, Outcome::Full, "the first {len} bytes");
        }
        let longer = |ticket: &[u8]| [ticket, &[0; 9]].concat();
        assert_eq!(forger.second_handshake(&server, longer), Outcome::Full);
        let largest = forger.second_handshake(&server, |_| vec![7; 9000]);
        assert_eq!(largest, Outcome::Full);
    }
}

#[test]
fn a_ticket_of_another_server_is_not_resumed() {
    let sessions = ClientResumption::default();
    let client = parties::client(&setup().ca).resumption(sessions);
    let client = client.build().unwrap();
    let server = |resumption| {
        let server = parties::server(&setup().server).resumption(resumption);
        server.build().unwrap()
    };
    for make in [ServerResumption::tickets, || ServerResumption::cache(9)] {
        assert_eq!(Outcome::at(&client, &server(make()), NOW), Outcome::Full);
        assert_eq!(Outcome::at(&client, &server(make()), NOW), Outcome::Full);
        drop(Pair::new(&client, &server(make())));
    }
    // From a cache to tickets and back: what the one hands out means nothing to the other.
    let stores = [ServerResumption::cache(9), ServerResumption::tickets()].map(server);
    for store in stores.iter().cycle().take(4) {
        assert_eq!(Outcome::at(&client, store, NOW), Outcome::Full);
    }
}

#[test]
fn a_session_in_the_cache_is_resumed_once_even_when_the_hello_is_replayed() {
    for (resumption, replayed) in [
        (ServerResumption::cache(9), false),
        // A ticket may come twice: there is no early data, so nothing happens twice.
        (ServerResumption::tickets(), true),
    ] {
        let server = parties::server(&setup().server).resumption(resumption);
        let server = server.build().unwrap();
        let client = parties::client(&setup().ca).build().unwrap();
        assert_eq!(Outcome::at(&client, &server, NOW), Outcome::Full);
        let mut pair = Pair::new(&client, &server);
        let hello = pair.client.connection.transmit().to_vec();
        let flights = [(); 2].map(|()| {
            let connection = Connection::server(&server, foreign::now()).unwrap();
            let mut server = Endpoint::new(connection);
            server.wire.extend(&hello);
            while server.deliver(usize::MAX, foreign::now()) {}
            assert_eq!(server.error, None);
            server.transmit(foreign::now()).len()
        });
        // A flight without a certificate is that of a resumption.
        let certificate = setup().server.chain[0].len();
        assert!(flights[0] < certificate, "the first is resumed");
        assert_eq!(flights[1] < certificate, replayed);
        pair.transmit(Side::Client);
    }
}

#[test]
pub(crate) fn early_data_is_never_offered_nor_accepted() {
    let server = parties::server(&setup().server).build().unwrap();
    let mut config = foreign::client(&[&TLS13], &setup().ca, None);
    config.enable_early_data = true;
    assert_eq!(super::meet(&config, &server).1, HandshakeKind::Full);
    let rustls::Connection::Client(mut theirs) = foreign::connect(&Arc::new(config)) else {
        panic!("a client");
    };
    assert!(theirs.early_data().is_none(), "our ticket allows none");

    // A server that would take it: our client resumes, and offers nothing.
    let mut config = foreign::server(&[&TLS13], &setup().server);
    config.max_early_data_size = u32::MAX;
    let config = Arc::new(config);
    let client = parties::client(&setup().ca).build().unwrap();
    for resumed in [false, true] {
        let name = ServerName::try_from("localhost").unwrap();
        let ours = Connection::client(&client, name, foreign::now()).unwrap();
        let mut ours = Endpoint::new(ours);
        let mut theirs = foreign::accept(&config);
        assert_eq!(foreign::drive(&mut ours, &mut theirs, foreign::now()), None);
        assert_eq!(ours.connection.peer().unwrap().is_resumed(), resumed);
        let rustls::Connection::Server(mut theirs) = theirs else {
            panic!("a server");
        };
        assert!(theirs.early_data().is_none());
    }
}

#[test]
fn a_session_with_a_large_chain_is_resumed() {
    // The ticket holds the client's chain, and comes back within one ClientHello.
    let names = (0..600).map(|number| format!("name-{number}.clients.example"));
    let leaf = names.fold(Leaf::client("alice"), |leaf, name| leaf.dns(&name));
    let alice = setup().ca.issue(leaf);
    assert!(alice.chain[0].len() > 15_000);
    let server = setup().mutual(seeded(2)).build().unwrap();
    let client = parties::client(&setup().ca)
        .identity(identity(&alice))
        .build()
        .unwrap();
    assert_eq!(Outcome::at(&client, &server, NOW), Outcome::Full);
    assert_eq!(Outcome::at(&client, &server, NOW), Outcome::Resumed);
}

/// A server whose tickets reach the client in another form.
///
/// A new ticket is sealed in a record like any other handshake message: this provider changes it right before.
struct Forger {
    provider: CryptoProvider,
    forging: &'static Mutex<Forging>,
}

type Change = dyn Fn(&[u8]) -> Vec<u8> + Send;

struct Forging {
    change: Box<Change>,
    /// The length of the last genuine ticket.
    length: usize,
}

impl Forger {
    fn new() -> Self {
        let forging: &Mutex<Forging> = Box::leak(Box::new(Mutex::new(Forging {
            change: Box::new(<[u8]>::to_vec),
            length: 0,
        })));
        let mut provider = seeded(2);
        for suite in &mut provider.cipher_suites {
            if let SupportedCipherSuite::Tls13(inner) = *suite {
                *suite = SupportedCipherSuite::Tls13(Box::leak(Box::new(Tls13CipherSuite {
                    common: CipherSuiteCommon {
                        suite: inner.common.suite,
                        hash_provider: inner.common.hash_provider,
                        confidentiality_limit: inner.common.confidentiality_limit,
                    },
                    hkdf_provider: inner.hkdf_provider,
                    aead_alg: Box::leak(Box::new(ForgingAead {
                        inner: inner.aead_alg,
                        forging,
                    })),
                    quic: None,
                })));
            }
        }
        Self { provider, forging }
    }

    fn server(&self, resumption: ServerResumption) -> ServerConfig {
        let provider = Arc::new(self.provider.clone());
        let server = ServerConfig::builder(provider, identity(&setup().server));
        server.resumption(resumption).build().unwrap()
    }

    /// What becomes of a client that comes back with what `change` made of its ticket.
    fn second_handshake(
        &self,
        server: &ServerConfig,
        change: impl Fn(&[u8]) -> Vec<u8> + Send + 'static,
    ) -> Outcome {
        self.forging.lock().unwrap().change = Box::new(change);
        let client = parties::client(&setup().ca).build().unwrap();
        assert_eq!(Outcome::at(&client, server, NOW), Outcome::Full);
        assert_eq!(client.resumption().len(), 1, "there is a ticket");
        Outcome::at(&client, server, NOW)
    }

    /// The bytes of the last genuine ticket.
    fn length(&self) -> usize {
        self.forging.lock().unwrap().length
    }
}

struct ForgingAead {
    inner: &'static dyn Tls13AeadAlgorithm,
    forging: &'static Mutex<Forging>,
}

impl Tls13AeadAlgorithm for ForgingAead {
    fn encrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageEncrypter> {
        Box::new(ForgingEncrypter {
            inner: self.inner.encrypter(key, iv),
            forging: self.forging,
        })
    }

    fn decrypter(&self, key: AeadKey, iv: Iv) -> Box<dyn MessageDecrypter> {
        self.inner.decrypter(key, iv)
    }

    fn key_len(&self) -> usize {
        self.inner.key_len()
    }

    fn extract_keys(
        &self,
        key: AeadKey,
        iv: Iv,
    ) -> Result<ConnectionTrafficSecrets, UnsupportedOperationError> {
        self.inner.extract_keys(key, iv)
    }
}

struct ForgingEncrypter {
    inner: Box<dyn MessageEncrypter>,
    forging: &'static Mutex<Forging>,
}

impl MessageEncrypter for ForgingEncrypter {
    fn encrypt(
        &mut self,
        message: OutboundPlainMessage<'_>,
        seq: u64,
    ) -> Result<OutboundOpaqueMessage, Error> {
        let plaintext = message.payload.to_vec();
        if message.typ != ContentType::Handshake || plaintext[0] != NEW_SESSION_TICKET {
            return self.inner.encrypt(message, seq);
        }
        let mut forging = self.forging.lock().unwrap_or_else(PoisonError::into_inner);
        let forged = with_ticket(&plaintext, |ticket| {
            forging.length = ticket.len();
            (forging.change)(ticket)
        });
        let message = OutboundPlainMessage {
            payload: OutboundChunks::Single(&forged),
            ..message
        };
        self.inner.encrypt(message, seq)
    }

    fn encrypted_payload_len(&self, payload_len: usize) -> usize {
        self.inner.encrypted_payload_len(payload_len)
    }
}

/// RFC 8446, 4.
const NEW_SESSION_TICKET: u8 = 4;

/// A NewSessionTicket (RFC 8446, 4.6.1) with another ticket in it: type, length, lifetime, age_add, nonce with its
/// length, ticket with its length, extensions.
fn with_ticket(message: &[u8], change: impl FnOnce(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let nonce = 4 + 4 + 4;
    let ticket = nonce + 1 + usize::from(message[nonce]);
    let length = usize::from(u16::from_be_bytes([message[ticket], message[ticket + 1]]));
    let (front, rest) = message.split_at(ticket);
    let (genuine, extensions) = rest[2..].split_at(length);
    let forged = change(genuine);
    let size = u16::try_from(forged.len()).unwrap().to_be_bytes();
    let body = [&front[4..], &size, &forged, extensions].concat();
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[NEW_SESSION_TICKET], &length[1..], &body].concat()
}
