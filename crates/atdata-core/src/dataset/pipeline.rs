//! Running a dataset's recipe.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use futures::future::{BoxFuture, ready};
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use tokio::sync::Semaphore;

use super::budget::{Budget, Held};
use super::cursor::Chunk;
use super::frames::Framed;
use super::indexes::SharedIndexes;
use super::order::Unit;
use super::raw::{Raw, RawChunk, Reading, raw_chunks};
use super::samples::Samples;
use super::state::{Position, Run};
use super::stats::{Stage, Stats, Stopwatch};
use super::{Dataset, ErrorPolicies, ErrorPolicy, Fault};
use crate::msgpack::UnpackOptions;
use crate::offload::{drives_one_stream, offload, panic_text};
use crate::{Error, ErrorKind, Result, Sample};

/// What is done to a raw sample: decoding, then filters and maps. `None` is a sample that a filter drops.
pub(super) type Recipe<T> = Arc<dyn Fn(&Framed, &UnpackOptions) -> Result<Option<T>> + Send + Sync>;

/// Decodes, and nothing else.
pub(super) fn decode<T: Sample>() -> Recipe<T> {
    Arc::new(|framed, options| {
        // One look at the result, for samples may be large: each step may move them.
        match framed.payload().and_then(|payload| T::unpack(payload, options)) {
            Ok(sample) => Ok(Some(sample)),
            Err(error) if error.kind() == ErrorKind::Corrupt => Err(error.with_fault(Fault::Payload)),
            Err(error) => Err(error.with_fault(Fault::Schema)),
        }
    })
}

/// Runs the recipe of a dataset as `run` plans it, from a position on.
pub(super) fn run<T: Send + 'static>(
    dataset: &Dataset<T>,
    indexes: &SharedIndexes,
    run: Run,
    from: Position,
) -> Samples<T> {
    let run = Arc::new(run);
    let (stage, unpack) = (dataset.stage.clone(), Arc::new(dataset.unpack_options()));
    // Samples that are read one by one cannot spoil each other.
    let errors = dataset.options.errors;
    let errors = if run.plan.by == Unit::Samples { errors.by_sample() } else { errors };
    // Shards that are left out stay so after their samples are shuffled among others; to know them again, what lies
    // before the position is decoded as well.
    let decoded_again = errors.decoding_skips_shards() && run.plan.is_shuffled();
    let behind = if decoded_again { from.sample } else { 0 };
    let mut policy = Policy { errors, run: run.clone(), behind, skipped: 0, skipping: HashMap::new() };
    let stats = dataset.options.stats.clone();
    let parallelism = dataset.options.parallelism.get();
    let decoding = Decoding {
        stage,
        unpack,
        traced: !errors.always_fail(),
        slots: Arc::new(Semaphore::new(parallelism)),
        alone: parallelism == 1,
        stats: stats.clone(),
    };
    let reading = Reading {
        origin: dataset.origin.clone(),
        options: dataset.options.clone(),
        indexes: indexes.clone(),
    };
    let budget = Budget::new(dataset.options.read_ahead);
    let chunks = raw_chunks(reading, run.clone(), from, behind == 0)
        .then(move |chunk| {
            let budget = budget.clone();
            async move {
                let held = budget.take(chunk.bytes()).await;
                (chunk, held)
            }
        })
        .map(move |(chunk, held)| process(chunk, held, decoding.clone()))
        // Some more than are decoded at the same time: chunks are not alike, and the one that is waited for may be long.
        .buffered(if parallelism == 1 { 1 } else { 2 * parallelism })
        .map(move |chunk| policy.apply(chunk))
        .boxed();
    let chunks = match stats {
        Some(stats) => measured(chunks, stats),
        None => chunks,
    };
    Samples::new(chunks, run, from)
}

