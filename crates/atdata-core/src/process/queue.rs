//! The protocol of queues.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sha2::{Digest, Sha256};

use crate::Result;
use crate::shard::hex;

/// A shard that a worker has got, for a while.
///
/// ```
/// use atdata_core::process::Lease;
///
/// let lease = Lease::new("a.tar", "0", 1, 7);
/// assert_eq!((lease.shard.as_str(), lease.attempt, lease.token), ("a.tar", 1, 7));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lease {
    /// The identifier of the shard.
    pub shard: String,
    /// What the queue calls the job.
    pub job: String,
    /// How often the shard was given out, with this time: from 1.
    pub attempt: u32,
    /// The fencing token: grows with every lease of the queue, so that what an earlier holder still does can be told
    /// from what the present one does.
    pub token: u64,
}

impl Lease {
    /// A lease, as a queue gives it.
    pub fn new(shard: impl Into<String>, job: impl Into<String>, attempt: u32, token: u64) -> Self {
        Self { shard: shard.into(), job: job.into(), attempt, token }
    }
}

/// Whether a worker still has its lease.
///
/// ```
/// use atdata_core::process::LeaseState;
///
/// assert_ne!(LeaseState::Held, LeaseState::Lost);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum LeaseState {
    /// It has. What it told the queue is taken.
    Held,
    /// The queue has given the shard to somebody else, or it has ended. Nothing was changed.
    Lost,
}

/// How a shard ended.
///
/// ```
/// use atdata_core::process::Ended;
///
/// let ended = Ended::Done(Some("12".to_owned()));
/// assert!(!matches!(ended, Ended::Failed { .. }));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It is finished, with this result in JSON; without one if only that it is finished is known.
    Done(Option<String>),
    /// It has failed as often as the queue lets it.
    Failed {
        /// What the last attempt failed on.
        message: String,
        /// The number of attempts.
        attempts: u32,
    },
}

/// How many shards are where.
///
/// ```
/// use atdata_core::process::Progress;
///
/// let progress = Progress { total: 10, done: 7, failed: 1, leased: 2 };
/// assert_eq!(progress.pending(), 0);
/// assert!(!progress.has_ended());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// All shards.
    pub total: u64,
    /// Those that are finished.
    pub done: u64,
    /// Those that have failed for good.
    pub failed: u64,
    /// Those that a worker has.
    pub leased: u64,
}

impl Progress {
    /// The shards that wait for a worker.
    pub fn pending(&self) -> u64 {
        self.total.saturating_sub(self.done).saturating_sub(self.failed).saturating_sub(self.leased)
    }

    /// Whether there is nothing left to do.
    pub fn has_ended(&self) -> bool {
        self.done + self.failed >= self.total
    }
}

