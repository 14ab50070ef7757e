//! What copying a dataset takes, found out before anything moves.

use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};

use super::options::Copy;
use super::provenance;
use crate::dataset::Origin;
use crate::{DataSource, Error, IndexEntry, Result, ResultExt};

/// The shards of a dataset, and how they are read.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) source: Arc<dyn DataSource>,
    pub(super) shards: Vec<PlannedShard>,
    /// The longest shard that the store takes.
    pub(super) limit: Option<u64>,
}

#[derive(Debug)]
pub(super) struct PlannedShard {
    pub(super) id: String,
    /// The checksum that the source's entry says.
    pub(super) sha256: Option<String>,
    pub(super) size: Option<u64>,
}

impl Plan {
    /// Lists the shards, without asking for any.
    pub(super) async fn new(entry: &dyn IndexEntry, copy: Copy<'_>) -> Result<Self> {
        let Origin { source, mut checksums, .. } = Origin::of_entry(entry, None, copy.registry)?;
        let ids = source.list_shards().await?;
        let mut shards = Vec::with_capacity(ids.len());
        for id in ids {
            // The same shard may be listed twice; checksums are few bytes.
            let sha256 = checksums.get(&id).cloned();
            shards.push(PlannedShard { id, sha256, size: None });
        }
        checksums.clear();
        Ok(Self { source, shards, limit: None })
    }

    /// What all shards contain, as far as the source's entry says.
    pub(super) fn content(&self) -> Option<String> {
        provenance::content(self.shards.iter().map(|shard| shard.sha256.as_deref()))
    }

    /// Finds out how long the shards are, and whether the store takes them. Fails for those that are not there.
    pub(super) async fn measure(&mut self, copy: Copy<'_>, divide: bool, parallel: usize) -> Result<()> {
        if self.shards.is_empty() {
            return Err(Error::invalid("the dataset has no shards that could be copied"));
        }
        self.limit = copy.store.max_shard_size().await?;
        let source = &self.source;
        let ids: Vec<&str> = self.shards.iter().map(|shard| &*shard.id).collect();
        let sizes: Vec<Option<u64>> = stream::iter(ids)
            .map(|id| async move { source.shard_size(id).await.context("shard", id) })
            .buffered(parallel)
            .try_collect()
            .await?;
        for (shard, size) in self.shards.iter_mut().zip(sizes) {
            shard.size = size;
        }
        let too_long = self.shards.iter().find(|shard| self.is_too_long(shard));
        match (too_long, self.limit) {
            (Some(shard), Some(limit)) if !divide => Err(Error::invalid(format!(
                "the shard has {} bytes, and the store takes at most {limit}: it would have to be divided, which was not allowed",
                shard.size.unwrap_or_default()
            ))
            .with("shard", &shard.id)),
            _ => Ok(()),
        }
    }

    /// Whether a shard does not fit into the store as it is.
    pub(super) fn is_too_long(&self, shard: &PlannedShard) -> bool {
        shard.size.zip(self.limit).is_some_and(|(size, limit)| size > limit)
    }

    /// The length of all shards, where each is known.
    pub(super) fn bytes(&self) -> Option<u64> {
        self.shards.iter().try_fold(0_u64, |sum, shard| sum.checked_add(shard.size?))
    }
}
