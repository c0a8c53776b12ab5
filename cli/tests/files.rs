//! `ravelin files`, spoken to as any MCP client would: JSON-RPC lines on its stdin and stdout.
#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::{Value, json};

/// A line that does not come within this time is a hang.
const PATIENCE: Duration = Duration::from_secs(20);

struct Session {
    child: Child,
    input: ChildStdin,
    lines: mpsc::Receiver<String>,
    id: u64,
}

impl Session {
    fn start(root: &Path) -> Self {
        let (child, input, output) = spawn(root);
        let (sender, lines) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines() {
                if sender.send(line.unwrap()).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            input,
            lines,
            id: 0,
        }
    }

    fn initialized(root: &Path) -> Self {
        let mut session = Self::start(root);
        let answer = session.request("initialize", json!({
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "hand", "version": "0" },
        }));
        assert_eq!(answer["result"]["serverInfo"]["name"], "ravelin-files");
        assert!(answer["result"]["capabilities"]["tools"].is_object());
        session.write(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        session
    }

    fn write(&mut self, message: &Value) {
        writeln!(self.input, "{message}").unwrap();
    }

    fn request(&mut self, method: &str, params: Value) -> Value {
        self.id += 1;
        self.write(&json!({ "jsonrpc": "2.0", "id": self.id, "method": method, "params": params }));
        let line = self.lines.recv_timeout(PATIENCE).unwrap();
        let answer: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(answer["id"], self.id);
        answer
    }

    /// What a tool answers: its text, or its error.
    fn call(&mut self, tool: &str, arguments: Value) -> Result<String, String> {
        let answer = self.request(
            "tools/call",
            json!({ "name": tool, "arguments": arguments }),
        );
        let result = &answer["result"];
        let text = result["content"][0]["text"].as_str().unwrap().to_owned();
        if result["isError"] == true {
            Err(text)
        } else {
            Ok(text)
        }
    }

    fn read(&mut self, path: &str) -> Result<String, String> {
        self.call("read_file", json!({ "path": path }))
    }

    /// Closes stdin; the server must end by itself and succeed.
    fn end(mut self) {
        drop(self.input);
        assert!(self.child.wait().unwrap().success());
    }
}

fn spawn(root: &Path) -> (Child, ChildStdin, ChildStdout) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_ravelin"))
        .args(["files", "--root"])
        .arg(root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    (child, input, output)
}

fn fifo(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o600), 0).unwrap();
}

#[test]
fn it_lists_its_tools_and_answers_them() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("sub")).unwrap();
    fs::write(dir.path().join("sub/note.txt"), "deep\n").unwrap();
    fs::write(dir.path().join("hello.txt"), "Grüße\n").unwrap();
    fs::write(dir.path().join("two\nlines"), "").unwrap();
    symlink("hello.txt", dir.path().join("link")).unwrap();
    fifo(&dir.path().join("pipe"));
    let mut session = Session::initialized(dir.path());

    let answer = session.request("tools/list", json!({}));
    let tools = answer["result"]["tools"].as_array().unwrap();
    let names: Vec<_> = tools.iter().map(|tool| &tool["name"]).collect();
    assert_eq!(names, ["read_file", "list_files"]);
    assert_eq!(tools[0]["inputSchema"]["required"], json!(["path"]));

    assert_eq!(session.read("hello.txt").as_deref(), Ok("Grüße\n"));
    assert_eq!(session.read("sub/note.txt").as_deref(), Ok("deep\n"));
    let listing = session.call("list_files", json!({}));
    assert_eq!(listing.as_deref(), Ok("hello.txt\nsub/"));
    let listing = session.call("list_files", json!({ "path": "." }));
    assert_eq!(listing.as_deref(), Ok("hello.txt\nsub/"));
    let whole = dir.path().canonicalize().unwrap();
    let whole = whole.to_str().unwrap();
    let listing = session.call("list_files", json!({ "path": whole }));
    assert_eq!(listing.as_deref(), Ok("hello.txt\nsub/"));
    let absolute = session.read(&format!("{whole}/hello.txt"));
    assert_eq!(absolute.as_deref(), Ok("Grüße\n"));
    let listing = session.call("list_files", json!({ "path": "sub" }));
    assert_eq!(listing.as_deref(), Ok("note.txt"));
    session.end();
}

