//! Who has a shard, and for how long.

use atdata_core::ErrorKind;
use atdata_core::process::{Ended, LeaseState, Progress, ShardQueue};
use atdata_testkit::servers::redis::{Database, RO};
use futures::FutureExt;

use crate::common::{NAME, begun, impatient, names, patient};

#[tokio::test]
async fn shards_are_lent_once_and_in_order() {
    let Some(database) = Database::for_test("shards_are_lent_once_and_in_order") else { return };
    let first = begun(&patient(), database.url(), 3).await;
    let second = begun(&patient(), database.url(), 3).await;
    let mut leases = Vec::new();
    for queue in [&first, &second, &first] {
        leases.push(queue.lease().await.unwrap().unwrap());
    }
    assert_eq!(leases.iter().map(|lease| lease.shard.clone()).collect::<Vec<_>>(), names(3));
    assert!(leases.is_sorted_by(|a, b| a.token < b.token) && leases.iter().all(|lease| lease.attempt == 1));
    assert_eq!(first.progress().await.unwrap(), Progress { total: 3, leased: 3, ..Progress::default() });
    for lease in &leases[..2] {
        assert_eq!(first.complete(lease, "1").await.unwrap(), LeaseState::Held);
    }
    assert_eq!(first.progress().await.unwrap(), Progress { total: 3, done: 2, failed: 0, leased: 1 });
    // What is given back is there for whoever waits.
    let waiting = second.lease();
    first.give_back(&leases[2]);
    let again = waiting.await.unwrap().unwrap();
    assert_eq!((again.shard.as_str(), again.attempt), ("s-0002.tar", 1), "it was not tried");
    assert_eq!(second.complete(&again, "2").await.unwrap(), LeaseState::Held);
    assert_eq!(first.lease().await.unwrap(), None);
    assert_eq!(second.lease().await.unwrap(), None);
}

#[tokio::test]
async fn a_late_worker_changes_nothing() {
    let Some(database) = Database::for_test("a_late_worker_changes_nothing") else { return };
    let late = begun(&impatient(), database.url(), 1).await;
    let next = begun(&patient(), database.url(), 1).await;
    let old = late.lease().await.unwrap().unwrap();
    // Comes when the server thinks that the time of the first is over.
    let new = next.lease().await.unwrap().unwrap();
    assert_eq!((new.shard.as_str(), new.attempt, new.job.as_str()), ("s-0000.tar", 2, old.job.as_str()));
    assert!(new.token > old.token);
    assert_eq!(late.renew(&old).await.unwrap(), LeaseState::Lost);
    assert_eq!(late.complete(&old, "\"old\"").await.unwrap(), LeaseState::Lost);
    assert_eq!(late.fail(&old, "late").await.unwrap(), LeaseState::Lost);
    late.give_back(&old);
    late.idle().await;
    assert_eq!(next.renew(&new).await.unwrap(), LeaseState::Held);
    assert_eq!(next.complete(&new, "\"new\"").await.unwrap(), LeaseState::Held);
    assert_eq!(late.complete(&old, "\"old\"").await.unwrap(), LeaseState::Lost);
    assert_eq!(next.complete(&new, "\"other\"").await.unwrap(), LeaseState::Lost);
    let ended = [("s-0000.tar".to_owned(), Ended::Done(Some("\"new\"".to_owned())))];
    assert_eq!(late.ended().await.unwrap(), ended);
}

#[tokio::test]
async fn the_time_of_a_lease_is_that_of_its_holder() {
    let Some(database) = Database::for_test("the_time_of_a_lease_is_that_of_its_holder") else { return };
    let holder = begun(&patient(), database.url(), 2).await;
    let hasty = begun(&impatient(), database.url(), 2).await;
    let held = holder.lease().await.unwrap().unwrap();
    let own = hasty.lease().await.unwrap().unwrap();
    // Its own shard, and never that of the other one, comes back to it.
    for attempt in 2..4 {
        let again = hasty.lease().await.unwrap().unwrap();
        assert_eq!((again.shard.as_str(), again.attempt), (own.shard.as_str(), attempt));
    }
    assert_eq!(holder.renew(&held).await.unwrap(), LeaseState::Held);
}

