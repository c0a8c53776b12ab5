//! One handshake over a blocking socket: unlike a stream, the connection can be looked at afterwards also when it
//! came to nothing.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use ravelin_core::pki_types::{CertificateDer, ServerName, UnixTime};
use ravelin_core::{
    CertificateError, ClientConfig, Connection, Error, Now, PeerError, Phase, Receive, Storage,
    Version,
};
use ravelin_tokio::{Peer, Timeouts, provider};

use crate::endpoint::Endpoint;
use crate::failure::{Exit, Failure};
use crate::tls_options::{seconds, server_name};

/// How long a server may take to say that it refuses a client which it lets finish the handshake first.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How to reach the server that is looked at.
#[derive(clap::Args)]
pub(crate) struct ProbeOptions {
    /// The name to ask the server for, in place of HOST
    #[arg(long, value_name = "NAME", value_parser = server_name)]
    pub(crate) name: Option<ServerName<'static>>,
    /// Application protocols (ALPN) to offer, the preferred one first
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub(crate) alpn: Vec<String>,
    /// Seconds until the TCP connection must stand, and as many for the handshake
    #[arg(long, value_name = "S", value_parser = seconds, default_value = "10")]
    pub(crate) timeout: Duration,
}

/// A server to look at.
pub(crate) struct Server<'a> {
    endpoint: &'a Endpoint,
    name: ServerName<'static>,
    options: &'a ProbeOptions,
}

/// What a server presented.
pub(crate) struct Presented {
    /// Leaf first.
    pub(crate) chain: Vec<CertificateDer<'static>>,
    /// `None` when the leaf cannot be read.
    pub(crate) peer: Option<Peer>,
    /// Why the server refused this client after all.
    pub(crate) refused_us: Option<Failure>,
}

impl<'a> Server<'a> {
    pub(crate) fn new(endpoint: &'a Endpoint, options: &'a ProbeOptions) -> Result<Self, Failure> {
        let name = match &options.name {
            Some(name) => name.clone(),
            None => ServerName::try_from(endpoint.host.clone()).map_err(|_| {
                Failure::new(
                    Exit::Configuration,
                    "E-NET-01",
                    format!(
                        "{:?} is neither a DNS name nor an IP address",
                        endpoint.host
                    ),
                    "give the name or the address of the server",
                )
            })?,
        };
        Ok(Self {
            endpoint,
            name,
            options,
        })
    }

    /// The name that its certificate should hold.
    pub(crate) fn name(&self) -> &ServerName<'static> {
        &self.name
    }

    pub(crate) fn timeouts(&self) -> Timeouts {
        Timeouts {
            handshake: self.options.timeout,
            ..Timeouts::default()
        }
    }

    /// Looks at the server whoever it is: nobody vouches for what comes back.
    pub(crate) fn look(&self) -> Result<Presented, Failure> {
        let config = ClientConfig::probe(provider::aws_lc_rs())
            .min_version(Version::Tls12)
            .alpn(self.options.alpn.iter().map(String::as_str))
            .timeouts(self.timeouts())
            .build()?;
        let mut attempt = self.attempt(&config)?;
        match attempt.handshake().map_err(|error| self.lost(error))? {
            Err(Error::Peer(PeerError::Certificate(CertificateError::NotJudged))) => {
                Ok(attempt.presented(None))
            }
            Err(error) => Err(self.failed(error)),
            // No probe gets this far: it ends with the server's certificate.
            Ok(()) => Err(self.failed(PeerError::Protocol.into())),
        }
    }

    /// Connects as `config` demands.
    pub(crate) fn connect(&self, config: &ClientConfig) -> Result<Presented, Failure> {
        let mut attempt = self.attempt(config)?;
        attempt
            .handshake()
            .map_err(|error| self.lost(error))?
            .map_err(|error| self.failed(error))?;
        let refused_us = attempt.close().map(|error| self.failed(error));
        Ok(attempt.presented(refused_us))
    }

    fn attempt(&self, config: &ClientConfig) -> Result<Attempt, Failure> {
        let socket = dial(self.endpoint, self.options.timeout)?;
        let clock = Clock::start();
        let connection = Connection::client(config, self.name.clone(), clock.now())?;
        Ok(Attempt {
            connection,
            socket,
            clock,
        })
    }

    fn failed(&self, error: Error) -> Failure {
        Failure::from(error).of(self.endpoint)
    }

    fn lost(&self, error: io::Error) -> Failure {
        Failure::from(error).of(self.endpoint)
    }
}

/// A connection with its socket.
struct Attempt {
    connection: Connection,
    socket: TcpStream,
    clock: Clock,
}

impl Attempt {
    /// Brings the handshake to its end: established, or failed with its alert sent.
    fn handshake(&mut self) -> io::Result<Result<(), Error>> {
        loop {
            let interest = self.connection.interest();
            if !interest.transmit {
                if let Some(error) = self.connection.failure() {
                    return Ok(Err(error));
                }
                if interest.phase != Phase::Handshaking {
                    return Ok(Ok(()));
                }
            }
            if let Err(error) = self.step() {
                // A server that is gone takes no alert: what it was refused for is still why.
                return self.connection.failure().map(Err).ok_or(error);
            }
        }
    }

