//! Writing through the public interface of `atdata`.

use anyhow::Result;
use atdata::{LocalDiskStore, MemoryIndex, WriteOptions, publish};
use futures::executor::block_on;
use futures::{StreamExt, stream};

use crate::measured::Measured;
use crate::plan::Job;
use crate::pool;
use crate::samples::Workload;

/// Publishes the data set, with durable shards, their indexes and SHA-256 sums.
pub(super) fn write<T: Workload>(job: &Job, measured: &mut Measured) -> Result<()> {
    let arrays = pool::arrays::<T>(&job.data, job.spec)?;
    let options = WriteOptions::default().with_max_count(job.spec.per_shard).with_max_size(u64::MAX);
    let (index, store) = (MemoryIndex::new(), LocalDiskStore::open(job.out()?)?);
    measured.prepared();
    let samples = (0..job.samples).map(|position| {
        pool::sample::<T>(position, &arrays).map_err(|error| atdata::Error::unexpected(format!("{error:#}")))
    });
    block_on(publish(&index, &store, T::KIND.name(), stream::iter(samples).boxed(), &options, |new| new))?;
    Ok(())
}
