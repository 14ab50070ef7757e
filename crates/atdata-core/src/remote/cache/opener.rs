//! Shards from the cache, or from where they are.

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use sha2::{Digest, Sha256};

use super::Cache;
use super::entry::{BLOCK, Entry, MAX_VERSION, Sum, file_length};
use super::write::{Writer, keeping, not_kept};
use crate::offload::offload;
use crate::source::ShardOpener;
use crate::{Error, Result, ShardBody};

/// How many blocks are read at once.
const AT_ONCE: u64 = 4;

/// See [`Cache::wrap`].
pub(super) struct CachedOpener {
    cache: Cache,
    inner: Arc<dyn ShardOpener>,
    /// Strangers do not share what the user may read.
    realm: &'static str,
    /// The shards whose version was compared. Parts are read without asking again.
    current: Mutex<HashSet<Sum>>,
}

impl CachedOpener {
    pub(super) fn new(cache: Cache, inner: Arc<dyn ShardOpener>) -> Self {
        Self { cache, inner, realm: "", current: Mutex::default() }
    }

    fn address(&self, url: &str) -> Sum {
        Sha256::new().chain_update(self.realm).chain_update("\0").chain_update(url).finalize().into()
    }

    fn current(&self) -> std::sync::MutexGuard<'_, HashSet<Sum>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn find(&self, address: Sum) -> Result<Option<Entry>> {
        let directory = self.cache.directory.clone();
        offload(move || directory.find(&address)).await
    }

    /// The kept shard of an address, if it is what the server has.
    async fn kept(&self, url: &str, address: Sum) -> Result<Option<Entry>> {
        let Some(entry) = self.find(address).await? else { return Ok(None) };
        if !self.cache.immutable {
            let version = self.inner.version(url).await?;
            if version.is_none() || version != entry.version {
                self.current().remove(&address);
                return Ok(None);
            }
        }
        self.current().insert(address);
        Ok(Some(entry))
    }

    /// As [`kept`](Self::kept), asking the server once only.
    async fn kept_once(&self, url: &str, address: Sum) -> Result<Option<Entry>> {
        let known = self.current().contains(&address);
        if known { self.find(address).await } else { self.kept(url, address).await }
    }

    /// Keeps a shard that was just opened, if it can be.
    async fn keep(&self, address: Sum, body: ShardBody) -> Result<ShardBody> {
        let version = body.version().map(str::to_owned);
        let suits = body.as_resident().is_none()
            && (version.is_some() || self.cache.immutable)
            && version.as_ref().is_none_or(|version| version.len() <= MAX_VERSION);
        let Some(length) = body.size().filter(|_| suits) else { return Ok(body) };
        let (directory, size) = (self.cache.directory.clone(), file_length(length, version.as_deref()));
        match offload(move || directory.reserve(size)).await? {
            Ok(Some(part)) => {
                let directory = self.cache.directory.clone();
                let writer = Writer::new(directory, part, address, version.clone(), length);
                let chunks = keeping(body.into_chunks(), writer);
                Ok(ShardBody::stream(Some(length), chunks).with_version(version))
            }
            Ok(None) => Ok(body),
            Err(error) => {
                not_kept(&error);
                Ok(body)
            }
        }
    }

    fn read(&self, url: &str, address: Sum, entry: Entry) -> ShardBody {
        let (length, version) = (entry.length, entry.version.clone());
        let reading = Reading {
            entry,
            next: 0,
            url: url.to_owned(),
            address,
            cache: self.cache.clone(),
            inner: self.inner.clone(),
            again: None,
        };
        let chunks = stream::unfold(Some((reading, Vec::new().into_iter())), |state| async {
            let (mut reading, mut ready): (Reading, std::vec::IntoIter<Bytes>) = state?;
            if ready.len() == 0 {
                ready = match reading.blocks().await {
                    Ok(blocks) => blocks.into_iter(),
                    Err(error) => return Some((Err(error), None)),
                };
            }
            Some((Ok(ready.next()?), Some((reading, ready))))
        });
        ShardBody::stream(Some(length), chunks.boxed()).with_version(version)
    }
}

/// A kept shard that is being read.
struct Reading {
    entry: Entry,
    /// The next block.
    next: u64,
    url: String,
    address: Sum,
    cache: Cache,
    inner: Arc<dyn ShardOpener>,
    /// The shard from where it is, after a damaged block was found.
    again: Option<Again>,
}

struct Again {
    chunks: BoxStream<'static, Result<Bytes>>,
    block: u64,
    buffer: BytesMut,
}

