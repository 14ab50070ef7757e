//! Streams shards from a web server, and says how fast that was and how much memory it took.
//!
//! `cargo run --release -p atdata-http --example download -- [--parts N MEBIBYTES] URL…`
//!
//! `--parts` sets how many parts of a shard are read at once, and how long they are; 1 reads it by one connection.

use std::time::Instant;

use atdata_core::remote::{ParallelReads, RemoteOptions};
use atdata_core::{Error, Result};
use atdata_http::{HttpOptions, HttpSource};
use atdata_testkit::transfer::{read, report};

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (parallel, urls) = match arguments.as_slice() {
        [option, streams, mebibytes, urls @ ..] if option == "--parts" => {
            let number = |text: &str| text.parse().map_err(|_| Error::invalid("--parts takes two numbers"));
            let (streams, part): (u32, u32) = (number(streams)?, number(mebibytes)?);
            (ParallelReads { streams: streams as usize, part: u64::from(part) << 20 }, urls)
        }
        urls => (ParallelReads::default(), urls),
    };
    let options = HttpOptions::default().with_remote(RemoteOptions::default().with_parallel(parallel));
    let source = HttpSource::from_urls(urls, options)?;
    let start = Instant::now();
    report("read", read(&source).await?, start);
    Ok(())
}
