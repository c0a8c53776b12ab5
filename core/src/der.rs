//! A strict reader for DER (X.690), for certificates and what is attached to them.
//!
//! [`Reader`] walks one level of elements and lends what it finds; it allocates nothing and never
//! recurses: a nested structure is entered only where the caller names it, so that the code that
//! parses a format is also the bound on its depth. Refused are indefinite and non-minimal
//! lengths, tag numbers above 30, and values that are not in their one canonical form.
//!
//! ```
//! use ravelin_core::der::{DerError, Reader, Tag};
//!
//! // SEQUENCE { BOOLEAN TRUE, INTEGER 5 OPTIONAL, [0] OPTIONAL }
//! let mut outer = Reader::new(&[0x30, 0x06, 0x01, 0x01, 0xff, 0x02, 0x01, 0x05]);
//! let mut fields = outer.sequence()?;
//! assert!(fields.boolean()?);
//! assert_eq!(fields.optional(Tag::INTEGER)?, Some(&[5][..]));
//! assert_eq!(fields.optional(Tag::context_constructed(0))?, None);
//! fields.finish()?;
//! outer.finish()?;
//! # Ok::<(), DerError>(())
//! ```

use alloc::vec::Vec;
use core::fmt;

/// A cursor over consecutive DER elements.
///
/// After an error the position is unspecified: the structure is to be refused as a whole.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads the elements of `input`, from its first byte.
    pub const fn new(input: &'a [u8]) -> Self {
        Self { rest: input }
    }

    /// Whether every element has been read.
    pub const fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The tag of the next element; `None` at the end.
    pub fn peek(&self) -> Option<Tag> {
        self.rest.first().copied().map(Tag)
    }

    /// The next element, whatever its tag.
    ///
    /// # Errors
    /// [`DerError::Truncated`], [`DerError::Length`], or [`DerError::Tag`] for a tag number above
    /// 30, which no format read here uses.
    pub fn element(&mut self) -> Result<Element<'a>, DerError> {
        let (&tag, after_tag) = self.rest.split_first().ok_or(DerError::Truncated)?;
        if tag & 0x1f == 0x1f {
            return Err(DerError::Tag);
        }
        let (length, after_length) = read_length(after_tag)?;
        let (contents, rest) = after_length
            .split_at_checked(length)
            .ok_or(DerError::Truncated)?;
        let header = self.rest.len() - after_length.len();
        let der = self
            .rest
            .get(..header + length)
            .ok_or(DerError::Truncated)?;
        self.rest = rest;
        Ok(Element {
            tag: Tag(tag),
            contents,
            der,
        })
    }

    /// The next element, which must have this tag.
    ///
    /// # Errors
    /// As [`Self::element`], and [`DerError::Tag`] when the tag is another.
    pub fn expect(&mut self, tag: Tag) -> Result<Element<'a>, DerError> {
        // The tag comes first: of what is not DER at all, the length says nothing.
        match self.peek() {
            Some(other) if other != tag => Err(DerError::Tag),
            _ => self.element(),
        }
    }

    /// The contents of the next element if it has this tag; otherwise nothing is read.
    ///
    /// # Errors
    /// As [`Self::element`].
    pub fn optional(&mut self, tag: Tag) -> Result<Option<&'a [u8]>, DerError> {
        if self.peek() == Some(tag) {
            Ok(Some(self.element()?.contents))
        } else {
            Ok(None)
        }
    }

    /// Enters the next element, which must have this tag.
    ///
    /// # Errors
    /// As [`Self::expect`].
    pub fn enter(&mut self, tag: Tag) -> Result<Self, DerError> {
        Ok(Self::new(self.expect(tag)?.contents))
    }

    /// Enters a SEQUENCE.
    ///
    /// # Errors
    /// As [`Self::expect`].
    pub fn sequence(&mut self) -> Result<Self, DerError> {
        self.enter(Tag::SEQUENCE)
    }

    /// A BOOLEAN: `00` or `FF` (X.690 section 11.1).
    ///
    /// # Errors
    /// As [`Self::expect`], and [`DerError::Value`] for any other contents.
    pub fn boolean(&mut self) -> Result<bool, DerError> {
        match self.expect(Tag::BOOLEAN)?.contents {
            [0x00] => Ok(false),
            [0xff] => Ok(true),
            _ => Err(DerError::Value),
        }
    }

    /// The contents of an INTEGER: two's complement, big-endian, as short as it can be.
    ///
    /// # Errors
    /// As [`Self::expect`], and [`DerError::Value`] when it is empty or could be shorter.
    pub fn integer(&mut self) -> Result<&'a [u8], DerError> {
        let contents = self.expect(Tag::INTEGER)?.contents;
        match contents {
            [] => Err(DerError::Value),
            [0x00, next, ..] if next & 0x80 == 0 => Err(DerError::Value),
            [0xff, next, ..] if next & 0x80 != 0 => Err(DerError::Value),
            _ => Ok(contents),
        }
    }

    /// The contents of an OBJECT IDENTIFIER, to be compared with a constant.
    ///
    /// # Errors
    /// As [`Self::expect`], and [`DerError::Value`] when an arc is cut off or padded.
    pub fn oid(&mut self) -> Result<&'a [u8], DerError> {
        let contents = self.expect(Tag::OID)?.contents;
        let mut arc_begins = true;
        for byte in contents {
            if arc_begins && *byte == 0x80 {
                return Err(DerError::Value);
            }
            arc_begins = byte & 0x80 == 0;
        }
        if contents.is_empty() || !arc_begins {
            return Err(DerError::Value);
        }
        Ok(contents)
    }

    /// The octets of a BIT STRING that holds whole octets, as keys and signatures do.
    ///
    /// # Errors
    /// As [`Self::expect`], and [`DerError::Value`] when its bits do not fill octets.
    pub fn bit_string(&mut self) -> Result<&'a [u8], DerError> {
        match self.expect(Tag::BIT_STRING)?.contents.split_first() {
            Some((0, octets)) => Ok(octets),
            _ => Err(DerError::Value),
        }
    }

    /// A UTCTime or GeneralizedTime in the form of RFC 5280 section 4.1.2.5 (seconds, `Z`, no
    /// fraction), in seconds since 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    /// As [`Self::element`]; [`DerError::Tag`] when it is no time, [`DerError::Value`] when the
    /// form is another, the day does not exist, or it lies before 1970.
    pub fn time(&mut self) -> Result<u64, DerError> {
        let element = self.element()?;
        let digits = element.contents.strip_suffix(b"Z").ok_or(DerError::Value)?;
        let (year, digits) = match element.tag {
            Tag::UTC_TIME => {
                let (year, digits) = two_digits(digits)?;
                (year + if year < 50 { 2000 } else { 1900 }, digits)
            }
            Tag::GENERALIZED_TIME => {
                let (century, digits) = two_digits(digits)?;
                let (year, digits) = two_digits(digits)?;
                (century * 100 + year, digits)
            }
            _ => return Err(DerError::Tag),
        };
        let (month, digits) = two_digits(digits)?;
        let (day, digits) = two_digits(digits)?;
        let (hour, digits) = two_digits(digits)?;
        let (minute, digits) = two_digits(digits)?;
        let (second, digits) = two_digits(digits)?;
        if !digits.is_empty() || hour > 23 || minute > 59 || second > 59 {
            return Err(DerError::Value);
        }
        let days = days_since_1970(year, month, day).ok_or(DerError::Value)?;
        Ok(((days * 24 + hour) * 60 + minute) * 60 + second)
    }

    /// Ends the reading: nothing may be left.
    ///
    /// # Errors
    /// [`DerError::Trailing`] when something is.
    pub const fn finish(self) -> Result<(), DerError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(DerError::Trailing)
        }
    }
}

