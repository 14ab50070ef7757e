//! Lenses as data, and their records.

use atdata_core::lens::{DataLens, LensRecord};
use atdata_core::schema::{Field, FieldType, Primitive, SampleSchema};
use atdata_core::{DictSample, Map, Value};
use serde_json::Value as Json;

use super::texts::text_of;

/// Reads the input as a lens, and as a record of one.
pub fn lens_json(input: &[u8]) {
    let text = text_of(input);
    if let Ok(lens) = DataLens::from_json(&text) {
        accepted(&lens);
    }
    if let Ok(record) = LensRecord::from_json(&text) {
        stored(&record);
        if let Ok(lens) = record.as_unverified() {
            let _ = lens.lens(&source(), &source());
        }
    }
}

/// A lens that was accepted is the same after writing and reading. Where it fits schemas it gets and puts, and putting back
/// what was got changes nothing.
fn accepted(lens: &DataLens) {
    let json = lens.to_json_value().expect("what was read can be written").to_string();
    let again = DataLens::from_json(&json).unwrap_or_else(|error| panic!("{json}: {error}"));
    assert_eq!(again, *lens, "{json}");
    for view in [source(), view()] {
        let Ok(ready) = lens.lens(&source(), &view) else { continue };
        if let Ok(got) = ready.get(&sample()) {
            let put = ready.put(&got, &sample()).unwrap_or_else(|error| panic!("{json}: {error}"));
            assert_eq!(put, sample(), "{json}");
        }
        let _ = ready.put(&DictSample::new(), &sample());
        if let Ok(record) = LensRecord::of(lens, &source(), &view) {
            stored(&record);
        }
    }
}

/// A record is the same after writing and reading, in both forms.
fn stored(record: &LensRecord) {
    let _ = record.validate();
    let json = record.to_json().expect("what was read can be written");
    let again = LensRecord::from_json(&json).unwrap_or_else(|error| panic!("{json}: {error}"));
    assert_eq!(again, *record, "{json}");
    let map = record.to_network_map().expect("what was read can be written");
    let mut again = record.clone();
    again.read_network_map(&map).unwrap_or_else(|error| panic!("{map}: {error}"));
    assert_eq!(again, *record, "{map}");
    assert_eq!(again.to_json().expect("written"), json);
}

fn source() -> SampleSchema {
    let camera = vec![Field::new("fov", Primitive::Int), Field::new("name", Primitive::Str).optional()];
    let fields = [
        Field::new("n", Primitive::Int),
        Field::new("x", Primitive::Float).optional(),
        Field::new("camera", FieldType::Object(camera)).optional(),
        Field::new("table", FieldType::map(Primitive::Int)),
    ];
    fields.into_iter().fold(SampleSchema::new("Source"), SampleSchema::field)
}

/// What the first seed makes of the source.
fn view() -> SampleSchema {
    let fields = [
        Field::new("fov", Primitive::Str).optional(),
        Field::new("x", Primitive::Float),
        Field::new("n", Primitive::Float),
        Field::new("k", Primitive::Str),
        Field::new("a", Primitive::Int).optional(),
    ];
    fields.into_iter().fold(SampleSchema::new("View"), SampleSchema::field)
}

fn sample() -> DictSample {
    let camera = Map::from_iter([("fov", Value::from(60i64)), ("name", Value::Nil)]);
    let table = Map::from_iter([("a", Value::from(1i64)), ("b", Value::from(2i64))]);
    let fields =
        [("n", Value::from(3i64)), ("x", Value::Nil), ("camera", camera.into()), ("table", table.into())];
    fields.into_iter().collect()
}

/// Lenses of every step, and records of every kind.
pub(super) fn seeds() -> Vec<Vec<u8>> {
    let lens = DataLens::new("fov", "Source@1.0.0", "View@1.0.0")
        .rename("camera.fov", "fov")
        .drop(["camera"])
        .cast("fov", Primitive::Str)
        .with_default("x", 0.5)
        .cast("n", Primitive::Float)
        .constant("k", "K")
        .rename("table.a", "a");
    let same = DataLens::new("same", "Source@1.0.0", "Source@1.0.0").with_description("nothing");
    let copy =
        DataLens::new("copy", "A", "B").copy("n", "m").keep(["n", "m"]).constant("o", vec![Value::Nil]);
    let nested = DataLens::new("nested", "A@1.0.0", "B@1.0.0").rename("n", "made.n").keep(["made.n"]);
    let map = DataLens::new("map", "@a.test/A@1.0.0", "B").rename(["table", "a.b"], "a").drop(["table"]);
    let casts = DataLens::new("casts", "A", "B")
        .cast("image", FieldType::ndarray("float32"))
        .cast("list", FieldType::list(FieldType::nullable(Primitive::Int)))
        .cast("table", FieldType::map(Primitive::Bool));
    let values = DataLens::new("values", "A", "B")
        .constant("a", Map::from_iter([("z", Value::from(0.5)), ("a", Value::from(u64::MAX))]))
        .with_default("b", Value::Bytes(vec![0u8, 255].into()));
    let mut seeds: Vec<Vec<u8>> = [&lens, &same, &copy, &nested, &map, &casts, &values]
        .into_iter()
        .map(|lens| lens.to_json_value().expect("a lens").to_string().into_bytes())
        .collect();
    for (lens, view) in [(&lens, view()), (&same, source())] {
        let mut record = LensRecord::of(lens, &source(), &view).expect("it fits");
        record.created_at = Some(time::OffsetDateTime::UNIX_EPOCH);
        seeds.push(record.to_json().expect("a lens").into_bytes());
    }
    let record = |getter: Json| {
        serde_json::json!({"name": "n", "version": "1.0.0", "source_schema": "A", "view_schema": "B", "getter": getter,
            "putter": {"kind": "opaque"}, "created_at": "2026-11-22T07:06:38+00:00"})
    };
    let mapping = serde_json::json!({"source_field": "n", "view_field": "n", "transform": null});
    for getter in [
        serde_json::json!({"kind": "field_mapping", "mappings": [mapping]}),
        serde_json::json!({"kind": "code_reference", "module": "m", "qualname": "f"}),
        serde_json::json!({"kind": "opaque"}),
    ] {
        seeds.push(record(getter).to_string().into_bytes());
    }
    seeds
}
