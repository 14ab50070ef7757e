//! Generated structs compile and have the schema that they were generated from.
#![allow(missing_docs, unreachable_pub, dead_code, clippy::unwrap_used, clippy::panic)]

use atdata::schema::{ArrayType, Field, FieldType, Primitive, SampleSchema, diff, to_rust};
use atdata::{Packable, Value};

mod generated {
    pub mod every_kind;
    pub mod every_python_field;
}

/// Set to renew the generated files.
const UPDATE: &str = "UPDATE_GENERATED";

fn check<T: Packable>(file: &str, schema: &SampleSchema) {
    let path = format!("{}/tests/generated/{file}", env!("CARGO_MANIFEST_DIR"));
    let code = to_rust(schema);
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, &code).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap(), code, "set {UPDATE}=1 to renew {path}");
    let difference = diff(schema, &T::schema());
    assert!(difference.is_identical(), "{difference}");
    assert_eq!(T::schema().version, schema.version);
}

#[test]
fn every_field_type_of_ours() {
    let array = ArrayType {
        dtype: Some("uint8".to_owned()),
        shape: Some(vec![None, Some(28)]),
        dimension_names: Some(vec!["row".to_owned(), "column".to_owned()]),
    };
    let inner = vec![Field::new("type", Primitive::Str), Field::new("x", Primitive::Float).optional()];
    let schema = SampleSchema::new("EveryKind")
        .with_version("2.1.0")
        .with_description("Every kind of field.\n\nWith \"quotes\" and é.")
        .field(Field::new("image", array).with_description("what is seen"))
        .field(Field::new("anyArray", ArrayType::default()))
        .field(Field::new("half", FieldType::ndarray("float16")))
        .field(Field::new("count", Primitive::Int).with_default(3i64))
        .field(Field::new("note", Primitive::Str).optional().with_default(Value::Nil))
        .field(Field::new("words", FieldType::list(Primitive::Str)).with_default(vec!["a".into()]))
        .field(Field::new("maybes", FieldType::list(FieldType::nullable(Primitive::Bool))))
        .field(Field::new("scores", FieldType::map(Primitive::Float)))
        .field(Field::new("anything", FieldType::Any).optional())
        .field(Field::new("place", FieldType::Object(inner)))
        .field(Field::new("raw", Primitive::Bytes))
        .field(Field::new("sparse", FieldType::Sparse))
        .field(Field::new("table", FieldType::DataFrame))
        .field(Field::new("records", FieldType::Structured(ArrayType::default())));
    schema.validate().unwrap();
    check::<generated::every_kind::EveryKind>("every_kind.rs", &schema);
}

#[test]
fn every_field_type_of_python() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../atdata-testkit/fixtures/python-0.7/schemas.json");
    let fixture: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let record = &fixture["local_records"][0]["record"];
    let schema = SampleSchema::from_json_value(record).unwrap();
    check::<generated::every_python_field::EveryField>("every_python_field.rs", &schema);
}
