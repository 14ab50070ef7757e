//! The source on real servers: the suite, and what is peculiar to S3.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod common;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use atdata_core::shard_index::{INDEX_SUFFIX, SampleLocation, ShardIndex, ShardIndexBuilder};
use atdata_core::source::{Registry, UrlSource};
use atdata_core::tar::{END_LEN, read_tar};
use atdata_core::{DataSource, Dataset, DictSample, ErrorKind, Value};
use atdata_http::HttpSource;
use atdata_s3::{S3Config, S3Source, register};
use atdata_testkit::data::{noise, numbers, samples, shard};
use atdata_testkit::proxy::FaultProxy;
use atdata_testkit::servers::nginx::Nginx;
use atdata_testkit::source::SourceHarness;
use atdata_testkit::suite::{block_on, skip};
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use common::{BUCKET, Server};
use futures::{StreamExt, TryStreamExt};

/// Shards below a prefix of their own, opened by an [`S3Source`] or by a registry.
struct Objects {
    server: Server,
    by_url: bool,
}

impl Objects {
    fn of(server: Option<Server>, by_url: bool) -> Option<Self> {
        Some(Self { server: server?, by_url })
    }
}

#[async_trait]
impl SourceHarness for Objects {
    async fn source(&self, shards: Vec<(String, Bytes)>) -> Arc<dyn DataSource> {
        let mut urls = Vec::new();
        for (name, bytes) in shards {
            urls.push(self.server.put(&name, bytes).await);
        }
        if self.by_url {
            let mut registry = Registry::default();
            register(&mut registry, self.server.config());
            // Here braces would stand for several shards.
            let literal = |url: String| url.replace('\\', r"\\").replace('{', r"\{").replace('}', r"\}");
            Arc::new(UrlSource::from_urls(urls.into_iter().map(literal), &registry).unwrap())
        } else {
            let start = format!("s3://{BUCKET}/");
            let keys = urls.iter().map(|url| url.strip_prefix(&start).unwrap());
            Arc::new(S3Source::new(self.server.config(), BUCKET, keys).unwrap())
        }
    }
    async fn remove(&self, name: &str) {
        self.server.remove(name).await;
    }
}

mod rgw {
    use super::{Objects, common};
    atdata_testkit::source_suite!(async || Objects::of(common::rgw().await, false));
}

mod rgw_by_url {
    use super::{Objects, common};
    atdata_testkit::source_suite!(async || Objects::of(common::rgw().await, true));
}

mod s3s {
    use super::{Objects, common};
    atdata_testkit::source_suite!(async || Objects::of(common::s3s().await, false));
}

mod garage {
    use super::{Objects, common};
    atdata_testkit::source_suite!(async || Objects::of(common::garage().await, false));
}

/// Runs a test on Ceph's gateway.
fn on_rgw<F: Future<Output = ()>>(test: &str, body: impl Fn(Server) -> F) {
    block_on(async {
        match common::rgw().await {
            Some(server) => body(server).await,
            None => skip(test, "the server is not there"),
        }
    });
}

#[test]
fn a_prefix_is_listed_page_by_page_in_the_order_of_keys() {
    on_rgw("listing", async |server| {
        for name in ["b/2.tar", "b/10.tar", "b/1.tar", "b/1.tar.idx", "b/readme", "c/1.tar", "b/deep/1.tar"] {
            server.put(name, Bytes::from_static(b"x")).await;
        }
        let prefix = format!("{}/b/", server.prefix);
        let source = S3Source::from_prefix(server.config(), BUCKET, &prefix).await.unwrap();
        let expected = ["1.tar", "10.tar", "2.tar", "deep/1.tar"];
        assert_eq!(
            source.list_shards().await.unwrap(),
            expected.map(|name| format!("s3://{BUCKET}/{prefix}{name}"))
        );

        let many: Vec<_> = (0..1005).map(|n| format!("many/{n:04}.tar")).collect();
        let put = |name: String| {
            let server = &server;
            async move { server.put(&name, Bytes::new()).await }
        };
        let put = futures::stream::iter(many).map(put).buffer_unordered(16);
        let put: Vec<String> = put.collect().await;
        let prefix = format!("{}/many/", server.prefix);
        let source = S3Source::from_prefix(server.config(), BUCKET, &prefix).await.unwrap();
        let listed = source.list_shards().await.unwrap();
        assert_eq!(listed.len(), put.len());
        assert!(listed.is_sorted());
    });
}

