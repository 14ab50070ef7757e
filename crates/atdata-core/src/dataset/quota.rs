//! As many samples for each part of a split by shards.

use super::order::{Lengths, Plan};

/// How much a part reads, going through its shards once or more often.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Quota {
    /// The samples of each part.
    pub(super) samples: u64,
    /// How often the samples of this part are gone through, the last time perhaps not to the end.
    pub(super) passes: u64,
    /// How many shards are opened, without shuffling, and how many samples of the last one are read.
    pub(super) places: u64,
    pub(super) in_last_place: u64,
}

/// How much the part of a plan reads, if shards have so many samples in the order of the epoch; and of which part the
/// shards are: one that has no samples, but needs some, repeats those of the longest.
pub(super) fn equal_parts(counts: &[u64], plan: &Plan) -> (u64, Quota) {
    let (part, parts) = (plan.split.part(), plan.split.parts().max(1));
    let of_part = |part: u64| {
        let step = usize::try_from(parts).unwrap_or(usize::MAX);
        counts.iter().skip(usize::try_from(part).unwrap_or(usize::MAX)).step_by(step)
    };
    let total = |part: u64| of_part(part).fold(0u64, |total, count| total.saturating_add(*count));
    // There is nothing in parts beyond the shards.
    let with_shards = parts.min(counts.len() as u64);
    // The first of the longest ones.
    let longest = (0..with_shards).rev().max_by_key(|part| total(*part)).unwrap_or(0);
    let shortest = if parts > with_shards { 0 } else { (0..parts).map(total).min().unwrap_or(0) };
    let (part, samples) = match plan.lengths {
        Lengths::Uneven => (part, total(part)),
        Lengths::Drop => (part, shortest),
        Lengths::Pad if total(part) == 0 => (longest, total(longest)),
        Lengths::Pad => (part, total(longest)),
    };
    let own = total(part);
    if own == 0 || samples == 0 {
        return (part, Quota::default());
    }
    let passes = samples.div_ceil(own);
    // The last pass ends in the shard that has the last sample.
    let mut left = samples - (passes - 1) * own;
    let mut in_pass = 0;
    for count in of_part(part) {
        in_pass += 1;
        if left <= *count {
            break;
        }
        left -= count;
    }
    let places = (passes - 1).saturating_mul(of_part(part).count() as u64).saturating_add(in_pass);
    (part, Quota { samples, passes, places, in_last_place: left })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::dataset::order::Split;

    fn parts(counts: &[u64], world_size: u32, lengths: Lengths) -> Vec<(u64, Quota)> {
        let part = |rank| {
            let split = Split { rank, world_size, ..Split::default() };
            equal_parts(counts, &Plan { split, lengths, ..Plan::default() })
        };
        (0..world_size).map(part).collect()
    }

    fn quota(samples: u64, passes: u64, places: u64, in_last_place: u64) -> Quota {
        Quota { samples, passes, places, in_last_place }
    }

    #[test]
    fn parts_end_or_repeat_in_the_middle_of_a_shard() {
        let counts = [4, 2, 0, 3, 5];
        // Rank 0 has 4, 0 and 5 samples, rank 1 has 2 and 3.
        assert_eq!(parts(&counts, 2, Lengths::Drop), [(0, quota(5, 1, 3, 1)), (1, quota(5, 1, 2, 3))]);
        assert_eq!(parts(&counts, 2, Lengths::Pad), [(0, quota(9, 1, 3, 5)), (1, quota(9, 2, 4, 2))]);
    }

    #[test]
    fn a_part_without_samples_repeats_the_longest_or_makes_all_empty() {
        let padded = [(0, quota(2, 1, 1, 2)), (1, quota(2, 2, 2, 1)), (0, quota(2, 1, 1, 2))];
        assert_eq!(parts(&[2, 1], 3, Lengths::Pad), padded);
        assert!(parts(&[2, 1], 3, Lengths::Drop).iter().all(|(_, quota)| *quota == Quota::default()));
        assert_eq!(parts(&[], 1, Lengths::Pad), [(0, Quota::default())]);
        assert_eq!(parts(&[0], 1, Lengths::Pad), [(0, Quota::default())]);
    }

    proptest! {
        #[test]
        fn places_hold_the_samples(counts in prop::collection::vec(0u64..9, 0..12), world_size in 1u32..14, pad: bool) {
            let lengths = if pad { Lengths::Pad } else { Lengths::Drop };
            let all = parts(&counts, world_size, lengths);
            for (part, quota) in &all {
                prop_assert_eq!(quota.samples, all[0].1.samples);
                let own: Vec<u64> =
                    counts.iter().copied().skip(*part as usize).step_by(world_size as usize).collect();
                let before: u64 = own.iter().cycle().take(quota.places.saturating_sub(1) as usize).sum();
                prop_assert_eq!(before + quota.in_last_place, quota.samples);
            }
        }
    }
}
