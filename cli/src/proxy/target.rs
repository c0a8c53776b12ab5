//! What a proxy stands in front of.

use std::ffi::{OsStr, OsString};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::Path;
#[cfg(unix)]
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::endpoint::Endpoint;
use crate::failure::{Exit, Failure};

/// For an address of the target to answer.
const CONNECT: Duration = Duration::from_secs(5);

/// The value of `--to`.
#[derive(Clone, Debug)]
pub(super) enum To {
    Stdio,
    Tcp(Endpoint),
    #[cfg(unix)]
    Unix(PathBuf),
    Echo,
    Hello,
}

impl FromStr for To {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once(':') {
            Some(("tcp", endpoint)) => Ok(Self::Tcp(endpoint.parse()?)),
            #[cfg(unix)]
            Some(("unix", path)) if !path.is_empty() => Ok(Self::Unix(path.into())),
            None if text == "stdio" => Ok(Self::Stdio),
            None if text == "echo" => Ok(Self::Echo),
            None if text == "hello" => Ok(Self::Hello),
            _ => Err("write stdio, tcp:HOST:PORT, unix:PATH, echo or hello".to_owned()),
        }
    }
}

/// A target that can work.
pub(super) enum Target {
    Command(Vec<OsString>),
    /// The addresses that were judged: no other is connected to, whatever the name leads to later.
    Tcp(Vec<SocketAddr>),
    #[cfg(unix)]
    Unix(PathBuf),
    Echo,
    Hello,
}

impl Target {
    /// Judges `to`; `command` belongs to stdio.
    pub(super) fn judge(
        to: &To,
        command: &[OsString],
        unsafe_target: bool,
    ) -> Result<Self, Failure> {
        let is_stdio = matches!(to, To::Stdio);
        if is_stdio == command.is_empty() {
            return Err(Failure::new(
                Exit::Usage,
                "E-PRX-01",
                if is_stdio {
                    "--to stdio without a command"
                } else {
                    "a command without --to stdio"
                },
                "write --to stdio -- CMD ARGS..., with the command last",
            ));
        }
        match to {
            To::Stdio => command_that_exists(command),
            To::Tcp(endpoint) => loopback(endpoint, unsafe_target),
            #[cfg(unix)]
            To::Unix(path) => Ok(Self::Unix(path.clone())),
            To::Echo => Ok(Self::Echo),
            To::Hello => Ok(Self::Hello),
        }
    }
}

/// What goes to the target is clear text: it must not leave this machine unnoticed.
fn loopback(endpoint: &Endpoint, unsafe_target: bool) -> Result<Target, Failure> {
    let unresolved = |cause: &dyn std::fmt::Display| {
        Failure::new(
            Exit::Io,
            "E-PRX-02",
            format!("no address of the target {endpoint} was found: {cause}"),
            "check the name and this machine's name server",
        )
    };
    let mut addresses: Vec<SocketAddr> = Vec::new();
    let found = (endpoint.host.as_str(), endpoint.port)
        .to_socket_addrs()
        .map_err(|error| unresolved(&error))?;
    for address in found {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() {
        return Err(unresolved(&"the answer is empty"));
    }
    let outside = addresses
        .iter()
        .find(|address| !address.ip().to_canonical().is_loopback());
    match outside {
        Some(address) if !unsafe_target => Err(Failure::new(
            Exit::Configuration,
            "E-PRX-03",
            format!(
                "the target {endpoint} is reached in clear text, and {address} is not this machine"
            ),
            "run the proxy beside the server, or accept it with --unsafe-target",
        )),
        _ => Ok(Target::Tcp(addresses)),
    }
}

/// A mistake in the command is found now, and not with the first connection.
fn command_that_exists(command: &[OsString]) -> Result<Target, Failure> {
    let program = command.first().map(OsString::as_os_str).unwrap_or_default();
    if exists(program) {
        return Ok(Target::Command(command.to_vec()));
    }
    Err(Failure::new(
        Exit::Configuration,
        "E-PRX-04",
        format!("the command {} is not there", Path::new(program).display()),
        "give the path of a program, or the name of one in PATH",
    ))
}

#[cfg(unix)]
fn exists(program: &OsStr) -> bool {
    if Path::new(program).components().count() > 1 {
        return Path::new(program).is_file();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Where a program is looked for, and with which endings, is the system's business.
#[cfg(not(unix))]
fn exists(program: &OsStr) -> bool {
    !program.is_empty()
}

/// Connects to the first of `addresses` that answers.
pub(super) async fn connect(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut last = io::Error::other("no address");
    for address in addresses {
        match timeout(CONNECT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(to: &str, unsafe_target: bool) -> Result<Target, &'static str> {
        let to = to.parse().map_err(|_| "unreadable")?;
        Target::judge(&to, &[], unsafe_target).map_err(|failure| failure.code())
    }

    #[test]
    fn only_loopback_is_taken_for_this_machine() {
        for to in [
            "tcp:127.0.0.1:1",
            "tcp:127.9.9.9:1",
            "tcp:[::1]:1",
            "tcp:[::ffff:127.0.0.1]:1",
        ] {
            assert!(judge(to, false).is_ok(), "{to}");
        }
        for to in [
            "tcp:192.0.2.1:1",
            "tcp:0.0.0.0:1",
            "tcp:[::]:1",
            "tcp:[2001:db8::1]:1",
            "tcp:[::ffff:192.0.2.1]:1",
        ] {
            assert_eq!(judge(to, false).err(), Some("E-PRX-03"), "{to}");
            assert!(judge(to, true).is_ok(), "{to}");
        }
    }

    #[test]
    fn other_targets_are_refused() {
        for to in [
            "",
            "tcp",
            "tcp:",
            "tcp:1",
            "unix:",
            "echo:",
            "udp:127.0.0.1:1",
            "Echo",
        ] {
            assert_eq!(judge(to, false).err(), Some("unreadable"), "{to}");
        }
        assert_eq!(judge("stdio", false).err(), Some("E-PRX-01"));
    }
}
