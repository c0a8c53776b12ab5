//! The verifier: every rule of RFC 9449, 4.3, 7 and 11, in one order, ending in a question to the replay store.

mod unverified;

use core::time::Duration;

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use self::unverified::{Claims, Unverified};
pub use self::unverified::{MAX_JTI, MAX_PROOF};
use super::challenge::ResourceMetadata;
use super::confirmation::Confirmation;
use super::jwk::{PublicKey, Thumbprint};
use super::nonce::{self, MAX_NONCE, Nonce, NonceState, Nonces};
use super::refusal::{Member, Refusal};
use super::replay::Question;
use super::request::{Presented, Request, Scheme};
use super::role::Role;
use super::settings::{Algorithms, Profile, SettingsError};
use super::uri::TargetUri;
use super::verdict::{Judged, NonceUse, Pending, ProofFacts};
use crate::time::Now;

/// Judges requests for a resource server or for an authorization server.
///
/// It keeps nothing between requests: many threads may share one. What remembers is the replay store, which the
/// [`Judged`] request meets last.
#[derive(Debug)]
pub struct Verifier {
    algorithms: Algorithms,
    profile: Profile,
    resource_nonces: Option<Nonces>,
    grant_nonces: Option<Nonces>,
    bearer: bool,
    resource_metadata: Option<ResourceMetadata>,
}

impl Verifier {
    /// A verifier that requires no nonces and accepts no token that is bound to nobody.
    pub const fn new(algorithms: Algorithms, profile: Profile) -> Self {
        Self {
            algorithms,
            profile,
            resource_nonces: None,
            grant_nonces: None,
            bearer: false,
            resource_metadata: None,
        }
    }

    /// Requires one of these nonces in every proof that comes to their role (RFC 9449, 8, 9 and 11.3).
    #[must_use]
    pub fn require_nonces(mut self, nonces: Nonces) -> Self {
        let role = nonces.settings().role();
        *self.nonces_of(role) = Some(nonces);
        self
    }

    fn nonces_of(&mut self, role: Role) -> &mut Option<Nonces> {
        match role {
            Role::ResourceServer => &mut self.resource_nonces,
            Role::AuthorizationServer => &mut self.grant_nonces,
        }
    }

    /// Also accepts tokens that are bound to nobody, as `Bearer` (RFC 6750). Bound tokens are refused there as before
    /// (RFC 9449, 7.2).
    #[must_use]
    pub fn allow_bearer(self) -> Self {
        Self {
            bearer: true,
            ..self
        }
    }

    /// Names the protected resource metadata in every challenge (RFC 9728, 5.1), as MCP demands.
    ///
    /// # Errors
    /// [`SettingsError::Parameter`] when `uri` does not fit into a quoted-string.
    pub fn resource_metadata(self, uri: &str) -> Result<Self, SettingsError> {
        Ok(Self {
            resource_metadata: Some(ResourceMetadata::new(uri)?),
            ..self
        })
    }

    /// The nonces that `role` requires, to rotate their secret.
    pub fn nonces_mut(&mut self, role: Role) -> Option<&mut Nonces> {
        self.nonces_of(role).as_mut()
    }

    /// A nonce for the `DPoP-Nonce` field of a response, if `role` requires nonces. `entropy` are random bytes.
    pub fn issue_nonce(
        &self,
        role: Role,
        entropy: [u8; 16],
        jkt: Option<&Thumbprint>,
        now: Now,
    ) -> Option<Nonce> {
        self.nonces(role)?.issue(entropy, jkt, now)
    }

    const fn nonces(&self, role: Role) -> Option<&Nonces> {
        match role {
            Role::ResourceServer => self.resource_nonces.as_ref(),
            Role::AuthorizationServer => self.grant_nonces.as_ref(),
        }
    }

    pub(super) const fn algorithms(&self) -> &Algorithms {
        &self.algorithms
    }

    pub(super) const fn bearer_allowed(&self) -> bool {
        self.bearer
    }

