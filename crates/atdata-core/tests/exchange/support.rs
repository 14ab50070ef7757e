//! Small datasets in memory.

use std::sync::Arc;

use async_trait::async_trait;
use atdata_core::schema::{Field, Primitive, SampleSchema};
use atdata_core::source::Registry;
use atdata_core::{
    DataStore, DataStoreExt, DictSample, IfExists, Index, IndexEntry, IndexExt, Map, MemoryIndex,
    MemoryStore, NewDataset, Result, ShardInput, StoredShard, WriteOptions,
};
use futures::{StreamExt, TryStreamExt};

/// An index, its store, and how the store is read.
#[derive(Debug)]
pub(crate) struct Side {
    pub(crate) index: MemoryIndex,
    pub(crate) store: MemoryStore,
    pub(crate) registry: Registry,
}

impl Side {
    pub(crate) fn new() -> Self {
        let store = MemoryStore::new();
        let mut registry = Registry::default();
        registry.register("mem", Arc::new(store.clone()));
        Self { index: MemoryIndex::new(), store, registry }
    }

    /// Publishes numbers, ten to a shard.
    pub(crate) async fn publish(&self, name: &str, numbers: std::ops::Range<i64>) -> Arc<dyn IndexEntry> {
        self.publish_as(name, numbers, None).await
    }

    pub(crate) async fn publish_as(
        &self,
        name: &str,
        numbers: std::ops::Range<i64>,
        version: Option<&str>,
    ) -> Arc<dyn IndexEntry> {
        let samples = futures::stream::iter(numbers.map(|n| Ok(DictSample::from_iter([("n", n)])))).boxed();
        let options = WriteOptions::default().with_max_count(10);
        let shards = self.store.write_samples(samples, name, &options).await.unwrap();
        let mut new = NewDataset::from_shards(name, schema(), shards)
            .with_metadata(Map::from_iter([("license", "CC0-1.0")]))
            .with_if_exists(IfExists::Replace);
        new.version = version.map(str::to_owned);
        self.index.insert_dataset(new).await.unwrap()
    }

    pub(crate) async fn bytes(&self, entry: &dyn IndexEntry) -> Vec<bytes::Bytes> {
        let mut all = Vec::new();
        for url in entry.data_urls() {
            let body = self.registry.opener(url).unwrap().open(url).await.unwrap();
            all.push(body.into_bytes().await.unwrap());
        }
        all
    }
}

pub(crate) fn schema() -> SampleSchema {
    SampleSchema::new("Number").field(Field::new("n", Primitive::Int))
}

/// The numbers of a dataset, in order.
pub(crate) async fn numbers(index: &dyn Index, name: &str, registry: &Registry) -> Vec<i64> {
    let dataset = index.dict_dataset(name, registry).await.unwrap();
    let samples: Vec<DictSample> = dataset.ordered().try_collect().await.unwrap();
    samples.iter().map(|sample| sample.get("n").unwrap().as_i64().unwrap()).collect()
}

/// A store that takes no shards beyond a length.
#[derive(Debug)]
pub(crate) struct Narrow(pub(crate) MemoryStore, pub(crate) u64);

#[async_trait]
impl DataStore for Narrow {
    async fn write_shards(&self, input: &mut ShardInput<'_>, prefix: &str) -> Result<Vec<StoredShard>> {
        input.limit_size(self.1);
        self.0.write_shards(input, prefix).await
    }
    fn read_url(&self, url: &str) -> Result<String> {
        self.0.read_url(url)
    }
    async fn remove_shards(&self, urls: &[String]) -> Result<()> {
        self.0.remove_shards(urls).await
    }
    async fn max_shard_size(&self) -> Result<Option<u64>> {
        Ok(Some(self.1))
    }
}
