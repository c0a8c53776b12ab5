//! A tokio-rustls client against our acceptor, and our connector against a tokio-rustls server, over loopback.

use std::sync::Arc;

use ravelin_core::{Version, provider};
use ravelin_tests::foreign;
use ravelin_tests::setup::setup;
use rustls::server::WebPkiClientVerifier;
use rustls::version::TLS13;
use rustls::{HandshakeKind, RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::PATIENCE;
use crate::adapters::adapter::localhost;

type Ours = ravelin_tokio::TlsStream<TcpStream>;
type Theirs = tokio_rustls::TlsStream<TcpStream>;

#[test]
fn tokio_rustls_and_we_authenticate_each_other() {
    with_either_as_server(async |parties| {
        let (ours, theirs) = parties.meet().await;
        let (our_leaf, their_leaf) = match parties {
            Parties::OurServer(..) => (&setup().server, &setup().client),
            Parties::OurClient(..) => (&setup().client, &setup().server),
        };
        let peer = ours.peer().unwrap();
        let connection = theirs.get_ref().1;
        assert_eq!(peer.fingerprint(), Some(their_leaf.leaf_sha256()));
        assert_eq!(
            connection.peer_certificates(),
            Some(our_leaf.chain.as_slice())
        );
        assert_eq!(peer.version(), Version::Tls13);
        assert_eq!(peer.alpn(), Some(b"mcp".as_slice()));
        assert_eq!(connection.alpn_protocol(), Some(b"mcp".as_slice()));
        let suite = connection.negotiated_cipher_suite().unwrap();
        assert_eq!(peer.suite(), u16::from(suite.suite()));
        let group = connection.negotiated_key_exchange_group().unwrap();
        assert_eq!(peer.group(), u16::from(group.name()));
        assert_eq!(peer.group_name(), "X25519MLKEM768");
    });
}

#[test]
fn tokio_rustls_and_we_send_a_quarter_mebibyte_at_once() {
    const LEN: usize = 256 * 1024;
    with_either_as_server(async |parties| {
        let (ours, theirs) = parties.meet().await;
        let [sent, answered] = [251, 241].map(|period| pattern(LEN, period));
        let (mut our_read, mut our_write) = ours.into_split();
        let (mut their_read, mut their_write) = split(theirs);
        let (received, returned, (), ()) = tokio::join!(
            receive(&mut their_read, LEN),
            receive(&mut our_read, LEN),
            send(&mut our_write, &sent),
            send(&mut their_write, &answered),
        );
        assert!(received == sent, "what tokio-rustls received differs");
        assert!(returned == answered, "what we received differs");
    });
}

#[test]
fn tokio_rustls_closes_and_reads_on() {
    with_either_as_server(async |parties| {
        let (mut ours, mut theirs) = parties.meet().await;
        closes_first(&mut theirs, &mut ours).await;
    });
}

#[test]
fn we_close_and_read_on_from_tokio_rustls() {
    with_either_as_server(async |parties| {
        let (mut ours, mut theirs) = parties.meet().await;
        closes_first(&mut ours, &mut theirs).await;
    });
}

#[test]
fn tokio_rustls_and_we_update_keys_and_answer_updates() {
    with_either_as_server(async |parties| {
        let (mut ours, mut theirs) = parties.meet().await;
        exchange(&mut ours, &mut theirs, b"the first keys").await;
        refresh(&mut theirs);
        exchange(&mut ours, &mut theirs, b"they asked").await;
        assert_eq!(ours.counters().key_updates, 0, "an answer asks nothing");
        ours.update_keys().unwrap();
        exchange(&mut ours, &mut theirs, b"we asked").await;
        assert_eq!(ours.counters().key_updates, 1);
        ours.update_keys().unwrap();
        refresh(&mut theirs);
        exchange(&mut ours, &mut theirs, b"both asked at once").await;
        exchange(&mut ours, &mut theirs, b"the last keys").await;
        assert_eq!(ours.counters().key_updates, 2);
    });
}

#[test]
fn tokio_rustls_and_we_resume() {
    with_either_as_server(async |parties| {
        for resumed in [false, true, true] {
            let (mut ours, mut theirs) = parties.meet().await;
            // The ticket comes before the first plaintext of a server.
            exchange(&mut ours, &mut theirs, b"tickets").await;
            assert!(ours.counters().tickets > 0);
            assert_eq!(ours.peer().unwrap().is_resumed(), resumed);
            let kind = match resumed {
                true => HandshakeKind::Resumed,
                false => HandshakeKind::Full,
            };
            assert_eq!(theirs.get_ref().1.handshake_kind(), Some(kind));
            // The certificates of a resumed session are those of the first.
            assert!(ours.peer().unwrap().fingerprint().is_some());
            assert!(theirs.get_ref().1.peer_certificates().is_some());
            closes_first(&mut ours, &mut theirs).await;
        }
    });
}

/// Runs `scenario` with us as the server, then with us as the client.
fn with_either_as_server(scenario: impl AsyncFn(&Parties)) {
    let executor = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    for (name, parties) in [
        ("we serve", Parties::our_server()),
        ("they serve", Parties::our_client()),
    ] {
        println!("{name}");
        executor.block_on(async {
            let run = timeout(PATIENCE, scenario(&parties));
            run.await.unwrap_or_else(|_| panic!("hangs when {name}"));
        });
    }
}

/// Both sides' configurations: connections share them, so that later ones can resume.
enum Parties {
    OurServer(ravelin_tokio::TlsAcceptor, tokio_rustls::TlsConnector),
    OurClient(ravelin_tokio::TlsConnector, tokio_rustls::TlsAcceptor),
}

impl Parties {
    fn our_server() -> Self {
        let ours = setup().mutual(provider::aws_lc_rs().as_ref().clone());
        let ours = ours.alpn(["mcp"]).build().unwrap();
        let mut theirs = foreign::client(&[&TLS13], &setup().ca, Some(&setup().client));
        theirs.alpn_protocols = vec![b"other".to_vec(), b"mcp".to_vec()];
        Self::OurServer(
            ravelin_tokio::TlsAcceptor::new(ours),
            Arc::new(theirs).into(),
        )
    }

    fn our_client() -> Self {
        let ours = setup().client(provider::aws_lc_rs().as_ref().clone());
        let ours = ours.alpn(["other", "mcp"]).build().unwrap();
        Self::OurClient(
            ravelin_tokio::TlsConnector::new(ours),
            Arc::new(their_server()).into(),
        )
    }

    /// One established connection.
    async fn meet(&self) -> (Ours, Theirs) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let near = TcpStream::connect(address).await.unwrap();
        let (far, _) = listener.accept().await.unwrap();
        match self {
            Self::OurServer(acceptor, connector) => {
                let theirs = connector.connect(localhost(), near);
                let (ours, theirs) = tokio::join!(acceptor.accept(far), theirs);
                (ours.unwrap(), theirs.unwrap().into())
            }
            Self::OurClient(connector, acceptor) => {
                let ours = connector.connect(localhost(), near);
                let (ours, theirs) = tokio::join!(ours, acceptor.accept(far));
                (ours.unwrap(), theirs.unwrap().into())
            }
        }
    }
}

