//! A server over an index and shards in memory that count what is read of them.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use atdata_core::shard_index::{BuildOptions, ShardIndex};
use atdata_core::source::{Registry, ShardOpener};
use atdata_core::{DictSample, Error, Index, MemoryIndex, NewDataset, Result, ShardBody};
use atdata_serve::{ServeOptions, Server};
use atdata_testkit::data;
use bytes::Bytes;
use futures::{StreamExt, stream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// A shard, and how much of it was read.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) bytes: Bytes,
    index: Option<Bytes>,
    /// Bytes that were given out.
    pub(crate) given: AtomicU64,
    /// How often it was opened to be read from its beginning.
    pub(crate) opened: AtomicU64,
}

/// Shards in memory, of the scheme `held`, as a server far away would give them: nothing is resident.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shards(Arc<Mutex<HashMap<String, Arc<Held>>>>);

impl Shards {
    /// Puts a shard there, with an index or without.
    pub(crate) async fn put(&self, url: &str, bytes: Bytes, with_index: bool) {
        let mut index = None;
        if with_index {
            let built = ShardIndex::build(ShardBody::resident(bytes.clone()), &BuildOptions::default()).await;
            index = Some(built.unwrap().to_bytes());
        }
        self.put_with(url, bytes, index);
    }

    /// Puts a shard there with any index.
    pub(crate) fn put_with(&self, url: &str, bytes: Bytes, index: Option<Bytes>) {
        let held = Held { bytes, index, given: AtomicU64::new(0), opened: AtomicU64::new(0) };
        self.0.lock().unwrap().insert(url.to_owned(), Arc::new(held));
    }

    pub(crate) fn held(&self, url: &str) -> Arc<Held> {
        self.0.lock().unwrap()[url].clone()
    }

    fn find(&self, url: &str) -> Result<Arc<Held>> {
        let found = self.0.lock().unwrap().get(url).cloned();
        found.ok_or_else(|| Error::not_found("there is no such shard").with("url", url))
    }
}

#[async_trait]
impl ShardOpener for Shards {
    async fn open(&self, url: &str) -> Result<ShardBody> {
        let held = self.find(url)?;
        held.opened.fetch_add(1, Ordering::SeqCst);
        let size = held.bytes.len();
        let chunks = stream::iter((0..size).step_by(4096)).map(move |start| {
            let chunk = held.bytes.slice(start..size.min(start + 4096));
            held.given.fetch_add(chunk.len() as u64, Ordering::SeqCst);
            Ok(chunk)
        });
        Ok(ShardBody::stream(Some(size as u64), chunks.boxed()))
    }

    async fn size(&self, url: &str) -> Result<Option<u64>> {
        Ok(Some(self.find(url)?.bytes.len() as u64))
    }

    async fn read_range(&self, url: &str, range: Range<u64>) -> Result<Bytes> {
        let held = self.find(url)?;
        let part = held.bytes.slice(range.start as usize..range.end as usize);
        held.given.fetch_add(part.len() as u64, Ordering::SeqCst);
        Ok(part)
    }

    async fn open_index(&self, url: &str) -> Result<Option<Bytes>> {
        Ok(self.find(url)?.index.clone())
    }
}

/// An index, its shards, and a server over them.
#[derive(Debug)]
pub(crate) struct Setting {
    pub(crate) index: Arc<MemoryIndex>,
    pub(crate) shards: Shards,
    pub(crate) registry: Registry,
}

impl Setting {
    pub(crate) fn new() -> Self {
        let shards = Shards::default();
        let mut registry = Registry::default();
        registry.register("held", Arc::new(shards.clone()));
        Self { index: Arc::new(MemoryIndex::new()), shards, registry }
    }

    /// Registers a dataset of samples without a schema, in one shard `held://NAME.tar`.
    pub(crate) async fn dataset(&self, name: &str, samples: &[DictSample], with_index: bool) {
        let url = format!("held://{name}.tar");
        self.shards.put(&url, data::shard(samples), with_index).await;
        self.insert(NewDataset::new(name, "Missing@1.0.0", vec![url])).await;
    }

    pub(crate) async fn insert(&self, new: NewDataset) {
        self.index.insert_dataset(new).await.unwrap();
    }

    pub(crate) async fn serve(&self) -> Serving {
        self.serve_with(ServeOptions::default().with_label("memory")).await
    }

    pub(crate) async fn serve_with(&self, options: ServeOptions) -> Serving {
        let server = Server::bind(options, self.index.clone(), self.registry.clone()).await.unwrap();
        let (url, address) = (server.url_with_token(), server.address());
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(server.run(async { drop(stopped.await) }));
        Serving { address, url, stop, running }
    }
}

/// A server that answers.
#[derive(Debug)]
pub(crate) struct Serving {
    pub(crate) address: SocketAddr,
    pub(crate) url: String,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<()>>,
}

impl Serving {
    /// Ends it, and waits until it has ended.
    pub(crate) async fn end(self) {
        drop(self.stop);
        self.running.await.unwrap().unwrap();
    }
}
