//! What is published: two versions of a dataset with arrays, in several shards, with labels and metadata.

use atdata::{
    DataStoreExt, DictSample, IfExists, Index, Label, Map, NewDataset, Packable, Result, StoredShard, Value,
    WriteOptions,
};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use ndarray::{Array1, Array2};

/// A sample of every kind of field.
#[derive(Packable, Clone, Debug, PartialEq)]
pub(crate) struct Measured {
    pub(crate) n: i64,
    pub(crate) text: String,
    pub(crate) weight: Option<f64>,
    pub(crate) is_good: bool,
    pub(crate) tags: Vec<String>,
    #[packable(shape = "3, 4")]
    pub(crate) image: Array2<f32>,
    pub(crate) counts: Array1<u16>,
}

fn sample(n: i64) -> Measured {
    let small = u16::try_from(n).unwrap();
    Measured {
        n,
        text: format!("sample {n} – μ"),
        weight: (n % 3 != 0).then(|| n as f64 / 7.0),
        is_good: n % 2 == 0,
        tags: (0..n % 4).map(|tag| format!("tag {tag}")).collect(),
        image: Array2::from_shape_fn((3, 4), |(i, j)| f32::from(small) + i as f32 / 8.0 + j as f32),
        counts: Array1::from_iter(0..small % 5),
    }
}

/// The samples of a version: the first has four, in two shards; the second seven, in four.
pub(crate) fn samples(version: usize) -> Vec<Measured> {
    match version {
        1 => (0..4).map(sample).collect(),
        _ => (10..17).map(sample).collect(),
    }
}

pub(crate) fn stream_of(version: usize) -> BoxStream<'static, Result<Measured>> {
    stream::iter(samples(version).into_iter().map(Ok)).boxed()
}

pub(crate) fn by_two() -> WriteOptions {
    WriteOptions::default().with_max_count(2)
}

/// Writes the shards of a version.
pub(crate) async fn write(store: &dyn atdata::DataStore, name: &str, version: usize) -> Vec<StoredShard> {
    store.write_samples(stream_of(version), &atdata::prefix(name), &by_two()).await.unwrap()
}

fn metadata(version: usize) -> Map {
    Map::from_iter([
        ("license", Value::from("CC0-1.0")),
        ("note", Value::from("Größe → 3 µm")),
        ("version", Value::from(version as i64)),
        ("ratio", Value::from(0.1)),
        ("raw", Value::Bytes(vec![0u8, 255, 3].into())),
        ("nested", Value::Map(Map::from_iter([("list", Value::List(vec![Value::from(1i64), Value::Nil]))]))),
    ])
}

/// A version as it is inserted.
pub(crate) fn new(name: &str, version: usize, shards: Vec<StoredShard>) -> NewDataset {
    NewDataset::from_shards(name, Measured::schema(), shards)
        .with_metadata(metadata(version))
        .with_version(format!("{version}.0.0"))
        .with_if_exists(IfExists::Replace)
}

/// Registers both versions. The name stands for the second.
pub(crate) async fn register(index: &dyn Index, name: &str, shards: [Vec<StoredShard>; 2]) {
    let mut cids = Vec::new();
    for (version, shards) in (1..).zip(shards) {
        let entry = index.insert_dataset(new(name, version, shards)).await.unwrap();
        cids.push(entry.cid().unwrap().to_owned());
    }
    let stable =
        Label::new(name, &cids[1]).with_version("stable").with_description("the one in the paper – é");
    index.set_label(&stable).await.unwrap();
    let first = Label::new(name, &cids[0]).with_version("first").with_description("as it was measured");
    index.set_older_label(&first).await.unwrap();
}

/// As read without a type.
pub(crate) async fn dicts(
    index: &dyn Index,
    name: &str,
    registry: &atdata::source::Registry,
) -> Vec<DictSample> {
    use atdata::IndexExt;
    use futures::TryStreamExt;
    index.dict_dataset(name, registry).await.unwrap().ordered().try_collect().await.unwrap()
}
