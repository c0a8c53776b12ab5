//! A certificate authority whose output is the same on every run: keys derived from seeds, ECDSA on P-256 as in
//! RFC 6979, serial numbers derived from what they number, validity in unix seconds.
//!
//! ```
//! use ravelin_tests::ca::{Ca, Leaf};
//!
//! let ca = Ca::new("Test Root", 1);
//! let server = ca.intermediate("Test Issuing", 2).issue(Leaf::server("localhost").ip([127, 0, 0, 1]));
//! assert_eq!(server.chain.len(), 2); // leaf and intermediate; the root is the peer's to know
//! ```

mod key;
#[cfg(test)]
mod tests;

use std::net::IpAddr;
use std::time::Duration;

use p256::pkcs8::EncodePrivateKey;
use p256::pkcs8::der::pem::{LineEnding, encode_string};
use rcgen::string::TeletexString;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, DnValue, ExtendedKeyUsagePurpose,
    IsCa, Issuer, KeyIdMethod, KeyUsagePurpose, PublicKeyData, SanType,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivateSec1KeyDer};
use sha2::{Digest, Sha256};

use key::{Key, Splicing, hash, placeholder, splice};

/// The simulated present, in unix seconds: 2026-01-01T00:00:00Z.
pub const NOW: u64 = 1_767_225_600;

/// Where the validity of every certificate begins unless a test says otherwise: 2020-01-01T00:00:00Z.
pub const NOT_BEFORE: u64 = 1_577_836_800;

/// Where the validity of every certificate ends unless a test says otherwise: 2050-01-01T00:00:00Z.
pub const NOT_AFTER: u64 = 2_524_608_000;

/// A root or an intermediate, with its key.
#[derive(Clone)]
pub struct Ca {
    name: String,
    key: Key,
    /// From this CA's own certificate up to the root, which is left out. Empty for a root.
    chain: Vec<CertificateDer<'static>>,
    root: CertificateDer<'static>,
}

impl Ca {
    /// A self-signed root. Its key follows from `name` and `seed`.
    pub fn new(name: &str, seed: u64) -> Self {
        let key = Key::derive(&[b"ca", name.as_bytes(), &seed.to_be_bytes()]);
        let root = issue(&authority(name), &key, name, &key, None);
        Self {
            name: name.into(),
            key,
            chain: Vec::new(),
            root,
        }
    }

    /// A CA below this one: the leaves that it issues bring its certificate along.
    pub fn intermediate(&self, name: &str, seed: u64) -> Self {
        let child = Self::new(name, seed);
        let mut chain = vec![self.cross_sign(&child)];
        chain.extend_from_slice(&self.chain);
        Self {
            chain,
            root: self.root.clone(),
            ..child
        }
    }

    /// A certificate from this CA for the name and key of `other`, which goes on as it was.
    pub fn cross_sign(&self, other: &Self) -> CertificateDer<'static> {
        issue(
            &authority(&other.name),
            &other.key,
            &self.name,
            &self.key,
            None,
        )
    }

    /// A certificate for `leaf`, with the intermediates that lead to the root.
    ///
    /// Its key follows from the issuer's key and the role, name and seed of `leaf`; its serial number from both keys
    /// and the validity. Two leaves that differ in nothing of that need another [`Leaf::seed`].
    pub fn issue(&self, leaf: Leaf) -> Issued {
        let key = leaf.key.unwrap_or_else(|| {
            let (name, seed) = (leaf.name.as_bytes(), leaf.seed.to_be_bytes());
            Key::derive(&[leaf.role.as_bytes(), &self.key.id(), name, &seed])
        });
        let mut chain = vec![issue(
            &leaf.params,
            &key,
            &self.name,
            &self.key,
            leaf.subject_bytes.as_deref(),
        )];
        chain.extend_from_slice(&self.chain);
        Issued { chain, key }
    }

    /// The CA's own certificate: for a root the root itself.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        self.chain.first().unwrap_or(&self.root)
    }

    /// The certificate of the root at the end of the chain.
    pub fn root(&self) -> CertificateDer<'static> {
        self.root.clone()
    }

    /// [`Ca::root`] as PEM.
    pub fn root_pem(&self) -> String {
        pem("CERTIFICATE", &self.root)
    }

    /// The SubjectPublicKeyInfo of the CA's key, as DER.
    pub fn spki(&self) -> Vec<u8> {
        self.key.subject_public_key_info()
    }

    /// SHA-256 of [`Ca::spki`], the value of a pin on this CA.
    pub fn spki_sha256(&self) -> [u8; 32] {
        Sha256::digest(self.spki()).into()
    }
}

