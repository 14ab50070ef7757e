//! Samples by position and by key, through the indexes of shards.

use std::fmt;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};

use super::frames::Framed;
use super::indexes::{AT_ONCE, IndexedShard, Indexes, SharedIndexes, Wanted};
use super::pipeline::apply;
use super::{Dataset, Reader};
use crate::msgpack::UnpackOptions;
use crate::offload::offload;
use crate::shard_index::Run;
use crate::{Error, Result, ResultExt};

/// What happens when a shard has no index.
///
/// ```
/// assert_eq!(atdata_core::MissingIndex::default(), atdata_core::MissingIndex::WalkResident);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum MissingIndex {
    /// It is an error.
    Fail,
    /// A shard in memory or on local disk is walked, header by header; of any other it is an error.
    #[default]
    WalkResident,
    /// The shard is walked wherever it is: one that is not local is downloaded whole.
    Walk,
}

/// How [`Dataset::indexed_with`] reads.
///
/// ```
/// use atdata_core::{MissingIndex, RandomAccessOptions};
///
/// let options = RandomAccessOptions::default().with_missing(MissingIndex::Fail).with_gap(64 << 10);
/// assert_eq!(options.max_read, 8 << 20);
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RandomAccessOptions {
    /// What to do where a shard has no index.
    pub missing: MissingIndex,
    /// The most bytes between two wanted samples that are read and thrown away to save a read. Default: 16 KiB.
    pub gap: u64,
    /// The most bytes of one read of several samples. Default: 8 MiB.
    pub max_read: u64,
    /// The most bytes, or one sample, that a [`Reader`] looks ahead to find neighbours which it reads together; they are
    /// not in [`ReadOptions::read_ahead`](super::ReadOptions::read_ahead). Samples of resident shards count too,
    /// though nothing is read of them. Default: 48 MiB.
    pub look_ahead: u64,
}

impl Default for RandomAccessOptions {
    fn default() -> Self {
        Self { missing: MissingIndex::default(), gap: 16 << 10, max_read: 8 << 20, look_ahead: 48 << 20 }
    }
}

impl RandomAccessOptions {
    /// Sets what to do where a shard has no index.
    #[must_use]
    pub fn with_missing(mut self, missing: MissingIndex) -> Self {
        self.missing = missing;
        self
    }

    /// Sets the most bytes that are read and thrown away between two samples.
    #[must_use]
    pub fn with_gap(mut self, gap: u64) -> Self {
        self.gap = gap;
        self
    }

    /// Sets the most bytes of one read of several samples.
    #[must_use]
    pub fn with_max_read(mut self, max_read: u64) -> Self {
        self.max_read = max_read;
        self
    }

    /// Sets the most bytes that a reader reads ahead.
    #[must_use]
    pub fn with_look_ahead(mut self, look_ahead: u64) -> Self {
        self.look_ahead = look_ahead;
        self
    }
}

/// The samples of a dataset by position and by key; made by [`Dataset::indexed`].
///
/// Positions are those of *stored* samples, shard after shard: they do not depend on filters, and a sample that a
/// filter drops is `None`. Filters and maps of the dataset hold as they do in a stream; the error policy does not: what
/// is asked for by name is there or an error.
///
/// Reading one sample takes one slice of a resident or mapped shard, which is not copied, or one range request.
/// [`take`](Self::take) joins neighbours to fewer requests. Each sample is held against the index as it is read: that
/// there is one tar sample at the place, with the key and the payload that the index says.
///
/// The indexes of all shards are held, 44 bytes a sample, mapped where the source maps files. Mapped shards stay what
/// they were when this was made, even if their files are replaced.
///
/// ```
/// use atdata_core::{DataStoreExt, Dataset, DictSample, MemoryStore, Value, WriteOptions};
/// # use atdata_core::source::{Registry, UrlSource};
/// use futures::StreamExt;
///
/// # futures::executor::block_on(async {
/// # let store = MemoryStore::new();
/// # let samples = futures::stream::iter((0..100i64).map(|i| Ok(DictSample::from_iter([("n", i)])))).boxed();
/// # let shards = store.write_samples(samples, "numbers", &WriteOptions::default()).await?;
/// # let mut registry = Registry::default();
/// # registry.register("mem", std::sync::Arc::new(store));
/// # let source = UrlSource::from_urls(shards.into_iter().map(|shard| shard.url), &registry)?;
/// let dataset = Dataset::<DictSample>::from_source(source);
/// let numbers = dataset.map(|sample| sample.get("n").and_then(Value::as_i64).unwrap_or_default());
///
/// let numbers = numbers.indexed().await?;
/// assert_eq!(numbers.len(), 100);
/// assert_eq!(numbers.get(42).await?, Some(42));
/// assert_eq!(numbers.get_key("000000000007").await?, 7);
/// assert_eq!(numbers.take(&[99, 0, 99]).await?, [Some(99), Some(0), Some(99)]);
/// # Ok::<(), atdata_core::Error>(())
/// # }).unwrap();
/// ```
pub struct RandomAccess<T> {
    dataset: Dataset<T>,
    unpack: Arc<UnpackOptions>,
    indexes: Arc<Indexes>,
}

