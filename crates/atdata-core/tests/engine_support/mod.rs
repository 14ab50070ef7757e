//! Datasets of numbers.
#![allow(dead_code, reason = "each test binary uses a part")]

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use async_trait::async_trait;
use atdata_core::shard_index::BuildOptions;
use atdata_core::tar::TarEncoder;
use atdata_core::{
    DataSource, Dataset, DictSample, MemorySource, Reader, Result, Sample, Samples, ShardBody, ShardIndex,
    Value,
};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use tokio::runtime::{Builder, Runtime};

pub(crate) fn shard_of(payloads: impl IntoIterator<Item = (i64, Bytes)>) -> Bytes {
    let mut encoder = TarEncoder::default();
    let mut tar = Vec::new();
    for (n, payload) in payloads {
        tar.extend(encoder.append(&format!("k{n}.msgpack"), payload).unwrap().concat());
    }
    tar.extend_from_slice(&encoder.finish());
    tar.into()
}

pub(crate) fn payload(n: i64) -> Bytes {
    DictSample::from_iter([("n", Value::from(n))]).pack().unwrap()
}

/// A number, and bytes so that samples take one to four blocks besides their header.
fn payload_of_some_length(n: i64) -> Bytes {
    let fill = Bytes::from(vec![0; usize::try_from(n.rem_euclid(4) * 500).unwrap()]);
    DictSample::from_iter([("n", Value::from(n)), ("fill", Value::Bytes(fill))]).pack().unwrap()
}

/// Shuffled, through a buffer that for some seeds is bounded in bytes rather than in samples.
pub(crate) fn shuffled(reader: Reader<DictSample>, seed: u64, buffer: usize) -> Reader<DictSample> {
    let bytes = [u64::MAX, 6 << 10, 1][usize::try_from(seed % 3).unwrap()];
    reader.shuffled_with_buffer(seed, buffer).shuffle_bytes(bytes)
}

/// Samples 0, 1, … in shards of these sizes, called `0.tar`, `1.tar`, …
pub(crate) fn source(sizes: &[usize]) -> MemorySource {
    let mut next = 0;
    MemorySource::new(sizes.iter().enumerate().map(|(i, size)| {
        let first = next;
        next += i64::try_from(*size).unwrap();
        (format!("{i}.tar"), shard_of((first..next).map(|n| (n, payload_of_some_length(n)))))
    }))
}

pub(crate) fn dataset(sizes: &[usize]) -> Dataset<DictSample> {
    Dataset::from_source(source(sizes))
}

pub(crate) fn number(sample: &DictSample) -> i64 {
    sample.get("n").and_then(Value::as_i64).unwrap()
}

pub(crate) fn numbers(samples: &[DictSample]) -> Vec<i64> {
    samples.iter().map(number).collect()
}

/// Runs a future on a runtime with threads, so that chunks are decoded several at a time and end in any order.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    static RUNTIME: LazyLock<Runtime> =
        LazyLock::new(|| Builder::new_multi_thread().worker_threads(2).build().unwrap());
    RUNTIME.block_on(future)
}

/// Everything that is left of a stream.
pub(crate) fn rest(samples: Samples<DictSample>) -> Vec<i64> {
    numbers(&block_on(samples.try_collect::<Vec<_>>()).unwrap())
}

/// Counts how often shards are opened.
#[derive(Debug)]
pub(crate) struct Counting(pub(crate) MemorySource, pub(crate) Arc<AtomicUsize>);

#[async_trait]
impl DataSource for Counting {
    async fn list_shards(&self) -> Result<Vec<String>> {
        self.0.list_shards().await
    }
    async fn open_shard(&self, id: &str) -> Result<ShardBody> {
        self.1.fetch_add(1, Ordering::Relaxed);
        self.0.open_shard(id).await
    }
}

/// Lists shards in an order of its own, or some more than once.
#[derive(Debug)]
pub(crate) struct Listed(pub(crate) MemorySource, pub(crate) Vec<&'static str>);

#[async_trait]
impl DataSource for Listed {
    async fn list_shards(&self) -> Result<Vec<String>> {
        Ok(self.1.iter().map(|&id| id.to_owned()).collect())
    }
    async fn open_shard(&self, id: &str) -> Result<ShardBody> {
        self.0.open_shard(id).await
    }
}

/// Never opens any shard but the first.
#[derive(Debug)]
pub(crate) struct Stuck(pub(crate) MemorySource);

#[async_trait]
impl DataSource for Stuck {
    async fn list_shards(&self) -> Result<Vec<String>> {
        self.0.list_shards().await
    }
    async fn open_shard(&self, id: &str) -> Result<ShardBody> {
        if id != "0.tar" {
            futures::future::pending::<()>().await;
        }
        self.0.open_shard(id).await
    }
}

/// The number of a shard and a range of its bytes.
pub(crate) type ShardRange = (usize, Range<u64>);

/// A source like one behind a network: nothing is resident, shards are read in ranges, through the indexes beside them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Remote {
    shards: Vec<(String, Bytes, Option<Bytes>)>,
    /// What was read.
    pub(crate) reads: Arc<Mutex<Vec<ShardRange>>>,
    /// How often an index was opened.
    pub(crate) opened: Arc<AtomicUsize>,
}

impl Remote {
    /// As [`source`].
    pub(crate) fn new(sizes: &[usize]) -> Self {
        let memory = source(sizes);
        let shard = |at: usize| {
            let id = format!("{at}.tar");
            let bytes = block_on(async { memory.open_shard(&id).await?.into_bytes().await }).unwrap();
            let options = BuildOptions::default().with_sha256(false);
            let index = block_on(ShardIndex::build(ShardBody::resident(bytes.clone()), &options)).unwrap();
            (id, bytes, Some(index.to_bytes()))
        };
        Self { shards: (0..sizes.len()).map(shard).collect(), ..Self::default() }
    }

    /// One shard has no index.
    pub(crate) fn without_index(mut self, shard: usize) -> Self {
        self.shards[shard].2 = None;
        self
    }

    pub(crate) fn taken_reads(&self) -> Vec<ShardRange> {
        std::mem::take(&mut self.reads.lock().unwrap())
    }

    fn find(&self, id: &str) -> (usize, &(String, Bytes, Option<Bytes>)) {
        self.shards.iter().enumerate().find(|(_, (name, ..))| name == id).unwrap()
    }
}

#[async_trait]
impl DataSource for Remote {
    async fn list_shards(&self) -> Result<Vec<String>> {
        Ok(self.shards.iter().map(|(name, ..)| name.clone()).collect())
    }
    async fn open_shard(&self, id: &str) -> Result<ShardBody> {
        let bytes = self.find(id).1.1.clone();
        Ok(ShardBody::stream(Some(bytes.len() as u64), stream::iter([Ok(bytes)]).boxed()))
    }
    async fn shard_size(&self, id: &str) -> Result<Option<u64>> {
        Ok(Some(self.find(id).1.1.len() as u64))
    }
    async fn read_range(&self, id: &str, range: Range<u64>) -> Result<Bytes> {
        let (at, (_, bytes, _)) = self.find(id);
        self.reads.lock().unwrap().push((at, range.clone()));
        ShardBody::resident(bytes.clone()).slice(range)
    }
    async fn open_index(&self, id: &str) -> Result<Option<Bytes>> {
        self.opened.fetch_add(1, Ordering::Relaxed);
        Ok(self.find(id).1.2.clone())
    }
}
