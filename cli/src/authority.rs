//! A certificate authority for development, in memory: `dev-ca` writes what it issues.

use std::time::SystemTime;

use ravelin_core::pki_types::CertificateDer;
use ravelin_core::pki_types::pem::PemObject as _;
use ravelin_core::trust::certificate::Certificate;
use ravelin_core::trust::pin::Pin;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData as _,
};
use time::{Duration, OffsetDateTime};

use crate::failure::{Exit, Failure};
use crate::subject::{Role, Subject};

/// How long a new authority lasts, and so the most that a certificate can.
pub(crate) const AUTHORITY_DAYS: u16 = 3650;
/// A certificate begins a little before it is made: the peer's clock may be behind ours.
const CLOCK_SKEW: Duration = Duration::HOUR;

/// A CA: its certificate and the key that signs.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Its common name, which follows from its key.
    pub(crate) name: String,
    pub(crate) cert_pem: String,
    pub(crate) pin: Pin,
    pub(crate) not_after: OffsetDateTime,
}

/// A certificate and its key. No `Debug`: the key stays out of logs.
pub(crate) struct Issued {
    pub(crate) cert_pem: String,
    pub(crate) key_pem: String,
    pub(crate) pin: Pin,
    pub(crate) not_after: OffsetDateTime,
}

impl Authority {
    /// A new CA with an ECDSA P-256 key, valid for [`AUTHORITY_DAYS`].
    pub(crate) fn generate(now: OffsetDateTime) -> Result<Self, Failure> {
        let key = new_key()?;
        let name = authority_name(&key);
        let mut params = validity(now, AUTHORITY_DAYS)?;
        params.distinguished_name = common_name(&name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let cert = params.self_signed(&key).map_err(|e| not_issued(&e))?;
        Ok(Self {
            name,
            cert_pem: cert.pem(),
            pin: pin(&key),
            not_after: params.not_after,
            issuer: Issuer::new(params, key),
        })
    }

    /// A CA that [`Self::generate`] made earlier; the error says what is wrong with the pair.
    pub(crate) fn load(
        cert_pem: &[u8],
        key_pem: &[u8],
        now: OffsetDateTime,
    ) -> Result<Self, String> {
        let key = std::str::from_utf8(key_pem)
            .ok()
            .and_then(|pem| KeyPair::from_pem(pem).ok())
            .ok_or("ca.key is not a PEM private key")?;
        let der = CertificateDer::from_pem_slice(cert_pem)
            .map_err(|_| "ca.pem is not a PEM certificate")?;
        let cert = Certificate::parse(&der).map_err(|_| "ca.pem is not an X.509 certificate")?;
        if cert.spki() != key.subject_public_key_info() {
            return Err("ca.key is not the key of ca.pem".to_owned());
        }
        let name = authority_name(&key);
        if cert.subject_common_name().as_ref() != Some(&name) {
            return Err("ca.pem was not made by dev-ca".to_owned());
        }
        let not_after = i64::try_from(cert.validity().not_after)
            .ok()
            .and_then(|at| OffsetDateTime::from_unix_timestamp(at).ok())
            .ok_or("ca.pem ends at no date")?;
        if not_after <= now {
            return Err(format!("ca.pem ended on {}", not_after.date()));
        }
        let mut params = CertificateParams::default();
        params.distinguished_name = common_name(&name);
        Ok(Self {
            name,
            cert_pem: String::from_utf8_lossy(cert_pem).into_owned(),
            pin: pin(&key),
            not_after,
            issuer: Issuer::new(params, key),
        })
    }

    /// The PEM (PKCS#8) of the key that signs.
    pub(crate) fn key_pem(&self) -> String {
        self.issuer.key().serialize_pem()
    }

    /// A certificate for `subject` with an ECDSA P-256 key of its own, valid for `days`.
    pub(crate) fn issue(
        &self,
        subject: &Subject,
        now: OffsetDateTime,
        days: u16,
    ) -> Result<Issued, Failure> {
        let mut params = validity(now, days)?;
        if params.not_after > self.not_after {
            let remaining = (self.not_after - now).whole_days();
            return Err(Failure::new(
                Exit::Configuration,
                "E-CA-06",
                format!(
                    "the CA ends on {}, before the {days} days of --days",
                    self.not_after.date()
                ),
                format!("give --days {remaining} or less, or make a new CA in another directory"),
            ));
        }
        params.distinguished_name = match &subject.common_name {
            Some(name) => common_name(name),
            None => DistinguishedName::new(),
        };
        params
            .subject_alt_names
            .extend(subject.alternative.iter().cloned());
        params.is_ca = IsCa::ExplicitNoCa;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![match subject.role {
            Role::Server => ExtendedKeyUsagePurpose::ServerAuth,
            Role::Client => ExtendedKeyUsagePurpose::ClientAuth,
        }];
        let key = new_key()?;
        let cert = params
            .signed_by(&key, &self.issuer)
            .map_err(|e| not_issued(&e))?;
        Ok(Issued {
            cert_pem: cert.pem(),
            key_pem: key.serialize_pem(),
            pin: pin(&key),
            not_after: params.not_after,
        })
    }
}

/// What the system clock says; a certificate needs a date between 1970 and 9999.
pub(crate) fn clock(now: SystemTime) -> Result<OffsetDateTime, Failure> {
    now.duration_since(SystemTime::UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_secs()).ok())
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .ok_or_else(wrong_clock)
}

