//! From samples to shards and entries: what is refused, and what a failure leaves.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::Arc;

use async_trait::async_trait;
use atdata_core::msgpack::{Packer, Unpacker};
use atdata_core::schema::{Field, Primitive, SampleSchema};
use atdata_core::source::{Registry, UrlSource};
use atdata_core::{
    DataStore, Dataset, DictSample, Error, ErrorKind, Index, IndexEntry, Label, MemoryIndex, MemoryStore,
    NewDataset, Packable, PackedSample, Result, ShardInput, StoredSchema, StoredShard, WriteOptions, publish,
};
use futures::executor::block_on;
use futures::stream::{self, BoxStream, StreamExt};

fn write(keys: &[&str], options: &WriteOptions) -> (MemoryStore, Result<Vec<StoredShard>>) {
    let store = MemoryStore::new();
    let samples = stream::iter(keys.to_vec()).map(|key| Ok(PackedSample::new(key, b"\x80".to_vec()))).boxed();
    let written = block_on(store.write_shards(&mut ShardInput::encode(samples, options), "keys"));
    (store, written)
}

#[test]
fn a_key_twice_in_a_row_is_refused_because_readers_would_take_both_for_one_sample() {
    let (store, written) = write(&["a", "b", "b"], &WriteOptions::default());
    let error = written.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    assert_eq!(error.context_value("key"), Some("b"));
    assert!(store.urls().is_empty());
}

#[test]
fn a_key_that_comes_again_elsewhere_is_another_sample() {
    for (keys, options) in [
        (["a", "b", "a"], WriteOptions::default()),
        (["a", "b", "b"], WriteOptions::default().with_max_count(2)),
    ] {
        let (store, written) = write(&keys, &options);
        let urls = written.unwrap().into_iter().map(|shard| shard.url);
        let mut registry = Registry::default();
        registry.register("mem", Arc::new(store));
        let source = UrlSource::from_urls(urls, &registry).unwrap();
        assert_eq!(block_on(Dataset::<DictSample>::from_source(source).ordered().count()), 3);
    }
}

#[derive(Debug, PartialEq)]
struct Point {
    x: i64,
}

impl Packable for Point {
    fn schema() -> SampleSchema {
        SampleSchema::new("Point").field(Field::new("x", Primitive::Int))
    }
    fn pack_fields(&self, packer: &mut Packer<'_>) -> Result<()> {
        packer.map(1)?;
        packer.str("x")?;
        packer.int(self.x);
        Ok(())
    }
    fn unpack_fields(unpacker: &mut Unpacker<'_>) -> Result<Self> {
        unpacker.map()?;
        unpacker.str()?;
        Ok(Self { x: unpacker.int_as()? })
    }
}

fn publish_points(index: &dyn Index, store: &MemoryStore, name: &str) -> Result<Arc<dyn IndexEntry>> {
    let points = stream::iter((0..3).map(|x| Ok(Point { x }))).boxed();
    block_on(publish(index, store, name, points, &WriteOptions::default(), |new| new))
}

#[test]
fn every_name_that_an_index_takes_can_be_published() {
    for name in ["a{b}", "a{1,2}", r"back\slash", "a//b", "../up", ".hidden", "/", "été", "a@b", "%7B"] {
        let entry = publish_points(&MemoryIndex::new(), &MemoryStore::new(), name).unwrap();
        assert_eq!((entry.name(), entry.data_urls().len()), (name, 1));
    }
}

/// An index whose answers to insertions are lost: before or after it has done its work.
#[derive(Debug)]
struct Lossy {
    index: MemoryIndex,
    inserts: bool,
    finds: bool,
}

#[async_trait]
impl Index for Lossy {
    async fn insert_dataset(&self, new: NewDataset) -> Result<Arc<dyn IndexEntry>> {
        if self.inserts {
            self.index.insert_dataset(new).await?;
        }
        Err(Error::unavailable("the connection was lost"))
    }
    async fn get_dataset(&self, reference: &str) -> Result<Arc<dyn IndexEntry>> {
        match self.index.get_dataset(reference).await {
            Ok(_) if !self.finds => Err(Error::unavailable("the connection was lost")),
            found => found,
        }
    }
    fn list_datasets(&self, prefix: &str) -> BoxStream<'_, Result<Arc<dyn IndexEntry>>> {
        self.index.list_datasets(prefix)
    }
    async fn publish_schema(&self, schema: &SampleSchema) -> Result<String> {
        self.index.publish_schema(schema).await
    }
    async fn get_schema(&self, reference: &str) -> Result<StoredSchema> {
        self.index.get_schema(reference).await
    }
    fn list_schemas(&self, prefix: &str) -> BoxStream<'_, Result<StoredSchema>> {
        self.index.list_schemas(prefix)
    }
    async fn set_label(&self, label: &Label) -> Result<()> {
        self.index.set_label(label).await
    }
    async fn get_label(&self, name: &str, version: Option<&str>) -> Result<Label> {
        self.index.get_label(name, version).await
    }
    fn list_labels(&self, prefix: &str) -> BoxStream<'_, Result<Label>> {
        self.index.list_labels(prefix)
    }
}

#[test]
fn an_index_that_implements_nothing_of_lenses_says_so() {
    use atdata_core::lens::{LensBody, LensRecord, LensRegistry};

    let index: Arc<dyn Index> = Arc::new(Lossy { index: MemoryIndex::new(), inserts: true, finds: true });
    let lens = LensRecord::new("grey", "1.0.0", "A", "B", LensBody::Opaque);
    let errors = [
        block_on(index.publish_lens(&lens)).unwrap_err(),
        block_on(index.get_lens("grey")).unwrap_err(),
        block_on(index.list_lenses("").next()).unwrap().unwrap_err(),
        block_on(LensRegistry::new().load(&index)).unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), atdata_core::ErrorKind::Unsupported, "{error}");
    }
}

#[test]
fn shards_are_removed_only_if_no_entry_can_need_them() {
    for (inserts, finds, succeeds, left) in
        [(false, true, false, 0), (true, true, true, 1), (true, false, false, 1)]
    {
        let (index, store) = (Lossy { index: MemoryIndex::new(), inserts, finds }, MemoryStore::new());
        let published = publish_points(&index, &store, "points");
        assert_eq!(published.is_ok(), succeeds, "{inserts} {finds}");
        assert_eq!(store.urls().len(), left, "{inserts} {finds}");
    }
}
