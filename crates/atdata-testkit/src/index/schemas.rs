//! Schemas.

use atdata_core::schema::{ArrayType, Field, FieldType, Primitive, SampleSchema};
use atdata_core::{ErrorKind, Index, IndexExt, NewDataset, StoredSchema, Value};
use futures::TryStreamExt;

use super::{IndexHarness, at, schema, with};
use crate::suite::refused;

/// What has to come back; a publication adds a time, and may add metadata.
fn assert_same(found: &SampleSchema, expected: &SampleSchema) {
    assert_eq!((&found.name, &found.version), (&expected.name, &expected.version));
    assert_eq!(found.description, expected.description);
    assert_eq!(found.fields, expected.fields);
}

async fn listed(index: &dyn Index, prefix: &str) -> Vec<String> {
    let schemas: Vec<StoredSchema> = index.list_schemas(prefix).try_collect().await.expect("a listing");
    schemas.iter().map(|stored| format!("{}@{}", stored.schema.name, stored.schema.version)).collect()
}

pub(crate) async fn an_unknown_schema_is_not_found(harness: &dyn IndexHarness) {
    let index = harness.index();
    for reference in ["atdata://local/sampleSchema/Digit@1.0.0", "atdata://local/schema/Digit", "Digit@1.0.0"]
    {
        refused(index.get_schema(reference).await, ErrorKind::NotFound, reference);
    }
    let reference = index.publish_schema(&schema("Digit")).await.unwrap();
    let other = match reference.contains("1.0.0") {
        true => reference.replace("1.0.0", "1.0.1"),
        // A record's address, which does not tell what is there.
        false => format!("{reference}2"),
    };
    refused(index.get_schema(&other).await, ErrorKind::NotFound, &other);
}

pub(crate) async fn a_malformed_reference_is_invalid(harness: &dyn IndexHarness) {
    let index = harness.index();
    for reference in ["", "atdata://local/", "atdata://", "Digit@", "atdata://local/sampleSchema/@1.0.0"] {
        let error = index.get_schema(reference).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{reference:?}: {error}");
    }
}

pub(crate) async fn a_published_schema_is_found_by_its_reference(harness: &dyn IndexHarness) {
    let index = harness.index();
    let mut schema = schema("Digit");
    schema.description = Some("A digit and its name.".to_owned());
    let reference = index.publish_schema(&schema).await.unwrap();
    let stored = index.get_schema(&reference).await.unwrap();
    assert_eq!(stored.reference, reference);
    assert_same(&stored.schema, &schema);
}

pub(crate) async fn every_form_of_reference_finds_it(harness: &dyn IndexHarness) {
    let index = harness.index();
    let reference = index.publish_schema(&schema("Digit")).await.unwrap();
    for form in [
        "atdata://local/sampleSchema/Digit@1.0.0",
        "atdata://local/schema/Digit@1.0.0",
        "local://schemas/Digit@1.0.0",
        "local://schemas/some.module.Digit@1.0.0",
        "Digit@1.0.0",
        "Digit",
    ] {
        let stored = index.get_schema(form).await.unwrap();
        assert_eq!(stored.reference, reference, "{form}");
        assert_same(&stored.schema, &schema("Digit"));
    }
}

pub(crate) async fn the_latest_version_is_by_number_not_by_text(harness: &dyn IndexHarness) {
    let index = harness.index();
    for version in [[1, 2, 0], [1, 9, 0], [1, 10, 0]] {
        index.publish_schema(&at(version, schema("Digit"))).await.unwrap();
    }
    assert_same(&index.get_schema("Digit").await.unwrap().schema, &at([1, 10, 0], schema("Digit")));
    index.publish_schema(&at([10, 0, 0], schema("Digit"))).await.unwrap();
    index.publish_schema(&at([9, 0, 0], schema("Digit"))).await.unwrap();
    assert_same(&index.get_schema("Digit").await.unwrap().schema, &at([10, 0, 0], schema("Digit")));
}

pub(crate) async fn the_latest_version_does_not_depend_on_the_order_of_publication(
    harness: &dyn IndexHarness,
) {
    let index = harness.index();
    for version in [[2, 0, 0], [1, 0, 0], [1, 5, 0]] {
        index.publish_schema(&at(version, schema("Digit"))).await.unwrap();
    }
    // Names of which this one is the beginning, or the end, have versions of their own.
    index.publish_schema(&at([7, 0, 0], schema("Digits"))).await.unwrap();
    index.publish_schema(&at([8, 0, 0], schema("SomeDigit"))).await.unwrap();
    let latest = harness.reopen().await.get_schema("atdata://local/schema/Digit").await.unwrap();
    assert_same(&latest.schema, &at([2, 0, 0], schema("Digit")));
}

