//! Which samples a part of an exact split reads, and where it goes on when the number of parts changes.
//!
//! The order of an epoch is a list of all samples. Ranks share it to one sample, and workers share what their rank has:
//! in stored order, and in front of a shuffle buffer, each has a range, so that it reads one stretch of bytes; of a
//! permutation, where nothing is a neighbour of anything, each takes every n-th, so that what all of them have
//! read is a beginning of the list. What is left when all parts have come equally far is a list again, and can be
//! shared anew.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::order::{Lengths, Order, Plan, Split};
use super::permutation::Permutation;
use super::state::{beyond_the_end, does_not_fit};
use crate::Result;

/// How many splits of an epoch may follow each other, so that a state stays small.
pub(super) const MAX_EARLIER: usize = 16;
/// The most parts of a split that another one can follow: a piece of the list is kept for each.
const MAX_PARTS: u64 = 1 << 20;

/// A split that was given up, after each of its parts had read as many stored samples, or all it had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Earlier {
    pub(super) world_size: u32,
    pub(super) workers: u32,
    /// How many samples each part has read.
    pub(super) sample: u64,
}

/// How a number of things is shared: all have as many, the first ones one more.
#[derive(Clone, Copy, Debug)]
struct Shares {
    each: u64,
    more: u64,
}

impl Shares {
    fn new(total: u64, parts: u64) -> Self {
        let parts = parts.max(1);
        Self { each: total / parts, more: total % parts }
    }

    fn len(self, part: u64) -> u64 {
        self.each + u64::from(part < self.more)
    }

    fn start(self, part: u64) -> u64 {
        // Not beyond the total, as long as `part` is one.
        part.saturating_mul(self.each).saturating_add(part.min(self.more))
    }

    /// How many samples rank `rank` reads.
    fn read_by(self, rank: u64, lengths: Lengths) -> u64 {
        match lengths {
            Lengths::Uneven => self.len(rank),
            Lengths::Drop => self.each,
            Lengths::Pad => self.len(0),
        }
    }
}

/// Pieces of a list of samples, joined.
#[derive(Clone, Debug, Default)]
struct Pieces {
    /// Where each piece begins here, and where in the list.
    starts: Vec<(u64, u64)>,
    len: u64,
}

impl Pieces {
    fn whole(len: u64) -> Self {
        Self::of(std::iter::once(0..len))
    }

    fn of(ranges: impl IntoIterator<Item = Range<u64>>) -> Self {
        let mut pieces = Self::default();
        ranges.into_iter().for_each(|range| pieces.push(range));
        pieces
    }

    fn push(&mut self, range: Range<u64>) {
        if range.is_empty() {
            return;
        }
        let goes_on =
            self.starts.last().is_some_and(|(here, there)| there + (self.len - here) == range.start);
        if !goes_on {
            self.starts.push((self.len, range.start));
        }
        self.len = self.len.saturating_add(range.end - range.start);
    }

    /// The place in the list of what is at a place here, and how many follow it there.
    fn at(&self, place: u64) -> Option<(u64, u64)> {
        let next = self.starts.partition_point(|(here, _)| *here <= place);
        let (here, there) = self.starts.get(next.checked_sub(1)?)?;
        let end = self.starts.get(next).map_or(self.len, |(here, _)| *here);
        Some((there + (place - here), end.checked_sub(place)?))
    }

    /// Only these parts of it.
    fn keep(&self, ranges: impl IntoIterator<Item = Range<u64>>) -> Self {
        let mut kept = Self::default();
        for Range { start, end } in ranges {
            let mut place = start;
            while let Some((there, follow)) = self.at(place).filter(|_| place < end.min(self.len)) {
                let taken = follow.min(end - place);
                kept.push(there..there + taken);
                place += taken;
            }
        }
        kept
    }
}

/// The samples of one part in order, as positions in the dataset. Any of them is found without those before it.
#[derive(Debug)]
pub(super) struct Sequence {
    /// What is to be shared, as places in the order of the epoch.
    list: Pieces,
    permutation: Option<Permutation>,
    /// What the rank has of the list: the first place and the step to the next one …
    rank: (u64, u64),
    /// … and what the worker has of that.
    worker: (u64, u64),
    len: u64,
    longest: u64,
}

