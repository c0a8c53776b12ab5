//! Certificate verification: webpki's verified path, and the pins on it.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::Cell;
use core::fmt;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, TrustAnchor, UnixTime};
use webpki::{EndEntityCert, KeyUsage, VerifiedPath};

use super::encode;
use super::slot::Slot;
use crate::config::Epoch;
use crate::error::{CertificateError, PeerError};
use crate::trust::pin::{Enforcement, Pin, PinSet, PinVerdict, rewrap_spki};

/// What a peer's certificate is judged by. Immutable; its epoch names it.
pub(crate) struct Policy {
    pub(crate) anchors: Vec<TrustAnchor<'static>>,
    pub(crate) pins: Option<PinSet>,
    /// The most bytes that a chain may have.
    pub(crate) chain_limit: usize,
    pub(crate) algorithms: WebPkiSupportedAlgorithms,
    pub(crate) epoch: Epoch,
}

/// Who the certificate must be for.
#[derive(Clone, Copy)]
pub(crate) enum Role<'a> {
    Server(&'a ServerName<'a>),
    Client,
}

impl Policy {
    /// Judges a chain at the time `now`: a path to an anchor, on it a pin, the purpose, the name.
    ///
    /// Pins are judged on the path that webpki verified, never on what else the peer sent along; a path without a pin
    /// makes webpki try the next one. Returns what the pins said, if there are any.
    pub(crate) fn judge(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        role: Role<'_>,
        now: UnixTime,
    ) -> Result<Option<PinVerdict>, PeerError> {
        self.check_size(leaf, intermediates)?;
        let certificate = EndEntityCert::try_from(leaf).map_err(refusal)?;
        let usage = match role {
            Role::Server(_) => KeyUsage::server_auth(),
            Role::Client => KeyUsage::client_auth(),
        };
        let verdict = Cell::new(None);
        let on_pins = |path: &VerifiedPath<'_>| match self.judge_pins(leaf, path) {
            None => Ok(()),
            Some(judged) => {
                verdict.set(Some(judged));
                match judged {
                    PinVerdict::Matched { .. } => Ok(()),
                    PinVerdict::Unmatched { .. } => Err(webpki::Error::UnknownIssuer),
                }
            }
        };
        let path = certificate.verify_for_usage(
            self.algorithms.all,
            &self.anchors,
            intermediates,
            now,
            usage,
            None,
            Some(&on_pins),
        );
        if let Err(error) = path {
            match (verdict.get(), &self.pins) {
                // A path was verified, and no such path has a pin: a report says so and lets it pass.
                (Some(PinVerdict::Unmatched { .. }), Some(pins))
                    if pins.enforcement() == Enforcement::ReportOnly => {}
                (
                    Some(PinVerdict::Unmatched {
                        presented,
                        certificate_hash_given,
                    }),
                    _,
                ) => {
                    let presented = Some(Pin::spki(presented));
                    return Err(if certificate_hash_given {
                        PeerError::PinIsCertificateHash { presented }
                    } else {
                        PeerError::PinMismatch { presented }
                    });
                }
                _ => return Err(refusal(error)),
            }
        }

        if let Role::Server(name) = role {
            certificate
                .verify_is_valid_for_subject_name(name)
                .map_err(refusal)?;
        }
        Ok(verdict.get())
    }

    fn check_size(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
    ) -> Result<(), PeerError> {
        let size = intermediates
            .iter()
            .fold(leaf.len(), |sum, der| sum.saturating_add(der.len()));
        if size > self.chain_limit {
            let limit = u32::try_from(self.chain_limit).unwrap_or(u32::MAX);
            return Err(PeerError::Certificate(CertificateError::ChainTooLarge {
                limit,
            }));
        }
        Ok(())
    }

    fn judge_pins(&self, leaf: &CertificateDer<'_>, path: &VerifiedPath<'_>) -> Option<PinVerdict> {
        let pins = self.pins.as_ref()?;
        let leaf_spki = path.end_entity().subject_public_key_info();
        let intermediates: Vec<_> = path
            .intermediate_certificates()
            .map(webpki::Cert::subject_public_key_info)
            .collect();
        let anchor = rewrap_spki(&path.anchor().subject_public_key_info);
        let issuers = intermediates
            .iter()
            .map(AsRef::as_ref)
            .chain(core::iter::once(anchor.as_slice()));
        Some(pins.judge(leaf, &leaf_spki, issuers))
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("epoch", &self.epoch)
            .finish_non_exhaustive()
    }
}

/// Judges servers for clients. One for all connections of a configuration: the engine resumes a session only under the
/// verifier that it began with.
#[derive(Debug)]
pub(crate) struct ServerVerifier(pub(crate) Arc<Policy>);

impl ServerCertVerifier for ServerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.0
            .judge(end_entity, intermediates, Role::Server(server_name), now)
            .map_err(encode)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.algorithms.supported_schemes()
    }
}

/// Looks at the server of one connection, and refuses it whoever it is.
#[derive(Debug)]
pub(crate) struct Probe {
    pub(crate) policy: Arc<Policy>,
    pub(crate) slot: Arc<Slot>,
}

impl ServerCertVerifier for Probe {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.policy
            .check_size(end_entity, intermediates)
            .map_err(encode)?;
        let chain = core::iter::once(end_entity).chain(intermediates);
        self.slot
            .set_chain(chain.map(|der| der.clone().into_owned()).collect());
        Err(encode(PeerError::Certificate(CertificateError::NotJudged)))
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(encode(PeerError::Certificate(CertificateError::NotJudged)))
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(encode(PeerError::Certificate(CertificateError::NotJudged)))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.policy.algorithms.supported_schemes()
    }
}

/// Judges the client of one connection.
#[derive(Debug)]
pub(crate) struct ClientVerifier {
    pub(crate) policy: Arc<Policy>,
    pub(crate) mandatory: bool,
    /// The subjects of the anchors, sent to help a client choose its certificate.
    pub(crate) hints: Arc<[DistinguishedName]>,
    pub(crate) slot: Arc<Slot>,
}

impl ClientCertVerifier for ClientVerifier {
    fn client_auth_mandatory(&self) -> bool {
        self.mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        self.policy
            .judge(end_entity, intermediates, Role::Client, now)
            .map_err(encode)?;
        self.slot
            .expire_with(core::iter::once(end_entity).chain(intermediates));
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.policy.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.policy.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.policy.algorithms.supported_schemes()
    }
}

fn refusal(error: webpki::Error) -> PeerError {
    use webpki::Error as E;
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "the verifier's errors are many and non-exhaustive"
    )]
    PeerError::Certificate(match error {
        E::UnknownIssuer | E::CertDistrusted => CertificateError::UnknownIssuer,
        E::CertExpired { .. } | E::InvalidCertValidity => CertificateError::Expired,
        E::CertNotValidYet { .. } => CertificateError::NotYetValid,
        E::CertNotValidForName(_) | E::NameConstraintViolation => CertificateError::WrongName,
        E::InvalidSignatureForPublicKey
        | E::UnsupportedSignatureAlgorithmContext(_)
        | E::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => CertificateError::BadSignature,
        E::RequiredEkuNotFoundContext(_) | E::EndEntityUsedAsCa | E::CaUsedAsEndEntity => {
            CertificateError::WrongPurpose
        }
        _ => CertificateError::Malformed,
    })
}