/// Measures how long the consumer waits, and how long it is busy.
fn measured<T: Send + 'static>(
    chunks: BoxStream<'static, Chunk<T>>,
    stats: Stats,
) -> BoxStream<'static, Chunk<T>> {
    // It runs from the moment when the consumer got something.
    let watch: Option<Stopwatch> = None;
    stream::unfold((chunks, watch), move |(mut chunks, watch)| {
        let stats = stats.clone();
        async move {
            let mut watch = match watch {
                Some(mut watch) => {
                    watch.lap(Some(&stats), Stage::Consumer);
                    watch
                }
                None => Stopwatch::start(Some(&stats)),
            };
            let chunk = chunks.next().await;
            watch.lap(Some(&stats), Stage::Waiting);
            let chunk = chunk?;
            stats.taken();
            Some((chunk, (chunks, Some(watch))))
        }
    })
    .boxed()
}

/// The results of one chunk.
struct Processed<T> {
    shard: u64,
    /// Each with the number of the position after it.
    items: Vec<(u64, Result<T>)>,
    /// The shards that they came from, where something may be skipped.
    origins: Option<Vec<Arc<str>>>,
    spoils: Spoils,
    held: Held,
}

/// How much an error spoils.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Spoils {
    Sample,
    Shard,
    Stream,
}

impl<T> Processed<T> {
    fn error(shard: Arc<str>, error: Error, spoils: Spoils) -> Self {
        let origins = Some(vec![shard]);
        Self { shard: 0, items: vec![(0, Err(error))], origins, spoils, held: Held::default() }
    }
}

/// Runs the stage over one sample. A panic in a user's closure is that sample's error, not the end of the process.
pub(super) fn apply<T>(stage: &Recipe<T>, framed: &Framed, unpack: &UnpackOptions) -> Result<Option<T>> {
    let error = match catch_unwind(AssertUnwindSafe(|| stage(framed, unpack))) {
        Ok(Ok(sample)) => return Ok(sample),
        Ok(Err(error)) => error,
        Err(panic) => panicked(&*panic),
    };
    Err(framed.locate(error.with_fault(Fault::Function)))
}

/// How samples are decoded.
struct Decoding<T> {
    stage: Recipe<T>,
    unpack: Arc<UnpackOptions>,
    /// Whether it must be known of which shard a sample is.
    traced: bool,
    /// One for each chunk that may be decoded at the same time.
    slots: Arc<Semaphore>,
    /// Whether there is only one.
    alone: bool,
    stats: Option<Stats>,
}

impl<T> Clone for Decoding<T> {
    fn clone(&self) -> Self {
        let Self { stage, unpack, traced, slots, alone, stats } = self;
        Self {
            stage: stage.clone(),
            unpack: unpack.clone(),
            traced: *traced,
            slots: slots.clone(),
            alone: *alone,
            stats: stats.clone(),
        }
    }
}

/// Runs the stage over a chunk.
fn process<T: Send + 'static>(
    chunk: RawChunk,
    held: Held,
    decoding: Decoding<T>,
) -> BoxFuture<'static, Processed<T>> {
    let Decoding { stage, unpack, traced, slots, alone, stats } = decoding;
    if let Some(stats) = &stats {
        stats.queued();
    }
    let failed = |error| Processed::error(Arc::from("all"), error, Spoils::Stream);
    let (first, samples) = match chunk {
        RawChunk::Samples { first, samples } => (first, samples),
        RawChunk::Broken { shard, error } => {
            return ready(Processed::error(shard, error, Spoils::Shard)).boxed();
        }
        RawChunk::Failed(error) => return ready(failed(error)).boxed(),
    };
    let work = move || {
        let mut watch = Stopwatch::start(stats.as_ref());
        let mut items = Vec::with_capacity(samples.len());
        let mut origins = traced.then(|| Vec::with_capacity(samples.len()));
        for (raw, behind) in samples.into_iter().zip(first.sample + 1..) {
            let shard = traced.then(|| raw.shard().clone());
            let result = match raw {
                Raw::Framed(framed) => apply(&stage, &framed, &unpack),
                Raw::Fetched(fetched) => {
                    fetched.frame().map_err(damage).and_then(|framed| apply(&stage, &framed, &unpack))
                }
            };
            if let Some(result) = result.transpose() {
                items.push((behind, result));
                if let Some(origins) = &mut origins {
                    origins.extend(shard);
                }
            }
        }
        watch.lap(stats.as_ref(), Stage::Decoding);
        Processed { shard: first.shard, items, origins, spoils: Spoils::Sample, held }
    };
    if alone && drives_one_stream() {
        return ready(work()).boxed();
    }
    async move {
        // The semaphore is never closed.
        let _slot = slots.acquire().await.ok();
        // The error is that the runtime is shutting down.
        offload(work).await.unwrap_or_else(failed)
    }
    .boxed()
}

