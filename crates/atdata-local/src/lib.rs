//! Datasets on one machine, or shared by a team.
//!
//! - [`LocalIndex`]: an index in one SQLite file (feature `sqlite`), which is the file of Python `atdata` 0.7, or on a Redis
//!   server (feature `redis`), with the keys of Python 0.2 and 0.7. Any number of Rust and Python processes may use it at
//!   the same time.
//! - `RedisQueue` (feature `redis`): work on every shard of a dataset, by workers on any number of machines.
//! - [`LocalDiskStore`] (feature `disk`): a store that writes shards into a directory, all of a dataset or none.
//!
//! File and directory need nothing to be set up. Their places, if nothing else is said, are `~/.atdata/index.db` and `~/.atdata/data`,
//! as Python has them.
#![cfg_attr(
    all(feature = "sqlite", feature = "disk"),
    doc = r#"
```
use atdata_core::{DataStoreExt, DictSample, Index, NewDataset, WriteOptions};
use atdata_local::{LocalDiskStore, LocalIndex};
use futures::StreamExt;

# tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
# let directory = tempfile::tempdir().unwrap();
# let directory = directory.path();
let index = LocalIndex::open(directory.join("index.db")).await?;
let store = LocalDiskStore::open(directory.join("data"))?;

let samples = futures::stream::iter((0..3i64).map(|n| Ok(DictSample::from_iter([("n", n)])))).boxed();
let shards = store.write_samples(samples, "numbers", &WriteOptions::default()).await?;
index.insert_dataset(NewDataset::from_shards("numbers", "Number@1.0.0", shards)).await?;

let entry = index.get_dataset("numbers").await?;
assert!(entry.checksum(&entry.data_urls()[0]).is_some());
# Ok::<(), atdata_core::Error>(())
# }).unwrap();
```
"#
)]

#[cfg(feature = "disk")]
mod disk;
mod error;
#[cfg(any(feature = "sqlite", feature = "disk"))]
mod home;
#[cfg(any(feature = "sqlite", feature = "redis"))]
mod index;
#[cfg(any(feature = "sqlite", feature = "redis"))]
mod packed;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "sqlite")]
mod sqlite;

#[cfg(feature = "disk")]
pub use disk::{LocalDiskStore, Recovered};
#[cfg(any(feature = "sqlite", feature = "redis"))]
pub use index::{LocalIndex, LocalIndexOptions};
#[cfg(feature = "redis")]
pub use redis::queue::{RedisQueue, RedisQueueOptions};