#[test]
fn paths_that_leave_the_root_and_what_is_no_text_file_are_refused() {
    let outer = tempfile::tempdir().unwrap();
    fs::write(outer.path().join("secret"), "secret").unwrap();
    let root = outer.path().join("root");
    fs::create_dir_all(root.join("sub")).unwrap();
    fs::write(root.join("file"), "x").unwrap();
    symlink("../secret", root.join("link-out")).unwrap();
    symlink("file", root.join("link-in")).unwrap();
    symlink("..", root.join("dir-out")).unwrap();
    symlink("/proc/self/fd", root.join("fds")).unwrap();
    fifo(&root.join("pipe"));
    let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
    fs::write(root.join("limit"), vec![b'a'; 256 * 1024]).unwrap();
    fs::write(root.join("large"), vec![b'a'; 256 * 1024 + 1]).unwrap();
    fs::write(root.join("binary"), [0xff, 0xfe]).unwrap();

    let mut session = Session::initialized(&root);
    let secret = outer.path().join("secret");
    for (path, code) in [
        ("", "E-PTH-01"),
        ("..", "E-PTH-16"),
        ("../secret", "E-PTH-16"),
        ("sub/../../secret", "E-PTH-16"),
        ("sub/../file", "E-PTH-16"),
        ("./file", "E-PTH-15"),
        (".", "E-PTH-15"),
        (secret.to_str().unwrap(), "E-PTH-13"),
        ("/etc/passwd", "E-PTH-13"),
        ("/proc/self/environ", "E-PTH-13"),
        ("//file", "E-PTH-07"),
        ("sub//file", "E-PTH-14"),
        ("file\0", "E-PTH-03"),
        ("missing", "E-PTH-40"),
        ("file/x", "E-PTH-42"),
        ("sub/", "E-PTH-30"),
        ("..\\secret", "E-PTH-18"),
        ("file:stream", "E-PTH-20"),
        ("link-out", "E-PTH-44"),
        ("link-in", "E-PTH-44"),
        ("dir-out/secret", "E-PTH-44"),
        ("fds/0", "E-PTH-44"),
        ("pipe", "E-PTH-51"),
        ("socket", "E-PTH-52"),
        ("sub", "E-PTH-50"),
        ("large", "E-PTH-55"),
        ("binary", "E-FILE-07"),
    ] {
        let answer = session.read(path);
        let error = answer.expect_err(path);
        assert!(
            error.starts_with(&format!("error {code}: ")),
            "{path:?}: {error}"
        );
        assert!(
            error.contains("; ") && error.lines().count() == 1,
            "{path:?}: {error}"
        );
    }
    assert_eq!(session.read("limit").map(|text| text.len()), Ok(256 * 1024));

    for (path, code) in [
        ("..", "E-PTH-16"),
        ("", "E-PTH-01"),
        ("dir-out", "E-PTH-44"),
        ("file", "E-PTH-42"),
    ] {
        let error = session
            .call("list_files", json!({ "path": path }))
            .unwrap_err();
        assert!(
            error.starts_with(&format!("error {code}: ")),
            "{path:?}: {error}"
        );
    }
    for arguments in [
        json!({}),
        json!({ "path": 7 }),
        json!({ "path": "file", "more": 1 }),
    ] {
        let error = session.call("read_file", arguments).unwrap_err();
        assert!(error.starts_with("error E-FILE-01: "), "{error}");
    }
    let answer = session.request(
        "tools/call",
        json!({ "name": "write_file", "arguments": {} }),
    );
    assert_eq!(answer["error"]["code"], -32602);
    session.end();
}

#[test]
fn the_kernels_own_files_are_no_root() {
    for root in ["/proc/self", "/proc/self/fd", "/sys"] {
        let output = Command::new(env!("CARGO_BIN_EXE_ravelin"))
            .args(["files", "--root", root])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.starts_with("error E-FILE-12: "), "{root}: {stderr}");
        assert_eq!(output.status.code(), Some(3), "{root}");
    }
}