fn new_key() -> Result<KeyPair, Failure> {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(|e| not_issued(&e))
}

fn validity(now: OffsetDateTime, days: u16) -> Result<CertificateParams, Failure> {
    let not_before = now.checked_sub(CLOCK_SKEW).ok_or_else(wrong_clock)?;
    let not_after = now
        .checked_add(Duration::days(days.into()))
        .ok_or_else(wrong_clock)?;
    let mut params = CertificateParams::default();
    params.not_before = not_before;
    params.not_after = not_after;
    Ok(params)
}

fn wrong_clock() -> Failure {
    Failure::new(
        Exit::Configuration,
        "E-CA-08",
        "the system clock is outside the years that a certificate can name",
        "set the clock",
    )
}

fn common_name(name: &str) -> DistinguishedName {
    let mut distinguished_name = DistinguishedName::new();
    distinguished_name.push(DnType::CommonName, name);
    distinguished_name
}

fn pin(key: &KeyPair) -> Pin {
    Pin::of_spki(&key.subject_public_key_info())
}

/// A name per key: two authorities in one trust store stay apart, and the key alone tells the name to issue under.
fn authority_name(key: &KeyPair) -> String {
    let tag: String = pin(key)
        .digest()
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("ravelin development CA {tag}")
}

fn not_issued(error: &rcgen::Error) -> Failure {
    Failure::new(
        Exit::Io,
        "E-CA-09",
        format!("cannot make a certificate: {error}"),
        "try again; if it stays, report it with this line",
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration as Seconds;

    use ravelin_core::pki_types::{ServerName, UnixTime};
    use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert, aws_lc_rs};

    use super::*;

    fn verify(ca_pem: &str, leaf_pem: &str, usage: KeyUsage, name: Option<&str>) -> bool {
        let ca = CertificateDer::from_pem_slice(ca_pem.as_bytes()).unwrap();
        let leaf = CertificateDer::from_pem_slice(leaf_pem.as_bytes()).unwrap();
        let cert = EndEntityCert::try_from(&leaf).unwrap();
        let named = name.is_none_or(|name| {
            let name = ServerName::try_from(name).unwrap();
            cert.verify_is_valid_for_subject_name(&name).is_ok()
        });
        let anchors = [anchor_from_trusted_cert(&ca).unwrap()];
        let chained = cert.verify_for_usage(
            &[aws_lc_rs::ECDSA_P256_SHA256],
            &anchors,
            &[],
            UnixTime::now(),
            usage,
            None,
            None,
        );
        named && chained.is_ok()
    }

    #[test]
    fn what_it_issues_verifies_for_its_name_and_its_role_alone() {
        let now = clock(SystemTime::now()).unwrap();
        let ca = Authority::generate(now).unwrap();
        let other = Authority::generate(now).unwrap();
        let issue = |subject: Result<Subject, Failure>| {
            ca.issue(&subject.unwrap(), now, 30).unwrap().cert_pem
        };
        let dns = issue(Subject::server("localhost"));
        assert!(verify(
            &ca.cert_pem,
            &dns,
            KeyUsage::server_auth(),
            Some("localhost")
        ));
        assert!(!verify(
            &ca.cert_pem,
            &dns,
            KeyUsage::server_auth(),
            Some("other")
        ));
        assert!(!verify(&ca.cert_pem, &dns, KeyUsage::client_auth(), None));
        assert!(!verify(
            &other.cert_pem,
            &dns,
            KeyUsage::server_auth(),
            None
        ));

        let address = issue(Subject::server("127.0.0.1"));
        assert!(verify(
            &ca.cert_pem,
            &address,
            KeyUsage::server_auth(),
            Some("127.0.0.1")
        ));

        let wildcard = issue(Subject::server("*.example.org"));
        assert!(verify(
            &ca.cert_pem,
            &wildcard,
            KeyUsage::server_auth(),
            Some("a.example.org")
        ));

        for name in ["laptop", "spiffe://example.org/agents/one", "my laptop"] {
            let client = issue(Subject::client(name));
            assert!(verify(&ca.cert_pem, &client, KeyUsage::client_auth(), None));
            assert!(!verify(
                &ca.cert_pem,
                &client,
                KeyUsage::server_auth(),
                None
            ));
        }
    }

    #[test]
    fn a_loaded_authority_issues_below_the_same_certificate() {
        let now = clock(SystemTime::now()).unwrap();
        let first = Authority::generate(now).unwrap();
        let key = first.key_pem();
        let loaded = Authority::load(first.cert_pem.as_bytes(), key.as_bytes(), now).unwrap();
        assert_eq!(loaded.pin, first.pin);
        let issued = loaded
            .issue(&Subject::server("localhost").unwrap(), now, 30)
            .unwrap();
        assert!(verify(
            &first.cert_pem,
            &issued.cert_pem,
            KeyUsage::server_auth(),
            None
        ));
    }

    #[test]
    fn an_unusable_pair_is_refused_and_says_why() {
        let now = clock(SystemTime::now()).unwrap();
        let ca = Authority::generate(now).unwrap();
        let leaf = ca
            .issue(&Subject::server("localhost").unwrap(), now, 30)
            .unwrap();
        let other = Authority::generate(now).unwrap().key_pem();
        let key = ca.key_pem();
        let decades = now + Duration::days(7300);
        let stranger = KeyPair::generate().unwrap();
        let foreign = CertificateParams::new(vec![])
            .unwrap()
            .self_signed(&stranger)
            .unwrap()
            .pem();
        let stranger = stranger.serialize_pem();
        for (cert, key, at, cause) in [
            (&foreign, &stranger, now, "not made by dev-ca"),
            (&ca.cert_pem, &other, now, "not the key of ca.pem"),
            (&leaf.cert_pem, &leaf.key_pem, now, "not made by dev-ca"),
            (&ca.cert_pem, &key, decades, "ca.pem ended on"),
            (&key, &key, now, "not a PEM certificate"),
            (&ca.cert_pem, &ca.cert_pem, now, "not a PEM private key"),
        ] {
            let error = Authority::load(cert.as_bytes(), key.as_bytes(), at).err();
            assert!(
                error.as_deref().is_some_and(|e| e.contains(cause)),
                "{cause}: {error:?}"
            );
        }
    }

    #[test]
    fn no_certificate_outlives_its_authority() {
        let now = clock(SystemTime::now()).unwrap();
        let ca = Authority::generate(now).unwrap();
        let later = now + Duration::days(3000);
        let subject = Subject::server("localhost").unwrap();
        let refused = ca.issue(&subject, later, 700).err().unwrap().to_string();
        assert!(refused.starts_with("error E-CA-06: "), "{refused}");
        assert!(
            refused.ends_with("; give --days 650 or less, or make a new CA in another directory"),
            "{refused}"
        );
        assert!(ca.issue(&subject, later, 600).is_ok());
    }

    #[test]
    fn a_clock_without_a_date_is_refused() {
        let year_10000 = SystemTime::UNIX_EPOCH + Seconds::from_secs(253_402_300_800);
        let before_1970 = SystemTime::UNIX_EPOCH - Seconds::from_secs(1);
        let year_9999 = clock(year_10000 - Seconds::from_secs(1)).unwrap();
        for refused in [
            clock(year_10000).err(),
            clock(before_1970).err(),
            Authority::generate(year_9999).err(),
        ] {
            assert!(refused.unwrap().to_string().starts_with("error E-CA-08: "));
        }
    }
}
