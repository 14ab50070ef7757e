use std::collections::HashMap;

use async_trait::async_trait;
use bytes::Bytes;

use crate::{DataSource, Error, Result, ShardBody};

/// Shards in memory.
///
/// ```
/// use atdata_core::{DataSource, MemorySource};
///
/// # futures::executor::block_on(async {
/// let source = MemorySource::new([("a.tar", vec![0u8; 1024])]);
/// assert_eq!(source.list_shards().await?, ["a.tar"]);
/// assert!(source.open_shard("b.tar").await.unwrap_err().is_not_found());
/// # Ok::<(), atdata_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemorySource {
    shards: Vec<(String, Bytes)>,
    indexes: HashMap<String, Bytes>,
}

impl MemorySource {
    /// A source of these shards, in this order.
    pub fn new<N: Into<String>, B: Into<Bytes>>(shards: impl IntoIterator<Item = (N, B)>) -> Self {
        let shards = shards.into_iter().map(|(name, bytes)| (name.into(), bytes.into())).collect();
        Self { shards, indexes: HashMap::new() }
    }

    /// Puts an [index](crate::shard_index) beside the shard of this name.
    #[must_use]
    pub fn with_index(mut self, shard: impl Into<String>, index: impl Into<Bytes>) -> Self {
        self.indexes.insert(shard.into(), index.into());
        self
    }

    fn shard(&self, id: &str) -> Result<&Bytes> {
        let found = self.shards.iter().find(|(name, _)| name == id).map(|(_, bytes)| bytes);
        found.ok_or_else(|| Error::not_found("the source has no such shard").with("shard", id))
    }
}

#[async_trait]
impl DataSource for MemorySource {
    async fn list_shards(&self) -> Result<Vec<String>> {
        Ok(self.shards.iter().map(|(name, _)| name.clone()).collect())
    }

    async fn open_shard(&self, id: &str) -> Result<ShardBody> {
        self.shard(id).cloned().map(ShardBody::resident)
    }

    async fn resident_shard(&self, id: &str) -> Result<Option<Bytes>> {
        self.shard(id).cloned().map(Some)
    }

    async fn open_index(&self, id: &str) -> Result<Option<Bytes>> {
        self.shard(id)?;
        Ok(self.indexes.get(id).cloned())
    }
}
