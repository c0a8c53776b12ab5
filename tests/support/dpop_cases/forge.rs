//! Proofs with any fault: every member, segment and signature can be replaced, and the rest is still right.
//!
//! Nothing of the crates under test is used here, so that the cases are an opinion of their own.

mod keys;

use std::fmt::Write as _;

pub(super) use keys::*;
use sha2::{Digest as _, Sha256};

/// When the requests arrive, unless a case says otherwise: 9 October 2025.
pub(super) const NOW: u64 = 1_760_000_000;
/// The target URI of a request to the resource server.
pub(super) const RESOURCE: &str = "https://mcp.example.com/mcp";
/// The target URI of a request to the authorization server.
pub(super) const TOKEN_ENDPOINT: &str = "https://as.example.com/token";
/// The access token.
pub(super) const TOKEN: &str = "mF_9.B5f-4.1JqM";
/// The `jti` of a proof.
pub(super) const JTI: &str = "e1j3V_bKic8-LAEB";

/// A proof in the making.
#[derive(Clone)]
pub(super) struct Forge {
    key: Key,
    header: Members,
    claims: Members,
    header_bytes: Option<Vec<u8>>,
    claims_bytes: Option<Vec<u8>>,
}

/// Names and the JSON texts of their values.
type Members = Vec<(String, String)>;

impl Forge {
    /// A right proof for a request to the resource server, by the client's key.
    pub(super) fn request() -> Self {
        Self::by(&Key::client())
    }

    /// A right proof for a request to the authorization server.
    pub(super) fn grant() -> Self {
        Self::request().htu(TOKEN_ENDPOINT).without_claim("ath")
    }

    /// A right proof for a request to the resource server.
    pub(super) fn by(key: &Key) -> Self {
        let own = |(name, value): (&str, String)| (name.to_owned(), value);
        let header = [
            ("typ", quoted("dpop+jwt")),
            ("alg", quoted(key.algorithm())),
            ("jwk", key.jwk()),
        ];
        let claims = [
            ("jti", quoted(JTI)),
            ("htm", quoted("POST")),
            ("htu", quoted(RESOURCE)),
            ("iat", NOW.to_string()),
            ("ath", quoted(&ath(TOKEN))),
        ];
        Self {
            key: key.clone(),
            header: header.map(own).to_vec(),
            claims: claims.map(own).to_vec(),
            header_bytes: None,
            claims_bytes: None,
        }
    }

