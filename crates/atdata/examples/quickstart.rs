//! The main job in one file: publish a typed dataset and stream it back by name.
//!
//! `cargo run --release --example quickstart` imports 1,797 handwritten digits into typed shards, registers them as
//! `digits` in an embedded index, and streams them back ordered, shuffled and batched. Everything happens in a
//! temporary directory; `cargo run --release --example quickstart -- DIRECTORY` keeps it.

#![allow(clippy::print_stdout)]

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, ensure};
use atdata::prelude::*;
use atdata::{Packable, publish};
use futures::{StreamExt, TryStreamExt, stream};
use ndarray::{Array2, Axis};

/// A scanned digit.
#[derive(Packable, Clone, Debug)]
struct Digit {
    /// 8 × 8 pixels, 0 (paper) to 16 (ink).
    #[packable(shape = "8, 8", dims = "y, x")]
    image: Array2<u8>,
    /// The digit that it shows.
    label: i64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let scratch = tempfile::tempdir()?;
    let home = std::env::args_os().nth(1).map_or_else(|| scratch.path().to_owned(), PathBuf::from);
    let csv = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data/digits.csv");

    // 1. Publish: samples → shards in a store → an entry in an index.
    let index = LocalIndex::open(home.join("index.db")).await?;
    let store = LocalDiskStore::open(home.join("data"))?;
    if index.get_dataset("digits").await.is_err_and(|error| error.is_not_found()) {
        let digits = stream::iter(read_digits(&csv)?).map(Ok).boxed();
        let options = WriteOptions::default().with_max_count(500);
        let started = Instant::now();
        let entry =
            publish(&index, &store, "digits", digits, &options, |new| new.with_version("1.0.0")).await?;
        println!(
            "published  {} as {} shards in {:.0?}",
            entry.name(),
            entry.data_urls().len(),
            started.elapsed()
        );
        println!("           {}", entry.schema_ref());
    } else {
        println!("found      digits, published by an earlier run");
    }

    // 2. Open by name. The stored schema is checked against `Digit`.
    let dataset = index.dataset::<Digit>("digits", &Registry::default()).await?;

    // 3. Ordered.
    let labels: Vec<i64> = dataset.map(|digit| digit.label).ordered().try_collect().await?;
    println!(
        "ordered    {} samples, the first labels are {:?}",
        labels.len(),
        labels.get(..8).unwrap_or_default()
    );

    // 4. Shuffled: the same seed gives the same order on every machine.
    let shuffled: Vec<i64> = dataset.map(|digit| digit.label).shuffled(42).try_collect().await?;
    let again: Vec<i64> = dataset.map(|digit| digit.label).shuffled(42).try_collect().await?;
    ensure!(shuffled == again, "the shuffled order changed");
    println!("shuffled   seed 42 begins with {:?}, twice", shuffled.get(..8).unwrap_or_default());

    // 5. Batched: array fields are stacked into one array of shape (n, 8, 8).
    let mut batches = dataset.shuffled(42).batched(256);
    let mut shapes = Vec::new();
    while let Some(batch) = batches.try_next().await? {
        shapes.push((batch.image.shape().to_vec(), batch.label.len()));
    }
    let (first, last) = (shapes.first().context("no batch")?, shapes.last().context("no batch")?);
    println!("batched    {} batches: images {:?}, the last {:?}", shapes.len(), first.0, last.0);

    // 6. A plain iterator, for a training loop without a runtime.
    let started = Instant::now();
    let epochs = 20;
    let mut samples = 0u32;
    let mut ink = ndarray::Array2::<f64>::zeros((8, 8));
    for seed in 0..epochs {
        for batch in dataset.shuffled(seed).batched(64).blocking() {
            let batch = batch?;
            ink += &batch.image.mapv(f64::from).sum_axis(Axis(0));
            samples += u32::try_from(batch.label.len())?;
        }
    }
    let rate = f64::from(samples) / started.elapsed().as_secs_f64();
    println!("iterated   {epochs} epochs of shuffled batches: {rate:.0} samples/s");

    println!("\nclass   count");
    for class in 0..10 {
        let count = labels.iter().filter(|label| **label == class).count();
        println!("{class:>5}   {count:>5}  {}", "█".repeat(count / 8));
    }
    println!("\nthe mean digit");
    let brightest = ink.fold(f64::MIN_POSITIVE, |a, b| a.max(*b));
    for row in ink.rows() {
        let shades: String = row.iter().map(|value| shade(value / brightest)).collect();
        println!("        {shades}");
    }

    println!("\nNext:");
    println!("  cargo run --release --example quickstart -- digits        keep the dataset");
    println!("  cargo run --release -p atdata-cli -- --index sqlite:digits/index.db show digits");
    println!("  cargo run --release -p atdata-cli -- --index sqlite:digits/index.db head digits");
    println!("  cargo doc --open -p atdata                                  the guide");
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

fn shade(value: f64) -> &'static str {
    match value {
        v if v > 0.8 => "██",
        v if v > 0.6 => "▓▓",
        v if v > 0.4 => "▒▒",
        v if v > 0.2 => "░░",
        _ => "  ",
    }
}
