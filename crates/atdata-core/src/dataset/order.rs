//! The order in which samples come: a pure function of shard list, samples, seed, epoch and split.
//!
//! `docs/order.md` describes it down to the bit, so that the order is the same on every machine and in every release.
//! By shards (version 1): shards are permuted and dealt to the ranks, then the samples pass through a buffer: once it is
//! full, each sample that arrives takes the place of a random one, which is yielded; where that does not make room for its
//! bytes, others are; at the end the rest is permuted and yielded. By samples (version 2), where indexes tell how many there are: [`Sequence`](super::sequence::Sequence).
//! A change of any of this is a new version.

use serde::{Deserialize, Serialize};

/// How many samples the shuffle buffer holds if nothing else is said: WebDataset's size.
pub(super) const SHUFFLE_BUFFER: usize = 10_000;

/// How many bytes of samples, as they lie in their shards, it holds if nothing else is said.
pub(super) const SHUFFLE_BYTES: u64 = 256 << 20;

/// In what order samples come, and which of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Plan {
    pub(super) order: Order,
    pub(super) epoch: u64,
    #[serde(flatten)]
    pub(super) split: Split,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) by: Unit,
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) lengths: Lengths,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Order {
    #[default]
    Stored,
    /// The buffer holds at least one sample.
    Shuffled { seed: u64, buffer: usize, bytes: u64 },
    /// A permutation of all samples; always by samples.
    Permuted { seed: u64 },
}

/// One part of several: a worker of a rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Split {
    /// Below `world_size`.
    pub(super) rank: u32,
    /// At least one.
    pub(super) world_size: u32,
    /// Below `workers`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub(super) worker: u32,
    /// At least one.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub(super) workers: u32,
}

fn one() -> u32 {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_one(number: &u32) -> bool {
    *number == 1
}

impl Default for Split {
    fn default() -> Self {
        Self { rank: 0, world_size: 1, worker: 0, workers: 1 }
    }
}

impl Split {
    /// The number of this part among all workers of all ranks.
    pub(super) fn part(&self) -> u64 {
        u64::from(self.rank) * u64::from(self.workers) + u64::from(self.worker)
    }

    /// The number of all parts.
    pub(super) fn parts(&self) -> u64 {
        u64::from(self.world_size) * u64::from(self.workers)
    }
}

/// What is dealt to the parts of a split.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Unit {
    #[default]
    Shards,
    Samples,
}

/// What becomes of samples that do not divide evenly among ranks; see [`Reader::lengths`](super::Reader::lengths).
///
/// ```
/// assert_eq!(atdata_core::Lengths::default(), atdata_core::Lengths::Uneven);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Lengths {
    /// Each sample is read once; some ranks have more samples than others.
    #[default]
    Uneven,
    /// All ranks have as many samples as the shortest one; what is left over is not read in this epoch.
    Drop,
    /// All ranks have as many samples as the longest one; the others repeat some.
    Pad,
}

impl Plan {
    /// The version of the order, and of the position in it that a [`ReadState`](super::ReadState) states.
    pub(super) fn version(&self) -> u32 {
        if self.needs_indexes() { 2 } else { 1 }
    }

    /// Whether it must be known how many samples each shard has.
    pub(super) fn needs_indexes(&self) -> bool {
        self.by == Unit::Samples || self.lengths != Lengths::Uneven
    }

    pub(super) fn is_shuffled(&self) -> bool {
        !matches!(self.order, Order::Stored)
    }

    /// The same plan in fewest words: workers that are dealt whole shards are ranks.
    pub(super) fn normalized(mut self) -> Self {
        if self.by == Unit::Shards
            && let (Ok(rank), Ok(world_size)) =
                (u32::try_from(self.split.part()), u32::try_from(self.split.parts()))
        {
            self.split = Split { rank, world_size, ..Split::default() };
        }
        self
    }

    /// The generator of this epoch, if there is anything random about it.
    pub(super) fn random(&self) -> Option<Random> {
        match self.order {
            Order::Stored => None,
            Order::Shuffled { seed, .. } | Order::Permuted { seed } => {
                Some(Random::new(derived(seed, self.epoch)))
            }
        }
    }

    /// Brings the shards into the order of the epoch. The generator has come this far then.
    pub(super) fn permute<S>(&self, shards: &mut [S]) -> Option<Random> {
        let mut random = self.random()?;
        random.permute(shards);
        Some(random)
    }

    /// The buffer that the samples of a part pass through, if any. `random` has permuted the shards.
    pub(super) fn buffer<T>(&self, random: Option<&Random>, part: u64) -> Option<ShuffleBuffer<T>> {
        match (self.order, random) {
            // With the same numbers in every part their buffers would be shuffled alike.
            (Order::Shuffled { buffer, bytes, .. }, Some(random)) => {
                Some(ShuffleBuffer::new(Random::new(derived(random.0, part)), buffer, bytes))
            }
            _ => None,
        }
    }
}