impl Reading {
    /// The next blocks; none after the last.
    async fn blocks(&mut self) -> Result<Vec<Bytes>> {
        if self.next >= self.entry.blocks() {
            return Ok(Vec::new());
        }
        if self.again.is_none() {
            let found = self.whole_blocks().await?;
            if !found.is_empty() {
                self.next += found.len() as u64;
                return Ok(found);
            }
            tracing::warn!("a shard in the cache is damaged; it is read from the server again");
            let (directory, address) = (self.cache.directory.clone(), self.address);
            offload(move || directory.remove(&address)).await?;
            let chunks = self.inner.open(&self.url).await?.into_chunks();
            self.again = Some(Again { chunks, block: 0, buffer: BytesMut::new() });
        }
        let block = self.block_again().await?;
        self.next += 1;
        Ok(vec![block])
    }

    async fn whole_blocks(&mut self) -> Result<Vec<Bytes>> {
        let blocks = self.next..self.next.saturating_add(AT_ONCE).min(self.entry.blocks());
        let mut entry = self.entry.try_clone()?;
        offload(move || entry.read(blocks)).await
    }

    /// The next block from the server, which has to be what was kept, as all before it.
    async fn block_again(&mut self) -> Result<Bytes> {
        let Some(again) = &mut self.again else { return Ok(Bytes::new()) };
        loop {
            let place = self.entry.place(again.block);
            let length = usize::try_from(place.end.saturating_sub(place.start)).unwrap_or(usize::MAX);
            while again.buffer.len() < length {
                match again.chunks.next().await {
                    Some(chunk) => again.buffer.extend_from_slice(&chunk?),
                    None => return Err(changed(&self.url)),
                }
            }
            let bytes = again.buffer.split_to(length).freeze();
            if !self.entry.proves(again.block, &bytes) {
                return Err(changed(&self.url));
            }
            again.block += 1;
            if again.block > self.next {
                return Ok(bytes);
            }
        }
    }
}

fn changed(url: &str) -> Error {
    Error::conflict(
        "the shard in the cache was damaged, and the server's is another one by now; begin again with it",
    )
    .with("url", url)
}

#[async_trait]
impl ShardOpener for CachedOpener {
    async fn open(&self, url: &str) -> Result<ShardBody> {
        let address = self.address(url);
        match self.kept(url, address).await? {
            Some(entry) => Ok(self.read(url, address, entry)),
            None => self.keep(address, self.inner.open(url).await?).await,
        }
    }

    async fn size(&self, url: &str) -> Result<Option<u64>> {
        match self.kept_once(url, self.address(url)).await? {
            Some(entry) => Ok(Some(entry.length)),
            None => self.inner.size(url).await,
        }
    }

    async fn resident(&self, url: &str) -> Result<Option<Bytes>> {
        self.inner.resident(url).await
    }

    async fn read_range(&self, url: &str, range: Range<u64>) -> Result<Bytes> {
        Ok(self.read_range_with_size(url, range).await?.0)
    }

    fn range_tells_size(&self, url: &str) -> bool {
        self.inner.range_tells_size(url)
    }

    async fn read_range_with_size(&self, url: &str, range: Range<u64>) -> Result<(Bytes, Option<u64>)> {
        let kept = self.kept_once(url, self.address(url)).await?;
        let Some(mut entry) = kept.filter(|entry| range.start < range.end && range.end <= entry.length)
        else {
            return self.inner.read_range_with_size(url, range).await;
        };
        let (length, blocks) = (entry.length, range.start / BLOCK..range.end.div_ceil(BLOCK));
        let wanted = blocks.end - blocks.start;
        let first = entry.place(blocks.start).start;
        let found = offload(move || entry.read(blocks)).await?;
        if found.len() as u64 != wanted {
            // It is found again, and replaced, when the shard is opened.
            return self.inner.read_range_with_size(url, range).await;
        }
        let joined: Bytes = match <[Bytes; 1]>::try_from(found) {
            Ok([block]) => block,
            Err(blocks) => blocks.concat().into(),
        };
        let part = crate::protocol::slice(&joined, &(range.start - first..range.end - first))?;
        Ok((part, Some(length)))
    }

    async fn open_index(&self, url: &str) -> Result<Option<Bytes>> {
        self.inner.open_index(url).await
    }

    async fn version(&self, url: &str) -> Result<Option<String>> {
        self.inner.version(url).await
    }

    fn untrusted(&self) -> Option<Arc<dyn ShardOpener>> {
        let inner = self.inner.untrusted()?;
        Some(Arc::new(Self {
            cache: self.cache.clone(),
            inner,
            realm: "untrusted",
            current: Mutex::default(),
        }))
    }
}

impl fmt::Debug for CachedOpener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CachedOpener").field("inner", &self.inner).finish_non_exhaustive()
    }
}