/// What is wrong with a sample that could not be read through the index.
fn damage(error: Error) -> Error {
    let fault = match error.kind() {
        ErrorKind::NotFound => Fault::MissingShard,
        ErrorKind::Corrupt | ErrorKind::Unsupported => Fault::Tar,
        _ => Fault::Source,
    };
    error.with_fault(fault)
}

/// The error that stands for a panic.
pub(super) fn panicked(panic: &(dyn std::any::Any + Send)) -> Error {
    Error::unexpected(format!("a filter, map or decoder panicked: {}", panic_text(panic)))
}

/// Applies the error policy to chunks as they come, in order.
struct Policy {
    errors: ErrorPolicies,
    run: Arc<Run>,
    /// Samples up to this number are decoded for the sake of their errors only.
    behind: u64,
    /// How many samples and shards were left out.
    skipped: u64,
    /// The shards whose rest is left out, by the address of their name: each occurrence in the list of shards is one of
    /// its own. Several at a time when they are shuffled.
    skipping: HashMap<usize, Arc<str>>,
}

impl Policy {
    fn apply<T>(&mut self, mut chunk: Processed<T>) -> Chunk<T> {
        let Some(origins) = chunk.origins.take() else {
            // Nothing is ever skipped: an error is the last item.
            if let Some(at) = chunk.items.iter().position(|(_, result)| result.is_err()) {
                chunk.items.truncate(at + 1);
            }
            return Chunk { shard: chunk.shard, items: chunk.items, held: chunk.held };
        };
        let mut items = Vec::with_capacity(chunk.items.len());
        for (shard, (number, result)) in origins.into_iter().zip(chunk.items) {
            let occurrence = shard.as_ptr().addr();
            if chunk.spoils != Spoils::Stream && self.skipping.contains_key(&occurrence) {
                continue;
            }
            let error = match result {
                Ok(_) if number <= self.behind => continue,
                Ok(sample) => {
                    items.push((number, Ok(sample)));
                    continue;
                }
                Err(error) => error,
            };
            let policy = match chunk.spoils {
                Spoils::Stream => ErrorPolicy::Fail,
                _ => self.errors.of(error.fault().unwrap_or(Fault::Source)),
            };
            if policy == ErrorPolicy::Fail {
                items.push((number, Err(error)));
                break;
            }
            if self.skipped >= self.errors.limit() {
                items.push((number, Err(too_much(self.skipped, error))));
                break;
            }
            self.skipped += 1;
            if policy == ErrorPolicy::SkipSample && chunk.spoils == Spoils::Sample {
                self.run.report.sample(&error);
            } else {
                self.run.report.shard(&error);
                self.skipping.insert(occurrence, shard);
            }
        }
        Chunk { shard: chunk.shard, items, held: chunk.held }
    }
}

/// The error beyond the limit: the one that would have been skipped, and why it was not.
fn too_much(skipped: u64, error: Error) -> Error {
    let message = format!("{skipped} samples or shards were skipped already, which is the limit");
    let fault = error.fault().unwrap_or(Fault::Source);
    Error::new(error.kind(), message).with_fault(fault).with_source(error)
}