/// The shards, in the order of the epoch, that are dealt to a part.
pub(super) fn dealt<S>(
    shards: impl IntoIterator<Item = S>,
    part: u64,
    parts: u64,
) -> impl Iterator<Item = S> {
    (0u64..).zip(shards).filter(move |(place, _)| place % parts.max(1) == part).map(|(_, shard)| shard)
}

/// The seed itself for number 0, and for each other number a seed that has nothing to do with it or its neighbours.
pub(super) fn derived(seed: u64, number: u64) -> u64 {
    if number == 0 { seed } else { Random::new(Random::new(seed).next() ^ number).next() }
}

/// The mixer of SplitMix64: a permutation of all numbers in which every bit depends on every other.
pub(super) fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// SplitMix64: a counter in steps of 2⁶⁴/φ, mixed.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// What another generator goes on with from here.
    pub(super) fn state(&self) -> u64 {
        self.0
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `bound`, which is not zero. Multiply-and-shift: the bias is below 2⁻³² for any buffer size.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        let wide = u128::from(self.next()) * bound as u128;
        // The product's upper half is below `bound`, which is a usize.
        usize::try_from(wide >> 64).unwrap_or_default()
    }

    pub(super) fn permute<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

/// The shuffle buffer.
#[derive(Debug)]
pub(super) struct ShuffleBuffer<T> {
    random: Random,
    capacity: usize,
    max_bytes: u64,
    bytes: u64,
    /// Each with its bytes.
    items: Vec<(T, u64)>,
}

impl<T> ShuffleBuffer<T> {
    pub(super) fn new(random: Random, capacity: usize, max_bytes: u64) -> Self {
        Self { random, capacity: capacity.max(1), max_bytes, bytes: 0, items: Vec::new() }
    }

    /// Takes samples in, each with its bytes, and yields those that they push out.
    pub(super) fn exchange(&mut self, incoming: impl IntoIterator<Item = (T, u64)>) -> Vec<T> {
        let mut out = Vec::new();
        for sized in incoming {
            self.pass(sized, |pushed| out.push(pushed));
        }
        out
    }

    /// Takes a sample in, with its bytes, and hands those over that it pushes out.
    pub(super) fn pass(&mut self, (item, bytes): (T, u64), mut out: impl FnMut(T)) {
        let fits = self.bytes.saturating_add(bytes) <= self.max_bytes;
        self.bytes = self.bytes.saturating_add(bytes);
        if self.items.len() < self.capacity && (fits || self.items.is_empty()) {
            self.items.push((item, bytes));
            return;
        }
        let place = self.random.below(self.items.len());
        if let Some(slot) = self.items.get_mut(place) {
            let (pushed, bytes) = std::mem::replace(slot, (item, bytes));
            self.bytes = self.bytes.saturating_sub(bytes);
            out(pushed);
        }
        while self.bytes > self.max_bytes && self.items.len() > 1 {
            let place = self.random.below(self.items.len());
            let (pushed, bytes) = self.items.swap_remove(place);
            self.bytes = self.bytes.saturating_sub(bytes);
            out(pushed);
        }
    }

    /// Those that the next samples will push out, as far as each of them pushes out one.
    pub(super) fn upcoming(&self, count: usize) -> impl Iterator<Item = &T> {
        let mut random = self.random.clone();
        (0..count).filter_map(move |_| self.items.get(random.below(self.items.len()))).map(|(item, _)| item)
    }

    /// A copy of a buffer that nothing has gone through yet.
    pub(super) fn fresh(&self) -> Self {
        Self::new(self.random.clone(), self.capacity, self.max_bytes)
    }

    /// The same buffer with other things in the places of those that are in it: as many.
    pub(super) fn replaced<U>(self, items: impl IntoIterator<Item = U>) -> ShuffleBuffer<U> {
        let Self { random, capacity, max_bytes, bytes, items: replaced } = self;
        let items = items.into_iter().zip(replaced).map(|(item, (_, bytes))| (item, bytes)).collect();
        ShuffleBuffer { random, capacity, max_bytes, bytes, items }
    }

    pub(super) fn items(&self) -> impl Iterator<Item = &T> {
        self.items.iter().map(|(item, _)| item)
    }

    /// Yields what is left.
    pub(super) fn drain(&mut self) -> impl Iterator<Item = T> + use<T> {
        self.drain_sized().map(|(item, _)| item)
    }