#[test]
fn a_brace_pattern_of_addresses_is_streamed() {
    on_rgw("braces", async |server| {
        for (number, chunk) in samples(30).chunks(10).enumerate() {
            server.put(&format!("d-{number:03}.tar"), shard(chunk)).await;
        }
        let mut registry = Registry::default();
        register(&mut registry, server.config());
        let pattern = format!("s3://{BUCKET}/{}/d-{{000..002}}.tar", server.prefix);
        let dataset = Dataset::<DictSample>::open(&pattern, &registry).unwrap();
        let found: Vec<DictSample> = dataset.ordered().try_collect().await.unwrap();
        assert_eq!(numbers(&found), (0..30).collect::<Vec<_>>());

        // The plain iterator has a runtime of its own, and needs none here.
        let blocking = std::thread::spawn(move || {
            let found: Vec<DictSample> = dataset.ordered().blocking().map(Result::unwrap).collect();
            // Twice, because the connections of the first runtime have gone with it.
            let again: Vec<DictSample> = dataset.ordered().blocking().map(Result::unwrap).collect();
            (numbers(&found), numbers(&again))
        });
        let expected: Vec<i64> = (0..30).collect();
        assert_eq!(blocking.join().unwrap(), (expected.clone(), expected));
    });
}

#[test]
fn parts_of_an_object_are_read_and_no_more() {
    on_rgw("ranges", async |server| {
        let bytes = noise(1, 100_000);
        let url = server.put("noise.tar", bytes.clone()).await;
        let source = S3Source::from_urls(server.config(), [&url]).unwrap();
        for range in [0..1, 0..100_000, 512..1024, 99_999..100_000, 7..7] {
            let part = source.read_range(&url, range.clone()).await.unwrap();
            assert!(part == bytes.slice(range.start as usize..range.end as usize), "{range:?}");
        }
        assert_eq!(source.shard_size(&url).await.unwrap(), Some(100_000));
        for range in [0..100_001, 100_000..100_001, 200_000..200_001] {
            let error = source.read_range(&url, range.clone()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{range:?}: {error}");
        }
        assert_eq!(source.open_index(&url).await.unwrap(), None);
    });
}

/// A shard of many times the same samples, and others at its end; the copies are made by the server. Gives its address,
/// and its index.
async fn repeated(
    server: &Server,
    samples: &[DictSample],
    times: u64,
    end: &[DictSample],
) -> (String, ShardIndex) {
    let samples = shard(samples);
    let samples = samples.slice(..samples.len() - END_LEN as usize);
    let end = shard(end);
    let (key, source) = (format!("{}/large.tar", server.prefix), format!("{}/part", server.prefix));
    server.put("part", samples.clone()).await;
    let of = server.raw.create_multipart_upload().bucket(BUCKET).key(&key).send().await.unwrap();
    let upload = of.upload_id().unwrap();
    let mut parts = Vec::new();
    for number in 1..=i32::try_from(times).unwrap() {
        let copy = server.raw.upload_part_copy().bucket(BUCKET).key(&key).upload_id(upload);
        let copy = copy.part_number(number).copy_source(format!("{BUCKET}/{source}")).customize();
        // The server wants to be told that there is no body.
        let told = copy.mutate_request(|request| drop(request.headers_mut().insert("content-length", "0")));
        let copy = told.send().await.unwrap();
        let etag = copy.copy_part_result().unwrap().e_tag().unwrap();
        parts.push(CompletedPart::builder().part_number(number).e_tag(etag).build());
    }
    let last = i32::try_from(times).unwrap() + 1;
    let put = server.raw.upload_part().bucket(BUCKET).key(&key).upload_id(upload).part_number(last);
    let put = put.body(ByteStream::from(end.clone())).send().await.unwrap();
    parts.push(CompletedPart::builder().part_number(last).e_tag(put.e_tag().unwrap()).build());
    let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
    let complete = server.raw.complete_multipart_upload().bucket(BUCKET).key(&key).upload_id(upload);
    complete.multipart_upload(parts).send().await.unwrap();
    server.remove("part").await;

    let mut index = ShardIndexBuilder::default();
    let mut add = |bytes: &[u8], at: u64| {
        for sample in read_tar(bytes) {
            let mut location = SampleLocation::of(&sample.unwrap()).unwrap();
            location.sample.offset += at;
            if let Some(payload) = &mut location.payload {
                payload.offset += at;
            }
            index.push(location);
        }
    };
    let length = samples.len() as u64;
    let archive = [&samples[..], &[0; END_LEN as usize]].concat();
    (0..times).for_each(|n| add(&archive, n * length));
    add(&end, times * length);
    (format!("s3://{BUCKET}/{key}"), index.finish(times * length + end.len() as u64, None).unwrap())
}

#[test]
fn one_sample_of_a_shard_of_a_gibibyte_costs_two_requests_and_little_more_than_its_bytes() {
    const OWN: usize = 1 << 20;
    on_rgw("gibibyte", async |server| {
        let megabyte = |n: u64| DictSample::from_iter([("raw", Value::Bytes(noise(n, OWN)))]);
        let samples: Vec<_> = (0..16).map(megabyte).collect();
        let others: Vec<_> = (100..117).map(megabyte).collect();
        let (url, index) = repeated(&server, &samples, 64, &others).await;
        assert!(index.shard_length() > 1 << 30);
        server.put(&format!("large.tar{INDEX_SUFFIX}"), index.to_bytes()).await;

        let upstream = server.given.endpoint.strip_prefix("http://").unwrap().parse().unwrap();
        let proxy = FaultProxy::start(upstream);
        let config = server.config().with_endpoint(format!("http://127.0.0.1:{}", proxy.port())).unwrap();
        let source = S3Source::from_urls(config, [&url]).unwrap();
        let access = Dataset::<DictSample>::from_source(source).indexed().await.unwrap();
        // The last of those at the end is the only one of its key.
        assert_eq!(access.get_key("000000000016").await.unwrap(), megabyte(116));
        assert_eq!(proxy.requests(), 2, "{:?}", proxy.seen());
        let moved = usize::try_from(proxy.moved()).unwrap();
        assert!((OWN..=OWN * 11 / 10).contains(&moved), "{moved}");
        server.remove("large.tar").await;
    });
}

#[test]
fn an_object_that_is_replaced_while_it_is_read_is_an_error() {
    on_rgw("replaced", async |server| {
        // More than the parts that are read ahead.
        let url = server.put("large.tar", noise(1, 80 << 20)).await;
        let source = S3Source::from_urls(server.config(), [&url]).unwrap();
        let mut chunks = source.open_shard(&url).await.unwrap().into_chunks();
        let first = chunks.try_next().await.unwrap().unwrap();
        server.put("large.tar", noise(2, 80 << 20)).await;
        let mut seen = first.len();
        let error = loop {
            match chunks.try_next().await {
                Ok(Some(chunk)) => seen += chunk.len(),
                Ok(None) => panic!("a mixture of two objects, or all of the first: {seen} bytes"),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
        assert_eq!(error.context_value("url"), Some(url.as_str()));
    });
}

/// What an error must say, and what it must not.
fn told(error: &atdata_core::Error, kind: ErrorKind, about: &str, check: &str) {
    assert_eq!(error.kind(), kind, "{error}");
    let shown = format!("{error} {error:?}");
    assert!(shown.contains(about) && shown.contains(check), "{about}, {check}: {shown}");
    assert!(!shown.contains("hunter2") && !shown.contains("testsecretkey"), "{shown}");
}

async fn open_error(config: S3Config, url: &str) -> atdata_core::Error {
    S3Source::from_urls(config, [url]).unwrap().open_shard(url).await.unwrap_err()
}

#[test]
fn failures_name_the_object_and_what_to_check_and_no_secret() {
    on_rgw("failures", async |server| {
        let url = server.put("a.tar", noise(1, 2000)).await;
        let (access_key, endpoint) = (&server.given.access_key, &server.given.endpoint);
        let at = |config: S3Config| config.with_endpoint(endpoint).unwrap();

        let wrong_secret = open_error(at(S3Config::with_keys(access_key, "hunter2")), &url).await;
        told(&wrong_secret, ErrorKind::PermissionDenied, &url, "AWS_SECRET_ACCESS_KEY");
        let wrong_key = open_error(at(S3Config::with_keys("NOBODY", "hunter2")), &url).await;
        told(&wrong_key, ErrorKind::PermissionDenied, &url, "AWS_ACCESS_KEY_ID");
        let denied = open_error(at(S3Config::anonymous()), &url).await;
        told(&denied, ErrorKind::PermissionDenied, &url, "policy");
        let no_bucket = open_error(server.config(), "s3://no-such-bucket-here/a.tar").await;
        told(&no_bucket, ErrorKind::NotFound, "s3://no-such-bucket-here/a.tar", "bucket");
        let missing = url.replace("a.tar", "b.tar");
        told(&open_error(server.config(), &missing).await, ErrorKind::NotFound, &missing, "object");

        // Plain HTTP where TLS was expected.
        let https = endpoint.replace("http://", "https://");
        let no_tls = server.config().with_endpoint(https).unwrap();
        told(&open_error(no_tls, &url).await, ErrorKind::Unavailable, &url, "certificate");

        // TLS with a certificate that nobody has signed.
        if let Some(nginx) = Nginx::for_test("a certificate that nobody has signed") {
            let address = nginx.tls_url("").trim_end_matches('/').to_owned();
            let not_trusted = server.config().with_endpoint(address).unwrap();
            told(&open_error(not_trusted, &url).await, ErrorKind::Unavailable, &url, "check its certificate");
        }

        let listed = S3Source::from_prefix(server.config(), "no-such-bucket-here", "x").await.unwrap_err();
        told(&listed, ErrorKind::NotFound, "s3://no-such-bucket-here/x", "bucket");
    });
}

#[test]
fn a_presigned_address_that_has_expired_is_refused_by_its_name_and_without_its_signature() {
    on_rgw("expired", async |server| {
        let url = server.put("a.tar", noise(1, 2000)).await;
        let key = url.strip_prefix(&format!("s3://{BUCKET}/")).unwrap();
        let long_ago = SystemTime::now() - Duration::from_secs(3600);
        let minute =
            PresigningConfig::builder().start_time(long_ago).expires_in(Duration::from_secs(60)).build();
        let request =
            server.raw.get_object().bucket(BUCKET).key(key).presigned(minute.unwrap()).await.unwrap();
        let source = HttpSource::new(request.uri()).unwrap();
        let shard = source.list_shards().await.unwrap().remove(0);
        let error = source.open_shard(&shard).await.unwrap_err();
        let signature = request.uri().split_once("X-Amz-Signature=").unwrap().1.split('&').next().unwrap();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
        let shown = format!("{error} {error:?} {source:?}");
        assert!(shown.contains(key) && !shown.contains(signature), "{shown}");
    });
}
