//! How much of a shard is in memory at a time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use atdata_core::tar::TarEncoder;
use atdata_core::{DataSource, Dataset, DictSample, ReadOptions, Result, Sample, ShardBody, Value};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};

/// Bytes that are counted while they live.
struct Counted {
    bytes: Vec<u8>,
    live: Arc<AtomicUsize>,
}

impl AsRef<[u8]> for Counted {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.live.fetch_sub(self.bytes.len(), Ordering::SeqCst);
    }
}

/// One endless-looking shard: a chunk for each of `count` samples of `size` bytes.
#[derive(Debug)]
struct Generated {
    count: usize,
    size: usize,
    live: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

#[async_trait]
impl DataSource for Generated {
    async fn list_shards(&self) -> Result<Vec<String>> {
        Ok(vec!["generated.tar".to_owned()])
    }

    async fn open_shard(&self, _: &str) -> Result<ShardBody> {
        let (count, size) = (self.count, self.size);
        let (live, most) = (self.live.clone(), self.most.clone());
        let chunks = (0..=count).map(move |n| {
            let mut encoder = TarEncoder::default();
            let bytes = if n == count {
                encoder.finish().to_vec()
            } else {
                let filling = Value::from(Bytes::from(vec![7; size]));
                let sample = DictSample::from_iter([("filling", filling)]).pack().unwrap();
                encoder.append(&format!("{n}.msgpack"), sample).unwrap().concat()
            };
            let now = live.fetch_add(bytes.len(), Ordering::SeqCst) + bytes.len();
            most.fetch_max(now, Ordering::SeqCst);
            Ok(Bytes::from_owner(Counted { bytes, live: live.clone() }))
        });
        Ok(ShardBody::stream(None, stream::iter(chunks).boxed()))
    }
}

/// The most bytes of the shard that were alive at a time, reading it in a way.
fn most(size: usize, count: usize, options: ReadOptions, read: impl FnOnce(Dataset<DictSample>)) -> usize {
    let (live, most) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
    let source = Generated { count, size, live: live.clone(), most: most.clone() };
    read(Dataset::from_source(source).with_options(options));
    assert_eq!(live.load(Ordering::SeqCst), 0, "something is kept");
    most.load(Ordering::SeqCst)
}

/// Reads everything, one sample after the other.
fn ordered(dataset: Dataset<DictSample>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let count = runtime.block_on(dataset.ordered().try_fold(0, |n, _| async move { Ok(n + 1) })).unwrap();
    assert!(count > 0);
}

fn blocking(dataset: Dataset<DictSample>) {
    let mut samples = dataset.ordered().blocking();
    // The consumer is slow: everything that may be read ahead is.
    let mut count = 0u64;
    while samples.next().transpose().unwrap().is_some() {
        count += 1;
        (0..count % 50_000).for_each(|n| {
            std::hint::black_box(n);
        });
    }
}

#[test]
fn no_more_is_read_ahead_than_was_said() {
    const MIB: usize = 1 << 20;
    for (size, count) in [(1000, 20_000), (100_000, 600), (3 * MIB, 30)] {
        for read_ahead in [MIB, 8 * MIB] {
            for parallelism in [1, 4, 32] {
                let options =
                    ReadOptions::default().with_read_ahead(read_ahead as u64).with_parallelism(parallelism);
                // What is being framed, and the sample that the consumer has.
                let slack = 2 * (size + 2048) + (read_ahead / 4).max(size + 2048) + MIB / 2;
                for (how, read) in [("ordered", ordered as fn(_)), ("blocking", blocking)] {
                    let most = most(size, count, options.clone(), read);
                    assert!(
                        most <= read_ahead.max(size + 2048) + slack,
                        "{most} bytes at a time: {count} samples of {size}, {read_ahead} ahead, {parallelism} at once, {how}"
                    );
                }
            }
        }
    }
}

#[test]
fn batches_take_no_more_than_samples() {
    let options = ReadOptions::default().with_read_ahead(1 << 20).with_parallelism(4);
    let batch = 16 * 101_000;
    let most = most(100_000, 600, options, |dataset| {
        assert_eq!(dataset.batched(16).blocking().map(|batch| batch.unwrap().len()).sum::<usize>(), 600);
    });
    // Bytes in a batch are slices of the shard: one batch is being made or waits to be taken, one is being consumed, and the
    // samples of the next one are collected.
    assert!(most <= (1 << 20) + 4 * batch, "{most}");
}
