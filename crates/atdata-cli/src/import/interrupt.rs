//! Ctrl-C during an import.
//!
//! The first one makes the samples end in an error: the store then removes what it has written, as after any error. A
//! second one does not wait for that.

use atdata::{Error, Result};
use futures::future::{Either, select};
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt};
use tokio::sync::watch;

use crate::output::Failure;

/// What an interruption means.
const UNCHANGED: &str = "nothing was changed";

/// Listens for Ctrl-C: in one place, so that none is missed between two of them.
#[derive(Debug)]
pub(crate) struct Interrupt(watch::Sender<bool>);

impl Interrupt {
    /// Not interrupted so far.
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    /// The stream, but ending in an error when [`guard`](Self::guard) hears Ctrl-C, even while the next item is being
    /// waited for.
    pub(crate) fn ending<T: Send + 'static>(
        &self,
        items: BoxStream<'static, Result<T>>,
    ) -> BoxStream<'static, Result<T>> {
        let mut pressed = self.0.subscribe();
        let signal = async move {
            // Fails if there is nobody left who could tell.
            if pressed.wait_for(|pressed| *pressed).await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        stream::unfold(Some((items, signal.boxed())), |state| async {
            let (mut items, signal) = state?;
            match select(items.next(), signal).await {
                Either::Left((item, signal)) => Some((item?, Some((items, signal)))),
                Either::Right(_) => Some((Err(Error::unavailable("interrupted")), None)),
            }
        })
        .fuse()
        .boxed()
    }

    /// Does the work, and knows its failure after Ctrl-C for what it is.
    ///
    /// # Errors
    /// What the work fails with, or [`Failure::Interrupted`].
    pub(crate) async fn guard<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T, Failure> {
        let twice = async {
            pressed_once().await;
            self.0.send_replace(true);
            pressed_once().await;
        };
        // Listening comes first: what the work does before must not be lost to a signal that nobody hears.
        match select(Box::pin(twice), Box::pin(work)).await {
            Either::Right((Ok(done), _)) => Ok(done),
            Either::Right((Err(_), _)) if *self.0.borrow() => Err(Failure::Interrupted(UNCHANGED)),
            Either::Right((Err(error), _)) => Err(error.into()),
            Either::Left(_) => Err(Failure::Interrupted(UNCHANGED)),
        }
    }
}

/// Waits for Ctrl-C; for ever where it cannot be listened for, and the signal then ends the process as usual.
async fn pressed_once() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
