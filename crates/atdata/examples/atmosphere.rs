//! A dataset on the AT Protocol: published by an account, read by everybody.
//!
//! ```sh
//! export ATDATA_HANDLE=alice.example.org ATDATA_PASSWORD=abcd-efgh-ijkl-mnop   # an app password
//! cargo run --release -p atdata --features atmosphere --example atmosphere
//! ```
//!
//! Where the account's identity does not say which server it is on, `ATDATA_PDS_URL` does; `ATDATA_PLC_URL` is a directory
//! of `did:plc` of one's own. Running it again replaces the dataset `atdata-digits` in the account's repository.

#![allow(clippy::print_stdout)]

use std::path::Path;

use anyhow::{Context, ensure};
use atdata::prelude::*;
use atdata::url::AtUri;
use atdata::{IfExists, Packable, publish};
use futures::{StreamExt, TryStreamExt, stream};
use ndarray::Array2;

/// A scanned digit.
#[derive(Packable, Clone, Debug, PartialEq)]
struct Digit {
    /// 8 × 8 pixels, 0 (paper) to 16 (ink).
    #[packable(shape = "8, 8", dims = "y, x")]
    image: Array2<u8>,
    /// The digit that it shows.
    label: i64,
}

/// Works on every index, wherever its entries are.
async fn count(index: &dyn Index) -> Result<usize> {
    index.list_datasets("").try_fold(0, |n, _| async move { Ok(n + 1) }).await
}

/// Publishes digits in any index, with their shards in any store.
async fn publish_digits(
    index: &dyn Index,
    store: &dyn DataStore,
    digits: &[Digit],
) -> Result<std::sync::Arc<dyn IndexEntry>> {
    let samples = stream::iter(digits.to_vec()).map(Ok).boxed();
    let options = WriteOptions::default().with_max_count(200);
    let replaced = |new: NewDataset| new.with_version("1.0.0").with_if_exists(IfExists::Replace);
    publish(index, store, "atdata-digits", samples, &options, replaced).await
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // 1. Log in. The password is read from the environment and shown nowhere.
    let options = AtmosphereOptions::from_env()?;
    let credentials = Credentials::from_env().context("set ATDATA_HANDLE and ATDATA_PASSWORD")?;
    let alice = Atmosphere::login(&credentials, options.clone(), None).await?;
    let account = alice.whoami().await?;
    println!("logged in  {} ({}) on {}", account.handle, account.did, account.pds);
    let done = work(&alice, options).await;
    // The session has no further use.
    alice.logout().await?;
    done
}

async fn work(alice: &Atmosphere, options: AtmosphereOptions) -> anyhow::Result<()> {
    let digits = read_digits(&Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/digits.csv"))?;

    // 2. The same functions on an index in a file and on the network's.
    let home = tempfile::tempdir()?;
    let local = LocalIndex::open(home.path().join("index.db")).await?;
    publish_digits(&local, &LocalDiskStore::open(home.path().join("data"))?, &digits).await?;
    let index = alice.index()?;
    println!("counted    {} datasets here, {} in the repository", count(&local).await?, count(&index).await?);

    // 3. A schema is a record.
    let schema = index.publish_schema(&Digit::schema()).await?;
    println!("schema     {schema}");

    // 4. Samples → shards in blobs → a record that refers to them.
    let entry = publish_digits(&index, &PdsBlobStore::new(alice)?, &digits).await?;
    let uri = entry.uri().context("a record has an address")?.to_owned();
    println!("published  {uri}");
    println!(
        "           {} shards, the first is {}",
        entry.data_urls().len(),
        entry.data_urls().first().context("no shard")?
    );
    ensure!(entry.schema_ref() == schema, "the dataset has another schema: {}", entry.schema_ref());

    // 5. Everybody reads it, without an account: by name …
    let anybody = Atmosphere::anonymous(options);
    let mut registry = atdata::registry();
    atdata::atmosphere::register(&mut registry, &anybody);
    let owner = alice.did().context("logged in")?.as_str();
    let repository = anybody.index_of(owner).await?;
    let by_name = repository.dataset::<Digit>("atdata-digits", &registry).await?;
    let read: Vec<Digit> = by_name.ordered().try_collect().await?;
    ensure!(read == digits, "other digits came back");
    println!("by name    {} digits, as they were written", read.len());

    // … and by the record's address, from any index of the network; every byte is checked against the blobs' CIDs.
    let by_uri = repository.dataset::<Digit>(&uri, &registry).await?;
    let labels: Vec<i64> = by_uri.shuffled(42).map_ok(|digit| digit.label).try_collect().await?;
    ensure!(labels.len() == digits.len(), "{} labels came back", labels.len());
    println!("by URI     {} digits, shuffled; the first labels are {:?}", labels.len(), labels.get(..8));

    // 6. Whoever doubts the server asks for proof: the record is signed by its owner.
    let proof = anybody.verify_origin(&uri).await?;
    let authority = uri.parse::<AtUri>()?.authority;
    println!(
        "proved     {} is signed by {authority}, in revision {}",
        proof.cid,
        proof.rev.unwrap_or_default()
    );
    Ok(())
}

fn read_digits(path: &Path) -> anyhow::Result<Vec<Digit>> {
    let mut rows = csv::Reader::from_path(path).with_context(|| path.display().to_string())?;
    rows.deserialize()
        .map(|row| {
            let mut numbers: Vec<u8> = row?;
            let label = numbers.pop().context("an empty row")?;
            Ok(Digit { image: Array2::from_shape_vec((8, 8), numbers)?, label: label.into() })
        })
        .collect()
}
