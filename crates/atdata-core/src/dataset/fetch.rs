//! Reading samples in any order: a window of them at a time, neighbours together.

use std::sync::Arc;

use bytes::Bytes;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};

use super::ReadOptions;
use super::frames::{CHUNK_SAMPLES, Framed, chunk_bytes};
use super::indexes::{AT_ONCE, IndexedShard, Indexes, Wanted};
use super::stats::{Stage, Stopwatch};
use crate::shard_index::{Run, SampleLocation};
use crate::{Error, Result};

/// The samples of the first window: what is taken of a stream at once, often.
const FIRST_WINDOW: usize = 16;
/// The most samples of a window. Each is twice as large as the one before.
const MAX_WINDOW: usize = 4096;
/// How many windows are read at the same time, while one more is being consumed.
const WINDOWS: usize = 2;

/// A sample that was read, but not looked at yet.
#[derive(Debug)]
pub(super) struct Fetched {
    pub(super) shard: Arc<IndexedShard>,
    /// What the index says, also if it could not be read.
    length: u64,
    read: Result<(SampleLocation, Bytes)>,
}

impl Fetched {
    /// Makes a sample of it, if it is what the index says.
    pub(super) fn frame(self) -> Result<Framed> {
        let (location, bytes) = self.read?;
        self.shard.frame(&location, bytes)
    }

    /// The bytes that it takes in the shard.
    pub(super) fn bytes(&self) -> u64 {
        self.length
    }
}

/// Reads the samples at these positions, in this order, in chunks.
pub(super) fn fetch(
    indexes: Arc<Indexes>,
    options: &ReadOptions,
    positions: impl Iterator<Item = u64> + Send + 'static,
) -> BoxStream<'static, Vec<Fetched>> {
    let limit = indexes.options().look_ahead / (WINDOWS as u64 + 1);
    let windows = Windows { indexes: indexes.clone(), positions, held: None, samples: FIRST_WINDOW, limit };
    let windows = stream::iter(windows).map(move |window| read(indexes.clone(), window)).buffered(WINDOWS);
    let (stats, chunk_bytes) = (options.stats.clone(), chunk_bytes(options));
    stream::unfold((windows, stats), |(mut windows, stats)| async move {
        let mut watch = Stopwatch::start(stats.as_ref());
        let window = windows.next().await?;
        watch.lap(stats.as_ref(), Stage::Source);
        if let Some(stats) = &stats {
            stats.framed(window.len() as u64, window.iter().map(Fetched::bytes).sum());
        }
        Some((window, (windows, stats)))
    })
    .flat_map(move |window| stream::iter(chunks(window, chunk_bytes)))
    .boxed()
}

type Slot = Wanted<Result<SampleLocation>, usize>;

/// Divides positions into windows, of a number of samples and of bytes.
struct Windows<I> {
    indexes: Arc<Indexes>,
    positions: I,
    /// What did not fit into the window before.
    held: Option<Slot>,
    samples: usize,
    limit: u64,
}

impl<I: Iterator<Item = u64>> Iterator for Windows<I> {
    type Item = Vec<Slot>;

    fn next(&mut self) -> Option<Vec<Slot>> {
        let (mut window, mut bytes) = (Vec::new(), 0u64);
        while window.len() < self.samples {
            let next = self.held.take().or_else(|| {
                let position = self.positions.next()?;
                // Sequences are made for these indexes, so there is no other position.
                self.indexes.find(position, 0).ok()
            });
            let Some(wanted) = next else { break };
            bytes = bytes.saturating_add(self.cost(&wanted));
            if bytes > self.limit && !window.is_empty() {
                self.held = Some(wanted);
                break;
            }
            window.push(Wanted { who: window.len(), ..wanted });
        }
        self.samples = self.samples.saturating_mul(2).min(MAX_WINDOW);
        Some(window).filter(|window| !window.is_empty())
    }
}

impl<I> Windows<I> {
    /// The most bytes that are read for a sample: itself, and what is between it and the one before.
    fn cost(&self, wanted: &Slot) -> u64 {
        let length = wanted.location.as_ref().map_or(0, |location| location.sample.length);
        let resident = self.indexes.shards().get(wanted.shard).is_none_or(|shard| shard.is_resident());
        if resident { length } else { length.saturating_add(self.indexes.options().gap) }
    }
}

async fn read(indexes: Arc<Indexes>, window: Vec<Slot>) -> Vec<Fetched> {
    let mut slots: Vec<Option<Fetched>> = window.iter().map(|_| None).collect();
    let mut located = Vec::with_capacity(window.len());
    let mut put = |slot: usize, fetched| {
        if let Some(place) = slots.get_mut(slot) {
            *place = Some(fetched);
        }
    };
    for Wanted { shard, position, location, who } in window {
        match location {
            Ok(location) => located.push(Wanted { shard, position, location, who }),
            Err(error) => {
                if let Some(shard) = indexes.shards().get(shard) {
                    put(who, Fetched { shard: shard.clone(), length: 0, read: Err(error) });
                }
            }
        }
    }
    let runs = indexes.runs(located);
    let mut runs = stream::iter(runs)
        .map(|(shard, run)| {
            let indexes = indexes.clone();
            async move {
                let bytes = indexes.read(&shard, run.range.clone()).await;
                (shard, run, bytes)
            }
            // The future borrows nothing, so that it can be sent whatever is read.
            .boxed()
        })
        .buffer_unordered(AT_ONCE);
    while let Some((shard, run, bytes)) = runs.next().await {
        match bytes {
            Ok(bytes) => {
                for (location, slot) in run.samples {
                    let part = shard.part(&location, &bytes, run.range.start);
                    let read = part.map(|part| (location, part));
                    put(slot, Fetched { shard: shard.clone(), length: location.sample.length, read });
                }
            }
            Err(error) => failed(&shard, run, error).for_each(|(slot, fetched)| put(slot, fetched)),
        }
    }
    drop(runs);
    slots.into_iter().flatten().collect()
}

/// What becomes of the samples of a read that failed: each of them is an error, as each could have been read alone.
fn failed(
    shard: &Arc<IndexedShard>,
    mut run: Run<usize>,
    error: Error,
) -> impl Iterator<Item = (usize, Fetched)> {
    run.samples.sort_by_key(|(_, slot)| *slot);
    let (kind, retryable) = (error.kind(), error.is_retryable());
    let mut first = Some(error);
    run.samples.into_iter().map(move |(location, slot)| {
        let error = first.take().unwrap_or_else(|| {
            Error::new(kind, "the read that this sample shares with others has failed")
                .with_retryable(retryable)
                .with("shard", &shard.id)
                .with("offset", location.sample.offset)
        });
        (slot, Fetched { shard: shard.clone(), length: location.sample.length, read: Err(error) })
    })
}

/// Divides a window as samples travel between threads.
fn chunks(window: Vec<Fetched>, limit: u64) -> impl Iterator<Item = Vec<Fetched>> {
    let mut window = window.into_iter().peekable();
    std::iter::from_fn(move || {
        let (mut chunk, mut bytes) = (Vec::new(), 0);
        while chunk.len() < CHUNK_SAMPLES && (chunk.is_empty() || bytes < limit) {
            let Some(fetched) = window.next() else { break };
            bytes += fetched.bytes();
            chunk.push(fetched);
        }
        Some(chunk).filter(|chunk| !chunk.is_empty())
    })
}