    pub(super) fn resource_metadata_uri(&self) -> Option<&str> {
        self.resource_metadata
            .as_ref()
            .map(ResourceMetadata::as_str)
    }

    /// Judges a request to a resource server. Its token, if there is one, is valid and says `confirmation`; `leaf` is the
    /// certificate of the TLS peer, as DER.
    pub fn judge(
        &self,
        presented: &Presented<'_>,
        confirmation: &Confirmation,
        leaf: Option<&[u8]>,
        now: Now,
    ) -> Judged {
        let mut jkt = None;
        let outcome = presented
            .credentials
            .and_then(|credentials| match credentials.scheme {
                Scheme::DPoP => {
                    let target = Target::Resource {
                        token: credentials.token,
                        confirmation,
                        leaf,
                    };
                    self.judge_proof(&presented.request, &target, now, &mut jkt)
                }
                Scheme::Bearer => self.judge_bearer(confirmation, leaf),
            });
        Judged::new(outcome, Role::ResourceServer, jkt, now)
    }

    /// Judges a token request or a pushed authorization request (RFC 9449, 5 and 10). `bound_to` is the key that the
    /// grant is bound to: `dpop_jkt`, or the key of a public client's refresh token.
    pub fn judge_grant(
        &self,
        request: &Request<'_>,
        bound_to: Option<&Thumbprint>,
        now: Now,
    ) -> Judged {
        let mut jkt = None;
        let outcome = self.judge_proof(request, &Target::Grant { bound_to }, now, &mut jkt);
        Judged::new(outcome, Role::AuthorizationServer, jkt, now)
    }

    fn judge_bearer(
        &self,
        confirmation: &Confirmation,
        leaf: Option<&[u8]>,
    ) -> Result<Pending, Refusal> {
        confirmation.judge_known()?;
        if confirmation.jkt().is_some() {
            return Err(Refusal::BoundTokenAsBearer);
        }
        if confirmation.x5t_s256().is_none() && !self.bearer {
            return Err(Refusal::BearerNotAllowed);
        }
        confirmation.judge_certificate(leaf)?;
        Ok(Pending::without_proof(confirmation))
    }

    /// All but the replay store. `jkt` is told as soon as it is known, for the event.
    fn judge_proof(
        &self,
        request: &Request<'_>,
        target: &Target<'_>,
        now: Now,
        jkt: &mut Option<Thumbprint>,
    ) -> Result<Pending, Refusal> {
        let mut scratch = [0; MAX_PROOF / 4 * 3];
        let unverified = Unverified::new(request.proof()?)?;
        let header = unverified.header(&mut scratch)?;
        let backend = self
            .algorithms
            .get(header.algorithm)
            .ok_or(Refusal::AlgorithmNotAllowed)?;
        let signature = unverified.signature(header.algorithm, &mut scratch)?;
        let thumbprint = header.key.thumbprint();
        *jkt = Some(thumbprint);

        let claims = unverified.claims(&mut scratch)?;
        if claims.htm != *request.method {
            return Err(Refusal::Method);
        }
        self.judge_target_uri(&claims, &request.uri)?;
        self.judge_lifetime(&claims, now)?;
        let nonces = self.nonces(target.role());
        let window = self.judge_window(&claims, now);
        if !nonces.is_some_and(|nonces| nonces.settings().is_time()) {
            window?;
        }
        target.judge(&claims, &thumbprint)?;
        signature
            .verify(backend, &header.key, unverified.signed)
            .map_err(|_| Refusal::Signature)?;
        judge_expected_nonce(&claims, request.nonce)?;
        let nonce = nonces
            .map(|nonces| judge_nonce(nonces, &claims, &thumbprint, now))
            .transpose()?;
        Ok(self.pending(&claims, &thumbprint, target, nonce, now))
    }

