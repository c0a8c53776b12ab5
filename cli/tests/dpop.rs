//! `ravelin dpop` makes, verifies and explains proofs, with the examples of RFC 9449 as strangers.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::path::Path;
use std::process::Output;

use serde_json::{Value, json};

#[path = "support/once.rs"]
mod once;

/// RFC 9449, figure 13.
const RFC_PROOF: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA";
const RFC_TOKEN: &str = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
const RFC_JKT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
const RFC_URI: &str = "https://resource.example.org/protectedresource";

#[test]
fn a_proof_that_was_made_is_verified() {
    let dir = tempfile::tempdir().unwrap();
    for (name, algorithm) in [("es", "es256"), ("ed", "eddsa")] {
        let made = run(
            dir.path(),
            &["keygen", "--out", name, "--algorithm", algorithm, "--json"],
        );
        let jkt = json(&made)["jkt"].as_str().unwrap().to_owned();
        assert_eq!(
            text(&run(dir.path(), &["thumbprint", name])),
            format!("{jkt}\n")
        );
        let uri = "https://mcp.example/mcp?session=1";
        let proof = run(
            dir.path(),
            &[
                "prove", "--key", name, "--method", "POST", "--uri", uri, "--token", "-T",
                "--nonce", "-N",
            ],
        );
        fs::write(dir.path().join("proof"), &proof.stdout).unwrap();
        assert_eq!(
            text(&run(dir.path(), &["thumbprint", "proof"])),
            format!("{jkt}\n")
        );

        let request = [
            "--method",
            "POST",
            "--uri",
            "https://MCP.example:443/mcp",
            "--token",
            "-T",
            "--nonce",
            "-N",
        ];
        let verify = |more: &[&str]| run(dir.path(), &[&["verify"], &request[..], more].concat());
        let accepted = verify(&["proof", "--jkt", &jkt, "--json"]);
        assert_eq!(accepted.status.code(), Some(0), "{accepted:?}");
        assert_eq!(json(&accepted)["jkt"], *jkt);
        assert_eq!(refused(&verify(&["proof", "--jkt", RFC_JKT])), "E-DPO-27");
        // One thumbprint in 64 looks like a flag; tokens and nonces may too.
        let hyphen = "-ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
        assert_eq!(refused(&verify(&["proof", "--jkt", hyphen])), "E-DPO-27");
        assert_eq!(refused(&verify(&["proof", "--now", "1"])), "E-DPO-24");
        let other_method = [
            "verify", "--method", "GET", "--uri", uri, "--token", "T", "proof",
        ];
        assert_eq!(refused(&run(dir.path(), &other_method)), "E-DPO-19");
        let no_token = ["verify", "--method", "POST", "--uri", uri, "proof"];
        assert_eq!(refused(&run(dir.path(), &no_token)), "E-DPO-26");
    }
}

#[test]
fn the_example_of_the_rfc_is_reproducible_from_stdin() {
    let dir = tempfile::tempdir().unwrap();
    let at = |now: &str, profile: &str| {
        let request = [
            "verify", "--method", "GET", "--uri", RFC_URI, "--token", RFC_TOKEN, "--jkt", RFC_JKT,
        ];
        let more = ["--now", now, "--profile", profile, "--json"];
        let output = piped(
            dir.path(),
            &[&request[..], &more].concat(),
            RFC_PROOF.as_bytes(),
        );
        let verdict = json(&output);
        let code = verdict["code"].as_str().unwrap_or("accepted").to_owned();
        (output.status.code().unwrap(), code)
    };
    let accepted = (0, "accepted".to_owned());
    let refused = |code: &str| (4, code.to_owned());
    assert_eq!(at("1562262618", "fapi2"), accepted);
    assert_eq!(at("1562262678", "strict"), accepted);
    assert_eq!(at("1562262679", "strict"), refused("E-DPO-23"));
    assert_eq!(at("1562262679", "mcp"), accepted);
    assert_eq!(at("1562262318", "mcp"), accepted);
    assert_eq!(at("1562262607", "fapi2"), refused("E-DPO-24"));
}

