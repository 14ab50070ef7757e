//! Records of lenses: ours and Python's.

use atdata_core::lens::{CodeLocation, DataLens, FieldMapping, LensBody, LensRecord, LensTrust};
use atdata_core::schema::{Field, FieldType, Primitive, SampleSchema, is_record_value};
use atdata_core::{DictSample, ErrorKind, Map, Value};
use atdata_testkit::fixtures;
use serde_json::{Value as Json, json};

use super::schema;

fn wide() -> SampleSchema {
    let fields = [
        Field::new("label", Primitive::Int),
        Field::new("score", Primitive::Float),
        Field::new("name", Primitive::Str).optional(),
    ];
    schema("Wide", fields)
}

fn narrow() -> SampleSchema {
    schema("Narrow", [Field::new("class_id", Primitive::Int), Field::new("score", Primitive::Float)])
}

fn renaming() -> DataLens {
    DataLens::new("narrow", "Wide@1.0.0", "Narrow@1.0.0").rename("label", "class_id").drop(["name"])
}

fn text_view() -> SampleSchema {
    schema("Text", [Field::new("label", Primitive::Str), Field::new("k", Primitive::Float)])
}

fn casting() -> DataLens {
    let lens = DataLens::new("text", "Wide@1.0.0", "Text@1.0.0").with_version("2.0.1");
    lens.keep(["label"]).cast("label", Primitive::Str).constant("k", 0.5).with_description("é")
}

fn written(record: &LensRecord) -> Json {
    serde_json::from_str(&record.to_json().unwrap()).unwrap()
}

#[test]
fn a_lens_that_only_renames_is_one_that_python_can_use() {
    let record = LensRecord::of(&renaming(), &wide(), &narrow()).unwrap();
    let json = written(&record);
    let mapping = |a: &str, b: &str| json!({"source_field": a, "view_field": b, "transform": null});
    assert_eq!(
        json["getter"],
        json!({"kind": "field_mapping", "mappings": [mapping("label", "class_id"), mapping("score", "score")]})
    );
    assert_eq!(
        json["putter"],
        json!({"kind": "field_mapping", "mappings": [mapping("class_id", "label"), mapping("score", "score")]})
    );
    assert_eq!((&json["source_schema"], &json["view_schema"]), (&json!("Wide"), &json!("Narrow")));
    assert!(json.get("description").is_none() && json["created_at"].as_str().unwrap().ends_with("+00:00"));
    let keys: Vec<&String> = json.as_object().unwrap().keys().take(7).collect();
    assert_eq!(keys, ["name", "version", "source_schema", "view_schema", "getter", "putter", "created_at"]);

    let again = LensRecord::from_json_value(&json).unwrap();
    assert_eq!((again.trust(), again.data().unwrap()), (LensTrust::Steps, renaming()));
    assert_eq!(written(&again), json);
}

#[test]
fn every_other_lens_is_opaque_to_python() {
    let record = LensRecord::of(&casting(), &wide(), &text_view()).unwrap();
    let json = written(&record);
    assert_eq!((&json["getter"], &json["putter"]), (&json!({"kind": "opaque"}), &json!({"kind": "opaque"})));
    assert_eq!((&json["version"], &json["description"]), (&json!("2.0.1"), &json!("é")));
    let again = LensRecord::from_json_value(&json).unwrap();
    assert_eq!((again.trust(), again.data().unwrap()), (LensTrust::Steps, casting()));
    // A copy is no mapping: Python would not notice that both were changed differently.
    let twice = schema("T", [Field::new("label", Primitive::Int), Field::new("more", Primitive::Int)]);
    let copy = DataLens::new("copy", "Wide@1.0.0", "T@1.0.0").keep(["label"]).copy("label", "more");
    assert_eq!(written(&LensRecord::of(&copy, &wide(), &twice).unwrap())["getter"]["kind"], "opaque");
}

