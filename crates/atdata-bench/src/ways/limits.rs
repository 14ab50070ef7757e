//! What the machine can do with the same files, without `atdata`.

use std::fs::File;
use std::hint::black_box;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use sha2::{Digest, Sha256};

use crate::digest::{edges, words};
use crate::mapped;
use crate::measured::Measured;
use crate::plan::Job;
use crate::samples::Workload;

/// Samples in the buffer that is copied to: those of a batch.
const BATCH: usize = 32;

/// `cat` itself, with its start.
pub(super) fn cat<T: Workload>(job: &Job, _: &mut Measured) -> Result<()> {
    let status = Command::new("cat").args(job.shards(T::KIND)?).stdout(Stdio::null()).status()?;
    ensure!(status.success(), "cat ended with {status}");
    Ok(())
}

/// Reads into a buffer and sums its words.
pub(super) fn read_sum<T: Workload>(job: &Job, _: &mut Measured) -> Result<()> {
    let mut buffer = vec![0; 1 << 20];
    for path in job.shards(T::KIND)? {
        let mut file = File::open(path)?;
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            black_box(words(buffer.get(..read).context("more was read than there is room")?));
        }
    }
    Ok(())
}

/// Maps the files and sums their words.
pub(super) fn mmap_sum<T: Workload>(job: &Job, _: &mut Measured) -> Result<()> {
    for path in job.shards(T::KIND)? {
        black_box(words(&mapped::map(&path)?));
    }
    Ok(())
}

/// Maps the files and copies them into one buffer.
pub(super) fn memcpy<T: Workload>(job: &Job, _: &mut Measured) -> Result<()> {
    copied::<T>(job, edges)
}

/// Maps the files, copies them into one buffer and sums its words.
pub(super) fn memcpy_sum<T: Workload>(job: &Job, _: &mut Measured) -> Result<()> {
    copied::<T>(job, words)
}

/// Fills the buffer again and again, across the ends of files, as batches go across them.
fn copied<T: Workload>(job: &Job, look: fn(&[u8]) -> u64) -> Result<()> {
    let mut buffer = vec![0; BATCH * T::ARRAY];
    let mut filled = 0;
    for path in job.shards(T::KIND)? {
        let map = mapped::map(&path)?;
        let mut left: &[u8] = &map;
        while !left.is_empty() {
            let (now, later) = left.split_at(left.len().min(buffer.len() - filled));
            let room = buffer.get_mut(filled..filled + now.len()).context("more than there is room for")?;
            room.copy_from_slice(now);
            (left, filled) = (later, filled + now.len());
            if filled == buffer.len() {
                black_box(look(&buffer));
                filled = 0;
            }
        }
    }
    black_box(look(buffer.get(..filled).context("more than there is room for")?));
    Ok(())
}

/// Copies the files, and makes the copies as durable as a store does.
pub(super) fn copy<T: Workload>(job: &Job, _: &mut Measured) -> Result<()> {
    copies::<T>(job, |from, to| {
        std::fs::copy(from, to)?;
        Ok(())
    })
}

/// The same, with the SHA-256 of each file, which a store has to find.
pub(super) fn copy_sha256<T: Workload>(job: &Job, _: &mut Measured) -> Result<()> {
    copies::<T>(job, |from, to| {
        let (mut from, mut to) = (File::open(from)?, File::create(to)?);
        let (mut piece, mut hasher) = (vec![0; 256 << 10], Sha256::new());
        loop {
            let length = from.read(&mut piece)?;
            let read = piece.get(..length).context("more than there is room for")?;
            if read.is_empty() {
                black_box(hasher.finalize());
                return Ok(());
            }
            hasher.update(read);
            to.write_all(read)?;
        }
    })
}

fn copies<T: Workload>(job: &Job, copy_one: impl Fn(&Path, &Path) -> Result<()>) -> Result<()> {
    let out = job.out()?;
    for path in job.shards(T::KIND)? {
        let copy = out.join(path.file_name().context("a shard without a name")?);
        copy_one(&path, &copy)?;
        File::open(&copy)?.sync_all()?;
    }
    File::open(out)?.sync_all()?;
    Ok(())
}
