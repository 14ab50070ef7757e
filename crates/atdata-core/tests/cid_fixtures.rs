//! Content identifiers against the vectors of both Python versions.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;

use atdata_core::cid::{
    Codec, ContentHasher, ContentId, MAX_DEPTH, blob_cid, cid_of, cid_of_value, dag_cbor_cid, entry_cid,
    from_dag_cbor, to_dag_cbor, value_to_dag_cbor, verify,
};
use atdata_core::{ErrorKind, Map, Value};
use proptest::prelude::*;
use serde_json::Value as Json;

const VERSIONS: [&str; 2] = ["python-0.2", "python-0.7"];

fn fixture(version: &str, name: &str) -> Json {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../atdata-testkit/fixtures");
    serde_json::from_str(&fs::read_to_string(format!("{root}/{version}/{name}")).unwrap()).unwrap()
}

fn from_hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
}

/// The fixtures' tagged form; `None` for integers that no `Value` holds.
fn tagged(json: &Json) -> Option<Value> {
    Some(match json["t"].as_str().unwrap() {
        "nil" => Value::Nil,
        "bool" => Value::Bool(json["v"].as_bool().unwrap()),
        "int" => {
            let int: i128 = json["v"].as_str().unwrap().parse().unwrap();
            i64::try_from(int).map(Value::Int).or_else(|_| u64::try_from(int).map(Value::UInt)).ok()?
        }
        "float" => {
            Value::Float(f64::from_bits(u64::from_str_radix(json["bits"].as_str().unwrap(), 16).unwrap()))
        }
        "str" => match json.get("utf8_len") {
            // The long texts repeat one character.
            Some(len) => {
                Value::Str(json["head"].as_str().unwrap()[..1].repeat(len.as_u64().unwrap() as usize))
            }
            None => Value::from(json["v"].as_str().unwrap()),
        },
        "bytes" => Value::Bytes(from_hex(json["hex"].as_str().unwrap()).into()),
        "list" => Value::List(json["v"].as_array().unwrap().iter().map(tagged).collect::<Option<_>>()?),
        "map" => {
            let mut map = Map::new();
            for pair in json["v"].as_array().unwrap() {
                map.insert(pair[0]["v"].as_str().unwrap(), tagged(&pair[1])?);
            }
            Value::Map(map)
        }
        other => panic!("unknown tag {other}"),
    })
}

#[test]
fn entries_have_the_cids_of_python() {
    for version in VERSIONS {
        let entries = fixture(version, "cids.json");
        for entry in entries["entries"].as_array().unwrap() {
            let urls: Vec<&str> =
                entry["data_urls"].as_array().unwrap().iter().map(|url| url.as_str().unwrap()).collect();
            let cid = entry_cid(entry["schema_ref"].as_str().unwrap(), &urls).unwrap();
            assert_eq!(cid.to_string(), entry["cid"].as_str().unwrap());
        }
    }
}

#[test]
fn values_have_the_bytes_and_cids_of_python() {
    for version in VERSIONS {
        let mut checked = 0;
        for case in fixture(version, "cids.json")["values"].as_array().unwrap() {
            let (expected, cid) =
                (from_hex(case["dag_cbor_hex"].as_str().unwrap()), case["cid"].as_str().unwrap());
            assert_eq!(dag_cbor_cid(&expected).to_string(), cid);
            let Some(value) = tagged(&case["value"]) else {
                let int: i128 = case["value"]["v"].as_str().unwrap().parse().unwrap();
                assert_eq!(to_dag_cbor(&int).unwrap(), expected);
                assert_eq!(from_dag_cbor(&expected).unwrap_err().kind(), ErrorKind::Unsupported);
                continue;
            };
            assert_eq!(value_to_dag_cbor(&value).unwrap(), expected, "{case}");
            assert_eq!(cid_of_value(&value).unwrap().to_string(), cid);
            let decoded = from_dag_cbor(&expected).unwrap();
            assert_eq!(value_to_dag_cbor(&decoded).unwrap(), expected);
            checked += 1;
        }
        assert!(checked >= 19, "{checked}");
    }
}

