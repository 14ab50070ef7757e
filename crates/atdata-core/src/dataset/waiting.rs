//! What waits in a shuffle buffer, and what leaves it.

use std::hint::black_box;
use std::ops::Range;

use bytes::Bytes;

use super::order::ShuffleBuffer;
use super::raw::Raw;
use crate::array::{BatchMemory, Buffer};

/// Members that are not longer are copied out of the piece of the shard that they lie in before they wait: among so many
/// samples some would keep each piece for long. Longer ones of local files are mapped.
const DETACHED: usize = 64 << 10;

/// Samples that are not longer wait in memory that is used again, and leave together.
const SMALL: usize = 4 << 10;

/// Memory of a waiting sample is a multiple of this, as it is in a shard, so that it fits the next one more often. It is less
/// than the sample takes in its shard, which is what counts towards the bytes of the buffer.
const BLOCK: usize = 512;

/// The memory in which small samples leave: the most that one of them can keep.
const PIECE: usize = 64 << 10;

/// For so many samples ahead it is looked up where they will be exchanged.
const LOOK_AHEAD: usize = 8;

/// What of memory comes into a cache together.
const LINE: usize = 64;

/// A sample that waits.
pub(super) struct Waiting {
    raw: Raw,
    /// The data, if it is small; `raw` has none then.
    memory: Vec<u8>,
}

impl From<Raw> for Waiting {
    /// The sample with the memory that it has.
    fn from(raw: Raw) -> Self {
        Self { raw, memory: Vec::new() }
    }
}

impl Waiting {
    /// Reads what lies in each line, so that it is in a cache soon.
    fn touch(&self) -> u8 {
        self.memory.iter().step_by(LINE).fold(0, |all, byte| all ^ byte)
    }
}

/// Where samples come from to wait, and go to when they leave.
///
/// A buffer is larger than the near caches, and what is drawn from it lies anywhere. So a small sample is copied twice: it
/// takes the memory of the one that has left just before, whose lines are near, and leaves by being copied to where
/// the others of its chunk are. No memory is asked for, and who decodes the chunk finds it in one place.
#[derive(Default)]
pub(super) struct Passage {
    spare: Vec<u8>,
    memory: BatchMemory,
    piece: Option<Buffer>,
    filled: usize,
    /// What lies in the piece: which of those that leave, and where.
    placed: Vec<(usize, Range<usize>)>,
    leaving: Vec<Raw>,
    /// Whether samples that come push others out.
    full: bool,
}

impl Passage {
    /// Lets samples in, and gives those that they push out.
    pub(super) fn exchange(&mut self, buffer: &mut ShuffleBuffer<Waiting>, incoming: Vec<Raw>) -> Vec<Raw> {
        self.leaving.reserve(incoming.len());
        for (number, raw) in incoming.into_iter().enumerate() {
            if self.full && number % LOOK_AHEAD == 0 {
                // These are independent of each other, so that the processor fetches them at the same time.
                black_box(buffer.upcoming(LOOK_AHEAD).fold(0, |all, waiting| all ^ waiting.touch()));
            }
            let bytes = raw.bytes();
            let waiting = self.admit(raw, bytes);
            buffer.pass((waiting, bytes), |pushed| {
                self.full = true;
                self.leave(pushed);
            });
        }
        self.left()
    }

    /// The same sample, which keeps no more memory than it needs.
    fn admit(&mut self, mut raw: Raw, bytes: u64) -> Waiting {
        let Some(data) = only_data(&mut raw).filter(|data| data.len() <= SMALL) else {
            if let Raw::Framed(framed) = &mut raw {
                framed.raw.detach(DETACHED);
            }
            return raw.into();
        };
        let mut memory = std::mem::take(&mut self.spare);
        if memory.capacity() < data.len() || memory.capacity() as u64 > bytes {
            memory = Vec::with_capacity(data.len().next_multiple_of(BLOCK));
        }
        memory.clear();
        memory.extend_from_slice(data);
        *data = Bytes::new();
        Waiting { raw, memory }
    }

    /// Takes over a sample that leaves the buffer.
    pub(super) fn leave(&mut self, Waiting { mut raw, memory }: Waiting) {
        if !memory.is_empty() {
            match self.place(&memory) {
                Some(range) => {
                    self.placed.push((self.leaving.len(), range));
                    self.spare = memory;
                }
                // Without memory for a piece its own does.
                None => give(&mut raw, memory.into()),
            }
        }
        self.leaving.push(raw);
    }

    /// Copies data to where it leaves, and says where that is.
    fn place(&mut self, data: &[u8]) -> Option<Range<usize>> {
        if self.piece.is_none() || self.filled + data.len() > PIECE {
            self.seal();
            self.piece = self.memory.buffer(PIECE).ok();
        }
        let range = self.filled..self.filled + data.len();
        self.piece.as_mut()?.as_mut().get_mut(range.clone())?.copy_from_slice(data);
        self.filled = range.end;
        Some(range)
    }

