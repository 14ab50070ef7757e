//! Whatever fails and whenever a run is ended: every shard has its result once.

use std::collections::{BTreeMap, VecDeque};
use std::future::poll_fn;
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;

use atdata_core::ErrorKind;
use atdata_core::process::{Ended, LocalQueue, ProcessOptions, ShardQueue, process_shards};
use proptest::prelude::*;

use crate::common::{dataset, names};

/// How one run ends.
#[derive(Clone, Debug)]
struct Run {
    /// Which of its calls fail, panic or do nothing for ever, in the order in which they are made.
    fates: Vec<u8>,
    /// After how many polls it is dropped, if it has not ended.
    polls: usize,
    parallelism: usize,
}

fn runs() -> impl Strategy<Value = Vec<Run>> {
    let run = (proptest::collection::vec(0u8..6, 0..12), 0usize..40, 1usize..5);
    proptest::collection::vec(
        run.prop_map(|(fates, polls, parallelism)| Run { fates, polls, parallelism }),
        0..6,
    )
}

/// Who made the result of each shard: the number of the call.
type Finished = Arc<Mutex<BTreeMap<String, u64>>>;

async fn one(run: Option<Run>, queue: &LocalQueue, shards: usize, calls: &Arc<Mutex<u64>>, seen: &Finished) {
    let fates = Mutex::new(run.as_ref().map(|run| VecDeque::from(run.fates.clone())).unwrap_or_default());
    let options = ProcessOptions::default()
        .with_parallelism(run.as_ref().map_or(3, |run| run.parallelism))
        .with_retry_failed(run.is_none());
    let (calls, finished) = (calls.clone(), seen.clone());
    let dataset = dataset(shards);
    let mut work = pin!(process_shards(&dataset, queue, &options, move |job| {
        let call = {
            let mut calls = calls.lock().unwrap();
            *calls += 1;
            *calls
        };
        let finished = finished.lock().unwrap().contains_key(job.shard());
        let fate = fates.lock().unwrap().pop_front().unwrap_or(5);
        async move {
            assert!(!finished, "{} is done again", job.shard());
            match fate {
                0 => Err("failed".to_owned()),
                1 => panic!("panicked"),
                2 => std::future::pending().await,
                3 => {
                    tokio::task::yield_now().await;
                    Ok(call)
                }
                _ => Ok(call),
            }
        }
    }));
    let mut left = run.map_or(usize::MAX, |run| run.polls);
    let ended = poll_fn(|context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        let poll = work.as_mut().poll(context);
        if poll.is_pending() && left < usize::MAX / 2 {
            // Tasks get their turn, and a call that does nothing for ever does not hold up the test.
            context.waker().wake_by_ref();
        }
        poll.map(Some)
    });
    if let Some(report) = ended.await {
        for (shard, call) in report.unwrap().results() {
            let first = *seen.lock().unwrap().entry(shard.clone()).or_insert(*call);
            assert_eq!(first, *call, "{shard} has another result");
        }
    }
}

/// Runs that end badly, then one that ends well.
async fn every_result_once(shards: usize, runs: Vec<Run>, with_checkpoint: bool) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("progress.txt");
    let (calls, seen) = (Arc::new(Mutex::new(0)), Finished::default());
    let memory = LocalQueue::new();
    for run in runs.into_iter().map(Some).chain([None]) {
        if with_checkpoint {
            let queue = reopened(&path, shards).await;
            let is_last = run.is_none();
            one(run, &queue, shards, &calls, &seen).await;
            ended(&queue).await;
            let progress = queue.progress().await.unwrap();
            if !is_last && progress.done == progress.total {
                // It was ended while it removed the files, or just before. The next run would be the first of others.
                for (shard, result) in queue.ended().await.unwrap() {
                    let Ended::Done(Some(result)) = result else { panic!("{shard} has no result") };
                    let first = *seen.lock().unwrap().entry(shard).or_insert(result.parse().unwrap());
                    assert_eq!(first.to_string(), result);
                }
                break;
            }
            assert!(!is_last || std::fs::read_dir(directory.path()).unwrap().count() == 0);
        } else {
            one(run, &memory, shards, &calls, &seen).await;
        }
    }
    assert_eq!(seen.lock().unwrap().keys().cloned().collect::<Vec<_>>(), names(shards));
}

/// The queue of a new process. Here the files may be locked until the last thread of the one before has ended.
async fn reopened(path: &Path, shards: usize) -> LocalQueue {
    loop {
        let queue = LocalQueue::with_checkpoint(path);
        match queue.begin(&names(shards)).await {
            Err(error) if error.kind() == ErrorKind::Conflict => tokio::task::yield_now().await,
            begun => {
                begun.unwrap();
                return queue;
            }
        }
    }
}

/// Waits until what was dropped has ended: tasks that were aborted, and a result that is being written.
async fn ended(queue: &LocalQueue) {
    while queue.progress().await.unwrap().leased > 0 {
        tokio::task::yield_now().await;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_shard_has_its_result_once(
        shards in 0usize..8, runs in runs(), with_checkpoint in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(every_result_once(shards, runs, with_checkpoint));
    }
}
