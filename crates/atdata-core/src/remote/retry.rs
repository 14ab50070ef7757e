//! When to ask again, and when to give up.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;

use super::patience::patiently;
use crate::{Error, ErrorKind, Result};

/// Progress that makes up for a retry, in bytes: a connection that brought this much was worth making.
const WORTH: u64 = 8 << 10;

/// When a failed request is repeated, and how often.
///
/// Only failures that say so ([`Error::is_retryable`]) are repeated. The wait before the *n*-th repetition in a row
/// is random between zero and `base_delay · 2ⁿ⁻¹`, at most `max_delay` (full jitter); at least what the server asks for
/// in `Retry-After`. After a connection that brought bytes the next one is made at once.
///
/// Three limits end it: `attempts` in a row without a new byte; `per_shard` and `per_run` retries that were not worth
/// it, because they followed fewer than 8 KiB of new bytes, or fetched more bytes again than they brought. So a
/// connection that breaks every 64 KiB is slow, but reads any object.
///
/// ```
/// use atdata_core::remote::RetryPolicy;
///
/// let patient = RetryPolicy { attempts: 20, ..RetryPolicy::default() };
/// assert_eq!(patient.max_retry_after.as_secs(), 120);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    /// How often the same byte is asked for before it is an error; 0 counts as 1, which repeats nothing. Default: 8.
    pub attempts: u32,
    /// The most retries for one shard, if they are not worth it. Default: 64.
    pub per_shard: u32,
    /// The most retries for all shards of an opener together, if they are not worth it. A shard that is read to its end
    /// gives one back. Default: 1024.
    pub per_run: u32,
    /// The upper bound of the first wait. Default: 200 ms.
    pub base_delay: Duration,
    /// The upper bound of every wait that the server does not ask for. Default: 20 s.
    pub max_delay: Duration,
    /// The longest wait that a server may ask for. One that asks for more is given up. Default: 2 min.
    pub max_retry_after: Duration,
    /// How long the server may be silent while somebody waits for it, before an answer begins and within one. Default:
    /// 30 s.
    pub read_timeout: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 8,
            per_shard: 64,
            per_run: 1024,
            base_delay: Duration::from_millis(200),
            max_delay: Duration::from_secs(20),
            max_retry_after: Duration::from_secs(120),
            read_timeout: Duration::from_secs(30),
        }
    }
}

impl RetryPolicy {
    /// Does something again and again until it succeeds, fails for good, or `attempts` are used up. For requests that
    /// may be repeated whatever became of the last one. It needs a tokio runtime with time.
    ///
    /// ```
    /// use atdata_core::Error;
    /// use atdata_core::remote::RetryPolicy;
    /// use futures::FutureExt;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?.block_on(async {
    /// let (mut tries, policy) = (0, RetryPolicy::default());
    /// let got = policy.repeat(|| {
    ///     tries += 1;
    ///     let answer = if tries < 3 { Err(Error::unavailable("not yet")) } else { Ok(tries) };
    ///     async move { answer }.boxed()
    /// });
    /// assert_eq!(got.await?, 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// The last failure, with what was tried.
    pub async fn repeat<'a, T>(
        &self,
        mut attempt: impl FnMut() -> BoxFuture<'a, Result<T>> + Send,
    ) -> Result<T> {
        let mut retries = Retries::new(Arc::new(self.clone()), Budget::new(self.per_shard));
        loop {
            match patiently(self.read_timeout, attempt()).await.and_then(|done| done) {
                Ok(done) => return Ok(done),
                Err(error) => retries.after(error, 0, 0).await?,
            }
        }
    }
}

/// Retries that may still be made: for one shard, or for all of an opener.
#[derive(Debug)]
pub(super) struct Budget {
    left: AtomicU32,
    limit: u32,
}

impl Budget {
    pub(super) fn new(limit: u32) -> Arc<Self> {
        Arc::new(Self { left: AtomicU32::new(limit), limit })
    }

    fn spend(&self) -> bool {
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }

    fn give_back(&self) {
        let more = |left: u32| (left < self.limit).then(|| left + 1);
        // It fails if nothing is missing.
        let _ = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }
}

/// The retries of one object.
#[derive(Debug)]
pub(super) struct Retries {
    policy: Arc<RetryPolicy>,
    run: Arc<Budget>,
    shard: Arc<Budget>,
    /// Failures since the last new byte.
    in_a_row: u32,
}

impl Retries {
    pub(super) fn new(policy: Arc<RetryPolicy>, run: Arc<Budget>) -> Self {
        let shard = Budget::new(policy.per_shard);
        Self { policy, run, shard, in_a_row: 0 }
    }

    /// The retries of another part of the same object.
    pub(super) fn of_part(&self) -> Self {
        Self { policy: self.policy.clone(), run: self.run.clone(), shard: self.shard.clone(), in_a_row: 0 }
    }

    /// All of the object was read.
    pub(super) fn succeeded(&self) {
        self.run.give_back();
    }

    pub(super) fn read_timeout(&self) -> Duration {
        self.policy.read_timeout
    }

