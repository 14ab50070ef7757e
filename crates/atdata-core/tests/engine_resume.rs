//! Streams that go on from a state.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod engine_support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use atdata_core::{
    Dataset, DictSample, ErrorKind, ErrorPolicy, MemorySource, ReadOptions, ReadState, Reader, Result,
};
use bytes::Bytes;
use engine_support::{
    Counting, Listed, Stuck, block_on, dataset, number, numbers, payload, rest, shard_of, source,
};
use futures::{FutureExt, StreamExt, TryStreamExt};
use proptest::prelude::*;

/// The state after some samples, having gone through JSON.
fn state_after(reader: &Reader<DictSample>, taken: usize) -> ReadState {
    let mut samples = reader.samples();
    for _ in 0..taken {
        block_on(samples.next()).unwrap().unwrap();
    }
    stored(&samples.state())
}

fn stored(state: &ReadState) -> ReadState {
    let json = serde_json::to_string(state).unwrap();
    assert!(json.len() < 1024, "{json}");
    serde_json::from_str(&json).unwrap()
}

fn refusal(result: Result<atdata_core::Samples<DictSample>>) -> String {
    let error = match result {
        Ok(mut samples) => block_on(samples.next()).unwrap().unwrap_err(),
        Err(error) => error,
    };
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    error.to_string()
}

/// A configuration of everything that a stream depends on.
#[derive(Clone, Debug)]
struct Setup {
    sizes: Vec<usize>,
    order: Option<(u64, usize)>,
    epoch: u64,
    split: (u32, u32),
    keep_one_in: i64,
}

impl Setup {
    fn any() -> impl Strategy<Value = Self> {
        (
            // A shard of more than 256 samples is more than one chunk.
            prop::collection::vec(prop_oneof![6 => 0usize..40, 1 => 250usize..600], 0..7),
            prop::option::weighted(0.7, (any::<u64>(), prop_oneof![3 => 0usize..60, 1 => 60usize..900])),
            0u64..4,
            (0u32..3, 1u32..4).prop_map(|(rank, world_size)| (rank % world_size, world_size)),
            1i64..4,
        )
            .prop_map(|(sizes, order, epoch, split, keep_one_in)| Self {
                sizes,
                order,
                epoch,
                split,
                keep_one_in,
            })
    }

