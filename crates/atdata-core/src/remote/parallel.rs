//! Several parts of one object at the same time.

use std::collections::VecDeque;
use std::ops::Range;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use tokio::task::JoinHandle;

use super::body::{Body, Object};
use super::client::{ByteRange, ObjectInfo};
use super::retry::Retries;
use crate::array::BatchMemory;
use crate::{Error, Result};

/// Reading one object over several connections.
///
/// An object is read so if it is longer than a part, and the server gives parts of it and a strong validator. Bytes
/// come in order all the same. At most `streams` parts, `streams · part` bytes, are read ahead of the one that is in
/// use; the default is 32 MiB a shard.
///
/// ```
/// use atdata_core::remote::ParallelReads;
///
/// assert_eq!(ParallelReads::default(), ParallelReads { streams: 4, part: 8 << 20 });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParallelReads {
    /// How many parts are read at once; 1 asks for whole objects.
    pub streams: usize,
    /// The length of a part in bytes.
    pub part: u64,
}

impl ParallelReads {
    /// One connection a shard.
    pub const OFF: Self = Self { streams: 1, part: u64::MAX };

    /// The length of what to ask for first, if it is not all.
    pub(super) fn first(&self) -> Option<u64> {
        (self.streams > 1 && self.part > 0 && self.part < u64::MAX).then_some(self.part)
    }
}

impl Default for ParallelReads {
    fn default() -> Self {
        Self { streams: 4, part: 8 << 20 }
    }
}

/// Goes on with an object, of which there is a validator, and of which the first part is on its way.
pub(super) fn rest_in_parts(
    first: Body,
    object: Object,
    size: u64,
    reads: ParallelReads,
) -> BoxStream<'static, Result<Bytes>> {
    let mut parts = Parts {
        info: first.info(),
        retries: first.retries().of_part(),
        object,
        rest: reads.part..size,
        part: reads.part,
        running: VecDeque::new(),
        ahead: reads.streams - 1,
        memory: BatchMemory::default(),
    };
    parts.start();
    let state = (Some(first.into_stream()), parts);
    stream::unfold(Some(state), |state| async {
        let (mut first, mut parts) = state?;
        if let Some(chunks) = &mut first {
            match chunks.next().await {
                Some(chunk) => return Some((chunk, Some((first, parts)))),
                None => first = None,
            }
            parts.ahead += 1;
        }
        match parts.next().await.transpose()? {
            Ok(chunk) => Some((Ok(chunk), Some((first, parts)))),
            Err(error) => Some((Err(error), None)),
        }
    })
    .boxed()
}

#[derive(Debug)]
struct Parts {
    object: Object,
    info: ObjectInfo,
    retries: Retries,
    rest: Range<u64>,
    part: u64,
    running: VecDeque<Running>,
    /// How many parts may be running or held.
    ahead: usize,
    /// Where parts are, one where an earlier one was.
    memory: BatchMemory,
}

impl Parts {
    /// Starts as many parts as may be.
    fn start(&mut self) {
        while self.running.len() < self.ahead && self.rest.start < self.rest.end {
            let end = self.rest.start.saturating_add(self.part).min(self.rest.end);
            let wanted = ByteRange { start: self.rest.start, end: Some(end) };
            self.rest.start = end;
            let length = end - wanted.start;
            let part = Body::part(self.object.clone(), wanted, self.info.clone(), self.retries.of_part());
            // A task of its own: it goes on, and measures the server's silence, while the consumer is busy.
            self.running.push_back(Running(tokio::spawn(part.gather(self.memory.clone(), length))));
        }
    }

    async fn next(&mut self) -> Result<Option<Bytes>> {
        // The part that was just delivered has made room.
        self.start();
        match self.running.pop_front() {
            Some(part) => part.finished().await.map(Some),
            None => Ok(None),
        }
    }
}

/// A part that is being read, until it is dropped.
#[derive(Debug)]
struct Running(JoinHandle<Result<Bytes>>);

impl Running {
    async fn finished(mut self) -> Result<Bytes> {
        (&mut self.0)
            .await
            .map_err(|error| Error::unavailable("reading a part was cancelled").with_source(error))?
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}
