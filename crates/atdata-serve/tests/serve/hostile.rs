//! What others wrote.

use atdata_core::schema::{Field, Primitive, SampleSchema};
use atdata_core::{DictSample, ErrorKind, Map, NdArray, NewDataset, Value};
use atdata_testkit::data;
use bytes::Bytes;

use crate::client::{api, get, refused, send};
use crate::setting::Setting;

#[tokio::test]
async fn damaged_samples_are_shown_among_the_others() {
    let setting = Setting::new();
    let url = "held://half.tar";
    setting.shards.put(url, data::shard(&data::samples(5)), true).await;
    // The third sample says that it is a list.
    let mut bytes = setting.shards.held(url).bytes.to_vec();
    bytes[2 * 1024 + 512] = 0x93;
    let index = atdata_core::source::ShardOpener::open_index(&setting.shards, url).await.unwrap();
    setting.shards.put_with(url, bytes.into(), index);
    setting.insert(NewDataset::new("half", "Missing@1.0.0", vec![url.into()])).await;
    let serving = setting.serve().await;
    let page = api(serving.address, "samples?name=half").await;
    let errors: Vec<bool> =
        page["samples"].as_array().unwrap().iter().map(|row| row["error"].is_object()).collect();
    assert_eq!(errors, [false, false, true, false, false]);
    serving.end().await;
}

#[tokio::test]
async fn samples_that_are_not_what_the_schema_says_are_errors() {
    let setting = Setting::new();
    setting.shards.put("held://x.tar", data::shard(&data::samples(2)), true).await;
    let schema = SampleSchema::new("Wrong").field(Field::new("n", Primitive::Str));
    setting.insert(NewDataset::new("wrong", schema, vec!["held://x.tar".into()])).await;
    let serving = setting.serve().await;
    let page = api(serving.address, "samples?name=wrong").await;
    assert_eq!(page["samples"][1]["error"]["context"]["field"], "n");
    assert_eq!(refused(serving.address, "samples?name=wrong&project=other").await.0, 400);
    serving.end().await;
}

#[tokio::test]
async fn answers_stay_small_whatever_is_in_a_sample() {
    let setting = Setting::new();
    let mut fields = Map::with_capacity(3000);
    for i in 0..3000 {
        fields.insert(format!("field-{i}-{}", "x".repeat(500)), Value::from("y".repeat(3000)));
    }
    let mut nested = Value::from(1i64);
    for _ in 0..60 {
        nested = Value::List(vec![nested; 2]);
        if let Value::List(items) = &mut nested {
            items.truncate(1);
        }
    }
    let deep =
        DictSample::from_iter([("deep", nested), ("many", Value::List(vec![Value::from(1i64); 100_000]))]);
    setting.dataset("wide", &[DictSample::from(fields), deep], true).await;
    let serving = setting.serve().await;
    let answer = get(serving.address, "/api/v1/samples?name=wide").await;
    assert!(answer.status == 200 && answer.body.len() < 100_000, "{}", answer.body.len());
    for start in 0..2 {
        let path = format!("/api/v1/samples?name=wide&start={start}&detail=true");
        let answer = get(serving.address, &path).await;
        assert!(answer.status == 200 && answer.body.len() < 4 << 20, "{}", answer.body.len());
    }
    serving.end().await;
}

#[tokio::test]
async fn bytes_that_pretend_to_be_arrays_are_bytes() {
    let setting = Setting::new();
    let header =
        b"\x93NUMPY\x01\0v\0{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296), }";
    let sample = DictSample::from_iter([
        ("npy", Value::Bytes(Bytes::from_static(header))),
        ("pickle", Value::Bytes(Bytes::from_static(b"\x80\x04\x95cos\nsystem"))),
        ("strings", Value::Array(NdArray::from_strings(&[1], &["x".repeat(100_000)]).unwrap())),
    ]);
    setting.dataset("odd", &[sample], true).await;
    let serving = setting.serve().await;
    let page = api(serving.address, "samples?name=odd").await;
    assert_eq!(page["samples"][0]["fields"]["npy"]["$bytes"]["kind"], "npy");
    assert!(page.to_string().len() < 5000);
    for field in ["npy", "pickle", "strings"] {
        let (status, _) = refused(serving.address, &format!("array?name=odd&index=0&field={field}")).await;
        assert_eq!(status, 422, "{field}");
    }
    serving.end().await;
}

#[tokio::test]
async fn requests_of_any_kind_are_answered_or_refused() {
    let setting = Setting::new();
    setting.dataset("numbers", &data::samples(3), true).await;
    let serving = setting.serve().await;
    for path in [
        "/api/v1/samples?name=%ff%fe",
        "/api/v1/samples?name=numbers&start=99999999999999999999",
        "/api/v1/array?name=numbers&index=0&field=raw&side=0",
        "/api/v1/array?name=numbers&index=0&field=raw&side=99999999999",
        "/api/v1/media?name=numbers&index=18446744073709551615&field=n",
        "/api/v1/samples?name=..%2f..%2fetc%2fpasswd",
        "/api/v1/dataset?name=pipe:id",
        "/../../Cargo.toml",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/api/v1/%00",
        "//evil.example/",
    ] {
        let answer = get(serving.address, path).await;
        assert!((400..500).contains(&answer.status), "{path}: {}", answer.status);
        assert!(!answer.kind().is_empty(), "{path}");
    }
    let long = format!("GET /api/v1/dataset?name={} HTTP/1.1\nHost: {}", "x".repeat(60_000), serving.address);
    assert!(matches!(send(serving.address, &long).await.status, 404 | 414));
    // It still answers.
    assert_eq!(get(serving.address, "/").await.status, 200);
    serving.end().await;
}

#[tokio::test]
async fn files_of_this_machine_are_not_given_to_strangers_entries() {
    let setting = Setting::new();
    for (name, url) in [("pipe", "pipe:cat"), ("gone", "held://gone.tar"), ("unknown", "ftp://h/a.tar")] {
        setting.insert(NewDataset::new(name, "Missing@1.0.0", vec![url.into()])).await;
    }
    let serving = setting.serve().await;
    assert_eq!(
        refused(serving.address, "dataset?name=pipe").await,
        (422, ErrorKind::Unsupported.to_string())
    );
    assert_eq!(refused(serving.address, "dataset?name=unknown").await.0, 422);
    let page = api(serving.address, "samples?name=gone").await;
    assert_eq!(page["samples"][0]["error"]["kind"], "not found");
    serving.end().await;
}