    /// Yields what is left, each with its bytes.
    pub(super) fn drain_sized(&mut self) -> impl Iterator<Item = (T, u64)> + use<T> {
        let mut rest = std::mem::take(&mut self.items);
        self.bytes = 0;
        self.random.permute(&mut rest);
        rest.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_generator_is_splitmix64() {
        // Published reference values for seed 1234567.
        let mut random = Random::new(1_234_567);
        let first: Vec<u64> = (0..3).map(|_| random.next()).collect();
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
    }

    #[test]
    fn the_order_of_version_1_does_not_change() {
        let mut random = Random::new(42);
        let mut shards: Vec<u32> = (0..8).collect();
        random.permute(&mut shards);
        let mut buffer = ShuffleBuffer::<u32>::new(random, 4, u64::MAX);
        let mut order = buffer.exchange((0..10).map(|item| (item, 1)));
        order.extend(buffer.drain());
        assert_eq!(shards, [4, 3, 2, 0, 7, 6, 1, 5]);
        assert_eq!(order, [3, 1, 2, 0, 5, 6, 4, 7, 8, 9]);
    }

    #[test]
    fn seeds_of_epochs_do_not_change() {
        let seeds: Vec<u64> = (0..4).map(|epoch| derived(42, epoch)).collect();
        assert_eq!(
            seeds,
            [42, 17_532_488_217_563_185_893, 8_238_092_213_399_105_094, 18_036_798_128_018_490_698]
        );
    }

    #[test]
    fn an_epoch_is_not_the_neighbouring_seed() {
        let all: std::collections::BTreeSet<u64> =
            (0..100).flat_map(|seed| (0..100).map(move |epoch| derived(seed, epoch))).collect();
        assert_eq!(all.len(), 100 * 100);
    }

    #[test]
    fn shards_are_dealt_round_robin_in_their_permuted_order() {
        let plan =
            Plan { order: Order::Shuffled { seed: 42, buffer: 4, bytes: SHUFFLE_BYTES }, ..Plan::default() };
        let mut shards: Vec<u32> = (0..8).collect();
        plan.permute(&mut shards);
        assert_eq!(shards, [4, 3, 2, 0, 7, 6, 1, 5]);
        let of_rank = |rank, world_size| dealt(shards.clone(), rank, world_size).collect::<Vec<_>>();
        assert_eq!([of_rank(0, 3), of_rank(1, 3), of_rank(2, 3)], [vec![4, 0, 1], vec![3, 7, 5], vec![2, 6]]);
        assert_eq!((of_rank(7, 9), of_rank(8, 9)), (vec![5], vec![]));
    }

    #[test]
    fn workers_that_are_dealt_shards_are_ranks() {
        let split = Split { rank: 2, world_size: 3, worker: 1, workers: 4 };
        let plan = Plan { split, ..Plan::default() };
        assert_eq!(plan.normalized().split, Split { rank: 9, world_size: 12, worker: 0, workers: 1 });
        let by_samples = Plan { by: Unit::Samples, ..plan };
        assert_eq!(by_samples.normalized(), by_samples);
    }

    #[test]
    fn the_order_by_bytes_does_not_change() {
        let mut buffer = ShuffleBuffer::<u64>::new(Random::new(42), 100, 10);
        let sizes = [1, 2, 3, 4, 9, 1, 1, 1, 20, 1];
        let mut order = buffer.exchange((0..).zip(sizes));
        order.extend(buffer.drain());
        // As an independent program finds it.
        assert_eq!(order, [2, 0, 3, 4, 1, 7, 8, 5, 6, 9]);
    }

    #[test]
    fn the_buffer_keeps_to_its_bytes_whatever_the_sizes() {
        let mut random = Random::new(3);
        let mut buffer = ShuffleBuffer::new(Random::new(7), 16, 100);
        let (mut out, mut most) = (Vec::new(), 0);
        for number in 0..1000u32 {
            let bytes = random.below(60) as u64;
            out.extend(buffer.exchange([((number, bytes), bytes)]));
            let held: u64 = buffer.items().map(|(_, bytes)| bytes).sum();
            assert_eq!(held, buffer.bytes);
            assert!(held <= 100 && buffer.items().count() <= 16);
            most = most.max(held);
        }
        out.extend(buffer.drain());
        let mut numbers: Vec<u32> = out.into_iter().map(|(number, _)| number).collect();
        numbers.sort_unstable();
        assert_eq!((numbers, most > 80), ((0..1000).collect(), true));
    }

    #[test]
    fn what_is_larger_than_the_buffer_is_alone_in_it() {
        let mut buffer = ShuffleBuffer::new(Random::new(7), 16, 100);
        assert!(buffer.exchange([('a', 1000)]).is_empty());
        assert_eq!(buffer.exchange([('b', 1000)]), ['a']);
        assert_eq!(buffer.exchange([('c', 10)]), ['b']);
        assert!(buffer.exchange([('d', 90)]).is_empty());
        assert_eq!(buffer.exchange([('e', 1000)]).len(), 2);
        assert_eq!(buffer.items().count(), 1);
    }

    #[test]
    fn every_sample_comes_once() {
        let mut buffer = ShuffleBuffer::new(Random::new(7), 16, u64::MAX);
        let numbers: Vec<u32> = (0..1000).collect();
        let sized = |chunk: &[u32]| chunk.iter().map(|number| (*number, 1)).collect::<Vec<_>>();
        let mut out: Vec<u32> = numbers.chunks(33).flat_map(|chunk| buffer.exchange(sized(chunk))).collect();
        out.extend(buffer.drain());
        assert_ne!(out, numbers);
        out.sort_unstable();
        assert_eq!(out, numbers);
    }
}