/// Who gives shards to workers, and takes their results: exactly one for each shard.
///
/// [`process_shards`](super::process_shards) is the worker for every queue. A queue whose workers may vanish lends shards
/// for a time, [renewed](Self::renew) in intervals of [`heartbeat`](Self::heartbeat); when it is over they go to others.
/// Every lease has a larger [token](Lease::token) than those before, and whoever comes with an older one is told that
/// his lease is [lost](LeaseState::Lost).
///
/// Workers call [`begin`](Self::begin) first. Its shards are distinct, see [`distinct`].
///
/// ```
/// use atdata_core::process::{LeaseState, LocalQueue, ShardQueue};
///
/// # futures::executor::block_on(async {
/// let queue: Box<dyn ShardQueue> = Box::new(LocalQueue::new());
/// queue.begin(&["a.tar".to_owned()]).await?;
/// let lease = queue.lease().await?.expect("a shard");
/// assert_eq!(queue.complete(&lease, "12").await?, LeaseState::Held);
/// assert_eq!(queue.lease().await?, None);
/// assert!(queue.progress().await?.has_ended());
/// # Ok::<(), atdata_core::Error>(())
/// # }).unwrap();
/// ```
#[async_trait]
pub trait ShardQueue: fmt::Debug + Send + Sync + 'static {
    /// Says which shards there are to be done. The first one to say so makes the jobs; for the others it is a check.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) if the queue works on other shards; the queue cannot be reached.
    async fn begin(&self, shards: &[String]) -> Result<()>;

    /// Waits for a shard that nobody has. `None` if all have ended.
    ///
    /// # Errors
    /// The queue cannot be reached.
    async fn lease(&self) -> Result<Option<Lease>>;

    /// Says that a shard is being worked on.
    ///
    /// # Errors
    /// The queue cannot be reached.
    async fn renew(&self, lease: &Lease) -> Result<LeaseState>;

    /// Says that a shard is finished, with its result in JSON. To say it again does nothing more.
    ///
    /// # Errors
    /// The queue cannot be reached, or cannot keep the result.
    async fn complete(&self, lease: &Lease, result: &str) -> Result<LeaseState>;

    /// Says that a shard failed: it is given out again, or has failed for good.
    ///
    /// # Errors
    /// The queue cannot be reached.
    async fn fail(&self, lease: &Lease, message: &str) -> Result<LeaseState>;

    /// Gives a shard back that was not worked on to its end. It is not a failure, and need not succeed: it is called when
    /// a worker is dropped, and must not wait.
    fn give_back(&self, lease: &Lease);

    /// Gives out again what has failed for good; says how many shards these are.
    ///
    /// # Errors
    /// The queue cannot be reached.
    async fn retry_failed(&self) -> Result<u64>;

    /// Counts the shards.
    ///
    /// # Errors
    /// The queue cannot be reached.
    async fn progress(&self) -> Result<Progress>;

    /// The shards that have ended, in the order of [`begin`](Self::begin).
    ///
    /// # Errors
    /// The queue cannot be reached.
    async fn ended(&self) -> Result<Vec<(String, Ended)>>;

    /// Says that a worker has the results of all shards, and none of them failed.
    ///
    /// # Errors
    /// What the queue remembers cannot be removed.
    async fn finish(&self) -> Result<()> {
        Ok(())
    }

    /// Waits until what workers of this queue in this process had is [given back](Self::give_back), if that takes time.
    async fn idle(&self) {}

    /// How often a lease is to be renewed; `None` if it is not lost by time.
    fn heartbeat(&self) -> Option<Duration> {
        None
    }
}

macro_rules! forward_queue {
    ($($pointer:ident),*) => {$(
        #[async_trait]
        impl<T: ShardQueue + ?Sized> ShardQueue for $pointer<T> {
            async fn begin(&self, shards: &[String]) -> Result<()> {
                (**self).begin(shards).await
            }
            async fn lease(&self) -> Result<Option<Lease>> {
                (**self).lease().await
            }
            async fn renew(&self, lease: &Lease) -> Result<LeaseState> {
                (**self).renew(lease).await
            }
            async fn complete(&self, lease: &Lease, result: &str) -> Result<LeaseState> {
                (**self).complete(lease, result).await
            }
            async fn fail(&self, lease: &Lease, message: &str) -> Result<LeaseState> {
                (**self).fail(lease, message).await
            }
            fn give_back(&self, lease: &Lease) {
                (**self).give_back(lease);
            }
            async fn retry_failed(&self) -> Result<u64> {
                (**self).retry_failed().await
            }
            async fn progress(&self) -> Result<Progress> {
                (**self).progress().await
            }
            async fn ended(&self) -> Result<Vec<(String, Ended)>> {
                (**self).ended().await
            }
            async fn finish(&self) -> Result<()> {
                (**self).finish().await
            }
            async fn idle(&self) {
                (**self).idle().await;
            }
            fn heartbeat(&self) -> Option<Duration> {
                (**self).heartbeat()
            }
        }
    )*};
}
forward_queue!(Arc, Box);

/// The shards of a list, each once, in the order in which they come first.
///
/// ```
/// use atdata_core::process::distinct;
///
/// assert_eq!(distinct(["b", "a", "b"].map(str::to_owned).into()), ["b", "a"]);
/// ```
pub fn distinct(shards: Vec<String>) -> Vec<String> {
    let mut seen = HashSet::with_capacity(shards.len());
    shards.into_iter().filter(|shard| seen.insert(shard.clone())).collect()
}

/// A text that is another one if the list of shards is.
///
/// ```
/// use atdata_core::process::fingerprint;
///
/// assert_ne!(fingerprint(&["ab".to_owned()]), fingerprint(&["a".to_owned(), "b".to_owned()]));
/// ```
pub fn fingerprint(shards: &[String]) -> String {
    let hash = shards.iter().fold(Sha256::new(), |hash, shard| {
        hash.chain_update((shard.len() as u64).to_be_bytes()).chain_update(shard)
    });
    hex(&hash.finalize())
}
