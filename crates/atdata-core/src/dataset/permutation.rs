//! Exact permutations of any number of samples, computed one place at a time.
//!
//! A balanced Feistel network over the fewest bits that number all samples, and cycle walking: what falls beyond the
//! last sample goes through the network again. `docs/order.md` describes it down to the bit.

use super::order::{Random, mix};

/// Enough for halves of one or two bits; larger ones are mixed well by half as many.
const ROUNDS: usize = 16;

/// A permutation of the numbers below `len`. Takes constant memory whatever their number.
#[derive(Clone, Debug)]
pub(super) struct Permutation {
    len: u64,
    /// The bits of the lower half; the upper one has as many or one less.
    lower_bits: u32,
    lower_mask: u64,
    upper_mask: u64,
    keys: [u64; ROUNDS],
}

impl Permutation {
    /// The permutation whose keys are the next numbers of `random`.
    pub(super) fn new(mut random: Random, len: u64) -> Self {
        let bits = u64::BITS - len.saturating_sub(1).leading_zeros();
        let lower_bits = bits.div_ceil(2);
        Self {
            len,
            lower_bits,
            lower_mask: (1 << lower_bits) - 1,
            upper_mask: (1 << (bits - lower_bits)) - 1,
            keys: std::array::from_fn(|_| random.next()),
        }
    }

    /// What is at a place, which is below `len`.
    pub(super) fn at(&self, place: u64) -> u64 {
        // Fewer than half of the numbers of so many bits are beyond, so two rounds are a rare case; and the walk ends,
        // because the network is a permutation, whose cycle comes back to `place`.
        let mut number = self.network(place);
        while number >= self.len.max(1) {
            number = self.network(number);
        }
        number
    }

    fn network(&self, number: u64) -> u64 {
        let (mut upper, mut lower) = (number >> self.lower_bits, number & self.lower_mask);
        for (round, key) in self.keys.iter().enumerate() {
            if round % 2 == 0 {
                upper ^= mix(key ^ lower) & self.upper_mask;
            } else {
                lower ^= mix(key ^ upper) & self.lower_mask;
            }
        }
        upper << self.lower_bits | lower
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    fn whole(seed: u64, len: u64) -> Vec<u64> {
        let permutation = Permutation::new(Random::new(seed), len);
        (0..len).map(|place| permutation.at(place)).collect()
    }

    #[test]
    fn the_permutations_of_version_2_do_not_change() {
        assert_eq!(whole(42, 10), [7, 3, 8, 0, 6, 2, 9, 1, 4, 5]);
        let large = Permutation::new(Random::new(7), 1_000_000_007);
        assert_eq!(
            [0, 1, 2, 1_000_000_006].map(|place| large.at(place)),
            [233_740_187, 921_778_053, 662_519_800, 539_764_615]
        );
        let largest = Permutation::new(Random::new(7), u64::MAX);
        let ends = [0, u64::MAX - 1].map(|place| largest.at(place));
        assert_eq!(ends, [10_248_203_126_576_204_932, 12_768_404_844_290_500_336]);
    }

    proptest! {
        #[test]
        fn every_number_comes_once(seed: u64, len in prop_oneof![0u64..70, 0u64..5000]) {
            let mut all = whole(seed, len);
            all.sort_unstable();
            prop_assert_eq!(all, (0..len).collect::<Vec<_>>());
        }

        #[test]
        fn numbers_of_any_size_stay_in_range(seed: u64, len in 1u64.., place: u64) {
            prop_assert!(Permutation::new(Random::new(seed), len).at(place % len) < len);
        }
    }

    #[test]
    fn each_number_is_as_often_at_each_place() {
        const SEEDS: u64 = 10_000;
        for len in [2, 3, 4, 5, 6, 7, 8, 11, 16] {
            let mut counts: HashMap<(usize, u64), f64> = HashMap::new();
            for seed in 0..SEEDS {
                let order = whole(seed, len).into_iter().enumerate();
                order.for_each(|found| *counts.entry(found).or_default() += 1.0);
            }
            let expected = SEEDS as f64 / len as f64;
            assert_eq!(counts.len() as u64, len * len);
            let deviation: f64 = counts.values().map(|n| (n - expected).powi(2) / expected).sum();
            // For random permutations this is chi-squared with (len − 1)² degrees of freedom.
            let chi_squared = deviation * (len - 1) as f64 / len as f64;
            let freedom = ((len - 1) * (len - 1)) as f64;
            assert!(
                chi_squared < freedom + 5.0 * (2.0 * freedom).sqrt(),
                "{len}: {chi_squared} for {freedom}"
            );
        }
    }

    #[test]
    fn neighbours_are_torn_apart() {
        // In a random order the difference of neighbours is a third of the length on average.
        let order = whole(3, 30_000);
        let mean = order.windows(2).map(|pair| pair[0].abs_diff(pair[1])).sum::<u64>() / 29_999;
        assert!((9_700..10_300).contains(&mean), "{mean}");
    }
}
