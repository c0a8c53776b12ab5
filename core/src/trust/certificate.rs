//! The fields of an X.509 certificate (RFC 5280 section 4.1), found by walking its structure.
//!
//! Nothing here verifies: a certificate says what it likes, and who signed it is the chain's
//! business. But what is read is what the verifier reads, at the place where the standard puts it.
//!
//! ```no_run
//! use ravelin_core::der::DerError;
//! use ravelin_core::trust::certificate::Certificate;
//! use ravelin_core::trust::pin::Pin;
//!
//! # let der: &[u8] = &[];
//! let certificate = Certificate::parse(der)?;
//! println!("pin    {}", Pin::of_spki(certificate.spki()));
//! println!("until  {}", certificate.validity().not_after);
//! for name in certificate.subject_alt_names()?.names {
//!     println!("name   {name}");
//! }
//! # Ok::<(), DerError>(())
//! ```

use crate::der::{DerError, Reader, Tag};
use crate::trust::san::SubjectAltNames;
use alloc::borrow::ToOwned;
use alloc::string::String;
use core::str;

/// A certificate whose structure has been walked, lent from its DER.
#[derive(Clone, Debug)]
pub struct Certificate<'a> {
    serial: &'a [u8],
    issuer: Name<'a>,
    validity: Validity,
    subject: Name<'a>,
    spki: &'a [u8],
    extensions: Extensions<'a>,
}

impl<'a> Certificate<'a> {
    /// Walks `der`, which must hold one certificate and nothing else.
    ///
    /// # Errors
    /// [`DerError`] when the structure is not that of RFC 5280 section 4.1, or not in DER.
    pub fn parse(der: &'a [u8]) -> Result<Self, DerError> {
        let mut outer = Reader::new(der);
        let mut certificate = outer.sequence()?;
        outer.finish()?;
        let mut fields = certificate.sequence()?;
        let _signature_algorithm = certificate.sequence()?;
        let _signature = certificate.bit_string()?;
        certificate.finish()?;

        if let Some(version) = fields.optional(Tag::context_constructed(0))? {
            let mut version = Reader::new(version);
            let _ = version.integer()?;
            version.finish()?;
        }
        let serial = fields.integer()?;
        let _signature_algorithm = fields.sequence()?;
        let issuer = Name::read(&mut fields)?;
        let validity = Validity::read(&mut fields)?;
        let subject = Name::read(&mut fields)?;
        let spki = read_spki(&mut fields)?;
        let _issuer_unique_id = fields.optional(Tag::context(1))?;
        let _subject_unique_id = fields.optional(Tag::context(2))?;
        let extensions = Extensions::read(&mut fields)?;
        fields.finish()?;

        Ok(Self {
            serial,
            issuer,
            validity,
            subject,
            spki,
            extensions,
        })
    }

    /// The SubjectPublicKeyInfo, its SEQUENCE header included: what a pin is the digest of.
    pub const fn spki(&self) -> &'a [u8] {
        self.spki
    }

    /// The serial number: big-endian two's complement.
    pub const fn serial(&self) -> &'a [u8] {
        self.serial
    }

    /// The time during which the certificate may be used.
    pub const fn validity(&self) -> Validity {
        self.validity
    }

    /// The last common name of the subject. To be shown to people: host names are matched against
    /// [`Self::subject_alt_names`] only (RFC 9525 section 2).
    pub fn subject_common_name(&self) -> Option<String> {
        self.subject.common_name()
    }

    /// The last common name of the issuer. To be shown to people.
    pub fn issuer_common_name(&self) -> Option<String> {
        self.issuer.common_name()
    }

    /// The names of the SubjectAltName extension; none when there is no such extension.
    ///
    /// # Errors
    /// [`DerError`] when the extension occurs twice or is not as RFC 5280 section 4.2.1.6 has it.
    pub fn subject_alt_names(&self) -> Result<SubjectAltNames, DerError> {
        const SUBJECT_ALT_NAME: [u8; 3] = [0x55, 0x1d, 0x11];
        match self.extension(&SUBJECT_ALT_NAME)? {
            Some(value) => SubjectAltNames::parse(value),
            None => Ok(SubjectAltNames::default()),
        }
    }

    /// The value of the extension with this object identifier (its DER contents): what is inside
    /// the OCTET STRING.
    ///
    /// # Errors
    /// [`DerError::Duplicate`] when there are two (RFC 5280 section 4.2).
    pub fn extension(&self, oid: &[u8]) -> Result<Option<&'a [u8]>, DerError> {
        let mut found = None;
        for extension in self.extensions.clone() {
            let (id, value) = extension?;
            if id == oid && found.replace(value).is_some() {
                return Err(DerError::Duplicate);
            }
        }
        Ok(found)
    }
}

