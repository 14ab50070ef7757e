//! Work that would keep a thread of the runtime busy.

use std::any::Any;
use std::cell::Cell;

use tokio::runtime::Handle;

use crate::{Error, Result};

thread_local! {
    /// Whether this thread does nothing but drive one stream.
    static DRIVER: Cell<bool> = const { Cell::new(false) };
}

/// Says that this thread does nothing but drive one stream, so that nobody else waits while it is busy.
pub(crate) fn set_driver() {
    DRIVER.set(true);
}

/// Whether this thread does nothing but drive one stream.
pub(crate) fn drives_one_stream() -> bool {
    DRIVER.get()
}

/// What somebody said who panicked.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no message")
}

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
