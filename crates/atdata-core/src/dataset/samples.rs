//! The streams that a dataset yields.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures::stream::{self, BoxStream, FusedStream};
use futures::{Stream, StreamExt};

use super::blocking::{BATCHES_AHEAD, Blocking, SAMPLES_AHEAD};
use super::budget::Held;
use super::cursor::{Chunk, Cursor};
use super::report::Report;
use super::state::{Position, ReadState, Run};
use crate::array::BatchMemory;
use crate::{Collate, Error, Result};

/// For so many samples of a batch there is room from the beginning.
const MAX_RESERVED: usize = 4096;

/// Samples in order: a [`Stream`], and through [`blocking`](Samples::blocking) a plain iterator.
///
/// It is lazy: nothing is read before the first sample is asked for, and little more than what is asked for.
///
/// ```
/// use atdata_core::{Dataset, DictSample};
/// use futures::TryStreamExt;
///
/// # async fn example(dataset: Dataset<DictSample>) -> atdata_core::Result<()> {
/// let every_second: Vec<DictSample> = dataset.ordered().skip(1).take(10).try_collect().await?;
/// # Ok(())
/// # }
/// ```
pub struct Samples<T> {
    chunks: BoxStream<'static, Chunk<T>>,
    cursor: Cursor<T>,
    ended: bool,
    run: Arc<Run>,
}

impl<T: Send + 'static> Samples<T> {
    pub(super) fn new(chunks: BoxStream<'static, Chunk<T>>, run: Arc<Run>, from: Position) -> Self {
        Self { chunks, cursor: Cursor::new(from), ended: false, run }
    }

    /// The chunks that are left; what is ready already is the first one.
    pub(super) fn into_chunks(self) -> BoxStream<'static, Chunk<T>> {
        let first = stream::iter(self.cursor.into_chunk());
        // A stream that has ended stays ended: its chunks must not be asked for again.
        if self.ended { first.boxed() } else { first.chain(self.chunks).boxed() }
    }

    fn rechunk<U: Send + 'static>(
        self,
        mut change: impl FnMut(Vec<(u64, Result<T>)>) -> Vec<(u64, Result<U>)> + Send + 'static,
    ) -> Samples<U> {
        let (run, position) = (self.run(), self.position());
        let changed = self.into_chunks().map(move |chunk| Chunk {
            items: change(chunk.items),
            shard: chunk.shard,
            held: chunk.held,
        });
        Samples::new(changed.boxed(), run, position)
    }

    /// Keeps the samples for which `keep` says so. A sample beyond an error counts as one that is kept.
    pub fn filter(self, mut keep: impl FnMut(&T) -> bool + Send + 'static) -> Samples<T> {
        self.rechunk(move |mut chunk| {
            chunk.retain(|(_, item)| item.as_ref().map_or(true, &mut keep));
            chunk
        })
    }

    /// Turns every sample into something else.
    pub fn map<U: Send + 'static>(self, mut f: impl FnMut(T) -> U + Send + 'static) -> Samples<U> {
        self.rechunk(move |chunk| chunk.into_iter().map(|(at, item)| (at, item.map(&mut f))).collect())
    }

    /// The first `n` samples only; nothing is read beyond the chunk that holds the last of them.
    pub fn take(self, n: u64) -> Samples<T> {
        let (run, position) = (self.run(), self.position());
        let limited = stream::unfold((self.into_chunks(), n), |(mut chunks, left)| async move {
            if left == 0 {
                return None;
            }
            let mut chunk = chunks.next().await?;
            chunk.items.truncate(usize::try_from(left).unwrap_or(usize::MAX));
            let left = left - chunk.items.len() as u64;
            Some((chunk, (chunks, left)))
        });
        Samples::new(limited.boxed(), run, position)
    }

    /// Everything but the first `n` samples.
    pub fn skip(self, n: u64) -> Samples<T> {
        let mut left = n;
        self.rechunk(move |mut chunk| {
            let drop = usize::try_from(left).unwrap_or(usize::MAX).min(chunk.len());
            left -= drop as u64;
            // An error is never dropped: it says that the count is wrong.
            let mut at = 0;
            chunk.retain(|(_, item)| {
                at += 1;
                at > drop || item.is_err()
            });
            chunk
        })
    }

    /// Batches of `n` samples, at least one; the last may be shorter.
    pub fn batched(self, n: usize) -> Batches<T>
    where
        T: Collate,
    {
        let boundary = self.position();
        Batches {
            samples: self,
            size: n.max(1),
            pending: Vec::new(),
            boundary,
            failed: None,
            drop_last: false,
            memory: BatchMemory::default(),
        }
    }

    /// A plain iterator, for code without a runtime. The work goes on in threads of its own, which end when the
    /// iterator is dropped.
    pub fn blocking(self) -> Blocking<T> {
        Blocking::new(self, SAMPLES_AHEAD)
    }

    /// What has been skipped so far, under a policy that skips.
    pub fn report(&self) -> Report {
        self.run.report.snapshot()
    }

    /// Where this stream is: behind the last sample that was taken from it. See
    /// [`Reader::resume`](super::Reader::resume).
    ///
    /// Where the samples went through [`filter`](Self::filter), [`map`](Self::map), [`take`](Self::take) or
    /// [`skip`](Self::skip), the state is that of the stream before them, behind the sample that the last one came of:
    /// resume, then filter and map again. What is left to take is the caller's to count. What `skip` leaves out is
    /// behind the state as soon as one sample has been taken.
    ///
    /// After an error the state is before it, so that resuming tries again.
    pub fn state(&self) -> ReadState {
        self.run.state(self.position())
    }

    pub(super) fn position(&self) -> Position {
        self.cursor.position()
    }

    pub(super) fn run(&self) -> Arc<Run> {
        self.run.clone()
    }
}

