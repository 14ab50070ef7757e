use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;

use crate::source::ShardOpener;
use crate::{DataStore, Error, Result, ShardBody, ShardInput, StoredShard};

/// The scheme of the addresses that a [`MemoryStore`] returns.
const SCHEME: &str = "mem";

/// A store in memory. Clones share their shards.
///
/// Its addresses are `mem://PREFIX/data--NUMBER--000000.tar`; as a [`ShardOpener`] it reads them, so that a
/// [`Registry`](crate::source::Registry) can be taught the scheme.
///
/// ```
/// use std::sync::Arc;
/// use atdata_core::source::{Registry, UrlSource};
/// use atdata_core::{DataStoreExt, Dataset, DictSample, MemoryStore, Value, WriteOptions};
/// use futures::StreamExt;
///
/// # futures::executor::block_on(async {
/// let store = MemoryStore::new();
/// let samples = futures::stream::iter((0..3i64).map(|i| Ok(DictSample::from_iter([("n", i)])))).boxed();
/// let shards = store.write_samples(samples, "numbers", &WriteOptions::default()).await?;
///
/// let mut registry = Registry::default();
/// registry.register("mem", Arc::new(store));
/// let source = UrlSource::from_urls(shards.into_iter().map(|shard| shard.url), &registry)?;
/// let dataset = Dataset::<DictSample>::from_source(source);
/// assert_eq!(dataset.count().await?, 3);
/// # Ok::<(), atdata_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    publications: u64,
    shards: BTreeMap<String, Stored>,
}

/// A shard and what lies beside it.
#[derive(Debug)]
struct Stored {
    bytes: Bytes,
    /// A compressed one has none.
    index: Option<Bytes>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// The addresses of all shards, sorted.
    pub fn urls(&self) -> Vec<String> {
        self.state().shards.keys().cloned().collect()
    }

    fn stored<R>(&self, url: &str, get: impl Fn(&Stored) -> R) -> Result<R> {
        let found = self.state().shards.get(url).map(get);
        found.ok_or_else(|| Error::not_found("the store has no such shard").with("url", url))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is one insertion: a panic elsewhere leaves nothing half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl DataStore for MemoryStore {
    async fn write_shards(&self, input: &mut ShardInput<'_>, prefix: &str) -> Result<Vec<StoredShard>> {
        crate::shard::validate_prefix(prefix)?;
        let publication = {
            let mut state = self.state();
            state.publications += 1;
            state.publications
        };
        let mut written = Vec::new();
        while let Some(mut shard) = input.next_shard().await? {
            let mut bytes = Vec::new();
            while let Some(chunk) = shard.next_chunk().await? {
                bytes.extend_from_slice(&chunk);
            }
            let url = format!("{SCHEME}://{prefix}/data--{publication:08}--{:06}.tar", shard.number());
            let stored = Stored { bytes: bytes.into(), index: shard.sidecar()? };
            written.push((shard.stored_as(url), stored));
        }
        let mut state = self.state();
        Ok(written
            .into_iter()
            .map(|(shard, stored)| {
                state.shards.insert(shard.url.clone(), stored);
                shard
            })
            .collect())
    }

    fn read_url(&self, url: &str) -> Result<String> {
        if self.state().shards.contains_key(url) {
            Ok(url.to_owned())
        } else {
            Err(Error::invalid("the address is not one of this store").with("url", url))
        }
    }

    async fn remove_shards(&self, urls: &[String]) -> Result<()> {
        let mut state = self.state();
        for url in urls {
            state.shards.remove(url);
        }
        Ok(())
    }
}

#[async_trait]
impl ShardOpener for MemoryStore {
    async fn open(&self, url: &str) -> Result<ShardBody> {
        self.stored(url, |shard| ShardBody::resident(shard.bytes.clone()))
    }

    async fn resident(&self, url: &str) -> Result<Option<Bytes>> {
        self.stored(url, |shard| Some(shard.bytes.clone()))
    }

    async fn open_index(&self, url: &str) -> Result<Option<Bytes>> {
        self.stored(url, |shard| shard.index.clone())
    }
}
