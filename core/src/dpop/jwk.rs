//! Public keys (RFC 7517) and their thumbprints (RFC 7638).

use core::fmt;
use core::str::FromStr;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::algorithm::Algorithm;
use super::member::{string, values};
use super::refusal::{Member, Part, Refusal};
use crate::json::{Document, Limits, Object, Text, Value};

/// A public key that a proof can carry.
///
/// Its shape is checked, and that an Ed25519 point is canonical and not of small order. Whether the coordinates of a
/// P-256 key lie on the curve is checked by the backend, with each signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PublicKey(Point);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Point {
    /// Uncompressed: 4, x, y (SEC 1, 2.3.3). Bytes of a peer never choose the first one.
    P256([u8; 65]),
    Ed25519([u8; 32]),
}

/// Bytes that are no public key of their algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidKey;

impl PublicKey {
    /// A P-256 key with these coordinates, big-endian (RFC 7518, 6.2.1).
    pub fn p256(x: &[u8; 32], y: &[u8; 32]) -> Self {
        let mut point = [4; 65];
        point[1..33].copy_from_slice(x);
        point[33..].copy_from_slice(y);
        Self(Point::P256(point))
    }

    /// An Ed25519 key (RFC 8037, 2).
    ///
    /// # Errors
    /// [`InvalidKey`] for a y of 2^255 - 19 or more and for a point of small order: with such a key a signature can
    /// verify for messages that nobody signed.
    pub fn ed25519(x: &[u8; 32]) -> Result<Self, InvalidKey> {
        if is_canonical(x) && !is_of_small_order(x) {
            Ok(Self(Point::Ed25519(*x)))
        } else {
            Err(InvalidKey)
        }
    }

    /// Reads a JSON Web Key (RFC 7517), such as one in a file.
    ///
    /// # Errors
    /// [`Refusal`], as for a key in a proof.
    pub fn from_jwk(json: &[u8]) -> Result<Self, Refusal> {
        let document = Document::parse(json, &Limits::DEFAULT)
            .map_err(|error| Refusal::NotJson(Part::Key, error))?;
        let jwk = document.root();
        let kty = string(jwk.get("kty"), Member::Kty)?;
        let algorithm = if kty == *"OKP" {
            Algorithm::EdDsa
        } else {
            Algorithm::Es256
        };
        Self::from_object(jwk, algorithm)
    }

    /// A key that has to fit `algorithm`.
    pub(super) fn from_object(jwk: Object<'_>, algorithm: Algorithm) -> Result<Self, Refusal> {
        // Of RFC 7518, 6.2.2, 6.3.2 and 6.4: present at all, whatever the value, a secret may have leaked.
        const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
        if jwk.get_all(PRIVATE).iter().any(Option::is_some) {
            return Err(Refusal::PrivateKey);
        }
        if !may_verify(jwk, algorithm) {
            return Err(Refusal::Key);
        }
        let (kty, crv) = match algorithm {
            Algorithm::Es256 => ("EC", "P-256"),
            Algorithm::EdDsa => ("OKP", "Ed25519"),
        };
        let members = [Member::Kty, Member::Crv, Member::X, Member::Y];
        let [its_kty, its_crv, x, y] = values(jwk, members);
        if string(its_kty, Member::Kty)? != *kty || string(its_crv, Member::Crv)? != *crv {
            return Err(Refusal::Key);
        }
        let x = coordinate(x, Member::X)?;
        match algorithm {
            Algorithm::Es256 => Ok(Self::p256(&x, &coordinate(y, Member::Y)?)),
            Algorithm::EdDsa => Self::ed25519(&x).map_err(|_| Refusal::Key),
        }
    }

    /// The algorithm that this key signs with.
    pub const fn algorithm(&self) -> Algorithm {
        match self.0 {
            Point::P256(_) => Algorithm::Es256,
            Point::Ed25519(_) => Algorithm::EdDsa,
        }
    }

