//! Certificates and pins from anybody: refused or read, never a panic, and what was read says the same again.

use ravelin_core::TrustAnchors;
use ravelin_core::trust::certificate::Certificate;
use ravelin_core::trust::pin::{Pin, rewrap_spki};

use super::{Mark, Reached};

/// DER of a certificate, PEM of several, or the text of a pin: the input is tried as each.
pub fn certificate(input: &[u8]) -> Reached {
    let mut reached = Reached::new();
    match Certificate::parse(input) {
        Ok(certificate) => {
            reached.insert(Mark::Parsed);
            names(input, &certificate, &mut reached);
        }
        Err(_) => {
            reached.insert(Mark::Refused);
        }
    }
    // Walked by another parser: neither may stumble over what the other takes.
    let _ = TrustAnchors::from_pem(input);
    let _ = TrustAnchors::from_der([input.to_vec().into()]);
    if let Ok(text) = str::from_utf8(input) {
        pin(text, &mut reached);
    }
    reached
}

fn names(der: &[u8], certificate: &Certificate<'_>, reached: &mut Reached) {
    let spki = certificate.spki();
    let at = spki.as_ptr() as usize - der.as_ptr() as usize;
    assert_eq!(
        der.get(at..at + spki.len()),
        Some(spki),
        "lent from the input"
    );
    let pin = Pin::of_spki(spki);
    assert_eq!(pin.to_string().parse(), Ok(pin));

    for name in [
        certificate.subject_common_name(),
        certificate.issuer_common_name(),
    ] {
        assert!(!name.is_some_and(|name| name.is_empty() || name.contains(char::is_control)));
    }
    let Ok(names) = certificate.subject_alt_names() else {
        reached.insert(Mark::Refused);
        return;
    };
    for name in names.names {
        reached.insert(Mark::Name);
        assert!(!name.to_string().contains(char::is_control), "{name:?}");
    }
}

fn pin(text: &str, reached: &mut Reached) {
    match text.parse::<Pin>() {
        Ok(pin) => {
            reached.insert(Mark::Parsed);
            assert_eq!(pin.to_string().parse(), Ok(pin));
        }
        Err(refused) => assert_ne!(refused.code(), ""),
    }
    // A key without its header is put back into one, whatever its length.
    let wrapped = rewrap_spki(text.as_bytes());
    assert!(wrapped.ends_with(text.as_bytes()));
}
