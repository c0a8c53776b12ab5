//! A presented certificate in words.

use ravelin_core::der::{DerError, Reader, Tag};
use ravelin_core::trust::certificate::{Certificate, Validity};
use ravelin_core::trust::pin::Pin;
use ravelin_tokio::pki_types::CertificateDer;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::style::rfc3339;

const DAY: i64 = 24 * 60 * 60;

/// What one certificate of a chain says of itself.
pub(super) struct Described {
    /// Of the whole certificate.
    pub(super) fingerprint: Pin,
    /// `None` when it cannot be read.
    pub(super) fields: Option<Fields>,
}

pub(super) struct Fields {
    pub(super) subject: Option<String>,
    pub(super) issuer: Option<String>,
    pub(super) names: Vec<String>,
    pub(super) pin: Pin,
    pub(super) not_before: OffsetDateTime,
    pub(super) not_after: OffsetDateTime,
    pub(super) lifetime: Lifetime,
}

/// Where now lies in the validity of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lifetime {
    /// Whole days until it begins.
    NotYet(i64),
    /// Whole days that are left.
    Left(i64),
    /// Whole days since it ended.
    Expired(i64),
}

impl Described {
    pub(super) fn of(der: &CertificateDer<'_>, now: OffsetDateTime) -> Self {
        Self {
            fingerprint: Pin::of_certificate(der),
            fields: Fields::of(der, now),
        }
    }

    pub(super) fn json(&self) -> Value {
        let Some(fields) = &self.fields else {
            return json!({ "certificate": self.fingerprint.to_string() });
        };
        let days_left = match fields.lifetime {
            Lifetime::Left(days) => days,
            Lifetime::Expired(days) => -days,
            Lifetime::NotYet(_) => (fields.not_after - fields.not_before).whole_days(),
        };
        json!({
            "subject": fields.subject,
            "issuer": fields.issuer,
            "names": fields.names,
            "not_before": rfc3339(fields.not_before),
            "not_after": rfc3339(fields.not_after),
            "days_left": days_left,
            "pin": fields.pin.to_string(),
            "certificate": self.fingerprint.to_string(),
        })
    }
}

impl Fields {
    fn of(der: &CertificateDer<'_>, now: OffsetDateTime) -> Option<Self> {
        let certificate = Certificate::parse(der).ok()?;
        let names = certificate.subject_alt_names().ok()?.names;
        let validity = certificate.validity();
        Some(Self {
            subject: certificate.subject_common_name(),
            issuer: certificate.issuer_common_name(),
            names: names.iter().map(ToString::to_string).collect(),
            pin: Pin::of_spki(certificate.spki()),
            not_before: date(validity.not_before)?,
            not_after: date(validity.not_after)?,
            lifetime: Lifetime::of(validity, now),
        })
    }
}

impl Lifetime {
    pub(super) fn of(validity: Validity, now: OffsetDateTime) -> Self {
        let now = now.unix_timestamp();
        let begin = i64::try_from(validity.not_before).unwrap_or(i64::MAX);
        let end = i64::try_from(validity.not_after).unwrap_or(i64::MAX);
        if now < begin {
            Self::NotYet((begin - now) / DAY)
        } else if now > end {
            Self::Expired((now - end) / DAY)
        } else {
            Self::Left((end - now) / DAY)
        }
    }
}

/// Whether the issuer of a certificate is its own subject (RFC 5280, 3.2): its signer is itself, if anyone.
pub(super) fn is_self_issued(der: &CertificateDer<'_>) -> bool {
    let names = || -> Result<_, DerError> {
        let mut fields = Reader::new(der).sequence()?.sequence()?;
        let _version = fields.optional(Tag::context_constructed(0))?;
        let _serial = fields.integer()?;
        let _signature_algorithm = fields.sequence()?;
        let issuer = fields.element()?;
        let _validity = fields.sequence()?;
        Ok((issuer, fields.element()?))
    };
    names().is_ok_and(|(issuer, subject)| issuer == subject)
}

fn date(seconds: u64) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(i64::try_from(seconds).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_is_counted_in_whole_days() {
        let day = u64::try_from(DAY).unwrap();
        let validity = Validity {
            not_before: 10 * day,
            not_after: 20 * day,
        };
        let at = |seconds: i64| {
            Lifetime::of(
                validity,
                OffsetDateTime::from_unix_timestamp(seconds).unwrap(),
            )
        };
        assert_eq!(at(8 * DAY), Lifetime::NotYet(2));
        assert_eq!(at(10 * DAY), Lifetime::Left(10));
        assert_eq!(at(20 * DAY), Lifetime::Left(0));
        assert_eq!(at(20 * DAY + 1), Lifetime::Expired(0));
        assert_eq!(at(23 * DAY), Lifetime::Expired(3));
    }
}
