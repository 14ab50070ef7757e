//! Several datasets as one stream.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeMap;

use atdata_core::tar::TarEncoder;
use atdata_core::{
    Dataset, DictSample, ErrorKind, MemorySource, Mix, MixState, Reader, Result, Sample, Value,
};
use futures::executor::block_on;
use futures::{FutureExt, StreamExt, TryStreamExt};
use proptest::prelude::*;

/// Part `part` has the numbers `part * 1000 ..`, in shards of `each`.
fn reader(part: usize, count: usize, each: usize) -> Reader<i64> {
    let shard = |numbers: &[usize]| {
        let (mut encoder, mut tar) = (TarEncoder::default(), Vec::new());
        for n in numbers {
            let payload = DictSample::from_iter([("n", i64::try_from(*n).unwrap())]).pack().unwrap();
            tar.extend(encoder.append(&format!("{n}.msgpack"), payload).unwrap().concat());
        }
        tar.extend_from_slice(&encoder.finish());
        tar
    };
    let numbers: Vec<usize> = (part * 1000..part * 1000 + count).collect();
    let shards = numbers.chunks(each.max(1)).enumerate().map(|(i, part)| (format!("{i}.tar"), shard(part)));
    let dataset = Dataset::<DictSample>::from_source(MemorySource::new(shards));
    dataset.map(|sample| sample.get("n").and_then(Value::as_i64).unwrap()).reader()
}

fn all(mix: &Mix<i64>) -> Vec<i64> {
    block_on(mix.samples().try_collect()).unwrap()
}

