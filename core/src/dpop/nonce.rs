//! Server nonces (RFC 9449, 8 and 9): issued and checked without a store.
//!
//! # Format, version 1
//!
//! A nonce is 56 digits of base64url without padding (RFC 4648, 5): 42 bytes, so that no bit is left over.
//!
//! | bytes | field | value |
//! |---|---|---|
//! | 0 | version | 1 |
//! | 1 | kid | which secret made the tag |
//! | 2..6 | epoch | generation of the replay store, u32 big-endian |
//! | 6..10 | issued | seconds since 1970, u32 big-endian |
//! | 10..26 | random | 16 bytes |
//! | 26..42 | tag | the first 16 bytes of HMAC-SHA256 (RFC 2104) |
//!
//! The key of the HMAC is the secret of 32 bytes. Its message is these four fields, each as its length in bytes
//! (u16 big-endian) and then its bytes, followed by bytes 0..26 of the nonce without a length:
//!
//! 1. the ASCII text `ravelin-dpop-nonce-v1`
//! 2. the identifier of the server, UTF-8
//! 3. the role, ASCII: `resource` or `authorization`
//! 4. the 32 bytes of the client's key thumbprint (`jkt`) when nonces are bound to keys, otherwise no bytes (length 0)
//!
//! It is unpredictable for the tag and the random bytes. It says when it was made and hides nothing else.
//!
//! # Life
//!
//! Its age is the wall clock less `issued`, in whole seconds: a nonce as old as its lifetime is accepted, one second
//! more is [`NonceError::Stale`]. One from the future is accepted up to [`NonceSettings::ahead`], for the clock of the
//! node that issued it. A nonce may be used many times: what is used once is the `jti` (RFC 9449, 11.1).

use alloc::boxed::Box;
use core::fmt;
use core::time::Duration;

use base64ct::{Base64UrlUnpadded, Encoding as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};
use zeroize::{Zeroize as _, Zeroizing};

use super::journal::Event;
use super::jwk::Thumbprint;
use super::refusal::Refusal;
use super::role::Role;
use crate::time::{Instant, Now};

/// The longest nonce that is read, in bytes; RFC 9449 names no limit.
pub const MAX_NONCE: usize = 512;

/// Issues the nonces of one server and checks them.
///
/// The nodes of one server share identifier, epoch and secrets, and accept each other's nonces. A node does not know a
/// secret before it is rotated in, so rotate on all of them at once: in between, a client may be challenged twice.
///
/// ```
/// # use core::time::Duration;
/// # use ravelin_core::{Instant, Now, pki_types::UnixTime};
/// use ravelin_core::dpop::{NonceError, NonceSettings, Nonces, Role, Secret, Thumbprint};
///
/// # let at = |s| Now::new(Instant::from_micros(s * 1_000_000), UnixTime::since_unix_epoch(Duration::from_secs(s)));
/// # let (key, entropy) = ([7; 32], [9; 16]);
/// let settings = NonceSettings::new("https://mcp.example.com", Role::ResourceServer, 1);
/// let nonces = Nonces::new(settings, Secret::new(1, key), at(1_000))?;
///
/// let jkt = Thumbprint::new([1; 32]);
/// let nonce = nonces.issue(entropy, Some(&jkt), at(1_000)).expect("not bound to a key");
/// assert!(nonces.check(nonce.as_str(), &jkt, at(1_060)).is_ok_and(|state| state.renew));
/// assert_eq!(nonces.check(nonce.as_str(), &jkt, at(1_121)), Err(NonceError::Stale));
/// # Ok::<(), ravelin_core::dpop::NonceSettingsError>(())
/// ```
#[derive(Debug)]
pub struct Nonces {
    settings: NonceSettings,
    current: Secret,
    installed: Instant,
    previous: Option<Previous>,
}

/// What a nonce is bound to, and how long it lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NonceSettings {
    server_id: Box<str>,
    role: Role,
    epoch: u32,
    lifetime: Duration,
    ahead: Duration,
    bound_to_key: bool,
    counts_as_time: bool,
}

