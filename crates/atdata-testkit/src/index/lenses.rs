//! Lenses.

use atdata_core::lens::{
    CodeLocation, DataLens, FieldMapping, LensBody, LensIndexExt, LensRecord, LensRegistry, LensTrust,
};
use atdata_core::schema::{Field, FieldType, Primitive};
use atdata_core::{DictSample, ErrorKind, Index, Map, StoredLens, Value};
use futures::TryStreamExt;

use super::{IndexHarness, schema, with};
use crate::suite::refused;

/// An index with the schemas `Digit` (`n: int`, `text: str`) and `Count` (`count: int`).
async fn prepared(harness: &dyn IndexHarness) -> std::sync::Arc<dyn Index> {
    let index = harness.index();
    index.publish_schema(&schema("Digit")).await.unwrap();
    let count = atdata_core::schema::SampleSchema::new("Count").field(Field::new("count", Primitive::Int));
    index.publish_schema(&count).await.unwrap();
    index
}

/// A lens that only renames and leaves out.
fn lens(name: &str) -> DataLens {
    DataLens::new(name, "Digit@1.0.0", "Count@1.0.0").rename("n", "count").drop(["text"])
}

/// Another lens between the same schemas.
fn other(name: &str) -> DataLens {
    DataLens::new(name, "Digit@1.0.0", "Count@1.0.0").drop(["text", "n"]).constant("count", 7i64)
}

async fn listed(index: &dyn Index, prefix: &str) -> Vec<String> {
    let lenses: Vec<StoredLens> = index.list_lenses(prefix).try_collect().await.expect("a listing");
    lenses.iter().map(|stored| format!("{}@{}", stored.record.name, stored.record.version)).collect()
}

/// What has to come back: the references of schemas are in the index's own form.
fn assert_same(found: &LensRecord, expected: &DataLens) {
    assert_eq!((&found.name, &found.version), (&expected.name, &expected.version));
    assert_eq!(found.description, expected.description);
    assert_eq!(found.trust(), LensTrust::Steps);
    assert_eq!(found.data().expect("steps").steps, expected.steps);
    assert!(found.created_at.is_some(), "{found:?}");
}

pub(crate) async fn an_unknown_lens_is_not_found(harness: &dyn IndexHarness) {
    if !harness.limits().lenses {
        return;
    }
    let index = prepared(harness).await;
    assert!(listed(&*index, "").await.is_empty());
    for reference in ["atdata://local/lens/count@1.0.0", "count@1.0.0", "count"] {
        refused(index.get_lens(reference).await, ErrorKind::NotFound, reference);
    }
    index.publish_data_lens(&lens("count")).await.unwrap();
    for reference in ["count@1.0.1", "coun", "counts", "counts@1.0.0"] {
        refused(index.get_lens(reference).await, ErrorKind::NotFound, reference);
    }
}

pub(crate) async fn a_malformed_lens_reference_is_invalid(harness: &dyn IndexHarness) {
    if !harness.limits().lenses {
        return;
    }
    let index = harness.index();
    for reference in ["", "count@", "atdata://", "atdata://local/schema/Digit@1.0.0", "at://x"] {
        let error = index.get_lens(reference).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{reference:?}: {error}");
    }
}

pub(crate) async fn a_published_lens_is_found_by_every_reference(harness: &dyn IndexHarness) {
    if !harness.limits().lenses {
        return;
    }
    let index = prepared(harness).await;
    let data = lens("my lens: é").with_description("Digits, counted.");
    let reference = index.publish_data_lens(&data).await.unwrap();
    for form in [reference.as_str(), "atdata://local/lens/my lens: é@1.0.0", "my lens: é@1.0.0", "my lens: é"]
    {
        let stored = index.get_lens(form).await.unwrap();
        assert_eq!(stored.reference, reference, "{form}");
        assert_same(&stored.record, &data);
    }
}

pub(crate) async fn a_published_lens_is_opened_and_works(harness: &dyn IndexHarness) {
    if !harness.limits().lenses {
        return;
    }
    let index = prepared(harness).await;
    index.publish_data_lens(&lens("count")).await.unwrap();
    let open = harness.reopen().await.open_lens("count").await.unwrap();
    assert_eq!((&*open.source.name, &*open.view.name), ("Digit", "Count"));
    let sample = DictSample::from_iter([("n", Value::from(3i64)), ("text", "three".into())]);
    let seen = DictSample::from_iter([("count", 3i64)]);
    assert_eq!(open.lens.get(&sample).unwrap(), seen);
    assert_eq!(open.lens.put(&seen, &sample).unwrap(), sample);
}

