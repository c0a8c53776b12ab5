//! What connecting by host name does.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use ravelin_core::pki_types::ServerName;
use ravelin_core::{CertificateError, Error, PeerError};
use ravelin_runtime::{ConnectError, TlsConnector, code, tls_error};
use ravelin_tests::ca::Leaf;
use ravelin_tests::parties;
use ravelin_tests::provider::seeded;
use ravelin_tests::setup::setup;

use super::adapter::{Adapter, localhost, within};
use super::injected::Injected;
use super::pipe::Pipe;
use super::streams::{ends, pattern};
use super::tls::{Tls as _, close, read, read_to_end, write_all};

/// A port where nobody listens.
fn dead_port() -> u16 {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().port()
}

/// A server that serves one connection: it waits for the client to close, and closes.
fn serve_one<A: Adapter>() -> (SocketAddr, super::BoxFuture<std::io::Result<Vec<u8>>>) {
    let mut listener = A::listen(&ends().1.build().unwrap());
    let address = listener.local_addr().unwrap();
    let serving = A::spawn(async move {
        let mut stream = listener.accept().await.await?;
        let bytes = read_to_end(&mut stream).await?;
        close(&mut stream).await?;
        Ok(bytes)
    });
    (address, serving)
}

fn injected<A: Adapter>() -> TlsConnector<Injected<A::Runtime>> {
    TlsConnector::new(ends().0.build().unwrap())
}

pub(crate) async fn every_address_is_tried_in_order<A: Adapter>() {
    let (address, serving) = serve_one::<A>();
    let host = format!("{}.{}.test", dead_port(), address.port());
    let connecting = injected::<A>().connect_host_as(localhost(), &host, 1);
    let mut stream = connecting.await.unwrap();
    std::future::poll_fn(|cx| stream.poll_close(cx))
        .await
        .unwrap();
    assert_eq!(serving.await.unwrap(), b"");
}

pub(crate) async fn an_address_that_swallows_packets_leaves_time_for_the_next<A: Adapter>() {
    let (address, serving) = serve_one::<A>();
    let host = format!("hole.{}.test", address.port());
    let connector = injected::<A>().connect_timeout(Duration::from_secs(1));
    let begun = Instant::now();
    let mut stream = connector
        .connect_host_as(localhost(), &host, 1)
        .await
        .unwrap();
    let elapsed = begun.elapsed();
    assert!(elapsed >= Duration::from_millis(490), "{elapsed:?}");
    std::future::poll_fn(|cx| stream.poll_close(cx))
        .await
        .unwrap();
    assert_eq!(serving.await.unwrap(), b"");
}

pub(crate) async fn nothing_reachable_names_every_address<A: Adapter>() {
    let (first, last) = (dead_port(), dead_port());
    let host = format!("{first}.hole.{last}.test");
    let connector = injected::<A>().connect_timeout(Duration::from_millis(300));
    let error = connector
        .connect_host_as(localhost(), &host, 9)
        .await
        .unwrap_err();
    assert_eq!(code(&error), Some("E-NET-03"));
    // The last address decides about the kind.
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
    let text = error.to_string();
    for part in [
        format!("127.0.0.1:{first} (Connection refused"),
        "127.9.9.9:9 (no answer within 0.".into(),
        format!("127.0.0.1:{last} (Connection refused"),
        "; check that the server runs".into(),
    ] {
        assert!(text.contains(&part), "{text} lacks {part}");
    }
    let inner = error
        .get_ref()
        .unwrap()
        .downcast_ref::<ConnectError>()
        .unwrap();
    assert_eq!(inner.attempts().len(), 3);
}

pub(crate) async fn a_host_without_addresses_is_said_so<A: Adapter>() {
    let error = injected::<A>().connect_host("test", 1).await.unwrap_err();
    assert_eq!(code(&error), Some("E-NET-02"));
    assert!(
        error
            .to_string()
            .starts_with("no address of test was found"),
        "{error}"
    );
}

pub(crate) async fn what_is_no_host_name_is_refused<A: Adapter>() {
    let client = ends().0.build().unwrap();
    for host in [
        "",
        "a b",
        "https://localhost",
        "localhost:8443",
        "[::1",
        "-",
    ] {
        let error = A::connect_host(&client, host, 1).await.unwrap_err();
        assert_eq!(code(&error), Some("E-NET-01"), "{host}: {error}");
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains(&format!("{host:?}")), "{error}");
    }
}

