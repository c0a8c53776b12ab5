//! `ravelin dev-ca` writes all of its files or none, keys for their owner alone, and nothing twice.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn dev_ca(dir: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ravelin"))
        .current_dir(dir)
        .args(["dev-ca", "--out", "out"])
        .args(arguments)
        .output()
        .unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn contents(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let Ok(entries) = fs::read_dir(dir.join("out")) else {
        return BTreeMap::new();
    };
    entries
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read(&path).unwrap_or_default())
        })
        .collect()
}

fn names(dir: &Path) -> Vec<String> {
    contents(dir).into_keys().collect()
}

#[test]
fn files_pins_and_the_next_step_are_reported() {
    let dir = tempfile::tempdir().unwrap();
    let arguments = [
        "--server",
        "localhost",
        "--server",
        "*.example.org",
        "--server",
        "127.0.0.1",
        "--client",
        "spiffe://example.org/agents/one",
        "--days",
        "30",
    ];
    let output = dev_ca(dir.path(), &arguments);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(
        names(dir.path()),
        [
            "127.0.0.1.key",
            "127.0.0.1.pem",
            "_wildcard.example.org.key",
            "_wildcard.example.org.pem",
            "ca.key",
            "ca.pem",
            "localhost.key",
            "localhost.pem",
            "spiffe_example.org_agents_one.key",
            "spiffe_example.org_agents_one.pem",
        ]
    );
    let table = String::from_utf8(output.stdout).unwrap();
    assert_eq!(table.matches("sha256:").count(), 5, "{table}");
    assert!(table.contains("out/localhost.pem"), "{table}");
    assert!(table.contains("\nnext: ravelin proxy --listen 127.0.0.1:8443 --cert out/localhost.pem --key out/localhost.key --client-ca out/ca.pem "), "{table}");
    assert!(table.contains("\nnext: ravelin bridge localhost:8443 --ca out/ca.pem --cert out/spiffe_example.org_agents_one.pem "), "{table}");
}

