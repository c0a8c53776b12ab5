//! The table as bytes, for a restart.
//!
//! | bytes | content |
//! |---|---|
//! | 8 | `RVPENAL1`: the 1 is the version |
//! | 8 | seconds since 1970 when it was written |
//! | 4 | the number of records |
//! | 32 each | principal (17), banned (1), bans so far (1), 0 (1), score (4), microseconds left (8) |
//! | 32 | SHA-256 of all that comes before |
//!
//! Numbers are big-endian. Bans come first, so that they find their places first. Nothing in it depends on the seed.

use core::fmt;

use sha2::{Digest, Sha256};

use super::entry::{Entry, Left};
use super::{MAX_SCORE, Penalties, Principal};
use crate::time::Now;

const MAGIC: &[u8; 7] = b"RVPENAL";
const VERSION: u8 = b'1';
const HEADER: usize = 20;
const RECORD: usize = 32;
const DIGEST: usize = 32;

impl Penalties {
    /// The bytes that [`snapshot`](Self::snapshot) writes at the same `now`. Looks at every entry.
    pub fn snapshot_len(&self, now: Now) -> usize {
        HEADER + self.left(now).count() * RECORD + DIGEST
    }

    /// Writes what is known of everybody, and says how many bytes that took. It allocates nothing.
    ///
    /// The digest at its end finds damage, not forgery: keep the bytes where only their owner can write.
    ///
    /// # Errors
    ///
    /// [`SnapshotError::BufferTooSmall`]; the content of `buffer` is then without value.
    pub fn snapshot(&self, now: Now, buffer: &mut [u8]) -> Result<usize, SnapshotError> {
        let needed = self.snapshot_len(now);
        let count = self.left(now).count() as u32; // At most `MAX_SLOTS`.
        let (body, digest) = buffer
            .get_mut(..needed)
            .and_then(|bytes| bytes.split_at_mut_checked(needed - DIGEST))
            .ok_or(SnapshotError::BufferTooSmall { needed })?;
        let (header, records) = body
            .split_at_mut_checked(HEADER)
            .ok_or(SnapshotError::BufferTooSmall { needed })?;
        write(
            header,
            &[
                MAGIC,
                &[VERSION],
                &now.unix.as_secs().to_be_bytes(),
                &count.to_be_bytes(),
            ],
        );
        let bans = self.left(now).filter(|(_, left)| left.is_banned);
        let others = self.left(now).filter(|(_, left)| !left.is_banned);
        for (to, (principal, left)) in records.chunks_exact_mut(RECORD).zip(bans.chain(others)) {
            write(
                to,
                &[
                    &principal.to_bytes(),
                    &[u8::from(left.is_banned), left.bans, 0],
                    &left.score.to_be_bytes(),
                    &left.micros.to_be_bytes(),
                ],
            );
        }
        digest.copy_from_slice(&Sha256::digest(body));
        Ok(needed)
    }

    /// Takes over what a snapshot says, less the time since it was written. What is known already stays where it is
    /// stricter.
    ///
    /// The time that passed is that of the wall clock, less a second for its rounding; a clock that stands before the
    /// time of writing counts as no time. Scores are rounded up to whole points. Nothing is taken over unless all of
    /// `bytes` is valid.
    ///
    /// # Errors
    ///
    /// What is wrong with `bytes`.
    pub fn restore(&mut self, bytes: &[u8], now: Now) -> Result<Restored, SnapshotError> {
        let (written, records) = parse(bytes)?;
        for (position, record) in records.iter().enumerate() {
            let position = position as u32; // At most the count in 32 bits.
            parse_record(record).ok_or(SnapshotError::Record { position })?;
        }
        let seconds = now.unix.as_secs().saturating_sub(written).saturating_sub(1);
        let elapsed = seconds.saturating_mul(1_000_000);
        let instant = self.latest.advance(now);
        let rules = self.rules;
        let mut restored = Restored::default();
        for (principal, left) in records.iter().filter_map(parse_record) {
            let left = left.after(elapsed, &rules);
            if left.is_nothing() || self.is_allowed(&principal) {
                restored.ended += 1;
                continue;
            }
            let weight = if left.is_banned { u32::MAX } else { 1 };
            match self.claim(principal, weight, instant) {
                Some((entry, _)) => {
                    entry.merge(Entry::revived(principal, left, instant, &rules));
                    restored.kept += 1;
                }
                None => restored.dropped += 1,
            }
        }
        Ok(restored)
    }

