//! What about a server deserves a second look, whoever vouches for it.

use std::net::IpAddr;

use ravelin_core::Version;
use ravelin_core::trust::certificate::Certificate;
use ravelin_core::trust::san::SubjectAltName;
use ravelin_tokio::pki_types::ServerName;
use serde::Serialize;
use time::OffsetDateTime;

use super::certificate::{Lifetime, is_self_issued};
use crate::probe::Presented;

/// Days before its end at which a certificate should have been renewed.
const RENEWAL: i64 = 30;

#[derive(Debug, Serialize)]
pub(super) struct Warning {
    pub(super) code: &'static str,
    pub(super) text: String,
}

pub(super) fn of(
    presented: &Presented,
    name: &ServerName<'_>,
    now: OffsetDateTime,
) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut warn = |code, text: String| warnings.push(Warning { code, text });

    for (index, der) in presented.chain.iter().enumerate() {
        let number = index + 1;
        match Certificate::parse(der) {
            Ok(certificate) => match Lifetime::of(certificate.validity(), now) {
                Lifetime::NotYet(days) => warn(
                    "not-yet-valid",
                    format!("certificate {number} begins in {days} days"),
                ),
                Lifetime::Expired(days) => warn(
                    "expired",
                    format!("certificate {number} ended {days} days ago"),
                ),
                Lifetime::Left(days) if days < RENEWAL => warn(
                    "expires-soon",
                    format!("certificate {number} ends in {days} days"),
                ),
                Lifetime::Left(_) => {}
            },
            Err(_) => warn("unreadable", format!("certificate {number} cannot be read")),
        }
    }
    if let [leaf, others @ ..] = presented.chain.as_slice() {
        if !holds(leaf, name) {
            warn(
                "name-missing",
                format!("the leaf does not hold the name {}", name.to_str()),
            );
        }
        if others.is_empty() && is_self_issued(leaf) {
            warn(
                "self-issued",
                "the leaf stands alone and is its own issuer: only a pin or its own file as --ca can vouch for it"
                    .to_owned(),
            );
        }
    }
    if let Some(peer) = &presented.peer {
        if peer.version() == Version::Tls12 {
            warn(
                "tls-1.2",
                "the server speaks TLS 1.2 and not 1.3".to_owned(),
            );
        } else if !peer.group_name().contains("MLKEM") {
            warn(
                "no-post-quantum",
                format!(
                    "the group {} holds no ML-KEM: what is recorded today can be read once quantum computers can",
                    peer.group_name()
                ),
            );
        }
    }
    if let Some(refusal) = &presented.refused_us {
        warn(
            "client-refused",
            format!(
                "the server refused this client afterwards: {}: {}",
                refusal.code(),
                refusal.text()
            ),
        );
    }
    warnings
}

/// RFC 9525, 6.3: a name matches exactly, or a wildcard stands for its whole leftmost label.
fn holds(leaf: &[u8], name: &ServerName<'_>) -> bool {
    let names = Certificate::parse(leaf).and_then(|leaf| leaf.subject_alt_names());
    let Ok(names) = names else {
        return false;
    };
    names.names.iter().any(|held| match (held, name) {
        (SubjectAltName::Dns(held), ServerName::DnsName(name)) => {
            let name = name.as_ref().trim_end_matches('.');
            let below = name.split_once('.').map(|(_, below)| below);
            match held.strip_prefix("*.") {
                Some(parent) => below.is_some_and(|below| below.eq_ignore_ascii_case(parent)),
                None => held.eq_ignore_ascii_case(name),
            }
        }
        (SubjectAltName::Ip(held), ServerName::IpAddress(address)) => {
            *held == IpAddr::from(*address)
        }
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use ravelin_tokio::pki_types::CertificateDer;
    use ravelin_tokio::pki_types::pem::PemObject as _;

    use super::*;
    use crate::authority::{Authority, clock};
    use crate::subject::Subject;

    #[test]
    fn a_name_is_held_exactly_or_by_a_wildcard_of_one_label() {
        let now = clock(SystemTime::now()).unwrap();
        let ca = Authority::generate(now).unwrap();
        for (issued, asked, held) in [
            ("localhost", "LOCALHOST", true),
            ("localhost", "localhost.", true),
            ("localhost", "example.org", false),
            ("*.example.org", "a.example.org", true),
            ("*.example.org", "a.b.example.org", false),
            ("*.example.org", "example.org", false),
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "127.0.0.2", false),
            ("127.0.0.1", "localhost", false),
        ] {
            let subject = Subject::server(issued).unwrap();
            let pem = ca.issue(&subject, now, 1).unwrap().cert_pem;
            let leaf = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
            let name = ServerName::try_from(asked).unwrap();
            assert_eq!(holds(&leaf, &name), held, "{issued} for {asked}");
        }
    }
}
