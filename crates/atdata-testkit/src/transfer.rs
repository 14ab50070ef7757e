//! What the examples that measure share: reading shards as fast as they come, and saying how that went.
#![allow(clippy::print_stdout)]

use std::time::Instant;

use atdata_core::{DataSource, Result};
use futures::{StreamExt, TryStreamExt, stream};

/// Streams all shards of a source, so many at once, and forgets what comes. Gives the number of bytes.
///
/// ```
/// use atdata_core::source::FileSource;
/// use atdata_testkit::{fixtures, transfer};
///
/// # futures::executor::block_on(async {
/// let path = fixtures::path("python-0.7/scalars.tar");
/// let source = FileSource::new([&path]);
/// assert_eq!(transfer::read(&source, 1).await?, path.metadata()?.len());
/// # Ok::<(), atdata_core::Error>(())
/// # }).unwrap();
/// ```
pub async fn read(source: &dyn DataSource, at_once: usize) -> Result<u64> {
    let read = |shard: String| async move {
        let chunks = source.open_shard(&shard).await?.into_chunks();
        chunks.try_fold(0, async |read, chunk| Ok(read + chunk.len() as u64)).await
    };
    let shards = stream::iter(source.list_shards().await?).map(read);
    shards.buffer_unordered(at_once).try_fold(0, async |sum, read| Ok(sum + read)).await
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
