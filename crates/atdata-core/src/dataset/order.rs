//! The order in which samples come: a pure function of shard list, samples, seed, epoch and split.
//!
//! Version 1; `docs/order.md` describes it down to the bit, so that the order is the same on every machine and in every
//! release. The shards are permuted and dealt to the ranks, then the samples pass through a buffer: once it is full,
//! each sample that arrives takes the place of a random one, which is yielded; at the end the rest is permuted and
//! yielded. A change of any of this is a change of [`VERSION`].

use serde::{Deserialize, Serialize};

/// The version of the order and of the position in it that a [`ReadState`](super::ReadState) states.
pub(super) const VERSION: u32 = 1;

/// How many samples the shuffle buffer holds if nothing else is said: WebDataset's size.
pub(super) const SHUFFLE_BUFFER: usize = 10_000;

/// In what order samples come, and which of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Plan {
    pub(super) order: Order,
    pub(super) epoch: u64,
    /// Below `world_size`.
    pub(super) rank: u32,
    /// At least one.
    pub(super) world_size: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Order {
    Stored,
    /// The buffer holds at least one sample.
    Shuffled {
        seed: u64,
        buffer: usize,
    },
}

impl Default for Plan {
    fn default() -> Self {
        Self { order: Order::Stored, epoch: 0, rank: 0, world_size: 1 }
    }
}

impl Plan {
    pub(super) fn is_shuffled(&self) -> bool {
        matches!(self.order, Order::Shuffled { .. })
    }

    /// The shards of this rank in the order to be read, and the buffer that their samples pass through, if any.
    pub(super) fn arrange<S, T>(&self, mut shards: Vec<S>) -> (Vec<S>, Option<ShuffleBuffer<T>>) {
        let buffer = match self.order {
            Order::Stored => None,
            Order::Shuffled { seed, buffer } => {
                let mut random = Random::new(derived(seed, self.epoch));
                random.permute(&mut shards);
                // With the same numbers in every rank their buffers would be shuffled alike.
                let random = Random::new(derived(random.0, self.rank.into()));
                Some(ShuffleBuffer::new(random, buffer))
            }
        };
        let mut dealt_to = (0..self.world_size.max(1)).cycle();
        shards.retain(|_| dealt_to.next() == Some(self.rank));
        (shards, buffer)
    }
}

/// The seed itself for number 0, and for each other number a seed that has nothing to do with it or its neighbours.
pub(super) fn derived(seed: u64, number: u64) -> u64 {
    if number == 0 { seed } else { Random::new(Random::new(seed).next() ^ number).next() }
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

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
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
    items: Vec<T>,
}

impl<T> ShuffleBuffer<T> {
    pub(super) fn new(random: Random, capacity: usize) -> Self {
        Self { random, capacity: capacity.max(1), items: Vec::new() }
    }

    /// Takes samples in and yields those that they push out.
    pub(super) fn exchange(&mut self, incoming: Vec<T>) -> Vec<T> {
        let mut out = Vec::new();
        for item in incoming {
            if self.items.len() < self.capacity {
                self.items.push(item);
                continue;
            }
            let place = self.random.below(self.items.len());
            if let Some(slot) = self.items.get_mut(place) {
                out.push(std::mem::replace(slot, item));
            }
        }
        out
    }

    /// Yields what is left.
    pub(super) fn drain(&mut self) -> Vec<T> {
        let mut rest = std::mem::take(&mut self.items);
        self.random.permute(&mut rest);
        rest
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
        let mut buffer = ShuffleBuffer::new(random, 4);
        let mut order = buffer.exchange((0..10).collect());
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
        let plan = Plan { order: Order::Shuffled { seed: 42, buffer: 4 }, ..Plan::default() };
        let whole = plan.arrange::<_, ()>((0..8).collect()).0;
        assert_eq!(whole, [4, 3, 2, 0, 7, 6, 1, 5]);
        let of_rank =
            |rank, world_size| Plan { rank, world_size, ..plan }.arrange::<_, ()>((0..8).collect()).0;
        assert_eq!([of_rank(0, 3), of_rank(1, 3), of_rank(2, 3)], [vec![4, 0, 1], vec![3, 7, 5], vec![2, 6]]);
        assert_eq!((of_rank(7, 9), of_rank(8, 9)), (vec![5], vec![]));
    }

    #[test]
    fn every_sample_comes_once() {
        let mut buffer = ShuffleBuffer::new(Random::new(7), 16);
        let mut out: Vec<u32> =
            (0..1000).collect::<Vec<_>>().chunks(33).flat_map(|c| buffer.exchange(c.to_vec())).collect();
        out.extend(buffer.drain());
        assert_ne!(out, (0..1000).collect::<Vec<_>>());
        out.sort_unstable();
        assert_eq!(out, (0..1000).collect::<Vec<_>>());
    }
}
