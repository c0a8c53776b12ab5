extern crate std;

use super::{Certificate, Validity};
use crate::der::{DerError, Reader, Tag, wrap};
use crate::trust::pin::rewrap_spki;
use crate::trust::san::{SubjectAltName, SubjectAltNames};
use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;
use core::net::IpAddr;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, DnValue, IsCa, KeyPair, PublicKeyData, SanType,
    SerialNumber,
};

const NOT_BEFORE: u64 = 1_577_836_800; // 2020-01-01
const NOT_AFTER: u64 = 2_556_144_000; // 2051-01-01: a GeneralizedTime

fn params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2051, 1, 1);
    params.serial_number = Some(SerialNumber::from_slice(&[0x7f, 1, 2, 3]));
    params.distinguished_name = rcgen::DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::OrganizationName, "Ravelin");
    params
        .distinguished_name
        .push(DnType::CommonName, "h\u{e9}lo");
    params.subject_alt_names = vec![
        SanType::DnsName("example.org".try_into().unwrap()),
        SanType::IpAddress(IpAddr::from([192, 0, 2, 1])),
        SanType::IpAddress("2001:db8::1".parse().unwrap()),
        SanType::URI("spiffe://example.org/agent".try_into().unwrap()),
        SanType::Rfc822Name("ops@example.org".try_into().unwrap()),
    ];
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(3));
    params
}

fn certificate(params: &CertificateParams) -> Vec<u8> {
    params
        .self_signed(&KeyPair::generate().unwrap())
        .unwrap()
        .der()
        .to_vec()
}

/// The fields of the tbsCertificate, each with its header.
fn fields(certificate: &[u8]) -> Vec<Vec<u8>> {
    let mut fields = Reader::new(certificate)
        .sequence()
        .unwrap()
        .sequence()
        .unwrap();
    core::iter::from_fn(|| fields.element().ok())
        .map(|field| field.der.to_vec())
        .collect()
}

const ISSUER: usize = 3;
const SUBJECT: usize = 5;
const EXTENSIONS: usize = 7;

/// A certificate of these fields; its signature fits nothing, and nothing here looks at it.
fn assemble(fields: &[Vec<u8>]) -> Vec<u8> {
    let tbs = wrap(Tag::SEQUENCE, &fields.concat());
    let signature = wrap(Tag::BIT_STRING, &[0; 65]);
    wrap(Tag::SEQUENCE, &[&tbs[..], &fields[2], &signature].concat())
}

/// A distinguished name with one attribute, the common name with this value.
fn name(value: &[u8]) -> Vec<u8> {
    let oid = wrap(Tag::OID, &[0x55, 0x04, 0x03]);
    let attribute = wrap(Tag::SEQUENCE, &[&oid, value].concat());
    wrap(Tag::SEQUENCE, &wrap(Tag::SET, &attribute))
}

#[test]
fn every_field_is_what_was_issued() {
    let ca_key = KeyPair::generate().unwrap();
    let mut ca = CertificateParams::default();
    ca.distinguished_name.push(DnType::CommonName, "Test CA");
    let issuer = rcgen::Issuer::new(ca, ca_key);
    let key = KeyPair::generate().unwrap();
    let der = params().signed_by(&key, &issuer).unwrap().der().to_vec();

    let certificate = Certificate::parse(&der).unwrap();
    assert_eq!(certificate.spki(), key.subject_public_key_info());
    assert_eq!(certificate.serial(), [0x7f, 1, 2, 3]);
    assert_eq!(
        certificate.validity(),
        Validity {
            not_before: NOT_BEFORE,
            not_after: NOT_AFTER,
        }
    );
    assert_eq!(certificate.subject_common_name().unwrap(), "h\u{e9}lo");
    assert_eq!(certificate.issuer_common_name().unwrap(), "Test CA");
    let names = certificate.subject_alt_names().unwrap();
    assert!(!names.truncated);
    assert_eq!(
        names.names,
        [
            SubjectAltName::Dns("example.org".into()),
            SubjectAltName::Ip([192, 0, 2, 1].into()),
            SubjectAltName::Ip("2001:db8::1".parse().unwrap()),
            SubjectAltName::Uri("spiffe://example.org/agent".into()),
            SubjectAltName::Email("ops@example.org".into()),
        ]
    );
}

