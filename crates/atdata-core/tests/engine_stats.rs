//! What a stream says of its own work.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::time::Duration;

use atdata_core::tar::TarEncoder;
use atdata_core::{DataSource, Dataset, DictSample, MemorySource, ReadOptions, Sample, Stage, Stats};
use futures::{StreamExt, TryStreamExt};

fn source() -> MemorySource {
    let shard = |number: i64| {
        let (mut encoder, mut tar) = (TarEncoder::default(), Vec::new());
        for n in number * 300..number * 300 + 300 {
            let payload = DictSample::from_iter([("n", n)]).pack().unwrap();
            tar.extend(encoder.append(&format!("{n}.msgpack"), payload).unwrap().concat());
        }
        tar.extend_from_slice(&encoder.finish());
        (format!("{number}.tar"), tar)
    };
    MemorySource::new((0..3).map(shard))
}

fn counted(source: impl DataSource) -> (Dataset<DictSample>, Stats) {
    let stats = Stats::default();
    let options = ReadOptions::default().with_stats(stats.clone());
    (Dataset::from_source(source).with_options(options), stats)
}

#[tokio::test]
async fn what_was_read_is_counted() {
    let (dataset, stats) = counted(source());
    assert_eq!((stats.snapshot().samples, stats.snapshot().bottleneck()), (0, None));
    let mut samples = dataset.ordered();
    samples.next().await.unwrap().unwrap();
    let begun = stats.snapshot();
    assert!(begun.shards >= 1 && begun.samples >= 256 && begun.bytes >= begun.samples);

    samples.try_collect::<Vec<_>>().await.unwrap();
    let all = stats.snapshot();
    assert_eq!((all.shards, all.samples, all.chunks_ahead), (3, 900, 0));
    assert!(all.framing > Duration::ZERO && all.decoding > Duration::ZERO && all.waiting > Duration::ZERO);
    assert!(all.bottleneck().is_some());
    assert!(all.to_string().starts_with("900 samples, "), "{all}");

    // Batches and shuffled streams too; they add up.
    dataset.shuffled(1).batched(7).try_collect::<Vec<_>>().await.unwrap();
    assert_eq!((stats.snapshot().samples, stats.snapshot().chunks_ahead), (1800, 0));
}

#[test]
fn the_bottleneck_is_the_stage_that_others_wait_for() {
    let mut stats = atdata_core::StatsSnapshot::default();
    stats.source = Duration::from_millis(30);
    stats.framing = Duration::from_millis(20);
    stats.decoding = Duration::from_millis(10);
    stats.waiting = Duration::from_millis(5);
    assert_eq!(stats.bottleneck(), Some(Stage::Source));
    stats.decoding = Duration::from_millis(40);
    assert_eq!(stats.bottleneck(), Some(Stage::Decoding));
    stats.consumer = Duration::from_millis(6);
    assert_eq!(stats.bottleneck(), Some(Stage::Consumer));
}
