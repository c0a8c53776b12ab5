//! Rules of the repository that no compiler checks, read off the files themselves.
//!
//! Only `std` and nothing of this crate is used here, so that `.ci/run rules` can compile this file alone
//! and answer within seconds; `cargo test` runs it again with everything else.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

#[path = "repository/codes.rs"]
mod codes;
#[path = "repository/promised.rs"]
mod promised;

/// Lines that a file of source or prose may have.
const LINES: usize = 600;

/// The published crates, and which crates of ours each may depend on.
const IMPORTS: [(&str, &[&str]); 6] = [
    ("core", &[]),
    ("runtime", &["ravelin-core"]),
    ("runtime-tokio", &["ravelin-core", "ravelin-runtime"]),
    ("runtime-smol", &["ravelin-core", "ravelin-runtime"]),
    ("runtime-async-std", &["ravelin-core", "ravelin-runtime"]),
    (
        "cli",
        &[
            "ravelin-core",
            "ravelin-runtime",
            "ravelin-tokio",
            "ravelin-smol",
        ],
    ),
];

#[test]
fn files_stay_within_600_lines() {
    let long: Vec<String> = files()
        .unwrap()
        .iter()
        .filter(|file| file.is_written_by_hand())
        .map(|file| (file.text.lines().count(), &file.path))
        .filter(|(lines, _)| *lines > LINES)
        .map(|(lines, path)| {
            format!("{path} has {lines} lines, more than {LINES}: divide it by subject")
        })
        .collect();
    assert_none(&long);
}

#[test]
fn rustls_is_named_only_in_the_tls_folder() {
    let mut strays = Vec::new();
    for file in files().unwrap() {
        let published = IMPORTS
            .iter()
            .any(|(folder, _)| file.path.starts_with(&format!("{folder}/src/")));
        let seam = file.path.starts_with("core/src/tls/");
        if !published || !file.path.ends_with(".rs") || seam {
            continue;
        }
        // A test module may ask another implementation for its opinion.
        let code = file.text.split("\n#[cfg(test)]\nmod tests {").next();
        for (number, line) in code.unwrap_or_default().lines().enumerate() {
            if names_rustls(line) {
                strays.push(format!("{}:{}: {}", file.path, number + 1, line.trim()));
            }
        }
    }
    assert_none(&strays);
}

