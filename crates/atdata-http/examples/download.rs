//! Streams shards from a web server, and says how fast that was and how much memory it took.
//!
//! `cargo run --release -p atdata-http --example download -- [--at-once N] [--parts N MEBIBYTES] URL…`
//!
//! `--at-once` sets how many shards are read at once, `--parts` how many parts of a shard, and how long they are; 1 reads it by
//! one connection.

use std::time::Instant;

use atdata_core::remote::{ParallelReads, RemoteOptions};
use atdata_core::{Error, Result};
use atdata_http::{HttpOptions, HttpSource};
use atdata_testkit::transfer::{read, report};

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |text: &str| text.parse::<u32>().map_err(|_| Error::invalid("a number is missing"));
    let (at_once, arguments) = match arguments.as_slice() {
        [option, shards, rest @ ..] if option == "--at-once" => (number(shards)?, rest),
        all => (1, all),
    };
    let (parallel, urls) = match arguments {
        [option, streams, mebibytes, urls @ ..] if option == "--parts" => {
            let part = u64::from(number(mebibytes)?) << 20;
            (ParallelReads { streams: number(streams)? as usize, part }, urls)
        }
        urls => (ParallelReads::default(), urls),
    };
    let options = HttpOptions::default().with_remote(RemoteOptions::default().with_parallel(parallel));
    let source = HttpSource::from_urls(urls, options)?;
    let start = Instant::now();
    report("read", read(&source, at_once as usize).await?, start);
    Ok(())
}