/// A secret that nonces are made with. It is zeroised when it is dropped.
pub struct Secret {
    kid: u8,
    /// Padded to the block of SHA-256 (RFC 2104, 2). Boxed: a move of the secret leaves no copy behind.
    key: Box<Zeroizing<[u8; BLOCK]>>,
}

/// A nonce, ready for `DPoP-Nonce`. It is public: every client gets one.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Nonce([u8; DIGITS]);

/// What a nonce that was accepted says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NonceState {
    /// When it was issued, in seconds since 1970, by the clock of the node that issued it.
    pub issued: u64,
    /// Whether the response should bring a new one (RFC 9449, 8.2): half of its life is over, or its secret is the
    /// previous one.
    pub renew: bool,
}

/// Why a nonce is not accepted. Both have the same answer: `use_dpop_nonce` and a new nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NonceError {
    /// Malformed or forged, or of another server, role, key, epoch or secret, or from the future.
    Unknown,
    /// Issued here, and older than its lifetime.
    Stale,
}

/// Why settings or a secret are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NonceSettingsError {
    /// The identifier of the server is empty or longer than 255 bytes.
    ServerId {
        /// Its length in bytes.
        length: usize,
    },
    /// The lifetime is below a second or above [`NonceSettings::MAX_LIFETIME`].
    Lifetime,
    /// More time ahead is tolerated than a nonce lives.
    Ahead,
    /// The new secret has the kid or the key of one in use.
    SecretReused,
    /// The secret before the current one is still accepted.
    Overlap {
        /// How much longer.
        remaining: Duration,
    },
}

const VERSION: u8 = 1;
const HEADER: usize = 26;
const TAG: usize = 16;
pub(super) const DIGITS: usize = 56;
const BLOCK: usize = 64;
const DOMAIN: &[u8] = b"ravelin-dpop-nonce-v1";

impl Nonces {
    /// Starts with one secret, installed `now`.
    ///
    /// # Errors
    /// [`NonceSettingsError`] for settings out of range.
    pub fn new(
        settings: NonceSettings,
        secret: Secret,
        now: Now,
    ) -> Result<Self, NonceSettingsError> {
        settings.validate()?;
        Ok(Self {
            settings,
            current: secret,
            installed: now.instant,
            previous: None,
        })
    }

    /// Makes a nonce from 16 bytes of randomness.
    ///
    /// `jkt` is the thumbprint of the key in the client's proof. `None` comes back only when nonces are bound to keys
    /// and no key is known: such a nonce would fit nobody. A challenge without it makes the client send its first
    /// proof, and that brings the key.
    pub fn issue(&self, entropy: [u8; 16], jkt: Option<&Thumbprint>, now: Now) -> Option<Nonce> {
        if self.settings.bound_to_key && jkt.is_none() {
            return None;
        }
        // From 2106 on every nonce is stale at once: it fails closed.
        let issued = u32::try_from(now.unix.as_secs()).unwrap_or(u32::MAX);
        let mut bytes = [0; HEADER + TAG];
        let (header, tag) = bytes.split_at_mut(HEADER);
        header[0] = VERSION;
        header[1] = self.current.kid;
        header[2..6].copy_from_slice(&self.settings.epoch.to_be_bytes());
        header[6..10].copy_from_slice(&issued.to_be_bytes());
        header[10..].copy_from_slice(&entropy);
        tag.copy_from_slice(&self.tag(&self.current.key, jkt, header));
        let mut digits = [0; DIGITS];
        // 42 bytes are always 56 digits.
        Base64UrlUnpadded::encode(&bytes, &mut digits).ok()?;
        Some(Nonce(digits))
    }

