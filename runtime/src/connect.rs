//! Connecting by host name.

use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use ravelin_core::pki_types::ServerName;

use crate::connector::TlsConnector;
use crate::runtime::Runtime;

impl<R: Runtime> TlsConnector<R> {
    /// Connects to `host`, a DNS name or an IP address (an IPv6 address also in brackets), and demands a certificate
    /// for it. Every address is tried in turn until one answers; a server that answers and fails the handshake is the
    /// end of it.
    ///
    /// # Errors
    ///
    /// A [`ConnectError`] inside the `io::Error`, or what the handshake failed with.
    pub fn connect_host(
        &self,
        host: &str,
        port: u16,
    ) -> impl Future<Output = io::Result<R::TlsStream<R::Stream>>> + Send + use<R> {
        let name = ServerName::try_from(without_brackets(host)).map(|name| name.to_owned());
        self.dial(name.map_err(|_| Fault::Name), host, port)
    }

    /// As [`connect_host`](Self::connect_host), and demands a certificate for `name`, whatever the host is called.
    ///
    /// # Errors
    ///
    /// Those of [`connect_host`](Self::connect_host).
    pub fn connect_host_as(
        &self,
        name: ServerName<'static>,
        host: &str,
        port: u16,
    ) -> impl Future<Output = io::Result<R::TlsStream<R::Stream>>> + Send + use<R> {
        self.dial(Ok(name), host, port)
    }

    fn dial(
        &self,
        name: Result<ServerName<'static>, Fault>,
        host: &str,
        port: u16,
    ) -> impl Future<Output = io::Result<R::TlsStream<R::Stream>>> + Send + use<R> {
        let connector = self.clone();
        let host = without_brackets(host).to_owned();
        async move {
            let reached = match name {
                Ok(name) => reach::<R>(&host, port, connector.connect_timeout)
                    .await
                    .map(|stream| (name, stream)),
                Err(fault) => Err(fault),
            };
            let (name, stream) = reached.map_err(|fault| ConnectError { host, port, fault })?;
            connector.connect(name, stream).await
        }
    }
}

/// Why no TCP connection to a host came about.
#[derive(Debug)]
pub struct ConnectError {
    host: String,
    port: u16,
    fault: Fault,
}

#[derive(Debug)]
enum Fault {
    Name,
    Resolve(io::Error),
    Unreachable(Vec<(SocketAddr, io::Error)>),
}

impl ConnectError {
    /// The stable code: `E-NET-01` no host name, `E-NET-02` no address of it, `E-NET-03` no address answers.
    pub fn code(&self) -> &'static str {
        match self.fault {
            Fault::Name => "E-NET-01",
            Fault::Resolve(_) => "E-NET-02",
            Fault::Unreachable(_) => "E-NET-03",
        }
    }

    /// Every address that was tried and why it failed, in order.
    pub fn attempts(&self) -> &[(SocketAddr, io::Error)] {
        match &self.fault {
            Fault::Unreachable(attempts) => attempts,
            Fault::Name | Fault::Resolve(_) => &[],
        }
    }

    fn kind(&self) -> ErrorKind {
        match &self.fault {
            Fault::Name => ErrorKind::InvalidInput,
            Fault::Resolve(error) => error.kind(),
            Fault::Unreachable(attempts) => attempts
                .last()
                .map_or(ErrorKind::NotFound, |(_, error)| error.kind()),
        }
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, fault } = self;
        match fault {
            Fault::Name => write!(
                f,
                "{host:?} is neither a DNS name nor an IP address; give the name in the server's certificate"
            ),
            Fault::Resolve(error) => write!(
                f,
                "no address of {host} was found: {error}; check the name and this machine's name server"
            ),
            Fault::Unreachable(attempts) => {
                write!(f, "nothing answers at {host} port {port}")?;
                for (index, (address, error)) in attempts.iter().enumerate() {
                    let separator = if index == 0 { ": " } else { ", " };
                    write!(f, "{separator}{address} ({error})")?;
                }
                f.write_str("; check that the server runs, its port, and firewalls between")
            }
        }
    }
}

impl Error for ConnectError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.fault {
            Fault::Name => None,
            Fault::Resolve(error) => Some(error),
            Fault::Unreachable(attempts) => attempts
                .last()
                .map(|(_, error)| error as &(dyn Error + 'static)),
        }
    }
}

impl From<ConnectError> for io::Error {
    fn from(error: ConnectError) -> Self {
        Self::new(error.kind(), error)
    }
}

fn without_brackets(host: &str) -> &str {
    host.strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host)
}

/// A TCP connection to the first address that answers.
async fn reach<R: Runtime>(host: &str, port: u16, timeout: Duration) -> Result<R::Stream, Fault> {
    let begun = R::instant();
    let left = || timeout.saturating_sub(R::instant().saturating_duration_since(begun));
    let addresses = match host.parse::<IpAddr>() {
        Ok(address) => vec![SocketAddr::new(address, port)],
        Err(_) => within::<R, _>(left(), R::resolve(host, port))
            .await
            .map_err(Fault::Resolve)?,
    };
    if addresses.is_empty() {
        return Err(Fault::Resolve(io::Error::new(
            ErrorKind::NotFound,
            "the answer is empty",
        )));
    }
    let mut attempts = Vec::new();
    for (index, &address) in addresses.iter().enumerate() {
        // An address that swallows packets must leave time for those behind it.
        let share = u32::try_from(addresses.len() - index).map_or(Duration::ZERO, |n| left() / n);
        match within::<R, _>(share, R::connect(address)).await {
            Ok(stream) => return Ok(stream),
            Err(error) => attempts.push((address, error)),
        }
    }
    Err(Fault::Unreachable(attempts))
}

async fn within<R: Runtime, T>(
    limit: Duration,
    mut future: impl Future<Output = io::Result<T>> + Unpin,
) -> io::Result<T> {
    let mut sleep = R::sleep(limit);
    poll_fn(|cx| {
        if let Poll::Ready(outcome) = Pin::new(&mut future).poll(cx) {
            return Poll::Ready(outcome);
        }
        Pin::new(&mut sleep).poll(cx).map(|()| {
            let seconds = limit.as_secs_f32();
            let text = format!("no answer within {seconds:.1} s");
            Err(io::Error::new(ErrorKind::TimedOut, text))
        })
    })
    .await
}
