//! Schema records of both profiles: what is written comes back, whatever a server does with the order of keys.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use atdata_core::schema::{
    ArrayType, Field, FieldType, Primitive, Profile, SampleSchema, json_to_value, parse_time, value_to_json,
};
use atdata_core::{ErrorKind, Map, Value};
use proptest::prelude::*;
use serde_json::{Map as JsonMap, Value as Json, json};

const PROFILES: [Profile; 2] = [Profile::Seed, Profile::Latest];

fn published(mut schema: SampleSchema) -> SampleSchema {
    schema.created_at = parse_time("2026-11-22T07:06:38.789579Z");
    schema
}

/// The keys of all objects, in another order: by text, or by length and then text, as servers send them.
fn sorted(json: &Json, by_length: bool) -> Json {
    match json {
        Json::Array(items) => items.iter().map(|item| sorted(item, by_length)).collect(),
        Json::Object(members) => {
            let mut keys: Vec<&String> = members.keys().collect();
            keys.sort_by_key(|key| (if by_length { key.len() } else { 0 }, key.as_str()));
            let pairs = keys.into_iter().map(|key| (key.clone(), sorted(&members[key], by_length)));
            Json::Object(pairs.collect::<JsonMap<_, _>>())
        }
        other => other.clone(),
    }
}

/// Records have no floats, no integers beyond ±2⁵³, and keys with a dollar only where they mean something.
fn assert_is_record(json: &Json) {
    match json {
        Json::Number(number) => {
            assert!(number.as_i64().is_some_and(|number| number.unsigned_abs() < 1 << 53), "{number}");
        }
        Json::Array(items) => items.iter().for_each(assert_is_record),
        Json::Object(members) => members.values().for_each(assert_is_record),
        _ => {}
    }
}

fn comes_back(schema: &SampleSchema) {
    for profile in PROFILES {
        let record = schema.to_record(profile).unwrap();
        assert_is_record(&record);
        for record in [record.clone(), sorted(&record, true), sorted(&record, false)] {
            assert_eq!(SampleSchema::from_record(&record).unwrap(), *schema, "{profile:?}: {record}");
        }
    }
}

fn every_type() -> Vec<FieldType> {
    let shaped = ArrayType {
        dtype: Some("uint8".to_owned()),
        shape: Some(vec![None, Some(28)]),
        dimension_names: Some(vec!["row".to_owned(), "column".to_owned()]),
    };
    let text = || FieldType::from(Primitive::Str);
    let inner = vec![Field::new("y", Primitive::Float), Field::new("x", Primitive::Float).optional()];
    vec![
        text(),
        Primitive::Int.into(),
        Primitive::Float.into(),
        Primitive::Bool.into(),
        Primitive::Bytes.into(),
        FieldType::NdArray(ArrayType::default()),
        FieldType::ndarray("uint16"),
        FieldType::NdArray(shaped.clone()),
        FieldType::Structured(shaped),
        FieldType::Sparse,
        FieldType::ArrowTensor,
        FieldType::Safetensors,
        FieldType::DataFrame,
        FieldType::list(text()),
        FieldType::list(FieldType::list(Primitive::Int)),
        FieldType::list(FieldType::Any),
        FieldType::list(FieldType::nullable(text())),
        FieldType::list(FieldType::nullable(FieldType::ndarray("int8"))),
        FieldType::list(FieldType::nullable(FieldType::nullable(text()))),
        FieldType::list(FieldType::nullable(FieldType::Any)),
        FieldType::nullable(text()),
        FieldType::nullable(FieldType::nullable(FieldType::Sparse)),
        FieldType::map(Primitive::Float),
        FieldType::map(FieldType::Any),
        FieldType::map(FieldType::nullable(FieldType::list(Primitive::Bool))),
        FieldType::Object(inner.clone()),
        FieldType::Object(Vec::new()),
        FieldType::list(FieldType::Object(inner)),
        FieldType::Any,
        FieldType::Ref("at://did:plc:a/science.alt.dataset.schema/ndarray".to_owned()),
    ]
}

#[test]
fn every_field_type_is_kept_in_both_profiles() {
    let mut schema = published(SampleSchema::new("Everything").with_version("2.10.0").with_description("é"));
    for (i, field_type) in every_type().into_iter().enumerate() {
        // The names sort in another order than that of their declaration.
        let name = |what: &str| format!("{}{what}_{i}", char::from(b'z' - (i % 26) as u8));
        schema = schema
            .field(Field::new(name("required"), field_type.clone()))
            .field(Field::new(name("optional"), field_type).optional().with_description("in words"));
    }
    comes_back(&schema);
}

#[test]
fn every_default_is_kept_in_both_profiles() {
    let map = Map::from_iter([("z", Value::from(1i64)), ("a", Value::from(0.5))]);
    let defaults = [
        Value::Nil,
        Value::from(true),
        Value::from(7i64),
        Value::from(i64::MIN),
        Value::from(u64::MAX),
        Value::from((1i64 << 53) + 1),
        Value::from(0.1),
        Value::from(1.0),
        Value::from(f64::MIN_POSITIVE),
        Value::from("text"),
        Value::from(bytes::Bytes::from_static(&[0, 255])),
        Value::from(vec![Value::from(1i64), Value::from(2.5)]),
        Value::from(Map::new()),
        Value::from(map.clone()),
    ];
    let mut schema = published(SampleSchema::new("Defaults"));
    for (i, default) in defaults.into_iter().enumerate() {
        schema = schema.field(Field::new(format!("f{i}"), FieldType::Any).with_default(default));
    }
    schema.metadata = Some(map);
    comes_back(&schema);
    schema.metadata = Some(Map::from_iter([("license", "MIT")]));
    comes_back(&schema);
}

