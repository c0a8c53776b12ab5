//! A peer that is not ours: a plain rustls connection, which can do what our configurations do not let a user do.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use ravelin_core::{Instant, Now, provider};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::time_provider::TimeProvider;
use rustls::{
    ClientConfig, ClientConnection, Connection, RootCertStore, ServerConfig, ServerConnection,
    SupportedProtocolVersion,
};
use rustls_pki_types::{ServerName, UnixTime};

use crate::ca::{Ca, Issued, NOW};
use crate::pair::Endpoint;

/// A client of exactly these protocol versions that trusts the root of `ca`.
pub fn client(
    versions: &[&'static SupportedProtocolVersion],
    ca: &Ca,
    identity: Option<&Issued>,
) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(ca.root()).expect("a root");
    let builder = ClientConfig::builder_with_details(provider::aws_lc_rs(), Arc::new(Clock))
        .with_protocol_versions(versions)
        .expect("versions of the provider")
        .with_root_certificates(roots);
    match identity {
        Some(issued) => builder
            .with_client_auth_cert(issued.chain.clone(), issued.key())
            .expect("a matching key"),
        None => builder.with_no_client_auth(),
    }
}

/// A server of exactly these protocol versions.
pub fn server(versions: &[&'static SupportedProtocolVersion], issued: &Issued) -> ServerConfig {
    let key = provider::aws_lc_rs()
        .key_provider
        .load_private_key(issued.key());
    let certified = CertifiedKey::new(issued.chain.clone(), key.expect("a key of the test CA"));
    ServerConfig::builder_with_details(provider::aws_lc_rs(), Arc::new(Clock))
        .with_protocol_versions(versions)
        .expect("versions of the provider")
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Presents(Arc::new(certified))))
}

/// One connection of that client, for `localhost`.
pub fn connect(config: &Arc<ClientConfig>) -> Connection {
    let name = ServerName::try_from("localhost").expect("a server name");
    ClientConnection::new(Arc::clone(config), name)
        .expect("a client")
        .into()
}

/// One connection of that server.
pub fn accept(config: &Arc<ServerConfig>) -> Connection {
    ServerConnection::new(Arc::clone(config))
        .expect("a server")
        .into()
}

/// Moves bytes between the two until nothing moves. Returns the first error of the foreign side.
pub fn drive(ours: &mut Endpoint, theirs: &mut Connection, now: Now) -> Option<rustls::Error> {
    let mut failure = None;
    loop {
        let out = ours.transmit(now);
        let mut moved = !out.is_empty();
        let mut rest = out.as_slice();
        while !rest.is_empty() && theirs.read_tls(&mut rest).is_ok_and(|read| read > 0) {
            if let Err(error) = theirs.process_new_packets() {
                failure.get_or_insert(error);
            }
        }
        while theirs.wants_write() {
            let mut flight = Vec::new();
            theirs.write_tls(&mut flight).expect("a vector takes it");
            ours.wire.extend(flight);
        }
        while ours.deliver(usize::MAX, now) {
            moved = true;
        }
        if !moved {
            return failure;
        }
    }
}

/// The plaintext that waits in `theirs`.
pub fn plaintext(theirs: &mut Connection) -> Vec<u8> {
    let mut buffer = [0; 4096];
    let read = theirs.reader().read(&mut buffer).unwrap_or(0);
    buffer[..read].to_vec()
}

/// The time of [`Clock`], for our side.
pub fn now() -> Now {
    let unix = UnixTime::since_unix_epoch(Duration::from_secs(NOW));
    Now::new(Instant::from_micros(1_000_000), unix)
}

/// A clock that stands at [`NOW`].
#[derive(Debug)]
pub struct Clock;

impl TimeProvider for Clock {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(Duration::from_secs(NOW)))
    }
}

/// Presents whatever it is made of, without a check that the key belongs to the certificate.
#[derive(Debug)]
pub struct Presents(pub Arc<CertifiedKey>);

impl ResolvesServerCert for Presents {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}
