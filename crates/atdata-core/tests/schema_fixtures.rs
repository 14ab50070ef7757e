//! Schemas against the vectors of both Python versions, and on hostile input.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fs;

use atdata_core::schema::{
    ArrayType, Field, FieldType, Primitive, Profile, SampleSchema, SchemaRef, SchemaVersion, diff,
    to_python_json, to_rust,
};
use atdata_core::{ErrorKind, Value};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

const VERSIONS: [&str; 2] = ["python-0.2", "python-0.7"];

fn fixture(version: &str, name: &str) -> Json {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../atdata-testkit/fixtures");
    serde_json::from_str(&fs::read_to_string(format!("{root}/{version}/{name}")).unwrap()).unwrap()
}

fn list(json: &Json) -> &[Json] {
    json.as_array().unwrap()
}

/// The Python annotation that the fixtures show for a field.
fn python_type(field_type: &FieldType, optional: bool) -> String {
    fn inner(field_type: &FieldType) -> String {
        match field_type {
            FieldType::Primitive(primitive) => primitive.name().to_owned(),
            FieldType::NdArray(_) | FieldType::Structured(_) => "NDArray".to_owned(),
            FieldType::Array(items) => format!("list[{}]", inner(items)),
            _ => "bytes".to_owned(),
        }
    }
    match field_type {
        _ if optional => format!("typing.Optional[{}]", inner(field_type)),
        FieldType::NdArray(_) | FieldType::Structured(_) => inner(field_type),
        FieldType::Array(items) if **items == FieldType::Any => "<class 'list'>".to_owned(),
        FieldType::Array(_) => inner(field_type),
        other => format!("<class '{}'>", inner(other)),
    }
}

#[test]
fn local_records_are_read_and_written_to_the_byte() {
    for version in VERSIONS {
        for case in list(&fixture(version, "schemas.json")["local_records"]) {
            let text = to_python_json(&case["record"]);
            let schema = SampleSchema::from_json(&text).unwrap();
            assert_eq!(schema.to_json().unwrap(), text);
            assert!(schema.validate().is_ok());
            assert!(schema.created_at.is_some() && schema.description.is_some());
            for field in &schema.fields {
                let expected = case["generated_fields"][&field.name].as_str().unwrap();
                assert_eq!(python_type(&field.field_type, field.optional), expected, "{}", field.name);
            }
        }
    }
}

#[test]
fn schemas_stored_in_redis_are_written_to_the_byte() {
    for version in VERSIONS {
        let mut checked = 0;
        let dump = fixture(version, "redis-dump.json");
        let keys = dump.as_array().or_else(|| dump["keys"].as_array()).unwrap();
        for entry in keys {
            let key = entry["key"]["utf8"].as_str().unwrap_or_default();
            if !key.starts_with("LocalSchema:") {
                continue;
            }
            let text = entry["value"]["utf8"].as_str().unwrap();
            let schema = SampleSchema::from_json(text).unwrap();
            assert_eq!(schema.to_json().unwrap(), text);
            assert_eq!(key, format!("LocalSchema:{}@{}", schema.name, schema.version));
            checked += 1;
        }
        assert!(checked > 0);
    }
}

#[test]
fn the_schema_of_all_formats_is_read() {
    let schema = SampleSchema::from_record(&fixture("python-0.7", "formats-typed.schema.json")).unwrap();
    let types: Vec<&FieldType> = schema.fields.iter().map(|field| &field.field_type).collect();
    assert_eq!(
        types,
        [
            &FieldType::Primitive(Primitive::Str),
            &FieldType::Sparse,
            &FieldType::Structured(ArrayType::default()),
            &FieldType::ArrowTensor,
            &FieldType::Safetensors,
            &FieldType::DataFrame,
        ]
    );
}

