//! HOST:PORT, as the command line gives it.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// A host, by name or by address, and a port.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Endpoint {
    /// Without the brackets of an IPv6 address.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl FromStr for Endpoint {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (host, port) = text
            .rsplit_once(':')
            .ok_or("a port is missing: write HOST:PORT")?;
        // Not `parse` alone: that takes a sign.
        let port = port
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| port.parse().ok())
            .flatten()
            .ok_or("the port is no number up to 65535")?;
        let host = match host.strip_prefix('[') {
            Some(address) => address
                .strip_suffix(']')
                .filter(|address| address.contains(':'))
                .ok_or("brackets belong around an IPv6 address: write [::1]:PORT")?,
            None if host.contains(':') => {
                return Err("an IPv6 address needs brackets: write [::1]:PORT");
            }
            None => host,
        };
        if host.is_empty() {
            return Err("a host is missing: write HOST:PORT");
        }
        Ok(Self {
            host: host.to_owned(),
            port,
        })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.parse() {
            Ok(IpAddr::V6(address)) => write!(f, "[{address}]:{}", self.port),
            Ok(IpAddr::V4(_)) | Err(_) => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_addresses_and_bracketed_addresses_are_read_and_written_back() {
        for text in ["localhost:8443", "127.0.0.1:0", "[::1]:65535"] {
            assert_eq!(text.parse::<Endpoint>().unwrap().to_string(), text);
        }
        assert_eq!("[::1]:1".parse::<Endpoint>().unwrap().host, "::1");
    }

    #[test]
    fn what_has_no_host_or_no_port_is_refused() {
        for text in [
            "",
            "localhost",
            ":1",
            "a:",
            "a:65536",
            "a:+1",
            "::1:1",
            "[::1]",
            "[a]:1",
            "[::1:1",
        ] {
            assert!(text.parse::<Endpoint>().is_err(), "{text}");
        }
    }
}
