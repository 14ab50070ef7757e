//! Choosing what is read, and in what order.

use std::fmt;

use super::order::{Order, Plan, SHUFFLE_BUFFER};
use super::samples::{Batches, Samples};
use super::state::{Position, ReadState, Run};
use super::{Dataset, pipeline};
use crate::{Collate, Error, Result};

/// How to go through a dataset: in what order, in which epoch, as which of several ranks, from where on. Made by
/// [`Dataset::reader`].
///
/// The order is a pure function of the list of shards, their samples, and what is set here. It is the same on every
/// machine and in every release with the same version of the order (`docs/order.md`).
///
/// ```
/// # use atdata_core::{DataStoreExt, DictSample, MemoryStore, Value, WriteOptions};
/// # use atdata_core::source::{Registry, UrlSource};
/// use atdata_core::Dataset;
/// use futures::{StreamExt, TryStreamExt};
///
/// # futures::executor::block_on(async {
/// # let store = MemoryStore::new();
/// # let samples = futures::stream::iter((0..100i64).map(|i| Ok(DictSample::from_iter([("n", i)])))).boxed();
/// # let options = WriteOptions::default().with_max_count(10);
/// # let shards = store.write_samples(samples, "numbers", &options).await?;
/// # let mut registry = Registry::default();
/// # registry.register("mem", std::sync::Arc::new(store));
/// # let source = UrlSource::from_urls(shards.into_iter().map(|shard| shard.url), &registry)?;
/// let dataset = Dataset::<DictSample>::from_source(source);
/// for epoch in 0..2 {
///     let reader = dataset.reader().shuffled(42).epoch(epoch).split(1, 4)?;
///     let mut batches = reader.batched(8);
///     let first = batches.try_next().await?;
///     assert_eq!(first.map(|batch| batch.len()), Some(8));
///
///     // Somewhere else, later:
///     let rest: Vec<_> = reader.resume(&batches.state())?.batched(8).try_collect().await?;
///     assert_eq!(rest, batches.try_collect::<Vec<_>>().await?);
/// }
/// # Ok::<(), atdata_core::Error>(())
/// # }).unwrap();
/// ```
pub struct Reader<T> {
    dataset: Dataset<T>,
    plan: Plan,
}

impl<T> Clone for Reader<T> {
    fn clone(&self) -> Self {
        Self { dataset: self.dataset.clone(), plan: self.plan }
    }
}

impl<T> fmt::Debug for Reader<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("dataset", &self.dataset).field("plan", &self.plan).finish()
    }
}

impl<T: Send + 'static> Reader<T> {
    /// All samples in stored order.
    pub(super) fn new(dataset: Dataset<T>) -> Self {
        Self { dataset, plan: Plan::default() }
    }

    /// Shuffles: shards are permuted, samples pass through a buffer of 10,000.
    #[must_use]
    pub fn shuffled(self, seed: u64) -> Self {
        self.shuffled_with_buffer(seed, SHUFFLE_BUFFER)
    }

    /// Like [`shuffled`](Self::shuffled), with a buffer of another size, in samples; zero counts as one. The buffer
    /// holds stored samples, not decoded ones.
    #[must_use]
    pub fn shuffled_with_buffer(mut self, seed: u64, buffer: usize) -> Self {
        self.plan.order = Order::Shuffled { seed, buffer: buffer.max(1) };
        self
    }

    /// Sets the epoch; each has an order of its own, if samples are shuffled. Epoch 0, where nothing is set, is the
    /// order that the seed itself gives.
    #[must_use]
    pub fn epoch(mut self, epoch: u64) -> Self {
        self.plan.epoch = epoch;
        self
    }

    /// Reads the part of rank `rank` among `world_size`. The shards, in the order of the epoch, are dealt to the ranks
    /// in turn: together the ranks read everything, and no two of them the same. Workers of a rank are ranks
    /// too: worker *w* of *n* is `split(rank * n + w, world_size * n)`.
    ///
    /// Whole shards are dealt, so that no rank reads bytes that another one needs. Ranks may get different numbers of
    /// samples, those beyond the number of shards none: training in lockstep must stop at the shortest one.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) if `rank` is not below `world_size`.
    pub fn split(mut self, rank: u32, world_size: u32) -> Result<Self> {
        if rank >= world_size {
            return Err(Error::invalid(format!(
                "there is no rank {rank} among {world_size}: ranks count from 0"
            )));
        }
        (self.plan.rank, self.plan.world_size) = (rank, world_size);
        Ok(self)
    }

    /// The samples, from the beginning.
    pub fn samples(&self) -> Samples<T> {
        pipeline::run(&self.dataset, Run::new(self.plan), Position::default())
    }

    /// Batches of `n` samples, from the beginning.
    pub fn batched(&self, n: usize) -> Batches<T>
    where
        T: Collate,
    {
        self.samples().batched(n)
    }

    /// The samples behind a state, exactly those that the stream it is of would have yielded.
    ///
    /// In stored order the shard that the state is in is read again from its start, shards before it are not. Shuffled
    /// samples are brought through the buffer again, which reads the shards so far but decodes nothing; under
    /// [`ErrorPolicy::SkipShard`](super::ErrorPolicy::SkipShard) they are decoded too, since a sample that cannot be
    /// decoded decides what becomes of its shard.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid), with the difference, if the state is one of another version, order,
    /// seed, buffer, epoch or split. That the shards are others shows when they are listed: then the first item of the
    /// stream is such an error.
    pub fn resume(&self, state: &ReadState) -> Result<Samples<T>> {
        let position = state.position_in(&self.plan)?;
        Ok(pipeline::run(&self.dataset, Run::resumed(self.plan, state), position))
    }
}
