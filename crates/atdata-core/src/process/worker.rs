//! The loop of a worker.

use std::fmt::Display;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures::future::{BoxFuture, Either, select};
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::job::{Held, ShardJob, Waiting};
use super::options::ProcessOptions;
use super::queue::{Lease, LeaseState, ShardQueue, distinct};
use super::report::Processed;
use crate::offload::panic_text;
use crate::{Dataset, Error, Result, ResultExt};

/// How a queue that does not answer is asked again: first after so long, then after twice that, up to the second.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// What a call of the user's function came to: the result in JSON, or what it failed on.
pub(super) type Outcome = Result<String, String>;

/// The outcome of a call.
pub(super) fn text_of<R: Serialize + DeserializeOwned, E: Display>(result: Result<R, E>) -> Outcome {
    // The alternate form of some error types has their causes.
    let value = result.map_err(|error| format!("{error:#}"))?;
    let unfit = |error| format!("the result cannot be kept as JSON: {error}");
    let text = serde_json::to_string(&value).map_err(unfit)?;
    // A NaN, for instance, is written as null. Better to fail here than when all is done.
    serde_json::from_str::<R>(&text).map_err(unfit)?;
    Ok(text)
}

/// Works until all shards have ended.
pub(super) async fn run<T, R>(
    dataset: &Dataset<T>,
    queue: Arc<dyn ShardQueue>,
    options: &ProcessOptions,
    start: impl Fn(ShardJob<T>) -> JoinHandle<Outcome> + Send + Sync,
) -> Result<Processed<R>>
where
    T: Send + 'static,
    R: DeserializeOwned,
{
    let patience = options.patience;
    let shards = distinct(dataset.shards().await?);
    persist(patience, || queue.begin(&shards)).await?;
    if options.retry_failed {
        persist(patience, || queue.retry_failed()).await?;
    }
    work(dataset, &queue, options, &start).await?;
    let report = Processed::new(persist(patience, || queue.ended()).await?)?;
    if report.failures().is_empty() {
        queue.finish().await?;
    }
    Ok(report)
}

/// Takes shards and works on them until there are none.
async fn work<T: Send + 'static>(
    dataset: &Dataset<T>,
    queue: &Arc<dyn ShardQueue>,
    options: &ProcessOptions,
    start: &(impl Fn(ShardJob<T>) -> JoinHandle<Outcome> + Send + Sync),
) -> Result<()> {
    let patience = options.patience;
    let mut running = FuturesUnordered::new();
    let mut asking: Option<BoxFuture<'_, Result<Option<Lease>>>> = None;
    let mut drained = false;
    loop {
        if asking.is_none() && !drained && running.len() < options.parallelism.get() {
            asking = Some(persist(patience, || queue.lease()).boxed());
        }
        let leased = poll_fn(|context| {
            while let Poll::Ready(Some(ended)) = running.poll_next_unpin(context) {
                // There is room for another one, which may not have been asked for.
                match ended {
                    Ok(()) if asking.is_none() && !drained => return Poll::Ready(Ok(None)),
                    Ok(()) => {}
                    Err(error) => return Poll::Ready(Err(error)),
                }
            }
            match &mut asking {
                Some(asked) => asked.poll_unpin(context).map(|leased| leased.map(Some)),
                None if running.is_empty() => Poll::Ready(Ok(None)),
                None => Poll::Pending,
            }
        });
        match leased.await? {
            Some(lease) => {
                asking = None;
                match lease {
                    Some(lease) => running.push(run_one(dataset, queue, lease, start, patience)),
                    None => drained = true,
                }
            }
            None if drained => return Ok(()),
            None => {}
        }
    }
}

/// A task that ends when nobody waits for it.
struct Task(JoinHandle<Outcome>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Works on one shard, and tells the queue how it ended.
async fn run_one<T: Send + 'static>(
    dataset: &Dataset<T>,
    queue: &Arc<dyn ShardQueue>,
    lease: Lease,
    start: &(impl Fn(ShardJob<T>) -> JoinHandle<Outcome> + Send + Sync),
    patience: Duration,
) -> Result<()> {
    let held = Arc::new(Held::new(queue.clone(), lease.clone()));
    let waiting = Waiting(held.clone());
    let mut task = Task(start(ShardJob::new(dataset, held)));
    let outcome = loop {
        let Some(every) = queue.heartbeat() else { break (&mut task.0).await };
        match select(&mut task.0, pin!(sleep(every))).await {
            Either::Left((outcome, _)) => break outcome,
            // A queue that does not answer may do so the next time, before the lease is lost.
            Either::Right(_) => {
                if let Ok(LeaseState::Lost) = queue.renew(&lease).await {
                    waiting.0.settle();
                    return Ok(());
                }
            }
        }
    };
    let outcome = match outcome {
        Ok(outcome) => outcome,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => Err(format!("it panicked: {}", panic_text(&*panic))),
            Err(error) => {
                return Err(Error::unavailable("the runtime is shutting down").with_source(error));
            }
        },
    };
    // That the lease is lost is no failure: somebody else has the shard.
    let told = match &outcome {
        Ok(result) => persist(patience, || queue.complete(&lease, result)).await,
        Err(message) => persist(patience, || queue.fail(&lease, message)).await,
    };
    let _: LeaseState = told.context("shard", &lease.shard)?;
    waiting.0.settle();
    Ok(())
}

/// Asks again for a while when the queue does not answer.
async fn persist<'a, R>(patience: Duration, ask: impl Fn() -> BoxFuture<'a, Result<R>> + Send) -> Result<R> {
    let begun = Instant::now();
    let (mut pause, longest) = PAUSES;
    loop {
        match ask().await {
            Err(error) if error.is_retryable() && begun.elapsed() < patience => {
                sleep(error.retry_after().unwrap_or(pause)).await;
                pause = (pause * 2).min(longest);
            }
            answer => return answer,
        }
    }
}
