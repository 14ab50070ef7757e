//! Queues: the local one, and one that answers badly.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use atdata_core::process::{
    Ended, Lease, LeaseState, LocalQueue, ProcessOptions, Progress, ShardQueue, process_shards,
};
use atdata_core::{Error, ErrorKind, Result};
use futures::FutureExt;

use crate::common::{counts, dataset, names};

#[tokio::test]
async fn a_lease_that_is_over_changes_nothing() {
    let queue = LocalQueue::new().with_tries(2);
    queue.begin(&names(1)).await.unwrap();
    let first = queue.lease().await.unwrap().unwrap();
    queue.give_back(&first);
    let second = queue.lease().await.unwrap().unwrap();
    assert!(second.token > first.token && second.attempt == 1);
    assert_eq!(queue.renew(&first).await.unwrap(), LeaseState::Lost);
    assert_eq!(queue.complete(&first, "1").await.unwrap(), LeaseState::Lost);
    assert_eq!(queue.fail(&first, "late").await.unwrap(), LeaseState::Lost);
    queue.give_back(&first);
    assert_eq!(queue.renew(&second).await.unwrap(), LeaseState::Held);
    assert_eq!(queue.fail(&second, "early").await.unwrap(), LeaseState::Held);
    let third = queue.lease().await.unwrap().unwrap();
    assert_eq!(third.attempt, 2);
    assert_eq!(queue.complete(&third, "3").await.unwrap(), LeaseState::Held);
    assert_eq!(queue.complete(&third, "4").await.unwrap(), LeaseState::Lost);
    assert_eq!(queue.ended().await.unwrap(), [("s-000.tar".to_owned(), Ended::Done(Some("3".to_owned())))]);
}

#[tokio::test]
async fn whoever_waits_gets_what_comes_back() {
    let queue = LocalQueue::new();
    assert_eq!(queue.lease().await.unwrap_err().kind(), ErrorKind::Invalid);
    queue.begin(&names(1)).await.unwrap();
    let lease = queue.lease().await.unwrap().unwrap();
    let mut waiting = queue.lease();
    assert!(waiting.as_mut().now_or_never().is_none());
    queue.give_back(&lease);
    let lease = waiting.await.unwrap().unwrap();
    let progress = Progress { total: 1, leased: 1, ..Progress::default() };
    assert_eq!(queue.progress().await.unwrap(), progress);
    let mut waiting = queue.lease();
    assert!(waiting.as_mut().now_or_never().is_none());
    assert_eq!(queue.complete(&lease, "null").await.unwrap(), LeaseState::Held);
    assert_eq!(waiting.await.unwrap(), None);
    assert!(queue.progress().await.unwrap().has_ended());
}

#[tokio::test]
async fn another_list_is_refused() {
    let queue = LocalQueue::new();
    queue.begin(&names(2)).await.unwrap();
    queue.begin(&names(2)).await.unwrap();
    let error = queue.begin(&names(3)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
}

#[tokio::test]
async fn a_dataset_without_shards_has_no_results() {
    let empty = process_shards(&dataset(0), &LocalQueue::new(), &ProcessOptions::default(), |_| async {
        Ok::<_, Error>(1)
    });
    assert_eq!(empty.await.unwrap().into_results().unwrap(), []);
}

/// A local queue that lends for a time and answers badly.
#[derive(Clone, Debug, Default)]
struct Remote {
    inner: LocalQueue,
    /// How many calls are still to fail.
    silent: Arc<AtomicUsize>,
    renewals: Arc<AtomicU64>,
    /// Whether leases are lost at the first renewal, once.
    takes_away: Arc<AtomicUsize>,
}

impl Remote {
    fn answer(&self) -> Result<()> {
        let silent = self.silent.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if silent.is_ok() { Err(Error::unavailable("no answer")) } else { Ok(()) }
    }
}

#[async_trait]
impl ShardQueue for Remote {
    async fn begin(&self, shards: &[String]) -> Result<()> {
        self.answer()?;
        self.inner.begin(shards).await
    }
    async fn lease(&self) -> Result<Option<Lease>> {
        self.answer()?;
        self.inner.lease().await
    }
    async fn renew(&self, lease: &Lease) -> Result<LeaseState> {
        self.renewals.fetch_add(1, Ordering::SeqCst);
        self.answer()?;
        if self.takes_away.swap(0, Ordering::SeqCst) == 1 {
            self.inner.give_back(lease);
        }
        self.inner.renew(lease).await
    }
    async fn complete(&self, lease: &Lease, result: &str) -> Result<LeaseState> {
        self.answer()?;
        self.inner.complete(lease, result).await
    }
    async fn fail(&self, lease: &Lease, message: &str) -> Result<LeaseState> {
        self.inner.fail(lease, message).await
    }
    fn give_back(&self, lease: &Lease) {
        self.inner.give_back(lease);
    }
    async fn retry_failed(&self) -> Result<u64> {
        self.inner.retry_failed().await
    }
    async fn progress(&self) -> Result<Progress> {
        self.inner.progress().await
    }
    async fn ended(&self) -> Result<Vec<(String, Ended)>> {
        self.answer()?;
        self.inner.ended().await
    }
    fn heartbeat(&self) -> Option<Duration> {
        Some(Duration::from_secs(5))
    }
}

#[tokio::test(start_paused = true)]
async fn leases_are_renewed_while_the_function_runs() {
    let queue = Remote::default();
    let report = process_shards(
        &dataset(2),
        &queue,
        &ProcessOptions::default().with_parallelism(2),
        |job| async move {
            // In paused time.
            tokio::time::timeout(Duration::from_secs(18), std::future::pending::<()>()).await.unwrap_err();
            job.dataset().count().await
        },
    );
    assert_eq!(report.await.unwrap().into_results().unwrap(), counts(2));
    assert_eq!(queue.renewals.load(Ordering::SeqCst), 6);
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_lease_is_lost_is_ended_and_the_shard_done_by_somebody() {
    let queue = Remote::default();
    queue.takes_away.store(1, Ordering::SeqCst);
    let calls = Arc::new(AtomicU64::new(0));
    let counted = calls.clone();
    let report =
        process_shards(&dataset(1), &queue, &ProcessOptions::default().with_parallelism(1), move |job| {
            let call = counted.fetch_add(1, Ordering::SeqCst);
            async move {
                if call == 0 {
                    // Only losing the lease ends this.
                    std::future::pending::<()>().await;
                }
                job.dataset().count().await
            }
        });
    assert_eq!(report.await.unwrap().into_results().unwrap(), counts(1));
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_does_not_answer_is_asked_again_for_a_while() {
    let queue = Remote::default();
    queue.silent.store(4, Ordering::SeqCst);
    let silent = queue.silent.clone();
    let report = process_shards(&dataset(1), &queue, &ProcessOptions::default(), move |job| {
        silent.store(3, Ordering::SeqCst);
        async move { job.dataset().count().await }
    });
    assert_eq!(report.await.unwrap().into_results().unwrap(), counts(1));

    queue.silent.store(usize::MAX, Ordering::SeqCst);
    let work =
        process_shards(&dataset(1), &queue, &ProcessOptions::default(), |_| async { Ok::<_, Error>(1) });
    assert_eq!(work.await.unwrap_err().kind(), ErrorKind::Unavailable);
}
