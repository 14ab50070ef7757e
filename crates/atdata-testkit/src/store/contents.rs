//! What is written comes back, divided as asked for.

use atdata_core::source::UrlSource;
use atdata_core::{DataStore, DataStoreExt, Dataset, DictSample, ErrorKind, Value, WriteOptions};
use futures::TryStreamExt;

use super::{StoreHarness, by_count, fetch, read, write};
use crate::data::{array_sample, noise, numbers, sample, samples, sha256, shard, stream_of};
use crate::suite::{refused, skip};

pub(crate) async fn what_is_written_is_read_again(harness: &dyn StoreHarness) {
    let written = samples(25);
    let shards = write(&*harness.store(), written.clone(), "digits", &WriteOptions::default()).await;
    assert_eq!(shards.len(), 1);
    assert_eq!(fetch(harness, &shards[0]).await.unwrap(), shard(&written));
    assert_eq!(read(harness, &shards).await, written);
}

pub(crate) async fn sizes_and_checksums_are_true(harness: &dyn StoreHarness) {
    let shards = write(&*harness.store(), samples(25), "digits", &by_count(10)).await;
    let mut counted = 0;
    for shard in &shards {
        let bytes = fetch(harness, shard).await.unwrap();
        assert_eq!(shard.size, bytes.len() as u64);
        assert_eq!(shard.sha256.as_deref(), Some(sha256(&bytes).as_str()));
        counted += shard.samples.expect("a count");
    }
    assert_eq!(counted, 25);
}

pub(crate) async fn the_most_samples_in_a_shard_are_respected(harness: &dyn StoreHarness) {
    for (count, expected) in [(1, vec![1; 7]), (3, vec![3, 3, 1]), (7, vec![7]), (8, vec![7])] {
        let shards = write(&*harness.store(), samples(7), &format!("by-{count}"), &by_count(count)).await;
        assert_eq!(shards.iter().map(|shard| shard.samples.unwrap()).collect::<Vec<_>>(), expected);
        assert_eq!(numbers(&read(harness, &shards).await), [0, 1, 2, 3, 4, 5, 6]);
    }
}

pub(crate) async fn the_most_bytes_in_a_shard_file_are_respected(harness: &dyn StoreHarness) {
    // A header, a block of payload, and two blocks at the end: 2048 bytes for one such sample, 1024 for each more.
    for (limit, expected) in [(2048, 1), (3071, 1), (3072, 2), (5120, 4)] {
        let options = WriteOptions::default().with_max_size(limit);
        let shards = write(&*harness.store(), samples(9), &format!("by-{limit}"), &options).await;
        for (i, shard) in shards.iter().enumerate() {
            assert!(
                fetch(harness, shard).await.unwrap().len() as u64 <= limit,
                "{} bytes of {limit}",
                shard.size
            );
            if i + 1 < shards.len() {
                assert_eq!(shard.samples, Some(expected), "as many as fit into {limit} bytes");
            }
        }
        assert_eq!(numbers(&read(harness, &shards).await), (0..9).collect::<Vec<_>>());
    }
}

pub(crate) async fn a_sample_larger_than_a_shard_gets_one_of_its_own(harness: &dyn StoreHarness) {
    let mut large = sample(1);
    large.insert("raw", Value::Bytes(noise(1, 20_000)));
    let written = vec![sample(0), large, sample(2), sample(3)];
    let options = WriteOptions::default().with_max_size(8192);
    let shards = write(&*harness.store(), written.clone(), "large", &options).await;
    assert_eq!(shards.iter().map(|shard| shard.samples.unwrap()).collect::<Vec<_>>(), [1, 1, 2]);
    assert_eq!(read(harness, &shards).await, written);
}

pub(crate) async fn shards_are_returned_in_order(harness: &dyn StoreHarness) {
    let shards = write(&*harness.store(), samples(23), "digits", &by_count(2)).await;
    assert_eq!(shards.len(), 12);
    assert_eq!(numbers(&read(harness, &shards).await), (0..23).collect::<Vec<_>>());
}

