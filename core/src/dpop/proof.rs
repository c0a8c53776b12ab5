//! Making a proof, in a buffer of the caller, with any key that can sign (RFC 9449, 4.2).

use core::fmt;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use rustls_pki_types::UnixTime;
use sha2::{Digest as _, Sha256};

use super::jwk::PublicKey;
use super::nonce::is_nonce;
use super::request::{is_method, is_token68};
use super::signature::Signature;
use super::uri::TargetUri;
use super::verify::{MAX_JTI, MAX_PROOF};
use crate::json::Writer;

/// What a proof will say. A request needs a proof of its own, also when it is tried again (RFC 9449, 7.3).
///
/// The signature may be made by anything that holds a key: [`prepare`](Self::prepare) gives the message and
/// [`Prepared::finish`] takes the signature.
///
/// ```
/// # #[cfg(feature = "p256")] {
/// use ravelin_core::dpop::{Algorithm, Jti, Proof, SigningKey, TargetUri};
/// use ravelin_core::pki_types::UnixTime;
/// # use core::time::Duration;
///
/// let key = SigningKey::generate(Algorithm::Es256, &[7; 32])?; // in earnest: 32 random bytes
/// let jti = Jti::new([1; 16]); // in earnest: 16 random bytes
/// let uri = TargetUri::parse("https://server.example/mcp")?;
/// let now = UnixTime::since_unix_epoch(Duration::from_secs(1_562_262_616));
///
/// let mut buffer = [0; 1024];
/// let proof = Proof::new("POST", uri, jti.as_str(), now).token("Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU");
/// let field = proof.sign(&key, &mut buffer)?;
/// assert_eq!(field.split('.').count(), 3);
/// # }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Proof<'a> {
    method: &'a str,
    uri: TargetUri<'a>,
    jti: &'a str,
    iat: UnixTime,
    token: Option<&'a str>,
    nonce: Option<&'a str>,
    claims: &'a [(&'a str, Claim<'a>)],
}

/// The value of a claim that RFC 9449 does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Claim<'a> {
    /// A string.
    String(&'a str),
    /// A number.
    Number(u64),
}

impl<'a> Proof<'a> {
    /// A proof for this request. `uri` loses its query and fragment; `jti` must be new for each proof, such as a
    /// [`Jti`]; `iat` is the time of this client.
    pub const fn new(method: &'a str, uri: TargetUri<'a>, jti: &'a str, iat: UnixTime) -> Self {
        Self {
            method,
            uri,
            jti,
            iat,
            token: None,
            nonce: None,
            claims: &[],
        }
    }

    /// For a request with this access token: adds its hash as `ath`.
    #[must_use]
    pub const fn token(self, token: &'a str) -> Self {
        Self {
            token: Some(token),
            ..self
        }
    }

    /// With the newest nonce that the server has supplied.
    #[must_use]
    pub const fn nonce(self, nonce: &'a str) -> Self {
        Self {
            nonce: Some(nonce),
            ..self
        }
    }

    /// With these claims too.
    #[must_use]
    pub const fn claims(self, claims: &'a [(&'a str, Claim<'a>)]) -> Self {
        Self { claims, ..self }
    }

