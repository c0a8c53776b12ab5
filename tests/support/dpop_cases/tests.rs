//! The committed files are what is made here, and they cover what they have to.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::LazyLock;

use super::checklist::CHECKLIST;
use super::format::{Case, Expect, Field, File, Role, Step};
use super::{drafts, files, path, text};

/// Made once for all tests.
static FILES: LazyLock<Vec<File>> = LazyLock::new(files);

fn cases() -> Vec<Case> {
    FILES.iter().flat_map(|file| file.cases.clone()).collect()
}

#[test]
fn the_committed_files_are_what_is_written() {
    for file in &*FILES {
        let path = path(&file.subject);
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == text(file),
            "{}.json is not what is made here: run `cargo run -p ravelin-tests --example dpop_cases`",
            file.subject
        );
        let read: File = serde_json::from_str(&committed).expect("the format");
        assert_eq!(read, *file);
    }
}

#[test]
fn no_file_is_left_over() {
    let folder = path("x");
    let folder = folder.parent().expect("a folder");
    let subjects: BTreeSet<String> = FILES
        .iter()
        .map(|file| format!("{}.json", file.subject))
        .collect();
    let there: BTreeSet<String> = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| {
            entry
                .expect("readable")
                .file_name()
                .into_string()
                .expect("UTF-8")
        })
        .filter(|name| name.ends_with(".json"))
        .collect();
    assert_eq!(there, subjects);
}

#[test]
fn at_least_300_cases_with_names_of_their_own() {
    let cases = cases();
    assert!(cases.len() >= 300, "{} cases", cases.len());
    let names: BTreeSet<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    assert_eq!(
        names.len(),
        cases.len(),
        "a name twice: {:?}",
        twice(&cases)
    );
    for case in &cases {
        let is_kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(case.name.chars().all(is_kebab), "{}", case.name);
        assert!(case.shows.ends_with('.'), "{}: {}", case.name, case.shows);
        assert!(
            case.clause.contains(char::is_numeric),
            "{}: {}",
            case.name,
            case.clause
        );
    }
}

fn twice(cases: &[Case]) -> Vec<&str> {
    let mut seen = BTreeSet::new();
    let names = cases.iter().map(|case| case.name.as_str());
    names.filter(|name| !seen.insert(*name)).collect()
}

/// A case that differs from another in its words only serves nothing.
#[test]
fn no_two_cases_are_the_same() {
    let mut seen = BTreeMap::new();
    for case in cases() {
        let nameless = Case {
            name: String::new(),
            clause: String::new(),
            shows: String::new(),
            ..case.clone()
        };
        let same = seen.insert(text_of(&nameless), case.name.clone());
        assert_eq!(same, None, "the same as {}", case.name);
    }
}

fn text_of(case: &Case) -> String {
    serde_json::to_string(case).expect("JSON")
}

#[test]
fn about_a_fifth_of_the_cases_accepts() {
    let cases = cases();
    let accepting = cases.iter().filter(|case| {
        let accepts = |step: &Step| matches!(step.expect, Expect::Accepted { .. });
        case.steps.iter().all(accepts)
    });
    let accepting = accepting.count();
    assert!(accepting >= 70, "{accepting} of {}", cases.len());
}

#[test]
fn every_number_of_the_checklist_is_served_or_explained() {
    let served: BTreeSet<u8> = drafts()
        .iter()
        .flat_map(|(_, drafts)| drafts)
        .flat_map(|draft| draft.numbers().to_vec())
        .collect();
    for (number, item) in (1_u8..).zip(&CHECKLIST) {
        let is_served = served.contains(&number);
        assert_ne!(
            is_served,
            item.elsewhere.is_some(),
            "{number}. {} has to have a case or a reason, not both",
            item.what
        );
    }
    assert!(
        served.iter().all(|number| (1..=77).contains(number)),
        "{served:?}"
    );
}

#[test]
fn every_code_occurs_but_that_of_a_store_that_fails() {
    let codes: BTreeSet<String> = cases()
        .into_iter()
        .flat_map(|case| case.steps)
        .filter_map(|step| match step.expect {
            Expect::Refused { code, .. } => Some(code),
            Expect::Accepted { .. } => None,
        })
        .collect();
    let expected: BTreeSet<String> = (1..=43)
        .filter(|number| *number != 39)
        .map(|number| format!("E-DPO-{number:02}"))
        .collect();
    assert_eq!(codes, expected);
}

#[test]
fn only_sizes_are_over_the_limit() {
    for case in cases() {
        for step in &case.steps {
            let is_size =
                matches!(&step.expect, Expect::Refused { code, .. } if code == "E-DPO-06");
            let longest = step.dpop.iter().map(|field| field.bytes().len()).max();
            assert_eq!(
                longest > Some(2048),
                is_size,
                "{}: {longest:?} bytes",
                case.name
            );
        }
    }
}

#[test]
fn fields_are_text_where_they_can_be() {
    for case in cases() {
        for field in case
            .steps
            .iter()
            .flat_map(|step| step.dpop.iter().chain(&step.authorization))
        {
            match field {
                Field::Text(text) => {
                    assert!(
                        text.bytes().all(|b| matches!(b, b' '..=b'~')),
                        "{}",
                        case.name
                    );
                }
                Field::Hex { .. } => {
                    let printable = field.bytes().iter().all(|b| matches!(b, b' '..=b'~'));
                    assert!(!printable, "{}", case.name);
                }
            }
        }
    }
}

#[test]
fn each_role_has_its_own_inputs() {
    for case in cases() {
        for step in &case.steps {
            match case.role {
                Role::Resource => assert_eq!(step.grant_key, None, "{}", case.name),
                Role::Authorization => {
                    let nothing = step.confirmation.is_none() && step.peer_certificate.is_none();
                    assert!(nothing, "{}", case.name);
                }
            }
        }
    }
}
