//! docs/codes.md and the source name the same codes.

use std::collections::BTreeSet;

use super::{assert_none, files};

#[test]
fn every_code_is_documented_and_every_documented_code_exists() {
    let files = files().unwrap();
    let page = files
        .iter()
        .find(|file| file.path == "docs/codes.md")
        .expect("docs/codes.md");
    let documented = codes(&page.text, '`');
    let used: BTreeSet<String> = files
        .iter()
        .filter(|file| file.path.contains("/src/") && file.path.ends_with(".rs"))
        .flat_map(|file| codes(&file.text, '"'))
        .collect();
    let undocumented = used
        .difference(&documented)
        .map(|code| format!("{code} is not in docs/codes.md"));
    let unused = documented
        .difference(&used)
        .map(|code| format!("{code} is not in the source"));
    assert_none(&undocumented.chain(unused).collect::<Vec<_>>());
}

#[test]
fn codes_are_found_between_quotes() {
    let text = r#"Self::A => "E-TLS-01", "E-tls-02" "E-TLS-3" E-TLS-04 `E-TLS-05`"#;
    assert_eq!(codes(text, '"'), BTreeSet::from(["E-TLS-01".to_owned()]));
    assert_eq!(codes(text, '`'), BTreeSet::from(["E-TLS-05".to_owned()]));
}

/// What stands between two quotes and reads `E-`, capitals, `-`, two digits.
fn codes(text: &str, quote: char) -> BTreeSet<String> {
    text.lines()
        .flat_map(|line| line.split(quote))
        .filter(|word| is_code(word))
        .map(str::to_owned)
        .collect()
}

fn is_code(word: &str) -> bool {
    let Some((area, number)) = word
        .strip_prefix("E-")
        .and_then(|rest| rest.split_once('-'))
    else {
        return false;
    };
    !area.is_empty()
        && area.chars().all(|c| c.is_ascii_uppercase())
        && number.len() == 2
        && number.chars().all(|c| c.is_ascii_digit())
}
