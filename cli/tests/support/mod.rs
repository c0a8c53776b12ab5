//! The program as its users run it: real processes, real sockets, certificates by `dev-ca`.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

/// Far more than anything here takes on a busy machine.
pub const LIMIT: Duration = Duration::from_secs(30);

/// A directory with a CA, certificates for the server `localhost` and the clients `laptop` and `stranger`.
pub struct Certificates {
    dir: TempDir,
    report: Value,
}

impl Certificates {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut report = Value::Null;
        for arguments in [
            &["--out", "ca", "--server", "localhost", "--client", "laptop"][..],
            &[
                "--out",
                "other",
                "--client",
                "stranger",
                "--server",
                "localhost",
            ],
        ] {
            let output = Command::new(env!("CARGO_BIN_EXE_ravelin"))
                .current_dir(dir.path())
                .arg("dev-ca")
                .args(arguments)
                .arg("--json")
                .output()
                .unwrap();
            assert!(output.status.success(), "{output:?}");
            if report.is_null() {
                report = serde_json::from_slice(&output.stdout).unwrap();
            }
        }
        Self { dir, report }
    }

    pub fn path(&self, file: &str) -> String {
        self.dir.path().join(file).to_str().unwrap().to_owned()
    }

    /// The pin of a certificate in the directory `ca`.
    pub fn pin(&self, name: &str) -> String {
        let certificates = self.report["certificates"].as_array().unwrap();
        let found = certificates.iter().find(|entry| entry["name"] == name);
        found.unwrap()["pin"].as_str().unwrap().to_owned()
    }

    /// `ravelin proxy` with the server's certificate; `more` must have `--to`.
    pub fn proxy(&self, more: &[&str]) -> Proxy {
        Proxy::start(&self.proxy_arguments(more))
    }

    pub fn proxy_arguments(&self, more: &[&str]) -> Vec<String> {
        let files = [self.path("ca/localhost.pem"), self.path("ca/localhost.key")];
        let [cert, key] = &files;
        let first = [
            "proxy",
            "--listen",
            "127.0.0.1:0",
            "--cert",
            cert,
            "--key",
            key,
        ];
        first.iter().chain(more).map(ToString::to_string).collect()
    }

    /// `ravelin bridge` to `proxy` with the CA; `more` goes behind.
    pub fn bridge(&self, proxy: &Proxy, more: &[&str]) -> Running {
        Running::start(&self.bridge_arguments(proxy.address.port(), more))
    }

    /// As `bridge`, with the certificate of `laptop`.
    pub fn bridge_as_laptop(&self, proxy: &Proxy, more: &[&str]) -> Running {
        let files = [self.path("ca/laptop.pem"), self.path("ca/laptop.key")];
        let [cert, key] = &files;
        self.bridge(proxy, &[&["--cert", cert, "--key", key], more].concat())
    }

    pub fn bridge_arguments(&self, port: u16, more: &[&str]) -> Vec<String> {
        let (server, ca) = (format!("localhost:{port}"), self.path("ca/ca.pem"));
        let first = ["bridge", &server, "--ca", &ca];
        first.iter().chain(more).map(ToString::to_string).collect()
    }
}

/// A process whose outputs are read line by line, and which is killed when it is dropped.
pub struct Running {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Lines,
    stderr: Lines,
}

impl Running {
    pub fn start(arguments: &[impl AsRef<OsStr>]) -> Self {
        Self::command(Command::new(env!("CARGO_BIN_EXE_ravelin")).args(arguments))
    }

    pub fn command(command: &mut Command) -> Self {
        Self::spawn(command.stdout(Stdio::piped()).stderr(Stdio::piped()))
    }

