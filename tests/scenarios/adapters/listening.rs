//! What a listener does.

use std::io::{self, ErrorKind, Read as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ravelin_core::config::Timeouts;
use ravelin_core::{Deadline, Error, ServerConfig};
use ravelin_runtime::{Limits, Listener, Monitor, Secured, code, tls_error};

use super::adapter::{Adapter, TcpListener, within};
use super::injected::{ERRORS, Injected};
use super::streams::ends;
use super::tls::{Sink, Source, Tls, close, read, read_to_end, read_up_to, write_all};

const SOON: Duration = Duration::from_millis(300);

fn server() -> ServerConfig {
    ends().1.build().unwrap()
}

/// A listener whose every connection echoes one message and then waits for the client to close.
fn echoing<A: Adapter>(limits: Limits, config: &ServerConfig) -> (SocketAddr, Monitor) {
    let mut listener = A::listen(config).limits(limits);
    let (address, monitor) = (listener.local_addr().unwrap(), listener.monitor());
    A::detach(async move {
        loop {
            let handshake = listener.accept().await;
            A::detach(async move {
                if let Ok(stream) = handshake.await {
                    let _ = echo(stream).await;
                }
            });
        }
    });
    (address, monitor)
}

async fn echo(mut stream: impl Source + Sink) -> io::Result<()> {
    let message = read_up_to(&mut stream, 4).await?;
    write_all(&mut stream, &message).await?;
    read_to_end(&mut stream).await?;
    close(&mut stream).await
}

/// Connects and has one message echoed.
async fn served<A: Adapter>(address: SocketAddr) -> io::Result<A::OverTcp> {
    let client = ends().0.build().unwrap();
    let mut stream = A::connect(&client, address).await?;
    write_all(&mut stream, b"ping").await?;
    match read_up_to(&mut stream, 4).await?.as_slice() {
        b"ping" => Ok(stream),
        _ => Err(ErrorKind::UnexpectedEof.into()),
    }
}

async fn until<A: Adapter>(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..1000 {
        if holds() {
            return;
        }
        A::sleep(Duration::from_millis(5)).await;
    }
    panic!("it never came that {what}");
}

pub(crate) async fn a_stalled_handshake_holds_up_nobody<A: Adapter>() {
    let timeouts = Timeouts {
        handshake: Duration::from_millis(500),
        ..Timeouts::default()
    };
    let config = ends().1.timeouts(timeouts).build().unwrap();
    let mut listener = A::listen(&config);
    let address = listener.local_addr().unwrap();
    let mut silent = TcpStream::connect(address).unwrap();
    let begun = Instant::now();
    let stalled = listener.accept().await;
    assert_eq!(stalled.peer_addr(), Some(silent.local_addr().unwrap()));
    let stalled = A::spawn(stalled);
    let accepting = A::spawn(async move { (listener.accept().await.await, listener) });
    let client = A::connect(&ends().0.build().unwrap(), address)
        .await
        .unwrap();
    let (server, listener) = accepting.await;
    assert_eq!(server.unwrap().peer_addr().unwrap().ip(), address.ip());
    assert_eq!(listener.counters().handshaking, 1, "the others wait");
    let error = stalled.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert_eq!(tls_error(&error), Some(Error::Timeout(Deadline::Handshake)));
    assert_eq!(code(&error), Some("E-TIM-01"));
    let elapsed = begun.elapsed();
    let range = Duration::from_millis(490)..Duration::from_secs(3);
    assert!(range.contains(&elapsed), "{elapsed:?}");
    assert_eq!(silent.read(&mut [0]).unwrap(), 0, "the socket is closed");
    let counters = listener.counters();
    assert_eq!((counters.established, counters.failed), (1, 1));
    drop(client);
}

pub(crate) async fn too_many_connections_are_closed_until_one_ends<A: Adapter>() {
    let limits = Limits {
        connections: 2,
        ..Limits::default()
    };
    let (address, monitor) = echoing::<A>(limits, &server());
    let first = served::<A>(address).await.unwrap();
    let second = served::<A>(address).await.unwrap();
    assert!(served::<A>(address).await.is_err(), "a third of two");
    assert_eq!(monitor.counters().refused_connections, 1);
    assert_eq!(monitor.counters().open, 2);
    drop(first);
    until::<A>("a permit is back", || monitor.counters().open < 2).await;
    let third = served::<A>(address).await.unwrap();
    assert_eq!(monitor.counters().refused_address, 0);
    drop((second, third));
}

pub(crate) async fn too_many_of_one_address_are_closed_until_one_ends<A: Adapter>() {
    let limits = Limits {
        per_address: 1,
        ..Limits::default()
    };
    let (address, monitor) = echoing::<A>(limits, &server());
    let first = served::<A>(address).await.unwrap();
    assert!(served::<A>(address).await.is_err(), "a second of one");
    assert_eq!(monitor.counters().refused_address, 1);
    assert_eq!(monitor.counters().refused_connections, 0);
    drop(first);
    until::<A>("the permit is back", || monitor.counters().open == 0).await;
    drop(served::<A>(address).await.unwrap());
}

pub(crate) async fn handshakes_beyond_the_limit_wait<A: Adapter>() {
    let limits = Limits {
        handshakes: 1,
        ..Limits::default()
    };
    let (address, monitor) = echoing::<A>(limits, &server());
    let silent = TcpStream::connect(address).unwrap();
    until::<A>("one handshake goes on", || {
        monitor.counters().handshaking == 1
    })
    .await;
    let mut waiting = Box::pin(served::<A>(address));
    assert!(
        within::<A, _>(SOON, &mut waiting).await.is_none(),
        "two handshakes"
    );
    assert_eq!(monitor.counters().accepted, 1);
    drop(silent);
    drop(waiting.await.unwrap());
    let counters = monitor.counters();
    assert_eq!((counters.accepted, counters.failed), (2, 1));
    assert_eq!(counters.refused_connections + counters.refused_address, 0);
}

pub(crate) async fn a_connection_counts_until_both_halves_are_gone<A: Adapter>() {
    let mut listener = A::listen(&server());
    let address = listener.local_addr().unwrap();
    let connecting = A::spawn(A::connect(&ends().0.build().unwrap(), address));
    let stream = listener.accept().await.await.unwrap();
    let client = connecting.await.unwrap();
    let (reader, writer) = stream.into_split();
    assert_eq!(listener.counters().open, 1);
    drop(reader);
    assert_eq!(listener.counters().open, 1);
    drop(writer);
    assert_eq!(listener.counters().open, 0);
    drop(client);
}

pub(crate) async fn accept_errors_back_off<A: Adapter>() {
    type Faulty<A> = Injected<<A as Adapter>::Runtime>;
    let mut listener: Listener<Faulty<A>> = Listener::bind(([127, 0, 0, 1], 0), server()).unwrap();
    let address = listener.local_addr().unwrap();
    let connecting = A::spawn(A::connect(&ends().0.build().unwrap(), address));
    let begun = Instant::now();
    let handshake = listener.accept().await;
    let elapsed = begun.elapsed();
    // 5 + 10 + 20 + 40 + 80 + 160 ms.
    let range = Duration::from_millis(310)..Duration::from_secs(3);
    assert!(range.contains(&elapsed), "{elapsed:?}");
    let stream: Secured<_, Faulty<A>> = handshake.await.unwrap();
    let counters = listener.counters();
    assert_eq!(counters.accept_errors, ERRORS, "each error is one call");
    assert!(counters.last_accept_error.is_some());
    assert_eq!(counters.established, 1);
    drop((stream, connecting.await.unwrap()));
}

pub(crate) async fn draining_waits_for_connections<A: Adapter>() {
    let mut listener = A::listen(&server());
    let (address, monitor) = (listener.local_addr().unwrap(), listener.monitor());
    let connecting = A::spawn(A::connect(&ends().0.build().unwrap(), address));
    let stream = listener.accept().await.await.unwrap();
    let client = connecting.await.unwrap();
    let mut drain = Box::pin(listener.drain(Duration::from_secs(30)));
    assert!(
        within::<A, _>(SOON, &mut drain).await.is_none(),
        "one is open"
    );
    let refused = A::connect(&ends().0.build().unwrap(), address)
        .await
        .unwrap_err();
    assert_eq!(
        refused.kind(),
        ErrorKind::ConnectionRefused,
        "it still listens"
    );
    let dropping = A::spawn(async move {
        A::sleep(Duration::from_millis(50)).await;
        drop(stream);
    });
    assert_eq!(drain.await, 0);
    assert_eq!(monitor.counters().open, 0);
    dropping.await;
    drop(client);
}

pub(crate) async fn draining_ends_when_patience_does<A: Adapter>() {
    let mut listener = A::listen(&server());
    let address = listener.local_addr().unwrap();
    let connecting = A::spawn(A::connect(&ends().0.build().unwrap(), address));
    let stream = listener.accept().await.await.unwrap();
    let begun = Instant::now();
    assert_eq!(listener.drain(SOON).await, 1);
    assert!(begun.elapsed() >= Duration::from_millis(290));
    drop((stream, connecting.await.unwrap()));
}

pub(crate) async fn serving_stops_when_told<A: Adapter>() {
    let listener: TcpListener<A> = A::listen(&server());
    let address = listener.local_addr().unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stop);
    let serving = A::spawn(listener.serve(
        async move {
            while !told.load(Ordering::SeqCst) {
                A::sleep(Duration::from_millis(5)).await;
            }
        },
        Duration::from_secs(30),
        |handshake| {
            A::detach(async move {
                if let Ok(stream) = handshake.await {
                    let _ = echo(stream).await;
                }
            });
        },
    ));
    let mut first = served::<A>(address).await.unwrap();
    let mut second = served::<A>(address).await.unwrap();
    stop.store(true, Ordering::SeqCst);
    close(&mut first).await.unwrap();
    close(&mut second).await.unwrap();
    // Both see their end in order, and nothing is left open.
    assert_eq!(read(&mut first, &mut [0]).await.unwrap(), 0);
    assert_eq!(read(&mut second, &mut [0]).await.unwrap(), 0);
    assert_eq!(serving.await, 0);
}
