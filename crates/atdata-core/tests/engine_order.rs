//! The order of epochs and ranks.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod engine_support;

use std::collections::BTreeSet;

use atdata_core::ErrorKind;
use engine_support::{dataset, rest};
use proptest::prelude::*;

const FIVE_OF_FOUR: [usize; 5] = [4; 5];

fn shuffled(seed: u64, buffer: usize, epoch: u64) -> Vec<i64> {
    let reader = dataset(&FIVE_OF_FOUR).reader().shuffled_with_buffer(seed, buffer).epoch(epoch);
    rest(reader.samples())
}

#[test]
fn epoch_0_is_the_order_of_the_seed() {
    let expected = [
        (0, 6, [8, 9, 15, 12, 0, 13, 10, 1, 11, 6, 5, 7, 4, 16, 14, 18, 3, 17, 19, 2]),
        (42, 6, [4, 9, 5, 8, 6, 7, 16, 18, 19, 2, 3, 0, 10, 1, 15, 13, 11, 17, 12, 14]),
        (u64::MAX, 6, [8, 10, 9, 5, 11, 4, 3, 2, 12, 0, 1, 13, 6, 16, 7, 15, 17, 19, 18, 14]),
        (42, 10_000, [14, 16, 18, 8, 2, 11, 13, 15, 5, 19, 3, 0, 10, 6, 17, 9, 1, 7, 12, 4]),
    ];
    for (seed, buffer, order) in expected {
        assert_eq!(shuffled(seed, buffer, 0), order);
        assert_eq!(rest(dataset(&FIVE_OF_FOUR).shuffled_with_buffer(seed, buffer)), order);
    }
}

#[test]
fn the_orders_of_later_epochs_do_not_change() {
    let expected: [(u64, u64, [i64; 20]); 4] = [
        (0, 1, [2, 13, 14, 16, 12, 0, 1, 17, 18, 3, 15, 9, 11, 8, 4, 19, 5, 10, 7, 6]),
        (42, 1, [16, 18, 15, 4, 17, 13, 5, 12, 1, 2, 14, 3, 6, 9, 10, 19, 0, 7, 11, 8]),
        (42, 2, [12, 8, 15, 10, 4, 6, 7, 16, 11, 9, 14, 17, 18, 19, 0, 1, 2, 3, 13, 5]),
        (42, u64::MAX, [16, 9, 8, 11, 1, 2, 10, 12, 13, 18, 17, 0, 19, 3, 4, 15, 6, 5, 14, 7]),
    ];
    for (seed, epoch, order) in expected {
        assert_eq!(shuffled(seed, 6, epoch), order, "{seed} {epoch}");
    }
}

#[test]
fn the_orders_of_ranks_do_not_change() {
    let reader = dataset(&FIVE_OF_FOUR).reader().shuffled_with_buffer(42, 3).epoch(1);
    let ranks: Vec<Vec<i64>> =
        (0..3).map(|rank| rest(reader.clone().split(rank, 3).unwrap().samples())).collect();
    assert_eq!(
        ranks,
        [vec![14, 15, 13, 1, 0, 3, 2, 12], vec![18, 19, 16, 8, 10, 17, 9, 11], vec![4, 6, 7, 5]]
    );
}

#[test]
fn stored_order_is_the_same_in_every_epoch_and_dealt_by_shards() {
    let reader = dataset(&[1, 2, 3, 1]).reader().epoch(9);
    assert_eq!(rest(reader.samples()), [0, 1, 2, 3, 4, 5, 6]);
    let of_rank = |rank| rest(reader.clone().split(rank, 3).unwrap().samples());
    assert_eq!([of_rank(0), of_rank(1), of_rank(2)], [vec![0, 6], vec![1, 2], vec![3, 4, 5]]);
}

#[test]
fn ranks_beyond_the_shards_are_empty() {
    let reader = dataset(&[3, 3]).reader().shuffled(1);
    let of_rank = |rank| rest(reader.clone().split(rank, 5).unwrap().samples()).len();
    assert_eq!((0..5).map(of_rank).collect::<Vec<_>>(), [3, 3, 0, 0, 0]);
}

#[test]
fn a_rank_that_cannot_be_is_invalid() {
    for (rank, world_size) in [(0, 0), (1, 1), (4, 3), (u32::MAX, 0)] {
        let error = dataset(&[1]).reader().split(rank, world_size).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains(&rank.to_string()), "{error}");
    }
}

#[test]
fn epochs_differ_from_each_other_and_from_the_epochs_of_the_next_seed() {
    let orders: BTreeSet<Vec<i64>> =
        (0..6).flat_map(|seed| (0..6).map(move |epoch| shuffled(seed, 10, epoch))).collect();
    assert_eq!(orders.len(), 36);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn the_ranks_of_an_epoch_read_every_sample_once(
        sizes in prop::collection::vec(0usize..12, 0..9),
        world_size in 1u32..12,
        order in prop::option::of((any::<u64>(), 0usize..40)),
        epoch in prop_oneof![0u64..3, any::<u64>()],
    ) {
        let mut reader = dataset(&sizes).reader().epoch(epoch);
        if let Some((seed, buffer)) = order {
            reader = engine_support::shuffled(reader, seed, buffer);
        }
        let mut all: Vec<i64> =
            (0..world_size).flat_map(|rank| rest(reader.clone().split(rank, world_size).unwrap().samples())).collect();
        all.sort_unstable();
        prop_assert_eq!(all, (0..i64::try_from(sizes.iter().sum::<usize>()).unwrap()).collect::<Vec<_>>());
    }
}
