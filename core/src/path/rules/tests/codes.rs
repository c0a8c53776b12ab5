//! The codes of what is judged on text alone.

use super::*;

#[test]
fn each_rule_has_its_own_code_and_a_remedy() {
    let limit = 7;
    let denials = [
        Denial::Empty,
        Denial::TooLong { limit },
        Denial::Nul,
        Denial::NotUtf8,
        Denial::Percent,
        Denial::Verbatim,
        Denial::Unc,
        Denial::DriveRelative,
        Denial::Drive,
        Denial::Rooted,
        Denial::Absolute,
        Denial::Relative,
        Denial::OutsideRoots,
        Denial::EmptyComponent,
        Denial::CurrentDirectory,
        Denial::ParentDirectory,
        Denial::NameTooLong,
        Denial::Backslash,
        Denial::Control,
        Denial::Stream,
        Denial::Reserved,
        Denial::TrailingDotOrSpace,
        Denial::Device,
        Denial::ShortName,
        Denial::Bidirectional,
        Denial::Invisible,
        Denial::LookAlike,
        Denial::TooDeep { limit },
        Denial::Root,
        Denial::NamesDirectory,
        Denial::ReadOnly,
        Denial::Forbidden,
        Denial::Extension,
        Denial::ExtensionNotAllowed,
        Denial::UriScheme,
        Denial::UriAuthority,
        Denial::UriQuery,
        Denial::UriCharacter,
        Denial::UriSeparator,
    ];
    for (number, denial) in (1..).zip(denials) {
        assert_eq!(denial.code(), format!("E-PTH-{number:02}"));
        let text = format!("{denial}");
        assert_eq!(text.matches("; ").count(), 1, "{text}");
        assert!(!text.contains("  ") && !text.ends_with('.'), "{text}");
    }
    assert!(format!("{}", Denial::TooDeep { limit }).contains('7'));
    assert!(format!("{}", Denial::TooLong { limit }).contains('7'));
}