    /// Gives those that lie in the piece their data.
    fn seal(&mut self) {
        let Some(piece) = self.piece.take() else { return };
        let piece = piece.freeze();
        self.filled = 0;
        for (number, range) in self.placed.drain(..) {
            if let Some(raw) = self.leaving.get_mut(number) {
                give(raw, piece.slice(range));
            }
        }
    }

    /// How many samples have left.
    pub(super) fn leaving(&self) -> usize {
        self.leaving.len()
    }

    /// The samples that have left.
    pub(super) fn left(&mut self) -> Vec<Raw> {
        self.seal();
        std::mem::take(&mut self.leaving)
    }
}

/// The data of a sample of one member.
fn only_data(raw: &mut Raw) -> Option<&mut Bytes> {
    match raw {
        Raw::Framed(framed) => framed.raw.only_data(),
        Raw::Fetched(_) => None,
    }
}

fn give(raw: &mut Raw, bytes: Bytes) {
    if let Some(data) = only_data(raw) {
        *data = bytes;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::super::frames::Framed;
    use super::super::order::Random;
    use super::*;
    use crate::tar::{RawMember, RawSample};

    /// A sample as it is framed: a slice of a piece, whose length and bytes follow from its number.
    fn sample(number: usize, length: usize, members: usize) -> Framed {
        let piece: Bytes = (0..length + 2).map(|at| (at * 7 + number) as u8).collect();
        let member = |suffix: String| RawMember {
            suffix: suffix.into(),
            data_offset: 512,
            data: piece.slice(1..length + 1),
        };
        let mut raw = RawSample::new(format!("{number}"), 0, member("msgpack".to_owned()));
        (1..members).for_each(|other| raw.push(member(other.to_string())).unwrap());
        Framed { shard: Arc::from("a.tar"), raw }
    }

    fn framed(raw: Vec<Raw>) -> Vec<RawSample> {
        let framed = raw.into_iter().map(|raw| match raw {
            Raw::Framed(framed) => framed.raw,
            Raw::Fetched(_) => unreachable!(),
        });
        framed.collect()
    }

    proptest! {
        #[test]
        fn what_leaves_is_what_came_in_the_order_of_the_buffer(
            chunks in prop::collection::vec(
                prop::collection::vec(
                    (prop_oneof![20 => 0usize..900, 5 => 3900usize..4300, 1 => 65_000usize..66_000], 1usize..3), 0..40),
                0..12,
            ),
            capacity in 0usize..60,
            limit in prop_oneof![2_000u64..200_000, Just(u64::MAX)],
        ) {
            let mut plain = ShuffleBuffer::<RawSample>::new(Random::new(7), capacity, limit);
            let mut waiting = ShuffleBuffer::<Waiting>::new(Random::new(7), capacity, limit);
            let mut passage = Passage::default();
            let mut number = 0;
            for chunk in chunks {
                let samples: Vec<Framed> = chunk
                    .into_iter()
                    .map(|(length, members)| {
                        number += 1;
                        sample(number, length, members)
                    })
                    .collect();
                let sized = samples.iter().map(|framed| (framed.raw.clone(), framed.bytes()));
                let expected = plain.exchange(sized.collect::<Vec<_>>());
                let left = passage.exchange(&mut waiting, samples.into_iter().map(Raw::Framed).collect());
                prop_assert_eq!(framed(left), expected);
                // Memory that is used again is never more than what counts towards the bytes of the buffer.
                let kept: u64 = waiting.items().map(|waiting| waiting.memory.capacity() as u64).sum();
                prop_assert!(kept <= plain.items().map(RawSample::stored_length).sum());
            }
            let mut rest = Vec::new();
            for (waiting, bytes) in waiting.drain_sized() {
                passage.leave(waiting);
                if passage.leaving() == 3 {
                    rest.extend(framed(passage.left()));
                }
                prop_assert!(bytes > 0);
            }
            rest.extend(framed(passage.left()));
            prop_assert_eq!(rest, plain.drain().collect::<Vec<_>>());
        }
    }

    #[test]
    fn small_samples_leave_side_by_side_and_keep_nothing_else() {
        let mut buffer = ShuffleBuffer::<Waiting>::new(Random::new(1), 4, u64::MAX);
        let mut passage = Passage::default();
        let incoming: Vec<Framed> = (0..10).map(|number| sample(number, 100, 1)).collect();
        let pieces: Vec<Bytes> = incoming.iter().map(|framed| framed.payload().unwrap().clone()).collect();
        let left = framed(passage.exchange(&mut buffer, incoming.into_iter().map(Raw::Framed).collect()));
        let places: Vec<usize> = left.iter().map(|raw| raw.get("msgpack").unwrap().as_ptr().addr()).collect();
        assert_eq!(places.len(), 6);
        assert!(places.windows(2).all(|pair| pair[0] + 100 == pair[1]));
        assert!(pieces.iter().all(Bytes::is_unique), "what waits or has left keeps no piece of a shard");
    }
}