    /// Checks the nonce of a proof made with the key `jkt`.
    ///
    /// Whichever byte differs, and whether its secret is known or not, takes the same time.
    ///
    /// # Errors
    /// [`NonceError`]: answer `use_dpop_nonce` with a new nonce.
    pub fn check(&self, nonce: &str, jkt: &Thumbprint, now: Now) -> Result<NonceState, NonceError> {
        let mut bytes = [0; HEADER + TAG];
        // Whoever sent it knows whether it is base64url: to say so early tells nothing.
        match Base64UrlUnpadded::decode(nonce, &mut bytes) {
            Ok(decoded) if decoded.len() == HEADER + TAG => {}
            Ok(_) | Err(_) => return Err(NonceError::Unknown),
        }
        let (header, tag) = bytes.split_at(HEADER);
        let [version, kid, e0, e1, e2, e3, i0, i1, i2, i3, ..] = bytes;
        let epoch = u32::from_be_bytes([e0, e1, e2, e3]);
        let issued = u64::from(u32::from_be_bytes([i0, i1, i2, i3]));

        let (key, known) = self.key(kid, now.instant);
        let genuine = known
            & version.ct_eq(&VERSION)
            & epoch.ct_eq(&self.settings.epoch)
            & self.tag(&key, Some(jkt), header).ct_eq(tag);
        if !bool::from(genuine) {
            return Err(NonceError::Unknown);
        }
        // From here on everything is what this server wrote, and public.
        let seconds = now.unix.as_secs();
        if issued.saturating_sub(seconds) > self.settings.ahead.as_secs() {
            return Err(NonceError::Unknown);
        }
        let (age, lifetime) = (
            seconds.saturating_sub(issued),
            self.settings.lifetime.as_secs(),
        );
        if age > lifetime {
            return Err(NonceError::Stale);
        }
        Ok(NonceState {
            issued,
            renew: age >= lifetime - age || kid != self.current.kid,
        })
    }

    /// Puts `secret` in the place of the current one, which is accepted until its last nonce is stale. The event is for
    /// the journal.
    ///
    /// # Errors
    /// [`NonceSettingsError::Overlap`] while the secret before is accepted still: dropping it would challenge clients
    /// that did nothing wrong, and keeping three would let a schedule gone wild pile them up. A secret that leaked is
    /// another matter: [`Self::replace`]. [`NonceSettingsError::SecretReused`] for a kid or key in use.
    pub fn rotate(&mut self, secret: Secret, now: Now) -> Result<Event, NonceSettingsError> {
        if let Some(previous) = self.live_previous(now.instant) {
            let remaining = previous.until.saturating_since(now.instant);
            return Err(NonceSettingsError::Overlap { remaining });
        }
        if secret.shares_with(&self.current) {
            return Err(NonceSettingsError::SecretReused);
        }
        self.previous = Some(Previous {
            secret: core::mem::replace(&mut self.current, secret),
            until: now.instant + self.overlap(),
        });
        self.installed = now.instant;
        Ok(Event::NonceSecretRotated { kid: self.kid() })
    }

    /// Drops every secret for this one, at any time: for a secret that may be known to others.
    ///
    /// # Errors
    /// [`NonceSettingsError::SecretReused`] for a kid or key in use. Nothing is dropped then.
    pub fn replace(&mut self, secret: Secret, now: Now) -> Result<Event, NonceSettingsError> {
        if self.live(now.instant).any(|live| secret.shares_with(live)) {
            return Err(NonceSettingsError::SecretReused);
        }
        self.current = secret;
        self.previous = None;
        self.installed = now.instant;
        Ok(Event::NonceSecretRotated { kid: self.kid() })
    }

    /// Drops and zeroises the previous secret when its time is over, and gives its kid.
    ///
    /// Without this call it is not accepted either; it only stays in memory until the next rotation.
    pub fn retire(&mut self, now: Now) -> Option<u8> {
        let over = |previous: &mut Previous| now.instant >= previous.until;
        self.previous
            .take_if(over)
            .map(|previous| previous.secret.kid)
    }

    /// When to rotate, for a secret in use for `every`; never before [`Self::rotate`] allows it.
    pub fn due_at(&self, every: Duration) -> Instant {
        self.installed + every.max(self.overlap())
    }

    /// The kid of the current secret.
    pub const fn kid(&self) -> u8 {
        self.current.kid
    }

    /// What the nonces are bound to.
    pub const fn settings(&self) -> &NonceSettings {
        &self.settings
    }

