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
}

impl MemorySource {
    /// A source of these shards, in this order.
    pub fn new<N: Into<String>, B: Into<Bytes>>(shards: impl IntoIterator<Item = (N, B)>) -> Self {
        Self { shards: shards.into_iter().map(|(name, bytes)| (name.into(), bytes.into())).collect() }
    }
}

#[async_trait]
impl DataSource for MemorySource {
    async fn list_shards(&self) -> Result<Vec<String>> {
        Ok(self.shards.iter().map(|(name, _)| name.clone()).collect())
    }

    async fn open_shard(&self, id: &str) -> Result<ShardBody> {
        match self.shards.iter().find(|(name, _)| name == id) {
            Some((_, bytes)) => Ok(ShardBody::resident(bytes.clone())),
            None => Err(Error::not_found("the source has no such shard").with("shard", id)),
        }
    }
}