pub(crate) async fn the_same_samples_give_the_same_bytes(harness: &dyn StoreHarness) {
    let first = write(&*harness.store(), samples(20), "first", &by_count(8)).await;
    let second = write(&*harness.store(), samples(20), "second", &by_count(8)).await;
    let sums =
        |shards: &[atdata_core::StoredShard]| -> Vec<_> { shards.iter().map(|s| s.sha256.clone()).collect() };
    assert_eq!(sums(&first), sums(&second));
}

pub(crate) async fn many_shards_are_written(harness: &dyn StoreHarness) {
    let many = harness.limits().many;
    let shards = write(&*harness.store(), samples(many), "many", &by_count(1)).await;
    assert_eq!(shards.len() as i64, many);
    let mut urls: Vec<&str> = shards.iter().map(|shard| shard.url.as_str()).collect();
    urls.sort_unstable();
    urls.dedup();
    assert_eq!(urls.len() as i64, many, "every shard has an address of its own");
    assert_eq!(numbers(&read(harness, &shards).await), (0..many).collect::<Vec<_>>());
}

pub(crate) async fn large_payloads_are_kept(harness: &dyn StoreHarness) {
    if harness.limits().max_object < 20 << 20 {
        return skip("large_payloads_are_kept", "the store does not take shards of 20 MiB");
    }
    let mut large = sample(1);
    large.insert("raw", Value::Bytes(noise(1, (8 << 20) + 13)));
    let written = vec![sample(0), large.clone(), sample(2), large, sample(4)];
    let shards = write(&*harness.store(), written.clone(), "large", &WriteOptions::default()).await;
    let bytes = fetch(harness, &shards[0]).await.unwrap();
    assert_eq!(shards[0].sha256.as_deref(), Some(sha256(&bytes).as_str()));
    assert_eq!(read(harness, &shards).await, written);
}

pub(crate) async fn arrays_are_read_again_as_arrays(harness: &dyn StoreHarness) {
    let written: Vec<DictSample> = (0..6).map(|n| array_sample(n, 10)).collect();
    let shards = write(&*harness.store(), written.clone(), "arrays", &by_count(4)).await;
    let urls = shards.iter().map(|shard| shard.url.clone());
    let source = UrlSource::from_urls(urls, &harness.registry()).unwrap();
    let dataset = Dataset::<DictSample>::from_source(source).with_array("x");
    assert_eq!(dataset.ordered().try_collect::<Vec<_>>().await.unwrap(), written);
}

pub(crate) async fn every_address_can_be_read_by_itself(harness: &dyn StoreHarness) {
    let shards = write(&*harness.store(), samples(6), "digits", &by_count(2)).await;
    for (i, shard) in shards.iter().enumerate().rev() {
        let first = i as i64 * 2;
        assert_eq!(numbers(&read(harness, std::slice::from_ref(shard)).await), [first, first + 1]);
    }
}

pub(crate) async fn an_address_of_another_store_is_refused(harness: &dyn StoreHarness) {
    let store = harness.store();
    write(&*store, samples(2), "digits", &WriteOptions::default()).await;
    for url in [
        "nowhere://bucket/digits/a.tar",
        "",
        "/etc/passwd",
        "file:///etc/passwd",
        "s3://another-bucket/a.tar",
    ] {
        let error = store.read_url(url).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{url:?}: {error}");
    }
    refused(store.read_url("gopher://host/x.tar"), ErrorKind::Invalid, "gopher://host/x.tar");
}

pub(crate) async fn through_an_arc_and_a_box_it_is_the_same_store(harness: &dyn StoreHarness) {
    async fn write_to<T: DataStore>(store: T, prefix: &str) -> atdata_core::StoredShard {
        let mut shards =
            store.write_samples(stream_of(samples(3)), prefix, &WriteOptions::default()).await.unwrap();
        assert_eq!(store.read_url(&shards[0].url).unwrap(), shards[0].url);
        shards.remove(0)
    }
    let store = harness.store();
    let boxed: Box<dyn DataStore> = Box::new(store.clone());
    assert_eq!(boxed.supports_streaming(), store.supports_streaming());
    for shard in [write_to(store, "arc").await, write_to(boxed, "box").await] {
        assert_eq!(numbers(&read(harness, &[shard]).await), [0, 1, 2]);
    }
}