pub(crate) async fn every_step_is_kept(harness: &dyn IndexHarness) {
    if !harness.limits().lenses {
        return;
    }
    let index = prepared(harness).await;
    let odd = Map::from_iter([("z", Value::from(0.1)), ("a", Value::from(i64::MAX)), ("$type", Value::Nil)]);
    let odd = vec![Value::from(odd), Value::from(u64::MAX), Value::Bytes(vec![0u8, 255].into())];
    let wide = with(Field::new("tags", FieldType::list(Primitive::Int)), schema("Wide"));
    let wide = with(Field::new("note", Primitive::Str).optional(), wide);
    index.publish_schema(&wide).await.unwrap();
    let inner = FieldType::Object(vec![Field::new("n", Primitive::Float), Field::new("m", Primitive::Int)]);
    let view = atdata_core::schema::SampleSchema::new("View")
        .field(Field::new("inner", inner))
        .field(Field::new("note", Primitive::Str))
        .field(Field::new("words", FieldType::list(Primitive::Str)))
        .field(Field::new("odd", FieldType::Any));
    index.publish_schema(&view).await.unwrap();
    let data = DataLens::new("everything", "Wide@1.0.0", "View@1.0.0")
        .drop(["text"])
        .copy("n", "inner.m")
        .rename("n", "inner.n")
        .cast("inner.n", Primitive::Float)
        .with_default("note", "")
        .cast("tags", FieldType::list(Primitive::Str))
        .rename("tags", "words")
        .keep(["inner", "note", "words"])
        .constant("odd", odd);
    let reference = index.publish_data_lens(&data).await.unwrap();
    let stored = harness.reopen().await.get_lens(&reference).await.unwrap();
    assert_same(&stored.record, &data);
    harness.reopen().await.open_lens("everything").await.unwrap();
}