#[test]
fn explain_names_the_rule_its_section_and_the_remedy() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("proof"), RFC_PROOF).unwrap();
    let explain = |more: &[&str]| run(dir.path(), &[&["explain", "proof"], more].concat());

    let good = explain(&["--token", RFC_TOKEN]);
    assert!(good.status.success());
    assert!(
        text(&good).contains("verdict   accepted\n"),
        "{}",
        text(&good)
    );
    assert!(text(&good).ends_with("note      not compared, for want of --method, --uri, --now\n"));

    let late = explain(&["--token", RFC_TOKEN, "--now", "1562270000"]);
    for line in [
        "rule      E-DPO-23, RFC 9449, 4.3 (11)\n",
        "cause     the proof was made 7382 s ago and 60 s are allowed\n",
        "remedy    make one for each request, and check both clocks\n",
        "not compared, for want of --method, --uri\n",
    ] {
        assert!(text(&late).contains(line), "{line}: {}", text(&late));
    }

    let other = json(&explain(&["--token", "another", "--json"]));
    assert_eq!(other["code"], "E-DPO-25");
    assert_eq!(other["section"], "RFC 9449, 4.3 (12)");
    assert_eq!(other["claims"]["jti"], "e1j3V_bKic8-LAEB");
    assert_eq!(other["header"]["typ"], "dpop+jwt");
    assert_eq!(
        code(&explain(&[])),
        (2, "E-USE-01".to_owned()),
        "a token is needed for `ath`"
    );

    // What is no proof at all is explained too, and shows nothing that steers a terminal.
    fs::write(dir.path().join("proof"), "a.\u{1b}[2J.c").unwrap();
    let bad = explain(&[]);
    assert!(
        bad.status.success() && text(&bad).contains("E-DPO-08"),
        "{}",
        text(&bad)
    );
    assert!(!bad.stdout.contains(&0x1b));
}

#[test]
fn many_lines_share_one_replay_store() {
    let dir = tempfile::tempdir().unwrap();
    let line = |now: u64, method: &str| {
        let line = json!({
            "proof": RFC_PROOF, "method": method, "uri": RFC_URI, "token": RFC_TOKEN, "jkt": RFC_JKT, "now": now,
        });
        format!("{line}\n")
    };
    let input = [
        line(1_562_262_618, "POST"),
        line(1_562_262_618, "GET"),
        line(1_562_262_619, "GET"),
        line(1_562_262_700, "GET"),
    ]
    .concat();
    let output = piped(dir.path(), &["verify", "--lines"], input.as_bytes());
    let codes: Vec<_> = text(&output)
        .lines()
        .map(|line| {
            serde_json::from_str::<Value>(line).unwrap()["code"]
                .as_str()
                .unwrap_or("accepted")
                .to_owned()
        })
        .collect();
    assert_eq!(codes, ["E-DPO-19", "accepted", "E-DPO-36", "E-DPO-23"]);
    assert_eq!(code(&output), (4, "E-CLI-11".to_owned()));

    let good = piped(
        dir.path(),
        &["verify", "--lines"],
        line(1_562_262_618, "GET").as_bytes(),
    );
    assert!(good.status.success(), "{good:?}");

    for unreadable in [
        "not json\n",
        "{\"proof\":\"a\"}\n",
        "{\"proof\":1}",
        "{\"unknown\":1}",
    ] {
        let output = piped(dir.path(), &["verify", "--lines"], unreadable.as_bytes());
        assert_eq!(code(&output), (3, "E-CLI-10".to_owned()), "{unreadable}");
        assert!(text(&output).contains("\"unreadable\""));
    }
    let long = piped(dir.path(), &["verify", "--lines"], &[b'a'; 70_000]);
    assert_eq!(code(&long), (3, "E-CLI-10".to_owned()));
}