    fn reader(&self, parallelism: usize) -> Reader<DictSample> {
        let one_in = self.keep_one_in;
        let dataset = dataset(&self.sizes)
            .with_options(ReadOptions::default().with_parallelism(parallelism))
            .filter(move |sample| number(sample) % one_in == 0);
        let reader = dataset.reader().epoch(self.epoch).split(self.split.0, self.split.1).unwrap();
        match self.order {
            Some((seed, buffer)) => engine_support::shuffled(reader, seed, buffer),
            None => reader,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn a_resumed_stream_is_the_rest_of_the_one_that_was_cut(
        setup in Setup::any(),
        cut in any::<prop::sample::Index>(),
        again in any::<prop::sample::Index>(),
        parallelism in (1usize..9, 1usize..9),
    ) {
        let reader = setup.reader(parallelism.0);
        let whole = rest(reader.samples());
        let cut = cut.index(whole.len() + 1);
        let state = state_after(&reader, cut);
        let other = setup.reader(parallelism.1);
        prop_assert_eq!(rest(other.resume(&state).unwrap()), &whole[cut..]);

        // A resumed stream has states too.
        let mut resumed = other.resume(&state).unwrap();
        prop_assert_eq!(&resumed.state(), &state);
        let more = again.index(whole.len() - cut + 1);
        for _ in 0..more {
            block_on(resumed.next()).unwrap().unwrap();
        }
        prop_assert_eq!(rest(reader.resume(&stored(&resumed.state())).unwrap()), &whole[cut + more..]);
    }

    #[test]
    fn batches_resume_at_their_boundary(
        setup in Setup::any(),
        batch in 1usize..20,
        cut in any::<prop::sample::Index>(),
        blocking: bool,
    ) {
        let reader = setup.reader(2);
        let whole: Vec<_> = block_on(reader.batched(batch).try_collect()).unwrap();
        let cut = cut.index(whole.len() + 1);
        let state = if blocking {
            let mut batches = reader.batched(batch).blocking();
            batches.by_ref().take(cut).for_each(|batch| drop(batch.unwrap()));
            batches.state()
        } else {
            let mut batches = reader.batched(batch);
            for _ in 0..cut {
                block_on(batches.next()).unwrap().unwrap();
            }
            batches.state()
        };
        let resumed: Vec<_> = block_on(reader.resume(&stored(&state)).unwrap().batched(batch).try_collect()).unwrap();
        prop_assert_eq!(resumed, &whole[cut..]);
    }

    #[test]
    fn a_blocking_iterator_resumes_after_what_its_consumer_got(
        setup in Setup::any(),
        cut in any::<prop::sample::Index>(),
    ) {
        let reader = setup.reader(3);
        let whole = rest(reader.samples());
        let cut = cut.index(whole.len() + 1);
        let mut samples = reader.samples().blocking();
        samples.by_ref().take(cut).for_each(|sample| drop(sample.unwrap()));
        let resumed = reader.resume(&stored(&samples.state())).unwrap().blocking();
        let resumed: Vec<DictSample> = resumed.collect::<Result<_>>().unwrap();
        prop_assert_eq!(numbers(&resumed), &whole[cut..]);
    }

    #[test]
    fn what_a_policy_skips_is_skipped_by_a_resumed_stream(
        bad in prop::collection::btree_set(0i64..120, 0..8),
        order in prop::option::of((any::<u64>(), 0usize..60)),
        policy in prop_oneof![Just(ErrorPolicy::SkipSample), Just(ErrorPolicy::SkipShard)],
        cut_shard: bool,
        cut in any::<prop::sample::Index>(),
    ) {
        let payload = move |n| if bad.contains(&n) { Bytes::from_static(b"\xc1") } else { payload(n) };
        let shards = (0..4).map(|i| {
            let shard = shard_of((i * 30..i * 30 + 30).map(|n| (n, payload(n))));
            let end = if cut_shard && i == 1 { 12_000 } else { shard.len() };
            (format!("{i}.tar"), shard.slice(..end))
        });
        let listed = vec!["0.tar", "1.tar", "2.tar", "0.tar", "3.tar"];
        let dataset = Dataset::<DictSample>::from_source(Listed(MemorySource::new(shards), listed))
            .with_options(ReadOptions::default().with_error_policy(policy));
        let reader = match order {
            Some((seed, buffer)) => dataset.reader().shuffled_with_buffer(seed, buffer),
            None => dataset.reader(),
        };
        let whole = rest(reader.samples());
        let cut = cut.index(whole.len() + 1);
        let state = state_after(&reader, cut);
        prop_assert_eq!(rest(reader.resume(&state).unwrap()), &whole[cut..]);
    }

    #[test]
    fn no_state_reads_past_what_is_there_or_panics(shard in 0u64..8, sample: u64, shuffled: bool) {
        let reader = dataset(&[3, 4, 5]).reader();
        let reader = if shuffled { reader.shuffled(1) } else { reader };
        let mut json = serde_json::to_value(state_after(&reader, 1)).unwrap();
        json["position"] = serde_json::json!({ "shard": shard, "sample": sample });
        let state: ReadState = serde_json::from_value(json).unwrap();
        let there = if shuffled { shard == 0 && sample <= 12 } else { shard < 3 && sample <= 3 + shard };
        if there {
            rest(reader.resume(&state).unwrap());
        } else {
            refusal(reader.resume(&state));
        }
    }
}

#[test]
fn the_format_of_version_1_does_not_change() {
    let reader = dataset(&[3, 3]).reader().shuffled_with_buffer(7, 2).epoch(3).split(0, 2).unwrap();
    let text = r#"{"version":1,"order":{"shuffled":{"seed":7,"buffer":2,"bytes":268435456}},"epoch":3,"rank":0,"world_size":2,"shards":{"count":2,"sha256":"8662a7fccbdf2d488889f7cb9a69c6b602cfa111bb7160620238a5a75da04e83"},"position":{"shard":0,"sample":2}}"#;
    assert_eq!(serde_json::to_string(&state_after(&reader, 2)).unwrap(), text);
    let stored_order = r#"{"version":1,"order":"stored","epoch":0,"rank":0,"world_size":1,"shards":null,"position":{"shard":0,"sample":0}}"#;
    assert_eq!(serde_json::to_string(&dataset(&[1]).ordered().state()).unwrap(), stored_order);
}

#[test]
fn a_state_does_not_grow_with_the_buffer() {
    let sizes = [2000, 2000];
    let length = |buffer| {
        let state = state_after(&dataset(&sizes).reader().shuffled_with_buffer(1, buffer), 1000);
        serde_json::to_string(&state).unwrap().len()
    };
    assert_eq!(length(1000), length(3000));
}

#[test]
fn a_state_that_does_not_fit_is_refused_with_what_differs() {
    let reader = dataset(&[5, 5]).reader().shuffled_with_buffer(1, 4);
    let state = state_after(&reader, 3);
    let readers = [
        (reader.clone().shuffled_with_buffer(2, 4), "seed 1, not 2"),
        (reader.clone().shuffled_with_buffer(1, 5), "buffer 4, not 5"),
        (reader.clone().shuffle_bytes(1000), "bytes of the buffer 268435456, not 1000"),
        (reader.clone().epoch(6), "epoch 0, not 6"),
        (reader.clone().split(1, 2).unwrap(), "rank 0 of 1, not rank 1 of 2"),
        (dataset(&[5, 5]).reader(), "order shuffled, not stored"),
        (dataset(&[5, 5, 5]).reader().shuffled_with_buffer(1, 4), "2 shards, not 3"),
        (
            Dataset::from_source(Listed(source(&[5, 5]), vec!["1.tar", "0.tar"]))
                .reader()
                .shuffled_with_buffer(1, 4),
            "other ones or in another order",
        ),
    ];
    for (other, difference) in readers {
        let error = refusal(other.resume(&state));
        assert!(error.contains(difference), "{error}");
    }
    let mut newer = serde_json::to_value(&state).unwrap();
    newer["version"] = 2.into();
    let error = refusal(reader.resume(&serde_json::from_value(newer).unwrap()));
    assert!(error.contains("version 2, not 1"), "{error}");
}

#[test]
fn other_shards_are_refused_whatever_the_policy() {
    let state = state_after(&dataset(&[5, 5]).reader(), 7);
    for policy in [ErrorPolicy::SkipSample, ErrorPolicy::SkipShard] {
        let options = ReadOptions::default().with_error_policy(policy);
        let fewer = dataset(&[5, 1]).with_options(options.clone());
        assert!(refusal(fewer.reader().resume(&state)).contains("2 samples"));
        let more = dataset(&[5, 5, 5]).with_options(options);
        assert!(refusal(more.reader().resume(&state)).contains("2 shards, not 3"));
    }
}

#[test]
fn stored_order_resumes_without_the_shards_before() {
    let opened = Arc::new(AtomicUsize::new(0));
    let dataset = Dataset::<DictSample>::from_source(Counting(source(&[10; 8]), opened.clone()));
    let state = state_after(&dataset.reader(), 55);
    opened.store(0, Ordering::Relaxed);
    assert_eq!(rest(dataset.reader().resume(&state).unwrap()), (55..80).collect::<Vec<_>>());
    assert_eq!(opened.load(Ordering::Relaxed), 3);
}

#[test]
fn samples_behind_a_state_are_not_decoded() {
    let decoded = Arc::new(AtomicUsize::new(0));
    let counter = decoded.clone();
    let dataset = dataset(&[100; 4]).map(move |sample| {
        counter.fetch_add(1, Ordering::Relaxed);
        sample
    });
    let reader = dataset.reader().shuffled_with_buffer(1, 50);
    let state = state_after(&reader, 390);
    decoded.store(0, Ordering::Relaxed);
    assert_eq!(rest(reader.resume(&state).unwrap()).len(), 10);
    assert_eq!(decoded.load(Ordering::Relaxed), 10);
}

#[test]
fn an_error_leaves_the_state_before_it() {
    let shard = shard_of((0..6).map(|n| (n, if n == 4 { Bytes::from_static(b"\xc1") } else { payload(n) })));
    let reader = Dataset::<DictSample>::from_source(MemorySource::new([("0.tar", shard)])).reader();
    let mut samples = reader.samples();
    let good = block_on(samples.by_ref().take_while(|item| futures::future::ready(item.is_ok())).count());
    assert_eq!(good, 4);
    let mut resumed = reader.resume(&samples.state()).unwrap();
    assert_eq!(block_on(resumed.next()).unwrap().unwrap_err().context_value("key"), Some("k4"));

    // In batches the samples before the error are a batch of their own.
    let mut batches = reader.batched(3);
    assert_eq!(block_on(batches.next()).unwrap().unwrap().len(), 3);
    assert_eq!(block_on(batches.next()).unwrap().unwrap().len(), 1);
    assert_eq!(batches.state(), samples.state());
    block_on(batches.next()).unwrap().unwrap_err();
    assert_eq!(batches.state(), samples.state());
}

#[test]
fn the_state_behind_filters_and_limits_is_that_of_the_stream_before_them() {
    let reader = dataset(&[10, 10]).reader();
    let odd = |sample: &DictSample| number(sample) % 2 == 1;
    let mut samples = reader.samples().skip(4).filter(odd).take(5).map(|sample| number(&sample));
    assert_eq!(block_on(samples.by_ref().try_collect::<Vec<_>>()).unwrap(), [5, 7, 9, 11, 13]);
    assert_eq!(rest(reader.resume(&samples.state()).unwrap().filter(odd)), [15, 17, 19]);
}

#[test]
fn samples_taken_one_by_one_are_behind_the_first_batch() {
    let reader = dataset(&[10]).reader();
    let mut samples = reader.samples();
    block_on(samples.next()).unwrap().unwrap();
    let mut batches = samples.batched(4);
    assert_eq!(rest(reader.resume(&batches.state()).unwrap()), (1..10).collect::<Vec<_>>());
    block_on(batches.next()).unwrap().unwrap();
    assert_eq!(rest(reader.resume(&batches.state()).unwrap()), (5..10).collect::<Vec<_>>());
}

#[test]
fn a_batch_that_is_not_full_yet_is_not_behind_the_state() {
    let stuck = Dataset::<DictSample>::from_source(Stuck(source(&[5, 5])));
    let mut batches = stuck.reader().batched(4);
    block_on(batches.next()).unwrap().unwrap();
    let state = batches.state();
    assert!(batches.next().now_or_never().is_none());
    assert_eq!(batches.state(), state);
    assert_eq!(rest(dataset(&[5, 5]).reader().resume(&state).unwrap()), [4, 5, 6, 7, 8, 9]);
}

#[test]
fn the_last_batch_that_is_left_out_is_not_behind_the_state() {
    let reader = dataset(&[10]).reader();
    let mut batches = reader.batched(4).drop_last();
    assert_eq!(block_on(batches.by_ref().try_collect::<Vec<_>>()).unwrap().len(), 2);
    assert_eq!(rest(reader.resume(&batches.state()).unwrap()), [8, 9]);
}

#[test]
fn the_state_of_the_end_has_nothing_behind_it() {
    for reader in [dataset(&[3, 2]).reader(), dataset(&[3, 2]).reader().shuffled(1), dataset(&[]).reader()] {
        let mut samples = reader.samples();
        block_on(samples.by_ref().try_collect::<Vec<_>>()).unwrap();
        assert_eq!(rest(reader.resume(&stored(&samples.state())).unwrap()), Vec::<i64>::new());
    }
}
