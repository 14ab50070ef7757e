//! That the comparison with the fixtures tells differences.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use atdata_core::array::{ArrayFormat, encode};
use atdata_core::{DictSample, Map, NdArray, Value};
use atdata_testkit::data::sha256;
use atdata_testkit::tagged::{compare, compare_fields, same_value};
use serde_json::json;

#[test]
fn equal_values_are_equal_and_others_are_told_apart() {
    let array = NdArray::from_vec(&[2], vec![1i16, 2]).unwrap();
    let mut npy = Vec::new();
    encode(&array, ArrayFormat::Npy, &mut npy).unwrap();
    let tagged_array = json!({"t": "array", "dtype": "<i2", "shape": [2], "nbytes": 4, "sha256_le_c": sha256(&[1, 0, 2, 0])});
    let bytes = json!({"t": "bytes", "len": 2, "sha256": sha256(b"ab"), "hex": "6162"});
    let list = json!({"t": "list", "v": [{"t": "int", "v": "1"}, {"t": "nil"}]});
    let map = json!({"t": "map", "v": [[{"t": "str", "v": "k"}, {"t": "int", "v": "1"}]]});
    let long =
        json!({"t": "str", "utf8_len": 300, "sha256": sha256("x".repeat(300).as_bytes()), "head": "xxx"});
    let all: Vec<(Value, _)> = vec![
        (Value::Nil, json!({"t": "nil"})),
        (true.into(), json!({"t": "bool", "v": true})),
        (false.into(), json!({"t": "bool", "v": false})),
        (u64::MAX.into(), json!({"t": "int", "v": "18446744073709551615"})),
        ((-1i64).into(), json!({"t": "int", "v": "-1"})),
        (f64::NAN.into(), json!({"t": "float", "v": "nan", "bits": "7ff8000000000000"})),
        (0.0.into(), json!({"t": "float", "v": "0.0", "bits": "0000000000000000"})),
        ((-0.0).into(), json!({"t": "float", "v": "-0.0", "bits": "8000000000000000"})),
        ("é".into(), json!({"t": "str", "v": "é"})),
        ("e\u{301}".into(), json!({"t": "str", "v": "e\u{301}"})),
        ("x".repeat(300).into(), long),
        (Value::Bytes(b"ab".to_vec().into()), bytes),
        (Value::List(vec![1i64.into(), Value::Nil]), list),
        (Map::from_iter([("k", 1i64)]).into(), map),
        (Value::Array(array), tagged_array),
    ];
    for (i, (value, _)) in all.iter().enumerate() {
        for (j, (_, expected)) in all.iter().enumerate() {
            assert_eq!(compare(value, expected).is_ok(), i == j, "{value} and {expected}");
        }
    }
    assert!(
        compare(&Value::Bytes(npy.into()), &all.last().unwrap().1).is_ok(),
        "bytes of an array are decoded"
    );
}

#[test]
fn fields_are_compared_with_their_order() {
    let sample = DictSample::from_iter([("a", 1i64), ("b", 2)]);
    let field = |name: &str, n: i64| json!([name, {"t": "int", "v": n.to_string()}]);
    assert!(compare_fields(&sample, &json!([field("a", 1), field("b", 2)])).is_ok());
    for other in
        [json!([field("b", 2), field("a", 1)]), json!([field("a", 1)]), json!([field("a", 1), field("b", 3)])]
    {
        assert!(compare_fields(&sample, &other).is_err(), "{other}");
    }
}

#[test]
fn values_are_compared_to_the_bit_but_maps_without_order() {
    let map = |keys: [&str; 2]| Value::Map(keys.into_iter().map(|key| (key, f64::NAN)).collect());
    assert!(same_value(&map(["a", "b"]), &map(["b", "a"])).is_ok());
    assert!(same_value(&map(["a", "b"]), &map(["a", "c"])).is_err());
    assert!(same_value(&Value::from(0.0), &Value::from(-0.0)).is_err());
    assert!(same_value(&Value::from(1i64), &Value::from(1.0)).is_err());
}