/// What an end-entity certificate shall say.
#[derive(Clone)]
pub struct Leaf {
    role: &'static str,
    name: String,
    params: CertificateParams,
    seed: u64,
    key: Option<Key>,
    subject_bytes: Option<Vec<u8>>,
}

impl Leaf {
    /// For a server (EKU serverAuth), with `host` as common name and as its first SAN: an address where it reads as
    /// one, else a DNS name.
    pub fn server(host: &str) -> Self {
        let leaf = Self::new("server", host, ExtendedKeyUsagePurpose::ServerAuth);
        match host.parse::<IpAddr>() {
            Ok(address) => leaf.ip(address),
            Err(_) => leaf.dns(host),
        }
    }

    /// For a client (EKU clientAuth), with `name` as common name and no SAN.
    pub fn client(name: &str) -> Self {
        Self::new("client", name, ExtendedKeyUsagePurpose::ClientAuth)
    }

    /// Adds a DNS name to the SANs.
    pub fn dns(self, name: &str) -> Self {
        self.san(SanType::DnsName(
            name.try_into().expect("a DNS name is ASCII"),
        ))
    }

    /// Adds an IP address to the SANs.
    pub fn ip(self, address: impl Into<IpAddr>) -> Self {
        self.san(SanType::IpAddress(address.into()))
    }

    /// Adds a URI to the SANs, such as a SPIFFE ID.
    pub fn uri(self, uri: &str) -> Self {
        self.san(SanType::URI(uri.try_into().expect("a URI is ASCII")))
    }

    /// Sets the validity, in unix seconds; both ends belong to it.
    pub fn valid(mut self, from: u64, to: u64) -> Self {
        set_validity(&mut self.params, from, to);
        self
    }

    /// Asks for another key and serial number than the same leaf with another seed has. The default is 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Certifies the key of `issued` instead of a derived one: a renewal.
    pub fn key_of(mut self, issued: &Issued) -> Self {
        self.key = Some(issued.key.clone());
        self
    }

    /// Puts `bytes`, any but none, verbatim into the subject: as an organizational unit of type TeletexString. The
    /// other string types of a name are text in a fixed encoding; most keys would not fit into them.
    pub fn subject_bytes(mut self, bytes: &[u8]) -> Self {
        let unit = TeletexString::try_from(placeholder(bytes.len()))
            .expect("the placeholder is visible ASCII");
        let subject = &mut self.params.distinguished_name;
        subject.push(DnType::OrganizationalUnitName, DnValue::TeletexString(unit));
        self.subject_bytes = Some(bytes.into());
        self
    }

    /// Adds an extension that is not critical; `content` is DER.
    pub fn extension(mut self, oid: &[u64], content: Vec<u8>) -> Self {
        let extension = CustomExtension::from_oid_content(oid, content);
        self.params.custom_extensions.push(extension);
        self
    }

    fn new(role: &'static str, name: &str, purpose: ExtendedKeyUsagePurpose) -> Self {
        let mut params = named(name);
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![purpose];
        Self {
            role,
            name: name.into(),
            params,
            seed: 0,
            key: None,
            subject_bytes: None,
        }
    }

    fn san(mut self, name: SanType) -> Self {
        self.params.subject_alt_names.push(name);
        self
    }
}

/// An end-entity certificate with its chain and its key.
#[derive(Clone)]
pub struct Issued {
    /// What the holder presents: the leaf first, then each issuer, without the root.
    pub chain: Vec<CertificateDer<'static>>,
    key: Key,
}