    fn judge_target_uri(&self, claims: &Claims<'_>, wire: &TargetUri<'_>) -> Result<(), Refusal> {
        let mut unescaped = [0; MAX_HTU];
        let text = claims
            .htu
            .as_str()
            .or_else(|| claims.htu.decode_into(&mut unescaped))
            .ok_or(Refusal::MalformedMember(Member::Htu))?;
        let htu = TargetUri::parse(text).map_err(Refusal::MalformedTargetUri)?;
        if htu.has_query_or_fragment() && !self.profile.query_allowed() {
            return Err(Refusal::TargetUriQuery);
        }
        if htu == *wire {
            Ok(())
        } else {
            Err(Refusal::TargetUri)
        }
    }

    /// `exp` and `nbf`, which RFC 9449 does not ask for, but JWT does (RFC 7519, 4.1.4 and 4.1.5).
    fn judge_lifetime(&self, claims: &Claims<'_>, now: Now) -> Result<(), Refusal> {
        let now = now.unix.as_secs();
        let skew = self.profile.skew().as_secs();
        if claims
            .exp
            .is_some_and(|exp| exp.saturating_add(skew) <= now)
        {
            return Err(Refusal::Expired);
        }
        if claims.nbf.is_some_and(|nbf| nbf > now.saturating_add(skew)) {
            return Err(Refusal::NotYetValid);
        }
        Ok(())
    }

    fn judge_window(&self, claims: &Claims<'_>, now: Now) -> Result<(), Refusal> {
        let now = now.unix.as_secs();
        let (max_age, skew) = (self.profile.max_age(), self.profile.skew());
        let (age, ahead) = (
            now.saturating_sub(claims.iat),
            claims.iat.saturating_sub(now),
        );
        if age > max_age.as_secs() {
            return Err(Refusal::TooOld {
                age: Duration::from_secs(age),
                limit: max_age,
            });
        }
        if ahead > skew.as_secs() {
            return Err(Refusal::TooNew {
                ahead: Duration::from_secs(ahead),
                limit: skew,
            });
        }
        Ok(())
    }
}

impl Verifier {
    /// What the replay store is asked, and what is accepted when it answers well.
    fn pending(
        &self,
        claims: &Claims<'_>,
        jkt: &Thumbprint,
        target: &Target<'_>,
        nonce: Option<NonceState>,
        now: Now,
    ) -> Pending {
        let skew = self.profile.skew().as_secs();
        let (mut acceptable, mut earliest) = (
            claims.iat.saturating_add(self.profile.max_age().as_secs()),
            claims.iat.saturating_sub(skew),
        );
        if let (Some(nonces), Some(state)) = (self.nonces(target.role()), nonce) {
            let settings = nonces.settings();
            // A nonce may have been used before its issue, by a clock that was behind.
            let issued = state.issued.saturating_sub(settings.ahead_by().as_secs());
            if settings.is_time() {
                acceptable = state.issued.saturating_add(settings.longest().as_secs());
                earliest = issued;
            } else {
                earliest = earliest.max(issued);
            }
        }
        let expires = acceptable.saturating_add(skew).saturating_add(1);
        let mut unescaped = [0; MAX_JTI];
        // The claims were refused if it did not fit.
        let jti = claims.jti.decode_into(&mut unescaped).unwrap_or_default();
        let facts = ProofFacts {
            jkt: *jkt,
            iat: claims.iat,
            age: signed_difference(now.unix.as_secs(), claims.iat),
            nonce: match nonce {
                None => NonceUse::NotRequired,
                Some(NonceState { renew: false, .. }) => NonceUse::Valid,
                Some(NonceState { renew: true, .. }) => NonceUse::Renew,
            },
        };
        Pending::with_proof(
            facts,
            target.certificate_bound(),
            Question::new(jkt, jti, expires, earliest),
        )
    }

    /// How long a replay store has to be able to remember a proof that it is asked about now.
    pub fn replay_lifetime(&self) -> Duration {
        let by_iat = self.profile.replay_lifetime();
        // The nonce of a server whose clock is ahead is issued in the future.
        let by_nonce = |nonces: &Nonces| {
            let settings = nonces.settings();
            settings.ahead_by() + settings.longest() + self.profile.skew() + Duration::from_secs(1)
        };
        [&self.resource_nonces, &self.grant_nonces]
            .into_iter()
            .flatten()
            .filter(|nonces| nonces.settings().is_time())
            .map(by_nonce)
            .fold(by_iat, Duration::max)
    }
}