#[test]
fn field_types_are_read_as_in_python() {
    for version in VERSIONS {
        for case in list(&fixture(version, "schemas.json")["field_types"]) {
            let json = &case["fieldType"];
            match (FieldType::from_json_value(json), case.get("error")) {
                (Ok(FieldType::Ref(target)), Some(_)) => assert_eq!(target, json["ref"].as_str().unwrap()),
                // Version 0.2 does not know the newer kinds; we do.
                (Ok(FieldType::Sparse), Some(_)) => assert_eq!(version, "python-0.2"),
                (Ok(field_type), None) => {
                    assert_eq!(python_type(&field_type, false), case["python"].as_str().unwrap());
                }
                (Err(found), Some(error)) if *json == json!({}) => {
                    // Python complains of the kind, we of the missing name of a primitive.
                    assert_eq!(found.kind(), ErrorKind::Corrupt);
                    assert_eq!(error["message"].as_str(), Some("Unknown field type kind: "));
                }
                (Err(found), Some(error)) => {
                    assert_eq!(found.kind(), ErrorKind::Unsupported);
                    assert_eq!(found.message(), error["message"].as_str().unwrap());
                }
                (found, _) => panic!("{json}: {found:?}"),
            }
        }
    }
}

#[test]
fn references_are_parsed_as_in_python_or_more_kindly() {
    for version in VERSIONS {
        for case in list(&fixture(version, "schemas.json")["schema_refs"]) {
            let text = case["ref"].as_str().unwrap();
            let parsed = text.parse::<SchemaRef>();
            if let Some(result) = case.get("result") {
                let (name, version) = (result[0].as_str().unwrap(), result[1].as_str().unwrap());
                if name.is_empty() || version.is_empty() {
                    // Nothing can be stored under such a reference.
                    assert_eq!(parsed.unwrap_err().kind(), ErrorKind::Invalid, "{text}");
                    continue;
                }
                let parsed = parsed.unwrap();
                assert_eq!(parsed, SchemaRef::local(name, version), "{text}");
                continue;
            }
            let message = case["error"]["message"].as_str().unwrap();
            match parsed {
                Err(error) => assert_eq!((error.kind(), error.message()), (ErrorKind::Invalid, message)),
                // A missing version means the latest; those who need one say what Python says.
                Ok(reference) if message.contains("must include version") => {
                    let error = reference.name_and_version().unwrap_err();
                    assert!(
                        error.message().starts_with("Schema reference must include version (@version): ")
                    );
                }
                // The other version's prefix, other authorities, records and the shorthand.
                Ok(reference) => {
                    let known = ["A@1.0.0", "at://did:plc:x/y/z", "atdata://remote/schema/A@1.0.0"];
                    let other_prefix = text == "atdata://local/sampleSchema/A@1.0.0";
                    assert!(known.contains(&text) || other_prefix, "{text}: {reference:?}");
                }
            }
        }
    }
}

/// What both Python versions publish to ATProto is one and the same schema to us, the dtypes apart.
#[test]
fn published_records_of_both_generations_agree() {
    let published = |version: &str| {
        let records = fixture(version, "atproto-records.json");
        let mut schemas = Vec::new();
        for sent in list(&records["published"]).iter().flat_map(|case| list(&case["sent"])) {
            if sent["collection"].as_str().unwrap().to_lowercase().ends_with("schema") {
                schemas.push(SampleSchema::from_record(&sent["record"]).unwrap());
            }
        }
        schemas
    };
    let (old, new) = (published("python-0.2"), published("python-0.7"));
    assert_eq!((old.len(), new.len()), (3, 4));
    for (old, new) in old.iter().zip(&new) {
        assert_eq!((&old.name, &old.version, &old.description), (&new.name, &new.version, &new.description));
        assert_eq!(old.metadata, new.metadata);
        let difference = diff(old, new);
        assert!(difference.can_read_old_data() && difference.can_old_read_new(), "{difference}");
    }
    let metadata = old[1].metadata.as_ref().unwrap();
    assert_eq!(metadata.get("license"), Some(&Value::from("MIT")));
    assert_eq!(old[1].description.as_deref(), Some("désc"));
    // The fault of version 0.2: the field is unsigned.
    assert_eq!(old[0].get("a_arr_u8").unwrap().field_type, FieldType::ndarray("int8"));
}

