//! Three segments of base64url, and UTF-8 in them.

use super::draft::{Draft, accepted, refused};
use super::forge::{Forge, TOKEN, base64, base64url, not_canonical};

pub(super) fn cases() -> Vec<Draft> {
    [segments(), digits(), utf8()].concat()
}

/// RFC 7516, A.1: JWE, compact.
const RFC7516_A1: &str = "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.OKOawDo13gRp2ojaHV7LFpZcgV7T6DVZKTyKOMTYUmKoTCVJRgckCL9kiMT03JGeipsEdY3mx_etLbbWSrFr05kLzcSr4qKAq7YN7e9jwQRb23nfa6c9d-StnImGyFDbSv04uVuxIp5Zms1gNxKKK2Da14B8S4rzVRltdYwam_lDp5XnZAYpQdb76FdIKLaVmqgfwX7XWRxv2322i-vDxRfqNzo_tETKzpVLzfiwQyeyPGLBIO56YJ7eObdv0je81860ppamavo35UgoRdbYaBcoh9QcfylQr66oc6vFWXRcZ_ZT2LawVCWTIy3brGPi6UklfCpIMfIjf7iGdXKHzg.48V1_ALb6US04U3b.5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TALvtu6UG9oMo4vpzs9tX_EFShS8iB7j6jiSdiwkIr3ajwQzaBtQD_A.XFBoMYUZodetZdvTiFvSkQ";

