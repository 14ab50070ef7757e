//! Samples before they are decoded, in the order of a plan.

use std::ops::Range;
use std::sync::Arc;

use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tracing::Instrument;

use super::fetch::{Fetched, fetch};
use super::frames::{CHUNK_SAMPLES, Framed, chunk_bytes, frames};
use super::indexes::{Indexes, SharedIndexes};
use super::order::{Plan, ShuffleBuffer, Unit, dealt};
use super::quota::{Quota, equal_parts};
use super::sequence::Sequence;
use super::state::{Position, Run, beyond_the_end, beyond_the_shards};
use super::waiting::{Passage, Waiting};
use super::{Fault, Origin, ReadOptions};
use crate::url::redact;
use crate::{Error, Result};

/// Chunks of raw samples; an error ends its shard, not the stream.
pub(super) type RawChunks = BoxStream<'static, RawChunk>;

pub(super) enum RawChunk {
    Samples {
        /// The place of the first one.
        first: Position,
        samples: Vec<Raw>,
    },
    /// A shard that could not be opened or framed any further.
    Broken { shard: Arc<str>, error: Error },
    /// Nothing can be read, whatever the policy.
    Failed(Error),
}

impl RawChunk {
    /// The bytes of the samples, as stored.
    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::Samples { samples, .. } => samples.iter().map(Raw::bytes).sum(),
            _ => 0,
        }
    }
}

/// A sample as it was found: on the way through its shard, or through the index.
pub(super) enum Raw {
    Framed(Framed),
    Fetched(Fetched),
}

impl Raw {
    pub(super) fn shard(&self) -> &Arc<str> {
        match self {
            Self::Framed(framed) => &framed.shard,
            Self::Fetched(fetched) => &fetched.shard.id,
        }
    }

    pub(super) fn bytes(&self) -> u64 {
        match self {
            Self::Framed(framed) => framed.bytes(),
            Self::Fetched(fetched) => fetched.bytes(),
        }
    }
}

/// What is read, and how.
#[derive(Clone)]
pub(super) struct Reading {
    pub(super) origin: Arc<Origin>,
    pub(super) options: ReadOptions,
    pub(super) indexes: SharedIndexes,
}

/// The samples of a run from a position on; those before it come too, where `discard` does not say that they be left
/// out.
pub(super) fn raw_chunks(reading: Reading, run: Arc<Run>, from: Position, discard: bool) -> RawChunks {
    let chunks = async move {
        let plan = &run.plan;
        if !plan.needs_indexes() {
            let mut shards = reading.origin.source.list_shards().await?;
            run.found(shards.iter().map(|shard| (shard.as_str(), None)))?;
            let random = plan.permute(&mut shards);
            let shards = dealt(shards, plan.split.part(), plan.split.parts()).collect();
            let buffer = plan.buffer(random.as_ref(), plan.split.part());
            return by_shards(Part { shards, buffer, quota: None }, reading, from, discard);
        }
        let indexes = reading.indexes.get(&reading.origin, &reading.options).await?;
        run.found(indexes.shards().iter().map(|shard| (&*shard.id, Some(shard.index.len()))))?;
        match plan.by {
            Unit::Shards => by_shards(equal_part(plan, &indexes), reading, from, discard),
            Unit::Samples => by_samples(Found { indexes, options: reading.options }, &run, from.sample),
        }
    };
    stream::once(chunks)
        .map(|chunks: Result<RawChunks>| {
            chunks.unwrap_or_else(|error| stream::iter([RawChunk::Failed(error)]).boxed())
        })
        .flatten()
        .boxed()
}

/// What a part of a split by shards reads.
struct Part {
    shards: Vec<String>,
    buffer: Option<ShuffleBuffer<Waiting>>,
    quota: Option<Quota>,
}

/// The part whose samples are as many as those of the others.
fn equal_part(plan: &Plan, indexes: &Indexes) -> Part {
    let mut shards: Vec<(String, u64)> =
        indexes.shards().iter().map(|shard| (shard.id.to_string(), shard.index.len())).collect();
    let random = plan.permute(&mut shards);
    let counts: Vec<u64> = shards.iter().map(|(_, count)| *count).collect();
    let (part, quota) = equal_parts(&counts, plan);
    let shards = dealt(shards, part, plan.split.parts()).map(|(id, _)| id).collect();
    Part { shards, buffer: plan.buffer(random.as_ref(), part), quota: Some(quota) }
}