    /// Sets a header parameter to a JSON text.
    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        set(&mut self.header, name, value);
        self
    }

    /// Adds a header parameter, though one of that name may be there.
    pub(super) fn and_header(mut self, name: &str, value: &str) -> Self {
        self.header.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn without_header(mut self, name: &str) -> Self {
        self.header.retain(|(there, _)| there != name);
        self
    }

    /// Sets a claim to a JSON text.
    pub(super) fn claim(mut self, name: &str, value: &str) -> Self {
        set(&mut self.claims, name, value);
        self
    }

    /// Adds a claim, though one of that name may be there.
    pub(super) fn and_claim(mut self, name: &str, value: &str) -> Self {
        self.claims.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn without_claim(mut self, name: &str) -> Self {
        self.claims.retain(|(there, _)| there != name);
        self
    }

    pub(super) fn jti(self, jti: &str) -> Self {
        self.claim("jti", &quoted(jti))
    }

    pub(super) fn htm(self, method: &str) -> Self {
        self.claim("htm", &quoted(method))
    }

    pub(super) fn htu(self, uri: &str) -> Self {
        self.claim("htu", &quoted(uri))
    }

    pub(super) fn iat(self, seconds: u64) -> Self {
        self.claim("iat", &seconds.to_string())
    }

    pub(super) fn token(self, token: &str) -> Self {
        self.claim("ath", &quoted(&ath(token)))
    }

    pub(super) fn nonce(self, nonce: &str) -> Self {
        self.claim("nonce", &quoted(nonce))
    }

    /// Adds a member to `jwk`.
    pub(super) fn jwk_member(self, name: &str, value: &str) -> Self {
        let jwk = member(&self.header, "jwk");
        let open = jwk.strip_suffix('}').expect("an object");
        let jwk = format!("{open},\"{name}\":{value}}}");
        self.header("jwk", &jwk)
    }

    /// Replaces the whole header.
    pub(super) fn header_text(mut self, text: impl Into<Vec<u8>>) -> Self {
        self.header_bytes = Some(text.into());
        self
    }

    /// Replaces all claims.
    pub(super) fn claims_text(mut self, text: impl Into<Vec<u8>>) -> Self {
        self.claims_bytes = Some(text.into());
        self
    }

    /// The JSON text of the header.
    pub(super) fn header_json(&self) -> String {
        object(&self.header)
    }

    /// The JSON text of the claims.
    pub(super) fn claims_json(&self) -> String {
        object(&self.claims)
    }

    pub(super) fn header_segment(&self) -> String {
        let json = || self.header_json().into_bytes();
        base64url(&self.header_bytes.clone().unwrap_or_else(json))
    }

    pub(super) fn claims_segment(&self) -> String {
        let json = || self.claims_json().into_bytes();
        base64url(&self.claims_bytes.clone().unwrap_or_else(json))
    }

    pub(super) fn key(&self) -> &Key {
        &self.key
    }

    /// The proof.
    pub(super) fn build(&self) -> String {
        self.sealed(&self.header_segment(), &self.claims_segment())
    }

    /// A proof over these segments, whatever they are: the signature is right.
    pub(super) fn sealed(&self, header: &str, claims: &str) -> String {
        let message = format!("{header}.{claims}");
        let signature = base64url(&self.key.sign(message.as_bytes()));
        format!("{message}.{signature}")
    }

    /// The proof with another signature, made from the right one.
    pub(super) fn with_signature(&self, change: impl FnOnce(Vec<u8>) -> Vec<u8>) -> String {
        self.signed(|key, message| change(key.sign(message)))
    }

    /// The proof with a signature by `sign`.
    pub(super) fn signed(&self, sign: impl FnOnce(&Key, &[u8]) -> Vec<u8>) -> String {
        let message = format!("{}.{}", self.header_segment(), self.claims_segment());
        let signature = base64url(&sign(&self.key, message.as_bytes()));
        format!("{message}.{signature}")
    }
}

/// The hash of an access token (RFC 9449, 4.2).
pub(super) fn ath(token: &str) -> String {
    base64url(&Sha256::digest(token))
}

fn set(members: &mut Members, name: &str, value: &str) {
    match members.iter_mut().find(|(there, _)| there == name) {
        Some((_, there)) => value.clone_into(there),
        None => members.push((name.to_owned(), value.to_owned())),
    }
}

fn member<'a>(members: &'a Members, name: &str) -> &'a str {
    let found = members.iter().find(|(there, _)| there == name);
    found.map(|(_, value)| value.as_str()).expect("is there")
}

fn object(members: &Members) -> String {
    let members: Vec<String> = members
        .iter()
        .map(|(name, value)| format!("\"{name}\":{value}"))
        .collect();
    format!("{{{}}}", members.join(","))
}

/// The text as a JSON string. It has nothing that needs an escape.
pub(super) fn quoted(text: &str) -> String {
    assert!(
        !text.contains(['"', '\\']) && !text.contains(char::is_control),
        "needs an escape: {text:?}"
    );
    format!("\"{text}\"")
}

/// RFC 4648, 5, without padding.
pub(super) fn base64url(bytes: &[u8]) -> String {
    digits(bytes, DIGITS)
}

/// RFC 4648, 4, with padding.
pub(super) fn base64(bytes: &[u8]) -> String {
    let mut text = base64url(bytes).replace('-', "+").replace('_', "/");
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn digits(bytes: &[u8], alphabet: &[u8; 64]) -> String {
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let word = (0..3).fold(0_u32, |word, at| {
            word << 8 | u32::from(group.get(at).copied().unwrap_or(0))
        });
        for at in 0..=group.len() {
            let digit = word >> (18 - 6 * at) & 63;
            text.push(char::from(alphabet[digit as usize]));
        }
    }
    text
}

/// Sets bits behind the end: other text, and to a lenient decoder the same bytes.
pub(super) fn not_canonical(text: &str) -> String {
    assert!(!text.len().is_multiple_of(4), "no bits behind the end");
    let (rest, last) = text.split_at(text.len() - 1);
    let at = DIGITS.iter().position(|&digit| digit == last.as_bytes()[0]);
    let next = DIGITS[at.expect("a digit") ^ 1];
    format!("{rest}{}", char::from(next))
}

/// Bytes of base64url text that is canonical.
pub(super) fn from_base64url(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let (mut word, mut bits) = (0_u32, 0);
    for digit in text.bytes() {
        let at = DIGITS.iter().position(|&there| there == digit);
        word = word << 6 | at.expect("a digit") as u32;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((word >> bits & 0xFF) as u8);
        }
    }
    bytes
}

/// Hexadecimal in lower case.
pub(super) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes all");
        text
    })
}
