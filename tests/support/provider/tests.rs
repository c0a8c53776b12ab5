use std::io::{Read as _, Write as _};
use std::ops::DerefMut;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::crypto::cipher::{
    AeadKey, InboundOpaqueMessage, Iv, OutboundChunks, OutboundPlainMessage,
};
use rustls::server::WebPkiClientVerifier;
use rustls::time_provider::TimeProvider;
use rustls::version::TLS13;
use rustls::{
    ClientConfig, ClientConnection, ConnectionCommon, ContentType, Error, NamedGroup,
    ProtocolVersion, RootCertStore, ServerConfig, ServerConnection, SideData, SignatureScheme,
    SupportedCipherSuite,
};
use rustls_pki_types::{PrivatePkcs1KeyDer, ServerName, UnixTime};

use super::*;
use crate::ca::{Ca, Leaf, NOW};

#[test]
fn the_same_seeds_give_the_same_flights() {
    let first = Run::new(seeded(1), seeded(2));
    let second = Run::new(seeded(1), seeded(2));
    assert_eq!(first.transcript, second.transcript);
}

/// Recorded transcripts stand on these bytes: a dependency that changes them must be seen.
#[test]
fn the_flights_stay_what_they_were() {
    let run = Run::new(seeded(1), seeded(2));
    let digest = Sha256::digest(&run.transcript);
    assert_eq!(
        hex(&digest),
        "f0be252a59a4e43c7973487b97d4df63180972fab9b115f71341b8cef9d26b82"
    );
}

#[test]
fn another_seed_gives_other_flights() {
    let run = Run::new(seeded(1), seeded(2));
    assert_ne!(run.transcript, Run::new(seeded(3), seeded(2)).transcript);
    assert_ne!(run.transcript, Run::new(seeded(1), seeded(3)).transcript);
}

#[test]
fn every_suite_and_group_completes_a_mutual_handshake() {
    for suite in seeded(0).cipher_suites {
        for group in 0..2 {
            let only = |seed| {
                let mut provider = seeded(seed);
                provider.cipher_suites = vec![suite];
                provider.kx_groups = vec![provider.kx_groups[group]];
                provider
            };
            let run = Run::new(only(1), only(2));
            assert_eq!(run.client.negotiated_cipher_suite(), Some(suite));
            let negotiated = run.server.negotiated_key_exchange_group().unwrap().name();
            assert_eq!(
                negotiated,
                [NamedGroup::X25519, NamedGroup::secp256r1][group]
            );
            assert_eq!(run.server.peer_certificates().unwrap().len(), 1);
        }
    }
}

#[test]
fn a_hello_retry_request_is_reproducible_too() {
    let run = || {
        let mut server = seeded(2);
        server.kx_groups.remove(0);
        Run::new(seeded(1), server)
    };
    let negotiated = run().client.negotiated_key_exchange_group().unwrap().name();
    assert_eq!(negotiated, NamedGroup::secp256r1);
    assert_eq!(run().transcript, run().transcript);
}

#[test]
fn the_stream_starts_anew_with_each_provider_and_goes_on_in_its_clones() {
    let draw = |provider: &CryptoProvider| {
        let mut bytes = [0; 40];
        provider.secure_random.fill(&mut bytes).unwrap();
        bytes
    };
    let provider = seeded(1);
    let (first, second) = (draw(&provider), draw(&provider.clone()));
    assert_ne!(first, second);
    assert_ne!(first[..8], first[32..]);

    let again = seeded(1);
    assert_eq!((draw(&again), draw(&again)), (first, second));
}

/// Session tickets are sealed with the TLS 1.3 suites whose key has 32 bytes.
#[test]
fn suites_with_a_32_byte_key_seal_outside_a_connection() {
    let mut sealed_with = 0;
    for suite in seeded(0).cipher_suites {
        let aead = aead_of(suite);
        if aead.key_len() != 32 {
            continue;
        }
        sealed_with += 1;
        let seal = || {
            let plain = OutboundPlainMessage {
                typ: ContentType::ApplicationData,
                version: ProtocolVersion::TLSv1_2,
                payload: OutboundChunks::Single(b"ticket"),
            };
            let mut encrypter = aead.encrypter(AeadKey::from([7; 32]), Iv::from([9; 12]));
            encrypter.encrypt(plain, 3).unwrap().encode().split_off(5)
        };
        let open = |sealed: &mut [u8], seq| {
            let opaque = InboundOpaqueMessage::new(
                ContentType::ApplicationData,
                ProtocolVersion::TLSv1_2,
                sealed,
            );
            let mut decrypter = aead.decrypter(AeadKey::from([7; 32]), Iv::from([9; 12]));
            decrypter
                .decrypt(opaque, seq)
                .map(|plain| plain.payload.to_vec())
        };
        assert_eq!(open(&mut seal(), 3), Ok(b"ticket".to_vec()));
        assert_eq!(open(&mut seal(), 4), Err(Error::DecryptError));
        assert_eq!(open(&mut seal()[..15], 3), Err(Error::DecryptError));
        for at in 0..seal().len() {
            let mut sealed = seal();
            sealed[at] ^= 1;
            assert_eq!(open(&mut sealed, 3), Err(Error::DecryptError), "byte {at}");
        }
    }
    assert_eq!(sealed_with, 2);
}

