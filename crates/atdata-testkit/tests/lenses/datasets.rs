//! Datasets, seen through data lenses.

use std::sync::Arc;

use atdata_core::lens::DataLens;
use atdata_core::schema::{Field, FieldType, Primitive, SampleSchema};
use atdata_core::source::{Registry, UrlSource};
use atdata_core::{DataStoreExt, Dataset, DictSample, ErrorKind, MemoryStore, NdArray, Value, WriteOptions};
use futures::stream::{self, StreamExt};

use super::schema;

fn source() -> SampleSchema {
    let fields = [
        Field::new("n", Primitive::Int),
        Field::new("image", FieldType::ndarray("uint8")),
        Field::new("odd", Primitive::Str),
    ];
    schema("Source", fields)
}

fn view() -> SampleSchema {
    schema(
        "View",
        [Field::new("image", FieldType::ndarray("float32")), Field::new("count", Primitive::Float)],
    )
}

fn lens() -> DataLens {
    let lens = DataLens::new("lens", "Source@1.0.0", "View@1.0.0").rename("n", "count");
    lens.cast("count", Primitive::Float).cast("image", FieldType::ndarray("float32")).drop(["odd"])
}

/// A hundred samples; the field that the lens does not need holds what its schema does not allow.
async fn dataset() -> Dataset<DictSample> {
    let sample = |i: u8| {
        let image = NdArray::from_vec(&[2], vec![i, i + 1]).unwrap();
        Ok([("n", Value::from(i)), ("image", image.into()), ("odd", Value::from(7i64))].into_iter().collect())
    };
    let store = MemoryStore::new();
    let samples = stream::iter((0..100).map(sample)).boxed();
    let shards =
        store.write_samples::<DictSample>(samples, "samples", &WriteOptions::default()).await.unwrap();
    let mut registry = Registry::default();
    registry.register("mem", Arc::new(store));
    let source = UrlSource::from_urls(shards.into_iter().map(|shard| shard.url), &registry).unwrap();
    Dataset::from_source(source)
}

fn seen(i: u8) -> DictSample {
    let image = NdArray::from_vec(&[2], vec![f32::from(i), f32::from(i) + 1.0]).unwrap();
    DictSample::from_iter([("image", Value::from(image)), ("count", Value::from(f64::from(i)))])
}

#[tokio::test]
async fn only_what_the_lens_needs_is_decoded() {
    let dataset = dataset().await.with_schema(source());
    let through = dataset.through(&lens(), &view()).unwrap();
    assert_eq!(through.head(2).await.unwrap(), [seen(0), seen(1)]);
    assert_eq!(through.count().await.unwrap(), 100);
    // Seen as a whole the samples are not what the schema says.
    assert_eq!(dataset.head(1).await.unwrap_err().context_value("field"), Some("odd"));
}

#[tokio::test]
async fn filters_stay_before_the_lens_and_errors_say_where() {
    let mut known = source();
    known.fields[2].field_type = Primitive::Int.into();
    let dataset = dataset().await.with_schema(known);
    let even = dataset.filter(|sample| sample.get("n").and_then(Value::as_i64).is_some_and(|n| n % 2 == 0));
    let through = even.through(&lens(), &view()).unwrap();
    assert_eq!(through.head(2).await.unwrap(), [seen(0), seen(2)]);
    assert_eq!(through.count().await.unwrap(), 50);

    let narrow =
        schema("Narrow", [Field::new("image", FieldType::ndarray("int8")), Field::new("n", Primitive::Int)]);
    let cast = DataLens::new("narrow", "Source@1.0.0", "Narrow@1.0.0").drop(["odd"]);
    let cast = cast.cast("image", FieldType::ndarray("int8"));
    let wide = dataset.map(|mut sample| {
        sample.insert("image", NdArray::from_vec(&[1], vec![200u8]).unwrap());
        sample
    });
    let error = wide.through(&cast, &narrow).unwrap().head(1).await.unwrap_err();
    let context = ["field", "lens", "key"].map(|key| error.context_value(key).is_some());
    assert_eq!(context, [true; 3], "{error}");
}

#[tokio::test]
async fn a_dataset_without_a_schema_has_no_view() {
    let error = dataset().await.through(&lens(), &view()).unwrap_err();
    assert_eq!((error.kind(), error.context_value("lens")), (ErrorKind::Invalid, Some("lens")));
    let other = dataset().await.with_schema(view());
    assert_eq!(other.through(&lens(), &view()).unwrap_err().context_value("field"), Some("n"));
}
