//! Cases in the making: what is usual is filled in, and each case says only what is its own.

use serde_json::{Value, json};

use super::forge::{Forge, Key, NOW, RESOURCE, TOKEN, TOKEN_ENDPOINT};
use super::format::{
    Case, Expect, Field, NonceState, Nonces, Profile, Replay, Role, Rotation, Step,
};

/// A case and the numbers of the checklist that it serves.
#[derive(Clone)]
pub(super) struct Draft {
    case: Case,
    serves: Vec<u8>,
}

/// A proof on its way, and the key that it is by.
pub(super) struct Sent {
    field: Field,
    jkt: String,
}

/// A request with `proof` to the resource server, which accepts it.
pub(super) fn accepted(name: &str, clause: &str, shows: &str, proof: impl Into<Sent>) -> Draft {
    Draft::new(Role::Resource, [name, clause, shows]).then_accepted(proof)
}

/// A request with `proof` to the resource server, which refuses it with `code`.
pub(super) fn refused(
    name: &str,
    clause: &str,
    shows: &str,
    code: &str,
    proof: impl Into<Sent>,
) -> Draft {
    Draft::new(Role::Resource, [name, clause, shows]).then_refused(code, proof)
}

/// A request with `proof` to the authorization server, which accepts it.
pub(super) fn granted(name: &str, clause: &str, shows: &str, proof: impl Into<Sent>) -> Draft {
    Draft::new(Role::Authorization, [name, clause, shows]).then_accepted(proof)
}

/// A request with `proof` to the authorization server, which refuses it with `code`.
pub(super) fn denied(
    name: &str,
    clause: &str,
    shows: &str,
    code: &str,
    proof: impl Into<Sent>,
) -> Draft {
    Draft::new(Role::Authorization, [name, clause, shows]).then_refused(code, proof)
}

impl Draft {
    fn new(role: Role, [name, clause, shows]: [&str; 3]) -> Self {
        Self {
            case: Case {
                name: name.to_owned(),
                clause: clause.to_owned(),
                shows: shows.to_owned(),
                role,
                profile: Profile::Fapi2,
                algorithms: None,
                bearer: false,
                nonces: None,
                replay: None,
                steps: Vec::new(),
            },
            serves: Vec::new(),
        }
    }

    /// Another request, which is accepted.
    pub(super) fn then_accepted(self, proof: impl Into<Sent>) -> Self {
        let sent = proof.into();
        let expect = Expect::Accepted {
            jkt: Some(sent.jkt.clone()),
            nonce: NonceState::Absent,
        };
        self.then(sent, expect)
    }

    /// Another request, which is refused.
    pub(super) fn then_refused(self, code: &str, proof: impl Into<Sent>) -> Self {
        let (status, error) = answer(code, self.case.role);
        let expect = Expect::Refused {
            code: code.to_owned(),
            status,
            error: error.map(str::to_owned),
        };
        self.then(proof.into(), expect)
    }

    fn then(mut self, sent: Sent, expect: Expect) -> Self {
        let is_resource = self.case.role == Role::Resource;
        let uri = if is_resource {
            RESOURCE
        } else {
            TOKEN_ENDPOINT
        };
        self.case.steps.push(Step {
            now: NOW,
            restart: false,
            rotate: None,
            method: "POST".to_owned(),
            uri: uri.to_owned(),
            authorization: is_resource
                .then(|| format!("DPoP {TOKEN}").into())
                .into_iter()
                .collect(),
            dpop: vec![sent.field],
            confirmation: is_resource.then(|| json!({"jkt": sent.jkt})),
            peer_certificate: None,
            grant_key: None,
            provided_nonce: None,
            expect,
        });
        self
    }

    fn step(mut self, change: impl FnOnce(&mut Step)) -> Self {
        change(
            self.case
                .steps
                .last_mut()
                .expect("a case begins with a step"),
        );
        self
    }

    /// The time of the last request.
    pub(super) fn at(self, now: u64) -> Self {
        self.step(|step| step.now = now)
    }

    pub(super) fn method(self, method: &str) -> Self {
        self.step(|step| method.clone_into(&mut step.method))
    }

    pub(super) fn uri(self, uri: &str) -> Self {
        self.step(|step| uri.clone_into(&mut step.uri))
    }

    /// The `DPoP` fields of the last request.
    pub(super) fn dpop<const N: usize>(self, fields: [impl Into<Sent>; N]) -> Self {
        let fields = fields.map(|field| field.into().field).to_vec();
        self.step(|step| step.dpop = fields)
    }

    /// No proof is needed for the last request, and none is told.
    pub(super) fn without_proof(self) -> Self {
        self.step(|step| {
            step.dpop.clear();
            if let Expect::Accepted { jkt, .. } = &mut step.expect {
                *jkt = None;
            }
        })
    }

    /// The `Authorization` fields of the last request.
    pub(super) fn authorization<const N: usize>(self, fields: [impl Into<Field>; N]) -> Self {
        let fields = fields.map(Into::into).to_vec();
        self.step(|step| step.authorization = fields)
    }

    /// The last request comes with this token, as `DPoP`.
    pub(super) fn token(self, token: &str) -> Self {
        self.authorization([format!("DPoP {token}")])
    }

    /// What the token of the last request is bound to.
    pub(super) fn confirmation(self, confirmation: Value) -> Self {
        self.step(|step| step.confirmation = Some(confirmation))
    }