#[test]
fn key_shares_that_no_peer_may_send_are_refused() {
    let provider = seeded(1);
    let refused = |group: usize, share: &[u8]| {
        let exchange = provider.kx_groups[group].start().unwrap();
        let refusal = exchange.complete(share).map(|_| ());
        assert_eq!(
            refusal,
            Err(rustls::PeerMisbehaved::InvalidKeyShare.into()),
            "{share:?}"
        );
    };
    refused(0, &[0; 32]); // small order
    refused(0, &[9; 31]);
    refused(0, &[9; 33]);
    refused(1, &[]);
    refused(1, &[4; 65]); // not on the curve
    let point = provider.kx_groups[1].start().unwrap().pub_key().to_vec();
    refused(1, &[&[0x02 | (point[64] & 1)], &point[1..33]].concat()); // compressed
    refused(1, &point[..64]);
}

#[test]
fn private_keys_load_from_pkcs8_and_sec1_only() {
    let issued = Ca::new("root", 1).issue(Leaf::server("localhost"));
    let load = |key| seeded(1).key_provider.load_private_key(key);
    for key in [issued.key(), issued.key_sec1()] {
        let key = load(key).unwrap();
        assert_eq!(key.public_key().unwrap().as_ref(), issued.spki());
        assert!(key.choose_scheme(&[SignatureScheme::ED25519]).is_none());
    }
    assert!(load(PrivatePkcs1KeyDer::from(vec![0x30, 0]).into()).is_err());
    assert!(load(rustls_pki_types::PrivatePkcs8KeyDer::from(issued.spki()).into()).is_err());
}

/// RFC 7748 section 5.2 and RFC 6979 appendix A.2.5: agreement with itself would prove little.
#[test]
fn the_arithmetic_is_that_of_the_rfcs() {
    let scalar = unhex("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4");
    let point = unhex("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c");
    let shared = x25519_dalek::x25519(scalar.try_into().unwrap(), point.try_into().unwrap());
    assert_eq!(
        hex(&shared),
        "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"
    );

    let secret = unhex("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721");
    let sec1 = p256::SecretKey::from_slice(&secret)
        .unwrap()
        .to_sec1_der()
        .unwrap()
        .to_vec();
    let key = seeded(1)
        .key_provider
        .load_private_key(rustls_pki_types::PrivateSec1KeyDer::from(sec1).into())
        .unwrap();
    let signer = key
        .choose_scheme(&[SignatureScheme::ECDSA_NISTP256_SHA256])
        .unwrap();
    let signature = hex(&signer.sign(b"sample").unwrap());
    assert!(signature.contains("efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716"));
    assert!(signature.contains("f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8"));
}

/// A whole mutual handshake, tickets and one message each way, on rustls' buffered connections.
struct Run {
    client: ClientConnection,
    server: ServerConnection,
    /// Every flight in the order of sending.
    transcript: Vec<u8>,
}

impl Run {
    fn new(client: CryptoProvider, server: CryptoProvider) -> Self {
        let ca = Ca::new("root", 1);
        let mut roots = RootCertStore::empty();
        roots.add(ca.root()).unwrap();
        let roots = Arc::new(roots);
        let (client, server) = (Arc::new(client), Arc::new(server));

        let identity = ca.issue(Leaf::client("client"));
        let mut config = ClientConfig::builder_with_details(client, Arc::new(Fixed))
            .with_protocol_versions(&[&TLS13])
            .unwrap()
            .with_root_certificates(roots.clone())
            .with_client_auth_cert(identity.chain.clone(), identity.key())
            .unwrap();
        config.resumption = Resumption::in_memory_sessions(4);
        let name = ServerName::try_from("localhost").unwrap();
        let client = ClientConnection::new(Arc::new(config), name).unwrap();

        let identity = ca.issue(Leaf::server("localhost"));
        let verifier = WebPkiClientVerifier::builder_with_provider(roots, server.clone())
            .build()
            .unwrap();
        let config = ServerConfig::builder_with_details(server, Arc::new(Fixed))
            .with_protocol_versions(&[&TLS13])
            .unwrap()
            .with_client_cert_verifier(verifier)
            .with_single_cert(identity.chain.clone(), identity.key())
            .unwrap();
        let server = ServerConnection::new(Arc::new(config)).unwrap();

        let mut run = Self {
            client,
            server,
            transcript: Vec::new(),
        };
        run.exchange();
        assert!(!run.client.is_handshaking() && !run.server.is_handshaking());
        run.client.writer().write_all(b"ping").unwrap();
        run.server.writer().write_all(b"pong").unwrap();
        run.exchange();
        let mut read = [[0; 4]; 2];
        run.server.reader().read_exact(&mut read[0]).unwrap();
        run.client.reader().read_exact(&mut read[1]).unwrap();
        assert_eq!(read, [*b"ping", *b"pong"]);
        run
    }

    fn exchange(&mut self) {
        while self.client.wants_write() || self.server.wants_write() {
            carry(&mut self.client, &mut self.server, &mut self.transcript);
            carry(&mut self.server, &mut self.client, &mut self.transcript);
        }
    }
}

fn carry<A, B>(
    from: &mut impl DerefMut<Target = ConnectionCommon<A>>,
    to: &mut impl DerefMut<Target = ConnectionCommon<B>>,
    transcript: &mut Vec<u8>,
) where
    A: SideData,
    B: SideData,
{
    let start = transcript.len();
    while from.wants_write() {
        from.write_tls(transcript).unwrap();
    }
    let mut flight = &transcript[start..];
    while !flight.is_empty() {
        to.read_tls(&mut flight).unwrap();
        to.process_new_packets().unwrap();
    }
}

#[derive(Debug)]
struct Fixed;

impl TimeProvider for Fixed {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(NOW)))
    }
}

fn aead_of(suite: SupportedCipherSuite) -> &'static dyn rustls::crypto::cipher::Tls13AeadAlgorithm {
    suite.tls13().unwrap().aead_alg
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}
