use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use atdata_core::process::{LocalQueue, ProcessOptions, ShardQueue, process_shards, process_shards_blocking};
use atdata_core::{Dataset, DictSample, Error, ErrorKind, MemorySource, Value};
use futures::TryStreamExt;
use tokio::sync::{Barrier, Notify, oneshot};

use crate::common::{counts, dataset, names, shard};

fn at_once(parallelism: usize) -> ProcessOptions {
    ProcessOptions::default().with_parallelism(parallelism)
}

#[tokio::test]
async fn every_shard_has_a_result_in_the_order_of_the_dataset() {
    let report = process_shards(&dataset(7), &LocalQueue::new(), &at_once(3), |job| async move {
        assert_eq!(job.dataset().shards().await?, [job.shard()]);
        job.dataset().count().await
    });
    let report = report.await.unwrap();
    assert_eq!((report.results(), report.failures().len()), (counts(7).as_slice(), 0));
    assert_eq!(report.into_results().unwrap(), counts(7));
}

#[tokio::test]
async fn filters_maps_and_options_hold() {
    let dataset = dataset(4)
        .filter(|sample| sample.get("n").and_then(Value::as_i64).unwrap() % 2 == 1)
        .map(|sample| sample.get("n").and_then(Value::as_i64).unwrap() * 10);
    let report = process_shards(&dataset, &LocalQueue::new(), &at_once(2), |job| async move {
        job.dataset().ordered().try_collect::<Vec<i64>>().await
    });
    let results: Vec<_> = report.await.unwrap().into_results().unwrap();
    let results: Vec<_> = results.into_iter().map(|(_, numbers)| numbers).collect();
    assert_eq!(results, [vec![], vec![10], vec![10], vec![10, 30]]);
}

#[tokio::test]
async fn failures_do_not_stop_the_others_and_name_shard_and_cause() {
    let mut shards: Vec<_> = names(5).into_iter().map(|name| (name, shard(0..3))).collect();
    shards[3].1.truncate(700);
    let dataset = Dataset::<DictSample>::from_source(MemorySource::new(shards));
    let report = process_shards(&dataset, &LocalQueue::new(), &at_once(2), |job| async move {
        match job.shard() {
            "s-000.tar" => Err(Error::invalid("not this one").with("reason", "why")),
            "s-001.tar" => panic!("a bug in {}", job.shard()),
            _ => job.dataset().count().await,
        }
    });
    let report = report.await.unwrap();
    let done: Vec<_> = report.results().iter().map(|(shard, count)| (shard.as_str(), *count)).collect();
    assert_eq!(done, [("s-002.tar", 3), ("s-004.tar", 3)]);
    let failures: Vec<_> = report.failures().iter().map(|f| (f.shard.as_str(), f.message.as_str())).collect();
    assert_eq!(failures[0], ("s-000.tar", "invalid: not this one (reason: why)"));
    assert_eq!(failures[1], ("s-001.tar", "it panicked: a bug in s-001.tar"));
    assert!(failures[2].0 == "s-003.tar" && failures[2].1.starts_with("corrupt:"), "{failures:?}");
    let partial = report.into_results().unwrap_err();
    assert!(partial.to_string().starts_with("3 of 5 shards failed; s-000.tar: invalid: not"), "{partial}");
    assert_eq!(Error::from(partial).kind(), ErrorKind::Unexpected);
}

#[tokio::test]
async fn a_shard_is_tried_as_often_as_the_queue_says() {
    let queue = LocalQueue::new().with_tries(3);
    let report = process_shards(&dataset(3), &queue, &at_once(1), |job| async move {
        match job.shard() {
            "s-001.tar" => Err("always".to_owned()),
            _ if job.attempt() < 3 => Err("not yet".to_owned()),
            _ => Ok(job.attempt()),
        }
    });
    let report = report.await.unwrap();
    assert_eq!(report.results(), [("s-000.tar".to_owned(), 3), ("s-002.tar".to_owned(), 3)]);
    assert_eq!((report.failures()[0].message.as_str(), report.failures()[0].attempts), ("always", 3));
}

#[tokio::test]
async fn only_what_failed_is_tried_again() {
    let (queue, calls) = (LocalQueue::new(), Arc::new(Mutex::new(Vec::new())));
    let run = |good: bool, options: ProcessOptions| {
        let (dataset, queue, calls) = (dataset(4), queue.clone(), calls.clone());
        async move {
            let report = process_shards(&dataset, &queue, &options, move |job| {
                calls.lock().unwrap().push(job.shard().to_owned());
                async move { if good || job.shard() != "s-002.tar" { Ok(job.attempt()) } else { Err("bad") } }
            });
            report.await.unwrap()
        }
    };
    assert_eq!(run(false, at_once(1)).await.failures().len(), 1);
    assert_eq!(run(true, at_once(1)).await.failures().len(), 1, "nobody asked to try again");
    calls.lock().unwrap().clear();
    let report = run(true, at_once(1).with_retry_failed(true)).await;
    assert_eq!(
        (report.results().len(), calls.lock().unwrap().as_slice()),
        (4, ["s-002.tar".to_owned()].as_slice())
    );
}