#[test]
fn without_names_there_are_none() {
    let mut params = params();
    params.subject_alt_names.clear();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.is_ca = IsCa::NoCa;
    let der = certificate(&params);
    let certificate = Certificate::parse(&der).unwrap();
    assert_eq!(
        certificate.subject_alt_names(),
        Ok(SubjectAltNames::default())
    );
    assert_eq!(certificate.subject_common_name(), None);
    assert_eq!(certificate.extension(&[0x55, 0x1d, 0x13]), Ok(None));
}

/// Keys of three algorithms: their SubjectPublicKeyInfo has each of the three length forms.
#[test]
fn spki_of_every_length_form_and_its_rewrapping() {
    let keys = [
        KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap(),
        KeyPair::generate_for(&rcgen::PKCS_ECDSA_P521_SHA512).unwrap(),
        KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, rcgen::RsaKeySize::_2048).unwrap(),
    ];
    for (key, header) in keys.iter().zip([2, 3, 4]) {
        let der = params().self_signed(key).unwrap().der().to_vec();
        let spki = Certificate::parse(&der).unwrap().spki();
        assert_eq!(spki, key.subject_public_key_info());
        assert_eq!(rewrap_spki(&spki[header..]), spki);
    }
}

/// TurboMCP took the first SEQUENCE that looked like a key, wherever it stood.
#[test]
fn a_subject_that_carries_another_keys_spki_does_not_lend_it() {
    let pinned = KeyPair::generate().unwrap().subject_public_key_info();
    let own = KeyPair::generate().unwrap();
    let honest = fields(params().self_signed(&own).unwrap().der());

    for value in [
        pinned.clone(),
        wrap(Tag::UTF8_STRING, &pinned),
        wrap(Tag::SET, &pinned),
    ] {
        for place in [ISSUER, SUBJECT] {
            let mut crafted = honest.clone();
            crafted[place] = name(&value);
            let der = assemble(&crafted);
            assert!(der.windows(pinned.len()).any(|window| window == pinned));
            let certificate = Certificate::parse(&der).unwrap();
            assert_eq!(certificate.spki(), own.subject_public_key_info());
        }
    }
}

/// 240 of 1760 mutated certificates made TurboMCP panic.
#[test]
fn no_mutation_panics_or_moves_a_field() {
    let der = certificate(&params());
    let look = |der: &[u8]| -> Result<(), DerError> {
        let certificate = Certificate::parse(der)?;
        let range = der.as_ptr_range();
        assert!(range.contains(&certificate.spki().as_ptr()));
        let _ = certificate.subject_alt_names()?;
        let _ = certificate.subject_common_name();
        let _ = certificate.issuer_common_name();
        Ok(())
    };
    assert_eq!(look(&der), Ok(()));
    let mut refused = 0;
    for at in 0..der.len() {
        for bit in 0..8 {
            let mut flipped = der.clone();
            flipped[at] ^= 1 << bit;
            refused += usize::from(look(&flipped).is_err());
        }
        for value in [0x00, 0x1f, 0x30, 0x7f, 0x80, 0x84, 0xff] {
            let mut set = der.clone();
            set[at] = value;
            let _ = look(&set);

            let mut inserted = der.clone();
            inserted.insert(at, value);
            assert!(look(&inserted).is_err(), "{value:#x} inserted at {at}");
        }
        let mut deleted = der.clone();
        deleted.remove(at);
        assert!(look(&deleted).is_err(), "{at} deleted");
        assert_eq!(look(&der[..at]), Err(DerError::Truncated));
    }
    assert!(
        refused > 500,
        "the parser looks at the structure: {refused}"
    );
}

#[test]
fn an_extension_that_occurs_twice_is_refused() {
    let der = certificate(&params());
    let mut twice = fields(&der);
    let mut extensions = Reader::new(&twice[EXTENSIONS]);
    let mut extensions = extensions.enter(Tag::context_constructed(3)).unwrap();
    let list = extensions.sequence().unwrap().element().unwrap().der;
    let list = wrap(Tag::SEQUENCE, &[list, list].concat());
    twice[EXTENSIONS] = wrap(Tag::context_constructed(3), &list);
    let der = assemble(&twice);
    let certificate = Certificate::parse(&der).unwrap();
    assert_eq!(certificate.subject_alt_names(), Err(DerError::Duplicate));
}