/// One element, lent from the input.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Element<'a> {
    /// Its tag.
    pub tag: Tag,
    /// What lies behind the header.
    pub contents: &'a [u8],
    /// The whole encoding: header and contents.
    pub der: &'a [u8],
}

/// An identifier octet: class, primitive or constructed, and a number up to 30.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tag(pub u8);

impl Tag {
    /// BOOLEAN.
    pub const BOOLEAN: Self = Self(0x01);
    /// INTEGER.
    pub const INTEGER: Self = Self(0x02);
    /// BIT STRING, primitive as DER demands.
    pub const BIT_STRING: Self = Self(0x03);
    /// OCTET STRING, primitive as DER demands.
    pub const OCTET_STRING: Self = Self(0x04);
    /// NULL.
    pub const NULL: Self = Self(0x05);
    /// OBJECT IDENTIFIER.
    pub const OID: Self = Self(0x06);
    /// ENUMERATED.
    pub const ENUMERATED: Self = Self(0x0a);
    /// UTF8String.
    pub const UTF8_STRING: Self = Self(0x0c);
    /// PrintableString.
    pub const PRINTABLE_STRING: Self = Self(0x13);
    /// IA5String.
    pub const IA5_STRING: Self = Self(0x16);
    /// UTCTime.
    pub const UTC_TIME: Self = Self(0x17);
    /// GeneralizedTime.
    pub const GENERALIZED_TIME: Self = Self(0x18);
    /// BMPString.
    pub const BMP_STRING: Self = Self(0x1e);
    /// SEQUENCE and SEQUENCE OF.
    pub const SEQUENCE: Self = Self(0x30);
    /// SET and SET OF.
    pub const SET: Self = Self(0x31);