impl Sequence {
    /// Shares the samples of shards that have so many, in stored order and as the epoch arranged them, after earlier
    /// splits.
    pub(super) fn new(plan: &Plan, total: u64, arranged: &[Range<u64>], earlier: &[Earlier]) -> Result<Self> {
        let permutation = match plan.order {
            Order::Permuted { .. } => plan.random().map(|random| Permutation::new(random, total)),
            _ => None,
        };
        let is_permuted = permutation.is_some();
        let all = if is_permuted { Pieces::whole(total) } else { Pieces::of(arranged.iter().cloned()) };
        let list =
            earlier.iter().try_fold(all, |list, split| left_by(split, &list, plan.lengths, is_permuted))?;
        let Split { rank, world_size, worker, workers } = plan.split;
        let [rank, world_size, worker, workers] = [rank, world_size, worker, workers].map(u64::from);
        let ranks = Shares::new(list.len, world_size);
        let of_rank = Shares::new(ranks.read_by(rank, plan.lengths), workers);
        let longest = Shares::new(ranks.read_by(0, plan.lengths), workers).len(0);
        let (rank, worker, len) = if is_permuted {
            ((rank, world_size), (worker, workers), of_rank.len(worker))
        } else {
            ((ranks.start(rank), 1), (of_rank.start(worker), 1), of_rank.len(worker))
        };
        Ok(Self { list, permutation, rank, worker, len, longest })
    }

    /// The number of samples.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// The number of samples of the longest part of the split.
    pub(super) fn longest(&self) -> u64 {
        self.longest
    }

    /// The position of one of the samples, which is below [`len`](Self::len).
    pub(super) fn at(&self, number: u64) -> u64 {
        let along =
            |(first, step): (u64, u64), number: u64| first.saturating_add(number.saturating_mul(step));
        // Beyond its end, where samples are repeated, the list begins again.
        let place = along(self.rank, along(self.worker, number)) % self.list.len.max(1);
        let place = self.list.at(place).map_or(0, |(there, _)| there);
        self.permutation.as_ref().map_or(place, |permutation| permutation.at(place))
    }
}

/// How many samples of a permutation of `total` earlier splits have read.
pub(super) fn read_before(plan: &Plan, total: u64, earlier: &[Earlier]) -> Result<u64> {
    let all = Pieces::whole(total);
    let left = earlier.iter().try_fold(all, |list, split| left_by(split, &list, plan.lengths, true))?;
    Ok(total - left.len)
}

