//! Writes a shard of a given size to a store, or streams shards, and says how fast that was and how much memory it took.
//!
//! `cargo run --release -p atdata-s3 --example transfer -- put s3://BUCKET/PREFIX MEBIBYTES` prints the address of the shard,
//! `… -- get s3://BUCKET/KEY…` reads, `… -- remove s3://BUCKET/KEY` removes, `… -- sign s3://BUCKET/KEY` prints an address that
//! anybody may read for an hour.
//!
//! The server and the keys are those of the environment (`AWS_ENDPOINT`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`).
#![allow(clippy::print_stdout)]

use std::time::{Duration, Instant};

use atdata_core::source::{Registry, UrlSource};
use atdata_core::{DataStore, Error, PackedSample, Result, ShardInput, WriteOptions};
use atdata_s3::{S3Config, S3DataStore, register};
use atdata_testkit::transfer::{self, report};
use bytes::Bytes;
use futures::{StreamExt, stream};

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["put", address, mebibytes] => put(address, mebibytes).await,
        ["get", urls @ ..] => get(urls).await,
        ["remove", url] => store_of(url)?.remove_shards(&[(*url).to_owned()]).await,
        ["sign", url] => {
            println!("{}", store_of(url)?.presigned_url(url, Duration::from_secs(3600)).await?);
            Ok(())
        }
        _ => Err(Error::invalid(
            "usage: transfer put s3://BUCKET/PREFIX MEBIBYTES | get URL… | remove URL | sign URL",
        )),
    }
}

async fn put(address: &str, mebibytes: &str) -> Result<()> {
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
    report("written", shards.iter().map(|shard| shard.size).sum(), start);
    shards.iter().for_each(|shard| println!("{}", shard.url));
    Ok(())
}

async fn get(urls: &[&str]) -> Result<()> {
    let mut registry = Registry::default();
    register(&mut registry, S3Config::default());
    let source = UrlSource::from_urls(urls, &registry)?;
    let start = Instant::now();
    report("read", transfer::read(&source, 1).await?, start);
    Ok(())
}

/// The store in the bucket of an address.
fn store_of(url: &str) -> Result<S3DataStore> {
    let (bucket, _) = url.strip_prefix("s3://").unwrap_or(url).split_once('/').unwrap_or_default();
    S3DataStore::new(S3Config::default(), bucket)
}
