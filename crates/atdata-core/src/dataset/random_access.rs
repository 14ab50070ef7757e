//! Samples by position and by key, through the indexes of shards.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::try_join;
use futures::{StreamExt, TryStreamExt, stream};

use super::frames::Framed;
use super::pipeline::{Recipe, apply};
use super::{Dataset, Origin};
use crate::msgpack::UnpackOptions;
use crate::offload::offload;
use crate::protocol::slice;
use crate::shard::hex;
use crate::shard_index::{BuildOptions, Limits, Run, SampleLocation, ShardIndex, coalesce, stale};
use crate::tar::TarOptions;
use crate::{Error, Result, ResultExt, ShardBody};

/// How many indexes are opened, and how many ranges are read, at the same time.
const AT_ONCE: usize = 8;
/// The most samples that are decoded in one piece of work.
const RUN_SAMPLES: usize = 256;

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
}

impl Default for RandomAccessOptions {
    fn default() -> Self {
        Self { missing: MissingIndex::default(), gap: 16 << 10, max_read: 8 << 20 }
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
    origin: Arc<Origin>,
    shards: Vec<Arc<IndexedShard>>,
    /// The position of the first sample of each shard.
    starts: Vec<u64>,
    len: u64,
    options: RandomAccessOptions,
    decode: Decode<T>,
}

/// What makes a `T` of the bytes of a sample.
struct Decode<T> {
    tar: TarOptions,
    unpack: Arc<UnpackOptions>,
    stage: Recipe<T>,
}

impl<T> Clone for Decode<T> {
    fn clone(&self) -> Self {
        Self { tar: self.tar.clone(), unpack: self.unpack.clone(), stage: self.stage.clone() }
    }
}

#[derive(Debug)]
struct IndexedShard {
    id: Arc<str>,
    index: ShardIndex,
    /// The shard itself, if it is resident.
    resident: Option<Bytes>,
}

impl<T: Send + 'static> RandomAccess<T> {
    pub(super) async fn open(dataset: &Dataset<T>, options: &RandomAccessOptions) -> Result<Self> {
        let origin = dataset.origin.clone();
        let ids = origin.source.list_shards().await?;
        let shards: Vec<Arc<IndexedShard>> = stream::iter(ids)
            .map(|id| {
                let (origin, tar) = (origin.clone(), dataset.options.tar.clone());
                async move {
                    let opened = IndexedShard::open(&origin, &id, options.missing, tar).await;
                    opened.map(Arc::new).context("shard", &id)
                }
            })
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        let mut len: u64 = 0;
        let mut starts = Vec::with_capacity(shards.len());
        for shard in &shards {
            starts.push(len);
            len = len.saturating_add(shard.index.len());
        }
        let decode = Decode {
            tar: dataset.options.tar.clone(),
            unpack: Arc::new(dataset.unpack_options()),
            stage: dataset.stage.clone(),
        };
        let access = Self { origin, shards, starts, len, options: *options, decode };
        if dataset.options.verify_checksums {
            access.verify().await?;
        }
        Ok(access)
    }

    /// The number of stored samples.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are no samples.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The sample at a position; `None` if a filter drops it.
    ///
    /// # Errors
    /// As [`take`](Self::take).
    pub async fn get(&self, position: u64) -> Result<Option<T>> {
        Ok(self.take(&[position]).await?.pop().flatten())
    }