/// `der` with a NULL behind the last element of the structure that `path` leads to.
fn extend(der: &[u8], path: &[usize]) -> Vec<u8> {
    let outer = Reader::new(der).element().unwrap();
    let mut elements = Reader::new(outer.contents);
    let mut elements: Vec<Vec<u8>> = core::iter::from_fn(|| elements.element().ok())
        .map(|element| element.der.to_vec())
        .collect();
    match path.split_first() {
        Some((index, path)) => elements[*index] = extend(&elements[*index], path),
        None => elements.push(wrap(Tag::NULL, &[])),
    }
    wrap(outer.tag, &elements.concat())
}

#[test]
fn what_follows_a_structure_is_refused() {
    let der = certificate(&params());
    let parse = |der: &[u8]| Certificate::parse(der).map(|_| ()).unwrap_err();
    assert_eq!(parse(&[&der[..], &[0]].concat()), DerError::Trailing);
    for (path, place) in [
        (&[][..], "certificate"),
        (&[0], "tbsCertificate"),
        (&[0, 0], "version"),
        (&[0, 4], "validity"),
        (&[0, 6], "SubjectPublicKeyInfo"),
        (&[0, 7], "extensions"),
        (&[0, 7, 0, 0], "extension"),
    ] {
        assert_eq!(parse(&extend(&der, path)), DerError::Trailing, "{place}");
    }
    assert_eq!(parse(&extend(&der, &[0, 7, 0])), DerError::Tag);
    assert_eq!(parse(b"-----BEGIN"), DerError::Tag);
    assert_eq!(parse(b""), DerError::Truncated);
}

#[test]
fn unique_identifiers_are_skipped_and_extensions_optional() {
    let honest = fields(&certificate(&params()));
    let mut old = honest.clone();
    old.truncate(EXTENSIONS);
    old.push(wrap(Tag::context(1), &[0, 1]));
    old.push(wrap(Tag::context(2), &[0, 2]));
    // Version 1 is the default, and not encoded.
    old.remove(0);
    let tbs = wrap(Tag::SEQUENCE, &old.concat());
    let signature = wrap(Tag::BIT_STRING, &[0; 65]);
    let der = wrap(Tag::SEQUENCE, &[&tbs[..], &honest[2], &signature].concat());
    let certificate = Certificate::parse(&der).unwrap();
    assert_eq!(certificate.spki(), honest[6]);
    assert_eq!(
        certificate.subject_alt_names(),
        Ok(SubjectAltNames::default())
    );
}

#[test]
fn common_names_are_shown_only_when_they_can_be() {
    let honest = fields(&certificate(&params()));
    let shown = |value: &[u8]| {
        let mut changed = honest.clone();
        changed[SUBJECT] = name(value);
        Certificate::parse(&assemble(&changed))
            .unwrap()
            .subject_common_name()
    };
    assert_eq!(shown(&wrap(Tag::PRINTABLE_STRING, b"ca")).unwrap(), "ca");
    assert_eq!(
        shown(&wrap(Tag::BMP_STRING, &[0, b'c', 0x20, 0xac])).unwrap(),
        "c\u{20ac}"
    );
    for value in [
        wrap(Tag::UTF8_STRING, b""),
        wrap(Tag::UTF8_STRING, b"\xff"),
        wrap(Tag::UTF8_STRING, b"a\0b"),
        wrap(Tag::UTF8_STRING, b"\x1b[31m"),
        wrap(Tag::BMP_STRING, &[0, b'c', 0]),
        wrap(Tag::BMP_STRING, &[0xd8, 0x00]),
        wrap(Tag::OCTET_STRING, b"ca"),
        vec![],
    ] {
        assert_eq!(shown(&value), None, "{value:02x?}");
    }

    let mut params = params();
    let bmp = rcgen::string::BmpString::try_from("second").unwrap();
    let other = DnType::from_oid(&[2, 5, 4, 11]);
    params
        .distinguished_name
        .push(other, DnValue::BmpString(bmp));
    let der = certificate(&params);
    let name = Certificate::parse(&der).unwrap().subject_common_name();
    assert_eq!(name.unwrap().to_string(), "h\u{e9}lo");
}
