//! Work that would keep a thread of the runtime busy.

use tokio::runtime::Handle;

use crate::{Error, Result};

/// Begins work on tokio's blocking threads where there is a runtime, and does it in place where there is none.
///
/// # Errors
/// [`Unavailable`](crate::ErrorKind::Unavailable) if the runtime is shutting down.
pub(crate) fn offload<R: Send + 'static>(
    work: impl FnOnce() -> R + Send + 'static,
) -> impl Future<Output = Result<R>> + Send + 'static {
    // Not in the future, so that work of several is under way though only one of them is waited for.
    let started = match Handle::try_current() {
        Ok(runtime) => Ok(runtime.spawn_blocking(work)),
        Err(_) => Err(work()),
    };
    async move {
        match started {
            Ok(task) => {
                task.await.map_err(|error| Error::unavailable("the work was cancelled").with_source(error))
            }
            Err(done) => Ok(done),
        }
    }
}