/// Reads whole shards one after the other.
fn by_shards(part: Part, reading: Reading, from: Position, discard: bool) -> Result<RawChunks> {
    let Part { shards, buffer, quota } = part;
    let shards: Arc<[Arc<str>]> = shards.into_iter().map(Arc::from).collect();
    let count = shards.len();
    let places = quota.as_ref().map_or(count as u64, |quota| quota.places);
    let beyond = match &buffer {
        None => from.shard >= places,
        Some(_) => from.shard > 0,
    };
    if from != Position::default() && beyond {
        return Err(beyond_the_shards(from.shard, usize::try_from(places).unwrap_or(count)));
    }
    let Some(buffer) = buffer else {
        let chunks = read(shards, reading, from, places);
        return Ok(match quota.filter(|quota| quota.places > 0) {
            Some(quota) => until(chunks, Position { shard: quota.places - 1, sample: quota.in_last_place }),
            None => chunks,
        });
    };
    let chunk_bytes = chunk_bytes(&reading.options);
    let Some(quota) = quota else {
        let all = read(shards, reading, Position::default(), places);
        return Ok(numbered(shuffle(all, buffer, chunk_bytes), 0, from, discard));
    };
    // Whoever repeats samples repeats them in the same order.
    let again = move |_| {
        let all = read(shards.clone(), reading.clone(), Position::default(), shards.len() as u64);
        shuffle(all, buffer.fresh(), chunk_bytes)
    };
    let passes = stream::iter(0..quota.passes).flat_map(again).boxed();
    let ending = Position { shard: 0, sample: quota.samples };
    Ok(until(numbered(passes, 0, from, discard), ending))
}

/// The samples of so many shards, over again from the first one after the last, from a position on.
fn read(shards: Arc<[Arc<str>]>, reading: Reading, from: Position, places: u64) -> RawChunks {
    let count = shards.len().max(1) as u64;
    stream::iter(from.shard..places)
        .filter_map(move |place| {
            let shard = usize::try_from(place % count).ok().and_then(|at| shards.get(at));
            // A name of its own for each pass: what is skipped is known by it.
            let shard = shard.map(|shard| (place, Arc::<str>::from(&**shard)));
            async move { shard }
        })
        .then(move |(place, shard)| {
            let reading = reading.clone();
            let sample = if place == from.shard { from.sample } else { 0 };
            async move {
                let span = tracing::debug_span!("open_shard", shard = %redact(&shard));
                let chunks = open(shard, &reading).instrument(span).await;
                numbered(chunks, 0, Position { shard: place, sample }, true)
            }
        })
        .flatten()
        .boxed()
}

/// The samples of a shard.
async fn open(id: Arc<str>, Reading { origin, options, .. }: &Reading) -> RawChunks {
    match origin.source.open_shard(&id).await {
        Ok(body) => frames(id.clone(), body, origin.checksums.get(&*id).cloned(), options)
            .map(move |chunk| match chunk {
                Ok(samples) => unnumbered(samples.into_iter().map(Raw::Framed).collect()),
                Err(error) => RawChunk::Broken { shard: id.clone(), error },
            })
            .boxed(),
        Err(error) => {
            let fault = if error.is_not_found() { Fault::MissingShard } else { Fault::Source };
            let error = error.with_fault(fault).with("shard", &id);
            stream::iter([RawChunk::Broken { shard: id, error }]).boxed()
        }
    }
}

/// Where single samples are found, and how they are read.
struct Found {
    indexes: Arc<Indexes>,
    options: ReadOptions,
}

impl Found {
    fn chunks(&self, positions: impl Iterator<Item = u64> + Send + 'static) -> RawChunks {
        let raw = |chunk: Vec<Fetched>| unnumbered(chunk.into_iter().map(Raw::Fetched).collect());
        fetch(self.indexes.clone(), &self.options, positions).map(raw).boxed()
    }
}

/// Reads single samples through indexes, the first of them without those that are behind.
fn by_samples(found: Found, run: &Run, behind: u64) -> Result<RawChunks> {
    let plan = &run.plan;
    let mut arranged: Vec<Range<u64>> = found.indexes.ranges();
    // Only a buffer needs help from the order of shards.
    let buffer = match plan.buffer::<u64>(plan.random().as_ref(), plan.split.part()) {
        Some(_) => {
            let random = plan.permute(&mut arranged);
            plan.buffer(random.as_ref(), plan.split.part())
        }
        None => None,
    };
    let sequence = Sequence::new(plan, found.indexes.len(), &arranged, &run.earlier)?;
    if behind > sequence.longest() {
        return Err(beyond_the_end(behind, sequence.longest()));
    }
    let Some(buffer) = buffer else {
        let positions = (behind..sequence.len()).map(move |number| sequence.at(number));
        return Ok(numbered(found.chunks(positions), behind, from_sample(behind), true));
    };
    Ok(replayed(found, sequence, buffer, behind))
}

