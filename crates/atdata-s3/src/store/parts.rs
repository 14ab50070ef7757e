//! Cutting a shard into the parts of a multipart upload.

use bytes::{Bytes, BytesMut};

/// The most parts that an upload has.
pub(super) const MAX_PARTS: i32 = 10_000;

/// After so many parts they are twice as large, so that 10,000 of them hold any shard (496 GiB, if the first have 8
/// MiB) while all parts of common shards have the same size, as some servers want it.
const GROW_AFTER: i32 = 2_000;

/// Collects chunks until they make a part.
#[derive(Debug)]
pub(super) struct PartCutter {
    first_size: usize,
    /// The number of the part that is being collected, from 1.
    number: i32,
    collected: BytesMut,
    chunk: Bytes,
}

impl PartCutter {
    pub(super) fn new(part_size: usize) -> Self {
        Self { first_size: part_size, number: 1, collected: BytesMut::new(), chunk: Bytes::new() }
    }

    /// Takes a chunk; [`full_part`](Self::full_part) is to be called until there is none before the next.
    pub(super) fn push(&mut self, chunk: Bytes) {
        self.chunk = chunk;
    }

    /// A part that is full, with its number.
    pub(super) fn full_part(&mut self) -> Option<(i32, Bytes)> {
        let size = self.size();
        if self.collected.is_empty() && self.chunk.len() >= size {
            // A large chunk is cut without being copied.
            return Some((self.count(), self.chunk.split_to(size)));
        }
        let room = size - self.collected.len();
        self.collected.extend_from_slice(&self.chunk.split_to(room.min(self.chunk.len())));
        (self.collected.len() == size).then(|| (self.count(), self.collected.split().freeze()))
    }

    /// What is left at the end of the shard. An upload has at least one part, so the first may be empty.
    pub(super) fn last_part(&mut self) -> Option<(i32, Bytes)> {
        (self.number == 1 || !self.collected.is_empty())
            .then(|| (self.count(), self.collected.split().freeze()))
    }

    fn count(&mut self) -> i32 {
        let number = self.number;
        self.number = self.number.saturating_add(1);
        number
    }

    fn size(&self) -> usize {
        let doublings = (self.number.min(MAX_PARTS) - 1) / GROW_AFTER;
        self.first_size << doublings
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(part_size: usize, chunks: Vec<Vec<u8>>) -> Vec<(i32, Bytes)> {
        let mut cutter = PartCutter::new(part_size);
        let mut parts = Vec::new();
        for chunk in chunks {
            cutter.push(chunk.into());
            parts.extend(std::iter::from_fn(|| cutter.full_part()));
        }
        parts.extend(cutter.last_part());
        parts
    }

    proptest! {
        #[test]
        fn parts_are_the_chunks_joined_and_all_but_the_last_have_their_size(
            part_size in 1usize..40,
            chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..100), 0..20),
        ) {
            let joined = chunks.concat();
            let parts = cut(part_size, chunks);
            prop_assert_eq!(parts.iter().map(|(number, _)| *number).collect::<Vec<_>>(),
                (1..=parts.len() as i32).collect::<Vec<_>>());
            let (last, full) = parts.split_last().unwrap();
            prop_assert!(full.iter().all(|(_, part)| part.len() == part_size));
            prop_assert!(last.1.len() <= part_size);
            prop_assert_eq!(parts.iter().flat_map(|(_, part)| part.to_vec()).collect::<Vec<u8>>(), joined);
        }
    }

    #[test]
    fn an_empty_shard_has_one_empty_part() {
        assert_eq!(cut(8, vec![]), [(1, Bytes::new())]);
    }

    #[test]
    fn large_shards_fit_into_the_parts_that_there_are() {
        let mut cutter = PartCutter::new(8 << 20);
        let mut total = 0u64;
        for number in 1..=MAX_PARTS {
            cutter.number = number;
            total += cutter.size() as u64;
        }
        assert_eq!(total, 496_000 << 20);
    }
}
