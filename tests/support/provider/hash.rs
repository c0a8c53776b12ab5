//! SHA-256 and SHA-384, plain and keyed.

use std::marker::PhantomData;

use hmac::{KeyInit, Mac};
use rustls::crypto::{hash, hmac as tls};
use sha2::{Digest, Sha256, Sha384};

pub(super) static SHA256: Sha<Sha256> = Sha(hash::HashAlgorithm::SHA256, PhantomData);
pub(super) static SHA384: Sha<Sha384> = Sha(hash::HashAlgorithm::SHA384, PhantomData);
pub(super) static HMAC_SHA256: Hmac<hmac::Hmac<Sha256>> = Hmac(PhantomData);
pub(super) static HMAC_SHA384: Hmac<hmac::Hmac<Sha384>> = Hmac(PhantomData);

pub(super) struct Sha<D>(hash::HashAlgorithm, PhantomData<D>);

impl<D: Digest + Clone + Send + Sync + 'static> hash::Hash for Sha<D> {
    fn start(&self) -> Box<dyn hash::Context> {
        Box::new(Transcript(D::new()))
    }

    fn hash(&self, data: &[u8]) -> hash::Output {
        hash::Output::new(&D::digest(data))
    }

    fn output_len(&self) -> usize {
        <D as Digest>::output_size()
    }

    fn algorithm(&self) -> hash::HashAlgorithm {
        self.0
    }
}

struct Transcript<D>(D);

impl<D: Digest + Clone + Send + Sync + 'static> hash::Context for Transcript<D> {
    fn fork_finish(&self) -> hash::Output {
        hash::Output::new(&self.0.clone().finalize())
    }

    fn fork(&self) -> Box<dyn hash::Context> {
        Box::new(Self(self.0.clone()))
    }

    fn finish(self: Box<Self>) -> hash::Output {
        hash::Output::new(&self.0.finalize())
    }

    fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }
}

pub(super) struct Hmac<M>(PhantomData<M>);

impl<M: Mac + KeyInit + Clone + Send + Sync + 'static> tls::Hmac for Hmac<M> {
    fn with_key(&self, key: &[u8]) -> Box<dyn tls::Key> {
        Box::new(Keyed(
            <M as KeyInit>::new_from_slice(key).expect("HMAC takes a key of any length"),
        ))
    }

    fn hash_output_len(&self) -> usize {
        M::output_size()
    }
}

struct Keyed<M>(M);

impl<M: Mac + Clone + Send + Sync + 'static> tls::Key for Keyed<M> {
    fn sign_concat(&self, first: &[u8], middle: &[&[u8]], last: &[u8]) -> tls::Tag {
        let mut mac = self.0.clone();
        mac.update(first);
        for part in middle {
            mac.update(part);
        }
        mac.update(last);
        tls::Tag::new(&mac.finalize().into_bytes())
    }

    fn tag_len(&self) -> usize {
        M::output_size()
    }
}
