//! The flags that commands with a TLS connection share, and what they mean.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::ValueEnum;
use ravelin_core::Version;
use ravelin_core::trust::pin::{Pin, PinError, PinSet};
use ravelin_tokio::pem::{self, KeyMode};
use ravelin_tokio::pki_types::ServerName;
use ravelin_tokio::{ClientConfig, Identity, Timeouts, provider};

use crate::failure::Failure;

/// How a client connects: whom it trusts, and as whom it comes.
#[derive(clap::Args)]
pub(crate) struct ClientOptions {
    /// CA certificates that may vouch for the server (PEM)
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: PathBuf,
    /// The name that the server's certificate must hold, in place of HOST
    #[arg(long, value_name = "NAME", value_parser = server_name)]
    pub(crate) name: Option<ServerName<'static>>,
    /// A pin of the server's key, or of a CA above it; give two, so that one can be lost
    #[arg(long = "pin", value_name = "PIN")]
    pub(crate) pins: Vec<String>,
    /// Report a server that no pin matches, and do not refuse it
    #[arg(long, requires = "pins")]
    pub(crate) pin_report_only: bool,
    /// The certificate to present to the server, leaf first (PEM)
    #[arg(long, value_name = "FILE", requires = "key")]
    pub(crate) cert: Option<PathBuf>,
    /// Its private key (PEM)
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub(crate) key: Option<PathBuf>,
    /// Application protocols (ALPN) to offer, the preferred one first
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub(crate) alpn: Vec<String>,
    /// Seconds until the handshake must be done
    #[arg(long, value_name = "S", value_parser = seconds, default_value = "10")]
    pub(crate) handshake_timeout: Duration,
    #[command(flatten)]
    pub(crate) version: VersionOption,
    #[command(flatten)]
    pub(crate) key_mode: KeyModeOption,
}

impl ClientOptions {
    /// The configuration, and what the user should be warned of.
    pub(crate) fn config(&self) -> Result<(ClientConfig, Option<Warning>), Failure> {
        let anchors = pem::trust_anchors(&self.ca)?;
        let mut config = ClientConfig::builder(provider::aws_lc_rs(), anchors)
            .min_version(self.version.min_tls.into())
            .alpn(self.alpn.iter().map(String::as_str))
            .timeouts(Timeouts {
                handshake: self.handshake_timeout,
                ..Timeouts::default()
            });
        let mut warning = None;
        if let Some(pins) = pin_set(&self.pins, self.pin_report_only)? {
            warning = lone_pin(&pins);
            config = config.pins(pins);
        }
        if let (Some(cert), Some(key)) = (&self.cert, &self.key) {
            config = config.identity(identity(cert, key, &self.key_mode)?);
        }
        Ok((config.build()?, warning))
    }
}

#[derive(clap::Args)]
pub(crate) struct VersionOption {
    /// The oldest TLS version to speak
    #[arg(long, value_name = "VERSION", value_enum, default_value = "1.3")]
    pub(crate) min_tls: MinTls,
}

#[derive(clap::Args)]
pub(crate) struct KeyModeOption {
    /// Take a private key that others may read
    #[arg(long)]
    pub(crate) unsafe_key_mode: bool,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum MinTls {
    #[value(name = "1.2")]
    Tls12,
    #[value(name = "1.3")]
    Tls13,
}

impl From<MinTls> for Version {
    fn from(minimum: MinTls) -> Self {
        match minimum {
            MinTls::Tls12 => Self::Tls12,
            MinTls::Tls13 => Self::Tls13,
        }
    }
}

/// Something that works, and will not always.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Warning(pub(crate) &'static str);

/// The certificate chain in `cert` with the key in `key`. That they belong together is known once they are part of a
/// configuration.
pub(crate) fn identity(cert: &Path, key: &Path, mode: &KeyModeOption) -> Result<Identity, Failure> {
    let mode = if mode.unsafe_key_mode {
        KeyMode::Unsafe
    } else {
        KeyMode::Private
    };
    Ok(pem::identity(cert, key, mode)?)
}

/// The first pin is the primary; `None` without any.
pub(crate) fn pin_set(texts: &[String], report_only: bool) -> Result<Option<PinSet>, Failure> {
    let Some((primary, backups)) = texts.split_first() else {
        return Ok(None);
    };
    let parsed = |text: &String| {
        text.parse::<Pin>()
            .map_err(|error| Failure::from(error).of(format_args!("'{text}'")))
    };
    let mut pins = PinSet::without_backup(parsed(primary)?);
    for text in backups {
        pins = pins
            .and(parsed(text)?)
            .map_err(|error: PinError| Failure::from(error).of(format_args!("'{text}'")))?;
    }
    Ok(Some(if report_only {
        pins.report_only()
    } else {
        pins
    }))
}

/// A single pin works until its key is lost.
pub(crate) fn lone_pin(pins: &PinSet) -> Option<Warning> {
    (!pins.has_backup()).then_some(Warning(
        "one pin and no backup: when that key is lost no peer is accepted; pin the key that will replace it as well",
    ))
}

/// Seconds on the command line, with a fraction where one is wanted.
pub(crate) fn seconds(text: &str) -> Result<Duration, &'static str> {
    text.parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|duration| !duration.is_zero() && *duration <= LONGEST)
        .ok_or("give seconds above 0 and up to 31536000, such as 10 or 0.5")
}

/// A year: no deadline has a reason to be longer, and sums of them stay far from any overflow.
const LONGEST: Duration = Duration::from_secs(31_536_000);

pub(crate) fn server_name(text: &str) -> Result<ServerName<'static>, &'static str> {
    ServerName::try_from(text.to_owned()).map_err(|_| "give a DNS name or an IP address")
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "sha256:YLh1dUR9y6Kja30RrAn7JKnbQG/uEtLMkBgFF2Fuihg=";
    const B: &str = "sha256:C5+lpZ7tcVwmwQIMcRtPbsQtWLABXhQzejna0wHFr8M=";

    #[test]
    fn one_pin_is_taken_with_a_warning_and_two_without() {
        let set = |pins: &[&str]| {
            let pins: Vec<String> = pins.iter().map(ToString::to_string).collect();
            pin_set(&pins, false)
        };
        assert!(set(&[]).unwrap().is_none());
        assert!(lone_pin(&set(&[A]).unwrap().unwrap()).is_some());
        assert!(lone_pin(&set(&[A, B]).unwrap().unwrap()).is_none());
        for (pins, code) in [
            (&[A, A][..], "E-PIN-15"),
            (&["x"], "E-PIN-10"),
            (&[A, "server.pem"], "E-PIN-14"),
        ] {
            assert_eq!(set(pins).unwrap_err().code(), code);
        }
    }

    #[test]
    fn seconds_are_positive_and_not_endless() {
        assert_eq!(seconds("10"), Ok(Duration::from_secs(10)));
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        for text in ["0", "-1", "inf", "NaN", "1e300", "31536001", "", "1s"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
