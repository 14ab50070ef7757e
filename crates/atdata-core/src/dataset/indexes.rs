//! The indexes of all shards of a dataset: where each of its samples lies, and reading it there.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures::future::try_join;
use futures::{StreamExt, TryStreamExt, stream};
use tokio::sync::OnceCell;

use super::frames::Framed;
use super::random_access::{MissingIndex, RandomAccessOptions};
use super::{Origin, ReadOptions};
use crate::protocol::slice;
use crate::shard::hex;
use crate::shard_index::{BuildOptions, Limits, Run, SampleLocation, ShardIndex, coalesce, stale};
use crate::tar::TarOptions;
use crate::{Error, Result, ResultExt, ShardBody};

/// How many indexes are opened, and how many ranges are read, at the same time.
pub(super) const AT_ONCE: usize = 8;
/// The most samples that are decoded in one piece of work.
const RUN_SAMPLES: usize = 256;

/// The indexes of all shards.
#[derive(Debug)]
pub(super) struct Indexes {
    origin: Arc<Origin>,
    shards: Vec<Arc<IndexedShard>>,
    /// The position of the first sample of each shard.
    starts: Vec<u64>,
    len: u64,
    options: RandomAccessOptions,
}

/// A shard and its index.
#[derive(Debug)]
pub(super) struct IndexedShard {
    pub(super) id: Arc<str>,
    pub(super) index: ShardIndex,
    /// The shard itself, if it is resident.
    resident: Option<Bytes>,
    /// Whether the shard has the length that the index says.
    length_checked: AtomicBool,
    tar: Arc<TarOptions>,
}

/// A sample that is to be read, with whatever the caller knows it by.
pub(super) struct Wanted<L, W> {
    /// The number of its shard.
    pub(super) shard: usize,
    /// Its position there.
    pub(super) position: u64,
    pub(super) location: L,
    pub(super) who: W,
}

impl Indexes {
    pub(super) async fn open(
        origin: Arc<Origin>,
        read: &ReadOptions,
        options: RandomAccessOptions,
    ) -> Result<Self> {
        let ids = origin.source.list_shards().await?;
        let tar = Arc::new(read.tar.clone());
        let shards: Vec<Arc<IndexedShard>> = stream::iter(ids)
            .map(|id| {
                let (origin, tar) = (origin.clone(), tar.clone());
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
        let indexes = Self { origin, shards, starts, len, options };
        if read.verify_checksums {
            indexes.verify().await?;
        }
        Ok(indexes)
    }

    /// The number of samples.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn shards(&self) -> &[Arc<IndexedShard>] {
        &self.shards
    }

    pub(super) fn options(&self) -> &RandomAccessOptions {
        &self.options
    }

    /// The positions of the samples of each shard.
    pub(super) fn ranges(&self) -> Vec<Range<u64>> {
        let end = |start: u64, shard: &IndexedShard| start.saturating_add(shard.index.len());
        self.starts.iter().zip(&self.shards).map(|(start, shard)| *start..end(*start, shard)).collect()
    }

    /// Finds the sample at a position.
    ///
    /// # Errors
    /// There are fewer samples. That the index says something impossible is an error of the location.
    pub(super) fn find<W>(&self, position: u64, who: W) -> Result<Wanted<Result<SampleLocation>, W>> {
        // Shards without samples share their start with the next one, which is the one to be found.
        let at = self.starts.partition_point(|start| *start <= position).wrapping_sub(1);
        match (self.shards.get(at), self.starts.get(at)) {
            (Some(shard), Some(start)) if position < self.len => {
                let position = position - start;
                let location = shard.index.get(position).context("shard", &shard.id);
                Ok(Wanted { shard: at, position, location, who })
            }
            _ => {
                let has = self.len;
                Err(Error::invalid(format!(
                    "there is no sample at position {position}: the dataset has {has}"
                )))
            }
        }
    }

    /// The bytes that the sample at this position takes in its shard, as the index says it.
    pub(super) fn stored_length(&self, position: u64) -> u64 {
        let location = self.find(position, ()).and_then(|wanted| wanted.location);
        location.map_or(0, |location| location.sample.length)
    }

    /// Joins neighbours to what is read at once, in the order of the shards.
    pub(super) fn runs<W>(
        &self,
        mut wanted: Vec<Wanted<SampleLocation, W>>,
    ) -> Vec<(Arc<IndexedShard>, Run<W>)> {
        wanted.sort_by_key(|wanted| (wanted.shard, wanted.position));
        let mut runs = Vec::new();
        let mut wanted = wanted.into_iter().peekable();
        while let Some(at) = wanted.peek().map(|first| first.shard) {
            let of_shard = std::iter::from_fn(|| wanted.next_if(|next| next.shard == at));
            let of_shard = of_shard.map(|wanted| (wanted.location, wanted.who));
            let Some(shard) = self.shards.get(at) else { continue };
            let limits = match shard.resident {
                // A slice costs nothing: only the work is to be divided.
                Some(_) => Limits { gap: u64::MAX, bytes: u64::MAX, samples: RUN_SAMPLES },
                None => Limits { gap: self.options.gap, bytes: self.options.max_read, samples: RUN_SAMPLES },
            };
            runs.extend(coalesce(of_shard, limits).into_iter().map(|run| (shard.clone(), run)));
        }
        runs
    }

    pub(super) async fn read(&self, shard: &IndexedShard, range: Range<u64>) -> Result<Bytes> {
        let read = match &shard.resident {
            Some(bytes) => slice(bytes, &range),
            None => shard.read_range(&self.origin, range).await,
        };
        read.context("shard", &shard.id)
    }

    /// Walks every shard and holds it against its index and the checksum of the dataset's entry.
    pub(super) async fn verify(&self) -> Result<()> {
        for shard in &self.shards {
            let body = match &shard.resident {
                Some(bytes) => ShardBody::resident(bytes.clone()),
                None => self.origin.source.open_shard(&shard.id).await?,
            };
            let found = shard.index.verify(body, &shard.tar).await.context("shard", &shard.id)?;
            self.origin.check_sha256(&shard.id, &found)?;
        }
        Ok(())
    }
}

/// The indexes of a dataset that are opened when they are first needed, and then shared.
#[derive(Clone, Debug)]
pub(super) struct SharedIndexes {
    options: RandomAccessOptions,
    opened: Arc<OnceCell<Arc<Indexes>>>,
}

impl SharedIndexes {
    pub(super) fn new(options: RandomAccessOptions) -> Self {
        Self { options, opened: Arc::default() }
    }