impl<T: Send + 'static> RandomAccess<T> {
    pub(super) async fn open(dataset: &Dataset<T>, options: &RandomAccessOptions) -> Result<Self> {
        let indexes = Indexes::open(dataset.origin.clone(), &dataset.options, *options).await?;
        let unpack = Arc::new(dataset.unpack_options());
        Ok(Self { dataset: dataset.clone(), unpack, indexes: Arc::new(indexes) })
    }

    /// The same samples through the same indexes, which are not opened again, but made by another recipe: projected,
    /// with their keys, mapped, seen through a lens.
    ///
    /// ```
    /// # use atdata_core::{DataStoreExt, Dataset, DictSample, MemoryStore, Value, WriteOptions};
    /// # use atdata_core::source::{Registry, UrlSource};
    /// # use futures::StreamExt;
    /// # futures::executor::block_on(async {
    /// # let store = MemoryStore::new();
    /// # let samples = futures::stream::iter((0..9i64).map(|i| Ok(DictSample::from_iter([("n", i)])))).boxed();
    /// # let shards = store.write_samples(samples, "numbers", &WriteOptions::default()).await?;
    /// # let mut registry = Registry::default();
    /// # registry.register("mem", std::sync::Arc::new(store));
    /// # let source = UrlSource::from_urls(shards.into_iter().map(|shard| shard.url), &registry)?;
    /// let samples = Dataset::<DictSample>::from_source(source).indexed().await?;
    /// let keys = samples.with_recipe(|dataset| Ok(dataset.keyed().map(|keyed| keyed.key)))?;
    /// assert_eq!(keys.get(7).await?.as_deref(), Some("000000000007"));
    /// # Ok::<(), atdata_core::Error>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    /// What `recipe` fails with; [`Invalid`](crate::ErrorKind::Invalid) if it gives a dataset of other shards.
    pub fn with_recipe<U: Send + 'static>(
        &self,
        recipe: impl FnOnce(&Dataset<T>) -> Result<Dataset<U>>,
    ) -> Result<RandomAccess<U>> {
        let dataset = recipe(&self.dataset)?;
        if !Arc::ptr_eq(&dataset.origin.source, &self.dataset.origin.source) {
            return Err(Error::invalid("the indexes are those of other shards"));
        }
        let unpack = Arc::new(dataset.unpack_options());
        Ok(RandomAccess { dataset, unpack, indexes: self.indexes.clone() })
    }

    /// Streams through these indexes, which are not opened again: see [`Reader::indexed`].
    pub fn reader(&self) -> Reader<T> {
        self.dataset.reader().with_indexes(SharedIndexes::opened(self.indexes.clone())).indexed()
    }

    /// The number of stored samples.
    pub fn len(&self) -> u64 {
        self.indexes.len()
    }

    /// Whether there are no samples.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The sample at a position; `None` if a filter drops it.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub async fn get(&self, position: u64) -> Result<Option<T>> {
        Ok(self.take(&[position]).await?.pop().flatten())
    }

    /// The first sample with a key. Of each shard before it the index is searched, O(log n); of the shards themselves
    /// nothing but the sample is read.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) if no sample has the key, or if a filter drops it; otherwise as
    /// [`take`](Self::take).
    pub async fn get_key(&self, key: &str) -> Result<T> {
        let nothing = || Error::not_found("no sample has this key").with("key", key);
        for shard in self.indexes.shards() {
            let candidates = shard.index.find(key).context("shard", &shard.id)?;
            if let Some(framed) = self.first_with_key(shard, &candidates, key).await? {
                let (stage, unpack) = (self.dataset.stage.clone(), self.unpack.clone());
                let sample = offload(move || apply(&stage, &framed, &unpack)).await??;
                return sample.ok_or_else(nothing);
            }
        }
        Err(nothing())
    }

    /// The samples at these positions, in the order asked for; `None` stands for one that a filter drops. A position
    /// may stand there more than once: it is read once and decoded each time.
    ///
    /// Samples are read in the order of the shards, neighbours in one read (see [`RandomAccessOptions`]), several reads
    /// at the same time. A sample keeps what was read with it in memory as long as it holds parts of it, as arrays do.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) if a position is beyond the last sample,
    /// [`Corrupt`](crate::ErrorKind::Corrupt) if the index turns out not to fit the shard; reading or decoding fails.
    pub async fn take(&self, positions: &[u64]) -> Result<Vec<Option<T>>> {
        let mut taken: Vec<Option<T>> = positions.iter().map(|_| None).collect();
        let mut runs = stream::iter(self.plan(positions)?)
            .map(|(shard, run)| self.read_run(shard, run))
            .buffered(AT_ONCE);
        while let Some(decoded) = runs.try_next().await? {
            for (slot, sample) in decoded {
                if let Some(place) = taken.get_mut(slot) {
                    *place = sample;
                }
            }
        }
        Ok(taken)
    }

    /// Walks every shard and holds it against its index, and against the checksum of the dataset's entry if there is
    /// one. Reads everything.
    ///
    /// # Errors
    /// [`Corrupt`](crate::ErrorKind::Corrupt) with `shard` if an index does not fit; reading fails.
    pub async fn verify(&self) -> Result<()> {
        self.indexes.verify().await
    }

    /// What is to be read for these positions; each sample goes with its place in the answer.
    fn plan(&self, positions: &[u64]) -> Result<Vec<(Arc<IndexedShard>, Run<usize>)>> {
        let mut wanted = Vec::with_capacity(positions.len());
        for (slot, position) in positions.iter().enumerate() {
            let Wanted { shard, position, location, .. } = self.indexes.find(*position, slot)?;
            wanted.push(Wanted { shard, position, location: location?, who: slot });
        }
        Ok(self.indexes.runs(wanted))
    }

    async fn read_run(&self, shard: Arc<IndexedShard>, run: Run<usize>) -> Result<Vec<(usize, Option<T>)>> {
        let bytes = self.indexes.read(&shard, run.range.clone()).await?;
        let (stage, unpack) = (self.dataset.stage.clone(), self.unpack.clone());
        let work = move || {
            let mut decoded = Vec::with_capacity(run.samples.len());
            // The same sample follows itself if it is wanted more than once.
            for same in run.samples.chunk_by(|a, b| a.0 == b.0) {
                let Some((location, _)) = same.first() else { continue };
                let framed = shard.frame(location, shard.part(location, &bytes, run.range.start)?)?;
                for (_, slot) in same {
                    decoded.push((*slot, apply(&stage, &framed, &unpack)?));
                }
            }
            Ok(decoded)
        };
        offload(work).await?
    }

    /// The first of the candidates that has the key: hashes may be equal though keys are not.
    async fn first_with_key(
        &self,
        shard: &IndexedShard,
        candidates: &[u64],
        key: &str,
    ) -> Result<Option<Framed>> {
        for candidate in candidates {
            let location = shard.index.get(*candidate).context("shard", &shard.id)?;
            let Some(range) = location.sample.range() else { continue };
            let framed = shard.frame(&location, self.indexes.read(shard, range).await?)?;
            if framed.raw.key() == key {
                return Ok(Some(framed));
            }
        }
        Ok(None)
    }
}