    /// Writes everything but the signature into `buffer`, for the key with this public half. [`MAX_PROOF`] bytes are
    /// always enough.
    ///
    /// # Errors
    /// [`BuildError`] for what a verifier would refuse, and when `buffer` is too small.
    pub fn prepare<'b>(
        &self,
        key: &PublicKey,
        buffer: &'b mut [u8],
    ) -> Result<Prepared<'b>, BuildError> {
        self.judge()?;
        // Claims first: they decide whether it fits.
        let mut json = [0; MAX_PROOF / 4 * 3];
        let claims = self.write_claims(&mut json)?;
        let mut header = [0; MAX_HEADER];
        let header = write_header(key, &mut header)?;

        let signed = encoded_len(header) + 1 + encoded_len(claims);
        let needed = signed + 1 + SIGNATURE_DIGITS;
        if needed > MAX_PROOF {
            return Err(BuildError::TooLarge);
        }
        if needed > buffer.len() {
            return Err(BuildError::BufferTooSmall { needed });
        }
        let mut rest = &mut *buffer;
        rest = encode(header, rest)?;
        rest = put_dot(rest)?;
        rest = encode(claims, rest)?;
        put_dot(rest)?;
        Ok(Prepared {
            buffer,
            signed,
            key: *key,
        })
    }

    /// Everything, with a key in memory.
    ///
    /// # Errors
    /// [`BuildError`] for what a verifier would refuse, and when `buffer` is too small.
    #[cfg(any(feature = "p256", feature = "ed25519"))]
    pub fn sign<'b>(
        &self,
        key: &super::SigningKey,
        buffer: &'b mut [u8],
    ) -> Result<&'b str, BuildError> {
        let prepared = self.prepare(&key.public_key(), buffer)?;
        let signature = key.sign(prepared.message());
        prepared.finish(&signature)
    }

    fn judge(&self) -> Result<(), BuildError> {
        if !is_method(self.method) {
            return Err(BuildError::Method);
        }
        if !(1..=MAX_JTI).contains(&self.jti.len()) || self.jti.chars().any(char::is_control) {
            return Err(BuildError::Jti);
        }
        if !self.token.is_none_or(is_token68) {
            return Err(BuildError::Token);
        }
        if !self.nonce.is_none_or(|nonce| is_nonce(nonce.as_bytes())) {
            return Err(BuildError::Nonce);
        }
        let taken = |index: usize, name: &str| {
            let before = self.claims.get(..index).unwrap_or_default();
            OURS.contains(&name) || before.iter().any(|(other, _)| *other == name)
        };
        if self
            .claims
            .iter()
            .enumerate()
            .any(|(index, (name, _))| taken(index, name))
        {
            return Err(BuildError::Claim);
        }
        Ok(())
    }

    fn write_claims<'j>(&self, json: &'j mut [u8]) -> Result<&'j [u8], BuildError> {
        let mut digits = [0; 43];
        let mut writer = Writer::new(json);
        writer.string("jti", self.jti);
        writer.string("htm", self.method);
        writer.string("htu", self.uri.as_sent());
        writer.number("iat", self.iat.as_secs());
        if let Some(token) = self.token {
            let ath = Base64UrlUnpadded::encode(&Sha256::digest(token), &mut digits);
            writer.string("ath", ath.unwrap_or_default());
        }
        if let Some(nonce) = self.nonce {
            writer.string("nonce", nonce);
        }
        for (name, value) in self.claims {
            match value {
                Claim::String(text) => writer.string(name, text),
                Claim::Number(number) => writer.number(name, *number),
            };
        }
        writer.finish().map_err(|_| BuildError::TooLarge)
    }
}

/// A proof without its signature.
#[derive(Debug)]
#[must_use = "a proof needs its signature"]
pub struct Prepared<'b> {
    buffer: &'b mut [u8],
    signed: usize,
    key: PublicKey,
}

impl<'b> Prepared<'b> {
    /// What is to be signed: for ES256 with ECDSA over its [`digest`](Self::digest), for EdDSA as it is.
    pub fn message(&self) -> &[u8] {
        self.buffer.get(..self.signed).unwrap_or_default()
    }

    /// The SHA-256 of the message, for keys that sign digests.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.message()).into()
    }

    /// Adds the signature and gives the value of the `DPoP` field.
    ///
    /// # Errors
    /// [`BuildError::SignatureAlgorithm`] when the signature is of another algorithm than the key.
    pub fn finish(self, signature: &Signature) -> Result<&'b str, BuildError> {
        if signature.algorithm() != self.key.algorithm() {
            return Err(BuildError::SignatureAlgorithm);
        }
        let end = self.signed + 1;
        let needed = end + SIGNATURE_DIGITS;
        let too_small = BuildError::BufferTooSmall { needed };
        let rest = self.buffer.get_mut(end..needed).ok_or(too_small)?;
        encode(signature.as_bytes(), rest)?;
        let proof = self.buffer.get(..needed).ok_or(too_small)?;
        core::str::from_utf8(proof).map_err(|_| too_small)
    }
}