#[test]
fn a_record_is_made_of_what_was_proved_only() {
    let error = LensRecord::of(&renaming(), &wide(), &text_view()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let other = wide().with_version("1.1.0");
    let error = LensRecord::of(&renaming(), &other, &narrow()).unwrap_err();
    assert_eq!(error.context_value("schema"), Some("Wide@1.0.0"), "{error}");
    // Without a version it is that of the schema.
    let mut open = renaming();
    open.source_schema = "atdata://local/schema/Wide".into();
    let record = LensRecord::of(&open, &other, &narrow()).unwrap();
    assert_eq!(record.source_schema, "atdata://local/schema/Wide@1.1.0");
}

#[test]
fn mappings_beside_steps_are_believed_as_far_as_the_steps_bear_them_out() {
    let mut json = written(&LensRecord::of(&renaming(), &wide(), &narrow()).unwrap());
    json["getter"]["mappings"][0]["source_field"] = json!("score");
    let record = LensRecord::from_json_value(&json).unwrap();
    assert_eq!(record.data().unwrap(), renaming());
    assert_eq!(written(&record)["getter"], json!({"kind": "opaque"}));
}

#[test]
fn what_python_stored_is_read_and_not_trusted() {
    let dump = fixtures::json("python-0.7/redis-dump.json");
    let mut found = Vec::new();
    collect(&dump, &mut |text| {
        if text.contains("\"getter\"") {
            found.push(LensRecord::from_json(text).unwrap());
        }
    });
    assert_eq!(found.len(), 2);
    for record in &found {
        // One of them adds one. Nothing in the record says so.
        assert_eq!(record.trust(), LensTrust::Unverified, "{record}");
        let error = record.data().unwrap_err();
        assert_eq!(
            (error.kind(), error.context_value("lens")),
            (ErrorKind::Unsupported, Some(record.name.as_str()))
        );
        let data = record.as_unverified().unwrap();
        let source = [
            Field::new("label", Primitive::Int),
            Field::new("x", Primitive::Int),
            Field::new("score", Primitive::Int),
        ];
        let view = [Field::new("label", Primitive::Int), Field::new("score", Primitive::Int)];
        let lens = data.lens(&schema("ManifestSample", source), &schema("NameOnly", view)).unwrap();
        let sample = DictSample::from_iter([("label", 1i64), ("x", 2), ("score", 3)]);
        assert_eq!(lens.get(&sample).unwrap(), DictSample::from_iter([("label", 1i64), ("score", 3)]));
    }
}

fn collect(json: &Json, visit: &mut dyn FnMut(&str)) {
    match json {
        Json::String(text) => visit(text),
        Json::Array(items) => items.iter().for_each(|item| collect(item, visit)),
        Json::Object(map) => map.values().for_each(|item| collect(item, visit)),
        _ => {}
    }
}

fn python(getter: Json, putter: Json) -> LensRecord {
    let json = json!({"name": "n", "version": "1.0.0", "source_schema": "A", "view_schema": "B",
        "getter": getter, "putter": putter, "created_at": "2026-11-22T07:06:38.789579+00:00"});
    let record = LensRecord::from_json_value(&json).unwrap();
    assert_eq!(written(&record), json);
    record
}

#[test]
fn code_is_never_executed_and_says_so() {
    let code = json!({"kind": "code_reference", "module": "os", "qualname": "system"});
    let record = python(code.clone(), json!({"kind": "opaque"}));
    let getter = CodeLocation::Python { module: "os".into(), qualname: "system".into() };
    assert_eq!(record.body, LensBody::Code { getter: getter.clone(), putter: None });
    for error in [record.data().unwrap_err(), record.as_unverified().unwrap_err()] {
        assert_eq!((error.kind(), error.context_value("code")), (ErrorKind::Unsupported, Some("os:system")));
        assert!(error.message().contains("never executed"), "{error}");
    }
    assert_eq!(
        python(code.clone(), code).body,
        LensBody::Code { getter: getter.clone(), putter: Some(getter) }
    );
}

#[test]
fn nothing_is_made_of_an_opaque_lens() {
    let record = python(json!({"kind": "opaque"}), json!({"kind": "opaque"}));
    assert_eq!(record.trust(), LensTrust::Opaque);
    assert_eq!(record.as_unverified().unwrap_err().kind(), ErrorKind::Unsupported);
    // Nor of one that a later version stores.
    let json = json!({"name": "n", "version": "1.0.0", "source_schema": "A", "view_schema": "B", "getter": {"kind": "wasm"}});
    assert_eq!(LensRecord::from_json_value(&json).unwrap().body, LensBody::Opaque);
    let mut json = json;
    json["data_lens"] = json!({"format": 9, "steps": []});
    assert_eq!(LensRecord::from_json_value(&json).unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn fields_that_change_names_with_each_other_do() {
    let mappings = |pairs: &[(&str, &str)]| {
        let body = LensBody::Mappings(pairs.iter().map(|(a, b)| FieldMapping::new(*a, *b)).collect());
        LensRecord::new("n", "1.0.0", "A", "B", body).as_unverified().unwrap()
    };
    let ints = |name: &str, fields: &[&str]| {
        schema(name, fields.iter().map(|field| Field::new(*field, Primitive::Int)))
    };
    let sample = DictSample::from_iter([("a", 1i64), ("b", 2), ("c", 3)]);
    for (pairs, seen) in [
        (vec![("a", "b"), ("b", "a")], vec![("b", 1i64), ("a", 2)]),
        (vec![("a", "b"), ("b", "c"), ("c", "a")], vec![("b", 1), ("c", 2), ("a", 3)]),
        (vec![("a", "x"), ("a", "y"), ("c", "c")], vec![("x", 1), ("y", 1), ("c", 3)]),
        (vec![("a", "b")], vec![("b", 1)]),
        (vec![("b", "b"), ("b", "a")], vec![("b", 2), ("a", 2)]),
    ] {
        let fields: Vec<&str> = pairs.iter().map(|(_, view)| *view).collect();
        let lens = mappings(&pairs).lens(&ints("A", &["a", "b", "c"]), &ints("B", &fields)).unwrap();
        assert_eq!(lens.get(&sample).unwrap(), seen.into_iter().collect::<DictSample>(), "{pairs:?}");
        assert_eq!(lens.put(&lens.get(&sample).unwrap(), &sample).unwrap(), sample);
    }
    let mut transformed = FieldMapping::new("a", "a");
    transformed.transform = Some("upper".into());
    let record = LensRecord::new("n", "1.0.0", "A", "B", LensBody::Mappings(vec![transformed]));
    assert_eq!(record.as_unverified().unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn the_network_holds_every_kind_of_lens() {
    let odd = Map::from_iter([("z", Value::from(0.5)), ("a", Value::from(i64::MAX))]);
    let view =
        schema("V", [Field::new("label", Primitive::Int), Field::new("k", FieldType::map(FieldType::Any))]);
    let constant = DataLens::new("odd", "Wide@1.0.0", "V@1.0.0").keep(["label"]).constant("k", odd);
    let repository =
        CodeLocation::Repository { repository: "https://r".into(), commit: "00".into(), path: "m:f".into() };
    let records = [
        LensRecord::of(&renaming(), &wide(), &narrow()).unwrap(),
        LensRecord::of(&casting(), &wide(), &text_view()).unwrap(),
        LensRecord::of(&constant, &wide(), &view).unwrap(),
        LensRecord::new("m", "1.0.0", "A", "B", LensBody::Mappings(vec![FieldMapping::new("a", "b")])),
        LensRecord::new("c", "draft", "A", "B", LensBody::Code { getter: repository, putter: None }),
        LensRecord::new("o", "1.0.0", "A", "B", LensBody::Opaque),
    ];
    for record in records {
        let map = record.to_network_map().unwrap();
        assert!(is_record_value(&Value::Map(map.clone())), "{map}");
        let mut again = LensRecord::new(
            &*record.name,
            "0.0.1",
            &*record.source_schema,
            &*record.view_schema,
            LensBody::Opaque,
        );
        (again.description, again.created_at) = (record.description.clone(), record.created_at);
        again.read_network_map(&map).unwrap();
        assert_eq!(again, record);
        assert_eq!(written(&again), written(&record));
    }
}

#[test]
fn the_same_version_is_the_same_lens() {
    let record = LensRecord::of(&renaming(), &wide(), &narrow()).unwrap();
    let mut same = record.clone();
    same.description = Some("in other words".into());
    same.source_schema = "atdata://local/schema/Wide@1.0.0".into();
    same.created_at = None;
    record.check_republication(&same).unwrap();
    let other = renaming().rename("score", "t").rename("t", "score");
    let error = record.check_republication(&LensRecord::of(&other, &wide(), &narrow()).unwrap()).unwrap_err();
    assert_eq!((error.kind(), error.is_retryable()), (ErrorKind::Conflict, false));
    assert!(
        error.message().contains("- narrow 1.0.0: ") && error.message().contains("rename score to t"),
        "{error}"
    );
}

#[test]
fn damaged_records_are_corrupt_and_names_are_checked() {
    for text in [
        "",
        "7",
        "{}",
        r#"{"name": "n"}"#,
        r#"{"name": 7, "source_schema": "A", "view_schema": "B"}"#,
        r#"{"name": "n", "source_schema": "A", "view_schema": "B", "getter": {"kind": "field_mapping"}}"#,
        r#"{"name": "n", "source_schema": "A", "view_schema": "B", "getter": {"kind": "field_mapping", "mappings": [7]}}"#,
        r#"{"name": "n", "source_schema": "A", "view_schema": "B", "getter": {"kind": "code_reference"}}"#,
        r#"{"name": "n", "source_schema": "A", "view_schema": "B", "data_lens": {"steps": [{}], "source_schema": "A", "view_schema": "B"}}"#,
    ] {
        assert_eq!(LensRecord::from_json(text).unwrap_err().kind(), ErrorKind::Corrupt, "{text}");
    }
    let named =
        |name: &str, version: &str| LensRecord::new(name, version, "A", "B", LensBody::Opaque).validate();
    for name in ["", "a@b", "a/b", " a", "a\n", &"a".repeat(101)] {
        assert_eq!(named(name, "1.0.0").unwrap_err().kind(), ErrorKind::Invalid, "{name:?}");
    }
    for version in ["", "1 0", "1@0"] {
        assert_eq!(named("a", version).unwrap_err().kind(), ErrorKind::Invalid, "{version:?}");
    }
    for name in ["my lens", "数字", "a.b-c_d"] {
        named(name, "draft-1").unwrap();
    }
}

#[test]
fn the_documented_lens_is_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/lenses.md");
    let document = std::fs::read_to_string(path).unwrap();
    let json = document.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let lens = DataLens::from_json(json).unwrap();
    let kinds: Vec<&str> = lens.steps.iter().map(|step| step.kind()).collect();
    for kind in ["rename", "copy", "keep", "drop", "default", "cast", "constant"] {
        assert!(kinds.contains(&kind), "{kind}");
    }
    assert_eq!(lens.to_json_value().unwrap(), serde_json::from_str::<Json>(json).unwrap());
    // It fits schemas like those that it names.
    let camera = vec![Field::new("fov", Primitive::Int), Field::new("name", Primitive::Str)];
    let shot = [
        Field::new("image", FieldType::ndarray("uint8")),
        Field::new("meta", FieldType::Object(vec![Field::new("camera", FieldType::Object(camera))])),
        Field::new("tags", FieldType::map(Primitive::Str)),
        Field::new("n", Primitive::Int),
        Field::new("note", Primitive::Str).optional(),
    ];
    let frame = [
        Field::new("image", FieldType::ndarray("float32")),
        Field::new("fov", Primitive::Float),
        Field::new("note", Primitive::Str),
        Field::new("first", FieldType::Object(vec![Field::new("n", Primitive::Int)])),
        Field::new("unit", Primitive::Str),
    ];
    lens.lens(&schema("Shot", shot), &schema("Frame", frame)).unwrap();
}