    /// The key that `kid` names, or a dummy: also an unknown kid costs one HMAC.
    fn key(&self, kid: u8, now: Instant) -> (Zeroizing<[u8; BLOCK]>, Choice) {
        let mut key = Zeroizing::new([0; BLOCK]);
        let mut known = Choice::from(0);
        for secret in self.live(now) {
            let named = kid.ct_eq(&secret.kid);
            for (byte, of_secret) in key.iter_mut().zip(secret.key.iter()) {
                byte.conditional_assign(of_secret, named);
            }
            known |= named;
        }
        (key, known)
    }

    fn tag(&self, key: &[u8; BLOCK], jkt: Option<&Thumbprint>, header: &[u8]) -> [u8; TAG] {
        let jkt: &[u8] = match jkt {
            Some(jkt) if self.settings.bound_to_key => jkt.as_bytes(),
            Some(_) | None => &[],
        };
        let server_id = self.settings.server_id.as_bytes();
        let role = self.settings.role.name().as_bytes();
        let mut mac = Hmac::<Sha256>::new(key.into());
        for field in [DOMAIN, server_id, role, jkt] {
            // No field has more than 255 bytes.
            mac.update(&(field.len() as u16).to_be_bytes());
            mac.update(field);
        }
        mac.update(header);
        let whole: [u8; 32] = mac.finalize().into_bytes().into();
        let mut tag = [0; TAG];
        tag.copy_from_slice(&whole[..TAG]);
        tag
    }

    /// The secrets whose nonces are accepted.
    fn live(&self, now: Instant) -> impl Iterator<Item = &Secret> {
        let previous = self.live_previous(now).map(|previous| &previous.secret);
        core::iter::once(&self.current).chain(previous)
    }

    fn live_previous(&self, now: Instant) -> Option<&Previous> {
        self.previous
            .as_ref()
            .filter(|previous| now < previous.until)
    }

    /// `issued` is a whole second, so a nonce lives up to a second longer than its lifetime.
    fn overlap(&self) -> Duration {
        self.settings.lifetime + Duration::from_secs(1)
    }
}

/// The secret before the current one.
#[derive(Debug)]
struct Previous {
    secret: Secret,
    /// On the monotonic clock: a wall clock that steps back gives it no second life.
    until: Instant,
}

impl NonceSettings {
    /// The longest lifetime: one hour.
    pub const MAX_LIFETIME: Duration = Duration::from_secs(3600);

    /// Nonces of the server `server_id` in this role, which live for 120 s and fit every key.
    ///
    /// `server_id` is any text of 1 to 255 bytes, the same on all nodes. `epoch` names the generation of the replay
    /// store: nonces of another epoch are not accepted. A store that forgets at a restart needs a new epoch with each
    /// (the time of the start will do), so that no proof from before is accepted.
    pub fn new(server_id: impl Into<Box<str>>, role: Role, epoch: u32) -> Self {
        Self {
            server_id: server_id.into(),
            role,
            epoch,
            lifetime: Duration::from_secs(120),
            ahead: Duration::from_secs(10),
            bound_to_key: false,
            counts_as_time: false,
        }
    }

    /// How long a nonce lives: whole seconds, from one to [`Self::MAX_LIFETIME`].
    #[must_use]
    pub fn lifetime(self, lifetime: Duration) -> Self {
        Self { lifetime, ..self }
    }

    /// How far the clock of another node may be ahead: 10 s, at most the lifetime.
    #[must_use]
    pub fn ahead(self, ahead: Duration) -> Self {
        Self { ahead, ..self }
    }

    /// A nonce fits only the key in whose challenge it was issued.
    #[must_use]
    pub fn bound_to_key(self) -> Self {
        Self {
            bound_to_key: true,
            ..self
        }
    }

    /// Takes a valid nonce as the time of a proof whose `iat` is too old or too new (RFC 9449, 4.3 (11)): clients with a
    /// wrong clock get in.
    #[must_use]
    pub fn counts_as_time(mut self) -> Self {
        self.counts_as_time = true;
        self
    }