impl Issued {
    /// Presents `certificate` too, at the end of the chain, whether or not anything there was issued by it.
    pub fn presenting(mut self, certificate: &CertificateDer<'static>) -> Self {
        self.chain.push(certificate.clone());
        self
    }

    /// The private key as PKCS#8.
    pub fn key(&self) -> PrivateKeyDer<'static> {
        let der = self
            .key
            .secret()
            .to_pkcs8_der()
            .expect("a P-256 key has a PKCS#8 form");
        PrivateKeyDer::Pkcs8(der.as_bytes().to_vec().into())
    }

    /// The private key as SEC1.
    pub fn key_sec1(&self) -> PrivateKeyDer<'static> {
        let der = self
            .key
            .secret()
            .to_sec1_der()
            .expect("a P-256 key has a SEC1 form");
        PrivateKeyDer::Sec1(PrivateSec1KeyDer::from(der.to_vec()))
    }

    /// [`Issued::chain`] as PEM, in its order.
    pub fn chain_pem(&self) -> String {
        self.chain
            .iter()
            .map(|certificate| pem("CERTIFICATE", certificate))
            .collect()
    }

    /// [`Issued::key`] as PEM.
    pub fn key_pem(&self) -> String {
        pem("PRIVATE KEY", self.key().secret_der())
    }

    /// [`Issued::key_sec1`] as PEM.
    pub fn key_sec1_pem(&self) -> String {
        pem("EC PRIVATE KEY", self.key_sec1().secret_der())
    }

    /// The leaf's SubjectPublicKeyInfo, as DER.
    pub fn spki(&self) -> Vec<u8> {
        self.key.subject_public_key_info()
    }

    /// SHA-256 of [`Issued::spki`], the value of a pin on this key.
    pub fn spki_sha256(&self) -> [u8; 32] {
        Sha256::digest(self.spki()).into()
    }

    /// SHA-256 of the leaf certificate, its fingerprint.
    pub fn leaf_sha256(&self) -> [u8; 32] {
        Sha256::digest(&self.chain[0]).into()
    }
}

/// The one place that builds a certificate: `params` for `key`, from the issuer with that name and key.
///
/// rcgen puts only text into a name, so the signer replaces the placeholder by `subject_bytes` (of the same length)
/// before it signs, and the finished certificate gets the same replacement.
fn issue(
    params: &CertificateParams,
    key: &Key,
    issuer_name: &str,
    issuer_key: &Key,
    subject_bytes: Option<&[u8]>,
) -> CertificateDer<'static> {
    let mut params = params.clone();
    let validity =
        [params.not_before, params.not_after].map(|time| time.unix_timestamp().to_be_bytes());
    let mut serial = hash(&[&issuer_key.id(), &key.id(), &validity[0], &validity[1]]);
    serial[0] = serial[0] & 0x3f | 0x40; // positive, and always of the same length
    params.serial_number = Some(serial[..16].to_vec().into());
    params.key_identifier_method = KeyIdMethod::PreSpecified(key.id().into());
    params.use_authority_key_identifier_extension = true;

    let mut issuer = named(issuer_name);
    issuer.key_identifier_method = KeyIdMethod::PreSpecified(issuer_key.id().into());
    let signer = Splicing {
        key: issuer_key,
        subject_bytes,
    };
    let certificate = params
        .signed_by(key, &Issuer::from_params(&issuer, &signer))
        .expect("the parameters are complete");
    CertificateDer::from(splice(certificate.der(), subject_bytes))
}

fn authority(name: &str) -> CertificateParams {
    let mut params = named(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    // digitalSignature: a CA may sign its own OCSP responses.
    params.key_usages = vec![
        KeyUsagePurpose::DigitalSignature,
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::CrlSign,
    ];
    params
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    set_validity(&mut params, NOT_BEFORE, NOT_AFTER);
    params
}

fn set_validity(params: &mut CertificateParams, from: u64, to: u64) {
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    params.not_before = epoch + Duration::from_secs(from);
    params.not_after = epoch + Duration::from_secs(to);
}

fn pem(label: &str, der: &[u8]) -> String {
    encode_string(label, LineEnding::LF, der).expect("a DER value has a PEM form")
}
