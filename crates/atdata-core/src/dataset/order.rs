//! The order in which samples come: a pure function of shard list, samples and seed.
//!
//! Version 1. `shuffled(seed)` permutes the shards (Fisher-Yates from the end), then passes the samples through a
//! buffer: once it is full, each sample that arrives takes the place of a random one, which is yielded; at the end
//! the rest is permuted and yielded. The numbers come from [`Random`], which is specified down to the bit, so that the
//! order is the same on every machine and in every release. A change of any of this is a change of version.

/// How many samples the shuffle buffer holds if nothing else is said: WebDataset's size.
pub(super) const SHUFFLE_BUFFER: usize = 10_000;

/// SplitMix64: a counter in steps of 2⁶⁴/φ, mixed.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, which is not zero. Multiply-and-shift: the bias is below 2⁻³² for any buffer size.
    fn below(&mut self, bound: usize) -> usize {
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
