//! Choosing what is read, and in what order.

use std::fmt;

use super::indexes::SharedIndexes;
use super::order::{Lengths, Order, Plan, SHUFFLE_BUFFER, SHUFFLE_BYTES, Split, Unit};
use super::random_access::RandomAccessOptions;
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
    indexes: SharedIndexes,
}

impl<T> Clone for Reader<T> {
    fn clone(&self) -> Self {
        Self { dataset: self.dataset.clone(), plan: self.plan, indexes: self.indexes.clone() }
    }
}

impl<T> fmt::Debug for Reader<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = f.debug_struct("Reader");
        text.field("dataset", &self.dataset).field("plan", &self.plan).finish_non_exhaustive()
    }
}

impl<T: Send + 'static> Reader<T> {
    /// All samples in stored order.
    pub(super) fn new(dataset: Dataset<T>) -> Self {
        let indexes = SharedIndexes::new(RandomAccessOptions::default());
        Self { dataset, plan: Plan::default(), indexes }
    }

    /// Takes indexes that are open.
    pub(super) fn with_indexes(mut self, indexes: SharedIndexes) -> Self {
        self.indexes = indexes;
        self
    }

    /// Shuffles: shards are permuted, samples pass through a buffer of 10,000, or of [256 MiB](Self::shuffle_bytes).
    #[must_use]
    pub fn shuffled(self, seed: u64) -> Self {
        self.shuffled_with_buffer(seed, SHUFFLE_BUFFER)
    }

    /// Like [`shuffled`](Self::shuffled), with a buffer of another size, in samples; zero counts as one. The buffer
    /// holds stored samples, not decoded ones.
    #[must_use]
    pub fn shuffled_with_buffer(mut self, seed: u64, buffer: usize) -> Self {
        self.plan.order = Order::Shuffled { seed, buffer: buffer.max(1), bytes: SHUFFLE_BYTES };
        self
    }

    /// Sets how many bytes the shuffle buffer holds at most, whatever its size in samples: each counts as what it takes
    /// in its shard, header and padding included. 256 MiB unless said otherwise; a larger sample is alone in it. To be
    /// called after [`shuffled`](Self::shuffled), and part of the order: other bytes are another order.
    #[must_use]
    pub fn shuffle_bytes(mut self, limit: u64) -> Self {
        if let Order::Shuffled { bytes, .. } = &mut self.plan.order {
            *bytes = limit;
        }
        self
    }

    /// Shuffles all samples: each order of them is possible, none is nearer to the stored one than another. Nothing is
    /// held for it but a few numbers, however many samples there are; but samples are read one by one from all over the
    /// dataset, which over a network costs a request for nearly each. Neighbours among those that are read
    /// [ahead](RandomAccessOptions::look_ahead) are read together.
    ///
    /// Samples are read through [indexes](Self::indexed).
    #[must_use]
    pub fn shuffled_globally(mut self, seed: u64) -> Self {
        self.plan.order = Order::Permuted { seed };
        self.plan.by = Unit::Samples;
        self
    }

    /// Reads single samples through the indexes of shards, as [`Dataset::indexed`] does, instead of whole shards. Then
    ///
    /// - a [`split`](Self::split) is exact: ranks differ by one sample at most, however many shards there are;
    /// - [resuming](Self::resume) reads nothing again but what a shuffle buffer held, and may be under another split;
    /// - every sample is held against the index, and an error concerns it alone:
    ///   [`ErrorPolicy::SkipShard`](super::ErrorPolicy::SkipShard) is as `SkipSample`.
    ///
    /// The indexes are opened when the first sample is asked for, once for a reader and its clones;
    /// [`RandomAccess::reader`](super::RandomAccess::reader) takes those that are open. Where they cannot be opened the
    /// first item is the error, whatever the policy: see [`Dataset::indexed_with`].
    ///
    /// ```
    /// use atdata_core::{Dataset, DictSample, Lengths};
    /// use futures::TryStreamExt;
    ///
    /// # async fn example(dataset: Dataset<DictSample>) -> atdata_core::Result<()> {
    /// let ranks = dataset.reader().indexed().lengths(Lengths::Drop);
    /// let first: Vec<DictSample> = ranks.clone().split(0, 2)?.samples().try_collect().await?;
    /// let second: Vec<DictSample> = ranks.split(1, 2)?.samples().try_collect().await?;
    /// assert_eq!(first.len(), second.len());
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn indexed(mut self) -> Self {
        self.plan.by = Unit::Samples;
        self
    }

    /// Sets how indexes are opened and read, where they are needed; among others what is done where there are none.
    #[must_use]
    pub fn index_options(mut self, options: RandomAccessOptions) -> Self {
        self.indexes = SharedIndexes::new(options);
        self
    }

    /// Sets the epoch; each has an order of its own, if samples are shuffled. Epoch 0, where nothing is set, is the
    /// order that the seed itself gives.
    #[must_use]
    pub fn epoch(mut self, epoch: u64) -> Self {
        self.plan.epoch = epoch;
        self
    }

    /// Reads the part of rank `rank` among `world_size`. Together the ranks read everything, and no two of them the
    /// same, unless [`lengths`](Self::lengths) says otherwise.
    ///
    /// | Order | A rank has |
    /// |---|---|
    /// | stored, shuffled | whole shards: in the order of the epoch, they are dealt to the ranks in turn |
    /// | the same, [`indexed`](Self::indexed) | one stretch of the samples, in stored order or of permuted shards |
    /// | [`shuffled_globally`](Self::shuffled_globally) | each `world_size`-th sample of the permutation |
    ///
    /// Where whole shards are dealt no rank reads bytes that another one needs, but ranks may get different numbers of
    /// samples, those beyond the number of shards none. Otherwise numbers differ by one at most.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) if `rank` is not below `world_size`, or if there are more than 2³² − 1
    /// workers of all ranks.
    pub fn split(mut self, rank: u32, world_size: u32) -> Result<Self> {
        if rank >= world_size {
            return Err(Error::invalid(format!(
                "there is no rank {rank} among {world_size}: ranks count from 0"
            )));
        }
        self.plan.split = Split { rank, world_size, ..self.plan.split };
        self.checked()
    }

    /// Reads the part of worker `worker` among the `workers` of a rank, which share what the rank has, to one sample
    /// where it is read through indexes. Where whole shards are dealt, worker *w* of *n* is
    /// `split(rank * n + w, world_size * n)`.
    ///
    /// # Errors
    /// As [`split`](Self::split).
    pub fn workers(mut self, worker: u32, workers: u32) -> Result<Self> {
        if worker >= workers {
            return Err(Error::invalid(format!(
                "there is no worker {worker} among {workers}: workers count from 0"
            )));
        }
        self.plan.split = Split { worker, workers, ..self.plan.split };
        self.checked()
    }

    fn checked(self) -> Result<Self> {
        let parts = self.plan.split.parts();
        if u32::try_from(parts).is_err() {
            return Err(Error::invalid(format!("a dataset cannot be split into {parts} parts")));
        }
        Ok(self)
    }

    /// Sets whether all ranks have the same number of samples, as training in lockstep needs it: one that waits for a
    /// rank that has nothing left waits forever.
    ///
    /// Numbers are those of *stored* samples: a filter, or a policy that skips, makes them different again. To know
    /// them before reading, anything but [`Lengths::Uneven`] needs the indexes of all shards, also where whole
    /// shards are dealt; see [`index_options`](Self::index_options) for what is done where they are missing.
    #[must_use]
    pub fn lengths(mut self, lengths: Lengths) -> Self {
        self.plan.lengths = lengths;
        self
    }

    /// The samples, from the beginning.
    pub fn samples(&self) -> Samples<T> {
        let run = Run::new(self.plan.normalized());
        pipeline::run(&self.dataset, &self.indexes, run, Position::default())
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
    /// Through [indexes](Self::indexed) nothing is read again but what the shuffle buffer held. Then the state of one
    /// part is that of all parts which have read as many stored samples: it can be resumed as any of them. Without a
    /// buffer the world size and the number of workers may be others than before: what all those parts have not
    /// read is split anew, so that together the new parts read exactly the rest of the epoch. That is not so if the
    /// parts had read different numbers of samples, as behind filters.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid), with the difference, if the state is one of another version, order,
    /// seed, buffer, epoch or split. That the shards are others shows when they are listed: then the first item of the
    /// stream is such an error.
    pub fn resume(&self, state: &ReadState) -> Result<Samples<T>> {
        let (run, position) = state.resumed(self.plan.normalized())?;
        Ok(pipeline::run(&self.dataset, &self.indexes, run, position))
    }
}