    /// `[number]`, context-specific and primitive; of the number its low five bits count.
    pub const fn context(number: u8) -> Self {
        Self(0x80 | (number & 0x1f))
    }

    /// `[number]`, context-specific and constructed; of the number its low five bits count.
    pub const fn context_constructed(number: u8) -> Self {
        Self(0xa0 | (number & 0x1f))
    }
}

/// Puts a header with the shortest length before `contents`.
pub fn wrap(tag: Tag, contents: &[u8]) -> Vec<u8> {
    let length = contents.len().to_be_bytes();
    let zeros = length.iter().take_while(|byte| **byte == 0).count();
    let octets = length.get(zeros..).unwrap_or_default();
    let mut der = Vec::with_capacity(2 + octets.len() + contents.len());
    der.push(tag.0);
    match *octets {
        [] => der.push(0),
        [short] if short < 0x80 => der.push(short),
        _ => {
            // At most eight octets: the sum stays below 0x89.
            der.push(0x80 + octets.len() as u8);
            der.extend_from_slice(octets);
        }
    }
    der.extend_from_slice(contents);
    der
}

/// Why an encoding is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum DerError {
    /// The input ends inside an element.
    Truncated,
    /// A length is indefinite, not minimal, or 4 GiB and more.
    Length,
    /// Another element was expected here, or a tag number is above 30.
    Tag,
    /// The contents are not a canonical value of their type.
    Value,
    /// Bytes follow where the structure ends.
    Trailing,
    /// What may occur once occurs twice.
    Duplicate,
}

impl DerError {
    /// The stable code of this refusal.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Truncated => "E-DER-01",
            Self::Length => "E-DER-02",
            Self::Tag => "E-DER-03",
            Self::Value => "E-DER-04",
            Self::Trailing => "E-DER-05",
            Self::Duplicate => "E-DER-06",
        }
    }
}

impl fmt::Display for DerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "the der ends inside an element; give the whole structure",
            Self::Length => {
                "a der length is indefinite, not minimal or above 4 gib; have it encoded as der, not ber"
            }
            Self::Tag => {
                "a der element of another type was expected; check that this is the right kind of file"
            }
            Self::Value => {
                "a der value is not in its canonical form; have it issued again by a conforming encoder"
            }
            Self::Trailing => "bytes follow the der structure; remove them",
            Self::Duplicate => "an extension occurs twice; have the certificate issued again",
        })
    }
}

impl core::error::Error for DerError {}

/// The length at the start of `input`, and what follows it.
fn read_length(input: &[u8]) -> Result<(usize, &[u8]), DerError> {
    let (&first, rest) = input.split_first().ok_or(DerError::Truncated)?;
    if first < 0x80 {
        return Ok((usize::from(first), rest));
    }
    let count = usize::from(first & 0x7f);
    if count == 0 || count > 4 {
        return Err(DerError::Length);
    }
    let (octets, rest) = rest.split_at_checked(count).ok_or(DerError::Truncated)?;
    let length = octets
        .iter()
        .fold(0u32, |length, octet| length << 8 | u32::from(*octet));
    if octets.first() == Some(&0) || length < 0x80 {
        return Err(DerError::Length);
    }
    let length = usize::try_from(length).map_err(|_| DerError::Length)?;
    Ok((length, rest))
}

