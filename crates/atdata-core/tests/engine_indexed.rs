//! Orders that are read through indexes: global permutations, exact splits, equal lengths, jumps.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod engine_support;

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use atdata_core::{
    Dataset, DictSample, ErrorKind, ErrorPolicy, Lengths, MemorySource, MissingIndex, RandomAccessOptions,
    ReadOptions, ReadState, Reader, Result, Samples, Stats,
};
use bytes::Bytes;
use engine_support::{Listed, Remote, block_on, dataset, number, numbers, payload, rest, shard_of, source};
use futures::{StreamExt, TryStreamExt};
use proptest::prelude::*;

const FIVE_OF_FOUR: [usize; 5] = [4; 5];

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

fn refusal(result: Result<Samples<DictSample>>) -> String {
    let error = match result {
        Ok(mut samples) => block_on(samples.next()).unwrap().unwrap_err(),
        Err(error) => error,
    };
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    error.to_string()
}

fn ranks(reader: &Reader<DictSample>, world_size: u32) -> Vec<Vec<i64>> {
    (0..world_size).map(|rank| rest(reader.clone().split(rank, world_size).unwrap().samples())).collect()
}

#[test]
fn global_permutations_do_not_change() {
    let expected = [
        (0, 0, [5, 4, 16, 2, 1, 3, 17, 11, 14, 18, 19, 0, 15, 7, 12, 9, 13, 8, 6, 10]),
        (42, 0, [8, 7, 4, 10, 12, 13, 14, 11, 2, 9, 19, 5, 0, 1, 17, 3, 16, 18, 6, 15]),
        (42, 1, [17, 5, 19, 2, 9, 6, 0, 13, 15, 10, 8, 16, 12, 4, 7, 14, 1, 11, 3, 18]),
        (42, u64::MAX, [5, 7, 9, 13, 16, 6, 2, 19, 3, 1, 15, 10, 0, 17, 8, 11, 4, 12, 18, 14]),
        (u64::MAX, 0, [8, 7, 4, 15, 16, 1, 12, 13, 3, 11, 9, 10, 14, 17, 2, 19, 18, 6, 0, 5]),
    ];
    for (seed, epoch, order) in expected {
        let reader = dataset(&FIVE_OF_FOUR).reader().shuffled_globally(seed).epoch(epoch);
        assert_eq!(rest(reader.samples()), order, "{seed} {epoch}");
        // However the samples are distributed over shards.
        let reader =
            Dataset::from_source(Remote::new(&[0, 13, 7])).reader().shuffled_globally(seed).epoch(epoch);
        assert_eq!(rest(reader.samples()), order, "{seed} {epoch}");
    }
}

#[test]
fn exact_splits_do_not_change() {
    let reader = dataset(&[5, 0, 1, 4]).reader().indexed().epoch(1);
    assert_eq!(ranks(&reader, 3), [vec![0, 1, 2, 3], vec![4, 5, 6], vec![7, 8, 9]]);
    let buffered = reader.clone().shuffled_with_buffer(42, 2);
    assert_eq!(ranks(&buffered, 3), [vec![7, 8, 6, 9], vec![0, 1, 2], vec![4, 5, 3]]);
    assert_eq!(ranks(&reader.shuffled_globally(42), 3), [vec![0, 8, 2, 5], vec![7, 3, 4], vec![1, 6, 9]]);
    let reader = dataset(&FIVE_OF_FOUR).reader().indexed().epoch(1);
    let buffered = [vec![14, 15, 13, 17, 18, 12, 16], vec![5, 6, 19, 7, 0, 4, 1], vec![2, 3, 9, 10, 11, 8]];
    assert_eq!(ranks(&reader.clone().shuffled_with_buffer(42, 3), 3), buffered);
    let permuted = [vec![17, 2, 0, 10, 12, 14, 3], vec![5, 9, 13, 8, 4, 1, 18], vec![19, 6, 15, 16, 7, 11]];
    assert_eq!(ranks(&reader.shuffled_globally(42), 3), permuted);
}

