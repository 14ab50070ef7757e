//! Running a dataset's recipe.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use futures::future::{BoxFuture, ready};
use futures::{FutureExt, StreamExt};

use super::cursor::Chunk;
use super::frames::Framed;
use super::indexes::SharedIndexes;
use super::order::Unit;
use super::raw::{RawChunk, Reading, raw_chunks};
use super::samples::Samples;
use super::state::{Position, Run};
use super::{Dataset, ErrorPolicy};
use crate::msgpack::UnpackOptions;
use crate::offload::offload;
use crate::{Error, Result, Sample};

/// What is done to a raw sample: decoding, then filters and maps. `None` is a sample that a filter drops.
pub(super) type Stage<T> = Arc<dyn Fn(&Framed, &UnpackOptions) -> Result<Option<T>> + Send + Sync>;

/// Decodes, and nothing else.
pub(super) fn decode<T: Sample>() -> Stage<T> {
    Arc::new(|framed, options| T::unpack(framed.payload()?, options).map(Some))
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
    let errors = match dataset.options.errors {
        ErrorPolicy::SkipShard if run.plan.by == Unit::Samples => ErrorPolicy::SkipSample,
        errors => errors,
    };
    // Shards that are left out stay so after their samples are shuffled among others; to know them again, what lies
    // before the position is decoded as well.
    let behind = if errors == ErrorPolicy::SkipShard && run.plan.is_shuffled() { from.sample } else { 0 };
    let mut policy = Policy { policy: errors, run: run.clone(), behind, skipping: HashMap::new() };
    let reading = Reading {
        origin: dataset.origin.clone(),
        options: dataset.options.clone(),
        indexes: indexes.clone(),
    };
    let chunks = raw_chunks(reading, run.clone(), from, behind == 0)
        .map(move |chunk| process(chunk, stage.clone(), unpack.clone()))
        .buffered(dataset.options.parallelism.get())
        .map(move |chunk| policy.apply(chunk))
        .boxed();
    Samples::new(chunks, run, from)
}

/// The results of one chunk.
struct Processed<T> {
    shard: u64,
    /// Each with the shard it came from and the number of the position after it.
    items: Vec<(Arc<str>, u64, Result<T>)>,
    spoils: Spoils,
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
        Self { shard: 0, items: vec![(shard, 0, Err(error))], spoils }
    }
}

/// Runs the stage over one sample. A panic in a user's closure is that sample's error, not the end of the process.
pub(super) fn apply<T>(stage: &Stage<T>, framed: &Framed, unpack: &UnpackOptions) -> Result<Option<T>> {
    catch_unwind(AssertUnwindSafe(|| stage(framed, unpack)))
        .unwrap_or_else(|panic| Err(panicked(&*panic)))
        .map_err(|error| framed.locate(error))
}

/// Runs the stage over a chunk.
fn process<T: Send + 'static>(
    chunk: RawChunk,
    stage: Stage<T>,
    unpack: Arc<UnpackOptions>,
) -> BoxFuture<'static, Processed<T>> {
    let failed = |error| Processed::error(Arc::from("all"), error, Spoils::Stream);
    let (first, samples) = match chunk {
        RawChunk::Samples { first, samples } => (first, samples),
        RawChunk::Broken { shard, error } => {
            return ready(Processed::error(shard, error, Spoils::Shard)).boxed();
        }
        RawChunk::Failed(error) => return ready(failed(error)).boxed(),
    };
    let work = move || {
        let mut items = Vec::with_capacity(samples.len());
        for (raw, behind) in samples.into_iter().zip(first.sample + 1..) {
            let shard = raw.shard().clone();
            let result = raw.frame().and_then(|framed| apply(&stage, &framed, &unpack));
            if let Some(result) = result.transpose() {
                items.push((shard, behind, result));
            }
        }
        Processed { shard: first.shard, items, spoils: Spoils::Sample }
    };
    let task = offload(work);
    // The error is that the runtime is shutting down.
    async move { task.await.unwrap_or_else(failed) }.boxed()
}

/// The error that stands for a panic.
pub(super) fn panicked(panic: &(dyn std::any::Any + Send)) -> Error {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    Error::unexpected(format!("a filter, map or decoder panicked: {text}"))
}

/// Applies the error policy to chunks as they come, in order.
struct Policy {
    policy: ErrorPolicy,
    run: Arc<Run>,
    /// Samples up to this number are decoded for the sake of their errors only.
    behind: u64,
    /// The shards whose rest is left out, by the address of their name: each occurrence in the list of shards is one of
    /// its own. Several at a time when they are shuffled.
    skipping: HashMap<usize, Arc<str>>,
}

impl Policy {
    fn apply<T>(&mut self, chunk: Processed<T>) -> Chunk<T> {
        let mut items = Vec::with_capacity(chunk.items.len());
        for (shard, number, result) in chunk.items {
            let occurrence = shard.as_ptr().addr();
            match (result, self.policy) {
                (Err(error), _) if chunk.spoils == Spoils::Stream => {
                    items.push((number, Err(error)));
                    break;
                }
                (_, ErrorPolicy::SkipShard) if self.skipping.contains_key(&occurrence) => {}
                (Ok(_), _) if number <= self.behind => {}
                (Ok(sample), _) => items.push((number, Ok(sample))),
                (Err(error), ErrorPolicy::Fail) => {
                    items.push((number, Err(error)));
                    break;
                }
                (Err(error), ErrorPolicy::SkipSample) if chunk.spoils == Spoils::Sample => {
                    self.run.report.sample(&error);
                }
                (Err(error), _) => {
                    self.run.report.shard(&error);
                    self.skipping.insert(occurrence, shard);
                }
            }
        }
        Chunk { shard: chunk.shard, items }
    }
}