fn two_digits(input: &[u8]) -> Result<(u64, &[u8]), DerError> {
    match input {
        [tens @ b'0'..=b'9', units @ b'0'..=b'9', rest @ ..] => {
            Ok((u64::from(tens - b'0') * 10 + u64::from(units - b'0'), rest))
        }
        _ => Err(DerError::Value),
    }
}

/// Days from 1970-01-01 to a date of the Gregorian calendar, if it exists and is not earlier.
fn days_since_1970(year: u64, month: u64, day: u64) -> Option<u64> {
    const LENGTHS: [u64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let leap_day = u64::from(
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)),
    );
    let leap_years_until = |year: u64| year / 4 - year / 100 + year / 400;

    let before = usize::try_from(month).ok()?.checked_sub(1)?;
    let length = LENGTHS.get(before)? + if month == 2 { leap_day } else { 0 };
    if day == 0 || day > length {
        return None;
    }
    let years = year.checked_sub(1970)? * 365 + leap_years_until(year - 1) - leap_years_until(1969);
    let months = LENGTHS.iter().take(before).sum::<u64>() + if month > 2 { leap_day } else { 0 };
    Some(years + months + day - 1)
}

#[cfg(test)]
mod tests {
    use super::{DerError, Reader, Tag, wrap};
    use alloc::vec;
    use alloc::vec::Vec;

    #[test]
    fn wrap_and_read_agree_at_every_length_form() {
        for length in [0, 1, 127, 128, 255, 256, 65_535, 65_536, 70_000] {
            let contents = vec![0xa5; length];
            let der = wrap(Tag::OCTET_STRING, &contents);
            let mut reader = Reader::new(&der);
            let element = reader.expect(Tag::OCTET_STRING).unwrap();
            assert_eq!(element.contents, contents);
            assert_eq!(element.der, der);
            reader.finish().unwrap();
        }
        assert_eq!(wrap(Tag::SEQUENCE, &[]), [0x30, 0x00]);
        assert_eq!(wrap(Tag::SEQUENCE, &[7; 127])[..2], [0x30, 0x7f]);
        assert_eq!(wrap(Tag::SEQUENCE, &[7; 128])[..3], [0x30, 0x81, 0x80]);
        assert_eq!(wrap(Tag::SEQUENCE, &[7; 256])[..4], [0x30, 0x82, 1, 0]);
    }

    #[test]
    fn lengths_other_than_definite_and_minimal_are_refused() {
        let refused = [
            (&[0x30, 0x80, 0, 0][..], DerError::Length),
            (&[0x04, 0x81, 0x01, 7], DerError::Length),
            (&[0x04, 0x82, 0x00, 0x80], DerError::Length),
            (&[0x04, 0x85, 1, 0, 0, 0, 0], DerError::Length),
            (&[0x04, 0xff], DerError::Length),
            (&[0x04, 0x84, 0xff, 0xff, 0xff, 0xff], DerError::Truncated),
            (&[0x04, 0x82, 0x01], DerError::Truncated),
            (&[0x04, 0x02, 7], DerError::Truncated),
            (&[0x04], DerError::Truncated),
            (&[], DerError::Truncated),
            (&[0x1f, 0x01, 0], DerError::Tag),
            (&[0xbf, 0x81, 0x01, 0], DerError::Tag),
        ];
        for (input, error) in refused {
            assert_eq!(Reader::new(input).element(), Err(error), "{input:02x?}");
        }
    }

