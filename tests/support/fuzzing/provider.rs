//! The providers of a run: those of [`light`], with random bytes that begin anew with every run and leak nothing.
//!
//! A fuzzer that sees more allocated than freed looks for leaks, which takes longer than the run; and rustls wants what
//! a provider is made of for `'static`. So there is one of each, and the position in its stream belongs to the thread.

use std::cell::Cell;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use rustls::crypto::{
    ActiveKeyExchange, CryptoProvider, GetRandomFailed, KeyProvider, SecureRandom, SharedSecret,
    SupportedKxGroup,
};
use rustls::ffdhe_groups::FfdheGroup;
use rustls::sign::SigningKey;
use rustls::{Error, NamedGroup};
use rustls_pki_types::PrivateKeyDer;
use sha2::{Digest, Sha256};

use crate::light::light;
use crate::pair::Side;

/// Begins the streams of both sides anew.
pub(super) fn restart() {
    FILLS.with(|fills| fills.iter().for_each(|fills| fills.set(0)));
}

/// The provider of `side`, with its groups in the order of preference.
pub(super) fn provider(side: Side, groups: &[NamedGroup]) -> CryptoProvider {
    CryptoProvider {
        kx_groups: groups.iter().map(|name| group(side, *name)).collect(),
        secure_random: stream(side),
        key_provider: &LoadedKeys,
        ..LIGHT.clone()
    }
}

static LIGHT: LazyLock<CryptoProvider> = LazyLock::new(|| light(0));

thread_local! {
    /// How often the stream of each side was drawn from.
    static FILLS: [Cell<u64>; 2] = const { [Cell::new(0), Cell::new(0)] };
}

#[derive(Debug)]
struct Stream(Side);

fn stream(side: Side) -> &'static Stream {
    static STREAMS: [Stream; 2] = [Stream(Side::Client), Stream(Side::Server)];
    &STREAMS[side as usize]
}

impl SecureRandom for Stream {
    fn fill(&self, buf: &mut [u8]) -> Result<(), GetRandomFailed> {
        let fill = FILLS.with(|fills| {
            let fills = &fills[self.0 as usize];
            fills.replace(fills.get() + 1)
        });
        for (block, chunk) in (0u64..).zip(buf.chunks_mut(32)) {
            let digest = Sha256::new()
                .chain_update([self.0 as u8])
                .chain_update(fill.to_be_bytes())
                .chain_update(block.to_be_bytes())
                .finalize();
            chunk.copy_from_slice(&digest[..chunk.len()]);
        }
        Ok(())
    }
}

/// Poses as the group that it names: both sides send 32 random bytes, and the secret is a hash of all 64.
#[derive(Debug)]
struct HashGroup(Side, NamedGroup);

fn group(side: Side, name: NamedGroup) -> &'static dyn SupportedKxGroup {
    static GROUPS: [HashGroup; 4] = [
        HashGroup(Side::Client, NamedGroup::X25519),
        HashGroup(Side::Client, NamedGroup::secp256r1),
        HashGroup(Side::Server, NamedGroup::X25519),
        HashGroup(Side::Server, NamedGroup::secp256r1),
    ];
    GROUPS
        .iter()
        .find(|group| (group.0, group.1) == (side, name))
        .expect("a group of this list")
}

impl SupportedKxGroup for HashGroup {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let mut public = [0; 32];
        stream(self.0).fill(&mut public)?;
        Ok(Box::new(HashExchange(public, self.1)))
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn name(&self) -> NamedGroup {
        self.1
    }
}

struct HashExchange([u8; 32], NamedGroup);

impl ActiveKeyExchange for HashExchange {
    fn complete(self: Box<Self>, peer: &[u8]) -> Result<SharedSecret, Error> {
        let mut both = [&self.0[..], peer];
        both.sort_unstable();
        Ok(SharedSecret::from(&Sha256::digest(both.concat())[..]))
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn pub_key(&self) -> &[u8] {
        &self.0
    }

    fn group(&self) -> NamedGroup {
        self.1
    }
}

/// The keys of the light provider, each loaded once: to load one costs more than a handshake.
#[derive(Debug)]
struct LoadedKeys;

type Loaded = (PrivateKeyDer<'static>, Arc<dyn SigningKey>);

impl KeyProvider for LoadedKeys {
    fn load_private_key(&self, key: PrivateKeyDer<'static>) -> Result<Arc<dyn SigningKey>, Error> {
        static LOADED: Mutex<Vec<Loaded>> = Mutex::new(Vec::new());

        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, signing)) = loaded.iter().find(|(known, _)| *known == key) {
            return Ok(Arc::clone(signing));
        }
        let signing = LIGHT.key_provider.load_private_key(key.clone_key())?;
        loaded.push((key, Arc::clone(&signing)));
        Ok(signing)
    }
}