#[test]
fn json_names_every_certificate_and_its_pin() {
    let dir = tempfile::tempdir().unwrap();
    let output = dev_ca(dir.path(), &["--server", "localhost", "--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let certificates = report["certificates"].as_array().unwrap();
    let roles: Vec<_> = certificates.iter().map(|c| &c["role"]).collect();
    assert_eq!(roles, ["ca", "server"]);
    for certificate in certificates {
        assert_eq!(certificate["created"], true);
        assert_eq!(
            certificate["pin"].as_str().unwrap().len(),
            "sha256:".len() + 44
        );
        let file = dir
            .path()
            .join(certificate["certificate"].as_str().unwrap());
        assert!(
            fs::read_to_string(file)
                .unwrap()
                .starts_with("-----BEGIN CERTIFICATE-----")
        );
        let ends = certificate["not_after"].as_str().unwrap();
        assert!(ends.ends_with('Z') && ends.len() == 20, "{ends}");
    }
    assert_ne!(certificates[0]["pin"], certificates[1]["pin"]);
}

#[test]
#[cfg(unix)]
fn keys_are_for_their_owner_alone_whatever_the_umask() {
    use std::os::unix::fs::PermissionsExt as _;

    let dir = tempfile::tempdir().unwrap();
    let status = Command::new("sh")
        .current_dir(dir.path())
        .args([
            "-c",
            "umask 000; exec \"$0\" dev-ca --out out --server localhost",
        ])
        .arg(env!("CARGO_BIN_EXE_ravelin"))
        .output()
        .unwrap()
        .status;
    assert!(status.success());
    for (name, mode) in [
        ("ca.key", 0o600),
        ("localhost.key", 0o600),
        ("ca.pem", 0o644),
    ] {
        let metadata = fs::metadata(dir.path().join("out").join(name)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o7777, mode, "{name}");
    }
}

#[test]
fn no_file_is_overwritten_and_a_refused_run_writes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    assert!(dev_ca(dir.path(), &["--server", "b"]).status.success());
    let before = contents(dir.path());
    let modified = || {
        let directory = fs::metadata(dir.path().join("out")).unwrap();
        directory.modified().unwrap()
    };
    let untouched = modified();
    // `a` and `c` are new, but `b` is not: none of the three is written, not even for a moment.
    let output = dev_ca(
        dir.path(),
        &["--server", "a", "--server", "b", "--client", "c"],
    );
    assert_eq!(output.status.code(), Some(3));
    assert!(stderr(&output).starts_with("error E-CA-04: out/b.key exists, nothing was written; "));
    assert_eq!(contents(dir.path()), before);
    assert_eq!(modified(), untouched);
}

#[test]
fn of_runs_at_the_same_time_one_makes_the_ca() {
    let dir = tempfile::tempdir().unwrap();
    let runs: Vec<_> = (0..8)
        .map(|_| {
            Command::new(env!("CARGO_BIN_EXE_ravelin"))
                .current_dir(dir.path())
                .args(["dev-ca", "--out", "out", "--server", "localhost"])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    let succeeded = runs.into_iter().filter_map(|mut run| {
        let status = run.wait().unwrap();
        status.success().then_some(())
    });
    assert_eq!(succeeded.count(), 1);
    assert_eq!(
        names(dir.path()),
        ["ca.key", "ca.pem", "localhost.key", "localhost.pem"]
    );
    // What is left is the work of one run: the CA's key and certificate belong together.
    let output = dev_ca(dir.path(), &["--client", "laptop"]);
    assert!(output.status.success(), "{}", stderr(&output));
}

#[test]
#[cfg(unix)]
fn a_dangling_link_is_not_written_through() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("out")).unwrap();
    std::os::unix::fs::symlink("../elsewhere", dir.path().join("out/laptop.key")).unwrap();
    let output = dev_ca(dir.path(), &["--client", "laptop"]);
    assert!(stderr(&output).starts_with("error E-CA-04: out/laptop.key exists"));
    assert_eq!(names(dir.path()), ["laptop.key"]);
    assert!(!dir.path().join("elsewhere").exists());
}

#[test]
fn a_write_that_fails_takes_back_what_the_run_made() {
    let dir = tempfile::tempdir().unwrap();
    let output = Command::new("sh")
        .current_dir(dir.path())
        // At most one block of 512 bytes a file: a key (PKCS#8 P-256, 241 bytes) fits, a certificate does not.
        .args([
            "-c",
            "ulimit -f 1; trap '' XFSZ; exec \"$0\" dev-ca --out deep/er --server localhost",
        ])
        .arg(env!("CARGO_BIN_EXE_ravelin"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(6), "{}", stderr(&output));
    assert!(
        stderr(&output).starts_with("error E-CLI-04: cannot write deep/er/ca.pem: "),
        "{}",
        stderr(&output)
    );
    assert!(!dir.path().join("deep").exists());
}

#[test]
fn a_second_run_adds_to_the_same_ca() {
    let dir = tempfile::tempdir().unwrap();
    assert!(dev_ca(dir.path(), &[]).status.success());
    assert_eq!(names(dir.path()), ["ca.key", "ca.pem"]);
    let before = contents(dir.path());
    let output = dev_ca(dir.path(), &["--client", "laptop", "--json"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["certificates"][0]["created"], false);
    assert_eq!(report["certificates"][1]["created"], true);
    let after = contents(dir.path());
    assert_eq!(after["ca.pem"], before["ca.pem"]);
    assert_eq!(after["ca.key"], before["ca.key"]);
    assert_eq!(after.len(), 4);

    let output = dev_ca(dir.path(), &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).starts_with("error E-CA-03: "));
}

#[test]
#[cfg(unix)]
fn a_ca_key_that_others_can_read_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;

    let dir = tempfile::tempdir().unwrap();
    assert!(dev_ca(dir.path(), &[]).status.success());
    let key = dir.path().join("out/ca.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
    let output = dev_ca(dir.path(), &["--client", "laptop"]);
    assert_eq!(output.status.code(), Some(3));
    assert_eq!(
        stderr(&output),
        "error E-CA-07: out/ca.key can be used by others (mode 0640); run `chmod 600 out/ca.key`\n"
    );
}

#[test]
#[cfg(target_os = "linux")]
fn a_fifo_in_place_of_the_ca_does_not_hang() {
    let dir = tempfile::tempdir().unwrap();
    assert!(dev_ca(dir.path(), &[]).status.success());
    let cert = dir.path().join("out/ca.pem");
    fs::remove_file(&cert).unwrap();
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &cert, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let output = dev_ca(dir.path(), &["--client", "laptop"]);
    assert!(
        stderr(&output)
            .starts_with("error E-CA-05: out holds no usable CA: ca.pem: not a regular file")
    );
}