/// The validity of a certificate (RFC 5280 section 4.1.2.5), both ends included.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Validity {
    /// In seconds since 1970-01-01T00:00:00Z.
    pub not_before: u64,
    /// In seconds since 1970-01-01T00:00:00Z.
    pub not_after: u64,
}

impl Validity {
    fn read(fields: &mut Reader<'_>) -> Result<Self, DerError> {
        let mut times = fields.sequence()?;
        let not_before = times.time()?;
        let not_after = times.time()?;
        times.finish()?;
        Ok(Self {
            not_before,
            not_after,
        })
    }
}

/// SubjectPublicKeyInfo (RFC 5280 section 4.1.2.7), checked down to its two fields.
fn read_spki<'a>(fields: &mut Reader<'a>) -> Result<&'a [u8], DerError> {
    let spki = fields.expect(Tag::SEQUENCE)?;
    let mut parts = Reader::new(spki.contents);
    let _ = parts.sequence()?.oid()?;
    let _ = parts.bit_string()?;
    parts.finish()?;
    Ok(spki.der)
}

/// A distinguished name: RelativeDistinguishedNames not looked into before they are asked for.
#[derive(Clone, Debug)]
struct Name<'a>(Reader<'a>);

impl<'a> Name<'a> {
    fn read(fields: &mut Reader<'a>) -> Result<Self, DerError> {
        fields.sequence().map(Self)
    }

    fn common_name(&self) -> Option<String> {
        let mut last = None;
        let mut relative_names = self.0.clone();
        while let Ok(mut attributes) = relative_names.enter(Tag::SET) {
            while let Ok(mut attribute) = attributes.sequence() {
                const COMMON_NAME: [u8; 3] = [0x55, 0x04, 0x03];
                if attribute.oid() == Ok(&COMMON_NAME) {
                    last = attribute.element().ok();
                }
            }
        }
        let value = last?;
        let text = match value.tag {
            Tag::UTF8_STRING | Tag::PRINTABLE_STRING | Tag::IA5_STRING => {
                str::from_utf8(value.contents).ok()?.to_owned()
            }
            Tag::BMP_STRING => {
                let (units, rest) = value.contents.as_chunks::<2>();
                let units = units.iter().map(|unit| u16::from_be_bytes(*unit));
                let text: Result<String, _> = char::decode_utf16(units).collect();
                text.ok().filter(|_| rest.is_empty())?
            }
            _ => return None,
        };
        // Where a name is shown, a control character could move the cursor of a terminal.
        (!text.is_empty() && !text.contains(char::is_control)).then_some(text)
    }
}

/// The extensions of a certificate, as pairs of object identifier and value.
#[derive(Clone, Debug)]
struct Extensions<'a>(Reader<'a>);

impl<'a> Extensions<'a> {
    /// Walks all of them once, so that a certificate with a malformed one is refused as a whole.
    fn read(fields: &mut Reader<'a>) -> Result<Self, DerError> {
        let Some(explicit) = fields.optional(Tag::context_constructed(3))? else {
            return Ok(Self(Reader::new(&[])));
        };
        let mut explicit = Reader::new(explicit);
        let extensions = Self(explicit.sequence()?);
        explicit.finish()?;
        extensions
            .clone()
            .try_for_each(|extension| extension.map(|_| ()))?;
        Ok(extensions)
    }

    fn read_next(&mut self) -> Result<(&'a [u8], &'a [u8]), DerError> {
        let mut extension = self.0.sequence()?;
        let id = extension.oid()?;
        if extension.peek() == Some(Tag::BOOLEAN) {
            let _critical = extension.boolean()?;
        }
        let value = extension.expect(Tag::OCTET_STRING)?.contents;
        extension.finish()?;
        Ok((id, value))
    }
}

impl<'a> Iterator for Extensions<'a> {
    type Item = Result<(&'a [u8], &'a [u8]), DerError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let extension = self.read_next();
        if extension.is_err() {
            self.0 = Reader::new(&[]);
        }
        Some(extension)
    }
}

#[cfg(test)]
mod tests;
