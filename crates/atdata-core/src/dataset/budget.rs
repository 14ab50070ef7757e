//! How much is read ahead, in bytes.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes are counted in units of this many.
const UNIT: u64 = 1024;

/// The bytes that may be on the way between framing and the consumer.
#[derive(Clone, Debug)]
pub(super) struct Budget {
    units: u32,
    left: Arc<Semaphore>,
}

/// The part of a budget that a chunk of samples takes, until it is dropped.
#[derive(Debug, Default)]
pub(super) struct Held {
    _units: Option<OwnedSemaphorePermit>,
}

impl Budget {
    pub(super) fn new(bytes: u64) -> Self {
        // Half of what a semaphore counts to on any machine.
        let units = u32::try_from(bytes / UNIT).unwrap_or(u32::MAX).clamp(1, u32::MAX >> 4);
        Self { units, left: Arc::new(Semaphore::new(usize::try_from(units).unwrap_or(1))) }
    }

    /// Waits until there is room for so many bytes. What is larger than the whole budget takes all of it: it comes alone.
    pub(super) async fn take(&self, bytes: u64) -> Held {
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX).min(self.units);
        // The semaphore is never closed.
        Held { _units: self.left.clone().acquire_many_owned(units).await.ok() }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn what_does_not_fit_waits_and_what_is_too_large_comes_alone() {
        let budget = Budget::new(10 * UNIT);
        let small = budget.take(1).now_or_never().unwrap();
        let nine = budget.take(9 * UNIT).now_or_never().unwrap();
        assert!(budget.take(1).now_or_never().is_none());
        drop(small);
        assert!(budget.take(1000 * UNIT).now_or_never().is_none());
        drop(nine);
        let all = budget.take(1000 * UNIT).now_or_never().unwrap();
        assert!(budget.take(1).now_or_never().is_none());
        drop(all);
        assert!(budget.take(0).now_or_never().is_some());
    }

    #[test]
    fn any_size_of_budget_lets_something_through() {
        for bytes in [0, 1, UNIT, u64::MAX] {
            assert!(Budget::new(bytes).take(u64::MAX).now_or_never().is_some());
        }
    }
}
