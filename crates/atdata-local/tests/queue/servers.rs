//! Servers that go and come back.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use atdata_core::ErrorKind;
use atdata_core::process::{LeaseState, ProcessOptions, ShardQueue, process_shards};
use atdata_testkit::servers::redis::{Redis, RedisOptions};

use futures::FutureExt;

use crate::common::{NAME, begun, count, counts, dataset, patient};

#[tokio::test]
async fn what_was_said_survives_the_death_of_a_durable_server() {
    let case = "what_was_said_survives_the_death_of_a_durable_server";
    let Some(mut redis) = Redis::for_test(case, RedisOptions::default().durable()) else { return };
    let queue = begun(&patient(), &redis.url(), 4).await;
    let lease = async || queue.lease().await.unwrap().unwrap();
    let (done, failed, held) = (lease().await, lease().await, lease().await);
    assert_eq!(queue.complete(&done, "1").await.unwrap(), LeaseState::Held);
    assert_eq!(queue.fail(&failed, "bad").await.unwrap(), LeaseState::Held);
    redis.kill();
    redis.restart().unwrap();
    // The connection comes back by itself, and the lease is still there.
    assert_eq!(queue.complete(&held, "3").await.unwrap(), LeaseState::Held);
    let progress = queue.progress().await.unwrap();
    assert_eq!((progress.done, progress.pending()), (2, 2));
    let report = count(&dataset(4), &queue, &ProcessOptions::default()).await.unwrap();
    let expected = [1, 2, 3, 4].into_iter().zip(counts(4)).map(|(count, (shard, _))| (shard, count));
    assert_eq!(report.into_results().unwrap(), expected.collect::<Vec<_>>());
}

#[tokio::test]
async fn a_run_outlives_a_server_that_is_killed_again_and_again() {
    let case = "a_run_outlives_a_server_that_is_killed_again_and_again";
    let Some(redis) = Redis::for_test(case, RedisOptions::default().durable()) else { return };
    let queue = patient().with_tries(20).open(&redis.url(), NAME).await.unwrap();
    let (redis, killed) = (Arc::new(Mutex::new(redis)), Arc::new(Mutex::new(Vec::new())));
    let (server, kills) = (redis.clone(), killed.clone());
    let report =
        process_shards(&dataset(12), &queue, &ProcessOptions::default().with_parallelism(3), move |job| {
            let (server, kills) = (server.clone(), kills.clone());
            async move {
                let number: usize = job.shard()[2..6].parse().unwrap();
                if number % 4 == 1 && !kills.lock().unwrap().contains(&number) {
                    kills.lock().unwrap().push(number);
                    let restarted = tokio::task::spawn_blocking(move || {
                        let mut server = server.lock().unwrap();
                        server.kill();
                        server.restart()
                    });
                    restarted.await.unwrap().unwrap();
                }
                job.dataset().count().await
            }
        });
    assert_eq!(report.await.unwrap().into_results().unwrap(), counts(12));
    assert_eq!(killed.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn a_server_without_memory_left_loses_no_result_silently() {
    let options = RedisOptions::default().with_max_memory(8 << 20);
    let Some(redis) = Redis::for_test("a_server_without_memory_left", options) else { return };
    let queue = patient().open(&redis.url(), NAME).await.unwrap();
    let long = "x".repeat(1 << 20);
    let work =
        process_shards(&dataset(20), &queue, &ProcessOptions::default().with_parallelism(1), move |_| {
            let long = long.clone();
            async move { Ok::<_, String>(long) }
        });
    let error = work.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert_eq!(error.context_value("queue"), Some(NAME), "{error}");
    assert!(queue.progress().await.unwrap().done < 20);
}

#[tokio::test]
async fn a_lease_whose_answer_is_lost_is_found_again() {
    let case = "a_lease_whose_answer_is_lost_is_found_again";
    let Some(redis) = Redis::for_test(case, RedisOptions::default()) else { return };
    let queue = begun(&patient().with_timeout(Duration::from_millis(300)), &redis.url(), 2).await;
    let known = queue.lease().await.unwrap().unwrap();
    // The server takes the question, and answers when nobody waits any longer.
    redis.command(&["CLIENT", "PAUSE", "1000", "ALL"]).unwrap();
    let error = queue.lease().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    let found = loop {
        match queue.lease().await {
            Ok(found) => break found.unwrap(),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}"),
        }
    };
    assert_eq!((found.shard.as_str(), found.attempt), ("s-0001.tar", 1));
    assert_eq!(queue.renew(&known).await.unwrap(), LeaseState::Held);
    assert_eq!(queue.complete(&found, "1").await.unwrap(), LeaseState::Held);
}

#[tokio::test]
async fn a_lease_that_nobody_waits_for_is_given_back() {
    let case = "a_lease_that_nobody_waits_for_is_given_back";
    let Some(redis) = Redis::for_test(case, RedisOptions::default()) else { return };
    let queue = begun(&patient(), &redis.url(), 1).await;
    assert!(queue.lease().now_or_never().is_none());
    queue.idle().await;
    assert_eq!(queue.progress().await.unwrap().pending(), 1);
}