#[test]
fn a_buffer_by_samples_is_the_one_by_shards_if_nothing_is_split() {
    let reader = dataset(&[5, 0, 30, 4, 7]).reader().shuffled_with_buffer(42, 9).epoch(3);
    assert_eq!(rest(reader.samples()), rest(reader.indexed().samples()));
}

#[test]
fn more_ranks_than_shards_and_samples_are_served() {
    for reader in [dataset(&[3]).reader().indexed(), dataset(&[3]).reader().shuffled_globally(5)] {
        let lens = |lengths| {
            let of_ranks = ranks(&reader.clone().lengths(lengths), 5);
            of_ranks.into_iter().map(|of_rank| of_rank.len()).collect::<Vec<_>>()
        };
        assert_eq!(lens(Lengths::Uneven), [1, 1, 1, 0, 0]);
        assert_eq!(lens(Lengths::Drop), [0; 5]);
        assert_eq!(lens(Lengths::Pad), [1; 5]);
    }
}

#[test]
fn whole_shards_can_be_made_equal_too() {
    let reader = dataset(&[4, 2, 1, 3]).reader();
    let with = |lengths| ranks(&reader.clone().lengths(lengths), 2);
    assert_eq!(with(Lengths::Uneven), [vec![0, 1, 2, 3, 6], vec![4, 5, 7, 8, 9]]);
    let reader = dataset(&[4, 2, 1]).reader();
    let with = |world_size, lengths| ranks(&reader.clone().lengths(lengths), world_size);
    assert_eq!(with(2, Lengths::Drop), [vec![0, 1], vec![4, 5]]);
    assert_eq!(with(2, Lengths::Pad), [vec![0, 1, 2, 3, 6], vec![4, 5, 4, 5, 4]]);
    assert_eq!(with(4, Lengths::Pad)[3], [0, 1, 2, 3]);
    assert_eq!(with(4, Lengths::Drop).concat(), Vec::<i64>::new());
    // Who repeats a shuffled order repeats that order.
    let shuffled = reader.clone().shuffled_with_buffer(1, 2).lengths(Lengths::Pad);
    let of_ranks = ranks(&shuffled, 2);
    assert!(of_ranks.iter().all(|of_rank| of_rank.len() == of_ranks[0].len()), "{of_ranks:?}");
    let plain = ranks(&reader.shuffled_with_buffer(1, 2), 2);
    for (padded, plain) in of_ranks.iter().zip(plain) {
        let repeated: Vec<i64> = plain.iter().copied().cycle().take(padded.len()).collect();
        assert_eq!(*padded, repeated);
    }
}

#[test]
fn workers_share_what_their_rank_has() {
    let reader = dataset(&[7, 8, 5]).reader();
    for reader in [reader.clone().indexed(), reader.clone().shuffled_globally(3)] {
        for rank in 0..3 {
            let of_rank = reader.clone().split(rank, 3).unwrap();
            let mut all: Vec<i64> = (0..4)
                .flat_map(|worker| rest(of_rank.clone().workers(worker, 4).unwrap().samples()))
                .collect();
            all.sort_unstable();
            let mut whole = rest(of_rank.samples());
            whole.sort_unstable();
            assert_eq!(all, whole);
        }
    }
    let by_shards = dataset(&[1; 12]).reader().split(1, 2).unwrap().workers(2, 3).unwrap();
    let as_ranks = dataset(&[1; 12]).reader().split(5, 6).unwrap();
    assert_eq!(rest(by_shards.samples()), rest(as_ranks.samples()));
    assert_eq!(by_shards.samples().state(), as_ranks.samples().state());
}