    /// The first sample with a key. Of each shard before it the index is searched, O(log n).
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) if no sample has the key, or if a filter drops it; otherwise as
    /// [`take`](Self::take).
    pub async fn get_key(&self, key: &str) -> Result<T> {
        let nothing = || Error::not_found("no sample has this key").with("key", key);
        for shard in &self.shards {
            let candidates = shard.index.find(key).context("shard", &shard.id)?;
            if let Some(framed) = self.first_with_key(shard, &candidates, key).await? {
                let decode = self.decode.clone();
                let sample = offload(move || apply(&decode.stage, &framed, &decode.unpack)).await??;
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
        for shard in &self.shards {
            let body = match &shard.resident {
                Some(bytes) => ShardBody::resident(bytes.clone()),
                None => self.origin.source.open_shard(&shard.id).await?,
            };
            let found = shard.index.verify(body, &self.decode.tar).await.context("shard", &shard.id)?;
            self.origin.check_sha256(&shard.id, &found)?;
        }
        Ok(())
    }

    /// What is to be read for these positions; each sample goes with its place in the answer.
    fn plan(&self, positions: &[u64]) -> Result<Vec<(Arc<IndexedShard>, Run<usize>)>> {
        let mut wanted = Vec::with_capacity(positions.len());
        for (slot, position) in positions.iter().enumerate() {
            // Shards without samples share their start with the next one, which is the one to be found.
            let at = self.starts.partition_point(|start| start <= position).wrapping_sub(1);
            match self.starts.get(at).filter(|_| *position < self.len) {
                Some(start) => wanted.push((at, position - start, slot)),
                None => {
                    let has = self.len;
                    return Err(Error::invalid(format!(
                        "there is no sample at position {position}: the dataset has {has}"
                    )));
                }
            }
        }
        wanted.sort_unstable();
        let mut plan = Vec::new();
        for of_shard in wanted.chunk_by(|a, b| a.0 == b.0) {
            let Some(shard) = of_shard.first().and_then(|(at, ..)| self.shards.get(*at)) else { continue };
            let located = of_shard.iter().map(|(_, position, slot)| Ok((shard.index.get(*position)?, *slot)));
            let located: Vec<_> = located.collect::<Result<_>>().context("shard", &shard.id)?;
            let limits = match shard.resident {
                // A slice costs nothing: only the work is to be divided.
                Some(_) => Limits { gap: u64::MAX, bytes: u64::MAX, samples: RUN_SAMPLES },
                None => Limits { gap: self.options.gap, bytes: self.options.max_read, samples: RUN_SAMPLES },
            };
            plan.extend(coalesce(located, limits).into_iter().map(|run| (shard.clone(), run)));
        }
        Ok(plan)
    }

    async fn read_run(&self, shard: Arc<IndexedShard>, run: Run<usize>) -> Result<Vec<(usize, Option<T>)>> {
        let bytes = self.read(&shard, run.range.clone()).await?;
        let decode = self.decode.clone();
        let work = move || {
            let mut decoded = Vec::with_capacity(run.samples.len());
            // The same sample follows itself if it is wanted more than once.
            for same in run.samples.chunk_by(|a, b| a.0 == b.0) {
                let Some((location, _)) = same.first() else { continue };
                let framed = shard.frame(location, &bytes, run.range.start, &decode.tar)?;
                for (_, slot) in same {
                    decoded.push((*slot, apply(&decode.stage, &framed, &decode.unpack)?));
                }
            }
            Ok(decoded)
        };
        offload(work).await?
    }

    async fn read(&self, shard: &IndexedShard, range: Range<u64>) -> Result<Bytes> {
        let read = match &shard.resident {
            Some(bytes) => slice(bytes, &range),
            None => self.origin.source.read_range(&shard.id, range).await,
        };
        read.context("shard", &shard.id)
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
            let bytes = self.read(shard, range).await?;
            let framed = shard.frame(&location, &bytes, location.sample.offset, &self.decode.tar)?;
            if framed.raw.key == key {
                return Ok(Some(framed));
            }
        }
        Ok(None)
    }
}

impl Origin {
    /// Holds the SHA-256 of an index, or of a shard, against the one of the dataset's entry.
    fn check_sha256(&self, id: &str, found: &[u8; 32]) -> Result<()> {
        match self.checksums.get(id) {
            Some(expected) if !hex(found).eq_ignore_ascii_case(expected) => {
                let error = stale("its SHA-256 of the shard is not the one of the dataset's entry");
                Err(error.with("shard", id).with("expected", expected).with("found", hex(found)))
            }
            _ => Ok(()),
        }
    }
}

impl IndexedShard {
    async fn open(origin: &Origin, id: &str, missing: MissingIndex, tar: TarOptions) -> Result<Self> {
        let source = &origin.source;
        let resident = source.resident_shard(id).await?;
        let length = async {
            let known = match &resident {
                Some(bytes) => Some(bytes.len() as u64),
                None => source.shard_size(id).await?,
            };
            known.ok_or_else(|| {
                Error::unsupported("the shard's length is not known, so that its index cannot be trusted")
            })
        };
        let (length, stored) = try_join(length, source.open_index(id)).await?;
        let index = match stored {
            Some(bytes) => ShardIndex::from_bytes(bytes)?,
            None => {
                let body = match (&resident, missing) {
                    (Some(bytes), MissingIndex::Walk | MissingIndex::WalkResident) => {
                        ShardBody::resident(bytes.clone())
                    }
                    (None, MissingIndex::Walk) => source.open_shard(id).await?,
                    _ => {
                        return Err(Error::not_found(
                            "the shard has no index; make one with `atdata index`, or allow to walk the shard",
                        ));
                    }
                };
                let options = BuildOptions::default().with_sha256(false).with_tar_options(tar);
                ShardIndex::build(body, &options).await?
            }
        };
        index.check_length(length)?;
        if let Some(sha256) = index.sha256() {
            origin.check_sha256(id, sha256)?;
        }
        Ok(Self { id: id.into(), index, resident })
    }

    /// Makes a sample of its part of `bytes`, which begin at `start` in the shard.
    fn frame(
        &self,
        location: &SampleLocation,
        bytes: &Bytes,
        start: u64,
        tar: &TarOptions,
    ) -> Result<Framed> {
        let from = location.sample.offset.saturating_sub(start);
        let part = slice(bytes, &(from..from.saturating_add(location.sample.length)));
        let raw = part.and_then(|part| location.frame(part, tar)).context("shard", &self.id)?;
        Ok(Framed { shard: self.id.clone(), raw })
    }
}

impl<T> fmt::Debug for RandomAccess<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RandomAccess")
            .field("shards", &self.shards.len())
            .field("len", &self.len)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
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
            let shard = &access.shards[0];
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
