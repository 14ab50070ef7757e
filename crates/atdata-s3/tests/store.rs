//! The store on real servers: the suite, and what is peculiar to S3.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use async_trait::async_trait;
use atdata_core::source::{Registry, UrlSource};
use atdata_core::{
    DataSource, DataStore, DataStoreExt, Dataset, DictSample, ErrorKind, MissingIndex, RandomAccessOptions,
    ShardInput, StoredShard, Value, WriteOptions,
};
use atdata_s3::{S3DataStore, register};
use atdata_testkit::data::{noise, numbers, packed, sample, samples, sha256, stream_of};
use atdata_testkit::store::{StoreHarness, StoreLimits};
use atdata_testkit::suite::{block_on, skip};
use common::{BUCKET, Server};
use futures::future::join_all;
use futures::stream::{self, StreamExt};
use futures::{FutureExt, TryStreamExt};

/// A store of its own.
struct Bucket {
    server: Server,
    store: S3DataStore,
}

impl Bucket {
    fn of(server: Option<Server>) -> Option<Self> {
        let server = server?;
        let store = S3DataStore::new(server.config(), BUCKET).unwrap().with_prefix(&server.prefix).unwrap();
        Some(Self { server, store })
    }

    /// Objects and unfinished uploads.
    async fn everything(&self) -> Vec<String> {
        self.store.settled().await;
        let uploads = self.server.uploads().await.into_iter().map(|key| format!("{key} (unfinished)"));
        self.server.objects().await.into_keys().chain(uploads).collect()
    }

    async fn read(&self, shards: &[StoredShard]) -> Vec<DictSample> {
        let source = UrlSource::from_urls(shards.iter().map(|shard| &shard.url), &self.registry()).unwrap();
        Dataset::<DictSample>::from_source(source).ordered().try_collect().await.unwrap()
    }
}

#[async_trait]
impl StoreHarness for Bucket {
    fn store(&self) -> Arc<dyn DataStore> {
        Arc::new(self.store.clone())
    }
    fn registry(&self) -> Registry {
        let mut registry = Registry::default();
        register(&mut registry, self.server.config());
        registry
    }
    async fn list_objects(&self) -> Option<Vec<String>> {
        Some(self.everything().await)
    }
    fn limits(&self) -> StoreLimits {
        // Two objects a shard, three requests each.
        StoreLimits { many: 50, ..StoreLimits::default() }
    }
}

mod rgw {
    use super::{Bucket, common};
    atdata_testkit::store_suite!(async || Bucket::of(common::rgw().await));
}

mod s3s {
    use super::{Bucket, common};
    atdata_testkit::store_suite!(async || Bucket::of(common::s3s().await));
}

mod garage {
    use super::{Bucket, common};
    atdata_testkit::store_suite!(async || Bucket::of(common::garage().await));
}

/// Runs a test on every server that is there.
fn on_each_server<F: Future<Output = ()>>(test: &str, body: impl Fn(Bucket) -> F) {
    block_on(async {
        for (name, server) in
            [("rgw", common::rgw().await), ("s3s", common::s3s().await), ("garage", common::garage().await)]
        {
            match Bucket::of(server) {
                Some(bucket) => body(bucket).await,
                None => skip(&format!("{test} on {name}"), "the server is not there"),
            }
        }
    });
}

fn by_count(count: u64) -> WriteOptions {
    WriteOptions::default().with_max_count(count)
}

/// A sample of 3 MiB.
fn large(n: i64) -> DictSample {
    let mut sample = sample(n);
    sample.insert("raw", Value::Bytes(noise(n.unsigned_abs(), 3 << 20)));
    sample
}

#[test]
fn shards_are_named_as_python_names_them_and_have_their_index_beside_them() {
    on_each_server("names", async |bucket| {
        let shards = bucket.store.write_samples(stream_of(samples(5)), "digits", &by_count(2)).await.unwrap();
        let start = format!("s3://{BUCKET}/{}/digits/data--", bucket.server.prefix);
        let id = shards[0].url.strip_prefix(&start).unwrap().split_once("--").unwrap().0;
        assert_eq!((id.len(), id.matches('-').count()), (36, 4), "a UUID");
        for (number, shard) in shards.iter().enumerate() {
            assert_eq!(shard.url, format!("{start}{id}--{number:06}.tar"));
        }
        assert_eq!(bucket.everything().await.len(), 6);

        let urls = shards.iter().map(|shard| shard.url.clone());
        let source = UrlSource::from_urls(urls, &bucket.registry()).unwrap();
        let strict = RandomAccessOptions::default().with_missing(MissingIndex::Fail);
        let access = Dataset::<DictSample>::from_source(source).indexed_with(&strict).await.unwrap();
        assert_eq!(access.get(3).await.unwrap(), Some(sample(3)));
        access.verify().await.unwrap();
    });
}