#[test]
fn a_worker_that_cannot_be_is_invalid() {
    for (worker, workers) in [(0, 0), (1, 1), (4, 3)] {
        let error = dataset(&[1]).reader().workers(worker, workers).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
    let reader = dataset(&[1]).reader().split(0, u32::MAX).unwrap();
    assert_eq!(reader.workers(0, 2).unwrap_err().kind(), ErrorKind::Invalid);
}

#[test]
fn a_shard_without_index_is_named_with_what_helps() {
    let dataset = || Dataset::<DictSample>::from_source(Remote::new(&[3, 3]).without_index(1));
    let readers = [
        dataset().reader().indexed(),
        dataset().reader().shuffled_globally(1),
        dataset().reader().shuffled(1).lengths(Lengths::Drop),
        dataset().reader().lengths(Lengths::Pad),
    ];
    for reader in readers {
        for policy in [ErrorPolicy::Fail, ErrorPolicy::SkipSample, ErrorPolicy::SkipShard] {
            let options = ReadOptions::default().with_error_policy(policy);
            let error = match policy {
                ErrorPolicy::Fail => block_on(reader.samples().next()).unwrap().unwrap_err(),
                _ => {
                    let reader = dataset().with_options(options).reader().indexed();
                    block_on(reader.samples().next()).unwrap().unwrap_err()
                }
            };
            assert!(error.is_not_found() && error.message().contains("atdata index"), "{error}");
            assert_eq!(error.context_value("shard"), Some("1.tar"));
        }
        let walk = RandomAccessOptions::default().with_missing(MissingIndex::Walk);
        assert_eq!(rest(reader.index_options(walk).samples()).len(), 6);
    }
    // Nothing else needs one.
    assert_eq!(rest(dataset().reader().shuffled(1).samples()).len(), 6);
}

#[test]
fn indexes_are_opened_once_for_all_epochs() {
    let remote = Remote::new(&[5, 5, 5]);
    let dataset = Dataset::<DictSample>::from_source(remote.clone());
    let reader = dataset.reader().shuffled_globally(1);
    assert_eq!(remote.opened.load(Ordering::Relaxed), 0);
    let epochs: BTreeSet<Vec<i64>> =
        (0..10).map(|epoch| rest(reader.clone().epoch(epoch).samples())).collect();
    assert_eq!((epochs.len(), remote.opened.load(Ordering::Relaxed)), (10, 3));

    let access = block_on(dataset.indexed()).unwrap();
    assert_eq!(rest(access.reader().samples()), (0..15).collect::<Vec<_>>());
    assert_eq!(remote.opened.load(Ordering::Relaxed), 6);
}

#[test]
fn stored_order_is_read_in_large_pieces_and_nothing_twice() {
    let remote = Remote::new(&[2000, 0, 1000]);
    let dataset = Dataset::<DictSample>::from_source(remote.clone());
    let second = dataset.reader().indexed().split(1, 3).unwrap();
    assert_eq!(rest(second.samples()), (1000..2000).collect::<Vec<_>>());
    let reads = remote.taken_reads();
    assert!(reads.len() < 12, "{reads:?}");
    let mut ends: Vec<(u64, u64)> = reads
        .iter()
        .map(|(shard, read)| {
            assert_eq!(*shard, 0);
            (read.start, read.end)
        })
        .collect();
    ends.sort_unstable();
    assert!(ends.windows(2).all(|pair| pair[0].1 == pair[1].0), "{ends:?}");
}

#[test]
fn little_more_is_read_than_is_asked_for() {
    let remote = Remote::new(&[4000]);
    let dataset = Dataset::<DictSample>::from_source(remote.clone());
    for reader in [dataset.reader().indexed(), dataset.reader().shuffled_globally(1)] {
        let samples: Vec<_> = block_on(reader.samples().take(5).try_collect()).unwrap();
        assert_eq!(samples.len(), 5);
        let bytes: u64 = remote.taken_reads().iter().map(|(_, read)| read.end - read.start).sum();
        assert!(bytes < 4000 * 1024 / 4, "{bytes}");
    }
}

#[test]
fn neighbours_in_the_look_ahead_are_read_together_within_its_bytes() {
    let remote = Remote::new(&[2000]);
    let dataset = Dataset::<DictSample>::from_source(remote.clone());
    let reads = |look_ahead| {
        let options = RandomAccessOptions::default().with_look_ahead(look_ahead).with_gap(2048);
        let reader = dataset.reader().shuffled_globally(1).index_options(options);
        assert_eq!(rest(reader.samples()).len(), 2000);
        remote.taken_reads()
    };
    // A sample has 1 to 2 KiB, and a gap in front of it. Three windows share what is ahead.
    assert_eq!(reads(3 << 10).len(), 2000);
    let far = reads(64 << 20);
    assert!(far.len() < 1000, "{}", far.len());

    let mut ahead = dataset
        .reader()
        .shuffled_globally(1)
        .index_options(RandomAccessOptions::default().with_look_ahead(60 << 10).with_gap(0))
        .samples();
    let mut taken = 0;
    while let Some(sample) = block_on(ahead.next()) {
        taken += [1024, 1536, 1536, 2048][usize::try_from(number(&sample.unwrap()) % 4).unwrap()];
        let read: u64 = remote.reads.lock().unwrap().iter().map(|(_, read)| read.end - read.start).sum();
        // Decoded ones wait besides: those of a window for each that is decoded at the same time.
        let decoding = dataset.options().parallelism.get() as u64 + 1;
        assert!(read <= taken + (60 << 10) + decoding * (20 << 10), "{read} after {taken}");
    }
}

#[test]
fn what_is_read_through_indexes_is_counted() {
    let stats = Stats::default();
    let dataset = dataset(&[20, 30]).with_options(ReadOptions::default().with_stats(stats.clone()));
    assert_eq!(rest(dataset.reader().shuffled_globally(1).samples()).len(), 50);
    let counted = stats.snapshot();
    assert_eq!((counted.samples, counted.shards, counted.chunks_ahead), (50, 0, 0));
    assert!(counted.bytes >= 50 * 1024 && !counted.decoding.is_zero(), "{counted}");
}

#[test]
fn resuming_jumps() {
    let remote = Remote::new(&[1000, 1000, 1000]);
    let dataset = Dataset::<DictSample>::from_source(remote.clone());
    for reader in [dataset.reader().indexed(), dataset.reader().shuffled_globally(9)] {
        let whole = rest(reader.samples());
        let state = state_after(&reader, 2990);
        remote.taken_reads();
        assert_eq!(rest(reader.resume(&state).unwrap()), whole[2990..]);
        let bytes: u64 = remote.taken_reads().iter().map(|(_, read)| read.end - read.start).sum();
        assert!(bytes <= 10 << 11, "{bytes}");
    }
    // Of a buffer only what it held.
    let reader = dataset.reader().indexed().shuffled_with_buffer(9, 50);
    let whole = rest(reader.samples());
    let state = state_after(&reader, 2900);
    remote.taken_reads();
    assert_eq!(rest(reader.resume(&state).unwrap()), whole[2900..]);
    let bytes: u64 = remote.taken_reads().iter().map(|(_, read)| read.end - read.start).sum();
    assert!(bytes < 400 << 10, "{bytes}");
}

#[test]
fn the_format_of_version_2_does_not_change() {
    let reader = dataset(&[3, 3]).reader().shuffled_globally(7).epoch(3).lengths(Lengths::Pad);
    let reader = reader.split(1, 2).unwrap();
    let with_workers = reader.clone().workers(0, 3).unwrap();
    let text = r#"{"version":2,"order":{"permuted":{"seed":7}},"epoch":3,"rank":1,"world_size":2,"workers":3,"by":"samples","lengths":"pad","shards":{"count":2,"samples":6,"sha256":"dc32305eff82203dcd89d14d92ba3e97f645919f53f02fb39229655f4a504855"},"position":{"shard":0,"sample":1}}"#;
    assert_eq!(serde_json::to_string(&state_after(&with_workers, 1)).unwrap(), text);
    // Two samples of each of two ranks were read when the split changed.
    let changed = with_workers.resume(&state_after(&reader, 2)).unwrap();
    let text = text
        .replace(r#""sample":1}}"#, r#""sample":0},"earlier":[{"world_size":1,"workers":1,"sample":4}]}"#);
    assert_eq!(serde_json::to_string(&changed.state()).unwrap(), text);
}

#[test]
fn a_state_that_does_not_fit_is_refused_with_what_differs() {
    let reader = dataset(&[5, 5]).reader().shuffled_globally(1);
    let state = state_after(&reader, 3);
    let readers = [
        (reader.clone().shuffled_globally(2), "seed 1, not 2"),
        (reader.clone().epoch(6), "epoch 0, not 6"),
        (reader.clone().lengths(Lengths::Drop), "lengths uneven, not drop"),
        (dataset(&[5, 5]).reader().indexed(), "order permuted, not stored"),
        (dataset(&[5, 5]).reader(), "split by samples, not shards"),
        (dataset(&[5, 5, 5]).reader().shuffled_globally(1), "2 shards, not 3"),
        (dataset(&[5, 6]).reader().shuffled_globally(1), "10 samples, not 11"),
        (dataset(&[4, 6]).reader().shuffled_globally(1), "other ones or in another order"),
        (
            Dataset::from_source(Listed(source(&[5, 5]), vec!["1.tar", "0.tar"]))
                .reader()
                .shuffled_globally(1)
                .index_options(RandomAccessOptions::default().with_missing(MissingIndex::Walk)),
            "other ones or in another order",
        ),
    ];
    for (other, difference) in readers {
        let error = refusal(other.resume(&state));
        assert!(error.contains(difference), "{error}");
    }
    let buffered = dataset(&[5, 5]).reader().indexed().shuffled_with_buffer(1, 4);
    let error = refusal(buffered.clone().split(0, 2).unwrap().resume(&state_after(&buffered, 3)));
    assert!(error.contains("rank 0 of 1, not rank 0 of 2"), "{error}");
    // Whole shards are not dealt anew.
    let by_shards = dataset(&[5, 5]).reader().lengths(Lengths::Pad);
    let error = refusal(by_shards.clone().split(0, 2).unwrap().resume(&state_after(&by_shards, 3)));
    assert!(error.contains("rank 0 of 1, not rank 0 of 2"), "{error}");
}

#[test]
fn a_split_changes_only_so_often_in_stored_order() {
    let changing = |reader: Reader<DictSample>| {
        let mut read = Vec::new();
        let mut samples = reader.samples();
        for change in 2.. {
            read.push(number(&block_on(samples.next()).unwrap().unwrap()));
            let next = reader.clone().workers(0, change).unwrap();
            match next.resume(&stored(&samples.state())) {
                Ok(resumed) => samples = resumed,
                Err(error) => return (read.len(), error.to_string()),
            }
            if change == 60 {
                break;
            }
        }
        (read.len(), String::new())
    };
    let (read, error) = changing(dataset(&[4000]).reader().indexed());
    assert!(read == 17 && error.contains("more than 16 times"), "{read} {error}");
    assert_eq!(changing(dataset(&[4000]).reader().shuffled_globally(3)).0, 59);
}

#[test]
fn a_damaged_sample_is_skipped_alone() {
    let payload = |n| if n % 10 == 3 { Bytes::from_static(b"\xc1") } else { payload(n) };
    let shards =
        (0..4).map(|i| (format!("{i}.tar"), shard_of((i * 30..i * 30 + 30).map(|n| (n, payload(n))))));
    let source = MemorySource::new(shards);
    for policy in [ErrorPolicy::SkipSample, ErrorPolicy::SkipShard] {
        let dataset = Dataset::<DictSample>::from_source(source.clone())
            .with_options(ReadOptions::default().with_error_policy(policy));
        for reader in [
            dataset.reader().indexed(),
            dataset.reader().shuffled_globally(2),
            dataset.reader().indexed().shuffled_with_buffer(2, 7),
        ] {
            let mut samples = reader.samples();
            let whole: Vec<i64> =
                block_on(samples.by_ref().map_ok(|sample| number(&sample)).try_collect()).unwrap();
            let mut sorted = whole.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..120).filter(|n| n % 10 != 3).collect::<Vec<_>>());
            assert_eq!(samples.report().skipped_samples, 12);
            for cut in [0, 1, 50, 107, 108] {
                assert_eq!(rest(reader.resume(&state_after(&reader, cut)).unwrap()), whole[cut..]);
            }
        }
    }
    let failing = Dataset::<DictSample>::from_source(source).reader().indexed();
    let mut samples = failing.samples();
    let good = block_on(samples.by_ref().take_while(|item| futures::future::ready(item.is_ok())).count());
    let error = block_on(failing.resume(&samples.state()).unwrap().next()).unwrap().unwrap_err();
    assert_eq!(
        (good, error.context_value("key"), error.context_value("shard")),
        (3, Some("k3"), Some("0.tar"))
    );
}

