//! Writes the DPoP cases into `tests/data/dpop`.

use std::{fs, io};

use ravelin_tests::dpop_cases::{files, path, text};

fn main() -> io::Result<()> {
    let files = files();
    for file in &files {
        fs::write(path(&file.subject), text(file))?;
        println!("{:>4} {}", file.cases.len(), file.subject);
    }
    let cases: usize = files.iter().map(|file| file.cases.len()).sum();
    println!("{cases:>4} cases");
    Ok(())
}
