//! Time-outs that count only while somebody waits.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::{Error, Result};

/// How late a time-out may be noticed and still count. One that is noticed later says that nobody was polling, not that
/// the server was silent.
const GRACE: Duration = Duration::from_millis(500);

/// Waits for the server for at most `limit`. The wait begins when the future is first polled; it begins again if nobody
/// polled it for a while.
///
/// # Errors
/// [`Unavailable`](crate::ErrorKind::Unavailable) after `limit`.
pub(super) async fn patiently<T>(limit: Duration, waiting: impl Future<Output = T>) -> Result<T> {
    let mut waiting = pin!(waiting);
    // Further away than a timer can be is never.
    let from_now = || Instant::now().checked_add(limit);
    let Some(first) = from_now() else { return Ok(waiting.await) };
    let mut deadline = first;
    let mut timer = pin!(sleep_until(deadline));
    poll_fn(|context| {
        if let Poll::Ready(done) = waiting.as_mut().poll(context) {
            return Poll::Ready(Ok(done));
        }
        while timer.as_mut().poll(context).is_ready() {
            if Instant::now() <= deadline + GRACE {
                return Poll::Ready(Err(Error::unavailable(format!(
                    "the server sent nothing for {limit:?}"
                ))));
            }
            deadline = from_now().unwrap_or(deadline);
            timer.as_mut().reset(deadline);
        }
        Poll::Pending
    })
    .await
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use futures::FutureExt;
    use tokio::time::advance;

    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn a_silent_server_is_given_up_after_the_limit() {
        let start = Instant::now();
        assert!(patiently(LIMIT, pending::<()>()).await.unwrap_err().is_retryable());
        assert!((LIMIT..LIMIT + GRACE).contains(&start.elapsed()));
    }

    #[tokio::test(start_paused = true)]
    async fn time_in_which_nobody_polls_does_not_count() {
        let mut waiting = pin!(patiently(LIMIT, pending::<()>()));
        assert!(waiting.as_mut().now_or_never().is_none());
        advance(10 * LIMIT).await;
        let start = Instant::now();
        assert!(waiting.await.is_err());
        assert!(start.elapsed() >= LIMIT);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_there_is_taken_however_late() {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let mut waiting = pin!(patiently(LIMIT, receiver));
        assert!(waiting.as_mut().now_or_never().is_none());
        sender.send(5).unwrap();
        advance(10 * LIMIT).await;
        assert_eq!(waiting.await.unwrap(), Ok(5));
    }

    #[tokio::test(start_paused = true)]
    async fn a_limit_without_end_is_none() {
        assert_eq!(patiently(Duration::MAX, async { 1 }).await.unwrap(), 1);
    }
}