#[test]
fn python_reads_what_it_knows() {
    let schema = published(SampleSchema::new("S"))
        .field(Field::new("tags", FieldType::list(FieldType::nullable(Primitive::Str))))
        .field(Field::new("arr", FieldType::ndarray("uint8")).optional());
    let body = &schema.to_record(Profile::Latest).unwrap()["schema"];
    assert_eq!(body["properties"]["tags"]["items"]["type"], "string");
    assert_eq!(
        body["properties"]["arr"],
        json!({"$ref": "https://alt.science/schemas/atdata-ndarray-bytes/1.0.0#/$defs/ndarray", "dtype": "uint8"})
    );
    assert_eq!(body["required"], json!(["tags"]));
    assert_eq!(body["arrayFormatVersions"], json!({"ndarrayBytes": "1.0.0"}));
    let fields = &schema.to_record(Profile::Seed).unwrap()["fields"];
    assert_eq!(
        fields[1]["fieldType"],
        json!({"$type": "ac.foundation.dataset.schemaType#ndarray", "dtype": "uint8"})
    );
}

#[test]
fn what_no_record_can_hold_is_invalid() {
    let field = || Field::new("a", Primitive::Int);
    let deep = (0..40).fold(FieldType::Any, |inner, _| FieldType::list(inner));
    let long = ArrayType { shape: Some(vec![Some(1 << 53)]), ..ArrayType::default() };
    for (schema, profiles) in [
        (SampleSchema::new("S").field(field()), &PROFILES[..]),
        (published(SampleSchema::new("S").field(Field::new("a", deep))), &PROFILES[..]),
        (published(SampleSchema::new("S").field(Field::new("a", FieldType::list(long)))), &PROFILES[..]),
        (published(SampleSchema::new("S").field(field().with_default(f64::NAN))), &PROFILES[..]),
        (published(SampleSchema::new("S").field(field()).field(field())), &PROFILES[1..]),
        (published(SampleSchema::new("S").field(Field::new("$a", Primitive::Int))), &PROFILES[1..]),
        (published(SampleSchema::new("S").field(Field::new("__proto__", Primitive::Int))), &PROFILES[1..]),
    ] {
        for profile in profiles {
            let error = schema.to_record(*profile).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
            assert_eq!(error.context_value("schema"), Some("S"));
        }
    }
}

#[test]
fn extension_keys_of_strangers_do_no_harm() {
    let read = |schema: Json| SampleSchema::from_record(&json!({"name": "S", "schema": schema}));
    let order = json!(["b", "b", 1, null, "nothing"]);
    let found = read(json!({"properties": {"a": {}, "b": {}, "c": {}}, "propertyOrder": order})).unwrap();
    let names: Vec<_> = found.fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names, ["b", "a", "c"]);
    let kind = |property: Json| read(json!({"properties": {"a": property}})).unwrap_err().kind();
    assert_eq!(kind(json!({"atdataType": "quaternion"})), ErrorKind::Unsupported);
    assert_eq!(kind(json!({"atdataType": "ref"})), ErrorKind::Corrupt);
    assert_eq!(kind(json!({"atdataType": 1})), ErrorKind::Corrupt);
    assert_eq!(kind(json!({"defaultMsgpack": "AA=="})), ErrorKind::Corrupt);
    let nested =
        (0..30).fold(json!({}), |items, _| json!({"type": "array", "items": items, "nullable": true}));
    assert_eq!(kind(nested), ErrorKind::Corrupt);
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        prop::num::f64::NORMAL.prop_map(Value::from),
        ".{0,5}".prop_map(Value::from),
        prop::collection::vec(any::<u8>(), 0..5).prop_map(|bytes| Value::Bytes(bytes.into())),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[a-z$é]{0,3}", inner), 0..4)
                .prop_map(|pairs| Value::Map(pairs.into_iter().collect())),
        ]
    })
    .prop_filter("it has a JSON form", |value| {
        value_to_json(value).is_ok_and(|json| json_to_value(&json).is_ok_and(|again| again == *value))
    })
}

fn fields(types: impl Strategy<Value = FieldType> + Clone) -> impl Strategy<Value = Vec<Field>> {
    let field = (types, any::<bool>(), prop::option::of(".{0,5}"), prop::option::of(values()));
    prop::collection::hash_map("[a-z_]{1,4}", field, 0..5).prop_map(|fields| {
        let field = |(name, (field_type, optional, description, default))| Field {
            name,
            field_type,
            optional,
            description,
            default,
        };
        fields.into_iter().map(field).collect()
    })
}

fn types() -> impl Strategy<Value = FieldType> + Clone {
    prop::sample::select(every_type()).prop_recursive(4, 12, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(FieldType::list),
            inner.clone().prop_map(FieldType::map),
            inner.clone().prop_map(FieldType::nullable),
            fields(inner).prop_map(FieldType::Object),
        ]
    })
}

proptest! {
    #[test]
    fn any_schema_comes_back(name in ".{0,6}", fields in fields(types()), metadata in prop::option::of(values())) {
        let mut schema = published(SampleSchema::new(name));
        schema.fields = fields;
        schema.metadata = metadata.and_then(|value| value.as_map().cloned());
        comes_back(&schema);
    }
}