#[test]
fn shards_of_several_parts_are_whole() {
    on_each_server("parts", async |bucket| {
        // 18 MiB in parts of 5 MiB, two at a time.
        let store = bucket.store.clone().with_part_size(1).with_parts_in_flight(2);
        let written = stream::iter((0..6).map(|n| Ok(large(n)))).boxed();
        let shards = store.write_samples(written, "large", &WriteOptions::default()).await.unwrap();
        assert_eq!(shards.len(), 1);
        let objects = bucket.server.objects().await;
        let key = shards[0].url.strip_prefix(&format!("s3://{BUCKET}/")).unwrap();
        assert_eq!(objects[key], shards[0].size);
        let source = UrlSource::new(&shards[0].url, &bucket.registry()).unwrap();
        let bytes = source.open_shard(&shards[0].url).await.unwrap().into_bytes().await.unwrap();
        assert_eq!(shards[0].sha256.as_deref(), Some(sha256(&bytes).as_str()));
    });
}

#[test]
fn a_write_that_is_dropped_at_any_point_leaves_all_or_nothing() {
    on_each_server("dropped", async |bucket| {
        for polls in 0.. {
            let prefix = format!("dropped-{polls}");
            let options = by_count(2);
            let mut left = polls;
            let mut writing = bucket.store.write_samples(stream_of(samples(6)), &prefix, &options).boxed();
            let finished = poll_fn(|context| {
                if left == 0 {
                    return Poll::Ready(None);
                }
                left -= 1;
                writing.poll_unpin(context).map(Some)
            });
            let finished = finished.await;
            drop(writing);
            bucket.store.settled().await;
            assert_eq!(bucket.server.uploads().await, [""; 0], "after {polls} polls");
            let start = format!("{}/{prefix}/", bucket.server.prefix);
            let objects = bucket.server.objects().await;
            let objects = objects.keys().filter(|key| key.starts_with(&start)).count();
            assert!(objects == 0 || objects == 6, "{objects} objects after {polls} polls");
            if let Some(finished) = finished {
                assert_eq!((finished.unwrap().len(), objects), (3, 6));
                break;
            }
        }
    });
}

