//! `ravelin dev-ca`: a certificate authority for development, and certificates below it.

use std::fmt::Write as _;
use std::fs::{self, DirBuilder};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use ravelin_core::trust::pin::Pin;
use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::authority::{self, AUTHORITY_DAYS, Authority};
use crate::failure::{Exit, Failure};
use crate::new_file::{self, Readers, taken, unwritable};
use crate::style::{OneLine, Style, quoted, rfc3339};
use crate::subject::{Role, Subject};
use crate::{input, stdout};

/// Of the private keys, for whoever reads the table.
const KEYS: &str = if cfg!(unix) {
    "each with its private key beside it as .key, mode 0600"
} else {
    "each with its private key beside it as .key, readable to whom this directory is"
};

/// Make a development CA, and certificates for servers and clients below it
///
/// Writes ca.pem and ca.key, and NAME.pem and NAME.key for every name (keys with mode 0600 where files have modes, ECDSA P-256). A directory
/// that holds a CA already keeps it and gets the new certificates. No file is ever overwritten.
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  ravelin dev-ca --out certs --server localhost --client laptop
  ravelin dev-ca --out certs --client spiffe://example.org/agents/one --days 30")]
pub(crate) struct Args {
    /// Directory for the files; made when it is missing
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Make a server certificate for this DNS name (*.example.org too) or IP address
    #[arg(long, value_name = "NAME")]
    server: Vec<String>,
    /// Make a client certificate with this name: a DNS name, a SPIFFE ID or free text
    #[arg(long, value_name = "NAME")]
    client: Vec<String>,
    /// Days until the certificates end; the CA lasts 3650
    #[arg(long, value_name = "N", default_value_t = 365,
          value_parser = clap::value_parser!(u16).range(1..=i64::from(AUTHORITY_DAYS)))]
    days: u16,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> Result<(), Failure> {
    let subjects = subjects(args)?;
    let now = authority::clock(SystemTime::now())?;
    let existing = existing_authority(&args.out, now)?;
    if existing.is_some() && subjects.is_empty() {
        return Err(Failure::new(
            Exit::Usage,
            "E-CA-03",
            format!("{} holds a CA already", args.out.display()),
            "name what it shall certify: --server NAME or --client NAME",
        ));
    }
    let kept = existing.is_some();
    let authority = match existing {
        Some(authority) => authority,
        None => Authority::generate(now)?,
    };

    let mut report = Report::of(&args.out, &authority, kept);
    let mut files = Vec::new();
    if !kept {
        // First: of two runs at the same time, the one that creates it makes the CA.
        files.push(File::key(&args.out, "ca", authority.key_pem()));
        files.push(File::cert(&args.out, "ca", authority.cert_pem.clone()));
    }
    for subject in &subjects {
        let issued = authority.issue(subject, now, args.days)?;
        report.add(subject, issued.pin, issued.not_after);
        files.push(File::key(&args.out, &subject.stem, issued.key_pem));
        files.push(File::cert(&args.out, &subject.stem, issued.cert_pem));
    }
    write_all(&args.out, &files)?;

    stdout::print(&if args.json {
        report.json()
    } else {
        report.table(Style::stdout())
    })
}

/// Every name that was asked for, with file names that differ from each other and from the CA's.
fn subjects(args: &Args) -> Result<Vec<Subject>, Failure> {
    let servers = args.server.iter().map(|name| Subject::server(name));
    let clients = args.client.iter().map(|name| Subject::client(name));
    let subjects = servers.chain(clients).collect::<Result<Vec<_>, _>>()?;
    // Some file systems ignore case.
    let mut taken = vec!["ca".to_owned()];
    for subject in &subjects {
        let stem = subject.stem.to_lowercase();
        if taken.contains(&stem) {
            return Err(Failure::new(
                Exit::Usage,
                "E-CA-02",
                format!("two certificates would share the file {}.pem", subject.stem),
                "give every name once, and another name instead of 'ca'",
            ));
        }
        taken.push(stem);
    }
    Ok(subjects)
}

