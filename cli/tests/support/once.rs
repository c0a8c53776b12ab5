//! One run of a command to its end.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Runs `ravelin COMMAND ARGUMENTS...` in `folder`, with nothing on stdin.
pub(crate) fn run(folder: &Path, command: &str, arguments: &[&str]) -> Output {
    ravelin(folder, command, arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

/// The same with `input` on stdin.
pub(crate) fn piped(folder: &Path, command: &str, arguments: &[&str], input: &[u8]) -> Output {
    let mut child = ravelin(folder, command, arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // What refuses early does not read to the end.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

/// The code of the last line of stderr.
pub(crate) fn failure(output: &Output) -> String {
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    let last = text.lines().last().unwrap_or_default();
    let code = last
        .strip_prefix("error ")
        .and_then(|rest| rest.split_once(": "));
    code.unwrap_or_else(|| panic!("{output:?}")).0.to_owned()
}

fn ravelin(folder: &Path, command: &str, arguments: &[&str]) -> Command {
    let mut ravelin = Command::new(env!("CARGO_BIN_EXE_ravelin"));
    ravelin.current_dir(folder).arg(command).args(arguments);
    ravelin
}
