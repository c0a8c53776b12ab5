//! Who the peer is, and why that is believed.
//!
//! Pure functions over DER: the chain itself is verified elsewhere, and what is here is asked
//! about the path that was verified.

pub mod certificate;
pub mod pin;
pub mod san;