/// Room for an `htu` that is written with escapes.
const MAX_HTU: usize = 1024;

/// What the proof has to be for.
enum Target<'a> {
    Resource {
        token: &'a str,
        confirmation: &'a Confirmation,
        leaf: Option<&'a [u8]>,
    },
    Grant {
        bound_to: Option<&'a Thumbprint>,
    },
}

impl Target<'_> {
    const fn role(&self) -> Role {
        match self {
            Self::Resource { .. } => Role::ResourceServer,
            Self::Grant { .. } => Role::AuthorizationServer,
        }
    }

    fn judge(&self, claims: &Claims<'_>, jkt: &Thumbprint) -> Result<(), Refusal> {
        match self {
            Self::Resource {
                token,
                confirmation,
                leaf,
            } => {
                let claimed = claims.ath.ok_or(Refusal::MissingMember(Member::Ath))?;
                let expected: [u8; 32] = Sha256::digest(token).into();
                if !bool::from(claimed.ct_eq(&expected)) {
                    return Err(Refusal::TokenHash);
                }
                confirmation.judge_known()?;
                let bound_to = confirmation.jkt().ok_or(Refusal::UnboundToken)?;
                if bound_to != jkt {
                    return Err(Refusal::KeyMismatch);
                }
                confirmation.judge_certificate(*leaf)
            }
            Self::Grant { bound_to } => {
                if claims.ath.is_some() {
                    return Err(Refusal::TokenHashWithoutToken);
                }
                if bound_to.is_some_and(|bound_to| bound_to != jkt) {
                    return Err(Refusal::GrantKeyMismatch);
                }
                Ok(())
            }
        }
    }

    fn certificate_bound(&self) -> bool {
        match self {
            Self::Resource { confirmation, .. } => confirmation.x5t_s256().is_some(),
            Self::Grant { .. } => false,
        }
    }
}

fn judge_nonce(
    nonces: &Nonces,
    claims: &Claims<'_>,
    jkt: &Thumbprint,
    now: Now,
) -> Result<NonceState, Refusal> {
    let claimed = claims.nonce.ok_or(Refusal::NonceRequired)?;
    let mut unescaped = [0; nonce::DIGITS];
    // Longer than any of ours: made elsewhere.
    let text = claimed
        .decode_into(&mut unescaped)
        .ok_or(Refusal::NonceUnknown)?;
    Ok(nonces.check(text, jkt, now)?)
}

fn judge_expected_nonce(claims: &Claims<'_>, expected: Option<&str>) -> Result<(), Refusal> {
    let Some(expected) = expected else {
        return Ok(());
    };
    let claimed = claims.nonce.ok_or(Refusal::NonceRequired)?;
    let mut unescaped = [0; MAX_NONCE];
    let claimed = claimed
        .decode_into(&mut unescaped)
        .ok_or(Refusal::NonceUnknown)?;
    if claimed.as_bytes().ct_eq(expected.as_bytes()).into() {
        Ok(())
    } else {
        Err(Refusal::NonceUnknown)
    }
}

/// Reads the key of a proof without verifying anything. Whoever sent it need not hold the key.
///
/// # Errors
/// The first rule of RFC 9449, 4.2 that the header breaks.
pub fn claimed_key(proof: &[u8]) -> Result<PublicKey, Refusal> {
    let mut scratch = [0; MAX_PROOF / 4 * 3];
    Ok(Unverified::new(proof)?.header(&mut scratch)?.key)
}

fn signed_difference(later: u64, earlier: u64) -> i64 {
    let distance = |a: u64, b: u64| i64::try_from(a.saturating_sub(b)).unwrap_or(i64::MAX);
    distance(later, earlier) - distance(earlier, later)
}

#[cfg(test)]
#[cfg(feature = "p256")]
mod tests;
