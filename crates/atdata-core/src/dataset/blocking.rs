//! Streams as plain iterators.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::{fmt, io, thread};

use futures::StreamExt;

use super::pipeline::panicked;
use super::report::{Report, SharedReport};
use super::samples::Samples;
use crate::{Error, Result};

/// How many chunks are ready ahead of the consumer.
const AHEAD: usize = 2;

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
    chunks: Option<Receiver<Vec<Result<T>>>>,
    ready: std::vec::IntoIter<Result<T>>,
    report: std::sync::Arc<SharedReport>,
}

impl<T: Send + 'static> Blocking<T> {
    pub(super) fn new(samples: Samples<T>) -> Self {
        let report = samples.shared_report();
        let (sender, receiver) = sync_channel(AHEAD);
        let driver = thread::Builder::new().name("atdata-stream".to_owned()).spawn(move || {
            let drive = AssertUnwindSafe(|| drive(samples, &sender));
            let error = match catch_unwind(drive) {
                Ok(Ok(())) => return,
                Ok(Err(error)) => error.into(),
                Err(panic) => panicked(&*panic),
            };
            // A failed send means that nobody waits for it.
            let _ = sender.send(vec![Err(error)]);
        });
        let ready = match driver {
            Ok(_) => Vec::new(),
            Err(error) => vec![Err(Error::from_io(error))],
        };
        Self { chunks: Some(receiver), ready: ready.into_iter(), report }
    }

    /// What has been skipped so far, under a policy that skips.
    pub fn report(&self) -> Report {
        self.report.snapshot()
    }
}

/// Sends all chunks, with the drivers that network clients need.
fn drive<T: Send + 'static>(samples: Samples<T>, sender: &SyncSender<Vec<Result<T>>>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut chunks = samples.into_chunks();
        while let Some(chunk) = chunks.next().await {
            if sender.send(chunk).is_err() {
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
            if let Some(item) = self.ready.next() {
                if item.is_err() {
                    self.chunks = None;
                    self.ready = Vec::new().into_iter();
                }
                return Some(item);
            }
            self.ready = self.chunks.as_ref()?.recv().ok()?.into_iter();
        }
    }
}

impl<T> fmt::Debug for Blocking<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blocking").field("ended", &self.chunks.is_none()).finish_non_exhaustive()
    }
}
