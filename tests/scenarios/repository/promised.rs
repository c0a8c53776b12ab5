//! `docs/promised.md`: every promise has a status, and every test that a status names exists.

use std::fs;

use super::{SourceFile, assert_none, files, root};

/// Rows of `docs/promised.md` for each of the two documents. A row changes its status; it does not disappear.
const PROMISES: [(char, usize); 2] = [('1', 120), ('2', 77)];

#[test]
fn every_promise_has_a_status_and_every_named_test_exists() {
    let tests = tests(&files().unwrap());
    let text = fs::read_to_string(root().join("docs/promised.md")).unwrap();
    let rows = promises(&text);
    let mut faults = promise_faults(&rows, &tests);
    for (document, least) in PROMISES {
        let found = rows
            .iter()
            .filter(|row| row.document() == Some(document))
            .count();
        if found < least {
            faults.push(format!(
                "document {document} has {found} rows of at least {least}"
            ));
        }
    }
    assert!(!rows.is_empty(), "docs/promised.md has no rows");
    assert_none(&faults);
}

#[test]
fn the_promise_check_can_fail() {
    let source = |text: &str| SourceFile {
        path: "core/src/pin.rs".to_owned(),
        text: text.to_owned(),
    };
    let tests = tests(&[source(
        "fn helper() {}\nmod tests {\n    #[test]\n    fn parses() {}\n\n    #[test]\n    #[ignore = \"slow\"]\n    \
         fn sleeps() {}\n}\nmod more {\n    /// Doc.\n    #[tokio::test(\n        flavor = \"multi_thread\"\n    )]\n    \
         async fn waits() {}\n    // #[test]\n    // fn gone() {}\n}\n",
    )]);
    let verdict = |status: &str| {
        let table = format!(
            "| # | promise | where | status |\n|---|---|---|---|\n| 1 | p | 1, a | {status} |\n"
        );
        promise_faults(&promises(&table), &tests)
    };
    for good in [
        "open",
        "done, test `tests::parses`",
        "done, test `ravelin_core::pin::tests::parses`, `more::waits`",
        "promised wrongly, because it cannot be",
        "promised wrongly, because it cannot be; instead, test `pin::more::waits`",
    ] {
        assert_eq!(verdict(good), Vec::<String>::new(), "{good}");
    }
    for bad in [
        "",
        "done",
        "finished",
        "open (soon)",
        "done, test parses",
        "done, test `parses`",
        "done, test `tests::unknown`",
        "done, test `tests::sleeps`",
        "done, test `pin::helper`",
        "done, test `pin::gone`",
        "done, test `core::other::parses`",
        "promised wrongly, because ",
        "promised wrongly, because it cannot be; instead, test `tests::unknown`",
    ] {
        assert_eq!(verdict(bad).len(), 1, "{bad}");
    }
    assert!(promises("no table").is_empty());
    assert_eq!(
        promise_faults(&promises("| 1 | too | few |\n"), &tests).len(),
        1
    );
    let twice = "| 1 | p | 1, a | open |\n| 1 | q | 1, a | open |\n";
    assert_eq!(promise_faults(&promises(twice), &tests).len(), 1);
}

struct Row<'a> {
    cells: Vec<&'a str>,
}

impl Row<'_> {
    /// The document that the row quotes, from a third cell like `1, Quick Start`.
    fn document(&self) -> Option<char> {
        self.cells.get(2)?.chars().next()
    }
}

fn promises(text: &str) -> Vec<Row<'_>> {
    text.lines()
        .filter_map(|line| line.trim().strip_prefix('|')?.strip_suffix('|'))
        .map(|line| Row {
            cells: line.split('|').map(str::trim).collect(),
        })
        .filter(|row| row.cells.first() != Some(&"#"))
        .filter(|row| {
            !row.cells
                .iter()
                .all(|cell| cell.chars().all(|c| matches!(c, '-' | ':')) && !cell.is_empty())
        })
        .collect()
}

