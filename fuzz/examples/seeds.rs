//! Writes the seeds of every target into the committed corpora. Files of other names stay.

use std::path::Path;
use std::{fs, io};

use ravelin_tests::fuzzing::seeds::seeds;

fn main() -> io::Result<()> {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let seeds = seeds();
    for seed in &seeds {
        let folder = corpora.join(seed.target);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(&seed.name), &seed.bytes)?;
    }
    println!("{} seeds", seeds.len());
    Ok(())
}