#[test]
fn what_the_system_refuses_is_a_tool_error_with_a_code() {
    use std::os::unix::fs::PermissionsExt as _;

    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("private");
    fs::write(&file, "private").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o000)).unwrap();
    let mut session = Session::initialized(dir.path());
    match session.read("private") {
        // Permissions do not bind root.
        Ok(text) => assert_eq!(fs::read_to_string(&file).unwrap(), text),
        Err(error) => assert!(error.starts_with("error E-PTH-43: "), "{error}"),
    }
    session.end();
}

#[test]
fn a_server_without_descriptors_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let mut codes = Vec::new();
    for descriptors in 4..24 {
        let output = Command::new("sh")
            .args([
                "-c",
                &format!("ulimit -n {descriptors}; exec \"$0\" files --root \"$1\""),
            ])
            .arg(env!("CARGO_BIN_EXE_ravelin"))
            .arg(dir.path())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        codes.extend(
            stderr
                .strip_prefix("error ")
                .and_then(|rest| rest.get(..9))
                .map(str::to_owned),
        );
        assert!(!stderr.contains("panicked"), "{descriptors}: {stderr}");
    }
    assert!(codes.iter().any(|code| code == "E-CLI-02:"), "{codes:?}");
}

#[test]
fn a_file_that_is_swapped_for_a_link_is_never_followed() {
    let outer = tempfile::tempdir().unwrap();
    let root = outer.path().join("root");
    fs::create_dir(&root).unwrap();
    fs::write(outer.path().join("secret"), "secret").unwrap();
    let swapping = {
        let (root, path) = (root.clone(), root.join("file"));
        std::thread::spawn(move || {
            for _ in 0..2000 {
                fs::write(root.join("plain"), "plain").unwrap();
                fs::rename(root.join("plain"), &path).unwrap();
                symlink("../secret", root.join("link")).unwrap();
                fs::rename(root.join("link"), &path).unwrap();
            }
        })
    };
    let mut session = Session::initialized(&root);
    while !swapping.is_finished() {
        match session.read("file") {
            Ok(text) => assert_eq!(text, "plain"),
            Err(error) => assert!(
                ["E-PTH-40", "E-PTH-44", "E-PTH-59"]
                    .iter()
                    .any(|code| error.starts_with(&format!("error {code}: "))),
                "{error}"
            ),
        }
    }
    swapping.join().unwrap();
    session.end();
}

#[test]
fn a_client_that_reads_no_answers_does_not_fill_the_memory() {
    const CALLS: u64 = 800;
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("big"), vec![b'a'; 200 * 1024]).unwrap();
    let (mut child, mut input, output) = spawn(dir.path());
    let pid = child.id();
    let writer = std::thread::spawn(move || {
        let hello = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
            "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": { "name": "mute", "version": "0" },
        }});
        writeln!(input, "{hello}").unwrap();
        for id in 1..=CALLS {
            let params = json!({ "name": "read_file", "arguments": { "path": "big" } });
            let call =
                json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params });
            writeln!(input, "{call}").unwrap();
        }
    });
    // Long enough for 160 MB of answers, if the server went on making them.
    std::thread::sleep(Duration::from_secs(2));
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak < 80 * 1024, "peak {peak} kB");

    // Nothing is lost by it: every call is answered once the client reads, and the end of input ends the server.
    let answered = BufReader::new(output)
        .lines()
        .filter(|line| line.as_ref().unwrap().contains("aaaa"));
    assert_eq!(answered.count() as u64, CALLS);
    writer.join().unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn what_is_not_mcp_is_refused_and_silence_is_no_error() {
    let dir = tempfile::tempdir().unwrap();
    let run = |lines: &str| {
        let (child, mut input, _output) = spawn(dir.path());
        input.write_all(lines.as_bytes()).unwrap();
        drop(input);
        child.wait_with_output().unwrap()
    };
    let output = run("");
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stderr.is_empty());
    let output = run("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        (output.status.code(), stderr.get(..18)),
        (Some(4), Some("error E-FILE-10: t")),
        "{stderr}"
    );
}
