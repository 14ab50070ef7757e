//! One kept shard: its bytes, then what proves them.
//!
//! ```text
//! the shard's bytes
//! SHA-256 of each 256 KiB of them, the last one of what remains
//! version               as long as is said below; UTF-8
//! SHA-256 of the address
//! length of the shard    8 bytes, little-endian, as all numbers
//! length of the version  4 bytes
//! whether there is a version   4 bytes: 0 or 1
//! SHA-256 of all between the shard's bytes and here
//! "atcache1"
//! ```

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::Path;

use bytes::Bytes;
use sha2::{Digest, Sha256};

/// The bytes that are proved at once.
pub(super) const BLOCK: u64 = 256 << 10;
/// A SHA-256.
pub(super) type Sum = [u8; 32];

const MAGIC: &[u8; 8] = b"atcache1";
/// What follows the version.
const FIXED: u64 = 32 + 8 + 4 + 4 + 32 + 8;
/// Longer versions are not kept.
pub(super) const MAX_VERSION: usize = 4096;

/// A kept shard that is open for reading.
#[derive(Debug)]
pub(super) struct Entry {
    file: File,
    pub(super) length: u64,
    pub(super) version: Option<String>,
    sums: Bytes,
}

/// What is written behind the bytes of a shard.
pub(super) fn footer(address: &Sum, length: u64, version: Option<&str>, sums: &[Sum]) -> Vec<u8> {
    let mut footer = sums.concat();
    let version_bytes = version.unwrap_or_default().as_bytes();
    footer.extend_from_slice(version_bytes);
    footer.extend_from_slice(address);
    footer.extend_from_slice(&length.to_le_bytes());
    let version_length = u32::try_from(version_bytes.len()).unwrap_or(u32::MAX);
    footer.extend_from_slice(&version_length.to_le_bytes());
    footer.extend_from_slice(&u32::from(version.is_some()).to_le_bytes());
    let sum = Sha256::digest(&footer);
    footer.extend_from_slice(&sum);
    footer.extend_from_slice(MAGIC);
    footer
}

/// How long the file of a shard is.
pub(super) fn file_length(length: u64, version: Option<&str>) -> u64 {
    let sums = length.div_ceil(BLOCK).saturating_mul(32);
    length.saturating_add(sums).saturating_add(version.map_or(0, str::len) as u64).saturating_add(FIXED)
}

impl Entry {
    /// Opens a file; `None` if it is not a kept shard, whole, of the address.
    pub(super) fn open(path: &Path, address: &Sum) -> io::Result<Option<Self>> {
        let mut file = File::open(path)?;
        let Some((length, version, sums)) = read_footer(&mut file, address)? else { return Ok(None) };
        // For the order in which shards are evicted; it may be somebody else's file.
        let _ = file.set_modified(std::time::SystemTime::now());
        Ok(Some(Self { file, length, version, sums }))
    }

    pub(super) fn try_clone(&self) -> io::Result<Self> {
        let (version, sums) = (self.version.clone(), self.sums.clone());
        Ok(Self { file: self.file.try_clone()?, length: self.length, version, sums })
    }

    pub(super) fn blocks(&self) -> u64 {
        self.length.div_ceil(BLOCK)
    }

    /// Whether these are the bytes of a block.
    pub(super) fn proves(&self, block: u64, bytes: &[u8]) -> bool {
        let at = usize::try_from(block).ok().and_then(|block| block.checked_mul(32));
        let sum = at.and_then(|at| self.sums.get(at..at.checked_add(32)?));
        sum.is_some_and(|sum| *sum == *Sha256::digest(bytes))
    }

    /// Where a block lies.
    pub(super) fn place(&self, block: u64) -> Range<u64> {
        let start = block.saturating_mul(BLOCK);
        start..start.saturating_add(BLOCK).min(self.length)
    }

    /// Reads blocks until one is damaged; so many come back as are whole.
    pub(super) fn read(&mut self, blocks: Range<u64>) -> Vec<Bytes> {
        let mut whole = Vec::new();
        for block in blocks {
            match self.read_block(block) {
                Ok(bytes) if self.proves(block, &bytes) => whole.push(bytes.into()),
                _ => break,
            }
        }
        whole
    }

    fn read_block(&mut self, block: u64) -> io::Result<Vec<u8>> {
        let place = self.place(block);
        self.file.seek(SeekFrom::Start(place.start))?;
        read_exactly(&mut self.file, place.end.saturating_sub(place.start))
    }
}

/// Whether a file ends as one of ours, of whatever address.
pub(super) fn is_ours(path: &Path) -> bool {
    let ends = |mut file: File| -> io::Result<bool> {
        file.seek(SeekFrom::End(-8))?;
        Ok(read_exactly(&mut file, 8)? == MAGIC)
    };
    File::open(path).and_then(ends).unwrap_or(false)
}

type Footer = (u64, Option<String>, Bytes);

fn read_footer(file: &mut File, address: &Sum) -> io::Result<Option<Footer>> {
    let size = file.metadata()?.len();
    let Some(fixed_at) = size.checked_sub(FIXED) else { return Ok(None) };
    file.seek(SeekFrom::Start(fixed_at))?;
    let fixed = read_exactly(file, FIXED)?;
    let mut rest = fixed.as_slice();
    let mut take = |n: usize| rest.split_off(..n).unwrap_or_default();
    let (of_address, length, version_length) = (take(32), number(take(8)), number(take(4)));
    let (has_version, sum, magic) = (number(take(4)), take(32), take(8));
    let version_fits = version_length <= MAX_VERSION as u64 && has_version <= 1;
    if magic != MAGIC || of_address != address || !version_fits || length > size {
        return Ok(None);
    }
    let sums_length = length.div_ceil(BLOCK) * 32;
    if length + sums_length + version_length + FIXED != size {
        return Ok(None);
    }
    file.seek(SeekFrom::Start(length))?;
    let footer = read_exactly(file, size - length)?;
    let proved = footer.len().checked_sub(40).and_then(|end| footer.get(..end)).unwrap_or_default();
    if *sum != *Sha256::digest(proved) {
        return Ok(None);
    }
    let footer = Bytes::from(footer);
    let mut rest = footer;
    let sums = rest.split_to(usize::try_from(sums_length).unwrap_or(usize::MAX).min(rest.len()));
    let version = rest.get(..usize::try_from(version_length).unwrap_or(usize::MAX)).unwrap_or_default();
    let version = (has_version == 1).then(|| String::from_utf8_lossy(version).into_owned());
    Ok(Some((length, version, sums)))
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Exactly so many bytes, or an error.
fn read_exactly(file: &mut File, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = file.by_ref().take(length).read_to_end(&mut bytes)?;
    if read as u64 == length { Ok(bytes) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}