pub(crate) async fn publishing_the_same_fields_again_is_no_change(harness: &dyn IndexHarness) {
    let index = harness.index();
    let first = index.publish_schema(&schema("Digit")).await.unwrap();
    let second = index.publish_schema(&schema("Digit")).await.unwrap();
    assert_eq!(first, second);
    assert_eq!(listed(&*index, "").await, ["Digit@1.0.0"]);
}

pub(crate) async fn other_fields_under_the_same_version_are_a_conflict_that_shows_them(
    harness: &dyn IndexHarness,
) {
    let index = harness.index();
    index.publish_schema(&schema("Digit")).await.unwrap();
    let other = with(Field::new("surprise", Primitive::Bytes), schema("Digit"));
    let error = refused(index.publish_schema(&other).await, ErrorKind::Conflict, "surprise");
    assert!(error.to_string().contains("Digit"), "{error}");
    assert_same(&index.get_schema("Digit@1.0.0").await.unwrap().schema, &schema("Digit"));
    // Under its own version it is welcome.
    index.publish_schema(&at([1, 1, 0], other)).await.unwrap();
}

pub(crate) async fn every_field_type_is_kept(harness: &dyn IndexHarness) {
    let index = harness.index();
    let shaped = ArrayType {
        dtype: Some("uint8".to_owned()),
        shape: Some(vec![None, Some(28)]),
        dimension_names: Some(vec!["row".to_owned(), "column".to_owned()]),
    };
    let inner = vec![Field::new("x", Primitive::Float), Field::new("y", Primitive::Float).optional()];
    let mut types: Vec<FieldType> =
        [Primitive::Str, Primitive::Int, Primitive::Float, Primitive::Bool, Primitive::Bytes]
            .map(Into::into)
            .into();
    for dtype in [
        "bool",
        "int8",
        "int16",
        "int32",
        "int64",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
        "float16",
        "float32",
        "float64",
        "complex64",
        "complex128",
    ] {
        types.push(ArrayType { dtype: Some(dtype.to_owned()), ..ArrayType::default() }.into());
    }
    types.extend([
        FieldType::NdArray(shaped.clone()),
        FieldType::Structured(shaped),
        FieldType::Sparse,
        FieldType::ArrowTensor,
        FieldType::Safetensors,
        FieldType::DataFrame,
        FieldType::Array(Box::new(Primitive::Str.into())),
        FieldType::Array(Box::new(FieldType::Array(Box::new(Primitive::Int.into())))),
        FieldType::Map(Box::new(Primitive::Float.into())),
        FieldType::Object(inner.clone()),
        FieldType::Array(Box::new(FieldType::Object(inner))),
        FieldType::Array(Box::new(FieldType::Nullable(Box::new(Primitive::Str.into())))),
        FieldType::Any,
        FieldType::Ref("atdata://local/schema/Other@1.0.0".to_owned()),
    ]);
    let mut schema = SampleSchema::new("Everything");
    for (i, field_type) in types.into_iter().enumerate() {
        schema.fields.push(Field::new(format!("required_{i}"), field_type.clone()));
        schema.fields.push(Field::new(format!("optional_{i}"), field_type).optional());
    }
    schema.fields.push(Field::new("defaulted", Primitive::Int).with_default(Value::from(7i64)));
    schema.fields.push(Field::new("described", Primitive::Str).with_description("in words"));
    let reference = index.publish_schema(&schema).await.unwrap();
    assert_same(&harness.reopen().await.get_schema(&reference).await.unwrap().schema, &schema);
}

pub(crate) async fn descriptions_in_any_script_are_kept(harness: &dyn IndexHarness) {
    let index = harness.index();
    let texts = ["é", "数字", "🦀", "שלום", "\"quoted\" \\ / \u{0}\n\t", "  ", &"long ".repeat(900)];
    for (i, text) in (0u64..).zip(texts) {
        let mut schema = at([1, i, 0], schema("Digit"));
        schema.description = Some(text.to_owned());
        let reference = index.publish_schema(&schema).await.unwrap();
        assert_eq!(index.get_schema(&reference).await.unwrap().schema.description.as_deref(), Some(text));
    }
}

pub(crate) async fn the_next_version_follows_the_latest(harness: &dyn IndexHarness) {
    let index = harness.index();
    index.publish_next_schema(&schema("Digit")).await.unwrap();
    index
        .publish_schema(&at([1, 9, 9], with(Field::new("a", Primitive::Int), schema("Digit"))))
        .await
        .unwrap();
    let next = with(Field::new("b", Primitive::Int), schema("Digit"));
    let reference = index.publish_next_schema(&next).await.unwrap();
    assert_same(&index.get_schema(&reference).await.unwrap().schema, &at([1, 9, 10], next));
    assert_eq!(listed(&*index, "").await, ["Digit@1.0.0", "Digit@1.9.9", "Digit@1.9.10"]);
}

