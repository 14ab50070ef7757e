//! Samples by key from afar.

use atdata_core::shard_index::{BuildOptions, INDEX_SUFFIX, ShardIndex};
use atdata_core::{Dataset, DictSample, ErrorKind, ShardBody, Value};
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