fn promise_faults(rows: &[Row<'_>], tests: &[TestFunction]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut seen = Vec::new();
    for row in rows {
        let [number, promise, place, status] = row.cells[..] else {
            faults.push(format!(
                "a row has {} cells instead of 4: {}",
                row.cells.len(),
                row.cells.join(" | ")
            ));
            continue;
        };
        let numbered = !number.is_empty() && !seen.contains(&number);
        seen.push(number);
        if !numbered
            || promise.is_empty()
            || !PROMISES
                .iter()
                .any(|(document, _)| place.starts_with(*document))
        {
            faults.push(format!("row {number}: needs a number of its own, a promise, and a place like `1, Quick Start`"));
        } else if let Some(fault) = status_fault(status, tests) {
            faults.push(format!("row {number} ({promise}): {fault}"));
        }
    }
    faults
}

fn status_fault(status: &str, tests: &[TestFunction]) -> Option<String> {
    if status == "open" {
        return None;
    }
    if let Some(names) = status.strip_prefix("done, test ") {
        return names_fault(names, tests);
    }
    match status
        .strip_prefix("promised wrongly, because ")
        .map(|reason| reason.split_once("; instead, test "))
    {
        Some(None) => None,
        Some(Some((_, names))) => names_fault(names, tests),
        None => Some(format!("unknown status: {status}")),
    }
}

fn names_fault(names: &str, tests: &[TestFunction]) -> Option<String> {
    names.split(", ").find_map(|quoted| {
        let Some(name) = quoted
            .strip_prefix('`')
            .and_then(|name| name.strip_suffix('`'))
        else {
            return Some(format!("a test name stands in backticks: {quoted}"));
        };
        let asked: Vec<&str> = name.split("::").collect();
        if asked.len() < 2 {
            return Some(format!("`{name}` names no module"));
        }
        let found: Vec<&TestFunction> =
            tests.iter().filter(|test| test.ends_with(&asked)).collect();
        match found[..] {
            [] => Some(format!("no test is called `{name}`")),
            [test] if test.ignored => Some(format!("`{name}` is ignored")),
            [_] => None,
            _ => Some(format!(
                "`{name}` is the name of {} tests: say more of its path",
                found.len()
            )),
        }
    })
}

/// A function with a `#[test]` attribute (or `#[runtime::test]`), and the path that leads to it.
struct TestFunction {
    path: Vec<String>,
    ignored: bool,
}

impl TestFunction {
    fn ends_with(&self, asked: &[&str]) -> bool {
        let skipped = self.path.len().saturating_sub(asked.len());
        self.path.len() >= asked.len() && self.path.iter().skip(skipped).eq(asked.iter())
    }
}

fn tests(files: &[SourceFile]) -> Vec<TestFunction> {
    files
        .iter()
        .filter(|file| file.path.ends_with(".rs"))
        .flat_map(tests_of)
        .collect()
}

/// Finds the tests of one formatted file: modules close with a brace at the column of their `mod`.
fn tests_of(file: &SourceFile) -> Vec<TestFunction> {
    let base = file.module_path();
    let mut found = Vec::new();
    let mut modules: Vec<(usize, &str)> = Vec::new();
    let (mut test, mut ignored, mut in_attribute) = (false, false, false);
    for line in file.text.lines() {
        let code = line.trim();
        let column = line.len() - line.trim_start().len();
        if in_attribute {
            in_attribute = !code.ends_with(']');
        } else if let Some(attribute) = code.strip_prefix("#[") {
            let name = attribute
                .split(['(', ']', ' ', '='])
                .next()
                .unwrap_or_default();
            test |= name == "test" || name.ends_with("::test");
            ignored |= name == "ignore";
            in_attribute = !code.ends_with(']');
        } else if !code.starts_with("//") {
            if let Some(name) = item(code, "fn ").filter(|_| test) {
                let inline = modules.iter().map(|(_, module)| (*module).to_owned());
                let path = base
                    .iter()
                    .cloned()
                    .chain(inline)
                    .chain([name.to_owned()])
                    .collect();
                found.push(TestFunction { path, ignored });
            } else if let Some(name) = item(code, "mod ").filter(|_| code.ends_with('{')) {
                modules.push((column, name));
            } else if code == "}" && modules.last().is_some_and(|(opened, _)| *opened == column) {
                modules.pop();
            }
            (test, ignored) = (false, false);
        }
    }
    found
}

/// The name of the item that a line declares with this keyword.
fn item<'a>(code: &'a str, keyword: &str) -> Option<&'a str> {
    let mut rest = code;
    for qualifier in ["pub ", "pub(crate) ", "pub(super) ", "async "] {
        rest = rest.strip_prefix(qualifier).unwrap_or(rest);
    }
    rest.strip_prefix(keyword)?
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .next()
}