/// The CA of an earlier run, if `dir` holds one.
fn existing_authority(dir: &Path, now: OffsetDateTime) -> Result<Option<Authority>, Failure> {
    let unusable = |cause: String| {
        Failure::new(
            Exit::Configuration,
            "E-CA-05",
            format!("{} holds no usable CA: {cause}", dir.display()),
            "put a CA's ca.pem and ca.key there, or give another --out directory",
        )
    };
    let (cert, key) = (dir.join("ca.pem"), dir.join("ca.key"));
    match (exists(&cert)?, exists(&key)?) {
        (false, false) => return Ok(None),
        (true, false) => return Err(unusable("ca.pem is there without ca.key".to_owned())),
        (false, true) => return Err(unusable("ca.key is there without ca.pem".to_owned())),
        (true, true) => {}
    }
    refuse_readable_by_others(&key)?;
    let cert_pem = read_regular(&cert).map_err(|error| unusable(format!("ca.pem: {error}")))?;
    let key_pem = read_regular(&key).map_err(|error| unusable(format!("ca.key: {error}")))?;
    Authority::load(&cert_pem, &key_pem, now)
        .map(Some)
        .map_err(unusable)
}

/// A dangling link exists too: it would be written through.
fn exists(path: &Path) -> Result<bool, Failure> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(input::unreadable(path, &error)),
    }
}

#[cfg(unix)]
fn refuse_readable_by_others(key: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::PermissionsExt as _;

    let mode = fs::metadata(key)
        .map_err(|error| input::unreadable(key, &error))?
        .permissions()
        .mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(Failure::new(
        Exit::Configuration,
        "E-CA-07",
        format!(
            "{} can be used by others (mode {:04o})",
            key.display(),
            mode & 0o7777
        ),
        format!("run `chmod 600 {}`", quoted(key.as_os_str())),
    ))
}

#[cfg(not(unix))]
fn refuse_readable_by_others(_key: &Path) -> Result<(), Failure> {
    Ok(())
}

/// Whoever put a FIFO there would make us wait for ever.
fn read_regular(path: &Path) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    input::read(path)
}

/// What one run is about to write.
struct File {
    path: PathBuf,
    content: String,
    readers: Readers,
}

impl File {
    fn cert(dir: &Path, stem: &str, content: String) -> Self {
        Self {
            path: dir.join(format!("{stem}.pem")),
            content,
            readers: Readers::Everybody,
        }
    }

    fn key(dir: &Path, stem: &str, content: String) -> Self {
        Self {
            path: dir.join(format!("{stem}.key")),
            content,
            readers: Readers::Owner,
        }
    }
}

/// Writes all of `files` or none.
fn write_all(dir: &Path, files: &[File]) -> Result<(), Failure> {
    for file in files {
        if exists(&file.path)? {
            return Err(taken(&file.path));
        }
    }
    let mut made = Made::default();
    made.directory(dir)?;
    for file in files {
        made.file(file)?;
    }
    made.keep();
    Ok(())
}

/// What this run made so far; taken away again when it is dropped before `keep`.
#[derive(Default)]
struct Made {
    paths: Vec<PathBuf>,
}

impl Made {
    fn directory(&mut self, dir: &Path) -> Result<(), Failure> {
        let missing: Vec<&Path> = dir
            .ancestors()
            .take_while(|path| !path.as_os_str().is_empty() && !path.is_dir())
            .collect();
        for path in missing.into_iter().rev() {
            DirBuilder::new()
                .create(path)
                .map_err(|error| unwritable(path, &error))?;
            self.paths.push(path.to_owned());
        }
        Ok(())
    }

    fn file(&mut self, file: &File) -> Result<(), Failure> {
        let mut handle = new_file::create(&file.path, file.readers)
            .map_err(|error| unwritable(&file.path, &error))?;
        self.paths.push(file.path.clone());
        handle
            .write_all(file.content.as_bytes())
            .and_then(|()| handle.sync_all())
            .map_err(|error| unwritable(&file.path, &error))
    }

    fn keep(mut self) {
        self.paths.clear();
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        for path in self.paths.iter().rev() {
            // The failure that led here is what the user gets to read.
            let _ = if path.is_dir() {
                fs::remove_dir(path)
            } else {
                fs::remove_file(path)
            };
        }
    }
}

/// What a run tells its user.
struct Report<'a> {
    dir: &'a Path,
    rows: Vec<Row>,
}

