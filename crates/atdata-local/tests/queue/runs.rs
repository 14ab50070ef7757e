//! Whole runs: `process_shards` over the queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use atdata_core::process::{LocalQueue, ProcessOptions, ShardQueue, process_shards};
use atdata_core::{Dataset, DictSample};
use atdata_local::{RedisQueue, RedisQueueOptions};
use atdata_testkit::servers::redis::{ClusterLease, Database};
use tokio::sync::Notify;

use crate::common::{NAME, count, counts, dataset, patient};

fn at_once(parallelism: usize) -> ProcessOptions {
    ProcessOptions::default().with_parallelism(parallelism)
}

async fn several_workers(url: &str) {
    let calls = Arc::new(AtomicUsize::new(0));
    let worker = || {
        let calls = calls.clone();
        async move {
            let queue = patient().open(url, NAME).await.unwrap();
            let report = process_shards(&dataset(40), &queue, &at_once(3), move |job| {
                calls.fetch_add(1, Ordering::SeqCst);
                async move { job.dataset().count().await }
            });
            report.await.unwrap().into_results().unwrap()
        }
    };
    for results in futures::future::join_all([worker(), worker(), worker()]).await {
        assert_eq!(results, counts(40));
    }
    assert_eq!(calls.load(Ordering::SeqCst), 40);
    // The same code, with another queue.
    let local = count(&dataset(40), &LocalQueue::new(), &at_once(3)).await.unwrap();
    assert_eq!(local.into_results().unwrap(), counts(40));
}

#[tokio::test]
async fn several_workers_share_the_shards() {
    let Some(database) = Database::for_test("several_workers_share_the_shards") else { return };
    several_workers(database.url()).await;
    let left = |key: &str| database.command(&["EXISTS", &format!("atdata:queue:{{run}}:{key}")]).unwrap();
    assert_eq!((left("leases"), left("dead")), ("0".to_owned(), "0".to_owned()));
    assert_eq!(database.command(&["XINFO", "CONSUMERS", "atdata:queue:{run}:jobs", "workers"]).unwrap(), "");
}

#[tokio::test]
async fn several_workers_share_the_shards_in_a_cluster() {
    let Some(cluster) = ClusterLease::for_test("several_workers_share_the_shards_in_a_cluster") else {
        return;
    };
    several_workers(cluster.url()).await;
    let queue = patient().open(cluster.url(), NAME).await.unwrap();
    queue.remove().await.unwrap();
    assert_eq!(queue.progress().await.unwrap().total, 0);
}

#[tokio::test]
async fn a_run_goes_on_where_one_ended_and_gives_all_results() {
    let Some(database) = Database::for_test("a_run_goes_on_where_one_ended") else { return };
    let calls = Arc::new(AtomicUsize::new(0));
    let run = |failing: &'static [&'static str], options: ProcessOptions| {
        let (url, calls) = (database.url().to_owned(), calls.clone());
        calls.store(0, Ordering::SeqCst);
        async move {
            let queue = patient().with_tries(1).open(&url, NAME).await.unwrap();
            let report = process_shards(&dataset(6), &queue, &options, move |job| {
                calls.fetch_add(1, Ordering::SeqCst);
                async move {
                    if failing.contains(&job.shard()) {
                        return Err(format!("{} is bad", job.shard()));
                    }
                    job.dataset().count().await.map_err(|error| error.to_string())
                }
            });
            report.await.unwrap()
        }
    };
    let report = run(&["s-0001.tar", "s-0004.tar"], at_once(2)).await;
    assert_eq!((report.results().len(), calls.load(Ordering::SeqCst)), (4, 6));
    assert_eq!(report.failures()[1].message, "s-0004.tar is bad");
    // What has failed for good stays so until somebody asks.
    let report = run(&[], at_once(2)).await;
    assert_eq!((report.failures().len(), calls.load(Ordering::SeqCst)), (2, 0));
    let report = run(&["s-0004.tar"], at_once(2).with_retry_failed(true)).await;
    assert_eq!((report.failures().len(), calls.load(Ordering::SeqCst)), (1, 2));
    let report = run(&[], at_once(2).with_retry_failed(true)).await;
    assert_eq!((report.into_results().unwrap(), calls.load(Ordering::SeqCst)), (counts(6), 1));
}

#[tokio::test]
async fn a_worker_that_is_dropped_gives_its_shards_back() {
    let Some(database) = Database::for_test("a_worker_that_is_dropped_gives_its_shards_back") else { return };
    let queue = patient().open(database.url(), NAME).await.unwrap();
    let begun = Arc::new(Notify::new());
    let at_work = begun.clone();
    let stuck = process_shards(&dataset(3), &queue, &at_once(2), move |_| {
        at_work.notify_one();
        std::future::pending::<Result<u64, String>>()
    });
    tokio::select! {
        _ = stuck => panic!("it cannot end"),
        () = async { begun.notified().await; begun.notified().await } => {}
    }
    queue.idle().await;
    assert_eq!(queue.progress().await.unwrap().pending(), 3);
    // A lease lasts ten minutes: nobody has waited for one.
    let other = RedisQueue::open(database.url(), NAME).await.unwrap();
    assert_eq!(count(&dataset(3), &other, &at_once(2)).await.unwrap().into_results().unwrap(), counts(3));
}

#[tokio::test]
async fn a_lease_lasts_as_long_as_its_worker_is_heard_of() {
    let Some(database) = Database::for_test("a_lease_lasts_as_long_as_its_worker_is_heard_of") else {
        return;
    };
    let short = RedisQueueOptions::default().with_lease(Duration::from_millis(300));
    let (queue, other) =
        (short.open(database.url(), NAME).await.unwrap(), short.open(database.url(), NAME).await.unwrap());
    let (gate, calls) = (Arc::new(Notify::new()), Arc::new(AtomicUsize::new(0)));
    let worker = |queue: RedisQueue, dataset: Dataset<DictSample>| {
        let (gate, calls) = (gate.clone(), calls.clone());
        process_shards(&dataset, &queue, &at_once(1), move |job| {
            calls.fetch_add(1, Ordering::SeqCst);
            let gate = gate.clone();
            async move {
                gate.notified().await;
                Ok::<_, String>(job.attempt())
            }
        })
    };
    let renewed = async {
        let (mut renewals, mut last) = (0, 0);
        // More than the time of two leases.
        while renewals < 7 {
            let pending =
                database.command(&["XPENDING", "atdata:queue:{run}:jobs", "workers", "-", "+", "1"]);
            let idle = pending.ok().and_then(|text| text.lines().nth(2)?.parse().ok()).unwrap_or(0);
            renewals += usize::from(idle < last);
            last = idle;
            tokio::task::yield_now().await;
        }
        gate.notify_one();
    };
    let (first, second, ()) = tokio::join!(worker(queue, dataset(1)), worker(other, dataset(1)), renewed);
    let expected = [("s-0000.tar".to_owned(), 1)];
    assert_eq!(first.unwrap().into_results().unwrap(), expected);
    assert_eq!(second.unwrap().into_results().unwrap(), expected);
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}
