//! The leases that this process has.

use std::collections::HashSet;
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The tokens of leases that have not ended.
#[derive(Debug, Default)]
pub(super) struct Held {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    tokens: HashSet<u64>,
    /// How many leases are being asked for.
    asking: usize,
}

impl Held {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A lease is being asked for.
    pub(super) fn ask(&self) {
        self.state().asking += 1;
    }

    /// There is an answer, with a lease or without.
    pub(super) fn answered(&self, token: Option<u64>) {
        let mut state = self.state();
        state.asking = state.asking.saturating_sub(1);
        state.tokens.extend(token);
        drop(state);
        if token.is_none() {
            self.changed.notify_waiters();
        }
    }

    pub(super) fn end(&self, token: u64) {
        self.state().tokens.remove(&token);
        self.changed.notify_waiters();
    }

    /// Waits until a lease ends.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Waits until there is none.
    pub(super) async fn none(&self) {
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            {
                let state = self.state();
                if state.tokens.is_empty() && state.asking == 0 {
                    return;
                }
            }
            changed.await;
        }
    }
}
