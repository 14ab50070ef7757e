//! How long a server that is asked too often wants to be left alone.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use atdata_core::Error;
use atdata_transport::HttpAnswer;

/// Waits of one request for the server's limits.
#[derive(Debug)]
pub(super) struct Patience {
    left: Duration,
}

impl Patience {
    pub(super) fn new(limit: Duration) -> Self {
        Self { left: limit }
    }

    /// Waits as long as the server wants, if that is not too long.
    ///
    /// # Errors
    /// It is; `refused` then says how long that would be.
    pub(super) async fn wait(&mut self, wanted: Duration, refused: Error) -> atdata_core::Result<()> {
        let Some(left) = self.left.checked_sub(wanted) else {
            // Who asks again now, asks in vain.
            return Err(refused.with_retryable(false).with_retry_after(wanted));
        };
        self.left = left;
        tracing::info!(seconds = wanted.as_secs(), "the server's rate limit is reached; waiting");
        tokio::time::sleep(wanted).await;
        Ok(())
    }
}

/// What the headers of an answer ask for; a second if they do not say.
pub(super) fn wanted(answer: &HttpAnswer) -> Duration {
    let reset = answer.header("ratelimit-reset").and_then(|text| text.trim().parse().ok());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    choose(answer.retry_after(), reset, now)
}

/// `RateLimit-Reset` is a time for the servers of the network, and a number of seconds in the drafts of the standard.
fn choose(retry_after: Option<Duration>, reset: Option<u64>, now: Duration) -> Duration {
    /// No wait is this long; a time is later.
    const LONGEST: u64 = 30 * 24 * 3600;
    let until_reset = reset.map(|reset| match reset {
        0..=LONGEST => Duration::from_secs(reset),
        // It is a whole second: the limit ends with it.
        time => Duration::from_secs(time.saturating_add(1)).saturating_sub(now),
    });
    retry_after.or(until_reset).unwrap_or_default().max(Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reset_may_be_a_time_or_a_wait() {
        let now = Duration::from_millis(1_795_000_000_500);
        let seconds = Duration::from_secs;
        assert_eq!(choose(None, None, now), seconds(1));
        assert_eq!(choose(Some(seconds(7)), Some(3), now), seconds(7));
        assert_eq!(choose(None, Some(3), now), seconds(3));
        assert_eq!(choose(None, Some(1_795_000_005), now), Duration::from_millis(5_500));
        assert_eq!(choose(None, Some(1_700_000_000), now), seconds(1));
    }

    #[tokio::test(start_paused = true)]
    async fn the_budget_ends_the_waiting() {
        let busy = || Error::unavailable("busy");
        let mut patience = Patience::new(Duration::from_secs(10));
        patience.wait(Duration::from_secs(6), busy()).await.unwrap();
        patience.wait(Duration::from_secs(4), busy()).await.unwrap();
        let error = patience.wait(Duration::from_secs(1), busy()).await.unwrap_err();
        assert_eq!(error.retry_after(), Some(Duration::from_secs(1)));
    }
}
