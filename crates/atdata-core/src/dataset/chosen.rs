//! Some of the shards of a dataset.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

use super::{Dataset, Origin};
use crate::{DataSource, Result, ShardBody};

/// Some of the shards of a source.
#[derive(Debug)]
struct Chosen {
    source: Arc<dyn DataSource>,
    shards: Vec<String>,
}

#[async_trait]
impl DataSource for Chosen {
    async fn list_shards(&self) -> Result<Vec<String>> {
        Ok(self.shards.clone())
    }

    async fn open_shard(&self, id: &str) -> Result<ShardBody> {
        self.source.open_shard(id).await
    }

    async fn shard_size(&self, id: &str) -> Result<Option<u64>> {
        self.source.shard_size(id).await
    }

    async fn resident_shard(&self, id: &str) -> Result<Option<Bytes>> {
        self.source.resident_shard(id).await
    }

    async fn read_range(&self, id: &str, range: Range<u64>) -> Result<Bytes> {
        self.source.read_range(id, range).await
    }

    fn range_tells_size(&self, id: &str) -> bool {
        self.source.range_tells_size(id)
    }

    async fn read_range_with_size(&self, id: &str, range: Range<u64>) -> Result<(Bytes, Option<u64>)> {
        self.source.read_range_with_size(id, range).await
    }

    async fn open_index(&self, id: &str) -> Result<Option<Bytes>> {
        self.source.open_index(id).await
    }
}

impl<T: Send + 'static> Dataset<T> {
    /// The dataset with these of its shards only, in this order. A shard that it does not have is an error when it is
    /// read.
    ///
    /// ```
    /// use atdata_core::{Dataset, DictSample, MemorySource};
    ///
    /// # futures::executor::block_on(async {
    /// let source = MemorySource::new(["a.tar", "b.tar"].map(|name| (name, vec![0u8; 1024])));
    /// let dataset = Dataset::<DictSample>::from_source(source);
    /// assert_eq!(dataset.only_shards(["b.tar"]).shards().await?, ["b.tar"]);
    /// # Ok::<(), atdata_core::Error>(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn only_shards<S: Into<String>>(&self, shards: impl IntoIterator<Item = S>) -> Self {
        let shards: Vec<String> = shards.into_iter().map(Into::into).collect();
        let checksum = |shard: &String| Some((shard.clone(), self.origin.checksums.get(shard)?.clone()));
        let checksums = shards.iter().filter_map(checksum).collect();
        let origin = Origin {
            source: Arc::new(Chosen { source: self.origin.source.clone(), shards }),
            name: self.origin.name.clone(),
            schema: self.origin.schema.clone(),
            checksums,
        };
        Self { origin: Arc::new(origin), ..self.clone() }
    }
}
