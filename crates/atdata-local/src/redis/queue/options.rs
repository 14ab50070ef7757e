use std::time::Duration;

use atdata_core::Result;

use super::RedisQueue;

/// How a [`RedisQueue`] is used by a worker.
///
/// ```
/// use std::time::Duration;
/// use atdata_local::RedisQueueOptions;
///
/// let options = RedisQueueOptions::default().with_tries(3).with_lease(Duration::from_secs(300));
/// assert_eq!(options.tries, 3);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RedisQueueOptions {
    /// For how long a worker has a shard without being heard of. It says that it is alive three times as often; after
    /// this time the shard is given to another one. Default: a minute.
    pub lease: Duration,
    /// How often a shard is tried until it has failed for good; a worker that vanishes counts as a try. Default: 3.
    pub tries: u32,
    /// How long each exchange with the server may take. Default: 10 seconds.
    pub timeout: Duration,
    /// What the worker is called in the consumer group. Default: the number of its process, and something random.
    pub worker: Option<String>,
}

impl Default for RedisQueueOptions {
    fn default() -> Self {
        Self { lease: Duration::from_secs(60), tries: 3, timeout: Duration::from_secs(10), worker: None }
    }
}

impl RedisQueueOptions {
    /// Sets for how long a worker has a shard without being heard of; a millisecond at least.
    #[must_use]
    pub fn with_lease(mut self, lease: Duration) -> Self {
        self.lease = lease;
        self
    }

    /// Sets how often a shard is tried; zero counts as one.
    #[must_use]
    pub fn with_tries(mut self, tries: u32) -> Self {
        self.tries = tries.max(1);
        self
    }

    /// Sets how long an exchange with the server may take.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets what the worker is called. No two may have the same name at the same time.
    #[must_use]
    pub fn with_worker(mut self, name: impl Into<String>) -> Self {
        self.worker = Some(name.into());
        self
    }

    /// Connects to a server; see [`RedisQueue`].
    ///
    /// # Errors
    /// As [`RedisQueue::open`].
    pub async fn open(&self, address: &str, name: &str) -> Result<RedisQueue> {
        RedisQueue::open_with(self, address, name).await
    }
}