    /// What there is to tell of each principal.
    fn left(&self, now: Now) -> impl Iterator<Item = (Principal, Left)> {
        let now = self.latest.peek(now);
        self.entries().filter_map(move |entry| {
            let left = entry.settled(now, &self.rules).left(now, &self.rules);
            Some((entry.principal()?, left)).filter(|(_, left)| !left.is_nothing())
        })
    }
}

/// What became of the records of a snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[must_use = "records may have found no place"]
pub struct Restored {
    /// Taken over.
    pub kept: u32,
    /// Over by now, or of a principal on the allow-list.
    pub ended: u32,
    /// Without a place in this table.
    pub dropped: u32,
}

/// Why a snapshot cannot be written or read. The text is `cause; remedy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The buffer is too small.
    BufferTooSmall {
        /// How many bytes it needs.
        needed: usize,
    },
    /// The first bytes are not those of a snapshot.
    NotASnapshot,
    /// A version that this program does not know.
    Version {
        /// The byte that names it.
        found: u8,
    },
    /// Longer or shorter than the header says.
    Length,
    /// The digest is not that of the content.
    Checksum,
    /// A record that was never written like this.
    Record {
        /// Which one, from 0.
        position: u32,
    },
}

impl SnapshotError {
    /// The stable code of this error.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::BufferTooSmall { .. } => "E-LIM-60",
            Self::NotASnapshot => "E-LIM-61",
            Self::Version { .. } => "E-LIM-62",
            Self::Length => "E-LIM-63",
            Self::Checksum => "E-LIM-64",
            Self::Record { .. } => "E-LIM-65",
        }
    }
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BufferTooSmall { needed } => {
                write!(f, "the snapshot does not fit; give a buffer of {needed} bytes")
            }
            Self::NotASnapshot => {
                f.write_str("the bytes are no snapshot of penalties; check which file was read")
            }
            Self::Version { found } => write!(
                f,
                "the snapshot has version {}; read it with the program that wrote it",
                found.escape_ascii()
            ),
            Self::Length => f.write_str(
                "the snapshot is longer or shorter than it says; replace a file only when it is written whole",
            ),
            Self::Checksum => {
                f.write_str("the snapshot is damaged; use an older one, or begin without")
            }
            Self::Record { position } => write!(
                f,
                "record {position} of the snapshot cannot be; use an older one, or begin without"
            ),
        }
    }
}

impl core::error::Error for SnapshotError {}

/// The time of writing, and the records.
fn parse(bytes: &[u8]) -> Result<(u64, &[[u8; RECORD]]), SnapshotError> {
    let rest = bytes
        .strip_prefix(MAGIC)
        .ok_or(SnapshotError::NotASnapshot)?;
    let (version, rest) = rest.split_first().ok_or(SnapshotError::Length)?;
    if *version != VERSION {
        return Err(SnapshotError::Version { found: *version });
    }
    let (written, rest) = rest.split_first_chunk().ok_or(SnapshotError::Length)?;
    let (count, rest) = rest.split_first_chunk().ok_or(SnapshotError::Length)?;
    let (records, digest) = rest
        .split_last_chunk::<DIGEST>()
        .ok_or(SnapshotError::Length)?;
    let (records, odd) = records.as_chunks();
    if !odd.is_empty() || usize::try_from(u32::from_be_bytes(*count)) != Ok(records.len()) {
        return Err(SnapshotError::Length);
    }
    let (content, _) = bytes.split_at(bytes.len() - DIGEST);
    if Sha256::digest(content).as_slice() != digest {
        return Err(SnapshotError::Checksum);
    }
    Ok((u64::from_be_bytes(*written), records))
}

fn parse_record(record: &[u8; RECORD]) -> Option<(Principal, Left)> {
    let (principal, rest) = record.split_first_chunk()?;
    let (&[is_banned, bans, zero], rest) = rest.split_first_chunk()?;
    let (score, rest) = rest.split_first_chunk()?;
    let micros = rest.first_chunk()?;
    let left = Left {
        is_banned: is_banned == 1,
        bans,
        score: u32::from_be_bytes(*score),
        micros: u64::from_be_bytes(*micros),
    };
    let has_time = (left.is_banned || bans > 0) == (left.micros > 0);
    let is_valid =
        is_banned <= 1 && zero == 0 && left.score <= MAX_SCORE && has_time && !left.is_nothing();
    Principal::from_bytes(principal)
        .filter(|_| is_valid)
        .map(|principal| (principal, left))
}

/// Puts `parts` one after the other into `to`, which has their length.
fn write(to: &mut [u8], parts: &[&[u8]]) {
    for (to, from) in to.iter_mut().zip(parts.iter().copied().flatten()) {
        *to = *from;
    }
}
