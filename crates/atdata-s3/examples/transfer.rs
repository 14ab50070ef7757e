//! Writes a shard of a given size to a store, streams it back, and says how fast that was and how much memory it took.
//!
//! `cargo run --release -p atdata-s3 --example transfer -- s3://BUCKET/PREFIX MEBIBYTES`
//!
//! The server and the keys are those of the environment (`AWS_ENDPOINT`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`).
#![allow(clippy::print_stdout)]

use std::time::Instant;

use atdata_core::source::{Registry, UrlSource};
use atdata_core::{DataSource, DataStore, Error, PackedSample, Result, ShardInput, WriteOptions};
use atdata_s3::{S3Config, S3DataStore, register};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, mebibytes] = arguments.as_slice() else {
        return Err(Error::invalid("usage: transfer s3://BUCKET/PREFIX MEBIBYTES"));
    };
    let mebibytes: u64 = mebibytes.parse().map_err(|_| Error::invalid("the size is a number of MiB"))?;

    let store = S3DataStore::from_url(S3Config::default(), address)?;
    // What is transferred is of no interest; it is not packed, so that the transfer alone is measured.
    let payload = Bytes::from(
        (0..1 << 20).map(|n: u32| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect::<Vec<_>>(),
    );
    let samples = (0..mebibytes).map(move |n| Ok(PackedSample::new(format!("{n:09}"), payload.clone())));
    let options = WriteOptions::default().with_max_count(u64::MAX).with_max_size(u64::MAX);
    let start = Instant::now();
    let shards = store
        .write_shards(&mut ShardInput::encode(stream::iter(samples).boxed(), &options), "transfer")
        .await?;
    let size: u64 = shards.iter().map(|shard| shard.size).sum();
    report("written", size, start);

    let mut registry = Registry::default();
    register(&mut registry, S3Config::default());
    let start = Instant::now();
    let mut read = 0;
    for shard in &shards {
        let source = UrlSource::new(&shard.url, &registry)?;
        let mut chunks = source.open_shard(&shard.url).await?.into_chunks();
        while let Some(chunk) = chunks.try_next().await? {
            read += chunk.len() as u64;
        }
    }
    report("read", read, start);
    let urls: Vec<String> = shards.into_iter().map(|shard| shard.url).collect();
    store.remove_shards(&urls).await
}

#[allow(clippy::cast_precision_loss)]
fn report(what: &str, bytes: u64, start: Instant) {
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
