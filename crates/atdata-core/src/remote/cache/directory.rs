//! The directory: names, room, and who removes what.
//!
//! Every change of what is there is made under an exclusive lock on the file `lock`. Who writes a file holds a lock on
//! that file too, which ends with its process: a `.part` file that nobody has locked was left by one that was killed.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use super::entry::{Entry, Sum, is_ours};
use crate::shard::hex;

#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    limit: u64,
    /// Tells the files apart that this process writes.
    count: AtomicU64,
}

/// A place to write to; it is removed unless it is kept.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) file: File,
    path: PathBuf,
    kept: bool,
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.kept {
            // If it stays, the next one removes it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// What is there.
struct Found {
    path: PathBuf,
    size: u64,
    used: SystemTime,
    is_part: bool,
}

impl Directory {
    pub(super) fn open(path: PathBuf, limit: u64) -> io::Result<Self> {
        fs::create_dir_all(&path)?;
        let directory = Self { path, limit, count: AtomicU64::new(0) };
        directory.locked(|| Ok(()))?;
        Ok(directory)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn name(&self, address: &Sum) -> PathBuf {
        self.path.join(format!("{}.shard", hex(address)))
    }

    /// The kept shard of an address, if there is a good one.
    pub(super) fn find(&self, address: &Sum) -> Option<Entry> {
        match Entry::open(&self.name(address), address) {
            Ok(entry) => entry,
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!(%error, path = %self.path.display(), "the cache cannot be read");
                None
            }
        }
    }

    /// Removes the shard of an address, which is damaged.
    pub(super) fn remove(&self, address: &Sum) {
        let name = self.name(address);
        let removed = self.locked(|| if is_ours(&name) { fs::remove_file(&name) } else { Ok(()) });
        if let Err(error) = removed
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, path = %name.display(), "a damaged shard cannot be removed from the cache");
        }
    }

    /// Makes room and begins a file of `size` bytes; `None` if it does not fit.
    pub(super) fn reserve(&self, size: u64) -> io::Result<Option<Part>> {
        let Some(room) = self.limit.checked_sub(size) else { return Ok(None) };
        self.locked(|| {
            if !self.shrink(room)? {
                return Ok(None);
            }
            let number = self.count.fetch_add(1, Ordering::Relaxed);
            let path = self.path.join(format!("{}-{}-{number}.part", std::process::id(), instance()));
            let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
            let part = Part { file, path, kept: false };
            part.file.lock()?;
            // Others count it as if it were written.
            part.file.set_len(size)?;
            Ok(Some(part))
        })
    }

    /// Makes a finished file the shard of an address.
    pub(super) fn keep(&self, mut part: Part, address: &Sum) -> io::Result<()> {
        part.file.sync_all()?;
        self.locked(|| fs::rename(&part.path, self.name(address)))?;
        part.kept = true;
        // The name is durable when the directory is; not every system can be asked for it.
        let _ = File::open(&self.path).and_then(|directory| directory.sync_all());
        Ok(())
    }

    pub(super) fn size(&self) -> io::Result<u64> {
        Ok(self.found()?.iter().map(|found| found.size).sum())
    }

    /// Removes what was left, then what was used least recently, until there are at most `room` bytes. Whether there are.
    fn shrink(&self, room: u64) -> io::Result<bool> {
        let mut found = self.found()?;
        found.retain(|found| !(found.is_part && removed_if_left(&found.path)));
        let mut size: u64 = found.iter().map(|found| found.size).sum();
        found.retain(|found| !found.is_part);
        found.sort_by_key(|found| found.used);
        for oldest in found {
            if size <= room {
                break;
            }
            if is_ours(&oldest.path) && fs::remove_file(&oldest.path).is_ok() {
                size -= oldest.size;
            }
        }
        Ok(size <= room)
    }

    fn found(&self) -> io::Result<Vec<Found>> {
        let mut found = Vec::new();
        for item in fs::read_dir(&self.path)? {
            let item = item?;
            let name = item.file_name();
            let Some(is_part) = name.to_str().and_then(is_part) else { continue };
            // Another process may have removed it by now.
            let Ok(metadata) = item.metadata() else { continue };
            if metadata.is_file() {
                let used = metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH);
                found.push(Found { path: item.path(), size: metadata.len(), used, is_part });
            }
        }
        Ok(found)
    }

    fn locked<T>(&self, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let path = self.path.join("lock");
        let lock = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        lock.lock()?;
        work()
    }
}

/// Whether a name that the cache gives is that of a file which is still being written.
fn is_part(name: &str) -> Option<bool> {
    let (stem, kind) = name.split_once('.')?;
    match kind {
        "shard" => (stem.len() == 64 && stem.bytes().all(|b| b.is_ascii_hexdigit())).then_some(false),
        "part" => stem.bytes().all(|b| b.is_ascii_digit() || b == b'-').then_some(true),
        _ => None,
    }
}

/// Removes a file that nobody writes any more. Whether it is gone.
fn removed_if_left(path: &Path) -> bool {
    let Ok(file) = OpenOptions::new().read(true).write(true).open(path) else { return !path.exists() };
    match file.try_lock() {
        Ok(()) => fs::remove_file(path).is_ok(),
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => false,
    }
}

/// Tells apart processes that have the same number, in containers that share a directory.
fn instance() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}