    /// The token of the last request is bound to this key.
    pub(super) fn bound_to(self, key: &Key) -> Self {
        self.confirmation(json!({"jkt": key.jkt()}))
    }

    /// The token of the last request is bound to nothing.
    pub(super) fn unbound(self) -> Self {
        self.step(|step| step.confirmation = None)
    }

    /// The client certificate of the last request.
    pub(super) fn peer(self, certificate: &str) -> Self {
        self.step(|step| step.peer_certificate = Some(certificate.to_owned()))
    }

    /// The grant of the last request is bound to this key.
    pub(super) fn grant_key(self, jkt: &str) -> Self {
        self.step(|step| step.grant_key = Some(jkt.to_owned()))
    }

    /// The server remembers that it gave this nonce to the client of the last request.
    pub(super) fn provided(self, nonce: &str) -> Self {
        self.step(|step| step.provided_nonce = Some(nonce.to_owned()))
    }

    /// The server forgets all proofs before the last request.
    pub(super) fn restarted(self) -> Self {
        self.step(|step| step.restart = true)
    }

    /// The secret of nonces changes before the last request.
    pub(super) fn rotated(self, rotation: Rotation) -> Self {
        self.step(|step| step.rotate = Some(rotation))
    }

    /// The nonce of the last request is told to be this.
    pub(super) fn nonce(self, state: NonceState) -> Self {
        self.step(|step| {
            if let Expect::Accepted { nonce, .. } = &mut step.expect {
                *nonce = state;
            }
        })
    }

    pub(super) fn strict(mut self) -> Self {
        self.case.profile = Profile::Strict;
        self
    }

    pub(super) fn mcp(mut self) -> Self {
        self.case.profile = Profile::Mcp;
        self
    }

    /// Only this algorithm is allowed.
    pub(super) fn only(mut self, algorithm: &str) -> Self {
        self.case.algorithms = Some(vec![algorithm.to_owned()]);
        self
    }

    /// Tokens that are bound to nobody are accepted as `Bearer`.
    pub(super) fn allowing_bearer(mut self) -> Self {
        self.case.bearer = true;
        self
    }

    pub(super) fn nonces(mut self, nonces: Nonces) -> Self {
        self.case.nonces = Some(nonces);
        self
    }

    pub(super) fn replay(mut self, replay: Replay) -> Self {
        self.case.replay = Some(replay);
        self
    }

    /// The numbers of the checklist.
    pub(super) fn serves(mut self, numbers: &[u8]) -> Self {
        self.serves.extend_from_slice(numbers);
        self
    }

    #[cfg(test)]
    pub(super) fn numbers(&self) -> &[u8] {
        &self.serves
    }

    pub(super) fn finish(self) -> Case {
        self.case
    }
}

/// Status and `error` for each rule (RFC 9449, 5, 7.1, 8 and 9; RFC 6750, 3.1; RFC 6749, 5.2).
fn answer(code: &str, role: Role) -> (u16, Option<&'static str>) {
    let status = match role {
        Role::Resource => 401,
        Role::Authorization => 400,
    };
    match code {
        "E-DPO-01" => (401, None),
        "E-DPO-02" | "E-DPO-03" => (400, Some("invalid_request")),
        "E-DPO-27" | "E-DPO-28" | "E-DPO-29" | "E-DPO-30" | "E-DPO-31" | "E-DPO-43" => {
            (status, Some("invalid_token"))
        }
        "E-DPO-32" => (status, Some("invalid_grant")),
        "E-DPO-33" | "E-DPO-34" | "E-DPO-35" => (status, Some("use_dpop_nonce")),
        "E-DPO-37" => (429, None),
        "E-DPO-38" | "E-DPO-39" | "E-DPO-40" => (503, None),
        _ => (status, Some("invalid_dpop_proof")),
    }
}

impl From<Forge> for Sent {
    fn from(forge: Forge) -> Self {
        Self {
            field: forge.build().into(),
            jkt: forge.key().jkt(),
        }
    }
}

impl From<String> for Sent {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

/// A text that is taken for a proof of the client.
impl From<&str> for Sent {
    fn from(text: &str) -> Self {
        text.as_bytes().to_vec().into()
    }
}

impl From<Vec<u8>> for Sent {
    fn from(bytes: Vec<u8>) -> Self {
        Self {
            field: bytes.into(),
            jkt: Key::client().jkt(),
        }
    }
}

impl Sent {
    /// Says whose key a text is by.
    pub(super) fn by(self, key: &Key) -> Self {
        self.under(&key.jkt())
    }

    /// Says the thumbprint of the key that a text is by.
    pub(super) fn under(self, jkt: &str) -> Self {
        Self {
            jkt: jkt.to_owned(),
            ..self
        }
    }
}

impl From<&str> for Field {
    fn from(text: &str) -> Self {
        text.as_bytes().to_vec().into()
    }
}

impl From<String> for Field {
    fn from(text: String) -> Self {
        text.into_bytes().into()
    }
}

impl From<Vec<u8>> for Field {
    fn from(bytes: Vec<u8>) -> Self {
        let is_printable = bytes.iter().all(|byte| matches!(byte, b' '..=b'~'));
        match String::from_utf8(bytes) {
            Ok(text) if is_printable => Self::Text(text),
            Ok(text) => Self::Hex {
                hex: super::forge::to_hex(text.as_bytes()),
            },
            Err(error) => Self::Hex {
                hex: super::forge::to_hex(error.as_bytes()),
            },
        }
    }
}
