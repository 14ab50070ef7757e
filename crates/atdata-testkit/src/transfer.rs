//! What the examples that measure share: reading shards as fast as they come, and saying how that went.
#![allow(clippy::print_stdout)]

use std::time::Instant;

use atdata_core::{DataSource, Result};
use futures::TryStreamExt;

/// Streams all shards of a source, one after the other, and forgets what comes. Gives the number of bytes.
///
/// ```
/// use atdata_core::source::FileSource;
/// use atdata_testkit::{fixtures, transfer};
///
/// # futures::executor::block_on(async {
/// let path = fixtures::path("python-0.7/scalars.tar");
/// let source = FileSource::new([&path]);
/// assert_eq!(transfer::read(&source).await?, path.metadata()?.len());
/// # Ok::<(), atdata_core::Error>(())
/// # }).unwrap();
/// ```
pub async fn read(source: &dyn DataSource) -> Result<u64> {
    let mut read = 0;
    for shard in source.list_shards().await? {
        let mut chunks = source.open_shard(&shard).await?.into_chunks();
        while let Some(chunk) = chunks.try_next().await? {
            read += chunk.len() as u64;
        }
    }
    Ok(read)
}

/// Prints how much was moved since `start`, how fast, and the most memory that this process has had so far.
#[allow(clippy::cast_precision_loss)]
pub fn report(what: &str, bytes: u64, start: Instant) {
    let seconds = start.elapsed().as_secs_f64();
    let rate = bytes as f64 / seconds / 1e6;
    println!("{what}: {bytes} bytes in {seconds:.2} s, {rate:.0} MB/s; peak memory {}", peak_memory());
}

/// The most memory that this process has had, where the system says so.
fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or_else(|| "unknown".to_owned(), |value| value.trim().to_owned())
}
