//! Principals: on whose account something is booked.

use core::fmt;
use core::hash::Hasher;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use sha2::{Digest, Sha256};
use siphasher::sip::SipHasher13;

/// On whose account something is booked: who proved to be whom, or else where it came from.
///
/// 17 bytes, whatever it was made of. Make it once for a connection: a name costs a SHA-256.
///
/// ```
/// use ravelin_core::limit::Principal;
///
/// let a = Principal::ip("2001:db8::1".parse()?);
/// let b = Principal::ip("2001:db8::ffff:1".parse()?);
/// assert_eq!(a, b, "one host may hold a whole /64");
/// assert_eq!(a.to_string(), "2001:db8::/64");
/// assert_eq!(Principal::ip("::ffff:192.0.2.1".parse()?), Principal::ip("192.0.2.1".parse()?));
/// # Ok::<(), core::net::AddrParseError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Principal {
    kind: Kind,
    id: [u8; 16],
}

/// What a [`Principal`] was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[repr(u8)] // The numbers are part of the snapshot's format.
pub enum Kind {
    /// A name that was authenticated, such as a name in a verified certificate or the subject of a verified token.
    Name = 0,
    /// The SHA-256 of a key or certificate whose possession was proved.
    Thumbprint = 1,
    /// The user of a local peer, as the kernel says.
    Uid = 2,
    /// An IPv4 address.
    Ipv4 = 3,
    /// An IPv6 network of 64 bits.
    Ipv6 = 4,
}

impl Principal {
    /// Of an authenticated name, compared byte for byte. Two namespaces that can hold the same name are told apart
    /// by the caller: put the issuer in front of the subject.
    pub fn name(name: &str) -> Self {
        let digest = Sha256::digest(name.as_bytes());
        Self::new(Kind::Name, digest.as_slice())
    }

    /// Of a SHA-256: a JWK thumbprint (RFC 7638), or the digest of a key or certificate. Its first 128 bits count.
    pub fn thumbprint(digest: &[u8; 32]) -> Self {
        Self::new(Kind::Thumbprint, digest)
    }

    /// Of the user id of a local peer.
    pub fn uid(uid: u32) -> Self {
        Self::new(Kind::Uid, &uid.to_be_bytes())
    }

    /// Of an address: an IPv4 address whole, an IPv6 address by its /64, and an IPv4-mapped one
    /// (RFC 4291, 2.5.5.2) as the IPv4 address in it.
    pub fn ip(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::new(Kind::Ipv4, &address.octets()),
            IpAddr::V6(address) => {
                let network = address.to_bits() >> 64 << 64;
                Self::new(Kind::Ipv6, &network.to_be_bytes())
            }
        }
    }

    /// The one to hold responsible: who authenticated, and the address only of who did not. So a user is limited and
    /// banned everywhere at once, and nobody for a neighbour behind the same address.
    pub fn responsible(authenticated: Option<Self>, address: IpAddr) -> Self {
        authenticated.unwrap_or_else(|| Self::ip(address))
    }

    /// What it was made of.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether it was proved: it is no mere address.
    pub const fn is_authenticated(&self) -> bool {
        !matches!(self.kind, Kind::Ipv4 | Kind::Ipv6)
    }

    /// The first 16 bytes of `bytes`, and zeros after shorter ones.
    fn new(kind: Kind, bytes: &[u8]) -> Self {
        let mut id = [0; 16];
        for (to, from) in id.iter_mut().zip(bytes) {
            *to = *from;
        }
        Self { kind, id }
    }

    /// The keyed hash that places it in a table. `domain` tells the uses of one principal apart.
    pub(super) fn hash(&self, hasher: &SipHasher13, domain: u8) -> u64 {
        // Word by word: bytes that are put together in memory first cost twice the time.
        let id = u128::from_le_bytes(self.id);
        let mut hasher = *hasher;
        hasher.write_u64(id as u64);
        hasher.write_u64((id >> 64) as u64);
        hasher.write_u16(u16::from_le_bytes([self.kind as u8, domain]));
        hasher.finish()
    }

    /// For a snapshot: the kind, then 16 bytes.
    pub(super) fn to_bytes(self) -> [u8; 17] {
        let mut bytes = [self.kind as u8; 17];
        if let Some(id) = bytes.get_mut(1..) {
            id.copy_from_slice(&self.id);
        }
        bytes
    }

    /// What [`to_bytes`](Self::to_bytes) wrote, and nothing that it cannot have written.
    pub(super) fn from_bytes(bytes: &[u8; 17]) -> Option<Self> {
        let (kind, id) = bytes.split_first()?;
        let kind = Kind::ALL.into_iter().find(|known| *known as u8 == *kind)?;
        let (_, padding) = id.split_at_checked(kind.significant())?;
        padding
            .iter()
            .all(|byte| *byte == 0)
            .then(|| Self::new(kind, id))
    }
}

impl Kind {
    const ALL: [Self; 5] = [
        Self::Name,
        Self::Thumbprint,
        Self::Uid,
        Self::Ipv4,
        Self::Ipv6,
    ];

    /// How many of the 16 bytes carry something.
    const fn significant(self) -> usize {
        match self {
            Self::Name | Self::Thumbprint => 16,
            Self::Uid | Self::Ipv4 => 4,
            Self::Ipv6 => 8,
        }
    }
}

/// `name:HEX`, `thumbprint:HEX`, `uid:1000`, `192.0.2.1` or `2001:db8::/64`. Of a name and a thumbprint, what is left
/// are the first 128 bits of the SHA-256, so an audit trail holds no name in clear through it.
impl fmt::Display for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = u128::from_be_bytes(self.id);
        match self.kind {
            Kind::Name => write!(f, "name:{id:032x}"),
            Kind::Thumbprint => write!(f, "thumbprint:{id:032x}"),
            Kind::Uid => write!(f, "uid:{}", id >> 96),
            Kind::Ipv4 => {
                let [a, b, c, d, ..] = self.id;
                Ipv4Addr::new(a, b, c, d).fmt(f)
            }
            Kind::Ipv6 => write!(f, "{}/64", Ipv6Addr::from_bits(id)),
        }
    }
}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Principal({self})")
    }
}

#[cfg(test)]
mod tests;
