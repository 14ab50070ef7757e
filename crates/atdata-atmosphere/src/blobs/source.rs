//! Reading shards from blobs.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use atdata_core::remote::{Get, ObjectBody, ObjectClient, ObjectInfo, Remote};
use atdata_core::source::{Registry, ShardOpener, UrlSource};
use atdata_core::{DataSource, Error, ErrorKind, Result, ResultExt, ShardBody};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;

use super::BlobAddress;
use super::verified::verified;
use crate::Atmosphere;

/// Asks the servers of repositories for blobs.
#[derive(Debug)]
struct BlobClient {
    atmosphere: Atmosphere,
}

impl BlobClient {
    async fn place(&self, url: &str) -> Result<(crate::xrpc::Service, String)> {
        let address: BlobAddress = url.parse()?;
        let service = self.atmosphere.service_of(&address.did).await?;
        let (did, cid) = (address.did.as_str(), address.cid.to_string());
        let url = service.address("com.atproto.sync.getBlob", &[("did", did), ("cid", &cid)]);
        Ok((service, url))
    }

    /// The server's errors for objects, which know nothing of blobs, as what they mean here.
    fn explained(&self, url: &str, error: Error) -> Error {
        if error.kind() == ErrorKind::NotFound
            && let Ok(address) = url.parse::<BlobAddress>()
        {
            // The account may have moved.
            self.atmosphere.forget_identity(&address.did);
        }
        match error.kind() {
            ErrorKind::Invalid | ErrorKind::NotFound => Error::not_found(
                "the server does not have this blob: it was removed, or no record refers to it",
            )
            .with_source(error),
            _ => error,
        }
    }
}

#[async_trait]
impl ObjectClient for BlobClient {
    async fn get(&self, get: Get<'_>) -> Result<ObjectBody> {
        let (service, url) = self.place(get.url).await.context("url", get.url)?;
        let asked = service.http().get(Get { url: &url, ..get }).await;
        asked.map_err(|error| self.explained(get.url, error)).context("url", get.url)
    }

    async fn head(&self, url: &str) -> Result<ObjectInfo> {
        let (service, address) = self.place(url).await.context("url", url)?;
        let asked = service.http().head(&address).await;
        asked.map_err(|error| self.explained(url, error)).context("url", url)
    }
}

/// Opens blobs. What it gives is checked against the CID; what cannot be checked is not given.
struct BlobOpener {
    remote: Remote,
}

impl BlobOpener {
    async fn verified(&self, url: &str) -> Result<ShardBody> {
        let address: BlobAddress = url.parse()?;
        let body = self.remote.open(url).await?;
        let size = body.size();
        let located = url.to_owned();
        let chunks = verified(address.cid, body.into_chunks());
        let chunks = chunks.map(move |chunk| chunk.context("url", &located)).boxed();
        Ok(ShardBody::stream(size, chunks).with_version(Some(address.cid.to_string())))
    }
}

impl fmt::Debug for BlobOpener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobOpener").field("remote", &self.remote).finish()
    }
}

#[async_trait]
impl ShardOpener for BlobOpener {
    async fn open(&self, url: &str) -> Result<ShardBody> {
        self.verified(url).await
    }

    async fn size(&self, url: &str) -> Result<Option<u64>> {
        let _: BlobAddress = url.parse()?;
        self.remote.size(url).await
    }

    /// Reads the whole blob for it: a part of it could not be checked. Put a [`Cache`](atdata_core::remote::Cache) around
    /// the opener for random access.
    async fn read_range(&self, url: &str, range: Range<u64>) -> Result<Bytes> {
        Ok(self.read_range_with_size(url, range).await?.0)
    }

    fn range_tells_size(&self, _url: &str) -> bool {
        true
    }