#[test]
fn errors_name_the_field_and_the_schema() {
    let record = |field_type: Json| json!({"name": "S", "version": "1.0.0", "fields": [{"name": "f", "fieldType": field_type}]});
    let error = SampleSchema::from_record(&record(json!({"$type": "local#nope"}))).unwrap_err();
    assert_eq!(error.to_string(), "unsupported: Unknown field type kind: nope (field: f, schema: S)");
    let mut nested = json!({"$type": "local#any"});
    for _ in 0..60 {
        nested = json!({"$type": "local#array", "items": nested});
    }
    assert_eq!(SampleSchema::from_record(&record(nested)).unwrap_err().kind(), ErrorKind::Corrupt);
    for broken in [
        "",
        "[]",
        "{}",
        "{\"name\": 1}",
        r#"{"name": "S", "fields": {}}"#,
        r#"{"name": "S", "fields": [{}]}"#,
    ] {
        assert_eq!(SampleSchema::from_json(broken).unwrap_err().kind(), ErrorKind::Corrupt, "{broken}");
    }
}

#[test]
fn versions_of_another_form_and_unreadable_times_are_tolerated() {
    let text = r#"{"name": "S", "version": "draft", "fields": [], "createdAt": "soon"}"#;
    let schema = SampleSchema::from_json(text).unwrap();
    assert_eq!((schema.version.release(), schema.created_at), (None, None));
    assert_eq!(schema.version, SchemaVersion::Other("draft".into()));
}

#[test]
fn generated_structs_cover_every_type() {
    let array = ArrayType {
        dtype: Some("float16".into()),
        shape: Some(vec![None, Some(28)]),
        dimension_names: Some(vec!["y".into(), "x".into()]),
    };
    let point = FieldType::Object(vec![
        Field::new("x", Primitive::Float),
        Field::new("y", Primitive::Float).with_default(1i64),
    ]);
    let schema = SampleSchema::new("every.Thing")
        .with_version("1.2.3")
        .with_description("First.\n\nSecond \u{202e}line.\n")
        .field(Field::new("type", Primitive::Str).with_default("a\"b"))
        .field(Field::new("self", Primitive::Int))
        .field(Field::new("camelCase", Primitive::Bool).optional().with_default(true))
        .field(Field::new("raw", Primitive::Bytes))
        .field(Field::new("half", array).with_description("Half floats, as they came from the camera."))
        .field(Field::new("image", FieldType::ndarray("uint8")).optional())
        .field(Field::new("any_array", ArrayType::default()))
        .field(Field::new("table", FieldType::DataFrame))
        .field(Field::new("records", FieldType::Structured(ArrayType::default())))
        .field(Field::new("points", FieldType::list(FieldType::nullable(point))))
        .field(Field::new("counts", FieldType::map(Primitive::Int)))
        .field(Field::new("tags", FieldType::list(Primitive::Str)).with_default(vec![Value::from("x")]))
        .field(Field::new("other", FieldType::Ref("at://a/b/c\n}".into())));
    assert_eq!(to_rust(&schema), include_str!("schema_codegen.txt"));
}

#[test]
fn hostile_names_stay_inside_literals() {
    let evil = "x\"); std::process::exit(1); //\n";
    let schema = SampleSchema::new(evil).with_description(evil).field(
        Field::new(evil, FieldType::Ref(evil.into())).with_description(evil).with_default(Value::from(evil)),
    );
    for line in to_rust(&schema).lines() {
        let exits = line.contains("exit(1)");
        let harmless =
            line.trim_start().starts_with("//") || line.contains("\\\"); std::process::exit(1); //\\n\"");
        assert!(!exits || harmless, "{line}");
    }
}

fn names() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z_][a-z0-9_]{0,8}", any::<String>()]
}

fn field_types() -> impl Strategy<Value = FieldType> {
    use FieldType as T;
    let array = (
        prop::option::of(any::<String>()),
        prop::option::of(prop::collection::vec(any::<Option<u64>>(), 0..4)),
    )
        .prop_map(|(dtype, shape)| ArrayType { dtype, shape, dimension_names: None });
    let leaf = prop_oneof![
        prop::sample::select(vec![
            Primitive::Str,
            Primitive::Int,
            Primitive::Float,
            Primitive::Bool,
            Primitive::Bytes
        ])
        .prop_map(T::Primitive),
        prop::sample::select(vec![T::Sparse, T::ArrowTensor, T::Safetensors, T::DataFrame, T::Any]),
        array.clone().prop_map(T::NdArray),
        array.prop_map(T::Structured),
        any::<String>().prop_map(T::Ref),
    ];
    leaf.prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(T::list),
            inner.clone().prop_map(T::map),
            inner.clone().prop_map(T::nullable),
            prop::collection::vec((names(), inner), 0..3).prop_map(|fields| T::Object(
                fields.into_iter().map(|(name, t)| Field::new(name, t)).collect()
            )),
        ]
    })
}