    #[test]
    fn tags_are_expected_or_optional() {
        let input = [0x05, 0x00, 0x85, 0x01, 0x2a, 0xa0, 0x00];
        let mut reader = Reader::new(&input);
        assert_eq!(reader.optional(Tag::INTEGER), Ok(None));
        assert_eq!(reader.optional(Tag::NULL), Ok(Some(&[][..])));
        assert_eq!(reader.optional(Tag::context(5)), Ok(Some(&[0x2a][..])));
        assert_eq!(reader.peek(), Some(Tag::context_constructed(0)));
        assert_eq!(reader.clone().finish(), Err(DerError::Trailing));
        assert_eq!(reader.clone().expect(Tag::NULL), Err(DerError::Tag));
        assert!(
            reader
                .enter(Tag::context_constructed(0))
                .unwrap()
                .is_empty()
        );
        assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn values_have_one_form() {
        let boolean = |contents: &[u8]| Reader::new(&wrap(Tag::BOOLEAN, contents)).boolean();
        assert_eq!(boolean(&[0x00]), Ok(false));
        assert_eq!(boolean(&[0xff]), Ok(true));
        for contents in [&[][..], &[1], &[0xff, 0xff]] {
            assert_eq!(boolean(contents), Err(DerError::Value));
        }

        for contents in [
            &[0][..],
            &[0x7f],
            &[0x80],
            &[0, 0x80],
            &[0xff],
            &[0xff, 0x7f],
        ] {
            let der = wrap(Tag::INTEGER, contents);
            assert_eq!(Reader::new(&der).integer(), Ok(contents));
        }
        for contents in [&[][..], &[0, 0], &[0, 0x7f], &[0xff, 0x80]] {
            let der = wrap(Tag::INTEGER, contents);
            assert_eq!(Reader::new(&der).integer(), Err(DerError::Value));
        }

        for contents in [&[0x55, 0x1d, 0x11][..], &[0x2a, 0x86, 0x48]] {
            let der = wrap(Tag::OID, contents);
            assert_eq!(Reader::new(&der).oid(), Ok(contents));
        }
        for contents in [&[][..], &[0x55, 0x86], &[0x2a, 0x80, 0x01], &[0x80]] {
            let der = wrap(Tag::OID, contents);
            assert_eq!(Reader::new(&der).oid(), Err(DerError::Value));
        }

        assert_eq!(Reader::new(&[3, 3, 0, 8, 9]).bit_string(), Ok(&[8, 9][..]));
        assert_eq!(Reader::new(&[3, 1, 0]).bit_string(), Ok(&[][..]));
        assert_eq!(
            Reader::new(&[3, 2, 1, 8]).bit_string(),
            Err(DerError::Value)
        );
        assert_eq!(Reader::new(&[3, 0]).bit_string(), Err(DerError::Value));
    }

    #[test]
    fn times_of_rfc_5280() {
        let read = |tag, text: &str| Reader::new(&wrap(tag, text.as_bytes())).time();
        let utc = |text| read(Tag::UTC_TIME, text);
        let generalized = |text| read(Tag::GENERALIZED_TIME, text);

        assert_eq!(utc("700101000000Z"), Ok(0));
        assert_eq!(utc("991231235959Z"), Ok(946_684_799));
        assert_eq!(utc("000229120000Z"), Ok(951_825_600));
        assert_eq!(utc("491231235959Z"), Ok(2_524_607_999));
        assert_eq!(generalized("20500101000000Z"), Ok(2_524_608_000));
        assert_eq!(generalized("21000301000000Z"), Ok(4_107_542_400));
        assert_eq!(generalized("99991231235959Z"), Ok(253_402_300_799));

        for text in [
            "",
            "Z",
            "691231235959Z",
            "500101000000Z",
            "7001010000Z",
            "700101000000",
            "700101000000+0000",
            "700101000000.5Z",
            "700101000060Z",
            "700101006000Z",
            "700101240000Z",
            "700100000000Z",
            "700132000000Z",
            "700001000000Z",
            "701301000000Z",
            "010229000000Z",
            "7001010000 0Z",
        ] {
            assert_eq!(utc(text), Err(DerError::Value), "{text}");
        }
        for text in ["21000229000000Z", "19691231235959Z", "00000101000000Z"] {
            assert_eq!(generalized(text), Err(DerError::Value), "{text}");
        }
        assert_eq!(read(Tag::UTF8_STRING, "700101000000Z"), Err(DerError::Tag));
    }

    #[test]
    fn every_code_is_its_own() {
        let errors = [
            DerError::Truncated,
            DerError::Length,
            DerError::Tag,
            DerError::Value,
            DerError::Trailing,
            DerError::Duplicate,
        ];
        let mut codes: Vec<_> = errors.iter().map(|error| error.code()).collect();
        codes.dedup();
        assert_eq!(codes.len(), errors.len());
        assert!(codes.iter().all(|code| code.starts_with("E-DER-")));
    }
}
