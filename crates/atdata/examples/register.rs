//! Registers shards that are on a web server already, as a dataset on the AT Protocol.
//!
//! ```sh
//! cargo run -p atdata --features atmosphere,http --example register -- NAME SCHEMA VERSION URL...
//! ```
//!
//! SCHEMA is the reference of a schema, such as the address of its record. Every shard is read once, for its length and
//! checksum. The dataset is labelled with VERSION, and `release` becomes a label for it. `ATDATA_HANDLE` and
//! `ATDATA_PASSWORD` say who publishes; `ATDATA_PROFILE=latest` writes the forms of Python's atdata 0.7 in place of 0.2's.

#![allow(clippy::print_stdout)]

use anyhow::{Context, Result, bail};
use atdata::atmosphere::DatasetDetails;
use atdata::atmosphere::records::DatasetSize;
use atdata::prelude::*;
use atdata::schema::Profile;
use atdata::shard::hex;
use atdata::source::UrlSource;
use atdata::{Label, Map, StoredShard};
use futures::TryStreamExt;
use sha2::{Digest, Sha256};

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, schema, version, urls @ ..] = &*arguments else { bail!("NAME SCHEMA VERSION URL...") };
    let profile = match std::env::var("ATDATA_PROFILE").ok().as_deref() {
        Some("latest") => Profile::Latest,
        None | Some("seed") => Profile::Seed,
        Some(other) => bail!("ATDATA_PROFILE is seed or latest, not {other}"),
    };
    let credentials = Credentials::from_env().context("set ATDATA_HANDLE and ATDATA_PASSWORD")?;
    let options = AtmosphereOptions::from_env()?.with_profile(profile);
    let atmosphere = Atmosphere::login(&credentials, options, None).await?;
    let done = register(&atmosphere, name, schema, version, urls).await;
    atmosphere.logout().await?;
    done
}

async fn register(
    atmosphere: &Atmosphere,
    name: &str,
    schema: &str,
    version: &str,
    urls: &[String],
) -> Result<()> {
    let (source, mut shards) = (UrlSource::from_urls(urls, &atdata::registry())?, Vec::new());
    for url in source.list_shards().await? {
        shards.push(looked_at(&source, url).await?);
    }
    let mut details = DatasetDetails::default();
    details.tags = vec!["registered".to_owned()];
    details.size = Some(DatasetSize {
        shards: Some(shards.len() as u64),
        bytes: Some(shards.iter().map(|shard| shard.size).sum()),
        ..DatasetSize::default()
    });
    let mut metadata = Map::new();
    metadata.insert("split", "train");
    let new = NewDataset::new(name, schema, Vec::new()).with_metadata(metadata).with_shards(shards);

    let index = atmosphere.index()?;
    let entry = index.insert(new.with_version(version), details).await?;
    let cid = entry.cid().context("a record has a CID")?;
    index.set_label(&Label::new("release", cid).with_version(version)).await?;
    println!("{}", entry.uri().context("a record has an address")?);
    Ok(())
}

/// A shard with its length and the checksum of its bytes.
async fn looked_at(source: &UrlSource, url: String) -> Result<StoredShard> {
    let mut chunks = source.open_shard(&url).await?.into_chunks();
    let (mut hasher, mut size) = (Sha256::new(), 0);
    while let Some(chunk) = chunks.try_next().await? {
        hasher.update(&chunk);
        size += chunk.len() as u64;
    }
    let mut shard = StoredShard::new(url, size);
    shard.sha256 = Some(hex(&hasher.finalize()));
    Ok(shard)
}