#[test]
fn blobs_and_records_of_the_same_bytes_share_the_digest_only() {
    let (blob, record) = (blob_cid(b"hello"), dag_cbor_cid(b"hello"));
    assert_eq!(blob.to_string(), "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq");
    assert_eq!(record.to_string(), "bafyreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq");
    assert!(blob != record && blob.same_digest(&record));
    assert!(verify(&record, b"hello").is_ok());
    assert_eq!(verify(&blob, b"hellp").unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn other_hash_functions_are_unsupported_and_not_taken_for_a_match() {
    // CIDv1, raw, identity hash of "hello".
    let cid: ContentId = "bafkqablimvwgy3y".parse().unwrap();
    assert_eq!((cid.codec(), cid.sha256()), (Codec::Raw, None));
    assert_eq!(verify(&cid, b"hello").unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn texts_that_are_no_cid_are_invalid() {
    let inside = format!("/ipfs/{}", blob_cid(b""));
    for text in ["", "b", "bafy", "é", "Qmé", &inside, &"b".repeat(100_000)] {
        assert_eq!(text.parse::<ContentId>().unwrap_err().kind(), ErrorKind::Invalid);
    }
}

#[test]
fn what_dag_cbor_does_not_have_is_invalid() {
    for value in [Value::Float(f64::NAN), Value::Float(f64::INFINITY)] {
        let nested = Value::Map([("a", Value::List(vec![value]))].into_iter().collect());
        let error = cid_of_value(&nested).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains("DAG-CBOR"), "{error}");
    }
    assert!(cid_of(&(i128::from(u64::MAX) + 1)).is_err());
    assert!(cid_of(&f32::NAN).is_err());
    assert!(cid_of(&std::collections::BTreeMap::from([(1, 2)])).is_err());
}

#[test]
fn depth_is_bounded_alike_in_both_directions() {
    let nested = |depth| (0..depth).fold(Value::Nil, |inner, _| Value::List(vec![inner]));
    let bytes = value_to_dag_cbor(&nested(MAX_DEPTH)).unwrap();
    assert_eq!(from_dag_cbor(&bytes).unwrap(), nested(MAX_DEPTH));
    assert_eq!(value_to_dag_cbor(&nested(MAX_DEPTH + 1)).unwrap_err().kind(), ErrorKind::Invalid);
    let mut deeper = vec![0x81; 100_000];
    deeper.push(0xf6);
    assert_eq!(from_dag_cbor(&deeper).unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn what_is_not_canonical_is_corrupt() {
    for hex in [
        "",                     // nothing
        "18",                   // cut
        "1800",                 // zero in two bytes
        "f6f6",                 // two values
        "f97e00",               // half float
        "fb7ff8000000000000",   // NaN
        "a2626161016162",       // cut map
        "a2626161016162 02",    // keys out of order
        "a2616101616102",       // doubled key
        "a10102",               // integer key
        "9f01ff",               // indefinite length
        "9bffffffffffffffff",   // an enormous list that is not there
        "5bffffffffffffffff00", // enormous bytes that are not there
        "61ff",                 // not UTF-8
        "c11a514b67b0",         // another tag
    ] {
        let bytes = from_hex(&hex.replace(' ', ""));
        assert_eq!(from_dag_cbor(&bytes).unwrap_err().kind(), ErrorKind::Corrupt, "{hex}");
    }
}

#[test]
fn links_are_unsupported() {
    let mut bytes = from_hex("d82a582500");
    bytes.extend([0x01, 0x55, 0x12, 0x20]);
    bytes.extend([0; 32]);
    assert_eq!(from_dag_cbor(&bytes).unwrap_err().kind(), ErrorKind::Unsupported);
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>()
            .prop_filter("finite, not -0", |v| v.is_finite() && (*v != 0.0 || v.is_sign_positive()))
            .prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        any::<Vec<u8>>().prop_map(|bytes| Value::Bytes(bytes.into())),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..6)
                .prop_map(|entries| Value::Map(entries.into_iter().collect())),
        ]
    })
}

/// The same value with the keys of all maps in canonical order.
fn sorted(value: Value) -> Value {
    match value {
        Value::List(items) => Value::List(items.into_iter().map(sorted).collect()),
        Value::Map(map) => {
            let mut entries: Vec<(String, Value)> =
                map.into_iter().map(|(key, item)| (key, sorted(item))).collect();
            entries.sort_by(|(a, _), (b, _)| (a.len(), a).cmp(&(b.len(), b)));
            Value::Map(entries.into_iter().collect())
        }
        other => other,
    }
}

proptest! {
    #[test]
    fn values_survive_dag_cbor(value in values()) {
        let bytes = value_to_dag_cbor(&value).unwrap();
        prop_assert_eq!(from_dag_cbor(&bytes).unwrap(), sorted(value));
    }

    #[test]
    fn whatever_decodes_encodes_to_the_same_bytes(bytes in any::<Vec<u8>>()) {
        if let Ok(value) = from_dag_cbor(&bytes) {
            prop_assert_eq!(value_to_dag_cbor(&value).unwrap(), bytes);
        }
    }

    #[test]
    fn hashing_in_pieces_is_hashing_at_once(bytes in any::<Vec<u8>>(), at in any::<prop::sample::Index>()) {
        let (head, tail) = bytes.split_at(at.index(bytes.len() + 1));
        let mut hasher = ContentHasher::new();
        hasher.update(head);
        hasher.update(tail);
        prop_assert_eq!(hasher.finish(Codec::Raw), blob_cid(&bytes));
    }

    #[test]
    fn any_text_is_a_cid_or_an_error(text in any::<String>()) {
        if let Ok(cid) = text.parse::<ContentId>() {
            prop_assert_eq!(cid.to_string().parse::<ContentId>().unwrap(), cid);
        }
    }
}

#[test]
fn a_map_key_of_indefinite_length_is_not_canonical() {
    for bytes in [
        &[0xa1, 0x7f, 0xff, 0x01][..],
        &[0xa1, 0x7f, 0x61, b'a', 0xff, 0x01],
        &[0x81, 0xa1, 0x7f, 0xff, 0xf6],
    ] {
        let error = from_dag_cbor(bytes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{bytes:x?}");
    }
    assert!(from_dag_cbor(&[0xa1, 0x60, 0x01]).is_ok());
}
