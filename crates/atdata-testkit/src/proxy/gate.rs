//! Holding requests up.

use std::sync::Arc;

use tokio::sync::Semaphore;

/// Where requests wait until they are let pass, in the order they came. Clones are the same gate.
///
/// ```
/// use atdata_testkit::proxy::{Fault, Gate};
///
/// let gate = Gate::closed();
/// gate.let_pass(1);
/// assert_eq!(Fault::Wait(gate.clone()), Fault::Wait(gate.clone()));
/// assert_ne!(gate, Gate::closed());
/// ```
#[derive(Clone, Debug)]
pub struct Gate(Arc<Semaphore>);

impl Gate {
    /// A gate that nobody passes yet.
    pub fn closed() -> Self {
        Self(Arc::new(Semaphore::new(0)))
    }

    /// Lets so many requests more pass, those that wait and those that will come.
    pub fn let_pass(&self, requests: usize) {
        self.0.add_permits(requests);
    }

    pub(super) async fn pass(&self) {
        // It is never closed.
        if let Ok(permit) = self.0.acquire().await {
            permit.forget();
        }
    }
}

/// Whether both are the same gate.
impl PartialEq for Gate {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Gate {}
