//! Which denials are held against whoever asked.

use ravelin_core::limit::penalty::Offence;
use ravelin_core::path::Denial;

/// The offence that a denial is, for the penalty box ([`ravelin_core::limit::penalty`]); `None` for what happens to
/// honest clients too, such as an absolute path, a link, or a file that is too large.
///
/// ```
/// use ravelin_runtime::core::limit::penalty::Offence;
/// use ravelin_runtime::core::path::Denial;
/// use ravelin_runtime::files::offence;
///
/// assert_eq!(offence(Denial::ParentDirectory), Some(Offence::Traversal));
/// assert_eq!(offence(Denial::NotFound), Some(Offence::NotFound), "which has no points");
/// assert_eq!(offence(Denial::Link), None);
/// ```
#[allow(
    clippy::wildcard_enum_match_arm,
    reason = "a new denial is an offence only if somebody says so"
)]
pub const fn offence(denial: Denial) -> Option<Offence> {
    Some(match denial {
        Denial::ParentDirectory
        | Denial::OutsideRoots
        | Denial::Verbatim
        | Denial::Unc
        | Denial::Nul
        | Denial::LookAlike
        | Denial::UriSeparator
        | Denial::Forbidden => Offence::Traversal,
        Denial::LinkLeaves | Denial::ForbiddenFile => Offence::LinkEscape,
        Denial::Device | Denial::DeviceFile | Denial::Stream => Offence::DeviceName,
        Denial::NotFound => Offence::NotFound,
        _ => return None,
    })
}