    /// A request failed after it brought `gained` new bytes and `again` that were there already. Waits as long as is
    /// right before the next one.
    ///
    /// # Errors
    /// There is not to be a next one: `error`, with what was tried.
    pub(super) async fn after(&mut self, error: Error, gained: u64, again: u64) -> Result<()> {
        if !error.is_retryable() || error.kind() == ErrorKind::Conflict {
            return Err(error);
        }
        if gained > 0 {
            self.in_a_row = 0;
        }
        self.in_a_row += 1;
        if self.in_a_row >= self.policy.attempts.max(1) {
            return Err(match self.in_a_row {
                1 => error,
                n => ended(error, format!("gave up after {n} attempts in a row that brought nothing")),
            });
        }
        let worth = gained >= WORTH && again <= gained;
        if !worth {
            if !self.shard.spend() {
                return Err(ended(error, "gave up: too many retries for one shard"));
            }
            if !self.run.spend() {
                return Err(ended(error, "gave up: too many retries in this run"));
            }
        }
        let asked = error.retry_after().unwrap_or_default();
        if asked > self.policy.max_retry_after {
            let limit = self.policy.max_retry_after;
            return Err(ended(
                error,
                format!("gave up: the server asks to wait {asked:?}, more than the limit of {limit:?}"),
            ));
        }
        let wait = if gained > 0 { Duration::ZERO } else { jittered(self.backoff()) }.max(asked);
        tracing::debug!(%error, ?wait, gained, "asking again");
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        Ok(())
    }

    fn backoff(&self) -> Duration {
        let doubled = 1u32.checked_shl(self.in_a_row - 1).unwrap_or(u32::MAX);
        self.policy.base_delay.saturating_mul(doubled).min(self.policy.max_delay)
    }
}

fn ended(error: Error, message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    let last = Error::new(error.kind(), message).with_retryable(error.is_retryable());
    let last = error.context().fold(last, |last, (key, value)| last.with(key, value));
    last.with_source(error)
}

/// A random duration up to `most`. Each `RandomState` has keys of its own.
fn jittered(most: Duration) -> Duration {
    let random = RandomState::new().build_hasher().finish();
    #[allow(clippy::cast_precision_loss)]
    let share = random as f64 / u64::MAX as f64;
    most.mul_f64(share)
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    fn retries(policy: RetryPolicy) -> Retries {
        let run = Budget::new(policy.per_run);
        Retries::new(Arc::new(policy), run)
    }

    fn busy() -> Error {
        Error::unavailable("busy").with("url", "http://h.test/a.tar")
    }

    #[tokio::test(start_paused = true)]
    async fn waits_grow_to_a_limit_and_are_not_all_the_same() {
        let policy = RetryPolicy { attempts: 30, ..RetryPolicy::default() };
        let mut retries = retries(policy.clone());
        let mut waits = Vec::new();
        for n in 0..29 {
            let start = Instant::now();
            retries.after(busy(), 0, 0).await.unwrap();
            waits.push(start.elapsed());
            let most = policy.base_delay.saturating_mul(1 << n.min(20)).min(policy.max_delay);
            // Paused time goes in whole milliseconds.
            assert!(start.elapsed() <= most + Duration::from_millis(1), "{n}");
        }
        waits.dedup();
        assert!(waits.len() > 10, "{waits:?}");
        let error = retries.after(busy(), 0, 0).await.unwrap_err();
        assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Unavailable, true));
        assert_eq!(error.context_value("url"), Some("http://h.test/a.tar"));
        assert!(error.message().contains("30 attempts"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_server_asks_for_is_waited_up_to_a_limit() {
        let mut retries = retries(RetryPolicy::default());
        let start = Instant::now();
        retries.after(busy().with_retry_after(Duration::from_secs(100)), 0, 0).await.unwrap();
        assert!(start.elapsed() >= Duration::from_secs(100));
        let start = Instant::now();
        let error = retries.after(busy().with_retry_after(Duration::from_secs(121)), 0, 0).await.unwrap_err();
        assert!(error.message().contains("121s"), "{error}");
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn final_failures_are_not_repeated() {
        for error in [Error::not_found("x"), Error::conflict("x"), Error::permission_denied("x")] {
            let kind = error.kind();
            let error = retries(RetryPolicy::default()).after(error, WORTH, 0).await.unwrap_err();
            assert_eq!((error.kind(), error.message()), (kind, "x"));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn connections_that_bring_bytes_cost_neither_time_nor_budget() {
        let mut retries = retries(RetryPolicy::default());
        let start = Instant::now();
        for _ in 0..100_000 {
            retries.after(busy(), WORTH, 0).await.unwrap();
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn drops_and_repeated_bytes_use_up_the_budget_of_the_shard_and_of_the_run() {
        for (gained, again) in [(1, 0), (WORTH, WORTH + 1)] {
            let mut of_shard = retries(RetryPolicy::default());
            for _ in 0..64 {
                of_shard.after(busy(), gained, again).await.unwrap();
            }
            let error = of_shard.after(busy(), gained, again).await.unwrap_err();
            assert!(error.message().contains("one shard"), "{error}");
        }
        let policy = RetryPolicy { per_run: 3, ..RetryPolicy::default() };
        let run = Budget::new(policy.per_run);
        let of_run = || Retries::new(Arc::new(policy.clone()), run.clone());
        for _ in 0..3 {
            of_run().after(busy(), 0, 0).await.unwrap();
        }
        assert!(of_run().after(busy(), 0, 0).await.unwrap_err().message().contains("this run"));
        run.give_back();
        of_run().after(busy(), 0, 0).await.unwrap();
    }
}