    /// The key as the contents of a subjectPublicKey (RFC 5480, 2.2; RFC 8410, 4).
    pub const fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Point::P256(point) => point,
            Point::Ed25519(point) => point,
        }
    }

    /// The SHA-256 thumbprint (RFC 7638, 3), from re-encoded coordinates.
    pub fn thumbprint(&self) -> Thumbprint {
        let mut hash = Sha256::new();
        // The required members in lexicographic order: what `members` writes.
        self.members(|part| hash.update(part));
        Thumbprint(hash.finalize().into())
    }

    /// Gives the JSON object with the required members, in lexicographic order and without white space, in parts.
    pub(super) fn members(&self, mut part: impl FnMut(&[u8])) {
        let mut text = [0; 43];
        let mut coordinate = |bytes: &[u8], part: &mut dyn FnMut(&[u8])| {
            // 32 bytes are always 43 digits.
            part(
                Base64UrlUnpadded::encode(bytes, &mut text)
                    .unwrap_or_default()
                    .as_bytes(),
            );
        };
        match &self.0 {
            Point::P256(point) => {
                part(br#"{"crv":"P-256","kty":"EC","x":""#);
                coordinate(&point[1..33], &mut part);
                part(br#"","y":""#);
                coordinate(&point[33..], &mut part);
            }
            Point::Ed25519(point) => {
                part(br#"{"crv":"Ed25519","kty":"OKP","x":""#);
                coordinate(point, &mut part);
            }
        }
        part(br#""}"#);
    }
}

/// What a key may say about its use (RFC 7517, 4.2 to 4.4) has to allow a signature of this algorithm.
fn may_verify(jwk: Object<'_>, algorithm: Algorithm) -> bool {
    let [used, operations, named] = jwk.get_all(["use", "key_ops", "alg"]);
    let used = match used {
        None => true,
        Some(Value::String(text)) => text == *"sig",
        Some(_) => false,
    };
    let operations = match operations {
        None => true,
        Some(Value::Array(operations)) => operations
            .values()
            .any(|value| matches!(value, Value::String(text) if text == *"verify")),
        Some(_) => false,
    };
    let named = match named {
        None => true,
        Some(Value::String(text)) => Algorithm::from_name(text) == Some(algorithm),
        Some(_) => false,
    };
    used && operations && named
}

fn coordinate(value: Option<Value<'_>>, member: Member) -> Result<[u8; 32], Refusal> {
    decode32(string(value, member)?).ok_or(Refusal::MalformedMember(member))
}

/// Whether y, little-endian without the sign bit, is below 2^255 - 19.
pub(super) fn is_canonical(point: &[u8; 32]) -> bool {
    let top = point[31] & 0x7F;
    top != 0x7F || point[1..31].iter().any(|&byte| byte != 0xFF) || point[0] < 0xED
}

/// Whether the point has order 1, 2, 4 or 8. Only canonical encodings need a look; the sign of x does not matter.
pub(super) fn is_of_small_order(point: &[u8; 32]) -> bool {
    const ORDER_8: [[u8; 32]; 2] = [
        [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef,
            0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88,
            0x6d, 0x53, 0xfc, 0x05,
        ],
        [
            0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10,
            0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77,
            0x92, 0xac, 0x03, 0x7a,
        ],
    ];
    let mut y = *point;
    y[31] &= 0x7F;
    let rest_is = |byte: u8, last: u8| y[1..31].iter().all(|&b| b == byte) && y[31] == last;
    let zero_or_one = y[0] <= 1 && rest_is(0, 0);
    let minus_one = y[0] == 0xEC && rest_is(0xFF, 0x7F);
    zero_or_one || minus_one || ORDER_8.contains(&y)
}

impl fmt::Display for InvalidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("these bytes are no public key of their algorithm; export the key anew")
    }
}

impl core::error::Error for InvalidKey {}

/// The SHA-256 thumbprint of a public key (RFC 7638): `jkt` (RFC 9449, 6.1).
///
/// Its text is 43 digits of base64url. Equality takes the same time whatever the bytes are.
#[derive(Clone, Copy, PartialOrd, Ord)]
pub struct Thumbprint([u8; 32]);

impl Thumbprint {
    /// The thumbprint with these bytes.
    pub const fn new(digest: [u8; 32]) -> Self {
        Self(digest)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for Thumbprint {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Thumbprint {}

impl core::hash::Hash for Thumbprint {
    fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}

impl FromStr for Thumbprint {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, InvalidKey> {
        digits32(text).map(Self).ok_or(InvalidKey)
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0; 43];
        f.write_str(Base64UrlUnpadded::encode(&self.0, &mut text).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Thumbprint({self})")
    }
}

/// 32 bytes from a string of 43 digits of canonical base64url.
pub(super) fn decode32(text: Text<'_>) -> Option<[u8; 32]> {
    let mut digits = [0; 43];
    digits32(text.decode_into(&mut digits)?)
}

fn digits32(digits: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let decoded = Base64UrlUnpadded::decode(digits, &mut bytes).ok()?;
    (decoded.len() == 32).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::*;

    fn key(x: &str, y: &str) -> PublicKey {
        PublicKey::p256(&digits32(x).unwrap(), &digits32(y).unwrap())
    }

    #[test]
    fn thumbprints_of_published_keys() {
        let rfc9449 = key(
            "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
            "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
        );
        let rfc7515 = key(
            "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        );
        let rfc7517 = key(
            "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
            "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
        );
        let rfc8037 =
            PublicKey::ed25519(&digits32("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap())
                .unwrap();
        for (key, jkt) in [
            (rfc9449, "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"),
            (rfc7515, "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U"),
            (rfc7517, "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s"),
            (rfc8037, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"),
        ] {
            assert_eq!(key.thumbprint().to_string(), jkt);
            assert_eq!(jkt.parse(), Ok(key.thumbprint()));
        }
    }

    #[test]
    fn a_thumbprint_is_canonical_base64url() {
        // The sample of RFC 8705, 3.1 sets bits behind the end.
        let sample = "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2";
        assert_eq!(sample.parse::<Thumbprint>(), Err(InvalidKey));
        assert_eq!(
            "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v".parse::<Thumbprint>(),
            Err(InvalidKey)
        );
        assert!(
            "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0"
                .parse::<Thumbprint>()
                .is_ok()
        );
    }

    #[test]
    fn an_ed25519_key_is_canonical_and_not_of_small_order() {
        let with = |first: u8, middle: u8, last: u8| {
            let mut y = [middle; 32];
            (y[0], y[31]) = (first, last);
            PublicKey::ed25519(&y)
        };
        for sign in [0, 0x80] {
            assert_eq!(with(0, 0, sign), Err(InvalidKey), "order 4");
            assert_eq!(with(1, 0, sign), Err(InvalidKey), "order 1");
            assert_eq!(with(0xEC, 0xFF, 0x7F | sign), Err(InvalidKey), "order 2");
            assert_eq!(with(0xED, 0xFF, 0x7F | sign), Err(InvalidKey), "p");
            assert_eq!(with(0xFF, 0xFF, 0x7F | sign), Err(InvalidKey), "above p");
            assert!(with(0xEB, 0xFF, 0x7F | sign).is_ok(), "p - 2");
            assert!(with(3, 0, sign).is_ok());
        }
    }
}