    pub(super) const fn is_time(&self) -> bool {
        self.counts_as_time
    }

    /// The longest that a nonce is accepted after its issue: the clock of who accepts it may be behind.
    pub(super) fn longest(&self) -> Duration {
        self.lifetime + self.ahead
    }

    /// The most that the issue of a nonce may lie in the future.
    pub(super) const fn ahead_by(&self) -> Duration {
        self.ahead
    }

    /// The role that the nonces are for.
    pub const fn role(&self) -> Role {
        self.role
    }

    /// The generation of the replay store.
    pub const fn epoch(&self) -> u32 {
        self.epoch
    }

    fn validate(&self) -> Result<(), NonceSettingsError> {
        let length = self.server_id.len();
        if !(1..=255).contains(&length) {
            return Err(NonceSettingsError::ServerId { length });
        }
        if !(Duration::from_secs(1)..=Self::MAX_LIFETIME).contains(&self.lifetime) {
            return Err(NonceSettingsError::Lifetime);
        }
        if self.ahead > self.lifetime {
            return Err(NonceSettingsError::Ahead);
        }
        Ok(())
    }
}

impl Secret {
    /// The secret `kid` with these 32 random bytes. The caller zeroises its own copy.
    pub fn new(kid: u8, mut key: [u8; 32]) -> Self {
        let mut block = Box::new(Zeroizing::new([0; BLOCK]));
        block[..32].copy_from_slice(&key);
        key.zeroize();
        Self { kid, key: block }
    }

    fn shares_with(&self, other: &Self) -> bool {
        bool::from(self.kid.ct_eq(&other.kid) | self.key.ct_eq(&other.key[..]))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret(kid {})", self.kid)
    }
}

impl Nonce {
    /// Its 56 digits.
    pub fn as_str(&self) -> &str {
        // Digits are ASCII.
        core::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Nonce({self})")
    }
}

/// Whether these bytes are a nonce of any server: 1 to [`MAX_NONCE`] characters that RFC 9449, 8.1 allows.
pub(super) fn is_nonce(bytes: &[u8]) -> bool {
    let is_nqchar = |byte: &u8| matches!(byte, 0x21 | 0x23..=0x5B | 0x5D..=0x7E);
    (1..=MAX_NONCE).contains(&bytes.len()) && bytes.iter().all(is_nqchar)
}

impl From<NonceError> for Refusal {
    fn from(error: NonceError) -> Self {
        match error {
            NonceError::Unknown => Self::NonceUnknown,
            NonceError::Stale => Self::NonceStale,
        }
    }
}

impl fmt::Display for NonceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Refusal::from(*self).fmt(f)
    }
}

impl core::error::Error for NonceError {}

impl NonceSettingsError {
    /// The stable code, such as `E-DPO-51`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::ServerId { .. } => "E-DPO-51",
            Self::Lifetime => "E-DPO-52",
            Self::Ahead => "E-DPO-53",
            Self::SecretReused => "E-DPO-54",
            Self::Overlap { .. } => "E-DPO-55",
        }
    }
}

impl fmt::Display for NonceSettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ServerId { length } => write!(
                f,
                "the server identifier for nonces has {length} bytes; give 1 to 255, such as the origin of the server"
            ),
            Self::Lifetime => write!(
                f,
                "the lifetime of nonces is out of range; choose 1 to {} s",
                NonceSettings::MAX_LIFETIME.as_secs()
            ),
            Self::Ahead => f.write_str(
                "nonces from further in the future than their lifetime would be accepted; tolerate less, and set the clocks",
            ),
            Self::SecretReused => f.write_str(
                "the new nonce secret has the kid or the key of one in use; give it both anew",
            ),
            Self::Overlap { remaining } => write!(
                f,
                "the previous nonce secret is accepted for another {} s; rotate after that, or replace all secrets if one leaked",
                remaining.as_secs().saturating_add(u64::from(remaining.subsec_nanos() > 0))
            ),
        }
    }
}

impl core::error::Error for NonceSettingsError {}

#[cfg(test)]
mod tests;
