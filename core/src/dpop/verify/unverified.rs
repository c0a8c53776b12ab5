//! A proof before its signature is verified: three segments, read strictly.

use base64ct::{Base64UrlUnpadded, Encoding as _};

use crate::dpop::algorithm::Algorithm;
use crate::dpop::jwk::{PublicKey, decode32};
use crate::dpop::member::{optional_string, seconds, string, values};
use crate::dpop::refusal::{Member, Part, Refusal};
use crate::dpop::signature::Signature;
use crate::json::{Document, Limits, Text, Value};

/// The most bytes of a proof: 2 KiB. A usual one has 500 to 700.
pub const MAX_PROOF: usize = 2048;

/// The most bytes of a `jti`.
pub const MAX_JTI: usize = 128;

/// Room for a decoded header or for decoded claims: three bytes for four digits.
pub(super) type Scratch = [u8; MAX_PROOF / 4 * 3];

const LIMITS: Limits = Limits::DEFAULT;

/// The segments of a compact JWS (RFC 7515, 7.1).
pub(super) struct Unverified<'a> {
    header: &'a str,
    claims: &'a str,
    /// What the signature covers: header, dot, claims.
    pub(super) signed: &'a [u8],
    signature: &'a str,
}

/// What the header says (RFC 9449, 4.2).
pub(super) struct Header {
    pub(super) algorithm: Algorithm,
    pub(super) key: PublicKey,
}

/// What the claims say (RFC 9449, 4.2).
pub(super) struct Claims<'s> {
    pub(super) jti: Text<'s>,
    pub(super) htm: Text<'s>,
    pub(super) htu: Text<'s>,
    pub(super) iat: u64,
    pub(super) exp: Option<u64>,
    pub(super) nbf: Option<u64>,
    pub(super) ath: Option<[u8; 32]>,
    pub(super) nonce: Option<Text<'s>>,
}

impl<'a> Unverified<'a> {
    pub(super) fn new(proof: &'a [u8]) -> Result<Self, Refusal> {
        if proof.len() > MAX_PROOF {
            return Err(Refusal::TooLarge {
                limit: MAX_PROOF as u16,
            });
        }
        let mut segments = proof.split(|&byte| byte == b'.');
        let (Some(header), Some(claims), Some(signature), None) = (
            segments.next(),
            segments.next(),
            segments.next(),
            segments.next(),
        ) else {
            return Err(Refusal::NotCompactJws);
        };
        let text =
            |segment, part| core::str::from_utf8(segment).map_err(|_| Refusal::NotBase64Url(part));
        Ok(Self {
            header: text(header, Part::Header)?,
            claims: text(claims, Part::Claims)?,
            signed: proof
                .get(..header.len() + 1 + claims.len())
                .unwrap_or_default(),
            signature: text(signature, Part::Signature)?,
        })
    }

    /// Reads the header: `typ`, `alg`, `crit`, then the key.
    pub(super) fn header(&self, scratch: &mut Scratch) -> Result<Header, Refusal> {
        let document = decode(self.header, Part::Header, scratch)?;
        let [typ, alg, crit, jwk] = document.root().get_all(["typ", "alg", "crit", "jwk"]);
        if string(typ, Member::Typ)? != *"dpop+jwt" {
            return Err(Refusal::Type);
        }
        let name = string(alg, Member::Alg)?;
        let algorithm = Algorithm::from_name(name).ok_or(Refusal::Algorithm)?;
        if crit.is_some() {
            return Err(Refusal::Critical);
        }
        let jwk = match jwk {
            Some(Value::Object(jwk)) => jwk,
            Some(_) => return Err(Refusal::MalformedMember(Member::Jwk)),
            None => return Err(Refusal::MissingMember(Member::Jwk)),
        };
        Ok(Header {
            algorithm,
            key: PublicKey::from_object(jwk, algorithm)?,
        })
    }

    /// Reads the claims: that the required ones are there, and the syntax of each.
    pub(super) fn claims<'s>(&self, scratch: &'s mut Scratch) -> Result<Claims<'s>, Refusal> {
        let document = decode(self.claims, Part::Claims, scratch)?;
        let [jti, htm, htu, iat, ath, exp, nbf, nonce] = values(
            document.root(),
            [
                Member::Jti,
                Member::Htm,
                Member::Htu,
                Member::Iat,
                Member::Ath,
                Member::Exp,
                Member::Nbf,
                Member::Nonce,
            ],
        );
        let jti = string(jti, Member::Jti)?;
        if !(1..=MAX_JTI).contains(&jti.len()) || jti.chars().any(char::is_control) {
            return Err(Refusal::MalformedMember(Member::Jti));
        }
        let htm = string(htm, Member::Htm)?;
        let htu = string(htu, Member::Htu)?;
        let iat = seconds(iat, Member::Iat)?.ok_or(Refusal::MissingMember(Member::Iat))?;
        let ath = match optional_string(ath, Member::Ath)? {
            Some(text) => Some(decode32(text).ok_or(Refusal::MalformedMember(Member::Ath))?),
            None => None,
        };
        Ok(Claims {
            jti,
            htm,
            htu,
            iat,
            exp: seconds(exp, Member::Exp)?,
            nbf: seconds(nbf, Member::Nbf)?,
            ath,
            nonce: optional_string(nonce, Member::Nonce)?,
        })
    }

    /// The signature, of 64 bytes with both algorithms.
    pub(super) fn signature(
        &self,
        algorithm: Algorithm,
        scratch: &mut Scratch,
    ) -> Result<Signature, Refusal> {
        let raw = Base64UrlUnpadded::decode(self.signature, scratch)
            .map_err(|_| Refusal::NotBase64Url(Part::Signature))?;
        Signature::from_raw(algorithm, raw).map_err(|_| Refusal::Signature)
    }
}

fn decode<'s>(
    segment: &str,
    part: Part,
    scratch: &'s mut Scratch,
) -> Result<Document<'s>, Refusal> {
    let json =
        Base64UrlUnpadded::decode(segment, scratch).map_err(|_| Refusal::NotBase64Url(part))?;
    Document::parse(json, &LIMITS).map_err(|error| Refusal::NotJson(part, error))
}