/// A configuration of everything that an indexed stream depends on.
#[derive(Clone, Debug)]
struct Setup {
    sizes: Vec<usize>,
    order: Shuffle,
    by_shards: bool,
    lengths: Lengths,
    epoch: u64,
    keep_one_in: i64,
    remote: bool,
    look_ahead: u64,
}

#[derive(Clone, Copy, Debug)]
enum Shuffle {
    Stored,
    Buffer(u64, usize),
    Globally(u64),
}

impl Setup {
    fn any() -> impl Strategy<Value = Self> {
        let sizes = prop::collection::vec(prop_oneof![8 => 0usize..12, 1 => 250usize..400], 0..6);
        let order = prop_oneof![
            Just(Shuffle::Stored),
            (any::<u64>(), 0usize..40).prop_map(|(seed, buffer)| Shuffle::Buffer(seed, buffer)),
            any::<u64>().prop_map(Shuffle::Globally),
        ];
        let lengths = prop_oneof![Just(Lengths::Uneven), Just(Lengths::Drop), Just(Lengths::Pad)];
        let look_ahead = prop_oneof![Just(0u64), 1000u64..100_000, Just(48 << 20)];
        (sizes, order, any::<bool>(), lengths, 0u64..3, 1i64..4, any::<bool>(), look_ahead).prop_map(
            |(sizes, order, by_shards, lengths, epoch, keep_one_in, remote, look_ahead)| Self {
                sizes,
                order,
                by_shards,
                lengths,
                epoch,
                keep_one_in,
                remote,
                look_ahead,
            },
        )
    }