/// What a split has left of a list.
fn left_by(split: &Earlier, list: &Pieces, lengths: Lengths, is_permuted: bool) -> Result<Pieces> {
    let [world_size, workers] = [split.world_size, split.workers].map(u64::from);
    if world_size == 0 || workers == 0 || world_size * workers > MAX_PARTS {
        return Err(does_not_fit(&format!(
            "an earlier split of {world_size} ranks with {workers} workers, of which no other can follow"
        )));
    }
    let ranks = Shares::new(list.len, world_size);
    let longest = Shares::new(ranks.read_by(0, lengths), workers).len(0);
    if split.sample > longest {
        return Err(beyond_the_end(split.sample, longest));
    }
    if is_permuted {
        let read = split.sample.saturating_mul(world_size * workers);
        let all = if lengths == Lengths::Drop { ranks.each * world_size } else { list.len };
        return Ok(list.keep(std::iter::once(read.min(all)..list.len)));
    }
    let tails = (0..world_size).flat_map(|rank| {
        let (start, len) = (ranks.start(rank), ranks.len(rank));
        let of_rank = Shares::new(ranks.read_by(rank, lengths), workers);
        (0..workers).map(move |worker| {
            let from = of_rank.start(worker) + split.sample.min(of_rank.len(worker));
            // What the rank would have left out is behind its last worker; what it would have repeated is not its own.
            let to = if worker + 1 == workers { len } else { of_rank.start(worker + 1).min(len) };
            start + from.min(to)..start + to
        })
    });
    Ok(list.keep(tails))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::super::order::Unit;
    use super::*;
    use crate::ErrorKind;

    /// A dataset's shards, and an order of their samples.
    #[derive(Clone, Debug)]
    struct Setup {
        arranged: Vec<Range<u64>>,
        total: u64,
        plan: Plan,
    }

    impl Setup {
        fn any(lengths: impl Strategy<Value = Lengths>) -> impl Strategy<Value = Self> {
            let sizes = prop::collection::vec(prop_oneof![0u64..4, 0u64..40], 0..7);
            let order = prop_oneof![
                Just(Order::Stored),
                any::<u64>().prop_map(|seed| Order::Shuffled { seed, buffer: 4, bytes: 1 << 20 }),
                any::<u64>().prop_map(|seed| Order::Permuted { seed }),
            ];
            (sizes, order, 0u64..3, lengths).prop_map(|(sizes, order, epoch, lengths)| {
                let mut total = 0;
                let range = |size: &u64| {
                    total += size;
                    total - size..total
                };
                let mut arranged: Vec<Range<u64>> = sizes.iter().map(range).collect();
                let plan = Plan { order, epoch, lengths, by: Unit::Samples, ..Plan::default() };
                if let Order::Shuffled { .. } = order {
                    plan.permute(&mut arranged);
                }
                Self { arranged, total, plan }
            })
        }

        fn part(
            &self,
            rank: u32,
            world_size: u32,
            worker: u32,
            workers: u32,
            earlier: &[Earlier],
        ) -> Vec<u64> {
            let plan = Plan { split: Split { rank, world_size, worker, workers }, ..self.plan };
            let sequence = Sequence::new(&plan, self.total, &self.arranged, earlier).unwrap();
            assert!(sequence.len() <= sequence.longest());
            (0..sequence.len()).map(|number| sequence.at(number)).collect()
        }

        /// What the workers of each rank read.
        fn parts(&self, world_size: u32, workers: u32, earlier: &[Earlier]) -> Vec<Vec<Vec<u64>>> {
            let rank = |rank| {
                (0..workers).map(|worker| self.part(rank, world_size, worker, workers, earlier)).collect()
            };
            (0..world_size).map(rank).collect()
        }

        /// Everything but what these have read, after as many samples each.
        fn without(&self, earlier: &[Earlier]) -> BTreeSet<u64> {
            let mut left: BTreeSet<u64> = (0..self.total).collect();
            for (number, split) in earlier.iter().enumerate() {
                for part in self.parts(split.world_size, split.workers, &earlier[..number]).concat() {
                    for position in part.iter().take(usize::try_from(split.sample).unwrap()) {
                        left.remove(position);
                    }
                }
            }
            left
        }
    }

    fn differ_by_one(lens: impl Iterator<Item = usize> + Clone) -> bool {
        lens.clone().max().unwrap_or(0) - lens.min().unwrap_or(0) <= 1
    }

    fn lengths() -> impl Strategy<Value = Lengths> {
        prop_oneof![Just(Lengths::Uneven), Just(Lengths::Drop), Just(Lengths::Pad)]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn parts_read_every_sample_once_and_as_many_to_one(
            setup in Setup::any(Just(Lengths::Uneven)), world_size in 1u32..12, workers in 1u32..5,
        ) {
            let parts = setup.parts(world_size, workers, &[]);
            prop_assert!(differ_by_one(parts.iter().map(|rank| rank.concat().len())));
            prop_assert!(parts.iter().all(|rank| differ_by_one(rank.iter().map(Vec::len))));
            let mut all = parts.concat().concat();
            all.sort_unstable();
            prop_assert_eq!(all, (0..setup.total).collect::<Vec<_>>());
        }

        #[test]
        fn dropping_leaves_out_less_than_one_sample_a_rank(
            setup in Setup::any(Just(Lengths::Drop)), world_size in 1u32..12, workers in 1u32..5,
        ) {
            let parts = setup.parts(world_size, workers, &[]);
            let each = setup.total / u64::from(world_size);
            prop_assert!(parts.iter().all(|rank| rank.concat().len() as u64 == each));
            let all = parts.concat().concat();
            prop_assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
            prop_assert!(all.iter().all(|position| *position < setup.total));
        }

        #[test]
        fn padding_repeats_less_than_one_sample_a_rank(
            setup in Setup::any(Just(Lengths::Pad)), world_size in 1u32..12, workers in 1u32..5,
        ) {
            let parts = setup.parts(world_size, workers, &[]);
            let each = setup.total.div_ceil(u64::from(world_size));
            prop_assert!(parts.iter().all(|rank| rank.concat().len() as u64 == each));
            prop_assert!(parts.iter().all(|rank| differ_by_one(rank.iter().map(Vec::len))));
            let all: BTreeSet<u64> = parts.concat().concat().into_iter().collect();
            prop_assert_eq!(all, (0..setup.total).collect::<BTreeSet<_>>());
        }

        #[test]
        fn splits_one_after_the_other_read_every_sample_once(
            setup in Setup::any(lengths()),
            splits in prop::collection::vec((1u32..7, 1u32..4, any::<prop::sample::Index>()), 0..5),
            world_size in 1u32..7,
            workers in 1u32..4,
        ) {
            let mut earlier = Vec::new();
            for (world_size, workers, cut) in splits {
                let longest = setup.part(0, world_size, 0, workers, &earlier).len();
                earlier.push(Earlier { world_size, workers, sample: cut.index(longest + 1) as u64 });
            }
            let left = setup.without(&earlier);
            let read = setup.parts(world_size, workers, &earlier).concat().concat();
            let distinct: BTreeSet<u64> = read.iter().copied().collect();
            match setup.plan.lengths {
                Lengths::Uneven => prop_assert!(distinct == left && read.len() == left.len()),
                Lengths::Pad => prop_assert!(distinct == left && read.len() < left.len() + world_size as usize),
                Lengths::Drop => prop_assert!(
                    distinct.is_subset(&left) && distinct.len() == read.len()
                        && left.len() < read.len() + world_size as usize
                ),
            }
            if let Order::Permuted { .. } = setup.plan.order {
                let sample = read_before(&setup.plan, setup.total, &earlier).unwrap();
                let joined = [Earlier { world_size: 1, workers: 1, sample }];
                prop_assert_eq!(setup.parts(world_size, workers, &joined).concat().concat(), read);
            }
        }

        #[test]
        fn no_earlier_split_panics(
            setup in Setup::any(lengths()),
            earlier in prop::collection::vec((any::<u32>(), 0u32..1000, prop_oneof![0u64..9, any::<u64>()]), 1..4),
        ) {
            let earlier: Vec<Earlier> = earlier
                .into_iter()
                .map(|(world_size, workers, sample)| Earlier { world_size: world_size >> (workers % 32), workers, sample })
                .collect();
            if let Err(error) = Sequence::new(&setup.plan, setup.total, &setup.arranged, &earlier) {
                prop_assert_eq!(error.kind(), ErrorKind::Invalid);
            }
        }
    }

    #[test]
    fn a_rank_reads_a_stretch_of_the_stored_order() {
        let setup = |order, lengths| Setup {
            arranged: vec![0..3, 3..3, 3..10],
            total: 10,
            plan: Plan { order, by: Unit::Samples, lengths, ..Plan::default() },
        };
        let stored = setup(Order::Stored, Lengths::Uneven);
        assert_eq!(stored.parts(3, 1, &[]).concat(), [vec![0, 1, 2, 3], vec![4, 5, 6], vec![7, 8, 9]]);
        assert_eq!(stored.parts(1, 3, &[]).concat(), stored.parts(3, 1, &[]).concat());
        assert_eq!(stored.parts(2, 2, &[]).concat(), [vec![0, 1, 2], vec![3, 4], vec![5, 6, 7], vec![8, 9]]);
        let dropped = setup(Order::Stored, Lengths::Drop);
        assert_eq!(dropped.parts(3, 1, &[]).concat(), [[0, 1, 2], [4, 5, 6], [7, 8, 9]]);
        let padded = setup(Order::Stored, Lengths::Pad);
        assert_eq!(padded.parts(3, 1, &[]).concat(), [[0, 1, 2, 3], [4, 5, 6, 7], [7, 8, 9, 0]]);
        // After two samples of each of three ranks.
        let earlier = [Earlier { world_size: 3, workers: 1, sample: 2 }];
        assert_eq!(stored.parts(2, 1, &earlier).concat(), [[2, 3], [6, 9]]);
        assert_eq!(dropped.parts(1, 1, &earlier).concat(), [[2, 3, 6, 9]]);
    }

    #[test]
    fn a_sequence_of_any_length_takes_no_memory() {
        let plan = Plan { order: Order::Permuted { seed: 1 }, by: Unit::Samples, ..Plan::default() };
        let split = Split { rank: 999, world_size: 1000, worker: 3, workers: 8 };
        let sequence = Sequence::new(&Plan { split, ..plan }, 1 << 50, &[], &[]).unwrap();
        assert_eq!(sequence.len(), (1 << 50) / 8000);
        assert!(sequence.at(sequence.len() - 1) < 1 << 50);
        assert_eq!(sequence.list.starts.len(), 1);
    }
}
