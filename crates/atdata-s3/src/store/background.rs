//! Work that goes on when its caller has gone: taking away what a dropped write left, and finishing a publication.

use std::sync::Arc;

use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Counts the work that is going on. Clones count together.
#[derive(Clone, Debug)]
pub(super) struct Background {
    running: Arc<watch::Sender<usize>>,
}

impl Background {
    pub(super) fn new() -> Self {
        Self { running: Arc::new(watch::Sender::new(0)) }
    }

    /// Runs something to its end, whether anybody waits for it or not; only the end of the runtime ends it before.
    pub(super) fn spawn<T: Send + 'static>(
        &self,
        runtime: &Handle,
        work: impl Future<Output = T> + Send + 'static,
    ) -> JoinHandle<T> {
        self.running.send_modify(|running| *running += 1);
        let counted = Counted(self.running.clone());
        runtime.spawn(async move {
            let result = work.await;
            drop(counted);
            result
        })
    }

    /// Waits until nothing is going on.
    pub(super) async fn settled(&self) {
        // The sender lives as long as `self`, so this ends only when the count is zero.
        let _ = self.running.subscribe().wait_for(|running| *running == 0).await;
    }
}

/// One piece of work. It no longer counts when this is dropped, also with a runtime that ends.
struct Counted(Arc<watch::Sender<usize>>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.send_modify(|running| *running = running.saturating_sub(1));
    }
}
