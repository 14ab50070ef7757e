use std::time::Duration;

use atdata_core::process::{ProcessOptions, Processed, ShardQueue, process_shards};
use atdata_core::tar::TarEncoder;
use atdata_core::{Dataset, DictSample, MemorySource, Result, Sample};
use atdata_local::{RedisQueue, RedisQueueOptions};

/// The queue of every test: each has a server or a database of its own.
pub(crate) const NAME: &str = "run";

/// The names of `count` shards.
pub(crate) fn names(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("s-{number:04}.tar")).collect()
}

/// A shard of so many samples.
pub(crate) fn shard(samples: i64) -> Vec<u8> {
    let (mut encoder, mut tar) = (TarEncoder::default(), Vec::new());
    for n in 0..samples {
        let sample = DictSample::from_iter([("n", n)]);
        tar.extend(encoder.append(&format!("{n:04}.msgpack"), sample.pack().unwrap()).unwrap().concat());
    }
    tar.extend_from_slice(&encoder.finish());
    tar
}

/// Shard `i` has `i + 1` samples.
pub(crate) fn dataset(count: usize) -> Dataset<DictSample> {
    let shards = names(count).into_iter().zip(1..).map(|(name, samples)| (name, shard(samples)));
    Dataset::from_source(MemorySource::new(shards))
}

/// What [`count`] gives for all shards of [`dataset`].
pub(crate) fn counts(count: usize) -> Vec<(String, u64)> {
    names(count).into_iter().zip(1..).collect()
}

/// Counts the samples of every shard, over any queue.
pub(crate) async fn count<Q: ShardQueue + Clone>(
    dataset: &Dataset<DictSample>,
    queue: &Q,
    options: &ProcessOptions,
) -> Result<Processed<u64>> {
    process_shards(dataset, queue, options, |job| async move { job.dataset().count().await }).await
}

/// A worker that is not missed soon.
pub(crate) fn patient() -> RedisQueueOptions {
    RedisQueueOptions::default().with_lease(Duration::from_secs(600))
}

/// A worker that is missed at once.
pub(crate) fn impatient() -> RedisQueueOptions {
    RedisQueueOptions::default().with_lease(Duration::from_millis(1))
}

/// A queue with so many shards.
pub(crate) async fn begun(options: &RedisQueueOptions, url: &str, shards: usize) -> RedisQueue {
    let queue = options.open(url, NAME).await.unwrap();
    queue.begin(&names(shards)).await.unwrap();
    queue
}