    fn total(&self) -> i64 {
        i64::try_from(self.sizes.iter().sum::<usize>()).unwrap()
    }

    fn reader(&self, parallelism: usize) -> Reader<DictSample> {
        let one_in = self.keep_one_in;
        let dataset: Dataset<DictSample> = match self.remote {
            true => Dataset::from_source(Remote::new(&self.sizes)),
            false => dataset(&self.sizes),
        };
        let dataset = dataset
            .with_options(ReadOptions::default().with_parallelism(parallelism))
            .filter(move |sample| number(sample) % one_in == 0);
        let options = RandomAccessOptions::default().with_look_ahead(self.look_ahead);
        let reader = dataset.reader().epoch(self.epoch).lengths(self.lengths).index_options(options);
        let reader = if self.by_shards { reader } else { reader.indexed() };
        match self.order {
            Shuffle::Stored => reader,
            Shuffle::Buffer(seed, buffer) => engine_support::shuffled(reader, seed, buffer),
            Shuffle::Globally(seed) => reader.shuffled_globally(seed),
        }
    }
}

/// A part of a split.
fn split() -> impl Strategy<Value = (u32, u32, u32, u32)> {
    (1u32..6, 1u32..4, any::<u32>(), any::<u32>()).prop_map(|(world_size, workers, rank, worker)| {
        (rank % world_size, world_size, worker % workers, workers)
    })
}

