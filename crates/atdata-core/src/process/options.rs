use std::num::NonZeroUsize;
use std::time::Duration;

/// How a worker works.
///
/// ```
/// use atdata_core::process::ProcessOptions;
///
/// let options = ProcessOptions::default().with_parallelism(8).with_retry_failed(true);
/// assert_eq!(options.parallelism.get(), 8);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProcessOptions {
    /// How many shards this worker has at the same time. Default: as many as the machine has processors.
    pub parallelism: NonZeroUsize,
    /// Whether shards that have failed for good, in an earlier run for instance, are tried again. Default: no.
    pub retry_failed: bool,
    /// How long a queue that does not answer is asked again before the worker gives up. Default: a minute.
    pub patience: Duration,
}

impl Default for ProcessOptions {
    fn default() -> Self {
        Self {
            parallelism: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            retry_failed: false,
            patience: Duration::from_secs(60),
        }
    }
}

impl ProcessOptions {
    /// Sets how many shards this worker has at the same time; zero counts as one.
    #[must_use]
    pub fn with_parallelism(mut self, parallelism: usize) -> Self {
        self.parallelism = NonZeroUsize::new(parallelism).unwrap_or(NonZeroUsize::MIN);
        self
    }

    /// Sets whether shards that have failed for good are tried again.
    #[must_use]
    pub fn with_retry_failed(mut self, retry: bool) -> Self {
        self.retry_failed = retry;
        self
    }

    /// Sets how long a queue that does not answer is asked again.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }
}
