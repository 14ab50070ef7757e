//! How much is read.

use std::sync::atomic::Ordering;

use atdata_core::{DictSample, NewDataset, Value};
use atdata_testkit::data;

use crate::client::{api, get, refused};
use crate::setting::Setting;

fn large(n: i64) -> DictSample {
    DictSample::from_iter([
        ("n", Value::from(n)),
        ("raw", Value::Bytes(data::noise(n.unsigned_abs(), 10_000))),
    ])
}

#[tokio::test]
async fn with_an_index_only_what_is_shown_is_read() {
    let setting = Setting::new();
    let samples: Vec<DictSample> = (0..1000).map(large).collect();
    setting.dataset("large", &samples, true).await;
    let held = setting.shards.held("held://large.tar");
    let whole = held.bytes.len() as u64;
    let serving = setting.serve().await;
    let before = || held.given.swap(0, Ordering::SeqCst);

    api(serving.address, "dataset?name=large").await;
    assert_eq!(before(), 0);
    api(serving.address, "samples?name=large&start=500&count=10").await;
    // Ten samples, each with a header and padding.
    let read = before();
    assert!((100_000..120_000).contains(&read), "{read} of {whole} bytes");
    api(serving.address, "samples?name=large&start=999&detail=true").await;
    get(serving.address, "/api/v1/media?name=large&index=7&field=raw").await;
    assert!(before() < 25_000);
    assert_eq!(held.opened.load(Ordering::SeqCst), 0);
    serving.end().await;
}

#[tokio::test]
async fn without_an_index_the_first_samples_are_streamed_and_no_more() {
    let setting = Setting::new();
    let samples: Vec<DictSample> = (0..2000).map(large).collect();
    setting.dataset("large", &samples, false).await;
    let held = setting.shards.held("held://large.tar");
    let whole = held.bytes.len() as u64;
    let serving = setting.serve().await;

    let known = api(serving.address, "dataset?name=large").await;
    assert_eq!(known["access"]["kind"], "start");
    assert!(known["access"]["reason"]["message"].as_str().unwrap().contains("no index"));
    let page = api(serving.address, "samples?name=large&start=0&count=50").await;
    assert_eq!(page["samples"].as_array().unwrap().len(), 50);
    assert_eq!(page["hint"], "atdata index large");
    assert_eq!(page["browsable"], 200);
    let page = api(serving.address, "samples?name=large&start=190&count=50").await;
    assert_eq!(page["samples"].as_array().unwrap().len(), 10);
    assert_eq!(page["samples"][9]["index"], 199);
    let (status, _) = refused(serving.address, "array?name=large&index=200&field=raw").await;
    assert_eq!(status, 422);
    let read = held.given.load(Ordering::SeqCst);
    assert!(read < whole, "{read} of {whole} bytes");
    serving.end().await;
}

#[tokio::test]
async fn large_samples_end_streaming_early() {
    let setting = Setting::new();
    let sample = |n: u8| DictSample::from_iter([("raw", Value::Bytes(vec![n; 30 << 20].into()))]);
    setting.dataset("huge", &[sample(1), sample(2), sample(3), sample(4)], false).await;
    let serving = setting.serve().await;
    let page = api(serving.address, "samples?name=huge").await;
    let rows = page["samples"].as_array().unwrap();
    assert_eq!(rows.len(), 4);
    assert_eq!(rows[3]["error"]["kind"], "unsupported");
    serving.end().await;
}

#[tokio::test]
async fn an_index_that_does_not_fit_is_not_used() {
    let setting = Setting::new();
    let shard = data::shard(&data::samples(20));
    setting.shards.put("held://other.tar", data::shard(&data::samples(3)), true).await;
    let index = setting.shards.held("held://other.tar");
    let foreign =
        atdata_core::source::ShardOpener::open_index(&setting.shards, "held://other.tar").await.unwrap();
    setting.shards.put_with("held://stale.tar", shard, foreign);
    setting.insert(NewDataset::new("stale", "Missing@1.0.0", vec!["held://stale.tar".into()])).await;
    let serving = setting.serve().await;
    let page = api(serving.address, "samples?name=stale").await;
    assert_eq!(
        (page["samples"].as_array().unwrap().len(), page["access"]["kind"].as_str()),
        (20, Some("start"))
    );
    assert_eq!(index.opened.load(Ordering::SeqCst), 0);
    serving.end().await;
}

#[tokio::test]
async fn few_datasets_are_kept_open_and_what_is_replaced_is_seen() {
    let setting = Setting::new();
    for i in 0..5 {
        setting.dataset(&format!("set-{i}"), &data::samples(i + 1), true).await;
    }
    let options = atdata_serve::ServeOptions::default().with_opened(std::num::NonZeroUsize::MIN);
    let serving = setting.serve_with(options).await;
    for _ in 0..2 {
        for i in 0..5 {
            let page = api(serving.address, &format!("samples?name=set-{i}")).await;
            assert_eq!(page["browsable"], i + 1);
        }
    }
    setting.shards.put("held://new.tar", data::shard(&data::samples(9)), true).await;
    let new = NewDataset::new("set-4", "Missing@1.0.0", vec!["held://new.tar".into()]);
    setting.insert(new.with_if_exists(atdata_core::IfExists::Replace)).await;
    assert_eq!(api(serving.address, "samples?name=set-4").await["browsable"], 9);
    serving.end().await;
}
