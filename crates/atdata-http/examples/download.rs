//! Streams shards from a web server, and says how fast that was and how much memory it took.
//!
//! `cargo run --release -p atdata-http --example download -- [--streams N] URL…`
//!
//! `--streams` sets how many parts of a shard are read at once; 1 reads it by one connection.

use std::time::Instant;

use atdata_core::remote::{ParallelReads, RemoteOptions};
use atdata_core::{Error, Result};
use atdata_http::{HttpOptions, HttpSource};
use atdata_testkit::transfer::{read, report};

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (parallel, urls) = match arguments.as_slice() {
        [option, number, urls @ ..] if option == "--streams" => {
            let streams = number.parse().map_err(|_| Error::invalid("--streams takes a number"))?;
            (ParallelReads { streams, ..ParallelReads::default() }, urls)
        }
        urls => (ParallelReads::default(), urls),
    };
    let options = HttpOptions::default().with_remote(RemoteOptions::default().with_parallel(parallel));
    let source = HttpSource::from_urls(urls, options)?;
    let start = Instant::now();
    report("read", read(&source).await?, start);
    Ok(())
}
