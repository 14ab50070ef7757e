//! Metadata come back as they went in.

use atdata_core::{IfExists, Index, IndexEntry, Map, NewDataset, StoredShard, Value};
use bytes::Bytes;

use super::{IndexHarness, SCHEMA, new};
use crate::suite::skip;
use crate::tagged::same_value;

async fn comes_back(harness: &dyn IndexHarness, name: &str, metadata: Map) {
    let index = harness.index();
    let inserted = index.insert_dataset(new(name, &["a.tar"]).with_metadata(metadata.clone())).await.unwrap();
    let found = harness.reopen().await.get_dataset(name).await.unwrap();
    let expected = Value::Map(metadata);
    for entry in [inserted, found] {
        let found = Value::Map(entry.metadata().expect("metadata").clone());
        if let Err(difference) = same_value(&found, &expected) {
            panic!("{difference}");
        }
    }
}

pub(crate) async fn every_kind_of_value_is_kept(harness: &dyn IndexHarness) {
    let inner = Map::from_iter([("z", Value::from(1i64)), ("a", Value::Nil), ("", Value::from("empty key"))]);
    let metadata = Map::from_iter([
        ("nil", Value::Nil),
        ("true", Value::from(true)),
        ("false", Value::from(false)),
        ("zero", Value::from(0i64)),
        ("lowest", Value::from(i64::MIN)),
        ("highest signed", Value::from(i64::MAX)),
        ("highest", Value::from(u64::MAX)),
        ("beyond a double", Value::from((1i64 << 53) + 1)),
        ("float", Value::from(0.1)),
        ("whole float", Value::from(1.0)),
        ("text", Value::from("naïve 🦀 \"quoted\" \\ \n\u{0}")),
        ("no text", Value::from("")),
        ("bytes", Value::Bytes(Bytes::from_static(&[0, 255, 128, 10]))),
        ("no bytes", Value::Bytes(Bytes::new())),
        ("list", Value::List(vec![Value::from(1i64), Value::from("two"), Value::Nil, Value::List(vec![])])),
        ("map", Value::Map(inner)),
        ("no map", Value::Map(Map::new())),
    ]);
    comes_back(harness, "kinds", metadata).await;
}

pub(crate) async fn every_float_is_kept_to_the_bit(harness: &dyn IndexHarness) {
    if !harness.limits().keeps_any_float {
        return skip("every_float_is_kept_to_the_bit", "metadata have no NaN or infinity");
    }
    let floats =
        [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, f64::MIN_POSITIVE, 5e-324, f64::MAX, f64::EPSILON];
    let floats = floats.into_iter().map(Value::from).collect::<Vec<_>>();
    comes_back(harness, "floats", Map::from_iter([("floats", floats)])).await;
}

pub(crate) async fn empty_metadata_and_none_are_different(harness: &dyn IndexHarness) {
    let index = harness.index();
    index.insert_dataset(new("none", &["a.tar"])).await.unwrap();
    index.insert_dataset(new("empty", &["b.tar"]).with_metadata(Map::new())).await.unwrap();
    let index = harness.reopen().await;
    assert!(index.get_dataset("none").await.unwrap().metadata().is_none());
    assert!(index.get_dataset("empty").await.unwrap().metadata().is_some_and(Map::is_empty));
}

pub(crate) async fn large_metadata_are_kept(harness: &dyn IndexHarness) {
    let size = harness.limits().max_metadata;
    let mut nested = Value::Bytes(crate::data::noise(7, size / 2));
    for level in 0..20i64 {
        nested = Value::Map(Map::from_iter([("level", Value::from(level)), ("inner", nested)]));
    }
    let numbers: Vec<Value> = (0..size as i64 / 8).map(|i| Value::from(i << 24)).collect();
    let metadata = Map::from_iter([("nested", nested), ("numbers", Value::List(numbers))]);
    comes_back(harness, "large", metadata).await;
}

pub(crate) async fn metadata_are_replaced_not_merged(harness: &dyn IndexHarness) {
    let index = harness.index();
    let first = Map::from_iter([("stays", 1i64), ("goes", 2)]);
    index.insert_dataset(new("digits", &["a.tar"]).with_metadata(first)).await.unwrap();
    let second = Map::from_iter([("stays", 3i64)]);
    let replace = |new: NewDataset| new.with_if_exists(IfExists::Replace);
    // The addresses, and with them the identifier, are the same: in Python the old keys would survive.
    index.insert_dataset(replace(new("digits", &["a.tar"]).with_metadata(second.clone()))).await.unwrap();
    let found = index.get_dataset("digits").await.unwrap();
    assert_eq!(found.metadata(), Some(&second));
    index.insert_dataset(replace(new("digits", &["a.tar"]))).await.unwrap();
    assert!(index.get_dataset("digits").await.unwrap().metadata().is_none());
}

pub(crate) async fn strange_metadata_keys_are_kept(harness: &dyn IndexHarness) {
    let keys =
        ["$type", "a.b", "a b", "é", "🦀", "'", "\"", "\\", "custom", "name", "schema_ref", "data_urls"];
    comes_back(harness, "keys", keys.iter().map(|key| (*key, 1i64)).collect()).await;
}

pub(crate) async fn checksums_are_found_by_address(harness: &dyn IndexHarness) {
    let index = harness.index();
    let mut shard = StoredShard::new("s3://bucket/a.tar", 10);
    shard.sha256 = Some("00ff".to_owned());
    let new =
        NewDataset::from_shards("digits", SCHEMA, vec![shard, StoredShard::new("s3://bucket/b.tar", 10)])
            .with_metadata(Map::from_iter([("note", "kept")]));
    index.insert_dataset(new).await.unwrap();
    let entry = index.get_dataset("digits").await.unwrap();
    assert_eq!(entry.checksum("s3://bucket/a.tar"), Some("00ff"));
    assert_eq!(entry.checksum("s3://bucket/b.tar"), None);
    assert_eq!(entry.metadata().unwrap().get("note").and_then(Value::as_str), Some("kept"));
}