    /// With these in place of stdout and stderr.
    pub fn start_with(
        arguments: &[impl AsRef<OsStr>],
        stdout: impl Into<Stdio>,
        stderr: impl Into<Stdio>,
    ) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ravelin"));
        Self::spawn(command.args(arguments).stdout(stdout).stderr(stderr))
    }

    fn spawn(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
        Self {
            stdin: child.stdin.take(),
            stdout: Lines(child.stdout.take().map(lines)),
            stderr: Lines(child.stderr.take().map(lines)),
            child,
        }
    }

    pub fn write(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(bytes.as_ref()).unwrap();
        stdin.flush().unwrap();
        self
    }

    pub fn close_stdin(&mut self) -> &mut Self {
        self.stdin = None;
        self
    }

    /// The next line of stdout.
    pub fn line(&mut self) -> String {
        self.stdout.next().expect("another line on stdout")
    }

    /// The first line of stderr, not seen before, that holds `part`.
    #[track_caller]
    pub fn report(&mut self, part: &str) -> String {
        let mut seen = Vec::new();
        while let Some(line) = self.stderr.next() {
            if line.contains(part) {
                return line;
            }
            seen.push(line);
        }
        panic!("no line with {part:?} in {seen:#?}");
    }

    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().cast_signed()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Waits for the end, and gives the exit code and all that is left of stdout and stderr.
    #[track_caller]
    pub fn end(&mut self) -> End {
        let until = Instant::now() + LIMIT;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < until, "the process does not end");
            thread::sleep(Duration::from_millis(10));
        };
        End {
            status,
            stdout: self.stdout.rest(),
            stderr: self.stderr.rest(),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How a process ended.
#[derive(Debug)]
pub struct End {
    pub status: ExitStatus,
    pub stdout: Vec<String>,
    pub stderr: Vec<String>,
}

impl End {
    #[track_caller]
    pub fn succeeded(&self) -> &Self {
        assert_eq!(self.status.code(), Some(0), "{self:#?}");
        self
    }

    /// Exit code `exit`, and a last line on stderr with `code` in its form.
    #[track_caller]
    pub fn failed(&self, exit: i32, code: &str) -> &Self {
        assert_eq!(self.status.code(), Some(exit), "{self:#?}");
        let last = self.stderr.last().map(String::as_str).unwrap_or_default();
        let text = last.strip_prefix(&format!("error {code}: "));
        let parts = text.and_then(|text| text.split_once("; "));
        assert!(
            parts.is_some_and(|(cause, remedy)| !cause.is_empty() && !remedy.is_empty()),
            "not {code}: {self:#?}"
        );
        self
    }
}

/// `ravelin proxy`, listening.
pub struct Proxy {
    pub running: Running,
    pub address: SocketAddr,
}

impl Proxy {
    #[track_caller]
    pub fn start(arguments: &[impl AsRef<OsStr>]) -> Self {
        let mut running = Running::start(arguments);
        let Some(line) = running.stdout.next() else {
            panic!("not listening: {:#?}", running.end());
        };
        let address = line.strip_prefix("listening on ").unwrap().parse().unwrap();
        Self { running, address }
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        stream
    }

    #[track_caller]
    pub fn report(&mut self, part: &str) -> String {
        self.running.report(part)
    }

    /// Ends it with SIGTERM, and gives what it had still to report.
    #[track_caller]
    pub fn stop(&mut self) -> Vec<String> {
        self.running.signal(Signal::TERM);
        let end = self.running.end();
        end.succeeded();
        assert_eq!(end.stdout, [""; 0]);
        end.stderr
    }
}

/// Lines that a thread reads; `None` when nobody does.
struct Lines(Option<Receiver<String>>);

fn lines(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = channel();
    thread::spawn(move || {
        let mut pipe = BufReader::new(pipe);
        let mut line = Vec::new();
        while pipe.read_until(b'\n', &mut line).is_ok_and(|len| len > 0) {
            let text = String::from_utf8_lossy(&line);
            let text = text.strip_suffix('\n').unwrap_or(&text).to_owned();
            line.clear();
            if sender.send(text).is_err() {
                return;
            }
        }
    });
    lines
}

impl Lines {
    /// `None` once there are no more.
    #[track_caller]
    fn next(&mut self) -> Option<String> {
        use std::sync::mpsc::RecvTimeoutError;

        match self.0.as_ref()?.recv_timeout(LIMIT) {
            Ok(line) => Some(line),
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("nothing is written"),
        }
    }

    #[track_caller]
    fn rest(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.next()).collect()
    }
}

/// Waits until `condition` holds.
#[track_caller]
pub fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let until = Instant::now() + LIMIT;
    while !condition() {
        assert!(Instant::now() < until, "{what}: not within {LIMIT:?}");
        thread::sleep(Duration::from_millis(10));
    }
}

/// Whether a process with this number exists, be it only as a zombie.
pub fn exists(pid: &str) -> bool {
    let pid = Pid::from_raw(pid.trim().parse().unwrap()).unwrap();
    rustix::process::test_kill_process(pid).is_ok()
}

/// The program `name`, when it is there. CI has everything: there, a missing program fails the test.
pub fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|program| program.is_file());
    if found.is_none() {
        let required = std::env::var_os("RAVELIN_REQUIRE_ALL").is_some_and(|value| value == "1");
        assert!(!required, "{name} is missing");
        eprintln!("skipped: {name} is missing");
    }
    found
}

/// What a program prints, with `input` on its stdin.
#[track_caller]
pub fn output(command: &mut Command, input: &str) -> (ExitStatus, String) {
    let mut running = Running::command(command);
    running.write(input).close_stdin();
    let end = running.end();
    let lines = [end.stdout, end.stderr].concat();
    (end.status, lines.join("\n"))
}
