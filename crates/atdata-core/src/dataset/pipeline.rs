//! Running a dataset's recipe.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};

use super::frames::{Framed, frames};
use super::order::{Random, ShuffleBuffer};
use super::report::SharedReport;
use super::samples::Samples;
use super::{ErrorPolicy, Origin, ReadOptions};
use crate::msgpack::UnpackOptions;
use crate::offload::offload;
use crate::{Error, Result, Sample};

/// What is done to a raw sample: decoding, then filters and maps. `None` is a sample that a filter drops.
pub(super) type Stage<T> = Arc<dyn Fn(&Framed, &UnpackOptions) -> Result<Option<T>> + Send + Sync>;

/// Decodes, and nothing else.
pub(super) fn decode<T: Sample>() -> Stage<T> {
    Arc::new(|framed, options| T::unpack(framed.payload()?, options).map(Some))
}

/// The order of samples.
#[derive(Clone, Copy, Debug)]
pub(super) enum Order {
    Stored,
    Shuffled { seed: u64, buffer: usize },
}

/// Chunks of raw samples; an error ends its shard, not the stream.
type RawChunks = BoxStream<'static, RawChunk>;

enum RawChunk {
    Samples(Vec<Framed>),
    /// A shard that could not be opened or framed any further.
    Broken {
        shard: Arc<str>,
        error: Error,
    },
    /// The shards could not be listed.
    Failed(Error),
}

pub(super) fn run<T: Send + 'static>(
    origin: Arc<Origin>,
    options: ReadOptions,
    unpack: UnpackOptions,
    stage: Stage<T>,
    order: Order,
) -> Samples<T> {
    let report = Arc::new(SharedReport::default());
    let parallelism = options.parallelism.get();
    let mut policy = Policy { policy: options.errors, report: report.clone(), skipping: HashSet::new() };
    let unpack = Arc::new(unpack);
    let chunks = raw_chunks(origin, options, order)
        .map(move |chunk| process(chunk, stage.clone(), unpack.clone()))
        .buffered(parallelism)
        .map(move |chunk| policy.apply(chunk))
        .boxed();
    Samples::new(chunks, report)
}

/// Reads the shards one after the other and brings raw samples into order.
fn raw_chunks(origin: Arc<Origin>, options: ReadOptions, order: Order) -> RawChunks {
    stream::once(async move {
        let mut shards = match origin.source.list_shards().await {
            Ok(shards) => shards,
            Err(error) => {
                return stream::iter([RawChunk::Failed(error)]).boxed();
            }
        };
        match order {
            Order::Stored => read(shards, origin, options),
            Order::Shuffled { seed, buffer } => {
                let mut random = Random::new(seed);
                random.permute(&mut shards);
                shuffle(read(shards, origin, options), ShuffleBuffer::new(random, buffer))
            }
        }
    })
    .flatten()
    .boxed()
}

fn read(shards: Vec<String>, origin: Arc<Origin>, options: ReadOptions) -> RawChunks {
    stream::iter(shards)
        .then(move |shard| {
            let (origin, options) = (origin.clone(), options.clone());
            async move {
                let id: Arc<str> = shard.into();
                match origin.source.open_shard(&id).await {
                    Ok(body) => frames(id.clone(), body, origin.checksums.get(&*id).cloned(), &options)
                        .map(move |chunk| match chunk {
                            Ok(samples) => RawChunk::Samples(samples),
                            Err(error) => RawChunk::Broken { shard: id.clone(), error },
                        })
                        .boxed(),
                    Err(error) => {
                        let error = error.with("shard", &id);
                        stream::iter([RawChunk::Broken { shard: id, error }]).boxed()
                    }
                }
            }
        })
        .flatten()
        .boxed()
}

fn shuffle(chunks: RawChunks, buffer: ShuffleBuffer<Framed>) -> RawChunks {
    stream::unfold(Some((chunks, buffer)), |state| async move {
        let (mut chunks, mut buffer) = state?;
        match chunks.next().await {
            Some(RawChunk::Samples(samples)) => {
                let out = buffer.exchange(samples);
                Some((RawChunk::Samples(out), Some((chunks, buffer))))
            }
            Some(broken) => Some((broken, Some((chunks, buffer)))),
            None => Some((RawChunk::Samples(buffer.drain()), None)),
        }
    })
    .boxed()
}

/// What became of a chunk.
enum Processed<T> {
    /// The results, each with the shard it came from.
    Samples(Vec<(Arc<str>, Result<T>)>),
    Broken {
        shard: Arc<str>,
        error: Error,
    },
    /// What no policy leaves out, because nobody knows how much it would be.
    Failed(Error),
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
    let samples = match chunk {
        RawChunk::Samples(samples) => samples,
        RawChunk::Broken { shard, error } => {
            return futures::future::ready(Processed::Broken { shard, error }).boxed();
        }
        RawChunk::Failed(error) => return futures::future::ready(Processed::Failed(error)).boxed(),
    };
    let work = move || {
        let mut out = Vec::with_capacity(samples.len());
        for framed in &samples {
            if let Some(result) = apply(&stage, framed, &unpack).transpose() {
                out.push((framed.shard.clone(), result));
            }
        }
        out
    };
    let task = offload(work);
    async move { task.await.map_or_else(Processed::Failed, Processed::Samples) }.boxed()
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
    report: Arc<SharedReport>,
    /// The shards whose rest is left out; several at a time when they are shuffled.
    skipping: HashSet<Arc<str>>,
}

impl Policy {
    fn apply<T>(&mut self, chunk: Processed<T>) -> Vec<Result<T>> {
        let samples = match chunk {
            Processed::Samples(samples) => samples,
            Processed::Broken { shard, error } => {
                return self.broken(shard, error).map(Err).into_iter().collect();
            }
            Processed::Failed(error) => return vec![Err(error)],
        };
        let mut out = Vec::with_capacity(samples.len());
        for (shard, result) in samples {
            if self.skipping.contains(&shard) {
                continue;
            }
            let error = match result {
                Ok(sample) => {
                    out.push(Ok(sample));
                    continue;
                }
                Err(error) => error,
            };
            if self.policy == ErrorPolicy::SkipSample {
                self.report.sample(&error);
            } else if let Some(error) = self.broken(shard, error) {
                out.push(Err(error));
                break;
            }
        }
        out
    }

    /// Leaves the rest of a shard out, or gives the error back.
    fn broken(&mut self, shard: Arc<str>, error: Error) -> Option<Error> {
        match self.policy {
            ErrorPolicy::Fail => return Some(error),
            ErrorPolicy::SkipSample => self.report.shard(&error),
            ErrorPolicy::SkipShard => {
                if self.skipping.insert(shard) {
                    self.report.shard(&error);
                }
            }
        }
        None
    }
}
