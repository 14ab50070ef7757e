//! Shards on web servers.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use atdata_core::remote::Remote;
use atdata_core::source::{Registry, ShardOpener, UrlSource};
use atdata_core::{DataSource, Result, ShardBody};
use atdata_transport::{HttpClient, HttpOptions};
use bytes::Bytes;

/// Shards on web servers, by address; brace patterns are expanded.
///
/// ```
/// use atdata_core::DataSource;
/// use atdata_http::HttpSource;
///
/// # futures::executor::block_on(async {
/// let source = HttpSource::new("https://data.example.org/mnist-{000..099}.tar")?;
/// assert_eq!(source.list_shards().await?.len(), 100);
/// # Ok::<(), atdata_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct HttpSource {
    shards: UrlSource,
}

impl HttpSource {
    /// Expands one address. Nothing is contacted.
    ///
    /// # Errors
    /// As [`from_urls`](Self::from_urls).
    pub fn new(address: &str) -> Result<Self> {
        Self::from_urls([address], HttpOptions::default())
    }

    /// Expands several addresses and joins the results in order. Nothing is contacted.
    ///
    /// # Errors
    /// Unbalanced braces, more than 1,000,000 shards, an address that is neither `http:` nor `https:`.
    pub fn from_urls<S: AsRef<str>>(
        addresses: impl IntoIterator<Item = S>,
        options: HttpOptions,
    ) -> Result<Self> {
        let mut registry = Registry::empty();
        register_with(&mut registry, options);
        Ok(Self { shards: UrlSource::from_urls(addresses, &registry)? })
    }
}

impl fmt::Debug for HttpSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpSource").field("shards", &self.shards).finish()
    }
}

#[async_trait]
impl DataSource for HttpSource {
    async fn list_shards(&self) -> Result<Vec<String>> {
        self.shards.list_shards().await
    }

    async fn open_shard(&self, id: &str) -> Result<ShardBody> {
        self.shards.open_shard(id).await
    }

    async fn shard_size(&self, id: &str) -> Result<Option<u64>> {
        self.shards.shard_size(id).await
    }

    async fn resident_shard(&self, id: &str) -> Result<Option<Bytes>> {
        self.shards.resident_shard(id).await
    }

    async fn read_range(&self, id: &str, range: Range<u64>) -> Result<Bytes> {
        self.shards.read_range(id, range).await
    }

    fn range_tells_size(&self, id: &str) -> bool {
        self.shards.range_tells_size(id)
    }

    async fn read_range_with_size(&self, id: &str, range: Range<u64>) -> Result<(Bytes, Option<u64>)> {
        self.shards.read_range_with_size(id, range).await
    }

    async fn open_index(&self, id: &str) -> Result<Option<Bytes>> {
        self.shards.open_index(id).await
    }
}

/// Opens `http:` and `https:` addresses, for a [`Registry`] or a [`Cache`](atdata_core::remote::Cache). Connections are
/// made when they are needed, and shared by all that is opened through it.
///
/// ```
/// use atdata_core::remote::Cache;
/// use atdata_core::source::Registry;
/// use atdata_http::HttpOptions;
///
/// # fn example(directory: &std::path::Path) -> atdata_core::Result<()> {
/// let cache = Cache::open(directory, 100 << 30)?;
/// let mut registry = Registry::default();
/// registry.register("https", cache.wrap(atdata_http::opener(HttpOptions::default())));
/// # Ok(())
/// # }
/// ```
pub fn opener(options: HttpOptions) -> Arc<dyn ShardOpener> {
    let remote = options.remote.clone();
    Arc::new(Remote::new(Arc::new(HttpClient::new(options)), remote))
}

/// Lets a registry open `http:` and `https:` addresses.
///
/// ```
/// let mut registry = atdata_core::source::Registry::default();
/// atdata_http::register(&mut registry);
/// assert!(registry.opener("https://data.example.org/a.tar").is_ok());
/// ```
pub fn register(registry: &mut Registry) {
    register_with(registry, HttpOptions::default());
}

/// As [`register`], with options.
pub fn register_with(registry: &mut Registry, options: HttpOptions) {
    let opener = opener(options);
    registry.register("http", opener.clone());
    registry.register("https", opener);
}