fn part(
    reader: &Reader<DictSample>,
    (rank, world_size, worker, workers): (u32, u32, u32, u32),
) -> Reader<DictSample> {
    reader.clone().split(rank, world_size).unwrap().workers(worker, workers).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_parts_of_an_epoch_together_read_every_sample(
        setup in Setup::any(),
        world_size in 1u32..6,
        workers in 1u32..4,
    ) {
        let setup = Setup { keep_one_in: 1, ..setup };
        let reader = setup.reader(2);
        let parts: Vec<Vec<i64>> = (0..world_size * workers)
            .map(|n| rest(part(&reader, (n / workers, world_size, n % workers, workers)).samples()))
            .collect();
        let of_ranks: Vec<usize> =
            parts.chunks(workers as usize).map(|rank| rank.iter().map(Vec::len).sum()).collect();
        let mut all = parts.concat();
        all.sort_unstable();
        let distinct: BTreeSet<i64> = all.iter().copied().collect();
        let everything: BTreeSet<i64> = (0..setup.total()).collect();
        if setup.lengths != Lengths::Drop {
            prop_assert_eq!(&distinct, &everything);
        }
        if setup.lengths != Lengths::Pad {
            prop_assert_eq!(distinct.len(), all.len());
        }
        if setup.lengths != Lengths::Uneven {
            prop_assert!(of_ranks.iter().all(|len| *len == of_ranks[0]), "{:?}", of_ranks);
        }
    }

    #[test]
    fn a_resumed_stream_is_the_rest_of_the_one_that_was_cut(
        setup in Setup::any(),
        split in split(),
        cut in any::<prop::sample::Index>(),
        again in any::<prop::sample::Index>(),
        parallelism in (1usize..5, 1usize..5),
    ) {
        let reader = part(&setup.reader(parallelism.0), split);
        let whole = rest(reader.samples());
        let cut = cut.index(whole.len() + 1);
        let state = state_after(&reader, cut);
        let other = part(&setup.reader(parallelism.1), split);
        prop_assert_eq!(rest(other.resume(&state).unwrap()), &whole[cut..]);

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
        split in split(),
        batch in 1usize..20,
        cut in any::<prop::sample::Index>(),
        blocking: bool,
    ) {
        let reader = part(&setup.reader(2), split);
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
    fn another_split_goes_on_where_all_parts_were(
        setup in Setup::any(),
        globally in prop::option::of(any::<u64>()),
        before in prop::collection::vec((split(), any::<prop::sample::Index>()), 1..4),
        after in (1u32..6, 1u32..4),
    ) {
        let order = globally.map_or(Shuffle::Stored, Shuffle::Globally);
        let setup = Setup { order, keep_one_in: 1, by_shards: false, ..setup };
        let reader = setup.reader(2);
        let samples = |split, state: &Option<ReadState>| match state {
            Some(state) => part(&reader, split).resume(state).unwrap(),
            None => part(&reader, split).samples(),
        };
        let parts = |world_size: u32, workers: u32| {
            (0..world_size * workers).map(move |n| (n / workers, world_size, n % workers, workers))
        };
        let mut read = BTreeSet::new();
        let mut state = None;
        for (split, cut) in before {
            let (_, world_size, _, workers) = split;
            let longest = rest(samples((0, world_size, 0, workers), &state)).len();
            let cut = cut.index(longest + 1);
            let mut next = None;
            for part in parts(world_size, workers) {
                let mut samples = samples(part, &state);
                let taken: Vec<DictSample> =
                    block_on(samples.by_ref().take(cut).try_collect()).unwrap();
                read.extend(numbers(&taken));
                // The state of any part will do, if it has come that far.
                if taken.len() == cut && (next.is_none() || part == split) {
                    next = Some(stored(&samples.state()));
                }
            }
            state = next;
        }
        let left: BTreeSet<i64> = (0..setup.total()).filter(|n| !read.contains(n)).collect();
        let (world_size, workers) = after;
        let all: Vec<i64> = parts(world_size, workers).flat_map(|part| rest(samples(part, &state))).collect();
        let distinct: BTreeSet<i64> = all.iter().copied().collect();
        match setup.lengths {
            Lengths::Drop => prop_assert!(
                distinct.is_subset(&left) && distinct.len() == all.len()
                    && left.len() < all.len() + world_size as usize
            ),
            // If the split is still the same, what is repeated is what would have been.
            Lengths::Pad => {
                prop_assert!(distinct.is_superset(&left) && all.len() < left.len() + world_size as usize);
            }
            _ => prop_assert!(distinct == left && all.len() == left.len()),
        }
    }
}