impl<T> fmt::Debug for RandomAccess<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RandomAccess")
            .field("shards", &self.indexes.shards().len())
            .field("len", &self.indexes.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures::executor::block_on;

    use super::*;
    use crate::tar::TarEncoder;
    use crate::{DictSample, MemorySource};

    #[test]
    fn of_keys_whose_hashes_collide_the_right_one_is_taken() {
        let mut encoder = TarEncoder::default();
        let mut shard = Vec::new();
        for name in ["a.msgpack", "b.msgpack", "c.msgpack", "b.msgpack"] {
            shard.extend(encoder.append(name, Bytes::from_static(b"\x80")).unwrap().concat());
        }
        shard.extend_from_slice(&encoder.finish());
        let dataset = Dataset::<DictSample>::from_source(MemorySource::new([("s", shard)]));
        block_on(async {
            let access = dataset.indexed().await.unwrap();
            let shard = &access.indexes.shards()[0];
            let offset_of = async |candidates: &[u64], key| {
                let found = access.first_with_key(shard, candidates, key).await.unwrap();
                found.map(|framed| framed.raw.header_offset)
            };
            // What a colliding hash would give as candidates.
            assert_eq!(offset_of(&[0, 1, 2, 3], "b").await, Some(1024));
            assert_eq!(offset_of(&[0, 2, 3], "b").await, Some(3072));
            assert_eq!(offset_of(&[0, 2], "b").await, None);
        });
    }
}