#[test]
fn fixed_names_are_not_written_twice_unless_that_is_asked_for() {
    on_each_server("fixed names", async |bucket| {
        let store = bucket.store.clone().with_id("v1").unwrap();
        let first = store.write_samples(stream_of(samples(5)), "digits", &by_count(2)).await.unwrap();
        assert!(first[2].url.ends_with("/digits/data--v1--000002.tar"), "{}", first[2].url);
        let before = bucket.everything().await;

        let error = store.write_samples(stream_of(samples(9)), "digits", &by_count(2)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
        assert_eq!(error.context_value("url"), Some(first[0].url.as_str()));
        assert_eq!(bucket.everything().await, before);
        assert_eq!(numbers(&bucket.read(&first).await), [0, 1, 2, 3, 4]);

        let later = samples(9).split_off(4);
        let replaced =
            store.with_overwrite(true).write_samples(stream_of(later), "digits", &by_count(2)).await;
        assert_eq!(numbers(&bucket.read(&replaced.unwrap()).await), [4, 5, 6, 7, 8]);
        assert_eq!(bucket.everything().await, before);
    });
}

#[test]
fn under_fixed_names_shards_may_be_written_one_by_one() {
    on_each_server("one by one", async |bucket| {
        let store = bucket.store.clone().with_id("v1").unwrap();
        let write = async |number: usize| {
            let one = packed(&samples(4)[number..=number]).into_iter().map(Ok);
            let input = ShardInput::encode(stream::iter(one).boxed(), &by_count(1));
            store.write_shards(&mut input.starting_at(number), "digits").await
        };
        let mut shards = Vec::new();
        for number in [0, 2, 1, 3] {
            shards.extend(write(number).await.unwrap());
        }
        shards.sort_by(|a, b| a.url.cmp(&b.url));
        assert!(shards[3].url.ends_with("/digits/data--v1--000003.tar"), "{}", shards[3].url);
        assert_eq!(numbers(&bucket.read(&shards).await), [0, 1, 2, 3]);
        let before = bucket.everything().await;
        let error = write(2).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
        assert_eq!(error.context_value("url"), Some(shards[2].url.as_str()));
        assert_eq!(bucket.everything().await, before);
    });
}

#[test]
fn of_two_writers_of_fixed_names_one_succeeds_and_its_shards_are_whole() {
    on_each_server("two writers", async |bucket| {
        for round in 0..5 {
            let prefix = format!("round-{round}");
            let store = bucket.store.clone().with_id("v1").unwrap();
            let writing = (0..2).map(|writer| {
                let (store, prefix) = (store.clone(), prefix.clone());
                tokio::spawn(async move {
                    let samples = (0..6).map(|n| sample(100 * writer + n)).collect();
                    store.write_samples(stream_of(samples), &prefix, &by_count(2)).await
                })
            });
            let mut winners = Vec::new();
            for (writer, result) in (0..).zip(join_all(writing).await) {
                match result.unwrap() {
                    Ok(shards) => winners.push((writer, shards)),
                    Err(error) => assert!(
                        matches!(error.kind(), ErrorKind::AlreadyExists | ErrorKind::Conflict),
                        "{error}"
                    ),
                }
            }
            assert_eq!(winners.len(), 1, "round {round}: {winners:?}");
            for (writer, shards) in winners {
                let expected: Vec<i64> = (0..6).map(|n| 100 * writer + n).collect();
                assert_eq!(numbers(&bucket.read(&shards).await), expected, "round {round}");
            }
            bucket.store.settled().await;
            assert_eq!(bucket.server.uploads().await, [""; 0]);
        }
    });
}

#[test]
fn removed_shards_are_gone_with_their_indexes() {
    on_each_server("removed", async |bucket| {
        let shards = bucket.store.write_samples(stream_of(samples(6)), "digits", &by_count(2)).await.unwrap();
        let urls: Vec<String> = shards.into_iter().map(|shard| shard.url).collect();
        bucket.store.remove_shards(&urls[1..]).await.unwrap();
        bucket.store.remove_shards(&urls[1..]).await.unwrap();
        assert_eq!(bucket.everything().await.len(), 2);
        let foreign = [urls[0].clone(), "s3://elsewhere/a.tar".to_owned()];
        assert_eq!(bucket.store.remove_shards(&foreign).await.unwrap_err().kind(), ErrorKind::Invalid);
        assert_eq!(bucket.everything().await.len(), 2);
    });
}

#[test]
fn what_a_killed_writer_left_is_aborted_when_it_is_old_enough() {
    on_each_server("unfinished", async |bucket| {
        if !bucket.server.can.lists_uploads {
            return skip("unfinished", "the server does not list uploads");
        }
        let key = format!("{}/digits/data--0--000000.tar", bucket.server.prefix);
        bucket.server.raw.create_multipart_upload().bucket(BUCKET).key(&key).send().await.unwrap();
        let hour = Duration::from_secs(3600);
        assert_eq!(bucket.store.abort_unfinished(hour).await.unwrap(), [""; 0]);
        assert_eq!(bucket.server.uploads().await, std::slice::from_ref(&key));
        let aborted = bucket.store.abort_unfinished(Duration::ZERO).await.unwrap();
        assert_eq!(aborted, [format!("s3://{BUCKET}/{key}")]);
        assert_eq!(bucket.everything().await, [""; 0]);
    });
}

#[test]
fn a_presigned_address_is_readable_by_anybody_and_only_as_it_is() {
    on_each_server("presigned", async |bucket| {
        let shards = bucket.store.write_samples(stream_of(samples(3)), "digits", &by_count(9)).await.unwrap();
        let url = &shards[0].url;
        let presigned = bucket.store.presigned_url(url, Duration::from_secs(60)).await.unwrap();
        let (port, path) = bucket.server.port_and_path(&presigned);
        let status = |path: &str| atdata_testkit::servers::daemon::http_status(port, path);
        assert_eq!(status(&path), Some(200), "{path}");
        assert_eq!(status(&path.replace("X-Amz-Expires=60", "X-Amz-Expires=61")), Some(403));

        let plain = bucket.store.http_url(url).await.unwrap();
        assert_eq!(plain, url.replace("s3:/", &bucket.server.given.endpoint));
        assert_eq!(status(&bucket.server.port_and_path(&plain).1), Some(403));

        for expiry in [Duration::ZERO, Duration::from_millis(1500), Duration::from_secs(8 * 24 * 3600)] {
            let refused = bucket.store.presigned_url(url, expiry).await;
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::Invalid, "{expiry:?}");
        }
        let foreign = bucket.store.presigned_url("s3://elsewhere/a.tar", Duration::from_secs(60)).await;
        assert_eq!(foreign.unwrap_err().kind(), ErrorKind::Invalid);
    });
}

#[test]
fn a_write_outside_of_a_runtime_is_an_error() {
    let config = atdata_s3::S3Config::with_keys("id", "secret");
    let store = S3DataStore::new(config, BUCKET).unwrap();
    let options = by_count(1);
    let writing = store.write_samples(stream_of(samples(1)), "digits", &options);
    let error = futures::executor::block_on(writing).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    assert!(error.message().contains("tokio"), "{error}");
}

#[test]
fn a_writer_may_be_dropped_outside_of_its_runtime() {
    block_on(async {
        let Some(bucket) = Bucket::of(common::rgw().await) else {
            return skip("outside", "rgw is not there");
        };
        let store = bucket.store.clone();
        let options = by_count(2);
        let waiting = stream::iter((0..3).map(|n| Ok(large(n)))).chain(stream::pending()).boxed();
        let mut writing = store.write_samples(waiting, "dropped", &options).boxed();
        assert!((&mut writing).now_or_never().is_none());
        for _ in 0..200 {
            assert!((&mut writing).now_or_never().is_none());
            tokio::task::yield_now().await;
        }
        std::thread::scope(|scope| scope.spawn(move || drop(writing)).join().unwrap());
        assert_eq!(bucket.everything().await, [""; 0]);
    });
}
