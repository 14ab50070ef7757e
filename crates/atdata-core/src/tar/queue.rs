//! Input that has arrived and was not consumed yet.

use std::collections::VecDeque;

use bytes::{Buf, Bytes};

use super::header::BLOCK;

/// A queue of chunks that is read in runs of bytes, whatever the chunks' boundaries.
///
/// It allocates only in [`ByteQueue::take`], for a run that crosses a boundary, and then exactly the run's size
/// after all of it has arrived: no size that a file merely claims is ever allocated.
#[derive(Debug, Default)]
pub(super) struct ByteQueue {
    front: Bytes,
    /// Chunks after `front`, none of them empty. Empty if `front` is.
    rest: VecDeque<Bytes>,
    len: u64,
    position: u64,
}

impl ByteQueue {
    /// An empty queue whose first byte will have this offset.
    pub(super) fn at(position: u64) -> Self {
        Self { position, ..Self::default() }
    }

    pub(super) fn push(&mut self, chunk: Bytes) {
        self.len += chunk.len() as u64;
        if self.front.is_empty() {
            self.front = chunk;
        } else if !chunk.is_empty() {
            self.rest.push_back(chunk);
        }
    }

    /// How many bytes are waiting.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// How many bytes were consumed: the offset of the next one.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Takes `count` bytes, or none if fewer are waiting. No copy if they lie in one chunk.
    pub(super) fn take(&mut self, count: usize) -> Option<Bytes> {
        if self.len < count as u64 {
            return None;
        }
        if self.front.len() >= count {
            let bytes = self.front.split_to(count);
            self.consumed(count);
            return Some(bytes);
        }
        let mut bytes = Vec::with_capacity(count);
        while bytes.len() < count {
            let part = self.front.split_to(self.front.len().min(count - bytes.len()));
            bytes.extend_from_slice(&part);
            self.consumed(part.len());
        }
        Some(bytes.into())
    }

    /// The next block, if it lies in one chunk.
    pub(super) fn block(&self) -> Option<&[u8; BLOCK]> {
        self.front.first_chunk()
    }

    /// The next `count` bytes, if they lie in one chunk.
    pub(super) fn peek(&self, count: u64) -> Option<&[u8]> {
        self.front.get(..usize::try_from(count).ok()?)
    }

    /// Drops up to `count` bytes and says how many.
    #[inline]
    pub(super) fn skip(&mut self, count: u64) -> u64 {
        match usize::try_from(count) {
            // Mostly they lie in the first chunk, which does not end there.
            Ok(part) if part < self.front.len() => {
                self.front.advance(part);
                self.len -= count;
                self.position += count;
                count
            }
            _ => self.skip_chunks(count),
        }
    }

    fn skip_chunks(&mut self, count: u64) -> u64 {
        let mut skipped = 0;
        while skipped < count && !self.front.is_empty() {
            let part = usize::try_from(count - skipped).unwrap_or(usize::MAX).min(self.front.len());
            self.front.advance(part);
            self.consumed(part);
            skipped += part as u64;
        }
        skipped
    }

    /// Drops zeros up to the first byte that is not zero and says whether there is one.
    pub(super) fn skip_zeros(&mut self) -> bool {
        while !self.front.is_empty() {
            let zeros = self.front.iter().position(|byte| *byte != 0);
            let count = zeros.unwrap_or(self.front.len());
            self.front.advance(count);
            self.consumed(count);
            if zeros.is_some() {
                return true;
            }
        }
        false
    }

    /// Drops everything.
    pub(super) fn clear(&mut self) {
        *self = Self::at(self.position);
    }

    /// Accounts for bytes that were taken from `front`.
    fn consumed(&mut self, count: usize) {
        self.len -= count as u64;
        self.position += count as u64;
        if self.front.is_empty() {
            self.front = self.rest.pop_front().unwrap_or_default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(chunks: &[&'static [u8]]) -> ByteQueue {
        let mut queue = ByteQueue::default();
        chunks.iter().for_each(|chunk| queue.push(Bytes::from_static(chunk)));
        queue
    }

    #[test]
    fn a_run_inside_a_chunk_is_a_slice_of_it() {
        let chunk = Bytes::from(vec![7; 100]);
        let mut queue = ByteQueue::default();
        queue.push(chunk.clone());
        assert_eq!(queue.skip(10), 10);
        assert_eq!(queue.take(90).unwrap().as_ptr(), chunk[10..].as_ptr());
        assert_eq!((queue.position(), queue.len()), (100, 0));
    }

    #[test]
    fn a_run_across_chunks_is_assembled_once_complete() {
        let mut queue = queue(&[b"ab", b"", b"cd"]);
        assert_eq!(queue.take(5), None);
        queue.push(Bytes::from_static(b"ef"));
        assert_eq!(queue.take(5).unwrap(), "abcde");
        assert_eq!(queue.take(1).unwrap(), "f");
        assert_eq!(queue.take(0).unwrap(), "");
    }

    #[test]
    fn zeros_are_skipped_across_chunks() {
        let mut queue = queue(&[b"\0\0", b"\0\x01"]);
        assert!(queue.skip_zeros());
        assert_eq!(queue.position(), 3);
        assert_eq!(queue.skip(9), 1);
        assert!(!queue.skip_zeros());
    }
}