#[test]
fn a_key_is_written_once_for_its_owner_and_may_be_encrypted() {
    let dir = tempfile::tempdir().unwrap();
    assert!(
        run(dir.path(), &["keygen", "--out", "key"])
            .status
            .success()
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(dir.path().join("key"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    assert_eq!(
        code(&run(dir.path(), &["keygen", "--out", "key"])),
        (3, "E-CA-04".to_owned())
    );
    assert_eq!(
        code(&run(dir.path(), &["keygen", "--out", "none/key"])),
        (6, "E-CLI-04".to_owned())
    );

    fs::write(dir.path().join("secret"), "correct horse\nsecond line\n").unwrap();
    fs::write(dir.path().join("wrong"), "incorrect\n").unwrap();
    let made = run(
        dir.path(),
        &[
            "keygen",
            "--out",
            "sealed",
            "--password-file",
            "secret",
            "--json",
        ],
    );
    let jkt = json(&made)["jkt"].as_str().unwrap().to_owned();
    let sealed = fs::read_to_string(dir.path().join("sealed")).unwrap();
    assert!(
        sealed.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"),
        "{sealed}"
    );
    let thumbprint = |more: &[&str]| run(dir.path(), &[&["thumbprint", "sealed"], more].concat());
    assert_eq!(
        text(&thumbprint(&["--password-file", "secret"])),
        format!("{jkt}\n")
    );
    for more in [&[][..], &["--password-file", "wrong"]] {
        let output = thumbprint(more);
        let (exit, code) = code(&output);
        assert!(
            exit == 3 && code.starts_with("E-DPO-7"),
            "{more:?}: {output:?}"
        );
    }
}

#[test]
fn what_cannot_be_used_is_said_so() {
    let dir = tempfile::tempdir().unwrap();
    let d = "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI";
    let jwk = json!({
        "kty": "EC", "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    });
    let mut private = jwk.clone();
    private["d"] = json!(d);
    let public = piped(dir.path(), &["thumbprint"], jwk.to_string().as_bytes());
    assert_eq!(
        text(&public),
        "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U\n"
    );
    let thumbprint = |input: &[u8]| code(&piped(dir.path(), &["thumbprint", "-"], input));
    assert_eq!(
        thumbprint(private.to_string().as_bytes()),
        (3, "E-DPO-17".to_owned())
    );
    assert_eq!(thumbprint(b"nothing"), (3, "E-DPO-07".to_owned()));
    assert_eq!(thumbprint(b"\xFF"), (3, "E-CLI-03".to_owned()));

    assert!(
        run(dir.path(), &["keygen", "--out", "key"])
            .status
            .success()
    );
    let prove = |more: &[&str]| {
        code(&run(
            dir.path(),
            &[&["prove", "--key", "key"], more].concat(),
        ))
    };
    let uri = "https://mcp.example/mcp";
    for (more, expected) in [
        (vec!["--method", "PO ST", "--uri", uri], (3, "E-DPO-45")),
        (
            vec!["--method", "POST", "--uri", "http://mcp.example/"],
            (3, "E-CLI-08"),
        ),
        (
            vec!["--method", "POST", "--uri", uri, "--jti", ""],
            (3, "E-DPO-46"),
        ),
        (
            vec!["--method", "POST", "--uri", uri, "--nonce", "a b"],
            (3, "E-DPO-47"),
        ),
        (
            vec!["--method", "POST", "--uri", uri, "--token", "a b"],
            (3, "E-DPO-48"),
        ),
        (
            vec!["--method", "POST", "--uri", uri, "--claim", "htm=x"],
            (3, "E-DPO-49"),
        ),
        (
            vec!["--method", "POST", "--uri", uri, "--claim", "htm"],
            (2, "E-USE-01"),
        ),
    ] {
        assert_eq!(
            prove(&more),
            (expected.0, expected.1.to_owned()),
            "{more:?}"
        );
    }
    let long = format!("a={}", "b".repeat(2000));
    assert_eq!(
        prove(&["--method", "POST", "--uri", uri, "--claim", &long]),
        (3, "E-DPO-50".to_owned())
    );
    let missing = run(
        dir.path(),
        &["verify", "--method", "POST", "--uri", uri, "missing"],
    );
    assert_eq!(code(&missing), (3, "E-CLI-03".to_owned()));
}

fn run(dir: &Path, arguments: &[&str]) -> Output {
    once::run(dir, "dpop", arguments)
}

fn piped(dir: &Path, arguments: &[&str], input: &[u8]) -> Output {
    once::piped(dir, "dpop", arguments, input)
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

/// The exit code, and the code of the last line on stderr.
fn code(output: &Output) -> (i32, String) {
    (output.status.code().unwrap(), once::failure(output))
}

fn refused(output: &Output) -> String {
    let (exit, code) = code(output);
    assert_eq!(exit, 4, "{output:?}");
    code
}
