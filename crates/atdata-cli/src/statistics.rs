//! Where statistics of datasets are kept, and whether they are still true.

use std::io::Write;
use std::path::{Path, PathBuf};

use atdata::describe::{FORMAT, Statistics};
use atdata::shard::hex;
use atdata::{DataSource, IndexEntry, Result, ResultExt};
use futures::{StreamExt, TryStreamExt, stream};
use sha2::{Digest, Sha256};

use crate::address::{local_path_of, statistics_directory};

/// The largest document that is read, in bytes.
const MAX_FILE: u64 = 64 << 20;
/// How many shards are asked for their size at the same time.
const AT_ONCE: usize = 16;

/// What a dataset's shards are at the moment.
#[derive(Debug)]
pub(crate) struct Content {
    /// A digest of addresses, sizes and checksums.
    pub(crate) digest: String,
    /// The bytes of all shards, if all sizes are known.
    pub(crate) bytes: Option<u64>,
    first: Option<String>,
}

/// Finds out what the shards of a source are, without reading them.
///
/// # Errors
/// They cannot be listed, or asked for their size.
pub(crate) async fn content(shards: &dyn DataSource, entry: Option<&dyn IndexEntry>) -> Result<Content> {
    let urls = shards.list_shards().await?;
    let sizes: Vec<Option<u64>> = stream::iter(urls.clone())
        .map(|url| async move { shards.shard_size(&url).await })
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    let mut digest = Sha256::new();
    for (url, size) in urls.iter().zip(&sizes) {
        let checksum = entry.and_then(|entry| entry.checksum(url));
        let line =
            [url, &size.map_or_else(String::new, |size| size.to_string()), checksum.unwrap_or_default()];
        digest.update(line.join("\t"));
        digest.update("\n");
    }
    Ok(Content {
        digest: format!("sha256:{}", hex(&digest.finalize())),
        bytes: sizes.into_iter().try_fold(0u64, |sum, size| sum.checked_add(size?)),
        first: urls.into_iter().next(),
    })
}

/// Where the statistics of a dataset may be, the best place first: beside its first shard, if that is a file, and in the
/// home directory.
pub(crate) fn places(entry: Option<&dyn IndexEntry>, content: &Content) -> Vec<PathBuf> {
    let beside = content.first.as_deref().and_then(local_path_of).map(|shard| {
        let name = shard.file_name().unwrap_or_default().to_string_lossy();
        let stem = name.split(".tar").next().unwrap_or_default();
        shard.with_file_name(format!("{stem}.statistics.json"))
    });
    let key = entry.and_then(IndexEntry::cid);
    let key = key.unwrap_or(&content.digest).replace(|c: char| !c.is_ascii_alphanumeric(), "-");
    let at_home = statistics_directory().ok().map(|directory| directory.join(format!("{key}.json")));
    beside.into_iter().chain(at_home).collect()
}

/// Reads statistics that are of what the shards are now.
pub(crate) fn load(places: &[PathBuf], content: &Content) -> Option<(PathBuf, Statistics)> {
    places.iter().find_map(|place| {
        let found = read(place).inspect_err(|error| {
            if !error.is_not_found() {
                tracing::warn!(%error, path = %place.display(), "statistics cannot be read");
            }
        });
        let found = found.ok()?;
        let is_current = found.format == FORMAT && found.content.as_deref() == Some(&content.digest);
        is_current.then(|| (place.clone(), found))
    })
}

fn read(path: &Path) -> Result<Statistics> {
    let size = std::fs::metadata(path)?.len();
    if size > MAX_FILE {
        return Err(atdata::Error::invalid(format!(
            "a document of {size} bytes; at most {MAX_FILE} are read"
        )));
    }
    serde_json::from_slice(&std::fs::read(path)?)
        .map_err(|error| atdata::Error::corrupt("this is no document of statistics").with_source(error))
}

/// Writes statistics to the first place that takes them.
///
/// # Errors
/// None of them does.
pub(crate) fn store(places: &[PathBuf], statistics: &Statistics) -> Result<PathBuf> {
    let mut failed = None;
    for place in places {
        match write(place, statistics) {
            Ok(()) => return Ok(place.clone()),
            Err(error) => failed = Some(error.with("path", place.display())),
        }
    }
    Err(failed.unwrap_or_else(|| atdata::Error::invalid("there is no place to keep statistics in")))
}

/// Writes a document as a whole or not at all.
pub(crate) fn write(path: &Path, document: &impl serde::Serialize) -> Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // The home directory's is made; one beside shards is there.
    if statistics_directory().is_ok_and(|home| home == directory) {
        std::fs::create_dir_all(directory).context("path", directory.display())?;
    }
    let mut file = tempfile::Builder::new().prefix(".atdata-").tempfile_in(directory)?;
    let text = serde_json::to_vec_pretty(document)
        .map_err(|error| atdata::Error::unexpected("the document cannot be written").with_source(error))?;
    file.write_all(&text)?;
    file.write_all(b"\n")?;
    file.persist(path).map_err(|failed| failed.error)?;
    Ok(())
}
