//! A dataset moves from this machine to the AT Protocol: one function counts on both, one call carries it.
//!
//! ```sh
//! export ATDATA_HANDLE=alice.example.org ATDATA_PASSWORD=abcd-efgh-ijkl-mnop   # an app password
//! cargo run --release -p atdata --features atmosphere --example migrate
//! ```
//!
//! `ATDATA_PDS_URL` and `ATDATA_PLC_URL` name servers of one's own. Running it again replaces the dataset `atdata-features`
//! in the account's repository.

#![allow(clippy::print_stdout)]

use anyhow::{Context, ensure};
use atdata::exchange::{ExchangeOptions, Existing, migrate_dataset};
use atdata::prelude::*;
use atdata::{Packable, publish};
use futures::{StreamExt, TryStreamExt, stream};
use ndarray::Array1;

/// What a model makes of an image.
#[derive(Packable, Clone, Debug, PartialEq)]
struct FeatureSample {
    /// The image's name.
    image: String,
    /// Its features.
    #[packable(shape = "16")]
    features: Array1<f32>,
}

/// Works on every index.
async fn count(index: &dyn Index) -> Result<u64> {
    index.count_datasets().await
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let credentials = Credentials::from_env().context("set ATDATA_HANDLE and ATDATA_PASSWORD")?;
    let alice = Atmosphere::login(&credentials, AtmosphereOptions::from_env()?, None).await?;
    let done = work(&alice).await;
    alice.logout().await?;
    done
}

async fn work(alice: &Atmosphere) -> anyhow::Result<()> {
    // 1. A dataset on this machine.
    let home = tempfile::tempdir()?;
    let local = LocalIndex::open(home.path().join("index.db")).await?;
    let disk = LocalDiskStore::open(home.path().join("data"))?;
    let made: Vec<FeatureSample> = (0..100u8)
        .map(|n| FeatureSample {
            image: format!("image-{n}.png"),
            features: Array1::from_elem(16, f32::from(n)),
        })
        .collect();
    let samples = stream::iter(made.clone()).map(Ok).boxed();
    let options = WriteOptions::default().with_max_count(40);
    publish(&local, &disk, "atdata-features", samples, &options, |new| new.with_version("1.0.0")).await?;

    // 2. To the network: shards become blobs, byte for byte.
    let network = alice.index()?;
    let blobs = PdsBlobStore::new(alice)?;
    let mut registry = atdata::registry();
    atdata::atmosphere::register(&mut registry, alice);
    let options = ExchangeOptions::copy_to(&blobs, &registry).with_existing(Existing::Replace);
    let migrated = migrate_dataset("atdata-features", &local, &network, &options).await?;
    println!("migrated   {} shards, {} bytes", migrated.shards, migrated.bytes);
    let entry = migrated.entry.context("no entry")?;
    println!("           {}", entry.uri().context("a record has an address")?);
    println!("counted    {} datasets here, {} there", count(&local).await?, count(&network).await?);

    // 3. Read from there.
    let dataset = network.dataset::<FeatureSample>("atdata-features", &registry).await?;
    let read: Vec<FeatureSample> = dataset.ordered().try_collect().await?;
    ensure!(read == made, "other samples came back");
    println!("read       {} samples, as they were written", read.len());
    Ok(())
}
