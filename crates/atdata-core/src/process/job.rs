//! A shard that is being worked on.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::queue::{Lease, ShardQueue};
use crate::Dataset;

/// One shard to work on; what the function of [`process_shards`](super::process_shards) gets.
///
/// ```
/// # use atdata_core::process::ShardJob;
/// # use atdata_core::{DictSample, Result};
/// async fn work(job: ShardJob<DictSample>) -> Result<(String, u64)> {
///     Ok((job.shard().to_owned(), job.dataset().count().await?))
/// }
/// ```
pub struct ShardJob<T> {
    dataset: Dataset<T>,
    held: Arc<Held>,
}

impl<T: Send + 'static> ShardJob<T> {
    pub(super) fn new(dataset: &Dataset<T>, held: Arc<Held>) -> Self {
        Self { dataset: dataset.only_shards([held.lease.shard.clone()]), held }
    }
}

impl<T> ShardJob<T> {
    /// The samples of this shard.
    pub fn dataset(&self) -> &Dataset<T> {
        &self.dataset
    }

    /// The identifier of the shard.
    pub fn shard(&self) -> &str {
        &self.held.lease.shard
    }

    /// How often the shard was given out, with this time: from 1.
    pub fn attempt(&self) -> u32 {
        self.held.lease.attempt
    }

    /// The fencing token, larger than those of all earlier leases of the queue. Something outside that keeps the largest
    /// token it has seen can refuse what a worker writes who has lost his lease without knowing it.
    pub fn token(&self) -> u64 {
        self.held.lease.token
    }

    /// Whether nobody waits for the result any longer: the lease is lost, or the worker was dropped.
    pub fn is_cancelled(&self) -> bool {
        self.held.cancelled.load(Ordering::Relaxed)
    }
}

impl<T> fmt::Debug for ShardJob<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The identifier may be an address with secrets.
        let Lease { job, attempt, token, .. } = &self.held.lease;
        f.debug_struct("ShardJob").field("job", job).field("attempt", attempt).field("token", token).finish()
    }
}

/// A lease that is given back when the last one who has to do with it is gone, unless the queue was told how it ended.
#[derive(Debug)]
pub(super) struct Held {
    queue: Arc<dyn ShardQueue>,
    pub(super) lease: Lease,
    settled: AtomicBool,
    cancelled: AtomicBool,
}

impl Held {
    pub(super) fn new(queue: Arc<dyn ShardQueue>, lease: Lease) -> Self {
        Self { queue, lease, settled: AtomicBool::new(false), cancelled: AtomicBool::new(false) }
    }

    /// The queue knows how it ended.
    pub(super) fn settle(&self) {
        self.settled.store(true, Ordering::Relaxed);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if !self.settled.load(Ordering::Relaxed) {
            self.queue.give_back(&self.lease);
        }
    }
}

/// The worker's part in a lease: when it is dropped nobody waits for the result.
#[derive(Debug)]
pub(super) struct Waiting(pub(super) Arc<Held>);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.cancelled.store(true, Ordering::Relaxed);
    }
}
