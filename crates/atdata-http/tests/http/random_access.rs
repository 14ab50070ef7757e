//! Samples by key from afar.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use atdata_core::shard_index::{BuildOptions, INDEX_SUFFIX, ShardIndex};
use atdata_core::source::FileSource;
use atdata_core::tar::TarEncoder;
use atdata_core::{DataSource, Dataset, DictSample, ErrorKind, Sample, ShardBody, Value};
use atdata_http::HttpSource;
use atdata_testkit::data::{noise, shard};
use bytes::Bytes;

use crate::common::{Behind, options};

/// Samples of half a MiB.
fn large(n: i64) -> DictSample {
    DictSample::from_iter([("n", Value::from(n)), ("raw", Value::Bytes(noise(n.unsigned_abs(), 512 << 10)))])
}

async fn index_of(bytes: &Bytes) -> Bytes {
    let body = ShardBody::resident(bytes.clone());
    ShardIndex::build(body, &BuildOptions::default()).await.unwrap().to_bytes()
}

#[tokio::test]
async fn one_sample_by_key_costs_two_requests_and_little_more_than_its_bytes() {
    let Some(behind) = Behind::new("one_sample_by_key_costs_two_requests") else { return };
    let bytes = shard(&(0..64).map(large).collect::<Vec<_>>());
    behind.nginx.put("a.tar", &bytes);
    behind.nginx.put(&format!("a.tar{INDEX_SUFFIX}"), &index_of(&bytes).await);
    let source = HttpSource::from_urls([behind.url("a.tar")], options()).unwrap();
    let access = Dataset::<DictSample>::from_source(source).indexed().await.unwrap();
    assert_eq!(access.get_key("000000000042").await.unwrap(), large(42));
    let own = 512 << 10;
    assert_eq!(behind.proxy.requests(), 2, "{:?}", behind.proxy.seen());
    assert!(behind.proxy.moved() <= own * 11 / 10, "{}", behind.proxy.moved());
    // The index is there now.
    behind.proxy.reset_counts();
    assert_eq!(access.get(7).await.unwrap(), Some(large(7)));
    assert_eq!(behind.proxy.requests(), 1);
    assert!(behind.proxy.moved() <= own * 101 / 100);
}

/// Samples of a MiB, zeros but for their beginnings.
fn megabyte(n: i64) -> DictSample {
    DictSample::from_iter([("n", Value::from(n)), ("raw", Value::Bytes(vec![0; 1 << 20].into()))])
}

/// A shard of `count` megabytes with the length that it must have, in which only what is not zero takes room.
fn sparse_shard(path: &Path, count: i64) {
    let mut file = File::create(path).unwrap();
    let mut encoder = TarEncoder::default();
    for n in 0..count {
        let payload = megabyte(n).pack().unwrap();
        let frame = encoder.begin(&format!("{n:012}.msgpack"), payload.len() as u64).unwrap();
        let (beginning, rest) = payload.split_at(64);
        assert!(n > 0 || rest.iter().all(|byte| *byte == 0));
        file.seek(SeekFrom::Start(frame.header_offset)).unwrap();
        file.write_all(&frame.header).unwrap();
        file.write_all(beginning).unwrap();
    }
    let end = encoder.position();
    file.set_len(end + encoder.finish().len() as u64).unwrap();
}

#[tokio::test]
async fn one_sample_of_a_shard_of_a_gibibyte_costs_two_requests_and_little_more_than_its_bytes() {
    let Some(behind) = Behind::new("one_sample_of_a_shard_of_a_gibibyte") else { return };
    let path = behind.nginx.root().join("a.tar");
    sparse_shard(&path, 1024);
    assert!(path.metadata().unwrap().len() > 1 << 30);
    let file = FileSource::new([&path]);
    let shard = file.list_shards().await.unwrap().remove(0);
    // The file is mapped, so that nothing else of it is read.
    let headers_only = BuildOptions::default().with_sha256(false);
    let index = ShardIndex::build(file.open_shard(&shard).await.unwrap(), &headers_only).await.unwrap();
    behind.nginx.put(&format!("a.tar{INDEX_SUFFIX}"), &index.to_bytes());

    let source = HttpSource::from_urls([behind.url("a.tar")], options()).unwrap();
    let access = Dataset::<DictSample>::from_source(source).indexed().await.unwrap();
    assert_eq!(access.get_key("000000001001").await.unwrap(), megabyte(1001));
    assert_eq!(behind.proxy.requests(), 2, "{:?}", behind.proxy.seen());
    let own = 1 << 20;
    assert!((own..=own * 11 / 10).contains(&behind.proxy.moved()), "{}", behind.proxy.moved());
}

#[tokio::test]
async fn a_stale_index_is_noticed_at_the_first_read() {
    let Some(behind) = Behind::new("a_stale_index_is_noticed_at_the_first_read") else { return };
    let bytes = shard(&(0..4).map(large).collect::<Vec<_>>());
    let old = shard(&(0..3).map(large).collect::<Vec<_>>());
    behind.nginx.put("a.tar", &bytes);
    behind.nginx.put(&format!("a.tar{INDEX_SUFFIX}"), &index_of(&old).await);
    let source = HttpSource::from_urls([behind.url("a.tar")], options()).unwrap();
    let access = Dataset::<DictSample>::from_source(source).indexed().await.unwrap();
    let error = access.get(0).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert!(error.to_string().contains("stale"), "{error}");
}

#[tokio::test]
async fn a_shard_without_index_is_an_error_that_says_so() {
    let Some(behind) = Behind::new("a_shard_without_index_is_an_error_that_says_so") else { return };
    behind.nginx.put("a.tar", &shard(&[large(1)]));
    let source = HttpSource::from_urls([behind.url("a.tar")], options()).unwrap();
    let error = Dataset::<DictSample>::from_source(source).indexed().await.unwrap_err();
    assert!(error.is_not_found() && error.message().contains("index"), "{error}");
}