    async fn read_range_with_size(&self, url: &str, range: Range<u64>) -> Result<(Bytes, Option<u64>)> {
        if range.start > range.end {
            return Err(Error::invalid("a range ends before it begins").with("offset", range.start));
        }
        let mut chunks = self.verified(url).await?.into_chunks();
        let (mut part, mut at) = (BytesMut::new(), 0);
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk?;
            let place =
                |byte: u64| usize::try_from(byte.saturating_sub(at)).unwrap_or(usize::MAX).min(chunk.len());
            part.extend_from_slice(chunk.get(place(range.start)..place(range.end)).unwrap_or_default());
            at += chunk.len() as u64;
        }
        if range.end > at {
            let end = range.end;
            return Err(Error::corrupt(format!("the shard has {at} bytes, but byte {end} was to be read"))
                .with("url", url));
        }
        Ok((part.freeze(), Some(at)))
    }

    async fn version(&self, url: &str) -> Result<Option<String>> {
        // A blob never changes; but whether it is still there is the server's to say.
        self.remote.size(url).await?;
        Ok(Some(url.parse::<BlobAddress>()?.cid.to_string()))
    }

    /// A DID leads to a server of the public network, or to one that the user allowed, whoever names it.
    fn untrusted(&self) -> Option<Arc<dyn ShardOpener>> {
        Some(Arc::new(Self { remote: self.remote.clone() }))
    }
}

/// Opens blobs (`at://{did}/blob/{cid}`), for a [`Registry`] or a [`Cache`](atdata_core::remote::Cache).
///
/// ```
/// use atdata_atmosphere::{Atmosphere, AtmosphereOptions};
/// use atdata_core::remote::Cache;
/// use atdata_core::source::Registry;
///
/// # fn example(directory: &std::path::Path) -> atdata_core::Result<()> {
/// let atmosphere = Atmosphere::anonymous(AtmosphereOptions::default());
/// let cache = Cache::open(directory, 100 << 30)?;
/// let mut registry = Registry::default();
/// registry.register("at", cache.wrap(atdata_atmosphere::opener(&atmosphere)));
/// # Ok(())
/// # }
/// ```
pub fn opener(atmosphere: &Atmosphere) -> Arc<dyn ShardOpener> {
    let client = BlobClient { atmosphere: atmosphere.clone() };
    let remote =
        atmosphere.inner.options.http.remote.clone().with_retry(atmosphere.inner.options.retry.clone());
    // Servers that give parts give them through redirects to other servers; nothing is gained by many at once.
    let remote = remote.with_parallel(atdata_core::remote::ParallelReads::OFF);
    Arc::new(BlobOpener { remote: Remote::new(Arc::new(client), remote) })
}

/// Lets a registry open blobs.
///
/// ```
/// use atdata_atmosphere::{Atmosphere, AtmosphereOptions};
///
/// let mut registry = atdata_core::source::Registry::default();
/// atdata_atmosphere::register(&mut registry, &Atmosphere::anonymous(AtmosphereOptions::default()));
/// assert!(registry.schemes().any(|scheme| scheme == "at"));
/// ```
pub fn register(registry: &mut Registry, atmosphere: &Atmosphere) {
    registry.register("at", opener(atmosphere));
}

/// Shards in blobs, by address. Every byte is checked against the blob's CID before the last sample is delivered.
///
/// ```
/// use atdata_atmosphere::{Atmosphere, AtmosphereOptions, BlobSource};
/// use atdata_core::DataSource;
///
/// # futures::executor::block_on(async {
/// let atmosphere = Atmosphere::anonymous(AtmosphereOptions::default());
/// let blob = "at://did:plc:abc/blob/bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq";
/// let source = BlobSource::new(&atmosphere, [blob.parse()?])?;
/// assert_eq!(source.list_shards().await?, [blob]);
/// # Ok::<(), atdata_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct BlobSource {
    shards: UrlSource,
}

impl BlobSource {
    /// Names the blobs. Nothing is contacted.
    ///
    /// # Errors
    /// [`Invalid`](atdata_core::ErrorKind::Invalid) for more than 1,000,000 of them.
    pub fn new(atmosphere: &Atmosphere, blobs: impl IntoIterator<Item = BlobAddress>) -> Result<Self> {
        let mut registry = Registry::empty();
        register(&mut registry, atmosphere);
        let urls = blobs.into_iter().map(|blob| blob.to_string());
        Ok(Self { shards: UrlSource::from_urls(urls, &registry)? })
    }
}

impl fmt::Debug for BlobSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobSource").field("shards", &self.shards).finish()
    }
}

#[async_trait]
impl DataSource for BlobSource {
    async fn list_shards(&self) -> Result<Vec<String>> {
        self.shards.list_shards().await
    }

    async fn open_shard(&self, id: &str) -> Result<ShardBody> {
        self.shards.open_shard(id).await
    }

    async fn shard_size(&self, id: &str) -> Result<Option<u64>> {
        self.shards.shard_size(id).await
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
}
