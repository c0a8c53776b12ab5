//! Programs of others that a test runs against: found or skipped, waited for within bounds, ended with the test.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How long a test waits for a program, or a program's word, before it fails.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Whether `program` can be run here. When it cannot, the test says so and returns; with `RAVELIN_REQUIRE_ALL=1` in the
/// environment it fails instead.
///
/// ```
/// if !ravelin_tests::external::require("openssl") {
///     return;
/// }
/// ```
///
/// # Panics
///
/// When the program is missing and `RAVELIN_REQUIRE_ALL` is 1.
pub fn require(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    if std::env::split_paths(&path).any(|folder| folder.join(program).is_file()) {
        return true;
    }
    let all = std::env::var_os("RAVELIN_REQUIRE_ALL").is_some_and(|value| value == "1");
    assert!(!all, "RAVELIN_REQUIRE_ALL is set, and {program} is missing");
    println!("SKIPPED: needs {program}");
    false
}

/// A program that runs. It is killed when this is dropped.
pub struct Running {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    output: Arc<Output>,
}

#[derive(Default)]
struct Output {
    /// Of stdout and of stderr. In one text, what comes in several reads of one would be torn by the other.
    texts: Mutex<[String; 2]>,
    grown: Condvar,
}

impl Running {
    /// Starts `program` with everything it says collected, on stdout and on stderr.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn start(program: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{program} cannot be started: {error}"));
        let output = Arc::new(Output::default());
        collect(child.stdout.take(), &output, 0);
        collect(child.stderr.take(), &output, 1);
        Self {
            name: format!("{program} {}", arguments.join(" ")),
            input: child.stdin.take(),
            child,
            output,
        }
    }

    /// Gives it `text` to read. A program that reads no more is not an error here: what it said tells why.
    pub fn write(&mut self, text: &str) {
        if let Some(input) = &mut self.input {
            let _ = input.write_all(text.as_bytes());
            let _ = input.flush();
        }
    }

    /// Waits until it has said `text`.
    ///
    /// # Panics
    ///
    /// When it does not say that within [`PATIENCE`].
    pub fn wait_for(&mut self, text: &str) {
        self.wait_for_times(text, 1);
    }

    /// Waits until it has said `text` so many times.
    ///
    /// # Panics
    ///
    /// When it does not say that within [`PATIENCE`].
    pub fn wait_for_times(&mut self, text: &str, times: usize) {
        let until = Instant::now() + PATIENCE;
        let mut said = self.output.lock();
        let count =
            |said: &[String]| -> usize { said.iter().map(|said| said.matches(text).count()).sum() };
        while count(&said[..]) < times {
            let left = until.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "{} never said {text:?}, only:\n{}",
                self.name,
                said.concat()
            );
            let woken = self.output.grown.wait_timeout(said, left);
            said = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The rest of the first line that begins with `start`, once that line is complete.
    pub fn line_after(&mut self, start: &str) -> String {
        self.wait_for(start);
        let until = Instant::now() + PATIENCE;
        loop {
            let said = self.output.lock().clone();
            let mut rests = said.iter().filter_map(|said| said.split_once(start));
            if let Some((line, _)) = rests.find_map(|(_, rest)| rest.split_once('\n')) {
                return line.trim().to_owned();
            }
            assert!(Instant::now() < until, "{} never ended its line", self.name);
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Closes its input and waits for it to end. Returns how it ended and everything it said.
    ///
    /// # Panics
    ///
    /// When it does not end within [`PATIENCE`].
    pub fn finish(&mut self) -> (ExitStatus, String) {
        drop(self.input.take());
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child can be waited for") {
                // The collectors hold the other references until both pipes are at their end.
                while Arc::strong_count(&self.output) > 1 && Instant::now() < until {
                    thread::sleep(Duration::from_millis(2));
                }
                return (status, self.output.lock().concat());
            }
            assert!(Instant::now() < until, "{} does not end", self.name);
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Output {
    fn lock(&self) -> std::sync::MutexGuard<'_, [String; 2]> {
        self.texts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn collect(pipe: Option<impl Read + Send + 'static>, output: &Arc<Output>, stream: usize) {
    let output = Arc::clone(output);
    thread::spawn(move || {
        let mut pipe = pipe.expect("piped");
        let mut buffer = [0; 4096];
        while let Ok(read @ 1..) = pipe.read(&mut buffer) {
            let text = String::from_utf8_lossy(&buffer[..read]);
            output.lock()[stream].push_str(&text);
            output.grown.notify_all();
        }
    });
}

/// A folder for files that a program reads or writes. It is removed when this is dropped.
pub struct Scratch(PathBuf);

impl Scratch {
    /// An empty folder.
    ///
    /// # Panics
    ///
    /// When it cannot be made.
    #[expect(clippy::new_without_default, reason = "it makes a folder on the disk")]
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "ravelin-test-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder).expect("a temporary folder can be made");
        Self(folder)
    }

    /// The path of the file `name`, whether it is there or not.
    pub fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().expect("UTF-8").to_owned()
    }

    /// Writes a file, and returns its path.
    ///
    /// # Panics
    ///
    /// When it cannot be written.
    pub fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::write(Path::new(&path), content).expect("a temporary file can be written");
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
