//! Repairing shards from another copy.

use std::io::Write;
use std::path::Path;

use atdata::shard::hex;
use atdata::url::redact;
use atdata::{DataSource, Error, Result, ResultExt};
use futures::TryStreamExt;
use sha2::{Digest, Sha256};

use crate::address::local_path_of;
use crate::source_arg::Source;

/// Replaces a shard by the same bytes from another copy of the dataset, as a whole or not at all. What is there is touched only when the
/// copy has the checksum that the entry states.
///
/// # Errors
/// The shard is no file; the entry states no checksum, by which a copy could be known; no shard of the copy has it.
pub(super) async fn repair(damaged: &Source, shard: &str, position: usize, copy: &Source) -> Result<u64> {
    let expected = damaged.entry.as_deref().and_then(|entry| entry.checksum(shard));
    let expected = expected.ok_or_else(|| {
        Error::unsupported("no checksum is known, by which an undamaged copy could be told from another one")
            .with("shard", redact(shard))
    })?;
    let path = local_path_of(shard).ok_or_else(|| {
        let message = "only shards in files are repaired where they are; `atdata migrate --copy` makes a new copy of others";
        Error::unsupported(message).with("shard", redact(shard))
    })?;
    let candidates = candidates(copy, expected, position).await?;
    let mut failed = None;
    for candidate in candidates {
        match replace(&path, expected, copy, &candidate).await {
            Ok(size) => return Ok(size),
            Err(error) => failed = Some(error.with("copy", redact(&candidate))),
        }
    }
    Err(failed.unwrap_or_else(|| Error::not_found("the copy has no such shard").with("shard", redact(shard))))
}

/// Shards of the copy that may have the bytes: those whose stated checksum is the one, or else the one in the same place.
async fn candidates(copy: &Source, expected: &str, position: usize) -> Result<Vec<String>> {
    let shards = copy.shards.list_shards().await?;
    let stated = |shard: &String| copy.entry.as_deref().and_then(|entry| entry.checksum(shard));
    let equal: Vec<String> = shards
        .iter()
        .filter(|shard| stated(shard).is_some_and(|found| found.eq_ignore_ascii_case(expected)))
        .cloned()
        .collect();
    Ok(if equal.is_empty() { shards.into_iter().skip(position).take(1).collect() } else { equal })
}

async fn replace(path: &Path, expected: &str, copy: &Source, candidate: &str) -> Result<u64> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut chunks = copy.shards.open_shard(candidate).await?.into_chunks();
    let mut file = tempfile::Builder::new().prefix(".repair-").tempfile_in(directory)?;
    let (mut hasher, mut size) = (Sha256::new(), 0);
    while let Some(chunk) = chunks.try_next().await? {
        hasher.update(&chunk);
        size += chunk.len() as u64;
        file.write_all(&chunk)?;
    }
    if !hex(&hasher.finalize()).eq_ignore_ascii_case(expected) {
        return Err(Error::corrupt("the copy has another checksum than the entry states"));
    }
    file.as_file().sync_all()?;
    #[cfg(unix)]
    if let Ok(before) = std::fs::metadata(path) {
        file.as_file().set_permissions(before.permissions())?;
    }
    file.persist(path).map_err(|failed| Error::from_io(failed.error)).context("path", path.display())?;
    Ok(size)
}