pub(crate) async fn a_lens_that_does_not_fit_its_schemas_is_not_published(harness: &dyn IndexHarness) {
    if !harness.limits().lenses {
        return;
    }
    let index = prepared(harness).await;
    let data = DataLens::new("count", "Digit@1.0.0", "Count@1.0.0").rename("nope", "count");
    let error = refused(index.publish_data_lens(&data).await, ErrorKind::Invalid, "nope");
    assert_eq!(error.context_value("step"), Some("1, rename"));
    let data = DataLens::new("count", "Nobody@1.0.0", "Count@1.0.0");
    refused(index.publish_data_lens(&data).await, ErrorKind::NotFound, "Nobody@1.0.0");
    for name in ["", "a@b", "a/b", " a"] {
        let error = index.publish_data_lens(&lens(name)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{name:?}: {error}");
    }
    assert!(listed(&*index, "").await.is_empty());
}

pub(crate) async fn publishing_the_same_lens_again_is_no_change(harness: &dyn IndexHarness) {
    if !harness.limits().lenses {
        return;
    }
    let index = prepared(harness).await;
    let first = index.publish_data_lens(&lens("count")).await.unwrap();
    let again = lens("count").with_description("in other words");
    assert_eq!(index.publish_data_lens(&again).await.unwrap(), first);
    assert_eq!(listed(&*index, "").await, ["count@1.0.0"]);
    // What was read can be published, too.
    let stored = index.get_lens("count").await.unwrap();
    assert_eq!(index.publish_lens(&stored.record).await.unwrap(), first);
}

pub(crate) async fn another_lens_under_the_same_version_is_a_conflict(harness: &dyn IndexHarness) {
    if !harness.limits().lenses {
        return;
    }
    let index = prepared(harness).await;
    index.publish_data_lens(&lens("count")).await.unwrap();
    let error =
        refused(index.publish_data_lens(&other("count")).await, ErrorKind::Conflict, "constant count");
    assert!(!error.is_retryable(), "{error}");
    assert_same(&index.get_lens("count@1.0.0").await.unwrap().record, &lens("count"));
    index.publish_data_lens(&other("count").with_version("1.1.0")).await.unwrap();
    assert_eq!(listed(&*index, "").await, ["count@1.0.0", "count@1.1.0"]);
}

pub(crate) async fn the_latest_lens_is_by_number(harness: &dyn IndexHarness) {
    if !harness.limits().lenses {
        return;
    }
    let index = prepared(harness).await;
    for version in ["1.10.0", "1.2.0", "draft", "1.9.0"] {
        index.publish_data_lens(&lens("count").with_version(version)).await.unwrap();
    }
    index.publish_data_lens(&lens("counts").with_version("7.0.0")).await.unwrap();
    let latest = harness.reopen().await.get_lens("count").await.unwrap();
    assert_same(&latest.record, &lens("count").with_version("1.10.0"));
    assert_same(&index.get_lens("count@draft").await.unwrap().record, &lens("count").with_version("draft"));
}

pub(crate) async fn the_next_version_of_a_lens_follows_the_latest(harness: &dyn IndexHarness) {
    if !harness.limits().lenses {
        return;
    }
    let index = prepared(harness).await;
    let first = index.publish_next_lens(&lens("count")).await.unwrap();
    assert_eq!(index.publish_next_lens(&lens("count")).await.unwrap(), first);
    let second = index.publish_next_lens(&other("count")).await.unwrap();
    assert_same(&index.get_lens(&second).await.unwrap().record, &other("count").with_version("1.0.1"));
    assert_eq!(listed(&*index, "").await, ["count@1.0.0", "count@1.0.1"]);
}

pub(crate) async fn lenses_are_listed_by_name_and_version(harness: &dyn IndexHarness) {
    if !harness.limits().lenses {
        return;
    }
    let index = prepared(harness).await;
    let published =
        [("b", "1.0.0"), ("a", "1.10.0"), ("a", "1.9.0"), ("ab", "1.0.0"), ("a_c", "1.0.0"), ("a", "2.0.0")];
    for (name, version) in published {
        index.publish_data_lens(&lens(name).with_version(version)).await.unwrap();
    }
    let all = ["a@1.9.0", "a@1.10.0", "a@2.0.0", "a_c@1.0.0", "ab@1.0.0", "b@1.0.0"];
    assert_eq!(listed(&*index, "").await, all);
    assert_eq!(listed(&*index, "a").await, all[..5]);
    assert_eq!(listed(&*index, "a_").await, ["a_c@1.0.0"]);
    for none in ["c", "*", "?", "%", "a%", "[a]"] {
        assert!(listed(&*index, none).await.is_empty(), "{none}");
    }
}

pub(crate) async fn what_is_not_known_of_a_lens_stays_so(harness: &dyn IndexHarness) {
    if !harness.limits().lenses {
        return;
    }
    let index = prepared(harness).await;
    let schemas = [
        index.get_schema("Digit").await.unwrap().reference,
        index.get_schema("Count").await.unwrap().reference,
    ];
    let python = CodeLocation::Python { module: "pkg.lenses".into(), qualname: "up".into() };
    let repository = CodeLocation::Repository {
        repository: "https://code.example.org/r".into(),
        commit: "0123".into(),
        path: "m:f".into(),
    };
    let mappings = vec![FieldMapping::new("n", "count")];
    for (name, body) in [
        ("mapping", LensBody::Mappings(mappings)),
        ("python", LensBody::Code { getter: python.clone(), putter: Some(python) }),
        ("repository", LensBody::Code { getter: repository, putter: None }),
        ("opaque", LensBody::Opaque),
    ] {
        let [source, view] = &schemas;
        let record = LensRecord::new(name, "1.0.0", source.as_str(), view.as_str(), body);
        index.publish_lens(&record).await.unwrap();
        index.publish_lens(&record).await.unwrap();
        let stored = harness.reopen().await.get_lens(name).await.unwrap().record;
        assert_eq!((&stored.body, &stored.version), (&record.body, &record.version), "{name}");
        refused(index.open_lens(name).await.map(|_| ()), ErrorKind::Unsupported, name);
    }
    assert_eq!(listed(&*index, "").await.len(), 4);
    // The names of fields can be used by somebody who knows that they say everything.
    let open = index.open_unverified_lens("mapping").await.unwrap();
    let sample = DictSample::from_iter([("n", Value::from(3i64)), ("text", "three".into())]);
    assert_eq!(open.lens.get(&sample).unwrap(), DictSample::from_iter([("count", 3i64)]));
    refused(index.open_unverified_lens("opaque").await.map(|_| ()), ErrorKind::Unsupported, "opaque");
}

pub(crate) async fn a_registry_is_filled_with_the_lenses_there_are(harness: &dyn IndexHarness) {
    if !harness.limits().lenses {
        return;
    }
    let index = prepared(harness).await;
    index.publish_data_lens(&other("count")).await.unwrap();
    index.publish_data_lens(&lens("count").with_version("1.0.1")).await.unwrap();
    let mut registry = LensRegistry::new();
    let loaded = registry.load(&*index).await.unwrap();
    assert_eq!((loaded.lenses.len(), loaded.skipped.len()), (1, 0), "{loaded:?}");
    let digit = index.decode_schema("Digit").await.unwrap();
    let count = index.decode_schema("Count").await.unwrap();
    let found = registry.find_data(&digit, &count).unwrap();
    let sample = DictSample::from_iter([("n", Value::from(3i64)), ("text", "three".into())]);
    assert_eq!(found.get(&sample).unwrap(), DictSample::from_iter([("count", 3i64)]));
}

pub(crate) async fn of_different_lenses_published_at_once_exactly_one_wins(harness: &dyn IndexHarness) {
    if !harness.limits().lenses {
        return;
    }
    let index = prepared(harness).await;
    let second = harness.reopen().await;
    let (a, b) = (lens("count"), other("count"));
    let (first, second) = futures::join!(index.publish_data_lens(&a), second.publish_data_lens(&b));
    let stored = index.get_lens("count").await.unwrap().record.data().unwrap().steps;
    let (won, lost) = match first.is_ok() {
        true => (&a, second),
        false => (&b, first),
    };
    assert_eq!(stored, won.steps);
    assert_eq!(lost.unwrap_err().kind(), ErrorKind::Conflict);
}