#[test]
fn crates_depend_only_on_what_lies_below_them() {
    let mut faults = Vec::new();
    for (folder, allowed) in IMPORTS {
        let manifest = fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
        for name in dependencies(&manifest) {
            let ours = name.starts_with("ravelin-") && !allowed.contains(&name.as_str());
            let engine = ["rustls", "rustls-webpki"].contains(&name.as_str()) && folder != "core";
            if ours || engine {
                faults.push(format!(
                    "{folder}/Cargo.toml depends on {name}: see CONTRIBUTING.md, layout"
                ));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn every_member_takes_the_workspace_lints() {
    let mut faults = Vec::new();
    for folder in IMPORTS.iter().map(|(folder, _)| *folder).chain(["tests"]) {
        let manifest = fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
        if !manifest.contains("[lints]\nworkspace = true") {
            faults.push(format!(
                "{folder}/Cargo.toml does not say [lints] workspace = true"
            ));
        }
    }
    assert_none(&faults);
}

#[test]
fn no_file_names_a_path_of_this_machine() {
    let paths = machine_paths();
    let mut faults = Vec::new();
    for file in files().unwrap() {
        for (number, line) in file.text.lines().enumerate() {
            if let Some(path) = paths.iter().find(|path| names_path(line, path)) {
                faults.push(format!(
                    "{}:{}: names {path}, which exists only here",
                    file.path,
                    number + 1
                ));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn relative_links_lead_somewhere() {
    let mut faults = Vec::new();
    for file in files()
        .unwrap()
        .iter()
        .filter(|file| file.path.ends_with(".md"))
    {
        let folder = root()
            .join(&file.path)
            .parent()
            .map(Path::to_path_buf)
            .unwrap();
        for target in relative_links(&file.text) {
            if !folder.join(&target).exists() {
                faults.push(format!("{}: no file at {target}", file.path));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn supply_chain_rules_are_in_force() {
    let read = |path: &str| fs::read_to_string(root().join(path)).unwrap();
    let lacks = |path: &str, line: &str| !read(path).lines().any(|there| there.trim() == line);
    let demands = [
        ("deny.toml", "multiple-versions = \"deny\""),
        ("deny.toml", "wildcards = \"deny\""),
        ("deny.toml", "unmaintained = \"all\""),
        ("deny.toml", "yanked = \"deny\""),
        ("deny.toml", "unknown-registry = \"deny\""),
        ("deny.toml", "unknown-git = \"deny\""),
        ("deny-strict.toml", "ignore = []"),
        (
            ".ci/run",
            "run cargo deny --offline check bans licenses sources",
        ),
        (".ci/run", "run cargo deny --offline check advisories"),
        (
            ".ci/run",
            "run cargo deny --offline --config deny-strict.toml check advisories bans",
        ),
    ];
    let missing = demands.iter().filter(|(path, line)| lacks(path, line));
    assert_none(
        &missing
            .map(|(path, line)| format!("{path} does not say {line}"))
            .collect::<Vec<_>>(),
    );
    assert_eq!(
        read("deny.toml").matches("id = \"RUSTSEC-").count(),
        1,
        "one ignored advisory"
    );
}

#[test]
fn the_other_checks_can_fail() {
    for line in [
        "use rustls::Error;",
        "let e: webpki::Error;",
        "    use rustls as tls;",
        "use webpki;",
    ] {
        assert!(names_rustls(line), "{line}");
    }
    for line in [
        "use rustls_pki_types::ServerName;",
        "//! On rustls 0.23.",
        "tokio_rustls::TlsStream",
        "rustlsx::A",
    ] {
        assert!(!names_rustls(line), "{line}");
    }
    assert!(names_path("see /lab/peer/file", "/lab/peer"));
    assert!(names_path("at file:///lab/peer", "/lab/peer"));
    assert!(!names_path("see /lab/peers", "/lab/peer"));
    assert!(!names_path("see my/lab/peer", "/lab/peer"));
    assert_eq!(
        relative_links("[a](b.md#c) [d](https://e) [f](#g)\n```\n[h](i)\n```\n"),
        ["b.md"]
    );
    let manifest = "[dependencies]\na.workspace = true\nb = \"1\"\n[dev-dependencies]\nc = \"1\"\n\
                    [target.'cfg(unix)'.dependencies]\nd = { version = \"1\" }\n[dependencies.e]\nversion = \"1\"\n";
    assert_eq!(dependencies(manifest), ["a", "b", "d", "e"]);
}

#[track_caller]
fn assert_none(faults: &[String]) {
    assert!(
        faults.is_empty(),
        "{} fault(s):\n{}",
        faults.len(),
        faults.join("\n")
    );
}

// ---- names and paths in a line ----

/// Whether a line of code or documentation reaches into rustls or webpki, the crates below the seam.
fn names_rustls(line: &str) -> bool {
    ["rustls", "webpki"].iter().any(|name| {
        line.match_indices(name).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            let after = &line[at + name.len()..];
            !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
                && (after.starts_with("::") || after.starts_with(" as ") || after.starts_with(';'))
        })
    })
}

fn names_path(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
        let after = line[at + path.len()..].chars().next();
        !line[..at].chars().next_back().is_some_and(part)
            && !after.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
    })
}

/// Where this checkout, its neighbours and its tools lie. Folders that every system has are no sign of a machine.
fn machine_paths() -> Vec<String> {
    const EVERYWHERE: [&str; 20] = [
        "/", "/app", "/build", "/dev", "/etc", "/home", "/lib", "/media", "/mnt", "/opt", "/proc",
        "/repo", "/root", "/run", "/src", "/srv", "/sys", "/tmp", "/usr", "/var",
    ];
    let home = |folder: &str| env::var_os("HOME").map(|home| PathBuf::from(home).join(folder));
    let set = |variable: &str| env::var_os(variable).map(PathBuf::from);
    [
        Some(root()),
        root().parent().map(Path::to_path_buf),
        set("CARGO_HOME").or_else(|| home(".cargo")),
        set("RUSTUP_HOME").or_else(|| home(".rustup")),
        set("CARGO_TARGET_DIR"),
    ]
    .into_iter()
    .flatten()
    .filter(|path| path.is_absolute())
    .map(|path| path.display().to_string())
    .filter(|path| !EVERYWHERE.contains(&path.as_str()))
    .collect()
}

/// Link targets of a Markdown text that are files of the repository, without their fragment.
fn relative_links(text: &str) -> Vec<String> {
    let mut fenced = false;
    let mut targets = Vec::new();
    for line in text.lines() {
        fenced ^= line.trim_start().starts_with("```");
        for part in line.split("](").skip(1).filter(|_| !fenced) {
            let target = part.split([')', '#']).next().unwrap_or_default();
            if !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:") {
                targets.push(target.to_owned());
            }
        }
    }
    targets
}

/// The names that a manifest depends on when it is built, without those that only its tests need.
fn dependencies(manifest: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut listing = false;
    for line in manifest.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            let lists = |table: &str| {
                ["dependencies", "build-dependencies"]
                    .contains(&table.rsplit('.').next().unwrap_or_default())
            };
            listing = lists(section);
            if let Some((table, name)) = section.rsplit_once('.')
                && lists(table)
            {
                names.push(name.to_owned());
            }
        } else if listing && !line.starts_with('#') && line.contains('=') {
            names.extend(line.split(['.', ' ', '=']).next().map(str::to_owned));
        }
    }
    names
}

// ---- the files ----

/// A text file of the repository; the path is relative to the root, with `/` between its parts.
struct SourceFile {
    path: String,
    text: String,
}

impl SourceFile {
    fn is_written_by_hand(&self) -> bool {
        let name = self.path.rsplit('/').next().unwrap_or_default();
        ["rs", "md", "toml", "sh", "py"].contains(&name.rsplit('.').next().unwrap_or_default())
            || name == "run"
    }

    /// `core/src/frame/lines.rs` is `ravelin_core::frame::lines`, `tests/scenarios/pins.rs` is
    /// `ravelin_tests::scenarios::pins`.
    fn module_path(&self) -> Vec<String> {
        let mut parts = self.path.trim_end_matches(".rs").split('/');
        let package = match parts.next() {
            Some("cli") => "ravelin".to_owned(),
            Some(folder) => format!(
                "ravelin_{}",
                folder.trim_start_matches("runtime-").replace('-', "_")
            ),
            None => String::new(),
        };
        let modules = parts
            .filter(|part| !["src", "lib", "main", "mod"].contains(part))
            .map(str::to_owned);
        [package].into_iter().chain(modules).collect()
    }
}

fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}

/// Every text file that people edit: no build output, no fuzz corpus, no hidden folder but CI's.
fn files() -> io::Result<Vec<SourceFile>> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let kind = entry.file_type()?;
            let hidden = name.starts_with('.') && name != ".ci";
            if kind.is_dir()
                && !hidden
                && !["target", "corpus", "artifacts", "coverage"].contains(&name.as_str())
            {
                folders.push(entry.path());
            } else if kind.is_file() {
                let path = entry.path();
                // What is not UTF-8 is data, and no rule here is about data.
                if let Ok(text) = fs::read_to_string(&path) {
                    let path = path
                        .strip_prefix(root())
                        .unwrap_or(&path)
                        .to_string_lossy()
                        .replace('\\', "/");
                    found.push(SourceFile { path, text });
                }
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}
