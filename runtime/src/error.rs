//! Errors of the core as [`io::Error`], and back.

use std::error::Error as StdError;
use std::io::{self, ErrorKind};

use ravelin_core::driver::DriverError;
use ravelin_core::{Error, LocalError, PeerError};

#[cfg(feature = "net")]
use crate::connect::ConnectError;
use crate::pem::FileError;

/// The core's error in `error`, when TLS is why it happened.
///
/// The kind of such an `io::Error` follows from it:
///
/// | error | [`ErrorKind`] |
/// |---|---|
/// | the transport ended without close_notify | `UnexpectedEof` |
/// | a deadline passed | `TimedOut` |
/// | the peer refused us with an alert | `ConnectionAborted` |
/// | we refused the peer's certificate or key | `PermissionDenied` |
/// | the peer broke the protocol, or nothing in common | `InvalidData` |
/// | writing after closing | `BrokenPipe` |
pub fn tls_error(error: &io::Error) -> Option<Error> {
    inner::<Error>(error).copied()
}

/// The stable code of `error`, when it is one of ours: `E-CRT-04`, `E-NET-03`, `E-FIL-02`.
pub fn code(error: &io::Error) -> Option<&'static str> {
    let tls = || inner::<Error>(error).map(Error::code);
    let file = || inner::<FileError>(error).map(FileError::code);
    #[cfg(feature = "net")]
    let connect = || inner::<ConnectError>(error).map(ConnectError::code);
    #[cfg(not(feature = "net"))]
    let connect = || None;
    tls().or_else(file).or_else(connect)
}

pub(crate) fn from_driver(error: DriverError<io::Error>) -> io::Error {
    match error {
        DriverError::Connection(error) => from_core(error),
        DriverError::Transport(error) => error,
        DriverError::WriteZero => io::Error::new(ErrorKind::WriteZero, error),
    }
}

pub(crate) fn from_core(error: Error) -> io::Error {
    io::Error::new(kind(&error), error)
}

fn inner<E: StdError + 'static>(error: &io::Error) -> Option<&E> {
    error.get_ref()?.downcast_ref()
}

fn kind(error: &Error) -> ErrorKind {
    match error {
        Error::Timeout(_) => ErrorKind::TimedOut,
        Error::Local(LocalError::Closed) => ErrorKind::BrokenPipe,
        Error::Local(LocalError::NotEstablished) => ErrorKind::NotConnected,
        Error::Local(LocalError::NoKeyUpdate) => ErrorKind::Unsupported,
        Error::Peer(PeerError::Truncated) => ErrorKind::UnexpectedEof,
        Error::Peer(PeerError::Alert(_)) => ErrorKind::ConnectionAborted,
        Error::Peer(
            PeerError::Certificate(_)
            | PeerError::PinMismatch { .. }
            | PeerError::PinIsCertificateHash { .. },
        ) => ErrorKind::PermissionDenied,
        Error::Peer(_) => ErrorKind::InvalidData,
        Error::Local(_) | _ => ErrorKind::Other,
    }
}