fn their_server() -> ServerConfig {
    let mut roots = RootCertStore::empty();
    roots.add(setup().ca.root()).unwrap();
    let clients = WebPkiClientVerifier::builder_with_provider(roots.into(), provider::aws_lc_rs());
    let localhost = &setup().server;
    let mut config = ServerConfig::builder_with_provider(provider::aws_lc_rs())
        .with_protocol_versions(&[&TLS13])
        .unwrap()
        .with_client_cert_verifier(clients.build().unwrap())
        .with_single_cert(localhost.chain.clone(), localhost.key())
        .unwrap();
    config.alpn_protocols = vec![b"mcp".to_vec()];
    config
}

/// Asks for new keys in both directions.
fn refresh(theirs: &mut Theirs) {
    match theirs {
        Theirs::Client(stream) => stream.get_mut().1.refresh_traffic_keys(),
        Theirs::Server(stream) => stream.get_mut().1.refresh_traffic_keys(),
    }
    .unwrap();
}

/// `first` closes, and goes on reading until `second` closes too.
async fn closes_first<A, B>(first: &mut A, second: &mut B)
where
    A: AsyncRead + AsyncWrite + Unpin,
    B: AsyncRead + AsyncWrite + Unpin,
{
    send(first, b"last words").await;
    first.shutdown().await.unwrap();
    let mut received = Vec::new();
    second.read_to_end(&mut received).await.unwrap();
    assert_eq!(received, b"last words");
    send(second, b"after close_notify").await;
    second.shutdown().await.unwrap();
    received.clear();
    first.read_to_end(&mut received).await.unwrap();
    assert_eq!(received, b"after close_notify");
}

/// `message` in both directions, theirs first, and once more ours: whoever was asked for new keys has answered then.
async fn exchange(ours: &mut Ours, theirs: &mut Theirs, message: &[u8]) {
    send(theirs, message).await;
    assert_eq!(receive(ours, message.len()).await, message);
    send(ours, message).await;
    assert_eq!(receive(theirs, message.len()).await, message);
    send(theirs, message).await;
    assert_eq!(receive(ours, message.len()).await, message);
}

async fn send(stream: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) {
    stream.write_all(bytes).await.unwrap();
    stream.flush().await.unwrap();
}

async fn receive(stream: &mut (impl AsyncRead + Unpin), len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    stream.read_exact(&mut bytes).await.unwrap();
    bytes
}

/// Bytes that differ between the two directions and between neighbours.
fn pattern(len: usize, period: usize) -> Vec<u8> {
    (0..len)
        .map(|at| (at / period + at % period) as u8)
        .collect()
}
