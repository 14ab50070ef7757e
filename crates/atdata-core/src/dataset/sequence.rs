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
        let all = if is_permuted { Pieces::of([0..total]) } else { Pieces::of(arranged.iter().cloned()) };
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
    let all = Pieces::of([0..total]);
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
        return Ok(list.keep([read.min(all)..list.len]));
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
