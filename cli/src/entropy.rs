//! Random bytes, from the crypto provider.

use ravelin_core::provider;

use crate::failure::{Exit, Failure};

pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], Failure> {
    let mut bytes = [0; N];
    provider::aws_lc_rs()
        .secure_random
        .fill(&mut bytes)
        .map_err(|_| {
            Failure::new(
                Exit::Io,
                "E-CLI-12",
                "the operating system gives no random bytes",
                "check that its random device can be used",
            )
        })?;
    Ok(bytes)
}