#[test]
fn parts_come_one_after_the_other_in_turn_or_by_weight() {
    let parts = || [reader(0, 3, 2), reader(1, 1, 2), reader(2, 2, 2)];
    assert_eq!(all(&Mix::concatenated(parts())), [0, 1, 2, 1000, 2000, 2001]);
    assert_eq!(all(&Mix::round_robin(parts())), [0, 1000, 2000, 1, 2001, 2]);
    assert_eq!(all(&Mix::round_robin(parts()).until_first_end()), [0, 1000, 2000, 1]);
    assert!(all(&Mix::concatenated([])).is_empty() && all(&Mix::round_robin([])).is_empty());
    assert!(all(&Mix::weighted([], 1).unwrap()).is_empty());
    let error = Mix::weighted(parts().map(|part| (part, 0)), 1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

#[test]
fn the_order_of_version_1_does_not_change() {
    let parts = || [(reader(0, 6, 4), 3), (reader(1, 4, 4), 1)];
    let mix = Mix::weighted(parts(), 42).unwrap();
    assert_eq!(all(&mix), GOLDEN[0]);
    assert_eq!(all(&mix.clone().epoch(1)), GOLDEN[1]);
}

// As a separate program computes them.
const GOLDEN: [[i64; 10]; 2] =
    [[0, 1, 2, 3, 4, 1000, 5, 1001, 1002, 1003], [0, 1, 2, 3, 4, 5, 1000, 1001, 1002, 1003]];

#[test]
fn weights_are_kept_in_the_long_run() {
    let mix = Mix::weighted([(reader(0, 3000, 500), 3), (reader(5, 1000, 500), 1)], 7).unwrap();
    let first: Vec<i64> = all(&mix).into_iter().take(2000).collect();
    let of_first_part = first.iter().filter(|n| **n < 5000).count();
    // A fair coin of 3:1 has a standard deviation of 19 here.
    assert!(of_first_part.abs_diff(1500) < 120, "{of_first_part}");
}

#[test]
fn an_error_names_the_part_and_is_the_last_item() {
    let missing = Dataset::<DictSample>::from_source(atdata_core::source::FileSource::new(["/nowhere.tar"]));
    let missing = missing.map(|_| 0).reader();
    let mut samples = Mix::round_robin([reader(0, 5, 5), missing]).samples();
    assert_eq!(block_on(samples.next()).unwrap().unwrap(), 0);
    let error = block_on(samples.next()).unwrap().unwrap_err();
    assert_eq!((error.kind(), error.context_value("part")), (ErrorKind::NotFound, Some("1")));
    assert!(block_on(samples.next()).is_none());
}

#[test]
fn the_blocking_iterator_and_batches_give_the_same_samples() {
    let parts = || [(reader(0, 40, 7).shuffled_with_buffer(3, 5), 2), (reader(1, 23, 4), 5)];
    let mix = Mix::weighted(parts(), 9).unwrap();
    let expected = all(&mix);
    assert_eq!(mix.samples().blocking().map(Result::unwrap).collect::<Vec<_>>(), expected);
    let batches: Vec<Vec<i64>> = block_on(mix.samples().batched(8).try_collect()).unwrap();
    assert!(batches.iter().rev().skip(1).all(|batch| batch.len() == 8));
    assert_eq!(batches.concat(), expected);
    let batches: Vec<Vec<i64>> = mix.samples().blocking().batched(8).map(Result::unwrap).collect();
    assert_eq!(batches.concat(), expected);
}

#[test]
fn a_state_of_another_mix_is_refused() {
    let mix = |weight, seed| Mix::weighted([(reader(0, 9, 4), weight), (reader(1, 9, 4), 1)], seed).unwrap();
    let mut samples = mix(2, 1).samples();
    block_on(samples.next()).unwrap().unwrap();
    let state = samples.state();
    assert!(mix(2, 1).resume(&state).is_ok());
    for other in [
        mix(3, 1),
        mix(2, 2),
        mix(2, 1).epoch(1),
        mix(2, 1).split(0, 2).unwrap(),
        mix(2, 1).until_first_end(),
    ] {
        assert_eq!(other.resume(&state).unwrap_err().kind(), ErrorKind::Invalid);
    }
    let json = serde_json::to_string(&state).unwrap();
    assert!(json.len() < 2048, "{json}");
    for (from, to) in
        [("\"turn\":0", "\"turn\":7"), ("[false,false]", "[false]"), ("\"version\":1", "\"version\":2")]
    {
        assert!(json.contains(from), "{json}");
        let damaged: MixState = serde_json::from_str(&json.replacen(from, to, 1)).unwrap();
        assert!(mix(2, 1).resume(&damaged).is_err(), "{from} -> {to}");
    }
}

prop_compose! {
    fn mixes()(
        counts in prop::collection::vec((0usize..30, 1usize..9), 0..4),
        weights in prop::collection::vec(1u32..9, 4),
        draw in 0..3,
        seed: u64,
        epoch in 0u64..3,
        shuffled: bool,
        until_first_end: bool,
    ) -> Mix<i64> {
        let parts = counts.iter().enumerate().map(|(part, (count, each))| {
            let reader = reader(part, *count, *each);
            if shuffled { reader.shuffled_with_buffer(seed, 6) } else { reader }
        });
        let mix = match draw {
            0 => Mix::concatenated(parts),
            1 => Mix::round_robin(parts),
            _ => Mix::weighted(parts.zip(weights), seed).unwrap(),
        };
        let mix = mix.epoch(epoch);
        if until_first_end { mix.until_first_end() } else { mix }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn every_sample_comes_once_and_parts_keep_their_order(mix in mixes(), world in 1u32..4) {
        let whole = all(&mix);
        let mut parts: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        whole.iter().for_each(|n| parts.entry(n / 1000).or_default().push(*n));
        // The same without the other parts: a subsequence, whole unless the mix ends early.
        let mut union: Vec<i64> = (0..world).flat_map(|rank| all(&mix.clone().split(rank, world).unwrap())).collect();
        if !format!("{mix:?}").contains("until_first_end: true") {
            let mut sorted = whole.clone();
            sorted.sort_unstable();
            union.sort_unstable();
            prop_assert_eq!(union, sorted);
        }
        for numbers in parts.values() {
            let mut unique = numbers.clone();
            unique.sort_unstable();
            unique.dedup();
            prop_assert_eq!(unique.len(), numbers.len());
        }
    }

    #[test]
    fn a_mix_goes_on_exactly_where_it_was(mix in mixes(), cut in 0usize..80, batch in 1usize..7, blocking: bool) {
        let whole = all(&mix);
        let cut = cut.min(whole.len());
        let state = if blocking {
            let mut samples = mix.samples().blocking();
            prop_assert!(samples.by_ref().take(cut).all(|sample| sample.is_ok()));
            samples.state()
        } else {
            let mut samples = mix.samples();
            for _ in 0..cut {
                block_on(samples.next()).unwrap().unwrap();
            }
            samples.state()
        };
        let state: MixState = serde_json::from_str(&serde_json::to_string(&state).unwrap()).unwrap();
        let rest: Vec<i64> = block_on(mix.resume(&state).unwrap().try_collect()).unwrap();
        prop_assert_eq!(&rest[..], &whole[cut..]);

        // Behind whole batches, also when the next one was begun.
        let mut batches = mix.samples().batched(batch);
        let mut taken = 0;
        for _ in 0..cut / batch {
            taken += block_on(batches.next()).map_or(0, |batch| batch.unwrap().len());
        }
        let state = batches.state();
        let rest: Vec<i64> = block_on(mix.resume(&state).unwrap().try_collect()).unwrap();
        prop_assert_eq!(&rest[..], &whole[taken..]);
    }
}

/// A source whose second shard never arrives.
#[derive(Debug)]
struct Stuck(MemorySource);

#[async_trait::async_trait]
impl atdata_core::DataSource for Stuck {
    async fn list_shards(&self) -> Result<Vec<String>> {
        self.0.list_shards().await
    }
    async fn open_shard(&self, id: &str) -> Result<atdata_core::ShardBody> {
        if id == "1.tar" {
            std::future::pending::<()>().await;
        }
        self.0.open_shard(id).await
    }
}

#[test]
fn the_state_of_a_batch_that_is_not_full_is_before_it() {
    let shard = |n: i64| {
        let (mut encoder, mut tar) = (TarEncoder::default(), Vec::new());
        let payload = DictSample::from_iter([("n", n)]).pack().unwrap();
        tar.extend(encoder.append(&format!("{n}.msgpack"), payload).unwrap().concat());
        tar.extend_from_slice(&encoder.finish());
        tar
    };
    let source = || MemorySource::new((0..3).map(|n| (format!("{n}.tar"), shard(n))));
    let number = |sample: DictSample| sample.get("n").and_then(Value::as_i64).unwrap();
    let stuck = Dataset::<DictSample>::from_source(Stuck(source())).map(number).reader();
    let whole = Dataset::<DictSample>::from_source(source()).map(number).reader();
    let mut batches = Mix::concatenated([stuck]).samples().batched(2);
    assert!(batches.next().now_or_never().is_none());
    let rest: Vec<i64> =
        block_on(Mix::concatenated([whole]).resume(&batches.state()).unwrap().try_collect()).unwrap();
    assert_eq!(rest, [0, 1, 2]);
}