fn segments() -> Vec<Draft> {
    let forge = Forge::request();
    let proof = forge.build();
    let (header, claims) = (forge.header_segment(), forge.claims_segment());
    let signature = proof.rsplit('.').next().unwrap_or_default();
    vec![
        refused(
            "one-segment",
            "RFC 7515, 7.1",
            "Text without a dot is no compact JWS: here an opaque token.",
            "E-DPO-07",
            "2YotnFZFEjr1zCsicMWpAA",
        )
        .serves(&[4]),
        refused(
            "two-segments",
            "RFC 7515, 7.1",
            "A compact JWS without its signature segment is none.",
            "E-DPO-07",
            format!("{header}.{claims}"),
        )
        .serves(&[4]),
        refused(
            "four-segments",
            "RFC 7515, 7.1",
            "A segment behind the signature is refused, though what stands before it verifies.",
            "E-DPO-07",
            format!("{proof}.AAAA"),
        )
        .serves(&[4]),
        refused(
            "five-segments-jwe",
            "RFC 9449, 4.2",
            "An encrypted JWT is no proof: the JWE of RFC 7516, A.1.",
            "E-DPO-07",
            RFC7516_A1,
        )
        .serves(&[4]),
        refused(
            "json-serialization",
            "RFC 7515, 7.2.2",
            "A JWS in JSON serialization is no JWT; its commas make it look like several proofs.",
            "E-DPO-05",
            format!(r#"{{"protected":"{header}","payload":"{claims}","signature":"{signature}"}}"#),
        )
        .serves(&[4]),
        refused(
            "dots-percent-encoded",
            "RFC 9449, 4.1",
            "A field value is not percent-decoded.",
            "E-DPO-07",
            proof.replace('.', "%2E"),
        )
        .serves(&[4]),
        refused(
            "header-segment-empty",
            "RFC 7515, 5.2 (3)",
            "No bytes are no JSON header.",
            "E-DPO-09",
            forge.sealed("", &claims),
        )
        .serves(&[4]),
        refused(
            "claims-segment-detached",
            "RFC 7515, F",
            "Detached content is not for JWTs, even when the signature covers it.",
            "E-DPO-09",
            format!("{header}..{signature}"),
        )
        .serves(&[4]),
    ]
}

fn digits() -> Vec<Draft> {
    let forge = Forge::request();
    let (header, claims) = (forge.header_segment(), forge.claims_segment());
    let padded = |segment: &str| format!("{segment}{}", "=".repeat((4 - segment.len() % 4) % 4));
    // With these bits there is something to spoil behind the end.
    let open_header = forge.clone().header("a", "0");
    let open_header = (0..3)
        .map(|more| open_header.clone().header("a", &"1".repeat(more + 1)))
        .find(|forge| !forge.header_segment().len().is_multiple_of(4));
    let open_header = open_header.expect("two of three lengths");
    let open_claims = (0..3)
        .map(|more| forge.clone().claim("a", &"1".repeat(more + 1)))
        .find(|forge| !forge.claims_segment().len().is_multiple_of(4));
    let open_claims = open_claims.expect("two of three lengths");
    let signature = |change: fn(&str) -> String| {
        let (message, signature) = split_signature(&forge);
        format!("{message}.{}", change(&signature))
    };
    vec![
        refused(
            "header-padded",
            "RFC 7515, 2",
            "base64url in JWS has no padding: header.",
            "E-DPO-08",
            open_header.sealed(
                &padded(&open_header.header_segment()),
                &open_header.claims_segment(),
            ),
        )
        .serves(&[5]),
        refused(
            "claims-padded",
            "RFC 7515, 2",
            "base64url in JWS has no padding: claims.",
            "E-DPO-08",
            open_claims.sealed(
                &open_claims.header_segment(),
                &padded(&open_claims.claims_segment()),
            ),
        )
        .serves(&[5]),
        refused(
            "signature-padded",
            "RFC 7515, 2",
            "base64url in JWS has no padding: signature.",
            "E-DPO-08",
            signature(|digits| format!("{digits}==")),
        )
        .serves(&[5]),
        refused(
            "signature-in-the-other-alphabet",
            "RFC 4648, 5",
            "`+` and `/` belong to base64, not to base64url.",
            "E-DPO-08",
            in_base64(),
        )
        .serves(&[5]),
        refused(
            "claims-with-tilde",
            "RFC 7515, 3.1",
            "`~` is a character of token68 and no digit of base64url.",
            "E-DPO-08",
            forge.sealed(&header, &format!("{claims}~")),
        )
        .serves(&[5]),
        refused(
            "header-not-canonical",
            "RFC 4648, 3.5",
            "Bits behind the end of the header have to be zero.",
            "E-DPO-08",
            open_header.sealed(
                &not_canonical(&open_header.header_segment()),
                &open_header.claims_segment(),
            ),
        )
        .serves(&[6]),
        refused(
            "claims-not-canonical",
            "RFC 4648, 3.5",
            "Bits behind the end of the claims have to be zero.",
            "E-DPO-08",
            open_claims.sealed(
                &open_claims.header_segment(),
                &not_canonical(&open_claims.claims_segment()),
            ),
        )
        .serves(&[6]),
        refused(
            "signature-not-canonical",
            "RFC 4648, 3.5",
            "Bits behind the end of the signature have to be zero: else one proof has many texts.",
            "E-DPO-08",
            signature(not_canonical),
        )
        .serves(&[6]),
        refused(
            "claims-with-a-lone-digit",
            "RFC 4648, 4",
            "Four digits and one more encode no whole number of bytes.",
            "E-DPO-08",
            forge.sealed(&header, &lone_digit(&claims)),
        )
        .serves(&[7]),
        refused(
            "signature-with-a-lone-digit",
            "RFC 4648, 4",
            "A digit too many is no longer signature, but no base64url.",
            "E-DPO-08",
            signature(lone_digit),
        )
        .serves(&[7]),
        refused(
            "claims-with-space",
            "RFC 4648, 3.3",
            "A character outside the alphabet is refused, not skipped: space.",
            "E-DPO-08",
            forge.sealed(&header, &claims.replacen("ey", "e y", 1)),
        )
        .serves(&[7]),
        refused(
            "claims-in-lines-of-76",
            "RFC 4648, 3.1",
            "Line feeds, as MIME puts them in, are refused.",
            "E-DPO-08",
            forge.sealed(&header, &format!("{}\r\n{}", &claims[..76], &claims[76..])),
        )
        .serves(&[7]),
        refused(
            "claims-encoded-twice",
            "RFC 7515, 5.2 (6)",
            "Segments are decoded once.",
            "E-DPO-09",
            forge.sealed(&header, &base64url(claims.as_bytes())),
        ),
    ]
}

fn utf8() -> Vec<Draft> {
    let with = |bytes: &[u8]| {
        let forge = Forge::request();
        let open = forge.claims_json();
        let open = open.strip_suffix('}').unwrap_or_default();
        let text = [open.as_bytes(), b",\"x\":\"", bytes, b"\"}"].concat();
        forge.claims_text(text)
    };
    let header = Forge::request().header_json();
    let utf16 =
        |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_be_bytes).collect() };
    vec![
        accepted(
            "claims-with-every-length-of-utf-8",
            "RFC 8259, 8.1",
            "Characters of two, three and four bytes in a claim that nobody knows.",
            with("\u{e9}\u{20ac}\u{1f511}".as_bytes()),
        )
        .serves(&[8]),
        refused(
            "claims-with-a-stray-continuation-byte",
            "RFC 3629, 4",
            "A continuation byte without a beginning is no UTF-8.",
            "E-DPO-09",
            with(b"\x80"),
        )
        .serves(&[8]),
        refused(
            "claims-with-a-cut-character",
            "RFC 3629, 4",
            "A character that ends early does not swallow the quote behind it.",
            "E-DPO-09",
            with(b"\xE2\x82"),
        )
        .serves(&[8]),
        refused(
            "claims-with-an-overlong-slash",
            "RFC 3629, 10",
            "C0 AF is not another spelling of the slash.",
            "E-DPO-09",
            with(b"\xC0\xAF"),
        )
        .serves(&[8]),
        refused(
            "claims-with-an-encoded-surrogate",
            "RFC 3629, 3",
            "Halves of surrogate pairs have no UTF-8.",
            "E-DPO-09",
            with(b"\xED\xA0\x80"),
        )
        .serves(&[8]),
        refused(
            "claims-beyond-unicode",
            "RFC 3629, 3",
            "F4 90 80 80 would be U+110000, which does not exist.",
            "E-DPO-09",
            with(b"\xF4\x90\x80\x80"),
        )
        .serves(&[8]),
        refused(
            "header-with-byte-order-mark",
            "RFC 8259, 8.1",
            "A byte order mark before the header is refused.",
            "E-DPO-09",
            Forge::request().header_text([b"\xEF\xBB\xBF", header.as_bytes()].concat()),
        )
        .serves(&[8]),
        refused(
            "header-in-utf-16",
            "RFC 7515, 4",
            "The header is UTF-8, not UTF-16.",
            "E-DPO-09",
            Forge::request().header_text(utf16(r#"{"typ":"dpop+jwt","alg":"ES256","jwk":{}}"#)),
        )
        .serves(&[8]),
        refused(
            "claims-end-with-nul",
            "RFC 8259, 2",
            "A NUL behind the object is no white space.",
            "E-DPO-09",
            Forge::request().claims_text(format!("{}\0", Forge::request().claims_json())),
        )
        .serves(&[8, 14])
        .token(TOKEN),
    ]
}

fn split_signature(forge: &Forge) -> (String, String) {
    let proof = forge.build();
    let (message, signature) = proof.rsplit_once('.').unwrap_or_default();
    (message.to_owned(), signature.to_owned())
}

/// One digit more than a multiple of four.
fn lone_digit(digits: &str) -> String {
    let mut digits = digits.to_owned();
    while digits.len() % 4 != 1 {
        digits.push('A');
    }
    digits
}

/// A proof whose signature is in the alphabet of base64 and has both of its own digits.
fn in_base64() -> String {
    (0..)
        .map(|number| Forge::request().jti(&format!("base64-{number}")))
        .find_map(|forge| {
            let (message, signature) = split_signature(&forge);
            let other = base64(&super::forge::from_base64url(&signature));
            let digits = other.trim_end_matches('=');
            (digits.contains('+') && digits.contains('/')).then(|| format!("{message}.{digits}"))
        })
        .expect("most signatures have both")
}
