//! Work on every shard of a dataset: by several tasks, several processes, several machines.
//!
//! [`process_shards`] takes shards from a [`ShardQueue`], runs a function on each and gives the results to the queue.
//! [`LocalQueue`] serves one process, and remembers in a checkpoint file, if it is told to, what is finished; other queues
//! serve many workers, with the same code on top. What fails does not stop the rest: it is in the report,
//! [`Processed`], and can be tried again alone.
//!
//! ```
//! use atdata_core::process::{LocalQueue, ProcessOptions, process_shards};
//! # use atdata_core::{DataStoreExt, Error, MemoryStore, WriteOptions, source::{Registry, UrlSource}};
//! use atdata_core::{Dataset, DictSample};
//! # use futures::StreamExt;
//!
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! # let store = MemoryStore::new();
//! # let samples = futures::stream::iter((0..100i64).map(|i| Ok(DictSample::from_iter([("n", i)])))).boxed();
//! # let shards = store.write_samples(samples, "numbers", &WriteOptions::default().with_max_count(30)).await?;
//! # let mut registry = Registry::default();
//! # registry.register("mem", std::sync::Arc::new(store));
//! # let source = UrlSource::from_urls(shards.into_iter().map(|shard| shard.url), &registry)?;
//! let dataset = Dataset::<DictSample>::from_source(source);
//! let queue = LocalQueue::new();
//! let counted = process_shards(&dataset, &queue, &ProcessOptions::default(), |job| async move {
//!     job.dataset().count().await
//! });
//! let results = counted.await?.into_results()?;
//! assert_eq!(results.iter().map(|(_, count)| *count).collect::<Vec<u64>>(), [30, 30, 30, 10]);
//! # Ok::<(), Error>(())
//! # }).unwrap();
//! ```

mod checkpoint;
mod job;
mod local;
pub(crate) mod log;
mod options;
mod queue;
mod report;
mod worker;

use std::fmt::Display;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::runtime::Handle;

pub use job::ShardJob;
pub use local::LocalQueue;
pub use options::ProcessOptions;
pub use queue::{Ended, Lease, LeaseState, Progress, ShardQueue, distinct, fingerprint};
pub use report::{PartialFailure, Processed, ShardFailure};

use crate::{Dataset, Error, Result};

/// Runs an async function once on every shard that the queue has, several at a time, and returns when all have ended:
/// those that other workers have, too. A shard that is listed several times is one.
///
/// The function gets a [`ShardJob`], with a dataset of that shard alone: type, filters, maps and options are those of
/// `dataset`. Each call is a task of the runtime. An error, or a panic, is the failure of its shard. While it runs the
/// queue is told that it does; if the queue has given the shard to another worker nevertheless, the call is ended and its
/// result, if there is one, not taken. Results are kept as JSON.
///
/// It can be dropped: the calls end at their next await, and their shards go back to the queue.
///
/// # Errors
/// The queue fails, or works on another list of shards; the shards cannot be listed; a result of an earlier run is not an
/// `R`; there is no tokio runtime. The failures of shards are not errors, but in the report.
pub fn process_shards<T, Q, R, E, F, Fut>(
    dataset: &Dataset<T>,
    queue: &Q,
    options: &ProcessOptions,
    f: F,
) -> impl Future<Output = Result<Processed<R>>> + Send + use<T, Q, R, E, F, Fut>
where
    T: Send + 'static,
    Q: ShardQueue + Clone,
    R: Serialize + DeserializeOwned + Send,
    E: Display,
    F: Fn(ShardJob<T>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<R, E>> + Send + 'static,
{
    let (dataset, queue, options, f) =
        (dataset.clone(), Arc::new(queue.clone()), options.clone(), Arc::new(f));
    async move {
        let runtime = runtime()?;
        let start = move |job| {
            let f = f.clone();
            runtime.spawn(async move { worker::text_of::<R, E>(f(job).await) })
        };
        worker::run(&dataset, queue, &options, start).await
    }
}

/// [`process_shards`] for a function that blocks or computes. Each call has a thread of the runtime's blocking threads.
///
/// A call that has begun runs to its end, whatever becomes of the future; [`ShardJob::is_cancelled`] tells it that nobody
/// waits any longer.
///
/// ```no_run
/// # use atdata_core::process::{LocalQueue, ProcessOptions, process_shards_blocking};
/// # use atdata_core::{Dataset, DictSample, Error};
/// # async fn example(dataset: Dataset<DictSample>) -> Result<(), Error> {
/// let queue = LocalQueue::with_checkpoint("progress.txt");
/// let options = ProcessOptions::default().with_parallelism(4);
/// let report = process_shards_blocking(&dataset, &queue, &options, |job| {
///     let mut longest = 0;
///     for sample in job.dataset().ordered().blocking() {
///         longest = longest.max(sample?.get("text").and_then(|text| text.as_str()).map_or(0, str::len));
///     }
///     Ok::<_, Error>(longest)
/// })
/// .await?;
/// for failure in report.failures() {
///     eprintln!("{}: {}", failure.shard, failure.message);
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As [`process_shards`].
pub fn process_shards_blocking<T, Q, R, E, F>(
    dataset: &Dataset<T>,
    queue: &Q,
    options: &ProcessOptions,
    f: F,
) -> impl Future<Output = Result<Processed<R>>> + Send + use<T, Q, R, E, F>
where
    T: Send + 'static,
    Q: ShardQueue + Clone,
    R: Serialize + DeserializeOwned + Send,
    E: Display,
    F: Fn(ShardJob<T>) -> Result<R, E> + Send + Sync + 'static,
{
    let (dataset, queue, options, f) =
        (dataset.clone(), Arc::new(queue.clone()), options.clone(), Arc::new(f));
    async move {
        let runtime = runtime()?;
        let start = move |job| {
            let f = f.clone();
            runtime.spawn_blocking(move || worker::text_of::<R, E>(f(job)))
        };
        worker::run(&dataset, queue, &options, start).await
    }
}

fn runtime() -> Result<Handle> {
    Handle::try_current().map_err(|error| {
        Error::invalid("shards are processed by the tasks of a tokio runtime; there is none")
            .with_source(error)
    })
}