struct Row {
    role: &'static str,
    name: String,
    stem: String,
    pin: Pin,
    not_after: OffsetDateTime,
    created: bool,
}

impl<'a> Report<'a> {
    fn of(dir: &'a Path, authority: &Authority, kept: bool) -> Self {
        let row = Row {
            role: "ca",
            name: authority.name.clone(),
            stem: "ca".to_owned(),
            pin: authority.pin,
            not_after: authority.not_after,
            created: !kept,
        };
        Self {
            dir,
            rows: vec![row],
        }
    }

    fn add(&mut self, subject: &Subject, pin: Pin, not_after: OffsetDateTime) {
        self.rows.push(Row {
            role: subject.role.as_str(),
            name: subject.name.clone(),
            stem: subject.stem.clone(),
            pin,
            not_after,
            created: true,
        });
    }

    fn path(&self, stem: &str, ending: &str) -> PathBuf {
        self.dir.join(format!("{stem}.{ending}"))
    }

    fn json(&self) -> String {
        let certificates: Vec<Value> = self
            .rows
            .iter()
            .map(|row| {
                json!({
                    "role": row.role,
                    "name": row.name,
                    "certificate": self.path(&row.stem, "pem").to_string_lossy(),
                    "key": self.path(&row.stem, "key").to_string_lossy(),
                    "pin": row.pin.to_string(),
                    "not_after": rfc3339(row.not_after),
                    "created": row.created,
                })
            })
            .collect();
        format!(
            "{}\n",
            json!({ "certificates": certificates, "next": self.next() })
        )
    }

    fn table(&self, style: Style) -> String {
        let files: Vec<String> = self
            .rows
            .iter()
            .map(|row| self.path(&row.stem, "pem").display().to_string())
            .collect();
        let width = files.iter().map(|f| f.chars().count()).max().unwrap_or(0);
        let mut table = String::new();
        for (row, file) in self.rows.iter().zip(&files) {
            let state = if row.created {
                style.green("wrote")
            } else {
                style.dim("kept ")
            };
            let pad = " ".repeat(width - file.chars().count());
            // Writing to a String cannot fail.
            let _ = writeln!(
                table,
                "{state}  {}{pad}  {:6}  {}  until {}  {}",
                style.bold(file),
                row.role,
                row.pin,
                row.not_after.date(),
                style.dim(&OneLine(&row.name).to_string()),
            );
        }
        let _ = writeln!(table, "{}", style.dim(KEYS));
        for next in self.next() {
            let _ = writeln!(table, "next: {next}");
        }
        table
    }

    /// The commands that use what was made.
    fn next(&self) -> Vec<String> {
        let path = |stem: &str, ending| quoted(self.path(stem, ending).as_os_str());
        let first = |role: Role| self.rows.iter().find(|row| row.role == role.as_str());
        let ca = path("ca", "pem");
        let server = first(Role::Server);
        let mut next = Vec::new();
        if let Some(server) = server {
            next.push(format!(
                "ravelin proxy --listen 127.0.0.1:8443 --cert {} --key {} --client-ca {ca} --to stdio -- CMD",
                path(&server.stem, "pem"),
                path(&server.stem, "key"),
            ));
        }
        if let Some(client) = first(Role::Client) {
            let host = server.map_or("HOST", |server| server.name.as_str());
            let host = if host.contains(':') {
                format!("[{host}]")
            } else {
                host.replace('*', "HOST")
            };
            next.push(format!(
                "ravelin bridge {host}:8443 --ca {ca} --cert {} --key {}",
                path(&client.stem, "pem"),
                path(&client.stem, "key"),
            ));
        }
        if next.is_empty() {
            next.push(format!(
                "ravelin dev-ca --out {} --server localhost --client laptop",
                quoted(self.dir.as_os_str())
            ));
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_appeared_since_the_check_is_not_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let file = File::key(dir.path(), "laptop", String::new());
        fs::write(&file.path, "of another run").unwrap();
        let failure = Made::default().file(&file).err().unwrap().to_string();
        assert!(failure.starts_with("error E-CA-04: "), "{failure}");
        assert_eq!(fs::read_to_string(&file.path).unwrap(), "of another run");
    }
}
