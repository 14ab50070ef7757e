//! Shards as samples.

use std::io::Write;

use atdata_core::{Dataset, DictSample, ErrorKind, ErrorPolicy, ReadOptions};
use bytes::Bytes;
use flate2::write::GzEncoder;
use futures::{StreamExt, TryStreamExt};

use super::{SourceHarness, named};
use crate::data::{numbers, samples, shard};
use crate::suite::{refused, skip};

/// Samples 0 to 29 in shards of ten.
fn three() -> Vec<Bytes> {
    samples(30).chunks(10).map(shard).collect()
}

async fn dataset(harness: &dyn SourceHarness, shards: &[Bytes]) -> Dataset<DictSample> {
    Dataset::from_source(harness.source(named(shards)).await)
}

async fn all(dataset: &Dataset<DictSample>) -> Vec<i64> {
    numbers(&dataset.ordered().try_collect::<Vec<_>>().await.expect("readable samples"))
}

pub(crate) async fn samples_come_in_order(harness: &dyn SourceHarness) {
    let dataset = dataset(harness, &three()).await;
    assert_eq!(dataset.ordered().try_collect::<Vec<_>>().await.unwrap(), samples(30));
    assert_eq!(dataset.count().await.unwrap(), 30);
    assert_eq!(numbers(&dataset.head(12).await.unwrap()), (0..12).collect::<Vec<_>>());
}

pub(crate) async fn samples_are_shuffled_the_same_way_each_time(harness: &dyn SourceHarness) {
    let dataset = dataset(harness, &three()).await;
    let mut orders = Vec::new();
    for _ in 0..2 {
        orders.push(numbers(&dataset.shuffled(7).try_collect::<Vec<_>>().await.unwrap()));
    }
    assert_eq!(orders[0], orders[1]);
    let mut sorted = orders[0].clone();
    sorted.sort_unstable();
    assert_ne!(sorted, orders[0]);
    assert_eq!(sorted, (0..30).collect::<Vec<_>>());
}

pub(crate) async fn a_resumed_stream_is_the_rest_of_the_one_that_was_cut(harness: &dyn SourceHarness) {
    let dataset = dataset(harness, &three()).await;
    let reader = dataset.reader().epoch(1).split(0, 2).unwrap();
    for reader in [reader.clone(), reader.shuffled_with_buffer(7, 8)] {
        let mut samples = reader.samples();
        for _ in 0..13 {
            samples.try_next().await.unwrap().unwrap();
        }
        let resumed = reader.resume(&samples.state()).unwrap();
        let rest = samples.try_collect::<Vec<_>>().await.unwrap();
        assert_eq!(rest.len(), 7);
        assert_eq!(resumed.try_collect::<Vec<_>>().await.unwrap(), rest);
    }
}

pub(crate) async fn compressed_shards_are_read(harness: &dyn SourceHarness) {
    let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&three()[1]).unwrap();
    let shards = [three()[0].clone(), gzip.finish().unwrap().into(), three()[2].clone()];
    assert_eq!(all(&dataset(harness, &shards).await).await, (0..30).collect::<Vec<_>>());
}

pub(crate) async fn a_missing_shard_ends_the_samples_with_an_error(harness: &dyn SourceHarness) {
    if !harness.limits().shards_disappear {
        return skip("a_missing_shard_ends_the_samples_with_an_error", "shards cannot disappear");
    }
    let dataset = dataset(harness, &three()).await;
    let id = dataset.shards().await.unwrap().remove(1);
    harness.remove("shard-001.tar").await;
    let mut found: Vec<_> = dataset.ordered().collect().await;
    let error = refused(found.pop().unwrap(), ErrorKind::NotFound, &id);
    assert_eq!(error.context_value("shard"), Some(id.as_str()));
    let before: Vec<DictSample> = found.into_iter().map(Result::unwrap).collect();
    assert_eq!(numbers(&before), (0..10).collect::<Vec<_>>());
}

pub(crate) async fn a_missing_shard_can_be_left_out(harness: &dyn SourceHarness) {
    if !harness.limits().shards_disappear {
        return skip("a_missing_shard_can_be_left_out", "shards cannot disappear");
    }
    let dataset = dataset(harness, &three()).await;
    harness.remove("shard-001.tar").await;
    for policy in [ErrorPolicy::SkipSample, ErrorPolicy::SkipShard] {
        let options = ReadOptions::default().with_error_policy(policy);
        let mut stream = dataset.clone().with_options(options).ordered();
        let found: Vec<DictSample> = stream.by_ref().try_collect().await.unwrap();
        assert_eq!(numbers(&found), (0..10).chain(20..30).collect::<Vec<_>>());
        assert_eq!(stream.report().skipped_shards, 1);
    }
}

pub(crate) async fn a_cut_shard_is_an_error_that_names_it(harness: &dyn SourceHarness) {
    let whole = three().remove(1);
    let shards = [three().remove(0), whole.slice(..whole.len() / 2 + 100)];
    let dataset = dataset(harness, &shards).await;
    let id = dataset.shards().await.unwrap().remove(1);
    let error = refused(dataset.ordered().try_collect::<Vec<_>>().await, ErrorKind::Corrupt, &id);
    assert!(error.context_value("offset").is_some(), "{error}");
}
