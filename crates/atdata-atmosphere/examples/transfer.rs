//! Writes a dataset of a given size to the blobs of an account and streams it back, or fills an index and lists it, and says
//! how fast that was and how much memory it took.
//!
//! `cargo run --release -p atdata-atmosphere --example transfer -- put NAME MEBIBYTES`, `… -- get @HANDLE/NAME…`,
//! `… -- fill COUNT`, `… -- list HANDLE`
//!
//! The account is that of the environment: `ATDATA_HANDLE`, `ATDATA_PASSWORD`, `ATDATA_PDS_URL`, `ATDATA_PLC_URL`. Reading
//! needs none.
#![allow(clippy::print_stdout)]

use std::time::Instant;

use atdata_atmosphere::{Atmosphere, AtmosphereOptions, BlobAddress, BlobSource, Credentials, PdsBlobStore};
use atdata_core::schema::{Field, Primitive, SampleSchema};
use atdata_core::{
    DataStore, Error, Index, IndexEntry, IndexExt, NewDataset, PackedSample, Result, ShardInput, WriteOptions,
};
use atdata_testkit::transfer::{self, report};
use bytes::Bytes;
use futures::{StreamExt, stream};

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let number = |text: &str| text.parse::<u32>().map_err(|_| Error::invalid("a number is missing"));
    match arguments.as_slice() {
        ["put", name, mebibytes] => put(name, number(mebibytes)?).await,
        ["get", names @ ..] => get(names).await,
        ["fill", count] => fill(number(count)?).await,
        ["list", account] => list(account).await,
        _ => Err(Error::invalid(
            "usage: transfer put NAME MEBIBYTES | get @HANDLE/NAME… | fill COUNT | list HANDLE",
        )),
    }
}

fn schema(name: &str) -> SampleSchema {
    SampleSchema::new(name).field(Field::new("raw", Primitive::Bytes))
}

async fn login() -> Result<Atmosphere> {
    let credentials = Credentials::from_env();
    let credentials =
        credentials.ok_or_else(|| Error::invalid("ATDATA_HANDLE and ATDATA_PASSWORD are not set"))?;
    Atmosphere::login(&credentials, AtmosphereOptions::from_env()?, None).await
}

async fn put(name: &str, mebibytes: u32) -> Result<()> {
    let atmosphere = login().await?;
    // Each payload is another one: equal shards would be sent once.
    let payload = |n: u32| -> Bytes {
        (0..1 << 20).map(|i: u32| ((i ^ n << 20).wrapping_mul(2_654_435_761) >> 24) as u8).collect()
    };
    let samples = (0..mebibytes).map(move |n| Ok(PackedSample::new(format!("{n:09}"), payload(n))));
    let options = WriteOptions::default();
    let start = Instant::now();
    let store = PdsBlobStore::new(&atmosphere)?;
    let mut input = ShardInput::encode(stream::iter(samples).boxed(), &options);
    let shards = store.write_shards(&mut input, name).await?;
    report("written", shards.iter().map(|shard| shard.size).sum(), start);
    let new = NewDataset::from_shards(name, schema("Transfer"), shards);
    let entry = atmosphere.index()?.insert_dataset(new).await?;
    println!("{}", entry.uri().unwrap_or_default());
    Ok(())
}

async fn get(names: &[&str]) -> Result<()> {
    let atmosphere = Atmosphere::anonymous(AtmosphereOptions::from_env()?);
    for name in names {
        let account = name.strip_prefix('@').and_then(|name| name.split_once('/'));
        let (account, _) = account.ok_or_else(|| Error::invalid("a dataset is @HANDLE/NAME"))?;
        let entry = atmosphere.index_of(account).await?.get_dataset(name).await?;
        let blobs: Result<Vec<BlobAddress>> = entry.data_urls().iter().map(|url| url.parse()).collect();
        let source = BlobSource::new(&atmosphere, blobs?)?;
        let start = Instant::now();
        report("read", transfer::read(&source, 1).await?, start);
    }
    Ok(())
}

async fn fill(count: u32) -> Result<()> {
    let index = login().await?.index()?;
    let new = |n: u32| {
        let url = format!("https://data.example.org/{n:06}.tar");
        NewDataset::new(format!("dataset-{n:06}"), schema("Filling"), vec![url])
    };
    let start = Instant::now();
    index.insert_many((0..count).map(new).collect()).await?;
    report("inserted", count.into(), start);
    Ok(())
}

async fn list(account: &str) -> Result<()> {
    let index = Atmosphere::anonymous(AtmosphereOptions::from_env()?).index_of(account).await?;
    let start = Instant::now();
    let count = index.count_datasets().await?;
    report("listed", count, start);
    let start = Instant::now();
    for n in 0..100 {
        index.get_dataset(&format!("dataset-{:06}", n % count.max(1))).await?;
    }
    report("found", 100, start);
    Ok(())
}