/// The samples of a sequence through a buffer, behind so many of them. What the buffer holds then is found by passing
/// numbers through it, so that only samples that are still to come are read.
fn replayed(found: Found, sequence: Sequence, mut buffer: ShuffleBuffer<u64>, behind: u64) -> RawChunks {
    let len = sequence.len();
    let (mut arrived, mut left) = (0, 0);
    // What leaves together with the last sample that is behind.
    let mut next = Vec::new();
    while left < behind && arrived < len {
        let position = sequence.at(arrived);
        let out = buffer.exchange([(position, found.indexes.stored_length(position))]);
        arrived += 1;
        left += out.len() as u64;
        if left > behind {
            let beyond = usize::try_from(left - behind).unwrap_or(out.len());
            next = out.into_iter().rev().take(beyond).rev().collect();
        }
    }
    if left < behind {
        let done = usize::try_from(behind - left).unwrap_or(usize::MAX);
        let rest = buffer.drain().skip(done);
        return numbered(found.chunks(rest), behind, from_sample(behind), true);
    }
    let held: Vec<u64> = buffer.items().copied().collect();
    let next = found.chunks(next.into_iter());
    let chunks = stream::once(async move {
        let mut items = Vec::with_capacity(held.len());
        let mut chunks = found.chunks(held.into_iter());
        while let Some(RawChunk::Samples { samples, .. }) = chunks.next().await {
            items.extend(samples);
        }
        let rest = (arrived..len).map(move |number| sequence.at(number));
        shuffle(
            found.chunks(rest),
            buffer.replaced(items.into_iter().map(Waiting::from)),
            chunk_bytes(&found.options),
        )
    });
    numbered(next.chain(chunks.flatten()).boxed(), behind, from_sample(behind), true)
}

fn from_sample(sample: u64) -> Position {
    Position { shard: 0, sample }
}

fn unnumbered(samples: Vec<Raw>) -> RawChunk {
    RawChunk::Samples { first: Position::default(), samples }
}

fn shuffle(chunks: RawChunks, mut buffer: ShuffleBuffer<Waiting>, chunk_bytes: u64) -> RawChunks {
    let mut passage = Passage::default();
    // The end of the chunks is what the buffer holds then.
    let chunks = chunks.map(Some).chain(stream::iter([None]));
    chunks
        .flat_map(move |chunk| match chunk {
            Some(RawChunk::Samples { samples, .. }) => {
                let samples = passage.exchange(&mut buffer, samples);
                stream::iter([unnumbered(samples)]).left_stream()
            }
            Some(broken) => stream::iter([broken]).left_stream(),
            None => {
                let rest = Rest {
                    waiting: buffer.drain_sized(),
                    passage: std::mem::take(&mut passage),
                    chunk_bytes,
                };
                stream::iter(rest).right_stream()
            }
        })
        .boxed()
}

/// The samples that are left, divided as they travel between threads.
struct Rest<I> {
    waiting: I,
    passage: Passage,
    chunk_bytes: u64,
}

impl<I: Iterator<Item = (Waiting, u64)>> Iterator for Rest<I> {
    type Item = RawChunk;

    fn next(&mut self) -> Option<RawChunk> {
        let mut total = 0;
        for (waiting, bytes) in &mut self.waiting {
            total += bytes;
            self.passage.leave(waiting);
            if self.passage.leaving() == CHUNK_SAMPLES || total >= self.chunk_bytes {
                break;
            }
        }
        Some(self.passage.left()).filter(|samples| !samples.is_empty()).map(unnumbered)
    }
}

/// Numbers samples from `at` on and, if `discard` says so, leaves out those before a position, which must be there.
fn numbered(chunks: RawChunks, at: u64, from: Position, discard: bool) -> RawChunks {
    stream::unfold(Some((chunks, at, false)), move |state| async move {
        let (mut chunks, mut at, broken): (_, u64, _) = state?;
        match chunks.next().await {
            Some(RawChunk::Samples { mut samples, .. }) => {
                let end = at + samples.len() as u64;
                if discard && at < from.sample {
                    let behind = from.sample.min(end) - at;
                    samples.drain(..usize::try_from(behind).unwrap_or(samples.len()).min(samples.len()));
                    at += behind;
                }
                let first = Position { shard: from.shard, sample: at };
                Some((RawChunk::Samples { first, samples }, Some((chunks, end, broken))))
            }
            Some(other) => Some((other, Some((chunks, at, true)))),
            // A damaged shard may have ended earlier this time; the policy has dealt with that.
            None if at < from.sample && !broken => {
                Some((RawChunk::Failed(beyond_the_end(from.sample, at)), None))
            }
            None => None,
        }
    })
    .boxed()
}

/// Ends a stream before a position.
fn until(chunks: RawChunks, end: Position) -> RawChunks {
    stream::unfold(Some(chunks), move |chunks| async move {
        let mut chunks = chunks?;
        match chunks.next().await? {
            RawChunk::Samples { first, mut samples } if first.shard == end.shard => {
                let left = usize::try_from(end.sample.saturating_sub(first.sample)).unwrap_or(usize::MAX);
                let ends = samples.len() >= left;
                samples.truncate(left);
                Some((RawChunk::Samples { first, samples }, (!ends).then_some(chunks)))
            }
            other => Some((other, Some(chunks))),
        }
    })
    .boxed()
}