    pub(super) fn opened(indexes: Arc<Indexes>) -> Self {
        Self { options: indexes.options, opened: Arc::new(OnceCell::from(indexes)) }
    }

    /// Opens them, unless that was done. A failure is not remembered.
    pub(super) async fn get(&self, origin: &Arc<Origin>, read: &ReadOptions) -> Result<Arc<Indexes>> {
        let open = || async { Indexes::open(origin.clone(), read, self.options).await.map(Arc::new) };
        self.opened.get_or_try_init(open).await.cloned()
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
    async fn open(origin: &Origin, id: &str, missing: MissingIndex, tar: Arc<TarOptions>) -> Result<Self> {
        let source = &origin.source;
        let resident = source.resident_shard(id).await?;
        let length = async {
            match &resident {
                Some(bytes) => Ok(Some(bytes.len() as u64)),
                // The first read tells it.
                None if source.range_tells_size(id) => Ok(None),
                None => source.shard_size(id).await?.ok_or_else(unknown_length).map(Some),
            }
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
                let options =
                    BuildOptions::default().with_sha256(false).with_tar_options(tar.as_ref().clone());
                ShardIndex::build(body, &options).await?
            }
        };
        if let Some(length) = length {
            index.check_length(length)?;
        }
        if let Some(sha256) = index.sha256() {
            origin.check_sha256(id, sha256)?;
        }
        let length_checked = AtomicBool::new(length.is_some());
        Ok(Self { id: id.into(), index, resident, length_checked, tar })
    }

    /// Reads from afar, and holds the shard's length against the index as soon as it is known.
    async fn read_range(&self, origin: &Origin, range: Range<u64>) -> Result<Bytes> {
        let (bytes, told) = origin.source.read_range_with_size(&self.id, range).await?;
        let length = match told {
            None if !self.length_checked.load(Ordering::Relaxed) => {
                Some(origin.source.shard_size(&self.id).await?.ok_or_else(unknown_length)?)
            }
            told => told,
        };
        if let Some(length) = length {
            self.index.check_length(length)?;
            self.length_checked.store(true, Ordering::Relaxed);
        }
        Ok(bytes)
    }

    /// Whether samples are slices of what is there already.
    pub(super) fn is_resident(&self) -> bool {
        self.resident.is_some()
    }

    /// The bytes of a sample, of bytes that begin at `start` in the shard.
    pub(super) fn part(&self, location: &SampleLocation, bytes: &Bytes, start: u64) -> Result<Bytes> {
        let from = location.sample.offset.saturating_sub(start);
        let range = from..from.saturating_add(location.sample.length);
        slice(bytes, &range).context("shard", &self.id)
    }

    /// Makes a sample of its bytes.
    pub(super) fn frame(&self, location: &SampleLocation, bytes: Bytes) -> Result<Framed> {
        let raw = location.frame(bytes, &self.tar).context("shard", &self.id)?;
        Ok(Framed { shard: self.id.clone(), raw })
    }
}

fn unknown_length() -> Error {
    Error::unsupported("the shard's length is not known, so that its index cannot be trusted")
}