    /// Closes in order, and reports whether the server had refused this client meanwhile: with TLS 1.3 it judges a
    /// client that believes to be through.
    fn close(&mut self) -> Option<Error> {
        let until = Instant::now() + LAST_WORDS;
        self.connection.close(self.clock.now()).ok()?;
        let mut half_closed = false;
        while Instant::now() < until {
            let interest = self.connection.interest();
            if !interest.transmit {
                if let Some(error) = self.connection.failure() {
                    return matches!(error, Error::Peer(PeerError::Alert(_))).then_some(error);
                }
                if interest.receive == Receive::No {
                    return None;
                }
                if !half_closed {
                    self.socket.shutdown(Shutdown::Write).ok()?;
                    half_closed = true;
                }
            }
            self.step_within(until.saturating_duration_since(Instant::now()))
                .ok()?;
        }
        None
    }

    fn presented(&self, refused_us: Option<Failure>) -> Presented {
        Presented {
            chain: self.connection.peer_certificates().to_vec(),
            peer: self.connection.peer().cloned(),
            refused_us,
        }
    }

    /// Does one thing that the connection wants, until its deadline at most.
    fn step(&mut self) -> io::Result<()> {
        let now = self.clock.now();
        // A server that sends a byte now and then makes no read time out. An error is kept.
        let _ = self.connection.handle_timeout(now);
        let patience = self
            .connection
            .interest()
            .deadline
            .map_or(Duration::MAX, |(at, _)| at.saturating_since(now.instant));
        self.step_within(patience)
    }

    fn step_within(&mut self, patience: Duration) -> io::Result<()> {
        // Zero would be no limit.
        let patience = Some(patience.clamp(Duration::from_millis(1), Duration::from_secs(3600)));
        let interest = self.connection.interest();
        let moved = if interest.transmit {
            self.socket.set_write_timeout(patience)?;
            match self.socket.write(self.connection.transmit()) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(len) => {
                    self.connection.handle_transmitted(len, self.clock.now());
                    Ok(())
                }
                Err(error) => Err(error),
            }
        } else {
            self.socket.set_read_timeout(patience)?;
            self.receive(interest.receive)
        };
        match moved {
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                // A deadline that has passed is kept, and found by the caller.
                let _ = self.connection.handle_timeout(self.clock.now());
                Ok(())
            }
            outcome => outcome,
        }
    }

    /// What the bytes make the connection fail with is kept, and found by the caller.
    fn receive(&mut self, wanted: Receive) -> io::Result<()> {
        match wanted {
            Receive::NeedsStorage(bytes) => {
                drop(self.connection.lend(Storage::with_capacity(bytes)));
            }
            Receive::NeedsConsume => {
                let len = self.connection.plaintext().len();
                let _ = self.connection.consume(len, self.clock.now());
            }
            Receive::Yes | Receive::No => {
                let Some(buffer) = self.connection.receive_buffer() else {
                    return Ok(());
                };
                let _ = match self.socket.read(buffer)? {
                    0 => self.connection.handle_eof(self.clock.now()),
                    len => self.connection.handle_received(len, self.clock.now()),
                };
            }
        }
        Ok(())
    }
}

/// The two clocks, the monotonic one since `start`.
struct Clock(Instant);

impl Clock {
    fn start() -> Self {
        Self(Instant::now())
    }

    fn now(&self) -> Now {
        let micros = u64::try_from(self.0.elapsed().as_micros()).unwrap_or(u64::MAX);
        // A wall clock before 1970 is wrong: certificates are then not valid yet, and the refusal says so.
        let unix = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        Now::new(
            ravelin_core::Instant::from_micros(micros),
            UnixTime::since_unix_epoch(unix),
        )
    }
}

/// A TCP connection to the first address that answers; each gets an equal share of the time that is left.
fn dial(endpoint: &Endpoint, timeout: Duration) -> Result<TcpStream, Failure> {
    let until = Instant::now() + timeout;
    let left = || until.saturating_duration_since(Instant::now());
    let addresses = resolve(endpoint, left()).map_err(|error| {
        Failure::new(
            Exit::Io,
            "E-NET-02",
            format!("no address of {} was found: {error}", endpoint.host),
            "check the name and this machine's name server",
        )
    })?;
    let mut attempts = Vec::new();
    for (index, address) in addresses.iter().enumerate() {
        let waiting = u32::try_from(addresses.len() - index).unwrap_or(u32::MAX);
        let share = (left() / waiting).max(Duration::from_millis(1));
        match TcpStream::connect_timeout(address, share) {
            Ok(socket) => return Ok(socket),
            Err(error) => attempts.push(format!("{address} ({error})")),
        }
    }
    Err(Failure::new(
        Exit::Io,
        "E-NET-03",
        format!("nothing answers at {endpoint}: {}", attempts.join(", ")),
        "check that the server runs, its port, and firewalls between",
    ))
}

/// The name server gets as long as the server.
fn resolve(endpoint: &Endpoint, timeout: Duration) -> io::Result<Vec<SocketAddr>> {
    let Endpoint { host, port } = endpoint.clone();
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let found = (host.as_str(), port)
            .to_socket_addrs()
            .map(Iterator::collect::<Vec<_>>);
        // Nobody listens once the time is over.
        let _ = sender.send(found);
    });
    match receiver.recv_timeout(timeout) {
        Ok(found) => found.and_then(|addresses| {
            if addresses.is_empty() {
                return Err(io::Error::new(ErrorKind::NotFound, "the answer is empty"));
            }
            Ok(addresses)
        }),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Err(io::Error::new(
            ErrorKind::TimedOut,
            format!("no answer within {:.1} s", timeout.as_secs_f32()),
        )),
    }
}