#[tokio::test]
async fn shards_are_processed_at_the_same_time_and_no_more_than_wanted() {
    // Three calls must be under way for any to go on.
    let (barrier, running) = (Arc::new(Barrier::new(3)), Arc::new(AtomicUsize::new(0)));
    let report = process_shards(&dataset(6), &LocalQueue::new(), &at_once(3), move |_| {
        let (barrier, running) = (barrier.clone(), running.clone());
        async move {
            assert!(running.fetch_add(1, Ordering::SeqCst) < 3);
            barrier.wait().await;
            running.fetch_sub(1, Ordering::SeqCst);
            Ok::<_, String>(())
        }
    });
    assert_eq!(report.await.unwrap().into_results().unwrap().len(), 6);
}

#[tokio::test]
async fn blocking_functions_have_threads() {
    let barrier = Arc::new(std::sync::Barrier::new(2));
    let report = process_shards_blocking(&dataset(4), &LocalQueue::new(), &at_once(2), move |job| {
        barrier.wait();
        let samples: Result<Vec<_>, Error> = job.dataset().ordered().blocking().collect();
        Ok::<_, Error>(samples?.len() as u64)
    });
    assert_eq!(report.await.unwrap().into_results().unwrap(), counts(4));
}

#[tokio::test]
async fn several_workers_share_a_queue() {
    let (queue, calls) = (LocalQueue::new(), Arc::new(AtomicUsize::new(0)));
    let worker = || {
        let (queue, calls) = (queue.clone(), calls.clone());
        tokio::spawn(async move {
            let report = process_shards(&dataset(20), &queue, &at_once(2), move |job| {
                calls.fetch_add(1, Ordering::SeqCst);
                async move { job.dataset().count().await }
            });
            report.await.unwrap().into_results().unwrap()
        })
    };
    for results in futures::future::join_all([worker(), worker(), worker()]).await {
        assert_eq!(results.unwrap(), counts(20));
    }
    assert_eq!(calls.load(Ordering::SeqCst), 20);
}

#[tokio::test]
async fn a_dropped_worker_gives_back_what_it_has() {
    let queue = LocalQueue::new();
    let (begun, never) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (dataset, options, at_work) = (dataset(3), at_once(2), begun.clone());
    let stuck = process_shards(&dataset, &queue, &options, move |_| {
        at_work.notify_one();
        let never = never.clone();
        async move {
            never.notified().await;
            Ok::<u64, String>(0)
        }
    });
    tokio::select! {
        _ = stuck => panic!("it cannot end"),
        () = async { begun.notified().await; begun.notified().await } => {}
    }
    // Its calls end as tasks do, in their own time.
    let report = process_shards(&dataset, &queue, &options, |job| async move {
        assert_eq!(job.attempt(), 1, "what was given back was not tried");
        job.dataset().count().await
    });
    assert_eq!(report.await.unwrap().into_results().unwrap(), counts(3));
}

#[tokio::test]
async fn a_blocking_call_learns_that_nobody_waits() {
    let (began, begun) = oneshot::channel();
    let (ended, end) = std::sync::mpsc::channel();
    let (began, dataset, queue, options) =
        (Mutex::new(Some(began)), dataset(1), LocalQueue::new(), at_once(1));
    let work = process_shards_blocking(&dataset, &queue, &options, move |job| {
        began.lock().unwrap().take().unwrap().send(()).unwrap();
        while !job.is_cancelled() {
            std::thread::yield_now();
        }
        ended.send(()).unwrap();
        Ok::<_, String>(1)
    });
    tokio::select! {
        _ = work => panic!("it cannot end"),
        begun = begun => begun.unwrap(),
    }
    end.recv().unwrap();
    // The shard comes back when the call has ended, which is when its job is gone.
    assert_eq!(queue.lease().await.unwrap().unwrap().shard, "s-000.tar");
}

#[tokio::test]
async fn results_that_json_cannot_keep_fail_where_they_are_made() {
    let report = process_shards(&dataset(2), &LocalQueue::new(), &at_once(1), |job| async move {
        Ok::<_, String>(if job.shard() == "s-000.tar" { f64::NAN } else { 0.1 })
    });
    let report = report.await.unwrap();
    assert_eq!(report.results(), [("s-001.tar".to_owned(), 0.1)]);
    assert!(report.failures()[0].message.contains("cannot be kept as JSON"), "{:?}", report.failures());
}

#[tokio::test]
async fn a_shard_that_is_listed_twice_is_one() {
    let twice = dataset(2).only_shards(["s-001.tar", "s-000.tar", "s-001.tar"]);
    let report =
        process_shards(
            &twice,
            &LocalQueue::new(),
            &at_once(2),
            |job| async move { job.dataset().count().await },
        );
    let results = report.await.unwrap().into_results().unwrap();
    assert_eq!(results, [("s-001.tar".to_owned(), 2), ("s-000.tar".to_owned(), 1)]);
}

#[tokio::test]
async fn a_shard_that_is_not_there_is_a_failure_of_its_own() {
    let dataset = dataset(1).only_shards(["s-000.tar", "gone.tar"]);
    let report = process_shards(&dataset, &LocalQueue::new(), &at_once(2), |job| async move {
        job.dataset().count().await
    });
    let report = report.await.unwrap();
    assert_eq!((report.results().len(), report.failures()[0].shard.as_str()), (1, "gone.tar"));
    assert!(report.failures()[0].message.contains("shard: gone.tar"), "{:?}", report.failures());
}

#[test]
fn without_a_runtime_there_is_an_error() {
    let work = async {
        process_shards(&dataset(1), &LocalQueue::new(), &at_once(1), |_| async { Ok::<_, Error>(1) }).await
    };
    let error = futures::executor::block_on(work).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
}
