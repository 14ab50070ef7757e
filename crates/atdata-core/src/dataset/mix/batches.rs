//! Batches of mixes.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::{Stream, StreamExt};

use super::{MixState, Mixed, MixedPart};
use crate::array::BatchMemory;
use crate::dataset::samples::Samples;
use crate::{Collate, Error, Result};

/// Batches of a [`Mix`](super::Mix): a [`Stream`] or, from [`Mixed::blocking`], a plain iterator.
///
/// ```
/// use atdata_core::Mix;
/// use futures::TryStreamExt;
///
/// # async fn example(mix: Mix<i64>) -> atdata_core::Result<()> {
/// let mut batches = mix.samples().batched(32);
/// while let Some(batch) = batches.try_next().await? {
///     assert!(batch.len() <= 32);
/// }
/// # Ok(())
/// # }
/// ```
pub struct MixedBatches<P, T: Collate> {
    pub(super) mixed: Mixed<P>,
    pub(super) size: usize,
    pub(super) pending: Vec<T>,
    /// Where the batch that is pending began.
    pub(super) boundary: Option<MixState>,
    pub(super) failed: Option<Error>,
    pub(super) memory: BatchMemory,
}

impl<P, T: Collate> MixedBatches<P, T> {
    /// Takes the next item of the mix, and gives the batch that it completes.
    fn add(&mut self, item: Option<Result<T>>) -> Option<Option<Result<T::Batch>>> {
        match item {
            Some(Ok(sample)) => {
                self.pending.push(sample);
                (self.pending.len() >= self.size).then(|| self.batch())
            }
            Some(Err(error)) => {
                // The samples before the error are a batch; the error comes after them.
                self.failed = Some(error);
                Some(self.batch().or_else(|| self.failed.take().map(Err)))
            }
            None => Some(self.batch()),
        }
    }

    fn batch(&mut self) -> Option<Result<T::Batch>> {
        let samples = std::mem::take(&mut self.pending);
        (!samples.is_empty()).then(|| T::collate_in(samples, &self.memory))
    }
}

impl<T: Collate> MixedBatches<Samples<T>, T> {
    /// Where this stream is: behind the last batch that was taken from it.
    pub fn state(&self) -> MixState {
        let begun = self.boundary.as_ref().filter(|_| !self.pending.is_empty());
        begun.cloned().unwrap_or_else(|| self.mixed.state())
    }
}

impl<T: Collate> MixedBatches<MixedPart<T>, T> {
    /// Where this iterator is: behind the last batch that was taken from it.
    pub fn state(&self) -> MixState {
        // Nothing is pending between two batches.
        self.mixed.state()
    }
}

impl<T: Collate> Stream for MixedBatches<Samples<T>, T> {
    type Item = Result<T::Batch>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(error) = self.failed.take() {
            return Poll::Ready(Some(Err(error)));
        }
        if self.pending.is_empty() {
            self.boundary = Some(self.mixed.state());
        }
        loop {
            let item = ready!(self.mixed.poll_next_unpin(cx));
            if let Some(done) = self.add(item) {
                return Poll::Ready(done);
            }
        }
    }
}

impl<T: Collate> Iterator for MixedBatches<MixedPart<T>, T> {
    type Item = Result<T::Batch>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(error) = self.failed.take() {
            return Some(Err(error));
        }
        loop {
            let item = self.mixed.next();
            if let Some(done) = self.add(item) {
                return done;
            }
        }
    }
}

impl<P, T: Collate> Unpin for MixedBatches<P, T> {}

impl<P, T: Collate> fmt::Debug for MixedBatches<P, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MixedBatches")
            .field("mixed", &self.mixed)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}