pub(crate) async fn the_next_version_of_the_same_fields_is_the_one_there_is(harness: &dyn IndexHarness) {
    let index = harness.index();
    let first = index.publish_next_schema(&schema("Digit")).await.unwrap();
    let second = index.publish_next_schema(&schema("Digit")).await.unwrap();
    assert_eq!(first, second);
    assert_eq!(listed(&*index, "").await, ["Digit@1.0.0"]);
}

pub(crate) async fn schemas_are_listed_by_name_and_version(harness: &dyn IndexHarness) {
    let index = harness.index();
    for (name, version) in [
        ("B", [1, 0, 0]),
        ("A", [1, 10, 0]),
        ("A", [1, 9, 0]),
        ("AB", [1, 0, 0]),
        ("a", [1, 0, 0]),
        ("A", [2, 0, 0]),
    ] {
        index.publish_schema(&at(version, schema(name))).await.unwrap();
    }
    assert_eq!(
        listed(&*index, "").await,
        ["A@1.9.0", "A@1.10.0", "A@2.0.0", "AB@1.0.0", "B@1.0.0", "a@1.0.0"]
    );
    assert_eq!(listed(&*index, "A").await, ["A@1.9.0", "A@1.10.0", "A@2.0.0", "AB@1.0.0"]);
    assert_eq!(listed(&*index, "AB").await, ["AB@1.0.0"]);
    assert!(listed(&*index, "C").await.is_empty());
}

pub(crate) async fn schema_prefixes_are_not_patterns(harness: &dyn IndexHarness) {
    let index = harness.index();
    for name in ["My_Schema", "MyXSchema", "Ünicode"] {
        index.publish_schema(&schema(name)).await.unwrap();
    }
    assert_eq!(listed(&*index, "My_").await, ["My_Schema@1.0.0"]);
    assert_eq!(listed(&*index, "Ü").await, ["Ünicode@1.0.0"]);
    for pattern in ["*", "?", "%", "My%", "[M]"] {
        assert!(listed(&*index, pattern).await.is_empty(), "{pattern}");
    }
}

pub(crate) async fn a_whole_schema_is_published_with_its_dataset(harness: &dyn IndexHarness) {
    let index = harness.index();
    let new = NewDataset::new("digits", schema("Digit"), vec!["a.tar".to_owned()]);
    let entry = index.insert_dataset(new).await.unwrap();
    let stored = harness.reopen().await.get_schema(entry.schema_ref()).await.unwrap();
    assert_same(&stored.schema, &schema("Digit"));
    assert_eq!(stored.reference, entry.schema_ref());
}

pub(crate) async fn a_conflicting_schema_inserts_nothing(harness: &dyn IndexHarness) {
    let index = harness.index();
    index.publish_schema(&schema("Digit")).await.unwrap();
    let other = with(Field::new("surprise", Primitive::Bytes), schema("Digit"));
    let new = NewDataset::new("digits", other, vec!["a.tar".to_owned()]).with_version("1.0.0");
    refused(index.insert_dataset(new).await, ErrorKind::Conflict, "surprise");
    refused(index.get_dataset("digits").await, ErrorKind::NotFound, "digits");
    refused(index.get_label("digits", None).await, ErrorKind::NotFound, "digits");
    assert_eq!(index.count_datasets().await.unwrap(), 0);
}

pub(crate) async fn a_refused_dataset_publishes_no_schema(harness: &dyn IndexHarness) {
    let index = harness.index();
    index.insert_dataset(super::new("digits", &["a.tar"])).await.unwrap();
    let new = NewDataset::new("digits", schema("Digit"), vec!["b.tar".to_owned()]);
    refused(index.insert_dataset(new).await, ErrorKind::AlreadyExists, "digits");
    assert!(listed(&*index, "").await.is_empty());
}

pub(crate) async fn decoding_gives_the_schema_as_data(harness: &dyn IndexHarness) {
    let index = harness.index();
    let reference = index.publish_schema(&schema("Digit")).await.unwrap();
    assert_same(&index.decode_schema(&reference).await.unwrap(), &schema("Digit"));
    refused(index.decode_schema("Other@1.0.0").await, ErrorKind::NotFound, "Other");
}

pub(crate) async fn another_handle_sees_what_was_published(harness: &dyn IndexHarness) {
    let index = harness.index();
    let before = harness.reopen().await;
    let reference = index.publish_schema(&schema("Digit")).await.unwrap();
    for handle in [before, harness.reopen().await] {
        assert_same(&handle.get_schema(&reference).await.unwrap().schema, &schema("Digit"));
        assert_eq!(listed(&*handle, "").await, ["Digit@1.0.0"]);
    }
}