fn defaults() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Nil),
        any::<u64>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("finite", |v| v.is_finite()).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        any::<Vec<u8>>().prop_map(|bytes| Value::Bytes(bytes.into())),
        prop::collection::vec(any::<bool>().prop_map(Value::from), 0..3).prop_map(Value::from),
    ]
}

fn schemas() -> impl Strategy<Value = SampleSchema> {
    let field = (
        names(),
        field_types(),
        any::<bool>(),
        prop::option::of(any::<String>()),
        prop::option::of(defaults()),
    )
        .prop_map(|(name, field_type, optional, description, default)| Field {
            name,
            field_type,
            optional,
            description,
            default,
        });
    (
        names(),
        any::<(u64, u64, u64)>(),
        prop::option::of(any::<String>()),
        0i64..=253_402_300_799,
        prop::collection::vec(field, 0..6),
    )
        .prop_map(|(name, (major, minor, patch), description, seconds, fields)| SampleSchema {
            version: atdata_core::schema::Version::new(major, minor, patch).into(),
            fields,
            description,
            created_at: time::OffsetDateTime::from_unix_timestamp(seconds).ok(),
            ..SampleSchema::new(name)
        })
}

fn json_values() -> impl Strategy<Value = Json> {
    let key = prop::sample::select(vec![
        "name",
        "version",
        "fields",
        "fieldType",
        "$type",
        "kind",
        "items",
        "schema",
        "properties",
        "required",
        "type",
        "dtype",
        "shape",
        "optional",
        "default",
        "metadata",
        "createdAt",
        "primitive",
        "$ref",
        "content",
    ]);
    let text = prop::sample::select(vec![
        "local#primitive",
        "local#ndarray",
        "local#array",
        "local#object",
        "str",
        "int",
        "array",
        "object",
        "ndarray",
        "S",
        "1.0.0",
        "jsonSchema",
    ]);
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        text.prop_map(Json::from),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
            prop::collection::vec((key.clone(), inner), 0..6)
                .prop_map(|entries| entries.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()),
        ]
    })
}

proptest! {
    #[test]
    fn schemas_survive_json(schema in schemas()) {
        let text = schema.to_json().unwrap();
        prop_assert!(text.is_ascii());
        prop_assert_eq!(SampleSchema::from_json(&text).unwrap(), schema);
    }

    #[test]
    fn any_schema_can_be_printed_generated_and_compared(old in schemas(), new in schemas()) {
        let _ = (old.to_string(), to_rust(&old), old.validate());
        let _ = diff(&old, &new).to_string();
        let same = diff(&old, &old);
        prop_assert!(same.is_identical() && same.changes.is_empty());
    }

    #[test]
    fn any_json_is_a_schema_or_an_error(json in json_values()) {
        if let Ok(schema) = SampleSchema::from_record(&json) {
            let again = SampleSchema::from_json_value(&schema.to_json_value().unwrap()).unwrap();
            prop_assert_eq!(again.fields, schema.fields);
        }
    }

    #[test]
    fn any_text_is_a_reference_or_an_error(text in "[@:/.a-zA-Z0-9]{0,30}|\\PC{0,20}") {
        if let Ok(reference) = text.parse::<SchemaRef>() {
            for profile in [Profile::Seed, Profile::Latest] {
                prop_assert_eq!(&reference.to_text(profile).parse::<SchemaRef>().unwrap(), &reference);
            }
        }
    }

    #[test]
    fn references_survive_printing(name in "[A-Za-z_][A-Za-z0-9_]{0,8}", numbers in any::<(u64, u64, u64)>()) {
        let version = atdata_core::schema::Version::new(numbers.0, numbers.1, numbers.2);
        let reference = SchemaRef::local(name, version);
        prop_assert_eq!(reference.to_text(Profile::Seed).parse::<SchemaRef>().unwrap(), reference);
    }
}