#[tokio::test]
async fn what_fails_too_often_is_put_aside() {
    let Some(database) = Database::for_test("what_fails_too_often_is_put_aside") else { return };
    let queue = begun(&patient().with_tries(2), database.url(), 2).await;
    for shard in ["s-0000.tar", "s-0001.tar", "s-0000.tar", "s-0001.tar"] {
        let lease = queue.lease().await.unwrap().unwrap();
        assert_eq!(lease.shard, shard, "what failed goes to the end");
        assert_eq!(queue.fail(&lease, &format!("{shard} is bad")).await.unwrap(), LeaseState::Held);
    }
    assert_eq!(queue.lease().await.unwrap(), None);
    let failed =
        |shard: &str| (shard.to_owned(), Ended::Failed { message: format!("{shard} is bad"), attempts: 2 });
    assert_eq!(queue.ended().await.unwrap(), [failed("s-0000.tar"), failed("s-0001.tar")]);
    assert_eq!(queue.progress().await.unwrap(), Progress { total: 2, failed: 2, ..Progress::default() });

    assert_eq!(queue.retry_failed().await.unwrap(), 2);
    assert_eq!(queue.retry_failed().await.unwrap(), 0);
    let lease = queue.lease().await.unwrap().unwrap();
    assert_eq!((lease.shard.as_str(), lease.attempt), ("s-0000.tar", 1));
}

#[tokio::test]
async fn a_shard_whose_workers_vanish_is_put_aside() {
    let Some(database) = Database::for_test("a_shard_whose_workers_vanish_is_put_aside") else { return };
    let queue = begun(&impatient().with_tries(3), database.url(), 1).await;
    for attempt in 1..=3 {
        assert_eq!(queue.lease().await.unwrap().unwrap().attempt, attempt);
    }
    assert_eq!(queue.lease().await.unwrap(), None);
    let failed = Ended::Failed { message: "the worker has vanished".to_owned(), attempts: 3 };
    assert_eq!(queue.ended().await.unwrap(), [("s-0000.tar".to_owned(), failed)]);
}

#[tokio::test]
async fn many_shards_are_filled_in_by_several_workers_at_once() {
    let case = "many_shards_are_filled_in_by_several_workers_at_once";
    let Some(database) = Database::for_test(case) else { return };
    let options = patient();
    let workers = (0..4).map(|_| begun(&options, database.url(), 2345));
    let workers = futures::future::join_all(workers).await;
    assert_eq!(workers[0].progress().await.unwrap().pending(), 2345);
    assert_eq!(database.command(&["XLEN", "atdata:queue:{run}:jobs"]).unwrap(), "2345");
    let error = workers[0].begin(&names(2344)).await.unwrap_err();
    assert_eq!((error.kind(), error.context_value("queue")), (ErrorKind::Invalid, Some(NAME)), "{error}");
}

#[tokio::test]
async fn more_leases_than_one_page_are_looked_at() {
    let Some(database) = Database::for_test("more_leases_than_one_page_are_looked_at") else { return };
    let holder = begun(&patient(), database.url(), 251).await;
    for _ in 0..250 {
        holder.lease().await.unwrap().unwrap();
    }
    let vanished = begun(&impatient(), database.url(), 251).await.lease().await.unwrap().unwrap();
    assert_eq!(holder.lease().await.unwrap().unwrap().shard, vanished.shard);
}

#[tokio::test]
async fn a_queue_that_is_not_there_is_said_to_be_missing() {
    let Some(database) = Database::for_test("a_queue_that_is_not_there_is_said_to_be_missing") else {
        return;
    };
    let queue = patient().open(database.url(), NAME).await.unwrap();
    assert_eq!(queue.progress().await.unwrap(), Progress::default());
    assert_eq!(queue.lease().await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(queue.ended().await.unwrap_err().kind(), ErrorKind::Invalid);
    queue.begin(&names(1)).await.unwrap();
    let lease = queue.lease().await.unwrap().unwrap();
    queue.remove().await.unwrap();
    assert_eq!(database.command(&["DBSIZE"]).unwrap(), "0");
    assert_eq!(queue.complete(&lease, "1").await.unwrap(), LeaseState::Lost);
    assert_eq!(queue.lease().await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(patient().open(database.url(), "a}b").await.unwrap_err().kind(), ErrorKind::Invalid);
}

#[tokio::test]
async fn users_may_work_and_readers_look_on() {
    let Some(database) = Database::with_users_for_test("users_may_work_and_readers_look_on") else { return };
    let queue = begun(&impatient(), database.url(), 1).await;
    queue.lease().await.unwrap().unwrap();
    let lease = queue.lease().await.unwrap().unwrap();
    let (_, place) = database.url().split_once('@').unwrap();
    let reader = patient().open(&format!("redis://{}:{}@{place}", RO.0, RO.1), NAME).await.unwrap();
    assert_eq!(reader.progress().await.unwrap().leased, 1);
    let error = reader.lease().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    assert!(!format!("{error:?} {reader:?}").contains(RO.1));
    assert_eq!(queue.complete(&lease, "1").await.unwrap(), LeaseState::Held);
    assert!(queue.lease().now_or_never().is_none());
}