impl<T> Stream for Samples<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(item) = self.cursor.next() {
                self.ended |= item.is_err();
                return Poll::Ready(Some(item));
            }
            if self.ended {
                return Poll::Ready(None);
            }
            match ready!(self.chunks.poll_next_unpin(cx)) {
                Some(chunk) => self.cursor.fill(chunk),
                None => self.ended = true,
            }
        }
    }
}

impl<T> FusedStream for Samples<T> {
    fn is_terminated(&self) -> bool {
        self.ended && self.cursor.is_empty()
    }
}

impl<T> Unpin for Samples<T> {}

impl<T> fmt::Debug for Samples<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Samples").field("ended", &self.ended).finish_non_exhaustive()
    }
}

/// Batches of samples: a [`Stream`], and through [`blocking`](Batches::blocking) a plain iterator.
///
/// ```
/// use atdata_core::{Dataset, DictSample};
/// use futures::StreamExt;
///
/// # async fn example(dataset: Dataset<DictSample>) -> atdata_core::Result<()> {
/// let mut batches = dataset.shuffled(42).batched(32);
/// while let Some(batch) = batches.next().await {
///     assert!(batch?.len() <= 32);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Batches<T: Collate> {
    samples: Samples<T>,
    size: usize,
    pending: Vec<T>,
    /// Behind the last batch that was yielded.
    boundary: Position,
    failed: Option<Error>,
    drop_last: bool,
    /// Where batches are made, one where an earlier one was.
    memory: BatchMemory,
}

impl<T: Collate> Batches<T> {
    /// Leaves out a last batch that is not full.
    #[must_use]
    pub fn drop_last(mut self) -> Self {
        self.drop_last = true;
        self
    }

    /// A plain iterator, for code without a runtime.
    pub fn blocking(self) -> Blocking<T::Batch> {
        let (run, boundary) = (self.samples.run(), self.boundary);
        let batches = stream::unfold((self, None), move |(mut batches, ready)| async move {
            let mut next = match ready {
                Some(ready) => Some(ready),
                None => batches.next_at().await,
            };
            let shard = next.as_ref()?.0.shard;
            let mut items = Vec::new();
            // Small batches travel together: those of one chunk of samples, and nothing after an error.
            while let Some((Position { sample, .. }, batch)) = next.take_if(|(at, _)| at.shard == shard) {
                let last = batch.is_err();
                items.push((sample, batch));
                if last || batches.samples.cursor.len() < batches.size {
                    break;
                }
                next = batches.next_at().await;
            }
            Some((Chunk { shard, items, held: Held::default() }, (batches, next)))
        });
        Blocking::new(Samples::new(batches.boxed(), run, boundary), BATCHES_AHEAD)
    }

    /// The next batch and the position behind it.
    async fn next_at(&mut self) -> Option<(Position, Result<T::Batch>)> {
        let batch = self.next().await?;
        Some((self.boundary, batch))
    }

    /// Where this stream is: behind the last batch that was taken from it. Samples that were read for a batch which
    /// is not full yet are not lost: they come again. See [`Samples::state`].
    pub fn state(&self) -> ReadState {
        self.samples.run.state(self.boundary)
    }

    /// What has been skipped so far, under a policy that skips.
    pub fn report(&self) -> Report {
        self.samples.report()
    }
}

impl<T: Collate> Unpin for Batches<T> {}

impl<T: Collate> Stream for Batches<T> {
    type Item = Result<T::Batch>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(error) = self.failed.take() {
            return Poll::Ready(Some(Err(error)));
        }
        while self.pending.len() < self.size {
            match ready!(self.samples.poll_next_unpin(cx)) {
                Some(Ok(sample)) => self.pending.push(sample),
                Some(Err(error)) => {
                    if self.pending.is_empty() || self.drop_last {
                        self.pending.clear();
                        return Poll::Ready(Some(Err(error)));
                    }
                    // The samples before the error are a batch; the error comes after them.
                    self.failed = Some(error);
                    break;
                }
                None => {
                    if self.drop_last {
                        self.pending.clear();
                    }
                    break;
                }
            }
        }
        if self.pending.is_empty() {
            return Poll::Ready(None);
        }
        let next = Vec::with_capacity(self.size.min(MAX_RESERVED));
        let samples = std::mem::replace(&mut self.pending, next);
        let batch = T::collate_in(samples, &self.memory);
        if batch.is_ok() {
            self.boundary = self.samples.position();
        }
        Poll::Ready(Some(batch))
    }
}