pub(crate) async fn address_literals_are_names<A: Adapter>() {
    let leaf = Leaf::server("localhost")
        .ip([127, 0, 0, 1])
        .ip(std::net::Ipv6Addr::LOCALHOST);
    let server = parties::server(&setup().ca.issue(leaf)).build().unwrap();
    let client = setup().client(seeded(1)).build().unwrap();
    for (bind, host) in [
        ("127.0.0.1:0", "127.0.0.1"),
        ("[::1]:0", "::1"),
        ("[::1]:0", "[::1]"),
    ] {
        let address: SocketAddr = bind.parse().unwrap();
        let mut listener = super::adapter::TcpListener::<A>::bind(address, server.clone()).unwrap();
        let port = listener.local_addr().unwrap().port();
        let accepting = A::spawn(async move { listener.accept().await.await });
        let client = A::connect_host(&client, host, port).await;
        let client = client.unwrap_or_else(|error| panic!("{host}: {error}"));
        assert_eq!(client.peer_addr(), None, "known from no listener");
        let server = accepting.await.unwrap();
        assert!(server.peer_addr().unwrap().ip().is_loopback());
    }
}

pub(crate) async fn a_wrong_name_is_refused_with_its_code<A: Adapter>() {
    let (address, serving) = serve_one::<A>();
    let connector: TlsConnector<A::Runtime> = TlsConnector::new(ends().0.build().unwrap());
    let name = ServerName::try_from("elsewhere.example").unwrap();
    let connecting = connector.connect_host_as(name, "127.0.0.1", address.port());
    let error = connecting.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    let refusal = CertificateError::WrongName;
    assert_eq!(
        tls_error(&error),
        Some(Error::Peer(PeerError::Certificate(refusal)))
    );
    assert_eq!(code(&error), Some("E-CRT-04"));
    let refused = serving.await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionAborted);
    assert_eq!(code(&refused), Some("E-TLS-01"));
}

pub(crate) async fn a_client_that_is_refused_reads_why<A: Adapter>() {
    let mut listener = A::listen(&ends().1.build().unwrap());
    let address = listener.local_addr().unwrap();
    let refusing = A::spawn(async move { listener.accept().await.await });
    let nobody = parties::client(&setup().ca).build().unwrap();
    let mut client = A::connect(&nobody, address).await.unwrap();
    let _ = write_all(&mut client, &pattern(10_000)).await;
    let error = read(&mut client, &mut [0]).await.unwrap_err();
    let alert = tls_error(&error).map(|error| error.to_string());
    let alert = alert.unwrap_or_else(|| panic!("{error}"));
    assert!(alert.contains("certificate_required (116)"), "{alert}");
    drop(client);
    let refusal = refusing.await.unwrap_err();
    assert_eq!(code(&refusal), Some("E-CRT-07"));
    assert_eq!(refusal.kind(), ErrorKind::PermissionDenied);
}

/// A socket that is closed while bytes lie unread in it resets the connection, and some systems then throw away the
/// alert that the peer has not read yet.
pub(crate) async fn a_refused_peer_has_a_second_to_read_why<A: Adapter>() {
    let (near, far) = Pipe::pair(1 << 16);
    let to_server = near.outgoing();
    let mut refusing = A::spawn(A::accept_pipe(&ends().1.build().unwrap(), far));
    let nobody = parties::client(&setup().ca).build().unwrap();
    let mut client = A::connect_pipe(&nobody, near).await.unwrap();
    write_all(&mut client, &pattern(10_000)).await.unwrap();
    let short = Duration::from_millis(300);
    assert!(
        within::<A, _>(short, &mut refusing).await.is_none(),
        "closed at once"
    );
    assert!(to_server.is_empty(), "what the peer still sends is read");
    // It says nothing and does not close: the second ends all the same.
    assert_eq!(code(&refusing.await.unwrap_err()), Some("E-CRT-07"));
    assert_eq!(
        code(&read(&mut client, &mut [0]).await.unwrap_err()),
        Some("E-TLS-01")
    );
}