/// 128 random bits as 22 digits of base64url: a `jti` that nobody has used before (RFC 9449, 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Jti([u8; 22]);

impl Jti {
    /// The text of these random bytes.
    pub fn new(entropy: [u8; 16]) -> Self {
        let mut digits = [0; 22];
        // 16 bytes are always 22 digits.
        let _ = Base64UrlUnpadded::encode(&entropy, &mut digits);
        Self(digits)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Claims that this module writes itself.
const OURS: [&str; 6] = ["jti", "htm", "htu", "iat", "ath", "nonce"];

/// 64 bytes in base64url.
const SIGNATURE_DIGITS: usize = 86;

/// Room for the header: 60 bytes and a key of two coordinates.
const MAX_HEADER: usize = 256;

fn write_header<'h>(key: &PublicKey, buffer: &'h mut [u8]) -> Result<&'h [u8], BuildError> {
    let mut writer = Writer::new(buffer);
    writer.string("typ", "dpop+jwt");
    writer.string("alg", key.algorithm().name());
    writer.raw("jwk", |part| key.members(part));
    writer.finish().map_err(|_| BuildError::TooLarge)
}

const fn encoded_len(bytes: &[u8]) -> usize {
    (bytes.len() * 4).div_ceil(3)
}

fn encode<'b>(bytes: &[u8], buffer: &'b mut [u8]) -> Result<&'b mut [u8], BuildError> {
    let needed = encoded_len(bytes);
    let too_small = BuildError::BufferTooSmall { needed };
    let (digits, rest) = buffer.split_at_mut_checked(needed).ok_or(too_small)?;
    Base64UrlUnpadded::encode(bytes, digits).map_err(|_| too_small)?;
    Ok(rest)
}

fn put_dot(buffer: &mut [u8]) -> Result<&mut [u8], BuildError> {
    let (first, rest) = buffer
        .split_first_mut()
        .ok_or(BuildError::BufferTooSmall { needed: 1 })?;
    *first = b'.';
    Ok(rest)
}

/// Why a proof cannot be made: a verifier would refuse it, or there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// The buffer has no room for the proof.
    BufferTooSmall {
        /// Bytes that the whole proof has.
        needed: usize,
    },
    /// The method is no token of RFC 9110, 5.6.2.
    Method,
    /// The `jti` is empty, has more than [`MAX_JTI`] bytes or a control character.
    Jti,
    /// The nonce is not one that a server can have supplied (RFC 9449, 8.1).
    Nonce,
    /// The access token is no token68 (RFC 9110, 11.2).
    Token,
    /// A claim is named like one that every proof has, or twice.
    Claim,
    /// The proof has more than [`MAX_PROOF`] bytes.
    TooLarge,
    /// The signature is of another algorithm than the key.
    SignatureAlgorithm,
}

impl BuildError {
    /// The stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::BufferTooSmall { .. } => "E-DPO-44",
            Self::Method => "E-DPO-45",
            Self::Jti => "E-DPO-46",
            Self::Nonce => "E-DPO-47",
            Self::Token => "E-DPO-48",
            Self::Claim => "E-DPO-49",
            Self::TooLarge => "E-DPO-50",
            Self::SignatureAlgorithm => "E-DPO-58",
        }
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BufferTooSmall { needed } => {
                write!(f, "the buffer is too small for the proof; give it {needed} bytes, or {MAX_PROOF} for any")
            }
            Self::Method => f.write_str("the method is no HTTP method; write it as on the request line"),
            Self::Jti => f.write_str("the jti is empty, too long or has a control character; use 128 random bits"),
            Self::Nonce => f.write_str("the nonce has characters that no nonce has; take it from DPoP-Nonce as it is"),
            Self::Token => f.write_str("the access token has characters that no token has; give it without its scheme"),
            Self::Claim => f.write_str("a claim is named twice, or like one that every proof has; rename it"),
            Self::TooLarge => {
                write!(f, "the proof has more than {MAX_PROOF} bytes; shorten its claims or its target URI")
            }
            Self::SignatureAlgorithm => {
                f.write_str("the signature is of another algorithm than the key; sign with the key of the proof")
            }
        }
    }
}

impl core::error::Error for BuildError {}
