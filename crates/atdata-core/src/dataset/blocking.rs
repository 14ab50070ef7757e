//! Streams as plain iterators.

use std::fmt;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use futures::StreamExt;

use super::cursor::{Chunk, Cursor};
use super::report::Report;
use super::samples::Samples;
use super::state::{ReadState, Run};
use crate::{Error, Result};

/// How many chunks are ready ahead of the consumer.
const AHEAD: usize = 2;

/// Samples or batches as a plain [`Iterator`]; made by [`Samples::blocking`] and [`Batches::blocking`](super::Batches::blocking).
///
/// A thread with a runtime of its own drives the stream, a few chunks ahead. It ends when the iterator is dropped.
///
/// ```no_run
/// use atdata_core::source::Registry;
/// use atdata_core::{Dataset, DictSample};
///
/// let dataset = Dataset::<DictSample>::open("/data/digits.tar", &Registry::default())?;
/// for sample in dataset.ordered().blocking() {
///     println!("{:?}", sample?.get("label"));
/// }
/// # Ok::<(), atdata_core::Error>(())
/// ```
pub struct Blocking<T> {
    chunks: Option<Receiver<Chunk<T>>>,
    cursor: Cursor<T>,
    run: Arc<Run>,
}

impl<T: Send + 'static> Blocking<T> {
    pub(super) fn new(samples: Samples<T>) -> Self {
        let (run, position) = (samples.run(), samples.position());
        let (sender, receiver) = sync_channel(AHEAD);
        let driver = thread::Builder::new().name("atdata-stream".to_owned()).spawn(move || {
            let runtime = match tokio::runtime::Builder::new_current_thread().build() {
                Ok(runtime) => runtime,
                Err(error) => {
                    // A failed send means that nobody waits for it.
                    let _ = sender.send(failure(error));
                    return;
                }
            };
            runtime.block_on(async move {
                let mut chunks = samples.into_chunks();
                while let Some(chunk) = chunks.next().await {
                    if sender.send(chunk).is_err() {
                        break;
                    }
                }
            });
        });
        let mut cursor = Cursor::new(position);
        if let Err(error) = driver {
            cursor.fill(failure(error));
        }
        Self { chunks: Some(receiver), cursor, run }
    }

    /// What has been skipped so far, under a policy that skips.
    pub fn report(&self) -> Report {
        self.run.report.snapshot()
    }

    /// Where this iterator is: behind the last item that was taken from it, whatever has been read ahead. See
    /// [`Samples::state`].
    pub fn state(&self) -> ReadState {
        self.run.state(self.cursor.position())
    }
}

fn failure<T>(error: std::io::Error) -> Chunk<T> {
    Chunk { shard: 0, items: vec![(0, Err(Error::from_io(error)))] }
}

impl<T> Iterator for Blocking<T> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Result<T>> {
        loop {
            if let Some(item) = self.cursor.next() {
                if item.is_err() {
                    self.chunks = None;
                }
                return Some(item);
            }
            self.cursor.fill(self.chunks.as_ref()?.recv().ok()?);
        }
    }
}

impl<T> fmt::Debug for Blocking<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blocking").field("ended", &self.chunks.is_none()).finish_non_exhaustive()
    }
}
