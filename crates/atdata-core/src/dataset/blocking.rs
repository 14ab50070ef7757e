//! Streams as plain iterators.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::{fmt, io, thread};

use futures::StreamExt;

use super::budget::Held;
use super::cursor::{Chunk, Cursor};
use super::handover::{Giver, Taker, handover};
use super::pipeline::panicked;
use super::report::Report;
use super::samples::Samples;
use super::state::{ReadState, Run};
use crate::offload::set_driver;
use crate::{Error, Result};

/// How many chunks of samples are ready ahead of the consumer, besides the one that is being made.
pub(super) const SAMPLES_AHEAD: usize = 2;

/// How many chunks of batches are: a batch may be as large as it likes, and two of them, one that is being made and one
/// that is being used, are enough.
pub(super) const BATCHES_AHEAD: usize = 0;

/// Samples or batches as a plain [`Iterator`]; made by [`Samples::blocking`] and [`Batches::blocking`](super::Batches::blocking).
///
/// A thread with a runtime of its own drives the stream, a few chunks ahead. It ends when the iterator is dropped. A panic
/// in it, in a closure of the user for instance, is the iterator's last item, an error.
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
    chunks: Option<Taker<Chunk<T>>>,
    cursor: Cursor<T>,
    run: Arc<Run>,
}

impl<T: Send + 'static> Blocking<T> {
    pub(super) fn new(samples: Samples<T>, ahead: usize) -> Self {
        let (run, position) = (samples.run(), samples.position());
        let (giver, taker) = handover(ahead);
        let driver = thread::Builder::new().name("atdata-stream".to_owned()).spawn(move || {
            let drive = AssertUnwindSafe(|| drive(samples, &giver));
            let error = match catch_unwind(drive) {
                Ok(Ok(())) => return,
                Ok(Err(error)) => Error::from_io(error),
                Err(panic) => panicked(&*panic),
            };
            giver.give(failure(error));
        });
        let mut cursor = Cursor::new(position);
        if let Err(error) = driver {
            cursor.fill(failure(Error::from_io(error)));
        }
        Self { chunks: Some(taker), cursor, run }
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

fn failure<T>(error: Error) -> Chunk<T> {
    Chunk { shard: 0, items: vec![(0, Err(error))], held: Held::default() }
}

/// Sends all chunks, with the drivers that network clients need.
fn drive<T: Send + 'static>(samples: Samples<T>, giver: &Giver<Chunk<T>>) -> io::Result<()> {
    set_driver();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut chunks = samples.into_chunks();
        while let Some(chunk) = chunks.next().await {
            if !giver.give(chunk) {
                break;
            }
        }
    });
    Ok(())
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
            self.cursor.fill(self.chunks.as_ref()?.take()?);
        }
    }
}

impl<T> fmt::Debug for Blocking<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blocking").field("ended", &self.chunks.is_none()).finish_non_exhaustive()
    }
}
