//! Indexes at several sizes: how long inserting, finding and listing takes.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use atdata::local::LocalIndex;
use atdata::{Index, Label, NewDataset};
use futures::TryStreamExt;
use serde::Serialize;

/// Datasets that are inserted together.
const BATCH: u64 = 100_000;
/// How often something is done that is measured one by one.
const TIMES: u64 = 2_000;
/// How often something is inserted one by one: a commit waits for the disk.
const INSERTS: u64 = 200;

/// What was measured: rates a second, and median microseconds of one call.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Measured {
    entries: u64,
    insert_many: Option<f64>,
    insert: f64,
    name: f64,
    label: f64,
    cid: f64,
    list: f64,
}

/// Fills an index up to a number of entries, of which it has some already, and measures it.
pub(crate) fn measure(address: &str, entries: u64) -> Result<Measured> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let index = match address.strip_prefix("sqlite:") {
            Some(path) => LocalIndex::open(path).await?,
            None => LocalIndex::redis(address).await?,
        };
        let mut listed = 0;
        let all = index.list_datasets("dataset-").map_ok(|_| 1_u64);
        let mut all = std::pin::pin!(all);
        while let Some(one) = all.try_next().await? {
            listed += one;
        }
        let filled = fill(&index, listed, entries).await?;
        let mut measured = Measured { entries, insert_many: filled, ..Measured::default() };

        let begun = Instant::now();
        let mut count = 0;
        let mut all = index.list_datasets("");
        while all.try_next().await?.is_some() {
            count += 1;
        }
        measured.list = rate(count, begun.elapsed());
        drop(all);
        if count < entries {
            bail!("{count} entries are listed of {entries}");
        }

        // Scattered over all of them.
        let names: Vec<String> =
            (0..TIMES).map(|n| name(n.wrapping_mul(0x9E37_79B9_7F4A_7C15) % entries)).collect();
        let mut cids = Vec::new();
        measured.name = each(&names, async |name| {
            let entry = index.get_dataset(name).await?;
            if entry.name() != *name {
                bail!("{name} leads to {}", entry.name());
            }
            cids.extend(entry.cid().map(str::to_owned));
            Ok(())
        })
        .await?;
        measured.cid = each(&cids, async |cid| {
            index.get_dataset(cid).await?;
            Ok(())
        })
        .await?;
        for (n, cid) in cids.iter().enumerate() {
            index.set_label(&Label::new(format!("best-{n}"), cid).with_version("1")).await?;
        }
        let labels: Vec<String> = (0..cids.len()).map(|n| format!("best-{n}@1")).collect();
        measured.label = each(&labels, async |label| {
            index.get_dataset(label).await?;
            Ok(())
        })
        .await?;
        let begun = Instant::now();
        for n in 0..INSERTS {
            let name = format!("single-{entries}-{n}");
            index
                .insert_dataset(NewDataset::new(&name, "Plain@1.0.0", vec![format!("/data/{name}.tar")]))
                .await?;
        }
        measured.insert = rate(INSERTS, begun.elapsed());
        Ok(measured)
    })
}

/// The number is also in Python's program.
fn name(n: u64) -> String {
    format!("dataset-{n:07}")
}

async fn fill(index: &LocalIndex, from: u64, to: u64) -> Result<Option<f64>> {
    let begun = Instant::now();
    let mut next = from;
    while next < to {
        let end = to.min(next + BATCH);
        let new = (next..end).map(|n| {
            let urls = vec![format!("s3://bucket/{}-{{000000..000009}}.tar", name(n))];
            let metadata = [("split", "train")].into_iter().collect();
            NewDataset::new(name(n), "atdata://local/schema/Plain@1.0.0", urls).with_metadata(metadata)
        });
        index.insert_many(new.collect()).await?;
        next = end;
    }
    Ok((from < to).then(|| rate(to - from, begun.elapsed())))
}

/// Microseconds that one of them takes: the median.
async fn each<T>(items: &[T], mut call: impl AsyncFnMut(&T) -> Result<()>) -> Result<f64> {
    let mut times = Vec::with_capacity(items.len());
    for item in items {
        let begun = Instant::now();
        call(item).await?;
        times.push(begun.elapsed());
    }
    times.sort();
    Ok(times.get(times.len() / 2).map_or(0.0, Duration::as_secs_f64) * 1e6)
}

#[allow(clippy::cast_precision_loss)]
fn rate(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}
